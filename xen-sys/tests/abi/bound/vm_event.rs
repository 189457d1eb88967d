//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "VM_EVENT_INTERFACE_VERSION" => xen_sys::vm_event::VM_EVENT_INTERFACE_VERSION;
        "VM_EVENT_FLAG_VCPU_PAUSED" => xen_sys::vm_event::VmEventFlags::VCPU_PAUSED.0;
        "VM_EVENT_FLAG_FOREIGN" => xen_sys::vm_event::VmEventFlags::FOREIGN.0;
        "VM_EVENT_FLAG_EMULATE" => xen_sys::vm_event::VmEventFlags::EMULATE.0;
        "VM_EVENT_FLAG_EMULATE_NOWRITE" => xen_sys::vm_event::VmEventFlags::EMULATE_NOWRITE.0;
        "VM_EVENT_FLAG_TOGGLE_SINGLESTEP" => xen_sys::vm_event::VmEventFlags::TOGGLE_SINGLESTEP.0;
        "VM_EVENT_FLAG_SET_EMUL_READ_DATA" => xen_sys::vm_event::VmEventFlags::SET_EMUL_READ_DATA.0;
        "VM_EVENT_FLAG_DENY" => xen_sys::vm_event::VmEventFlags::DENY.0;
        "VM_EVENT_FLAG_ALTERNATE_P2M" => xen_sys::vm_event::VmEventFlags::ALTERNATE_P2M.0;
        "VM_EVENT_FLAG_SET_REGISTERS" => xen_sys::vm_event::VmEventFlags::SET_REGISTERS.0;
        "VM_EVENT_FLAG_SET_EMUL_INSN_DATA" => xen_sys::vm_event::VmEventFlags::SET_EMUL_INSN_DATA.0;
        "VM_EVENT_FLAG_GET_NEXT_INTERRUPT" => xen_sys::vm_event::VmEventFlags::GET_NEXT_INTERRUPT.0;
        "VM_EVENT_FLAG_FAST_SINGLESTEP" => xen_sys::vm_event::VmEventFlags::FAST_SINGLESTEP.0;
        "VM_EVENT_FLAG_NESTED_P2M" => xen_sys::vm_event::VmEventFlags::NESTED_P2M.0;
        "VM_EVENT_FLAG_RESET_VMTRACE" => xen_sys::vm_event::VmEventFlags::RESET_VMTRACE.0;
        "VM_EVENT_FLAG_RESET_FORK_STATE" => xen_sys::vm_event::VmEventFlags::RESET_FORK_STATE.0;
        "VM_EVENT_FLAG_RESET_FORK_MEMORY" => xen_sys::vm_event::VmEventFlags::RESET_FORK_MEMORY.0;
        "VM_EVENT_REASON_UNKNOWN" => xen_sys::vm_event::VmEventReason::UNKNOWN.0;
        "VM_EVENT_REASON_MEM_ACCESS" => xen_sys::vm_event::VmEventReason::MEM_ACCESS.0;
        "VM_EVENT_REASON_MEM_SHARING" => xen_sys::vm_event::VmEventReason::MEM_SHARING.0;
        "VM_EVENT_REASON_MEM_PAGING" => xen_sys::vm_event::VmEventReason::MEM_PAGING.0;
        "VM_EVENT_REASON_WRITE_CTRLREG" => xen_sys::vm_event::VmEventReason::WRITE_CTRLREG.0;
        "VM_EVENT_REASON_MOV_TO_MSR" => xen_sys::vm_event::VmEventReason::MOV_TO_MSR.0;
        "VM_EVENT_REASON_SOFTWARE_BREAKPOINT" =>
            xen_sys::vm_event::VmEventReason::SOFTWARE_BREAKPOINT.0;
        "VM_EVENT_REASON_SINGLESTEP" => xen_sys::vm_event::VmEventReason::SINGLESTEP.0;
        "VM_EVENT_REASON_GUEST_REQUEST" => xen_sys::vm_event::VmEventReason::GUEST_REQUEST.0;
        "VM_EVENT_REASON_DEBUG_EXCEPTION" => xen_sys::vm_event::VmEventReason::DEBUG_EXCEPTION.0;
        "VM_EVENT_REASON_CPUID" => xen_sys::vm_event::VmEventReason::CPUID.0;
        "VM_EVENT_REASON_PRIVILEGED_CALL" => xen_sys::vm_event::VmEventReason::PRIVILEGED_CALL.0;
        "VM_EVENT_REASON_INTERRUPT" => xen_sys::vm_event::VmEventReason::INTERRUPT.0;
        "VM_EVENT_REASON_DESCRIPTOR_ACCESS" =>
            xen_sys::vm_event::VmEventReason::DESCRIPTOR_ACCESS.0;
        "VM_EVENT_REASON_EMUL_UNIMPLEMENTED" =>
            xen_sys::vm_event::VmEventReason::EMUL_UNIMPLEMENTED.0;
        "VM_EVENT_REASON_VMEXIT" => xen_sys::vm_event::VmEventReason::VMEXIT.0;
        "VM_EVENT_REASON_IO_INSTRUCTION" => xen_sys::vm_event::VmEventReason::IO_INSTRUCTION.0;
        "VM_EVENT_X86_CR0" => xen_sys::vm_event::VM_EVENT_X86_CR0;
        "VM_EVENT_X86_CR3" => xen_sys::vm_event::VM_EVENT_X86_CR3;
        "VM_EVENT_X86_CR4" => xen_sys::vm_event::VM_EVENT_X86_CR4;
        "VM_EVENT_X86_XCR0" => xen_sys::vm_event::VM_EVENT_X86_XCR0;
        "MEM_ACCESS_R" => xen_sys::vm_event::MEM_ACCESS_R;
        "MEM_ACCESS_W" => xen_sys::vm_event::MEM_ACCESS_W;
        "MEM_ACCESS_X" => xen_sys::vm_event::MEM_ACCESS_X;
        "MEM_ACCESS_RW" => xen_sys::vm_event::MEM_ACCESS_RW;
        "MEM_ACCESS_RX" => xen_sys::vm_event::MEM_ACCESS_RX;
        "MEM_ACCESS_WX" => xen_sys::vm_event::MEM_ACCESS_WX;
        "MEM_ACCESS_RWX" => xen_sys::vm_event::MEM_ACCESS_RWX;
        "MEM_ACCESS_GLA_VALID" => xen_sys::vm_event::MEM_ACCESS_GLA_VALID;
        "MEM_ACCESS_FAULT_WITH_GLA" => xen_sys::vm_event::MEM_ACCESS_FAULT_WITH_GLA;
        "MEM_ACCESS_FAULT_IN_GPT" => xen_sys::vm_event::MEM_ACCESS_FAULT_IN_GPT;
        "MEM_PAGING_DROP_PAGE" => xen_sys::vm_event::MEM_PAGING_DROP_PAGE;
        "MEM_PAGING_EVICT_FAIL" => xen_sys::vm_event::MEM_PAGING_EVICT_FAIL;
        "VM_EVENT_DESC_IDTR" => xen_sys::vm_event::VM_EVENT_DESC_IDTR;
        "VM_EVENT_DESC_GDTR" => xen_sys::vm_event::VM_EVENT_DESC_GDTR;
        "VM_EVENT_DESC_LDTR" => xen_sys::vm_event::VM_EVENT_DESC_LDTR;
        "VM_EVENT_DESC_TR" => xen_sys::vm_event::VM_EVENT_DESC_TR;
    }
    texts {
    }
    structures {
        "vm_event_x86_selector_reg" => xen_sys::vm_event::VmEventX86SelectorReg { "bits" => bits, };
        "vm_event_regs_x86" => xen_sys::vm_event::VmEventRegsX86 {
            "rax" => rax, "rcx" => rcx, "rdx" => rdx, "rbx" => rbx, "rsp" => rsp, "rbp" => rbp,
            "rsi" => rsi, "rdi" => rdi, "r8" => r8, "r9" => r9, "r10" => r10, "r11" => r11,
            "r12" => r12, "r13" => r13, "r14" => r14, "r15" => r15, "rflags" => rflags,
            "dr6" => dr6, "dr7" => dr7, "rip" => rip, "cr0" => cr0, "cr2" => cr2, "cr3" => cr3,
            "cr4" => cr4, "sysenter_cs" => sysenter_cs, "sysenter_esp" => sysenter_esp,
            "sysenter_eip" => sysenter_eip, "msr_efer" => msr_efer, "msr_star" => msr_star,
            "msr_lstar" => msr_lstar, "gdtr_base" => gdtr_base, "npt_base" => npt_base,
            "vmtrace_pos" => vmtrace_pos, "cs_base" => cs_base, "ss_base" => ss_base,
            "ds_base" => ds_base, "es_base" => es_base, "fs_base" => fs_base, "gs_base" => gs_base,
            "cs" => cs, "ss" => ss, "ds" => ds, "es" => es, "fs" => fs, "gs" => gs,
            "shadow_gs" => shadow_gs, "gdtr_limit" => gdtr_limit, "cs_sel" => cs_sel,
            "ss_sel" => ss_sel, "ds_sel" => ds_sel, "es_sel" => es_sel, "fs_sel" => fs_sel,
            "gs_sel" => gs_sel, "_pad" => _pad,
        };
        "vm_event_regs_arm" => xen_sys::vm_event::VmEventRegsArm {
            "ttbr0" => ttbr0, "ttbr1" => ttbr1, "ttbcr" => ttbcr, "pc" => pc, "cpsr" => cpsr,
        };
        "vm_event_mem_access" => xen_sys::vm_event::VmEventMemAccess {
            "gfn" => gfn, "offset" => offset, "gla" => gla, "flags" => flags, "_pad" => _pad,
        };
        "vm_event_write_ctrlreg" => xen_sys::vm_event::VmEventWriteCtrlreg {
            "index" => index, "_pad" => _pad, "new_value" => new_value, "old_value" => old_value,
        };
        "vm_event_singlestep" => xen_sys::vm_event::VmEventSinglestep { "gfn" => gfn, };
        "vm_event_fast_singlestep" => xen_sys::vm_event::VmEventFastSinglestep {
            "p2midx" => p2midx,
        };
        "vm_event_debug" => xen_sys::vm_event::VmEventDebug {
            "gfn" => gfn, "pending_dbg" => pending_dbg, "insn_length" => insn_length,
            "type" => type_, "_pad" => _pad,
        };
        "vm_event_mov_to_msr" => xen_sys::vm_event::VmEventMovToMsr {
            "msr" => msr, "new_value" => new_value, "old_value" => old_value,
        };
        "vm_event_desc_access" => xen_sys::vm_event::VmEventDescAccess {
            "arch" => arch, "descriptor" => descriptor, "is_write" => is_write, "_pad" => _pad,
        };
        "vm_event_cpuid" => xen_sys::vm_event::VmEventCpuid {
            "insn_length" => insn_length, "leaf" => leaf, "subleaf" => subleaf, "_pad" => _pad,
        };
        "vm_event_interrupt_x86" => xen_sys::vm_event::VmEventInterruptX86 {
            "vector" => vector, "type" => type_, "error_code" => error_code, "_pad" => _pad,
            "cr2" => cr2,
        };
        "vm_event_paging" => xen_sys::vm_event::VmEventPaging {
            "gfn" => gfn, "p2mt" => p2mt, "flags" => flags,
        };
        "vm_event_sharing" => xen_sys::vm_event::VmEventSharing {
            "gfn" => gfn, "p2mt" => p2mt, "_pad" => _pad,
        };
        "vm_event_emul_read_data" => xen_sys::vm_event::VmEventEmulReadData {
            "size" => size, "data" => data,
        };
        "vm_event_emul_insn_data" => xen_sys::vm_event::VmEventEmulInsnData { "data" => data, };
        "vm_event_vmexit" => xen_sys::vm_event::VmEventVmexit {
            "arch.vmx.reason" => reason, "arch.vmx.qualification" => qualification,
        };
        "vm_event_io" => xen_sys::vm_event::VmEventIo {
            "bytes" => bytes, "port" => port, "in" => in_, "str" => str,
        };
        "vm_event_st" => xen_sys::vm_event::VmEventSt {
            "version" => version, "flags" => flags, "reason" => reason, "vcpu_id" => vcpu_id,
            "altp2m_idx" => altp2m_idx, "_pad" => _pad, "u" => u, "data" => data,
        };
    }
}
