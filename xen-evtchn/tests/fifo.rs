//! FIFO format against a simulated Xen.
#![cfg(not(loom))]

mod common;

use common::{Events, domain, events, handled, open, open_unmasked, works};
use proptest::prelude::*;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use xen_evtchn::{Abi, Channel, EventChannels, FIFO_PORTS};
use xen_hypercall::{Errno, Gfn, Mapped, Port};
use xen_sim::{Call, Domain, DomainConfig, Interpose, Interposed, World};
use xen_sys::event_channel::{EVTCHN_FIFO_MASKED, EVTCHNOP_EXPAND_ARRAY, EVTCHNOP_INIT_CONTROL};
use xen_sys::xen::HYPERVISOR_EVENT_CHANNEL_OP;

#[test]
fn event_is_handled_once_while_unmasked() {
    let (_world, domain, events) = domain(1023);
    let channel = open(&events, &domain);
    let port = channel.port();
    channel.notify().unwrap();
    assert!(handled(&events).is_empty() && events.is_pending(port), "a new port is masked");
    events.unmask(port).unwrap();
    assert_eq!(handled(&events), [port]);
    assert!(handled(&events).is_empty());
    events.mask(port);
    channel.notify().unwrap();
    assert!(handled(&events).is_empty());
    assert!(events.take_pending(port) && !events.take_pending(port));
    events.unmask(port).unwrap();
    assert!(handled(&events).is_empty());
    // Masked while it is in the queue: removed without delivery, and kept.
    channel.notify().unwrap();
    events.mask(port);
    assert!(handled(&events).is_empty());
    events.unmask(port).unwrap();
    assert_eq!(handled(&events), [port]);
}

/// D-E06.
#[test]
fn events_are_delivered_by_priority() {
    let (_world, domain, events) = domain(1023);
    let channels: Vec<_> = (0..32).map(|n| open_unmasked(&events, &domain, 15 - n % 16)).collect();
    for _ in 0..3 {
        channels.iter().for_each(|channel| channel.notify().unwrap());
        let expected: Vec<_> = (0..16)
            .flat_map(|priority| [15 - priority, 31 - priority])
            .map(|n| channels[n].port())
            .collect();
        assert_eq!(handled(&events), expected, "by priority, then by arrival");
    }
}

/// D-E06.
#[test]
fn urgent_event_interrupts_queue() {
    let (_world, domain, events) = domain(1023);
    let slow: Vec<_> = (0..3).map(|_| open_unmasked(&events, &domain, 15)).collect();
    let urgent = open_unmasked(&events, &domain, 0);
    slow.iter().for_each(|channel| channel.notify().unwrap());
    let mut order = Vec::new();
    events.on_upcall(0, |port| {
        if order.is_empty() {
            urgent.notify().unwrap();
        }
        order.push(port);
    });
    assert_eq!(order, [slow[0].port(), urgent.port(), slow[1].port(), slow[2].port()]);
}

/// D-E06.
#[test]
fn event_during_handler_is_delivered_again() {
    let (_world, domain, events) = domain(1023);
    let alone = open_unmasked(&events, &domain, 7);
    // A queue of one event, which comes again 10 times.
    alone.notify().unwrap();
    let mut delivered = 0;
    events.on_upcall(0, |port| {
        assert_eq!(port, alone.port());
        delivered += 1;
        if delivered <= 10 {
            alone.notify().unwrap();
        }
    });
    assert_eq!(delivered, 11);
    // Among others it is appended to the tail, and each of the others has its turn.
    let others: Vec<_> = (0..3).map(|_| open_unmasked(&events, &domain, 7)).collect();
    alone.notify().unwrap();
    others.iter().for_each(|channel| channel.notify().unwrap());
    let mut order = Vec::new();
    events.on_upcall(0, |port| {
        if order.is_empty() {
            alone.notify().unwrap();
        }
        order.push(port);
    });
    let ports: Vec<_> =
        [&alone].into_iter().chain(&others).chain([&alone]).map(Channel::port).collect();
    assert_eq!(order, ports);
    assert!(handled(&events).is_empty());
}

/// D-E06.
#[test]
fn nested_upcall_takes_other_queues() {
    let (_world, domain, events) = domain(1023);
    let [first, second, third, urgent] =
        [7, 7, 7, 3].map(|priority| open_unmasked(&events, &domain, priority));
    let delivered = RefCell::new(Vec::new());
    let deliver = |port| delivered.borrow_mut().push(port);
    // A queue with a rest: the outer call handles what is appended to it, the inner call what is
    // more urgent.
    first.notify().unwrap();
    second.notify().unwrap();
    events.on_upcall(0, |port| {
        deliver(port);
        if port == first.port() {
            third.notify().unwrap();
            urgent.notify().unwrap();
            events.on_upcall(0, deliver);
        }
    });
    assert_eq!(*delivered.borrow(), [&first, &urgent, &second, &third].map(Channel::port));
    delivered.borrow_mut().clear();
    // A queue without a rest: the next event starts the queue anew.
    first.notify().unwrap();
    events.on_upcall(0, |port| {
        deliver(port);
        if port == first.port() {
            second.notify().unwrap();
            events.on_upcall(0, deliver);
            third.notify().unwrap();
        }
    });
    assert_eq!(*delivered.borrow(), [&first, &second, &third].map(Channel::port));
}

#[derive(Clone, Debug)]
enum Step {
    Notify(usize),
    NotifyInHandler(usize),
    Mask(usize),
    Unmask(usize),
    Priority(usize, u32),
    Take(usize),
    Upcall,
}

fn step() -> impl Strategy<Value = Step> {
    let port = 0usize..8;
    prop_oneof![
        4 => port.clone().prop_map(Step::Notify),
        1 => port.clone().prop_map(Step::NotifyInHandler),
        1 => port.clone().prop_map(Step::Mask),
        1 => port.clone().prop_map(Step::Unmask),
        1 => (port.clone(), 0u32..16).prop_map(|(port, priority)| Step::Priority(port, priority)),
        1 => port.prop_map(Step::Take),
        2 => Just(Step::Upcall),
    ]
}

proptest! {
    /// D-E06.
    #[test]
    fn each_event_is_delivered_once(steps in proptest::collection::vec(step(), 1..80)) {
        let (_world, domain, events) = domain(1023);
        let channels: Vec<_> = (0..8).map(|n| open_unmasked(&events, &domain, n)).collect();
        let index: BTreeMap<Port, usize> = channels.iter().map(Channel::port).zip(0..).collect();
       let (mut pending, mut masked) = (BTreeSet::new(), BTreeSet::new());
        let mut in_handler = BTreeSet::new();
        for step in steps.into_iter().chain((0..8).map(Step::Unmask)).chain([Step::Upcall]) {
            match step {
                Step::Notify(n) => {
                    channels[n].notify().unwrap();
                    pending.insert(n);
                }
                Step::NotifyInHandler(n) => {
                    in_handler.insert(n);
                }
                Step::Mask(n) => {
                    events.mask(channels[n].port());
                    masked.insert(n);
                }
                Step::Unmask(n) => {
                    events.unmask(channels[n].port()).unwrap();
                    masked.remove(&n);
                }
                Step::Priority(n, priority) => channels[n].set_priority(priority).unwrap(),
               Step::Take(n) => {
                    prop_assert_eq!(events.take_pending(channels[n].port()), pending.remove(&n));
                }
                Step::Upcall => {
                    let delivered = RefCell::new(Vec::new());
                    events.on_upcall(0, |port| {
                        delivered.borrow_mut().push(index[&port]);
                        for n in core::mem::take(&mut in_handler) {
                            channels[n].notify().unwrap();
                            pending.insert(n);
                        }
                        pending.remove(&index[&port]);
                        // Its own event came again: it is delivered a second time, in this upcall.
                    });
                    for n in delivered.into_inner() {
                        prop_assert!(!masked.contains(&n), "a masked port was delivered");
                    }
                   let is_kept = |n| masked.contains(n) || events.is_pending(channels[*n].port());
                    prop_assert!(pending.iter().all(is_kept));
                    pending.retain(|n| masked.contains(n));
                }
            }
            for (n, channel) in channels.iter().enumerate() {
                let is = events.is_pending(channel.port());
                prop_assert_eq!(is, pending.contains(&n), "port {} is pending: {}", n, is);
            }
        }
        prop_assert!(pending.is_empty());
    }
}

#[test]
fn growth_keeps_earlier_events() {
    let (_world, domain, events) = domain(5000);
    // Opened beyond the array, which has one page: their events wait in Xen.
    let channels: Vec<_> =
        core::iter::from_fn(|| Channel::bind_ipi(domain.clone(), 0).ok()).collect();
    assert_eq!(channels.len(), 5000);
    channels.iter().for_each(|channel| channel.notify().unwrap());
    let last = channels.last().unwrap();
    assert_eq!(events.unmask(last.port()), Err(Errno::EINVAL), "there is no word yet");
    assert!(!events.is_pending(last.port()) && !events.take_pending(last.port()));
    for channel in &channels {
        events.opened(channel.port(), 0).unwrap();
        assert!(events.is_pending(channel.port()));
        events.unmask(channel.port()).unwrap();
    }
    let mut delivered = handled(&events);
    delivered.sort_unstable();
    assert!(delivered.iter().map(|port| port.0).eq(1..=5000));
}

#[test]
fn array_grows_to_its_maximum() {
    let (_world, _domain, events) = domain(FIFO_PORTS - 1);
    events.opened(Port(FIFO_PORTS - 1), 0).unwrap();
    events.mask(Port(FIFO_PORTS - 1));
    assert_eq!(events.opened(Port(FIFO_PORTS), 0), Err(Errno::EINVAL));
    assert_eq!(events.unmask(Port(u32::MAX)), Err(Errno::EINVAL));
    events.mask(Port(u32::MAX));
    assert!(!events.is_pending(Port(FIFO_PORTS)));
}

#[test]
fn array_grows_during_upcalls() {
    let (_world, domain, events) = domain(4000);
    let busy = open_unmasked(&events, &domain, 7);
    let done = AtomicBool::new(false);
    let delivered = std::thread::scope(|scope| {
        let handler = scope.spawn(|| {
            let mut delivered = BTreeSet::new();
            loop {
                // In this order: the upcall sees what was sent before the flag.
                let last = done.load(SeqCst);
                events.on_upcall(0, |port| {
                    delivered.insert(port);
                });
                if last {
                    return delivered;
                }
                busy.notify().unwrap();
            }
        });
        for _ in 0..3000 {
            let channel = open_unmasked(&events, &domain, 7);
            channel.notify().unwrap();
            // The port stays open until the end.
            core::mem::forget(channel);
        }
        busy.notify().unwrap();
        done.store(true, SeqCst);
        handler.join().unwrap()
    });
    assert_eq!(delivered.len(), 3001);
}

#[test]
fn switch_keeps_pending_events() {
    let world = World::new(1);
    let domain = world.create(DomainConfig::new("guest"));
    let early = Channel::bind_ipi(domain.clone(), 0).unwrap();
    early.notify().unwrap();
    let events = events(&domain).unwrap();
    assert!(handled(&events).is_empty() && events.is_pending(early.port()));
    events.unmask(early.port()).unwrap();
    assert_eq!(handled(&events), [early.port()]);
}

/// D-E04.
#[test]
fn handler_may_close_two_ports() {
    let (world, domain, events) = domain(1023);
    let channels: Vec<_> = (0..4).map(|_| open_unmasked(&events, &domain, 7)).collect();
    let ports: Vec<_> = channels.iter().map(Channel::port).collect();
    channels.iter().for_each(|channel| channel.notify().unwrap());
    let slots = RefCell::new(channels.into_iter().map(Some).collect::<Vec<_>>());
    let mut order = Vec::new();
    events.on_upcall(0, |port| {
        order.push(port);
        if port == ports[0] {
            for closed in [0, 2] {
                events.closing(ports[closed]);
                slots.borrow_mut()[closed] = None;
            }
        }
    });
    assert_eq!(order, [ports[0], ports[1], ports[3]]);
    assert!(handled(&events).is_empty());
    // The numbers are reused, and the ports are masked.
    let again = open(&events, &domain);
    assert_eq!(again.port(), ports[0]);
    again.notify().unwrap();
    assert!(handled(&events).is_empty() && events.is_pending(again.port()));
    drop((slots, again));
    world.check().unwrap();
}

#[test]
fn port_moves_to_other_vcpu_queue() {
    let (_world, domain, events) = domain(1023);
    assert_eq!(events.add_vcpu(2), Err(Errno::ENOENT));
    events.add_vcpu(1).unwrap();
    events.add_vcpu(1).unwrap();
    let ports: Vec<_> = (0..2)
        .map(|vcpu| {
            let channel = Channel::bind_ipi(domain.clone(), vcpu).unwrap();
            events.unmask(channel.port()).unwrap();
            channel
        })
        .collect();
    ports.iter().for_each(|channel| channel.notify().unwrap());
    let delivered = |vcpu| {
        let mut delivered = Vec::new();
        events.on_upcall(vcpu, |port| delivered.push(port));
        delivered
    };
    assert_eq!((delivered(1), delivered(0)), (vec![ports[1].port()], vec![ports[0].port()]));
    assert_eq!(events.bind_vcpu(ports[0].port(), 1), Err(Errno::EINVAL), "an IPI does not move");
    let (ours, theirs) = pair(&domain);
    events.unmask(ours.port()).unwrap();
    delivered(0);
    events.bind_vcpu(ours.port(), 1).unwrap();
    theirs.notify().unwrap();
    assert_eq!((delivered(0), delivered(1)), (vec![], vec![ours.port()]));
    // Masked ports stay masked.
    events.mask(ours.port());
    theirs.notify().unwrap();
    events.bind_vcpu(ours.port(), 0).unwrap();
    assert_eq!((delivered(0), delivered(1)), (vec![], vec![]));
    events.unmask(ours.port()).unwrap();
    assert_eq!((delivered(0), delivered(1)), (vec![ours.port()], vec![]));
}

/// Opens a connection of the domain with itself.
fn pair(domain: &Domain) -> (Channel<Domain>, Channel<Domain>) {
    let ours = Channel::alloc_unbound(domain.clone(), domain.id()).unwrap();
    let theirs = Channel::bind_interdomain(domain.clone(), domain.id(), ours.port()).unwrap();
    (ours, theirs)
}

#[derive(Default)]
struct Refuse(BTreeMap<u32, Errno>);

impl Interpose for Refuse {
    fn hypercall(&self, call: &Call) -> Option<isize> {
        let refusal =
            self.0.get(&call.command()).filter(|_| call.op == HYPERVISOR_EVENT_CHANNEL_OP)?;
        Some(-(refusal.0 as isize))
    }
}

type Refusing = Interposed<Domain, Refuse>;

fn refusing(command: u32, errno: Errno) -> (World, Result<Events<Refusing>, Errno>) {
    let world = World::new(1);
    let domain = world.create(DomainConfig::new("guest"));
    let events = events(&Interposed::new(domain, Arc::new(Refuse([(command, errno)].into()))));
    (world, events)
}

#[test]
fn xen_without_fifo_uses_two_level() {
    for errno in [Errno::ENOSYS, Errno::EOPNOTSUPP, Errno::EPERM, Errno::EINVAL] {
        let (_world, events) = refusing(EVTCHNOP_INIT_CONTROL, errno);
        let events = events.unwrap();
        assert_eq!(events.abi(), Abi::TwoLevel);
        let counters = events.shared_info().platform().inner().counters();
        let used = counters.pages_allocated - counters.pages_freed;
        assert_eq!(used, 2, "shared info's and vCPU 0's");
        works(&events, &events.shared_info().platform().clone());
    }
}

#[test]
fn refused_array_page_is_an_error() {
    assert_eq!(refusing(EVTCHNOP_EXPAND_ARRAY, Errno::ENOMEM).1.err(), Some(Errno::ENOMEM));
}

/// Platform that reads each page when it is registered with Xen.
struct Inspect(Domain, AtomicU32);

impl Interpose for Inspect {
    fn hypercall(&self, call: &Call) -> Option<isize> {
        let array = match (call.op, call.command()) {
            (HYPERVISOR_EVENT_CHANNEL_OP, EVTCHNOP_EXPAND_ARRAY) => true,
            (HYPERVISOR_EVENT_CHANNEL_OP, EVTCHNOP_INIT_CONTROL) => false,
            _ => return None,
        };
        // SAFETY: both structures begin with the frame, and the caller's structure lives during the
        // call.
        let gfn = unsafe { core::ptr::with_exposed_provenance::<u64>(call.args[1]).read() };
        // SAFETY: the frame is RAM of the domain, which its owner accesses by atomics only.
        let page = unsafe { Mapped::map(self.0.clone(), Gfn(gfn), 1) }.unwrap();
        let words = (0..if array { 4096 } else { 72 })
            .step_by(4)
            .map(|at| page.as_ref().u32_at(at).unwrap());
        let expected = if array { 1 << EVTCHN_FIFO_MASKED } else { 0 };
        assert!(
            words.into_iter().all(|word| word.load(SeqCst) == expected),
            "{call:?}: not ready for Xen"
        );
        self.1.fetch_add(1, SeqCst);
        None
    }
}

#[test]
fn new_pages_are_initialized_before_xen() {
    let world = World::new(1);
    let domain = world.create(DomainConfig { vcpus: 2, ..DomainConfig::new("guest") });
    let inspect = Arc::new(Inspect(domain.clone(), AtomicU32::new(0)));
    let platform = Interposed::new(domain.clone(), Arc::clone(&inspect));
    let events = events(&platform).unwrap();
    events.add_vcpu(1).unwrap();
    events.opened(Port(5000), 0).unwrap();
    assert_eq!(inspect.1.load(SeqCst), 2 + 5);
    // Ports in use as well.
    let channel = Channel::bind_ipi(platform, 0).unwrap();
    events.unmask(channel.port()).unwrap();
    channel.notify().unwrap();
    core::mem::forget(channel);
    events.reset().unwrap();
    assert_eq!(inspect.1.load(SeqCst), 2 * (2 + 5));
}

#[test]
fn refused_priority_is_an_error() {
    let (_world, domain, events) = domain(1023);
    let channel = open(&events, &domain);
    assert_eq!(channel.set_priority(16), Err(Errno::EINVAL));
    let plain = World::new(1).create(DomainConfig::new("guest"));
    let channel = Channel::bind_ipi(plain, 0).unwrap();
    assert_eq!(channel.set_priority(3), Err(Errno::ENOSYS));
}

#[test]
fn format_changes_with_vcpus_and_ports() {
    let world = World::new(1);
    let config = DomainConfig { vcpus: 3, max_port: 4095, ..DomainConfig::new("guest") };
    let domain = world.create_guest(config);
    let shared_info = xen_hypercall::boot::shared_info(domain.clone()).unwrap();
    let events = EventChannels::new(domain.clone(), shared_info);
    events.add_vcpu(1).unwrap();
    let exchange = |events: &EventChannels<Domain, Mapped<Domain>>| {
        for vcpu in [0, 1] {
            let channel = Channel::bind_ipi(domain.clone(), vcpu).unwrap();
            events.opened(channel.port(), vcpu).unwrap();
            events.unmask(channel.port()).unwrap();
            for _ in 0..3 {
                channel.notify().unwrap();
                let mut taken = Vec::new();
                events.on_upcall(1 - vcpu, |port| taken.push(port));
                assert_eq!(taken, [], "the other vCPU");
                events.on_upcall(vcpu, |port| taken.push(port));
                assert_eq!(taken, [channel.port()]);
            }
        }
    };
    exchange(&events);
    // This one stays open, with an event.
    let old = Channel::bind_ipi(domain.clone(), 0).unwrap();
    old.notify().unwrap();
    assert_eq!((events.use_fifo(), events.abi()), (Ok(true), Abi::Fifo));
    exchange(&events);
    events.add_vcpu(2).unwrap();
    exchange(&events);
    assert_eq!(events.use_fifo(), Ok(true), "again");
    let late = EventChannels::new(domain.clone(), events.shared_info());
    assert_eq!(late.use_fifo(), Err(Errno::EEXIST));
}
