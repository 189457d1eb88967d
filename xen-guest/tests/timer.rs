//! Timer, idle and run state of simulated vCPUs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::time::Duration;
use xen_guest::evtchn::{Channel, Eoi, set_upcall_vector};
use xen_guest::hypercall::{Mapped, boot};
use xen_guest::ops::{self, sched};
use xen_guest::sys::vcpu::VcpuRunstate;
use xen_guest::sys::xen::Virq;
use xen_guest::{
    Errno, EventChannels, EventDispatcher, GuestServices, LocalInterrupts, Platform, Runstate,
    RunstateArea, SystemClock, TimerState, VcpuTimer,
};
use xen_sim::{Domain, DomainConfig, World};

/// Interrupt flag of a CPU that halts by a hypercall.
struct Flag(AtomicBool, Domain);

impl LocalInterrupts for &Flag {
    fn are_enabled(&self) -> bool {
        self.0.load(SeqCst)
    }

    fn disable(&self) {
        self.0.store(false, SeqCst);
    }

    fn enable(&self) {
        self.0.store(true, SeqCst);
    }

    fn enable_and_halt(&self) {
        self.enable();
        sched::block(&self.1).unwrap();
    }
}

struct Kernel {
    world: World,
    domain: Domain,
    events: Arc<EventChannels<Domain, Mapped<Domain>>>,
    dispatcher: Arc<EventDispatcher<4>>,
    flag: Flag,
    clock: SystemClock,
    timer: VcpuTimer<Domain>,
    /// Upcalls of ports.
    handled: Arc<AtomicU32>,
}

impl Kernel {
    fn new(seed: u64) -> Self {
        let world = World::new(seed);
        let domain = world.create_guest(DomainConfig::new("guest"));
        let shared_info = boot::shared_info(domain.clone()).unwrap();
        let events = Arc::new(EventChannels::new(domain.clone(), shared_info));
        let dispatcher = Arc::new(EventDispatcher::new());
        let handled = Arc::new(AtomicU32::new(0));
        let flag = || Flag(AtomicBool::new(true), domain.clone());
        domain.set_upcall_handler({
            let (events, dispatcher, flag) = (events.clone(), dispatcher.clone(), flag());
            let handled = handled.clone();
            move |platform, vcpu| {
                let services = GuestServices {
                    platform,
                    events: &*events,
                    dispatcher: &*dispatcher,
                    interrupts: &flag,
                    clock: &SystemClock::new(|| 0),
                };
                services.on_upcall(vcpu, |_| {
                    handled.fetch_add(1, SeqCst);
                    Some(Eoi::Handled)
                });
            }
        });
        set_upcall_vector(&domain, 0, 0xf3).unwrap();
        let timer = VcpuTimer::new(domain.clone(), 0).unwrap();
        dispatcher.bind(&events, timer.port()).unwrap();
        let flag = flag();
        let clock: SystemClock = SystemClock::new(|| 0);
        Self { world, domain, events, dispatcher, flag, clock, timer, handled }
    }

    /// Halts until an event is handled, or one is pending from before.
    fn idle_until_handled(&self, deadline: Option<xen_guest::Instant>) {
        let before = self.handled();
        while self.handled() == before {
            self.idle(deadline).unwrap();
        }
    }

    /// Halts until `deadline`.
    fn idle(&self, deadline: Option<xen_guest::Instant>) -> Result<(), Errno> {
        let services = GuestServices {
            platform: &self.domain,
            events: &*self.events,
            dispatcher: &*self.dispatcher,
            interrupts: &self.flag,
            clock: &self.clock,
        };
        services.idle(|next| self.timer.arm(services.clock, next), deadline, || false)
    }

    fn handled(&self) -> u32 {
        self.handled.load(SeqCst)
    }

    fn end(self) {
        let Self { world, timer, dispatcher, events, .. } = self;
        drop((timer, dispatcher, events));
        world.run_until_idle();
        world.check().unwrap();
    }
}

#[test]
fn idle_ends_at_deadline() {
    let kernel = Kernel::new(1);
    for round in 1..=3 {
        let deadline = kernel.domain.now() + Duration::from_millis(5);
        kernel.idle_until_handled(Some(deadline));
        assert_eq!((kernel.domain.now(), kernel.handled()), (deadline, round));
        assert!(kernel.flag.0.load(SeqCst));
    }
    kernel.end();
}

#[test]
fn idle_without_deadline_has_no_tick() {
    let kernel = Kernel::new(2);
    let channel = Channel::bind_ipi(kernel.domain.clone(), 0).unwrap();
    kernel.dispatcher.bind(&kernel.events, channel.port()).unwrap();
    // A deadline of before must not remain.
    let soon = kernel.domain.now() + Duration::from_secs(60);
    kernel.timer.set(&kernel.clock, soon).unwrap();
    let at = kernel.domain.now() + Duration::from_secs(3600);
    let (world, id, port) = (kernel.world.clone(), kernel.domain.id(), channel.port());
    kernel.world.dom0().spawn(move |dom0: &Domain| {
        if dom0.now() < at {
            return xen_sim::Step::Sleep(at);
        }
        world.inject_event(id, port);
        xen_sim::Step::Done
    });
    kernel.idle_until_handled(None);
    let late = kernel.domain.now().saturating_duration_since(at);
    assert!(kernel.domain.now() >= at && late < Duration::from_millis(1), "{late:?}");
    assert_eq!(kernel.handled(), 1);
    drop(channel);
    kernel.end();
}

#[test]
fn passed_deadline_does_not_halt() {
    let kernel = Kernel::new(3);
    let now = kernel.domain.now();
    kernel.world.run_for(Duration::from_millis(1));
    assert_eq!(kernel.timer.set(&kernel.clock, now), Ok(TimerState::Passed));
    let before = kernel.domain.now();
    kernel.idle(Some(now)).unwrap();
    assert_eq!((kernel.domain.now(), kernel.handled()), (before, 0));
    // A timer that was set before is stopped with it.
    kernel.timer.set(&kernel.clock, before + Duration::from_millis(1)).unwrap();
    assert_eq!(kernel.timer.set(&kernel.clock, now), Ok(TimerState::Passed));
    kernel.world.run_for(Duration::from_secs(1));
    assert_eq!(kernel.handled(), 0);
    kernel.end();
}

#[test]
fn timer_stops_periodic_timer() {
    let world = World::new(4);
    let domain = world.create_guest(DomainConfig::new("guest"));
    ops::vcpu::set_periodic_timer(&domain, 0, 1_000_000).unwrap();
    let timer = VcpuTimer::new(domain.clone(), 0).unwrap();
    world.run_for(Duration::from_millis(10));
    assert!(!domain.is_pending(timer.port()));
    let second = VcpuTimer::new(domain.clone(), 0);
    assert_eq!(second.err(), Some(Errno::EEXIST));
    assert_eq!(VcpuTimer::new(domain.clone(), 1).err(), Some(Errno::ENOENT));
    drop(timer);
    assert!(Channel::bind_virq(domain, Virq::TIMER, 0).is_ok());
}

#[test]
fn timer_of_another_vcpu_is_refused() {
    let world = World::new(5);
    let domain = world.create_guest(DomainConfig { vcpus: 2, ..DomainConfig::new("guest") });
    let timer = VcpuTimer::new(domain.clone(), 1).unwrap();
    let clock: SystemClock = SystemClock::new(|| 0);
    assert_eq!(timer.set(&clock, domain.now()), Err(Errno::EINVAL));
    assert_eq!(timer.stop(), Err(Errno::EINVAL));
}

#[test]
fn runstate_area_counts_sleep() {
    for version in [(4, 17), (4, 20)] {
        let world = World::with_version(6, version);
        let domain = world.create_guest(DomainConfig::new("guest"));
        let area = RunstateArea::register(domain.clone(), 0).unwrap();
        let before = area.read().unwrap();
        assert_eq!(before.state, VcpuRunstate::RUNNING);
        let deadline = domain.now() + Duration::from_secs(2);
        sched::poll(&domain, &[], Some(deadline)).unwrap();
        let after = area.read().unwrap();
        assert_eq!(after.blocked - before.blocked, Duration::from_secs(2));
        assert_eq!(after.steal(), before.steal());
        assert_eq!(Runstate::query(&domain, 0).unwrap().blocked, after.blocked);
        assert_eq!(Runstate::query(&domain, 1), Err(Errno::ENOENT));
        assert_eq!(RunstateArea::register(domain.clone(), 1).err(), Some(Errno::ENOENT));
    }
}

#[test]
fn runstate_area_continues_after_restore() {
    let world = World::new(7);
    let domain = world.create_guest(DomainConfig::new("guest"));
    let area = RunstateArea::register(domain.clone(), 0).unwrap();
    let id = domain.id();
    world.suspend(id, move |world| drop(world.restore(world.save(id), None)));
    // SAFETY: one vCPU, and nothing is used afterwards but the area.
    unsafe { sched::suspend(&domain) }.unwrap();
    area.resume().unwrap();
    let before = area.read().unwrap();
    sched::poll(&domain, &[], Some(domain.now() + Duration::from_secs(1))).unwrap();
    let after = area.read().unwrap();
    assert_eq!(after.blocked - before.blocked, Duration::from_secs(1));
}
