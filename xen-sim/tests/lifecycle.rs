//! Suspend, save, restore and migration of domains, and replacement of driver domains.

use core::mem::offset_of;
use core::num::NonZeroUsize;
use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use xen_evtchn::Channel;
use xen_grant::GrantTable;
use xen_hypercall::ops::sched::{SuspendOutcome, WatchdogId, suspend};
use xen_hypercall::{DomId, Errno, Pages, Platform, Port, boot, ops};
use xen_sim::{Disk, Domain, DomainConfig, Step, Vif, World};
use xen_store::{XenStore, XsOps};
use xen_sys::event_channel::EvtchnStat;
use xen_sys::hvm::params::{HVM_PARAM_CALLBACK_IRQ, HVM_PARAM_STORE_EVTCHN, HVM_PARAM_STORE_PFN};
use xen_sys::sched::ShutdownReason;
use xen_sys::xen::{SharedInfo, Virq};

/// Suspends a domain of one vCPU that has nothing of others' mapped in use.
fn sleep(guest: &Domain) -> Result<SuspendOutcome, Errno> {
    // SAFETY: no other vCPU runs, and nothing that goes away is used afterwards without being set
    // up anew.
    unsafe { suspend(guest) }
}

fn client(guest: &Domain) -> XenStore<Domain> {
    XenStore::new(guest.clone(), boot::xenstore_ring(guest.clone()).unwrap()).unwrap()
}

#[test]
fn cancelled_suspend_changes_nothing() {
    let world = World::new(1);
    let guest = world.create_guest(DomainConfig::new("guest"));
    let id = guest.id();
    let store = client(&guest);
    let watch = store.watch("data").unwrap();
    let timer = Channel::bind_virq(guest.clone(), Virq::TIMER, 0).unwrap();
    world.suspend(id, move |world| world.resume(id, SuspendOutcome::Cancelled));
    assert_eq!(store.read_string::<16>("control/shutdown").unwrap(), "suspend");
    store.write("control/shutdown", "").unwrap();
    assert_eq!(sleep(&guest), Ok(SuspendOutcome::Cancelled));
    assert_eq!((guest.id(), world.shutdown_reason(id)), (id, None));
    store.write("data/x", "1").unwrap();
    assert!(watch.try_next().unwrap().is_some());
    assert_eq!(ops::event_channel::status(&guest, timer.port()).unwrap().status.0, 4);
    drop((timer, watch));
    drop(store);
    world.run_until_idle();
    world.check().unwrap();
}

#[test]
fn resume_in_place_keeps_resources() {
    let world = World::new(14);
    let guest = world.create_guest(DomainConfig::new("guest"));
    let (id, port) = (guest.id(), Channel::alloc_unbound(guest.clone(), DomId(0)).unwrap());
    // SAFETY: the domain's table has no owner.
    unsafe { ops::grant_table::set_version(&guest, 2) }.unwrap();
    world.suspend(id, move |world| world.resume(id, SuspendOutcome::Resumed));
    assert_eq!(sleep(&guest), Ok(SuspendOutcome::Resumed));
    assert_eq!((guest.id(), ops::grant_table::get_version(&guest, DomId::SELF)), (id, Ok(2)));
    assert_eq!(
        ops::event_channel::status(&guest, port.port()).unwrap().status,
        EvtchnStat::UNBOUND
    );
    // It can be asked again.
    world.suspend(id, move |world| world.resume(id, SuspendOutcome::Cancelled));
    assert_eq!(sleep(&guest), Ok(SuspendOutcome::Cancelled));
    drop(port);
    world.check().unwrap();
}

/// A port of the domain before keeps its number to itself, where that is another channel's.
#[test]
fn resumed_domain_keeps_only_new_ports() {
    for moved in [false, true] {
        let world = World::new(17);
        let guest = world.create_guest(DomainConfig::new("guest"));
        let grants = GrantTable::new(guest.clone()).unwrap();
        let page = Pages::alloc(guest.clone(), 1).unwrap();
        let granted = grants.grant_writable(page, DomId(0)).unwrap();
        let (id, old) = (guest.id(), Channel::alloc_unbound(guest.clone(), DomId(0)).unwrap());
        world.suspend(id, move |world| match moved {
            true => drop(world.restore(world.save(id), None)),
            false => world.resume(id, SuspendOutcome::Resumed),
        });
        assert_eq!(sleep(&guest), Ok(SuspendOutcome::Resumed));
        grants.resume().unwrap();
        assert_eq!(guest.claims().epoch(), u32::from(moved));
        let port = old.port();
        let open = || Channel::alloc_unbound(guest.clone(), DomId(0)).unwrap();
        let new: Vec<_> = (0..=port.0).map(|_| open()).collect();
        assert_eq!(new.iter().any(|new| new.port() == port), moved);
        drop(old);
        assert!(new.iter().all(|new| new.status().is_ok()));
        assert_eq!(ops::event_channel::status(&guest, port).unwrap().status.0, u32::from(moved));
        drop((granted, new));
        drop(grants);
        world.check().unwrap();
    }
}

#[test]
#[should_panic(expected = "is not suspended but Running")]
fn running_domain_cannot_be_saved() {
    let world = World::new(15);
    let guest = world.create_guest(DomainConfig::new("guest"));
    drop(world.save(guest.id()));
}

#[test]
fn restored_domain_has_only_its_memory() {
    let world = World::new(2);
    let guest = world.create_guest(DomainConfig::new("guest"));
    let (old, other) = (guest.id(), guest.clone());
    let mut pages = Pages::alloc(guest.clone(), 3).unwrap();
    pages.as_mut_slice()[5000] = 77;
    let gfn = pages.gfn(1).unwrap();
    let port = ops::event_channel::bind_virq(&guest, Virq::TIMER, 0).unwrap();
    // SAFETY: the domain's table has no owner.
    unsafe { ops::grant_table::set_version(&guest, 2) }.unwrap();
    ops::hvm::set_callback_irq(&guest, 2 << 56 | 0x30).unwrap();
    let ring = boot::xenstore_ring(guest.clone()).unwrap();
    ring.page.as_ref().u32::<2048>().store(9, Ordering::Relaxed);
    let frame = ops::hvm::get_param(&guest, HVM_PARAM_STORE_PFN).unwrap();
    ops::set_timer::set_timer(&guest, Some(world.now() + Duration::from_secs(5))).unwrap();
    world.suspend(old, move |world| {
        let image = world.save(old);
        assert!(!world.is_alive(old));
        world.restore(image, None);
    });
    assert_eq!(sleep(&guest), Ok(SuspendOutcome::Resumed));
    let id = guest.id();
    assert!(id != old && id == other.id() && world.is_alive(id) && !world.is_alive(old));
    assert_eq!(guest.name(), "guest");
    assert_eq!((pages.as_slice()[5000], pages.gfn(1)), (77, Some(gfn)));
    assert_eq!(ops::event_channel::status(&guest, port).map(|status| status.status.0), Ok(0));
    assert_eq!(ops::grant_table::get_version(&guest, DomId::SELF), Ok(1));
    assert_eq!(ops::hvm::get_param(&guest, HVM_PARAM_CALLBACK_IRQ), Ok(0));
    assert_eq!(ops::hvm::get_param(&guest, HVM_PARAM_STORE_PFN), Ok(frame));
    let store_port = ops::hvm::get_param(&guest, HVM_PARAM_STORE_EVTCHN).unwrap();
    assert_eq!(ops::event_channel::status(&guest, Port(store_port as u32)).unwrap().u[0], 0);
    // The ring's page is a new one, at the same frame: the old mapping shows it.
    assert_eq!(ring.page.as_ref().u32::<2048>().load(Ordering::Relaxed), 0);
    let store = client(&guest);
    assert_eq!(store.read_number::<u16>("domid").unwrap(), id.0);
    drop((store, pages));
    world.check().unwrap();
}

#[test]
fn restore_keeps_place_of_shared_info() {
    let world = World::new(16);
    let guest = world.create_guest(DomainConfig::new("guest"));
    let shared_info = boot::shared_info(guest.clone()).unwrap();
    let (id, gfn) = (guest.id(), shared_info.first_gfn());
    world.suspend(id, move |world| {
        world.restore(world.save(id), None);
    });
    assert_eq!(sleep(&guest), Ok(SuspendOutcome::Resumed));
    let mask = |port: Port| {
        let at = offset_of!(SharedInfo, evtchn_mask) + port.0 as usize / 64 * 8;
        shared_info.as_ref().u64_at(at).unwrap().fetch_or(1 << (port.0 % 64));
    };
    let pending = |port: Port| {
        let at = offset_of!(SharedInfo, evtchn_pending) + port.0 as usize / 64 * 8;
        shared_info.as_ref().u64_at(at).unwrap().load(Ordering::Relaxed) >> (port.0 % 64) & 1
    };
    let port = Channel::bind_ipi(guest.clone(), 0).unwrap();
    mask(port.port());
    // What is there is a copy of the old page.
    port.notify().unwrap();
    assert_eq!((pending(port.port()), guest.is_pending(port.port())), (0, true));
    boot::resume_shared_info(&shared_info).unwrap();
    assert_eq!((pending(port.port()), shared_info.first_gfn()), (1, gfn));
    drop(port);
    drop(shared_info);
    world.check().unwrap();
}

#[test]
fn migration_keeps_clock_monotonic() {
    let (from, to) = (World::new(3), World::new(4));
    let guest = from.create_guest(DomainConfig::new("guest"));
    let backend = to.create_guest(DomainConfig::new("backend"));
    let disk = from.attach_disk(&guest, &from.dom0(), &Disk::new("xvda"));
    from.run_for(Duration::from_secs(100));
    let (before, id, second) = (guest.now(), guest.id(), to.clone());
    let server = backend.clone();
    from.suspend(id, move |world| {
        let image = world.save(id);
        second.restore(image, Some(&server));
    });
    assert_eq!(sleep(&guest), Ok(SuspendOutcome::Resumed));
    assert!(guest.now() >= before && to.now() == guest.now());
    assert_eq!(guest.id(), DomId(2));
    assert!(to.is_alive(guest.id()) && !from.is_alive(id));
    let store = client(&guest);
    let number = disk.id;
    let node =
        |name: &str| store.read_number::<u32>(format_args!("device/vbd/{number}/{name}")).unwrap();
    assert_eq!((node("backend-id"), node("state"), node("virtual-device")), (1, 1, 51712));
    drop(store);
    // Its old world ends before it does.
    from.run_until_idle();
    from.check().unwrap();
    drop(from);
    let page = Pages::alloc(guest.clone(), 1).unwrap();
    drop(page);
    to.check().unwrap();
}

#[test]
fn dropped_image_is_a_dead_domain() {
    let world = World::new(5);
    let guest = world.create_guest(DomainConfig::new("guest"));
    let page = Pages::alloc(guest.clone(), 1).unwrap();
    let id = guest.id();
    world.suspend(id, move |world| drop(world.save(id)));
    assert_eq!(sleep(&guest), Err(Errno::ESRCH));
    assert!(!world.is_alive(id));
    // Its memory can still be read.
    assert_eq!(page.as_slice()[0], 0);
    drop(page);
    world.check().unwrap();
}

#[test]
#[should_panic(expected = "no task can resume it")]
fn suspend_without_resume_is_a_deadlock() {
    let world = World::new(6);
    let guest = world.create(DomainConfig::new("guest"));
    let _ = sleep(&guest);
}

#[test]
fn tasks_and_upcalls_continue_after_restore() {
    let (from, to) = (World::new(7), World::new(8));
    let guest = from.create_guest(DomainConfig::new("guest"));
    let (turns, upcalls) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let (counted, taken) = (Arc::clone(&turns), Arc::clone(&upcalls));
    guest.spawn(move |guest: &Domain| {
        counted.fetch_add(1, Ordering::Relaxed);
        Step::Sleep(guest.now() + Duration::from_secs(1))
    });
    guest.set_upcall_handler(move |_, _| {
        taken.fetch_add(1, Ordering::Relaxed);
    });
    // The task that suspends continues in the time of the other world.
    let done = Arc::new(AtomicU32::new(0));
    let told = Arc::clone(&done);
    guest.spawn(move |guest: &Domain| {
        assert_eq!(sleep(guest), Ok(SuspendOutcome::Resumed));
        told.store(1, Ordering::Relaxed);
        Step::Done
    });
    let (id, second) = (guest.id(), to.clone());
    from.suspend(id, move |world| {
        second.restore(world.save(id), None);
    });
    from.run_for(Duration::from_secs(3));
    assert_eq!(done.load(Ordering::Relaxed), 1);
    let before = turns.load(Ordering::Relaxed);
    from.run_for(Duration::from_secs(10));
    assert_eq!(turns.load(Ordering::Relaxed), before);
    to.run_for(Duration::from_secs(10));
    assert!(turns.load(Ordering::Relaxed) >= before + 9);
    ops::hvm::set_callback_irq(&guest, 2 << 56 | 0x30).unwrap();
    let timer = Channel::bind_virq(guest.clone(), Virq::TIMER, 0).unwrap();
    let taken = upcalls.load(Ordering::Relaxed);
    to.inject_event(guest.id(), timer.port());
    to.run_for(Duration::from_secs(1));
    assert_eq!(upcalls.load(Ordering::Relaxed), taken + 1);
    drop(timer);
    to.check().unwrap();
}

#[test]
fn ignored_suspend_request_is_withdrawn() {
    let world = World::new(9);
    let guest = world.create_guest(DomainConfig::new("guest"));
    world.suspend(guest.id(), |_| panic!("it has not suspended"));
    let control = format!("/local/domain/{}/control/shutdown", guest.id());
    world.run_for(Duration::from_secs(59));
    assert_eq!(world.store().read(&control).unwrap(), "suspend");
    world.run_for(Duration::from_secs(2));
    assert_eq!(world.store().read(&control).unwrap(), "");
    world.check().unwrap();
}

#[test]
fn first_latched_reason_is_reported() {
    let world = World::new(10);
    let guest = world.create(DomainConfig::new("guest"));
    ops::sched::shutdown_code(&guest, ShutdownReason::CRASH).unwrap();
    ops::sched::shutdown_code(&guest, ShutdownReason::REBOOT).unwrap();
    let _ = ops::sched::shutdown(&guest, ShutdownReason::POWEROFF);
    assert_eq!(world.shutdown_reason(guest.id()), Some(ShutdownReason::CRASH));
}

#[test]
fn watchdog_without_pat_expires() {
    let world = World::new(11);
    let guest = world.create(DomainConfig::new("guest"));
    let start = |seconds| ops::sched::watchdog_start(&guest, seconds);
    let set = |id, seconds| ops::sched::watchdog_pat(&guest, id, seconds);
    assert_eq!(set(WatchdogId(1), 10), Err(Errno::EINVAL));
    let (first, second) = (start(10).unwrap(), start(30).unwrap());
    assert_eq!((first, second), (WatchdogId(1), WatchdogId(2)));
    assert_eq!(start(5), Err(Errno::ENOSPC));
    assert_eq!(set(WatchdogId(3), 5), Err(Errno::EINVAL));
    world.run_for(Duration::from_secs(8));
    set(first, 10).unwrap();
    world.run_for(Duration::from_secs(8));
    assert_eq!(world.shutdown_reason(guest.id()), None);
    set(first, 0).unwrap();
    assert_eq!(set(first, 10), Err(Errno::EINVAL));
    world.run_for(Duration::from_secs(13));
    assert_eq!(world.shutdown_reason(guest.id()), None);
    world.run_for(Duration::from_secs(2));
    assert_eq!(world.shutdown_reason(guest.id()), Some(ShutdownReason::WATCHDOG));
}

#[test]
fn replaced_driver_domain_has_new_devices() {
    let world = World::new(12);
    let guest = world.create_guest(DomainConfig::new("guest"));
    let backend = world.create_guest(DomainConfig::new("backend"));
    let old = [
        world.attach_disk(&guest, &backend, &Disk::new("xvda")),
        world.attach_vif(&guest, &backend, &Vif::new(0)),
    ];
    let gone = world.attach_disk(&guest, &backend, &Disk::new("xvdb"));
    world.remove_device(&gone);
    let kept = world.attach_disk(&guest, &world.dom0(), &Disk::new("xvdc"));
    world.store().write(format!("{}/ring-ref", old[0].frontend_path()), 8).unwrap();
    let (new, devices) = world.restart_backend(backend.id(), DomainConfig::new("backend"));
    assert!(!world.is_alive(backend.id()) && world.is_alive(new.id()));
    assert_eq!(devices.len(), 2);
    for (device, before) in devices.iter().zip(&old) {
        assert_eq!((device.kind, device.id, device.backend), (before.kind, before.id, new.id()));
        assert_eq!(world.device_states(device), (1, 1));
        assert_eq!(world.store().read(before.backend_path()), None);
    }
    let path = devices[0].frontend_path();
    assert_eq!(world.store().read(format!("{path}/ring-ref")), None);
    assert_eq!(world.store().read(format!("{path}/backend")), Some(devices[0].backend_path()));
    assert_eq!(world.device_states(&kept), (1, 1));
    world.run_for(Duration::from_secs(30));
    assert_eq!(
        world.device_states(&devices[0]),
        (1, 1),
        "the old one's removal does not reach the new one"
    );
    world.check().unwrap();
}

#[test]
fn domain_without_xenstore_is_restored() {
    let world = World::new(13);
    let guest = world.create(DomainConfig { vcpus: 2, ..DomainConfig::new("bare") });
    // SAFETY: vCPU 1 runs nothing here.
    unsafe {
        ops::vcpu::initialise(&guest, 1, &Default::default()).unwrap();
        ops::vcpu::up(&guest, 1).unwrap();
    }
    let id = guest.id();
    let pages = guest.alloc_pages(NonZeroUsize::MIN).unwrap();
    world.dom0().spawn(move |dom0: &Domain| {
        if !dom0.exists(id) {
            return Step::Done;
        }
        Step::Idle
    });
    let toolstack = world.clone();
    world.dom0().spawn(move |_: &Domain| match toolstack.shutdown_reason(id) {
        Some(ShutdownReason::SUSPEND) => {
            toolstack.restore(toolstack.save(id), None);
            Step::Done
        }
        _ => Step::Idle,
    });
    assert_eq!(sleep(&guest), Ok(SuspendOutcome::Resumed));
    assert_eq!(ops::vcpu::is_up(&guest, 1), Ok(true));
    assert!(boot::xenstore_ring(guest.clone()).is_err());
    // SAFETY: allocated above, without references.
    unsafe { guest.free_pages(pages, NonZeroUsize::MIN) };
    world.check().unwrap();
}
