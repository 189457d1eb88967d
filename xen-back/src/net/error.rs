//! Errors of a network backend.

use thiserror::Error;
use xen_grant::MapError;
use xen_hypercall::{Errno, GrantRef, OutOfMemory, Port};
use xen_ring::{Corrupt, RingError};
use xenbus::XenbusError;

/// A violation of the protocol of the transmit ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TxViolation {
    /// A fragment that is not within a page.
    #[error("{size} bytes at offset {offset}, expected a fragment within a page")]
    CrossesPage {
        /// Its offset in the page.
        offset: u16,
        /// Its size.
        size: u16,
    },
    /// A packet with more slots than the limit for a faulty frontend.
    #[error("a packet of more than {limit} slots")]
    TooManySlots {
        /// The limit.
        limit: usize,
    },
    /// The ring ends in the middle of a packet.
    #[error("a packet whose last slots are missing")]
    Truncated,
}

/// The reason why a device was not connected, or was disconnected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NetBackError {
    /// The device's lifecycle, or a node of the frontend.
    #[error(transparent)]
    Xenbus(#[from] XenbusError),
    /// The frontend requests pages exchanged instead of copied, which is not supported.
    #[error("request-rx-copy: expected 1")]
    RxFlip,
    /// The frontend requests a number of queues that was not offered.
    #[error("multi-queue-num-queues: found {found}, expected 1 to {limit}")]
    QueueCount {
        /// The number of the frontend.
        found: u32,
        /// The most queues that were offered.
        limit: u32,
    },
    /// The frontend has published a page as two rings.
    #[error("queue {queue}: ring in grant {}, which is another ring", .reference.0)]
    RepeatedRing {
        /// The queue of the second one.
        queue: u32,
        /// The grant.
        reference: GrantRef,
    },
    /// The frontend has published a port twice.
    #[error("queue {queue}: event channel {port}, which is that of another ring")]
    RepeatedPort {
        /// The queue of the second one.
        queue: u32,
        /// The port.
        port: Port,
    },
    /// The toolstack's rate limit is not valid.
    #[error("rate: expected BYTES,MICROSECONDS")]
    Rate,
    /// A ring could not be mapped.
    #[error("a ring could not be mapped: {0}")]
    Map(#[from] MapError),
    /// No ring fits the memory.
    #[error(transparent)]
    Ring(#[from] RingError),
    /// The frontend's port could not be bound.
    #[error("event-channel: port {port} could not be bound: {errno}")]
    Port {
        /// The port of the frontend.
        port: Port,
        /// Xen's answer.
        #[source]
        errno: Errno,
    },
    /// The platform has no memory left.
    #[error(transparent)]
    Memory(#[from] OutOfMemory),
    /// The frontend broke the protocol of a queue's ring.
    #[error("queue {queue}: {corrupt}")]
    Corrupt {
        /// The queue.
        queue: u32,
        /// The violation.
        #[source]
        corrupt: Corrupt,
    },
    /// The frontend broke the protocol of the control ring.
    #[error("control ring: {0}")]
    CorruptControl(#[source] Corrupt),
    /// The frontend broke the protocol of the transmit ring's slots.
    #[error("queue {queue}: transmit ring: {violation}")]
    Tx {
        /// The queue.
        queue: u32,
        /// The violation.
        #[source]
        violation: TxViolation,
    },
}

/// A violation of a queue's protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum QueueError {
    Corrupt(Corrupt),
    Tx(TxViolation),
}

impl QueueError {
    /// Adds the number of the queue.
    pub(super) fn of(self, queue: usize) -> NetBackError {
        let queue = queue as u32;
        match self {
            Self::Corrupt(corrupt) => NetBackError::Corrupt { queue, corrupt },
            Self::Tx(violation) => NetBackError::Tx { queue, violation },
        }
    }
}

impl From<Corrupt> for QueueError {
    fn from(corrupt: Corrupt) -> Self {
        Self::Corrupt(corrupt)
    }
}

impl From<TxViolation> for QueueError {
    fn from(violation: TxViolation) -> Self {
        Self::Tx(violation)
    }
}
