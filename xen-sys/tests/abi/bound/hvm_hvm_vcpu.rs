//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "VCPU_HVM_MODE_32B" => xen_sys::hvm::hvm_vcpu::VCPU_HVM_MODE_32B;
        "VCPU_HVM_MODE_64B" => xen_sys::hvm::hvm_vcpu::VCPU_HVM_MODE_64B;
    }
    texts {
    }
    structures {
        "vcpu_hvm_x86_32" => xen_sys::hvm::hvm_vcpu::VcpuHvmX8632 {
            "eax" => eax, "ecx" => ecx, "edx" => edx, "ebx" => ebx, "esp" => esp, "ebp" => ebp,
            "esi" => esi, "edi" => edi, "eip" => eip, "eflags" => eflags, "cr0" => cr0,
            "cr3" => cr3, "cr4" => cr4, "pad1" => pad1, "efer" => efer, "cs_base" => cs_base,
            "ds_base" => ds_base, "ss_base" => ss_base, "es_base" => es_base, "tr_base" => tr_base,
            "cs_limit" => cs_limit, "ds_limit" => ds_limit, "ss_limit" => ss_limit,
            "es_limit" => es_limit, "tr_limit" => tr_limit, "cs_ar" => cs_ar, "ds_ar" => ds_ar,
            "ss_ar" => ss_ar, "es_ar" => es_ar, "tr_ar" => tr_ar, "pad2" => pad2,
        };
        "vcpu_hvm_x86_64" => xen_sys::hvm::hvm_vcpu::VcpuHvmX8664 {
            "rax" => rax, "rcx" => rcx, "rdx" => rdx, "rbx" => rbx, "rsp" => rsp, "rbp" => rbp,
            "rsi" => rsi, "rdi" => rdi, "rip" => rip, "rflags" => rflags, "cr0" => cr0,
            "cr3" => cr3, "cr4" => cr4, "efer" => efer,
        };
        "vcpu_hvm_context" => xen_sys::hvm::hvm_vcpu::VcpuHvmContext {
            "mode" => mode, "pad" => pad, "cpu_regs" => cpu_regs,
        };
    }
}
