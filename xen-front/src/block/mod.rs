//! Disks: the front end of Xen's block protocol.
//!
//! [`BlkFront`] is the poll core: requests with the caller's own pages, no copy, no waiting.
//! [`BlockingDisk`] puts blocking reads and writes of any length on top. [`list()`] finds this
//! domain's disks and their names.
//!
//! Every sector number and count is in units of 512 bytes ([`SECTOR_SIZE`]), whatever the disk's
//! own sectors are.
//!
//! Source: `io/blkif.h`.

mod blocking_disk;
mod connection;
mod device;
mod driver;
mod error;
mod info;
mod list;
mod request;
mod requests;
mod requeue;

pub use blocking_disk::{BlockingDisk, DEFAULT_BUFFERS};
pub use device::BlkFront;
pub use error::{
    BlkFrontError, IoError, NodeError, ProtocolError, RequestError, SubmitError, TransferError,
};
pub use info::{DiskInfo, FlushMethod};
pub use list::{DiskEntry, list};
pub use request::{Completion, MAX_PAGES, Request, Token};
pub use requests::{DEFAULT_DEPTH, MAX_DEPTH};
pub use xen_sys::io::blkif::SECTOR_SIZE;
pub use xenbus::DeviceState;
pub use xenbus::vbd::{DiskFamily, VbdName, VbdNameError, VbdNumber};

/// Sectors in a page.
pub const SECTORS_PER_PAGE: usize = xen_hypercall::PAGE_SIZE / SECTOR_SIZE;
