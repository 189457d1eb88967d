//! Buffers that stay granted to the peer of a connection.

use crate::{FrameGrants, GrantError, GrantTable, MAX_FRAMES, OwnedFrames, ReadWrite};
use core::fmt;
use core::mem::{ManuallyDrop, replace};
use xen_hypercall::{
    Claims, DomId, Gfn, GrantRef, OutOfMemory, Pages, Platform, SharedMem, SharedPages,
};

/// Contiguous pages that a driver grants to its peer at the first request with them, and that stay
/// granted: later requests need no grant operation, and a peer with support for persistent grants
/// maps each page once.
///
/// The peer can read and write all bytes from the first request on, so the memory is accessed by
/// copies through [`SharedMem`], and holds nothing that must not be disclosed to the peer.
///
/// A drop ends the grants. Pages that the peer still maps are deferred: with persistent grants
/// until the end of the connection. A driver therefore reuses its buffers.
pub struct DmaBuffer<P: Platform> {
    /// Moved out by `drop` alone.
    pages: ManuallyDrop<SharedPages<P>>,
    granted: Option<PeerGrants<P>>,
}

/// The grants of all pages to the peer of a connection.
struct PeerGrants<P: Platform> {
    grants: FrameGrants<P>,
    connection: u32,
}

impl<P: Platform> PeerGrants<P> {
    /// Ends the grants of `pages`, and frees or defers these.
    fn end(self, pages: SharedPages<P>) {
        let mut pages = Some(pages);
        // A failure has moved the pages to the deferred list.
        let _ = self.grants.end_with(|| pages.take());
    }
}

impl<P: Platform> DmaBuffer<P> {
    /// Allocates a zeroed buffer of `count` pages, 1 to [`MAX_FRAMES`].
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] if the platform has no such pages, or for another count.
    pub fn alloc(platform: P, count: usize) -> Result<Self, OutOfMemory> {
        if count > MAX_FRAMES {
            return Err(OutOfMemory { pages: count });
        }
        let pages = Pages::alloc(platform, count)?.into_shared();
        Ok(Self { pages: ManuallyDrop::new(pages), granted: None })
    }

    /// Returns the number of pages.
    #[inline]
    pub fn count(&self) -> usize {
        self.pages.count()
    }

    /// Returns the references, one for each page; none before the first [`grant`](Self::grant).
    #[inline]
    pub fn refs(&self) -> impl Iterator<Item = GrantRef> + Clone + use<P> {
        self.granted.as_ref().map(|granted| granted.grants.refs()).into_iter().flatten()
    }

    /// Grants all pages to `peer` for a connection, unless that is done.
    /// `connection` is a number that differs from that of other connections to the same peer.
    ///
    /// If the pages are granted for another connection, the content moves to other pages: the peer
    /// of that connection may still use the old ones, which are freed or deferred.
    ///
    /// # Errors
    ///
    /// [`GrantError::Memory`] without memory for other pages, [`GrantError::OtherDomain`] for a
    /// buffer of another domain, otherwise as [`GrantTable::grant_frames`]. The content is kept.
    #[inline]
    pub fn grant(
        &mut self,
        table: &GrantTable<P>,
        peer: DomId,
        connection: u32,
    ) -> Result<(), GrantError> {
        if self.is_granted(table, peer, connection) {
            return Ok(());
        }
        self.grant_pages(table, peer, connection)
    }

    /// Returns whether all pages are granted to `peer` for a connection. A suspend ends all grants.
    #[inline]
    pub fn is_granted(&self, table: &GrantTable<P>, peer: DomId, connection: u32) -> bool {
        self.granted.as_ref().is_some_and(|granted| {
            let PeerGrants { grants, connection: number } = granted;
            *number == connection && grants.is_of(table) && grants.peer() == Some(peer)
        })
    }

    #[cold]
    fn grant_pages(
        &mut self,
        table: &GrantTable<P>,
        peer: DomId,
        connection: u32,
    ) -> Result<(), GrantError> {
        if !self.claims().is_same_domain(table.platform().claims()) {
            return Err(GrantError::OtherDomain);
        }
        if self.granted.is_some() {
            let platform = self.pages.platform().clone();
            let pages = Pages::alloc(platform, self.count()).map_err(GrantError::Memory)?;
            let pages = pages.into_shared();
            copy(self.as_ref(), pages.as_ref());
            let before =
                ManuallyDrop::into_inner(replace(&mut self.pages, ManuallyDrop::new(pages)));
            if let Some(granted) = self.granted.take() {
                granted.end(before);
            }
        }
        // SAFETY: frames of this domain's RAM, which the value owns. The memory is accessed
        // through `SharedMem` only, and freed by `PeerGrants::end`, once no peer uses them.
        let grants = unsafe { table.grant_frames::<ReadWrite>(self.frames(), peer) }?;
        self.granted = Some(PeerGrants { grants, connection });
        Ok(())
    }
}

/// Copies all bytes of `source` to `target`, which is as long.
fn copy(source: &SharedMem, target: &SharedMem) {
    let mut bytes = [0; 512];
    for offset in (0..source.len()).step_by(bytes.len()) {
        let _ = source.copy_to(offset, &mut bytes);
        let _ = target.copy_from(offset, &bytes);
    }
}

impl<P: Platform> Drop for DmaBuffer<P> {
    fn drop(&mut self) {
        // SAFETY: the value is being dropped, and the pages are not used again.
        let pages = unsafe { ManuallyDrop::take(&mut self.pages) };
        match self.granted.take() {
            Some(granted) => granted.end(pages),
            None => drop(pages),
        }
    }
}

impl<P: Platform> AsRef<SharedMem> for DmaBuffer<P> {
    #[inline]
    fn as_ref(&self) -> &SharedMem {
        (*self.pages).as_ref()
    }
}

// SAFETY: the frames are those of the pages, which the value owns and gives access to through
// `SharedMem` only; `grant` replaces the pages, but no other grants of them exist then: those made
// through the trait borrow or own the value. A forgotten value never frees the pages.
unsafe impl<P: Platform> OwnedFrames for DmaBuffer<P> {
    type Platform = P;

    fn claims(&self) -> &Claims {
        self.pages.platform().claims()
    }

    fn frames(&self) -> impl Iterator<Item = Gfn> + Clone {
        (0..self.count()).map_while(|index| self.pages.gfn(index))
    }
}

impl<P: Platform> fmt::Debug for DmaBuffer<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DmaBuffer")
            .field("pages", &self.count())
            .field("granted", &self.granted.is_some())
            .finish_non_exhaustive()
    }
}
