//! Network interfaces.

pub mod checksum;
mod device;
mod error;
mod mac;
#[cfg(feature = "smoltcp")]
mod phy;
mod rings;
mod rx;
mod slots;
mod statistics;
mod tx;
mod vif;

pub use checksum::{RxChecksum, TxChecksum};
pub use device::{Config, Link, Net};
pub use error::{Broken, NetError, TxError};
pub use mac::{MacAddress, MacError};
#[cfg(feature = "smoltcp")]
pub use phy::{Phy, RxToken, TxToken, timestamp};
pub use rx::RxPacket;
pub use slots::MAX_SLOTS;
pub use statistics::Statistics;
pub use vif::{Vif, list};
