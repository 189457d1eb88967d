//! Another domain's pages, mapped by the references that its frontend wrote.

use crate::{Access, MAX_PAGES, MapError, MapFailed, ReadOnly, ReadWrite, retry_eagain};
use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::num::NonZeroUsize;
use core::ptr::NonNull;
use heapless::Vec;
use xen_hypercall::ops::grant_table as op;
use xen_hypercall::{
    DomId, ForeignFrames, ForeignRange, GrantRef, OutOfMemory, PAGE_SIZE, Platform, ReadOnlyMem,
    SharedMem, StableSharedMem, boot,
};
use xen_sys::grant_table::{
    GnttabMapGrantRef, GnttabUnmapGrantRef, GrantFlags, GrantHandle, GrantMapFlags, GrantStatus,
};

/// Room for pages of other domains: frames without RAM, reserved until this is dropped.
///
/// `GrantMapArea ──map──▶ GrantMapping ──unmap──▶ GrantMapArea`
///
/// It records the domain's number, which changes when the domain is restored or has migrated:
/// reserve another area then.
pub struct GrantMapArea<P: ForeignFrames> {
    platform: P,
    range: ForeignRange,
    /// The number of this domain, read from Xen at the first use.
    me: Option<DomId>,
}

// SAFETY: the range has one owner, as a Box has; the platform moves along and is itself Send.
unsafe impl<P: ForeignFrames + Send> Send for GrantMapArea<P> {}

impl<P: ForeignFrames> GrantMapArea<P> {
    /// Reserves room for `pages` pages, [`MAX_PAGES`] at most.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] if the platform has no room, or for a size that is not allowed.
    pub fn reserve(platform: P, pages: usize) -> Result<Self, OutOfMemory> {
        let count = NonZeroUsize::new(pages)
            .filter(|count| count.get() <= MAX_PAGES)
            .ok_or(OutOfMemory { pages })?;
        let range = platform.reserve_frames(count).ok_or(OutOfMemory { pages })?;
        Ok(Self { platform, range, me: None })
    }

    /// Returns the number of pages that there is room for.
    pub fn pages(&self) -> usize {
        self.range.count.get()
    }

    /// Maps `refs` of domain `owner` side by side: all of them or none.
    ///
    /// That must be another domain. A translated domain has each of its pages once: Xen would move
    /// the page of an own grant here, and leave the frame that was granted empty. So an area reads
    /// this domain's number from Xen at its first use. [`CopyBatch`](crate::CopyBatch) accepts own
    /// grants, because a copy moves no page.
    ///
    /// # Errors
    ///
    /// [`MapFailed`] with the first reference that could not be mapped, and the area. Nothing is
    /// mapped if there is not room for `refs`, or if `owner` is this domain, or may be:
    /// [`MapError::OwnDomain`], [`MapError::OwnDomainUnknown`].
    #[doc(alias = "GNTTABOP_map_grant_ref")]
    pub fn map<A: Access>(
        mut self,
        owner: DomId,
        refs: &[GrantRef],
    ) -> Result<GrantMapping<P, A>, MapFailed<P>> {
        if let Err(error) = self.check(owner, refs.len()) {
            return Err(MapFailed { error, area: Some(self), statuses: Vec::new() });
        }
        let readonly = A::FLAGS.contains(GrantFlags::READONLY);
        let flags = GrantMapFlags::HOST_MAP
            | if readonly { GrantMapFlags::READONLY } else { GrantMapFlags::empty() };
        let mut batch: Vec<GnttabMapGrantRef, MAX_PAGES> = Vec::new();
        for (index, &reference) in refs.iter().enumerate() {
            let host_addr = self.address(index);
            // There is room: refs was counted above.
            let _ = batch.push(GnttabMapGrantRef {
                host_addr,
                flags,
                ref_: reference,
                dom: owner,
                ..Default::default()
            });
        }
        // SAFETY: the addresses are those of frames reserved for this, each with nothing mapped: a
        // retried one was not. The pages are another domain's, so none that this one uses
        // moves.
        let issue = |batch: &mut [_]| unsafe { op::map_grant_ref(&self.platform, batch) };
        let call = retry_eagain::with_retries(&self.platform, &mut batch, |arg| arg.status, issue);
        let Some(arg) = batch.iter().find(|arg| arg.status != GrantStatus::OKAY) else {
            let handles = batch.iter().map(|arg| arg.handle).collect();
            return Ok(GrantMapping {
                area: ManuallyDrop::new(self),
                handles,
                access: PhantomData,
            });
        };
        // Until `clear`, nothing may drop the area: a part of the pages may be mapped.
        let error = call
            .err()
            .map_or(MapError::Refused { reference: arg.ref_, status: arg.status }, MapError::Call);
        let statuses = batch.iter().map(|arg| arg.status).collect();
        let mapped = batch.iter().enumerate().filter(|(_, arg)| arg.status == GrantStatus::OKAY);
        let area = clear(self, mapped.map(|(index, arg)| (index, arg.handle))).ok();
        Err(MapFailed { error, area, statuses })
    }

    /// Checks that there is room for `found` references, and that `owner` is another domain.
    fn check(&mut self, owner: DomId, found: usize) -> Result<(), MapError> {
        if found == 0 || found > self.pages() {
            return Err(MapError::Count { found, room: self.pages() });
        }
        let me = match self.me {
            Some(me) => me,
            None => own_domain(&self.platform)?,
        };
        self.me = Some(me);
        check_foreign(owner, me)
    }

    pub(crate) fn platform(&self) -> &P {
        &self.platform
    }

    /// Returns the address of the first page.
    pub(crate) fn start(&self) -> NonNull<u8> {
        self.range.start
    }

    /// Loses the frame of a single page, which Xen still has mapped.
    pub(crate) fn lose(self) {
        // SAFETY: no frame is released.
        unsafe { self.range.release_but(&self.platform, |_| true) }
        self.forget();
    }

    /// Drops all but the range.
    fn forget(self) {
        let mut this = ManuallyDrop::new(self);
        // The platform may be a handle that counts its users.
        // SAFETY: the value is never used or dropped again, so its platform is dropped once.
        unsafe { core::ptr::drop_in_place(&mut this.platform) }
    }

    /// Returns the guest-physical address of page `index`.
    pub(crate) fn address(&self, index: usize) -> u64 {
        self.range.first.address() + (index * PAGE_SIZE) as u64
    }
}

fn own_domain(platform: &impl Platform) -> Result<DomId, MapError> {
    boot::own_domain(platform).map_err(MapError::OwnDomainUnknown)
}

fn check_foreign(owner: DomId, me: DomId) -> Result<(), MapError> {
    if owner == me || owner == DomId::SELF { Err(MapError::OwnDomain(owner)) } else { Ok(()) }
}

/// Checks that `owner` is another domain.
pub(crate) fn check_owner(platform: &impl Platform, owner: DomId) -> Result<(), MapError> {
    check_foreign(owner, own_domain(platform)?)
}

impl<P: ForeignFrames> Drop for GrantMapArea<P> {
    fn drop(&mut self) {
        // SAFETY: the range came from one reservation, and nothing is mapped in it: a mapping owns
        // its area.
        unsafe { self.platform.release_frames(self.range) }
    }
}

impl<P: ForeignFrames> fmt::Debug for GrantMapArea<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrantMapArea").field("range", &self.range).finish_non_exhaustive()
    }
}

/// Pages of another domain, mapped side by side. Reachable as [`SharedMem`], or as [`ReadOnlyMem`]
/// if mapped for reading: the owner can write them at any time.
///
/// ```compile_fail,E0308
/// use xen_grant::{GrantMapping, ReadOnly};
/// use xen_hypercall::{ForeignFrames, SharedMem};
///
/// fn store<P: ForeignFrames>(mapping: &GrantMapping<P, ReadOnly>) {
///     let memory: &SharedMem = mapping.as_ref();
///     memory.write(0, &1u32);
/// }
/// ```
///
/// Dropping it unmaps them. A frame that Xen refuses to unmap is never used again, and is counted
/// ([`Claims::lost_frames`](xen_hypercall::Claims::lost_frames)).
pub struct GrantMapping<P: ForeignFrames, A: Access> {
    /// Taken out by `unmap` and `drop`, nowhere else.
    area: ManuallyDrop<GrantMapArea<P>>,
    /// One per page.
    handles: Vec<GrantHandle, MAX_PAGES, u8>,
    access: PhantomData<A>,
}

impl<P: ForeignFrames, A: Access> GrantMapping<P, A> {
    /// Ends the mapping and returns the area.
    ///
    /// # Errors
    ///
    /// [`MapError::Stuck`] if Xen refuses for a page: its frame is never used again, because the
    /// page may still be reachable there. The others are unmapped and released.
    #[doc(alias = "GNTTABOP_unmap_grant_ref")]
    pub fn unmap(self) -> Result<GrantMapArea<P>, MapError> {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `this` is never dropped or used again, so the area is taken out once.
        let area = unsafe { ManuallyDrop::take(&mut this.area) };
        clear(area, this.handles.iter().copied().enumerate())
    }
}

/// Unmaps the pages of `mapped` from `area`, each given by its index and its handle.
fn clear<P: ForeignFrames>(
    area: GrantMapArea<P>,
    mapped: impl Iterator<Item = (usize, GrantHandle)>,
) -> Result<GrantMapArea<P>, MapError> {
    let mut batch: Vec<GnttabUnmapGrantRef, MAX_PAGES> = Vec::new();
    for (index, handle) in mapped {
        let host_addr = area.address(index);
        // There is room: an area has no more pages.
        let _ = batch.push(GnttabUnmapGrantRef { host_addr, handle, ..Default::default() });
    }
    if batch.is_empty() {
        return Ok(area);
    }
    // SAFETY: the mapping is being unmapped or dropped, so the memory is not used any more. A call
    // that is refused as a whole leaves the statuses of the rest at a failure.
    let _ = unsafe { op::unmap_grant_ref(&area.platform, &mut batch) };
    let is_stuck = |arg: &&GnttabUnmapGrantRef| arg.status != GrantStatus::OKAY;
    let Some(status) = batch.iter().find(is_stuck).map(|arg| arg.status) else { return Ok(area) };
    let page_is_stuck =
        |page| batch.iter().filter(is_stuck).any(|arg| arg.host_addr == area.address(page));
    // SAFETY: the range came from one reservation, which the area owned; but for the stuck pages
    // nothing is mapped in it.
    unsafe { area.range.release_but(&area.platform, page_is_stuck) }
    area.forget();
    Err(MapError::Stuck { status })
}

impl<P: ForeignFrames, A: Access> Drop for GrantMapping<P, A> {
    fn drop(&mut self) {
        // SAFETY: the value is being dropped, so the area is taken out once.
        let area = unsafe { ManuallyDrop::take(&mut self.area) };
        // An area that could not be cleared is lost, and counted.
        let _ = clear(area, self.handles.iter().copied().enumerate());
    }
}

impl<P: ForeignFrames> AsRef<SharedMem> for GrantMapping<P, ReadWrite> {
    fn as_ref(&self) -> &SharedMem {
        // SAFETY: whole pages, aligned, all mapped until this is dropped, since a mapping is handed
        // out only when every reference was; no plain reference to them exists: this
        // value is the only access.
        unsafe { SharedMem::from_raw(self.area.range.start, self.handles.len() * PAGE_SIZE) }
    }
}

// SAFETY: neither the area nor the number of handles changes before it is unmapped, which takes
// the value.
unsafe impl<P: ForeignFrames> StableSharedMem for GrantMapping<P, ReadWrite> {}

impl<P: ForeignFrames> AsRef<ReadOnlyMem> for GrantMapping<P, ReadOnly> {
    fn as_ref(&self) -> &ReadOnlyMem {
        // SAFETY: as above, but for writes, of which Xen allows none.
        unsafe { ReadOnlyMem::from_raw(self.area.range.start, self.handles.len() * PAGE_SIZE) }
    }
}

impl<P: ForeignFrames, A: Access> fmt::Debug for GrantMapping<P, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrantMapping")
            .field("area", &*self.area)
            .field("handles", &self.handles)
            .finish_non_exhaustive()
    }
}
