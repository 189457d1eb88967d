//! The console ring page.
//!
//! Public header: `io/console.h`.
//!
//! Coverage: no constants and one structure, of Xen 4.17 and 4.20; nothing is left out.

use zerocopy::{FromBytes, Immutable, IntoBytes};

/// The ring page. Indices are free-running; the position is the index modulo the ring's size.
#[doc(alias = "xencons_interface")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenconsInterface {
    /// Bytes to the guest.
    #[doc(alias = "in")]
    pub in_: [u8; 1024],
    /// Bytes from the guest.
    pub out: [u8; 2048],
    /// Consumer index, written by the guest.
    pub in_cons: u32,
    /// Producer index, written by the backend.
    pub in_prod: u32,
    /// Consumer index, written by the backend.
    pub out_cons: u32,
    /// Producer index, written by the guest.
    pub out_prod: u32,
    /// [`XENCONSOLE_CONNECTED`] or [`XENCONSOLE_DISCONNECTED`] (Xen 4.20).
    pub connection: u8,
    /// Padding; zero.
    pub _pad0: [u8; 3],
}

/// Connection state: a backend serves the ring (Xen 4.20).
pub const XENCONSOLE_CONNECTED: u8 = 0;
/// Connection state: no backend serves the ring yet (Xen 4.20).
pub const XENCONSOLE_DISCONNECTED: u8 = 1;
