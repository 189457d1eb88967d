//! Layout of a request/response ring.

use core::marker::PhantomData;
use thiserror::Error;
use xen_hypercall::{SlotMem, StableSharedMem};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Bytes before the first slot: four indices and the protocol's private area.
#[doc(alias = "XC_PAGE_RING_HEADER")]
pub(crate) const HEADER: usize = 64;
/// Byte offsets of the four indices. Source: `DEFINE_RING_TYPES` in `io/ring.h`.
pub(crate) const REQ_PROD: usize = 0;
pub(crate) const REQ_EVENT: usize = 4;
pub(crate) const RSP_PROD: usize = 8;
pub(crate) const RSP_EVENT: usize = 12;

/// Layout of one protocol's ring: its request and response, which share a slot with the size of the
/// larger one.
///
/// Source: `DEFINE_RING_TYPES` in `io/ring.h`.
#[derive(Debug)]
pub struct RingLayout<Req, Rsp> {
    slots: u32,
    types: PhantomData<fn() -> (Req, Rsp)>,
}

/// Memory of a ring with its slots.
pub(crate) type RingMem<M, Req, Rsp> = SlotMem<M, HEADER, Req, Rsp>;

/// Slots of a ring in its memory.
pub(crate) type Slots<'m, Req, Rsp> = xen_hypercall::SharedSlots<'m, HEADER, Req, Rsp>;

/// Returns the slots in `mem`.
pub(crate) fn slots_of<M: StableSharedMem, Req, Rsp>(
    mem: M,
) -> Result<RingMem<M, Req, Rsp>, RingError> {
    SlotMem::new(mem)
        .map_err(|mem| RingError { bytes: mem.as_ref().len(), slot: RingMem::<M, Req, Rsp>::SLOT })
}

impl<Req, Rsp> Clone for RingLayout<Req, Rsp> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Req, Rsp> Copy for RingLayout<Req, Rsp> {}

/// Error of memory that cannot contain a ring of this protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "memory too small for a ring: found {bytes} bytes, expected {HEADER} and a slot of {slot} \
     bytes, at most 2^31 slots, each within a page"
)]
pub struct RingError {
    /// Size of the memory in bytes.
    pub bytes: usize,
    /// Size of one slot in bytes.
    pub slot: usize,
}

impl<Req, Rsp> RingLayout<Req, Rsp>
where
    Req: FromBytes + IntoBytes + Immutable,
    Rsp: FromBytes + IntoBytes + Immutable,
{
    /// Size of a slot in bytes.
    pub const SLOT: usize = RingMem::<(), Req, Rsp>::SLOT;

    /// Returns the layout for `bytes`: as many slots as fit, rounded down to a power of two.
    ///
    /// # Errors
    ///
    /// [`RingError`] if not even one slot fits, or if a page has no room for one.
    #[doc(alias = "__RING_SIZE")]
    pub const fn for_size(bytes: usize) -> Result<Self, RingError> {
        match RingMem::<(), Req, Rsp>::slots_in(bytes) {
            Some(slots) => Ok(Self { slots, types: PhantomData }),
            None => Err(RingError { bytes, slot: Self::SLOT }),
        }
    }

    /// Returns the number of slots, a power of two.
    #[doc(alias = "RING_SIZE")]
    pub const fn slots(self) -> u32 {
        self.slots
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn slot_counts_match_c_macros() {
        let block = RingLayout::<[u64; 14], [u64; 2]>::for_size(4096).unwrap();
        assert_eq!((block.slots(), RingLayout::<[u64; 14], [u64; 2]>::SLOT), (32, 112));
        assert_eq!(RingLayout::<[u32; 3], u32>::for_size(4096).unwrap().slots(), 256);
        assert_eq!(RingLayout::<u64, u64>::for_size(4096).unwrap().slots(), 256);
        assert_eq!(RingLayout::<[u64; 14], [u64; 2]>::for_size(16 * 4096).unwrap().slots(), 512);
    }

    /// D-R12.
    #[test]
    fn size_without_slot_is_refused() {
        type Layout = RingLayout<u64, u64>;
        assert!(Layout::for_size(0).is_err());
        assert!(Layout::for_size(71).is_err());
        assert_eq!(Layout::for_size(72).unwrap().slots(), 1);
        assert!(RingLayout::<(), ()>::for_size(4096).is_err());
        let error = RingLayout::<[u8; 5000], u8>::for_size(4096).unwrap_err();
        assert_eq!(error, RingError { bytes: 4096, slot: 5000 });
    }
}
