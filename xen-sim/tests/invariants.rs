//! What a world checks at the end: for each rule, a domain that breaks it and is found out, and
//! nothing else is found.

use core::num::NonZeroUsize;
use core::ptr::NonNull;
use xen_evtchn::Channel;
use xen_grant::{GrantTable, ReadWrite, Window};
use xen_hypercall::{DomId, ForeignFrames, Pages, Platform, SharedMem, ops, start};
use xen_sim::{Domain, DomainConfig, Violation, World};
use xen_store::XenStore;
use xen_sys::grant_table::{GnttabMapGrantRef, GnttabUnmapGrantRef, GrantMapFlags, GrantStatus};

const ONE: NonZeroUsize = NonZeroUsize::MIN;

/// A world with a domain that shares and one that maps.
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
    // SAFETY: simulated memory stays mapped; that nobody should refer to it any more is what is
    // tried here.
    unsafe { domain.free_pages(page, ONE) }
}

#[test]
fn a_port_that_stays_open_is_found() {
    let (world, front, _) = pair();
    let port = Channel::alloc_unbound(front.clone(), DomId(0)).unwrap();
    assert_eq!(found(&world), [Violation::PortOpen { domain: front.id(), port: port.port() }]);
    drop(port);
    world.check().unwrap();
}

#[test]
fn a_grant_that_stays_in_force_is_found_and_so_is_its_page() {
    let (world, front, back) = pair();
    let grants = GrantTable::new(front.clone()).unwrap();
    let table_pages = found(&world).len();
    let shared = grants.share_writable(Pages::alloc(front.clone(), 1).unwrap(), back.id()).unwrap();
    let grant = shared.refs()[0];
    let live = Violation::GrantLive { domain: front.id(), grant, peer: back.id() };
    let all = found(&world);
    assert!(all.contains(&live) && all.len() == table_pages + 2, "{all:?}");
    drop(shared);
    drop(grants);
    world.check().unwrap();
}

#[test]
fn a_mapping_that_stays_in_place_is_found_and_so_are_its_frames() {
    let (world, front, back) = pair();
    let grants = GrantTable::new(front.clone()).unwrap();
    let shared = grants.share_writable(Pages::alloc(front.clone(), 1).unwrap(), back.id()).unwrap();
    let window = Window::reserve(back.clone(), 1).unwrap();
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
fn a_page_that_is_lost_and_frames_that_are_not_released_are_found() {
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
fn a_page_that_is_freed_while_it_is_granted_or_mapped_is_found() {
    let (world, front, back) = pair();
    let domain = front.id();
    let grants = GrantTable::new(front.clone()).unwrap();
    let pages = Pages::alloc(front.clone(), 1).unwrap();
    let gfn = pages.gfn(0).unwrap().0;
    let shared = grants.share_writable(pages, back.id()).unwrap();
    let address = page_of(&front, gfn);
    let window = Window::reserve(back.clone(), 1).unwrap();
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

/// Returns where a domain sees one of its frames.
fn page_of(domain: &Domain, gfn: u64) -> NonNull<u8> {
    // SAFETY: the frame is RAM of the domain, and is not looked at.
    unsafe { domain.map_frames(xen_hypercall::Gfn(gfn), ONE) }.unwrap()
}

#[test]
fn a_page_that_is_written_to_after_it_was_freed_is_found_at_the_end_and_when_it_is_used_again() {
    let (world, front, _) = pair();
    let freed = page(&front);
    let (domain, gfn) = (front.id(), front.virt_to_gfn(freed).0);
    free(&front, freed);
    world.check().unwrap();
    // SAFETY: simulated memory stays mapped, and is reached through atomics alone.
    let memory = unsafe { SharedMem::from_raw(freed, 4096) };
    memory.write(100, &7u8).unwrap();
    let spoilt = Violation::WrittenAfterFree { domain, gfn };
    assert_eq!(found(&world), core::slice::from_ref(&spoilt));
    assert_eq!(world.violations(), []);
    let again = page(&front);
    assert_eq!((again, world.violations()), (freed, vec![spoilt]));
}

#[test]
fn what_is_freed_twice_or_was_never_allocated_is_found() {
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
fn a_domain_that_maps_its_own_grant_is_found() {
    let (world, front, _back) = pair();
    let grants = GrantTable::new(front.clone()).unwrap();
    let shared =
        grants.share_writable(Pages::alloc(front.clone(), 1).unwrap(), front.id()).unwrap();
    let range = front.reserve_frames(ONE).unwrap();
    let map = |dom| {
        let host_addr = range.first.address();
        let ref_ = shared.reference();
        let flags = GrantMapFlags::HOST_MAP;
        let mut map = [GnttabMapGrantRef { host_addr, flags, ref_, dom, ..Default::default() }];
        // SAFETY: neither the page nor where it moves to is looked at.
        unsafe { ops::grant_table::map_grant_ref(&front, &mut map) }.unwrap();
        map[0].status
    };
    assert_eq!(map(DomId::SELF), GrantStatus::BAD_DOMAIN, "grants know no SELF");
    assert!(world.violations().is_empty());
    assert_eq!(map(front.id()), GrantStatus::OKAY);
    let moved = Violation::MappedOwnGrant { domain: front.id(), grant: shared.reference() };
    assert_eq!(world.violations(), [moved]);
}

#[test]
fn a_grant_that_is_mapped_over_ram_is_found() {
    let (world, front, back) = pair();
    let grants = GrantTable::new(front.clone()).unwrap();
    let shared = grants.share_writable(Pages::alloc(front.clone(), 1).unwrap(), back.id()).unwrap();
    let ram = page(&back);
    let gfn = back.virt_to_gfn(ram);
    let mut map = [GnttabMapGrantRef {
        host_addr: gfn.0 * 4096,
        flags: GrantMapFlags::HOST_MAP,
        ref_: shared.refs()[0],
        dom: front.id(),
        ..Default::default()
    }];
    // SAFETY: the page is not looked at.
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
fn watches_and_transactions_that_stay_open_are_found() {
    let (world, front, _) = pair();
    let store = XenStore::new(front.clone(), start::xenstore_ring(front.clone()).unwrap()).unwrap();
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
fn a_domain_that_takes_more_than_its_budget_is_found_though_it_gives_all_back() {
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
    assert_eq!(world.violations().len(), 2, "a peak is told of once");
}

#[test]
fn what_the_toolstack_made_and_what_the_dead_left_is_no_violation() {
    let (world, front, back) = pair();
    let grants = GrantTable::new(front.clone()).unwrap();
    let shared = grants.share_writable(Pages::alloc(front.clone(), 1).unwrap(), back.id()).unwrap();
    core::mem::forget(shared);
    core::mem::forget(Channel::alloc_unbound(front.clone(), back.id()).unwrap());
    core::mem::forget(grants);
    assert!(world.check().is_err());
    world.destroy(front.id());
    world.check().unwrap();
}
