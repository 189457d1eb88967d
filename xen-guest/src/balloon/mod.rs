//! Balloon: the domain's memory follows the toolstack's target.
//!
//! `xl mem-set` writes the target to the node `memory/target`, in KiB. The domain returns free
//! pages to Xen (`XENMEM_decrease_reservation`) or gets memory for them again
//! (`XENMEM_populate_physmap`), a batch in each [`Balloon::poll`]. Source: `memory.h`,
//! `xenstore-paths.pandoc`.

mod frames;
mod limits;
mod memory;
mod target;

use core::fmt;
use core::ops::Range;
use core::time::Duration;
use limits::Limits;
use memory::{Batch, Memory};
use target::{MemoryNodes, TargetReader};
use thiserror::Error;
use xen_hypercall::{BalloonPages, Gfn, Instant, OutOfMemory};
use xen_store::{StoreError, XenStore};

/// First and longest delay after a batch that changed nothing, those of Linux.
const FIRST_DELAY: Duration = Duration::from_secs(1);
const LONGEST_DELAY: Duration = Duration::from_secs(32);

/// Configuration of a [`Balloon`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BalloonConfig {
    /// Number of pages of RAM in the memory map of the boot.
    pub boot_pages: u64,
    /// Frames that the balloon can have: all RAM, and the kernel's
    /// [`new_frames`](BalloonPages::new_frames).
    pub frames: Range<Gfn>,
    /// The fewest pages of RAM that the kernel needs.
    pub minimum_pages: u64,
}

impl BalloonConfig {
    /// Returns the configuration of a kernel whose RAM lies within `frames`.
    pub fn new(boot_pages: u64, frames: Range<Gfn>, minimum_pages: u64) -> Self {
        Self { boot_pages, frames, minimum_pages }
    }
}

/// Error of the creation of a [`Balloon`].
#[derive(Debug, Error)]
pub enum BalloonError {
    /// No memory for the set of frames.
    #[error("balloon: {0}")]
    Memory(#[from] OutOfMemory),
    /// The target cannot be watched.
    #[error("balloon: {0}")]
    Store(#[from] StoreError),
}

/// State of a [`Balloon`], in pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BalloonStatistics {
    /// Pages of RAM that the kernel has.
    pub current: u64,
    /// Pages of RAM that the kernel is to have.
    pub target: u64,
    /// The fewest pages of RAM that the kernel needs.
    pub minimum: u64,
    /// The most pages of RAM that the toolstack allows; 0 before the first target.
    pub maximum: u64,
    /// Frames without memory that the balloon has.
    pub ballooned: u64,
    /// Frames without memory that others use: see [`Balloon::reserve_frames`].
    pub reserved: u64,
    /// Frames whose state is unknown, because Xen refused to take their memory. No code uses them.
    pub lost: u64,
    /// Pages returned to Xen so far.
    pub released: u64,
    /// Pages received from Xen so far.
    pub populated: u64,
    /// Batches for which the kernel had no free page.
    pub kernel_shortages: u64,
    /// Batches for which Xen had no memory, or the domain had its maximum.
    pub xen_shortages: u64,
    /// Targets that were followed.
    pub targets: u64,
    /// Targets that were refused.
    pub bad_targets: u64,
}

/// Balloon driver of a guest kernel.
///
/// [`poll`](Self::poll) never waits: it exchanges messages with xenstored, and moves at most 512
/// pages. Pages come from the kernel's allocator as free pages, so none is granted or mapped, and
/// are scrubbed before Xen gets them.
///
/// A guest that was started with less memory than its maximum is populated on demand: its memory
/// map has the maximum, and it must return the difference before it uses it. The target is relative
/// to the maximum, so that the balloon returns as many pages of the map, and it does not touch
/// them.
///
/// A suspend keeps the frames: poll the balloon after the store's resume, and it follows the new
/// toolstack's target. A drop leaves the frames without memory: the kernel must not use the frames.
pub struct Balloon<P: BalloonPages> {
    reader: TargetReader<P>,
    memory: Memory<P>,
    limits: Limits,
    target: u64,
    /// Time of the next batch, after one that changed nothing, and the delay until then.
    retry: Option<(Instant, Duration)>,
    /// The last target was refused, which was logged.
    is_bad: bool,
    statistics: BalloonStatistics,
}

impl<P: BalloonPages> Balloon<P> {
    /// Watches the target and creates the balloon. The set of frames takes 32 KiB for each GiB of
    /// [`BalloonConfig::frames`]; nothing is allocated later.
    ///
    /// # Errors
    ///
    /// [`BalloonError`].
    pub fn new(store: &XenStore<P>, config: BalloonConfig) -> Result<Self, BalloonError> {
        let BalloonConfig { boot_pages, frames, minimum_pages } = config;
        Ok(Self {
            reader: TargetReader::new(store)?,
            memory: Memory::new(store.platform().clone(), frames, boot_pages)?,
            limits: Limits::new(boot_pages, minimum_pages),
            target: boot_pages,
            retry: None,
            is_bad: false,
            statistics: BalloonStatistics::default(),
        })
    }

    /// Follows the target: reads it after a change, and moves a batch of pages towards it.
    ///
    /// A target that is no number, or is outside of the limits, changes nothing; the first of a
    /// series is logged.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the target cannot be read. The balloon follows the last one.
    pub fn poll(&mut self, now: Instant) -> Result<(), StoreError> {
        let read = self.reader.poll();
        if let Ok(Some(nodes)) = &read {
            self.set_target(nodes);
        }
        if self.memory.current() != self.target && self.retry.is_none_or(|(at, _)| at <= now) {
            self.move_batch(now);
        }
        read.map(drop)
    }

    /// Returns when to poll again if no event comes before: `now` as long as there is work.
    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        let has_work = self.memory.current() != self.target;
        let work = has_work.then(|| self.retry.map_or(now, |(at, _)| at));
        [work, self.reader.poll_timeout(now)].into_iter().flatten().min()
    }

    fn set_target(&mut self, nodes: &MemoryNodes) {
        match self.limits.target(nodes) {
            Ok(target) => {
                self.is_bad = false;
                self.statistics.targets += 1;
                // The toolstack may also have made room.
                self.retry = None;
                if target != self.target {
                    self.target = target;
                    let current = self.memory.current();
                    log::info!("balloon: {target} pages requested, {current} present");
                }
            }
            Err(error) => {
                self.statistics.bad_targets += 1;
                if !core::mem::replace(&mut self.is_bad, true) {
                    log::warn!("balloon: {error}; the memory stays as it is");
                }
            }
        }
    }

    fn move_batch(&mut self, now: Instant) {
        let current = self.memory.current();
        let batch = match current.checked_sub(self.target) {
            Some(surplus) => self.memory.shrink(surplus),
            None => self.memory.grow(self.target - current),
        };
        let statistics = &mut self.statistics;
        let moved = match batch {
            Batch::Released(pages) => {
                statistics.released += pages;
                pages
            }
            Batch::Populated(pages) => {
                statistics.populated += pages;
                pages
            }
            Batch::NoFreePage => {
                statistics.kernel_shortages += 1;
                0
            }
            Batch::NoMemory => {
                statistics.xen_shortages += 1;
                0
            }
        };
        self.retry = (moved == 0).then(|| {
            let delay = self.retry.map_or(FIRST_DELAY, |(_, delay)| LONGEST_DELAY.min(2 * delay));
            (now + delay, delay)
        });
    }

    /// Returns the state.
    pub fn statistics(&self) -> BalloonStatistics {
        BalloonStatistics {
            current: self.memory.current(),
            target: self.target,
            minimum: self.limits.minimum(),
            maximum: self.limits.maximum(),
            ballooned: self.memory.ballooned(),
            reserved: self.memory.reserved(),
            lost: self.memory.lost(),
            ..self.statistics
        }
    }

    /// Reserves `count` contiguous frames without memory, for mappings of other domains' memory.
    /// Returns `None` if the balloon has no such run. The domain grows by that much less until the
    /// frames are [released](Self::release_frames).
    pub fn reserve_frames(&mut self, count: u64) -> Option<Gfn> {
        self.memory.reserve(count)
    }

    /// Releases reserved frames, all or a part. Returns `false` if fewer are reserved.
    ///
    /// # Safety
    ///
    /// The frames must be reserved ones, each released once, without a mapping.
    pub unsafe fn release_frames(&mut self, first: Gfn, count: u64) -> bool {
        self.memory.take_back(first, count)
    }
}

impl<P: BalloonPages> fmt::Debug for Balloon<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Balloon").field("statistics", &self.statistics()).finish_non_exhaustive()
    }
}
