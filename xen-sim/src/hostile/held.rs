//! Mapped page of another domain, held by a hostile peer.

use crate::Domain;
use core::num::NonZeroUsize;
use xen_hypercall::ops::grant_table::{map_grant_ref, unmap_grant_ref};
use xen_hypercall::{DomId, ForeignFrames, ForeignRange, GrantRef, PAGE_SIZE, SharedMem};
use xen_sys::grant_table::{
    GnttabMapGrantRef, GnttabUnmapGrantRef, GrantHandle, GrantMapFlags, GrantStatus,
};

/// Mapped page, which its owner cannot reuse before the drop.
pub(super) struct Held {
    domain: Domain,
    range: ForeignRange,
    handle: GrantHandle,
}

// SAFETY: the range is an address range of the domain, valid in every thread, and accessed through
// `SharedMem` alone.
unsafe impl Send for Held {}

impl Held {
    /// Maps a page; returns `None` if that fails.
    pub(super) fn map(domain: &Domain, owner: DomId, reference: GrantRef) -> Option<Self> {
        let range = domain.reserve_frames(NonZeroUsize::MIN)?;
        let mut op = [GnttabMapGrantRef {
            host_addr: range.first.0 * PAGE_SIZE as u64,
            flags: GrantMapFlags::HOST_MAP,
            ref_: reference,
            dom: owner,
            ..Default::default()
        }];
        // SAFETY: the address is that of the frame that was reserved above.
        let mapped =
            unsafe { map_grant_ref(domain, &mut op) }.is_ok() && op[0].status == GrantStatus::OKAY;
        if !mapped {
            // SAFETY: the range was reserved above, and nothing is mapped there.
            unsafe { domain.release_frames(range) };
            return None;
        }
        Some(Self { domain: domain.clone(), range, handle: op[0].handle })
    }

    pub(super) fn mem(&self) -> &SharedMem {
        // SAFETY: the page stays mapped until the drop, and memory of simulated domains has no
        // plain references.
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
        // SAFETY: this value owned the only access to the page. The range is from `reserve_frames`.
        unsafe {
            // It fails only if nothing is mapped, as after the end of the domain.
            let _ = unmap_grant_ref(&self.domain, &mut op);
            self.domain.release_frames(self.range);
        }
    }
}
