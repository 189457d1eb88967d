//! What goes into a disk's queue and what comes out.

use super::{IoError, RequestError, SECTORS_PER_PAGE, SubmitError};
use core::fmt;
use xen_hypercall::{Pages, Platform};
use xen_sys::io::blkif::BLKIF_MAX_SEGMENTS_PER_REQUEST;

/// The most pages in a request's buffer.
#[doc(alias = "BLKIF_MAX_SEGMENTS_PER_REQUEST")]
pub const MAX_PAGES: usize = BLKIF_MAX_SEGMENTS_PER_REQUEST;

/// Names one request of one device. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub(super) u64);

/// A request. The driver owns the buffer until the request completes; data lies at its start.
///
/// The backend gets access to all pages of the buffer, so let nothing else be in them.
#[derive(Debug)]
pub enum Request<P: Platform> {
    /// Reads `sectors` sectors from `sector` on into the buffer.
    Read {
        /// First sector.
        sector: u64,
        /// Number of sectors.
        sectors: usize,
        /// Where the data goes, at most [`MAX_PAGES`] pages.
        buffer: Pages<P>,
    },
    /// Writes `sectors` sectors from `sector` on from the buffer.
    Write {
        /// First sector.
        sector: u64,
        /// Number of sectors.
        sectors: usize,
        /// Where the data is, at most [`MAX_PAGES`] pages.
        buffer: Pages<P>,
    },
    /// Makes every write that has completed so far lasting.
    Flush,
}

impl<P: Platform> Request<P> {
    /// Takes the buffer out, if the request has one.
    pub fn into_buffer(self) -> Option<Pages<P>> {
        match self {
            Self::Read { buffer, .. } | Self::Write { buffer, .. } => Some(buffer),
            Self::Flush => None,
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

/// A request that is done with, and its buffer.
#[must_use = "it owns the request's buffer"]
pub struct Completion<P: Platform> {
    /// Which request.
    pub token: Token,
    /// Whether it was done.
    pub outcome: Result<(), IoError>,
    /// The buffer; none for a flush, and none if the backend did not let go of it: those pages are
    /// kept back in the grant table's deferred list.
    pub buffer: Option<Pages<P>>,
}

impl<P: Platform> fmt::Debug for Completion<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { token, outcome, buffer } = self;
        let mut out = f.debug_struct("Completion");
        out.field("token", token).field("outcome", outcome).field("buffer", buffer).finish()
    }
}
