//! The pages of one direction: shared with the backend when the device is set up, and never again.

use super::NetError;
use heapless::Vec;
use xen_grant::{Access, GrantTable, MAX_PAGES, Shared};
use xen_hypercall::{DomId, GrantRef, PAGE_SIZE, Pages, Platform, SharedMem};

/// The most slots of a direction: what a ring of one page has.
pub const MAX_SLOTS: u16 = 256;

const CHUNKS: usize = MAX_SLOTS as usize / MAX_PAGES;

/// One page for each slot, in chunks of [`MAX_PAGES`] that are shared as one.
#[derive(Debug)]
pub(super) struct Slots<M> {
    chunks: Vec<M, CHUNKS>,
    refs: Vec<GrantRef, { MAX_SLOTS as usize }>,
}

impl<M: AsRef<SharedMem>> Slots<M> {
    pub(super) const fn new() -> Self {
        Self { chunks: Vec::new(), refs: Vec::new() }
    }

    /// Adds pages and their references, in page order. Every chunk but the last has [`MAX_PAGES`]
    /// pages.
    pub(super) fn add(&mut self, chunk: M, refs: &[GrantRef]) {
        // Whoever adds stays below the limits; a page without its reference, or the reverse, is
        // merely never used.
        let _ = self.chunks.push(chunk);
        let _ = self.refs.extend_from_slice(refs);
    }

    pub(super) fn count(&self) -> u16 {
        self.refs.len() as u16
    }

    pub(super) fn reference(&self, slot: u16) -> Option<GrantRef> {
        self.refs.get(usize::from(slot)).copied()
    }

    /// Copies out of the slot's page. `None` if that would reach out of it.
    pub(super) fn copy_to(&self, slot: u16, offset: usize, target: &mut [u8]) -> Option<()> {
        let (mem, page) = self.page(slot, offset, target.len())?;
        mem.copy_to(page + offset, target)
    }

    /// Copies into the slot's page. `None` if that would reach out of it.
    pub(super) fn copy_from(&self, slot: u16, offset: usize, source: &[u8]) -> Option<()> {
        let (mem, page) = self.page(slot, offset, source.len())?;
        mem.copy_from(page + offset, source)
    }

    fn page(&self, slot: u16, offset: usize, len: usize) -> Option<(&SharedMem, usize)> {
        if len > PAGE_SIZE.checked_sub(offset)? {
            return None;
        }
        let chunk = self.chunks.get(usize::from(slot) / MAX_PAGES)?;
        Some((chunk.as_ref(), usize::from(slot) % MAX_PAGES * PAGE_SIZE))
    }
}

impl<P: Platform, A: Access> Slots<Shared<P, A>> {
    /// Allocates `count` pages and shares them with `peer`.
    pub(super) fn share(grants: &GrantTable<P>, peer: DomId, count: u16) -> Result<Self, NetError> {
        let mut slots = Self::new();
        let mut left = usize::from(count.min(MAX_SLOTS));
        while left > 0 {
            let pages = Pages::alloc(grants.platform().clone(), left.min(MAX_PAGES))
                .map_err(NetError::Memory)?;
            let shared =
                grants.share::<A>(pages, peer).map_err(|failed| NetError::Grant(failed.error))?;
            left -= shared.refs().len().min(left);
            let refs: Vec<GrantRef, MAX_PAGES> = Vec::from_slice(shared.refs()).unwrap_or_default();
            slots.add(shared, &refs);
        }
        Ok(slots)
    }

    /// Ends the peer's access. Returns how many chunks it still uses; the grant table keeps those
    /// back.
    pub(super) fn reclaim(self) -> usize {
        self.chunks.into_iter().filter_map(|shared| shared.reclaim().err()).count()
    }
}
