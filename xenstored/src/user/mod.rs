//! xenstore for programs: a client over a Unix socket or the kernel's device, and the server behind
//! a socket.
//!
//! ```no_run
//! use std::time::Duration;
//! use xen_store::XsOps;
//! use xenstored::user;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = user::open()?;
//! println!("{}", store.read_text("/local/domain/0/name")?);
//! let watch = store.watch("@releaseDomain")?;
//! let deadline = store.platform().deadline_after(Duration::from_secs(60));
//! while let Some(event) = watch.wait_next(deadline)? {
//!     println!("{event}");
//! }
//! # Ok(())
//! # }
//! ```

mod daemon;
mod device;
mod inbox;
mod stream;

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
use xen_store::{Limits, Runtime, XenStore};

/// Default path of a server's socket.
const SOCKET: &str = "/var/run/xenstored/socket";
/// Linux's device for the ring of its domain.
const DEVICE: &str = "/dev/xen/xenbus";

/// A client in user space.
pub type UserStore = XenStore<ProcessRuntime, Stream>;

/// Connects to this host's server: to the socket of `XENSTORED_PATH`, or in `XENSTORED_RUNDIR`, or
/// in the default folder; if no server listens there, through the kernel.
///
/// # Errors
///
/// The error of the last attempt.
pub fn open() -> io::Result<UserStore> {
    let path = match (env::var("XENSTORED_PATH"), env::var("XENSTORED_RUNDIR")) {
        (Ok(path), _) => path,
        (_, Ok(dir)) => format!("{dir}/socket"),
        _ => SOCKET.into(),
    };
    connect(path).or_else(|_| open_device(DEVICE))
}

/// Connects to the server that listens on a socket.
///
/// # Errors
///
/// The error of the connection attempt.
pub fn connect(path: impl AsRef<Path>) -> io::Result<UserStore> {
    from_stream(Stream::connect(path.as_ref())?, Limits::default())
}

/// Connects through a kernel's character device; [`open`] uses `/dev/xen/xenbus`.
///
/// # Errors
///
/// The error of opening the device.
pub fn open_device(path: impl AsRef<Path>) -> io::Result<UserStore> {
    from_stream(Stream::device(path.as_ref())?, Limits::default())
}

/// Makes a client from a socket that is connected to a server.
///
/// # Errors
///
/// The error of making the socket non-blocking.
pub fn from_socket(socket: UnixStream) -> io::Result<UserStore> {
    from_stream(Stream::socket(socket)?, Limits::default())
}

/// Makes a client from any stream, with limits.
///
/// # Errors
///
/// `OutOfMemory`.
pub fn from_stream(stream: Stream, limits: Limits) -> io::Result<UserStore> {
    XenStore::with_transport(ProcessRuntime::new(&stream), stream, Port(0), limits)
        .map_err(|_| io::ErrorKind::OutOfMemory.into())
}

/// The process of a client in user space: its memory, its clock and its wait for a stream.
#[derive(Clone, Debug)]
pub struct ProcessRuntime {
    inbox: Arc<Inbox>,
    start: std::time::Instant,
}

impl ProcessRuntime {
    /// Returns the runtime that waits for `stream`.
    pub fn new(stream: &Stream) -> Self {
        Self { inbox: stream.inbox(), start: std::time::Instant::now() }
    }

    /// Returns the deadline that is `timeout` from now.
    pub fn deadline_after(&self, timeout: Duration) -> Instant {
        self.now() + timeout
    }
}

impl Runtime for ProcessRuntime {
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
