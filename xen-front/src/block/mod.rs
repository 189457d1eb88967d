//! Disks: the front end of Xen's block protocol.
//!
//! [`Block`] is the poll core: requests with the caller's own pages, no copy, no waiting. [`Disk`]
//! puts blocking reads and writes of any length on top. [`list()`] finds this domain's disks and
//! their names.
//!
//! Every sector number and count is in units of 512 bytes ([`SECTOR_SIZE`]), whatever the disk's
//! own sectors are.
//!
//! Source: `io/blkif.h`.

mod connection;
mod device;
mod device_number;
mod disk;
mod error;
mod info;
mod list;
mod request;
mod requests;
mod size_watch;
mod unanswered;

pub use device::{Block, BlockState};
pub use device_number::{DeviceNumber, DiskFamily, DiskPlace, NoDiskName};
pub use disk::{DEFAULT_BUFFERS, Disk};
pub use error::{BlockError, Broken, IoError, NodeError, Refusal, SubmitError, TransferError};
pub use info::{DiskInfo, FlushMethod};
pub use list::{DiskEntry, list};
pub use request::{Completion, MAX_PAGES, Request, Token};
pub use requests::{DEFAULT_DEPTH, MAX_DEPTH};
pub use xen_sys::io::blkif::SECTOR_SIZE;

/// Sectors in a page.
pub const SECTORS_PER_PAGE: usize = xen_hypercall::PAGE_SIZE / SECTOR_SIZE;
