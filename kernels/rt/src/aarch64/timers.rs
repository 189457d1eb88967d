//! The timer of each vCPU, which the CPU has: Xen has none on Arm.

use super::clock;
use xen_guest::arch::{Counter, VirtualTimer};
use xen_guest::{SystemClock, TimerState};
use xen_hypercall::{Errno, Instant, Port};

/// The timer of the vCPU that uses it.
pub(crate) struct Timer;

impl Timer {
    /// Sets the timer for a halt that lasts until `next` at most, or stops it.
    pub(crate) fn arm(
        &self,
        clock: &SystemClock<Counter>,
        next: Option<Instant>,
    ) -> Result<TimerState, Errno> {
        let ticks = next.map(|at| clock::ticks_at(clock.to_system_time(at)).ok_or(Errno::ENODEV));
        VirtualTimer.set(ticks.transpose()?);
        Ok(TimerState::Armed)
    }
}

/// Returns whether `port` is that of a timer: its interrupt has none.
pub(crate) fn is_timer(_: u32, _: Port) -> bool {
    false
}

/// Calls `work` with the timer of the vCPU that executes this.
///
/// # Errors
///
/// None on Arm.
pub(crate) fn with<T>(_: u32, work: impl FnOnce(&Timer) -> T) -> Result<T, Errno> {
    Ok(work(&Timer))
}

/// Has nothing to close.
pub(crate) fn close() {}

/// Has nothing to drop.
pub(crate) fn forget() {}

/// Stops the timer of the vCPU that executes this.
pub(crate) fn stop(_: u32) {
    VirtualTimer.set(None);
}
