//! The parts of the ABI that only 64-bit x86 guests have.
//!
//! Public header: `arch-x86/xen-x86_64.h`.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The x86-64 part of [`crate::xen::VcpuInfo`].
#[doc(alias = "arch_vcpu_info")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ArchVcpuInfo {
    /// Address of the last page fault (PV only).
    pub cr2: u64,
    /// Unused.
    pub pad: u64,
}
const _: () = assert!(size_of::<ArchVcpuInfo>() == 16);
