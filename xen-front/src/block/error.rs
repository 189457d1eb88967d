//! What can go wrong with a disk.

use super::Request;
use core::fmt;
use core::time::Duration;
use xen_grant::{GrantError, InUse};
use xen_hypercall::{Errno, OutOfMemory};
use xen_ring::{Corrupt, RingError};
use xen_store::StoreError;
use xen_sys::io::blkif::BlkifOp;
use xenbus::XenbusError;

/// Why a disk could not be connected, or its connection not be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlkFrontError {
    /// The two ends did not come together.
    Xenbus(XenbusError),
    /// The backend describes a disk that can't be.
    Node(NodeError),
    /// There was no page for the ring, or for a buffer.
    Memory(OutOfMemory),
    /// The ring could not be granted.
    Grant(GrantError),
    /// The ring's memory holds no ring.
    Ring(RingError),
    /// No event channel could be opened.
    Channel(Errno),
}

impl fmt::Display for BlkFrontError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Xenbus(error) => error.fmt(f),
            Self::Node(error) => error.fmt(f),
            Self::Memory(error) => error.fmt(f),
            Self::Grant(error) => error.fmt(f),
            Self::Ring(error) => error.fmt(f),
            Self::Channel(errno) => write!(f, "no event channel to the backend: {errno}"),
        }
    }
}

impl core::error::Error for BlkFrontError {}

macro_rules! from {
    ($($variant:ident($error:ty)),* $(,)?) => {$(
        impl From<$error> for BlkFrontError {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        }
    )*};
}

from! { Xenbus(XenbusError), Node(NodeError), Memory(OutOfMemory), Grant(GrantError), Ring(RingError) }

impl From<StoreError> for BlkFrontError {
    fn from(error: StoreError) -> Self {
        Self::Xenbus(XenbusError::Store(error))
    }
}

/// A number in xenstore that describes no possible disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeError {
    /// The node `sector-size`.
    SectorSize(u32),
    /// The node `sectors`.
    Sectors(u64),
}

impl fmt::Display for NodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SectorSize(found) => {
                write!(f, "backend's sector-size: found {found}, expected 512, 1024, 2048 or 4096")
            }
            Self::Sectors(found) => {
                write!(f, "backend's sectors: found {found}, expected less than 2^55")
            }
        }
    }
}

impl core::error::Error for NodeError {}

/// How the peer broke the protocol. The device's ring is not touched again; close it, then it may
/// connect anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolError {
    /// A ring index that can't be.
    Ring(Corrupt),
    /// A response to no request in flight: its id was never used, or has been answered.
    UnknownId {
        /// The id.
        id: u64,
    },
    /// A response to another operation than was asked for.
    WrongOperation {
        /// The response's operation.
        found: BlkifOp,
        /// The request's operation.
        expected: BlkifOp,
    },
    /// The peer answered a request and went on using its pages.
    PageInUse(InUse),
    /// Xen refused to notify the peer.
    Notify(Errno),
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ring(corrupt) => corrupt.fmt(f),
            Self::UnknownId { id } => {
                write!(f, "found a response with id {id:#x}, expected that of a request in flight")
            }
            Self::WrongOperation { found, expected } => {
                write!(f, "found a response to operation {found}, expected one to {expected}")
            }
            Self::PageInUse(error) => write!(f, "request answered, but {error}"),
            Self::Notify(errno) => write!(f, "the backend could not be notified: {errno}"),
        }
    }
}

impl core::error::Error for ProtocolError {}

/// Why a request was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IoError {
    /// The backend says that it failed.
    #[doc(alias = "BLKIF_RSP_ERROR")]
    Failed,
    /// The backend does not support the operation after all.
    #[doc(alias = "BLKIF_RSP_EOPNOTSUPP")]
    Unsupported,
    /// The backend answered with a status that the protocol does not have.
    UnknownStatus(i16),
    /// The backend broke the protocol before it answered, or with this answer.
    Broken(ProtocolError),
    /// The device was closed before the backend answered.
    Closed,
}

impl fmt::Display for IoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed => f.write_str("the backend reports an I/O error"),
            Self::Unsupported => f.write_str("the backend does not support the operation"),
            Self::UnknownStatus(status) => {
                write!(f, "found status {status} in a response, expected 0, -1 or -2")
            }
            Self::Broken(broken) => write!(f, "device broken: {broken}"),
            Self::Closed => f.write_str("the device was closed before the backend answered"),
        }
    }
}

impl core::error::Error for IoError {}

/// Why a request was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestError {
    /// The device is not connected (yet, or any more).
    NotConnected,
    /// The device is broken.
    Broken(ProtocolError),
    /// As many requests are in flight as the ring holds; complete one first.
    Full,
    /// The sectors are not all on the disk.
    OutOfRange {
        /// The first sector asked for.
        sector: u64,
        /// The number of sectors asked for.
        sectors: u64,
        /// The sectors that the disk has.
        capacity: u64,
    },
    /// Start or length is no multiple of the disk's own sectors.
    Misaligned {
        /// The disk's sector size in bytes.
        sector_size: u32,
    },
    /// The request has no sectors, or more than fit into the buffer or into a request.
    Length {
        /// The number of sectors asked for.
        sectors: usize,
        /// The most that this buffer can have in one request.
        limit: usize,
    },
    /// A buffer with more segments than a request has.
    Segments {
        /// The number of segments of the buffer.
        found: usize,
    },
    /// A buffer with fewer frames than segments.
    Frames {
        /// The number of frames.
        found: usize,
        /// The number of segments that the sectors touch.
        expected: usize,
    },
    /// A segment of the buffer whose offset or length is not a multiple of 512, or that does not
    /// lie within a page.
    Segment {
        /// The offset in the page, in bytes.
        offset: usize,
        /// The length in bytes.
        len: usize,
    },
    /// A sub-page segment for an untrusted backend, which gets access to the whole page.
    SubPage {
        /// The offset in the page, in bytes.
        offset: usize,
        /// The length in bytes.
        len: usize,
    },
    /// A write to a disk that is read-only.
    ReadOnly,
    /// The backend offers neither flush nor barrier.
    NoFlush,
    /// The buffer's pages could not be granted.
    Grant(GrantError),
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConnected => f.write_str("the disk is not connected"),
            Self::Broken(broken) => write!(f, "device broken: {broken}"),
            Self::Full => f.write_str("all requests of the ring are in flight"),
            Self::OutOfRange { sector, sectors, capacity } => {
                write!(f, "sectors {sector}+{sectors} asked for, expected below {capacity}")
            }
            Self::Misaligned { sector_size } => {
                write!(
                    f,
                    "start or length is no multiple of the disk's sectors of {sector_size} bytes"
                )
            }
            Self::Length { sectors, limit } => {
                write!(f, "{sectors} sectors in a request, expected 1 to {limit}")
            }
            Self::Segments { found } => {
                let most = super::MAX_PAGES;
                write!(f, "found {found} segments in a buffer, expected at most {most}")
            }
            Self::Frames { found, expected } => {
                write!(f, "found {found} frames in a buffer of {expected} segments")
            }
            Self::Segment { offset, len } => {
                write!(
                    f,
                    "found a segment of {len} bytes at offset {offset} of a page, expected multiples of 512 within a page"
                )
            }
            Self::SubPage { offset, len } => {
                write!(
                    f,
                    "found a segment of {len} bytes at offset {offset} of a page, expected whole pages for an untrusted backend"
                )
            }
            Self::ReadOnly => f.write_str("the disk is read-only"),
            Self::NoFlush => f.write_str("the backend offers neither flush nor barrier"),
            Self::Grant(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for RequestError {}

/// A request that was not taken, handed back with its buffer, and why.
#[derive(Debug)]
pub struct SubmitError<B> {
    /// Why.
    pub reason: RequestError,
    /// The request.
    pub request: Request<B>,
}

impl<B> fmt::Display for SubmitError<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl<B: fmt::Debug> core::error::Error for SubmitError<B> {}

/// Why a transfer that waits failed. The sectors of a failed write are undefined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferError {
    /// It was not started.
    Refused(RequestError),
    /// The backend did not do it.
    Io(IoError),
    /// The backend did not answer in time. It may still carry out what it has; no other backend
    /// gets it after [`BlockingDisk::reopen`](super::BlockingDisk::reopen) or
    /// [`BlockingDisk::resume`](super::BlockingDisk::resume).
    Timeout {
        /// How long was waited.
        waited: Duration,
    },
    /// The connection failed meanwhile.
    Device(BlkFrontError),
    /// The buffer's length is no multiple of 512.
    Length {
        /// The length in bytes.
        bytes: usize,
    },
}

impl fmt::Display for TransferError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(reason) => reason.fmt(f),
            Self::Io(error) => error.fmt(f),
            Self::Timeout { waited } => {
                write!(f, "no answer from the backend within {} ms", waited.as_millis())
            }
            Self::Device(error) => error.fmt(f),
            Self::Length { bytes } => {
                write!(f, "a buffer of {bytes} bytes, expected a multiple of 512")
            }
        }
    }
}

impl core::error::Error for TransferError {}

impl From<RequestError> for TransferError {
    fn from(reason: RequestError) -> Self {
        Self::Refused(reason)
    }
}

impl From<IoError> for TransferError {
    fn from(error: IoError) -> Self {
        Self::Io(error)
    }
}

impl From<BlkFrontError> for TransferError {
    fn from(error: BlkFrontError) -> Self {
        Self::Device(error)
    }
}
