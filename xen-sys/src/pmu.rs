//! Performance counters for guests.
//!
//! Public header: `pmu.h`.
//!
//! Coverage: 17 constants and 2 structures, of Xen 4.17 and 4.20; nothing is left out.

use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Major version of the interface.
pub const XENPMU_VER_MAJ: u32 = 0;
/// Minor version of the interface.
pub const XENPMU_VER_MIN: u32 = 1;
/// Command: gets the mode.
#[doc(alias = "XENPMU_mode_get")]
pub const XENPMU_MODE_GET: u32 = 0;
/// Command: sets the mode.
#[doc(alias = "XENPMU_mode_set")]
pub const XENPMU_MODE_SET: u32 = 1;
/// Command: gets the features.
#[doc(alias = "XENPMU_feature_get")]
pub const XENPMU_FEATURE_GET: u32 = 2;
/// Command: sets the features.
#[doc(alias = "XENPMU_feature_set")]
pub const XENPMU_FEATURE_SET: u32 = 3;
/// Command: registers a page for [`XenPmuData`] of a vCPU.
#[doc(alias = "XENPMU_init")]
pub const XENPMU_INIT: u32 = 4;
/// Command: unregisters the page of a vCPU.
#[doc(alias = "XENPMU_finish")]
pub const XENPMU_FINISH: u32 = 5;
/// Command: updates the interrupt's local vector entry from the page.
#[doc(alias = "XENPMU_lvtpc_set")]
pub const XENPMU_LVTPC_SET: u32 = 6;
/// Command: loads the counters from the page.
#[doc(alias = "XENPMU_flush")]
pub const XENPMU_FLUSH: u32 = 7;

/// Mode: off.
pub const XENPMU_MODE_OFF: u64 = 0;
/// Mode: each guest profiles itself.
pub const XENPMU_MODE_SELF: u64 = 1 << 0;
/// Mode: each guest profiles itself; the hardware domain profiles the hypervisor too.
pub const XENPMU_MODE_HV: u64 = 1 << 1;
/// Mode: the hardware domain profiles everything.
pub const XENPMU_MODE_ALL: u64 = 1 << 2;
/// Feature: branch trace store.
pub const XENPMU_FEATURE_INTEL_BTS: u64 = 1 << 0;
/// Feature: only instructions and cycles.
pub const XENPMU_FEATURE_IPC_ONLY: u64 = 1 << 1;
/// Feature: only architectural events.
pub const XENPMU_FEATURE_ARCH_ONLY: u64 = 1 << 2;

/// Argument of all commands.
#[doc(alias = "xen_pmu_params")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenPmuParams {
    /// In: [`XENPMU_VER_MAJ`]. Out: Xen's.
    #[doc(alias = "version.maj")]
    pub version_maj: u32,
    /// In: [`XENPMU_VER_MIN`]. Out: Xen's.
    #[doc(alias = "version.min")]
    pub version_min: u32,
    /// The mode, the features, or the page's frame.
    pub val: u64,
    /// The vCPU.
    pub vcpu: u32,
    /// Reserved; zero.
    pub pad: u32,
}
const _: () = assert!(size_of::<XenPmuParams>() == 24);

by_architecture! { XenPmuData }
