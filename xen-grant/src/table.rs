//! The domain's grant table: sharing pages, and growing.

use crate::blocks::Blocks;
use crate::entry::{Entry, What};
use crate::lock::Mutex;
use crate::quarantine::{Deferred, Held};
use crate::refs::{self, FreeRefs};
use crate::shared::Refs;
use crate::{
    Access, GrantError, InUse, MAX_PAGES, Quarantine, ReadOnly, ReadWrite, ShareError, Shared, Version,
};
use core::fmt;
use core::ptr::NonNull;
use heapless::Vec;
use xen_hypercall::start::PlaceError;
use xen_hypercall::{
    DomId, Gfn, GrantRef, Instant, Mapped, PAGE_SIZE, Pages, Platform, SharedPages, ops, start,
};
use xen_sys::grant_table::{GNTTAB_NR_RESERVED_ENTRIES, GrantEntryStatus, GrantFlags};
use xen_sys::memory::{XENMAPIDX_GRANT_TABLE_STATUS, XENMAPSPACE_GRANT_TABLE};

/// Frames of version 2 entries whose states are in one frame.
const FRAMES_PER_STATES: u32 = (PAGE_SIZE / size_of::<GrantEntryStatus>() / Version::V2.per_frame()) as u32;

/// The grant table of this domain: shares pages with other domains and takes them back.
///
/// A domain has one; drivers hold it as `&GrantTable`. Sharing and reclaiming take no lock but where the table grows or a peer
/// misbehaves. The table starts with one frame and grows by one when it is full, as far as the host allows.
pub struct GrantTable<P: Platform> {
    platform: P,
    version: Version,
    blocks: Blocks<P>,
    free: FreeRefs,
    max_frames: u32,
    /// The number of frames in place; locked while one is added.
    grown: Mutex<u32>,
    deferred: Deferred<P>,
}

impl<P: Platform> GrantTable<P> {
    /// Sets up this domain's table, in version 1 where the host lets it choose. Do it once.
    ///
    /// # Errors
    ///
    /// [`GrantError::Size`] or [`GrantError::Grow`] as Xen refuses, [`GrantError::Memory`] as the platform does.
    pub fn new(platform: P) -> Result<Self, GrantError> {
        Self::with_version(platform, Version::V1)
    }

    /// Sets up this domain's table in version `wanted`, or in the other one where the host does not allow that:
    /// [`version`](Self::version) tells. Do it once. All is shared and taken back the same way in both.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_version(platform: P, wanted: Version) -> Result<Self, GrantError> {
        let version = Version::choose(&platform, wanted);
        let size = ops::grant_table::query_size(&platform).map_err(GrantError::Size)?;
        let blocks = Blocks::alloc(platform.clone(), version, size.max_frames).map_err(GrantError::Memory)?;
        let table = Self {
            version,
            max_frames: size.max_frames.min(blocks.frames(version)),
            blocks,
            free: FreeRefs::new(),
            grown: Mutex::new(0),
            deferred: Deferred::new(platform.clone()),
            platform,
        };
        table.grow()?;
        Ok(table)
    }

    /// Returns the platform.
    pub fn platform(&self) -> &P {
        &self.platform
    }

    /// Returns the version of the ABI that the table follows.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Lets `peer` read `pages`.
    ///
    /// # Errors
    ///
    /// [`ShareError`] with the pages, if the table is full or they can't be granted.
    pub fn share_read_only(
        &self,
        pages: Pages<P>,
        peer: DomId,
    ) -> Result<Shared<'_, P, ReadOnly>, ShareError<P>> {
        self.share(pages, peer)
    }

    /// Lets `peer` read and write `pages`.
    ///
    /// # Errors
    ///
    /// [`ShareError`] with the pages, if the table is full or they can't be granted.
    pub fn share_writable(
        &self,
        pages: Pages<P>,
        peer: DomId,
    ) -> Result<Shared<'_, P, ReadWrite>, ShareError<P>> {
        self.share(pages, peer)
    }

    /// Lets `peer` use `pages` as `A` says. The peer sees whatever is in them, so hand over nothing that is not meant for it.
    ///
    /// # Errors
    ///
    /// [`ShareError`] with the pages, if the table is full or they can't be granted.
    #[doc(alias = "gnttab_grant_foreign_access")]
    pub fn share<A: Access>(&self, pages: Pages<P>, peer: DomId) -> Result<Shared<'_, P, A>, ShareError<P>> {
        self.share_as(pages, peer, A::FLAGS, What::Page)
    }

    /// Lets `peer` have copies from, or with [`ReadWrite`] to, `len` bytes at `offset` of each of `pages`, and of nothing else. The
    /// peer can't map them. Version 2 only.
    ///
    /// # Errors
    ///
    /// [`ShareError`] with the pages: as [`share`](Self::share), in version 1, or if the bytes do not lie within a page.
    #[doc(alias = "GTF_sub_page")]
    pub fn share_part<A: Access>(
        &self,
        pages: Pages<P>,
        peer: DomId,
        offset: usize,
        len: usize,
    ) -> Result<Shared<'_, P, A>, ShareError<P>> {
        if let Err(error) = self.needs(Version::V2) {
            return Err(ShareError { error, pages });
        }
        if len == 0 || len > PAGE_SIZE || offset > PAGE_SIZE - len {
            return Err(ShareError { error: GrantError::Range { offset, len }, pages });
        }
        let (offset, len) = (offset as u16, len as u16);
        self.share_as(pages, peer, A::FLAGS, |gfn| What::Part { gfn, offset, len })
    }

    #[inline(always)]
    pub(crate) fn share_as<A: Access>(
        &self,
        pages: Pages<P>,
        peer: DomId,
        flags: GrantFlags,
        what: impl Fn(Gfn) -> What,
    ) -> Result<Shared<'_, P, A>, ShareError<P>> {
        match self.grant_all(&pages, peer, flags, what) {
            Ok(refs) => Ok(Shared::new(self, peer, pages.into_shared(), refs)),
            Err(error) => Err(ShareError { error, pages }),
        }
    }

    /// Tries again to end the access of peers that did not let go: of some of them, and not more than once a second. Returns when to
    /// call it again; `None` if nothing is kept back.
    pub fn poll(&self, now: Instant) -> Option<Instant> {
        self.deferred.poll(now, |refs| self.retry(refs))
    }

    /// Tries again to end the access of all peers that did not let go, and tells what is still kept back.
    pub fn sweep_quarantine(&self) -> Quarantine {
        self.deferred.sweep(|refs| self.retry(refs));
        self.quarantine()
    }

    /// Returns how much is kept back because peers still use it.
    pub fn quarantine(&self) -> Quarantine {
        self.deferred.count()
    }

    /// Sets the table up again where the domain woke up after a suspend. Call it before anything is shared anew.
    ///
    /// The new host's table is empty: nobody has access to what was shared before. The [`Shared`] values of that time stay what they
    /// are: owners whose [`reclaim`](Shared::reclaim) does not fail any more. The quarantine is emptied: its peers are gone. After a
    /// suspend that was cancelled nothing has to be set up, and calling this changes nothing.
    ///
    /// # Errors
    ///
    /// [`GrantError::Version`] if the new host does not allow the version, [`GrantError::Grow`] if it does not let the table be as
    /// large as it was. Call it again, or share nothing any more.
    #[doc(alias = "gnttab_resume")]
    pub fn resume(&self) -> Result<(), GrantError> {
        let found = Version::choose(&self.platform, self.version);
        if found != self.version {
            return Err(GrantError::Version { found, needed: self.version });
        }
        let grown = self.grown.lock();
        for index in 0..*grown {
            let Some((frame, states)) = self.placed(index) else { continue };
            self.place_again(index.into(), frame)?;
            if let Some(states) = states.filter(|_| index % FRAMES_PER_STATES == 0) {
                let number = u64::from(index / FRAMES_PER_STATES);
                self.place_again(number | XENMAPIDX_GRANT_TABLE_STATUS, states)?;
            }
        }
        drop(grown);
        self.sweep_quarantine();
        Ok(())
    }

    /// Puts a frame of the table where it was before a suspend.
    fn place_again(&self, index: u64, page: NonNull<u8>) -> Result<(), GrantError> {
        let gfn = self.platform.virt_to_gfn(page);
        // SAFETY: the page was given up for this frame of the table when that was first placed.
        unsafe { ops::memory::add_to_physmap(&self.platform, XENMAPSPACE_GRANT_TABLE, index, gfn) }
            .map_err(|errno| GrantError::Grow(PlaceError::Xen(errno)))
    }

    /// Returns how many references are free without growing the table.
    pub fn free(&self) -> u32 {
        refs::count(&self.blocks)
    }

    pub(crate) fn needs(&self, needed: Version) -> Result<(), GrantError> {
        let found = self.version;
        if found == needed { Ok(()) } else { Err(GrantError::Version { found, needed }) }
    }

    /// Takes all references before the first is made valid, so that a failure leaves nothing that a peer could have used.
    #[inline(always)]
    fn grant_all(
        &self,
        pages: &Pages<P>,
        peer: DomId,
        flags: GrantFlags,
        what: impl Fn(Gfn) -> What,
    ) -> Result<Refs, GrantError> {
        let count = pages.count();
        if count > MAX_PAGES {
            return Err(GrantError::TooManyPages { found: count });
        }
        let mut refs = Refs::new();
        for gfn in (0..count).filter_map(|index| pages.gfn(index)) {
            match self.take_for(gfn) {
                // There is room: count is at most MAX_PAGES.
                Ok(reference) => drop(refs.push(reference)),
                Err(error) => {
                    refs.iter().for_each(|&reference| self.give(reference));
                    return Err(error);
                }
            }
        }
        for (index, &reference) in refs.iter().enumerate() {
            if let (Some(gfn), Some(entry)) = (pages.gfn(index), self.entry(reference)) {
                entry.permit(what(gfn), peer, flags);
            }
        }
        Ok(refs)
    }

    #[inline(always)]
    fn take_for(&self, gfn: Gfn) -> Result<GrantRef, GrantError> {
        if self.version == Version::V1 && gfn.0 > u64::from(u32::MAX) {
            return Err(GrantError::FrameTooHigh(gfn));
        }
        self.take()
    }

    /// Takes a free reference, of a new frame if need be.
    #[inline(always)]
    pub(crate) fn take(&self) -> Result<GrantRef, GrantError> {
        self.free.take(&self.blocks).map_or_else(|| self.take_of_more(), Ok)
    }

    #[cold]
    fn take_of_more(&self) -> Result<GrantRef, GrantError> {
        loop {
            self.grow()?;
            if let Some(reference) = self.free.take(&self.blocks) {
                return Ok(reference);
            }
        }
    }

    #[inline(always)]
    fn give(&self, reference: GrantRef) {
        refs::give(&self.blocks, reference);
    }

    /// Ends access to all of `refs` and gives them back to the free ones. Those that are in use stay in `refs`.
    #[inline(always)]
    fn revoke_all(&self, refs: &mut Refs) -> Result<(), InUse> {
        refs.retain(|&reference| {
            let revoked = self.entry(reference).is_some_and(Entry::revoke);
            if revoked {
                self.give(reference);
            }
            !revoked
        });
        refs.first().map_or(Ok(()), |&reference| Err(InUse { reference }))
    }

    /// Makes grants read-only, all of them or none; none if a peer uses one of them.
    pub(crate) fn restrict(&self, refs: &[GrantRef]) -> bool {
        let entries = || refs.iter().filter_map(|&reference| self.entry(reference));
        let flags: Vec<GrantFlags, MAX_PAGES> = entries().map(Entry::flags).collect();
        // An entry is never changed while someone uses it, so each is ended first.
        let ended = entries().take_while(|entry| entry.revoke()).count();
        let done = ended == refs.len();
        let right = if done { GrantFlags::READONLY } else { GrantFlags::empty() };
        // One that is in use, and is not valid any more for that, gets its flags back too.
        for (entry, flags) in entries().zip(flags).take(ended + 1) {
            entry.restore(flags | right);
        }
        done
    }

    /// Ends what of `refs` can be ended by now, and leaves the others.
    fn retry(&self, refs: &mut Refs) {
        let _ = self.revoke_all(refs);
    }

    #[inline(always)]
    pub(crate) fn take_back(&self, pages: SharedPages<P>, mut refs: Refs) -> Result<Pages<P>, InUse> {
        let Err(in_use) = self.revoke_all(&mut refs) else {
            // SAFETY: every reference to the pages has been revoked in one step with the check that nobody uses it.
            return Ok(unsafe { pages.into_private() });
        };
        self.deferred.add(Held { pages: Some(pages), refs });
        Err(in_use)
    }

    /// Ends a grant that has no pages of its own.
    pub(crate) fn take_back_one(&self, reference: GrantRef) -> Result<(), InUse> {
        let mut refs: Refs = core::iter::once(reference).collect();
        self.revoke_all(&mut refs).inspect_err(|_| self.deferred.add(Held { pages: None, refs }))
    }

    /// Adds a frame of entries.
    fn grow(&self) -> Result<(), GrantError> {
        let mut grown = self.grown.lock();
        if self.free() != 0 {
            // Another caller has grown the table meanwhile, or a reference came back.
            return Ok(());
        }
        let index = *grown;
        if index >= self.max_frames {
            return Err(GrantError::Exhausted { frames: index });
        }
        let at = |mapped: Mapped<P>| NonNull::from(mapped.as_ref()).cast();
        let (block, number) =
            self.blocks.frame(self.version, index).ok_or(GrantError::Exhausted { frames: index })?;
        // An earlier try may have come as far as this.
        let frame = match self.placed(index) {
            Some((frame, _)) => frame,
            None => start::grant_frame(self.platform.clone(), index).map(at).map_err(GrantError::Grow)?,
        };
        // SAFETY: Xen has put the table's frame there, for good.
        unsafe { block.place(number, frame, None) };
        if self.version == Version::V2 {
            let states = match self.placed(index - index % FRAMES_PER_STATES) {
                Some((_, Some(states))) => states,
                _ => start::grant_status_frame(self.platform.clone(), index / FRAMES_PER_STATES)
                    .map(at)
                    .map_err(GrantError::Grow)?,
            };
            // SAFETY: as above, and these are the states of its entries.
            unsafe { block.place(number, frame, Some(states)) };
        }
        *grown = index + 1;
        let per_frame = self.version.per_frame() as u32;
        let first = index * per_frame;
        (first.max(GNTTAB_NR_RESERVED_ENTRIES)..first + per_frame)
            .map(GrantRef)
            // What an earlier kernel of this domain left to a peer is not ours to change.
            .filter(|&reference| self.entry(reference).is_some_and(Entry::is_free))
            .for_each(|reference| self.give(reference));
        Ok(())
    }

    fn placed(&self, index: u32) -> Option<(NonNull<u8>, Option<NonNull<u8>>)> {
        let (block, number) = self.blocks.frame(self.version, index)?;
        block.placed(number)
    }

    #[inline(always)]
    pub(crate) fn entry(&self, reference: GrantRef) -> Option<Entry<'_>> {
        self.blocks.entry(self.version, reference)
    }
}

impl<P: Platform> Drop for GrantTable<P> {
    fn drop(&mut self) {
        self.sweep_quarantine();
    }
}

impl<P: Platform> fmt::Debug for GrantTable<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrantTable")
            .field("version", &self.version)
            .field("free", &self.free())
            .field("max_frames", &self.max_frames)
            .finish_non_exhaustive()
    }
}
