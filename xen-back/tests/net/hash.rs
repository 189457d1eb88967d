//! The hash that our frontend configures at our backend.

use super::fixture::{Fixture, tcp, tcp6};
use xen_back::net::{NetBack, Packet, PacketMeta};
use xen_front::net::{
    DEFAULT_KEY, DeviceState, HashConfig, HashState, NetFront, NetFrontConfig, NetifHashType,
    PacketHash, Toeplitz, Vif,
};
use xen_hypercall::Platform;
use xen_sim::Domain;

const QUEUES: u16 = 4;

/// Polls both ends until the hash is in `expected`.
fn until(
    fixture: &Fixture,
    front: &mut NetFront<Domain>,
    back: &mut NetBack<Domain>,
    expected: HashState,
) {
    for _ in 0..1000 {
        back.poll(fixture.driver.now(), &mut |_: Packet<'_>| {}).unwrap();
        fixture.pass();
        front.poll(fixture.driver.now()).unwrap();
        fixture.pass();
        if front.hash_state() == expected && front.state() == DeviceState::Connected {
            return;
        }
    }
    panic!("{:?}, expected {expected:?}", front.hash_state());
}

/// Sends a packet to the guest; returns the queue that it was received by, and its hash.
fn steered(
    front: &mut NetFront<Domain>,
    back: &mut NetBack<Domain>,
    bytes: &[u8],
) -> (usize, Option<PacketHash>) {
    let counts = |front: &NetFront<Domain>| {
        (0..usize::from(QUEUES))
            .map(|queue| front.queue_statistics(queue).unwrap().rx_packets)
            .collect::<Vec<_>>()
    };
    let before = counts(front);
    assert!(back.send(Packet::new(bytes, PacketMeta::default())));
    back.flush().unwrap();
    let found = front.receive_with(|packet, meta| (packet.to_vec(), meta.hash)).unwrap();
    let (packet, hash) = found.unwrap();
    assert_eq!(packet, bytes);
    let after = counts(front);
    (after.iter().zip(before).position(|(after, before)| *after > before).unwrap(), hash)
}

#[test]
fn mapped_queue_receives_packets() {
    let fixture = Fixture::new(1);
    let mut back = fixture.back(0);
    let guest = &fixture.guests[0];
    let config = NetFrontConfig::default().with_queues(QUEUES).with_control_ring(true);
    let mut front = NetFront::new(&guest.store, &guest.grants, Vif(0), config).unwrap();
    until(&fixture, &mut front, &mut back, HashState::Off);
    let all = NetifHashType(15);
    let toeplitz = Toeplitz::new(&DEFAULT_KEY);
    let packets = [tcp(1, 9, b"data"), tcp6(1, 9, b"data"), tcp(1, 77, b"more")];
    let (_, hash) = steered(&mut front, &mut back, &packets[0]);
    assert_eq!(hash, None, "no hash is configured");
    let mapping: Vec<u16> = (0..7).map(|entry| entry * 3 % QUEUES).collect();
    for connection in 0..2 {
        if connection == 0 {
            front.set_hash(Some(HashConfig::default().with_mapping(&mapping).unwrap()));
        } else {
            front.reopen();
        }
        until(&fixture, &mut front, &mut back, HashState::Active);
        for bytes in &packets {
            let expected = toeplitz.hash_packet(bytes, all).unwrap();
            let queue = mapping[expected.value as usize % 7];
            let found = steered(&mut front, &mut back, bytes);
            assert_eq!(found, (queue.into(), Some(expected)));
        }
    }
    // One queue for all, also for a packet without a hash.
    front.set_hash(Some(HashConfig::default().with_mapping(&[2]).unwrap()));
    until(&fixture, &mut front, &mut back, HashState::Active);
    let arp = [&[0xff; 6][..], &[2, 0, 0, 0, 0, 9, 8, 6], &[0; 46]].concat();
    assert_eq!(steered(&mut front, &mut back, &arp), (2, None));
    assert_eq!(steered(&mut front, &mut back, &packets[2]).0, 2);
    // Another key and other types, without a mapping.
    let key = core::array::from_fn(|index| (index * 37 + 1) as u8);
    front.set_hash(Some(HashConfig::new(NetifHashType::IPV4, key)));
    until(&fixture, &mut front, &mut back, HashState::Active);
    let expected = Toeplitz::new(&key).hash_packet(&packets[0], NetifHashType::IPV4).unwrap();
    let queue = expected.value as usize % usize::from(QUEUES);
    assert_eq!(steered(&mut front, &mut back, &packets[0]), (queue, Some(expected)));
    front.set_hash(None);
    until(&fixture, &mut front, &mut back, HashState::Off);
    assert_eq!(steered(&mut front, &mut back, &packets[0]).1, None);
    fixture.close_and_finish(front, back);
}

/// A packet that is sent on with the hash that it came with.
#[test]
fn sent_hash_reaches_sink() {
    let fixture = Fixture::new(1);
    let mut back = fixture.back(0);
    let guest = &fixture.guests[0];
    let config = NetFrontConfig::default().with_control_ring(true);
    let mut front = NetFront::new(&guest.store, &guest.grants, Vif(0), config).unwrap();
    until(&fixture, &mut front, &mut back, HashState::Off);
    let hash = PacketHash { kind: NetifHashType::IPV6, value: 0x0102_0304 };
    let bytes = tcp6(9, 1, b"data");
    front.transmit(&bytes, PacketMeta::default().with_hash(hash)).unwrap();
    front.transmit(&bytes, PacketMeta::default()).unwrap();
    front.flush().unwrap();
    let mut seen = Vec::new();
    fixture.settle(&mut back, &mut |packet: Packet<'_>| seen.push(packet.meta.hash)).unwrap();
    assert_eq!(seen, [Some(hash), None]);
    fixture.close_and_finish(front, back);
}
