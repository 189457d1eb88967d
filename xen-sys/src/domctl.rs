//! Control of domains, for the toolstack. The interface changes with the version of Xen: this is that of 4.20.
//!
//! Public header: `domctl.h`.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::DomId;
use crate::GuestHandle;
use crate::Port;
use crate::arch_x86::xen::XenArchDomainconfig;
use crate::xen::Virq;
use crate::xen::XenDomainHandle;
use crate::xen::XenPfn;
use crate::xen::XenctlBitmap;

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
/// Flag of [`XenDomctlCreatedomain`]: HVM or PVH.
#[doc(alias = "XEN_DOMCTL_CDF_hvm")]
pub const XEN_DOMCTL_CDF_HVM: u32 = 1 << 0;
/// Flag of [`XenDomctlCreatedomain`]: page tables by hardware.
#[doc(alias = "XEN_DOMCTL_CDF_hap")]
pub const XEN_DOMCTL_CDF_HAP: u32 = 1 << 1;
/// Flag of [`XenDomctlCreatedomain`]: memory is checked over sleep.
#[doc(alias = "XEN_DOMCTL_CDF_s3_integrity")]
pub const XEN_DOMCTL_CDF_S3_INTEGRITY: u32 = 1 << 2;
/// Flag of [`XenDomctlCreatedomain`]: strict shadow page tables.
#[doc(alias = "XEN_DOMCTL_CDF_oos_off")]
pub const XEN_DOMCTL_CDF_OOS_OFF: u32 = 1 << 3;
/// Flag of [`XenDomctlCreatedomain`]: runs xenstore.
#[doc(alias = "XEN_DOMCTL_CDF_xs_domain")]
pub const XEN_DOMCTL_CDF_XS_DOMAIN: u32 = 1 << 4;
/// Flag of [`XenDomctlCreatedomain`]: may have devices.
#[doc(alias = "XEN_DOMCTL_CDF_iommu")]
pub const XEN_DOMCTL_CDF_IOMMU: u32 = 1 << 5;
/// Flag of [`XenDomctlCreatedomain`]: may run guests itself.
#[doc(alias = "XEN_DOMCTL_CDF_nested_virt")]
pub const XEN_DOMCTL_CDF_NESTED_VIRT: u32 = 1 << 6;
/// Flag of [`XenDomctlCreatedomain`]: has performance counters (arm).
#[doc(alias = "XEN_DOMCTL_CDF_vpmu")]
pub const XEN_DOMCTL_CDF_VPMU: u32 = 1 << 7;
/// The highest flag of [`XenDomctlCreatedomain`].
pub const XEN_DOMCTL_CDF_MAX: u32 = 128;
/// Option of [`XenDomctlCreatedomain`]: device page tables of its own.
#[doc(alias = "XEN_DOMCTL_IOMMU_no_sharept")]
pub const XEN_DOMCTL_IOMMU_NO_SHAREPT: u32 = 1 << 0;
/// The highest such option.
pub const XEN_DOMCTL_IOMMU_MAX: u32 = 1;
/// Mask of the highest grant table version.
#[doc(alias = "XEN_DOMCTL_GRANT_version_mask")]
pub const XEN_DOMCTL_GRANT_VERSION_MASK: u32 = 0xf;
/// Mask of the mode of alternate maps (Xen 4.20).
#[doc(alias = "XEN_DOMCTL_ALTP2M_mode_mask")]
pub const XEN_DOMCTL_ALTP2M_MODE_MASK: u32 = 3;
/// Mode of alternate maps: for the guest and for tools.
#[doc(alias = "XEN_DOMCTL_ALTP2M_mixed")]
pub const XEN_DOMCTL_ALTP2M_MIXED: u32 = 1;
/// Mode of alternate maps: for tools only.
#[doc(alias = "XEN_DOMCTL_ALTP2M_external")]
pub const XEN_DOMCTL_ALTP2M_EXTERNAL: u32 = 2;
/// Mode of alternate maps: the guest may only use what tools made.
#[doc(alias = "XEN_DOMCTL_ALTP2M_limited")]
pub const XEN_DOMCTL_ALTP2M_LIMITED: u32 = 3;
/// Flag of [`XenDomctlGetdomaininfo`]: being destroyed.
#[doc(alias = "XEN_DOMINF_dying")]
pub const XEN_DOMINF_DYING: u32 = 1 << 0;
/// Flag of [`XenDomctlGetdomaininfo`]: HVM or PVH.
#[doc(alias = "XEN_DOMINF_hvm_guest")]
pub const XEN_DOMINF_HVM_GUEST: u32 = 1 << 1;
/// Flag of [`XenDomctlGetdomaininfo`]: has shut down.
#[doc(alias = "XEN_DOMINF_shutdown")]
pub const XEN_DOMINF_SHUTDOWN: u32 = 1 << 2;
/// Flag of [`XenDomctlGetdomaininfo`]: paused.
#[doc(alias = "XEN_DOMINF_paused")]
pub const XEN_DOMINF_PAUSED: u32 = 1 << 3;
/// Flag of [`XenDomctlGetdomaininfo`]: all vCPUs wait.
#[doc(alias = "XEN_DOMINF_blocked")]
pub const XEN_DOMINF_BLOCKED: u32 = 1 << 4;
/// Flag of [`XenDomctlGetdomaininfo`]: a vCPU runs.
#[doc(alias = "XEN_DOMINF_running")]
pub const XEN_DOMINF_RUNNING: u32 = 1 << 5;
/// Flag of [`XenDomctlGetdomaininfo`]: debugged.
#[doc(alias = "XEN_DOMINF_debugged")]
pub const XEN_DOMINF_DEBUGGED: u32 = 1 << 6;
/// Flag of [`XenDomctlGetdomaininfo`]: runs xenstore.
#[doc(alias = "XEN_DOMINF_xs_domain")]
pub const XEN_DOMINF_XS_DOMAIN: u32 = 1 << 7;
/// Flag of [`XenDomctlGetdomaininfo`]: page tables by hardware.
#[doc(alias = "XEN_DOMINF_hap")]
pub const XEN_DOMINF_HAP: u32 = 1 << 8;
/// Mask of the shutdown reason, shifted.
#[doc(alias = "XEN_DOMINF_shutdownmask")]
pub const XEN_DOMINF_SHUTDOWNMASK: u32 = 255;
/// Shift of the shutdown reason.
#[doc(alias = "XEN_DOMINF_shutdownshift")]
pub const XEN_DOMINF_SHUTDOWNSHIFT: u32 = 16;
/// No vCPUs.
pub const XEN_INVALID_MAX_VCPU_ID: u32 = 4294967295;
/// Shift of a frame's type.
pub const XEN_DOMCTL_PFINFO_LTAB_SHIFT: u32 = 28;
/// Type of a frame: no page table.
pub const XEN_DOMCTL_PFINFO_NOTAB: u32 = 0x0;
/// Type of a frame: page table of level 1.
pub const XEN_DOMCTL_PFINFO_L1TAB: u32 = 1 << 28;
/// Type of a frame: page table of level 2.
pub const XEN_DOMCTL_PFINFO_L2TAB: u32 = 0x20000000;
/// Type of a frame: page table of level 3.
pub const XEN_DOMCTL_PFINFO_L3TAB: u32 = 0x30000000;
/// Type of a frame: page table of level 4.
pub const XEN_DOMCTL_PFINFO_L4TAB: u32 = 0x40000000;
/// Mask of a page table's level.
pub const XEN_DOMCTL_PFINFO_LTABTYPE_MASK: u32 = 0x70000000;
/// Type of a frame: pinned page table.
pub const XEN_DOMCTL_PFINFO_LPINTAB: u32 = 1 << 31;
/// Type of a frame: not valid.
pub const XEN_DOMCTL_PFINFO_XTAB: u32 = 0xf0000000;
/// Type of a frame: allocated only.
pub const XEN_DOMCTL_PFINFO_XALLOC: u32 = 0xe0000000;
/// Type of a frame: broken.
pub const XEN_DOMCTL_PFINFO_BROKEN: u32 = 0xd0000000;
/// Mask of a frame's type.
pub const XEN_DOMCTL_PFINFO_LTAB_MASK: u32 = 0xf0000000;
/// Operation of [`XenDomctlShadowOp`]: off.
pub const XEN_DOMCTL_SHADOW_OP_OFF: u32 = 0;
/// Operation of [`XenDomctlShadowOp`]: on, with a mode.
pub const XEN_DOMCTL_SHADOW_OP_ENABLE: u32 = 32;
/// Operation of [`XenDomctlShadowOp`]: reads and clears the bitmap.
pub const XEN_DOMCTL_SHADOW_OP_CLEAN: u32 = 11;
/// Operation of [`XenDomctlShadowOp`]: reads the bitmap.
pub const XEN_DOMCTL_SHADOW_OP_PEEK: u32 = 12;
/// Operation of [`XenDomctlShadowOp`]: asks for the memory for page tables.
pub const XEN_DOMCTL_SHADOW_OP_GET_ALLOCATION: u32 = 30;
/// Operation of [`XenDomctlShadowOp`]: sets the memory for page tables.
pub const XEN_DOMCTL_SHADOW_OP_SET_ALLOCATION: u32 = 31;
/// Operation of [`XenDomctlShadowOp`]: on, for tests.
pub const XEN_DOMCTL_SHADOW_OP_ENABLE_TEST: u32 = 1;
/// Operation of [`XenDomctlShadowOp`]: tracks changes.
pub const XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY: u32 = 2;
/// Mode: counted by Xen.
pub const XEN_DOMCTL_SHADOW_ENABLE_REFCOUNT: u32 = 1 << 1;
/// Mode: tracks changes.
pub const XEN_DOMCTL_SHADOW_ENABLE_LOG_DIRTY: u32 = 1 << 2;
/// Mode: frames are translated.
pub const XEN_DOMCTL_SHADOW_ENABLE_TRANSLATE: u32 = 1 << 3;
/// Mode: Xen is outside the address space.
pub const XEN_DOMCTL_SHADOW_ENABLE_EXTERNAL: u32 = 1 << 4;
/// Flag: the last round.
pub const XEN_DOMCTL_SHADOW_LOGDIRTY_FINAL: u32 = 1 << 0;
/// Flag of [`XenDomctlVcpuaffinity`]: where it may run.
pub const XEN_VCPUAFFINITY_HARD: u32 = 1 << 0;
/// Flag of [`XenDomctlVcpuaffinity`]: where it had better run.
pub const XEN_VCPUAFFINITY_SOFT: u32 = 1 << 1;
/// Flag of [`XenDomctlVcpuaffinity`]: even if it is pinned.
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
/// Flag of [`XenDomctlSchedRtds`]: may use spare time.
#[doc(alias = "XEN_DOMCTL_SCHEDRT_extra")]
pub const XEN_DOMCTL_SCHEDRT_EXTRA: u32 = 1 << 0;
/// Operation of [`XenDomctlSchedulerOp`]: sets a domain's parameters.
#[doc(alias = "XEN_DOMCTL_SCHEDOP_putinfo")]
pub const XEN_DOMCTL_SCHEDOP_PUTINFO: u32 = 0;
/// Operation of [`XenDomctlSchedulerOp`]: asks for a domain's parameters.
#[doc(alias = "XEN_DOMCTL_SCHEDOP_getinfo")]
pub const XEN_DOMCTL_SCHEDOP_GETINFO: u32 = 1;
/// Operation of [`XenDomctlSchedulerOp`]: sets vCPUs' parameters.
#[doc(alias = "XEN_DOMCTL_SCHEDOP_putvcpuinfo")]
pub const XEN_DOMCTL_SCHEDOP_PUTVCPUINFO: u32 = 2;
/// Operation of [`XenDomctlSchedulerOp`]: asks for vCPUs' parameters.
#[doc(alias = "XEN_DOMCTL_SCHEDOP_getvcpuinfo")]
pub const XEN_DOMCTL_SCHEDOP_GETVCPUINFO: u32 = 3;
/// Flag of [`XenDomctlGsiPermission`]: no longer allowed.
pub const XEN_DOMCTL_GSI_REVOKE: u32 = 0;
/// Flag of [`XenDomctlGsiPermission`]: allowed.
pub const XEN_DOMCTL_GSI_GRANT: u32 = 1;
/// Mask of these flags.
pub const XEN_DOMCTL_GSI_ACTION_MASK: u32 = 1;
/// Button: non-maskable interrupt.
pub const XEN_DOMCTL_SENDTRIGGER_NMI: u32 = 0;
/// Button: reset.
pub const XEN_DOMCTL_SENDTRIGGER_RESET: u32 = 1;
/// Button: init.
pub const XEN_DOMCTL_SENDTRIGGER_INIT: u32 = 2;
/// Button: power.
pub const XEN_DOMCTL_SENDTRIGGER_POWER: u32 = 3;
/// Button: sleep.
pub const XEN_DOMCTL_SENDTRIGGER_SLEEP: u32 = 4;
/// Kind of device: PCI.
pub const XEN_DOMCTL_DEV_PCI: u32 = 0;
/// Kind of device: a node of the device tree.
pub const XEN_DOMCTL_DEV_DT: u32 = 1;
/// Flag of [`XenDomctlAssignDevice`]: reserved memory may be missing.
pub const XEN_DOMCTL_DEV_RDM_RELAXED: u32 = 1;
/// Kind of interrupt: a PCI pin.
pub const PT_IRQ_TYPE_PCI: u32 = 0;
/// Kind of interrupt: ISA.
pub const PT_IRQ_TYPE_ISA: u32 = 1;
/// Kind of interrupt: a message.
pub const PT_IRQ_TYPE_MSI: u32 = 2;
/// Kind of interrupt: a message, as a pin in the guest.
pub const PT_IRQ_TYPE_MSI_TRANSLATE: u32 = 3;
/// Kind of interrupt: a shared one (arm).
pub const PT_IRQ_TYPE_SPI: u32 = 4;
/// Field of a message's flags: destination.
pub const XEN_DOMCTL_VMSI_X86_DEST_ID_MASK: u32 = 0xff;
/// Field of a message's flags: redirection hint.
pub const XEN_DOMCTL_VMSI_X86_RH_MASK: u32 = 0x100;
/// Field of a message's flags: destination mode.
pub const XEN_DOMCTL_VMSI_X86_DM_MASK: u32 = 0x200;
/// Field of a message's flags: delivery mode.
pub const XEN_DOMCTL_VMSI_X86_DELIV_MASK: u32 = 0x7000;
/// Field of a message's flags: trigger.
pub const XEN_DOMCTL_VMSI_X86_TRIG_MASK: u32 = 0x8000;
/// Field of a message's flags: not masked.
pub const XEN_DOMCTL_VMSI_X86_UNMASKED: u32 = 0x10000;
/// Value of [`XenDomctlMemoryMapping::add_mapping`]: add.
pub const DPCI_ADD_MAPPING: u32 = 1;
/// Value of [`XenDomctlMemoryMapping::add_mapping`]: remove.
pub const DPCI_REMOVE_MAPPING: u32 = 0;
/// Cache attribute: uncached.
pub const XEN_DOMCTL_MEM_CACHEATTR_UC: u32 = 0;
/// Cache attribute: write-combining.
pub const XEN_DOMCTL_MEM_CACHEATTR_WC: u32 = 1;
/// Cache attribute: write-through.
pub const XEN_DOMCTL_MEM_CACHEATTR_WT: u32 = 4;
/// Cache attribute: write-protected.
pub const XEN_DOMCTL_MEM_CACHEATTR_WP: u32 = 5;
/// Cache attribute: write-back.
pub const XEN_DOMCTL_MEM_CACHEATTR_WB: u32 = 6;
/// Cache attribute: uncached, unless the range registers say otherwise.
pub const XEN_DOMCTL_MEM_CACHEATTR_UCM: u32 = 7;
/// Ends the pinning of a cache attribute.
pub const XEN_DOMCTL_DELETE_MEM_CACHEATTR: u32 = 4294967295;
/// Value for an input register that is not used.
pub const XEN_CPUID_INPUT_UNUSED: u32 = 0xffffffff;
/// Operation of [`XenDomctlDebugOp`]: off.
pub const XEN_DOMCTL_DEBUG_OP_SINGLE_STEP_OFF: u32 = 0;
/// Operation of [`XenDomctlDebugOp`]: on.
pub const XEN_DOMCTL_DEBUG_OP_SINGLE_STEP_ON: u32 = 1;
/// Operation of [`XenDomctlVmEventOp`]: opens.
pub const XEN_VM_EVENT_ENABLE: u32 = 0;
/// Operation of [`XenDomctlVmEventOp`]: closes.
pub const XEN_VM_EVENT_DISABLE: u32 = 1;
/// Operation of [`XenDomctlVmEventOp`]: answers wait.
pub const XEN_VM_EVENT_RESUME: u32 = 2;
/// Operation of [`XenDomctlVmEventOp`]: asks for the version.
pub const XEN_VM_EVENT_GET_VERSION: u32 = 3;
/// Ring: paging.
pub const XEN_DOMCTL_VM_EVENT_OP_PAGING: u32 = 1;
/// Ring: monitor.
pub const XEN_DOMCTL_VM_EVENT_OP_MONITOR: u32 = 2;
/// Ring: sharing.
pub const XEN_DOMCTL_VM_EVENT_OP_SHARING: u32 = 3;
/// Operation of [`XenDomctlMemSharingOp`]: switches sharing.
pub const XEN_DOMCTL_MEM_SHARING_CONTROL: u32 = 0;
/// Operation of [`XenDomctlPsrCmtOp`]: ends monitoring.
pub const XEN_DOMCTL_PSR_CMT_OP_DETACH: u32 = 0;
/// Operation of [`XenDomctlPsrCmtOp`]: starts monitoring.
pub const XEN_DOMCTL_PSR_CMT_OP_ATTACH: u32 = 1;
/// Operation of [`XenDomctlPsrCmtOp`]: asks for the identifier.
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
/// Operation of [`XenDomctlPsrAlloc`]: asks for the level 3 cache.
pub const XEN_DOMCTL_PSR_GET_L3_CBM: u32 = 1;
/// Operation of [`XenDomctlPsrAlloc`]: asks for the level 3 cache for code.
pub const XEN_DOMCTL_PSR_GET_L3_CODE: u32 = 4;
/// Operation of [`XenDomctlPsrAlloc`]: asks for the level 3 cache for data.
pub const XEN_DOMCTL_PSR_GET_L3_DATA: u32 = 5;
/// Operation of [`XenDomctlPsrAlloc`]: asks for the level 2 cache.
pub const XEN_DOMCTL_PSR_GET_L2_CBM: u32 = 7;
/// Operation of [`XenDomctlPsrAlloc`]: asks for the throttling of memory.
pub const XEN_DOMCTL_PSR_GET_MBA_THRTL: u32 = 9;
/// Operation of [`XenDomctlMonitorOp`]: on.
pub const XEN_DOMCTL_MONITOR_OP_ENABLE: u32 = 0;
/// Operation of [`XenDomctlMonitorOp`]: off.
pub const XEN_DOMCTL_MONITOR_OP_DISABLE: u32 = 1;
/// Operation of [`XenDomctlMonitorOp`]: asks what there is.
pub const XEN_DOMCTL_MONITOR_OP_GET_CAPABILITIES: u32 = 2;
/// Operation of [`XenDomctlMonitorOp`]: repeated instructions one by one.
pub const XEN_DOMCTL_MONITOR_OP_EMULATE_EACH_REP: u32 = 3;
/// Operation of [`XenDomctlMonitorOp`]: answers may set registers.
pub const XEN_DOMCTL_MONITOR_OP_CONTROL_REGISTERS: u32 = 4;
/// Event for a monitor: a control register.
pub const XEN_DOMCTL_MONITOR_EVENT_WRITE_CTRLREG: u32 = 0;
/// Event for a monitor: a register.
pub const XEN_DOMCTL_MONITOR_EVENT_MOV_TO_MSR: u32 = 1;
/// Event for a monitor: a single step.
pub const XEN_DOMCTL_MONITOR_EVENT_SINGLESTEP: u32 = 2;
/// Event for a monitor: a breakpoint.
pub const XEN_DOMCTL_MONITOR_EVENT_SOFTWARE_BREAKPOINT: u32 = 3;
/// Event for a monitor: the guest's wish.
pub const XEN_DOMCTL_MONITOR_EVENT_GUEST_REQUEST: u32 = 4;
/// Event for a monitor: a debug exception.
pub const XEN_DOMCTL_MONITOR_EVENT_DEBUG_EXCEPTION: u32 = 5;
/// Event for a monitor: the CPUID instruction.
pub const XEN_DOMCTL_MONITOR_EVENT_CPUID: u32 = 6;
/// Event for a monitor: a privileged call.
pub const XEN_DOMCTL_MONITOR_EVENT_PRIVILEGED_CALL: u32 = 7;
/// Event for a monitor: an interrupt.
pub const XEN_DOMCTL_MONITOR_EVENT_INTERRUPT: u32 = 8;
/// Event for a monitor: a descriptor table.
pub const XEN_DOMCTL_MONITOR_EVENT_DESC_ACCESS: u32 = 9;
/// Event for a monitor: an instruction that cannot be emulated.
pub const XEN_DOMCTL_MONITOR_EVENT_EMUL_UNIMPLEMENTED: u32 = 10;
/// Event for a monitor: no page faults of the guest's own.
pub const XEN_DOMCTL_MONITOR_EVENT_INGUEST_PAGEFAULT: u32 = 11;
/// Event for a monitor: an exit.
pub const XEN_DOMCTL_MONITOR_EVENT_VMEXIT: u32 = 12;
/// Event for a monitor: an I/O instruction.
pub const XEN_DOMCTL_MONITOR_EVENT_IO: u32 = 13;
/// Operation of [`XenDomctlVuartOp`]: set up.
pub const XEN_DOMCTL_VUART_OP_INIT: u32 = 0;
/// Kind of serial port: PL011.
pub const XEN_DOMCTL_VUART_TYPE_VPL011: u32 = 0;
/// Operation of [`XenDomctlVmtraceOp`]: on.
#[doc(alias = "XEN_DOMCTL_vmtrace_enable")]
pub const XEN_DOMCTL_VMTRACE_ENABLE: u32 = 1;
/// Operation of [`XenDomctlVmtraceOp`]: off.
#[doc(alias = "XEN_DOMCTL_vmtrace_disable")]
pub const XEN_DOMCTL_VMTRACE_DISABLE: u32 = 2;
/// Operation of [`XenDomctlVmtraceOp`]: on, from the start.
#[doc(alias = "XEN_DOMCTL_vmtrace_reset_and_enable")]
pub const XEN_DOMCTL_VMTRACE_RESET_AND_ENABLE: u32 = 3;
/// Operation of [`XenDomctlVmtraceOp`]: asks for the position.
#[doc(alias = "XEN_DOMCTL_vmtrace_output_position")]
pub const XEN_DOMCTL_VMTRACE_OUTPUT_POSITION: u32 = 4;
/// Operation of [`XenDomctlVmtraceOp`]: asks for an option.
#[doc(alias = "XEN_DOMCTL_vmtrace_get_option")]
pub const XEN_DOMCTL_VMTRACE_GET_OPTION: u32 = 5;
/// Operation of [`XenDomctlVmtraceOp`]: sets an option.
#[doc(alias = "XEN_DOMCTL_vmtrace_set_option")]
pub const XEN_DOMCTL_VMTRACE_SET_OPTION: u32 = 6;

/// A new domain. The layout of x86.
#[doc(alias = "xen_domctl_createdomain")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlCreatedomain {
    /// Its label.
    pub ssidref: u32,
    /// Its UUID.
    pub handle: XenDomainHandle,
    /// `XEN_DOMCTL_CDF_*`.
    pub flags: u32,
    /// `XEN_DOMCTL_IOMMU_*`.
    pub iommu_opts: u32,
    /// Most vCPUs.
    pub max_vcpus: u32,
    /// Highest port.
    pub max_evtchn_port: u32,
    /// Most pages of the grant table; negative for the usual.
    pub max_grant_frames: i32,
    /// Most pages for mapped grants; negative for the usual.
    pub max_maptrack_frames: i32,
    /// Highest grant table version.
    pub grant_opts: u32,
    /// `XEN_DOMCTL_ALTP2M_*`.
    pub altp2m_opts: u32,
    /// Bytes of the processor trace per vCPU.
    pub vmtrace_size: u32,
    /// The CPU pool.
    pub cpupool_id: u32,
    /// The part of the architecture.
    pub arch: XenArchDomainconfig,
}
const _: () = assert!(size_of::<XenDomctlCreatedomain>() == 68);

/// What a domain is. The layout of x86.
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
    /// Out: the part of the architecture.
    pub arch_config: XenArchDomainconfig,
}
const _: () = assert!(size_of::<XenDomctlGetdomaininfo>() == 112);

/// Types of frames.
#[doc(alias = "xen_domctl_getpageframeinfo3")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlGetpageframeinfo3 {
    /// How many.
    pub num: u64,
    /// In: frames. Out: their types, `XEN_DOMCTL_PFINFO_*`.
    pub array: GuestHandle,
}
const _: () = assert!(size_of::<XenDomctlGetpageframeinfo3>() == 16);

/// Counts of changes.
#[doc(alias = "xen_domctl_shadow_op_stats")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlShadowOpStats {
    /// Faults.
    pub fault_count: u32,
    /// Changed pages.
    pub dirty_count: u32,
}
const _: () = assert!(size_of::<XenDomctlShadowOpStats>() == 8);

/// Tracking of changed memory.
#[doc(alias = "xen_domctl_shadow_op")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlShadowOp {
    /// `XEN_DOMCTL_SHADOW_OP_*`.
    pub op: u32,
    /// `XEN_DOMCTL_SHADOW_ENABLE_*`, or flags.
    pub mode: u32,
    /// Memory for page tables in MiB.
    pub mb: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// Out: one bit per page.
    pub dirty_bitmap: GuestHandle,
    /// In: pages wanted. Out: pages written.
    pub pages: u64,
    /// Out: counts.
    pub stats: XenDomctlShadowOpStats,
}
const _: () = assert!(size_of::<XenDomctlShadowOp>() == 40);

/// Memory that a domain may have.
#[doc(alias = "xen_domctl_max_mem")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlMaxMem {
    /// KiB.
    pub max_memkb: u64,
}
const _: () = assert!(size_of::<XenDomctlMaxMem>() == 8);

/// A vCPU's state.
#[doc(alias = "xen_domctl_vcpucontext")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlVcpucontext {
    /// The vCPU.
    pub vcpu: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// The state: of PV guests [`crate::arch_x86::xen::VcpuGuestContext`].
    pub ctxt: GuestHandle,
}
const _: () = assert!(size_of::<XenDomctlVcpucontext>() == 16);

/// What a vCPU does.
#[doc(alias = "xen_domctl_getvcpuinfo")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlGetvcpuinfo {
    /// The vCPU.
    pub vcpu: u32,
    /// Out: it is up.
    pub online: u8,
    /// Out: it waits.
    pub blocked: u8,
    /// Out: it runs.
    pub running: u8,
    /// Padding; zero.
    pub _pad0: [u8; 1],
    /// Out: CPU time in nanoseconds.
    pub cpu_time: u64,
    /// Out: the CPU.
    pub cpu: u32,
    /// Padding; zero.
    pub _pad1: [u8; 4],
}
const _: () = assert!(size_of::<XenDomctlGetvcpuinfo>() == 24);

/// NUMA nodes.
#[doc(alias = "xen_domctl_nodeaffinity")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlNodeaffinity {
    /// The nodes.
    pub nodemap: XenctlBitmap,
}
const _: () = assert!(size_of::<XenDomctlNodeaffinity>() == 16);

/// Where a vCPU runs.
#[doc(alias = "xen_domctl_vcpuaffinity")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlVcpuaffinity {
    /// The vCPU.
    pub vcpu: u32,
    /// `XEN_VCPUAFFINITY_*`.
    pub flags: u32,
    /// Where it may run.
    pub cpumap_hard: XenctlBitmap,
    /// Where it had better run.
    pub cpumap_soft: XenctlBitmap,
}
const _: () = assert!(size_of::<XenDomctlVcpuaffinity>() == 40);

/// vCPUs.
#[doc(alias = "xen_domctl_max_vcpus")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlMaxVcpus {
    /// How many.
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

/// A UUID.
#[doc(alias = "xen_domctl_setdomainhandle")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlSetdomainhandle {
    /// The UUID.
    pub handle: XenDomainHandle,
}
const _: () = assert!(size_of::<XenDomctlSetdomainhandle>() == 16);

/// Debugging.
#[doc(alias = "xen_domctl_setdebugging")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlSetdebugging {
    /// Whether it is debugged.
    pub enable: u8,
}
const _: () = assert!(size_of::<XenDomctlSetdebugging>() == 1);

/// An interrupt.
#[doc(alias = "xen_domctl_irq_permission")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlIrqPermission {
    /// The physical interrupt.
    pub pirq: u32,
    /// Whether access is allowed.
    pub allow_access: u8,
    /// Reserved; zero.
    pub pad: [u8; 3],
}
const _: () = assert!(size_of::<XenDomctlIrqPermission>() == 8);

/// An interrupt line.
#[doc(alias = "xen_domctl_gsi_permission")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlGsiPermission {
    /// The line.
    pub gsi: u32,
    /// `XEN_DOMCTL_GSI_*`.
    pub flags: u32,
}
const _: () = assert!(size_of::<XenDomctlGsiPermission>() == 8);

/// Device memory.
#[doc(alias = "xen_domctl_iomem_permission")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlIomemPermission {
    /// First machine frame.
    pub first_mfn: u64,
    /// How many frames.
    pub nr_mfns: u64,
    /// Whether access is allowed.
    pub allow_access: u8,
    /// Padding; zero.
    pub _pad0: [u8; 7],
}
const _: () = assert!(size_of::<XenDomctlIomemPermission>() == 24);

/// I/O ports.
#[doc(alias = "xen_domctl_ioport_permission")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlIoportPermission {
    /// First one.
    pub first_port: u32,
    /// How many I/O ports.
    pub nr_ports: u32,
    /// Whether access is allowed.
    pub allow_access: u8,
    /// Padding; zero.
    pub _pad0: [u8; 3],
}
const _: () = assert!(size_of::<XenDomctlIoportPermission>() == 12);

/// A page for hypercall stubs.
#[doc(alias = "xen_domctl_hypercall_init")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlHypercallInit {
    /// The frame.
    pub gmfn: u64,
}
const _: () = assert!(size_of::<XenDomctlHypercallInit>() == 8);

/// A clock.
#[doc(alias = "xen_domctl_settimeoffset")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlSettimeoffset {
    /// Seconds from universal time.
    pub time_offset_seconds: i64,
}
const _: () = assert!(size_of::<XenDomctlSettimeoffset>() == 8);

/// A time stamp counter.
#[doc(alias = "xen_domctl_tsc_info")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlTscInfo {
    /// When it is emulated.
    pub tsc_mode: u32,
    /// Its rate in kHz.
    pub gtsc_khz: u32,
    /// How often the guest was resumed.
    pub incarnation: u32,
    /// Reserved; zero.
    pub pad: u32,
    /// Nanoseconds that have gone by.
    pub elapsed_nsec: u64,
}
const _: () = assert!(size_of::<XenDomctlTscInfo>() == 24);

/// The state of an HVM guest.
#[doc(alias = "xen_domctl_hvmcontext")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlHvmcontext {
    /// Bytes of the buffer.
    pub size: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// Records; see [`crate::hvm::save`].
    pub buffer: GuestHandle,
}
const _: () = assert!(size_of::<XenDomctlHvmcontext>() == 16);

/// A part of the state of an HVM guest.
#[doc(alias = "xen_domctl_hvmcontext_partial")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlHvmcontextPartial {
    /// Kind of record.
    #[doc(alias = "type")]
    pub type_: u32,
    /// Which one of that kind.
    pub instance: u32,
    /// Bytes of the buffer.
    pub bufsz: u64,
    /// Out: the record.
    pub buffer: GuestHandle,
}
const _: () = assert!(size_of::<XenDomctlHvmcontextPartial>() == 24);

/// A word size.
#[doc(alias = "xen_domctl_address_size")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlAddressSize {
    /// Bits.
    pub size: u32,
}
const _: () = assert!(size_of::<XenDomctlAddressSize>() == 4);

/// A button.
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

/// Devices that belong together.
#[doc(alias = "xen_domctl_get_device_group")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlGetDeviceGroup {
    /// PCI segment, bus, device and function.
    pub machine_sbdf: u32,
    /// Room in the array.
    pub max_sdevs: u32,
    /// Out: how many.
    pub num_sdevs: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// Out: array of `u32`.
    pub sdev_array: GuestHandle,
}
const _: () = assert!(size_of::<XenDomctlGetDeviceGroup>() == 24);

/// A device.
#[doc(alias = "xen_domctl_assign_device")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlAssignDevice {
    /// `XEN_DOMCTL_DEV_*`.
    pub dev: u32,
    /// [`XEN_DOMCTL_DEV_RDM_RELAXED`] or zero.
    pub flags: u32,
    /// PCI: segment, bus, device and function, in the low half. Device tree: length and address of the path.
    pub u: [u64; 2],
}
const _: () = assert!(size_of::<XenDomctlAssignDevice>() == 24);

/// A device's interrupt.
#[doc(alias = "xen_domctl_bind_pt_irq")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlBindPtIrq {
    /// The interrupt.
    pub machine_irq: u32,
    /// `PT_IRQ_TYPE_*`.
    pub irq_type: u32,
    /// The guest's interrupt, by kind.
    pub u: [u64; 2],
}
const _: () = assert!(size_of::<XenDomctlBindPtIrq>() == 24);

/// Device memory in a guest.
#[doc(alias = "xen_domctl_memory_mapping")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlMemoryMapping {
    /// First guest frame.
    pub first_gfn: u64,
    /// First machine frame.
    pub first_mfn: u64,
    /// How many frames.
    pub nr_mfns: u64,
    /// Whether to add the mapping; else to remove it.
    pub add_mapping: u32,
    /// Zero.
    pub padding: u32,
}
const _: () = assert!(size_of::<XenDomctlMemoryMapping>() == 32);

/// I/O ports in a guest.
#[doc(alias = "xen_domctl_ioport_mapping")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlIoportMapping {
    /// First port in the guest.
    pub first_gport: u32,
    /// First port of the machine.
    pub first_mport: u32,
    /// How many I/O ports.
    pub nr_ports: u32,
    /// Whether to add the mapping; else to remove it.
    pub add_mapping: u32,
}
const _: () = assert!(size_of::<XenDomctlIoportMapping>() == 16);

/// More of a vCPU's state.
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
    /// Its code segment.
    pub syscall32_callback_cs: u16,
    /// Its code segment.
    pub sysenter_callback_cs: u16,
    /// Whether it masks events.
    pub syscall32_disables_events: u8,
    /// Whether it masks events.
    pub sysenter_disables_events: u8,
    /// Padding; zero.
    pub _pad0: [u8; 2],
    /// Machine check registers: capabilities, two banks, extended control.
    pub vmce: [u64; 4],
}
const _: () = assert!(size_of::<XenDomctlExtVcpucontext>() == 64);

/// A served domain.
#[doc(alias = "xen_domctl_set_target")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlSetTarget {
    /// The domain.
    pub target: DomId,
}
const _: () = assert!(size_of::<XenDomctlSetTarget>() == 2);

/// Suspends.
#[doc(alias = "xen_domctl_subscribe")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlSubscribe {
    /// The port that is raised.
    pub port: Port,
}
const _: () = assert!(size_of::<XenDomctlSubscribe>() == 4);

/// Single steps.
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

/// A ring of events.
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

/// Memory sharing.
#[doc(alias = "xen_domctl_mem_sharing_op")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlMemSharingOp {
    /// [`XEN_DOMCTL_MEM_SHARING_CONTROL`].
    pub op: u8,
    /// Whether it is on.
    pub u: u8,
}
const _: () = assert!(size_of::<XenDomctlMemSharingOp>() == 2);

/// A check of the frame tables.
#[doc(alias = "xen_domctl_audit_p2m")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlAuditP2m {
    /// Out: pages without an entry.
    pub orphans: u64,
    /// Out: wrong entries of the machine's table.
    pub m2p_bad: u64,
    /// Out: wrong entries of the guest's table.
    pub p2m_bad: u64,
}
const _: () = assert!(size_of::<XenDomctlAuditP2m>() == 24);

/// A global virtual interrupt.
#[doc(alias = "xen_domctl_set_virq_handler")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlSetVirqHandler {
    /// The line.
    pub virq: Virq,
}
const _: () = assert!(size_of::<XenDomctlSetVirqHandler>() == 4);

/// A CPU policy.
#[doc(alias = "xen_domctl_cpu_policy")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlCpuPolicy {
    /// How many leaves.
    pub nr_leaves: u32,
    /// How many registers.
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

/// A vCPU's extended state.
#[doc(alias = "xen_domctl_vcpuextstate")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlVcpuextstate {
    /// The vCPU.
    pub vcpu: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// In or out: what is there.
    pub xfeature_mask: u64,
    /// Bytes.
    pub size: u64,
    /// The state.
    pub buffer: GuestHandle,
}
const _: () = assert!(size_of::<XenDomctlVcpuextstate>() == 32);

/// Whether a monitor must be there.
#[doc(alias = "xen_domctl_set_access_required")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlSetAccessRequired {
    /// Whether it must.
    pub access_required: u8,
}
const _: () = assert!(size_of::<XenDomctlSetAccessRequired>() == 1);

/// A broken page.
#[doc(alias = "xen_domctl_set_broken_page_p2m")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlSetBrokenPageP2m {
    /// The frame.
    pub pfn: u64,
}
const _: () = assert!(size_of::<XenDomctlSetBrokenPageP2m>() == 8);

/// Memory whose caches are written back.
#[doc(alias = "xen_domctl_cacheflush")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlCacheflush {
    /// First frame.
    pub start_pfn: XenPfn,
    /// How many frames.
    pub nr_pfns: XenPfn,
}
const _: () = assert!(size_of::<XenDomctlCacheflush>() == 16);

/// A register.
#[doc(alias = "xen_domctl_vcpu_msr")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlVcpuMsr {
    /// The register.
    pub index: u32,
    /// Reserved; zero.
    pub reserved: u32,
    /// Its value.
    pub value: u64,
}
const _: () = assert!(size_of::<XenDomctlVcpuMsr>() == 16);

/// A vCPU's registers.
#[doc(alias = "xen_domctl_vcpu_msrs")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlVcpuMsrs {
    /// The vCPU.
    pub vcpu: u32,
    /// How many registers.
    pub msr_count: u32,
    /// Array of [`XenDomctlVcpuMsr`].
    pub msrs: GuestHandle,
}
const _: () = assert!(size_of::<XenDomctlVcpuMsrs>() == 16);

/// A virtual NUMA topology.
#[doc(alias = "xen_domctl_vnuma")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlVnuma {
    /// How many virtual nodes.
    pub nr_vnodes: u32,
    /// How many ranges of memory.
    pub nr_vmemranges: u32,
    /// How many vCPUs.
    pub nr_vcpus: u32,
    /// Reserved; zero.
    pub pad: u32,
    /// Array of `u32`: distances between nodes.
    pub vdistance: GuestHandle,
    /// Array of `u32`: nodes of the vCPUs.
    pub vcpu_to_vnode: GuestHandle,
    /// Array of `u32`: physical nodes.
    pub vnode_to_pnode: GuestHandle,
    /// Array of [`crate::memory::XenVmemrange`].
    pub vmemrange: GuestHandle,
}
const _: () = assert!(size_of::<XenDomctlVnuma>() == 48);

/// Monitoring of a cache.
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

/// Allotment of a cache or of memory bandwidth.
#[doc(alias = "xen_domctl_psr_alloc")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlPsrAlloc {
    /// `XEN_DOMCTL_PSR_*`.
    pub cmd: u32,
    /// The socket.
    pub target: u32,
    /// In or out: the mask, or the throttling.
    pub data: u64,
}
const _: () = assert!(size_of::<XenDomctlPsrAlloc>() == 16);

/// What a monitor is told.
#[doc(alias = "xen_domctl_monitor_op")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlMonitorOp {
    /// `XEN_DOMCTL_MONITOR_OP_*`.
    pub op: u32,
    /// `XEN_DOMCTL_MONITOR_EVENT_*`; out: what there is.
    pub event: u32,
    /// Options, by event.
    pub u: [u64; 2],
}
const _: () = assert!(size_of::<XenDomctlMonitorOp>() == 24);

/// An emulated serial port.
#[doc(alias = "xen_domctl_vuart_op")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlVuartOp {
    /// [`XEN_DOMCTL_VUART_OP_INIT`].
    pub cmd: u32,
    /// [`XEN_DOMCTL_VUART_TYPE_VPL011`].
    #[doc(alias = "type")]
    pub type_: u32,
    /// The guest frame.
    pub gfn: u64,
    /// The domain of the console.
    pub console_domid: DomId,
    /// Reserved; zero.
    pub pad: [u8; 2],
    /// Out: the port.
    pub evtchn: Port,
}
const _: () = assert!(size_of::<XenDomctlVuartOp>() == 24);

/// The processor trace.
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
    /// In or out: its value, or the position.
    pub value: u64,
}
const _: () = assert!(size_of::<XenDomctlVmtraceOp>() == 24);

/// Memory for page tables.
#[doc(alias = "xen_domctl_paging_mempool")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlPagingMempool {
    /// Size in bytes.
    pub size: u64,
}
const _: () = assert!(size_of::<XenDomctlPagingMempool>() == 8);

/// Colours of a cache.
#[doc(alias = "xen_domctl_set_llc_colors")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlSetLlcColors {
    /// How many.
    pub num_llc_colors: u32,
    /// Reserved; zero.
    pub pad: u32,
    /// Array of `u32`.
    pub llc_colors: GuestHandle,
}
const _: () = assert!(size_of::<XenDomctlSetLlcColors>() == 16);

/// A debugger's access to memory.
#[doc(alias = "xen_domctl_gdbsx_memio")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlGdbsxMemio {
    /// Root of the page tables; zero for the vCPU's.
    pub pgd3val: u64,
    /// The guest's virtual address.
    pub gva: u64,
    /// Address of the buffer.
    pub uva: u64,
    /// Length in bytes.
    pub len: u32,
    /// Whether it writes.
    pub gwr: u8,
    /// Padding; zero.
    pub _pad0: [u8; 3],
    /// Out: bytes left.
    pub remain: u32,
    /// Padding; zero.
    pub _pad1: [u8; 4],
}
const _: () = assert!(size_of::<XenDomctlGdbsxMemio>() == 40);

/// A debugger's vCPU.
#[doc(alias = "xen_domctl_gdbsx_pauseunp_vcpu")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlGdbsxPauseunpVcpu {
    /// The vCPU.
    pub vcpu: u32,
}
const _: () = assert!(size_of::<XenDomctlGdbsxPauseunpVcpu>() == 4);

/// A debugged domain's state.
#[doc(alias = "xen_domctl_gdbsx_domstatus")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlGdbsxDomstatus {
    /// Out: it is paused.
    pub paused: u8,
    /// Padding; zero.
    pub _pad0: [u8; 3],
    /// Out: the vCPU with an event.
    pub vcpu_id: u32,
    /// Out: the event.
    pub vcpu_ev: u32,
}
const _: () = assert!(size_of::<XenDomctlGdbsxDomstatus>() == 12);

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
