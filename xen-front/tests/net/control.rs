//! The control ring of a device.

use super::*;
use xen_sys::io::netif::{NetifCtrlStatus, NetifCtrlType, XenNetifCtrlResponse};

fn config() -> NetFrontConfig {
    small().with_control_ring(true).with_queues(2)
}

/// Polls until the hash is no longer pending, or an error.
fn settled(fixture: &Fixture, net: &mut NetFront<Domain>) -> Result<HashState, NetFrontError> {
    let deadline = fixture.deadline() + Duration::from_secs(10);
    loop {
        net.poll(fixture.guest.now())?;
        if net.state() == DeviceState::Connected && net.hash_state() != HashState::Pending {
            return Ok(net.hash_state());
        }
        assert!(fixture.guest.now() < deadline, "{:?}", net.hash_state());
        net.wait(Some(deadline));
    }
}

fn types(fixture: &Fixture) -> Vec<u16> {
    fixture.back.state().control_requests.drain(..).map(|request| request.type_.0).collect()
}

#[test]
fn hash_is_sent_to_each_connection() {
    let fixture = Fixture::new();
    let mut net = fixture.connect(config()).unwrap();
    let ports = net.ports().len();
    assert_eq!((net.hash_state(), ports), (HashState::Off, 5), "two queues and the ring");
    net.set_hash(Some(HashConfig::default().with_mapping(&[1, 0]).unwrap()));
    assert_eq!(net.hash_state(), HashState::Pending);
    assert_eq!(settled(&fixture, &mut net), Ok(HashState::Active));
    assert_eq!(types(&fixture), [7, 1, 4, 2, 3, 5, 6]);
    let pages = fixture.back.state().control_pages.split_off(0);
    assert_eq!(pages[0], DEFAULT_KEY);
    assert_eq!(pages[1], [1, 0, 0, 0, 0, 0, 0, 0]);
    net.reopen();
    assert_eq!(net.hash_state(), HashState::Pending);
    assert_eq!(settled(&fixture, &mut net), Ok(HashState::Active));
    assert_eq!(types(&fixture).len(), 7);
    // A backend without the feature, and then the other one again.
    fixture.back.state().set("feature-ctrl-ring", 0);
    net.reopen();
    assert_eq!(settled(&fixture, &mut net), Ok(HashState::Unsupported));
    assert_eq!(fixture.back.state().seen("ctrl-ring-ref"), None);
    assert_eq!(fixture.back.state().seen("event-channel-ctrl"), None);
    fixture.back.state().set("feature-ctrl-ring", 1);
    net.reopen();
    assert_eq!(settled(&fixture, &mut net), Ok(HashState::Active));
    net.set_hash(None);
    assert_eq!(settled(&fixture, &mut net), Ok(HashState::Off));
    assert_eq!(types(&fixture), [7, 1, 4, 2, 3, 5, 6, 7]);
    net.close_and_wait().unwrap();
    fixture.finish();
}

#[test]
fn hash_before_connection_is_pending() {
    let fixture = Fixture::new();
    let mut net = NetFront::new(&fixture.store, &fixture.grants, Vif(0), config()).unwrap();
    net.set_hash(Some(HashConfig::default()));
    assert_eq!(net.hash_state(), HashState::Pending);
    assert_eq!(settled(&fixture, &mut net), Ok(HashState::Active));
    assert_eq!(types(&fixture), [7, 1, 4, 2, 3, 5], "no mapping");
    net.close_and_wait().unwrap();
    fixture.finish();
}

#[test]
fn device_without_ring_has_no_hash() {
    let fixture = Fixture::new();
    let mut net = fixture.net();
    net.set_hash(Some(HashConfig::default()));
    assert_eq!(settled(&fixture, &mut net), Ok(HashState::Unsupported));
    assert_eq!(fixture.back.state().seen("ctrl-ring-ref"), None);
    net.close_and_wait().unwrap();
    fixture.finish();
}

/// D-N17.
#[test]
fn refused_and_late_requests_fail() {
    let fixture = Fixture::new();
    fixture.back.state().respond = |request| {
        vec![XenNetifCtrlResponse {
            id: request.id,
            type_: request.type_,
            status: NetifCtrlStatus::NOT_SUPPORTED,
            data: 9,
        }]
    };
    let mut net = fixture.connect(config()).unwrap();
    net.set_hash(Some(HashConfig::default()));
    let failed = settled(&fixture, &mut net).unwrap();
    let HashState::Failed(ControlRingError::Refused { error, .. }) = failed else {
        panic!("{failed:?}")
    };
    assert_eq!(error, ControlError::NotSupported);
    fixture.send([(packet(1), NetRxFlags::empty())]);
    assert_eq!(received(&mut net).len(), 1, "packets are transferred");
    // A backend that does not answer: the wait ends in time, once.
    fixture.back.state().respond = |_| Vec::new();
    net.set_hash(Some(HashConfig::default()));
    let late = settled(&fixture, &mut net).unwrap();
    assert!(matches!(late, HashState::Failed(ControlRingError::Timeout { .. })), "{late:?}");
    assert_eq!(net.final_check(), Ok(false));
    net.close_and_wait().unwrap();
    fixture.finish();
}

/// D-N17: a second response, another identifier, another type.
#[test]
fn wrong_control_response_breaks_device() {
    type Respond = fn(&XenNetifCtrlRequest) -> Vec<XenNetifCtrlResponse>;
    fn answer(request: &XenNetifCtrlRequest) -> XenNetifCtrlResponse {
        xenbus::net::control::response(request, Ok(15))
    }
    let cases: [(Respond, ProtocolError); 3] = [
        (|request| vec![answer(request); 2], ProtocolError::CtrlId { found: 0 }),
        (
            |request| vec![XenNetifCtrlResponse { id: 0x4000, ..answer(request) }],
            ProtocolError::CtrlId { found: 0x4000 },
        ),
        (
            |request| vec![XenNetifCtrlResponse { type_: NetifCtrlType(9), ..answer(request) }],
            ProtocolError::CtrlType { found: 9, expected: 7 },
        ),
    ];
    for (respond, expected) in cases {
        let fixture = Fixture::new();
        fixture.back.state().respond = respond;
        let mut net = fixture.connect(config()).unwrap();
        net.set_hash(Some(HashConfig::default()));
        let broken = settled(&fixture, &mut net).unwrap_err();
        assert_eq!(broken, NetFrontError::Broken(expected));
        fixture.wait_for(&mut net, DeviceState::Closed);
        // It is usable again.
        fixture.back.state().respond = netback::respond;
        net.reopen();
        assert_eq!(settled(&fixture, &mut net), Ok(HashState::Active));
        net.close_and_wait().unwrap();
        fixture.finish();
    }
}
