//! Transmit buffers: pages that the backend can read.

use super::NetFrontError;
use super::slots::MAX_SLOTS;
use core::ops::Range;
use heapless::Vec;
use xen_grant::{GrantTable, Granted, MAX_PAGES, ReadOnly};
use xen_hypercall::{DomId, GrantRef, PAGE_SIZE, Pages, Platform};

const CHUNKS: usize = MAX_SLOTS as usize / MAX_PAGES;

/// Memory that the backend can read, and that this domain alone can write.
pub(super) trait TxMemory {
    fn bytes_mut(&mut self) -> &mut [u8];
}

impl<P: Platform> TxMemory for Granted<P, ReadOnly> {
    fn bytes_mut(&mut self) -> &mut [u8] {
        self.as_mut_slice()
    }
}

/// Up to 16 pages that follow each other, with a bit of each word for each page.
#[derive(Debug)]
struct Chunk<M> {
    memory: M,
    first: GrantRef,
    /// Pages without a packet.
    free: u16,
    /// Pages without a response.
    in_flight: u16,
    /// First pages of packets.
    heads: u16,
    /// Pages of requests without a packet, which change the multicast filter.
    filters: u16,
}

/// The page that a response has freed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Completed {
    /// The first page of a packet.
    Packet,
    /// A further page of a packet.
    Part,
    /// The page of a request to change the multicast filter.
    Filter,
}

/// Pages of one chunk for a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    chunk: usize,
    start: u16,
    pages: u16,
}

impl Run {
    fn mask(self) -> u16 {
        (u16::MAX >> (16 - self.pages)) << self.start
    }

    /// Returns the numbers of the pages.
    pub(super) fn ids(self) -> Range<u16> {
        let start = (self.chunk * MAX_PAGES) as u16 + self.start;
        start..start + self.pages
    }
}

/// The transmit buffers of a queue. A packet takes pages that follow each other, so that it is
/// written as one slice.
///
/// A page keeps the bytes of the packet before, which was sent to the same backend; no other domain
/// can read it.
#[derive(Debug)]
pub(super) struct TxBuffers<M> {
    chunks: Vec<Chunk<M>, CHUNKS>,
    free: u16,
    /// The chunk of the last packet of one page.
    short: usize,
    /// The chunk of the last packet of several pages.
    long: usize,
}

impl<M: TxMemory> TxBuffers<M> {
    pub(super) const fn new() -> Self {
        Self { chunks: Vec::new(), free: 0, short: 0, long: 0 }
    }

    /// Adds `pages` pages whose references follow each other: [`MAX_PAGES`], or fewer in the last
    /// chunk.
    pub(super) fn add(&mut self, memory: M, first: GrantRef, pages: u16) {
        let free = u16::MAX.checked_shr(16 - u32::from(pages)).unwrap_or(0);
        // The caller stays below the limit.
        if self
            .chunks
            .push(Chunk { memory, first, free, in_flight: 0, heads: 0, filters: 0 })
            .is_ok()
        {
            self.free += pages;
            self.short = self.chunks.len() - 1;
        }
    }

    /// Returns the number of free pages.
    pub(super) fn free(&self) -> u16 {
        self.free
    }

    /// Returns the most pages that a packet can have.
    pub(super) fn longest(&self) -> usize {
        let first = self.chunks.first();
        first.map_or(0, |chunk| (chunk.free | chunk.in_flight).count_ones() as usize)
    }

    /// Returns the references of all pages.
    pub(super) fn references(&self) -> impl Iterator<Item = GrantRef> {
        self.chunks.iter().flat_map(|chunk| {
            let pages = (chunk.free | chunk.in_flight).count_ones();
            (0..pages).map(|page| GrantRef(chunk.first.0 + page))
        })
    }

    /// Finds free pages for a packet; [`begin`](Self::begin) takes them.
    ///
    /// Short packets have few chunks, from the last one on, so that whole chunks stay free for long
    /// ones.
    #[inline]
    pub(super) fn find(&self, pages: u16) -> Option<Run> {
        if pages > self.free {
            return None;
        }
        if pages == 1 {
            if let Some(found) = self.chunks.get(self.short).filter(|chunk| chunk.free != 0) {
                let start = found.free.trailing_zeros() as u16;
                return Some(Run { chunk: self.short, start, pages });
            }
            let mut chunks = self.chunks.iter().enumerate().rev();
            let (chunk, found) = chunks.find(|(_, chunk)| chunk.free != 0)?;
            return Some(Run { chunk, start: found.free.trailing_zeros() as u16, pages });
        }
        // Pages are freed in the order of the packets, so that these two are the likely ones.
        let likely = [self.long, self.long + 1];
        likely.into_iter().chain(0..self.chunks.len()).find_map(|chunk| {
            let start = first_run(self.chunks.get(chunk)?.free, pages)?;
            Some(Run { chunk, start, pages })
        })
    }

    /// Returns the first `len` bytes of the pages.
    pub(super) fn bytes_mut(&mut self, run: Run, len: usize) -> &mut [u8] {
        let start = usize::from(run.start) * PAGE_SIZE;
        let chunk = self.chunks.get_mut(run.chunk);
        let bytes = chunk.map(|chunk| chunk.memory.bytes_mut()).unwrap_or_default();
        bytes.get_mut(start..).and_then(|bytes| bytes.get_mut(..len)).unwrap_or_default()
    }

    /// Marks the pages as in flight, and returns the reference of the first one. The others follow.
    pub(super) fn begin(&mut self, run: Run) -> Option<GrantRef> {
        let chunk = self.chunks.get_mut(run.chunk)?;
        let mask = run.mask();
        chunk.free &= !mask;
        chunk.in_flight |= mask;
        chunk.heads |= 1 << run.start;
        self.free -= run.pages;
        let last = if run.pages == 1 { &mut self.short } else { &mut self.long };
        *last = run.chunk;
        Some(GrantRef(chunk.first.0 + u32::from(run.start)))
    }

    /// Marks one page as in flight, for a request without a packet.
    pub(super) fn begin_filter(&mut self, run: Run) -> Option<GrantRef> {
        let reference = self.begin(run)?;
        if let Some(chunk) = self.chunks.get_mut(run.chunk) {
            chunk.filters |= 1 << run.start;
        }
        Some(reference)
    }

    /// Frees the page `id`. `None` if it is not in flight.
    pub(super) fn complete(&mut self, id: u16) -> Option<Completed> {
        let chunk = self.chunks.get_mut(usize::from(id) / MAX_PAGES)?;
        let bit = 1 << (usize::from(id) % MAX_PAGES);
        if chunk.in_flight & bit == 0 {
            return None;
        }
        chunk.in_flight ^= bit;
        chunk.free |= bit;
        self.free += 1;
        if (chunk.heads | chunk.filters) & bit == 0 {
            return Some(Completed::Part);
        }
        let is_filter = chunk.filters & bit != 0;
        chunk.heads &= !bit;
        chunk.filters &= !bit;
        Some(if is_filter { Completed::Filter } else { Completed::Packet })
    }

    /// Returns the memory of a chunk.
    #[cfg(test)]
    pub(super) fn memory(&mut self, chunk: usize) -> Option<&mut M> {
        self.chunks.get_mut(chunk).map(|chunk| &mut chunk.memory)
    }
}

/// Returns the first of `pages` bits that follow each other in `free`. `pages` is at least 1.
fn first_run(free: u16, pages: u16) -> Option<u16> {
    // A bit of `starts` is set if `width` bits of `free` follow from it.
    let (mut starts, mut width) = (free, 1);
    while width < pages && starts != 0 {
        let step = width.min(pages - width);
        starts &= starts >> step;
        width += step;
    }
    (starts != 0).then(|| starts.trailing_zeros() as u16)
}

impl<P: Platform> TxBuffers<Granted<P, ReadOnly>> {
    /// Allocates `count` pages and grants `peer` access to them.
    pub(super) fn grant(
        grants: &GrantTable<P>,
        peer: DomId,
        count: u16,
    ) -> Result<Self, NetFrontError> {
        let mut buffers = Self::new();
        let mut left = count.min(MAX_SLOTS);
        while left > 0 {
            let pages = left.min(MAX_PAGES as u16);
            let memory = Pages::alloc(grants.platform().clone(), pages.into())?;
            let granted = grants
                .grant_access::<ReadOnly>(memory, peer)
                .map_err(|failed| NetFrontError::Grant(failed.error))?;
            left -= pages;
            let first = granted.reference();
            buffers.add(granted, first, pages);
        }
        Ok(buffers)
    }

    /// Ends the peer's access. Returns the number of chunks that it still uses, which the grant
    /// table defers.
    pub(super) fn end_access(self) -> usize {
        self.chunks.into_iter().filter_map(|chunk| chunk.memory.end_access().err()).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_is_first_of_its_length() {
        for free in 0..=u16::MAX {
            for pages in 1..=16 {
                let run = u16::MAX >> (16 - pages);
                let first = (0..=16 - pages).find(|start| free >> start & run == run);
                assert_eq!(first_run(free, pages), first, "{free:#x} {pages}");
            }
        }
    }
}
