//! Events that a thread takes: recorded by an upcall, pending, or kept; and their storm budget.
#![cfg(not(loom))]

use core::time::Duration;
use xen_evtchn::{Channel, Eoi, EventChannels, EventDispatcher};
use xen_hypercall::{Instant, Mapped, Port, boot};
use xen_sim::{Domain, DomainConfig, World};

const NOW: Instant = Instant::from_nanos(1_000_000_000);

struct Guest {
    events: EventChannels<Domain, Mapped<Domain>>,
    dispatcher: EventDispatcher<1>,
    channel: Channel<Domain>,
}

fn guest() -> Guest {
    let domain = World::new(1).create(DomainConfig::new("guest"));
    let shared_info = boot::shared_info(domain.clone()).unwrap();
    let events = EventChannels::with_fifo(domain.clone(), shared_info).unwrap();
    let channel = Channel::bind_ipi(domain, 0).unwrap();
    events.opened(channel.port(), 0).unwrap();
    Guest { events, dispatcher: EventDispatcher::new(), channel }
}

impl Guest {
    fn port(&self) -> Port {
        self.channel.port()
    }

    fn take(&self) -> bool {
        self.dispatcher.take(&self.events, self.port())
    }

    /// Runs an upcall that records events; returns their number.
    fn upcall(&self) -> u32 {
        let mut count = 0;
        self.dispatcher.on_upcall(&self.events, 0, |event| {
            count += 1;
            self.dispatcher.record(event);
        });
        count
    }

    /// Ends the event that was taken.
    fn eoi(&self, found: Eoi) -> Option<Instant> {
        let event = self.dispatcher.handling(self.port()).unwrap();
        assert_eq!(event.port(), self.port());
        self.dispatcher.eoi(&self.events, event, found, NOW).unwrap()
    }

    /// Takes pending events without work until the port is delayed.
    fn delay(&self) -> Instant {
        for _ in 0..4 {
            self.channel.notify().unwrap();
            assert!(self.take());
            assert_eq!(self.eoi(Eoi::Spurious), None);
        }
        self.channel.notify().unwrap();
        assert!(self.take());
        self.eoi(Eoi::Spurious).unwrap()
    }
}

#[test]
fn recorded_event_is_taken_once() {
    let guest = guest();
    guest.dispatcher.bind(&guest.events, guest.port()).unwrap();
    assert!(!guest.take());
    guest.channel.notify().unwrap();
    assert_eq!(guest.upcall(), 1);
    assert_eq!(guest.dispatcher.handling(guest.port()), None, "it is not taken yet");
    assert!(guest.take());
    assert!(guest.dispatcher.handling(guest.port()).is_some());
    assert!(!guest.take());
    assert_eq!(guest.dispatcher.handling(guest.port()), None);
}

#[test]
fn next_take_unmasks_bound_port() {
    let guest = guest();
    guest.dispatcher.bind(&guest.events, guest.port()).unwrap();
    for _ in 0..9 {
        guest.channel.notify().unwrap();
        assert_eq!(guest.upcall(), 1);
        guest.channel.notify().unwrap();
        assert_eq!(guest.upcall(), 0, "the port is masked");
        assert!(guest.take());
        assert!(guest.take(), "the second event");
        assert!(!guest.take());
    }
}

#[test]
fn kept_event_is_taken_unbound() {
    let guest = guest();
    guest.events.unmask(guest.port()).unwrap();
    guest.channel.notify().unwrap();
    assert_eq!((guest.upcall(), guest.dispatcher.unhandled()), (0, 1));
    assert!(guest.take());
    assert!(!guest.take());
    // A handler that is bound later does not find it again.
    guest.dispatcher.bind(&guest.events, guest.port()).unwrap();
    assert_eq!(guest.upcall(), 0);
}

#[test]
fn taken_event_is_no_handlers() {
    let guest = guest();
    guest.channel.notify().unwrap();
    assert!(guest.take());
    guest.dispatcher.bind(&guest.events, guest.port()).unwrap();
    guest.channel.notify().unwrap();
    assert_eq!(guest.upcall(), 1, "the port is unmasked");
}

#[test]
fn delayed_port_is_not_taken() {
    let guest = guest();
    let until = guest.delay();
    assert_eq!(until, NOW + Duration::from_millis(1));
    assert!(guest.dispatcher.is_delayed(guest.port()));
    guest.channel.notify().unwrap();
    assert!(!guest.take());
    assert_eq!(guest.dispatcher.expire(&guest.events, NOW), Some(until));
    assert_eq!(guest.dispatcher.expire(&guest.events, until), None);
    assert!(!guest.dispatcher.is_delayed(guest.port()));
    assert!(guest.take());
    assert_eq!(guest.eoi(Eoi::Handled), None);
    guest.delay();
}

#[test]
fn unreported_event_counts_as_handled() {
    let guest = guest();
    for _ in 0..3 {
        for _ in 0..4 {
            guest.channel.notify().unwrap();
            assert!(guest.take());
            assert_eq!(guest.eoi(Eoi::Spurious), None);
        }
        guest.channel.notify().unwrap();
        assert!(guest.take());
        assert!(!guest.take());
    }
}

#[test]
fn port_beyond_table_is_polled() {
    let guest = guest();
    let small = EventDispatcher::<0>::new();
    guest.channel.notify().unwrap();
    assert!(small.take(&guest.events, guest.port()));
    assert!(!small.take(&guest.events, guest.port()));
    assert!(small.handling(guest.port()).is_none() && !small.is_delayed(guest.port()));
}
