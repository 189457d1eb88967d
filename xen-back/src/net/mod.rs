//! Network interfaces for other domains.
//!
//! [`NetBack`] is one interface: it follows its frontend through connecting and closing, hands the
//! guest's packets to a [`PacketSink`], and queues packets for the guest. [`switch::Switch`]
//! decides which of several interfaces a packet goes to. Source of the protocol: `io/netif.h`.

mod device;
mod driver;
mod error;
mod packet;
mod rx;
pub mod switch;
mod tx;

pub use device::{NetBack, NetBackEvent};
pub use error::{NetBackError, TxViolation};
pub use packet::{MAX_PACKET, Packet, PacketSink};
pub use rx::{DRAIN_TIMEOUT, RxStatistics};
pub use tx::TxStatistics;
pub use xenbus::net::{
    ChecksumState, MacAddress, PacketMeta, Segmentation, SegmentationKind, Segments, checksum,
};
