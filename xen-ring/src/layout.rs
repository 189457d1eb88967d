//! Layout of a request/response ring.

use thiserror::Error;
use xen_hypercall::{SlotMem, StableSharedMem};

/// Bytes before the first slot: four indices and the protocol's private area.
#[doc(alias = "XC_PAGE_RING_HEADER")]
pub(crate) const HEADER: usize = 64;
/// Byte offsets of the four indices. Source: `DEFINE_RING_TYPES` in `io/ring.h`.
pub(crate) const REQ_PROD: usize = 0;
pub(crate) const REQ_EVENT: usize = 4;
pub(crate) const RSP_PROD: usize = 8;
pub(crate) const RSP_EVENT: usize = 12;

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

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use xen_hypercall::{Page, SharedMem};

    fn slots<const PAGES: usize, Req, Rsp>() -> u32 {
        let mut pages = [const { Page::ZERO }; PAGES];
        slots_of::<_, Req, Rsp>(SharedMem::from_pages(&mut pages)).unwrap().count()
    }

    #[test]
    fn slot_counts_match_c_macros() {
        assert_eq!(RingMem::<(), [u64; 14], [u64; 2]>::SLOT, 112);
        assert_eq!(slots::<1, [u64; 14], [u64; 2]>(), 32);
        assert_eq!(slots::<1, [u32; 3], u32>(), 256);
        assert_eq!(slots::<1, u64, u64>(), 256);
        assert_eq!(slots::<16, [u64; 14], [u64; 2]>(), 512);
    }

    /// D-R12.
    #[test]
    fn size_without_slot_is_refused() {
        let mut pages = [Page::ZERO];
        let mem = SharedMem::from_pages(&mut pages);
        let error = slots_of::<_, [u8; 5000], u8>(mem).err();
        assert_eq!(error, Some(RingError { bytes: 4096, slot: 5000 }));
        assert!(slots_of::<_, (), ()>(mem).is_err());
        assert!(slots_of::<_, [u8; 4033], ()>(mem).is_err());
        assert_eq!(slots::<1, [u8; 4032], ()>(), 1);
    }
}
