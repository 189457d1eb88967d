//! Devices that are added and removed.

#[path = "../../xen-store/tests/double/mod.rs"]
mod double;

use double::{Guest, Server, Store, World, with_store};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use xen_hypercall::{DomId, Instant, SharedMem};
use xen_store::wire::{MessageType, Part, ServerError};
use xen_store::{ErrorKind, PathText, Pipeline, RingTransport, StoreError, XsOps};
use xenbus::{DeviceEvent, DeviceId, DeviceWatcher, backends};

const ID: DeviceId = DeviceId { guest: DomId(7), device: 51712 };
const STATE: &str = "backend/vbd/7/51712/state";

type Watcher<'w> = DeviceWatcher<Guest<'w>, DeviceId, 2, RingTransport<Guest<'w>, &'w SharedMem>>;

/// Polls until there is an event or an error, each time after the server's answers.
fn next(
    world: &World<'_>,
    watcher: &mut Watcher<'_>,
) -> Result<Option<DeviceEvent<DeviceId>>, StoreError> {
    for _ in 0..10 {
        match watcher.poll() {
            Ok(None) => world.run_server(),
            event => return event,
        }
    }
    Ok(None)
}

#[test]
fn devices_that_come_and_go_once() {
    with_store(|world, store| {
        world.set("device/vif/0/state", "1");
        let mut watcher = DeviceWatcher::<_, u32, 4, _>::new(store, "vif").unwrap();
        let mut next = || {
            for _ in 0..10 {
                match watcher.poll() {
                    Ok(None) => world.run_server(),
                    event => return event,
                }
            }
            Ok(None)
        };
        assert_eq!((next(), next()), (Ok(Some(DeviceEvent::Added(0))), Ok(None)));
        for id in [3, 1] {
            world.set(&format!("device/vif/{id}/state"), "1");
        }
        world.set("device/vif/nonsense", "");
        assert_eq!(next(), Ok(Some(DeviceEvent::Added(1))));
        assert_eq!((next(), next()), (Ok(Some(DeviceEvent::Added(3))), Ok(None)));
        world.server.borrow_mut().remove("device/vif/1");
        world.set("device/vif/0/state", "4");
        assert_eq!((next(), next()), (Ok(Some(DeviceEvent::Removed(1))), Ok(None)));
        world.server.borrow_mut().remove("device");
        assert_eq!(next(), Ok(Some(DeviceEvent::Removed(0))));
        assert_eq!((next(), next()), (Ok(Some(DeviceEvent::Removed(3))), Ok(None)));
        for id in 0..5 {
            world.set(&format!("device/vif/{id}/state"), "1");
        }
        assert!(matches!(next().unwrap_err().kind, ErrorKind::TooLong { limit: 4 }));
        world.server.borrow_mut().remove("device/vif/4");
        world.run_server();
        assert_eq!(next(), Ok(Some(DeviceEvent::Added(0))));
        // The list is read once for each change.
        let lists = |world: &World<'_>| {
            let kinds = world.server.borrow().kinds();
            kinds.into_iter().filter(|&kind| kind == MessageType::DIRECTORY).count()
        };
        let before = lists(world);
        assert_eq!(next(), Ok(Some(DeviceEvent::Added(1))));
        assert_eq!(lists(world), before);
    });
}

#[test]
fn served_devices_come_and_go() {
    with_store(|world, store| {
        assert!(backends::<4>(store, "vbd").unwrap().is_empty());
        let mut watcher = DeviceWatcher::<_, DeviceId, 4, _>::new(store, "vbd").unwrap();
        let mut next = || {
            for _ in 0..10 {
                if let Some(event) = watcher.poll().unwrap() {
                    return Some(event);
                }
                world.run_server();
            }
            None
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
            (
                Some(DeviceEvent::Added(third)),
                Some(DeviceEvent::Added(ID)),
                Some(DeviceEvent::Added(other))
            )
        );
        assert_eq!(next(), None);
        assert_eq!(backends::<4>(store, "vbd").unwrap(), [third, ID, other]);
        assert!(matches!(
            backends::<2>(store, "vbd").unwrap_err().kind,
            ErrorKind::TooLong { limit: 2 }
        ));
        store.remove("backend/vbd/7/51712").unwrap();
        assert_eq!((next(), next()), (Some(DeviceEvent::Removed(ID)), None));
    });
}

#[test]
fn forgotten_device_is_reported_again() {
    with_store(|world, store| {
        let mut watcher = DeviceWatcher::<_, DeviceId, 2, _>::new(store, "vbd").unwrap();
        world.set("backend/vbd/7/51712/state", "1");
        for end in 0..3 {
            let event = (0..10).find_map(|_| {
                world.run_server();
                watcher.poll().unwrap()
            });
            assert_eq!(event, (end < 2).then_some(DeviceEvent::Added(ID)));
            match end {
                0 => watcher.forget(ID),
                _ => {
                    store.remove("backend/vbd/7/51712").unwrap();
                    watcher.forget_all();
                }
            }
        }
        for device in 0..3 {
            world.set(&format!("backend/vbd/3/{device}/state"), "1");
        }
        let error = (0..10).find_map(|_| {
            world.run_server();
            watcher.poll().err()
        });
        assert_eq!(error.unwrap().kind, ErrorKind::TooLong { limit: 2 });
    });
}

/// Each poll sends what it requests: no event would cause another one.
#[test]
fn poll_leaves_no_request_unsent() {
    with_store(|world, store| {
        world.set(STATE, "1");
        let mut watcher = Watcher::new(store, "vbd").unwrap();
        // The kind's directory, the guest's, and the reply.
        for _ in 0..2 {
            assert_eq!(watcher.poll(), Ok(None));
            world.run_server();
        }
        assert_eq!(watcher.poll(), Ok(Some(DeviceEvent::Added(ID))));
    });
}

/// The event of the second change is read together with the last reply of the list that misses it:
/// no other event follows.
#[test]
fn change_during_list_is_listed() {
    with_store(|world, store| {
        world.set(STATE, "1");
        let mut watcher = Watcher::new(store, "vbd").unwrap();
        assert_eq!(next(world, &mut watcher), Ok(Some(DeviceEvent::Added(ID))));
        assert_eq!(next(world, &mut watcher), Ok(None));
        world.set(STATE, "2");
        for _ in 0..2 {
            world.run_server();
            assert_eq!(watcher.poll(), Ok(None));
        }
        world.run_server();
        world.set("backend/vbd/7/51728/state", "1");
        world.run_server();
        assert_eq!(watcher.poll(), Ok(None));
        let lists = || {
            let kinds = world.server.borrow().kinds();
            kinds.into_iter().filter(|&kind| kind == MessageType::DIRECTORY).count()
        };
        let before = lists();
        world.run_server();
        assert_eq!(lists(), before + 1);
        let other = DeviceId { guest: DomId(7), device: 51728 };
        assert_eq!(next(world, &mut watcher), Ok(Some(DeviceEvent::Added(other))));
    });
}

/// Adds devices of two guests, which are reported in the order of their numbers.
fn plugged<'w>(world: &World<'_>, store: &Store<'w>) -> Watcher<'w> {
    world.set(STATE, "1");
    world.set("backend/vbd/10/768/state", "1");
    let mut watcher = Watcher::new(store, "vbd").unwrap();
    let other = DeviceId { guest: DomId(10), device: 768 };
    for id in [ID, other] {
        assert_eq!(next(world, &mut watcher), Ok(Some(DeviceEvent::Added(id))));
    }
    assert_eq!(next(world, &mut watcher), Ok(None));
    watcher
}

/// An error does not pass for a directory without devices.
#[test]
fn failed_list_removes_no_device() {
    for path in ["backend/vbd", "backend/vbd/10", "backend/vbd/7"] {
        with_store(|world, store| {
            let mut watcher = plugged(world, store);
            world.server.borrow_mut().refuse(MessageType::DIRECTORY, path, "EIO");
            world.set(STATE, "2");
            let error = next(world, &mut watcher).unwrap_err();
            assert_eq!((error.path, error.kind), (PathText::new(&path), ServerError::Io.into()));
            world.server.borrow_mut().answer = None;
            let before = world.server.borrow().log.len();
            // Replies to the failed list's other requests are not taken for the next one's.
            assert_eq!(next(world, &mut watcher), Ok(None));
            assert!(world.server.borrow().log.len() > before, "it is listed again");
        });
    }
}

#[test]
fn too_long_list_is_an_error() {
    let limit = ErrorKind::TooLong { limit: 2 };
    with_store(|world, store| {
        let mut watcher = plugged(world, store);
        world.set("backend/vbd/11/768/state", "1");
        assert_eq!(next(world, &mut watcher).unwrap_err().kind, limit);
    });
    with_store(|world, store| {
        let mut watcher = plugged(world, store);
        world.server.borrow_mut().refuse(MessageType::DIRECTORY, "backend/vbd", "E2BIG");
        world.set(STATE, "2");
        assert_eq!(next(world, &mut watcher).unwrap_err().kind, limit);
    });
}

/// A list that finds no free slot is tried again, after a time.
#[test]
fn starved_list_is_tried_again() {
    with_store(|world, store| {
        let mut watcher = plugged(world, store);
        let now = Instant::from_nanos(world.now.get());
        assert_eq!(watcher.poll_timeout(now), None);
        let mut pipeline = Pipeline::new(store);
        let path = [Part::Path(format_args!("domid"))];
        while pipeline.push(MessageType::READ, None, &path).is_ok() {}
        world.set(STATE, "2");
        assert_eq!(next(world, &mut watcher), Ok(None));
        assert_eq!(watcher.poll_timeout(now), Some(now + Duration::from_millis(1)));
        drop(pipeline);
        assert_eq!(next(world, &mut watcher), Ok(None));
        assert_eq!(watcher.poll_timeout(now), None);
    });
}

#[test]
fn unreadable_directory_has_no_device() {
    for path in ["backend/vbd", "backend/vbd/7"] {
        with_store(|world, store| {
            let mut watcher = plugged(world, store);
            world.server.borrow_mut().refuse(MessageType::DIRECTORY, path, "EACCES");
            world.set(STATE, "2");
            assert_eq!(next(world, &mut watcher), Ok(Some(DeviceEvent::Removed(ID))));
        });
    }
}

/// A list whose reply a resume cuts off is begun again.
#[test]
fn interrupted_list_removes_no_device() {
    for replies in 1..=3 {
        with_store(|world, store| {
            let mut watcher = plugged(world, store);
            world.set(STATE, "2");
            world.run_server();
            let lists = || {
                let kinds = world.server.borrow().kinds();
                kinds.into_iter().filter(|&kind| kind == MessageType::DIRECTORY).count()
            };
            let before = lists();
            // Each turn ends within a reply.
            world.server.borrow_mut().chunk = 17;
            while lists() < before + replies {
                assert_eq!(watcher.poll(), Ok(None));
                world.run_one_turn();
            }
            assert_eq!(watcher.poll(), Ok(None));
            resume(world, store);
            assert_eq!(next(world, &mut watcher), Ok(None));
            assert!(lists() >= 3, "{} lists", lists());
        });
    }
}

/// Resumes with a server that has the nodes, but no watches.
fn resume(world: &World<'_>, store: &Store<'_>) {
    for offset in [2048, 2052, 2056, 2060] {
        world.mem.u32_at(offset).unwrap().store(0, Relaxed);
    }
    let nodes = std::mem::take(&mut world.server.borrow_mut().nodes);
    *world.server.borrow_mut() = Server::new(world.mem);
    world.server.borrow_mut().nodes = nodes;
    let guest = *store.platform();
    store.resume_with(RingTransport::new(guest, guest.mem(), double::PORT), double::PORT);
}
