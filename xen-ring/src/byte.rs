//! Byte rings: a stream of bytes in one direction, as console and xenstore use them.

use crate::Corrupt;
use xen_hypercall::sync::Ordering;
use xen_hypercall::{PAGE_SIZE, SharedMem};

/// What both ends of a byte ring have in common: where it lies in its page, and this end's own index.
///
/// Byte offsets within the first page: `DATA` of the bytes, `SIZE` of them (a power of two), `CONS` and `PROD` of the indices.
/// Indices are free-running and need not start at 0, so an end attaches to whatever index it left in the page before.
///
/// Source: `xencons_interface` in `io/console.h`, `xenstore_domain_interface` in `io/xs_wire.h`.
#[derive(Debug)]
pub struct ByteRing<const DATA: usize, const SIZE: usize, const CONS: usize, const PROD: usize> {
    own: u32,
    poison: Option<Corrupt>,
}

impl<const DATA: usize, const SIZE: usize, const CONS: usize, const PROD: usize>
    ByteRing<DATA, SIZE, CONS, PROD>
{
    const CHECKED_SIZE: u32 = {
        assert!(SIZE.is_power_of_two() && DATA + SIZE <= PAGE_SIZE);
        SIZE as u32
    };

    fn attached(own: u32) -> Self {
        Self { own, poison: None }
    }

    /// Returns the number of bytes in the ring, given the peer's index, if that is possible.
    fn used(&mut self, found: u32, used: u32) -> Result<u32, Corrupt> {
        if self.poison.is_none() && used > Self::CHECKED_SIZE {
            self.poison = Some(Corrupt { found, own: self.own, limit: Self::CHECKED_SIZE });
        }
        self.poison.map_or(Ok(used), Err)
    }

    /// Splits a run of `len` bytes at `index` where it meets the ring's end: offset and length of the first part,
    /// the rest starts at `DATA`.
    fn split(index: u32, len: usize) -> (usize, usize) {
        let at = index as usize % SIZE;
        (DATA + at, len.min(SIZE - at))
    }
}

/// The end that writes.
#[derive(Debug)]
pub struct ByteProducer<const DATA: usize, const SIZE: usize, const CONS: usize, const PROD: usize>(
    ByteRing<DATA, SIZE, CONS, PROD>,
);

/// The end that reads.
#[derive(Debug)]
pub struct ByteConsumer<const DATA: usize, const SIZE: usize, const CONS: usize, const PROD: usize>(
    ByteRing<DATA, SIZE, CONS, PROD>,
);

impl<const DATA: usize, const SIZE: usize, const CONS: usize, const PROD: usize>
    ByteProducer<DATA, SIZE, CONS, PROD>
{
    /// Takes up writing where the page says that this end stopped.
    pub fn attach(mem: &SharedMem) -> Self {
        Self(ByteRing::attached(mem.u32::<PROD>().load(Ordering::Relaxed)))
    }

    /// Returns how many bytes there is room for.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if the reader's index is ahead of ours or too far behind, now or at any time before.
    pub fn free(&mut self, mem: &SharedMem) -> Result<usize, Corrupt> {
        let cons = mem.u32::<CONS>().load(Ordering::Acquire);
        let used = self.0.used(cons, self.0.own.wrapping_sub(cons))?;
        Ok(SIZE - used as usize)
    }

    /// Writes as many of `bytes` as there is room for, publishes them, and returns how many. If any, notify the peer.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] as from [`free`](Self::free); nothing is written.
    pub fn write(&mut self, mem: &SharedMem, bytes: &[u8]) -> Result<usize, Corrupt> {
        let count = self.free(mem)?.min(bytes.len());
        let (offset, first) = ByteRing::<DATA, SIZE, CONS, PROD>::split(self.0.own, count);
        if let Some((head, tail)) = bytes.get(..count).and_then(|bytes| bytes.split_at_checked(first)) {
            // Both lie within the page, by CHECKED_SIZE.
            let _ = mem.copy_from(offset, head).and_then(|()| mem.copy_from(DATA, tail));
        }
        self.0.own = self.0.own.wrapping_add(count as u32);
        mem.u32::<PROD>().store(self.0.own, Ordering::Release);
        Ok(count)
    }

    /// Tells whether the reader has taken everything.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] as from [`free`](Self::free).
    pub fn is_drained(&mut self, mem: &SharedMem) -> Result<bool, Corrupt> {
        Ok(self.free(mem)? == SIZE)
    }
}

impl<const DATA: usize, const SIZE: usize, const CONS: usize, const PROD: usize>
    ByteConsumer<DATA, SIZE, CONS, PROD>
{
    /// Takes up reading where the page says that this end stopped.
    pub fn attach(mem: &SharedMem) -> Self {
        Self(ByteRing::attached(mem.u32::<CONS>().load(Ordering::Relaxed)))
    }

    /// Returns how many bytes there are to read.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if the writer's index is behind ours or too far ahead, now or at any time before.
    pub fn available(&mut self, mem: &SharedMem) -> Result<usize, Corrupt> {
        let prod = mem.u32::<PROD>().load(Ordering::Acquire);
        self.0.used(prod, prod.wrapping_sub(self.0.own)).map(|used| used as usize)
    }

    /// Takes as many bytes as there are and `buffer` holds, and returns how many. If any, notify the peer.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] as from [`available`](Self::available); nothing is taken.
    pub fn read(&mut self, mem: &SharedMem, buffer: &mut [u8]) -> Result<usize, Corrupt> {
        let count = self.available(mem)?.min(buffer.len());
        let (offset, first) = ByteRing::<DATA, SIZE, CONS, PROD>::split(self.0.own, count);
        if let Some((head, tail)) =
            buffer.get_mut(..count).and_then(|bytes| bytes.split_at_mut_checked(first))
        {
            // Both lie within the page, by CHECKED_SIZE.
            let _ = mem.copy_to(offset, head).and_then(|()| mem.copy_to(DATA, tail));
        }
        self.0.own = self.0.own.wrapping_add(count as u32);
        // Release also keeps the copies above before the store: the writer reuses the room as soon as it sees the index.
        mem.u32::<CONS>().store(self.0.own, Ordering::Release);
        Ok(count)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::{boxed::Box, vec, vec::Vec};
    use xen_hypercall::Page;
    use xen_hypercall::sync::Ordering::Relaxed;

    type Producer = ByteProducer<1024, 1024, 2048, 2052>;
    type Consumer = ByteConsumer<1024, 1024, 2048, 2052>;

    fn page(start: u32) -> Box<[Page; 1]> {
        let mut page = Box::new([Page::ZERO]);
        let mem = SharedMem::from_pages(&mut page);
        mem.u32::<2048>().store(start, Relaxed);
        mem.u32::<2052>().store(start, Relaxed);
        page
    }

    #[test]
    fn a_full_ring_is_readable_and_its_indices_are_free_running() {
        let mut page = page(0xffff_ff00);
        let mem = SharedMem::from_pages(&mut page);
        let (mut tx, mut rx) = (Producer::attach(mem), Consumer::attach(mem));
        let data: Vec<u8> = (0..1500u32).map(|i| i as u8).collect();
        assert_eq!(tx.write(mem, &data), Ok(1024));
        assert_eq!(tx.write(mem, &data), Ok(0));
        assert_eq!(mem.u32::<2052>().load(Relaxed), 0x300);
        let mut out = vec![0; 2000];
        assert_eq!(rx.read(mem, &mut out), Ok(1024));
        assert_eq!(out[..1024], data[..1024]);
        assert_eq!((rx.read(mem, &mut out), tx.is_drained(mem)), (Ok(0), Ok(true)));
    }

    #[test]
    fn bytes_wrap_correctly_at_every_offset() {
        for start in 0..1024 {
            let mut page = page(start);
            let mem = SharedMem::from_pages(&mut page);
            let (mut tx, mut rx) = (Producer::attach(mem), Consumer::attach(mem));
            assert_eq!(tx.write(mem, b"sixteen bytes ok"), Ok(16));
            let mut out = [0; 16];
            assert_eq!((rx.read(mem, &mut out), &out), (Ok(16), b"sixteen bytes ok"));
        }
    }

    #[test]
    fn an_impossible_index_poisons_for_good_and_copies_nothing() {
        let mut page = page(10);
        let mem = SharedMem::from_pages(&mut page);
        let (mut tx, mut rx) = (Producer::attach(mem), Consumer::attach(mem));
        mem.u32::<2052>().store(10 + 1025, Relaxed);
        let mut out = [0xee; 8];
        let corrupt = Err(Corrupt { found: 1035, own: 10, limit: 1024 });
        assert_eq!(rx.read(mem, &mut out), corrupt);
        mem.u32::<2052>().store(11, Relaxed);
        assert_eq!((rx.read(mem, &mut out), out), (corrupt, [0xee; 8]));
        mem.u32::<2048>().store(11, Relaxed);
        assert!(tx.write(mem, b"x").is_err());
    }

    proptest! {
        #[test]
        fn a_stream_arrives_whole_in_any_chunks(start: u32, data in proptest::collection::vec(any::<u8>(), 0..5000),
            chunks in proptest::collection::vec((0usize..1500, 0usize..1500), 1..20)) {
            let mut page = page(start);
            let mem = SharedMem::from_pages(&mut page);
            let (mut tx, mut rx) = (Producer::attach(mem), Consumer::attach(mem));
            let (mut sent, mut got) = (0, Vec::new());
            for &(write, read) in chunks.iter().cycle().take(chunks.len() * 5001) {
                if got.len() == data.len() {
                    break;
                }
                let end = data.len().min(sent + write);
                sent += tx.write(mem, &data[sent..end]).unwrap();
                let mut out = vec![0; read];
                let count = rx.read(mem, &mut out).unwrap();
                got.extend_from_slice(&out[..count]);
            }
            prop_assert_eq!(&got[..], &data[..got.len()]);
            let stuck = chunks.iter().all(|c| c.0 == 0) || chunks.iter().all(|c| c.1 == 0);
            prop_assert!(stuck || got.len() == data.len());
        }
    }
}
