//! Our frontends against our backends: each end loads a byte that the other one can write once for
//! each decision.

use core::ops::Range;
use core::time::Duration;
use xen_back::block::{BlkBack, Config, GrantMode, MemoryDisk, PreparedDisk};
use xen_back::net::{NetBack, Packet};
use xen_front::block::{BlkFront, Request};
use xen_front::net::{DeviceState, NetFront, NetFrontConfig, PacketMeta, Vif};
use xen_grant::GrantTable;
use xen_hypercall::{Pages, Platform, boot};
use xen_sim::{Device, Disk, Domain, DomainConfig, SharedLoads, Vif as VirtualVif, World};
use xen_store::XenStore;
use xenbus::DeviceId;

/// The offsets of the indices of a ring, and of its first slot.
const REQ_PROD: Range<usize> = 0..4;
const REQ_EVENT: Range<usize> = 4..8;
const RSP_PROD: Range<usize> = 8..12;
const RSP_EVENT: Range<usize> = 12..16;
const SLOT: usize = 64;

struct Fixture {
    world: World,
    guest: Domain,
    driver: Domain,
    guest_store: XenStore<Domain>,
    driver_store: XenStore<Domain>,
    grants: GrantTable<Domain>,
}

fn store_of(domain: &Domain) -> XenStore<Domain> {
    XenStore::new(domain.clone(), boot::xenstore_ring(domain.clone()).unwrap()).unwrap()
}

impl Fixture {
    fn new() -> Self {
        let world = World::new(1);
        let driver = world.create_guest(DomainConfig::new("driver"));
        let guest = world.create_guest(DomainConfig::new("guest"));
        Self {
            guest_store: store_of(&guest),
            driver_store: store_of(&driver),
            grants: GrantTable::new(guest.clone()).unwrap(),
            world,
            guest,
            driver,
        }
    }

    fn id(&self, device: &Device) -> DeviceId {
        DeviceId { guest: self.guest.id(), device: device.id }
    }

    fn pass(&self) {
        self.world.run_for(Duration::from_micros(10));
    }
}

/// Returns the loads by `code` of `domain`, as runs of bytes of any page with the same count,
/// sorted by their start.
fn loads<R>(domain: &Domain, code: impl FnOnce() -> R) -> (Vec<(Range<usize>, u32)>, R) {
    let (loads, result) = SharedLoads::of(domain, code);
    let mut runs = Vec::<(_, Range<usize>, u32)>::new();
    for (gfn, byte, count) in loads.iter() {
        match runs.last_mut().filter(|run| run.0 == gfn && run.1.end == byte && run.2 == count) {
            Some(run) => run.1.end += 1,
            None => runs.push((gfn, byte..byte + 1, count)),
        }
    }
    let mut runs: Vec<_> = runs.into_iter().map(|(_, bytes, count)| (bytes, count)).collect();
    runs.sort_by_key(|(bytes, _)| (bytes.start, bytes.end));
    (runs, result)
}

fn once(ranges: impl IntoIterator<Item = Range<usize>>) -> Vec<(Range<usize>, u32)> {
    ranges.into_iter().map(|range| (range, 1)).collect()
}

#[test]
fn block_ring_is_loaded_once() {
    for mode in [GrantMode::Copy, GrantMode::Map] {
        let fixture = Fixture::new();
        let device = fixture.world.attach_disk(&fixture.guest, &fixture.driver, &Disk::new("xvda"));
        let disk = PreparedDisk::new(MemoryDisk::new(vec![7; 64 * 512]));
        let config = Config { mode, ..Config::default() };
        let mut back =
            BlkBack::new(&fixture.driver_store, fixture.id(&device), disk, config).unwrap();
        let mut front = BlkFront::open(&fixture.guest_store, &fixture.grants, device.id).unwrap();
        while front.poll(fixture.guest.now()).unwrap() != DeviceState::Connected {
            back.poll(fixture.driver.now()).unwrap();
            fixture.pass();
        }
        for (index, write) in [false, true].into_iter().enumerate() {
            let buffer = Pages::alloc(fixture.guest.clone(), 2).unwrap();
            let (sector, sectors) = (0, 16);
            let request = match write {
                true => Request::Write { sector, sectors, buffer },
                false => Request::Read { sector, sectors, buffer },
            };
            front.submit(request).unwrap();
            assert_eq!(loads(&fixture.guest, || front.kick()).0, once([REQ_EVENT]));

            let slot = SLOT + index * 112;
            // The index is loaded to take the request, and again to check for another one.
            let mut expected = vec![(REQ_PROD, 2), (RSP_EVENT, 1), (slot..slot + 112, 1)];
            if write && mode == GrantMode::Map {
                expected.splice(0..0, once([0..4096, 0..4096]));
                expected.sort_by_key(|(bytes, _)| (bytes.start, bytes.end));
            }
            let (found, _) = loads(&fixture.driver, || back.poll(fixture.driver.now()).unwrap());
            assert_eq!(found, expected, "{mode:?}, write: {write}");
            fixture.pass();
            let (found, done) = loads(&fixture.guest, || front.complete());
            let mut expected = once([RSP_PROD, slot..slot + 16]);
            if !write && mode == GrantMode::Map {
                // Copied out of the pages that the backend keeps mapped. The end of each sector is
                // loaded before, as the mark of one that was not written: it decides alone whether
                // the read is repeated.
                for start in (0..4096).step_by(512) {
                    let (data, mark) = (start..start + 504, start + 504..start + 512);
                    expected.extend([(data.clone(), 1), (data, 1), (mark.clone(), 2), (mark, 2)]);
                }
                expected.sort_by_key(|(bytes, _)| (bytes.start, bytes.end));
            }
            assert_eq!(found, expected, "{mode:?}, write: {write}");
            assert_eq!(done.unwrap().outcome, Ok(()));
        }
    }
}

#[test]
fn network_ring_is_loaded_once() {
    let fixture = Fixture::new();
    let device = fixture.world.attach_vif(&fixture.guest, &fixture.driver, &VirtualVif::new(0));
    let mut back = NetBack::new(&fixture.driver_store, fixture.id(&device)).unwrap();
    let mut front =
        NetFront::new(&fixture.guest_store, &fixture.grants, Vif(0), NetFrontConfig::default())
            .unwrap();
    while front.poll(fixture.guest.now()).unwrap() != DeviceState::Connected || !back.is_connected()
    {
        back.poll(fixture.driver.now(), &mut |_: Packet<'_>| {}).unwrap();
        fixture.pass();
    }
    let frame = [0x55; 200];
    front.transmit(&frame, PacketMeta::default()).unwrap();
    assert_eq!(loads(&fixture.guest, || front.flush().unwrap()).0, once([REQ_EVENT]));

    let mut received = Vec::new();
    let mut port = |packet: Packet<'_>| received.push(packet.bytes.to_vec());
    let (found, _) = loads(&fixture.driver, || back.poll(fixture.driver.now(), &mut port).unwrap());
    // For the request, for another one, and once more after the request index for notifications
    // was written.
    assert_eq!(found, [(REQ_PROD, 3), (RSP_EVENT, 1), (SLOT..SLOT + 12, 1)]);
    assert_eq!(received, [frame]);

    let (found, sent) = loads(&fixture.driver, || {
        let sent = back.send(Packet::new(&frame, PacketMeta::default()));
        back.flush().unwrap();
        sent
    });
    assert_eq!((found, sent), (once([REQ_PROD, RSP_EVENT, SLOT..SLOT + 8]), true));
    fixture.pass();

    let mut buffer = [0; 2048];
    let (found, packet) = loads(&fixture.guest, || front.receive(&mut buffer).unwrap());
    assert_eq!(found, once([0..200, RSP_PROD, SLOT..SLOT + 8]));
    assert_eq!(packet.unwrap().len, 200);

    // The response is read when a packet needs room; once the ring is full, there is none.
    let (found, _) =
        loads(&fixture.guest, || while front.transmit(&frame, PacketMeta::default()).is_ok() {});
    assert_eq!(found, [(RSP_PROD, 2), (SLOT..SLOT + 4, 1)]);
}
