//! Where the entries are: a record for each 512 references, in pages of the platform, as many as the host lets the table grow to.

use crate::Version;
use crate::entry::Entry;
use core::num::NonZeroUsize;
use core::ops::Deref;
use core::ptr::NonNull;
use xen_hypercall::sync::{AtomicPtr, AtomicU64, Ordering};
use xen_hypercall::{GrantRef, OutOfMemory, PAGE_SIZE, Pages, Platform, SharedMem};
use xen_sys::grant_table::{GrantEntryStatus, GrantEntryV1, GrantEntryV2};

/// References in a block.
pub(crate) const BLOCK: usize = 512;
/// Words of free bits in a block.
pub(crate) const WORDS: usize = BLOCK / 64;
/// More than any host allows: 16 million references.
const MAX_BLOCKS: usize = 1 << 15;

const V1_ENTRIES: usize = PAGE_SIZE / size_of::<GrantEntryV1>();
const V2_ENTRIES: usize = PAGE_SIZE / size_of::<GrantEntryV2>();
const STATES: usize = PAGE_SIZE / size_of::<GrantEntryStatus>();

/// 512 references: where their entries are and which of them are free. All zero when there are none yet.
#[repr(C)]
pub(crate) struct Block {
    /// The frames of entries: one in version 1, two in version 2.
    entries: [AtomicPtr<u8>; BLOCK / V2_ENTRIES],
    /// Version 2: the frame with their states.
    states: AtomicPtr<u8>,
    pub(crate) free: [AtomicU64; WORDS],
}

impl Block {
    #[cfg(test)]
    pub(crate) fn new() -> Self {
        let none = || AtomicPtr::new(core::ptr::null_mut());
        Self {
            entries: core::array::from_fn(|_| none()),
            states: none(),
            free: core::array::from_fn(|_| AtomicU64::new(0)),
        }
    }

    /// Notes that one of its frames of entries, by number, is at `frame`, and their states at `states`.
    ///
    /// # Safety
    ///
    /// Both must be whole pages of the table that stay where they are, reachable through [`SharedMem`] alone.
    pub(crate) unsafe fn place(&self, number: usize, frame: NonNull<u8>, states: Option<NonNull<u8>>) {
        // Relaxed: what makes the frame known to others is the first of its references that is given away.
        if let Some(states) = states {
            self.states.store(states.as_ptr(), Ordering::Relaxed);
        }
        if let Some(place) = self.entries.get(number) {
            place.store(frame.as_ptr(), Ordering::Relaxed);
        }
    }

    /// Returns one of its frames of entries and that of their states, as far as they are there.
    pub(crate) fn placed(&self, number: usize) -> Option<(NonNull<u8>, Option<NonNull<u8>>)> {
        let frame = self.entries.get(number)?.load(Ordering::Relaxed);
        Some((NonNull::new(frame)?, NonNull::new(self.states.load(Ordering::Relaxed))))
    }
}

impl Version {
    /// Returns the number of references in a frame of entries.
    pub(crate) const fn per_frame(self) -> usize {
        match self {
            Self::V1 => V1_ENTRIES,
            Self::V2 => V2_ENTRIES,
        }
    }
}

/// The blocks of a table. Those that there are no frames for yet are empty.
pub(crate) struct Blocks<P: Platform> {
    start: NonNull<Block>,
    count: usize,
    pages: NonZeroUsize,
    platform: P,
}

// SAFETY: the blocks have one owner, as a Box has; the platform moves along and is itself Send.
unsafe impl<P: Platform + Send> Send for Blocks<P> {}
// SAFETY: a shared reference gives atomics, and a platform that is Sync.
unsafe impl<P: Platform + Sync> Sync for Blocks<P> {}

impl<P: Platform> Blocks<P> {
    /// Allocates blocks for `frames` frames of entries, or for fewer if there is not so much memory.
    pub(crate) fn alloc(platform: P, version: Version, frames: u32) -> Result<Self, OutOfMemory> {
        let mut count = (frames as usize).min(MAX_BLOCKS * 2).div_ceil(BLOCK / version.per_frame());
        count = count.clamp(1, MAX_BLOCKS);
        loop {
            let pages = (count * size_of::<Block>()).div_ceil(PAGE_SIZE);
            match Pages::alloc(platform.clone(), pages) {
                Ok(memory) => {
                    let start = memory.into_raw().cast();
                    let pages = NonZeroUsize::new(pages).ok_or(OutOfMemory { pages })?;
                    return Ok(Self { start, count, pages, platform });
                }
                Err(_) if count > 1 => count /= 2,
                Err(error) => return Err(error),
            }
        }
    }

    /// Returns the number of frames of entries that there is room for.
    pub(crate) fn frames(&self, version: Version) -> u32 {
        (self.count * (BLOCK / version.per_frame())) as u32
    }

    /// Returns the block that frame `index` of the entries belongs to, and its number there.
    pub(crate) fn frame(&self, version: Version, index: u32) -> Option<(&Block, usize)> {
        let first = index as usize * version.per_frame();
        Some((self.get(first / BLOCK)?, first % BLOCK / version.per_frame()))
    }

    /// Returns the entry of a reference; `None` beyond the frames that there are.
    #[inline(always)]
    pub(crate) fn entry(&self, version: Version, reference: GrantRef) -> Option<Entry<'_>> {
        let index = reference.0 as usize;
        let block = self.get(index / BLOCK)?;
        let memory = |frame: &AtomicPtr<u8>| {
            let frame = NonNull::new(frame.load(Ordering::Relaxed))?;
            // SAFETY: the caller of `place` vouched for the page.
            Some(unsafe { SharedMem::from_raw(frame, PAGE_SIZE) })
        };
        match version {
            Version::V1 => Some(Entry {
                frame: memory(&block.entries[0])?,
                offset: index % V1_ENTRIES * size_of::<GrantEntryV1>(),
                state: None,
            }),
            Version::V2 => Some(Entry {
                frame: memory(&block.entries[index % BLOCK / V2_ENTRIES])?,
                offset: index % V2_ENTRIES * size_of::<GrantEntryV2>(),
                state: Some((memory(&block.states)?, index % STATES * size_of::<GrantEntryStatus>())),
            }),
        }
    }
}

impl<P: Platform> Deref for Blocks<P> {
    type Target = [Block];

    #[inline(always)]
    fn deref(&self) -> &[Block] {
        // SAFETY: the pages were allocated for this many blocks, page-aligned and zeroed, which is a valid value; all access is atomic.
        unsafe { core::slice::from_raw_parts(self.start.as_ptr(), self.count) }
    }
}

impl<P: Platform> Drop for Blocks<P> {
    fn drop(&mut self) {
        // SAFETY: these are the pages of one allocation, whose ownership `alloc` took over, and blocks need no drop.
        unsafe { self.platform.free_pages(self.start.cast(), self.pages) }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::memory::Memory;

    #[test]
    fn blocks_have_room_for_what_the_host_allows() {
        let memory = Memory::default();
        let frames =
            |version, frames| Blocks::alloc(memory.clone(), version, frames).unwrap().frames(version);
        assert_eq!((frames(Version::V1, 64), frames(Version::V2, 64)), (64, 64));
        assert_eq!((frames(Version::V1, u32::MAX), frames(Version::V2, 3)), (1 << 15, 4));
    }

    #[test]
    fn with_little_memory_there_is_room_for_less() {
        let memory = Memory::default();
        memory.limit(3);
        let blocks = Blocks::alloc(memory.clone(), Version::V1, 512).unwrap();
        assert_eq!((blocks.len(), blocks.frames(Version::V1), memory.pages()), (128, 128, 3));
        drop(blocks);
        memory.limit(0);
        assert_eq!(Blocks::alloc(memory, Version::V1, 512).err(), Some(OutOfMemory { pages: 1 }));
    }
}
