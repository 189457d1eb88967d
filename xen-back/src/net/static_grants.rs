//! Static grants: pages that a frontend keeps granted, and that stay mapped.
//!
//! Source: "Static Grants" and `XEN_NETIF_CTRL_TYPE_ADD_GREF_MAPPING` in `io/netif.h`.

use core::fmt;
use xen_grant::{GrantMapArea, GrantMapPool, GrantMapping, MappedPage, ReadOnly};
use xen_hypercall::{DomId, ForeignFrames, GrantRef, PAGE_SIZE, PageVec, ReadOnlyMem, SharedMem};
use xen_sys::io::netif::{NetifGrefStatus, XEN_NETIF_CTRLF_GREF_READONLY, XenNetifGref};
use xenbus::net::control::ControlError;
use zerocopy::{FromBytes, IntoBytes};

/// Bytes of an entry of a list.
const ENTRY: usize = size_of::<XenNetifGref>();

/// The most grants of a queue: a list has the size of a page, and so many buffers fill both rings.
pub(super) const MAX_GRANTS: usize = PAGE_SIZE / ENTRY;

enum StaticPage<P: ForeignFrames> {
    Writable(MappedPage<P>),
    ReadOnly(GrantMapping<P, ReadOnly>),
}

struct Entry<P: ForeignFrames> {
    reference: GrantRef,
    page: StaticPage<P>,
}

/// The static grants of a queue.
pub(super) struct StaticGrants<P: ForeignFrames> {
    platform: P,
    guest: DomId,
    pool: GrantMapPool<P>,
    limit: usize,
    /// Sorted by reference. It has no memory before there is one.
    entries: PageVec<P, Entry<P>>,
}

impl<P: ForeignFrames> StaticGrants<P> {
    /// Creates a list for up to `limit` grants of `guest`, at most [`MAX_GRANTS`].
    pub(super) fn new(platform: &P, guest: DomId, limit: usize) -> Self {
        Self {
            platform: platform.clone(),
            guest,
            pool: GrantMapPool::new(platform.clone(), guest),
            limit: limit.min(MAX_GRANTS),
            entries: PageVec::new(platform.clone()),
        }
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Maps all grants of a list, or none.
    pub(super) fn add(&mut self, list: &[u8]) -> Result<(), ControlError> {
        let entries = || list.chunks_exact(ENTRY).filter_map(read);
        if entries().count() > self.limit.saturating_sub(self.entries.len()) {
            return Err(ControlError::InvalidParameter);
        }
        for (index, entry) in entries().enumerate() {
            if self.add_one(entry).is_none() {
                // Those before it are of this list, each once.
                let pages =
                    entries().take(index).filter_map(|entry| take(&mut self.entries, entry));
                unmap(&mut self.pool, pages);
                return Err(ControlError::InvalidParameter);
            }
        }
        Ok(())
    }

    /// Maps a grant that is not mapped yet.
    fn add_one(&mut self, entry: XenNetifGref) -> Option<()> {
        let XenNetifGref { ref_: reference, flags, .. } = entry;
        if flags & !XEN_NETIF_CTRLF_GREF_READONLY != 0 {
            return None;
        }
        let Err(index) = find(&self.entries, reference) else { return None };
        let page = if flags & XEN_NETIF_CTRLF_GREF_READONLY != 0 {
            let area = GrantMapArea::reserve(self.platform.clone(), 1).ok()?;
            StaticPage::ReadOnly(area.map(self.guest, &[reference]).ok()?)
        } else {
            let mut page = None;
            let mapped = self.pool.map(&[reference], |_, mapped| page = Some(mapped));
            mapped.ok()?;
            StaticPage::Writable(page?)
        };
        self.entries.push(Entry { reference, page }).ok()?;
        self.entries.get_mut(index..)?.rotate_right(1);
        Some(())
    }

    /// Unmaps the grants of a list, and writes the status of each. Returns the number of those that
    /// were mapped.
    pub(super) fn remove(&mut self, list: &mut [u8]) -> u32 {
        let Self { pool, entries, .. } = self;
        let mut removed = 0;
        let pages = list.chunks_exact_mut(ENTRY).filter_map(|slot| {
            let mut entry = read(slot)?;
            let page = take(entries, entry);
            entry.status = match page {
                Some(_) => NetifGrefStatus::SUCCESS,
                None => NetifGrefStatus::INVALID_PARAMETER,
            };
            removed += u32::from(page.is_some());
            slot.copy_from_slice(entry.as_bytes());
            page
        });
        unmap(pool, pages);
        entries.free_if_empty();
        removed
    }

    /// Copies out of a page. `None` if it is not mapped.
    pub(super) fn read(&self, reference: GrantRef, offset: usize, target: &mut [u8]) -> Option<()> {
        let index = find(&self.entries, reference).ok()?;
        match &self.entries.get(index)?.page {
            StaticPage::Writable(page) => {
                let memory: &SharedMem = page.as_ref();
                memory.copy_to(offset, target)
            }
            StaticPage::ReadOnly(page) => {
                let memory: &ReadOnlyMem = page.as_ref();
                memory.copy_to(offset, target)
            }
        }
    }

    /// Copies to `offset` of a page. `None` if it is not mapped for writing.
    pub(super) fn write(&self, reference: GrantRef, offset: usize, source: &[u8]) -> Option<()> {
        let index = find(&self.entries, reference).ok()?;
        match &self.entries.get(index)?.page {
            StaticPage::Writable(page) => page.as_ref().copy_from(offset, source),
            StaticPage::ReadOnly(_) => None,
        }
    }
}

fn read(slot: &[u8]) -> Option<XenNetifGref> {
    XenNetifGref::read_from_bytes(slot).ok()
}

/// Returns the place of a reference, or the one for it.
fn find<P: ForeignFrames>(entries: &[Entry<P>], reference: GrantRef) -> Result<usize, usize> {
    entries.binary_search_by_key(&reference.0, |entry| entry.reference.0)
}

/// Takes a grant off the list.
fn take<P: ForeignFrames>(
    entries: &mut PageVec<P, Entry<P>>,
    entry: XenNetifGref,
) -> Option<StaticPage<P>> {
    let index = find(entries, entry.ref_).ok()?;
    entries.get_mut(index..)?.rotate_left(1);
    entries.pop().map(|entry| entry.page)
}

/// Unmaps pages, those that are writable in batches.
fn unmap<P: ForeignFrames>(pool: &mut GrantMapPool<P>, pages: impl Iterator<Item = StaticPage<P>>) {
    // A frame that stays mapped is lost, and counted.
    let _ = pool.unmap(pages.filter_map(|page| match page {
        StaticPage::Writable(page) => Some(page),
        // It is unmapped here.
        StaticPage::ReadOnly(_) => None,
    }));
}

impl<P: ForeignFrames> Drop for StaticGrants<P> {
    fn drop(&mut self) {
        let Self { pool, entries, .. } = self;
        unmap(pool, core::iter::from_fn(|| entries.pop().map(|entry| entry.page)));
    }
}

impl<P: ForeignFrames> fmt::Debug for StaticGrants<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticGrants")
            .field("limit", &self.limit)
            .field("mapped", &self.entries.len())
            .finish_non_exhaustive()
    }
}
