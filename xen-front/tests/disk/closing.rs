//! The end of a connection, and of the attempt to make one.

use super::Lab;
use super::blkback::Manners;
use core::time::Duration;
use xen_front::block::*;
use xen_hypercall::Platform;
use xen_hypercall::ops::event_channel;
use xen_sim::{Domain, DomainConfig, Step};
use xen_store::xenbus::{XenbusError, XenbusState};

impl Lab {
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
        let lab = Lab::new();
        let mut disk = lab.disk();
        lab.back.state().manners = Manners::Forget;
        assert!(matches!(disk.write(0, &[1; 4096]), Err(TransferError::Timeout { .. })));
        assert_eq!(disk.block().in_flight(), 1);
        let (_, devices) =
            lab.world.restart_backend(lab.device.get().backend, DomainConfig::new("disks again"));
        lab.device.set(devices[0]);
        lab.world.store().write(format!("{}/state", devices[0].backend_path()), state).unwrap();
        let error = disk.reopen(lab.deadline()).unwrap_err();
        assert!(matches!(error, BlockError::Xenbus(XenbusError::Timeout { .. })), "{error}");
        let (start, before) = (lab.guest.now(), lab.guest.counters());
        let closed = disk.close(lab.deadline());
        let waited = lab.guest.now().saturating_duration_since(start);
        let calls = lab.guest.counters().total_hypercalls() - before.total_hypercalls();
        assert!(calls < 500, "{calls} hypercalls in {waited:?}");
        assert_eq!(closed.is_ok(), ends_early, "{closed:?}");
        let late = Duration::from_secs(11);
        assert!(
            if ends_early { waited < Duration::from_secs(1) } else { waited < late },
            "{waited:?}"
        );
        assert_eq!(lab.world.device_states(&lab.device.get()).0, 6);
        lab.finish();
    }
}

#[test]
fn close_follows_backend() {
    let lab = Lab::new();
    let mut disk = lab.disk();
    lab.back.state().manners = Manners::Forget;
    assert!(matches!(disk.write(0, &[1; 4096]), Err(TransferError::Timeout { .. })));
    let start = lab.guest.now();
    // What the request waits for does not come any more.
    lab.backend_state_after(Duration::from_secs(1), 6);
    disk.close(start + Duration::from_secs(10)).unwrap();
    let waited = lab.guest.now().saturating_duration_since(start);
    assert!(waited < Duration::from_secs(2), "{waited:?}");
    lab.finish();
}

#[test]
fn drop_while_closing_ends_in_closed() {
    let lab = Lab::new();
    let mut block = lab.block();
    lab.back.state().manners = Manners::Forget;
    block.submit(Request::Read { sector: 0, sectors: 8, buffer: lab.pages(1) }).unwrap();
    block.kick();
    block.close_now().unwrap();
    drop(block);
    lab.world.run_for(Duration::from_millis(10));
    assert_eq!(lab.world.device_states(&lab.device.get()), (6, 6));
    lab.finish();
}

#[test]
fn connect_ends_as_backend_flips() {
    let lab = Lab::new();
    lab.back.state().manners = Manners::NeverReady;
    let path = format!("{}/state", lab.device.get().backend_path());
    let (store, start) = (lab.world.store(), lab.guest.now());
    let mut states = [1, 2, 5, 6, 0, 3].into_iter().cycle();
    lab.world.dom0().spawn(move |dom0: &Domain| {
        store.write(&path, states.next().unwrap()).unwrap();
        Step::Sleep(dom0.now() + Duration::from_millis(3))
    });
    lab.connect_error();
    let waited = lab.guest.now().saturating_duration_since(start);
    assert!(waited < Duration::from_secs(11), "{waited:?}");
}

#[test]
fn dropped_device_connects_again() {
    let lab = Lab::new();
    let mut block = lab.block();
    lab.back.state().manners = Manners::Silent;
    block.submit(Request::Read { sector: 0, sectors: 8, buffer: lab.pages(1) }).unwrap();
    block.kick();
    drop(block);
    lab.back.state().manners = Manners::Good;
    let mut disk = lab.disk();
    disk.read(0, &mut [0; 512]).unwrap();
    disk.close(lab.deadline()).unwrap();
    lab.finish();
}

#[test]
fn close_deadline_leaves_closed_frontend() {
    let lab = Lab::new();
    let mut disk = lab.disk();
    lab.back.state().manners = Manners::Forget;
    assert!(matches!(disk.write(0, &[1; 4096]), Err(TransferError::Timeout { .. })));
    let start = lab.guest.now();
    let error = disk.close(start + Duration::from_secs(1)).unwrap_err();
    assert!(matches!(error, BlockError::Xenbus(XenbusError::Timeout { .. })), "{error}");
    let waited = lab.guest.now().saturating_duration_since(start);
    assert!(waited < Duration::from_millis(1100), "{waited:?}");
    // The backend releases the ring as if it had been in time.
    lab.world.run_for(Duration::from_millis(10));
    assert_eq!(lab.world.device_states(&lab.device.get()), (6, 6));
    lab.finish();
}

#[test]
fn connect_ends_when_backend_closes() {
    let lab = Lab::new();
    lab.back.state().manners = Manners::NeverReady;
    lab.backend_state_after(Duration::from_millis(500), 2);
    lab.backend_state_after(Duration::from_millis(600), 5);
    match lab.connect_error() {
        BlockError::Xenbus(XenbusError::Refused { found, own, .. }) => {
            assert_eq!((found, own), (XenbusState::CLOSING, XenbusState::CLOSED));
        }
        error => panic!("{error}"),
    }
}

#[test]
fn connect_ends_when_device_is_removed() {
    let lab = Lab::new();
    lab.back.state().manners = Manners::NeverReady;
    let (start, device) = (lab.guest.now(), lab.device.get());
    lab.after(Duration::from_millis(500), move |store| {
        store.remove(device.frontend_path()).unwrap();
        store.remove(device.backend_path()).unwrap();
    });
    let error = lab.connect_error();
    assert!(matches!(error, BlockError::Xenbus(XenbusError::Unplugged { .. })), "{error}");
    let waited = lab.guest.now().saturating_duration_since(start);
    assert!(waited < Duration::from_millis(510), "{waited:?}");
}

#[test]
fn connect_deadline_bounds_all_steps() {
    let lab = Lab::new();
    lab.back.state().manners = Manners::NeverReady;
    lab.backend_state_after(Duration::from_secs(3), 2);
    match lab.connect_error() {
        BlockError::Xenbus(XenbusError::Timeout { awaited, found, own, waited, .. }) => {
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
        let lab = Lab::new();
        lab.back.state().manners = Manners::NeverReady;
        let mut block = Block::<Domain>::open(&lab.store, &lab.grants, 51712).unwrap();
        assert_eq!(block.poll(lab.guest.now()), Ok(BlockState::Connecting));
        if now {
            block.close_now().unwrap();
            assert_eq!(block.state(), BlockState::Closing);
        } else {
            block.close();
        }
        assert_eq!(block.poll(lab.guest.now()), Ok(BlockState::Closed));
        drop(block);
        lab.finish();
    }
}

#[test]
fn removed_device_closes_without_error() {
    let lab = Lab::new();
    lab.back.state().manners = Manners::NeverReady;
    let mut block = Block::<Domain>::open(&lab.store, &lab.grants, 51712).unwrap();
    lab.world.remove_device(&lab.device.get());
    assert_eq!(block.close_now(), Ok(()));
    assert_eq!(block.poll(lab.guest.now()), Ok(BlockState::Unplugged));
    drop(block);
    lab.finish();
}

#[test]
fn lost_port_breaks_device() {
    let lab = Lab::new();
    let mut block = lab.block();
    event_channel::close(&lab.guest, block.port().unwrap()).unwrap();
    let token = block.submit(lab.read(0)).unwrap();
    block.kick();
    assert!(matches!(block.broken(), Some(Broken::Notify(_))), "{block:?}");
    let done = block.complete().unwrap();
    let outcome = Err(IoError::Broken(block.broken().unwrap()));
    assert_eq!((done.token, done.outcome), (token, outcome));
    lab.close(block);
    drop((done, lab));
}
