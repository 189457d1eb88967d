//! Disks for other domains.
//!
//! [`Blkback`] is one device: it follows its frontend through connecting and closing, takes
//! requests off the ring, and has a [`Storage`] carry them out. Source of the protocol:
//! `io/blkif.h`.

mod access;
mod device;
mod error;
#[cfg(feature = "std")]
mod file;
mod hotplug;
mod memory;
mod plan;
mod rings;
mod server;
mod spec;
mod storage;

pub use access::GrantMode;
pub use device::{Blkback, BlkbackEvent, Config};
pub use error::BlockError;
#[cfg(feature = "std")]
pub use file::FileDisk;
pub use hotplug::{HotplugError, HotplugWait};
pub use memory::MemoryDisk;
pub use plan::{MAX_SEGMENTS, Refusal};
pub use server::Statistics;
pub use spec::{DiskSpec, StorageName};
pub use storage::{Discard, Piece, SECTOR_SIZE, Storage, StorageError};
