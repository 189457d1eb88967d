//! A frontend whose xenstored refuses requests, falls silent or loses the device.

#[path = "../../xen-store/tests/double/mod.rs"]
mod double;

use double::{Guest, Store, World, with_store};
use std::time::Duration;
use xen_hypercall::{Instant, SharedMem};
use xen_store::wire::MessageType;
use xen_store::{ErrorKind, RingTransport, XsOps};
use xenbus::{
    Cause, DeviceState, FrontendDevice, FrontendDriver, KeyList, NodeWriter, Peer, XenbusError,
    XenbusState as State,
};

const BACKEND: &str = "/local/domain/0/backend/vbd/5/51712";
const FRONTEND: &str = "device/vbd/51712";

/// A driver that reads and writes two nodes, removes two stale ones and watches one.
#[derive(Debug, Default)]
struct Script {
    /// Keys that the driver reads too.
    keys: Vec<String>,
    /// A node that the driver writes too.
    node: Option<String>,
    /// Requests are in flight.
    busy: bool,
    /// The values of the watched node.
    changes: Vec<Vec<u8>>,
}

impl FrontendDriver for Script {
    const KIND: &'static str = "vbd";
    const STALE_NODES: &'static [&'static str] = &["ring-page-order", "num-ring-pages"];
    const WATCHED_NODE: Option<&'static str> = Some("sectors");

    type Error = XenbusError;

    fn setup_keys(&self, keys: &mut KeyList<'_>) {
        keys.peer("max-ring-page-order");
        self.keys.iter().for_each(|key| keys.peer(key));
    }

    fn setup(&mut self, _: &Peer<'_>) -> Result<(), XenbusError> {
        Ok(())
    }

    fn write_nodes(&self, nodes: &mut NodeWriter<'_>) {
        nodes.write("ring-ref", 8);
        nodes.write("event-channel", 3);
        if let Some(node) = &self.node {
            nodes.write(node, 0);
        }
    }

    fn node_changed(&mut self, value: &[u8]) -> Result<(), XenbusError> {
        self.changes.push(value.to_vec());
        Ok(())
    }

    fn quiesce(&mut self, _: State) -> bool {
        !self.busy
    }

    fn disconnect(&mut self, _: Cause) {}
}

type Device<'w> = FrontendDevice<Guest<'w>, Script, RingTransport<Guest<'w>, &'w SharedMem>>;

/// Makes a device whose ends are in these states, and that has stale nodes.
fn plug(world: &World<'_>, own: u32, peer: u32) {
    let (own, peer) = (own.to_string(), peer.to_string());
    for (key, value) in [
        ("backend", BACKEND),
        ("backend-id", "0"),
        ("state", &own),
        ("ring-page-order", "2"),
        ("num-ring-pages", "4"),
    ] {
        world.set(&format!("{FRONTEND}/{key}"), value);
    }
    for (key, value) in [("online", "1"), ("sectors", "2048"), ("state", &peer)] {
        world.set(&format!("{BACKEND}/{key}"), value);
    }
}

/// Removes both directories, as a toolstack does.
fn unplug(world: &World<'_>) {
    let mut server = world.server.borrow_mut();
    server.remove(BACKEND);
    server.remove(FRONTEND);
}

fn create<'w>(store: &Store<'w>) -> Device<'w> {
    let mut device = FrontendDevice::new(store, 51712, Script::default()).unwrap();
    device.set_timeout(Duration::from_secs(7));
    device
}

fn now(world: &World<'_>) -> Instant {
    Instant::from_nanos(world.now.get())
}

/// Lets time pass.
fn pass(world: &World<'_>, seconds: u64) {
    world.now.set(world.now.get() + seconds * 1_000_000_000);
}

/// Polls the device until all requests are answered; returns the first error, or the last state.
fn settle(world: &World<'_>, device: &mut Device<'_>) -> Result<DeviceState, XenbusError> {
    for _ in 0..40 {
        device.poll(now(world))?;
        world.run_server();
    }
    device.poll(now(world))
}

/// Checks that a device that began again after `turns` turns connects with its backend.
fn assert_connects(world: &World<'_>, device: &mut Device<'_>, turns: usize) {
    assert_eq!(settle(world, device), Ok(DeviceState::Connecting), "after {turns} turns");
    assert_eq!(set_peer(world, device, "4"), DeviceState::Connected);
}

fn set_peer(world: &World<'_>, device: &mut Device<'_>, state: &str) -> DeviceState {
    world.set(&format!("{BACKEND}/state"), state);
    settle(world, device).unwrap()
}

/// Creates a device that is connected.
fn connected<'w>(world: &World<'_>, store: &Store<'w>) -> Device<'w> {
    plug(world, 1, 2);
    let mut device = create(store);
    settle(world, &mut device).unwrap();
    assert_eq!(set_peer(world, &mut device, "4"), DeviceState::Connected);
    device
}

#[test]
fn stale_nodes_are_removed() {
    with_store(|world, store| {
        connected(world, store);
        let get = |key| world.get(&format!("{FRONTEND}/{key}"));
        assert_eq!((get("ring-page-order"), get("num-ring-pages")), (None, None));
        assert_eq!((get("ring-ref"), get("event-channel")), (Some("8".into()), Some("3".into())));
    });
}

#[test]
fn refused_node_is_named() {
    for (kind, key, operation) in [
        (MessageType::READ, "backend", "read"),
        (MessageType::RM, "ring-page-order", "rm"),
        (MessageType::RM, "num-ring-pages", "rm"),
        (MessageType::WRITE, "ring-ref", "write"),
        (MessageType::WRITE, "event-channel", "write"),
        (MessageType::WRITE, "state", "write"),
    ] {
        with_store(|world, store| {
            plug(world, 1, 2);
            let mut device = create(store);
            world.server.borrow_mut().refuse(kind, &format!("{FRONTEND}/{key}"), "EIO");
            let error = settle(world, &mut device).unwrap_err();
            let expected = format!("{operation} {FRONTEND}/{key}: xenstored reports EIO");
            assert!(error.to_string().starts_with(&expected), "{error}, expected {expected}");
            assert_eq!(world.get(&format!("{FRONTEND}/state")).as_deref(), Some("1"));
            // The device tries again, and the transaction of before is not left open.
            world.server.borrow_mut().answer = None;
            settle(world, &mut device).unwrap();
            assert_eq!(device.own_state(), State::INITIALISED);
            assert_eq!(world.server.borrow().open_transactions(), 0);
        });
    }
}

#[test]
fn key_without_room_is_an_error() {
    with_store(|world, store| {
        plug(world, 1, 2);
        let mut device = create(store);
        device.driver_mut().keys = vec!["k".repeat(49)];
        let Err(XenbusError::Store(error)) = settle(world, &mut device) else {
            panic!("the driver was set up without its node")
        };
        assert!(matches!(error.kind, ErrorKind::TooLong { .. }), "{error}");
    });
}

#[test]
fn closed_device_sees_its_removal() {
    with_store(|world, store| {
        let mut device = connected(world, store);
        device.close();
        settle(world, &mut device).unwrap();
        assert_eq!(set_peer(world, &mut device, "6"), DeviceState::Closed);
        assert_eq!(device.own_state(), State::CLOSED);
        unplug(world);
        assert_eq!(settle(world, &mut device), Ok(DeviceState::Unplugged));
    });
}

#[test]
fn restart_ends_all_watches() {
    for resumed in [false, true] {
        with_store(|world, store| {
            let mut device = connected(world, store);
            assert!(!world.server.borrow().watches.is_empty());
            world.set(&format!("{BACKEND}/online"), "0");
            settle(world, &mut device).unwrap();
            assert!(!device.is_online());
            unplug(world);
            if resumed {
                device.resume();
            } else {
                device.reopen();
            }
            // The values of before are forgotten.
            assert_eq!(
                (device.own_state(), device.backend_state(), device.backend_path()),
                (State::UNKNOWN, State::UNKNOWN, "")
            );
            assert!(device.is_online());
            let error = settle(world, &mut device).unwrap_err();
            assert!(matches!(error, XenbusError::Store(error) if error.is_not_found()), "{error}");
            assert_eq!(settle(world, &mut device), Ok(DeviceState::Unplugged));
            store.domid().unwrap();
            assert!(world.server.borrow().watches.is_empty());
            // It can be added again.
            plug(world, 1, 2);
            device.reopen();
            assert_eq!(settle(world, &mut device), Ok(DeviceState::Connecting));
            assert_eq!(set_peer(world, &mut device, "4"), DeviceState::Connected);
        });
    }
}

#[test]
fn watched_node_is_read_again() {
    with_store(|world, store| {
        let mut device = connected(world, store);
        let before = device.driver().changes.len();
        world.set(&format!("{BACKEND}/sectors"), "4096");
        settle(world, &mut device).unwrap();
        assert_eq!(device.driver().changes[before..], [b"4096".to_vec()]);
        // Another connection watches it too.
        device.reopen();
        world.set(&format!("{BACKEND}/state"), "2");
        settle(world, &mut device).unwrap();
        assert_eq!(set_peer(world, &mut device, "4"), DeviceState::Connected);
        let before = device.driver().changes.len();
        world.set(&format!("{BACKEND}/sectors"), "8192");
        settle(world, &mut device).unwrap();
        assert_eq!(device.driver().changes[before..], [b"8192".to_vec()]);
    });
}

/// Returns whether the error is that of a xenstored that does not reply, rather than the backend's.
fn is_silence(error: &XenbusError) -> bool {
    matches!(error, XenbusError::Store(error) if matches!(error.kind, ErrorKind::Timeout { .. }))
}

#[test]
fn silent_xenstored_is_told_from_backend() {
    // Before the other end is found, and while a device that was found is being closed.
    for found in [false, true] {
        with_store(|world, store| {
            plug(world, 1, 2);
            let mut device = create(store);
            if found {
                settle(world, &mut device).unwrap();
                device.close();
            }
            world.server.borrow_mut().mute = true;
            settle(world, &mut device).unwrap();
            for seconds in [3, 5] {
                pass(world, seconds);
                let polled = device.poll(now(world));
                match seconds {
                    3 => assert!(polled.is_ok(), "{polled:?}"),
                    _ => assert!(is_silence(&polled.unwrap_err()), "found: {found}"),
                }
            }
        });
    }
    // A backend that does not move is no silence of xenstored.
    with_store(|world, store| {
        plug(world, 1, 2);
        let mut device = create(store);
        settle(world, &mut device).unwrap();
        pass(world, 7);
        let error = device.poll(now(world)).unwrap_err();
        assert!(matches!(error, XenbusError::Timeout { own: State::INITIALISED, .. }), "{error}");
    });
}

#[test]
fn caller_deadline_tells_silence_too() {
    with_store(|world, store| {
        plug(world, 1, 2);
        let mut device = create(store);
        world.server.borrow_mut().mute = true;
        let deadline = now(world) + Duration::from_secs(1);
        let error = device.wait_for(DeviceState::Connected, deadline).unwrap_err();
        assert!(is_silence(&error), "{error}");
    });
}

#[test]
fn silence_has_device_timeout_if_shorter() {
    with_store(|world, store| {
        plug(world, 1, 2);
        let mut device = create(store);
        device.set_timeout(Duration::from_secs(2));
        assert!(store.timeout() > Duration::from_secs(3));
        settle(world, &mut device).unwrap();
        device.close();
        world.server.borrow_mut().mute = true;
        settle(world, &mut device).unwrap();
        pass(world, 3);
        assert!(is_silence(&device.poll(now(world)).unwrap_err()));
    });
}

/// Returns the first error of many polls.
fn first_error(world: &World<'_>, device: &mut Device<'_>) -> Option<XenbusError> {
    (0..200).find_map(|_| {
        let polled = device.poll(now(world));
        world.run_server();
        polled.err()
    })
}

#[test]
fn conflict_repeats_all_operations() {
    with_store(|world, store| {
        plug(world, 1, 2);
        let mut device = create(store);
        world.server.borrow_mut().conflicts = 3;
        settle(world, &mut device).unwrap();
        let get = |key| world.get(&format!("{FRONTEND}/{key}"));
        assert_eq!((get("ring-page-order"), get("num-ring-pages")), (None, None));
        assert_eq!((get("ring-ref"), get("event-channel")), (Some("8".into()), Some("3".into())));
        assert_eq!(device.own_state(), State::INITIALISED);
        // The server has ended each of the transactions.
        let server = world.server.borrow();
        let aborted = |kind, body: &[u8]| kind == MessageType::TRANSACTION_END && body == b"F\0";
        assert!(!server.log.iter().any(|request| aborted(request.kind, &request.body)));
    });
}

#[test]
fn endless_conflicts_are_an_error() {
    with_store(|world, store| {
        plug(world, 1, 2);
        let mut device = create(store);
        world.server.borrow_mut().conflicts = u32::MAX;
        let Some(XenbusError::Store(error)) = first_error(world, &mut device) else {
            panic!("the conflicts never end")
        };
        assert_eq!(error.kind, ErrorKind::Conflict { attempts: 32 });
    });
    with_store(|world, store| {
        plug(world, 1, 2);
        let mut device = create(store);
        let node = format!("{FRONTEND}/ring-ref");
        world.server.borrow_mut().refuse(MessageType::WRITE, &node, "EAGAIN");
        let error = first_error(world, &mut device).unwrap();
        assert!(error.to_string().starts_with(&format!("write {node}: ")), "{error}");
    });
}

#[test]
fn overlong_node_name_is_an_error() {
    for (len, fits) in [(48, true), (49, false)] {
        with_store(|world, store| {
            plug(world, 1, 2);
            let mut device = create(store);
            device.driver_mut().node = Some("n".repeat(len));
            match settle(world, &mut device) {
                Ok(_) => assert!(fits, "{len}"),
                Err(XenbusError::Store(error)) => {
                    assert_eq!((error.kind, fits), (ErrorKind::TooLong { limit: 48 }, false));
                    // Nothing of the transaction is written.
                    assert_eq!(world.get(&format!("{FRONTEND}/ring-ref")), None);
                }
                Err(error) => panic!("{error}"),
            }
        });
    }
}

#[test]
fn transaction_quota_is_waited_for() {
    with_store(|world, store| {
        plug(world, 1, 2);
        let mut device = create(store);
        world.server.borrow_mut().refuse(MessageType::TRANSACTION_START, "", "ENOSPC");
        assert_eq!(settle(world, &mut device), Ok(DeviceState::Connecting));
        assert_eq!(world.get(&format!("{FRONTEND}/state")).as_deref(), Some("1"));
        world.server.borrow_mut().answer = None;
        assert_eq!(set_peer(world, &mut device, "4"), DeviceState::Connected);
    });
    with_store(|world, store| {
        plug(world, 1, 2);
        let mut device = create(store);
        world.server.borrow_mut().refuse(MessageType::TRANSACTION_START, "", "EIO");
        assert!(matches!(settle(world, &mut device), Err(XenbusError::Store(_))));
    });
}

#[test]
fn vanished_stale_node_is_no_error() {
    with_store(|world, store| {
        plug(world, 1, 2);
        let mut device = create(store);
        let node = format!("{FRONTEND}/ring-page-order");
        world.server.borrow_mut().refuse(MessageType::RM, &node, "ENOENT");
        settle(world, &mut device).unwrap();
        assert_eq!(device.own_state(), State::INITIALISED);
    });
}

#[test]
fn restart_at_any_time_connects() {
    for (turns, resumed) in (0..40).flat_map(|turns| [(turns, false), (turns, true)]) {
        with_store(|world, store| {
            plug(world, 1, 2);
            let mut device = create(store);
            for _ in 0..turns {
                device.poll(now(world)).unwrap();
                world.run_one_turn();
            }
            device.poll(now(world)).unwrap();
            if resumed {
                device.resume();
            } else {
                device.reopen();
            }
            assert_connects(world, &mut device, turns);
        });
    }
}

#[test]
fn repeated_close_does_not_extend_deadline() {
    with_store(|world, store| {
        let mut device = connected(world, store);
        assert_eq!(device.poll_timeout(now(world)), None, "a connected device waits for nothing");
        device.close();
        settle(world, &mut device).unwrap();
        for seconds in [4, 3] {
            pass(world, seconds);
            device.close();
        }
        let error = device.poll(now(world)).unwrap_err();
        assert!(matches!(error, XenbusError::Timeout { own: State::CLOSING, .. }), "{error}");
    });
}

#[test]
fn requests_in_flight_have_no_deadline() {
    for forced in [false, true] {
        with_store(|world, store| {
            let mut device = connected(world, store);
            device.driver_mut().busy = true;
            device.close();
            for _ in 0..5 {
                pass(world, 100);
                assert_eq!(settle(world, &mut device), Ok(DeviceState::Closing));
                assert_eq!(device.own_state(), State::CONNECTED);
            }
            if forced {
                device.close_now();
            } else {
                device.driver_mut().busy = false;
            }
            assert_eq!(settle(world, &mut device), Ok(DeviceState::Closing));
            assert_eq!(device.own_state(), State::CLOSING);
        });
    }
}

#[test]
fn memory_is_released_after_connecting() {
    with_store(|world, store| {
        let before = world.pages();
        let device = connected(world, store);
        assert_eq!(world.pages(), before);
        drop(device);
        plug(world, 1, 2);
        let mut device = create(store);
        settle(world, &mut device).unwrap();
        assert!(world.pages() > before, "the nodes are read into memory");
        unplug(world);
        assert_eq!(settle(world, &mut device), Ok(DeviceState::Unplugged));
        assert_eq!(world.pages(), before);
    });
}

#[test]
fn removal_at_any_time_is_seen() {
    for turns in 0..30 {
        with_store(|world, store| {
            plug(world, 1, 2);
            let mut device = create(store);
            for _ in 0..turns {
                device.poll(now(world)).unwrap();
                world.run_one_turn();
            }
            unplug(world);
            // The device may not have been found yet.
            let _ = first_error(world, &mut device);
            assert_eq!(settle(world, &mut device), Ok(DeviceState::Unplugged), "{turns} turns");
            assert_eq!(world.get(FRONTEND), None);
        });
    }
}

/// The toolstack replaces the backend's domain, and with it the device.
#[test]
fn successor_keeps_its_state() {
    let successor = BACKEND.replace("/0/backend", "/3/backend");
    for link in [successor.clone(), successor.repeat(4)] {
        with_store(|world, store| {
            let mut device = connected(world, store);
            plug(world, 1, 2);
            world.set(&format!("{FRONTEND}/backend"), &link);
            device.close();
            assert_eq!(settle(world, &mut device), Ok(DeviceState::Unplugged), "link {link}");
            assert_eq!(world.get(&format!("{FRONTEND}/state")).as_deref(), Some("1"));
            assert_eq!(world.server.borrow().open_transactions(), 0);
        });
    }
}

#[test]
fn reply_of_before_is_not_taken() {
    for turns in 0..10 {
        with_store(|world, store| {
            let mut device = connected(world, store);
            unplug(world);
            for _ in 0..turns {
                device.poll(now(world)).unwrap();
                world.run_one_turn();
            }
            // It is there again, and what was read of the other one is of no use.
            plug(world, 1, 2);
            device.reopen();
            assert_connects(world, &mut device, turns);
        });
    }
}

/// The message is written from the memory for nodes, which long values have filled.
#[test]
fn error_message_replaces_read_nodes() {
    with_store(|world, store| {
        plug(world, 1, 2);
        let mut device = create(store);
        let keys: Vec<String> = (0..19).map(|number| format!("key-{number}")).collect();
        for key in &keys {
            world.set(&format!("{BACKEND}/{key}"), &"v".repeat(200));
        }
        device.driver_mut().keys = keys;
        assert_eq!(settle(world, &mut device), Ok(DeviceState::Connecting));
        assert_eq!(device.own_state(), State::INITIALISED);
        let message = "m".repeat(256);
        device.fail(&message);
        assert_eq!(settle(world, &mut device), Ok(DeviceState::Closing));
        assert_eq!(world.get(&format!("error/{FRONTEND}/error")), Some(message));
    });
}

#[test]
fn timed_out_close_ends_closed() {
    with_store(|world, store| {
        let mut device = connected(world, store);
        let deadline = now(world) + Duration::from_secs(1);
        assert!(matches!(device.close_and_wait(deadline), Err(XenbusError::Timeout { .. })));
        assert_eq!((device.state(), device.own_state()), (DeviceState::Closed, State::CLOSED));
        assert_eq!(world.get(&format!("{FRONTEND}/state")).as_deref(), Some("6"));
    });
}

#[test]
fn missing_backend_is_judged_first() {
    with_store(|world, store| {
        plug(world, 4, 4);
        world.server.borrow_mut().remove(BACKEND);
        let mut device = create(store);
        assert_eq!(settle(world, &mut device), Ok(DeviceState::Unplugged));
        assert_eq!(world.get(&format!("{FRONTEND}/state")).as_deref(), Some("4"));
    });
}

#[test]
fn refused_link_is_no_removal() {
    with_store(|world, store| {
        plug(world, 1, 2);
        let mut device = create(store);
        // Only in the transaction: the device was found.
        world.server.borrow_mut().answer = Some(Box::new(|request| {
            let refused = request.tx != 0 && request.kind == MessageType::READ;
            refused.then(|| double::message(MessageType::ERROR, request.id, b"EIO\0"))
        }));
        let error = settle(world, &mut device).unwrap_err();
        assert_eq!(
            error.to_string().split(" EIO").next(),
            Some("read device/vbd/51712: xenstored reports")
        );
        assert_ne!(device.state(), DeviceState::Unplugged);
    });
}

/// Renews the connection: a server that has the nodes, but no watches and no transactions.
fn renew(world: &World<'_>, store: &Store<'_>) {
    for offset in [2048, 2052, 2056, 2060] {
        world.mem.u32_at(offset).unwrap().store(0, std::sync::atomic::Ordering::Relaxed);
    }
    let nodes = std::mem::take(&mut world.server.borrow_mut().nodes);
    *world.server.borrow_mut() = double::Server::new(world.mem);
    world.server.borrow_mut().nodes = nodes;
    let guest = *store.platform();
    store.resume_with(RingTransport::new(guest, guest.mem(), double::PORT), double::PORT);
}

#[test]
fn connection_is_renewed_at_any_time() {
    for turns in 0..30 {
        with_store(|world, store| {
            plug(world, 1, 2);
            let mut device = create(store);
            for _ in 0..turns {
                device.poll(now(world)).unwrap();
                world.run_one_turn();
            }
            device.poll(now(world)).unwrap();
            renew(world, store);
            let settled = settle(world, &mut device);
            assert_eq!(settled, Ok(DeviceState::Connecting), "after {turns} turns");
            assert_eq!(device.own_state(), State::INITIALISED, "after {turns} turns");
            assert_eq!(set_peer(world, &mut device, "4"), DeviceState::Connected);
        });
    }
}
