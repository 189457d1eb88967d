//! Pages that the owner has paged out (`GNTST_eagain`): a bounded number of tries.

use xen_hypercall::ops::sched;
use xen_hypercall::{Errno, Hypercall};
use xen_sys::grant_table::GrantStatus;

/// Tries for a page that the owner has paged out.
const TRIES: u32 = 64;

/// Issues `batch`, and repeats each operation whose page is paged out, [`TRIES`] times at most.
/// `status` returns the status of one.
///
/// # Errors
///
/// The first refusal of a call, which is the last call.
pub(crate) fn with_retries<H: Hypercall, T>(
    xen: &H,
    batch: &mut [T],
    status: impl Fn(&T) -> GrantStatus,
    issue: impl Fn(&mut [T]) -> Result<(), Errno>,
) -> Result<(), Errno> {
    issue(batch)?;
    for one in batch {
        for _ in 0..TRIES {
            if status(one) != GrantStatus::EAGAIN {
                break;
            }
            sched::yield_now(xen);
            issue(core::slice::from_mut(one))?;
        }
    }
    Ok(())
}
