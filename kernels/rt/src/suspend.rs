//! The kernel's part of a suspend: the other vCPUs are parked, and the domain's state in Xen is set
//! up again.

use crate::platform::Rt;
use crate::vcpus::{self, VCPUS};
use crate::{cpu, debug, events, interrupts, machine, timers};
use core::time::Duration;
use heapless::Vec;
use xen_guest::{VcpuPark, vcpu};
use xen_hypercall::Errno;
use xen_hypercall::ops::sched::SuspendOutcome;

/// Maximum time of a vCPU to park.
const TIMEOUT: Duration = Duration::from_secs(1);

static PARK: VcpuPark = VcpuPark::new();

/// Suspends the domain, from the first vCPU.
///
/// # Errors
///
/// `EINVAL` on another vCPU, `EBUSY` if another one took no upcall for a second; the refusals of
/// Xen.
pub(crate) fn suspend() -> Result<SuspendOutcome, Errno> {
    stop(false)
}

/// Resets the domain softly, from the first vCPU.
///
/// # Errors
///
/// Those of [`suspend`].
pub(crate) fn soft_reset() -> Result<SuspendOutcome, Errno> {
    stop(true)
}

fn stop(is_reset: bool) -> Result<SuspendOutcome, Errno> {
    if cpu::current() != 0 {
        return Err(Errno::EINVAL);
    }
    let services = events::services().ok_or(Errno::ENODEV)?;
    let others: Vec<u32, VCPUS> = up().collect();
    let set_upcalls = || {
        timers::forget();
        let mut vcpus = core::iter::once(0).chain(others.iter().copied());
        vcpus.try_for_each(|vcpu| interrupts::set_upcall(vcpu).map(drop))?;
        debug::resume()
    };
    // SAFETY: `others` are all that were started and are up, and each ends its upcalls with
    // `park_if_requested`; ports, grants and rings are the drivers', which have their own `resume`.
    let outcome = unsafe {
        if is_reset {
            services.soft_reset(&PARK, &others, TIMEOUT, set_upcalls)
        } else {
            services.suspend(&PARK, &others, TIMEOUT, set_upcalls)
        }
    }?;
    if outcome == SuspendOutcome::Resumed {
        // The device model is another one.
        machine::resume_devices();
    }
    Ok(outcome)
}

/// Returns the other vCPUs that run; stopped vCPUs stay stopped.
fn up() -> impl Iterator<Item = u32> {
    vcpus::others().filter(|&other| vcpu::is_up(&Rt::new(), other) == Ok(true))
}

/// Runs at the end of each upcall: parks this vCPU while the first one suspends the domain.
pub(crate) fn park_if_requested() {
    let current = cpu::current();
    if current != 0 {
        PARK.park_if_requested(|| events::resume_vcpu(current));
    }
}
