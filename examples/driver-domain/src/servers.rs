//! TCP servers for guests to test their network with: echo (port 7, or another), discard (9), and
//! source (19).
//!
//! Discard and source print the digest of their data, for a comparison in the guest.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use log::info;
use sha2::{Digest, Sha256};
use smoltcp::iface::{SocketHandle, SocketSet};
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use smoltcp::time::Duration;

#[cfg(test)]
mod tests;

/// Connections of each kind at a time.
const CONNECTIONS: usize = 2;
/// Bytes that can be on their way from a client.
///
/// A greater window is advertised in units of several bytes. Its end moves back by part of one at
/// times, and the stack drops all segments of a client that has sent up to the old end, even those
/// that acknowledge.
const RECEIVED: usize = u16::MAX as usize;
/// Bytes that can be on their way to a client.
const SENT: usize = 256 * 1024;
/// Timeout of a guest that is gone. TCP needs some seconds, and doubles them, to send again
/// what was lost.
const TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Echo,
    Discard,
    Source,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// No client is connected.
    Idle,
    /// A client is served.
    Open,
    /// The client was served; what is left is for the socket to end.
    Served,
}

struct Server {
    kind: Kind,
    port: u16,
    handle: SocketHandle,
    phase: Phase,
    bytes: u64,
    digest: Sha256,
    noise: Noise,
}

/// All servers.
pub(crate) struct Servers {
    servers: Vec<Server>,
    /// Data of the source.
    source: u64,
}

impl Servers {
    /// Opens the servers, that of echoes on port `echo`; the source sends `source` bytes to each
    /// client.
    pub(crate) fn new(sockets: &mut SocketSet<'static>, echo: u16, source: u64) -> Self {
        let kinds = [(Kind::Echo, echo), (Kind::Discard, 9), (Kind::Source, 19)];
        let servers = kinds.into_iter().flat_map(|kind| [kind; CONNECTIONS]).map(|(kind, port)| {
            let buffer = |size| SocketBuffer::new(vec![0; size]);
            let mut socket = Socket::new(buffer(RECEIVED), buffer(SENT));
            socket.set_timeout(Some(TIMEOUT));
            socket.set_keep_alive(Some(TIMEOUT / 4));
            socket.set_nagle_enabled(false);
            let handle = sockets.add(socket);
            Server {
                kind,
                port,
                handle,
                phase: Phase::Idle,
                bytes: 0,
                digest: Sha256::new(),
                noise: Noise::default(),
            }
        });
        Self { servers: servers.collect(), source }
    }

    /// Moves what can be moved now. Returns whether anything was.
    pub(crate) fn serve(&mut self, sockets: &mut SocketSet<'static>) -> bool {
        let mut moved = 0;
        for server in &mut self.servers {
            moved += server.serve(sockets.get_mut(server.handle), self.source);
        }
        moved != 0
    }
}

impl Server {
    fn serve(&mut self, socket: &mut Socket<'static>, source: u64) -> usize {
        if !socket.is_open() {
            if self.phase == Phase::Open {
                self.tell("cut off");
            }
            self.phase = Phase::Idle;
            // The port is not zero.
            let _ = socket.listen(self.port);
            return 0;
        }
        if matches!(socket.state(), State::Listen | State::SynReceived) {
            return 0;
        }
        if self.phase == Phase::Idle {
            (self.phase, self.bytes, self.digest, self.noise) =
                (Phase::Open, 0, Sha256::new(), Noise::default());
        }
        let moved = match self.kind {
            Kind::Echo => self.echo(socket),
            Kind::Discard => self.discard(socket),
            Kind::Source => self.send(socket, source),
        };
        let over = match self.kind {
            Kind::Source => self.bytes == source,
            _ => !socket.may_recv() && socket.recv_queue() == 0,
        };
        if over && self.phase == Phase::Open {
            socket.close();
            self.tell("done");
            self.phase = Phase::Served;
        }
        moved
    }

    fn tell(&self, how: &str) {
        let Self { kind, bytes, digest, .. } = self;
        match kind {
            // The client has it all back.
            Kind::Echo => info!("{kind:?} {how}: {bytes} bytes"),
            _ => info!("{kind:?} {how}: {bytes} bytes, sha256 {}", Hex(&digest.clone().finalize())),
        }
    }

    fn echo(&mut self, socket: &mut Socket<'static>) -> usize {
        let mut moved = 0;
        loop {
            let room = socket.send_capacity() - socket.send_queue();
            let mut chunk = [0; 2048];
            let wanted = room.min(chunk.len());
            let count =
                if wanted == 0 { 0 } else { socket.recv_slice(&mut chunk[..wanted]).unwrap_or(0) };
            if count == 0 {
                return moved;
            }
            // There is room: checked above.
            let _ = socket.send_slice(&chunk[..count]);
            self.bytes += count as u64;
            moved += count;
        }
    }

    fn discard(&mut self, socket: &mut Socket<'static>) -> usize {
        let mut moved = 0;
        while let Ok(count @ 1..) = socket.recv(|bytes| {
            self.digest.update(&*bytes);
            (bytes.len(), bytes.len())
        }) {
            moved += count;
        }
        self.bytes += moved as u64;
        moved
    }

    fn send(&mut self, socket: &mut Socket<'static>, source: u64) -> usize {
        let mut moved = 0;
        // What a client of the source says is of no interest.
        while let Ok(1..) = socket.recv(|bytes| (bytes.len(), bytes.len())) {}
        loop {
            let left = usize::try_from(source - self.bytes).unwrap_or(usize::MAX);
            let sent = socket.send(|room| {
                let count = room.len().min(left);
                self.noise.fill(&mut room[..count]);
                self.digest.update(&room[..count]);
                (count, count)
            });
            match sent {
                Ok(count @ 1..) => {
                    moved += count;
                    self.bytes += count as u64;
                }
                _ => return moved,
            }
        }
    }
}

struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Bytes without a pattern, the same for every client.
#[derive(Debug)]
struct Noise {
    state: u64,
    /// Bytes of the state that were given out.
    used: usize,
}

impl Default for Noise {
    fn default() -> Self {
        Self { state: 0x9e37_79b9_7f4a_7c15, used: 0 }
    }
}

impl Noise {
    fn fill(&mut self, mut bytes: &mut [u8]) {
        while !bytes.is_empty() {
            let word = self.state.to_le_bytes();
            let rest = &word[self.used..];
            let (now, later) = bytes.split_at_mut(rest.len().min(bytes.len()));
            now.copy_from_slice(&rest[..now.len()]);
            self.used += now.len();
            bytes = later;
            if self.used == word.len() {
                // The generator called xorshift64, by its author G. Marsaglia.
                self.state ^= self.state << 13;
                self.state ^= self.state >> 7;
                self.state ^= self.state << 17;
                self.used = 0;
            }
        }
    }
}
