//! What can go wrong with a vchan.

use core::fmt;
use xen_grant::{GrantError, MapError};
use xen_hypercall::{Errno, OutOfMemory};
use xen_ring::Corrupt;
use xen_store::{ErrorKind, StoreError, wire::ServerError};

/// Why a vchan could not be made or used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VchanError {
    /// Xenstore refused, or has no such vchan.
    Store(StoreError),
    /// There is no memory for the rings, or no room to map them.
    Memory(OutOfMemory),
    /// The rings can't be shared.
    Grant(GrantError),
    /// What the server names as its rings can't be mapped.
    Map(MapError),
    /// There is no event channel, or the server's is not for us.
    Port(Errno),
    /// The rings can't be as they were asked for, or as the server says that they are.
    Rings(xen_ring::VchanError),
    /// The peer published an impossible index. That direction is dead for good; nothing was copied.
    Corrupt(Corrupt),
    /// The peer has left, and all that it wrote was read.
    Disconnected,
    /// The peer did not come, or did not let go, in time.
    Timeout,
}

impl VchanError {
    /// Tells whether a client may be there before its server: what xenstore has is missing, or of a
    /// server that has gone.
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

impl fmt::Display for VchanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => write!(f, "vchan: {error}"),
            Self::Memory(error) => write!(f, "vchan: {error}"),
            Self::Grant(error) => write!(f, "vchan: {error}"),
            Self::Map(error) => write!(f, "vchan: the server's rings: {error}"),
            Self::Port(errno) => write!(f, "vchan: no event channel: {errno}"),
            Self::Rings(error) => write!(f, "{error}"),
            Self::Corrupt(corrupt) => write!(f, "vchan: {corrupt}"),
            Self::Disconnected => f.write_str("vchan: the peer has left"),
            Self::Timeout => f.write_str("vchan: the peer did nothing in time"),
        }
    }
}

impl core::error::Error for VchanError {}

impl From<StoreError> for VchanError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<xen_ring::VchanError> for VchanError {
    fn from(error: xen_ring::VchanError) -> Self {
        Self::Rings(error)
    }
}

impl From<Corrupt> for VchanError {
    fn from(corrupt: Corrupt) -> Self {
        Self::Corrupt(corrupt)
    }
}
