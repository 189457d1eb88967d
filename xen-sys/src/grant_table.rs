//! Grant tables: access of other domains to pages of a domain.
//!
//! Public header: `grant_table.h`.
//!
//! Coverage: 55 constants and 17 structures, of Xen 4.17 and 4.20; nothing is left out.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::DomId;
use crate::GuestHandle;
use crate::xen::XenPfn;

ident! {
    /// The index of an entry in a domain's grant table.
    #[doc(alias = "grant_ref_t")]
    pub struct GrantRef(u32);
}

ident! {
    /// Handle of one mapping of a granted page; returned by map, passed to unmap.
    #[doc(alias = "grant_handle_t")]
    pub struct GrantHandle(u32);
}

/// An entry of a version 1 grant table.
#[doc(alias = "grant_entry_v1")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct GrantEntryV1 {
    /// Kind and state. The guest writes it last; Xen sets the reading and writing bits.
    pub flags: GrantFlags,
    /// The domain that may access the page.
    pub domid: DomId,
    /// The page, as a guest frame number.
    pub frame: u32,
}
const _: () = assert!(size_of::<GrantEntryV1>() == 8);

/// Number of entries at the start of the table that the toolstack fills.
pub const GNTTAB_NR_RESERVED_ENTRIES: u32 = 8;
/// Entry of the console ring's page.
pub const GNTTAB_RESERVED_CONSOLE: u32 = 0;
/// Entry of the xenstore ring's page.
pub const GNTTAB_RESERVED_XENSTORE: u32 = 1;

flags! {
    /// Kind (the two low bits) and state of a grant entry.
    pub struct GrantFlags(u16) {
        /// Kind: no grant.
        #[doc(alias = "GTF_invalid")]
        INVALID = 0x0;
        /// Kind: the peer may map the page, and copy from and to it.
        #[doc(alias = "GTF_permit_access")]
        PERMIT_ACCESS = 1 << 0;
        /// Kind: the peer may transfer a page to this entry (PV only).
        #[doc(alias = "GTF_accept_transfer")]
        ACCEPT_TRANSFER = 0x2;
        /// Kind: forwards a grant of a third domain (version 2).
        #[doc(alias = "GTF_transitive")]
        TRANSITIVE = 0x3;
        /// Mask of the kind.
        #[doc(alias = "GTF_type_mask")]
        TYPE_MASK = 0x3;
        /// The peer may only read.
        #[doc(alias = "GTF_readonly")]
        READONLY = 1 << 2;
        /// Set by Xen: the peer has mapped the page for reading.
        #[doc(alias = "GTF_reading")]
        READING = 1 << 3;
        /// Set by Xen: the peer has mapped the page for writing.
        #[doc(alias = "GTF_writing")]
        WRITING = 1 << 4;
        /// Cache attribute of the peer's mappings: write-through.
        #[doc(alias = "GTF_PWT")]
        PWT = 1 << 5;
        /// Cache attribute of the peer's mappings: uncached.
        #[doc(alias = "GTF_PCD")]
        PCD = 1 << 6;
        /// Cache attribute of the peer's mappings: page attribute table.
        #[doc(alias = "GTF_PAT")]
        PAT = 1 << 7;
        /// Sub-page grant: only a range of the page may be copied (version 2).
        #[doc(alias = "GTF_sub_page")]
        SUB_PAGE = 1 << 8;
        /// Set by Xen for a transfer: in progress.
        #[doc(alias = "GTF_transfer_committed")]
        TRANSFER_COMMITTED = 1 << 2;
        /// Set by Xen for a transfer: completed.
        #[doc(alias = "GTF_transfer_completed")]
        TRANSFER_COMPLETED = 1 << 3;
    }
}

/// Header of all version 2 entries.
#[doc(alias = "grant_entry_header")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct GrantEntryHeader {
    /// Kind.
    pub flags: GrantFlags,
    /// The domain that may access the page.
    pub domid: DomId,
}
const _: () = assert!(size_of::<GrantEntryHeader>() == 4);

/// An entry of a version 2 grant table for a whole page; the layout of each kind without a layout
/// of its own.
#[doc(alias = "grant_entry_v2")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct GrantEntryV2 {
    /// Kind and peer.
    pub hdr: GrantEntryHeader,
    /// Unused.
    #[doc(alias = "full_page.pad0")]
    pub pad0: u32,
    /// The page, as a guest frame number.
    #[doc(alias = "full_page.frame")]
    pub frame: u64,
}
const _: () = assert!(size_of::<GrantEntryV2>() == 16);

/// State word of a version 2 entry, written by Xen: the reading and writing bits.
#[doc(alias = "grant_status_t")]
pub type GrantEntryStatus = GrantFlags;

/// Command: maps granted pages. See [`GnttabMapGrantRef`].
#[doc(alias = "GNTTABOP_map_grant_ref")]
pub const GNTTABOP_MAP_GRANT_REF: u32 = 0;
/// Command: unmaps granted pages. See [`GnttabUnmapGrantRef`].
#[doc(alias = "GNTTABOP_unmap_grant_ref")]
pub const GNTTABOP_UNMAP_GRANT_REF: u32 = 1;
/// Command: grows the table and gets its frames. See [`GnttabSetupTable`].
#[doc(alias = "GNTTABOP_setup_table")]
pub const GNTTABOP_SETUP_TABLE: u32 = 2;
/// Command: prints a table on the hypervisor's console. See [`GnttabDumpTable`].
#[doc(alias = "GNTTABOP_dump_table")]
pub const GNTTABOP_DUMP_TABLE: u32 = 3;
/// Command: transfers a page to another domain (PV only). See [`GnttabTransfer`].
#[doc(alias = "GNTTABOP_transfer")]
pub const GNTTABOP_TRANSFER: u32 = 4;
/// Command: copies between pages, granted or own. See [`GnttabCopy`].
#[doc(alias = "GNTTABOP_copy")]
pub const GNTTABOP_COPY: u32 = 5;
/// Command: gets the size and the limit of the table. See [`GnttabQuerySize`].
#[doc(alias = "GNTTABOP_query_size")]
pub const GNTTABOP_QUERY_SIZE: u32 = 6;
/// Command: unmaps a granted page and maps another page in its place. See
/// [`GnttabUnmapAndReplace`].
#[doc(alias = "GNTTABOP_unmap_and_replace")]
pub const GNTTABOP_UNMAP_AND_REPLACE: u32 = 7;
/// Command: sets the version of the table. See [`GnttabSetVersion`].
#[doc(alias = "GNTTABOP_set_version")]
pub const GNTTABOP_SET_VERSION: u32 = 8;
/// Command: gets the frames of the version 2 state words. See [`GnttabGetStatusFrames`].
#[doc(alias = "GNTTABOP_get_status_frames")]
pub const GNTTABOP_GET_STATUS_FRAMES: u32 = 9;
/// Command: gets the table version of a domain. See [`GnttabGetVersion`].
#[doc(alias = "GNTTABOP_get_version")]
pub const GNTTABOP_GET_VERSION: u32 = 10;
/// Command: swaps two entries. See [`GnttabSwapGrantRef`].
#[doc(alias = "GNTTABOP_swap_grant_ref")]
pub const GNTTABOP_SWAP_GRANT_REF: u32 = 11;
/// Command: cleans or invalidates caches of a granted page (arm). See [`GnttabCacheFlush`].
#[doc(alias = "GNTTABOP_cache_flush")]
pub const GNTTABOP_CACHE_FLUSH: u32 = 12;

/// Argument of [`GNTTABOP_MAP_GRANT_REF`]: mapping of a granted page.
#[doc(alias = "gnttab_map_grant_ref")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct GnttabMapGrantRef {
    /// Guest physical address for the mapping; for PV guests a virtual address, or the machine
    /// address of a page table entry.
    pub host_addr: u64,
    /// Flags of the mapping.
    pub flags: GrantMapFlags,
    /// The grant.
    #[doc(alias = "ref")]
    pub ref_: GrantRef,
    /// The granting domain.
    pub dom: DomId,
    /// Out: the status.
    pub status: GrantStatus,
    /// Out: handle of the mapping.
    pub handle: GrantHandle,
    /// Out: bus address for device access.
    pub dev_bus_addr: u64,
}
const _: () = assert!(size_of::<GnttabMapGrantRef>() == 32);

/// Argument of [`GNTTABOP_UNMAP_GRANT_REF`]: end of a mapping.
#[doc(alias = "gnttab_unmap_grant_ref")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct GnttabUnmapGrantRef {
    /// Address of the mapping; zero keeps the CPU mapping.
    pub host_addr: u64,
    /// Bus address of the mapping; zero keeps the device mapping.
    pub dev_bus_addr: u64,
    /// Handle of the mapping.
    pub handle: GrantHandle,
    /// Out: the status.
    pub status: GrantStatus,
    /// Padding; zero.
    pub _pad0: [u8; 2],
}
const _: () = assert!(size_of::<GnttabUnmapGrantRef>() == 24);

/// Argument of [`GNTTABOP_SETUP_TABLE`].
#[doc(alias = "gnttab_setup_table")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct GnttabSetupTable {
    /// Domain that owns the table.
    pub dom: DomId,
    /// Padding; zero.
    pub _pad0: [u8; 2],
    /// Requested size in pages.
    pub nr_frames: u32,
    /// Out: the status.
    pub status: GrantStatus,
    /// Padding; zero.
    pub _pad1: [u8; 6],
    /// Out: array of [`XenPfn`].
    pub frame_list: GuestHandle,
}
const _: () = assert!(size_of::<GnttabSetupTable>() == 24);

/// Argument of [`GNTTABOP_DUMP_TABLE`].
#[doc(alias = "gnttab_dump_table")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct GnttabDumpTable {
    /// Domain that owns the table.
    pub dom: DomId,
    /// Out: the status.
    pub status: GrantStatus,
}
const _: () = assert!(size_of::<GnttabDumpTable>() == 4);

/// Argument of [`GNTTABOP_TRANSFER`]: transfer of a page to an entry of another domain (PV only).
#[doc(alias = "gnttab_transfer")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct GnttabTransfer {
    /// The page.
    pub mfn: XenPfn,
    /// The receiving domain.
    pub domid: DomId,
    /// Padding; zero.
    pub _pad0: [u8; 2],
    /// Grant reference of the receiving domain.
    #[doc(alias = "ref")]
    pub ref_: GrantRef,
    /// Out: the status.
    pub status: GrantStatus,
    /// Padding; zero.
    pub _pad1: [u8; 6],
}
const _: () = assert!(size_of::<GnttabTransfer>() == 24);

/// One end of a copy.
#[doc(alias = "gnttab_copy_ptr")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct GnttabCopyPtr {
    /// A grant (low 32 bits, the rest zero), or a frame of the caller's.
    pub u: u64,
    /// Domain that owns the page.
    pub domid: DomId,
    /// Offset in the page, in bytes.
    pub offset: u16,
    /// Padding; zero.
    pub _pad0: [u8; 4],
}
const _: () = assert!(size_of::<GnttabCopyPtr>() == 16);

/// Argument of [`GNTTABOP_COPY`]: copy of bytes within one page to another.
#[doc(alias = "gnttab_copy")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct GnttabCopy {
    /// Source.
    pub source: GnttabCopyPtr,
    /// Destination.
    pub dest: GnttabCopyPtr,
    /// Length in bytes.
    pub len: u16,
    /// Ends that are grants.
    pub flags: GrantCopyFlags,
    /// Out: the status.
    pub status: GrantStatus,
    /// Padding; zero.
    pub _pad0: [u8; 2],
}
const _: () = assert!(size_of::<GnttabCopy>() == 40);

flags! {
    /// Ends of a [`GnttabCopy`] that are grants.
    pub struct GrantCopyFlags(u16) {
        /// The source is a grant.
        #[doc(alias = "GNTCOPY_source_gref")]
        SOURCE_GREF = 1 << 0;
        /// The destination is a grant.
        #[doc(alias = "GNTCOPY_dest_gref")]
        DEST_GREF = 1 << 1;
    }
}

/// Argument of [`GNTTABOP_QUERY_SIZE`].
#[doc(alias = "gnttab_query_size")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct GnttabQuerySize {
    /// Domain that owns the table.
    pub dom: DomId,
    /// Padding; zero.
    pub _pad0: [u8; 2],
    /// Out: size in pages.
    pub nr_frames: u32,
    /// Out: limit in pages.
    pub max_nr_frames: u32,
    /// Out: the status.
    pub status: GrantStatus,
    /// Padding; zero.
    pub _pad1: [u8; 2],
}
const _: () = assert!(size_of::<GnttabQuerySize>() == 16);

/// Argument of [`GNTTABOP_UNMAP_AND_REPLACE`]: end of a mapping, with a replacement.
#[doc(alias = "gnttab_unmap_and_replace")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct GnttabUnmapAndReplace {
    /// Address of the mapping.
    pub host_addr: u64,
    /// Address of the page that replaces it.
    pub new_addr: u64,
    /// Handle of the mapping.
    pub handle: GrantHandle,
    /// Out: the status.
    pub status: GrantStatus,
    /// Padding; zero.
    pub _pad0: [u8; 2],
}
const _: () = assert!(size_of::<GnttabUnmapAndReplace>() == 24);

/// Argument of [`GNTTABOP_SET_VERSION`].
#[doc(alias = "gnttab_set_version")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct GnttabSetVersion {
    /// In: 1 or 2. Out: the version in use.
    pub version: u32,
}
const _: () = assert!(size_of::<GnttabSetVersion>() == 4);

/// Argument of [`GNTTABOP_GET_STATUS_FRAMES`].
#[doc(alias = "gnttab_get_status_frames")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct GnttabGetStatusFrames {
    /// Capacity of the array, in entries.
    pub nr_frames: u32,
    /// Domain that owns the table.
    pub dom: DomId,
    /// Out: the status.
    pub status: GrantStatus,
    /// Out: array of `u64`.
    pub frame_list: GuestHandle,
}
const _: () = assert!(size_of::<GnttabGetStatusFrames>() == 16);

/// Argument of [`GNTTABOP_GET_VERSION`].
#[doc(alias = "gnttab_get_version")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct GnttabGetVersion {
    /// Domain that owns the table.
    pub dom: DomId,
    /// Zero.
    pub pad: u16,
    /// Out: 1 or 2.
    pub version: u32,
}
const _: () = assert!(size_of::<GnttabGetVersion>() == 8);

/// Argument of [`GNTTABOP_SWAP_GRANT_REF`].
#[doc(alias = "gnttab_swap_grant_ref")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct GnttabSwapGrantRef {
    /// One entry.
    pub ref_a: GrantRef,
    /// The other entry.
    pub ref_b: GrantRef,
    /// Out: the status.
    pub status: GrantStatus,
    /// Padding; zero.
    pub _pad0: [u8; 2],
}
const _: () = assert!(size_of::<GnttabSwapGrantRef>() == 12);

/// Argument of [`GNTTABOP_CACHE_FLUSH`] (arm).
#[doc(alias = "gnttab_cache_flush")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct GnttabCacheFlush {
    /// A device address, or a grant (low 32 bits, the rest zero) with
    /// [`GNTTAB_CACHE_SOURCE_GREF`].
    pub a: u64,
    /// Offset in the page, in bytes.
    pub offset: u16,
    /// Length in bytes.
    pub length: u16,
    /// `GNTTAB_CACHE_*`.
    pub op: u32,
}
const _: () = assert!(size_of::<GnttabCacheFlush>() == 16);

/// Flag of [`GnttabCacheFlush`]: clean.
pub const GNTTAB_CACHE_CLEAN: u32 = 0x1;
/// Flag of [`GnttabCacheFlush`]: invalidate.
pub const GNTTAB_CACHE_INVAL: u32 = 0x2;
/// Flag of [`GnttabCacheFlush`]: the page is given by a grant.
pub const GNTTAB_CACHE_SOURCE_GREF: u32 = 0x80000000;

flags! {
    /// Flags of a mapping of a granted page.
    pub struct GrantMapFlags(u32) {
        /// Mapping for device access.
        #[doc(alias = "GNTMAP_device_map")]
        DEVICE_MAP = 1 << 0;
        /// Mapping for the CPU.
        #[doc(alias = "GNTMAP_host_map")]
        HOST_MAP = 1 << 1;
        /// Read-only mapping.
        #[doc(alias = "GNTMAP_readonly")]
        READONLY = 1 << 2;
        /// Mapping for user mode too (PV only).
        #[doc(alias = "GNTMAP_application_map")]
        APPLICATION_MAP = 1 << 3;
        /// The address is that of a page table entry (PV only).
        #[doc(alias = "GNTMAP_contains_pte")]
        CONTAINS_PTE = 1 << 4;
        /// Software bits of the page table entry (PV only).
        #[doc(alias = "GNTMAP_guest_avail_mask")]
        GUEST_AVAIL_MASK = 0xffff0000;
    }
}

open_enum! {
    /// Status of a grant operation. Zero is success, errors are negative.
    #[doc(alias = "grant_status")]
    pub struct GrantStatus(i16) {
        /// Success.
        #[doc(alias = "GNTST_okay")]
        OKAY = 0;
        /// Error without a more specific number.
        #[doc(alias = "GNTST_general_error")]
        GENERAL_ERROR = -1;
        /// Unknown domain.
        #[doc(alias = "GNTST_bad_domain")]
        BAD_DOMAIN = -2;
        /// Unknown grant reference, or one without permission for this domain or use.
        #[doc(alias = "GNTST_bad_gntref")]
        BAD_GNTREF = -3;
        /// Unknown handle.
        #[doc(alias = "GNTST_bad_handle")]
        BAD_HANDLE = -4;
        /// Inappropriate address.
        #[doc(alias = "GNTST_bad_virt_addr")]
        BAD_VIRT_ADDR = -5;
        /// Inappropriate bus address.
        #[doc(alias = "GNTST_bad_dev_addr")]
        BAD_DEV_ADDR = -6;
        /// No space in the I/O page tables.
        #[doc(alias = "GNTST_no_device_space")]
        NO_DEVICE_SPACE = -7;
        /// Not permitted.
        #[doc(alias = "GNTST_permission_denied")]
        PERMISSION_DENIED = -8;
        /// Inappropriate page.
        #[doc(alias = "GNTST_bad_page")]
        BAD_PAGE = -9;
        /// Copy across the end of a page.
        #[doc(alias = "GNTST_bad_copy_arg")]
        BAD_COPY_ARG = -10;
        /// Page address too large for the receiving domain.
        #[doc(alias = "GNTST_address_too_big")]
        ADDRESS_TOO_BIG = -11;
        /// Operation not done; retry.
        #[doc(alias = "GNTST_eagain")]
        EAGAIN = -12;
        /// No space for mappings or frames.
        #[doc(alias = "GNTST_no_space")]
        NO_SPACE = -13;
    }
}

impl core::error::Error for GrantStatus {}
