//! Control of domains, for the toolstack. The interface changes with the version of Xen: this is
//! that of 4.20.
//!
//! Public header: `domctl.h`.
//!
//! Coverage: 227 constants and 62 structures, of Xen 4.17 and 4.20; nothing is left out.

mod device;
mod domain;
mod memory;
mod observe;
mod vcpu;

pub use self::device::*;
pub use self::domain::*;
pub use self::memory::*;
pub use self::observe::*;
pub use self::vcpu::*;

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::DomId;

/// Value of [`XenDomctl::interface_version`]; other versions of Xen refuse it.
pub const XEN_DOMCTL_INTERFACE_VERSION: u32 = 0x17;
/// Creates a domain. See [`XenDomctlCreatedomain`].
#[doc(alias = "XEN_DOMCTL_createdomain")]
pub const XEN_DOMCTL_CREATEDOMAIN: u32 = 1;
/// Destroys a domain. No argument.
#[doc(alias = "XEN_DOMCTL_destroydomain")]
pub const XEN_DOMCTL_DESTROYDOMAIN: u32 = 2;
/// Pauses a domain. No argument.
#[doc(alias = "XEN_DOMCTL_pausedomain")]
pub const XEN_DOMCTL_PAUSEDOMAIN: u32 = 3;
/// Lets a domain run. No argument.
#[doc(alias = "XEN_DOMCTL_unpausedomain")]
pub const XEN_DOMCTL_UNPAUSEDOMAIN: u32 = 4;
/// Asks about a domain. See [`XenDomctlGetdomaininfo`].
#[doc(alias = "XEN_DOMCTL_getdomaininfo")]
pub const XEN_DOMCTL_GETDOMAININFO: u32 = 5;
/// Sets where a vCPU runs. See [`XenDomctlVcpuaffinity`].
#[doc(alias = "XEN_DOMCTL_setvcpuaffinity")]
pub const XEN_DOMCTL_SETVCPUAFFINITY: u32 = 9;
/// Operates the tracking of changed memory. See [`XenDomctlShadowOp`].
#[doc(alias = "XEN_DOMCTL_shadow_op")]
pub const XEN_DOMCTL_SHADOW_OP: u32 = 10;
/// Sets how much memory a domain may have. See [`XenDomctlMaxMem`].
#[doc(alias = "XEN_DOMCTL_max_mem")]
pub const XEN_DOMCTL_MAX_MEM: u32 = 11;
/// Sets a vCPU's state. See [`XenDomctlVcpucontext`].
#[doc(alias = "XEN_DOMCTL_setvcpucontext")]
pub const XEN_DOMCTL_SETVCPUCONTEXT: u32 = 12;
/// Asks for a vCPU's state. See [`XenDomctlVcpucontext`].
#[doc(alias = "XEN_DOMCTL_getvcpucontext")]
pub const XEN_DOMCTL_GETVCPUCONTEXT: u32 = 13;
/// Asks about a vCPU. See [`XenDomctlGetvcpuinfo`].
#[doc(alias = "XEN_DOMCTL_getvcpuinfo")]
pub const XEN_DOMCTL_GETVCPUINFO: u32 = 14;
/// Creates a domain's vCPUs. See [`XenDomctlMaxVcpus`].
#[doc(alias = "XEN_DOMCTL_max_vcpus")]
pub const XEN_DOMCTL_MAX_VCPUS: u32 = 15;
/// Sets or asks for scheduling parameters. See [`XenDomctlSchedulerOp`].
#[doc(alias = "XEN_DOMCTL_scheduler_op")]
pub const XEN_DOMCTL_SCHEDULER_OP: u32 = 16;
/// Sets a domain's UUID. See [`XenDomctlSetdomainhandle`].
#[doc(alias = "XEN_DOMCTL_setdomainhandle")]
pub const XEN_DOMCTL_SETDOMAINHANDLE: u32 = 17;
/// Sets whether a domain is debugged. See [`XenDomctlSetdebugging`].
#[doc(alias = "XEN_DOMCTL_setdebugging")]
pub const XEN_DOMCTL_SETDEBUGGING: u32 = 18;
/// Lets a domain use an interrupt. See [`XenDomctlIrqPermission`].
#[doc(alias = "XEN_DOMCTL_irq_permission")]
pub const XEN_DOMCTL_IRQ_PERMISSION: u32 = 19;
/// Lets a domain map device memory. See [`XenDomctlIomemPermission`].
#[doc(alias = "XEN_DOMCTL_iomem_permission")]
pub const XEN_DOMCTL_IOMEM_PERMISSION: u32 = 20;
/// Lets a domain use I/O ports. See [`XenDomctlIoportPermission`].
#[doc(alias = "XEN_DOMCTL_ioport_permission")]
pub const XEN_DOMCTL_IOPORT_PERMISSION: u32 = 21;
/// Fills a domain's page of hypercall stubs. See [`XenDomctlHypercallInit`].
#[doc(alias = "XEN_DOMCTL_hypercall_init")]
pub const XEN_DOMCTL_HYPERCALL_INIT: u32 = 22;
/// Sets a domain's clock. See [`XenDomctlSettimeoffset`].
#[doc(alias = "XEN_DOMCTL_settimeoffset")]
pub const XEN_DOMCTL_SETTIMEOFFSET: u32 = 24;
/// Asks where a vCPU runs. See [`XenDomctlVcpuaffinity`].
#[doc(alias = "XEN_DOMCTL_getvcpuaffinity")]
pub const XEN_DOMCTL_GETVCPUAFFINITY: u32 = 25;
/// Removed; once set an area for real mode.
#[doc(alias = "XEN_DOMCTL_real_mode_area")]
pub const XEN_DOMCTL_REAL_MODE_AREA: u32 = 26;
/// Lets a suspended domain go on. No argument.
#[doc(alias = "XEN_DOMCTL_resumedomain")]
pub const XEN_DOMCTL_RESUMEDOMAIN: u32 = 27;
/// Presses a button of a domain. See [`XenDomctlSendtrigger`].
#[doc(alias = "XEN_DOMCTL_sendtrigger")]
pub const XEN_DOMCTL_SENDTRIGGER: u32 = 28;
/// Subscribes to suspends of a domain. See [`XenDomctlSubscribe`].
#[doc(alias = "XEN_DOMCTL_subscribe")]
pub const XEN_DOMCTL_SUBSCRIBE: u32 = 29;
/// Asks for the state of an HVM guest. See [`XenDomctlHvmcontext`].
#[doc(alias = "XEN_DOMCTL_gethvmcontext")]
pub const XEN_DOMCTL_GETHVMCONTEXT: u32 = 33;
/// Sets the state of an HVM guest. See [`XenDomctlHvmcontext`].
#[doc(alias = "XEN_DOMCTL_sethvmcontext")]
pub const XEN_DOMCTL_SETHVMCONTEXT: u32 = 34;
/// Sets the word size of a PV guest. See [`XenDomctlAddressSize`].
#[doc(alias = "XEN_DOMCTL_set_address_size")]
pub const XEN_DOMCTL_SET_ADDRESS_SIZE: u32 = 35;
/// Asks for the word size of a PV guest. See [`XenDomctlAddressSize`].
#[doc(alias = "XEN_DOMCTL_get_address_size")]
pub const XEN_DOMCTL_GET_ADDRESS_SIZE: u32 = 36;
/// Gives a device to a domain. See [`XenDomctlAssignDevice`].
#[doc(alias = "XEN_DOMCTL_assign_device")]
pub const XEN_DOMCTL_ASSIGN_DEVICE: u32 = 37;
/// Binds a device's interrupt to a guest's. See [`XenDomctlBindPtIrq`].
#[doc(alias = "XEN_DOMCTL_bind_pt_irq")]
pub const XEN_DOMCTL_BIND_PT_IRQ: u32 = 38;
/// Maps device memory into a guest. See [`XenDomctlMemoryMapping`].
#[doc(alias = "XEN_DOMCTL_memory_mapping")]
pub const XEN_DOMCTL_MEMORY_MAPPING: u32 = 39;
/// Maps I/O ports into a guest. See [`XenDomctlIoportMapping`].
#[doc(alias = "XEN_DOMCTL_ioport_mapping")]
pub const XEN_DOMCTL_IOPORT_MAPPING: u32 = 40;
/// Sets more of a vCPU's state. See [`XenDomctlExtVcpucontext`].
#[doc(alias = "XEN_DOMCTL_set_ext_vcpucontext")]
pub const XEN_DOMCTL_SET_EXT_VCPUCONTEXT: u32 = 42;
/// Asks for more of a vCPU's state. See [`XenDomctlExtVcpucontext`].
#[doc(alias = "XEN_DOMCTL_get_ext_vcpucontext")]
pub const XEN_DOMCTL_GET_EXT_VCPUCONTEXT: u32 = 43;
/// Removed.
#[doc(alias = "XEN_DOMCTL_set_opt_feature")]
pub const XEN_DOMCTL_SET_OPT_FEATURE: u32 = 44;
/// Asks whether a device can be given away. See [`XenDomctlAssignDevice`].
#[doc(alias = "XEN_DOMCTL_test_assign_device")]
pub const XEN_DOMCTL_TEST_ASSIGN_DEVICE: u32 = 45;
/// Lets a domain serve another one. See [`XenDomctlSetTarget`].
#[doc(alias = "XEN_DOMCTL_set_target")]
pub const XEN_DOMCTL_SET_TARGET: u32 = 46;
/// Takes a device back. See [`XenDomctlAssignDevice`].
#[doc(alias = "XEN_DOMCTL_deassign_device")]
pub const XEN_DOMCTL_DEASSIGN_DEVICE: u32 = 47;
/// Ends such a binding of an interrupt. See [`XenDomctlBindPtIrq`].
#[doc(alias = "XEN_DOMCTL_unbind_pt_irq")]
pub const XEN_DOMCTL_UNBIND_PT_IRQ: u32 = 48;
/// Asks which devices belong together. See [`XenDomctlGetDeviceGroup`].
#[doc(alias = "XEN_DOMCTL_get_device_group")]
pub const XEN_DOMCTL_GET_DEVICE_GROUP: u32 = 50;
/// Switches single steps. See [`XenDomctlDebugOp`].
#[doc(alias = "XEN_DOMCTL_debug_op")]
pub const XEN_DOMCTL_DEBUG_OP: u32 = 54;
/// Asks for a part of the state of an HVM guest. See [`XenDomctlHvmcontextPartial`].
#[doc(alias = "XEN_DOMCTL_gethvmcontext_partial")]
pub const XEN_DOMCTL_GETHVMCONTEXT_PARTIAL: u32 = 55;
/// Opens or closes a ring of events. See [`XenDomctlVmEventOp`].
#[doc(alias = "XEN_DOMCTL_vm_event_op")]
pub const XEN_DOMCTL_VM_EVENT_OP: u32 = 56;
/// Switches memory sharing. See [`XenDomctlMemSharingOp`].
#[doc(alias = "XEN_DOMCTL_mem_sharing_op")]
pub const XEN_DOMCTL_MEM_SHARING_OP: u32 = 57;
/// Asks for the time stamp counter. See [`XenDomctlTscInfo`].
#[doc(alias = "XEN_DOMCTL_gettscinfo")]
pub const XEN_DOMCTL_GETTSCINFO: u32 = 59;
/// Sets the time stamp counter. See [`XenDomctlTscInfo`].
#[doc(alias = "XEN_DOMCTL_settscinfo")]
pub const XEN_DOMCTL_SETTSCINFO: u32 = 60;
/// Asks for the types of frames. See [`XenDomctlGetpageframeinfo3`].
#[doc(alias = "XEN_DOMCTL_getpageframeinfo3")]
pub const XEN_DOMCTL_GETPAGEFRAMEINFO3: u32 = 61;
/// Sets a vCPU's extended state. See [`XenDomctlVcpuextstate`].
#[doc(alias = "XEN_DOMCTL_setvcpuextstate")]
pub const XEN_DOMCTL_SETVCPUEXTSTATE: u32 = 62;
/// Asks for a vCPU's extended state. See [`XenDomctlVcpuextstate`].
#[doc(alias = "XEN_DOMCTL_getvcpuextstate")]
pub const XEN_DOMCTL_GETVCPUEXTSTATE: u32 = 63;
/// Sets whether a monitor must be there. See [`XenDomctlSetAccessRequired`].
#[doc(alias = "XEN_DOMCTL_set_access_required")]
pub const XEN_DOMCTL_SET_ACCESS_REQUIRED: u32 = 64;
/// Checks the frame tables. See [`XenDomctlAuditP2m`].
#[doc(alias = "XEN_DOMCTL_audit_p2m")]
pub const XEN_DOMCTL_AUDIT_P2M: u32 = 65;
/// Sends a global virtual interrupt to a domain. See [`XenDomctlSetVirqHandler`].
#[doc(alias = "XEN_DOMCTL_set_virq_handler")]
pub const XEN_DOMCTL_SET_VIRQ_HANDLER: u32 = 66;
/// Marks a broken page. See [`XenDomctlSetBrokenPageP2m`].
#[doc(alias = "XEN_DOMCTL_set_broken_page_p2m")]
pub const XEN_DOMCTL_SET_BROKEN_PAGE_P2M: u32 = 67;
/// Sets a domain's NUMA nodes. See [`XenDomctlNodeaffinity`].
#[doc(alias = "XEN_DOMCTL_setnodeaffinity")]
pub const XEN_DOMCTL_SETNODEAFFINITY: u32 = 68;
/// Asks for a domain's NUMA nodes. See [`XenDomctlNodeaffinity`].
#[doc(alias = "XEN_DOMCTL_getnodeaffinity")]
pub const XEN_DOMCTL_GETNODEAFFINITY: u32 = 69;
/// Writes caches back for a domain's memory. See [`XenDomctlCacheflush`].
#[doc(alias = "XEN_DOMCTL_cacheflush")]
pub const XEN_DOMCTL_CACHEFLUSH: u32 = 71;
/// Asks for a vCPU's registers. See [`XenDomctlVcpuMsrs`].
#[doc(alias = "XEN_DOMCTL_get_vcpu_msrs")]
pub const XEN_DOMCTL_GET_VCPU_MSRS: u32 = 72;
/// Sets a vCPU's registers. See [`XenDomctlVcpuMsrs`].
#[doc(alias = "XEN_DOMCTL_set_vcpu_msrs")]
pub const XEN_DOMCTL_SET_VCPU_MSRS: u32 = 73;
/// Sets the virtual NUMA topology. See [`XenDomctlVnuma`].
#[doc(alias = "XEN_DOMCTL_setvnumainfo")]
pub const XEN_DOMCTL_SETVNUMAINFO: u32 = 74;
/// Monitors a domain's cache. See [`XenDomctlPsrCmtOp`].
#[doc(alias = "XEN_DOMCTL_psr_cmt_op")]
pub const XEN_DOMCTL_PSR_CMT_OP: u32 = 75;
/// Chooses what a monitor is told. See [`XenDomctlMonitorOp`].
#[doc(alias = "XEN_DOMCTL_monitor_op")]
pub const XEN_DOMCTL_MONITOR_OP: u32 = 77;
/// Allots a domain's cache and memory bandwidth. See [`XenDomctlPsrAlloc`].
#[doc(alias = "XEN_DOMCTL_psr_alloc")]
pub const XEN_DOMCTL_PSR_ALLOC: u32 = 78;
/// Resets a domain's hypervisor state. No argument.
#[doc(alias = "XEN_DOMCTL_soft_reset")]
pub const XEN_DOMCTL_SOFT_RESET: u32 = 79;
/// Sets up an emulated serial port (arm). See [`XenDomctlVuartOp`].
#[doc(alias = "XEN_DOMCTL_vuart_op")]
pub const XEN_DOMCTL_VUART_OP: u32 = 81;
/// Asks for a domain's CPU policy. See [`XenDomctlCpuPolicy`].
#[doc(alias = "XEN_DOMCTL_get_cpu_policy")]
pub const XEN_DOMCTL_GET_CPU_POLICY: u32 = 82;
/// Sets a domain's CPU policy. See [`XenDomctlCpuPolicy`].
#[doc(alias = "XEN_DOMCTL_set_cpu_policy")]
pub const XEN_DOMCTL_SET_CPU_POLICY: u32 = 83;
/// Operates the processor trace. See [`XenDomctlVmtraceOp`].
#[doc(alias = "XEN_DOMCTL_vmtrace_op")]
pub const XEN_DOMCTL_VMTRACE_OP: u32 = 84;
/// Asks for the memory for page tables. See [`XenDomctlPagingMempool`].
#[doc(alias = "XEN_DOMCTL_get_paging_mempool_size")]
pub const XEN_DOMCTL_GET_PAGING_MEMPOOL_SIZE: u32 = 85;
/// Sets the memory for page tables. See [`XenDomctlPagingMempool`].
#[doc(alias = "XEN_DOMCTL_set_paging_mempool_size")]
pub const XEN_DOMCTL_SET_PAGING_MEMPOOL_SIZE: u32 = 86;
/// Attaches an overlay of the device tree (arm, Xen 4.20).
#[doc(alias = "XEN_DOMCTL_dt_overlay")]
pub const XEN_DOMCTL_DT_OVERLAY: u32 = 87;
/// Lets a domain use an interrupt line (Xen 4.20). See [`XenDomctlGsiPermission`].
#[doc(alias = "XEN_DOMCTL_gsi_permission")]
pub const XEN_DOMCTL_GSI_PERMISSION: u32 = 88;
/// Sets the colours of a domain's cache (Xen 4.20). See [`XenDomctlSetLlcColors`].
#[doc(alias = "XEN_DOMCTL_set_llc_colors")]
pub const XEN_DOMCTL_SET_LLC_COLORS: u32 = 89;
/// Debugger: accesses memory. See [`XenDomctlGdbsxMemio`].
#[doc(alias = "XEN_DOMCTL_gdbsx_guestmemio")]
pub const XEN_DOMCTL_GDBSX_GUESTMEMIO: u32 = 1000;
/// Debugger: pauses a vCPU. See [`XenDomctlGdbsxPauseunpVcpu`].
#[doc(alias = "XEN_DOMCTL_gdbsx_pausevcpu")]
pub const XEN_DOMCTL_GDBSX_PAUSEVCPU: u32 = 1001;
/// Debugger: lets a vCPU run. See [`XenDomctlGdbsxPauseunpVcpu`].
#[doc(alias = "XEN_DOMCTL_gdbsx_unpausevcpu")]
pub const XEN_DOMCTL_GDBSX_UNPAUSEVCPU: u32 = 1002;
/// Debugger: asks for the state. See [`XenDomctlGdbsxDomstatus`].
#[doc(alias = "XEN_DOMCTL_gdbsx_domstatus")]
pub const XEN_DOMCTL_GDBSX_DOMSTATUS: u32 = 1003;

/// Argument of [`crate::xen::HYPERVISOR_DOMCTL`]: a command and its argument.
#[doc(alias = "xen_domctl")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctl {
    /// `XEN_DOMCTL_*`.
    pub cmd: u32,
    /// [`XEN_DOMCTL_INTERFACE_VERSION`].
    pub interface_version: u32,
    /// The domain.
    pub domain: DomId,
    /// Reserved; zero.
    pub _pad: [u16; 3],
    /// The command's argument, at the start.
    pub u: [u64; 16],
}
const _: () = assert!(size_of::<XenDomctl>() == 144);
