//! The other end of a network's cases, for a guest beside this one: the streams of
//! `benches/xen/net.c`.

use crate::Error;
use crate::net::{ECHO, Link, SINK, TIMEOUT, stream_socket};
use alloc::vec::Vec;
use smoltcp::iface::{PollResult, SocketHandle, SocketSet};
use smoltcp::socket::tcp::Socket;
use xen_front::net::{NetFront, timestamp};
use xen_hypercall::{Instant, Platform};

/// Work of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A stream of 8 bytes of length and as many bytes, with an answer of one byte.
    Sink,
    /// An answer to each byte.
    Echo,
}

impl Kind {
    fn port(self) -> u16 {
        match self {
            Kind::Sink => SINK,
            Kind::Echo => ECHO,
        }
    }
}

struct Server {
    kind: Kind,
    handle: SocketHandle,
    /// Bytes of the length that have come.
    length: Vec<u8>,
    /// Bytes still to come.
    left: u64,
}

impl Server {
    /// Does what can be done now. Returns whether there was something to do.
    fn serve(&mut self, socket: &mut Socket<'static>) -> bool {
        if !socket.is_open() {
            self.length.clear();
            // The port is not zero, and the socket is closed.
            return socket.listen(self.kind.port()).is_ok();
        }
        let mut moved = false;
        while socket.can_recv() {
            match self.kind {
                Kind::Echo => {
                    let mut bytes = [0; 64];
                    let received = socket.recv_slice(&mut bytes).unwrap_or(0);
                    let _ = socket.send_slice(&bytes[..received]);
                }
                Kind::Sink => {
                    if socket.recv(|data| (data.len(), self.take(data))) == Ok(true) {
                        // There is room for it: nothing else is sent.
                        let _ = socket.send_slice(&[0]);
                    }
                }
            }
            moved = true;
        }
        if !socket.may_recv() && socket.may_send() && socket.send_queue() == 0 {
            socket.close();
            moved = true;
        }
        moved
    }

    /// Takes a part of a sink's stream. Returns whether it was the last one.
    fn take(&mut self, bytes: &[u8]) -> bool {
        let missing = (size_of::<u64>() - self.length.len()).min(bytes.len());
        let (length, data) = bytes.split_at(missing);
        self.length.extend_from_slice(length);
        if !length.is_empty() {
            let Ok(length) = self.length.as_slice().try_into() else { return false };
            self.left = u64::from_ne_bytes(length);
        }
        let before = self.left;
        self.left = before.saturating_sub(data.len() as u64);
        self.left == 0 && before > 0
    }
}

impl<P: Platform> Link<P> {
    /// Serves the guest beside this one until nothing comes for a while after the first connection.
    /// `wait` returns after an event of the interface, or at the moment that it gets.
    ///
    /// # Errors
    ///
    /// Those of the device.
    pub fn serve(&mut self, mut wait: impl FnMut(&mut NetFront<P>, Instant)) -> Result<(), Error> {
        let mut sockets = SocketSet::new(Vec::new());
        // A connection can begin before its predecessor has ended.
        let kinds = [Kind::Sink, Kind::Sink, Kind::Echo, Kind::Echo];
        let mut servers = kinds.map(|kind| Server {
            kind,
            handle: sockets.add(stream_socket()),
            length: Vec::new(),
            left: 0,
        });
        let mut last = None;
        loop {
            let mut moved = false;
            for server in &mut servers {
                moved |= server.serve(sockets.get_mut(server.handle));
            }
            let Self { net, stack, now, .. } = &mut *self;
            let polled = stack.poll(timestamp(*now), &mut net.phy(), &mut sockets);
            net.flush()?;
            if polled == PollResult::SocketStateChanged || moved {
                last = Some(self.now);
                continue;
            }
            wait(&mut self.net, self.now + TIMEOUT);
            self.now = self.platform.now();
            if last.is_some_and(|last| self.now.saturating_duration_since(last) > 6 * TIMEOUT) {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sink_takes_length_in_pieces() {
        let mut sockets = SocketSet::new(Vec::new());
        let handle = sockets.add(stream_socket());
        let mut server = Server { kind: Kind::Sink, handle, length: Vec::new(), left: 0 };
        let length = 5_u64.to_ne_bytes();
        assert!(!server.take(&length[..3]));
        assert!(!server.take(&[&length[3..], &[1, 2]].concat()));
        assert!(!server.take(&[3, 4]));
        assert!(server.take(&[5]));
        assert!(!server.take(&[6]));
    }
}
