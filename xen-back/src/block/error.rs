//! What a block backend reports when it fails.

use core::fmt;
use xen_grant::MapError;
use xen_hypercall::{Errno, GrantRef, OutOfMemory, Port};
use xen_ring::{Corrupt, RingError};
use xen_store::StoreError;

/// Why a device could not be connected, or had to be disconnected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockError {
    /// A xenstore operation failed.
    Store(StoreError),
    /// The frontend asks for a layout of requests that is unknown.
    Protocol,
    /// The frontend's ring has more pages than were offered.
    RingOrder {
        /// The binary logarithm of the number of pages, as the frontend says.
        found: u32,
        /// The largest that was offered.
        limit: u32,
    },
    /// The frontend names one page as two pages of its ring.
    RingRef {
        /// The reference that comes twice.
        reference: GrantRef,
    },
    /// No ring fits the memory.
    Ring(RingError),
    /// The frontend's ring could not be mapped.
    Map(MapError),
    /// The frontend's port could not be bound.
    Port {
        /// The port, as the frontend says.
        port: Port,
        /// Xen's answer.
        errno: Errno,
    },
    /// The platform has no memory left.
    Memory(OutOfMemory),
    /// The frontend broke the ring's protocol.
    Corrupt(Corrupt),
}

impl fmt::Display for BlockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Protocol => {
                f.write_str("protocol: unknown, expected x86_64-abi, x86_32-abi or arm-abi")
            }
            Self::RingOrder { found, limit } => {
                write!(f, "ring-page-order: found {found}, expected at most {limit}")
            }
            Self::RingRef { reference } => {
                write!(
                    f,
                    "ring-ref: found reference {reference} twice, expected another one for each page"
                )
            }
            Self::Ring(error) => error.fmt(f),
            Self::Map(error) => write!(f, "the ring could not be mapped: {error}"),
            Self::Port { port, errno } => {
                write!(f, "event-channel: port {port} could not be bound: {errno}")
            }
            Self::Memory(error) => error.fmt(f),
            Self::Corrupt(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for BlockError {}

impl From<StoreError> for BlockError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<OutOfMemory> for BlockError {
    fn from(error: OutOfMemory) -> Self {
        Self::Memory(error)
    }
}
