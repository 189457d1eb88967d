//! Persistent grants: a frontend's pages that stay mapped from one request to the next.

use super::Statistics;
use super::lru::{EntryId, LruMap};
use core::time::Duration;
use heapless::Vec;
use xen_grant::{GrantMapPool, MAX_PAGES, MapError, MappedPage};
use xen_hypercall::{DomId, ForeignFrames, GrantRef, Instant, OutOfMemory, PageVec, SharedMem};

/// The time after which a grant that no request uses is unmapped, as in Linux
/// (`xen_blkback.persistent_grant_unused_seconds`).
const IDLE: Duration = Duration::from_secs(60);

/// A page of a request.
pub(super) struct RequestPage<P: ForeignFrames> {
    reference: GrantRef,
    /// `None` before it is mapped, and if that has failed.
    page: Option<MappedPage<P>>,
    /// Its place among the persistent grants. A page without one is unmapped after the request.
    entry: Option<EntryId>,
}

impl<P: ForeignFrames> RequestPage<P> {
    pub(super) fn memory(&self) -> Option<&SharedMem> {
        self.page.as_ref().map(AsRef::as_ref)
    }
}

/// The pages of a request, in the order of its segments.
pub(super) type RequestPages<P> = PageVec<P, RequestPage<P>>;

/// The persistent grants of a frontend, at most a fixed number. All are writable, as Linux maps
/// them: a page can serve a read after a write.
///
/// A page in use is owned by its request, so it is never unmapped before its end. When a further
/// reference needs a place, the least recently used idle one is unmapped. Without an idle one, or
/// if another request uses the same reference, a page is mapped for the one request alone.
pub(super) struct PersistentGrants<P: ForeignFrames> {
    pool: GrantMapPool<P>,
    grants: LruMap<P, MappedPage<P>>,
    now: Instant,
}

impl<P: ForeignFrames> PersistentGrants<P> {
    /// Makes a cache of up to `limit` grants of `guest`. No later call allocates memory, but
    /// frames for the pages.
    pub(super) fn new(platform: &P, guest: DomId, limit: usize) -> Result<Self, OutOfMemory> {
        Ok(Self {
            pool: GrantMapPool::new(platform.clone(), guest),
            grants: LruMap::new(platform, limit)?,
            now: platform.now(),
        })
    }

    /// Maps `refs` for a request, each that is not mapped yet. `pages` is empty before; after an
    /// error, [`release`](Self::release) it.
    pub(super) fn acquire(
        &mut self,
        refs: impl Iterator<Item = GrantRef>,
        pages: &mut RequestPages<P>,
        statistics: &mut Statistics,
    ) -> Result<(), MapError> {
        let mut hits = 0;
        for reference in refs {
            let (entry, page) = self.grants.take(reference).unzip();
            hits += u64::from(page.is_some());
            // There is room for all segments of a request.
            let _ = pages.push(RequestPage { reference, page, entry });
        }
        statistics.persistent_hits += hits;
        statistics.persistent_misses += pages.len() as u64 - hits;
        let mut missing = pages.iter_mut().filter(|page| page.page.is_none());
        loop {
            let mut batch: Batch<'_, P> = missing.by_ref().take(MAX_PAGES).collect();
            if batch.is_empty() {
                return Ok(());
            }
            self.map(&mut batch, statistics)?;
        }
    }

    /// Maps pages by one hypercall, after one that unmaps as many as there is no place for.
    fn map(
        &mut self,
        batch: &mut Batch<'_, P>,
        statistics: &mut Statistics,
    ) -> Result<(), MapError> {
        self.evict(batch.len().saturating_sub(self.grants.room()), statistics);
        match self.try_map(batch, statistics) {
            // The frames of idle grants are the only ones that can be had.
            Err(MapError::Memory(_)) if self.evict(batch.len(), statistics) > 0 => {
                self.try_map(batch, statistics)
            }
            result => result,
        }
    }

    fn try_map(
        &mut self,
        batch: &mut Batch<'_, P>,
        statistics: &mut Statistics,
    ) -> Result<(), MapError> {
        let Self { pool, grants, now } = self;
        let refs: Vec<GrantRef, MAX_PAGES> = batch.iter().map(|page| page.reference).collect();
        pool.map(&refs, |index, mapped| {
            let Some(page) = batch.get_mut(index) else { return };
            // A reference that comes twice has one place.
            page.entry = grants.insert_in_use(page.reference, *now);
            page.page = Some(mapped);
            statistics.persistent_grants += u64::from(page.entry.is_some());
        })
    }

    /// Unmaps up to `count` idle grants, the least recently used first. Returns their number.
    fn evict(&mut self, count: usize, statistics: &mut Statistics) -> usize {
        self.evict_while(count, |_| true, statistics)
    }

    /// Does the same for those whose last use fits.
    fn evict_while(
        &mut self,
        count: usize,
        fits: impl Fn(Instant) -> bool,
        statistics: &mut Statistics,
    ) -> usize {
        let Self { pool, grants, .. } = self;
        let before = grants.len();
        let idle = core::iter::from_fn(|| {
            grants.oldest().filter(|&used| fits(used)).and_then(|_| grants.evict())
        });
        // A frame that is stuck is lost, and counted by the platform.
        let _ = pool.unmap(idle.take(count));
        let evicted = before - grants.len();
        statistics.persistent_evictions += evicted as u64;
        statistics.persistent_grants = statistics.persistent_grants.saturating_sub(evicted as u64);
        evicted
    }

    /// Ends a request's use of its pages. Those that are no persistent grants are unmapped.
    pub(super) fn release(&mut self, pages: &mut RequestPages<P>) -> Result<(), MapError> {
        let Self { pool, grants, now } = self;
        pool.unmap(core::iter::from_fn(|| {
            loop {
                let RequestPage { page, entry, .. } = pages.pop()?;
                match (page, entry) {
                    (Some(page), Some(entry)) => grants.put(entry, page, *now),
                    (page, _) => {
                        if page.is_some() {
                            return page;
                        }
                    }
                }
            }
        }))
    }

    /// Begins a poll at `now`: unmaps some of the grants that were not used for [`IDLE`].
    pub(super) fn purge(&mut self, now: Instant, statistics: &mut Statistics) {
        self.now = now;
        self.evict_while(MAX_PAGES, |used| used + IDLE <= now, statistics);
    }

    /// Returns the time at which the next grant is to be unmapped.
    pub(super) fn purge_due(&self) -> Option<Instant> {
        self.grants.oldest().map(|used| used + IDLE)
    }
}

type Batch<'b, P> = Vec<&'b mut RequestPage<P>, MAX_PAGES>;

impl<P: ForeignFrames> Drop for PersistentGrants<P> {
    fn drop(&mut self) {
        let Self { pool, grants, .. } = self;
        let _ = pool.unmap(core::iter::from_fn(|| grants.evict()));
    }
}
