//! Transactions: copies of the nodes read, and conflicts at the end.

use super::*;

#[test]
fn transaction_shows_its_own_changes() {
    let (mut server, _, guest) = start();
    ask(&mut server, guest, M::WRITE, "a/b\0x").unwrap();
    ask(&mut server, guest, M::WRITE, "c\0y").unwrap();
    ask(&mut server, guest, M::TRANSACTION_START, "\0").unwrap();
    check(
        &mut server,
        guest,
        1,
        &[
            (M::RM, "a\0", OK),
            (M::DIRECTORY, "/local/domain/5\0", "c\0"),
            (M::READ, "a\0", "ENOENT"),
            (M::READ, "a/b\0", "ENOENT"),
            (M::RM, "a/b\0", "ENOENT"),
            (M::MKDIR, "a\0", OK),
            (M::READ, "a\0", ""),
            (M::DIRECTORY, "a\0", ""),
            (M::WRITE, "c/d/e\0z", OK),
            (M::DIRECTORY, "c\0", "d\0"),
            (M::READ, "c/d/e\0", "z"),
            (M::READ, "c/d\0", ""),
            (M::DIRECTORY, "/local/domain/5\0", "a\0c\0"),
            (M::WRITE, "c\0w", OK),
            (M::READ, "c\0", "w"),
            (M::SET_PERMS, "c/d\0n5\0r1\0", OK),
            (M::GET_PERMS, "c/d\0", "n5\0r1\0"),
            (M::SET_PERMS, "c\0b5\0", OK),
            (M::GET_PERMS, "c\0", "b5\0"),
        ],
    );
    assert_eq!(ask(&mut server, guest, M::READ, "a/b\0").unwrap(), "x");
    assert_eq!(ask(&mut server, guest, M::DIRECTORY, "c\0").unwrap(), "");
    check(&mut server, guest, 1, &[(M::TRANSACTION_END, "T\0", OK)]);
    assert_eq!(ask(&mut server, guest, M::DIRECTORY, "a\0").unwrap(), "");
    assert_eq!(ask(&mut server, guest, M::READ, "c/d/e\0").unwrap(), "z");
    assert_eq!(ask(&mut server, guest, M::READ, "c\0").unwrap(), "w");
}

#[test]
fn new_nodes_get_owner_above() {
    let (mut server, dom0, guest) = start();
    ask(&mut server, dom0, M::TRANSACTION_START, "\0").unwrap();
    let cases = [
        (M::MKDIR, "/local/domain/5/a/b\0", OK),
        (M::GET_PERMS, "/local/domain/5/a\0", "n5\0"),
        (M::TRANSACTION_END, "T\0", OK),
    ];
    check(&mut server, dom0, 1, &cases);
    assert_eq!(ask(&mut server, guest, M::GET_PERMS, "a/b\0").unwrap(), "n5\0");
    assert_eq!(ask(&mut server, dom0, M::CONTROL, "check\0").unwrap(), OK);
}

/// The requests in a transaction, one outside of it before it ends, and its end.
type Case = (&'static [(M, &'static str, &'static str)], M, &'static str, &'static str);

#[test]
fn commit_depends_on_read_nodes() {
    let cases: [Case; 16] = [
        (&[(M::READ, "a\0", "x")], M::WRITE, "a\0x", "EAGAIN"),
        (&[(M::READ, "a\0", "x")], M::SET_PERMS, "a\0n5\0", "EAGAIN"),
        (&[(M::READ, "a\0", "x")], M::RM, "a\0", "EAGAIN"),
        (&[(M::READ, "a\0", "x")], M::MKDIR, "a/b\0", "EAGAIN"),
        (&[(M::READ, "a\0", "x")], M::MKDIR, "b\0", OK),
        (&[(M::READ, "b/c\0", "ENOENT")], M::MKDIR, "b/c\0", "EAGAIN"),
        (&[(M::READ, "b/c\0", "ENOENT")], M::MKDIR, "b\0", OK),
        (&[(M::RM, "b\0", OK)], M::MKDIR, "b\0", "EAGAIN"),
        (&[(M::WRITE, "b\0y", OK)], M::MKDIR, "c\0", "EAGAIN"),
        (&[(M::WRITE, "a\0y", OK)], M::MKDIR, "c\0", OK),
        (&[(M::WRITE, "a\0y", OK)], M::WRITE, "a\0z", "EAGAIN"),
        (&[(M::SET_PERMS, "a\0n5\0", OK)], M::WRITE, "a\0z", "EAGAIN"),
        (&[(M::SET_PERMS, "a\0n5\0", OK)], M::MKDIR, "c\0", OK),
        (&[(M::MKDIR, "a\0", OK)], M::RM, "a\0", "EAGAIN"),
        // A node that is removed and made again is the one that was read.
        (&[(M::RM, "a\0", OK), (M::MKDIR, "a\0", OK)], M::MKDIR, "/shared/c\0", OK),
        (&[(M::RM, "a\0", OK), (M::MKDIR, "a\0", OK)], M::WRITE, "a\0z", "EAGAIN"),
    ];
    for (requests, kind, other, end) in cases {
        let (mut server, dom0, guest) = start();
        ask(&mut server, dom0, M::MKDIR, "/shared\0").unwrap();
        ask(&mut server, dom0, M::SET_PERMS, "/shared\0b0\0").unwrap();
        ask(&mut server, guest, M::WRITE, "a\0x").unwrap();
        ask(&mut server, guest, M::TRANSACTION_START, "\0").unwrap();
        check(&mut server, guest, 1, requests);
        ask(&mut server, guest, kind, other).unwrap();
        check(&mut server, guest, 1, &[(M::TRANSACTION_END, "T\0", end)]);
    }
}

#[test]
fn transaction_shows_no_later_changes() {
    let both = [(M::RM, "a\0"), (M::MKDIR, "b\0")];
    let changes = [&[(M::WRITE, "a\0z")][..], &both[..1], &both[1..], &both];
    for changes in changes {
        let (mut server, _, guest) = start();
        ask(&mut server, guest, M::WRITE, "a\0x").unwrap();
        ask(&mut server, guest, M::TRANSACTION_START, "\0").unwrap();
        let home = "/local/domain/5\0";
        let missing = (M::READ, "b\0", "ENOENT");
        let looks = [(M::READ, "a\0", "x"), (M::DIRECTORY, home, "a\0"), missing];
        // The first read of `b` is one after the changes.
        check(&mut server, guest, 1, &looks[..2]);
        for (kind, body) in changes {
            ask(&mut server, guest, *kind, body).unwrap();
        }
        check(&mut server, guest, 1, &looks);
        check(&mut server, guest, 1, &[(M::TRANSACTION_END, "T\0", "EAGAIN")]);
    }
}
