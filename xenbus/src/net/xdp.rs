//! Free bytes before received packets, for a program that adds headers in place.
//!
//! Source: `XEN_NETIF_EXTRA_TYPE_XDP` and "xdp-headroom" in Linux's copy of `io/netif.h`; Xen's
//! headers do not have them.

use xen_sys::io::netif::{NetifExtraFlags, NetifExtraInfo, NetifExtraType};

/// Kind of the extra info.
#[doc(alias = "XEN_NETIF_EXTRA_TYPE_XDP")]
pub const EXTRA_TYPE: NetifExtraType = NetifExtraType(5);

/// The most free bytes before the packet in each slot, as Linux's netfront requests them: 64 KiB
/// still take at most 18 slots.
#[doc(alias("XDP_PACKET_HEADROOM", "XEN_NETIF_MAX_XDP_HEADROOM"))]
pub const MAX_HEADROOM: u16 = 256;

/// Returns the extra info slot of a packet with `headroom` free bytes before it, in each slot.
///
/// Linux's netback counts them in the length of the slot, whose offset is 0.
pub fn extra_info(headroom: u16) -> NetifExtraInfo {
    let flags = NetifExtraFlags::empty();
    NetifExtraInfo { type_: EXTRA_TYPE, flags, u: [headroom, 0, 0] }
}

/// Returns the free bytes of an extra info slot of this kind.
pub fn headroom(info: &NetifExtraInfo) -> u16 {
    let [headroom, ..] = info.u;
    headroom
}
