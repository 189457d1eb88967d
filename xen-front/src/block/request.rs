//! Requests and completions.

use super::{FlushMethod, IoError, MAX_QUEUES, RequestError, SubmitError};
use xen_sys::io::blkif::{BLKIF_MAX_SEGMENTS_PER_REQUEST, BlkifOp};

/// The most segments, and so pages, of a slot of the ring. A request with more takes several slots.
#[doc(alias = "BLKIF_MAX_SEGMENTS_PER_REQUEST")]
pub const MAX_PAGES: usize = BLKIF_MAX_SEGMENTS_PER_REQUEST;

/// The most segments, and so pages, in the buffer of a request.
pub const MAX_SEGMENTS: usize = xen_grant::MAX_FRAMES;

/// The name of a request; unique for its device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub(super) u64);

impl Token {
    /// Returns the token of request `number` of a queue.
    pub(super) fn new(number: u64, queue: usize) -> Self {
        Self(number << QUEUE_BITS | queue as u64)
    }

    /// Returns the index of the queue that the request was submitted to.
    pub(super) fn queue(self) -> usize {
        self.0 as usize & ((1 << QUEUE_BITS) - 1)
    }
}

/// The low bits of a token that hold the queue.
const QUEUE_BITS: u32 = MAX_QUEUES.ilog2();

/// A request with a buffer `B`, an [`IoMemory`](crate::IoMemory). The driver owns the buffer until
/// the request completes; the data is at its start.
///
/// The backend gets access to the frames that hold the sectors, each as a whole; read-only access
/// for a write.
#[derive(Debug)]
pub enum Request<B> {
    /// A read of `sectors` sectors from `sector` on into the buffer.
    Read {
        /// First sector.
        sector: u64,
        /// Number of sectors.
        sectors: usize,
        /// Memory for the data, in at most [`MAX_SEGMENTS`] segments.
        buffer: B,
    },
    /// A write of `sectors` sectors from `sector` on from the buffer.
    Write {
        /// First sector.
        sector: u64,
        /// Number of sectors.
        sectors: usize,
        /// Memory with the data, in at most [`MAX_SEGMENTS`] segments.
        buffer: B,
    },
    /// A flush: makes all completed writes durable.
    Flush,
    /// A discard: the content of the sectors is not needed any more, and undefined afterwards.
    /// Requires [`DiskInfo::discard`](super::DiskInfo::discard).
    #[doc(alias = "BLKIF_OP_DISCARD")]
    Discard {
        /// First sector.
        sector: u64,
        /// Number of sectors.
        sectors: u64,
        /// The content must be impossible to recover. Requires
        /// [`Discard::secure`](super::Discard::secure).
        #[doc(alias = "BLKIF_DISCARD_SECURE")]
        secure: bool,
    },
}

/// A request without its buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Command {
    /// Any other than a read, a write and a discard is a flush, by either method.
    pub(super) operation: BlkifOp,
    pub(super) sector: u64,
    pub(super) sectors: u64,
    /// The discard is a secure one.
    pub(super) secure: bool,
}

impl Command {
    /// Returns a request of another kind than a discard.
    pub(super) fn new(operation: BlkifOp, sector: u64, sectors: usize) -> Self {
        Self { operation, sector, sectors: sectors as u64, secure: false }
    }
}

impl<B> Request<B> {
    /// Returns the buffer, if the request has one.
    pub fn into_buffer(self) -> Option<B> {
        self.into_parts(|| FlushMethod::Flush).1
    }

    /// Splits the request; a flush has the method that `flush` returns.
    #[inline]
    pub(super) fn into_parts(self, flush: impl FnOnce() -> FlushMethod) -> (Command, Option<B>) {
        match self {
            Self::Read { sector, sectors, buffer } => {
                (Command::new(BlkifOp::READ, sector, sectors), Some(buffer))
            }
            Self::Write { sector, sectors, buffer } => {
                (Command::new(BlkifOp::WRITE, sector, sectors), Some(buffer))
            }
            Self::Flush => (Command::new(flush().operation(), 0, 0), None),
            Self::Discard { sector, sectors, secure } => {
                (Command { operation: BlkifOp::DISCARD, sector, sectors, secure }, None)
            }
        }
    }

    /// Joins what [`into_parts`](Self::into_parts) has split.
    pub(super) fn from_parts(command: Command, buffer: Option<B>) -> Self {
        let Command { operation, sector, sectors, secure } = command;
        match buffer {
            // The number came from a `usize`.
            Some(buffer) if operation == BlkifOp::READ => {
                Self::Read { sector, sectors: sectors as usize, buffer }
            }
            Some(buffer) => Self::Write { sector, sectors: sectors as usize, buffer },
            None if operation == BlkifOp::DISCARD => Self::Discard { sector, sectors, secure },
            None => Self::Flush,
        }
    }

    pub(super) fn refused(self, reason: RequestError) -> SubmitError<B> {
        SubmitError { reason, request: self }
    }
}

/// A completed request, and its buffer.
#[derive(Debug)]
#[must_use = "it owns the request's buffer"]
pub struct Completion<B> {
    /// The request.
    pub token: Token,
    /// Result of the request.
    pub outcome: Result<(), IoError>,
    /// The buffer; `None` for a flush and a discard, and if the backend still uses it: pages are in
    /// the deferred list of the grant table then, and other memory is leaked.
    pub buffer: Option<B>,
}
