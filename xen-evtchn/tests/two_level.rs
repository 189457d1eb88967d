//! 2-level dispatch against a simulated Xen, and with event words that a faulty Xen could leave.

#![cfg(not(loom))]

use core::sync::atomic::Ordering::Relaxed;
use std::cell::{Cell, RefCell};
use xen_evtchn::{Channel, EventChannels, PORTS};
use xen_hypercall::{Errno, Mapped, Port, SharedMem, boot};
use xen_sim::{Domain, DomainConfig, World};

const PENDING: usize = 2048;
const SELECTOR: usize = 8;
const UPCALL_PENDING: usize = 0;

fn domain(max_port: u32) -> (World, Domain, EventChannels<Domain, Mapped<Domain>>) {
    let world = World::new(1);
    let mut config = DomainConfig::new("guest");
    config.max_port = max_port;
    let domain = world.create(config);
    let shared_info = boot::shared_info(domain.clone()).unwrap();
    let events = EventChannels::new(domain.clone(), shared_info);
    (world, domain, events)
}

fn handled<M: AsRef<SharedMem>>(events: &EventChannels<Domain, M>) -> Vec<u32> {
    let mut ports = Vec::new();
    events.on_upcall(0, |port| ports.push(port.0));
    ports
}

/// Opens all remaining ports.
fn all_ports(domain: &Domain) -> Vec<Channel<Domain>> {
    core::iter::from_fn(|| Channel::bind_ipi(domain.clone(), 0).ok()).collect()
}

#[test]
fn event_is_handled_once_while_unmasked() {
    let (_world, domain, events) = domain(1023);
    let channel = Channel::bind_ipi(domain, 0).unwrap();
    channel.notify().unwrap();
    assert!(handled(&events).is_empty() && events.is_pending(channel.port()));
    events.unmask(channel.port()).unwrap();
    assert_eq!(handled(&events), [channel.port().0]);
    assert!(handled(&events).is_empty());
    events.mask(channel.port());
    channel.notify().unwrap();
    assert!(handled(&events).is_empty());
    assert!(events.take_pending(channel.port()) && !events.take_pending(channel.port()));
}

#[test]
fn port_beyond_the_words_is_refused() {
    let (_world, _domain, events) = domain(1023);
    assert_eq!(events.opened(Port(4095), 0), Ok(()));
    assert_eq!(events.opened(Port(4096), 0), Err(Errno::EINVAL));
}

/// D-E02.
#[test]
fn bit_without_port_is_harmless() {
    let (_world, _domain, events) = domain(1023);
    let words = events.shared_info().as_ref();
    let set = |port: usize| {
        words.u64_at(PENDING + port / 64 * 8).unwrap().fetch_or(1 << (port % 64));
        words.u64::<SELECTOR>().fetch_or(1 << (port / 64));
        words.u8::<UPCALL_PENDING>().store(1, Relaxed);
    };
    // Never opened, so masked: not delivered.
    set(700);
    assert!(handled(&events).is_empty());
    // Unmasked by mistake: delivered once, then clear.
    set(4095);
    assert_eq!(events.unmask(Port(4095)), Err(Errno::EINVAL), "Xen has no such port");
    assert!(handled(&events).is_empty());
    // Beyond the ports of the ABI: no word changes.
    events.mask(Port(PORTS));
    assert_eq!(events.unmask(Port(u32::MAX)), Err(Errno::EINVAL));
    assert!(!events.is_pending(Port(PORTS)) && !events.take_pending(Port(u32::MAX)));
}

/// D-E04.
#[test]
fn handler_may_close_its_port() {
    let (world, domain, events) = domain(1023);
    let channel = Channel::bind_ipi(domain.clone(), 0).unwrap();
    let port = channel.port();
    events.unmask(port).unwrap();
    channel.notify().unwrap();
    let slot = RefCell::new(Some(channel));
    let calls = Cell::new(0);
    events.on_upcall(0, |_| {
        calls.set(calls.get() + 1);
        slot.borrow_mut().take();
    });
    assert_eq!(calls.get(), 1);
    assert!(handled(&events).is_empty() && !events.is_pending(port));
    world.check().unwrap();
}

/// D-E05.
#[test]
fn scan_start_rotates() {
    let (_world, domain, events) = domain(4095);
    let channels = all_ports(&domain);
    assert!(channels.len() > 4000, "only {} ports could be opened", channels.len());
    let mut firsts = Vec::new();
    for channel in &channels {
        events.unmask(channel.port()).unwrap();
    }
    for _ in 0..3 {
        channels.iter().for_each(|channel| channel.notify().unwrap());
        let mut ports = handled(&events);
        firsts.push(ports[0]);
        ports.sort_unstable();
        let mut expected: Vec<_> = channels.iter().map(|channel| channel.port().0).collect();
        expected.sort_unstable();
        assert_eq!(ports, expected);
    }
    // A busy low port does not always come before a high one.
    let (low, high) = (&channels[0], &channels[4000]);
    for _ in 0..2 {
        low.notify().unwrap();
        high.notify().unwrap();
        firsts.push(handled(&events)[0]);
    }
    firsts.dedup();
    assert!(firsts.len() > 1, "the scan always starts at the same port: {firsts:?}");
}

#[test]
fn words_take_turns_at_the_start() {
    let (_world, domain, events) = domain(1023);
    let channels = all_ports(&domain);
    let find = |port| channels.iter().find(|channel| channel.port() == Port(port)).unwrap();
    // Words 3 and 7.
    let (low, high) = (find(200), find(500));
    [low, high].iter().for_each(|channel| events.unmask(channel.port()).unwrap());
    let both = || {
        [low, high].iter().for_each(|channel| channel.notify().unwrap());
        handled(&events)
    };
    assert_eq!(both(), [200, 500]);
    assert_eq!(both(), [500, 200]);
    assert_eq!(both(), [200, 500]);
    // An upcall of one word, or of none, does not change the turns.
    high.notify().unwrap();
    assert_eq!(handled(&events), [500]);
    assert!(handled(&events).is_empty());
    assert_eq!(both(), [500, 200]);
}

/// D-E07.
#[test]
fn exhausted_ports_keep_earlier_ones() {
    let (world, domain, events) = domain(63);
    let channels = all_ports(&domain);
    assert_eq!(Channel::bind_ipi(domain.clone(), 0).err(), Some(Errno::ENOSPC));
    assert_eq!(
        Channel::alloc_unbound(domain.clone(), xen_hypercall::DomId(0)).err(),
        Some(Errno::ENOSPC)
    );
    let first = &channels[0];
    events.unmask(first.port()).unwrap();
    first.notify().unwrap();
    assert_eq!(handled(&events), [first.port().0]);
    drop(channels);
    assert!(Channel::bind_ipi(domain, 0).is_ok());
    world.check().unwrap();
}
