//! Single pages of another domain, mapped and unmapped in batches.

use crate::{GrantMapArea, MAX_PAGES, MapError, map_area, retry_eagain};
use core::fmt;
use core::mem::ManuallyDrop;
use heapless::Vec;
use xen_hypercall::ops::grant_table as op;
use xen_hypercall::{DomId, ForeignFrames, GrantRef, PAGE_SIZE, SharedMem};
use xen_sys::grant_table::{
    GnttabMapGrantRef, GnttabUnmapGrantRef, GrantHandle, GrantMapFlags, GrantStatus,
};

/// A page of another domain, mapped for reading and writing until this is dropped.
///
/// The pages of a [`GrantMapping`](crate::GrantMapping) are unmapped together; each of these can
/// stay mapped longer than others, as a persistent grant (`feature-persistent`) does. It does not
/// depend on the [`GrantMapPool`] that mapped it. A frame that Xen refuses to unmap is never used
/// again, and is counted ([`Claims::lost_frames`](xen_hypercall::Claims::lost_frames)).
pub struct MappedPage<P: ForeignFrames> {
    /// Taken out by `into_parts` and `drop`, nowhere else.
    area: ManuallyDrop<GrantMapArea<P>>,
    handle: GrantHandle,
}

impl<P: ForeignFrames> MappedPage<P> {
    /// Returns the area, in which the page is still mapped: it must not be dropped before it is
    /// unmapped.
    fn into_parts(self) -> (ManuallyDrop<GrantMapArea<P>>, GrantHandle) {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `this` is never dropped or used again, so the area is taken out once.
        let area = unsafe { ManuallyDrop::take(&mut this.area) };
        (ManuallyDrop::new(area), this.handle)
    }
}

impl<P: ForeignFrames> AsRef<SharedMem> for MappedPage<P> {
    #[inline]
    fn as_ref(&self) -> &SharedMem {
        // SAFETY: a whole page, aligned, mapped until this is dropped; no plain reference to it
        // exists: this value is the only access.
        unsafe { SharedMem::from_raw(self.area.start(), PAGE_SIZE) }
    }
}

impl<P: ForeignFrames> Drop for MappedPage<P> {
    fn drop(&mut self) {
        // SAFETY: the value is being dropped, so the area is taken out once.
        let area = ManuallyDrop::new(unsafe { ManuallyDrop::take(&mut self.area) });
        // A frame that stays mapped is lost, and counted.
        let _ = unmap(core::iter::once((area, self.handle)), drop);
    }
}

impl<P: ForeignFrames> fmt::Debug for MappedPage<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MappedPage")
            .field("area", &*self.area)
            .field("handle", &self.handle)
            .finish()
    }
}

/// Pages of one hypercall, and the positions of their references.
type Batch<P> = Vec<(usize, MappedPage<P>), MAX_PAGES>;

/// Maps single pages of one domain, and unmaps them, each in batches of up to [`MAX_PAGES`] in one
/// hypercall. It keeps the frames of as many unmapped pages for the next ones.
///
/// It depends on this domain's number, which changes when the domain is restored or has migrated:
/// make another pool then.
#[doc(alias = "gnttab_page_cache")]
pub struct GrantMapPool<P: ForeignFrames> {
    platform: P,
    owner: DomId,
    /// The owner is known to be another domain.
    checked: bool,
    spare: Vec<GrantMapArea<P>, MAX_PAGES>,
}

impl<P: ForeignFrames> GrantMapPool<P> {
    /// Makes a pool for pages of domain `owner`.
    pub fn new(platform: P, owner: DomId) -> Self {
        Self { platform, owner, checked: false, spare: Vec::new() }
    }

    /// Maps each of `refs` in a frame of its own. `mapped` receives the pages of those that Xen
    /// mapped, with their position in `refs`.
    ///
    /// # Errors
    ///
    /// The first of those that could not be mapped: [`MapError::Refused`], [`MapError::Call`], or
    /// [`MapError::Memory`] if the platform has no frame, after which no other is mapped. None is
    /// mapped with [`MapError::OwnDomain`] or [`MapError::OwnDomainUnknown`], as by
    /// [`GrantMapArea::map`].
    #[doc(alias = "GNTTABOP_map_grant_ref")]
    pub fn map(
        &mut self,
        refs: &[GrantRef],
        mut mapped: impl FnMut(usize, MappedPage<P>),
    ) -> Result<(), MapError> {
        if !self.checked {
            map_area::check_owner(&self.platform, self.owner)?;
            self.checked = true;
        }
        let mut result = Ok(());
        for (batch, refs) in refs.chunks(MAX_PAGES).enumerate() {
            let mut areas: Vec<GrantMapArea<P>, MAX_PAGES> = Vec::new();
            for _ in refs {
                let area = match self.spare.pop() {
                    Some(area) => area,
                    None => GrantMapArea::reserve(self.platform.clone(), 1)?,
                };
                // There is room: a batch has no more references.
                let _ = areas.push(area);
            }
            let (pages, error) = self.map_batch(refs, areas);
            for (index, page) in pages {
                mapped(batch * MAX_PAGES + index, page);
            }
            result = result.and(error);
        }
        result
    }

    /// Maps `refs` in an area each. Those of the others become spare.
    fn map_batch(
        &mut self,
        refs: &[GrantRef],
        areas: Vec<GrantMapArea<P>, MAX_PAGES>,
    ) -> (Batch<P>, Result<(), MapError>) {
        let arg = |(&ref_, area): (&GrantRef, &GrantMapArea<P>)| GnttabMapGrantRef {
            host_addr: area.address(0),
            flags: GrantMapFlags::HOST_MAP,
            ref_,
            dom: self.owner,
            ..Default::default()
        };
        let mut batch: Vec<GnttabMapGrantRef, MAX_PAGES> =
            refs.iter().zip(&areas).map(arg).collect();
        // SAFETY: the addresses are those of frames reserved for this, each with nothing mapped: a
        // retried one was not. The pages are another domain's (`map`), so none that this one uses
        // moves.
        let issue = |batch: &mut [_]| unsafe { op::map_grant_ref(&self.platform, batch) };
        let call = retry_eagain::with_retries(&self.platform, &mut batch, |arg| arg.status, issue);
        let mut result = Ok(());
        let mut pages = Vec::new();
        for (index, (arg, area)) in batch.iter().zip(areas).enumerate() {
            if arg.status == GrantStatus::OKAY {
                let page = MappedPage { area: ManuallyDrop::new(area), handle: arg.handle };
                // There is room, as above.
                let _ = pages.push((index, page));
                continue;
            }
            let refused = MapError::Refused { reference: arg.ref_, status: arg.status };
            result = result.and(Err(call.err().map_or(refused, MapError::Call)));
            // Without room, its frame is released.
            drop(self.spare.push(area));
        }
        (pages, result)
    }

    /// Unmaps `pages`.
    ///
    /// # Errors
    ///
    /// [`MapError::Stuck`] if Xen refuses for a page: its frame is never used again. The others are
    /// unmapped.
    #[doc(alias = "GNTTABOP_unmap_grant_ref")]
    pub fn unmap(
        &mut self,
        pages: impl IntoIterator<Item = MappedPage<P>>,
    ) -> Result<(), MapError> {
        let Self { platform, spare, .. } = self;
        // One of another domain is unmapped by its drop.
        let is_own =
            |page: &MappedPage<P>| page.area.platform().claims().is_same_domain(platform.claims());
        let mut pages = pages.into_iter().filter(is_own);
        let mut result = Ok(());
        loop {
            // If the iterator panics, those that it returned before are unmapped by their drops.
            let batch: Vec<MappedPage<P>, MAX_PAGES> = pages.by_ref().take(MAX_PAGES).collect();
            if batch.is_empty() {
                return result;
            }
            let parts = batch.into_iter().map(MappedPage::into_parts);
            // Without room, the frame of an area is released.
            result = result.and(unmap(parts, |area| drop(spare.push(area))));
        }
    }
}

/// Unmaps up to [`MAX_PAGES`] pages, each mapped in its area by its handle, and returns the areas
/// that are free again to `cleared`.
fn unmap<P: ForeignFrames>(
    mapped: impl Iterator<Item = (ManuallyDrop<GrantMapArea<P>>, GrantHandle)>,
    mut cleared: impl FnMut(GrantMapArea<P>),
) -> Result<(), MapError> {
    let mut areas: Vec<ManuallyDrop<GrantMapArea<P>>, MAX_PAGES> = Vec::new();
    let mut batch: Vec<GnttabUnmapGrantRef, MAX_PAGES> = Vec::new();
    for (area, handle) in mapped {
        let host_addr = area.address(0);
        let arg = GnttabUnmapGrantRef { host_addr, handle, ..Default::default() };
        // There is room: the callers have no more.
        let _ = (batch.push(arg), areas.push(area));
    }
    let Some(first) = areas.first() else { return Ok(()) };
    // SAFETY: the pages are being unmapped, their values are gone, so the memory is not used any
    // more. A call that is refused as a whole leaves the statuses of the rest at a failure.
    let _ = unsafe { op::unmap_grant_ref(first.platform(), &mut batch) };
    let mut result = Ok(());
    for (arg, area) in batch.iter().zip(areas) {
        let area = ManuallyDrop::into_inner(area);
        if arg.status == GrantStatus::OKAY {
            cleared(area);
        } else {
            result = result.and(Err(MapError::Stuck { status: arg.status }));
            area.lose();
        }
    }
    result
}

impl<P: ForeignFrames> fmt::Debug for GrantMapPool<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrantMapPool")
            .field("owner", &self.owner)
            .field("spare", &self.spare.len())
            .finish_non_exhaustive()
    }
}
