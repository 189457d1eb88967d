//! Connecting, closing and removal.

use super::fixture::{Fixture, frame};
use super::raw::{LAST, MORE, Raw};
use core::time::Duration;
use std::sync::Arc;
use xen_back::net::{Packet, PacketMeta};
use xen_hypercall::Platform;
use xen_sim::TraceCalls;
use xen_sys::event_channel::EVTCHNOP_SEND;
use xen_sys::grant_table::GNTTABOP_UNMAP_GRANT_REF;
use xen_sys::io::netif::NetifStatus;
use xen_sys::xen::{HYPERVISOR_EVENT_CHANNEL_OP, HYPERVISOR_GRANT_TABLE_OP};

#[test]
fn d_n09_impossible_nodes_are_refused() {
    for (key, value) in [
        ("multi-queue-num-queues", "0"),
        ("multi-queue-num-queues", "5"),
        ("multi-queue-num-queues", "4294967295"),
        ("multi-queue-num-queues", "abc"),
        ("request-rx-copy", "0"),
        ("tx-ring-ref", "77777"),
        ("rx-ring-ref", "-1"),
        ("event-channel", "99999"),
    ] {
        let fixture = Fixture::new(1);
        let mut back = fixture.back(0);
        let raw = Raw::publish(&fixture, &mut back, &[(key, value)]);
        assert!(fixture.settle(&mut back, &mut |_: Packet<'_>| {}).is_err(), "{key} = {value}");
        fixture.settle(&mut back, &mut |_: Packet<'_>| {}).unwrap();
        assert_eq!(fixture.states(), (4, 5), "{key} = {value}");
        let counters = fixture.driver.counters();
        assert_eq!(counters.maps, counters.unmaps, "{key} = {value}");
        raw.close(&mut back);
        drop(back);
        fixture.finish();
    }
}

/// Linux 6f5986bce5, for an interface.
#[test]
fn detached_interface_serves_until_closed() {
    let fixture = Fixture::new(1);
    let mut back = fixture.back(0);
    let mut raw = Raw::connect(&fixture, &mut back, &[]);
    let guest = &fixture.guests[0];
    fixture.world.detach(&guest.device);
    for front in [4, 5] {
        guest
            .domain
            .store()
            .write(format!("{}/state", guest.device.frontend_path()), front)
            .unwrap();
        fixture.settle(&mut back, &mut |_: Packet<'_>| {}).unwrap();
        assert_eq!((fixture.states(), back.is_connected()), ((front, 5), true));
        let slot = raw.slot(front as u16, 60, LAST);
        let (_, packets, responses) = raw.transmit(&mut back, &[slot]);
        assert_eq!((packets.len(), responses.len()), (1, 1));
        assert_eq!(responses[0].status, NetifStatus::OKAY);
        raw.post([0]);
        assert!(back.send(Packet::new(&frame(1, 9, 200), PacketMeta::default())));
        back.flush().unwrap();
        assert_eq!(raw.received().len(), 1);
    }
    guest.domain.store().write(format!("{}/state", guest.device.frontend_path()), 6).unwrap();
    fixture.settle(&mut back, &mut |_: Packet<'_>| {}).unwrap();
    assert!(!back.is_connected());
    raw.end_access();
    drop(back);
    fixture.finish();
}

#[test]
fn close_timeout_is_the_callers() {
    let fixture = Fixture::new(1);
    let mut back = fixture.back(0);
    back.set_close_timeout(Duration::from_secs(7));
    let mut raw = Raw::connect(&fixture, &mut back, &[]);
    let start = fixture.driver.now();
    let broken = [raw.slot(0, 100, MORE)];
    assert!(raw.transmit(&mut back, &broken).0.is_err());
    fixture.settle(&mut back, &mut |_: Packet<'_>| {}).unwrap();
    let deadline = back.poll_timeout(fixture.driver.now()).unwrap();
    let waited = deadline.saturating_duration_since(start);
    assert_eq!((fixture.states(), waited.as_secs()), ((4, 5), 7));
    raw.end_access();
    drop(back);
    fixture.finish();
}

/// The nodes that the toolstack and frontends read.
#[test]
fn offer_has_all_nodes() {
    let fixture = Fixture::new(1);
    let (store, path) = (fixture.world.store(), fixture.guests[0].device.backend_path());
    // The toolstack's own.
    store.remove(format!("{path}/hotplug-status")).unwrap();
    let mut back = fixture.back(0);
    fixture.settle(&mut back, &mut |_: Packet<'_>| {}).unwrap();
    for (key, value) in [
        ("feature-rx-copy", "1"),
        ("feature-rx-flip", "0"),
        ("feature-sg", "1"),
        ("feature-gso-tcpv4", "1"),
        ("feature-gso-tcpv6", "1"),
        ("feature-ipv6-csum-offload", "1"),
        ("feature-multicast-control", "1"),
        ("feature-dynamic-multicast-control", "1"),
        ("feature-split-event-channels", "1"),
        ("feature-ctrl-ring", "1"),
        ("multi-queue-max-queues", "4"),
        ("hotplug-status", "connected"),
        ("state", "2"),
    ] {
        let found = store.read(format!("{path}/{key}"));
        assert_eq!(found.as_deref(), Some(value), "{key}");
    }
    drop(back);
    fixture.finish();
}

#[test]
fn restless_frontend_does_not_extend_close() {
    let fixture = Fixture::new(1);
    let mut back = fixture.back(0);
    let mut raw = Raw::connect(&fixture, &mut back, &[]);
    let broken = [raw.slot(0, 100, MORE)];
    assert!(raw.transmit(&mut back, &broken).0.is_err());
    let guest = &fixture.guests[0];
    let start = fixture.driver.now();
    for state in [3, 4, 5, 7, 8].into_iter().cycle() {
        guest
            .domain
            .store()
            .write(format!("{}/state", guest.device.frontend_path()), state)
            .unwrap();
        fixture.settle(&mut back, &mut |_: Packet<'_>| {}).unwrap();
        if fixture.states().1 == 6 {
            break;
        }
        assert!(fixture.driver.now() < start + Duration::from_secs(33));
        fixture.world.run_for(Duration::from_secs(3));
    }
    raw.end_access();
    drop(back);
    fixture.finish();
}

#[test]
fn removal_follows_unmapping() {
    let fixture = Fixture::new(1);
    let trace = Arc::new(TraceCalls::default());
    let (store, back, front) = fixture.connect_interposed(&trace);
    trace.take();
    back.remove().unwrap();
    let calls = trace.take();
    let unmap = (HYPERVISOR_GRANT_TABLE_OP, GNTTABOP_UNMAP_GRANT_REF);
    let [unmapped, asked] = [unmap, (HYPERVISOR_EVENT_CHANNEL_OP, EVTCHNOP_SEND)]
        .map(|found| calls.iter().position(|call| (call.0, call.1) == found));
    assert!(unmapped.is_some() && unmapped < asked, "{calls:?}");
    drop((front, store));
    fixture.finish();
}
