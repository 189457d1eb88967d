//! One end of one direction of bytes: what all byte rings have in common.

use crate::Corrupt;
use xen_hypercall::sync::Ordering;
use xen_hypercall::{SharedMem, SharedU32};

/// Where one direction lies: its two indices, and `size` bytes (a power of two) of `data` from byte `start` on.
#[derive(Clone, Copy)]
pub(crate) struct Direction<'m> {
    pub(crate) cons: SharedU32<'m>,
    pub(crate) prod: SharedU32<'m>,
    pub(crate) data: &'m SharedMem,
    pub(crate) start: usize,
    pub(crate) size: u32,
}

impl Direction<'_> {
    /// Splits a run of `len` bytes at `index` where it meets the ring's end: offset and length of the first part, the rest lies at
    /// `start`.
    fn split(&self, index: u32, len: usize) -> (usize, usize) {
        let at = index & (self.size - 1);
        (self.start + at as usize, len.min((self.size - at) as usize))
    }
}

/// This end's own index, which is kept here: what lies in the page is for the peer to read and may be written by anybody.
#[derive(Debug)]
pub(crate) struct Cursor {
    own: u32,
    poison: Option<Corrupt>,
}

impl Cursor {
    /// Goes on where the page says that the writer stopped.
    pub(crate) fn writer(ring: Direction<'_>) -> Self {
        Self { own: ring.prod.load(Ordering::Relaxed), poison: None }
    }

    /// Goes on where the page says that the reader stopped.
    pub(crate) fn reader(ring: Direction<'_>) -> Self {
        Self { own: ring.cons.load(Ordering::Relaxed), poison: None }
    }

    /// Returns the number of bytes in the ring, given the peer's index, if that is possible.
    fn used(&mut self, found: u32, used: u32, limit: u32) -> Result<u32, Corrupt> {
        if self.poison.is_none() && used > limit {
            self.poison = Some(Corrupt { found, own: self.own, limit });
        }
        self.poison.map_or(Ok(used), Err)
    }

    /// Returns how many bytes there is room for.
    pub(crate) fn free(&mut self, ring: Direction<'_>) -> Result<usize, Corrupt> {
        let cons = ring.cons.load(Ordering::Acquire);
        let used = self.used(cons, self.own.wrapping_sub(cons), ring.size)?;
        Ok((ring.size - used) as usize)
    }

    /// Returns how many bytes there are to read.
    pub(crate) fn available(&mut self, ring: Direction<'_>) -> Result<usize, Corrupt> {
        let prod = ring.prod.load(Ordering::Acquire);
        self.used(prod, prod.wrapping_sub(self.own), ring.size).map(|used| used as usize)
    }

    /// Writes as many of `bytes` as there is room for, publishes them, and returns how many.
    pub(crate) fn write(&mut self, ring: Direction<'_>, bytes: &[u8]) -> Result<usize, Corrupt> {
        let count = self.free(ring)?.min(bytes.len());
        let (offset, first) = ring.split(self.own, count);
        if let Some((head, tail)) = bytes.get(..count).and_then(|bytes| bytes.split_at_checked(first)) {
            // Both lie within the memory, as whoever made the direction has checked.
            let _ = ring.data.copy_from(offset, head).and_then(|()| ring.data.copy_from(ring.start, tail));
        }
        self.own = self.own.wrapping_add(count as u32);
        ring.prod.store(self.own, Ordering::Release);
        Ok(count)
    }

    /// Takes as many bytes as there are and `buffer` holds, and returns how many.
    pub(crate) fn read(&mut self, ring: Direction<'_>, buffer: &mut [u8]) -> Result<usize, Corrupt> {
        let count = self.available(ring)?.min(buffer.len());
        let (offset, first) = ring.split(self.own, count);
        if let Some((head, tail)) =
            buffer.get_mut(..count).and_then(|bytes| bytes.split_at_mut_checked(first))
        {
            // Both lie within the memory, as whoever made the direction has checked.
            let _ = ring.data.copy_to(offset, head).and_then(|()| ring.data.copy_to(ring.start, tail));
        }
        self.own = self.own.wrapping_add(count as u32);
        // Release also keeps the copies above before the store: the writer reuses the room as soon as it sees the index.
        ring.cons.store(self.own, Ordering::Release);
        Ok(count)
    }
}
