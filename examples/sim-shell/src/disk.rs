//! A disk that a driver domain serves, and that the host can read meanwhile.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{fs, io};
use xen_back::block::{BlockDevice, BlockDeviceError, FileDisk, IoBuffer, MemoryDisk};

/// A disk in memory or in a file; clones are the same disk. It outlives those who serve it.
#[derive(Clone, Debug)]
pub struct SharedDisk(Arc<Mutex<Storage>>);

#[derive(Debug)]
enum Storage {
    Memory(MemoryDisk<Vec<u8>>),
    File { disk: FileDisk, path: PathBuf },
}

impl SharedDisk {
    /// Makes a disk of `len` bytes of pseudo-random content, the same for the same seed.
    pub fn noise(seed: u64, len: usize) -> Self {
        let mut state = seed | 1;
        let mut bytes = vec![0; len];
        for word in bytes.chunks_mut(8) {
            // xorshift64
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            word.copy_from_slice(&state.to_le_bytes()[..word.len()]);
        }
        Self::new(Storage::Memory(MemoryDisk::new(bytes)))
    }

    /// Opens a file as a disk; what the guest writes is in the file.
    ///
    /// # Errors
    ///
    /// Those of [`FileDisk::open`].
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        Ok(Self::new(Storage::File { disk: FileDisk::open(&path, false)?, path }))
    }

    fn new(storage: Storage) -> Self {
        Self(Arc::new(Mutex::new(storage)))
    }

    /// Reads the disk's present bytes; none if the file cannot be read.
    pub fn look<R>(&self, look: impl FnOnce(&[u8]) -> R) -> R {
        match &*self.lock() {
            Storage::Memory(disk) => look(disk.as_ref()),
            Storage::File { path, .. } => look(&fs::read(path).unwrap_or_default()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Storage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Storage {
    fn device(&mut self) -> &mut dyn BlockDevice {
        match self {
            Self::Memory(disk) => disk,
            Self::File { disk, .. } => disk,
        }
    }
}

impl BlockDevice for SharedDisk {
    fn sectors(&self) -> u64 {
        self.lock().device().sectors()
    }

    fn read(&mut self, sector: u64, to: IoBuffer<'_>) -> Result<(), BlockDeviceError> {
        self.lock().device().read(sector, to)
    }

    fn write(&mut self, sector: u64, from: IoBuffer<'_>) -> Result<(), BlockDeviceError> {
        self.lock().device().write(sector, from)
    }

    fn flush(&mut self) -> Result<(), BlockDeviceError> {
        self.lock().device().flush()
    }
}
