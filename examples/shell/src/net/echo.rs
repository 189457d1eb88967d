//! The client of an echo server.

use super::{CLOSE_TIMEOUT, CONNECT_TIMEOUT, NetError, Nic, Noise, SILENCE, Stack, WINDOW};
use alloc::vec;
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

/// Sends `bytes` bytes of noise and compares what comes back, both at once: an echo server has not
/// room for all of it.
///
/// The connection fails after a time without progress. The counts until then are
/// returned with the error; [`NetError::Refused`] and [`NetError::NoAnswer`] have none.
pub fn tcp_echo<N: Nic>(
    stack: &mut Stack<N>,
    address: IpAddr,
    port: u16,
    bytes: u64,
) -> (Echoed, Result<(), NetError>) {
    let peer = SocketAddr::new(address, port);
    let mut echoed = Echoed::default();
    let local = stack.next_port();
    let mut socket = socket();
    let (context, sockets) = stack.context();
    if socket.connect(context, (address, port), local).is_err() {
        // An address that no host can have, such as 0.0.0.0.
        return (echoed, Err(NetError::Refused { peer }));
    }
    let handle = sockets.add(socket);
    let result = connect(stack, handle, peer)
        .and_then(|()| exchange(stack, handle, peer, bytes, &mut echoed));
    end(stack, handle);
    match (result, echoed.mismatches) {
        (Ok(()), mismatches @ 1..) => (echoed, Err(NetError::Different { mismatches })),
        (result, _) => (echoed, result),
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
    handle: SocketHandle,
    peer: SocketAddr,
    expected: u64,
    echoed: &mut Echoed,
) -> Result<(), NetError> {
    let mut output = Noise::new(stack.seed());
    let mut input = output.clone();
    let done = stack.run(SILENCE, |sockets, now, deadline| {
        let socket = sockets.get_mut::<Socket<'_>>(handle);
        if echoed.move_bytes(socket, &mut output, &mut input, expected) {
            *deadline = now + SILENCE;
        }
        if echoed.received >= expected {
            return Some(Ok(()));
        }
        let received = echoed.received;
        (!socket.may_recv()).then_some(Err(NetError::Ended { peer, received, expected }))
    });
    done.unwrap_or(Err(NetError::Stuck {
        peer,
        waited: SILENCE,
        received: echoed.received,
        expected,
    }))
}

impl Echoed {
    /// Sends and receives what can be now. Returns whether anything could.
    fn move_bytes(
        &mut self,
        socket: &mut Socket<'_>,
        output: &mut Noise,
        input: &mut Noise,
        expected: u64,
    ) -> bool {
        let mut moved = 0;
        loop {
            let left = expected - self.sent;
            let sent = socket.send(|room| {
                let count = room.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                room[..count].fill_with(|| output.next());
                (count, count as u64)
            });
            let received = socket.recv(|bytes| {
                let mismatches = bytes.iter().filter(|&&byte| byte != input.next()).count();
                (bytes.len(), (bytes.len() as u64, mismatches as u64))
            });
            let (sent, (received, mismatches)) = (sent.unwrap_or(0), received.unwrap_or((0, 0)));
            self.sent += sent;
            self.received += received;
            self.mismatches += mismatches;
            moved += sent + received;
            if sent + received == 0 {
                return moved != 0;
            }
        }
    }
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
