//! Byte rings: a stream of bytes in one direction, as for console and xenstore.

use crate::Corrupt;
use crate::stream::{Cursor, Data, Direction};
use xen_hypercall::{PAGE_SIZE, SharedMem};

/// Returns the direction in its page.
fn direction<const DATA: usize, const SIZE: usize, const CONS: usize, const PROD: usize>(
    mem: &SharedMem,
) -> Direction<'_> {
    const { assert!(SIZE.is_power_of_two() && DATA + SIZE <= PAGE_SIZE) }
    let (cons, prod) = (mem.u32::<CONS>(), mem.u32::<PROD>());
    Direction { cons, prod, data: Data::Whole(mem, DATA), size: SIZE as u32 }
}

/// Writing end of a byte ring at a fixed offset of its page.
///
/// Byte offsets within the page: `DATA` of the bytes, of which there are `SIZE` (a power of two),
/// `CONS` and `PROD` of the indices. Indices are free-running and may start at any value: an end
/// attaches at the index that it left in the page.
///
/// Source: `xencons_interface` in `io/console.h`, `xenstore_domain_interface` in `io/xs_wire.h`.
#[derive(Debug)]
pub struct ByteProducer<const DATA: usize, const SIZE: usize, const CONS: usize, const PROD: usize>(
    Cursor,
);

/// Reading end of a byte ring at a fixed offset of its page; the parameters are those of
/// [`ByteProducer`].
#[derive(Debug)]
pub struct ByteConsumer<const DATA: usize, const SIZE: usize, const CONS: usize, const PROD: usize>(
    Cursor,
);

impl<const DATA: usize, const SIZE: usize, const CONS: usize, const PROD: usize>
    ByteProducer<DATA, SIZE, CONS, PROD>
{
    /// Attaches at the index of this end in the page.
    pub fn attach(mem: &SharedMem) -> Self {
        Self(Cursor::writer(&direction::<DATA, SIZE, CONS, PROD>(mem)))
    }

    /// Returns the number of bytes that can be written.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if the reader's index is ahead of the own one or too far behind, now or at any
    /// time before.
    pub fn free(&mut self, mem: &SharedMem) -> Result<usize, Corrupt> {
        self.0.free(&direction::<DATA, SIZE, CONS, PROD>(mem))
    }

    /// Writes `bytes` as far as there is room, publishes these, and returns their number. If it is
    /// not zero, the caller must notify the peer.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] as from [`free`](Self::free); nothing is written.
    pub fn write(&mut self, mem: &SharedMem, bytes: &[u8]) -> Result<usize, Corrupt> {
        self.0.write(&direction::<DATA, SIZE, CONS, PROD>(mem), bytes)
    }

    /// Returns whether the reader has taken all bytes.
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
    /// Attaches at the index of this end in the page.
    pub fn attach(mem: &SharedMem) -> Self {
        Self(Cursor::reader(&direction::<DATA, SIZE, CONS, PROD>(mem)))
    }

    /// Returns the number of bytes that can be read.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if the writer's index is behind the own one or too far ahead, now or at any time
    /// before.
    pub fn available(&mut self, mem: &SharedMem) -> Result<usize, Corrupt> {
        self.0.available(&direction::<DATA, SIZE, CONS, PROD>(mem))
    }

    /// Takes bytes as far as there are any and `buffer` has room, and returns their number. If it
    /// is not zero, the caller must notify the peer.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] as from [`available`](Self::available); nothing is taken.
    pub fn read(&mut self, mem: &SharedMem, buffer: &mut [u8]) -> Result<usize, Corrupt> {
        self.0.read(&direction::<DATA, SIZE, CONS, PROD>(mem), buffer)
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
    fn full_ring_is_readable() {
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
        for start in if cfg!(miri) { 1000 } else { 0 }..1024 {
            let mut page = page(start);
            let mem = SharedMem::from_pages(&mut page);
            let (mut tx, mut rx) = (Producer::attach(mem), Consumer::attach(mem));
            assert_eq!(tx.write(mem, b"sixteen bytes ok"), Ok(16));
            let mut out = [0; 16];
            assert_eq!((rx.read(mem, &mut out), &out), (Ok(16), b"sixteen bytes ok"));
        }
    }

    #[test]
    fn impossible_index_poisons() {
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
       fn stream_arrives_whole_in_any_chunks(
            start: u32,
            data in proptest::collection::vec(any::<u8>(), 0..if cfg!(miri) { 1100 } else { 5000 }),
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
