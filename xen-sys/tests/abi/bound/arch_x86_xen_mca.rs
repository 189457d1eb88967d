//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "__HYPERVISOR_mca" => xen_sys::arch_x86::xen_mca::HYPERVISOR_MCA;
        "VIRQ_MCA" => xen_sys::arch_x86::xen_mca::VIRQ_MCA;
        "XEN_MCA_INTERFACE_VERSION" => xen_sys::arch_x86::xen_mca::XEN_MCA_INTERFACE_VERSION;
        "XEN_MC_NONURGENT" => xen_sys::arch_x86::xen_mca::XEN_MC_NONURGENT;
        "XEN_MC_URGENT" => xen_sys::arch_x86::xen_mca::XEN_MC_URGENT;
        "XEN_MC_ACK" => xen_sys::arch_x86::xen_mca::XEN_MC_ACK;
        "XEN_MC_OK" => xen_sys::arch_x86::xen_mca::XEN_MC_OK;
        "XEN_MC_FETCHFAILED" => xen_sys::arch_x86::xen_mca::XEN_MC_FETCHFAILED;
        "XEN_MC_NODATA" => xen_sys::arch_x86::xen_mca::XEN_MC_NODATA;
        "XEN_MC_NOMATCH" => xen_sys::arch_x86::xen_mca::XEN_MC_NOMATCH;
        "XEN_MC_CANNOTHANDLE" => xen_sys::arch_x86::xen_mca::XEN_MC_CANNOTHANDLE;
        "XEN_MC_NOTDELIVERED" => xen_sys::arch_x86::xen_mca::XEN_MC_NOTDELIVERED;
        "XEN_MC_fetch" => xen_sys::arch_x86::xen_mca::XEN_MC_FETCH;
        "XEN_MC_notifydomain" => xen_sys::arch_x86::xen_mca::XEN_MC_NOTIFYDOMAIN;
        "XEN_MC_physcpuinfo" => xen_sys::arch_x86::xen_mca::XEN_MC_PHYSCPUINFO;
        "XEN_MC_msrinject" => xen_sys::arch_x86::xen_mca::XEN_MC_MSRINJECT;
        "XEN_MC_mceinject" => xen_sys::arch_x86::xen_mca::XEN_MC_MCEINJECT;
        "XEN_MC_inject_v2" => xen_sys::arch_x86::xen_mca::XEN_MC_INJECT_V2;
        "XEN_MC_INJECT_TYPE_MASK" => xen_sys::arch_x86::xen_mca::XEN_MC_INJECT_TYPE_MASK;
        "XEN_MC_INJECT_TYPE_MCE" => xen_sys::arch_x86::xen_mca::XEN_MC_INJECT_TYPE_MCE;
        "XEN_MC_INJECT_TYPE_CMCI" => xen_sys::arch_x86::xen_mca::XEN_MC_INJECT_TYPE_CMCI;
        "XEN_MC_INJECT_TYPE_LMCE" => xen_sys::arch_x86::xen_mca::XEN_MC_INJECT_TYPE_LMCE;
        "XEN_MC_INJECT_CPU_BROADCAST" => xen_sys::arch_x86::xen_mca::XEN_MC_INJECT_CPU_BROADCAST;
        "MC_MSRINJ_F_INTERPOSE" => xen_sys::arch_x86::xen_mca::MC_MSRINJ_F_INTERPOSE;
        "MC_MSRINJ_F_GPADDR" => xen_sys::arch_x86::xen_mca::MC_MSRINJ_F_GPADDR;
        "MC_FLAG_CORRECTABLE" => xen_sys::arch_x86::xen_mca::MC_FLAG_CORRECTABLE;
        "MC_FLAG_UNCORRECTABLE" => xen_sys::arch_x86::xen_mca::MC_FLAG_UNCORRECTABLE;
        "MC_FLAG_RECOVERABLE" => xen_sys::arch_x86::xen_mca::MC_FLAG_RECOVERABLE;
        "MC_FLAG_POLLED" => xen_sys::arch_x86::xen_mca::MC_FLAG_POLLED;
        "MC_FLAG_RESET" => xen_sys::arch_x86::xen_mca::MC_FLAG_RESET;
        "MC_FLAG_CMCI" => xen_sys::arch_x86::xen_mca::MC_FLAG_CMCI;
        "MC_FLAG_MCE" => xen_sys::arch_x86::xen_mca::MC_FLAG_MCE;
        "MCINFO_FLAGS_UNCOMPLETE" => xen_sys::arch_x86::xen_mca::MCINFO_FLAGS_UNCOMPLETE;
        "XEN_MC_VCPUID_INVALID" => xen_sys::arch_x86::xen_mca::XEN_MC_VCPUID_INVALID;
        "MC_TYPE_GLOBAL" => xen_sys::arch_x86::xen_mca::MC_TYPE_GLOBAL;
        "MC_TYPE_BANK" => xen_sys::arch_x86::xen_mca::MC_TYPE_BANK;
        "MC_TYPE_EXTENDED" => xen_sys::arch_x86::xen_mca::MC_TYPE_EXTENDED;
        "MC_TYPE_RECOVERY" => xen_sys::arch_x86::xen_mca::MC_TYPE_RECOVERY;
        "REC_ACTION_RECOVERED" => xen_sys::arch_x86::xen_mca::REC_ACTION_RECOVERED;
        "REC_ACTION_NONE" => xen_sys::arch_x86::xen_mca::REC_ACTION_NONE;
        "REC_ACTION_NEED_RESET" => xen_sys::arch_x86::xen_mca::REC_ACTION_NEED_RESET;
        "MC_ACTION_PAGE_OFFLINE" => xen_sys::arch_x86::xen_mca::MC_ACTION_PAGE_OFFLINE;
        "MC_ACTION_CPU_OFFLINE" => xen_sys::arch_x86::xen_mca::MC_ACTION_CPU_OFFLINE;
        "MC_ACTION_CACHE_SHRINK" => xen_sys::arch_x86::xen_mca::MC_ACTION_CACHE_SHRINK;
        "MAX_UNION_SIZE" => xen_sys::arch_x86::xen_mca::MAX_UNION_SIZE;
        "MCINFO_HYPERCALLSIZE" => xen_sys::arch_x86::xen_mca::MCINFO_HYPERCALLSIZE;
        "MCINFO_MAXSIZE" => xen_sys::arch_x86::xen_mca::MCINFO_MAXSIZE;
        "__MC_MSR_ARRAYSIZE" => xen_sys::arch_x86::xen_mca::MC_MSR_ARRAYSIZE;
        "MC_NCAPS" => xen_sys::arch_x86::xen_mca::MC_NCAPS;
        "MC_CAPS_STD_EDX" => xen_sys::arch_x86::xen_mca::MC_CAPS_STD_EDX;
        "MC_CAPS_AMD_EDX" => xen_sys::arch_x86::xen_mca::MC_CAPS_AMD_EDX;
        "MC_CAPS_TM" => xen_sys::arch_x86::xen_mca::MC_CAPS_TM;
        "MC_CAPS_LINUX" => xen_sys::arch_x86::xen_mca::MC_CAPS_LINUX;
        "MC_CAPS_STD_ECX" => xen_sys::arch_x86::xen_mca::MC_CAPS_STD_ECX;
        "MC_CAPS_VIA" => xen_sys::arch_x86::xen_mca::MC_CAPS_VIA;
        "MC_CAPS_AMD_ECX" => xen_sys::arch_x86::xen_mca::MC_CAPS_AMD_ECX;
        "MC_MSRINJ_MAXMSRS" => xen_sys::arch_x86::xen_mca::MC_MSRINJ_MAXMSRS;
    }
    texts {
    }
    structures {
        "mcinfo_common" => xen_sys::arch_x86::xen_mca::McinfoCommon {
            "type" => type_, "size" => size,
        };
        "mcinfo_global" => xen_sys::arch_x86::xen_mca::McinfoGlobal {
            "common" => common, "mc_domid" => mc_domid, "mc_vcpuid" => mc_vcpuid,
            "mc_socketid" => mc_socketid, "mc_coreid" => mc_coreid,
            "mc_core_threadid" => mc_core_threadid, "mc_apicid" => mc_apicid,
            "mc_flags" => mc_flags, "mc_gstatus" => mc_gstatus,
        };
        "mcinfo_bank" => xen_sys::arch_x86::xen_mca::McinfoBank {
            "common" => common, "mc_bank" => mc_bank, "mc_domid" => mc_domid,
            "mc_status" => mc_status, "mc_addr" => mc_addr, "mc_misc" => mc_misc,
            "mc_ctrl2" => mc_ctrl2, "mc_tsc" => mc_tsc,
        };
        "mcinfo_msr" => xen_sys::arch_x86::xen_mca::McinfoMsr { "reg" => reg, "value" => value, };
        "mcinfo_extended" => xen_sys::arch_x86::xen_mca::McinfoExtended {
            "common" => common, "mc_msrs" => mc_msrs, "mc_msr" => mc_msr,
        };
        "page_offline_action" => xen_sys::arch_x86::xen_mca::PageOfflineAction {
            "mfn" => mfn, "status" => status,
        };
        "cpu_offline_action" => xen_sys::arch_x86::xen_mca::CpuOfflineAction {
            "mc_socketid" => mc_socketid, "mc_coreid" => mc_coreid,
            "mc_core_threadid" => mc_core_threadid,
        };
        "mcinfo_recovery" => xen_sys::arch_x86::xen_mca::McinfoRecovery {
            "common" => common, "mc_bank" => mc_bank, "action_flags" => action_flags,
            "action_types" => action_types, "action_info" => action_info,
        };
        "mc_info" => xen_sys::arch_x86::xen_mca::McInfo {
            "mi_nentries" => mi_nentries, "flags" => flags, "mi_data" => mi_data,
        };
        "mcinfo_logical_cpu" => xen_sys::arch_x86::xen_mca::McinfoLogicalCpu {
            "mc_cpunr" => mc_cpunr, "mc_chipid" => mc_chipid, "mc_coreid" => mc_coreid,
            "mc_threadid" => mc_threadid, "mc_apicid" => mc_apicid, "mc_clusterid" => mc_clusterid,
            "mc_ncores" => mc_ncores, "mc_ncores_active" => mc_ncores_active,
            "mc_nthreads" => mc_nthreads, "mc_cpuid_level" => mc_cpuid_level,
            "mc_family" => mc_family, "mc_vendor" => mc_vendor, "mc_model" => mc_model,
            "mc_step" => mc_step, "mc_vendorid" => mc_vendorid, "mc_brandid" => mc_brandid,
            "mc_cpu_caps" => mc_cpu_caps, "mc_cache_size" => mc_cache_size,
            "mc_cache_alignment" => mc_cache_alignment, "mc_nmsrvals" => mc_nmsrvals,
            "mc_msrvalues" => mc_msrvalues,
        };
        "xen_mc_fetch" => xen_sys::arch_x86::xen_mca::XenMcFetch {
            "flags" => flags, "fetch_id" => fetch_id, "data" => data,
        };
        "xen_mc_notifydomain" => xen_sys::arch_x86::xen_mca::XenMcNotifydomain {
            "mc_domid" => mc_domid, "mc_vcpuid" => mc_vcpuid, "flags" => flags,
        };
        "xen_mc_physcpuinfo" => xen_sys::arch_x86::xen_mca::XenMcPhyscpuinfo {
            "ncpus" => ncpus, "info" => info,
        };
        "xen_mc_msrinject" => xen_sys::arch_x86::xen_mca::XenMcMsrinject {
            "mcinj_cpunr" => mcinj_cpunr, "mcinj_flags" => mcinj_flags,
            "mcinj_count" => mcinj_count, "mcinj_domid" => mcinj_domid, "mcinj_msr" => mcinj_msr,
        };
        "xen_mc_mceinject" => xen_sys::arch_x86::xen_mca::XenMcMceinject {
            "mceinj_cpunr" => mceinj_cpunr,
        };
        "xen_mc_inject_v2" => xen_sys::arch_x86::xen_mca::XenMcInjectV2 {
            "flags" => flags, "cpumap" => cpumap,
        };
        "xen_mc" => xen_sys::arch_x86::xen_mca::XenMc {
            "cmd" => cmd, "interface_version" => interface_version, "u" => u,
        };
    }
}
