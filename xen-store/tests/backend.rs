//! A backend against frontends that follow the protocol, and some that do not; and the toolstack's
//! wishes.

mod double;

use double::{Guest, Server, Store, World, with_store};
use std::time::Duration;
use xen_hypercall::{DomId, SharedMem};
use xen_store::wire::{MessageType, ServerError};
use xen_store::xenbus::{
    Backend, BackendEvent as Event, DeviceId, HotPlug, Plugged, XenbusState as State, backends,
};
use xen_store::{ErrorKind, RingTransport, Runtime, XsOps};

const FRONTEND: &str = "/local/domain/7/device/vbd/51712";
const BACKEND: &str = "backend/vbd/7/51712";
const ID: DeviceId = DeviceId { guest: DomId(7), device: 51712 };

type Device<'s, 'w> = Backend<Guest<'w>, RingTransport<Guest<'w>, &'w SharedMem>>;

/// Makes a device whose ends are in these states.
fn plug(world: &World<'_>, own: u32, peer: u32) {
    let mut server = world.server.borrow_mut();
    for (key, value) in
        [("frontend", FRONTEND), ("frontend-id", "7"), ("online", "1"), ("state", &own.to_string())]
    {
        server.set(&format!("{BACKEND}/{key}"), value.as_bytes());
    }
    server.set(&format!("{FRONTEND}/state"), peer.to_string().as_bytes());
}

/// What a block frontend does when the backend's state changes, one that begins anew whenever it
/// has closed.
fn lawful(server: &mut Server, path: &str) {
    let state = |path: &str| server.get(path).and_then(|state| state.parse::<u32>().ok());
    let (own, peer) = (state(&format!("{FRONTEND}/state")), state(&format!("{BACKEND}/state")));
    // Its own writes move it on from Closed only.
    let mine = path == format!("{FRONTEND}/state");
    if !mine && !path.ends_with(&format!("{BACKEND}/state")) {
        return;
    }
    let next = match (peer, own) {
        (_, Some(6)) if mine => 1,
        _ if mine => return,
        (Some(2), Some(0..=2)) => 3,
        (Some(4), Some(3)) => 4,
        (Some(4), Some(0..=2)) | (Some(2 | 4), Some(7 | 8)) => 5,
        (Some(5), Some(0..=5 | 7 | 8)) => 6,
        (Some(6), Some(0 | 2..=8)) => 1,
        _ => return,
    };
    server.set(&format!("{FRONTEND}/state"), next.to_string().as_bytes());
}

fn open<'s, 'w>(world: &World<'_>, store: &'s Store<'w>, own: u32, peer: u32) -> Device<'s, 'w> {
    plug(world, own, peer);
    let device = Backend::open(store, "vbd", ID).unwrap();
    world.server.borrow_mut().reaction = Some(lawful);
    device
}

/// Does what a driver does, until the device is connected, closed or removed.
fn drive(world: &World<'_>, store: &Store<'_>, device: &mut Device<'_, '_>, end: Event) {
    for _ in 0..50 {
        // Other watches' events are behind what this one is told of.
        store.domid().unwrap();
        match device.poll(store.platform().now()).unwrap() {
            event if event == end => return,
            Event::Setup => device.setup(&[("feature-flush-cache", &1)]).unwrap(),
            Event::Connect => device.connected(&[("sectors", &2048)]).unwrap(),
            Event::Disconnect => device.disconnected(),
            Event::Wait | Event::Connected => {}
            Event::Removed => break,
        }
    }
    panic!("never {end:?}: {device:?}, {:?}", states(world));
}

fn states(world: &World<'_>) -> (String, String) {
    let get = |path: &str| world.get(&format!("{path}/state")).unwrap_or_default();
    (get(BACKEND), get(FRONTEND))
}

fn set_peer(world: &World<'_>, state: &str) {
    world.server.borrow_mut().reaction = None;
    world.set(&format!("{FRONTEND}/state"), state);
}

#[test]
fn a_device_is_offered_connected_and_closed_in_the_order_of_the_protocol() {
    with_store(|world, store| {
        let mut device = open(world, store, 1, 1);
        assert_eq!(
            (device.path(), device.frontend_path(), device.frontend_id(), device.id()),
            (BACKEND, FRONTEND, DomId(7), ID)
        );
        drive(world, store, &mut device, Event::Connected);
        assert_eq!(states(world), ("4".into(), "4".into()));
        assert_eq!(world.get(&format!("{BACKEND}/sectors")).as_deref(), Some("2048"));
        assert_eq!(device.frontend_number::<u32>("state"), Ok(4));
        assert_eq!(device.frontend_number_or("feature-persistent", 0u32), Ok(0));
        assert_eq!(device.frontend_string::<8>("protocol").unwrap(), None);
        for (peer, own, event) in [("5", "5", Event::Connected), ("6", "6", Event::Wait)] {
            set_peer(world, peer);
            drive(world, store, &mut device, event);
            assert_eq!(states(world), (own.into(), peer.into()));
        }
        world.server.borrow_mut().reaction = Some(lawful);
        world.set(&format!("{FRONTEND}/state"), "1");
        drive(world, store, &mut device, Event::Connected);
    });
}

#[test]
fn whatever_state_it_is_found_in_a_device_with_a_lawful_frontend_gets_connected() {
    for (own, peer) in (0..9).flat_map(|own| (0..9).map(move |peer| (own, peer))) {
        with_store(|world, store| {
            let mut device = open(world, store, own, peer);
            // The frontend looks at what there is, too.
            lawful(&mut world.server.borrow_mut(), &format!("{BACKEND}/state"));
            drive(world, store, &mut device, Event::Connected);
            assert_eq!(states(world), ("4".into(), "4".into()), "from {own}, {peer}");
        });
    }
}

#[test]
fn a_frontend_that_does_not_close_is_given_up_at_its_deadline() {
    with_store(|world, store| {
        let mut device = open(world, store, 1, 1);
        drive(world, store, &mut device, Event::Connected);
        assert_eq!(device.deadline(), None);
        world.server.borrow_mut().reaction = None;
        device.set_timeout(Duration::from_secs(7));
        device.close();
        drive(world, store, &mut device, Event::Wait);
        assert_eq!(states(world), ("5".into(), "4".into()));
        let deadline = device.deadline().unwrap();
        assert_eq!(device.poll(deadline), Ok(Event::Wait));
        assert_eq!(states(world), ("6".into(), "4".into()));
    });
}

#[test]
fn a_device_that_the_toolstack_takes_offline_is_closed_is_seen_closed_and_goes() {
    with_store(|world, store| {
        let mut device = open(world, store, 1, 1);
        drive(world, store, &mut device, Event::Connected);
        world.set(&format!("{BACKEND}/online"), "0");
        world.set(&format!("{BACKEND}/state"), "5");
        drive(world, store, &mut device, Event::Disconnect);
        device.disconnected();
        drive(world, store, &mut device, Event::Wait);
        assert!(!device.is_online());
        assert_eq!(states(world).0, "6");
        let deadline = device.deadline().unwrap();
        assert!(deadline > store.platform().now());
        assert_eq!(device.poll(deadline), Ok(Event::Removed));
        device.remove().unwrap();
        assert_eq!((world.get(BACKEND), world.get("backend/vbd/7")), (None, None));
    });
}

#[test]
fn remove_reports_what_was_refused() {
    const GUEST: &str = "backend/vbd/7";
    let (denied, damaged) = (Err(ServerError::AccessDenied.into()), Err(ServerError::Io.into()));
    for (kind, path, error, result) in [
        (MessageType::RM, BACKEND, "ENOENT", Ok(())),
        (MessageType::RM, BACKEND, "EACCES", denied),
        (MessageType::DIRECTORY, GUEST, "ENOENT", Ok(())),
        (MessageType::DIRECTORY, GUEST, "EACCES", denied),
        (MessageType::RM, GUEST, "ENOENT", Ok(())),
        // The directory of the guest is the toolstack's with some.
        (MessageType::RM, GUEST, "EACCES", Ok(())),
        (MessageType::RM, GUEST, "EIO", damaged),
    ] {
        with_store(|world, store| {
            let device = open(world, store, 1, 1);
            world.server.borrow_mut().refuse(kind, path, error);
            assert_eq!(device.remove().map_err(|error| error.kind), result, "{path}: {error}");
        });
    }
}

#[test]
fn close_request_begins_deadline() {
    with_store(|world, store| {
        let mut device = open(world, store, 1, 1);
        drive(world, store, &mut device, Event::Connect);
        world.server.borrow_mut().reaction = None;
        world.now.set(world.now.get() + 100_000_000_000);
        world.set(&format!("{BACKEND}/state"), "5");
        drive(world, store, &mut device, Event::Wait);
        assert_eq!(device.deadline(), Some(store.platform().now() + Duration::from_secs(30)));
    });
}

#[test]
fn remove_leaves_other_devices() {
    with_store(|world, store| {
        let device = open(world, store, 1, 1);
        world.set("backend/vbd/7/51728/state", "4");
        device.remove().unwrap();
        assert_eq!(
            (world.get(BACKEND), world.get("backend/vbd/7/51728/state")),
            (None, Some("4".into()))
        );
    });
}

#[test]
fn open_reads_all_states() {
    with_store(|world, store| {
        plug(world, 6, 4);
        world.set(&format!("{BACKEND}/online"), "0");
        let device = Device::open(store, "vbd", ID).unwrap();
        assert_eq!(
            (device.own_state(), device.frontend_state()),
            (State::CLOSED, State::CONNECTED)
        );
        assert!(!device.is_online());
    });
}

#[test]
fn a_device_that_the_toolstack_closes_and_leaves_online_may_be_opened_again() {
    with_store(|world, store| {
        let mut device = open(world, store, 1, 1);
        drive(world, store, &mut device, Event::Connected);
        world.server.borrow_mut().reaction = None;
        world.set(&format!("{BACKEND}/state"), "5");
        drive(world, store, &mut device, Event::Connected);
        set_peer(world, "6");
        drive(world, store, &mut device, Event::Wait);
        assert_eq!((states(world).0.as_str(), device.deadline()), ("6", None));
        world.server.borrow_mut().reaction = Some(lawful);
        world.set(&format!("{FRONTEND}/state"), "1");
        drive(world, store, &mut device, Event::Connected);
    });
}

/// The events of some polls in a row, with time passing, until one is not `Connected`.
fn served(world: &World<'_>, store: &Store<'_>, device: &mut Device<'_, '_>) -> Event {
    for _ in 0..20 {
        store.domid().unwrap();
        world.now.set(world.now.get() + 10_000_000_000);
        match device.poll(store.platform().now()).unwrap() {
            Event::Connected => {}
            event => return event,
        }
    }
    Event::Connected
}

/// Linux 6f5986bce5, Qubes 4784, xenopsd 613.
#[test]
fn detach_request_keeps_service() {
    let online_only: &[(&str, &str)] = &[("online", "0")];
    let state_only: &[(&str, &str)] = &[("state", "5")];
    for request in [online_only, state_only, &[("online", "0"), ("state", "5")]] {
        with_store(|world, store| {
            let mut device = open(world, store, 1, 1);
            drive(world, store, &mut device, Event::Connected);
            world.server.borrow_mut().reaction = None;
            request.iter().for_each(|(key, value)| world.set(&format!("{BACKEND}/{key}"), value));
            // The frontend is mounted: it stays Connected at first, then answers with Closing.
            for peer in ["4", "5"] {
                set_peer(world, peer);
                assert_eq!(
                    served(world, store, &mut device),
                    Event::Connected,
                    "{request:?}, {peer}"
                );
                assert_eq!((states(world).0.as_str(), device.deadline()), ("5", None));
            }
            // A change of the disk's size meanwhile does not take the request back.
            device.connected(&[("sectors", &4096)]).unwrap();
            assert_eq!(states(world).0, "5");
            set_peer(world, "6");
            assert_eq!(served(world, store, &mut device), Event::Disconnect);
            assert_eq!(states(world).0, "5");
            device.disconnected();
            assert_eq!(device.poll(store.platform().now()), Ok(Event::Wait));
            assert_eq!(states(world).0, "6");
        });
    }
}

#[test]
fn frontend_in_closing_is_served() {
    with_store(|world, store| {
        let mut device = open(world, store, 1, 1);
        drive(world, store, &mut device, Event::Connected);
        set_peer(world, "5");
        assert_eq!(served(world, store, &mut device), Event::Connected);
        assert_eq!(states(world).0, "5");
        // It can close, start again or vanish.
        for (peer, state) in [("6", "6"), ("1", "2"), ("0", "6")] {
            set_peer(world, peer);
            drive(world, store, &mut device, Event::Wait);
            assert_eq!(states(world).0, state, "frontend in {peer}");
            world.server.borrow_mut().reaction = Some(lawful);
            world.set(&format!("{FRONTEND}/state"), "1");
            // The frontend reads the state that it finds, too.
            lawful(&mut world.server.borrow_mut(), &format!("{BACKEND}/state"));
            drive(world, store, &mut device, Event::Connected);
            set_peer(world, "5");
            assert_eq!(served(world, store, &mut device), Event::Connected);
        }
    });
}

#[test]
fn detach_request_while_connecting_is_kept() {
    with_store(|world, store| {
        let mut device = open(world, store, 1, 1);
        drive(world, store, &mut device, Event::Connect);
        world.server.borrow_mut().reaction = None;
        // Between the driver's last look at the state and its write.
        world.set(&format!("{BACKEND}/state"), "5");
        device.connected(&[("sectors", &2048)]).unwrap();
        assert_eq!(states(world).0, "5");
        assert_eq!(served(world, store, &mut device), Event::Connected);
        set_peer(world, "6");
        drive(world, store, &mut device, Event::Wait);
        assert_eq!(states(world).0, "6");
    });
}

#[test]
fn detach_of_closed_device_is_answered() {
    with_store(|world, store| {
        let mut device = open(world, store, 1, 1);
        drive(world, store, &mut device, Event::Connected);
        set_peer(world, "6");
        drive(world, store, &mut device, Event::Wait);
        world.set(&format!("{BACKEND}/online"), "0");
        world.set(&format!("{BACKEND}/state"), "5");
        drive(world, store, &mut device, Event::Wait);
        // The toolstack waits for Closed, which its own write has replaced.
        assert_eq!(states(world).0, "6");
        drive(world, store, &mut device, Event::Wait);
        let deadline = device.deadline().unwrap();
        assert_eq!(device.poll(deadline), Ok(Event::Removed));
    });
}

#[test]
fn frontend_flips_do_not_extend_deadline() {
    with_store(|world, store| {
        let mut device = open(world, store, 1, 1);
        drive(world, store, &mut device, Event::Connected);
        device.set_timeout(Duration::from_secs(7));
        set_peer(world, "4");
        device.close();
        let begun = world.now.get();
        drive(world, store, &mut device, Event::Wait);
        for second in 1..=7 {
            assert_eq!(states(world).0, "5");
            set_peer(world, ["3", "4", "5", "7"][second as usize % 4]);
            store.domid().unwrap();
            world.now.set(begun + second * 1_000_000_000);
            device.poll(store.platform().now()).unwrap();
        }
        assert_eq!(states(world).0, "6");
    });
}

#[test]
fn a_failure_is_left_for_the_toolstack_and_the_frontend_may_connect_again() {
    with_store(|world, store| {
        let mut device = open(world, store, 1, 1);
        drive(world, store, &mut device, Event::Connected);
        device.fail("the ring is corrupt").unwrap();
        assert_eq!(
            world.get(&format!("error/{BACKEND}/error")).as_deref(),
            Some("the ring is corrupt")
        );
        drive(world, store, &mut device, Event::Disconnect);
        device.disconnected();
        drive(world, store, &mut device, Event::Connected);
    });
}

#[test]
fn a_frontend_that_starts_anew_or_vanishes_is_let_go_of_first() {
    for (peer, end) in [("1", "2"), ("2", "2"), ("0", "6"), ("junk", "6"), ("6", "6"), ("99", "6")]
    {
        with_store(|world, store| {
            let mut device = open(world, store, 1, 1);
            drive(world, store, &mut device, Event::Connected);
            set_peer(world, peer);
            drive(world, store, &mut device, Event::Disconnect);
            assert_eq!(
                states(world).0,
                "4",
                "nothing is written while the driver holds what was shared"
            );
            drive(world, store, &mut device, Event::Wait);
            assert_eq!(states(world).0, end, "frontend in {peer}");
        });
    }
}

#[test]
fn a_directory_that_vanishes_ends_the_device_and_is_not_written_to_again() {
    with_store(|world, store| {
        let mut device = open(world, store, 1, 1);
        drive(world, store, &mut device, Event::Connected);
        world.server.borrow_mut().reaction = None;
        world.server.borrow_mut().remove("backend");
        drive(world, store, &mut device, Event::Disconnect);
        device.disconnected();
        drive(world, store, &mut device, Event::Removed);
        device.setup(&[("feature-barrier", &1)]).unwrap();
        assert_eq!(world.get(BACKEND), None);
        device.remove().unwrap();
    });
}

#[test]
fn devices_to_serve_are_listed_and_come_and_go() {
    with_store(|world, store| {
        assert!(backends::<4>(store, "vbd").unwrap().is_empty());
        let mut plugs = HotPlug::<_, _, 4, _>::backends(store, "vbd").unwrap();
        let mut next = || {
            world.run_server();
            plugs.poll().unwrap()
        };
        assert_eq!(next(), None);
        for (guest, device) in
            [("7", "51728"), ("7", "51712"), ("3", "768"), ("junk", "1"), ("3", "junk")]
        {
            world.set(&format!("backend/vbd/{guest}/{device}/state"), "1");
        }
        let other = DeviceId { guest: DomId(7), device: 51728 };
        let third = DeviceId { guest: DomId(3), device: 768 };
        assert_eq!(
            (next(), next(), next()),
            (Some(Plugged::In(third)), Some(Plugged::In(ID)), Some(Plugged::In(other)))
        );
        assert_eq!(next(), None);
        assert_eq!(backends::<4>(store, "vbd").unwrap(), [third, ID, other]);
        assert!(matches!(
            backends::<2>(store, "vbd").unwrap_err().kind,
            ErrorKind::TooLong { limit: 2 }
        ));
        store.remove("backend/vbd/7/51712").unwrap();
        assert_eq!((next(), next()), (Some(Plugged::Out(ID)), None));
    });
}

#[test]
fn a_missing_device_and_one_without_a_frontend_are_errors_that_name_the_node() {
    with_store(|world, store| {
        let error = Device::open(store, "vbd", ID).unwrap_err();
        assert_eq!(
            error.to_string(),
            "read backend/vbd/7/51712/frontend: xenstored says ENOENT: no such node"
        );
        plug(world, 1, 2);
        world.set(&format!("{BACKEND}/frontend-id"), "65536");
        assert!(Device::open(store, "vbd", ID).unwrap_err().to_string().contains("frontend-id"));
    });
}
