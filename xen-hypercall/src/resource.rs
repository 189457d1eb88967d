//! Mapped resources and pages of other domains.

use crate::boot::PlaceError;
use crate::ops::memory;
use crate::ops::memory_admin::{self, Resource};
use crate::{DomId, Errno, ForeignFrames, ForeignRange, Gfn, OutOfMemory, PAGE_SIZE, SharedMem};
use core::fmt;
use core::num::NonZeroUsize;
use xen_sys::memory::XENMAPSPACE_GMFN_FOREIGN;

/// Maximum number of frames of one mapping.
pub const MAX_RESOURCE_FRAMES: usize = 64;

/// Frames of a resource of another domain, mapped contiguously: of its grant table, of a server of
/// I/O requests, of a vCPU's trace; or pages of its memory.
///
/// The memory is accessed as [`SharedMem`]: Xen, the domain, or a third one can write it at any
/// time. A drop unmaps the frames. A frame that Xen refuses to unmap is lost and never reused.
pub struct MappedResource<P: ForeignFrames> {
    range: ForeignRange,
    /// All frames are mapped; otherwise some may be.
    whole: bool,
    platform: P,
}

// SAFETY: the range has one owner, as in a `Box`, and is accessed only by atomics; the platform
// moves along and is itself Send.
unsafe impl<P: ForeignFrames + Send> Send for MappedResource<P> {}
// SAFETY: as above; all access through a shared reference is atomic.
unsafe impl<P: ForeignFrames + Sync> Sync for MappedResource<P> {}

impl<P: ForeignFrames> MappedResource<P> {
    /// Maps `count` frames of `resource`, at most [`MAX_RESOURCE_FRAMES`], from index `first` on;
    /// for dom0.
    ///
    /// # Errors
    ///
    /// [`PlaceError`]: no room, also for an invalid count, or Xen's error as of
    /// [`memory_admin::acquire_resource`]. Nothing is mapped then.
    #[doc(alias = "XENMEM_acquire_resource")]
    pub fn map(
        platform: P,
        resource: Resource,
        first: u64,
        count: usize,
    ) -> Result<Self, PlaceError> {
        let no_room = PlaceError::Memory(OutOfMemory { pages: count });
        let pages = NonZeroUsize::new(count).filter(|pages| pages.get() <= MAX_RESOURCE_FRAMES);
        let range = platform.reserve_frames(pages.ok_or(no_room)?).ok_or(no_room)?;
        // From here on, a drop of this value unmaps the frames.
        let mut this = Self { range, whole: false, platform };
        let mut frames = [Gfn(0); MAX_RESOURCE_FRAMES];
        frames.iter_mut().zip(this.frames()).for_each(|(place, gfn)| *place = gfn);
        let frames = frames.get_mut(..count).ok_or(no_room)?;
        // SAFETY: the frames were reserved for this, and are accessed through the accessor alone.
        let placed =
            unsafe { memory_admin::acquire_resource(&this.platform, resource, first, frames) };
        placed.map_err(PlaceError::Xen)?;
        this.whole = true;
        Ok(this)
    }

    /// Maps the pages of `domain` at its frames `pages`, at most [`MAX_RESOURCE_FRAMES`], without a
    /// grant; for dom0. A mapped page stays the domain's.
    ///
    /// # Errors
    ///
    /// [`PlaceError`]: no room, also for an invalid count; Xen's error, `ESRCH` for no domain and
    /// `EINVAL` for a frame without a page. Nothing is mapped then.
    #[doc(alias = "XENMAPSPACE_gmfn_foreign")]
    pub fn map_pages(platform: P, domain: DomId, pages: &[Gfn]) -> Result<Self, PlaceError> {
        let count = pages.len();
        let no_room = PlaceError::Memory(OutOfMemory { pages: count });
        let valid = NonZeroUsize::new(count).filter(|count| count.get() <= MAX_RESOURCE_FRAMES);
        let range = platform.reserve_frames(valid.ok_or(no_room)?).ok_or(no_room)?;
        // From here on, a drop of this value unmaps the frames.
        let mut this = Self { range, whole: false, platform };
        let (mut indices, mut frames) = ([0; MAX_RESOURCE_FRAMES], [Gfn(0); MAX_RESOURCE_FRAMES]);
        let mut errors = [0; MAX_RESOURCE_FRAMES];
        indices.iter_mut().zip(pages).for_each(|(index, page)| *index = page.0);
        frames.iter_mut().zip(this.frames()).for_each(|(place, gfn)| *place = gfn);
        let lists = (indices.get(..count), frames.get(..count), errors.get_mut(..count));
        let (Some(indices), Some(frames), Some(errors)) = lists else { return Err(no_room) };
        let (xen, space) = (&this.platform, XENMAPSPACE_GMFN_FOREIGN);
        // SAFETY: the frames were reserved for this, and are accessed through the accessor alone.
        unsafe { memory::add_to_physmap_batch(xen, space, domain.0, indices, frames, errors) }
            .map_err(PlaceError::Xen)?;
        match errors.iter().find(|error| **error != 0) {
            Some(error) => Err(PlaceError::Xen(Errno(error.wrapping_neg()))),
            None => {
                this.whole = true;
                Ok(this)
            }
        }
    }

    fn frames(&self) -> impl Iterator<Item = Gfn> + use<P> {
        let first = self.range.first.0;
        (first..).take(self.range.count.get()).map(Gfn)
    }
}

impl<P: ForeignFrames> AsRef<SharedMem> for MappedResource<P> {
    fn as_ref(&self) -> &SharedMem {
        // SAFETY: whole pages, all mapped until this is dropped, accessed through this value alone.
        unsafe { SharedMem::from_raw(self.range.start, self.range.count.get() * PAGE_SIZE) }
    }
}

impl<P: ForeignFrames> Drop for MappedResource<P> {
    fn drop(&mut self) {
        let mut stuck = [false; MAX_RESOURCE_FRAMES];
        for (gfn, stuck) in self.frames().zip(&mut stuck) {
            // SAFETY: the memory has no other user, since the only value that refers to it is being
            // dropped.
            let removed = unsafe { memory::remove_from_physmap(&self.platform, gfn) };
            *stuck = match removed {
                Ok(()) => false,
                // Xen has mapped nothing at a frame that it did not process.
                Err(errno) => self.whole || !matches!(errno, Errno::ENOENT | Errno::EINVAL),
            };
        }
        // SAFETY: the range came from one reservation, and nothing is mapped in the pages that are
        // released.
        unsafe {
            self.range
                .release_but(&self.platform, |page| stuck.get(page).is_none_or(|&stuck| stuck));
        }
    }
}

impl<P: ForeignFrames> fmt::Debug for MappedResource<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MappedResource").field("range", &self.range).finish_non_exhaustive()
    }
}
