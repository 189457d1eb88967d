//! The 9P file protocol's rings.
//!
//! Public header: `io/9pfs.h`. The requests are those of 9P2000.L; each ring page holds a
//! [`Xen9pfsDataIntf`], its grants name the pages of two byte rings.
//!
//! Coverage: no constants and one structure, of Xen 4.17 and 4.20; left out, for the reasons in
//! `abi/left-out.txt`: `xen_9pfs_data`.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::ring::RingIdx;

/// The page with the indices of both byte rings; the grants of their pages follow.
#[doc(alias = "xen_9pfs_data_intf")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct Xen9pfsDataIntf {
    /// How far the front end has read answers.
    pub in_cons: RingIdx,
    /// How far the back end has written answers.
    pub in_prod: RingIdx,
    /// Reserved; zero.
    pub pad1: [u8; 56],
    /// How far the back end has read requests.
    pub out_cons: RingIdx,
    /// How far the front end has written requests.
    pub out_prod: RingIdx,
    /// Reserved; zero.
    pub pad2: [u8; 56],
    /// Size of both rings together, as a power of two of pages.
    pub ring_order: RingIdx,
}
const _: () = assert!(size_of::<Xen9pfsDataIntf>() == 132);
