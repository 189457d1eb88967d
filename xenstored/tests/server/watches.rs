//! The order of events, their paths, and the holds on domains that write faster than others read.

use super::*;

fn at(milliseconds: u64) -> Instant {
    Instant::from_nanos(milliseconds * 1_000_000)
}

/// Takes all messages: the type of replies, and the paths of events.
fn messages(server: &mut Server, id: ConnectionId) -> Vec<String> {
    let mut found = Vec::new();
    while let Some(message) = server.take_message(id) {
        let kind = u32::from_ne_bytes(message[..4].try_into().unwrap());
        found.push(match parse_event(&message[16..]) {
            Some(event) if M(kind) == M::WATCH_EVENT => event.path.to_owned(),
            _ => format!("{:?}", M(kind)),
        });
    }
    found
}

fn serve(server: &mut Server, id: ConnectionId, kind: M, body: &str) {
    let header = XsdSockmsg { type_: kind, req_id: 1, tx_id: 0, len: body.len() as u32 };
    server.serve(id, header, body.as_bytes(), &mut NoDomains);
}

#[test]
fn first_event_follows_the_reply() {
    let (mut server, dom0, guest) = start();
    serve(&mut server, guest, M::WATCH, "a\0t\0");
    ask(&mut server, dom0, M::WRITE, "/local/domain/5/a/b\0").unwrap();
    serve(&mut server, guest, M::WATCH, "c\0t\0");
    // The event of a client's own write is there when it reads the reply.
    serve(&mut server, guest, M::WRITE, "c/d\0x");
    let watch = format!("{:?}", M::WATCH);
    let write = format!("{:?}", M::WRITE);
    assert_eq!(messages(&mut server, guest), [&*watch, "a", "a/b", &watch, "c", "c/d", &write]);
}

#[test]
fn removal_events_go_up_in_order() {
    let (mut server, dom0, _) = start();
    for path in ["/a/c", "/a/b/x", "/a/b/w"] {
        ask(&mut server, dom0, M::MKDIR, &format!("{path}\0")).unwrap();
    }
    let reader = server.connect(DomId(0));
    for path in ["/a/c", "/a/b/x", "/a/b/w", "/a/b", "/a", "/", "/a/d"] {
        ask(&mut server, reader, M::WATCH, &format!("{path}\0{path}\0")).unwrap();
    }
    ask(&mut server, dom0, M::RM, "/a\0").unwrap();
    // Watches above the node get one event.
    assert_eq!(events(&mut server, reader), ["/a/c", "/a/b/x", "/a/b/w", "/a/b", "/a", "/a"]);
    ask(&mut server, dom0, M::RM, "/a\0").unwrap();
    assert_eq!(events(&mut server, reader), [""; 0]);
}

#[test]
fn transaction_events_come_with_the_commit() {
    let (mut server, dom0, guest) = start();
    ask(&mut server, guest, M::WATCH, "a\0t\0").unwrap();
    for (tx, end, seen) in [(1, b"F\0", &[][..]), (2, b"T\0", &["a/x", "a/y", "a/x"])] {
        ask(&mut server, dom0, M::TRANSACTION_START, "\0").unwrap();
        for (kind, path) in [(M::MKDIR, "x"), (M::WRITE, "y"), (M::MKDIR, "y"), (M::RM, "x")] {
            let body = format!("/local/domain/5/a/{path}\0");
            ask_tx(&mut server, dom0, tx, kind, body.as_bytes()).0.unwrap();
        }
        assert_eq!(events(&mut server, guest), [""; 0]);
        ask_tx(&mut server, dom0, tx, M::TRANSACTION_END, end).0.unwrap();
        assert_eq!(events(&mut server, guest), seen);
    }
}

#[test]
fn ended_watches_get_no_events() {
    let (mut server, dom0, guest) = start();
    for token in ["t", "u", "v"] {
        ask(&mut server, guest, M::WATCH, &format!("a\0{token}\0")).unwrap();
    }
    let watches = |server: &Server| {
        let paths = server.watched_paths(guest);
        paths.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(watches(&server), ["a"; 3]);
    ask(&mut server, guest, M::UNWATCH, "a\0u\0").unwrap();
    assert_eq!(watches(&server), ["a"; 2]);
    let write = |server: &mut Server| ask(server, dom0, M::WRITE, "/local/domain/5/a\0x").unwrap();
    write(&mut server);
    assert_eq!(events(&mut server, guest), ["a"; 2]);
    write(&mut server);
    serve(&mut server, guest, M::RESET_WATCHES, "\0");
    write(&mut server);
    assert_eq!(messages(&mut server, guest), [format!("{:?}", M::RESET_WATCHES)]);
    assert_eq!(watches(&server), [""; 0]);
}

#[test]
fn domain_events_come_once() {
    let (mut server, dom0, _) = start();
    for name in ["@introduceDomain", "@releaseDomain"] {
        ask(&mut server, dom0, M::WATCH, &format!("{name}\0t\x000\0")).unwrap();
        ask(&mut server, dom0, M::WATCH, &format!("{name}\0u\x001\0")).unwrap();
    }
    server.introduce(DomId(9));
    assert_eq!(events(&mut server, dom0), ["@introduceDomain", "@introduceDomain/9"]);
    server.introduce(DomId(9));
    assert_eq!(events(&mut server, dom0), [""; 0]);
    // One that has shut down is still known.
    server.domain_changed(DomId(9));
    assert_eq!(events(&mut server, dom0), ["@releaseDomain", "@releaseDomain/9"]);
    assert_eq!(ask(&mut server, dom0, M::IS_DOMAIN_INTRODUCED, "9\0").unwrap(), "T\0");
    server.release(DomId(9));
    assert_eq!(events(&mut server, dom0), ["@releaseDomain", "@releaseDomain/9"]);
    server.introduce(DomId(9));
    assert_eq!(events(&mut server, dom0).len(), 2);
}

#[test]
fn released_node_owner_fires_watches() {
    let (mut server, dom0, guest) = start();
    ask(&mut server, guest, M::WRITE, "a/b\0x").unwrap();
    ask(&mut server, dom0, M::WATCH, "/local/domain/5/a\0t\0").unwrap();
    ask(&mut server, dom0, M::WATCH, "/local/domain\0t\0").unwrap();
    server.release(DomId(5));
    assert_eq!(events(&mut server, dom0), ["/local/domain/5/a", "/local/domain/5"]);
}

/// Adds clients of domains that watch the guest's home and may leave eight events unread.
fn add_readers<const N: usize>(
    server: &mut Server,
    dom0: ConnectionId,
    domains: [u16; N],
) -> [ConnectionId; N] {
    ask(server, dom0, M::SET_PERMS, "/local/domain/5\0r5\0").unwrap();
    domains.map(|domain| {
        ask(server, dom0, M::SET_QUOTA, &format!("{domain}\0events\x008\0")).unwrap();
        let reader = server.connect(DomId(domain));
        ask(server, reader, M::WATCH, "/local/domain/5\0t\0").unwrap();
        reader
    })
}

fn write(server: &mut Server, guest: ConnectionId, numbers: std::ops::Range<u32>) {
    for number in numbers {
        ask(server, guest, M::WRITE, &format!("{number:04}\0x")).unwrap();
    }
}

#[test]
fn writer_waits_until_quarter_full() {
    let (mut server, dom0, guest) = start();
    let [slow, quick] = add_readers(&mut server, dom0, [6, 7]);
    server.tick(at(0));
    write(&mut server, guest, 0..4);
    assert!(server.accepts(guest));
    write(&mut server, guest, 4..5);
    assert!(!server.accepts(guest) && server.accepts(slow) && server.accepts(dom0));
    // Both are too far behind, and the writer waits for the last one that was found so.
    assert_eq!(events(&mut server, slow).len(), 5);
    assert!(!server.accepts(guest));
    for (left, accepts) in [(4, false), (3, false), (2, true), (1, true), (0, true)] {
        server.take_message(quick).unwrap();
        assert_eq!((server.waiting(quick), server.accepts(guest)), (left, accepts));
    }
    // The same with bytes: an event has a header of 16, the path, and the token.
    write(&mut server, guest, 5..10);
    assert!(!server.accepts(guest));
    let event = 16 + "/local/domain/5/0000\0t\0".len();
    assert_eq!(server.send(quick, &mut vec![0; 3 * event - 1]), 3 * event - 1);
    assert!(!server.accepts(guest));
    assert_eq!(server.send(quick, &mut [0]), 1);
    assert!(server.accepts(guest));
}

#[test]
fn unlimited_reader_delays_no_writer() {
    let (mut server, dom0, guest) = start();
    let [reader] = add_readers(&mut server, dom0, [6]);
    ask(&mut server, dom0, M::SET_QUOTA, "6\0events\x000\0").unwrap();
    server.tick(at(0));
    write(&mut server, guest, 0..20);
    assert!(server.accepts(guest));
    assert_eq!((server.waiting(reader), server.breach(reader)), (20, None));
}

#[test]
fn tick_returns_the_first_deadline() {
    let (mut server, dom0, guest) = start();
    let [reader] = add_readers(&mut server, dom0, [6]);
    assert_eq!(server.tick(at(500)), None);
    write(&mut server, guest, 0..5);
    assert_eq!(server.tick(at(600)), Some(at(1500)));
    assert_eq!(server.tick(at(1500)), Some(at(20_600)));
    assert!(server.accepts(guest));
    assert_eq!(server.tick(at(20_599)), Some(at(20_600)));
    server.set_patience(None);
    assert_eq!((server.tick(at(30_000)), server.breach(reader)), (None, None));
    server.set_patience(Some(std::time::Duration::from_secs(30)));
    assert_eq!(server.tick(at(30_000)), Some(at(30_600)));
}

#[test]
fn aborted_transaction_clears_its_conflicts() {
    let (mut server, dom0, guest) = start();
    server.tick(at(0));
    write(&mut server, guest, 0..1);
    let mut round = |end: &[u8]| {
        let tx = ask(&mut server, dom0, M::TRANSACTION_START, "\0").unwrap();
        let tx = tx.trim_end_matches('\0').parse().unwrap();
        ask_tx(&mut server, dom0, tx, M::READ, b"/local/domain/5/0000\0").0.unwrap();
        write(&mut server, guest, 0..1);
        let reply = ask_tx(&mut server, dom0, tx, M::TRANSACTION_END, end).0;
        (reply.is_ok(), server.accepts(guest))
    };
    let (conflict, held) = ((false, true), (false, false));
    assert_eq!([round(b"T\0"), round(b"T\0"), round(b"F\0")], [conflict, conflict, (true, true)]);
    assert_eq!([round(b"T\0"), round(b"T\0"), round(b"T\0")], [conflict, conflict, held]);
    // An abort ends the wait too.
    assert_eq!(round(b"F\0"), (true, true));
}
