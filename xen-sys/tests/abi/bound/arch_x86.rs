//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "XEN_LEGACY_MAX_VCPUS" => xen_sys::arch_x86::XEN_LEGACY_MAX_VCPUS;
    }
    texts {
    }
    structures {
        "vcpu_info" => xen_sys::arch_x86::VcpuInfo {
            "evtchn_upcall_pending" => evtchn_upcall_pending,
            "evtchn_upcall_mask" => evtchn_upcall_mask, "evtchn_pending_sel" => evtchn_pending_sel,
            "arch" => arch, "time" => time,
        };
        "shared_info" => xen_sys::arch_x86::SharedInfo {
            "vcpu_info" => vcpu_info, "evtchn_pending" => evtchn_pending,
            "evtchn_mask" => evtchn_mask, "wc_version" => wc_version, "wc_sec" => wc_sec,
            "wc_nsec" => wc_nsec, "wc_sec_hi" => wc_sec_hi, "arch" => arch,
        };
        "xen_domctl_createdomain" => xen_sys::arch_x86::XenDomctlCreatedomain {
            "ssidref" => ssidref, "handle" => handle, "flags" => flags, "iommu_opts" => iommu_opts,
            "max_vcpus" => max_vcpus, "max_evtchn_port" => max_evtchn_port,
            "max_grant_frames" => max_grant_frames, "max_maptrack_frames" => max_maptrack_frames,
            "grant_opts" => grant_opts, "altp2m_opts" => altp2m_opts,
            "vmtrace_size" => vmtrace_size, "cpupool_id" => cpupool_id, "arch" => arch,
        };
        "xen_domctl_getdomaininfo" => xen_sys::arch_x86::XenDomctlGetdomaininfo {
            "domain" => domain, "pad1" => pad1, "flags" => flags, "tot_pages" => tot_pages,
            "max_pages" => max_pages, "outstanding_pages" => outstanding_pages,
            "shr_pages" => shr_pages, "paged_pages" => paged_pages,
            "shared_info_frame" => shared_info_frame, "cpu_time" => cpu_time,
            "nr_online_vcpus" => nr_online_vcpus, "max_vcpu_id" => max_vcpu_id,
            "ssidref" => ssidref, "handle" => handle, "cpupool" => cpupool,
            "gpaddr_bits" => gpaddr_bits, "pad2" => pad2, "arch_config" => arch_config,
        };
        "xen_pmu_data" => xen_sys::arch_x86::XenPmuData {
            "vcpu_id" => vcpu_id, "pcpu_id" => pcpu_id, "domain_id" => domain_id, "pad" => pad,
            "pmu" => pmu,
        };
        "xen_domctl_ext_vcpucontext" => xen_sys::arch_x86::XenDomctlExtVcpucontext {
            "vcpu" => vcpu, "size" => size, "syscall32_callback_eip" => syscall32_callback_eip,
            "sysenter_callback_eip" => sysenter_callback_eip,
            "syscall32_callback_cs" => syscall32_callback_cs,
            "sysenter_callback_cs" => sysenter_callback_cs,
            "syscall32_disables_events" => syscall32_disables_events,
            "sysenter_disables_events" => sysenter_disables_events, "vmce" => vmce,
        };
    }
}
