//! Pages that stay granted to one peer: persistent grants.

use crate::{Access, GrantError, GrantTable, Granted};
use core::fmt;
use heapless::Vec;
use xen_hypercall::{DomId, Pages, Platform};

/// Single pages that are granted to one peer once and used again and again, so that the peer need
/// not map them each time. At most `N` idle pages remain granted.
///
/// The peer can read such a page at any time, so data is copied in and out. A page is zeroed before
/// it is reused, unless the peer is [trusted](Self::for_trusted).
#[doc(alias = "feature-persistent")]
pub struct PersistentGrants<P: Platform, A: Access, const N: usize> {
    table: GrantTable<P>,
    peer: DomId,
    zeroed: bool,
    /// A stack: the page that was used last is the most likely one in the peer's cache.
    idle: Vec<Granted<P, A>, N>,
}

impl<P: Platform, A: Access, const N: usize> PersistentGrants<P, A, N> {
    /// Makes an empty pool for a peer that is not trusted: it reads zeroes where nothing was
    /// written for it.
    pub fn new(table: &GrantTable<P>, peer: DomId) -> Self {
        Self { table: table.clone(), peer, zeroed: true, idle: Vec::new() }
    }

    /// Makes an empty pool for a trusted peer, which may read the data of earlier uses: pages are
    /// not zeroed.
    pub fn for_trusted(table: &GrantTable<P>, peer: DomId) -> Self {
        Self { zeroed: false, ..Self::new(table, peer) }
    }

    /// Returns an idle page or, if there is none, a new one. Pages whose grant a suspend has ended
    /// are dropped.
    ///
    /// # Errors
    ///
    /// [`GrantError::Memory`] if the platform has no page, or as [`GrantTable::grant_access`].
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

    /// Adds a page that neither the driver nor the peer uses any more to the idle ones. It stays
    /// granted, unless `N` pages are idle, or it is not a single page granted to this peer.
    pub fn free(&mut self, page: Granted<P, A>) {
        if page.peer() == Some(self.peer) && page.refs().len() == 1 && page.is_of(&self.table) {
            // Without room its grant ends, or is deferred.
            drop(self.idle.push(page));
        }
    }

    /// Ends the grants of all but the `keep` latest idle pages, and returns their number.
    ///
    /// Pages that the peer still has mapped are deferred.
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
