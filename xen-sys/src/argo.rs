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

/// Most buffers of one message.
pub const XEN_ARGO_MAXIOV: usize = 8;
/// Most bytes of a ring.
pub const XEN_ARGO_MAX_RING_SIZE: usize = 0x1000000;
/// Messages start at multiples of this many bytes.
pub const XEN_ARGO_MSG_SLOT_SIZE: usize = 0x10;

/// Registers a ring. See [`XenArgoRegisterRing`].
#[doc(alias = "XEN_ARGO_OP_register_ring")]
pub const XEN_ARGO_OP_REGISTER_RING: u32 = 1;
/// Removes a ring. See [`XenArgoUnregisterRing`].
#[doc(alias = "XEN_ARGO_OP_unregister_ring")]
pub const XEN_ARGO_OP_UNREGISTER_RING: u32 = 2;
/// Sends a message from several buffers. See [`XenArgoSendAddr`].
#[doc(alias = "XEN_ARGO_OP_sendv")]
pub const XEN_ARGO_OP_SENDV: u32 = 3;
/// Asks for notice when rings have room. See [`XenArgoRingData`].
#[doc(alias = "XEN_ARGO_OP_notify")]
pub const XEN_ARGO_OP_NOTIFY: u32 = 4;
/// Fails if the ring is registered already.
pub const XEN_ARGO_REGISTER_FLAG_FAIL_EXIST: u32 = 0x1;

/// Flag of [`XenArgoRingDataEnt`]: the ring is empty.
pub const XEN_ARGO_RING_EMPTY: u16 = 1 << 2;
/// Flag of [`XenArgoRingDataEnt`]: there is such a ring.
pub const XEN_ARGO_RING_EXISTS: u16 = 1 << 0;
/// Flag of [`XenArgoRingDataEnt`]: there is room.
pub const XEN_ARGO_RING_SUFFICIENT: u16 = 1 << 3;
/// Flag of [`XenArgoRingDataEnt`]: the message is longer than the ring.
pub const XEN_ARGO_RING_EMSGSIZE: u16 = 1 << 4;
/// Flag of [`XenArgoRingDataEnt`]: the ring takes any sender.
pub const XEN_ARGO_RING_SHARED: u16 = 1 << 1;
/// Flag of [`XenArgoRingDataEnt`]: notice cannot be given; too many wait.
pub const XEN_ARGO_RING_EBUSY: u16 = 1 << 5;

/// A buffer of a message.
#[doc(alias = "xen_argo_iov")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenArgoIov {
    /// Its bytes.
    pub iov_hnd: GuestHandle,
    /// Its length.
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
    /// From.
    pub src: XenArgoAddr,
    /// To.
    pub dst: XenArgoAddr,
}
const _: () = assert!(size_of::<XenArgoSendAddr>() == 16);

/// The head of a ring; its bytes follow.
#[doc(alias = "xen_argo_ring")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenArgoRing {
    /// How far the guest has read: an offset in the ring.
    pub rx_ptr: u32,
    /// How far Xen has written: an offset in the ring.
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
    /// Bytes of the ring.
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

/// What is asked, and told, of one ring.
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
    /// Bytes wanted.
    pub space_required: u32,
    /// Out: most bytes of a message.
    pub max_message_size: u32,
}
const _: () = assert!(size_of::<XenArgoRingDataEnt>() == 20);

/// The head of the argument of [`XEN_ARGO_OP_NOTIFY`]; entries follow.
#[doc(alias = "xen_argo_ring_data")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenArgoRingData {
    /// How many.
    pub nent: u32,
    /// Reserved; zero.
    pub pad: u32,
}
const _: () = assert!(size_of::<XenArgoRingData>() == 8);

/// The head of a message in a ring; its bytes follow.
#[doc(alias = "xen_argo_ring_message_header")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenArgoRingMessageHeader {
    /// Bytes, this head included.
    pub len: u32,
    /// The sender.
    pub source: XenArgoAddr,
    /// Chosen by the sender.
    pub message_type: u32,
}
const _: () = assert!(size_of::<XenArgoRingMessageHeader>() == 16);
