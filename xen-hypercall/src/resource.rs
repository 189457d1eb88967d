//! Mapped resources of other domains.

use crate::boot::PlaceError;
use crate::ops::memory;
use crate::ops::memory_admin::{self, Resource};
use crate::{Errno, ForeignFrames, ForeignRange, Gfn, OutOfMemory, PAGE_SIZE, SharedMem};
use core::fmt;
use core::num::NonZeroUsize;

/// Maximum number of frames of one mapping.
pub const MAX_RESOURCE_FRAMES: usize = 64;

/// Frames of a resource of another domain, mapped contiguously: of its grant table, of a server of
/// I/O requests, of a vCPU's trace.
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
