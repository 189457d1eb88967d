//! Packets of more than a page, in both directions.

use super::*;
use core::num::NonZeroU16;

/// Returns TCP over IPv4 with `len` bytes of data that differ from place to place.
fn tcp(len: usize, seed: u8) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0];
    frame.extend((40 + len as u16).to_be_bytes());
    frame.extend([0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    frame.extend([0, 80, 0x30, 0x39, 1, 2, 3, 4, 5, 6, 7, 8, 0x50, 0x10, 255, 255, 0, 0, 0, 0]);
    frame.extend((0..len).map(|at| ((at * 31) >> 3) as u8 ^ seed));
    frame
}

fn segmentation() -> Segmentation {
    let size = NonZeroU16::new(1448).unwrap();
    Segmentation { kind: SegmentationKind::TcpIpv4, size }
}

/// Compares all but the checksum field of TCP.
fn same(found: &[u8], expected: &[u8]) -> bool {
    found[..50] == expected[..50] && found[52..] == expected[52..]
}

#[test]
fn segmented_packets_go_both_ways() {
    let fixture = Fixture::new();
    let mut net = fixture.net();
    assert_eq!(net.max_segmented(SegmentationKind::TcpIpv4), 65535);
    let meta = PacketMeta::new(ChecksumState::Partial).with_segmentation(segmentation());
    fixture.back.state().segmentation = meta.segmentation;
    for round in 0..50 {
        let (out, back) = (tcp(65000, round), tcp(60000, !round));
        // In pieces, as a stack has headers and data.
        net.transmit_vectored(&[&out[..54], &out[54..9000], &[], &out[9000..]], meta).unwrap();
        net.flush().unwrap();
        fixture.send([(back.clone(), NetRxFlags::CSUM_BLANK)]);
        let (sent, flags) = fixture.back.state().received.pop_front().unwrap();
        assert!(same(&sent, &out), "round {round}");
        assert_eq!(flags, NetTxFlags::CSUM_BLANK | NetTxFlags::DATA_VALIDATED);
        assert_eq!(fixture.back.state().received_info.pop_front().unwrap().1, meta.segmentation);
        let found = net.receive_with(|packet, meta| (packet.to_vec(), meta)).unwrap();
        assert_eq!(found, Some((back, meta)));
        net.flush().unwrap();
    }
    let NetFrontStatistics { tx_segmented, rx_segmented, rx_packets, .. } = net.statistics();
    assert_eq!((tx_segmented, rx_segmented, rx_packets), (50, 50, 50));
    net.close_and_wait().unwrap();
    fixture.finish();
}

#[test]
fn jumbo_packets_follow_mtu() {
    let fixture = Fixture::new();
    fixture.set("front", "mtu", "9000");
    let mut net = fixture.net();
    let jumbo = tcp(8960, 1);
    net.transmit(&jumbo, PacketMeta::new(ChecksumState::Partial)).unwrap();
    let too_long = TxError::TooLong { len: 9019, limit: 9018 };
    assert_eq!(net.transmit(&[0; 9019], PacketMeta::default()), Err(too_long));
    net.flush().unwrap();
    fixture.send([(jumbo.clone(), NetRxFlags::CSUM_BLANK)]);
    assert!(same(&fixture.back.state().received.pop_front().unwrap().0, &jumbo));
    let mut buffers = [[0; 4096]; 3];
    let mut pieces = buffers.each_mut().map(|buffer| &mut buffer[..]);
    let packet = net.receive_vectored(&mut pieces).unwrap().unwrap();
    assert_eq!((packet.len, packet.meta.segmentation), (jumbo.len(), None));
    assert_eq!(buffers.as_flattened()[..packet.len], jumbo);
    net.close_and_wait().unwrap();
    fixture.finish();
}

#[test]
fn plain_backend_gets_plain_packets() {
    let fixture = Fixture::new();
    for key in ["feature-sg", "feature-gso-tcpv4", "feature-gso-tcpv6"] {
        fixture.back.state().set(key, 0);
    }
    fixture.set("front", "mtu", "9000");
    let mut net = fixture.net();
    assert_eq!((net.mtu(), net.max_segmented(SegmentationKind::TcpIpv4)), (1500, 0));
    let meta = PacketMeta::default().with_segmentation(segmentation());
    assert_eq!(net.transmit(&tcp(1000, 0), meta), Err(TxError::Segmentation));
    net.close_and_wait().unwrap();
    fixture.finish();
}

/// The next backend has other features.
#[test]
fn features_follow_each_connection() {
    let fixture = Fixture::new();
    let mut net = fixture.net();
    let meta = PacketMeta::default().with_segmentation(segmentation());
    for (offered, expected) in [(1, 65535), (0, 0), (1, 65535)] {
        fixture.back.state().set("feature-sg", offered);
        net.reopen();
        fixture.wait_for(&mut net, DeviceState::Connected);
        assert_eq!(net.max_segmented(SegmentationKind::TcpIpv4), expected);
        assert_eq!(net.transmit(&tcp(5000, 0), meta).is_ok(), offered == 1);
    }
    net.close_and_wait().unwrap();
    fixture.finish();
}

/// A stack does not read the features of the next backend.
#[test]
fn token_cuts_what_backend_does_not() {
    let fixture = Fixture::new();
    for key in ["feature-sg", "feature-gso-tcpv4"] {
        fixture.back.state().set(key, 0);
    }
    let mut net = fixture.connect(small().with_tx_slots(5)).unwrap();
    let large = tcp(20_000, 3);
    let meta = PacketMeta::new(ChecksumState::Partial).with_segmentation(segmentation());
    let token = net.transmit_token().unwrap();
    token.transmit(large.len(), meta, |bytes| bytes.copy_from_slice(&large));
    let deadline = fixture.deadline();
    let mut waits = 0;
    while fixture.back.state().received.len() < 14 && fixture.guest.now() < deadline {
        // The others wait for buffers.
        net.wait(Some(deadline));
        waits += 1;
    }
    assert!(waits <= 20, "{waits} waits");
    let mut data = Vec::new();
    for (mut packet, flags) in fixture.back.state().received.drain(..) {
        assert!(packet.len() <= 1502 && flags.contains(NetTxFlags::CSUM_BLANK));
        assert!(checksum::complete(&mut packet));
        data.extend_from_slice(&packet[54..]);
    }
    assert_eq!(data, large[54..]);
    assert_eq!(net.statistics().tx_invalid, 0);
    net.close_and_wait().unwrap();
    fixture.finish();
}
