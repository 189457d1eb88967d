//! Ports and kinds of upcall against a simulated Xen, and a kernel that is notified of each port.
#![cfg(not(loom))]

use core::num::NonZeroUsize;
use core::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, OnceLock};
use xen_evtchn::{
    Abi, Bound, Callback, Channel, Delivery, Eoi, EventChannels, EventDispatcher, Status,
    set_callback, set_upcall_vector,
};
use xen_hypercall::ops::{event_channel as op, hvm};
use xen_hypercall::{Claims, Errno, Gfn, Hypercall, Instant, Mapped, Platform, Port, boot};
use xen_sim::{Call, Domain, DomainConfig, Interpose, Interposed, World};
use xen_sys::hvm::hvm_op::HVMOP_SET_EVTCHN_UPCALL_VECTOR;
use xen_sys::hvm::params::HVM_PARAM_CALLBACK_IRQ;
use xen_sys::xen::{HYPERVISOR_HVM_OP, Virq};

fn guest(vcpus: u32, max_port: u32) -> (World, Domain) {
    let world = World::new(1);
    let domain = world.create(DomainConfig { vcpus, max_port, ..DomainConfig::new("guest") });
    (world, domain)
}

#[test]
fn status_has_kind_of_port() {
    let (world, domain) = guest(2, 1023);
    let peer = world.create(DomainConfig::new("peer"));
    let waiting = Channel::alloc_unbound(domain.clone(), peer.id()).unwrap();
    assert_eq!(
        waiting.status(),
        Ok(Status { bound: Bound::Unbound { remote: peer.id() }, vcpu: 0 })
    );
    let theirs = Channel::bind_interdomain(peer.clone(), domain.id(), waiting.port()).unwrap();
    let connected = Bound::Interdomain { remote: peer.id(), port: theirs.port() };
    assert_eq!(waiting.status().unwrap().bound, connected);
    let ipi = Channel::bind_ipi(domain.clone(), 1).unwrap();
    assert_eq!(ipi.status(), Ok(Status { bound: Bound::Ipi, vcpu: 1 }));
    let timer = Channel::bind_virq(domain.clone(), Virq::TIMER, 1).unwrap();
    assert_eq!(timer.status(), Ok(Status { bound: Bound::Virq(Virq::TIMER), vcpu: 1 }));
    let port = timer.port();
    drop(timer);
    assert_eq!(Status::query(&domain, port).unwrap().bound, Bound::Closed);
    assert_eq!(Status::query(&domain, Port(u32::MAX)), Err(Errno::EINVAL));
}

#[test]
fn foreign_pirq_is_refused() {
    let (_world, domain) = guest(1, 1023);
    let refused = Channel::bind_pirq(domain, 8, false);
    assert_eq!(refused.err(), Some(Errno::EINVAL));
}

#[test]
fn timer_is_bound_once_per_vcpu() {
    let (_world, domain) = guest(2, 1023);
    let timers = [0, 1].map(|vcpu| Channel::bind_virq(domain.clone(), Virq::TIMER, vcpu).unwrap());
    assert_ne!(timers[0].port(), timers[1].port());
    assert_eq!(Channel::bind_virq(domain.clone(), Virq::TIMER, 1).err(), Some(Errno::EEXIST));
    assert_eq!(Channel::bind_virq(domain.clone(), Virq::TIMER, 2).err(), Some(Errno::ENOENT));
    assert_eq!(
        Channel::bind_virq(domain, Virq::CONSOLE, 1).err(),
        Some(Errno::EINVAL),
        "a global interrupt"
    );
}

#[test]
fn vcpu_vector_falls_back_to_callback() {
    let (_world, domain) = guest(2, 1023);
    assert_eq!(set_upcall_vector(&domain, 1, 0xf3), Ok(Delivery::LocalApic));
    let callback = hvm::get_param(&domain, HVM_PARAM_CALLBACK_IRQ);
    assert_eq!(callback, Ok(Callback::Gsi(1).to_param()), "for the toolstack");
    let old = Interposed::new(domain.clone(), Arc::new(Xen4_5));
    assert_eq!(set_upcall_vector(&old, 0, 0xf4), Ok(Delivery::CallbackVector));
    let delivered = hvm::get_param(&domain, HVM_PARAM_CALLBACK_IRQ);
    assert_eq!(delivered, Ok(Callback::Vector(0xf4).to_param()));
}

/// Xen before 4.6, which does not support a vector of a vCPU.
struct Xen4_5;

impl Interpose for Xen4_5 {
    fn hypercall(&self, call: &Call) -> Option<isize> {
        let unknown =
            call.op == HYPERVISOR_HVM_OP && call.command() == HVMOP_SET_EVTCHN_UPCALL_VECTOR;
        unknown.then_some(-Errno::ENOSYS.0 as isize)
    }
}

#[test]
fn callback_is_set_in_xen() {
    let (_world, domain) = guest(1, 1023);
    for callback in [
        Callback::Gsi(28),
        Callback::PciIntx { segment: 0, bus: 0, device: 3, pin: 0 },
        Callback::Vector(0xf3),
        Callback::Off,
    ] {
        set_callback(&domain, callback).unwrap();
        assert_eq!(hvm::get_param(&domain, HVM_PARAM_CALLBACK_IRQ), Ok(callback.to_param()));
    }
}

/// Kernel whose dispatcher is notified of each port that its drivers open and close.
#[derive(Clone)]
struct Kernel {
    domain: Domain,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    events: OnceLock<EventChannels<Domain, Mapped<Domain>>>,
    dispatcher: EventDispatcher<64>,
}

// SAFETY: the domain receives the call unchanged.
unsafe impl Hypercall for Kernel {
    unsafe fn hypercall(&self, op: usize, args: [usize; 5]) -> isize {
        // SAFETY: the caller's obligations are those of the domain's method.
        unsafe { self.domain.hypercall(op, args) }
    }
}

// SAFETY: as above.
unsafe impl Platform for Kernel {
    fn alloc_pages(&self, count: NonZeroUsize) -> Option<NonNull<u8>> {
        self.domain.alloc_pages(count)
    }

    unsafe fn free_pages(&self, pages: NonNull<u8>, count: NonZeroUsize) {
        // SAFETY: the caller's obligations are those of the domain's method.
        unsafe { self.domain.free_pages(pages, count) }
    }

    fn virt_to_gfn(&self, page: NonNull<u8>) -> Gfn {
        self.domain.virt_to_gfn(page)
    }

    unsafe fn map_frames(&self, first: Gfn, count: NonZeroUsize) -> Option<NonNull<u8>> {
        // SAFETY: the caller's obligations are those of the domain's method.
        unsafe { self.domain.map_frames(first, count) }
    }

    fn claims(&self) -> &Claims {
        self.domain.claims()
    }

    fn now(&self) -> Instant {
        self.domain.now()
    }

    fn port_opened(&self, port: Port, vcpu: u32) -> Result<(), Errno> {
        self.state.events.get().unwrap().opened(port, vcpu)
    }

    fn port_closing(&self, port: Port) {
        let events = self.state.events.get().unwrap();
        self.state.dispatcher.unbind(events, port);
        events.closing(port);
    }
}

impl Kernel {
    fn new(domain: &Domain, abi: Abi) -> Self {
        let shared_info = boot::shared_info(domain.clone()).unwrap();
        let events = match abi {
            Abi::TwoLevel => EventChannels::new(domain.clone(), shared_info),
            Abi::Fifo => EventChannels::with_fifo(domain.clone(), shared_info).unwrap(),
        };
        events.add_vcpu(1).unwrap();
        let state = State { events: OnceLock::from(events), dispatcher: EventDispatcher::new() };
        Self { domain: domain.clone(), state: Arc::new(state) }
    }

    fn events(&self) -> &EventChannels<Domain, Mapped<Domain>> {
        self.state.events.get().unwrap()
    }

    fn delivered(&self, vcpu: u32) -> Vec<Port> {
        let mut delivered = Vec::new();
        self.state.dispatcher.on_upcall(self.events(), vcpu, |event| {
            delivered.push(event.port());
            self.state.dispatcher.eoi(self.events(), event, Eoi::Handled, self.now()).unwrap();
        });
        delivered
    }
}

#[test]
fn event_is_delivered_on_its_vcpu() {
    for abi in [Abi::TwoLevel, Abi::Fifo] {
        let (_world, domain) = guest(2, 1023);
        let kernel = Kernel::new(&domain, abi);
        let ipis = [0, 1].map(|vcpu| Channel::bind_ipi(kernel.clone(), vcpu).unwrap());
        for ipi in &ipis {
            kernel.state.dispatcher.bind(kernel.events(), ipi.port()).unwrap();
        }
        // Both words, and so the selectors of both vCPUs, are the same.
        for order in [[0, 1], [1, 0]] {
            ipis.iter().for_each(|ipi| ipi.notify().unwrap());
            for vcpu in order {
                assert_eq!(kernel.delivered(vcpu), [ipis[vcpu as usize].port()], "{abi:?}");
            }
        }
        let stranger = Kernel { state: kernel.state.clone(), ..kernel.clone() };
        stranger
            .events()
            .on_upcall(2, |port| panic!("{port} is delivered on a vCPU that was not added"));
        stranger.events().on_upcall(u32::MAX, |port| panic!("{port} is delivered on no vCPU"));
    }
}

#[test]
fn reused_port_number_has_no_event() {
    for abi in [Abi::TwoLevel, Abi::Fifo] {
        let (_world, domain) = guest(2, 1023);
        let kernel = Kernel::new(&domain, abi);
        let first = Channel::bind_ipi(kernel.clone(), 1).unwrap();
        let port = first.port();
        kernel.state.dispatcher.bind(kernel.events(), port).unwrap();
        first.notify().unwrap();
        drop(first);
        if abi == Abi::Fifo {
            // Xen reuses a number when the port is off its queue.
            assert!(kernel.delivered(1).is_empty(), "its event is gone");
        }
        let second = Channel::bind_ipi(kernel.clone(), 0).unwrap();
        assert_eq!(second.port(), port);
        second.notify().unwrap();
        assert!(
            kernel.delivered(0).is_empty() && kernel.delivered(1).is_empty(),
            "the new port is masked"
        );
        kernel.state.dispatcher.bind(kernel.events(), port).unwrap();
        assert_eq!(
            (kernel.delivered(1), kernel.delivered(0)),
            (vec![], vec![port]),
            "the event comes on vCPU 0"
        );
    }
}

#[test]
fn port_beyond_first_page_is_usable() {
    let (_world, domain) = guest(2, 3000);
    let kernel = Kernel::new(&domain, Abi::Fifo);
    let channels: Vec<_> =
        (0..2500).map(|_| Channel::bind_ipi(kernel.clone(), 0).unwrap()).collect();
    for channel in &channels {
        kernel.state.dispatcher.bind(kernel.events(), channel.port()).unwrap();
        channel.notify().unwrap();
    }
    assert_eq!(kernel.delivered(0).len(), 2500);
}

/// D-E07.
#[test]
fn port_without_memory_is_closed() {
    let (_world, domain) = guest(2, 3000);
    let kernel = Kernel::new(&domain, Abi::Fifo);
    let first: Vec<_> = (0..1023).map(|_| Channel::bind_ipi(kernel.clone(), 0).unwrap()).collect();
    let hoard: Vec<_> = core::iter::from_fn(|| domain.alloc_pages(NonZeroUsize::MIN)).collect();
    assert_eq!(Channel::bind_ipi(kernel.clone(), 0).err(), Some(Errno::ENOMEM));
    assert_eq!(Status::query(&domain, Port(1024)).map(|status| status.bound), Ok(Bound::Closed));
    let last = first.last().unwrap();
    kernel.state.dispatcher.bind(kernel.events(), last.port()).unwrap();
    last.notify().unwrap();
    assert_eq!(kernel.delivered(0), [last.port()], "earlier ports still work");
    for page in hoard {
        // SAFETY: allocated above, one page each, and not in use.
        unsafe { domain.free_pages(page, NonZeroUsize::MIN) };
    }
    assert!(Channel::bind_ipi(kernel, 0).is_ok());
}

/// D-E04.
#[test]
fn port_is_closed_during_its_handler() {
    const ROUNDS: u32 = if cfg!(miri) { 10 } else { 1_000 };
    for abi in [Abi::TwoLevel, Abi::Fifo] {
        let (world, domain) = guest(2, 1023);
        let kernel = Kernel::new(&domain, abi);
        let steady = Channel::bind_ipi(kernel.clone(), 0).unwrap();
        kernel.state.dispatcher.bind(kernel.events(), steady.port()).unwrap();
        let done = AtomicBool::new(false);
        let delivered = std::thread::scope(|scope| {
            let handler = scope.spawn(|| {
                let mut delivered = 0;
                loop {
                    let last = done.load(SeqCst);
                    delivered +=
                        kernel.delivered(0).iter().filter(|&&port| port == steady.port()).count();
                    if last {
                        return delivered;
                    }
                }
            });
            for _ in 0..ROUNDS {
                let channel = Channel::bind_ipi(kernel.clone(), 0).unwrap();
                kernel.state.dispatcher.bind(kernel.events(), channel.port()).unwrap();
                channel.notify().unwrap();
                steady.notify().unwrap();
            }
            done.store(true, SeqCst);
            handler.join().unwrap()
        });
        assert!(delivered >= 1);
        steady.notify().unwrap();
        assert_eq!(kernel.delivered(0), [steady.port()], "{abi:?}: the other port works");
        drop(steady);
        drop(kernel);
        world.check().unwrap();
    }
}

#[test]
fn vcpu_beyond_legacy_takes_events() {
    for abi in [Abi::TwoLevel, Abi::Fifo] {
        let (_world, domain) = guest(40, 1023);
        let kernel = Kernel::new(&domain, abi);
        kernel.events().add_vcpu(35).unwrap();
        let ipi = Channel::bind_ipi(kernel.clone(), 35).unwrap();
        kernel.state.dispatcher.bind(kernel.events(), ipi.port()).unwrap();
        for _ in 0..2 {
            ipi.notify().unwrap();
            assert!(kernel.delivered(0).is_empty() && kernel.delivered(36).is_empty());
            assert_eq!(kernel.delivered(35), [ipi.port()], "{abi:?}");
        }
        assert_eq!(kernel.events().add_vcpu(40), Err(Errno::ENOENT), "the domain has no such vCPU");
        assert_eq!(kernel.events().add_vcpu(u32::MAX), Err(Errno::ENOENT));

        // A reset closes the ports and does not change the vCPU's `vcpu_info`.
        drop(ipi);
        kernel.events().reset().unwrap();
        let ipi = Channel::bind_ipi(kernel.clone(), 35).unwrap();
        kernel.state.dispatcher.bind(kernel.events(), ipi.port()).unwrap();
        ipi.notify().unwrap();
        assert_eq!(kernel.delivered(35), [ipi.port()], "{abi:?}");
    }
}

#[test]
fn dump_has_pending_and_unmasked_ports() {
    for (abi, vcpu, tail) in
        [(Abi::TwoLevel, "words 0x1", ""), (Abi::Fifo, "queues 0x80", ", in a queue")]
    {
        let (_world, domain) = guest(2, 3000);
        let kernel = Kernel::new(&domain, abi);
        let [idle, masked, waiting] =
            [0, 0, 1].map(|vcpu| Channel::bind_ipi(kernel.clone(), vcpu).unwrap());
        [&idle, &waiting].iter().for_each(|port| kernel.events().unmask(port.port()).unwrap());
        [&masked, &waiting].iter().for_each(|port| port.notify().unwrap());
        let none = if abi == Abi::Fifo { "queues 0x0" } else { "words 0x0" };
        let expected = format!(
            "events in the {abi:?} format\nvCPU 0: no upcall, {none}\nvCPU 1: an upcall, {vcpu}\n\
             port {}: idle\nport {}: pending, masked\nport {}: pending{tail}\n",
            idle.port(),
            masked.port(),
            waiting.port()
        );
        assert_eq!(kernel.events().dump().to_string(), expected);
        assert_eq!(kernel.events().dump().to_string(), expected, "a dump changes nothing");
    }
}

#[test]
fn registration_leaves_no_stale_upcall() {
    for abi in [Abi::TwoLevel, Abi::Fifo] {
        let (_world, domain) = guest(40, 1023);
        let kernel = Kernel::new(&domain, abi);
        kernel.events().add_vcpu(35).unwrap();
        let words = if abi == Abi::Fifo { "queues 0x0" } else { "words 0x0" };
        let dump = kernel.events().dump().to_string();
        assert!(dump.contains(&format!("vCPU 35: no upcall, {words}\n")), "{dump}");
    }
}

#[test]
fn event_before_registration_is_delivered() {
    let (_world, domain) = guest(40, 1023);
    let kernel = Kernel::new(&domain, Abi::TwoLevel);
    // Against the rules: bound to a vCPU that takes no events yet.
    let early = Channel::bind_ipi(kernel.clone(), 35).unwrap();
    kernel.events().unmask(early.port()).unwrap();
    early.notify().unwrap();
    kernel.events().add_vcpu(35).unwrap();
    let mut delivered = Vec::new();
    kernel.events().on_upcall(35, |port| delivered.push(port));
    assert_eq!(delivered, [early.port()]);
}

#[test]
fn unmask_of_closed_port_succeeds() {
    for abi in [Abi::TwoLevel, Abi::Fifo] {
        let (_world, domain) = guest(2, 1023);
        let kernel = Kernel::new(&domain, abi);
        let channel = Channel::bind_ipi(kernel.clone(), 0).unwrap();
        let port = channel.port();
        drop(channel);
        let closed = Channel::from_toolstack(kernel.clone(), port);
        assert_eq!(closed.unmask(), Ok(()), "{abi:?}: the number is in range");
        let beyond = Channel::from_toolstack(kernel.clone(), Port(1000));
        assert_eq!(beyond.unmask(), Err(Errno::EINVAL), "{abi:?}");
    }
}

#[test]
fn static_port_stays_open() {
    for abi in [Abi::TwoLevel, Abi::Fifo] {
        let (world, domain) = guest(2, 1023);
        let kernel = Kernel::new(&domain, abi);
        let mut config = DomainConfig::new("peer");
        config.pages = 64;
        let peer = world.create_guest(config);
        // As Xen connects them at boot: one end is the other domain's.
        let own = op::alloc_unbound(&domain, peer.id()).unwrap();
        let early = Channel::bind_static(kernel.clone(), own);
        assert_eq!(early.map(drop), Err(Errno::EINVAL), "{abi:?}: not connected");
        let theirs = op::bind_interdomain(&peer, domain.id(), own).unwrap();
        for round in 0..3 {
            let channel = Channel::bind_static(kernel.clone(), own).unwrap();
            kernel.events().unmask(own).unwrap();
            op::send(&peer, theirs).unwrap();
            let mut delivered = Vec::new();
            kernel.events().on_upcall(0, |port| delivered.push(port));
            assert_eq!(delivered, [own], "{abi:?}, round {round}");
            channel.notify().unwrap();
            assert!(peer.take_event(theirs), "{abi:?}, round {round}");
            drop(channel);
            let status = Status::query(&domain, own).unwrap();
            assert_eq!(status.bound, Bound::Interdomain { remote: peer.id(), port: theirs });
        }
        op::close(&peer, theirs).unwrap();
        op::close(&domain, own).unwrap();
        let closed = Channel::bind_static(kernel.clone(), own);
        assert_eq!(closed.map(drop), Err(Errno::EINVAL), "{abi:?}: closed");
        let beyond = Channel::bind_static(kernel, Port(1 << 20));
        assert_eq!(beyond.map(drop), Err(Errno::EINVAL), "{abi:?}: no such port");
    }
}

#[test]
fn static_port_is_masked_when_dropped() {
    let (world, domain) = guest(2, 1023);
    let kernel = Kernel::new(&domain, Abi::TwoLevel);
    let mut config = DomainConfig::new("peer");
    config.pages = 64;
    let peer = world.create_guest(config);
    let own = op::alloc_unbound(&domain, peer.id()).unwrap();
    let theirs = op::bind_interdomain(&peer, domain.id(), own).unwrap();
    let channel = Channel::bind_static(kernel.clone(), own).unwrap();
    kernel.events().unmask(own).unwrap();
    drop(channel);
    op::send(&peer, theirs).unwrap();
    let mut delivered = Vec::new();
    kernel.events().on_upcall(0, |port| delivered.push(port));
    assert_eq!(delivered, [], "no owner, no upcall");
    for (domain, port) in [(&domain, own), (&peer, theirs)] {
        op::close(domain, port).unwrap();
    }
}
