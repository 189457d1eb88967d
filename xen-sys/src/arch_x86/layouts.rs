//! Structures of several headers whose layout on x86-64 is another than on arm.
//!
//! Each has its arm twin in [`crate::arch_arm`]. The headers' modules export those of the target.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::DomId;
use crate::arch_x86::pmu::XenPmuArch;
use crate::arch_x86::xen::{ArchSharedInfo, XenArchDomainconfig};
use crate::arch_x86::xen_x86_64::ArchVcpuInfo;
use crate::xen::{VcpuTimeInfo, XenDomainHandle, XenUlong};

/// Area shared by Xen and one vCPU: pending events and the clock.
#[doc(alias = "vcpu_info")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct VcpuInfo {
    /// Set by Xen when an event is pending; cleared by the guest before it scans the ports.
    pub evtchn_upcall_pending: u8,
    /// Non-zero keeps upcalls off (PV guests; unused by others).
    pub evtchn_upcall_mask: u8,
    /// Padding; zero.
    pub _pad0: [u8; 6],
    /// One bit per word of [`SharedInfo::evtchn_pending`]: the word has pending events.
    pub evtchn_pending_sel: XenUlong,
    /// Architecture-specific part.
    pub arch: ArchVcpuInfo,
    /// The clock.
    pub time: VcpuTimeInfo,
}
const _: () = assert!(size_of::<VcpuInfo>() == 64);

/// vCPUs whose [`VcpuInfo`] lies in [`SharedInfo`] on x86; others must register theirs.
pub const XEN_LEGACY_MAX_VCPUS: usize = 32;

/// The page that Xen shares with a whole guest.
#[doc(alias = "shared_info")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct SharedInfo {
    /// Areas of the first vCPUs.
    pub vcpu_info: [VcpuInfo; XEN_LEGACY_MAX_VCPUS],
    /// One bit per port: an event is pending.
    pub evtchn_pending: [XenUlong; 64],
    /// One bit per port: events are masked.
    pub evtchn_mask: [XenUlong; 64],
    /// Odd while Xen writes the wall clock.
    pub wc_version: u32,
    /// Wall clock at system time zero: seconds since 1970, low 32 bits.
    pub wc_sec: u32,
    /// Wall clock at system time zero: nanoseconds.
    pub wc_nsec: u32,
    /// Wall clock at system time zero: seconds, high 32 bits.
    pub wc_sec_hi: u32,
    /// Architecture-specific part.
    pub arch: ArchSharedInfo,
}
const _: () = assert!(size_of::<SharedInfo>() == 3136);

/// A new domain.
#[doc(alias = "xen_domctl_createdomain")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlCreatedomain {
    /// Security label.
    pub ssidref: u32,
    /// UUID.
    pub handle: XenDomainHandle,
    /// `XEN_DOMCTL_CDF_*`.
    pub flags: u32,
    /// `XEN_DOMCTL_IOMMU_*`.
    pub iommu_opts: u32,
    /// Maximum number of vCPUs.
    pub max_vcpus: u32,
    /// Highest port.
    pub max_evtchn_port: u32,
    /// Maximum number of pages of the grant table; negative for the default.
    pub max_grant_frames: i32,
    /// Maximum number of pages for mapped grants; negative for the default.
    pub max_maptrack_frames: i32,
    /// Highest grant table version.
    pub grant_opts: u32,
    /// `XEN_DOMCTL_ALTP2M_*`.
    pub altp2m_opts: u32,
    /// Bytes of the processor trace per vCPU.
    pub vmtrace_size: u32,
    /// The CPU pool.
    pub cpupool_id: u32,
    /// Architecture-specific part.
    pub arch: XenArchDomainconfig,
}
const _: () = assert!(size_of::<XenDomctlCreatedomain>() == 68);

/// Information on a domain.
#[doc(alias = "xen_domctl_getdomaininfo")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlGetdomaininfo {
    /// The domain.
    pub domain: DomId,
    /// Reserved; zero.
    pub pad1: u16,
    /// Out: `XEN_DOMINF_*`.
    pub flags: u32,
    /// Out: pages it has.
    pub tot_pages: u64,
    /// Out: pages it may have.
    pub max_pages: u64,
    /// Out: pages it has claimed.
    pub outstanding_pages: u64,
    /// Out: pages it shares.
    pub shr_pages: u64,
    /// Out: pages paged out.
    pub paged_pages: u64,
    /// Out: frame of its shared information.
    pub shared_info_frame: u64,
    /// Out: CPU time in nanoseconds.
    pub cpu_time: u64,
    /// Out: vCPUs that are up.
    pub nr_online_vcpus: u32,
    /// Out: its highest vCPU.
    pub max_vcpu_id: u32,
    /// Out: its label.
    pub ssidref: u32,
    /// Out: its UUID.
    pub handle: XenDomainHandle,
    /// Out: its CPU pool.
    pub cpupool: u32,
    /// Out: width of guest physical addresses.
    pub gpaddr_bits: u8,
    /// Reserved; zero.
    pub pad2: [u8; 7],
    /// Out: architecture-specific part.
    pub arch_config: XenArchDomainconfig,
}
const _: () = assert!(size_of::<XenDomctlGetdomaininfo>() == 112);

/// A sample and the counters, in a page shared between Xen and one vCPU.
#[doc(alias = "xen_pmu_data")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenPmuData {
    /// Out: the vCPU that was interrupted.
    pub vcpu_id: u32,
    /// Out: the physical CPU.
    pub pcpu_id: u32,
    /// Out: the domain that was interrupted.
    pub domain_id: DomId,
    /// Reserved; zero.
    pub pad: [u8; 6],
    /// Architecture-specific part.
    pub pmu: XenPmuArch,
}
const _: () = assert!(size_of::<XenPmuData>() == 224);

/// Extended state of a vCPU.
#[doc(alias = "xen_domctl_ext_vcpucontext")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlExtVcpucontext {
    /// The vCPU.
    pub vcpu: u32,
    /// Bytes used of this structure.
    pub size: u32,
    /// Entry point of system calls of 32-bit programs.
    pub syscall32_callback_eip: u64,
    /// Entry point of the sysenter instruction.
    pub sysenter_callback_eip: u64,
    /// Code segment of system calls of 32-bit programs.
    pub syscall32_callback_cs: u16,
    /// Code segment of the sysenter instruction.
    pub sysenter_callback_cs: u16,
    /// Event mask at the entry of system calls of 32-bit programs: non-zero to mask events.
    pub syscall32_disables_events: u8,
    /// Event mask at the entry of the sysenter instruction: non-zero to mask events.
    pub sysenter_disables_events: u8,
    /// Padding; zero.
    pub _pad0: [u8; 2],
    /// Machine check registers: capabilities, two banks, extended control.
    pub vmce: [u64; 4],
}
const _: () = assert!(size_of::<XenDomctlExtVcpucontext>() == 64);
