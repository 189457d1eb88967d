//! Errors of a console.

use thiserror::Error;
use xen_grant::GrantError;
use xen_hypercall::{Errno, OutOfMemory};
use xen_ring::Corrupt;
use xenbus::XenbusError;

/// An error of a console.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConsoleError {
    /// Console 0 is the primary console, which is no device of xenbus.
    #[error("console 0 is the primary console, expected the number of a secondary one")]
    Primary,
    /// The peer published an impossible index. Nothing was copied, and that direction of the ring
    /// stays closed.
    #[error("console: {0}")]
    Ring(#[from] Corrupt),
    /// Xen refused to notify the peer; the bytes are in the ring.
    #[error("console: the peer could not be notified: {0}")]
    Notify(#[source] Errno),
    /// The peer did not drain the ring in time.
    #[error("console: {written} of {len} bytes are written, the reader took no more in time")]
    Timeout {
        /// Number of the caller's bytes that are in the ring.
        written: usize,
        /// Number of the caller's bytes.
        len: usize,
    },
    /// The platform has no memory for the ring.
    #[error(transparent)]
    Memory(#[from] OutOfMemory),
    /// The backend's domain cannot be granted access to the ring.
    #[error(transparent)]
    Grant(#[from] GrantError),
    /// Failure to open an event channel.
    #[error("console: no event channel: {0}")]
    Port(#[source] Errno),
    /// The connection failed.
    #[error(transparent)]
    Xenbus(#[from] XenbusError),
    /// The backend has closed the device but still uses its ring, which is deferred.
    #[error("console: the backend is closed but still uses the ring")]
    InUse,
}
