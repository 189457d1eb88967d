//! Information table that the toolstack writes into the memory of an HVM guest.
//!
//! Public header: `hvm/hvm_info_table.h`.
//!
//! Coverage: 4 constants and one structure, of Xen 4.17 and 4.20; nothing is left out.

use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Frame of the table.
pub const HVM_INFO_PFN: u64 = 0x9f;
/// Offset of the table in that frame.
pub const HVM_INFO_OFFSET: u64 = 0x800;
/// Physical address of the table.
pub const HVM_INFO_PADDR: u64 = 0x9f800;

/// Maximum number of vCPUs of an HVM guest.
pub const HVM_MAX_VCPUS: usize = 128;

/// The table.
#[doc(alias = "hvm_info_table")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct HvmInfoTable {
    /// `HVM INFO`.
    pub signature: [u8; 8],
    /// Size in bytes.
    pub length: u32,
    /// Checksum: all bytes of the table add up to zero.
    pub checksum: u8,
    /// APIC mode: non-zero if the guest has APICs.
    pub apic_mode: u8,
    /// Padding; zero.
    pub _pad0: [u8; 2],
    /// Number of vCPUs.
    pub nr_vcpus: u32,
    /// End of memory below 4 GiB, as a frame.
    pub low_mem_pgend: u32,
    /// Start of memory that is reserved for Xen, as a frame.
    pub reserved_mem_pgstart: u32,
    /// End of memory above 4 GiB, as a frame; zero for none.
    pub high_mem_pgend: u32,
    /// Bitmap of the vCPUs that are online at boot.
    pub vcpu_online: [u8; 16],
}
const _: () = assert!(size_of::<HvmInfoTable>() == 48);
