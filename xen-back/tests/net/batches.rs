//! Hypercalls and copies of a batch.

use super::fixture::{Fixture, frame, front_send, large, tcp};
use super::raw::Raw;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use xen_back::net::{Packet, PacketMeta};
use xen_hypercall::Platform;
use xen_sim::{Call, Interpose};
use xen_sys::grant_table::GNTTABOP_COPY;
use xen_sys::io::netif::NetRxFlags;
use xen_sys::xen::HYPERVISOR_GRANT_TABLE_OP;

#[test]
fn large_batches_lose_no_slot() {
    let fixture = Fixture::new(1);
    let mut back = fixture.back(0);
    let mut raw = Raw::connect(&fixture, &mut back, &[("feature-gso-tcpv4", "1")]);
    raw.post(0..80);
    // Two slots for each, of which one has no bytes: a batch is full of slots before it is full of
    // copies.
    let bytes = tcp(1, 9, &[7; 100]);
    (0..40).for_each(|_| assert!(back.send(large(&bytes))));
    let calls = || fixture.driver.counters().hypercalls[&HYPERVISOR_GRANT_TABLE_OP];
    let before = calls();
    back.flush().unwrap();
    assert_eq!(calls() - before, 2, "64 slots and 16");
    let received = raw.received();
    assert_eq!((received.len(), back.rx_statistics().packets), (80, 40));
    for (index, packet) in received.chunks(2).enumerate() {
        assert_eq!((usize::from(packet[0].id), packet[0].status), (2 * index, 154));
        assert!(packet[0].flags.contains(NetRxFlags::EXTRA_INFO));
    }
    raw.close(&mut back);
    drop(back);
    fixture.finish();
}

/// Number of calls of `GNTTABOP_copy`, and of their copies.
#[derive(Default)]
struct Copies {
    calls: AtomicUsize,
    copies: AtomicUsize,
}

impl Copies {
    fn take(&self) -> (usize, usize) {
        [&self.calls, &self.copies].map(|count| count.swap(0, Ordering::Relaxed)).into()
    }
}

impl Interpose for Copies {
    fn result(&self, call: &Call, _result: isize) {
        if (call.op, call.command()) == (HYPERVISOR_GRANT_TABLE_OP, GNTTABOP_COPY) {
            self.calls.fetch_add(1, Ordering::Relaxed);
            self.copies.fetch_add(call.args[2], Ordering::Relaxed);
        }
    }
}

#[test]
fn batches_copy_each_page_once() {
    let fixture = Fixture::new(1);
    let copies = Arc::new(Copies::default());
    let (store, mut back, mut front) = fixture.connect_interposed(&copies);
    let guest = &fixture.guests[0];
    // Two and a half packets of this size fill a page, and none of them lies in two.
    let sent = frame(9, 1, 1500);
    (0..58).for_each(|_| front_send(&mut front, &sent));
    front.flush().unwrap();
    copies.take();
    let mut received = 0;
    while received < 58 {
        back.poll(fixture.driver.now(), &mut |_: Packet<'_>| received += 1).unwrap();
    }
    // A batch ends where the largest packet would have no room.
    assert_eq!(copies.take(), (2, 58));
    for _ in 0..64 {
        assert!(back.send(Packet::new(&sent, PacketMeta::default())));
    }
    back.flush().unwrap();
    assert_eq!(copies.take(), (1, 64));
    fixture.pass();
    front.poll(guest.domain.now()).unwrap();
    assert_eq!(core::iter::from_fn(|| front.receive(&mut [0; 2048]).unwrap()).count(), 64);
    front.flush().unwrap();
    // One more copy than a hypercall has room for.
    for _ in 0..65 {
        assert!(back.send(Packet::new(&frame(9, 1, 60), PacketMeta::default())));
    }
    back.flush().unwrap();
    assert_eq!(copies.take(), (2, 65));
    assert_eq!(back.rx_statistics().failed, 0);
    drop((front, back));
    drop(store);
    fixture.finish();
}

#[test]
fn spanning_packets_fit_their_batch() {
    let fixture = Fixture::new(1);
    let mut back = fixture.back(0);
    let mut raw = Raw::connect(&fixture, &mut back, &[]);
    let calls = || fixture.driver.counters().hypercalls[&HYPERVISOR_GRANT_TABLE_OP];
    raw.post((0..100).map(|id| id % 8));
    let before = calls();
    // The small one leaves most of its page free, and the others begin at the next.
    assert!(back.send(Packet::new(&frame(1, 9, 64), PacketMeta::default())));
    for _ in 0..16 {
        assert!(back.send(Packet::new(&frame(1, 9, 8000), PacketMeta::default())));
    }
    back.flush().unwrap();
    assert_eq!(calls() - before, 1, "33 copies");
    assert_eq!((back.rx_statistics().packets, back.rx_statistics().failed), (17, 0));
    assert_eq!(back.rx_statistics().bytes, 64 + 16 * 8000);
    raw.close(&mut back);
    drop(back);
    fixture.finish();
}
