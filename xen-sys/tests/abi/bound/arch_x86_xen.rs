//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "XEN_HVM_DEBUGCONS_IOPORT" => xen_sys::arch_x86::xen::XEN_HVM_DEBUGCONS_IOPORT;
        "FIRST_RESERVED_GDT_PAGE" => xen_sys::arch_x86::xen::FIRST_RESERVED_GDT_PAGE;
        "FIRST_RESERVED_GDT_BYTE" => xen_sys::arch_x86::xen::FIRST_RESERVED_GDT_BYTE;
        "FIRST_RESERVED_GDT_ENTRY" => xen_sys::arch_x86::xen::FIRST_RESERVED_GDT_ENTRY;
        "VGCF_i387_valid" => xen_sys::arch_x86::xen::VgcfFlags::I387_VALID.0;
        "VGCF_in_kernel" => xen_sys::arch_x86::xen::VgcfFlags::IN_KERNEL.0;
        "VGCF_failsafe_disables_events" =>
            xen_sys::arch_x86::xen::VgcfFlags::FAILSAFE_DISABLES_EVENTS.0;
        "VGCF_syscall_disables_events" =>
            xen_sys::arch_x86::xen::VgcfFlags::SYSCALL_DISABLES_EVENTS.0;
        "VGCF_online" => xen_sys::arch_x86::xen::VgcfFlags::ONLINE.0;
        "VGCF_in_syscall" => xen_sys::arch_x86::xen::VgcfFlags::IN_SYSCALL.0;
        "XEN_X86_EMU_LAPIC" => xen_sys::arch_x86::xen::EmulationFlags::LAPIC.0;
        "XEN_X86_EMU_HPET" => xen_sys::arch_x86::xen::EmulationFlags::HPET.0;
        "XEN_X86_EMU_PM" => xen_sys::arch_x86::xen::EmulationFlags::PM.0;
        "XEN_X86_EMU_RTC" => xen_sys::arch_x86::xen::EmulationFlags::RTC.0;
        "XEN_X86_EMU_IOAPIC" => xen_sys::arch_x86::xen::EmulationFlags::IOAPIC.0;
        "XEN_X86_EMU_PIC" => xen_sys::arch_x86::xen::EmulationFlags::PIC.0;
        "XEN_X86_EMU_VGA" => xen_sys::arch_x86::xen::EmulationFlags::VGA.0;
        "XEN_X86_EMU_IOMMU" => xen_sys::arch_x86::xen::EmulationFlags::IOMMU.0;
        "XEN_X86_EMU_PIT" => xen_sys::arch_x86::xen::EmulationFlags::PIT.0;
        "XEN_X86_EMU_USE_PIRQ" => xen_sys::arch_x86::xen::EmulationFlags::USE_PIRQ.0;
        "XEN_X86_EMU_VPCI" => xen_sys::arch_x86::xen::EmulationFlags::VPCI.0;
        "XEN_X86_EMU_ALL" => xen_sys::arch_x86::xen::EmulationFlags::ALL.0;
        "XEN_X86_MSR_RELAXED" => xen_sys::arch_x86::xen::XEN_X86_MSR_RELAXED;
        "XEN_X86_MISC_FLAGS_MAX" => xen_sys::arch_x86::xen::XEN_X86_MISC_FLAGS_MAX;
        "XEN_CPUID_NO_SUBLEAF" => xen_sys::arch_x86::xen::XEN_CPUID_NO_SUBLEAF;
    }
    texts {
    }
    structures {
        "arch_shared_info" => xen_sys::arch_x86::xen::ArchSharedInfo {
            "max_pfn" => max_pfn, "pfn_to_mfn_frame_list_list" => pfn_to_mfn_frame_list_list,
            "nmi_reason" => nmi_reason, "p2m_cr3" => p2m_cr3, "p2m_vaddr" => p2m_vaddr,
            "p2m_generation" => p2m_generation,
        };
        "trap_info" => xen_sys::arch_x86::xen::TrapInfo {
            "vector" => vector, "flags" => flags, "cs" => cs, "address" => address,
        };
        "vcpu_guest_context" => xen_sys::arch_x86::xen::VcpuGuestContext {
            "fpu_ctxt" => fpu_ctxt, "flags" => flags, "user_regs" => user_regs,
            "trap_ctxt" => trap_ctxt, "ldt_base" => ldt_base, "ldt_ents" => ldt_ents,
            "gdt_frames" => gdt_frames, "gdt_ents" => gdt_ents, "kernel_ss" => kernel_ss,
            "kernel_sp" => kernel_sp, "ctrlreg" => ctrlreg, "debugreg" => debugreg,
            "event_callback_eip" => event_callback_eip,
            "failsafe_callback_eip" => failsafe_callback_eip,
            "syscall_callback_eip" => syscall_callback_eip, "vm_assist" => vm_assist,
            "fs_base" => fs_base, "gs_base_kernel" => gs_base_kernel,
            "gs_base_user" => gs_base_user,
        };
        "xen_arch_domainconfig" => xen_sys::arch_x86::xen::XenArchDomainconfig {
            "emulation_flags" => emulation_flags, "misc_flags" => misc_flags,
        };
        "xen_cpuid_leaf" => xen_sys::arch_x86::xen::XenCpuidLeaf {
            "leaf" => leaf, "subleaf" => subleaf, "a" => a, "b" => b, "c" => c, "d" => d,
        };
        "xen_msr_entry" => xen_sys::arch_x86::xen::XenMsrEntry {
            "idx" => idx, "flags" => flags, "val" => val,
        };
    }
}
