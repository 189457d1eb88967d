//! One interface with an address, and its sockets.

use crate::args::Cidr;
use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::time::Duration;
use smoltcp::iface::{Config, Interface, PollResult, SocketSet};
use smoltcp::phy::{ChecksumCapabilities, Device, TxToken};
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol,
    EthernetRepr, Icmpv6Packet, Icmpv6Repr, IpCidr, IpProtocol, Ipv6Packet, Ipv6Repr,
    NdiscNeighborFlags, NdiscRepr,
};
use xen_hypercall::Instant;

/// Time between checks of a device without room, in case no event comes.
const NO_ROOM: Duration = Duration::from_millis(1);

/// An interface for the stack: a smoltcp device by mutable reference, and a way to wait.
pub trait Nic {
    /// The device.
    type Device<'d>: Device
    where
        Self: 'd;

    /// Borrows the device.
    fn device(&mut self) -> Self::Device<'_>;

    /// Returns the present moment.
    fn now(&self) -> Instant;

    /// Waits until something may have come, or until `deadline`; may return early.
    fn wait(&mut self, deadline: Instant);
}

/// An interface that is up.
pub struct Stack<N> {
    nic: N,
    interface: Interface,
    pub(super) sockets: SocketSet<'static>,
    mac: EthernetAddress,
    cidr: Cidr,
    /// The last port that a connection of ours went out from.
    port: u16,
    seed: u64,
}

fn time(now: Instant) -> smoltcp::time::Instant {
    smoltcp::time::Instant::from_micros((now.as_nanos() / 1000) as i64)
}

impl<N: Nic> Stack<N> {
    /// Gives `nic`, whose Ethernet address is `mac`, the address `cidr`.
    pub fn new(mut nic: N, mac: [u8; 6], cidr: Cidr) -> Self {
        let now = nic.now();
        let mac = EthernetAddress(mac);
        let mut config = Config::new(mac.into());
        // Ports and sequence numbers that differ from boot to boot.
        let seed = now.as_nanos();
        config.random_seed = seed;
        let mut interface = Interface::new(config, &mut nic.device(), time(now));
        interface.update_ip_addrs(|addresses| {
            // There is room for the first one.
            let _ = addresses.push(IpCidr::new(cidr.address.into(), cidr.prefix));
        });
        let port = 49152 | (seed >> 10) as u16 & 0x3fff;
        Self { nic, interface, sockets: SocketSet::new(Vec::new()), mac, cidr, port, seed }
    }

    /// Returns the address.
    pub fn cidr(&self) -> Cidr {
        self.cidr
    }

    /// Returns whether `address` is in the interface's network.
    pub fn reaches(&self, address: IpAddr) -> bool {
        IpCidr::new(self.cidr.address.into(), self.cidr.prefix).contains_addr(&address.into())
    }

    /// Returns the interface.
    pub fn nic(&mut self) -> &mut N {
        &mut self.nic
    }

    /// Takes the interface back; the address and all sockets are gone.
    pub fn into_nic(self) -> N {
        self.nic
    }

    /// Announces the interface's address to the network after a migration: a gratuitous ARP, or an
    /// unsolicited neighbour advertisement. No neighbour is resolved again.
    pub fn announce(&mut self) {
        match self.cidr.address {
            IpAddr::V4(address) => self.announce_ipv4(address),
            IpAddr::V6(address) => self.announce_ipv6(address),
        }
    }

    fn announce_ipv4(&mut self, address: Ipv4Addr) {
        let arp = ArpRepr::EthernetIpv4 {
            operation: ArpOperation::Request,
            source_hardware_addr: self.mac,
            source_protocol_addr: address,
            target_hardware_addr: EthernetAddress::BROADCAST,
            target_protocol_addr: address,
        };
        let (to, protocol) = (EthernetAddress::BROADCAST, EthernetProtocol::Arp);
        self.send(to, protocol, arp.buffer_len(), |payload| {
            arp.emit(&mut ArpPacket::new_unchecked(payload));
        });
    }

    fn announce_ipv6(&mut self, address: Ipv6Addr) {
        let all_nodes = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
        let message = Icmpv6Repr::Ndisc(NdiscRepr::NeighborAdvert {
            flags: NdiscNeighborFlags::OVERRIDE,
            target_addr: address,
            lladdr: Some(self.mac.into()),
        });
        let ip = Ipv6Repr {
            src_addr: address,
            dst_addr: all_nodes,
            next_header: IpProtocol::Icmpv6,
            payload_len: message.buffer_len(),
            hop_limit: 255,
        };
        let to = EthernetAddress([0x33, 0x33, 0, 0, 0, 1]);
        let len = ip.buffer_len() + ip.payload_len;
        self.send(to, EthernetProtocol::Ipv6, len, |payload| {
            let mut packet = Ipv6Packet::new_unchecked(payload);
            ip.emit(&mut packet);
            let mut payload = Icmpv6Packet::new_unchecked(packet.payload_mut());
            message.emit(&address, &all_nodes, &mut payload, &ChecksumCapabilities::default());
        });
    }

    /// Sends a frame whose payload `emit` writes. Without room for it, the next packet informs the
    /// network.
    fn send(
        &mut self,
        dst_addr: EthernetAddress,
        ethertype: EthernetProtocol,
        len: usize,
        emit: impl FnOnce(&mut [u8]),
    ) {
        let frame = EthernetRepr { src_addr: self.mac, dst_addr, ethertype };
        let now = time(self.nic.now());
        let mut device = self.nic.device();
        let Some(token) = device.transmit(now) else { return };
        token.consume(frame.buffer_len() + len, |bytes| {
            let mut bytes = EthernetFrame::new_unchecked(bytes);
            frame.emit(&mut bytes);
            emit(bytes.payload_mut());
        });
    }

    /// Does what can be done now: answers, sends, receives.
    pub fn poll(&mut self) {
        while self.poll_once(self.nic.now()) == PollResult::SocketStateChanged {}
    }

    fn poll_once(&mut self, now: Instant) -> PollResult {
        self.interface.poll(time(now), &mut self.nic.device(), &mut self.sockets)
    }

    pub(super) fn context(&mut self) -> (&mut smoltcp::iface::Context, &mut SocketSet<'static>) {
        (self.interface.context(), &mut self.sockets)
    }

    /// Returns a port for a connection of ours.
    pub(super) fn next_port(&mut self) -> u16 {
        self.port = 49152 | (self.port.wrapping_add(1) & 0x3fff);
        self.port
    }

    pub(super) fn seed(&self) -> u64 {
        self.seed
    }

    /// Runs the interface until `step` returns something, at most for `patience`: `step` may move
    /// the deadline.
    pub(super) fn run<T>(
        &mut self,
        patience: Duration,
        mut step: impl FnMut(&mut SocketSet<'static>, Instant, &mut Instant) -> Option<T>,
    ) -> Option<T> {
        let mut deadline = self.nic.now() + patience;
        loop {
            let now = self.nic.now();
            if let Some(result) = step(&mut self.sockets, now, &mut deadline) {
                return Some(result);
            }
            if self.poll_once(now) == PollResult::SocketStateChanged {
                continue;
            }
            if now >= deadline {
                return None;
            }
            let delay = match self.interface.poll_delay(time(now), &self.sockets) {
                // It has something to send that the device has no room for.
                Some(smoltcp::time::Duration::ZERO) => Some(NO_ROOM),
                delay => delay.map(Duration::from),
            };
            self.nic.wait(delay.map_or(deadline, |delay| (now + delay).min(deadline)));
        }
    }
}

impl<N> fmt::Debug for Stack<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stack").field("cidr", &self.cidr).finish_non_exhaustive()
    }
}
