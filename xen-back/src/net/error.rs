//! Errors of a network backend.

use crate::{QueueError, QueuesError};
use thiserror::Error;
use xen_hypercall::OutOfMemory;
use xen_ring::Corrupt;
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
    /// The queues of the frontend.
    #[error(transparent)]
    Queues(#[from] QueuesError),
    /// The control ring could not be connected, or the frontend broke its protocol.
    #[error("control ring: {0}")]
    Control(#[source] QueueError),
    /// The toolstack's rate limit is not valid.
    #[error("rate: expected BYTES,MICROSECONDS")]
    Rate,
    /// The toolstack's MTU is too small for IPv4.
    #[error("mtu: found {found}, expected 68 or more")]
    Mtu {
        /// The node's number.
        found: u16,
    },
    /// The platform has no memory left.
    #[error(transparent)]
    Memory(#[from] OutOfMemory),
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
pub(super) enum RingViolation {
    Corrupt(Corrupt),
    Tx(TxViolation),
}

impl RingViolation {
    /// Adds the number of the queue.
    pub(super) fn of(self, queue: usize) -> NetBackError {
        let queue = queue as u32;
        match self {
            Self::Corrupt(corrupt) => {
                NetBackError::Queues(QueuesError::Queue { queue, error: corrupt.into() })
            }
            Self::Tx(violation) => NetBackError::Tx { queue, violation },
        }
    }
}

impl From<Corrupt> for RingViolation {
    fn from(corrupt: Corrupt) -> Self {
        Self::Corrupt(corrupt)
    }
}

impl From<TxViolation> for RingViolation {
    fn from(violation: TxViolation) -> Self {
        Self::Tx(violation)
    }
}
