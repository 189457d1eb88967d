//! The clock: Xen's system time.

use crate::{events, vcpus};
use xen_guest::SystemClock;
use xen_guest::arch::Tsc;
use xen_guest::clock::TimeInfo;
use xen_hypercall::Instant;

pub(crate) static CLOCK: SystemClock<Tsc> = SystemClock::new(Tsc);

/// Returns the present moment; zero before shared info is in place.
pub(crate) fn now() -> Instant {
    let Some(page) = events::shared_info() else { return Instant::default() };
    let vcpu = vcpus::current();
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
