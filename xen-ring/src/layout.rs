//! Where the parts of a request/response ring lie.

use core::fmt;
use core::marker::PhantomData;
use xen_hypercall::SharedMem;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Bytes before the first slot: four indices and the protocol's private area.
#[doc(alias = "XC_PAGE_RING_HEADER")]
pub(crate) const HEADER: usize = 64;
/// Byte offsets of the four indices. Source: `DEFINE_RING_TYPES` in `io/ring.h`.
pub(crate) const REQ_PROD: usize = 0;
pub(crate) const REQ_EVENT: usize = 4;
pub(crate) const RSP_PROD: usize = 8;
pub(crate) const RSP_EVENT: usize = 12;

/// The shape of one protocol's ring: its request and response, which share a slot as large as the larger of the two.
///
/// Source: `DEFINE_RING_TYPES` in `io/ring.h`.
#[derive(Debug)]
pub struct RingLayout<Req, Rsp> {
    mask: u32,
    types: PhantomData<fn() -> (Req, Rsp)>,
}

impl<Req, Rsp> Clone for RingLayout<Req, Rsp> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Req, Rsp> Copy for RingLayout<Req, Rsp> {}

/// Memory that can't hold a ring of this protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingError {
    /// The size of the memory in bytes.
    pub bytes: usize,
    /// The size of one slot in bytes.
    pub slot: usize,
}

impl fmt::Display for RingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes, slot } = self;
        write!(
            f,
            "{bytes} bytes can't hold a ring: expected {HEADER} and at least one slot of {slot} bytes, at most 2^31 of them"
        )
    }
}

impl core::error::Error for RingError {}

impl<Req, Rsp> RingLayout<Req, Rsp>
where
    Req: FromBytes + IntoBytes + Immutable,
    Rsp: FromBytes + IntoBytes + Immutable,
{
    /// The size of a slot in bytes.
    pub const SLOT: usize =
        if size_of::<Req>() > size_of::<Rsp>() { size_of::<Req>() } else { size_of::<Rsp>() };

    /// Fits the ring into `bytes`: as many slots as there is room for, rounded down to a power of two.
    ///
    /// # Errors
    ///
    /// [`RingError`] if there is no room for one slot.
    #[doc(alias = "__RING_SIZE")]
    pub const fn for_size(bytes: usize) -> Result<Self, RingError> {
        let error = RingError { bytes, slot: Self::SLOT };
        if Self::SLOT == 0 || bytes < HEADER {
            return Err(error);
        }
        let room = (bytes - HEADER) / Self::SLOT;
        match room.checked_ilog2() {
            Some(log) if log <= 31 => Ok(Self { mask: ((1u64 << log) - 1) as u32, types: PhantomData }),
            _ => Err(error),
        }
    }

    /// Returns the number of slots, a power of two.
    #[doc(alias = "RING_SIZE")]
    pub const fn slots(self) -> u32 {
        self.mask + 1
    }

    pub(crate) fn offset(self, index: u32) -> usize {
        HEADER + (index & self.mask) as usize * Self::SLOT
    }

    /// Copies the value at `index` out; the layout keeps it within the memory that it was made for.
    #[inline(always)]
    pub(crate) fn read<T: FromBytes>(self, mem: &SharedMem, index: u32) -> Option<T> {
        mem.read(self.offset(index))
    }

    #[inline(always)]
    pub(crate) fn write<T: IntoBytes + Immutable>(
        self,
        mem: &SharedMem,
        index: u32,
        value: &T,
    ) -> Option<()> {
        mem.write(self.offset(index), value)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn slot_counts_are_those_of_the_c_macros() {
        let block = RingLayout::<[u64; 14], [u64; 2]>::for_size(4096).unwrap();
        assert_eq!((block.slots(), RingLayout::<[u64; 14], [u64; 2]>::SLOT), (32, 112));
        assert_eq!(RingLayout::<[u32; 3], u32>::for_size(4096).unwrap().slots(), 256);
        assert_eq!(RingLayout::<u64, u64>::for_size(4096).unwrap().slots(), 256);
        assert_eq!(RingLayout::<[u64; 14], [u64; 2]>::for_size(16 * 4096).unwrap().slots(), 512);
    }

    #[test]
    fn d_r12_sizes_that_hold_no_slot_are_refused() {
        type Layout = RingLayout<u64, u64>;
        assert!(Layout::for_size(0).is_err());
        assert!(Layout::for_size(71).is_err());
        assert_eq!(Layout::for_size(72).unwrap().slots(), 1);
        assert!(RingLayout::<(), ()>::for_size(4096).is_err());
        let error = RingLayout::<[u8; 5000], u8>::for_size(4096).unwrap_err();
        assert_eq!(error, RingError { bytes: 4096, slot: 5000 });
    }

    #[test]
    fn the_last_slot_ends_within_the_memory() {
        let layout = RingLayout::<[u64; 14], [u64; 2]>::for_size(4096).unwrap();
        assert!(layout.offset(u32::MAX) + 112 <= 4096);
    }
}
