//! Halting a vCPU without a tick.

use crate::timer::{TimerState, VcpuTimer};
use crate::{GuestServices, LocalInterrupts, halt_unless};
use xen_hypercall::{Errno, Instant, Platform, SharedMem};

impl<P: Platform, M: AsRef<SharedMem>, I: LocalInterrupts, const GROUPS: usize, C>
    GuestServices<'_, P, M, I, GROUPS, C>
{
    /// Halts this vCPU until its next upcall, or until `deadline`, unless `has_work` returns true.
    /// A vCPU without a deadline and without delayed ports has no tick at all.
    ///
    /// `timer` is the timer of this vCPU, whose port must be bound in the dispatcher, and whose
    /// events the handler of [`on_upcall`](Self::on_upcall) counts as handled. Interrupts must be
    /// enabled. A call may end early.
    ///
    /// # Errors
    ///
    /// The refusal of Xen to set the timer: the vCPU does not halt.
    pub fn idle(
        &self,
        timer: &VcpuTimer<P>,
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
            let state = match next {
                None => timer.stop_if_armed(self.clock).map(|()| TimerState::Armed),
                Some(at) => timer.set(self.clock, at),
            };
            refused = state.map(drop);
            state != Ok(TimerState::Armed)
        });
        refused
    }
}
