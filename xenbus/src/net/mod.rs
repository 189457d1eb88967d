//! Network devices: the parts of the protocol that both ends share.
//!
//! Source: `io/netif.h`.

pub mod checksum;
pub mod key;
mod mac;
mod meta;

pub use checksum::ChecksumState;
pub use mac::{MacAddress, MacError};
pub use meta::{PacketMeta, Segmentation, SegmentationKind};

/// Bytes of an Ethernet header: a shorter packet is none.
pub const ETHERNET_HEADER: usize = 14;
