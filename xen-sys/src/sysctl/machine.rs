//! The machine: processors, memory, devices and domains.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::DomId;
use crate::GuestHandle;

/// Capability of the machine: HVM and PVH guests.
#[doc(alias = "XEN_SYSCTL_PHYSCAP_hvm")]
pub const XEN_SYSCTL_PHYSCAP_HVM: u32 = 0x1;
/// Capability of the machine: PV guests.
#[doc(alias = "XEN_SYSCTL_PHYSCAP_pv")]
pub const XEN_SYSCTL_PHYSCAP_PV: u32 = 0x2;
/// Capability of the machine: direct access of guests to devices.
#[doc(alias = "XEN_SYSCTL_PHYSCAP_directio")]
pub const XEN_SYSCTL_PHYSCAP_DIRECTIO: u32 = 0x4;
/// Capability of the machine: hardware-assisted paging.
#[doc(alias = "XEN_SYSCTL_PHYSCAP_hap")]
pub const XEN_SYSCTL_PHYSCAP_HAP: u32 = 0x8;
/// Capability of the machine: shadow page tables.
#[doc(alias = "XEN_SYSCTL_PHYSCAP_shadow")]
pub const XEN_SYSCTL_PHYSCAP_SHADOW: u32 = 0x10;
/// Capability of the machine: page tables shared with the IOMMU.
#[doc(alias = "XEN_SYSCTL_PHYSCAP_iommu_hap_pt_share")]
pub const XEN_SYSCTL_PHYSCAP_IOMMU_HAP_PT_SHARE: u32 = 0x20;
/// Capability of the machine: processor trace.
#[doc(alias = "XEN_SYSCTL_PHYSCAP_vmtrace")]
pub const XEN_SYSCTL_PHYSCAP_VMTRACE: u32 = 0x40;
/// Capability of the machine: performance counters.
#[doc(alias = "XEN_SYSCTL_PHYSCAP_vpmu")]
pub const XEN_SYSCTL_PHYSCAP_VPMU: u32 = 0x80;
/// Capability of the machine: grant tables, version 1.
#[doc(alias = "XEN_SYSCTL_PHYSCAP_gnttab_v1")]
pub const XEN_SYSCTL_PHYSCAP_GNTTAB_V1: u32 = 0x100;
/// Capability of the machine: grant tables, version 2.
#[doc(alias = "XEN_SYSCTL_PHYSCAP_gnttab_v2")]
pub const XEN_SYSCTL_PHYSCAP_GNTTAB_V2: u32 = 0x200;
/// The highest capability.
pub const XEN_SYSCTL_PHYSCAP_MAX: u32 = 512;
/// Operation of [`XenSysctlCpuHotplug`]: brings a CPU online.
pub const XEN_SYSCTL_CPU_HOTPLUG_ONLINE: u32 = 0;
/// Operation of [`XenSysctlCpuHotplug`]: takes a CPU offline.
pub const XEN_SYSCTL_CPU_HOTPLUG_OFFLINE: u32 = 1;
/// Operation of [`XenSysctlCpuHotplug`]: brings all sibling threads online.
pub const XEN_SYSCTL_CPU_HOTPLUG_SMT_ENABLE: u32 = 2;
/// Operation of [`XenSysctlCpuHotplug`]: takes all sibling threads offline.
pub const XEN_SYSCTL_CPU_HOTPLUG_SMT_DISABLE: u32 = 3;
/// Value of a core number: none.
pub const XEN_INVALID_CORE_ID: u32 = 4294967295;
/// Value of a socket number: none.
pub const XEN_INVALID_SOCKET_ID: u32 = 4294967295;
/// Value of a node number: none.
pub const XEN_INVALID_NODE_ID: u32 = 4294967295;
/// Value of a distance: none.
pub const XEN_INVALID_NODE_DIST: u32 = 4294967295;
/// Value of a device's node: no such device.
pub const XEN_INVALID_DEV: u32 = 4294967294;

/// Value of a memory size: none.
pub const XEN_INVALID_MEM_SZ: u64 = 4294967295;

/// The machine.
#[doc(alias = "xen_sysctl_physinfo")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlPhysinfo {
    /// Number of threads per core.
    pub threads_per_core: u32,
    /// Number of cores per socket.
    pub cores_per_socket: u32,
    /// Number of CPUs.
    pub nr_cpus: u32,
    /// Highest CPU.
    pub max_cpu_id: u32,
    /// Number of nodes.
    pub nr_nodes: u32,
    /// Highest node.
    pub max_node_id: u32,
    /// Frequency in kHz.
    pub cpu_khz: u32,
    /// `XEN_SYSCTL_PHYSCAP_*`.
    pub capabilities: u32,
    /// Capabilities of the architecture.
    pub arch_capabilities: u32,
    /// Reserved; zero.
    pub pad: u32,
    /// Number of pages.
    pub total_pages: u64,
    /// Number of free pages.
    pub free_pages: u64,
    /// Number of free pages to scrub.
    pub scrub_pages: u64,
    /// Number of claimed pages.
    pub outstanding_pages: u64,
    /// Highest frame.
    pub max_mfn: u64,
    /// CPU features.
    pub hw_cap: [u32; 8],
}
const _: () = assert!(size_of::<XenSysctlPhysinfo>() == 112);

/// Information on many domains.
#[doc(alias = "xen_sysctl_getdomaininfolist")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlGetdomaininfolist {
    /// First one.
    pub first_domain: DomId,
    /// Padding; zero.
    pub _pad0: [u8; 2],
    /// Capacity of the buffer, in domains.
    pub max_domains: u32,
    /// Out: array of [`crate::domctl::XenDomctlGetdomaininfo`].
    pub buffer: GuestHandle,
    /// Out: number of domains.
    pub num_domains: u32,
    /// Padding; zero.
    pub _pad1: [u8; 4],
}
const _: () = assert!(size_of::<XenSysctlGetdomaininfolist>() == 24);

/// Idle time of a CPU.
#[doc(alias = "xen_sysctl_cpuinfo")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlCpuinfo {
    /// Idle time in nanoseconds.
    pub idletime: u64,
}
const _: () = assert!(size_of::<XenSysctlCpuinfo>() == 8);

/// Idle times of CPUs.
#[doc(alias = "xen_sysctl_getcpuinfo")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlGetcpuinfo {
    /// Capacity of the array, in entries.
    pub max_cpus: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// Out: array of [`XenSysctlCpuinfo`].
    pub info: GuestHandle,
    /// Out: number of CPUs.
    pub nr_cpus: u32,
    /// Padding; zero.
    pub _pad1: [u8; 4],
}
const _: () = assert!(size_of::<XenSysctlGetcpuinfo>() == 24);

/// Free memory.
#[doc(alias = "xen_sysctl_availheap")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlAvailheap {
    /// Minimum width of addresses; zero for any.
    pub min_bitwidth: u32,
    /// Maximum width of addresses; zero for any.
    pub max_bitwidth: u32,
    /// The node; -1 for any.
    pub node: i32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// Out: bytes.
    pub avail_bytes: u64,
}
const _: () = assert!(size_of::<XenSysctlAvailheap>() == 24);

/// Hotplug of a CPU.
#[doc(alias = "xen_sysctl_cpu_hotplug")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlCpuHotplug {
    /// The CPU.
    pub cpu: u32,
    /// `XEN_SYSCTL_CPU_HOTPLUG_*`.
    pub op: u32,
}
const _: () = assert!(size_of::<XenSysctlCpuHotplug>() == 8);

/// Position of a CPU in the topology.
#[doc(alias = "xen_sysctl_cputopo")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlCputopo {
    /// Core.
    pub core: u32,
    /// Socket.
    pub socket: u32,
    /// Node.
    pub node: u32,
}
const _: () = assert!(size_of::<XenSysctlCputopo>() == 12);

/// Topology of CPUs.
#[doc(alias = "xen_sysctl_cputopoinfo")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlCputopoinfo {
    /// In: capacity. Out: number of CPUs.
    pub num_cpus: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// Out: array of [`XenSysctlCputopo`].
    pub cputopo: GuestHandle,
}
const _: () = assert!(size_of::<XenSysctlCputopoinfo>() == 16);

/// NUMA nodes of PCI devices.
#[doc(alias = "xen_sysctl_pcitopoinfo")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlPcitopoinfo {
    /// In: number of devices. Out: number of processed devices.
    pub num_devs: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// Array of [`crate::physdev::PhysdevPciDevice`].
    pub devs: GuestHandle,
    /// Out: array of `u32`.
    pub nodes: GuestHandle,
}
const _: () = assert!(size_of::<XenSysctlPcitopoinfo>() == 24);

/// Memory of a node.
#[doc(alias = "xen_sysctl_meminfo")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlMeminfo {
    /// Size in bytes.
    pub memsize: u64,
    /// Free memory in bytes.
    pub memfree: u64,
}
const _: () = assert!(size_of::<XenSysctlMeminfo>() == 16);

/// NUMA nodes.
#[doc(alias = "xen_sysctl_numainfo")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlNumainfo {
    /// In: capacity. Out: number of nodes.
    pub num_nodes: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// Out: array of [`XenSysctlMeminfo`].
    pub meminfo: GuestHandle,
    /// Out: array of `u32`.
    pub distance: GuestHandle,
}
const _: () = assert!(size_of::<XenSysctlNumainfo>() == 24);
