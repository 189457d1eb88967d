//! What can go wrong with a network device.

use super::MacError;
use core::fmt;
use xen_grant::GrantError;
use xen_hypercall::{Errno, OutOfMemory};
use xen_ring::{Corrupt, RingError};
use xenbus::XenbusError;

/// What the backend did that the protocol does not allow. The device stays broken until it is
/// closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolError {
    /// An index of the receive ring is impossible.
    RxRing(Corrupt),
    /// An index of the transmit ring is impossible.
    TxRing(Corrupt),
    /// A receive response in the slot of another buffer's request.
    RxId {
        /// The id in the response.
        found: u16,
        /// The id of the request in that slot.
        expected: u16,
    },
    /// A transmit response for a packet that is not in flight.
    TxId {
        /// The id in the response.
        found: u16,
    },
    /// The event channel refuses to send.
    Notify(Errno),
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RxRing(corrupt) => write!(f, "receive {corrupt}"),
            Self::TxRing(corrupt) => write!(f, "transmit {corrupt}"),
            Self::RxId { found, expected } => {
                write!(f, "receive response has id {found}, expected that of its slot, {expected}")
            }
            Self::TxId { found } => {
                write!(f, "transmit response has id {found}, expected that of a packet in flight")
            }
            Self::Notify(errno) => write!(f, "event channel refuses to send: {errno}"),
        }
    }
}

impl core::error::Error for ProtocolError {}

/// Why a packet was not taken for transmission. The caller still has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TxError {
    /// Every buffer has a packet that the backend has not answered. Flush, wait for an event, try
    /// again.
    Full,
    /// Shorter than an Ethernet header.
    TooShort {
        /// Its length.
        len: usize,
    },
    /// Longer than the device's packets may be.
    TooLong {
        /// Its length.
        len: usize,
        /// The longest possible.
        limit: usize,
    },
    /// The packet is to be segmented, which the device does not support.
    Segmentation,
    /// The backend is not connected.
    Down,
    /// The backend broke the protocol.
    Broken(ProtocolError),
}

impl From<ProtocolError> for TxError {
    fn from(broken: ProtocolError) -> Self {
        Self::Broken(broken)
    }
}

impl fmt::Display for TxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => {
                f.write_str("no free transmit buffer: the backend has not answered any packet")
            }
            Self::TooShort { len } => {
                write!(f, "packet of {len} bytes, expected at least an Ethernet header of 14")
            }
            Self::TooLong { len, limit } => {
                write!(f, "packet of {len} bytes, expected at most {limit}")
            }
            Self::Segmentation => {
                f.write_str("packet with segmentation, expected one that fits the MTU")
            }
            Self::Down => f.write_str("the backend is not connected"),
            Self::Broken(broken) => write!(f, "device broken: {broken}"),
        }
    }
}

impl core::error::Error for TxError {}

/// Why a device could not be opened, connected or closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetFrontError {
    /// [`Config`](super::Config) asks for no buffers, or for more than a ring has slots.
    Slots {
        /// How many it asks for.
        found: u16,
    },
    /// There is no memory for the rings and buffers.
    Memory(OutOfMemory),
    /// The memory can't be shared with the backend.
    Grant(GrantError),
    /// The rings' memory is too small.
    Ring(RingError),
    /// There is no event channel.
    Port(Errno),
    /// Neither directory of the device has a node `mac`.
    NoMac,
    /// The node `mac` is not the address of an interface.
    Mac(MacError),
    /// The backend can't copy received packets into our buffers (`feature-rx-copy`).
    NoRxCopy,
    /// The connection failed.
    Xenbus(XenbusError),
    /// The backend broke the protocol.
    Broken(ProtocolError),
    /// The backend has closed the device but still uses its memory, which stays in deferred list.
    InUse {
        /// How many allocations.
        allocations: usize,
    },
}

impl From<ProtocolError> for NetFrontError {
    fn from(broken: ProtocolError) -> Self {
        Self::Broken(broken)
    }
}

impl From<OutOfMemory> for NetFrontError {
    fn from(error: OutOfMemory) -> Self {
        Self::Memory(error)
    }
}

impl From<XenbusError> for NetFrontError {
    fn from(error: XenbusError) -> Self {
        Self::Xenbus(error)
    }
}

impl fmt::Display for NetFrontError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slots { found } => {
                write!(
                    f,
                    "{found} buffers asked for in one direction, expected 1 to {}",
                    super::MAX_SLOTS
                )
            }
            Self::Memory(error) => write!(f, "{error}"),
            Self::Grant(error) => write!(f, "{error}"),
            Self::Ring(error) => write!(f, "{error}"),
            Self::Port(errno) => write!(f, "no event channel: {errno}"),
            Self::NoMac => f.write_str("no node mac in either directory of the device"),
            Self::Mac(error) => write!(f, "node mac: {error}"),
            Self::NoRxCopy => f.write_str("the backend offers no feature-rx-copy, expected 1"),
            Self::Xenbus(error) => write!(f, "{error}"),
            Self::Broken(broken) => write!(f, "device broken: {broken}"),
            Self::InUse { allocations } => {
                write!(
                    f,
                    "the backend is closed but still uses {allocations} of the device's allocations"
                )
            }
        }
    }
}

impl core::error::Error for NetFrontError {}
