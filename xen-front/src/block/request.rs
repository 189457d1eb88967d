//! Requests and completions.

use super::{FlushMethod, IoError, RequestError, SECTORS_PER_PAGE, SubmitError};
use core::fmt;
use xen_hypercall::{Pages, Platform};
use xen_sys::io::blkif::{BLKIF_MAX_SEGMENTS_PER_REQUEST, BlkifOp};

/// The most pages in the buffer of a request.
#[doc(alias = "BLKIF_MAX_SEGMENTS_PER_REQUEST")]
pub const MAX_PAGES: usize = BLKIF_MAX_SEGMENTS_PER_REQUEST;

/// The name of a request; unique for its device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub(super) u64);

/// A request. The driver owns the buffer until the request completes; the data is at its start.
///
/// The backend gets access to all pages of the buffer: they must hold nothing else.
#[derive(Debug)]
pub enum Request<P: Platform> {
    /// Reads `sectors` sectors from `sector` on into the buffer.
    Read {
        /// First sector.
        sector: u64,
        /// Number of sectors.
        sectors: usize,
        /// Memory for the data, at most [`MAX_PAGES`] pages.
        buffer: Pages<P>,
    },
    /// Writes `sectors` sectors from `sector` on from the buffer.
    Write {
        /// First sector.
        sector: u64,
        /// Number of sectors.
        sectors: usize,
        /// Memory with the data, at most [`MAX_PAGES`] pages.
        buffer: Pages<P>,
    },
    /// Makes all writes durable that have completed.
    Flush,
}

/// A request without its buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Command {
    /// Any other than a read and a write is a flush, by either method.
    pub(super) operation: BlkifOp,
    pub(super) sector: u64,
    pub(super) sectors: usize,
}

impl<P: Platform> Request<P> {
    /// Returns the buffer, if the request has one.
    pub fn into_buffer(self) -> Option<Pages<P>> {
        self.into_parts(FlushMethod::Flush).1
    }

    /// Splits the request.
    #[inline]
    pub(super) fn into_parts(self, flush: FlushMethod) -> (Command, Option<Pages<P>>) {
        match self {
            Self::Read { sector, sectors, buffer } => {
                (Command { operation: BlkifOp::READ, sector, sectors }, Some(buffer))
            }
            Self::Write { sector, sectors, buffer } => {
                (Command { operation: BlkifOp::WRITE, sector, sectors }, Some(buffer))
            }
            Self::Flush => (Command { operation: flush.operation(), sector: 0, sectors: 0 }, None),
        }
    }

    /// Joins what [`into_parts`](Self::into_parts) has split.
    pub(super) fn from_parts(command: Command, buffer: Option<Pages<P>>) -> Self {
        let Command { operation, sector, sectors } = command;
        match buffer {
            Some(buffer) if operation == BlkifOp::READ => Self::Read { sector, sectors, buffer },
            Some(buffer) => Self::Write { sector, sectors, buffer },
            None => Self::Flush,
        }
    }

    pub(super) fn refused(self, reason: RequestError) -> SubmitError<P> {
        SubmitError { reason, request: self }
    }
}

/// Checks that `sectors` fit into a buffer of `pages` pages and a request.
pub(super) fn check_buffer(sectors: usize, pages: usize) -> Result<(), RequestError> {
    if pages > MAX_PAGES {
        return Err(RequestError::Pages { pages });
    }
    let limit = pages * SECTORS_PER_PAGE;
    if sectors == 0 || sectors > limit {
        Err(RequestError::Length { sectors, limit })
    } else {
        Ok(())
    }
}

/// A completed request, and its buffer.
#[must_use = "it owns the request's buffer"]
pub struct Completion<P: Platform> {
    /// The request.
    pub token: Token,
    /// Result of the request.
    pub outcome: Result<(), IoError>,
    /// The buffer; `None` for a flush, and if the backend still uses it: those pages are in the
    /// deferred list of the grant table.
    pub buffer: Option<Pages<P>>,
}

impl<P: Platform> fmt::Debug for Completion<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { token, outcome, buffer } = self;
        let mut out = f.debug_struct("Completion");
        out.field("token", token).field("outcome", outcome).field("buffer", buffer).finish()
    }
}
