//! The client through suspends, and out of broken connections.

mod double;

use double::{PORT, Server, World, with_page, with_store};
use std::cell::RefCell;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use xen_hypercall::{DomId, Port, SharedMem};
use xen_store::wire::{MessageType, ServerError};
use xen_store::{ConnectionError, ErrorKind, RingTransport, StoreError, XsOps};

/// Resumes with a server that has the nodes, but no watches and no transactions.
fn resume(world: &World<'_>, store: &double::Store<'_>) {
    for offset in [2048, 2052, 2056, 2060] {
        world.mem.u32_at(offset).unwrap().store(0, Relaxed);
    }
    let nodes = std::mem::take(&mut world.server.borrow_mut().nodes);
    *world.server.borrow_mut() = Server::new(world.mem);
    world.server.borrow_mut().nodes = nodes;
    resume_with_port(store, PORT);
}

fn resume_with_port(store: &double::Store<'_>, port: Port) {
    let guest = *store.platform();
    store.resume_with(RingTransport::new(guest, guest.mem(), port), port);
}

fn watches(world: &World<'_>) -> Vec<String> {
    let mut paths: Vec<String> =
        world.server.borrow().watches.iter().map(|(path, _)| path.clone()).collect();
    paths.sort();
    paths
}

#[test]
fn quiesced_store_begins_nothing() {
    with_store(|world, store| {
        let pending = store.begin_read("domid").unwrap();
        store.quiesce().unwrap();
        let mut value = [0; 8];
        assert_eq!(
            pending.try_finish(&mut value),
            Some(Ok(1)),
            "what was begun before is finished"
        );
        drop(pending);
        let sent = world.server.borrow().log.len();
        assert_eq!(store.begin_read("domid").unwrap_err().kind, ErrorKind::Quiesced);
        store.set_timeout(Duration::from_secs(1));
        assert_eq!(store.domid().unwrap_err().kind, ErrorKind::Quiesced);
        world.run_server();
        assert_eq!(world.server.borrow().log.len(), sent);
        store.unquiesce();
        assert_eq!(store.domid(), Ok(DomId(5)));
    });
}

#[test]
fn unanswered_quiesce_fails() {
    with_store(|world, store| {
        store.domid().unwrap();
        world.server.borrow_mut().mute = true;
        let pending = store.begin_read("domid").unwrap();
        store.set_timeout(Duration::from_secs(1));
        assert!(matches!(store.quiesce(), Err(ErrorKind::Timeout { .. })));
        drop(pending);
        world.server.borrow_mut().mute = false;
        assert_eq!(store.domid(), Ok(DomId(5)));
    });
}

#[test]
fn cancelled_suspend_keeps_state() {
    with_store(|world, store| {
        let watch = store.watch("a").unwrap();
        let transaction = store.begin_transaction().unwrap();
        transaction.write("a", "1").unwrap();
        store.quiesce().unwrap();
        store.unquiesce();
        transaction.write("b", "2").unwrap();
        transaction.commit().unwrap();
        assert_eq!((world.get("a").as_deref(), world.get("b").as_deref()), (Some("1"), Some("2")));
        assert_eq!(watches(world), ["a"]);
        assert_eq!(watch.try_next().unwrap().unwrap().path(), "a");
    });
}

#[test]
fn resume_sets_watches_again() {
    with_store(|world, store| {
        let kept: Vec<_> =
            (0..20).map(|number| store.watch(format_args!("node{number}")).unwrap()).collect();
        let dropped = store.watch("dropped").unwrap();
        for watch in kept.iter().chain([&dropped]) {
            while watch.try_next().unwrap().is_some() {}
        }
        store.quiesce().unwrap();
        drop(dropped);
        world.set("node3", "changed meanwhile");
        resume(world, store);
        store.domid().unwrap();
        // Each reply makes room to set the next one.
        while watches(world).len() < 20 {
            assert!(world.run_one_turn());
            store.poll().unwrap();
        }
        world.run_server();
        let mut expected: Vec<String> = (0..20).map(|number| format!("node{number}")).collect();
        expected.sort();
        assert_eq!(watches(world), expected);
        for watch in &kept {
            assert!(watch.try_next().unwrap().is_some());
            assert_eq!(watch.try_next(), Ok(None));
        }
        world.set("node7", "x");
        world.run_server();
        assert_eq!(kept[7].try_next().unwrap().unwrap().path(), "node7");
        drop(kept);
        store.domid().unwrap();
        assert_eq!(watches(world), [""; 0]);
    });
}

#[test]
fn freed_slots_are_used_at_once() {
    with_store(|world, store| {
        let _watches: Vec<_> =
            (0..8).map(|number| store.watch(format_args!("w{number}")).unwrap()).collect();
        resume(world, store);
        // Four are sent at first, and four more as soon as the replies to those are received.
        for sent in [4, 8] {
            store.poll().unwrap();
            world.run_server();
            assert_eq!(watches(world).len(), sent);
        }
    });
}

#[test]
fn reset_has_its_own_id() {
    with_store(|world, store| {
        let _watch = store.watch("a").unwrap();
        let _read = store.begin_read("domid").unwrap();
        resume_with_port(store, PORT);
        store.domid().unwrap();
        let server = world.server.borrow();
        let mut resets =
            server.log.iter().filter(|request| request.kind == MessageType::RESET_WATCHES);
        let reset = resets.next_back().unwrap();
        assert_eq!(server.log.iter().filter(|request| request.id == reset.id).count(), 1);
    });
}

#[test]
fn unsent_reset_follows_resume() {
    with_page(77, |world| {
        world.server.borrow_mut().watches.push(("old".into(), "1".into()));
        let store = world.store();
        resume_with_port(&store, PORT);
        store.domid().unwrap();
        assert_eq!(world.server.borrow().kinds(), [MessageType::RESET_WATCHES, MessageType::READ]);
        assert!(world.server.borrow().watches.is_empty());
    });
}

#[test]
fn depth_survives_resume() {
    with_store(|world, store| {
        let _flat = store.watch_to_depth("flat", 1).unwrap();
        let _deep = store.watch("deep").unwrap();
        resume(world, store);
        store.domid().unwrap();
        let server = world.server.borrow();
        let set = server.log.iter().filter(|request| request.kind == MessageType::WATCH);
        let depths: Vec<_> = set.map(|request| request.texts()).collect();
        let depths: Vec<_> = depths.iter().map(|texts| (texts[0].as_str(), &texts[2..])).collect();
        assert_eq!(
            depths,
            [("flat", &["1".to_string(), String::new()][..]), ("deep", &[String::new()][..])]
        );
    });
}

#[test]
fn open_transaction_runs_again() {
    with_store(|world, store| {
        let stale = RefCell::new(None);
        let mut runs = 0;
        let result = store.transaction(|tx| {
            runs += 1;
            tx.write("a", format!("{runs}"))?;
            if runs == 1 {
                *stale.borrow_mut() = Some(store.begin_transaction()?);
                resume(world, store);
            }
            tx.write("b", "1")
        });
        assert_eq!((result, runs), (Ok(()), 2));
        assert_eq!(world.get("a").as_deref(), Some("2"));
        let stale = stale.into_inner().unwrap();
        assert!(stale.is_over());
        assert_eq!(stale.write("c", "").unwrap_err().kind, ErrorKind::Interrupted { sent: false });
        assert_eq!(stale.commit().unwrap_err().kind, ErrorKind::Interrupted { sent: false });
        assert_eq!((world.get("c"), world.server.borrow().open_transactions()), (None, 0));
    });
}

#[test]
fn resume_repeats_or_ends_requests() {
    with_store(|world, store| {
        store.domid().unwrap();
        world.server.borrow_mut().mute = true;
        let read = store.begin_read("domid").unwrap();
        let write = store.begin_write("a", 1).unwrap();
        world.run_server();
        let mut value = [0; 8];
        assert_eq!((read.try_finish(&mut value), write.try_finish(&mut value)), (None, None));
        resume(world, store);
        store.domid().unwrap();
        assert_eq!(read.try_finish(&mut value), Some(Ok(1)));
        assert_eq!(
            write.try_finish(&mut value).unwrap().unwrap_err().kind,
            ErrorKind::Interrupted { sent: true }
        );
        assert_eq!(world.get("a"), None, "what may have been done is not done twice");
        drop((read, write));
        let kinds = world.server.borrow().kinds();
        assert_eq!(kinds, [MessageType::READ, MessageType::READ]);
    });
}

#[test]
fn partial_old_message_is_dropped() {
    with_store(|world, store| {
        store.write("long", [b'x'; 30]).unwrap();
        world.server.borrow_mut().chunk = 3;
        let read = store.begin_read("long").unwrap();
        for _ in 0..14 {
            world.run_one_turn();
            store.poll().unwrap();
        }
        let mut value = [0; 64];
        assert_eq!(read.try_finish(&mut value), None, "the reply has come in part");
        resume(world, store);
        let result = (0..100).find_map(|_| {
            store.domid().unwrap();
            read.try_finish(&mut value)
        });
        // Its request went with the reply that began to come.
        assert_eq!(result.unwrap().unwrap_err().kind, ErrorKind::Interrupted { sent: true });
    });
}

#[test]
fn refused_watch_reports_once() {
    with_store(|world, store| {
        let watch = store.watch("a").unwrap();
        while watch.try_next().unwrap().is_some() {}
        resume(world, store);
        world.server.borrow_mut().answer = Some(Box::new(|request| {
            (request.kind == MessageType::WATCH)
                .then(|| double::message(MessageType::ERROR, request.id, b"E2BIG\0"))
        }));
        store.domid().unwrap();
        store.domid().unwrap();
        let refused: Result<_, StoreError> = watch.try_next();
        assert_eq!(refused.unwrap_err().kind, ErrorKind::Server(ServerError::TooBig));
        assert_eq!(watch.try_next(), Ok(None));
    });
}

#[test]
fn refusal_ends_with_next_resume() {
    with_store(|world, store| {
        let watch = store.watch("a").unwrap();
        while watch.try_next().unwrap().is_some() {}
        resume(world, store);
        world.server.borrow_mut().refuse(MessageType::WATCH, "a", "E2BIG");
        store.domid().unwrap();
        store.domid().unwrap();
        // The next server sets the watch, before the refusal was taken.
        resume(world, store);
        store.domid().unwrap();
        store.domid().unwrap();
        assert_eq!(watches(world), ["a"]);
        assert_eq!(watch.try_next().unwrap().unwrap().path(), "a");
        assert_eq!(watch.try_next(), Ok(None));
    });
}

/// FreeBSD-EN-17:05, xg_resume.c.
#[test]
fn same_server_resume_leaves_no_watch() {
    with_store(|world, store| {
        let kept: Vec<_> =
            (0..10).map(|number| store.watch(format_args!("node{number}")).unwrap()).collect();
        let mut expected = watches(world);
        let mut reopened = store.watch("device").unwrap();
        expected.insert(0, "device".into());
        for round in 0..20 {
            let dropped = store.watch("dropped").unwrap();
            let open = store.begin_transaction().unwrap();
            store.quiesce().unwrap();
            // One ends while the store is held, one transaction is open, and the domain stays where
            // it is.
            drop(dropped);
            resume_with_port(store, PORT);
            // A driver opens its device again: a new watch, before those of before are set again.
            reopened = store.watch("device").unwrap();
            drop(open);
            for _ in 0..20 {
                store.domid().unwrap();
            }
            assert_eq!(watches(world), expected, "round {round}");
            assert_eq!(world.server.borrow().open_transactions(), 0);
        }
        world.set("node7", "x");
        world.run_server();
        while kept[7].try_next().unwrap().is_some() {}
        drop((kept, reopened));
        for _ in 0..10 {
            store.domid().unwrap();
        }
        assert_eq!(watches(world), [""; 0]);
    });
}

/// Linux 4acce744284c.
#[test]
fn transaction_dropped_while_quiesced_ends() {
    with_store(|world, store| {
        store.domid().unwrap();
        let open: Vec<_> = (0..20).map(|_| store.begin_transaction().unwrap()).collect();
        open[0].write("a", "1").unwrap();
        store.quiesce().unwrap();
        let before = world.now.get();
        drop(open);
        assert_eq!(world.now.get(), before, "a drop does not wait for the resume");
        assert_eq!(world.server.borrow().open_transactions(), 20);
        store.unquiesce();
        for _ in 0..10 {
            store.domid().unwrap();
        }
        assert_eq!((world.server.borrow().open_transactions(), world.get("a")), (0, None));
    });
}

#[test]
fn ends_of_old_transactions_are_forgotten() {
    with_store(|world, store| {
        let old = store.begin_transaction().unwrap();
        store.quiesce().unwrap();
        drop(old);
        resume(world, store);
        // The new server counts its transactions from one again.
        let new = store.begin_transaction().unwrap();
        new.write("a", "1").unwrap();
        store.domid().unwrap();
        assert_eq!((new.commit(), world.get("a").as_deref()), (Ok(()), Some("1")));
    });
}

#[test]
fn unsent_commit_is_undone() {
    with_store(|world, store| {
        let transaction = store.begin_transaction().unwrap();
        transaction.write("a", "1").unwrap();
        store.set_timeout(Duration::from_millis(300));
        store.quiesce().unwrap();
        assert_eq!(transaction.commit().unwrap_err().kind, ErrorKind::Quiesced);
        store.unquiesce();
        // All slots are taken: the end waits, and is not lost.
        let transaction = store.begin_transaction().unwrap();
        world.server.borrow_mut().mute = true;
        let pending = [(); 3].map(|()| store.begin_read("domid").unwrap());
        assert!(matches!(transaction.commit().unwrap_err().kind, ErrorKind::Timeout { .. }));
        world.server.borrow_mut().mute = false;
        drop(pending);
        for _ in 0..10 {
            let _ = store.domid();
        }
        assert_eq!((world.server.borrow().open_transactions(), world.get("a")), (0, None));
    });
}

#[test]
fn port_follows_the_ring() {
    with_store(|_, store| {
        assert_eq!(store.port(), PORT);
        resume_with_port(store, Port(9));
        assert_eq!(store.port(), Port(9));
    });
}

/// The page's fields behind the indices.
const FEATURES: usize = 2064;
const CONNECTION: usize = 2068;
const ERROR: usize = 2072;

fn word(mem: &SharedMem, offset: usize) -> u32 {
    mem.u32_at(offset).unwrap().load(Relaxed)
}

fn set(mem: &SharedMem, offset: usize, value: u32) {
    mem.u32_at(offset).unwrap().store(value, Relaxed);
}

/// Grants a request to reconnect, as the server does.
fn grant(mem: &SharedMem, server: &mut Server) {
    if word(mem, CONNECTION) == 1 {
        [2048, 2052, 2056, 2060, ERROR].iter().for_each(|&offset| set(mem, offset, 0));
        server.watches.clear();
        server.reattach(mem);
        set(mem, CONNECTION, 0);
    }
}

/// D-X13.
#[test]
fn lost_connection_reconnects() {
    with_store(|world, store| {
        set(world.mem, FEATURES, 3);
        let watch = store.watch("a").unwrap();
        while watch.try_next().unwrap().is_some() {}
        set(world.mem, ERROR, 2);
        let lost = ErrorKind::Connection(ConnectionError::Lost { code: 2 });
        assert_eq!(store.domid().unwrap_err().kind, lost);
        let (notified, activity) = (world.notified.get(), store.activity());
        store.reconnect().unwrap();
        assert_eq!((word(world.mem, CONNECTION), world.notified.get()), (1, notified + 1));
        assert_eq!(store.activity(), activity + 1);
        let sent = word(world.mem, 2052);
        store.poll().unwrap();
        assert_eq!(word(world.mem, 2052), sent, "nothing is sent before the server agrees");
        world.hook(grant);
        assert_eq!(store.domid(), Ok(DomId(5)));
        assert!(watch.try_next().unwrap().is_some());
        assert_eq!(watches(world), ["a"]);
    });
}

#[test]
fn corrupt_ring_reconnects() {
    with_store(|world, store| {
        set(world.mem, FEATURES, 1);
        store.domid().unwrap();
        set(world.mem, 2060, word(world.mem, 2056).wrapping_add(1025));
        assert!(matches!(
            store.domid().unwrap_err().kind,
            ErrorKind::Connection(ConnectionError::Corrupt(_))
        ));
        store.reconnect().unwrap();
        world.hook(grant);
        assert_eq!(store.domid(), Ok(DomId(5)));
    });
}

#[test]
fn reconnect_needs_the_feature() {
    with_page(0, |world| {
        let store = world.store();
        store.domid().unwrap();
        let refused = Err(ErrorKind::Connection(ConnectionError::CannotReconnect));
        assert_eq!((store.reconnect(), word(world.mem, CONNECTION)), (refused, 0));
        assert_eq!(store.domid(), Ok(DomId(5)), "the connection is as good as before");
    });
}
