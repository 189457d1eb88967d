//! Balloon: the target of the toolstack, the limits, and the pages that move.

mod faults;
mod fixture;
mod targets;

use fixture::{BOOT, Guest, KIB, guest, guest_of};
use xen_grant::ReadOnly;
use xen_hypercall::{Gfn, Pages, ops::grant_table};
use xen_sim::{DomainConfig, World};
use xen_sys::grant_table::{GnttabMapGrantRef, GnttabUnmapGrantRef, GrantMapFlags};

#[test]
fn target_is_followed_down_and_up() {
    let mut guest = guest(1);
    guest.settle();
    assert_eq!((guest.balloon.statistics().current, guest.reservation()), (BOOT, BOOT));
    for pages in [2048, 2049, 1500, 4000, 1024, BOOT] {
        guest.world.set_memory_target(guest.domain.id(), pages * KIB);
        guest.settle();
        let statistics = guest.balloon.statistics();
        assert_eq!((statistics.current, guest.reservation()), (pages, pages));
        assert_eq!((statistics.ballooned, statistics.lost), (BOOT - pages, 0));
    }
    let (statistics, counters) = (guest.balloon.statistics(), guest.domain.counters());
    assert_eq!(statistics.released, statistics.populated);
    assert_eq!(counters.pages_scrubbed, statistics.released);
    assert_eq!(counters.pages_returned_dirty, 0);
    assert_eq!((statistics.kernel_shortages, statistics.xen_shortages), (0, 0));
    guest.end();
}

#[test]
fn large_extents_save_hypercalls() {
    let mut guest = guest(2);
    guest.settle();
    let before = guest.memory_calls();
    guest.set_pages(BOOT - 4 * 512);
    guest.set_pages(BOOT);
    assert_eq!(guest.memory_calls() - before, 8);
    guest.end();
}

#[test]
fn granted_pages_are_kept() {
    let mut guest = guest(3);
    guest.settle();
    let grants = xen_grant::GrantTable::new(guest.domain.clone()).unwrap();
    let peer = guest.world.create_guest(DomainConfig::new("peer"));
    let mut granted = Vec::new();
    for number in 0..300u32 {
        let mut pages = Pages::alloc(guest.domain.clone(), 1).unwrap();
        pages.as_mut_slice()[..4].copy_from_slice(&number.to_ne_bytes());
        granted.push(grants.grant_access::<ReadOnly>(pages, peer.id()).unwrap());
        // The next page is free: the granted ones are no run.
        let gap = Pages::alloc(guest.domain.clone(), 8).unwrap();
        let hole = Pages::alloc(guest.domain.clone(), 1).unwrap();
        drop((gap, hole));
    }
    guest.take_all_but(1500);
    guest.world.set_memory_target(guest.domain.id(), 1024 * KIB);
    guest.run(5);
    let statistics = guest.balloon.statistics();
    assert!(statistics.kernel_shortages > 0 && statistics.current > 1024, "{statistics:?}");
    assert_eq!(guest.world.violations(), []);
    for (number, granted) in (0u32..).zip(granted) {
        let pages = granted.end_access().ok().unwrap();
        assert_eq!(pages.as_slice()[..4], number.to_ne_bytes());
    }
    guest.held.clear();
    guest.settle();
    assert_eq!(guest.balloon.statistics().current, 1024);
    drop(grants);
    guest.end();
}

#[test]
fn suspend_keeps_the_size() {
    let mut guest = guest(4);
    guest.set_pages(2000);
    let id = guest.domain.id();
    let world = guest.world.clone();
    guest.suspend(move |_| drop(world.restore(world.save(id), None)));
    guest.world.set_memory_target(guest.domain.id(), 2000 * KIB);
    let before = guest.balloon.statistics();
    guest.settle();
    let after = guest.balloon.statistics();
    assert_eq!((after.current, after.released, after.populated), (2000, before.released, 0));
    guest.set_pages(BOOT);
    guest.end();
}

#[test]
fn unpopulated_pages_are_not_touched() {
    let config = DomainConfig { unpopulated_pages: 2048, ..DomainConfig::new("guest") };
    let mut guest = guest_of(World::new(5), config, BOOT);
    assert_eq!(guest.reservation(), BOOT - 2048);
    guest.settle();
    let statistics = guest.balloon.statistics();
    assert_eq!((statistics.current, statistics.released), (BOOT - 2048, 2048));
    assert_eq!((guest.reservation(), guest.domain.counters().pages_scrubbed), (BOOT - 2048, 0));
    // From here on it is as any other.
    guest.set_pages(1500);
    assert_eq!(guest.domain.counters().pages_scrubbed, BOOT - 2048 - 1500);
    guest.set_pages(BOOT);
    guest.end();
}

#[test]
fn memory_grows_above_boot_memory() {
    let config = DomainConfig {
        pages: 8192,
        hotplug_pages: 8192 - BOOT as usize,
        ..DomainConfig::new("guest")
    };
    let mut guest = guest_of(World::new(6), config, BOOT);
    guest.settle();
    let node = format!("/local/domain/{}/memory/static-max", guest.domain.id());
    guest.world.store().write(node, 8192 * KIB).unwrap();
    guest.world.set_max_pages(guest.domain.id(), 8192);
    for pages in [6001, 8192, 2000, 8000] {
        guest.set_pages(pages);
        assert_eq!(guest.reservation(), pages);
    }
    // The kernel's allocator has the new memory.
    guest.take_all_but(100);
    assert!(guest.held.len() as u64 > BOOT, "{} pages", guest.held.len());
    guest.held.clear();
    guest.end();
}

#[test]
fn kernel_without_new_frames_stays() {
    let mut guest = guest(7);
    let node = format!("/local/domain/{}/memory/static-max", guest.domain.id());
    guest.settle();
    guest.world.store().write(node, 8192 * KIB).unwrap();
    guest.world.set_max_pages(guest.domain.id(), 8192);
    guest.world.set_memory_target(guest.domain.id(), 8192 * KIB);
    guest.run(5);
    assert_eq!(
        (guest.reservation(), guest.balloon.statistics().kernel_shortages > 0),
        (BOOT, true)
    );
    guest.set_pages(2000);
    guest.end();
}

#[test]
fn reserved_frames_take_foreign_pages() {
    let mut guest = guest(8);
    guest.set_pages(2048);
    assert_eq!(guest.balloon.reserve_frames(0), None);
    assert_eq!(guest.balloon.reserve_frames(2049), None);
    let first = guest.balloon.reserve_frames(100).unwrap();
    map_and_unmap(&guest, Gfn(first.0 + 99));
    assert_eq!(guest.balloon.statistics().reserved, 100);
    // These frames are no RAM meanwhile.
    guest.world.set_memory_target(guest.domain.id(), BOOT * KIB);
    guest.run(5);
    assert_eq!((guest.balloon.statistics().current, guest.reservation()), (BOOT - 100, BOOT - 100));
    // SAFETY: reserved above, and not mapped.
    unsafe {
        assert!(!guest.balloon.release_frames(first, 101));
        assert!(guest.balloon.release_frames(first, 60));
        assert!(guest.balloon.release_frames(Gfn(first.0 + 60), 40));
    }
    guest.settle();
    assert_eq!(guest.reservation(), BOOT);
    guest.end();
}

/// Maps a page of another domain at a frame, and unmaps it.
fn map_and_unmap(guest: &Guest, frame: Gfn) {
    let owner = guest.world.create_guest(DomainConfig::new("owner"));
    let grants = xen_grant::GrantTable::new(owner.clone()).unwrap();
    let pages = Pages::alloc(owner.clone(), 1).unwrap();
    let granted = grants.grant_access::<ReadOnly>(pages, guest.domain.id()).unwrap();
    let host_addr = frame.address();
    let mut map = [GnttabMapGrantRef {
        host_addr,
        flags: GrantMapFlags::HOST_MAP | GrantMapFlags::READONLY,
        ref_: granted.reference(),
        dom: owner.id(),
        ..Default::default()
    }];
    // SAFETY: the frame has no memory and no user.
    unsafe { grant_table::map_grant_ref(&guest.domain, &mut map).unwrap() };
    assert_eq!(map[0].status.0, 0);
    let mut unmap =
        [GnttabUnmapGrantRef { host_addr, handle: map[0].handle, ..Default::default() }];
    // SAFETY: mapped above.
    unsafe { grant_table::unmap_grant_ref(&guest.domain, &mut unmap).unwrap() };
    assert_eq!(unmap[0].status.0, 0);
    granted.end_access().ok().unwrap();
}
