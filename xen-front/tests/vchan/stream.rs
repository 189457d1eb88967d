//! Bytes go both ways, whole and in order.

use crate::fixture::{Fixture, PATH, receive, send, stream};
use core::time::Duration;
use xen_front::vchan::{Client, VchanPeer};
use xen_hypercall::Platform;
use xen_sim::{Domain, EventWait, Step, run_until_due};
use xen_store::wire::{Access, Permission, ServerError};
use xen_store::{ErrorKind, XsOps};

#[test]
fn all_orders_carry_megabytes() {
    const TOTAL: usize = 2_500_001;
    let fixture = Fixture::new();
    let (to_server, to_client) = (stream(TOTAL, 1), stream(TOTAL, 2));
    for (left, right) in [
        (10, 11),
        (11, 10),
        (11, 12),
        (12, 10),
        (13, 14),
        (15, 16),
        (17, 16),
        (18, 17),
        (10, 19),
        (20, 20),
    ] {
        let (mut server, mut client) = fixture.pair(left, right);
        assert_eq!((client.space().unwrap(), server.space().unwrap()), (1 << left, 1 << right));
        let (mut up, mut down, mut up_got, mut down_got) = (0, 0, 0, 0);
        let mut len = 1;
        while up_got < TOTAL || down_got < TOTAL {
            len = (len * 7 + 3) % 300_007;
            send(&mut client, &to_server, &mut up, len);
            send(&mut server, &to_client, &mut down, len / 3 + 1);
            receive(&mut server, &to_server, &mut up_got, len / 2 + 1);
            receive(&mut client, &to_client, &mut down_got, len + 1);
        }
        assert_eq!((up, down, up_got, down_got), (TOTAL, TOTAL, TOTAL, TOTAL));
        drop(client);
        server.close(fixture.soon()).unwrap();
        assert_eq!(fixture.grants.deferred().waiting, 0);
    }
    fixture.finish();
}

/// Sends received bytes back while the server is connected; sleeps whenever it can.
fn echo(client: &mut Client<Domain>, held: &mut Vec<u8>) -> Step {
    let mut buffer = [0; 700];
    loop {
        if held.is_empty() {
            match client.read(&mut buffer) {
                Ok(0) if client.final_check_readable().unwrap() => continue,
                Ok(0) => return Step::Idle,
                Ok(count) => held.extend(&buffer[..count]),
                Err(_) => return Step::Done,
            }
        }
        let count = client.write(held).unwrap();
        held.drain(..count);
        if !held.is_empty() && count == 0 && !client.final_check_writable().unwrap() {
            return Step::Idle;
        }
    }
}

#[test]
fn no_event_is_missed() {
    const TOTAL: usize = 1_000_003;
    let fixture = Fixture::new();
    let (mut server, mut client) = fixture.pair(10, 11);
    let (bytes, mut held) = (stream(TOTAL, 9), Vec::new());
    fixture.two.spawn(move |domain: &Domain| {
        domain.take_event(client.port());
        echo(&mut client, &mut held)
    });
    let (mut sent, mut got) = (0, 0);
    let started = fixture.one.now();
    while got < TOTAL {
        send(&mut server, &bytes, &mut sent, 5000);
        // The next wakeup is an event: one that is missed costs a tenth of a second.
        server.wait_readable(fixture.soon()).unwrap();
        receive(&mut server, &bytes, &mut got, 3001);
    }
    assert!(fixture.one.now() < started + Duration::from_millis(100));
    assert_eq!((sent, server.available()), (TOTAL, Ok(0)));
    server.close(fixture.soon()).unwrap();
    fixture.finish();
}

/// Each end runs only when an event wakes it, and requests events before it sleeps.
#[test]
fn events_alone_carry_bytes() {
    const TOTAL: usize = 60_000;
    let fixture = Fixture::new();
    let (mut server, mut client) = fixture.pair(10, 11);
    let bytes = stream(TOTAL, 5);
    let (mut one, mut two) = (EventWait::new(&fixture.one), EventWait::new(&fixture.two));
    let (mut sent, mut received, mut held) = (0, Vec::new(), Vec::new());
    while received.len() < TOTAL {
        let mut buffer = [0; 500];
        if one.take() {
            sent += server.write(&bytes[sent..]).unwrap();
            let count = server.read(&mut buffer).unwrap();
            received.extend_from_slice(&buffer[..count]);
            let more = sent < TOTAL && server.final_check_writable().unwrap();
            if server.final_check_readable().unwrap() || more {
                one.wake();
            }
        } else if two.take() {
            let count = client.read(&mut buffer[..500 - held.len()]).unwrap();
            held.extend_from_slice(&buffer[..count]);
            let written = client.write(&held).unwrap();
            held.drain(..written);
            let blocked = !held.is_empty() && !client.final_check_writable().unwrap();
            if !blocked && (client.final_check_readable().unwrap() || !held.is_empty()) {
                two.wake();
            }
        } else {
            assert!(
                run_until_due(&[&one, &two], SECOND),
                "both ends sleep: {sent} sent, {}",
                received.len()
            );
        }
    }
    assert!(received == bytes);
    // Each is notified of the other's end as well.
    while one.take() {}
    drop(client);
    assert!(one.take() && server.peer() == VchanPeer::Gone);
    server.close(fixture.soon()).unwrap();
    fixture.finish();
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn server_writes_before_client_connects() {
    let fixture = Fixture::new();
    let mut server = fixture.server(12, 12);
    assert_eq!(server.peer(), VchanPeer::Awaited);
    let bytes = stream(9000, 4);
    assert_eq!((server.write(&bytes), server.write(&bytes)), (Ok(4096), Ok(0)));
    let mut client = fixture.try_client().unwrap();
    assert_eq!(client.available(), Ok(4096));
    assert_eq!(server.peer(), VchanPeer::Live);
    let (expected, mut got) = (bytes.clone(), 0);
    fixture.two.spawn(move |domain: &Domain| {
        domain.take_event(client.port());
        loop {
            let before = got;
            receive(&mut client, &expected, &mut got, 1000);
            if got == 9000 {
                return Step::Done;
            }
            if got == before && !client.final_check_readable().unwrap() {
                return Step::Idle;
            }
        }
    });
    let mut sent = 4096;
    while sent < bytes.len() {
        server.wait_writable(fixture.soon()).unwrap();
        sent += server.write(&bytes[sent..]).unwrap();
    }
    assert!(fixture.one.run_until(fixture.soon(), || server.peer() == VchanPeer::Gone));
    server.close(fixture.soon()).unwrap();
    fixture.finish();
}

#[test]
fn only_client_reads_nodes() {
    let fixture = Fixture::new();
    let server = fixture.server(10, 11);
    let third = fixture.world.create_guest(xen_sim::DomainConfig::new("third"));
    for key in ["ring-ref", "event-channel"] {
        let entry = |access, domain| Permission { access, domain };
        let expected =
            [entry(Access::None, fixture.one.id()), entry(Access::Read, fixture.two.id())];
        let own = format!("{PATH}/{key}");
        assert_eq!(fixture.one_store.permissions::<4>(&own).unwrap(), expected);
        let path = format!("{}/{key}", fixture.path());
        assert!(fixture.two_store.read_number::<u32>(&path).unwrap() > 0);
        let refused = fixture.two_store.write(&path, "7").unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Server(ServerError::AccessDenied));
    }
    let ring = xen_hypercall::boot::xenstore_ring(third.clone()).unwrap();
    let store = xen_store::XenStore::new(third, ring).unwrap();
    let refused = Client::try_connect(&store, fixture.one.id(), fixture.path()).unwrap_err();
    assert!(refused.to_string().contains("EACCES"), "{refused}");
    drop(store);
    server.close(fixture.soon()).unwrap();
    fixture.finish();
}
