//! Packets in both directions.

use super::fixture::{Fixture, frame, front_send, tcp};
use core::time::Duration;
use xen_back::net::{ChecksumState, MacAddress, NetBackEvent, Packet, checksum};
use xen_front::net::{DeviceState, NetFront, NetFrontConfig, PacketMeta, Vif as FrontVif};
use xen_hypercall::Platform;
use xen_sim::{EventWait, run_until_due};
use xen_sys::xen::HYPERVISOR_GRANT_TABLE_OP;

#[test]
fn packets_go_both_ways_unchanged() {
    let fixture = Fixture::new(1);
    let mut back = fixture.back(0);
    let mut front = fixture.connect(0, &mut back);
    let mut echoed = 0;
    for len in (14..1515).step_by(13) {
        let sent = frame(9, 1, len);
        front.transmit(&sent, PacketMeta::default()).unwrap();
        front.flush().unwrap();
        let mut received = Vec::new();
        fixture
            .settle(&mut back, &mut |packet: Packet<'_>| received.push(packet.bytes.to_vec()))
            .unwrap();
        assert_eq!(received, [sent.as_slice()]);
        assert!(back.send(Packet::new(&received[0], PacketMeta::default())));
        back.flush().unwrap();
        fixture.pass();
        front.poll(fixture.guests[0].domain.now()).unwrap();
        let mut buffer = [0; 2048];
        let packet = front.receive(&mut buffer).unwrap().expect("the echo");
        assert_eq!(
            (&buffer[..packet.len], packet.meta.checksum),
            (sent.as_slice(), ChecksumState::Unknown)
        );
        front.flush().unwrap();
        echoed += 1;
    }
    assert_eq!((back.tx_statistics().packets, back.rx_statistics().packets), (echoed, echoed));
    fixture.close_and_finish(front, back);
}

#[test]
fn guests_reach_each_other_in_batches() {
    let fixture = Fixture::new(2);
    let (mut one, mut two) = (fixture.back(0), fixture.back(1));
    let (mut first, mut second) = (fixture.connect(0, &mut one), fixture.connect(1, &mut two));
    let macs = [1, 2].map(|last| Some(MacAddress([0, 0x16, 0x3e, 0, 0, last])));
    assert_eq!([one.mac(), two.mac()], macs);
    let copies = fixture.driver.counters().hypercalls[&HYPERVISOR_GRANT_TABLE_OP];
    for index in 0..40 {
        front_send(
            &mut first,
            &frame(if index == 0 { 2 } else { 1 + index % 2 * 7 }, 1, 100 + usize::from(index)),
        );
    }
    first.flush().unwrap();
    let mut forward = |packet: Packet<'_>| {
        if packet.destination() != packet.source() {
            two.send(packet);
        }
    };
    fixture.settle(&mut one, &mut forward).unwrap();
    two.flush().unwrap();
    let used = fixture.driver.counters().hypercalls[&HYPERVISOR_GRANT_TABLE_OP] - copies;
    assert!(used <= 4, "{used} hypercalls for 40 packets in and 21 out");
    fixture.pass();
    second.poll(fixture.guests[1].domain.now()).unwrap();
    let mut buffer = [0; 2048];
    let mut received = 0;
    while let Some(packet) = second.receive(&mut buffer).unwrap() {
        assert_eq!(buffer[6..12], [0, 0x16, 0x3e, 0, 0, 1], "{packet:?}");
        received += 1;
    }
    // Those to the sender itself go nowhere.
    assert_eq!(received, 21);
    fixture.close(0, first, &mut one);
    fixture.close(1, second, &mut two);
    drop((one, two));
    fixture.finish();
}

#[test]
fn checksums_follow_receivers_features() {
    let fixture = Fixture::new(1);
    let mut back = fixture.back(0);
    let mut front = fixture.connect(0, &mut back);
    let bytes = tcp(9, 1, b"some data");
    front.transmit(&bytes, PacketMeta::new(ChecksumState::Partial)).unwrap();
    front.flush().unwrap();
    let mut received = Vec::new();
    fixture
        .settle(&mut back, &mut |packet: Packet<'_>| {
            received.push((packet.bytes.to_vec(), packet.meta.checksum));
        })
        .unwrap();
    let (mut found, state) = received.pop().unwrap();
    assert_eq!(state, ChecksumState::Partial);
    assert!(checksum::complete(&mut found) && checksum::verify(&found) == Some(true));
    for sent in [ChecksumState::Partial, ChecksumState::Verified, ChecksumState::Unknown] {
        assert!(back.send(Packet::new(&found, PacketMeta::new(sent))));
        back.flush().unwrap();
        fixture.pass();
        front.poll(fixture.guests[0].domain.now()).unwrap();
        let mut buffer = [0; 2048];
        assert_eq!(front.receive(&mut buffer).unwrap().unwrap().meta.checksum, sent);
        front.flush().unwrap();
    }
    fixture.close_and_finish(front, back);
}

/// Runs the world until an event or a deadline wakes either end, within a second.
fn wake(front: &EventWait, back: &EventWait, progress: impl Fn() -> String) {
    let woken = run_until_due(&[front, back], Duration::from_secs(1));
    assert!(woken, "both ends sleep: {}", progress());
}

/// Each end runs only when an event or its deadline wakes it.
#[test]
fn events_alone_carry_packets_both_ways() {
    let fixture = Fixture::new(1);
    let mut back = fixture.back(0);
    let guest = &fixture.guests[0];
    let mut front = fixture.front(0);
    let (mut front_wait, mut back_wait) =
        (EventWait::new(&guest.domain), EventWait::new(&fixture.driver));
    let (mut sent, mut echoed) = (0, 0);
    const PACKETS: usize = 500;
    let mut queue = std::collections::VecDeque::new();
    while echoed < PACKETS {
        if back_wait.take() {
            let mut received = Vec::new();
            let event = back.poll(fixture.driver.now(), &mut |packet: Packet<'_>| {
                received.push(packet.bytes.to_vec());
            });
            queue.extend(received);
            // A packet at a time, so that most of them need an event of their own.
            if let Some(packet) = queue.pop_front() {
                assert!(back.send(Packet::new(&packet, PacketMeta::default())));
                back.flush().unwrap();
            }
            if event.unwrap() == NetBackEvent::Busy || !queue.is_empty() {
                back_wait.wake();
            }
            if let Some(deadline) = back.poll_timeout(fixture.driver.now()) {
                back_wait.wake_at(deadline);
            }
        } else if front_wait.take() {
            let link = front.poll(guest.domain.now()).unwrap();
            let mut buffer = [0; 2048];
            while let Some(packet) = front.receive(&mut buffer).unwrap() {
                assert_eq!(buffer[..packet.len], frame(9, 1, 100 + echoed % 1000));
                echoed += 1;
            }
            // Few in flight, so that each end sleeps often.
            while link == DeviceState::Connected && sent < PACKETS && sent < echoed + 3 {
                front_send(&mut front, &frame(9, 1, 100 + sent % 1000));
                sent += 1;
            }
            if front.final_check().unwrap() {
                front_wait.wake();
            }
        } else {
            wake(&front_wait, &back_wait, || format!("{sent} sent, {echoed} echoed"));
        }
    }
    fixture.close_and_finish(front, back);
}

#[test]
fn event_ends_wait_for_transmit_room() {
    let fixture = Fixture::new(1);
    let mut back = fixture.back(0);
    let guest = &fixture.guests[0];
    let config = NetFrontConfig::default().with_tx_slots(4);
    let mut front = NetFront::new(&guest.store, &guest.grants, FrontVif(0), config).unwrap();
    let (mut front_wait, mut back_wait) =
        (EventWait::new(&guest.domain), EventWait::new(&fixture.driver));
    let (mut sent, mut received) = (0, 0);
    while received < 200 {
        if back_wait.take() {
            let event =
                back.poll(fixture.driver.now(), &mut |_: Packet<'_>| received += 1).unwrap();
            if event == NetBackEvent::Busy {
                back_wait.wake();
            }
        } else if front_wait.take() {
            let link = front.poll(guest.domain.now()).unwrap();
            while link == DeviceState::Connected
                && sent < 200
                && front.transmit(&frame(9, 1, 60), PacketMeta::default()).is_ok()
            {
                sent += 1;
            }
            if front.final_check().unwrap() {
                front_wait.wake();
            }
        } else {
            wake(&front_wait, &back_wait, || format!("{sent} sent, {received} received"));
        }
    }
    fixture.close_and_finish(front, back);
}
