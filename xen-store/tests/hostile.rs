//! The client against a server that breaks the protocol, and against one that is late. Names are
//! those of the adversarial cases.

mod double;

use double::{HOME, PORT, Server, message, with_page, with_store};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use xen_hypercall::{DomId, Instant};
use xen_ring::Corrupt;
use xen_store::wire::{MessageType, NumberError, OversizedBody, PathError, XsdSockmsg, encode};
use xen_store::{ConnectionError, ErrorKind, XsOps};

/// Answers reads of `path` with a message of any type, length and body.
fn answer(server: &mut Server, path: &'static str, kind: MessageType, body: Vec<u8>) {
    server.answer = Some(Box::new(move |request| {
        (request.texts()[0] == path).then(|| message(kind, request.id, &body))
    }));
}

/// D-X01.
#[test]
fn index_beyond_ring_breaks_connection() {
    with_store(|world, store| {
        store.domid().unwrap();
        let own = world.mem.u32::<2056>().load(Relaxed);
        let found = own.wrapping_add(1025);
        world.mem.u32::<2060>().store(found, Relaxed);
        let broken =
            ErrorKind::Connection(ConnectionError::Corrupt(Corrupt { found, own, limit: 1024 }));
        assert_eq!(store.domid().unwrap_err().kind, broken);
        // For good, even if the index is right again.
        world.mem.u32::<2060>().store(own, Relaxed);
        assert_eq!(store.domid().unwrap_err().kind, broken);
        assert_eq!(store.write("a", "b").unwrap_err().kind, broken);
        assert_eq!(store.watch("a").unwrap_err().kind, broken);
        assert_eq!(world.mem.u32::<2056>().load(Relaxed), own);
    });
}

/// D-X01.
#[test]
fn decreased_index_breaks_connection() {
    with_store(|world, store| {
        store.domid().unwrap();
        let prod = world.mem.u32::<2052>().load(Relaxed);
        for (i, bad) in [prod.wrapping_add(1), prod.wrapping_sub(1025)].into_iter().enumerate() {
            world.mem.u32::<2048>().store(bad, Relaxed);
            assert!(matches!(store.domid().unwrap_err().kind, ErrorKind::Connection(_)), "{i}");
        }
    });
}

/// D-X02.
#[test]
fn oversized_message_breaks_connection() {
    for len in [4097, 0x8000_0000, u32::MAX] {
        with_store(|world, store| {
            world.server.borrow_mut().answer = Some(Box::new(move |request| {
                let header = XsdSockmsg { type_: request.kind, req_id: request.id, tx_id: 0, len };
                Some(encode(&header).to_vec())
            }));
            let broken = ErrorKind::Connection(ConnectionError::Oversized(OversizedBody { len }));
            assert_eq!(store.domid().unwrap_err().kind, broken);
        });
    }
}

/// D-X03.
#[test]
fn unrequested_reply_is_dropped() {
    with_store(|world, store| {
        world.server.borrow_mut().answer = Some(Box::new(|request| {
            let stray = message(request.kind, request.id.wrapping_sub(1), &[b'9'; 4096]);
            let never = message(request.kind, request.id.wrapping_add(0x4000_0000), b"8");
            let reply = message(request.kind, request.id, b"5");
            let twice = message(request.kind, request.id, b"7");
            Some([stray, never, reply, twice].concat())
        }));
        for _ in 0..10 {
            assert_eq!(store.domid(), Ok(DomId(5)));
        }
    });
}

/// D-X04.
#[test]
fn any_index_and_chunk_works() {
    for start in 0..1024 {
        with_page(start, |world| {
            world.server.borrow_mut().chunk = 1 + start as usize % 19;
            let store = world.store();
            assert_eq!(store.read_string::<8>("domid").unwrap(), "5");
        });
    }
    with_page(0xffff_fff0, |world| {
        world.server.borrow_mut().chunk = 1;
        let store = world.store();
        store.write("a", "some value").unwrap();
        assert_eq!(store.read_string::<16>("a").unwrap(), "some value");
    });
}

/// D-X05.
#[test]
fn any_error_body_keeps_stream() {
    let bodies: [(&[u8], &str); 5] = [
        (b"ENOENT\0", "ENOENT"),
        (b"EFOO\0", "EFOO"),
        (b"", ""),
        (b"EACCES", "EACCES"),
        (&[b'E'; 4096], "EEEEEEEEEEEEEEE"),
    ];
    for (body, name) in bodies {
        with_store(|world, store| {
            answer(&mut world.server.borrow_mut(), "bad", MessageType::ERROR, body.to_vec());
            match store.read("bad", &mut [0; 4096]).unwrap_err().kind {
                ErrorKind::Server(error) => assert_eq!(error.name(), name),
                other => panic!("{other}"),
            }
            assert_eq!(store.domid(), Ok(DomId(5)));
        });
    }
}

#[test]
fn wrong_reply_type_keeps_stream() {
    with_store(|world, store| {
        answer(&mut world.server.borrow_mut(), "bad", MessageType::MKDIR, vec![1; 100]);
        let found = MessageType::MKDIR;
        assert_eq!(store.exists("bad").unwrap_err().kind, ErrorKind::UnexpectedReply { found });
        assert_eq!(store.domid(), Ok(DomId(5)));
    });
}

/// D-X06.
#[test]
fn any_directory_body_is_listed() {
    for (body, names) in
        [(&b"a\0b"[..], vec!["a", "b"]), (b"", vec![]), (b"a\0\0b\0", vec!["a", "b"])]
    {
        with_store(|world, store| {
            answer(&mut world.server.borrow_mut(), "dir", MessageType::DIRECTORY, body.to_vec());
            let mut found = vec![];
            store.directory("dir", |name| found.push(name.to_string())).unwrap();
            assert_eq!(found, names);
        });
    }
    with_store(|world, store| {
        answer(&mut world.server.borrow_mut(), "dir", MessageType::DIRECTORY, vec![b'a'; 4096]);
        let error = store.directory("dir", |_| ()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::BufferTooSmall { needed: 4096 });
        assert_eq!(store.directory_into("dir", &mut [0; 4096]).unwrap().count(), 1);
    });
}

/// Answers DIRECTORY with E2BIG, and each part as `part` says.
fn in_parts(server: &mut Server, mut part: impl FnMut(u32) -> Vec<u8> + 'static) {
    let mut asked = 0;
    server.answer = Some(Box::new(move |request| match request.kind {
        MessageType::DIRECTORY => Some(message(MessageType::ERROR, request.id, b"E2BIG\0")),
        MessageType::DIRECTORY_PART => {
            asked += 1;
            Some(message(request.kind, request.id, &part(asked)))
        }
        _ => None,
    }));
}

fn parts_asked(server: &Server) -> usize {
    server.log.iter().filter(|request| request.kind == MessageType::DIRECTORY_PART).count()
}

#[test]
fn directory_without_end_is_an_error() {
    // Each reaches another limit: of parts, of bytes, of names.
    for (name, names, parts) in [("a", 1, 512), ("name/of/some/length", 200, 263), ("a", 2000, 33)]
    {
        let part = format!("7\0{}", format!("{name}\0").repeat(names));
        let kind = ErrorKind::ListTooLong { bytes: (part.len() - 2) * parts };
        with_store(|world, store| {
            in_parts(&mut world.server.borrow_mut(), move |_| part.clone().into_bytes());
            let error = store.directory("dir", |_| panic!("a name was returned")).unwrap_err();
            assert_eq!((error.kind, parts_asked(&world.server.borrow())), (kind, parts));
            let mut buffer = vec![0; 4 << 20];
            let error = store.directory_into("dir", &mut buffer).unwrap_err();
            assert_eq!((error.kind, parts_asked(&world.server.borrow())), (kind, 2 * parts));
            assert_eq!(store.domid(), Ok(DomId(5)));
        });
    }
}

#[test]
fn directory_at_all_limits_is_read() {
    // 512 parts, 2^16 names, 2^20 bytes: none of the limits is exceeded.
    let part = format!("7\0{}", "fifteen-letters\0".repeat(128));
    with_store(|world, store| {
        in_parts(&mut world.server.borrow_mut(), move |asked| {
            let end = if asked == 512 { "\0" } else { "" };
            format!("{part}{end}").into_bytes()
        });
        let mut buffer = vec![0; 2 << 20];
        assert_eq!(store.directory_into("dir", &mut buffer).unwrap().count(), 1 << 16);
    });
}

#[test]
fn directory_in_parts_has_a_deadline() {
    with_store(|world, store| {
        in_parts(&mut world.server.borrow_mut(), |_| b"7\0a\0".to_vec());
        store.set_timeout(Duration::from_millis(300));
        // Each part comes in time.
        world.tick.set(100_000_000);
        let before = world.now.get();
        let kind = store.directory_into("dir", &mut [0; 4096]).unwrap_err().kind;
        assert!(matches!(kind, ErrorKind::Timeout { .. }), "{kind}");
        assert!(world.now.get() - before <= 1_000_000_000);
        let transaction = store.begin_transaction().unwrap();
        let kind = transaction.directory_into("dir", &mut [0; 4096]).unwrap_err().kind;
        assert!(matches!(kind, ErrorKind::Timeout { .. }), "{kind}");
    });
}

#[test]
fn directory_that_changes_is_read_again() {
    for changes in [1u32, 2, 5] {
        with_store(|world, store| {
            let parts = move |asked: u32| {
                let generation = asked.min(2 * changes) / 2;
                let end =
                    if asked > 2 * changes && asked.is_multiple_of(2) { "c\0\0" } else { "b\0" };
                format!("{generation}\0a\0{end}").into_bytes()
            };
            in_parts(&mut world.server.borrow_mut(), parts);
            let mut buffer = [0; 64];
            let names: Vec<&str> = store.directory_into("dir", &mut buffer).unwrap().collect();
            assert_eq!(names, ["a", "b", "a", "c"]);
        });
        #[cfg(feature = "alloc")]
        with_store(|world, store| {
            let parts = move |asked: u32| {
                let generation = asked.min(2 * changes) / 2;
                let end =
                    if asked > 2 * changes && asked.is_multiple_of(2) { "c\0\0" } else { "b\0" };
                format!("{generation}\0a\0{end}").into_bytes()
            };
            in_parts(&mut world.server.borrow_mut(), parts);
            assert_eq!(store.list("dir").unwrap(), ["a", "b", "a", "c"]);
        });
    }
    with_store(|world, store| {
        // It changes once, before the caller received a name.
        in_parts(&mut world.server.borrow_mut(), |asked| match asked {
            1 => b"1\0a\0".to_vec(),
            2 | 3 | 5 => [format!("{}\0", asked.min(3)).as_bytes(), b"b\0"].concat(),
            _ => b"3\0c\0\0".to_vec(),
        });
        let mut names = vec![];
        store.directory("dir", |name| names.push(name.to_string())).unwrap();
        assert_eq!(names, ["b", "c"]);
    });
    with_store(|world, store| {
        in_parts(&mut world.server.borrow_mut(), |asked| format!("{asked}\0a\0").into_bytes());
        let mut names = 0;
        assert_eq!(store.directory("dir", |_| names += 1).unwrap_err().kind, ErrorKind::Changed);
        assert_eq!(store.directory_into("dir", &mut [0; 64]).unwrap_err().kind, ErrorKind::Changed);
        assert_eq!(names, 0);
        assert!(parts_asked(&world.server.borrow()) <= 40);
    });
}

#[test]
fn devices_of_changing_list_are_reread() {
    with_store(|world, store| {
        // It changes after the caller received some names.
        in_parts(&mut world.server.borrow_mut(), |asked| match asked {
            1 | 3 => b"1\x003\x005\x006\0".to_vec(),
            2 => b"1\x004\0\0".to_vec(),
            _ if asked.is_multiple_of(2) => b"2\x004\0\0".to_vec(),
            _ => b"2\x003\0".to_vec(),
        });
        assert_eq!(xenbus::devices::<2>(store, "vbd").unwrap(), [3, 4]);
        assert_eq!(parts_asked(&world.server.borrow()), 8);
    });
}

#[test]
fn malformed_directory_parts_are_errors() {
    for body in [&b""[..], b"7", b"7\0a", b"x\0a\0\0", b"-1\0a\0\0", b"7\0a\0b"] {
        with_store(|world, store| {
            in_parts(&mut world.server.borrow_mut(), move |_| body.to_vec());
            let kind = store.directory_into("dir", &mut [0; 64]).unwrap_err().kind;
            assert!(
                matches!(kind, ErrorKind::Malformed | ErrorKind::Number(_)),
                "{body:?}: {kind}"
            );
        });
    }
}

#[test]
fn malformed_permissions_are_errors() {
    for body in [&b""[..], b"n0", b"n0\0r5", b"n0\0\0r5\0", b"n0\0\xff\0", b"n0\0r65536\0", b"\0"] {
        with_store(|world, store| {
            answer(&mut world.server.borrow_mut(), "a", MessageType::GET_PERMS, body.to_vec());
            assert_eq!(
                store.permissions::<4>("a").unwrap_err().kind,
                ErrorKind::Malformed,
                "{body:?}"
            );
        });
    }
}

#[test]
fn malformed_domain_paths_are_errors() {
    for body in [&b""[..], b"\0", b"/local\0domain\0", b"/a//b\0", b"a b\0"] {
        with_store(|world, store| {
            answer(
                &mut world.server.borrow_mut(),
                "7",
                MessageType::GET_DOMAIN_PATH,
                body.to_vec(),
            );
            let kind = store.domain_path::<32>(DomId(7)).unwrap_err().kind;
            assert_eq!(kind, ErrorKind::Malformed, "{body:?}");
        });
    }
}

/// D-X07.
#[test]
fn malformed_event_is_dropped() {
    with_store(|world, store| {
        let watch = store.watch("a").unwrap();
        while watch.try_next().unwrap().is_some() {}
        let token = world.server.borrow().watches[0].1.clone();
        for body in
            [&b""[..], b"a\0", b"a", b"\0\0", &[0xff; 4096], token.as_bytes(), b"a\0notatoken\0"]
        {
            world.server.borrow_mut().send(&message(MessageType::WATCH_EVENT, 0, body));
        }
        world.server.borrow_mut().event("a", &token);
        store.domid().unwrap();
        store.domid().unwrap();
        assert_eq!(watch.try_next().unwrap().unwrap().path(), "a");
        assert_eq!(watch.try_next(), Ok(None));
    });
}

/// D-X08.
#[test]
fn event_flood_hides_no_reply() {
    with_store(|world, store| {
        let watch = store.watch("a").unwrap();
        let token = world.server.borrow().watches[0].1.clone();
        world.server.borrow_mut().answer = Some(Box::new(move |request| {
            let event = |i: u32| {
                let path = if i.is_multiple_of(3) { "a".into() } else { format!("a/{i}") };
                message(MessageType::WATCH_EVENT, 0, format!("{path}\0{token}\0").as_bytes())
            };
            let flood: Vec<u8> = (0..10_000).flat_map(event).collect();
            Some([flood, message(request.kind, request.id, b"5")].concat())
        }));
        assert_eq!(store.domid(), Ok(DomId(5)));
        let (mut events, mut overflow) = (0, false);
        while let Some(event) = watch.try_next().unwrap() {
            events += 1;
            overflow |= event.is_overflow();
        }
        assert!(overflow && events < 100, "{events}");
    });
}

#[test]
fn poll_ends_with_endless_input() {
    with_page(0, |world| {
        let store = world.store();
        store.domid().unwrap();
        // A ring that is always full of events of no watch.
        let event = message(MessageType::WATCH_EVENT, 0, b"");
        world.server.borrow_mut().outbox = std::iter::repeat_n(event, 10_000).flatten().collect();
        world.server.borrow_mut().mute = true;
        store.set_timeout(Duration::from_millis(50));
        let error = store.domid().unwrap_err();
        assert!(matches!(error.kind, ErrorKind::Timeout { .. }));
    });
}

/// D-X10.
#[test]
fn invalid_request_is_not_sent() {
    with_store(|world, store| {
        store.domid().unwrap();
        let sent = world.server.borrow().log.len();
        let kind = |path: &str| store.exists(path).unwrap_err().kind;
        assert_eq!(
            kind(&"a".repeat(2049)),
            ErrorKind::Path(PathError::TooLong { len: 2049, limit: 2048 })
        );
        let absolute = format!("/{}", "a".repeat(3072));
        assert_eq!(kind(&absolute), ErrorKind::Path(PathError::TooLong { len: 3073, limit: 3072 }));
        assert_eq!(kind("a\0b"), ErrorKind::Path(PathError::Byte { byte: 0, at: 1 }));
        assert_eq!(kind("a/"), ErrorKind::Path(PathError::TrailingSlash));
        assert_eq!(
            store.watch("a".repeat(256)).unwrap_err().kind,
            ErrorKind::TooLong { limit: 255 }
        );
        assert_eq!(
            store.write("a", [0; 4095]).unwrap_err().kind,
            ErrorKind::TooLong { limit: 4096 }
        );
        world.run_server();
        assert_eq!(world.server.borrow().log.len(), sent);
        assert_eq!(store.domid(), Ok(DomId(5)));
    });
}

/// D-X11.
#[test]
fn slow_server_causes_no_busy_loop() {
    with_store(|world, store| {
        store.domid().unwrap();
        world.server.borrow_mut().chunk = 7;
        let (waits, notified) = (world.waits.get(), world.notified.get());
        let value: Vec<u8> = (0..4000u32).map(|i| i as u8).collect();
        store.write("a", &value).unwrap();
        assert_eq!(world.server.borrow().nodes[&format!("{HOME}/a")], value);
        // Each turn of the server wakes the client once, and the client notifies it at most once.
        let turns = 4100 / 7;
        let (waits, notified) = (world.waits.get() - waits, world.notified.get() - notified);
        assert!(
            waits <= turns + 10 && notified <= turns + 10,
            "{waits} waits, {notified} notifications"
        );
    });
}

#[test]
fn room_is_notified_to_server() {
    with_store(|world, store| {
        store.write("a", [b'x'; 4000]).unwrap();
        let before = world.notified.get();
        let mut back = [0; 4096];
        assert_eq!(store.read("a", &mut back), Ok(4000));
        // One for the request, and one for each time that the ring was found full.
        assert!(
            (4..=6).contains(&(world.notified.get() - before)),
            "{}",
            world.notified.get() - before
        );
    });
}

/// D-X12.
#[test]
fn nothing_is_sent_before_connection() {
    with_page(0x1234, |world| {
        world.mem.u32::<2068>().store(1, Relaxed);
        let store = world.store();
        let before: Vec<u32> =
            (2048..2072).step_by(4).map(|at| world.mem.u32_at(at).unwrap().load(Relaxed)).collect();
        store.set_timeout(Duration::from_secs(1));
        assert!(matches!(store.domid().unwrap_err().kind, ErrorKind::Timeout { .. }));
        let after: Vec<u32> =
            (2048..2072).step_by(4).map(|at| world.mem.u32_at(at).unwrap().load(Relaxed)).collect();
        assert_eq!((before, world.notified.get()), (after, 0));
        // The server starts: it sets its indices anew and says that it is there.
        let mut waits = 0;
        world.hook(move |mem, server| {
            waits += 1;
            if waits == 3 {
                [2048, 2052, 2056, 2060]
                    .iter()
                    .for_each(|&at| mem.u32_at(at).unwrap().store(0, Relaxed));
                server.reattach(mem);
                mem.u32::<2068>().store(0, Relaxed);
            }
        });
        assert_eq!(store.domid(), Ok(DomId(5)));
        assert_eq!(world.server.borrow().kinds(), [MessageType::RESET_WATCHES, MessageType::READ]);
    });
}

/// D-X13.
#[test]
fn page_error_is_reported() {
    with_store(|world, store| {
        world.mem.u32::<2072>().store(2, Relaxed);
        assert_eq!(store.domid(), Ok(DomId(5)));
        world.mem.u32::<2064>().store(2, Relaxed);
        let error = store.domid().unwrap_err();
        assert_eq!(error.kind, ErrorKind::Connection(ConnectionError::Lost { code: 2 }));
        assert!(error.to_string().contains("invalid ring index"), "{error}");
    });
}

/// D-X14.
#[test]
fn malformed_number_is_an_error() {
    with_store(|_, store| {
        for value in ["", "-1", "4294967296", "0x10", " 7", "7\n", "7\0"] {
            store.write("n", value).unwrap();
            assert!(
                matches!(store.read_number::<u32>("n").unwrap_err().kind, ErrorKind::Number(_)),
                "{value:?}"
            );
            assert!(store.read_number_or::<u32>("n", 7).is_err());
        }
        store.write("n", [b'9'; 4000]).unwrap();
        assert_eq!(
            store.read_number::<u64>("n").unwrap_err().kind,
            ErrorKind::Number(NumberError::OutOfRange)
        );
        store.write("n", "007").unwrap();
        assert_eq!(
            (store.read_number::<u8>("n"), store.read_number_or("missing", 3u8)),
            (Ok(7), Ok(3))
        );
    });
}

#[test]
fn event_before_break_is_delivered() {
    with_store(|world, store| {
        let watch = store.watch("a").unwrap();
        assert_eq!(store.domid(), Ok(DomId(5)));
        let own = world.mem.u32::<2056>().load(Relaxed);
        world.mem.u32::<2060>().store(own.wrapping_sub(1), Relaxed);
        assert_eq!(watch.try_next().unwrap().unwrap().path(), "a");
        assert!(watch.try_next().is_err());
        assert!(watch.wait_next(Instant::from_nanos(u64::MAX)).is_err());
        assert_eq!(PORT, store.port());
    });
}
