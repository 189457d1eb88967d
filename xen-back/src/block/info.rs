//! Properties of a disk.

use super::{BlockDevice, SECTOR_SIZE};

/// The discard support of a storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Discard {
    /// The unit in bytes.
    pub granularity: u32,
    /// The offset of the first unit in bytes.
    pub alignment: u32,
    /// Freed sectors can be made impossible to recover (`discard-secure`).
    pub secure: bool,
}

/// The properties of a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DiskInfo {
    /// The size in units of 512 bytes.
    pub sectors: u64,
    /// The smallest unit in bytes that can be read or written, a power of two, 512 to 4096.
    pub sector_size: u32,
    /// The disk cannot be written.
    pub read_only: bool,
    /// The discard support, if there is any.
    pub discard: Option<Discard>,
}

impl DiskInfo {
    /// Returns the properties of a writable disk of `sectors` units of 512 bytes.
    pub const fn new(sectors: u64) -> Self {
        Self { sectors, sector_size: SECTOR_SIZE as u32, read_only: false, discard: None }
    }
}

/// A storage whose properties are known: any [`BlockDevice`], or a storage behind an
/// [`AsyncBlkBack`](super::AsyncBlkBack).
pub trait DescribeDisk {
    /// Returns the properties. The frontend is notified of a changed size at the next poll.
    fn disk_info(&self) -> DiskInfo;
}

impl<S: BlockDevice + ?Sized> DescribeDisk for S {
    fn disk_info(&self) -> DiskInfo {
        DiskInfo {
            sectors: self.sectors(),
            sector_size: self.sector_size(),
            read_only: self.is_read_only(),
            discard: self.discard_support(),
        }
    }
}

/// The properties alone, for a storage that is not a part of its backend.
impl DescribeDisk for DiskInfo {
    fn disk_info(&self) -> DiskInfo {
        *self
    }
}
