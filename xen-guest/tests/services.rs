//! Waiting and suspending in a simulated domain.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::time::Duration;
use xen_guest::evtchn::{Channel, set_upcall_vector};
use xen_guest::hypercall::{Mapped, boot};
use xen_guest::ops::sched::SuspendOutcome;
use xen_guest::{
    DeliveredEvents, Errno, EventChannels, GuestServices, LocalInterrupts, Platform, SystemClock,
    VcpuPark,
};
use xen_sim::{Domain, DomainConfig, World};

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
}

struct Kernel {
    world: World,
    domain: Domain,
    events: Arc<EventChannels<Domain, Mapped<Domain>>>,
    delivered: Arc<DeliveredEvents>,
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
        let delivered = Arc::new(DeliveredEvents::new());
        let (flag, park) = (Flag::default(), VcpuPark::new());
        flag.enabled.store(true, SeqCst);
        // The simulator's time has no fraction of ticks.
        let clock = SystemClock::new(|| 0);
        Self { world, domain, events, delivered, flag, clock, park }
    }

    /// Registers an upcall handler that records each event.
    fn take_upcalls(&self) {
        let (events, delivered) = (self.events.clone(), self.delivered.clone());
        self.domain.set_upcall_handler(move |_, vcpu| {
            events.on_upcall(vcpu, |port| delivered.record(port));
        });
        set_upcall_vector(&self.domain, 0, 0xf3).unwrap();
    }

    fn services(&self) -> GuestServices<'_, Domain, Mapped<Domain>, &Flag> {
        GuestServices {
            platform: &self.domain,
            events: &self.events,
            delivered: &self.delivered,
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
    kernel.events.unmask(channel.port()).unwrap();
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
    let before = kernel.now();
    let id = kernel.domain.id();
    kernel.world.suspend(id, move |world| {
        world.restore(world.save(id), None);
    });
    let upcalls = AtomicU32::new(0);
    let set_upcalls = || {
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
    let channel = Channel::bind_ipi(kernel.domain.clone(), 0).unwrap();
    kernel.events.unmask(channel.port()).unwrap();
    channel.notify().unwrap();
    assert!(kernel.has_event(&channel));
}

#[test]
fn running_vcpu_fails_suspend() {
    let world = World::new(7);
    let config = DomainConfig { vcpus: 2, ..DomainConfig::new("guest") };
    let domain = world.create_guest(config);
    let shared_info = boot::shared_info(domain.clone()).unwrap();
    let events = EventChannels::new(domain.clone(), shared_info);
    events.add_vcpu(1).unwrap();
    let (delivered, flag) = (DeliveredEvents::<64>::new(), Flag::default());
    let (clock, park) = (SystemClock::new(|| 0), VcpuPark::new());
    let services = GuestServices {
        platform: &domain,
        events: &events,
        delivered: &delivered,
        interrupts: &flag,
        clock: &clock,
    };
    // SAFETY: the other vCPU executes nothing.
    let resumed = unsafe { services.suspend(&park, &[1], Duration::ZERO, || Ok(())) };
    assert_eq!((resumed, park.parked()), (Err(Errno::EBUSY), 0));
}
