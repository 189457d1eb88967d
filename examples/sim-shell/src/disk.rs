//! A disk that a driver domain serves, and that the host can read meanwhile.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use xen_back::block::{BlockDevice, BlockDeviceError, IoBuffer, MemoryDisk};

type Bytes = MemoryDisk<Vec<u8>>;

/// A disk in memory; clones are the same disk. It outlives those who serve it.
#[derive(Clone, Debug)]
pub struct SharedDisk(Arc<Mutex<Bytes>>);

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
        Self(Arc::new(Mutex::new(MemoryDisk::new(bytes))))
    }

    /// Reads the disk's present bytes.
    pub fn look<R>(&self, look: impl FnOnce(&[u8]) -> R) -> R {
        look(self.lock().as_ref())
    }

    fn lock(&self) -> MutexGuard<'_, Bytes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BlockDevice for SharedDisk {
    fn sectors(&self) -> u64 {
        self.lock().sectors()
    }

    fn read(&mut self, sector: u64, to: IoBuffer<'_>) -> Result<(), BlockDeviceError> {
        self.lock().read(sector, to)
    }

    fn write(&mut self, sector: u64, from: IoBuffer<'_>) -> Result<(), BlockDeviceError> {
        self.lock().write(sector, from)
    }
}
