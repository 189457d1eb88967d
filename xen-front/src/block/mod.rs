//! Block devices: the frontend of Xen's block protocol.
//!
//! [`BlkFront`] is the non-blocking core: requests with the caller's own pages, without a copy.
//! [`BlockingDisk`] adds blocking reads and writes of any length. [`list()`] returns the disks of
//! this domain and their names.
//!
//! All sector numbers and counts are in units of 512 bytes ([`SECTOR_SIZE`]), whatever the sector
//! size of the disk is.
//!
//! Source: `io/blkif.h`.

#[cfg(feature = "embedded-storage-async")]
mod async_disk;
mod blocking_disk;
mod buffer;
mod config;
mod connection;
mod device;
mod driver;
mod dump;
mod error;
mod indirect;
mod info;
mod list;
mod queue;
mod queue_handle;
mod queues;
mod request;
mod requests;
mod ring;
mod segments;
mod slots;
#[cfg(any(feature = "embedded-storage", feature = "embedded-storage-async"))]
mod storage;
mod transfers;

#[cfg(feature = "embedded-storage-async")]
pub use async_disk::{AsyncDisk, AsyncDiskEvents};
pub use blocking_disk::{BlockingDisk, DEFAULT_BUFFERS};
pub use config::{BlkFrontConfig, MAX_QUEUES};
pub use device::BlkFront;
pub use dump::DumpError;
pub use error::{
    BlkFrontError, IoError, NodeError, ProtocolError, RequestError, SubmitError, TransferError,
};
pub use info::{Discard, DiskInfo, FlushMethod};
pub use list::{DiskEntry, list};
pub use queue_handle::BlkQueue;
pub use request::{Completion, MAX_PAGES, MAX_SEGMENTS, Request, Token};
pub use ring::MAX_DEPTH;
pub use xen_sys::io::blkif::SECTOR_SIZE;
pub use xenbus::DeviceState;
pub use xenbus::vbd::{DiskFamily, VbdName, VbdNameError, VbdNumber};

/// Sectors in a page.
pub const SECTORS_PER_PAGE: usize = xen_hypercall::PAGE_SIZE / SECTOR_SIZE;
