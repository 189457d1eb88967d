//! Traffic of a network interface with `benches/xen/net.c` in dom0.

use crate::Error;
use crate::case::Traffic;
use alloc::vec;
use alloc::vec::Vec;
use core::net::Ipv4Addr;
use core::time::Duration;
use smoltcp::iface::{Config, Interface, PollResult, SocketHandle, SocketSet};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol,
    EthernetRepr, IpAddress, IpCidr, IpProtocol, Ipv4Packet, Ipv4Repr, UdpPacket, UdpRepr,
};
use xen_front::net::{
    ChecksumState, DeviceState, NetFront, NetFrontConfig, PacketMeta, TxError, list, timestamp,
};
use xen_grant::GrantTable;
use xen_hypercall::{Instant, Platform};
use xen_store::XenStore;

/// Time for a connection and for an answer.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);

/// Address of the guest.
pub const OURS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
/// Address of dom0, or of the guest in its place.
pub const DOM0: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

/// Ports of dom0.
pub(crate) const SINK: u16 = 7001;
const SOURCE: u16 = 7002;
pub(crate) const ECHO: u16 = 7003;
const UDP_SINK: u16 = 7004;
const UDP_SOURCE: u16 = 7005;
const NOTIFIED: u16 = 7006;

/// Bytes of an operation of a stream, and of a call of Linux's program.
const PIECE: u64 = 65_536;
const CALL: usize = 131_072;

/// Bytes of a datagram, and datagrams for which dom0 gets a number.
const DATAGRAM: usize = 64;
const CREDIT: u64 = 32;

/// Bytes of a socket's buffer.
const SOCKET: usize = 1 << 20;

/// Ethernet address of dom0.
#[derive(Clone, Copy, Debug)]
pub struct Peer(EthernetAddress);

/// An interface and its stack.
pub struct Link<P: Platform> {
    /// The interface.
    pub net: NetFront<P>,
    pub(crate) stack: Interface,
    pub(crate) platform: P,
    /// The last port of ours.
    port: u16,
    /// The time of the last wait: each reading costs an exit where Xen emulates the time-stamp
    /// counter.
    pub(crate) now: Instant,
}

impl<P: Platform> core::fmt::Debug for Link<P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Link").field("net", &self.net.vif()).finish_non_exhaustive()
    }
}

impl<P: Platform> Link<P> {
    /// Connects the first interface, and gives it an address.
    ///
    /// # Errors
    ///
    /// [`Error::NoNet`]; those of the store and of the device.
    pub fn connect(
        store: &XenStore<P>,
        grants: &GrantTable<P>,
        address: Ipv4Addr,
    ) -> Result<Self, Error> {
        let platform = store.platform().clone();
        let vif = list::<1>(store)?.first().copied().ok_or(Error::NoNet)?;
        let mut net = NetFront::new(store, grants, vif, NetFrontConfig::default())?;
        let deadline = platform.now() + TIMEOUT;
        loop {
            let now = platform.now();
            match net.poll(now)? {
                DeviceState::Connected => break,
                state if now >= deadline => return Err(Error::Timeout(state)),
                _ => store.wait(net.poll_timeout(now).map_or(deadline, |next| next.min(deadline))),
            }
        }
        let mut config = Config::new(EthernetAddress(net.mac().0).into());
        config.random_seed = platform.now().as_nanos();
        let mut stack = Interface::new(config, &mut net.phy(), timestamp(platform.now()));
        stack.update_ip_addrs(|all| {
            // There is room for the first one.
            let _ = all.push(IpCidr::new(address.into(), 24));
        });
        let now = platform.now();
        Ok(Self { net, stack, platform, port: 50_000, now })
    }

    /// Closes the interface, and waits until the backend has released it.
    ///
    /// # Errors
    ///
    /// Those of the device.
    pub fn close(self) -> Result<(), Error> {
        Ok(self.net.close_and_wait()?)
    }

    /// Does `count` operations; calls `begin` before the first one, after what precedes it.
    /// Returns the number of those that dom0 saw.
    ///
    /// `wait` returns after an event of the interface. There is no timer: the link loses no packet
    /// of a stream, and neither end delays its acknowledgements.
    ///
    /// # Errors
    ///
    /// [`Error::Lost`], [`Error::NoAnswer`], [`Error::Refused`]; those of the device.
    pub fn run(
        &mut self,
        traffic: Traffic,
        count: u64,
        mut begin: impl FnMut(),
        mut wait: impl FnMut(&mut NetFront<P>),
    ) -> Result<u64, Error> {
        let len = count * PIECE;
        match traffic {
            Traffic::TcpOut => {
                let mut tcp = self.connect_tcp(SINK)?;
                begin();
                tcp.send_all(&len.to_ne_bytes(), 8, &mut wait)?;
                tcp.send_all(&[], len, &mut wait)?;
                tcp.receive_all(1, &mut wait)?;
                tcp.end();
            }
            Traffic::TcpIn => {
                let mut tcp = self.connect_tcp(SOURCE)?;
                begin();
                tcp.send_all(&len.to_ne_bytes(), 8, &mut wait)?;
                tcp.receive_all(len, &mut wait)?;
                tcp.end();
            }
            Traffic::TcpRr => {
                let mut tcp = self.connect_tcp(ECHO)?;
                begin();
                for _ in 0..count {
                    tcp.send_all(&[0], 1, &mut wait)?;
                    tcp.receive_all(1, &mut wait)?;
                }
                tcp.end();
            }
            Traffic::UdpOut => {
                let mut udp = self.open_udp(UDP_SINK)?;
                begin();
                return udp.send_all(count, &mut wait);
            }
            Traffic::UdpIn => {
                let mut udp = self.open_udp(UDP_SOURCE)?;
                begin();
                udp.receive_all(count, &mut wait)?;
            }
        }
        Ok(count)
    }

    /// Returns dom0's address.
    ///
    /// # Errors
    ///
    /// [`Error::NoAnswer`]; those of the device.
    pub fn peer(&mut self) -> Result<Peer, Error> {
        self.resolve().map(Peer)
    }

    /// Sends a datagram of one byte, which dom0 awaits before it changes the domain.
    ///
    /// # Errors
    ///
    /// Those of the device.
    pub fn notify(&mut self, Peer(dom0): Peer) -> Result<(), Error> {
        let mut udp = Udp { ours: self.port, peer: NOTIFIED, dom0, link: self };
        let frame = udp.frame(&[0]);
        udp.send(&frame, &mut |net| net.wait(None))?;
        Ok(self.net.flush()?)
    }

    /// Sends the datagram of [`notify`](Self::notify) and asks for dom0's address, each millisecond
    /// until dom0 answers: a bridge drops what comes before its port forwards.
    ///
    /// # Errors
    ///
    /// [`Error::NoAnswer`]; those of the device.
    pub fn notify_until_answered(&mut self, peer: Peer) -> Result<(), Error> {
        let mut is_answered = false;
        let deadline = self.platform.now() + TIMEOUT;
        loop {
            self.notify(peer)?;
            self.ask()?;
            let next = self.platform.now() + Duration::from_millis(1);
            if next >= deadline {
                return Err(Error::NoAnswer);
            }
            while self.platform.now() < next {
                let take = |packet: &mut [u8], _| is_answered |= arp_reply(packet).is_some();
                if self.net.receive_with(take)?.is_none() {
                    self.net.wait(Some(next));
                }
                if is_answered {
                    return Ok(());
                }
            }
        }
    }

    fn connect_tcp(&mut self, port: u16) -> Result<Tcp<'_, P>, Error> {
        self.port += 1;
        let mut socket = stream_socket();
        let peer = (IpAddress::from(DOM0), port);
        socket.connect(self.stack.context(), peer, self.port).map_err(|_| Error::Refused)?;
        let mut sockets = SocketSet::new(Vec::new());
        let handle = sockets.add(socket);
        let deadline = self.platform.now() + TIMEOUT;
        let mut tcp = Tcp { link: self, sockets, handle };
        loop {
            tcp.poll()?;
            let next = tcp.link.now + Duration::from_millis(10);
            match tcp.socket().state() {
                State::Established => return Ok(tcp),
                State::Closed => return Err(Error::Refused),
                _ if tcp.link.platform.now() >= deadline => return Err(Error::NoAnswer),
                _ => tcp.wait(&mut |net| net.wait(Some(next))),
            }
        }
    }

    fn open_udp(&mut self, port: u16) -> Result<Udp<'_, P>, Error> {
        self.port += 1;
        let dom0 = self.resolve()?;
        Ok(Udp { ours: self.port, peer: port, dom0, link: self })
    }

    /// Asks for dom0's Ethernet address.
    fn ask(&mut self) -> Result<(), Error> {
        let ours = EthernetAddress(self.net.mac().0);
        let arp = ArpRepr::EthernetIpv4 {
            operation: ArpOperation::Request,
            source_hardware_addr: ours,
            source_protocol_addr: OURS,
            target_hardware_addr: EthernetAddress::default(),
            target_protocol_addr: DOM0,
        };
        let header = EthernetRepr {
            src_addr: ours,
            dst_addr: EthernetAddress::BROADCAST,
            ethertype: EthernetProtocol::Arp,
        };
        let mut frame = vec![0; header.buffer_len() + arp.buffer_len()];
        header.emit(&mut EthernetFrame::new_unchecked(&mut frame[..]));
        arp.emit(&mut ArpPacket::new_unchecked(&mut frame[header.buffer_len()..]));
        self.net.transmit(&frame, PacketMeta::default())?;
        Ok(self.net.flush()?)
    }

    /// Returns dom0's Ethernet address.
    fn resolve(&mut self) -> Result<EthernetAddress, Error> {
        self.ask()?;
        let deadline = self.platform.now() + TIMEOUT;
        let mut found = None;
        while found.is_none() {
            let used = self.net.receive_with(|packet, _| found = arp_reply(packet))?;
            if used.is_none() {
                if self.platform.now() >= deadline {
                    return Err(Error::NoAnswer);
                }
                self.net.wait(Some(deadline));
            }
        }
        found.ok_or(Error::NoAnswer)
    }
}

/// Makes the socket of a stream.
pub(crate) fn stream_socket() -> Socket<'static> {
    let buffer = || SocketBuffer::new(vec![0; SOCKET]);
    let mut socket = Socket::new(buffer(), buffer());
    socket.set_nagle_enabled(false);
    socket.set_ack_delay(None);
    socket
}

/// Returns the address in dom0's answer.
fn arp_reply(packet: &[u8]) -> Option<EthernetAddress> {
    let frame = EthernetFrame::new_checked(packet).ok()?;
    if frame.ethertype() != EthernetProtocol::Arp {
        return None;
    }
    match ArpRepr::parse(&ArpPacket::new_checked(frame.payload()).ok()?).ok()? {
        ArpRepr::EthernetIpv4 {
            operation: ArpOperation::Reply,
            source_hardware_addr,
            source_protocol_addr: DOM0,
            ..
        } => Some(source_hardware_addr),
        _ => None,
    }
}

/// A stream.
struct Tcp<'l, P: Platform> {
    link: &'l mut Link<P>,
    sockets: SocketSet<'static>,
    handle: SocketHandle,
}

impl<P: Platform> Tcp<'_, P> {
    fn socket(&mut self) -> &mut Socket<'static> {
        self.sockets.get_mut(self.handle)
    }

    /// Returns whether something has changed.
    fn poll(&mut self) -> Result<bool, Error> {
        let Link { net, stack, now, .. } = &mut *self.link;
        let result = stack.poll(timestamp(*now), &mut net.phy(), &mut self.sockets);
        net.flush()?;
        Ok(result == PollResult::SocketStateChanged)
    }

    fn wait(&mut self, wait: &mut impl FnMut(&mut NetFront<P>)) {
        wait(&mut self.link.net);
        self.link.now = self.link.platform.now();
    }

    /// Sends `len` bytes, which are `data` and then what the socket's buffer has, and waits until
    /// dom0 has acknowledged them. No byte is copied into the buffer but those of `data`.
    fn send_all(
        &mut self,
        data: &[u8],
        len: u64,
        wait: &mut impl FnMut(&mut NetFront<P>),
    ) -> Result<(), Error> {
        let (mut data, mut left) = (data, len);
        loop {
            let mut moved = false;
            while left > 0 {
                let fill = |buffer: &mut [u8]| {
                    let taken = buffer.len().min(left.min(CALL as u64) as usize);
                    let first = data.len().min(taken);
                    buffer[..first].copy_from_slice(&data[..first]);
                    data = &data[first..];
                    (taken, taken)
                };
                let sent = self.socket().send(fill).map_err(|_| Error::Lost)?;
                if sent == 0 {
                    break;
                }
                left -= sent as u64;
                moved = true;
            }
            let changed = self.poll()?;
            // The answer to a short message comes before its acknowledgement.
            if left == 0 && (len < PIECE || self.socket().send_queue() == 0) {
                return Ok(());
            }
            if !moved && !changed {
                self.wait(wait);
            }
        }
    }

    fn receive_all(
        &mut self,
        len: u64,
        wait: &mut impl FnMut(&mut NetFront<P>),
    ) -> Result<(), Error> {
        let mut left = len;
        while left > 0 {
            let mut moved = false;
            while self.socket().can_recv() {
                let take = |data: &mut [u8]| (data.len(), data.len());
                let received = self.socket().recv(take).map_err(|_| Error::Lost)?;
                left = left.saturating_sub(received as u64);
                moved = true;
            }
            if !self.socket().may_recv() && left > 0 {
                return Err(Error::Lost);
            }
            // Also opens the window again.
            let changed = self.poll()?;
            if left > 0 && !moved && !changed {
                self.wait(wait);
            }
        }
        Ok(())
    }

    /// Resets the connection.
    fn end(mut self) {
        self.socket().abort();
        // What the driver refuses shows in the next operation.
        let _ = self.poll();
    }
}

/// Datagrams, as frames of our own.
struct Udp<'l, P: Platform> {
    link: &'l mut Link<P>,
    dom0: EthernetAddress,
    ours: u16,
    peer: u16,
}

impl<P: Platform> Udp<'_, P> {
    fn frame(&self, data: &[u8]) -> Vec<u8> {
        let udp = UdpRepr { src_port: self.ours, dst_port: self.peer };
        let ip = Ipv4Repr {
            src_addr: OURS,
            dst_addr: DOM0,
            next_header: IpProtocol::Udp,
            payload_len: udp.header_len() + data.len(),
            hop_limit: 64,
        };
        let header = EthernetRepr {
            src_addr: EthernetAddress(self.link.net.mac().0),
            dst_addr: self.dom0,
            ethertype: EthernetProtocol::Ipv4,
        };
        let mut checksums = ChecksumCapabilities::default();
        checksums.udp = smoltcp::phy::Checksum::None;
        let (at_ip, at_udp) = (header.buffer_len(), header.buffer_len() + ip.buffer_len());
        let mut frame = vec![0; at_udp + ip.payload_len];
        header.emit(&mut EthernetFrame::new_unchecked(&mut frame[..]));
        ip.emit(&mut Ipv4Packet::new_unchecked(&mut frame[at_ip..]), &checksums);
        udp.emit(
            &mut UdpPacket::new_unchecked(&mut frame[at_udp..]),
            &OURS.into(),
            &DOM0.into(),
            data.len(),
            |payload| payload.copy_from_slice(data),
            &checksums,
        );
        frame
    }

    fn send(&mut self, frame: &[u8], wait: &mut impl FnMut(&mut NetFront<P>)) -> Result<(), Error> {
        loop {
            match self.link.net.transmit(frame, PacketMeta::new(ChecksumState::Partial)) {
                Err(TxError::Full) => {
                    self.link.net.flush()?;
                    wait(&mut self.link.net);
                    while self.link.net.receive_with(|_, _| ())?.is_some() {}
                }
                result => return Ok(result?),
            }
        }
    }

    /// Sends datagrams; returns the number of those that came.
    fn send_all(
        &mut self,
        count: u64,
        wait: &mut impl FnMut(&mut NetFront<P>),
    ) -> Result<u64, Error> {
        let frame = self.frame(&[0; DATAGRAM]);
        for _ in 0..count {
            self.send(&frame, wait)?;
        }
        let last = self.frame(&[0]);
        self.send(&last, wait)?;
        self.link.net.flush()?;
        let deadline = self.link.platform.now() + TIMEOUT;
        let (ours, mut found) = (self.ours, None);
        while found.is_none() {
            let take = |packet: &mut [u8], _| found = payload(packet, ours).and_then(number);
            if self.link.net.receive_with(take)?.is_none() {
                if self.link.platform.now() >= deadline {
                    return Err(Error::NoAnswer);
                }
                self.link.net.wait(Some(deadline));
            }
        }
        found.ok_or(Error::NoAnswer)
    }

    fn receive_all(
        &mut self,
        count: u64,
        wait: &mut impl FnMut(&mut NetFront<P>),
    ) -> Result<(), Error> {
        let request = self.frame(&(u128::from(count)).to_le_bytes());
        self.send(&request, wait)?;
        self.link.net.flush()?;
        let (ours, mut received, mut told) = (self.ours, 0, 0);
        while received < count {
            let mut taken = false;
            let mut take = |packet: &mut [u8], _| {
                received += u64::from(payload(packet, ours).is_some_and(|p| p.len() == DATAGRAM));
            };
            while self.link.net.receive_with(&mut take)?.is_some() {
                taken = true;
            }
            if received >= told + CREDIT {
                told = received;
                let frame = self.frame(&received.to_ne_bytes());
                self.send(&frame, wait)?;
            }
            self.link.net.flush()?;
            if !taken && received < count {
                wait(&mut self.link.net);
            }
        }
        Ok(())
    }
}

/// Returns the payload of a datagram to port `ours`.
fn payload(packet: &[u8], ours: u16) -> Option<&[u8]> {
    let frame = EthernetFrame::new_checked(packet).ok()?;
    if frame.ethertype() != EthernetProtocol::Ipv4 {
        return None;
    }
    let ip = Ipv4Packet::new_checked(frame.payload()).ok()?;
    if ip.next_header() != IpProtocol::Udp {
        return None;
    }
    let udp = UdpPacket::new_checked(ip.payload()).ok()?;
    (udp.dst_port() == ours).then(|| udp.payload())
}

fn number(payload: &[u8]) -> Option<u64> {
    payload.try_into().map(u64::from_ne_bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a datagram with 8 bytes from dom0 to port 50,001.
    fn datagram() -> Vec<u8> {
        let mut frame = vec![0; 14 + 20 + 8 + 8];
        frame[12..15].copy_from_slice(&[8, 0, 0x45]);
        frame[16..18].copy_from_slice(&36u16.to_be_bytes());
        frame[23] = 17;
        frame[36..38].copy_from_slice(&50_001u16.to_be_bytes());
        frame[38..40].copy_from_slice(&16u16.to_be_bytes());
        frame[42..].copy_from_slice(&77u64.to_ne_bytes());
        frame
    }

    #[test]
    fn payload_is_that_of_our_port() {
        let frame = datagram();
        assert_eq!(payload(&frame, 50_001).and_then(number), Some(77));
        assert_eq!(payload(&frame, 50_002), None);
        for len in 0..frame.len() {
            assert_eq!(payload(&frame[..len], 50_001), None, "{len}");
        }
    }

    #[test]
    fn address_is_taken_from_dom0() {
        let answer = |sender: Ipv4Addr, operation| {
            let arp = ArpRepr::EthernetIpv4 {
                operation,
                source_hardware_addr: EthernetAddress([2; 6]),
                source_protocol_addr: sender,
                target_hardware_addr: EthernetAddress([1; 6]),
                target_protocol_addr: OURS,
            };
            let mut frame = vec![0; 14 + arp.buffer_len()];
            frame[12..14].copy_from_slice(&[8, 6]);
            arp.emit(&mut ArpPacket::new_unchecked(&mut frame[14..]));
            arp_reply(&frame)
        };
        assert_eq!(answer(DOM0, ArpOperation::Reply), Some(EthernetAddress([2; 6])));
        assert_eq!(answer(DOM0, ArpOperation::Request), None);
        assert_eq!(answer(OURS, ArpOperation::Reply), None);
    }
}
