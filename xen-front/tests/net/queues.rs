//! Devices with several queues, and queues with owners of their own.

use super::*;

/// Returns a packet of a flow.
fn flow(port: u8) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 48];
    frame.extend([0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    frame.extend([0, port, 0, 7, 0, 28, 0, 0]);
    frame.extend([port; 20]);
    frame
}

impl Fixture {
    /// Sends packets to a queue of the guest.
    fn send_to(&self, queue: usize, packets: impl IntoIterator<Item = u8>) {
        self.back.state().send_queue = queue;
        self.send(packets.into_iter().map(|n| (packet(n), NetRxFlags::empty())));
    }

    /// Takes the packets of the backend, each with its queue.
    fn taken(&self) -> Vec<(usize, Vec<u8>)> {
        self.world.run_until_idle();
        let mut state = self.back.state();
        let queues: Vec<_> = state.received_info.drain(..).map(|info| info.0).collect();
        queues.into_iter().zip(state.received.drain(..).map(|packet| packet.0)).collect()
    }
}

#[test]
fn flows_spread_over_queues() {
    let fixture = Fixture::new();
    // The backend offers four.
    for (wanted, expected) in [(4, 4), (8, 4), (3, 3), (0, 1)] {
        let mut net = fixture.connect(small().with_queues(wanted)).unwrap();
        assert_eq!((net.queues(), net.ports().len()), (expected, 2 * expected));
        let mut queue_of = std::collections::BTreeMap::new();
        for _ in 0..3 {
            for port in 0..24 {
                net.transmit(&flow(port), PacketMeta::default()).unwrap();
                net.flush().unwrap();
                let sent = fixture.taken();
                assert_eq!((sent.len(), &sent[0].1), (1, &flow(port)));
                assert_eq!(*queue_of.entry(port).or_insert(sent[0].0), sent[0].0);
            }
        }
        let used: std::collections::BTreeSet<_> = queue_of.into_values().collect();
        assert_eq!(used.len(), expected);
        for queue in 0..expected {
            fixture.send_to(queue, [queue as u8]);
            let found = received(&mut net);
            assert_eq!(found, [(packet(queue as u8), ChecksumState::Unknown)]);
            assert_eq!(net.queue_statistics(queue).unwrap().rx_packets, 1);
        }
        assert_eq!(net.statistics().rx_packets, expected as u64);
        assert_eq!(net.statistics().tx_bytes, 72 * 62);
        net.close_and_wait().unwrap();
    }
    fixture.finish();
}

#[test]
fn taken_queue_is_its_owners() {
    let fixture = Fixture::new();
    let config = small().with_queues(2).with_split_event_channels(true);
    let mut net = fixture.connect(config).unwrap();
    let seen = |key: &str| fixture.back.state().seen(key).is_some();
    assert!(!seen("event-channel") && !seen("tx-ring-ref"));
    let mut queue = net.take_queue(1).unwrap();
    assert!(net.take_queue(1).is_none() && net.take_queue(2).is_none());
    assert_eq!((net.ports().len(), queue.ports().len()), (2, 2));
    for port in 0..10 {
        net.transmit(&flow(port), PacketMeta::default()).unwrap();
    }
    net.flush().unwrap();
    assert!(fixture.taken().iter().all(|sent| sent.0 == 0));
    fixture.send_to(1, [1, 2]);
    assert_eq!(received(&mut net), []);
    // It is used on another thread.
    let sent = std::thread::scope(|scope| {
        let run = || {
            let mut buffer = [0; 2048];
            let first = queue.receive(&mut buffer).unwrap().unwrap();
            assert_eq!(buffer[..first.len], packet(1));
            assert_eq!(queue.final_check(), Ok(true));
            assert!(queue.receive(&mut buffer).unwrap().is_some());
            assert_eq!(queue.receive(&mut buffer), Ok(None));
            queue.transmit(&flow(9), PacketMeta::default()).unwrap();
            queue.flush().unwrap();
            queue
        };
        scope.spawn(run).join().unwrap()
    });
    assert_eq!(fixture.taken(), [(1, flow(9))]);
    assert_eq!(sent.statistics().rx_packets, 2);
    drop(sent);
    fixture.send_to(1, [3]);
    assert_eq!(received(&mut net).len(), 1, "the queue is the device's again");
    net.close_and_wait().unwrap();
    fixture.finish();
}

#[test]
fn fewer_queues_carry_all_packets() {
    let fixture = Fixture::new();
    let mut net = fixture.connect(small().with_queues(4)).unwrap();
    let mut taken = net.take_queue(3).unwrap();
    for queues in [2, 1, 4] {
        fixture.back.state().set("multi-queue-max-queues", queues);
        net.reopen();
        assert_eq!(taken.transmit(&flow(1), PacketMeta::default()), Err(TxError::Down));
        fixture.wait_for(&mut net, DeviceState::Connected);
        assert_eq!(net.queues(), queues as usize);
        for port in 0..12 {
            net.transmit(&flow(port), PacketMeta::default()).unwrap();
        }
        taken.transmit(&flow(99), PacketMeta::default()).unwrap();
        taken.flush().unwrap();
        net.flush().unwrap();
        let sent = fixture.taken();
        assert_eq!(sent.len(), 13);
        let host = sent.iter().find(|(_, packet)| *packet == flow(99)).unwrap().0;
        assert_eq!(host, 3 % queues as usize);
        fixture.send_to(0, [5]);
        assert_eq!(received(&mut net).len(), 1);
    }
    drop(taken);
    net.close_and_wait().unwrap();
    fixture.finish();
}

/// D-N01: an error of one queue is that of the device.
#[test]
fn broken_queue_breaks_device() {
    let fixture = Fixture::new();
    let mut net = fixture.connect(small().with_queues(3)).unwrap();
    let mut queue = net.take_queue(2).unwrap();
    fixture.back.state().misbehaviour = Misbehaviour::WrongId(0x4000);
    fixture.send_to(2, [1]);
    let broken = ProtocolError::RxId { found: 0x4000, expected: 0 };
    assert_eq!(queue.receive(&mut [0; 2048]), Err(broken));
    assert_eq!(net.poll(fixture.guest.now()), Err(NetFrontError::Broken(broken)));
    fixture.wait_for(&mut net, DeviceState::Closed);
    assert_eq!(queue.receive(&mut [0; 2048]), Ok(None));
    drop(queue);
    net.close_and_wait().unwrap();
    fixture.finish();
}

#[test]
fn absurd_queue_count_is_one_queue() {
    let fixture = Fixture::new();
    for found in [0, 1] {
        fixture.back.state().set("multi-queue-max-queues", found);
        let net = fixture.connect(small().with_queues(4)).unwrap();
        assert_eq!(net.queues(), 1);
        assert_eq!(fixture.back.state().seen("multi-queue-num-queues"), None);
        net.close_and_wait().unwrap();
    }
    fixture.back.state().set("multi-queue-max-queues", u32::MAX);
    let net = fixture.connect(small().with_queues(4)).unwrap();
    assert_eq!(net.queues(), 4);
    net.close_and_wait().unwrap();
    fixture.finish();
}
