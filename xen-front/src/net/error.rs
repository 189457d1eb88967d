//! Errors of a network device.

use super::{MAX_GROUPS, MAX_HASH_MAPPING, MAX_QUEUES, MAX_SLOTS, MacAddress, MacError};
use thiserror::Error;
use xen_grant::GrantError;
use xen_hypercall::{Errno, OutOfMemory};
use xen_ring::{Corrupt, RingError};
use xenbus::XenbusError;

/// A violation of the protocol by the backend. The device stays broken until it is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// An index of the receive ring is impossible.
    #[error("receive {0}")]
    RxRing(#[source] Corrupt),
    /// An index of the transmit ring is impossible.
    #[error("transmit {0}")]
    TxRing(#[source] Corrupt),
    /// A receive response in the slot of another buffer's request.
    #[error("receive response has id {found}, expected that of its slot, {expected}")]
    RxId {
        /// The id in the response.
        found: u16,
        /// The id of the request in that slot.
        expected: u16,
    },
    /// A transmit response for a packet that is not in flight.
    #[error("transmit response has id {found}, expected that of a packet in flight")]
    TxId {
        /// The id in the response.
        found: u16,
    },
    /// More responses to extra information than packets with it are in flight.
    #[error("transmit response to extra information, expected one to a packet")]
    TxExtra,
    /// An index of the control ring is impossible.
    #[error("control {0}")]
    CtrlRing(#[source] Corrupt),
    /// A control response for a request that is not in flight.
    #[error("control response has id {found}, expected that of a request in flight")]
    CtrlId {
        /// The id in the response.
        found: u16,
    },
    /// A control response of another type than its request.
    #[error("control response has type {found}, expected that of its request, {expected}")]
    CtrlType {
        /// The type in the response.
        found: u16,
        /// The type of the request.
        expected: u16,
    },
    /// Xen refuses to notify the backend.
    #[error("event channel refuses to send: {0}")]
    Notify(#[source] Errno),
}

/// The reason why a packet was not accepted for transmission. The caller still has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TxError {
    /// Each buffer has a packet without a response. Flush, wait for an event, try again.
    #[error("no free transmit buffer: the backend has not answered any packet")]
    Full,
    /// Shorter than an Ethernet header.
    #[error("packet of {len} bytes, expected at least an Ethernet header of 14")]
    TooShort {
        /// Its length.
        len: usize,
    },
    /// Longer than the device's packets can be.
    #[error("packet of {len} bytes, expected at most {limit}")]
    TooLong {
        /// Its length.
        len: usize,
        /// The longest possible.
        limit: usize,
    },
    /// The packet is to be segmented, and the backend does not support that, or the packet is not
    /// whole TCP over the protocol of its [`Segmentation`](super::Segmentation).
    #[error("packet with segmentation, expected whole TCP that the backend segments")]
    Segmentation,
    /// The backend is not connected.
    #[error("the backend is not connected")]
    Down,
    /// The backend broke the protocol.
    #[error("device broken: {0}")]
    Broken(#[from] ProtocolError),
}

/// An error of a device that opens, connects or closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NetFrontError {
    /// [`NetFrontConfig`](super::NetFrontConfig) has no buffers in a direction, or more than a ring
    /// has slots.
    #[error("found {found} buffers in one direction, expected 1 to {MAX_SLOTS}")]
    Slots {
        /// The number in the configuration.
        found: u16,
    },
    /// The platform has no memory for the rings and buffers.
    #[error(transparent)]
    Memory(#[from] OutOfMemory),
    /// The backend's domain cannot be granted access to the memory.
    #[error(transparent)]
    Grant(#[from] GrantError),
    /// The memory of a ring is too small.
    #[error(transparent)]
    Ring(#[from] RingError),
    /// Failure to open an event channel.
    #[error("no event channel: {0}")]
    Port(#[source] Errno),
    /// Neither directory of the device has a node `mac`.
    #[error("no node mac in either directory of the device")]
    NoMac,
    /// The node `mac` is not the address of an interface.
    #[error("node mac: {0}")]
    Mac(#[source] MacError),
    /// The backend cannot copy received packets into the frontend's buffers (`feature-rx-copy`).
    #[error("the backend offers no feature-rx-copy, expected 1")]
    NoRxCopy,
    /// The connection failed.
    #[error(transparent)]
    Xenbus(#[from] XenbusError),
    /// The backend broke the protocol.
    #[error("device broken: {0}")]
    Broken(#[from] ProtocolError),
    /// The address is no multicast address.
    #[error("{address} is no multicast address")]
    NotMulticast {
        /// The address.
        address: MacAddress,
    },
    /// The device receives as many multicast addresses as a filter has room for.
    #[error("more than {MAX_GROUPS} multicast addresses")]
    TooManyGroups,
    /// The mapping of a [`HashConfig`](super::HashConfig) is too long, or has a queue that no
    /// device has.
    #[error(
        "mapping of {entries} entries with queue {queue}, expected at most {MAX_HASH_MAPPING} \
         with queues below {MAX_QUEUES}"
    )]
    HashMapping {
        /// Its number of entries.
        entries: usize,
        /// The queue of the first entry that is refused.
        queue: u16,
    },
    /// The backend has closed the device but still uses its memory, which is deferred.
    #[error("the backend is closed but still uses {allocations} of the device's allocations")]
    InUse {
        /// Number of allocations.
        allocations: usize,
    },
}
