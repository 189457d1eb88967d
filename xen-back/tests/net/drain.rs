//! Packets that wait for receive buffers.

use super::fixture::{Fixture, frame, large, tcp};
use super::raw::Raw;
use core::time::Duration;
use xen_back::net::{DRAIN_TIMEOUT, NetBack, Packet, PacketMeta};
use xen_hypercall::Platform;
use xen_sim::Domain;
use xen_sys::io::netif::NetifRxResponse;

/// Lets the backend run until the time that a packet is given has passed, and not longer.
fn wait_for_drain(fixture: &Fixture, back: &mut NetBack<Domain>) {
    let (now, millisecond) = (fixture.driver.now(), Duration::from_millis(1));
    let deadline = back.poll_timeout(now).unwrap();
    assert!(deadline <= now + DRAIN_TIMEOUT && deadline > now + (DRAIN_TIMEOUT - millisecond));
    fixture.world.run_for(DRAIN_TIMEOUT - 2 * millisecond);
    let poll =
        |back: &mut NetBack<Domain>| back.poll(fixture.driver.now(), &mut |_: Packet<'_>| {});
    poll(back).unwrap();
    assert_eq!(back.poll_timeout(fixture.driver.now()), Some(deadline), "it is not yet dropped");
    fixture.world.run_for(2 * millisecond);
    poll(back).unwrap();
}

/// iPXE 7457bfc5b, Linux 1d5d4852: a frontend with fewer buffers than the largest packet has slots.
#[test]
fn packet_beyond_all_buffers_is_drained() {
    let fixture = Fixture::new(1);
    let mut back = fixture.back(0);
    let mut raw = Raw::connect(&fixture, &mut back, &[("feature-gso-tcpv4", "1")]);
    raw.post(0..4);
    let data: Vec<u8> = (0..30_000).map(|index| (index / 100) as u8).collect();
    let bytes = tcp(1, 9, &data);
    assert!(back.send(large(&bytes)));
    for len in [200, 201] {
        assert!(back.send(Packet::new(&frame(1, 9, len), PacketMeta::default())));
    }
    back.flush().unwrap();
    assert_eq!(raw.received(), []);
    wait_for_drain(&fixture, &mut back);
    let status = |response: &NetifRxResponse| (response.id, response.status);
    assert_eq!(raw.received().iter().map(status).collect::<Vec<_>>(), [(0, 200), (1, 201)]);
    assert_eq!((back.rx_statistics().packets, back.rx_statistics().overrun), (2, 1));
    // The next one can be cut, and no time passes.
    let start = fixture.driver.now();
    raw.post(0..2);
    assert!(back.send(large(&bytes)));
    let mut found = Vec::new();
    while found.len() < data.len() {
        back.flush().unwrap();
        for response in raw.received() {
            let mut bytes = vec![0; usize::try_from(response.status).unwrap()];
            raw.data.as_ref().copy_to(usize::from(response.id) * 4096, &mut bytes).unwrap();
            found.extend_from_slice(&bytes[54..]);
            raw.post([response.id]);
        }
        assert!(fixture.driver.now() < start + Duration::from_secs(1));
    }
    assert_eq!((found, back.rx_statistics().overrun), (data, 1));
    raw.close(&mut back);
    drop(back);
    fixture.finish();
}

#[test]
fn packet_that_never_fits_is_refused() {
    let fixture = Fixture::new(1);
    let mut back = fixture.back(0);
    let mut raw = Raw::connect(&fixture, &mut back, &[]);
    raw.post(0..2);
    let jumbo = frame(1, 9, 9000);
    // The first one waits, as the frontend may be slow, and those behind it do not wait as long
    // again.
    assert!(back.send(Packet::new(&jumbo, PacketMeta::default())));
    back.flush().unwrap();
    fixture.world.run_for(DRAIN_TIMEOUT / 2);
    for _ in 0..2 {
        assert!(back.send(Packet::new(&jumbo, PacketMeta::default())));
    }
    assert!(back.send(Packet::new(&frame(1, 9, 100), PacketMeta::default())));
    back.flush().unwrap();
    assert_eq!(raw.received(), []);
    fixture.world.run_for(DRAIN_TIMEOUT / 2);
    back.poll(fixture.driver.now(), &mut |_: Packet<'_>| {}).unwrap();
    assert_eq!(raw.received().iter().map(|response| response.status).collect::<Vec<_>>(), [100]);
    assert_eq!((back.rx_statistics().overrun, back.rx_statistics().refused), (3, 0));
    raw.post([0]);
    assert!(!back.send(Packet::new(&jumbo, PacketMeta::default())));
    assert_eq!((back.rx_statistics().overrun, back.rx_statistics().refused), (3, 1));
    // The frontend was merely slow: it posts more.
    raw.post([2]);
    assert!(back.send(Packet::new(&jumbo, PacketMeta::default())));
    back.flush().unwrap();
    let received: Vec<_> =
        raw.received().iter().map(|response| (response.id, response.status)).collect();
    assert_eq!(received, [(1, 4096), (0, 4096), (2, 808)]);
    // What fits just so is waited for, and what has been seen to fit counts.
    for (before, len, pages) in [(0, 12_000, 3), (1, 9000, 3)] {
        raw.post(0..before * 3);
        (0..before).for_each(|_| {
            assert!(back.send(Packet::new(&frame(1, 9, 60), PacketMeta::default())));
        });
        assert!(back.send(Packet::new(&frame(1, 9, len), PacketMeta::default())));
        back.flush().unwrap();
        assert_eq!(raw.received().len(), usize::from(before));
        raw.post(0..pages - before * 2);
        back.flush().unwrap();
        assert_eq!(raw.received().len(), usize::from(pages));
    }
    assert_eq!((back.rx_statistics().overrun, back.rx_statistics().refused), (3, 1));
    raw.close(&mut back);
    drop(back);
    fixture.finish();
}

#[test]
fn grown_guest_is_waited_for() {
    let fixture = Fixture::new(1);
    let mut back = fixture.back(0);
    let mut raw = Raw::connect(&fixture, &mut back, &[]);
    raw.post(0..2);
    let jumbo = frame(1, 9, 9000);
    assert!(back.send(Packet::new(&jumbo, PacketMeta::default())));
    back.flush().unwrap();
    wait_for_drain(&fixture, &mut back);
    // Two buffers are kept, and a third shows that it has more: a small packet takes one of them.
    raw.post([2]);
    assert!(back.send(Packet::new(&frame(1, 9, 60), PacketMeta::default())));
    assert!(back.send(Packet::new(&jumbo, PacketMeta::default())));
    back.flush().unwrap();
    assert_eq!((raw.received().len(), back.rx_statistics().overrun), (1, 1));
    raw.post([3]);
    back.flush().unwrap();
    assert_eq!(raw.received().len(), 3);
    raw.close(&mut back);
    drop(back);
    fixture.finish();
}

#[test]
fn slow_guest_keeps_large_packets() {
    let fixture = Fixture::new(1);
    let mut back = fixture.back(0);
    let mut raw = Raw::connect(&fixture, &mut back, &[]);
    let jumbo = frame(1, 9, 9000);
    assert!(back.send(Packet::new(&frame(1, 9, 100), PacketMeta::default())));
    assert!(back.send(Packet::new(&jumbo, PacketMeta::default())));
    back.flush().unwrap();
    fixture.world.run_for(DRAIN_TIMEOUT);
    // Its buffers come late; one is answered at the same moment, so it could not have posted more.
    raw.post(0..2);
    back.flush().unwrap();
    assert_eq!((raw.received().len(), back.rx_statistics().overrun), (1, 1));
    assert!(back.send(Packet::new(&jumbo, PacketMeta::default())));
    raw.post(2..4);
    back.flush().unwrap();
    assert_eq!(raw.received().len(), 3);
    raw.close(&mut back);
    drop(back);
    fixture.finish();
}

#[test]
fn silent_guest_costs_packets_after_drain() {
    let fixture = Fixture::new(1);
    let mut back = fixture.back(0);
    let mut raw = Raw::connect(&fixture, &mut back, &[]);
    for len in [100, 101, 102] {
        assert!(back.send(Packet::new(&frame(1, 9, len), PacketMeta::default())));
    }
    back.flush().unwrap();
    wait_for_drain(&fixture, &mut back);
    assert_eq!((back.rx_statistics().overrun, back.poll_timeout(fixture.driver.now())), (3, None));
    // Nothing is known of how many buffers it has: it is served again, with packets of any size.
    assert!(back.send(Packet::new(&frame(1, 9, 100), PacketMeta::default())));
    back.flush().unwrap();
    raw.post([7]);
    back.flush().unwrap();
    assert_eq!(raw.received().len(), 1);
    raw.post(0..3);
    assert!(back.send(Packet::new(&frame(1, 9, 9000), PacketMeta::default())));
    back.flush().unwrap();
    assert_eq!(raw.received().len(), 3);
    raw.close(&mut back);
    drop(back);
    fixture.finish();
}

#[test]
fn kept_slots_get_one_response_each() {
    let fixture = Fixture::new(1);
    let mut back = fixture.back(0);
    let mut raw = Raw::connect(&fixture, &mut back, &[]);
    raw.post(0..4);
    // The first takes one slot, the second four: three are kept for it.
    assert!(back.send(Packet::new(&frame(1, 9, 300), PacketMeta::default())));
    assert!(back.send(Packet::new(&frame(1, 9, 16_000), PacketMeta::default())));
    back.flush().unwrap();
    let ids =
        |raw: &mut Raw<'_>| raw.received().iter().map(|response| response.id).collect::<Vec<_>>();
    assert_eq!(ids(&mut raw), [0]);
    raw.post(4..6);
    back.flush().unwrap();
    assert_eq!(ids(&mut raw), [1, 2, 3, 4]);
    assert!(back.send(Packet::new(&frame(1, 9, 300), PacketMeta::default())));
    back.flush().unwrap();
    assert_eq!(ids(&mut raw), [5]);
    assert_eq!((back.rx_statistics().packets, back.rx_statistics().bytes), (3, 16_600));
    raw.close(&mut back);
    drop(back);
    fixture.finish();
}
