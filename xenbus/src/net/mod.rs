//! Network devices: the parts of the protocol that both ends share.
//!
//! Source: `io/netif.h`.

pub mod checksum;
pub mod control;
mod flow;
pub mod key;
mod mac;
mod meta;
mod segments;
pub mod xdp;

pub use checksum::ChecksumState;
pub use control::{ControlError, ControlRequest, GrefList};
pub use flow::{DEFAULT_HASH, DEFAULT_KEY, Flow, HASH_KEY, PacketHash, Toeplitz};
pub use mac::{MacAddress, MacError};
pub use meta::{PacketMeta, Segmentation, SegmentationKind};
pub use segments::Segments;

/// Bytes of an Ethernet header: a shorter packet is none.
pub const ETHERNET_HEADER: usize = 14;
