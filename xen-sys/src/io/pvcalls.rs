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

/// The page with the indices of a connection's byte rings; the grants of their pages follow.
#[doc(alias = "pvcalls_data_intf")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct PvcallsDataIntf {
    /// How far the front end has read.
    pub in_cons: RingIdx,
    /// How far the back end has written.
    pub in_prod: RingIdx,
    /// Why reading ended; zero while it has not.
    pub in_error: RingIdx,
    /// Reserved; zero.
    pub pad1: [u8; 52],
    /// How far the back end has read.
    pub out_cons: RingIdx,
    /// How far the front end has written.
    pub out_prod: RingIdx,
    /// Why writing ended; zero while it has not.
    pub out_error: RingIdx,
    /// Reserved; zero.
    pub pad2: [u8; 52],
    /// Size of both rings together, as a power of two of pages.
    pub ring_order: RingIdx,
}
const _: () = assert!(size_of::<PvcallsDataIntf>() == 132);

open_enum! {
    /// What a call asks for.
    pub struct PvcallsCmd(u32) {
        /// Makes a socket. See [`XenPvcallsSocket`].
        #[doc(alias = "PVCALLS_SOCKET")]
        SOCKET = 0;
        /// Connects. See [`XenPvcallsConnect`].
        #[doc(alias = "PVCALLS_CONNECT")]
        CONNECT = 1;
        /// Closes. See [`XenPvcallsRelease`].
        #[doc(alias = "PVCALLS_RELEASE")]
        RELEASE = 2;
        /// Binds to an address. See [`XenPvcallsBind`].
        #[doc(alias = "PVCALLS_BIND")]
        BIND = 3;
        /// Listens. See [`XenPvcallsListen`].
        #[doc(alias = "PVCALLS_LISTEN")]
        LISTEN = 4;
        /// Accepts a connection. See [`XenPvcallsAccept`].
        #[doc(alias = "PVCALLS_ACCEPT")]
        ACCEPT = 5;
        /// Waits for a connection. See [`XenPvcallsPoll`].
        #[doc(alias = "PVCALLS_POLL")]
        POLL = 6;
    }
}

/// A call.
#[doc(alias = "xen_pvcalls_request")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenPvcallsRequest {
    /// Chosen by the front end; the response has the same.
    pub req_id: u32,
    /// What is asked for.
    pub cmd: PvcallsCmd,
    /// The arguments, by command.
    pub u: [u64; 7],
}
const _: () = assert!(size_of::<XenPvcallsRequest>() == 64);

/// The outcome of a call.
#[doc(alias = "xen_pvcalls_response")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenPvcallsResponse {
    /// That of the request.
    pub req_id: u32,
    /// That of the request.
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
    /// The new socket's identifier.
    pub id: u64,
    /// Address family; 2.
    pub domain: u32,
    /// Kind of socket; 1.
    #[doc(alias = "type")]
    pub type_: u32,
    /// Protocol; 0.
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
    /// Bytes of the address.
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
    /// Whether the port may be used again; a hint.
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
    /// Bytes of the address.
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
    /// Connections that may wait.
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
    /// Identifier of the new socket.
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
