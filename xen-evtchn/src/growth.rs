//! The order in which pages of event words are given to Xen.

use xen_hypercall::Errno;
use xen_hypercall::sync::{AtomicU32, Ordering};

/// How far Xen's array of event words has grown. Xen appends each page that it is given, so pages
/// go there in order and each once.
///
/// Pages are put in their places first, by whoever needs them. Whoever then comes first gives Xen
/// all that are there, also those that come meanwhile: no one waits, as an interrupt handler can't
/// wait for the code below it.
#[derive(Debug)]
pub(crate) struct Growth {
    /// 1 while pages are given to Xen.
    busy: AtomicU32,
    /// Pages that Xen has.
    added: AtomicU32,
}

impl Growth {
    pub(crate) fn new() -> Self {
        Self { busy: AtomicU32::new(0), added: AtomicU32::new(0) }
    }

    /// Starts over with as many pages as Xen has now. Nothing else runs.
    pub(crate) fn reset(&self, added: u32) {
        self.added.store(added, Ordering::Relaxed);
    }

    /// Gives Xen the pages that are there, of which the caller needs `needed`. If pages are being
    /// given already, the caller's own will be by whoever does it, soon after this returns.
    ///
    /// # Errors
    ///
    /// That of `add`, if it kept the caller from what it needs. The page is tried again by the next
    /// call.
    pub(crate) fn run(
        &self,
        needed: u32,
        present: impl Fn(u32) -> bool,
        add: impl Fn(u32) -> Result<(), Errno>,
    ) -> Result<(), Errno> {
        // Steps that read what others wrote, on both sides: either this one sees that the work has
        // ended, or its end sees the page.
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
