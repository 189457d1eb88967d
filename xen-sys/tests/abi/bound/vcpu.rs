//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "VCPUOP_initialise" => xen_sys::vcpu::VCPUOP_INITIALISE;
        "VCPUOP_up" => xen_sys::vcpu::VCPUOP_UP;
        "VCPUOP_down" => xen_sys::vcpu::VCPUOP_DOWN;
        "VCPUOP_is_up" => xen_sys::vcpu::VCPUOP_IS_UP;
        "VCPUOP_get_runstate_info" => xen_sys::vcpu::VCPUOP_GET_RUNSTATE_INFO;
        "VCPUOP_register_runstate_memory_area" =>
            xen_sys::vcpu::VCPUOP_REGISTER_RUNSTATE_MEMORY_AREA;
        "VCPUOP_set_periodic_timer" => xen_sys::vcpu::VCPUOP_SET_PERIODIC_TIMER;
        "VCPUOP_stop_periodic_timer" => xen_sys::vcpu::VCPUOP_STOP_PERIODIC_TIMER;
        "VCPUOP_set_singleshot_timer" => xen_sys::vcpu::VCPUOP_SET_SINGLESHOT_TIMER;
        "VCPUOP_stop_singleshot_timer" => xen_sys::vcpu::VCPUOP_STOP_SINGLESHOT_TIMER;
        "VCPUOP_register_vcpu_info" => xen_sys::vcpu::VCPUOP_REGISTER_VCPU_INFO;
        "VCPUOP_send_nmi" => xen_sys::vcpu::VCPUOP_SEND_NMI;
        "VCPUOP_get_physid" => xen_sys::vcpu::VCPUOP_GET_PHYSID;
        "VCPUOP_register_vcpu_time_memory_area" =>
            xen_sys::vcpu::VCPUOP_REGISTER_VCPU_TIME_MEMORY_AREA;
        "VCPUOP_register_runstate_phys_area" => xen_sys::vcpu::VCPUOP_REGISTER_RUNSTATE_PHYS_AREA;
        "VCPUOP_register_vcpu_time_phys_area" => xen_sys::vcpu::VCPUOP_REGISTER_VCPU_TIME_PHYS_AREA;
        "XEN_RUNSTATE_UPDATE" => xen_sys::vcpu::XEN_RUNSTATE_UPDATE;
        "RUNSTATE_running" => xen_sys::vcpu::VcpuRunstate::RUNNING.0;
        "RUNSTATE_runnable" => xen_sys::vcpu::VcpuRunstate::RUNNABLE.0;
        "RUNSTATE_blocked" => xen_sys::vcpu::VcpuRunstate::BLOCKED.0;
        "RUNSTATE_offline" => xen_sys::vcpu::VcpuRunstate::OFFLINE.0;
        "VCPU_SSHOTTMR_future" => xen_sys::vcpu::VCPU_SSHOTTMR_FUTURE;
    }
    texts {
    }
    structures {
        "vcpu_runstate_info" => xen_sys::vcpu::VcpuRunstateInfo {
            "state" => state, "state_entry_time" => state_entry_time, "time" => time,
        };
        "vcpu_register_runstate_memory_area" => xen_sys::vcpu::VcpuRegisterRunstateMemoryArea {
            "addr" => addr,
        };
        "vcpu_set_periodic_timer" => xen_sys::vcpu::VcpuSetPeriodicTimer {
            "period_ns" => period_ns,
        };
        "vcpu_set_singleshot_timer" => xen_sys::vcpu::VcpuSetSingleshotTimer {
            "timeout_abs_ns" => timeout_abs_ns, "flags" => flags,
        };
        "vcpu_register_vcpu_info" => xen_sys::vcpu::VcpuRegisterVcpuInfo {
            "mfn" => mfn, "offset" => offset, "rsvd" => rsvd,
        };
        "vcpu_get_physid" => xen_sys::vcpu::VcpuGetPhysid { "phys_id" => phys_id, };
        "vcpu_register_time_memory_area" => xen_sys::vcpu::VcpuRegisterTimeMemoryArea {
            "addr" => addr,
        };
    }
}
