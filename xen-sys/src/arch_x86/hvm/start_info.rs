//! Start information of a PVH guest, at the address in EBX when it starts.
//!
//! Public header: `arch-x86/hvm/start_info.h`.
//!
//! Coverage: 8 constants and 3 structures, of Xen 4.17 and 4.20; nothing is left out.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::xen::StartInfoFlags;

/// Value of [`HvmStartInfo::magic`].
pub const XEN_HVM_START_MAGIC_VALUE: u32 = 0x336ec578;

open_enum! {
    /// Kind of a memory region. The numbers are those of an e820 table.
    pub struct MemmapType(u32) {
        /// Memory.
        #[doc(alias = "XEN_HVM_MEMMAP_TYPE_RAM")]
        RAM = 1;
        /// Reserved; not usable as memory.
        #[doc(alias = "XEN_HVM_MEMMAP_TYPE_RESERVED")]
        RESERVED = 2;
        /// ACPI tables; usable as memory after the tables are read.
        #[doc(alias = "XEN_HVM_MEMMAP_TYPE_ACPI")]
        ACPI = 3;
        /// ACPI non-volatile storage; never usable as memory.
        #[doc(alias = "XEN_HVM_MEMMAP_TYPE_NVS")]
        NVS = 4;
        /// Broken memory.
        #[doc(alias = "XEN_HVM_MEMMAP_TYPE_UNUSABLE")]
        UNUSABLE = 5;
        /// Memory that is not enabled.
        #[doc(alias = "XEN_HVM_MEMMAP_TYPE_DISABLED")]
        DISABLED = 6;
        /// Persistent memory.
        #[doc(alias = "XEN_HVM_MEMMAP_TYPE_PMEM")]
        PMEM = 7;
    }
}

/// Start information of a PVH guest. Addresses are physical; zero if an item is absent.
#[doc(alias = "hvm_start_info")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct HvmStartInfo {
    /// [`XEN_HVM_START_MAGIC_VALUE`].
    pub magic: u32,
    /// Version of this structure: 0, or 1 from Xen 4.12 on, which added the memory map.
    pub version: u32,
    /// Flags of the domain.
    pub flags: StartInfoFlags,
    /// Number of modules.
    pub nr_modules: u32,
    /// Address of an array of [`HvmModlistEntry`].
    pub modlist_paddr: u64,
    /// Address of the command line, terminated by a zero byte.
    pub cmdline_paddr: u64,
    /// Address of the ACPI root pointer.
    pub rsdp_paddr: u64,
    /// Address of an array of [`HvmMemmapTableEntry`]; from version 1 on.
    pub memmap_paddr: u64,
    /// Number of entries of the memory map; from version 1 on.
    pub memmap_entries: u32,
    /// Zero.
    pub reserved: u32,
}
const _: () = assert!(size_of::<HvmStartInfo>() == 56);

/// A boot module.
#[doc(alias = "hvm_modlist_entry")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct HvmModlistEntry {
    /// Address of the module.
    pub paddr: u64,
    /// Size in bytes.
    pub size: u64,
    /// Address of the module's command line.
    pub cmdline_paddr: u64,
    /// Zero.
    pub reserved: u64,
}
const _: () = assert!(size_of::<HvmModlistEntry>() == 32);

/// A region of memory.
#[doc(alias = "hvm_memmap_table_entry")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct HvmMemmapTableEntry {
    /// First byte.
    pub addr: u64,
    /// Size in bytes.
    pub size: u64,
    /// Kind of the region.
    #[doc(alias = "type")]
    pub type_: MemmapType,
    /// Zero.
    pub reserved: u32,
}
const _: () = assert!(size_of::<HvmMemmapTableEntry>() == 24);
