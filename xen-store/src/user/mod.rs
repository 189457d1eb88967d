//! xenstore for programs: the client over a Unix socket or the kernel's device, and the server
//! behind a socket.
//!
//! ```no_run
//! use xen_store::{XsOps, user::UserStore};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = UserStore::open()?;
//! println!("{}", store.read_text("/local/domain/0/name")?);
//! let watch = store.watch("@releaseDomain")?;
//! while let Some(event) = watch.wait_next(store.in_time(std::time::Duration::from_secs(60)))? {
//!     println!("{event}");
//! }
//! # Ok(())
//! # }
//! ```

#[cfg(feature = "server")]
mod daemon;
mod device;
mod inbox;
mod stream;

use crate::client::{Limits, Runtime, XenStore};
#[cfg(feature = "server")]
pub use daemon::Daemon;
use inbox::Inbox;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use std::vec::Vec;
use std::{env, format, io};
pub use stream::Stream;
use xen_hypercall::{Instant, OutOfMemory, Port};

/// Where servers listen unless they are told otherwise.
const SOCKET: &str = "/var/run/xenstored/socket";
/// Linux's way to the ring of the domain that it runs in.
const DEVICE: &str = "/dev/xen/xenbus";

/// A client in user space.
pub type UserStore = XenStore<Process, Stream>;

impl UserStore {
    /// Connects to this host's server: over the socket of `XENSTORED_PATH`, or in
    /// `XENSTORED_RUNDIR`, or in the usual place; if nobody listens there, through the kernel.
    ///
    /// # Errors
    ///
    /// That of the last of these.
    pub fn open() -> io::Result<Self> {
        let path = match (env::var("XENSTORED_PATH"), env::var("XENSTORED_RUNDIR")) {
            (Ok(path), _) => path,
            (_, Ok(dir)) => format!("{dir}/socket"),
            _ => SOCKET.into(),
        };
        Self::connect(path).or_else(|_| Self::device(DEVICE))
    }

    /// Connects to the server that listens on a socket.
    ///
    /// # Errors
    ///
    /// Those of connecting.
    pub fn connect(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::with_limits(Stream::connect(path.as_ref())?, Limits::default())
    }

    /// Connects through a kernel's character device, as [`open`](Self::open) does with
    /// `/dev/xen/xenbus`.
    ///
    /// # Errors
    ///
    /// Those of opening it.
    pub fn device(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::with_limits(Stream::device(path.as_ref())?, Limits::default())
    }

    /// Takes a socket that is connected to a server.
    ///
    /// # Errors
    ///
    /// Those of setting it up.
    pub fn from_socket(socket: UnixStream) -> io::Result<Self> {
        Self::with_limits(Stream::socket(socket)?, Limits::default())
    }

    /// Takes any stream and limits.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`.
    pub fn with_limits(stream: Stream, limits: Limits) -> io::Result<Self> {
        Self::with_transport(Process::of(&stream), stream, Port(0), limits)
            .map_err(|_| io::ErrorKind::OutOfMemory.into())
    }

    /// Returns the moment that is `time` away, as deadlines are given.
    pub fn in_time(&self, time: Duration) -> Instant {
        Runtime::now(self.platform()) + time
    }
}

/// The process that a client in user space runs in.
#[derive(Clone, Debug)]
pub struct Process {
    inbox: Arc<Inbox>,
    start: std::time::Instant,
}

impl Process {
    /// Returns this process as that which waits for a stream.
    pub fn of(stream: &Stream) -> Self {
        Self { inbox: stream.inbox(), start: std::time::Instant::now() }
    }
}

impl Runtime for Process {
    type Memory = Vec<u8>;
    type Shared<T> = Arc<T>;

    fn share<T>(&self, value: T) -> Result<Arc<T>, OutOfMemory> {
        Ok(Arc::new(value))
    }

    fn memory(&self, len: usize) -> Result<Vec<u8>, OutOfMemory> {
        let mut memory = Vec::new();
        memory.try_reserve_exact(len).map_err(|_| OutOfMemory { pages: len.div_ceil(4096) })?;
        memory.resize(len, 0);
        Ok(memory)
    }

    fn now(&self) -> Instant {
        let passed = self.start.elapsed();
        Instant::from_nanos(passed.as_secs() * 1_000_000_000 + u64::from(passed.subsec_nanos()))
    }

    fn progress(&self) -> u64 {
        self.inbox.progress()
    }

    fn wait(&self, _: Port, deadline: Instant, seen: u64) {
        self.inbox.wait(deadline.saturating_duration_since(self.now()), seen);
    }
}
