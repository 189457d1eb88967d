//! The socket protocol: a ring of calls, and two byte rings for each connection.
//!
//! Public header: `io/pvcalls.h`. Socket numbers and addresses are those of Linux on x86-64; errors
//! are negated numbers.
//!
//! Coverage: 7 constants and 10 structures, of Xen 4.17 and 4.20; left out, for the reasons in
//! `abi/left-out.txt`: `pvcalls_data`, `xen_pvcalls_back_ring`, `xen_pvcalls_dummy`,
//! `xen_pvcalls_front_ring`, `xen_pvcalls_sring`, `xen_pvcalls_sring_entry`.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::ring::RingIdx;
use crate::GrantRef;
use crate::Port;

/// Page with the indices of a connection's byte rings; the grants of the rings' pages follow.
#[doc(alias = "pvcalls_data_intf")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct PvcallsDataIntf {
    /// Consumer index, written by the frontend.
    pub in_cons: RingIdx,
    /// Producer index, written by the backend.
    pub in_prod: RingIdx,
    /// Error that ended the ring to the frontend; zero for none.
    pub in_error: RingIdx,
    /// Reserved; zero.
    pub pad1: [u8; 52],
    /// Consumer index, written by the backend.
    pub out_cons: RingIdx,
    /// Producer index, written by the frontend.
    pub out_prod: RingIdx,
    /// Error that ended the ring to the backend; zero for none.
    pub out_error: RingIdx,
    /// Reserved; zero.
    pub pad2: [u8; 52],
    /// Size of both rings together, as a power of two of pages.
    pub ring_order: RingIdx,
}
const _: () = assert!(size_of::<PvcallsDataIntf>() == 132);

open_enum! {
    /// Command of a request.
    pub struct PvcallsCmd(u32) {
        /// Creation of a socket. See [`XenPvcallsSocket`].
        #[doc(alias = "PVCALLS_SOCKET")]
        SOCKET = 0;
        /// Connection to an address. See [`XenPvcallsConnect`].
        #[doc(alias = "PVCALLS_CONNECT")]
        CONNECT = 1;
        /// Release of a socket. See [`XenPvcallsRelease`].
        #[doc(alias = "PVCALLS_RELEASE")]
        RELEASE = 2;
        /// Binding to an address. See [`XenPvcallsBind`].
        #[doc(alias = "PVCALLS_BIND")]
        BIND = 3;
        /// Start of listening. See [`XenPvcallsListen`].
        #[doc(alias = "PVCALLS_LISTEN")]
        LISTEN = 4;
        /// Acceptance of a connection. See [`XenPvcallsAccept`].
        #[doc(alias = "PVCALLS_ACCEPT")]
        ACCEPT = 5;
        /// Poll for a connection. See [`XenPvcallsPoll`].
        #[doc(alias = "PVCALLS_POLL")]
        POLL = 6;
    }
}

/// A request.
#[doc(alias = "xen_pvcalls_request")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenPvcallsRequest {
    /// Identifier chosen by the frontend; the response carries the same value.
    pub req_id: u32,
    /// Command.
    pub cmd: PvcallsCmd,
    /// The arguments, by command.
    pub u: [u64; 7],
}
const _: () = assert!(size_of::<XenPvcallsRequest>() == 64);

/// A response.
#[doc(alias = "xen_pvcalls_response")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenPvcallsResponse {
    /// Identifier of the request.
    pub req_id: u32,
    /// Command of the request.
    pub cmd: PvcallsCmd,
    /// Zero, or a negated error number.
    pub ret: i32,
    /// Reserved; zero.
    pub pad: u32,
    /// The socket.
    pub u: u64,
}
const _: () = assert!(size_of::<XenPvcallsResponse>() == 24);

/// Arguments of [`PvcallsCmd::SOCKET`].
#[doc(alias = "xen_pvcalls_socket")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenPvcallsSocket {
    /// Identifier of the new socket, chosen by the frontend.
    pub id: u64,
    /// Address family: 2 (`AF_INET`).
    pub domain: u32,
    /// Type of the socket: 1 (`SOCK_STREAM`).
    #[doc(alias = "type")]
    pub type_: u32,
    /// Protocol: 0.
    pub protocol: u32,
    /// Reserved; zero.
    pub pad: [u8; 4],
}
const _: () = assert!(size_of::<XenPvcallsSocket>() == 24);

/// Arguments of [`PvcallsCmd::CONNECT`].
#[doc(alias = "xen_pvcalls_connect")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenPvcallsConnect {
    /// The socket.
    pub id: u64,
    /// The address.
    pub addr: [u8; 28],
    /// Length of the address in bytes.
    pub len: u32,
    /// Zero; reserved.
    pub flags: u32,
    /// Grant of the page with the indices.
    #[doc(alias = "ref")]
    pub ref_: GrantRef,
    /// Port of the connection.
    pub evtchn: Port,
    /// Reserved; zero.
    pub pad: [u8; 4],
}
const _: () = assert!(size_of::<XenPvcallsConnect>() == 56);

/// Arguments of [`PvcallsCmd::RELEASE`].
#[doc(alias = "xen_pvcalls_release")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenPvcallsRelease {
    /// The socket.
    pub id: u64,
    /// Reuse of the port: a hint of the frontend.
    pub reuse: u8,
    /// Reserved; zero.
    pub pad: [u8; 7],
}
const _: () = assert!(size_of::<XenPvcallsRelease>() == 16);

/// Arguments of [`PvcallsCmd::BIND`].
#[doc(alias = "xen_pvcalls_bind")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenPvcallsBind {
    /// The socket.
    pub id: u64,
    /// The address.
    pub addr: [u8; 28],
    /// Length of the address in bytes.
    pub len: u32,
}
const _: () = assert!(size_of::<XenPvcallsBind>() == 40);

/// Arguments of [`PvcallsCmd::LISTEN`].
#[doc(alias = "xen_pvcalls_listen")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenPvcallsListen {
    /// The socket.
    pub id: u64,
    /// Maximum number of pending connections.
    pub backlog: u32,
    /// Reserved; zero.
    pub pad: [u8; 4],
}
const _: () = assert!(size_of::<XenPvcallsListen>() == 16);

/// Arguments of [`PvcallsCmd::ACCEPT`].
#[doc(alias = "xen_pvcalls_accept")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenPvcallsAccept {
    /// The socket.
    pub id: u64,
    /// Identifier of the new socket, chosen by the frontend.
    pub id_new: u64,
    /// Grant of the page with the indices.
    #[doc(alias = "ref")]
    pub ref_: GrantRef,
    /// Port of the connection.
    pub evtchn: Port,
}
const _: () = assert!(size_of::<XenPvcallsAccept>() == 24);

/// Arguments of [`PvcallsCmd::POLL`].
#[doc(alias = "xen_pvcalls_poll")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenPvcallsPoll {
    /// The socket.
    pub id: u64,
}
const _: () = assert!(size_of::<XenPvcallsPoll>() == 8);
