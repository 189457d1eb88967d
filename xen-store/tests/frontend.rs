//! A frontend against backends that follow the protocol, and some that do not.

mod double;

use double::{Guest, HOME, Server, Store, World, with_store};
use std::time::Duration;
use xen_hypercall::{DomId, Instant, SharedMem};
use xen_store::wire::{MessageType, ServerError};
use xen_store::xenbus::{
    self, Frontend, FrontendEvent as Event, HotPlug, Plugged, XenbusError, XenbusState as State,
};
use xen_store::{ErrorKind, RingTransport, Runtime, XsOps};

const BACKEND: &str = "/local/domain/0/backend/vbd/5/51712";
const FRONTEND: &str = "device/vbd/51712";

type Device<'s, 'w> = Frontend<Guest<'w>, RingTransport<Guest<'w>, &'w SharedMem>>;

/// Makes a device whose ends are in these states.
fn plug(world: &World<'_>, own: u32, peer: u32) {
    let mut server = world.server.borrow_mut();
    for (key, value) in [("backend", BACKEND), ("backend-id", "0"), ("state", &own.to_string())] {
        server.set(&format!("{FRONTEND}/{key}"), value.as_bytes());
    }
    for (key, value) in [("online", "1"), ("sectors", "2048"), ("state", &peer.to_string())] {
        server.set(&format!("{BACKEND}/{key}"), value.as_bytes());
    }
}

/// What a block backend does when the frontend's state changes.
fn lawful(server: &mut Server, path: &str) {
    if path != format!("{HOME}/{FRONTEND}/state") {
        return;
    }
    let state =
        |server: &Server, path: &str| server.get(path).and_then(|state| state.parse::<u32>().ok());
    let (own, peer) = (state(server, &format!("{BACKEND}/state")), state(server, path));
    let next = match (peer, own) {
        (Some(1), Some(0 | 1 | 6)) => 2,
        (Some(3 | 4), Some(1..=3)) => 4,
        (Some(5), Some(1..=4 | 7 | 8)) => 5,
        (Some(6), Some(_)) => 6,
        _ => return,
    };
    server.set(&format!("{BACKEND}/state"), next.to_string().as_bytes());
}

fn open<'s, 'w>(world: &World<'_>, store: &'s Store<'w>, own: u32, peer: u32) -> Device<'s, 'w> {
    plug(world, own, peer);
    world.server.borrow_mut().reaction = Some(lawful);
    Frontend::open(store, "vbd", 51712).unwrap()
}

fn connect(device: &mut Device<'_, '_>) {
    device.wait_for(Event::Publish).unwrap();
    device.publish(State::INITIALISED, &[("ring-ref", &8), ("event-channel", &3)]).unwrap();
    device.wait_for(Event::Connect).unwrap();
    device.connected().unwrap();
    assert_eq!(device.wait().unwrap(), Event::Connected);
}

fn states(world: &World<'_>) -> (String, String) {
    let get = |path: &str| world.get(path).unwrap_or_default();
    (get(&format!("{FRONTEND}/state")), get(&format!("{BACKEND}/state")))
}

#[test]
fn a_device_connects_and_closes_in_the_order_of_the_protocol() {
    with_store(|world, store| {
        let mut device = open(world, store, 1, 2);
        assert_eq!(
            (device.path(), device.backend_path(), device.backend_id()),
            (FRONTEND, BACKEND, DomId(0))
        );
        connect(&mut device);
        assert_eq!(world.get(&format!("{FRONTEND}/ring-ref")).as_deref(), Some("8"));
        assert_eq!(device.backend_number::<u64>("sectors"), Ok(2048));
        assert_eq!(device.backend_number_or("feature-persistent", 0u32), Ok(0));
        assert_eq!(device.backend_string::<8>("sectors").unwrap(), "2048");
        assert_eq!(states(world), ("4".into(), "4".into()));
        device.close_and_wait().unwrap();
        assert_eq!(states(world), ("6".into(), "6".into()));
        drop(device);
        store.domid().unwrap();
        assert!(world.server.borrow().watches.is_empty());
        let written: Vec<String> =
            world.server.borrow().log.iter().map(|request| request.texts().join("=")).collect();
        let own: Vec<&str> = written
            .iter()
            .filter_map(|text| text.strip_prefix("device/vbd/51712/state="))
            .collect();
        assert_eq!(
            own.iter().filter(|value| !value.is_empty()).copied().collect::<Vec<_>>(),
            ["3", "4", "5", "6"]
        );
    });
}

#[test]
fn a_network_device_goes_to_connected_before_its_backend() {
    with_store(|world, store| {
        let mut device = open(world, store, 1, 1);
        assert_eq!(device.poll(Instant::default()).unwrap(), Event::Wait);
        world.set(&format!("{BACKEND}/state"), "2");
        device.wait_for(Event::Publish).unwrap();
        device.publish(State::CONNECTED, &[("request-rx-copy", &1)]).unwrap();
        device.wait_for(Event::Connected).unwrap();
    });
}

#[test]
fn whatever_state_it_is_found_in_a_device_with_a_lawful_backend_gets_connected() {
    for (own, peer) in (0..9).flat_map(|own| (0..9).map(move |peer| (own, peer))) {
        // Nobody can tell a backend that did not start from one that will not.
        if peer == 0 {
            continue;
        }
        with_store(|world, store| {
            let mut device = open(world, store, own, peer);
            if states(world).1 == "1" {
                // One that starts gets there by itself.
                world.set(&format!("{BACKEND}/state"), "2");
            }
            connect(&mut device);
            assert_eq!(states(world), ("4".into(), "4".into()), "from {own}, {peer}");
            device.close_and_wait().unwrap();
            device.reopen();
            connect(&mut device);
        });
    }
}

#[test]
fn devices_that_come_and_go_are_told_of_once() {
    with_store(|world, store| {
        world.set("device/vif/0/state", "1");
        let mut plugs = HotPlug::<_, _, 4, _>::frontends(store, "vif").unwrap();
        let mut next = || {
            world.run_server();
            plugs.poll().unwrap()
        };
        assert_eq!((next(), next()), (Some(Plugged::In(0)), None));
        for id in [3, 1] {
            world.set(&format!("device/vif/{id}/state"), "1");
        }
        world.set("device/vif/nonsense", "");
        assert_eq!((next(), next(), next()), (Some(Plugged::In(1)), Some(Plugged::In(3)), None));
        world.server.borrow_mut().remove("device/vif/1");
        world.set("device/vif/0/state", "4");
        assert_eq!((next(), next()), (Some(Plugged::Out(1)), None));
        world.server.borrow_mut().remove("device");
        assert_eq!((next(), next(), next()), (Some(Plugged::Out(0)), Some(Plugged::Out(3)), None));
        for id in 0..5 {
            world.set(&format!("device/vif/{id}/state"), "1");
        }
        world.run_server();
        assert!(matches!(plugs.poll().unwrap_err().kind, ErrorKind::TooLong { limit: 4 }));
        world.server.borrow_mut().remove("device/vif/4");
        world.run_server();
        assert_eq!(plugs.poll(), Ok(Some(Plugged::In(0))));
        // The list is read once for each change.
        let lists = |world: &World<'_>| {
            let kinds = world.server.borrow().kinds();
            kinds.into_iter().filter(|&kind| kind == MessageType::DIRECTORY).count()
        };
        let before = lists(world);
        assert_eq!(plugs.poll(), Ok(Some(Plugged::In(1))));
        assert_eq!(lists(world), before);
    });
}

#[test]
fn a_backend_that_sleeps_closed_is_woken_once() {
    with_store(|world, store| {
        plug(world, 1, 6);
        let mut device = Device::open(store, "vbd", 51712).unwrap();
        device.set_timeout(Duration::from_secs(1));
        assert!(matches!(
            device.wait(),
            Err(XenbusError::Timeout { found: State::CLOSED, awaited: State::INIT_WAIT, .. })
        ));
        let server = world.server.borrow();
        let writes = server
            .log
            .iter()
            .filter(|request| request.body.starts_with(b"device/vbd/51712/state\x001"));
        assert_eq!(writes.count(), 1);
    });
}

/// How often the frontend wrote Initialising.
fn kicks(world: &World<'_>) -> usize {
    let server = world.server.borrow();
    let kick =
        |request: &&double::Request| request.body.starts_with(b"device/vbd/51712/state\x001");
    server.log.iter().filter(kick).count()
}

#[test]
fn reopen_wakes_sleeping_backend() {
    with_store(|world, store| {
        plug(world, 1, 6);
        let mut device = Device::open(store, "vbd", 51712).unwrap();
        device.set_timeout(Duration::from_secs(1));
        assert!(device.wait().is_err());
        assert_eq!(kicks(world), 1);
        device.reopen();
        assert!(device.wait().is_err());
        assert_eq!(kicks(world), 2);
    });
}

#[test]
fn backend_asleep_again_is_woken() {
    with_store(|world, store| {
        plug(world, 1, 6);
        let mut device = Device::open(store, "vbd", 51712).unwrap();
        let mut poll = || {
            for _ in 0..3 {
                store.domid().unwrap();
                device.poll(store.platform().now()).unwrap();
            }
            kicks(world)
        };
        assert_eq!(poll(), 1);
        world.set(&format!("{BACKEND}/state"), "1");
        assert_eq!(poll(), 1);
        world.set(&format!("{BACKEND}/state"), "6");
        assert_eq!((poll(), poll()), (2, 2));
    });
}

#[test]
fn a_device_that_is_closed_before_it_ever_connects_goes_through_closing() {
    for peer in [1, 2, 6] {
        with_store(|world, store| {
            let mut device = open(world, store, 1, peer);
            device.close_and_wait().unwrap();
            assert_eq!(states(world).0, "6", "from {peer}");
        });
    }
}

#[test]
fn a_backend_that_never_connects_ends_in_an_error_that_says_so() {
    with_store(|world, store| {
        let mut device = open(world, store, 1, 2);
        world.server.borrow_mut().reaction = None;
        device.set_timeout(Duration::from_secs(7));
        device.wait_for(Event::Publish).unwrap();
        device.publish(State::INITIALISED, &[]).unwrap();
        let before = world.now.get();
        let error = device.wait_for(Event::Connect).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "{BACKEND}/state: found state INIT_WAIT (2), expected CONNECTED (4) within 7000 ms; own state is INITIALISED (3)"
            )
        );
        assert_eq!(world.now.get() - before, 7_000_000_000);
        // It does not answer to Closing either: the device is closed without it.
        let error = device.close_and_wait().unwrap_err();
        assert!(
            matches!(
                error,
                XenbusError::Timeout { awaited: State::CLOSING, own: State::CLOSING, .. }
            ),
            "{error}"
        );
        assert_eq!(states(world).0, "6");
    });
}

/// A backend that changes its state every 10 ms, as `states` says. Each wait lasts until then.
fn restless(world: &World<'_>, states: &'static [&'static str]) {
    world.server.borrow_mut().reaction = None;
    let mut turn = 0;
    world.tick.set(10_000_000);
    world.hook(move |_, server| {
        server.set(&format!("{BACKEND}/state"), states[turn % states.len()].as_bytes());
        turn += 1;
    });
}

#[test]
fn backend_flips_do_not_extend_deadline() {
    with_store(|world, store| {
        let mut device = open(world, store, 1, 2);
        device.set_timeout(Duration::from_secs(7));
        device.wait_for(Event::Publish).unwrap();
        device.publish(State::INITIALISED, &[]).unwrap();
        restless(world, &["1", "2", "3", "junk"]);
        let before = world.now.get();
        let error = device.wait_for(Event::Connect).unwrap_err();
        assert!(matches!(error, XenbusError::Timeout { awaited: State::CONNECTED, .. }), "{error}");
        assert!((7..9).contains(&((world.now.get() - before) / 1_000_000_000)));
        // Nor does it keep the device from being closed.
        let before = world.now.get();
        restless(world, &["1", "2", "4", "3"]);
        let error = device.close_and_wait().unwrap_err();
        assert!(matches!(error, XenbusError::Timeout { own: State::CLOSING, .. }), "{error}");
        assert!((7..9).contains(&((world.now.get() - before) / 1_000_000_000)));
        assert_eq!(states(world).0, "6");
    });
}

#[test]
fn backend_cycles_end_in_timeout() {
    with_store(|world, store| {
        let mut device = open(world, store, 1, 1);
        device.set_timeout(Duration::from_secs(7));
        // It makes the frontend go round: Closing, Closed, Initialising and again.
        restless(world, &["4", "5", "6"]);
        let before = world.now.get();
        let error = device.wait().unwrap_err();
        assert!(matches!(error, XenbusError::Timeout { .. }), "{error}");
        assert!((world.now.get() - before) / 1_000_000_000 <= 4 * 7 + 1);
        let own = world.server.borrow().log.iter().filter(|request| request.tx != 0).count();
        assert!(own > 10, "the states did not move");
        // The next attempt has as much time again.
        let before = world.now.get();
        let error = device.wait().unwrap_err();
        assert!(matches!(error, XenbusError::Timeout { .. }), "{error}");
        assert_eq!((world.now.get() - before) / 1_000_000_000, 4 * 7);
    });
}

#[test]
fn attempt_has_own_deadline() {
    with_store(|world, store| {
        let mut device = open(world, store, 1, 2);
        device.set_timeout(Duration::from_secs(7));
        for _ in 0..10 {
            connect(&mut device);
            world.now.set(world.now.get() + 20_000_000_000);
            device.close_and_wait().unwrap();
            world.now.set(world.now.get() + 30_000_000_000);
            device.reopen();
        }
    });
}

#[test]
fn step_begins_with_own_state() {
    with_store(|world, store| {
        let mut device = open(world, store, 1, 1);
        device.set_timeout(Duration::from_secs(7));
        let after = |seconds: u64| {
            world.now.set(world.now.get() + seconds * 1_000_000_000);
            Instant::from_nanos(world.now.get())
        };
        assert_eq!(device.poll(after(0)), Ok(Event::Wait));
        assert_eq!(device.poll(after(5)), Ok(Event::Wait));
        world.server.borrow_mut().reaction = None;
        world.set(&format!("{BACKEND}/state"), "2");
        device.wait_for(Event::Publish).unwrap();
        device.publish(State::INITIALISED, &[]).unwrap();
        assert_eq!(device.poll(after(0)), Ok(Event::Wait));
        // To write the same state again is no step.
        assert_eq!(device.poll(after(6)), Ok(Event::Wait));
        device.switch(State::INITIALISED).unwrap();
        let error = device.poll(after(1)).unwrap_err();
        let expected = Duration::from_secs(7);
        assert!(
            matches!(error, XenbusError::Timeout { waited, .. } if waited == expected),
            "{error}"
        );
    });
}

#[test]
fn timeout_names_awaited_state() {
    for (own, peer, expected) in
        [(1, 1, 2), (3, 2, 4), (4, 2, 4), (5, 4, 5), (6, 4, 6), (7, 7, 8), (8, 7, 8)]
    {
        with_store(|world, store| {
            let mut device = open(world, store, 1, peer);
            world.server.borrow_mut().reaction = None;
            world.set(&format!("{BACKEND}/state"), &peer.to_string());
            device.switch(State(own)).unwrap();
            match device.wait() {
                Err(XenbusError::Timeout { awaited, found, own: state, .. }) => {
                    assert_eq!((state, found, awaited), (State(own), State(peer), State(expected)));
                }
                other => panic!("own {own}, backend {peer}: {other:?}"),
            }
        });
    }
}

#[test]
fn close_has_time_of_its_own() {
    with_store(|world, store| {
        let mut device = open(world, store, 1, 2);
        device.set_timeout(Duration::from_secs(7));
        device.wait_for(Event::Publish).unwrap();
        world.server.borrow_mut().reaction = None;
        device.publish(State::INITIALISED, &[]).unwrap();
        let now = || Instant::from_nanos(world.now.get());
        assert_eq!(device.poll(now()).unwrap(), Event::Wait);
        // All but a second of what the attempt to connect may take.
        world.now.set(world.now.get() + 27_000_000_000);
        device.close().unwrap();
        world.now.set(world.now.get() + 2_000_000_000);
        assert_eq!(device.poll(now()).unwrap(), Event::Wait);
        assert_eq!(states(world).0, "5");
    });
}

#[test]
fn a_backend_that_closes_instead_of_connecting_refuses() {
    for peer in ["5", "6"] {
        with_store(|world, store| {
            let mut device = open(world, store, 1, 2);
            device.wait_for(Event::Publish).unwrap();
            world.server.borrow_mut().reaction = None;
            device.publish(State::INITIALISED, &[]).unwrap();
            world.set(&format!("{BACKEND}/state"), peer);
            let error = device.wait_for(Event::Connect).unwrap_err();
            assert!(
                matches!(error, XenbusError::Refused { own: State::INITIALISED, .. }),
                "{error}"
            );
            world.server.borrow_mut().reaction = Some(lawful);
            device.close_and_wait().unwrap();
            assert_eq!(states(world), ("6".into(), "6".into()));
        });
    }
}

#[test]
fn a_device_in_use_is_told_when_its_backend_closes_or_starts_anew() {
    let long = "4".repeat(33);
    for peer in ["5", "6", "1", "2", "0", "junk", &long] {
        with_store(|world, store| {
            let mut device = open(world, store, 1, 2);
            connect(&mut device);
            world.set(&format!("{BACKEND}/state"), peer);
            while device.wait().unwrap() == Event::Connected {
                store.wait(Instant::from_nanos(u64::MAX));
            }
            assert_eq!(device.wait().unwrap(), Event::Close, "backend in {peer}");
            let _ = device.close_and_wait();
            assert_eq!(states(world).0, "6");
        });
    }
}

#[test]
fn a_device_that_the_toolstack_takes_away_closes_for_good() {
    with_store(|world, store| {
        // Before it was ever connected: the toolstack asks by itself, not through the backend's
        // driver.
        let mut device = open(world, store, 1, 2);
        world.set(&format!("{BACKEND}/online"), "0");
        world.set(&format!("{BACKEND}/state"), "5");
        store.domid().unwrap();
        loop {
            match device.wait().unwrap() {
                Event::Publish => store.wait(Instant::from_nanos(u64::MAX)),
                event => break assert_eq!(event, Event::Closed),
            }
        }
        assert!(!device.is_online());
        assert_eq!(states(world), ("6".into(), "6".into()));
    });
}

#[test]
fn unreadable_online_keeps_device() {
    let online = |prepare: &dyn Fn(&World<'_>)| {
        let mut result = Ok(false);
        with_store(|world, store| {
            plug(world, 1, 2);
            prepare(world);
            result = Device::open(store, "vbd", 51712).map(|device| device.is_online());
        });
        result
    };
    let path = format!("{BACKEND}/online");
    for (value, expected) in [("0", false), ("", true), ("junk", true), ("4294967296", true)] {
        assert_eq!(online(&|world| world.set(&path, value)), Ok(expected), "{value:?}");
    }
    let refused = |error: &'static str| {
        online(&|world| world.server.borrow_mut().refuse(MessageType::READ, &path, error))
    };
    for error in ["ENOENT", "EACCES"] {
        assert_eq!(refused(error), Ok(true), "{error}");
    }
    let error = refused("EIO").unwrap_err();
    assert!(
        matches!(error, XenbusError::Store(error) if error.kind == ServerError::Io.into()),
        "{error}"
    );
}

#[test]
fn closed_backend_sees_no_closing() {
    with_store(|world, store| {
        let mut device = open(world, store, 1, 2);
        connect(&mut device);
        world.server.borrow_mut().reaction = None;
        world.set(&format!("{BACKEND}/state"), "6");
        let closes = |_| {
            store.domid().unwrap();
            device.poll(store.platform().now()).unwrap() == Event::Close
        };
        assert!((0..5).any(closes));
        device.close().unwrap();
        assert_eq!((states(world).0.as_str(), device.own_state()), ("6", State::CLOSED));
    });
}

#[test]
fn own_state_is_not_a_request() {
    with_store(|world, store| {
        let mut device = open(world, store, 1, 2);
        // Only a backend's state is where a toolstack requests a detach.
        world.set(&format!("{FRONTEND}/state"), "5");
        device.publish(State::INITIALISED, &[]).unwrap();
        assert_eq!((states(world).0.as_str(), device.own_state()), ("3", State::INITIALISED));
    });
}

#[test]
fn missing_backend_state_is_judged() {
    for (error, event) in [
        (None, Ok(Event::Close)),
        (Some("ENOENT"), Ok(Event::Unplugged)),
        (Some("EACCES"), Ok(Event::Unplugged)),
        (Some("EIO"), Err(ErrorKind::Server(ServerError::Io))),
    ] {
        with_store(|world, store| {
            let mut device = open(world, store, 1, 2);
            connect(&mut device);
            world.server.borrow_mut().reaction = None;
            if let Some(error) = error {
                world.server.borrow_mut().refuse(MessageType::READ, BACKEND, error);
            }
            world.server.borrow_mut().remove(&format!("{BACKEND}/state"));
            let result = (0..10).find_map(|_| {
                store.domid().unwrap();
                match device.poll(store.platform().now()) {
                    Ok(Event::Connected) => None,
                    Ok(event) => Some(Ok(event)),
                    Err(XenbusError::Store(error)) => Some(Err(error.kind)),
                    Err(error) => panic!("{error}"),
                }
            });
            assert_eq!(result, Some(event), "{error:?}");
        });
    }
}

#[test]
fn a_directory_that_vanishes_is_an_unplug_and_is_not_written_to_again() {
    with_store(|world, store| {
        let mut device = open(world, store, 1, 2);
        connect(&mut device);
        world.server.borrow_mut().reaction = None;
        world.server.borrow_mut().remove(BACKEND);
        world.server.borrow_mut().remove(FRONTEND);
        while device.wait().unwrap() == Event::Connected {
            store.wait(Instant::from_nanos(u64::MAX));
        }
        assert_eq!(device.wait().unwrap(), Event::Unplugged);
        device.close_and_wait().unwrap();
        assert_eq!(world.get(&format!("{FRONTEND}/state")), None);
        assert!(matches!(
            device.publish(State::CONNECTED, &[]),
            Err(XenbusError::Unplugged { .. })
        ));
        assert_eq!(world.get(&format!("{FRONTEND}/state")), None);
    });
}

#[test]
fn a_fatal_error_is_left_for_the_toolstack_and_closes_the_device() {
    with_store(|world, store| {
        let mut device = open(world, store, 1, 2);
        connect(&mut device);
        device.fatal("the ring is corrupt").unwrap();
        assert_eq!(
            world.get("error/device/vbd/51712/error").as_deref(),
            Some("the ring is corrupt")
        );
        assert_eq!(device.wait().unwrap(), Event::Closed);
    });
}

#[test]
fn a_reconfigured_backend_gets_its_two_answers() {
    with_store(|world, store| {
        let mut device = open(world, store, 1, 2);
        connect(&mut device);
        world.set(&format!("{BACKEND}/state"), "7");
        while device.wait().unwrap() == Event::Connected {
            store.wait(Instant::from_nanos(u64::MAX));
        }
        device.wait_for(Event::Reconfigure).unwrap();
        device.switch(State::RECONFIGURING).unwrap();
        world.set(&format!("{BACKEND}/state"), "8");
        device.wait_for(Event::Resume).unwrap();
        device.connected().unwrap();
        world.set(&format!("{BACKEND}/state"), "4");
        device.wait_for(Event::Connected).unwrap();
    });
}

#[test]
fn a_missing_device_and_one_without_a_backend_are_errors_that_name_the_node() {
    with_store(|world, store| {
        let error = Device::open(store, "vbd", 51712).unwrap_err();
        assert_eq!(
            error.to_string(),
            "read device/vbd/51712/backend: xenstored says ENOENT: no such node"
        );
        plug(world, 1, 2);
        world.set(&format!("{FRONTEND}/backend-id"), "65536");
        assert!(
            Device::open(store, "vbd", 51712)
                .unwrap_err()
                .to_string()
                .contains("backend-id: the number is out of range")
        );
        store.domid().unwrap();
        assert!(world.server.borrow().watches.is_empty());
    });
}

#[test]
fn devices_are_listed_by_their_numbers() {
    with_store(|world, store| {
        assert!(xenbus::devices::<4>(store, "vif").unwrap().is_empty());
        for id in ["51728", "51712", "768", "junk"] {
            world.set(&format!("device/vbd/{id}/state"), "1");
        }
        assert_eq!(xenbus::devices::<4>(store, "vbd").unwrap(), [768, 51712, 51728]);
        assert!(xenbus::devices::<2>(store, "vbd").is_err());
        world.server.borrow_mut().refuse(MessageType::DIRECTORY, "device/vbd", "EACCES");
        let error = xenbus::devices::<4>(store, "vbd").unwrap_err();
        assert_eq!(error.kind, ErrorKind::Server(ServerError::AccessDenied));
    });
}
