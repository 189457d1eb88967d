//! The memory map of a guest.
//!
//! Public header: `hvm/e820.h`. The entries are those of the PC's firmware call of that name.
//!
//! Coverage: 6 constants and no structures, of Xen 4.17 and 4.20; nothing is left out.

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, Unaligned};

/// A region of memory, as [`crate::memory::XENMEM_MEMORY_MAP`] fills it in: 20 bytes without
/// padding.
#[doc(alias = "e820entry")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, Unaligned,
)]
#[repr(C)]
pub struct E820Entry {
    /// First byte.
    pub addr: U64,
    /// Size in bytes.
    pub size: U64,
    /// Kind, see [`crate::arch_x86::hvm::start_info::MemmapType`].
    #[doc(alias = "type")]
    pub type_: U32,
}
const _: () = assert!(size_of::<E820Entry>() == 20);

/// Frame in which an HVM guest's firmware writes the map.
pub const HVM_E820_PAGE: u64 = 0x0009_0000;
/// Offset of the number of entries in that frame.
pub const HVM_E820_NR_OFFSET: u64 = 0x1e8;
/// Offset of the entries in that frame.
pub const HVM_E820_OFFSET: u64 = 0x2d0;
/// End of memory below the device memory.
pub const HVM_BELOW_4G_RAM_END: u64 = 0xf000_0000;
/// Start of the device memory below 4 GiB.
pub const HVM_BELOW_4G_MMIO_START: u64 = HVM_BELOW_4G_RAM_END;
/// Size of the device memory below 4 GiB.
pub const HVM_BELOW_4G_MMIO_LENGTH: u64 = 0x1000_0000;
