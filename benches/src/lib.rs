//! Benchmarks of what every request, event, grant and operation on xenstore goes through, each the
//! twin of one in C (`benches/c`).
//!
//! `cargo xtask bench` builds both halves, counts their instructions, and compares.

mod allocations;
mod events;
mod grants;
mod machine;
mod ring;
mod threads;
mod xenstore;

use std::time::Instant;

/// Result of a case's rounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Requests, ports, references or operations.
    pub units: u64,
    /// Events that were sent.
    pub notifications: u64,
    /// Time of the rounds.
    pub nanoseconds: u64,
    /// Number of heap allocations in the rounds.
    pub allocations: u64,
}

/// One benchmark.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Name, here and in C.
    pub name: &'static str,
    /// Prepares, and measures that many rounds.
    pub run: fn(u64) -> Outcome,
}

/// Lists all benchmarks.
pub fn cases() -> impl Iterator<Item = Case> {
    ring::CASES
        .into_iter()
        .chain(threads::CASES)
        .chain(events::CASES)
        .chain(grants::CASES)
        .chain(xenstore::CASES)
}

/// Hides a value from the compiler: its uses stay, and it lies in memory as a whole.
/// The twin of C's `OPAQUE`, and cheaper than [`black_box`](std::hint::black_box), which puts the
/// reference into memory too.
#[inline(always)]
fn opaque<T>(value: &mut T) {
    // SAFETY: no instruction.
    unsafe { std::arch::asm!("/* {} */", in(reg) value, options(nostack, preserves_flags)) };
}

/// Measures `rounds`, which counts units and notifications.
fn measured(rounds: impl FnOnce(&mut Outcome)) -> Outcome {
    let mut outcome = Outcome::default();
    let (start, before) = (Instant::now(), allocations::count());
    rounds(&mut outcome);
    outcome.allocations = allocations::count() - before;
    outcome.nanoseconds = start.elapsed().as_nanos() as u64;
    outcome
}
