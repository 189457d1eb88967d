//! The cases, the guests that do them, and the targets.

use super::figures::Figure;

/// A guest that does the cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guest {
    /// The kernel of `kernels/bench`.
    Ours,
    /// Debian's Linux; Xen emulates its time-stamp counter.
    Linux,
    /// Debian's Linux with `tsc_mode="native"`.
    LinuxNative,
}

impl Guest {
    /// In the order of boots: the slowest ones first.
    pub(super) const ALL: [Guest; 3] = [Guest::Linux, Guest::LinuxNative, Guest::Ours];

    pub(super) fn name(self) -> &'static str {
        match self {
            Guest::Ours => "ours",
            Guest::Linux => "linux",
            Guest::LinuxNative => "linux-native",
        }
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Guest::Ours => "ours",
            Guest::Linux => "Linux",
            Guest::LinuxNative => "Linux, native TSC",
        }
    }
}

/// Method of our kernel to wait for events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// `hlt`, until an upcall.
    Upcall,
    /// `SCHEDOP_poll`.
    Poll,
}

impl Wait {
    /// Returns the name on the kernel's command line and in the table.
    pub(super) fn name(self) -> &'static str {
        match self {
            Wait::Upcall => "upcall",
            Wait::Poll => "poll",
        }
    }
}

/// Buffers of our kernel's requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Buffers {
    /// Memory that stays granted to the backend.
    ZeroCopy,
    /// Private memory, which the driver copies through pages that stay granted.
    OneCopy,
}

impl Buffers {
    /// Returns the name on the kernel's command line.
    fn word(self) -> &'static str {
        match self {
            Buffers::ZeroCopy => "dma",
            Buffers::OneCopy => "private",
        }
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Buffers::ZeroCopy => "zero-copy",
            Buffers::OneCopy => "one copy",
        }
    }
}

/// Method of our kernel to do a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Variant {
    pub(super) buffers: Buffers,
    pub(super) wait: Wait,
}

impl Variant {
    /// In the order in which the kernel does them, each with all cases: it connects the disk anew
    /// for other buffers.
    pub(super) const ALL: [Variant; 3] = [
        Variant { buffers: Buffers::ZeroCopy, wait: Wait::Upcall },
        Variant { buffers: Buffers::ZeroCopy, wait: Wait::Poll },
        Variant { buffers: Buffers::OneCopy, wait: Wait::Upcall },
    ];

    pub(super) fn title(self) -> String {
        format!("{}, {}", self.buffers.title(), self.wait.name())
    }
}

/// Least speed of our kernel, as a multiple of Linux's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Target {
    pub(super) linux: f64,
    pub(super) native: f64,
}

/// One operation of a disk.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) what: &'static str,
    /// Name of the access, for fio and for our kernel.
    pub(super) access: &'static str,
    /// KiB of a transfer.
    pub(super) kib: u64,
    /// Transfers in flight.
    pub(super) depth: u64,
    /// Number of transfers in our kernel, in Linux, and in Linux with a native TSC: each about a
    /// second of virtual time.
    counts: [u64; 3],
    zero_copy: Target,
    one_copy: Target,
}

impl Case {
    pub(super) fn target(&self, buffers: Buffers) -> Target {
        match buffers {
            Buffers::ZeroCopy => self.zero_copy,
            Buffers::OneCopy => self.one_copy,
        }
    }

    /// Returns the number of transfers of a guest; a quick run does a quarter.
    pub(super) fn count(&self, guest: Guest, quick: bool) -> u64 {
        let [ours, linux, native] = self.counts;
        let count = match guest {
            Guest::Ours => ours,
            Guest::Linux => linux,
            Guest::LinuxNative => native,
        };
        if quick { count / 4 } else { count }
    }
}

const fn target(linux: f64, native: f64) -> Target {
    Target { linux, native }
}

pub(super) const CASES: [Case; 5] = [
    Case {
        name: "block/randread-qd1",
        what: "random read of 4 KiB",
        access: "randread",
        kib: 4,
        depth: 1,
        counts: [8_000, 2_000, 4_000],
        zero_copy: target(6.0, 2.4),
        one_copy: target(6.0, 2.4),
    },
    Case {
        name: "block/randread-qd32",
        what: "random read of 4 KiB, 32 in flight",
        access: "randread",
        kib: 4,
        depth: 32,
        counts: [40_000, 4_000, 12_000],
        zero_copy: target(24.0, 4.5),
        one_copy: target(24.0, 4.5),
    },
    Case {
        name: "block/randwrite-qd32",
        what: "random write of 4 KiB, 32 in flight",
        access: "randwrite",
        kib: 4,
        depth: 32,
        counts: [40_000, 4_000, 12_000],
        zero_copy: target(19.0, 3.6),
        one_copy: target(19.0, 3.6),
    },
    Case {
        name: "block/read-128k",
        what: "read of 128 KiB, 8 in flight",
        access: "read",
        kib: 128,
        depth: 8,
        counts: [6_000, 2_000, 3_000],
        zero_copy: target(4.8, 2.2),
        one_copy: target(3.6, 1.7),
    },
    Case {
        name: "block/write-128k",
        what: "write of 128 KiB, 8 in flight",
        access: "write",
        kib: 128,
        depth: 8,
        counts: [6_000, 2_000, 3_000],
        zero_copy: target(3.9, 2.0),
        one_copy: target(3.0, 1.5),
    },
];

/// The first read of each boot, which is always measured.
pub(super) const FIRST_READ: &str = "block/first-read";

/// Most milliseconds from the kernel's entry to the end of the first read.
pub(super) const FIRST_READ_TARGET: f64 = 25.0;

/// Returns the speed of our kernel as a multiple of a Linux guest's.
pub(super) fn ratio(ours: &Figure, linux: &Figure) -> f64 {
    ours.per_second() / linux.per_second()
}

/// Returns the cases whose names contain `filter`.
pub(super) fn chosen(filter: Option<&str>) -> Vec<&'static Case> {
    CASES.iter().filter(|case| filter.is_none_or(|part| case.name.contains(part))).collect()
}

/// Returns the words of our kernel's command line; upcalls come by the vector of the domain, which
/// needs no end of interrupt.
pub(super) fn command_line(cases: &[&Case], quick: bool) -> String {
    let mut line = "callback".to_owned();
    for Variant { buffers, wait } in Variant::ALL {
        for case in cases {
            let count = case.count(Guest::Ours, quick);
            let Case { access, kib, depth, .. } = case;
            let (buffers, wait) = (buffers.word(), wait.name());
            line += &format!(" case={access}:{kib}:{depth}:{count}:{wait}:{buffers}");
        }
    }
    line
}

/// Returns the jobs of fio, which are named `INDEX_KIB`. A job that is not counted comes first, so
/// that neither end allocates later.
pub(super) fn fio_jobs(cases: &[&Case], guest: Guest, quick: bool) -> String {
    let mut jobs = "[global]\nfilename=/dev/xvda\nioengine=libaio\ndirect=1\nnorandommap\n\
        stonewall\n\n"
        .to_owned();
    jobs += "[warm-up]\nrw=randread\nbs=128k\niodepth=8\nio_size=8m\n";
    for (index, case) in cases.iter().enumerate() {
        let Case { access, kib, depth, .. } = case;
        let size = kib * case.count(guest, quick);
        jobs += &format!(
            "\n[{index}_{kib}]\nrw={access}\nbs={kib}k\niodepth={depth}\nio_size={size}k\n\
             exec_prerun=mark begin\nexec_postrun=mark end\n"
        );
    }
    jobs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filter_chooses_cases() {
        let names = |filter| chosen(filter).iter().map(|case| case.name).collect::<Vec<_>>();
        assert_eq!(names(None).len(), CASES.len());
        assert_eq!(names(Some("randread")), ["block/randread-qd1", "block/randread-qd32"]);
        assert!(names(Some("net/")).is_empty());
    }

    #[test]
    fn command_line_has_each_variant() {
        let line = command_line(&chosen(Some("qd1")), true);
        let case = "case=randread:4:1:2000";
        let expected = format!("callback {case}:upcall:dma {case}:poll:dma {case}:upcall:private");
        assert_eq!(line, expected);
        // Xen's tools and the kernel take a page at most.
        assert!(command_line(&chosen(None), false).len() < 1024);
    }

    #[test]
    fn fio_jobs_are_marked_and_sized() {
        let jobs = fio_jobs(&chosen(Some("128k")), Guest::Linux, false);
        assert_eq!(jobs.matches("exec_prerun=mark begin\nexec_postrun=mark end").count(), 2);
        assert!(jobs.contains("[1_128]\nrw=write\nbs=128k\niodepth=8\nio_size=256000k\n"));
    }
}
