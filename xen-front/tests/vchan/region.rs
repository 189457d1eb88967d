//! Vchans in memory that both domains have from their start, without xenstore.

use crate::fixture::{receive, send, stream};
use core::ops::ControlFlow;
use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use xen_evtchn::Channel;
use xen_front::vchan::{StaticEnd, StaticVchan, VchanError, VchanOrders, VchanPeer};
use xen_hypercall::{Page, Platform, Port, SharedMem, ops::event_channel as op};
use xen_ring::VchanError as RingsError;
use xen_sim::{Domain, DomainConfig, Step, World};

/// Two domains with a static event channel, and memory that has bytes of an earlier use.
struct Fixture {
    world: World,
    one: Domain,
    two: Domain,
    ports: [Port; 2],
    memory: &'static SharedMem,
}

type End = StaticEnd<'static, Domain>;
type Pending = StaticVchan<'static, Domain>;

const PAGES: usize = 9;

impl Fixture {
    fn new(byte: u8) -> Self {
        let world = World::new(9);
        let guest =
            |name| world.create_guest(DomainConfig { pages: 64, ..DomainConfig::new(name) });
        let (one, two) = (guest("server"), guest("client"));
        let own = op::alloc_unbound(&one, two.id()).unwrap();
        let theirs = op::bind_interdomain(&two, one.id(), own).unwrap();
        let mut pages = Box::new([Page::ZERO; PAGES]);
        pages.iter_mut().for_each(|page| page.0.fill(byte));
        let memory = SharedMem::from_pages(Box::leak(pages));
        Self { world, one, two, ports: [own, theirs], memory }
    }

    fn channel(&self, end: usize) -> Channel<Domain> {
        let domain = [&self.one, &self.two][end].clone();
        Channel::bind_static(domain, self.ports[end]).unwrap()
    }

    fn server(&self, left: u16, right: u16) -> Pending {
        let orders = VchanOrders::new(left, right).unwrap();
        StaticVchan::server(self.one.clone(), self.memory, orders, self.channel(0)).unwrap()
    }

    fn client(&self) -> Pending {
        StaticVchan::client(self.two.clone(), self.memory, self.channel(1))
    }

    /// Polls both ends in turn until both are connected.
    fn connect(&self, mut server: Pending, mut client: Pending) -> (End, End) {
        for _ in 0..4 {
            let polled = (server.poll().unwrap(), client.poll().unwrap());
            (server, client) = match polled {
                (ControlFlow::Continue(server), ControlFlow::Continue(client)) => (server, client),
                (ControlFlow::Continue(server), ControlFlow::Break(client)) => {
                    return (connected(server), client);
                }
                (ControlFlow::Break(_), _) => panic!("a server without a client"),
            };
        }
        panic!("not connected");
    }

    /// Checks that both ends of the event channel are as at the start.
    fn finish(self) {
        let Self { world, one, two, ports, .. } = self;
        for (domain, port) in [(&one, ports[0]), (&two, ports[1])] {
            op::close(domain, port).unwrap();
        }
        world.check().unwrap();
    }
}

fn connected(pending: Pending) -> End {
    match pending.poll().unwrap() {
        ControlFlow::Break(end) => end,
        ControlFlow::Continue(pending) => panic!("{pending:?}"),
    }
}

fn is_pending(pending: Pending) -> Pending {
    match pending.poll().unwrap() {
        ControlFlow::Break(end) => panic!("{end:?}"),
        ControlFlow::Continue(pending) => pending,
    }
}

#[test]
fn bytes_pass_in_old_memory() {
    for (byte, orders) in [(0, (10, 11)), (0xff, (14, 14)), (1, (13, 10)), (2, (11, 12))] {
        let fixture = Fixture::new(byte);
        let server = fixture.server(orders.0, orders.1);
        let (mut server, mut client) = fixture.connect(server, fixture.client());
        let bytes = stream(50_000, byte);
        let (mut there, mut back) = ((0, 0), (0, 0));
        while there.1 + back.1 < 2 * bytes.len() {
            send(&mut client, &bytes, &mut there.0, 3000);
            send(&mut server, &bytes, &mut back.0, 1000);
            receive(&mut server, &bytes, &mut there.1, 2000);
            receive(&mut client, &bytes, &mut back.1, 2000);
        }
        drop((server, client));
        fixture.finish();
    }
}

/// A server of an earlier boot has left its offer, and a client its mark.
#[test]
fn old_offer_is_withdrawn() {
    let fixture = Fixture::new(0);
    let (server, client) = fixture.connect(fixture.server(14, 14), fixture.client());
    // Their domains were reset: nothing was shut down before.
    let old = (server, client);
    // The client comes first, and would find the old offer.
    let client = is_pending(is_pending(fixture.client()));
    let server = fixture.server(10, 11);
    let (mut server, mut client) = fixture.connect(server, client);
    assert_eq!(client.space(), Ok(1024), "the orders are those of the new server");
    assert_eq!(client.write(b"new"), Ok(3));
    assert_eq!(server.read(&mut [0; 8]), Ok(3));
    drop((server, client, old));
    fixture.finish();
}

#[test]
fn withdrawn_offer_is_renewed() {
    let fixture = Fixture::new(0);
    let mut server = is_pending(fixture.server(12, 12));
    let client = is_pending(fixture.client());
    assert!(fixture.one.take_event(fixture.ports[0]), "the client's request has an event");
    fixture.two.take_event(fixture.ports[1]);
    server = is_pending(server);
    assert!(fixture.two.take_event(fixture.ports[1]), "the offer has an event");
    let client = connected(client);
    assert!(fixture.one.take_event(fixture.ports[0]), "the connection has an event");
    let server = connected(server);
    assert_eq!((server.peer(), client.peer()), (VchanPeer::Live, VchanPeer::Live));
    drop((server, client));
    fixture.finish();
}

#[test]
fn ends_connect_again() {
    let fixture = Fixture::new(0);
    for round in 0..4 {
        let server = fixture.server(12, 13);
        let (server, client) = fixture.connect(server, fixture.client());
        if round % 2 == 0 {
            drop(server);
            assert_eq!(client.peer(), VchanPeer::Gone, "round {round}");
            assert!(fixture.two.take_event(client.port()), "round {round}");
        } else {
            drop(client);
            assert_eq!(server.peer(), VchanPeer::Gone, "round {round}");
            assert!(fixture.one.take_event(server.port()), "round {round}");
        }
    }
    fixture.finish();
}

#[test]
fn dropped_server_withdraws_its_offer() {
    let fixture = Fixture::new(0);
    drop(fixture.server(12, 12));
    let client = is_pending(fixture.client());
    assert_eq!(
        client.wait(fixture.two.now() + Duration::from_secs(1)).map(drop),
        Err(VchanError::Timeout)
    );
    fixture.finish();
}

#[test]
fn endless_withdrawal_ends_at_deadline() {
    let fixture = Fixture::new(0);
    let server = fixture.server(12, 12);
    // It withdraws each offer, with an event.
    let (memory, port) = (fixture.memory, fixture.ports[1]);
    let count = Arc::new(AtomicUsize::new(0));
    let turns = count.clone();
    fixture.two.spawn(move |domain: &Domain| {
        VchanOrders::withdraw(memory);
        op::send(domain, port).unwrap();
        turns.fetch_add(1, Ordering::Relaxed);
        Step::Sleep(domain.now() + Duration::from_millis(1))
    });
    let start = fixture.one.now();
    let found = server.wait(start + Duration::from_millis(5)).map(drop);
    assert_eq!(found, Err(VchanError::Timeout));
    assert!(fixture.one.now() < start + Duration::from_millis(10));
    let count = count.load(Ordering::Relaxed);
    assert!(count > 5, "{count}");
}

#[test]
fn rings_beyond_memory_are_refused() {
    let fixture = Fixture::new(0);
    let orders = VchanOrders::new(15, 12).unwrap();
    let refused =
        StaticVchan::server(fixture.one.clone(), fixture.memory, orders, fixture.channel(0));
    let expected = VchanError::Region { found: PAGES, expected: 10 };
    assert_eq!(refused.map(drop), Err(expected));
    // A hostile server offers them all the same, or sizes that there are not.
    let page = fixture.memory.first_page();
    let orders = core::mem::offset_of!(xen_sys::io::libxenvchan::VchanInterface, left_order);
    for (left, right, expected) in [
        (15_u16, 12_u16, expected),
        (20, 20, VchanError::Region { found: PAGES, expected: 513 }),
        (12, 21, VchanError::Rings(RingsError::Order { found: 21 })),
        (10, 10, VchanError::Rings(RingsError::SamePlace { order: 10 })),
    ] {
        let server = fixture.server(12, 12);
        let client = is_pending(fixture.client());
        let server = is_pending(server);
        page.write(orders, &[left, right]).unwrap();
        assert_eq!(client.poll().map(drop), Err(expected), "{left} {right}");
        drop(server);
    }
    fixture.finish();
}
