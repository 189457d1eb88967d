//! The table itself: its version, its growth, and its state after a suspend.

use crate::common::{in_both_versions, large_pair, pages, pair, per_frame, table};
use core::num::NonZeroUsize;
use core::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use xen_grant::{
    DeferredGrants, DmaBuffer, GrantError, GrantMapArea, GrantTable, MapError, ReadOnly, ReadWrite,
    Version,
};
use xen_hypercall::boot::PlaceError;
use xen_hypercall::ops::grant_table::{get_version, set_version};
use xen_hypercall::ops::sched::{SuspendOutcome, suspend};
use xen_hypercall::{
    Claims, DomId, Errno, Gfn, GrantRef, Hypercall, Instant, Pages, Platform, Port, observe_loads,
};
use xen_sim::{Call, Domain, DomainConfig, Interpose, Interposed, World};
use xen_sys::grant_table::{GNTTABOP_SET_VERSION, GrantStatus};
use xen_sys::memory::XENMEM_ADD_TO_PHYSMAP;
use xen_sys::xen::{HYPERVISOR_GRANT_TABLE_OP, HYPERVISOR_MEMORY_OP};

/// A count of the frames that are put into the memory map, and of the one that is refused: the
/// first, the second and so on, or none for zero.
#[derive(Default)]
struct Frames {
    refused: AtomicU32,
    placed: AtomicU32,
}

fn places(call: &Call) -> bool {
    call.op == HYPERVISOR_MEMORY_OP && call.command() == XENMEM_ADD_TO_PHYSMAP
}

impl Interpose for Frames {
    fn hypercall(&self, call: &Call) -> Option<isize> {
        let refused = places(call) && self.refused.fetch_sub(1, Ordering::Relaxed) == 1;
        refused.then_some(-Errno::ENOMEM.0 as isize)
    }

    fn result(&self, call: &Call, result: isize) {
        self.placed.fetch_add(u32::from(places(call) && result == 0), Ordering::Relaxed);
    }
}

fn resumed_table_keeps_its_references(version: Version) {
    let (world, front, back) = pair(4);
    let frames = Arc::new(Frames::default());
    let front = Interposed::new(front, frames.clone());
    let grants = table(&front, version);
    let pages = |count| Pages::alloc(front.clone(), count).unwrap();
    let many: Vec<_> =
        (0..32).map(|_| grants.grant_writable(pages(16), back.id()).unwrap()).collect();
    let mut buffer = DmaBuffer::alloc(front.clone(), 1).unwrap();
    buffer.grant(&grants, back.id(), 1).unwrap();
    let free = grants.free();
    let held = grants.grant_read_only(pages(1), back.id()).unwrap();
    let window = GrantMapArea::reserve(back.clone(), 1).unwrap();
    let mapping = window.map::<ReadOnly>(front.inner().id(), held.refs()).unwrap();
    assert!(held.end_access().is_err());
    drop(mapping);
    assert_eq!(grants.retry_deferred().waiting, 0);
    let kept = grants.grant_writable(pages(1), back.id()).unwrap();
    // 513 references take two frames of version 1, or three of version 2 and one of states.
    let needed = if version == Version::V1 { 2 } else { 4 };
    assert_eq!(frames.placed.swap(0, Ordering::Relaxed), needed);

    // A resumed domain has an empty table, as does one whose version was changed twice.
    let (now, other) = if version == Version::V1 { (1, 2) } else { (2, 1) };
    // SAFETY: simulated memory stays mapped, and the table is not used before it is resumed.
    let set = |version| unsafe { set_version(&front, version) }.unwrap();
    set(other);
    set(now);
    grants.resume().unwrap();
    assert_eq!(frames.placed.load(Ordering::Relaxed), needed, "all frames are there again");
    assert_eq!(grants.free(), free - 1, "references of before the suspend have their owners");
    let window = GrantMapArea::reserve(back.clone(), 1).unwrap();
    let failed = window.map::<ReadWrite>(front.inner().id(), kept.refs()).unwrap_err();
    assert!(matches!(failed.error, MapError::Refused { .. }), "{failed}");
    assert!(
        kept.end_access().is_ok() && many.into_iter().all(|shared| shared.end_access().is_ok())
    );
    let again = grants.grant_writable(pages(1), back.id()).unwrap();
    let window = failed.area.unwrap();
    drop(window.map::<ReadWrite>(front.inner().id(), again.refs()).unwrap());
    // For a connection of the same number.
    buffer.grant(&grants, back.id(), 1).unwrap();
    let refs: Vec<_> = buffer.refs().collect();
    let window = GrantMapArea::reserve(back.clone(), 1).unwrap();
    drop(window.map::<ReadWrite>(front.inner().id(), &refs).unwrap());
    drop((again, buffer));
    drop(grants);
    world.check().unwrap();
}

/// Suspends a domain of one vCPU that uses no mapping of another domain's memory.
fn sleep(guest: &Domain) -> SuspendOutcome {
    // SAFETY: no other vCPU runs, and the table is resumed before it is used.
    unsafe { suspend(guest) }.unwrap()
}

fn old_grants_end_after_migration(version: Version) {
    let (from, to) = (World::new(1), World::new(2));
    let guest = from.create_guest(DomainConfig::new("guest"));
    let peer = from.create(DomainConfig::new("peer"));
    let grants = table(&guest, version);
    let mut many: Vec<_> =
        (0..40).map(|_| grants.grant_writable(pages(&guest, 16), peer.id()).unwrap()).collect();
    let free = grants.free();
    // One that its peer uses to the end, and one that is deferred.
    let window = || GrantMapArea::reserve(peer.clone(), 16).unwrap();
    let mapped = window().map::<ReadWrite>(guest.id(), many[0].refs()).unwrap();
    let also = window().map::<ReadOnly>(guest.id(), many[1].refs()).unwrap();
    assert!(many.remove(1).end_access().is_err());
    assert_eq!(grants.deferred(), DeferredGrants { waiting: 1, lost: 0 });

    let (id, second) = (guest.id(), to.clone());
    from.suspend(id, move |world| drop(second.restore(world.save(id), None)));
    assert_eq!(sleep(&guest), SuspendOutcome::Resumed);
    grants.resume().unwrap();
    assert_eq!((grants.version(), grants.deferred()), (version, DeferredGrants::default()));
    assert_eq!(grants.free(), free + 16);
    assert!(many.into_iter().all(|shared| shared.end_access().is_ok()));

    let peer = to.create(DomainConfig::new("peer"));
    let shared = grants.grant_writable(pages(&guest, 16), peer.id()).unwrap();
    let mapping = GrantMapArea::reserve(peer, 16)
        .unwrap()
        .map::<ReadWrite>(guest.id(), shared.refs())
        .unwrap();
    mapping.as_ref().write(5000, b"hello").unwrap();
    assert_eq!(shared.as_ref().read::<[u8; 5]>(5000), Some(*b"hello"));
    drop((mapping, mapped, also));
    drop(shared);
    drop(grants);
    to.check().unwrap();
}

fn cancelled_suspend_changes_nothing(version: Version) {
    let world = World::new(1);
    let guest = world.create_guest(DomainConfig::new("guest"));
    let peer = world.create(DomainConfig::new("peer"));
    let grants = table(&guest, version);
    let shared = grants.grant_writable(pages(&guest, 1), peer.id()).unwrap();
    let mapping = GrantMapArea::reserve(peer, 1)
        .unwrap()
        .map::<ReadWrite>(guest.id(), shared.refs())
        .unwrap();
    let id = guest.id();
    world.suspend(id, move |world| world.resume(id, SuspendOutcome::Cancelled));
    assert_eq!(sleep(&guest), SuspendOutcome::Cancelled);
    grants.resume().unwrap();
    mapping.as_ref().write(0, b"still").unwrap();
    assert_eq!(shared.as_ref().read::<[u8; 5]>(0), Some(*b"still"));
    assert!(shared.end_access().is_err(), "it is in use");
    drop(mapping);
    assert_eq!(grants.retry_deferred(), DeferredGrants::default());
    drop(grants);
    world.check().unwrap();
}

/// Ports of before the suspend stay open if it was cancelled, so no epoch may begin then.
#[test]
fn only_new_domain_begins_epoch() {
    for (used, elsewhere) in [(false, false), (true, false), (true, true)] {
        let world = World::new(1);
        let guest = world.create_guest(DomainConfig::new("guest"));
        let grants = table(&guest, Version::V1);
        let shared = used.then(|| grants.grant_writable(pages(&guest, 1), DomId(0)).unwrap());
        let id = guest.id();
        world.suspend(id, move |world| {
            if elsewhere {
                world.restore(world.save(id), None);
            } else {
                world.resume(id, SuspendOutcome::Cancelled);
            }
        });
        let before = guest.claims().epoch();
        sleep(&guest);
        grants.resume().unwrap();
        assert_eq!(guest.claims().epoch() - before, u32::from(elsewhere), "{used}");
        drop(shared);
    }
}

/// A host that refuses version 2 once the flag is set.
#[derive(Default)]
struct Old(AtomicBool);

impl Interpose for Old {
    fn hypercall(&self, call: &Call) -> Option<isize> {
        let choice = call.op == HYPERVISOR_GRANT_TABLE_OP && call.command() == GNTTABOP_SET_VERSION;
        (choice && self.0.load(Ordering::Relaxed)).then_some(-Errno::ENOSYS.0 as isize)
    }
}

#[test]
fn version_2_falls_back_to_1() {
    let (_world, front, back) = pair(4);
    let platform = Interposed::new(front, Arc::new(Old(true.into())));
    let grants = GrantTable::with_version(platform.clone(), Version::V2).unwrap();
    assert_eq!(grants.version(), Version::V1);
    let error = GrantError::Version { found: Version::V1, needed: Version::V2 };
    let page = Pages::alloc(platform, 1).unwrap();
    let failed = grants.grant_sub_page::<ReadOnly>(page, back.id(), 0, 1).unwrap_err();
    assert_eq!(failed.error, error);
    assert_eq!(
        grants.grant_transitive::<ReadOnly>(DomId(0), GrantRef(8), back.id()).unwrap_err(),
        error
    );
    assert!(grants.grant_writable(failed.pages, back.id()).is_ok());
}

#[test]
fn resume_without_the_version_fails() {
    let (_world, front, _back) = pair(4);
    let host = Arc::new(Old::default());
    let platform = Interposed::new(front, host.clone());
    let grants = GrantTable::with_version(platform.clone(), Version::V2).unwrap();
    // SAFETY: the table has no valid entry, and is not used until it is resumed.
    unsafe { set_version(&platform, 1) }.unwrap();
    host.0.store(true, Ordering::Relaxed);
    let error = GrantError::Version { found: Version::V1, needed: Version::V2 };
    assert_eq!(grants.resume(), Err(error));
    host.0.store(false, Ordering::Relaxed);
    grants.resume().unwrap();
    assert_eq!(get_version(&platform, DomId::SELF), Ok(2));
}

fn entries_in_use_are_not_free(version: Version) {
    let (world, front, back) = pair(4);
    let old = table(&front, version);
    let shared = old.grant_read_only(pages(&front, 3), back.id()).unwrap();
    let left = shared.refs()[1];
    let mapping = GrantMapArea::reserve(back.clone(), 1)
        .unwrap()
        .map::<ReadOnly>(front.id(), &[left])
        .unwrap();
    assert!(shared.end_access().is_err());
    drop(old);
    // The version can't change while a grant is in use, so the other one is refused.
    let other = if version == Version::V1 { Version::V2 } else { Version::V1 };
    let new = GrantTable::with_version(front.clone(), other).unwrap();
    assert_eq!((new.version(), new.free() as usize), (version, per_frame(version) - 8 - 1));
    let all: Vec<_> =
        (0..new.free()).map(|_| new.grant_writable(pages(&front, 1), back.id()).unwrap()).collect();
    assert!(all.iter().all(|shared| shared.reference() != left));
    drop(all);
    drop((new, mapping));
    drop(world);
}

#[test]
fn version_2_table_grows_to_limit() {
    let (world, front, back) = pair(70);
    let grants = table(&front, Version::V2);
    let grant = || grants.grant_transitive::<ReadOnly>(DomId(9), GrantRef(8), back.id());
    let mut all: Vec<_> = (0..70 * 256 - 8).map(|_| grant().unwrap()).collect();
    assert_eq!(grant().unwrap_err(), GrantError::Exhausted { frames: 70 });
    let mut seen = vec![0; 70 * 256];
    all.iter().for_each(|one| seen[one.reference().0 as usize] += 1);
    assert!(seen[..8].iter().all(|&times| times == 0) && seen[8..].iter().all(|&times| times == 1));
    // Any that comes back is found, wherever it is.
    for index in [9_000, 5, 17_000] {
        let one = all.swap_remove(index);
        let reference = one.reference();
        one.end_access().unwrap();
        assert_eq!(grants.free(), 1);
        all.push(grant().unwrap());
        assert_eq!(all.last().unwrap().reference(), reference);
    }
    drop(all);
    drop(grants);
    world.check().unwrap();
}

#[test]
fn version_1_table_grows_to_limit() {
    let (world, front, back) = large_pair(4);
    let grants = table(&front, Version::V1);
    let share = || {
        let page = Pages::alloc(front.clone(), 1).unwrap();
        grants.grant_read_only(page, back.id()).map_err(|failed| failed.error)
    };
    let mut all: Vec<_> = (0..4 * 512 - 8).map(|_| share().unwrap()).collect();
    assert_eq!(share().unwrap_err(), GrantError::Exhausted { frames: 4 });
    let mut seen = vec![0; 4 * 512];
    all.iter().for_each(|one| seen[one.reference().0 as usize] += 1);
    assert!(seen[..8].iter().all(|&times| times == 0) && seen[8..].iter().all(|&times| times == 1));
    // A reference of each frame comes back and is used again.
    for index in [0, 700, 1_100, 2_000] {
        let one = all.swap_remove(index);
        let reference = one.reference();
        one.end_access().unwrap();
        all.push(share().unwrap());
        assert_eq!(all.last().unwrap().reference(), reference);
    }
    drop(all);
    drop(grants);
    world.check().unwrap();
}

fn failed_growth_resumes_where_it_stopped(version: Version) {
    let (world, front, back) = large_pair(9);
    let frames = Arc::new(Frames::default());
    let platform = Interposed::new(front, frames.clone());
    let grants = table(&platform, version);
    let fill = || {
        let shared = Pages::alloc(platform.clone(), 8).unwrap();
        grants.grant_read_only(shared, back.id()).map_err(|failed| failed.error)
    };
    // Up to frame 8, which in version 2 needs a second frame of states.
    let mut all: Vec<_> = (0..(8 * per_frame(version) - 8) / 8).map(|_| fill().unwrap()).collect();
    frames.placed.store(0, Ordering::Relaxed);
    let refusals: &[u32] = if version == Version::V1 { &[1, 1] } else { &[1, 2, 1] };
    for &refusal in refusals {
        frames.refused.store(refusal, Ordering::Relaxed);
        assert_eq!(fill().unwrap_err(), GrantError::Grow(PlaceError::Xen(Errno::ENOMEM)));
    }
    all.extend((0..per_frame(version) / 8).map(|_| fill().unwrap()));
    let needed = if version == Version::V1 { 1 } else { 2 };
    assert_eq!(frames.placed.load(Ordering::Relaxed), needed, "each is placed once");
    drop(all);
    drop(grants);
    world.check().unwrap();
}

fn half_grown_table_grows_after_resume(version: Version) {
    let world = World::new(1);
    let mut config = DomainConfig::new("guest");
    config.pages = 6000;
    let guest = world.create_guest(config);
    let peer = world.create(DomainConfig::new("peer"));
    let frames = Arc::new(Frames::default());
    let platform = Interposed::new(guest.clone(), frames.clone());
    let grants = table(&platform, version);
    let pages = |count| Pages::alloc(platform.clone(), count).unwrap();
    // Up to the frame that, in version 2, needs a second frame of states: that one is refused when
    // the entries are in place.
    let count =
        if version == Version::V1 { per_frame(version) } else { 8 * per_frame(version) } - 8;
    let all: Vec<_> =
        (0..count / 8).map(|_| grants.grant_writable(pages(8), peer.id()).unwrap()).collect();
    if version == Version::V2 {
        frames.refused.store(2, Ordering::Relaxed);
        assert!(grants.grant_writable(pages(8), peer.id()).is_err());
    }
    // With the new frame, and again when it is one of those that are there.
    for _ in 0..2 {
        let (id, saved) = (guest.id(), world.clone());
        world.suspend(id, move |_| drop(saved.restore(saved.save(id), None)));
        assert_eq!(sleep(&guest), SuspendOutcome::Resumed);
        grants.resume().unwrap();
        // The entries in the new frame, and their states, are those that Xen has.
        let last = grants.grant_writable(pages(8), peer.id()).unwrap();
        let window = GrantMapArea::reserve(peer.clone(), 8).unwrap();
        let mapping = window.map::<ReadWrite>(guest.id(), last.refs()).unwrap();
        mapping.as_ref().write(8, &7u64).unwrap();
        assert_eq!(last.as_ref().read::<u64>(8), Some(7));
        assert!(last.end_access().is_err(), "it is in use");
        drop(mapping);
        assert_eq!(grants.retry_deferred(), DeferredGrants::default());
    }
    drop(all);
}

fn single_references_keep_to_their_group(version: Version) {
    let (_world, front, back) = pair(4);
    let grants = table(&front, version);
    let share = || grants.grant_read_only(pages(&front, 1), back.id()).unwrap();
    let first: Vec<_> = (8..64).map(|_| share()).collect();
    let second = share();
    assert_eq!(second.reference(), GrantRef(64));
    drop(first);
    assert_eq!(share().reference(), GrantRef(65));
}

fn second_caller_waits_for_new_references(version: Version) {
    let (_world, front, back) = large_pair(2);
    let grants = table(&front, version);
    let peer = back.id();
    let share = move |grants: &GrantTable<Domain>, count| {
        grants.grant_read_only(Pages::alloc(grants.platform().clone(), count).unwrap(), peer)
    };
    let count = (per_frame(version) - 8) / 8;
    let full: Vec<_> = (0..count).map(|_| share(&grants, 8).unwrap()).collect();
    // Others come with the first load of an entry of the frame that is new.
    let mut others = Vec::new();
    let mut come = |_, _| {
        while others.len() < 4 {
            let grants = grants.clone();
            let other = move || share(&grants, 1).map(drop).map_err(|failed| failed.error);
            others.push(std::thread::spawn(other));
            (0..20).for_each(|_| std::thread::yield_now());
        }
    };
    let one = observe_loads(&mut come, || share(&grants, 1)).unwrap();
    assert_eq!(others.len(), 4);
    for other in others {
        assert_eq!(other.join().unwrap(), Ok(()), "the table is not full");
    }
    drop((full, one));
}

/// A domain with memory beyond the frames of version 1.
#[derive(Clone)]
struct High(Domain, Arc<AtomicBool>);

const FAR: u64 = 1 << 32;

// SAFETY: forwards unchanged.
unsafe impl Hypercall for High {
    unsafe fn hypercall(&self, op: usize, args: [usize; 5]) -> isize {
        // SAFETY: the caller's obligations, unchanged.
        unsafe { self.0.hypercall(op, args) }
    }
}

// SAFETY: forwards unchanged, except for frame numbers of no memory, by which no peer can access
// any.
unsafe impl Platform for High {
    fn alloc_pages(&self, count: NonZeroUsize) -> Option<NonNull<u8>> {
        self.0.alloc_pages(count)
    }

    unsafe fn free_pages(&self, pages: NonNull<u8>, count: NonZeroUsize) {
        // SAFETY: the caller's obligations, unchanged.
        unsafe { self.0.free_pages(pages, count) }
    }

    fn virt_to_gfn(&self, page: NonNull<u8>) -> Gfn {
        let far = if self.1.load(Ordering::Relaxed) { FAR } else { 0 };
        Gfn(self.0.virt_to_gfn(page).0 + far)
    }

    unsafe fn map_frames(&self, first: Gfn, count: NonZeroUsize) -> Option<NonNull<u8>> {
        // SAFETY: the caller's obligations, unchanged.
        unsafe { self.0.map_frames(first, count) }
    }

    fn claims(&self) -> &Claims {
        self.0.claims()
    }

    fn now(&self) -> Instant {
        self.0.now()
    }

    fn wait(&self, ports: &[Port], deadline: Option<Instant>) {
        self.0.wait(ports, deadline);
    }
}

fn high_frames_need_version_2(version: Version) {
    let (_world, front, back) = pair(4);
    let platform = High(front.clone(), Arc::default());
    let grants = table(&platform, version);
    platform.1.store(true, Ordering::Relaxed);
    for count in [1, 2] {
        let pages = Pages::alloc(platform.clone(), count).unwrap();
        let gfn = pages.gfn(0).unwrap();
        let shared = grants.grant_writable(pages, back.id());
        if version == Version::V1 {
            let failed = shared.unwrap_err();
            assert_eq!(
                (failed.error, failed.pages.count()),
                (GrantError::FrameTooHigh(gfn), count)
            );
            continue;
        }
        let shared = shared.unwrap();
        let window = GrantMapArea::reserve(back.clone(), 2).unwrap();
        let failed = window.map::<ReadWrite>(front.id(), shared.refs()).unwrap_err();
        assert!(
            matches!(failed.error, MapError::Refused { status: GrantStatus::BAD_PAGE, .. }),
            "{failed}"
        );
        assert_eq!(failed.statuses(), vec![GrantStatus::BAD_PAGE; count]);
    }
}

in_both_versions! {
    resumed_table_keeps_its_references
    old_grants_end_after_migration
    cancelled_suspend_changes_nothing
    entries_in_use_are_not_free
    failed_growth_resumes_where_it_stopped
    high_frames_need_version_2
    half_grown_table_grows_after_resume
    second_caller_waits_for_new_references
    single_references_keep_to_their_group
}
