//! Feature numbers of [`crate::version::XENVER_GET_FEATURES`] and of ELF notes: bit `N % 32` of
//! submap `N / 32`.
//!
//! Public header: `features.h`.
//!
//! Coverage: 21 constants and no structures, of Xen 4.17 and 4.20; nothing is left out.

/// PV: page tables may be writable.
#[doc(alias = "XENFEAT_writable_page_tables")]
pub const XENFEAT_WRITABLE_PAGE_TABLES: u32 = 0;
/// PV: descriptor tables may be writable.
#[doc(alias = "XENFEAT_writable_descriptor_tables")]
pub const XENFEAT_WRITABLE_DESCRIPTOR_TABLES: u32 = 1;
/// Frame numbers are guest frames; Xen translates them.
#[doc(alias = "XENFEAT_auto_translated_physmap")]
pub const XENFEAT_AUTO_TRANSLATED_PHYSMAP: u32 = 2;
/// The kernel runs in the CPU's privileged mode.
#[doc(alias = "XENFEAT_supervisor_mode_kernel")]
pub const XENFEAT_SUPERVISOR_MODE_KERNEL: u32 = 3;
/// PV: page directories may lie above 4 GiB.
#[doc(alias = "XENFEAT_pae_pgdir_above_4gb")]
pub const XENFEAT_PAE_PGDIR_ABOVE_4GB: u32 = 4;
/// PV: page table updates can keep accessed and dirty bits.
#[doc(alias = "XENFEAT_mmu_pt_update_preserve_ad")]
pub const XENFEAT_MMU_PT_UPDATE_PRESERVE_AD: u32 = 5;
/// PV: Xen clears and copies pages on behalf of the guest.
#[doc(alias = "XENFEAT_highmem_assist")]
pub const XENFEAT_HIGHMEM_ASSIST: u32 = 6;
/// Grant maps can set the software bits of a page table entry.
#[doc(alias = "XENFEAT_gnttab_map_avail_bits")]
pub const XENFEAT_GNTTAB_MAP_AVAIL_BITS: u32 = 7;
/// Upcalls can be delivered through an interrupt vector.
#[doc(alias = "XENFEAT_hvm_callback_vector")]
pub const XENFEAT_HVM_CALLBACK_VECTOR: u32 = 8;
/// The PV clock is safe for HVM guests.
#[doc(alias = "XENFEAT_hvm_safe_pvclock")]
pub const XENFEAT_HVM_SAFE_PVCLOCK: u32 = 9;
/// Physical interrupts can be routed to event channels of HVM guests.
#[doc(alias = "XENFEAT_hvm_pirqs")]
pub const XENFEAT_HVM_PIRQS: u32 = 10;
/// The domain is, or can be, dom0.
#[doc(alias = "XENFEAT_dom0")]
pub const XENFEAT_DOM0: u32 = 11;
/// Memory operations take virtual NUMA nodes.
#[doc(alias = "XENFEAT_memory_op_vnode_supported")]
pub const XENFEAT_MEMORY_OP_VNODE_SUPPORTED: u32 = 13;
/// Arm: calls follow the SMC calling convention.
#[doc(alias = "XENFEAT_ARM_SMCCC_supported")]
pub const XENFEAT_ARM_SMCCC_SUPPORTED: u32 = 14;
/// PVH: the ACPI root pointer may lie anywhere.
#[doc(alias = "XENFEAT_linux_rsdp_unrestricted")]
pub const XENFEAT_LINUX_RSDP_UNRESTRICTED: u32 = 15;
/// Guest frames differ from machine frames.
#[doc(alias = "XENFEAT_not_direct_mapped")]
pub const XENFEAT_NOT_DIRECT_MAPPED: u32 = 16;
/// Guest frames equal machine frames.
#[doc(alias = "XENFEAT_direct_mapped")]
pub const XENFEAT_DIRECT_MAPPED: u32 = 17;
/// Number of submaps.
pub const XENFEAT_NR_SUBMAPS: u32 = 1;

/// Runstate areas can be registered by physical address (Xen 4.18).
#[doc(alias = "XENFEAT_runstate_phys_area")]
pub const XENFEAT_RUNSTATE_PHYS_AREA: u32 = 18;
/// Copies of the clock can be registered by physical address (Xen 4.18).
#[doc(alias = "XENFEAT_vcpu_time_phys_area")]
pub const XENFEAT_VCPU_TIME_PHYS_AREA: u32 = 19;
/// Device models receive all writes to MSI-X tables.
#[doc(alias = "XENFEAT_dm_msix_all_writes")]
pub const XENFEAT_DM_MSIX_ALL_WRITES: u32 = 20;
