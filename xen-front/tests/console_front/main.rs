//! Secondary consoles against a backend in another domain, and a toolstack that suspends, restarts
//! and unplugs.

mod backend;
#[path = "../persistent/mod.rs"]
mod persistent;

use backend::{Backend, Misbehaviour};
use core::fmt::Write;
use core::time::Duration;
use persistent::while_peer_writes;
use std::cell::Cell;
use std::sync::Arc;
use xen_front::console::{ConsoleError, ConsoleFront, Newline, list};
use xen_grant::{DeferredGrants, GrantTable};
use xen_hypercall::ops::sched::{SuspendOutcome, suspend};
use xen_hypercall::{Instant, Platform, boot};
use xen_sim::{Device, DeviceSpec, Domain, DomainConfig, EventWait, ForbidWait, Interposed, World};
use xen_store::XenStore;
use xenbus::{DeviceState, XenbusError};

/// A world, a guest with the services of its drivers, and console 1 with its backend.
struct Fixture {
    world: World,
    guest: Domain,
    store: XenStore<Domain>,
    grants: GrantTable<Domain>,
    device: Cell<Device>,
    back: Backend,
}

/// Attaches console 1 as libxl does.
fn attach(world: &World, guest: &Domain, backend: &Domain) -> Device {
    let mut spec = DeviceSpec::new("console", 1);
    spec.frontend = [("limit", "1048576"), ("type", "ioemu"), ("tty", ""), ("protocol", "vt100")]
        .map(|(key, value)| (key, value.to_owned()))
        .to_vec();
    spec.backend = vec![("protocol", "vt100".to_owned()), ("connection", "pty".to_owned())];
    world.attach_device(guest, backend, &spec)
}

impl Fixture {
    fn new() -> Self {
        let world = World::new(1);
        let driver_domain = world.create_guest(DomainConfig::new("consoles"));
        let guest = world.create_guest(DomainConfig::new("guest"));
        let device = attach(&world, &guest, &driver_domain);
        let back = Backend::start(&world, &device);
        let ring = boot::xenstore_ring(guest.clone()).unwrap();
        let store = XenStore::new(guest.clone(), ring).unwrap();
        let grants = GrantTable::new(guest.clone()).unwrap();
        Self { world, guest, store, grants, device: Cell::new(device), back }
    }

    fn deadline(&self) -> Instant {
        self.guest.now() + Duration::from_secs(10)
    }

    fn create(&self) -> ConsoleFront<Domain> {
        ConsoleFront::new(&self.store, &self.grants, 1).unwrap()
    }

    fn connect(&self) -> Result<ConsoleFront<Domain>, ConsoleError> {
        ConsoleFront::connect(&self.store, &self.grants, 1, self.deadline())
    }

    /// Polls and waits until the device is in the state `wanted`.
    fn wait_for(&self, console: &mut ConsoleFront<Domain>, wanted: DeviceState) {
        let deadline = self.deadline();
        while console.poll(self.guest.now()).unwrap() != wanted {
            assert!(self.guest.now() < deadline, "{:?}", console.state());
            console.wait(Some(deadline));
        }
    }

    /// Writes a line each way and checks that it arrives.
    fn exchange(&self, console: &mut ConsoleFront<Domain>) {
        self.back.state().received.clear();
        writeln!(console.console().unwrap(), "from the guest").unwrap();
        self.back.state().to_send.extend(b"to the guest");
        self.world.domain(self.device.get().backend).unwrap().kick();
        self.world.run_until_idle();
        let mut buffer = [0; 40];
        let count = console.console().unwrap().read(&mut buffer).unwrap();
        assert_eq!(&buffer[..count], b"to the guest");
        assert_eq!(self.back.state().received, b"from the guest\n");
    }

    fn set_state(&self, value: &str) {
        let path = format!("{}/state", self.device.get().backend_path());
        self.world.store().write(path, value).unwrap();
    }

    /// Serves the device that the toolstack has attached in place of the old one.
    fn serve(&self, device: Device) {
        self.device.set(device);
        self.back.serve(&self.world, &device);
    }

    /// Drops the services and checks that nothing was left behind.
    fn finish(self) {
        let Self { world, store, grants, .. } = self;
        assert_eq!(grants.retry_deferred(), DeferredGrants::default());
        drop((store, grants));
        assert_eq!(world.violations(), []);
    }
}

impl Fixture {
    /// Opens the device again, transfers bytes, closes it and checks that nothing is left.
    fn reopen_and_finish(self, mut console: ConsoleFront<Domain>) {
        console.reopen();
        self.wait_for(&mut console, DeviceState::Connected);
        raw(&mut console);
        self.exchange(&mut console);
        console.close_and_wait(self.deadline()).unwrap();
        self.finish();
    }
}

/// Sets line ends that are not the default, which a new connection keeps.
fn raw(console: &mut ConsoleFront<Domain>) {
    console.console().unwrap().set_newline(Newline::Raw);
}

#[test]
fn console_connects_transfers_and_closes() {
    let fixture = Fixture::new();
    assert_eq!(list::<4>(&fixture.store).unwrap(), [1]);
    let free = fixture.grants.free();
    let mut console = fixture.connect().unwrap();
    assert_eq!(console.number(), 1);
    assert!(fixture.world.is_connected(&fixture.device.get()));
    raw(&mut console);
    (0..3).for_each(|_| fixture.exchange(&mut console));
    console.close_and_wait(fixture.deadline()).unwrap();
    assert_eq!(fixture.world.device_states(&fixture.device.get()), (6, 6));
    assert_eq!(fixture.grants.free(), free);
    fixture.finish();
}

#[test]
fn primary_console_is_no_device() {
    let fixture = Fixture::new();
    let path = format!("/local/domain/{}/device/console/0", fixture.guest.id());
    fixture.world.store().write(format!("{path}/state"), 1).unwrap();
    assert_eq!(list::<4>(&fixture.store).unwrap(), [1]);
    let primary = ConsoleFront::new(&fixture.store, &fixture.grants, 0).map(drop);
    assert_eq!(primary.unwrap_err(), ConsoleError::Primary);
    fixture.finish();
}

#[test]
fn closed_console_has_no_ring() {
    let fixture = Fixture::new();
    let mut console = fixture.create();
    assert!(console.console().is_none() && console.port().is_none());
    fixture.wait_for(&mut console, DeviceState::Connected);
    assert!(console.console().is_some() && console.port().is_some());
    console.close();
    assert!(console.console().is_none());
    fixture.wait_for(&mut console, DeviceState::Closed);
    assert!(console.port().is_none());
    fixture.reopen_and_finish(console);
}

#[test]
fn events_alone_carry_bytes() {
    let fixture = Fixture::new();
    let mut console = fixture.create();
    let sent: Vec<u8> = (0..5000u32).map(|n| (n * 7) as u8).collect();
    fixture.back.state().to_send.extend(&sent);
    let (mut written, mut got) = (0, Vec::new());
    let done = EventWait::new(&fixture.guest).run_until(fixture.deadline(), || {
        console.poll(fixture.guest.now()).unwrap();
        let Some(ring) = console.console() else { return false };
        written += ring.write(&sent[written..]).unwrap();
        let mut buffer = [0; 5000];
        let count = ring.read(&mut buffer).unwrap();
        got.extend_from_slice(&buffer[..count]);
        written == sent.len() && got.len() == sent.len()
    });
    assert!(done, "{written} written, {} read", got.len());
    fixture.world.run_until_idle();
    assert!(got == sent && fixture.back.state().received == sent);
    console.close_and_wait(fixture.deadline()).unwrap();
    fixture.finish();
}

#[test]
fn resumed_console_connects_again() {
    for resume_late in [false, true] {
        let fixture = Fixture::new();
        let mut console = fixture.connect().unwrap();
        raw(&mut console);
        let id = fixture.guest.id();
        let backend = fixture.world.domain(fixture.device.get().backend).unwrap();
        fixture.store.quiesce().unwrap();
        fixture.world.suspend(id, move |world| drop(world.restore(world.save(id), Some(&backend))));
        // SAFETY: the guest has one vCPU, and its services are resumed before their next use.
        assert_eq!(unsafe { suspend(&fixture.guest) }, Ok(SuspendOutcome::Resumed));
        fixture.grants.resume().unwrap();
        fixture.store.resume().unwrap();
        fixture.serve(fixture.world.devices_of(fixture.guest.id())[0]);
        if resume_late {
            fixture.world.run_until_idle();
        }
        console.resume();
        fixture.wait_for(&mut console, DeviceState::Connected);
        fixture.exchange(&mut console);
        console.close_and_wait(fixture.deadline()).unwrap();
        fixture.finish();
    }
}

#[test]
fn restarted_backend_is_connected_again() {
    let fixture = Fixture::new();
    let mut console = fixture.connect().unwrap();
    raw(&mut console);
    let config = DomainConfig::new("consoles again");
    let (_, devices) = fixture.world.restart_backend(fixture.device.get().backend, config);
    fixture.serve(devices[0]);
    fixture.wait_for(&mut console, DeviceState::Unplugged);
    assert!(console.console().is_none());
    console.reopen();
    fixture.wait_for(&mut console, DeviceState::Connected);
    fixture.exchange(&mut console);
    console.close_and_wait(fixture.deadline()).unwrap();
    fixture.finish();
}

#[test]
fn unplugged_console_ends() {
    for torn_out in [false, true] {
        let fixture = Fixture::new();
        let mut console = fixture.connect().unwrap();
        let device = fixture.device.get();
        let backend = fixture.world.domain(device.backend).unwrap();
        if torn_out {
            fixture.world.remove_device(&device);
            fixture.wait_for(&mut console, DeviceState::Unplugged);
        } else {
            fixture.world.detach(&device);
            fixture.wait_for(&mut console, DeviceState::Closed);
            fixture.world.run_for(Duration::from_secs(1));
        }
        fixture.serve(attach(&fixture.world, &fixture.guest, &backend));
        fixture.reopen_and_finish(console);
    }
}

/// D-C01.
#[test]
fn impossible_index_closes_console() {
    let fixture = Fixture::new();
    let mut console = fixture.connect().unwrap();
    fixture.back.state().corrupt_input();
    assert!(matches!(console.console().unwrap().read(&mut [0; 8]), Err(ConsoleError::Ring(_))));
    let error = console.poll(fixture.guest.now()).unwrap_err();
    assert!(matches!(error, ConsoleError::Ring(_)), "{error}");
    fixture.wait_for(&mut console, DeviceState::Closed);
    let path = format!("/local/domain/{}/error/device/console/1/error", fixture.guest.id());
    assert_eq!(fixture.world.store().read(path), Some(error.to_string()));
    fixture.reopen_and_finish(console);
}

/// D-C03.
#[test]
fn mapped_ring_is_reported_by_close() {
    let fixture = Fixture::new();
    let console = fixture.connect().unwrap();
    fixture.back.state().misbehaviour = Misbehaviour::KeepMapped;
    assert_eq!(console.close_and_wait(fixture.deadline()), Err(ConsoleError::InUse));
    assert_eq!(fixture.grants.retry_deferred(), DeferredGrants { waiting: 1, lost: 0 });
    fixture.back.state().unmap();
    fixture.finish();
}

/// D-C02: states that no backend has, and changes of them without end.
#[test]
fn hostile_backend_nodes_end_in_errors() {
    let texts: [&'static [&'static str]; 5] = [
        &["", "-1", "99", "4294967296", "four"],
        &["2", "3"],
        &["4", "5", "6"],
        &["5", "6", "1"],
        &["7", "8", "2", "\u{0}4"],
    ];
    for states in texts {
        let fixture = Fixture::new();
        fixture.world.run_until_idle();
        fixture.world.pause(fixture.device.get().backend);
        fixture.set_state(states[0]);
        let (store, path) =
            (fixture.world.store(), format!("{}/state", fixture.device.get().backend_path()));
        let restless =
            move |round: u32| store.write(&path, states[round as usize % states.len()]).unwrap();
        let (limit, period) = (Duration::from_secs(11), Duration::from_secs(3));
        let error = while_peer_writes(&fixture.world, limit, period, restless, || {
            fixture.connect().map(drop)
        });
        assert!(matches!(error, Err(ConsoleError::Xenbus(_))), "{states:?}: {error:?}");
        fixture.world.unpause(fixture.device.get().backend);
        fixture.finish();
    }
}

#[test]
fn absent_backend_times_out() {
    let fixture = Fixture::new();
    fixture.back.state().misbehaviour = Misbehaviour::NeverReady;
    let start = fixture.guest.now();
    let error = fixture.connect().map(drop).unwrap_err();
    assert!(matches!(error, ConsoleError::Xenbus(XenbusError::Timeout { .. })), "{error}");
    assert!(fixture.guest.now() >= start + Duration::from_secs(10));
    fixture.back.state().misbehaviour = Misbehaviour::None;
    fixture.world.domain(fixture.device.get().backend).unwrap().kick();
    fixture.connect().unwrap().close_and_wait(fixture.deadline()).unwrap();
    fixture.finish();
}

/// Polls `before` times while xenstored runs, and for a minute and a half while it is stopped.
/// Returns the states before and after that, and whether a poll returned an error.
fn poll_without_xenstored(
    before: u32,
    act: fn(&mut ConsoleFront<Interposed<Domain, ForbidWait>>),
) -> (DeviceState, DeviceState, bool) {
    let world = World::new(1);
    let driver_domain = world.create_guest(DomainConfig::new("consoles"));
    let guest = world.create_guest(DomainConfig::new("guest"));
    let device = attach(&world, &guest, &driver_domain);
    let _back = Backend::start(&world, &device);
    let waits = Arc::<ForbidWait>::default();
    let guest = Interposed::new(guest, Arc::clone(&waits));
    let store = XenStore::new(guest.clone(), boot::xenstore_ring(guest.clone()).unwrap()).unwrap();
    let grants = GrantTable::new(guest.clone()).unwrap();
    let mut console = ConsoleFront::new(&store, &grants, 1).unwrap();
    for _ in 0..before {
        world.run_until_idle();
        console.poll(guest.now()).unwrap();
    }
    let stopped_in = console.state();
    world.store().set_stopped(true);
    waits.set(true);
    act(&mut console);
    let mut failed = false;
    for _ in 0..90 {
        failed |= console.poll(guest.now()).is_err();
        world.run_for(Duration::from_secs(1));
    }
    let state = console.state();
    world.store().set_stopped(false);
    waits.set(false);
    drop(console);
    drop((store, grants));
    (stopped_in, state, failed)
}

#[test]
fn poll_without_xenstored_never_waits() {
    let mut seen = Vec::new();
    for act in [|_: &mut _| {}, ConsoleFront::close, ConsoleFront::reopen, ConsoleFront::resume] {
        for before in 0..10 {
            let (stopped_in, state, failed) = poll_without_xenstored(before, act);
            assert!(failed || state == DeviceState::Connected, "{before}: {state:?}");
            seen.push(stopped_in);
        }
    }
    assert!(seen.contains(&DeviceState::Connecting) && seen.contains(&DeviceState::Connected));
}
