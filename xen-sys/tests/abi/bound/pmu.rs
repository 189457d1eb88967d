//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "XENPMU_VER_MAJ" => xen_sys::pmu::XENPMU_VER_MAJ;
        "XENPMU_VER_MIN" => xen_sys::pmu::XENPMU_VER_MIN;
        "XENPMU_mode_get" => xen_sys::pmu::XENPMU_MODE_GET;
        "XENPMU_mode_set" => xen_sys::pmu::XENPMU_MODE_SET;
        "XENPMU_feature_get" => xen_sys::pmu::XENPMU_FEATURE_GET;
        "XENPMU_feature_set" => xen_sys::pmu::XENPMU_FEATURE_SET;
        "XENPMU_init" => xen_sys::pmu::XENPMU_INIT;
        "XENPMU_finish" => xen_sys::pmu::XENPMU_FINISH;
        "XENPMU_lvtpc_set" => xen_sys::pmu::XENPMU_LVTPC_SET;
        "XENPMU_flush" => xen_sys::pmu::XENPMU_FLUSH;
        "XENPMU_MODE_OFF" => xen_sys::pmu::XENPMU_MODE_OFF;
        "XENPMU_MODE_SELF" => xen_sys::pmu::XENPMU_MODE_SELF;
        "XENPMU_MODE_HV" => xen_sys::pmu::XENPMU_MODE_HV;
        "XENPMU_MODE_ALL" => xen_sys::pmu::XENPMU_MODE_ALL;
        "XENPMU_FEATURE_INTEL_BTS" => xen_sys::pmu::XENPMU_FEATURE_INTEL_BTS;
        "XENPMU_FEATURE_IPC_ONLY" => xen_sys::pmu::XENPMU_FEATURE_IPC_ONLY;
        "XENPMU_FEATURE_ARCH_ONLY" => xen_sys::pmu::XENPMU_FEATURE_ARCH_ONLY;
    }
    texts {
    }
    structures {
        "xen_pmu_params" => xen_sys::pmu::XenPmuParams {
            "version.maj" => version_maj, "version.min" => version_min, "val" => val,
            "vcpu" => vcpu, "pad" => pad,
        };
    }
}
