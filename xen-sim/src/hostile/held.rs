//! A page of another domain that a hostile peer has mapped.

use crate::Domain;
use core::num::NonZeroUsize;
use xen_hypercall::ops::grant_table::{map_grant_ref, unmap_grant_ref};
use xen_hypercall::{DomId, ForeignFrames, ForeignRange, GrantRef, PAGE_SIZE, SharedMem};
use xen_sys::grant_table::{
    GnttabMapGrantRef, GnttabUnmapGrantRef, GrantHandle, GrantMapFlags, GrantStatus,
};

/// One mapped page, which the owner can't get back before this is dropped.
pub(super) struct Held {
    domain: Domain,
    range: ForeignRange,
    handle: GrantHandle,
}

// SAFETY: the range is an address range of the domain's, valid wherever the world is, and reached
// through the accessor alone.
unsafe impl Send for Held {}

impl Held {
    /// Maps a page, or gives up.
    pub(super) fn map(domain: &Domain, owner: DomId, reference: GrantRef) -> Option<Self> {
        let range = domain.reserve_frames(NonZeroUsize::MIN)?;
        let mut op = [GnttabMapGrantRef {
            host_addr: range.first.0 * PAGE_SIZE as u64,
            flags: GrantMapFlags::HOST_MAP,
            ref_: reference,
            dom: owner,
            ..Default::default()
        }];
        // SAFETY: the address is that of the frame that was reserved for this.
        let mapped =
            unsafe { map_grant_ref(domain, &mut op) }.is_ok() && op[0].status == GrantStatus::OKAY;
        if !mapped {
            // SAFETY: the reservation from above; nothing was mapped.
            unsafe { domain.release_frames(range) };
            return None;
        }
        Some(Self { domain: domain.clone(), range, handle: op[0].handle })
    }

    pub(super) fn mem(&self) -> &SharedMem {
        // SAFETY: the page stays mapped until the drop, and nobody has plain references to memory
        // of simulated domains.
        unsafe { SharedMem::from_raw(self.range.start, PAGE_SIZE) }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut op = [GnttabUnmapGrantRef {
            host_addr: self.range.first.0 * PAGE_SIZE as u64,
            handle: self.handle,
            ..Default::default()
        }];
        // SAFETY: this value was the only way to the page, and it ends here. The range comes from
        // `reserve_frames`.
        unsafe {
            // The only refusal is that nothing is mapped, as after the end of the domain.
            let _ = unmap_grant_ref(&self.domain, &mut op);
            self.domain.release_frames(self.range);
        }
    }
}
