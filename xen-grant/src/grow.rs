//! Places of the table's frames: at the start, when it grows, and after a suspend.

use crate::refs::{GROUP, Places};
use crate::{GrantError, GrantTable, Version};
use core::ptr::NonNull;
use xen_hypercall::boot::PlaceError;
use xen_hypercall::{Errno, GrantRef, Mapped, PAGE_SIZE, Place, Platform, boot, ops};
use xen_sys::grant_table::{GNTTAB_NR_RESERVED_ENTRIES, GrantEntryStatus};
use xen_sys::memory::{XENMAPIDX_GRANT_TABLE_STATUS, XENMAPSPACE_GRANT_TABLE};

/// Frames of version 2 entries whose states are in one frame.
pub(crate) const FRAMES_PER_STATES: u32 =
    (PAGE_SIZE / size_of::<GrantEntryStatus>() / Version::V2.per_frame()) as u32;

/// Frames of the table that are in place, but not in use yet.
pub(crate) struct Placed<P: Platform> {
    entries: Option<Mapped<P>>,
    states: Option<Mapped<P>>,
    /// A page of RAM that Xen refused to use: for the next try, since it must not be freed.
    refused: Option<Place<P>>,
}

impl<P: Platform> GrantTable<P> {
    /// Sets the table up again after a suspend. Call it before any new grant.
    ///
    /// The new host's table is empty: no peer has access to memory that was granted before.
    /// The old [`Granted`](crate::Granted) values remain owners of their pages and references;
    /// [`end_access`](crate::Granted::end_access) does not fail any more. The deferred list is
    /// emptied: its peers are gone. After a suspend that was cancelled this changes nothing.
    ///
    /// # Errors
    ///
    /// [`GrantError::Version`] if the new host does not allow the version, [`GrantError::Grow`] if
    /// it does not allow as large a table. Call it again, or make no more grants.
    #[doc(alias = "gnttab_resume")]
    pub fn resume(&self) -> Result<(), GrantError> {
        let (found, needed) = (Version::choose(self.platform(), self.version()), self.version());
        if found != needed {
            return Err(GrantError::Version { found, needed });
        }
        let mut placed = self.inner.placed.lock();
        // Frames that were not in use yet have moved away with the old table.
        *placed = Placed::nothing();
        for index in 0..self.inner.frames.count() {
            let Some(places) = self.inner.frames.places(index) else { continue };
            self.place_again(index.into(), places.entries())?;
            if let Some(states) = places.states().filter(|_| index % FRAMES_PER_STATES == 0) {
                let number = u64::from(index / FRAMES_PER_STATES);
                self.place_again(number | XENMAPIDX_GRANT_TABLE_STATUS, states)?;
            }
        }
        drop(placed);
        if self.is_of_new_domain() {
            self.platform().claims().begin_epoch();
        }
        self.retry_deferred();
        Ok(())
    }

    /// Returns whether none of the entries in use is valid, as in the empty table of a new domain.
    /// A table with nothing in use gives no answer: `false`.
    fn is_of_new_domain(&self) -> bool {
        let frames = &self.inner.frames;
        let end = frames.count() * self.version().per_frame() as u32;
        let groups = (0..end).step_by(GROUP).filter_map(|first| frames.group_of(GrantRef(first)));
        let mut used = groups.flat_map(|group| {
            let refs = (0..GROUP as u32).map(|bit| GrantRef(group.first().0 + bit));
            refs.filter(|&reference| reference.0 >= GNTTAB_NR_RESERVED_ENTRIES)
                .filter(|&reference| !group.is_free(reference))
                .map(|reference| group.entry(reference).is_free())
        });
        used.next().is_some_and(|first| first && used.all(|gone| gone))
    }

    /// Puts a frame of the table to its place of before a suspend.
    fn place_again(&self, index: u64, page: NonNull<u8>) -> Result<(), GrantError> {
        let gfn = self.platform().virt_to_gfn(page);
        // SAFETY: the page was replaced by this frame of the table when that was first placed.
        unsafe { ops::memory::add_to_physmap(self.platform(), XENMAPSPACE_GRANT_TABLE, index, gfn) }
            .map_err(|errno| GrantError::Grow(PlaceError::Xen(errno)))
    }

    /// Adds a frame of entries. The caller has `placed` locked until their references are free.
    pub(crate) fn grow(&self, placed: &mut Placed<P>) -> Result<(), GrantError> {
        let index = self.inner.frames.count();
        if index >= self.inner.max_frames {
            return Err(GrantError::Exhausted { frames: index });
        }
        let block = self.inner.frames.places(index - index % FRAMES_PER_STATES);
        let states = block.and_then(Places::states);
        let places = placed.place(self.platform(), self.version(), index, states)?;
        self.inner.frames.add(places).map_err(GrantError::Memory)?;
        placed.keep();
        self.free_frame(index);
        Ok(())
    }

    /// Adds the references of frame `index` to the free ones.
    pub(crate) fn free_frame(&self, index: u32) {
        let per_frame = self.version().per_frame() as u32;
        let groups = (index * per_frame..(index + 1) * per_frame).step_by(GROUP);
        for group in groups.filter_map(|first| self.inner.frames.group_of(GrantRef(first))) {
            let first = group.first().0;
            // An entry that an earlier kernel of this domain left in use is not changed.
            let is_free = |&bit: &u32| {
                first + bit >= GNTTAB_NR_RESERVED_ENTRIES
                    && group.entry(GrantRef(first + bit)).is_free()
            };
            let free = (0..GROUP as u32).filter(is_free).fold(0, |mask, bit| mask | 1 << bit);
            group.give_mask(free);
        }
    }
}

impl<P: Platform> Placed<P> {
    pub(crate) fn nothing() -> Self {
        Self { entries: None, states: None, refused: None }
    }

    /// Leaves the frames in place, in use, and returns whether a later removal is possible.
    pub(crate) fn keep(&mut self) -> bool {
        let frames = [self.entries.take(), self.states.take()];
        frames.into_iter().flatten().fold(false, |any, mapped| any | mapped.into_permanent())
    }

    /// Puts frame `index` of the entries in place and, in version 2, that of their states unless it
    /// is known, as far as an earlier try did not come.
    pub(crate) fn place(
        &mut self,
        platform: &P,
        version: Version,
        index: u32,
        states: Option<NonNull<u8>>,
    ) -> Result<Places, GrantError> {
        let at = |mapped: &Mapped<P>| NonNull::from(mapped.as_ref()).cast();
        let entries = match &self.entries {
            Some(mapped) => at(mapped),
            None => {
                // SAFETY: the table holds the claim and places each frame once; entries are written
                // by this crate alone.
                let mapped =
                    self.put(platform, |place| unsafe { boot::grant_frame(place, index) })?;
                at(self.entries.insert(mapped))
            }
        };
        let states = match (version, states, &self.states) {
            (Version::V1, ..) => None,
            (Version::V2, Some(states), _) => Some(states),
            (Version::V2, None, Some(mapped)) => Some(at(mapped)),
            (Version::V2, None, None) => {
                let index = index / FRAMES_PER_STATES;
                // SAFETY: as above; states are never written.
                let mapped =
                    self.put(platform, |place| unsafe { boot::grant_status_frame(place, index) })?;
                Some(at(self.states.insert(mapped)))
            }
        };
        // SAFETY: Xen has put frames of the table there, for good; `Mapped` vouches for how the
        // frames are reached.
        Ok(unsafe { Places::new(entries, states) })
    }

    /// Puts a frame of Xen's at a page of RAM: the one that was refused last time, or a new one.
    fn put(
        &mut self,
        platform: &P,
        put: impl FnOnce(Place<P>) -> Result<Mapped<P>, (Errno, Place<P>)>,
    ) -> Result<Mapped<P>, GrantError> {
        let grow = |error| GrantError::Grow(PlaceError::Memory(error));
        let place =
            self.refused.take().map_or_else(|| Place::alloc(platform.clone()), Ok).map_err(grow)?;
        put(place).map_err(|(errno, place)| {
            self.refused = Some(place);
            GrantError::Grow(PlaceError::Xen(errno))
        })
    }
}
