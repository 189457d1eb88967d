//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "XEN_SYSCTL_PSR_CMT_get_total_rmid" => xen_sys::sysctl::XEN_SYSCTL_PSR_CMT_GET_TOTAL_RMID;
        "XEN_SYSCTL_PSR_CMT_get_l3_cache_size" =>
            xen_sys::sysctl::XEN_SYSCTL_PSR_CMT_GET_L3_CACHE_SIZE;
        "XEN_SYSCTL_PSR_CMT_enabled" => xen_sys::sysctl::XEN_SYSCTL_PSR_CMT_ENABLED;
        "XEN_SYSCTL_PSR_CMT_get_l3_event_mask" =>
            xen_sys::sysctl::XEN_SYSCTL_PSR_CMT_GET_L3_EVENT_MASK;
        "XEN_SYSCTL_PSR_get_l3_info" => xen_sys::sysctl::XEN_SYSCTL_PSR_GET_L3_INFO;
        "XEN_SYSCTL_PSR_get_l2_info" => xen_sys::sysctl::XEN_SYSCTL_PSR_GET_L2_INFO;
        "XEN_SYSCTL_PSR_get_mba_info" => xen_sys::sysctl::XEN_SYSCTL_PSR_GET_MBA_INFO;
        "XEN_SYSCTL_PSR_CAT_L3_CDP" => xen_sys::sysctl::XEN_SYSCTL_PSR_CAT_L3_CDP;
        "XEN_SYSCTL_PSR_MBA_LINEAR" => xen_sys::sysctl::XEN_SYSCTL_PSR_MBA_LINEAR;
        "XEN_SYSCTL_CPU_LEVELCAP_faulting" => xen_sys::sysctl::XEN_SYSCTL_CPU_LEVELCAP_FAULTING;
        "XEN_SYSCTL_CPU_LEVELCAP_ecx" => xen_sys::sysctl::XEN_SYSCTL_CPU_LEVELCAP_ECX;
        "XEN_SYSCTL_CPU_LEVELCAP_edx" => xen_sys::sysctl::XEN_SYSCTL_CPU_LEVELCAP_EDX;
        "XEN_SYSCTL_CPU_LEVELCAP_extd_ecx" => xen_sys::sysctl::XEN_SYSCTL_CPU_LEVELCAP_EXTD_ECX;
        "XEN_SYSCTL_CPU_LEVELCAP_extd_edx" => xen_sys::sysctl::XEN_SYSCTL_CPU_LEVELCAP_EXTD_EDX;
        "XEN_SYSCTL_CPU_LEVELCAP_xsave_eax" => xen_sys::sysctl::XEN_SYSCTL_CPU_LEVELCAP_XSAVE_EAX;
        "XEN_SYSCTL_CPU_LEVELCAP_thermal_ecx" =>
            xen_sys::sysctl::XEN_SYSCTL_CPU_LEVELCAP_THERMAL_ECX;
        "XEN_SYSCTL_CPU_LEVELCAP_l7s0_eax" => xen_sys::sysctl::XEN_SYSCTL_CPU_LEVELCAP_L7S0_EAX;
        "XEN_SYSCTL_CPU_LEVELCAP_l7s0_ebx" => xen_sys::sysctl::XEN_SYSCTL_CPU_LEVELCAP_L7S0_EBX;
        "XEN_SYSCTL_cpu_featureset_raw" => xen_sys::sysctl::XEN_SYSCTL_CPU_FEATURESET_RAW;
        "XEN_SYSCTL_cpu_featureset_host" => xen_sys::sysctl::XEN_SYSCTL_CPU_FEATURESET_HOST;
        "XEN_SYSCTL_cpu_featureset_pv" => xen_sys::sysctl::XEN_SYSCTL_CPU_FEATURESET_PV;
        "XEN_SYSCTL_cpu_featureset_hvm" => xen_sys::sysctl::XEN_SYSCTL_CPU_FEATURESET_HVM;
        "XEN_SYSCTL_cpu_featureset_pv_max" => xen_sys::sysctl::XEN_SYSCTL_CPU_FEATURESET_PV_MAX;
        "XEN_SYSCTL_cpu_featureset_hvm_max" => xen_sys::sysctl::XEN_SYSCTL_CPU_FEATURESET_HVM_MAX;
        "XEN_SYSCTL_cpu_policy_raw" => xen_sys::sysctl::XEN_SYSCTL_CPU_POLICY_RAW;
        "XEN_SYSCTL_cpu_policy_host" => xen_sys::sysctl::XEN_SYSCTL_CPU_POLICY_HOST;
        "XEN_SYSCTL_cpu_policy_pv_max" => xen_sys::sysctl::XEN_SYSCTL_CPU_POLICY_PV_MAX;
        "XEN_SYSCTL_cpu_policy_hvm_max" => xen_sys::sysctl::XEN_SYSCTL_CPU_POLICY_HVM_MAX;
        "XEN_SYSCTL_cpu_policy_pv_default" => xen_sys::sysctl::XEN_SYSCTL_CPU_POLICY_PV_DEFAULT;
        "XEN_SYSCTL_cpu_policy_hvm_default" => xen_sys::sysctl::XEN_SYSCTL_CPU_POLICY_HVM_DEFAULT;
        "XEN_SYSCTL_TBUFOP_get_info" => xen_sys::sysctl::XEN_SYSCTL_TBUFOP_GET_INFO;
        "XEN_SYSCTL_TBUFOP_set_cpu_mask" => xen_sys::sysctl::XEN_SYSCTL_TBUFOP_SET_CPU_MASK;
        "XEN_SYSCTL_TBUFOP_set_evt_mask" => xen_sys::sysctl::XEN_SYSCTL_TBUFOP_SET_EVT_MASK;
        "XEN_SYSCTL_TBUFOP_set_size" => xen_sys::sysctl::XEN_SYSCTL_TBUFOP_SET_SIZE;
        "XEN_SYSCTL_TBUFOP_enable" => xen_sys::sysctl::XEN_SYSCTL_TBUFOP_ENABLE;
        "XEN_SYSCTL_TBUFOP_disable" => xen_sys::sysctl::XEN_SYSCTL_TBUFOP_DISABLE;
        "XEN_SYSCTL_PERFCOP_reset" => xen_sys::sysctl::XEN_SYSCTL_PERFCOP_RESET;
        "XEN_SYSCTL_PERFCOP_query" => xen_sys::sysctl::XEN_SYSCTL_PERFCOP_QUERY;
        "XEN_SYSCTL_LOCKPROF_reset" => xen_sys::sysctl::XEN_SYSCTL_LOCKPROF_RESET;
        "XEN_SYSCTL_LOCKPROF_query" => xen_sys::sysctl::XEN_SYSCTL_LOCKPROF_QUERY;
        "LOCKPROF_TYPE_GLOBAL" => xen_sys::sysctl::LOCKPROF_TYPE_GLOBAL;
        "LOCKPROF_TYPE_PERDOM" => xen_sys::sysctl::LOCKPROF_TYPE_PERDOM;
        "LOCKPROF_TYPE_N" => xen_sys::sysctl::LOCKPROF_TYPE_N;
        "XEN_GCOV_FORMAT_MAGIC" => xen_sys::sysctl::XEN_GCOV_FORMAT_MAGIC;
        "XEN_SYSCTL_COVERAGE_get_size" => xen_sys::sysctl::XEN_SYSCTL_COVERAGE_GET_SIZE;
        "XEN_SYSCTL_COVERAGE_read" => xen_sys::sysctl::XEN_SYSCTL_COVERAGE_READ;
        "XEN_SYSCTL_COVERAGE_reset" => xen_sys::sysctl::XEN_SYSCTL_COVERAGE_RESET;
        "LIVEPATCH_PAYLOAD_VERSION" => xen_sys::sysctl::LIVEPATCH_PAYLOAD_VERSION;
        "XEN_SYSCTL_LIVEPATCH_UPLOAD" => xen_sys::sysctl::XEN_SYSCTL_LIVEPATCH_UPLOAD;
        "XEN_SYSCTL_LIVEPATCH_GET" => xen_sys::sysctl::XEN_SYSCTL_LIVEPATCH_GET;
        "XEN_SYSCTL_LIVEPATCH_LIST" => xen_sys::sysctl::XEN_SYSCTL_LIVEPATCH_LIST;
        "XEN_SYSCTL_LIVEPATCH_ACTION" => xen_sys::sysctl::XEN_SYSCTL_LIVEPATCH_ACTION;
        "LIVEPATCH_STATE_CHECKED" => xen_sys::sysctl::LIVEPATCH_STATE_CHECKED;
        "LIVEPATCH_STATE_APPLIED" => xen_sys::sysctl::LIVEPATCH_STATE_APPLIED;
        "LIVEPATCH_ACTION_UNLOAD" => xen_sys::sysctl::LIVEPATCH_ACTION_UNLOAD;
        "LIVEPATCH_ACTION_REVERT" => xen_sys::sysctl::LIVEPATCH_ACTION_REVERT;
        "LIVEPATCH_ACTION_APPLY" => xen_sys::sysctl::LIVEPATCH_ACTION_APPLY;
        "LIVEPATCH_ACTION_REPLACE" => xen_sys::sysctl::LIVEPATCH_ACTION_REPLACE;
        "LIVEPATCH_FLAG_FORCE" => xen_sys::sysctl::LIVEPATCH_FLAG_FORCE;
        "LIVEPATCH_FLAGS_MASK" => xen_sys::sysctl::LIVEPATCH_FLAGS_MASK;
        "LIVEPATCH_ACTION_APPLY_NODEPS" => xen_sys::sysctl::LIVEPATCH_ACTION_APPLY_NODEPS;
        "XEN_LIVEPATCH_NAME_SIZE" => xen_sys::sysctl::XEN_LIVEPATCH_NAME_SIZE;
        "XEN_SYSCTL_PHYSCAP_hvm" => xen_sys::sysctl::XEN_SYSCTL_PHYSCAP_HVM;
        "XEN_SYSCTL_PHYSCAP_pv" => xen_sys::sysctl::XEN_SYSCTL_PHYSCAP_PV;
        "XEN_SYSCTL_PHYSCAP_directio" => xen_sys::sysctl::XEN_SYSCTL_PHYSCAP_DIRECTIO;
        "XEN_SYSCTL_PHYSCAP_hap" => xen_sys::sysctl::XEN_SYSCTL_PHYSCAP_HAP;
        "XEN_SYSCTL_PHYSCAP_shadow" => xen_sys::sysctl::XEN_SYSCTL_PHYSCAP_SHADOW;
        "XEN_SYSCTL_PHYSCAP_iommu_hap_pt_share" =>
            xen_sys::sysctl::XEN_SYSCTL_PHYSCAP_IOMMU_HAP_PT_SHARE;
        "XEN_SYSCTL_PHYSCAP_vmtrace" => xen_sys::sysctl::XEN_SYSCTL_PHYSCAP_VMTRACE;
        "XEN_SYSCTL_PHYSCAP_vpmu" => xen_sys::sysctl::XEN_SYSCTL_PHYSCAP_VPMU;
        "XEN_SYSCTL_PHYSCAP_gnttab_v1" => xen_sys::sysctl::XEN_SYSCTL_PHYSCAP_GNTTAB_V1;
        "XEN_SYSCTL_PHYSCAP_gnttab_v2" => xen_sys::sysctl::XEN_SYSCTL_PHYSCAP_GNTTAB_V2;
        "XEN_SYSCTL_PHYSCAP_MAX" => xen_sys::sysctl::XEN_SYSCTL_PHYSCAP_MAX;
        "XEN_SYSCTL_CPU_HOTPLUG_ONLINE" => xen_sys::sysctl::XEN_SYSCTL_CPU_HOTPLUG_ONLINE;
        "XEN_SYSCTL_CPU_HOTPLUG_OFFLINE" => xen_sys::sysctl::XEN_SYSCTL_CPU_HOTPLUG_OFFLINE;
        "XEN_SYSCTL_CPU_HOTPLUG_SMT_ENABLE" => xen_sys::sysctl::XEN_SYSCTL_CPU_HOTPLUG_SMT_ENABLE;
        "XEN_SYSCTL_CPU_HOTPLUG_SMT_DISABLE" => xen_sys::sysctl::XEN_SYSCTL_CPU_HOTPLUG_SMT_DISABLE;
        "XEN_INVALID_CORE_ID" => xen_sys::sysctl::XEN_INVALID_CORE_ID;
        "XEN_INVALID_SOCKET_ID" => xen_sys::sysctl::XEN_INVALID_SOCKET_ID;
        "XEN_INVALID_NODE_ID" => xen_sys::sysctl::XEN_INVALID_NODE_ID;
        "XEN_INVALID_NODE_DIST" => xen_sys::sysctl::XEN_INVALID_NODE_DIST;
        "XEN_INVALID_DEV" => xen_sys::sysctl::XEN_INVALID_DEV;
        "XEN_INVALID_MEM_SZ" => xen_sys::sysctl::XEN_INVALID_MEM_SZ;
        "XEN_SYSCTL_INTERFACE_VERSION" => xen_sys::sysctl::XEN_SYSCTL_INTERFACE_VERSION;
        "XEN_SYSCTL_readconsole" => xen_sys::sysctl::XEN_SYSCTL_READCONSOLE;
        "XEN_SYSCTL_tbuf_op" => xen_sys::sysctl::XEN_SYSCTL_TBUF_OP;
        "XEN_SYSCTL_physinfo" => xen_sys::sysctl::XEN_SYSCTL_PHYSINFO;
        "XEN_SYSCTL_sched_id" => xen_sys::sysctl::XEN_SYSCTL_SCHED_ID;
        "XEN_SYSCTL_perfc_op" => xen_sys::sysctl::XEN_SYSCTL_PERFC_OP;
        "XEN_SYSCTL_getdomaininfolist" => xen_sys::sysctl::XEN_SYSCTL_GETDOMAININFOLIST;
        "XEN_SYSCTL_debug_keys" => xen_sys::sysctl::XEN_SYSCTL_DEBUG_KEYS;
        "XEN_SYSCTL_getcpuinfo" => xen_sys::sysctl::XEN_SYSCTL_GETCPUINFO;
        "XEN_SYSCTL_availheap" => xen_sys::sysctl::XEN_SYSCTL_AVAILHEAP;
        "XEN_SYSCTL_get_pmstat" => xen_sys::sysctl::XEN_SYSCTL_GET_PMSTAT;
        "XEN_SYSCTL_cpu_hotplug" => xen_sys::sysctl::XEN_SYSCTL_CPU_HOTPLUG;
        "XEN_SYSCTL_pm_op" => xen_sys::sysctl::XEN_SYSCTL_PM_OP;
        "XEN_SYSCTL_page_offline_op" => xen_sys::sysctl::XEN_SYSCTL_PAGE_OFFLINE_OP;
        "XEN_SYSCTL_lockprof_op" => xen_sys::sysctl::XEN_SYSCTL_LOCKPROF_OP;
        "XEN_SYSCTL_cputopoinfo" => xen_sys::sysctl::XEN_SYSCTL_CPUTOPOINFO;
        "XEN_SYSCTL_numainfo" => xen_sys::sysctl::XEN_SYSCTL_NUMAINFO;
        "XEN_SYSCTL_cpupool_op" => xen_sys::sysctl::XEN_SYSCTL_CPUPOOL_OP;
        "XEN_SYSCTL_scheduler_op" => xen_sys::sysctl::XEN_SYSCTL_SCHEDULER_OP;
        "XEN_SYSCTL_coverage_op" => xen_sys::sysctl::XEN_SYSCTL_COVERAGE_OP;
        "XEN_SYSCTL_psr_cmt_op" => xen_sys::sysctl::XEN_SYSCTL_PSR_CMT_OP;
        "XEN_SYSCTL_pcitopoinfo" => xen_sys::sysctl::XEN_SYSCTL_PCITOPOINFO;
        "XEN_SYSCTL_psr_alloc" => xen_sys::sysctl::XEN_SYSCTL_PSR_ALLOC;
        "XEN_SYSCTL_get_cpu_levelling_caps" => xen_sys::sysctl::XEN_SYSCTL_GET_CPU_LEVELLING_CAPS;
        "XEN_SYSCTL_get_cpu_featureset" => xen_sys::sysctl::XEN_SYSCTL_GET_CPU_FEATURESET;
        "XEN_SYSCTL_livepatch_op" => xen_sys::sysctl::XEN_SYSCTL_LIVEPATCH_OP;
        "XEN_SYSCTL_get_cpu_policy" => xen_sys::sysctl::XEN_SYSCTL_GET_CPU_POLICY;
        "XEN_SYSCTL_dt_overlay" => xen_sys::sysctl::XEN_SYSCTL_DT_OVERLAY;
        "sysctl_page_offline" => xen_sys::sysctl::SYSCTL_PAGE_OFFLINE;
        "sysctl_page_online" => xen_sys::sysctl::SYSCTL_PAGE_ONLINE;
        "sysctl_query_page_offline" => xen_sys::sysctl::SYSCTL_QUERY_PAGE_OFFLINE;
        "PG_OFFLINE_OFFLINED" => xen_sys::sysctl::PG_OFFLINE_OFFLINED;
        "PG_OFFLINE_PENDING" => xen_sys::sysctl::PG_OFFLINE_PENDING;
        "PG_OFFLINE_FAILED" => xen_sys::sysctl::PG_OFFLINE_FAILED;
        "PG_OFFLINE_AGAIN" => xen_sys::sysctl::PG_OFFLINE_AGAIN;
        "PG_ONLINE_FAILED" => xen_sys::sysctl::PG_ONLINE_FAILED;
        "PG_ONLINE_ONLINED" => xen_sys::sysctl::PG_ONLINE_ONLINED;
        "PG_ONLINE_BROKEN" => xen_sys::sysctl::PG_ONLINE_BROKEN;
        "PG_OFFLINE_STATUS_MASK" => xen_sys::sysctl::PG_OFFLINE_STATUS_MASK;
        "PG_OFFLINE_MISC_MASK" => xen_sys::sysctl::PG_OFFLINE_MISC_MASK;
        "PG_OFFLINE_INVALID" => xen_sys::sysctl::PG_OFFLINE_INVALID;
        "PG_OFFLINE_DOM0PAGE" => xen_sys::sysctl::PG_OFFLINE_DOM0PAGE;
        "PG_OFFLINE_ANONYMOUS" => xen_sys::sysctl::PG_OFFLINE_ANONYMOUS;
        "PG_OFFLINE_NOT_CONV_RAM" => xen_sys::sysctl::PG_OFFLINE_NOT_CONV_RAM;
        "PG_OFFLINE_OWNED" => xen_sys::sysctl::PG_OFFLINE_OWNED;
        "PG_OFFLINE_OWNER_SHIFT" => xen_sys::sysctl::PG_OFFLINE_OWNER_SHIFT;
        "PG_OFFLINE_BROKEN" => xen_sys::sysctl::PG_OFFLINE_BROKEN;
        "PG_OFFLINE_XENPAGE" => xen_sys::sysctl::PG_OFFLINE_XENPAGE;
        "PG_OFFLINE_STATUS_ONLINE" => xen_sys::sysctl::PG_OFFLINE_STATUS_ONLINE;
        "PG_OFFLINE_STATUS_OFFLINE_PENDING" => xen_sys::sysctl::PG_OFFLINE_STATUS_OFFLINE_PENDING;
        "PG_OFFLINE_STATUS_OFFLINED" => xen_sys::sysctl::PG_OFFLINE_STATUS_OFFLINED;
        "PG_OFFLINE_STATUS_BROKEN" => xen_sys::sysctl::PG_OFFLINE_STATUS_BROKEN;
        "PMSTAT_CATEGORY_MASK" => xen_sys::sysctl::PMSTAT_CATEGORY_MASK;
        "PMSTAT_PX" => xen_sys::sysctl::PMSTAT_PX;
        "PMSTAT_CX" => xen_sys::sysctl::PMSTAT_CX;
        "PMSTAT_get_max_px" => xen_sys::sysctl::PMSTAT_GET_MAX_PX;
        "PMSTAT_get_pxstat" => xen_sys::sysctl::PMSTAT_GET_PXSTAT;
        "PMSTAT_reset_pxstat" => xen_sys::sysctl::PMSTAT_RESET_PXSTAT;
        "PMSTAT_get_max_cx" => xen_sys::sysctl::PMSTAT_GET_MAX_CX;
        "PMSTAT_get_cxstat" => xen_sys::sysctl::PMSTAT_GET_CXSTAT;
        "PMSTAT_reset_cxstat" => xen_sys::sysctl::PMSTAT_RESET_CXSTAT;
        "XEN_CPPC_ACT_WINDOW_MANTISSA_MASK" => xen_sys::sysctl::XEN_CPPC_ACT_WINDOW_MANTISSA_MASK;
        "XEN_CPPC_ACT_WINDOW_EXPONENT_MASK" => xen_sys::sysctl::XEN_CPPC_ACT_WINDOW_EXPONENT_MASK;
        "XEN_SYSCTL_CPPC_FEAT_ACT_WINDOW" => xen_sys::sysctl::XEN_SYSCTL_CPPC_FEAT_ACT_WINDOW;
        "XEN_SYSCTL_CPPC_SET_MINIMUM" => xen_sys::sysctl::XEN_SYSCTL_CPPC_SET_MINIMUM;
        "XEN_SYSCTL_CPPC_SET_MAXIMUM" => xen_sys::sysctl::XEN_SYSCTL_CPPC_SET_MAXIMUM;
        "XEN_SYSCTL_CPPC_SET_ENERGY_PERF" => xen_sys::sysctl::XEN_SYSCTL_CPPC_SET_ENERGY_PERF;
        "XEN_SYSCTL_CPPC_SET_ACT_WINDOW" => xen_sys::sysctl::XEN_SYSCTL_CPPC_SET_ACT_WINDOW;
        "XEN_SYSCTL_CPPC_SET_DESIRED" => xen_sys::sysctl::XEN_SYSCTL_CPPC_SET_DESIRED;
        "XEN_SYSCTL_CPPC_SET_PRESET_MASK" => xen_sys::sysctl::XEN_SYSCTL_CPPC_SET_PRESET_MASK;
        "XEN_SYSCTL_CPPC_SET_PRESET_NONE" => xen_sys::sysctl::XEN_SYSCTL_CPPC_SET_PRESET_NONE;
        "XEN_SYSCTL_CPPC_SET_PRESET_BALANCE" => xen_sys::sysctl::XEN_SYSCTL_CPPC_SET_PRESET_BALANCE;
        "XEN_SYSCTL_CPPC_SET_PRESET_POWERSAVE" =>
            xen_sys::sysctl::XEN_SYSCTL_CPPC_SET_PRESET_POWERSAVE;
        "XEN_SYSCTL_CPPC_SET_PRESET_PERFORMANCE" =>
            xen_sys::sysctl::XEN_SYSCTL_CPPC_SET_PRESET_PERFORMANCE;
        "XEN_SYSCTL_CPPC_SET_PARAM_MASK" => xen_sys::sysctl::XEN_SYSCTL_CPPC_SET_PARAM_MASK;
        "XEN_SYSCTL_CPPC_ACT_WINDOW_MASK" => xen_sys::sysctl::XEN_SYSCTL_CPPC_ACT_WINDOW_MASK;
        "SCALING_MAX_FREQ" => xen_sys::sysctl::SCALING_MAX_FREQ;
        "SCALING_MIN_FREQ" => xen_sys::sysctl::SCALING_MIN_FREQ;
        "SCALING_SETSPEED" => xen_sys::sysctl::SCALING_SETSPEED;
        "SAMPLING_RATE" => xen_sys::sysctl::SAMPLING_RATE;
        "UP_THRESHOLD" => xen_sys::sysctl::UP_THRESHOLD;
        "CPUFREQ_PARA" => xen_sys::sysctl::CPUFREQ_PARA;
        "PM_PARA_CATEGORY_MASK" => xen_sys::sysctl::PM_PARA_CATEGORY_MASK;
        "GET_CPUFREQ_PARA" => xen_sys::sysctl::GET_CPUFREQ_PARA;
        "SET_CPUFREQ_GOV" => xen_sys::sysctl::SET_CPUFREQ_GOV;
        "SET_CPUFREQ_PARA" => xen_sys::sysctl::SET_CPUFREQ_PARA;
        "GET_CPUFREQ_AVGFREQ" => xen_sys::sysctl::GET_CPUFREQ_AVGFREQ;
        "SET_CPUFREQ_CPPC" => xen_sys::sysctl::SET_CPUFREQ_CPPC;
        "XEN_SYSCTL_pm_op_set_sched_opt_smt" => xen_sys::sysctl::XEN_SYSCTL_PM_OP_SET_SCHED_OPT_SMT;
        "XEN_SYSCTL_pm_op_get_max_cstate" => xen_sys::sysctl::XEN_SYSCTL_PM_OP_GET_MAX_CSTATE;
        "XEN_SYSCTL_pm_op_set_max_cstate" => xen_sys::sysctl::XEN_SYSCTL_PM_OP_SET_MAX_CSTATE;
        "XEN_SYSCTL_pm_op_get_vcpu_migration_delay" =>
            xen_sys::sysctl::XEN_SYSCTL_PM_OP_GET_VCPU_MIGRATION_DELAY;
        "XEN_SYSCTL_pm_op_set_vcpu_migration_delay" =>
            xen_sys::sysctl::XEN_SYSCTL_PM_OP_SET_VCPU_MIGRATION_DELAY;
        "XEN_SYSCTL_pm_op_enable_turbo" => xen_sys::sysctl::XEN_SYSCTL_PM_OP_ENABLE_TURBO;
        "XEN_SYSCTL_pm_op_disable_turbo" => xen_sys::sysctl::XEN_SYSCTL_PM_OP_DISABLE_TURBO;
        "XEN_SYSCTL_CX_UNLIMITED" => xen_sys::sysctl::XEN_SYSCTL_CX_UNLIMITED;
        "XEN_SYSCTL_PSR_CMT_get_l3_upscaling_factor" =>
            xen_sys::sysctl::XEN_SYSCTL_PSR_CMT_GET_L3_UPSCALING_FACTOR;
        "CPUFREQ_NAME_LEN" => xen_sys::sysctl::CPUFREQ_NAME_LEN;
        "XEN_SYSCTL_CPUPOOL_OP_CREATE" => xen_sys::sysctl::XEN_SYSCTL_CPUPOOL_OP_CREATE;
        "XEN_SYSCTL_CPUPOOL_OP_DESTROY" => xen_sys::sysctl::XEN_SYSCTL_CPUPOOL_OP_DESTROY;
        "XEN_SYSCTL_CPUPOOL_OP_INFO" => xen_sys::sysctl::XEN_SYSCTL_CPUPOOL_OP_INFO;
        "XEN_SYSCTL_CPUPOOL_OP_ADDCPU" => xen_sys::sysctl::XEN_SYSCTL_CPUPOOL_OP_ADDCPU;
        "XEN_SYSCTL_CPUPOOL_OP_RMCPU" => xen_sys::sysctl::XEN_SYSCTL_CPUPOOL_OP_RMCPU;
        "XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN" => xen_sys::sysctl::XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN;
        "XEN_SYSCTL_CPUPOOL_OP_FREEINFO" => xen_sys::sysctl::XEN_SYSCTL_CPUPOOL_OP_FREEINFO;
        "XEN_SYSCTL_CPUPOOL_PAR_ANY" => xen_sys::sysctl::XEN_SYSCTL_CPUPOOL_PAR_ANY;
        "XEN_SYSCTL_CSCHED_TSLICE_MAX" => xen_sys::sysctl::XEN_SYSCTL_CSCHED_TSLICE_MAX;
        "XEN_SYSCTL_CSCHED_TSLICE_MIN" => xen_sys::sysctl::XEN_SYSCTL_CSCHED_TSLICE_MIN;
        "XEN_SYSCTL_CSCHED_MGR_DLY_MAX_US" => xen_sys::sysctl::XEN_SYSCTL_CSCHED_MGR_DLY_MAX_US;
        "XEN_SYSCTL_SCHED_RATELIMIT_MAX" => xen_sys::sysctl::XEN_SYSCTL_SCHED_RATELIMIT_MAX;
        "XEN_SYSCTL_SCHED_RATELIMIT_MIN" => xen_sys::sysctl::XEN_SYSCTL_SCHED_RATELIMIT_MIN;
        "XEN_SYSCTL_SCHEDOP_putinfo" => xen_sys::sysctl::XEN_SYSCTL_SCHEDOP_PUTINFO;
        "XEN_SYSCTL_SCHEDOP_getinfo" => xen_sys::sysctl::XEN_SYSCTL_SCHEDOP_GETINFO;
        "ARINC653_MAX_DOMAINS_PER_SCHEDULE" => xen_sys::sysctl::ARINC653_MAX_DOMAINS_PER_SCHEDULE;
    }
    texts {
        "XEN_HWP_DRIVER_NAME" => xen_sys::sysctl::XEN_HWP_DRIVER_NAME;
    }
    structures {
        "xen_sysctl_psr_cmt_op" => xen_sys::sysctl::XenSysctlPsrCmtOp {
            "cmd" => cmd, "flags" => flags, "u" => u,
        };
        "xen_sysctl_psr_alloc" => xen_sys::sysctl::XenSysctlPsrAlloc {
            "cmd" => cmd, "target" => target, "u" => u,
        };
        "xen_sysctl_cpu_levelling_caps" => xen_sys::sysctl::XenSysctlCpuLevellingCaps {
            "caps" => caps,
        };
        "xen_sysctl_cpu_featureset" => xen_sys::sysctl::XenSysctlCpuFeatureset {
            "index" => index, "nr_features" => nr_features, "features" => features,
        };
        "xen_sysctl_cpu_policy" => xen_sys::sysctl::XenSysctlCpuPolicy {
            "index" => index, "nr_leaves" => nr_leaves, "nr_msrs" => nr_msrs, "_rsvd" => _rsvd,
            "leaves" => leaves, "msrs" => msrs,
        };
        "xen_sysctl_readconsole" => xen_sys::sysctl::XenSysctlReadconsole {
            "clear" => clear, "incremental" => incremental, "pad0" => pad0, "pad1" => pad1,
            "index" => index, "buffer" => buffer, "count" => count,
        };
        "xen_sysctl_tbuf_op" => xen_sys::sysctl::XenSysctlTbufOp {
            "cmd" => cmd, "cpu_mask" => cpu_mask, "evt_mask" => evt_mask,
            "buffer_mfn" => buffer_mfn, "size" => size,
        };
        "xen_sysctl_perfc_desc" => xen_sys::sysctl::XenSysctlPerfcDesc {
            "name" => name, "nr_vals" => nr_vals,
        };
        "xen_sysctl_perfc_op" => xen_sys::sysctl::XenSysctlPerfcOp {
            "cmd" => cmd, "nr_counters" => nr_counters, "nr_vals" => nr_vals, "desc" => desc,
            "val" => val,
        };
        "xen_sysctl_debug_keys" => xen_sys::sysctl::XenSysctlDebugKeys {
            "keys" => keys, "nr_keys" => nr_keys,
        };
        "xen_sysctl_lockprof_data" => xen_sys::sysctl::XenSysctlLockprofData {
            "name" => name, "type" => type_, "idx" => idx, "lock_cnt" => lock_cnt,
            "block_cnt" => block_cnt, "lock_time" => lock_time, "block_time" => block_time,
        };
        "xen_sysctl_lockprof_op" => xen_sys::sysctl::XenSysctlLockprofOp {
            "cmd" => cmd, "max_elem" => max_elem, "nr_elem" => nr_elem, "time" => time,
            "data" => data,
        };
        "xen_sysctl_coverage_op" => xen_sys::sysctl::XenSysctlCoverageOp {
            "cmd" => cmd, "size" => size, "buffer" => buffer,
        };
        "xen_livepatch_name" => xen_sys::sysctl::XenLivepatchName {
            "name" => name, "size" => size, "pad" => pad,
        };
        "xen_sysctl_livepatch_upload" => xen_sys::sysctl::XenSysctlLivepatchUpload {
            "name" => name, "size" => size, "payload" => payload,
        };
        "xen_livepatch_status" => xen_sys::sysctl::XenLivepatchStatus {
            "state" => state, "rc" => rc,
        };
        "xen_sysctl_livepatch_get" => xen_sys::sysctl::XenSysctlLivepatchGet {
            "name" => name, "status" => status,
        };
        "xen_sysctl_livepatch_list" => xen_sys::sysctl::XenSysctlLivepatchList {
            "version" => version, "idx" => idx, "nr" => nr, "pad" => pad,
            "name_total_size" => name_total_size, "metadata_total_size" => metadata_total_size,
            "status" => status, "name" => name, "len" => len, "metadata" => metadata,
            "metadata_len" => metadata_len,
        };
        "xen_sysctl_livepatch_action" => xen_sys::sysctl::XenSysctlLivepatchAction {
            "name" => name, "cmd" => cmd, "timeout" => timeout, "flags" => flags, "pad" => pad,
        };
        "xen_sysctl_livepatch_op" => xen_sys::sysctl::XenSysctlLivepatchOp {
            "cmd" => cmd, "flags" => flags, "u" => u,
        };
        "xen_sysctl_physinfo" => xen_sys::sysctl::XenSysctlPhysinfo {
            "threads_per_core" => threads_per_core, "cores_per_socket" => cores_per_socket,
            "nr_cpus" => nr_cpus, "max_cpu_id" => max_cpu_id, "nr_nodes" => nr_nodes,
            "max_node_id" => max_node_id, "cpu_khz" => cpu_khz, "capabilities" => capabilities,
            "arch_capabilities" => arch_capabilities, "pad" => pad, "total_pages" => total_pages,
            "free_pages" => free_pages, "scrub_pages" => scrub_pages,
            "outstanding_pages" => outstanding_pages, "max_mfn" => max_mfn, "hw_cap" => hw_cap,
        };
        "xen_sysctl_getdomaininfolist" => xen_sys::sysctl::XenSysctlGetdomaininfolist {
            "first_domain" => first_domain, "max_domains" => max_domains, "buffer" => buffer,
            "num_domains" => num_domains,
        };
        "xen_sysctl_cpuinfo" => xen_sys::sysctl::XenSysctlCpuinfo { "idletime" => idletime, };
        "xen_sysctl_getcpuinfo" => xen_sys::sysctl::XenSysctlGetcpuinfo {
            "max_cpus" => max_cpus, "info" => info, "nr_cpus" => nr_cpus,
        };
        "xen_sysctl_availheap" => xen_sys::sysctl::XenSysctlAvailheap {
            "min_bitwidth" => min_bitwidth, "max_bitwidth" => max_bitwidth, "node" => node,
            "avail_bytes" => avail_bytes,
        };
        "xen_sysctl_cpu_hotplug" => xen_sys::sysctl::XenSysctlCpuHotplug {
            "cpu" => cpu, "op" => op,
        };
        "xen_sysctl_cputopo" => xen_sys::sysctl::XenSysctlCputopo {
            "core" => core, "socket" => socket, "node" => node,
        };
        "xen_sysctl_cputopoinfo" => xen_sys::sysctl::XenSysctlCputopoinfo {
            "num_cpus" => num_cpus, "cputopo" => cputopo,
        };
        "xen_sysctl_pcitopoinfo" => xen_sys::sysctl::XenSysctlPcitopoinfo {
            "num_devs" => num_devs, "devs" => devs, "nodes" => nodes,
        };
        "xen_sysctl_meminfo" => xen_sys::sysctl::XenSysctlMeminfo {
            "memsize" => memsize, "memfree" => memfree,
        };
        "xen_sysctl_numainfo" => xen_sys::sysctl::XenSysctlNumainfo {
            "num_nodes" => num_nodes, "meminfo" => meminfo, "distance" => distance,
        };
        "xen_sysctl" => xen_sys::sysctl::XenSysctl {
            "cmd" => cmd, "interface_version" => interface_version, "u" => u,
        };
        "xen_sysctl_page_offline_op" => xen_sys::sysctl::XenSysctlPageOfflineOp {
            "cmd" => cmd, "start" => start, "end" => end, "status" => status,
        };
        "pm_px_val" => xen_sys::sysctl::PmPxVal {
            "freq" => freq, "residency" => residency, "count" => count,
        };
        "pm_px_stat" => xen_sys::sysctl::PmPxStat {
            "total" => total, "usable" => usable, "last" => last, "cur" => cur,
            "trans_pt" => trans_pt, "pt" => pt,
        };
        "pm_cx_stat" => xen_sys::sysctl::PmCxStat {
            "nr" => nr, "last" => last, "idle_time" => idle_time, "triggers" => triggers,
            "residencies" => residencies, "nr_pc" => nr_pc, "nr_cc" => nr_cc, "pc" => pc,
            "cc" => cc,
        };
        "xen_sysctl_get_pmstat" => xen_sys::sysctl::XenSysctlGetPmstat {
            "type" => type_, "cpuid" => cpuid, "u" => u,
        };
        "xen_userspace" => xen_sys::sysctl::XenUserspace {
            "scaling_setspeed" => scaling_setspeed,
        };
        "xen_ondemand" => xen_sys::sysctl::XenOndemand {
            "sampling_rate_max" => sampling_rate_max, "sampling_rate_min" => sampling_rate_min,
            "sampling_rate" => sampling_rate, "up_threshold" => up_threshold,
        };
        "xen_cppc_para" => xen_sys::sysctl::XenCppcPara {
            "features" => features, "lowest" => lowest, "lowest_nonlinear" => lowest_nonlinear,
            "nominal" => nominal, "highest" => highest, "minimum" => minimum, "maximum" => maximum,
            "desired" => desired, "energy_perf" => energy_perf,
            "activity_window" => activity_window,
        };
        "xen_set_cppc_para" => xen_sys::sysctl::XenSetCppcPara {
            "set_params" => set_params, "minimum" => minimum, "maximum" => maximum,
            "desired" => desired, "energy_perf" => energy_perf,
            "activity_window" => activity_window,
        };
        "xen_get_cpufreq_para" => xen_sys::sysctl::XenGetCpufreqPara {
            "cpu_num" => cpu_num, "freq_num" => freq_num, "gov_num" => gov_num,
            "affected_cpus" => affected_cpus,
            "scaling_available_frequencies" => scaling_available_frequencies,
            "scaling_available_governors" => scaling_available_governors,
            "scaling_driver" => scaling_driver, "cpuinfo_cur_freq" => cpuinfo_cur_freq,
            "cpuinfo_max_freq" => cpuinfo_max_freq, "cpuinfo_min_freq" => cpuinfo_min_freq,
            "u" => u, "turbo_enabled" => turbo_enabled,
        };
        "xen_set_cpufreq_gov" => xen_sys::sysctl::XenSetCpufreqGov {
            "scaling_governor" => scaling_governor,
        };
        "xen_set_cpufreq_para" => xen_sys::sysctl::XenSetCpufreqPara {
            "ctrl_type" => ctrl_type, "ctrl_value" => ctrl_value,
        };
        "xen_sysctl_pm_op" => xen_sys::sysctl::XenSysctlPmOp {
            "cmd" => cmd, "cpuid" => cpuid, "u" => u,
        };
        "xen_sysctl_sched_id" => xen_sys::sysctl::XenSysctlSchedId { "sched_id" => sched_id, };
        "xen_sysctl_cpupool_op" => xen_sys::sysctl::XenSysctlCpupoolOp {
            "op" => op, "cpupool_id" => cpupool_id, "sched_id" => sched_id, "domid" => domid,
            "cpu" => cpu, "n_dom" => n_dom, "cpumap" => cpumap,
        };
        "xen_sysctl_arinc653_schedule" => xen_sys::sysctl::XenSysctlArinc653Schedule {
            "major_frame" => major_frame, "num_sched_entries" => num_sched_entries,
            "sched_entries" => sched_entries,
        };
        "xen_sysctl_credit_schedule" => xen_sys::sysctl::XenSysctlCreditSchedule {
            "tslice_ms" => tslice_ms, "ratelimit_us" => ratelimit_us,
            "vcpu_migr_delay_us" => vcpu_migr_delay_us,
        };
        "xen_sysctl_credit2_schedule" => xen_sys::sysctl::XenSysctlCredit2Schedule {
            "ratelimit_us" => ratelimit_us,
        };
        "xen_sysctl_sched_arinc653" => xen_sys::sysctl::XenSysctlSchedArinc653 {
            "schedule" => schedule,
        };
        "xen_sysctl_scheduler_op" => xen_sys::sysctl::XenSysctlSchedulerOp {
            "cpupool_id" => cpupool_id, "sched_id" => sched_id, "cmd" => cmd, "u" => u,
        };
    }
}
