//! Echo requests.

use super::{Nic, Stack};
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, Ipv6Addr};
use core::time::Duration;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::socket::icmp::{Endpoint, PacketBuffer, PacketMetadata, Socket};
use smoltcp::wire::{Icmpv4Packet, Icmpv4Repr, Icmpv6Packet, Icmpv6Repr};

/// Maximum time of each reply.
const REPLY_TIMEOUT: Duration = Duration::from_secs(1);
/// Maximum time to resolve the address. Requests for it go out once a second, for all addresses
/// together.
const RESOLVE_TIMEOUT: Duration = Duration::from_millis(2500);
const PAYLOAD: &[u8; 56] = &[0x5a; 56];
const IDENT: u16 = 0x5e77;

/// Number of requests sent and replies received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pinged {
    /// Address of the host.
    pub address: IpAddr,
    /// The requests.
    pub sent: u32,
    /// The replies.
    pub received: u32,
}

impl fmt::Display for Pinged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ping {} sent={} received={}", self.address, self.sent, self.received)
    }
}

/// Sends `count` echo requests to `address`, each when the reply to the last one has come or is
/// failed.
///
/// The first one may take longer, because it has to be found out who has the address.
pub fn ping<N: Nic>(stack: &mut Stack<N>, address: IpAddr, count: u32) -> Pinged {
    let mut patience = RESOLVE_TIMEOUT;
    let received = (0..count).filter(|&number| {
        let patience = core::mem::replace(&mut patience, REPLY_TIMEOUT);
        ping_once(stack, address, number as u16, patience)
    });
    Pinged { address, sent: count, received: received.count() as u32 }
}

fn ping_once<N: Nic>(
    stack: &mut Stack<N>,
    address: IpAddr,
    seq_no: u16,
    patience: Duration,
) -> bool {
    // A socket for each: an unsent request, because no host has that address, must not wait in
    // the next one's way.
    let buffer = || PacketBuffer::new(vec![PacketMetadata::EMPTY; 4], vec![0; 1024]);
    let mut socket = Socket::new(buffer(), buffer());
    // A fresh socket takes both.
    let bound = socket.bind(Endpoint::Ident(IDENT)).is_ok();
    let sent = socket.send_slice(&request(address, seq_no), address.into()).is_ok();
    let handle = stack.sockets.add(socket);
    let mut left = false;
    let replied = stack.run(patience, |sockets, now, deadline| {
        let socket = sockets.get_mut::<Socket<'_>>(handle);
        if !left && socket.send_queue() == 0 {
            left = true;
            *deadline = now + REPLY_TIMEOUT;
        }
        while let Ok((bytes, from)) = socket.recv() {
            if from == address.into() && is_reply(address, bytes, seq_no) {
                return Some(());
            }
        }
        None
    });
    stack.sockets.remove(handle);
    bound && sent && replied.is_some()
}

/// Returns an echo request. The stack writes its checksum.
fn request(address: IpAddr, seq_no: u16) -> Vec<u8> {
    let checksums = ChecksumCapabilities::default();
    match address {
        IpAddr::V4(_) => {
            let request = Icmpv4Repr::EchoRequest { ident: IDENT, seq_no, data: PAYLOAD };
            let mut bytes = vec![0; request.buffer_len()];
            request.emit(&mut Icmpv4Packet::new_unchecked(&mut bytes), &checksums);
            bytes
        }
        IpAddr::V6(address) => {
            let request = Icmpv6Repr::EchoRequest { ident: IDENT, seq_no, data: PAYLOAD };
            let mut bytes = vec![0; request.buffer_len()];
            let mut packet = Icmpv6Packet::new_unchecked(&mut bytes);
            request.emit(&Ipv6Addr::UNSPECIFIED, &address, &mut packet, &checksums);
            bytes
        }
    }
}

/// Returns whether `bytes` are the reply of `address`. The stack has checked the checksum.
fn is_reply(address: IpAddr, bytes: &[u8], seq_no: u16) -> bool {
    let checksums = ChecksumCapabilities::ignored();
    match address {
        IpAddr::V4(_) => {
            let reply = Icmpv4Repr::EchoReply { ident: IDENT, seq_no, data: PAYLOAD };
            let packet = Icmpv4Packet::new_checked(bytes).ok();
            packet.is_some_and(|packet| Icmpv4Repr::parse(&packet, &checksums) == Ok(reply))
        }
        IpAddr::V6(address) => {
            let reply = Icmpv6Repr::EchoReply { ident: IDENT, seq_no, data: PAYLOAD };
            let own = Ipv6Addr::UNSPECIFIED;
            Icmpv6Packet::new_checked(bytes).is_ok_and(|packet| {
                Icmpv6Repr::parse(&address, &own, &packet, &checksums) == Ok(reply)
            })
        }
    }
}
