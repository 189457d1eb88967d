//! The kernel's part of a suspend: to stand still, and to set up again what Xen had for the domain.
//!
//! What is in the domain's memory and in its vCPUs comes along. Shared info, the way of upcalls and the event words don't, and the clock is
//! another host's.

use crate::platform::Rt;
use crate::{clock, events, vcpus};
use x86_64::instructions::interrupts as cpu;
use xen_hypercall::Errno;
use xen_hypercall::ops::sched::{self, Resumed};

/// Suspends the domain.
///
/// # Errors
///
/// `EBUSY` if other vCPUs were started; Xen's refusal. Nothing has happened then.
///
/// # Panics
///
/// If Xen refuses to set up again what the domain had: there is no way to go on.
pub(crate) fn suspend() -> Result<Resumed, Errno> {
    if vcpus::others().next().is_some() {
        return Err(Errno::EBUSY);
    }
    cpu::without_interrupts(|| {
        // SAFETY: this is the only vCPU, and no upcall comes. Shared info is in its place again before the clock or an upcall looks at it;
        // ports, grants and rings are the drivers', which know of it by their own `resume`.
        let resumed = unsafe { sched::suspend(&Rt::new()) }?;
        if resumed == Resumed::Elsewhere {
            events::resume();
            clock::resume();
        }
        Ok(resumed)
    })
}
