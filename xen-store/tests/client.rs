//! The client against a server on the other side of a ring page.

mod double;

use double::{message, with_page, with_store};
use std::cell::{Cell, RefCell};
use std::fmt::{self, Display};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;
use xen_hypercall::{DomId, SharedMem};
use xen_store::connection::Connection;
use xen_store::wire::{Access, MessageType, Part, Permission};
use xen_store::{
    ConnectionError, ErrorKind, Limits, Pipeline, RingTransport, StoreError, Transaction,
    Transport, XenStore, XsOps,
};

#[test]
fn nodes_are_written_read_and_removed() {
    with_store(|world, store| {
        store.write("data/a", "one").unwrap();
        store.write_fmt(format_args!("data/{}", "b"), 42).unwrap();
        store.mkdir("data/c").unwrap();
        assert_eq!(world.get("data/a").as_deref(), Some("one"));
        assert_eq!(store.read_string::<8>("/local/domain/5/data/a").unwrap(), "one");
        assert_eq!(store.read_number::<u8>("data/b"), Ok(42));
        assert_eq!(store.read("data/c", &mut []), Ok(0));
        let names = RefCell::new(vec![]);
        store
            .directory("data", |name| {
                // The store can be used meanwhile.
                names
                    .borrow_mut()
                    .push((name.to_string(), store.exists(format_args!("data/{name}")).unwrap()));
            })
            .unwrap();
        assert_eq!(names.into_inner(), ["a", "b", "c"].map(|name| (name.to_string(), true)));
        store.remove("data/a").unwrap();
        assert_eq!(store.exists("data/a"), Ok(false));
        let mut buffer = [0; 16];
        assert_eq!(
            store.directory_into("data", &mut buffer).unwrap().collect::<Vec<_>>(),
            ["b", "c"]
        );
        assert_eq!(
            (store.domid(), store.domain_path::<32>(DomId(7)).unwrap().as_str()),
            (Ok(DomId(5)), "/local/domain/7")
        );
    });
}

#[test]
fn permissions_are_typed_both_ways() {
    with_store(|_, store| {
        let wanted = [
            Permission { access: Access::None, domain: DomId(0) },
            Permission { access: Access::Both, domain: DomId(5) },
        ];
        store.set_permissions("data", &wanted).unwrap();
        assert_eq!(store.permissions::<4>("data").unwrap(), wanted);
        assert_eq!(
            store.permissions::<1>("data").unwrap_err().kind,
            ErrorKind::BufferTooSmall { needed: 2 }
        );
    });
}

#[test]
fn first_request_resets_watches() {
    with_page(77, |world| {
        world.server.borrow_mut().watches.push(("old".into(), "1".into()));
        let store = world.store();
        assert!(world.server.borrow().log.is_empty());
        store.domid().unwrap();
        assert_eq!(world.server.borrow().kinds(), [MessageType::RESET_WATCHES, MessageType::READ]);
        assert!(world.server.borrow().watches.is_empty());
        assert_eq!(world.notified.get(), 1, "one batch, one notification");
    });
}

#[test]
fn error_shows_operation_path_and_kind() {
    with_store(|_, store| {
        let error = store.read_number::<u32>("device/vbd/51712/sectors").unwrap_err();
        assert!(error.is_not_found());
        assert_eq!(
            error.to_string(),
            "read device/vbd/51712/sectors: xenstored reports ENOENT: no such node"
        );
        store.write("data/long", [7; 20]).unwrap();
        let error = store.read("data/long", &mut [0; 19]).unwrap_err();
        assert_eq!(error.kind, ErrorKind::BufferTooSmall { needed: 20 });
        store.write("data/long", [0xff; 2]).unwrap();
        assert_eq!(store.read_string::<20>("data/long").unwrap_err().kind, ErrorKind::NotText);
    });
}

#[test]
fn late_transaction_is_ended() {
    with_store(|world, store| {
        store.set_timeout(Duration::from_millis(300));
        for pieces in [0, 9, 17] {
            let late = Rc::new(Cell::new(0));
            let asked = Rc::clone(&late);
            world.server.borrow_mut().answer = Some(Box::new(move |request| {
                (request.kind == MessageType::TRANSACTION_START).then(|| {
                    asked.set(request.id);
                    // Some of the answer comes in time.
                    message(MessageType::TRANSACTION_START, request.id, b"77\0")[..pieces].to_vec()
                })
            }));
            assert!(matches!(
                store.begin_transaction().unwrap_err().kind,
                ErrorKind::Timeout { .. }
            ));
            let mut server = world.server.borrow_mut();
            server.answer = None;
            let rest = &message(MessageType::TRANSACTION_START, late.get(), b"77\0")[pieces..];
            server.outbox.extend(rest);
            server.log.clear();
            drop(server);
            // Others are answered all the same.
            store.set_timeout(Duration::from_secs(60));
            store.domid().unwrap();
            store.domid().unwrap();
            let server = world.server.borrow();
            let ended =
                server.log.iter().filter(|request| request.kind == MessageType::TRANSACTION_END);
            let ended: Vec<_> =
                ended.map(|request| (request.tx, request.body.as_slice())).collect();
            assert_eq!(ended, [(77, &b"F\0"[..])], "after {pieces} bytes in time");
            store.set_timeout(Duration::from_millis(300));
        }
    });
}

#[test]
fn late_transaction_zero_is_not_ended() {
    with_store(|world, store| {
        store.set_timeout(Duration::from_millis(300));
        for body in [&b"0\0"[..], b"0", b"", b"x\0", b"4294967296\0"] {
            let id = Rc::new(Cell::new(0));
            let asked = Rc::clone(&id);
            world.server.borrow_mut().answer = Some(Box::new(move |request| {
                (request.kind == MessageType::TRANSACTION_START).then(|| {
                    asked.set(request.id);
                    vec![]
                })
            }));
            assert!(matches!(
                store.begin_transaction().unwrap_err().kind,
                ErrorKind::Timeout { .. }
            ));
            let late = message(MessageType::TRANSACTION_START, id.get(), body);
            world.server.borrow_mut().answer = None;
            world.server.borrow_mut().log.clear();
            world.server.borrow_mut().send(&late);
            for _ in 0..5 {
                store.domid().unwrap();
            }
            let kinds = world.server.borrow().kinds();
            assert!(!kinds.contains(&MessageType::TRANSACTION_END), "{body:?}");
        }
    });
}

#[test]
fn directory_callback_holds_no_slot() {
    with_store(|world, store| {
        let long = "n".repeat(100);
        for names in [vec!["a".to_string()], (0..30).map(|n| format!("{long}{n}")).collect()] {
            names.iter().for_each(|name| world.set(&format!("data{}/{name}", names.len()), ""));
            let pending = [(); 3].map(|()| store.begin_read("domid").unwrap());
            let mut count = 0;
            store
                .directory(format_args!("data{}", names.len()), |_| {
                    assert_eq!(store.domid(), Ok(DomId(5)));
                    // A list in the caller's function holds none either.
                    store.directory("data1", |_| assert_eq!(store.domid(), Ok(DomId(5)))).unwrap();
                    count += 1;
                })
                .unwrap();
            assert_eq!(count, names.len());
            drop(pending);
        }
    });
}

#[test]
fn long_list_without_memory_is_listed() {
    with_store(|world, store| {
        let names: Vec<String> = (10..40).map(|n| format!("{n}{}", "n".repeat(100))).collect();
        names.iter().for_each(|name| world.set(&format!("data/{name}"), ""));
        world.exhausted.set(true);
        let mut found = vec![];
        store.directory("data", |name| found.push(name.to_string())).unwrap();
        assert_eq!(found, names);
        // A short list holds no slot all the same.
        let pending = [(); 3].map(|()| store.begin_read("domid").unwrap());
        world.set("short/a", "");
        store.directory("short", |_| assert_eq!(store.domid(), Ok(DomId(5)))).unwrap();
        drop(pending);
        let long = "n".repeat(257);
        world.set(&format!("data/z{long}"), "");
        let error = store.directory("data", |_| ()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::BufferTooSmall { needed: 258 });
    });
}

#[test]
fn silent_server_ends_in_timeout() {
    with_store(|world, store| {
        world.server.borrow_mut().mute = true;
        store.set_timeout(Duration::from_millis(300));
        let before = world.now.get();
        for _ in 0..20 {
            let error = store.read_string::<8>("domid").unwrap_err();
            assert_eq!(error.to_string(), "read domid: no reply from xenstored within 300 ms");
        }
        assert_eq!(world.now.get() - before, 20 * 300_000_000);
        world.server.borrow_mut().mute = false;
        assert_eq!(store.domid(), Ok(DomId(5)));
    });
}

#[test]
fn replies_come_in_any_order() {
    with_store(|world, store| {
        store.domid().unwrap();
        for name in ["a", "b", "c", "d"] {
            store.write(name, name).unwrap();
        }
        let mut kept = vec![];
        world.server.borrow_mut().answer = Some(Box::new(move |request| {
            kept.push(request.clone());
            // All three at the last one, backwards.
            let reply = |request: &double::Request| {
                let name = request.body[..1].to_vec();
                let header = xen_store::wire::XsdSockmsg {
                    type_: request.kind,
                    req_id: request.id,
                    tx_id: 0,
                    len: 1,
                };
                [xen_store::wire::encode(&header).to_vec(), name].concat()
            };
            Some(if kept.len() == 3 {
                kept.drain(..).rev().flat_map(|request| reply(&request)).collect()
            } else {
                vec![]
            })
        }));
        let notified = world.notified.get();
        let pending = ["a", "b", "c"].map(|name| store.begin_read(name).unwrap());
        assert_eq!(store.begin_read("e").unwrap_err().kind, ErrorKind::Busy);
        assert_eq!(world.notified.get() - notified, 3);
        let mut buffer = [0; 4];
        assert!(pending.iter().all(|one| one.try_finish(&mut buffer).is_none()));
        world.run_server();
        for (one, name) in pending.iter().zip(["a", "b", "c"]) {
            assert_eq!(
                one.try_finish(&mut []).unwrap().unwrap_err().kind,
                ErrorKind::BufferTooSmall { needed: 1 }
            );
            assert_eq!((one.try_finish(&mut buffer), &buffer[..1]), (Some(Ok(1)), name.as_bytes()));
        }
        world.server.borrow_mut().answer = None;
        // Unread replies keep their slots; a blocking operation does not wait for those.
        assert_eq!(store.domid(), Ok(DomId(5)));
        drop(pending);
        assert_eq!(store.domid(), Ok(DomId(5)));
    });
}

#[test]
fn dropped_request_leaves_next_intact() {
    with_store(|world, store| {
        store.write("a", [b'x'; 3000]).unwrap();
        for part in 0..40 {
            let pending = store.begin_read("a").unwrap();
            // Dropped before it is sent, while its reply is on the way, and after.
            (0..part % 8)
                .for_each(|_| store.wait(xen_hypercall::Instant::from_nanos(world.now.get() + 1)));
            let _ = store.poll();
            drop(pending);
            assert_eq!(store.domid(), Ok(DomId(5)));
        }
    });
}

#[test]
fn messages_exceed_the_ring() {
    with_store(|_, store| {
        let value: Vec<u8> = (0..4094u32).map(|i| (i % 251) as u8).collect();
        store.write("a", &value).unwrap();
        let mut back = [0; 4096];
        assert_eq!(store.read("a", &mut back), Ok(4094));
        assert_eq!(back[..4094], value);
        assert_eq!(
            store.write("a", [0; 4095]).unwrap_err().kind,
            ErrorKind::TooLong { limit: 4096 }
        );
    });
}

#[test]
fn transaction_is_atomic() {
    with_store(|world, store| {
        let watch = store.watch("data").unwrap();
        let sum = store.transaction(|tx| {
            tx.write("data/a", "1")?;
            tx.write_fmt("data/b", 2)?;
            assert_eq!(world.get("data/a"), None);
            Ok::<_, StoreError>(tx.read_number::<u32>("data/a")? + tx.read_number::<u32>("data/b")?)
        });
        assert_eq!((sum, world.get("data/b").as_deref()), (Ok(3), Some("2")));
        let kinds = world.server.borrow().kinds();
        assert_eq!(kinds.iter().filter(|&&kind| kind == MessageType::TRANSACTION_END).count(), 1);
        let failed: Result<(), StoreError> = store.transaction(|tx| {
            tx.write("data/a", "9")?;
            tx.read_number::<u32>("data/missing").map(drop)
        });
        assert!(failed.unwrap_err().is_not_found());
        assert_eq!(world.get("data/a").as_deref(), Some("1"));
        assert_eq!(world.server.borrow().open_transactions(), 0);
        assert_eq!(world.server.borrow().log.last().unwrap().body, b"F\0");
        drop(watch);
    });
}

/// D-X09.
#[test]
fn conflict_retries_are_limited() {
    with_store(|world, store| {
        world.server.borrow_mut().conflicts = 3;
        let mut runs = 0;
        store
            .transaction(|tx| {
                runs += 1;
                tx.write("data/a", "1")
            })
            .unwrap();
        assert_eq!((runs, world.get("data/a").as_deref()), (4, Some("1")));
        world.server.borrow_mut().conflicts = u32::MAX;
        let error = store.transaction(|tx| tx.write("data/a", "2")).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Conflict { attempts: 32 });
        assert_eq!(
            (world.get("data/a").as_deref(), world.server.borrow().open_transactions()),
            (Some("1"), 0)
        );
    });
}

#[test]
fn conflict_names_last_changed_node() {
    with_store(|world, store| {
        world.server.borrow_mut().conflicts = u32::MAX;
        let path = |body: &dyn Fn(&Transaction<'_, _, _>) -> Result<(), StoreError>| {
            let error = store.transaction_within(2, body).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Conflict { attempts: 2 });
            error.path.as_str().to_string()
        };
        let look = |tx: &Transaction<'_, _, _>, path: &str| tx.exists(path).map(drop);
        assert_eq!(path(&|_| Ok(())), "");
        assert_eq!(path(&|tx| look(tx, "a").and_then(|()| look(tx, "b"))), "b");
        for kind in [MessageType::WRITE, MessageType::MKDIR, MessageType::SET_PERMS] {
            let found = path(&|tx| {
                look(tx, "a")?;
                tx.write("b", "1")?;
                match kind {
                    MessageType::WRITE => tx.write("c", "1")?,
                    MessageType::MKDIR => tx.mkdir("c")?,
                    _ => tx.set_permissions("c", &[])?,
                }
                look(tx, "d")
            });
            assert_eq!(found, "c");
        }
    });
}

#[test]
fn invalid_transaction_id_is_refused() {
    for id in ["0", "", "x", "4294967296"] {
        with_store(|world, store| {
            world.server.borrow_mut().answer = Some(Box::new(move |request| {
                let start = request.kind == MessageType::TRANSACTION_START;
                start.then(|| {
                    [
                        &xen_store::wire::encode(&double::header(request, id.len()))[..],
                        id.as_bytes(),
                    ]
                    .concat()
                })
            }));
            assert!(store.transaction(|_| Ok::<_, StoreError>(())).is_err(), "{id}");
        });
    }
}

/// A text that reads the store whenever it is formatted.
struct Reads<'s, 'w>(&'s double::Store<'w>, &'static str);

impl Display for Reads<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let domid = self.0.read_string::<8>("domid").map_err(|_| fmt::Error)?;
        write!(f, "{}{domid}", self.1)
    }
}

#[test]
fn formatting_may_use_the_store() {
    with_store(|world, store| {
        let path = || Reads(store, "data/a");
        store.write_fmt(path(), Reads(store, "value")).unwrap();
        assert_eq!(world.get("data/a5").as_deref(), Some("value5"));
        assert_eq!(store.read_string::<8>(path()).unwrap(), "value5");
        store.transaction(|tx| tx.write_fmt(path(), Reads(store, "other"))).unwrap();
        assert_eq!(world.get("data/a5").as_deref(), Some("other5"));
        let watch = store.watch(path()).unwrap();
        assert_eq!(watch.try_next().unwrap().unwrap().path(), "data/a5");
        let read = store.begin_read(path()).unwrap();
        let mut value = [0; 8];
        assert_eq!((read.finish(&mut value), &value[..6]), (Ok(6), &b"other5"[..]));
        store.begin_write(path(), Reads(store, "third")).unwrap().finish(&mut value).unwrap();
        assert!(store.exists(path()).unwrap());
        let mut names = vec![];
        store.mkdir("data/a5/child").unwrap();
        store.directory(path(), |name| names.push(name.to_string())).unwrap();
        assert_eq!(names, ["child"]);
        store.remove(path()).unwrap();
        let error = store.read(path(), &mut value).unwrap_err();
        assert_eq!(error.to_string(), "read data/a5: xenstored reports ENOENT: no such node");
    });
}

/// A text that fails, or panics, when it is formatted.
struct Fails(bool);

impl Display for Fails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("data/")?;
        assert!(!self.0, "formatting panics");
        Err(fmt::Error)
    }
}

#[test]
fn failed_formatting_sends_nothing() {
    with_store(|world, store| {
        store.domid().unwrap();
        let sent = world.server.borrow().log.len();
        for _ in 0..10 {
            assert_eq!(
                store.read("a", &mut []).err().map(|error| error.is_not_found()),
                Some(true)
            );
            assert_eq!(store.exists(Fails(false)).unwrap_err().kind, ErrorKind::Format);
            assert_eq!(store.write_fmt("a", Fails(false)).unwrap_err().kind, ErrorKind::Format);
            assert_eq!(store.watch(Fails(false)).unwrap_err().kind, ErrorKind::Format);
            assert_eq!(store.begin_read(Fails(false)).unwrap_err().kind, ErrorKind::Format);
            let panics = catch_unwind(AssertUnwindSafe(|| store.exists(Fails(true))));
            assert!(panics.is_err());
        }
        assert_eq!(world.server.borrow().log.len(), sent + 10);
        assert_eq!(store.domid(), Ok(DomId(5)));
    });
}

#[test]
fn suspend_while_formatting_sends_nothing() {
    struct Suspends<'s, 'w>(&'s double::Store<'w>);
    impl Display for Suspends<'_, '_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.quiesce().map_err(|_| fmt::Error)?;
            f.write_str("a")
        }
    }
    with_store(|world, store| {
        store.domid().unwrap();
        store.set_timeout(Duration::from_millis(300));
        let sent = world.server.borrow().log.len();
        assert_eq!(store.begin_read(Suspends(store)).unwrap_err().kind, ErrorKind::Quiesced);
        store.unquiesce();
        assert_eq!(store.write("b", "").err(), None);
        assert_eq!(world.server.borrow().log.len(), sent + 1);
    });
}

#[test]
fn control_returns_servers_answer() {
    with_store(|world, store| {
        world.server.borrow_mut().answer = Some(Box::new(|request| {
            let asked = request.kind == MessageType::CONTROL && request.body == b"log\0on\0";
            asked.then(|| message(request.kind, request.id, b"done\0"))
        }));
        let mut answer = [1; 8];
        assert_eq!(store.control(&["log", "on"], &mut answer), Ok(5));
        assert_eq!(&answer, b"done\0\x01\x01\x01");
        let error = store.control(&["log", "on"], &mut answer[..4]).unwrap_err();
        assert_eq!(error.kind, ErrorKind::BufferTooSmall { needed: 5 });
    });
}

#[test]
fn raw_request_error_names_its_path() {
    with_store(|_, store| {
        let parts = [Part::Bytes(b""), Part::Path(format_args!("data/missing"))];
        let error = store.request(MessageType::READ, &parts, &mut [0; 4]).unwrap_err();
        assert_eq!(error.to_string(), "read data/missing: xenstored reports ENOENT: no such node");
        let twice = [Part::Path(format_args!("domid")), Part::Path(format_args!("other"))];
        assert_eq!(store.request(MessageType::READ, &twice, &mut [0; 4]), Ok(1));
        let error = store.request(MessageType::READ, &[Part::Nul], &mut [0; 4]).unwrap_err();
        assert_eq!(error.path.as_str(), "");
    });
}

/// A transport that fails once and works again.
struct Flaky<'w> {
    ring: RingTransport<double::Guest<'w>, &'w SharedMem>,
    fails: &'w Cell<Option<ConnectionError>>,
}

impl Transport for Flaky<'_> {
    fn try_write(&mut self, bytes: &[u8]) -> Result<usize, ConnectionError> {
        self.ring.try_write(bytes)
    }

    fn try_read(&mut self, buffer: &mut [u8]) -> Result<usize, ConnectionError> {
        self.fails.take().map_or(Ok(()), Err)?;
        self.ring.try_read(buffer)
    }

    fn notify(&mut self) -> Result<(), ConnectionError> {
        self.ring.notify()
    }
}

#[test]
fn broken_connection_stays_broken() {
    let fails = Cell::new(None);
    with_page(0, |world| {
        // The borrow has to outlive the world, as the cell does.
        let fails: &Cell<Option<ConnectionError>> = &fails;
        let guest = *world.store().platform();
        let ring = RingTransport::new(guest, world.mem, double::PORT);
        let transport = Flaky { ring, fails };
        let store =
            XenStore::with_transport(guest, transport, double::PORT, Limits::default()).unwrap();
        let watch = store.watch("a").unwrap();
        assert_eq!(store.domid(), Ok(DomId(5)));
        let broken = ErrorKind::Connection(ConnectionError::System { code: 5 });
        fails.set(Some(ConnectionError::System { code: 5 }));
        assert_eq!(store.poll(), Err(broken));
        for _ in 0..3 {
            assert_eq!(store.poll(), Err(broken));
            assert_eq!(store.domid().unwrap_err().kind, broken);
            assert_eq!(store.begin_read("domid").unwrap_err().kind, broken);
            assert_eq!(store.watch("b").unwrap_err().kind, broken);
            while watch.try_next().is_ok_and(|event| event.is_some()) {}
            assert_eq!(watch.try_next().unwrap_err().kind, broken);
        }
    });
}

#[test]
fn quiesced_connection_takes_no_request() {
    let fails = Cell::new(None);
    with_page(0, |world| {
        let fails: &Cell<Option<ConnectionError>> = &fails;
        let guest = *world.store().platform();
        let transport = Flaky { ring: RingTransport::new(guest, world.mem, double::PORT), fails };
        let mut buffer = vec![0; 1 << 16];
        let mut connection = Connection::new(transport, &mut buffer[..], 4, 4, 0);
        let id = connection.reserve(MessageType::READ, 0).unwrap();
        connection.append(id, b"domid\0").unwrap();
        connection.quiesce();
        assert_eq!(connection.submit(id), Err(ErrorKind::Quiesced));
        assert_eq!(connection.reserve(MessageType::READ, 0), Err(ErrorKind::Quiesced));
        assert_eq!(connection.begin(MessageType::READ, 0, &[Part::Nul]), Err(ErrorKind::Quiesced));
        connection.unquiesce();
        let broken = ConnectionError::System { code: 5 };
        fails.set(Some(broken));
        assert_eq!(connection.poll(), Err(broken));
        assert_eq!(connection.submit(id), Err(ErrorKind::Connection(broken)));
        assert_eq!(connection.reserve(MessageType::READ, 0), Err(ErrorKind::Connection(broken)));
    });
}

#[test]
fn lost_connection_names_its_reason() {
    for (code, reason) in [
        (1, "communication problem"),
        (2, "invalid ring index"),
        (3, "protocol violation"),
        (4, "unknown code"),
    ] {
        assert_eq!(
            ConnectionError::Lost { code }.to_string(),
            format!("xenstored ended the connection with error {code} ({reason})")
        );
    }
}

#[test]
fn dropped_pipeline_cancels_its_requests() {
    with_store(|world, store| {
        store.domid().unwrap();
        let path = [Part::Path(format_args!("domid"))];
        for sent in [false, true] {
            for _ in 0..10 {
                let mut pipeline = Pipeline::new(store);
                while pipeline.push(MessageType::READ, None, &path).is_ok() {}
                assert!(pipeline.len() > 1);
                if sent {
                    store.poll().unwrap();
                    world.run_server();
                }
            }
            // All slots but the last one are free again.
            let mut pipeline = Pipeline::new(store);
            pipeline.push(MessageType::READ, None, &path).unwrap();
        }
        let mut pipeline = Pipeline::new(store);
        pipeline.push(MessageType::TRANSACTION_START, None, &[Part::Nul]).unwrap();
        drop(pipeline);
        store.domid().unwrap();
        store.domid().unwrap();
        assert_eq!(world.server.borrow().open_transactions(), 0);
    });
}

#[test]
fn client_takes_nine_pages() {
    with_page(0, |world| {
        let store = world.store();
        assert!(size_of_val(&store) < 3 << 10, "{}", size_of_val(&store));
        let transport = RingTransport::new(*store.platform(), world.mem, double::PORT);
        let small = Limits { requests: 1, watches: 0 };
        let small =
            XenStore::with_transport(*store.platform(), transport, double::PORT, small).unwrap();
        drop(store);
        assert_eq!(small.domid(), Ok(DomId(5)));
        assert_eq!(small.watch("a").unwrap_err().kind, ErrorKind::TooManyWatches);
    });
}
