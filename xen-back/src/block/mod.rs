//! Disks for other domains.
//!
//! [`BlkBack`] is one device: it follows its frontend through connecting and closing, takes
//! requests off the ring, and has a [`BlockDevice`] carry them out, one after the other.
//! [`AsyncBlkBack`] is the layer below: it hands [requests](Request) out and takes completions in
//! any order, for storage with several requests in flight. Source of the protocol: `io/blkif.h`.

mod access;
mod async_device;
mod block_device;
mod config;
mod connection;
mod device;
mod driver;
mod error;
#[cfg(feature = "std")]
mod file;
mod info;
mod lru;
mod memory;
mod open;
mod orphans;
mod persistent;
mod queue;
mod request;
mod ring_nodes;
mod rings;
mod slot;
mod statistics;
mod validate;

pub use access::GrantMode;
pub use async_device::AsyncBlkBack;
pub use block_device::{BlockDevice, BlockDeviceError, IoBuffer, SECTOR_SIZE};
pub use config::{DiskTarget, VbdConfig};
pub use device::{BlkBack, BlkBackEvent, Config};
pub use error::BlkBackError;
#[cfg(feature = "std")]
pub use file::FileDisk;
pub use info::{DescribeDisk, Discard, DiskInfo};
pub use memory::MemoryDisk;
pub use open::{OpenDisk, OpenError, PreparedDisk};
pub use request::{Buffers, ForeignRequest, Operation, Request};
pub use statistics::Statistics;
pub use validate::{MAX_SEGMENTS, RequestError};
