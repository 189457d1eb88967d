//! One end of one direction of bytes: what all byte rings have in common.

use crate::Corrupt;
use xen_hypercall::sync::Ordering;
use xen_hypercall::{SharedMem, SharedU32};

/// Where one direction lies: its two indices, and `size` bytes (a power of two) of `data`.
pub(crate) struct Direction<'m, M = &'m SharedMem> {
    pub(crate) cons: SharedU32<'m>,
    pub(crate) prod: SharedU32<'m>,
    pub(crate) data: Data<'m, M>,
    pub(crate) size: u32,
}

/// Where the bytes of a direction lie.
pub(crate) enum Data<'m, M = &'m SharedMem> {
    /// Side by side, from an offset on.
    Whole(&'m SharedMem, usize),
    /// In parts of `1 << order` bytes.
    Parts { parts: &'m [M], order: u32 },
}

impl<M: AsRef<SharedMem>> Direction<'_, M> {
    /// Finds the longest run of at most `len` bytes at `index` that lies side by side: its memory,
    /// offset and length.
    fn run(&self, index: u32, len: usize) -> Option<(&SharedMem, usize, usize)> {
        let at = index & (self.size - 1);
        match self.data {
            Data::Whole(mem, start) => {
                Some((mem, start + at as usize, len.min((self.size - at) as usize)))
            }
            Data::Parts { parts, order } => {
                let size = 1 << order;
                let offset = (at & (size - 1)) as usize;
                let part = parts.get((at >> order) as usize)?;
                Some((part.as_ref(), offset, len.min(size as usize - offset)))
            }
        }
    }
}

/// This end's own index, which is kept here: what lies in the page is for the peer to read and may
/// be written by anybody.
#[derive(Debug)]
pub(crate) struct Cursor {
    own: u32,
    poison: Option<Corrupt>,
}

impl Cursor {
    /// Goes on where the page says that the writer stopped.
    pub(crate) fn writer(ring: &Direction<'_, impl AsRef<SharedMem>>) -> Self {
        Self { own: ring.prod.load(Ordering::Relaxed), poison: None }
    }

    /// Goes on where the page says that the reader stopped.
    pub(crate) fn reader(ring: &Direction<'_, impl AsRef<SharedMem>>) -> Self {
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
    pub(crate) fn free(
        &mut self,
        ring: &Direction<'_, impl AsRef<SharedMem>>,
    ) -> Result<usize, Corrupt> {
        let cons = ring.cons.load(Ordering::Acquire);
        let used = self.used(cons, self.own.wrapping_sub(cons), ring.size)?;
        Ok((ring.size - used) as usize)
    }

    /// Returns how many bytes there are to read.
    pub(crate) fn available(
        &mut self,
        ring: &Direction<'_, impl AsRef<SharedMem>>,
    ) -> Result<usize, Corrupt> {
        let prod = ring.prod.load(Ordering::Acquire);
        self.used(prod, prod.wrapping_sub(self.own), ring.size).map(|used| used as usize)
    }

    /// Writes as many of `bytes` as there is room for, publishes them, and returns how many.
    pub(crate) fn write(
        &mut self,
        ring: &Direction<'_, impl AsRef<SharedMem>>,
        bytes: &[u8],
    ) -> Result<usize, Corrupt> {
        let count = self.free(ring)?.min(bytes.len());
        let mut rest = bytes.get(..count).unwrap_or_default();
        // Every run lies within its memory, and is not empty, as whoever made the direction has
        // checked.
        while let Some((mem, offset, len)) = ring.run(self.own, rest.len())
            && let Some((run, behind)) = rest.split_at_checked(len)
            && !run.is_empty()
        {
            let _ = mem.copy_from(offset, run);
            self.own = self.own.wrapping_add(len as u32);
            rest = behind;
        }
        ring.prod.store(self.own, Ordering::Release);
        Ok(count)
    }

    /// Takes as many bytes as there are and `buffer` holds, and returns how many.
    pub(crate) fn read(
        &mut self,
        ring: &Direction<'_, impl AsRef<SharedMem>>,
        buffer: &mut [u8],
    ) -> Result<usize, Corrupt> {
        let count = self.available(ring)?.min(buffer.len());
        let mut rest = buffer.get_mut(..count).unwrap_or_default();
        // As in `write`.
        while let Some((mem, offset, len)) = ring.run(self.own, rest.len())
            && let Some((run, behind)) = rest.split_at_mut_checked(len)
            && !run.is_empty()
        {
            let _ = mem.copy_to(offset, run);
            self.own = self.own.wrapping_add(len as u32);
            rest = behind;
        }
        // Release also keeps the copies above before the store: the writer reuses the room as soon
        // as it sees the index.
        ring.cons.store(self.own, Ordering::Release);
        Ok(count)
    }
}
