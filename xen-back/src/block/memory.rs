//! A disk in memory.

use super::{BlockDevice, BlockDeviceError, Discard, IoBuffer, SECTOR_SIZE};
use core::fmt;
use core::ops::Range;

/// A disk in private memory: a `Vec<u8>`, an array, any type with bytes.
///
/// Bytes beyond the last whole sector are not part of the disk. Freed sectors read as zeroes.
pub struct MemoryDisk<B> {
    bytes: B,
    read_only: bool,
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> MemoryDisk<B> {
    /// Makes a disk of `bytes`.
    pub fn new(bytes: B) -> Self {
        Self { bytes, read_only: false }
    }

    /// Makes a read-only disk of `bytes`.
    pub fn read_only(bytes: B) -> Self {
        Self { bytes, read_only: true }
    }

    /// Returns the memory.
    pub fn into_inner(self) -> B {
        self.bytes
    }

    fn range(sector: u64, len: usize) -> Option<Range<usize>> {
        let start = usize::try_from(sector).ok()?.checked_mul(SECTOR_SIZE)?;
        Some(start..start.checked_add(len)?)
    }
}

impl<B: AsRef<[u8]>> AsRef<[u8]> for MemoryDisk<B> {
    fn as_ref(&self) -> &[u8] {
        self.bytes.as_ref()
    }
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> BlockDevice for MemoryDisk<B> {
    fn sectors(&self) -> u64 {
        (self.bytes.as_ref().len() / SECTOR_SIZE) as u64
    }

    fn is_read_only(&self) -> bool {
        self.read_only
    }

    fn discard_support(&self) -> Option<Discard> {
        (!self.read_only).then_some(Discard {
            granularity: SECTOR_SIZE as u32,
            alignment: 0,
            secure: true,
        })
    }

    fn read(&mut self, sector: u64, mut to: IoBuffer<'_>) -> Result<(), BlockDeviceError> {
        let bytes = Self::range(sector, to.len()).and_then(|range| self.bytes.as_ref().get(range));
        bytes.and_then(|bytes| to.put(0, bytes)).ok_or(BlockDeviceError::Io)
    }

    fn write(&mut self, sector: u64, from: IoBuffer<'_>) -> Result<(), BlockDeviceError> {
        let bytes =
            Self::range(sector, from.len()).and_then(|range| self.bytes.as_mut().get_mut(range));
        bytes.and_then(|bytes| from.get(0, bytes)).ok_or(BlockDeviceError::Io)
    }

    fn discard(&mut self, sector: u64, count: u64, _secure: bool) -> Result<(), BlockDeviceError> {
        let len = usize::try_from(count).ok().and_then(|count| count.checked_mul(SECTOR_SIZE));
        let range = len.and_then(|len| Self::range(sector, len));
        range
            .and_then(|range| self.bytes.as_mut().get_mut(range))
            .ok_or(BlockDeviceError::Io)?
            .fill(0);
        Ok(())
    }
}

impl<B: AsRef<[u8]>> fmt::Debug for MemoryDisk<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryDisk")
            .field("bytes", &self.bytes.as_ref().len())
            .field("read_only", &self.read_only)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    #[test]
    fn writes_are_read_discards_are_zero() {
        let mut disk = MemoryDisk::new(vec![0u8; 10 * 512 + 100]);
        assert_eq!(disk.sectors(), 10);
        let mut data = [7; 1024];
        disk.write(8, IoBuffer::private(&mut data)).unwrap();
        let mut found = [0; 1024];
        disk.read(8, IoBuffer::private(&mut found)).unwrap();
        assert_eq!(found, [7; 1024]);
        disk.discard(9, 1, false).unwrap();
        disk.read(8, IoBuffer::private(&mut found)).unwrap();
        assert_eq!((found[511], found[512]), (7, 0));
        assert_eq!(disk.read(u64::MAX, IoBuffer::private(&mut found)), Err(BlockDeviceError::Io));
    }

    #[test]
    fn read_only_disk_offers_no_discard() {
        let disk = MemoryDisk::read_only([0u8; 512]);
        assert_eq!((disk.is_read_only(), disk.discard_support()), (true, None));
        let disk = MemoryDisk::new([0u8; 512]);
        let offered = Some(Discard { granularity: 512, alignment: 0, secure: true });
        assert_eq!((disk.is_read_only(), disk.discard_support()), (false, offered));
    }
}
