//! Pages that a peer has access to.

use crate::{Access, GrantTable, InUse};
use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use heapless::Vec;
use xen_hypercall::{DomId, GrantRef, Pages, Platform, SharedMem, SharedPages};

/// The most pages that are shared as one: a ring of order 4.
pub const MAX_PAGES: usize = 16;

/// The references of one allocation, in page order.
pub(crate) type Refs = Vec<GrantRef, MAX_PAGES>;

/// Pages shared with one peer, a reference for each page.
///
/// They are reachable only as [`SharedMem`] until [`reclaim`](Self::reclaim) has ended the peer's access. Dropping the value does
/// the same and frees the pages; those that the peer still uses go to the table's quarantine.
pub struct Shared<'t, P: Platform, A: Access> {
    table: &'t GrantTable<P>,
    peer: DomId,
    /// Taken out by `reclaim` and `drop`, nowhere else.
    pages: ManuallyDrop<SharedPages<P>>,
    refs: Refs,
    access: PhantomData<A>,
}

impl<'t, P: Platform, A: Access> Shared<'t, P, A> {
    pub(crate) fn new(table: &'t GrantTable<P>, peer: DomId, pages: SharedPages<P>, refs: Refs) -> Self {
        Self { table, peer, pages: ManuallyDrop::new(pages), refs, access: PhantomData }
    }

    /// Returns the references, one a page.
    pub fn refs(&self) -> &[GrantRef] {
        &self.refs
    }

    /// Returns the domain that has access.
    pub fn peer(&self) -> DomId {
        self.peer
    }

    /// Ends the peer's access and gives the pages back. What the peer wrote is in them.
    ///
    /// # Errors
    ///
    /// [`InUse`] if the peer has a page mapped: all pages are then in quarantine, which frees them when the peer lets go.
    /// The peer broke its word if it had said that it was done with them.
    pub fn reclaim(self) -> Result<Pages<P>, InUse> {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `this` is never dropped or used again, so the pages are taken out once.
        let pages = unsafe { ManuallyDrop::take(&mut this.pages) };
        this.table.take_back(pages, core::mem::take(&mut this.refs))
    }
}

impl<P: Platform, A: Access> Drop for Shared<'_, P, A> {
    fn drop(&mut self) {
        // SAFETY: the value is being dropped, so the pages are taken out once.
        let pages = unsafe { ManuallyDrop::take(&mut self.pages) };
        // Reclaimed pages are freed here, others by the quarantine.
        drop(self.table.take_back(pages, core::mem::take(&mut self.refs)));
    }
}

impl<P: Platform, A: Access> AsRef<SharedMem> for Shared<'_, P, A> {
    fn as_ref(&self) -> &SharedMem {
        (*self.pages).as_ref()
    }
}

impl<P: Platform, A: Access> fmt::Debug for Shared<'_, P, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("peer", &self.peer).field("refs", &self.refs).finish_non_exhaustive()
    }
}
