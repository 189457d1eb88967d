//! Handlers, mask reasons and storms, against a simulated Xen.
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
    dispatcher: EventDispatcher<4>,
    /// Latest event of each port.
    last: Mutex<BTreeMap<Port, Event>>,
}

/// Channel of a guest, and its peer's end.
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
        dispatcher: EventDispatcher::new(),
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

    /// Makes a connection with a bound port, and returns both.
    fn bound(&self) -> (Connection, Port) {
        let connection = self.connect();
        let port = connection.ours.port();
        self.dispatcher.bind(&self.events, port).unwrap();
        (connection, port)
    }

    /// Runs an upcall of `vcpu` whose handler leaves the end of interrupt for later.
    fn delivered(&self, vcpu: u32) -> Vec<Port> {
        let mut delivered = Vec::new();
        self.dispatcher.on_upcall(&self.events, vcpu, |event| {
            self.last.lock().unwrap().insert(event.port(), event);
            delivered.push(event.port());
        });
        delivered
    }

    /// Ends the handling of the latest event of `port`.
    fn eoi(&self, port: Port, found: Eoi, now: Instant) -> Option<Instant> {
        let event = self.last.lock().unwrap()[&port];
        self.end_event(event, found, now)
    }

    /// Sends spurious events until `port` is delayed, and returns the end of the delay.
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

    fn end_event(&self, event: Event, found: Eoi, now: Instant) -> Option<Instant> {
        self.dispatcher.eoi(&self.events, event, found, now).unwrap()
    }
}

const START: Instant = Instant::from_nanos(1_000_000_000);

fn in_both(test: impl Fn(&Guest)) {
    for abi in [Abi::TwoLevel, Abi::Fifo] {
        test(&guest(abi));
    }
}

/// D-E01.
#[test]
fn storm_is_throttled_for_one_port() {
    const STORM: u64 = if cfg!(miri) { 3_000 } else { 1_000_000 };
    in_both(|guest| {
        let (storm, other) = (guest.connect(), guest.connect());
        for connection in [&storm, &other] {
            guest.dispatcher.bind(&guest.events, connection.ours.port()).unwrap();
        }
        let (mut runs, mut served, mut timer) = (0u64, 0u64, None);
        // An event each 10 µs, for ten seconds.
        let at = |n: u64| START + Duration::from_micros(10 * n);
        let mut round = |n: u64, storm_found: Eoi, timer: &mut Option<Instant>| {
            let now = at(n);
            if timer.is_some_and(|at| at <= now) {
                *timer = guest.dispatcher.expire(&guest.events, now);
            }
            let mut served_now = false;
            guest.dispatcher.on_upcall(&guest.events, 0, |event| {
                let port = event.port();
                let (count, found) = if port == storm.ours.port() {
                    (&mut runs, storm_found)
                } else {
                    (&mut served, Eoi::Handled)
                };
                *count += 1;
                served_now |= port == other.ours.port();
                if let Some(until) = guest.end_event(event, found, now) {
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
            assert_eq!(
                served_now,
                n % 100 == 0,
                "the other port is served at once, also during the storm"
            );
        }
        let (runs, served, _) = round(STORM, Eoi::Spurious, &mut timer);
        let seconds = 10 * STORM / 1_000_000;
        assert!(runs <= 4 + 11 + seconds + 1, "delivered {runs} times in {seconds} s");
        assert_eq!(served, STORM.div_ceil(100));
        // Normal traffic: the first event with work waits at most a second, the others do not wait.
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
fn early_event_is_kept_for_handler() {
    in_both(|guest| {
        let connection = guest.connect();
        let port = connection.ours.port();
        connection.theirs.notify().unwrap();
        // Unmasked without a handler, like a port whose number was open and unmasked before.
        guest.events.unmask(port).unwrap();
        assert!(guest.delivered(0).is_empty());
        assert!(guest.delivered(0).is_empty(), "the port is masked now");
        guest.dispatcher.bind(&guest.events, port).unwrap();
        assert_eq!(guest.delivered(0), [port]);
        guest.eoi(port, Eoi::Handled, START);
        assert!(guest.delivered(0).is_empty());
    });
}

#[test]
fn kept_event_waits_for_unmask() {
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
        // A later event does not come before the unmask either.
        guest.events.set_pending_masked(port);
        assert!(guest.events.take_pending(port));
        connection.theirs.notify().unwrap();
        assert!(delivered().is_empty());
        guest.events.unmask(port).unwrap();
        assert_eq!(delivered(), [port]);
    });
}

/// D-E02.
#[test]
fn unhandled_event_is_counted_and_masked() {
    in_both(|guest| {
        let (bound, stranger) = (guest.connect(), guest.connect());
        guest.dispatcher.bind(&guest.events, bound.ours.port()).unwrap();
        guest.events.unmask(stranger.ours.port()).unwrap();
        for _ in 0..5 {
            stranger.theirs.notify().unwrap();
            assert!(guest.delivered(0).is_empty());
        }
        assert_eq!(guest.dispatcher.unhandled(), 1, "masked after the first");
        bound.theirs.notify().unwrap();
        assert_eq!(guest.delivered(0), [bound.ours.port()]);
        bound.theirs.notify().unwrap();
        assert!(guest.delivered(0).is_empty());
        assert_eq!(guest.dispatcher.unhandled(), 1);
    });
}

#[test]
fn event_beyond_table_is_kept_masked() {
    in_both(|guest| {
        let connections: Vec<_> = (0..256).map(|_| guest.connect()).collect();
        let beyond = connections.last().unwrap();
        let port = beyond.ours.port();
        assert!(port.0 >= 256);
        assert_eq!(guest.dispatcher.bind(&guest.events, port), Err(Errno::EINVAL));
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
fn port_is_delivered_again_after_eoi() {
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
        assert_eq!(
            guest.eoi(port, Eoi::Handled, START),
            None,
            "an end of interrupt without an event"
        );
        assert!(guest.delivered(0).is_empty());
        // Within the handler as well.
        let mut delivered = 0;
        connection.theirs.notify().unwrap();
        guest.dispatcher.on_upcall(&guest.events, 0, |event| {
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
fn mask_reasons_are_independent() {
    in_both(|guest| {
        let connection = guest.connect();
        let port = connection.ours.port();
        let (dispatcher, events) = (&guest.dispatcher, &guest.events);
        dispatcher.mask(events, port);
        dispatcher.bind(events, port).unwrap();
        connection.theirs.notify().unwrap();
        assert!(guest.delivered(0).is_empty(), "bound, but masked");
        dispatcher.unmask(events, port).unwrap();
        assert_eq!(guest.delivered(0), [port]);
        connection.theirs.notify().unwrap();
        dispatcher.mask(events, port);
        dispatcher.unmask(events, port).unwrap();
        assert!(guest.delivered(0).is_empty(), "unmasked, but handled");
        dispatcher.mask(events, port);
        guest.eoi(port, Eoi::Handled, START);
        assert!(guest.delivered(0).is_empty(), "ended, but masked");
        dispatcher.unmask(events, port).unwrap();
        assert_eq!(guest.delivered(0), [port]);
        dispatcher.unbind(events, port);
        guest.eoi(port, Eoi::Handled, START);
        connection.theirs.notify().unwrap();
        assert!(guest.delivered(0).is_empty(), "ended, but unbound");
    });
}

#[test]
fn moved_port_is_delivered_after_eoi() {
    in_both(|guest| {
        let (connection, port) = guest.bound();
        connection.theirs.notify().unwrap();
        assert_eq!(guest.delivered(0), [port]);
        guest.dispatcher.bind_vcpu(&guest.events, port, 1).unwrap();
        connection.theirs.notify().unwrap();
        assert!(guest.delivered(1).is_empty(), "the first handler still runs");
        guest.eoi(port, Eoi::Handled, START);
        assert!(guest.delivered(0).is_empty());
        assert_eq!(guest.delivered(1), [port]);
        guest.eoi(port, Eoi::Handled, START);
        assert_eq!(guest.dispatcher.bind_vcpu(&guest.events, port, VCPUS), Err(Errno::ENOENT));
        connection.theirs.notify().unwrap();
        assert!(guest.delivered(0).is_empty());
        assert_eq!(guest.delivered(1), [port], "the port did not move and is not masked");
    });
}

#[test]
fn bind_ends_delay() {
    in_both(|guest| {
        let (connection, port) = guest.bound();
        assert!(!guest.dispatcher.has_delays());
        let until = guest.delay(&connection, START);
        assert!(guest.dispatcher.has_delays());
        assert_eq!(guest.dispatcher.expire(&guest.events, START), Some(until));
        assert_eq!(
            guest.dispatcher.expire(&guest.events, START),
            Some(until),
            "the delay is still recorded"
        );
        guest.dispatcher.unbind(&guest.events, port);
        connection.theirs.notify().unwrap();
        guest.dispatcher.bind(&guest.events, port).unwrap();
        assert_eq!(guest.delivered(0), [port], "a new handler has no delay");
        guest.eoi(port, Eoi::Handled, START);
        assert_eq!(guest.dispatcher.expire(&guest.events, until), None);
        assert!(!guest.dispatcher.has_delays());
        guest.dispatcher.reset();
        connection.theirs.notify().unwrap();
        assert!(guest.delivered(0).is_empty());
    });
}

#[test]
fn delays_end_in_order() {
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
        // Delays end at whole milliseconds.
        assert_eq!(waits, [1, 2, 2, 2].map(|millis| START + Duration::from_millis(millis)));
        connections.iter().for_each(|connection| connection.theirs.notify().unwrap());
        let expire = |micros| guest.dispatcher.expire(&guest.events, at(micros));
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

/// D-E04.
#[test]
fn handler_closes_reused_port() {
    in_both(|guest| {
        let (connection, port) = guest.bound();
        connection.theirs.notify().unwrap();
        let slot = RefCell::new(Some(connection.ours));
        let mut delivered = None;
        guest.dispatcher.on_upcall(&guest.events, 0, |event| {
            guest.dispatcher.unbind(&guest.events, event.port());
            slot.borrow_mut().take();
            delivered = Some(event);
        });
        assert!(slot.borrow().is_none());
        assert_eq!(guest.end_event(delivered.unwrap(), Eoi::Handled, START), None);
        let again = guest.connect();
        assert_eq!(again.ours.port(), port);
        again.theirs.notify().unwrap();
        assert!(guest.delivered(0).is_empty());
        guest.dispatcher.bind(&guest.events, port).unwrap();
        assert_eq!(guest.delivered(0), [port]);
    });
}

#[test]
fn handlers_of_port_never_overlap() {
    const EVENTS: u64 = if cfg!(miri) { 20 } else { 5_000 };
    in_both(|guest| {
        let connections: Vec<_> = (0..8).map(|_| guest.connect()).collect();
        let ports: BTreeMap<_, _> = connections.iter().map(|c| c.ours.port()).zip(0..).collect();
        let running = [const { AtomicBool::new(false) }; 8];
        let (sent, seen) = ([const { AtomicU64::new(0) }; 8], [const { AtomicU64::new(0) }; 8]);
        ports.keys().for_each(|&port| guest.dispatcher.bind(&guest.events, port).unwrap());
        let done = AtomicBool::new(false);
        let vcpu = |vcpu: u32| {
            loop {
                let last = done.load(SeqCst);
                guest.dispatcher.on_upcall(&guest.events, vcpu, |event| {
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
                        .dispatcher
                        .bind_vcpu(&guest.events, port, (n / 56 % u64::from(VCPUS)) as u32)
                        .unwrap();
                }
            }
            done.store(true, SeqCst);
        });
        // Events that came during a port's last move may be pending on any vCPU.
        (0..VCPUS).for_each(vcpu);
        for (sent, seen) in sent.iter().zip(&seen) {
            assert_eq!(sent.load(SeqCst), seen.load(SeqCst), "the last event of a port was lost");
        }
    });
}

#[test]
fn late_eoi_keeps_new_event() {
    in_both(|guest| {
        let (connection, port) = guest.bound();
        connection.theirs.notify().unwrap();
        assert_eq!(guest.delivered(0), [port]);
        let late = guest.last.lock().unwrap()[&port];
        // The first handler is still running while its port is closed and opened by another driver.
        guest.dispatcher.unbind(&guest.events, port);
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
        guest.dispatcher.on_upcall(&guest.events, 0, |event| {
            delivered += 1;
            assert!(delivered <= 10_000, "the upcall does not end");
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
        guest.dispatcher.unbind(&guest.events, port);
        connection.theirs.notify().unwrap();
        assert!(guest.delivered(0).is_empty());
        assert_eq!(guest.dispatcher.unhandled(), 0, "masked, so no event comes");
        assert!(guest.events.is_pending(port));
        guest.dispatcher.bind(&guest.events, port).unwrap();
        assert_eq!(guest.delivered(0), [port]);
    });
}

#[test]
fn drained_vcpu_delivers_its_events() {
    in_both(|guest| {
        let (connection, port) = guest.bound();
        guest.dispatcher.bind_vcpu(&guest.events, port, 1).unwrap();
        connection.theirs.notify().unwrap();
        guest.dispatcher.bind_vcpu(&guest.events, port, 0).unwrap();
        let mut delivered = Vec::new();
        guest.dispatcher.drain_vcpu(&guest.events, 1, |event| delivered.push(event));
        guest.dispatcher.on_upcall(&guest.events, 0, |event| delivered.push(event));
        assert_eq!(delivered.iter().map(|event| event.port()).collect::<Vec<_>>(), [port]);
        guest.end_event(delivered[0], Eoi::Handled, START);
        connection.theirs.notify().unwrap();
        assert_eq!(guest.delivered(0), [port]);
    });
}
