//! Nodes that describe a disk, and those that describe a ring to its backend.

use super::Fixture;
use super::blkback::Misbehaviour;
use core::time::Duration;
use xen_front::block::*;
use xen_hypercall::Platform;
use xen_sim::{Disk as VirtualDisk, Domain};

#[test]
fn odd_mode_is_ignored() {
    for (mode, info, read_only) in [
        (&b"r"[..], 0, true),
        (b"ro", 0, true),
        (b"w", 0, false),
        (b"w", 4, true),
        (b"r, and seventeen", 0, true),
        (b"r and eighteen...", 0, false),
        (b"r\xff", 0, false),
        (b"", 0, false),
    ] {
        let fixture = Fixture::with_disk(&VirtualDisk::new("xvda"));
        let path = format!("{}/mode", fixture.device.get().backend_path());
        fixture.world.store().write_bytes(path, mode).unwrap();
        fixture.back.state().set("info", info);
        let block = fixture.block();
        assert_eq!(block.info().read_only, read_only, "{mode:?}, {info}");
        fixture.close(block);
        fixture.finish();
    }
}

#[test]
fn unreadable_mode_is_error() {
    let fixture = Fixture::new();
    let path = format!("{}/mode", fixture.device.get().backend_path());
    let store = fixture.world.store();
    let mut permissions = store.permissions(&path).unwrap();
    permissions.truncate(1);
    store.set_permissions(&path, &permissions).unwrap();
    let error = fixture.connect_error();
    assert!(error.to_string().contains("/mode"), "{error}");
    fixture.finish();
}

/// D-B17.
#[test]
fn ring_is_largest_for_both_ends() {
    for (key, value, pages) in [
        ("max-ring-page-order", 0, 1),
        ("max-ring-page-order", 1, 2),
        ("max-ring-page-order", 4, 4),
        ("max-ring-page-order", 5, 4),
        ("max-ring-page-order", u32::MAX, 4),
        ("max-ring-pages", 0, 1),
        ("max-ring-pages", 1, 1),
        ("max-ring-pages", 3, 2),
        ("max-ring-pages", 4, 4),
        ("max-ring-pages", 16, 4),
        ("max-ring-pages", 257, 4),
        ("max-ring-pages", u32::MAX, 4),
    ] {
        let fixture = Fixture::new();
        fixture.back.state().set(key, value);
        let (id, config) = (fixture.device.get().id, BlkFrontConfig::default().with_depth(128));
        let mut block = BlkFront::open_with(&fixture.store, &fixture.grants, id, config).unwrap();
        fixture.world.run_for(Duration::from_millis(10));
        // From here on the backend only follows what it has offered.
        fixture.back.state().misbehaviour = Misbehaviour::NeverReady;
        while block.ring_pages() == 0 || fixture.world.device_states(&fixture.device.get()).0 != 3 {
            block.poll(fixture.guest.now()).unwrap();
            fixture.world.run_for(Duration::from_millis(1));
        }
        assert_eq!(block.ring_pages(), pages, "{key} = {value}");
        let front = fixture.device.get().frontend_path();
        let number = |key: &str| fixture.world.store().read_number::<u32>(format!("{front}/{key}"));
        let order = pages.ilog2();
        let sizes = (order > 0).then_some((order, pages as u32));
        assert_eq!(number("ring-page-order").zip(number("num-ring-pages")), sizes);
        assert_eq!(number("ring-ref").is_some(), order == 0);
        let refs = (0..16).filter(|page| number(&format!("ring-ref{page}")).is_some()).count();
        assert_eq!(refs, if order == 0 { 0 } else { pages });
        block.close_now();
        drop(block);
        drop(fixture);
    }
}

/// Each batch of requests makes one notification of the store's server.
#[test]
fn connect_takes_8_round_trips() {
    let fixture = Fixture::new();
    // The client resets the ring first.
    xen_store::XsOps::exists(&fixture.store, "name").unwrap();
    let before = fixture.guest.counters().notifications;
    let mut block: BlkFront<Domain> =
        BlkFront::open(&fixture.store, &fixture.grants, fixture.device.get().id).unwrap();
    fixture.poll_until(&mut block, DeviceState::Connected);
    let trips = fixture.guest.counters().notifications - before;
    assert!((4..=8).contains(&trips), "{trips} round trips");
    fixture.close(block);
    fixture.finish();
}
