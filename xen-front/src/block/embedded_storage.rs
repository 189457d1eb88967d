//! The traits of `embedded-storage` for a disk with blocking calls.
//!
//! An offset has 32 bits, so only the first 4 GiB of a disk are reached.

use super::{BlockingDisk, RequestError, SECTOR_SIZE, TransferError};
use core::ops::Range;
use embedded_storage::nor_flash::{
    ErrorType, MultiwriteNorFlash, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash,
};
use embedded_storage::{ReadStorage, Storage};
use xen_hypercall::{PAGE_SIZE, Platform};

/// The largest sector of a disk.
const MAX_SECTOR: usize = PAGE_SIZE;

/// Content of erased bytes.
const ERASED: u8 = 0xff;

/// A part of a transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// Whole sectors, from this one on.
    Whole { sector: u64, bytes: Range<usize> },
    /// Bytes of the sectors of one unit, which begins at `sector`, from offset `at` on.
    Partial { sector: u64, at: usize, bytes: Range<usize> },
}

/// Cuts `len` bytes from `offset` on into parts: whole units of `unit` bytes, and the rests before
/// and behind.
fn parts(offset: u64, len: usize, unit: usize) -> impl Iterator<Item = Part> {
    let mut done = 0;
    core::iter::from_fn(move || {
        let (from, left) = (offset + done as u64, len - done);
        let at = (from % unit as u64) as usize;
        let sector = (from - at as u64) / SECTOR_SIZE as u64;
        let start = done;
        if left == 0 {
            return None;
        }
        if at != 0 || left < unit {
            done += left.min(unit - at);
            return Some(Part::Partial { sector, at, bytes: start..done });
        }
        done += left - left % unit;
        Some(Part::Whole { sector, bytes: start..done })
    })
}

impl<P: Platform> BlockingDisk<P> {
    /// Returns the bytes of a sector, if the range is within the disk.
    fn unit(&self, offset: u32, len: usize) -> Result<usize, TransferError> {
        let info = self.info();
        let end = u64::from(offset).checked_add(len as u64);
        if end.is_none_or(|end| end > info.bytes()) {
            let (sector, sectors) = (u64::from(offset) / 512, len.div_ceil(SECTOR_SIZE) as u64);
            let capacity = info.sectors;
            return Err(RequestError::OutOfRange { sector, sectors, capacity }.into());
        }
        Ok(info.sector_size as usize)
    }

    fn read_bytes(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), TransferError> {
        let unit = self.unit(offset, bytes.len())?;
        let mut bounce = [0; MAX_SECTOR];
        for part in parts(offset.into(), bytes.len(), unit) {
            match part {
                Part::Whole { sector, bytes: range } => {
                    self.read(sector, bytes.get_mut(range).unwrap_or_default())?;
                }
                Part::Partial { sector, at, bytes: range } => {
                    // A sector has a page at most.
                    let bounce = bounce.get_mut(..unit).unwrap_or_default();
                    self.read(sector, bounce)?;
                    let found = bounce.get(at..at + range.len()).unwrap_or_default();
                    if let Some(target) = bytes.get_mut(range) {
                        target.copy_from_slice(found);
                    }
                }
            }
        }
        Ok(())
    }

    fn write_bytes(&mut self, offset: u32, bytes: &[u8]) -> Result<(), TransferError> {
        let unit = self.unit(offset, bytes.len())?;
        let mut bounce = [0; MAX_SECTOR];
        for part in parts(offset.into(), bytes.len(), unit) {
            match part {
                Part::Whole { sector, bytes: range } => {
                    self.write(sector, bytes.get(range).unwrap_or_default())?;
                }
                Part::Partial { sector, at, bytes: range } => {
                    let bounce = bounce.get_mut(..unit).unwrap_or_default();
                    self.read(sector, bounce)?;
                    let target = bounce.get_mut(at..at + range.len());
                    if let (Some(target), Some(new)) = (target, bytes.get(range)) {
                        target.copy_from_slice(new);
                    }
                    self.write(sector, bounce)?;
                }
            }
        }
        Ok(())
    }

    fn addressable(&self) -> usize {
        let bytes = self.info().bytes().min(1 << 32);
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }
}

/// Reads any bytes. Of a sector that is not read as a whole, the driver reads the rest, too.
impl<P: Platform> ReadStorage for BlockingDisk<P> {
    type Error = TransferError;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), TransferError> {
        self.read_bytes(offset, bytes)
    }

    fn capacity(&self) -> usize {
        self.addressable()
    }
}

/// Writes any bytes. A sector that is not written as a whole is read first; its other bytes are
/// written unchanged.
impl<P: Platform> Storage for BlockingDisk<P> {
    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), TransferError> {
        self.write_bytes(offset, bytes)
    }
}

impl NorFlashError for TransferError {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::Refused(RequestError::OutOfRange { .. }) => NorFlashErrorKind::OutOfBounds,
            Self::Refused(RequestError::Misaligned { .. }) | Self::Length { .. } => {
                NorFlashErrorKind::NotAligned
            }
            _ => NorFlashErrorKind::Other,
        }
    }
}

impl<P: Platform> ErrorType for BlockingDisk<P> {
    type Error = TransferError;
}

/// As [`ReadStorage`].
impl<P: Platform> ReadNorFlash for BlockingDisk<P> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), TransferError> {
        self.read_bytes(offset, bytes)
    }

    fn capacity(&self) -> usize {
        self.addressable()
    }
}

/// A disk as a NOR flash, for the file systems and key-value stores of microcontrollers: an erase
/// writes 0xFF.
impl<P: Platform> NorFlash for BlockingDisk<P> {
    const WRITE_SIZE: usize = SECTOR_SIZE;

    const ERASE_SIZE: usize = MAX_SECTOR;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), TransferError> {
        let len = to.checked_sub(from).ok_or(TransferError::Length { bytes: 0 })? as usize;
        aligned(from, len, Self::ERASE_SIZE)?;
        self.unit(from, len)?;
        for at in (from..to).step_by(Self::ERASE_SIZE) {
            self.write_bytes(at, &[ERASED; MAX_SECTOR])?;
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), TransferError> {
        aligned(offset, bytes.len(), Self::WRITE_SIZE)?;
        self.write_bytes(offset, bytes)
    }
}

/// A disk has no need to be erased before a write.
impl<P: Platform> MultiwriteNorFlash for BlockingDisk<P> {}

/// Checks that a range begins and ends at multiples of `size`.
fn aligned(offset: u32, len: usize, size: usize) -> Result<(), TransferError> {
    if (offset as usize).is_multiple_of(size) && len.is_multiple_of(size) {
        Ok(())
    } else {
        Err(RequestError::Misaligned { sector_size: size as u32 }.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn parts_are_whole_sectors_and_rests() {
        let found: Vec<_> = parts(500, 1100, 512).collect();
        let expected = [
            Part::Partial { sector: 0, at: 500, bytes: 0..12 },
            Part::Whole { sector: 1, bytes: 12..1036 },
            Part::Partial { sector: 3, at: 0, bytes: 1036..1100 },
        ];
        assert_eq!(found, expected);
        let inner: Vec<_> = parts(4100, 8, 4096).collect();
        assert_eq!(inner, [Part::Partial { sector: 8, at: 4, bytes: 0..8 }]);
        assert_eq!(parts(512, 0, 512).count(), 0);
    }
}
