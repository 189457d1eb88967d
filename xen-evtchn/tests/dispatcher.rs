//! Handlers, masks with reasons, and storms, against a simulated Xen.
#![cfg(not(loom))]

use core::time::Duration;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use xen_evtchn::{Abi, Channel, Eoi, Event, EventChannels, EventDispatcher};
use xen_hypercall::{Errno, Instant, Mapped, Port, boot};
use xen_sim::{Domain, DomainConfig, World};

/// vCPUs of a guest.
const VCPUS: u32 = 4;

type Events = EventChannels<Domain, Mapped<Domain>>;

struct Guest {
    _world: World,
    domain: Domain,
    peer: Domain,
    events: Events,
    lines: EventDispatcher<4>,
    /// The latest event of each port.
    last: Mutex<BTreeMap<Port, Event>>,
}

/// A channel of a guest, and its peer's end.
struct Connection {
    ours: Channel<Domain>,
    theirs: Channel<Domain>,
}

fn guest(abi: Abi) -> Guest {
    let world = World::new(1);
    let mut config = DomainConfig::new("guest");
    config.vcpus = VCPUS;
    let (domain, peer) = (world.create(config), world.create(DomainConfig::new("peer")));
    let shared_info = boot::shared_info(domain.clone()).unwrap();
    let events = match abi {
        Abi::TwoLevel => EventChannels::new(domain.clone(), shared_info),
        Abi::Fifo => EventChannels::with_fifo(domain.clone(), shared_info).unwrap(),
    };
    assert_eq!(events.abi(), abi);
    (1..VCPUS).for_each(|vcpu| events.add_vcpu(vcpu).unwrap());
    Guest {
        _world: world,
        domain,
        peer,
        events,
        lines: EventDispatcher::new(),
        last: Mutex::default(),
    }
}

impl Guest {
    fn connect(&self) -> Connection {
        let ours = Channel::alloc_unbound(self.domain.clone(), self.peer.id()).unwrap();
        let theirs =
            Channel::bind_interdomain(self.peer.clone(), self.domain.id(), ours.port()).unwrap();
        self.events.opened(ours.port(), 0).unwrap();
        Connection { ours, theirs }
    }

    /// Makes a connection whose events are delivered, and its port.
    fn bound(&self) -> (Connection, Port) {
        let connection = self.connect();
        let port = connection.ours.port();
        self.lines.bind(&self.events, port).unwrap();
        (connection, port)
    }

    /// Runs an upcall of `vcpu` with a handler that leaves the end for later.
    fn delivered(&self, vcpu: u32) -> Vec<Port> {
        let mut delivered = Vec::new();
        self.lines.on_upcall(&self.events, vcpu, |event| {
            self.last.lock().unwrap().insert(event.port(), event);
            delivered.push(event.port());
        });
        delivered
    }

    /// Ends the handling of the latest event of `port`.
    fn eoi(&self, port: Port, work: Eoi, now: Instant) -> Option<Instant> {
        let event = self.last.lock().unwrap()[&port];
        self.end_event(event, work, now)
    }

    /// Lets events come without work until `port` has to wait, and returns until when.
    fn delay(&self, connection: &Connection, now: Instant) -> Instant {
        let port = connection.ours.port();
        for _ in 0..4 {
            connection.theirs.notify().unwrap();
            assert_eq!(self.delivered(0), [port]);
            assert_eq!(self.eoi(port, Eoi::Spurious, now), None);
        }
        connection.theirs.notify().unwrap();
        assert_eq!(self.delivered(0), [port]);
        self.eoi(port, Eoi::Spurious, now).unwrap()
    }

    fn end_event(&self, event: Event, work: Eoi, now: Instant) -> Option<Instant> {
        self.lines.eoi(&self.events, event, work, now).unwrap()
    }
}

const START: Instant = Instant::from_nanos(1_000_000_000);

fn in_both(test: impl Fn(&Guest)) {
    for abi in [Abi::TwoLevel, Abi::Fifo] {
        test(&guest(abi));
    }
}

#[test]
fn d_e01_a_million_events_without_work_cost_next_to_nothing_and_others_go_on() {
    const STORM: u64 = if cfg!(miri) { 3_000 } else { 1_000_000 };
    in_both(|guest| {
        let (storm, other) = (guest.connect(), guest.connect());
        for connection in [&storm, &other] {
            guest.lines.bind(&guest.events, connection.ours.port()).unwrap();
        }
        let (mut runs, mut served, mut timer) = (0u64, 0u64, None);
        // An event each 10 µs: ten seconds.
        let at = |n: u64| START + Duration::from_micros(10 * n);
        let mut round = |n: u64, storm_work: Eoi, timer: &mut Option<Instant>| {
            let now = at(n);
            if timer.is_some_and(|at| at <= now) {
                *timer = guest.lines.expire(&guest.events, now);
            }
            let mut served_now = false;
            guest.lines.on_upcall(&guest.events, 0, |event| {
                let port = event.port();
                let (count, work) = if port == storm.ours.port() {
                    (&mut runs, storm_work)
                } else {
                    (&mut served, Eoi::Handled)
                };
                *count += 1;
                served_now |= port == other.ours.port();
                if let Some(until) = guest.end_event(event, work, now) {
                    *timer = Some(timer.map_or(until, |timer: Instant| timer.min(until)));
                }
            });
            (runs, served, served_now)
        };
        for n in 0..STORM {
            storm.theirs.notify().unwrap();
            if n % 100 == 0 {
                other.theirs.notify().unwrap();
            }
            let (.., served_now) = round(n, Eoi::Spurious, &mut timer);
            assert_eq!(served_now, n % 100 == 0, "the other port is served at once, storm or not");
        }
        let (runs, served, _) = round(STORM, Eoi::Spurious, &mut timer);
        let seconds = 10 * STORM / 1_000_000;
        assert!(runs <= 4 + 11 + seconds + 1, "delivered {runs} times in {seconds} s");
        assert_eq!(served, STORM.div_ceil(100));
        // Normal traffic: the first event with work waits for a second at most, the others not at
        // all.
        let n = STORM + 110_000;
        storm.theirs.notify().unwrap();
        let (first, ..) = round(n, Eoi::Handled, &mut timer);
        assert!(first > runs, "delivered again a second after the storm");
        for more in 1..=100 {
            storm.theirs.notify().unwrap();
            assert_eq!(round(n + more, Eoi::Handled, &mut timer).0, first + more);
        }
    });
}

#[test]
fn an_event_before_its_handler_is_bound_is_kept_for_it() {
    in_both(|guest| {
        let connection = guest.connect();
        let port = connection.ours.port();
        connection.theirs.notify().unwrap();
        // Unmasked, with nobody there: as a port is whose number was open and unmasked before.
        guest.events.unmask(port).unwrap();
        assert!(guest.delivered(0).is_empty());
        assert!(guest.delivered(0).is_empty(), "it is masked now");
        guest.lines.bind(&guest.events, port).unwrap();
        assert_eq!(guest.delivered(0), [port]);
        guest.eoi(port, Eoi::Handled, START);
        assert!(guest.delivered(0).is_empty());
    });
}

#[test]
fn kept_event_waits_for_the_unmask() {
    in_both(|guest| {
        let (connection, port) = guest.bound();
        let delivered = || {
            let mut delivered = Vec::new();
            guest.events.on_upcall(0, |port| delivered.push(port));
            delivered
        };
        guest.events.set_pending_masked(port);
        assert!(guest.events.is_pending(port) && delivered().is_empty());
        guest.events.unmask(port).unwrap();
        assert_eq!(delivered(), [port]);
        // No event that follows comes before that either.
        guest.events.set_pending_masked(port);
        assert!(guest.events.take_pending(port));
        connection.theirs.notify().unwrap();
        assert!(delivered().is_empty());
        guest.events.unmask(port).unwrap();
        assert_eq!(delivered(), [port]);
    });
}

#[test]
fn d_e02_events_of_ports_that_nobody_handles_are_counted_and_masked() {
    in_both(|guest| {
        let (bound, stranger) = (guest.connect(), guest.connect());
        guest.lines.bind(&guest.events, bound.ours.port()).unwrap();
        guest.events.unmask(stranger.ours.port()).unwrap();
        for _ in 0..5 {
            stranger.theirs.notify().unwrap();
            assert!(guest.delivered(0).is_empty());
        }
        assert_eq!(guest.lines.unhandled(), 1, "masked after the first");
        bound.theirs.notify().unwrap();
        assert_eq!(guest.delivered(0), [bound.ours.port()]);
        bound.theirs.notify().unwrap();
        assert!(guest.delivered(0).is_empty());
        assert_eq!(guest.lines.unhandled(), 1);
    });
}

#[test]
fn an_event_of_a_port_beyond_the_table_is_kept_masked() {
    in_both(|guest| {
        let connections: Vec<_> = (0..256).map(|_| guest.connect()).collect();
        let beyond = connections.last().unwrap();
        let port = beyond.ours.port();
        assert!(port.0 >= 256);
        assert_eq!(guest.lines.bind(&guest.events, port), Err(Errno::EINVAL));
        guest.events.unmask(port).unwrap();
        beyond.theirs.notify().unwrap();
        assert!(guest.delivered(0).is_empty() && guest.events.is_pending(port));
        assert!(guest.delivered(0).is_empty());
        guest.events.unmask(port).unwrap();
        let mut delivered = Vec::new();
        guest.events.on_upcall(0, |port| delivered.push(port));
        assert_eq!(delivered, [port]);
    });
}

#[test]
fn a_port_is_told_again_only_after_its_end() {
    in_both(|guest| {
        let (connection, port) = guest.bound();
        connection.theirs.notify().unwrap();
        assert_eq!(guest.delivered(0), [port]);
        for _ in 0..3 {
            connection.theirs.notify().unwrap();
            assert!(guest.delivered(0).is_empty());
        }
        assert_eq!(guest.eoi(port, Eoi::Handled, START), None);
        assert_eq!(guest.delivered(0), [port]);
        assert_eq!(guest.eoi(port, Eoi::Handled, START), None);
        assert_eq!(guest.eoi(port, Eoi::Handled, START), None, "an end without a beginning");
        assert!(guest.delivered(0).is_empty());
        // Within the handler as well.
        let mut delivered = 0;
        connection.theirs.notify().unwrap();
        guest.lines.on_upcall(&guest.events, 0, |event| {
            delivered += 1;
            if delivered == 1 {
                connection.theirs.notify().unwrap();
                guest.end_event(event, Eoi::Handled, START);
            }
        });
        delivered += guest.delivered(0).len();
        assert_eq!(delivered, 2);
    });
}

#[test]
fn each_reason_for_a_mask_holds_by_itself() {
    in_both(|guest| {
        let connection = guest.connect();
        let port = connection.ours.port();
        let (lines, events) = (&guest.lines, &guest.events);
        lines.mask(events, port);
        lines.bind(events, port).unwrap();
        connection.theirs.notify().unwrap();
        assert!(guest.delivered(0).is_empty(), "bound, but masked");
        lines.unmask(events, port).unwrap();
        assert_eq!(guest.delivered(0), [port]);
        connection.theirs.notify().unwrap();
        lines.mask(events, port);
        lines.unmask(events, port).unwrap();
        assert!(guest.delivered(0).is_empty(), "unmasked, but handled");
        lines.mask(events, port);
        guest.eoi(port, Eoi::Handled, START);
        assert!(guest.delivered(0).is_empty(), "ended, but masked");
        lines.unmask(events, port).unwrap();
        assert_eq!(guest.delivered(0), [port]);
        lines.unbind(events, port);
        guest.eoi(port, Eoi::Handled, START);
        connection.theirs.notify().unwrap();
        assert!(guest.delivered(0).is_empty(), "ended, but unbound");
    });
}

#[test]
fn a_port_that_moves_is_told_on_the_other_vcpu_after_its_end() {
    in_both(|guest| {
        let (connection, port) = guest.bound();
        connection.theirs.notify().unwrap();
        assert_eq!(guest.delivered(0), [port]);
        guest.lines.bind_vcpu(&guest.events, port, 1).unwrap();
        connection.theirs.notify().unwrap();
        assert!(guest.delivered(1).is_empty(), "the first handler still runs");
        guest.eoi(port, Eoi::Handled, START);
        assert!(guest.delivered(0).is_empty());
        assert_eq!(guest.delivered(1), [port]);
        guest.eoi(port, Eoi::Handled, START);
        assert_eq!(guest.lines.bind_vcpu(&guest.events, port, VCPUS), Err(Errno::ENOENT));
        connection.theirs.notify().unwrap();
        assert!(guest.delivered(0).is_empty());
        assert_eq!(guest.delivered(1), [port], "it did not move, and is not masked");
    });
}

#[test]
fn a_wait_ends_for_a_port_that_was_bound_anew() {
    in_both(|guest| {
        let (connection, port) = guest.bound();
        let until = guest.delay(&connection, START);
        assert_eq!(guest.lines.expire(&guest.events, START), Some(until));
        assert_eq!(
            guest.lines.expire(&guest.events, START),
            Some(until),
            "looking does not forget it"
        );
        guest.lines.unbind(&guest.events, port);
        connection.theirs.notify().unwrap();
        guest.lines.bind(&guest.events, port).unwrap();
        assert_eq!(guest.delivered(0), [port], "a new handler owes nothing");
        guest.eoi(port, Eoi::Handled, START);
        assert_eq!(guest.lines.expire(&guest.events, until), None);
        guest.lines.reset();
        connection.theirs.notify().unwrap();
        assert!(guest.delivered(0).is_empty());
    });
}

#[test]
fn waits_end_in_order_in_any_group() {
    in_both(|guest| {
        let filler: Vec<_> = (0..62).map(|_| guest.connect()).collect();
        let [first, second, third] = core::array::from_fn(|_| guest.bound());
        let more: Vec<_> = (0..100).map(|_| guest.connect()).collect();
        let (fourth, last) = guest.bound();
        assert_eq!([first.1, second.1, third.1, last].map(|port| port.0 / 64), [0, 1, 1, 2]);
        let connections = [&second.0, &fourth, &first.0, &third.0];
        let ports = connections.map(|connection| connection.ours.port());
        let at = |micros| START + Duration::from_micros(micros);
        let waits = [0, 1, 2, 3].map(|n| guest.delay(connections[n], at(250 * n as u64)));
        // Ends are whole milliseconds.
        assert_eq!(waits, [1, 2, 2, 2].map(|millis| START + Duration::from_millis(millis)));
        connections.iter().for_each(|connection| connection.theirs.notify().unwrap());
        let expire = |micros| guest.lines.expire(&guest.events, at(micros));
        assert_eq!(expire(999), Some(waits[0]));
        assert!(guest.delivered(0).is_empty());
        assert_eq!(expire(1000), Some(waits[1]));
        assert_eq!(guest.delivered(0), [ports[0]]);
        assert_eq!(expire(1999), Some(waits[1]));
        assert!(guest.delivered(0).is_empty());
        assert_eq!(expire(2000), None);
        let mut delivered = guest.delivered(0);
        delivered.sort_unstable();
        assert_eq!(delivered, [ports[2], ports[3], ports[1]]);
        drop((filler, more));
    });
}

#[test]
fn d_e04_a_handler_closes_its_own_port_and_the_number_is_used_anew() {
    in_both(|guest| {
        let (connection, port) = guest.bound();
        connection.theirs.notify().unwrap();
        let slot = RefCell::new(Some(connection.ours));
        let mut delivered = None;
        guest.lines.on_upcall(&guest.events, 0, |event| {
            guest.lines.unbind(&guest.events, event.port());
            slot.borrow_mut().take();
            delivered = Some(event);
        });
        assert!(slot.borrow().is_none());
        assert_eq!(guest.end_event(delivered.unwrap(), Eoi::Handled, START), None);
        let again = guest.connect();
        assert_eq!(again.ours.port(), port);
        again.theirs.notify().unwrap();
        assert!(guest.delivered(0).is_empty());
        guest.lines.bind(&guest.events, port).unwrap();
        assert_eq!(guest.delivered(0), [port]);
    });
}

#[test]
fn no_two_vcpus_handle_one_port_at_the_same_time_and_nothing_is_lost() {
    const EVENTS: u64 = if cfg!(miri) { 20 } else { 5_000 };
    in_both(|guest| {
        let connections: Vec<_> = (0..8).map(|_| guest.connect()).collect();
        let ports: BTreeMap<_, _> = connections.iter().map(|c| c.ours.port()).zip(0..).collect();
        let running = [const { AtomicBool::new(false) }; 8];
        let (sent, seen) = ([const { AtomicU64::new(0) }; 8], [const { AtomicU64::new(0) }; 8]);
        ports.keys().for_each(|&port| guest.lines.bind(&guest.events, port).unwrap());
        let done = AtomicBool::new(false);
        let vcpu = |vcpu: u32| {
            loop {
                let last = done.load(SeqCst);
                guest.lines.on_upcall(&guest.events, vcpu, |event| {
                    let port = event.port();
                    let index: usize = ports[&port];
                    assert!(!running[index].swap(true, SeqCst), "another vCPU handles {port}");
                    seen[index].store(sent[index].load(SeqCst), SeqCst);
                    assert!(running[index].swap(false, SeqCst));
                    guest.end_event(event, Eoi::Handled, START);
                });
                if last {
                    return;
                }
            }
        };
        std::thread::scope(|scope| {
            for index in 0..VCPUS {
                scope.spawn(move || vcpu(index));
            }
            for n in 0..EVENTS {
                let index = (n % 8) as usize;
                sent[index].fetch_add(1, SeqCst);
                connections[index].theirs.notify().unwrap();
                if n % 7 == 0 {
                    let port = connections[(n / 7 % 8) as usize].ours.port();
                    guest
                        .lines
                        .bind_vcpu(&guest.events, port, (n / 56 % u64::from(VCPUS)) as u32)
                        .unwrap();
                }
            }
            done.store(true, SeqCst);
        });
        // What came while a port moved for the last time may wait at any.
        (0..VCPUS).for_each(vcpu);
        for (sent, seen) in sent.iter().zip(&seen) {
            assert_eq!(
                sent.load(SeqCst),
                seen.load(SeqCst),
                "the last event of a port was not seen"
            );
        }
    });
}

#[test]
fn late_end_spares_the_next_owner() {
    in_both(|guest| {
        let (connection, port) = guest.bound();
        connection.theirs.notify().unwrap();
        assert_eq!(guest.delivered(0), [port]);
        let late = guest.last.lock().unwrap()[&port];
        // The first handler runs on, while its port is closed, and opened by another driver.
        guest.lines.unbind(&guest.events, port);
        drop(connection);
        let (next, again) = guest.bound();
        assert_eq!(again, port);
        next.theirs.notify().unwrap();
        assert_eq!(guest.delivered(0), [port]);
        let current = guest.last.lock().unwrap()[&port];
        assert_ne!(late, current);
        for work in [Eoi::Handled, Eoi::Spurious] {
            assert_eq!(guest.end_event(late, work, START), None);
            next.theirs.notify().unwrap();
            assert!(
                (0..VCPUS).all(|vcpu| guest.delivered(vcpu).is_empty()),
                "two handlers of one port at once"
            );
        }
        guest.end_event(current, Eoi::Handled, START);
        assert_eq!(guest.delivered(0), [port]);
    });
}

#[test]
fn storm_with_work_ends_the_upcall() {
    in_both(|guest| {
        let bound: Vec<_> = (0..2).map(|_| guest.bound()).collect();
        bound.iter().for_each(|(connection, _)| connection.theirs.notify().unwrap());
        let mut delivered = 0;
        guest.lines.on_upcall(&guest.events, 0, |event| {
            delivered += 1;
            assert!(delivered <= 10_000, "an upcall without an end");
            let (connection, _) = bound.iter().find(|(_, port)| *port == event.port()).unwrap();
            connection.theirs.notify().unwrap();
            guest.end_event(event, Eoi::Handled, START);
        });
        let mut rest = guest.delivered(0);
        rest.sort_unstable();
        assert_eq!(rest, bound.iter().map(|(_, port)| *port).collect::<Vec<_>>());
    });
}

#[test]
fn unbind_masks_the_port() {
    in_both(|guest| {
        let (connection, port) = guest.bound();
        guest.lines.unbind(&guest.events, port);
        connection.theirs.notify().unwrap();
        assert!(guest.delivered(0).is_empty());
        assert_eq!(guest.lines.unhandled(), 0, "masked, so no event comes");
        assert!(guest.events.is_pending(port));
        guest.lines.bind(&guest.events, port).unwrap();
        assert_eq!(guest.delivered(0), [port]);
    });
}

#[test]
fn drained_vcpu_tells_its_ports() {
    in_both(|guest| {
        let (connection, port) = guest.bound();
        guest.lines.bind_vcpu(&guest.events, port, 1).unwrap();
        connection.theirs.notify().unwrap();
        guest.lines.bind_vcpu(&guest.events, port, 0).unwrap();
        let mut delivered = Vec::new();
        guest.lines.drain_vcpu(&guest.events, 1, |event| delivered.push(event));
        guest.lines.on_upcall(&guest.events, 0, |event| delivered.push(event));
        assert_eq!(delivered.iter().map(|event| event.port()).collect::<Vec<_>>(), [port]);
        guest.end_event(delivered[0], Eoi::Handled, START);
        connection.theirs.notify().unwrap();
        assert_eq!(guest.delivered(0), [port]);
    });
}
