//! Domains with event words of either format, and events for vCPU 0.

use xen_evtchn::{Abi, Channel, EventChannels};
use xen_hypercall::{Errno, Mapped, Platform, Port, boot};
use xen_sim::{Domain, DomainConfig, World};

pub(crate) type Events<P> = EventChannels<P, Mapped<P>>;

pub(crate) fn domain(max_port: u32) -> (World, Domain, Events<Domain>) {
    let world = World::new(1);
    let mut config = DomainConfig::new("guest");
    config.max_port = max_port;
    config.vcpus = 2;
    let domain = world.create(config);
    let events = events(&domain).unwrap();
    assert_eq!(events.abi(), Abi::Fifo);
    (world, domain, events)
}

pub(crate) fn events<P: Platform>(platform: &P) -> Result<Events<P>, Errno> {
    EventChannels::with_fifo(platform.clone(), boot::shared_info(platform.clone()).unwrap())
}

/// Opens a port whose events go to this domain's vCPU 0.
pub(crate) fn open(events: &Events<Domain>, domain: &Domain) -> Channel<Domain> {
    let channel = Channel::bind_ipi(domain.clone(), 0).unwrap();
    events.opened(channel.port(), 0).unwrap();
    channel
}

pub(crate) fn open_unmasked(
    events: &Events<Domain>,
    domain: &Domain,
    priority: u32,
) -> Channel<Domain> {
    let channel = open(events, domain);
    channel.set_priority(priority).unwrap();
    events.unmask(channel.port()).unwrap();
    channel
}

pub(crate) fn handled(events: &Events<Domain>) -> Vec<Port> {
    let mut ports = Vec::new();
    events.on_upcall(0, |port| ports.push(port));
    ports
}

pub(crate) fn works<P: Platform>(events: &Events<P>, platform: &P) {
    let channel = Channel::bind_ipi(platform.clone(), 0).unwrap();
    events.opened(channel.port(), 0).unwrap();
    let delivered_now = || {
        let mut delivered = Vec::new();
        events.on_upcall(0, |port| delivered.push(port));
        delivered
    };
    channel.notify().unwrap();
    assert!(delivered_now().is_empty(), "a new port is masked");
    events.unmask(channel.port()).unwrap();
    assert_eq!(delivered_now(), [channel.port()]);
    events.closing(channel.port());
}
