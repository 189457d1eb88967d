//! A disk that outlives its backends, with a volatile write cache.

use std::sync::{Arc, Mutex, MutexGuard};
use xen_back::block::{BlockDevice, BlockDeviceError, Discard, IoBuffer};

pub(crate) const SECTOR: usize = 512;

#[derive(Debug)]
struct State {
    image: Vec<u8>,
    /// Content after a loss of power.
    durable: Vec<u8>,
    /// Sectors whose durable content differs.
    dirty: Vec<bool>,
    /// Present size.
    sectors: u64,
    /// The backend that has access: those of before do not carry out any more of their requests.
    owner: u64,
}

/// The disk; clones are the same one.
#[derive(Clone, Debug)]
pub(crate) struct Storage(Arc<Mutex<State>>);

impl Storage {
    pub(crate) fn new(sectors: usize) -> Self {
        let image = vec![0; sectors * SECTOR];
        Self(Arc::new(Mutex::new(State {
            durable: image.clone(),
            dirty: vec![false; sectors],
            sectors: sectors as u64,
            owner: 0,
            image,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Opens the disk for a backend, and ends the access of the one before.
    pub(crate) fn open(&self, features: DiskFeatures) -> Disk {
        let mut state = self.lock();
        state.owner += 1;
        Disk { storage: self.clone(), owner: state.owner, features }
    }

    /// Returns the present size in sectors.
    pub(crate) fn sectors(&self) -> u64 {
        self.lock().sectors
    }

    /// Changes the size. The content of sectors that are cut off is kept.
    pub(crate) fn resize(&self, sectors: u64) {
        self.lock().sectors = sectors;
    }

    /// Loses the power: each sector has its durable content if `keeps` returns false for it. No
    /// backend has access before it opens the disk again.
    pub(crate) fn lose_power(&self, mut keeps: impl FnMut() -> bool) {
        let mut state = self.lock();
        state.owner += 1;
        let State { image, durable, dirty, .. } = &mut *state;
        let sectors = image.chunks_mut(SECTOR).zip(durable.chunks_mut(SECTOR));
        for ((image, durable), dirty) in sectors.zip(dirty) {
            if core::mem::take(dirty) {
                if keeps() {
                    durable.copy_from_slice(image);
                } else {
                    image.copy_from_slice(durable);
                }
            }
        }
    }

    /// Calls `look` with the whole content.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&[u8]) -> R) -> R {
        look(&self.lock().image)
    }
}

/// Features of a disk that a backend offers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DiskFeatures {
    pub(crate) sector_size: u32,
    pub(crate) discard: bool,
}

/// A backend's access to the disk.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    storage: Storage,
    owner: u64,
    features: DiskFeatures,
}

impl Disk {
    /// Calls `work` with the disk's bytes of some sectors, if this backend still has access.
    fn access(
        &self,
        sector: u64,
        count: usize,
        work: impl FnOnce(&mut [u8], &mut [bool]) -> Option<()>,
    ) -> Result<(), BlockDeviceError> {
        let mut state = self.storage.lock();
        let end = sector + count as u64;
        if state.owner != self.owner || end > state.sectors {
            return Err(BlockDeviceError::Io);
        }
        let (first, end) = (sector as usize, end as usize);
        let State { image, dirty, .. } = &mut *state;
        let bytes = &mut image[first * SECTOR..end * SECTOR];
        work(bytes, &mut dirty[first..end]).ok_or(BlockDeviceError::Io)
    }
}

impl BlockDevice for Disk {
    fn sectors(&self) -> u64 {
        self.storage.sectors()
    }

    fn sector_size(&self) -> u32 {
        self.features.sector_size
    }

    fn discard_support(&self) -> Option<Discard> {
        let offered =
            Discard { granularity: self.features.sector_size, alignment: 0, secure: true };
        self.features.discard.then_some(offered)
    }

    fn read(&mut self, sector: u64, mut to: IoBuffer<'_>) -> Result<(), BlockDeviceError> {
        self.access(sector, to.len() / SECTOR, |bytes, _| to.put(0, bytes))
    }

    fn write(&mut self, sector: u64, from: IoBuffer<'_>) -> Result<(), BlockDeviceError> {
        self.access(sector, from.len() / SECTOR, |bytes, dirty| {
            dirty.fill(true);
            from.get(0, bytes)
        })
    }

    fn flush(&mut self) -> Result<(), BlockDeviceError> {
        let mut state = self.storage.lock();
        if state.owner != self.owner {
            return Err(BlockDeviceError::Io);
        }
        let State { image, durable, dirty, .. } = &mut *state;
        let sectors = image.chunks(SECTOR).zip(durable.chunks_mut(SECTOR));
        for ((image, durable), dirty) in sectors.zip(dirty) {
            if core::mem::take(dirty) {
                durable.copy_from_slice(image);
            }
        }
        Ok(())
    }

    fn discard(&mut self, sector: u64, count: u64, _: bool) -> Result<(), BlockDeviceError> {
        self.access(sector, count as usize, |bytes, dirty| {
            dirty.fill(true);
            bytes.fill(0);
            Some(())
        })
    }
}
