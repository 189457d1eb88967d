//! Receive buffers: pages that the backend can write, granted when a connection is set up and
//! released with it.

use super::NetFrontError;
use heapless::Vec;
use xen_grant::{GrantTable, Granted, MAX_PAGES, ReadWrite};
use xen_hypercall::{DomId, GrantRef, PAGE_SIZE, Pages, Platform, SharedMem};

/// Maximum number of slots of a direction: those of a ring of one page.
pub const MAX_SLOTS: u16 = 256;

const CHUNKS: usize = MAX_SLOTS as usize / MAX_PAGES;

/// One page for each slot, in chunks of [`MAX_PAGES`] that are granted as one.
#[derive(Debug)]
pub(super) struct Slots<M> {
    chunks: Vec<(M, GrantRef), CHUNKS>,
    count: u16,
}

impl<M: AsRef<SharedMem>> Slots<M> {
    pub(super) const fn new() -> Self {
        Self { chunks: Vec::new(), count: 0 }
    }

    /// Adds `count` pages whose references follow each other. Every chunk but the last has
    /// [`MAX_PAGES`] pages.
    pub(super) fn add(&mut self, chunk: M, first: GrantRef, count: u16) {
        // The caller stays below the limits.
        if self.chunks.push((chunk, first)).is_ok() {
            self.count += count;
        }
    }

    pub(super) fn count(&self) -> u16 {
        self.count
    }

    pub(super) fn reference(&self, slot: u16) -> Option<GrantRef> {
        let (chunk, page) = (usize::from(slot) / MAX_PAGES, usize::from(slot) % MAX_PAGES);
        let (_, first) = self.chunks.get(chunk)?;
        Some(GrantRef(first.0 + page as u32))
    }

    /// Returns the references of all pages.
    pub(super) fn references(&self) -> impl Iterator<Item = GrantRef> {
        (0..self.count).filter_map(|slot| self.reference(slot))
    }

    /// Copies out of the slot's page. `None` if that would reach out of it.
    pub(super) fn copy_to(&self, slot: u16, offset: usize, target: &mut [u8]) -> Option<()> {
        if target.len() > PAGE_SIZE.checked_sub(offset)? {
            return None;
        }
        let (chunk, _) = self.chunks.get(usize::from(slot) / MAX_PAGES)?;
        let page = usize::from(slot) % MAX_PAGES * PAGE_SIZE;
        chunk.as_ref().copy_to(page + offset, target)
    }
}

impl<P: Platform> Slots<Granted<P, ReadWrite>> {
    /// Allocates `count` pages and grants `peer` access to them.
    pub(super) fn share(
        grants: &GrantTable<P>,
        peer: DomId,
        count: u16,
    ) -> Result<Self, NetFrontError> {
        let mut slots = Self::new();
        let mut left = count.min(MAX_SLOTS);
        while left > 0 {
            let chunk = left.min(MAX_PAGES as u16);
            let pages = Pages::alloc(grants.platform().clone(), chunk.into())?;
            let shared = grants
                .grant_access::<ReadWrite>(pages, peer)
                .map_err(|failed| NetFrontError::Grant(failed.error))?;
            left -= chunk;
            let first = shared.reference();
            slots.add(shared, first, chunk);
        }
        Ok(slots)
    }

    /// Ends the peer's access. Returns the number of chunks that it still uses, which the grant
    /// table defers.
    pub(super) fn end_access(self) -> usize {
        self.chunks.into_iter().filter_map(|(shared, _)| shared.end_access().err()).count()
    }
}
