//! The benchmarks, and what is asked of each.

/// What a benchmark has to reach.
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
    /// As both programs know it.
    pub(super) name: &'static str,
    pub(super) what: &'static str,
    pub(super) target: Target,
    /// Rounds of a run under callgrind; a second one has eleven times as many.
    pub(super) counted_rounds: u64,
    /// Rounds of a run that is timed.
    pub(super) timed_rounds: u64,
}

impl Case {
    /// Tells whether instructions are the figure.
    pub(super) fn counted(&self) -> bool {
        matches!(self.target, Target::Instructions(_))
    }
}

const fn counted(name: &'static str, what: &'static str, timed_rounds: u64) -> Case {
    Case { name, what, target: Target::Instructions(1.0), counted_rounds: 100, timed_rounds }
}

const fn threads(name: &'static str, what: &'static str, timed_rounds: u64) -> Case {
    Case { name, what, target: Target::Throughput(1.0), counted_rounds: 0, timed_rounds }
}

pub(super) const ROWS: [Case; 7] = [
    counted("ring/1", "block request there and back, batch 1", 2_000_000),
    counted("ring/8", "block request there and back, batch 8", 500_000),
    counted("ring/32", "block request there and back, batch 32", 150_000),
    threads("threads/8/0", "between two threads, batch 8, one page", 50_000),
    threads("threads/8/2", "between two threads, batch 8, four pages", 50_000),
    threads("threads/32/0", "between two threads, batch 32, one page", 20_000),
    threads("threads/32/2", "between two threads, batch 32, four pages", 20_000),
];
