//! Errors of grants, mappings and copies.

use crate::{MAX_FRAMES, MAX_PAGES, Version};
use core::fmt;
use heapless::Vec;
use thiserror::Error;
use xen_hypercall::boot::PlaceError;
use xen_hypercall::ops::grant_table::GrantOpError;
use xen_hypercall::{
    AlreadyTaken, DomId, Errno, ForeignFrames, Gfn, GrantRef, OutOfMemory, Pages, Platform,
};
use xen_sys::grant_table::GrantStatus;

/// The reason why memory could not be granted, or the table not be set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum GrantError {
    /// Too few entries are free, or too few in a row for pages that are granted as one, and the
    /// table is as large as Xen allows.
    #[error("grant table full: too few entries are free in {frames} frames, the limit of Xen")]
    Exhausted {
        /// The table's size in frames.
        frames: u32,
    },
    /// The domain's grant table has an owner.
    #[error(transparent)]
    Taken(AlreadyTaken),
    /// The memory is another domain's.
    #[error("found memory of another domain, expected this one's")]
    OtherDomain,
    /// The table could not grow.
    #[error("grant table can't grow: {0}")]
    Grow(#[source] PlaceError),
    /// Xen did not report the table's size.
    #[error("grant table's size unknown: {0}")]
    Size(#[source] GrantOpError),
    /// More pages at once than a [`Granted`](crate::Granted) can hold.
    #[error("too many pages for a grant: found {found}, expected at most {max}", max = MAX_PAGES)]
    TooManyPages {
        /// The number of pages that was found.
        found: usize,
    },
    /// More frames at once than a [`FrameGrants`](crate::FrameGrants) can hold.
    #[error("too many frames for a grant: found {found}, expected at most {max}", max = MAX_FRAMES)]
    TooManyFrames {
        /// The number of frames that was found.
        found: usize,
    },
    /// Fewer frames of a buffer than were to be granted.
    #[error("found {found} frames in a buffer, expected {expected}")]
    TooFewFrames {
        /// The number of frames that was found.
        found: usize,
        /// The number of frames to be granted.
        expected: usize,
    },
    /// The platform had no memory for the state of the references.
    #[error("no memory for the grant table's references: {0}")]
    Memory(#[source] OutOfMemory),
    /// Bytes that are not within a page.
    #[error("found {len} bytes at offset {offset}, expected bytes within a page")]
    Range {
        /// The offset in bytes that was found.
        offset: usize,
        /// The length in bytes that was found.
        len: usize,
    },
    /// The table is of another version than the operation needs.
    #[error("found a grant table of {found}, expected {needed}")]
    Version {
        /// The version in force.
        found: Version,
        /// The version that is needed.
        needed: Version,
    },
    /// A frame beyond the 32 bits of a version 1 entry.
    #[error("{0} can't be granted: version 1 entries end at frame 2^32")]
    FrameTooHigh(Gfn),
}

/// Pages that could not be granted, returned unchanged, and the reason.
#[derive(Error)]
#[error("{error}")]
pub struct GrantFailed<P: Platform> {
    /// The reason.
    pub error: GrantError,
    /// The pages.
    pub pages: Pages<P>,
}

impl<P: Platform> fmt::Debug for GrantFailed<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrantFailed")
            .field("error", &self.error)
            .field("pages", &self.pages)
            .finish()
    }
}

/// A page that the peer still uses. It is deferred: not reused before the peer has released it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the peer still uses grant {reference}; its page is deferred until the peer releases it")]
pub struct InUse {
    /// The first reference that is in use.
    pub reference: GrantRef,
}

/// The reason why pages of another domain could not be mapped or copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MapError {
    /// More references than there is room for, or none at all.
    #[error("{found} grants to map, expected 1 to {room}")]
    Count {
        /// The number of references that was found.
        found: usize,
        /// The number that there is room for.
        room: usize,
    },
    /// The grants are this domain's own. Copy instead: a mapping would move the pages away from
    /// the frames of their owner.
    #[error("grants of domain {0} to map, which is this one; expected another domain's")]
    OwnDomain(DomId),
    /// Xen did not report this domain's number, so the grants may be its own.
    #[error("can't map grants that may be this domain's own, whose number is unknown: {0}")]
    OwnDomainUnknown(#[source] Errno),
    /// Two grants of different tables.
    #[error("found grants of two tables, expected one table's")]
    OtherTable,
    /// Xen refused the hypercall.
    #[error("grant table hypercall refused: {0}")]
    Call(#[source] Errno),
    /// Xen refused one reference.
    #[error("grant {reference} refused: {status}")]
    Refused {
        /// The reference.
        reference: GrantRef,
        /// The status that Xen returned for it.
        status: GrantStatus,
    },
    /// Xen refused to unmap a page. Its frame is never used again.
    #[error("a mapped grant could not be unmapped: {status}")]
    Stuck {
        /// The status that Xen returned.
        status: GrantStatus,
    },
    /// The platform has no frame to map a page in.
    #[error(transparent)]
    Memory(#[from] OutOfMemory),
    /// Bytes that are not within one granted page, or not within the local memory.
    #[error("found {len} bytes at offset {offset}, expected bytes within the page or local memory")]
    Range {
        /// The offset in bytes that was found.
        offset: usize,
        /// The length in bytes that was found.
        len: usize,
    },
}

/// A mapping that failed as a whole, and the area that was meant for it.
#[derive(Error)]
#[error("{error}")]
pub struct MapFailed<P: ForeignFrames> {
    /// The reason.
    pub error: MapError,
    /// The area; `None` if a page that had been mapped could not be unmapped.
    pub area: Option<crate::GrantMapArea<P>>,
    pub(crate) statuses: Vec<GrantStatus, MAX_PAGES>,
}

impl<P: ForeignFrames> MapFailed<P> {
    /// Returns the status of each reference, in their order; `OKAY` for one that was mapped, and
    /// is unmapped again. Empty if Xen was not called.
    pub fn statuses(&self) -> &[GrantStatus] {
        &self.statuses
    }
}

impl<P: ForeignFrames> fmt::Debug for MapFailed<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapFailed").field("error", &self.error).field("area", &self.area).finish()
    }
}
