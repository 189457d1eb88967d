//! The benchmarks, and what is asked of each.

use xenstored::conformance::Peer;
use xenstored::conformance::Peer::{Oxenstored420 as OCAML, Xenstored420 as C};

/// Target of a benchmark.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    /// At most this many times C's instructions.
    Instructions(f64),
    /// At least this many times what C gets done in the same time, with no more notifications.
    Throughput(f64),
}

/// One benchmark.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) name: &'static str,
    /// Name in both programs.
    pub(super) argument: &'static str,
    /// The server that both talk to.
    pub(super) server: Option<Peer>,
    pub(super) what: &'static str,
    pub(super) target: Target,
    /// Rounds of a run under callgrind.
    pub(super) counted_rounds: u64,
    /// The functions whose instructions count, with their callees: names in Rust, and in C, whose
    /// compiler adds suffixes.
    pub(super) functions: [&'static [&'static str]; 2],
    /// Rounds of a run that is timed.
    pub(super) timed_rounds: u64,
}

impl Case {
    /// Returns the factor for the number of pairs of runs. Runs between threads are short, so that
    /// many are undisturbed.
    pub(super) fn more_pairs(&self) -> usize {
        if self.between_threads() { 30 } else { 1 }
    }

    /// Returns whether two threads do the work.
    pub(super) fn between_threads(&self) -> bool {
        !self.counted() && self.server.is_none()
    }

    /// Returns whether instructions are the figure.
    pub(super) fn counted(&self) -> bool {
        matches!(self.target, Target::Instructions(_))
    }
}

const fn counted(
    name: &'static str,
    what: &'static str,
    functions: [&'static [&'static str]; 2],
    timed_rounds: u64,
) -> Case {
    let counted_rounds = if timed_rounds < 10_000 { 100 } else { 1000 };
    let target = Target::Instructions(1.0);
    Case {
        name,
        argument: name,
        server: None,
        what,
        target,
        counted_rounds,
        functions,
        timed_rounds,
    }
}

const fn threads(name: &'static str, what: &'static str, timed_rounds: u64) -> Case {
    timed(name, name, None, what, Target::Throughput(1.0), timed_rounds)
}

const fn store(
    server: Peer,
    name: &'static str,
    argument: &'static str,
    what: &'static str,
    target: f64,
) -> Case {
    timed(name, argument, Some(server), what, Target::Throughput(target), 1_200)
}

const fn timed(
    name: &'static str,
    argument: &'static str,
    server: Option<Peer>,
    what: &'static str,
    target: Target,
    timed_rounds: u64,
) -> Case {
    Case {
        name,
        argument,
        server,
        what,
        target,
        counted_rounds: 0,
        functions: [&[], &[]],
        timed_rounds,
    }
}

const RING: [&[&str]; 2] = [
    &["xen_bench::ring::submit", "xen_bench::ring::serve", "xen_bench::ring::complete"],
    &["submit*", "serve*", "complete*"],
];
const SCAN_TWO_LEVEL: [&[&str]; 2] = [&["xen_bench::events::scan"], &["scan_two_level*"]];
const SCAN_FIFO: [&[&str]; 2] = [&["xen_bench::events::scan"], &["scan_fifo*"]];
const GRANT: [&[&str]; 2] = [&["xen_bench::grants::grant_and_end"], &["grant_and_end*"]];
const GRANT_FRAMES: [&[&str]; 2] =
    [&["xen_bench::grants::grant_frames_and_end"], &["grant_and_end*"]];

pub(super) const ROWS: [Case; 27] = [
    counted("ring/1", "block request there and back, batch 1", RING, 2_000_000),
    counted("ring/8", "block request there and back, batch 8", RING, 500_000),
    counted("ring/32", "block request there and back, batch 32", RING, 150_000),
    threads("threads/8/0", "between two threads, batch 8, one page", 4_000),
    threads("threads/8/2", "between two threads, batch 8, four pages", 4_000),
    threads("threads/32/0", "between two threads, batch 32, one page", 1_500),
    threads("threads/32/2", "between two threads, batch 32, four pages", 1_500),
    counted("scan-2level/1", "scan for events, 2-level, 1 pending", SCAN_TWO_LEVEL, 2_000_000),
    counted("scan-2level/64", "scan for events, 2-level, 64 pending", SCAN_TWO_LEVEL, 100_000),
    counted("scan-2level/4096", "scan for events, 2-level, 4096 pending", SCAN_TWO_LEVEL, 2_000),
    counted("scan-fifo/1", "scan for events, FIFO, 1 pending", SCAN_FIFO, 2_000_000),
    counted("scan-fifo/64", "scan for events, FIFO, 64 pending", SCAN_FIFO, 100_000),
    counted("scan-fifo/4096", "scan for events, FIFO, 4096 pending", SCAN_FIFO, 2_000),
    counted("grant/1", "page granted and access ended", GRANT, 2_000_000),
    counted("grant/16", "16 pages granted as one and access ended", GRANT, 500_000),
    counted("grant-frames/1", "frame granted and access ended", GRANT_FRAMES, 2_000_000),
    counted("grant-frames/11", "11 frames granted and access ended", GRANT_FRAMES, 500_000),
    store(C, "xenstored/read", "xenstore/read", "read of a node, C xenstored", 1.0),
    store(C, "xenstored/write", "xenstore/write", "write of a node, C xenstored", 1.0),
    store(C, "xenstored/dir", "xenstore/directory", "list of a directory, C xenstored", 1.0),
    store(
        C,
        "xenstored/tx",
        "xenstore/transaction",
        "read and write in a transaction, C xenstored",
        1.0,
    ),
    store(C, "xenstored/pipe", "xenstore/pipelined", "15 reads at once, C xenstored", 3.0),
    store(OCAML, "oxenstored/read", "xenstore/read", "read of a node, oxenstored", 1.0),
    store(OCAML, "oxenstored/write", "xenstore/write", "write of a node, oxenstored", 1.0),
    store(OCAML, "oxenstored/dir", "xenstore/directory", "list of a directory, oxenstored", 1.0),
    store(
        OCAML,
        "oxenstored/tx",
        "xenstore/transaction",
        "read and write in a transaction, oxenstored",
        1.0,
    ),
    store(OCAML, "oxenstored/pipe", "xenstore/pipelined", "15 reads at once, oxenstored", 3.0),
];
