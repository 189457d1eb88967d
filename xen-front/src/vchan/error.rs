//! Errors of a vchan.

use thiserror::Error;
use xen_grant::{GrantError, MapError};
use xen_hypercall::{Errno, OutOfMemory};
use xen_ring::Corrupt;
use xen_store::{ErrorKind, StoreError, wire::ServerError};

/// An error of a vchan that opens or transfers bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum VchanError {
    /// A xenstore operation failed, or xenstore has no such vchan.
    #[error("vchan: {0}")]
    Store(#[from] StoreError),
    /// The platform has no memory for the rings, or no space to map them.
    #[error("vchan: {0}")]
    Memory(#[from] OutOfMemory),
    /// The client's domain cannot be granted access to the rings.
    #[error("vchan: {0}")]
    Grant(#[from] GrantError),
    /// The server's rings cannot be mapped.
    #[error("vchan: the server's rings: {0}")]
    Map(#[from] MapError),
    /// Failure to open an event channel, or a port of the server that is not for this domain.
    #[error("vchan: no event channel: {0}")]
    Port(#[source] Errno),
    /// The requested orders of the rings, or those that the server has published, are invalid.
    #[error("{0}")]
    Rings(#[from] xen_ring::VchanError),
    /// The memory of both domains is smaller than the rings.
    #[error("vchan: found {found} pages of memory, expected {expected}")]
    Region {
        /// Number of pages.
        found: usize,
        /// Number of pages of the rings.
        expected: usize,
    },
    /// The peer published an impossible index. Nothing was copied, and that direction stays closed.
    #[error("vchan: {0}")]
    Corrupt(#[from] Corrupt),
    /// The peer has disconnected, and all bytes that it wrote were read.
    #[error("vchan: the peer has disconnected")]
    Disconnected,
    /// The peer did not connect, transfer bytes or release the rings in time.
    #[error("vchan: the peer did nothing in time")]
    Timeout,
}

impl VchanError {
    /// Returns whether a server can still come: xenstore has no node of it yet, or nodes of an
    /// earlier server.
    pub(super) fn is_early(&self) -> bool {
        match self {
            Self::Store(error) => {
                error.is_not_found() || error.kind == ErrorKind::Server(ServerError::AccessDenied)
            }
            Self::Map(_) | Self::Port(_) | Self::Rings(xen_ring::VchanError::ServerGone) => true,
            _ => false,
        }
    }
}
