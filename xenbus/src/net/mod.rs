//! Network devices: the parts of the protocol that both ends share.
//!
//! Source: `io/netif.h`.

pub mod checksum;
mod mac;

pub use checksum::ChecksumState;
pub use mac::{MacAddress, MacError};
