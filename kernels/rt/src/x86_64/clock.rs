//! The clock: Xen's system time.

use super::cpu;
use crate::events;
use core::time::Duration;
use xen_guest::SystemClock;
use xen_guest::arch::Tsc;
use xen_guest::wall_clock::{self, WallClockError};
use xen_hypercall::{Instant, SharedMem};

/// The tick counter.
pub(crate) type Ticks = Tsc;

pub(crate) static CLOCK: SystemClock<Tsc> = SystemClock::new(Tsc);

/// Returns the present moment; zero before shared info is in place.
pub(crate) fn now() -> Instant {
    let shared_info = events::shared_info();
    shared_info.map_or(Instant::default(), |page| CLOCK.now(page, cpu::current()))
}

/// Returns the time of day.
pub(crate) fn time_of_day(shared_info: &SharedMem) -> Result<Duration, WallClockError> {
    wall_clock::at(shared_info, &CLOCK, now())
}
