//! Checks of a world at its end: each broken rule is reported, and nothing else.

use core::num::NonZeroUsize;
use core::ptr::NonNull;
use xen_evtchn::Channel;
use xen_grant::{GrantMapArea, GrantTable, ReadWrite};
use xen_hypercall::{DomId, ForeignFrames, Pages, Platform, SharedMem, boot, ops};
use xen_sim::{Domain, DomainConfig, Violation, World};
use xen_store::XenStore;
use xen_sys::grant_table::{GnttabMapGrantRef, GnttabUnmapGrantRef, GrantMapFlags, GrantStatus};

const ONE: NonZeroUsize = NonZeroUsize::MIN;

/// Creates a world with a domain that grants and one that maps.
fn pair() -> (World, Domain, Domain) {
    let world = World::new(1);
    let front = world.create_guest(DomainConfig::new("front"));
    let back = world.create_guest(DomainConfig::new("back"));
    world.check().unwrap();
    (world, front, back)
}

fn found(world: &World) -> Vec<Violation> {
    world.check().map_or_else(|findings| findings.violations, |()| Vec::new())
}

fn page(domain: &Domain) -> NonNull<u8> {
    domain.alloc_pages(ONE).unwrap()
}

fn free(domain: &Domain, page: NonNull<u8>) {
    // SAFETY: simulated memory stays mapped; the check of later accesses is under test.
    unsafe { domain.free_pages(page, ONE) }
}

#[test]
fn open_port_is_detected() {
    let (world, front, _) = pair();
    let port = Channel::alloc_unbound(front.clone(), DomId(0)).unwrap();
    assert_eq!(found(&world), [Violation::PortOpen { domain: front.id(), port: port.port() }]);
    drop(port);
    world.check().unwrap();
}

#[test]
fn active_grant_and_page_are_detected() {
    let (world, front, back) = pair();
    let grants = GrantTable::new(front.clone()).unwrap();
    let table_pages = found(&world).len();
    let shared = grants.grant_writable(Pages::alloc(front.clone(), 1).unwrap(), back.id()).unwrap();
    let grant = shared.refs()[0];
    let live = Violation::GrantLive { domain: front.id(), grant, peer: back.id() };
    let all = found(&world);
    assert!(all.contains(&live) && all.len() == table_pages + 2, "{all:?}");
    drop(shared);
    drop(grants);
    world.check().unwrap();
}

#[test]
fn mapping_and_its_frames_are_detected() {
    let (world, front, back) = pair();
    let grants = GrantTable::new(front.clone()).unwrap();
    let shared = grants.grant_writable(Pages::alloc(front.clone(), 1).unwrap(), back.id()).unwrap();
    let window = GrantMapArea::reserve(back.clone(), 1).unwrap();
    let mapping = window.map::<ReadWrite>(front.id(), shared.refs()).unwrap();
    let grant = Some(shared.refs()[0]);
    let all = found(&world);
    assert!(
        all.contains(&Violation::MappingLive { domain: back.id(), peer: front.id(), grant }),
        "{all:?}"
    );
    assert!(all.contains(&Violation::FramesReserved { domain: back.id(), count: 1 }), "{all:?}");
    drop(mapping);
    drop(shared);
    drop(grants);
    world.check().unwrap();
}

#[test]
fn lost_pages_and_frames_are_detected() {
    let (world, front, _) = pair();
    let lost = page(&front);
    let gfn = front.virt_to_gfn(lost).0;
    let range = front.reserve_frames(NonZeroUsize::new(3).unwrap()).unwrap();
    let domain = front.id();
    let expected =
        [Violation::PageLost { domain, gfn }, Violation::FramesReserved { domain, count: 3 }];
    assert_eq!(found(&world), expected);
    free(&front, lost);
    // SAFETY: nothing is mapped there.
    unsafe { front.release_frames(range) };
    world.check().unwrap();
}

#[test]
fn free_of_used_page_is_detected() {
    let (world, front, back) = pair();
    let domain = front.id();
    let grants = GrantTable::new(front.clone()).unwrap();
    let pages = Pages::alloc(front.clone(), 1).unwrap();
    let gfn = pages.gfn(0).unwrap().0;
    let shared = grants.grant_writable(pages, back.id()).unwrap();
    let address = page_of(&front, gfn);
    let window = GrantMapArea::reserve(back.clone(), 1).unwrap();
    let mapping = window.map::<ReadWrite>(front.id(), shared.refs()).unwrap();
    free(&front, address);
    let grant = shared.refs()[0];
    assert_eq!(
        world.violations(),
        [
            Violation::FreedWhileGranted { domain, gfn, grant },
            Violation::FreedWhileMapped { domain, gfn }
        ]
    );
    drop(mapping);
    core::mem::forget(shared);
}

/// Returns the address of a domain's frame.
fn page_of(domain: &Domain, gfn: u64) -> NonNull<u8> {
    // SAFETY: the frame is RAM of the domain, and is not accessed.
    unsafe { domain.map_frames(xen_hypercall::Gfn(gfn), ONE) }.unwrap()
}

#[test]
fn write_after_free_is_detected_twice() {
    let (world, front, _) = pair();
    let freed = page(&front);
    let (domain, gfn) = (front.id(), front.virt_to_gfn(freed).0);
    free(&front, freed);
    world.check().unwrap();
    // SAFETY: simulated memory stays mapped, and is reached through atomics alone.
    let memory = unsafe { SharedMem::from_raw(freed, 4096) };
    memory.write(100, &7u8).unwrap();
    let written_after_free = Violation::WrittenAfterFree { domain, gfn };
    assert_eq!(found(&world), core::slice::from_ref(&written_after_free));
    assert_eq!(world.violations(), []);
    let again = page(&front);
    assert_eq!((again, world.violations()), (freed, vec![written_after_free]));
}

#[test]
fn invalid_free_is_detected() {
    let (world, front, _) = pair();
    let twice = page(&front);
    let (domain, gfn) = (front.id(), front.virt_to_gfn(twice).0);
    free(&front, twice);
    free(&front, twice);
    let mut elsewhere = xen_hypercall::Page::ZERO;
    free(&front, NonNull::from(&mut elsewhere).cast());
    let range = front.reserve_frames(ONE).unwrap();
    // SAFETY: released twice, which is what is tried here; nothing is there.
    unsafe { (front.release_frames(range), front.release_frames(range)) };
    let bad = |gfn| Violation::BadFree { domain, gfn };
    assert_eq!(world.violations(), [bad(gfn), bad(0), bad(range.first.0)]);
}

#[test]
fn map_of_own_grant_is_detected() {
    let (world, front, _back) = pair();
    let grants = GrantTable::new(front.clone()).unwrap();
    let shared =
        grants.grant_writable(Pages::alloc(front.clone(), 1).unwrap(), front.id()).unwrap();
    let range = front.reserve_frames(ONE).unwrap();
    let map = |dom| {
        let host_addr = range.first.address();
        let ref_ = shared.reference();
        let flags = GrantMapFlags::HOST_MAP;
        let mut map = [GnttabMapGrantRef { host_addr, flags, ref_, dom, ..Default::default() }];
        // SAFETY: neither the page nor its new place is accessed.
        unsafe { ops::grant_table::map_grant_ref(&front, &mut map) }.unwrap();
        map[0].status
    };
    assert_eq!(map(DomId::SELF), GrantStatus::BAD_DOMAIN, "DOMID_SELF is no owner");
    assert!(world.violations().is_empty());
    assert_eq!(map(front.id()), GrantStatus::OKAY);
    let moved = Violation::MappedOwnGrant { domain: front.id(), grant: shared.reference() };
    assert_eq!(world.violations(), [moved]);
}

#[test]
fn map_over_ram_is_detected() {
    let (world, front, back) = pair();
    let grants = GrantTable::new(front.clone()).unwrap();
    let shared = grants.grant_writable(Pages::alloc(front.clone(), 1).unwrap(), back.id()).unwrap();
    let ram = page(&back);
    let gfn = back.virt_to_gfn(ram);
    let mut map = [GnttabMapGrantRef {
        host_addr: gfn.0 * 4096,
        flags: GrantMapFlags::HOST_MAP,
        ref_: shared.refs()[0],
        dom: front.id(),
        ..Default::default()
    }];
    // SAFETY: the page is not accessed.
    unsafe { ops::grant_table::map_grant_ref(&back, &mut map) }.unwrap();
    assert_eq!(world.violations(), [Violation::MappedOverRam { domain: back.id(), gfn: gfn.0 }]);
    let mut unmap = [GnttabUnmapGrantRef {
        host_addr: gfn.0 * 4096,
        handle: map[0].handle,
        ..Default::default()
    }];
    // SAFETY: as above.
    unsafe { ops::grant_table::unmap_grant_ref(&back, &mut unmap) }.unwrap();
    drop(shared);
}

#[test]
fn open_watch_and_transaction_are_detected() {
    let (world, front, _) = pair();
    let store = XenStore::new(front.clone(), boot::xenstore_ring(front.clone()).unwrap()).unwrap();
    let before = found(&world).len();
    let watch = store.watch("data").unwrap();
    let transaction = store.begin_transaction().unwrap();
    let domain = front.id();
    let all = found(&world);
    assert!(all.contains(&Violation::WatchLive { domain, path: "data".to_owned() }), "{all:?}");
    let open = |violation: &Violation| matches!(violation, Violation::TransactionOpen { .. });
    assert!(all.iter().any(open) && all.len() == before + 2, "{all:?}");
    drop((watch, transaction));
    drop(store);
    world.run_until_idle();
    world.check().unwrap();
}

#[test]
fn exceeded_page_budget_is_detected() {
    let world = World::new(1);
    let guest = world.create(DomainConfig { page_budget: 4, ..DomainConfig::new("guest") });
    let pages: Vec<_> = (0..4).map(|_| page(&guest)).collect();
    assert_eq!(world.violations(), []);
    let more = [page(&guest), page(&guest)];
    pages.into_iter().chain(more).for_each(|page| free(&guest, page));
    let over = |pages| Violation::OverBudget { domain: guest.id(), pages };
    assert_eq!(found(&world), [over(5), over(6)]);
    assert_eq!(guest.counters().pages_peak, 6);
    let _ = page(&guest);
    assert_eq!(world.violations().len(), 2, "a peak is reported once");
}

#[test]
fn toolstack_and_dead_domains_are_excluded() {
    let (world, front, back) = pair();
    let grants = GrantTable::new(front.clone()).unwrap();
    let shared = grants.grant_writable(Pages::alloc(front.clone(), 1).unwrap(), back.id()).unwrap();
    core::mem::forget(shared);
    core::mem::forget(Channel::alloc_unbound(front.clone(), back.id()).unwrap());
    core::mem::forget(grants);
    assert!(world.check().is_err());
    world.destroy(front.id());
    world.check().unwrap();
}
