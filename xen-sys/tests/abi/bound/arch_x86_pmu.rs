//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "PMU_CACHED" => xen_sys::arch_x86::pmu::PMU_CACHED;
        "PMU_SAMPLE_USER" => xen_sys::arch_x86::pmu::PMU_SAMPLE_USER;
        "PMU_SAMPLE_REAL" => xen_sys::arch_x86::pmu::PMU_SAMPLE_REAL;
        "PMU_SAMPLE_PV" => xen_sys::arch_x86::pmu::PMU_SAMPLE_PV;
        "XENPMU_REGS_PAD_SZ" => xen_sys::arch_x86::pmu::XENPMU_REGS_PAD_SZ;
        "XENPMU_CTXT_PAD_SZ" => xen_sys::arch_x86::pmu::XENPMU_CTXT_PAD_SZ;
    }
    texts {
    }
    structures {
        "xen_pmu_amd_ctxt" => xen_sys::arch_x86::pmu::XenPmuAmdCtxt {
            "counters" => counters, "ctrls" => ctrls, "regs" => regs,
        };
        "xen_pmu_cntr_pair" => xen_sys::arch_x86::pmu::XenPmuCntrPair {
            "counter" => counter, "control" => control,
        };
        "xen_pmu_intel_ctxt" => xen_sys::arch_x86::pmu::XenPmuIntelCtxt {
            "fixed_counters" => fixed_counters, "arch_counters" => arch_counters,
            "global_ctrl" => global_ctrl, "global_ovf_ctrl" => global_ovf_ctrl,
            "global_status" => global_status, "fixed_ctrl" => fixed_ctrl, "ds_area" => ds_area,
            "pebs_enable" => pebs_enable, "debugctl" => debugctl, "regs" => regs,
        };
        "xen_pmu_regs" => xen_sys::arch_x86::pmu::XenPmuRegs {
            "ip" => ip, "sp" => sp, "flags" => flags, "cs" => cs, "ss" => ss, "cpl" => cpl,
            "pad" => pad,
        };
        "xen_pmu_arch" => xen_sys::arch_x86::pmu::XenPmuArch {
            "r" => r, "pmu_flags" => pmu_flags, "l" => l, "c" => c,
        };
    }
}
