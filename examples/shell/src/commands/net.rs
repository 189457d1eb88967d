//! `net up`, and what goes over an interface then.

use super::{CONNECT_TIMEOUT, DEVICES, names};
use crate::args::Cidr;
use crate::error::Error;
use crate::net::{NetError, Nic, Stack};
use crate::system::System;
use alloc::vec::Vec;
use core::fmt::Write;
use core::net::IpAddr;
use xen_front::net::{
    DeviceState, HashConfig, HashState, MacAddress, NetFront, NetFrontConfig, NetFrontStatistics,
    Phy, StaticGrantState, Vif,
};
use xen_hypercall::{Instant, Platform, Port};
use xen_store::XenStore;

/// A network device, as the stack takes it.
#[derive(Debug)]
pub(crate) struct Card<P: Platform> {
    net: NetFront<P>,
    store: XenStore<P>,
}

impl<P: Platform> Nic for Card<P> {
    type Device<'d>
        = Phy<'d, P>
    where
        Self: 'd;

    fn device(&mut self) -> Phy<'_, P> {
        self.net.phy()
    }

    fn now(&self) -> Instant {
        self.store.platform().now()
    }

    fn wait(&mut self, deadline: Instant) {
        self.net.wait(Some(deadline));
        // The result is checked when the command ends.
        let _ = self.net.poll(self.now());
    }
}

impl<P: Platform> Card<P> {
    /// Polls the interface while it is in a state, at most for the time to connect.
    fn poll_while(&mut self, pending: impl Fn(&NetFront<P>) -> bool) -> Result<(), Error> {
        let Self { net, store } = self;
        let (vif, platform) = (net.vif(), store.platform());
        let deadline = platform.now() + CONNECT_TIMEOUT;
        while pending(net) && platform.now() < deadline {
            net.wait(Some(deadline));
            let polled = net.poll(platform.now());
            polled.map_err(|error| Error::Interface { vif, error })?;
        }
        Ok(())
    }
}

/// The interfaces that are up.
#[derive(Debug)]
pub(crate) struct Nics<P: Platform> {
    up: Vec<Stack<Card<P>>>,
}

impl<P: Platform> Nics<P> {
    pub(crate) const fn new() -> Self {
        Self { up: Vec::new() }
    }

    /// Connects an interface and gives it an address.
    pub(crate) fn up(
        &mut self,
        system: &System<'_, P>,
        name: &str,
        cidr: Cidr,
        queues: u16,
        headroom: u16,
        out: &mut dyn Write,
    ) -> Result<(), Error> {
        let vifs = xen_front::net::list::<DEVICES>(system.store()?)?;
        let Some(vif) = Vif::parse(name).filter(|vif| vifs.contains(vif)) else {
            let expected = names(vifs.iter());
            return Err(Error::NoDevice { kind: "interface", found: name.into(), expected });
        };
        if let Some(index) = self.up.iter_mut().position(|stack| stack.nic().net.vif() == vif) {
            let stack = &mut self.up[index];
            if stack.nic().net.state() == DeviceState::Connected {
                return Err(Error::InUse { vif, cidr: stack.cidr() });
            }
            // Its backend has gone, and may be back.
            let card = self.up.swap_remove(index).into_nic();
            card.net.close_and_wait().map_err(|error| Error::Interface { vif, error })?;
        }
        let net = connect(system, vif, cidr.address, queues, headroom)?;
        let (mac, mtu, queues) = (net.mac(), net.mtu(), net.queues());
        let store = system.store()?.clone();
        publish(&store, vif, mac, cidr);
        self.up.push(Stack::new(Card { net, store }, mac.0, cidr));
        write!(out, "{vif} address {cidr}, mac {mac}, mtu {mtu}")?;
        Ok(if queues > 1 { writeln!(out, ", {queues} queues") } else { writeln!(out) }?)
    }

    /// Has the backend map packets to queues by their hash, or not if there are no queues.
    pub(crate) fn hash(
        &mut self,
        name: &str,
        queues: &[u16],
        out: &mut dyn Write,
    ) -> Result<(), Error> {
        let card = self.named(name)?;
        let vif = card.net.vif();
        let hash = HashConfig::default().with_mapping(queues);
        let hash = hash.map_err(|error| Error::Interface { vif, error })?;
        card.net.set_hash(Some(hash).filter(|_| !queues.is_empty()));
        card.poll_while(|net| net.hash_state() == HashState::Pending)?;
        match card.net.hash_state() {
            HashState::Active => Ok(writeln!(out, "{vif} hash active")?),
            HashState::Off => Ok(writeln!(out, "{vif} hash off")?),
            found => Err(Error::Hash { vif, found }),
        }
    }

    /// Has the backend keep the buffers of an interface mapped, or not.
    pub(crate) fn static_grants(
        &mut self,
        name: &str,
        enabled: bool,
        out: &mut dyn Write,
    ) -> Result<(), Error> {
        let card = self.named(name)?;
        let vif = card.net.vif();
        card.net.set_static_grants(enabled);
        card.poll_while(|net| net.static_grants() == StaticGrantState::Pending)?;
        match card.net.static_grants() {
            StaticGrantState::Active { grants } => {
                Ok(writeln!(out, "{vif} static grants {grants}")?)
            }
            StaticGrantState::Off => Ok(writeln!(out, "{vif} static grants off")?),
            found => Err(Error::StaticGrants { vif, found }),
        }
    }

    /// Has the backend send the multicast packets of the interface's groups only, or all.
    pub(crate) fn multicast(
        &mut self,
        name: &str,
        filtered: bool,
        out: &mut dyn Write,
    ) -> Result<(), Error> {
        let net = &mut self.named(name)?.net;
        let vif = net.vif();
        net.set_multicast_filter(filtered).map_err(|error| Error::Interface { vif, error })?;
        let found = if net.filters_multicast() { "filtered" } else { "all" };
        Ok(writeln!(out, "{vif} multicast {found}")?)
    }

    /// Returns the interface of a name that is up.
    fn named(&mut self, name: &str) -> Result<&mut Card<P>, Error> {
        let expected = Vif::parse(name);
        let mut cards = self.up.iter_mut().map(Stack::nic);
        let card = cards.find(|card| Some(card.net.vif()) == expected);
        Ok(card.ok_or(NetError::NoInterface)?)
    }

    /// Prints the counters of all interfaces.
    pub(crate) fn stat(&mut self, out: &mut dyn Write) -> Result<(), Error> {
        for stack in &mut self.up {
            let net = &stack.nic().net;
            let NetFrontStatistics {
                rx_packets,
                rx_segmented,
                tx_packets,
                tx_segmented,
                tx_errors,
                ..
            } = net.statistics();
            let dropped = net.statistics().rx_dropped();
            let carrier = if net.has_carrier() { "" } else { ", no carrier" };
            writeln!(
                out,
                "{} rx={rx_packets} rx-large={rx_segmented} rx-dropped={dropped} tx={tx_packets} \
                 tx-large={tx_segmented} tx-errors={tx_errors}{carrier}",
                net.vif()
            )?;
            let queues = net.queues();
            let several = (0..queues).filter(|_| queues > 1);
            for (index, queue) in
                several.filter_map(|index| Some((index, net.queue_statistics(index)?)))
            {
                let NetFrontStatistics { rx_packets, tx_packets, .. } = queue;
                writeln!(out, "{} queue {index} rx={rx_packets} tx={tx_packets}", net.vif())?;
            }
        }
        Ok(())
    }

    /// Runs `task` on the interface that reaches `address`.
    pub(crate) fn reaching<R>(
        &mut self,
        address: IpAddr,
        task: impl FnOnce(&mut Stack<Card<P>>) -> R,
    ) -> Result<R, Error> {
        let network = self.up.last().map(Stack::cidr);
        let stack = self.up.iter_mut().find(|stack| stack.reaches(address));
        guarded(stack.ok_or(NetError::NoRoute { address, network })?, task)
    }

    /// Runs `task` on the interface that came up first.
    pub(crate) fn first<R>(
        &mut self,
        task: impl FnOnce(&mut Stack<Card<P>>) -> R,
    ) -> Result<R, Error> {
        guarded(self.up.first_mut().ok_or(NetError::NoInterface)?, task)
    }

    /// Does what the interfaces have to do on their own: answer.
    pub(crate) fn poll(&mut self) {
        for stack in &mut self.up {
            stack.poll();
            let nic = stack.nic();
            // The next user of the interface gets the error.
            let _ = nic.net.poll(nic.now());
        }
    }

    /// Asks all interfaces for events. Returns whether there is something to do at once.
    pub(crate) fn before_wait(&mut self) -> bool {
        self.up
            .iter_mut()
            .fold(false, |busy, stack| busy | (stack.nic().net.final_check() == Ok(true)))
    }

    pub(crate) fn ports(&mut self) -> impl Iterator<Item = Port> {
        self.up.iter_mut().flat_map(|stack| stack.nic().net.ports())
    }

    /// Connects all interfaces again where the domain was resumed elsewhere, notifies the network,
    /// and prints what went wrong with it.
    pub(crate) fn resume(&mut self, out: &mut dyn Write) {
        for stack in &mut self.up {
            let cidr = stack.cidr();
            let Card { net, store } = stack.nic();
            publish(store, net.vif(), net.mac(), cidr);
            let deadline = store.platform().now() + CONNECT_TIMEOUT;
            net.resume();
            match wait_until_up(net, store.platform(), deadline) {
                Ok(()) if net.take_announcement() => stack.announce(),
                Ok(()) => {}
                Err(error) => drop(writeln!(out, "error: resuming an interface: {error}")),
            }
        }
    }

    /// Closes all interfaces, and prints what went wrong with it.
    pub(crate) fn close(&mut self, out: &mut dyn Write) {
        for stack in self.up.drain(..) {
            let net = stack.into_nic().net;
            let vif = net.vif();
            if let Err(error) = net.close_and_wait() {
                let _ = writeln!(out, "error: closing {vif}: {error}");
            }
        }
    }
}

/// Publishes the address of an interface. A toolstack need not have a place for it.
fn publish<P: Platform>(store: &XenStore<P>, vif: Vif, mac: MacAddress, cidr: Cidr) {
    let _ = store.publish_interface(vif.0, &alloc::format!("{vif}"), mac, &[cidr.address]);
}

/// Returns the Ethernet addresses of the multicast groups of an interface: all hosts of IPv4, or
/// the all-nodes and the solicited-node address of IPv6 (RFC 4291).
fn groups(address: IpAddr) -> impl Iterator<Item = MacAddress> {
    let (all, own) = match address {
        IpAddr::V4(_) => ([0x01, 0, 0x5e, 0, 0, 1], None),
        IpAddr::V6(address) => {
            let [.., a, b, c] = address.octets();
            ([0x33, 0x33, 0, 0, 0, 1], Some([0x33, 0x33, 0xff, a, b, c]))
        }
    };
    core::iter::once(all).chain(own).map(MacAddress)
}

fn connect<P: Platform>(
    system: &System<'_, P>,
    vif: Vif,
    address: IpAddr,
    queues: u16,
    headroom: u16,
) -> Result<NetFront<P>, Error> {
    let config = NetFrontConfig::default().with_timeout(CONNECT_TIMEOUT).with_queues(queues);
    let config =
        config.with_multicast_filter(true).with_control_ring(true).with_xdp_headroom(headroom);
    // All queues together have the buffers of one.
    let NetFrontConfig { rx_slots, tx_slots, .. } = config;
    let config = config.with_rx_slots(rx_slots / queues).with_tx_slots(tx_slots / queues);
    let mut net = NetFront::connect(system.store()?, system.grants()?, vif, config)
        .map_err(|error| Error::Interface { vif, error })?;
    groups(address)
        .try_for_each(|group| net.join_multicast(group))
        .map_err(|error| Error::Interface { vif, error })?;
    Ok(net)
}

fn wait_until_up<P: Platform>(
    net: &mut NetFront<P>,
    platform: &P,
    deadline: Instant,
) -> Result<(), Error> {
    let vif = net.vif();
    loop {
        let now = platform.now();
        match net.poll(now) {
            Ok(DeviceState::Connected) => return Ok(()),
            Ok(DeviceState::Connecting) if now < deadline => net.wait(Some(deadline)),
            Ok(found) => return Err(Error::DeviceState { vif, found }),
            Err(error) => return Err(Error::Interface { vif, error }),
        }
    }
}

/// Runs `task`, unless the backend has gone, before or meanwhile.
fn guarded<P: Platform, R>(
    stack: &mut Stack<Card<P>>,
    task: impl FnOnce(&mut Stack<Card<P>>) -> R,
) -> Result<R, Error> {
    let check = |stack: &mut Stack<Card<P>>| {
        let nic = stack.nic();
        let vif = nic.net.vif();
        match nic.net.poll(nic.now()) {
            Ok(DeviceState::Connected) => Ok(()),
            Ok(found) => Err(Error::DeviceState { vif, found }),
            Err(error) => Err(Error::Interface { vif, error }),
        }
    };
    check(stack)?;
    let result = task(stack);
    check(stack)?;
    Ok(result)
}
