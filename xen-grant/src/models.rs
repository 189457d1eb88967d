//! Models of a grant's two sides: the checker tries every order of their accesses.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --manifest-path models/Cargo.toml -p xen-grant --lib
//! --profile models`

use crate::deferred::{DeferredList, Held};
use crate::entry::{Entry, What};
use crate::link::Link;
use crate::memory::Memory;
use crate::refs::{Group, Places};
use crate::{Access, DeferredGrants, ReadWrite, Version};
use core::num::NonZeroUsize;
use core::ptr::NonNull;
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use loom::sync::atomic::fence;
use loom::thread;
use xen_hypercall::{
    Claim, Claims, DomId, Gfn, GrantRef, Hypercall, Instant, PAGE_SIZE, PageArc, Pages, Platform,
    Port, SharedMem, Singleton,
};
use xen_sys::grant_table::GrantFlags;

const PEER: DomId = DomId(7);
const FRAME: Gfn = Gfn(0x1234);
/// The offset of a version 2 entry's state in the models.
const STATE: usize = 16;

fn entry(version: Version) -> Entry<'static> {
    let words = [(0..2, 2), (2..4, 2), (4..8, 4), (8..16, 8), (STATE..STATE + 2, 2)];
    let frame = SharedMem::for_model(PAGE_SIZE, &words);
    Entry { frame, offset: 0, state: (version == Version::V2).then_some((frame, STATE)) }
}

fn in_both_versions(model: fn(Version)) {
    for version in [Version::V1, Version::V2] {
        loom::model(move || model(version));
    }
}

/// Marks the entry as Xen does for a peer that uses it, if it is valid.
fn pin(entry: Entry<'_>) -> bool {
    let flags = entry.frame.u16::<0>();
    let found = flags.load(Acquire);
    if found & GrantFlags::PERMIT_ACCESS.bits() == 0 {
        return false;
    }
    if entry.state.is_none() {
        return flags.compare_exchange(found, found | GrantFlags::WRITING.bits()).is_ok();
    }
    entry.frame.u16::<STATE>().fetch_or(GrantFlags::WRITING.bits());
    fence(SeqCst);
    let valid = flags.load(Relaxed) == found;
    if !valid {
        unpin(entry);
    }
    valid
}

fn unpin(entry: Entry<'_>) {
    let marks =
        if entry.state.is_none() { entry.frame.u16::<0>() } else { entry.frame.u16::<STATE>() };
    marks.fetch_and(!GrantFlags::WRITING.bits());
}

/// Uses the page as a peer does, if it may.
fn use_page(entry: Entry<'_>, page: &UnsafeCell<u32>) {
    if pin(entry) {
        // SAFETY: the mark excludes the owner, which the checker checks.
        page.with_mut(|byte| unsafe { *byte += 1 });
        unpin(entry);
    }
}

fn assert_complete(entry: Entry<'_>) {
    let frame = match entry.state {
        None => entry.frame.u32::<4>().load(Relaxed).into(),
        Some(_) => entry.frame.u64::<8>().load(Relaxed),
    };
    assert_eq!(Gfn(frame), FRAME, "valid before its frame was written");
    assert_eq!(entry.frame.u16::<2>().load(Relaxed), PEER.0, "valid before its domain was written");
}

#[test]
fn valid_entry_is_complete() {
    in_both_versions(|version| {
        let entry = entry(version);
        let owner = thread::spawn(move || entry.permit(What::Page(FRAME), PEER, ReadWrite::FLAGS));
        if pin(entry) {
            assert_complete(entry);
        }
        owner.join().unwrap();
    });
}

#[test]
fn read_only_entry_is_complete() {
    in_both_versions(|version| {
        let entry = entry(version);
        let owner = thread::spawn(move || {
            entry.permit(What::Page(FRAME), PEER, ReadWrite::FLAGS);
            if entry.revoke() {
                entry.restore(ReadWrite::FLAGS | GrantFlags::READONLY);
            }
        });
        if entry.frame.u16::<0>().load(Acquire) & GrantFlags::READONLY.bits() != 0 {
            assert_complete(entry);
        }
        owner.join().unwrap();
    });
}

/// D-G01: the checker fails the model if the peer's writes and the owner's are not ordered,
/// whichever comes first.
#[test]
fn page_in_use_is_not_returned() {
    in_both_versions(|version| {
        let entry = entry(version);
        entry.permit(What::Page(FRAME), PEER, ReadWrite::FLAGS);
        let page = Arc::new(UnsafeCell::new(0));
        let peer = thread::spawn({
            let page = page.clone();
            move || use_page(entry, &page)
        });
        let ended = entry.revoke_once() || entry.revoke();
        if ended {
            // SAFETY: the revocation excludes the peer, which the checker checks.
            page.with_mut(|byte| unsafe { *byte += 2 });
        }
        peer.join().unwrap();
        assert!(ended || entry.revoke(), "no peer uses it any more");
    });
}

fn group() -> Group {
    // SAFETY: no model accesses an entry.
    Group::new(GrantRef(64), unsafe { Places::new(NonNull::dangling(), None) })
}

/// A way to take references, as a mask.
type Take = fn(&Group) -> Option<u64>;

const ONE: Take = |group| group.take().map(|reference| 1 << (reference.0 - 64));
const ANY_ONE: Take = |group| group.take_any(1);
const TWO: Take = |group| group.take_run(2).map(|_| 3);
const ANY_TWO: Take = |group| group.take_any(2);

/// Takes references of the two that there are, uses their entries and returns them.
fn use_references(group: &Group, entries: &[UnsafeCell<u32>; 2], take: Take) {
    let Some(taken) = take(group) else { return };
    for (bit, entry) in entries.iter().enumerate() {
        if taken & 1 << bit != 0 {
            // SAFETY: the owner of the reference alone has access, which the checker checks.
            entry.with_mut(|word| unsafe { *word += 1 });
        }
    }
    group.give(GrantRef(64), taken);
}

/// D-G06.
#[test]
fn reference_has_one_owner() {
    let pairs =
        [(ONE, ONE), (ONE, TWO), (TWO, TWO), (ONE, ANY_ONE), (ANY_ONE, ANY_ONE), (TWO, ANY_TWO)];
    for takes in pairs {
        loom::model(move || {
            let group = Arc::new(group());
            group.give(GrantRef(64), 3);
            let entries = Arc::new([UnsafeCell::new(0), UnsafeCell::new(0)]);
            let other = thread::spawn({
                let (group, entries) = (group.clone(), entries.clone());
                move || use_references(&group, &entries, takes.0)
            });
            use_references(&group, &entries, takes.1);
            other.join().unwrap();
            assert_eq!(group.count(), 2);
        });
    }
}

#[test]
fn target_of_link_is_complete() {
    loom::model(|| {
        let target = Arc::new(UnsafeCell::new(0));
        let link = Arc::new(Link::to(NonNull::dangling()));
        let other = thread::spawn({
            let (link, target) = (link.clone(), target.clone());
            move || {
                // SAFETY: not published yet, which the checker checks.
                target.with_mut(|made| unsafe { *made = 1 });
                link.set(NonNull::from(&*target));
            }
        });
        if link.get() == Some(NonNull::from(&*target)) {
            // SAFETY: not written any more, which the checker checks.
            target.with(|made| assert_eq!(unsafe { *made }, 1));
        }
        other.join().unwrap();
    });
}

/// Memory whose one page a peer uses; the checker fails the model if the page is freed meanwhile.
#[derive(Clone)]
struct Watched(Memory, Option<Arc<UnsafeCell<u32>>>);

// SAFETY: forwards unchanged.
unsafe impl Hypercall for Watched {
    unsafe fn hypercall(&self, op: usize, args: [usize; 5]) -> isize {
        // SAFETY: the caller's obligations, unchanged.
        unsafe { self.0.hypercall(op, args) }
    }
}

// SAFETY: forwards unchanged.
unsafe impl Platform for Watched {
    fn alloc_pages(&self, count: NonZeroUsize) -> Option<NonNull<u8>> {
        self.0.alloc_pages(count)
    }

    unsafe fn free_pages(&self, pages: NonNull<u8>, count: NonZeroUsize) {
        if let Some(page) = &self.1 {
            // SAFETY: freed memory is not in use, which the checker checks.
            page.with_mut(|byte| unsafe { *byte += 2 });
        }
        // SAFETY: the caller's obligations, unchanged.
        unsafe { self.0.free_pages(pages, count) }
    }

    fn virt_to_gfn(&self, page: NonNull<u8>) -> Gfn {
        self.0.virt_to_gfn(page)
    }

    unsafe fn map_frames(&self, _first: Gfn, _count: NonZeroUsize) -> Option<NonNull<u8>> {
        None
    }

    fn claims(&self) -> &Claims {
        self.0.claims()
    }

    fn now(&self) -> Instant {
        self.0.now()
    }

    fn wait(&self, _ports: &[Port], _deadline: Option<Instant>) {}
}

/// D-G01: a page whose end was deferred, while its peer stops using it and two vCPUs try again.
#[test]
fn deferred_page_is_freed_once() {
    in_both_versions(|version| {
        let entry = entry(version);
        entry.permit(What::Page(FRAME), PEER, ReadWrite::FLAGS);
        let memory = Memory::default();
        let page = Arc::new(UnsafeCell::new(0));
        let pages =
            Pages::alloc(Watched(memory.clone(), Some(page.clone())), 1).unwrap().into_shared();
        let deferred = Arc::new(DeferredList::new(Watched(memory.clone(), None)));
        deferred.add(Held { pages: Some(pages), first: GrantRef(9), left: 1 });
        let retry = move |deferred: &DeferredList<Watched>| {
            deferred.sweep(|_, left| if entry.revoke() { 0 } else { left });
        };
        let peer = thread::spawn(move || use_page(entry, &page));
        let other = thread::spawn({
            let deferred = deferred.clone();
            move || retry(&deferred)
        });
        retry(&deferred);
        peer.join().unwrap();
        other.join().unwrap();
        retry(&deferred);
        assert_eq!(deferred.count(), DeferredGrants::default());
        assert_eq!(memory.pages(), 0);
    });
}

/// The last access of one owner comes before the first one of the next.
#[test]
fn claim_orders_its_owners() {
    loom::model(|| {
        let memory = Memory::default();
        let frame = Arc::new(UnsafeCell::new(0));
        let own = |memory: &Memory, frame: &UnsafeCell<u32>| {
            if let Ok(claim) = Claim::take(memory.clone(), Singleton::GrantTable) {
                // SAFETY: one owner at a time, which the checker checks.
                frame.with_mut(|word| unsafe { *word += 1 });
                drop(claim);
            }
        };
        let other = thread::spawn({
            let (memory, frame) = (memory.clone(), frame.clone());
            move || own(&memory, &frame)
        });
        own(&memory, &frame);
        other.join().unwrap();
        assert!(!memory.claims().is_taken(Singleton::GrantTable));
    });
}

/// A value that is written when it is dropped.
struct Counted(UnsafeCell<u32>);

// SAFETY: the model's threads follow the reference's contract, which the checker checks.
unsafe impl Send for Counted {}
// SAFETY: as above.
unsafe impl Sync for Counted {}

impl Drop for Counted {
    fn drop(&mut self) {
        // SAFETY: no reference is left, which the checker checks.
        self.0.with_mut(|count| unsafe { *count = 0 });
    }
}

/// The grant table is shared by `PageArc`: the last reference's drop follows all uses through the
/// others.
#[test]
fn last_reference_drops_after_all_uses() {
    loom::model(|| {
        let memory = Memory::default();
        let first = PageArc::new(memory.clone(), Counted(UnsafeCell::new(0))).unwrap();
        let second = first.clone();
        let user = thread::spawn(move || {
            // SAFETY: the other thread does not use the value.
            second.0.with_mut(|count| unsafe { *count += 1 });
        });
        drop(first);
        user.join().unwrap();
        assert_eq!(memory.pages(), 0);
    });
}
