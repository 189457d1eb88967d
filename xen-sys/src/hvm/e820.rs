//! The memory map of a guest.
//!
//! Public header: `hvm/e820.h`. The entries are those of the PC's firmware call of that name.

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// A region of memory, as [`crate::memory::XENMEM_MEMORY_MAP`] fills it in: 20 bytes without padding.
#[doc(alias = "e820entry")]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
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
