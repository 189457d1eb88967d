//! Several queues and split event channels.

use super::fixture::{Fixture, tcp};
use super::multi::{Multi, Shape};
use super::raw::{LAST, MORE};
use xen_back::net::{NetBackError, NetBackEvent, Packet, PacketMeta, TxViolation};
use xen_back::{QueueError, QueuesError};
use xen_hypercall::Platform;
use xen_sys::io::netif::NetifStatus;

const TWO: Shape = Shape { queues: 2, split: false, control: false };

/// Returns a packet of TCP from port `port`.
fn flow(port: u16) -> Vec<u8> {
    let mut bytes = tcp(1, 9, b"data");
    bytes[34..36].copy_from_slice(&port.to_be_bytes());
    bytes
}

#[test]
fn each_queue_carries_packets() {
    for (queues, split, control) in
        [(1, false, false), (1, true, false), (2, false, true), (3, true, false), (4, true, true)]
    {
        let shape = Shape { queues, split, control };
        let fixture = Fixture::new(1);
        let mut back = fixture.back(0);
        let mut multi = Multi::connect(&fixture, &mut back, shape, &[]);
        let ports = queues * (1 + usize::from(split)) + usize::from(control);
        assert_eq!(back.ports().count(), ports, "{shape:?}");
        // From the guest, on each queue.
        for queue in 0..queues {
            let content = vec![queue as u8 + 1; 60 + queue];
            multi.data.as_ref().copy_from(0, &content).unwrap();
            let slot = multi.slot(0, content.len() as u16, LAST);
            multi.send(queue, &[slot]);
            let mut found = Vec::new();
            let mut sink = |packet: Packet<'_>| found.push(packet.bytes.to_vec());
            fixture.settle(&mut back, &mut sink).unwrap();
            assert_eq!(found, [content]);
            let response = multi.queues[queue].tx.pop().unwrap().unwrap();
            assert_eq!(response.status, NetifStatus::OKAY);
            assert_eq!(back.queue_statistics(queue).unwrap().tx.packets, 1);
            multi.post(queue, 0..64);
        }
        assert_eq!(back.queue_statistics(queues), None);
        // To the guest: a flow stays in its queue, and flows use all queues.
        let mut used = vec![0; queues];
        for port in 0..64 {
            let bytes = flow(port);
            let mut placed = Vec::new();
            for _ in 0..2 {
                assert!(back.send(Packet::new(&bytes, PacketMeta::default())));
                back.flush().unwrap();
                let found = (0..queues).filter(|&queue| !multi.received(queue).is_empty());
                placed.extend(found);
            }
            assert_eq!(placed.len(), 2);
            assert_eq!(placed[0], placed[1]);
            used[placed[0]] += 1;
            multi.post(placed[0], 0..2);
        }
        assert!(used.iter().all(|&flows| flows > 64 / queues / 3), "{used:?}");
        let sums = (0..queues).map(|queue| back.queue_statistics(queue).unwrap().rx.packets);
        assert_eq!((sums.sum::<u64>(), back.rx_statistics().packets), (128, 128));
        multi.close(&mut back);
        drop(back);
        fixture.finish();
    }
}

/// D-N09, D-N14.
#[test]
fn contradictory_queues_are_refused() {
    let split = Shape { split: true, ..TWO };
    let control = Shape { control: true, ..TWO };
    let one = Shape { queues: 1, ..TWO };
    type Case<'a> = (Shape, (&'a str, Option<&'a str>), &'a str);
    let cases: [Case<'_>; 12] = [
        (TWO, ("multi-queue-num-queues", Some("0")), "found 0, expected 1 to 4"),
        (TWO, ("multi-queue-num-queues", Some("5")), "found 5, expected 1 to 4"),
        (TWO, ("multi-queue-num-queues", Some("65")), "found 65, expected 1 to 4"),
        (TWO, ("multi-queue-num-queues", Some("abc")), "multi-queue-num-queues"),
        (TWO, ("multi-queue-num-queues", Some("3")), "queue-2/tx-ring-ref"),
        (TWO, ("multi-queue-num-queues", Some("1")), "tx-ring-ref"),
        (TWO, ("queue-1/rx-ring-ref", None), "queue-1/rx-ring-ref"),
        (TWO, ("queue-1/event-channel", None), "queue-1/event-channel"),
        (split, ("queue-1/event-channel-rx", None), "queue-1/event-channel-rx"),
        (split, ("queue-0/event-channel-tx", None), "queue-0/event-channel-tx"),
        (control, ("event-channel-ctrl", None), "event-channel-ctrl"),
        (one, ("event-channel-tx", Some("3")), "event-channel-rx"),
    ];
    for (shape, key, named) in cases {
        let fixture = Fixture::new(1);
        let mut back = fixture.back(0);
        let multi = Multi::publish(&fixture, &mut back, shape, &[key]);
        let error = fixture.settle(&mut back, &mut |_: Packet<'_>| {}).unwrap_err();
        assert!(error.to_string().contains(named), "{key:?}: {error}");
        fixture.settle(&mut back, &mut |_: Packet<'_>| {}).unwrap();
        assert_eq!(fixture.states(), (4, 5), "{key:?}");
        let counters = fixture.driver.counters();
        assert_eq!(counters.maps, counters.unmaps, "{key:?}");
        multi.close(&mut back);
        drop(back);
        fixture.finish();
    }
}

#[test]
fn shared_ring_or_port_is_refused() {
    for key in ["tx-ring-ref", "rx-ring-ref", "event-channel"] {
        let fixture = Fixture::new(1);
        let mut back = fixture.back(0);
        let multi = Multi::publish(&fixture, &mut back, TWO, &[]);
        let guest = &fixture.guests[0];
        let (store, path) = (guest.domain.store(), guest.device.frontend_path());
        let first = store.read(format!("{path}/queue-0/{key}")).unwrap();
        store.write(format!("{path}/queue-1/{key}"), first).unwrap();
        let error = fixture.settle(&mut back, &mut |_: Packet<'_>| {}).unwrap_err();
        let expected = match key {
            "event-channel" => matches!(
                error,
                NetBackError::Queues(QueuesError::Queue {
                    queue: 1,
                    error: QueueError::RepeatedPort { .. }
                })
            ),
            _ => matches!(
                error,
                NetBackError::Queues(QueuesError::Queue {
                    queue: 1,
                    error: QueueError::RepeatedRing { .. }
                })
            ),
        };
        assert!(expected, "{key}: {error}");
        multi.close(&mut back);
        drop(back);
        fixture.finish();
    }
}

/// XSA-374: an error in one queue while another one is active.
#[test]
fn violation_in_one_queue_ends_all() {
    let fixture = Fixture::new(1);
    let mut back = fixture.back(0);
    for broken in 0..2 {
        let mut multi = Multi::connect(&fixture, &mut back, TWO, &[]);
        multi.send(1 - broken, &(0..100).map(|id| multi.slot(id, 60, LAST)).collect::<Vec<_>>());
        multi.send(broken, &[multi.slot(0, 100, MORE)]);
        assert!(back.send(Packet::new(&flow(1), PacketMeta::default())));
        let result = fixture.settle(&mut back, &mut |_: Packet<'_>| {});
        let violation = TxViolation::Truncated;
        assert_eq!(result, Err(NetBackError::Tx { queue: broken as u32, violation }));
        assert!(!back.is_connected());
        let counters = fixture.driver.counters();
        assert_eq!(counters.maps, counters.unmaps);
        assert!(!back.send(Packet::new(&flow(1), PacketMeta::default())));
        multi.close(&mut back);
        let guest = &fixture.guests[0];
        guest.domain.store().write(format!("{}/state", guest.device.frontend_path()), 1).unwrap();
    }
    drop(back);
    fixture.finish();
}

#[test]
fn busy_queue_leaves_turns_to_others() {
    let fixture = Fixture::new(1);
    let mut back = fixture.back(0);
    let shape = Shape { queues: 4, ..TWO };
    let mut multi = Multi::connect(&fixture, &mut back, shape, &[]);
    for busy in 0..4 {
        multi.send(busy, &(0..200).map(|id| multi.slot(id, 60, LAST)).collect::<Vec<_>>());
        for queue in (0..4).filter(|queue| *queue != busy) {
            multi.send(queue, &[multi.slot(0, 61, LAST)]);
        }
        let mut found = [0, 0];
        let mut sink = |packet: Packet<'_>| found[packet.bytes.len() - 60] += 1;
        let event = back.poll(fixture.driver.now(), &mut sink).unwrap();
        assert_eq!((event, found[1]), (NetBackEvent::Busy, 3), "{found:?}");
        assert!(found[0] < 200);
        fixture.settle(&mut back, &mut |_: Packet<'_>| {}).unwrap();
        (0..4).for_each(|queue| while multi.queues[queue].tx.pop().unwrap().is_some() {});
    }
    multi.close(&mut back);
    drop(back);
    fixture.finish();
}
