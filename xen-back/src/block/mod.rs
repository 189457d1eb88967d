//! Disks for other domains.
//!
//! [`BlkBack`] is one device: it follows its frontend through connecting and closing, takes
//! requests off the ring, and has a [`BlockDevice`] carry them out. Source of the protocol:
//! `io/blkif.h`.

mod access;
mod block_device;
mod config;
mod device;
mod driver;
mod error;
#[cfg(feature = "std")]
mod file;
mod memory;
mod open;
mod rings;
mod server;
mod validate;

pub use access::GrantMode;
pub use block_device::{BlockDevice, BlockDeviceError, Discard, IoBuffer, SECTOR_SIZE};
pub use config::{DiskTarget, VbdConfig};
pub use device::{BlkBack, BlkBackEvent, Config};
pub use error::BlkBackError;
#[cfg(feature = "std")]
pub use file::FileDisk;
pub use memory::MemoryDisk;
pub use open::{OpenDisk, OpenError, PreparedDisk};
pub use server::Statistics;
pub use validate::{MAX_SEGMENTS, RequestError};
