//! Free bytes before packets to a guest.

use super::fixture::{Fixture, frame, large, tcp};
use super::raw::Raw;
use xen_back::net::{NetBack, NetBackConfig, Packet, PacketMeta};
use xen_front::net::{DeviceState, NetFront, NetFrontConfig, StaticGrantState, Vif};
use xen_hypercall::Platform;
use xen_sim::Domain;
use xen_sys::io::netif::{NetRxFlags, NetifExtraInfo};
use xenbus::DeviceId;
use xenbus::net::xdp;

/// Returns a backend that offers free bytes.
fn offering(fixture: &Fixture, static_grants: usize) -> NetBack<Domain> {
    let guest = &fixture.guests[0];
    let id = DeviceId { guest: guest.domain.id(), device: guest.device.id };
    let config = NetBackConfig::default().with_static_grants(static_grants).with_xdp_headroom(true);
    NetBack::with_config(&fixture.driver_store, id, config).unwrap()
}

#[test]
fn slots_have_free_bytes() {
    // A frontend that requests more gets the limit.
    for (requested, expected) in [("100", 100), ("256", 256), ("32767", 256)] {
        let fixture = Fixture::new(1);
        let mut back = offering(&fixture, 0);
        let mut raw = Raw::connect(&fixture, &mut back, &[("xdp-headroom", requested)]);
        raw.post(0..8);
        let bytes = frame(1, 9, 4096);
        assert!(back.send(Packet::new(&bytes, PacketMeta::default())));
        back.flush().unwrap();
        let responses = raw.received();
        let [first, extra, last] = &responses[..] else { panic!("{responses:?}") };
        assert_eq!(first.flags, NetRxFlags::EXTRA_INFO | NetRxFlags::MORE_DATA);
        assert_eq!((first.offset, first.status), (0, 4096));
        let extra: NetifExtraInfo = zerocopy::transmute!(*extra);
        assert_eq!(extra, xdp::extra_info(expected));
        let headroom = usize::from(expected);
        assert_eq!((last.flags, last.status as usize), (NetRxFlags::empty(), 2 * headroom));
        assert_eq!(raw.buffer(0, 4096)[headroom..], bytes[..4096 - headroom]);
        assert_eq!(raw.buffer(2, 2 * headroom)[headroom..], bytes[4096 - headroom..]);
        raw.close(&mut back);
        drop(back);
        fixture.finish();
    }
}

/// Switches the frontend to a state with a headroom, and returns the backend's state.
fn switch(fixture: &Fixture, back: &mut NetBack<Domain>, state: &str, headroom: &str) -> String {
    let guest = &fixture.guests[0];
    let (store, path) = (guest.domain.store(), guest.device.frontend_path());
    store.write(format!("{path}/xdp-headroom"), headroom).unwrap();
    store.write(format!("{path}/state"), state).unwrap();
    let _ = fixture.settle(back, &mut |_: Packet<'_>| {});
    fixture.world.store().read(format!("{}/state", guest.device.backend_path())).unwrap()
}

#[test]
fn headroom_changes_while_connected() {
    let fixture = Fixture::new(1);
    let mut back = offering(&fixture, 0);
    let mut raw = Raw::connect(&fixture, &mut back, &[]);
    let bytes = frame(1, 9, 100);
    let mut next = 0;
    for (headroom, expected) in [("256", 256), ("0", 0), ("64", 64), ("9999", 256)] {
        // One packet waits for a buffer, and has its place without the new headroom.
        assert!(back.send(Packet::new(&bytes, PacketMeta::default())));
        let dropped = back.rx_statistics().overrun;
        assert_eq!(switch(&fixture, &mut back, "7", headroom), "8");
        assert_eq!(back.rx_statistics().overrun, dropped + 1);
        // It waits for the frontend, which is served.
        assert_eq!(switch(&fixture, &mut back, "7", "1"), "8");
        assert_eq!(switch(&fixture, &mut back, "4", headroom), "4");
        // With free bytes, extra information takes a slot.
        let slots = if expected > 0 { 2 } else { 1 };
        raw.post(next..next + slots);
        assert!(back.send(Packet::new(&bytes, PacketMeta::default())));
        back.flush().unwrap();
        let first = raw.received()[0];
        assert_eq!(usize::from(first.status as u16), 100 + expected);
        assert_eq!(raw.buffer(next, 100 + expected)[expected..], bytes);
        next += slots;
    }
    assert!(back.is_connected());
    // A bad value ends the connection, as at the first.
    switch(&fixture, &mut back, "7", "many");
    assert_eq!(switch(&fixture, &mut back, "7", "many"), "5");
    raw.end_access();
    drop(back);
    fixture.finish();
}

#[test]
fn absurd_headroom_is_refused() {
    for bad in ["65536", "-1", "many"] {
        let fixture = Fixture::new(1);
        let mut back = offering(&fixture, 0);
        let raw = Raw::publish(&fixture, &mut back, &[("xdp-headroom", bad)]);
        let refused = fixture.settle(&mut back, &mut |_: Packet<'_>| {}).unwrap_err();
        assert!(refused.to_string().contains("xdp-headroom"), "{refused}");
        raw.end_access();
        drop(back);
        fixture.finish();
    }
}

fn connected(
    fixture: &Fixture,
    back: &mut NetBack<Domain>,
    config: NetFrontConfig,
) -> NetFront<Domain> {
    let guest = &fixture.guests[0];
    let mut front = NetFront::new(&guest.store, &guest.grants, Vif(0), config).unwrap();
    fixture.run(0, &mut front, back, |link, back| {
        link == DeviceState::Connected && back.is_connected()
    });
    front
}

#[test]
fn packets_arrive_without_free_bytes() {
    for grants in [false, true] {
        let fixture = Fixture::new(1);
        let mut back = offering(&fixture, if grants { 512 } else { 0 });
        let config = NetFrontConfig::default().with_xdp_headroom(256).with_control_ring(grants);
        let mut front = connected(&fixture, &mut back, config);
        front.set_static_grants(grants);
        fixture.run(0, &mut front, &mut back, |_, _| true);
        let mut buffer = vec![0; 1 << 16];
        for round in 0..50 {
            back.poll(fixture.driver.now(), &mut |_: Packet<'_>| {}).unwrap();
            front.poll(fixture.driver.now()).unwrap();
            // Many in one batch, of lengths around the room of slots.
            let segments = tcp(1, 9, &vec![round; 65_000]);
            let lens = [60, 1514, 3839, 3840, 3841, 7680, 7681, 20_000];
            let packets = lens.map(|len| frame(1, 9, len + usize::from(round)));
            for bytes in &packets {
                assert!(back.send(Packet::new(bytes, PacketMeta::default())));
            }
            assert!(back.send(large(&segments)));
            back.flush().unwrap();
            for bytes in packets.iter().chain([&segments]) {
                let packet = front.receive(&mut buffer).unwrap().unwrap();
                let (found, checksum) = (&buffer[..packet.len], 50..52);
                assert!(found[..checksum.start] == bytes[..checksum.start]);
                assert!(found[checksum.end..] == bytes[checksum.end..]);
            }
            front.flush().unwrap();
        }
        if grants {
            assert!(matches!(front.static_grants(), StaticGrantState::Active { .. }));
        }
        assert_eq!(back.rx_statistics().static_copies > 0, grants);
        assert_eq!(front.statistics().rx_dropped(), 0);
        fixture.close_and_finish(front, back);
    }
}

#[test]
fn backend_without_offer_leaves_none() {
    let fixture = Fixture::new(1);
    let mut back = fixture.back(0);
    let mut raw = Raw::connect(&fixture, &mut back, &[("xdp-headroom", "256")]);
    raw.post(0..2);
    assert!(back.send(Packet::new(&frame(1, 9, 100), PacketMeta::default())));
    back.flush().unwrap();
    let responses = raw.received();
    assert_eq!(
        (responses.len(), responses[0].flags, responses[0].status),
        (1, NetRxFlags::empty(), 100)
    );
    assert_eq!(raw.buffer(0, 100), frame(1, 9, 100));
    raw.close(&mut back);
    drop(back);
    fixture.finish();
}
