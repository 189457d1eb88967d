//! Observation of a domain: VM events, monitors, cache allocation, traces, debuggers.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::Port;

/// Operation of [`XenDomctlDebugOp`]: off.
pub const XEN_DOMCTL_DEBUG_OP_SINGLE_STEP_OFF: u32 = 0;
/// Operation of [`XenDomctlDebugOp`]: on.
pub const XEN_DOMCTL_DEBUG_OP_SINGLE_STEP_ON: u32 = 1;
/// Operation of [`XenDomctlVmEventOp`]: opens a ring.
pub const XEN_VM_EVENT_ENABLE: u32 = 0;
/// Operation of [`XenDomctlVmEventOp`]: closes a ring.
pub const XEN_VM_EVENT_DISABLE: u32 = 1;
/// Operation of [`XenDomctlVmEventOp`]: processes the responses in a ring.
pub const XEN_VM_EVENT_RESUME: u32 = 2;
/// Operation of [`XenDomctlVmEventOp`]: gets the interface version.
pub const XEN_VM_EVENT_GET_VERSION: u32 = 3;
/// Ring: paging.
pub const XEN_DOMCTL_VM_EVENT_OP_PAGING: u32 = 1;
/// Ring: monitor.
pub const XEN_DOMCTL_VM_EVENT_OP_MONITOR: u32 = 2;
/// Ring: sharing.
pub const XEN_DOMCTL_VM_EVENT_OP_SHARING: u32 = 3;
/// Operation of [`XenDomctlPsrCmtOp`]: ends monitoring.
pub const XEN_DOMCTL_PSR_CMT_OP_DETACH: u32 = 0;
/// Operation of [`XenDomctlPsrCmtOp`]: starts monitoring.
pub const XEN_DOMCTL_PSR_CMT_OP_ATTACH: u32 = 1;
/// Operation of [`XenDomctlPsrCmtOp`]: gets the identifier.
pub const XEN_DOMCTL_PSR_CMT_OP_QUERY_RMID: u32 = 2;
/// Operation of [`XenDomctlPsrAlloc`]: sets the level 3 cache.
pub const XEN_DOMCTL_PSR_SET_L3_CBM: u32 = 0;
/// Operation of [`XenDomctlPsrAlloc`]: sets the level 3 cache for code.
pub const XEN_DOMCTL_PSR_SET_L3_CODE: u32 = 2;
/// Operation of [`XenDomctlPsrAlloc`]: sets the level 3 cache for data.
pub const XEN_DOMCTL_PSR_SET_L3_DATA: u32 = 3;
/// Operation of [`XenDomctlPsrAlloc`]: sets the level 2 cache.
pub const XEN_DOMCTL_PSR_SET_L2_CBM: u32 = 6;
/// Operation of [`XenDomctlPsrAlloc`]: sets the throttling of memory.
pub const XEN_DOMCTL_PSR_SET_MBA_THRTL: u32 = 8;
/// Operation of [`XenDomctlPsrAlloc`]: gets the level 3 cache.
pub const XEN_DOMCTL_PSR_GET_L3_CBM: u32 = 1;
/// Operation of [`XenDomctlPsrAlloc`]: gets the level 3 cache for code.
pub const XEN_DOMCTL_PSR_GET_L3_CODE: u32 = 4;
/// Operation of [`XenDomctlPsrAlloc`]: gets the level 3 cache for data.
pub const XEN_DOMCTL_PSR_GET_L3_DATA: u32 = 5;
/// Operation of [`XenDomctlPsrAlloc`]: gets the level 2 cache.
pub const XEN_DOMCTL_PSR_GET_L2_CBM: u32 = 7;
/// Operation of [`XenDomctlPsrAlloc`]: gets the throttling of memory.
pub const XEN_DOMCTL_PSR_GET_MBA_THRTL: u32 = 9;
/// Operation of [`XenDomctlMonitorOp`]: on.
pub const XEN_DOMCTL_MONITOR_OP_ENABLE: u32 = 0;
/// Operation of [`XenDomctlMonitorOp`]: off.
pub const XEN_DOMCTL_MONITOR_OP_DISABLE: u32 = 1;
/// Operation of [`XenDomctlMonitorOp`]: gets the supported events.
pub const XEN_DOMCTL_MONITOR_OP_GET_CAPABILITIES: u32 = 2;
/// Operation of [`XenDomctlMonitorOp`]: emulates each iteration of a repeated instruction.
pub const XEN_DOMCTL_MONITOR_OP_EMULATE_EACH_REP: u32 = 3;
/// Operation of [`XenDomctlMonitorOp`]: allows responses to set registers.
pub const XEN_DOMCTL_MONITOR_OP_CONTROL_REGISTERS: u32 = 4;
/// Event for a monitor: write of a control register.
pub const XEN_DOMCTL_MONITOR_EVENT_WRITE_CTRLREG: u32 = 0;
/// Event for a monitor: write of a model-specific register.
pub const XEN_DOMCTL_MONITOR_EVENT_MOV_TO_MSR: u32 = 1;
/// Event for a monitor: a single step.
pub const XEN_DOMCTL_MONITOR_EVENT_SINGLESTEP: u32 = 2;
/// Event for a monitor: a breakpoint.
pub const XEN_DOMCTL_MONITOR_EVENT_SOFTWARE_BREAKPOINT: u32 = 3;
/// Event for a monitor: request of the guest.
pub const XEN_DOMCTL_MONITOR_EVENT_GUEST_REQUEST: u32 = 4;
/// Event for a monitor: a debug exception.
pub const XEN_DOMCTL_MONITOR_EVENT_DEBUG_EXCEPTION: u32 = 5;
/// Event for a monitor: the CPUID instruction.
pub const XEN_DOMCTL_MONITOR_EVENT_CPUID: u32 = 6;
/// Event for a monitor: a privileged call.
pub const XEN_DOMCTL_MONITOR_EVENT_PRIVILEGED_CALL: u32 = 7;
/// Event for a monitor: an interrupt.
pub const XEN_DOMCTL_MONITOR_EVENT_INTERRUPT: u32 = 8;
/// Event for a monitor: access to a descriptor table register.
pub const XEN_DOMCTL_MONITOR_EVENT_DESC_ACCESS: u32 = 9;
/// Event for a monitor: instruction that Xen cannot emulate.
pub const XEN_DOMCTL_MONITOR_EVENT_EMUL_UNIMPLEMENTED: u32 = 10;
/// Event for a monitor: page faults of guest page tables. Enabled by default.
pub const XEN_DOMCTL_MONITOR_EVENT_INGUEST_PAGEFAULT: u32 = 11;
/// Event for a monitor: VM exit.
pub const XEN_DOMCTL_MONITOR_EVENT_VMEXIT: u32 = 12;
/// Event for a monitor: an I/O instruction.
pub const XEN_DOMCTL_MONITOR_EVENT_IO: u32 = 13;
/// Operation of [`XenDomctlVmtraceOp`]: on.
#[doc(alias = "XEN_DOMCTL_vmtrace_enable")]
pub const XEN_DOMCTL_VMTRACE_ENABLE: u32 = 1;
/// Operation of [`XenDomctlVmtraceOp`]: off.
#[doc(alias = "XEN_DOMCTL_vmtrace_disable")]
pub const XEN_DOMCTL_VMTRACE_DISABLE: u32 = 2;
/// Operation of [`XenDomctlVmtraceOp`]: resets the position and switches on.
#[doc(alias = "XEN_DOMCTL_vmtrace_reset_and_enable")]
pub const XEN_DOMCTL_VMTRACE_RESET_AND_ENABLE: u32 = 3;
/// Operation of [`XenDomctlVmtraceOp`]: gets the position.
#[doc(alias = "XEN_DOMCTL_vmtrace_output_position")]
pub const XEN_DOMCTL_VMTRACE_OUTPUT_POSITION: u32 = 4;
/// Operation of [`XenDomctlVmtraceOp`]: gets an option.
#[doc(alias = "XEN_DOMCTL_vmtrace_get_option")]
pub const XEN_DOMCTL_VMTRACE_GET_OPTION: u32 = 5;
/// Operation of [`XenDomctlVmtraceOp`]: sets an option.
#[doc(alias = "XEN_DOMCTL_vmtrace_set_option")]
pub const XEN_DOMCTL_VMTRACE_SET_OPTION: u32 = 6;

/// Subscription to the suspension of a domain.
#[doc(alias = "xen_domctl_subscribe")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlSubscribe {
    /// Port that Xen notifies.
    pub port: Port,
}
const _: () = assert!(size_of::<XenDomctlSubscribe>() == 4);

/// Single-stepping of a vCPU.
#[doc(alias = "xen_domctl_debug_op")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlDebugOp {
    /// `XEN_DOMCTL_DEBUG_OP_*`.
    pub op: u32,
    /// The vCPU.
    pub vcpu: u32,
}
const _: () = assert!(size_of::<XenDomctlDebugOp>() == 8);

/// Control of a ring of VM events.
#[doc(alias = "xen_domctl_vm_event_op")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlVmEventOp {
    /// `XEN_VM_EVENT_*`.
    pub op: u32,
    /// `XEN_DOMCTL_VM_EVENT_OP_*`.
    pub mode: u32,
    /// Out: the port, or the version.
    pub u: u32,
}
const _: () = assert!(size_of::<XenDomctlVmEventOp>() == 12);

/// Listener requirement of memory access events.
#[doc(alias = "xen_domctl_set_access_required")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlSetAccessRequired {
    /// Listener required: 0 restores full access if there is no listener.
    pub access_required: u8,
}
const _: () = assert!(size_of::<XenDomctlSetAccessRequired>() == 1);

/// Cache monitoring.
#[doc(alias = "xen_domctl_psr_cmt_op")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlPsrCmtOp {
    /// `XEN_DOMCTL_PSR_CMT_OP_*`.
    pub cmd: u32,
    /// Out: the identifier.
    pub data: u32,
}
const _: () = assert!(size_of::<XenDomctlPsrCmtOp>() == 8);

/// Allocation of cache or memory bandwidth.
#[doc(alias = "xen_domctl_psr_alloc")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlPsrAlloc {
    /// `XEN_DOMCTL_PSR_*`.
    pub cmd: u32,
    /// The socket.
    pub target: u32,
    /// In or out: the mask, or the throttling value.
    pub data: u64,
}
const _: () = assert!(size_of::<XenDomctlPsrAlloc>() == 16);

/// Selection of the events that a monitor receives.
#[doc(alias = "xen_domctl_monitor_op")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlMonitorOp {
    /// `XEN_DOMCTL_MONITOR_OP_*`.
    pub op: u32,
    /// In: `XEN_DOMCTL_MONITOR_EVENT_*`. Out: bitmap of the supported events.
    pub event: u32,
    /// Options, by event.
    pub u: [u64; 2],
}
const _: () = assert!(size_of::<XenDomctlMonitorOp>() == 24);

/// Control of the processor trace.
#[doc(alias = "xen_domctl_vmtrace_op")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlVmtraceOp {
    /// `XEN_DOMCTL_VMTRACE_*`.
    pub cmd: u32,
    /// The vCPU.
    pub vcpu: u32,
    /// The option.
    pub key: u64,
    /// In or out: value of the option, or the position.
    pub value: u64,
}
const _: () = assert!(size_of::<XenDomctlVmtraceOp>() == 24);

/// A debugger's access to memory.
#[doc(alias = "xen_domctl_gdbsx_memio")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlGdbsxMemio {
    /// Root of the page tables; zero for the vCPU's.
    pub pgd3val: u64,
    /// The guest's virtual address.
    pub gva: u64,
    /// Virtual address of the debugger's buffer.
    pub uva: u64,
    /// Length in bytes.
    pub len: u32,
    /// Direction: 0 reads from the guest, 1 writes to it.
    pub gwr: u8,
    /// Padding; zero.
    pub _pad0: [u8; 3],
    /// Out: number of bytes left.
    pub remain: u32,
    /// Padding; zero.
    pub _pad1: [u8; 4],
}
const _: () = assert!(size_of::<XenDomctlGdbsxMemio>() == 40);

/// vCPU to pause or unpause for a debugger.
#[doc(alias = "xen_domctl_gdbsx_pauseunp_vcpu")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlGdbsxPauseunpVcpu {
    /// The vCPU.
    pub vcpu: u32,
}
const _: () = assert!(size_of::<XenDomctlGdbsxPauseunpVcpu>() == 4);

/// State of a domain for a debugger.
#[doc(alias = "xen_domctl_gdbsx_domstatus")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlGdbsxDomstatus {
    /// Out: non-zero if the domain is paused.
    pub paused: u8,
    /// Padding; zero.
    pub _pad0: [u8; 3],
    /// Out: the vCPU with an event.
    pub vcpu_id: u32,
    /// Out: the event.
    pub vcpu_ev: u32,
}
const _: () = assert!(size_of::<XenDomctlGdbsxDomstatus>() == 12);
