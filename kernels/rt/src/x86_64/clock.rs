//! The clock: Xen's system time.

use super::cpu;
use crate::events;
use core::time::Duration;
use xen_guest::SystemClock;
use xen_guest::arch::Tsc;
use xen_guest::clock::TimeInfo;
use xen_guest::wall_clock::{self, WallClockError};
use xen_hypercall::{Instant, SharedMem};

/// The tick counter.
pub(crate) type Ticks = Tsc;

pub(crate) static CLOCK: SystemClock<Tsc> = SystemClock::new(Tsc);

/// Returns the present moment; zero before shared info is in place.
pub(crate) fn now() -> Instant {
    let Some(page) = events::shared_info() else { return Instant::default() };
    let vcpu = cpu::current();
    match TimeInfo::of_vcpu(page, vcpu) {
        Some(time) => CLOCK.now_from(time),
        None => registered(vcpu).map_or_else(|| CLOCK.now(page, vcpu), |time| CLOCK.now_from(time)),
    }
}

/// Returns the time information of a vCPU that has no place in shared info.
#[cold]
fn registered(vcpu: u32) -> Option<TimeInfo<'static>> {
    let (memory, offset) = events::events()?.vcpu_info_at(vcpu)?;
    TimeInfo::of_vcpu_info(memory, offset)
}

/// Returns the time of day.
pub(crate) fn time_of_day(shared_info: &SharedMem) -> Result<Duration, WallClockError> {
    wall_clock::at(shared_info, &CLOCK, now())
}
