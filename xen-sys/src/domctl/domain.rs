//! Operations on a whole domain.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::DomId;
use crate::xen::Virq;
use crate::xen::XenDomainHandle;

/// Flag of [`XenDomctlCreatedomain`]: HVM or PVH.
#[doc(alias = "XEN_DOMCTL_CDF_hvm")]
pub const XEN_DOMCTL_CDF_HVM: u32 = 1 << 0;
/// Flag of [`XenDomctlCreatedomain`]: hardware-assisted paging.
#[doc(alias = "XEN_DOMCTL_CDF_hap")]
pub const XEN_DOMCTL_CDF_HAP: u32 = 1 << 1;
/// Flag of [`XenDomctlCreatedomain`]: integrity of memory is verified across host sleep.
#[doc(alias = "XEN_DOMCTL_CDF_s3_integrity")]
pub const XEN_DOMCTL_CDF_S3_INTEGRITY: u32 = 1 << 2;
/// Flag of [`XenDomctlCreatedomain`]: no out-of-sync shadow page tables.
#[doc(alias = "XEN_DOMCTL_CDF_oos_off")]
pub const XEN_DOMCTL_CDF_OOS_OFF: u32 = 1 << 3;
/// Flag of [`XenDomctlCreatedomain`]: xenstore domain.
#[doc(alias = "XEN_DOMCTL_CDF_xs_domain")]
pub const XEN_DOMCTL_CDF_XS_DOMAIN: u32 = 1 << 4;
/// Flag of [`XenDomctlCreatedomain`]: IOMMU; devices can be assigned.
#[doc(alias = "XEN_DOMCTL_CDF_iommu")]
pub const XEN_DOMCTL_CDF_IOMMU: u32 = 1 << 5;
/// Flag of [`XenDomctlCreatedomain`]: nested virtualization.
#[doc(alias = "XEN_DOMCTL_CDF_nested_virt")]
pub const XEN_DOMCTL_CDF_NESTED_VIRT: u32 = 1 << 6;
/// Flag of [`XenDomctlCreatedomain`]: virtual performance counters (arm).
#[doc(alias = "XEN_DOMCTL_CDF_vpmu")]
pub const XEN_DOMCTL_CDF_VPMU: u32 = 1 << 7;
/// The highest flag of [`XenDomctlCreatedomain`].
pub const XEN_DOMCTL_CDF_MAX: u32 = 128;
/// Option of [`XenDomctlCreatedomain`]: no sharing of page tables with the IOMMU.
#[doc(alias = "XEN_DOMCTL_IOMMU_no_sharept")]
pub const XEN_DOMCTL_IOMMU_NO_SHAREPT: u32 = 1 << 0;
/// The highest such option.
pub const XEN_DOMCTL_IOMMU_MAX: u32 = 1;
/// Mask of the highest grant table version.
#[doc(alias = "XEN_DOMCTL_GRANT_version_mask")]
pub const XEN_DOMCTL_GRANT_VERSION_MASK: u32 = 0xf;
/// Mask of the mode of alternate maps (Xen 4.20).
#[doc(alias = "XEN_DOMCTL_ALTP2M_mode_mask")]
pub const XEN_DOMCTL_ALTP2M_MODE_MASK: u32 = 3;
/// Mode of alternate maps: available to the guest and to external tools.
#[doc(alias = "XEN_DOMCTL_ALTP2M_mixed")]
pub const XEN_DOMCTL_ALTP2M_MIXED: u32 = 1;
/// Mode of alternate maps: available to external tools only.
#[doc(alias = "XEN_DOMCTL_ALTP2M_external")]
pub const XEN_DOMCTL_ALTP2M_EXTERNAL: u32 = 2;
/// Mode of alternate maps: the guest may only use the views that external tools created.
#[doc(alias = "XEN_DOMCTL_ALTP2M_limited")]
pub const XEN_DOMCTL_ALTP2M_LIMITED: u32 = 3;
/// Flag of [`XenDomctlGetdomaininfo`]: being destroyed.
#[doc(alias = "XEN_DOMINF_dying")]
pub const XEN_DOMINF_DYING: u32 = 1 << 0;
/// Flag of [`XenDomctlGetdomaininfo`]: HVM or PVH.
#[doc(alias = "XEN_DOMINF_hvm_guest")]
pub const XEN_DOMINF_HVM_GUEST: u32 = 1 << 1;
/// Flag of [`XenDomctlGetdomaininfo`]: shut down.
#[doc(alias = "XEN_DOMINF_shutdown")]
pub const XEN_DOMINF_SHUTDOWN: u32 = 1 << 2;
/// Flag of [`XenDomctlGetdomaininfo`]: paused.
#[doc(alias = "XEN_DOMINF_paused")]
pub const XEN_DOMINF_PAUSED: u32 = 1 << 3;
/// Flag of [`XenDomctlGetdomaininfo`]: all vCPUs are blocked.
#[doc(alias = "XEN_DOMINF_blocked")]
pub const XEN_DOMINF_BLOCKED: u32 = 1 << 4;
/// Flag of [`XenDomctlGetdomaininfo`]: a vCPU is running.
#[doc(alias = "XEN_DOMINF_running")]
pub const XEN_DOMINF_RUNNING: u32 = 1 << 5;
/// Flag of [`XenDomctlGetdomaininfo`]: a debugger is attached.
#[doc(alias = "XEN_DOMINF_debugged")]
pub const XEN_DOMINF_DEBUGGED: u32 = 1 << 6;
/// Flag of [`XenDomctlGetdomaininfo`]: xenstore domain.
#[doc(alias = "XEN_DOMINF_xs_domain")]
pub const XEN_DOMINF_XS_DOMAIN: u32 = 1 << 7;
/// Flag of [`XenDomctlGetdomaininfo`]: hardware-assisted paging.
#[doc(alias = "XEN_DOMINF_hap")]
pub const XEN_DOMINF_HAP: u32 = 1 << 8;
/// Mask of the shutdown reason, shifted.
#[doc(alias = "XEN_DOMINF_shutdownmask")]
pub const XEN_DOMINF_SHUTDOWNMASK: u32 = 255;
/// Shift of the shutdown reason.
#[doc(alias = "XEN_DOMINF_shutdownshift")]
pub const XEN_DOMINF_SHUTDOWNSHIFT: u32 = 16;

by_architecture! { XenDomctlCreatedomain, XenDomctlGetdomaininfo }

/// UUID of a domain.
#[doc(alias = "xen_domctl_setdomainhandle")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlSetdomainhandle {
    /// The UUID.
    pub handle: XenDomainHandle,
}
const _: () = assert!(size_of::<XenDomctlSetdomainhandle>() == 16);

/// Debugging of a domain.
#[doc(alias = "xen_domctl_setdebugging")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlSetdebugging {
    /// Debugging: 1 to enable, 0 to disable.
    pub enable: u8,
}
const _: () = assert!(size_of::<XenDomctlSetdebugging>() == 1);

/// Page for hypercall stubs.
#[doc(alias = "xen_domctl_hypercall_init")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlHypercallInit {
    /// The frame.
    pub gmfn: u64,
}
const _: () = assert!(size_of::<XenDomctlHypercallInit>() == 8);

/// Time offset of a domain's wall clock.
#[doc(alias = "xen_domctl_settimeoffset")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlSettimeoffset {
    /// Seconds from universal time.
    pub time_offset_seconds: i64,
}
const _: () = assert!(size_of::<XenDomctlSettimeoffset>() == 8);

/// Target of a domain that acts on behalf of another one.
#[doc(alias = "xen_domctl_set_target")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlSetTarget {
    /// The target domain.
    pub target: DomId,
}
const _: () = assert!(size_of::<XenDomctlSetTarget>() == 2);

/// Handler of a global virtual interrupt.
#[doc(alias = "xen_domctl_set_virq_handler")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlSetVirqHandler {
    /// The virtual interrupt.
    pub virq: Virq,
}
const _: () = assert!(size_of::<XenDomctlSetVirqHandler>() == 4);
