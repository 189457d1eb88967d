//! Transfers of a disk.

use crate::Error;
use crate::case::{Access, Transfers};
use alloc::vec::Vec;
use core::time::Duration;
use xen_front::block::{
    BlkFront, BlkFrontConfig, DeviceState, MAX_PAGES, MAX_SEGMENTS, Request, SECTORS_PER_PAGE, list,
};
use xen_front::{DmaBuffer, IoMemory};
use xen_grant::GrantTable;
use xen_hypercall::{OutOfMemory, Pages, Platform, Port};
use xen_store::XenStore;

/// Memory of requests.
pub trait Buffer: IoMemory {
    /// Allocates `count` pages.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`].
    fn alloc(platform: Self::Platform, count: usize) -> Result<Self, OutOfMemory>;

    /// Returns the number of pages.
    fn pages(&self) -> usize;
}

impl<P: Platform> Buffer for Pages<P> {
    fn alloc(platform: P, count: usize) -> Result<Self, OutOfMemory> {
        Self::alloc(platform, count)
    }

    fn pages(&self) -> usize {
        self.count()
    }
}

impl<P: Platform> Buffer for DmaBuffer<P> {
    fn alloc(platform: P, count: usize) -> Result<Self, OutOfMemory> {
        Self::alloc(platform, count)
    }

    fn pages(&self) -> usize {
        self.count()
    }
}

/// Time for a connection.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Connects the first disk.
///
/// # Errors
///
/// [`Error::NoDisk`]; those of the store and of the device.
pub fn connect<P: Platform, B: Buffer<Platform = P>>(
    store: &XenStore<P>,
    grants: &GrantTable<P>,
) -> Result<BlkFront<P, B>, Error> {
    let disks = list::<1>(store)?;
    let id = disks.first().ok_or(Error::NoDisk)?.id;
    let mut disk = BlkFront::new(store, grants, id, BlkFrontConfig::default())?;
    poll_until(&mut disk, &[DeviceState::Connected])?;
    Ok(disk)
}

/// Closes a disk, and waits until the backend has released it.
///
/// # Errors
///
/// Those of the device.
pub fn close<P: Platform, B: Buffer<Platform = P>>(mut disk: BlkFront<P, B>) -> Result<(), Error> {
    disk.close();
    poll_until(&mut disk, &[DeviceState::Closed, DeviceState::Unplugged])
}

fn poll_until<P: Platform, B: Buffer<Platform = P>>(
    disk: &mut BlkFront<P, B>,
    states: &[DeviceState],
) -> Result<(), Error> {
    let deadline = disk.store().platform().now() + TIMEOUT;
    loop {
        let now = disk.store().platform().now();
        if states.contains(&disk.poll(now)?) {
            return Ok(());
        }
        if now >= deadline {
            return Err(Error::Timeout(disk.state()));
        }
        let next = disk.poll_timeout(now).map_or(deadline, |next| next.min(deadline));
        disk.store().wait(next);
    }
}

/// Reads the first 4 KiB.
///
/// # Errors
///
/// As [`run`].
pub fn read_first<P: Platform, B: Buffer<Platform = P>>(
    disk: &mut BlkFront<P, B>,
    wait: impl FnMut(Port),
) -> Result<(), Error> {
    let job = Job { access: Access { write: false, random: false }, kib: 4, depth: 1, count: 1 };
    let mut buffers = Buffers::new(disk, &job)?;
    run(disk, &job, &mut buffers, wait)
}

/// Transfers to do.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    access: Access,
    kib: usize,
    depth: usize,
    count: u64,
}

impl Job {
    /// Returns the transfers of a case.
    pub fn of(transfers: &Transfers) -> Self {
        let &Transfers { access, kib, depth, count, .. } = transfers;
        Self { access, kib, depth, count }
    }

    /// Returns the job with another number of transfers.
    #[must_use]
    pub fn with_count(self, count: u64) -> Self {
        Self { count, ..self }
    }

    /// Returns the numbers of pages of the requests that one transfer takes.
    fn parts(&self) -> Vec<usize> {
        let pages = self.kib / 4;
        (0..pages).step_by(MAX_SEGMENTS).map(|at| MAX_SEGMENTS.min(pages - at)).collect()
    }

    fn sectors(&self) -> u64 {
        self.kib as u64 * 2
    }
}

/// Buffers that no request uses.
#[derive(Debug)]
pub struct Buffers<B> {
    parts: Vec<usize>,
    /// By number of pages.
    free: Vec<Vec<B>>,
}

impl<B: Buffer> Buffers<B> {
    /// Allocates the buffers of `depth` transfers.
    ///
    /// # Errors
    ///
    /// [`Error::Memory`].
    pub fn new(disk: &BlkFront<B::Platform, B>, job: &Job) -> Result<Self, Error> {
        let parts = job.parts();
        let mut free: Vec<_> = (0..=MAX_SEGMENTS).map(|_| Vec::new()).collect();
        for &pages in &parts {
            let platform = disk.store().platform();
            for _ in 0..job.depth {
                free[pages].push(B::alloc(platform.clone(), pages)?);
            }
        }
        Ok(Self { parts, free })
    }

    /// Returns the number of slots of the ring that the request of a part takes.
    fn slots(&self, part: usize) -> usize {
        self.parts[part].div_ceil(MAX_PAGES)
    }

    fn take(&mut self, part: usize) -> Option<B> {
        self.free[self.parts[part]].pop()
    }

    fn put(&mut self, buffer: B) {
        self.free[buffer.pages()].push(buffer);
    }
}

/// Does the transfers of a job, `depth` at once, in requests that are as large as the driver has.
/// `wait` returns after an event of the disk's port.
///
/// # Errors
///
/// [`Error::SmallDisk`], [`Error::Disconnected`]; refused and failed requests.
pub fn run<P: Platform, B: Buffer<Platform = P>>(
    disk: &mut BlkFront<P, B>,
    job: &Job,
    buffers: &mut Buffers<B>,
    mut wait: impl FnMut(Port),
) -> Result<(), Error> {
    let port = disk.port().ok_or(Error::Disconnected)?;
    let mut places = Places::new(job, disk.info().sectors)?;
    let parts = buffers.parts.len();
    let total = job.count * parts as u64;
    let (mut submitted, mut completed) = (0, 0);
    // The part of the transfer that is submitted next, and its first sector.
    let (mut part, mut sector) = (0, 0);
    loop {
        while submitted < total && disk.free_slots() >= buffers.slots(part) {
            let Some(buffer) = buffers.take(part) else { break };
            if part == 0 {
                sector = places.next_sector();
            }
            let sectors = buffer.pages() * SECTORS_PER_PAGE;
            let request = if job.access.write {
                Request::Write { sector, sectors, buffer }
            } else {
                Request::Read { sector, sectors, buffer }
            };
            disk.submit(request).map_err(|error| Error::Request(error.reason))?;
            submitted += 1;
            sector += sectors as u64;
            part = if part + 1 == parts { 0 } else { part + 1 };
        }
        disk.kick();
        let before = completed;
        while let Some(completion) = disk.complete() {
            completion.outcome?;
            buffers.put(completion.buffer.ok_or(Error::NoBuffer)?);
            completed += 1;
        }
        if completed == total {
            return Ok(());
        }
        if completed == before {
            wait(port);
        }
    }
}

/// Places of transfers on a disk.
struct Places {
    random: bool,
    /// Sectors of a transfer.
    sectors: u64,
    /// Number of places.
    count: u64,
    state: u64,
}

impl Places {
    fn new(job: &Job, capacity: u64) -> Result<Self, Error> {
        let sectors = job.sectors();
        let count = capacity / sectors;
        if count == 0 {
            return Err(Error::SmallDisk { found: capacity, expected: sectors });
        }
        let state = if job.access.random { 0x9e37_79b9_7f4a_7c15 } else { 0 };
        Ok(Self { random: job.access.random, sectors, count, state })
    }

    /// Returns the first sector of the next transfer.
    fn next_sector(&mut self) -> u64 {
        let place = if self.random {
            // Xorshift, which never is 0.
            self.state ^= self.state << 13;
            self.state ^= self.state >> 7;
            self.state ^= self.state << 17;
            self.state % self.count
        } else {
            let place = self.state;
            self.state = if place + 1 == self.count { 0 } else { place + 1 };
            place
        };
        place * self.sectors
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn job(random: bool, kib: usize) -> Job {
        Job { access: Access { write: false, random }, kib, depth: 8, count: 1 }
    }

    #[test]
    fn transfer_is_cut_into_requests() {
        assert_eq!(job(false, 4).parts(), [1]);
        assert_eq!(job(false, 128).parts(), [32]);
        assert_eq!(job(false, 640).parts(), [64, 64, 32]);
    }

    #[test]
    fn sequence_wraps_at_the_end() {
        let mut places = Places::new(&job(false, 128), 256 * 3 + 8).unwrap();
        let found: Vec<_> = (0..4).map(|_| places.next_sector()).collect();
        assert_eq!(found, [0, 256, 512, 0]);
    }

    #[test]
    fn random_places_spread_over_disk() {
        let mut places = Places::new(&job(true, 4), 8 * 100).unwrap();
        let found: BTreeSet<_> = (0..2000).map(|_| places.next_sector()).collect();
        assert!(found.len() > 95 && found.iter().all(|at| at % 8 == 0 && *at < 800));
    }

    #[test]
    fn small_disk_is_an_error() {
        assert!(matches!(
            Places::new(&job(false, 128), 255),
            Err(Error::SmallDisk { found: 255, expected: 256 })
        ));
    }
}
