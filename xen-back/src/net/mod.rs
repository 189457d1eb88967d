//! Network interfaces for other domains.
//!
//! [`NetBack`] is one interface: it follows its frontend through connecting and closing, hands the
//! guest's packets to a [`PacketSink`], and queues packets for the guest. The driver domain in
//! `examples/` has a switch between several of them. Source of the protocol: `io/netif.h`.

mod config;
mod connection;
mod control;
mod credit;
mod device;
mod driver;
mod error;
mod multicast;
mod packet;
mod queue_nodes;
mod rx;
mod static_grants;
mod statistics;
mod tx;

pub use config::NetBackConfig;
pub use device::{NetBack, NetBackEvent};
pub use error::{NetBackError, TxViolation};
pub use packet::{MAX_PACKET, Packet, PacketSink};
pub use rx::DRAIN_TIMEOUT;
pub use statistics::{QueueStatistics, RxStatistics, TxStatistics};
pub use xenbus::net::{
    ChecksumState, MacAddress, PacketHash, PacketMeta, Segmentation, SegmentationKind, Segments,
    checksum,
};
