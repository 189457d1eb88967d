//! The server: what a client may make it keep, and what a hostile one finds.
#![cfg(feature = "alloc")]

#[path = "server/limits.rs"]
mod limits;
#[path = "server/replies.rs"]
mod replies;
#[path = "server/transactions.rs"]
mod transactions;
#[path = "server/watches.rs"]
mod watches;

use std::collections::BTreeSet;
use xen_hypercall::{DomId, Gfn, Instant, Port};
use xen_store::wire::{MessageType as M, ServerError, XsdSockmsg, encode, parse_event};
use xenstored::server::{Breach, ConnectionId, Domains, NoDomains, Quotas, Server};

type Reply = Result<String, ServerError>;

/// Sends a request and returns the reply's payload, and the watch events that came with it.
fn ask_tx(
    server: &mut Server,
    id: ConnectionId,
    tx: u32,
    kind: M,
    body: &[u8],
) -> (Reply, Vec<String>) {
    let header = XsdSockmsg { type_: kind, req_id: 7, tx_id: tx, len: body.len() as u32 };
    server.serve(id, header, body, &mut NoDomains);
    let mut reply = Err(ServerError::Io);
    let mut events = vec![];
    while let Some(message) = server.take_message(id) {
        let (head, body) = message.split_at(16);
        let text = || String::from_utf8_lossy(body).into_owned();
        match u32::from_ne_bytes(head[..4].try_into().unwrap()) {
            15 => events.push(parse_event(body).unwrap().path.to_owned()),
            16 => reply = Err(ServerError::parse(body)),
            _ => reply = Ok(text()),
        }
    }
    (reply, events)
}

/// Serves requests of a client, and compares the replies, where an error stands as its name.
fn check(server: &mut Server, id: ConnectionId, tx: u32, cases: &[(M, &str, &str)]) {
    for &(kind, body, expected) in cases {
        let reply = ask_tx(server, id, tx, kind, body.as_bytes()).0;
        let found = reply.unwrap_or_else(|error| error.name().to_owned());
        assert_eq!(found, expected, "{kind:?} {body:?}");
    }
}

fn ask(server: &mut Server, id: ConnectionId, kind: M, body: &str) -> Reply {
    ask_tx(server, id, 0, kind, body.as_bytes()).0
}

fn events(server: &mut Server, id: ConnectionId) -> Vec<String> {
    let mut found = vec![];
    while let Some(message) = server.take_message(id) {
        found.push(parse_event(&message[16..]).unwrap().path.to_owned());
    }
    found
}

/// Makes a server with dom0, and a guest 5 that owns its home.
fn start() -> (Server, ConnectionId, ConnectionId) {
    let mut server = Server::new();
    let dom0 = server.connect(DomId(0));
    server.introduce(DomId(5));
    let guest = server.connect(DomId(5));
    ask(&mut server, dom0, M::MKDIR, "/local/domain/5\0").unwrap();
    ask(&mut server, dom0, M::SET_PERMS, "/local/domain/5\0n5\0").unwrap();
    (server, dom0, guest)
}

const OK: &str = "OK\0";

#[test]
fn unread_replies_stop_requests() {
    let (mut server, _, guest) = start();
    let header = encode(&XsdSockmsg { type_: M::READ, req_id: 1, tx_id: 0, len: 0 });
    let mut taken = 0;
    while server.accepts(guest) {
        server.receive(guest, &header, &mut NoDomains).unwrap();
        taken += 1;
    }
    assert_eq!(taken, Quotas::default().outstanding + 1);
    let mut buffer = [0; 4096];
    assert!(server.send(guest, &mut buffer) > 0 && server.accepts(guest));
}

#[test]
fn empty_request_is_answered_at_once() {
    let (mut server, _, guest) = start();
    let header = encode(&XsdSockmsg { type_: M::READ, req_id: 9, tx_id: 0, len: 0 });
    for byte in &header {
        assert_eq!(server.waiting(guest), 0);
        server.receive(guest, &[*byte], &mut NoDomains).unwrap();
    }
    assert_eq!(ask(&mut server, guest, M::READ, ""), Err(ServerError::Invalid));
}

#[test]
fn piled_events_end_the_connection() {
    let (mut server, dom0, guest) = start();
    ask(&mut server, guest, M::WATCH, "data\0t\0").unwrap();
    for _ in 0..10_000 {
        ask(&mut server, dom0, M::WRITE, "/local/domain/5/data\0x").unwrap();
    }
    assert!(server.waiting(guest) <= 2 && server.breach(guest).is_none());
    for number in 0..5000 {
        let node = format!("/local/domain/5/data/{number}\0x");
        ask(&mut server, dom0, M::WRITE, &node).unwrap();
    }
    assert_eq!(server.breach(guest), Some(Breach::Overrun { events: 4096 }));
    assert!(server.waiting(guest) <= 4096);
    assert_eq!(server.receive(guest, &[], &mut NoDomains), Err(Breach::Overrun { events: 4096 }));
}

#[test]
fn unread_events_end_the_connection() {
    let (mut server, dom0, guest) = start();
    let at = |seconds: u64| Instant::from_nanos(seconds * 1_000_000_000);
    ask(&mut server, guest, M::WATCH, "data\0t\0").unwrap();
    ask(&mut server, dom0, M::WATCH, "data\0t\0").unwrap();
    assert_eq!(server.tick(at(0)), None);
    ask(&mut server, dom0, M::WRITE, "/local/domain/5/data/a\0x").unwrap();
    ask(&mut server, dom0, M::WRITE, "/local/domain/5/data/b\0x").unwrap();
    assert_eq!(server.tick(at(100)), Some(at(120)));
    assert_eq!(server.tick(at(119)), Some(at(120)));
    // Who reads on is in no hurry for the rest.
    server.take_message(guest).unwrap();
    assert_eq!(server.tick(at(130)), Some(at(150)));
    assert_eq!((server.tick(at(149)), server.breach(guest)), (Some(at(150)), None));
    assert_eq!(server.tick(at(150)), None);
    assert_eq!(server.breach(guest), Some(Breach::Stalled { events: 1 }));
    assert_eq!(server.receive(guest, &[], &mut NoDomains), Err(Breach::Stalled { events: 1 }));
    // The control domain has no deadline.
    ask(&mut server, dom0, M::WATCH, "/\0t\0").unwrap();
    ask(&mut server, guest, M::WRITE, "data/c\0x").unwrap();
    assert!(server.waiting(dom0) > 0);
    assert_eq!(
        (server.tick(at(200)), server.tick(at(900)), server.breach(dom0)),
        (None, None, None)
    );
}

#[test]
fn memory_of_domain_is_bounded() {
    let (mut server, dom0, guest) = start();
    let memory = 30_000;
    server.set_quotas(Quotas {
        memory,
        nodes: 0,
        watches: 0,
        transactions: 0,
        ..Quotas::default()
    });
    let full = Err(ServerError::OutOfMemory);
    let mut fill = |kind, tx, body: &dyn Fn(u32) -> String| {
        let text = |number| body(number).into_bytes();
        (0..1000).find(|&number| ask_tx(&mut server, guest, tx, kind, &text(number)).0 == full)
    };
    let value = "v".repeat(1000);
    let nodes = fill(M::WRITE, 0, &|number| format!("data/{number}\0{value}")).unwrap();
    assert!((20..30).contains(&nodes), "{nodes}");
    let watches = fill(M::WATCH, 0, &|number| format!("data\0{number}\0")).unwrap();
    assert!(watches < 20, "{watches}");
    assert_eq!(ask(&mut server, guest, M::TRANSACTION_START, "\0"), Ok("1\0".into()));
    let mut fill = |kind, tx, body: &dyn Fn(u32) -> String| {
        let text = |number| body(number).into_bytes();
        (0..1000).find(|&number| ask_tx(&mut server, guest, tx, kind, &text(number)).0 == full)
    };
    let looks = fill(M::READ, 1, &|number| format!("none{number}\0")).unwrap();
    assert!(looks < 20, "{looks}");
    // It can always give things up, and then there is room again; others never had less.
    ask_tx(&mut server, guest, 1, M::TRANSACTION_END, b"F\0").0.unwrap();
    ask(&mut server, guest, M::RM, "data\0").unwrap();
    ask(&mut server, guest, M::WRITE, &format!("data/again\0{value}")).unwrap();
    assert_eq!(
        ask(&mut server, dom0, M::WRITE, &format!("/a\0{value}{value}{value}")).unwrap(),
        OK
    );
    assert_eq!(ask(&mut server, dom0, M::CONTROL, "check\0").unwrap(), OK);
    // Events are bounded by it too, but their receiver cannot avoid them: the connection ends.
    ask(&mut server, guest, M::RESET_WATCHES, "\0").unwrap();
    ask(&mut server, guest, M::WATCH, &format!("data\0{}\0", "t".repeat(3000))).unwrap();
    for number in 0..20 {
        ask(&mut server, dom0, M::WRITE, &format!("/local/domain/5/data/{number}\0")).unwrap();
    }
    assert!(
        matches!(server.breach(guest), Some(Breach::Overrun { events: 8..=10 })),
        "{:?}",
        server.breach(guest)
    );
}

#[test]
fn full_transaction_changes_nothing() {
    let (mut server, dom0, guest) = start();
    ask(&mut server, guest, M::TRANSACTION_START, "\0").unwrap();
    let body = [&b"data/tx\0"[..], &[b'x'; 1900]].concat();
    ask_tx(&mut server, guest, 1, M::WRITE, &body).0.unwrap();
    ask(&mut server, dom0, M::SET_QUOTA, "5\0memory\x001000\0").unwrap();
    let end = ask_tx(&mut server, guest, 1, M::TRANSACTION_END, b"T\0").0;
    assert_eq!(end, Err(ServerError::OutOfMemory));
    assert_eq!(ask(&mut server, guest, M::READ, "data\0"), Err(ServerError::NotFound));
    assert_eq!(ask(&mut server, dom0, M::CONTROL, "check\0").unwrap(), OK);
}

#[test]
fn child_names_count_for_node_size() {
    let (mut server, dom0, guest) = start();
    ask(&mut server, guest, M::MKDIR, "data\0").unwrap();
    let made = (0..1000).find(|number| {
        ask(&mut server, guest, M::MKDIR, &format!("data/{number:0>49}\0"))
            == Err(ServerError::NoSpace)
    });
    assert_eq!(made, Some(2048 / 50));
    assert_eq!(ask(&mut server, guest, M::WRITE, "data\0ab"), Ok(OK.into()));
    let refused = ask(&mut server, guest, M::WRITE, &format!("data\0{}", "v".repeat(100)));
    assert_eq!(refused, Err(ServerError::NoSpace));
    assert_eq!(
        ask(&mut server, guest, M::WRITE, "data\0a"),
        Ok(OK.into()),
        "less is always possible"
    );
    ask(&mut server, dom0, M::MKDIR, &format!("/local/domain/5/data/{}\0", "n".repeat(1000)))
        .unwrap();
}

#[test]
fn busy_guest_starves_no_transaction() {
    let (mut server, dom0, guest) = start();
    let at = |milliseconds: u64| Instant::from_nanos(milliseconds * 1_000_000);
    ask(&mut server, guest, M::WRITE, "data\0x").unwrap();
    server.tick(at(0));
    // Whenever it may, the guest writes between the control domain's read and its commit.
    let try_once = |server: &mut Server| {
        let tx = ask(server, dom0, M::TRANSACTION_START, "\0")
            .unwrap()
            .trim_end_matches('\0')
            .parse()
            .unwrap();
        ask_tx(server, dom0, tx, M::READ, b"/local/domain/5/data\0").0.unwrap();
        ask_tx(server, dom0, tx, M::WRITE, b"/seen\0x").0.unwrap();
        if server.accepts(guest) {
            ask(server, guest, M::WRITE, "data\0x").unwrap();
        }
        ask_tx(server, dom0, tx, M::TRANSACTION_END, b"T\0").0
    };
    let tries: Vec<_> = (0..4).map(|_| try_once(&mut server)).collect();
    let again = || Err(ServerError::Again);
    assert_eq!(tries, [again(), again(), again(), Ok(OK.into())]);
    assert!(server.accepts(guest) && server.accepts(dom0));
    // A client that does not try again delays others for a second at most; others are not held
    // up at all.
    server.introduce(DomId(6));
    let other = server.connect(DomId(6));
    (0..3).for_each(|_| assert_eq!(try_once(&mut server), again()));
    assert!(!server.accepts(guest) && server.accepts(other));
    assert_eq!((server.tick(at(999)), server.accepts(guest)), (Some(at(1000)), false));
    assert_eq!((server.tick(at(1000)), server.accepts(guest)), (None, true));
    // A guest's own transactions delay no domain.
    for _ in 0..5 {
        let tx = ask(&mut server, guest, M::TRANSACTION_START, "\0")
            .unwrap()
            .trim_end_matches('\0')
            .parse();
        let tx = tx.unwrap();
        ask_tx(&mut server, guest, tx, M::READ, b"data\0").0.unwrap();
        ask(&mut server, dom0, M::WRITE, "/local/domain/5/data\0y").unwrap();
        assert_eq!(ask_tx(&mut server, guest, tx, M::TRANSACTION_END, b"T\0").0, again());
    }
    assert!(server.accepts(dom0) && server.accepts(guest));
}

#[test]
fn directory_parts_fit_messages() {
    let (mut server, dom0, _) = start();
    for (name, len) in [("a", 2000), ("b", 1990)] {
        ask(&mut server, dom0, M::MKDIR, &format!("/dir/{}\0", name.repeat(len))).unwrap();
    }
    let mut parts = Vec::new();
    for len in 80..120 {
        let last = format!("/dir/{}\0", "c".repeat(len));
        ask(&mut server, dom0, M::MKDIR, &last).unwrap();
        let (mut names, mut count, mut longest) = (String::new(), 0, 0);
        while !names.ends_with("\0\0") {
            let part =
                ask(&mut server, dom0, M::DIRECTORY_PART, &format!("/dir\0{}\0", names.len()))
                    .unwrap();
            assert!(part.len() <= 4096, "{} bytes", part.len());
            longest = longest.max(part.len());
            let (_, part) = part.split_once('\0').unwrap();
            names += part;
            count += 1;
        }
        let mut lens: Vec<_> = names.trim_end_matches('\0').split('\0').map(str::len).collect();
        lens.sort_unstable();
        assert_eq!(lens, [len, 1990, 2000]);
        parts.push((count, longest));
        ask(&mut server, dom0, M::RM, &last).unwrap();
    }
    // The shortest fit into one message, as far as there is room.
    let one = parts.iter().filter(|&&(count, _)| count == 1).count();
    assert!(parts.is_sorted_by_key(|&(count, _)| count) && one < parts.len(), "{parts:?}");
    assert_eq!(parts[one - 1], (1, 4096));
}

#[test]
fn nodes_of_transactions_count_together() {
    let (mut server, _, guest) = start();
    server.set_quotas(Quotas { nodes: 10, ..Quotas::default() });
    let begin = |server: &mut Server| {
        let number = ask(server, guest, M::TRANSACTION_START, "\0").unwrap();
        number.trim_end_matches('\0').parse::<u32>().unwrap()
    };
    for name in ["a", "b"] {
        ask(&mut server, guest, M::MKDIR, &format!("{name}\0")).unwrap();
    }
    let transactions = [begin(&mut server), begin(&mut server)];
    for (tx, dir) in transactions.into_iter().zip(["a", "b"]) {
        for number in 0..6 {
            let body = format!("{dir}/{number}\0");
            assert_eq!(ask_tx(&mut server, guest, tx, M::MKDIR, body.as_bytes()).0.unwrap(), OK);
        }
    }
    assert_eq!(
        ask_tx(&mut server, guest, transactions[0], M::TRANSACTION_END, b"T\0").0.unwrap(),
        OK
    );
    let second = ask_tx(&mut server, guest, transactions[1], M::TRANSACTION_END, b"T\0").0;
    assert_eq!(second, Err(ServerError::NoSpace));
    assert_eq!(ask(&mut server, guest, M::DIRECTORY, "b\0"), Ok(String::new()));
    // What was undone is not counted: there is room for one more.
    assert_eq!(ask(&mut server, guest, M::MKDIR, "c\0").unwrap(), OK);
    assert_eq!(ask(&mut server, guest, M::MKDIR, "d\0"), Err(ServerError::NoSpace));
}

#[test]
fn transaction_changes_are_bounded() {
    let (mut server, _, guest) = start();
    ask(&mut server, guest, M::TRANSACTION_START, "\0").unwrap();
    for round in 0..5000u32 {
        let body = [&b"same\0"[..], &round.to_ne_bytes()].concat();
        ask_tx(&mut server, guest, 1, M::WRITE, &body).0.unwrap();
    }
    let refused = (0..2000).find_map(|number| {
        ask_tx(&mut server, guest, 1, M::READ, format!("none{number}\0").as_bytes())
            .0
            .err()
            .filter(|error| *error == ServerError::NoSpace)
    });
    assert_eq!(refused, Some(ServerError::NoSpace));
    let refused = (0..2000).find_map(|number| {
        let kind = if number % 2 == 0 { M::MKDIR } else { M::RM };
        ask_tx(&mut server, guest, 1, kind, b"other\0").0.err()
    });
    assert_eq!(refused, Some(ServerError::NoSpace));
}

#[test]
fn reused_domid_inherits_nothing() {
    let (mut server, dom0, guest) = start();
    ask(&mut server, guest, M::WRITE, "secret\0x").unwrap();
    ask(&mut server, dom0, M::WRITE, "/shared\0x").unwrap();
    ask(&mut server, dom0, M::SET_PERMS, "/shared\0n0\0r5\0r6\0").unwrap();
    assert_eq!(ask(&mut server, guest, M::READ, "/shared\0"), Ok("x".into()));
    ask(&mut server, dom0, M::SET_QUOTA, "5\0nodes\x003\0").unwrap();
    ask(&mut server, guest, M::WATCH, "/shared\0t\0").unwrap();
    server.release(DomId(5));
    assert_eq!(ask(&mut server, dom0, M::IS_DOMAIN_INTRODUCED, "5\0"), Ok("F\0".into()));
    assert_eq!(ask(&mut server, dom0, M::GET_PERMS, "/shared\0"), Ok("n0\0r6\0".into()));
    assert_eq!(
        ask(&mut server, dom0, M::READ, "/local/domain/5/secret\0"),
        Err(ServerError::NotFound)
    );
    assert_eq!(server.receive(guest, &[], &mut NoDomains), Err(Breach::Unknown));
    assert_eq!(ask(&mut server, dom0, M::CONTROL, "check\0"), Ok(OK.into()));
    server.introduce(DomId(5));
    let next = server.connect(DomId(5));
    assert_eq!(ask(&mut server, next, M::READ, "/shared\0"), Err(ServerError::AccessDenied));
    ask(&mut server, dom0, M::WRITE, "/shared\0y").unwrap();
    assert_eq!(events(&mut server, next), [""; 0]);
    ask(&mut server, dom0, M::MKDIR, "/local/domain/5\0").unwrap();
    ask(&mut server, dom0, M::SET_PERMS, "/local/domain/5\0n5\0").unwrap();
    // Its quota is everybody's, and nothing is used of it.
    for number in 0..900 {
        assert_eq!(
            ask(&mut server, next, M::MKDIR, &format!("data/{}/{number}\0", number % 9)).unwrap(),
            OK
        );
    }
}

#[test]
fn reset_watches_ends_transaction() {
    let (mut server, _, guest) = start();
    ask(&mut server, guest, M::TRANSACTION_START, "\0").unwrap();
    ask_tx(&mut server, guest, 1, M::WRITE, b"a\0x").0.unwrap();
    assert_eq!(ask_tx(&mut server, guest, 1, M::RESET_WATCHES, b"\0").0.unwrap(), OK);
    assert_eq!(ask_tx(&mut server, guest, 1, M::READ, b"a\0").0, Err(ServerError::NotFound));
    assert_eq!(
        ask_tx(&mut server, guest, 1, M::TRANSACTION_END, b"T\0").0,
        Err(ServerError::NotFound)
    );
    assert_eq!(ask(&mut server, guest, M::READ, "a\0"), Err(ServerError::NotFound));
}

#[test]
fn paths_at_limit_are_refused() {
    let (mut server, dom0, guest) = start();
    for path in ["/local/domain/", "", "//", "/a/", "a//b", "@none", "a b", "/local/domain/5/../0"]
    {
        let reply = ask(&mut server, dom0, M::READ, &format!("{path}\0"));
        assert_eq!(reply, Err(ServerError::Invalid), "{path}");
    }
    // With the home before it, the longest relative path is still one that fits.
    let longest = format!("{}/{}", "a".repeat(1023), "a".repeat(1024));
    assert_eq!(ask(&mut server, guest, M::WRITE, &format!("{longest}\0x")), Ok(OK.into()));
    assert_eq!(
        ask(&mut server, guest, M::READ, &format!("{longest}a\0")),
        Err(ServerError::Invalid)
    );
    assert_eq!(ask(&mut server, guest, M::RM, "/\0"), Err(ServerError::Invalid));
    assert_eq!(ask(&mut server, guest, M::SET_PERMS, "/\0n5\0"), Err(ServerError::AccessDenied));
}

#[test]
fn oversized_event_is_not_sent() {
    let (mut server, dom0, guest) = start();
    let token = "t".repeat(4000);
    ask(&mut server, guest, M::WATCH, &format!("data\0{token}\0")).unwrap();
    ask(&mut server, dom0, M::WRITE, &format!("/local/domain/5/data/{}\0", "x".repeat(200)))
        .unwrap();
    assert_eq!(events(&mut server, guest), [""; 0]);
    ask(&mut server, dom0, M::WRITE, "/local/domain/5/data/y\0").unwrap();
    assert_eq!(events(&mut server, guest), ["data/y"]);
}

#[test]
fn unreadable_node_fires_no_watch() {
    let (mut server, dom0, guest) = start();
    ask(&mut server, guest, M::WATCH, "/\0t\0").unwrap();
    ask(&mut server, guest, M::WATCH, "@releaseDomain\0t\0").unwrap();
    events(&mut server, guest);
    ask(&mut server, dom0, M::WRITE, "/secret/x\0x").unwrap();
    ask(&mut server, dom0, M::RM, "/secret\0").unwrap();
    server.introduce(DomId(6));
    server.release(DomId(6));
    assert_eq!(events(&mut server, guest), [""; 0]);
    ask(&mut server, dom0, M::SET_PERMS, "@releaseDomain\0n0\0r5\0").unwrap();
    server.release(DomId(6));
    assert_eq!(events(&mut server, guest), ["@releaseDomain"]);
}

#[test]
fn watch_depth_limits_events() {
    let (mut server, dom0, _) = start();
    for (depth, token) in [("0", "0"), ("1", "1"), ("2", "2")] {
        ask(&mut server, dom0, M::WATCH, &format!("/a\0{token}\0{depth}\0")).unwrap();
    }
    for path in ["/a", "/a/b", "/a/b/c", "/a/b/c/d"] {
        let (_, events) = ask_tx(&mut server, dom0, 0, M::WRITE, format!("{path}\0x").as_bytes());
        let levels = path.matches('/').count();
        assert_eq!(events.len(), 4usize.saturating_sub(levels), "{path}");
    }
    ask(&mut server, dom0, M::WATCH, "@releaseDomain\0all\0").unwrap();
    ask(&mut server, dom0, M::WATCH, "@releaseDomain\0each\x001\0").unwrap();
    ask(&mut server, dom0, M::WATCH, "@releaseDomain/9\0one\0").unwrap();
    events(&mut server, dom0);
    server.release(DomId(8));
    assert_eq!(events(&mut server, dom0), ["@releaseDomain", "@releaseDomain/8"]);
    server.release(DomId(9));
    assert_eq!(events(&mut server, dom0).len(), 3);
}

#[derive(Default)]
struct Toolstack {
    introduced: Vec<(DomId, Gfn, Port)>,
    released: Vec<DomId>,
}

impl Domains for Toolstack {
    fn introduce(&mut self, domain: DomId, gfn: Gfn, port: Port) -> Result<(), ServerError> {
        if domain == DomId(13) {
            return Err(ServerError::Invalid);
        }
        self.introduced.push((domain, gfn, port));
        Ok(())
    }

    fn release(&mut self, domain: DomId) {
        self.released.push(domain);
    }
}

#[test]
fn toolstack_introduces_domains() {
    let mut server = Server::new();
    let dom0 = server.connect(DomId(0));
    let mut host = Toolstack::default();
    let mut ask = |server: &mut Server, kind: M, body: &str| {
        let header = XsdSockmsg { type_: kind, req_id: 1, tx_id: 0, len: body.len() as u32 };
        server.serve(dom0, header, body.as_bytes(), &mut host);
        let message = server.take_message(dom0).unwrap();
        let text = String::from_utf8_lossy(&message[16..]).replace('\0', "");
        (text, host.introduced.len(), host.released.len())
    };
    let mut says = |kind: M, body: &str| ask(&mut server, kind, body).0;
    assert_eq!(says(M::GET_FEATURE, "\0"), "EINVAL");
    assert_eq!(says(M::GET_FEATURE, ""), "7");
    assert_eq!(says(M::SET_FEATURE, "7\x003\0"), "OK");
    assert_eq!(says(M::GET_FEATURE, "7\0"), "3");
    assert_eq!(says(M::SET_FEATURE, "7\x008\0"), "EINVAL");
    assert_eq!(says(M::SET_QUOTA, "7\0nodes\x0012\0"), "OK");
    assert_eq!(says(M::GET_QUOTA, "7\0nodes\0"), "12");
    assert_eq!(says(M::GET_QUOTA, "nodes\0"), "1000");
    assert_eq!(says(M::GET_QUOTA, "nonsense\0"), "EINVAL");
    assert!(says(M::GET_QUOTA, "").contains("transaction-nodes"));
    assert_eq!(says(M::INTRODUCE, "7\x004095\x003\0"), "OK");
    assert_eq!(says(M::INTRODUCE, "13\x004095\x003\0"), "EINVAL");
    assert_eq!(says(M::IS_DOMAIN_INTRODUCED, "7\0"), "T");
    assert_eq!(says(M::IS_DOMAIN_INTRODUCED, "13\0"), "F");
    assert_eq!(says(M::SET_FEATURE, "7\x001\0"), "EBUSY");
    assert_eq!(says(M::RESUME, "7\0"), "OK");
    assert_eq!(says(M::RESUME, "8\0"), "ENOENT");
    assert_eq!(says(M::SET_TARGET, "7\x008\0"), "ENOENT");
    assert_eq!(says(M::SET_TARGET, "7\x000\0"), "OK");
    assert_eq!(says(M::RELEASE, "0\0"), "EINVAL");
    assert_eq!(says(M::RELEASE, "8\0"), "ENOENT");
    assert_eq!(ask(&mut server, M::RELEASE, "7\0"), ("OK".into(), 1, 1));
    assert_eq!(host.introduced, [(DomId(7), Gfn(4095), Port(3))]);
    let guest = server.connect(DomId(7));
    for kind in [M::INTRODUCE, M::RELEASE, M::SET_QUOTA, M::GET_QUOTA, M::CONTROL, M::SET_TARGET] {
        assert_eq!(self::ask(&mut server, guest, kind, "7\0"), Err(ServerError::AccessDenied));
    }
    assert_eq!(self::ask(&mut server, guest, M::GET_FEATURE, ""), Ok("7\0".into()));
}

#[test]
fn domain_has_rights_of_target() {
    let (mut server, dom0, guest) = start();
    server.introduce(DomId(6));
    let model = server.connect(DomId(6));
    ask(&mut server, guest, M::WRITE, "node\0x").unwrap();
    ask(&mut server, dom0, M::MKDIR, "/local/domain/6\0").unwrap();
    ask(&mut server, dom0, M::SET_PERMS, "/local/domain/6\0n6\0").unwrap();
    let path = "/local/domain/5/node\0";
    let denied = || Err(ServerError::AccessDenied);
    assert_eq!(ask(&mut server, model, M::READ, path), denied());
    ask(&mut server, dom0, M::SET_TARGET, "6\x005\0").unwrap();
    assert_eq!(ask(&mut server, model, M::READ, path).unwrap(), "x");
    assert_eq!(ask(&mut server, model, M::WRITE, &format!("{path}y")).unwrap(), OK);
    // It keeps the owner: only dom0 gives a node away.
    assert_eq!(ask(&mut server, model, M::SET_PERMS, &format!("{path}n5\0r6\0")).unwrap(), OK);
    // Its own rights stay, and its target gets none of them.
    assert_eq!(ask(&mut server, model, M::WRITE, "own\0z").unwrap(), OK);
    assert_eq!(ask(&mut server, model, M::READ, "own\0").unwrap(), "z");
    assert_eq!(ask(&mut server, guest, M::READ, "/local/domain/6/own\0"), denied());
    // What its target may only read, it may read too.
    ask(&mut server, dom0, M::WRITE, "/shown\0w").unwrap();
    ask(&mut server, dom0, M::SET_PERMS, "/shown\0n0\0r5\0").unwrap();
    assert_eq!(ask(&mut server, model, M::READ, "/shown\0").unwrap(), "w");
    assert_eq!(ask(&mut server, model, M::WRITE, "/shown\0v"), denied());
    ask(&mut server, dom0, M::SET_PERMS, "/shown\0n0\0w5\0").unwrap();
    assert_eq!(ask(&mut server, model, M::WRITE, "/shown\0v").unwrap(), OK);
    assert_eq!(ask(&mut server, model, M::READ, "/shown\0"), denied());
}

#[test]
fn commit_sees_changes_below_removal() {
    let (mut server, dom0, _) = start();
    ask(&mut server, dom0, M::WRITE, "/a/b/c\0x").unwrap();
    ask(&mut server, dom0, M::TRANSACTION_START, "\0").unwrap();
    ask_tx(&mut server, dom0, 1, M::RM, b"/a\0").0.unwrap();
    ask(&mut server, dom0, M::WRITE, "/a/b/c\0y").unwrap();
    assert_eq!(ask_tx(&mut server, dom0, 1, M::TRANSACTION_END, b"T\0").0, Err(ServerError::Again));
    assert_eq!(ask(&mut server, dom0, M::READ, "/a/b/c\0"), Ok("y".into()));
}

/// A request: whose, of which transaction, of which kind, about which path, and how much is behind
/// that.
type Deed = (bool, bool, u8, u8, usize);

fn deed(server: &mut Server, clients: [ConnectionId; 2], (by_guest, in_tx, kind, path, len): Deed) {
    const KINDS: [M; 8] = [
        M::WRITE,
        M::MKDIR,
        M::RM,
        M::SET_PERMS,
        M::READ,
        M::TRANSACTION_START,
        M::TRANSACTION_END,
        M::RESET_WATCHES,
    ];
    let kind = KINDS[usize::from(kind) % KINDS.len()];
    let client = clients[usize::from(by_guest)];
    let tx = if in_tx { server.open_transactions(client).last().unwrap_or(0) } else { 0 };
    let path = ["/local/domain/5", "/local/domain/5/a", "/local/domain/5/a/b", "/x/y/z"]
        [usize::from(path) % 4];
    let body = match kind {
        M::WRITE => format!("{path}\0{}", "v".repeat(len)),
        M::SET_PERMS => format!("{path}\0n{}\0{}", 5 + len % 2, "r7\0".repeat(len % 3)),
        M::TRANSACTION_START | M::RESET_WATCHES => "\0".to_owned(),
        M::TRANSACTION_END => if len % 4 == 0 { "F\0" } else { "T\0" }.to_owned(),
        _ => format!("{path}\0"),
    };
    let _ = ask_tx(server, client, tx, kind, body.as_bytes());
}

#[test]
fn unread_events_make_the_writer_wait() {
    let (mut server, dom0, guest) = start();
    let at = |milliseconds: u64| Instant::from_nanos(milliseconds * 1_000_000);
    server.introduce(DomId(6));
    ask(&mut server, dom0, M::SET_PERMS, "/local/domain/5\0n5\0r6\0").unwrap();
    let driver = server.connect(DomId(6));
    ask(&mut server, driver, M::WATCH, "/local/domain/5\0t\0").unwrap();
    server.tick(at(0));
    let (mut written, mut seen, mut waits) = (0, Vec::new(), 0);
    while written < 9000 {
        if server.accepts(guest) {
            let name = format!("data/{}\0", written);
            ask(&mut server, guest, M::WRITE, &name).unwrap();
            ask(&mut server, guest, M::RM, &name).unwrap();
            written += 1;
            continue;
        }
        // The guest waits only until the driver domain has read, and its clock need not move on.
        waits += 1;
        assert_eq!(server.breach(driver), None);
        seen.extend(events(&mut server, driver));
        assert!(server.accepts(guest));
    }
    seen.extend(events(&mut server, driver));
    assert_eq!(server.breach(driver), None);
    assert!((1..10_000).contains(&waits), "{waits}");
    // The making and the removal of a node are merged only where neither was read before.
    let made: BTreeSet<_> = seen.iter().filter(|path| path.contains("/data/")).collect();
    assert_eq!(made.len(), 9000);
}

#[test]
fn reader_that_never_reads_ends_alone() {
    let (mut server, dom0, guest) = start();
    let at = |milliseconds: u64| Instant::from_nanos(milliseconds * 1_000_000);
    server.introduce(DomId(6));
    ask(&mut server, dom0, M::SET_PERMS, "/local/domain/5\0n5\0r6\0").unwrap();
    let driver = server.connect(DomId(6));
    ask(&mut server, driver, M::WATCH, "/local/domain/5\0t\0").unwrap();
    events(&mut server, driver);
    let (mut now, mut written) = (0, 0);
    server.tick(at(now));
    while server.breach(driver).is_none() {
        if server.accepts(guest) {
            ask(&mut server, guest, M::WRITE, &format!("data/{written}\0")).unwrap();
            ask(&mut server, guest, M::RM, &format!("data/{written}\0")).unwrap();
            written += 1;
        } else {
            now += 100;
            server.tick(at(now));
        }
    }
    // Once it waits, the guest gets one request through a second, until the reader's time is up.
    assert!(matches!(server.breach(driver), Some(Breach::Stalled { .. })));
    assert!((20_000..22_000).contains(&now), "{now}");
    server.disconnect(driver);
    assert!(server.accepts(guest));
}

#[test]
fn repeated_commit_events_are_merged() {
    let (mut server, dom0, guest) = start();
    for watch in 0..128 {
        ask(&mut server, guest, M::WATCH, &format!("data\0{watch}\0")).unwrap();
    }
    events(&mut server, guest);
    ask(&mut server, dom0, M::TRANSACTION_START, "\0").unwrap();
    for round in 0..430 {
        let body = format!("/local/domain/5/data\0{round}");
        ask_tx(&mut server, dom0, 1, M::WRITE, body.as_bytes()).0.unwrap();
        let body = format!("/local/domain/5/data/{}\0{round}", round % 20);
        ask_tx(&mut server, dom0, 1, M::WRITE, body.as_bytes()).0.unwrap();
    }
    ask_tx(&mut server, dom0, 1, M::TRANSACTION_END, b"T\0").0.unwrap();
    // One event for each watch and node; the very first is not merged with, as it may be on its
    // way.
    assert_eq!((server.breach(guest), server.waiting(guest)), (None, 128 * 21));
}

/// Returns the nodes as clients see them.
fn dump(server: &mut Server, dom0: ConnectionId, path: &str, seen: &mut Vec<String>) {
    for kind in [M::READ, M::GET_PERMS] {
        seen.push(format!("{path}: {:?}", ask(server, dom0, kind, &format!("{path}\0"))));
    }
    let list = ask(server, dom0, M::DIRECTORY, &format!("{path}\0")).unwrap_or_default();
    for name in list.split_terminator('\0') {
        dump(server, dom0, &format!("{}/{name}", path.trim_end_matches('/')), seen);
    }
}

proptest::proptest! {
    #[test]
    fn transaction_equals_single_requests(deeds: Vec<(u8, u8, usize)>) {
        const KINDS: [M; 7] =
            [M::WRITE, M::MKDIR, M::RM, M::SET_PERMS, M::READ, M::DIRECTORY, M::GET_PERMS];
        const PATHS: [&str; 7] =
            ["a", "a/b", "a/b/c", "a/b/c/d/e", "/local/domain/5", "/x", "/local/domain/5/a/f"];
        let ((mut one, dom0, guest), (mut other, ..)) = (start(), start());
        ask(&mut other, guest, M::TRANSACTION_START, "\0").unwrap();
        for (kind, path, len) in deeds {
            let (kind, path) = (KINDS[usize::from(kind) % 7], PATHS[usize::from(path) % 7]);
            let body = match kind {
                M::WRITE => format!("{path}\0{}", "v".repeat(len % 300)),
                M::SET_PERMS => format!("{path}\0n5\0{}", "r7\0".repeat(len % 3)),
                _ => format!("{path}\0"),
            };
            let expected = ask_tx(&mut one, guest, 0, kind, body.as_bytes()).0;
            let found = ask_tx(&mut other, guest, 1, kind, body.as_bytes()).0;
            assert_eq!(found, expected, "{kind:?} {body:?}");
        }
        ask_tx(&mut other, guest, 1, M::TRANSACTION_END, b"T\0").0.unwrap();
        let (mut expected, mut found) = (Vec::new(), Vec::new());
        dump(&mut one, dom0, "/", &mut expected);
        dump(&mut other, dom0, "/", &mut found);
        assert_eq!(found, expected);
        assert_eq!(ask(&mut other, dom0, M::CONTROL, "check\0"), Ok(OK.into()));
    }

    #[test]
    fn node_counts_are_always_right(deeds: Vec<Deed>) {
        let (mut server, dom0, guest) = start();
        for (by_guest, in_tx, kind, path, len) in deeds {
            deed(&mut server, [dom0, guest], (by_guest, in_tx, kind, path, len % 300));
            assert_eq!(ask(&mut server, dom0, M::CONTROL, "check\0"), Ok(OK.into()));
        }
        server.release(DomId(5));
        assert_eq!(ask(&mut server, dom0, M::CONTROL, "check\0"), Ok(OK.into()));
    }
}
