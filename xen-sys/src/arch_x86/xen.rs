//! The parts of the x86 ABI that 32-bit and 64-bit guests share. Layouts are those of x86-64.
//!
//! Public header: `arch-x86/xen.h`.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::xen::XenPfn;

/// The x86 part of [`crate::xen::SharedInfo`]. PV guests use it; others find zeros.
#[doc(alias = "arch_shared_info")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ArchSharedInfo {
    /// Number of frames in the frame list.
    pub max_pfn: u64,
    /// Frame of the root of the frame list.
    pub pfn_to_mfn_frame_list_list: XenPfn,
    /// Why a non-maskable interrupt was raised. See [`crate::nmi`].
    pub nmi_reason: u64,
    /// Page table root of the linear frame list; zero where that is not used.
    pub p2m_cr3: u64,
    /// Virtual address of the linear frame list.
    pub p2m_vaddr: u64,
    /// Odd while the guest changes the mapping of the frame list.
    pub p2m_generation: u64,
}
const _: () = assert!(size_of::<ArchSharedInfo>() == 48);

/// The I/O port that prints a byte on the hypervisor's console, for HVM and PVH guests.
pub const XEN_HVM_DEBUGCONS_IOPORT: u16 = 0xe9;
