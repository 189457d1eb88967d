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
    /// Debian's Linux on arm64, where Xen never emulates the counter.
    LinuxArm64,
    /// The same guest as on x86, whose disk our driver domain serves.
    OnOurs,
    /// The same guest, whose disk a Linux driver domain serves.
    OnLinux,
    /// Our kernel, with another one as peer, both on our driver domain's network.
    PairOfOurs,
    /// Linux with a native TSC, with another one as peer, both on a Linux driver domain's network.
    PairOfLinux,
}

impl Guest {
    /// In the order of boots: the slowest ones first.
    pub(super) const FRONT: [Guest; 3] = [Guest::Linux, Guest::LinuxNative, Guest::Ours];
    pub(super) const ARM64: [Guest; 2] = [Guest::LinuxArm64, Guest::Ours];
    pub(super) const BACK: [Guest; 2] = [Guest::OnLinux, Guest::OnOurs];

    pub(super) const PAIRS: [Guest; 2] = [Guest::PairOfLinux, Guest::PairOfOurs];

    /// Returns whether it is our kernel.
    pub(super) fn is_ours(self) -> bool {
        matches!(self, Guest::Ours | Guest::PairOfOurs)
    }

    /// Returns whether its driver domain is ours; `None` without one.
    pub(super) fn has_our_backend(self) -> Option<bool> {
        match self {
            Guest::Ours | Guest::Linux | Guest::LinuxNative | Guest::LinuxArm64 => None,
            Guest::OnOurs | Guest::PairOfOurs => Some(true),
            Guest::OnLinux | Guest::PairOfLinux => Some(false),
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Guest::Ours => "ours",
            Guest::Linux | Guest::LinuxArm64 => "linux",
            Guest::LinuxNative => "linux-native",
            Guest::OnOurs => "on-ours",
            Guest::OnLinux => "on-linux",
            Guest::PairOfOurs => "pair-of-ours",
            Guest::PairOfLinux => "pair-of-linux",
        }
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Guest::Ours => "ours",
            Guest::Linux | Guest::LinuxArm64 => "Linux",
            Guest::LinuxNative => "Linux, native TSC",
            Guest::OnOurs => "Linux on our backend",
            Guest::OnLinux => "Linux on Linux's backend",
            Guest::PairOfOurs => "ours on our backend",
            Guest::PairOfLinux => "Linux on Linux's backend, to Linux",
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

/// Buffers of our kernel's requests and packets.
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
    /// In the order in which the kernel does them, each with all its cases: it connects the disk
    /// anew for other buffers.
    pub(super) const ALL: [Variant; 3] = [
        Variant { buffers: Buffers::ZeroCopy, wait: Wait::Upcall },
        Variant { buffers: Buffers::ZeroCopy, wait: Wait::Poll },
        Variant { buffers: Buffers::OneCopy, wait: Wait::Upcall },
    ];

    /// The one of a network interface, whose packets are copied through pages that stay granted.
    const NET: &'static [Variant] = &[Variant::ALL[2]];

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

/// Transfers of a disk.
#[derive(Clone, Copy, Debug)]
struct Transfer {
    /// Name of the access, for fio and for our kernel.
    access: &'static str,
    /// KiB of a transfer.
    kib: u64,
    /// Transfers in flight.
    depth: u64,
    zero_copy: Target,
    one_copy: Target,
}

/// Traffic of an interface, by a socket in Linux.
#[derive(Clone, Copy, Debug)]
struct Traffic {
    /// Name of the traffic, for `benches/xen/net.c` and for our kernel.
    kind: &'static str,
    /// Bytes of an operation.
    bytes: u64,
    target: Target,
}

#[derive(Clone, Copy, Debug)]
enum Work {
    Block(Transfer),
    Net(Traffic),
}

/// One operation of a device.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) what: &'static str,
    /// Number of operations in our kernel, in Linux, and in Linux with a native TSC: each about a
    /// second of virtual time.
    counts: [u64; 3],
    work: Work,
}

impl Case {
    /// Returns the methods in which our kernel does it.
    pub(super) fn variants(&self) -> &'static [Variant] {
        match self.work {
            Work::Block(_) => &Variant::ALL,
            Work::Net(_) => Variant::NET,
        }
    }

    pub(super) fn target(&self, buffers: Buffers) -> Target {
        match (&self.work, buffers) {
            (Work::Block(transfer), Buffers::ZeroCopy) => transfer.zero_copy,
            (Work::Block(transfer), Buffers::OneCopy) => transfer.one_copy,
            (Work::Net(traffic), _) => traffic.target,
        }
    }

    /// Returns the bytes of an operation.
    pub(super) fn bytes(&self) -> u64 {
        match &self.work {
            Work::Block(transfer) => transfer.kib * 1024,
            Work::Net(traffic) => traffic.bytes,
        }
    }

    /// Returns the number of operations of a guest; a quick run does a quarter.
    fn count(&self, guest: Guest, quick: bool) -> u64 {
        let [ours, linux, native] = self.counts;
        let count = match guest {
            Guest::Ours | Guest::PairOfOurs => ours,
            Guest::Linux => linux,
            Guest::LinuxNative
            | Guest::LinuxArm64
            | Guest::OnOurs
            | Guest::OnLinux
            | Guest::PairOfLinux => native,
        };
        if quick { count / 4 } else { count }
    }
}

const fn target(linux: f64, native: f64) -> Target {
    Target { linux, native }
}

/// Disks first, as in the Linux guest.
pub(super) const CASES: [Case; 10] = [
    Case {
        name: "block/randread-qd1",
        what: "random read of 4 KiB",
        counts: [8_000, 2_000, 4_000],
        work: Work::Block(Transfer {
            access: "randread",
            kib: 4,
            depth: 1,
            zero_copy: target(6.0, 2.4),
            one_copy: target(6.0, 2.4),
        }),
    },
    Case {
        name: "block/randread-qd32",
        what: "random read of 4 KiB, 32 in flight",
        counts: [40_000, 4_000, 12_000],
        work: Work::Block(Transfer {
            access: "randread",
            kib: 4,
            depth: 32,
            zero_copy: target(24.0, 4.5),
            one_copy: target(24.0, 4.5),
        }),
    },
    Case {
        name: "block/randwrite-qd32",
        what: "random write of 4 KiB, 32 in flight",
        counts: [40_000, 4_000, 12_000],
        work: Work::Block(Transfer {
            access: "randwrite",
            kib: 4,
            depth: 32,
            zero_copy: target(19.0, 3.6),
            one_copy: target(19.0, 3.6),
        }),
    },
    Case {
        name: "block/read-128k",
        what: "read of 128 KiB, 8 in flight",
        counts: [6_000, 2_000, 3_000],
        work: Work::Block(Transfer {
            access: "read",
            kib: 128,
            depth: 8,
            zero_copy: target(4.8, 2.2),
            one_copy: target(3.6, 1.7),
        }),
    },
    Case {
        name: "block/write-128k",
        what: "write of 128 KiB, 8 in flight",
        counts: [6_000, 2_000, 3_000],
        work: Work::Block(Transfer {
            access: "write",
            kib: 128,
            depth: 8,
            zero_copy: target(3.9, 2.0),
            one_copy: target(3.0, 1.5),
        }),
    },
    Case {
        name: "net/tcp-out",
        what: "64 KiB of a TCP stream to dom0",
        counts: [4_000, 2_500, 3_000],
        work: Work::Net(Traffic { kind: "tcp-out", bytes: 65_536, target: target(1.35, 1.2) }),
    },
    Case {
        name: "net/tcp-in",
        what: "64 KiB of a TCP stream from dom0",
        counts: [4_000, 2_500, 3_500],
        work: Work::Net(Traffic { kind: "tcp-in", bytes: 65_536, target: target(1.8, 1.25) }),
    },
    Case {
        name: "net/udp-out",
        what: "datagram of 64 bytes to dom0",
        counts: [50_000, 10_000, 20_000],
        work: Work::Net(Traffic { kind: "udp-out", bytes: 64, target: target(4.8, 2.3) }),
    },
    Case {
        name: "net/udp-in",
        what: "datagram of 64 bytes from dom0, none lost",
        counts: [40_000, 10_000, 20_000],
        work: Work::Net(Traffic { kind: "udp-in", bytes: 64, target: target(3.0, 3.0) }),
    },
    Case {
        name: "net/tcp-rr",
        what: "a byte by TCP to dom0 and back",
        counts: [6_000, 1_500, 3_000],
        work: Work::Net(Traffic { kind: "tcp-rr", bytes: 1, target: target(3.0, 3.0) }),
    },
];

/// The operations of a Linux guest on the disk of a driver domain.
pub(super) const BACK_CASES: [Case; 5] = [
    back("back/randread-qd1", &CASES[0]),
    back("back/randread-qd32", &CASES[1]),
    back("back/randwrite-qd32", &CASES[2]),
    back("back/read-128k", &CASES[3]),
    back("back/write-128k", &CASES[4]),
];

const fn back(name: &'static str, case: &Case) -> Case {
    Case { name, ..*case }
}

/// Least speed of a Linux guest on our driver domain, as a multiple of that on a Linux one.
pub(super) const BACK_TARGET: f64 = 1.5;

/// The operations of a guest with another one, on the network of a driver domain.
pub(super) const PAIR_CASES: [Case; 2] = [
    Case { what: "64 KiB of a TCP stream to a guest", ..back("pair/tcp-out", &CASES[5]) },
    Case { what: "a byte by TCP to a guest and back", ..back("pair/tcp-rr", &CASES[9]) },
];

/// Least speed of two guests of ours on our driver domain, as a multiple of that of Linux guests
/// on a Linux one.
pub(super) const PAIR_TARGET: f64 = 2.0;

/// The first read of each boot, which is always measured.
pub(super) const FIRST_READ: &str = "block/first-read";

/// Most milliseconds from the kernel's entry to the end of the first read.
pub(super) const FIRST_READ_TARGET: f64 = 25.0;

/// Returns the speed of our kernel as a multiple of a Linux guest's.
pub(super) fn ratio(ours: &Figure, linux: &Figure) -> f64 {
    ours.per_second() / linux.per_second()
}

/// Returns those of `cases` whose names contain `filter`.
pub(super) fn chosen(cases: &'static [Case], filter: Option<&str>) -> Vec<&'static Case> {
    cases.iter().filter(|case| filter.is_none_or(|part| case.name.contains(part))).collect()
}

/// Returns what our kernel measures in a boot, in its order: the index of a case, and the method.
pub(super) fn measurements(cases: &[&Case]) -> Vec<(usize, Variant)> {
    let of = |variant| {
        let cases = cases.iter().enumerate();
        let cases = cases.filter(move |(_, case)| case.variants().contains(&variant));
        cases.map(move |(index, _)| (index, variant))
    };
    Variant::ALL.into_iter().flat_map(of).collect()
}

/// Returns the words of our kernel's command line; upcalls come by the vector of the domain, which
/// needs no end of interrupt.
pub(super) fn command_line(cases: &[&Case], quick: bool) -> String {
    let mut line = "callback".to_owned();
    for (index, Variant { buffers, wait }) in measurements(cases) {
        let case = cases[index];
        let count = case.count(Guest::Ours, quick);
        let (buffers, wait) = (buffers.word(), wait.name());
        line += &match &case.work {
            Work::Block(Transfer { access, kib, depth, .. }) => {
                format!(" case={access}:{kib}:{depth}:{count}:{wait}:{buffers}")
            }
            Work::Net(Traffic { kind, .. }) => format!(" case={kind}:{count}"),
        };
    }
    line
}

/// Returns the words of `benches/xen/net.c` for a Linux guest.
pub(super) fn net_jobs(cases: &[&Case], guest: Guest, quick: bool) -> String {
    let mut jobs = String::new();
    for (index, case) in cases.iter().enumerate() {
        if let Work::Net(Traffic { kind, .. }) = &case.work {
            jobs += &format!("{index}:{kind}:{}\n", case.count(guest, quick));
        }
    }
    jobs
}

/// Returns the jobs of fio, which are named `INDEX_KIB`. A job that is not counted comes first, so
/// that neither end allocates later.
pub(super) fn fio_jobs(cases: &[&Case], guest: Guest, quick: bool) -> String {
    let mut jobs = "[global]\nfilename=/dev/xvda\nioengine=libaio\ndirect=1\nnorandommap\n\
        stonewall\n\n"
        .to_owned();
    jobs += "[warm-up]\nrw=randread\nbs=128k\niodepth=8\nio_size=8m\n";
    for (index, case) in cases.iter().enumerate() {
        let Work::Block(Transfer { access, kib, depth, .. }) = &case.work else { continue };
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
        let names =
            |filter| chosen(&CASES, filter).iter().map(|case| case.name).collect::<Vec<_>>();
        assert_eq!(names(None).len(), CASES.len());
        assert_eq!(names(Some("randread")), ["block/randread-qd1", "block/randread-qd32"]);
        assert!(names(Some("nvme/")).is_empty());
    }

    #[test]
    fn command_line_has_each_variant() {
        let line = command_line(&chosen(&CASES, Some("qd1")), true);
        let case = "case=randread:4:1:2000";
        let expected = format!("callback {case}:upcall:dma {case}:poll:dma {case}:upcall:private");
        assert_eq!(line, expected);
        // Xen's tools and the kernel take a page at most.
        assert!(command_line(&chosen(&CASES, None), false).len() < 1024);
    }

    #[test]
    fn net_cases_have_one_variant() {
        let cases = chosen(&CASES, Some("net/tcp"));
        assert_eq!(
            command_line(&cases, true),
            "callback case=tcp-out:1000 case=tcp-in:1000 case=tcp-rr:1500"
        );
        let jobs = net_jobs(&chosen(&CASES, None), Guest::Linux, false);
        assert!(jobs.starts_with("5:tcp-out:2500\n") && jobs.lines().count() == 5, "{jobs}");
    }

    #[test]
    fn fio_jobs_are_marked_and_sized() {
        let jobs = fio_jobs(&chosen(&CASES, Some("128k")), Guest::Linux, false);
        assert_eq!(jobs.matches("exec_prerun=mark begin\nexec_postrun=mark end").count(), 2);
        assert!(jobs.contains("[1_128]\nrw=write\nbs=128k\niodepth=8\nio_size=256000k\n"));
    }
}
