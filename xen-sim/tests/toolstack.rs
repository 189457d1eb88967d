//! The toolstack, the console, and the decorators.

use core::mem::offset_of;
use core::sync::atomic::Ordering::SeqCst;
use core::time::Duration;
use std::sync::{Arc, Mutex};
use xen_evtchn::{Channel, EventChannels};
use xen_grant::{GrantMapArea, GrantTable, ReadWrite};
use xen_hypercall::{Errno, Hypercall, Pages, Platform, Port, boot, ops};
use xen_sim::{
    BackendProtocol, ChoiceSource, CountCalls, DeviceSpec, Disk, Domain, DomainConfig, FailNth,
    HostileBackend, Interposed, Jitter, Step, TraceCalls, Vif, Violation, World,
};
use xen_sys::io::console::XenconsInterface;
use xen_sys::memory::XENMEM_ADD_TO_PHYSMAP;
use xen_sys::xen::{HYPERVISOR_EVENT_CHANNEL_OP, HYPERVISOR_MEMORY_OP};

fn world() -> (World, Domain, Domain) {
    let world = World::new(1);
    let guest = world.create_guest(DomainConfig::new("guest"));
    let backend = world.create_guest(DomainConfig::new("backend"));
    (world, guest, backend)
}

#[test]
fn device_nodes_match_toolstack() {
    let (world, guest, backend) = world();
    let disk = world.attach_disk(&guest, &backend, &Disk::new("xvdb"));
    let vif = world.attach_vif(&guest, &backend, &Vif::new(0));
    assert_eq!(disk.frontend_path(), "/local/domain/1/device/vbd/51728");
    assert_eq!(vif.backend_path(), "/local/domain/2/backend/vif/1/0");
    let (ours, theirs) = (guest.store(), backend.store());
    assert_eq!(
        ours.read("device/vbd/51728/backend").as_deref(),
        Some("/local/domain/2/backend/vbd/1/51728")
    );
    assert_eq!(
        theirs.read("backend/vbd/1/51728/frontend").as_deref(),
        Some("/local/domain/1/device/vbd/51728")
    );
    assert_eq!(ours.read("device/vif/0/mac").as_deref(), Some("00:16:3e:00:00:00"));
    // Each end belongs to its domain, and the other may read it.
    assert_eq!(ours.read(format!("{}/mode", disk.backend_path())).as_deref(), Some("w"));
    ours.write(format!("{}/state", disk.backend_path()), 4).unwrap_err();
    ours.write("device/vbd/51728/state", 3).unwrap();
    theirs.write("backend/vbd/1/51728/sectors", 8).unwrap();
    theirs.write(format!("{}/state", disk.frontend_path()), 4).unwrap_err();
    assert_eq!(world.device_states(&disk), (3, 1));
    assert_eq!(ours.list("device"), ["suspend", "vbd", "vif"]);
}

#[test]
fn detach_ends_at_close_or_timeout() {
    let (world, guest, backend) = world();
    let polite = world.attach_disk(&guest, &backend, &Disk::new("xvda"));
    let deaf = world.attach_disk(&guest, &backend, &Disk::new("xvdb"));
    let (store, path) = (backend.store(), polite.backend_path());
    store.watch(&path, "").unwrap();
    backend.spawn(move |_: &Domain| {
        while store.next_event().is_some() {}
        if store.read(format!("{path}/state")).as_deref() == Some("5") {
            store.write(format!("{path}/state"), 6).unwrap();
        }
        Step::Idle
    });
    world.detach(&polite);
    world.detach(&deaf);
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.device_states(&polite), (0, 0));
    assert_eq!(world.device_states(&deaf), (1, 5));
    world.run_for(Duration::from_secs(10));
    assert_eq!(world.device_states(&deaf), (0, 0));
}

#[test]
fn destroyed_backend_fires_watches() {
    let (world, guest, backend) = world();
    let disk = world.attach_disk(&guest, &backend, &Disk::new("xvda"));
    let store = guest.store();
    store.watch(disk.backend_path(), "b").unwrap();
    store.next_event().unwrap();
    world.destroy(backend.id());
    assert_eq!(store.next_event().unwrap().path, disk.backend_path());
    assert_eq!(world.device_states(&disk), (1, 0));
    world.destroy(guest.id());
    world.run_for(Duration::from_secs(11));
    assert_eq!(world.store().list("/local/domain"), ["0"]);
    assert_eq!(world.domain(guest.id()).unwrap().now().as_nanos(), u64::MAX / 2);
    world.check().unwrap();
}

/// freebsd-xen 2022-June 113: the backends of a guest that is destroyed were never asked to close.
#[test]
fn destroyed_guest_detaches_its_devices() {
    let (world, guest, backend) = world();
    let disk = world.attach_disk(&guest, &backend, &Disk::new("xvda"));
    let other = world.attach_device(&guest, &backend, &DeviceSpec::new("9pfs", 0));
    let (store, path) = (backend.store(), disk.backend_path());
    store.watch(&path, "").unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    backend.spawn(move |_: &Domain| {
        while store.next_event().is_some() {}
        let value = |key: &str| store.read(format!("{path}/{key}"));
        if value("state").as_deref() == Some("5") {
            seen.lock().unwrap().push(value("online"));
            store.write(format!("{path}/state"), 6).unwrap();
        }
        Step::Idle
    });
    world.run_until_idle();
    world.destroy(guest.id());
    world.run_for(Duration::from_secs(1));
    assert_eq!(*asked.lock().unwrap(), [Some("0".to_owned())]);
    assert_eq!(world.device_states(&disk), (0, 0));
    // The other one has no backend that closes it, and is removed when the toolstack's time is up.
    assert_eq!(world.device_states(&other), (0, 5));
    world.run_for(Duration::from_secs(10));
    assert_eq!(world.device_states(&other), (0, 0));
    assert_eq!(world.store().read(other.backend_path()), None);
    world.destroy(backend.id());
    world.check().unwrap();
}

#[test]
fn device_of_any_kind_connects() {
    static PROTOCOL: BackendProtocol = BackendProtocol {
        rings: &["ring-ref0"],
        event_channel: "event-channel-0",
        slots: &[16],
        nodes: &[("versions", "1")],
        respond: |_, slot| slot[8..].fill(7),
    };
    let (world, guest, backend) = world();
    let spec = DeviceSpec {
        frontend: vec![("tag", "root".to_owned())],
        backend: vec![("path", "/srv".to_owned())],
        ..DeviceSpec::new("9pfs", 3)
    };
    let device = world.attach_device(&guest, &backend, &spec);
    assert_eq!(device.frontend_path(), format!("/local/domain/{}/device/9pfs/3", guest.id()));
    assert_eq!(world.devices_of(guest.id()), [device]);
    let _backend =
        HostileBackend::start_protocol(&world, &device, &PROTOCOL, ChoiceSource::default());
    world.run_until_idle();
    let store = guest.store();
    let path = device.frontend_path();
    assert_eq!(store.read(format!("{path}/tag")).as_deref(), Some("root"));
    assert_eq!(store.read(format!("{}/versions", device.backend_path())).as_deref(), Some("1"));
    assert_eq!(world.device_states(&device), (1, 2));

    let grants = GrantTable::new(guest.clone()).unwrap();
    let page =
        grants.grant_writable(Pages::alloc(guest.clone(), 1).unwrap(), backend.id()).unwrap();
    let channel = Channel::alloc_unbound(guest.clone(), backend.id()).unwrap();
    store.write(format!("{path}/ring-ref0"), page.refs()[0]).unwrap();
    store.write(format!("{path}/event-channel-0"), channel.port()).unwrap();
    store.write(format!("{path}/state"), 4).unwrap();
    world.run_until_idle();
    assert!(world.is_connected(&device));
    // One request is answered by the protocol's own function, at the first event.
    page.as_ref().copy_from(64, &[1; 16]).unwrap();
    page.as_ref().u32::<0>().store(1, SeqCst);
    channel.notify().unwrap();
    world.run_until_idle();
    let mut response = [0; 16];
    page.as_ref().copy_to(64, &mut response).unwrap();
    assert_eq!(page.as_ref().u32::<8>().load(SeqCst), 1);
    assert_eq!(response, [1, 1, 1, 1, 1, 1, 1, 1, 7, 7, 7, 7, 7, 7, 7, 7]);

    store.write(format!("{path}/state"), 6).unwrap();
    world.run_until_idle();
    page.end_access().unwrap();
    drop(channel);
    drop(grants);
    world.check().unwrap();
}

#[test]
fn console_carries_bytes_both_ways() {
    let (world, guest, _) = world();
    let ring = boot::console_ring(guest.clone()).unwrap();
    let page = ring.page.as_ref();
    page.copy_from(offset_of!(XenconsInterface, out), b"login: ").unwrap();
    page.u32_at(offset_of!(XenconsInterface, out_prod)).unwrap().store(7, SeqCst);
    ops::event_channel::send(&guest, ring.port).unwrap();
    world.run_until_idle();
    assert_eq!(world.console_output(guest.id()), b"login: ");
    world.type_on_console(guest.id(), b"root\n");
    assert!(guest.take_event(ring.port));
    let mut typed = [0; 5];
    page.copy_to(offset_of!(XenconsInterface, in_), &mut typed).unwrap();
    assert_eq!(
        (&typed, page.u32_at(offset_of!(XenconsInterface, in_prod)).unwrap().load(SeqCst)),
        (b"root\n", 5)
    );
}

/// Shares a page, has the peer map it, and takes it back; every step may fail, nothing may be left.
fn share_and_map<P: xen_hypercall::ForeignFrames>(
    front: &P,
    back: &P,
    ids: [u16; 2],
) -> Result<(), ()> {
    let [front_id, back_id] = ids.map(xen_hypercall::DomId);
    let grants = GrantTable::new(front.clone()).map_err(drop)?;
    let pages = Pages::alloc(front.clone(), 2).map_err(drop)?;
    let shared = grants.grant_writable(pages, back_id).map_err(drop)?;
    let channel = Channel::alloc_unbound(front.clone(), back_id).map_err(drop)?;
    let theirs = Channel::bind_interdomain(back.clone(), front_id, channel.port()).map_err(drop)?;
    let window = GrantMapArea::reserve(back.clone(), 2).map_err(drop)?;
    let mapping = window.map::<ReadWrite>(front_id, shared.refs()).map_err(drop)?;
    theirs.notify().map_err(drop)?;
    mapping.unmap().map_err(drop)?;
    shared.end_access().map_err(drop)?;
    Ok(())
}

#[test]
fn every_single_failure_is_cleaned_up() {
    for lying in [false, true] {
        for n in 0.. {
            let (world, guest, backend) = world();
            let fault =
                Arc::new(if lying { FailNth::lying(n) } else { FailNth::new(n, Errno::ENOMEM) });
            let front = Interposed::new(guest.clone(), Arc::clone(&fault));
            let back = Interposed::new(backend.clone(), Arc::clone(&fault));
            let done = share_and_map(&front, &back, [1, 2]);
            if !fault.has_failed() {
                assert_eq!(done, Ok(()));
                assert!(n > 8, "only {n} things could fail");
                break;
            }
            // After a lie the guest has given RAM up for a page of Xen's that never came; that much
            // is lost.
            if !lying {
                // So is a page that Xen refused to replace: it may have been freed before.
                let lost = usize::from(
                    fault.failed_call() == Some((HYPERVISOR_MEMORY_OP, XENMEM_ADD_TO_PHYSMAP)),
                );
                let found = world.check().map_or_else(|found| found.violations, |()| Vec::new());
                assert!(found.iter().all(|v| matches!(v, Violation::PageLost { .. })), "{found:?}");
                assert_eq!(found.len(), lost, "{found:?}");
            }
        }
    }
}

#[test]
fn calls_are_counted_and_traced_once() {
    let (_world, guest, _) = world();
    let (counts, trace) = (Arc::new(CountCalls::default()), Arc::new(TraceCalls::default()));
    let platform = Interposed::new(Interposed::new(guest, Arc::clone(&counts)), Arc::clone(&trace));
    drop(Channel::bind_ipi(platform.clone(), 0).unwrap());
    assert_eq!(ops::event_channel::send(&platform, Port(50)), Err(Errno::EINVAL));
    assert_eq!(counts.total(), 3);
    assert_eq!(counts.count(HYPERVISOR_EVENT_CHANNEL_OP, 7), 1);
    let op = HYPERVISOR_EVENT_CHANNEL_OP;
    assert_eq!(trace.take(), [(op, 7, 0), (op, 3, 0), (op, 4, -22)]);
}

#[test]
fn busy_host_delays_but_succeeds() {
    let (world, guest, backend) = world();
    let jitter = Arc::new(Jitter::new(9, Duration::from_millis(3)));
    let front = Interposed::new(guest.clone(), Arc::clone(&jitter));
    let back = Interposed::new(backend.clone(), jitter);
    let before = world.now();
    for _ in 0..20 {
        share_and_map(&front, &back, [1, 2]).unwrap();
    }
    assert!(world.now() > before + Duration::from_millis(10));
    world.check().unwrap();
}

#[test]
fn injected_event_is_pending() {
    let (world, guest, _) = world();
    let port = ops::event_channel::bind_ipi(&guest, 0).unwrap();
    world.inject_event(guest.id(), port);
    world.inject_event(guest.id(), Port(4000));
    assert!(guest.take_event(port));
    // SAFETY: a yield takes no arguments.
    assert_eq!(unsafe { guest.hypercall(xen_sys::xen::HYPERVISOR_SCHED_OP, [0; 5]) }, 0);
}

#[test]
fn event_on_port_0_keeps_queue() {
    let (world, guest, _) = world();
    let info = boot::shared_info(guest.clone()).unwrap();
    let events = EventChannels::with_fifo(guest.clone(), info).unwrap();
    events.unmask(Port(0)).unwrap();
    let sent = [(); 2].map(|()| {
        let port = ops::event_channel::bind_ipi(&guest, 0).unwrap();
        events.opened(port, 0).unwrap();
        events.unmask(port).unwrap();
        ops::event_channel::send(&guest, port).unwrap();
        world.inject_event(guest.id(), Port(0));
        port
    });
    let mut handled = Vec::new();
    events.on_upcall(0, |port| handled.push(port));
    assert_eq!(handled, sent);
}
