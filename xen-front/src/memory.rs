//! The memory of a request.

use core::ops::Range;
use xen_grant::{DmaBuffer, OwnedFrames, PagesRange};
use xen_hypercall::{PAGE_SIZE, Pages, Platform};

/// The data of a request in one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The offset of the data in the frame, in bytes.
    pub offset: usize,
    /// The length of the data in bytes.
    pub len: usize,
}

/// The memory of a request: a list of segments, each a part of one frame.
///
/// A kernel implements it for the pages of its page cache or DMA pool, so that requests transfer
/// them without a copy. The driver owns the value until the request completes, and the backend has
/// access meanwhile to the frames that the request transfers, as a whole ([`OwnedFrames`]).
///
/// A backend that keeps what it maps ([persistent grants]) gets no access to private memory: the
/// driver copies the data. With [`DmaBuffer`]s it copies nothing.
///
/// [persistent grants]: crate::block::BlkFrontConfig::persistent_pages
///
/// A wrong implementation transfers wrong bytes of the value's own frames, and never accesses other
/// memory: that is what the `unsafe` implementation of [`OwnedFrames`] ensures.
pub trait IoMemory: OwnedFrames {
    /// All values are [DMA buffers](Self::dma_buffer): the driver needs no pages to copy through.
    const IS_DMA: bool = false;

    /// Returns the segments: one for each frame, in the order of
    /// [`frames`](OwnedFrames::frames).
    ///
    /// A block device transfers offsets and lengths that are multiples of 512. It refuses memory
    /// with fewer frames than segments.
    fn segments(&self) -> impl Iterator<Item = Segment> + Clone;

    /// Returns the bytes of segment `index`. The driver zeroes the segment where a request must not
    /// show its earlier content, and copies its data where the frames are not granted.
    fn segment_mut(&mut self, index: usize) -> Option<&mut [u8]>;

    /// Returns the buffer that stays granted, if the value is one. Its pages are the segments.
    fn dma_buffer(&mut self) -> Option<&mut DmaBuffer<Self::Platform>> {
        None
    }
}

/// Whole pages, one segment each.
impl<P: Platform> IoMemory for Pages<P> {
    #[inline]
    fn segments(&self) -> impl Iterator<Item = Segment> + Clone {
        core::iter::repeat_n(Segment { offset: 0, len: PAGE_SIZE }, self.count())
    }

    #[inline]
    fn segment_mut(&mut self, index: usize) -> Option<&mut [u8]> {
        self.as_mut_slice().chunks_mut(PAGE_SIZE).nth(index)
    }
}

/// Whole pages, one segment each, which stay granted from one request to the next.
impl<P: Platform> IoMemory for DmaBuffer<P> {
    const IS_DMA: bool = true;

    #[inline]
    fn segments(&self) -> impl Iterator<Item = Segment> + Clone {
        core::iter::repeat_n(Segment { offset: 0, len: PAGE_SIZE }, self.count())
    }

    /// Returns `None`: the memory is shared, and accessed by copies only.
    fn segment_mut(&mut self, _index: usize) -> Option<&mut [u8]> {
        None
    }

    #[inline]
    fn dma_buffer(&mut self) -> Option<&mut Self> {
        Some(self)
    }
}

/// The bytes of the range, one segment for each page that it touches.
impl<P: Platform> IoMemory for PagesRange<P> {
    fn segments(&self) -> impl Iterator<Item = Segment> + Clone {
        let Range { start, end } = self.range();
        (start / PAGE_SIZE..end.div_ceil(PAGE_SIZE)).map(move |page| {
            let (from, to) = (start.max(page * PAGE_SIZE), end.min((page + 1) * PAGE_SIZE));
            Segment { offset: from % PAGE_SIZE, len: to - from }
        })
    }

    fn segment_mut(&mut self, index: usize) -> Option<&mut [u8]> {
        let segment = self.segments().nth(index)?;
        let start = self.segments().take(index).map(|segment| segment.len).sum();
        self.as_mut_slice().get_mut(start..)?.get_mut(..segment.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;
    use xen_sim::{DomainConfig, World};

    #[test]
    fn range_is_split_at_pages() {
        let guest = World::new(1).create_guest(DomainConfig::new("guest"));
        let pages = Pages::alloc(guest, 3).unwrap();
        let mut part = PagesRange::new(pages, 4608..9216).unwrap();
        let segments: Vec<_> = part.segments().collect();
        assert_eq!(
            segments,
            [Segment { offset: 512, len: 3584 }, Segment { offset: 0, len: 1024 }]
        );
        part.segment_mut(0).unwrap().fill(1);
        part.segment_mut(1).unwrap().fill(2);
        assert!(part.segment_mut(2).is_none());
        let expected = [[1; 3584].as_slice(), &[2; 1024]].concat();
        assert_eq!(part.as_slice(), expected);
        assert_eq!(part.into_pages().as_slice()[4608..9216], expected);
    }

    #[test]
    fn pages_are_whole_segments() {
        let guest = World::new(1).create_guest(DomainConfig::new("guest"));
        let mut pages = Pages::alloc(guest, 2).unwrap();
        assert!(IoMemory::segments(&pages).eq([Segment { offset: 0, len: 4096 }; 2]));
        pages.segment_mut(1).unwrap().fill(1);
        assert!(pages.as_slice()[..4096] == [0; 4096] && pages.as_slice()[4096..] == [1; 4096]);
        assert!(pages.segment_mut(2).is_none());
    }
}
