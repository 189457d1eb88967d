//! Errors of a network backend.

use core::fmt;
use xen_grant::MapError;
use xen_hypercall::{Errno, OutOfMemory, Port};
use xen_ring::{Corrupt, RingError};
use xen_sys::io::netif::NetifExtraType;
use xenbus::XenbusError;

/// A violation of the protocol of the transmit ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TxViolation {
    /// A fragment that is not within a page.
    CrossesPage {
        /// Its offset in the page.
        offset: u16,
        /// Its size.
        size: u16,
    },
    /// More slots for a packet than even a careless frontend has.
    TooManySlots {
        /// The most that are tolerated.
        limit: usize,
    },
    /// The ring ends in the middle of a packet.
    Truncated,
    /// An extra information of a kind that there is not.
    ExtraType(NetifExtraType),
    /// More extra information than there are kinds.
    TooManyExtras,
    /// Segmentation that can't be: without a size, or of an unknown kind.
    Gso,
}

impl fmt::Display for TxViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CrossesPage { offset, size } => {
                write!(f, "{size} bytes at offset {offset}, expected a fragment within a page")
            }
            Self::TooManySlots { limit } => write!(f, "a packet of more than {limit} slots"),
            Self::Truncated => f.write_str("a packet whose last slots are missing"),
            Self::ExtraType(kind) => write!(f, "extra information of kind {kind}, expected 1 to 4"),
            Self::TooManyExtras => f.write_str("more extra information than there are kinds"),
            Self::Gso => f.write_str("segmentation without a size, or of an unknown kind"),
        }
    }
}

impl core::error::Error for TxViolation {}

/// The reason why a device was not connected, or was disconnected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetBackError {
    /// The device's lifecycle, or a node of the frontend.
    Xenbus(XenbusError),
    /// The frontend requests pages exchanged instead of copied, which is not supported.
    RxFlip,
    /// The frontend asks for a number of queues that was not offered.
    Queues {
        /// The number, as the frontend says.
        found: u32,
    },
    /// A ring could not be mapped.
    Map(MapError),
    /// No ring fits the memory.
    Ring(RingError),
    /// The frontend's port could not be bound.
    Port {
        /// The port, as the frontend says.
        port: Port,
        /// Xen's answer.
        errno: Errno,
    },
    /// The platform has no memory left.
    Memory(OutOfMemory),
    /// The frontend broke a ring's protocol.
    Corrupt(Corrupt),
    /// The frontend broke the protocol of the transmit ring's slots.
    Tx(TxViolation),
}

impl fmt::Display for NetBackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Xenbus(error) => error.fmt(f),
            Self::RxFlip => f.write_str("request-rx-copy: expected 1"),
            Self::Queues { found } => {
                write!(f, "multi-queue-num-queues: found {found}, expected 1")
            }
            Self::Map(error) => write!(f, "a ring could not be mapped: {error}"),
            Self::Ring(error) => error.fmt(f),
            Self::Port { port, errno } => {
                write!(f, "event-channel: port {port} could not be bound: {errno}")
            }
            Self::Memory(error) => error.fmt(f),
            Self::Corrupt(error) => error.fmt(f),
            Self::Tx(error) => write!(f, "transmit ring: {error}"),
        }
    }
}

impl core::error::Error for NetBackError {}

macro_rules! from {
    ($($error:ty => $variant:ident,)*) => {$(
        impl From<$error> for NetBackError {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        }
    )*};
}
from! {
    XenbusError => Xenbus,
    RingError => Ring,
    OutOfMemory => Memory,
    Corrupt => Corrupt,
    TxViolation => Tx,
}
