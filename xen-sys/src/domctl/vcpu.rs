//! vCPUs of a domain, CPU affinity and scheduling.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::GuestHandle;
use crate::xen::XenctlBitmap;

/// Value of a vCPU number: none.
pub const XEN_INVALID_MAX_VCPU_ID: u32 = 4294967295;
/// Flag of [`XenDomctlVcpuaffinity`]: hard affinity.
pub const XEN_VCPUAFFINITY_HARD: u32 = 1 << 0;
/// Flag of [`XenDomctlVcpuaffinity`]: soft affinity.
pub const XEN_VCPUAFFINITY_SOFT: u32 = 1 << 1;
/// Flag of [`XenDomctlVcpuaffinity`]: undoes [`crate::sched::SCHEDOP_PIN_OVERRIDE`].
pub const XEN_VCPUAFFINITY_FORCE: u32 = 1 << 2;
/// Scheduler: credit.
pub const XEN_SCHEDULER_CREDIT: u32 = 5;
/// Scheduler: credit 2.
pub const XEN_SCHEDULER_CREDIT2: u32 = 6;
/// Scheduler: ARINC 653.
pub const XEN_SCHEDULER_ARINC653: u32 = 7;
/// Scheduler: real time.
pub const XEN_SCHEDULER_RTDS: u32 = 8;
/// Scheduler: one vCPU per CPU.
pub const XEN_SCHEDULER_NULL: u32 = 9;
/// Flag of [`XenDomctlSchedRtds`]: may use unreserved time.
#[doc(alias = "XEN_DOMCTL_SCHEDRT_extra")]
pub const XEN_DOMCTL_SCHEDRT_EXTRA: u32 = 1 << 0;
/// Operation of [`XenDomctlSchedulerOp`]: sets a domain's parameters.
#[doc(alias = "XEN_DOMCTL_SCHEDOP_putinfo")]
pub const XEN_DOMCTL_SCHEDOP_PUTINFO: u32 = 0;
/// Operation of [`XenDomctlSchedulerOp`]: gets a domain's parameters.
#[doc(alias = "XEN_DOMCTL_SCHEDOP_getinfo")]
pub const XEN_DOMCTL_SCHEDOP_GETINFO: u32 = 1;
/// Operation of [`XenDomctlSchedulerOp`]: sets vCPUs' parameters.
#[doc(alias = "XEN_DOMCTL_SCHEDOP_putvcpuinfo")]
pub const XEN_DOMCTL_SCHEDOP_PUTVCPUINFO: u32 = 2;
/// Operation of [`XenDomctlSchedulerOp`]: gets vCPUs' parameters.
#[doc(alias = "XEN_DOMCTL_SCHEDOP_getvcpuinfo")]
pub const XEN_DOMCTL_SCHEDOP_GETVCPUINFO: u32 = 3;
/// Trigger: non-maskable interrupt.
pub const XEN_DOMCTL_SENDTRIGGER_NMI: u32 = 0;
/// Trigger: reset.
pub const XEN_DOMCTL_SENDTRIGGER_RESET: u32 = 1;
/// Trigger: INIT.
pub const XEN_DOMCTL_SENDTRIGGER_INIT: u32 = 2;
/// Trigger: power button.
pub const XEN_DOMCTL_SENDTRIGGER_POWER: u32 = 3;
/// Trigger: sleep button.
pub const XEN_DOMCTL_SENDTRIGGER_SLEEP: u32 = 4;
/// Value for an input register that is not used.
pub const XEN_CPUID_INPUT_UNUSED: u32 = 0xffffffff;

/// State of a vCPU.
#[doc(alias = "xen_domctl_vcpucontext")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlVcpucontext {
    /// The vCPU.
    pub vcpu: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// The state: for PV guests [`crate::arch_x86::xen::VcpuGuestContext`].
    pub ctxt: GuestHandle,
}
const _: () = assert!(size_of::<XenDomctlVcpucontext>() == 16);

/// Information on a vCPU.
#[doc(alias = "xen_domctl_getvcpuinfo")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlGetvcpuinfo {
    /// The vCPU.
    pub vcpu: u32,
    /// Out: non-zero if online.
    pub online: u8,
    /// Out: non-zero if blocked.
    pub blocked: u8,
    /// Out: non-zero if running.
    pub running: u8,
    /// Padding; zero.
    pub _pad0: [u8; 1],
    /// Out: CPU time in nanoseconds.
    pub cpu_time: u64,
    /// Out: the physical CPU.
    pub cpu: u32,
    /// Padding; zero.
    pub _pad1: [u8; 4],
}
const _: () = assert!(size_of::<XenDomctlGetvcpuinfo>() == 24);

/// NUMA affinity of a domain.
#[doc(alias = "xen_domctl_nodeaffinity")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlNodeaffinity {
    /// The nodes.
    pub nodemap: XenctlBitmap,
}
const _: () = assert!(size_of::<XenDomctlNodeaffinity>() == 16);

/// CPU affinity of a vCPU.
#[doc(alias = "xen_domctl_vcpuaffinity")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlVcpuaffinity {
    /// The vCPU.
    pub vcpu: u32,
    /// `XEN_VCPUAFFINITY_*`.
    pub flags: u32,
    /// Hard affinity: CPUs on which the vCPU may run.
    pub cpumap_hard: XenctlBitmap,
    /// Soft affinity: CPUs on which the vCPU preferably runs.
    pub cpumap_soft: XenctlBitmap,
}
const _: () = assert!(size_of::<XenDomctlVcpuaffinity>() == 40);

/// Maximum number of vCPUs.
#[doc(alias = "xen_domctl_max_vcpus")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlMaxVcpus {
    /// The number.
    pub max: u32,
}
const _: () = assert!(size_of::<XenDomctlMaxVcpus>() == 4);

/// Parameters of the credit scheduler.
#[doc(alias = "xen_domctl_sched_credit")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlSchedCredit {
    /// Share of CPU time.
    pub weight: u16,
    /// Limit of CPU time in percent; zero for none.
    pub cap: u16,
}
const _: () = assert!(size_of::<XenDomctlSchedCredit>() == 4);

/// Parameters of the credit 2 scheduler.
#[doc(alias = "xen_domctl_sched_credit2")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlSchedCredit2 {
    /// Share of CPU time.
    pub weight: u16,
    /// Limit of CPU time in percent; zero for none.
    pub cap: u16,
}
const _: () = assert!(size_of::<XenDomctlSchedCredit2>() == 4);

/// Parameters of the real time scheduler.
#[doc(alias = "xen_domctl_sched_rtds")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlSchedRtds {
    /// Period in microseconds.
    pub period: u32,
    /// Time per period in microseconds.
    pub budget: u32,
    /// [`XEN_DOMCTL_SCHEDRT_EXTRA`] or zero.
    pub flags: u32,
}
const _: () = assert!(size_of::<XenDomctlSchedRtds>() == 12);

/// Parameters of a vCPU.
#[doc(alias = "xen_domctl_schedparam_vcpu")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlSchedparamVcpu {
    /// Parameters, by scheduler.
    pub u: [u32; 3],
    /// The vCPU.
    pub vcpuid: u32,
}
const _: () = assert!(size_of::<XenDomctlSchedparamVcpu>() == 16);

/// Scheduling parameters.
#[doc(alias = "xen_domctl_scheduler_op")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlSchedulerOp {
    /// The scheduler: `XEN_SCHEDULER_*`.
    pub sched_id: u32,
    /// `XEN_DOMCTL_SCHEDOP_*`.
    pub cmd: u32,
    /// Parameters, by scheduler; or an array of [`XenDomctlSchedparamVcpu`] and its length.
    pub u: [u64; 2],
}
const _: () = assert!(size_of::<XenDomctlSchedulerOp>() == 24);

/// State of the time stamp counter.
#[doc(alias = "xen_domctl_tsc_info")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlTscInfo {
    /// Mode: `XEN_CPUID_TSC_MODE_*`.
    pub tsc_mode: u32,
    /// Rate in kHz.
    pub gtsc_khz: u32,
    /// Number of times the guest was restored or migrated.
    pub incarnation: u32,
    /// Reserved; zero.
    pub pad: u32,
    /// Elapsed time in nanoseconds.
    pub elapsed_nsec: u64,
}
const _: () = assert!(size_of::<XenDomctlTscInfo>() == 24);

/// State of an HVM guest.
#[doc(alias = "xen_domctl_hvmcontext")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlHvmcontext {
    /// Size of the buffer in bytes.
    pub size: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// Records; see [`crate::hvm::save`].
    pub buffer: GuestHandle,
}
const _: () = assert!(size_of::<XenDomctlHvmcontext>() == 16);

/// One record of the state of an HVM guest.
#[doc(alias = "xen_domctl_hvmcontext_partial")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlHvmcontextPartial {
    /// Type of the record.
    #[doc(alias = "type")]
    pub type_: u32,
    /// Instance of that type.
    pub instance: u32,
    /// Size of the buffer in bytes.
    pub bufsz: u64,
    /// Out: the record.
    pub buffer: GuestHandle,
}
const _: () = assert!(size_of::<XenDomctlHvmcontextPartial>() == 24);

/// Word size of a PV guest.
#[doc(alias = "xen_domctl_address_size")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlAddressSize {
    /// Width in bits.
    pub size: u32,
}
const _: () = assert!(size_of::<XenDomctlAddressSize>() == 4);

/// Trigger for a domain.
#[doc(alias = "xen_domctl_sendtrigger")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlSendtrigger {
    /// `XEN_DOMCTL_SENDTRIGGER_*`.
    pub trigger: u32,
    /// The vCPU.
    pub vcpu: u32,
}
const _: () = assert!(size_of::<XenDomctlSendtrigger>() == 8);

by_architecture! { XenDomctlExtVcpucontext }

/// A CPU policy.
#[doc(alias = "xen_domctl_cpu_policy")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlCpuPolicy {
    /// Number of leaves.
    pub nr_leaves: u32,
    /// Number of registers.
    pub nr_msrs: u32,
    /// Array of [`crate::arch_x86::xen::XenCpuidLeaf`].
    pub leaves: GuestHandle,
    /// Array of [`crate::arch_x86::xen::XenMsrEntry`].
    pub msrs: GuestHandle,
    /// Out: leaf of the error.
    pub err_leaf: u32,
    /// Out: subleaf of the error.
    pub err_subleaf: u32,
    /// Out: register of the error.
    pub err_msr: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
}
const _: () = assert!(size_of::<XenDomctlCpuPolicy>() == 40);

/// Extended processor state (XSAVE) of a vCPU.
#[doc(alias = "xen_domctl_vcpuextstate")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlVcpuextstate {
    /// The vCPU.
    pub vcpu: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// In or out: mask of the extended features.
    pub xfeature_mask: u64,
    /// Size in bytes.
    pub size: u64,
    /// The state.
    pub buffer: GuestHandle,
}
const _: () = assert!(size_of::<XenDomctlVcpuextstate>() == 32);

/// A model-specific register.
#[doc(alias = "xen_domctl_vcpu_msr")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlVcpuMsr {
    /// The register.
    pub index: u32,
    /// Reserved; zero.
    pub reserved: u32,
    /// Value.
    pub value: u64,
}
const _: () = assert!(size_of::<XenDomctlVcpuMsr>() == 16);

/// Model-specific registers of a vCPU.
#[doc(alias = "xen_domctl_vcpu_msrs")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlVcpuMsrs {
    /// The vCPU.
    pub vcpu: u32,
    /// Number of registers.
    pub msr_count: u32,
    /// Array of [`XenDomctlVcpuMsr`].
    pub msrs: GuestHandle,
}
const _: () = assert!(size_of::<XenDomctlVcpuMsrs>() == 16);
