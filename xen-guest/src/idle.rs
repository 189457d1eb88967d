//! Halting a vCPU without a tick.

use crate::timer::TimerState;
use crate::{GuestServices, LocalInterrupts, halt_unless};
use xen_hypercall::{Errno, Instant, Platform, SharedMem};

impl<P: Platform, M: AsRef<SharedMem>, I: LocalInterrupts, const GROUPS: usize, C>
    GuestServices<'_, P, M, I, GROUPS, C>
{
    /// Halts this vCPU until its next upcall, or until `deadline`, unless `has_work` returns true.
    /// A vCPU without a deadline and without delayed ports has no tick at all.
    ///
    /// `arm` has [`VcpuTimer::arm`](crate::VcpuTimer::arm) set the timer of this vCPU, with
    /// interrupts disabled; the timer is not used during the halt. Its port must be bound in the
    /// dispatcher, and the handler of [`on_upcall`](Self::on_upcall) counts its events as handled.
    /// Interrupts must be enabled. A call may end early.
    ///
    /// # Errors
    ///
    /// Those of `arm`: the vCPU does not halt.
    pub fn idle(
        &self,
        arm: impl FnOnce(Option<Instant>) -> Result<TimerState, Errno>,
        deadline: Option<Instant>,
        has_work: impl FnOnce() -> bool,
    ) -> Result<(), Errno> {
        let mut refused = Ok(());
        halt_unless(&self.interrupts, || {
            if has_work() {
                return true;
            }
            // A delay that ends leaves an event, whose upcall ends the halt.
            let next = [deadline, self.expire()].into_iter().flatten().min();
            let state = arm(next);
            refused = state.map(drop);
            state != Ok(TimerState::Armed)
        });
        refused
    }
}
