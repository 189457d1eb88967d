//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "XENFEAT_writable_page_tables" => xen_sys::features::XENFEAT_WRITABLE_PAGE_TABLES;
        "XENFEAT_writable_descriptor_tables" =>
            xen_sys::features::XENFEAT_WRITABLE_DESCRIPTOR_TABLES;
        "XENFEAT_auto_translated_physmap" => xen_sys::features::XENFEAT_AUTO_TRANSLATED_PHYSMAP;
        "XENFEAT_supervisor_mode_kernel" => xen_sys::features::XENFEAT_SUPERVISOR_MODE_KERNEL;
        "XENFEAT_pae_pgdir_above_4gb" => xen_sys::features::XENFEAT_PAE_PGDIR_ABOVE_4GB;
        "XENFEAT_mmu_pt_update_preserve_ad" => xen_sys::features::XENFEAT_MMU_PT_UPDATE_PRESERVE_AD;
        "XENFEAT_highmem_assist" => xen_sys::features::XENFEAT_HIGHMEM_ASSIST;
        "XENFEAT_gnttab_map_avail_bits" => xen_sys::features::XENFEAT_GNTTAB_MAP_AVAIL_BITS;
        "XENFEAT_hvm_callback_vector" => xen_sys::features::XENFEAT_HVM_CALLBACK_VECTOR;
        "XENFEAT_hvm_safe_pvclock" => xen_sys::features::XENFEAT_HVM_SAFE_PVCLOCK;
        "XENFEAT_hvm_pirqs" => xen_sys::features::XENFEAT_HVM_PIRQS;
        "XENFEAT_dom0" => xen_sys::features::XENFEAT_DOM0;
        "XENFEAT_memory_op_vnode_supported" => xen_sys::features::XENFEAT_MEMORY_OP_VNODE_SUPPORTED;
        "XENFEAT_ARM_SMCCC_supported" => xen_sys::features::XENFEAT_ARM_SMCCC_SUPPORTED;
        "XENFEAT_linux_rsdp_unrestricted" => xen_sys::features::XENFEAT_LINUX_RSDP_UNRESTRICTED;
        "XENFEAT_not_direct_mapped" => xen_sys::features::XENFEAT_NOT_DIRECT_MAPPED;
        "XENFEAT_direct_mapped" => xen_sys::features::XENFEAT_DIRECT_MAPPED;
        "XENFEAT_NR_SUBMAPS" => xen_sys::features::XENFEAT_NR_SUBMAPS;
        "XENFEAT_runstate_phys_area" => xen_sys::features::XENFEAT_RUNSTATE_PHYS_AREA;
        "XENFEAT_vcpu_time_phys_area" => xen_sys::features::XENFEAT_VCPU_TIME_PHYS_AREA;
        "XENFEAT_dm_msix_all_writes" => xen_sys::features::XENFEAT_DM_MSIX_ALL_WRITES;
    }
    texts {
    }
    structures {
    }
}
