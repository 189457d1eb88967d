//! Cursor of a byte ring: common part of all byte rings.

use crate::Corrupt;
use xen_hypercall::sync::Ordering;
use xen_hypercall::{SharedMem, SharedU32};

/// Memory of one direction: its two indices, and `size` bytes (a power of two) of `data`.
pub(crate) struct Direction<'m, M = &'m SharedMem> {
    pub(crate) cons: SharedU32<'m>,
    pub(crate) prod: SharedU32<'m>,
    pub(crate) data: Data<'m, M>,
    pub(crate) size: u32,
}

/// Memory of a direction's bytes.
pub(crate) enum Data<'m, M = &'m SharedMem> {
    /// Contiguous, from an offset on.
    Whole(&'m SharedMem, usize),
    /// In parts of `1 << order` bytes.
    Parts { parts: &'m [M], order: u32 },
}

impl<M: AsRef<SharedMem>> Direction<'_, M> {
    /// Returns the longest contiguous run of at most `len` bytes at `index`: its memory, offset and
    /// length.
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

/// Own index of this end. It is kept privately: the index in the page is for the peer, and any
/// domain with access may write it.
#[derive(Debug)]
pub(crate) struct Cursor {
    own: u32,
    poison: Option<Corrupt>,
}

impl Cursor {
    /// Continues at the writer's index in the page.
    pub(crate) fn writer(ring: &Direction<'_, impl AsRef<SharedMem>>) -> Self {
        Self { own: ring.prod.load(Ordering::Relaxed), poison: None }
    }

    /// Continues at the reader's index in the page.
    pub(crate) fn reader(ring: &Direction<'_, impl AsRef<SharedMem>>) -> Self {
        Self { own: ring.cons.load(Ordering::Relaxed), poison: None }
    }

    /// Returns the number of bytes in the ring, if the peer's index is possible.
    fn used(&mut self, found: u32, used: u32, limit: u32) -> Result<u32, Corrupt> {
        if self.poison.is_none() && used > limit {
            self.poison = Some(Corrupt { found, own: self.own, limit });
        }
        self.poison.map_or(Ok(used), Err)
    }

    /// Returns the number of bytes that can be written.
    pub(crate) fn free(
        &mut self,
        ring: &Direction<'_, impl AsRef<SharedMem>>,
    ) -> Result<usize, Corrupt> {
        let cons = ring.cons.load(Ordering::Acquire);
        let used = self.used(cons, self.own.wrapping_sub(cons), ring.size)?;
        Ok((ring.size - used) as usize)
    }

    /// Returns the number of bytes that can be read.
    pub(crate) fn available(
        &mut self,
        ring: &Direction<'_, impl AsRef<SharedMem>>,
    ) -> Result<usize, Corrupt> {
        let prod = ring.prod.load(Ordering::Acquire);
        self.used(prod, prod.wrapping_sub(self.own), ring.size).map(|used| used as usize)
    }

    /// Writes `bytes` as far as there is room, publishes these, and returns their number.
    pub(crate) fn write(
        &mut self,
        ring: &Direction<'_, impl AsRef<SharedMem>>,
        bytes: &[u8],
    ) -> Result<usize, Corrupt> {
        let count = self.free(ring)?.min(bytes.len());
        let mut rest = bytes.get(..count).unwrap_or_default();
        // Every run lies within its memory and is not empty, as the constructor of the direction
        // has checked.
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

    /// Takes bytes as far as there are any and `buffer` has room, and returns their number.
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
