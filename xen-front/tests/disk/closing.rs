//! The end of a connection, and of the attempt to make one.

use super::Fixture;
use super::blkback::Misbehaviour;
use core::time::Duration;
use xen_front::block::*;
use xen_hypercall::Platform;
use xen_hypercall::ops::event_channel;
use xen_sim::{Domain, DomainConfig, Step};
use xenbus::{XenbusError, XenbusState};

impl Fixture {
    /// Has the toolstack run `act` after `delay`.
    fn after(&self, delay: Duration, act: impl FnOnce(&xen_sim::Store) + Send + 'static) {
        let (at, store, mut act) = (self.guest.now() + delay, self.world.store(), Some(act));
        self.world.dom0().spawn(move |dom0: &Domain| {
            if dom0.now() < at {
                return Step::Sleep(at);
            }
            if let Some(act) = act.take() {
                act(&store);
            }
            Step::Done
        });
    }

    /// Has the toolstack write the backend's state after `delay`.
    fn backend_state_after(&self, delay: Duration, state: u32) {
        let path = format!("{}/state", self.device.get().backend_path());
        self.after(delay, move |store| store.write(path, state).unwrap());
    }
}

#[test]
fn close_without_backend_waits_and_ends() {
    // A backend that has never started, and one that has and does not connect.
    for (state, ends_early) in [(1, true), (2, false)] {
        let fixture = Fixture::new();
        let mut disk = fixture.disk();
        fixture.back.state().misbehaviour = Misbehaviour::Forget;
        assert!(matches!(disk.write(0, &[1; 4096]), Err(TransferError::Timeout { .. })));
        assert_eq!(disk.block().in_flight(), 1);
        let (_, devices) = fixture
            .world
            .restart_backend(fixture.device.get().backend, DomainConfig::new("disks again"));
        fixture.device.set(devices[0]);
        fixture.world.store().write(format!("{}/state", devices[0].backend_path()), state).unwrap();
        let error = disk.reopen(fixture.deadline()).unwrap_err();
        assert!(matches!(error, BlkFrontError::Xenbus(XenbusError::Timeout { .. })), "{error}");
        let (start, before) = (fixture.guest.now(), fixture.guest.counters());
        let closed = disk.close(fixture.deadline());
        let waited = fixture.guest.now().saturating_duration_since(start);
        let calls = fixture.guest.counters().total_hypercalls() - before.total_hypercalls();
        assert!(calls < 500, "{calls} hypercalls in {waited:?}");
        assert_eq!(closed.is_ok(), ends_early, "{closed:?}");
        let late = Duration::from_secs(11);
        assert!(
            if ends_early { waited < Duration::from_secs(1) } else { waited < late },
            "{waited:?}"
        );
        assert_eq!(fixture.world.device_states(&fixture.device.get()).0, 6);
        fixture.finish();
    }
}

#[test]
fn close_follows_backend() {
    let fixture = Fixture::new();
    let mut disk = fixture.disk();
    fixture.back.state().misbehaviour = Misbehaviour::Forget;
    assert!(matches!(disk.write(0, &[1; 4096]), Err(TransferError::Timeout { .. })));
    let start = fixture.guest.now();
    // What the request waits for does not come any more.
    fixture.backend_state_after(Duration::from_secs(1), 6);
    disk.close(start + Duration::from_secs(10)).unwrap();
    let waited = fixture.guest.now().saturating_duration_since(start);
    assert!(waited < Duration::from_secs(2), "{waited:?}");
    fixture.finish();
}

/// A backend that fails closes its device, and has no rings any more to complete requests in.
#[test]
fn closing_backend_has_a_deadline() {
    let fixture = Fixture::new();
    let mut block = fixture.block();
    fixture.back.state().misbehaviour = Misbehaviour::Forget;
    block.submit(Request::Read { sector: 0, sectors: 8, buffer: fixture.pages(1) }).unwrap();
    block.kick();
    let start = fixture.guest.now();
    fixture.backend_state_after(Duration::from_secs(1), 5);
    let limit = start + Duration::from_secs(60);
    while block.poll(fixture.guest.now()).unwrap() != DeviceState::Closed {
        assert!(fixture.guest.now() < limit, "{:?}", block.state());
        let next = block.poll_timeout(fixture.guest.now());
        fixture.store.wait(next.map_or(limit, |next| next.min(limit)));
    }
    let waited = fixture.guest.now().saturating_duration_since(start);
    assert!(waited >= Duration::from_secs(11) && waited < Duration::from_secs(12), "{waited:?}");
    assert_eq!(fixture.complete(&mut block, 1)[0].outcome, Err(IoError::Closed));
    drop(block);
    fixture.finish();
}

#[test]
fn drop_while_closing_ends_in_closed() {
    let fixture = Fixture::new();
    let mut block = fixture.block();
    fixture.back.state().misbehaviour = Misbehaviour::Forget;
    block.submit(Request::Read { sector: 0, sectors: 8, buffer: fixture.pages(1) }).unwrap();
    block.kick();
    block.close_now();
    drop(block);
    fixture.world.run_for(Duration::from_millis(10));
    assert_eq!(fixture.world.device_states(&fixture.device.get()), (6, 6));
    fixture.finish();
}

#[test]
fn connect_ends_as_backend_flips() {
    let fixture = Fixture::new();
    fixture.back.state().misbehaviour = Misbehaviour::NeverReady;
    let path = format!("{}/state", fixture.device.get().backend_path());
    let (store, start) = (fixture.world.store(), fixture.guest.now());
    let mut states = [1, 2, 5, 6, 0, 3].into_iter().cycle();
    fixture.world.dom0().spawn(move |dom0: &Domain| {
        store.write(&path, states.next().unwrap()).unwrap();
        Step::Sleep(dom0.now() + Duration::from_millis(3))
    });
    fixture.connect_error();
    let waited = fixture.guest.now().saturating_duration_since(start);
    assert!(waited < Duration::from_secs(11), "{waited:?}");
}

#[test]
fn dropped_device_connects_again() {
    let fixture = Fixture::new();
    let mut block = fixture.block();
    fixture.back.state().misbehaviour = Misbehaviour::Silent;
    block.submit(Request::Read { sector: 0, sectors: 8, buffer: fixture.pages(1) }).unwrap();
    block.kick();
    drop(block);
    fixture.back.state().misbehaviour = Misbehaviour::None;
    let mut disk = fixture.disk();
    disk.read(0, &mut [0; 512]).unwrap();
    disk.close(fixture.deadline()).unwrap();
    fixture.finish();
}

#[test]
fn close_deadline_leaves_closed_frontend() {
    let fixture = Fixture::new();
    let mut disk = fixture.disk();
    fixture.back.state().misbehaviour = Misbehaviour::Forget;
    assert!(matches!(disk.write(0, &[1; 4096]), Err(TransferError::Timeout { .. })));
    let start = fixture.guest.now();
    let error = disk.close(start + Duration::from_secs(1)).unwrap_err();
    assert!(matches!(error, BlkFrontError::Xenbus(XenbusError::Timeout { .. })), "{error}");
    let waited = fixture.guest.now().saturating_duration_since(start);
    assert!(waited < Duration::from_millis(1100), "{waited:?}");
    // The backend releases the ring as if it had been in time.
    fixture.world.run_for(Duration::from_millis(10));
    assert_eq!(fixture.world.device_states(&fixture.device.get()), (6, 6));
    fixture.finish();
}

#[test]
fn connect_ends_when_backend_closes() {
    let fixture = Fixture::new();
    fixture.back.state().misbehaviour = Misbehaviour::NeverReady;
    fixture.backend_state_after(Duration::from_millis(500), 2);
    fixture.backend_state_after(Duration::from_millis(600), 5);
    match fixture.connect_error() {
        BlkFrontError::Xenbus(XenbusError::Refused { found, own, .. }) => {
            assert_eq!((found, own), (XenbusState::CLOSING, XenbusState::INITIALISED));
        }
        error => panic!("{error}"),
    }
}

#[test]
fn connect_ends_when_device_is_removed() {
    let fixture = Fixture::new();
    fixture.back.state().misbehaviour = Misbehaviour::NeverReady;
    let (start, device) = (fixture.guest.now(), fixture.device.get());
    fixture.after(Duration::from_millis(500), move |store| {
        store.remove(device.frontend_path()).unwrap();
        store.remove(device.backend_path()).unwrap();
    });
    let error = fixture.connect_error();
    assert!(matches!(error, BlkFrontError::Xenbus(XenbusError::Unplugged { .. })), "{error}");
    let waited = fixture.guest.now().saturating_duration_since(start);
    assert!(waited < Duration::from_millis(510), "{waited:?}");
}

#[test]
fn connect_deadline_bounds_all_steps() {
    let fixture = Fixture::new();
    fixture.back.state().misbehaviour = Misbehaviour::NeverReady;
    fixture.backend_state_after(Duration::from_secs(3), 2);
    match fixture.connect_error() {
        BlkFrontError::Xenbus(XenbusError::Timeout { awaited, found, own, waited, .. }) => {
            assert_eq!((awaited, found), (XenbusState::CONNECTED, XenbusState::INIT_WAIT));
            assert_eq!(own, XenbusState::INITIALISED);
            // The ring was published after three of the ten seconds.
            assert!((9900..=10_000).contains(&waited.as_millis()), "{waited:?}");
        }
        error => panic!("{error}"),
    }
}

#[test]
fn unoffered_ring_closes_at_once() {
    for now in [false, true] {
        let fixture = Fixture::new();
        fixture.back.state().misbehaviour = Misbehaviour::NeverReady;
        let mut block = BlkFront::<Domain>::open(&fixture.store, &fixture.grants, 51712).unwrap();
        assert_eq!(block.poll(fixture.guest.now()), Ok(DeviceState::Connecting));
        if now {
            block.close_now();
            assert_eq!(block.state(), DeviceState::Closing);
        } else {
            block.close();
        }
        let start = fixture.guest.now();
        fixture.poll_until(&mut block, DeviceState::Closed);
        assert!(fixture.guest.now().saturating_duration_since(start) < Duration::from_millis(100));
        drop(block);
        fixture.finish();
    }
}

#[test]
fn removed_device_closes_without_error() {
    let fixture = Fixture::new();
    fixture.back.state().misbehaviour = Misbehaviour::NeverReady;
    let mut block = BlkFront::<Domain>::open(&fixture.store, &fixture.grants, 51712).unwrap();
    fixture.world.remove_device(&fixture.device.get());
    block.close_now();
    fixture.poll_until(&mut block, DeviceState::Unplugged);
    drop(block);
    fixture.finish();
}

#[test]
fn lost_port_breaks_device() {
    let fixture = Fixture::new();
    let mut block = fixture.block();
    event_channel::close(&fixture.guest, block.port().unwrap()).unwrap();
    let token = block.submit(fixture.read(0)).unwrap();
    block.kick();
    assert!(matches!(block.broken(), Some(ProtocolError::Notify(_))), "{block:?}");
    let done = block.complete().unwrap();
    let outcome = Err(IoError::Broken(block.broken().unwrap()));
    assert_eq!((done.token, done.outcome), (token, outcome));
    fixture.close(block);
    drop((done, fixture));
}
