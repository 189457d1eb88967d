//! Grants of memory that a value owns: the safe form of grants by frame.

use crate::{Access, FrameGrants, GrantError, GrantTable, InUse};
use core::fmt;
use core::mem::ManuallyDrop;
use xen_hypercall::{Claims, DomId, Gfn, GrantRef, Pages, Platform};

/// Memory of this domain that the value owns and that can be granted frame by frame: pages of a
/// page cache, of a DMA pool, or of the platform.
///
/// # Implementation safety
///
/// - [`frames`](Self::frames) and its clones yield the same frames each time, wherever the value is
///   moved: RAM of the domain that [`claims`](Self::claims) identifies.
/// - The frames are not freed or reused before the value is dropped; never, if it is forgotten.
/// - A peer may read and write all bytes of each frame while the value is granted: other code then
///   accesses none of them, except by [`SharedMem`](xen_hypercall::SharedMem). What must not be
///   disclosed to the peer is not in the frames.
pub unsafe trait OwnedFrames {
    /// Returns the claims of the domain that the memory belongs to.
    fn claims(&self) -> &Claims;

    /// Returns the frames, in the order of the data.
    fn frames(&self) -> impl Iterator<Item = Gfn> + Clone;
}

// SAFETY: the frames are those of the allocation, which the value owns and alone gives access to.
unsafe impl<P: Platform> OwnedFrames for Pages<P> {
    fn claims(&self) -> &Claims {
        self.platform().claims()
    }

    fn frames(&self) -> impl Iterator<Item = Gfn> + Clone {
        (0..self.count()).map_while(|index| self.gfn(index))
    }
}

/// Memory that a peer has access to, frame by frame, with its owner.
///
/// Dropping it ends the grants, and drops the owner unless the peer still uses a frame.
pub struct GrantedFrames<P: Platform, B: OwnedFrames> {
    /// Moved out by `end` alone, as is the buffer.
    grants: ManuallyDrop<FrameGrants<P>>,
    buffer: ManuallyDrop<B>,
}

impl<P: Platform> GrantTable<P> {
    /// Grants `peer` access to the frames of `buffer`, [`MAX_FRAMES`](crate::MAX_FRAMES) at most.
    ///
    /// # Errors
    ///
    /// [`GrantError::OtherDomain`] for memory of another domain, otherwise as
    /// [`grant_frames`](Self::grant_frames); with the buffer, which was not granted.
    pub fn grant_owned<A: Access, B: OwnedFrames>(
        &self,
        buffer: B,
        peer: DomId,
    ) -> Result<GrantedFrames<P, B>, (GrantError, B)> {
        if !buffer.claims().is_same_domain(self.platform().claims()) {
            return Err((GrantError::OtherDomain, buffer));
        }
        // A panic of the iterator leaks the buffer, which may be granted then.
        let buffer = ManuallyDrop::new(buffer);
        // SAFETY: RAM of this domain by the trait's contract. The buffer owns the frames; it is not
        // accessed, and neither dropped nor returned before the end of the grants was successful.
        match unsafe { self.grant_frames::<A>(buffer.frames(), peer) } {
            Ok(grants) => Ok(GrantedFrames { grants: ManuallyDrop::new(grants), buffer }),
            Err(error) => Err((error, ManuallyDrop::into_inner(buffer))),
        }
    }
}

impl<P: Platform, B: OwnedFrames> GrantedFrames<P, B> {
    /// Returns the references, one for each frame, in the order of the frames.
    #[inline]
    pub fn refs(&self) -> impl Iterator<Item = GrantRef> + Clone + use<P, B> {
        self.grants.refs()
    }

    /// Ends the peer's access and returns the buffer.
    ///
    /// # Errors
    ///
    /// [`InUse`] if the peer still uses a frame: the buffer is leaked, because its memory must not
    /// be reused, and the reference is deferred.
    #[inline]
    pub fn end_access(self) -> Result<B, InUse> {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: the value is not used or dropped again.
        unsafe { this.end() }
    }

    /// Ends the grants and moves the buffer out; leaks it if the peer still uses a frame.
    ///
    /// # Safety
    ///
    /// The value is not used afterwards.
    #[inline(always)]
    unsafe fn end(&mut self) -> Result<B, InUse> {
        // SAFETY: by the caller's contract the grants are moved out once.
        unsafe { ManuallyDrop::take(&mut self.grants) }.end_access()?;
        // SAFETY: as above; the peer has no access any more.
        Ok(unsafe { ManuallyDrop::take(&mut self.buffer) })
    }
}

impl<P: Platform, B: OwnedFrames> Drop for GrantedFrames<P, B> {
    fn drop(&mut self) {
        // SAFETY: the value is being dropped.
        drop(unsafe { self.end() });
    }
}

impl<P: Platform, B: OwnedFrames> fmt::Debug for GrantedFrames<P, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrantedFrames").field("grants", &*self.grants).finish_non_exhaustive()
    }
}
