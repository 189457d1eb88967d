//! What can go wrong with grants.

use crate::{MAX_FRAMES, MAX_PAGES, Version};
use core::fmt;
use heapless::Vec;
use xen_hypercall::boot::PlaceError;
use xen_hypercall::ops::grant_table::GrantOpError;
use xen_hypercall::{
    AlreadyTaken, DomId, Errno, ForeignFrames, Gfn, GrantRef, OutOfMemory, Pages, Platform,
};
use xen_sys::grant_table::GrantStatus;

/// Why pages could not be shared, or the table not be set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantError {
    /// Not as many entries are free, one behind the other for pages that are shared as one, and the
    /// table is as large as Xen allows.
    Exhausted {
        /// The table's size in frames.
        frames: u32,
    },
    /// The domain's grant table has an owner.
    Taken(AlreadyTaken),
    /// The pages are another domain's.
    OtherDomain,
    /// The table could not grow.
    Grow(PlaceError),
    /// Xen did not tell the table's size.
    Size(GrantOpError),
    /// More pages at once than a [`Granted`](crate::Granted) can hold.
    TooManyPages {
        /// How many there were.
        found: usize,
    },
    /// More frames at once than a [`FrameGrants`](crate::FrameGrants) can hold.
    TooManyFrames {
        /// The number of frames that was found.
        found: usize,
    },
    /// The platform had no memory to keep account of the references.
    Memory(OutOfMemory),
    /// Bytes that do not lie within a page.
    Range {
        /// The offset in bytes that was found.
        offset: usize,
        /// The length in bytes that was found.
        len: usize,
    },
    /// The table follows another version than what was asked of it takes.
    Version {
        /// The one that is in force.
        found: Version,
        /// The one that it takes.
        needed: Version,
    },
    /// A version 1 entry has 32 bits for a frame, this one needs more.
    FrameTooHigh(Gfn),
}

impl fmt::Display for GrantError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exhausted { frames } => {
                write!(
                    f,
                    "grant table full: too few entries are free in its {frames} frames, and Xen allows no more"
                )
            }
            Self::Taken(error) => error.fmt(f),
            Self::OtherDomain => f.write_str("found pages of another domain, expected this one's"),
            Self::Grow(error) => write!(f, "grant table can't grow: {error}"),
            Self::Size(error) => write!(f, "grant table's size unknown: {error}"),
            Self::TooManyPages { found } => {
                write!(f, "{found} pages to share at once, expected at most {}", MAX_PAGES)
            }
            Self::TooManyFrames { found } => {
                write!(
                    f,
                    "too many frames for one grant: found {found}, expected at most {MAX_FRAMES}"
                )
            }
            Self::Memory(error) => write!(f, "no memory for the grant table's references: {error}"),
            Self::Range { offset, len } => {
                write!(f, "{len} bytes at offset {offset} do not lie within a page")
            }
            Self::Version { found, needed } => {
                write!(f, "the grant table follows {found}, but this takes {needed}")
            }
            Self::FrameTooHigh(gfn) => {
                write!(f, "{gfn} can't be granted: version 1 entries end at frame 2^32")
            }
        }
    }
}

impl core::error::Error for GrantError {}

/// Pages that could not be shared, handed back untouched, and why.
pub struct GrantFailed<P: Platform> {
    /// Why.
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

impl<P: Platform> fmt::Display for GrantFailed<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<P: Platform> core::error::Error for GrantFailed<P> {}

/// The peer still has the page mapped. The pages are in deferred list, out of use until it lets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InUse {
    /// The first reference that could not be taken back.
    pub reference: GrantRef,
}

impl fmt::Display for InUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the peer still uses grant {}; its pages are kept back until it stops",
            self.reference
        )
    }
}

impl core::error::Error for InUse {}

/// Why pages of another domain could not be mapped or copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapError {
    /// More references than there is room for, or none at all.
    Count {
        /// How many there were.
        found: usize,
        /// How many there is room for.
        room: usize,
    },
    /// The grants are this domain's own. Copy instead: to map them would move the pages away from
    /// where their owner has them.
    OwnDomain(DomId),
    /// Xen did not tell this domain's number, so nothing is known of whose grants they are.
    OwnDomainUnknown(Errno),
    /// Two grants of different tables.
    OtherTable,
    /// Xen refused the hypercall.
    Call(Errno),
    /// Xen refused one reference.
    Refused {
        /// Which.
        reference: GrantRef,
        /// Why.
        status: GrantStatus,
    },
    /// Xen refused to unmap a page. Its frame is out of use for good.
    Stuck {
        /// Why.
        status: GrantStatus,
    },
    /// Bytes that do not lie within one granted page, or not within the own memory.
    Range {
        /// The offset in bytes that was found.
        offset: usize,
        /// The length in bytes that was found.
        len: usize,
    },
}

impl fmt::Display for MapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count { found, room } => write!(f, "{found} grants to map, expected 1 to {room}"),
            Self::OwnDomain(domain) => {
                write!(
                    f,
                    "grants of domain {domain} to map, which is this one; expected another domain's"
                )
            }
            Self::OwnDomainUnknown(errno) => {
                write!(
                    f,
                    "can't tell whether grants to map are this domain's own: its number is unknown: {errno}"
                )
            }
            Self::OtherTable => f.write_str("found grants of two tables, expected one table's"),
            Self::Call(errno) => write!(f, "grant table hypercall refused: {errno}"),
            Self::Refused { reference, status } => write!(f, "grant {reference} refused: {status}"),
            Self::Stuck { status } => write!(f, "a mapped grant could not be unmapped: {status}"),
            Self::Range { offset, len } => {
                write!(
                    f,
                    "{len} bytes at offset {offset} do not lie within the page or the memory to copy"
                )
            }
        }
    }
}

impl core::error::Error for MapError {}

/// A mapping that failed as a whole, and the room that was meant for it.
pub struct MapFailed<P: ForeignFrames> {
    /// Why.
    pub error: MapError,
    /// The room; `None` if a page that had been mapped could not be unmapped.
    pub window: Option<crate::GrantMapArea<P>>,
    pub(crate) statuses: Vec<GrantStatus, MAX_PAGES>,
}

impl<P: ForeignFrames> MapFailed<P> {
    /// Returns what Xen said of each reference, in their order; `OKAY` for one that was mapped, and
    /// is not any more. Empty if Xen was not asked.
    pub fn statuses(&self) -> &[GrantStatus] {
        &self.statuses
    }
}

impl<P: ForeignFrames> fmt::Debug for MapFailed<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapFailed")
            .field("error", &self.error)
            .field("window", &self.window)
            .finish()
    }
}

impl<P: ForeignFrames> fmt::Display for MapFailed<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<P: ForeignFrames> core::error::Error for MapFailed<P> {}
