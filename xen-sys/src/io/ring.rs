//! The head of a page with a ring of requests and responses.
//!
//! The header defines rings by macros; their slots follow the head, as many as fit, rounded down to
//! a power of two.
//!
//! Public header: `io/ring.h`.
//!
//! Coverage: no constants and no structures, of Xen 4.17 and 4.20; left out, for the reasons in
//! `abi/left-out.txt`: `XEN_PAGE_SHIFT`.

use zerocopy::{FromBytes, Immutable, IntoBytes};

/// A free-running ring index.
#[doc(alias = "RING_IDX")]
pub type RingIdx = u32;

/// Head of a ring page. Indices run freely; a slot is an index modulo the number of slots.
#[doc(alias = "blkif_sring")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct Sring {
    /// How far the front end has published requests.
    pub req_prod: RingIdx,
    /// The back end's wish: notify when this request is published.
    pub req_event: RingIdx,
    /// How far the back end has published responses.
    pub rsp_prod: RingIdx,
    /// The front end's wish: notify when this response is published.
    pub rsp_event: RingIdx,
    /// Private to one protocol or another; unused.
    pub pvt: [u8; 4],
    /// Unused.
    pub __pad: [u8; 44],
}
const _: () = assert!(size_of::<Sring>() == SRING_HEADER_LEN);

/// Bytes before the first slot.
pub const SRING_HEADER_LEN: usize = 64;

/// Returns how many slots of `slot_len` bytes fit behind the head in `page_len` bytes: a power of
/// two, or 0.
#[doc(alias = "__RING_SIZE")]
#[must_use]
pub const fn ring_size(page_len: usize, slot_len: usize) -> u32 {
    if slot_len == 0 || page_len < SRING_HEADER_LEN + slot_len {
        return 0;
    }
    let fit = (page_len - SRING_HEADER_LEN) / slot_len;
    1 << fit.ilog2()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_the_power_of_two_that_fits() {
        assert_eq!(ring_size(4096, 112), 32); // block
        assert_eq!(ring_size(4096, 12), 256); // network, transmit
        assert_eq!(ring_size(4096, 8), 256); // network, receive
        assert_eq!(ring_size(4096, 4032), 1);
        assert_eq!(ring_size(4096, 4033), 0);
        assert_eq!(ring_size(4096, 0), 0);
    }
}
