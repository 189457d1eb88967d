//! Groups of our frontend at the filter of our backend.

use super::fixture::{Fixture, frame};
use xen_back::net::{MacAddress, NetBack, NetBackEvent, Packet, PacketMeta};
use xen_front::net::{DeviceState, NetFront, NetFrontConfig, Vif};
use xen_hypercall::Platform;
use xen_sim::Domain;

fn group(last: u8) -> MacAddress {
    MacAddress([1, 0, 0x5e, 0, 0, last])
}

/// Returns whether the backend sends a packet of this group to the frontend.
fn is_sent(back: &mut NetBack<Domain>, group: MacAddress) -> bool {
    let mut bytes = frame(1, 9, 60);
    bytes[..6].copy_from_slice(&group.0);
    back.send(Packet::new(&bytes, PacketMeta::default()))
}

/// Polls both ends until the backend has taken `count` changes of its filter.
fn until_changed(
    fixture: &Fixture,
    front: &mut NetFront<Domain>,
    back: &mut NetBack<Domain>,
    count: u64,
) {
    for _ in 0..1000 {
        let now = fixture.driver.now();
        let polled = back.poll(now, &mut |packet: Packet<'_>| panic!("{packet:?}"));
        assert!(matches!(polled, Ok(NetBackEvent::Idle | NetBackEvent::Busy)));
        if back.tx_statistics().filter_changes == count {
            return;
        }
        fixture.pass();
        front.poll(now).unwrap();
        while front.receive(&mut [0; 2048]).unwrap().is_some() {}
        fixture.pass();
    }
    panic!("{:?}, expected {count} changes", back.tx_statistics());
}

#[test]
fn joined_groups_pass_filter() {
    let fixture = Fixture::new(1);
    let mut back = fixture.back(0);
    let guest = &fixture.guests[0];
    // Fewer transmit buffers than groups.
    let config = NetFrontConfig::default().with_multicast_filter(true).with_tx_slots(4);
    let mut front = NetFront::new(&guest.store, &guest.grants, Vif(0), config).unwrap();
    front.join_multicast(group(1)).unwrap();
    let connected =
        |link, back: &NetBack<Domain>| link == DeviceState::Connected && back.is_connected();
    fixture.run(0, &mut front, &mut back, connected);
    assert!(front.filters_multicast());
    until_changed(&fixture, &mut front, &mut back, 1);
    assert!(is_sent(&mut back, group(1)) && !is_sent(&mut back, group(2)));
    assert!(is_sent(&mut back, MacAddress::BROADCAST));

    (2..64).for_each(|last| front.join_multicast(group(last)).unwrap());
    until_changed(&fixture, &mut front, &mut back, 63);
    assert!((1..64).all(|last| is_sent(&mut back, group(last))));
    front.leave_multicast(group(5));
    until_changed(&fixture, &mut front, &mut back, 64);
    assert!(!is_sent(&mut back, group(5)) && is_sent(&mut back, group(6)));

    // A new connection has an empty filter.
    front.reopen();
    fixture.run(0, &mut front, &mut back, |link, _| link != DeviceState::Connected);
    fixture.run(0, &mut front, &mut back, connected);
    until_changed(&fixture, &mut front, &mut back, 64 + 62);
    assert!(!is_sent(&mut back, group(5)) && is_sent(&mut back, group(63)));
    let counted = front.statistics();
    assert_eq!((counted.tx_packets, counted.tx_errors, counted.filter_errors), (0, 0, 0));
    fixture.close_and_finish(front, back);
}

#[test]
fn device_without_filter_gets_all_groups() {
    let fixture = Fixture::new(1);
    let mut back = fixture.back(0);
    let mut front = fixture.connect(0, &mut back);
    assert!(!front.filters_multicast());
    front.join_multicast(group(1)).unwrap();
    until_changed(&fixture, &mut front, &mut back, 0);
    assert!(is_sent(&mut back, group(1)) && is_sent(&mut back, group(2)));
    fixture.close_and_finish(front, back);
}

#[test]
fn filter_changes_while_connected() {
    let fixture = Fixture::new(1);
    let mut back = fixture.back(0);
    let mut front = fixture.connect(0, &mut back);
    front.join_multicast(group(1)).unwrap();
    for (enabled, changes) in [(true, 1), (false, 1), (true, 1)] {
        front.set_multicast_filter(enabled).unwrap();
        assert_eq!(front.filters_multicast(), enabled);
        until_changed(&fixture, &mut front, &mut back, changes);
        fixture.settle(&mut back, &mut |_: Packet<'_>| {}).unwrap();
        assert!(is_sent(&mut back, group(1)));
        assert_eq!(is_sent(&mut back, group(2)), !enabled);
    }
    // The filter has a group that was joined while it was off.
    front.set_multicast_filter(false).unwrap();
    front.join_multicast(group(2)).unwrap();
    front.set_multicast_filter(true).unwrap();
    until_changed(&fixture, &mut front, &mut back, 2);
    fixture.settle(&mut back, &mut |_: Packet<'_>| {}).unwrap();
    assert!(is_sent(&mut back, group(2)) && !is_sent(&mut back, group(3)));
    fixture.close_and_finish(front, back);
}

#[test]
fn filter_follows_node_while_connected() {
    let fixture = Fixture::new(1);
    let mut back = fixture.back(0);
    let guest = &fixture.guests[0];
    let config = NetFrontConfig::default().with_multicast_filter(true);
    let mut front = NetFront::new(&guest.store, &guest.grants, Vif(0), config).unwrap();
    front.join_multicast(group(1)).unwrap();
    fixture.run(0, &mut front, &mut back, |link, back| {
        link == DeviceState::Connected && back.is_connected()
    });
    until_changed(&fixture, &mut front, &mut back, 1);
    assert!(!is_sent(&mut back, group(2)));
    let (store, path) = (guest.domain.store(), guest.device.frontend_path());
    let node = format!("{path}/request-multicast-control");
    // The filter keeps its groups; a bad value changes nothing; a missing one is 0.
    for (value, filters) in [
        (Some("0"), false),
        (Some("1"), true),
        (Some("many"), true),
        (Some("99999999999999999999"), true),
        (None, false),
        (Some("2"), true),
    ] {
        match value {
            Some(value) => store.write(&node, value).unwrap(),
            None => store.remove(&node).unwrap(),
        }
        fixture.settle(&mut back, &mut |_: Packet<'_>| {}).unwrap();
        assert_eq!(is_sent(&mut back, group(2)), !filters, "{value:?}");
        assert!(is_sent(&mut back, group(1)));
    }
    assert!(back.is_connected());
    fixture.close_and_finish(front, back);
}
