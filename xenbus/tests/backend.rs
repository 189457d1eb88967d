//! A backend against frontends that follow the protocol, and some that do not, and the requests of
//! the toolstack.

#[path = "../../xen-store/tests/double/mod.rs"]
mod double;

use double::{Guest, Server, Store, World, with_store};
use std::time::Duration;
use xen_hypercall::{DomId, Instant, SharedMem};
use xen_store::wire::{MessageType, ServerError};
use xen_store::{ErrorKind, Limits, RingTransport, XsOps};
use xenbus::{
    BackendDevice, BackendDriver, BackendEvent as Event, DeviceId, DeviceWatcher, KeyList,
    NodeWriter, Peer, XenbusError, XenbusState as State,
};

const FRONTEND: &str = "/local/domain/7/device/vbd/51712";
const BACKEND: &str = "backend/vbd/7/51712";
const ID: DeviceId = DeviceId { guest: DomId(7), device: 51712 };

/// A driver that does what the test has set, and notes its calls.
struct Script<'w> {
    world: &'w World<'w>,
    /// `setup` fails, and the driver waits for `physical-device`.
    fails: bool,
    waits: bool,
    sectors: u64,
    setups: u32,
    linked: bool,
    /// The number of times that the frontend was served, and whether that fails.
    runs: u32,
    broken: bool,
    /// The nodes that `connect` has read: the frontend's state, a missing number, a missing text.
    read: Option<(u32, u32, bool)>,
    /// The own state whenever the connection was released.
    released: Vec<String>,
}

impl BackendDriver for Script<'_> {
    const KIND: &'static str = "vbd";

    type Error = XenbusError;

    fn setup_keys(&self, keys: &mut KeyList<'_>) {
        keys.own("physical-device");
    }

    fn setup(&mut self, peer: &Peer<'_>) -> Result<bool, XenbusError> {
        self.setups += 1;
        if self.fails {
            peer.nodes.number::<u32>("no-such-node")?;
        }
        Ok(!self.waits || peer.nodes.own_string("physical-device")?.is_some())
    }

    fn write_offer(&self, nodes: &mut NodeWriter<'_>) {
        nodes.write("feature-flush-cache", 1);
    }

    fn connect_keys(&self, keys: &mut KeyList<'_>) {
        keys.peers(&["state", "feature-persistent", "protocol"]);
    }

    fn connect(&mut self, peer: &Peer<'_>) -> Result<(), XenbusError> {
        let number = peer.nodes.number_or("feature-persistent", 0)?;
        let text = peer.nodes.string("protocol")?;
        self.read = Some((peer.nodes.number("state")?, number, text.is_some()));
        self.linked = true;
        Ok(())
    }

    fn write_nodes(&self, nodes: &mut NodeWriter<'_>) {
        nodes.write("sectors", self.sectors);
    }

    fn run(&mut self, _: Instant) -> Result<(), XenbusError> {
        assert!(self.linked);
        self.runs += 1;
        let path = xen_store::PathText::new(&"ring");
        if self.broken { Err(XenbusError::Unplugged { path }) } else { Ok(()) }
    }

    fn disconnect(&mut self) {
        if std::mem::take(&mut self.linked) {
            self.released.push(states(self.world).0);
        }
    }
}

type Device<'s, 'w> = BackendDevice<Guest<'w>, Script<'s>, RingTransport<Guest<'w>, &'w SharedMem>>;

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

/// Reacts to a change of the backend's state as a block frontend that connects again whenever it
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

fn create<'s, 'w>(world: &'s World<'_>, store: &Store<'w>) -> Device<'s, 'w> {
    let script = Script {
        world,
        fails: false,
        waits: false,
        sectors: 2048,
        setups: 0,
        linked: false,
        runs: 0,
        broken: false,
        read: None,
        released: Vec::new(),
    };
    BackendDevice::new(store, ID, script).unwrap()
}

fn open<'s, 'w>(world: &'s World<'_>, store: &Store<'w>, own: u32, peer: u32) -> Device<'s, 'w> {
    plug(world, own, peer);
    world.server.borrow_mut().reaction = Some(lawful);
    create(world, store)
}

fn now(world: &World<'_>) -> Instant {
    Instant::from_nanos(world.now.get())
}

/// Polls the device until `done`.
fn drive(
    world: &World<'_>,
    device: &mut Device<'_, '_>,
    mut done: impl FnMut(&Device<'_, '_>) -> bool,
) {
    for _ in 0..100 {
        device.poll(now(world)).unwrap();
        if done(device) {
            return;
        }
        world.run_server();
    }
    panic!("never: {:?}, {:?}", device.own_state(), states(world));
}

/// Polls the device until all requests are answered; returns the last event.
fn settle(world: &World<'_>, device: &mut Device<'_, '_>) -> Event {
    let mut event = Event::Idle;
    for _ in 0..40 {
        event = device.poll(now(world)).unwrap();
        world.run_server();
    }
    event
}

fn connect(world: &World<'_>, device: &mut Device<'_, '_>) {
    drive(world, device, |device| {
        device.is_connected() && states(world) == ("4".into(), "4".into())
    });
    assert_eq!(settle(world, device), Event::Serve);
}

fn states(world: &World<'_>) -> (String, String) {
    let get = |path: &str| world.get(&format!("{path}/state")).unwrap_or_default();
    (get(BACKEND), get(FRONTEND))
}

fn set_peer(world: &World<'_>, state: &str) {
    world.server.borrow_mut().reaction = None;
    world.set(&format!("{FRONTEND}/state"), state);
}

fn set_own(world: &World<'_>, key: &str, value: &str) {
    world.set(&format!("{BACKEND}/{key}"), value);
}

fn deadline(world: &World<'_>, device: &Device<'_, '_>) -> Option<Instant> {
    device.poll_timeout(now(world))
}

fn pass_to(world: &World<'_>, deadline: Instant) {
    world.now.set(deadline.as_nanos());
}

#[test]
fn device_follows_frontend_in_order() {
    with_store(|world, store| {
        let mut device = open(world, store, 1, 1);
        connect(world, &mut device);
        assert_eq!(
            (device.path(), device.frontend_path(), device.frontend_id(), device.id()),
            (BACKEND, FRONTEND, DomId(7), ID)
        );
        assert_eq!(world.get(&format!("{BACKEND}/sectors")).as_deref(), Some("2048"));
        assert_eq!(world.get(&format!("{BACKEND}/feature-flush-cache")).as_deref(), Some("1"));
        assert_eq!(device.driver().read, Some((3, 0, false)));
        for (peer, own, event) in [("5", "5", Event::Serve), ("6", "6", Event::Idle)] {
            set_peer(world, peer);
            assert_eq!(settle(world, &mut device), event);
            assert_eq!(states(world), (own.into(), peer.into()));
        }
        world.server.borrow_mut().reaction = Some(lawful);
        world.set(&format!("{FRONTEND}/state"), "1");
        connect(world, &mut device);
    });
}

/// Each batch of requests makes one notification of the server.
#[test]
fn connect_takes_at_most_9_batches() {
    double::with_page(0, |world| {
        let store = world.store_with(Limits { requests: 16, ..Limits::default() });
        store.exists("domid").unwrap();
        let before = world.notified.get();
        let mut device = open(world, &store, 1, 1);
        drive(world, &mut device, |device| {
            device.is_connected() && states(world) == ("4".into(), "4".into())
        });
        let batches = world.notified.get() - before;
        assert!((4..=9).contains(&batches), "{batches} batches");
    });
}

#[test]
fn any_found_state_gets_connected() {
    for (own, peer) in (0..9).flat_map(|own| (0..9).map(move |peer| (own, peer))) {
        with_store(|world, store| {
            let mut device = open(world, store, own, peer);
            // The frontend reads the state that it finds, too.
            lawful(&mut world.server.borrow_mut(), &format!("{BACKEND}/state"));
            connect(world, &mut device);
            assert_eq!(states(world), ("4".into(), "4".into()), "from {own}, {peer}");
        });
    }
}

#[test]
fn frontend_that_stays_has_a_deadline() {
    with_store(|world, store| {
        let mut device = open(world, store, 1, 1);
        connect(world, &mut device);
        assert_eq!(deadline(world, &device), None);
        world.server.borrow_mut().reaction = None;
        device.set_timeout(Duration::from_secs(7));
        device.close();
        assert_eq!(settle(world, &mut device), Event::Idle);
        assert_eq!(states(world), ("5".into(), "4".into()));
        pass_to(world, deadline(world, &device).unwrap());
        assert_eq!(settle(world, &mut device), Event::Idle);
        assert_eq!(states(world), ("6".into(), "4".into()));
    });
}

#[test]
fn offline_device_closes_and_is_removed() {
    with_store(|world, store| {
        let mut device = open(world, store, 1, 1);
        connect(world, &mut device);
        set_own(world, "online", "0");
        set_own(world, "state", "5");
        assert_eq!(settle(world, &mut device), Event::Idle);
        assert_eq!((device.driver().released.len(), device.is_online()), (1, false));
        assert_eq!(states(world).0, "6", "the toolstack sees it closed");
        let deadline = deadline(world, &device).unwrap();
        assert!(deadline > now(world));
        pass_to(world, deadline);
        assert_eq!(device.poll(deadline), Ok(Event::Removed));
        device.remove().unwrap();
        assert_eq!((world.get(BACKEND), world.get("backend/vbd/7")), (None, None));
    });
}

#[test]
fn remove_reports_what_was_refused() {
    const GUEST: &str = "backend/vbd/7";
    let (denied, damaged) = (Err(ServerError::AccessDenied.into()), Err(ServerError::Io.into()));
    let conflict = Err(ErrorKind::Conflict { attempts: 32 });
    for (kind, path, error, result) in [
        (MessageType::RM, BACKEND, "ENOENT", Ok(())),
        (MessageType::RM, BACKEND, "EACCES", denied),
        (MessageType::RM, BACKEND, "EAGAIN", conflict),
        (MessageType::TRANSACTION_START, "", "EIO", damaged),
        (MessageType::DIRECTORY, GUEST, "ENOENT", Ok(())),
        (MessageType::DIRECTORY, GUEST, "EACCES", denied),
        (MessageType::DIRECTORY, GUEST, "E2BIG", Ok(())),
        (MessageType::DIRECTORY, GUEST, "EAGAIN", conflict),
        (MessageType::RM, GUEST, "EAGAIN", conflict),
        (MessageType::RM, GUEST, "ENOENT", Ok(())),
        // With some toolstacks the directory of the guest is the toolstack's.
        (MessageType::RM, GUEST, "EACCES", Ok(())),
        (MessageType::RM, GUEST, "EIO", damaged),
    ] {
        with_store(|world, store| {
            let mut device = open(world, store, 1, 1);
            settle(world, &mut device);
            world.server.borrow_mut().refuse(kind, path, error);
            let removed = device.remove().map(drop).map_err(|error| error.kind);
            assert_eq!(removed, result, "{path}: {error}");
            store.poll().unwrap();
            world.run_server();
            assert_eq!(world.server.borrow().open_transactions(), 0, "{path}: {error}");
        });
    }
}

#[test]
fn removal_polls_do_not_wait() {
    with_store(|world, store| {
        let mut device = open(world, store, 1, 1);
        settle(world, &mut device);
        let (driver, mut removal) = device.begin_removal();
        assert_eq!((driver.linked, removal.id()), (false, ID));
        // Each poll before the server's reply returns at once.
        let mut rounds = 0;
        while removal.poll() == Ok(false) {
            assert_eq!((removal.poll(), removal.poll_timeout(now(world))), (Ok(false), None));
            world.run_server();
            rounds += 1;
        }
        assert_eq!((removal.poll(), rounds), (Ok(true), 5));
        assert_eq!(removal.poll_timeout(now(world)), None);
        assert_eq!((world.get(BACKEND), world.get("backend/vbd/7")), (None, None));
        // A server that answers nothing ends the wait.
        let device = open(world, store, 1, 1);
        world.server.borrow_mut().mute = true;
        let error = device.remove().map(drop).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::Timeout { .. }), "{error}");
    });
}

/// A removal that conflicts with another transaction is repeated.
#[test]
fn conflicting_removal_is_repeated() {
    with_store(|world, store| {
        let mut device = open(world, store, 1, 1);
        settle(world, &mut device);
        world.server.borrow_mut().conflicts = 3;
        device.remove().unwrap();
        assert_eq!((world.get("backend/vbd/7"), world.server.borrow().conflicts), (None, 0));
        let mut device = open(world, store, 1, 1);
        settle(world, &mut device);
        world.server.borrow_mut().conflicts = u32::MAX;
        let error = device.remove().map(drop).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Conflict { attempts: 32 });
        assert_eq!(world.server.borrow().open_transactions(), 0);
    });
}

/// A transaction that the domain may not start yet is tried again, after a time.
#[test]
fn removal_waits_for_a_transaction() {
    with_store(|world, store| {
        let mut device = open(world, store, 1, 1);
        settle(world, &mut device);
        world.server.borrow_mut().refuse(MessageType::TRANSACTION_START, "", "ENOSPC");
        let (_, mut removal) = device.begin_removal();
        for _ in 0..20 {
            assert_eq!(removal.poll(), Ok(false));
            world.run_server();
        }
        world.server.borrow_mut().answer = None;
        let retry = now(world) + Duration::from_millis(1);
        assert_eq!((removal.poll(), removal.poll_timeout(now(world))), (Ok(false), Some(retry)));
        removal.wait().unwrap();
        assert_eq!(world.get("backend/vbd/7"), None);
    });
}

#[test]
fn failed_removal_ends_its_transaction() {
    with_store(|world, store| {
        let mut device = open(world, store, 1, 1);
        settle(world, &mut device);
        world.server.borrow_mut().refuse(MessageType::DIRECTORY, "backend/vbd/7", "EIO");
        let (_, mut removal) = device.begin_removal();
        let error = (0..20).find_map(|_| {
            world.run_server();
            removal.poll().err()
        });
        assert_eq!(error.unwrap().kind, ServerError::Io.into());
        assert_eq!(removal.poll(), Ok(true), "it has ended");
        world.run_server();
        assert_eq!(world.server.borrow().open_transactions(), 0);
    });
}

#[test]
fn close_request_begins_deadline() {
    with_store(|world, store| {
        let mut device = open(world, store, 1, 1);
        // The frontend has published its rings, and the driver has not taken them up.
        drive(world, &mut device, |_| states(world).1 == "3");
        world.server.borrow_mut().reaction = None;
        world.now.set(world.now.get() + 100_000_000_000);
        set_own(world, "state", "5");
        device.close();
        settle(world, &mut device);
        assert_eq!(deadline(world, &device), Some(now(world) + Duration::from_secs(30)));
    });
}

#[test]
fn remove_leaves_other_devices() {
    with_store(|world, store| {
        let mut device = open(world, store, 1, 1);
        settle(world, &mut device);
        world.set("backend/vbd/7/51728/state", "4");
        let (_, mut removal) = device.begin_removal();
        while !removal.poll().unwrap() {
            world.run_server();
        }
        world.run_server();
        assert_eq!(
            (world.get(BACKEND), world.get("backend/vbd/7/51728/state")),
            (None, Some("4".into()))
        );
        // Before the removal is dropped.
        assert_eq!(world.server.borrow().open_transactions(), 0);
    });
}

#[test]
fn all_states_are_read_first() {
    with_store(|world, store| {
        plug(world, 6, 4);
        set_own(world, "online", "0");
        let mut device = create(world, store);
        settle(world, &mut device);
        assert_eq!(
            (device.own_state(), device.frontend_state()),
            (State::CLOSED, State::CONNECTED)
        );
        assert!(!device.is_online());
        assert_eq!(device.driver().setups, 0);
    });
}

#[test]
fn online_device_reopens_after_close() {
    with_store(|world, store| {
        let mut device = open(world, store, 1, 1);
        connect(world, &mut device);
        world.server.borrow_mut().reaction = None;
        set_own(world, "state", "5");
        assert_eq!(settle(world, &mut device), Event::Serve);
        set_peer(world, "6");
        assert_eq!(settle(world, &mut device), Event::Idle);
        assert_eq!((states(world).0.as_str(), deadline(world, &device)), ("6", None));
        world.server.borrow_mut().reaction = Some(lawful);
        world.set(&format!("{FRONTEND}/state"), "1");
        connect(world, &mut device);
    });
}

/// Polls with time passing until the device is not served, and returns the event.
fn serve(world: &World<'_>, device: &mut Device<'_, '_>) -> Event {
    for _ in 0..20 {
        world.run_server();
        world.now.set(world.now.get() + 10_000_000_000);
        match device.poll(now(world)).unwrap() {
            Event::Serve => {}
            event => return event,
        }
    }
    Event::Serve
}

/// Linux 6f5986bce5, Qubes 4784, xenopsd 613.
#[test]
fn detach_request_keeps_service() {
    let online_only: &[(&str, &str)] = &[("online", "0")];
    let state_only: &[(&str, &str)] = &[("state", "5")];
    for request in [online_only, state_only, &[("online", "0"), ("state", "5")]] {
        with_store(|world, store| {
            let mut device = open(world, store, 1, 1);
            connect(world, &mut device);
            world.server.borrow_mut().reaction = None;
            request.iter().for_each(|(key, value)| set_own(world, key, value));
            // The frontend is mounted: it stays Connected at first, then answers with Closing.
            for peer in ["4", "5"] {
                set_peer(world, peer);
                assert_eq!(serve(world, &mut device), Event::Serve, "{request:?}, {peer}");
                assert_eq!((states(world).0.as_str(), deadline(world, &device)), ("5", None));
            }
            // A change of the disk's size meanwhile does not withdraw the request.
            device.driver_mut().sectors = 4096;
            device.rewrite_nodes();
            assert_eq!(serve(world, &mut device), Event::Serve);
            assert_eq!(states(world).0, "5");
            assert_eq!(world.get(&format!("{BACKEND}/sectors")).as_deref(), Some("4096"));
            set_peer(world, "6");
            assert_eq!(serve(world, &mut device), Event::Idle);
            settle(world, &mut device);
            assert_eq!(
                (states(world).0.as_str(), &device.driver().released[..]),
                ("6", &["5".to_owned()][..])
            );
        });
    }
}

#[test]
fn frontend_in_closing_is_served() {
    with_store(|world, store| {
        let mut device = open(world, store, 1, 1);
        connect(world, &mut device);
        set_peer(world, "5");
        assert_eq!(serve(world, &mut device), Event::Serve);
        assert_eq!(states(world).0, "5");
        // It can close, start again or vanish.
        for (peer, state) in [("6", "6"), ("1", "2"), ("0", "6")] {
            set_peer(world, peer);
            assert_eq!(settle(world, &mut device), Event::Idle);
            assert_eq!(states(world).0, state, "frontend in {peer}");
            world.server.borrow_mut().reaction = Some(lawful);
            world.set(&format!("{FRONTEND}/state"), "1");
            // The frontend reads the state that it finds, too.
            lawful(&mut world.server.borrow_mut(), &format!("{BACKEND}/state"));
            connect(world, &mut device);
            set_peer(world, "5");
            assert_eq!(serve(world, &mut device), Event::Serve);
        }
    });
}

#[test]
fn detach_request_while_connecting_is_kept() {
    with_store(|world, store| {
        let mut device = open(world, store, 1, 1);
        drive(world, &mut device, |device| device.driver().linked);
        world.server.borrow_mut().reaction = None;
        // Between the device's last read of the state and its write.
        set_own(world, "state", "5");
        assert_eq!(serve(world, &mut device), Event::Serve);
        assert_eq!(states(world).0, "5");
        set_peer(world, "6");
        assert_eq!(settle(world, &mut device), Event::Idle);
        assert_eq!(states(world).0, "6");
    });
}

#[test]
fn detach_of_closed_device_is_answered() {
    with_store(|world, store| {
        let mut device = open(world, store, 1, 1);
        connect(world, &mut device);
        set_peer(world, "6");
        assert_eq!(settle(world, &mut device), Event::Idle);
        set_own(world, "online", "0");
        set_own(world, "state", "5");
        assert_eq!(settle(world, &mut device), Event::Idle);
        // The toolstack waits for Closed, which its own write has replaced.
        assert_eq!(states(world).0, "6");
        let deadline = deadline(world, &device).unwrap();
        assert_eq!(device.poll(deadline), Ok(Event::Removed));
    });
}

#[test]
fn frontend_flips_do_not_extend_deadline() {
    with_store(|world, store| {
        let mut device = open(world, store, 1, 1);
        connect(world, &mut device);
        device.set_timeout(Duration::from_secs(7));
        set_peer(world, "4");
        device.close();
        let begun = world.now.get();
        settle(world, &mut device);
        for second in 1..=7 {
            assert_eq!(states(world).0, "5");
            set_peer(world, ["3", "4", "5", "7"][second as usize % 4]);
            world.now.set(begun + second * 1_000_000_000);
            settle(world, &mut device);
        }
        assert_eq!(states(world).0, "6");
    });
}

#[test]
fn failure_is_reported_then_reconnects() {
    with_store(|world, store| {
        let mut device = open(world, store, 1, 1);
        connect(world, &mut device);
        device.fail(&"the ring is corrupt");
        assert_eq!(device.driver().released.len(), 1);
        let path = format!("error/{BACKEND}/error");
        drive(world, &mut device, |_| world.get(&path).is_some());
        assert_eq!(world.get(&path).as_deref(), Some("the ring is corrupt"));
        connect(world, &mut device);
    });
}

#[test]
fn failed_run_closes_then_reconnects() {
    with_store(|world, store| {
        let mut device = open(world, store, 1, 1);
        connect(world, &mut device);
        assert!(device.driver().runs > 0);
        device.driver_mut().broken = true;
        let error = first_error(world, &mut device).unwrap();
        assert!(matches!(error, XenbusError::Unplugged { .. }));
        assert_eq!(device.driver().released.len(), 1);
        device.driver_mut().broken = false;
        drive(world, &mut device, |_| world.get(&format!("error/{BACKEND}/error")).is_some());
        connect(world, &mut device);
    });
}

#[test]
fn memory_is_released_before_closed() {
    for (peer, end) in [("1", "2"), ("2", "2"), ("0", "6"), ("junk", "6"), ("6", "6"), ("99", "6")]
    {
        with_store(|world, store| {
            let mut device = open(world, store, 1, 1);
            connect(world, &mut device);
            set_peer(world, peer);
            assert_eq!(settle(world, &mut device), Event::Idle);
            assert_eq!(
                device.driver().released,
                ["4"],
                "nothing is written while the driver has what was shared"
            );
            assert_eq!(states(world).0, end, "frontend in {peer}");
        });
    }
}

#[test]
fn vanished_directory_is_not_made_again() {
    for publishing in [false, true] {
        with_store(|world, store| {
            let mut device = open(world, store, 1, 1);
            connect(world, &mut device);
            world.server.borrow_mut().reaction = None;
            if publishing {
                device.rewrite_nodes();
                device.poll(now(world)).unwrap();
            }
            world.server.borrow_mut().remove("backend");
            drive(world, &mut device, |device| !device.driver().linked);
            assert_eq!(settle(world, &mut device), Event::Removed);
            device.rewrite_nodes();
            assert_eq!(settle(world, &mut device), Event::Removed);
            assert_eq!(world.get(BACKEND), None);
            // Another device of the same number is left alone.
            set_own(world, "state", "1");
            device.remove().unwrap();
            assert_eq!(states(world).0, "1");
        });
    }
}

/// Returns the first error of some polls.
fn first_error(world: &World<'_>, device: &mut Device<'_, '_>) -> Option<XenbusError> {
    (0..20).find_map(|_| {
        let polled = device.poll(now(world));
        world.run_server();
        polled.err()
    })
}

/// The state is left: a directory without a link to the frontend is no device's.
#[test]
fn lost_link_removes_device() {
    with_store(|world, store| {
        let mut device = open(world, store, 1, 1);
        connect(world, &mut device);
        world.server.borrow_mut().remove(&format!("{BACKEND}/frontend"));
        device.rewrite_nodes();
        assert_eq!(settle(world, &mut device), Event::Removed);
        assert_eq!((device.driver().linked, world.server.borrow().open_transactions()), (false, 0));
    });
}

#[test]
fn missing_device_error_names_node() {
    with_store(|world, store| {
        let mut device = create(world, store);
        assert_eq!(
            first_error(world, &mut device).unwrap().to_string(),
            "read backend/vbd/7/51712/frontend: xenstored reports ENOENT: no such node"
        );
        assert_eq!(settle(world, &mut device), Event::Removed);
        plug(world, 1, 2);
        set_own(world, "frontend-id", "65536");
        let mut device = create(world, store);
        let error = first_error(world, &mut device).unwrap();
        assert!(error.to_string().contains("frontend-id"));
    });
}

#[test]
fn incomplete_device_begins_later() {
    with_store(|world, store| {
        set_own(world, "online", "1");
        let mut device = create(world, store);
        assert!(first_error(world, &mut device).is_some());
        while first_error(world, &mut device).is_some() {}
        assert_eq!(device.own_state(), State::UNKNOWN);
        plug(world, 1, 1);
        world.server.borrow_mut().reaction = Some(lawful);
        while first_error(world, &mut device).is_some() {}
        connect(world, &mut device);
    });
}

#[test]
fn failed_setup_waits_for_frontend() {
    with_store(|world, store| {
        plug(world, 1, 1);
        let mut device = create(world, store);
        device.driver_mut().fails = true;
        assert!(first_error(world, &mut device).is_some());
        assert_eq!(settle(world, &mut device), Event::Idle);
        assert_eq!((states(world).0.as_str(), device.driver().setups), ("6", 1));
        let error = world.get(&format!("error/{BACKEND}/error")).unwrap();
        assert!(error.contains("no-such-node"), "{error}");
        set_own(world, "physical-device", "7:1");
        settle(world, &mut device);
        assert_eq!(device.driver().setups, 1);
        device.driver_mut().fails = false;
        for state in ["6", "1"] {
            set_peer(world, state);
            settle(world, &mut device);
        }
        assert_eq!((states(world).0.as_str(), device.driver().setups), ("2", 2));
    });
}

#[test]
fn late_node_is_waited_for_once() {
    with_store(|world, store| {
        plug(world, 1, 1);
        let mut device = create(world, store);
        device.driver_mut().waits = true;
        device.set_setup_timeout(Duration::from_secs(7));
        let begun = now(world);
        assert_eq!(settle(world, &mut device), Event::Idle);
        assert_eq!(deadline(world, &device), Some(begun + Duration::from_secs(7)));
        let setups = device.driver().setups;
        settle(world, &mut device);
        assert_eq!(device.driver().setups, setups, "nothing has changed");
        pass_to(world, begun + Duration::from_secs(7));
        assert!(matches!(first_error(world, &mut device), Some(XenbusError::Store(_))));
        settle(world, &mut device);
        assert_eq!(states(world).0, "6");
    });
}

/// Issue 11, bar 2.
#[test]
fn polls_do_not_wait_for_xenstored() {
    // Xenstored answers as many requests as each run has, then nothing.
    for answers in 0..40 {
        with_store(|world, store| {
            let mut device = open(world, store, 1, 1);
            let mut watcher = DeviceWatcher::<_, DeviceId, 4, _>::new(store, "vbd").unwrap();
            for round in 0..60 {
                if round < answers {
                    world.run_one_turn();
                }
                world.now.set(world.now.get() + 1_000_000_000);
                let _ = device.poll(now(world));
                let _ = watcher.poll();
                if round == 50 {
                    device.fail(&"a reason");
                }
            }
            assert_eq!(world.waits.get(), 0);
        });
    }
}
