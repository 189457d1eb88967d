//! The rings and ports of a frontend's queue, for both backends.

use thiserror::Error;
use xen_evtchn::Channel;
use xen_grant::{GrantMapArea, GrantMapping, MapError, ReadWrite};
use xen_hypercall::{DomId, Errno, ForeignFrames, GrantRef, OutOfMemory, Port};
use xen_ring::{Corrupt, RingError};

/// The reason why the queues of a frontend were not connected, or were disconnected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum QueuesError {
    /// The frontend has more queues than were offered, or none.
    #[error("multi-queue-num-queues: found {found}, expected 1 to {limit}")]
    Count {
        /// The number that the frontend has published.
        found: u32,
        /// The most that were offered.
        limit: u32,
    },
    /// A queue could not be connected, or the frontend broke the protocol of one of its rings.
    #[error("queue {queue}: {error}")]
    Queue {
        /// The queue.
        queue: u32,
        /// The reason.
        #[source]
        error: QueueError,
    },
}

/// The reason why the rings of a queue were not connected, or were disconnected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum QueueError {
    /// The frontend names one page as two pages of its rings.
    #[error("found ring-ref {reference} twice, expected another grant for each page of all queues")]
    RepeatedRing {
        /// The reference that comes twice.
        reference: GrantRef,
    },
    /// The frontend names one port as those of two rings.
    #[error("found event-channel {port} twice, expected another port for each ring")]
    RepeatedPort {
        /// The port.
        port: Port,
    },
    /// A ring of the frontend could not be mapped.
    #[error("ring-ref could not be mapped: {0}")]
    Map(#[from] MapError),
    /// No ring fits the memory.
    #[error(transparent)]
    Ring(#[from] RingError),
    /// The frontend's port could not be bound.
    #[error("event-channel: port {port} could not be bound: {errno}")]
    Port {
        /// The port that the frontend has published.
        port: Port,
        /// Xen's answer.
        #[source]
        errno: Errno,
    },
    /// The platform has no memory left.
    #[error(transparent)]
    Memory(#[from] OutOfMemory),
    /// The frontend broke the protocol of a ring.
    #[error(transparent)]
    Corrupt(#[from] Corrupt),
}

/// Maps the pages of a ring.
pub(crate) fn map_ring<P: ForeignFrames>(
    platform: &P,
    guest: DomId,
    refs: &[GrantRef],
) -> Result<GrantMapping<P, ReadWrite>, QueueError> {
    let area = GrantMapArea::reserve(platform.clone(), refs.len())?;
    Ok(area.map(guest, refs).map_err(|failed| failed.error)?)
}

/// Binds a port of the frontend.
pub(crate) fn bind_port<P: ForeignFrames>(
    platform: &P,
    guest: DomId,
    port: Port,
) -> Result<Channel<P>, QueueError> {
    Channel::bind_interdomain(platform.clone(), guest, port)
        .map_err(|errno| QueueError::Port { port, errno })
}
