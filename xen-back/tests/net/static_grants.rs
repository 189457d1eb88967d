//! Grants that stay mapped: of our frontend, and of one that maps anything.

use super::control::{ask, ask_one};
use super::fixture::{Fixture, frame, front_send};
use super::multi::{Multi, Shape};
use xen_back::net::{NetBack, NetBackConfig, Packet, PacketMeta};
use xen_front::net::{DeviceState, NetFront, NetFrontConfig, StaticGrantState, Vif};
use xen_hypercall::{GrantRef, Platform};
use xen_sim::Domain;
use xen_sys::io::netif::{NetTxFlags, NetifCtrlType, XenNetifCtrlRequest, XenNetifGref};
use xenbus::DeviceId;
use xenbus::net::control::{ControlError, ControlRequest, GrefList};
use zerocopy::{FromBytes, IntoBytes};

fn back(fixture: &Fixture, limit: usize) -> NetBack<Domain> {
    let guest = &fixture.guests[0];
    let id = DeviceId { guest: guest.domain.id(), device: guest.device.id };
    let config = NetBackConfig::default().with_static_grants(limit);
    NetBack::with_config(&fixture.driver_store, id, config).unwrap()
}

/// Polls both ends until the grants of the frontend are in `expected`.
fn until(
    fixture: &Fixture,
    front: &mut NetFront<Domain>,
    back: &mut NetBack<Domain>,
    expected: StaticGrantState,
) {
    for _ in 0..1000 {
        back.poll(fixture.driver.now(), &mut |_: Packet<'_>| {}).unwrap();
        fixture.pass();
        front.poll(fixture.driver.now()).unwrap();
        fixture.pass();
        if front.static_grants() == expected && front.state() == DeviceState::Connected {
            return;
        }
    }
    panic!("{:?}, expected {expected:?}", front.static_grants());
}

/// Sends packets in both directions. Returns the parts that were copied without Xen.
fn transfer(
    fixture: &Fixture,
    front: &mut NetFront<Domain>,
    back: &mut NetBack<Domain>,
) -> (u64, u64) {
    let copies = |back: &NetBack<Domain>| {
        (back.tx_statistics().static_copies, back.rx_statistics().static_copies)
    };
    let before = copies(back);
    for len in [60, 1514, 4096] {
        let bytes = frame(1, 9, len);
        assert!(back.send(Packet::new(&bytes, PacketMeta::default())));
        back.flush().unwrap();
        let found = front.receive_with(|packet, _| packet.to_vec()).unwrap().unwrap();
        assert_eq!(found, bytes);
    }
    let mut seen = Vec::new();
    for len in [60, 777, 1514] {
        front_send(front, &frame(9, 1, len));
    }
    front.flush().unwrap();
    fixture.settle(back, &mut |packet: Packet<'_>| seen.push(packet.bytes.to_vec())).unwrap();
    assert_eq!(seen, [60, 777, 1514].map(|len| frame(9, 1, len)));
    let after = copies(back);
    (after.0 - before.0, after.1 - before.1)
}

#[test]
fn mapped_buffers_need_no_hypercall() {
    let fixture = Fixture::new(1);
    let mut back = back(&fixture, 512);
    let guest = &fixture.guests[0];
    let config = NetFrontConfig::default().with_queues(2).with_control_ring(true);
    let config = config.with_rx_slots(24).with_tx_slots(20);
    let mut front = NetFront::new(&guest.store, &guest.grants, Vif(0), config).unwrap();
    until(&fixture, &mut front, &mut back, StaticGrantState::Off);
    assert_eq!(transfer(&fixture, &mut front, &mut back), (0, 0));
    front.set_static_grants(true);
    let mapped = StaticGrantState::Active { grants: 2 * 44 };
    until(&fixture, &mut front, &mut back, mapped);
    assert_eq!(transfer(&fixture, &mut front, &mut back), (3, 3));
    // A new connection has new grants, which are mapped again.
    front.reopen();
    until(&fixture, &mut front, &mut back, mapped);
    assert_eq!(transfer(&fixture, &mut front, &mut back), (3, 3));
    front.set_static_grants(false);
    until(&fixture, &mut front, &mut back, StaticGrantState::Off);
    assert_eq!(transfer(&fixture, &mut front, &mut back), (0, 0));
    fixture.close_and_finish(front, back);
}

#[test]
fn backend_without_static_grants_copies() {
    let fixture = Fixture::new(1);
    let mut back = back(&fixture, 0);
    let guest = &fixture.guests[0];
    let config = NetFrontConfig::default().with_control_ring(true);
    let mut front = NetFront::new(&guest.store, &guest.grants, Vif(0), config).unwrap();
    front.set_static_grants(true);
    until(&fixture, &mut front, &mut back, StaticGrantState::Unsupported);
    assert_eq!(transfer(&fixture, &mut front, &mut back), (0, 0));
    fixture.close_and_finish(front, back);
}

#[test]
fn limit_leaves_buffers_to_xen() {
    let fixture = Fixture::new(1);
    // Receive buffers come first.
    let mut back = back(&fixture, 24);
    let guest = &fixture.guests[0];
    let config = NetFrontConfig::default().with_control_ring(true).with_rx_slots(24);
    let mut front = NetFront::new(&guest.store, &guest.grants, Vif(0), config).unwrap();
    front.set_static_grants(true);
    until(&fixture, &mut front, &mut back, StaticGrantState::Active { grants: 24 });
    assert_eq!(transfer(&fixture, &mut front, &mut back), (0, 3));
    fixture.close_and_finish(front, back);
}

const SHAPE: Shape = Shape { queues: 2, split: false, control: true };

/// Writes a list to the last page of the data, and returns it.
fn list(multi: &Multi<'_>, queue: u32, entries: &[(u32, u16)]) -> GrefList {
    for (index, &(reference, flags)) in entries.iter().enumerate() {
        let entry = XenNetifGref { ref_: GrantRef(reference), flags, ..Default::default() };
        multi.data.as_ref().copy_from(7 * 4096 + index * 8, entry.as_bytes()).unwrap();
    }
    GrefList { queue, page: multi.data.refs()[7], entries: entries.len() as u32 }
}

/// Returns the statuses of a list.
fn statuses(multi: &Multi<'_>, count: usize) -> Vec<u16> {
    let mut bytes = vec![0; count * 8];
    multi.data.as_ref().copy_to(7 * 4096, &mut bytes).unwrap();
    let entries = bytes.chunks_exact(8).map(|entry| XenNetifGref::read_from_bytes(entry).unwrap());
    entries.map(|entry| entry.status.0).collect()
}

/// D-N18.
#[test]
fn list_is_mapped_whole_or_not() {
    let fixture = Fixture::new(1);
    let mut back = back(&fixture, 5);
    let mut multi = Multi::connect(&fixture, &mut back, SHAPE, &[]);
    let data: Vec<u32> = multi.data.refs().iter().map(|reference| reference.0).collect();
    let invalid = Err(ControlError::InvalidParameter);
    let size = |queue| ControlRequest::GetGrefMappingSize { queue };
    assert_eq!(ask_one(&mut multi, &mut back, size(1)), Ok(5));
    assert_eq!(ask_one(&mut multi, &mut back, size(2)), invalid);
    for entries in [
        // A reference that is no grant, after a good one; one that comes twice; an unknown flag.
        &[(data[0], 0), (500, 0)][..],
        &[(data[0], 0), (500, 1)],
        &[(data[0], 0), (data[1], 1), (data[0], 0)],
        &[(data[0], 2)],
        // More than the limit.
        &[(data[0], 0), (data[1], 0), (data[2], 0), (data[3], 0), (data[4], 0), (data[5], 0)],
    ] {
        let add = ControlRequest::AddGrefMapping(list(&multi, 0, entries));
        assert_eq!(ask_one(&mut multi, &mut back, add), invalid, "{entries:?}");
        // None of it is mapped.
        let remove = ControlRequest::DelGrefMapping(list(&multi, 0, entries));
        assert_eq!(ask_one(&mut multi, &mut back, remove), Ok(0));
        assert_eq!(statuses(&multi, entries.len()), vec![2; entries.len()]);
    }
    let good = [(data[2], 0), (data[0], 1), (data[1], 0)];
    let add = ControlRequest::AddGrefMapping(list(&multi, 0, &good));
    assert_eq!(ask_one(&mut multi, &mut back, add), Ok(0));
    assert_eq!(ask_one(&mut multi, &mut back, add), invalid, "mapped before");
    // A packet out of a page that is mapped read-only, and one that is not mapped.
    let mut seen = Vec::new();
    multi.data.as_ref().copy_from(0, &frame(9, 1, 100)).unwrap();
    multi.data.as_ref().copy_from(3 * 4096, &frame(9, 1, 200)).unwrap();
    let slots = [multi.slot(0, 100, NetTxFlags::empty()), multi.slot(3, 200, NetTxFlags::empty())];
    multi.send(0, &slots);
    fixture.settle(&mut back, &mut |packet: Packet<'_>| seen.push(packet.bytes.to_vec())).unwrap();
    assert_eq!(seen, [frame(9, 1, 100), frame(9, 1, 200)]);
    assert_eq!(back.tx_statistics().static_copies, 1);
    // Another queue has its own; and some of a list are unmapped.
    let other = ControlRequest::DelGrefMapping(list(&multi, 1, &good));
    assert_eq!(ask_one(&mut multi, &mut back, other), Ok(0));
    let some = [(data[1], 0), (data[3], 0), (data[1], 0), (data[0], 0)];
    let remove = ControlRequest::DelGrefMapping(list(&multi, 0, &some));
    assert_eq!(ask_one(&mut multi, &mut back, remove), Ok(2));
    assert_eq!(statuses(&multi, 4), [0, 2, 2, 0]);
    multi.close(&mut back);
    drop(back);
    fixture.finish();
}

/// D-N18.
#[test]
fn impossible_lists_are_refused() {
    let fixture = Fixture::new(1);
    let mut back = back(&fixture, 512);
    let mut multi = Multi::connect(&fixture, &mut back, SHAPE, &[]);
    let page = multi.data.refs()[7];
    let invalid = Err(ControlError::InvalidParameter);
    for list in [
        GrefList { queue: 2, page, entries: 1 },
        GrefList { queue: u32::MAX, page, entries: 1 },
        GrefList { queue: 0, page, entries: 513 },
        GrefList { queue: 0, page, entries: u32::MAX },
        GrefList { queue: 0, page: GrantRef(500), entries: 1 },
    ] {
        for request in [ControlRequest::AddGrefMapping(list), ControlRequest::DelGrefMapping(list)]
        {
            assert_eq!(ask_one(&mut multi, &mut back, request), invalid, "{request:?}");
        }
    }
    let none = GrefList { queue: 0, page, entries: 0 };
    assert_eq!(ask_one(&mut multi, &mut back, ControlRequest::AddGrefMapping(none)), Ok(0));
    // One list in a poll, however many there are.
    let request = ControlRequest::DelGrefMapping(GrefList { queue: 0, page, entries: 512 });
    let requests: Vec<XenNetifCtrlRequest> = (0..40).map(|id| request.to_wire(id)).collect();
    let results = ask(&mut multi, &mut back, &requests);
    assert_eq!(results, vec![Ok(0); 40]);
    assert_eq!(requests[0].type_, NetifCtrlType::DEL_GREF_MAPPING);
    multi.close(&mut back);
    drop(back);
    fixture.finish();
}
