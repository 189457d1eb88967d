//! A disk in a file.

use super::{BlockDevice, BlockDeviceError, IoBuffer, SECTOR_SIZE};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// Bytes that are copied at once between the file and a guest's pages.
const CHUNK: usize = 64 * 1024;

/// A disk in a file or on a block device of the host.
///
/// The size is taken when it is opened; bytes beyond the last whole sector are not part of the
/// disk.
#[derive(Debug)]
pub struct FileDisk {
    file: File,
    sectors: u64,
    read_only: bool,
    buffer: std::vec::Vec<u8>,
}

impl FileDisk {
    /// Opens a file as a disk.
    ///
    /// # Errors
    ///
    /// Those of opening the file and of finding its end.
    pub fn open(path: impl AsRef<Path>, read_only: bool) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).write(!read_only).open(path)?;
        // A block device has a length only this way.
        let sectors = file.seek(SeekFrom::End(0))? / SECTOR_SIZE as u64;
        Ok(Self { file, sectors, read_only, buffer: std::vec![0; CHUNK] })
    }

    fn seek(&mut self, sector: u64) -> io::Result<()> {
        let position = sector.checked_mul(SECTOR_SIZE as u64).ok_or(io::ErrorKind::InvalidInput)?;
        self.file.seek(SeekFrom::Start(position)).map(drop)
    }

    fn read_all(&mut self, sector: u64, mut to: IoBuffer<'_>) -> io::Result<()> {
        self.seek(sector)?;
        if let Some(bytes) = to.as_private() {
            return self.file.read_exact(bytes);
        }
        for at in (0..to.len()).step_by(CHUNK) {
            let len = CHUNK.min(to.len() - at);
            let chunk = self.buffer.get_mut(..len).unwrap_or_default();
            self.file.read_exact(chunk)?;
            to.put(at, chunk).ok_or(io::ErrorKind::InvalidInput)?;
        }
        Ok(())
    }

    fn write_all(&mut self, sector: u64, mut from: IoBuffer<'_>) -> io::Result<()> {
        self.seek(sector)?;
        if let Some(bytes) = from.as_private() {
            return self.file.write_all(bytes);
        }
        for at in (0..from.len()).step_by(CHUNK) {
            let len = CHUNK.min(from.len() - at);
            let chunk = self.buffer.get_mut(..len).unwrap_or_default();
            from.get(at, chunk).ok_or(io::ErrorKind::InvalidInput)?;
            self.file.write_all(chunk)?;
        }
        Ok(())
    }
}

impl BlockDevice for FileDisk {
    fn sectors(&self) -> u64 {
        self.sectors
    }

    fn is_read_only(&self) -> bool {
        self.read_only
    }

    fn read(&mut self, sector: u64, to: IoBuffer<'_>) -> Result<(), BlockDeviceError> {
        self.read_all(sector, to).map_err(|_| BlockDeviceError::Io)
    }

    fn write(&mut self, sector: u64, from: IoBuffer<'_>) -> Result<(), BlockDeviceError> {
        self.write_all(sector, from).map_err(|_| BlockDeviceError::Io)
    }

    fn flush(&mut self) -> Result<(), BlockDeviceError> {
        self.file.sync_data().map_err(|_| BlockDeviceError::Io)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::boxed::Box;
    use xen_hypercall::{Page, SharedMem};

    /// Transfers of guests' memory go through a buffer, a part at a time.
    #[test]
    fn transfers_longer_than_the_buffer() {
        const LEN: usize = 20 * 4096;
        const { assert!(LEN > CHUNK && !LEN.is_multiple_of(CHUNK)) }
        let path =
            std::env::temp_dir().join(std::format!("xen-back-file-long-{}", std::process::id()));
        let content: std::vec::Vec<_> = (0..LEN).map(|index| (index / 100) as u8).collect();
        std::fs::write(&path, &content).unwrap();
        let mut disk = FileDisk::open(&path, false).unwrap();
        let mut pages = Box::new([const { Page([0; 4096]) }; 20]);
        let mem = SharedMem::from_pages(&mut pages);
        disk.read(0, IoBuffer::shared(mem, 0, LEN).unwrap()).unwrap();
        let mut found = std::vec![0; LEN];
        mem.copy_to(0, &mut found).unwrap();
        assert!(found == content);
        let reversed: std::vec::Vec<_> = content.iter().rev().copied().collect();
        mem.copy_from(0, &reversed).unwrap();
        disk.write(0, IoBuffer::shared(mem, 0, LEN).unwrap()).unwrap();
        assert!(std::fs::read(&path).unwrap() == reversed);
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn private_bytes_are_not_buffered() {
        let path =
            std::env::temp_dir().join(std::format!("xen-back-private-{}", std::process::id()));
        std::fs::write(&path, [0; 1024]).unwrap();
        let mut disk = FileDisk::open(&path, false).unwrap();
        disk.write(0, IoBuffer::private(&mut [9; 1024])).unwrap();
        let mut found = [0; 1024];
        disk.read(0, IoBuffer::private(&mut found)).unwrap();
        assert_eq!(found, [9; 1024]);
        assert!(disk.buffer.iter().all(|byte| *byte == 0));
        assert_eq!(disk.discard(0, 1, false), Err(BlockDeviceError::Unsupported));
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn file_keeps_writes_within_its_size() {
        let path =
            std::env::temp_dir().join(std::format!("xen-back-file-disk-{}", std::process::id()));
        std::fs::write(&path, [0; 8 * 512 + 3]).unwrap();
        let mut disk = FileDisk::open(&path, false).unwrap();
        assert_eq!(disk.sectors(), 8);
        let mut page = Box::new([Page([9; 4096])]);
        let mem = SharedMem::from_pages(&mut page);
        disk.write(7, IoBuffer::shared(mem, 100, 512).unwrap()).unwrap();
        disk.flush().unwrap();
        let mut found = [1; 1024];
        disk.read(6, IoBuffer::private(&mut found)).unwrap();
        assert_eq!((found[511], found[512]), (0, 9));
        assert_eq!(disk.read(8, IoBuffer::private(&mut found)), Err(BlockDeviceError::Io));
        assert!(!disk.is_read_only());
        let mut disk = FileDisk::open(&path, true).unwrap();
        assert!(disk.is_read_only());
        assert_eq!(disk.write(0, IoBuffer::private(&mut found)), Err(BlockDeviceError::Io));
        std::fs::remove_file(&path).unwrap();
    }
}
