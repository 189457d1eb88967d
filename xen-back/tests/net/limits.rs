//! The rate limit, stalled queues, and the multicast filter.

use super::fixture::{Fixture, frame};
use super::raw::{LAST, Raw};
use core::time::Duration;
use xen_back::net::{MacAddress, NetBack, NetBackConfig, NetBackError, Packet, PacketMeta};
use xen_hypercall::Platform;
use xen_sim::Domain;
use xen_sys::io::netif::{NetTxFlags, NetifExtraInfo, NetifExtraType, NetifStatus, NetifTxRequest};
use xenbus::DeviceId;
use zerocopy::IntoBytes;

/// Writes the toolstack's limit.
fn set_rate(fixture: &Fixture, rate: &str) {
    let path = fixture.guests[0].device.backend_path();
    fixture.world.store().write(format!("{path}/rate"), rate).unwrap();
}

#[test]
fn rate_limit_delays_packets() {
    let fixture = Fixture::new(1);
    set_rate(&fixture, "3000,50000");
    let mut back = fixture.back(0);
    let mut raw = Raw::connect(&fixture, &mut back, &[]);
    fixture.world.run_for(Duration::from_millis(200));
    let slots: Vec<_> = (0..200).map(|id| raw.slot(id, 1000, LAST)).collect();
    let (_, packets, _) = raw.transmit(&mut back, &slots);
    // Those that were saved: the burst of 128 KiB was not reached in this time.
    let first = packets.len();
    assert!((3..20).contains(&first), "{first}");
    assert_eq!(back.tx_statistics().throttled, 1);
    for _ in 0..10 {
        let due = back.poll_timeout(fixture.driver.now()).unwrap();
        let wait = due.saturating_duration_since(fixture.driver.now());
        assert!(wait > Duration::ZERO && wait <= Duration::from_millis(50));
        // Nothing comes before that time, and the polls do not end early.
        let mut found = 0;
        back.poll(fixture.driver.now(), &mut |_: Packet<'_>| found += 1).unwrap();
        assert_eq!(found, 0);
        fixture.world.run_for(wait);
        back.poll(fixture.driver.now(), &mut |_: Packet<'_>| found += 1).unwrap();
        back.poll(fixture.driver.now(), &mut |_: Packet<'_>| found += 1).unwrap();
        assert_eq!(found, 3, "3000 bytes");
    }
    assert_eq!(back.tx_statistics().packets, first as u64 + 30);
    raw.close(&mut back);
    drop(back);
    fixture.finish();
}

#[test]
fn malformed_rate_is_refused() {
    let fixture = Fixture::new(1);
    set_rate(&fixture, "fast");
    let mut back = fixture.back(0);
    let result = fixture.settle(&mut back, &mut |_: Packet<'_>| {});
    assert_eq!(result, Err(NetBackError::Rate));
    drop(back);
    fixture.finish();
}

/// Writes the toolstack's MTU.
fn set_mtu(fixture: &Fixture, mtu: &str) {
    let path = fixture.guests[0].device.backend_path();
    fixture.world.store().write(format!("{path}/mtu"), mtu).unwrap();
}

#[test]
fn mtu_is_read_before_connection() {
    let fixture = Fixture::new(1);
    set_mtu(&fixture, "1000");
    let mut back = fixture.back(0);
    assert_eq!(back.mtu(), None);
    let front = fixture.connect(0, &mut back);
    assert_eq!(back.mtu(), Some(1000));
    fixture.close_and_finish(front, back);
}

#[test]
fn impossible_mtu_is_refused() {
    for (mtu, expected) in [("67", "found 67"), ("large", "mtu"), ("70000", "mtu")] {
        let fixture = Fixture::new(1);
        set_mtu(&fixture, mtu);
        let mut back = fixture.back(0);
        let error = fixture.settle(&mut back, &mut |_: Packet<'_>| {}).unwrap_err();
        let text = std::format!("{error}");
        assert!(text.contains(expected), "{text}");
        drop(back);
        fixture.finish();
    }
}

/// Returns the backend with a short time for stalls.
fn stalling(fixture: &Fixture) -> NetBack<Domain> {
    let guest = &fixture.guests[0];
    let id = DeviceId { guest: guest.domain.id(), device: guest.device.id };
    let config = NetBackConfig::default().with_stall_timeout(Duration::from_secs(2));
    NetBack::with_config(&fixture.driver_store, id, config).unwrap()
}

#[test]
fn stalled_queue_has_no_carrier() {
    for notifies in [true, false] {
        let fixture = Fixture::new(1);
        let mut back = stalling(&fixture);
        assert!(!back.has_carrier());
        let keys: &[(&str, &str)] = if notifies { &[] } else { &[("feature-rx-notify", "0")] };
        let mut raw = Raw::connect(&fixture, &mut back, keys);
        let bytes = frame(1, 9, 100);
        let send = |back: &mut NetBack<Domain>| {
            let taken = back.send(Packet::new(&bytes, PacketMeta::default()));
            back.flush().unwrap();
            taken
        };
        assert!(send(&mut back) && back.has_carrier());
        fixture.world.run_for(Duration::from_secs(3));
        assert!(send(&mut back));
        // Without notifications, a silent guest may have posted buffers unseen.
        assert_eq!(back.has_carrier(), !notifies);
        if notifies {
            assert_eq!((back.rx_statistics().stalls, back.rx_statistics().overrun), (1, 2));
            assert!(!send(&mut back), "dropped at once");
            assert_eq!(back.rx_statistics().overrun, 3);
            raw.post(0..2);
            assert!(send(&mut back) && back.has_carrier());
            assert_eq!(raw.received().len(), 1);
        }
        raw.close(&mut back);
        drop(back);
        fixture.finish();
    }
}

#[test]
fn only_requested_multicast_arrives() {
    let fixture = Fixture::new(1);
    let mut back = fixture.back(0);
    let mut raw = Raw::connect(&fixture, &mut back, &[("request-multicast-control", "1")]);
    let group = |last| [1, 0, 0x5e, 0, 0, last];
    let change = |raw: &mut Raw<'_>, back: &mut NetBack<Domain>, type_, addr: [u8; 6]| {
        let mut u = [0u16; 3];
        u.as_mut_bytes().copy_from_slice(&addr);
        let info = NetifExtraInfo { type_, u, ..Default::default() };
        let mut extra = NetifTxRequest::default();
        extra.as_mut_bytes()[..8].copy_from_slice(info.as_bytes());
        let slots = [raw.slot(7, 0, NetTxFlags::EXTRA_INFO), extra];
        let (_, packets, responses) = raw.transmit(back, &slots);
        assert_eq!((packets.len(), responses.len()), (0, 2));
        assert_eq!(responses[1].status, NetifStatus::NULL);
        responses[0].status
    };
    let send = |back: &mut NetBack<Domain>, to: [u8; 6]| {
        let mut bytes = frame(1, 9, 100);
        bytes[..6].copy_from_slice(&to);
        back.send(Packet::new(&bytes, PacketMeta::default()))
    };
    let (add, remove) = (NetifExtraType::MCAST_ADD, NetifExtraType::MCAST_DEL);
    assert!(!send(&mut back, group(1)) && send(&mut back, [0xff; 6]));
    assert!(send(&mut back, MacAddress([0, 0x16, 0x3e, 0, 0, 1]).0));
    assert_eq!(change(&mut raw, &mut back, add, group(1)), NetifStatus::OKAY);
    assert!(send(&mut back, group(1)) && !send(&mut back, group(2)));
    assert_eq!(change(&mut raw, &mut back, remove, group(1)), NetifStatus::OKAY);
    assert!(!send(&mut back, group(1)));
    for last in 0..64 {
        assert_eq!(change(&mut raw, &mut back, add, group(last)), NetifStatus::OKAY);
    }
    assert_eq!(change(&mut raw, &mut back, add, group(99)), NetifStatus::ERROR);
    assert_eq!(back.rx_statistics().filtered, 3);
    assert_eq!((back.tx_statistics().filter_changes, back.tx_statistics().refused), (66, 1));
    raw.close(&mut back);
    drop(back);
    fixture.finish();
}
