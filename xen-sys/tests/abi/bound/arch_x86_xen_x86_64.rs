//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "FLAT_RING3_CS32" => xen_sys::arch_x86::xen_x86_64::FLAT_RING3_CS32;
        "FLAT_RING3_CS64" => xen_sys::arch_x86::xen_x86_64::FLAT_RING3_CS64;
        "FLAT_RING3_DS32" => xen_sys::arch_x86::xen_x86_64::FLAT_RING3_DS32;
        "FLAT_RING3_DS64" => xen_sys::arch_x86::xen_x86_64::FLAT_RING3_DS64;
        "FLAT_RING3_SS32" => xen_sys::arch_x86::xen_x86_64::FLAT_RING3_SS32;
        "FLAT_RING3_SS64" => xen_sys::arch_x86::xen_x86_64::FLAT_RING3_SS64;
        "FLAT_KERNEL_DS64" => xen_sys::arch_x86::xen_x86_64::FLAT_KERNEL_DS64;
        "FLAT_KERNEL_DS32" => xen_sys::arch_x86::xen_x86_64::FLAT_KERNEL_DS32;
        "FLAT_KERNEL_DS" => xen_sys::arch_x86::xen_x86_64::FLAT_KERNEL_DS;
        "FLAT_KERNEL_CS64" => xen_sys::arch_x86::xen_x86_64::FLAT_KERNEL_CS64;
        "FLAT_KERNEL_CS32" => xen_sys::arch_x86::xen_x86_64::FLAT_KERNEL_CS32;
        "FLAT_KERNEL_CS" => xen_sys::arch_x86::xen_x86_64::FLAT_KERNEL_CS;
        "FLAT_KERNEL_SS64" => xen_sys::arch_x86::xen_x86_64::FLAT_KERNEL_SS64;
        "FLAT_KERNEL_SS32" => xen_sys::arch_x86::xen_x86_64::FLAT_KERNEL_SS32;
        "FLAT_KERNEL_SS" => xen_sys::arch_x86::xen_x86_64::FLAT_KERNEL_SS;
        "FLAT_USER_DS64" => xen_sys::arch_x86::xen_x86_64::FLAT_USER_DS64;
        "FLAT_USER_DS32" => xen_sys::arch_x86::xen_x86_64::FLAT_USER_DS32;
        "FLAT_USER_DS" => xen_sys::arch_x86::xen_x86_64::FLAT_USER_DS;
        "FLAT_USER_CS64" => xen_sys::arch_x86::xen_x86_64::FLAT_USER_CS64;
        "FLAT_USER_CS32" => xen_sys::arch_x86::xen_x86_64::FLAT_USER_CS32;
        "FLAT_USER_CS" => xen_sys::arch_x86::xen_x86_64::FLAT_USER_CS;
        "FLAT_USER_SS64" => xen_sys::arch_x86::xen_x86_64::FLAT_USER_SS64;
        "FLAT_USER_SS32" => xen_sys::arch_x86::xen_x86_64::FLAT_USER_SS32;
        "FLAT_USER_SS" => xen_sys::arch_x86::xen_x86_64::FLAT_USER_SS;
        "HYPERVISOR_VIRT_START" => xen_sys::arch_x86::xen_x86_64::HYPERVISOR_VIRT_START;
        "HYPERVISOR_VIRT_END" => xen_sys::arch_x86::xen_x86_64::HYPERVISOR_VIRT_END;
        "MACH2PHYS_VIRT_START" => xen_sys::arch_x86::xen_x86_64::MACH2PHYS_VIRT_START;
        "MACH2PHYS_VIRT_END" => xen_sys::arch_x86::xen_x86_64::MACH2PHYS_VIRT_END;
        "MACH2PHYS_NR_ENTRIES" => xen_sys::arch_x86::xen_x86_64::MACH2PHYS_NR_ENTRIES;
        "SEGBASE_FS" => xen_sys::arch_x86::xen_x86_64::SEGBASE_FS;
        "SEGBASE_GS_USER" => xen_sys::arch_x86::xen_x86_64::SEGBASE_GS_USER;
        "SEGBASE_GS_KERNEL" => xen_sys::arch_x86::xen_x86_64::SEGBASE_GS_KERNEL;
        "SEGBASE_GS_USER_SEL" => xen_sys::arch_x86::xen_x86_64::SEGBASE_GS_USER_SEL;
    }
    texts {
    }
    structures {
        "arch_vcpu_info" => xen_sys::arch_x86::xen_x86_64::ArchVcpuInfo {
            "cr2" => cr2, "pad" => pad,
        };
        "iret_context" => xen_sys::arch_x86::xen_x86_64::IretContext {
            "rax" => rax, "r11" => r11, "rcx" => rcx, "flags" => flags, "rip" => rip, "cs" => cs,
            "rflags" => rflags, "rsp" => rsp, "ss" => ss,
        };
        "cpu_user_regs" => xen_sys::arch_x86::xen_x86_64::CpuUserRegs {
            "r15" => r15, "r14" => r14, "r13" => r13, "r12" => r12, "rbp" => rbp, "rbx" => rbx,
            "r11" => r11, "r10" => r10, "r9" => r9, "r8" => r8, "rax" => rax, "rcx" => rcx,
            "rdx" => rdx, "rsi" => rsi, "rdi" => rdi, "error_code" => error_code,
            "entry_vector" => entry_vector, "rip" => rip, "cs" => cs,
            "saved_upcall_mask" => saved_upcall_mask, "rflags" => rflags, "rsp" => rsp, "ss" => ss,
            "es" => es, "ds" => ds, "fs" => fs, "gs" => gs,
        };
    }
}
