//! Header of a page with a ring of requests and responses.
//!
//! The public header defines rings by macros. The slots follow the header; their number is the
//! largest power of two that fits.
//!
//! Public header: `io/ring.h`.
//!
//! Coverage: no constants and no structures, of Xen 4.17 and 4.20; left out, for the reasons in
//! `abi/left-out.txt`: `XEN_PAGE_SHIFT`.

use zerocopy::{FromBytes, Immutable, IntoBytes};

/// A free-running ring index.
#[doc(alias = "RING_IDX")]
pub type RingIdx = u32;

/// Header of a ring page. Indices are free-running; the slot is the index modulo the number of
/// slots.
#[doc(alias = "blkif_sring")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct Sring {
    /// Producer index of the requests, written by the frontend.
    pub req_prod: RingIdx,
    /// Event index of the requests, written by the backend: requests a notification when this
    /// request is published.
    pub req_event: RingIdx,
    /// Producer index of the responses, written by the backend.
    pub rsp_prod: RingIdx,
    /// Event index of the responses, written by the frontend: requests a notification when this
    /// response is published.
    pub rsp_event: RingIdx,
    /// Private to one protocol or another; unused.
    pub pvt: [u8; 4],
    /// Unused.
    pub __pad: [u8; 44],
}
const _: () = assert!(size_of::<Sring>() == SRING_HEADER_LEN);

/// Size of the header: offset of the first slot in bytes.
pub const SRING_HEADER_LEN: usize = 64;

/// Returns the number of slots of `slot_len` bytes that fit after the header in `page_len` bytes: a
/// power of two, or 0.
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
    fn ring_size_is_power_of_two() {
        assert_eq!(ring_size(4096, 112), 32); // block
        assert_eq!(ring_size(4096, 12), 256); // network, transmit
        assert_eq!(ring_size(4096, 8), 256); // network, receive
        assert_eq!(ring_size(4096, 4032), 1);
        assert_eq!(ring_size(4096, 4033), 0);
        assert_eq!(ring_size(4096, 0), 0);
    }
}
