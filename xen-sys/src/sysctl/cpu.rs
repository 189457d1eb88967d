//! Features of processors and cache allocation.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::GuestHandle;

/// Operation of [`XenSysctlPsrCmtOp`]: gets the number of monitoring identifiers.
#[doc(alias = "XEN_SYSCTL_PSR_CMT_get_total_rmid")]
pub const XEN_SYSCTL_PSR_CMT_GET_TOTAL_RMID: u32 = 0;
/// Operation of [`XenSysctlPsrCmtOp`]: gets the size of the cache.
#[doc(alias = "XEN_SYSCTL_PSR_CMT_get_l3_cache_size")]
pub const XEN_SYSCTL_PSR_CMT_GET_L3_CACHE_SIZE: u32 = 2;
/// Operation of [`XenSysctlPsrCmtOp`]: gets whether monitoring is enabled.
#[doc(alias = "XEN_SYSCTL_PSR_CMT_enabled")]
pub const XEN_SYSCTL_PSR_CMT_ENABLED: u32 = 3;
/// Operation of [`XenSysctlPsrCmtOp`]: gets the mask of the supported events.
#[doc(alias = "XEN_SYSCTL_PSR_CMT_get_l3_event_mask")]
pub const XEN_SYSCTL_PSR_CMT_GET_L3_EVENT_MASK: u32 = 4;
/// Operation of [`XenSysctlPsrAlloc`]: gets information on the level 3 cache.
#[doc(alias = "XEN_SYSCTL_PSR_get_l3_info")]
pub const XEN_SYSCTL_PSR_GET_L3_INFO: u32 = 0;
/// Operation of [`XenSysctlPsrAlloc`]: gets information on the level 2 cache.
#[doc(alias = "XEN_SYSCTL_PSR_get_l2_info")]
pub const XEN_SYSCTL_PSR_GET_L2_INFO: u32 = 1;
/// Operation of [`XenSysctlPsrAlloc`]: gets information on memory bandwidth.
#[doc(alias = "XEN_SYSCTL_PSR_get_mba_info")]
pub const XEN_SYSCTL_PSR_GET_MBA_INFO: u32 = 2;
/// Flag: code and data prioritization.
pub const XEN_SYSCTL_PSR_CAT_L3_CDP: u32 = 0x1;
/// Flag: throttling is linear.
pub const XEN_SYSCTL_PSR_MBA_LINEAR: u32 = 0x1;
/// Capability: CPUID faulting.
#[doc(alias = "XEN_SYSCTL_CPU_LEVELCAP_faulting")]
pub const XEN_SYSCTL_CPU_LEVELCAP_FAULTING: u32 = 0x1;
/// Capability: leaf 1, ECX.
#[doc(alias = "XEN_SYSCTL_CPU_LEVELCAP_ecx")]
pub const XEN_SYSCTL_CPU_LEVELCAP_ECX: u32 = 0x2;
/// Capability: leaf 1, EDX.
#[doc(alias = "XEN_SYSCTL_CPU_LEVELCAP_edx")]
pub const XEN_SYSCTL_CPU_LEVELCAP_EDX: u32 = 0x4;
/// Capability: leaf 0x80000001, ECX.
#[doc(alias = "XEN_SYSCTL_CPU_LEVELCAP_extd_ecx")]
pub const XEN_SYSCTL_CPU_LEVELCAP_EXTD_ECX: u32 = 0x8;
/// Capability: leaf 0x80000001, EDX.
#[doc(alias = "XEN_SYSCTL_CPU_LEVELCAP_extd_edx")]
pub const XEN_SYSCTL_CPU_LEVELCAP_EXTD_EDX: u32 = 0x10;
/// Capability: leaf 13, EAX.
#[doc(alias = "XEN_SYSCTL_CPU_LEVELCAP_xsave_eax")]
pub const XEN_SYSCTL_CPU_LEVELCAP_XSAVE_EAX: u32 = 0x20;
/// Capability: leaf 6, ECX.
#[doc(alias = "XEN_SYSCTL_CPU_LEVELCAP_thermal_ecx")]
pub const XEN_SYSCTL_CPU_LEVELCAP_THERMAL_ECX: u32 = 0x40;
/// Capability: leaf 7, EAX.
#[doc(alias = "XEN_SYSCTL_CPU_LEVELCAP_l7s0_eax")]
pub const XEN_SYSCTL_CPU_LEVELCAP_L7S0_EAX: u32 = 0x80;
/// Capability: leaf 7, EBX.
#[doc(alias = "XEN_SYSCTL_CPU_LEVELCAP_l7s0_ebx")]
pub const XEN_SYSCTL_CPU_LEVELCAP_L7S0_EBX: u32 = 0x100;
/// Feature set: hardware.
#[doc(alias = "XEN_SYSCTL_cpu_featureset_raw")]
pub const XEN_SYSCTL_CPU_FEATURESET_RAW: u32 = 0;
/// Feature set: hypervisor.
#[doc(alias = "XEN_SYSCTL_cpu_featureset_host")]
pub const XEN_SYSCTL_CPU_FEATURESET_HOST: u32 = 1;
/// Feature set: default of PV guests.
#[doc(alias = "XEN_SYSCTL_cpu_featureset_pv")]
pub const XEN_SYSCTL_CPU_FEATURESET_PV: u32 = 2;
/// Feature set: default of HVM and PVH guests.
#[doc(alias = "XEN_SYSCTL_cpu_featureset_hvm")]
pub const XEN_SYSCTL_CPU_FEATURESET_HVM: u32 = 3;
/// Feature set: maximum of PV guests.
#[doc(alias = "XEN_SYSCTL_cpu_featureset_pv_max")]
pub const XEN_SYSCTL_CPU_FEATURESET_PV_MAX: u32 = 4;
/// Feature set: maximum of HVM and PVH guests.
#[doc(alias = "XEN_SYSCTL_cpu_featureset_hvm_max")]
pub const XEN_SYSCTL_CPU_FEATURESET_HVM_MAX: u32 = 5;
/// Policy: hardware.
#[doc(alias = "XEN_SYSCTL_cpu_policy_raw")]
pub const XEN_SYSCTL_CPU_POLICY_RAW: u32 = 0;
/// Policy: hypervisor.
#[doc(alias = "XEN_SYSCTL_cpu_policy_host")]
pub const XEN_SYSCTL_CPU_POLICY_HOST: u32 = 1;
/// Policy: maximum of PV guests.
#[doc(alias = "XEN_SYSCTL_cpu_policy_pv_max")]
pub const XEN_SYSCTL_CPU_POLICY_PV_MAX: u32 = 2;
/// Policy: maximum of HVM and PVH guests.
#[doc(alias = "XEN_SYSCTL_cpu_policy_hvm_max")]
pub const XEN_SYSCTL_CPU_POLICY_HVM_MAX: u32 = 3;
/// Policy: default of PV guests.
#[doc(alias = "XEN_SYSCTL_cpu_policy_pv_default")]
pub const XEN_SYSCTL_CPU_POLICY_PV_DEFAULT: u32 = 4;
/// Policy: default of HVM and PVH guests.
#[doc(alias = "XEN_SYSCTL_cpu_policy_hvm_default")]
pub const XEN_SYSCTL_CPU_POLICY_HVM_DEFAULT: u32 = 5;

/// Cache monitoring.
#[doc(alias = "xen_sysctl_psr_cmt_op")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlPsrCmtOp {
    /// `XEN_SYSCTL_PSR_CMT_*`.
    pub cmd: u32,
    /// Zero.
    pub flags: u32,
    /// Out: the result. In: a CPU, for the size of the cache.
    pub u: u64,
}
const _: () = assert!(size_of::<XenSysctlPsrCmtOp>() == 16);

/// Cache allocation.
#[doc(alias = "xen_sysctl_psr_alloc")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlPsrAlloc {
    /// `XEN_SYSCTL_PSR_*`.
    pub cmd: u32,
    /// The socket.
    pub target: u32,
    /// Out: length of the mask or maximum throttling, number of classes, flags.
    pub u: [u32; 3],
}
const _: () = assert!(size_of::<XenSysctlPsrAlloc>() == 20);

/// CPU features that can be hidden.
#[doc(alias = "xen_sysctl_cpu_levelling_caps")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlCpuLevellingCaps {
    /// `XEN_SYSCTL_CPU_LEVELCAP_*`.
    pub caps: u32,
}
const _: () = assert!(size_of::<XenSysctlCpuLevellingCaps>() == 4);

/// CPU features.
#[doc(alias = "xen_sysctl_cpu_featureset")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlCpuFeatureset {
    /// `XEN_SYSCTL_CPU_FEATURESET_*`.
    pub index: u32,
    /// In: capacity. Out: number of words.
    pub nr_features: u32,
    /// Out: array of `u32`.
    pub features: GuestHandle,
}
const _: () = assert!(size_of::<XenSysctlCpuFeatureset>() == 16);

/// A CPU policy.
#[doc(alias = "xen_sysctl_cpu_policy")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlCpuPolicy {
    /// `XEN_SYSCTL_CPU_POLICY_*`.
    pub index: u32,
    /// Number of leaves.
    pub nr_leaves: u32,
    /// Number of registers.
    pub nr_msrs: u32,
    /// Reserved; zero.
    pub _rsvd: u32,
    /// Array of leaves.
    pub leaves: GuestHandle,
    /// Array of registers.
    pub msrs: GuestHandle,
}
const _: () = assert!(size_of::<XenSysctlCpuPolicy>() == 32);
