//! `set_timer_op`: the older one-shot timer of the calling vCPU. Source: `xen.h`.
//!
//! [`super::vcpu::set_singleshot_timer`] does the same for any vCPU, and reports a time that has
//! passed already.

use super::check;
use crate::{Errno, Hypercall, Instant};
use xen_sys::xen::HYPERVISOR_SET_TIMER_OP;

/// Sends `VIRQ_TIMER` to this vCPU at time `at`, immediately if that has passed. `None` stops the
/// timer.
///
/// # Errors
///
/// `ENOSYS` on arm.
#[doc(alias = "__HYPERVISOR_set_timer_op")]
pub fn set_timer<H: Hypercall + ?Sized>(xen: &H, at: Option<Instant>) -> Result<(), Errno> {
    // Zero stops the timer, so a time that is long past must be another number.
    let nanos = at.map_or(0, |at| at.as_nanos().max(1));
    // SAFETY: the argument is a number.
    check(unsafe { xen.hypercall(HYPERVISOR_SET_TIMER_OP, [nanos as usize, 0, 0, 0, 0]) }).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::recorder::issues;

    #[test]
    fn time_is_argument_and_zero_stops() {
        issues! {
            set_timer(Some(Instant::from_nanos(9))) => HYPERVISOR_SET_TIMER_OP, [9];
            set_timer(Some(Instant::from_nanos(0))) => HYPERVISOR_SET_TIMER_OP, [1];
            set_timer(None) => HYPERVISOR_SET_TIMER_OP, [0];
        }
    }
}
