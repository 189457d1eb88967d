//! Waiting and suspending in a simulated domain.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::time::Duration;
use xen_guest::evtchn::{Channel, set_upcall_vector};
use xen_guest::hypercall::{Mapped, boot};
use xen_guest::ops::sched::SuspendOutcome;
use xen_guest::{
    Eoi, Errno, EventChannels, EventDispatcher, GuestServices, LocalInterrupts, Platform, Port,
    SystemClock, VcpuPark,
};
use xen_sim::{Domain, DomainConfig, Step, World};
use xen_sys::sched::ShutdownReason;

/// An interrupt flag, and the number of its changes.
#[derive(Default)]
struct Flag {
    enabled: AtomicBool,
    changes: AtomicU32,
}

impl LocalInterrupts for &Flag {
    fn are_enabled(&self) -> bool {
        self.enabled.load(SeqCst)
    }

    fn disable(&self) {
        self.enabled.store(false, SeqCst);
        self.changes.fetch_add(1, SeqCst);
    }

    fn enable(&self) {
        self.enabled.store(true, SeqCst);
        self.changes.fetch_add(1, SeqCst);
    }

    fn enable_and_halt(&self) {
        unreachable!("these tests wait by polls");
    }
}

struct Kernel {
    world: World,
    domain: Domain,
    events: Arc<EventChannels<Domain, Mapped<Domain>>>,
    dispatcher: Arc<EventDispatcher<4>>,
    flag: Flag,
    clock: SystemClock,
    park: VcpuPark,
}

impl Kernel {
    fn new(seed: u64) -> Self {
        let world = World::new(seed);
        let domain = world.create_guest(DomainConfig::new("guest"));
        let shared_info = boot::shared_info(domain.clone()).unwrap();
        let events = Arc::new(EventChannels::new(domain.clone(), shared_info));
        let dispatcher = Arc::new(EventDispatcher::new());
        let (flag, park) = (Flag::default(), VcpuPark::new());
        flag.enabled.store(true, SeqCst);
        // The simulator's time has no fraction of ticks.
        let clock: SystemClock = SystemClock::new(|| 0);
        Self { world, domain, events, dispatcher, flag, clock, park }
    }

    /// Registers an upcall handler that records each event.
    fn take_upcalls(&self) {
        self.handle_upcalls(|_| None);
    }

    /// Registers an upcall handler that calls `handle`.
    fn handle_upcalls(&self, mut handle: impl FnMut(Port) -> Option<Eoi> + Send + 'static) {
        let (events, dispatcher) = (self.events.clone(), self.dispatcher.clone());
        self.domain.set_upcall_handler(move |platform, vcpu| {
            let (interrupts, clock) = (&Flag::default(), &SystemClock::new(|| 0));
            let services = GuestServices {
                platform,
                events: &*events,
                dispatcher: &*dispatcher,
                interrupts,
                clock,
            };
            services.on_upcall(vcpu, &mut handle);
        });
        set_upcall_vector(&self.domain, 0, 0xf3).unwrap();
    }

    fn services(&self) -> GuestServices<'_, Domain, Mapped<Domain>, &Flag, 4> {
        GuestServices {
            platform: &self.domain,
            events: &self.events,
            dispatcher: &self.dispatcher,
            interrupts: &self.flag,
            clock: &self.clock,
        }
    }

    fn now(&self) -> u64 {
        self.clock.now(self.events.shared_info().as_ref(), 0).as_nanos()
    }

    /// Waits for `channel` for at most a second; returns whether it took less.
    fn has_event(&self, channel: &Channel<Domain>) -> bool {
        let deadline = self.domain.now() + Duration::from_secs(1);
        self.services().wait(&[channel.port()], Some(deadline));
        self.domain.now() < deadline
    }
}

#[test]
fn clock_follows_simulated_time() {
    let kernel = Kernel::new(1);
    for _ in 0..3 {
        kernel.world.run_for(Duration::from_micros(7));
        assert_eq!(kernel.now(), kernel.domain.now().as_nanos());
    }
}

#[test]
fn masked_port_ends_one_wait() {
    let kernel = Kernel::new(2);
    let channel = Channel::bind_ipi(kernel.domain.clone(), 0).unwrap();
    channel.notify().unwrap();
    assert!(kernel.has_event(&channel));
    assert!(!kernel.has_event(&channel));
}

#[test]
fn delivered_event_ends_one_wait() {
    let kernel = Kernel::new(3);
    kernel.take_upcalls();
    let channel = Channel::bind_ipi(kernel.domain.clone(), 0).unwrap();
    kernel.dispatcher.bind(&kernel.events, channel.port()).unwrap();
    channel.notify().unwrap();
    // The upcall takes the event before the wait.
    kernel.world.run_for(Duration::from_millis(1));
    assert!(!kernel.events.is_pending(channel.port()));
    assert!(kernel.has_event(&channel));
    assert!(!kernel.has_event(&channel));
}

#[test]
fn wait_restores_interrupt_flag() {
    let kernel = Kernel::new(4);
    for enabled in [true, false] {
        kernel.flag.enabled.store(enabled, SeqCst);
        let before = kernel.flag.changes.load(SeqCst);
        kernel.services().wait(&[], Some(kernel.domain.now() + Duration::from_millis(1)));
        assert_eq!(kernel.flag.enabled.load(SeqCst), enabled);
        assert_eq!(kernel.flag.changes.load(SeqCst) - before, if enabled { 2 } else { 1 });
    }
}

#[test]
fn past_deadline_does_not_block() {
    let kernel = Kernel::new(5);
    let now = kernel.domain.now();
    kernel.services().wait(&[], Some(now));
    assert_eq!(kernel.domain.now(), now);
}

#[test]
fn suspend_sets_up_restored_domain() {
    let kernel = Kernel::new(6);
    kernel.take_upcalls();
    kernel.world.run_for(Duration::from_secs(1));
    let old = kernel.port(true);
    old.notify().unwrap();
    assert!(kernel.has_event(&old));
    assert!(kernel.dispatcher.handling(old.port()).is_some());
    let before = kernel.now();
    let id = kernel.domain.id();
    kernel.world.suspend(id, move |world| {
        world.restore(world.save(id), None);
    });
    let upcalls = AtomicU32::new(0);
    let set_upcalls = || {
        assert!(!kernel.flag.enabled.load(SeqCst));
        upcalls.fetch_add(1, SeqCst);
        set_upcall_vector(&kernel.domain, 0, 0xf3).map(drop)
    };
    // SAFETY: one vCPU; no grant and no ring is in use.
    let resumed = unsafe {
        kernel.services().suspend(&kernel.park, &[], Duration::from_secs(1), set_upcalls)
    };
    assert_eq!((resumed, upcalls.load(SeqCst)), (Ok(SuspendOutcome::Resumed), 1));
    assert!(kernel.flag.enabled.load(SeqCst));
    assert!(kernel.now() >= before);
    assert_eq!(kernel.dispatcher.handling(old.port()), None);
    old.forget();
    let channel = Channel::bind_ipi(kernel.domain.clone(), 0).unwrap();
    kernel.dispatcher.bind(&kernel.events, channel.port()).unwrap();
    channel.notify().unwrap();
    assert!(kernel.has_event(&channel));
}

#[test]
fn soft_reset_sets_up_new_domain() {
    let kernel = Kernel::new(7);
    kernel.take_upcalls();
    let old = kernel.port(true);
    old.notify().unwrap();
    assert!(kernel.has_event(&old));
    let (id, world) = (kernel.domain.id(), kernel.world.clone());
    kernel.world.dom0().spawn(move |dom0: &Domain| {
        if world.shutdown_reason(id) != Some(ShutdownReason::SOFT_RESET) {
            return Step::Sleep(dom0.now() + Duration::from_millis(1));
        }
        world.restore(world.save(id), None);
        Step::Done
    });
    let set_upcalls = || set_upcall_vector(&kernel.domain, 0, 0xf3).map(drop);
    // SAFETY: one vCPU; no grant and no ring is in use.
    let reset = unsafe {
        kernel.services().soft_reset(&kernel.park, &[], Duration::from_secs(1), set_upcalls)
    };
    assert_eq!(reset, Ok(SuspendOutcome::Resumed));
    assert!(kernel.flag.enabled.load(SeqCst));
    assert_eq!(kernel.dispatcher.handling(old.port()), None);
    old.forget();
    let channel = Channel::bind_ipi(kernel.domain.clone(), 0).unwrap();
    kernel.dispatcher.bind(&kernel.events, channel.port()).unwrap();
    channel.notify().unwrap();
    assert!(kernel.has_event(&channel));
}

#[test]
fn clock_continues_on_later_host() {
    let (kernel, long_up) = (Kernel::new(20), Kernel::new(21));
    kernel.take_upcalls();
    long_up.world.run_for(Duration::from_secs(3600));
    // The time on a host that was started an hour before this one.
    let before = kernel.clock.now(long_up.events.shared_info().as_ref(), 0).as_nanos();
    let id = kernel.domain.id();
    kernel.world.suspend(id, move |world| {
        world.restore(world.save(id), None);
    });
    let set_upcalls = || set_upcall_vector(&kernel.domain, 0, 0xf3).map(drop);
    // SAFETY: one vCPU; no grant and no ring is in use.
    let resumed = unsafe {
        kernel.services().suspend(&kernel.park, &[], Duration::from_secs(1), set_upcalls)
    };
    assert_eq!(resumed, Ok(SuspendOutcome::Resumed));
    // The clock does not go back, and stands at most a grain ahead.
    let after = kernel.now();
    assert!((before..before + 50_000).contains(&after), "{before}, {after}");
    kernel.world.run_for(Duration::from_micros(7));
    assert_eq!(kernel.now(), after + 7_000);
}

#[test]
fn suspend_closes_no_new_port() {
    let kernel = Kernel::new(22);
    kernel.take_upcalls();
    let id = kernel.domain.id();
    kernel.world.suspend(id, move |world| {
        world.restore(world.save(id), None);
    });
    // Open the same ports in the new domain as the requests to park had in the old one.
    let opened = RefCell::new(vec![]);
    let set_upcalls = || {
        opened.borrow_mut().extend((0..4).map(|_| kernel.port(false)));
        set_upcall_vector(&kernel.domain, 0, 0xf3).map(drop)
    };
    let ended = AtomicBool::new(false);
    let resumed = std::thread::scope(|scope| {
        // A thread stands for the vCPU that parks.
        scope.spawn(|| {
            while !ended.load(SeqCst) {
                kernel.park.park_if_requested(|| ());
                std::thread::yield_now();
            }
        });
        let timeout = Duration::from_secs(3600);
        // SAFETY: one vCPU executes; no grant and no ring is in use.
        let resumed =
            unsafe { kernel.services().suspend(&kernel.park, &[0], timeout, set_upcalls) };
        ended.store(true, SeqCst);
        resumed
    });
    assert_eq!(resumed, Ok(SuspendOutcome::Resumed));
    for channel in opened.take() {
        channel.notify().unwrap();
        assert!(kernel.has_event(&channel), "{:?}", channel.port());
    }
}

#[test]
fn running_vcpu_fails_suspend() {
    let world = World::new(7);
    let config = DomainConfig { vcpus: 2, ..DomainConfig::new("guest") };
    let domain = world.create_guest(config);
    let shared_info = boot::shared_info(domain.clone()).unwrap();
    let events = EventChannels::new(domain.clone(), shared_info);
    events.add_vcpu(1).unwrap();
    let (dispatcher, flag) = (EventDispatcher::<64>::new(), Flag::default());
    let (clock, park) = (SystemClock::new(|| 0), VcpuPark::new());
    let services = GuestServices {
        platform: &domain,
        events: &events,
        dispatcher: &dispatcher,
        interrupts: &flag,
        clock: &clock,
    };
    // SAFETY: the other vCPU executes nothing.
    let resumed = unsafe { services.suspend(&park, &[1], Duration::ZERO, || Ok(())) };
    assert_eq!((resumed, park.parked()), (Err(Errno::EBUSY), 0));
}

impl Kernel {
    /// Opens a port, whose events an upcall delivers if `bound`.
    fn port(&self, bound: bool) -> Channel<Domain> {
        let channel = Channel::bind_ipi(self.domain.clone(), 0).unwrap();
        if bound {
            self.dispatcher.bind(&self.events, channel.port()).unwrap();
        }
        channel
    }

    /// Waits for ten seconds while `flooded` has an event before each wait, each of them without
    /// work. Returns how many waits ended by it.
    fn flood(&self, flooded: &Channel<Domain>) -> u32 {
        let end = self.domain.now() + Duration::from_secs(10);
        let mut ended = 0;
        while self.domain.now() < end {
            flooded.notify().unwrap();
            self.world.run_for(Duration::from_micros(10));
            self.services().wait(&[flooded.port()], Some(end));
            ended += u32::from(self.dispatcher.handling(flooded.port()).is_some());
            self.services().eoi(flooded.port(), Eoi::Spurious);
        }
        ended
    }
}

/// D-E01: the delays of 1 ms to 1 s fill ten seconds with about 20 events.
const FLOOD: std::ops::Range<u32> = 10..30;

#[test]
fn flood_of_polled_port_is_delayed() {
    let kernel = Kernel::new(8);
    assert!(FLOOD.contains(&kernel.flood(&kernel.port(false))));
}

#[test]
fn flood_of_bound_port_is_delayed() {
    let kernel = Kernel::new(9);
    kernel.take_upcalls();
    assert!(FLOOD.contains(&kernel.flood(&kernel.port(true))));
}

#[test]
fn flood_of_handled_port_is_delayed() {
    let kernel = Kernel::new(10);
    let count = Arc::new(AtomicU32::new(0));
    let counted = count.clone();
    kernel.handle_upcalls(move |_| {
        counted.fetch_add(1, SeqCst);
        Some(Eoi::Spurious)
    });
    let channel = kernel.port(true);
    let end = kernel.domain.now() + Duration::from_secs(10);
    while kernel.domain.now() < end {
        channel.notify().unwrap();
        let next = kernel.domain.now() + Duration::from_micros(100);
        kernel.services().wait(&[], Some(next));
    }
    assert!(FLOOD.contains(&count.load(SeqCst)), "{count:?}");
}

#[test]
fn flood_delays_no_other_port() {
    for bound in [false, true] {
        let kernel = Kernel::new(11);
        kernel.take_upcalls();
        let (flooded, other) = (kernel.port(bound), kernel.port(bound));
        let ports = [flooded.port(), other.port()];
        for _ in 0..1_000 {
            flooded.notify().unwrap();
            other.notify().unwrap();
            let now = kernel.domain.now();
            kernel.services().wait(&ports, Some(now + Duration::from_secs(1)));
            assert_eq!(kernel.domain.now(), now);
            assert!(kernel.dispatcher.handling(other.port()).is_some());
            kernel.services().eoi(other.port(), Eoi::Handled);
            kernel.services().eoi(flooded.port(), Eoi::Spurious);
        }
    }
}

#[test]
fn event_during_delay_ends_later_wait() {
    for bound in [false, true] {
        let kernel = Kernel::new(12);
        kernel.take_upcalls();
        let channel = kernel.port(bound);
        let delayed = |kernel: &Kernel| kernel.dispatcher.is_delayed(channel.port());
        while !delayed(&kernel) {
            channel.notify().unwrap();
            assert!(kernel.has_event(&channel));
            kernel.services().eoi(channel.port(), Eoi::Spurious);
        }
        channel.notify().unwrap();
        let deadline = kernel.domain.now() + Duration::from_secs(1);
        while kernel.dispatcher.handling(channel.port()).is_none() {
            assert!(kernel.domain.now() < deadline);
            kernel.services().wait(&[channel.port()], Some(deadline));
        }
        kernel.services().eoi(channel.port(), Eoi::Handled);
        channel.notify().unwrap();
        assert!(kernel.has_event(&channel));
    }
}

#[test]
fn unreported_events_are_not_delayed() {
    for bound in [false, true] {
        let kernel = Kernel::new(13);
        kernel.take_upcalls();
        let channel = kernel.port(bound);
        for _ in 0..100 {
            channel.notify().unwrap();
            let now = kernel.domain.now();
            assert!(kernel.has_event(&channel));
            assert_eq!(kernel.domain.now(), now);
        }
    }
}

#[test]
fn kept_event_ends_wait() {
    let kernel = Kernel::new(14);
    kernel.take_upcalls();
    let channel = kernel.port(false);
    // Without a handler in the dispatcher: the upcall masks the port and keeps the event.
    kernel.events.unmask(channel.port()).unwrap();
    channel.notify().unwrap();
    kernel.world.run_for(Duration::from_millis(1));
    assert_eq!(kernel.dispatcher.unhandled(), 1);
    assert!(kernel.has_event(&channel));
    assert!(!kernel.has_event(&channel));
}
