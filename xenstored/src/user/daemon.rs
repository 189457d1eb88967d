//! The server behind a Unix socket.

use crate::server::{ConnectionId, Domains, Server};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::Mode;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, socket_with};
use std::boxed::Box;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;
use std::vec::Vec;
use std::{fmt, fs, vec};
use xen_hypercall::{DomId, Instant};

/// Bytes that are moved at once.
const CHUNK: usize = 16 << 10;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 128;

struct Client {
    id: ConnectionId,
    socket: UnixStream,
    /// Bytes of the server that the socket has not taken yet.
    out: Vec<u8>,
    gone: bool,
}

/// A server that listens on a Unix socket; every client there has the rights of the control domain.
/// One thread serves all.
pub struct Daemon {
    server: Server,
    listener: UnixListener,
    clients: Vec<Client>,
    domains: Box<dyn Domains + Send>,
    chunk: Vec<u8>,
    start: std::time::Instant,
}

impl Daemon {
    /// Listens on `path`, in the place of any server that did before.
    ///
    /// The socket has mode 0600, as that of Xen's server has: a client has the control domain's
    /// rights, so only processes of the same user may connect.
    ///
    /// # Errors
    ///
    /// Those of binding the socket.
    pub fn bind(
        path: impl AsRef<Path>,
        server: Server,
        domains: Box<dyn Domains + Send>,
    ) -> io::Result<Self> {
        let path = path.as_ref();
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = listen(path)?;
        let start = std::time::Instant::now();
        Ok(Self { server, listener, clients: Vec::new(), domains, chunk: vec![0; CHUNK], start })
    }

    /// Returns the server.
    pub fn server(&mut self) -> &mut Server {
        &mut self.server
    }

    /// Waits for clients, at most for `timeout` if there is one, and serves them. Returns as well
    /// when a client's time to read its events [ends](Server::tick). [`Server::breach`] then
    /// returns whether a client that the owner has connected for a guest must be disconnected.
    ///
    /// # Errors
    ///
    /// Those of waiting; what goes wrong with a client ends that client.
    pub fn serve(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let patience = self.tick();
        let (accepting, ready) = self.wait(timeout.into_iter().chain(patience).min())?;
        self.tick();
        if accepting {
            while let Ok((socket, _)) = self.listener.accept() {
                if socket.set_nonblocking(true).is_ok() {
                    let id = self.server.connect(DomId(0));
                    self.clients.push(Client { id, socket, out: Vec::new(), gone: false });
                }
            }
        }
        for (client, ready) in self.clients.iter_mut().zip(ready) {
            if ready.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR) {
                client.gone |=
                    client.take(&mut self.server, &mut *self.domains, &mut self.chunk).is_err();
            }
        }
        // What one client did may concern others.
        for client in &mut self.clients {
            client.gone |= client.give(&mut self.server, &mut self.chunk).is_err();
            client.gone |= self.server.breach(client.id).is_some();
        }
        for client in self.clients.iter().filter(|client| client.gone) {
            self.server.disconnect(client.id);
        }
        self.clients.retain(|client| !client.gone);
        Ok(())
    }

    /// Sets the server's time. Returns the time until the next call.
    fn tick(&mut self) -> Option<Duration> {
        let passed = self.start.elapsed();
        let now = Instant::from_nanos(u64::try_from(passed.as_nanos()).unwrap_or(u64::MAX));
        self.server.tick(now).map(|end| end.saturating_duration_since(now))
    }

    /// Returns whether a client is to be accepted, and the readiness of each client.
    fn wait(&self, timeout: Option<Duration>) -> io::Result<(bool, Vec<PollFlags>)> {
        let timeout = timeout.map(|time| Timespec {
            tv_sec: time.as_secs() as i64,
            tv_nsec: i64::from(time.subsec_nanos()),
        });
        let listener = self.listener.as_fd();
        let mut wanted = vec![PollFd::new(&listener, PollFlags::IN)];
        for client in &self.clients {
            let taking =
                if self.server.accepts(client.id) { PollFlags::IN } else { PollFlags::empty() };
            let giving = if client.out.is_empty() { PollFlags::empty() } else { PollFlags::OUT };
            wanted.push(PollFd::new(&client.socket, taking | giving));
        }
        match rustix::event::poll(&mut wanted, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let mut ready = wanted.iter().map(PollFd::revents);
        let accepting = ready.next().is_some_and(|ready| ready.contains(PollFlags::IN));
        Ok((accepting, ready.collect()))
    }
}

/// Returns a listening socket at `path` that only its owner may connect to.
///
/// The mode is set before the socket has a name, whatever the umask: afterwards another user could
/// connect in between.
fn listen(path: &Path) -> io::Result<UnixListener> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::fs::fchmod(&socket, Mode::RUSR | Mode::WUSR)?;
    bind(&socket, &SocketAddrUnix::new(path)?)?;
    rustix::net::listen(&socket, BACKLOG)?;
    Ok(socket.into())
}

impl Client {
    fn take(
        &mut self,
        server: &mut Server,
        domains: &mut dyn Domains,
        chunk: &mut [u8],
    ) -> io::Result<()> {
        let count = match self.socket.read(chunk) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        let bytes = chunk.get(..count).unwrap_or_default();
        server.receive(self.id, bytes, domains).map_err(io::Error::other)
    }

    fn give(&mut self, server: &mut Server, chunk: &mut [u8]) -> io::Result<()> {
        loop {
            if self.out.is_empty() {
                let count = server.send(self.id, chunk);
                self.out.extend_from_slice(chunk.get(..count).unwrap_or_default());
            }
            if self.out.is_empty() {
                return Ok(());
            }
            match self.socket.write(&self.out) {
                Ok(count) => drop(self.out.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}

impl fmt::Debug for Daemon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Daemon")
            .field("listener", &self.listener)
            .field("clients", &self.clients.len())
            .finish_non_exhaustive()
    }
}
