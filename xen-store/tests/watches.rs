//! The watches of a client.

mod double;

use double::{message, with_page, with_store};
use std::time::Duration;
use xen_store::wire::{MessageType, ServerError};
use xen_store::{ErrorKind, Limits, RingTransport, XsOps};

#[test]
fn watch_fires_for_changes_below() {
    with_store(|world, store| {
        let watch = store.watch("device").unwrap();
        let soon = || xen_hypercall::Instant::from_nanos(world.now.get() + 1_000_000_000);
        assert_eq!(watch.wait_next(soon()).unwrap().unwrap().path(), "device");
        assert_eq!(watch.wait_next(soon()), Ok(None));
        world.set("device/vbd/1/state", "1");
        assert_eq!(watch.wait_next(soon()).unwrap().unwrap().path(), "device/vbd/1/state");
        drop(watch);
        store.domid().unwrap();
        assert!(world.server.borrow().watches.is_empty());
    });
}

#[test]
fn activity_grows_with_an_event() {
    with_store(|world, store| {
        let watch = store.watch("a").unwrap();
        while watch.try_next().unwrap().is_some() {}
        let idle = store.activity();
        store.poll().unwrap();
        assert_eq!(store.activity(), idle);
        world.set("a", "1");
        world.run_server();
        store.poll().unwrap();
        assert_eq!(store.activity(), idle + 1);
        assert!(watch.clear().unwrap());
    });
}

#[test]
fn late_event_misses_next_watch() {
    with_store(|world, store| {
        let old = store.watch("a").unwrap();
        let token = world.server.borrow().watches[0].1.clone();
        drop(old);
        let new = store.watch("a").unwrap();
        while new.try_next().unwrap().is_some() {}
        world.server.borrow_mut().event("a", &token);
        store.domid().unwrap();
        assert_eq!(new.try_next(), Ok(None));
    });
}

#[test]
fn watches_end_with_one_free_slot() {
    with_page(0, |world| {
        let store = world.store_with(Limits { watches: 32, ..Limits::default() });
        let watches: Vec<_> =
            (0..32).map(|i| store.watch(format_args!("w/{i}")).unwrap()).collect();
        assert_eq!(store.watch("one-more").unwrap_err().kind, ErrorKind::TooManyWatches);
        let pending: Vec<_> = (0..3).map(|_| store.begin_read("domid").unwrap()).collect();
        drop(watches);
        drop(pending);
        for _ in 0..12 {
            store.domid().unwrap();
        }
        assert!(world.server.borrow().watches.is_empty());
        drop(store.watch("one-more").unwrap());
    });
}

#[test]
fn refused_watch_frees_its_place() {
    with_store(|world, store| {
        world.server.borrow_mut().answer = Some(Box::new(|request| {
            let refused = request.kind == MessageType::WATCH;
            let header = xen_store::wire::XsdSockmsg {
                type_: MessageType::ERROR,
                ..double::header(request, 7)
            };
            refused.then(|| [&xen_store::wire::encode(&header)[..], b"ENOSPC\0"].concat())
        }));
        for _ in 0..100 {
            let error = store.watch("a").unwrap_err();
            assert_eq!(error.kind, ErrorKind::Server(ServerError::NoSpace));
        }
    });
}

#[test]
fn watches_take_memory_when_set() {
    with_store(|world, store| {
        let pages = world.pages();
        let watches: Vec<_> =
            (0..500).map(|i| store.watch(format_args!("w/{i}")).unwrap()).collect();
        assert_eq!(world.server.borrow().watches.len(), 500);
        assert!((60..130).contains(&(world.pages() - pages)), "{} pages", world.pages() - pages);
        world.set("w/321/x", "");
        world.run_server();
        for (i, watch) in watches.iter().enumerate() {
            assert_eq!(watch.try_next().unwrap().unwrap().path(), format!("w/{i}"));
            let second = watch.try_next().unwrap();
            assert_eq!(second.is_some_and(|event| event.path() == "w/321/x"), i == 321);
        }
        drop(watches);
        let before = world.pages();
        drop((0..500).map(|i| store.watch(format_args!("v/{i}")).unwrap()).collect::<Vec<_>>());
        assert!(world.pages() <= before + 1, "places are used again");
    });
}

#[test]
fn shared_watches_need_two_at_server() {
    with_store(|world, store| {
        let path = |i: u32| format!("/local/domain/0/backend/vbd/5/{i}/state");
        let above = "/local/domain/0/backend/vbd/5";
        let watches: Vec<_> =
            (0..300).map(|i| store.queue_watch(Some(above), path(i)).unwrap()).collect();
        store.domid().unwrap();
        let set: Vec<String> =
            world.server.borrow().watches.iter().map(|(path, _)| path.clone()).collect();
        assert_eq!(set, [above.to_string(), format!("{above}/0")]);
        for watch in &watches {
            assert!(watch.try_clear().unwrap(), "a new watch has an event");
        }
        world.set(&path(77), "4");
        world.set(&format!("{above}/78/online"), "1");
        world.run_server();
        for (i, watch) in watches.iter().enumerate() {
            let event = watch.try_next().unwrap();
            assert_eq!(event.map(|event| event.path().to_string()), (i == 77).then(|| path(77)));
        }
        // All are set again by setting two.
        store.quiesce().unwrap();
        world.server.borrow_mut().watches.clear();
        let guest = *store.platform();
        store.resume_with(RingTransport::new(guest, guest.mem(), double::PORT), double::PORT);
        store.domid().unwrap();
        store.domid().unwrap();
        assert_eq!(world.server.borrow().watches.len(), 2);
        assert!(watches.iter().all(|watch| watch.try_clear().unwrap()));
        drop(watches);
        store.domid().unwrap();
        store.domid().unwrap();
        assert!(world.server.borrow().watches.is_empty());
        let error = store.queue_watch(Some("/a"), "/ab/c").unwrap_err();
        assert!(matches!(error.kind, ErrorKind::Path(_)));
    });
}

#[test]
fn refused_shared_watch_leaves_nothing() {
    with_store(|world, store| {
        let refuse = |name: &'static [u8]| -> double::Override {
            Box::new(move |request| {
                (request.kind == MessageType::WATCH)
                    .then(|| message(MessageType::ERROR, request.id, name))
            })
        };
        for _ in 0..100 {
            world.server.borrow_mut().answer = Some(refuse(b"ENOSPC\0"));
            let watch = store.queue_watch(Some("/a"), "/a/b/c").unwrap();
            store.domid().unwrap();
            let error = watch.try_clear().unwrap_err();
            assert_eq!(error.kind, ErrorKind::Server(ServerError::NoSpace));
        }
        world.server.borrow_mut().answer = None;
        let watch = store.queue_watch(Some("/a"), "/a/b/c").unwrap();
        store.domid().unwrap();
        assert!(watch.try_clear().unwrap());
        // A server that refuses to set it again is reported by all that share it.
        let other = store.queue_watch(Some("/a"), "/a/b/d").unwrap();
        assert!(other.try_clear().unwrap());
        world.server.borrow_mut().answer = Some(refuse(b"EQUOTA\0"));
        let guest = *store.platform();
        store.resume_with(RingTransport::new(guest, guest.mem(), double::PORT), double::PORT);
        store.domid().unwrap();
        store.domid().unwrap();
        for watch in [&watch, &other] {
            let kind = watch.try_clear().unwrap_err().kind;
            assert_eq!(kind, ErrorKind::Server(ServerError::Quota));
            assert_eq!(watch.try_next(), Ok(None));
        }
        world.server.borrow_mut().answer = None;
        // The next one that is set tries anew.
        let third = store.queue_watch(Some("/a"), "/a/b/e").unwrap();
        store.domid().unwrap();
        assert!(third.try_clear().unwrap());
        world.set("/a/b/e", "");
        world.run_server();
        assert_eq!(third.try_next().unwrap().unwrap().path(), "/a/b/e");
    });
}

#[test]
fn late_watch_is_unwatched() {
    for shared in [false, true] {
        with_store(|world, store| {
            store.set_timeout(Duration::from_millis(300));
            world.server.borrow_mut().mute = true;
            if shared {
                let watch = store.queue_watch(Some("/a"), "/a/b/c").unwrap();
                store.poll().unwrap();
                world.run_server();
                drop(watch);
            } else {
                let error = store.watch("/a").unwrap_err();
                assert!(matches!(error.kind, ErrorKind::Timeout { .. }));
            }
            // The server sets the watch, without a reply.
            let mut server = world.server.borrow_mut();
            server.mute = false;
            let sent = server.log.iter().filter(|request| request.kind == MessageType::WATCH);
            let set: Vec<_> = sent.map(|request| request.texts()).collect();
            server.watches.extend(set.iter().map(|texts| (texts[0].clone(), texts[1].clone())));
            assert_eq!(server.watches.iter().filter(|(path, _)| path == "/a").count(), 1);
            drop(server);
            for _ in 0..3 {
                store.domid().unwrap();
            }
            assert_eq!(world.server.borrow().watches, []);
        });
    }
}

#[test]
fn refused_watch_is_not_unwatched() {
    for shared in [false, true] {
        with_store(|world, store| {
            world.server.borrow_mut().refuse(MessageType::WATCH, "/a", "EQUOTA");
            let error = if shared {
                let watch = store.queue_watch(Some("/a"), "/a/b/c").unwrap();
                store.domid().unwrap();
                watch.try_clear().unwrap_err()
            } else {
                store.watch("/a").unwrap_err()
            };
            assert_eq!(error.kind, ErrorKind::Server(ServerError::Quota));
            for _ in 0..3 {
                store.domid().unwrap();
            }
            let server = world.server.borrow();
            let ended = server.log.iter().filter(|request| request.kind == MessageType::UNWATCH);
            // The sentinel of the shared one was set.
            let ended: Vec<String> = ended.map(|request| request.texts()[0].clone()).collect();
            assert_eq!(ended, if shared { vec!["/a/b"] } else { vec![] });
            assert_eq!(server.watches, []);
        });
    }
}
