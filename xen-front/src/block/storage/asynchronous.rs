//! The traits of `embedded-storage-async` for a disk with asynchronous calls.

use super::super::{AsyncDisk, SECTOR_SIZE, TransferError};
use super::{MAX_SECTOR, addressable};
use embedded_storage_async::nor_flash::{ErrorType, MultiwriteNorFlash, NorFlash, ReadNorFlash};
use xen_hypercall::Platform;

impl<P: Platform> ErrorType for AsyncDisk<P> {
    type Error = TransferError;
}

/// Reads any bytes. Of a sector that is not read as a whole, the driver reads the rest, too.
impl<P: Platform> ReadNorFlash for AsyncDisk<P> {
    const READ_SIZE: usize = 1;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), TransferError> {
        let (transfers, pause) = self.transfers();
        transfers.read_bytes(pause, offset, bytes).await
    }

    fn capacity(&self) -> usize {
        addressable(&self.info())
    }
}

/// A disk as a NOR flash, for the file systems and key-value stores of microcontrollers: an erase
/// writes 0xFF.
impl<P: Platform> NorFlash for AsyncDisk<P> {
    const WRITE_SIZE: usize = SECTOR_SIZE;

    const ERASE_SIZE: usize = MAX_SECTOR;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), TransferError> {
        let (transfers, pause) = self.transfers();
        transfers.erase(pause, from, to).await
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), TransferError> {
        let (transfers, pause) = self.transfers();
        transfers.program(pause, offset, bytes).await
    }
}

/// A disk has no need to be erased before a write.
impl<P: Platform> MultiwriteNorFlash for AsyncDisk<P> {}
