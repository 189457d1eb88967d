//! Pages that their owner has paged out: asked for again until they are there, but not for ever.

use xen_hypercall::ops::sched;
use xen_hypercall::{Errno, Hypercall};
use xen_sys::grant_table::GrantStatus;

/// How often a page that its owner has paged out is asked for again.
const TRIES: u32 = 64;

/// Issues `batch`, and then again each of it whose page is paged out, until it is not, [`TRIES`]
/// times at most. `status` is what Xen said of one.
///
/// # Errors
///
/// Xen's refusal of a call, after which there is none.
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
