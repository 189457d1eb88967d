//! One entry of the table, in either version: how it becomes valid, and the end of access.

use core::mem::offset_of;
use xen_hypercall::sync::{Ordering, fence};
use xen_hypercall::{DomId, Gfn, GrantRef, SharedMem, SharedU16, SharedU32};
use xen_sys::grant_table::{GrantEntryHeader, GrantEntryV1, GrantEntryV2, GrantFlags};

/// Tries of a revocation, as Xen can change the entry at that moment. Each change is one use by the
/// peer that began or ended, so after a few of them the peer still uses the page.
const REVOKE_TRIES: u32 = 8;

const IN_USE: u16 = GrantFlags::READING.bits() | GrantFlags::WRITING.bits();

const FLAGS: usize = offset_of!(GrantEntryHeader, flags);
const DOMID: usize = offset_of!(GrantEntryHeader, domid);
// Both versions have their header at the start and a word of 32 bits behind it.
const WORD: usize = size_of::<GrantEntryHeader>();
const _: () =
    assert!(offset_of!(GrantEntryV1, frame) == WORD && offset_of!(GrantEntryV2, pad0) == WORD);

/// An entry of the table, `offset` bytes into its frame.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'m> {
    pub(crate) frame: &'m SharedMem,
    pub(crate) offset: usize,
    /// Version 2: frame and offset of the word in which Xen marks the use. Version 1 has it among
    /// the flags.
    pub(crate) state: Option<(&'m SharedMem, usize)>,
}

/// The memory that an entry gives access to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum What {
    /// A whole page.
    Page(Gfn),
    /// Bytes of a page that a peer can copy. Version 2 only.
    Part { gfn: Gfn, offset: u16, len: u16 },
    /// A grant of another domain to this one. Version 2 only.
    Grant(DomId, GrantRef),
}

impl Entry<'_> {
    /// Gives `peer` access to `what`, which fits an entry of this version. The entry must be free.
    #[inline(always)]
    pub(crate) fn permit(self, what: What, peer: DomId, flags: GrantFlags) {
        let (kind, word, frame) = match what {
            What::Page(gfn) if self.state.is_none() => {
                (GrantFlags::PERMIT_ACCESS, gfn.0 as u32, None)
            }
            What::Page(gfn) => (GrantFlags::PERMIT_ACCESS, 0, Some(gfn.0)),
            What::Part { gfn, offset, len } => (
                GrantFlags::PERMIT_ACCESS | GrantFlags::SUB_PAGE,
                u32::from(offset) | u32::from(len) << 16,
                Some(gfn.0),
            ),
            What::Grant(owner, reference) => {
                (GrantFlags::TRANSITIVE, owner.0.into(), Some(reference.0.into()))
            }
        };
        if let Some(frame) = frame
            && let Some(place) = self.frame.u64_at(self.offset + offset_of!(GrantEntryV2, frame))
        {
            place.store(frame, Ordering::Relaxed);
        }
        if let (Some(place), Some(domain), Some(valid)) =
            (self.word(), self.half(DOMID), self.half(FLAGS))
        {
            place.store(word, Ordering::Relaxed);
            domain.store(peer.0, Ordering::Relaxed);
            // Last, and after the rest: from here on the peer has access.
            valid.store((kind | flags).bits(), Ordering::Release);
        }
    }

    /// Ends access in one step with the check that no peer uses the entry. Returns `true` if none
    /// does.
    ///
    /// In version 1 an entry that is in use stays valid. In version 2 it is not valid any more,
    /// whatever the answer: Xen refuses each use that begins while there is no other one. A
    /// peer that has the page mapped can map it again, because Xen checks the flags at the first
    /// use alone; the entry's state stays in use for as long as any of its uses lasts. Call
    /// this again until the state is free.
    #[doc(alias("gnttab_end_foreign_access", "gnttab_try_end_foreign_access"))]
    #[inline]
    pub(crate) fn revoke(self) -> bool {
        let tries = if self.state.is_none() { REVOKE_TRIES } else { 1 };
        (0..tries).any(|_| self.revoke_once())
    }

    /// Tries that once. It fails in version 1 also if Xen changed the entry meanwhile.
    #[inline(always)]
    pub(crate) fn revoke_once(self) -> bool {
        let Some(flags) = self.half(FLAGS) else { return false };
        let Some((states, offset)) = self.state else {
            let found = flags.load(Ordering::Relaxed);
            // Xen marks an entry that is in use, and the exchange fails then.
            return found & IN_USE == 0 && flags.compare_exchange(found, 0).is_ok();
        };
        flags.store(0, Ordering::Relaxed);
        // Xen marks the use and then reads the flags again. Of two that each write first and read
        // then, one sees the other.
        fence(Ordering::SeqCst);
        // Acquire: what the peer did to the page comes before what its owner does.
        states.u16_at(offset).is_some_and(|state| state.load(Ordering::Acquire) & IN_USE == 0)
    }

    /// Returns `true` if the entry gives no access and is not in use.
    #[inline]
    pub(crate) fn is_free(self) -> bool {
        let state = self.state.and_then(|(states, offset)| states.u16_at(offset));
        self.flags().is_empty()
            && state.is_none_or(|state| state.load(Ordering::Relaxed) & IN_USE == 0)
    }

    /// Returns kind and permissions, without Xen's marks of use.
    pub(crate) fn flags(self) -> GrantFlags {
        let found = self.half(FLAGS).map_or(0, |flags| flags.load(Ordering::Relaxed));
        GrantFlags::from_bits_retain(found & !IN_USE)
    }

    /// Returns the domain that has access, if the entry is valid.
    pub(crate) fn peer(self) -> Option<DomId> {
        let domain = self.half(DOMID)?.load(Ordering::Relaxed);
        (!self.flags().is_empty()).then_some(DomId(domain))
    }

    /// Makes an entry that was revoked, or that could not be, what it was but for its `flags`.
    pub(crate) fn restore(self, flags: GrantFlags) {
        let Some(valid) = self.half(FLAGS) else { return };
        // Where Xen keeps its marks among the flags, one that it has marked was left alone.
        if self.state.is_some() || valid.load(Ordering::Relaxed) == 0 {
            valid.store(flags.bits(), Ordering::Release);
        }
    }

    fn half(&self, at: usize) -> Option<SharedU16<'_>> {
        self.frame.u16_at(self.offset + at)
    }

    fn word(&self) -> Option<SharedU32<'_>> {
        self.frame.u32_at(self.offset + WORD)
    }
}
