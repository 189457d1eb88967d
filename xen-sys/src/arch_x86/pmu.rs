//! The x86 part of the performance counters.
//!
//! Public header: `arch-x86/pmu.h`.
//!
//! Coverage: 6 constants and 5 structures, of Xen 4.17 and 4.20; nothing is left out.

use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Counters of AMD's CPUs.
#[doc(alias = "xen_pmu_amd_ctxt")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenPmuAmdCtxt {
    /// Offset of the counters in this structure.
    pub counters: u32,
    /// Offset of the controls in this structure.
    pub ctrls: u32,
    /// Start of the registers that follow this structure.
    pub regs: [u64; 0],
}
const _: () = assert!(size_of::<XenPmuAmdCtxt>() == 8);

/// A counter of Intel's CPUs.
#[doc(alias = "xen_pmu_cntr_pair")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenPmuCntrPair {
    /// Value.
    pub counter: u64,
    /// Control.
    pub control: u64,
}
const _: () = assert!(size_of::<XenPmuCntrPair>() == 16);

/// Counters of Intel's CPUs.
#[doc(alias = "xen_pmu_intel_ctxt")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenPmuIntelCtxt {
    /// Offset of the fixed counters in this structure.
    pub fixed_counters: u32,
    /// Offset of the architectural counters in this structure.
    pub arch_counters: u32,
    /// Global control register.
    pub global_ctrl: u64,
    /// Global overflow control register.
    pub global_ovf_ctrl: u64,
    /// Global status register.
    pub global_status: u64,
    /// Control register of the fixed counters.
    pub fixed_ctrl: u64,
    /// Address of the debug store.
    pub ds_area: u64,
    /// Enable register of precise sampling.
    pub pebs_enable: u64,
    /// Debug control register.
    pub debugctl: u64,
    /// Start of the registers that follow this structure.
    pub regs: [u64; 0],
}
const _: () = assert!(size_of::<XenPmuIntelCtxt>() == 64);

/// Registers at the interrupt.
#[doc(alias = "xen_pmu_regs")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenPmuRegs {
    /// Instruction pointer.
    pub ip: u64,
    /// Stack pointer.
    pub sp: u64,
    /// Flags register.
    pub flags: u64,
    /// Code segment.
    pub cs: u16,
    /// Stack segment.
    pub ss: u16,
    /// Privilege level.
    pub cpl: u8,
    /// Reserved; zero.
    pub pad: [u8; 3],
}
const _: () = assert!(size_of::<XenPmuRegs>() == 32);

/// The x86 part of a sample.
#[doc(alias = "xen_pmu_arch")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenPmuArch {
    /// [`XenPmuRegs`] at the start.
    pub r: [u64; 8],
    /// `PMU_*`.
    pub pmu_flags: u64,
    /// The local vector entry, in the low half.
    pub l: u64,
    /// [`XenPmuAmdCtxt`] or [`XenPmuIntelCtxt`] at the start.
    pub c: [u64; 16],
}
const _: () = assert!(size_of::<XenPmuArch>() == 208);

/// Flag: the registers are cached in the page; the guest may then write them.
pub const PMU_CACHED: u64 = 1 << 0;
/// Flag: user mode was interrupted.
pub const PMU_SAMPLE_USER: u64 = 1 << 1;
/// Flag: real mode was interrupted.
pub const PMU_SAMPLE_REAL: u64 = 1 << 2;
/// Flag: a PV guest was interrupted.
pub const PMU_SAMPLE_PV: u64 = 1 << 3;

/// Bytes of [`XenPmuArch::r`].
pub const XENPMU_REGS_PAD_SZ: usize = 64;
/// Bytes of [`XenPmuArch::c`].
pub const XENPMU_CTXT_PAD_SZ: usize = 128;
