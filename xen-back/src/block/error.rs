//! Errors of a block backend.

use super::OpenError;
use core::time::Duration;
use thiserror::Error;
use xen_grant::MapError;
use xen_hypercall::{Errno, GrantRef, OutOfMemory, Port};
use xen_ring::{Corrupt, RingError};
use xen_store::PathText;
use xenbus::XenbusError;

/// The reason why a device was not connected, or was disconnected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BlkBackError {
    /// The device's lifecycle, or a node of the frontend or the toolstack.
    #[error(transparent)]
    Xenbus(#[from] XenbusError),
    /// The storage could not be opened.
    #[error("disk \"{params}\" could not be opened: {error}")]
    Open {
        /// The storage, as the toolstack's `params` node has it.
        params: PathText,
        /// The reason.
        #[source]
        error: OpenError,
    },
    /// The hotplug script failed: it has written `error` to `hotplug-status`.
    #[error("hotplug-status: found error, expected a script that succeeds")]
    HotplugScript,
    /// The hotplug script has set up no storage in time.
    #[error(
        "physical-device: found none within {} ms, expected a hotplug script to write it",
        .waited.as_millis()
    )]
    HotplugTimeout {
        /// The time since the device was found.
        waited: Duration,
    },
    /// The frontend asks for a layout of requests that is unknown.
    #[error("protocol: unknown, expected x86_64-abi, x86_32-abi or arm-abi")]
    Protocol,
    /// The frontend's ring has more pages than were offered.
    #[error("ring-page-order: found {found}, expected at most {limit}")]
    RingOrder {
        /// The binary logarithm of the number of pages, that the frontend has published.
        found: u32,
        /// The largest that was offered.
        limit: u32,
    },
    /// The frontend names one page as two pages of its ring.
    #[error("ring-ref: found reference {reference} twice, expected another one for each page")]
    RingRef {
        /// The reference that comes twice.
        reference: GrantRef,
    },
    /// No ring fits the memory.
    #[error(transparent)]
    Ring(#[from] RingError),
    /// The frontend's ring could not be mapped.
    #[error("the ring could not be mapped: {0}")]
    Map(#[from] MapError),
    /// The frontend's port could not be bound.
    #[error("event-channel: port {port} could not be bound: {errno}")]
    Port {
        /// The port, that the frontend has published.
        port: Port,
        /// Xen's answer.
        #[source]
        errno: Errno,
    },
    /// The platform has no memory left.
    #[error(transparent)]
    Memory(#[from] OutOfMemory),
    /// The frontend broke the ring's protocol.
    #[error(transparent)]
    Corrupt(#[from] Corrupt),
}
