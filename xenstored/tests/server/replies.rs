//! The exact replies to requests, and to those at fault.

use super::*;
use xen_store::wire::OversizedBody;

#[test]
fn domain_numbers_end_before_reserved_ones() {
    let (mut server, dom0, guest) = start();
    check(
        &mut server,
        guest,
        0,
        &[
            (M::GET_DOMAIN_PATH, "0\0", "/local/domain/0\0"),
            (M::GET_DOMAIN_PATH, "32751\0", "/local/domain/32751\0"),
            (M::GET_DOMAIN_PATH, "32752\0", "EINVAL"),
            (M::GET_DOMAIN_PATH, "65541\0", "EINVAL"),
            (M::GET_DOMAIN_PATH, "x\0", "EINVAL"),
            (M::GET_DOMAIN_PATH, "5", "EINVAL"),
            (M::IS_DOMAIN_INTRODUCED, "5\0", "EACCES"),
        ],
    );
    check(
        &mut server,
        dom0,
        0,
        &[
            (M::IS_DOMAIN_INTRODUCED, "0\0", "T\0"),
            (M::IS_DOMAIN_INTRODUCED, "5\0", "T\0"),
            (M::IS_DOMAIN_INTRODUCED, "6\0", "F\0"),
            (M::IS_DOMAIN_INTRODUCED, "65541\0", "EINVAL"),
        ],
    );
}

#[test]
fn unknown_requests_are_refused() {
    let (mut server, dom0, _) = start();
    let kinds = [M::WATCH_EVENT, M::ERROR, M(99)];
    check(&mut server, dom0, 0, &kinds.map(|kind| (kind, "\0", "ENOSYS")));
}

#[test]
fn removal_of_missing_node_needs_parent() {
    let (mut server, dom0, guest) = start();
    check(
        &mut server,
        dom0,
        0,
        &[
            (M::WRITE, "/hidden/a\0x", OK),
            (M::WRITE, "/shown\0x", OK),
            (M::SET_PERMS, "/shown\0r0\0", OK),
            (M::RM, "/none\0", OK),
            (M::RM, "/none/a\0", "ENOENT"),
            (M::RM, "/hidden/a/b\0", OK),
        ],
    );
    check(
        &mut server,
        guest,
        0,
        &[
            (M::RM, "none\0", OK),
            (M::RM, "none/a\0", "ENOENT"),
            (M::RM, "/hidden/a\0", "EACCES"),
            (M::RM, "/hidden/none\0", "EACCES"),
            (M::RM, "/hidden/none/a\0", "EACCES"),
            (M::RM, "/shown\0", "EACCES"),
            (M::RM, "/shown/none\0", OK),
            (M::RM, "/shown/none/a\0", "ENOENT"),
            (M::RM, "/\0", "EINVAL"),
            (M::RM, "a", "EINVAL"),
        ],
    );
    check(&mut server, dom0, 0, &[(M::READ, "/hidden/a\0", "x"), (M::READ, "/shown\0", "x")]);
}

#[test]
fn permissions_are_set_by_owners() {
    let (mut server, dom0, guest) = start();
    check(
        &mut server,
        dom0,
        0,
        &[
            (M::WRITE, "/open\0x", OK),
            (M::SET_PERMS, "/open\0b0\0", OK),
            (M::SET_PERMS, "/none\0n0\0", "ENOENT"),
            (M::SET_PERMS, "/open\0", "EINVAL"),
            (M::SET_PERMS, "/open\0x0\0", "EINVAL"),
            (M::SET_PERMS, "", "EINVAL"),
            (M::GET_PERMS, "/open\0", "b0\0"),
        ],
    );
    check(
        &mut server,
        guest,
        0,
        &[
            (M::WRITE, "a\0x", OK),
            (M::SET_PERMS, "a\0b5\0r0\0", OK),
            (M::GET_PERMS, "a\0", "b5\0r0\0"),
            (M::SET_PERMS, "a\0n6\0", "EPERM"),
            (M::SET_PERMS, "none\0n5\0", "ENOENT"),
            (M::SET_PERMS, "/none\0n5\0", "EACCES"),
            (M::SET_PERMS, "/open\0b0\0", "EACCES"),
            (M::GET_PERMS, "a\0", "b5\0r0\0"),
        ],
    );
    check(&mut server, dom0, 0, &[(M::SET_PERMS, "/local/domain/5/a\0n6\0", OK)]);
    check(&mut server, guest, 0, &[(M::GET_PERMS, "a\0", "EACCES")]);
}

#[test]
fn special_watches_have_permissions() {
    let (mut server, dom0, guest) = start();
    let cases = [
        (M::GET_PERMS, "@introduceDomain\0", "n0\0"),
        (M::SET_PERMS, "@releaseDomain\0n0\0r5\0", OK),
        (M::GET_PERMS, "@releaseDomain\0", "n0\0r5\0"),
        (M::GET_PERMS, "@none\0", "EINVAL"),
        (M::SET_PERMS, "@none\0n0\0", "ENOENT"),
    ];
    check(&mut server, dom0, 0, &cases);
    let cases = [
        (M::SET_PERMS, "@releaseDomain\0b5\0", "EACCES"),
        (M::SET_PERMS, "@none\0n5\0", "ENOENT"),
        (M::GET_PERMS, "@releaseDomain\0", "n0\0r5\0"),
    ];
    check(&mut server, guest, 0, &cases);
}

#[test]
fn quotas_start_as_those_of_xenstored() {
    let (mut server, dom0, _) = start();
    let names = "nodes node-size node-permissions watches transactions transaction-nodes \
                 outstanding events path-length memory\0";
    check(
        &mut server,
        dom0,
        0,
        &[
            (M::GET_QUOTA, "", names),
            (M::GET_QUOTA, "nodes\0", "1000\0"),
            (M::GET_QUOTA, "5\0node-size\0", "2048\0"),
            (M::GET_QUOTA, "5\0node-permissions\0", "5\0"),
            (M::GET_QUOTA, "5\0watches\0", "128\0"),
            (M::GET_QUOTA, "5\0transactions\0", "10\0"),
            (M::GET_QUOTA, "5\0transaction-nodes\0", "1024\0"),
            (M::GET_QUOTA, "5\0outstanding\0", "20\0"),
            (M::GET_QUOTA, "5\0events\0", "4096\0"),
            (M::GET_QUOTA, "5\0path-length\0", "3072\0"),
            (M::GET_QUOTA, "memory\0", "2621440\0"),
            (M::GET_QUOTA, "0\0memory\0", "0\0"),
        ],
    );
}

#[test]
fn quota_is_set_per_domain() {
    let (mut server, dom0, _) = start();
    check(
        &mut server,
        dom0,
        0,
        &[
            (M::SET_QUOTA, "6\0watches\x003\0", OK),
            (M::SET_QUOTA, "nodes\x007\0", OK),
            (M::GET_QUOTA, "nodes\0", "7\0"),
            (M::GET_QUOTA, "5\0nodes\0", "7\0"),
            // One with quotas of its own keeps them all.
            (M::GET_QUOTA, "6\0nodes\0", "1000\0"),
            (M::GET_QUOTA, "6\0watches\0", "3\0"),
            (M::GET_QUOTA, "watches\0", "128\0"),
            (M::SET_QUOTA, "0\0nodes\x001\0", "EINVAL"),
            (M::SET_QUOTA, "none\x001\0", "EINVAL"),
            (M::SET_QUOTA, "5\0none\x001\0", "EINVAL"),
            (M::SET_QUOTA, "nodes\0x\0", "EINVAL"),
            (M::SET_QUOTA, "32752\0nodes\x001\0", "EINVAL"),
            (M::GET_QUOTA, "x\0nodes\0", "EINVAL"),
            (M::GET_QUOTA, "5\0nodes\x001\0", "EINVAL"),
        ],
    );
}

#[test]
fn toolstack_requests_without_hypervisor() {
    let (mut server, dom0, _) = start();
    check(
        &mut server,
        dom0,
        0,
        &[
            (M::INTRODUCE, "7\x001\x002\0", "ENOSYS"),
            (M::INTRODUCE, "7\0x\x002\0", "EINVAL"),
            (M::INTRODUCE, "7\x001\0x\0", "EINVAL"),
            (M::INTRODUCE, "32752\x001\x002\0", "EINVAL"),
            (M::INTRODUCE, "7\x001\0", "EINVAL"),
            (M::IS_DOMAIN_INTRODUCED, "7\0", "F\0"),
            (M::RELEASE, "5\0", OK),
            (M::RELEASE, "5\0", "ENOENT"),
            (M::READ, "/local/domain/5\0", "ENOENT"),
            (M::CONTROL, "help\0", "commands: help, check\0"),
            (M::CONTROL, "check\0", OK),
            (M::CONTROL, "none\0", "EINVAL"),
            (M::CONTROL, "check\0now\0", "EINVAL"),
            (M::GET_FEATURE, "6\0", "7\0"),
            (M::SET_FEATURE, "6\x0015\0", "EINVAL"),
            (M::SET_FEATURE, "6\0x\0", "EINVAL"),
        ],
    );
}

#[test]
fn watches_with_faults_are_refused() {
    let (mut server, dom0, guest) = start();
    let longest = format!("@{}\0t\0", "x".repeat(2047));
    let too_long = format!("@{}\0t\0", "x".repeat(2048));
    check(
        &mut server,
        guest,
        0,
        &[
            (M::WATCH, "a\0t\0", OK),
            (M::WATCH, "a\0t\0", "EEXIST"),
            (M::WATCH, "a\0u\0", OK),
            (M::WATCH, "b\0t\0", OK),
            // The same node by another name is another watch.
            (M::WATCH, "/local/domain/5/a\0t\0", OK),
            (M::WATCH, "a\0t\0x\0", "EINVAL"),
            (M::WATCH, "a\0t\x001\0z\0", "EINVAL"),
            (M::WATCH, "a\0", "EINVAL"),
            (M::WATCH, "a/\0t\0", "EINVAL"),
            (M::WATCH, &longest, OK),
            (M::WATCH, &too_long, "EINVAL"),
            (M::UNWATCH, "a\0v\0", "ENOENT"),
            (M::UNWATCH, "c\0t\0", "ENOENT"),
            (M::UNWATCH, "a\0t\0x\0", "EINVAL"),
            (M::UNWATCH, "a\0t\0", OK),
            (M::UNWATCH, "a\0t\0", "ENOENT"),
            (M::UNWATCH, &longest, OK),
        ],
    );
    let watched: Vec<_> = server.watched_paths(guest).collect();
    assert_eq!(watched, ["a", "b", "/local/domain/5/a"]);
    ask(&mut server, dom0, M::SET_FEATURE, "8\x003\0").unwrap();
    let plain = server.connect(DomId(8));
    let cases = [(M::WATCH, "a\0t\x001\0", "EINVAL"), (M::WATCH, "a\0t\0", OK)];
    check(&mut server, plain, 0, &cases);
}

#[test]
fn transaction_requests_name_open_ones() {
    let (mut server, _, guest) = start();
    let mut ask = |tx, kind, body: &str| {
        let reply = ask_tx(&mut server, guest, tx, kind, body.as_bytes()).0;
        let open: Vec<_> = server.open_transactions(guest).collect();
        (reply.unwrap_or_else(|error| error.name().to_owned()), open)
    };
    for (tx, kind, body, reply, open) in [
        (0, M::TRANSACTION_START, "\0", "1\0", &[1][..]),
        (0, M::TRANSACTION_START, "\0", "2\0", &[1, 2]),
        (1, M::TRANSACTION_START, "\0", "EBUSY", &[1, 2]),
        (1, M::TRANSACTION_END, "X\0", "EINVAL", &[1, 2]),
        (1, M::TRANSACTION_END, "", "EINVAL", &[1, 2]),
        (0, M::TRANSACTION_END, "T\0", "ENOENT", &[1, 2]),
        (3, M::TRANSACTION_END, "T\0", "ENOENT", &[1, 2]),
        (3, M::GET_DOMAIN_PATH, "5\0", "ENOENT", &[1, 2]),
        (1, M::GET_DOMAIN_PATH, "5\0", "/local/domain/5\0", &[1, 2]),
        (1, M::TRANSACTION_END, "F\0", OK, &[2]),
        (0, M::TRANSACTION_START, "\0", "3\0", &[2, 3]),
        (2, M::TRANSACTION_END, "T\0", OK, &[3]),
    ] {
        assert_eq!(ask(tx, kind, body), (reply.to_owned(), open.to_vec()), "{kind:?} {body:?}");
    }
}

#[test]
fn longest_reply_is_a_whole_message() {
    let (mut server, dom0, _) = start();
    for name in ["a", "b"] {
        ask(&mut server, dom0, M::MKDIR, &format!("/dir/{}\0", name.repeat(2047))).unwrap();
    }
    assert_eq!(ask(&mut server, dom0, M::DIRECTORY, "/dir\0").unwrap().len(), 4096);
    ask(&mut server, dom0, M::RM, &format!("/dir/{}\0", "b".repeat(2047))).unwrap();
    ask(&mut server, dom0, M::MKDIR, &format!("/dir/{}\0", "b".repeat(2048))).unwrap();
    assert_eq!(ask(&mut server, dom0, M::DIRECTORY, "/dir\0"), Err(ServerError::TooBig));
}

#[test]
fn directory_part_starts_at_its_offset() {
    let (mut server, dom0, _) = start();
    for name in ["ab", "c", "d"] {
        ask(&mut server, dom0, M::MKDIR, &format!("/dir/{name}\0")).unwrap();
    }
    let mut part = |offset: &str| {
        let reply = ask(&mut server, dom0, M::DIRECTORY_PART, &format!("/dir\0{offset}\0"));
        reply.map(|reply| reply.split_once('\0').unwrap().1.to_owned())
    };
    assert_eq!(part("0").unwrap(), "ab\0c\0d\0\0");
    assert_eq!(part("3").unwrap(), "c\0d\0\0");
    assert_eq!(part("7").unwrap(), "\0");
    assert_eq!(part("8").unwrap(), "\0");
    assert_eq!(part("x"), Err(ServerError::Invalid));
}

/// Serves a request, and returns the generation of `/dir` then.
fn generation(server: &mut Server, dom0: ConnectionId, tx: u32, kind: M, body: &str) -> u64 {
    ask_tx(server, dom0, tx, kind, body.as_bytes()).0.unwrap();
    let part = ask_tx(server, dom0, tx, M::DIRECTORY_PART, b"/dir\x000\0").0.unwrap();
    part.split_once('\0').unwrap().0.parse().unwrap()
}

#[test]
fn directory_generation_follows_the_node() {
    for tx in [0, 1] {
        let (mut server, dom0, _) = start();
        ask(&mut server, dom0, M::TRANSACTION_START, "\0").unwrap();
        let first = generation(&mut server, dom0, tx, M::MKDIR, "/dir\0");
        assert_eq!(generation(&mut server, dom0, tx, M::MKDIR, "/other\0"), first);
        let changes = [
            (M::MKDIR, "/dir/a/b\0"),
            (M::WRITE, "/dir\0x"),
            (M::SET_PERMS, "/dir\0n0\0r5\0"),
            (M::RM, "/dir/a\0"),
        ];
        let mut last = first;
        for (kind, body) in changes {
            let next = generation(&mut server, dom0, tx, kind, body);
            assert!(next > last, "{kind:?} {body:?}");
            last = next;
        }
        assert_eq!(generation(&mut server, dom0, tx, M::MKDIR, "/dir\0"), last);
    }
}

#[test]
fn release_changes_nodes_that_name_domain() {
    let (mut server, dom0, _) = start();
    ask(&mut server, dom0, M::MKDIR, "/dir\0").unwrap();
    let first = generation(&mut server, dom0, 0, M::SET_PERMS, "/dir\0n0\0r5\0");
    server.release(DomId(6));
    assert_eq!(generation(&mut server, dom0, 0, M::GET_PERMS, "/dir\0"), first);
    server.release(DomId(5));
    assert!(generation(&mut server, dom0, 0, M::GET_PERMS, "/dir\0") > first);
}

#[test]
fn released_target_gives_no_rights() {
    let (mut server, dom0, guest) = start();
    let model = server.connect(DomId(6));
    server.introduce(DomId(6));
    ask(&mut server, dom0, M::SET_TARGET, "6\x005\0").unwrap();
    ask(&mut server, guest, M::WRITE, "a\0x").unwrap();
    assert_eq!(ask(&mut server, model, M::READ, "/local/domain/5/a\0").unwrap(), "x");
    server.release(DomId(5));
    ask(&mut server, dom0, M::MKDIR, "/local/domain/5\0").unwrap();
    ask(&mut server, dom0, M::SET_PERMS, "/local/domain/5\0n5\0").unwrap();
    let refused = ask(&mut server, model, M::READ, "/local/domain/5\0");
    assert_eq!(refused, Err(ServerError::AccessDenied));
    // Its own number gives no rights to the next domain either.
    ask(&mut server, dom0, M::SET_TARGET, "6\x000\0").unwrap();
    server.release(DomId(6));
    let next = server.connect(DomId(6));
    assert_eq!(ask(&mut server, next, M::READ, "/\0"), Err(ServerError::AccessDenied));
}

#[test]
fn control_domain_keeps_its_nodes() {
    let (mut server, dom0, _) = start();
    ask(&mut server, dom0, M::WRITE, "/a\0x").unwrap();
    server.release(DomId(0));
    assert_eq!(server.breach(dom0), Some(Breach::Unknown));
    let dom0 = server.connect(DomId(0));
    check(&mut server, dom0, 0, &[(M::READ, "/a\0", "x"), (M::CONTROL, "check\0", OK)]);
}

#[test]
fn unknown_connection_has_nothing() {
    let (mut server, _, guest) = start();
    ask(&mut server, guest, M::WATCH, "a\0t\0").unwrap();
    ask(&mut server, guest, M::TRANSACTION_START, "\0").unwrap();
    assert_eq!(server.domain_of(guest), DomId(5));
    let header = XsdSockmsg { type_: M::GET_DOMAIN_PATH, req_id: 1, tx_id: 0, len: 2 };
    server.serve(guest, header, b"7\0", &mut NoDomains);
    assert_eq!((server.waiting(guest), server.breach(guest)), (1, None));
    server.disconnect(guest);
    server.serve(guest, header, b"7\0", &mut NoDomains);
    assert_eq!((server.waiting(guest), server.send(guest, &mut [0; 64])), (0, 0));
    assert_eq!(server.take_message(guest), None);
    assert_eq!(server.domain_of(guest), DomId::INVALID);
    assert_eq!(server.breach(guest), Some(Breach::Unknown));
    assert_eq!(server.receive(guest, &[], &mut NoDomains), Err(Breach::Unknown));
    assert!(!server.accepts(guest));
    assert_eq!(server.watched_paths(guest).count(), 0);
    assert_eq!(server.open_transactions(guest).count(), 0);
}

#[test]
fn requests_before_a_breach_are_served() {
    let (mut server, _, guest) = start();
    let path = XsdSockmsg { type_: M::GET_DOMAIN_PATH, req_id: 8, tx_id: 0, len: 2 };
    let read = XsdSockmsg { type_: M::READ, req_id: 9, tx_id: 4, len: 0 };
    let long = XsdSockmsg { len: 4097, ..read };
    let bytes = [&encode(&path)[..], b"7\0", &encode(&read), &encode(&long)].concat();
    let breach = server.receive(guest, &bytes, &mut NoDomains).unwrap_err();
    assert_eq!(breach, Breach::Oversized(OversizedBody { len: 4097 }));
    let reply = |kind, of: XsdSockmsg, body: &[u8]| {
        [&encode(&XsdSockmsg { type_: kind, len: body.len() as u32, ..of })[..], body].concat()
    };
    // Replies name the request and its transaction.
    let first = reply(M::GET_DOMAIN_PATH, path, b"/local/domain/7\0");
    assert_eq!(server.take_message(guest), Some(first));
    assert_eq!(server.take_message(guest), Some(reply(M::ERROR, read, b"ENOENT\0")));
    assert_eq!(server.take_message(guest), None);
}
