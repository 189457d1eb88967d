//! The client that drivers share.

mod about;
mod draft;
mod nodes;
mod pending;
mod pipeline;
mod resume;
mod runtime;
mod toolstack;
mod transaction;
mod watch;

use crate::connection::{
    Buffer, Connection, MAX_REQUESTS, MAX_WATCHES, RequestId, RingTransport, Transport,
};
use crate::error::{ErrorKind, StoreError};
use crate::text::PathText;
use crate::wire::{MessageType, Part, XENSTORE_PAYLOAD_MAX};
pub use about::Software;
use core::fmt;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use core::time::Duration;
use draft::Draft;
use nodes::Target;
pub use nodes::XsOps;
pub use pending::Pending;
pub use pipeline::{PIPELINE_DEPTH, Pipeline, TransactionId};
pub use runtime::Runtime;
use spin::Mutex;
pub use transaction::Transaction;
pub use watch::Watch;
use xen_hypercall::boot::BootRing;
use xen_hypercall::{Instant, OutOfMemory, Platform, Port};

pub use crate::connection::WatchEvent;

/// Timeout of a blocking operation, unless [`XenStore::set_timeout`] says otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest single wait. Another thread may take the event that announced our reply together
/// with its own, and has then received ours too, so the state is checked again after this time.
const WAIT_SLICE: Duration = Duration::from_millis(100);

/// Limits of a client: requests in flight and watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests in flight, 2 to 16; each takes a page when the client is made.
    pub requests: usize,
    /// Watches, at most 8192; eight of them take a page. Pages for up to 32 are taken when the
    /// client is made, pages for more as watches are set.
    pub watches: usize,
}

/// Sixteen requests, which a driver that connects has in flight at once, and watches as memory has
/// room for: 22 pages at first.
impl Default for Limits {
    fn default() -> Self {
        Self { requests: MAX_REQUESTS, watches: MAX_WATCHES }
    }
}

/// The most watches that a client has memory for from its start.
const FIRST_WATCHES: usize = 32;

/// A xenstore client, shared between all drivers of a domain.
///
/// Operations on nodes are those of the trait [`XsOps`], outside of any transaction. Blocking ones
/// wait at most for the time set by [`set_timeout`](Self::set_timeout). All methods may be called
/// from any thread, but not from an interrupt handler: a lock is held for the time of a copy, never
/// while waiting, and never while a caller's `Display` or function runs: those may use the store.
///
/// The value is a counted reference to the client: each driver, watch and request has a clone.
pub struct XenStore<P: Runtime, T: Transport = RingTransport<P>> {
    inner: P::Shared<Client<P, T>>,
}

/// The client itself.
pub(crate) struct Client<P: Runtime, T: Transport> {
    platform: P,
    /// Changes when the domain is resumed elsewhere.
    port: AtomicU32,
    timeout: AtomicU64,
    connection: Mutex<Connection<T, P::Memory>>,
}

impl<P: Platform> XenStore<P> {
    /// Makes a client on the ring of boot, without waiting for the server.
    ///
    /// The first thing sent, once the server is there, resets the watches and
    /// transactions of the ring's earlier user.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] if the platform has no pages for the messages. The ring is still there for
    /// [`xenstore_ring`](xen_hypercall::boot::xenstore_ring) to find.
    pub fn new(platform: P, ring: BootRing<P>) -> Result<Self, OutOfMemory> {
        let transport = RingTransport::new(platform.clone(), ring.page, ring.port);
        Self::with_transport(platform, transport, ring.port, Limits::default())
    }
}

impl<P: Runtime, T: Transport> XenStore<P, T> {
    /// Takes any transport, whose events come to `port`, and limits.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] if the platform has no pages for the messages.
    pub fn with_transport(
        platform: P,
        transport: T,
        port: Port,
        limits: Limits,
    ) -> Result<Self, OutOfMemory> {
        let requests = limits.requests.max(2);
        let watches = limits.watches.min(FIRST_WATCHES);
        let buffer = platform.memory(Connection::<T, P::Memory>::buffer_len(requests, watches))?;
        // Nanoseconds differ from boot to boot, which the low bits show most.
        let seed = platform.now().as_nanos() as u32;
        let mut connection = Connection::new(transport, buffer, requests, watches, seed);
        connection.limit_watches(limits.watches);
        // The reply is dropped, also the error of a server that does not support the request.
        if connection.transport().is_inherited() {
            connection.reset_watches();
        }
        let timeout = AtomicU64::new(DEFAULT_TIMEOUT.as_nanos() as u64);
        let shared = platform.clone();
        let client = Client {
            platform,
            port: AtomicU32::new(port.0),
            timeout,
            connection: Mutex::new(connection),
        };
        Ok(Self { inner: shared.share(client)? })
    }

    /// Returns the port to wait for: its events announce replies and watch events. Call
    /// [`poll`](Self::poll) then. It is another one after the domain was [resumed
    /// elsewhere](Self::resume_with).
    pub fn port(&self) -> Port {
        Port(self.inner.port.load(Ordering::Relaxed))
    }

    /// Returns the platform.
    pub fn platform(&self) -> &P {
        &self.inner.platform
    }

    /// Sets how long each blocking operation waits from now on. It is five seconds at first.
    pub fn set_timeout(&self, timeout: Duration) {
        self.inner
            .timeout
            .store(u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Returns how long a blocking operation waits.
    pub fn timeout(&self) -> Duration {
        Duration::from_nanos(self.inner.timeout.load(Ordering::Relaxed))
    }

    /// Sends and receives what can be now, without waiting. Returns whether there may be more to
    /// receive at once.
    ///
    /// Every operation does this by itself; a kernel calls it on an event of the port to keep the
    /// ring empty.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Connection`] if the connection is broken, until it is [reset](Self::reconnect).
    pub fn poll(&self) -> Result<bool, ErrorKind> {
        Ok(self.inner.connection.lock().poll()?)
    }

    /// Returns a number that grows with each received message and each reset of the connection:
    /// while it stays the same, no reply and no watch event is new.
    pub fn activity(&self) -> u64 {
        self.inner.connection.lock().activity()
    }

    /// Waits for an event of the port, at most until `deadline`; may return early.
    pub fn wait(&self, deadline: Instant) {
        self.wait_unless(self.inner.platform.now(), deadline, self.inner.platform.progress());
    }

    fn wait_unless(&self, now: Instant, deadline: Instant, seen: u64) {
        self.inner.platform.wait(self.port(), deadline.min(now + WAIT_SLICE), seen);
    }

    /// Runs `step` until it has a result: polls, and waits for events between, at most until
    /// `deadline`.
    pub(crate) fn block_until<R>(
        &self,
        deadline: Instant,
        mut step: impl FnMut() -> Option<R>,
    ) -> Result<Option<R>, ErrorKind> {
        loop {
            let seen = self.inner.platform.progress();
            let polled = self.poll();
            // A reply that came before the connection broke still counts.
            if let Some(result) = step() {
                return Ok(Some(result));
            }
            let more = polled?;
            let now = self.inner.platform.now();
            if now >= deadline {
                return Ok(None);
            }
            if !more {
                self.wait_unless(now, deadline, seen);
            }
        }
    }

    /// Tries `step` at once, then whenever something was received, until it is neither busy nor
    /// suspended.
    fn attempt<R>(
        &self,
        tx: TxId,
        deadline: Instant,
        timeout: ErrorKind,
        mut step: impl FnMut(&mut Connection<T, P::Memory>) -> Result<R, ErrorKind>,
    ) -> Result<R, ErrorKind> {
        let mut refusal = timeout;
        let mut attempt = || {
            let mut connection = self.connection();
            if tx.id != 0 && tx.epoch != connection.epoch() {
                return Some(Err(ErrorKind::Interrupted { sent: false }));
            }
            match step(&mut connection) {
                Err(ErrorKind::Busy) => refusal = timeout,
                Err(ErrorKind::Quiesced) => refusal = ErrorKind::Quiesced,
                result => return Some(result),
            }
            None
        };
        let done = match attempt() {
            None => self.block_until(deadline, attempt)?,
            done => done,
        };
        done.ok_or(refusal)?
    }

    pub(crate) fn connection(&self) -> spin::MutexGuard<'_, Connection<T, P::Memory>> {
        self.inner.connection.lock()
    }
}

/// A transaction, of the connection that it was begun in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TxId {
    /// The server's number; zero for none.
    id: u32,
    epoch: u32,
}

impl TxId {
    pub(crate) const NONE: Self = Self { id: 0, epoch: 0 };
}

/// Requests of a store, independent of its platform and transport.
pub(crate) trait Core {
    /// Sends a request and waits for the reply, whose payload then is in the id's slot.
    fn call(
        &self,
        operation: MessageType,
        tx: TxId,
        parts: &[Part<'_>],
    ) -> Result<RequestId, ErrorKind>;
    /// Shows the payload of a reply.
    fn show(&self, id: RequestId, look: &mut dyn FnMut(&[u8]));
    /// Copies the payload of a reply, frees its slot, and shows the copy, without a lock held.
    /// Returns `false`, with nothing done, if there is no memory for the copy.
    fn show_copy(&self, id: RequestId, look: &mut dyn FnMut(&[u8])) -> bool;
    /// Frees the slot of an id.
    fn forget(&self, id: RequestId);
    /// Returns the present moment.
    fn now(&self) -> Instant;
    /// Returns how long an operation waits.
    fn timeout(&self) -> Duration;
}

impl<P: Runtime, T: Transport> Core for XenStore<P, T> {
    fn call(
        &self,
        operation: MessageType,
        tx: TxId,
        parts: &[Part<'_>],
    ) -> Result<RequestId, ErrorKind> {
        let waited = self.timeout();
        let deadline = self.inner.platform.now() + waited;
        let timeout = ErrorKind::Timeout { waited };
        let id =
            self.attempt(tx, deadline, timeout, |connection| connection.reserve(operation, tx.id))?;
        let draft = Draft::new(self, id);
        let filled = draft.fill(parts)?;
        self.attempt(tx, deadline, timeout, |connection| connection.submit(id))?;
        filled.keep();
        let finished = || self.connection().reply(id).map(|reply| reply.map(|_| ()));
        let result =
            self.block_until(deadline, finished).and_then(|done| done.unwrap_or(Err(timeout)));
        result.map(|()| id).inspect_err(|_| self.forget(id))
    }

    fn show(&self, id: RequestId, look: &mut dyn FnMut(&[u8])) {
        if let Some(Ok(body)) = self.connection().reply(id) {
            look(body);
        }
    }

    fn show_copy(&self, id: RequestId, look: &mut dyn FnMut(&[u8])) -> bool {
        let Ok(mut memory) = self.inner.platform.memory(XENSTORE_PAYLOAD_MAX) else { return false };
        let copy = memory.bytes();
        let mut len = 0;
        self.show(id, &mut |body| {
            if let Some(copy) = copy.get_mut(..body.len()) {
                copy.copy_from_slice(body);
                len = body.len();
            }
        });
        self.forget(id);
        look(copy.get(..len).unwrap_or_default());
        true
    }

    fn forget(&self, id: RequestId) {
        self.connection().forget(id);
    }

    fn now(&self) -> Instant {
        self.inner.platform.now()
    }

    fn timeout(&self) -> Duration {
        Self::timeout(self)
    }
}

impl<P: Runtime, T: Transport> nodes::Sealed for XenStore<P, T> {
    fn target(&self) -> Target<'_> {
        Target { core: self, tx: TxId::NONE }
    }
}

impl<P: Runtime, T: Transport> XsOps for XenStore<P, T> {}

impl<P: Runtime, T: Transport> Clone for XenStore<P, T> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone() }
    }
}

impl<P: Runtime, T: Transport> fmt::Debug for XenStore<P, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("XenStore")
            .field("port", &self.port())
            .field("timeout", &self.timeout())
            .finish_non_exhaustive()
    }
}

/// Returns a function that adds operation and path to a kind.
pub(crate) fn error_at<'p>(
    operation: MessageType,
    path: &'p (dyn fmt::Display + 'p),
) -> impl Fn(ErrorKind) -> StoreError + use<'p> {
    move |kind| StoreError { operation, path: PathText::new(path), kind }
}
