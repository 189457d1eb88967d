//! Packets to the guest.

use super::fixture::{Fixture, frame, large, segmentation, tcp, tcp6};
use super::raw::Raw;
use xen_back::net::{ChecksumState, Packet, PacketMeta, Segmentation, SegmentationKind, checksum};
use xen_hypercall::GrantRef;
use xen_sys::io::netif::{
    NetRxFlags, NetifExtraFlags, NetifExtraInfo, NetifExtraType, NetifRxRequest, NetifRxResponse,
    NetifStatus,
};
use zerocopy::{FromBytes, IntoBytes};

#[test]
fn d_n08_silent_guest_queue_bounded() {
    let fixture = Fixture::new(1);
    let mut back = fixture.back(0);
    let mut raw = Raw::connect(&fixture, &mut back, &[]);
    let before = fixture.driver.counters().pages_allocated;
    let sent = frame(1, 9, 1000);
    let mut taken = 0;
    for _ in 0..100_000 {
        taken += u64::from(back.send(Packet::new(&sent, PacketMeta::default())));
        if taken % 64 == 0 {
            back.flush().unwrap();
        }
    }
    // As many as are counted, in a fourth of a page each.
    assert_eq!(taken, 256);
    assert_eq!(back.rx_statistics().overrun, 100_000 - taken);
    assert_eq!(fixture.driver.counters().pages_allocated, before);
    // Pages come, and with them what had waited.
    for id in 0..8 {
        raw.rx
            .push(&NetifRxRequest { id, pad: 0, gref: raw.data.refs()[usize::from(id)] })
            .unwrap();
    }
    let _ = raw.rx.publish();
    back.flush().unwrap();
    for id in 0..8 {
        let response = raw.rx.pop().unwrap().unwrap();
        assert_eq!((response.id, response.offset, response.status), (id, 0, 1000));
        let mut found = vec![0; 1000];
        raw.data.as_ref().copy_to(usize::from(id) * 4096, &mut found).unwrap();
        assert_eq!(found, sent);
    }
    // The room of those that were placed is used again, and no more.
    let again = (0..10).filter(|_| back.send(Packet::new(&sent, PacketMeta::default()))).count();
    assert_eq!(again, 8);
    raw.close(&mut back);
    drop(back);
    fixture.finish();
}

#[test]
fn burst_is_kept_with_guest_pages() {
    let fixture = Fixture::new(1);
    let mut back = fixture.back(0);
    let mut raw = Raw::connect(&fixture, &mut back, &[]);
    for id in 0..250 {
        raw.rx
            .push(&NetifRxRequest { id, pad: 0, gref: raw.data.refs()[usize::from(id) % 4] })
            .unwrap();
    }
    let _ = raw.rx.publish();
    // 64 pages, two packets each, are what the queue has room for.
    let sent = frame(1, 9, 1500);
    for index in 0..250 {
        assert!(back.send(Packet::new(&sent, PacketMeta::default())), "packet {index}");
    }
    back.flush().unwrap();
    assert_eq!((back.rx_statistics().packets, back.rx_statistics().overrun), (250, 0));
    for id in 0..250 {
        let response = raw.rx.pop().unwrap().unwrap();
        assert_eq!((response.id, response.status), (id, 1500));
    }
    raw.close(&mut back);
    drop(back);
    fixture.finish();
}

#[test]
fn large_segments_are_cut_where_needed() {
    for whole in [true, false] {
        let fixture = Fixture::new(1);
        let mut back = fixture.back(0);
        let keys: &[(&str, &str)] = if whole { &[("feature-gso-tcpv4", "1")] } else { &[] };
        let mut raw = Raw::connect(&fixture, &mut back, keys);
        let data: Vec<u8> = (0..9000).map(|index| (index / 50) as u8).collect();
        let sent = tcp(1, 9, &data);
        for id in 0..8 {
            raw.rx
                .push(&NetifRxRequest { id, pad: 0, gref: raw.data.refs()[usize::from(id)] })
                .unwrap();
        }
        let _ = raw.rx.publish();
        assert!(back.send(large(&sent)));
        back.flush().unwrap();
        let responses: Vec<NetifRxResponse> =
            core::iter::from_fn(|| raw.rx.pop().unwrap()).collect();
        let page = |index: usize, len: usize| {
            let mut bytes = vec![0; len];
            raw.data.as_ref().copy_to(index * 4096, &mut bytes).unwrap();
            bytes
        };
        if whole {
            let [first, extra, second, third] = responses.as_slice() else {
                panic!("{responses:?}")
            };
            assert!(
                first.flags.contains(
                    NetRxFlags::EXTRA_INFO | NetRxFlags::MORE_DATA | NetRxFlags::CSUM_BLANK
                )
            );
            let extra = NetifExtraInfo::read_from_bytes(extra.as_bytes()).unwrap();
            assert_eq!(
                (extra.type_, extra.flags, extra.u),
                (NetifExtraType::GSO, NetifExtraFlags::empty(), [1448, 1, 0])
            );
            assert!(
                second.flags.contains(NetRxFlags::MORE_DATA)
                    && !third.flags.contains(NetRxFlags::MORE_DATA)
            );
            let found =
                [page(0, 4096), page(2, 4096), page(3, usize::try_from(third.status).unwrap())]
                    .concat();
            assert_eq!(found, sent);
        } else {
            assert_eq!(responses.len(), 7);
            let mut found = Vec::new();
            for (index, response) in responses.iter().enumerate() {
                assert!(response.flags.contains(NetRxFlags::CSUM_BLANK));
                let mut bytes = page(index, usize::try_from(response.status).unwrap());
                assert!(bytes.len() <= 1448 + 54 && checksum::complete(&mut bytes));
                found.extend_from_slice(&bytes[54..]);
            }
            assert_eq!(found, data);
        }
        raw.close(&mut back);
        drop(back);
        fixture.finish();
    }
}

#[test]
fn ipv6_segments_follow_features() {
    let data: Vec<u8> = (0..9000).map(|index| (index / 50) as u8).collect();
    let sent = tcp6(1, 9, &data);
    let kind = SegmentationKind::TcpIpv6;
    let partial = PacketMeta::new(ChecksumState::Partial);
    let meta = partial.with_segmentation(Segmentation { kind, ..segmentation() });
    for (gso, offload) in [("1", "1"), ("0", "1"), ("0", "0"), ("1", "0")] {
        let fixture = Fixture::new(1);
        let mut back = fixture.back(0);
        let keys = [
            ("feature-gso-tcpv4", "1"),
            ("feature-gso-tcpv6", gso),
            ("feature-ipv6-csum-offload", offload),
        ];
        let mut raw = Raw::connect(&fixture, &mut back, &keys);
        raw.post(0..8);
        assert!(back.send(Packet::new(&sent, meta)));
        back.flush().unwrap();
        let responses = raw.received();
        let flags = if offload == "1" {
            NetRxFlags::CSUM_BLANK | NetRxFlags::DATA_VALIDATED
        } else {
            NetRxFlags::DATA_VALIDATED
        };
        if gso == "1" {
            assert_eq!(responses.len(), 4, "3 pages and the extra information");
            let first = responses[0].flags;
            assert_eq!(first, flags | NetRxFlags::EXTRA_INFO | NetRxFlags::MORE_DATA);
        } else {
            assert_eq!(responses.len(), 7);
            let mut found = Vec::new();
            for (index, response) in responses.iter().enumerate() {
                assert_eq!(response.flags, flags);
                let len = usize::try_from(response.status).unwrap();
                let mut bytes = raw.buffer(index as u16, len);
                assert!(offload == "0" || checksum::complete(&mut bytes));
                assert_eq!(checksum::verify(&bytes), Some(true));
                found.extend_from_slice(&bytes[74..]);
            }
            assert_eq!(found, data);
        }
        raw.close(&mut back);
        drop(back);
        fixture.finish();
    }
}

#[test]
fn packet_over_one_page_needs_sg() {
    let fixture = Fixture::new(1);
    let mut back = fixture.back(0);
    let raw = Raw::connect(&fixture, &mut back, &[("feature-sg", "0")]);
    for (len, taken) in [(0, false), (4096, true), (4097, false)] {
        let bytes = vec![0x5a; len];
        assert_eq!(back.send(Packet::new(&bytes, PacketMeta::default())), taken, "{len} bytes");
    }
    assert_eq!((back.rx_statistics().refused, back.rx_statistics().overrun), (2, 0));
    raw.close(&mut back);
    drop(back);
    fixture.finish();
}

#[test]
fn segments_of_no_tcp_are_refused() {
    let fixture = Fixture::new(1);
    let mut back = fixture.back(0);
    let raw = Raw::connect(&fixture, &mut back, &[]);
    assert!(!back.send(large(&frame(1, 9, 3000))));
    assert_eq!((back.rx_statistics().refused, back.rx_statistics().overrun), (1, 0));
    raw.close(&mut back);
    drop(back);
    fixture.finish();
}

#[test]
fn unfillable_checksum_is_refused() {
    let fixture = Fixture::new(1);
    let mut back = fixture.back(0);
    let mut raw = Raw::connect(&fixture, &mut back, &[("feature-no-csum-offload", "1")]);
    // No transport that has a checksum.
    assert!(!back.send(Packet::new(&frame(1, 9, 100), PacketMeta::new(ChecksumState::Partial))));
    assert_eq!((back.rx_statistics().refused, back.rx_statistics().overrun), (1, 0));
    assert!(back.send(Packet::new(&tcp(1, 9, b"data"), PacketMeta::new(ChecksumState::Partial))));
    assert_eq!(back.rx_statistics().refused, 1);
    raw.post([0]);
    back.flush().unwrap();
    assert_eq!(raw.received()[0].flags, NetRxFlags::DATA_VALIDATED);
    assert_eq!(checksum::verify(&raw.buffer(0, 58)), Some(true));
    raw.close(&mut back);
    drop(back);
    fixture.finish();
}

#[test]
fn read_only_page_loses_one_packet() {
    let fixture = Fixture::new(1);
    let mut back = fixture.back(0);
    let mut raw = Raw::connect(&fixture, &mut back, &[]);
    for (id, gref) in [(0, raw.data.refs()[0]), (1, GrantRef(600)), (2, raw.data.refs()[2])] {
        raw.rx.push(&NetifRxRequest { id, pad: 0, gref }).unwrap();
    }
    let _ = raw.rx.publish();
    for _ in 0..3 {
        back.send(Packet::new(&frame(1, 9, 200), PacketMeta::default()));
    }
    back.flush().unwrap();
    let status: Vec<i16> =
        core::iter::from_fn(|| raw.rx.pop().unwrap()).map(|response| response.status).collect();
    assert_eq!(status, [200, NetifStatus::ERROR.0, 200]);
    let found = back.rx_statistics();
    assert_eq!((found.packets, found.bytes, found.failed), (2, 400, 1));
    raw.close(&mut back);
    drop(back);
    fixture.finish();
}
