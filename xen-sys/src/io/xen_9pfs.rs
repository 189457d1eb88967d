//! The rings of the 9P file protocol.
//!
//! Public header: `io/9pfs.h`. The requests are those of 9P2000.L; each ring page holds a
//! [`Xen9pfsDataIntf`], its grants name the pages of two byte rings.
//!
//! Coverage: no constants and one structure, of Xen 4.17 and 4.20; left out, for the reasons in
//! `abi/left-out.txt`: `xen_9pfs_data`.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::ring::RingIdx;

/// Page with the indices of both byte rings; the grants of the rings' pages follow.
#[doc(alias = "xen_9pfs_data_intf")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct Xen9pfsDataIntf {
    /// Consumer index of the responses, written by the frontend.
    pub in_cons: RingIdx,
    /// Producer index of the responses, written by the backend.
    pub in_prod: RingIdx,
    /// Reserved; zero.
    pub pad1: [u8; 56],
    /// Consumer index of the requests, written by the backend.
    pub out_cons: RingIdx,
    /// Producer index of the requests, written by the frontend.
    pub out_prod: RingIdx,
    /// Reserved; zero.
    pub pad2: [u8; 56],
    /// Size of both rings together, as a power of two of pages.
    pub ring_order: RingIdx,
}
const _: () = assert!(size_of::<Xen9pfsDataIntf>() == 132);
