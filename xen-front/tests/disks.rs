//! A guest with more disks than xenstored lets it have watches.

#[path = "disk/blkback.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "a module of several tests, each of which uses a part"
)]
mod blkback;

use blkback::Backend;
use core::time::Duration;
use xen_front::block::{BlkFront, DeviceState, Request};
use xen_grant::GrantTable;
use xen_hypercall::{Pages, Platform, boot};
use xen_sim::{Device, Disk, Domain, DomainConfig, Quotas, World};
use xen_store::{XenStore, XsOps};

const SECTORS: usize = 64;

/// Returns the name of one of 256 disks: `xvda`, `xvda1` and so on.
fn name(index: usize) -> String {
    let letter = char::from(b'a' + (index / 16) as u8);
    if index.is_multiple_of(16) {
        format!("xvd{letter}")
    } else {
        format!("xvd{letter}{}", index % 16)
    }
}

struct Fixture {
    world: World,
    guest: Domain,
    devices: Vec<Device>,
    backends: Vec<Backend>,
}

fn fixture(count: usize, in_dom0: bool) -> Fixture {
    let world = World::new(1);
    // A device has about a dozen nodes, of which a guest may have 1,000: toolstacks raise that for
    // so many devices. The quota of watches stays.
    let watches = Quotas::default().watches;
    assert_eq!(watches, 128);
    let many = 1 << 24;
    world.dom0().store().set_quotas(Quotas {
        nodes: many,
        memory: many,
        watches,
        ..Quotas::default()
    });
    let server =
        if in_dom0 { world.dom0() } else { world.create_guest(DomainConfig::new("disks")) };
    let guest = world.create_guest(DomainConfig::new("guest"));
    let attach = |index| world.attach_disk(&guest, &server, &Disk::new(&name(index)));
    let devices: Vec<Device> = (0..count).map(attach).collect();
    let backends = Backend::start_all(&world, &devices, SECTORS);
    Fixture { world, guest, devices, backends }
}

/// Polls all disks until each is in the state `expected`.
fn wait_for(store: &XenStore<Domain>, blocks: &mut [BlkFront<Domain>], expected: DeviceState) {
    let deadline = Platform::now(store.platform()) + Duration::from_secs(20);
    loop {
        let now = Platform::now(store.platform());
        let mut done = 0;
        for block in blocks.iter_mut() {
            done += usize::from(block.poll(now).unwrap() == expected);
        }
        if done == blocks.len() {
            return;
        }
        assert!(now < deadline, "{done} of {} disks are {expected:?}", blocks.len());
        store.wait(deadline);
    }
}

/// mirage/ocaml-xenstore 041a601 (CA-195461).
#[test]
fn guest_uses_255_disks_at_once() {
    let Fixture { world, guest, devices, backends } = fixture(255, true);
    let store = XenStore::new(guest.clone(), boot::xenstore_ring(guest.clone()).unwrap()).unwrap();
    let grants = GrantTable::new(guest.clone()).unwrap();
    let open = |device: &Device| BlkFront::open(&store, &grants, device.id).unwrap();
    let mut blocks: Vec<_> = devices.iter().map(open).collect();
    wait_for(&store, &mut blocks, DeviceState::Connected);
    // There is room for others.
    let other = store.watch("data").unwrap();
    assert!(other.try_next().unwrap().is_some());
    for block in &mut blocks {
        let buffer = Pages::alloc(guest.clone(), 1).unwrap();
        block.submit(Request::Read { sector: 3, sectors: 1, buffer }).unwrap();
        block.kick();
    }
    world.run_until_idle();
    for (block, backend) in blocks.iter_mut().zip(&backends) {
        let read = block.complete().unwrap();
        assert_eq!(read.outcome, Ok(()));
        assert_eq!(read.buffer.unwrap().as_slice()[..512], backend.state().disk[3 * 512..4 * 512]);
    }
    // A change of one is seen by that one, and by no other.
    let dom0 = world.dom0().store();
    dom0.write(format!("{}/sectors", devices[77].backend_path()), 128).unwrap();
    world.run_until_idle();
    for _ in 0..3 {
        store.domid().unwrap();
        wait_for(&store, &mut blocks, DeviceState::Connected);
    }
    for (index, block) in blocks.iter().enumerate() {
        assert_eq!(block.info().sectors, if index == 77 { 128 } else { 64 }, "{index}");
    }
    // The toolstack removes one, and the guest closes the others.
    dom0.remove(devices[0].frontend_path()).unwrap();
    dom0.remove(devices[0].backend_path()).unwrap();
    wait_for(&store, &mut blocks[..1], DeviceState::Unplugged);
    wait_for(&store, &mut blocks[1..], DeviceState::Connected);
    blocks[1..].iter_mut().for_each(BlkFront::close);
    wait_for(&store, &mut blocks[1..], DeviceState::Closed);
    drop((blocks, other));
    drop((store, grants));
    assert_eq!(world.violations(), []);
}

#[test]
fn disks_unplug_when_backend_domain_dies() {
    let Fixture { world, guest, devices, .. } = fixture(20, false);
    let store = XenStore::new(guest.clone(), boot::xenstore_ring(guest.clone()).unwrap()).unwrap();
    let grants = GrantTable::new(guest.clone()).unwrap();
    let open = |device: &Device| BlkFront::open(&store, &grants, device.id).unwrap();
    let mut blocks: Vec<_> = devices.iter().map(open).collect();
    wait_for(&store, &mut blocks, DeviceState::Connected);
    // The devices that remain are polled after others are dropped.
    drop(blocks.drain(..7));
    world.run_until_idle();
    store.domid().unwrap();
    world.destroy(devices[0].backend);
    wait_for(&store, &mut blocks, DeviceState::Unplugged);
}
