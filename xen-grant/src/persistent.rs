//! Pages that stay granted to one peer: persistent grants.

use crate::{Access, GrantError, GrantTable, Granted};
use core::fmt;
use heapless::Vec;
use xen_hypercall::{DomId, Pages, Platform};

/// Single pages that are granted to one peer once and used again and again, so that the peer need
/// not map them each time. It keeps `N` of them at most while nobody uses them.
///
/// What is in such a page its peer can read at any time, so own data is copied in and out and never
/// lives there. A page comes out zeroed, unless the pool was told that its peer may see what an
/// earlier use left.
#[doc(alias = "feature-persistent")]
pub struct PersistentGrants<P: Platform, A: Access, const N: usize> {
    table: GrantTable<P>,
    peer: DomId,
    zeroed: bool,
    /// The one that was used last is used next: the peer has the others out of its cache, and they
    /// can go.
    idle: Vec<Granted<P, A>, N>,
}

impl<P: Platform, A: Access, const N: usize> PersistentGrants<P, A, N> {
    /// Makes an empty pool of pages for a peer that is to see zeroes where nothing was written for
    /// it.
    pub fn new(table: &GrantTable<P>, peer: DomId) -> Self {
        Self { table: table.clone(), peer, zeroed: true, idle: Vec::new() }
    }

    /// Makes an empty pool of pages for a peer that may see what an earlier use left, which saves
    /// zeroing them.
    pub fn for_trusted(table: &GrantTable<P>, peer: DomId) -> Self {
        Self { zeroed: false, ..Self::new(table, peer) }
    }

    /// Takes a page out: one that is granted already or, if there is none, a new one. Those whose
    /// grant a suspend has ended are dropped.
    ///
    /// # Errors
    ///
    /// [`GrantError::Memory`] if the platform has no page, or as [`GrantTable::share`].
    pub fn alloc(&mut self) -> Result<Granted<P, A>, GrantError> {
        while let Some(page) = self.idle.pop() {
            if page.peer() != Some(self.peer) {
                continue;
            }
            if self.zeroed {
                page.as_ref().zero();
            }
            return Ok(page);
        }
        let page = Pages::alloc(self.table.platform().clone(), 1).map_err(GrantError::Memory)?;
        self.table.grant_access(page, self.peer).map_err(|failed| failed.error)
    }

    /// Takes a page back that its user and the peer are done with. It stays granted, unless the
    /// pool is full, or it is not one of a pool for this peer.
    pub fn free(&mut self, page: Granted<P, A>) {
        if page.peer() == Some(self.peer) && page.refs().len() == 1 && page.is_of(&self.table) {
            // One that there is no room for is reclaimed, or goes to the deferred list.
            drop(self.idle.push(page));
        }
    }

    /// Ends the grants of all idle pages but `keep`, those that have been idle for longest, and
    /// returns how many that were.
    ///
    /// Pages that the peer still has mapped go to the table's deferred list.
    pub fn shrink(&mut self, keep: usize) -> usize {
        let count = self.idle.len().saturating_sub(keep);
        drop(self.idle.drain(..count));
        count
    }

    /// Returns the number of idle pages.
    pub fn idle(&self) -> usize {
        self.idle.len()
    }
}

impl<P: Platform, A: Access, const N: usize> fmt::Debug for PersistentGrants<P, A, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PersistentGrants")
            .field("peer", &self.peer)
            .field("idle", &self.idle.len())
            .finish_non_exhaustive()
    }
}
