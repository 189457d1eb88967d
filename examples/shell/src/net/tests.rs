//! The commands against a second interface at the other end of a cable, in virtual time.

use super::*;
use core::net::{Ipv4Addr, Ipv6Addr};
use smoltcp::phy::{ChecksumCapabilities, Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp::{Socket, State};
use smoltcp::wire::{
    EthernetAddress, Icmpv6Packet, Icmpv6Repr, Ipv6Packet, NdiscNeighborFlags, NdiscRepr,
};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::string::ToString;
use std::vec;
use std::vec::Vec;
use xen_hypercall::Instant;

type Queue = Rc<RefCell<VecDeque<Vec<u8>>>>;

/// One end of the cable, with room for a few frames, as a real ring has.
struct End {
    rx: Queue,
    tx: Queue,
}

const ROOM: usize = 16;

struct Lent<'d>(&'d mut End);

struct Frame(Vec<u8>);
struct Out(Queue);

impl RxToken for Frame {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl TxToken for Out {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = vec![0; len];
        let result = f(&mut frame);
        self.0.borrow_mut().push_back(frame);
        result
    }
}

impl Device for Lent<'_> {
    type RxToken<'a>
        = Frame
    where
        Self: 'a;
    type TxToken<'a>
        = Out
    where
        Self: 'a;

    fn receive(&mut self, _: smoltcp::time::Instant) -> Option<(Frame, Out)> {
        let frame = self.0.rx.borrow_mut().pop_front()?;
        Some((Frame(frame), Out(self.0.tx.clone())))
    }

    fn transmit(&mut self, _: smoltcp::time::Instant) -> Option<Out> {
        (self.0.tx.borrow().len() < ROOM).then(|| Out(self.0.tx.clone()))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = 1514;
        capabilities
    }
}

/// A clock that advances with each wait.
type Clock = Rc<RefCell<Instant>>;

/// The interface at the other end, which no test waits for.
struct Peer {
    end: End,
    clock: Clock,
}

/// The interface under test. While it waits, its peer does what `step` says.
struct Ours<F> {
    end: End,
    clock: Clock,
    peer: Stack<Peer>,
    step: F,
}

impl Nic for Peer {
    type Device<'d> = Lent<'d>;

    fn device(&mut self) -> Lent<'_> {
        Lent(&mut self.end)
    }

    fn now(&self) -> Instant {
        *self.clock.borrow()
    }

    fn wait(&mut self, _: Instant) {
        unreachable!("the peer never waits");
    }
}

impl<F: FnMut(&mut Stack<Peer>)> Nic for Ours<F> {
    type Device<'d>
        = Lent<'d>
    where
        Self: 'd;

    fn device(&mut self) -> Lent<'_> {
        Lent(&mut self.end)
    }

    fn now(&self) -> Instant {
        *self.clock.borrow()
    }

    fn wait(&mut self, deadline: Instant) {
        for _ in 0..2 {
            (self.step)(&mut self.peer);
            self.peer.poll();
        }
        if self.end.rx.borrow().is_empty() {
            let now = self.now();
            let later = now + Duration::from_micros(50);
            *self.clock.borrow_mut() = deadline.min(now + Duration::from_millis(10)).max(later);
        }
    }
}

const OURS: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
const THEIRS: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const OURS_6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2));
const THEIRS_6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1));

fn stack<F: FnMut(&mut Stack<Peer>)>(step: F) -> Stack<Ours<F>> {
    connected(step, OURS, THEIRS, 24)
}

fn stack_6<F: FnMut(&mut Stack<Peer>)>(step: F) -> Stack<Ours<F>> {
    connected(step, OURS_6, THEIRS_6, 64)
}

fn connected<F: FnMut(&mut Stack<Peer>)>(
    step: F,
    ours: IpAddr,
    theirs: IpAddr,
    prefix: u8,
) -> Stack<Ours<F>> {
    let (a, b) = (Queue::default(), Queue::default());
    let clock = Clock::new(RefCell::new(Instant::from_nanos(1_234_567_890)));
    let mac = |last| [0x02, 0, 0, 0, 0, last];
    let peer = Peer { end: End { rx: b.clone(), tx: a.clone() }, clock: clock.clone() };
    let peer = Stack::new(peer, mac(2), Cidr { address: theirs, prefix });
    let nic = Ours { end: End { rx: a, tx: b }, clock, peer, step };
    Stack::new(nic, mac(1), Cidr { address: ours, prefix })
}

/// Runs the peer as an echo server; `spoil` changes the data that it sends back.
fn server(spoil: impl Fn(&mut [u8])) -> impl FnMut(&mut Stack<Peer>) {
    let mut handles = Vec::new();
    move |peer| {
        while handles.len() < 2 {
            handles.push(peer.sockets.add(echo::socket()));
        }
        for &handle in &handles {
            let socket = peer.sockets.get_mut::<Socket<'_>>(handle);
            if socket.state() == State::Closed {
                socket.listen(7).unwrap();
            }
            while socket.can_recv() && socket.can_send() {
                let mut piece = [0; 999];
                let room = (socket.send_capacity() - socket.send_queue()).min(piece.len());
                let count = socket.recv_slice(&mut piece[..room]).unwrap();
                spoil(&mut piece[..count]);
                assert_eq!(socket.send_slice(&piece[..count]), Ok(count));
            }
            if socket.state() == State::CloseWait && !socket.may_recv() {
                socket.close();
            }
        }
    }
}

#[test]
fn gratuitous_arp_after_migration() {
    let mut stack = stack(|_| {});
    stack.announce();
    let frame = stack.nic().end.tx.borrow_mut().pop_front().unwrap();
    let mac = [0x02, 0, 0, 0, 0, 1];
    let mut expected = Vec::new();
    for part in
        [&[0xff; 6][..], &mac, &[0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 1], &mac, &[10, 0, 0, 2]]
    {
        expected.extend_from_slice(part);
    }
    assert_eq!(frame[..32], expected);
    assert_eq!(frame[38..], [10, 0, 0, 2]);
    // A peer that takes it, and a device without room, change nothing.
    (0..2 * ROOM).for_each(|_| stack.announce());
    assert_eq!(ping(&mut stack, THEIRS, 1).received, 1);
}

#[test]
fn neighbour_advertisement_after_migration() {
    let mut stack = stack_6(|_| {});
    stack.announce();
    let frame = stack.nic().end.tx.borrow_mut().pop_front().unwrap();
    assert_eq!(frame[..14], [0x33, 0x33, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 1, 0x86, 0xdd]);
    let packet = Ipv6Packet::new_checked(&frame[14..]).unwrap();
    assert_eq!((packet.hop_limit(), packet.src_addr().into()), (255, OURS_6));
    let message = Icmpv6Packet::new_checked(packet.payload()).unwrap();
    let caps = ChecksumCapabilities::default();
    let repr = Icmpv6Repr::parse(&packet.src_addr(), &packet.dst_addr(), &message, &caps);
    let Ok(Icmpv6Repr::Ndisc(NdiscRepr::NeighborAdvert { flags, target_addr, lladdr })) = repr
    else {
        panic!("{repr:?}");
    };
    assert_eq!((flags, IpAddr::V6(target_addr)), (NdiscNeighborFlags::OVERRIDE, OURS_6));
    assert_eq!(lladdr, Some(EthernetAddress([0x02, 0, 0, 0, 0, 1]).into()));
}

#[test]
fn ipv6_has_echo_and_stream() {
    let mut stack = stack_6(server(|_| {}));
    assert!(stack.reaches(THEIRS_6) && !stack.reaches(THEIRS));
    assert_eq!(ping(&mut stack, THEIRS_6, 5).to_string(), "ping fd00::1 sent=5 received=5");
    let (echoed, result) = tcp_echo(&mut stack, THEIRS_6, 7, 1 << 20, 1);
    assert_eq!((result, echoed.received, echoed.mismatches), (Ok(()), 1 << 20, 0));
    let (_, result) = tcp_echo(&mut stack, THEIRS_6, 9, 512, 1);
    assert_eq!(result.unwrap_err().to_string(), "[fd00::1]:9 refused the connection");
}

#[test]
fn each_echo_request_has_its_reply() {
    let mut stack = stack(|_| {});
    let pinged = ping(&mut stack, THEIRS, 20);
    assert_eq!(pinged.to_string(), "ping 10.0.0.1 sent=20 received=20");
}

#[test]
fn unused_address_costs_a_second_each() {
    let mut stack = stack(|_| {});
    let start = stack.nic().now();
    let pinged = ping(&mut stack, [10, 0, 0, 99].into(), 3);
    assert_eq!(pinged.to_string(), "ping 10.0.0.99 sent=3 received=0");
    let took = stack.nic().now().saturating_duration_since(start);
    assert!((Duration::from_secs(4)..Duration::from_secs(5)).contains(&took), "{took:?}");
    // And it is no hindrance to the next one.
    assert_eq!(ping(&mut stack, THEIRS, 1).received, 1);
}

#[test]
fn megabyte_is_echoed_unchanged() {
    let mut stack = stack(server(|_| {}));
    let (echoed, result) = tcp_echo(&mut stack, THEIRS, 7, 1 << 20, 1);
    assert_eq!(result, Ok(()));
    assert_eq!(echoed.to_string(), "tcp-echo sent=1048576 received=1048576 mismatches=0");
    // The port is free again, and a second connection finds the server.
    assert_eq!(tcp_echo(&mut stack, THEIRS, 7, 0, 1).1, Ok(()));
}

#[test]
fn connections_share_the_bytes() {
    let mut stack = stack(server(|_| {}));
    let (echoed, result) = tcp_echo(&mut stack, THEIRS, 7, 100_001, 2);
    assert_eq!((result, echoed.sent, echoed.received), (Ok(()), 100_001, 100_001));
    // The server has no room for a third one.
    let (_, result) = tcp_echo(&mut stack, THEIRS, 7, 100_001, 3);
    assert!(matches!(result, Err(NetError::Refused { .. })), "{result:?}");
    assert_eq!(tcp_echo(&mut stack, THEIRS, 7, 100, 2).1, Ok(()));
}

#[test]
fn different_bytes_are_counted() {
    let mut stack = stack(server(|bytes| bytes[0] ^= 1));
    let (echoed, result) = tcp_echo(&mut stack, THEIRS, 7, 100, 1);
    assert_eq!(
        (echoed.received, result),
        (100, Err(NetError::Different { mismatches: echoed.mismatches }))
    );
    assert!(echoed.mismatches > 0);
}

#[test]
fn refused_and_silent_peers_differ() {
    let mut stack = stack(|_| {});
    let (echoed, result) = tcp_echo(&mut stack, THEIRS, 9, 512, 1);
    assert_eq!(echoed, Echoed::default());
    assert_eq!(result.unwrap_err().to_string(), "10.0.0.1:9 refused the connection");
    let (_, result) = tcp_echo(&mut stack, [10, 0, 0, 99].into(), 9, 512, 1);
    assert_eq!(result.unwrap_err().to_string(), "10.0.0.99:9 did not answer within 10000 ms");
}

#[test]
fn silent_server_does_not_block_client() {
    let mut handle = None;
    let mut stack = stack(move |peer: &mut Stack<Peer>| {
        let handle = *handle.get_or_insert_with(|| peer.sockets.add(echo::socket()));
        let socket = peer.sockets.get_mut::<Socket<'_>>(handle);
        if socket.state() == State::Closed {
            socket.listen(7).unwrap();
        }
    });
    let (echoed, result) = tcp_echo(&mut stack, THEIRS, 7, 1 << 20, 1);
    assert_eq!(echoed.received, 0);
    assert!(matches!(result, Err(NetError::Stuck { .. })), "{result:?}");
}

#[test]
fn server_echoes_and_ends_after_connections() {
    const BYTES: usize = 300_000;
    let (mut handle, mut ended) = (None, 0);
    let (mut sent, mut received) = (0, 0);
    let mut stack = stack(move |peer: &mut Stack<Peer>| {
        let port = peer.next_port();
        let handle = *handle.get_or_insert_with(|| peer.sockets.add(echo::socket()));
        let (context, sockets) = peer.context();
        let socket = sockets.get_mut::<Socket<'_>>(handle);
        while socket.can_recv() {
            received += socket
                .recv(|bytes| {
                    assert!(
                        bytes.iter().enumerate().all(|(i, &byte)| byte == (received + i) as u8)
                    );
                    (bytes.len(), bytes.len())
                })
                .unwrap();
        }
        match socket.state() {
            State::Closed if ended < 2 => {
                (sent, received) = (0, 0);
                socket.connect(context, (OURS, 5000), port).unwrap();
            }
            State::TimeWait => {
                assert_eq!(received, BYTES);
                ended += 1;
                socket.abort();
            }
            _ => {
                while sent < BYTES && socket.can_send() {
                    sent += socket
                        .send(|room| {
                            let count = room.len().min(BYTES - sent);
                            (0..count).for_each(|i| room[i] = (sent + i) as u8);
                            (count, count)
                        })
                        .unwrap();
                }
                if sent == BYTES {
                    // Half of the connection only: what comes back still does.
                    socket.close();
                }
            }
        }
    });
    let (served, result) = tcp_serve(&mut stack, 5000, 2);
    assert_eq!((served.connections, served.bytes, result), (2, 2 * BYTES as u64, Ok(())));
}

#[test]
fn a_server_without_clients_gives_up() {
    let mut stack = stack(|_| {});
    let (served, result) = tcp_serve(&mut stack, 5000, 3);
    assert_eq!(served, Served::default());
    let text = "nothing came to port 5000 for 60000 ms, found 0 connections, expected 3";
    assert_eq!(result.unwrap_err().to_string(), text);
}
