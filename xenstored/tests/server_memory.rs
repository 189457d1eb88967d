//! The heap memory that clients make the server keep.
#![cfg(feature = "alloc")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use xen_hypercall::{DomId, Instant};
use xen_store::wire::{MessageType as M, XsdSockmsg, encode};
use xenstored::server::{Breach, ConnectionId, NoDomains, Quotas, Server};

struct Counting;

thread_local! {
    static LIVE: Cell<usize> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call is forwarded to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.with(|live| live.set(live.get().wrapping_add(layout.size())));
        // SAFETY: the caller's obligations are forwarded unchanged.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        LIVE.with(|live| live.set(live.get().wrapping_sub(layout.size())));
        // SAFETY: the caller's obligations are forwarded unchanged; `alloc` had it from the system.
        unsafe { System.dealloc(memory, layout) }
    }
}

fn live() -> usize {
    LIVE.with(Cell::get)
}

/// Serves a request and drops what there is to send; returns whether it succeeded.
fn ask(server: &mut Server, id: ConnectionId, tx: u32, kind: M, body: &[u8]) -> bool {
    let header = XsdSockmsg { type_: kind, req_id: 1, tx_id: tx, len: body.len() as u32 };
    server.serve(id, header, body, &mut NoDomains);
    let mut ok = false;
    while let Some(message) = server.take_message(id) {
        ok |= message[..4] == kind.0.to_ne_bytes();
    }
    ok
}

/// Makes a server with dom0 and a guest 5 that owns its home.
fn start() -> (Server, ConnectionId, ConnectionId) {
    let mut server = Server::new();
    let (dom0, guest) = (server.connect(DomId(0)), server.connect(DomId(5)));
    server.introduce(DomId(5));
    assert!(ask(&mut server, dom0, 0, M::MKDIR, b"/local/domain/5\0"));
    assert!(ask(&mut server, dom0, 0, M::SET_PERMS, b"/local/domain/5\0n5\0"));
    (server, dom0, guest)
}

#[test]
fn old_nodes_count_in_open_transactions() {
    let (mut server, _, guest) = start();
    let (before, quota) = (live(), Quotas::default().memory);
    let mut most = 0;
    for round in 0..10u8 {
        // Each transaction begins with other values of all nodes.
        assert!(ask(&mut server, guest, 0, M::TRANSACTION_START, b"\0"));
        for node in 0..900 {
            let body = [format!("data/{node}\0").as_bytes(), &[round; 1900]].concat();
            ask(&mut server, guest, 0, M::WRITE, &body);
            most = most.max(live() - before);
        }
    }
    assert!(most < 2 * quota, "{most} bytes under a quota of {quota}");
    // The nodes that a transaction reads count, and no more of it is possible than the quota.
    for tx in 1..=10 {
        for node in 0..900 {
            ask(&mut server, guest, tx, M::READ, format!("data/{node}\0").as_bytes());
            most = most.max(live() - before);
        }
    }
    assert!(most < 2 * quota, "{most} bytes under a quota of {quota}");
}

#[test]
fn control_client_without_reads_is_bounded() {
    let (mut server, dom0, guest) = start();
    assert!(ask(&mut server, dom0, 0, M::WRITE, &[&b"/big\0"[..], &[7; 4000]].concat()));
    let before = live();
    let request =
        [&encode(&XsdSockmsg { type_: M::READ, req_id: 1, tx_id: 0, len: 5 })[..], b"/big\0"]
            .concat();
    let mut taken = 0;
    while taken < 200_000 && server.accepts(dom0) {
        server.receive(dom0, &request, &mut NoDomains).unwrap();
        taken += 1;
    }
    // The limit of 1 MiB, and the reply that exceeds it.
    assert_eq!(taken, (1 << 20) / (16 + 4000) + 1);
    assert!(live() - before < 4 << 20, "{} bytes", live() - before);
    // It is not lost by that: what it reads makes room.
    while server.take_message(dom0).is_some() {}
    assert!(server.accepts(dom0) && server.breach(dom0).is_none());

    // Watch events come without requests; the connection ends before the memory does.
    assert!(ask(&mut server, dom0, 0, M::WATCH, b"/\0t\0"));
    let (mut most, mut number) = (0, 0);
    while server.breach(dom0).is_none() {
        // Other domains continue; only those that make the events wait, and for a second at most.
        server.tick(Instant::from_nanos(number * 2_000_000_000));
        assert!(ask(&mut server, guest, 0, M::WRITE, format!("data/{number}\0").as_bytes()));
        assert!(ask(&mut server, guest, 0, M::RM, format!("data/{number}\0").as_bytes()));
        most = most.max(live() - before);
        number += 1;
    }
    assert!(matches!(server.breach(dom0), Some(Breach::Overrun { events: 65_536 })));
    assert!(most < 32 << 20, "{most} bytes");
}

#[test]
fn disconnected_client_leaves_nothing() {
    let (mut server, dom0, _) = start();
    let mut round = || {
        let guest = server.connect(DomId(5));
        assert!(ask(&mut server, guest, 0, M::WATCH, b"data\0token\0"));
        assert!(ask(&mut server, guest, 0, M::TRANSACTION_START, b"\0"));
        assert!(ask(&mut server, guest, 1, M::WRITE, b"data\0value"));
        assert!(ask(&mut server, dom0, 0, M::WRITE, b"/local/domain/5/data\0x"));
        server.disconnect(guest);
        live()
    };
    let first = round();
    assert!((0..10).all(|_| round() == first));
}
