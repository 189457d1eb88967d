//! The guests' network: their interfaces, a switch, and this domain's own stack behind it.

use crate::config;
use crate::nic::Nic;
use crate::servers::Servers;
use alloc::vec::Vec;
use core::fmt;
use log::{info, warn};
use smoltcp::iface::{Config, Interface, PollResult, SocketSet};
use smoltcp::wire::{EthernetAddress, IpCidr};
use xen_back::net::{MacAddress, NetBack, NetBackError, NetBackEvent, Packet};
use xen_evtchn::Eoi;
use xen_hypercall::{ForeignFrames, Instant, Port};
use xen_store::XenStore;
use xenbus::net::ETHERNET_HEADER;
use xenbus::{DeviceId, Removal, XenbusError, XenbusState};

use crate::service::{DEVICES, RETRY, Turn, report};
use crate::switch::{Forward, PortConfig, Switch};

/// The address of our own interface on the switch: locally administered, like those that the
/// toolstack gives.
const OWN_MAC: MacAddress = MacAddress([0x02, 0x16, 0x3e, 0, 0, 1]);

/// Bytes of a tag of a VLAN, which no MTU includes.
const VLAN_TAG: usize = 4;

/// A guest's interface, and the switch's port that it is plugged into once its address is read.
struct Vif<P: ForeignFrames> {
    netback: NetBack<P>,
    port: Option<usize>,
    /// Queues of the frontend, once it was reported.
    queues: usize,
    /// Packets up to the last event that was reported.
    reported: u64,
    /// Packets beyond the MTU, which were not delivered.
    too_long: u64,
}

/// All guests' interfaces, the switch and the stack.
pub(crate) struct Network<P: ForeignFrames> {
    vifs: Vec<Vif<P>>,
    switch: Switch<{ DEVICES + 1 }>,
    vlans: Vec<(MacAddress, u16)>,
    stack: Stack,
}

/// Own stack of this domain.
struct Stack {
    port: usize,
    nic: Nic,
    interface: Interface,
    sockets: SocketSet<'static>,
    servers: Servers,
}

fn time(now: Instant) -> smoltcp::time::Instant {
    smoltcp::time::Instant::from_micros((now.as_nanos() / 1000) as i64)
}

impl<P: ForeignFrames> Network<P> {
    /// Starts a network in which this domain has an address and servers.
    pub(crate) fn new(config: &config::Config, now: Instant) -> Self {
        let mut switch = Switch::new();
        // A new switch has a free port.
        let port = switch.connect(PortConfig::new(Some(OWN_MAC))).unwrap_or(0);
        let mut nic = Nic::default();
        let mut own = Config::new(EthernetAddress(OWN_MAC.0).into());
        own.random_seed = now.as_nanos();
        let mut interface = Interface::new(own, &mut nic, time(now));
        interface.update_ip_addrs(|addresses| {
            // There is room for the first one.
            let _ = addresses.push(IpCidr::Ipv4(config.address));
        });
        let mut sockets = SocketSet::new(Vec::new());
        let servers = Servers::new(&mut sockets, config.echo, u64::from(config.source_mib) << 20);
        let stack = Stack { port, nic, interface, sockets, servers };
        Self { vifs: Vec::new(), switch, vlans: config.vlans.clone(), stack }
    }

    pub(crate) fn ports(&self) -> impl Iterator<Item = Port> {
        self.vifs.iter().flat_map(|vif| vif.netback.ports())
    }

    /// Reports the events of all interfaces.
    pub(crate) fn report(&mut self, eoi: &mut impl FnMut(Port, Eoi) -> bool) {
        for vif in &mut self.vifs {
            let (tx, rx) = (vif.netback.tx_statistics(), vif.netback.rx_statistics());
            let sent = tx.packets + tx.refused + tx.failed + tx.filter_changes;
            let received = rx.packets + rx.overrun + rx.refused + rx.failed;
            report(vif.netback.ports(), sent + received, &mut vif.reported, eoi);
        }
    }

    pub(crate) fn has(&self, id: DeviceId) -> bool {
        self.vifs.iter().any(|vif| vif.netback.id() == id)
    }

    /// Forgets all guests' interfaces.
    pub(crate) fn clear(&mut self) {
        for vif in self.vifs.drain(..) {
            vif.port.into_iter().for_each(|port| self.switch.disconnect(port));
        }
    }

    /// Returns whether all ports for guests are in use.
    pub(crate) fn is_full(&self) -> bool {
        self.vifs.len() >= DEVICES
    }

    /// Takes up a guest's interface.
    pub(crate) fn add(
        &mut self,
        store: &XenStore<P>,
        id: DeviceId,
        config: &config::Config,
    ) -> Result<(), XenbusError> {
        let mut netback = NetBack::with_config(store, id, config.net)?;
        netback.set_close_timeout(config.close_timeout);
        self.vifs.push(Vif { netback, port: None, queues: 0, reported: 0, too_long: 0 });
        Ok(())
    }

    /// Moves the packets that can be moved now. Returns the removals of devices that are gone.
    pub(crate) fn turn(&mut self, now: Instant, turn: &mut Turn) -> Vec<Removal<P>> {
        let mut gone = Vec::new();
        let mut index = 0;
        while index < self.vifs.len() {
            self.plug(index);
            match self.receive(index, now) {
                Ok(NetBackEvent::Removed) => {
                    let vif = self.remove(index);
                    let (tx, rx) = (vif.netback.tx_statistics(), vif.netback.rx_statistics());
                    // A line of Xen's log has room for one of them.
                    info!("{}: delivered; {rx:?}", vif.netback.path());
                    if tx.static_copies + rx.static_copies > 0 {
                        info!(
                            "{}: static grants: {} parts received, {} sent",
                            vif.netback.path(),
                            tx.static_copies,
                            rx.static_copies
                        );
                    }
                    if vif.too_long > 0 {
                        let mtu = vif.netback.mtu().unwrap_or_default();
                        info!("{}: {} packets beyond mtu {mtu}", vif.netback.path(), vif.too_long);
                    }
                    info!("{}: removed; {tx:?}", vif.netback.path());
                    gone.push(vif.netback.begin_removal());
                    continue;
                }
                Ok(NetBackEvent::Busy) => turn.busy = true,
                Ok(NetBackEvent::Idle) => {}
                Err(error) => {
                    let netback = &self.vifs[index].netback;
                    warn!("{}: {error}", netback.path());
                    turn.by(Some(now + RETRY));
                }
            }
            self.report_queues(index);
            index += 1;
        }
        self.run_stack(now, turn);
        for vif in &mut self.vifs {
            if let Err(error) = vif.netback.flush() {
                warn!("{}: {error}", vif.netback.path());
                turn.by(Some(now + RETRY));
            }
            turn.by(vif.netback.poll_timeout(now));
        }
        gone
    }

    /// Connects an interface whose address is read to the switch.
    fn plug(&mut self, index: usize) {
        let Vif { netback, port, .. } = &mut self.vifs[index];
        if port.is_some() || netback.state() < XenbusState::INIT_WAIT {
            return;
        }
        let mac = netback.mac();
        let vlan = self.vlans.iter().find(|(of, _)| Some(*of) == mac).map_or(0, |(_, vlan)| *vlan);
        *port = self.switch.connect(PortConfig { vlan, ..PortConfig::new(mac) });
        match netback.mac() {
            Some(mac) => {
                info!("{}: interface {mac} of domain {}", netback.path(), netback.id().guest);
            }
            None => info!("{}: interface of domain {}", netback.path(), netback.id().guest),
        }
    }

    /// Reports a frontend that has connected.
    fn report_queues(&mut self, index: usize) {
        let Vif { netback, queues, .. } = &mut self.vifs[index];
        let found = netback.queues();
        if core::mem::replace(queues, found) != found && found > 0 {
            let ports = netback.ports().count();
            info!("{}: connected with {found} queues, {ports} event channels", netback.path());
        }
    }

    fn remove(&mut self, index: usize) -> Vif<P> {
        let vif = self.vifs.swap_remove(index);
        vif.port.into_iter().for_each(|port| self.switch.disconnect(port));
        vif
    }

    /// Takes what one guest has sent.
    fn receive(&mut self, index: usize, now: Instant) -> Result<NetBackEvent, NetBackError> {
        let Self { vifs, switch, stack, .. } = self;
        let (before, rest) = vifs.split_at_mut(index);
        let Some((vif, after)) = rest.split_first_mut() else { return Ok(NetBackEvent::Idle) };
        let from = vif.port;
        let mut port = |packet: Packet<'_>| {
            let Some(from) = from else { return };
            let mut others = before.iter_mut().chain(&mut *after);
            match switch.forward(from, packet.bytes, now) {
                Forward::To(port) if port == stack.port => stack.nic.receive(packet),
                Forward::To(port) => {
                    if let Some(vif) = others.find(|vif| vif.port == Some(port)) {
                        vif.deliver(packet);
                    }
                }
                Forward::Flood => {
                    if switch.is_flooded(from, stack.port) {
                        stack.nic.receive(packet);
                    }
                    flood(switch, from, others, packet);
                }
                Forward::Drop(_) => {}
            }
        };
        vif.netback.poll(now, &mut port)
    }

    fn run_stack(&mut self, now: Instant, turn: &mut Turn) {
        let Self { vifs, switch, stack, .. } = self;
        let changed = stack.interface.poll(time(now), &mut stack.nic, &mut stack.sockets);
        let moved = stack.servers.serve(&mut stack.sockets);
        turn.busy |= changed == PollResult::SocketStateChanged || moved;
        if let Some(delay) = stack.interface.poll_delay(time(now), &stack.sockets) {
            turn.by(Some(now + delay.into()));
        }
        let port = stack.port;
        stack.nic.drain(|packet| match switch.forward(port, packet.bytes, now) {
            Forward::To(port) => {
                if let Some(vif) = vifs.iter_mut().find(|vif| vif.port == Some(port)) {
                    vif.deliver(packet);
                }
            }
            Forward::Flood => flood(switch, port, vifs.iter_mut(), packet),
            Forward::Drop(_) => {}
        });
    }
}

/// Sends a packet of port `from` to the other ports of its VLAN.
fn flood<'v, P: ForeignFrames + 'v, const N: usize>(
    switch: &Switch<N>,
    from: usize,
    vifs: impl Iterator<Item = &'v mut Vif<P>>,
    packet: Packet<'_>,
) {
    vifs.filter(|vif| vif.port.is_some_and(|to| switch.is_flooded(from, to))).for_each(|vif| {
        vif.deliver(packet);
    });
}

impl<P: ForeignFrames> Vif<P> {
    /// Sends a packet to the guest, unless it is longer than the toolstack's MTU.
    fn deliver(&mut self, packet: Packet<'_>) {
        let limit = self.netback.mtu().map(|mtu| usize::from(mtu) + ETHERNET_HEADER + VLAN_TAG);
        if packet.meta.segmentation.is_none() && limit.is_some_and(|most| packet.bytes.len() > most)
        {
            self.too_long += 1;
        } else {
            self.netback.send(packet);
        }
    }
}

impl<P: ForeignFrames> fmt::Debug for Network<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").field("vifs", &self.vifs.len()).finish_non_exhaustive()
    }
}
