//! Receiving and waiting while the transmit ring is full.

use super::*;

/// Returns a device with a full transmit ring, whose backend takes none of the packets.
fn full(fixture: &Fixture) -> NetFront<Domain> {
    let mut net = fixture.net();
    fixture.back.state().misbehaviour = Misbehaviour::NoTransmit;
    (0..20).for_each(|n| net.transmit(&packet(n), PacketMeta::default()).unwrap());
    assert_eq!(net.transmit(&packet(0), PacketMeta::default()), Err(TxError::Full));
    net.flush().unwrap();
    net
}

/// Takes packets as a stack does, and replies with as many bytes; zero is no reply.
fn reply_to_all(net: &mut NetFront<Domain>, len: usize) -> usize {
    let mut count = 0;
    while let Some((mut received, reply)) = net.receive_token().unwrap() {
        let first = received.packet()[0];
        if len > 0 {
            reply.transmit(len, PacketMeta::default(), |packet| packet.fill(first));
        }
        count += 1;
    }
    net.flush().unwrap();
    count
}

/// Polls until `deadline`, with a wait after each poll. Returns the number of polls and of packets.
fn run(fixture: &Fixture, net: &mut NetFront<Domain>, deadline: Instant) -> (u32, usize) {
    let (mut polls, mut packets) = (0, 0);
    while fixture.guest.now() < deadline {
        net.poll(fixture.guest.now()).unwrap();
        packets += reply_to_all(net, 60);
        net.wait(Some(deadline));
        polls += 1;
    }
    (polls, packets)
}

#[test]
fn full_transmit_ring_still_receives() {
    let fixture = Fixture::new();
    let mut net = full(&fixture);
    fixture.send((0..10).map(|n| (packet(n), NetRxFlags::empty())));
    assert_eq!(reply_to_all(&mut net, 0), 10);
    assert_eq!(net.final_check(), Ok(false));
    fixture.back.state().misbehaviour = Misbehaviour::None;
    net.close_and_wait().unwrap();
    fixture.finish();
}

#[test]
fn wait_lasts_until_reply_has_room() {
    let fixture = Fixture::new();
    let mut net = full(&fixture);
    fixture.send((20..44).map(|n| (packet(n), NetRxFlags::empty())));
    // The first packet's reply is in the spare page, so the others wait: no poll can take them.
    let deadline = fixture.guest.now() + Duration::from_secs(60);
    let (polls, packets) = run(&fixture, &mut net, deadline);
    assert_eq!(packets, 1);
    assert!(polls <= 4, "{polls} polls");

    fixture.back.state().misbehaviour = Misbehaviour::None;
    fixture.world.domain(fixture.device.backend).unwrap().kick();
    let start = fixture.guest.now();
    net.wait(Some(start + Duration::from_secs(60)));
    assert!(fixture.guest.now() < start + Duration::from_secs(1), "an event ends the wait");
    let (polls, packets) = run(&fixture, &mut net, start + Duration::from_secs(60));
    assert_eq!(packets, 23);
    assert!(polls <= 30, "{polls} polls");
    // None is lost, and replies keep their order.
    let sent: Vec<u8> = fixture.back.state().received.iter().map(|(bytes, _)| bytes[0]).collect();
    assert_eq!(sent, (0..44).collect::<Vec<u8>>());
    net.close_and_wait().unwrap();
    fixture.finish();
}

#[test]
fn raw_receive_takes_packets_behind_reply() {
    let fixture = Fixture::new();
    let mut net = full(&fixture);
    fixture.send((20..24).map(|n| (packet(n), NetRxFlags::empty())));
    assert_eq!(reply_to_all(&mut net, 60), 1);
    assert_eq!(net.final_check(), Ok(false), "a stack takes none");
    let mut buffer = [0; 2048];
    assert!(net.receive(&mut buffer).unwrap().is_some());
    assert_eq!(net.final_check(), Ok(true), "the caller takes more");
    assert_eq!(received(&mut net).len(), 2);
    // A packet of the caller does not overtake the reply, nor overwrite it.
    let written = net.transmit_with(60, PacketMeta::default(), |_| panic!("no room"));
    assert_eq!(written, Err::<(), _>(TxError::Full));
    fixture.back.state().misbehaviour = Misbehaviour::None;
    fixture.world.domain(fixture.device.backend).unwrap().kick();
    fixture.world.run_until_idle();
    net.transmit_with(60, PacketMeta::default(), |bytes| bytes.fill(99)).unwrap();
    net.flush().unwrap();
    fixture.world.run_until_idle();
    let sent: Vec<u8> = fixture.back.state().received.iter().map(|(bytes, _)| bytes[0]).collect();
    assert_eq!(sent[20..], [20, 99]);
    net.close_and_wait().unwrap();
    fixture.finish();
}

#[test]
fn invalid_reply_is_dropped() {
    let fixture = Fixture::new();
    let mut net = full(&fixture);
    fixture.send((0..4).map(|n| (packet(n), NetRxFlags::empty())));
    // None of them takes the spare page.
    for (len, given) in [(13, 13), (1519, 1519), (65535, 65535), (65537, 0)] {
        let (_, reply) = net.receive_token().unwrap().unwrap();
        assert_eq!(reply.transmit(len, PacketMeta::default(), |packet| packet.len()), given);
    }
    net.flush().unwrap();
    assert_eq!(net.statistics().tx_invalid, 4);
    fixture.back.state().misbehaviour = Misbehaviour::None;
    fixture.world.domain(fixture.device.backend).unwrap().kick();
    fixture.world.run_until_idle();
    assert_eq!(fixture.back.state().received.len(), 20);
    net.close_and_wait().unwrap();
    fixture.finish();
}

#[test]
fn checked_packet_is_verified() {
    let fixture = Fixture::new();
    let mut net = fixture.net();
    let mut frame = vec![0; 12];
    frame.extend([8, 0, 0x45, 0, 0, 29, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    frame.extend([0, 7, 0, 7, 0, 9, 0, 0, 0x42]);
    assert!(checksum::complete(&mut frame));
    let mut wrong = frame.clone();
    wrong[42] ^= 1;
    fixture.send([wrong, frame.clone(), packet(1)].map(|packet| (packet, NetRxFlags::empty())));
    for (expected, state) in [(frame, ChecksumState::Verified), (packet(1), ChecksumState::Unknown)]
    {
        let (mut received, _) = net.receive_token().unwrap().unwrap();
        assert_eq!(
            (received.meta(), received.packet()),
            (PacketMeta::new(state), &mut expected[..].to_vec()[..])
        );
    }
    assert!(net.receive_token().unwrap().is_none());
    assert_eq!(net.statistics().rx_bad_checksum, 1);
    net.close_and_wait().unwrap();
    fixture.finish();
}

#[test]
fn waiting_reply_ends_with_connection() {
    let fixture = Fixture::new();
    let mut net = full(&fixture);
    fixture.send([(packet(20), NetRxFlags::empty())]);
    assert_eq!(reply_to_all(&mut net, 60), 1);
    net.reopen();
    fixture.wait_for(&mut net, DeviceState::Connected);
    fixture.back.state().misbehaviour = Misbehaviour::None;
    net.flush().unwrap();
    fixture.world.run_until_idle();
    assert_eq!(fixture.back.state().received.len(), 0);
    net.close_and_wait().unwrap();
    fixture.finish();
}

#[test]
fn timed_out_connect_does_not_spin() {
    let fixture = Fixture::new();
    fixture.back.state().misbehaviour = Misbehaviour::NeverReady;
    let mut net = NetFront::new(&fixture.store, &fixture.grants, Vif(0), small()).unwrap();
    let end = fixture.guest.now() + Duration::from_secs(100);
    let (mut polls, mut errors) = (0, 0);
    while fixture.guest.now() < end {
        errors += u32::from(net.poll(fixture.guest.now()).is_err());
        net.wait(Some(end));
        polls += 1;
        assert!(polls < 1000, "{:?}", fixture.guest.now());
    }
    // The timeout is ten seconds.
    assert!(errors <= 10 && polls <= 40, "{polls} polls, {errors} errors");
    net.close_and_wait().unwrap();
    fixture.finish();
}
