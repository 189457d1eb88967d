//! Order in which pages of event words are added to Xen's array.

use xen_hypercall::Errno;
use xen_hypercall::sync::{AtomicU32, Ordering};

/// Progress of Xen's array of event words. Xen appends each page, so that pages must be added in
/// order and once each.
///
/// A caller first stores the page that it needs. One caller at a time then adds all stored pages to
/// Xen, including pages that are stored meanwhile. No caller waits, since an interrupt handler
/// cannot wait for the code that it interrupted.
#[derive(Debug)]
pub(crate) struct Growth {
    /// 1 while a caller adds pages.
    busy: AtomicU32,
    /// Number of pages that Xen has.
    added: AtomicU32,
}

impl Growth {
    pub(crate) fn new() -> Self {
        Self { busy: AtomicU32::new(0), added: AtomicU32::new(0) }
    }

    /// Starts again with the number of pages that Xen has now. No other code runs meanwhile.
    pub(crate) fn reset(&self, added: u32) {
        self.added.store(added, Ordering::Relaxed);
    }

    /// Adds the stored pages to Xen, of which the caller needs the first `needed`. If another
    /// caller adds pages now, that caller also adds this caller's pages, soon after this call
    /// returns.
    ///
    /// # Errors
    ///
    /// The error of `add`, if the caller's pages were not added. The next call tries the page
    /// again.
    pub(crate) fn run(
        &self,
        needed: u32,
        present: impl Fn(u32) -> bool,
        add: impl Fn(u32) -> Result<(), Errno>,
    ) -> Result<(), Errno> {
        // Both sides read and write `busy` in one step: either this call sees that the other one
        // has ended, or the other one sees this call's page.
        while self.busy.swap(1, Ordering::AcqRel) == 0 {
            let mut result = Ok(());
            let mut next = self.added.load(Ordering::Relaxed);
            while result.is_ok() && present(next) {
                result = add(next);
                if result.is_ok() {
                    next += 1;
                    self.added.store(next, Ordering::Relaxed);
                }
            }
            self.busy.swap(0, Ordering::AcqRel);
            if result.is_err() {
                return if next < needed { result } else { Ok(()) };
            }
            if !present(next) {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn only_own_page_failing_is_error() {
        let growth = Growth::new();
        // Another caller's page, the third one, cannot be added.
        let add = |page| if page < 2 { Ok(()) } else { Err(Errno::ENOMEM) };
        assert_eq!(growth.run(2, |page| page < 3, add), Ok(()));
        assert_eq!(growth.run(3, |page| page < 3, add), Err(Errno::ENOMEM));
        assert_eq!(growth.run(3, |page| page < 3, |_| Ok(())), Ok(()));
    }
}
