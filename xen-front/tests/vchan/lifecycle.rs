//! Either end connects first, disconnects, connects again, or is destroyed.

use crate::fixture::{Fixture, PATH, receive, send, stream};
use core::time::Duration;
use xen_front::vchan::{Client, Server, VchanError, VchanOrders, VchanPeer};
use xen_grant::GrantTable;
use xen_hypercall::{Platform, boot};
use xen_ring::VchanError as RingsError;
use xen_sim::{Domain, Step};
use xen_store::{XenStore, XsOps};

#[test]
fn client_can_follow_another() {
    let fixture = Fixture::new();
    let mut server = fixture.server(10, 13);
    assert_eq!(server.wait_for_client(fixture.one.now()), Err(VchanError::Timeout));
    let (bytes, mut sent, mut got) = (stream(3000, 3), 0, 0);
    for _ in 0..3 {
        let mut client = fixture.try_client().unwrap();
        server.wait_for_client(fixture.soon()).unwrap();
        send(&mut client, &bytes, &mut sent, 1000);
        assert_eq!(server.write(b"for the first who reads"), Ok(23));
        assert_eq!(client.read(&mut [0; 64]), Ok(23));
        drop(client);
        assert_eq!((server.peer(), server.final_check_writable()), (VchanPeer::Gone, Ok(true)));
        assert_eq!(server.write(b"to nobody"), Err(VchanError::Disconnected));
        receive(&mut server, &bytes, &mut got, 2000);
        assert_eq!(server.read(&mut [0; 1]), Err(VchanError::Disconnected));
        assert_eq!(server.wait_readable(fixture.soon()), Ok(()));
    }
    assert_eq!((sent, got), (3000, 3000));
    server.close(fixture.soon()).unwrap();
    fixture.finish();
}

#[test]
fn server_close_waits_for_unmap() {
    let fixture = Fixture::new();
    let (mut server, mut client) = fixture.pair(14, 14);
    assert_eq!(server.write(b"last words"), Ok(10));
    // The client's task: it unmaps when it has read all.
    let mut got = 0;
    fixture.two.spawn(move |domain: &Domain| {
        domain.take_event(client.port());
        match client.read(&mut [0; 3]) {
            Ok(0) => Step::Idle,
            Ok(count) => {
                got += count;
                Step::Worked
            }
            Err(error) => {
                assert_eq!(
                    (error, got, client.peer()),
                    (VchanError::Disconnected, 10, VchanPeer::Gone)
                );
                assert_eq!(client.write(b"x"), Err(VchanError::Disconnected));
                Step::Done
            }
        }
    });
    server.close(fixture.soon()).unwrap();
    assert_eq!(fixture.grants.deferred().waiting, 0, "access ends at once");
    assert!(fixture.try_client().is_err());
    fixture.finish();
}

#[test]
fn flush_ends_when_read_or_disconnected() {
    let fixture = Fixture::new();
    let (mut server, mut client) = fixture.pair(12, 11);
    assert_eq!(server.flush(fixture.one.now()), Ok(()), "nothing was written");
    assert_eq!(server.write(&[7; 2048]), Ok(2048));
    assert_eq!(client.read(&mut [0; 2047]), Ok(2047));
    assert_eq!(server.flush(fixture.soon()), Err(VchanError::Timeout));
    // A destroyed domain does nothing.
    let mut client = core::mem::ManuallyDrop::new(client);
    fixture.two.spawn(move |domain: &Domain| {
        domain.take_event(client.port());
        match client.read(&mut [0; 1]) {
            Ok(_) => Step::Sleep(domain.now() + Duration::from_millis(500)),
            Err(error) => panic!("{error}"),
        }
    });
    let before = fixture.one.now();
    assert_eq!(server.flush(fixture.soon()), Ok(()));
    assert!(fixture.one.now() < before + Duration::from_millis(50), "the client's event ended it");
    assert_eq!(server.write(&[7; 100]), Ok(100));
    fixture.world.destroy(fixture.two.id());
    assert_eq!(server.flush(fixture.soon()), Err(VchanError::Disconnected));
    server.close(fixture.soon()).unwrap();
    fixture.finish();
}

#[test]
fn mapped_memory_is_deferred() {
    let fixture = Fixture::new();
    let (server, client) = fixture.pair(13, 17);
    let before = fixture.one.now();
    assert_eq!(server.close(before + Duration::from_secs(2)), Err(VchanError::Timeout));
    assert!(fixture.one.now() >= before + Duration::from_secs(2));
    // The page, the left ring, and two parts of the right one.
    assert_eq!(fixture.grants.retry_deferred().waiting, 4);
    assert_eq!(client.peer(), VchanPeer::Gone);
    drop(client);
    fixture.finish();
}

#[test]
fn client_changes_send_events() {
    let fixture = Fixture::new();
    let mut server = fixture.server(10, 11);
    let (one, path) = (fixture.one.id(), fixture.path());
    let ring = boot::xenstore_ring(fixture.two.clone()).unwrap();
    let store = XenStore::new(fixture.two.clone(), ring).unwrap();
    // It connects after 30 ms and disconnects after 30 more.
    let (mut client, mut due) = (None, fixture.two.now() + Duration::from_millis(30));
    let arrival = due;
    fixture.two.spawn(move |domain: &Domain| {
        if domain.now() < due {
            return Step::Sleep(due);
        }
        due = domain.now() + Duration::from_millis(30);
        match client.take() {
            None => client = Some(Client::try_connect(&store, one, &path).unwrap()),
            Some(_) => return Step::Done,
        }
        Step::Sleep(due)
    });
    server.wait_for_client(fixture.soon()).unwrap();
    assert!(fixture.one.now() < arrival + Duration::from_millis(10));
    assert_eq!(server.write(&[7; 4096]), Ok(2048));
    server.wait_writable(fixture.soon()).unwrap();
    assert!(fixture.one.now() < arrival + Duration::from_millis(40));
    assert_eq!(server.write(&[7; 1]), Err(VchanError::Disconnected), "it has left a full ring");
    server.close(fixture.soon()).unwrap();
    fixture.finish();
}

#[test]
fn destroyed_client_is_gone() {
    let fixture = Fixture::new();
    let (mut server, client) = fixture.pair(10, 14);
    // As when a domain is destroyed: its state in the page stays.
    core::mem::forget(client);
    fixture.world.destroy(fixture.two.id());
    assert_eq!(server.peer(), VchanPeer::Gone);
    server.wait_readable(fixture.soon()).unwrap();
    server.close(fixture.soon()).unwrap();
    assert_eq!(fixture.grants.deferred().waiting, 0);
    fixture.finish();
}

#[test]
fn destroyed_server_ends_wait() {
    let fixture = Fixture::new();
    let (server, mut client) = fixture.pair(10, 14);
    let (world, one) = (fixture.world.clone(), fixture.one.id());
    let mut until = None;
    // During the client's wait.
    fixture.world.dom0().spawn(move |domain: &Domain| {
        let until = *until.get_or_insert(domain.now() + Duration::from_millis(250));
        if domain.now() < until {
            return Step::Sleep(until);
        }
        world.destroy(one);
        Step::Done
    });
    let before = fixture.two.now();
    client.wait_readable(fixture.soon()).unwrap();
    assert!(
        fixture.two.now() < before + Duration::from_millis(400),
        "it does not wait until the deadline"
    );
    assert_eq!(client.peer(), VchanPeer::Gone);
    drop(client);
    core::mem::forget(server);
    let Fixture { world, two_store, one_store, grants, .. } = fixture;
    core::mem::forget((one_store, grants));
    drop(two_store);
    world.check().unwrap();
}

#[test]
fn early_client_ignores_stale_nodes() {
    let fixture = Fixture::new();
    let early =
        Client::connect(&fixture.two_store, fixture.one.id(), fixture.path(), fixture.soon())
            .unwrap_err();
    assert!(matches!(early, VchanError::Store(_)), "{early}");
    // Dropped without being closed: its nodes stay.
    drop(fixture.server(10, 11));
    assert!(fixture.one_store.exists(PATH).unwrap());
    let deadline = fixture.soon();
    let stale = Client::connect(&fixture.two_store, fixture.one.id(), fixture.path(), deadline)
        .unwrap_err();
    assert!(matches!(stale, VchanError::Map(_)) && fixture.two.now() >= deadline, "{stale}");

    // A server that comes later, while the client waits for it.
    let third = fixture.world.create_guest(xen_sim::DomainConfig::new("late"));
    let ring = boot::xenstore_ring(third.clone()).unwrap();
    let store = XenStore::new(third.clone(), ring).unwrap();
    let grants = GrantTable::new(third.clone()).unwrap();
    let (client_id, mut server, mut due) = (fixture.two.id(), None, None);
    third.spawn(move |domain: &Domain| {
        let due = *due.get_or_insert(domain.now() + Duration::from_secs(1));
        if domain.now() < due {
            return Step::Sleep(due);
        }
        let server: &mut Server<_> = server.get_or_insert_with(|| {
            let orders = VchanOrders::new(12, 12).unwrap();
            Server::open(&store, &grants, client_id, PATH, orders).unwrap()
        });
        domain.take_event(server.port());
        let _ = server.write(b"welcome");
        Step::Idle
    });
    let path = format!("/local/domain/{}/{PATH}", third.id().0);
    let mut client = Client::connect(&fixture.two_store, third.id(), path, fixture.soon()).unwrap();
    client.wait_readable(fixture.soon()).unwrap();
    let mut buffer = [0; 7];
    assert_eq!((client.read(&mut buffer), &buffer), (Ok(7), b"welcome"));
    fixture.world.destroy(third.id());
    assert_eq!(client.peer(), VchanPeer::Gone);
    drop(client);
    fixture.one_store.remove(PATH).unwrap();
    fixture.finish();
}

#[test]
fn failed_open_leaves_nothing() {
    let fixture = Fixture::new();
    let orders = VchanOrders::new(12, 12).unwrap();
    let open = |path: &str| {
        Server::open(&fixture.one_store, &fixture.grants, fixture.two.id(), path, orders).map(drop)
    };
    let long = open(&"x".repeat(200)).unwrap_err();
    assert!(long.to_string().contains("at most 128 bytes"), "{long}");
    let foreign = open(&format!("/local/domain/{}/data/x", fixture.two.id().0)).unwrap_err();
    assert!(matches!(foreign, VchanError::Store(_)), "{foreign}");
    // More than the domain has memory for, at any step.
    let held: Vec<_> =
        core::iter::from_fn(|| xen_hypercall::Pages::alloc(fixture.one.clone(), 16).ok()).collect();
    let large = VchanOrders::new(20, 20).unwrap();
    let none = Server::open(&fixture.one_store, &fixture.grants, fixture.two.id(), PATH, large)
        .unwrap_err();
    assert!(matches!(none, VchanError::Memory(_)), "{none}");
    drop(held);
    assert_eq!(fixture.try_client().unwrap_err().to_string().lines().count(), 1);
    assert_eq!(
        VchanError::from(RingsError::ServerGone).to_string(),
        "vchan: the server has shut down"
    );
    fixture.finish();
}

#[test]
fn ends_are_small() {
    // The largest rings have 512 pages.
    let (server, client) = (size_of::<Server<Domain>>(), size_of::<Client<Domain>>());
    assert!(server < 1024 && client < 1024, "{server} {client}");
}
