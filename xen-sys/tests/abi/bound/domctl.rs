//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "XEN_DOMCTL_GSI_REVOKE" => xen_sys::domctl::XEN_DOMCTL_GSI_REVOKE;
        "XEN_DOMCTL_GSI_GRANT" => xen_sys::domctl::XEN_DOMCTL_GSI_GRANT;
        "XEN_DOMCTL_GSI_ACTION_MASK" => xen_sys::domctl::XEN_DOMCTL_GSI_ACTION_MASK;
        "XEN_DOMCTL_DEV_PCI" => xen_sys::domctl::XEN_DOMCTL_DEV_PCI;
        "XEN_DOMCTL_DEV_DT" => xen_sys::domctl::XEN_DOMCTL_DEV_DT;
        "XEN_DOMCTL_DEV_RDM_RELAXED" => xen_sys::domctl::XEN_DOMCTL_DEV_RDM_RELAXED;
        "PT_IRQ_TYPE_PCI" => xen_sys::domctl::PT_IRQ_TYPE_PCI;
        "PT_IRQ_TYPE_ISA" => xen_sys::domctl::PT_IRQ_TYPE_ISA;
        "PT_IRQ_TYPE_MSI" => xen_sys::domctl::PT_IRQ_TYPE_MSI;
        "PT_IRQ_TYPE_MSI_TRANSLATE" => xen_sys::domctl::PT_IRQ_TYPE_MSI_TRANSLATE;
        "PT_IRQ_TYPE_SPI" => xen_sys::domctl::PT_IRQ_TYPE_SPI;
        "XEN_DOMCTL_VMSI_X86_DEST_ID_MASK" => xen_sys::domctl::XEN_DOMCTL_VMSI_X86_DEST_ID_MASK;
        "XEN_DOMCTL_VMSI_X86_RH_MASK" => xen_sys::domctl::XEN_DOMCTL_VMSI_X86_RH_MASK;
        "XEN_DOMCTL_VMSI_X86_DM_MASK" => xen_sys::domctl::XEN_DOMCTL_VMSI_X86_DM_MASK;
        "XEN_DOMCTL_VMSI_X86_DELIV_MASK" => xen_sys::domctl::XEN_DOMCTL_VMSI_X86_DELIV_MASK;
        "XEN_DOMCTL_VMSI_X86_TRIG_MASK" => xen_sys::domctl::XEN_DOMCTL_VMSI_X86_TRIG_MASK;
        "XEN_DOMCTL_VMSI_X86_UNMASKED" => xen_sys::domctl::XEN_DOMCTL_VMSI_X86_UNMASKED;
        "DPCI_ADD_MAPPING" => xen_sys::domctl::DPCI_ADD_MAPPING;
        "DPCI_REMOVE_MAPPING" => xen_sys::domctl::DPCI_REMOVE_MAPPING;
        "XEN_DOMCTL_MEM_CACHEATTR_UC" => xen_sys::domctl::XEN_DOMCTL_MEM_CACHEATTR_UC;
        "XEN_DOMCTL_MEM_CACHEATTR_WC" => xen_sys::domctl::XEN_DOMCTL_MEM_CACHEATTR_WC;
        "XEN_DOMCTL_MEM_CACHEATTR_WT" => xen_sys::domctl::XEN_DOMCTL_MEM_CACHEATTR_WT;
        "XEN_DOMCTL_MEM_CACHEATTR_WP" => xen_sys::domctl::XEN_DOMCTL_MEM_CACHEATTR_WP;
        "XEN_DOMCTL_MEM_CACHEATTR_WB" => xen_sys::domctl::XEN_DOMCTL_MEM_CACHEATTR_WB;
        "XEN_DOMCTL_MEM_CACHEATTR_UCM" => xen_sys::domctl::XEN_DOMCTL_MEM_CACHEATTR_UCM;
        "XEN_DOMCTL_DELETE_MEM_CACHEATTR" => xen_sys::domctl::XEN_DOMCTL_DELETE_MEM_CACHEATTR;
        "XEN_DOMCTL_VUART_OP_INIT" => xen_sys::domctl::XEN_DOMCTL_VUART_OP_INIT;
        "XEN_DOMCTL_VUART_TYPE_VPL011" => xen_sys::domctl::XEN_DOMCTL_VUART_TYPE_VPL011;
        "XEN_DOMCTL_CDF_hvm" => xen_sys::domctl::XEN_DOMCTL_CDF_HVM;
        "XEN_DOMCTL_CDF_hap" => xen_sys::domctl::XEN_DOMCTL_CDF_HAP;
        "XEN_DOMCTL_CDF_s3_integrity" => xen_sys::domctl::XEN_DOMCTL_CDF_S3_INTEGRITY;
        "XEN_DOMCTL_CDF_oos_off" => xen_sys::domctl::XEN_DOMCTL_CDF_OOS_OFF;
        "XEN_DOMCTL_CDF_xs_domain" => xen_sys::domctl::XEN_DOMCTL_CDF_XS_DOMAIN;
        "XEN_DOMCTL_CDF_iommu" => xen_sys::domctl::XEN_DOMCTL_CDF_IOMMU;
        "XEN_DOMCTL_CDF_nested_virt" => xen_sys::domctl::XEN_DOMCTL_CDF_NESTED_VIRT;
        "XEN_DOMCTL_CDF_vpmu" => xen_sys::domctl::XEN_DOMCTL_CDF_VPMU;
        "XEN_DOMCTL_CDF_MAX" => xen_sys::domctl::XEN_DOMCTL_CDF_MAX;
        "XEN_DOMCTL_IOMMU_no_sharept" => xen_sys::domctl::XEN_DOMCTL_IOMMU_NO_SHAREPT;
        "XEN_DOMCTL_IOMMU_MAX" => xen_sys::domctl::XEN_DOMCTL_IOMMU_MAX;
        "XEN_DOMCTL_GRANT_version_mask" => xen_sys::domctl::XEN_DOMCTL_GRANT_VERSION_MASK;
        "XEN_DOMCTL_ALTP2M_mode_mask" => xen_sys::domctl::XEN_DOMCTL_ALTP2M_MODE_MASK;
        "XEN_DOMCTL_ALTP2M_mixed" => xen_sys::domctl::XEN_DOMCTL_ALTP2M_MIXED;
        "XEN_DOMCTL_ALTP2M_external" => xen_sys::domctl::XEN_DOMCTL_ALTP2M_EXTERNAL;
        "XEN_DOMCTL_ALTP2M_limited" => xen_sys::domctl::XEN_DOMCTL_ALTP2M_LIMITED;
        "XEN_DOMINF_dying" => xen_sys::domctl::XEN_DOMINF_DYING;
        "XEN_DOMINF_hvm_guest" => xen_sys::domctl::XEN_DOMINF_HVM_GUEST;
        "XEN_DOMINF_shutdown" => xen_sys::domctl::XEN_DOMINF_SHUTDOWN;
        "XEN_DOMINF_paused" => xen_sys::domctl::XEN_DOMINF_PAUSED;
        "XEN_DOMINF_blocked" => xen_sys::domctl::XEN_DOMINF_BLOCKED;
        "XEN_DOMINF_running" => xen_sys::domctl::XEN_DOMINF_RUNNING;
        "XEN_DOMINF_debugged" => xen_sys::domctl::XEN_DOMINF_DEBUGGED;
        "XEN_DOMINF_xs_domain" => xen_sys::domctl::XEN_DOMINF_XS_DOMAIN;
        "XEN_DOMINF_hap" => xen_sys::domctl::XEN_DOMINF_HAP;
        "XEN_DOMINF_shutdownmask" => xen_sys::domctl::XEN_DOMINF_SHUTDOWNMASK;
        "XEN_DOMINF_shutdownshift" => xen_sys::domctl::XEN_DOMINF_SHUTDOWNSHIFT;
        "XEN_DOMCTL_PFINFO_LTAB_SHIFT" => xen_sys::domctl::XEN_DOMCTL_PFINFO_LTAB_SHIFT;
        "XEN_DOMCTL_PFINFO_NOTAB" => xen_sys::domctl::XEN_DOMCTL_PFINFO_NOTAB;
        "XEN_DOMCTL_PFINFO_L1TAB" => xen_sys::domctl::XEN_DOMCTL_PFINFO_L1TAB;
        "XEN_DOMCTL_PFINFO_L2TAB" => xen_sys::domctl::XEN_DOMCTL_PFINFO_L2TAB;
        "XEN_DOMCTL_PFINFO_L3TAB" => xen_sys::domctl::XEN_DOMCTL_PFINFO_L3TAB;
        "XEN_DOMCTL_PFINFO_L4TAB" => xen_sys::domctl::XEN_DOMCTL_PFINFO_L4TAB;
        "XEN_DOMCTL_PFINFO_LTABTYPE_MASK" => xen_sys::domctl::XEN_DOMCTL_PFINFO_LTABTYPE_MASK;
        "XEN_DOMCTL_PFINFO_LPINTAB" => xen_sys::domctl::XEN_DOMCTL_PFINFO_LPINTAB;
        "XEN_DOMCTL_PFINFO_XTAB" => xen_sys::domctl::XEN_DOMCTL_PFINFO_XTAB;
        "XEN_DOMCTL_PFINFO_XALLOC" => xen_sys::domctl::XEN_DOMCTL_PFINFO_XALLOC;
        "XEN_DOMCTL_PFINFO_BROKEN" => xen_sys::domctl::XEN_DOMCTL_PFINFO_BROKEN;
        "XEN_DOMCTL_PFINFO_LTAB_MASK" => xen_sys::domctl::XEN_DOMCTL_PFINFO_LTAB_MASK;
        "XEN_DOMCTL_SHADOW_OP_OFF" => xen_sys::domctl::XEN_DOMCTL_SHADOW_OP_OFF;
        "XEN_DOMCTL_SHADOW_OP_ENABLE" => xen_sys::domctl::XEN_DOMCTL_SHADOW_OP_ENABLE;
        "XEN_DOMCTL_SHADOW_OP_CLEAN" => xen_sys::domctl::XEN_DOMCTL_SHADOW_OP_CLEAN;
        "XEN_DOMCTL_SHADOW_OP_PEEK" => xen_sys::domctl::XEN_DOMCTL_SHADOW_OP_PEEK;
        "XEN_DOMCTL_SHADOW_OP_GET_ALLOCATION" =>
            xen_sys::domctl::XEN_DOMCTL_SHADOW_OP_GET_ALLOCATION;
        "XEN_DOMCTL_SHADOW_OP_SET_ALLOCATION" =>
            xen_sys::domctl::XEN_DOMCTL_SHADOW_OP_SET_ALLOCATION;
        "XEN_DOMCTL_SHADOW_OP_ENABLE_TEST" => xen_sys::domctl::XEN_DOMCTL_SHADOW_OP_ENABLE_TEST;
        "XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY" =>
            xen_sys::domctl::XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY;
        "XEN_DOMCTL_SHADOW_ENABLE_REFCOUNT" => xen_sys::domctl::XEN_DOMCTL_SHADOW_ENABLE_REFCOUNT;
        "XEN_DOMCTL_SHADOW_ENABLE_LOG_DIRTY" => xen_sys::domctl::XEN_DOMCTL_SHADOW_ENABLE_LOG_DIRTY;
        "XEN_DOMCTL_SHADOW_ENABLE_TRANSLATE" => xen_sys::domctl::XEN_DOMCTL_SHADOW_ENABLE_TRANSLATE;
        "XEN_DOMCTL_SHADOW_ENABLE_EXTERNAL" => xen_sys::domctl::XEN_DOMCTL_SHADOW_ENABLE_EXTERNAL;
        "XEN_DOMCTL_SHADOW_LOGDIRTY_FINAL" => xen_sys::domctl::XEN_DOMCTL_SHADOW_LOGDIRTY_FINAL;
        "XEN_DOMCTL_MEM_SHARING_CONTROL" => xen_sys::domctl::XEN_DOMCTL_MEM_SHARING_CONTROL;
        "XEN_DOMCTL_INTERFACE_VERSION" => xen_sys::domctl::XEN_DOMCTL_INTERFACE_VERSION;
        "XEN_DOMCTL_createdomain" => xen_sys::domctl::XEN_DOMCTL_CREATEDOMAIN;
        "XEN_DOMCTL_destroydomain" => xen_sys::domctl::XEN_DOMCTL_DESTROYDOMAIN;
        "XEN_DOMCTL_pausedomain" => xen_sys::domctl::XEN_DOMCTL_PAUSEDOMAIN;
        "XEN_DOMCTL_unpausedomain" => xen_sys::domctl::XEN_DOMCTL_UNPAUSEDOMAIN;
        "XEN_DOMCTL_getdomaininfo" => xen_sys::domctl::XEN_DOMCTL_GETDOMAININFO;
        "XEN_DOMCTL_setvcpuaffinity" => xen_sys::domctl::XEN_DOMCTL_SETVCPUAFFINITY;
        "XEN_DOMCTL_shadow_op" => xen_sys::domctl::XEN_DOMCTL_SHADOW_OP;
        "XEN_DOMCTL_max_mem" => xen_sys::domctl::XEN_DOMCTL_MAX_MEM;
        "XEN_DOMCTL_setvcpucontext" => xen_sys::domctl::XEN_DOMCTL_SETVCPUCONTEXT;
        "XEN_DOMCTL_getvcpucontext" => xen_sys::domctl::XEN_DOMCTL_GETVCPUCONTEXT;
        "XEN_DOMCTL_getvcpuinfo" => xen_sys::domctl::XEN_DOMCTL_GETVCPUINFO;
        "XEN_DOMCTL_max_vcpus" => xen_sys::domctl::XEN_DOMCTL_MAX_VCPUS;
        "XEN_DOMCTL_scheduler_op" => xen_sys::domctl::XEN_DOMCTL_SCHEDULER_OP;
        "XEN_DOMCTL_setdomainhandle" => xen_sys::domctl::XEN_DOMCTL_SETDOMAINHANDLE;
        "XEN_DOMCTL_setdebugging" => xen_sys::domctl::XEN_DOMCTL_SETDEBUGGING;
        "XEN_DOMCTL_irq_permission" => xen_sys::domctl::XEN_DOMCTL_IRQ_PERMISSION;
        "XEN_DOMCTL_iomem_permission" => xen_sys::domctl::XEN_DOMCTL_IOMEM_PERMISSION;
        "XEN_DOMCTL_ioport_permission" => xen_sys::domctl::XEN_DOMCTL_IOPORT_PERMISSION;
        "XEN_DOMCTL_hypercall_init" => xen_sys::domctl::XEN_DOMCTL_HYPERCALL_INIT;
        "XEN_DOMCTL_settimeoffset" => xen_sys::domctl::XEN_DOMCTL_SETTIMEOFFSET;
        "XEN_DOMCTL_getvcpuaffinity" => xen_sys::domctl::XEN_DOMCTL_GETVCPUAFFINITY;
        "XEN_DOMCTL_real_mode_area" => xen_sys::domctl::XEN_DOMCTL_REAL_MODE_AREA;
        "XEN_DOMCTL_resumedomain" => xen_sys::domctl::XEN_DOMCTL_RESUMEDOMAIN;
        "XEN_DOMCTL_sendtrigger" => xen_sys::domctl::XEN_DOMCTL_SENDTRIGGER;
        "XEN_DOMCTL_subscribe" => xen_sys::domctl::XEN_DOMCTL_SUBSCRIBE;
        "XEN_DOMCTL_gethvmcontext" => xen_sys::domctl::XEN_DOMCTL_GETHVMCONTEXT;
        "XEN_DOMCTL_sethvmcontext" => xen_sys::domctl::XEN_DOMCTL_SETHVMCONTEXT;
        "XEN_DOMCTL_set_address_size" => xen_sys::domctl::XEN_DOMCTL_SET_ADDRESS_SIZE;
        "XEN_DOMCTL_get_address_size" => xen_sys::domctl::XEN_DOMCTL_GET_ADDRESS_SIZE;
        "XEN_DOMCTL_assign_device" => xen_sys::domctl::XEN_DOMCTL_ASSIGN_DEVICE;
        "XEN_DOMCTL_bind_pt_irq" => xen_sys::domctl::XEN_DOMCTL_BIND_PT_IRQ;
        "XEN_DOMCTL_memory_mapping" => xen_sys::domctl::XEN_DOMCTL_MEMORY_MAPPING;
        "XEN_DOMCTL_ioport_mapping" => xen_sys::domctl::XEN_DOMCTL_IOPORT_MAPPING;
        "XEN_DOMCTL_set_ext_vcpucontext" => xen_sys::domctl::XEN_DOMCTL_SET_EXT_VCPUCONTEXT;
        "XEN_DOMCTL_get_ext_vcpucontext" => xen_sys::domctl::XEN_DOMCTL_GET_EXT_VCPUCONTEXT;
        "XEN_DOMCTL_set_opt_feature" => xen_sys::domctl::XEN_DOMCTL_SET_OPT_FEATURE;
        "XEN_DOMCTL_test_assign_device" => xen_sys::domctl::XEN_DOMCTL_TEST_ASSIGN_DEVICE;
        "XEN_DOMCTL_set_target" => xen_sys::domctl::XEN_DOMCTL_SET_TARGET;
        "XEN_DOMCTL_deassign_device" => xen_sys::domctl::XEN_DOMCTL_DEASSIGN_DEVICE;
        "XEN_DOMCTL_unbind_pt_irq" => xen_sys::domctl::XEN_DOMCTL_UNBIND_PT_IRQ;
        "XEN_DOMCTL_get_device_group" => xen_sys::domctl::XEN_DOMCTL_GET_DEVICE_GROUP;
        "XEN_DOMCTL_debug_op" => xen_sys::domctl::XEN_DOMCTL_DEBUG_OP;
        "XEN_DOMCTL_gethvmcontext_partial" => xen_sys::domctl::XEN_DOMCTL_GETHVMCONTEXT_PARTIAL;
        "XEN_DOMCTL_vm_event_op" => xen_sys::domctl::XEN_DOMCTL_VM_EVENT_OP;
        "XEN_DOMCTL_mem_sharing_op" => xen_sys::domctl::XEN_DOMCTL_MEM_SHARING_OP;
        "XEN_DOMCTL_gettscinfo" => xen_sys::domctl::XEN_DOMCTL_GETTSCINFO;
        "XEN_DOMCTL_settscinfo" => xen_sys::domctl::XEN_DOMCTL_SETTSCINFO;
        "XEN_DOMCTL_getpageframeinfo3" => xen_sys::domctl::XEN_DOMCTL_GETPAGEFRAMEINFO3;
        "XEN_DOMCTL_setvcpuextstate" => xen_sys::domctl::XEN_DOMCTL_SETVCPUEXTSTATE;
        "XEN_DOMCTL_getvcpuextstate" => xen_sys::domctl::XEN_DOMCTL_GETVCPUEXTSTATE;
        "XEN_DOMCTL_set_access_required" => xen_sys::domctl::XEN_DOMCTL_SET_ACCESS_REQUIRED;
        "XEN_DOMCTL_audit_p2m" => xen_sys::domctl::XEN_DOMCTL_AUDIT_P2M;
        "XEN_DOMCTL_set_virq_handler" => xen_sys::domctl::XEN_DOMCTL_SET_VIRQ_HANDLER;
        "XEN_DOMCTL_set_broken_page_p2m" => xen_sys::domctl::XEN_DOMCTL_SET_BROKEN_PAGE_P2M;
        "XEN_DOMCTL_setnodeaffinity" => xen_sys::domctl::XEN_DOMCTL_SETNODEAFFINITY;
        "XEN_DOMCTL_getnodeaffinity" => xen_sys::domctl::XEN_DOMCTL_GETNODEAFFINITY;
        "XEN_DOMCTL_cacheflush" => xen_sys::domctl::XEN_DOMCTL_CACHEFLUSH;
        "XEN_DOMCTL_get_vcpu_msrs" => xen_sys::domctl::XEN_DOMCTL_GET_VCPU_MSRS;
        "XEN_DOMCTL_set_vcpu_msrs" => xen_sys::domctl::XEN_DOMCTL_SET_VCPU_MSRS;
        "XEN_DOMCTL_setvnumainfo" => xen_sys::domctl::XEN_DOMCTL_SETVNUMAINFO;
        "XEN_DOMCTL_psr_cmt_op" => xen_sys::domctl::XEN_DOMCTL_PSR_CMT_OP;
        "XEN_DOMCTL_monitor_op" => xen_sys::domctl::XEN_DOMCTL_MONITOR_OP;
        "XEN_DOMCTL_psr_alloc" => xen_sys::domctl::XEN_DOMCTL_PSR_ALLOC;
        "XEN_DOMCTL_soft_reset" => xen_sys::domctl::XEN_DOMCTL_SOFT_RESET;
        "XEN_DOMCTL_vuart_op" => xen_sys::domctl::XEN_DOMCTL_VUART_OP;
        "XEN_DOMCTL_get_cpu_policy" => xen_sys::domctl::XEN_DOMCTL_GET_CPU_POLICY;
        "XEN_DOMCTL_set_cpu_policy" => xen_sys::domctl::XEN_DOMCTL_SET_CPU_POLICY;
        "XEN_DOMCTL_vmtrace_op" => xen_sys::domctl::XEN_DOMCTL_VMTRACE_OP;
        "XEN_DOMCTL_get_paging_mempool_size" => xen_sys::domctl::XEN_DOMCTL_GET_PAGING_MEMPOOL_SIZE;
        "XEN_DOMCTL_set_paging_mempool_size" => xen_sys::domctl::XEN_DOMCTL_SET_PAGING_MEMPOOL_SIZE;
        "XEN_DOMCTL_dt_overlay" => xen_sys::domctl::XEN_DOMCTL_DT_OVERLAY;
        "XEN_DOMCTL_gsi_permission" => xen_sys::domctl::XEN_DOMCTL_GSI_PERMISSION;
        "XEN_DOMCTL_set_llc_colors" => xen_sys::domctl::XEN_DOMCTL_SET_LLC_COLORS;
        "XEN_DOMCTL_gdbsx_guestmemio" => xen_sys::domctl::XEN_DOMCTL_GDBSX_GUESTMEMIO;
        "XEN_DOMCTL_gdbsx_pausevcpu" => xen_sys::domctl::XEN_DOMCTL_GDBSX_PAUSEVCPU;
        "XEN_DOMCTL_gdbsx_unpausevcpu" => xen_sys::domctl::XEN_DOMCTL_GDBSX_UNPAUSEVCPU;
        "XEN_DOMCTL_gdbsx_domstatus" => xen_sys::domctl::XEN_DOMCTL_GDBSX_DOMSTATUS;
        "XEN_DOMCTL_DEBUG_OP_SINGLE_STEP_OFF" =>
            xen_sys::domctl::XEN_DOMCTL_DEBUG_OP_SINGLE_STEP_OFF;
        "XEN_DOMCTL_DEBUG_OP_SINGLE_STEP_ON" => xen_sys::domctl::XEN_DOMCTL_DEBUG_OP_SINGLE_STEP_ON;
        "XEN_VM_EVENT_ENABLE" => xen_sys::domctl::XEN_VM_EVENT_ENABLE;
        "XEN_VM_EVENT_DISABLE" => xen_sys::domctl::XEN_VM_EVENT_DISABLE;
        "XEN_VM_EVENT_RESUME" => xen_sys::domctl::XEN_VM_EVENT_RESUME;
        "XEN_VM_EVENT_GET_VERSION" => xen_sys::domctl::XEN_VM_EVENT_GET_VERSION;
        "XEN_DOMCTL_VM_EVENT_OP_PAGING" => xen_sys::domctl::XEN_DOMCTL_VM_EVENT_OP_PAGING;
        "XEN_DOMCTL_VM_EVENT_OP_MONITOR" => xen_sys::domctl::XEN_DOMCTL_VM_EVENT_OP_MONITOR;
        "XEN_DOMCTL_VM_EVENT_OP_SHARING" => xen_sys::domctl::XEN_DOMCTL_VM_EVENT_OP_SHARING;
        "XEN_DOMCTL_PSR_CMT_OP_DETACH" => xen_sys::domctl::XEN_DOMCTL_PSR_CMT_OP_DETACH;
        "XEN_DOMCTL_PSR_CMT_OP_ATTACH" => xen_sys::domctl::XEN_DOMCTL_PSR_CMT_OP_ATTACH;
        "XEN_DOMCTL_PSR_CMT_OP_QUERY_RMID" => xen_sys::domctl::XEN_DOMCTL_PSR_CMT_OP_QUERY_RMID;
        "XEN_DOMCTL_PSR_SET_L3_CBM" => xen_sys::domctl::XEN_DOMCTL_PSR_SET_L3_CBM;
        "XEN_DOMCTL_PSR_SET_L3_CODE" => xen_sys::domctl::XEN_DOMCTL_PSR_SET_L3_CODE;
        "XEN_DOMCTL_PSR_SET_L3_DATA" => xen_sys::domctl::XEN_DOMCTL_PSR_SET_L3_DATA;
        "XEN_DOMCTL_PSR_SET_L2_CBM" => xen_sys::domctl::XEN_DOMCTL_PSR_SET_L2_CBM;
        "XEN_DOMCTL_PSR_SET_MBA_THRTL" => xen_sys::domctl::XEN_DOMCTL_PSR_SET_MBA_THRTL;
        "XEN_DOMCTL_PSR_GET_L3_CBM" => xen_sys::domctl::XEN_DOMCTL_PSR_GET_L3_CBM;
        "XEN_DOMCTL_PSR_GET_L3_CODE" => xen_sys::domctl::XEN_DOMCTL_PSR_GET_L3_CODE;
        "XEN_DOMCTL_PSR_GET_L3_DATA" => xen_sys::domctl::XEN_DOMCTL_PSR_GET_L3_DATA;
        "XEN_DOMCTL_PSR_GET_L2_CBM" => xen_sys::domctl::XEN_DOMCTL_PSR_GET_L2_CBM;
        "XEN_DOMCTL_PSR_GET_MBA_THRTL" => xen_sys::domctl::XEN_DOMCTL_PSR_GET_MBA_THRTL;
        "XEN_DOMCTL_MONITOR_OP_ENABLE" => xen_sys::domctl::XEN_DOMCTL_MONITOR_OP_ENABLE;
        "XEN_DOMCTL_MONITOR_OP_DISABLE" => xen_sys::domctl::XEN_DOMCTL_MONITOR_OP_DISABLE;
        "XEN_DOMCTL_MONITOR_OP_GET_CAPABILITIES" =>
            xen_sys::domctl::XEN_DOMCTL_MONITOR_OP_GET_CAPABILITIES;
        "XEN_DOMCTL_MONITOR_OP_EMULATE_EACH_REP" =>
            xen_sys::domctl::XEN_DOMCTL_MONITOR_OP_EMULATE_EACH_REP;
        "XEN_DOMCTL_MONITOR_OP_CONTROL_REGISTERS" =>
            xen_sys::domctl::XEN_DOMCTL_MONITOR_OP_CONTROL_REGISTERS;
        "XEN_DOMCTL_MONITOR_EVENT_WRITE_CTRLREG" =>
            xen_sys::domctl::XEN_DOMCTL_MONITOR_EVENT_WRITE_CTRLREG;
        "XEN_DOMCTL_MONITOR_EVENT_MOV_TO_MSR" =>
            xen_sys::domctl::XEN_DOMCTL_MONITOR_EVENT_MOV_TO_MSR;
        "XEN_DOMCTL_MONITOR_EVENT_SINGLESTEP" =>
            xen_sys::domctl::XEN_DOMCTL_MONITOR_EVENT_SINGLESTEP;
        "XEN_DOMCTL_MONITOR_EVENT_SOFTWARE_BREAKPOINT" =>
            xen_sys::domctl::XEN_DOMCTL_MONITOR_EVENT_SOFTWARE_BREAKPOINT;
        "XEN_DOMCTL_MONITOR_EVENT_GUEST_REQUEST" =>
            xen_sys::domctl::XEN_DOMCTL_MONITOR_EVENT_GUEST_REQUEST;
        "XEN_DOMCTL_MONITOR_EVENT_DEBUG_EXCEPTION" =>
            xen_sys::domctl::XEN_DOMCTL_MONITOR_EVENT_DEBUG_EXCEPTION;
        "XEN_DOMCTL_MONITOR_EVENT_CPUID" => xen_sys::domctl::XEN_DOMCTL_MONITOR_EVENT_CPUID;
        "XEN_DOMCTL_MONITOR_EVENT_PRIVILEGED_CALL" =>
            xen_sys::domctl::XEN_DOMCTL_MONITOR_EVENT_PRIVILEGED_CALL;
        "XEN_DOMCTL_MONITOR_EVENT_INTERRUPT" => xen_sys::domctl::XEN_DOMCTL_MONITOR_EVENT_INTERRUPT;
        "XEN_DOMCTL_MONITOR_EVENT_DESC_ACCESS" =>
            xen_sys::domctl::XEN_DOMCTL_MONITOR_EVENT_DESC_ACCESS;
        "XEN_DOMCTL_MONITOR_EVENT_EMUL_UNIMPLEMENTED" =>
            xen_sys::domctl::XEN_DOMCTL_MONITOR_EVENT_EMUL_UNIMPLEMENTED;
        "XEN_DOMCTL_MONITOR_EVENT_INGUEST_PAGEFAULT" =>
            xen_sys::domctl::XEN_DOMCTL_MONITOR_EVENT_INGUEST_PAGEFAULT;
        "XEN_DOMCTL_MONITOR_EVENT_VMEXIT" => xen_sys::domctl::XEN_DOMCTL_MONITOR_EVENT_VMEXIT;
        "XEN_DOMCTL_MONITOR_EVENT_IO" => xen_sys::domctl::XEN_DOMCTL_MONITOR_EVENT_IO;
        "XEN_DOMCTL_vmtrace_enable" => xen_sys::domctl::XEN_DOMCTL_VMTRACE_ENABLE;
        "XEN_DOMCTL_vmtrace_disable" => xen_sys::domctl::XEN_DOMCTL_VMTRACE_DISABLE;
        "XEN_DOMCTL_vmtrace_reset_and_enable" =>
            xen_sys::domctl::XEN_DOMCTL_VMTRACE_RESET_AND_ENABLE;
        "XEN_DOMCTL_vmtrace_output_position" => xen_sys::domctl::XEN_DOMCTL_VMTRACE_OUTPUT_POSITION;
        "XEN_DOMCTL_vmtrace_get_option" => xen_sys::domctl::XEN_DOMCTL_VMTRACE_GET_OPTION;
        "XEN_DOMCTL_vmtrace_set_option" => xen_sys::domctl::XEN_DOMCTL_VMTRACE_SET_OPTION;
        "XEN_INVALID_MAX_VCPU_ID" => xen_sys::domctl::XEN_INVALID_MAX_VCPU_ID;
        "XEN_VCPUAFFINITY_HARD" => xen_sys::domctl::XEN_VCPUAFFINITY_HARD;
        "XEN_VCPUAFFINITY_SOFT" => xen_sys::domctl::XEN_VCPUAFFINITY_SOFT;
        "XEN_VCPUAFFINITY_FORCE" => xen_sys::domctl::XEN_VCPUAFFINITY_FORCE;
        "XEN_SCHEDULER_CREDIT" => xen_sys::domctl::XEN_SCHEDULER_CREDIT;
        "XEN_SCHEDULER_CREDIT2" => xen_sys::domctl::XEN_SCHEDULER_CREDIT2;
        "XEN_SCHEDULER_ARINC653" => xen_sys::domctl::XEN_SCHEDULER_ARINC653;
        "XEN_SCHEDULER_RTDS" => xen_sys::domctl::XEN_SCHEDULER_RTDS;
        "XEN_SCHEDULER_NULL" => xen_sys::domctl::XEN_SCHEDULER_NULL;
        "XEN_DOMCTL_SCHEDRT_extra" => xen_sys::domctl::XEN_DOMCTL_SCHEDRT_EXTRA;
        "XEN_DOMCTL_SCHEDOP_putinfo" => xen_sys::domctl::XEN_DOMCTL_SCHEDOP_PUTINFO;
        "XEN_DOMCTL_SCHEDOP_getinfo" => xen_sys::domctl::XEN_DOMCTL_SCHEDOP_GETINFO;
        "XEN_DOMCTL_SCHEDOP_putvcpuinfo" => xen_sys::domctl::XEN_DOMCTL_SCHEDOP_PUTVCPUINFO;
        "XEN_DOMCTL_SCHEDOP_getvcpuinfo" => xen_sys::domctl::XEN_DOMCTL_SCHEDOP_GETVCPUINFO;
        "XEN_DOMCTL_SENDTRIGGER_NMI" => xen_sys::domctl::XEN_DOMCTL_SENDTRIGGER_NMI;
        "XEN_DOMCTL_SENDTRIGGER_RESET" => xen_sys::domctl::XEN_DOMCTL_SENDTRIGGER_RESET;
        "XEN_DOMCTL_SENDTRIGGER_INIT" => xen_sys::domctl::XEN_DOMCTL_SENDTRIGGER_INIT;
        "XEN_DOMCTL_SENDTRIGGER_POWER" => xen_sys::domctl::XEN_DOMCTL_SENDTRIGGER_POWER;
        "XEN_DOMCTL_SENDTRIGGER_SLEEP" => xen_sys::domctl::XEN_DOMCTL_SENDTRIGGER_SLEEP;
        "XEN_CPUID_INPUT_UNUSED" => xen_sys::domctl::XEN_CPUID_INPUT_UNUSED;
    }
    texts {
    }
    structures {
        "xen_domctl_irq_permission" => xen_sys::domctl::XenDomctlIrqPermission {
            "pirq" => pirq, "allow_access" => allow_access, "pad" => pad,
        };
        "xen_domctl_gsi_permission" => xen_sys::domctl::XenDomctlGsiPermission {
            "gsi" => gsi, "flags" => flags,
        };
        "xen_domctl_iomem_permission" => xen_sys::domctl::XenDomctlIomemPermission {
            "first_mfn" => first_mfn, "nr_mfns" => nr_mfns, "allow_access" => allow_access,
        };
        "xen_domctl_ioport_permission" => xen_sys::domctl::XenDomctlIoportPermission {
            "first_port" => first_port, "nr_ports" => nr_ports, "allow_access" => allow_access,
        };
        "xen_domctl_get_device_group" => xen_sys::domctl::XenDomctlGetDeviceGroup {
            "machine_sbdf" => machine_sbdf, "max_sdevs" => max_sdevs, "num_sdevs" => num_sdevs,
            "sdev_array" => sdev_array,
        };
        "xen_domctl_assign_device" => xen_sys::domctl::XenDomctlAssignDevice {
            "dev" => dev, "flags" => flags, "u" => u,
        };
        "xen_domctl_bind_pt_irq" => xen_sys::domctl::XenDomctlBindPtIrq {
            "machine_irq" => machine_irq, "irq_type" => irq_type, "u" => u,
        };
        "xen_domctl_memory_mapping" => xen_sys::domctl::XenDomctlMemoryMapping {
            "first_gfn" => first_gfn, "first_mfn" => first_mfn, "nr_mfns" => nr_mfns,
            "add_mapping" => add_mapping, "padding" => padding,
        };
        "xen_domctl_ioport_mapping" => xen_sys::domctl::XenDomctlIoportMapping {
            "first_gport" => first_gport, "first_mport" => first_mport, "nr_ports" => nr_ports,
            "add_mapping" => add_mapping,
        };
        "xen_domctl_vuart_op" => xen_sys::domctl::XenDomctlVuartOp {
            "cmd" => cmd, "type" => type_, "gfn" => gfn, "console_domid" => console_domid,
            "pad" => pad, "evtchn" => evtchn,
        };
        "xen_domctl_setdomainhandle" => xen_sys::domctl::XenDomctlSetdomainhandle {
            "handle" => handle,
        };
        "xen_domctl_setdebugging" => xen_sys::domctl::XenDomctlSetdebugging { "enable" => enable, };
        "xen_domctl_hypercall_init" => xen_sys::domctl::XenDomctlHypercallInit { "gmfn" => gmfn, };
        "xen_domctl_settimeoffset" => xen_sys::domctl::XenDomctlSettimeoffset {
            "time_offset_seconds" => time_offset_seconds,
        };
        "xen_domctl_set_target" => xen_sys::domctl::XenDomctlSetTarget { "target" => target, };
        "xen_domctl_set_virq_handler" => xen_sys::domctl::XenDomctlSetVirqHandler {
            "virq" => virq,
        };
        "xen_domctl_getpageframeinfo3" => xen_sys::domctl::XenDomctlGetpageframeinfo3 {
            "num" => num, "array" => array,
        };
        "xen_domctl_shadow_op_stats" => xen_sys::domctl::XenDomctlShadowOpStats {
            "fault_count" => fault_count, "dirty_count" => dirty_count,
        };
        "xen_domctl_shadow_op" => xen_sys::domctl::XenDomctlShadowOp {
            "op" => op, "mode" => mode, "mb" => mb, "dirty_bitmap" => dirty_bitmap,
            "pages" => pages, "stats" => stats,
        };
        "xen_domctl_max_mem" => xen_sys::domctl::XenDomctlMaxMem { "max_memkb" => max_memkb, };
        "xen_domctl_mem_sharing_op" => xen_sys::domctl::XenDomctlMemSharingOp {
            "op" => op, "u" => u,
        };
        "xen_domctl_audit_p2m" => xen_sys::domctl::XenDomctlAuditP2m {
            "orphans" => orphans, "m2p_bad" => m2p_bad, "p2m_bad" => p2m_bad,
        };
        "xen_domctl_set_broken_page_p2m" => xen_sys::domctl::XenDomctlSetBrokenPageP2m {
            "pfn" => pfn,
        };
        "xen_domctl_cacheflush" => xen_sys::domctl::XenDomctlCacheflush {
            "start_pfn" => start_pfn, "nr_pfns" => nr_pfns,
        };
        "xen_domctl_vnuma" => xen_sys::domctl::XenDomctlVnuma {
            "nr_vnodes" => nr_vnodes, "nr_vmemranges" => nr_vmemranges, "nr_vcpus" => nr_vcpus,
            "pad" => pad, "vdistance" => vdistance, "vcpu_to_vnode" => vcpu_to_vnode,
            "vnode_to_pnode" => vnode_to_pnode, "vmemrange" => vmemrange,
        };
        "xen_domctl_paging_mempool" => xen_sys::domctl::XenDomctlPagingMempool { "size" => size, };
        "xen_domctl_set_llc_colors" => xen_sys::domctl::XenDomctlSetLlcColors {
            "num_llc_colors" => num_llc_colors, "pad" => pad, "llc_colors" => llc_colors,
        };
        "xen_domctl" => xen_sys::domctl::XenDomctl {
            "cmd" => cmd, "interface_version" => interface_version, "domain" => domain,
            "_pad" => _pad, "u" => u,
        };
        "xen_domctl_subscribe" => xen_sys::domctl::XenDomctlSubscribe { "port" => port, };
        "xen_domctl_debug_op" => xen_sys::domctl::XenDomctlDebugOp { "op" => op, "vcpu" => vcpu, };
        "xen_domctl_vm_event_op" => xen_sys::domctl::XenDomctlVmEventOp {
            "op" => op, "mode" => mode, "u" => u,
        };
        "xen_domctl_set_access_required" => xen_sys::domctl::XenDomctlSetAccessRequired {
            "access_required" => access_required,
        };
        "xen_domctl_psr_cmt_op" => xen_sys::domctl::XenDomctlPsrCmtOp {
            "cmd" => cmd, "data" => data,
        };
        "xen_domctl_psr_alloc" => xen_sys::domctl::XenDomctlPsrAlloc {
            "cmd" => cmd, "target" => target, "data" => data,
        };
        "xen_domctl_monitor_op" => xen_sys::domctl::XenDomctlMonitorOp {
            "op" => op, "event" => event, "u" => u,
        };
        "xen_domctl_vmtrace_op" => xen_sys::domctl::XenDomctlVmtraceOp {
            "cmd" => cmd, "vcpu" => vcpu, "key" => key, "value" => value,
        };
        "xen_domctl_gdbsx_memio" => xen_sys::domctl::XenDomctlGdbsxMemio {
            "pgd3val" => pgd3val, "gva" => gva, "uva" => uva, "len" => len, "gwr" => gwr,
            "remain" => remain,
        };
        "xen_domctl_gdbsx_pauseunp_vcpu" => xen_sys::domctl::XenDomctlGdbsxPauseunpVcpu {
            "vcpu" => vcpu,
        };
        "xen_domctl_gdbsx_domstatus" => xen_sys::domctl::XenDomctlGdbsxDomstatus {
            "paused" => paused, "vcpu_id" => vcpu_id, "vcpu_ev" => vcpu_ev,
        };
        "xen_domctl_vcpucontext" => xen_sys::domctl::XenDomctlVcpucontext {
            "vcpu" => vcpu, "ctxt" => ctxt,
        };
        "xen_domctl_getvcpuinfo" => xen_sys::domctl::XenDomctlGetvcpuinfo {
            "vcpu" => vcpu, "online" => online, "blocked" => blocked, "running" => running,
            "cpu_time" => cpu_time, "cpu" => cpu,
        };
        "xen_domctl_nodeaffinity" => xen_sys::domctl::XenDomctlNodeaffinity {
            "nodemap" => nodemap,
        };
        "xen_domctl_vcpuaffinity" => xen_sys::domctl::XenDomctlVcpuaffinity {
            "vcpu" => vcpu, "flags" => flags, "cpumap_hard" => cpumap_hard,
            "cpumap_soft" => cpumap_soft,
        };
        "xen_domctl_max_vcpus" => xen_sys::domctl::XenDomctlMaxVcpus { "max" => max, };
        "xen_domctl_sched_credit" => xen_sys::domctl::XenDomctlSchedCredit {
            "weight" => weight, "cap" => cap,
        };
        "xen_domctl_sched_credit2" => xen_sys::domctl::XenDomctlSchedCredit2 {
            "weight" => weight, "cap" => cap,
        };
        "xen_domctl_sched_rtds" => xen_sys::domctl::XenDomctlSchedRtds {
            "period" => period, "budget" => budget, "flags" => flags,
        };
        "xen_domctl_schedparam_vcpu" => xen_sys::domctl::XenDomctlSchedparamVcpu {
            "u" => u, "vcpuid" => vcpuid,
        };
        "xen_domctl_scheduler_op" => xen_sys::domctl::XenDomctlSchedulerOp {
            "sched_id" => sched_id, "cmd" => cmd, "u" => u,
        };
        "xen_domctl_tsc_info" => xen_sys::domctl::XenDomctlTscInfo {
            "tsc_mode" => tsc_mode, "gtsc_khz" => gtsc_khz, "incarnation" => incarnation,
            "pad" => pad, "elapsed_nsec" => elapsed_nsec,
        };
        "xen_domctl_hvmcontext" => xen_sys::domctl::XenDomctlHvmcontext {
            "size" => size, "buffer" => buffer,
        };
        "xen_domctl_hvmcontext_partial" => xen_sys::domctl::XenDomctlHvmcontextPartial {
            "type" => type_, "instance" => instance, "bufsz" => bufsz, "buffer" => buffer,
        };
        "xen_domctl_address_size" => xen_sys::domctl::XenDomctlAddressSize { "size" => size, };
        "xen_domctl_sendtrigger" => xen_sys::domctl::XenDomctlSendtrigger {
            "trigger" => trigger, "vcpu" => vcpu,
        };
        "xen_domctl_cpu_policy" => xen_sys::domctl::XenDomctlCpuPolicy {
            "nr_leaves" => nr_leaves, "nr_msrs" => nr_msrs, "leaves" => leaves, "msrs" => msrs,
            "err_leaf" => err_leaf, "err_subleaf" => err_subleaf, "err_msr" => err_msr,
        };
        "xen_domctl_vcpuextstate" => xen_sys::domctl::XenDomctlVcpuextstate {
            "vcpu" => vcpu, "xfeature_mask" => xfeature_mask, "size" => size, "buffer" => buffer,
        };
        "xen_domctl_vcpu_msr" => xen_sys::domctl::XenDomctlVcpuMsr {
            "index" => index, "reserved" => reserved, "value" => value,
        };
        "xen_domctl_vcpu_msrs" => xen_sys::domctl::XenDomctlVcpuMsrs {
            "vcpu" => vcpu, "msr_count" => msr_count, "msrs" => msrs,
        };
    }
}
