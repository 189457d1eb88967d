//! Actions of frontends and toolstacks in xenstore and on the ring's indices.

use super::fixture::{Fixture, Native, Raw, SECTORS, noise, store_of};
use core::cell::RefCell;
use core::sync::atomic::Ordering;
use core::time::Duration;
use std::rc::Rc;
use xen_back::block::{
    BlkBack, BlkBackError, BlkBackEvent, BlockDevice, Config, GrantMode, MemoryDisk, OpenDisk,
    OpenError, PreparedDisk, VbdConfig,
};
use xen_back::{QueueError, QueuesError};
use xen_front::block::BlkFront;
use xen_grant::{GrantTable, MapError};
use xen_hypercall::{Instant, Pages, Platform};
use xen_sim::{Disk, Domain, DomainConfig, EventWait, World};
use xen_sys::io::blkif::{BlkifOp, BlkifStatus};
use xenbus::{DeviceId, DeviceState, XenbusError, XenbusState};

#[test]
fn d_r02_bad_index_closes_device() {
    let fixture = Fixture::new();
    let mut back = fixture.back(GrantMode::Copy);
    let Raw { ring, channel, data, .. } = Native::connect(&fixture, &mut back, "x86_64-abi");
    let connected = fixture.driver.counters().maps;
    let ring = ring.into_memory();
    ring.as_ref().u32::<0>().store(33, Ordering::SeqCst);
    channel.notify().unwrap();
    assert!(matches!(
        fixture.settle(&mut back),
        Err(BlkBackError::Queues(QueuesError::Queue { queue: 0, error: QueueError::Corrupt(_) }))
    ));
    assert_eq!(
        fixture.driver.counters().unmaps,
        connected,
        "the guest's pages are unmapped at once"
    );
    ring.as_ref().u32::<0>().store(1, Ordering::SeqCst);
    let _ = channel.notify();
    assert_eq!(fixture.settle(&mut back), Ok(BlkBackEvent::Idle));
    assert_eq!(fixture.states(), (3, 5), "closing, and the ring is not read again");
    let deadline = back.poll_timeout(fixture.driver.now()).unwrap();
    assert!(
        deadline > fixture.driver.now()
            && deadline < fixture.driver.now() + Duration::from_secs(60)
    );
    let error = fixture.driver.store().read(format!(
        "error/backend/vbd/{}/{}/error",
        fixture.guest.id(),
        fixture.device.id
    ));
    assert!(error.is_some_and(|error| !error.is_empty()), "the toolstack's user can read why");
    let store = fixture.guest.store();
    for state in [5, 6, 1] {
        store.write(format!("{}/state", fixture.device.frontend_path()), state).unwrap();
        fixture.settle(&mut back).unwrap();
    }
    ring.end_access().unwrap();
    data.end_access().unwrap();
    drop(channel);
    let mut raw = Native::connect(&fixture, &mut back, "x86_64-abi");
    let request = raw.request(BlkifOp::READ, 1, 0);
    raw.expect(&mut back, &request, BlkifStatus::OKAY);
    raw.close(&mut back);
    drop(back);
    fixture.finish();
}

#[test]
fn close_timeout_is_the_callers() {
    let fixture = Fixture::new();
    let mut back = fixture.back(GrantMode::Copy);
    back.set_close_timeout(Duration::from_secs(7));
    let Raw { ring, channel, data, .. } = Native::connect(&fixture, &mut back, "x86_64-abi");
    let start = fixture.driver.now();
    let ring = ring.into_memory();
    ring.as_ref().u32::<0>().store(33, Ordering::SeqCst);
    channel.notify().unwrap();
    assert!(matches!(
        fixture.settle(&mut back),
        Err(BlkBackError::Queues(QueuesError::Queue { queue: 0, error: QueueError::Corrupt(_) }))
    ));
    fixture.settle(&mut back).unwrap();
    let deadline = back.poll_timeout(fixture.driver.now()).unwrap();
    let waited = deadline.saturating_duration_since(start);
    assert_eq!((fixture.states(), waited.as_secs()), ((3, 5), 7));
    drop(back);
    ring.end_access().unwrap();
    data.end_access().unwrap();
    drop(channel);
    fixture.finish();
}

/// The nodes that the toolstack and frontends read, with which values.
#[test]
fn offer_has_all_nodes() {
    for read_only in [false, true] {
        let fixture = Fixture::with(&Disk { read_only, ..Disk::new("xvda") });
        fixture.disk.borrow_mut().alignment = 4096;
        let (store, path) = (fixture.world.store(), fixture.device.backend_path());
        store.remove(format!("{path}/hotplug-status")).unwrap();
        let mut back = fixture.back_with(Config { ring_order: 2, ..Config::default() });
        let raw = Native::connect(&fixture, &mut back, "x86_64-abi");
        let sectors = SECTORS.to_string();
        for (key, value, without_writes) in [
            ("feature-flush-cache", "1", "0"),
            ("feature-barrier", "1", "0"),
            ("feature-persistent", "0", "0"),
            ("feature-max-indirect-segments", "32", "32"),
            ("max-ring-page-order", "2", "2"),
            ("max-ring-pages", "4", "4"),
            ("multi-queue-max-queues", "4", "4"),
            ("feature-discard", "1", "0"),
            ("discard-granularity", "512", "0"),
            ("discard-alignment", "4096", "0"),
            ("discard-secure", "1", "0"),
            ("hotplug-status", "connected", "connected"),
            ("sectors", &sectors, &sectors),
            ("info", "0", "4"),
            ("sector-size", "512", "512"),
            ("physical-sector-size", "512", "512"),
        ] {
            let found = store.read(format!("{path}/{key}"));
            let expected = if read_only { without_writes } else { value };
            assert_eq!(found.as_deref(), Some(expected), "{key}");
        }
        raw.close(&mut back);
        drop(back);
        fixture.finish();
    }
}

#[test]
fn invalid_frontend_nodes_are_refused() {
    for (key, value) in [
        ("ring-ref", "x"),
        ("ring-ref", "4294967295"),
        ("event-channel", "99999"),
        ("event-channel", ""),
        ("protocol", "sparc"),
        ("ring-page-order", "1"),
        ("ring-page-order", "4294967295"),
        ("num-ring-pages", "2"),
        ("num-ring-pages", "0"),
        ("num-ring-pages", "3"),
    ] {
        let fixture = Fixture::new();
        let mut back = fixture.back(GrantMode::Map);
        let raw = Native::publish(&fixture, &mut back, "x86_64-abi");
        fixture
            .guest
            .store()
            .write(format!("{}/{key}", fixture.device.frontend_path()), value)
            .unwrap();
        assert!(fixture.settle(&mut back).is_err(), "{key} = {value}");
        fixture.settle(&mut back).unwrap();
        assert_eq!(fixture.states(), (3, 5), "{key} = {value}");
        let counters = fixture.driver.counters();
        assert_eq!(counters.maps, counters.unmaps);
        raw.close(&mut back);
        drop(back);
        fixture.finish();
    }
}

/// Linux d75e7f63b7, FreeBSD 88b3d48316: two schemes, and nodes of the frontend before.
#[test]
fn stale_ring_ref_is_ignored() {
    // The size's node, and the node of the ring's page; the other one is stale, or missing.
    for (size, page, stale) in [
        (Some(("ring-page-order", 0)), "ring-ref0", Some("ring-ref")),
        (Some(("num-ring-pages", 1)), "ring-ref", Some("ring-ref0")),
        (None, "ring-ref", Some("ring-ref0")),
        (Some(("ring-page-order", 0)), "ring-ref", None),
        (Some(("num-ring-pages", 1)), "ring-ref0", None),
        (None, "ring-ref0", None),
    ] {
        let fixture = Fixture::new();
        let mut back = fixture.back(GrantMode::Copy);
        let mut raw = Native::publish(&fixture, &mut back, "x86_64-abi");
        let (store, path) = (fixture.guest.store(), fixture.device.frontend_path());
        let reference = raw.ring.memory().refs()[0];
        store.remove(format!("{path}/ring-ref")).unwrap();
        store.write(format!("{path}/{page}"), reference).unwrap();
        if let Some((key, value)) = size {
            store.write(format!("{path}/{key}"), value).unwrap();
        }
        if let Some(stale) = stale {
            // A page that is granted too, and no ring.
            store.write(format!("{path}/{stale}"), raw.data.refs()[0]).unwrap();
        }
        fixture.settle(&mut back).unwrap();
        let request = raw.request(BlkifOp::READ, 1, 0);
        raw.expect(&mut back, &request, BlkifStatus::OKAY);
        raw.close(&mut back);
        drop(back);
        fixture.finish();
    }
}

#[test]
fn malformed_ring_ref_has_no_substitute() {
    let fixture = Fixture::new();
    let mut back = fixture.back(GrantMode::Copy);
    let raw = Native::publish(&fixture, &mut back, "x86_64-abi");
    let (store, path) = (fixture.guest.store(), fixture.device.frontend_path());
    store.write(format!("{path}/ring-ref"), "x").unwrap();
    store.write(format!("{path}/ring-ref0"), raw.ring.memory().refs()[0]).unwrap();
    assert!(matches!(fixture.settle(&mut back), Err(BlkBackError::Xenbus(XenbusError::Store(_)))));
    assert_eq!(fixture.driver.counters().maps, 0);
    raw.close(&mut back);
    drop(back);
    fixture.finish();
}

#[test]
fn ring_page_named_twice_is_refused() {
    for (order, twice) in [(1, [0, 1]), (2, [0, 3]), (2, [1, 2])] {
        let fixture = Fixture::new();
        let mut back = fixture.back_with(Config { ring_order: 4, ..Config::default() });
        let raw = Native::publish(&fixture, &mut back, "x86_64-abi");
        let pages = Pages::alloc(fixture.guest.clone(), 1 << order).unwrap();
        let pages = fixture.grants.grant_writable(pages, fixture.driver.id()).unwrap();
        let (store, path) = (fixture.guest.store(), fixture.device.frontend_path());
        store.write(format!("{path}/ring-page-order"), order).unwrap();
        for (index, reference) in pages.refs().iter().enumerate() {
            store.write(format!("{path}/ring-ref{index}"), reference).unwrap();
        }
        let [first, second] = twice;
        let reference = pages.refs()[first];
        store.write(format!("{path}/ring-ref{second}"), reference).unwrap();
        assert_eq!(
            fixture.settle(&mut back),
            Err(BlkBackError::Queues(QueuesError::Queue {
                queue: 0,
                error: QueueError::RepeatedRing { reference }
            }))
        );
        let counters = fixture.driver.counters();
        assert_eq!(counters.maps, counters.unmaps);
        pages.end_access().unwrap();
        raw.close(&mut back);
        drop(back);
        fixture.finish();
    }
}

/// Feature row 133.
#[test]
fn close_cycle_before_first_connection() {
    let fixture = Fixture::new();
    let mut back = fixture.back(GrantMode::Copy);
    fixture.settle(&mut back).unwrap();
    assert_eq!(fixture.states(), (1, 2));
    let store = fixture.guest.store();
    for (state, answer) in [(5, 5), (6, 6), (1, 2)] {
        store.write(format!("{}/state", fixture.device.frontend_path()), state).unwrap();
        fixture.settle(&mut back).unwrap();
        assert_eq!(fixture.states(), (state, answer));
    }
    let mut front = fixture.front();
    fixture.reach(&mut front, &mut back, DeviceState::Connected);
    front.close();
    fixture.reach(&mut front, &mut back, DeviceState::Closed);
    drop((front, back));
    fixture.finish();
}

#[test]
fn state_storm_costs_one_read_each() {
    let fixture = Fixture::new();
    let mut back = fixture.back(GrantMode::Copy);
    fixture.settle(&mut back).unwrap();
    let store = fixture.guest.store();
    for round in 0..20 {
        for state in 0..500 {
            store
                .write(format!("{}/state", fixture.device.frontend_path()), (state + round) % 3)
                .unwrap();
        }
        let before = fixture.driver.counters().notifications;
        back.poll(fixture.driver.now()).unwrap();
        assert!(fixture.driver.counters().notifications - before < 50);
    }
    drop(back);
    fixture.finish();
}

#[test]
fn read_only_disk_is_not_written() {
    let fixture = Fixture::with(&Disk { read_only: true, ..Disk::new("xvda") });
    let mut back = fixture.back(GrantMode::Copy);
    let mut raw = Native::connect(&fixture, &mut back, "x86_64-abi");
    assert_eq!(
        fixture.guest.store().read(format!("{}/info", fixture.device.backend_path())).as_deref(),
        Some("4")
    );
    for operation in [BlkifOp::WRITE, BlkifOp::WRITE_BARRIER] {
        let request = raw.request(operation, 1, 0);
        raw.expect(&mut back, &request, BlkifStatus::ERROR);
    }
    assert_eq!(fixture.disk.borrow().sectors(), SECTORS as u64);
    assert!(fixture.disk.borrow().as_ref() == noise(SECTORS * 512, 3));
    raw.close(&mut back);
    drop(back);
    fixture.finish();
}

#[test]
fn toolstack_configuration_is_applied() {
    let fixture = Fixture::new();
    let (store, path) = (fixture.world.store(), fixture.device.backend_path());
    for (key, value) in [
        ("params", "/dev/vg/guest"),
        ("physical-device", "fd:1a"),
        ("mode", "r"),
        ("device-type", "cdrom"),
        ("removable", "1"),
        ("discard-enable", "0"),
    ] {
        store.write(format!("{path}/{key}"), value).unwrap();
    }
    let mut back = fixture.back(GrantMode::Copy);
    let seen = Rc::new(RefCell::new(None));
    let found = Rc::clone(&seen);
    let mut other = BlkBack::new(
        &fixture.driver_store,
        back.id(),
        move |config: &VbdConfig<'_>| -> Result<Option<MemoryDisk<Vec<u8>>>, OpenError> {
            assert_eq!((config.params, config.physical_device_path), ("/dev/vg/guest", ""));
            let flags = (config.writable, config.cdrom, config.removable, config.discard);
            *found.borrow_mut() = Some((config.physical_device, flags));
            Ok(None)
        },
        Config::default(),
    )
    .unwrap();
    while seen.borrow().is_none() {
        other.poll(fixture.driver.now()).unwrap();
        fixture.world.run_for(Duration::from_micros(10));
    }
    assert_eq!(seen.take(), Some((Some((0xfd, 0x1a)), (false, true, true, false))));
    drop(other);
    let raw = Native::connect(&fixture, &mut back, "x86_64-abi");
    let said = |key| store.read(format!("{path}/{key}")).unwrap();
    assert_eq!(
        (said("hotplug-status"), said("feature-flush-cache")),
        ("connected".into(), "0".into())
    );
    // CD-ROM, removable, read-only.
    assert_eq!((said("info"), said("sectors")), ("7".into(), SECTORS.to_string()));
    raw.close(&mut back);
    drop(back);
    fixture.finish();
}

/// The nodes of a hotplug script: `physical-device` and `physical-device-path`.
type PhysicalDevice = (Option<(u32, u32)>, String);

/// Storage that a hotplug script sets up; holds what the script has written.
struct ScriptedDisk(Rc<RefCell<Option<PhysicalDevice>>>);

impl OpenDisk for ScriptedDisk {
    type Disk = MemoryDisk<Vec<u8>>;

    fn open_disk(&mut self, config: &VbdConfig<'_>) -> Result<Option<Self::Disk>, OpenError> {
        if !config.has_physical_device() {
            return Ok(None);
        }
        let path = config.physical_device_path.to_string();
        *self.0.borrow_mut() = Some((config.physical_device, path));
        Ok(Some(MemoryDisk::new(vec![0; 512])))
    }
}

type ScriptedBack = BlkBack<Domain, ScriptedDisk>;

/// Returns a backend that waits for a hotplug script, at most for `timeout`.
fn scripted(fixture: &Fixture, timeout: Duration) -> (ScriptedBack, ScriptedDisk) {
    let disk = ScriptedDisk(Rc::default());
    let opener = ScriptedDisk(Rc::clone(&disk.0));
    let id = DeviceId { guest: fixture.guest.id(), device: fixture.device.id };
    let mut back = BlkBack::new(&fixture.driver_store, id, opener, Config::default()).unwrap();
    back.set_hotplug_timeout(timeout);
    (back, disk)
}

/// blktap 441, 435: the node is written before or after the backend reads it.
#[test]
fn late_hotplug_script_is_waited_for() {
    let timeout = Duration::from_secs(5);
    for key in ["physical-device", "physical-device-path"] {
        for late in [false, true] {
            let fixture = Fixture::new();
            let (store, path) = (fixture.world.store(), fixture.device.backend_path());
            store.remove(format!("{path}/physical-device")).unwrap();
            let value = if key == "physical-device" { "fd:1a" } else { "/dev/loop7" };
            let write = || store.write(format!("{path}/{key}"), value).unwrap();
            if !late {
                write();
            }
            let (mut back, disk) = scripted(&fixture, timeout);
            let mut event = EventWait::new(&fixture.driver);
            let mut polled = || {
                assert_eq!(back.poll(fixture.driver.now()), Ok(BlkBackEvent::Idle));
                back.disk().is_some() && back.state() == XenbusState::INIT_WAIT
            };
            if late {
                let until = fixture.driver.now() + Duration::from_secs(1);
                assert!(!event.run_until(until, &mut polled));
                assert_eq!(fixture.states().1, 1);
                write();
            }
            assert!(event.run_until(fixture.driver.now() + timeout, &mut polled));
            let expected = if key == "physical-device" {
                (Some((0xfd, 0x1a)), String::new())
            } else {
                (None, "/dev/loop7".to_string())
            };
            assert_eq!(
                (disk.0.take(), fixture.states().1),
                (Some(expected), 2),
                "{key}, late: {late}"
            );
            drop(back);
            fixture.finish();
        }
    }
}

#[test]
fn hotplug_script_has_a_deadline() {
    let fixture = Fixture::new();
    let (store, path) = (fixture.world.store(), fixture.device.backend_path());
    store.remove(format!("{path}/physical-device")).unwrap();
    let timeout = Duration::from_secs(5);
    let (mut back, _) = scripted(&fixture, timeout);
    let start = fixture.driver.now();
    // A toolstack that continues to write does not extend it.
    let failed = (0..100).find_map(|round| {
        store.write(format!("{path}/hotplug-status"), round).unwrap();
        (0..20).find_map(|_| {
            fixture.world.run_for(Duration::from_millis(10));
            back.poll(fixture.driver.now()).err()
        })
    });
    assert!(
        matches!(failed, Some(BlkBackError::HotplugTimeout { waited }) if waited >= timeout),
        "{failed:?}"
    );
    assert!(
        fixture.driver.now().saturating_duration_since(start) < timeout + Duration::from_secs(1)
    );
    drop(back);
    let wait = |back: &mut ScriptedBack| loop {
        back.poll(fixture.driver.now()).unwrap();
        match back.poll_timeout(fixture.driver.now()) {
            Some(deadline) => return deadline,
            None => fixture.world.run_for(Duration::from_micros(10)),
        }
    };
    let (mut back, _) = scripted(&fixture, timeout);
    let deadline = wait(&mut back);
    let before = Instant::from_nanos(deadline.as_nanos() - 1);
    assert_eq!(back.poll(before), Ok(BlkBackEvent::Idle));
    assert_eq!(back.poll(deadline), Err(BlkBackError::HotplugTimeout { waited: timeout }));
    drop(back);
    let (mut back, _) = scripted(&fixture, timeout);
    wait(&mut back);
    store.write(format!("{path}/hotplug-status"), "error").unwrap();
    let failed = (0..100).find_map(|_| {
        fixture.world.run_for(Duration::from_micros(10));
        back.poll(fixture.driver.now()).err()
    });
    assert_eq!(failed, Some(BlkBackError::HotplugScript));
    drop(back);
    fixture.finish();
}

#[test]
fn disk_for_own_domain_is_refused() {
    let world = World::new(1);
    let domain = world.create_guest(DomainConfig::new("both"));
    let device = world.attach_disk(&domain, &domain, &Disk::new("xvda"));
    let store = store_of(&domain);
    let grants = GrantTable::new(domain.clone()).unwrap();
    let mut front = BlkFront::<Domain>::open(&store, &grants, device.id).unwrap();
    let id = DeviceId { guest: domain.id(), device: device.id };
    let disk = PreparedDisk::new(MemoryDisk::new(vec![0; 512]));
    let mut back = BlkBack::new(&store, id, disk, Config::default()).unwrap();
    let refused = (0..100).find_map(|_| {
        front.poll(domain.now()).unwrap();
        world.run_for(Duration::from_micros(10));
        back.poll(domain.now()).err()
    });
    assert_eq!(
        refused,
        Some(BlkBackError::Queues(QueuesError::Queue {
            queue: 0,
            error: MapError::OwnDomain(domain.id()).into()
        }))
    );
    assert_eq!(world.violations(), []);
}
