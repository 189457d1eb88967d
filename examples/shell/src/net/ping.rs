//! Echo requests.

use super::{Nic, Stack};
use alloc::vec;
use core::fmt;
use core::net::Ipv4Addr;
use core::time::Duration;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::socket::icmp::{Endpoint, PacketBuffer, PacketMetadata, Socket};
use smoltcp::wire::{Icmpv4Packet, Icmpv4Repr};

/// Maximum time of each reply.
const REPLY_TIMEOUT: Duration = Duration::from_secs(1);
/// Maximum time to resolve the address. ARP requests go out once a second, for all addresses
/// together.
const RESOLVE_TIMEOUT: Duration = Duration::from_millis(2500);
const PAYLOAD: &[u8; 56] = &[0x5a; 56];
const IDENT: u16 = 0x5e77;

/// Number of requests sent and replies received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pinged {
    /// Address of the host.
    pub address: Ipv4Addr,
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
pub fn ping<N: Nic>(stack: &mut Stack<N>, address: Ipv4Addr, count: u32) -> Pinged {
    let mut patience = RESOLVE_TIMEOUT;
    let received = (0..count).filter(|&number| {
        let patience = core::mem::replace(&mut patience, REPLY_TIMEOUT);
        ping_once(stack, address, number as u16, patience)
    });
    Pinged { address, sent: count, received: received.count() as u32 }
}

fn ping_once<N: Nic>(
    stack: &mut Stack<N>,
    address: Ipv4Addr,
    seq_no: u16,
    patience: Duration,
) -> bool {
    // A socket for each: an unsent request, because no host has that address, must not wait in
    // the next one's way.
    let buffer = || PacketBuffer::new(vec![PacketMetadata::EMPTY; 4], vec![0; 1024]);
    let mut socket = Socket::new(buffer(), buffer());
    let request = Icmpv4Repr::EchoRequest { ident: IDENT, seq_no, data: PAYLOAD };
    // A fresh socket takes both.
    let bound = socket.bind(Endpoint::Ident(IDENT)).is_ok();
    if let Ok(bytes) = socket.send(request.buffer_len(), address.into()) {
        request.emit(&mut Icmpv4Packet::new_unchecked(bytes), &ChecksumCapabilities::default());
    }
    let handle = stack.sockets.add(socket);
    let mut left = false;
    let replied = stack.run(patience, |sockets, now, deadline| {
        let socket = sockets.get_mut::<Socket<'_>>(handle);
        if !left && socket.send_queue() == 0 {
            left = true;
            *deadline = now + REPLY_TIMEOUT;
        }
        while let Ok((bytes, from)) = socket.recv() {
            let packet = Icmpv4Packet::new_checked(bytes).ok();
            let reply = packet.and_then(|packet| {
                Icmpv4Repr::parse(&packet, &ChecksumCapabilities::default())
                    .map(|repr| {
                        repr == Icmpv4Repr::EchoReply { ident: IDENT, seq_no, data: PAYLOAD }
                    })
                    .ok()
            });
            if from == address.into() && reply == Some(true) {
                return Some(());
            }
        }
        None
    });
    stack.sockets.remove(handle);
    bound && replied.is_some()
}
