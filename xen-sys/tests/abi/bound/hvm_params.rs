//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "HVM_PARAM_CALLBACK_IRQ" => xen_sys::hvm::params::HVM_PARAM_CALLBACK_IRQ;
        "HVM_PARAM_STORE_PFN" => xen_sys::hvm::params::HVM_PARAM_STORE_PFN;
        "HVM_PARAM_STORE_EVTCHN" => xen_sys::hvm::params::HVM_PARAM_STORE_EVTCHN;
        "HVM_PARAM_PAE_ENABLED" => xen_sys::hvm::params::HVM_PARAM_PAE_ENABLED;
        "HVM_PARAM_IOREQ_PFN" => xen_sys::hvm::params::HVM_PARAM_IOREQ_PFN;
        "HVM_PARAM_BUFIOREQ_PFN" => xen_sys::hvm::params::HVM_PARAM_BUFIOREQ_PFN;
        "HVM_PARAM_VIRIDIAN" => xen_sys::hvm::params::HVM_PARAM_VIRIDIAN;
        "HVM_PARAM_TIMER_MODE" => xen_sys::hvm::params::HVM_PARAM_TIMER_MODE;
        "HVM_PARAM_HPET_ENABLED" => xen_sys::hvm::params::HVM_PARAM_HPET_ENABLED;
        "HVM_PARAM_IDENT_PT" => xen_sys::hvm::params::HVM_PARAM_IDENT_PT;
        "HVM_PARAM_DM_DOMAIN" => xen_sys::hvm::params::HVM_PARAM_DM_DOMAIN;
        "HVM_PARAM_ACPI_S_STATE" => xen_sys::hvm::params::HVM_PARAM_ACPI_S_STATE;
        "HVM_PARAM_VM86_TSS" => xen_sys::hvm::params::HVM_PARAM_VM86_TSS;
        "HVM_PARAM_VPT_ALIGN" => xen_sys::hvm::params::HVM_PARAM_VPT_ALIGN;
        "HVM_PARAM_CONSOLE_PFN" => xen_sys::hvm::params::HVM_PARAM_CONSOLE_PFN;
        "HVM_PARAM_CONSOLE_EVTCHN" => xen_sys::hvm::params::HVM_PARAM_CONSOLE_EVTCHN;
        "HVM_PARAM_ACPI_IOPORTS_LOCATION" => xen_sys::hvm::params::HVM_PARAM_ACPI_IOPORTS_LOCATION;
        "HVM_PARAM_MEMORY_EVENT_CR0" => xen_sys::hvm::params::HVM_PARAM_MEMORY_EVENT_CR0;
        "HVM_PARAM_MEMORY_EVENT_CR3" => xen_sys::hvm::params::HVM_PARAM_MEMORY_EVENT_CR3;
        "HVM_PARAM_MEMORY_EVENT_CR4" => xen_sys::hvm::params::HVM_PARAM_MEMORY_EVENT_CR4;
        "HVM_PARAM_MEMORY_EVENT_INT3" => xen_sys::hvm::params::HVM_PARAM_MEMORY_EVENT_INT3;
        "HVM_PARAM_NESTEDHVM" => xen_sys::hvm::params::HVM_PARAM_NESTEDHVM;
        "HVM_PARAM_MEMORY_EVENT_SINGLE_STEP" =>
            xen_sys::hvm::params::HVM_PARAM_MEMORY_EVENT_SINGLE_STEP;
        "HVM_PARAM_BUFIOREQ_EVTCHN" => xen_sys::hvm::params::HVM_PARAM_BUFIOREQ_EVTCHN;
        "HVM_PARAM_PAGING_RING_PFN" => xen_sys::hvm::params::HVM_PARAM_PAGING_RING_PFN;
        "HVM_PARAM_MONITOR_RING_PFN" => xen_sys::hvm::params::HVM_PARAM_MONITOR_RING_PFN;
        "HVM_PARAM_SHARING_RING_PFN" => xen_sys::hvm::params::HVM_PARAM_SHARING_RING_PFN;
        "HVM_PARAM_MEMORY_EVENT_MSR" => xen_sys::hvm::params::HVM_PARAM_MEMORY_EVENT_MSR;
        "HVM_PARAM_TRIPLE_FAULT_REASON" => xen_sys::hvm::params::HVM_PARAM_TRIPLE_FAULT_REASON;
        "HVM_PARAM_IOREQ_SERVER_PFN" => xen_sys::hvm::params::HVM_PARAM_IOREQ_SERVER_PFN;
        "HVM_PARAM_NR_IOREQ_SERVER_PAGES" => xen_sys::hvm::params::HVM_PARAM_NR_IOREQ_SERVER_PAGES;
        "HVM_PARAM_VM_GENERATION_ID_ADDR" => xen_sys::hvm::params::HVM_PARAM_VM_GENERATION_ID_ADDR;
        "HVM_PARAM_ALTP2M" => xen_sys::hvm::params::HVM_PARAM_ALTP2M;
        "HVM_PARAM_X87_FIP_WIDTH" => xen_sys::hvm::params::HVM_PARAM_X87_FIP_WIDTH;
        "HVM_PARAM_VM86_TSS_SIZED" => xen_sys::hvm::params::HVM_PARAM_VM86_TSS_SIZED;
        "HVM_PARAM_MCA_CAP" => xen_sys::hvm::params::HVM_PARAM_MCA_CAP;
        "HVM_NR_PARAMS" => xen_sys::hvm::params::HVM_NR_PARAMS;
        "HVM_PARAM_CALLBACK_IRQ_TYPE_MASK" =>
            xen_sys::hvm::params::HVM_PARAM_CALLBACK_IRQ_TYPE_MASK;
        "HVM_PARAM_CALLBACK_TYPE_GSI" => xen_sys::hvm::params::HVM_PARAM_CALLBACK_TYPE_GSI;
        "HVM_PARAM_CALLBACK_TYPE_PCI_INTX" =>
            xen_sys::hvm::params::HVM_PARAM_CALLBACK_TYPE_PCI_INTX;
        "HVM_PARAM_CALLBACK_TYPE_VECTOR" => xen_sys::hvm::params::HVM_PARAM_CALLBACK_TYPE_VECTOR;
        "HVM_PARAM_CALLBACK_TYPE_PPI" => xen_sys::hvm::params::HVM_PARAM_CALLBACK_TYPE_PPI;
        "HVM_PARAM_CALLBACK_TYPE_PPI_FLAG_MASK" =>
            xen_sys::hvm::params::HVM_PARAM_CALLBACK_TYPE_PPI_FLAG_MASK;
        "HVM_PARAM_CALLBACK_TYPE_PPI_FLAG_LOW_LEVEL" =>
            xen_sys::hvm::params::HVM_PARAM_CALLBACK_TYPE_PPI_FLAG_LOW_LEVEL;
        "HVMPTM_delay_for_missed_ticks" => xen_sys::hvm::params::HVMPTM_DELAY_FOR_MISSED_TICKS;
        "HVMPTM_no_delay_for_missed_ticks" =>
            xen_sys::hvm::params::HVMPTM_NO_DELAY_FOR_MISSED_TICKS;
        "HVMPTM_no_missed_ticks_pending" => xen_sys::hvm::params::HVMPTM_NO_MISSED_TICKS_PENDING;
        "HVMPTM_one_missed_tick_pending" => xen_sys::hvm::params::HVMPTM_ONE_MISSED_TICK_PENDING;
        "HVMPV_base_freq" => xen_sys::hvm::params::HVMPV_BASE_FREQ;
        "HVMPV_no_freq" => xen_sys::hvm::params::HVMPV_NO_FREQ;
        "HVMPV_time_ref_count" => xen_sys::hvm::params::HVMPV_TIME_REF_COUNT;
        "HVMPV_reference_tsc" => xen_sys::hvm::params::HVMPV_REFERENCE_TSC;
        "HVMPV_hcall_remote_tlb_flush" => xen_sys::hvm::params::HVMPV_HCALL_REMOTE_TLB_FLUSH;
        "HVMPV_apic_assist" => xen_sys::hvm::params::HVMPV_APIC_ASSIST;
        "HVMPV_crash_ctl" => xen_sys::hvm::params::HVMPV_CRASH_CTL;
        "HVMPV_synic" => xen_sys::hvm::params::HVMPV_SYNIC;
        "HVMPV_stimer" => xen_sys::hvm::params::HVMPV_STIMER;
        "HVMPV_hcall_ipi" => xen_sys::hvm::params::HVMPV_HCALL_IPI;
        "HVMPV_ex_processor_masks" => xen_sys::hvm::params::HVMPV_EX_PROCESSOR_MASKS;
        "HVMPV_no_vp_limit" => xen_sys::hvm::params::HVMPV_NO_VP_LIMIT;
        "HVMPV_cpu_hotplug" => xen_sys::hvm::params::HVMPV_CPU_HOTPLUG;
        "HVMPV_feature_mask" => xen_sys::hvm::params::HVMPV_FEATURE_MASK;
        "XEN_ALTP2M_disabled" => xen_sys::hvm::params::XEN_ALTP2M_DISABLED;
        "XEN_ALTP2M_mixed" => xen_sys::hvm::params::XEN_ALTP2M_MIXED;
        "XEN_ALTP2M_external" => xen_sys::hvm::params::XEN_ALTP2M_EXTERNAL;
        "XEN_ALTP2M_limited" => xen_sys::hvm::params::XEN_ALTP2M_LIMITED;
        "XEN_HVM_MCA_CAP_LMCE" => xen_sys::hvm::params::XEN_HVM_MCA_CAP_LMCE;
        "XEN_HVM_MCA_CAP_MASK" => xen_sys::hvm::params::XEN_HVM_MCA_CAP_MASK;
    }
    texts {
    }
    structures {
    }
}
