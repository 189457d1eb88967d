//! Pages that stay granted to one peer: persistent grants.

use crate::{GrantError, GrantTable, Granted, ReadWrite};
use core::fmt;
use xen_hypercall::{DomId, GrantRef, OutOfMemory, PageVec, Pages, Platform, SharedMem};

/// A page of the pool. The free ones, and those of each [`PersistentPages`], are a list.
struct Slot<P: Platform> {
    page: Granted<P, ReadWrite>,
    next: u16,
}

/// Single pages that are granted to one peer once and used again and again, so that the peer need
/// not map them each time: persistent grants.
///
/// All are writable by the peer, so that a page serves transfers in both directions. The peer can
/// read and write each page at any time: data is copied in and out, and a page holds nothing but
/// data that was transferred to or from this peer. [`free`](Self::free) does not zero a page.
///
/// Dropping the pool ends the grants. Pages that the peer still maps are deferred.
#[doc(alias = "feature-persistent")]
pub struct PersistentGrants<P: Platform> {
    table: GrantTable<P>,
    peer: DomId,
    slots: PageVec<P, Slot<P>>,
    limit: u16,
    /// The free pages, as a stack: the page that was used last is the most likely one that the
    /// peer maps, and that is in a cache.
    free: PersistentPages,
}

/// Pages taken from [`PersistentGrants`]: a list of one page or more, or of none.
///
/// A value that is not [freed](PersistentGrants::free) keeps its pages out of use until the pool is
/// dropped.
#[derive(Debug, Default)]
pub struct PersistentPages {
    first: u16,
    count: u16,
}

impl PersistentPages {
    /// Returns the number of pages.
    pub fn count(&self) -> usize {
        self.count.into()
    }
}

impl<P: Platform> PersistentGrants<P> {
    /// Makes an empty pool, which can have at most `limit` pages.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] if there is none for the list of the pages.
    pub fn new(table: &GrantTable<P>, peer: DomId, limit: u16) -> Result<Self, OutOfMemory> {
        let slots = PageVec::with_capacity(table.platform().clone(), limit.into())?;
        Ok(Self { table: table.clone(), peer, slots, limit, free: PersistentPages::default() })
    }

    /// Grants new pages until the pool has `count` pages, or as many as it can have.
    ///
    /// # Errors
    ///
    /// [`GrantError::Memory`] if the platform has no page, or as [`GrantTable::grant_access`]; the
    /// pool has the pages until then.
    pub fn grow(&mut self, count: usize) -> Result<(), GrantError> {
        while self.slots.len() < count.min(self.limit.into()) {
            let page =
                Pages::alloc(self.table.platform().clone(), 1).map_err(GrantError::Memory)?;
            let page = self.table.grant_access(page, self.peer).map_err(|failed| failed.error)?;
            let index = self.slots.len() as u16;
            // The capacity is reserved; without room its grant ends.
            if self.slots.push(Slot { page, next: self.free.first }).is_ok() {
                self.free = PersistentPages { first: index, count: self.free.count + 1 };
            }
        }
        Ok(())
    }

    /// Returns the number of pages, those in use included.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Returns whether the pool has no pages.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Returns the number of free pages.
    pub fn idle(&self) -> usize {
        self.free.count()
    }

    /// Takes `count` pages, with what their last use has left in them; `None` if there are fewer.
    #[inline]
    pub fn alloc(&mut self, count: usize) -> Option<PersistentPages> {
        let count = u16::try_from(count).ok().filter(|&count| count <= self.free.count)?;
        let first = self.free.first;
        let mut next = first;
        for _ in 0..count {
            next = self.slots.get(usize::from(next))?.next;
        }
        self.free = PersistentPages { first: next, count: self.free.count - count };
        Some(PersistentPages { first, count })
    }

    /// Adds pages of this pool, which neither the driver nor the peer uses any more, to the free
    /// ones. The pages stay granted.
    #[expect(clippy::needless_pass_by_value, reason = "the caller must not use the list again")]
    #[inline]
    pub fn free(&mut self, pages: PersistentPages) {
        let PersistentPages { first, count } = pages;
        let Some(last) = count.checked_sub(1) else { return };
        let mut index = first;
        for _ in 0..last {
            // Pages of another, larger pool stay out of use.
            let Some(slot) = self.slots.get(usize::from(index)) else { return };
            index = slot.next;
        }
        if let Some(slot) = self.slots.get_mut(usize::from(index)) {
            slot.next = self.free.first;
            let count = self.free.count.saturating_add(count);
            self.free = PersistentPages { first, count };
        }
    }

    /// Returns the references and the memory of pages, in a fixed order.
    #[inline]
    pub fn iter(
        &self,
        pages: &PersistentPages,
    ) -> impl Iterator<Item = (GrantRef, &SharedMem)> + Clone {
        let (mut next, mut left) = (pages.first, pages.count);
        core::iter::from_fn(move || {
            left = left.checked_sub(1)?;
            let slot = self.slots.get(usize::from(next))?;
            next = slot.next;
            Some((slot.page.reference(), slot.page.as_ref()))
        })
    }
}

impl<P: Platform> fmt::Debug for PersistentGrants<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PersistentGrants")
            .field("peer", &self.peer)
            .field("pages", &self.len())
            .field("idle", &self.idle())
            .finish_non_exhaustive()
    }
}
