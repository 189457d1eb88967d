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
/// Command: creates a domain. See [`XenDomctlCreatedomain`].
#[doc(alias = "XEN_DOMCTL_createdomain")]
pub const XEN_DOMCTL_CREATEDOMAIN: u32 = 1;
/// Command: destroys a domain. No argument.
#[doc(alias = "XEN_DOMCTL_destroydomain")]
pub const XEN_DOMCTL_DESTROYDOMAIN: u32 = 2;
/// Command: pauses a domain. No argument.
#[doc(alias = "XEN_DOMCTL_pausedomain")]
pub const XEN_DOMCTL_PAUSEDOMAIN: u32 = 3;
/// Command: unpauses a domain. No argument.
#[doc(alias = "XEN_DOMCTL_unpausedomain")]
pub const XEN_DOMCTL_UNPAUSEDOMAIN: u32 = 4;
/// Command: gets information on a domain. See [`XenDomctlGetdomaininfo`].
#[doc(alias = "XEN_DOMCTL_getdomaininfo")]
pub const XEN_DOMCTL_GETDOMAININFO: u32 = 5;
/// Command: sets the CPU affinity of a vCPU. See [`XenDomctlVcpuaffinity`].
#[doc(alias = "XEN_DOMCTL_setvcpuaffinity")]
pub const XEN_DOMCTL_SETVCPUAFFINITY: u32 = 9;
/// Command: controls shadow paging and dirty logging. See [`XenDomctlShadowOp`].
#[doc(alias = "XEN_DOMCTL_shadow_op")]
pub const XEN_DOMCTL_SHADOW_OP: u32 = 10;
/// Command: sets the memory limit of a domain. See [`XenDomctlMaxMem`].
#[doc(alias = "XEN_DOMCTL_max_mem")]
pub const XEN_DOMCTL_MAX_MEM: u32 = 11;
/// Command: sets the state of a vCPU. See [`XenDomctlVcpucontext`].
#[doc(alias = "XEN_DOMCTL_setvcpucontext")]
pub const XEN_DOMCTL_SETVCPUCONTEXT: u32 = 12;
/// Command: gets the state of a vCPU. See [`XenDomctlVcpucontext`].
#[doc(alias = "XEN_DOMCTL_getvcpucontext")]
pub const XEN_DOMCTL_GETVCPUCONTEXT: u32 = 13;
/// Command: gets information on a vCPU. See [`XenDomctlGetvcpuinfo`].
#[doc(alias = "XEN_DOMCTL_getvcpuinfo")]
pub const XEN_DOMCTL_GETVCPUINFO: u32 = 14;
/// Command: sets the maximum number of vCPUs and creates them. See [`XenDomctlMaxVcpus`].
#[doc(alias = "XEN_DOMCTL_max_vcpus")]
pub const XEN_DOMCTL_MAX_VCPUS: u32 = 15;
/// Command: sets or gets scheduling parameters. See [`XenDomctlSchedulerOp`].
#[doc(alias = "XEN_DOMCTL_scheduler_op")]
pub const XEN_DOMCTL_SCHEDULER_OP: u32 = 16;
/// Command: sets a domain's UUID. See [`XenDomctlSetdomainhandle`].
#[doc(alias = "XEN_DOMCTL_setdomainhandle")]
pub const XEN_DOMCTL_SETDOMAINHANDLE: u32 = 17;
/// Command: enables or disables debugging of a domain. See [`XenDomctlSetdebugging`].
#[doc(alias = "XEN_DOMCTL_setdebugging")]
pub const XEN_DOMCTL_SETDEBUGGING: u32 = 18;
/// Command: grants or revokes access to an interrupt. See [`XenDomctlIrqPermission`].
#[doc(alias = "XEN_DOMCTL_irq_permission")]
pub const XEN_DOMCTL_IRQ_PERMISSION: u32 = 19;
/// Command: grants or revokes access to device memory. See [`XenDomctlIomemPermission`].
#[doc(alias = "XEN_DOMCTL_iomem_permission")]
pub const XEN_DOMCTL_IOMEM_PERMISSION: u32 = 20;
/// Command: grants or revokes access to I/O ports. See [`XenDomctlIoportPermission`].
#[doc(alias = "XEN_DOMCTL_ioport_permission")]
pub const XEN_DOMCTL_IOPORT_PERMISSION: u32 = 21;
/// Command: fills a page of a domain with hypercall stubs. See [`XenDomctlHypercallInit`].
#[doc(alias = "XEN_DOMCTL_hypercall_init")]
pub const XEN_DOMCTL_HYPERCALL_INIT: u32 = 22;
/// Command: sets the time offset of a domain's wall clock. See [`XenDomctlSettimeoffset`].
#[doc(alias = "XEN_DOMCTL_settimeoffset")]
pub const XEN_DOMCTL_SETTIMEOFFSET: u32 = 24;
/// Command: gets the CPU affinity of a vCPU. See [`XenDomctlVcpuaffinity`].
#[doc(alias = "XEN_DOMCTL_getvcpuaffinity")]
pub const XEN_DOMCTL_GETVCPUAFFINITY: u32 = 25;
/// Command: removed; once set an area for real mode.
#[doc(alias = "XEN_DOMCTL_real_mode_area")]
pub const XEN_DOMCTL_REAL_MODE_AREA: u32 = 26;
/// Command: resumes a suspended domain. No argument.
#[doc(alias = "XEN_DOMCTL_resumedomain")]
pub const XEN_DOMCTL_RESUMEDOMAIN: u32 = 27;
/// Command: sends a trigger to a domain: reset, power button and others. See
/// [`XenDomctlSendtrigger`].
#[doc(alias = "XEN_DOMCTL_sendtrigger")]
pub const XEN_DOMCTL_SENDTRIGGER: u32 = 28;
/// Command: subscribes a port to the suspension of a domain. See [`XenDomctlSubscribe`].
#[doc(alias = "XEN_DOMCTL_subscribe")]
pub const XEN_DOMCTL_SUBSCRIBE: u32 = 29;
/// Command: gets the state of an HVM guest. See [`XenDomctlHvmcontext`].
#[doc(alias = "XEN_DOMCTL_gethvmcontext")]
pub const XEN_DOMCTL_GETHVMCONTEXT: u32 = 33;
/// Command: sets the state of an HVM guest. See [`XenDomctlHvmcontext`].
#[doc(alias = "XEN_DOMCTL_sethvmcontext")]
pub const XEN_DOMCTL_SETHVMCONTEXT: u32 = 34;
/// Command: sets the word size of a PV guest. See [`XenDomctlAddressSize`].
#[doc(alias = "XEN_DOMCTL_set_address_size")]
pub const XEN_DOMCTL_SET_ADDRESS_SIZE: u32 = 35;
/// Command: gets the word size of a PV guest. See [`XenDomctlAddressSize`].
#[doc(alias = "XEN_DOMCTL_get_address_size")]
pub const XEN_DOMCTL_GET_ADDRESS_SIZE: u32 = 36;
/// Command: assigns a device to a domain. See [`XenDomctlAssignDevice`].
#[doc(alias = "XEN_DOMCTL_assign_device")]
pub const XEN_DOMCTL_ASSIGN_DEVICE: u32 = 37;
/// Command: binds a device's interrupt to a guest's. See [`XenDomctlBindPtIrq`].
#[doc(alias = "XEN_DOMCTL_bind_pt_irq")]
pub const XEN_DOMCTL_BIND_PT_IRQ: u32 = 38;
/// Command: maps device memory into a guest. See [`XenDomctlMemoryMapping`].
#[doc(alias = "XEN_DOMCTL_memory_mapping")]
pub const XEN_DOMCTL_MEMORY_MAPPING: u32 = 39;
/// Command: maps I/O ports into a guest. See [`XenDomctlIoportMapping`].
#[doc(alias = "XEN_DOMCTL_ioport_mapping")]
pub const XEN_DOMCTL_IOPORT_MAPPING: u32 = 40;
/// Command: sets the extended state of a vCPU. See [`XenDomctlExtVcpucontext`].
#[doc(alias = "XEN_DOMCTL_set_ext_vcpucontext")]
pub const XEN_DOMCTL_SET_EXT_VCPUCONTEXT: u32 = 42;
/// Command: gets the extended state of a vCPU. See [`XenDomctlExtVcpucontext`].
#[doc(alias = "XEN_DOMCTL_get_ext_vcpucontext")]
pub const XEN_DOMCTL_GET_EXT_VCPUCONTEXT: u32 = 43;
/// Command: removed.
#[doc(alias = "XEN_DOMCTL_set_opt_feature")]
pub const XEN_DOMCTL_SET_OPT_FEATURE: u32 = 44;
/// Command: tests whether a device can be assigned. See [`XenDomctlAssignDevice`].
#[doc(alias = "XEN_DOMCTL_test_assign_device")]
pub const XEN_DOMCTL_TEST_ASSIGN_DEVICE: u32 = 45;
/// Command: sets the domain on whose behalf a domain acts. See [`XenDomctlSetTarget`].
#[doc(alias = "XEN_DOMCTL_set_target")]
pub const XEN_DOMCTL_SET_TARGET: u32 = 46;
/// Command: removes a device from a domain. See [`XenDomctlAssignDevice`].
#[doc(alias = "XEN_DOMCTL_deassign_device")]
pub const XEN_DOMCTL_DEASSIGN_DEVICE: u32 = 47;
/// Command: removes a binding of an interrupt. See [`XenDomctlBindPtIrq`].
#[doc(alias = "XEN_DOMCTL_unbind_pt_irq")]
pub const XEN_DOMCTL_UNBIND_PT_IRQ: u32 = 48;
/// Command: gets the devices that must be assigned together. See [`XenDomctlGetDeviceGroup`].
#[doc(alias = "XEN_DOMCTL_get_device_group")]
pub const XEN_DOMCTL_GET_DEVICE_GROUP: u32 = 50;
/// Command: enables or disables single-stepping of a vCPU. See [`XenDomctlDebugOp`].
#[doc(alias = "XEN_DOMCTL_debug_op")]
pub const XEN_DOMCTL_DEBUG_OP: u32 = 54;
/// Command: gets one record of the state of an HVM guest. See [`XenDomctlHvmcontextPartial`].
#[doc(alias = "XEN_DOMCTL_gethvmcontext_partial")]
pub const XEN_DOMCTL_GETHVMCONTEXT_PARTIAL: u32 = 55;
/// Command: controls a ring of VM events. See [`XenDomctlVmEventOp`].
#[doc(alias = "XEN_DOMCTL_vm_event_op")]
pub const XEN_DOMCTL_VM_EVENT_OP: u32 = 56;
/// Command: enables or disables memory sharing. See [`XenDomctlMemSharingOp`].
#[doc(alias = "XEN_DOMCTL_mem_sharing_op")]
pub const XEN_DOMCTL_MEM_SHARING_OP: u32 = 57;
/// Command: gets the state of the time stamp counter. See [`XenDomctlTscInfo`].
#[doc(alias = "XEN_DOMCTL_gettscinfo")]
pub const XEN_DOMCTL_GETTSCINFO: u32 = 59;
/// Command: sets the state of the time stamp counter. See [`XenDomctlTscInfo`].
#[doc(alias = "XEN_DOMCTL_settscinfo")]
pub const XEN_DOMCTL_SETTSCINFO: u32 = 60;
/// Command: gets the types of frames. See [`XenDomctlGetpageframeinfo3`].
#[doc(alias = "XEN_DOMCTL_getpageframeinfo3")]
pub const XEN_DOMCTL_GETPAGEFRAMEINFO3: u32 = 61;
/// Command: sets the extended processor state (XSAVE) of a vCPU. See [`XenDomctlVcpuextstate`].
#[doc(alias = "XEN_DOMCTL_setvcpuextstate")]
pub const XEN_DOMCTL_SETVCPUEXTSTATE: u32 = 62;
/// Command: gets the extended processor state (XSAVE) of a vCPU. See [`XenDomctlVcpuextstate`].
#[doc(alias = "XEN_DOMCTL_getvcpuextstate")]
pub const XEN_DOMCTL_GETVCPUEXTSTATE: u32 = 63;
/// Command: sets whether memory access events require a listener. See
/// [`XenDomctlSetAccessRequired`].
#[doc(alias = "XEN_DOMCTL_set_access_required")]
pub const XEN_DOMCTL_SET_ACCESS_REQUIRED: u32 = 64;
/// Command: audits the physical-to-machine tables. See [`XenDomctlAuditP2m`].
#[doc(alias = "XEN_DOMCTL_audit_p2m")]
pub const XEN_DOMCTL_AUDIT_P2M: u32 = 65;
/// Command: sets the domain that receives a global virtual interrupt. See
/// [`XenDomctlSetVirqHandler`].
#[doc(alias = "XEN_DOMCTL_set_virq_handler")]
pub const XEN_DOMCTL_SET_VIRQ_HANDLER: u32 = 66;
/// Command: marks a page as broken. See [`XenDomctlSetBrokenPageP2m`].
#[doc(alias = "XEN_DOMCTL_set_broken_page_p2m")]
pub const XEN_DOMCTL_SET_BROKEN_PAGE_P2M: u32 = 67;
/// Command: sets the NUMA affinity of a domain. See [`XenDomctlNodeaffinity`].
#[doc(alias = "XEN_DOMCTL_setnodeaffinity")]
pub const XEN_DOMCTL_SETNODEAFFINITY: u32 = 68;
/// Command: gets the NUMA affinity of a domain. See [`XenDomctlNodeaffinity`].
#[doc(alias = "XEN_DOMCTL_getnodeaffinity")]
pub const XEN_DOMCTL_GETNODEAFFINITY: u32 = 69;
/// Command: cleans and invalidates caches of a domain's memory. See [`XenDomctlCacheflush`].
#[doc(alias = "XEN_DOMCTL_cacheflush")]
pub const XEN_DOMCTL_CACHEFLUSH: u32 = 71;
/// Command: gets the model-specific registers of a vCPU. See [`XenDomctlVcpuMsrs`].
#[doc(alias = "XEN_DOMCTL_get_vcpu_msrs")]
pub const XEN_DOMCTL_GET_VCPU_MSRS: u32 = 72;
/// Command: sets the model-specific registers of a vCPU. See [`XenDomctlVcpuMsrs`].
#[doc(alias = "XEN_DOMCTL_set_vcpu_msrs")]
pub const XEN_DOMCTL_SET_VCPU_MSRS: u32 = 73;
/// Command: sets the virtual NUMA topology of a domain. See [`XenDomctlVnuma`].
#[doc(alias = "XEN_DOMCTL_setvnumainfo")]
pub const XEN_DOMCTL_SETVNUMAINFO: u32 = 74;
/// Command: controls cache monitoring of a domain. See [`XenDomctlPsrCmtOp`].
#[doc(alias = "XEN_DOMCTL_psr_cmt_op")]
pub const XEN_DOMCTL_PSR_CMT_OP: u32 = 75;
/// Command: selects the events that a monitor receives. See [`XenDomctlMonitorOp`].
#[doc(alias = "XEN_DOMCTL_monitor_op")]
pub const XEN_DOMCTL_MONITOR_OP: u32 = 77;
/// Command: sets or gets cache and memory bandwidth allocation. See [`XenDomctlPsrAlloc`].
#[doc(alias = "XEN_DOMCTL_psr_alloc")]
pub const XEN_DOMCTL_PSR_ALLOC: u32 = 78;
/// Command: resets the hypervisor state of a domain. No argument.
#[doc(alias = "XEN_DOMCTL_soft_reset")]
pub const XEN_DOMCTL_SOFT_RESET: u32 = 79;
/// Command: sets up an emulated serial port (arm). See [`XenDomctlVuartOp`].
#[doc(alias = "XEN_DOMCTL_vuart_op")]
pub const XEN_DOMCTL_VUART_OP: u32 = 81;
/// Command: gets a domain's CPU policy. See [`XenDomctlCpuPolicy`].
#[doc(alias = "XEN_DOMCTL_get_cpu_policy")]
pub const XEN_DOMCTL_GET_CPU_POLICY: u32 = 82;
/// Command: sets a domain's CPU policy. See [`XenDomctlCpuPolicy`].
#[doc(alias = "XEN_DOMCTL_set_cpu_policy")]
pub const XEN_DOMCTL_SET_CPU_POLICY: u32 = 83;
/// Command: controls the processor trace. See [`XenDomctlVmtraceOp`].
#[doc(alias = "XEN_DOMCTL_vmtrace_op")]
pub const XEN_DOMCTL_VMTRACE_OP: u32 = 84;
/// Command: gets the size of the memory pool for page tables. See [`XenDomctlPagingMempool`].
#[doc(alias = "XEN_DOMCTL_get_paging_mempool_size")]
pub const XEN_DOMCTL_GET_PAGING_MEMPOOL_SIZE: u32 = 85;
/// Command: sets the size of the memory pool for page tables. See [`XenDomctlPagingMempool`].
#[doc(alias = "XEN_DOMCTL_set_paging_mempool_size")]
pub const XEN_DOMCTL_SET_PAGING_MEMPOOL_SIZE: u32 = 86;
/// Command: attaches an overlay of the device tree (arm, Xen 4.20).
#[doc(alias = "XEN_DOMCTL_dt_overlay")]
pub const XEN_DOMCTL_DT_OVERLAY: u32 = 87;
/// Command: grants or revokes access to an interrupt line (Xen 4.20). See
/// [`XenDomctlGsiPermission`].
#[doc(alias = "XEN_DOMCTL_gsi_permission")]
pub const XEN_DOMCTL_GSI_PERMISSION: u32 = 88;
/// Command: sets the cache colours of a domain (Xen 4.20). See [`XenDomctlSetLlcColors`].
#[doc(alias = "XEN_DOMCTL_set_llc_colors")]
pub const XEN_DOMCTL_SET_LLC_COLORS: u32 = 89;
/// Command for a debugger: accesses guest memory. See [`XenDomctlGdbsxMemio`].
#[doc(alias = "XEN_DOMCTL_gdbsx_guestmemio")]
pub const XEN_DOMCTL_GDBSX_GUESTMEMIO: u32 = 1000;
/// Command for a debugger: pauses a vCPU. See [`XenDomctlGdbsxPauseunpVcpu`].
#[doc(alias = "XEN_DOMCTL_gdbsx_pausevcpu")]
pub const XEN_DOMCTL_GDBSX_PAUSEVCPU: u32 = 1001;
/// Command for a debugger: unpauses a vCPU. See [`XenDomctlGdbsxPauseunpVcpu`].
#[doc(alias = "XEN_DOMCTL_gdbsx_unpausevcpu")]
pub const XEN_DOMCTL_GDBSX_UNPAUSEVCPU: u32 = 1002;
/// Command for a debugger: gets the state of a domain. See [`XenDomctlGdbsxDomstatus`].
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
