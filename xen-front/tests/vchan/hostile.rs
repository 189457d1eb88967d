//! Hostile peers: in xenstore, in the page, in the indices.

use crate::fixture::{Fixture, PATH};
use crate::persistent::while_peer_writes;
use core::mem::offset_of;
use core::time::Duration;
use proptest::prelude::*;
use std::sync::Arc;
use xen_evtchn::Channel;
use xen_front::vchan::{Client, End, VchanError, VchanPeer};
use xen_grant::{GrantMapArea, GrantMapping, Granted, MapError, ReadWrite};
use xen_hypercall::{
    GrantRef, Instant, PAGE_SIZE, Pages, Platform, Port, SharedMem, boot, observe_loads,
};
use xen_ring::VchanError as RingsError;
use xen_sim::{ChoiceSource, Domain, HostilePeer, Interpose, Interposed, World};
use xen_store::wire::{Access, Permission};
use xen_store::{XenStore, XsOps};
use xen_sys::io::libxenvchan::VchanInterface;

const GRANTS: usize = size_of::<VchanInterface>();

/// Writes a node that the client of `fixture` may read.
fn tell(fixture: &Fixture, key: &str, value: &str) {
    let node = format!("{PATH}/{key}");
    fixture.one_store.write(&node, value).unwrap();
    let entry = |access, domain| Permission { access, domain };
    let permissions =
        [entry(Access::None, fixture.one.id()), entry(Access::Read, fixture.two.id())];
    fixture.one_store.set_permissions(&node, &permissions).unwrap();
}

/// Creates a server that advertises `offer`.
fn forged(
    fixture: &Fixture,
    offer: &VchanInterface,
) -> (Granted<Domain, ReadWrite>, Channel<Domain>) {
    let page = Pages::alloc(fixture.one.clone(), 1).unwrap();
    let page = fixture.grants.grant_writable(page, fixture.two.id()).unwrap();
    page.as_ref().write(0, offer).unwrap();
    let channel = Channel::alloc_unbound(fixture.one.clone(), fixture.two.id()).unwrap();
    tell(fixture, "ring-ref", &page.reference().0.to_string());
    tell(fixture, "event-channel", &channel.port().0.to_string());
    (page, channel)
}

fn offer(left_order: u16, right_order: u16) -> VchanInterface {
    VchanInterface {
        left_order,
        right_order,
        cli_live: 2,
        srv_live: 1,
        cli_notify: 1,
        ..Default::default()
    }
}

fn clear(fixture: Fixture) {
    fixture.one_store.remove(PATH).unwrap();
    fixture.finish();
}

#[test]
fn impossible_orders_are_refused() {
    let fixture = Fixture::new();
    for (left, right, expected) in [
        (0, 0, RingsError::Order { found: 0 }),
        (9, 12, RingsError::Order { found: 9 }),
        (12, 21, RingsError::Order { found: 21 }),
        (u16::MAX, 12, RingsError::Order { found: u16::MAX }),
        (10, 10, RingsError::SamePlace { order: 10 }),
        (11, 11, RingsError::SamePlace { order: 11 }),
        (20, 10, RingsError::Refs { found: 256, limit: 250 }),
    ] {
        let (page, channel) = forged(&fixture, &offer(left, right));
        assert_eq!(fixture.try_client().unwrap_err(), VchanError::Rings(expected));
        assert!(page.end_access().is_ok());
        drop(channel);
    }
    let (page, channel) = forged(&fixture, &VchanInterface { srv_live: 0, ..offer(10, 11) });
    assert_eq!(fixture.try_client().unwrap_err(), VchanError::Rings(RingsError::ServerGone));
    assert!(page.end_access().is_ok());
    drop(channel);
    clear(fixture);
}

#[test]
fn unknown_references_are_refused() {
    let fixture = Fixture::new();
    // Of 64 pages, the last and one in between are not granted.
    for bad in [63, 17, 0] {
        let (page, channel) = forged(&fixture, &offer(17, 17));
        let rings: Vec<_> = (0..4)
            .map(|_| {
                let pages = Pages::alloc(fixture.one.clone(), 16).unwrap();
                fixture.grants.grant_writable(pages, fixture.two.id()).unwrap()
            })
            .collect();
        let mut refs: Vec<GrantRef> = rings.iter().flat_map(|ring| ring.refs().to_vec()).collect();
        refs[bad] = GrantRef(60_000);
        for (index, reference) in refs.iter().enumerate() {
            page.as_ref().write(GRANTS + index * 4, reference).unwrap();
        }
        let refused = fixture.try_client().unwrap_err();
        let VchanError::Map(MapError::Refused { reference, .. }) = refused else {
            panic!("{refused}")
        };
        assert_eq!(reference, GrantRef(60_000));
        assert!(
            rings.into_iter().all(|ring| ring.end_access().is_ok()) && page.end_access().is_ok()
        );
        drop(channel);
    }
    clear(fixture);
}

#[test]
fn invalid_nodes_are_refused() {
    let fixture = Fixture::new();
    let (page, channel) = forged(&fixture, &offer(10, 11));
    for value in ["", "-1", "x", "4294967296", "8 "] {
        tell(&fixture, "ring-ref", value);
        assert!(matches!(fixture.try_client().unwrap_err(), VchanError::Store(_)), "{value}");
    }
    tell(&fixture, "ring-ref", "4294967295");
    assert!(matches!(fixture.try_client().unwrap_err(), VchanError::Map(_)));
    tell(&fixture, "ring-ref", &page.reference().0.to_string());
    for value in ["0", "77", "4294967295"] {
        tell(&fixture, "event-channel", value);
        assert!(matches!(fixture.try_client().unwrap_err(), VchanError::Port(_)), "{value}");
    }
    // A server can still come, so these two are waited for.
    let deadline = fixture.soon();
    let waited = Client::connect(&fixture.two_store, fixture.one.id(), fixture.path(), deadline)
        .unwrap_err();
    assert!(matches!(waited, VchanError::Port(_)) && fixture.two.now() >= deadline, "{waited}");
    page.as_ref().write(offset_of!(VchanInterface, srv_live), &0u8).unwrap();
    let deadline = fixture.soon();
    let waited = Client::connect(&fixture.two_store, fixture.one.id(), fixture.path(), deadline)
        .unwrap_err();
    assert_eq!(
        (waited, fixture.two.now() >= deadline),
        (VchanError::Rings(RingsError::ServerGone), true)
    );
    page.as_ref().write(offset_of!(VchanInterface, srv_live), &1u8).unwrap();
    assert_eq!(
        page.as_ref().read::<VchanInterface>(0),
        Some(offer(10, 11)),
        "no client has connected"
    );
    assert!(page.end_access().is_ok());
    drop(channel);
    clear(fixture);
}

#[test]
fn only_early_errors_are_waited_for() {
    let fixture = Fixture::new();
    let (page, channel) = forged(&fixture, &offer(9, 12));
    let connect = |waits: bool| {
        let (start, deadline) = (fixture.two.now(), fixture.soon());
        let error = Client::connect(&fixture.two_store, fixture.one.id(), fixture.path(), deadline)
            .unwrap_err();
        let waited = fixture.two.now() >= deadline;
        assert_eq!(
            waited,
            waits,
            "{error}, after {:?}",
            fixture.two.now().saturating_duration_since(start)
        );
        error
    };
    // Impossible rings and invalid numbers do not become valid by waiting.
    assert_eq!(connect(false), VchanError::Rings(RingsError::Order { found: 9 }));
    tell(&fixture, "event-channel", "x");
    assert!(matches!(connect(false), VchanError::Store(_)));
    tell(&fixture, "ring-ref", "-1");
    assert!(matches!(connect(false), VchanError::Store(_)));
    // Nodes that cannot be read yet, and missing ones, can.
    let node = format!("{PATH}/ring-ref");
    let own = [Permission { access: Access::None, domain: fixture.one.id() }];
    fixture.one_store.set_permissions(&node, &own).unwrap();
    assert!(matches!(connect(true), VchanError::Store(_)));
    fixture.one_store.remove(PATH).unwrap();
    assert!(matches!(connect(true), VchanError::Store(_)));
    assert!(page.end_access().is_ok());
    drop(channel);
    fixture.finish();
}

/// A writer of a node whenever its reader waits for the store, until a time far behind the
/// reader's deadline.
struct Rewrite {
    world: World,
    node: String,
    end: Instant,
}

impl Interpose for Rewrite {
    fn ends_wait(&self, _ports: &[Port]) -> bool {
        if self.world.now() < self.end {
            // A reference without a grant: a server that can still come.
            self.world.store().write(&self.node, 60_000).unwrap();
        }
        false
    }
}

#[test]
fn rewritten_nodes_do_not_extend_connect() {
    let fixture = Fixture::new();
    let (page, channel) = forged(&fixture, &offer(10, 11));
    let (node, start) = (format!("{}/ring-ref", fixture.path()), fixture.world.now());
    let rewrite =
        Rewrite { world: fixture.world.clone(), node, end: start + Duration::from_millis(20) };
    let two = Interposed::new(fixture.two.clone(), Arc::new(rewrite));
    let ring = boot::xenstore_ring(two.clone()).unwrap();
    let store = XenStore::new(two, ring).unwrap();
    let deadline = start + Duration::from_millis(2);
    let connected = Client::connect(&store, fixture.one.id(), fixture.path(), deadline);
    assert!(matches!(connected, Err(VchanError::Map(_))), "{connected:?}");
    assert!(fixture.world.now() < start + Duration::from_millis(4));
    assert!(page.end_access().is_ok());
    drop((channel, store));
    clear(fixture);
}

#[test]
fn busy_peer_does_not_extend_waits() {
    let fixture = Fixture::new();
    let (mut server, client) = fixture.pair(10, 11);
    let wait = Duration::from_millis(300);
    let notify = |port| {
        let (world, one) = (fixture.world.clone(), fixture.one.id());
        move |_| world.inject_event(one, port)
    };
    assert_eq!(server.write(&[7; 2048]), Ok(2048));
    for step in 0..4 {
        let (notify, deadline) = (notify(server.port()), fixture.one.now() + wait);
        let period = Duration::from_micros(100);
        let timeout = while_peer_writes(&fixture.world, 2 * wait, period, notify, || match step {
            0 => server.wait_readable(deadline),
            1 => server.wait_writable(deadline),
            2 => server.flush(deadline),
            // The connected one has not disconnected.
            _ => server.wait_for_client(deadline),
        });
        assert_eq!(timeout, if step == 3 { Ok(()) } else { Err(VchanError::Timeout) }, "{step}");
    }
    let (notify, deadline) = (notify(server.port()), fixture.one.now() + wait);
    let closed =
        while_peer_writes(&fixture.world, 2 * wait, Duration::from_micros(100), notify, || {
            server.close(deadline)
        });
    assert_eq!(closed, Err(VchanError::Timeout));
    drop(client);
    fixture.finish();
}

/// Maps the server's page a second time, as only a hostile client does.
fn map_page(fixture: &Fixture) -> GrantMapping<Domain, ReadWrite> {
    let reference = GrantRef(fixture.one_store.read_number(format!("{PATH}/ring-ref")).unwrap());
    let area = GrantMapArea::reserve(fixture.two.clone(), 1).unwrap();
    area.map(fixture.one.id(), &[reference]).unwrap()
}

/// XSA-155.
#[test]
fn changed_page_is_not_read_again() {
    let fixture = Fixture::new();
    let (server, mut client) = fixture.pair(12, 13);
    let page = map_page(&fixture);
    page.as_ref().write(offset_of!(VchanInterface, left_order), &[20u16, 20]).unwrap();
    page.as_ref().write(GRANTS, &[u32::MAX; 8]).unwrap();
    assert_eq!((client.space(), client.write(&[1; 5000])), (Ok(4096), Ok(4096)));
    drop((page, client));
    server.close(fixture.soon()).unwrap();
    fixture.finish();
}

#[test]
fn invalid_peer_state_is_gone() {
    let fixture = Fixture::new();
    let (mut server, client) = fixture.pair(10, 11);
    let page = map_page(&fixture);
    let live = offset_of!(VchanInterface, cli_live);
    for said in [0u8, 3, 255] {
        page.as_ref().write(live, &said).unwrap();
        assert_eq!(
            (server.peer(), server.write(b"x")),
            (VchanPeer::Gone, Err(VchanError::Disconnected))
        );
    }
    // Its state is live, and its port is closed.
    drop(client);
    page.as_ref().write(live, &1u8).unwrap();
    assert_eq!((server.peer(), server.write(b"x")), (VchanPeer::Gone, Ok(1)));
    drop(page);
    server.close(fixture.soon()).unwrap();
    fixture.finish();
}

#[test]
fn last_bytes_before_shutdown_are_read() {
    let fixture = Fixture::new();
    let (mut server, client) = fixture.pair(10, 11);
    let page = map_page(&fixture);
    let live = offset_of!(VchanInterface, cli_live);
    let mut looks = 0;
    // The ring was found empty; now the server checks whether its client is connected.
    let mut leave = |address: usize, len: usize| {
        if (address % PAGE_SIZE, len) == (live, 1) {
            looks += 1;
            page.as_ref().write(1024, b"last").unwrap();
            page.as_ref().write(offset_of!(VchanInterface, left) + 4, &4u32).unwrap();
            page.as_ref().write(live, &0u8).unwrap();
        }
    };
    let mut buffer = [0; 8];
    let read = observe_loads(&mut leave, || server.read(&mut buffer));
    assert_eq!((read, &buffer[..4], looks), (Ok(4), &b"last"[..], 1));
    assert_eq!(server.read(&mut buffer), Err(VchanError::Disconnected));
    drop((page, client));
    server.close(fixture.soon()).unwrap();
    fixture.finish();
}

/// Calls each function of an end some hundred times; errors are ignored.
fn strain<M: AsRef<SharedMem>>(end: &mut End<Domain, M>, domain: &Domain) {
    let (mut buffer, bytes) = ([0; 3000], [7; 3000]);
    for round in 0..50 {
        let deadline = domain.now() + Duration::from_millis(1);
        let len = (round * 701) % 3000;
        if let Ok(count) = end.read(&mut buffer[..len]) {
            assert!(count <= len);
        }
        if let Ok(count) = end.write(&bytes[..len]) {
            assert!(count <= len);
        }
        assert!(end.available().unwrap_or(0) <= 1 << 14 && end.space().unwrap_or(0) <= 1 << 14);
        let _ = (end.wait_readable(deadline), end.wait_writable(deadline), end.flush(deadline));
    }
}

#[test]
fn changing_memory_is_harmless() {
    for seed in 0..100 {
        let fixture = Fixture::new();
        let mut peer = HostilePeer::new(ChoiceSource::seeded(seed, 400));
        let mut server = fixture.server(14, 11);
        let client = peer.against(&fixture.two, || fixture.try_client());
        if let Ok(mut client) = client {
            peer.against(&fixture.two, || strain(&mut client, &fixture.two));
            drop(client);
        }
        if let Ok(client) = fixture.try_client() {
            let mut peer = HostilePeer::new(ChoiceSource::seeded(seed, 400));
            peer.against(&fixture.one, || strain(&mut server, &fixture.one));
            drop(client);
        }
        server.close(fixture.soon()).unwrap();
        fixture.finish();
    }
}

/// Sets the four indices: those of the left ring, then those of the right one; the consumer index
/// comes first.
fn spoil(mem: &SharedMem, indices: [u32; 4]) {
    mem.write(0, &indices).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 1 } else { 40 }))]

    /// XSA-86.
    #[test]
    fn any_indices_stay_within_rings(
        indices: [u32; 4],
        near in proptest::option::of(0u32..20_000),
        left in 11u16..15,
    ) {
        let fixture = Fixture::new();
        let (mut server, mut client) = fixture.pair(left, 10);
        let page = map_page(&fixture);
        let indices = near.map_or(indices, |near| [near / 7, near, near.wrapping_neg(), near / 3]);
        spoil(page.as_ref(), indices);
        let mut buffer = vec![0; 40_000];
        let [left_cons, left_prod, right_cons, right_prod] = indices;
        let (left, right) = (1usize << left, 1usize << 10);
        // Each end relies on the two indices of the other.
        let expected = |count: u32, size: usize| {
            usize::try_from(count).ok().filter(|count| *count <= size)
        };
        prop_assert_eq!(server.read(&mut buffer).ok(), expected(left_prod, left));
        spoil(page.as_ref(), indices);
        let room = expected(right_cons.wrapping_neg(), right).map(|used| right - used);
        prop_assert_eq!(server.write(&buffer).ok(), room);
        spoil(page.as_ref(), indices);
        prop_assert_eq!(client.read(&mut buffer).ok(), expected(right_prod, right));
        spoil(page.as_ref(), indices);
        let room = expected(left_cons.wrapping_neg(), left).map(|used| left - used);
        prop_assert_eq!(client.write(&buffer).ok(), room);
        // A direction that failed stays closed.
        if expected(left_prod, left).is_none() {
            spoil(page.as_ref(), [0; 4]);
            prop_assert!(matches!(server.read(&mut buffer), Err(VchanError::Corrupt(_))));
            let waited = server.wait_readable(fixture.soon());
            prop_assert!(matches!(waited, Err(VchanError::Corrupt(_))));
        }
        drop((page, client));
        server.close(fixture.soon()).unwrap();
        fixture.finish();
    }
}
