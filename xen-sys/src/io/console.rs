//! The console ring page.
//!
//! Public header: `io/console.h`.
//!
//! Coverage: no constants and one structure, of Xen 4.17 and 4.20; nothing is left out.

use zerocopy::{FromBytes, Immutable, IntoBytes};

/// The ring page. Indices run freely; their position is taken modulo the ring's size.
#[doc(alias = "xencons_interface")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenconsInterface {
    /// Bytes to the guest.
    #[doc(alias = "in")]
    pub in_: [u8; 1024],
    /// Bytes from the guest.
    pub out: [u8; 2048],
    /// How far the guest has read.
    pub in_cons: u32,
    /// How far the back end has written.
    pub in_prod: u32,
    /// How far the back end has read.
    pub out_cons: u32,
    /// How far the guest has written.
    pub out_prod: u32,
    /// [`XENCONSOLE_CONNECTED`] or [`XENCONSOLE_DISCONNECTED`] (Xen 4.20).
    pub connection: u8,
    /// Padding; zero.
    pub _pad0: [u8; 3],
}

/// A back end serves the ring (Xen 4.20).
pub const XENCONSOLE_CONNECTED: u8 = 0;
/// No back end serves the ring yet (Xen 4.20).
pub const XENCONSOLE_DISCONNECTED: u8 = 1;
