//! A machine on the driver domain's network: it answers pings and echoes TCP.

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{self, Device, DeviceCapabilities, Medium};
use smoltcp::socket::tcp::{Socket, SocketBuffer};
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};
use std::collections::VecDeque;
use xen_front::net::timestamp;
use xen_hypercall::Instant;

/// Its address, in a network of 24 bits.
pub const ADDRESS: [u8; 4] = [10, 0, 0, 1];

/// The TCP port that sends back what comes.
pub const ECHO_PORT: u16 = 7000;

const MAC: [u8; 6] = [0x00, 0x16, 0x3e, 0xff, 0xff, 0x01];
const CONNECTIONS: usize = 4;
const WINDOW: usize = u16::MAX as usize;

/// The machine: a TCP/IP stack at the end of a wire.
pub struct Gateway {
    wire: Wire,
    interface: Interface,
    sockets: SocketSet<'static>,
    echoes: Vec<SocketHandle>,
}

/// Packets on their way from and to the stack.
#[derive(Default)]
struct Wire {
    incoming: VecDeque<Vec<u8>>,
    outgoing: VecDeque<Vec<u8>>,
}

impl Gateway {
    /// Plugs it in.
    pub fn new(now: Instant) -> Self {
        let mut wire = Wire::default();
        let mut interface =
            Interface::new(Config::new(EthernetAddress(MAC).into()), &mut wire, timestamp(now));
        interface.update_ip_addrs(|addresses| {
            // There is room for the first one.
            let _ = addresses.push(IpCidr::new(IpAddress::from(core::net::Ipv4Addr::from(ADDRESS)), 24));
        });
        let mut sockets = SocketSet::new(Vec::new());
        let buffer = || SocketBuffer::new(vec![0; WINDOW]);
        let mut echo = || {
            let mut socket = Socket::new(buffer(), buffer());
            socket.set_nagle_enabled(false);
            sockets.add(socket)
        };
        let echoes = (0..CONNECTIONS).map(|_| echo()).collect();
        Self { wire, interface, sockets, echoes }
    }

    /// Takes a packet that came for it, or for everybody.
    pub(crate) fn receive(&mut self, packet: Vec<u8>) {
        self.wire.incoming.push_back(packet);
    }

    /// Gives the next packet that it sends.
    pub(crate) fn sent(&mut self) -> Option<Vec<u8>> {
        self.wire.outgoing.pop_front()
    }

    /// Does what can be done now; returns when there is more, if nothing comes before.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<Instant> {
        let time = timestamp(now);
        loop {
            self.interface.poll(time, &mut self.wire, &mut self.sockets);
            if !self.echo() {
                break;
            }
        }
        let next = self.interface.poll_delay(time, &self.sockets)?;
        Some(now + core::time::Duration::from_micros(next.total_micros().max(1)))
    }

    /// Sends back what has come. Returns whether anything moved.
    fn echo(&mut self) -> bool {
        let mut moved = false;
        for &handle in &self.echoes {
            let socket = self.sockets.get_mut::<Socket<'_>>(handle);
            if !socket.is_open() {
                // A closed socket can listen.
                moved |= socket.listen(ECHO_PORT).is_ok();
            }
            while socket.can_recv() && socket.can_send() {
                let room = socket.send_capacity() - socket.send_queue();
                let data = socket.recv(|data| {
                    let count = data.len().min(room);
                    (count, data[..count].to_vec())
                });
                moved |= data.is_ok_and(|data| socket.send_slice(&data).is_ok());
            }
            if socket.is_active() && !socket.may_recv() && !socket.can_recv() && socket.may_send() {
                socket.close();
                moved = true;
            }
        }
        moved
    }
}

struct Incoming(Vec<u8>);
struct Outgoing<'w>(&'w mut VecDeque<Vec<u8>>);

impl Device for Wire {
    type RxToken<'t> = Incoming;
    type TxToken<'t> = Outgoing<'t>;

    fn receive(&mut self, _: smoltcp::time::Instant) -> Option<(Incoming, Outgoing<'_>)> {
        let packet = self.incoming.pop_front()?;
        Some((Incoming(packet), Outgoing(&mut self.outgoing)))
    }

    fn transmit(&mut self, _: smoltcp::time::Instant) -> Option<Outgoing<'_>> {
        Some(Outgoing(&mut self.outgoing))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = 1514;
        capabilities
    }
}

impl phy::RxToken for Incoming {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, look: F) -> R {
        look(&self.0)
    }
}

impl phy::TxToken for Outgoing<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, fill: F) -> R {
        let mut packet = vec![0; len];
        let result = fill(&mut packet);
        self.0.push_back(packet);
        result
    }
}

impl core::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Gateway").finish_non_exhaustive()
    }
}
