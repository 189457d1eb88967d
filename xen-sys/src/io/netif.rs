//! The network protocol: transmit ring, receive ring, control ring.
//!
//! "Transmit" and "receive" are seen from the front end.
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

/// Slots that a back end must accept for one packet.
pub const XEN_NETIF_NR_SLOTS_MIN: usize = 18;
/// Most bytes of a packet.
pub const XEN_NETIF_MAX_TX_SIZE: usize = 0xffff;

flags! {
    /// Flags of a transmit request. Not those of a receive response: bits 0 and 1 are exchanged.
    pub struct NetTxFlags(u16) {
        /// The checksum is still to be computed; the field has the pseudo-header's sum.
        #[doc(alias = "NETTXF_csum_blank")]
        CSUM_BLANK = 1 << 0;
        /// The data is known to be good.
        #[doc(alias = "NETTXF_data_validated")]
        DATA_VALIDATED = 1 << 1;
        /// The packet goes on in the next request.
        #[doc(alias = "NETTXF_more_data")]
        MORE_DATA = 1 << 2;
        /// The next slot is a [`NetifExtraInfo`].
        #[doc(alias = "NETTXF_extra_info")]
        EXTRA_INFO = 1 << 3;
    }
}

/// A request to transmit; for a packet of several, the first one has the size of the whole.
#[doc(alias = "netif_tx_request")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct NetifTxRequest {
    /// The page.
    pub gref: GrantRef,
    /// Offset in the page, in bytes.
    pub offset: u16,
    /// Flags.
    pub flags: NetTxFlags,
    /// Chosen by the front end; the response has the same.
    pub id: u16,
    /// Bytes: of the packet in its first request, of this fragment in the others.
    pub size: u16,
}
const _: () = assert!(size_of::<NetifTxRequest>() == 12);

/// A response to a transmit request.
#[doc(alias = "netif_tx_response")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct NetifTxResponse {
    /// That of the request.
    pub id: u16,
    /// The outcome.
    pub status: NetifStatus,
}
const _: () = assert!(size_of::<NetifTxResponse>() == 4);

/// A page for the back end to fill.
#[doc(alias = "netif_rx_request")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct NetifRxRequest {
    /// Chosen by the front end; the response has the same.
    pub id: u16,
    /// Zero.
    pub pad: u16,
    /// The page; granted for writing.
    pub gref: GrantRef,
}
const _: () = assert!(size_of::<NetifRxRequest>() == 8);

flags! {
    /// Flags of a receive response. Not those of a transmit request: bits 0 and 1 are exchanged.
    pub struct NetRxFlags(u16) {
        /// The data is known to be good.
        #[doc(alias = "NETRXF_data_validated")]
        DATA_VALIDATED = 1 << 0;
        /// The checksum is still to be computed; the field has the pseudo-header's sum.
        #[doc(alias = "NETRXF_csum_blank")]
        CSUM_BLANK = 1 << 1;
        /// The packet goes on in the next response.
        #[doc(alias = "NETRXF_more_data")]
        MORE_DATA = 1 << 2;
        /// The next slot is a [`NetifExtraInfo`].
        #[doc(alias = "NETRXF_extra_info")]
        EXTRA_INFO = 1 << 3;
        /// Segment sizes are in the response before; deprecated.
        #[doc(alias = "NETRXF_gso_prefix")]
        GSO_PREFIX = 1 << 4;
    }
}

/// A filled page.
#[doc(alias = "netif_rx_response")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct NetifRxResponse {
    /// That of the request.
    pub id: u16,
    /// Offset of the data in the page, in bytes.
    pub offset: u16,
    /// Flags.
    pub flags: NetRxFlags,
    /// Bytes of data if positive, a [`NetifStatus`] if negative.
    pub status: i16,
}
const _: () = assert!(size_of::<NetifRxResponse>() == 8);

open_enum! {
    /// Outcome of a request.
    pub struct NetifStatus(i16) {
        /// The packet was dropped.
        #[doc(alias = "NETIF_RSP_DROPPED")]
        DROPPED = -2;
        /// The request failed.
        #[doc(alias = "NETIF_RSP_ERROR")]
        ERROR = -1;
        /// Done.
        #[doc(alias = "NETIF_RSP_OKAY")]
        OKAY = 0;
        /// Not a response: the slot of an extra information.
        #[doc(alias = "NETIF_RSP_NULL")]
        NULL = 1;
    }
}

open_enum! {
    /// Kind of an extra information.
    pub struct NetifExtraType(u8) {
        /// Never valid.
        #[doc(alias = "XEN_NETIF_EXTRA_TYPE_NONE")]
        NONE = 0;
        /// Segmentation: the packet is to be cut, or was joined. See [`NetifExtraGso`].
        #[doc(alias = "XEN_NETIF_EXTRA_TYPE_GSO")]
        GSO = 1;
        /// Joins a multicast group. See [`NetifExtraMcast`].
        #[doc(alias = "XEN_NETIF_EXTRA_TYPE_MCAST_ADD")]
        MCAST_ADD = 2;
        /// Leaves a multicast group. See [`NetifExtraMcast`].
        #[doc(alias = "XEN_NETIF_EXTRA_TYPE_MCAST_DEL")]
        MCAST_DEL = 3;
        /// The packet's hash. See [`NetifExtraHash`].
        #[doc(alias = "XEN_NETIF_EXTRA_TYPE_HASH")]
        HASH = 4;
        /// One more than the highest kind.
        #[doc(alias = "XEN_NETIF_EXTRA_TYPE_MAX")]
        MAX = 5;
    }
}

flags! {
    /// Flags of an extra information.
    pub struct NetifExtraFlags(u8) {
        /// The next slot is an extra information too.
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

/// An extra information: takes the slot of a request or response.
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
    /// Most bytes of payload in a segment.
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
    /// What was hashed: bit number of `XEN_NETIF_CTRL_HASH_TYPE_*`.
    pub type_: u8,
    /// `XEN_NETIF_CTRL_HASH_ALGORITHM_*`.
    pub algorithm: u8,
    /// The hash.
    pub value: [u8; 4],
}
const _: () = assert!(size_of::<NetifExtraHash>() == 6);

flags! {
    /// What a hash is computed over.
    pub struct NetifHashType(u32) {
        /// Addresses of IPv4.
        #[doc(alias = "XEN_NETIF_CTRL_HASH_TYPE_IPV4")]
        IPV4 = 1 << 0;
        /// Addresses of IPv4 and ports of TCP.
        #[doc(alias = "XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP")]
        IPV4_TCP = 1 << 1;
        /// Addresses of IPv6.
        #[doc(alias = "XEN_NETIF_CTRL_HASH_TYPE_IPV6")]
        IPV6 = 1 << 2;
        /// Addresses of IPv6 and ports of TCP.
        #[doc(alias = "XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP")]
        IPV6_TCP = 1 << 3;
    }
}

/// Hash: none.
pub const XEN_NETIF_CTRL_HASH_ALGORITHM_NONE: u32 = 0;
/// Hash: Toeplitz.
pub const XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ: u32 = 1;

open_enum! {
    /// What a control request asks for.
    pub struct NetifCtrlType(u16) {
        /// Never valid.
        #[doc(alias = "XEN_NETIF_CTRL_TYPE_INVALID")]
        INVALID = 0;
        /// Asks which hash types are supported.
        #[doc(alias = "XEN_NETIF_CTRL_TYPE_GET_HASH_FLAGS")]
        GET_HASH_FLAGS = 1;
        /// Chooses hash types.
        #[doc(alias = "XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS")]
        SET_HASH_FLAGS = 2;
        /// Sets the hash key.
        #[doc(alias = "XEN_NETIF_CTRL_TYPE_SET_HASH_KEY")]
        SET_HASH_KEY = 3;
        /// Asks for the largest mapping of hashes to queues.
        #[doc(alias = "XEN_NETIF_CTRL_TYPE_GET_HASH_MAPPING_SIZE")]
        GET_HASH_MAPPING_SIZE = 4;
        /// Sets the size of the mapping.
        #[doc(alias = "XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE")]
        SET_HASH_MAPPING_SIZE = 5;
        /// Sets a part of the mapping.
        #[doc(alias = "XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING")]
        SET_HASH_MAPPING = 6;
        /// Chooses the algorithm.
        #[doc(alias = "XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM")]
        SET_HASH_ALGORITHM = 7;
        /// Asks how many grants can stay mapped.
        #[doc(alias = "XEN_NETIF_CTRL_TYPE_GET_GREF_MAPPING_SIZE")]
        GET_GREF_MAPPING_SIZE = 8;
        /// Lets the back end map grants to stay. See [`XenNetifGref`].
        #[doc(alias = "XEN_NETIF_CTRL_TYPE_ADD_GREF_MAPPING")]
        ADD_GREF_MAPPING = 9;
        /// Lets the back end unmap them. See [`XenNetifGref`].
        #[doc(alias = "XEN_NETIF_CTRL_TYPE_DEL_GREF_MAPPING")]
        DEL_GREF_MAPPING = 10;
    }
}

/// A control request.
#[doc(alias = "xen_netif_ctrl_request")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenNetifCtrlRequest {
    /// Chosen by the front end; the response has the same.
    pub id: u16,
    /// What is asked for.
    #[doc(alias = "type")]
    pub type_: NetifCtrlType,
    /// Its arguments.
    pub data: [u32; 3],
}
const _: () = assert!(size_of::<XenNetifCtrlRequest>() == 16);

/// A control response.
#[doc(alias = "xen_netif_ctrl_response")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenNetifCtrlResponse {
    /// That of the request.
    pub id: u16,
    /// That of the request.
    #[doc(alias = "type")]
    pub type_: NetifCtrlType,
    /// The outcome.
    pub status: NetifCtrlStatus,
    /// The answer.
    pub data: u32,
}
const _: () = assert!(size_of::<XenNetifCtrlResponse>() == 12);

open_enum! {
    /// Outcome of a control request.
    pub struct NetifCtrlStatus(u32) {
        /// Done.
        #[doc(alias = "XEN_NETIF_CTRL_STATUS_SUCCESS")]
        SUCCESS = 0;
        /// Not supported.
        #[doc(alias = "XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED")]
        NOT_SUPPORTED = 1;
        /// An argument is wrong.
        #[doc(alias = "XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER")]
        INVALID_PARAMETER = 2;
        /// An argument is too large.
        #[doc(alias = "XEN_NETIF_CTRL_STATUS_BUFFER_OVERFLOW")]
        BUFFER_OVERFLOW = 3;
    }
}

/// A grant that stays mapped.
#[doc(alias = "xen_netif_gref")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenNetifGref {
    /// The grant.
    #[doc(alias = "ref")]
    pub ref_: GrantRef,
    /// [`XEN_NETIF_CTRLF_GREF_READONLY`] or zero.
    pub flags: u16,
    /// Out: the outcome.
    pub status: NetifGrefStatus,
}
const _: () = assert!(size_of::<XenNetifGref>() == 8);

open_enum! {
    /// Outcome for one grant; a [`NetifCtrlStatus`] in 16 bits.
    pub struct NetifGrefStatus(u16) {
        /// Done.
        #[doc(alias = "XEN_NETIF_CTRL_STATUS_SUCCESS")]
        SUCCESS = 0;
        /// The grant is wrong.
        #[doc(alias = "XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER")]
        INVALID_PARAMETER = 2;
    }
}

/// Flag of [`XenNetifGref`]: only for reading.
#[doc(alias = "XEN_NETIF_CTRLF_GREF_readonly")]
pub const XEN_NETIF_CTRLF_GREF_READONLY: u16 = 1 << 0;
