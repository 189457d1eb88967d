//! Resources of other domains, mapped.

use crate::boot::PlaceError;
use crate::ops::memory;
use crate::ops::memory_admin::{self, Resource};
use crate::{Errno, ForeignFrames, ForeignRange, Gfn, OutOfMemory, PAGE_SIZE, SharedMem};
use core::fmt;
use core::num::NonZeroUsize;

/// The most frames that are mapped as one.
pub const MAX_RESOURCE_FRAMES: usize = 64;

/// Frames of a resource of another domain, mapped side by side: of its grant table, of a server of
/// I/O requests, of a vCPU's trace.
///
/// Reachable as [`SharedMem`]: Xen, the domain, or a third one can write them at any time. Dropping
/// it unmaps them; a frame for which Xen refuses that is given up and never used again.
pub struct MappedResource<P: ForeignFrames> {
    range: ForeignRange,
    /// All frames are mapped; before, some may be.
    whole: bool,
    platform: P,
}

// SAFETY: the range has one owner, as a Box has, and is reachable only through atomics; the
// platform moves along and is itself Send.
unsafe impl<P: ForeignFrames + Send> Send for MappedResource<P> {}
// SAFETY: as above; all access through a shared reference is atomic.
unsafe impl<P: ForeignFrames + Sync> Sync for MappedResource<P> {}

impl<P: ForeignFrames> MappedResource<P> {
    /// Maps `count` frames of `resource`, [`MAX_RESOURCE_FRAMES`] at most, from the one with index
    /// `first` on; for dom0.
    ///
    /// # Errors
    ///
    /// [`PlaceError`]: no room, also for a count that is not allowed, or Xen's refusal as of [`memory_admin::acquire_resource`]. Nothing is
    /// mapped then.
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
        // From here on this value takes away again what there is.
        let mut this = Self { range, whole: false, platform };
        let mut frames = [Gfn(0); MAX_RESOURCE_FRAMES];
        frames.iter_mut().zip(this.frames()).for_each(|(place, gfn)| *place = gfn);
        let frames = frames.get_mut(..count).ok_or(no_room)?;
        // SAFETY: the frames were reserved for this, and are reachable through the accessor alone.
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
        // SAFETY: whole pages, all mapped until this is dropped; only this value leads to them.
        unsafe { SharedMem::from_raw(self.range.start, self.range.count.get() * PAGE_SIZE) }
    }
}

impl<P: ForeignFrames> Drop for MappedResource<P> {
    fn drop(&mut self) {
        let mut stuck = [false; MAX_RESOURCE_FRAMES];
        for (gfn, stuck) in self.frames().zip(&mut stuck) {
            // SAFETY: nobody refers to the memory, as the only value that leads there is being
            // dropped.
            let removed = unsafe { memory::remove_from_physmap(&self.platform, gfn) };
            *stuck = match removed {
                Ok(()) => false,
                // There is nothing at a frame that Xen did not come to.
                Err(errno) => self.whole || !matches!(errno, Errno::ENOENT | Errno::EINVAL),
            };
        }
        // SAFETY: the range came from one reservation, and nothing is mapped any more in the pages
        // that are released.
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
