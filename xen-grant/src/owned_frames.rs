//! Grants of memory that a value owns: the safe form of grants by frame.

use crate::{Access, FrameGrants, GrantError, GrantTable, InUse};
use core::fmt;
use core::mem::ManuallyDrop;
use xen_hypercall::{Claims, DomId, Gfn, GrantRef, Pages, Platform, SharedPages};

/// Memory of this domain that the value owns and that can be granted frame by frame: pages of a
/// page cache, of a DMA pool, or of the platform.
///
/// # Implementation safety
///
/// - [`frames`](Self::frames) and its clones yield the same frames each time, wherever the value is
///   moved: RAM of the domain that [`claims`](Self::claims) identifies.
/// - The frames are not freed or reused before the value is dropped; never, if it is forgotten.
///   [`into_deferred`](Self::into_deferred) does not free or reuse them either: the pages that it
///   returns are those of the value.
/// - A peer may read and write all bytes of each frame while the value is granted: other code then
///   accesses none of them, except by [`SharedMem`](xen_hypercall::SharedMem). What must not be
///   disclosed to the peer is not in the frames.
pub unsafe trait OwnedFrames: Sized {
    /// The platform of the domain.
    type Platform: Platform;

    /// Returns the claims of the domain that the memory belongs to.
    fn claims(&self) -> &Claims;

    /// Returns the frames, in the order of the data.
    fn frames(&self) -> impl Iterator<Item = Gfn> + Clone;

    /// Converts a value whose frames a peer still uses into pages, which the grant table frees when
    /// the peer has released them. With `None` the memory is leaked.
    fn into_deferred(self) -> Option<SharedPages<Self::Platform>> {
        core::mem::forget(self);
        None
    }
}

// SAFETY: the frames are those of the allocation, which the value owns and alone gives access to.
unsafe impl<P: Platform> OwnedFrames for Pages<P> {
    type Platform = P;

    fn claims(&self) -> &Claims {
        self.platform().claims()
    }

    fn frames(&self) -> impl Iterator<Item = Gfn> + Clone {
        (0..self.count()).map_while(|index| self.gfn(index))
    }

    fn into_deferred(self) -> Option<SharedPages<P>> {
        Some(self.into_shared())
    }
}

/// Memory that a peer has access to, frame by frame, with its owner.
///
/// Dropping it ends the grants, and drops the owner. If the peer still uses a frame, the memory is
/// deferred or leaked ([`OwnedFrames::into_deferred`]).
pub struct GrantedFrames<P: Platform, B: OwnedFrames<Platform = P>> {
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
    pub fn grant_owned<A: Access, B: OwnedFrames<Platform = P>>(
        &self,
        buffer: B,
        peer: DomId,
    ) -> Result<GrantedFrames<P, B>, (GrantError, B)> {
        // SAFETY: RAM of this domain by the trait's contract, whose owner `grant_buffer` keeps.
        self.grant_buffer(buffer, |buffer| unsafe { self.grant_frames::<A>(buffer.frames(), peer) })
    }

    /// Grants `peer` access to the first `count` frames of `buffer`,
    /// [`MAX_FRAMES`](crate::MAX_FRAMES) at most. The peer has no access to the others.
    ///
    /// # Errors
    ///
    /// [`GrantError::TooFewFrames`], otherwise as [`grant_owned`](Self::grant_owned).
    pub fn grant_owned_prefix<A: Access, B: OwnedFrames<Platform = P>>(
        &self,
        buffer: B,
        count: usize,
        peer: DomId,
    ) -> Result<GrantedFrames<P, B>, (GrantError, B)> {
        // SAFETY: RAM of this domain by the trait's contract, whose owner `grant_buffer` keeps.
        self.grant_buffer(buffer, |buffer| unsafe {
            self.grant_first_frames::<A>(buffer.frames(), count, peer)
        })
    }

    /// Keeps a buffer of this domain whose frames `grant` grants: it is not accessed, and neither
    /// dropped nor returned before the end of the grants was successful.
    #[inline(always)]
    fn grant_buffer<B: OwnedFrames<Platform = P>>(
        &self,
        buffer: B,
        grant: impl FnOnce(&B) -> Result<FrameGrants<P>, GrantError>,
    ) -> Result<GrantedFrames<P, B>, (GrantError, B)> {
        if !buffer.claims().is_same_domain(self.platform().claims()) {
            return Err((GrantError::OtherDomain, buffer));
        }
        // A panic of the iterator leaks the buffer, which may be granted then.
        let buffer = ManuallyDrop::new(buffer);
        match grant(&buffer) {
            Ok(grants) => Ok(GrantedFrames { grants: ManuallyDrop::new(grants), buffer }),
            Err(error) => Err((error, ManuallyDrop::into_inner(buffer))),
        }
    }
}

impl<P: Platform, B: OwnedFrames<Platform = P>> GrantedFrames<P, B> {
    /// Returns the references, one for each granted frame, in the order of the frames.
    #[inline(always)]
    pub fn refs(&self) -> impl Iterator<Item = GrantRef> + Clone + use<P, B> {
        self.grants.refs()
    }

    /// Ends the peer's access and returns the buffer.
    ///
    /// # Errors
    ///
    /// [`InUse`] if the peer still uses a frame: the reference is deferred, with the memory of the
    /// buffer or without ([`OwnedFrames::into_deferred`]).
    #[inline]
    pub fn end_access(self) -> Result<B, InUse> {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: the value is not used or dropped again.
        unsafe { this.end() }
    }

    /// Ends the grants and moves the buffer out; defers it if the peer still uses a frame.
    ///
    /// # Safety
    ///
    /// The value is not used afterwards.
    #[inline(always)]
    unsafe fn end(&mut self) -> Result<B, InUse> {
        // SAFETY: by the caller's contract both are moved out once.
        let (grants, buffer) =
            unsafe { (ManuallyDrop::take(&mut self.grants), ManuallyDrop::take(&mut self.buffer)) };
        // A panic leaks the buffer, which may be granted then.
        let mut buffer = ManuallyDrop::new(buffer);
        // SAFETY: the closure is called once, and the buffer is not used after an error.
        grants.end_with(|| unsafe { ManuallyDrop::take(&mut buffer) }.into_deferred())?;
        // The peer has no access any more.
        Ok(ManuallyDrop::into_inner(buffer))
    }
}

impl<P: Platform, B: OwnedFrames<Platform = P>> Drop for GrantedFrames<P, B> {
    fn drop(&mut self) {
        // SAFETY: the value is being dropped.
        drop(unsafe { self.end() });
    }
}

impl<P: Platform, B: OwnedFrames<Platform = P>> fmt::Debug for GrantedFrames<P, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrantedFrames").field("grants", &*self.grants).finish_non_exhaustive()
    }
}
