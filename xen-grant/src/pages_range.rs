//! A part of pages as memory that can be granted.

use crate::OwnedFrames;
use core::ops::Range;
use xen_hypercall::{Claims, Gfn, PAGE_SIZE, Pages, Platform, SharedPages};

/// A range of bytes of pages, which it owns. Granted are the pages that the range touches, as a
/// whole.
#[derive(Debug)]
pub struct PagesRange<P: Platform> {
    pages: Pages<P>,
    range: Range<usize>,
}

impl<P: Platform> PagesRange<P> {
    /// Selects the bytes `range` of `pages`.
    ///
    /// # Errors
    ///
    /// The pages, if the range is empty or not within them.
    pub fn new(pages: Pages<P>, range: Range<usize>) -> Result<Self, Pages<P>> {
        if range.is_empty() || range.end > pages.count() * PAGE_SIZE {
            return Err(pages);
        }
        Ok(Self { pages, range })
    }

    /// Returns the range, in bytes from the start of the first page.
    pub fn range(&self) -> Range<usize> {
        self.range.clone()
    }

    /// Returns the selected bytes.
    pub fn as_slice(&self) -> &[u8] {
        self.pages.as_slice().get(self.range()).unwrap_or_default()
    }

    /// Returns the selected bytes, for writing.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        let range = self.range();
        self.pages.as_mut_slice().get_mut(range).unwrap_or_default()
    }

    /// Returns the pages.
    pub fn into_pages(self) -> Pages<P> {
        self.pages
    }
}

// SAFETY: the frames are some of those of the pages, which the value owns and alone gives access
// to; the range never changes.
unsafe impl<P: Platform> OwnedFrames for PagesRange<P> {
    type Platform = P;

    fn claims(&self) -> &Claims {
        self.pages.claims()
    }

    fn frames(&self) -> impl Iterator<Item = Gfn> + Clone {
        let pages = self.range.start / PAGE_SIZE..self.range.end.div_ceil(PAGE_SIZE);
        pages.map_while(|index| self.pages.gfn(index))
    }

    fn into_deferred(self) -> Option<SharedPages<P>> {
        self.pages.into_deferred()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::memory::Memory;
    use std::vec::Vec;

    #[test]
    fn range_has_the_frames_it_touches() {
        let pages = |count| Pages::alloc(Memory::default(), count).unwrap();
        for (range, expected) in [
            (0..1, 0..1),
            (0..PAGE_SIZE, 0..1),
            (PAGE_SIZE - 1..PAGE_SIZE + 1, 0..2),
            (PAGE_SIZE..3 * PAGE_SIZE, 1..3),
        ] {
            let mut part = PagesRange::new(pages(3), range.clone()).unwrap();
            part.as_mut_slice().fill(7);
            let found: Vec<_> = part.frames().collect();
            assert_eq!((part.as_slice().len(), part.range()), (range.len(), range.clone()));
            let pages = part.into_pages();
            assert!(found.iter().copied().eq(expected.filter_map(|index| pages.gfn(index))));
            let written = pages.as_slice().iter().filter(|&&byte| byte == 7).count();
            assert_eq!((written, pages.as_slice()[range.start]), (range.len(), 7));
        }
        for range in [0..0, 5..5, 0..PAGE_SIZE + 1, PAGE_SIZE..PAGE_SIZE + 1, 0..usize::MAX] {
            assert!(PagesRange::new(pages(1), range).is_err());
        }
    }
}
