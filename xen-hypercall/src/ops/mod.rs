//! Typed hypercalls: arguments in, a result or an [`Errno`] out.
//!
//! One module per public header.
//!
//! # Which functions are unsafe
//!
//! A function is safe if no call of it, with any arguments and at any time, makes Xen or the
//! machine
//! - read or write memory of this domain other than the function's own arguments, during the call
//!   or later,
//! - change the frame behind an address of this domain: its memory map, the view of it, a page that
//!   Xen placed there,
//! - interpret memory in another way than its owner does: grant entries of the other version, a
//!   cache attribute,
//! - execute code of this domain that is not prepared for it: a vCPU, a handler without its
//!   exception frame,
//! - continue this domain as a new one, without the pages of Xen and of other domains.
//!
//! Other functions are `unsafe`, or refuse unsafe arguments without a call. The content of another
//! domain's memory is not part of the rule: pages of it that this domain has mapped stay the same
//! pages.
//!
//! | module | operations |
//! |---|---|
//! | [`event_channel`] | all 14 |
//! | [`grant_table`] | 12 of 13; `transfer` is for PV guests |
//! | [`memory`], [`memory_admin`] | all but three for PV guests (machine-to-physical table) |
//! | [`sched`] | all 8 |
//! | [`version`] | all 15 |
//! | [`hvm`], [`altp2m`] | all but the two that Xen deprecates |
//! | [`vcpu`] | all 16 |
//! | [`vm_assist`], [`multicall`], [`set_timer`], [`nmi`], [`callback`], [`console_io`] | all |
//! | [`physdev`] | all but the two for PV guests and the two that Xen ignores |
//! | [`platform`] | all 25, and one for any other |
//! | [`pmu`], [`argo`], [`kexec`], [`hypfs`] | all; kexec without the first form of (un)load |
//! | `mca` of x86, [`xsm`] | one for any operation, and the queries |
//! | [`dm_op`] | all 20 |
//! | [`domctl`], [`sysctl`] | one for any operation, and those that a dom0 kernel uses |
//!
//! The hypercalls for PV guests only (page tables, descriptor tables, traps) are left out. Of the
//! operations of one architecture, `mca` is compiled for x86-64 only; Xen on arm refuses the
//! others, mostly with `ENOSYS`.
//!
//! # Long operations
//!
//! Xen interrupts and resumes most long operations by itself. The caller has a part in three cases:
//! - An operation on many extents returns the number of those done ([`memory::populate_physmap`]),
//!   and the caller continues behind these.
//! - An operation returns `EAGAIN`, and the caller repeats it: [`retry`].
//! - The time of a timer has passed: `ETIME` ([`vcpu::set_singleshot_timer`]), and the caller
//!   chooses another one.

pub mod altp2m;
pub mod argo;
pub mod callback;
pub mod console_io;
pub mod control;
pub mod dm_op;
pub mod domctl;
pub mod event_channel;
pub mod grant_table;
pub mod hvm;
pub mod hypfs;
pub mod kexec;
mod layouts;
#[cfg(target_arch = "x86_64")]
pub mod mca;
pub mod memory;
pub mod memory_admin;
pub mod multicall;
pub mod nmi;
pub mod physdev;
pub mod platform;
pub mod pmu;
pub mod sched;
pub mod set_timer;
pub mod sysctl;
pub mod vcpu;
pub mod version;
pub mod vm_assist;
pub mod xsm;

#[cfg(test)]
mod recorder;

use crate::{Errno, Hypercall};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Converts Xen's result into a count or an error.
#[inline]
fn check(result: isize) -> Result<usize, Errno> {
    usize::try_from(result).map_err(|_| Errno(result.unsigned_abs() as i32))
}

/// Issues an operation of the common form: a command number and a pointer to its argument.
///
/// # Safety
///
/// That of [`Hypercall::hypercall`]; `arg` must be the structure that the command works on.
#[inline]
unsafe fn command<H: Hypercall + ?Sized, T>(
    xen: &H,
    op: usize,
    command: u32,
    arg: &mut T,
) -> Result<usize, Errno> {
    let address = core::ptr::from_mut(arg).expose_provenance();
    // SAFETY: the operation is the caller's obligation; the argument is borrowed during the call.
    check(unsafe { xen.hypercall(op, [command as usize, address, 0, 0, 0]) })
}

/// Issues an operation whose only argument is a pointer to a structure that has the number of the
/// operation.
///
/// # Safety
///
/// That of [`Hypercall::hypercall`]; `arg` must be the structure that the operation works on.
#[inline]
unsafe fn structure<H: Hypercall + ?Sized, T>(
    xen: &H,
    op: usize,
    arg: &mut T,
) -> Result<usize, Errno> {
    let address = core::ptr::from_mut(arg).expose_provenance();
    // SAFETY: the operation is the caller's obligation; the argument is borrowed during the call.
    check(unsafe { xen.hypercall(op, [address, 0, 0, 0, 0]) })
}

/// Repeats `operation` while Xen returns `EAGAIN` or `ERESTART`, at most `attempts` times, and
/// yields the CPU in between.
///
/// # Errors
///
/// The last error: `EAGAIN` or `ERESTART` if all attempts failed, or the first other one.
///
/// ```
/// use xen_hypercall::{Errno, Hypercall, ops};
///
/// fn reset<H: Hypercall>(xen: &H) -> Result<(), Errno> {
///     ops::retry(xen, 100, || ops::event_channel::reset(xen))
/// }
/// ```
pub fn retry<H: Hypercall + ?Sized, T>(
    xen: &H,
    attempts: usize,
    mut operation: impl FnMut() -> Result<T, Errno>,
) -> Result<T, Errno> {
    let mut answer = operation();
    for _ in 1..attempts {
        match answer {
            Err(Errno::EAGAIN | Errno::ERESTART) => sched::yield_now(xen),
            _ => break,
        }
        answer = operation();
    }
    answer
}

/// Returns the length of a buffer as Xen's type. A buffer beyond the type's range is used in part.
#[inline]
fn count(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// Returns a union of `N` words with `arg` at its start.
#[inline]
fn union_of<T: IntoBytes + Immutable, const N: usize>(arg: &T) -> [u64; N] {
    const { assert!(size_of::<T>() <= N * 8, "the argument is larger than its union") };
    let mut words = [0; N];
    words.as_mut_bytes()[..size_of::<T>()].copy_from_slice(arg.as_bytes());
    words
}

/// Copies the start of a union into `arg`.
#[inline]
fn from_union<T: FromBytes + IntoBytes, const N: usize>(words: &[u64; N], arg: &mut T) {
    const { assert!(size_of::<T>() <= N * 8, "the argument is larger than its union") };
    arg.as_mut_bytes().copy_from_slice(&words.as_bytes()[..size_of::<T>()]);
}

#[cfg(test)]
mod tests {
    use super::recorder::Recorder;
    use super::*;

    #[test]
    fn retry_yields_between_attempts() {
        let xen = Recorder::default();
        let mut answers = [Errno::EAGAIN, Errno::ERESTART].into_iter();
        assert_eq!(retry(&xen, 10, || answers.next().map_or(Ok(7), Err)), Ok(7));
        assert_eq!(xen.calls(), 2);
        assert_eq!(retry(&xen, 3, || Err::<(), _>(Errno::EAGAIN)), Err(Errno::EAGAIN));
        assert_eq!(xen.calls(), 4);
        assert_eq!(retry(&xen, 3, || Err::<(), _>(Errno::EPERM)), Err(Errno::EPERM));
        assert_eq!(xen.calls(), 4);
    }

    #[test]
    fn results_below_zero_are_errors() {
        assert_eq!(check(-22), Err(Errno::EINVAL));
        assert_eq!(check(22), Ok(22));
    }

    #[test]
    fn argument_round_trips_through_union() {
        let mut out = [0u16; 5];
        from_union(&union_of::<_, 3>(&[1u16, 2, 3, 4, 5]), &mut out);
        assert_eq!(out, [1, 2, 3, 4, 5]);
    }
}
