//! Clock and wall clock in a simulated domain.

use core::mem::offset_of;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;
use xen_guest::clock::{ClockError, SystemClock, TimeInfo, TimePage};
use xen_guest::evtchn::{Callback, EventChannels, set_callback};
use xen_guest::hypercall::{Mapped, SharedMem, boot};
use xen_guest::wall_clock::{self, WallClockError};
use xen_guest::{Errno, Platform, ops};
use xen_sim::{Domain, DomainConfig, World};
use xen_sys::xen::{VcpuInfo, VcpuTimeInfo};

/// 2026-01-01, when a world starts.
const START: Duration = Duration::from_secs(1_767_225_600);

type Events = EventChannels<Domain, Mapped<Domain>>;

fn guest(world: &World, vcpus: u32) -> (Domain, Events) {
    let domain = world.create_guest(DomainConfig { vcpus, ..DomainConfig::new("guest") });
    let events = EventChannels::new(domain.clone(), boot::shared_info(domain.clone()).unwrap());
    (domain, events)
}

fn shared_info(events: &Events) -> &SharedMem {
    events.shared_info().as_ref()
}

fn clock() -> SystemClock {
    SystemClock::new(|| 0)
}

#[test]
fn wall_clock_is_set_with_callback() {
    let world = World::new(1);
    let (domain, events) = guest(&world, 1);
    world.run_for(Duration::from_secs(3));
    assert_eq!(wall_clock::at_boot(shared_info(&events)), Err(WallClockError::NotSet));
    set_callback(&domain, Callback::Gsi(1)).unwrap();
    let clock = clock();
    let moment = clock.now(shared_info(&events), 0);
    let expected = START + Duration::from_nanos(domain.now().as_nanos());
    assert_eq!(wall_clock::at(shared_info(&events), &clock, moment), Ok(expected));
}

#[test]
fn dom0_sets_wall_clock_of_guests() {
    let world = World::new(2);
    let (domain, events) = guest(&world, 1);
    set_callback(&domain, Callback::Gsi(1)).unwrap();
    let (clock, time) = (clock(), Duration::new(1_900_000_000, 5));
    let moment = clock.now(shared_info(&events), 0);
    assert_eq!(wall_clock::set(&domain, &clock, moment, time), Err(Errno::EPERM));
    wall_clock::set(&world.dom0(), &clock, moment, time).unwrap();
    assert_eq!(wall_clock::at(shared_info(&events), &clock, moment), Ok(time));
    world.run_for(Duration::from_secs(2));
    let later = clock.now(shared_info(&events), 0);
    let expected = time + Duration::from_secs(2);
    assert_eq!(wall_clock::at(shared_info(&events), &clock, later), Ok(expected));
}

#[test]
fn wall_clock_follows_the_new_host() {
    let (world, other) = (World::new(3), World::new(4));
    let (domain, events) = guest(&world, 1);
    set_callback(&domain, Callback::Gsi(1)).unwrap();
    world.run_for(Duration::from_secs(5));
    let clock = clock();
    let before = clock.now(shared_info(&events), 0);
    let (id, to) = (domain.id(), other.clone());
    world.suspend(id, move |world| drop(to.restore(world.save(id), None)));
    // SAFETY: one vCPU, and nothing is used afterwards but shared info.
    unsafe { ops::sched::suspend(&domain) }.unwrap();
    boot::resume_shared_info(events.shared_info()).unwrap();
    clock.resume(TimeInfo::of_vcpu(shared_info(&events), 0).unwrap());
    assert!(clock.now(shared_info(&events), 0) >= before);
    assert_eq!(wall_clock::at_boot(shared_info(&events)), Err(WallClockError::NotSet));
    set_callback(&domain, Callback::Gsi(1)).unwrap();
    let now = clock.now(shared_info(&events), 0);
    let expected = START + Duration::from_nanos(clock.to_system_time(now).as_nanos());
    assert_eq!(wall_clock::at(shared_info(&events), &clock, now), Ok(expected));
}

#[test]
fn registered_vcpu_has_its_time() {
    for version in [(4, 17), (4, 20)] {
        let world = World::with_version(5, version);
        let (domain, events) = guest(&world, 40);
        assert!(events.vcpu_info_at(39).is_none());
        events.add_vcpu(39).unwrap();
        let clock = clock();
        for vcpu in [0, 31, 39] {
            world.run_for(Duration::from_millis(1));
            let (memory, offset) = events.vcpu_info_at(vcpu).unwrap();
            let time = TimeInfo::of_vcpu_info(memory, offset).unwrap();
            assert_eq!(clock.now_from(time), domain.now(), "vCPU {vcpu}");
        }
    }
}

#[test]
fn time_page_follows_system_time() {
    for (version, is_freed) in [((4, 17), false), ((4, 20), true)] {
        let world = World::with_version(6, version);
        let (domain, _) = guest(&world, 1);
        assert_eq!(TimePage::register(domain.clone(), 1).err(), Some(Errno::ENOENT));
        let before = domain.counters();
        let page = TimePage::register(domain.clone(), 0).unwrap();
        for _ in 0..3 {
            world.run_for(Duration::from_micros(7));
            let read = page.time().unwrap().read(&|| 0).unwrap();
            assert_eq!(read.nanos, domain.now().as_nanos());
        }
        drop(page);
        let after = domain.counters();
        assert_eq!(after.pages_allocated - before.pages_allocated, 1);
        assert_eq!(after.pages_freed - before.pages_freed, u64::from(is_freed));
        world.run_for(Duration::from_micros(7));
        assert_eq!(world.violations(), []);
    }
}

#[test]
fn time_page_continues_after_restore() {
    let world = World::new(7);
    let (domain, _events) = guest(&world, 1);
    let page = TimePage::register(domain.clone(), 0).unwrap();
    let id = domain.id();
    world.suspend(id, move |world| drop(world.restore(world.save(id), None)));
    // SAFETY: one vCPU, and nothing is used afterwards but the page.
    unsafe { ops::sched::suspend(&domain) }.unwrap();
    world.run_for(Duration::from_secs(1));
    let nanos = |page: &TimePage<Domain>| page.time().unwrap().read(&|| 0).unwrap().nanos;
    assert!(nanos(&page) < domain.now().as_nanos(), "Xen writes no page of the old domain");
    page.resume().unwrap();
    assert_eq!(nanos(&page), domain.now().as_nanos());
}

#[test]
fn valid_time_ends_invalid_time() {
    let world = World::new(8);
    let (domain, events) = guest(&world, 1);
    let (clock, info) = (clock(), shared_info(&events));
    let at = offset_of!(VcpuInfo, time);
    let version = info.u32_at(at + offset_of!(VcpuTimeInfo, version)).unwrap();
    version.store(version.load(SeqCst) | 1, SeqCst);
    let found = version.load(SeqCst);
    let time = TimeInfo::of_vcpu(info, 0).unwrap();
    assert_eq!(clock.try_now(time), Err(ClockError::Unstable { version: found }));
    let first = clock.now(info, 0);
    assert!(clock.now(info, 0) > first, "deadlines still pass");
    world.run_for(Duration::from_secs(1));
    assert_eq!(clock.try_now(time), Ok(domain.now()));
}
