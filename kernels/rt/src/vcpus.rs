//! The other vCPUs: their start, and the number of each.
//!
//! xen-guest starts a vCPU with the given registers, so that the others begin where the first
//! one has come to: with its page tables. Each has a stack, exceptions and an upcall of its own.

use crate::platform::Rt;
use crate::{cpu, debug, events, interrupts, memory};
use core::num::NonZeroUsize;
use core::sync::atomic::{
    AtomicU64,
    Ordering::{AcqRel, Acquire},
};
use core::time::Duration;
use spin::Once;
use xen_evtchn::Channel;
use xen_guest::vcpu::{self, VcpuStart};
use xen_hypercall::ops::sched;
use xen_hypercall::{Errno, PAGE_SIZE, Platform};

/// More vCPUs than have a place in shared info, which is 32.
pub(crate) const VCPUS: usize = 64;

/// Pages of a vCPU's stacks: of the one that exceptions run on, then of the common one.
const FAULT_STACK: usize = 4;
const STACKS: NonZeroUsize = NonZeroUsize::new(FAULT_STACK + 16).unwrap();

/// Registers that each vCPU was started with, by the first one.
static STARTED: [Once<VcpuStart>; VCPUS] = [const { Once::new() }; VCPUS];

/// A bit for each vCPU that runs [`idle`] and is to stop.
static STOPPING: AtomicU64 = AtomicU64::new(0);

/// Maximum time of a vCPU to stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Returns the vCPUs that were started by the first.
pub(crate) fn others() -> impl Iterator<Item = u32> {
    (0..).zip(&STARTED).filter(|(_, state)| state.is_completed()).map(|(vcpu, _)| vcpu)
}

/// Starts `vcpu`, again if it has stopped, which then sleeps; or stops it, and handles the events
/// that are left in its queues.
///
/// # Errors
///
/// Those of [`start`]; `EINVAL` for vCPU 0, `EBUSY` if the vCPU does not stop in five seconds.
pub(crate) fn set_online(vcpu: u32, is_online: bool) -> Result<(), Errno> {
    let xen = Rt::new();
    if vcpu == 0 || vcpu as usize >= VCPUS {
        return Err(Errno::EINVAL);
    }
    if vcpu::is_up(&xen, vcpu)? == is_online {
        return Ok(());
    }
    if is_online {
        STOPPING.fetch_and(!(1 << vcpu), AcqRel);
        let Some(state) = STARTED[vcpu as usize].get() else { return start(vcpu, idle) };
        // SAFETY: the vCPU continues in `begin`, which starts over, or enters it again, on its own
        // stacks.
        return unsafe { vcpu::restart(&xen, vcpu, state) };
    }
    STOPPING.fetch_or(1 << vcpu, AcqRel);
    let wake = Channel::bind_ipi(xen, vcpu)?;
    let events = events::events().ok_or(Errno::ENODEV)?;
    events::DISPATCHER.bind(events, wake.port())?;
    wake.notify()?;
    let deadline = xen.now() + STOP_TIMEOUT;
    while vcpu::is_up(&xen, vcpu)? {
        if xen.now() >= deadline {
            return Err(Errno::EBUSY);
        }
        sched::yield_now(&xen);
    }
    events::drain_vcpu(vcpu);
    Ok(())
}

/// Sleeps until the vCPU is to stop.
fn idle(xen: Rt) {
    let current = cpu::current();
    let is_stopping = || STOPPING.load(Acquire) & 1 << current != 0;
    let dump = debug::enable(current).map_err(|errno| early_println!("vCPU: no dump: {errno}"));
    while !is_stopping() {
        xen.sleep_unless(None, is_stopping);
    }
    if dump.is_ok() {
        debug::disable(current);
    }
}

/// Starts `vcpu`, which executes `main` and stops when that returns.
///
/// # Errors
///
/// `ENOENT` if the domain has no such vCPU, `EEXIST` if it was started before, `EINVAL` for the
/// first and those beyond [`VCPUS`], `ENOMEM`.
pub(crate) fn start(vcpu: u32, main: fn(Rt)) -> Result<(), Errno> {
    if vcpu == 0 || vcpu as usize >= VCPUS {
        return Err(Errno::EINVAL);
    }
    if STARTED[vcpu as usize].is_completed() {
        return Err(Errno::EEXIST);
    }
    events::events().map_or(Ok(()), |events| events.add_vcpu(vcpu))?;
    let stacks = memory::alloc_pages(STACKS).ok_or(Errno::ENOMEM)?;
    let bottom = stacks.as_ptr().expose_provenance();
    let (fault_stack, top) = (bottom + FAULT_STACK * PAGE_SIZE, bottom + STACKS.get() * PAGE_SIZE);

    let entry = begin as *const () as u64;
    let args = [u64::from(vcpu), main as *const () as u64, fault_stack as u64];
    let state = VcpuStart::like_current(entry, top as u64, args);
    // SAFETY: the vCPU executes `begin`, which takes these arguments, on stacks of its own; what is
    // shared between vCPUs is atomic or locked.
    let started = unsafe { vcpu::start(&Rt::new(), vcpu, &state) };
    if started.is_ok() {
        STARTED[vcpu as usize].call_once(|| state);
    } else {
        // SAFETY: allocated above; no vCPU has started on them.
        unsafe { memory::free_pages(stacks, STACKS) };
    }
    started
}

/// Runs a vCPU from its start.
#[expect(improper_ctypes_definitions, reason = "caller and callee are in this file")]
extern "C" fn begin(vcpu: u32, main: fn(Rt), fault_stack: usize) -> ! {
    cpu::identify(vcpu);
    interrupts::init(vcpu, fault_stack);
    loop {
        // After a resume of the domain elsewhere too, where a vCPU that was down starts anew.
        events::start_vcpu(vcpu);
        main(Rt::new());
        // An event that stays in a queue of this vCPU would keep its port silent wherever it is
        // moved to.
        events::stop_vcpu(vcpu);
        // It can't be refused: the vCPU exists. It returns if the vCPU is started again.
        let _ = vcpu::stop(&Rt::new(), vcpu);
    }
}
