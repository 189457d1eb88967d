//! The pages that move between the kernel and Xen, and the frames that have none.

use super::frames::FrameSet;
use core::ops::Range;
use xen_hypercall::ops::memory::{self, Extents};
use xen_hypercall::{BalloonPages, DomId, Gfn, OutOfMemory, PAGE_SIZE, Pages};
use zerocopy::FromBytes;

/// Order of a large extent: the largest that Xen gives to guests, and a large page of x86.
const LARGE: u32 = 9;
const LARGE_PAGES: u64 = 1 << LARGE;

/// Frames in the list of a batch, which has a page.
const LIST: u64 = (PAGE_SIZE / size_of::<Gfn>()) as u64;

/// Result of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Batch {
    /// Pages that were returned to Xen.
    Released(u64),
    /// Pages that got memory from Xen.
    Populated(u64),
    /// The kernel has no free page, or no frame for more memory.
    NoFreePage,
    /// Xen has no memory for the domain, or did not take a page.
    NoMemory,
}

/// Memory of the domain. Each frame is in the kernel, in the set, reserved or lost.
#[derive(Debug)]
pub(super) struct Memory<P: BalloonPages> {
    platform: P,
    /// Frames without memory.
    free: FrameSet<P>,
    /// List of a hypercall's frames.
    list: Pages<P>,
    /// Frames of the kernel and of the balloon.
    frames: u64,
    reserved: u64,
    lost: u64,
    /// Pages to return before the domain uses all it has: the domain is populated on demand, and
    /// these were never touched, as far as Xen reports.
    unpopulated: u64,
}

impl<P: BalloonPages> Memory<P> {
    pub(super) fn new(
        platform: P,
        frames: Range<Gfn>,
        boot_pages: u64,
    ) -> Result<Self, OutOfMemory> {
        // A Xen that does not answer populates nothing on demand.
        let reservation = memory::current_reservation(&platform, DomId::SELF);
        let unpopulated = reservation.map_or(0, |pages| boot_pages.saturating_sub(pages));
        if unpopulated > 0 {
            log::info!("balloon: {unpopulated} of {boot_pages} pages are populated on demand");
        }
        Ok(Self {
            free: FrameSet::new(platform.clone(), frames, LARGE_PAGES)?,
            list: Pages::alloc(platform.clone(), 1)?,
            platform,
            frames: boot_pages,
            reserved: 0,
            lost: 0,
            unpopulated,
        })
    }

    /// Returns the number of the kernel's pages.
    pub(super) fn current(&self) -> u64 {
        self.frames.saturating_sub(self.free.len() + self.reserved + self.lost)
    }

    pub(super) fn ballooned(&self) -> u64 {
        self.free.len()
    }

    pub(super) fn reserved(&self) -> u64 {
        self.reserved
    }

    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    pub(super) fn reserve(&mut self, count: u64) -> Option<Gfn> {
        let first = self.free.take(count, 1).filter(|_| count > 0)?;
        self.reserved += count;
        Some(first)
    }

    pub(super) fn take_back(&mut self, first: Gfn, count: u64) -> bool {
        let is_lent = count <= self.reserved && self.free.covers(first, count);
        if is_lent {
            self.reserved -= count;
            self.free.insert(first, count);
        }
        is_lent
    }

    /// Returns a batch of at most `surplus` pages to Xen.
    pub(super) fn shrink(&mut self, surplus: u64) -> Batch {
        if surplus >= LARGE_PAGES
            && let Some(first) = self.take_page(LARGE)
        {
            return self.release_large(first);
        }
        let mut count = 0;
        while count < surplus.min(LIST)
            && let Some(page) = self.take_page(0)
        {
            self.put(count, page);
            count += 1;
        }
        if count == 0 {
            return Batch::NoFreePage;
        }
        let released = self.release(0, count);
        for index in released..count {
            let page = self.get(index);
            // SAFETY: taken above, and Xen did not take this page: it has memory, and no user.
            unsafe { self.platform.add_pages(page, 0) }
        }
        if released == 0 { Batch::NoMemory } else { Batch::Released(released) }
    }

    /// Takes free pages of the kernel, scrubbed.
    fn take_page(&mut self, order: u32) -> Option<Gfn> {
        let (first, count) = (self.platform.take_pages(order)?, 1 << order);
        if !self.free.covers(first, count) {
            log::error!("balloon: the kernel released {first}, outside of the balloon's frames");
            // SAFETY: just taken, and unchanged.
            unsafe { self.platform.add_pages(first, order) };
            return None;
        }
        // To touch an unpopulated page would populate it. Xen scrubs those pages by itself, as it
        // gives them to this domain again.
        if self.unpopulated < count {
            // SAFETY: just taken: RAM without a user.
            unsafe { self.platform.scrub_pages(first, order) };
        }
        self.unpopulated = self.unpopulated.saturating_sub(count);
        Some(first)
    }

    /// Releases the `count` pages of the list that are at `start`, and returns the number of those
    /// that were released, from the first on.
    fn release(&mut self, start: u64, count: u64) -> u64 {
        let list = slice(&mut self.list, start, count);
        // SAFETY: all were taken from the kernel's allocator, and have no user.
        let released =
            unsafe { memory::decrease_reservation(&self.platform, Extents::PAGES, list) };
        let released = released.map_or(0, |done| (done as u64).min(count));
        for index in start..start + released {
            let frame = self.get(index);
            self.free.insert(frame, 1);
        }
        released
    }

    fn release_large(&mut self, first: Gfn) -> Batch {
        let extents = Extents { order: LARGE, ..Extents::PAGES };
        // SAFETY: taken from the kernel's allocator, without a user.
        let done = unsafe { memory::decrease_reservation(&self.platform, extents, &[first]) };
        if done == Ok(1) {
            self.free.insert(first, LARGE_PAGES);
            return Batch::Released(LARGE_PAGES);
        }
        // Xen may have taken a part of the extent, without a report. Page by page it reports each;
        // one that it does not take may have memory or not, and is not used again.
        for index in 0..LARGE_PAGES {
            self.put(index, Gfn(first.0 + index));
        }
        let (mut index, mut released) = (0, 0);
        while index < LARGE_PAGES {
            let done = self.release(index, LARGE_PAGES - index);
            released += done;
            index += done;
            if index < LARGE_PAGES {
                self.lost += 1;
                index += 1;
            }
        }
        if self.lost > 0 {
            log::error!("balloon: {} pages from {first} on are lost", LARGE_PAGES - released);
        }
        if released == 0 { Batch::NoMemory } else { Batch::Released(released) }
    }

    /// Gets memory for at most `wanted` frames.
    pub(super) fn grow(&mut self, wanted: u64) -> Batch {
        if self.free.len() == 0 && !self.add_new_frames() {
            return Batch::NoFreePage;
        }
        if wanted >= LARGE_PAGES
            && let Some(first) = self.free.take(LARGE_PAGES, LARGE_PAGES)
        {
            if self.populate_large(first) {
                return Batch::Populated(LARGE_PAGES);
            }
            // The host's memory may be in smaller pieces.
            self.free.insert(first, LARGE_PAGES);
        }
        let mut count = 0;
        while count < wanted.min(LIST)
            && let Some(frame) = self.free.take(1, 1)
        {
            self.put(count, frame);
            count += 1;
        }
        let list = slice(&mut self.list, 0, count);
        // SAFETY: the frames have no memory and no user.
        let done = unsafe { memory::populate_physmap(&self.platform, Extents::PAGES, list) };
        let done = done.map_or(0, |done| (done as u64).min(count));
        for index in 0..count {
            let frame = self.get(index);
            if index < done {
                // SAFETY: the frame has got memory, and was the balloon's.
                unsafe { self.platform.add_pages(frame, 0) };
            } else {
                self.free.insert(frame, 1);
            }
        }
        if done == 0 { Batch::NoMemory } else { Batch::Populated(done) }
    }

    fn populate_large(&mut self, first: Gfn) -> bool {
        let extents = Extents { order: LARGE, ..Extents::PAGES };
        // SAFETY: the frames have no memory and no user. Xen populates all of an extent or nothing.
        let done = unsafe { memory::populate_physmap(&self.platform, extents, &mut [first]) };
        let is_done = done == Ok(1);
        if is_done {
            // SAFETY: the frames have got memory, and were the balloon's.
            unsafe { self.platform.add_pages(first, LARGE) };
        }
        is_done
    }

    /// Adds frames of the kernel that never had memory; returns whether there were any.
    fn add_new_frames(&mut self) -> bool {
        // All of a large extent, of which the rest stays without memory.
        [LARGE, 0].into_iter().any(|order| {
            let first = self.platform.new_frames(order);
            let first = first.filter(|&first| self.free.covers(first, 1 << order));
            first.is_some_and(|first| {
                self.free.insert(first, 1 << order);
                self.frames += 1 << order;
                true
            })
        })
    }

    fn put(&mut self, index: u64, frame: Gfn) {
        if let [slot] = slice(&mut self.list, index, 1) {
            *slot = frame;
        }
    }

    fn get(&mut self, index: u64) -> Gfn {
        slice(&mut self.list, index, 1).first().copied().unwrap_or_default()
    }
}

/// Returns a part of the list, which has [`LIST`] frames.
fn slice<P: BalloonPages>(list: &mut Pages<P>, start: u64, count: u64) -> &mut [Gfn] {
    let all = <[Gfn]>::mut_from_bytes(list.as_mut_slice()).unwrap_or_default();
    let range = start as usize..(start + count) as usize;
    all.get_mut(range).unwrap_or_default()
}
