//! Errors of a block backend.

use super::OpenError;
use crate::QueuesError;
use core::time::Duration;
use thiserror::Error;
use xen_hypercall::OutOfMemory;
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
    /// The number of pages of the frontend's ring is no power of two, or more than were offered.
    #[error("num-ring-pages: found {found}, expected a power of two of at most {limit}")]
    RingPages {
        /// The number of pages that the frontend has published.
        found: u32,
        /// The most that were offered.
        limit: u32,
    },
    /// The queues of the frontend.
    #[error(transparent)]
    Queues(#[from] QueuesError),
    /// The platform has no memory left.
    #[error(transparent)]
    Memory(#[from] OutOfMemory),
}
