//! Schedulers and CPU pools.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::GuestHandle;
use crate::xen::XenctlBitmap;

/// Operation of [`XenSysctlCpupoolOp`]: creates.
pub const XEN_SYSCTL_CPUPOOL_OP_CREATE: u32 = 1;
/// Operation of [`XenSysctlCpupoolOp`]: destroys.
pub const XEN_SYSCTL_CPUPOOL_OP_DESTROY: u32 = 2;
/// Operation of [`XenSysctlCpupoolOp`]: gets information.
pub const XEN_SYSCTL_CPUPOOL_OP_INFO: u32 = 3;
/// Operation of [`XenSysctlCpupoolOp`]: adds a CPU.
pub const XEN_SYSCTL_CPUPOOL_OP_ADDCPU: u32 = 4;
/// Operation of [`XenSysctlCpupoolOp`]: removes a CPU.
pub const XEN_SYSCTL_CPUPOOL_OP_RMCPU: u32 = 5;
/// Operation of [`XenSysctlCpupoolOp`]: moves a domain.
pub const XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN: u32 = 6;
/// Operation of [`XenSysctlCpupoolOp`]: gets the free CPUs.
pub const XEN_SYSCTL_CPUPOOL_OP_FREEINFO: u32 = 7;
/// Any pool, or any CPU.
pub const XEN_SYSCTL_CPUPOOL_PAR_ANY: u32 = 0xffffffff;
/// Maximum time slice in milliseconds.
pub const XEN_SYSCTL_CSCHED_TSLICE_MAX: u32 = 1000;
/// Minimum time slice in milliseconds.
pub const XEN_SYSCTL_CSCHED_TSLICE_MIN: u32 = 1;
/// Maximum migration delay in microseconds.
pub const XEN_SYSCTL_CSCHED_MGR_DLY_MAX_US: u32 = 100000;
/// Maximum rate limit in microseconds.
pub const XEN_SYSCTL_SCHED_RATELIMIT_MAX: u32 = 500000;
/// Minimum rate limit in microseconds.
pub const XEN_SYSCTL_SCHED_RATELIMIT_MIN: u32 = 100;
/// Operation of [`XenSysctlSchedulerOp`]: sets parameters.
#[doc(alias = "XEN_SYSCTL_SCHEDOP_putinfo")]
pub const XEN_SYSCTL_SCHEDOP_PUTINFO: u32 = 0;
/// Operation of [`XenSysctlSchedulerOp`]: gets parameters.
#[doc(alias = "XEN_SYSCTL_SCHEDOP_getinfo")]
pub const XEN_SYSCTL_SCHEDOP_GETINFO: u32 = 1;
/// Number of entries of an ARINC 653 schedule.
pub const ARINC653_MAX_DOMAINS_PER_SCHEDULE: usize = 64;

/// A scheduler.
#[doc(alias = "xen_sysctl_sched_id")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlSchedId {
    /// The scheduler: `XEN_SCHEDULER_*`.
    pub sched_id: u32,
}
const _: () = assert!(size_of::<XenSysctlSchedId>() == 4);

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
    /// Out: number of domains in the pool.
    pub n_dom: u32,
    /// Out: CPUs.
    pub cpumap: XenctlBitmap,
}
const _: () = assert!(size_of::<XenSysctlCpupoolOp>() == 40);

/// ARINC 653 schedule.
#[doc(alias = "xen_sysctl_arinc653_schedule")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlArinc653Schedule {
    /// Length of the whole schedule in nanoseconds.
    pub major_frame: u64,
    /// Number of entries used.
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
    /// Rate limit: minimum run time before preemption, in microseconds.
    pub ratelimit_us: u32,
    /// Migration delay in microseconds.
    pub vcpu_migr_delay_us: u32,
}
const _: () = assert!(size_of::<XenSysctlCreditSchedule>() == 12);

/// Parameters of the credit 2 scheduler.
#[doc(alias = "xen_sysctl_credit2_schedule")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlCredit2Schedule {
    /// Rate limit: minimum run time before preemption, in microseconds.
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
