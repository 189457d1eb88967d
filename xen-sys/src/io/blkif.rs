//! The block protocol. The unit of sector numbers and sizes is 512 bytes, for every sector size of
//! the disk.
//!
//! The layouts of this module are those of a 64-bit guest, native and `x86_64-abi`. The layouts of
//! a 32-bit guest are in [`x86_32`].
//!
//! Public header: `io/blkif.h`.
//!
//! Coverage: 16 constants and 6 structures, of Xen 4.17 and 4.20; left out, for the reasons in
//! `abi/left-out.txt`: `blkif_back_ring`, `blkif_front_ring`, `blkif_sring_entry`.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::GrantRef;

/// Size of a sector in bytes, in all numbers of the protocol.
pub const SECTOR_SIZE: usize = 512;

open_enum! {
    /// Operation of a request.
    pub struct BlkifOp(u8) {
        /// Read of sectors.
        #[doc(alias = "BLKIF_OP_READ")]
        READ = 0;
        /// Write of sectors.
        #[doc(alias = "BLKIF_OP_WRITE")]
        WRITE = 1;
        /// Write of sectors after all earlier and before all later requests; requires
        /// `feature-barrier`.
        #[doc(alias = "BLKIF_OP_WRITE_BARRIER")]
        WRITE_BARRIER = 2;
        /// Flush of the disk's write cache; requires `feature-flush-cache`.
        #[doc(alias = "BLKIF_OP_FLUSH_DISKCACHE")]
        FLUSH_DISKCACHE = 3;
        /// Reserved; packet commands of one vendor.
        #[doc(alias = "BLKIF_OP_RESERVED_1")]
        RESERVED_1 = 4;
        /// Discard of sectors; requires `feature-discard`. See [`BlkifRequestDiscard`].
        #[doc(alias = "BLKIF_OP_DISCARD")]
        DISCARD = 5;
        /// Read or write with indirect segments; requires `feature-max-indirect-segments`. See
        /// [`BlkifRequestIndirect`].
        #[doc(alias = "BLKIF_OP_INDIRECT")]
        INDIRECT = 6;
    }
}

/// Maximum number of segments of a direct request.
pub const BLKIF_MAX_SEGMENTS_PER_REQUEST: usize = 11;
/// Maximum number of pages with segments of an indirect request.
pub const BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST: usize = 8;

/// Range of sectors within one granted page.
#[doc(alias = "blkif_request_segment")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct BlkifRequestSegment {
    /// Grant of the page.
    pub gref: GrantRef,
    /// First sector in the page.
    pub first_sect: u8,
    /// Last sector in the page, inclusive.
    pub last_sect: u8,
    /// Padding; zero.
    pub _pad0: [u8; 2],
}
const _: () = assert!(size_of::<BlkifRequestSegment>() == 8);

/// A direct request.
#[doc(alias = "blkif_request")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct BlkifRequest {
    /// Operation.
    pub operation: BlkifOp,
    /// Number of segments used.
    pub nr_segments: u8,
    /// The virtual device.
    pub handle: u16,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// Identifier chosen by the frontend; the response carries the same value.
    pub id: u64,
    /// First sector on disk.
    pub sector_number: u64,
    /// The segments.
    pub seg: [BlkifRequestSegment; BLKIF_MAX_SEGMENTS_PER_REQUEST],
}
const _: () = assert!(size_of::<BlkifRequest>() == 112);

/// A discard request.
#[doc(alias = "blkif_request_discard")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct BlkifRequestDiscard {
    /// [`BlkifOp::DISCARD`].
    pub operation: BlkifOp,
    /// [`BLKIF_DISCARD_SECURE`] or zero.
    pub flag: u8,
    /// The virtual device.
    pub handle: u16,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// Identifier chosen by the frontend; the response carries the same value.
    pub id: u64,
    /// First sector on disk.
    pub sector_number: u64,
    /// Number of sectors.
    pub nr_sectors: u64,
}
const _: () = assert!(size_of::<BlkifRequestDiscard>() == 32);

/// Flag of [`BlkifRequestDiscard`]: the data must not be recoverable; requires `discard-secure`.
pub const BLKIF_DISCARD_SECURE: u8 = 1 << 0;

/// A request whose segments are in separate pages.
#[doc(alias = "blkif_request_indirect")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct BlkifRequestIndirect {
    /// [`BlkifOp::INDIRECT`].
    pub operation: BlkifOp,
    /// [`BlkifOp::READ`] or [`BlkifOp::WRITE`].
    pub indirect_op: BlkifOp,
    /// Number of segments in all pages.
    pub nr_segments: u16,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// Identifier chosen by the frontend; the response carries the same value.
    pub id: u64,
    /// First sector on disk.
    pub sector_number: u64,
    /// The virtual device.
    pub handle: u16,
    /// Padding; zero.
    pub _pad1: [u8; 2],
    /// Grants of the pages with [`BlkifRequestSegment`].
    pub indirect_grefs: [GrantRef; BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST],
    /// Padding; zero.
    pub _pad2: [u8; 4],
}
const _: () = assert!(size_of::<BlkifRequestIndirect>() == 64);

/// A response.
#[doc(alias = "blkif_response")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct BlkifResponse {
    /// Identifier of the request.
    pub id: u64,
    /// Operation of the request.
    pub operation: BlkifOp,
    /// Padding; zero.
    pub _pad0: [u8; 1],
    /// Status.
    pub status: BlkifStatus,
    /// Padding; zero.
    pub _pad1: [u8; 4],
}
const _: () = assert!(size_of::<BlkifResponse>() == 16);

open_enum! {
    /// Status of a block request.
    pub struct BlkifStatus(i16) {
        /// Unsupported operation.
        #[doc(alias = "BLKIF_RSP_EOPNOTSUPP")]
        EOPNOTSUPP = -2;
        /// Failed operation.
        #[doc(alias = "BLKIF_RSP_ERROR")]
        ERROR = -1;
        /// Success.
        #[doc(alias = "BLKIF_RSP_OKAY")]
        OKAY = 0;
    }
}

flags! {
    /// Properties of a virtual disk, in the xenstore node `info`.
    pub struct VdiskInfo(u32) {
        /// A CD-ROM.
        #[doc(alias = "VDISK_CDROM")]
        CDROM = 0x1;
        /// Removable medium.
        #[doc(alias = "VDISK_REMOVABLE")]
        REMOVABLE = 0x2;
        /// Read-only disk.
        #[doc(alias = "VDISK_READONLY")]
        READONLY = 0x4;
    }
}

/// The layouts of a 32-bit x86 guest (`x86_32-abi`), where 64-bit numbers are aligned to four
/// bytes.
pub mod x86_32 {
    use zerocopy::little_endian::U64;
    use zerocopy::{FromBytes, Immutable, IntoBytes};

    use super::{BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST, BLKIF_MAX_SEGMENTS_PER_REQUEST};
    use super::{BlkifOp, BlkifRequestSegment, BlkifStatus};
    use crate::GrantRef;

    /// A direct request.
    #[doc(alias = "blkif_request")]
    #[doc(alias = "blkif_x86_32_request")]
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
    #[repr(C, align(4))]
    pub struct BlkifRequest {
        /// Operation.
        pub operation: BlkifOp,
        /// Number of segments used.
        pub nr_segments: u8,
        /// The virtual device.
        pub handle: u16,
        /// Identifier chosen by the frontend; the response carries the same value.
        pub id: U64,
        /// First sector on disk.
        pub sector_number: U64,
        /// The segments.
        pub seg: [BlkifRequestSegment; BLKIF_MAX_SEGMENTS_PER_REQUEST],
    }
    const _: () = assert!(size_of::<BlkifRequest>() == 108);

    /// A discard request.
    #[doc(alias = "blkif_request_discard")]
    #[doc(alias = "blkif_x86_32_request_discard")]
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
    #[repr(C, align(4))]
    pub struct BlkifRequestDiscard {
        /// [`BlkifOp::DISCARD`].
        pub operation: BlkifOp,
        /// [`super::BLKIF_DISCARD_SECURE`] or zero.
        pub flag: u8,
        /// The virtual device.
        pub handle: u16,
        /// Identifier chosen by the frontend; the response carries the same value.
        pub id: U64,
        /// First sector on disk.
        pub sector_number: U64,
        /// Number of sectors.
        pub nr_sectors: U64,
    }
    const _: () = assert!(size_of::<BlkifRequestDiscard>() == 28);

    /// A request whose segments are in separate pages.
    #[doc(alias = "blkif_request_indirect")]
    #[doc(alias = "blkif_x86_32_request_indirect")]
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
    #[repr(C, align(4))]
    pub struct BlkifRequestIndirect {
        /// [`BlkifOp::INDIRECT`].
        pub operation: BlkifOp,
        /// [`BlkifOp::READ`] or [`BlkifOp::WRITE`].
        pub indirect_op: BlkifOp,
        /// Number of segments in all pages.
        pub nr_segments: u16,
        /// Identifier chosen by the frontend; the response carries the same value.
        pub id: U64,
        /// First sector on disk.
        pub sector_number: U64,
        /// The virtual device.
        pub handle: u16,
        /// Padding; zero.
        pub _pad0: [u8; 2],
        /// Grants of the pages with [`BlkifRequestSegment`].
        pub indirect_grefs: [GrantRef; BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST],
        /// Padding to 64 bytes; zero.
        pub pad: [u8; 8],
    }
    const _: () = assert!(size_of::<BlkifRequestIndirect>() == 64);

    /// A response.
    #[doc(alias = "blkif_response")]
    #[doc(alias = "blkif_x86_32_response")]
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
    #[repr(C, align(4))]
    pub struct BlkifResponse {
        /// Identifier of the request.
        pub id: U64,
        /// Operation of the request.
        pub operation: BlkifOp,
        /// Padding; zero.
        pub _pad0: [u8; 1],
        /// Status.
        pub status: BlkifStatus,
    }
    const _: () = assert!(size_of::<BlkifResponse>() == 12);
}
