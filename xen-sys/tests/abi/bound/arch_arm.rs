//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "XEN_HYPERCALL_TAG" => xen_sys::arch_arm::XEN_HYPERCALL_TAG;
        "XEN_LEGACY_MAX_VCPUS" => xen_sys::arch_arm::XEN_LEGACY_MAX_VCPUS;
        "VGCF_online" => xen_sys::arch_arm::VGCF_ONLINE;
        "XEN_DOMCTL_CONFIG_GIC_NATIVE" => xen_sys::arch_arm::XEN_DOMCTL_CONFIG_GIC_NATIVE;
        "XEN_DOMCTL_CONFIG_GIC_V2" => xen_sys::arch_arm::XEN_DOMCTL_CONFIG_GIC_V2;
        "XEN_DOMCTL_CONFIG_GIC_V3" => xen_sys::arch_arm::XEN_DOMCTL_CONFIG_GIC_V3;
        "XEN_DOMCTL_CONFIG_TEE_NONE" => xen_sys::arch_arm::XEN_DOMCTL_CONFIG_TEE_NONE;
        "XEN_DOMCTL_CONFIG_TEE_OPTEE" => xen_sys::arch_arm::XEN_DOMCTL_CONFIG_TEE_OPTEE;
        "XEN_DOMCTL_CONFIG_TEE_FFA" => xen_sys::arch_arm::XEN_DOMCTL_CONFIG_TEE_FFA;
        "PSR_THUMB" => xen_sys::arch_arm::PSR_THUMB;
        "PSR_FIQ_MASK" => xen_sys::arch_arm::PSR_FIQ_MASK;
        "PSR_IRQ_MASK" => xen_sys::arch_arm::PSR_IRQ_MASK;
        "PSR_ABT_MASK" => xen_sys::arch_arm::PSR_ABT_MASK;
        "PSR_BIG_ENDIAN" => xen_sys::arch_arm::PSR_BIG_ENDIAN;
        "PSR_DBG_MASK" => xen_sys::arch_arm::PSR_DBG_MASK;
        "PSR_IT_MASK" => xen_sys::arch_arm::PSR_IT_MASK;
        "PSR_JAZELLE" => xen_sys::arch_arm::PSR_JAZELLE;
        "PSR_Z" => xen_sys::arch_arm::PSR_Z;
        "PSR_MODE_USR" => xen_sys::arch_arm::PSR_MODE_USR;
        "PSR_MODE_FIQ" => xen_sys::arch_arm::PSR_MODE_FIQ;
        "PSR_MODE_IRQ" => xen_sys::arch_arm::PSR_MODE_IRQ;
        "PSR_MODE_SVC" => xen_sys::arch_arm::PSR_MODE_SVC;
        "PSR_MODE_MON" => xen_sys::arch_arm::PSR_MODE_MON;
        "PSR_MODE_ABT" => xen_sys::arch_arm::PSR_MODE_ABT;
        "PSR_MODE_HYP" => xen_sys::arch_arm::PSR_MODE_HYP;
        "PSR_MODE_UND" => xen_sys::arch_arm::PSR_MODE_UND;
        "PSR_MODE_SYS" => xen_sys::arch_arm::PSR_MODE_SYS;
        "PSR_MODE_BIT" => xen_sys::arch_arm::PSR_MODE_BIT;
        "PSR_MODE_EL3h" => xen_sys::arch_arm::PSR_MODE_EL3H;
        "PSR_MODE_EL3t" => xen_sys::arch_arm::PSR_MODE_EL3T;
        "PSR_MODE_EL2h" => xen_sys::arch_arm::PSR_MODE_EL2H;
        "PSR_MODE_EL2t" => xen_sys::arch_arm::PSR_MODE_EL2T;
        "PSR_MODE_EL1h" => xen_sys::arch_arm::PSR_MODE_EL1H;
        "PSR_MODE_EL1t" => xen_sys::arch_arm::PSR_MODE_EL1T;
        "PSR_MODE_EL0t" => xen_sys::arch_arm::PSR_MODE_EL0T;
        "PSR_GUEST32_INIT" => xen_sys::arch_arm::PSR_GUEST32_INIT;
        "PSR_GUEST64_INIT" => xen_sys::arch_arm::PSR_GUEST64_INIT;
        "SCTLR_GUEST_INIT" => xen_sys::arch_arm::SCTLR_GUEST_INIT;
        "GUEST_VIRTIO_MMIO_BASE" => xen_sys::arch_arm::GUEST_VIRTIO_MMIO_BASE;
        "GUEST_VIRTIO_MMIO_SIZE" => xen_sys::arch_arm::GUEST_VIRTIO_MMIO_SIZE;
        "GUEST_GICD_BASE" => xen_sys::arch_arm::GUEST_GICD_BASE;
        "GUEST_GICD_SIZE" => xen_sys::arch_arm::GUEST_GICD_SIZE;
        "GUEST_GICC_BASE" => xen_sys::arch_arm::GUEST_GICC_BASE;
        "GUEST_GICC_SIZE" => xen_sys::arch_arm::GUEST_GICC_SIZE;
        "GUEST_GICV3_GICD_BASE" => xen_sys::arch_arm::GUEST_GICV3_GICD_BASE;
        "GUEST_GICV3_GICD_SIZE" => xen_sys::arch_arm::GUEST_GICV3_GICD_SIZE;
        "GUEST_GICV3_RDIST_REGIONS" => xen_sys::arch_arm::GUEST_GICV3_RDIST_REGIONS;
        "GUEST_GICV3_GICR0_BASE" => xen_sys::arch_arm::GUEST_GICV3_GICR0_BASE;
        "GUEST_GICV3_GICR0_SIZE" => xen_sys::arch_arm::GUEST_GICV3_GICR0_SIZE;
        "GUEST_VPCI_ECAM_BASE" => xen_sys::arch_arm::GUEST_VPCI_ECAM_BASE;
        "GUEST_VPCI_ECAM_SIZE" => xen_sys::arch_arm::GUEST_VPCI_ECAM_SIZE;
        "GUEST_ACPI_BASE" => xen_sys::arch_arm::GUEST_ACPI_BASE;
        "GUEST_ACPI_SIZE" => xen_sys::arch_arm::GUEST_ACPI_SIZE;
        "GUEST_PL011_BASE" => xen_sys::arch_arm::GUEST_PL011_BASE;
        "GUEST_PL011_SIZE" => xen_sys::arch_arm::GUEST_PL011_SIZE;
        "GUEST_VPCI_ADDR_TYPE_MEM" => xen_sys::arch_arm::GUEST_VPCI_ADDR_TYPE_MEM;
        "GUEST_VPCI_MEM_ADDR" => xen_sys::arch_arm::GUEST_VPCI_MEM_ADDR;
        "GUEST_VPCI_MEM_SIZE" => xen_sys::arch_arm::GUEST_VPCI_MEM_SIZE;
        "GUEST_GNTTAB_BASE" => xen_sys::arch_arm::GUEST_GNTTAB_BASE;
        "GUEST_GNTTAB_SIZE" => xen_sys::arch_arm::GUEST_GNTTAB_SIZE;
        "GUEST_MAGIC_BASE" => xen_sys::arch_arm::GUEST_MAGIC_BASE;
        "GUEST_MAGIC_SIZE" => xen_sys::arch_arm::GUEST_MAGIC_SIZE;
        "GUEST_RAM_BANKS" => xen_sys::arch_arm::GUEST_RAM_BANKS;
        "GUEST_RAM0_BASE" => xen_sys::arch_arm::GUEST_RAM0_BASE;
        "GUEST_RAM0_SIZE" => xen_sys::arch_arm::GUEST_RAM0_SIZE;
        "GUEST_VPCI_ADDR_TYPE_PREFETCH_MEM" => xen_sys::arch_arm::GUEST_VPCI_ADDR_TYPE_PREFETCH_MEM;
        "GUEST_VPCI_PREFETCH_MEM_ADDR" => xen_sys::arch_arm::GUEST_VPCI_PREFETCH_MEM_ADDR;
        "GUEST_VPCI_PREFETCH_MEM_SIZE" => xen_sys::arch_arm::GUEST_VPCI_PREFETCH_MEM_SIZE;
        "GUEST_RAM1_BASE" => xen_sys::arch_arm::GUEST_RAM1_BASE;
        "GUEST_RAM1_SIZE" => xen_sys::arch_arm::GUEST_RAM1_SIZE;
        "GUEST_RAM_BASE" => xen_sys::arch_arm::GUEST_RAM_BASE;
        "GUEST_RAM_MAX" => xen_sys::arch_arm::GUEST_RAM_MAX;
        "GUEST_MAX_VCPUS" => xen_sys::arch_arm::GUEST_MAX_VCPUS;
        "GUEST_TIMER_VIRT_PPI" => xen_sys::arch_arm::GUEST_TIMER_VIRT_PPI;
        "GUEST_TIMER_PHYS_S_PPI" => xen_sys::arch_arm::GUEST_TIMER_PHYS_S_PPI;
        "GUEST_TIMER_PHYS_NS_PPI" => xen_sys::arch_arm::GUEST_TIMER_PHYS_NS_PPI;
        "GUEST_EVTCHN_PPI" => xen_sys::arch_arm::GUEST_EVTCHN_PPI;
        "GUEST_VPL011_SPI" => xen_sys::arch_arm::GUEST_VPL011_SPI;
        "GUEST_VIRTIO_MMIO_SPI_FIRST" => xen_sys::arch_arm::GUEST_VIRTIO_MMIO_SPI_FIRST;
        "GUEST_VIRTIO_MMIO_SPI_LAST" => xen_sys::arch_arm::GUEST_VIRTIO_MMIO_SPI_LAST;
        "PSCI_cpu_suspend" => xen_sys::arch_arm::PSCI_CPU_SUSPEND;
        "PSCI_cpu_off" => xen_sys::arch_arm::PSCI_CPU_OFF;
        "PSCI_cpu_on" => xen_sys::arch_arm::PSCI_CPU_ON;
        "PSCI_migrate" => xen_sys::arch_arm::PSCI_MIGRATE;
        "XEN_DOMCTL_DT_OVERLAY_ATTACH" => xen_sys::arch_arm::XEN_DOMCTL_DT_OVERLAY_ATTACH;
        "XEN_SYSCTL_DT_OVERLAY_ADD" => xen_sys::arch_arm::XEN_SYSCTL_DT_OVERLAY_ADD;
        "XEN_SYSCTL_DT_OVERLAY_REMOVE" => xen_sys::arch_arm::XEN_SYSCTL_DT_OVERLAY_REMOVE;
        "XEN_SYSCTL_PHYSCAP_ARM_SVE_MASK" => xen_sys::arch_arm::XEN_SYSCTL_PHYSCAP_ARM_SVE_MASK;
        "GUEST_FFA_NOTIF_PEND_INTR_ID" => xen_sys::arch_arm::GUEST_FFA_NOTIF_PEND_INTR_ID;
        "GUEST_FFA_SCHEDULE_RECV_INTR_ID" => xen_sys::arch_arm::GUEST_FFA_SCHEDULE_RECV_INTR_ID;
    }
    texts {
    }
    structures {
        "vcpu_info" => xen_sys::arch_arm::VcpuInfo {
            "evtchn_upcall_pending" => evtchn_upcall_pending, "pad0" => pad0,
            "evtchn_pending_sel" => evtchn_pending_sel, "time" => time,
        };
        "shared_info" => xen_sys::arch_arm::SharedInfo {
            "vcpu_info" => vcpu_info, "evtchn_pending" => evtchn_pending,
            "evtchn_mask" => evtchn_mask, "wc_version" => wc_version, "wc_sec" => wc_sec,
            "wc_nsec" => wc_nsec, "wc_sec_hi" => wc_sec_hi,
        };
        "vcpu_guest_core_regs" => xen_sys::arch_arm::VcpuGuestCoreRegs {
            "x0" => x0, "x1" => x1, "x2" => x2, "x3" => x3, "x4" => x4, "x5" => x5, "x6" => x6,
            "x7" => x7, "x8" => x8, "x9" => x9, "x10" => x10, "x11" => x11, "x12" => x12,
            "x13" => x13, "x14" => x14, "x15" => x15, "x16" => x16, "x17" => x17, "x18" => x18,
            "x19" => x19, "x20" => x20, "x21" => x21, "x22" => x22, "x23" => x23, "x24" => x24,
            "x25" => x25, "x26" => x26, "x27" => x27, "x28" => x28, "x29" => x29, "x30" => x30,
            "pc64" => pc64, "cpsr" => cpsr, "spsr_el1" => spsr_el1, "spsr_fiq" => spsr_fiq,
            "spsr_irq" => spsr_irq, "spsr_und" => spsr_und, "spsr_abt" => spsr_abt,
            "sp_el0" => sp_el0, "sp_el1" => sp_el1, "elr_el1" => elr_el1,
        };
        "vcpu_guest_context" => xen_sys::arch_arm::VcpuGuestContext {
            "flags" => flags, "user_regs" => user_regs, "sctlr" => sctlr, "ttbcr" => ttbcr,
            "ttbr0" => ttbr0, "ttbr1" => ttbr1,
        };
        "xen_arch_domainconfig" => xen_sys::arch_arm::XenArchDomainconfig {
            "gic_version" => gic_version, "sve_vl" => sve_vl, "tee_type" => tee_type,
            "nr_spis" => nr_spis, "clock_frequency" => clock_frequency,
        };
        "xen_pmu_arch" => xen_sys::arch_arm::XenPmuArch { "dummy" => dummy, };
        "xen_pmu_data" => xen_sys::arch_arm::XenPmuData {
            "vcpu_id" => vcpu_id, "pcpu_id" => pcpu_id, "domain_id" => domain_id, "pad" => pad,
            "pmu" => pmu,
        };
        "xen_domctl_createdomain" => xen_sys::arch_arm::XenDomctlCreatedomain {
            "ssidref" => ssidref, "handle" => handle, "flags" => flags, "iommu_opts" => iommu_opts,
            "max_vcpus" => max_vcpus, "max_evtchn_port" => max_evtchn_port,
            "max_grant_frames" => max_grant_frames, "max_maptrack_frames" => max_maptrack_frames,
            "grant_opts" => grant_opts, "altp2m_opts" => altp2m_opts,
            "vmtrace_size" => vmtrace_size, "cpupool_id" => cpupool_id, "arch" => arch,
        };
        "xen_domctl_getdomaininfo" => xen_sys::arch_arm::XenDomctlGetdomaininfo {
            "domain" => domain, "pad1" => pad1, "flags" => flags, "tot_pages" => tot_pages,
            "max_pages" => max_pages, "outstanding_pages" => outstanding_pages,
            "shr_pages" => shr_pages, "paged_pages" => paged_pages,
            "shared_info_frame" => shared_info_frame, "cpu_time" => cpu_time,
            "nr_online_vcpus" => nr_online_vcpus, "max_vcpu_id" => max_vcpu_id,
            "ssidref" => ssidref, "handle" => handle, "cpupool" => cpupool,
            "gpaddr_bits" => gpaddr_bits, "pad2" => pad2, "arch_config" => arch_config,
        };
        "xen_domctl_ext_vcpucontext" => xen_sys::arch_arm::XenDomctlExtVcpucontext {
            "vcpu" => vcpu, "size" => size,
        };
        "xen_domctl_dt_overlay" => xen_sys::arch_arm::XenDomctlDtOverlay {
            "overlay_fdt" => overlay_fdt, "overlay_fdt_size" => overlay_fdt_size,
            "overlay_op" => overlay_op, "pad" => pad,
        };
        "xen_sysctl_dt_overlay" => xen_sys::arch_arm::XenSysctlDtOverlay {
            "overlay_fdt" => overlay_fdt, "overlay_fdt_size" => overlay_fdt_size,
            "overlay_op" => overlay_op, "pad" => pad,
        };
    }
}
