//! Network interfaces for other domains.
//!
//! [`Netback`] is one interface: it follows its frontend through connecting and closing, hands the
//! guest's packets to a [`Port`], and queues packets for the guest. [`switch::Switch`] decides
//! which of several interfaces a packet goes to. Source of the protocol: `io/netif.h`.

mod device;
mod error;
mod packet;
mod rx;
mod segments;
pub mod switch;
mod tx;

pub use device::{Netback, NetbackEvent};
pub use error::{NetError, TxViolation};
pub use packet::{MAX_PACKET, Packet, Port};
pub use rx::{DRAIN_TIMEOUT, RxStatistics};
pub use tx::TxStatistics;
pub use xen_ring::MacAddress;
pub use xen_ring::checksum::{self, Checksum};
