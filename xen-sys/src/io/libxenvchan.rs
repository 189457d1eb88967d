//! Vchan: two byte rings between any two domains.
//!
//! Public header: `io/libxenvchan.h`.
//!
//! Coverage: 2 constants and 2 structures, of Xen 4.17 and 4.20; nothing is left out.

use zerocopy::{FromBytes, Immutable, IntoBytes};

/// The indices of one ring.
#[doc(alias = "ring_shared")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct RingShared {
    /// Consumer index.
    pub cons: u32,
    /// Producer index.
    pub prod: u32,
}
const _: () = assert!(size_of::<RingShared>() == 8);

/// Flag of [`VchanInterface`]: requests a notification when data is written.
pub const VCHAN_NOTIFY_WRITE: u8 = 0x1;
/// Flag of [`VchanInterface`]: requests a notification when data is read.
pub const VCHAN_NOTIFY_READ: u8 = 0x2;

/// The first page; the grants of further pages follow.
#[doc(alias = "vchan_interface")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct VchanInterface {
    /// Ring from the client to the server.
    pub left: RingShared,
    /// Ring from the server to the client.
    pub right: RingShared,
    /// Size of the left ring, as a power of two; 10 and 11 lie in this page.
    pub left_order: u16,
    /// Size of the right ring, as a power of two; 10 and 11 lie in this page.
    pub right_order: u16,
    /// State of the client: 0 exited, 1 connected, 2 not yet connected.
    pub cli_live: u8,
    /// State of the server: 0 exited, 1 connected.
    pub srv_live: u8,
    /// Notifications that the client requests: `VCHAN_NOTIFY_*`.
    pub cli_notify: u8,
    /// Notifications that the server requests: `VCHAN_NOTIFY_*`.
    pub srv_notify: u8,
}
const _: () = assert!(size_of::<VchanInterface>() == 24);
