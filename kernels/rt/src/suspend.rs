//! The kernel's part of a suspend: to stand still, and to set up again what Xen had for the domain.
//!
//! What is in the domain's memory and in its vCPUs comes along. Shared info, the way of upcalls and
//! the event words don't, and the clock is another host's.

use crate::platform::Rt;
use crate::vcpus::{self, VCPUS};
use crate::{clock, events};
use core::hint::spin_loop;
use core::sync::atomic::{
    AtomicBool, AtomicU32,
    Ordering::{AcqRel, Acquire, Release},
};
use core::time::Duration;
use heapless::Vec;
use x86_64::instructions::interrupts as cpu;
use xen_evtchn::Channel;
use xen_hypercall::ops::sched::{self, Resumed};
use xen_hypercall::ops::vcpu;
use xen_hypercall::{Errno, Platform};

/// Maximum time of a vCPU to stand still.
const TIMEOUT: Duration = Duration::from_secs(1);

/// The other vCPUs are to stand still.
static STILL: AtomicBool = AtomicBool::new(false);
/// Number of vCPUs that stand still.
static STANDING: AtomicU32 = AtomicU32::new(0);

/// The ports that notify the others: open until the end.
type Calls = Vec<Channel<Rt>, VCPUS>;

/// Suspends the domain, from the first vCPU.
///
/// # Errors
///
/// `EINVAL` on another vCPU, `EBUSY` if another one took no upcall for a second; Xen's refusal.
/// Nothing has happened then.
///
/// # Panics
///
/// If Xen refuses to set up the domain again: the kernel cannot continue.
pub(crate) fn suspend() -> Result<Resumed, Errno> {
    if vcpus::current() != 0 {
        return Err(Errno::EINVAL);
    }
    let mut calls = Calls::new();
    let resumed = stop_the_others(&mut calls).and_then(|()| cpu::without_interrupts(alone));
    STILL.store(false, Release);
    while STANDING.load(Acquire) > 0 {
        sched::yield_now(&Rt::new());
    }
    if resumed == Ok(Resumed::Elsewhere) {
        calls.into_iter().for_each(Channel::abandon);
    }
    resumed
}

fn stop_the_others(calls: &mut Calls) -> Result<(), Errno> {
    let xen = Rt::new();
    STILL.store(true, Release);
    for other in up() {
        let call = Channel::bind_ipi(xen, other)?;
        xen.events().unmask(call.port())?;
        call.notify()?;
        // There is a place for each vCPU.
        let _ = calls.push(call);
    }
    let deadline = xen.now() + TIMEOUT;
    while (STANDING.load(Acquire) as usize) < calls.len() {
        if xen.now() >= deadline {
            return Err(Errno::EBUSY);
        }
        sched::yield_now(&xen);
    }
    Ok(())
}

/// Returns the other vCPUs that run; stopped vCPUs stay stopped.
fn up() -> impl Iterator<Item = u32> {
    vcpus::others().filter(|&other| vcpu::is_up(&Rt::new(), other) == Ok(true))
}

/// Runs at the end of each upcall: stands still, while that is asked for.
pub(crate) fn stand_still() {
    if STILL.load(Acquire) && vcpus::current() != 0 {
        STANDING.fetch_add(1, AcqRel);
        while STILL.load(Acquire) {
            spin_loop();
        }
        events::resume_vcpu(vcpus::current());
        STANDING.fetch_sub(1, AcqRel);
    }
}

fn alone() -> Result<Resumed, Errno> {
    // SAFETY: all other vCPUs stand still, and no upcall comes. Shared info is in its place again
    // before the clock or an upcall reads it; ports, grants and rings are the drivers', which
    // handle it in their own `resume`.
    let resumed = unsafe { sched::suspend(&Rt::new()) }?;
    if resumed == Resumed::Elsewhere {
        events::resume(up());
        clock::resume();
    }
    Ok(resumed)
}
