//! Memory of a guest: reservation, physical map, memory map, resources.
//!
//! Public header: `memory.h`.
//!
//! Coverage: 81 constants and 24 structures, of Xen 4.17 and 4.20; left out, for the reasons in
//! `abi/left-out.txt`: `xen_add_to_physmap_batch_extra`.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::DomId;
use crate::GuestHandle;
use crate::physdev::PhysdevPciDevice;
use crate::xen::XenPfn;
use crate::xen::XenUlong;

/// Command: allocates memory. See [`XenMemoryReservation`].
#[doc(alias = "XENMEM_increase_reservation")]
pub const XENMEM_INCREASE_RESERVATION: u32 = 0;
/// Command: frees memory. See [`XenMemoryReservation`].
#[doc(alias = "XENMEM_decrease_reservation")]
pub const XENMEM_DECREASE_RESERVATION: u32 = 1;
/// Command: allocates memory at given frames. See [`XenMemoryReservation`].
#[doc(alias = "XENMEM_populate_physmap")]
pub const XENMEM_POPULATE_PHYSMAP: u32 = 6;
/// Command: exchanges memory (PV only). See [`XenMemoryExchange`].
#[doc(alias = "XENMEM_exchange")]
pub const XENMEM_EXCHANGE: u32 = 11;
/// Command: gets the highest machine frame. No argument.
#[doc(alias = "XENMEM_maximum_ram_page")]
pub const XENMEM_MAXIMUM_RAM_PAGE: u32 = 2;
/// Command: gets the current size of a domain in pages. See [`XenMemoryDomain`].
#[doc(alias = "XENMEM_current_reservation")]
pub const XENMEM_CURRENT_RESERVATION: u32 = 3;
/// Command: gets the maximum size of a domain in pages. See [`XenMemoryDomain`].
#[doc(alias = "XENMEM_maximum_reservation")]
pub const XENMEM_MAXIMUM_RESERVATION: u32 = 4;
/// Command: gets a domain's highest guest frame. See [`XenMemoryDomain`].
#[doc(alias = "XENMEM_maximum_gpfn")]
pub const XENMEM_MAXIMUM_GPFN: u32 = 14;
/// Command: gets the frames of the machine-to-physical table. See [`XenMachphysMfnList`].
#[doc(alias = "XENMEM_machphys_mfn_list")]
pub const XENMEM_MACHPHYS_MFN_LIST: u32 = 5;
/// Command: gets the frames of the table of 32-bit PV guests. See [`XenMachphysMfnList`].
#[doc(alias = "XENMEM_machphys_compat_mfn_list")]
pub const XENMEM_MACHPHYS_COMPAT_MFN_LIST: u32 = 25;
/// Command: gets the virtual address of the machine-to-physical table. See [`XenMachphysMapping`].
#[doc(alias = "XENMEM_machphys_mapping")]
pub const XENMEM_MACHPHYS_MAPPING: u32 = 12;
/// Command: maps a page of a given space into the physical map. See [`XenAddToPhysmap`].
#[doc(alias = "XENMEM_add_to_physmap")]
pub const XENMEM_ADD_TO_PHYSMAP: u32 = 7;
/// Command: maps many pages into the physical map. See [`XenAddToPhysmapBatch`].
#[doc(alias = "XENMEM_add_to_physmap_batch")]
pub const XENMEM_ADD_TO_PHYSMAP_BATCH: u32 = 23;
/// Command: removes a page from the physical map. See [`XenRemoveFromPhysmap`].
#[doc(alias = "XENMEM_remove_from_physmap")]
pub const XENMEM_REMOVE_FROM_PHYSMAP: u32 = 15;
/// Command: gets the guest's memory map. See [`XenMemoryMap`].
#[doc(alias = "XENMEM_memory_map")]
pub const XENMEM_MEMORY_MAP: u32 = 9;
/// Command: gets the machine's memory map, for dom0. See [`XenMemoryMap`].
#[doc(alias = "XENMEM_machine_memory_map")]
pub const XENMEM_MACHINE_MEMORY_MAP: u32 = 10;
/// Command: sets the memory map of another domain. See [`XenForeignMemoryMap`].
#[doc(alias = "XENMEM_set_memory_map")]
pub const XENMEM_SET_MEMORY_MAP: u32 = 13;
/// Command: sets the target of populate-on-demand. See [`XenPodTarget`].
#[doc(alias = "XENMEM_set_pod_target")]
pub const XENMEM_SET_POD_TARGET: u32 = 16;
/// Command: gets the target of populate-on-demand. See [`XenPodTarget`].
#[doc(alias = "XENMEM_get_pod_target")]
pub const XENMEM_GET_POD_TARGET: u32 = 17;
/// Command: gets the number of pages that memory sharing has freed. No argument.
#[doc(alias = "XENMEM_get_sharing_freed_pages")]
pub const XENMEM_GET_SHARING_FREED_PAGES: u32 = 18;
/// Command: gets the number of shared pages. No argument.
#[doc(alias = "XENMEM_get_sharing_shared_pages")]
pub const XENMEM_GET_SHARING_SHARED_PAGES: u32 = 19;
/// Command: pages guest memory out and in. See [`XenMemPagingOp`].
#[doc(alias = "XENMEM_paging_op")]
pub const XENMEM_PAGING_OP: u32 = 20;
/// Command: sets or gets access rights of guest memory. See [`XenMemAccessOp`].
#[doc(alias = "XENMEM_access_op")]
pub const XENMEM_ACCESS_OP: u32 = 21;
/// Command: shares identical pages between guests. See [`XenMemSharingOp`].
#[doc(alias = "XENMEM_sharing_op")]
pub const XENMEM_SHARING_OP: u32 = 22;
/// Command: claims free memory for a domain. See [`XenMemoryReservation`].
#[doc(alias = "XENMEM_claim_pages")]
pub const XENMEM_CLAIM_PAGES: u32 = 24;
/// Command: gets the virtual NUMA topology. See [`XenVnumaTopologyInfo`].
#[doc(alias = "XENMEM_get_vnumainfo")]
pub const XENMEM_GET_VNUMAINFO: u32 = 26;
/// Command: gets memory reserved for devices. See [`XenReservedDeviceMemoryMap`].
#[doc(alias = "XENMEM_reserved_device_memory_map")]
pub const XENMEM_RESERVED_DEVICE_MEMORY_MAP: u32 = 27;
/// Command: maps a resource of a domain: grant table, ioreq server pages, trace buffer. See
/// [`XenMemAcquireResource`].
#[doc(alias = "XENMEM_acquire_resource")]
pub const XENMEM_ACQUIRE_RESOURCE: u32 = 28;

/// Flag of [`XenMemoryReservation`]: populate frames on demand.
#[doc(alias = "XENMEMF_populate_on_demand")]
pub const XENMEMF_POPULATE_ON_DEMAND: u32 = 1 << 16;
/// Flag of [`XenMemoryReservation`]: only memory of the given node.
#[doc(alias = "XENMEMF_exact_node_request")]
pub const XENMEMF_EXACT_NODE_REQUEST: u32 = 1 << 17;
/// Flag of [`XenMemoryReservation`]: the node is virtual.
#[doc(alias = "XENMEMF_vnode")]
pub const XENMEMF_VNODE: u32 = 1 << 18;

/// Argument of the commands on the memory reservation.
#[doc(alias = "xen_memory_reservation")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenMemoryReservation {
    /// Array of [`XenPfn`], one frame per extent.
    pub extent_start: GuestHandle,
    /// Number of extents.
    pub nr_extents: XenUlong,
    /// Size of an extent, as a power of two of pages.
    pub extent_order: u32,
    /// Address width in bits 0 to 7, node plus one in bits 8 to 15, and `XENMEMF_*`.
    pub mem_flags: u32,
    /// The domain.
    pub domid: DomId,
    /// Padding; zero.
    pub _pad0: [u8; 6],
}
const _: () = assert!(size_of::<XenMemoryReservation>() == 32);

/// Argument of [`XENMEM_EXCHANGE`].
#[doc(alias = "xen_memory_exchange")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenMemoryExchange {
    /// Extents to free.
    #[doc(alias = "in")]
    pub in_: XenMemoryReservation,
    /// Extents to allocate.
    pub out: XenMemoryReservation,
    /// In: zero. Out: extents exchanged before an error.
    pub nr_exchanged: XenUlong,
}
const _: () = assert!(size_of::<XenMemoryExchange>() == 72);

/// Argument of the size queries.
#[doc(alias = "xen_memory_domain")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenMemoryDomain {
    /// The domain.
    pub domid: DomId,
}
const _: () = assert!(size_of::<XenMemoryDomain>() == 2);

/// Argument of [`XENMEM_MACHPHYS_MFN_LIST`].
#[doc(alias = "xen_machphys_mfn_list")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenMachphysMfnList {
    /// Capacity of the array, in entries.
    pub max_extents: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// Array of [`XenPfn`].
    pub extent_start: GuestHandle,
    /// Out: number of entries written.
    pub nr_extents: u32,
    /// Padding; zero.
    pub _pad1: [u8; 4],
}
const _: () = assert!(size_of::<XenMachphysMfnList>() == 24);

/// Argument of [`XENMEM_MACHPHYS_MAPPING`].
#[doc(alias = "xen_machphys_mapping")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenMachphysMapping {
    /// Out: first virtual address.
    pub v_start: XenUlong,
    /// Out: end of the virtual addresses, exclusive.
    pub v_end: XenUlong,
    /// Out: highest frame in the table.
    pub max_mfn: XenUlong,
}
const _: () = assert!(size_of::<XenMachphysMapping>() == 24);

/// Space: the shared information page.
#[doc(alias = "XENMAPSPACE_shared_info")]
pub const XENMAPSPACE_SHARED_INFO: u32 = 0;
/// Space: a page of the grant table.
#[doc(alias = "XENMAPSPACE_grant_table")]
pub const XENMAPSPACE_GRANT_TABLE: u32 = 1;
/// Space: a page of the guest itself.
#[doc(alias = "XENMAPSPACE_gmfn")]
pub const XENMAPSPACE_GMFN: u32 = 2;
/// Space: a range of pages of the guest itself.
#[doc(alias = "XENMAPSPACE_gmfn_range")]
pub const XENMAPSPACE_GMFN_RANGE: u32 = 3;
/// Space: a page of another domain; only in a batch.
#[doc(alias = "XENMAPSPACE_gmfn_foreign")]
pub const XENMAPSPACE_GMFN_FOREIGN: u32 = 4;
/// Space: device memory (arm).
#[doc(alias = "XENMAPSPACE_dev_mmio")]
pub const XENMAPSPACE_DEV_MMIO: u32 = 5;

/// Argument of [`XENMEM_ADD_TO_PHYSMAP`].
#[doc(alias = "xen_add_to_physmap")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenAddToPhysmap {
    /// Domain that owns the map.
    pub domid: DomId,
    /// Number of pages, for [`XENMAPSPACE_GMFN_RANGE`].
    pub size: u16,
    /// `XENMAPSPACE_*`.
    pub space: u32,
    /// Index of the page in its space.
    pub idx: XenUlong,
    /// Destination frame.
    pub gpfn: XenPfn,
}
const _: () = assert!(size_of::<XenAddToPhysmap>() == 24);

/// Bit of [`XenAddToPhysmap::idx`]: a page of the version 2 state words.
#[doc(alias = "XENMAPIDX_grant_table_status")]
pub const XENMAPIDX_GRANT_TABLE_STATUS: u64 = 0x80000000;

/// Argument of [`XENMEM_ADD_TO_PHYSMAP_BATCH`].
#[doc(alias = "xen_add_to_physmap_batch")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenAddToPhysmapBatch {
    /// Domain that owns the map.
    pub domid: DomId,
    /// `XENMAPSPACE_*`.
    pub space: u16,
    /// Number of pages.
    pub size: u16,
    /// Owner of the pages for [`XENMAPSPACE_GMFN_FOREIGN`]; else zero.
    pub u: u16,
    /// Array of [`XenUlong`]: indices of the pages in their space.
    pub idxs: GuestHandle,
    /// Array of [`XenPfn`]: destination frames.
    pub gpfns: GuestHandle,
    /// Out: array of `i32`: an error number or zero for each page.
    pub errs: GuestHandle,
}
const _: () = assert!(size_of::<XenAddToPhysmapBatch>() == 32);

/// Argument of [`XENMEM_REMOVE_FROM_PHYSMAP`].
#[doc(alias = "xen_remove_from_physmap")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenRemoveFromPhysmap {
    /// Domain that owns the map.
    pub domid: DomId,
    /// Padding; zero.
    pub _pad0: [u8; 6],
    /// The frame.
    pub gpfn: XenPfn,
}
const _: () = assert!(size_of::<XenRemoveFromPhysmap>() == 16);

/// Argument of [`XENMEM_MEMORY_MAP`] and [`XENMEM_MACHINE_MEMORY_MAP`].
#[doc(alias = "xen_memory_map")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenMemoryMap {
    /// In: capacity of the buffer in entries. Out: number of entries.
    pub nr_entries: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// Array of [`crate::hvm::e820::E820Entry`] (20 bytes each).
    pub buffer: GuestHandle,
}
const _: () = assert!(size_of::<XenMemoryMap>() == 16);

/// Argument of [`XENMEM_SET_MEMORY_MAP`].
#[doc(alias = "xen_foreign_memory_map")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenForeignMemoryMap {
    /// The domain.
    pub domid: DomId,
    /// Padding; zero.
    pub _pad0: [u8; 6],
    /// The map.
    pub map: XenMemoryMap,
}
const _: () = assert!(size_of::<XenForeignMemoryMap>() == 24);

/// Argument of the populate-on-demand operations.
#[doc(alias = "xen_pod_target")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenPodTarget {
    /// Target of the domain's size in pages.
    pub target_pages: u64,
    /// Out: size of the domain in pages.
    pub tot_pages: u64,
    /// Out: number of pages in the cache of free pages.
    pub pod_cache_pages: u64,
    /// Out: number of frames that are not populated.
    pub pod_entries: u64,
    /// The domain.
    pub domid: DomId,
    /// Padding; zero.
    pub _pad0: [u8; 6],
}
const _: () = assert!(size_of::<XenPodTarget>() == 40);

open_enum! {
    /// Access rights of guest memory.
    pub struct XenmemAccess(u32) {
        /// None.
        #[doc(alias = "XENMEM_access_n")]
        N = 0;
        /// Read.
        #[doc(alias = "XENMEM_access_r")]
        R = 1;
        /// Write.
        #[doc(alias = "XENMEM_access_w")]
        W = 2;
        /// Read and write.
        #[doc(alias = "XENMEM_access_rw")]
        RW = 3;
        /// Execute.
        #[doc(alias = "XENMEM_access_x")]
        X = 4;
        /// Read and execute.
        #[doc(alias = "XENMEM_access_rx")]
        RX = 5;
        /// Write and execute.
        #[doc(alias = "XENMEM_access_wx")]
        WX = 6;
        /// All.
        #[doc(alias = "XENMEM_access_rwx")]
        RWX = 7;
        /// Read and execute; the first write makes it read and write.
        #[doc(alias = "XENMEM_access_rx2rw")]
        RX2RW = 8;
        /// None; the first access makes it all.
        #[doc(alias = "XENMEM_access_n2rwx")]
        N2RWX = 9;
        /// Read, and writes of the page table walk (Xen 4.18).
        #[doc(alias = "XENMEM_access_r_pw")]
        R_PW = 10;
        /// Default rights of the domain. The number was 10 before Xen 4.18.
        #[doc(alias = "XENMEM_access_default")]
        DEFAULT = 11;
    }
}

/// Operation of [`XenMemPagingOp`]: nominates a page.
#[doc(alias = "XENMEM_paging_op_nominate")]
pub const XENMEM_PAGING_OP_NOMINATE: u8 = 0;
/// Operation of [`XenMemPagingOp`]: evicts a nominated page.
#[doc(alias = "XENMEM_paging_op_evict")]
pub const XENMEM_PAGING_OP_EVICT: u8 = 1;
/// Operation of [`XenMemPagingOp`]: allocates and fills an evicted page.
#[doc(alias = "XENMEM_paging_op_prep")]
pub const XENMEM_PAGING_OP_PREP: u8 = 2;
/// Operation of [`XenMemAccessOp`]: sets access rights of a range of frames.
#[doc(alias = "XENMEM_access_op_set_access")]
pub const XENMEM_ACCESS_OP_SET_ACCESS: u8 = 0;
/// Operation of [`XenMemAccessOp`]: gets access rights of a frame.
#[doc(alias = "XENMEM_access_op_get_access")]
pub const XENMEM_ACCESS_OP_GET_ACCESS: u8 = 1;
/// Operation of [`XenMemAccessOp`]: sets access rights of a list of frames.
#[doc(alias = "XENMEM_access_op_set_access_multi")]
pub const XENMEM_ACCESS_OP_SET_ACCESS_MULTI: u8 = 4;
/// Operation of [`XenMemSharingOp`]: nominates a frame. See [`MemSharingOpNominate`].
#[doc(alias = "XENMEM_sharing_op_nominate_gfn")]
pub const XENMEM_SHARING_OP_NOMINATE_GFN: u8 = 0;
/// Operation of [`XenMemSharingOp`]: nominates a granted page. See [`MemSharingOpNominate`].
#[doc(alias = "XENMEM_sharing_op_nominate_gref")]
pub const XENMEM_SHARING_OP_NOMINATE_GREF: u8 = 1;
/// Operation of [`XenMemSharingOp`]: shares two frames. See [`MemSharingOpShare`].
#[doc(alias = "XENMEM_sharing_op_share")]
pub const XENMEM_SHARING_OP_SHARE: u8 = 2;
/// Operation of [`XenMemSharingOp`]: prints the state of a guest frame. See [`MemSharingOpDebug`].
#[doc(alias = "XENMEM_sharing_op_debug_gfn")]
pub const XENMEM_SHARING_OP_DEBUG_GFN: u8 = 3;
/// Operation of [`XenMemSharingOp`]: prints the state of a machine frame. See
/// [`MemSharingOpDebug`].
#[doc(alias = "XENMEM_sharing_op_debug_mfn")]
pub const XENMEM_SHARING_OP_DEBUG_MFN: u8 = 4;
/// Operation of [`XenMemSharingOp`]: prints the state of a granted page. See [`MemSharingOpDebug`].
#[doc(alias = "XENMEM_sharing_op_debug_gref")]
pub const XENMEM_SHARING_OP_DEBUG_GREF: u8 = 5;
/// Operation of [`XenMemSharingOp`]: adds a shared page. See [`MemSharingOpShare`].
#[doc(alias = "XENMEM_sharing_op_add_physmap")]
pub const XENMEM_SHARING_OP_ADD_PHYSMAP: u8 = 6;
/// Operation of [`XenMemSharingOp`]: audits all shared pages.
#[doc(alias = "XENMEM_sharing_op_audit")]
pub const XENMEM_SHARING_OP_AUDIT: u8 = 7;
/// Operation of [`XenMemSharingOp`]: shares a range. See [`MemSharingOpRange`].
#[doc(alias = "XENMEM_sharing_op_range_share")]
pub const XENMEM_SHARING_OP_RANGE_SHARE: u8 = 8;
/// Operation of [`XenMemSharingOp`]: makes a domain a fork of another. See [`MemSharingOpFork`].
#[doc(alias = "XENMEM_sharing_op_fork")]
pub const XENMEM_SHARING_OP_FORK: u8 = 9;
/// Operation of [`XenMemSharingOp`]: resets a fork. See [`MemSharingOpFork`].
#[doc(alias = "XENMEM_sharing_op_fork_reset")]
pub const XENMEM_SHARING_OP_FORK_RESET: u8 = 10;

/// Error: the source's handle is not valid.
pub const XENMEM_SHARING_OP_S_HANDLE_INVALID: i32 = -10;
/// Error: the client's handle is not valid.
pub const XENMEM_SHARING_OP_C_HANDLE_INVALID: i32 = -9;

/// Bit of [`MemSharingOpShare::source_gfn`] and [`MemSharingOpShare::client_gfn`]: a grant
/// reference instead of a frame.
pub const XENMEM_SHARING_OP_FIELD_IS_GREF_FLAG: u64 = 1 << 62;

/// Flag of [`MemSharingOpFork`]: the parent may have devices.
pub const XENMEM_FORK_WITH_IOMMU_ALLOWED: u16 = 0x1;
/// Flag of [`MemSharingOpFork`]: interrupts of the fork are blocked.
pub const XENMEM_FORK_BLOCK_INTERRUPTS: u16 = 0x2;
/// Flag of [`MemSharingOpFork`]: resets the state.
pub const XENMEM_FORK_RESET_STATE: u16 = 0x4;
/// Flag of [`MemSharingOpFork`]: resets the memory.
pub const XENMEM_FORK_RESET_MEMORY: u16 = 0x8;

/// Argument of [`XENMEM_PAGING_OP`].
#[doc(alias = "xen_mem_paging_op")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenMemPagingOp {
    /// `XENMEM_PAGING_OP_*`.
    pub op: u8,
    /// Padding; zero.
    pub _pad0: [u8; 1],
    /// The domain.
    pub domain: DomId,
    /// Padding; zero.
    pub _pad1: [u8; 4],
    /// Content of the page, for [`XENMEM_PAGING_OP_PREP`].
    pub buffer: GuestHandle,
    /// The guest frame.
    pub gfn: u64,
}
const _: () = assert!(size_of::<XenMemPagingOp>() == 24);

/// Argument of [`XENMEM_ACCESS_OP`].
#[doc(alias = "xen_mem_access_op")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenMemAccessOp {
    /// `XENMEM_ACCESS_OP_*`.
    pub op: u8,
    /// [`XenmemAccess`] in eight bits.
    pub access: u8,
    /// The domain.
    pub domid: DomId,
    /// Number of frames.
    pub nr: u32,
    /// First frame; all ones for the domain's default.
    pub pfn: u64,
    /// Array of `u64`: frames.
    pub pfn_list: GuestHandle,
    /// Array of `u8`: rights.
    pub access_list: GuestHandle,
}
const _: () = assert!(size_of::<XenMemAccessOp>() == 32);

/// A page to share.
#[doc(alias = "mem_sharing_op_nominate")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct MemSharingOpNominate {
    /// The frame, or the grant reference in the low half.
    pub u: u64,
    /// Out: the page's handle.
    pub handle: u64,
}
const _: () = assert!(size_of::<MemSharingOpNominate>() == 16);

/// Two pages to share.
#[doc(alias = "mem_sharing_op_share")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct MemSharingOpShare {
    /// The source's frame.
    pub source_gfn: u64,
    /// The source's handle.
    pub source_handle: u64,
    /// The client's frame.
    pub client_gfn: u64,
    /// The client's handle.
    pub client_handle: u64,
    /// The client.
    pub client_domain: DomId,
    /// Padding; zero.
    pub _pad0: [u8; 6],
}
const _: () = assert!(size_of::<MemSharingOpShare>() == 40);

/// A range to share.
#[doc(alias = "mem_sharing_op_range")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct MemSharingOpRange {
    /// First frame.
    pub first_gfn: u64,
    /// Last frame.
    pub last_gfn: u64,
    /// Zero; Xen stores its progress here.
    pub opaque: u64,
    /// The client.
    pub client_domain: DomId,
    /// Reserved; zero.
    pub _pad: [u16; 3],
}
const _: () = assert!(size_of::<MemSharingOpRange>() == 32);

/// A page whose state is printed.
#[doc(alias = "mem_sharing_op_debug")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct MemSharingOpDebug {
    /// The frame, or the grant reference in the low half.
    pub u: u64,
}
const _: () = assert!(size_of::<MemSharingOpDebug>() == 8);

/// A fork.
#[doc(alias = "mem_sharing_op_fork")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct MemSharingOpFork {
    /// The parent.
    pub parent_domain: DomId,
    /// `XENMEM_FORK_*`.
    pub flags: u16,
    /// Reserved; zero.
    pub pad: u32,
}
const _: () = assert!(size_of::<MemSharingOpFork>() == 8);

/// Argument of [`XENMEM_SHARING_OP`].
#[doc(alias = "xen_mem_sharing_op")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenMemSharingOp {
    /// `XENMEM_SHARING_OP_*`.
    pub op: u8,
    /// Padding; zero.
    pub _pad0: [u8; 1],
    /// The domain.
    pub domain: DomId,
    /// Padding; zero.
    pub _pad1: [u8; 4],
    /// The operation's argument, at the start.
    pub u: [u64; 5],
}
const _: () = assert!(size_of::<XenMemSharingOp>() == 48);

/// Memory reserved for a device.
#[doc(alias = "xen_reserved_device_memory")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenReservedDeviceMemory {
    /// First frame.
    pub start_pfn: XenPfn,
    /// Number of pages.
    pub nr_pages: XenUlong,
}
const _: () = assert!(size_of::<XenReservedDeviceMemory>() == 16);

/// Flag of [`XenReservedDeviceMemoryMap`]: for all devices.
pub const XENMEM_RDM_ALL: u32 = 1;

/// Argument of [`XENMEM_RESERVED_DEVICE_MEMORY_MAP`].
#[doc(alias = "xen_reserved_device_memory_map")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenReservedDeviceMemoryMap {
    /// [`XENMEM_RDM_ALL`] or zero.
    pub flags: u32,
    /// In: capacity of the buffer. Out: number of entries.
    pub nr_entries: u32,
    /// Array of [`XenReservedDeviceMemory`].
    pub buffer: GuestHandle,
    /// The device.
    #[doc(alias = "dev.pci")]
    pub pci: PhysdevPciDevice,
    /// Padding; zero.
    pub _pad0: [u8; 4],
}
const _: () = assert!(size_of::<XenReservedDeviceMemoryMap>() == 24);

/// Argument of [`XENMEM_ACQUIRE_RESOURCE`].
#[doc(alias = "xen_mem_acquire_resource")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenMemAcquireResource {
    /// The domain.
    pub domid: DomId,
    /// `XENMEM_RESOURCE_*`.
    #[doc(alias = "type")]
    pub type_: u16,
    /// Identifier by type: the ioreq server, the table, the vCPU.
    pub id: u32,
    /// In: capacity of the list; zero requests the size. Out: the size, if requested.
    pub nr_frames: u32,
    /// Reserved; zero.
    pub pad: u32,
    /// First requested frame of the resource.
    pub frame: u64,
    /// In: array of [`XenPfn`]: destination frames.
    pub frame_list: GuestHandle,
}
const _: () = assert!(size_of::<XenMemAcquireResource>() == 32);

/// Resource: the pages of an ioreq server.
#[doc(alias = "XENMEM_resource_ioreq_server")]
pub const XENMEM_RESOURCE_IOREQ_SERVER: u16 = 0;
/// Resource: the grant table.
#[doc(alias = "XENMEM_resource_grant_table")]
pub const XENMEM_RESOURCE_GRANT_TABLE: u16 = 1;
/// Resource: a vCPU's trace buffer.
#[doc(alias = "XENMEM_resource_vmtrace_buf")]
pub const XENMEM_RESOURCE_VMTRACE_BUF: u16 = 2;

/// Identifier of the grant table's entries.
#[doc(alias = "XENMEM_resource_grant_table_id_shared")]
pub const XENMEM_RESOURCE_GRANT_TABLE_ID_SHARED: u32 = 0;
/// Identifier of the grant table's state words.
#[doc(alias = "XENMEM_resource_grant_table_id_status")]
pub const XENMEM_RESOURCE_GRANT_TABLE_ID_STATUS: u32 = 1;

/// Frame of the buffered requests; the request pages follow.
#[doc(alias = "XENMEM_resource_ioreq_server_frame_bufioreq")]
pub const XENMEM_RESOURCE_IOREQ_SERVER_FRAME_BUFIOREQ: u64 = 0;

/// A range of memory of a virtual node.
#[doc(alias = "xen_vmemrange")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenVmemrange {
    /// Start address.
    pub start: u64,
    /// End address.
    pub end: u64,
    /// Zero.
    pub flags: u32,
    /// The virtual node.
    pub nid: u32,
}
const _: () = assert!(size_of::<XenVmemrange>() == 24);

/// Argument of [`XENMEM_GET_VNUMAINFO`].
#[doc(alias = "xen_vnuma_topology_info")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenVnumaTopologyInfo {
    /// The domain.
    pub domid: DomId,
    /// Reserved; zero.
    pub pad: u16,
    /// In: capacity. Out: number of virtual nodes.
    pub nr_vnodes: u32,
    /// In: capacity. Out: number of vCPUs.
    pub nr_vcpus: u32,
    /// In: capacity. Out: number of ranges.
    pub nr_vmemranges: u32,
    /// Out: array of `u32`: distances between nodes.
    pub vdistance: GuestHandle,
    /// Out: array of `u32`: nodes of the vCPUs.
    pub vcpu_to_vnode: GuestHandle,
    /// Out: array of [`XenVmemrange`].
    pub vmemrange: GuestHandle,
}
const _: () = assert!(size_of::<XenVnumaTopologyInfo>() == 40);
