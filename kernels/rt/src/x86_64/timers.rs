//! The one-shot timer of each vCPU, opened when the vCPU first sleeps until a moment.

use crate::events;
use crate::platform::Rt;
use crate::vcpus::VCPUS;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use spin::Mutex;
use xen_guest::VcpuTimer;
use xen_hypercall::{Errno, Port};

/// Each is locked by its own vCPU, or by the first one while the others are stopped.
static TIMERS: [Mutex<Option<VcpuTimer<Rt>>>; VCPUS] = [const { Mutex::new(None) }; VCPUS];

/// The port of each, for the upcall; zero for none.
static PORTS: [AtomicU32; VCPUS] = [const { AtomicU32::new(0) }; VCPUS];

/// Returns whether `port` is that of the timer of `vcpu`.
pub(crate) fn is_timer(vcpu: u32, port: Port) -> bool {
    port.0 != 0 && PORTS.get(vcpu as usize).is_some_and(|own| own.load(Relaxed) == port.0)
}

/// Calls `work` with the timer of `vcpu`, which executes this.
///
/// # Errors
///
/// Those of [`VcpuTimer::new`], among them `EEXIST` if the kernel has bound `VIRQ_TIMER` itself.
pub(crate) fn with<T>(vcpu: u32, work: impl FnOnce(&VcpuTimer<Rt>) -> T) -> Result<T, Errno> {
    let (timer, port) =
        TIMERS.get(vcpu as usize).zip(PORTS.get(vcpu as usize)).ok_or(Errno::ENOENT)?;
    let mut timer = timer.lock();
    if let Some(timer) = &*timer {
        return Ok(work(timer));
    }
    let events = events::events().ok_or(Errno::ENODEV)?;
    let new = VcpuTimer::new(Rt::new(), vcpu)?;
    port.store(new.port().0, Relaxed);
    events::DISPATCHER.bind(events, new.port())?;
    Ok(work(timer.insert(new)))
}

/// Closes the timers of all vCPUs: the format of events changes.
pub(crate) fn close() {
    take(drop);
}

/// Drops the timers of all vCPUs, whose ports are those of the domain before its suspend.
pub(crate) fn forget() {
    take(VcpuTimer::forget);
}

fn take(end: fn(VcpuTimer<Rt>)) {
    for (timer, port) in TIMERS.iter().zip(&PORTS) {
        port.store(0, Relaxed);
        if let Some(timer) = timer.lock().take() {
            end(timer);
        }
    }
}

/// Stops the timer of `vcpu`, which executes this and goes down.
pub(crate) fn stop(vcpu: u32) {
    if let Some(timer) = TIMERS.get(vcpu as usize)
        && let Some(timer) = &*timer.lock()
    {
        // Xen refuses it to no vCPU for itself.
        let _ = timer.stop();
    }
}
