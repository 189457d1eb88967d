//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "__HYPERVISOR_set_trap_table" => xen_sys::xen::HYPERVISOR_SET_TRAP_TABLE;
        "__HYPERVISOR_mmu_update" => xen_sys::xen::HYPERVISOR_MMU_UPDATE;
        "__HYPERVISOR_set_gdt" => xen_sys::xen::HYPERVISOR_SET_GDT;
        "__HYPERVISOR_stack_switch" => xen_sys::xen::HYPERVISOR_STACK_SWITCH;
        "__HYPERVISOR_set_callbacks" => xen_sys::xen::HYPERVISOR_SET_CALLBACKS;
        "__HYPERVISOR_fpu_taskswitch" => xen_sys::xen::HYPERVISOR_FPU_TASKSWITCH;
        "__HYPERVISOR_sched_op_compat" => xen_sys::xen::HYPERVISOR_SCHED_OP_COMPAT;
        "__HYPERVISOR_platform_op" => xen_sys::xen::HYPERVISOR_PLATFORM_OP;
        "__HYPERVISOR_set_debugreg" => xen_sys::xen::HYPERVISOR_SET_DEBUGREG;
        "__HYPERVISOR_get_debugreg" => xen_sys::xen::HYPERVISOR_GET_DEBUGREG;
        "__HYPERVISOR_update_descriptor" => xen_sys::xen::HYPERVISOR_UPDATE_DESCRIPTOR;
        "__HYPERVISOR_memory_op" => xen_sys::xen::HYPERVISOR_MEMORY_OP;
        "__HYPERVISOR_multicall" => xen_sys::xen::HYPERVISOR_MULTICALL;
        "__HYPERVISOR_update_va_mapping" => xen_sys::xen::HYPERVISOR_UPDATE_VA_MAPPING;
        "__HYPERVISOR_set_timer_op" => xen_sys::xen::HYPERVISOR_SET_TIMER_OP;
        "__HYPERVISOR_event_channel_op_compat" => xen_sys::xen::HYPERVISOR_EVENT_CHANNEL_OP_COMPAT;
        "__HYPERVISOR_xen_version" => xen_sys::xen::HYPERVISOR_XEN_VERSION;
        "__HYPERVISOR_console_io" => xen_sys::xen::HYPERVISOR_CONSOLE_IO;
        "__HYPERVISOR_physdev_op_compat" => xen_sys::xen::HYPERVISOR_PHYSDEV_OP_COMPAT;
        "__HYPERVISOR_grant_table_op" => xen_sys::xen::HYPERVISOR_GRANT_TABLE_OP;
        "__HYPERVISOR_vm_assist" => xen_sys::xen::HYPERVISOR_VM_ASSIST;
        "__HYPERVISOR_update_va_mapping_otherdomain" =>
            xen_sys::xen::HYPERVISOR_UPDATE_VA_MAPPING_OTHERDOMAIN;
        "__HYPERVISOR_iret" => xen_sys::xen::HYPERVISOR_IRET;
        "__HYPERVISOR_vcpu_op" => xen_sys::xen::HYPERVISOR_VCPU_OP;
        "__HYPERVISOR_set_segment_base" => xen_sys::xen::HYPERVISOR_SET_SEGMENT_BASE;
        "__HYPERVISOR_mmuext_op" => xen_sys::xen::HYPERVISOR_MMUEXT_OP;
        "__HYPERVISOR_xsm_op" => xen_sys::xen::HYPERVISOR_XSM_OP;
        "__HYPERVISOR_nmi_op" => xen_sys::xen::HYPERVISOR_NMI_OP;
        "__HYPERVISOR_sched_op" => xen_sys::xen::HYPERVISOR_SCHED_OP;
        "__HYPERVISOR_callback_op" => xen_sys::xen::HYPERVISOR_CALLBACK_OP;
        "__HYPERVISOR_xenoprof_op" => xen_sys::xen::HYPERVISOR_XENOPROF_OP;
        "__HYPERVISOR_event_channel_op" => xen_sys::xen::HYPERVISOR_EVENT_CHANNEL_OP;
        "__HYPERVISOR_physdev_op" => xen_sys::xen::HYPERVISOR_PHYSDEV_OP;
        "__HYPERVISOR_hvm_op" => xen_sys::xen::HYPERVISOR_HVM_OP;
        "__HYPERVISOR_sysctl" => xen_sys::xen::HYPERVISOR_SYSCTL;
        "__HYPERVISOR_domctl" => xen_sys::xen::HYPERVISOR_DOMCTL;
        "__HYPERVISOR_kexec_op" => xen_sys::xen::HYPERVISOR_KEXEC_OP;
        "__HYPERVISOR_tmem_op" => xen_sys::xen::HYPERVISOR_TMEM_OP;
        "__HYPERVISOR_argo_op" => xen_sys::xen::HYPERVISOR_ARGO_OP;
        "__HYPERVISOR_xenpmu_op" => xen_sys::xen::HYPERVISOR_XENPMU_OP;
        "__HYPERVISOR_dm_op" => xen_sys::xen::HYPERVISOR_DM_OP;
        "__HYPERVISOR_hypfs_op" => xen_sys::xen::HYPERVISOR_HYPFS_OP;
        "__HYPERVISOR_arch_0" => xen_sys::xen::HYPERVISOR_ARCH_0;
        "__HYPERVISOR_arch_1" => xen_sys::xen::HYPERVISOR_ARCH_1;
        "__HYPERVISOR_arch_2" => xen_sys::xen::HYPERVISOR_ARCH_2;
        "__HYPERVISOR_arch_3" => xen_sys::xen::HYPERVISOR_ARCH_3;
        "__HYPERVISOR_arch_4" => xen_sys::xen::HYPERVISOR_ARCH_4;
        "__HYPERVISOR_arch_5" => xen_sys::xen::HYPERVISOR_ARCH_5;
        "__HYPERVISOR_arch_6" => xen_sys::xen::HYPERVISOR_ARCH_6;
        "__HYPERVISOR_arch_7" => xen_sys::xen::HYPERVISOR_ARCH_7;
        "VIRQ_TIMER" => xen_sys::xen::Virq::TIMER.0;
        "VIRQ_DEBUG" => xen_sys::xen::Virq::DEBUG.0;
        "VIRQ_CONSOLE" => xen_sys::xen::Virq::CONSOLE.0;
        "VIRQ_DOM_EXC" => xen_sys::xen::Virq::DOM_EXC.0;
        "VIRQ_TBUF" => xen_sys::xen::Virq::TBUF.0;
        "VIRQ_DEBUGGER" => xen_sys::xen::Virq::DEBUGGER.0;
        "VIRQ_XENOPROF" => xen_sys::xen::Virq::XENOPROF.0;
        "VIRQ_CON_RING" => xen_sys::xen::Virq::CON_RING.0;
        "VIRQ_PCPU_STATE" => xen_sys::xen::Virq::PCPU_STATE.0;
        "VIRQ_MEM_EVENT" => xen_sys::xen::Virq::MEM_EVENT.0;
        "VIRQ_ARGO" => xen_sys::xen::Virq::ARGO.0;
        "VIRQ_ENOMEM" => xen_sys::xen::Virq::ENOMEM.0;
        "VIRQ_XENPMU" => xen_sys::xen::Virq::XENPMU.0;
        "VIRQ_ARCH_0" => xen_sys::xen::Virq::ARCH_0.0;
        "VIRQ_ARCH_1" => xen_sys::xen::Virq::ARCH_1.0;
        "VIRQ_ARCH_2" => xen_sys::xen::Virq::ARCH_2.0;
        "VIRQ_ARCH_3" => xen_sys::xen::Virq::ARCH_3.0;
        "VIRQ_ARCH_4" => xen_sys::xen::Virq::ARCH_4.0;
        "VIRQ_ARCH_5" => xen_sys::xen::Virq::ARCH_5.0;
        "VIRQ_ARCH_6" => xen_sys::xen::Virq::ARCH_6.0;
        "VIRQ_ARCH_7" => xen_sys::xen::Virq::ARCH_7.0;
        "NR_VIRQS" => xen_sys::xen::NR_VIRQS;
        "CONSOLEIO_write" => xen_sys::xen::CONSOLEIO_WRITE;
        "CONSOLEIO_read" => xen_sys::xen::CONSOLEIO_READ;
        "VMASST_CMD_enable" => xen_sys::xen::VMASST_CMD_ENABLE;
        "VMASST_CMD_disable" => xen_sys::xen::VMASST_CMD_DISABLE;
        "VMASST_TYPE_4gb_segments" => xen_sys::xen::VMASST_TYPE_4GB_SEGMENTS;
        "VMASST_TYPE_4gb_segments_notify" => xen_sys::xen::VMASST_TYPE_4GB_SEGMENTS_NOTIFY;
        "VMASST_TYPE_writable_pagetables" => xen_sys::xen::VMASST_TYPE_WRITABLE_PAGETABLES;
        "VMASST_TYPE_pae_extended_cr3" => xen_sys::xen::VMASST_TYPE_PAE_EXTENDED_CR3;
        "VMASST_TYPE_architectural_iopl" => xen_sys::xen::VMASST_TYPE_ARCHITECTURAL_IOPL;
        "VMASST_TYPE_runstate_update_flag" => xen_sys::xen::VMASST_TYPE_RUNSTATE_UPDATE_FLAG;
        "VMASST_TYPE_m2p_strict" => xen_sys::xen::VMASST_TYPE_M2P_STRICT;
        "DOMID_FIRST_RESERVED" => xen_sys::xen::DomId::FIRST_RESERVED.0;
        "DOMID_SELF" => xen_sys::xen::DomId::SELF.0;
        "DOMID_IO" => xen_sys::xen::DomId::IO.0;
        "DOMID_XEN" => xen_sys::xen::DomId::XEN.0;
        "DOMID_COW" => xen_sys::xen::DomId::COW.0;
        "DOMID_INVALID" => xen_sys::xen::DomId::INVALID.0;
        "DOMID_ANY" => xen_sys::xen::DomId::ANY.0;
        "DOMID_IDLE" => xen_sys::xen::DomId::IDLE.0;
        "DOMID_MASK" => xen_sys::xen::DomId::MASK;
        "XEN_PVCLOCK_TSC_STABLE_BIT" => xen_sys::xen::PvclockFlags::TSC_STABLE.0;
        "XEN_PVCLOCK_GUEST_STOPPED" => xen_sys::xen::PvclockFlags::GUEST_STOPPED.0;
        "SIF_PRIVILEGED" => xen_sys::xen::StartInfoFlags::PRIVILEGED.0;
        "SIF_INITDOMAIN" => xen_sys::xen::StartInfoFlags::INITDOMAIN.0;
        "SIF_MULTIBOOT_MOD" => xen_sys::xen::StartInfoFlags::MULTIBOOT_MOD.0;
        "SIF_MOD_START_PFN" => xen_sys::xen::StartInfoFlags::MOD_START_PFN.0;
        "SIF_VIRT_P2M_4TOOLS" => xen_sys::xen::StartInfoFlags::VIRT_P2M_4TOOLS.0;
        "SIF_PM_MASK" => xen_sys::xen::StartInfoFlags::PM_MASK.0;
        "MMU_NORMAL_PT_UPDATE" => xen_sys::xen::MMU_NORMAL_PT_UPDATE;
        "MMU_MACHPHYS_UPDATE" => xen_sys::xen::MMU_MACHPHYS_UPDATE;
        "MMU_PT_UPDATE_PRESERVE_AD" => xen_sys::xen::MMU_PT_UPDATE_PRESERVE_AD;
        "MMU_PT_UPDATE_NO_TRANSLATE" => xen_sys::xen::MMU_PT_UPDATE_NO_TRANSLATE;
        "UVMF_NONE" => xen_sys::xen::UVMF_NONE;
        "UVMF_TLB_FLUSH" => xen_sys::xen::UVMF_TLB_FLUSH;
        "UVMF_INVLPG" => xen_sys::xen::UVMF_INVLPG;
        "UVMF_FLUSHTYPE_MASK" => xen_sys::xen::UVMF_FLUSHTYPE_MASK;
        "UVMF_MULTI" => xen_sys::xen::UVMF_MULTI;
        "UVMF_LOCAL" => xen_sys::xen::UVMF_LOCAL;
        "UVMF_ALL" => xen_sys::xen::UVMF_ALL;
        "MMUEXT_PIN_L1_TABLE" => xen_sys::xen::MMUEXT_PIN_L1_TABLE;
        "MMUEXT_PIN_L2_TABLE" => xen_sys::xen::MMUEXT_PIN_L2_TABLE;
        "MMUEXT_PIN_L3_TABLE" => xen_sys::xen::MMUEXT_PIN_L3_TABLE;
        "MMUEXT_PIN_L4_TABLE" => xen_sys::xen::MMUEXT_PIN_L4_TABLE;
        "MMUEXT_UNPIN_TABLE" => xen_sys::xen::MMUEXT_UNPIN_TABLE;
        "MMUEXT_NEW_BASEPTR" => xen_sys::xen::MMUEXT_NEW_BASEPTR;
        "MMUEXT_TLB_FLUSH_LOCAL" => xen_sys::xen::MMUEXT_TLB_FLUSH_LOCAL;
        "MMUEXT_INVLPG_LOCAL" => xen_sys::xen::MMUEXT_INVLPG_LOCAL;
        "MMUEXT_TLB_FLUSH_MULTI" => xen_sys::xen::MMUEXT_TLB_FLUSH_MULTI;
        "MMUEXT_INVLPG_MULTI" => xen_sys::xen::MMUEXT_INVLPG_MULTI;
        "MMUEXT_TLB_FLUSH_ALL" => xen_sys::xen::MMUEXT_TLB_FLUSH_ALL;
        "MMUEXT_INVLPG_ALL" => xen_sys::xen::MMUEXT_INVLPG_ALL;
        "MMUEXT_FLUSH_CACHE" => xen_sys::xen::MMUEXT_FLUSH_CACHE;
        "MMUEXT_SET_LDT" => xen_sys::xen::MMUEXT_SET_LDT;
        "MMUEXT_NEW_USER_BASEPTR" => xen_sys::xen::MMUEXT_NEW_USER_BASEPTR;
        "MMUEXT_CLEAR_PAGE" => xen_sys::xen::MMUEXT_CLEAR_PAGE;
        "MMUEXT_COPY_PAGE" => xen_sys::xen::MMUEXT_COPY_PAGE;
        "MMUEXT_FLUSH_CACHE_GLOBAL" => xen_sys::xen::MMUEXT_FLUSH_CACHE_GLOBAL;
        "MMUEXT_MARK_SUPER" => xen_sys::xen::MMUEXT_MARK_SUPER;
        "MMUEXT_UNMARK_SUPER" => xen_sys::xen::MMUEXT_UNMARK_SUPER;
        "MAX_GUEST_CMDLINE" => xen_sys::xen::MAX_GUEST_CMDLINE;
        "XEN_VGATYPE_TEXT_MODE_3" => xen_sys::xen::XEN_VGATYPE_TEXT_MODE_3;
        "XEN_VGATYPE_VESA_LFB" => xen_sys::xen::XEN_VGATYPE_VESA_LFB;
        "XEN_VGATYPE_EFI_LFB" => xen_sys::xen::XEN_VGATYPE_EFI_LFB;
    }
    texts {
    }
    structures {
        "multicall_entry" => xen_sys::xen::MulticallEntry {
            "op" => op, "result" => result, "args" => args,
        };
        "vcpu_time_info" => xen_sys::xen::VcpuTimeInfo {
            "version" => version, "pad0" => pad0, "tsc_timestamp" => tsc_timestamp,
            "system_time" => system_time, "tsc_to_system_mul" => tsc_to_system_mul,
            "tsc_shift" => tsc_shift, "flags" => flags, "pad1" => pad1,
        };
        "xen_multiboot_mod_list" => xen_sys::xen::XenMultibootModList {
            "mod_start" => mod_start, "mod_end" => mod_end, "cmdline" => cmdline, "pad" => pad,
        };
        "xenctl_bitmap" => xen_sys::xen::XenctlBitmap { "bitmap" => bitmap, "nr_bits" => nr_bits, };
        "mmuext_op" => xen_sys::xen::MmuextOp { "cmd" => cmd, "arg1" => arg1, "arg2" => arg2, };
        "mmu_update" => xen_sys::xen::MmuUpdate { "ptr" => ptr, "val" => val, };
        "start_info" => xen_sys::xen::StartInfo {
            "magic" => magic, "nr_pages" => nr_pages, "shared_info" => shared_info,
            "flags" => flags, "store_mfn" => store_mfn, "store_evtchn" => store_evtchn,
            "console" => console, "pt_base" => pt_base, "nr_pt_frames" => nr_pt_frames,
            "mfn_list" => mfn_list, "mod_start" => mod_start, "mod_len" => mod_len,
            "cmd_line" => cmd_line, "first_p2m_pfn" => first_p2m_pfn,
            "nr_p2m_frames" => nr_p2m_frames,
        };
        "dom0_vga_console_info" => xen_sys::xen::Dom0VgaConsoleInfo {
            "video_type" => video_type, "u.vesa_lfb.width" => width, "u.vesa_lfb.height" => height,
            "u.vesa_lfb.bytes_per_line" => bytes_per_line,
            "u.vesa_lfb.bits_per_pixel" => bits_per_pixel, "u.vesa_lfb.lfb_base" => lfb_base,
            "u.vesa_lfb.lfb_size" => lfb_size, "u.vesa_lfb.red_pos" => red_pos,
            "u.vesa_lfb.red_size" => red_size, "u.vesa_lfb.green_pos" => green_pos,
            "u.vesa_lfb.green_size" => green_size, "u.vesa_lfb.blue_pos" => blue_pos,
            "u.vesa_lfb.blue_size" => blue_size, "u.vesa_lfb.rsvd_pos" => rsvd_pos,
            "u.vesa_lfb.rsvd_size" => rsvd_size, "u.vesa_lfb.gbl_caps" => gbl_caps,
            "u.vesa_lfb.mode_attrs" => mode_attrs, "u.vesa_lfb.pad" => pad,
            "u.vesa_lfb.ext_lfb_base" => ext_lfb_base,
        };
        "xen_uuid_t" => xen_sys::xen::XenUuid { "a" => a, };
    }
}
