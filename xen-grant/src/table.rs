//! The domain's grant table, version 1.

use crate::entry::Entry;
use crate::refs::FreeRefs;
use crate::shared::Refs;
use crate::{Access, GrantError, InUse, MAX_PAGES, ReadOnly, ReadWrite, ShareError, Shared};
use core::fmt;
use core::sync::atomic::{AtomicU32, Ordering};
use heapless::Vec;
use spin::{Mutex, Once};
use xen_hypercall::start::PlaceError;
use xen_hypercall::{DomId, Gfn, GrantRef, Mapped, PAGE_SIZE, Pages, Platform, SharedPages, ops, start};
use xen_sys::grant_table::{GNTTAB_NR_RESERVED_ENTRIES, GrantEntryV1, GrantFlags};
use xen_sys::memory::XENMAPSPACE_GRANT_TABLE;

/// The most frames that the table grows to; Xen's own default limit. A frame has 512 entries.
pub const MAX_FRAMES: usize = 64;

const ENTRIES: u32 = (PAGE_SIZE / size_of::<GrantEntryV1>()) as u32;
const WORDS: usize = MAX_FRAMES * ENTRIES as usize / 64;

/// Allocations that peers still use, at most; more are given up for good.
const QUARANTINE: usize = 64;

/// Pages that a peer did not let go of.
struct Held<P: Platform> {
    pages: SharedPages<P>,
    refs: Refs,
}

/// How much is kept back because peers still use it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quarantine {
    /// Allocations that wait for their peer to let go.
    pub waiting: usize,
    /// Allocations given up for good, because too many were waiting.
    pub lost: u32,
}

/// The grant table of this domain: shares pages with other domains and takes them back.
///
/// A domain has one; drivers hold it as `&GrantTable`. Sharing and reclaiming take no lock but where the table grows or a peer
/// misbehaves. The table starts with one frame and grows by one when it is full.
pub struct GrantTable<P: Platform> {
    platform: P,
    frames: [Once<Mapped<P>>; MAX_FRAMES],
    free: FreeRefs<WORDS>,
    max_frames: u32,
    /// The number of frames in place; locked while one is added.
    grown: Mutex<u32>,
    held: Mutex<Vec<Held<P>, QUARANTINE>>,
    lost: AtomicU32,
}

impl<P: Platform> GrantTable<P> {
    /// Sets up this domain's table, version 1. Do it once.
    ///
    /// # Errors
    ///
    /// [`GrantError::Size`] or [`GrantError::Grow`] as Xen refuses.
    pub fn new(platform: P) -> Result<Self, GrantError> {
        // A host that allows no choice refuses; version 1 is what it starts with then.
        let _ = ops::grant_table::set_version(&platform, 1);
        let size = ops::grant_table::query_size(&platform).map_err(GrantError::Size)?;
        let table = Self {
            platform,
            frames: [const { Once::new() }; MAX_FRAMES],
            free: FreeRefs::none(),
            max_frames: size.max_frames.min(MAX_FRAMES as u32),
            grown: Mutex::new(0),
            held: Mutex::new(Vec::new()),
            lost: AtomicU32::new(0),
        };
        table.grow()?;
        Ok(table)
    }

    /// Returns the platform.
    pub fn platform(&self) -> &P {
        &self.platform
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
        match self.grant_all(&pages, peer, A::FLAGS) {
            Ok(refs) => Ok(Shared::new(self, peer, pages.into_shared(), refs)),
            Err(error) => Err(ShareError { error, pages }),
        }
    }

    /// Tries again to end the access of peers that did not let go, and tells what is still kept back. Call it now and then.
    pub fn sweep_quarantine(&self) -> Quarantine {
        let mut held = self.held.lock();
        for index in (0..held.len()).rev() {
            let done = held.get_mut(index).is_some_and(|held| self.revoke_all(&mut held.refs).is_ok());
            if done {
                // No reference is left, so no peer can reach the pages: they are freed.
                drop(held.swap_remove(index).pages);
            }
        }
        Quarantine { waiting: held.len(), lost: self.lost.load(Ordering::Relaxed) }
    }

    /// Sets the table up again where the domain woke up after a suspend. Call it before anything is shared anew.
    ///
    /// The new host's table is empty: nobody has access to what was shared before. The [`Shared`] values of that time stay what they
    /// are: owners whose [`reclaim`](Shared::reclaim) does not fail any more. The quarantine is emptied: its peers are gone. After a
    /// suspend that was cancelled nothing has to be set up, and calling this changes nothing.
    ///
    /// # Errors
    ///
    /// [`GrantError::Grow`] if the new host does not let the table be as large as it was. Call it again, or share nothing any more.
    #[doc(alias = "gnttab_resume")]
    pub fn resume(&self) -> Result<(), GrantError> {
        // As in `new`.
        let _ = ops::grant_table::set_version(&self.platform, 1);
        let grown = self.grown.lock();
        for (index, frame) in (0..*grown).zip(self.frames.iter().filter_map(Once::get)) {
            // SAFETY: the frame was given up for this one of the table; it is where `start::grant_frame` put it.
            unsafe {
                ops::memory::add_to_physmap(
                    &self.platform,
                    XENMAPSPACE_GRANT_TABLE,
                    index.into(),
                    frame.first_gfn(),
                )
            }
            .map_err(|errno| GrantError::Grow(PlaceError::Xen(errno)))?;
        }
        drop(grown);
        self.sweep_quarantine();
        Ok(())
    }

    /// Returns how many references are free without growing the table.
    pub fn free(&self) -> u32 {
        self.free.count()
    }

    /// Takes all references before the first is made valid, so that a failure leaves nothing that a peer could have used.
    fn grant_all(&self, pages: &Pages<P>, peer: DomId, flags: GrantFlags) -> Result<Refs, GrantError> {
        let count = pages.count();
        if count > MAX_PAGES {
            return Err(GrantError::TooManyPages { found: count });
        }
        let frames: Vec<Gfn, MAX_PAGES> = (0..count).map_while(|index| pages.gfn(index)).collect();
        if let Some(&gfn) = frames.iter().find(|gfn| gfn.0 > u64::from(u32::MAX)) {
            return Err(GrantError::FrameTooHigh(gfn));
        }
        let refs = self.take_refs(count)?;
        for (&reference, gfn) in refs.iter().zip(frames) {
            if let Some(entry) = self.entry(reference) {
                entry.permit(gfn, peer, flags);
            }
        }
        Ok(refs)
    }

    fn take_refs(&self, count: usize) -> Result<Refs, GrantError> {
        let mut refs = Refs::new();
        while refs.len() < count {
            match self.take_ref() {
                // There is room: count is at most MAX_PAGES.
                Ok(reference) => drop(refs.push(reference)),
                Err(error) => {
                    refs.iter().for_each(|&reference| self.free.give(reference));
                    return Err(error);
                }
            }
        }
        Ok(refs)
    }

    fn take_ref(&self) -> Result<GrantRef, GrantError> {
        loop {
            if let Some(reference) = self.free.take() {
                return Ok(reference);
            }
            self.grow()?;
        }
    }

    /// Ends access to all of `refs` and gives them back to the free ones. Those that are in use stay in `refs`.
    fn revoke_all(&self, refs: &mut Refs) -> Result<(), InUse> {
        refs.retain(|&reference| {
            let revoked = self.entry(reference).is_some_and(Entry::revoke);
            if revoked {
                self.free.give(reference);
            }
            !revoked
        });
        refs.first().map_or(Ok(()), |&reference| Err(InUse { reference }))
    }

    pub(crate) fn take_back(&self, pages: SharedPages<P>, mut refs: Refs) -> Result<Pages<P>, InUse> {
        let Err(in_use) = self.revoke_all(&mut refs) else {
            // SAFETY: every reference to the pages has been revoked in one step with the check that nobody uses it.
            return Ok(unsafe { pages.into_private() });
        };
        if let Err(held) = self.held.lock().push(Held { pages, refs }) {
            // No room to wait for it. Memory that is never used again is the lesser evil than memory that a peer can write.
            core::mem::forget(held);
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        Err(in_use)
    }

    /// Adds a frame of entries.
    fn grow(&self) -> Result<(), GrantError> {
        let mut grown = self.grown.lock();
        if self.free.count() != 0 {
            // Another caller has grown the table meanwhile, or a reference came back.
            return Ok(());
        }
        let index = *grown;
        let slot = self.frames.get(index as usize).filter(|_| index < self.max_frames);
        let slot = slot.ok_or(GrantError::Exhausted { frames: index })?;
        let frame = start::grant_frame(self.platform.clone(), index).map_err(GrantError::Grow)?;
        slot.call_once(|| frame);
        *grown = index + 1;
        let first = index * ENTRIES;
        (first.max(GNTTAB_NR_RESERVED_ENTRIES)..first + ENTRIES)
            .for_each(|entry| self.free.give(GrantRef(entry)));
        Ok(())
    }

    fn entry(&self, reference: GrantRef) -> Option<Entry<'_>> {
        let frame = self.frames.get((reference.0 / ENTRIES) as usize)?.get()?;
        Some(Entry {
            frame: frame.as_ref(),
            offset: (reference.0 % ENTRIES) as usize * size_of::<GrantEntryV1>(),
        })
    }
}

impl<P: Platform> Drop for GrantTable<P> {
    fn drop(&mut self) {
        self.sweep_quarantine();
        // What peers still use outlives the table: its memory must not be used again.
        core::mem::take(&mut *self.held.lock()).into_iter().for_each(core::mem::forget);
    }
}

impl<P: Platform> fmt::Debug for GrantTable<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrantTable")
            .field("free", &self.free())
            .field("max_frames", &self.max_frames)
            .finish_non_exhaustive()
    }
}
