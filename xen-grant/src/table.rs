//! The domain's grant table: grants and their ends.

use crate::deferred::{DeferredList, Held};
use crate::entry::{Entry, What};
use crate::frames::Frames;
use crate::grow::{FRAMES_PER_STATES, Placed};
use crate::lock::Mutex;
use crate::refs::{Group, run};
use crate::{
    Access, DeferredGrants, GrantError, GrantFailed, Granted, InUse, MAX_PAGES, ReadOnly,
    ReadWrite, Version,
};
use core::fmt;
use core::ptr::NonNull;
use heapless::Vec;
use xen_hypercall::{
    Claim, DomId, Gfn, GrantRef, Instant, PAGE_SIZE, PageArc, Pages, Platform, SharedPages,
    Singleton, ops,
};
use xen_sys::grant_table::GrantFlags;

/// The last frame that has room in a version 1 entry.
pub(crate) const V1_LAST_GFN: u64 = u32::MAX as u64;

/// The grant table of this domain.
///
/// A domain has one. The value is a counted reference to it: each driver has a clone, and the last
/// one to be dropped frees the table. A grant and its end take no lock unless the table grows or a
/// peer misbehaves. The table starts with one frame and grows by one when it is full, as far as the
/// host allows.
pub struct GrantTable<P: Platform> {
    pub(crate) inner: PageArc<P, Inner<P>>,
}

/// The table itself.
pub(crate) struct Inner<P: Platform> {
    pub(crate) frames: Frames<P>,
    pub(crate) max_frames: u32,
    /// Locked while a frame is added: the frames that an earlier, failed try has placed.
    pub(crate) placed: Mutex<Placed<P>>,
    deferred: DeferredList<P>,
    /// The frames are at places without RAM, from which a drop removes them: on Arm, Xen places
    /// none a second time.
    is_removed: bool,
    /// The last one to be dropped: the next owner places the frames elsewhere.
    claim: Claim<P>,
}

impl<P: Platform> GrantTable<P> {
    /// Sets up this domain's table, in version 1 if the host allows a choice.
    ///
    /// A domain has one table at a time. Dropping it makes room for the next one, which does not
    /// use entries that are valid still.
    ///
    /// # Errors
    ///
    /// [`GrantError::Taken`] while an earlier value exists, [`GrantError::Size`] or
    /// [`GrantError::Grow`] as Xen refuses, [`GrantError::Memory`] as the platform does.
    pub fn new(platform: P) -> Result<Self, GrantError> {
        Self::with_version(platform, Version::V1)
    }

    /// Sets up this domain's table in version `wanted`, or in the other one if the host does not
    /// allow that: see [`version`](Self::version). Grants work the same way in both.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_version(platform: P, wanted: Version) -> Result<Self, GrantError> {
        let claim =
            Claim::take(platform.clone(), Singleton::GrantTable).map_err(GrantError::Taken)?;
        let version = Version::choose(&platform, wanted);
        let size = ops::grant_table::query_size(&platform).map_err(GrantError::Size)?;
        let mut placed = Placed::nothing();
        let first = placed.place(&platform, version, 0, None)?;
        let frames = Frames::new(platform.clone(), version, size.max_frames, first);
        let frames = frames.map_err(GrantError::Memory)?;
        let inner = Inner {
            max_frames: size.max_frames.min(frames.max()),
            frames,
            placed: Mutex::new(Placed::nothing()),
            deferred: DeferredList::new(platform.clone()),
            is_removed: placed.keep(),
            claim,
        };
        let table = Self { inner: PageArc::new(platform, inner).map_err(GrantError::Memory)? };
        table.free_frame(0);
        Ok(table)
    }

    /// Returns `true` if both values refer to the same table.
    #[inline(always)]
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.inner.ptr_eq(&other.inner)
    }

    /// Returns the platform.
    #[inline(always)]
    pub fn platform(&self) -> &P {
        self.inner.claim.platform()
    }

    /// Returns the version of the ABI that the table follows.
    pub fn version(&self) -> Version {
        self.inner.frames.version()
    }

    /// Grants `peer` read access to `pages`.
    ///
    /// # Errors
    ///
    /// [`GrantFailed`] with the pages, if the table is full, or the pages can't be granted or are
    /// another domain's.
    pub fn grant_read_only(
        &self,
        pages: Pages<P>,
        peer: DomId,
    ) -> Result<Granted<P, ReadOnly>, GrantFailed<P>> {
        self.grant_access(pages, peer)
    }

    /// Grants `peer` read and write access to `pages`.
    ///
    /// # Errors
    ///
    /// [`GrantFailed`] with the pages, if the table is full, or the pages can't be granted or are
    /// another domain's.
    pub fn grant_writable(
        &self,
        pages: Pages<P>,
        peer: DomId,
    ) -> Result<Granted<P, ReadWrite>, GrantFailed<P>> {
        self.grant_access(pages, peer)
    }

    /// Grants `peer` access `A` to `pages`. The peer can read all bytes of the pages: remove data
    /// that must not be disclosed first.
    ///
    /// # Errors
    ///
    /// [`GrantFailed`] with the pages, if the table is full, or the pages can't be granted or are
    /// another domain's.
    #[doc(alias = "gnttab_grant_foreign_access")]
    pub fn grant_access<A: Access>(
        &self,
        pages: Pages<P>,
        peer: DomId,
    ) -> Result<Granted<P, A>, GrantFailed<P>> {
        self.grant_as(pages, peer, A::FLAGS, What::Page)
    }

    /// Grants `peer` copies from, or with [`ReadWrite`] to, `len` bytes at `offset` of each of
    /// `pages`, and of nothing else. The peer can't map them. Version 2 only.
    ///
    /// # Errors
    ///
    /// [`GrantFailed`] with the pages: as [`grant_access`](Self::grant_access), in version 1, or if
    /// the bytes are not within a page.
    #[doc(alias = "GTF_sub_page")]
    pub fn grant_sub_page<A: Access>(
        &self,
        pages: Pages<P>,
        peer: DomId,
        offset: usize,
        len: usize,
    ) -> Result<Granted<P, A>, GrantFailed<P>> {
        if let Err(error) = self.needs(Version::V2) {
            return Err(GrantFailed { error, pages });
        }
        if len == 0 || len > PAGE_SIZE || offset > PAGE_SIZE - len {
            return Err(GrantFailed { error: GrantError::Range { offset, len }, pages });
        }
        let (offset, len) = (offset as u16, len as u16);
        self.grant_as(pages, peer, A::FLAGS, |gfn| What::Part { gfn, offset, len })
    }

    #[inline(always)]
    pub(crate) fn grant_as<A: Access>(
        &self,
        pages: Pages<P>,
        peer: DomId,
        flags: GrantFlags,
        what: impl Fn(Gfn) -> What,
    ) -> Result<Granted<P, A>, GrantFailed<P>> {
        if !pages.platform().claims().is_same_domain(self.platform().claims()) {
            return Err(GrantFailed { error: GrantError::OtherDomain, pages });
        }
        // A single page is by far the most common, and part of every small request.
        if pages.count() == 1
            && let Some(gfn) = pages.gfn(0)
            && gfn.0 <= V1_LAST_GFN
            && let Some((group, reference)) = self.inner.frames.take_here()
        {
            group.places.with_entry(reference, |entry| entry.permit(what(gfn), peer, flags));
            return Ok(Granted::new(
                self.clone(),
                NonNull::from(group),
                pages.into_shared(),
                reference,
            ));
        }
        self.grant_pages(pages, peer, flags, what)
    }

    /// Does the same as [`grant_as`](Self::grant_as) for other than a single page with a hinted
    /// reference.
    #[cold]
    fn grant_pages<A: Access>(
        &self,
        pages: Pages<P>,
        peer: DomId,
        flags: GrantFlags,
        what: impl Fn(Gfn) -> What,
    ) -> Result<Granted<P, A>, GrantFailed<P>> {
        match self.grant_many(&pages, peer, flags, what) {
            Ok((group, first)) => {
                Ok(Granted::new(self.clone(), NonNull::from(group), pages.into_shared(), first))
            }
            Err(error) => Err(GrantFailed { error, pages }),
        }
    }

    fn grant_many(
        &self,
        pages: &Pages<P>,
        peer: DomId,
        flags: GrantFlags,
        what: impl Fn(Gfn) -> What,
    ) -> Result<(&Group, GrantRef), GrantError> {
        let count = pages.count();
        if count > MAX_PAGES {
            return Err(GrantError::TooManyPages { found: count });
        }
        let gfns = || (0..count).filter_map(|index| pages.gfn(index));
        if let Some(gfn) = gfns().find(|gfn| self.version() == Version::V1 && gfn.0 > V1_LAST_GFN) {
            return Err(GrantError::FrameTooHigh(gfn));
        }
        // All references are taken before the first is made valid: a peer can use none of a grant
        // that failed.
        let (group, first) = self.take(count)?;
        let places = group.places;
        for (gfn, reference) in gfns().zip(first.0..) {
            places.with_entry(GrantRef(reference), |entry| entry.permit(what(gfn), peer, flags));
        }
        Ok((group, first))
    }

    /// Tries again to end some of the deferred grants, not more than once a second. Returns the
    /// time of the next call; `None` if nothing is deferred.
    pub fn poll(&self, now: Instant) -> Option<Instant> {
        self.inner.deferred.poll(now, |first, left| self.inner.end(first, left))
    }

    /// Tries again to end all deferred grants, and returns the number of those that remain.
    pub fn retry_deferred(&self) -> DeferredGrants {
        self.inner.sweep();
        self.deferred()
    }

    /// Returns the number of grants that are deferred because peers still use them.
    pub fn deferred(&self) -> DeferredGrants {
        self.inner.deferred.count()
    }

    /// Returns the number of references that are free without growth of the table.
    pub fn free(&self) -> u32 {
        self.inner.frames.free()
    }

    pub(crate) fn needs(&self, needed: Version) -> Result<(), GrantError> {
        let found = self.version();
        if found == needed { Ok(()) } else { Err(GrantError::Version { found, needed }) }
    }

    /// Returns the numbers of `count` references from `first` on.
    pub(crate) fn references(&self, first: GrantRef, count: usize) -> &[GrantRef] {
        self.inner.frames.references(first, count).unwrap_or_default()
    }

    /// Takes `count` free references that follow each other, of a new frame if need be.
    pub(crate) fn take(&self, count: usize) -> Result<(&Group, GrantRef), GrantError> {
        let frames = &self.inner.frames;
        let take = || if count == 1 { frames.take() } else { frames.take_run(count) };
        match take() {
            Some(found) => Ok(found),
            None => self.take_locked(take),
        }
    }

    /// Takes any `count` free references of one group as a mask, of a new frame if need be.
    #[inline(always)]
    pub(crate) fn take_any(&self, count: u32) -> Result<(&Group, u64), GrantError> {
        let take = || self.inner.frames.take_any(count);
        match take() {
            Some(found) => Ok(found),
            None => self.take_locked(take),
        }
    }

    #[cold]
    fn take_locked<'t, T>(
        &self,
        take: impl Fn() -> Option<(&'t Group, T)>,
    ) -> Result<(&'t Group, T), GrantError> {
        let mut placed = self.inner.placed.lock();
        loop {
            // Another caller may have grown the table before the lock was taken.
            match take() {
                Some(found) => return Ok(found),
                None => self.grow(&mut placed)?,
            }
        }
    }

    /// Ends access to `pages` and returns them, or defers them.
    #[inline(always)]
    pub(crate) fn end_pages(
        &self,
        pages: SharedPages<P>,
        group: &Group,
        first: GrantRef,
    ) -> Result<Pages<P>, InUse> {
        // As in `grant_as`.
        if pages.count() == 1 && group.places.with_entry(first, Entry::revoke_once) {
            group.give(first, 1);
            // SAFETY: the reference to the page has been revoked in one step with the check that no
            // peer uses it.
            return Ok(unsafe { pages.into_private() });
        }
        self.end_many_pages(pages, first)
    }

    /// Does the same as [`end_pages`](Self::end_pages) for other than a single page that the peer
    /// does not use.
    #[cold]
    fn end_many_pages(&self, pages: SharedPages<P>, first: GrantRef) -> Result<Pages<P>, InUse> {
        match self.inner.end(first, run(pages.count())) {
            // SAFETY: every reference to the pages has been revoked in one step with the check that
            // no peer uses it.
            0 => Ok(unsafe { pages.into_private() }),
            left => Err(self.defer(Some(pages), first, left)),
        }
    }

    /// Ends a grant that has no pages of its own.
    pub(crate) fn end_transitive(&self, reference: GrantRef) -> Result<(), InUse> {
        match self.inner.end(reference, 1) {
            0 => Ok(()),
            left => Err(self.defer(None, reference, left)),
        }
    }

    #[cold]
    pub(crate) fn defer(&self, pages: Option<SharedPages<P>>, first: GrantRef, left: u64) -> InUse {
        self.inner.deferred.add(Held { pages, first, left });
        InUse { reference: GrantRef(first.0 + left.trailing_zeros()) }
    }

    /// Makes grants read-only: all, or none if a peer uses one of them.
    pub(crate) fn restrict(&self, group: &Group, first: GrantRef, count: usize) -> bool {
        let entries = || (first.0..).take(count).map(|reference| group.entry(GrantRef(reference)));
        let flags: Vec<GrantFlags, MAX_PAGES> = entries().map(Entry::flags).collect();
        // An entry is never changed while a peer uses it, so each is ended first.
        let ended = entries().take_while(|entry| entry.revoke()).count();
        let done = ended == count;
        let right = if done { GrantFlags::READONLY } else { GrantFlags::empty() };
        // One that is in use, and is not valid any more because of that, is restored too.
        for (entry, flags) in entries().zip(flags).take(ended + 1) {
            entry.restore(flags | right);
        }
        done
    }
}

impl<P: Platform> Inner<P> {
    /// Tries again to end all deferred grants.
    fn sweep(&self) {
        self.deferred.sweep(|first, left| self.end(first, left));
    }

    /// Removes the frames from their places.
    fn remove_frames(&self) {
        let platform = self.claim.platform();
        let remove = |page: NonNull<u8>| {
            let gfn = platform.virt_to_gfn(page);
            // SAFETY: the place was reserved for the frame, and the table is dropped: it is not
            // accessed again. If Xen refuses, the frame stays there.
            let _ = unsafe { ops::memory::remove_from_physmap(platform, gfn) };
        };
        for index in 0..self.frames.count() {
            let Some(places) = self.frames.places(index) else { continue };
            remove(places.entries());
            if let Some(states) = places.states().filter(|_| index % FRAMES_PER_STATES == 0) {
                remove(states);
            }
        }
    }

    /// Ends access by references, those of the mask with `first` as bit 0, and adds them to the
    /// free ones. Returns those that are in use.
    #[cold]
    pub(crate) fn end(&self, first: GrantRef, mask: u64) -> u64 {
        let Some(group) = self.frames.group_of(first) else { return mask };
        let (mut left, mut in_use, places) = (mask, 0, group.places);
        while left != 0 {
            let bit = left.trailing_zeros();
            left &= left - 1;
            if !places.with_entry(GrantRef(first.0 + bit), Entry::revoke) {
                in_use |= 1 << bit;
            }
        }
        group.give(first, mask & !in_use);
        in_use
    }
}

impl<P: Platform> Clone for GrantTable<P> {
    #[inline(always)]
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone() }
    }
}

impl<P: Platform> Drop for Inner<P> {
    fn drop(&mut self) {
        self.sweep();
        if self.is_removed {
            self.remove_frames();
        }
    }
}

impl<P: Platform> fmt::Debug for GrantTable<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrantTable")
            .field("version", &self.version())
            .field("free", &self.free())
            .field("max_frames", &self.inner.max_frames)
            .finish_non_exhaustive()
    }
}
