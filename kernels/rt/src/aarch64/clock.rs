//! The clock: Xen's system time, by the CPU's counter.

use crate::platform::Rt;
use core::time::Duration;
use spin::Once;
use xen_guest::SystemClock;
use xen_guest::arch::Counter;
use xen_guest::clock::CounterTime;
use xen_guest::wall_clock::{self, WallClockError};
use xen_hypercall::{Instant, SharedMem};

/// The tick counter.
pub(crate) type Ticks = Counter;

pub(crate) static CLOCK: SystemClock<Counter> = SystemClock::new(Counter);

static TIME: Once<CounterTime<Rt>> = Once::new();

/// Measures how far the counter is ahead of system time. Without it, time does not advance.
///
/// # Panics
///
/// If Xen refuses: the kernel cannot continue.
pub(crate) fn init() {
    let time = CounterTime::measure(Rt::new(), &Counter, Counter.frequency());
    TIME.call_once(|| time.unwrap_or_else(|errno| panic!("clock: {errno}")));
}

/// Returns the present moment; zero before `init`.
pub(crate) fn now() -> Instant {
    let time = TIME.get().and_then(CounterTime::info);
    time.map_or(Instant::default(), |time| CLOCK.now_from(time))
}

/// Returns the ticks of the counter at a moment of system time; `None` before `init`.
pub(super) fn ticks_at(at: Instant) -> Option<u64> {
    TIME.get().map(|time| time.ticks_at(at))
}

/// Returns the time of day.
pub(crate) fn time_of_day(shared_info: &SharedMem) -> Result<Duration, WallClockError> {
    let at_start = wall_clock::at_boot(shared_info)?;
    let start = TIME.get().map(CounterTime::counter_start).ok_or(WallClockError::NotSet)?;
    Ok(at_start.saturating_add(now().saturating_duration_since(start)))
}
