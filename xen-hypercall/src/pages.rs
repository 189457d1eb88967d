//! Owned memory.

use crate::ops::memory;
use crate::{Claim, Errno, Gfn, PAGE_SIZE, Platform, SharedMem, Singleton, StableSharedMem};
use core::fmt;
use core::mem::ManuallyDrop;
use core::num::NonZeroUsize;
use core::ptr::NonNull;
use thiserror::Error;

/// Error of an allocation: the platform has no pages left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("out of memory: {pages} contiguous page(s) requested, the platform has none")]
pub struct OutOfMemory {
    /// Number of contiguous pages that were requested.
    pub pages: usize,
}

/// Private pages of this domain: zeroed when allocated, freed when dropped, without another user.
pub struct Pages<P: Platform> {
    start: NonNull<u8>,
    count: NonZeroUsize,
    platform: P,
}

// SAFETY: the pages have one owner, as in a `Box`; the platform moves along and is itself Send.
unsafe impl<P: Platform + Send> Send for Pages<P> {}
// SAFETY: a shared reference gives shared references to plain bytes, and to a platform that is
// Sync.
unsafe impl<P: Platform + Sync> Sync for Pages<P> {}

impl<P: Platform> Pages<P> {
    /// Allocates `count` contiguous pages of zeroes.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] if the platform has no pages, or if `count` is zero.
    pub fn alloc(platform: P, count: usize) -> Result<Self, OutOfMemory> {
        let nonzero = NonZeroUsize::new(count).ok_or(OutOfMemory { pages: count })?;
        let start = platform.alloc_pages(nonzero).ok_or(OutOfMemory { pages: count })?;
        Ok(Self { start, count: nonzero, platform })
    }

    /// Returns the number of pages.
    pub fn count(&self) -> usize {
        self.count.get()
    }

    /// Returns the platform of the pages.
    pub fn platform(&self) -> &P {
        &self.platform
    }

    /// Returns the frame behind page `index`; `None` past the end.
    pub fn gfn(&self, index: usize) -> Option<Gfn> {
        gfn(&self.platform, self.start, self.count, index)
    }

    /// Returns the bytes of all pages.
    pub fn as_slice(&self) -> &[u8] {
        // SAFETY: `alloc_pages` returned this many initialised bytes to this value alone; the
        // borrow of self keeps them.
        unsafe { core::slice::from_raw_parts(self.start.as_ptr(), self.count.get() * PAGE_SIZE) }
    }

    /// Returns the bytes of all pages, for writing.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        // SAFETY: as in `as_slice`, and the unique borrow of self makes this the only reference.
        unsafe {
            core::slice::from_raw_parts_mut(self.start.as_ptr(), self.count.get() * PAGE_SIZE)
        }
    }

    /// Converts the pages into memory that another domain may access. The content stays.
    pub fn into_shared(self) -> SharedPages<P> {
        SharedPages { pages: self }
    }

    /// Releases ownership without freeing the pages.
    pub fn into_raw(self) -> NonNull<u8> {
        let mut this = ManuallyDrop::new(self);
        // The platform may be a handle that counts its users.
        // SAFETY: the value is never used or dropped again, so its platform is dropped once.
        unsafe { core::ptr::drop_in_place(&mut this.platform) };
        this.start
    }
}

impl<P: Platform> Drop for Pages<P> {
    fn drop(&mut self) {
        // SAFETY: start and count are those of one allocation, which this value alone owned.
        unsafe { self.platform.free_pages(self.start, self.count) }
    }
}

impl<P: Platform> fmt::Debug for Pages<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages")
            .field("start", &self.start)
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}

fn gfn<P: Platform>(
    platform: &P,
    start: NonNull<u8>,
    count: NonZeroUsize,
    index: usize,
) -> Option<Gfn> {
    // SAFETY: index is below count, so the address lies within the allocation.
    (index < count.get()).then(|| platform.virt_to_gfn(unsafe { start.add(index * PAGE_SIZE) }))
}

/// Pages that another domain may read or write, accessed only through [`SharedMem`].
///
/// A drop frees the pages. A driver that gives a peer access must own the value until that access
/// has ended (`xen-grant` does).
pub struct SharedPages<P: Platform> {
    pages: Pages<P>,
}

impl<P: Platform> SharedPages<P> {
    /// Returns the number of pages.
    pub fn count(&self) -> usize {
        self.pages.count()
    }

    /// Returns the frame behind page `index`; `None` past the end.
    pub fn gfn(&self, index: usize) -> Option<Gfn> {
        self.pages.gfn(index)
    }

    /// Returns the platform of the pages.
    pub fn platform(&self) -> &P {
        self.pages.platform()
    }

    /// Returns the bytes of all pages, for writing.
    ///
    /// # Safety
    ///
    /// No other domain may have write access to the pages.
    pub unsafe fn as_mut_slice(&mut self) -> &mut [u8] {
        self.pages.as_mut_slice()
    }

    /// Converts the memory back into private pages.
    ///
    /// # Safety
    ///
    /// No other domain may have access to the pages.
    pub unsafe fn into_private(self) -> Pages<P> {
        self.pages
    }
}

impl<P: Platform> AsRef<SharedMem> for SharedPages<P> {
    fn as_ref(&self) -> &SharedMem {
        // SAFETY: the pages are owned by self, whole and aligned. No plain reference to them can
        // exist, since only `Pages` returns those and this value owns it.
        unsafe { SharedMem::from_raw(self.pages.start, self.pages.count.get() * PAGE_SIZE) }
    }
}

// SAFETY: start and count never change.
unsafe impl<P: Platform> StableSharedMem for SharedPages<P> {}

impl<P: Platform> fmt::Debug for SharedPages<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SharedPages").field(&self.pages.start).field(&self.pages.count).finish()
    }
}

/// Frame for a page of Xen's: one without RAM, or a page of RAM that the page replaces.
///
/// A drop frees a page of RAM, unless Xen has refused the placement: Xen may have freed the RAM
/// before, so the page must not be used for anything else. The placement can be repeated.
pub struct Place<P: Platform> {
    start: NonNull<u8>,
    first: Gfn,
    /// The frame has RAM, which Xen has not freed.
    has_ram: bool,
    /// The frame never had RAM.
    is_unpopulated: bool,
    platform: P,
}

// SAFETY: the page has one owner and is not accessed; the platform moves along and is itself Send.
unsafe impl<P: Platform + Send> Send for Place<P> {}
// SAFETY: a shared reference gives a frame number, and a platform that is Sync.
unsafe impl<P: Platform + Sync> Sync for Place<P> {}

impl<P: Platform> Place<P> {
    /// Reserves a frame of [`Platform::reserve_xen_frame`], or allocates a page.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] if the platform has no pages.
    pub fn alloc(platform: P) -> Result<Self, OutOfMemory> {
        if let Some((start, first)) = platform.reserve_xen_frame() {
            return Ok(Self { start, first, has_ram: false, is_unpopulated: true, platform });
        }
        let pages = Pages::alloc(platform, 1)?;
        let platform = pages.platform().clone();
        let start = pages.into_raw();
        let first = platform.virt_to_gfn(start);
        Ok(Self { start, first, has_ram: true, is_unpopulated: false, platform })
    }

    /// Calls `put` to place a page of Xen's at the frame, or returns the place for another call.
    pub(crate) fn fill(
        mut self,
        claim: Option<Claim<P>>,
        put: impl FnOnce(&P, Gfn) -> Result<(), Errno>,
    ) -> Result<Mapped<P>, (Errno, Self)> {
        self.has_ram = false;
        match put(&self.platform, self.first) {
            Ok(()) => {
                let (start, first, platform) = (self.start, self.first, self.platform.clone());
                let count = NonZeroUsize::MIN;
                Ok(Mapped { start, count, first, platform, claim, is_removed: self.is_unpopulated })
            }
            Err(errno) => Err((errno, self)),
        }
    }
}

impl<P: Platform> Drop for Place<P> {
    fn drop(&mut self) {
        if self.has_ram {
            // SAFETY: one allocation of one page, which this value alone owned: Xen has not
            // received it.
            unsafe { self.platform.free_pages(self.start, NonZeroUsize::MIN) }
        }
    }
}

impl<P: Platform> fmt::Debug for Place<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place")
            .field("gfn", &self.first)
            .field("has_ram", &self.has_ram)
            .finish_non_exhaustive()
    }
}

/// Frames of Xen that are mapped permanently: the xenstore ring, the console ring, shared info.
pub struct Mapped<P: Platform> {
    start: NonNull<u8>,
    count: NonZeroUsize,
    first: Gfn,
    platform: P,
    /// Claim that is kept as long as the memory is accessed.
    claim: Option<Claim<P>>,
    /// A drop removes the page from the frame, which has no RAM, so that Xen can place it again:
    /// on Arm it refuses a second place.
    is_removed: bool,
}

// SAFETY: the address is valid permanently and accessed only by atomics; the platform is Send.
unsafe impl<P: Platform + Send> Send for Mapped<P> {}
// SAFETY: as above; all access through a shared reference is atomic.
unsafe impl<P: Platform + Sync> Sync for Mapped<P> {}

impl<P: Platform> Mapped<P> {
    /// Maps `count` frames from `first`.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] if the platform has no room for the mapping, or if `count` is zero.
    ///
    /// # Safety
    ///
    /// That of [`Platform::map_frames`]. No plain reference to the memory may exist, now or later.
    pub unsafe fn map(platform: P, first: Gfn, count: usize) -> Result<Self, OutOfMemory> {
        let nonzero = NonZeroUsize::new(count).ok_or(OutOfMemory { pages: count })?;
        // SAFETY: the caller ensures that the frames are valid.
        let start =
            unsafe { platform.map_frames(first, nonzero) }.ok_or(OutOfMemory { pages: count })?;
        Ok(Self { start, count: nonzero, first, platform, claim: None, is_removed: false })
    }

    /// Returns whether this is the page of resource `what`.
    pub(crate) fn is_of(&self, what: Singleton) -> bool {
        self.claim.as_ref().is_some_and(|claim| claim.resource() == what)
    }

    /// Returns the first frame.
    pub fn first_gfn(&self) -> Gfn {
        self.first
    }

    /// Keeps the page in place when the value is dropped, and returns whether the drop would have
    /// removed it: the frame is one of [`Platform::reserve_xen_frame`].
    pub fn into_permanent(mut self) -> bool {
        core::mem::replace(&mut self.is_removed, false)
    }

    /// Returns the platform that mapped the frames.
    pub fn platform(&self) -> &P {
        &self.platform
    }
}

impl<P: Platform> Drop for Mapped<P> {
    fn drop(&mut self) {
        if self.is_removed {
            // SAFETY: the frame was reserved for the page, and this value is the only accessor.
            // If Xen refuses, the page stays, and cannot be placed again.
            let _ = unsafe { memory::remove_from_physmap(&self.platform, self.first) };
        }
    }
}

impl<P: Platform> AsRef<SharedMem> for Mapped<P> {
    fn as_ref(&self) -> &SharedMem {
        // SAFETY: `map_frames` made the range valid permanently; the caller of `map` ensures that
        // no plain reference exists.
        unsafe { SharedMem::from_raw(self.start, self.count.get() * PAGE_SIZE) }
    }
}

// SAFETY: as above.
unsafe impl<P: Platform> StableSharedMem for Mapped<P> {}

impl<P: Platform> fmt::Debug for Mapped<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapped")
            .field("first", &self.first)
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}
