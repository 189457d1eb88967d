//! Power and frequency of processors.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::GuestHandle;

/// Name of the frequency driver for hardware-controlled performance states.
pub const XEN_HWP_DRIVER_NAME: &str = "hwp";
/// Mask of the kind of statistics.
pub const PMSTAT_CATEGORY_MASK: u32 = 0xf0;
/// Kind of statistics: performance states.
pub const PMSTAT_PX: u32 = 0x10;
/// Kind of statistics: idle states.
pub const PMSTAT_CX: u32 = 0x20;
/// Command: gets the number of performance states.
#[doc(alias = "PMSTAT_get_max_px")]
pub const PMSTAT_GET_MAX_PX: u32 = 0x11;
/// Command: gets statistics of performance states. See [`PmPxStat`].
#[doc(alias = "PMSTAT_get_pxstat")]
pub const PMSTAT_GET_PXSTAT: u32 = 0x12;
/// Command: resets statistics of performance states.
#[doc(alias = "PMSTAT_reset_pxstat")]
pub const PMSTAT_RESET_PXSTAT: u32 = 0x13;
/// Command: gets the number of idle states.
#[doc(alias = "PMSTAT_get_max_cx")]
pub const PMSTAT_GET_MAX_CX: u32 = 0x21;
/// Command: gets statistics of idle states. See [`PmCxStat`].
#[doc(alias = "PMSTAT_get_cxstat")]
pub const PMSTAT_GET_CXSTAT: u32 = 0x22;
/// Command: resets statistics of idle states.
#[doc(alias = "PMSTAT_reset_cxstat")]
pub const PMSTAT_RESET_CXSTAT: u32 = 0x23;
/// Field of an activity window: mantissa.
pub const XEN_CPPC_ACT_WINDOW_MANTISSA_MASK: u32 = 127;
/// Field of an activity window: exponent.
pub const XEN_CPPC_ACT_WINDOW_EXPONENT_MASK: u32 = 896;
/// Feature: the activity window can be set.
pub const XEN_SYSCTL_CPPC_FEAT_ACT_WINDOW: u32 = 1;
/// Flag of [`XenSetCppcPara`]: sets the minimum performance.
pub const XEN_SYSCTL_CPPC_SET_MINIMUM: u32 = 1;
/// Flag of [`XenSetCppcPara`]: sets the maximum performance.
pub const XEN_SYSCTL_CPPC_SET_MAXIMUM: u32 = 2;
/// Flag of [`XenSetCppcPara`]: sets the balance.
pub const XEN_SYSCTL_CPPC_SET_ENERGY_PERF: u32 = 8;
/// Flag of [`XenSetCppcPara`]: sets the activity window.
pub const XEN_SYSCTL_CPPC_SET_ACT_WINDOW: u32 = 16;
/// Flag of [`XenSetCppcPara`]: sets the desired performance.
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
/// Frequency parameter: load at which the frequency rises.
pub const UP_THRESHOLD: u32 = 5;
/// Kind of power operation: frequency.
pub const CPUFREQ_PARA: u32 = 0x10;
/// Mask of the kind of power operation.
pub const PM_PARA_CATEGORY_MASK: u32 = 0xf0;
/// Operation of [`XenSysctlPmOp`]: gets frequency parameters.
pub const GET_CPUFREQ_PARA: u32 = 0x11;
/// Operation of [`XenSysctlPmOp`]: sets the governor.
pub const SET_CPUFREQ_GOV: u32 = 0x12;
/// Operation of [`XenSysctlPmOp`]: sets a parameter.
pub const SET_CPUFREQ_PARA: u32 = 0x13;
/// Operation of [`XenSysctlPmOp`]: gets the mean frequency.
pub const GET_CPUFREQ_AVGFREQ: u32 = 0x14;
/// Operation of [`XenSysctlPmOp`]: sets performance parameters (Xen 4.18).
pub const SET_CPUFREQ_CPPC: u32 = 21;
/// Operation of [`XenSysctlPmOp`]: sets the scheduling policy for sibling threads.
#[doc(alias = "XEN_SYSCTL_pm_op_set_sched_opt_smt")]
pub const XEN_SYSCTL_PM_OP_SET_SCHED_OPT_SMT: u32 = 0x21;
/// Operation of [`XenSysctlPmOp`]: gets the deepest idle state.
#[doc(alias = "XEN_SYSCTL_pm_op_get_max_cstate")]
pub const XEN_SYSCTL_PM_OP_GET_MAX_CSTATE: u32 = 0x22;
/// Operation of [`XenSysctlPmOp`]: sets the deepest idle state.
#[doc(alias = "XEN_SYSCTL_pm_op_set_max_cstate")]
pub const XEN_SYSCTL_PM_OP_SET_MAX_CSTATE: u32 = 0x23;
/// Operation of [`XenSysctlPmOp`]: gets the migration delay; obsolete.
#[doc(alias = "XEN_SYSCTL_pm_op_get_vcpu_migration_delay")]
pub const XEN_SYSCTL_PM_OP_GET_VCPU_MIGRATION_DELAY: u32 = 0x25;
/// Operation of [`XenSysctlPmOp`]: sets the migration delay; obsolete.
#[doc(alias = "XEN_SYSCTL_pm_op_set_vcpu_migration_delay")]
pub const XEN_SYSCTL_PM_OP_SET_VCPU_MIGRATION_DELAY: u32 = 0x24;
/// Operation of [`XenSysctlPmOp`]: enables turbo.
#[doc(alias = "XEN_SYSCTL_pm_op_enable_turbo")]
pub const XEN_SYSCTL_PM_OP_ENABLE_TURBO: u32 = 0x26;
/// Operation of [`XenSysctlPmOp`]: disables turbo.
#[doc(alias = "XEN_SYSCTL_pm_op_disable_turbo")]
pub const XEN_SYSCTL_PM_OP_DISABLE_TURBO: u32 = 0x27;
/// Idle state limit: none.
pub const XEN_SYSCTL_CX_UNLIMITED: u32 = 0xffffffff;
/// Operation of [`XenSysctlPsrCmtOp`](super::XenSysctlPsrCmtOp): gets the scale factor of the
/// counts.
#[doc(alias = "XEN_SYSCTL_PSR_CMT_get_l3_upscaling_factor")]
pub const XEN_SYSCTL_PSR_CMT_GET_L3_UPSCALING_FACTOR: u32 = 1;

/// Bytes of a governor's name.
pub const CPUFREQ_NAME_LEN: usize = 16;

/// Usage of a performance state.
#[doc(alias = "pm_px_val")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct PmPxVal {
    /// Frequency.
    pub freq: u64,
    /// Residency in nanoseconds.
    pub residency: u64,
    /// Number of entries into the state.
    pub count: u64,
}
const _: () = assert!(size_of::<PmPxVal>() == 24);

/// Statistics of performance states.
#[doc(alias = "pm_px_stat")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct PmPxStat {
    /// Number of states.
    pub total: u8,
    /// Number of usable states.
    pub usable: u8,
    /// Last state.
    pub last: u8,
    /// Current state.
    pub cur: u8,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// Array of `u64`: transitions from state to state.
    pub trans_pt: GuestHandle,
    /// Array of [`PmPxVal`].
    pub pt: GuestHandle,
}
const _: () = assert!(size_of::<PmPxStat>() == 24);

/// Statistics of idle states.
#[doc(alias = "pm_cx_stat")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct PmCxStat {
    /// Number of states.
    pub nr: u32,
    /// Last state.
    pub last: u32,
    /// Idle time in nanoseconds.
    pub idle_time: u64,
    /// Array of `u64`: number of entries into each state.
    pub triggers: GuestHandle,
    /// Array of `u64`: residencies in nanoseconds.
    pub residencies: GuestHandle,
    /// Number of counters of the package.
    pub nr_pc: u32,
    /// Number of counters of the core.
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

/// Parameters of the userspace governor.
#[doc(alias = "xen_userspace")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenUserspace {
    /// Frequency to set.
    pub scaling_setspeed: u32,
}
const _: () = assert!(size_of::<XenUserspace>() == 4);

/// Parameters of the ondemand governor.
#[doc(alias = "xen_ondemand")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenOndemand {
    /// Maximum sampling rate.
    pub sampling_rate_max: u32,
    /// Minimum sampling rate.
    pub sampling_rate_min: u32,
    /// Sampling rate.
    pub sampling_rate: u32,
    /// Load at which the frequency rises.
    pub up_threshold: u32,
}
const _: () = assert!(size_of::<XenOndemand>() == 16);

/// Collaborative performance parameters (Xen 4.18).
#[doc(alias = "xen_cppc_para")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenCppcPara {
    /// `XEN_SYSCTL_CPPC_FEAT_*`.
    pub features: u32,
    /// Lowest performance.
    pub lowest: u32,
    /// Lowest efficient performance.
    pub lowest_nonlinear: u32,
    /// Guaranteed performance.
    pub nominal: u32,
    /// Highest performance.
    pub highest: u32,
    /// Minimum performance.
    pub minimum: u32,
    /// Maximum performance.
    pub maximum: u32,
    /// Desired performance; zero for the hardware's choice.
    pub desired: u32,
    /// Energy performance preference.
    pub energy_perf: u32,
    /// Activity window: time over which the hardware measures load.
    pub activity_window: u32,
}
const _: () = assert!(size_of::<XenCppcPara>() == 40);

/// Collaborative performance parameters to set (Xen 4.18).
#[doc(alias = "xen_set_cppc_para")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSetCppcPara {
    /// `XEN_SYSCTL_CPPC_SET_*`.
    pub set_params: u32,
    /// Minimum performance.
    pub minimum: u32,
    /// Maximum performance.
    pub maximum: u32,
    /// Desired performance; zero for the hardware's choice.
    pub desired: u32,
    /// Energy performance preference.
    pub energy_perf: u32,
    /// Activity window: time over which the hardware measures load.
    pub activity_window: u32,
}
const _: () = assert!(size_of::<XenSetCppcPara>() == 24);

/// Frequency parameters.
#[doc(alias = "xen_get_cpufreq_para")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenGetCpufreqPara {
    /// In: capacity. Out: number of CPUs.
    pub cpu_num: u32,
    /// In: capacity. Out: number of frequencies.
    pub freq_num: u32,
    /// In: capacity. Out: number of governors.
    pub gov_num: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// Array of `u32`.
    pub affected_cpus: GuestHandle,
    /// Array of `u32`.
    pub scaling_available_frequencies: GuestHandle,
    /// Concatenated names of the governors.
    pub scaling_available_governors: GuestHandle,
    /// The driver.
    pub scaling_driver: [u8; 16],
    /// Current frequency.
    pub cpuinfo_cur_freq: u32,
    /// Highest frequency.
    pub cpuinfo_max_freq: u32,
    /// Lowest frequency.
    pub cpuinfo_min_freq: u32,
    /// Current frequency, governor, limits and the governor's parameters; or [`XenCppcPara`].
    pub u: [u32; 11],
    /// Turbo mode: non-zero if enabled.
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
    /// Name.
    pub scaling_governor: [u8; 16],
}
const _: () = assert!(size_of::<XenSetCpufreqGov>() == 16);

/// A parameter.
#[doc(alias = "xen_set_cpufreq_para")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSetCpufreqPara {
    /// Frequency parameter.
    pub ctrl_type: u32,
    /// Value.
    pub ctrl_value: u32,
}
const _: () = assert!(size_of::<XenSetCpufreqPara>() == 8);

/// Control of power and frequency.
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
