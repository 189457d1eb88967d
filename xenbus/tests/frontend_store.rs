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
    /// A key that the driver reads too.
    key: Option<String>,
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
        if let Some(key) = &self.key {
            keys.peer(key);
        }
    }

    fn setup(&mut self, _: &Peer<'_>) -> Result<(), XenbusError> {
        Ok(())
    }

    fn write_nodes(&self, nodes: &mut NodeWriter<'_>) {
        nodes.write("ring-ref", 8);
        nodes.write("event-channel", 3);
    }

    fn node_changed(&mut self, value: &[u8]) -> Result<(), XenbusError> {
        self.changes.push(value.to_vec());
        Ok(())
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
        device.driver_mut().key = Some("k".repeat(49));
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
        });
    }
}

#[test]
fn watched_node_is_read_when_it_changes() {
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
