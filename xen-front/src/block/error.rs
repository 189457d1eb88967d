//! Errors of a disk.

use super::{MAX_SEGMENTS, Request};
use core::fmt;
use core::time::Duration;
use thiserror::Error;
use xen_grant::{GrantError, InUse};
use xen_hypercall::{Errno, OutOfMemory};
use xen_ring::{Corrupt, RingError};
use xen_store::StoreError;
use xen_sys::io::blkif::BlkifOp;
use xenbus::XenbusError;

/// The reason why a disk was not connected, or why its connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BlkFrontError {
    /// The connection failed.
    #[error(transparent)]
    Xenbus(#[from] XenbusError),
    /// The backend describes an impossible disk.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// No memory for the ring, or for a buffer.
    #[error(transparent)]
    Memory(#[from] OutOfMemory),
    /// Failure to grant the ring.
    #[error(transparent)]
    Grant(#[from] GrantError),
    /// The memory of the ring is too small.
    #[error(transparent)]
    Ring(#[from] RingError),
    /// Failure to open an event channel.
    #[error("no event channel to the backend: {0}")]
    Channel(#[source] Errno),
}

impl From<StoreError> for BlkFrontError {
    fn from(error: StoreError) -> Self {
        Self::Xenbus(XenbusError::Store(error))
    }
}

/// A number in xenstore that describes no possible disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NodeError {
    /// The node `sector-size`.
    #[error("backend's sector-size: found {0}, expected 512, 1024, 2048 or 4096")]
    SectorSize(u32),
    /// The node `sectors`.
    #[error("backend's sectors: found {0}, expected less than 2^55")]
    Sectors(u64),
}

/// A violation of the protocol by the backend. The device's ring is not accessed again before the
/// device is closed and connected again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ProtocolError {
    /// An impossible ring index.
    #[error(transparent)]
    Ring(Corrupt),
    /// A response to no request in flight: its id was never used, or has a response.
    #[error("found a response with id {id:#x}, expected that of a request in flight")]
    UnknownId {
        /// The id.
        id: u64,
    },
    /// A response to another operation than that of the request.
    #[error("found a response to operation {found}, expected one to {expected}")]
    WrongOperation {
        /// The response's operation.
        found: BlkifOp,
        /// The request's operation.
        expected: BlkifOp,
    },
    /// The backend responded to a request and still uses its pages.
    #[error("request answered, but {0}")]
    PageInUse(#[source] InUse),
    /// Xen refused to notify the backend.
    #[error("the backend could not be notified: {0}")]
    Notify(#[source] Errno),
}

/// The reason why a request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum IoError {
    /// The backend reports a failure.
    #[doc(alias = "BLKIF_RSP_ERROR")]
    #[error("the backend reports an I/O error")]
    Failed,
    /// The backend does not support the operation.
    #[doc(alias = "BLKIF_RSP_EOPNOTSUPP")]
    #[error("the backend does not support the operation")]
    Unsupported,
    /// A status that the protocol does not have.
    #[error("found status {0} in a response, expected 0, -1 or -2")]
    UnknownStatus(i16),
    /// The backend broke the protocol before its response, or with it.
    #[error("device broken: {0}")]
    Broken(#[source] ProtocolError),
    /// The device was closed before the backend responded.
    #[error("the device was closed before the backend answered")]
    Closed,
}

/// The reason why a request was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RequestError {
    /// The device is not connected, or is not connected any more.
    #[error("the disk is not connected")]
    NotConnected,
    /// The device is broken.
    #[error("device broken: {0}")]
    Broken(#[source] ProtocolError),
    /// As many requests are in flight as the ring holds; complete one first.
    #[error("all requests of the ring are in flight")]
    Full,
    /// All queues of the device are taken: each request is submitted to one of those.
    #[error("all queues of the disk are taken, expected a request on one of those")]
    NoQueue,
    /// Sectors that are not on the disk.
    #[error("sectors {sector}+{sectors} asked for, expected below {capacity}")]
    OutOfRange {
        /// The first sector of the request.
        sector: u64,
        /// The number of sectors of the request.
        sectors: u64,
        /// The sectors that the disk has.
        capacity: u64,
    },
    /// Start or length is not a multiple of the disk's own sectors.
    #[error("start or length is no multiple of the disk's sectors of {sector_size} bytes")]
    Misaligned {
        /// The disk's sector size in bytes.
        sector_size: u32,
    },
    /// The request has no sectors, or more than fit into the buffer or into a request.
    #[error("{sectors} sectors in a request, expected 1 to {limit}")]
    Length {
        /// The number of sectors of the request.
        sectors: usize,
        /// The most that this buffer can have in one request.
        limit: usize,
    },
    /// A buffer with more segments than a request has.
    #[error("found {found} segments in a buffer, expected at most {MAX_SEGMENTS}")]
    Segments {
        /// The number of segments of the buffer.
        found: usize,
    },
    /// A segment of the buffer whose offset or length is not a multiple of 512, or that does not
    /// lie within a page.
    #[error(
        "found a segment of {len} bytes at offset {offset} of a page, \
         expected multiples of 512 within a page"
    )]
    Segment {
        /// The offset in the page, in bytes.
        offset: usize,
        /// The length in bytes.
        len: usize,
    },
    /// A sub-page segment for an untrusted backend, which gets access to the whole page.
    #[error(
        "found a segment of {len} bytes at offset {offset} of a page, \
         expected whole pages for an untrusted backend"
    )]
    SubPage {
        /// The offset in the page, in bytes.
        offset: usize,
        /// The length in bytes.
        len: usize,
    },
    /// A write to a disk that is read-only.
    #[error("the disk is read-only")]
    ReadOnly,
    /// The backend offers neither flush nor barrier.
    #[error("the backend offers neither flush nor barrier")]
    NoFlush,
    /// The backend offers no discard.
    #[error("the backend offers no discard")]
    NoDiscard,
    /// The backend offers no secure discard.
    #[error("the backend offers no secure discard")]
    NoSecureDiscard,
    /// A discard of no sectors.
    #[error("found a discard of no sectors, expected at least one")]
    NoSectors,
    /// Failure to grant the buffer's frames.
    #[error(transparent)]
    Grant(GrantError),
}

/// A request that was not accepted, with its buffer.
#[derive(Debug)]
pub struct SubmitError<B> {
    /// The reason.
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

/// The reason why a blocking transfer failed. The sectors of a failed write are undefined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TransferError {
    /// The request was not accepted.
    #[error(transparent)]
    Refused(#[from] RequestError),
    /// The request failed.
    #[error(transparent)]
    Io(#[from] IoError),
    /// The backend did not respond in time. It may still carry out the requests that it has; no
    /// other backend gets them after [`BlockingDisk::reopen`](super::BlockingDisk::reopen) or
    /// [`BlockingDisk::resume`](super::BlockingDisk::resume).
    #[error("no answer from the backend within {} ms", waited.as_millis())]
    Timeout {
        /// The time without a response.
        waited: Duration,
    },
    /// The connection failed meanwhile.
    #[error(transparent)]
    Device(#[from] BlkFrontError),
    /// The buffer's length is not a multiple of 512.
    #[error("a buffer of {bytes} bytes, expected a multiple of 512")]
    Length {
        /// The length in bytes.
        bytes: usize,
    },
}
