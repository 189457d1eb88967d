//! The control ring: the hash that steers packets to queues.

use super::fixture::{Fixture, tcp};
use super::multi::{Multi, Shape};
use core::sync::atomic::Ordering;
use xen_back::QueueError;
use xen_back::net::{NetBack, NetBackError, NetBackEvent, Packet, PacketMeta};
use xen_hypercall::{GrantRef, Platform};
use xen_sim::Domain;
use xen_sys::io::netif::{
    NetRxFlags, NetifCtrlType, NetifExtraHash, NetifExtraInfo, NetifExtraType, NetifHashType,
    XenNetifCtrlRequest,
};
use xenbus::net::control::{ControlError, ControlRequest, GrefList, result};
use xenbus::net::{HASH_KEY, Toeplitz};
use zerocopy::{FromBytes, IntoBytes};

const SHAPE: Shape = Shape { queues: 4, split: false, control: true };

/// Sends requests, and returns the results in order.
pub(crate) fn ask(
    multi: &mut Multi<'_>,
    back: &mut NetBack<Domain>,
    requests: &[XenNetifCtrlRequest],
) -> Vec<Result<u32, ControlError>> {
    let (ring, _) = multi.control.as_mut().unwrap();
    requests.iter().for_each(|request| ring.push(request).unwrap());
    let _ = ring.publish();
    multi.fixture.settle(back, &mut |_: Packet<'_>| {}).unwrap();
    let (ring, _) = multi.control.as_mut().unwrap();
    let responses = requests.iter().map(|request| {
        let response = ring.pop().unwrap().unwrap();
        assert_eq!((response.id, response.type_), (request.id, request.type_));
        result(&response)
    });
    responses.collect()
}

pub(crate) fn ask_one(
    multi: &mut Multi<'_>,
    back: &mut NetBack<Domain>,
    request: ControlRequest,
) -> Result<u32, ControlError> {
    ask(multi, back, &[request.to_wire(7)])[0]
}

#[test]
fn configured_hash_steers_packets() {
    let fixture = Fixture::new(1);
    let mut back = fixture.back(0);
    let mut multi = Multi::connect(&fixture, &mut back, SHAPE, &[]);
    let page = multi.data.refs()[0];
    let key: [u8; HASH_KEY] = core::array::from_fn(|index| (index * 37 + 1) as u8);
    multi.data.as_ref().copy_from(0, &key).unwrap();
    let all = NetifHashType(15);
    let mut requests = vec![
        (ControlRequest::GetHashFlags, Err(ControlError::NotSupported)),
        (ControlRequest::SetHashFlags(all), Err(ControlError::InvalidParameter)),
        (ControlRequest::SetHashAlgorithm(2), Err(ControlError::InvalidParameter)),
        (ControlRequest::SetHashAlgorithm(1), Ok(0)),
        (ControlRequest::GetHashFlags, Ok(15)),
        (ControlRequest::SetHashFlags(NetifHashType(16)), Err(ControlError::InvalidParameter)),
        (ControlRequest::SetHashFlags(all), Ok(0)),
        (ControlRequest::SetHashKey { page, len: HASH_KEY as u32 }, Ok(0)),
        (ControlRequest::GetHashMappingSize, Ok(128)),
        (ControlRequest::SetHashMappingSize(8), Ok(0)),
    ];
    for (request, expected) in requests.drain(..) {
        assert_eq!(ask_one(&mut multi, &mut back, request), expected, "{request:?}");
    }
    let toeplitz = Toeplitz::new(&key);
    let bytes = tcp(1, 9, b"data");
    let hash = toeplitz.hash_packet(&bytes, all).unwrap();
    assert_eq!(hash.kind, NetifHashType::IPV4_TCP);
    // Each entry of the mapping, and then another one.
    for shift in 0..4u32 {
        let mapping: Vec<u8> =
            (0..8u32).flat_map(|entry| ((entry + shift) % 4).to_le_bytes()).collect();
        multi.data.as_ref().copy_from(0, &mapping).unwrap();
        let set = ControlRequest::SetHashMapping { page, entries: 8, offset: 0 };
        assert_eq!(ask_one(&mut multi, &mut back, set), Ok(0));
        let queue = ((hash.value % 8 + shift) % 4) as usize;
        multi.post(queue, 0..2);
        assert!(back.send(Packet::new(&bytes, PacketMeta::default())));
        back.flush().unwrap();
        let found = multi.received(queue);
        let [first, extra] = found.as_slice() else { panic!("{found:?}") };
        assert!(first.flags.contains(NetRxFlags::EXTRA_INFO));
        let extra = NetifExtraInfo::read_from_bytes(extra.as_bytes()).unwrap();
        assert_eq!(extra.type_, NetifExtraType::HASH);
        let extra: NetifExtraHash = zerocopy::transmute!(extra.u);
        assert_eq!((extra.type_, extra.algorithm), (1, 1));
        assert_eq!(u32::from_le_bytes(extra.value), hash.value);
    }
    // Without a mapping, by the number of queues.
    assert_eq!(ask_one(&mut multi, &mut back, ControlRequest::SetHashMappingSize(0)), Ok(0));
    let queue = (hash.value % 4) as usize;
    multi.post(queue, 0..2);
    assert!(back.send(Packet::new(&bytes, PacketMeta::default())));
    back.flush().unwrap();
    assert_eq!(multi.received(queue).len(), 2);
    // Without hashing, no extra information.
    assert_eq!(ask_one(&mut multi, &mut back, ControlRequest::SetHashAlgorithm(0)), Ok(0));
    (0..4).for_each(|queue| multi.post(queue, 0..2));
    assert!(back.send(Packet::new(&bytes, PacketMeta::default())));
    back.flush().unwrap();
    assert_eq!((0..4).map(|queue| multi.received(queue).len()).sum::<usize>(), 1);
    multi.close(&mut back);
    drop(back);
    fixture.finish();
}

/// XSA-270.
#[test]
fn d_n12_impossible_requests_are_refused() {
    let fixture = Fixture::new(1);
    let mut back = fixture.back(0);
    let mut multi = Multi::connect(&fixture, &mut back, SHAPE, &[]);
    let page = multi.data.refs()[0];
    let mapping = |entries, offset| ControlRequest::SetHashMapping { page, entries, offset };
    let list = |queue| GrefList { queue, page, entries: 1 };
    let invalid = Err(ControlError::InvalidParameter);
    assert_eq!(ask_one(&mut multi, &mut back, ControlRequest::SetHashMappingSize(100)), Ok(0));
    multi.data.as_ref().copy_from(0, &[0; 4096]).unwrap();
    for (request, expected) in [
        (ControlRequest::SetHashKey { page, len: 41 }, Err(ControlError::BufferOverflow)),
        (ControlRequest::SetHashKey { page, len: u32::MAX }, Err(ControlError::BufferOverflow)),
        (ControlRequest::SetHashKey { page: GrantRef(500), len: 40 }, invalid),
        (ControlRequest::SetHashKey { page, len: 0 }, Ok(0)),
        (ControlRequest::SetHashMappingSize(129), invalid),
        (ControlRequest::SetHashMappingSize(u32::MAX), invalid),
        (mapping(100, 0), Ok(0)),
        (mapping(1, 99), Ok(0)),
        (mapping(0, 100), Ok(0)),
        (mapping(101, 0), invalid),
        (mapping(1, 100), invalid),
        (mapping(2, u32::MAX), invalid),
        (mapping(u32::MAX, 2), invalid),
        (mapping(u32::MAX, u32::MAX), invalid),
        (ControlRequest::GetGrefMappingSize { queue: 3 }, Ok(0)),
        (ControlRequest::GetGrefMappingSize { queue: 4 }, invalid),
        (ControlRequest::AddGrefMapping(list(0)), Err(ControlError::NotSupported)),
        (ControlRequest::DelGrefMapping(list(9)), invalid),
    ] {
        assert_eq!(ask_one(&mut multi, &mut back, request), expected, "{request:?}");
    }
    // A queue that there is not: nothing of the range is changed.
    multi.data.as_ref().copy_from(4, &4u32.to_le_bytes()).unwrap();
    assert_eq!(ask_one(&mut multi, &mut back, mapping(2, 0)), invalid);
    for type_ in [0, 11, u16::MAX] {
        let unknown = XenNetifCtrlRequest { id: 1, type_: NetifCtrlType(type_), data: [0; 3] };
        assert_eq!(ask(&mut multi, &mut back, &[unknown]), [Err(ControlError::NotSupported)]);
    }
    multi.close(&mut back);
    drop(back);
    fixture.finish();
}

/// D-N12.
#[test]
fn thousands_of_requests_are_budgeted() {
    let fixture = Fixture::new(1);
    let mut back = fixture.back(0);
    let mut multi = Multi::connect(&fixture, &mut back, SHAPE, &[]);
    let (mut sent, mut answered, mut polls) = (0u16, 0, 0);
    while answered < 10_000 {
        let (ring, _) = multi.control.as_mut().unwrap();
        while ring.push(&ControlRequest::GetHashMappingSize.to_wire(sent)).is_ok() {
            sent += 1;
        }
        let _ = ring.publish();
        let event = back.poll(fixture.driver.now(), &mut |_: Packet<'_>| {}).unwrap();
        assert_eq!(event, NetBackEvent::Busy);
        let (ring, _) = multi.control.as_mut().unwrap();
        let responses = core::iter::from_fn(|| ring.pop().unwrap()).count();
        assert_eq!(responses, 16);
        answered += responses;
        polls += 1;
    }
    assert_eq!(polls, 625);
    multi.close(&mut back);
    drop(back);
    fixture.finish();
}

#[test]
fn spoilt_control_ring_disconnects() {
    let fixture = Fixture::new(1);
    let mut back = fixture.back(0);
    let multi = Multi::connect(&fixture, &mut back, SHAPE, &[]);
    let Multi { queues, control, data, .. } = multi;
    let (ring, channel) = control.unwrap();
    let memory = ring.into_memory();
    memory.as_ref().u32::<0>().store(1000, Ordering::SeqCst);
    let error = back.poll(fixture.driver.now(), &mut |_: Packet<'_>| {}).unwrap_err();
    assert!(matches!(error, NetBackError::Control(QueueError::Corrupt(_))), "{error}");
    assert!(!back.is_connected());
    Multi { fixture: &fixture, queues, control: None, data }.close(&mut back);
    memory.end_access().unwrap();
    drop((channel, back));
    fixture.finish();
}
