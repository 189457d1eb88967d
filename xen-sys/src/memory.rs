//! Memory of a guest: reservation, physical map, memory map, resources.
//!
//! Public header: `memory.h`.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::xen::{XenPfn, XenUlong};
use crate::{DomId, GuestHandle};

/// Adds memory. See [`XenMemoryReservation`].
#[doc(alias = "XENMEM_increase_reservation")]
pub const XENMEM_INCREASE_RESERVATION: u32 = 0;
/// Gives memory back. See [`XenMemoryReservation`].
#[doc(alias = "XENMEM_decrease_reservation")]
pub const XENMEM_DECREASE_RESERVATION: u32 = 1;
/// Adds memory at given frames. See [`XenMemoryReservation`].
#[doc(alias = "XENMEM_populate_physmap")]
pub const XENMEM_POPULATE_PHYSMAP: u32 = 6;
/// Exchanges memory for other memory. See [`XenMemoryExchange`].
#[doc(alias = "XENMEM_exchange")]
pub const XENMEM_EXCHANGE: u32 = 11;
/// Asks for the highest machine frame. No argument.
#[doc(alias = "XENMEM_maximum_ram_page")]
pub const XENMEM_MAXIMUM_RAM_PAGE: u32 = 2;
/// Asks for a domain's present size in pages. See [`XenMemoryDomain`].
#[doc(alias = "XENMEM_current_reservation")]
pub const XENMEM_CURRENT_RESERVATION: u32 = 3;
/// Asks for a domain's permitted size in pages. See [`XenMemoryDomain`].
#[doc(alias = "XENMEM_maximum_reservation")]
pub const XENMEM_MAXIMUM_RESERVATION: u32 = 4;
/// Asks for a domain's highest guest frame. See [`XenMemoryDomain`].
#[doc(alias = "XENMEM_maximum_gpfn")]
pub const XENMEM_MAXIMUM_GPFN: u32 = 14;
/// Asks for the frames of the machine-to-physical table. See [`XenMachphysMfnList`].
#[doc(alias = "XENMEM_machphys_mfn_list")]
pub const XENMEM_MACHPHYS_MFN_LIST: u32 = 5;
/// The same for the table of 32-bit PV guests. See [`XenMachphysMfnList`].
#[doc(alias = "XENMEM_machphys_compat_mfn_list")]
pub const XENMEM_MACHPHYS_COMPAT_MFN_LIST: u32 = 25;
/// Asks where the machine-to-physical table is mapped. See [`XenMachphysMapping`].
#[doc(alias = "XENMEM_machphys_mapping")]
pub const XENMEM_MACHPHYS_MAPPING: u32 = 12;
/// Puts a page of Xen's into the guest's physical map. See [`XenAddToPhysmap`].
#[doc(alias = "XENMEM_add_to_physmap")]
pub const XENMEM_ADD_TO_PHYSMAP: u32 = 7;
/// The same for many pages. See [`XenAddToPhysmapBatch`].
#[doc(alias = "XENMEM_add_to_physmap_batch")]
pub const XENMEM_ADD_TO_PHYSMAP_BATCH: u32 = 23;
/// Takes a page out of the physical map. See [`XenRemoveFromPhysmap`].
#[doc(alias = "XENMEM_remove_from_physmap")]
pub const XENMEM_REMOVE_FROM_PHYSMAP: u32 = 15;
/// Asks for the guest's memory map. See [`XenMemoryMap`].
#[doc(alias = "XENMEM_memory_map")]
pub const XENMEM_MEMORY_MAP: u32 = 9;
/// Asks for the machine's memory map; for dom0. See [`XenMemoryMap`].
#[doc(alias = "XENMEM_machine_memory_map")]
pub const XENMEM_MACHINE_MEMORY_MAP: u32 = 10;
/// Sets another domain's memory map. See [`XenForeignMemoryMap`].
#[doc(alias = "XENMEM_set_memory_map")]
pub const XENMEM_SET_MEMORY_MAP: u32 = 13;
/// Sets the target of populate-on-demand. See [`XenPodTarget`].
#[doc(alias = "XENMEM_set_pod_target")]
pub const XENMEM_SET_POD_TARGET: u32 = 16;
/// Asks for the target of populate-on-demand. See [`XenPodTarget`].
#[doc(alias = "XENMEM_get_pod_target")]
pub const XENMEM_GET_POD_TARGET: u32 = 17;
/// Asks how many pages sharing has freed.
#[doc(alias = "XENMEM_get_sharing_freed_pages")]
pub const XENMEM_GET_SHARING_FREED_PAGES: u32 = 18;
/// Asks how many pages are shared.
#[doc(alias = "XENMEM_get_sharing_shared_pages")]
pub const XENMEM_GET_SHARING_SHARED_PAGES: u32 = 19;
/// Pages guest memory out and in. See [`XenMemPagingOp`].
#[doc(alias = "XENMEM_paging_op")]
pub const XENMEM_PAGING_OP: u32 = 20;
/// Sets or gets access rights of guest memory. See [`XenMemAccessOp`].
#[doc(alias = "XENMEM_access_op")]
pub const XENMEM_ACCESS_OP: u32 = 21;
/// Shares identical pages between guests. See [`XenMemSharingOp`].
#[doc(alias = "XENMEM_sharing_op")]
pub const XENMEM_SHARING_OP: u32 = 22;
/// Stakes a claim on free memory. See [`XenMemoryReservation`].
#[doc(alias = "XENMEM_claim_pages")]
pub const XENMEM_CLAIM_PAGES: u32 = 24;
/// Asks for the virtual NUMA topology. See [`XenVnumaTopologyInfo`].
#[doc(alias = "XENMEM_get_vnumainfo")]
pub const XENMEM_GET_VNUMAINFO: u32 = 26;
/// Asks for memory reserved for devices. See [`XenReservedDeviceMemoryMap`].
#[doc(alias = "XENMEM_reserved_device_memory_map")]
pub const XENMEM_RESERVED_DEVICE_MEMORY_MAP: u32 = 27;
/// Maps a resource of a domain: grant table, I/O request page, trace. See [`XenMemAcquireResource`].
#[doc(alias = "XENMEM_acquire_resource")]
pub const XENMEM_ACQUIRE_RESOURCE: u32 = 28;

/// Flag of [`XenMemoryReservation`]: fill the frames when they are touched.
#[doc(alias = "XENMEMF_populate_on_demand")]
pub const XENMEMF_POPULATE_ON_DEMAND: u32 = 1 << 16;
/// Flag of [`XenMemoryReservation`]: only from the given node.
#[doc(alias = "XENMEMF_exact_node_request")]
pub const XENMEMF_EXACT_NODE_REQUEST: u32 = 1 << 17;
/// Flag of [`XenMemoryReservation`]: the node is a virtual one.
#[doc(alias = "XENMEMF_vnode")]
pub const XENMEMF_VNODE: u32 = 1 << 18;

/// Argument of the reservation operations.
#[doc(alias = "xen_memory_reservation")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct XenMemoryReservation {
    /// Array of [`XenPfn`], one frame per extent.
    pub extent_start: GuestHandle,
    /// Number of extents.
    pub nr_extents: XenUlong,
    /// Size of an extent, as a power of two of pages.
    pub extent_order: u32,
    /// Address width in bits 0 to 7, node plus one in bits 8 to 15, `XENMEMF_*`.
    pub mem_flags: u32,
    /// The domain.
    pub domid: DomId,
    /// Padding; zero.
    pub _pad0: [u8; 6],
}
const _: () = assert!(size_of::<XenMemoryReservation>() == 32);

/// Argument of [`XENMEM_EXCHANGE`].
#[doc(alias = "xen_memory_exchange")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct XenMemoryExchange {
    /// What is given.
    #[doc(alias = "in")]
    pub in_: XenMemoryReservation,
    /// What is wanted.
    pub out: XenMemoryReservation,
    /// In: zero. Out: extents exchanged before an error.
    pub nr_exchanged: XenUlong,
}
const _: () = assert!(size_of::<XenMemoryExchange>() == 72);

/// Argument of the size queries.
#[doc(alias = "xen_memory_domain")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct XenMemoryDomain {
    /// The domain.
    pub domid: DomId,
}
const _: () = assert!(size_of::<XenMemoryDomain>() == 2);

/// Argument of [`XENMEM_MACHPHYS_MFN_LIST`].
#[doc(alias = "xen_machphys_mfn_list")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct XenMachphysMfnList {
    /// Length of the array.
    pub max_extents: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// Array of [`XenPfn`].
    pub extent_start: GuestHandle,
    /// Out: entries written.
    pub nr_extents: u32,
    /// Padding; zero.
    pub _pad1: [u8; 4],
}
const _: () = assert!(size_of::<XenMachphysMfnList>() == 24);

/// Argument of [`XENMEM_MACHPHYS_MAPPING`].
#[doc(alias = "xen_machphys_mapping")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct XenMachphysMapping {
    /// Out: first virtual address.
    pub v_start: XenUlong,
    /// Out: end of the virtual addresses.
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
/// Space: a page of the guest's own.
#[doc(alias = "XENMAPSPACE_gmfn")]
pub const XENMAPSPACE_GMFN: u32 = 2;
/// Space: a range of the guest's own pages.
#[doc(alias = "XENMAPSPACE_gmfn_range")]
pub const XENMAPSPACE_GMFN_RANGE: u32 = 3;
/// Space: a page of another domain; batches only.
#[doc(alias = "XENMAPSPACE_gmfn_foreign")]
pub const XENMAPSPACE_GMFN_FOREIGN: u32 = 4;
/// Space: device memory (arm).
#[doc(alias = "XENMAPSPACE_dev_mmio")]
pub const XENMAPSPACE_DEV_MMIO: u32 = 5;

/// Argument of [`XENMEM_ADD_TO_PHYSMAP`].
#[doc(alias = "xen_add_to_physmap")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct XenAddToPhysmap {
    /// Whose map.
    pub domid: DomId,
    /// Number of pages, for [`XENMAPSPACE_GMFN_RANGE`].
    pub size: u16,
    /// `XENMAPSPACE_*`.
    pub space: u32,
    /// Index of the page in its space.
    pub idx: XenUlong,
    /// The frame where it shall appear.
    pub gpfn: XenPfn,
}
const _: () = assert!(size_of::<XenAddToPhysmap>() == 24);

/// Bit of [`XenAddToPhysmap::idx`]: a page of version 2 status words.
#[doc(alias = "XENMAPIDX_grant_table_status")]
pub const XENMAPIDX_GRANT_TABLE_STATUS: u64 = 0x80000000;

/// Argument of [`XENMEM_ADD_TO_PHYSMAP_BATCH`].
#[doc(alias = "xen_add_to_physmap_batch")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct XenAddToPhysmapBatch {
    /// Whose map.
    pub domid: DomId,
    /// `XENMAPSPACE_*`.
    pub space: u16,
    /// Number of pages.
    pub size: u16,
    /// The other domain for [`XENMAPSPACE_GMFN_FOREIGN`]; else zero.
    pub u: u16,
    /// Array of [`XenUlong`]: indices in the space.
    pub idxs: GuestHandle,
    /// Array of [`XenPfn`]: frames where they shall appear.
    pub gpfns: GuestHandle,
    /// Out: array of `i32`, an error or zero for each.
    pub errs: GuestHandle,
}
const _: () = assert!(size_of::<XenAddToPhysmapBatch>() == 32);

/// Argument of [`XENMEM_REMOVE_FROM_PHYSMAP`].
#[doc(alias = "xen_remove_from_physmap")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct XenRemoveFromPhysmap {
    /// Whose map.
    pub domid: DomId,
    /// Padding; zero.
    pub _pad0: [u8; 6],
    /// The frame.
    pub gpfn: XenPfn,
}
const _: () = assert!(size_of::<XenRemoveFromPhysmap>() == 16);

/// Argument of [`XENMEM_MEMORY_MAP`] and [`XENMEM_MACHINE_MEMORY_MAP`].
#[doc(alias = "xen_memory_map")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct XenMemoryMap {
    /// In: room in the buffer, in entries. Out: entries written.
    pub nr_entries: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// Array of [`crate::hvm::e820::E820Entry`] (20 bytes each).
    pub buffer: GuestHandle,
}
const _: () = assert!(size_of::<XenMemoryMap>() == 16);

/// Argument of [`XENMEM_SET_MEMORY_MAP`].
#[doc(alias = "xen_foreign_memory_map")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct XenPodTarget {
    /// The target.
    pub target_pages: u64,
    /// Out: pages that the domain has.
    pub tot_pages: u64,
    /// Out: pages held ready.
    pub pod_cache_pages: u64,
    /// Out: frames not yet filled.
    pub pod_entries: u64,
    /// The domain.
    pub domid: DomId,
    /// Padding; zero.
    pub _pad0: [u8; 6],
}
const _: () = assert!(size_of::<XenPodTarget>() == 40);
