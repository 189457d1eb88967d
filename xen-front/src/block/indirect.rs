//! The pages with the segments of indirect requests.

use super::{BlkFrontError, MAX_PAGES, MAX_SEGMENTS};
use xen_grant::{GrantTable, Granted, ReadWrite};
use xen_hypercall::{DomId, GrantRef, PageVec, Pages, Platform};
use xen_sys::io::blkif::BlkifRequestSegment;
use zerocopy::IntoBytes;

/// A page for the segments of each request in flight, granted for the whole connection.
///
/// The page of a request is that of its slot in the table of requests. All pages are writable by
/// the backend, since backends with persistent grants map all pages for writing. The driver never
/// reads them.
#[derive(Debug)]
pub(super) struct IndirectPages<P: Platform> {
    pages: PageVec<P, Granted<P, ReadWrite>>,
    /// The most segments of a request.
    limit: usize,
}

impl<P: Platform> IndirectPages<P> {
    /// Grants the pages of requests with slots below `count`, to a backend that accepts `limit`
    /// segments.
    pub(super) fn alloc(
        grants: &GrantTable<P>,
        peer: DomId,
        count: usize,
        limit: u32,
    ) -> Result<Self, BlkFrontError> {
        let platform = grants.platform();
        let mut pages = PageVec::with_capacity(platform.clone(), count)?;
        for _ in 0..count {
            let page = Pages::alloc(platform.clone(), 1)?;
            // The capacity is reserved.
            let _ = pages.push(grants.grant_access(page, peer).map_err(|failed| failed.error)?);
        }
        Ok(Self { pages, limit: MAX_SEGMENTS.min(limit as usize) })
    }

    /// Returns the most segments of the request in a slot on one slot of the ring.
    #[inline]
    pub(super) fn limit(&self, slot: u16) -> usize {
        if usize::from(slot) < self.pages.len() { self.limit } else { MAX_PAGES }
    }

    /// Writes the segments of the request in a slot to its page, and returns the reference of that.
    pub(super) fn write(&self, slot: u16, segments: &[BlkifRequestSegment]) -> Option<GrantRef> {
        let page = self.pages.get(usize::from(slot))?;
        page.as_ref().copy_from(0, segments.as_bytes())?;
        Some(page.reference())
    }
}
