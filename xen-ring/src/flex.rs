//! Flex rings: two byte rings of any size, with their indices in a page of their own.

use crate::Corrupt;
use crate::stream::{Cursor, Data, Direction};
use core::mem::offset_of;
use thiserror::Error;
use xen_hypercall::sync::Ordering;
use xen_hypercall::{GrantRef, PAGE_SIZE, SharedMem};
use xen_sys::io::xen_9pfs::Xen9pfsDataIntf;

const IN_CONS: usize = offset_of!(Xen9pfsDataIntf, in_cons);
const IN_PROD: usize = offset_of!(Xen9pfsDataIntf, in_prod);
const OUT_CONS: usize = offset_of!(Xen9pfsDataIntf, out_cons);
const OUT_PROD: usize = offset_of!(Xen9pfsDataIntf, out_prod);
const RING_ORDER: usize = offset_of!(Xen9pfsDataIntf, ring_order);
const REFS: usize = size_of::<Xen9pfsDataIntf>();

/// Maximum order whose references fit into the page of indices.
pub const MAX_FLEX_ORDER: u32 = ((PAGE_SIZE - REFS) / size_of::<GrantRef>()).ilog2();

/// Error of a flex ring that cannot be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FlexError {
    /// The order in the peer's page is too large.
    #[error("flex ring: found order {found}, expected at most {limit}")]
    Order {
        /// Order that was found.
        found: u32,
        /// Maximum order.
        limit: u32,
    },
    /// The number of data pages is not a power of two, or too large.
    #[error(
        "flex ring: found {bytes} bytes of data, expected 1 to {} pages, a power of two",
        1 << MAX_FLEX_ORDER
    )]
    Data {
        /// Size of the data in bytes.
        bytes: usize,
    },
    /// The number of references is not that of the data pages.
    #[error("flex ring: found {found} references, expected {expected}, one for each page")]
    Refs {
        /// Number of references.
        found: usize,
        /// Number of data pages.
        expected: usize,
    },
}

/// One end of a flex ring: the indices in memory `I`, the bytes in memory `D`, one half for each
/// direction.
///
/// After it has moved a byte, the caller must notify the peer. Errors of a connection (`in_error`
/// and `out_error` of `pvcalls`) are words of the indices' page, which [`indices`](Self::indices)
/// returns.
///
/// Source: `DEFINE_XEN_FLEX_RING_AND_INTF` in `io/ring.h`; `xen_9pfs_data_intf`,
/// `pvcalls_data_intf`.
#[doc(alias("DEFINE_XEN_FLEX_RING", "xen_9pfs_data_intf", "pvcalls_data_intf"))]
#[derive(Debug)]
pub struct FlexRing<I, D> {
    indices: I,
    data: D,
    is_front: bool,
    reader: Cursor,
    writer: Cursor,
}

/// Reads the references of a flex ring's data from its page of indices, once each, for the back end
/// to map.
///
/// # Errors
///
/// [`FlexError::Order`] if the order is above `max_order` or [`MAX_FLEX_ORDER`].
pub fn flex_refs(
    indices: &SharedMem,
    max_order: u32,
) -> Result<impl ExactSizeIterator<Item = GrantRef>, FlexError> {
    let (found, limit) =
        (indices.u32::<RING_ORDER>().load(Ordering::Relaxed), max_order.min(MAX_FLEX_ORDER));
    if found > limit {
        return Err(FlexError::Order { found, limit });
    }
    // Within the page, by the limit.
    let one =
        move |index: usize| indices.read(REFS + index * size_of::<GrantRef>()).unwrap_or_default();
    Ok((0..1usize << found).map(one))
}

impl<I: AsRef<SharedMem>, D: AsRef<SharedMem>> FlexRing<I, D> {
    /// Initializes a ring in new memory: zeroes `indices`, and writes `refs` into it, the grants of
    /// the data. Afterwards the peer may get access.
    ///
    /// # Errors
    ///
    /// [`FlexError::Data`], [`FlexError::Refs`].
    pub fn front(indices: I, data: D, refs: &[GrantRef]) -> Result<Self, FlexError> {
        let order = order_of(data.as_ref())?;
        let expected = 1 << order;
        if refs.len() != expected {
            return Err(FlexError::Refs { found: refs.len(), expected });
        }
        let page = indices.as_ref();
        page.zero();
        for (index, reference) in refs.iter().enumerate() {
            // Within the page, by the order.
            let _ = page.write(REFS + index * size_of::<GrantRef>(), reference);
        }
        // The peer receives the reference of the page by xenstore, which orders all writes.
        page.u32::<RING_ORDER>().store(order, Ordering::Relaxed);
        Ok(Self::attached(indices, data, true))
    }

    /// Attaches to the ring as its back end, at the indices of this end in the page.
    ///
    /// # Errors
    ///
    /// [`FlexError::Data`].
    pub fn back(indices: I, data: D) -> Result<Self, FlexError> {
        order_of(data.as_ref())?;
        Ok(Self::attached(indices, data, false))
    }

    fn attached(indices: I, data: D, is_front: bool) -> Self {
        let (read, write) = directions(indices.as_ref(), data.as_ref(), is_front);
        let (reader, writer) = (Cursor::reader(&read), Cursor::writer(&write));
        Self { indices, data, is_front, reader, writer }
    }

    /// Returns the number of bytes that can be read.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if the peer's index is behind the own one or too far ahead, now or at any time
    /// before.
    pub fn available(&mut self) -> Result<usize, Corrupt> {
        self.reader
            .available(&directions(self.indices.as_ref(), self.data.as_ref(), self.is_front).0)
    }

    /// Returns the number of bytes that can be written.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if the peer's index is ahead of the own one or too far behind, now or at any
    /// time before.
    pub fn free(&mut self) -> Result<usize, Corrupt> {
        self.writer.free(&directions(self.indices.as_ref(), self.data.as_ref(), self.is_front).1)
    }

    /// Takes bytes as far as there are any and `buffer` has room, and returns their number. If it
    /// is not zero, the caller must notify the peer.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] as from [`available`](Self::available); nothing is taken.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Corrupt> {
        let (read, _) = directions(self.indices.as_ref(), self.data.as_ref(), self.is_front);
        self.reader.read(&read, buffer)
    }

    /// Writes `bytes` as far as there is room, publishes these, and returns their number. If it is
    /// not zero, the caller must notify the peer.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] as from [`free`](Self::free); nothing is written.
    pub fn write(&mut self, bytes: &[u8]) -> Result<usize, Corrupt> {
        let (_, write) = directions(self.indices.as_ref(), self.data.as_ref(), self.is_front);
        self.writer.write(&write, bytes)
    }

    /// Returns the page of the indices.
    pub fn indices(&self) -> &I {
        &self.indices
    }

    /// Returns the memory by value: that of the indices and that of the data.
    pub fn into_memory(self) -> (I, D) {
        (self.indices, self.data)
    }
}

/// Returns the read and the written direction of this end.
fn directions<'m>(
    indices: &'m SharedMem,
    data: &'m SharedMem,
    is_front: bool,
) -> (Direction<'m>, Direction<'m>) {
    let half = data.len() / 2;
    let size = half as u32;
    let (cons, prod) = (indices.u32::<IN_CONS>(), indices.u32::<IN_PROD>());
    let to_front = Direction { cons, prod, data: Data::Whole(data, 0), size };
    let (cons, prod) = (indices.u32::<OUT_CONS>(), indices.u32::<OUT_PROD>());
    let to_back = Direction { cons, prod, data: Data::Whole(data, half), size };
    if is_front { (to_front, to_back) } else { (to_back, to_front) }
}

fn order_of(data: &SharedMem) -> Result<u32, FlexError> {
    let bytes = data.len();
    match (bytes / PAGE_SIZE).checked_ilog2() {
        Some(order) if bytes.is_power_of_two() && order <= MAX_FLEX_ORDER => Ok(order),
        _ => Err(FlexError::Data { bytes }),
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::boxed::Box;
    use std::vec::Vec;
    use xen_hypercall::Page;
    use xen_hypercall::sync::Ordering::Relaxed;

    const PAGES: usize = 2;
    const SIZE: usize = PAGES * PAGE_SIZE / 2;

    type Ring<'m> = FlexRing<&'m SharedMem, &'m SharedMem>;

    fn memory() -> (Box<[Page; 1]>, Box<[Page; PAGES]>) {
        (Box::new([Page::ZERO]), Box::new([Page::ZERO; PAGES]))
    }

    #[test]
    fn index_page_has_references() {
        let (mut page, mut data) = memory();
        page[0].0.fill(0xaa);
        let mem = SharedMem::from_pages(&mut page);
        let refs = [GrantRef(8), GrantRef(99)];
        let front = Ring::front(mem, SharedMem::from_pages(&mut data), &refs).unwrap();
        let header: [u32; 35] = mem.read(0).unwrap();
        assert_eq!(header[..32], [0; 32]);
        assert_eq!(header[32..], [1, 8, 99]);
        assert_eq!(flex_refs(mem, 9).unwrap().collect::<Vec<_>>(), refs);
        assert_eq!(front.into_memory().0.len(), PAGE_SIZE);
    }

    #[test]
    fn impossible_size_is_refused() {
        let (mut page, mut data) = memory();
        let (mem, data) = (SharedMem::from_pages(&mut page), SharedMem::from_pages(&mut data));
        let one = [GrantRef(8)];
        let refused = Ring::front(mem, data, &one).unwrap_err();
        assert_eq!(refused, FlexError::Refs { found: 1, expected: 2 });
        let mut three = Box::new([Page::ZERO; 3]);
        let three = SharedMem::from_pages(&mut three);
        assert_eq!(Ring::back(mem, three).unwrap_err(), FlexError::Data { bytes: 3 * PAGE_SIZE });
        for found in [5, 10, 32, u32::MAX] {
            mem.u32::<RING_ORDER>().store(found, Relaxed);
            assert_eq!(flex_refs(mem, 4).err(), Some(FlexError::Order { found, limit: 4 }));
        }
        mem.u32::<RING_ORDER>().store(10, Relaxed);
        assert_eq!(flex_refs(mem, 99).err(), Some(FlexError::Order { found: 10, limit: 9 }));
        mem.u32::<RING_ORDER>().store(9, Relaxed);
        assert_eq!(flex_refs(mem, 99).unwrap().len(), 512);
    }

    #[test]
    fn back_attaches_at_its_own_index() {
        let (mut page, mut data) = memory();
        let (mem, data) = (SharedMem::from_pages(&mut page), SharedMem::from_pages(&mut data));
        let mut front = Ring::front(mem, data, &[GrantRef(8); 2]).unwrap();
        let bytes: Vec<u8> = (0..SIZE + 10).map(|i| (i * 7) as u8).collect();
        assert_eq!(
            (front.write(&bytes), front.write(&bytes), front.free()),
            (Ok(SIZE), Ok(0), Ok(0))
        );
        let mut out = [0; SIZE];
        let mut back = Ring::back(mem, data).unwrap();
        assert_eq!(back.read(&mut out[..100]), Ok(100));
        let mut back = Ring::back(mem, data).unwrap();
        assert_eq!(
            (back.available(), back.read(&mut out[100..])),
            (Ok(SIZE - 100), Ok(SIZE - 100))
        );
        assert_eq!(out[..], bytes[..SIZE]);
        assert_eq!(
            (back.write(b"answer"), front.read(&mut out), &out[..6]),
            (Ok(6), Ok(6), &b"answer"[..])
        );
    }

    /// D-R11.
    #[test]
    fn overwritten_own_index_is_not_used() {
        let (mut page, mut data) = memory();
        let (mem, data) = (SharedMem::from_pages(&mut page), SharedMem::from_pages(&mut data));
        let mut front = Ring::front(mem, data, &[GrantRef(8); 2]).unwrap();
        let mut back = Ring::back(mem, data).unwrap();
        assert_eq!((front.write(b"one"), back.write(b"two")), (Ok(3), Ok(3)));
        // Own indices of each end, as seen by the other end.
        mem.u32::<OUT_PROD>().store(77, Relaxed);
        mem.u32::<IN_CONS>().store(u32::MAX, Relaxed);
        let mut out = [0; 8];
        assert_eq!(
            (front.free(), front.read(&mut out), &out[..3]),
            (Ok(SIZE - 3), Ok(3), &b"two"[..])
        );
        assert_eq!(front.write(b"!"), Ok(1));
        assert_eq!((back.read(&mut out), &out[..4]), (Ok(4), &b"one!"[..]));
    }

    proptest! {
        /// XSA-86: for any index of the peer, at most the ring's size is read or written.
        #[test]
        fn any_index_stays_within_ring(own: u32, peer: u32) {
            let (mut page, mut data) = memory();
            let (mem, data) = (SharedMem::from_pages(&mut page), SharedMem::from_pages(&mut data));
            mem.write(IN_CONS, &[own, peer]).unwrap();
            mem.write(OUT_CONS, &[peer, own]).unwrap();
            let mut ring = Ring::attached(mem, data, true);
            let ahead = peer.wrapping_sub(own) as usize;
            let mut out = [0; 2 * SIZE];
            match ring.available() {
                Ok(count) => {
                    prop_assert!(count == ahead && count <= SIZE);
                    prop_assert_eq!(ring.read(&mut out), Ok(count));
                }
                Err(corrupt) => {
                    prop_assert!(ahead > SIZE && corrupt.found == peer);
                    prop_assert_eq!(ring.read(&mut out), Err(corrupt));
                }
            }
            let used = own.wrapping_sub(peer) as usize;
            match ring.free() {
                   Ok(room) => {
                        prop_assert!(used <= SIZE && ring.write(&out) == Ok(room));
                        prop_assert_eq!(room, SIZE - used);
                    }
                Err(corrupt) => prop_assert!(used > SIZE && ring.write(&out) == Err(corrupt)),
            }
        }

        #[test]
       fn both_directions_keep_their_order(
            start: u32,
            steps in proptest::collection::vec(
                (0u8..4, 0usize..6000),
                1..if cfg!(miri) { 10 } else { 60 },
            ),
        ) {
            let (mut page, mut data) = memory();
            let (mem, data) = (SharedMem::from_pages(&mut page), SharedMem::from_pages(&mut data));
            mem.write(IN_CONS, &[start; 2]).unwrap();
            mem.write(OUT_CONS, &[start; 2]).unwrap();
           let mut front = Ring::attached(mem, data, true);
            let mut back = Ring::back(mem, data).unwrap();
            let (mut sent, mut got) = ([0usize; 2], [0usize; 2]);
            for (step, count) in steps {
                let way = usize::from(step % 2);
                   let (from, to) =
                        if way == 0 { (&mut front, &mut back) } else { (&mut back, &mut front) };
                let mut bytes = std::vec![0; count];
                if step < 2 {
                       let value = |i| ((sent[way] + i) * 31 + way) as u8;
                        bytes.iter_mut().enumerate().for_each(|(i, byte)| *byte = value(i));
                    sent[way] += from.write(&bytes).unwrap();
                } else {
                    let count = to.read(&mut bytes).unwrap();
                    let expected = (0..count).map(|i| ((got[way] + i) * 31 + way) as u8);
                    prop_assert!(bytes[..count].iter().copied().eq(expected));
                    got[way] += count;
                }
                prop_assert!(sent[way] - got[way] <= SIZE);
            }
        }
    }
}
