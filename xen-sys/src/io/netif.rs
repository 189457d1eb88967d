//! The network protocol: transmit ring, receive ring, control ring.
//!
//! "Transmit" and "receive" are the directions of the frontend.
//!
//! Public header: `io/netif.h`.
//!
//! Coverage: 47 constants and 8 structures, of Xen 4.17 and 4.20; left out, for the reasons in
//! `abi/left-out.txt`: `netif_rx_back_ring`, `netif_rx_front_ring`, `netif_rx_sring`,
//! `netif_rx_sring_entry`, `netif_tx_back_ring`, `netif_tx_front_ring`, `netif_tx_sring`,
//! `netif_tx_sring_entry`, `xen_netif_ctrl_back_ring`, `xen_netif_ctrl_front_ring`,
//! `xen_netif_ctrl_sring`, `xen_netif_ctrl_sring_entry`.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::GrantRef;

/// Number of slots that a backend must accept for one packet.
pub const XEN_NETIF_NR_SLOTS_MIN: usize = 18;
/// Maximum size of a packet in bytes.
pub const XEN_NETIF_MAX_TX_SIZE: usize = 0xffff;

flags! {
    /// Flags of a transmit request. Bits 0 and 1 are swapped in [`NetRxFlags`].
    pub struct NetTxFlags(u16) {
        /// Partial checksum: the field holds the sum of the pseudo-header only.
        #[doc(alias = "NETTXF_csum_blank")]
        CSUM_BLANK = 1 << 0;
        /// Validated data: the checksum is correct.
        #[doc(alias = "NETTXF_data_validated")]
        DATA_VALIDATED = 1 << 1;
        /// The packet continues in the next request.
        #[doc(alias = "NETTXF_more_data")]
        MORE_DATA = 1 << 2;
        /// The next slot is a [`NetifExtraInfo`].
        #[doc(alias = "NETTXF_extra_info")]
        EXTRA_INFO = 1 << 3;
    }
}

/// A transmit request. The first request of a packet has the size of the whole packet.
#[doc(alias = "netif_tx_request")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct NetifTxRequest {
    /// Grant of the page.
    pub gref: GrantRef,
    /// Offset in the page, in bytes.
    pub offset: u16,
    /// Flags.
    pub flags: NetTxFlags,
    /// Identifier chosen by the frontend; the response carries the same value.
    pub id: u16,
    /// Size of the packet in its first request, of the fragment in the others, in bytes.
    pub size: u16,
}
const _: () = assert!(size_of::<NetifTxRequest>() == 12);

/// A response to a transmit request.
#[doc(alias = "netif_tx_response")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct NetifTxResponse {
    /// Identifier of the request.
    pub id: u16,
    /// Status.
    pub status: NetifStatus,
}
const _: () = assert!(size_of::<NetifTxResponse>() == 4);

/// A page for the backend to fill.
#[doc(alias = "netif_rx_request")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct NetifRxRequest {
    /// Identifier chosen by the frontend; the response carries the same value.
    pub id: u16,
    /// Zero.
    pub pad: u16,
    /// Grant of the page, for writing.
    pub gref: GrantRef,
}
const _: () = assert!(size_of::<NetifRxRequest>() == 8);

flags! {
    /// Flags of a receive response. Bits 0 and 1 are swapped in [`NetTxFlags`].
    pub struct NetRxFlags(u16) {
        /// Validated data: the checksum is correct.
        #[doc(alias = "NETRXF_data_validated")]
        DATA_VALIDATED = 1 << 0;
        /// Partial checksum: the field holds the sum of the pseudo-header only.
        #[doc(alias = "NETRXF_csum_blank")]
        CSUM_BLANK = 1 << 1;
        /// The packet continues in the next response.
        #[doc(alias = "NETRXF_more_data")]
        MORE_DATA = 1 << 2;
        /// The next slot is a [`NetifExtraInfo`].
        #[doc(alias = "NETRXF_extra_info")]
        EXTRA_INFO = 1 << 3;
        /// Segment sizes are in the preceding response; deprecated.
        #[doc(alias = "NETRXF_gso_prefix")]
        GSO_PREFIX = 1 << 4;
    }
}

/// Response to a receive request: a page with data.
#[doc(alias = "netif_rx_response")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct NetifRxResponse {
    /// Identifier of the request.
    pub id: u16,
    /// Offset of the data in the page, in bytes.
    pub offset: u16,
    /// Flags.
    pub flags: NetRxFlags,
    /// Number of bytes of data if positive, [`NetifStatus`] if negative.
    pub status: i16,
}
const _: () = assert!(size_of::<NetifRxResponse>() == 8);

open_enum! {
    /// Status of a request.
    pub struct NetifStatus(i16) {
        /// Dropped packet.
        #[doc(alias = "NETIF_RSP_DROPPED")]
        DROPPED = -2;
        /// Failed request.
        #[doc(alias = "NETIF_RSP_ERROR")]
        ERROR = -1;
        /// Success.
        #[doc(alias = "NETIF_RSP_OKAY")]
        OKAY = 0;
        /// Slot of extra information; not a response.
        #[doc(alias = "NETIF_RSP_NULL")]
        NULL = 1;
    }
}

open_enum! {
    /// Kind of extra information.
    pub struct NetifExtraType(u8) {
        /// Invalid kind.
        #[doc(alias = "XEN_NETIF_EXTRA_TYPE_NONE")]
        NONE = 0;
        /// Segmentation offload. See [`NetifExtraGso`].
        #[doc(alias = "XEN_NETIF_EXTRA_TYPE_GSO")]
        GSO = 1;
        /// Addition of a multicast group. See [`NetifExtraMcast`].
        #[doc(alias = "XEN_NETIF_EXTRA_TYPE_MCAST_ADD")]
        MCAST_ADD = 2;
        /// Removal of a multicast group. See [`NetifExtraMcast`].
        #[doc(alias = "XEN_NETIF_EXTRA_TYPE_MCAST_DEL")]
        MCAST_DEL = 3;
        /// Hash of the packet. See [`NetifExtraHash`].
        #[doc(alias = "XEN_NETIF_EXTRA_TYPE_HASH")]
        HASH = 4;
        /// One more than the highest kind.
        #[doc(alias = "XEN_NETIF_EXTRA_TYPE_MAX")]
        MAX = 5;
    }
}

flags! {
    /// Flags of extra information.
    pub struct NetifExtraFlags(u8) {
        /// The next slot is extra information too.
        #[doc(alias = "XEN_NETIF_EXTRA_FLAG_MORE")]
        MORE = 1 << 0;
    }
}

open_enum! {
    /// Kind of segmentation.
    pub struct NetifGsoType(u8) {
        /// None.
        #[doc(alias = "XEN_NETIF_GSO_TYPE_NONE")]
        NONE = 0;
        /// TCP over IPv4.
        #[doc(alias = "XEN_NETIF_GSO_TYPE_TCPV4")]
        TCPV4 = 1;
        /// TCP over IPv6.
        #[doc(alias = "XEN_NETIF_GSO_TYPE_TCPV6")]
        TCPV6 = 2;
    }
}

/// Extra information, in the slot of a request or response.
#[doc(alias = "netif_extra_info")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct NetifExtraInfo {
    /// Kind.
    #[doc(alias = "type")]
    pub type_: NetifExtraType,
    /// Flags.
    pub flags: NetifExtraFlags,
    /// [`NetifExtraGso`], [`NetifExtraMcast`] or [`NetifExtraHash`], by kind;
    /// [`zerocopy::transmute`] converts.
    pub u: [u16; 3],
}
const _: () = assert!(size_of::<NetifExtraInfo>() == 8);

/// Segmentation, in [`NetifExtraInfo::u`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct NetifExtraGso {
    /// Maximum number of payload bytes of a segment.
    pub size: u16,
    /// Kind of segmentation.
    pub type_: NetifGsoType,
    /// Zero.
    pub pad: u8,
    /// Zero; reserved.
    pub features: u16,
}
const _: () = assert!(size_of::<NetifExtraGso>() == 6);

/// A multicast group, in [`NetifExtraInfo::u`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct NetifExtraMcast {
    /// The group's Ethernet address.
    pub addr: [u8; 6],
}
const _: () = assert!(size_of::<NetifExtraMcast>() == 6);

/// A packet's hash, in [`NetifExtraInfo::u`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct NetifExtraHash {
    /// Hashed fields: bit number of `XEN_NETIF_CTRL_HASH_TYPE_*`.
    pub type_: u8,
    /// `XEN_NETIF_CTRL_HASH_ALGORITHM_*`.
    pub algorithm: u8,
    /// The hash.
    pub value: [u8; 4],
}
const _: () = assert!(size_of::<NetifExtraHash>() == 6);

flags! {
    /// Fields that a hash covers.
    pub struct NetifHashType(u32) {
        /// IPv4 addresses.
        #[doc(alias = "XEN_NETIF_CTRL_HASH_TYPE_IPV4")]
        IPV4 = 1 << 0;
        /// IPv4 addresses and TCP ports.
        #[doc(alias = "XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP")]
        IPV4_TCP = 1 << 1;
        /// IPv6 addresses.
        #[doc(alias = "XEN_NETIF_CTRL_HASH_TYPE_IPV6")]
        IPV6 = 1 << 2;
        /// IPv6 addresses and TCP ports.
        #[doc(alias = "XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP")]
        IPV6_TCP = 1 << 3;
    }
}

/// Hash: none.
pub const XEN_NETIF_CTRL_HASH_ALGORITHM_NONE: u32 = 0;
/// Hash: Toeplitz.
pub const XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ: u32 = 1;

open_enum! {
    /// Type of a control request.
    pub struct NetifCtrlType(u16) {
        /// Invalid type.
        #[doc(alias = "XEN_NETIF_CTRL_TYPE_INVALID")]
        INVALID = 0;
        /// Query of the supported hash types.
        #[doc(alias = "XEN_NETIF_CTRL_TYPE_GET_HASH_FLAGS")]
        GET_HASH_FLAGS = 1;
        /// Selection of the hash types.
        #[doc(alias = "XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS")]
        SET_HASH_FLAGS = 2;
        /// Change of the hash key.
        #[doc(alias = "XEN_NETIF_CTRL_TYPE_SET_HASH_KEY")]
        SET_HASH_KEY = 3;
        /// Query of the maximum size of the mapping of hashes to queues.
        #[doc(alias = "XEN_NETIF_CTRL_TYPE_GET_HASH_MAPPING_SIZE")]
        GET_HASH_MAPPING_SIZE = 4;
        /// Change of the size of the mapping.
        #[doc(alias = "XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE")]
        SET_HASH_MAPPING_SIZE = 5;
        /// Change of a range of the mapping.
        #[doc(alias = "XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING")]
        SET_HASH_MAPPING = 6;
        /// Selection of the hash algorithm.
        #[doc(alias = "XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM")]
        SET_HASH_ALGORITHM = 7;
        /// Query of the maximum number of persistently mapped grants.
        #[doc(alias = "XEN_NETIF_CTRL_TYPE_GET_GREF_MAPPING_SIZE")]
        GET_GREF_MAPPING_SIZE = 8;
        /// Addition of persistently mapped grants. See [`XenNetifGref`].
        #[doc(alias = "XEN_NETIF_CTRL_TYPE_ADD_GREF_MAPPING")]
        ADD_GREF_MAPPING = 9;
        /// Removal of persistently mapped grants. See [`XenNetifGref`].
        #[doc(alias = "XEN_NETIF_CTRL_TYPE_DEL_GREF_MAPPING")]
        DEL_GREF_MAPPING = 10;
    }
}

/// A control request.
#[doc(alias = "xen_netif_ctrl_request")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenNetifCtrlRequest {
    /// Identifier chosen by the frontend; the response carries the same value.
    pub id: u16,
    /// Type.
    #[doc(alias = "type")]
    pub type_: NetifCtrlType,
    /// Arguments, by type.
    pub data: [u32; 3],
}
const _: () = assert!(size_of::<XenNetifCtrlRequest>() == 16);

/// A control response.
#[doc(alias = "xen_netif_ctrl_response")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenNetifCtrlResponse {
    /// Identifier of the request.
    pub id: u16,
    /// Type of the request.
    #[doc(alias = "type")]
    pub type_: NetifCtrlType,
    /// Status.
    pub status: NetifCtrlStatus,
    /// Result, by type.
    pub data: u32,
}
const _: () = assert!(size_of::<XenNetifCtrlResponse>() == 12);

open_enum! {
    /// Status of a control request.
    pub struct NetifCtrlStatus(u32) {
        /// Success.
        #[doc(alias = "XEN_NETIF_CTRL_STATUS_SUCCESS")]
        SUCCESS = 0;
        /// Unsupported type.
        #[doc(alias = "XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED")]
        NOT_SUPPORTED = 1;
        /// Invalid parameter.
        #[doc(alias = "XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER")]
        INVALID_PARAMETER = 2;
        /// Buffer overflow: a parameter is too large.
        #[doc(alias = "XEN_NETIF_CTRL_STATUS_BUFFER_OVERFLOW")]
        BUFFER_OVERFLOW = 3;
    }
}

/// A persistently mapped grant.
#[doc(alias = "xen_netif_gref")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenNetifGref {
    /// The grant.
    #[doc(alias = "ref")]
    pub ref_: GrantRef,
    /// [`XEN_NETIF_CTRLF_GREF_READONLY`] or zero.
    pub flags: u16,
    /// Out: the status.
    pub status: NetifGrefStatus,
}
const _: () = assert!(size_of::<XenNetifGref>() == 8);

open_enum! {
    /// Status of one grant; a [`NetifCtrlStatus`] in 16 bits.
    pub struct NetifGrefStatus(u16) {
        /// Success.
        #[doc(alias = "XEN_NETIF_CTRL_STATUS_SUCCESS")]
        SUCCESS = 0;
        /// Invalid grant.
        #[doc(alias = "XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER")]
        INVALID_PARAMETER = 2;
    }
}

/// Flag of [`XenNetifGref`]: read-only.
#[doc(alias = "XEN_NETIF_CTRLF_GREF_readonly")]
pub const XEN_NETIF_CTRLF_GREF_READONLY: u16 = 1 << 0;
