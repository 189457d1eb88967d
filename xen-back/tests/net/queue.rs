//! The queue of packets to the guest.

use super::fixture::{Fixture, frame};
use super::raw::Raw;
use core::time::Duration;
use xen_back::net::{Packet, PacketMeta};
use xen_hypercall::Platform;

/// Pages of the queue.
const PAGES: u16 = 64;

/// Returns a packet of a page, whose bytes are all `number`.
fn page(number: u16) -> Vec<u8> {
    vec![number as u8; 4096]
}

#[test]
fn send_places_half_full_queue() {
    // More than half of its packets, or of its bytes.
    for (len, most) in [(60, 129), (4096, 33)] {
        let fixture = Fixture::new(1);
        let mut back = fixture.back(0);
        let mut raw = Raw::connect(&fixture, &mut back, &[]);
        raw.post(0..200);
        for sent in 0..most {
            assert!(back.send(Packet::new(&frame(1, 9, len), PacketMeta::default())));
            assert_eq!(back.rx_statistics().packets, 0, "{sent} sent before");
        }
        assert!(back.send(Packet::new(&frame(1, 9, len), PacketMeta::default())));
        assert_eq!(back.rx_statistics().packets, most);
        raw.close(&mut back);
        drop(back);
        fixture.finish();
    }
}

#[test]
fn queue_size_holds_from_any_page() {
    for placed in [1, 10, 33, 63] {
        let fixture = Fixture::new(1);
        let mut back = fixture.back(0);
        let mut raw = Raw::connect(&fixture, &mut back, &[]);
        for number in 0..=placed {
            assert!(back.send(Packet::new(&page(number), PacketMeta::default())));
        }
        raw.post(0..placed);
        back.flush().unwrap();
        assert_eq!(raw.received().len(), usize::from(placed));
        // The oldest packet begins at page `placed`, and those up to it fill the queue.
        let end = placed + PAGES;
        for number in placed + 1..end {
            assert!(
                back.send(Packet::new(&page(number), PacketMeta::default())),
                "{placed}: {number}"
            );
        }
        assert!(!back.send(Packet::new(&page(end), PacketMeta::default())));
        assert!(!back.send(Packet::new(&frame(1, 9, 60), PacketMeta::default())));
        assert_eq!((back.rx_statistics().overrun, back.rx_statistics().refused), (2, 0));
        // A full queue is placed before the next packet is refused.
        raw.post(0..1);
        assert!(back.send(Packet::new(&page(end), PacketMeta::default())));
        let mut number = placed;
        while number <= end {
            back.flush().unwrap();
            let received = raw.received();
            assert!(!received.is_empty(), "{placed}: {number}");
            for response in received {
                assert_eq!(response.status, 4096);
                assert!(raw.buffer(response.id, 4096) == page(number), "{placed}: {number}");
                number += 1;
                raw.post([response.id]);
            }
        }
        assert_eq!(back.rx_statistics().packets, u64::from(end) + 1);
        raw.close(&mut back);
        drop(back);
        fixture.finish();
    }
}

#[test]
fn bytes_behind_a_packet_stay() {
    let fixture = Fixture::new(1);
    let mut back = fixture.back(0);
    let mut raw = Raw::connect(&fixture, &mut back, &[]);
    raw.data.as_ref().copy_from(0, &[0xee; 3 * 4096]).unwrap();
    raw.post(0..3);
    // The longer one leaves its bytes in the queue.
    for (len, buffer, last) in [(4096 + 100, 1, 100), (60, 2, 60)] {
        assert!(back.send(Packet::new(&frame(1, 9, len), PacketMeta::default())));
        back.flush().unwrap();
        assert!(raw.buffer(buffer, 4096)[last..].iter().all(|byte| *byte == 0xee), "{len}");
    }
    assert_eq!(raw.received().len(), 3);
    raw.close(&mut back);
    drop(back);
    fixture.finish();
}

#[test]
fn guest_is_notified_if_it_asks() {
    let fixture = Fixture::new(1);
    let mut back = fixture.back(0);
    let mut raw = Raw::connect(&fixture, &mut back, &[]);
    raw.post(0..2);
    // A new ring asks for an event with the first response, and for no other.
    for expected in [1, 0] {
        let before = fixture.driver.counters().notifications;
        assert!(back.send(Packet::new(&frame(1, 9, 60), PacketMeta::default())));
        back.flush().unwrap();
        assert_eq!(fixture.driver.counters().notifications - before, expected);
        assert_eq!(raw.received().len(), 1);
    }
    raw.close(&mut back);
    drop(back);
    fixture.finish();
}

#[test]
fn guest_without_rx_notify_is_polled() {
    let fixture = Fixture::new(1);
    let mut back = fixture.back(0);
    let mut raw = Raw::connect(&fixture, &mut back, &[("feature-rx-notify", "0")]);
    let now = fixture.driver.now();
    assert_eq!(back.poll_timeout(now), None);
    assert!(back.send(Packet::new(&frame(1, 9, 60), PacketMeta::default())));
    back.flush().unwrap();
    for at in [now, now + Duration::from_secs(1)] {
        assert_eq!(back.poll_timeout(at), Some(at + Duration::from_millis(30)));
    }
    raw.post([0]);
    back.poll(fixture.driver.now(), &mut |_: Packet<'_>| {}).unwrap();
    assert_eq!((raw.received().len(), back.poll_timeout(now)), (1, None));
    raw.close(&mut back);
    drop(back);
    fixture.finish();
}
