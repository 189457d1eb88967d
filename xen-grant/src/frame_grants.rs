//! Grants of frames that the caller owns: buffers of a request, of any RAM of the domain.

use crate::entry::{Entry, What};
use crate::refs::{GROUP, Group};
use crate::table::V1_LAST_GFN;
use crate::{Access, GrantError, GrantTable, InUse, Version};
use core::fmt;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;
use xen_hypercall::sync::cold_path;
use xen_hypercall::{DomId, Gfn, GrantRef, Platform, SharedPages};
use xen_sys::grant_table::GrantFlags;

/// The most frames that are granted at once.
pub const MAX_FRAMES: usize = GROUP;

/// Grants of frames that the caller owns, one reference for each frame.
///
/// [`GrantTable::grant_frames`] makes them; [`GrantTable::grant_owned`] is its safe form.
/// The caller keeps the memory until [`end_access`](Self::end_access) has returned `Ok`. Dropping
/// the value also ends the grants, but does not report a peer that still uses a frame: the memory
/// must not be reused then.
pub struct FrameGrants<P: Platform> {
    table: GrantTable<P>,
    /// The group of all references; a group of the table.
    group: NonNull<Group>,
    /// The references, by their bit of the group.
    mask: u64,
}

// SAFETY: the group is reachable through atomics alone; all else is itself Send.
unsafe impl<P: Platform + Send + Sync> Send for FrameGrants<P> {}
// SAFETY: as above.
unsafe impl<P: Platform + Send + Sync> Sync for FrameGrants<P> {}

impl<P: Platform> GrantTable<P> {
    /// Grants `peer` access to each of `frames`, [`MAX_FRAMES`] at most: all of them or none.
    ///
    /// The references need not be consecutive; [`FrameGrants::refs`] has the order of the frames.
    /// No frame is a valid list too.
    ///
    /// # Errors
    ///
    /// [`GrantError::TooManyFrames`]; [`GrantError::FrameTooHigh`] in version 1;
    /// [`GrantError::Exhausted`] or [`GrantError::Grow`] if no group of 64 references has as many
    /// free ones: fewer frames at once may succeed.
    ///
    /// # Safety
    ///
    /// - The frames are RAM of this domain, and each clone of `frames` yields the same ones.
    /// - Until [`FrameGrants::end_access`] has returned `Ok`, the frames are not freed, and `peer`
    ///   may read all their bytes and, with [`ReadWrite`](crate::ReadWrite), write them: no Rust
    ///   reference to bytes that `peer` can write exists.
    /// - If `end_access` fails, or the value is dropped without it, the same holds for as long as
    ///   the peer can use a frame: the caller leaks the memory.
    #[doc(alias = "gnttab_grant_foreign_access_ref")]
    #[inline]
    pub unsafe fn grant_frames<A: Access>(
        &self,
        frames: impl Iterator<Item = Gfn> + Clone,
        peer: DomId,
    ) -> Result<FrameGrants<P>, GrantError> {
        let mut rest = frames.clone();
        if let Some(gfn) = rest.next()
            && rest.next().is_none()
            && let Some(granted) = self.grant_frame(gfn, peer, A::FLAGS)
        {
            return Ok(granted);
        }
        self.grant_many_frames(frames, None, peer, A::FLAGS)
    }

    /// Grants `peer` access to the first `count` of `frames`, as
    /// [`grant_frames`](Self::grant_frames) does.
    ///
    /// # Errors
    ///
    /// [`GrantError::TooFewFrames`], otherwise as [`grant_frames`](Self::grant_frames).
    ///
    /// # Safety
    ///
    /// As for [`grant_frames`](Self::grant_frames).
    #[inline(always)]
    pub(crate) unsafe fn grant_first_frames<A: Access>(
        &self,
        mut frames: impl Iterator<Item = Gfn> + Clone,
        count: usize,
        peer: DomId,
    ) -> Result<FrameGrants<P>, GrantError> {
        let all = frames.clone();
        if count == 1
            && let Some(gfn) = frames.next()
            && let Some(granted) = self.grant_frame(gfn, peer, A::FLAGS)
        {
            return Ok(granted);
        }
        self.grant_many_frames(all.take(count), Some(count), peer, A::FLAGS)
    }

    /// Grants access to one frame: by far the most common, and on the way of every request. `None`
    /// without a reference at hand, or for a frame that not every version of the table can grant.
    #[inline(always)]
    fn grant_frame(&self, gfn: Gfn, peer: DomId, flags: GrantFlags) -> Option<FrameGrants<P>> {
        if gfn.0 > V1_LAST_GFN {
            return None;
        }
        let (group, reference) = self.inner.frames.take_here()?;
        let permit = |entry: Entry<'_>| entry.permit(What::Page(gfn), peer, flags);
        group.places.with_entry(reference, permit);
        Some(FrameGrants::new(self, group, 1 << (reference.0 as usize % GROUP)))
    }

    /// Grants access to other than a single frame with a reference at hand: to as many as
    /// `expected`, if that is not `None`.
    #[inline(never)]
    fn grant_many_frames(
        &self,
        frames: impl Iterator<Item = Gfn> + Clone,
        expected: Option<usize>,
        peer: DomId,
        flags: GrantFlags,
    ) -> Result<FrameGrants<P>, GrantError> {
        let (count, bits) =
            frames.clone().fold((0, 0), |(count, bits), gfn| (count + 1, bits | gfn.0));
        if count > MAX_FRAMES {
            return Err(GrantError::TooManyFrames { found: count });
        }
        if let Some(expected) = expected.filter(|&expected| expected != count) {
            return Err(GrantError::TooFewFrames { found: count, expected });
        }
        if bits > V1_LAST_GFN
            && self.version() == Version::V1
            && let Some(gfn) = frames.clone().find(|gfn| gfn.0 > V1_LAST_GFN)
        {
            return Err(GrantError::FrameTooHigh(gfn));
        }
        // All references are taken before the first is made valid, so a failure leaves nothing that
        // a peer could have used.
        let (group, mask) = self.take_any(count as u32)?;
        // Made first: it ends the grants if the iterator panics.
        let grants = FrameGrants::new(self, group, mask);
        let places = group.places;
        for (gfn, reference) in frames.zip(grants.refs()) {
            let permit = |entry: Entry<'_>| entry.permit(What::Page(gfn), peer, flags);
            places.with_entry(reference, permit);
        }
        Ok(grants)
    }
}

impl<P: Platform> FrameGrants<P> {
    /// Takes over the references `mask` of `group`, a group of `table`.
    #[inline(always)]
    fn new(table: &GrantTable<P>, group: &Group, mask: u64) -> Self {
        Self { table: table.clone(), group: NonNull::from(group), mask }
    }

    #[inline(always)]
    fn group(&self) -> &Group {
        // SAFETY: a group of the table does not move before the table is freed, which this value
        // prevents.
        unsafe { self.group.as_ref() }
    }

    /// Returns whether the references are of `table`.
    #[inline(always)]
    pub(crate) fn is_of(&self, table: &GrantTable<P>) -> bool {
        self.table.is(table)
    }

    /// Returns the domain that has access; `None` once a suspend has ended that, and without
    /// frames.
    #[inline(always)]
    pub(crate) fn peer(&self) -> Option<DomId> {
        let first = self.refs().next()?;
        self.group().entry(first).peer()
    }

    /// Returns the references, one for each frame, in the order of the frames.
    #[inline(always)]
    pub fn refs(&self) -> impl Iterator<Item = GrantRef> + Clone + use<P> {
        let (first, mut left) = (self.group().first(), self.mask);
        core::iter::from_fn(move || {
            let bit = left.trailing_zeros();
            left &= left.checked_sub(1)?;
            Some(GrantRef(first.0 + bit))
        })
    }

    /// Ends the peer's access to all frames.
    ///
    /// # Errors
    ///
    /// [`InUse`] if the peer still uses a frame: its reference is deferred and not reused before
    /// the peer has released it. The caller must not reuse the memory of any frame.
    #[doc(alias = "gnttab_end_foreign_access_ref")]
    #[inline]
    pub fn end_access(self) -> Result<(), InUse> {
        self.end_with(|| None)
    }

    /// Ends the peer's access to all frames. If the peer still uses one, `defer` returns the memory
    /// that is freed with the reference.
    #[inline(always)]
    pub(crate) fn end_with(
        self,
        defer: impl FnOnce() -> Option<SharedPages<P>>,
    ) -> Result<(), InUse> {
        let mut this = ManuallyDrop::new(self);
        let ended = this.end(defer);
        // SAFETY: the value is never used or dropped again, so its table is dropped once.
        unsafe { core::ptr::drop_in_place(&raw mut this.table) };
        ended
    }

    /// Ends all grants. Called once.
    #[inline(always)]
    fn end(&self, defer: impl FnOnce() -> Option<SharedPages<P>>) -> Result<(), InUse> {
        let (group, mask) = (self.group(), self.mask);
        // As in `grant_frame`.
        let reference = GrantRef(group.first().0 + mask.trailing_zeros());
        if mask.is_power_of_two() && group.places.with_entry(reference, Entry::revoke_once) {
            group.give_mask(mask);
            return Ok(());
        }
        match self.end_many() {
            0 => Ok(()),
            in_use => self.end_again(in_use, defer),
        }
    }

    /// Does what [`end`](Self::end) does for other than a single frame that the peer does not use.
    /// Returns the references that are in use, by their bit of the group.
    #[inline(never)]
    fn end_many(&self) -> u64 {
        let (group, places, first) = (self.group(), self.group().places, self.group().first());
        let (mut left, mut in_use) = (self.mask, 0);
        while left != 0 {
            let bit = left.trailing_zeros();
            left &= left - 1;
            if !places.with_entry(GrantRef(first.0 + bit), Entry::revoke_once) {
                cold_path();
                in_use |= 1 << bit;
            }
        }
        group.give_mask(self.mask & !in_use);
        in_use
    }

    /// Ends the references of the mask, which the peer uses or Xen changed at that moment.
    #[cold]
    fn end_again(
        &self,
        mask: u64,
        defer: impl FnOnce() -> Option<SharedPages<P>>,
    ) -> Result<(), InUse> {
        let first = self.group().first();
        match self.table.inner.end(first, mask) {
            0 => Ok(()),
            left => Err(self.table.defer(defer(), first, left)),
        }
    }
}

impl<P: Platform> Drop for FrameGrants<P> {
    fn drop(&mut self) {
        // References that are in use are deferred.
        let _ = self.end(|| None);
    }
}

impl<P: Platform> fmt::Debug for FrameGrants<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameGrants")
            .field("count", &self.mask.count_ones())
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::memory::Memory;
    use crate::{DeferredGrants, ReadOnly, ReadWrite};
    use std::vec::Vec;
    use xen_hypercall::{Pages, SharedU16};
    use xen_sys::grant_table::GrantFlags;

    const PEER: DomId = DomId(7);

    /// Returns the word in which Xen marks the use of a reference.
    fn use_of(table: &GrantTable<Memory>, reference: GrantRef) -> SharedU16<'_> {
        let entry = table.inner.frames.group_of(reference).unwrap().entry(reference);
        let (frame, offset) = entry.state.unwrap_or((entry.frame, entry.offset));
        frame.u16_at(offset).unwrap()
    }

    #[test]
    fn frame_in_use_is_deferred() {
        for version in [Version::V1, Version::V2] {
            let memory = Memory::default();
            let table = GrantTable::with_version(memory.clone(), version).unwrap();
            assert_eq!(table.version(), version);
            let buffer = Pages::alloc(memory.clone(), 3).unwrap().into_shared();
            let (used, free) = (memory.pages(), table.free());
            let frames = (0..3).filter_map(|index| buffer.gfn(index));
            // SAFETY: the frames are not used at all during the grant.
            let grants = unsafe { table.grant_frames::<ReadWrite>(frames, PEER) }.unwrap();
            let refs: Vec<_> = grants.refs().collect();
            assert_eq!(refs, [8, 9, 10].map(GrantRef));
            let state = use_of(&table, refs[1]);
            state.fetch_or(GrantFlags::READING.bits());
            assert_eq!(grants.end_access(), Err(InUse { reference: refs[1] }));
            assert_eq!(table.retry_deferred(), DeferredGrants { waiting: 1, lost: 0 });
            assert_eq!(table.free(), free - 1);
            state.fetch_and(!GrantFlags::READING.bits());
            assert_eq!(table.retry_deferred(), DeferredGrants::default());
            assert_eq!((table.free(), memory.pages()), (free, used));
        }
    }

    #[test]
    fn grants_outlive_the_callers_table() {
        let memory = Memory::default();
        let table = GrantTable::new(memory.clone()).unwrap();
        let page = Pages::alloc(memory.clone(), 1).unwrap().into_shared();
        // SAFETY: the page is not used.
        let grants = unsafe { table.grant_frames::<ReadOnly>(page.gfn(0).into_iter(), PEER) };
        drop(table);
        let other = std::thread::spawn(move || grants.unwrap().end_access());
        assert_eq!(other.join().unwrap(), Ok(()));
    }
}
