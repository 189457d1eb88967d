//! Packets from the guest.

use super::fixture::{Fixture, large, tcp};
use super::raw::{LAST, MORE, Raw};
use core::sync::atomic::Ordering;
use xen_back::net::{ChecksumState, NetBackError, NetBackEvent, Packet, PacketMeta, TxViolation};
use xen_back::{QueueError, QueuesError};
use xen_hypercall::GrantRef;
use xen_ring::FrontRing;
use xen_sys::io::netif::{
    NetTxFlags, NetifExtraFlags, NetifExtraInfo, NetifExtraType, NetifStatus, NetifTxRequest,
    NetifTxResponse,
};
use xen_sys::xen::HYPERVISOR_GRANT_TABLE_OP;
use zerocopy::IntoBytes;

#[test]
fn packets_of_many_slots_are_joined() {
    let fixture = Fixture::new(1);
    let mut back = fixture.back(0);
    let mut raw = Raw::connect(&fixture, &mut back, &[]);
    let content: Vec<u8> = (0..8 * 4096).map(|index| (index / 100) as u8).collect();
    raw.data.as_ref().copy_from(0, &content).unwrap();
    let okay = |id| NetifTxResponse { id, status: NetifStatus::OKAY };
    let error = |id| NetifTxResponse { id, status: NetifStatus::ERROR };

    // Three slots, one of them empty (XSA-448).
    let slots = [raw.slot(0, 4096 + 100, MORE), raw.slot(1, 0, MORE), raw.slot(2, 100, LAST)];
    let (result, packets, responses) = raw.transmit(&mut back, &slots);
    assert_eq!((result, responses), (Ok(NetBackEvent::Idle), vec![okay(0), okay(1), okay(2)]));
    assert_eq!(packets, [[&content[..4096], &content[2 * 4096..2 * 4096 + 100]].concat()]);

    // Shorter than a header.
    let slots = [raw.slot(3, 13, LAST), raw.slot(4, 14, LAST)];
    let (_, packets, responses) = raw.transmit(&mut back, &slots);
    assert_eq!((packets.len(), responses), (1, vec![error(3), okay(4)]));

    // d_n06: more slots than a packet may have, and few enough to be tolerated.
    let mut slots: Vec<_> = (0..19).map(|id| raw.slot(id, 10, MORE)).collect();
    (slots[0].size, slots[18].flags) = (190, LAST);
    let (_, packets, responses) = raw.transmit(&mut back, &slots);
    assert!(
        packets.is_empty()
            && responses.len() == 19
            && responses.iter().all(|response| response.status == NetifStatus::ERROR)
    );

    // d_n07: sizes that contradict each other.
    let slots = [raw.slot(5, 100, MORE), raw.slot(6, 200, LAST)];
    let (_, packets, responses) = raw.transmit(&mut back, &slots);
    assert_eq!((packets.len(), responses), (0, vec![error(5), error(6)]));

    // A page that is not granted costs its packet, not its neighbours.
    let slots = [
        raw.slot(1, 60, LAST),
        NetifTxRequest { gref: GrantRef(500), ..raw.slot(2, 60, LAST) },
        raw.slot(3, 60, LAST),
    ];
    let (_, packets, responses) = raw.transmit(&mut back, &slots);
    assert_eq!((packets.len(), responses), (2, vec![okay(1), error(2), okay(3)]));

    // Extra information takes a slot, whose answer says that it is none.
    let slots =
        [raw.slot(7, 60, NetTxFlags::EXTRA_INFO), extra(NetifExtraType::MCAST_ADD, false, [0; 3])];
    let (_, packets, responses) = raw.transmit(&mut back, &slots);
    assert_eq!(
        (packets.len(), responses),
        (0, vec![error(7), NetifTxResponse { id: 0, status: NetifStatus::NULL }])
    );

    // A checksum that cannot be completed.
    let slots = [raw.slot(1, 60, NetTxFlags::CSUM_BLANK)];
    let (_, packets, responses) = raw.transmit(&mut back, &slots);
    assert_eq!((packets.len(), responses), (0, vec![error(1)]));
    assert_eq!(
        (back.tx_statistics().packets, back.tx_statistics().refused, back.tx_statistics().failed),
        (4, 5, 1)
    );
    assert_eq!(back.tx_statistics().bytes, 4196 + 14 + 2 * 60);
    raw.close(&mut back);
    drop(back);
    fixture.finish();
}

#[test]
fn d_n05_d_n06_violation_disconnects() {
    type Break = fn(&Raw<'_>) -> Vec<NetifTxRequest>;
    let cases: [(Break, TxViolation); 4] = [
        (
            |raw| vec![NetifTxRequest { offset: 4000, ..raw.slot(0, 97, LAST) }],
            TxViolation::CrossesPage { offset: 4000, size: 97 },
        ),
        (
            |raw| (0..21).map(|id| raw.slot(id, 100, MORE)).collect(),
            TxViolation::TooManySlots { limit: 20 },
        ),
        (|raw| vec![raw.slot(0, 100, MORE)], TxViolation::Truncated),
        (|raw| vec![raw.slot(0, 100, NetTxFlags::EXTRA_INFO)], TxViolation::Truncated),
    ];
    let fixture = Fixture::new(1);
    let mut back = fixture.back(0);
    for (slots, violation) in cases {
        let mut raw = Raw::connect(&fixture, &mut back, &[]);
        let slots = slots(&raw);
        // A good packet before the bad one is still forwarded and answered.
        let good = raw.slot(7, 60, LAST);
        let (result, packets, responses) =
            raw.transmit(&mut back, &[[good].as_slice(), &slots].concat());
        assert_eq!(result, Err(NetBackError::Tx { queue: 0, violation }));
        assert_eq!(
            (packets.len(), responses),
            (1, vec![NetifTxResponse { id: 7, status: NetifStatus::OKAY }])
        );
        let counters = fixture.driver.counters();
        assert_eq!(counters.maps, counters.unmaps, "its rings are unmapped");
        fixture.settle(&mut back, &mut |_: Packet<'_>| {}).unwrap();
        assert_eq!(fixture.states(), (4, 5));
        raw.close(&mut back);
        let guest = &fixture.guests[0];
        guest.domain.store().write(format!("{}/state", guest.device.frontend_path()), 1).unwrap();
    }
    let mut raw = Raw::connect(&fixture, &mut back, &[]);
    raw.tx.push(&raw.slot(0, 60, LAST)).unwrap();
    let tx = core::mem::replace(
        &mut raw.tx,
        FrontRing::new(raw.fixture.guests[0].share(&fixture)).unwrap(),
    );
    let memory = tx.into_memory();
    memory.as_ref().u32::<0>().store(300, Ordering::SeqCst);
    assert!(matches!(
        fixture.settle(&mut back, &mut |_: Packet<'_>| {}),
        Err(NetBackError::Queues(QueuesError::Queue { queue: 0, error: QueueError::Corrupt(_) }))
    ));
    raw.close(&mut back);
    memory.end_access().unwrap();
    drop(back);
    fixture.finish();
}

/// Returns a slot with extra information.
fn extra(type_: NetifExtraType, more: bool, u: [u16; 3]) -> NetifTxRequest {
    let mut flags = NetifExtraFlags::empty();
    flags.set(NetifExtraFlags::MORE, more);
    let mut slot = NetifTxRequest::default();
    let info = NetifExtraInfo { type_, flags, u };
    slot.as_mut_bytes()[..8].copy_from_slice(info.as_bytes());
    slot
}

#[test]
fn d_n10_bad_extra_drops_packet() {
    let gso = |size, kind| extra(NetifExtraType::GSO, false, [size, kind, 0]);
    let group = u16::from_ne_bytes([1, 0]);
    let cases = [
        // Segments without a size, as long as the packet and longer, and of unknown protocols.
        vec![gso(0, 1)],
        vec![gso(0xffff, 0)],
        vec![gso(1448, 3)],
        vec![gso(1448, 255)],
        // Unknown information, also before what would be valid.
        vec![extra(NetifExtraType(0), false, [0; 3])],
        vec![extra(NetifExtraType(255), true, [9; 3]), gso(1448, 1)],
        vec![
            extra(NetifExtraType(5), true, [9; 3]),
            extra(NetifExtraType::MCAST_ADD, false, [group, 0, 0]),
        ],
        // More than there are kinds.
        [vec![extra(NetifExtraType::HASH, true, [0; 3]); 100], vec![gso(1448, 1)]].concat(),
    ];
    let fixture = Fixture::new(1);
    let mut back = fixture.back(0);
    let mut raw = Raw::connect(&fixture, &mut back, &[]);
    raw.data.as_ref().copy_from(0, &tcp(9, 1, &[7; 2000])).unwrap();
    for (index, extras) in cases.iter().enumerate() {
        let flags = NetTxFlags::CSUM_BLANK | NetTxFlags::DATA_VALIDATED | NetTxFlags::EXTRA_INFO;
        let first = [raw.slot(0, 2054, flags)];
        let after = [raw.slot(7, 60, LAST)];
        let slots = [&first, extras.as_slice(), &after].concat();
        let (result, packets, responses) = raw.transmit(&mut back, &slots);
        assert_eq!((result, packets.len()), (Ok(NetBackEvent::Idle), 1), "{extras:?}");
        let null = NetifTxResponse { id: 0, status: NetifStatus::NULL };
        let mut expected = vec![NetifTxResponse { id: 0, status: NetifStatus::ERROR }];
        expected.extend(vec![null; extras.len()]);
        expected.push(NetifTxResponse { id: 7, status: NetifStatus::OKAY });
        assert_eq!(responses, expected, "{extras:?}");
        let done = back.tx_statistics();
        let count = index as u64 + 1;
        assert_eq!((done.packets, done.refused, done.filter_changes), (count, count, 0));
    }
    raw.close(&mut back);
    drop(back);
    fixture.finish();
}

#[test]
fn guest_is_notified_of_first_response() {
    let fixture = Fixture::new(1);
    let mut back = fixture.back(0);
    let mut raw = Raw::connect(&fixture, &mut back, &[]);
    // A new ring asks for an event with the first response, and for no other.
    for expected in [1, 0] {
        let before = fixture.driver.counters().notifications;
        let slot = raw.slot(0, 60, LAST);
        assert_eq!(raw.transmit(&mut back, &[slot]).2.len(), 1);
        assert_eq!(fixture.driver.counters().notifications - before, expected);
    }
    raw.close(&mut back);
    drop(back);
    fixture.finish();
}

#[test]
fn flags_of_guest_packets_arrive() {
    let fixture = Fixture::new(1);
    let mut back = fixture.back(0);
    let mut raw = Raw::connect(&fixture, &mut back, &[]);
    let bytes = tcp(9, 1, &[7; 2000]);
    raw.data.as_ref().copy_from(0, &bytes).unwrap();
    let blank = NetTxFlags::CSUM_BLANK | NetTxFlags::DATA_VALIDATED;
    for (flags, kind, expected) in [
        (LAST, None, Some(PacketMeta::new(ChecksumState::Unknown))),
        (NetTxFlags::DATA_VALIDATED, None, Some(PacketMeta::new(ChecksumState::Verified))),
        (blank, None, Some(PacketMeta::new(ChecksumState::Partial))),
        (blank, Some(1), Some(large(&[]).meta)),
        // Segments in IPv6 of a packet in IPv4.
        (blank, Some(2), None),
    ] {
        let mut slots = vec![raw.slot(0, bytes.len() as u16, flags)];
        if let Some(kind) = kind {
            slots[0].flags |= NetTxFlags::EXTRA_INFO;
            slots.push(extra(NetifExtraType::GSO, false, [1448, kind, 0]));
        }
        slots.iter().for_each(|slot| raw.tx.push(slot).unwrap());
        let _ = raw.tx.publish();
        let mut found = None;
        let mut port = |packet: Packet<'_>| found = Some(packet.meta);
        fixture.settle(&mut back, &mut port).unwrap();
        assert_eq!(found, expected, "{flags:?}, {kind:?}");
        let status = if found.is_some() { NetifStatus::OKAY } else { NetifStatus::ERROR };
        assert_eq!(raw.tx.pop().unwrap().unwrap().status, status);
        while raw.tx.pop().unwrap().is_some() {}
    }
    assert_eq!((back.tx_statistics().packets, back.tx_statistics().segmented), (4, 1));
    raw.close(&mut back);
    drop(back);
    fixture.finish();
}

#[test]
fn batch_of_dropped_packets_is_answered() {
    let fixture = Fixture::new(1);
    let mut back = fixture.back(0);
    let mut raw = Raw::connect(&fixture, &mut back, &[]);
    let slots: Vec<_> = (0..200).map(|id| raw.slot(id, 13, LAST)).collect();
    let (result, packets, responses) = raw.transmit(&mut back, &slots);
    assert_eq!((result, packets.len()), (Ok(NetBackEvent::Idle), 0));
    let error = |id| NetifTxResponse { id, status: NetifStatus::ERROR };
    assert_eq!(responses, (0..200).map(error).collect::<Vec<_>>());
    assert_eq!((back.tx_statistics().refused, back.tx_statistics().failed), (200, 0));
    raw.close(&mut back);
    drop(back);
    fixture.finish();
}

/// Returns the slots of a packet and its bytes: fragments of these sizes, at the ends of pages.
fn packet(raw: &Raw<'_>, sizes: &[u16]) -> (Vec<NetifTxRequest>, Vec<u8>) {
    let mut bytes = Vec::new();
    let mut slots: Vec<_> = (0..)
        .zip(sizes)
        .map(|(id, &size)| {
            bytes.extend_from_slice(&raw.buffer(id, 4096)[4096 - usize::from(size)..]);
            NetifTxRequest { offset: 4096 - size, ..raw.slot(id, size, MORE) }
        })
        .collect();
    slots[0].size = sizes.iter().sum();
    slots[sizes.len() - 1].flags = LAST;
    (slots, bytes)
}

#[test]
fn batch_ends_before_its_room_does() {
    let small = [60].as_slice();
    let largest = [[4095].as_slice(), &[4096; 15]].concat();
    // Packets of the same fragments, and the batches that all of them take.
    type Case<'a> = (&'a [(usize, &'a [u16])], u64);
    let cases: [Case<'_>; 3] = [
        // Each fragment counts as two copies, of which a hypercall has 64.
        (&[(4, &[10; 18])], 4),
        (&[(28, small), (2, &[2500; 18])], 2),
        // 40 pages, and the largest packet has 16 of them.
        (&[(24, &[4096]), (1, small), (1, &largest)], 2),
    ];
    let fixture = Fixture::new(1);
    let mut back = fixture.back(0);
    let mut raw = Raw::connect(&fixture, &mut back, &[]);
    let content: Vec<u8> = (0..8 * 4096).map(|index| (index / 7 + index / 4096) as u8).collect();
    raw.data.as_ref().copy_from(0, &content).unwrap();
    for (packets, batches) in cases {
        let each = packets.iter().flat_map(|(count, sizes)| core::iter::repeat_n(*sizes, *count));
        let (slots, expected): (Vec<_>, Vec<_>) = each.map(|sizes| packet(&raw, sizes)).unzip();
        let calls = || fixture.driver.counters().hypercalls[&HYPERVISOR_GRANT_TABLE_OP];
        let before = calls();
        let (result, found, responses) = raw.transmit(&mut back, &slots.concat());
        assert_eq!((result, calls() - before), (Ok(NetBackEvent::Idle), batches), "{packets:?}");
        assert!(found == expected, "{packets:?}");
        assert!(responses.iter().all(|response| response.status == NetifStatus::OKAY));
    }
    assert_eq!((back.tx_statistics().packets, back.tx_statistics().failed), (60, 0));
    raw.close(&mut back);
    drop(back);
    fixture.finish();
}
