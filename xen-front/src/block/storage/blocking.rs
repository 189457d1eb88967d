//! The traits of `embedded-storage` for a disk with blocking calls.

use super::super::blocking_disk::{Wait, run};
use super::super::{BlockingDisk, SECTOR_SIZE, TransferError};
use super::{MAX_SECTOR, addressable};
use embedded_storage::nor_flash::{ErrorType, MultiwriteNorFlash, NorFlash, ReadNorFlash};
use embedded_storage::{ReadStorage, Storage};
use xen_hypercall::Platform;

/// Reads any bytes. Of a sector that is not read as a whole, the driver reads the rest, too.
impl<P: Platform> ReadStorage for BlockingDisk<P> {
    type Error = TransferError;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), TransferError> {
        run(self.transfers.read_bytes(&Wait, offset, bytes))
    }

    fn capacity(&self) -> usize {
        addressable(&self.info())
    }
}

/// Writes any bytes. A sector that is not written as a whole is read first; its other bytes are
/// written unchanged.
impl<P: Platform> Storage for BlockingDisk<P> {
    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), TransferError> {
        run(self.transfers.write_bytes(&Wait, offset, bytes))
    }
}

impl<P: Platform> ErrorType for BlockingDisk<P> {
    type Error = TransferError;
}

/// As [`ReadStorage`].
impl<P: Platform> ReadNorFlash for BlockingDisk<P> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), TransferError> {
        run(self.transfers.read_bytes(&Wait, offset, bytes))
    }

    fn capacity(&self) -> usize {
        addressable(&self.info())
    }
}

/// A disk as a NOR flash, for the file systems and key-value stores of microcontrollers: an erase
/// writes 0xFF.
impl<P: Platform> NorFlash for BlockingDisk<P> {
    const WRITE_SIZE: usize = SECTOR_SIZE;

    const ERASE_SIZE: usize = MAX_SECTOR;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), TransferError> {
        run(self.transfers.erase(&Wait, from, to))
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), TransferError> {
        run(self.transfers.program(&Wait, offset, bytes))
    }
}

/// A disk has no need to be erased before a write.
impl<P: Platform> MultiwriteNorFlash for BlockingDisk<P> {}
