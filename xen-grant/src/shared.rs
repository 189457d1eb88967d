//! Pages that a peer has access to.

use crate::{Access, GrantTable, InUse, MapError, ReadOnly, ReadWrite};
use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use heapless::Vec;
use xen_hypercall::ops::grant_table as op;
use xen_hypercall::{DomId, GrantRef, Pages, Platform, SharedMem, SharedPages};
use xen_sys::grant_table::{GnttabSwapGrantRef, GrantStatus};

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

    /// Has `other`'s references lead to these pages and these references to `other`'s, for the peer of each page as before.
    ///
    /// So a page that a peer knows by its reference is replaced by another one in one step, as far as that peer can tell.
    ///
    /// # Errors
    ///
    /// [`MapError::Count`] if the two do not have the same number of pages; [`MapError::Call`], or [`MapError::Refused`] with the first
    /// page that someone uses at this moment or that Xen refuses. The other pages may have been exchanged then: see
    /// [`refs`](Self::refs).
    #[doc(alias = "GNTTABOP_swap_grant_ref")]
    pub fn exchange<B: Access>(&mut self, other: &mut Shared<'t, P, B>) -> Result<(), MapError> {
        if self.refs.len() != other.refs.len() {
            return Err(MapError::Count { found: other.refs.len(), room: self.refs.len() });
        }
        let pairs = self.refs.iter().zip(&other.refs);
        let mut batch: Vec<GnttabSwapGrantRef, MAX_PAGES> =
            pairs.map(|(&ref_a, &ref_b)| GnttabSwapGrantRef { ref_a, ref_b, ..Default::default() }).collect();
        // SAFETY: the two values own the references, and are told below which ones name another page now.
        let call = unsafe { op::swap_grant_ref(self.table.platform(), &mut batch) };
        let mut failed = call.err().map(MapError::Call);
        for (swap, (a, b)) in batch.iter().zip(self.refs.iter_mut().zip(&mut other.refs)) {
            if swap.status == GrantStatus::OKAY {
                core::mem::swap(a, b);
            } else {
                failed.get_or_insert(MapError::Refused { reference: swap.ref_a, status: swap.status });
            }
        }
        failed.map_or(Ok(()), Err)
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

impl<'t, P: Platform> Shared<'t, P, ReadWrite> {
    /// Takes the peer's right to write away and leaves that to read, under the same references.
    ///
    /// # Errors
    ///
    /// The value itself, with nothing changed, if the peer uses a page at this moment.
    pub fn into_read_only(self) -> Result<Shared<'t, P, ReadOnly>, Self> {
        if !self.table.restrict(&self.refs) {
            return Err(self);
        }
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `this` is never dropped or used again, so the pages are taken out once.
        let pages = unsafe { ManuallyDrop::take(&mut this.pages) };
        Ok(Shared::new(this.table, this.peer, pages, core::mem::take(&mut this.refs)))
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
