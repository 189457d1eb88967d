//! The segments of a request on the ring.

use super::{MAX_PAGES, MAX_SEGMENTS, RequestError, SECTOR_SIZE, SECTORS_PER_PAGE};
use crate::{IoMemory, Segment};
use heapless::Vec;
use xen_hypercall::{GrantRef, PAGE_SIZE};
use xen_sys::io::blkif::BlkifRequestSegment;

/// The segments that the sectors of a request touch; their references are set when the frames are
/// granted.
#[derive(Debug)]
pub(super) struct Segments {
    list: Vec<BlkifRequestSegment, MAX_SEGMENTS>,
    /// The most segments of a slot of the ring: more than [`MAX_PAGES`] are an indirect request.
    pub(super) limit: usize,
    /// The data is copied, through a page for each segment.
    pub(super) copied: bool,
}

impl Segments {
    /// Returns no segments; complete for a flush.
    #[inline(always)]
    pub(super) fn new() -> Self {
        Self { list: Vec::new(), limit: MAX_PAGES, copied: false }
    }

    /// Adds the segments of `sectors` sectors in `buffer`, after checking that the sectors fit into
    /// the buffer and into a request. The buffer of a request to an untrusted backend has whole
    /// pages only.
    #[inline]
    pub(super) fn add<B: IoMemory>(
        &mut self,
        buffer: &B,
        sectors: usize,
        trusted: bool,
    ) -> Result<(), RequestError> {
        let (mut left, mut limit, mut found) = (sectors, 0, 0);
        for Segment { offset, len } in buffer.segments() {
            found += 1;
            let whole = offset == 0 && len == PAGE_SIZE;
            if !whole {
                check(offset, len, trusted)?;
            }
            let part = left.min(len / SECTOR_SIZE);
            if part != 0 {
                self.push(offset / SECTOR_SIZE, part);
            }
            left -= part;
            limit += len / SECTOR_SIZE;
        }
        if found > MAX_SEGMENTS {
            return Err(RequestError::Segments { found });
        }
        if sectors == 0 || left != 0 {
            return Err(RequestError::Length { sectors, limit });
        }
        Ok(())
    }

    /// Adds segments for `sectors` sectors of data that are copied through at most `pages` pages,
    /// after checking that the sectors fit into the buffer and into a request. The buffer may be of
    /// any memory.
    pub(super) fn add_copied<B: IoMemory>(
        &mut self,
        buffer: &B,
        sectors: usize,
        pages: usize,
    ) -> Result<(), RequestError> {
        let bytes = buffer.segments().fold(0usize, |sum, part| sum.saturating_add(part.len));
        let limit = (bytes / SECTOR_SIZE).min(pages.min(MAX_SEGMENTS) * SECTORS_PER_PAGE);
        if sectors == 0 || sectors > limit {
            return Err(RequestError::Length { sectors, limit });
        }
        for first in (0..sectors).step_by(SECTORS_PER_PAGE) {
            self.push(0, (sectors - first).min(SECTORS_PER_PAGE));
        }
        self.copied = true;
        Ok(())
    }

    /// Adds a segment of `sectors` sectors of a page. A list that is too long is refused otherwise.
    #[inline]
    fn push(&mut self, first: usize, sectors: usize) {
        let (first_sect, last_sect) = (first as u8, (first + sectors - 1) as u8);
        let gref = GrantRef(0);
        let _ = self.list.push(BlkifRequestSegment { gref, first_sect, last_sect, _pad0: [0; 2] });
    }

    /// Returns the number of segments, and so of frames to be granted.
    #[inline]
    pub(super) fn count(&self) -> usize {
        self.list.len()
    }

    /// Sets the references, one for each segment.
    #[inline]
    pub(super) fn set_refs(&mut self, refs: impl Iterator<Item = GrantRef>) {
        for (segment, gref) in self.list.iter_mut().zip(refs) {
            segment.gref = gref;
        }
    }

    /// Returns the segments of a request that takes one slot of the ring.
    #[inline(always)]
    pub(super) fn list(&self) -> &[BlkifRequestSegment] {
        &self.list
    }

    /// Returns the parts of a request that takes several slots of the ring, one for each slot.
    pub(super) fn parts(&self) -> impl Iterator<Item = &[BlkifRequestSegment]> {
        self.list.chunks(MAX_PAGES)
    }

    /// Returns the number of parts.
    #[inline]
    pub(super) fn slots(&self) -> usize {
        if self.is_split() { self.count().div_ceil(MAX_PAGES) } else { 1 }
    }

    /// Returns whether the request has several parts.
    #[inline]
    pub(super) fn is_split(&self) -> bool {
        self.count() > self.limit
    }

    /// Returns whether each part has whole sectors of a disk whose sectors are `unit` times 512
    /// bytes. The caller has checked the request as a whole.
    #[inline]
    pub(super) fn has_whole_parts(&self, unit: u64) -> bool {
        if !self.is_split() {
            return true;
        }
        self.parts().all(|part| sectors(part).is_multiple_of(unit))
    }
}

/// Returns the number of sectors of segments.
pub(super) fn sectors(segments: &[BlkifRequestSegment]) -> u64 {
    segments.iter().map(|segment| u64::from(segment.last_sect - segment.first_sect) + 1).sum()
}

/// Checks a segment that is not a whole page.
fn check(offset: usize, len: usize, trusted: bool) -> Result<(), RequestError> {
    let end = offset.checked_add(len).filter(|&end| len != 0 && end <= PAGE_SIZE);
    if end.is_none() || !offset.is_multiple_of(SECTOR_SIZE) || !len.is_multiple_of(SECTOR_SIZE) {
        Err(RequestError::Segment { offset, len })
    } else if !trusted {
        Err(RequestError::SubPage { offset, len })
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec as StdVec;
    use xen_grant::PagesRange;
    use xen_hypercall::Pages;
    use xen_sim::{Domain, DomainConfig, World};

    fn pages(count: usize) -> Pages<Domain> {
        Pages::alloc(World::new(1).create_guest(DomainConfig::new("guest")), count).unwrap()
    }

    fn segments_of<B: IoMemory>(
        buffer: &B,
        sectors: usize,
        trusted: bool,
    ) -> Result<Segments, RequestError> {
        let mut segments = Segments::new();
        segments.add(buffer, sectors, trusted).map(|()| segments)
    }

    fn part(range: core::ops::Range<usize>) -> PagesRange<Domain> {
        PagesRange::new(pages(65), range).unwrap()
    }

    #[test]
    fn segments_cover_the_sectors_only() {
        let buffer = pages(11);
        for sectors in 1..=88 {
            let mut segments = segments_of(&buffer, sectors, false).unwrap();
            segments.set_refs((1..=11).map(GrantRef));
            let list = segments.list.as_slice();
            let total: usize =
                list.iter().map(|s| usize::from(s.last_sect - s.first_sect) + 1).sum();
            assert_eq!((total, list.len()), (sectors, sectors.div_ceil(8)));
            assert!(list.iter().all(|s| s.first_sect == 0 && s.last_sect < 8));
            assert!(list.iter().map(|s| s.gref.0).eq(1..=list.len() as u32));
        }
        assert!(Segments::new().list.is_empty());
    }

    #[test]
    fn sub_page_segments_have_their_sectors() {
        let segments = segments_of(&part(1024..9216), 15, true).unwrap();
        let sectors: StdVec<_> =
            segments.list.as_slice().iter().map(|s| (s.first_sect, s.last_sect)).collect();
        assert_eq!(sectors, [(2, 7), (0, 7), (0, 0)]);
        let refused = segments_of(&part(1024..9216), 15, false).unwrap_err();
        assert_eq!(refused, RequestError::SubPage { offset: 1024, len: 3072 });
    }

    #[test]
    fn misaligned_memory_is_refused() {
        let refused = |range| segments_of(&part(range), 1, true).unwrap_err();
        assert_eq!(refused(1..513), RequestError::Segment { offset: 1, len: 512 });
        assert_eq!(refused(512..1025), RequestError::Segment { offset: 512, len: 513 });
        // The second page of the buffer.
        assert_eq!(refused(3584..4100), RequestError::Segment { offset: 0, len: 4 });
        assert_eq!(refused(0..65 * 4096), RequestError::Segments { found: 65 });
    }

    #[test]
    fn impossible_segments_are_refused() {
        for (offset, len) in
            [(0, 0), (4096, 512), (3584, 1024), (usize::MAX - 511, 512), (512, usize::MAX - 511)]
        {
            assert_eq!(check(offset, len, true), Err(RequestError::Segment { offset, len }));
        }
    }

    proptest! {
        #[test]
        fn segments_lie_within_the_buffer(
            start in 0usize..96, len in 1usize..520, sectors in 0usize..530
        ) {
            let range = start * 512..(start + len).min(520) * 512;
            prop_assume!(!range.is_empty());
            let buffer = part(range.clone());
            match segments_of(&buffer, sectors, true) {
                Ok(segments) => {
                    let total: usize = segments
                        .list
                        .iter()
                        .map(|s| usize::from(s.last_sect) + 1 - usize::from(s.first_sect))
                        .sum();
                    prop_assert_eq!(total, sectors);
                    prop_assert!(total * 512 <= range.len());
                }
                Err(RequestError::Segments { found }) => prop_assert!(found > 64),
                Err(error) => {
                    let limit = range.len() / 512;
                    prop_assert_eq!(error, RequestError::Length { sectors, limit });
                    prop_assert!(sectors == 0 || sectors > limit);
                }
            }
        }
    }
}
