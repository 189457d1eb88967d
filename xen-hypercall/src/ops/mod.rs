//! Typed hypercalls: arguments in, a result or an [`Errno`] out.
//!
//! One module per public header. A function is `unsafe` where the operation can break memory safety: where it changes what
//! lies behind an address, or lets Xen write somewhere later.

pub mod console_io;
pub mod event_channel;
pub mod grant_table;
pub mod hvm;
pub mod memory;
pub mod sched;
pub mod vcpu;
pub mod version;

use crate::{Errno, Hypercall};

/// Turns Xen's result into a count or an error.
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
    // SAFETY: the caller vouches for the operation; the argument is borrowed for the time of the call.
    check(unsafe { xen.hypercall(op, [command as usize, address, 0, 0, 0]) })
}
