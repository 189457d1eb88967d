//! Control of the host, for the toolstack. The interface changes with the version of Xen: this is that of 4.20.
//!
//! Public header: `sysctl.h`.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::DomId;
use crate::GuestHandle;
use crate::xen::XenctlBitmap;

/// Name of the frequency driver that leaves the choice to the hardware.
pub const XEN_HWP_DRIVER_NAME: &str = "hwp";

/// Value of [`XenSysctl::interface_version`]; other versions of Xen refuse it.
pub const XEN_SYSCTL_INTERFACE_VERSION: u32 = 0x15;
/// Reads the hypervisor's messages. See [`XenSysctlReadconsole`].
#[doc(alias = "XEN_SYSCTL_readconsole")]
pub const XEN_SYSCTL_READCONSOLE: u32 = 1;
/// Operates the trace buffers. See [`XenSysctlTbufOp`].
#[doc(alias = "XEN_SYSCTL_tbuf_op")]
pub const XEN_SYSCTL_TBUF_OP: u32 = 2;
/// Asks about the machine. See [`XenSysctlPhysinfo`].
#[doc(alias = "XEN_SYSCTL_physinfo")]
pub const XEN_SYSCTL_PHYSINFO: u32 = 3;
/// Asks for the scheduler. See [`XenSysctlSchedId`].
#[doc(alias = "XEN_SYSCTL_sched_id")]
pub const XEN_SYSCTL_SCHED_ID: u32 = 4;
/// Reads Xen's own counters. See [`XenSysctlPerfcOp`].
#[doc(alias = "XEN_SYSCTL_perfc_op")]
pub const XEN_SYSCTL_PERFC_OP: u32 = 5;
/// Asks about many domains. See [`XenSysctlGetdomaininfolist`].
#[doc(alias = "XEN_SYSCTL_getdomaininfolist")]
pub const XEN_SYSCTL_GETDOMAININFOLIST: u32 = 6;
/// Sends debug keys. See [`XenSysctlDebugKeys`].
#[doc(alias = "XEN_SYSCTL_debug_keys")]
pub const XEN_SYSCTL_DEBUG_KEYS: u32 = 7;
/// Asks how long CPUs were idle. See [`XenSysctlGetcpuinfo`].
#[doc(alias = "XEN_SYSCTL_getcpuinfo")]
pub const XEN_SYSCTL_GETCPUINFO: u32 = 8;
/// Asks for free memory. See [`XenSysctlAvailheap`].
#[doc(alias = "XEN_SYSCTL_availheap")]
pub const XEN_SYSCTL_AVAILHEAP: u32 = 9;
/// Asks for power statistics. See [`XenSysctlGetPmstat`].
#[doc(alias = "XEN_SYSCTL_get_pmstat")]
pub const XEN_SYSCTL_GET_PMSTAT: u32 = 10;
/// Brings CPUs up or down. See [`XenSysctlCpuHotplug`].
#[doc(alias = "XEN_SYSCTL_cpu_hotplug")]
pub const XEN_SYSCTL_CPU_HOTPLUG: u32 = 11;
/// Controls power. See [`XenSysctlPmOp`].
#[doc(alias = "XEN_SYSCTL_pm_op")]
pub const XEN_SYSCTL_PM_OP: u32 = 12;
/// Takes pages out of use. See [`XenSysctlPageOfflineOp`].
#[doc(alias = "XEN_SYSCTL_page_offline_op")]
pub const XEN_SYSCTL_PAGE_OFFLINE_OP: u32 = 14;
/// Reads lock statistics. See [`XenSysctlLockprofOp`].
#[doc(alias = "XEN_SYSCTL_lockprof_op")]
pub const XEN_SYSCTL_LOCKPROF_OP: u32 = 15;
/// Asks for the topology of CPUs. See [`XenSysctlCputopoinfo`].
#[doc(alias = "XEN_SYSCTL_cputopoinfo")]
pub const XEN_SYSCTL_CPUTOPOINFO: u32 = 16;
/// Asks for the NUMA nodes. See [`XenSysctlNumainfo`].
#[doc(alias = "XEN_SYSCTL_numainfo")]
pub const XEN_SYSCTL_NUMAINFO: u32 = 17;
/// Operates CPU pools. See [`XenSysctlCpupoolOp`].
#[doc(alias = "XEN_SYSCTL_cpupool_op")]
pub const XEN_SYSCTL_CPUPOOL_OP: u32 = 18;
/// Sets or asks for parameters of a scheduler. See [`XenSysctlSchedulerOp`].
#[doc(alias = "XEN_SYSCTL_scheduler_op")]
pub const XEN_SYSCTL_SCHEDULER_OP: u32 = 19;
/// Reads code coverage. See [`XenSysctlCoverageOp`].
#[doc(alias = "XEN_SYSCTL_coverage_op")]
pub const XEN_SYSCTL_COVERAGE_OP: u32 = 20;
/// Asks about cache monitoring. See [`XenSysctlPsrCmtOp`].
#[doc(alias = "XEN_SYSCTL_psr_cmt_op")]
pub const XEN_SYSCTL_PSR_CMT_OP: u32 = 21;
/// Asks for the nodes of PCI devices. See [`XenSysctlPcitopoinfo`].
#[doc(alias = "XEN_SYSCTL_pcitopoinfo")]
pub const XEN_SYSCTL_PCITOPOINFO: u32 = 22;
/// Asks about cache allotment. See [`XenSysctlPsrAlloc`].
#[doc(alias = "XEN_SYSCTL_psr_alloc")]
pub const XEN_SYSCTL_PSR_ALLOC: u32 = 23;
/// Asks which CPU features can be hidden. See [`XenSysctlCpuLevellingCaps`].
#[doc(alias = "XEN_SYSCTL_get_cpu_levelling_caps")]
pub const XEN_SYSCTL_GET_CPU_LEVELLING_CAPS: u32 = 25;
/// Asks for CPU features. See [`XenSysctlCpuFeatureset`].
#[doc(alias = "XEN_SYSCTL_get_cpu_featureset")]
pub const XEN_SYSCTL_GET_CPU_FEATURESET: u32 = 26;
/// Operates live patches. See [`XenSysctlLivepatchOp`].
#[doc(alias = "XEN_SYSCTL_livepatch_op")]
pub const XEN_SYSCTL_LIVEPATCH_OP: u32 = 27;
/// Asks for a CPU policy. See [`XenSysctlCpuPolicy`].
#[doc(alias = "XEN_SYSCTL_get_cpu_policy")]
pub const XEN_SYSCTL_GET_CPU_POLICY: u32 = 29;
/// Adds or removes an overlay of the device tree (arm, Xen 4.19).
#[doc(alias = "XEN_SYSCTL_dt_overlay")]
pub const XEN_SYSCTL_DT_OVERLAY: u32 = 30;
/// Operation of [`XenSysctlTbufOp`]: asks.
#[doc(alias = "XEN_SYSCTL_TBUFOP_get_info")]
pub const XEN_SYSCTL_TBUFOP_GET_INFO: u32 = 0;
/// Operation of [`XenSysctlTbufOp`]: chooses CPUs.
#[doc(alias = "XEN_SYSCTL_TBUFOP_set_cpu_mask")]
pub const XEN_SYSCTL_TBUFOP_SET_CPU_MASK: u32 = 1;
/// Operation of [`XenSysctlTbufOp`]: chooses events.
#[doc(alias = "XEN_SYSCTL_TBUFOP_set_evt_mask")]
pub const XEN_SYSCTL_TBUFOP_SET_EVT_MASK: u32 = 2;
/// Operation of [`XenSysctlTbufOp`]: sets the size.
#[doc(alias = "XEN_SYSCTL_TBUFOP_set_size")]
pub const XEN_SYSCTL_TBUFOP_SET_SIZE: u32 = 3;
/// Operation of [`XenSysctlTbufOp`]: on.
#[doc(alias = "XEN_SYSCTL_TBUFOP_enable")]
pub const XEN_SYSCTL_TBUFOP_ENABLE: u32 = 4;
/// Operation of [`XenSysctlTbufOp`]: off.
#[doc(alias = "XEN_SYSCTL_TBUFOP_disable")]
pub const XEN_SYSCTL_TBUFOP_DISABLE: u32 = 5;
/// Capability of the machine: HVM and PVH guests.
#[doc(alias = "XEN_SYSCTL_PHYSCAP_hvm")]
pub const XEN_SYSCTL_PHYSCAP_HVM: u32 = 0x1;
/// Capability of the machine: PV guests.
#[doc(alias = "XEN_SYSCTL_PHYSCAP_pv")]
pub const XEN_SYSCTL_PHYSCAP_PV: u32 = 0x2;
/// Capability of the machine: devices for guests.
#[doc(alias = "XEN_SYSCTL_PHYSCAP_directio")]
pub const XEN_SYSCTL_PHYSCAP_DIRECTIO: u32 = 0x4;
/// Capability of the machine: page tables by hardware.
#[doc(alias = "XEN_SYSCTL_PHYSCAP_hap")]
pub const XEN_SYSCTL_PHYSCAP_HAP: u32 = 0x8;
/// Capability of the machine: shadow page tables.
#[doc(alias = "XEN_SYSCTL_PHYSCAP_shadow")]
pub const XEN_SYSCTL_PHYSCAP_SHADOW: u32 = 0x10;
/// Capability of the machine: devices share page tables.
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
/// Operation of [`XenSysctlPerfcOp`]: resets.
#[doc(alias = "XEN_SYSCTL_PERFCOP_reset")]
pub const XEN_SYSCTL_PERFCOP_RESET: u32 = 1;
/// Operation of [`XenSysctlPerfcOp`]: reads.
#[doc(alias = "XEN_SYSCTL_PERFCOP_query")]
pub const XEN_SYSCTL_PERFCOP_QUERY: u32 = 2;
/// Mask of the kind of statistics.
pub const PMSTAT_CATEGORY_MASK: u32 = 0xf0;
/// Kind of statistics: performance.
pub const PMSTAT_PX: u32 = 0x10;
/// Kind of statistics: idleness.
pub const PMSTAT_CX: u32 = 0x20;
/// Asks for the number of performance states.
#[doc(alias = "PMSTAT_get_max_px")]
pub const PMSTAT_GET_MAX_PX: u32 = 0x11;
/// Asks for statistics of performance. See [`PmPxStat`].
#[doc(alias = "PMSTAT_get_pxstat")]
pub const PMSTAT_GET_PXSTAT: u32 = 0x12;
/// Resets statistics of performance.
#[doc(alias = "PMSTAT_reset_pxstat")]
pub const PMSTAT_RESET_PXSTAT: u32 = 0x13;
/// Asks for the number of idle states.
#[doc(alias = "PMSTAT_get_max_cx")]
pub const PMSTAT_GET_MAX_CX: u32 = 0x21;
/// Asks for statistics of idleness. See [`PmCxStat`].
#[doc(alias = "PMSTAT_get_cxstat")]
pub const PMSTAT_GET_CXSTAT: u32 = 0x22;
/// Resets statistics of idleness.
#[doc(alias = "PMSTAT_reset_cxstat")]
pub const PMSTAT_RESET_CXSTAT: u32 = 0x23;
/// Operation of [`XenSysctlCpuHotplug`]: up.
pub const XEN_SYSCTL_CPU_HOTPLUG_ONLINE: u32 = 0;
/// Operation of [`XenSysctlCpuHotplug`]: down.
pub const XEN_SYSCTL_CPU_HOTPLUG_OFFLINE: u32 = 1;
/// Operation of [`XenSysctlCpuHotplug`]: all threads up.
pub const XEN_SYSCTL_CPU_HOTPLUG_SMT_ENABLE: u32 = 2;
/// Operation of [`XenSysctlCpuHotplug`]: all second threads down.
pub const XEN_SYSCTL_CPU_HOTPLUG_SMT_DISABLE: u32 = 3;
/// Field of an activity window: mantissa.
pub const XEN_CPPC_ACT_WINDOW_MANTISSA_MASK: u32 = 127;
/// Field of an activity window: exponent.
pub const XEN_CPPC_ACT_WINDOW_EXPONENT_MASK: u32 = 896;
/// Feature: the activity window can be set.
pub const XEN_SYSCTL_CPPC_FEAT_ACT_WINDOW: u32 = 1;
/// Flag of [`XenSetCppcPara`]: sets the least performance.
pub const XEN_SYSCTL_CPPC_SET_MINIMUM: u32 = 1;
/// Flag of [`XenSetCppcPara`]: sets the greatest performance.
pub const XEN_SYSCTL_CPPC_SET_MAXIMUM: u32 = 2;
/// Flag of [`XenSetCppcPara`]: sets the balance.
pub const XEN_SYSCTL_CPPC_SET_ENERGY_PERF: u32 = 8;
/// Flag of [`XenSetCppcPara`]: sets the activity window.
pub const XEN_SYSCTL_CPPC_SET_ACT_WINDOW: u32 = 16;
/// Flag of [`XenSetCppcPara`]: sets the performance wanted.
pub const XEN_SYSCTL_CPPC_SET_DESIRED: u32 = 4;
/// Mask of the presets.
pub const XEN_SYSCTL_CPPC_SET_PRESET_MASK: u32 = 4026531840;
/// Preset: none.
pub const XEN_SYSCTL_CPPC_SET_PRESET_NONE: u32 = 0;
/// Preset: balanced.
pub const XEN_SYSCTL_CPPC_SET_PRESET_BALANCE: u32 = 268435456;
/// Preset: save power.
pub const XEN_SYSCTL_CPPC_SET_PRESET_POWERSAVE: u32 = 536870912;
/// Preset: performance.
pub const XEN_SYSCTL_CPPC_SET_PRESET_PERFORMANCE: u32 = 805306368;
/// Mask of the flags without presets.
pub const XEN_SYSCTL_CPPC_SET_PARAM_MASK: u32 = 4026531871;
/// Mask of an activity window.
pub const XEN_SYSCTL_CPPC_ACT_WINDOW_MASK: u32 = 1023;
/// Frequency parameter: highest.
pub const SCALING_MAX_FREQ: u32 = 1;
/// Frequency parameter: lowest.
pub const SCALING_MIN_FREQ: u32 = 2;
/// Frequency parameter: fixed.
pub const SCALING_SETSPEED: u32 = 3;
/// Frequency parameter: sampling rate.
pub const SAMPLING_RATE: u32 = 4;
/// Frequency parameter: load at which it goes up.
pub const UP_THRESHOLD: u32 = 5;
/// Kind of power operation: frequency.
pub const CPUFREQ_PARA: u32 = 0x10;
/// Mask of the kind of power operation.
pub const PM_PARA_CATEGORY_MASK: u32 = 0xf0;
/// Operation of [`XenSysctlPmOp`]: asks for frequency parameters.
pub const GET_CPUFREQ_PARA: u32 = 0x11;
/// Operation of [`XenSysctlPmOp`]: sets the governor.
pub const SET_CPUFREQ_GOV: u32 = 0x12;
/// Operation of [`XenSysctlPmOp`]: sets a parameter.
pub const SET_CPUFREQ_PARA: u32 = 0x13;
/// Operation of [`XenSysctlPmOp`]: asks for the mean frequency.
pub const GET_CPUFREQ_AVGFREQ: u32 = 0x14;
/// Operation of [`XenSysctlPmOp`]: sets performance parameters (Xen 4.18).
pub const SET_CPUFREQ_CPPC: u32 = 21;
/// Operation of [`XenSysctlPmOp`]: scheduling for threads.
#[doc(alias = "XEN_SYSCTL_pm_op_set_sched_opt_smt")]
pub const XEN_SYSCTL_PM_OP_SET_SCHED_OPT_SMT: u32 = 0x21;
/// Operation of [`XenSysctlPmOp`]: asks for the deepest idle state.
#[doc(alias = "XEN_SYSCTL_pm_op_get_max_cstate")]
pub const XEN_SYSCTL_PM_OP_GET_MAX_CSTATE: u32 = 0x22;
/// Operation of [`XenSysctlPmOp`]: sets the deepest idle state.
#[doc(alias = "XEN_SYSCTL_pm_op_set_max_cstate")]
pub const XEN_SYSCTL_PM_OP_SET_MAX_CSTATE: u32 = 0x23;
/// Operation of [`XenSysctlPmOp`]: asks for a delay; obsolete.
#[doc(alias = "XEN_SYSCTL_pm_op_get_vcpu_migration_delay")]
pub const XEN_SYSCTL_PM_OP_GET_VCPU_MIGRATION_DELAY: u32 = 0x25;
/// Operation of [`XenSysctlPmOp`]: sets a delay; obsolete.
#[doc(alias = "XEN_SYSCTL_pm_op_set_vcpu_migration_delay")]
pub const XEN_SYSCTL_PM_OP_SET_VCPU_MIGRATION_DELAY: u32 = 0x24;
/// Operation of [`XenSysctlPmOp`]: turbo on.
#[doc(alias = "XEN_SYSCTL_pm_op_enable_turbo")]
pub const XEN_SYSCTL_PM_OP_ENABLE_TURBO: u32 = 0x26;
/// Operation of [`XenSysctlPmOp`]: turbo off.
#[doc(alias = "XEN_SYSCTL_pm_op_disable_turbo")]
pub const XEN_SYSCTL_PM_OP_DISABLE_TURBO: u32 = 0x27;
/// No deepest idle state.
pub const XEN_SYSCTL_CX_UNLIMITED: u32 = 0xffffffff;
/// Operation of [`XenSysctlPageOfflineOp`]: out of use.
#[doc(alias = "sysctl_page_offline")]
pub const SYSCTL_PAGE_OFFLINE: u32 = 1;
/// Operation of [`XenSysctlPageOfflineOp`]: into use.
#[doc(alias = "sysctl_page_online")]
pub const SYSCTL_PAGE_ONLINE: u32 = 2;
/// Operation of [`XenSysctlPageOfflineOp`]: asks.
#[doc(alias = "sysctl_query_page_offline")]
pub const SYSCTL_QUERY_PAGE_OFFLINE: u32 = 3;
/// Result: out of use.
pub const PG_OFFLINE_OFFLINED: u32 = 1 << 1;
/// Result: will be out of use.
pub const PG_OFFLINE_PENDING: u32 = 1 << 2;
/// Result: failed.
pub const PG_OFFLINE_FAILED: u32 = 1 << 3;
/// Result: try again.
pub const PG_OFFLINE_AGAIN: u32 = 1 << 4;
/// Result: failed to come into use.
pub const PG_ONLINE_FAILED: u32 = 8;
/// Result: in use.
pub const PG_ONLINE_ONLINED: u32 = 2;
/// Result: broken.
pub const PG_ONLINE_BROKEN: u32 = 8192;
/// Mask of the state.
pub const PG_OFFLINE_STATUS_MASK: u32 = 0xff;
/// Mask of the reason.
pub const PG_OFFLINE_MISC_MASK: u32 = 0xff0;
/// Reason: no such page.
pub const PG_OFFLINE_INVALID: u32 = 1 << 0;
/// Reason: dom0's.
pub const PG_OFFLINE_DOM0PAGE: u32 = 1 << 9;
/// Reason: nobody's.
pub const PG_OFFLINE_ANONYMOUS: u32 = 1 << 10;
/// Reason: not memory.
pub const PG_OFFLINE_NOT_CONV_RAM: u32 = 1 << 11;
/// Reason: a domain's.
pub const PG_OFFLINE_OWNED: u32 = 1 << 12;
/// Shift of the owner.
pub const PG_OFFLINE_OWNER_SHIFT: u32 = 16;
/// Reason: broken.
pub const PG_OFFLINE_BROKEN: u32 = 1 << 13;
/// Reason: Xen's.
pub const PG_OFFLINE_XENPAGE: u32 = 1 << 8;
/// State: in use.
pub const PG_OFFLINE_STATUS_ONLINE: u32 = 1 << 2;
/// State: will be out of use.
pub const PG_OFFLINE_STATUS_OFFLINE_PENDING: u32 = 1 << 3;
/// State: out of use.
pub const PG_OFFLINE_STATUS_OFFLINED: u32 = 1 << 1;
/// State: broken.
pub const PG_OFFLINE_STATUS_BROKEN: u32 = 1 << 4;
/// Operation of [`XenSysctlLockprofOp`]: resets.
#[doc(alias = "XEN_SYSCTL_LOCKPROF_reset")]
pub const XEN_SYSCTL_LOCKPROF_RESET: u32 = 1;
/// Operation of [`XenSysctlLockprofOp`]: reads.
#[doc(alias = "XEN_SYSCTL_LOCKPROF_query")]
pub const XEN_SYSCTL_LOCKPROF_QUERY: u32 = 2;
/// Kind of lock: global.
pub const LOCKPROF_TYPE_GLOBAL: u32 = 0;
/// Kind of lock: of a domain.
pub const LOCKPROF_TYPE_PERDOM: u32 = 1;
/// Number of kinds of lock.
pub const LOCKPROF_TYPE_N: u32 = 2;
/// No core.
pub const XEN_INVALID_CORE_ID: u32 = 4294967295;
/// No socket.
pub const XEN_INVALID_SOCKET_ID: u32 = 4294967295;
/// No node.
pub const XEN_INVALID_NODE_ID: u32 = 4294967295;
/// No distance.
pub const XEN_INVALID_NODE_DIST: u32 = 4294967295;
/// No device.
pub const XEN_INVALID_DEV: u32 = 4294967294;
/// Operation of [`XenSysctlCpupoolOp`]: creates.
pub const XEN_SYSCTL_CPUPOOL_OP_CREATE: u32 = 1;
/// Operation of [`XenSysctlCpupoolOp`]: destroys.
pub const XEN_SYSCTL_CPUPOOL_OP_DESTROY: u32 = 2;
/// Operation of [`XenSysctlCpupoolOp`]: asks.
pub const XEN_SYSCTL_CPUPOOL_OP_INFO: u32 = 3;
/// Operation of [`XenSysctlCpupoolOp`]: adds a CPU.
pub const XEN_SYSCTL_CPUPOOL_OP_ADDCPU: u32 = 4;
/// Operation of [`XenSysctlCpupoolOp`]: removes a CPU.
pub const XEN_SYSCTL_CPUPOOL_OP_RMCPU: u32 = 5;
/// Operation of [`XenSysctlCpupoolOp`]: moves a domain.
pub const XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN: u32 = 6;
/// Operation of [`XenSysctlCpupoolOp`]: asks for free CPUs.
pub const XEN_SYSCTL_CPUPOOL_OP_FREEINFO: u32 = 7;
/// Any pool, or any CPU.
pub const XEN_SYSCTL_CPUPOOL_PAR_ANY: u32 = 0xffffffff;
/// Longest time slice in milliseconds.
pub const XEN_SYSCTL_CSCHED_TSLICE_MAX: u32 = 1000;
/// Shortest time slice in milliseconds.
pub const XEN_SYSCTL_CSCHED_TSLICE_MIN: u32 = 1;
/// Longest delay of a migration in microseconds.
pub const XEN_SYSCTL_CSCHED_MGR_DLY_MAX_US: u32 = 100000;
/// Longest least time in microseconds.
pub const XEN_SYSCTL_SCHED_RATELIMIT_MAX: u32 = 500000;
/// Shortest least time in microseconds.
pub const XEN_SYSCTL_SCHED_RATELIMIT_MIN: u32 = 100;
/// Operation of [`XenSysctlSchedulerOp`]: sets.
#[doc(alias = "XEN_SYSCTL_SCHEDOP_putinfo")]
pub const XEN_SYSCTL_SCHEDOP_PUTINFO: u32 = 0;
/// Operation of [`XenSysctlSchedulerOp`]: asks.
#[doc(alias = "XEN_SYSCTL_SCHEDOP_getinfo")]
pub const XEN_SYSCTL_SCHEDOP_GETINFO: u32 = 1;
/// Magic number of coverage data.
pub const XEN_GCOV_FORMAT_MAGIC: u32 = 0x58434f56;
/// Operation of [`XenSysctlCoverageOp`]: asks for the size.
#[doc(alias = "XEN_SYSCTL_COVERAGE_get_size")]
pub const XEN_SYSCTL_COVERAGE_GET_SIZE: u32 = 0;
/// Operation of [`XenSysctlCoverageOp`]: reads.
#[doc(alias = "XEN_SYSCTL_COVERAGE_read")]
pub const XEN_SYSCTL_COVERAGE_READ: u32 = 1;
/// Operation of [`XenSysctlCoverageOp`]: resets.
#[doc(alias = "XEN_SYSCTL_COVERAGE_reset")]
pub const XEN_SYSCTL_COVERAGE_RESET: u32 = 2;
/// Operation of [`XenSysctlPsrCmtOp`]: how many identifiers.
#[doc(alias = "XEN_SYSCTL_PSR_CMT_get_total_rmid")]
pub const XEN_SYSCTL_PSR_CMT_GET_TOTAL_RMID: u32 = 0;
/// Operation of [`XenSysctlPsrCmtOp`]: factor of the counts.
#[doc(alias = "XEN_SYSCTL_PSR_CMT_get_l3_upscaling_factor")]
pub const XEN_SYSCTL_PSR_CMT_GET_L3_UPSCALING_FACTOR: u32 = 1;
/// Operation of [`XenSysctlPsrCmtOp`]: size of the cache.
#[doc(alias = "XEN_SYSCTL_PSR_CMT_get_l3_cache_size")]
pub const XEN_SYSCTL_PSR_CMT_GET_L3_CACHE_SIZE: u32 = 2;
/// Operation of [`XenSysctlPsrCmtOp`]: whether it is on.
#[doc(alias = "XEN_SYSCTL_PSR_CMT_enabled")]
pub const XEN_SYSCTL_PSR_CMT_ENABLED: u32 = 3;
/// Operation of [`XenSysctlPsrCmtOp`]: what can be counted.
#[doc(alias = "XEN_SYSCTL_PSR_CMT_get_l3_event_mask")]
pub const XEN_SYSCTL_PSR_CMT_GET_L3_EVENT_MASK: u32 = 4;
/// Operation of [`XenSysctlPsrAlloc`]: level 3 cache.
#[doc(alias = "XEN_SYSCTL_PSR_get_l3_info")]
pub const XEN_SYSCTL_PSR_GET_L3_INFO: u32 = 0;
/// Operation of [`XenSysctlPsrAlloc`]: level 2 cache.
#[doc(alias = "XEN_SYSCTL_PSR_get_l2_info")]
pub const XEN_SYSCTL_PSR_GET_L2_INFO: u32 = 1;
/// Operation of [`XenSysctlPsrAlloc`]: memory bandwidth.
#[doc(alias = "XEN_SYSCTL_PSR_get_mba_info")]
pub const XEN_SYSCTL_PSR_GET_MBA_INFO: u32 = 2;
/// Flag: code and data apart.
pub const XEN_SYSCTL_PSR_CAT_L3_CDP: u32 = 0x1;
/// Flag: throttling is linear.
pub const XEN_SYSCTL_PSR_MBA_LINEAR: u32 = 0x1;
/// Capability: CPUID can be trapped.
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
/// Features: of the hardware.
#[doc(alias = "XEN_SYSCTL_cpu_featureset_raw")]
pub const XEN_SYSCTL_CPU_FEATURESET_RAW: u32 = 0;
/// Features: that Xen uses.
#[doc(alias = "XEN_SYSCTL_cpu_featureset_host")]
pub const XEN_SYSCTL_CPU_FEATURESET_HOST: u32 = 1;
/// Features: of PV guests.
#[doc(alias = "XEN_SYSCTL_cpu_featureset_pv")]
pub const XEN_SYSCTL_CPU_FEATURESET_PV: u32 = 2;
/// Features: of HVM and PVH guests.
#[doc(alias = "XEN_SYSCTL_cpu_featureset_hvm")]
pub const XEN_SYSCTL_CPU_FEATURESET_HVM: u32 = 3;
/// Features: that PV guests can have.
#[doc(alias = "XEN_SYSCTL_cpu_featureset_pv_max")]
pub const XEN_SYSCTL_CPU_FEATURESET_PV_MAX: u32 = 4;
/// Features: that HVM and PVH guests can have.
#[doc(alias = "XEN_SYSCTL_cpu_featureset_hvm_max")]
pub const XEN_SYSCTL_CPU_FEATURESET_HVM_MAX: u32 = 5;
/// Policy: of the hardware.
#[doc(alias = "XEN_SYSCTL_cpu_policy_raw")]
pub const XEN_SYSCTL_CPU_POLICY_RAW: u32 = 0;
/// Policy: that Xen uses.
#[doc(alias = "XEN_SYSCTL_cpu_policy_host")]
pub const XEN_SYSCTL_CPU_POLICY_HOST: u32 = 1;
/// Policy: that PV guests can have.
#[doc(alias = "XEN_SYSCTL_cpu_policy_pv_max")]
pub const XEN_SYSCTL_CPU_POLICY_PV_MAX: u32 = 2;
/// Policy: that HVM and PVH guests can have.
#[doc(alias = "XEN_SYSCTL_cpu_policy_hvm_max")]
pub const XEN_SYSCTL_CPU_POLICY_HVM_MAX: u32 = 3;
/// Policy: that PV guests have.
#[doc(alias = "XEN_SYSCTL_cpu_policy_pv_default")]
pub const XEN_SYSCTL_CPU_POLICY_PV_DEFAULT: u32 = 4;
/// Policy: that HVM and PVH guests have.
#[doc(alias = "XEN_SYSCTL_cpu_policy_hvm_default")]
pub const XEN_SYSCTL_CPU_POLICY_HVM_DEFAULT: u32 = 5;
/// Version of the format of live patches.
pub const LIVEPATCH_PAYLOAD_VERSION: u32 = 2;
/// Operation of [`XenSysctlLivepatchOp`]: uploads.
pub const XEN_SYSCTL_LIVEPATCH_UPLOAD: u32 = 0;
/// Operation of [`XenSysctlLivepatchOp`]: asks for one.
pub const XEN_SYSCTL_LIVEPATCH_GET: u32 = 1;
/// Operation of [`XenSysctlLivepatchOp`]: lists all.
pub const XEN_SYSCTL_LIVEPATCH_LIST: u32 = 2;
/// Operation of [`XenSysctlLivepatchOp`]: acts on one.
pub const XEN_SYSCTL_LIVEPATCH_ACTION: u32 = 3;
/// State of a live patch: checked.
pub const LIVEPATCH_STATE_CHECKED: u32 = 1;
/// State of a live patch: applied.
pub const LIVEPATCH_STATE_APPLIED: u32 = 2;
/// Action on a live patch: unload.
pub const LIVEPATCH_ACTION_UNLOAD: u32 = 1;
/// Action on a live patch: revert.
pub const LIVEPATCH_ACTION_REVERT: u32 = 2;
/// Action on a live patch: apply.
pub const LIVEPATCH_ACTION_APPLY: u32 = 3;
/// Action on a live patch: apply, and revert all others.
pub const LIVEPATCH_ACTION_REPLACE: u32 = 4;
/// Flag of a live patch: without the check of the build (Xen 4.18).
pub const LIVEPATCH_FLAG_FORCE: u32 = 1;
/// Mask of the flags of a live patch.
pub const LIVEPATCH_FLAGS_MASK: u32 = 1;

/// No memory.
pub const XEN_INVALID_MEM_SZ: u64 = 4294967295;
/// Flag of an action: without the check of dependencies.
pub const LIVEPATCH_ACTION_APPLY_NODEPS: u64 = 1 << 0;

/// Bytes of a governor's name.
pub const CPUFREQ_NAME_LEN: usize = 16;
/// Most bytes of a live patch's name.
pub const XEN_LIVEPATCH_NAME_SIZE: usize = 128;
/// Entries of an ARINC 653 schedule.
pub const ARINC653_MAX_DOMAINS_PER_SCHEDULE: usize = 64;

/// Xen's messages.
#[doc(alias = "xen_sysctl_readconsole")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlReadconsole {
    /// Whether they are then cleared.
    pub clear: u8,
    /// Whether to go on at the index.
    pub incremental: u8,
    /// Reserved; zero.
    pub pad0: u8,
    /// Reserved; zero.
    pub pad1: u8,
    /// In: where to start. Out: where it ends.
    pub index: u32,
    /// Out: the text.
    pub buffer: GuestHandle,
    /// In: bytes of the buffer. Out: bytes written.
    pub count: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
}
const _: () = assert!(size_of::<XenSysctlReadconsole>() == 24);

/// Trace buffers.
#[doc(alias = "xen_sysctl_tbuf_op")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlTbufOp {
    /// `XEN_SYSCTL_TBUFOP_*`.
    pub cmd: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// CPUs.
    pub cpu_mask: XenctlBitmap,
    /// Events.
    pub evt_mask: u32,
    /// Padding; zero.
    pub _pad1: [u8; 4],
    /// Out: frame of the buffers.
    pub buffer_mfn: u64,
    /// Size in bytes.
    pub size: u32,
    /// Padding; zero.
    pub _pad2: [u8; 4],
}
const _: () = assert!(size_of::<XenSysctlTbufOp>() == 48);

/// The machine.
#[doc(alias = "xen_sysctl_physinfo")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlPhysinfo {
    /// Threads per core.
    pub threads_per_core: u32,
    /// Cores per socket.
    pub cores_per_socket: u32,
    /// CPUs.
    pub nr_cpus: u32,
    /// Highest CPU.
    pub max_cpu_id: u32,
    /// Nodes.
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
    /// Pages.
    pub total_pages: u64,
    /// Free pages.
    pub free_pages: u64,
    /// Pages to be cleared.
    pub scrub_pages: u64,
    /// Claimed pages.
    pub outstanding_pages: u64,
    /// Highest frame.
    pub max_mfn: u64,
    /// CPU features.
    pub hw_cap: [u32; 8],
}
const _: () = assert!(size_of::<XenSysctlPhysinfo>() == 112);

/// A scheduler.
#[doc(alias = "xen_sysctl_sched_id")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlSchedId {
    /// The scheduler: `XEN_SCHEDULER_*`.
    pub sched_id: u32,
}
const _: () = assert!(size_of::<XenSysctlSchedId>() == 4);

/// A counter.
#[doc(alias = "xen_sysctl_perfc_desc")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlPerfcDesc {
    /// Its name.
    pub name: [u8; 80],
    /// How many values it has.
    pub nr_vals: u32,
}
const _: () = assert!(size_of::<XenSysctlPerfcDesc>() == 84);

/// Xen's own counters.
#[doc(alias = "xen_sysctl_perfc_op")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlPerfcOp {
    /// `XEN_SYSCTL_PERFCOP_*`.
    pub cmd: u32,
    /// Out: counters.
    pub nr_counters: u32,
    /// Out: values.
    pub nr_vals: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// Out: array of [`XenSysctlPerfcDesc`].
    pub desc: GuestHandle,
    /// Out: array of `u32`.
    pub val: GuestHandle,
}
const _: () = assert!(size_of::<XenSysctlPerfcOp>() == 32);

/// Many domains.
#[doc(alias = "xen_sysctl_getdomaininfolist")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlGetdomaininfolist {
    /// First one.
    pub first_domain: DomId,
    /// Padding; zero.
    pub _pad0: [u8; 2],
    /// Room in the buffer.
    pub max_domains: u32,
    /// Out: array of [`crate::domctl::XenDomctlGetdomaininfo`].
    pub buffer: GuestHandle,
    /// Out: how many.
    pub num_domains: u32,
    /// Padding; zero.
    pub _pad1: [u8; 4],
}
const _: () = assert!(size_of::<XenSysctlGetdomaininfolist>() == 24);

/// Debug keys.
#[doc(alias = "xen_sysctl_debug_keys")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlDebugKeys {
    /// Characters.
    pub keys: GuestHandle,
    /// How many.
    pub nr_keys: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
}
const _: () = assert!(size_of::<XenSysctlDebugKeys>() == 16);

/// How long a CPU was idle.
#[doc(alias = "xen_sysctl_cpuinfo")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlCpuinfo {
    /// Nanoseconds.
    pub idletime: u64,
}
const _: () = assert!(size_of::<XenSysctlCpuinfo>() == 8);

/// How long CPUs were idle.
#[doc(alias = "xen_sysctl_getcpuinfo")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlGetcpuinfo {
    /// Room in the array.
    pub max_cpus: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// Out: array of [`XenSysctlCpuinfo`].
    pub info: GuestHandle,
    /// Out: how many.
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
    /// Least width of addresses; zero for any.
    pub min_bitwidth: u32,
    /// Greatest width of addresses; zero for any.
    pub max_bitwidth: u32,
    /// The node; -1 for any.
    pub node: i32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// Out: bytes.
    pub avail_bytes: u64,
}
const _: () = assert!(size_of::<XenSysctlAvailheap>() == 24);

/// Use of a performance state.
#[doc(alias = "pm_px_val")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct PmPxVal {
    /// Frequency.
    pub freq: u64,
    /// Nanoseconds.
    pub residency: u64,
    /// How often.
    pub count: u64,
}
const _: () = assert!(size_of::<PmPxVal>() == 24);

/// Statistics of performance.
#[doc(alias = "pm_px_stat")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct PmPxStat {
    /// States.
    pub total: u8,
    /// States that may be used.
    pub usable: u8,
    /// Last state.
    pub last: u8,
    /// Present state.
    pub cur: u8,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// Array of `u64`: changes from state to state.
    pub trans_pt: GuestHandle,
    /// Array of [`PmPxVal`].
    pub pt: GuestHandle,
}
const _: () = assert!(size_of::<PmPxStat>() == 24);

/// Statistics of idleness.
#[doc(alias = "pm_cx_stat")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct PmCxStat {
    /// States.
    pub nr: u32,
    /// Last state.
    pub last: u32,
    /// Nanoseconds.
    pub idle_time: u64,
    /// Array of `u64`: how often.
    pub triggers: GuestHandle,
    /// Array of `u64`: nanoseconds.
    pub residencies: GuestHandle,
    /// Counters of the package.
    pub nr_pc: u32,
    /// Counters of the core.
    pub nr_cc: u32,
    /// Array of `u64`.
    pub pc: GuestHandle,
    /// Array of `u64`.
    pub cc: GuestHandle,
}
const _: () = assert!(size_of::<PmCxStat>() == 56);

/// Power statistics.
#[doc(alias = "xen_sysctl_get_pmstat")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlGetPmstat {
    /// `PMSTAT_*`.
    #[doc(alias = "type")]
    pub type_: u32,
    /// The CPU.
    pub cpuid: u32,
    /// [`PmPxStat`] or [`PmCxStat`] at the start, or a number.
    pub u: [u64; 7],
}
const _: () = assert!(size_of::<XenSysctlGetPmstat>() == 64);

/// A CPU that comes or goes.
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

/// A governor that takes the frequency from outside.
#[doc(alias = "xen_userspace")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenUserspace {
    /// Frequency.
    pub scaling_setspeed: u32,
}
const _: () = assert!(size_of::<XenUserspace>() == 4);

/// A governor that goes by load.
#[doc(alias = "xen_ondemand")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenOndemand {
    /// Longest sampling.
    pub sampling_rate_max: u32,
    /// Shortest sampling.
    pub sampling_rate_min: u32,
    /// Sampling.
    pub sampling_rate: u32,
    /// Load at which the frequency goes up.
    pub up_threshold: u32,
}
const _: () = assert!(size_of::<XenOndemand>() == 16);

/// Performance that the hardware chooses (Xen 4.18).
#[doc(alias = "xen_cppc_para")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenCppcPara {
    /// `XEN_SYSCTL_CPPC_FEAT_*`.
    pub features: u32,
    /// Lowest possible.
    pub lowest: u32,
    /// Lowest efficient.
    pub lowest_nonlinear: u32,
    /// Guaranteed.
    pub nominal: u32,
    /// Highest possible.
    pub highest: u32,
    /// Least performance.
    pub minimum: u32,
    /// Greatest performance.
    pub maximum: u32,
    /// Performance wanted; zero leaves it to the hardware.
    pub desired: u32,
    /// Balance of energy and performance.
    pub energy_perf: u32,
    /// Time over which the hardware looks at load.
    pub activity_window: u32,
}
const _: () = assert!(size_of::<XenCppcPara>() == 40);

/// Performance that the hardware chooses (Xen 4.18).
#[doc(alias = "xen_set_cppc_para")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSetCppcPara {
    /// `XEN_SYSCTL_CPPC_SET_*`.
    pub set_params: u32,
    /// Least performance.
    pub minimum: u32,
    /// Greatest performance.
    pub maximum: u32,
    /// Performance wanted; zero leaves it to the hardware.
    pub desired: u32,
    /// Balance of energy and performance.
    pub energy_perf: u32,
    /// Time over which the hardware looks at load.
    pub activity_window: u32,
}
const _: () = assert!(size_of::<XenSetCppcPara>() == 24);

/// Frequency parameters.
#[doc(alias = "xen_get_cpufreq_para")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenGetCpufreqPara {
    /// In: room. Out: CPUs.
    pub cpu_num: u32,
    /// In: room. Out: frequencies.
    pub freq_num: u32,
    /// In: room. Out: governors.
    pub gov_num: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// Array of `u32`.
    pub affected_cpus: GuestHandle,
    /// Array of `u32`.
    pub scaling_available_frequencies: GuestHandle,
    /// Names, one after the other.
    pub scaling_available_governors: GuestHandle,
    /// The driver.
    pub scaling_driver: [u8; 16],
    /// Present frequency.
    pub cpuinfo_cur_freq: u32,
    /// Highest frequency.
    pub cpuinfo_max_freq: u32,
    /// Lowest frequency.
    pub cpuinfo_min_freq: u32,
    /// Present frequency, governor, limits and the governor's parameters; or [`XenCppcPara`].
    pub u: [u32; 11],
    /// Whether turbo is on.
    pub turbo_enabled: i32,
    /// Padding; zero.
    pub _pad1: [u8; 4],
}
const _: () = assert!(size_of::<XenGetCpufreqPara>() == 120);

/// A governor.
#[doc(alias = "xen_set_cpufreq_gov")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSetCpufreqGov {
    /// Its name.
    pub scaling_governor: [u8; 16],
}
const _: () = assert!(size_of::<XenSetCpufreqGov>() == 16);

/// A parameter.
#[doc(alias = "xen_set_cpufreq_para")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSetCpufreqPara {
    /// Which one.
    pub ctrl_type: u32,
    /// Its value.
    pub ctrl_value: u32,
}
const _: () = assert!(size_of::<XenSetCpufreqPara>() == 8);

/// Control of power.
#[doc(alias = "xen_sysctl_pm_op")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlPmOp {
    /// The operation.
    pub cmd: u32,
    /// The CPU.
    pub cpuid: u32,
    /// The argument, by operation.
    pub u: [u64; 15],
}
const _: () = assert!(size_of::<XenSysctlPmOp>() == 128);

/// Pages to take out of use.
#[doc(alias = "xen_sysctl_page_offline_op")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlPageOfflineOp {
    /// `SYSCTL_PAGE_*`.
    pub cmd: u32,
    /// First frame.
    pub start: u32,
    /// Last frame.
    pub end: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// Out: array of `u32`, `PG_*`.
    pub status: GuestHandle,
}
const _: () = assert!(size_of::<XenSysctlPageOfflineOp>() == 24);

/// A lock.
#[doc(alias = "xen_sysctl_lockprof_data")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlLockprofData {
    /// Its name.
    pub name: [u8; 40],
    /// `LOCKPROF_TYPE_*`.
    #[doc(alias = "type")]
    pub type_: i32,
    /// Which one.
    pub idx: i32,
    /// How often taken.
    pub lock_cnt: u64,
    /// How often waited for.
    pub block_cnt: u64,
    /// Nanoseconds held.
    pub lock_time: u64,
    /// Nanoseconds waited for.
    pub block_time: u64,
}
const _: () = assert!(size_of::<XenSysctlLockprofData>() == 80);

/// Locks.
#[doc(alias = "xen_sysctl_lockprof_op")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlLockprofOp {
    /// `XEN_SYSCTL_LOCKPROF_*`.
    pub cmd: u32,
    /// Room in the array.
    pub max_elem: u32,
    /// Out: how many.
    pub nr_elem: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// Out: nanoseconds of profiling.
    pub time: u64,
    /// Out: array of [`XenSysctlLockprofData`].
    pub data: GuestHandle,
}
const _: () = assert!(size_of::<XenSysctlLockprofOp>() == 32);

/// Where a CPU is.
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
    /// In: room. Out: CPUs.
    pub num_cpus: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// Out: array of [`XenSysctlCputopo`].
    pub cputopo: GuestHandle,
}
const _: () = assert!(size_of::<XenSysctlCputopoinfo>() == 16);

/// Nodes of PCI devices.
#[doc(alias = "xen_sysctl_pcitopoinfo")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlPcitopoinfo {
    /// In: devices. Out: devices done.
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
    /// Bytes.
    pub memsize: u64,
    /// Free bytes.
    pub memfree: u64,
}
const _: () = assert!(size_of::<XenSysctlMeminfo>() == 16);

/// Nodes.
#[doc(alias = "xen_sysctl_numainfo")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlNumainfo {
    /// In: room. Out: nodes.
    pub num_nodes: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// Out: array of [`XenSysctlMeminfo`].
    pub meminfo: GuestHandle,
    /// Out: array of `u32`.
    pub distance: GuestHandle,
}
const _: () = assert!(size_of::<XenSysctlNumainfo>() == 24);

/// CPU pools.
#[doc(alias = "xen_sysctl_cpupool_op")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlCpupoolOp {
    /// `XEN_SYSCTL_CPUPOOL_OP_*`.
    pub op: u32,
    /// The CPU pool.
    pub cpupool_id: u32,
    /// The scheduler: `XEN_SCHEDULER_*`.
    pub sched_id: u32,
    /// The domain.
    pub domid: u32,
    /// The CPU.
    pub cpu: u32,
    /// Out: domains in the pool.
    pub n_dom: u32,
    /// Out: CPUs.
    pub cpumap: XenctlBitmap,
}
const _: () = assert!(size_of::<XenSysctlCpupoolOp>() == 40);

/// A schedule.
#[doc(alias = "xen_sysctl_arinc653_schedule")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlArinc653Schedule {
    /// Nanoseconds of the whole.
    pub major_frame: u64,
    /// Entries used.
    pub num_sched_entries: u8,
    /// Padding; zero.
    pub _pad0: [u8; 7],
    /// Entries: UUID, vCPU in the low half of a word, nanoseconds.
    pub sched_entries: [[u64; 4]; 64],
}
const _: () = assert!(size_of::<XenSysctlArinc653Schedule>() == 2064);

/// Parameters of the credit scheduler.
#[doc(alias = "xen_sysctl_credit_schedule")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlCreditSchedule {
    /// Time slice in milliseconds.
    pub tslice_ms: u32,
    /// Least time before another vCPU may run, in microseconds.
    pub ratelimit_us: u32,
    /// Delay of a migration in microseconds.
    pub vcpu_migr_delay_us: u32,
}
const _: () = assert!(size_of::<XenSysctlCreditSchedule>() == 12);

/// Parameters of the credit 2 scheduler.
#[doc(alias = "xen_sysctl_credit2_schedule")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlCredit2Schedule {
    /// Least time before another vCPU may run, in microseconds.
    pub ratelimit_us: u32,
}
const _: () = assert!(size_of::<XenSysctlCredit2Schedule>() == 4);

/// Parameters of the ARINC 653 scheduler.
#[doc(alias = "xen_sysctl_sched_arinc653")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlSchedArinc653 {
    /// Address of [`XenSysctlArinc653Schedule`].
    pub schedule: GuestHandle,
}
const _: () = assert!(size_of::<XenSysctlSchedArinc653>() == 8);

/// Parameters of a scheduler.
#[doc(alias = "xen_sysctl_scheduler_op")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlSchedulerOp {
    /// The CPU pool.
    pub cpupool_id: u32,
    /// The scheduler: `XEN_SCHEDULER_*`.
    pub sched_id: u32,
    /// `XEN_SYSCTL_SCHEDOP_*`.
    pub cmd: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// Parameters, by scheduler.
    pub u: [u64; 2],
}
const _: () = assert!(size_of::<XenSysctlSchedulerOp>() == 32);

/// Code coverage.
#[doc(alias = "xen_sysctl_coverage_op")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlCoverageOp {
    /// `XEN_SYSCTL_COVERAGE_*`.
    pub cmd: u32,
    /// Size in bytes.
    pub size: u32,
    /// The buffer.
    pub buffer: GuestHandle,
}
const _: () = assert!(size_of::<XenSysctlCoverageOp>() == 16);

/// Cache monitoring.
#[doc(alias = "xen_sysctl_psr_cmt_op")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlPsrCmtOp {
    /// `XEN_SYSCTL_PSR_CMT_*`.
    pub cmd: u32,
    /// Zero.
    pub flags: u32,
    /// Out: the answer. In: a CPU.
    pub u: u64,
}
const _: () = assert!(size_of::<XenSysctlPsrCmtOp>() == 16);

/// Cache allotment.
#[doc(alias = "xen_sysctl_psr_alloc")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlPsrAlloc {
    /// `XEN_SYSCTL_PSR_*`.
    pub cmd: u32,
    /// The socket.
    pub target: u32,
    /// Out: length of the mask or greatest throttling, number of classes, flags.
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
    /// In: room. Out: words.
    pub nr_features: u32,
    /// Out: array of `u32`.
    pub features: GuestHandle,
}
const _: () = assert!(size_of::<XenSysctlCpuFeatureset>() == 16);

/// The name of a live patch.
#[doc(alias = "xen_livepatch_name")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenLivepatchName {
    /// Its characters.
    pub name: GuestHandle,
    /// How many, the zero byte included.
    pub size: u16,
    /// Reserved; zero.
    pub pad: [u16; 3],
}
const _: () = assert!(size_of::<XenLivepatchName>() == 16);

/// A live patch to upload.
#[doc(alias = "xen_sysctl_livepatch_upload")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlLivepatchUpload {
    /// The name.
    pub name: XenLivepatchName,
    /// Bytes.
    pub size: u64,
    /// The file.
    pub payload: GuestHandle,
}
const _: () = assert!(size_of::<XenSysctlLivepatchUpload>() == 32);

/// The state of a live patch.
#[doc(alias = "xen_livepatch_status")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenLivepatchStatus {
    /// `LIVEPATCH_STATE_*`.
    pub state: u32,
    /// Zero, or a negated error number.
    pub rc: i32,
}
const _: () = assert!(size_of::<XenLivepatchStatus>() == 8);

/// One live patch.
#[doc(alias = "xen_sysctl_livepatch_get")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlLivepatchGet {
    /// The name.
    pub name: XenLivepatchName,
    /// Out: its state.
    pub status: XenLivepatchStatus,
}
const _: () = assert!(size_of::<XenSysctlLivepatchGet>() == 24);

/// All live patches.
#[doc(alias = "xen_sysctl_livepatch_list")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlLivepatchList {
    /// Out: changes with each change.
    pub version: u32,
    /// First one.
    pub idx: u32,
    /// In: room. Out: how many are left.
    pub nr: u32,
    /// Reserved; zero.
    pub pad: u32,
    /// Out: bytes of all names.
    pub name_total_size: u32,
    /// Out: bytes of all metadata.
    pub metadata_total_size: u32,
    /// Out: array of [`XenLivepatchStatus`].
    pub status: GuestHandle,
    /// Out: names.
    pub name: GuestHandle,
    /// Out: array of `u32`: lengths of the names.
    pub len: GuestHandle,
    /// Out: metadata.
    pub metadata: GuestHandle,
    /// Out: array of `u32`: lengths of the metadata.
    pub metadata_len: GuestHandle,
}
const _: () = assert!(size_of::<XenSysctlLivepatchList>() == 64);

/// An action on a live patch.
#[doc(alias = "xen_sysctl_livepatch_action")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlLivepatchAction {
    /// The name.
    pub name: XenLivepatchName,
    /// `LIVEPATCH_ACTION_*`.
    pub cmd: u32,
    /// Nanoseconds.
    pub timeout: u32,
    /// Flags of the action.
    pub flags: u32,
    /// Reserved; zero.
    pub pad: u32,
}
const _: () = assert!(size_of::<XenSysctlLivepatchAction>() == 32);

/// Live patches.
#[doc(alias = "xen_sysctl_livepatch_op")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlLivepatchOp {
    /// `XEN_SYSCTL_LIVEPATCH_*`.
    pub cmd: u32,
    /// `LIVEPATCH_FLAG_*`.
    pub flags: u32,
    /// The argument, by operation.
    pub u: [u64; 8],
}
const _: () = assert!(size_of::<XenSysctlLivepatchOp>() == 72);

/// A CPU policy.
#[doc(alias = "xen_sysctl_cpu_policy")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlCpuPolicy {
    /// `XEN_SYSCTL_CPU_POLICY_*`.
    pub index: u32,
    /// How many leaves.
    pub nr_leaves: u32,
    /// How many registers.
    pub nr_msrs: u32,
    /// Reserved; zero.
    pub _rsvd: u32,
    /// Array of leaves.
    pub leaves: GuestHandle,
    /// Array of registers.
    pub msrs: GuestHandle,
}
const _: () = assert!(size_of::<XenSysctlCpuPolicy>() == 32);

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
