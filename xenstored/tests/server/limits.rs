//! The exact amounts that quotas and limits admit.

use super::*;
use xen_store::wire::Permission;

fn begin(server: &mut Server, id: ConnectionId) -> u32 {
    let number = ask(server, id, M::TRANSACTION_START, "\0").unwrap();
    number.trim_end_matches('\0').parse().unwrap()
}

/// A quota, and how a request over it is refused.
type Limit = (&'static str, ServerError);

const MEMORY: Limit = ("memory", ServerError::OutOfMemory);
const NODE_SIZE: Limit = ("node-size", ServerError::NoSpace);

/// Returns the smallest quota with which the guest's request is served after `before`, which
/// returns the transaction of the request.
fn least(
    (quota, refusal): Limit,
    before: impl Fn(&mut Server, ConnectionId) -> u32,
    kind: M,
    body: &str,
) -> usize {
    let is_served = |value: usize| {
        let (mut server, dom0, guest) = start();
        let tx = before(&mut server, guest);
        ask(&mut server, dom0, M::SET_QUOTA, &format!("5\0{quota}\0{value}\0")).unwrap();
        let reply = ask_tx(&mut server, guest, tx, kind, body.as_bytes()).0;
        assert!(reply.is_ok() || reply == Err(refusal), "{reply:?}");
        reply.is_ok()
    };
    let (mut refused, mut served) = (0, 1 << 16);
    assert!(is_served(served));
    while served - refused > 1 {
        let middle = refused.midpoint(served);
        *(if is_served(middle) { &mut served } else { &mut refused }) = middle;
    }
    served
}

/// Does nothing before the request, which is in no transaction.
fn nothing(_: &mut Server, _: ConnectionId) -> u32 {
    0
}

/// A request that takes nothing, for `least` to find the memory that is kept already.
const IDLE: (M, &str) = (M::WRITE, "/local/domain/5\0");

fn kept_after(kind: M, body: &str) -> usize {
    let before = |server: &mut Server, id: ConnectionId| {
        ask(server, id, kind, body).unwrap();
        0
    };
    least(MEMORY, before, IDLE.0, IDLE.1)
}

#[test]
fn requests_need_the_memory_they_take() {
    let idle = least(MEMORY, nothing, IDLE.0, IDLE.1);
    let need = |kind, body: &str| least(MEMORY, nothing, kind, body) - idle;
    let node = need(M::MKDIR, "a\0");
    for (kind, body, bytes) in [
        (M::MKDIR, "abc\0", node + 2),
        (M::WRITE, "a\0", node),
        (M::WRITE, "a\x001234567", node + 7),
        (M::WATCH, "a\0t\0", need(M::WATCH, "a\0\0") + 1),
        // The path counts as it was given, and as an absolute one.
        (M::WATCH, "abc\0\0", need(M::WATCH, "a\0\0") + 4),
    ] {
        assert_eq!(need(kind, body), bytes, "{kind:?} {body:?}");
        assert_eq!(kept_after(kind, body) - idle, bytes, "{kind:?} {body:?}");
    }
    // Every missing node counts, and the text between them.
    assert_eq!(need(M::MKDIR, "a/b\0"), 2 * node + 1);
    assert_eq!(need(M::MKDIR, "a/b/c\0"), 3 * node + 2);
}

#[test]
fn changed_value_needs_what_it_grows() {
    let before = |server: &mut Server, id: ConnectionId| {
        ask(server, id, M::WRITE, "a\x001234").unwrap();
        0
    };
    let kept = least(MEMORY, before, IDLE.0, IDLE.1);
    for (value, more) in [("", 0), ("abc", 0), ("abcd", 0), ("abcdefg", 3)] {
        assert_eq!(least(MEMORY, before, M::WRITE, &format!("a\0{value}")), kept + more, "{value}");
    }
}

#[test]
fn transaction_needs_twice_what_it_writes() {
    let looked_at = |server: &mut Server, id: ConnectionId| {
        let tx = begin(server, id);
        ask_tx(server, id, tx, M::DIRECTORY, b"/local/domain/5\0").0.unwrap();
        ask_tx(server, id, tx, M::READ, b"a\0").0.unwrap_err();
        tx
    };
    let need = |len| least(MEMORY, looked_at, M::WRITE, &format!("a\0{}", "v".repeat(len)));
    assert_eq!(need(400) - need(300), 200);
}

#[test]
fn size_of_a_node_is_exact() {
    let entry = size_of::<Permission>();
    let write = |len| least(NODE_SIZE, nothing, M::WRITE, &format!("a\0{}", "v".repeat(len)));
    assert_eq!(write(100), entry + 100);
    // A short value fits as soon as the node above has room for the name and its end.
    assert_eq!(write(0), entry + 2);
    assert_eq!(least(NODE_SIZE, nothing, M::MKDIR, "abcd/efghijkl\0"), entry + 5);
    let before = |server: &mut Server, id: ConnectionId| {
        ask(server, id, M::WRITE, "a\x0012345").unwrap();
        ask(server, id, M::MKDIR, "a/bc\0").unwrap();
        ask(server, id, M::SET_PERMS, "a\0n5\0r1\0").unwrap();
        0
    };
    assert_eq!(least(NODE_SIZE, before, M::WRITE, "a\x00123456"), 2 * entry + 3 + 6);
    assert_eq!(least(NODE_SIZE, before, M::MKDIR, "a/def\0"), 2 * entry + 3 + 5 + 4);
    // Less is always possible.
    for value in ["1234", "54321"] {
        assert_eq!(least(NODE_SIZE, before, M::WRITE, &format!("a\0{value}")), 1, "{value}");
    }
}

#[test]
fn counts_reach_their_quota() {
    // The guest's home counts too.
    let nodes = ("nodes", ServerError::NoSpace);
    assert_eq!(least(nodes, nothing, M::MKDIR, "a/b/c\0"), 4);
    let length = ("path-length", ServerError::Invalid);
    assert_eq!(least(length, nothing, M::WRITE, "abc\0"), "/local/domain/5/abc".len());
    let permissions = ("node-permissions", ServerError::NoSpace);
    assert_eq!(least(permissions, nothing, M::SET_PERMS, "/local/domain/5\0n5\0r1\0b2\0"), 3);
    let watched = |server: &mut Server, id: ConnectionId| {
        ask(server, id, M::WATCH, "a\0t\0").unwrap();
        0
    };
    assert_eq!(least(("watches", ServerError::TooBig), watched, M::WATCH, "a\0u\0"), 2);
    let open = |server: &mut Server, id: ConnectionId| {
        begin(server, id);
        0
    };
    assert_eq!(least(("transactions", ServerError::NoSpace), open, M::TRANSACTION_START, "\0"), 2);
}

/// Begins a transaction that reads no more nodes, and makes no more changes, than `limit`.
fn begin_limited(server: &mut Server, id: ConnectionId, limit: usize) -> u32 {
    server.set_quotas(Quotas { transaction_nodes: limit, ..Quotas::default() });
    begin(server, id)
}

#[test]
fn transaction_reads_limited_nodes() {
    let cases = [(2, "a", true), (3, "a/b", true), (2, "a/b", false), (1, "a", false)];
    for (limit, path, served) in cases {
        let (mut server, _, guest) = start();
        let tx = begin_limited(&mut server, guest, limit);
        let reply = ask_tx(&mut server, guest, tx, M::WRITE, format!("{path}\0x").as_bytes()).0;
        let expected = if served { Ok(OK.into()) } else { Err(ServerError::NoSpace) };
        assert_eq!(reply, expected, "{limit} {path}");
        if served {
            // A node that was read can be changed further.
            let again = ask_tx(&mut server, guest, tx, M::WRITE, format!("{path}\0y").as_bytes()).0;
            assert_eq!(again.unwrap(), OK);
            let other = ask_tx(&mut server, guest, tx, M::READ, b"c\0").0;
            assert_eq!(other, Err(ServerError::NoSpace));
        }
        ask_tx(&mut server, guest, tx, M::TRANSACTION_END, b"T\0").0.unwrap();
        let found = ask(&mut server, guest, M::READ, &format!("{path}\0"));
        assert_eq!(found, if served { Ok("y".into()) } else { Err(ServerError::NotFound) });
    }
}

#[test]
fn transaction_makes_its_limit_of_changes() {
    let (mut server, _, guest) = start();
    let tx = begin_limited(&mut server, guest, 5);
    let mut replies = (0..7).map(|number| {
        let kind = if number % 2 == 0 { M::MKDIR } else { M::RM };
        ask_tx(&mut server, guest, tx, kind, b"a\0").0
    });
    assert!(replies.by_ref().take(5).all(|reply| reply == Ok(OK.into())));
    assert!(replies.all(|reply| reply == Err(ServerError::NoSpace)));
    ask_tx(&mut server, guest, tx, M::TRANSACTION_END, b"T\0").0.unwrap();
    assert_eq!(ask(&mut server, guest, M::READ, "a\0").unwrap(), "");
}

#[test]
fn removed_nodes_make_room_in_transaction() {
    let (mut server, _, guest) = start();
    server.set_quotas(Quotas { nodes: 3, ..Quotas::default() });
    let tx = begin(&mut server, guest);
    let mut ask = |kind, path: &[u8]| ask_tx(&mut server, guest, tx, kind, path).0;
    for _ in 0..3 {
        assert_eq!(ask(M::MKDIR, b"a/b\0").unwrap(), OK);
        assert_eq!(ask(M::MKDIR, b"c\0"), Err(ServerError::NoSpace));
        assert_eq!(ask(M::RM, b"a\0").unwrap(), OK);
    }
}

#[test]
fn commit_without_growth_ignores_quotas() {
    for (quota, growth) in [("nodes", ServerError::NoSpace), ("memory", ServerError::OutOfMemory)] {
        let (mut server, dom0, guest) = start();
        ask(&mut server, guest, M::WRITE, "a/b\0x").unwrap();
        ask(&mut server, guest, M::WRITE, "d\0x").unwrap();
        let [same, more, less] = [(); 3].map(|()| begin(&mut server, guest));
        ask_tx(&mut server, guest, same, M::WRITE, b"a/b\0y").0.unwrap();
        ask_tx(&mut server, guest, more, M::WRITE, b"a/c\0z").0.unwrap();
        ask_tx(&mut server, guest, less, M::RM, b"d\0").0.unwrap();
        ask(&mut server, dom0, M::SET_QUOTA, &format!("5\0{quota}\x001\0")).unwrap();
        let mut end = |tx| ask_tx(&mut server, guest, tx, M::TRANSACTION_END, b"T\0").0;
        assert_eq!(end(more), Err(growth), "{quota}");
        assert_eq!(end(same).unwrap(), OK, "{quota}");
        assert_eq!(end(less).unwrap(), OK, "{quota}");
        assert_eq!(ask(&mut server, dom0, M::READ, "/local/domain/5/a/b\0").unwrap(), "y");
        assert_eq!(ask(&mut server, dom0, M::DIRECTORY, "/local/domain/5\0").unwrap(), "a\0");
        assert_eq!(ask(&mut server, dom0, M::DIRECTORY, "/local/domain/5/a\0").unwrap(), "b\0");
    }
}

#[test]
fn control_replies_have_two_limits() {
    for (value, taken) in [(4000, (1 << 20) / (16 + 4000) + 1), (0, 1024 + 1)] {
        let (mut server, dom0, _) = start();
        ask(&mut server, dom0, M::WRITE, &format!("/a\0{}", "v".repeat(value))).unwrap();
        let header = XsdSockmsg { type_: M::READ, req_id: 1, tx_id: 0, len: 3 };
        let mut requests = 0;
        while server.accepts(dom0) {
            server.serve(dom0, header, b"/a\0", &mut NoDomains);
            requests += 1;
        }
        assert_eq!(requests, taken, "{value}");
        server.take_message(dom0).unwrap();
        assert!(server.accepts(dom0));
    }
}

#[test]
fn control_events_end_at_16_mib() {
    let (mut server, dom0, _) = start();
    let reader = server.connect(DomId(0));
    ask(&mut server, reader, M::WATCH, &format!("/\0{}\0", "t".repeat(4000))).unwrap();
    let mut number = 0;
    while server.breach(reader).is_none() {
        ask(&mut server, dom0, M::WRITE, &format!("/{number:04}\0")).unwrap();
        number += 1;
    }
    // Header, path and token.
    let events = (16 << 20) / (16 + 6 + 4001);
    assert_eq!(server.breach(reader), Some(Breach::Overrun { events }));
    assert_eq!(server.waiting(reader), events);
    assert_eq!(number, events + 1);
}

#[test]
fn changes_of_a_transaction_are_counted() {
    let (mut server, _, guest) = start();
    server.set_quotas(Quotas { memory: 30_000, nodes: 0, ..Quotas::default() });
    let tx = ask(&mut server, guest, M::TRANSACTION_START, "\0").unwrap();
    let tx = tx.trim_end_matches('\0').parse().unwrap();
    let value = "v".repeat(1000);
    let full = Err(ServerError::OutOfMemory);
    let write = |number| format!("data/{number}\0{value}").into_bytes();
    let writes =
        (0..100).find(|&number| ask_tx(&mut server, guest, tx, M::WRITE, &write(number)).0 == full);
    assert!(writes.is_some_and(|writes| (5..30).contains(&writes)), "{writes:?}");
}

#[test]
fn node_in_transaction_is_its_makers() {
    let (mut server, dom0, guest) = start();
    ask(&mut server, dom0, M::MKDIR, "/shared\0").unwrap();
    ask(&mut server, dom0, M::SET_PERMS, "/shared\0n0\0b5\0").unwrap();
    let tx = ask(&mut server, guest, M::TRANSACTION_START, "\0").unwrap();
    let tx = tx.trim_end_matches('\0').parse().unwrap();
    ask_tx(&mut server, guest, tx, M::MKDIR, b"/shared/a/b\0").0.unwrap();
    for path in ["/shared/a\0", "/shared/a/b\0"] {
        let perms = ask_tx(&mut server, guest, tx, M::GET_PERMS, path.as_bytes()).0.unwrap();
        assert_eq!(perms, "n5\0b5\0", "{path}");
    }
    ask_tx(&mut server, guest, tx, M::TRANSACTION_END, b"T\0").0.unwrap();
    assert_eq!(ask(&mut server, guest, M::GET_PERMS, "/shared/a/b\0").unwrap(), "n5\0b5\0");
}

#[test]
fn nodes_of_a_transaction_are_counted() {
    let (mut server, _, guest) = start();
    // One of them is its home.
    server.set_quotas(Quotas { nodes: 3, ..Quotas::default() });
    let tx = ask(&mut server, guest, M::TRANSACTION_START, "\0").unwrap();
    let tx = tx.trim_end_matches('\0').parse().unwrap();
    let mut make = |path: &[u8]| ask_tx(&mut server, guest, tx, M::MKDIR, path).0;
    assert_eq!(make(b"a\0").unwrap(), OK);
    assert_eq!(make(b"b\0").unwrap(), OK);
    assert_eq!(make(b"c\0"), Err(ServerError::NoSpace));
}

#[test]
fn missing_nodes_above_are_counted() {
    let (mut server, _, guest) = start();
    server.set_quotas(Quotas { memory: 3000, nodes: 0, ..Quotas::default() });
    let deep = |levels: usize| format!("{}a\0", "a/".repeat(levels - 1));
    assert_eq!(ask(&mut server, guest, M::MKDIR, &deep(100)), Err(ServerError::OutOfMemory));
    assert_eq!(ask(&mut server, guest, M::MKDIR, &deep(3)).unwrap(), OK);
}

#[test]
fn reset_watches_are_not_counted() {
    let (mut server, _, guest) = start();
    server.set_quotas(Quotas { memory: 4096, ..Quotas::default() });
    for turn in 0..100 {
        for name in ["a", "b"] {
            assert_eq!(
                ask(&mut server, guest, M::WATCH, &format!("{name}\0token\0")).unwrap(),
                OK,
                "{turn}"
            );
        }
        assert_eq!(ask(&mut server, guest, M::RESET_WATCHES, "\0").unwrap(), OK);
    }
}

#[test]
fn permissions_have_a_quota() {
    let (mut server, _, guest) = start();
    server.set_quotas(Quotas { permissions: 2, ..Quotas::default() });
    assert_eq!(server.quotas().permissions, 2);
    ask(&mut server, guest, M::WRITE, "node\0x").unwrap();
    assert_eq!(ask(&mut server, guest, M::SET_PERMS, "node\0n5\0r1\0").unwrap(), OK);
    assert_eq!(
        ask(&mut server, guest, M::SET_PERMS, "node\0n5\0r1\0r2\0"),
        Err(ServerError::NoSpace)
    );
    assert_eq!(ask(&mut server, guest, M::GET_PERMS, "node\0").unwrap(), "n5\0r1\0");
}
