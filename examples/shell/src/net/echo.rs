//! The client of an echo server.

use super::{CLOSE_TIMEOUT, CONNECT_TIMEOUT, NetError, Nic, Noise, SILENCE, Stack, WINDOW};
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, SocketAddr};
use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};

/// Data sent and received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Echoed {
    /// The bytes that were sent.
    pub sent: u64,
    /// The bytes that came back.
    pub received: u64,
    /// The bytes among them that are not what was sent.
    pub mismatches: u64,
}

impl fmt::Display for Echoed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "tcp-echo sent={} received={} mismatches={}",
            self.sent, self.received, self.mismatches
        )
    }
}

pub(super) fn socket() -> Socket<'static> {
    let mut socket =
        Socket::new(SocketBuffer::new(vec![0; WINDOW]), SocketBuffer::new(vec![0; WINDOW]));
    // Whole segments come from the size of the buffer; the last piece must not wait for an
    // acknowledgement.
    socket.set_nagle_enabled(false);
    socket
}

/// Sends `bytes` bytes of noise over so many connections at once, and compares what comes back,
/// each way at once: an echo server has not room for all of it.
///
/// A connection fails after a time without progress, and with it the others. The counts until then
/// are returned with the error; [`NetError::Refused`] and [`NetError::NoAnswer`] have none.
pub fn tcp_echo<N: Nic>(
    stack: &mut Stack<N>,
    address: IpAddr,
    port: u16,
    bytes: u64,
    connections: u16,
) -> (Echoed, Result<(), NetError>) {
    let peer = SocketAddr::new(address, port);
    let (count, mut open) = (connections.max(1), Vec::new());
    let mut result = Ok(());
    for index in 0..count {
        let share =
            bytes / u64::from(count) + u64::from(u64::from(index) < bytes % u64::from(count));
        match Connection::open(stack, peer, index, share) {
            Ok(connection) => open.push(connection),
            Err(error) => {
                result = Err(error);
                break;
            }
        }
    }
    result = result.and_then(|()| exchange(stack, &mut open, peer));
    let mut echoed = Echoed::default();
    for connection in open {
        echoed.sent += connection.echoed.sent;
        echoed.received += connection.echoed.received;
        echoed.mismatches += connection.echoed.mismatches;
        end(stack, connection.handle);
    }
    match (result, echoed.mismatches) {
        (Ok(()), mismatches @ 1..) => (echoed, Err(NetError::Different { mismatches })),
        (result, _) => (echoed, result),
    }
}

/// A connection to the server.
struct Connection {
    handle: SocketHandle,
    output: Noise,
    input: Noise,
    echoed: Echoed,
    expected: u64,
}

impl Connection {
    fn open<N: Nic>(
        stack: &mut Stack<N>,
        peer: SocketAddr,
        index: u16,
        expected: u64,
    ) -> Result<Self, NetError> {
        let local = stack.next_port();
        let mut socket = socket();
        let (context, sockets) = stack.context();
        // An address that no host can have, such as 0.0.0.0.
        socket
            .connect(context, (peer.ip(), peer.port()), local)
            .map_err(|_| NetError::Refused { peer })?;
        let handle = sockets.add(socket);
        if let Err(error) = connect(stack, handle, peer) {
            end(stack, handle);
            return Err(error);
        }
        let output = Noise::new(stack.seed().wrapping_add(2 * u64::from(index)));
        let input = output.clone();
        Ok(Self { handle, output, input, echoed: Echoed::default(), expected })
    }

    /// Sends and receives what can be now. Returns whether anything could.
    fn move_bytes(&mut self, socket: &mut Socket<'_>) -> bool {
        let mut moved = 0;
        loop {
            let left = self.expected - self.echoed.sent;
            let sent = socket.send(|room| {
                let count = room.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                room[..count].fill_with(|| self.output.next());
                (count, count as u64)
            });
            let received = socket.recv(|bytes| {
                let mismatches = bytes.iter().filter(|&&byte| byte != self.input.next()).count();
                (bytes.len(), (bytes.len() as u64, mismatches as u64))
            });
            let (sent, (received, mismatches)) = (sent.unwrap_or(0), received.unwrap_or((0, 0)));
            self.echoed.sent += sent;
            self.echoed.received += received;
            self.echoed.mismatches += mismatches;
            moved += sent + received;
            if sent + received == 0 {
                return moved != 0;
            }
        }
    }
}

fn connect<N: Nic>(
    stack: &mut Stack<N>,
    handle: SocketHandle,
    peer: SocketAddr,
) -> Result<(), NetError> {
    let connected = stack.run(CONNECT_TIMEOUT, |sockets, _, _| {
        match sockets.get::<Socket<'_>>(handle).state() {
            State::SynSent | State::SynReceived => None,
            State::Closed => Some(Err(NetError::Refused { peer })),
            _ => Some(Ok(())),
        }
    });
    connected.unwrap_or(Err(NetError::NoAnswer { peer, waited: CONNECT_TIMEOUT }))
}

fn exchange<N: Nic>(
    stack: &mut Stack<N>,
    connections: &mut [Connection],
    peer: SocketAddr,
) -> Result<(), NetError> {
    let done = stack.run(SILENCE, |sockets, now, deadline| {
        let mut done = true;
        for connection in &mut *connections {
            let socket = sockets.get_mut::<Socket<'_>>(connection.handle);
            if connection.move_bytes(socket) {
                *deadline = now + SILENCE;
            }
            let (received, expected) = (connection.echoed.received, connection.expected);
            if received < expected {
                done = false;
                if !socket.may_recv() {
                    return Some(Err(NetError::Ended { peer, received, expected }));
                }
            }
        }
        done.then_some(Ok(()))
    });
    let (received, expected) = connections
        .iter()
        .find(|connection| connection.echoed.received < connection.expected)
        .map_or((0, 0), |connection| (connection.echoed.received, connection.expected));
    done.unwrap_or(Err(NetError::Stuck { peer, waited: SILENCE, received, expected }))
}

/// Ends a connection in order, if the peer takes part in time; otherwise at once.
pub(super) fn end<N: Nic>(stack: &mut Stack<N>, handle: SocketHandle) {
    stack.sockets.get_mut::<Socket<'_>>(handle).close();
    let ended = |state| matches!(state, State::Closed | State::TimeWait | State::Listen);
    stack.run(CLOSE_TIMEOUT, |sockets, _, _| {
        ended(sockets.get::<Socket<'_>>(handle).state()).then_some(())
    });
    let socket = stack.sockets.get_mut::<Socket<'_>>(handle);
    if !ended(socket.state()) {
        socket.abort();
    }
    // What the socket had to say last: an acknowledgement, or a reset.
    stack.poll();
    stack.sockets.remove(handle);
}
