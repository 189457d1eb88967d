//! Bytes at any offset of a disk, for the traits of `embedded-storage(-async)`.
//!
//! An offset has 32 bits, so only the first 4 GiB of a disk are reached.

#[cfg(feature = "embedded-storage-async")]
mod asynchronous;
#[cfg(feature = "embedded-storage")]
mod blocking;

use super::transfers::{Pause, Transfers};
use super::{BlkFrontError, DiskInfo, RequestError, SECTOR_SIZE, TransferError};
use core::ops::Range;
use embedded_storage::nor_flash::{NorFlashError, NorFlashErrorKind};
use xen_hypercall::{PAGE_SIZE, Pages, Platform};

/// The largest sector of a disk.
const MAX_SECTOR: usize = PAGE_SIZE;

/// Content of erased bytes.
static ERASED: [u8; MAX_SECTOR] = [0xff; MAX_SECTOR];

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

/// Returns the bytes of a sector, if the range is within the disk.
fn unit(info: &DiskInfo, offset: u32, len: usize) -> Result<usize, TransferError> {
    let end = u64::from(offset).checked_add(len as u64);
    if end.is_none_or(|end| end > info.bytes()) {
        let sector = u64::from(offset) / SECTOR_SIZE as u64;
        let (sectors, capacity) = (len.div_ceil(SECTOR_SIZE) as u64, info.sectors);
        return Err(RequestError::OutOfRange { sector, sectors, capacity }.into());
    }
    Ok(info.sector_size as usize)
}

/// Returns the number of bytes that an offset reaches.
fn addressable(info: &DiskInfo) -> usize {
    usize::try_from(info.bytes().min(1 << 32)).unwrap_or(usize::MAX)
}

impl<P: Platform> Transfers<P> {
    /// Reads any bytes. Of a sector that is not read as a whole, the rest is read, too.
    async fn read_bytes(
        &mut self,
        pause: &impl Pause<P>,
        offset: u32,
        bytes: &mut [u8],
    ) -> Result<(), TransferError> {
        let unit = unit(&self.info(), offset, bytes.len())?;
        for part in parts(offset.into(), bytes.len(), unit) {
            match part {
                Part::Whole { sector, bytes: range } => {
                    self.read(pause, sector, bytes.get_mut(range).unwrap_or_default()).await?;
                }
                Part::Partial { sector, at, bytes: range } => {
                    let mut page = self.bounce_page()?;
                    // A sector has a page at most.
                    let bounce = page.as_mut_slice().get_mut(..unit).unwrap_or_default();
                    self.read(pause, sector, bounce).await?;
                    let found = bounce.get(at..at + range.len()).unwrap_or_default();
                    if let Some(target) = bytes.get_mut(range) {
                        target.copy_from_slice(found);
                    }
                    self.state.bounce = Some(page);
                }
            }
        }
        Ok(())
    }

    /// Writes any bytes. A sector that is not written as a whole is read first; its other bytes are
    /// written unchanged.
    async fn write_bytes(
        &mut self,
        pause: &impl Pause<P>,
        offset: u32,
        bytes: &[u8],
    ) -> Result<(), TransferError> {
        let unit = unit(&self.info(), offset, bytes.len())?;
        for part in parts(offset.into(), bytes.len(), unit) {
            match part {
                Part::Whole { sector, bytes: range } => {
                    self.write(pause, sector, bytes.get(range).unwrap_or_default()).await?;
                }
                Part::Partial { sector, at, bytes: range } => {
                    let mut page = self.bounce_page()?;
                    let bounce = page.as_mut_slice().get_mut(..unit).unwrap_or_default();
                    self.read(pause, sector, bounce).await?;
                    let target = bounce.get_mut(at..at + range.len());
                    if let (Some(target), Some(new)) = (target, bytes.get(range)) {
                        target.copy_from_slice(new);
                    }
                    self.write(pause, sector, bounce).await?;
                    self.state.bounce = Some(page);
                }
            }
        }
        Ok(())
    }

    /// Writes whole sectors, as a flash does.
    async fn program(
        &mut self,
        pause: &impl Pause<P>,
        offset: u32,
        bytes: &[u8],
    ) -> Result<(), TransferError> {
        aligned(offset, bytes.len(), SECTOR_SIZE)?;
        self.write_bytes(pause, offset, bytes).await
    }

    /// Writes 0xFF to the bytes `from..to`, whole units of [`MAX_SECTOR`].
    async fn erase(
        &mut self,
        pause: &impl Pause<P>,
        from: u32,
        to: u32,
    ) -> Result<(), TransferError> {
        let len = to.checked_sub(from).ok_or(TransferError::Length { bytes: 0 })? as usize;
        aligned(from, len, MAX_SECTOR)?;
        unit(&self.info(), from, len)?;
        for at in (from..to).step_by(MAX_SECTOR) {
            self.write_bytes(pause, at, &ERASED).await?;
        }
        Ok(())
    }

    /// Takes the page for parts of sectors out of the state; an error or a future that is dropped
    /// loses it.
    fn bounce_page(&mut self) -> Result<Pages<P>, BlkFrontError> {
        match self.state.bounce.take() {
            Some(page) => Ok(page),
            None => Ok(Pages::alloc(self.platform().clone(), 1)?),
        }
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
