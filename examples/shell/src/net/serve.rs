//! An echo server.

use super::echo::{end, socket};
use super::{NetError, Nic, Stack};
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;
use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::{Socket, State};

/// Maximum time without a new connection or data on an open one.
const IDLE: Duration = Duration::from_secs(60);

/// The most connections at once.
const AT_ONCE: u32 = 4;

/// Work of a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// The connections that have ended.
    pub connections: u32,
    /// The bytes that were sent back.
    pub bytes: u64,
}

impl fmt::Display for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tcp-serve connections={} bytes={}", self.connections, self.bytes)
    }
}

/// Sends back what comes on so many connections to `port`. It ends when nothing has moved
/// for a minute; what was done until then is returned with the error.
pub fn tcp_serve<N: Nic>(
    stack: &mut Stack<N>,
    port: u16,
    connections: u32,
) -> (Served, Result<(), NetError>) {
    let mut served = Served::default();
    let mut slots: Vec<Slot> = (0..connections.min(AT_ONCE))
        .map(|_| Slot { handle: stack.sockets.add(socket()), busy: false })
        .collect();
    let mut started = 0;
    let done = stack.run(IDLE, |sockets, now, deadline| {
        // As many may connect as are still to come.
        let mut places = connections - started;
        for slot in &mut slots {
            let socket = sockets.get_mut::<Socket<'_>>(slot.handle);
            match slot.serve(socket, port, &mut places, &mut served) {
                Progress::Nothing => continue,
                Progress::Started => started += 1,
                Progress::Moved => {}
            }
            *deadline = now + IDLE;
        }
        (served.connections >= connections).then_some(())
    });
    for slot in &slots {
        end(stack, slot.handle);
    }
    let found = served.connections;
    let result =
        done.ok_or(NetError::Idle { port, waited: IDLE, served: found, expected: connections });
    (served, result)
}

/// A socket that listens, or has a connection.
struct Slot {
    handle: SocketHandle,
    busy: bool,
}

enum Progress {
    Nothing,
    Moved,
    Started,
}

impl Slot {
    fn serve(
        &mut self,
        socket: &mut Socket<'_>,
        port: u16,
        places: &mut u32,
        served: &mut Served,
    ) -> Progress {
        match socket.state() {
            State::Closed | State::Listen | State::SynReceived if !self.busy => {
                if *places == 0 {
                    socket.close();
                } else {
                    *places -= 1;
                    // A closed socket takes any port but 0; one that listens already does not mind.
                    let _ = socket.listen(port);
                }
                return Progress::Nothing;
            }
            State::Closed | State::TimeWait => {
                self.busy = false;
                served.connections += 1;
                socket.abort();
                return Progress::Moved;
            }
            _ => {}
        }
        let started = !core::mem::replace(&mut self.busy, true);
        let bytes = echo(socket);
        served.bytes += bytes;
        if !socket.may_recv() {
            // All that came is queued, and goes out before the end does.
            socket.close();
        }
        match (started, bytes) {
            (true, _) => {
                *places = places.saturating_sub(1);
                Progress::Started
            }
            (false, 0) => Progress::Nothing,
            (false, _) => Progress::Moved,
        }
    }
}

/// Moves what came to what goes out, as far as there is room.
fn echo(socket: &mut Socket<'_>) -> u64 {
    let mut moved = 0;
    let mut piece = [0; 2048];
    loop {
        let room = socket.send_capacity() - socket.send_queue();
        let count = room.min(piece.len());
        let count =
            if socket.may_send() { socket.recv_slice(&mut piece[..count]).unwrap_or(0) } else { 0 };
        if count == 0 {
            return moved;
        }
        // There was room for it.
        let _ = socket.send_slice(&piece[..count]);
        moved += count as u64;
    }
}
