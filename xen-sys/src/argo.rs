//! Argo: messages that Xen copies into a ring of the receiver, without shared memory.
//!
//! Public header: `argo.h`.
//!
//! Coverage: 15 constants and 9 structures, of Xen 4.17 and 4.20; nothing is left out.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::DomId;
use crate::GuestHandle;

/// A port of an Argo address.
#[doc(alias = "xen_argo_port_t")]
pub type XenArgoPort = u32;

/// Any sender; the wildcard of [`XenArgoRegisterRing::partner_id`].
pub const XEN_ARGO_DOMID_ANY: u16 = 32756;

/// Maximum number of buffers of one message.
pub const XEN_ARGO_MAXIOV: usize = 8;
/// Maximum size of a ring in bytes.
pub const XEN_ARGO_MAX_RING_SIZE: usize = 0x1000000;
/// Messages start at multiples of this many bytes.
pub const XEN_ARGO_MSG_SLOT_SIZE: usize = 0x10;

/// Command: registers a ring. See [`XenArgoRegisterRing`].
#[doc(alias = "XEN_ARGO_OP_register_ring")]
pub const XEN_ARGO_OP_REGISTER_RING: u32 = 1;
/// Command: removes a ring. See [`XenArgoUnregisterRing`].
#[doc(alias = "XEN_ARGO_OP_unregister_ring")]
pub const XEN_ARGO_OP_UNREGISTER_RING: u32 = 2;
/// Command: sends a message from several buffers. See [`XenArgoSendAddr`].
#[doc(alias = "XEN_ARGO_OP_sendv")]
pub const XEN_ARGO_OP_SENDV: u32 = 3;
/// Command: requests a notification when rings have free space. See [`XenArgoRingData`].
#[doc(alias = "XEN_ARGO_OP_notify")]
pub const XEN_ARGO_OP_NOTIFY: u32 = 4;
/// Flag of [`XenArgoRegisterRing`]: fail if the ring is already registered.
pub const XEN_ARGO_REGISTER_FLAG_FAIL_EXIST: u32 = 0x1;

/// Flag of [`XenArgoRingDataEnt`]: the ring is empty.
pub const XEN_ARGO_RING_EMPTY: u16 = 1 << 2;
/// Flag of [`XenArgoRingDataEnt`]: the ring exists.
pub const XEN_ARGO_RING_EXISTS: u16 = 1 << 0;
/// Flag of [`XenArgoRingDataEnt`]: the ring has sufficient space.
pub const XEN_ARGO_RING_SUFFICIENT: u16 = 1 << 3;
/// Flag of [`XenArgoRingDataEnt`]: the message is longer than the ring.
pub const XEN_ARGO_RING_EMSGSIZE: u16 = 1 << 4;
/// Flag of [`XenArgoRingDataEnt`]: the ring accepts any sender.
pub const XEN_ARGO_RING_SHARED: u16 = 1 << 1;
/// Flag of [`XenArgoRingDataEnt`]: no notification is possible; the limit of requests is reached.
pub const XEN_ARGO_RING_EBUSY: u16 = 1 << 5;

/// A buffer of a message.
#[doc(alias = "xen_argo_iov")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenArgoIov {
    /// Address of the bytes.
    pub iov_hnd: GuestHandle,
    /// Length in bytes.
    pub iov_len: u32,
    /// Reserved; zero.
    pub pad: u32,
}
const _: () = assert!(size_of::<XenArgoIov>() == 16);

/// An address.
#[doc(alias = "xen_argo_addr")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenArgoAddr {
    /// The port.
    pub aport: XenArgoPort,
    /// The domain.
    pub domain_id: DomId,
    /// Reserved; zero.
    pub pad: u16,
}
const _: () = assert!(size_of::<XenArgoAddr>() == 8);

/// The addresses of a message.
#[doc(alias = "xen_argo_send_addr")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenArgoSendAddr {
    /// Address of the sender.
    pub src: XenArgoAddr,
    /// Address of the receiver.
    pub dst: XenArgoAddr,
}
const _: () = assert!(size_of::<XenArgoSendAddr>() == 16);

/// Header of a ring; its bytes follow.
#[doc(alias = "xen_argo_ring")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenArgoRing {
    /// Read offset in the ring, written by the guest.
    pub rx_ptr: u32,
    /// Write offset in the ring, written by Xen.
    pub tx_ptr: u32,
    /// Reserved; zero.
    pub reserved: [u8; 56],
}
const _: () = assert!(size_of::<XenArgoRing>() == 64);

/// Argument of [`XEN_ARGO_OP_REGISTER_RING`], with an array of frames.
#[doc(alias = "xen_argo_register_ring")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenArgoRegisterRing {
    /// The port.
    pub aport: XenArgoPort,
    /// The only sender, or the wildcard.
    pub partner_id: DomId,
    /// Reserved; zero.
    pub pad: u16,
    /// Size of the ring in bytes.
    pub len: u32,
}
const _: () = assert!(size_of::<XenArgoRegisterRing>() == 12);

/// Argument of [`XEN_ARGO_OP_UNREGISTER_RING`].
#[doc(alias = "xen_argo_unregister_ring")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenArgoUnregisterRing {
    /// The port.
    pub aport: XenArgoPort,
    /// The only sender, or the wildcard.
    pub partner_id: DomId,
    /// Reserved; zero.
    pub pad: u16,
}
const _: () = assert!(size_of::<XenArgoUnregisterRing>() == 8);

/// Space query for one ring and its result.
#[doc(alias = "xen_argo_ring_data_ent")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenArgoRingDataEnt {
    /// The ring's address.
    pub ring: XenArgoAddr,
    /// Out: `XEN_ARGO_RING_*`.
    pub flags: u16,
    /// Reserved; zero.
    pub pad: u16,
    /// In: requested space in bytes.
    pub space_required: u32,
    /// Out: maximum size of a message in bytes.
    pub max_message_size: u32,
}
const _: () = assert!(size_of::<XenArgoRingDataEnt>() == 20);

/// Header of the argument of [`XEN_ARGO_OP_NOTIFY`]; entries follow.
#[doc(alias = "xen_argo_ring_data")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenArgoRingData {
    /// Number of entries.
    pub nent: u32,
    /// Reserved; zero.
    pub pad: u32,
}
const _: () = assert!(size_of::<XenArgoRingData>() == 8);

/// Header of a message in a ring; its bytes follow.
#[doc(alias = "xen_argo_ring_message_header")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenArgoRingMessageHeader {
    /// Size in bytes, including this header.
    pub len: u32,
    /// The sender.
    pub source: XenArgoAddr,
    /// Message type chosen by the sender.
    pub message_type: u32,
}
const _: () = assert!(size_of::<XenArgoRingMessageHeader>() == 16);
