//! Every order in which a grant's two sides can meet, tried by a model checker.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p xen-grant --lib --profile models`

use crate::entry::Entry;
use crate::refs::FreeRefs;
use crate::{Access, ReadWrite};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::Ordering::{Acquire, Relaxed};
use loom::thread;
use xen_hypercall::{DomId, Gfn, GrantRef, PAGE_SIZE, SharedMem};
use xen_sys::grant_table::GrantFlags;

const PEER: DomId = DomId(7);
const FRAME: Gfn = Gfn(0x1234);

fn entry() -> Entry<'static> {
    Entry { frame: SharedMem::for_model(PAGE_SIZE, &[(0..2, 2), (2..4, 2), (4..8, 4)]), offset: 0 }
}

/// What Xen does for a peer that wants to use the entry: mark it, if it is valid.
fn pin(entry: Entry<'_>) -> bool {
    let flags = entry.frame.u16::<0>();
    let found = flags.load(Acquire);
    let free = found & GrantFlags::PERMIT_ACCESS.bits() != 0;
    free && flags.compare_exchange(found, found | GrantFlags::WRITING.bits()).is_ok()
}

fn unpin(entry: Entry<'_>) {
    entry.frame.u16::<0>().fetch_and(!GrantFlags::WRITING.bits());
}

#[test]
fn a_valid_entry_is_complete() {
    loom::model(|| {
        let entry = entry();
        let owner = thread::spawn(move || entry.permit(FRAME, PEER, ReadWrite::FLAGS));
        if pin(entry) {
            assert_eq!(
                u64::from(entry.frame.u32::<4>().load(Relaxed)),
                FRAME.0,
                "valid before its frame was written"
            );
            assert_eq!(entry.frame.u16::<2>().load(Relaxed), PEER.0, "valid before its domain was written");
        }
        owner.join().unwrap();
    });
}

/// The checker fails the model if the peer's writes and the owner's are not ordered, whichever comes first.
#[test]
fn d_g01_a_page_is_taken_back_only_while_nobody_uses_it() {
    loom::model(|| {
        let entry = entry();
        entry.permit(FRAME, PEER, ReadWrite::FLAGS);
        let page = Arc::new(UnsafeCell::new(0));
        let peer = thread::spawn({
            let page = page.clone();
            move || {
                if pin(entry) {
                    // SAFETY: the pin keeps the owner away, which is what the checker checks.
                    page.with_mut(|byte| unsafe { *byte = 1 });
                    unpin(entry);
                }
            }
        });
        if entry.revoke() {
            // SAFETY: the revocation keeps the peer away, which is what the checker checks.
            page.with_mut(|byte| unsafe { *byte += 2 });
        }
        peer.join().unwrap();
    });
}

#[test]
fn d_g06_a_reference_has_one_owner_at_a_time() {
    loom::model(|| {
        let refs = Arc::new(FreeRefs::<1>::none());
        refs.give(GrantRef(9));
        let entry = Arc::new(UnsafeCell::new(0));
        let use_it = |refs: &FreeRefs<1>, entry: &UnsafeCell<u32>| {
            if let Some(reference) = refs.take() {
                // SAFETY: the owner of the reference alone has access, which is what the checker checks.
                entry.with_mut(|word| unsafe { *word += 1 });
                refs.give(reference);
            }
        };
        let other = thread::spawn({
            let (refs, entry) = (refs.clone(), entry.clone());
            move || use_it(&refs, &entry)
        });
        use_it(&refs, &entry);
        other.join().unwrap();
        assert_eq!(refs.count(), 1);
    });
}
