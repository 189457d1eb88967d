//! Upcalls and other vCPUs during an operation, against a simulated Xen.
#![cfg(not(loom))]

use core::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, OnceLock};
use xen_evtchn::{Abi, Bound, Channel, EventChannels, EventDispatcher, Status};
use xen_hypercall::ops::event_channel as op;
use xen_hypercall::{Errno, Mapped, Platform, Port, boot, observe_loads};
use xen_sim::{Call, Domain, DomainConfig, Interpose, Interposed, World};
use xen_sys::event_channel::EVTCHNOP_RESET;
use xen_sys::event_channel::{EVTCHNOP_BIND_VCPU, EVTCHNOP_EXPAND_ARRAY, EVTCHNOP_UNMASK};
use xen_sys::xen::HYPERVISOR_EVENT_CHANNEL_OP;

const VCPUS: u32 = 3;
/// Size of `vcpu_info` in shared info.
const VCPU_INFO_SIZE: usize = 64;

/// Actions at given moments, once each.
#[derive(Default)]
struct Moments {
    armed: Mutex<Vec<Moment>>,
    running: AtomicBool,
}

struct Moment {
    at: At,
    action: Box<dyn FnOnce() -> Option<isize> + Send>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Allocation,
    Before(u32),
    After(u32),
}

impl Moments {
    fn arm(&self, at: At, action: impl FnOnce() -> Option<isize> + Send + 'static) {
        self.armed.lock().unwrap().push(Moment { at, action: Box::new(action) });
    }

    fn reach(&self, at: At) -> Option<isize> {
        // A hypercall of the action is no moment.
        if self.running.load(SeqCst) {
            return None;
        }
        let mut armed = self.armed.lock().unwrap();
        let moment =
            armed.iter().position(|moment| moment.at == at).map(|found| armed.remove(found))?;
        drop(armed);
        self.running.store(true, SeqCst);
        let answer = (moment.action)();
        self.running.store(false, SeqCst);
        answer
    }
}

impl Interpose for Moments {
    fn hypercall(&self, call: &Call) -> Option<isize> {
        (call.op == HYPERVISOR_EVENT_CHANNEL_OP)
            .then(|| self.reach(At::Before(call.command())))
            .flatten()
    }

    fn result(&self, call: &Call, _result: isize) {
        if call.op == HYPERVISOR_EVENT_CHANNEL_OP {
            self.reach(At::After(call.command()));
        }
    }

    fn may_allocate(&self, _count: usize) -> bool {
        self.reach(At::Allocation);
        true
    }
}

type Kernel = Interposed<Domain, Moments>;
type Events = EventChannels<Kernel, Mapped<Kernel>>;

struct Guest {
    world: World,
    domain: Domain,
    moments: Arc<Moments>,
    events: Arc<OnceLock<Events>>,
}

fn guest(abi: Abi, max_port: u32) -> Guest {
    let world = World::new(1);
    let domain =
        world.create(DomainConfig { vcpus: VCPUS, max_port, ..DomainConfig::new("guest") });
    let moments = Arc::new(Moments::default());
    let kernel = Interposed::new(domain.clone(), Arc::clone(&moments));
    let shared_info = boot::shared_info(kernel.clone()).unwrap();
    let events = match abi {
        Abi::TwoLevel => EventChannels::new(kernel, shared_info),
        Abi::Fifo => EventChannels::with_fifo(kernel, shared_info).unwrap(),
    };
    assert_eq!(events.abi(), abi);
    Guest { world, domain, moments, events: Arc::new(OnceLock::from(events)) }
}

impl Guest {
    fn events(&self) -> &Events {
        self.events.get().unwrap()
    }

    /// Opens a connection of the domain with itself, whose first end is for vCPU 0.
    fn pair(&self) -> (Channel<Domain>, Channel<Domain>) {
        let ours = Channel::alloc_unbound(self.domain.clone(), self.domain.id()).unwrap();
        let theirs =
            Channel::bind_interdomain(self.domain.clone(), self.domain.id(), ours.port()).unwrap();
        self.events().opened(ours.port(), 0).unwrap();
        self.events().take_pending(ours.port());
        (ours, theirs)
    }

    /// Opens an IPI port for `vcpu`.
    fn ipi(&self, vcpu: u32) -> Channel<Domain> {
        let ipi = Channel::bind_ipi(self.domain.clone(), vcpu).unwrap();
        self.events().opened(ipi.port(), vcpu).unwrap();
        ipi
    }

    /// Opens `count` ports, so that later ports have higher numbers.
    fn fill(&self, count: u32) -> Vec<Channel<Domain>> {
        (0..count).map(|_| Channel::bind_ipi(self.domain.clone(), 0).unwrap()).collect()
    }

    fn interrupted(&self, vcpu: u32) -> bool {
        interrupted(self.events(), vcpu)
    }

    /// Runs the upcall of `vcpu`, if Xen has raised one.
    fn upcall(&self, vcpu: u32) -> Vec<Port> {
        upcall(self.events(), vcpu)
    }
}

fn interrupted(events: &Events, vcpu: u32) -> bool {
    let info = events.shared_info().as_ref();
    info.u8_at(vcpu as usize * VCPU_INFO_SIZE).unwrap().load(SeqCst) != 0
}

fn upcall(events: &Events, vcpu: u32) -> Vec<Port> {
    let mut delivered = Vec::new();
    if interrupted(events, vcpu) {
        events.on_upcall(vcpu, |port| delivered.push(port));
    }
    delivered
}

#[test]
fn handler_opens_port_while_array_grows() {
    for at in [At::Allocation, At::Before(EVTCHNOP_EXPAND_ARRAY), At::After(EVTCHNOP_EXPAND_ARRAY)]
    {
        // In the page that is being added, and in the next one.
        for nested in [1500, 2500] {
            let guest = guest(Abi::Fifo, 3000);
            let opened: Vec<_> =
                core::iter::from_fn(|| Channel::bind_ipi(guest.domain.clone(), 0).ok()).collect();
            let (events, domain) = (Arc::clone(&guest.events), guest.domain.clone());
            guest.moments.arm(at, move || {
                let events = events.get().unwrap();
                events.opened(Port(nested), 0).unwrap();
                events.unmask(Port(nested)).unwrap();
                op::send(&domain, Port(nested)).unwrap();
                None
            });
            guest.events().opened(Port(1200), 0).unwrap();
            assert!(guest.moments.armed.lock().unwrap().is_empty(), "{at:?} has come");
            guest.events().unmask(Port(1200)).unwrap();
            op::send(&guest.domain, Port(1200)).unwrap();
            let mut delivered = guest.upcall(0);
            delivered.sort_unstable();
            assert_eq!(delivered, [Port(1200), Port(nested)], "{at:?}");
            // Each page is in its slot and was added once.
            for port in [1023, 1024, 2047, 2048, 2999] {
                guest.events().opened(Port(port), 0).unwrap();
                guest.events().unmask(Port(port)).unwrap();
                op::send(&guest.domain, Port(port)).unwrap();
                assert_eq!(guest.upcall(0), [Port(port)], "{at:?}");
            }
            drop(opened);
            guest.world.check().unwrap();
        }
    }
}

#[test]
fn failed_growth_is_tried_again() {
    let guest = guest(Abi::Fifo, 3000);
    let opened: Vec<_> =
        core::iter::from_fn(|| Channel::bind_ipi(guest.domain.clone(), 0).ok()).collect();
    let refused = Some(-(Errno::ENOMEM.0 as isize));
    guest.moments.arm(At::Before(EVTCHNOP_EXPAND_ARRAY), move || refused);
    assert_eq!(guest.events().opened(Port(1200), 0), Err(Errno::ENOMEM));
    guest.events().opened(Port(1300), 0).unwrap();
    guest.events().unmask(Port(1300)).unwrap();
    op::send(&guest.domain, Port(1300)).unwrap();
    assert_eq!(guest.upcall(0), [Port(1300)]);
    drop(opened);
}

#[test]
fn reset_takes_over_half_grown_array() {
    let guest = guest(Abi::Fifo, 3000);
    guest.fill(3000).into_iter().for_each(core::mem::forget);
    let refused = Some(-(Errno::ENOMEM.0 as isize));
    guest.moments.arm(At::Before(EVTCHNOP_EXPAND_ARRAY), move || refused);
    assert_eq!(guest.events().opened(Port(1200), 0), Err(Errno::ENOMEM));
    // The refused page is added now with the others.
    guest.events().reset().unwrap();
    let opened = guest.fill(3000);
    for port in [1200, 2500] {
        guest.events().opened(Port(port), 0).unwrap();
        guest.events().unmask(Port(port)).unwrap();
        op::send(&guest.domain, Port(port)).unwrap();
        assert_eq!(guest.upcall(0), [Port(port)]);
    }
    drop(opened);
}

#[test]
fn unmask_during_move_loses_no_event() {
    for abi in [Abi::TwoLevel, Abi::Fifo] {
        let guest = guest(abi, 1023);
        guest.events().add_vcpu(1).unwrap();
        let (ours, theirs) = guest.pair();
        let (port, events, domain) = (ours.port(), Arc::clone(&guest.events), guest.domain.clone());
        let seen = Arc::new(Mutex::new(Vec::new()));
        guest.moments.arm(At::Before(EVTCHNOP_BIND_VCPU), {
            let seen = Arc::clone(&seen);
            move || {
                // Xen has moved the port, and the words here are unchanged: another thread unmasks
                // the port, and an event comes.
                let events = events.get().unwrap();
                op::bind_vcpu(&domain, port, 1).unwrap();
                events.unmask(port).unwrap();
                theirs.notify().unwrap();
                seen.lock().unwrap().extend(upcall(events, 1));
                Some(0)
            }
        });
        guest.events().bind_vcpu(port, 1).unwrap();
        let mut delivered = seen.lock().unwrap().clone();
        delivered.extend(guest.upcall(1));
        assert_eq!(delivered, [port], "{abi:?}");
        assert!(guest.upcall(0).is_empty());
    }
}

#[test]
fn move_keeps_masks_of_others() {
    for abi in [Abi::TwoLevel, Abi::Fifo] {
        let guest = guest(abi, 1023);
        guest.events().add_vcpu(1).unwrap();
        let (ours, theirs) = guest.pair();
        let (port, events) = (ours.port(), Arc::clone(&guest.events));
        guest.events().unmask(port).unwrap();
        guest.moments.arm(At::Before(EVTCHNOP_BIND_VCPU), move || {
            events.get().unwrap().mask(port);
            None
        });
        guest.events().bind_vcpu(port, 1).unwrap();
        theirs.notify().unwrap();
        assert!(
            guest.upcall(0).is_empty() && guest.upcall(1).is_empty(),
            "{abi:?}: the port was masked meanwhile"
        );
        guest.events().unmask(port).unwrap();
        assert_eq!(guest.upcall(1), [port]);
    }
}

#[test]
fn port_is_masked_while_it_moves() {
    for abi in [Abi::TwoLevel, Abi::Fifo] {
        let guest = guest(abi, 1023);
        guest.events().add_vcpu(1).unwrap();
        let dispatcher = EventDispatcher::<16>::new();
        let (ours, theirs) = guest.pair();
        let (port, events) = (ours.port(), Arc::clone(&guest.events));
        dispatcher.bind(guest.events(), port).unwrap();
        guest.moments.arm(At::Before(EVTCHNOP_BIND_VCPU), move || {
            theirs.notify().unwrap();
            assert!(!interrupted(events.get().unwrap(), 0));
            None
        });
        dispatcher.bind_vcpu(guest.events(), port, 1).unwrap();
        assert!(!guest.interrupted(0) && guest.interrupted(1), "{abi:?}");
        let mut delivered = Vec::new();
        dispatcher.on_upcall(guest.events(), 1, |event| delivered.push(event.port()));
        assert_eq!(delivered, [port], "{abi:?}");
    }
}

#[test]
fn handler_mask_survives_unmask() {
    let guest = guest(Abi::TwoLevel, 1023);
    let (ours, theirs) = guest.pair();
    let port = ours.port();
    let handlers = Cell::new(0);
    let events = guest.events();
    // Between any two steps of an unmask, two events come, and the handler of the first one masks
    // the port.
    for moment in 0.. {
        events.mask(port);
        events.take_pending(port);
        let (step, ran) = (Cell::new(0), Cell::new(false));
        let mut nested = |_, _| {
            if step.replace(step.get() + 1) != moment {
                return;
            }
            theirs.notify().unwrap();
            if interrupted(events, 0) {
                events.on_upcall(0, |_| {
                    ran.set(true);
                    handlers.set(handlers.get() + 1);
                    events.mask(port);
                });
            }
            theirs.notify().unwrap();
        };
        observe_loads(&mut nested, || events.unmask(port)).unwrap();
        if step.get() <= moment {
            break;
        }
        let delivered = guest.upcall(0);
        if ran.get() {
            assert!(
                delivered.is_empty(),
                "step {moment}: delivered although its handler has masked it"
            );
            events.unmask(port).unwrap();
            assert_eq!(guest.upcall(0), [port], "step {moment}: the second event");
        } else {
            assert_eq!(delivered, [port], "step {moment}: an event around the unmask");
        }
    }
    assert!(handlers.get() > 0, "no event came in the window");
}

#[test]
fn mask_from_elsewhere_survives_unmask() {
    let guest = guest(Abi::TwoLevel, 1023);
    let (ours, theirs) = guest.pair();
    let (port, events) = (ours.port(), Arc::clone(&guest.events));
    theirs.notify().unwrap();
    // On another vCPU, just before Xen clears the mask.
    guest.moments.arm(At::Before(EVTCHNOP_UNMASK), move || {
        events.get().unwrap().mask(port);
        None
    });
    guest.events().unmask(port).unwrap();
    guest.upcall(0);
    theirs.notify().unwrap();
    assert!(guest.upcall(0).is_empty(), "the port is masked");
    guest.events().unmask(port).unwrap();
    assert_eq!(guest.upcall(0), [port]);
}

#[test]
fn nested_upcall_delivers_event_once() {
    for abi in [Abi::TwoLevel, Abi::Fifo] {
        for vcpus in [1, 2] {
            for moment in 0.. {
                let guest = guest(abi, 1023);
                (1..vcpus).for_each(|vcpu| guest.events().add_vcpu(vcpu).unwrap());
                let channels: Vec<_> =
                    (0..3).map(|_| Channel::bind_ipi(guest.domain.clone(), 0).unwrap()).collect();
                for channel in &channels {
                    guest.events().opened(channel.port(), 0).unwrap();
                    guest.events().unmask(channel.port()).unwrap();
                }
                channels[..2].iter().for_each(|channel| channel.notify().unwrap());
                let (step, delivered) = (Cell::new(0), RefCell::new(Vec::new()));
                let mut nested = |_, _| {
                    if step.replace(step.get() + 1) == moment {
                        channels[2].notify().unwrap();
                        delivered.borrow_mut().extend(guest.upcall(0));
                    }
                };
                observe_loads(&mut nested, || {
                    guest.events().on_upcall(0, |port| delivered.borrow_mut().push(port));
                });
                if step.get() <= moment {
                    break;
                }
                delivered.borrow_mut().extend(guest.upcall(0));
                delivered.borrow_mut().sort_unstable();
                let expected: Vec<_> = channels.iter().map(Channel::port).collect();
                assert_eq!(*delivered.borrow(), expected, "{abi:?}, step {moment}");
            }
        }
    }
}

#[test]
fn port_opened_before_vcpu_stays_first() {
    // In the first word of ports, and in another one.
    for below in [0, 130] {
        let guest = guest(Abi::TwoLevel, 1023);
        let _below = guest.fill(below);
        let (ours, theirs) = guest.pair();
        guest.events().unmask(ours.port()).unwrap();
        for added in [1, 2] {
            guest.events().add_vcpu(added).unwrap();
            // A port of the new vCPU in the same word, so that its selector has the word of the
            // other port.
            let own = guest.ipi(added);
            guest.events().unmask(own.port()).unwrap();
            theirs.notify().unwrap();
            own.notify().unwrap();
            assert_eq!(guest.upcall(added), [own.port()]);
            assert_eq!(guest.upcall(0), [ours.port()]);
        }
        // A port that moved before the third vCPU was added.
        let own = guest.ipi(2);
        guest.events().bind_vcpu(ours.port(), 1).unwrap();
        guest.events().unmask(own.port()).unwrap();
        theirs.notify().unwrap();
        own.notify().unwrap();
        assert_eq!((guest.upcall(2), guest.upcall(0)), (vec![own.port()], vec![]));
        assert_eq!(guest.upcall(1), [ours.port()]);
    }
}

#[test]
fn port_of_second_vcpu_stays_there() {
    for below in [0, 130] {
        let guest = guest(Abi::TwoLevel, 1023);
        let _below = guest.fill(below);
        guest.events().add_vcpu(1).unwrap();
        let second = guest.ipi(1);
        guest.events().unmask(second.port()).unwrap();
        guest.events().add_vcpu(2).unwrap();
        let third = guest.ipi(2);
        guest.events().unmask(third.port()).unwrap();
        second.notify().unwrap();
        third.notify().unwrap();
        assert_eq!(guest.upcall(2), [third.port()]);
        assert_eq!(guest.upcall(1), [second.port()]);
    }
}

#[test]
fn reopened_port_goes_to_new_vcpu() {
    for below in [0, 130] {
        let guest = guest(Abi::TwoLevel, 1023);
        let _below = guest.fill(below);
        let port = guest.ipi(0).port();
        // Opened for a vCPU that is added later.
        let again = guest.ipi(2);
        assert_eq!(again.port(), port);
        guest.events().add_vcpu(2).unwrap();
        guest.events().unmask(port).unwrap();
        again.notify().unwrap();
        assert_eq!(guest.upcall(2), [port]);
    }
}

#[test]
fn absent_vcpu_takes_no_events() {
    let guest = guest(Abi::TwoLevel, 1023);
    let ipi = guest.ipi(1);
    guest.events().unmask(ipi.port()).unwrap();
    ipi.notify().unwrap();
    assert!(guest.interrupted(1));
    assert!(guest.upcall(1).is_empty());
    assert!(guest.events().is_pending(ipi.port()));
}

#[test]
fn first_vcpu_is_added_already() {
    for abi in [Abi::TwoLevel, Abi::Fifo] {
        let guest = guest(abi, 1023);
        let (ours, theirs) = guest.pair();
        guest.events().unmask(ours.port()).unwrap();
        for _ in 0..2 {
            assert_eq!(guest.events().add_vcpu(0), Ok(()));
            theirs.notify().unwrap();
            assert_eq!(guest.upcall(0), [ours.port()], "{abi:?}");
        }
    }
}

#[test]
fn refused_reset_masks_every_port() {
    for abi in [Abi::TwoLevel, Abi::Fifo] {
        let guest = guest(abi, 1023);
        let (ours, theirs) = guest.pair();
        guest.events().unmask(ours.port()).unwrap();
        let refused = Some(-(Errno::EPERM.0 as isize));
        guest.moments.arm(At::Before(EVTCHNOP_RESET), move || refused);
        assert_eq!(guest.events().reset(), Err(Errno::EPERM));
        theirs.notify().unwrap();
        assert!(!guest.interrupted(0), "{abi:?}");
        guest.events().unmask(ours.port()).unwrap();
        assert_eq!(guest.upcall(0), [ours.port()], "{abi:?}");
    }
}

#[test]
fn unmask_delivers_passed_over_event() {
    let guest = guest(Abi::TwoLevel, 1023);
    guest.events().add_vcpu(1).unwrap();
    let (ours, theirs) = guest.pair();
    guest.events().unmask(ours.port()).unwrap();
    // Xen has moved the port, and the words here are unchanged.
    op::bind_vcpu(&guest.domain, ours.port(), 1).unwrap();
    theirs.notify().unwrap();
    assert!(guest.upcall(1).is_empty());
    guest.events().opened(ours.port(), 1).unwrap();
    guest.events().unmask(ours.port()).unwrap();
    assert_eq!(guest.upcall(1), [ours.port()]);
}

#[test]
fn move_without_event_needs_no_unmask() {
    let guest = guest(Abi::TwoLevel, 1023);
    guest.events().add_vcpu(1).unwrap();
    let (ours, theirs) = guest.pair();
    guest.moments.arm(At::Before(EVTCHNOP_UNMASK), || None);
    guest.events().unmask(ours.port()).unwrap();
    guest.events().bind_vcpu(ours.port(), 1).unwrap();
    // Nor does a masked port, whose event waits for the unmask.
    guest.events().mask(ours.port());
    theirs.notify().unwrap();
    guest.events().bind_vcpu(ours.port(), 0).unwrap();
    assert_eq!(guest.moments.armed.lock().unwrap().len(), 1, "Xen was called");
    guest.events().unmask(ours.port()).unwrap();
    assert!(guest.moments.armed.lock().unwrap().is_empty());
    assert_eq!(guest.upcall(0), [ours.port()]);
}

#[test]
fn storm_ends_upcall_and_raises_another() {
    // With one port the queue is empty after each event, with two it never is.
    for (abi, ports) in [(Abi::TwoLevel, 2), (Abi::Fifo, 1), (Abi::Fifo, 2), (Abi::Fifo, 100)] {
        let guest = guest(abi, 1023);
        let pairs: Vec<_> = (0..ports).map(|_| guest.pair()).collect();
        let (other, from_other) = guest.pair();
        for (ours, theirs) in &pairs {
            guest.events().unmask(ours.port()).unwrap();
            theirs.notify().unwrap();
        }
        guest.events().unmask(other.port()).unwrap();
        // The peer sends again whenever its event was taken.
        let storm = || {
            let (mut delivered, mut others) = (0, 0);
            guest.events().on_upcall(0, |port| {
                if port == other.port() {
                    others += 1;
                    return;
                }
                let (_, theirs) = pairs.iter().find(|(ours, _)| ours.port() == port).unwrap();
                delivered += 1;
                assert!(delivered <= 10_000, "the upcall does not end");
                theirs.notify().unwrap();
            });
            others
        };
        for _ in 0..5 {
            assert!(guest.interrupted(0), "{abi:?}: the rest is lost");
            from_other.notify().unwrap();
            assert_eq!(storm(), 1, "{abi:?}: the other port is served meanwhile");
        }
        // The storm ends, and its rest is delivered.
        let mut last = Vec::new();
        while guest.interrupted(0) {
            last.extend(guest.upcall(0));
        }
        last.sort_unstable();
        let expected: Vec<_> = pairs.iter().map(|(ours, _)| ours.port()).collect();
        assert_eq!(last, expected, "{abi:?}");
        for (ours, theirs) in &pairs {
            theirs.notify().unwrap();
            assert_eq!(guest.upcall(0), [ours.port()], "{abi:?}: the port still works");
        }
        drop((pairs, other, from_other));
        guest.world.check().unwrap();
    }
}

#[test]
fn reset_forgets_raised_upcall() {
    let guest = guest(Abi::Fifo, 1023);
    let pairs: Vec<_> = (0..2).map(|_| guest.pair()).collect();
    let raised = guest.fill(1)[0].port();
    for (ours, theirs) in &pairs {
        guest.events().unmask(ours.port()).unwrap();
        theirs.notify().unwrap();
    }
    let mut delivered = 0;
    guest.events().on_upcall(0, |port| {
        delivered += 1;
        assert!(delivered <= 10_000, "the upcall does not end");
        pairs.iter().find(|(ours, _)| ours.port() == port).unwrap().1.notify().unwrap();
    });
    assert_eq!(Status::query(&guest.domain, raised).unwrap().bound, Bound::Ipi);
    core::mem::forget(pairs);
    guest.events().reset().unwrap();
    // The number now belongs to another port, which stays open.
    let opened = guest.fill(raised.0);
    let last = opened.last().unwrap();
    assert_eq!(last.port(), raised);
    guest.events().unmask(raised).unwrap();
    for _ in 0..2 {
        last.notify().unwrap();
        assert_eq!(guest.upcall(0), [raised]);
    }
}

#[test]
fn storm_in_nested_upcall_is_bounded() {
    let guest = guest(Abi::Fifo, 1023);
    let pairs: Vec<_> = (0..4).map(|_| guest.pair()).collect();
    for (index, (ours, theirs)) in pairs.iter().enumerate() {
        ours.set_priority(if index < 2 { 7 } else { 3 }).unwrap();
        guest.events().unmask(ours.port()).unwrap();
        if index < 2 {
            theirs.notify().unwrap();
        }
    }
    let delivered = Cell::new(0);
    let answer = |port| {
        delivered.set(delivered.get() + 1);
        assert!(delivered.get() <= 10_000, "the upcall does not end");
        pairs.iter().find(|(ours, _)| ours.port() == port).unwrap().1.notify().unwrap();
    };
    let nested = Cell::new(false);
    guest.events().on_upcall(0, |port| {
        answer(port);
        if !nested.replace(true) {
            pairs[2..].iter().for_each(|(_, theirs)| theirs.notify().unwrap());
            guest.events().on_upcall(0, answer);
        }
    });
    let mut last = Vec::new();
    while guest.interrupted(0) {
        last.extend(guest.upcall(0));
    }
    last.sort_unstable();
    let expected: Vec<_> = pairs.iter().map(|(ours, _)| ours.port()).collect();
    assert_eq!(last, expected);
    drop(pairs);
    guest.world.check().unwrap();
}

#[test]
fn storm_without_free_port_is_served() {
    let guest = guest(Abi::Fifo, 1023);
    let pairs: Vec<_> = (0..2).map(|_| guest.pair()).collect();
    let rest: Vec<_> =
        core::iter::from_fn(|| Channel::bind_ipi(guest.domain.clone(), 0).ok()).collect();
    for (ours, theirs) in &pairs {
        guest.events().unmask(ours.port()).unwrap();
        theirs.notify().unwrap();
    }
    let mut delivered = 0;
    guest.events().on_upcall(0, |port| {
        delivered += 1;
        if delivered < 5000 {
            pairs.iter().find(|(ours, _)| ours.port() == port).unwrap().1.notify().unwrap();
        }
    });
    assert_eq!(delivered, 5001);
    drop(rest);
}

/// An upcall that cannot be raised leaves no port open: the next port would have no word in the
/// array.
#[test]
fn port_without_word_is_closed() {
    let guest = guest(Abi::Fifo, 4095);
    let pairs: Vec<_> = (0..2).map(|_| guest.pair()).collect();
    let mut rest: Vec<Channel<Domain>> = Vec::new();
    while rest.last().is_none_or(|last| last.port().0 < 1023) {
        rest.push(Channel::bind_ipi(guest.domain.clone(), 0).unwrap());
    }
    for (ours, theirs) in &pairs {
        guest.events().unmask(ours.port()).unwrap();
        theirs.notify().unwrap();
    }
    let mut delivered = 0;
    guest.events().on_upcall(0, |port| {
        delivered += 1;
        if delivered < 5000 {
            pairs.iter().find(|(ours, _)| ours.port() == port).unwrap().1.notify().unwrap();
        }
    });
    assert_eq!(delivered, 5001);
    assert_eq!(Channel::bind_ipi(guest.domain.clone(), 0).unwrap().port(), Port(1024));
    drop(rest);
}

#[test]
fn storm_in_all_priorities_is_served() {
    let guest = guest(Abi::Fifo, 1023);
    let pairs: Vec<_> = (0..16).map(|_| guest.pair()).collect();
    for (priority, (ours, theirs)) in (0..).zip(&pairs) {
        ours.set_priority(priority).unwrap();
        guest.events().unmask(ours.port()).unwrap();
        theirs.notify().unwrap();
    }
    let sent = Cell::new(0);
    let mut delivered = vec![0; 16];
    while guest.interrupted(0) {
        guest.events().on_upcall(0, |port| {
            let index = pairs.iter().position(|(ours, _)| ours.port() == port).unwrap();
            delivered[index] += 1;
            if sent.get() < 5000 {
                sent.set(sent.get() + 1);
                pairs[index].1.notify().unwrap();
            }
        });
    }
    assert_eq!(delivered.iter().sum::<u32>(), 5016);
    assert!(delivered.iter().all(|&count| count > 0), "{delivered:?}");
}

#[test]
fn drained_vcpu_frees_moved_port() {
    let guest = guest(Abi::Fifo, 1023);
    guest.events().add_vcpu(1).unwrap();
    let (ours, theirs) = guest.pair();
    let own = Channel::bind_ipi(guest.domain.clone(), 1).unwrap();
    guest.events().bind_vcpu(ours.port(), 1).unwrap();
    [&ours, &own].iter().for_each(|channel| guest.events().unmask(channel.port()).unwrap());
    [&theirs, &own].iter().for_each(|channel| channel.notify().unwrap());
    // vCPU 1 is down now, with two events in its queue.
    guest.events().bind_vcpu(ours.port(), 0).unwrap();
    theirs.notify().unwrap();
    assert!(guest.upcall(0).is_empty(), "a port is in one queue");
    let mut drained = Vec::new();
    guest.events().drain_vcpu(1, |port| drained.push(port));
    assert_eq!(drained, [ours.port(), own.port()]);
    theirs.notify().unwrap();
    assert_eq!(guest.upcall(0), [ours.port()]);
}

#[test]
fn drain_of_a_storm_ends() {
    let guest = guest(Abi::Fifo, 1023);
    guest.events().add_vcpu(1).unwrap();
    let own = Channel::bind_ipi(guest.domain.clone(), 1).unwrap();
    guest.events().unmask(own.port()).unwrap();
    own.notify().unwrap();
    let mut drained = 0;
    guest.events().drain_vcpu(1, |_| {
        drained += 1;
        assert!(drained <= 10_000, "the drain does not end");
        own.notify().unwrap();
    });
    let mut rest = 0;
    guest.events().drain_vcpu(1, |_| rest += 1);
    assert_eq!(rest, 1, "the rest stays for the next drain");
}

#[test]
fn port_moves_to_added_vcpus_only() {
    for abi in [Abi::TwoLevel, Abi::Fifo] {
        let guest = guest(abi, 1023);
        let (ours, theirs) = guest.pair();
        guest.events().unmask(ours.port()).unwrap();
        assert_eq!(guest.events().bind_vcpu(ours.port(), 1), Err(Errno::ENOENT));
        assert_eq!(guest.events().bind_vcpu(ours.port(), u32::MAX), Err(Errno::ENOENT));
        theirs.notify().unwrap();
        assert_eq!(guest.upcall(0), [ours.port()]);
    }
}

#[test]
fn flag_of_earlier_upcall_is_cleared() {
    for abi in [Abi::TwoLevel, Abi::Fifo] {
        let world = World::new(1);
        let domain = world.create(DomainConfig::new("guest"));
        let early = Channel::bind_ipi(domain.clone(), 0).unwrap();
        // Unmasked at the start, as all ports are: Xen raises an upcall that has no handler.
        early.notify().unwrap();
        let kernel = Interposed::new(domain.clone(), Arc::new(Moments::default()));
        let shared_info = boot::shared_info(kernel.clone()).unwrap();
        let events = match abi {
            Abi::TwoLevel => EventChannels::new(kernel, shared_info),
            Abi::Fifo => EventChannels::with_fifo(kernel, shared_info).unwrap(),
        };
        assert!(!interrupted(&events, 0), "{abi:?}: Xen raises no other");
        assert!(events.is_pending(early.port()));
        events.unmask(early.port()).unwrap();
        assert_eq!(upcall(&events, 0), [early.port()], "{abi:?}");
        let _ = domain.now();
    }
}
