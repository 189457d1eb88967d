//! The state of each frame of the table, in pages of the platform: the groups of its references.

use crate::Version;
use crate::link::Link;
use crate::refs::{GROUP, Group, Places, V1_ENTRIES, V2_ENTRIES};
use core::num::NonZeroUsize;
use core::ptr::NonNull;
use xen_hypercall::sync::{AtomicU32, Ordering};
use xen_hypercall::{GrantRef, OutOfMemory, PAGE_SIZE, Pages, Platform};

/// Frames of the table, at most: 128 MiB of it.
const MAX_FRAMES: usize = 1 << 15;

impl Version {
    /// Returns the number of references in a frame of entries.
    pub(crate) const fn per_frame(self) -> usize {
        match self {
            Self::V1 => V1_ENTRIES,
            Self::V2 => V2_ENTRIES,
        }
    }
}

/// One frame of entries: its groups, and its references as numbers, for slices.
struct Frame {
    groups: [Group; V1_ENTRIES / GROUP],
    references: [GrantRef; V1_ENTRIES],
    /// The places of the entries and their states.
    places: Places,
}

const _: () = assert!(size_of::<Frame>() <= PAGE_SIZE);

impl Frame {
    /// Makes the state of frame `index`. None of its references is free yet.
    fn alloc<P: Platform>(
        platform: P,
        version: Version,
        index: u32,
        places: Places,
    ) -> Result<NonNull<Self>, OutOfMemory> {
        let first = index * version.per_frame() as u32;
        let group = |number: usize| Group::new(GrantRef(first + (number * GROUP) as u32), places);
        let groups = core::array::from_fn(group);
        let references = core::array::from_fn(|number| GrantRef(first + number as u32));
        let frame: NonNull<Self> = Pages::alloc(platform, 1)?.into_raw().cast();
        // SAFETY: a page of our own, which has room for it.
        unsafe { frame.write(Self { groups, references, places }) };
        Ok(frame)
    }
}

/// The frames that the table has, up to as many as the host lets it have.
pub(crate) struct Frames<P: Platform> {
    directory: NonNull<Link<Frame>>,
    /// The size of the directory.
    pages: NonZeroUsize,
    max: u32,
    count: AtomicU32,
    /// Hints for single references, which fill groups up, and for several at once, which need
    /// groups that are not full. Both lead to groups of these frames.
    single: Link<Group>,
    run: Link<Group>,
    version: Version,
    platform: P,
}

// SAFETY: the directory and what it leads to have one owner, as a Box has; the platform moves along
// and is itself Send.
unsafe impl<P: Platform + Send> Send for Frames<P> {}
// SAFETY: a shared reference gives atomics and what is never written again, and a platform that is
// Sync.
unsafe impl<P: Platform + Sync> Sync for Frames<P> {}

impl<P: Platform> Frames<P> {
    /// Makes room for `max` frames, or for fewer if there is not so much memory, and adds the
    /// first one.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] if there is hardly any memory.
    pub(crate) fn new(
        platform: P,
        version: Version,
        max: u32,
        first: Places,
    ) -> Result<Self, OutOfMemory> {
        let mut max = (max as usize).clamp(1, MAX_FRAMES);
        let (directory, pages) = loop {
            let pages = (max * size_of::<Link<Frame>>()).div_ceil(PAGE_SIZE);
            match Pages::alloc(platform.clone(), pages) {
                Ok(memory) => {
                    break (memory, NonZeroUsize::new(pages).ok_or(OutOfMemory { pages })?);
                }
                Err(_) if pages > 1 => max /= 2,
                Err(error) => return Err(error),
            }
        };
        let frame = Frame::alloc(platform.clone(), version, 0, first)?;
        // SAFETY: it was just made, and stays as long as the hints, which go with the directory.
        let group = NonNull::from(unsafe { &frame.as_ref().groups[0] });
        let directory: NonNull<Link<Frame>> = directory.into_raw().cast();
        // SAFETY: a page of our own, zeroed, with room for at least one.
        unsafe { directory.as_ref() }.set(frame);
        Ok(Self {
            directory,
            pages,
            max: max as u32,
            count: AtomicU32::new(1),
            single: Link::to(group),
            run: Link::to(group),
            version,
            platform,
        })
    }

    pub(crate) fn version(&self) -> Version {
        self.version
    }

    /// Returns the number of frames that there can be.
    pub(crate) fn max(&self) -> u32 {
        self.max
    }

    /// Returns the number of frames that there are.
    pub(crate) fn count(&self) -> u32 {
        self.count.load(Ordering::Relaxed)
    }

    /// Adds the next frame; none of its references is free yet. One caller at a time.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] if there is no page for its state.
    pub(crate) fn add(&self, places: Places) -> Result<(), OutOfMemory> {
        let index = self.count();
        let Some(place) = self.directory().get(index as usize) else { return Ok(()) };
        let frame = Frame::alloc(self.platform.clone(), self.version, index, places)?;
        place.set(frame);
        self.count.store(index + 1, Ordering::Relaxed);
        Ok(())
    }

    /// Takes a free reference of the group that had the last one; others may have some on `None`.
    #[inline(always)]
    pub(crate) fn take_here(&self) -> Option<(&Group, GrantRef)> {
        let group = self.hinted(&self.single);
        Some((group, group.take()?))
    }

    /// Takes a free reference.
    pub(crate) fn take(&self) -> Option<(&Group, GrantRef)> {
        self.take_here().or_else(|| self.search(&self.single, Group::take))
    }

    /// Takes `count` free references that follow each other in one group, and returns the first.
    pub(crate) fn take_run(&self, count: usize) -> Option<(&Group, GrantRef)> {
        let group = self.hinted(&self.run);
        match group.take_run(count) {
            Some(reference) => Some((group, reference)),
            None => self.search(&self.run, |group| group.take_run(count)),
        }
    }

    /// Takes any `count` free references of one group, and returns them as a mask.
    #[inline(always)]
    pub(crate) fn take_any(&self, count: u32) -> Option<(&Group, u64)> {
        let group = self.hinted(&self.run);
        match group.take_any(count) {
            Some(taken) => Some((group, taken)),
            None => self.search(&self.run, |group| group.take_any(count)),
        }
    }

    #[cold]
    fn search<T>(
        &self,
        hint: &Link<Group>,
        take: impl Fn(&Group) -> Option<T>,
    ) -> Option<(&Group, T)> {
        let found =
            self.groups_behind(self.hinted(hint)).find_map(|group| Some((group, take(group)?)));
        found.inspect(|(group, _)| hint.set(NonNull::from(*group)))
    }

    #[inline(always)]
    fn hinted(&self, hint: &Link<Group>) -> &Group {
        // SAFETY: both hints lead to groups of these frames from the start, which stay as long as
        // self.
        unsafe { hint.get().unwrap_unchecked().as_ref() }
    }

    /// Returns the number of free references.
    pub(crate) fn free(&self) -> u32 {
        self.groups_behind(self.hinted(&self.single)).map(Group::count).sum()
    }

    /// Returns the places of the entries of frame `index` and of their states.
    pub(crate) fn places(&self, index: u32) -> Option<Places> {
        self.frame(index as usize).map(|frame| frame.places)
    }

    /// Returns the group that `reference` belongs to; `None` beyond the frames that there are.
    pub(crate) fn group_of(&self, reference: GrantRef) -> Option<&Group> {
        let index = reference.0 as usize;
        let frame = self.frame(index / self.version.per_frame())?;
        frame.groups.get(index % self.version.per_frame() / GROUP)
    }

    /// Returns all groups in turn, from the one behind `from` round to it.
    pub(crate) fn groups_behind(&self, from: &Group) -> impl Iterator<Item = &Group> {
        let (first, end) = (from.first().0, self.count() * self.version.per_frame() as u32);
        let behind = (first..end).step_by(GROUP).skip(1);
        behind
            .chain((0..=first).step_by(GROUP))
            .filter_map(move |first| self.group_of(GrantRef(first)))
    }

    /// Returns the numbers of `count` references that follow each other in one frame.
    pub(crate) fn references(&self, first: GrantRef, count: usize) -> Option<&[GrantRef]> {
        let index = first.0 as usize;
        let per_frame = self.version.per_frame();
        let frame = self.frame(index / per_frame)?;
        frame.references.get(index % per_frame..per_frame)?.get(..count)
    }

    fn frame(&self, index: usize) -> Option<&Frame> {
        let frame = self.directory().get(index)?.get()?;
        // SAFETY: the directory leads to frames that were made for it and are never written again.
        Some(unsafe { frame.as_ref() })
    }

    fn directory(&self) -> &[Link<Frame>] {
        // SAFETY: the pages were allocated for at least this many pointers, page-aligned and
        // zeroed, which is a valid value.
        unsafe { core::slice::from_raw_parts(self.directory.as_ptr(), self.max as usize) }
    }
}

impl<P: Platform> Drop for Frames<P> {
    fn drop(&mut self) {
        for place in self.directory() {
            if let Some(frame) = place.get() {
                // SAFETY: a page was allocated for it, and no reference to it outlives a borrow of
                // self. It needs no drop.
                unsafe { self.platform.free_pages(frame.cast(), NonZeroUsize::MIN) };
            }
        }
        // SAFETY: these are the pages of one allocation, whose ownership `new` took over.
        unsafe { self.platform.free_pages(self.directory.cast(), self.pages) }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::memory::Memory;
    use crate::refs::run;

    fn frames(memory: &Memory, version: Version, max: u32) -> Result<Frames<Memory>, OutOfMemory> {
        Frames::new(memory.clone(), version, max, places())
    }

    fn places() -> Places {
        // SAFETY: no test here accesses an entry.
        unsafe { Places::new(NonNull::dangling(), None) }
    }

    #[test]
    fn little_memory_limits_the_frames() {
        let memory = Memory::default();
        let room = |max| frames(&memory, Version::V1, max).map(|frames| frames.max());
        assert_eq!((room(64), room(0), room(u32::MAX)), (Ok(64), Ok(1), Ok(1 << 15)));
        memory.limit(5);
        assert_eq!(room(u32::MAX), Ok(1 << 11));
        memory.limit(1);
        assert_eq!((room(64), memory.pages()), (Err(OutOfMemory { pages: 1 }), 0));
    }

    #[test]
    fn reference_has_its_group_and_number() {
        for version in [Version::V1, Version::V2] {
            let memory = Memory::default();
            let frames = frames(&memory, version, 3).unwrap();
            (1..3).for_each(|_| frames.add(places()).unwrap());
            let all = 3 * version.per_frame() as u32;
            for reference in (0..all).map(GrantRef) {
                assert_eq!(frames.group_of(reference).unwrap().first().0, reference.0 / 64 * 64);
                assert_eq!(frames.references(reference, 1), Some(&[reference][..]));
            }
            assert!(frames.group_of(GrantRef(all)).is_none());
            assert_eq!(frames.references(GrantRef(all - 1), 2), None);
            drop(frames);
            assert_eq!(memory.pages(), 0);
        }
    }

    #[test]
    fn search_visits_each_group_once() {
        for (version, groups) in [(Version::V1, 16), (Version::V2, 8)] {
            let frames = frames(&Memory::default(), version, 2).unwrap();
            frames.add(places()).unwrap();
            for from in 0..groups {
                let from_group = frames.group_of(GrantRef(from * 64)).unwrap();
                let found: std::vec::Vec<_> =
                    frames.groups_behind(from_group).map(|group| group.first().0 / 64).collect();
                let expected: std::vec::Vec<_> = (from + 1..groups).chain(0..=from).collect();
                assert_eq!(found, expected);
            }
        }
    }

    #[test]
    fn search_finds_singles_and_runs() {
        let memory = Memory::default();
        let frames = frames(&memory, Version::V2, 2).unwrap();
        frames.add(places()).unwrap();
        let give = |first: u32, count| {
            frames.group_of(GrantRef(first)).unwrap().give(GrantRef(first), run(count));
        };
        give(300, 4);
        give(60, 4);
        give(64, 4);
        assert_eq!(
            (frames.free(), frames.take_run(8).is_none()),
            (12, true),
            "runs do not cross groups"
        );
        let taken = |found: Option<(&Group, GrantRef)>| found.map(|(_, reference)| reference.0);
        assert_eq!(taken(frames.take_run(4)), Some(60));
        assert_eq!(taken(frames.take_run(3)), Some(64));
        let mut rest: [_; 6] = core::array::from_fn(|_| taken(frames.take()));
        rest.sort_unstable();
        assert_eq!(rest, [None, Some(67), Some(300), Some(301), Some(302), Some(303)]);
    }
}
