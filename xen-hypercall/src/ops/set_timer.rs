//! `set_timer_op`: the older one-shot timer, of the vCPU that calls. Source: `xen.h`.
//!
//! [`super::vcpu::set_singleshot_timer`] does the same for any vCPU and says when the moment has
//! passed already.

use super::check;
use crate::{Errno, Hypercall, Instant};
use xen_sys::xen::HYPERVISOR_SET_TIMER_OP;

/// Sends `VIRQ_TIMER` to this vCPU at `at`, at once if that has passed; with none, stops the timer.
///
/// # Errors
///
/// `ENOSYS` on arm.
#[doc(alias = "__HYPERVISOR_set_timer_op")]
pub fn set_timer<H: Hypercall + ?Sized>(xen: &H, at: Option<Instant>) -> Result<(), Errno> {
    // Zero stops the timer, so a moment that is long past has to be another number.
    let nanos = at.map_or(0, |at| at.as_nanos().max(1));
    // SAFETY: the argument is a number.
    check(unsafe { xen.hypercall(HYPERVISOR_SET_TIMER_OP, [nanos as usize, 0, 0, 0, 0]) }).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::recorder::issues;

    #[test]
    fn the_moment_is_the_argument_and_zero_means_none() {
        issues! {
            set_timer(Some(Instant::from_nanos(9))) => HYPERVISOR_SET_TIMER_OP, [9];
            set_timer(Some(Instant::from_nanos(0))) => HYPERVISOR_SET_TIMER_OP, [1];
            set_timer(None) => HYPERVISOR_SET_TIMER_OP, [0];
        }
    }
}
