//! The simulated xenstore, by the real client over the ring, and from outside.

use core::net::IpAddr;
use core::time::Duration;
use std::sync::{Arc, Mutex};
use xen_hypercall::{DomId, Errno, Instant, Platform, boot};
use xen_sim::{Call, Domain, DomainConfig, FailNth, Interpose, Interposed, Step, Violation, World};
use xen_store::wire::{Access, MessageType, Permission, ServerError};
use xen_store::{ConnectionError, ErrorKind, Software, StoreError, XenStore, XsOps};
use xen_sys::hvm::hvm_op::HVMOP_GET_PARAM;
use xen_sys::io::xs_wire::ServerFeatures;
use xen_sys::xen::HYPERVISOR_HVM_OP;

fn client(guest: &Domain) -> XenStore<Domain> {
    XenStore::new(guest.clone(), boot::xenstore_ring(guest.clone()).unwrap()).unwrap()
}

fn text(store: &XenStore<Domain>, path: &str) -> Result<String, ServerError> {
    let mut buffer = [0; 4096];
    match store.read(path, &mut buffer) {
        Ok(len) => Ok(String::from_utf8_lossy(&buffer[..len]).into_owned()),
        Err(StoreError { kind: ErrorKind::Server(error), .. }) => Err(error),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn client_reads_and_writes_over_ring() {
    let world = World::new(1);
    let guest = world.create_guest(DomainConfig::new("guest"));
    let store = client(&guest);
    assert_eq!(text(&store, "name"), Ok("guest".to_owned()));
    assert_eq!(text(&store, "domid"), Ok("1".to_owned()));
    let features =
        ServerFeatures::RECONNECTION.0 | ServerFeatures::ERROR.0 | ServerFeatures::WATCHDEPTH.0;
    assert_eq!(store.page_features(), ServerFeatures(features));
    store.write("data/greeting", "hello").unwrap();
    assert_eq!(world.store().read("/local/domain/1/data/greeting").as_deref(), Some("hello"));
    assert_eq!(text(&store, "/local/domain/1/data/greeting"), Ok("hello".to_owned()));
    assert_eq!(text(&store, "data/none"), Err(ServerError::NotFound));
    assert_eq!(text(&store, "/local/domain/0/name"), Err(ServerError::AccessDenied));
    assert!(store.write("name", "other").is_err());
    drop(store);
    world.check().unwrap();
}

/// D-X04.
#[test]
fn message_in_pieces_is_reassembled() {
    for chunk in [1, 2, 3, 7, 15, 16, 17, 100] {
        let world = World::new(chunk as u64);
        world.store().set_chunk(chunk);
        let guest = world.create_guest(DomainConfig::new("guest"));
        let store = client(&guest);
        for round in 0..40 {
            let value = format!("{round}-{}", "x".repeat(round * 40));
            store.write("data/value", &value).unwrap();
            assert_eq!(text(&store, "data/value"), Ok(value));
        }
    }
}

#[test]
fn conflicting_transaction_fails_with_again() {
    let world = World::new(1);
    let store = world.store();
    store.write("/a", 1).unwrap();
    let first = store.begin().unwrap();
    let second = store.begin().unwrap();
    assert_eq!(first.read("/a").as_deref(), Some("1"));
    first.write("/b/c", 2).unwrap();
    assert_eq!(first.read("/b/c").as_deref(), Some("2"));
    assert_eq!(store.read("/b/c"), None);
    second.write("/a", 3).unwrap();
    second.commit().unwrap();
    assert_eq!(first.commit(), Err(ServerError::Again));
    assert_eq!(store.read("/b"), None);
    let third = store.begin().unwrap();
    third.write("/b/c", 2).unwrap();
    third.write("/b/d", 2).unwrap();
    store.write("/unrelated", 1).unwrap();
    store.write("/a", 4).unwrap();
    // A new child of the root is a change of the root, which the new node of the transaction
    // depends on.
    assert_eq!(third.commit(), Err(ServerError::Again));
    let fourth = store.begin().unwrap();
    fourth.write("/b/c", 2).unwrap();
    fourth.remove("/unrelated").unwrap();
    store.write("/a", 5).unwrap();
    fourth.commit().unwrap();
    assert_eq!(store.list("/b"), ["c"]);
    assert_eq!(store.begin().unwrap().begin().unwrap_err(), ServerError::Busy);
}

#[test]
fn watch_fires_for_readable_nodes() {
    let world = World::new(1);
    let guest = world.create_guest(DomainConfig::new("guest"));
    let (dom0, theirs) = (world.store(), guest.store());
    let events = |store: &xen_sim::Store| -> Vec<String> {
        core::iter::from_fn(|| store.next_event()).map(|event| event.path).collect()
    };
    theirs.watch("data", "t").unwrap();
    theirs.watch("/local/domain/0/secret", "s").unwrap();
    assert_eq!(theirs.watch("data", "t"), Err(ServerError::Exists));
    assert_eq!(events(&theirs), ["data", "/local/domain/0/secret"]);
    dom0.write("/local/domain/1/data/x/y", 1).unwrap();
    dom0.write("/local/domain/0/secret", 1).unwrap();
    dom0.write("/local/domain/1/database", 1).unwrap();
    assert_eq!(events(&theirs), ["data/x/y"]);
    theirs.watch("data/x/y", "deep").unwrap();
    assert_eq!(events(&theirs), ["data/x/y"]);
    dom0.remove("/local/domain/1/data/x").unwrap();
    assert_eq!(events(&theirs), ["data/x/y", "data/x"]);
    theirs.unwatch("data", "t").unwrap();
    assert_eq!(theirs.unwatch("data", "t"), Err(ServerError::NotFound));
    dom0.watch("@introduceDomain", "i").unwrap();
    dom0.watch("@releaseDomain", "r").unwrap();
    assert_eq!(events(&dom0).len(), 2);
    let other = world.create_guest(DomainConfig::new("other"));
    assert_eq!(events(&dom0), ["@introduceDomain"]);
    world.destroy(other.id());
    assert_eq!(events(&dom0), ["@releaseDomain"]);
    xen_hypercall::ops::sched::shutdown(&guest, xen_sys::sched::ShutdownReason::POWEROFF)
        .unwrap_err();
    world.run_until_idle();
    assert_eq!(events(&dom0), ["@releaseDomain"]);
    assert_eq!(world.shutdown_reason(guest.id()), Some(xen_sys::sched::ShutdownReason::POWEROFF));
}

#[test]
fn forbidden_requests_fail() {
    let world = World::new(1);
    let guest = world.create_guest(DomainConfig::new("guest"));
    let store = guest.store();
    let raw = |kind, body: &[u8]| store.request(kind, body);
    assert_eq!(raw(MessageType::READ, b"name"), Err(ServerError::Invalid));
    assert_eq!(raw(MessageType::READ, b"a//b\0"), Err(ServerError::Invalid));
    assert_eq!(raw(MessageType::RM, b"/\0"), Err(ServerError::Invalid));
    assert_eq!(raw(MessageType::INTRODUCE, b"5\x001\x001\0"), Err(ServerError::AccessDenied));
    assert_eq!(raw(MessageType::TRANSACTION_END, b"T\0"), Err(ServerError::NotFound));
    assert_eq!(raw(MessageType(77), b""), Err(ServerError::NotImplemented));
    assert_eq!(raw(MessageType::GET_DOMAIN_PATH, b"7\0"), Ok(b"/local/domain/7\0".to_vec()));
    assert_eq!(raw(MessageType::IS_DOMAIN_INTRODUCED, b"1\0"), Err(ServerError::AccessDenied));
    assert_eq!(store.write("data/big", "x".repeat(2049)), Err(ServerError::NoSpace));
    assert_eq!(store.remove("data/none"), Ok(()));
    assert_eq!(store.remove("data/none/deep"), Err(ServerError::NotFound));
    let give_away = [Permission { access: Access::None, domain: DomId(0) }];
    assert_eq!(store.set_permissions("data", &give_away), Err(ServerError::NotPermitted));
    let own = [
        Permission { access: Access::None, domain: guest.id() },
        Permission { access: Access::Read, domain: DomId(9) },
    ];
    store.set_permissions("data", &own).unwrap();
    assert_eq!(store.permissions("data").unwrap(), own);
    let watches: Vec<_> = (0..129).map(|n| store.watch("data", n)).collect();
    assert_eq!(watches[127..], [Ok(()), Err(ServerError::TooBig)]);
    let nodes = (0..1000)
        .map(|n| store.write(format!("data/{}/{n}", n % 9), n))
        .position(|result| result.is_err());
    assert!(nodes.is_some_and(|count| count > 900));
    let list = store.request(MessageType::DIRECTORY_PART, b"data/0\x000\0").unwrap();
    assert!(list.ends_with(b"\0\0") && list.len() > 300);
}

#[test]
fn blocking_client_reads_write_of_task() {
    let world = World::new(5);
    let guest = world.create_guest(DomainConfig::new("guest"));
    let other = world.create_guest(DomainConfig::new("other"));
    world.store().write("/shared", 0).unwrap();
    let everyone = [Permission { access: Access::Both, domain: DomId(0) }];
    world.store().set_permissions("/shared", &everyone).unwrap();
    // The task's own client, over its own ring, without blocking.
    let theirs = client(&other);
    other.spawn({
        let mut rounds = 0;
        move |domain: &Domain| {
            rounds += 1;
            if rounds == 1 {
                return Step::Sleep(domain.now() + Duration::from_millis(5));
            }
            theirs.write("/shared", "1").unwrap();
            Step::Done
        }
    });
    let store = client(&guest);
    let watch = store.watch("/shared").unwrap();
    let deadline = guest.now() + Duration::from_secs(1);
    assert!(watch.wait_next(deadline).unwrap().is_some());
    while text(&store, "/shared").unwrap() != "1" {
        assert!(watch.wait_next(deadline).unwrap().is_some());
    }
    assert!(guest.now() < deadline);
}

/// D-X13.
#[test]
fn protocol_error_is_reported_and_reset() {
    let world = World::new(1);
    let guest = world.create_guest(DomainConfig::new("guest"));
    let ring = boot::xenstore_ring(guest.clone()).unwrap();
    let page = ring.page.as_ref();
    let order = core::sync::atomic::Ordering::SeqCst;
    let (req_prod, connection, error) = (2052, 2068, 2072);
    page.u32_at(req_prod).unwrap().store(5000, order);
    xen_hypercall::ops::event_channel::send(&guest, ring.port).unwrap();
    world.run_until_idle();
    assert_eq!(page.u32_at(error).unwrap().load(order), 2);
    page.u32_at(connection).unwrap().store(1, order);
    xen_hypercall::ops::event_channel::send(&guest, ring.port).unwrap();
    world.run_until_idle();
    assert_eq!(page.u32_at(error).unwrap().load(order), 0);
    assert_eq!(page.u32_at(connection).unwrap().load(order), 0);
    let store = XenStore::new(guest.clone(), ring).unwrap();
    assert_eq!(text(&store, "name"), Ok("guest".to_owned()));
}

#[test]
fn stopped_server_times_out_and_recovers() {
    let world = World::new(1);
    let guest = world.create_guest(DomainConfig::new("guest"));
    let store = client(&guest);
    world.store().set_stopped(true);
    let before = guest.now();
    let failed = store.write("data/x", "1").unwrap_err();
    assert!(matches!(failed.kind, ErrorKind::Timeout { .. }), "{failed}");
    assert!(guest.now() >= before + Duration::from_secs(5));
    world.store().set_stopped(false);
    store.write("data/x", "2").unwrap();
    assert_eq!(text(&store, "data/x"), Ok("2".to_owned()));
}

#[test]
fn late_server_answers_earlier_requests() {
    let world = World::new(1);
    let guest = world.create_guest_without_store(DomainConfig::new("guest"));
    let ring = boot::xenstore_ring(guest.clone()).unwrap();
    let store = XenStore::new(guest.clone(), ring).unwrap();
    let (toolstack, id, at) = (world.clone(), guest.id(), guest.now() + Duration::from_secs(1));
    world.dom0().spawn(move |dom0: &Domain| {
        if dom0.now() < at {
            return Step::Sleep(at);
        }
        toolstack.introduce(id);
        Step::Done
    });
    assert_eq!(text(&store, "name"), Ok("guest".to_owned()));
    assert!(guest.now() >= at);
}

/// D-X13.
#[test]
fn watches_survive_reconnect() {
    let world = World::new(1);
    let guest = world.create_guest(DomainConfig::new("guest"));
    let other = boot::xenstore_ring(guest.clone()).unwrap();
    let store = client(&guest);
    let watch = store.watch("data/x").unwrap();
    while watch.try_next().unwrap().is_some() {}
    // Other code of the domain writes to the page.
    let req_prod = other.page.as_ref().u32_at(2052).unwrap();
    req_prod.store(5000, core::sync::atomic::Ordering::SeqCst);
    xen_hypercall::ops::event_channel::send(&guest, other.port).unwrap();
    world.run_until_idle();
    assert!(matches!(text_error(&store, "name").kind, ErrorKind::Connection(_)));
    store.reconnect().unwrap();
    assert_eq!(text(&store, "name"), Ok("guest".to_owned()));
    while watch.try_next().unwrap().is_some() {}
    store.write("data/x", "1").unwrap();
    let deadline = guest.now() + Duration::from_secs(1);
    assert_eq!(watch.wait_next(deadline).unwrap().unwrap().path(), "data/x");
}

#[test]
fn unread_events_disconnect_guest() {
    let world = World::new(1);
    let guest = world.create_guest(DomainConfig::new("guest"));
    let store = client(&guest);
    let watch = store.watch("data").unwrap();
    let change_all = || {
        for number in 0..100 {
            world.store().write(format!("/local/domain/1/data/{number}"), number).unwrap();
        }
    };
    change_all();
    world.run_for(Duration::from_secs(19));
    store.poll().unwrap();
    // All that was read does not count, and what fits the ring does not wait.
    change_all();
    world.run_for(Duration::from_secs(19));
    store.poll().unwrap();
    change_all();
    world.run_for(Duration::from_secs(21));
    let lost = ErrorKind::Connection(ConnectionError::Lost { code: 1 });
    assert_eq!(store.read_number::<u32>("data/1").unwrap_err().kind, lost);
    store.reconnect().unwrap();
    assert_eq!(store.read_number::<u32>("data/1"), Ok(1));
    drop(watch);
    drop(store);
    world.run_until_idle();
    world.check().unwrap();
}

#[test]
fn guest_cannot_overrun_watcher() {
    let world = World::new(1);
    let guest = world.create_guest(DomainConfig::new("guest"));
    let driver = world.create_guest(DomainConfig::new("driver"));
    let reader = Permission { access: Access::Read, domain: driver.id() };
    let owner = Permission { access: Access::None, domain: guest.id() };
    world.store().set_permissions("/local/domain/1/data", &[owner, reader]).unwrap();
    let (own, other) = (client(&guest), client(&driver));
    let watch = other.watch("/local/domain/1/data").unwrap();
    // The driver domain's kernel is busy: it polls its ring ten times a second.
    let mut next = world.now();
    for number in 0..9000 {
        own.write(format_args!("data/{number}"), "").unwrap();
        own.remove(format_args!("data/{number}")).unwrap();
        if world.now() >= next {
            while watch.try_next().unwrap().is_some() {}
            next = world.now() + Duration::from_millis(100);
        }
    }
    while watch.try_next().unwrap().is_some() {}
    assert_eq!(text(&other, "name"), Ok("driver".to_owned()));
    drop(watch);
    drop((own, other));
    world.run_until_idle();
    world.check().unwrap();
}

/// Xen refuses a notification: the server sees the request later, when the caller has forgotten it.
#[test]
fn failed_watch_leaves_nothing() {
    let mut tried = 0;
    for n in 0.. {
        let world = World::new(1);
        let guest = world.create_guest(DomainConfig::new("guest"));
        let fault = Arc::new(SetLater::default());
        let platform = Interposed::new(guest.clone(), Arc::clone(&fault));
        let ring = boot::xenstore_ring(platform.clone()).unwrap();
        let store = XenStore::new(platform, ring).unwrap();
        let failing = FailNth::new(n, Errno::ENOMEM);
        *fault.0.lock().unwrap() = Some(failing);
        let first = store.watch("data");
        let failed = fault.0.lock().unwrap().take().is_some_and(|fault| fault.has_failed());
        if first.is_err() {
            store.reconnect().unwrap();
        }
        let second = first.or_else(|_| store.watch("data")).unwrap();
        // The server has one watch, which ends with its owner.
        let watches = |world: &World| {
            let found = world.check().err().map(|findings| findings.violations).unwrap_or_default();
            found.iter().filter(|found| matches!(found, Violation::WatchLive { .. })).count()
        };
        store.write("data/x", "1").unwrap();
        world.run_until_idle();
        assert_eq!(watches(&world), 1, "failure {n}");
        drop(second);
        store.write("data/x", "2").unwrap();
        world.run_until_idle();
        assert_eq!(watches(&world), 0, "failure {n}");
        if !failed {
            break;
        }
        tried += 1;
    }
    assert!(tried > 0);
}

/// A failure that is chosen after the platform was made.
#[derive(Default)]
struct SetLater(Mutex<Option<FailNth>>);

impl Interpose for SetLater {
    fn hypercall(&self, call: &Call) -> Option<isize> {
        self.0.lock().unwrap().as_ref().and_then(|fault| fault.hypercall(call))
    }
}

#[test]
fn drivers_and_hotplug_are_published() {
    let world = World::new(1);
    let guest = world.create_guest(DomainConfig::new("guest"));
    let store = client(&guest);
    let driver = Software { vendor: "us", product: "xen-front", version: "0.1.0", attributes: "" };
    store.publish_driver(0, &driver).unwrap();
    store.publish_hotplug("vif", true).unwrap();
    store.publish_hotplug("vbd", false).unwrap();
    let says = |path: &str| world.store().read(format!("/local/domain/1/{path}"));
    assert_eq!(says("drivers/0").as_deref(), Some("us xen-front 0.1.0"));
    assert_eq!(
        (says("feature/hotplug/vif"), says("feature/hotplug/vbd")),
        (Some("1".into()), Some("0".into()))
    );
}

#[test]
fn interface_is_published_in_place() {
    let world = World::new(1);
    let guest = world.create_guest(DomainConfig::new("guest"));
    let store = client(&guest);
    let addresses: [IpAddr; 3] =
        [[10, 0, 0, 3].into(), "fd00::2".parse().unwrap(), [10, 0, 1, 2].into()];
    let mac = "00:16:3e:00:00:02";
    let says = |path: &str| world.store().read(format!("/local/domain/1/attr/vif/7/{path}"));
    store.publish_interface(7, "eth7", mac, &addresses).unwrap();
    for (path, expected) in [
        ("name", "eth7"),
        ("mac/0", mac),
        ("ipv4/0", "10.0.0.3"),
        ("ipv4/1", "10.0.1.2"),
        ("ipv6/0", "fd00::2"),
    ] {
        assert_eq!(says(path).as_deref(), Some(expected), "{path}");
    }
    store.publish_interface(7, "eth7", mac, &addresses[2..]).unwrap();
    assert_eq!(says("ipv4/0").as_deref(), Some("10.0.1.2"));
    assert_eq!((says("ipv4/1"), says("ipv6/0")), (None, None));
}

#[test]
fn absent_ring_times_out() {
    let world = World::new(1);
    let guest = world.create(DomainConfig::new("guest"));
    let refused = XenStore::start(guest.clone(), guest.now() + Duration::from_secs(1)).unwrap_err();
    assert!(matches!(refused, boot::BootError::Absent { .. }), "{refused}");
    assert!(guest.now() >= Instant::default() + Duration::from_secs(1));
}

/// Answers that the toolstack has set up no ring, until a moment.
struct LateRing {
    guest: Domain,
    until: Instant,
}

impl Interpose for LateRing {
    fn hypercall(&self, call: &Call) -> Option<isize> {
        let asks = call.op == HYPERVISOR_HVM_OP && call.command() == HVMOP_GET_PARAM;
        // The parameter stays zero.
        (asks && self.guest.now() < self.until).then_some(0)
    }
}

/// Row 217: a domain that Xen started is up before the toolstack.
#[test]
fn late_ring_is_used() {
    let world = World::new(1);
    let guest = world.create_guest(DomainConfig::new("guest"));
    let until = guest.now() + Duration::from_secs(3);
    let late = Arc::new(LateRing { guest: guest.clone(), until });
    let platform = Interposed::new(guest.clone(), late);
    let store = XenStore::start(platform, guest.now() + Duration::from_secs(60)).unwrap();
    assert!(guest.now() >= until && guest.now() < until + Duration::from_secs(5));
    assert_eq!(store.domid(), Ok(guest.id()));
    store.write("data/greeting", "hello").unwrap();
    assert_eq!(world.store().read("/local/domain/1/data/greeting").as_deref(), Some("hello"));
    drop(store);
    world.check().unwrap();
}

/// Row 217: a domain that Xen started has a port, and its ring comes with `init-dom0less`.
#[test]
fn dom0less_ring_is_used() {
    let world = World::new(1);
    let guest = world.create_dom0less_guest(DomainConfig::new("guest"));
    let absent = boot::xenstore_ring(guest.clone()).unwrap_err();
    assert!(absent.is_late(), "{absent}");
    let start = guest.now();
    let refused = XenStore::start(guest.clone(), start + Duration::from_secs(1)).map(drop);
    assert_eq!(refused, Err(absent));
    // The toolstack comes after three seconds.
    let (late, domain) = (start + Duration::from_secs(3), guest.clone());
    let toolstack = world.clone();
    world.dom0().spawn(move |dom0: &Domain| {
        if dom0.now() < late {
            return Step::Sleep(late);
        }
        toolstack.init_dom0less(&domain);
        Step::Done
    });
    let store = XenStore::start(guest.clone(), start + Duration::from_secs(60)).unwrap();
    assert!(guest.now() >= late && guest.now() < late + Duration::from_secs(1));
    assert_eq!(text(&store, "name"), Ok("dom0less-1".to_owned()));
    store.write("data/greeting", "hello").unwrap();
    assert_eq!(world.store().read("/local/domain/1/data/greeting").as_deref(), Some("hello"));
    drop(store);
    world.check().unwrap();
}

/// A ring that never comes, as in dom0 and in a domain without xenstore, is not late.
#[test]
fn absent_ring_is_not_late() {
    let world = World::new(1);
    let guest = world.create(DomainConfig::new("guest"));
    let absent = boot::xenstore_ring(guest).unwrap_err();
    assert!(matches!(absent, boot::BootError::Absent { .. }) && !absent.is_late(), "{absent}");
}

fn text_error(store: &XenStore<Domain>, path: &str) -> StoreError {
    store.read(path, &mut [0; 64]).unwrap_err()
}

#[test]
fn server_passes_conformance_suite() {
    let world = World::new(1);
    let guest = world.create_guest(DomainConfig::new("guest"));
    let ring = boot::xenstore_ring(guest.clone()).unwrap();
    let transport = xen_store::RingTransport::new(guest.clone(), ring.page, ring.port);
    let mut failures = String::new();
    let report =
        xenstored::conformance::run(&guest, transport, ring.port, guest.id(), |name, result| {
            if let Err(failure) = result {
                failures += &format!("{name}: {failure}\n");
            }
        });
    assert!(failures.is_empty(), "{failures}");
    assert!(report.passed >= 140, "{report}");
}
