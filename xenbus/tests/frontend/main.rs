//! A frontend against backends that follow the protocol, and some that do not.

mod deadlines;
#[path = "../../../xen-store/tests/double/mod.rs"]
mod double;

use double::{Guest, HOME, Request, Server, Store, World, with_store};
use std::time::Duration;
use xen_hypercall::{DomId, Instant, SharedMem};
use xen_store::wire::{MessageType, ServerError};
use xen_store::{ErrorKind, RingTransport, XsOps};
use xenbus::{
    Cause, DeviceState, FrontendDevice, FrontendDriver, KeyList, NodeWriter, Peer, XenbusError,
    XenbusState as State, devices,
};

const BACKEND: &str = "/local/domain/0/backend/vbd/5/51712";
const FRONTEND: &str = "device/vbd/51712";

/// A driver that counts its calls. A network driver is Connected before its backend.
#[derive(Debug, Default)]
struct Script<const NET: bool> {
    setups: u32,
    /// The first so many setups fail.
    refusals: u32,
    quiesced: u32,
    /// Values that `connect` has read: a number, a missing number, a text.
    read: Option<(u64, u32, String)>,
    released: Vec<Cause>,
}

impl<const NET: bool> FrontendDriver for Script<NET> {
    const KIND: &'static str = "vbd";
    const SETUP_STATE: State = if NET { State::CONNECTED } else { State::INITIALISED };

    type Error = XenbusError;

    fn setup_keys(&self, keys: &mut KeyList<'_>) {
        keys.peer("max-ring-page-order");
    }

    fn setup(&mut self, peer: &Peer<'_>) -> Result<(), XenbusError> {
        assert_eq!(peer.id, DomId(0));
        self.setups += 1;
        if self.setups <= self.refusals {
            peer.nodes.number::<u32>("max-ring-page-order")?;
        }
        Ok(())
    }

    fn write_nodes(&self, nodes: &mut NodeWriter<'_>) {
        nodes.write("ring-ref", 8);
        nodes.write("event-channel", 3);
    }

    fn connect_keys(&self, keys: &mut KeyList<'_>) {
        keys.peers(&["sectors", "feature-persistent"]);
    }

    fn connect(&mut self, peer: &Peer<'_>) -> Result<(), XenbusError> {
        let text = peer.nodes.string("sectors")?.unwrap_or_default();
        let missing = peer.nodes.number_or("feature-persistent", 0)?;
        self.read = Some((peer.nodes.number("sectors")?, missing, text.into()));
        Ok(())
    }

    fn quiesce(&mut self, _: State) -> bool {
        self.quiesced += 1;
        true
    }

    fn disconnect(&mut self, cause: Cause) {
        self.released.push(cause);
    }
}

type Driven<'w, const NET: bool> =
    FrontendDevice<Guest<'w>, Script<NET>, RingTransport<Guest<'w>, &'w SharedMem>>;
type Device<'w> = Driven<'w, false>;

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

/// Changes the state of a block backend after a change of the frontend's, as Linux's does.
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

fn create<'w, const NET: bool>(store: &Store<'w>) -> Driven<'w, NET> {
    FrontendDevice::new(store, 51712, Script::default()).unwrap()
}

/// Creates a device with a lawful backend.
fn open<'w>(world: &World<'_>, store: &Store<'w>, own: u32, peer: u32) -> Device<'w> {
    plug(world, own, peer);
    world.server.borrow_mut().reaction = Some(lawful);
    create(store)
}

/// Creates a device whose backend does nothing from InitWait on, in Initialised.
fn open_initialised<'w>(world: &World<'_>, store: &Store<'w>) -> Device<'w> {
    let mut device = open(world, store, 1, 2);
    world.server.borrow_mut().reaction = None;
    device.set_timeout(Duration::from_secs(7));
    assert_eq!(settle(world, &mut device), Ok(DeviceState::Connecting));
    assert_eq!(device.own_state(), State::INITIALISED);
    device
}

fn now(world: &World<'_>) -> Instant {
    Instant::from_nanos(world.now.get())
}

/// Returns a deadline that no test reaches.
fn never() -> Instant {
    Instant::from_nanos(u64::MAX)
}

/// Lets time pass.
fn pass(world: &World<'_>, seconds: u64) {
    world.now.set(world.now.get() + seconds * 1_000_000_000);
}

/// Polls the device until all requests are answered; returns the first error, or the last state.
fn settle<const NET: bool>(
    world: &World<'_>,
    device: &mut Driven<'_, NET>,
) -> Result<DeviceState, XenbusError> {
    for _ in 0..40 {
        device.poll(now(world))?;
        world.run_server();
    }
    device.poll(now(world))
}

fn connect<const NET: bool>(device: &mut Driven<'_, NET>) {
    device.wait_for(DeviceState::Connected, never()).unwrap();
}

fn connected<'w>(world: &World<'_>, store: &Store<'w>) -> Device<'w> {
    let mut device = open(world, store, 1, 2);
    connect(&mut device);
    device
}

fn set_peer(world: &World<'_>, state: &str) {
    world.set(&format!("{BACKEND}/state"), state);
}

fn states(world: &World<'_>) -> (String, String) {
    let get = |path: &str| world.get(path).unwrap_or_default();
    (get(&format!("{FRONTEND}/state")), get(&format!("{BACKEND}/state")))
}

/// Returns the states that the frontend wrote.
fn written(world: &World<'_>) -> Vec<String> {
    let texts: Vec<String> =
        world.server.borrow().log.iter().map(|request| request.texts().join("=")).collect();
    let values = texts.iter().filter_map(|text| text.strip_prefix("device/vbd/51712/state="));
    values.filter(|value| !value.is_empty()).map(String::from).collect()
}

/// Returns the number of times that the frontend wrote Initialising.
fn kicks(world: &World<'_>) -> usize {
    let server = world.server.borrow();
    let kick = |request: &&Request| request.body.starts_with(b"device/vbd/51712/state\x001");
    server.log.iter().filter(kick).count()
}

#[test]
fn device_connects_and_closes_in_order() {
    with_store(|world, store| {
        let mut device = open(world, store, 1, 2);
        connect(&mut device);
        assert_eq!(
            (device.path(), device.backend_path(), device.backend_id()),
            (FRONTEND, BACKEND, DomId(0))
        );
        assert_eq!(world.get(&format!("{FRONTEND}/ring-ref")).as_deref(), Some("8"));
        assert_eq!(device.driver().read, Some((2048, 0, "2048".into())));
        assert_eq!(states(world), ("4".into(), "4".into()));
        device.close_and_wait(never()).unwrap();
        assert_eq!(states(world), ("6".into(), "6".into()));
        let Script { setups, quiesced, released, .. } = device.driver();
        assert_eq!((*setups, *quiesced, released.as_slice()), (1, 1, &[Cause::Closed][..]));
        drop(device);
        store.domid().unwrap();
        assert!(world.server.borrow().watches.is_empty());
        assert_eq!(written(world), ["3", "4", "5", "6"]);
    });
}

#[test]
fn network_device_is_connected_first() {
    with_store(|world, store| {
        plug(world, 1, 1);
        world.server.borrow_mut().reaction = Some(lawful);
        let mut device = create::<true>(store);
        assert_eq!(settle(world, &mut device), Ok(DeviceState::Connecting));
        set_peer(world, "2");
        connect(&mut device);
        assert_eq!((written(world), device.poll_timeout(now(world))), (vec!["4".into()], None));
    });
}

#[test]
fn any_found_state_gets_connected() {
    for (own, peer) in (0..9).flat_map(|own| (0..9).map(move |peer| (own, peer))) {
        // A backend that has not started cannot be distinguished from one that never will.
        if peer == 0 {
            continue;
        }
        with_store(|world, store| {
            let mut device = open(world, store, own, peer);
            settle(world, &mut device).unwrap();
            if states(world).1 == "1" {
                // One that starts gets there by itself.
                set_peer(world, "2");
            }
            connect(&mut device);
            assert_eq!(states(world), ("4".into(), "4".into()), "from {own}, {peer}");
            device.close_and_wait(never()).unwrap();
            device.reopen();
            connect(&mut device);
        });
    }
}

#[test]
fn sleeping_backend_is_woken_once() {
    with_store(|world, store| {
        plug(world, 1, 6);
        let mut device: Device<'_> = create(store);
        device.set_timeout(Duration::from_secs(1));
        assert!(matches!(
            device.wait_for(DeviceState::Connected, never()),
            Err(XenbusError::Timeout { found: State::CLOSED, awaited: State::INIT_WAIT, .. })
        ));
        assert_eq!(kicks(world), 1);
    });
}

#[test]
fn reopen_wakes_sleeping_backend() {
    with_store(|world, store| {
        plug(world, 1, 6);
        let mut device: Device<'_> = create(store);
        device.set_timeout(Duration::from_secs(1));
        assert!(device.wait_for(DeviceState::Connected, never()).is_err());
        assert_eq!(kicks(world), 1);
        device.reopen();
        assert!(device.wait_for(DeviceState::Connected, never()).is_err());
        assert_eq!(kicks(world), 2);
    });
}

#[test]
fn backend_asleep_again_is_woken() {
    with_store(|world, store| {
        plug(world, 1, 6);
        let mut device: Device<'_> = create(store);
        let mut poll = || {
            settle(world, &mut device).unwrap();
            kicks(world)
        };
        assert_eq!(poll(), 1);
        set_peer(world, "1");
        assert_eq!(poll(), 1);
        set_peer(world, "6");
        assert_eq!((poll(), poll()), (2, 2));
    });
}

#[test]
fn unconnected_device_closes() {
    for peer in [1, 2, 6] {
        with_store(|world, store| {
            let mut device = open(world, store, 1, peer);
            device.close_and_wait(never()).unwrap();
            assert_eq!(states(world).0, "6", "from {peer}");
        });
    }
}

/// As those of a backend that is replaced in a connect, which has written none yet.
#[test]
fn refused_nodes_are_read_once_more() {
    for refusals in [1, 2] {
        with_store(|world, store| {
            plug(world, 1, 2);
            world.server.borrow_mut().reaction = Some(lawful);
            let driver = Script { refusals, ..Script::default() };
            let mut device: Device<'_> = FrontendDevice::new(store, 51712, driver).unwrap();
            let settled = settle(world, &mut device);
            let Script { setups, released, .. } = device.driver();
            assert_eq!((*setups, &released[..1]), (2, &[Cause::Reopened][..]));
            match refusals {
                1 => assert_eq!(settled, Ok(DeviceState::Connected)),
                _ => assert!(matches!(settled, Err(XenbusError::Store(_)))),
            }
        });
    }
}

#[test]
fn backend_that_closes_refuses() {
    for peer in ["5", "6"] {
        with_store(|world, store| {
            let mut device = open_initialised(world, store);
            set_peer(world, peer);
            let error = device.wait_for(DeviceState::Connected, never()).unwrap_err();
            assert!(
                matches!(error, XenbusError::Refused { own: State::INITIALISED, .. }),
                "{error}"
            );
            world.server.borrow_mut().reaction = Some(lawful);
            device.close_and_wait(never()).unwrap();
            assert_eq!(states(world), ("6".into(), "6".into()));
        });
    }
}

/// A device that were opened before the backend's answer would take it for a refusal.
#[test]
fn close_awaits_answer_of_backend() {
    with_store(|world, store| {
        plug(world, 1, 1);
        world.server.borrow_mut().reaction = None;
        let mut device = create::<false>(store);
        assert_eq!(settle(world, &mut device), Ok(DeviceState::Connecting));
        device.close();
        set_peer(world, "2");
        assert_eq!(settle(world, &mut device), Ok(DeviceState::Closing));
        assert_eq!(states(world), ("6".into(), "2".into()));
        set_peer(world, "6");
        assert_eq!(settle(world, &mut device), Ok(DeviceState::Closed));
    });
}

/// The driver before this one has closed the device, and the backend answers late.
#[test]
fn found_end_is_answered_first() {
    for (own, peer) in [(5, 1), (5, 2), (6, 1), (6, 2), (6, 3)] {
        with_store(|world, store| {
            plug(world, own, peer);
            let mut device: Device<'_> = create(store);
            assert_eq!(settle(world, &mut device), Ok(DeviceState::Connecting));
            for (state, expected) in [("2", "6"), ("6", "1"), ("2", "3")] {
                set_peer(world, state);
                assert_eq!(settle(world, &mut device), Ok(DeviceState::Connecting));
                assert_eq!(states(world).0, expected, "from {own}, {peer}; backend in {state}");
            }
        });
    }
}

#[test]
fn unanswered_end_delays_opening() {
    with_store(|world, store| {
        plug(world, 6, 2);
        let mut device: Device<'_> = create(store);
        assert_eq!(settle(world, &mut device), Ok(DeviceState::Connecting));
        assert_eq!(device.poll_timeout(now(world)), Some(now(world) + Duration::from_secs(2)));
        pass(world, 2);
        assert_eq!(settle(world, &mut device), Ok(DeviceState::Connecting));
        assert_eq!((states(world).0.as_str(), kicks(world)), ("3", 1));
    });
}

#[test]
fn failed_connect_is_reported_and_closed() {
    with_store(|world, store| {
        let mut device = open_initialised(world, store);
        let error = device.connect_and_wait(never()).unwrap_err();
        assert!(matches!(error, XenbusError::Timeout { .. }), "{error}");
        let reported = world.get("error/device/vbd/51712/error");
        assert_eq!(reported, Some(error.to_string()));
        assert_eq!(states(world).0, "5");
        drop(device);
        assert_eq!(states(world).0, "6");
    });
}

#[test]
fn lost_backend_closes_device_in_use() {
    let long = "4".repeat(33);
    for peer in ["5", "6", "1", "2", "0", "junk", &long] {
        with_store(|world, store| {
            let mut device = connected(world, store);
            set_peer(world, peer);
            while device.poll(now(world)) == Ok(DeviceState::Connected) {
                store.wait(never());
            }
            assert_eq!(device.state(), DeviceState::Closing, "backend in {peer}");
            assert!(device.driver().quiesced > 0);
            let _ = device.close_and_wait(never());
            assert_eq!(states(world).0, "6");
        });
    }
}

#[test]
fn offline_device_closes_for_good() {
    with_store(|world, store| {
        // Before it was ever connected: the toolstack asks by itself, not through the backend's
        // driver.
        let mut device = open(world, store, 1, 2);
        world.set(&format!("{BACKEND}/online"), "0");
        set_peer(world, "5");
        device.wait_for(DeviceState::Closed, never()).unwrap();
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
            let mut device: Device<'_> = create(store);
            result = settle(world, &mut device).map(|_| device.is_online());
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
        let mut device = connected(world, store);
        world.server.borrow_mut().reaction = None;
        set_peer(world, "6");
        assert_eq!(settle(world, &mut device), Ok(DeviceState::Closed));
        assert_eq!((states(world).0.as_str(), device.own_state()), ("6", State::CLOSED));
        assert_eq!(written(world), ["3", "4", "6"]);
    });
}

#[test]
fn own_state_is_not_a_request() {
    with_store(|world, store| {
        let mut device = open(world, store, 1, 1);
        world.server.borrow_mut().reaction = None;
        settle(world, &mut device).unwrap();
        // Only a backend's state is where a toolstack requests a detach.
        world.set(&format!("{FRONTEND}/state"), "5");
        set_peer(world, "2");
        settle(world, &mut device).unwrap();
        assert_eq!((states(world).0.as_str(), device.own_state()), ("3", State::INITIALISED));
    });
}

#[test]
fn missing_backend_state_is_judged() {
    for (error, expected) in [
        (None, Ok(DeviceState::Closing)),
        (Some("ENOENT"), Ok(DeviceState::Unplugged)),
        (Some("EACCES"), Ok(DeviceState::Unplugged)),
        (Some("EIO"), Err(ErrorKind::Server(ServerError::Io))),
    ] {
        with_store(|world, store| {
            let mut device = connected(world, store);
            world.server.borrow_mut().reaction = None;
            if let Some(error) = error {
                world.server.borrow_mut().refuse(MessageType::READ, BACKEND, error);
            }
            world.server.borrow_mut().remove(&format!("{BACKEND}/state"));
            let result = (0..10).find_map(|_| {
                world.run_server();
                match device.poll(now(world)) {
                    Ok(DeviceState::Connected) => None,
                    Ok(state) => Some(Ok(state)),
                    Err(XenbusError::Store(error)) => Some(Err(error.kind)),
                    Err(error) => panic!("{error}"),
                }
            });
            assert_eq!(result, Some(expected), "{error:?}");
        });
    }
}

#[test]
fn vanished_directory_is_not_made_again() {
    with_store(|world, store| {
        let mut device = connected(world, store);
        world.server.borrow_mut().reaction = None;
        world.server.borrow_mut().remove(BACKEND);
        world.server.borrow_mut().remove(FRONTEND);
        assert_eq!(settle(world, &mut device), Ok(DeviceState::Unplugged));
        assert_eq!(device.driver().released, [Cause::Unplugged]);
        device.close_and_wait(never()).unwrap();
        assert_eq!(world.get(&format!("{FRONTEND}/state")), None);
    });
    // It vanishes while nodes are to be written there.
    with_store(|world, store| {
        let mut device = open(world, store, 1, 1);
        world.server.borrow_mut().reaction = None;
        settle(world, &mut device).unwrap();
        world.server.borrow_mut().remove(FRONTEND);
        set_peer(world, "2");
        assert_eq!(settle(world, &mut device), Ok(DeviceState::Unplugged));
        assert_eq!(world.get(&format!("{FRONTEND}/state")), None);
    });
    // Only the link to the backend vanishes.
    with_store(|world, store| {
        let mut device = open(world, store, 1, 1);
        world.server.borrow_mut().reaction = None;
        settle(world, &mut device).unwrap();
        world.server.borrow_mut().remove(&format!("{FRONTEND}/backend"));
        set_peer(world, "2");
        assert_eq!(settle(world, &mut device), Ok(DeviceState::Unplugged));
    });
}

#[test]
fn failure_is_reported_and_closes_device() {
    with_store(|world, store| {
        let mut device = connected(world, store);
        device.fail(&"the ring is corrupt");
        assert_eq!(settle(world, &mut device), Ok(DeviceState::Closed));
        assert_eq!(
            world.get("error/device/vbd/51712/error").as_deref(),
            Some("the ring is corrupt")
        );
    });
}

#[test]
fn failure_before_connection_is_reported() {
    with_store(|world, store| {
        let mut device = open(world, store, 1, 2);
        device.fail(&"no memory");
        assert_eq!(settle(world, &mut device), Ok(DeviceState::Closed));
        assert_eq!(world.get("error/device/vbd/51712/error").as_deref(), Some("no memory"));
    });
}

#[test]
fn reconfiguring_backend_is_closed() {
    with_store(|world, store| {
        let mut device = connected(world, store);
        set_peer(world, "7");
        assert_eq!(settle(world, &mut device), Ok(DeviceState::Closed));
        assert_eq!(states(world), ("6".into(), "6".into()));
        assert_eq!(written(world), ["3", "4", "5", "6"]);
    });
}

#[test]
fn missing_device_error_names_node() {
    with_store(|world, store| {
        let mut device: Device<'_> = create(store);
        assert_eq!(
            settle(world, &mut device).unwrap_err().to_string(),
            "read device/vbd/51712/backend: xenstored reports ENOENT: no such node"
        );
        assert_eq!(settle(world, &mut device), Ok(DeviceState::Unplugged));
        plug(world, 1, 2);
        world.set(&format!("{FRONTEND}/backend-id"), "65536");
        device.reopen();
        let error = settle(world, &mut device).unwrap_err();
        assert!(error.to_string().contains("backend-id: the number is out of range"), "{error}");
        drop(device);
        store.domid().unwrap();
        assert!(world.server.borrow().watches.is_empty());
    });
}

#[test]
fn devices_are_listed_by_number() {
    with_store(|world, store| {
        assert!(devices::<4>(store, "vif").unwrap().is_empty());
        for id in ["51728", "51712", "768", "junk"] {
            world.set(&format!("device/vbd/{id}/state"), "1");
        }
        assert_eq!(devices::<4>(store, "vbd").unwrap(), [768, 51712, 51728]);
        assert!(devices::<2>(store, "vbd").is_err());
        world.server.borrow_mut().refuse(MessageType::DIRECTORY, "device/vbd", "EACCES");
        let error = devices::<4>(store, "vbd").unwrap_err();
        assert_eq!(error.kind, ErrorKind::Server(ServerError::AccessDenied));
    });
}

/// Issue 11, bar 2.
#[test]
fn polls_do_not_wait_for_xenstored() {
    // Xenstored answers as many requests as each run has, then nothing.
    for answers in 0..40 {
        with_store(|world, store| {
            let mut device = open(world, store, 1, 1);
            for round in 0..60 {
                if round < answers {
                    world.run_one_turn();
                }
                pass(world, 1);
                let _ = device.poll(now(world));
                match round {
                    40 => device.fail(&"a reason"),
                    45 => device.reopen(),
                    50 => device.resume(),
                    55 => device.close(),
                    _ => {}
                }
            }
            assert_eq!(world.waits.get(), 0);
            world.run_server();
        });
    }
}
