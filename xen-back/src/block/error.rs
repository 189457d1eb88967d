//! Errors of a block backend.

use super::OpenError;
use core::fmt;
use core::time::Duration;
use xen_grant::MapError;
use xen_hypercall::{Errno, GrantRef, OutOfMemory, Port};
use xen_ring::{Corrupt, RingError};
use xen_store::PathText;
use xenbus::XenbusError;

/// The reason why a device was not connected, or was disconnected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlkBackError {
    /// The device's lifecycle, or a node of the frontend or the toolstack.
    Xenbus(XenbusError),
    /// The storage could not be opened.
    Open {
        /// The storage, as the toolstack's `params` node has it.
        params: PathText,
        /// The reason.
        error: OpenError,
    },
    /// The hotplug script failed: it has written `error` to `hotplug-status`.
    HotplugScript,
    /// The hotplug script has set up no storage in time.
    HotplugTimeout {
        /// The time since the device was found.
        waited: Duration,
    },
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

impl fmt::Display for BlkBackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Xenbus(error) => error.fmt(f),
            Self::Open { params, error: OpenError::NotFound } => {
                write!(f, "there is no disk \"{params}\"")
            }
            Self::Open { params, error: OpenError::Device(error) } => {
                write!(f, "disk \"{params}\" could not be opened: {error}")
            }
            Self::HotplugScript => {
                f.write_str("hotplug-status: found error, expected a script that succeeds")
            }
            Self::HotplugTimeout { waited } => write!(
                f,
                "physical-device: found none within {} ms, expected a hotplug script to write it",
                waited.as_millis()
            ),
            Self::Protocol => {
                f.write_str("protocol: unknown, expected x86_64-abi, x86_32-abi or arm-abi")
            }
            Self::RingOrder { found, limit } => {
                write!(f, "ring-page-order: found {found}, expected at most {limit}")
            }
            Self::RingRef { reference } => {
                write!(
                    f,
                    "ring-ref: found reference {reference} twice, \
                     expected another one for each page"
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

impl core::error::Error for BlkBackError {}

impl From<XenbusError> for BlkBackError {
    fn from(error: XenbusError) -> Self {
        Self::Xenbus(error)
    }
}

impl From<OutOfMemory> for BlkBackError {
    fn from(error: OutOfMemory) -> Self {
        Self::Memory(error)
    }
}
