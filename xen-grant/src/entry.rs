//! One entry of a version 1 table, and the two steps that count: making it valid, and ending it.

use core::mem::offset_of;
use xen_hypercall::sync::Ordering;
use xen_hypercall::{DomId, Gfn, SharedMem};
use xen_sys::grant_table::{GrantEntryV1, GrantFlags};

/// How often a revocation is tried again because Xen changed the entry at that moment. Each time is one use by the peer
/// that began or ended, so more than a few means that it goes on using the page.
const REVOKE_TRIES: u32 = 8;

/// An entry of the table, `offset` bytes into its frame.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'m> {
    pub(crate) frame: &'m SharedMem,
    pub(crate) offset: usize,
}

impl Entry<'_> {
    /// Gives `peer` access to `gfn`, whose number fits an entry. The entry must be free.
    pub(crate) fn permit(self, gfn: Gfn, peer: DomId, flags: GrantFlags) {
        let Self { frame, offset } = self;
        if let (Some(number), Some(domain), Some(valid)) = (
            frame.u32_at(offset + offset_of!(GrantEntryV1, frame)),
            frame.u16_at(offset + offset_of!(GrantEntryV1, domid)),
            frame.u16_at(offset + offset_of!(GrantEntryV1, flags)),
        ) {
            number.store(gfn.0 as u32, Ordering::Relaxed);
            domain.store(peer.0, Ordering::Relaxed);
            // Last, and after the rest: from here on the peer has access.
            valid.store(flags.bits(), Ordering::Release);
        }
    }

    /// Ends access in one step, or not at all: Xen marks an entry that is in use, and the exchange fails then.
    #[doc(alias("gnttab_end_foreign_access", "gnttab_try_end_foreign_access"))]
    pub(crate) fn revoke(self) -> bool {
        let Some(flags) = self.frame.u16_at(self.offset + offset_of!(GrantEntryV1, flags)) else {
            return false;
        };
        let in_use = (GrantFlags::READING | GrantFlags::WRITING).bits();
        let mut found = flags.load(Ordering::Relaxed);
        for _ in 0..REVOKE_TRIES {
            if found & in_use != 0 {
                return false;
            }
            match flags.compare_exchange(found, 0) {
                Ok(_) => return true,
                Err(changed) => found = changed,
            }
        }
        false
    }
}
