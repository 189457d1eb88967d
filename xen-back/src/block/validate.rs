//! Request validation.

use super::{DiskInfo, SECTOR_SIZE};
use heapless::Vec;
use thiserror::Error;
use xen_hypercall::{GrantRef, PAGE_SIZE};
use xen_sys::io::blkif::{
    BLKIF_DISCARD_SECURE, BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST, BLKIF_MAX_SEGMENTS_PER_REQUEST,
    BlkifOp, BlkifRequestSegment, BlkifStatus,
};

/// The most segments that an indirect request can have: 1 MiB, if all are whole pages. It is what
/// Linux's blkback offers.
#[doc(alias = "MAX_INDIRECT_SEGMENTS")]
pub const MAX_SEGMENTS: usize = 256;

/// Sectors in a page.
const SECTORS_PER_PAGE: u8 = (PAGE_SIZE / SECTOR_SIZE) as u8;

pub(super) type Segments = Vec<BlkifRequestSegment, MAX_SEGMENTS>;

/// The reason why a request was refused. The frontend receives a status only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RequestError {
    /// An operation that is unknown, or was not offered.
    #[error("operation {0}, which was not offered")]
    Operation(BlkifOp),
    /// An indirect request that is neither a read nor a write.
    #[error("indirect operation {0}, expected a read or a write")]
    IndirectOperation(BlkifOp),
    /// A number of segments that the operation does not allow.
    #[error("{found} segments, expected 1 to {limit}")]
    SegmentCount {
        /// The number that was found.
        found: u16,
        /// The most that are allowed.
        limit: u16,
    },
    /// A segment that is no run of sectors within a page.
    #[error(
        "segment {index} of sectors {first} to {last}, expected a run within 0 to {}",
        SECTORS_PER_PAGE - 1
    )]
    Segment {
        /// Its position in the request.
        index: usize,
        /// Its first sector.
        first: u8,
        /// Its last sector.
        last: u8,
    },
    /// Sectors outside of the disk.
    #[error("{count} sectors from {sector}, expected a range within the disk's {disk}")]
    Range {
        /// The first sector.
        sector: u64,
        /// The number of sectors.
        count: u64,
        /// The number of sectors that the disk has.
        disk: u64,
    },
    /// Sectors that are not whole units of a disk with larger sectors.
    #[error("{count} sectors from {sector}, expected whole units of the disk's sector size")]
    Alignment {
        /// The first sector.
        sector: u64,
        /// The number of sectors.
        count: u64,
    },
    /// A write to a read-only disk.
    #[error("a write to a read-only disk")]
    ReadOnly,
    /// A discard of no sectors, which Linux refuses, too.
    #[error("discard at {sector}: found 0 sectors, expected 1 or more")]
    Empty {
        /// The first sector.
        sector: u64,
    },
}

impl RequestError {
    pub(super) fn status(self) -> BlkifStatus {
        match self {
            Self::Operation(_) => BlkifStatus::EOPNOTSUPP,
            _ => BlkifStatus::ERROR,
        }
    }
}

/// A request, copied out of the ring at once, in a form that does not depend on the ring's layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WireRequest {
    pub(super) id: u64,
    pub(super) body: Body,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    Direct {
        op: BlkifOp,
        count: u8,
        sector: u64,
        segments: [BlkifRequestSegment; BLKIF_MAX_SEGMENTS_PER_REQUEST],
    },
    Indirect {
        op: BlkifOp,
        count: u16,
        sector: u64,
        pages: [GrantRef; BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST],
    },
    Discard {
        flag: u8,
        sector: u64,
        count: u64,
    },
    Other(BlkifOp),
}

/// A request without an operation that is known.
impl Default for WireRequest {
    fn default() -> Self {
        Self { id: 0, body: Body::Other(BlkifOp(u8::MAX)) }
    }
}

impl WireRequest {
    /// Returns the operation of the response: for an indirect request, the inner one.
    pub(super) fn operation(&self) -> BlkifOp {
        match self.body {
            Body::Direct { op, .. } | Body::Indirect { op, .. } | Body::Other(op) => op,
            Body::Discard { .. } => BlkifOp::DISCARD,
        }
    }
}

/// A request that passed validation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ValidatedRequest<'r> {
    Transfer(Transfer, &'r [BlkifRequestSegment]),
    /// The segments are in a page of the frontend: to be copied, then [checked](DiskLimits::check).
    Indirect {
        transfer: Transfer,
        page: GrantRef,
        count: usize,
    },
    Flush {
        /// No other request may be in flight with it: a barrier.
        exclusive: bool,
    },
    Discard {
        sector: u64,
        count: u64,
        secure: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Transfer {
    pub(super) write: bool,
    /// A flush precedes it: all completed writes become durable before this one.
    pub(super) flush_first: bool,
    /// A flush follows it: a barrier, which is durable before any later request.
    pub(super) flush_after: bool,
    pub(super) sector: u64,
    /// The sectors of all segments, set by [`DiskLimits::check`].
    pub(super) count: u64,
}

impl Transfer {
    /// Returns whether a request with at most `room` segments transfers the sectors that follow, in
    /// the same direction. It is not valid for that.
    #[inline]
    pub(super) fn is_continued_by(&self, request: &WireRequest, room: usize) -> bool {
        let (op, sector, count) = match request.body {
            Body::Direct { op, count, sector, .. } => (op, sector, usize::from(count)),
            Body::Indirect { op, count, sector, .. } => (op, sector, usize::from(count)),
            Body::Discard { .. } | Body::Other(_) => return false,
        };
        let own = if self.write { BlkifOp::WRITE } else { BlkifOp::READ };
        op == own && sector == self.sector + self.count && count > 0 && count <= room
    }
}

/// The properties of a disk that requests are validated against.
#[derive(Clone, Copy, Debug)]
pub(super) struct DiskLimits {
    pub(super) sectors: u64,
    pub(super) sector_size: u32,
    pub(super) read_only: bool,
    pub(super) discard: bool,
    pub(super) secure: bool,
    /// The most segments of an indirect request, at most [`MAX_SEGMENTS`].
    pub(super) segments: u16,
}

impl DiskLimits {
    pub(super) fn new(disk: &DiskInfo, read_only: bool, discard: bool, segments: usize) -> Self {
        Self {
            sectors: disk.sectors,
            sector_size: disk.sector_size,
            read_only: read_only || disk.read_only,
            discard: discard && disk.discard.is_some(),
            secure: disk.discard.is_some_and(|discard| discard.secure),
            segments: segments.min(MAX_SEGMENTS) as u16,
        }
    }

    /// Validates a request. The result needs no further check, except for segments that are still
    /// to be copied.
    #[inline(always)]
    pub(super) fn validate<'r>(
        &self,
        request: &'r WireRequest,
    ) -> Result<ValidatedRequest<'r>, RequestError> {
        match request.body {
            Body::Direct { op, count, sector, ref segments } => {
                self.direct(op, count, sector, segments)
            }
            Body::Indirect { op, count, sector, pages } => {
                if op != BlkifOp::READ && op != BlkifOp::WRITE {
                    return Err(RequestError::IndirectOperation(op));
                }
                let limit = self.segments;
                // The first page has room for 512 segments.
                let [page, ..] = pages;
                if count == 0 || count > limit {
                    return Err(RequestError::SegmentCount { found: count, limit });
                }
                let transfer = Transfer {
                    write: op == BlkifOp::WRITE,
                    flush_first: false,
                    flush_after: false,
                    sector,
                    count: 0,
                };
                Ok(ValidatedRequest::Indirect { transfer, page, count: usize::from(count) })
            }
            Body::Discard { flag, sector, count } => {
                if !self.discard {
                    return Err(RequestError::Operation(BlkifOp::DISCARD));
                }
                if count == 0 {
                    return Err(RequestError::Empty { sector });
                }
                // `io/blkif.h`: "ignored if discard-secure=0". The sectors are freed without it.
                let secure = self.secure && flag & BLKIF_DISCARD_SECURE != 0;
                self.check_range(sector, count, true)?;
                Ok(ValidatedRequest::Discard { sector, count, secure })
            }
            Body::Other(op) => Err(RequestError::Operation(op)),
        }
    }

    #[inline(always)]
    fn direct<'r>(
        &self,
        op: BlkifOp,
        count: u8,
        sector: u64,
        segments: &'r [BlkifRequestSegment; BLKIF_MAX_SEGMENTS_PER_REQUEST],
    ) -> Result<ValidatedRequest<'r>, RequestError> {
        let barrier = op == BlkifOp::WRITE_BARRIER;
        let flush = op == BlkifOp::FLUSH_DISKCACHE;
        if count == 0 && (barrier || flush) {
            return if self.read_only {
                Err(RequestError::ReadOnly)
            } else {
                Ok(ValidatedRequest::Flush { exclusive: barrier })
            };
        }
        let limit = BLKIF_MAX_SEGMENTS_PER_REQUEST as u16;
        let counted = segments.get(..usize::from(count)).filter(|counted| !counted.is_empty());
        let counted =
            counted.ok_or(RequestError::SegmentCount { found: u16::from(count), limit })?;
        let mut transfer = Transfer {
            write: op != BlkifOp::READ,
            flush_first: barrier || flush,
            flush_after: barrier,
            sector,
            count: 0,
        };
        self.check(&mut transfer, counted)?;
        Ok(ValidatedRequest::Transfer(transfer, counted))
    }

    /// Validates the segments of a transfer, and sets its count.
    pub(super) fn check(
        &self,
        transfer: &mut Transfer,
        segments: &[BlkifRequestSegment],
    ) -> Result<(), RequestError> {
        let mut count = 0;
        for (index, segment) in segments.iter().enumerate() {
            let (first, last) = (segment.first_sect, segment.last_sect);
            if first > last || last >= SECTORS_PER_PAGE {
                return Err(RequestError::Segment { index, first, last });
            }
            let sectors = u64::from(last - first) + 1;
            // A unit of the disk must not be split over pages.
            self.check_alignment(u64::from(first), sectors)?;
            count += sectors;
        }
        transfer.count = count;
        self.check_range(transfer.sector, count, transfer.write)
    }

    fn check_range(&self, sector: u64, count: u64, write: bool) -> Result<(), RequestError> {
        if write && self.read_only {
            return Err(RequestError::ReadOnly);
        }
        if sector.checked_add(count).is_none_or(|end| end > self.sectors) {
            return Err(RequestError::Range { sector, count, disk: self.sectors });
        }
        self.check_alignment(sector, count)
    }

    fn check_alignment(&self, sector: u64, count: u64) -> Result<(), RequestError> {
        // The unit is a power of two: a mask replaces the division.
        let unit = u64::from(self.sector_size) / SECTOR_SIZE as u64;
        if (sector | count) & unit.wrapping_sub(1) != 0 {
            return Err(RequestError::Alignment { sector, count });
        }
        Ok(())
    }
}

/// Returns the bytes of a validated segment: their offset in the page, and their number.
pub(super) fn extent(segment: &BlkifRequestSegment) -> (usize, usize) {
    let sectors = usize::from(segment.last_sect.saturating_sub(segment.first_sect)) + 1;
    (usize::from(segment.first_sect) * SECTOR_SIZE, sectors * SECTOR_SIZE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DISK: DiskLimits = DiskLimits {
        sectors: 1000,
        sector_size: 512,
        read_only: false,
        discard: true,
        secure: false,
        segments: 32,
    };
    const SEGMENT: BlkifRequestSegment =
        BlkifRequestSegment { gref: GrantRef(8), first_sect: 0, last_sect: 7, _pad0: [0; 2] };

    fn direct(op: BlkifOp, count: u8, sector: u64) -> WireRequest {
        WireRequest { id: 1, body: Body::Direct { op, count, sector, segments: [SEGMENT; 11] } }
    }

    fn indirect(op: BlkifOp, count: u16) -> WireRequest {
        WireRequest {
            id: 1,
            body: Body::Indirect { op, count, sector: 0, pages: [GrantRef(9); 8] },
        }
    }

    #[test]
    fn d_b04_bad_counts_are_refused() {
        let limit = 11;
        let refused = |found| Err(RequestError::SegmentCount { found, limit });
        assert_eq!(DISK.validate(&direct(BlkifOp::WRITE, 12, 0)), refused(12));
        assert_eq!(DISK.validate(&direct(BlkifOp::READ, 255, 0)), refused(255));
        assert_eq!(DISK.validate(&direct(BlkifOp::READ, 0, 0)), refused(0));
        let limit = 32;
        for found in [0, 33, 257, u16::MAX] {
            let request = indirect(BlkifOp::READ, found);
            assert_eq!(DISK.validate(&request), Err(RequestError::SegmentCount { found, limit }));
        }
        assert!(DISK.validate(&indirect(BlkifOp::WRITE, limit)).is_ok());
        for op in [BlkifOp::FLUSH_DISKCACHE, BlkifOp::INDIRECT, BlkifOp(77)] {
            assert_eq!(DISK.validate(&indirect(op, 1)), Err(RequestError::IndirectOperation(op)));
        }
    }

    #[test]
    fn d_b05_bad_segments_are_refused() {
        for (first, last) in [(3, 2), (0, 8), (8, 8), (255, 0), (0, 255)] {
            let mut segments = [SEGMENT; 11];
            segments[4] = BlkifRequestSegment { first_sect: first, last_sect: last, ..SEGMENT };
            let body = Body::Direct { op: BlkifOp::READ, count: 5, sector: 0, segments };
            assert_eq!(
                DISK.validate(&WireRequest { id: 1, body }),
                Err(RequestError::Segment { index: 4, first, last })
            );
            // Segments after the count are ignored.
            let body = Body::Direct { op: BlkifOp::READ, count: 4, sector: 0, segments };
            assert!(DISK.validate(&WireRequest { id: 1, body }).is_ok());
        }
    }

    #[test]
    fn d_b06_bad_ranges_are_refused() {
        let range = |sector| Err(RequestError::Range { sector, count: 88, disk: 1000 });
        for sector in [913, 1000, u64::MAX, u64::MAX - 87, u64::MAX - 88] {
            assert_eq!(DISK.validate(&direct(BlkifOp::READ, 11, sector)), range(sector));
        }
        assert!(DISK.validate(&direct(BlkifOp::READ, 11, 912)).is_ok());
        let read_only = DiskLimits { read_only: true, ..DISK };
        for op in [BlkifOp::WRITE, BlkifOp::WRITE_BARRIER] {
            assert_eq!(read_only.validate(&direct(op, 1, 0)), Err(RequestError::ReadOnly));
        }
        for op in [BlkifOp::WRITE_BARRIER, BlkifOp::FLUSH_DISKCACHE] {
            let exclusive = op == BlkifOp::WRITE_BARRIER;
            let flush = Ok(ValidatedRequest::Flush { exclusive });
            assert_eq!(DISK.validate(&direct(op, 0, 0)), flush);
            assert_eq!(read_only.validate(&direct(op, 0, 0)), Err(RequestError::ReadOnly));
        }
        assert!(read_only.validate(&direct(BlkifOp::READ, 1, 0)).is_ok());
        let discard = |sector, count, flag| WireRequest {
            id: 1,
            body: Body::Discard { flag, sector, count },
        };
        assert_eq!(read_only.validate(&discard(0, 1, 0)), Err(RequestError::ReadOnly));
        assert!(DISK.validate(&discard(u64::MAX, 2, 0)).is_err());
        assert!(DISK.validate(&discard(2, u64::MAX, 0)).is_err());
        assert!(DISK.validate(&discard(0, 1000, 0)).is_ok());
    }

    #[test]
    fn secure_flag_is_ignored_where_unoffered() {
        let discard =
            |flag| WireRequest { id: 1, body: Body::Discard { flag, sector: 3, count: 2 } };
        let expected = |secure| Ok(ValidatedRequest::Discard { sector: 3, count: 2, secure });
        for (offered, flag, secure) in [
            (false, 0, false),
            (false, 1, false),
            (true, 0, false),
            (true, 1, true),
            (true, 0xfe, false),
        ] {
            let disk = DiskLimits { secure: offered, ..DISK };
            assert_eq!(disk.validate(&discard(flag)), expected(secure), "{offered}, {flag}");
        }
    }

    #[test]
    fn discard_of_no_sectors_is_refused() {
        for sector in [0, 5, 1000, u64::MAX] {
            let body = Body::Discard { flag: 0, sector, count: 0 };
            assert_eq!(
                DISK.validate(&WireRequest { id: 1, body }),
                Err(RequestError::Empty { sector })
            );
        }
        assert_eq!(RequestError::Empty { sector: 0 }.status(), BlkifStatus::ERROR);
    }

    #[test]
    fn d_b08_unoffered_operations_are_refused() {
        for op in [4, 7, 9, 255].map(BlkifOp) {
            let refusal = DISK.validate(&WireRequest { id: 1, body: Body::Other(op) }).unwrap_err();
            assert_eq!(refusal.status(), BlkifStatus::EOPNOTSUPP);
        }
        assert_eq!(RequestError::ReadOnly.status(), BlkifStatus::ERROR);
    }

    #[test]
    fn large_sectors_are_not_split() {
        let disk = DiskLimits { sector_size: 4096, ..DISK };
        assert!(disk.validate(&direct(BlkifOp::READ, 1, 8)).is_ok());
        assert!(disk.validate(&direct(BlkifOp::READ, 1, 4)).is_err());
        let mut segments = [SEGMENT; 11];
        segments[0] = BlkifRequestSegment { last_sect: 3, ..SEGMENT };
        segments[1] = BlkifRequestSegment { last_sect: 3, ..SEGMENT };
        let body = Body::Direct { op: BlkifOp::READ, count: 2, sector: 0, segments };
        assert!(disk.validate(&WireRequest { id: 1, body }).is_err());
    }

    proptest! {
        #[test]
        fn valid_requests_stay_in_bounds(
            op in 0u8..8,
            count: u8,
            sector in prop_oneof![0u64..1100, any::<u64>()],
            runs in proptest::array::uniform11((0u8..10, 0u8..10)),
        ) {
            let segments = runs.map(|(first_sect, last_sect)| BlkifRequestSegment {
                first_sect,
                last_sect,
                ..SEGMENT
            });
            let body = Body::Direct { op: BlkifOp(op), count, sector, segments };
            let request = WireRequest { id: 0, body };
            if let Ok(ValidatedRequest::Transfer(transfer, segments)) = DISK.validate(&request) {
                prop_assert_eq!(segments.len(), usize::from(count));
                let bytes: usize = segments.iter().map(|segment| extent(segment).1).sum();
                for (start, len) in segments.iter().map(extent) {
                    prop_assert!(start + len <= PAGE_SIZE && len > 0);
                }
                prop_assert!(transfer.sector * 512 + bytes as u64 <= 1000 * 512);
            }
        }
    }
}
