//! Memory of a domain.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::GuestHandle;
use crate::xen::XenPfn;

/// Shift of a frame's type.
pub const XEN_DOMCTL_PFINFO_LTAB_SHIFT: u32 = 28;
/// Type of a frame: no page table.
pub const XEN_DOMCTL_PFINFO_NOTAB: u32 = 0x0;
/// Type of a frame: page table of level 1.
pub const XEN_DOMCTL_PFINFO_L1TAB: u32 = 1 << 28;
/// Type of a frame: page table of level 2.
pub const XEN_DOMCTL_PFINFO_L2TAB: u32 = 0x20000000;
/// Type of a frame: page table of level 3.
pub const XEN_DOMCTL_PFINFO_L3TAB: u32 = 0x30000000;
/// Type of a frame: page table of level 4.
pub const XEN_DOMCTL_PFINFO_L4TAB: u32 = 0x40000000;
/// Mask of a page table's level.
pub const XEN_DOMCTL_PFINFO_LTABTYPE_MASK: u32 = 0x70000000;
/// Type of a frame: pinned page table.
pub const XEN_DOMCTL_PFINFO_LPINTAB: u32 = 1 << 31;
/// Type of a frame: not valid.
pub const XEN_DOMCTL_PFINFO_XTAB: u32 = 0xf0000000;
/// Type of a frame: allocated only.
pub const XEN_DOMCTL_PFINFO_XALLOC: u32 = 0xe0000000;
/// Type of a frame: broken.
pub const XEN_DOMCTL_PFINFO_BROKEN: u32 = 0xd0000000;
/// Mask of a frame's type.
pub const XEN_DOMCTL_PFINFO_LTAB_MASK: u32 = 0xf0000000;
/// Operation of [`XenDomctlShadowOp`]: off.
pub const XEN_DOMCTL_SHADOW_OP_OFF: u32 = 0;
/// Operation of [`XenDomctlShadowOp`]: on, with a mode.
pub const XEN_DOMCTL_SHADOW_OP_ENABLE: u32 = 32;
/// Operation of [`XenDomctlShadowOp`]: reads and clears the bitmap.
pub const XEN_DOMCTL_SHADOW_OP_CLEAN: u32 = 11;
/// Operation of [`XenDomctlShadowOp`]: reads the bitmap.
pub const XEN_DOMCTL_SHADOW_OP_PEEK: u32 = 12;
/// Operation of [`XenDomctlShadowOp`]: gets the amount of memory for page tables.
pub const XEN_DOMCTL_SHADOW_OP_GET_ALLOCATION: u32 = 30;
/// Operation of [`XenDomctlShadowOp`]: sets the amount of memory for page tables.
pub const XEN_DOMCTL_SHADOW_OP_SET_ALLOCATION: u32 = 31;
/// Operation of [`XenDomctlShadowOp`]: on, for tests.
pub const XEN_DOMCTL_SHADOW_OP_ENABLE_TEST: u32 = 1;
/// Operation of [`XenDomctlShadowOp`]: on, with log-dirty mode.
pub const XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY: u32 = 2;
/// Mode: reference-counted shadow page tables.
pub const XEN_DOMCTL_SHADOW_ENABLE_REFCOUNT: u32 = 1 << 1;
/// Mode: log dirty pages.
pub const XEN_DOMCTL_SHADOW_ENABLE_LOG_DIRTY: u32 = 1 << 2;
/// Mode: frames are translated.
pub const XEN_DOMCTL_SHADOW_ENABLE_TRANSLATE: u32 = 1 << 3;
/// Mode: Xen is outside the address space.
pub const XEN_DOMCTL_SHADOW_ENABLE_EXTERNAL: u32 = 1 << 4;
/// Flag: the last iteration of a migration.
pub const XEN_DOMCTL_SHADOW_LOGDIRTY_FINAL: u32 = 1 << 0;
/// Operation of [`XenDomctlMemSharingOp`]: enables or disables sharing.
pub const XEN_DOMCTL_MEM_SHARING_CONTROL: u32 = 0;

/// Types of page frames.
#[doc(alias = "xen_domctl_getpageframeinfo3")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlGetpageframeinfo3 {
    /// Number of frames.
    pub num: u64,
    /// In: frames. Out: their types, `XEN_DOMCTL_PFINFO_*`.
    pub array: GuestHandle,
}
const _: () = assert!(size_of::<XenDomctlGetpageframeinfo3>() == 16);

/// Statistics of dirty logging.
#[doc(alias = "xen_domctl_shadow_op_stats")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlShadowOpStats {
    /// Number of faults.
    pub fault_count: u32,
    /// Number of dirty pages.
    pub dirty_count: u32,
}
const _: () = assert!(size_of::<XenDomctlShadowOpStats>() == 8);

/// Shadow paging and dirty logging.
#[doc(alias = "xen_domctl_shadow_op")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlShadowOp {
    /// `XEN_DOMCTL_SHADOW_OP_*`.
    pub op: u32,
    /// `XEN_DOMCTL_SHADOW_ENABLE_*`, or flags.
    pub mode: u32,
    /// Memory for page tables in MiB.
    pub mb: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// Out: one bit per page.
    pub dirty_bitmap: GuestHandle,
    /// In: capacity of the bitmap in pages. Out: number of pages written.
    pub pages: u64,
    /// Out: statistics.
    pub stats: XenDomctlShadowOpStats,
}
const _: () = assert!(size_of::<XenDomctlShadowOp>() == 40);

/// Memory limit of a domain.
#[doc(alias = "xen_domctl_max_mem")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlMaxMem {
    /// Limit in KiB.
    pub max_memkb: u64,
}
const _: () = assert!(size_of::<XenDomctlMaxMem>() == 8);

/// Memory sharing.
#[doc(alias = "xen_domctl_mem_sharing_op")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlMemSharingOp {
    /// [`XEN_DOMCTL_MEM_SHARING_CONTROL`].
    pub op: u8,
    /// Sharing: 1 to enable, 0 to disable.
    pub u: u8,
}
const _: () = assert!(size_of::<XenDomctlMemSharingOp>() == 2);

/// Audit of the physical-to-machine tables.
#[doc(alias = "xen_domctl_audit_p2m")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlAuditP2m {
    /// Out: number of pages without an entry.
    pub orphans: u64,
    /// Out: number of wrong entries of the machine-to-physical table.
    pub m2p_bad: u64,
    /// Out: number of wrong entries of the physical-to-machine table.
    pub p2m_bad: u64,
}
const _: () = assert!(size_of::<XenDomctlAuditP2m>() == 24);

/// Broken page.
#[doc(alias = "xen_domctl_set_broken_page_p2m")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlSetBrokenPageP2m {
    /// The frame.
    pub pfn: u64,
}
const _: () = assert!(size_of::<XenDomctlSetBrokenPageP2m>() == 8);

/// Memory whose caches are cleaned and invalidated.
#[doc(alias = "xen_domctl_cacheflush")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlCacheflush {
    /// First frame.
    pub start_pfn: XenPfn,
    /// Number of frames.
    pub nr_pfns: XenPfn,
}
const _: () = assert!(size_of::<XenDomctlCacheflush>() == 16);

/// A virtual NUMA topology.
#[doc(alias = "xen_domctl_vnuma")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlVnuma {
    /// Number of virtual nodes.
    pub nr_vnodes: u32,
    /// Number of memory ranges.
    pub nr_vmemranges: u32,
    /// Number of vCPUs.
    pub nr_vcpus: u32,
    /// Reserved; zero.
    pub pad: u32,
    /// Array of `u32`: distances between nodes.
    pub vdistance: GuestHandle,
    /// Array of `u32`: nodes of the vCPUs.
    pub vcpu_to_vnode: GuestHandle,
    /// Array of `u32`: physical nodes.
    pub vnode_to_pnode: GuestHandle,
    /// Array of [`crate::memory::XenVmemrange`].
    pub vmemrange: GuestHandle,
}
const _: () = assert!(size_of::<XenDomctlVnuma>() == 48);

/// Memory for page tables.
#[doc(alias = "xen_domctl_paging_mempool")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlPagingMempool {
    /// Size in bytes.
    pub size: u64,
}
const _: () = assert!(size_of::<XenDomctlPagingMempool>() == 8);

/// Cache colours of a domain.
#[doc(alias = "xen_domctl_set_llc_colors")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlSetLlcColors {
    /// Number of colours.
    pub num_llc_colors: u32,
    /// Reserved; zero.
    pub pad: u32,
    /// Array of `u32`.
    pub llc_colors: GuestHandle,
}
const _: () = assert!(size_of::<XenDomctlSetLlcColors>() == 16);
