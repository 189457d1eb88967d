//! Control of the host, for the toolstack. The interface changes with the version of Xen: this is
//! that of 4.20.
//!
//! Public header: `sysctl.h`.
//!
//! Coverage: 201 constants and 53 structures, of Xen 4.17 and 4.20; nothing is left out.

mod cpu;
mod debug;
mod livepatch;
mod machine;
mod page;
mod pm;
mod sched;

pub use self::cpu::*;
pub use self::debug::*;
pub use self::livepatch::*;
pub use self::machine::*;
pub use self::page::*;
pub use self::pm::*;
pub use self::sched::*;

use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Value of [`XenSysctl::interface_version`]; other versions of Xen refuse it.
pub const XEN_SYSCTL_INTERFACE_VERSION: u32 = 0x15;
/// Command: reads the hypervisor's messages. See [`XenSysctlReadconsole`].
#[doc(alias = "XEN_SYSCTL_readconsole")]
pub const XEN_SYSCTL_READCONSOLE: u32 = 1;
/// Command: controls the trace buffers. See [`XenSysctlTbufOp`].
#[doc(alias = "XEN_SYSCTL_tbuf_op")]
pub const XEN_SYSCTL_TBUF_OP: u32 = 2;
/// Command: gets information on the machine. See [`XenSysctlPhysinfo`].
#[doc(alias = "XEN_SYSCTL_physinfo")]
pub const XEN_SYSCTL_PHYSINFO: u32 = 3;
/// Command: gets the scheduler. See [`XenSysctlSchedId`].
#[doc(alias = "XEN_SYSCTL_sched_id")]
pub const XEN_SYSCTL_SCHED_ID: u32 = 4;
/// Command: reads or resets performance counters of Xen. See [`XenSysctlPerfcOp`].
#[doc(alias = "XEN_SYSCTL_perfc_op")]
pub const XEN_SYSCTL_PERFC_OP: u32 = 5;
/// Command: gets information on many domains. See [`XenSysctlGetdomaininfolist`].
#[doc(alias = "XEN_SYSCTL_getdomaininfolist")]
pub const XEN_SYSCTL_GETDOMAININFOLIST: u32 = 6;
/// Command: sends debug keys. See [`XenSysctlDebugKeys`].
#[doc(alias = "XEN_SYSCTL_debug_keys")]
pub const XEN_SYSCTL_DEBUG_KEYS: u32 = 7;
/// Command: gets the idle times of CPUs. See [`XenSysctlGetcpuinfo`].
#[doc(alias = "XEN_SYSCTL_getcpuinfo")]
pub const XEN_SYSCTL_GETCPUINFO: u32 = 8;
/// Command: gets the amount of free memory. See [`XenSysctlAvailheap`].
#[doc(alias = "XEN_SYSCTL_availheap")]
pub const XEN_SYSCTL_AVAILHEAP: u32 = 9;
/// Command: gets power statistics. See [`XenSysctlGetPmstat`].
#[doc(alias = "XEN_SYSCTL_get_pmstat")]
pub const XEN_SYSCTL_GET_PMSTAT: u32 = 10;
/// Command: brings CPUs online or takes them offline. See [`XenSysctlCpuHotplug`].
#[doc(alias = "XEN_SYSCTL_cpu_hotplug")]
pub const XEN_SYSCTL_CPU_HOTPLUG: u32 = 11;
/// Command: controls the frequency and idle states of CPUs. See [`XenSysctlPmOp`].
#[doc(alias = "XEN_SYSCTL_pm_op")]
pub const XEN_SYSCTL_PM_OP: u32 = 12;
/// Command: takes pages offline or brings them online. See [`XenSysctlPageOfflineOp`].
#[doc(alias = "XEN_SYSCTL_page_offline_op")]
pub const XEN_SYSCTL_PAGE_OFFLINE_OP: u32 = 14;
/// Command: reads or resets lock statistics. See [`XenSysctlLockprofOp`].
#[doc(alias = "XEN_SYSCTL_lockprof_op")]
pub const XEN_SYSCTL_LOCKPROF_OP: u32 = 15;
/// Command: gets the topology of CPUs. See [`XenSysctlCputopoinfo`].
#[doc(alias = "XEN_SYSCTL_cputopoinfo")]
pub const XEN_SYSCTL_CPUTOPOINFO: u32 = 16;
/// Command: gets the NUMA nodes. See [`XenSysctlNumainfo`].
#[doc(alias = "XEN_SYSCTL_numainfo")]
pub const XEN_SYSCTL_NUMAINFO: u32 = 17;
/// Command: controls CPU pools. See [`XenSysctlCpupoolOp`].
#[doc(alias = "XEN_SYSCTL_cpupool_op")]
pub const XEN_SYSCTL_CPUPOOL_OP: u32 = 18;
/// Command: sets or gets parameters of a scheduler. See [`XenSysctlSchedulerOp`].
#[doc(alias = "XEN_SYSCTL_scheduler_op")]
pub const XEN_SYSCTL_SCHEDULER_OP: u32 = 19;
/// Command: reads or resets code coverage. See [`XenSysctlCoverageOp`].
#[doc(alias = "XEN_SYSCTL_coverage_op")]
pub const XEN_SYSCTL_COVERAGE_OP: u32 = 20;
/// Command: gets information on cache monitoring. See [`XenSysctlPsrCmtOp`].
#[doc(alias = "XEN_SYSCTL_psr_cmt_op")]
pub const XEN_SYSCTL_PSR_CMT_OP: u32 = 21;
/// Command: gets the nodes of PCI devices. See [`XenSysctlPcitopoinfo`].
#[doc(alias = "XEN_SYSCTL_pcitopoinfo")]
pub const XEN_SYSCTL_PCITOPOINFO: u32 = 22;
/// Command: gets information on cache and bandwidth allocation. See [`XenSysctlPsrAlloc`].
#[doc(alias = "XEN_SYSCTL_psr_alloc")]
pub const XEN_SYSCTL_PSR_ALLOC: u32 = 23;
/// Command: gets the CPU features that Xen can hide. See [`XenSysctlCpuLevellingCaps`].
#[doc(alias = "XEN_SYSCTL_get_cpu_levelling_caps")]
pub const XEN_SYSCTL_GET_CPU_LEVELLING_CAPS: u32 = 25;
/// Command: gets CPU features. See [`XenSysctlCpuFeatureset`].
#[doc(alias = "XEN_SYSCTL_get_cpu_featureset")]
pub const XEN_SYSCTL_GET_CPU_FEATURESET: u32 = 26;
/// Command: controls live patches. See [`XenSysctlLivepatchOp`].
#[doc(alias = "XEN_SYSCTL_livepatch_op")]
pub const XEN_SYSCTL_LIVEPATCH_OP: u32 = 27;
/// Command: gets a CPU policy. See [`XenSysctlCpuPolicy`].
#[doc(alias = "XEN_SYSCTL_get_cpu_policy")]
pub const XEN_SYSCTL_GET_CPU_POLICY: u32 = 29;
/// Command: adds or removes an overlay of the device tree (arm, Xen 4.19).
#[doc(alias = "XEN_SYSCTL_dt_overlay")]
pub const XEN_SYSCTL_DT_OVERLAY: u32 = 30;

/// Argument of [`crate::xen::HYPERVISOR_SYSCTL`]: a command and its argument.
#[doc(alias = "xen_sysctl")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctl {
    /// `XEN_SYSCTL_*`.
    pub cmd: u32,
    /// [`XEN_SYSCTL_INTERFACE_VERSION`].
    pub interface_version: u32,
    /// The command's argument, at the start.
    pub u: [u64; 16],
}
const _: () = assert!(size_of::<XenSysctl>() == 136);
