//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "HVMOP_set_param" => xen_sys::hvm::hvm_op::HVMOP_SET_PARAM;
        "HVMOP_get_param" => xen_sys::hvm::hvm_op::HVMOP_GET_PARAM;
        "HVMOP_flush_tlbs" => xen_sys::hvm::hvm_op::HVMOP_FLUSH_TLBS;
        "HVMOP_pagetable_dying" => xen_sys::hvm::hvm_op::HVMOP_PAGETABLE_DYING;
        "HVMOP_get_time" => xen_sys::hvm::hvm_op::HVMOP_GET_TIME;
        "HVMOP_xentrace" => xen_sys::hvm::hvm_op::HVMOP_XENTRACE;
        "HVMOP_set_mem_access" => xen_sys::hvm::hvm_op::HVMOP_SET_MEM_ACCESS;
        "HVMOP_get_mem_access" => xen_sys::hvm::hvm_op::HVMOP_GET_MEM_ACCESS;
        "HVMOP_get_mem_type" => xen_sys::hvm::hvm_op::HVMOP_GET_MEM_TYPE;
        "HVMOP_set_evtchn_upcall_vector" => xen_sys::hvm::hvm_op::HVMOP_SET_EVTCHN_UPCALL_VECTOR;
        "HVMOP_guest_request_vm_event" => xen_sys::hvm::hvm_op::HVMOP_GUEST_REQUEST_VM_EVENT;
        "HVMOP_altp2m" => xen_sys::hvm::hvm_op::HVMOP_ALTP2M;
        "HVMMEM_ram_rw" => xen_sys::hvm::hvm_op::HvmmemType::RAM_RW.0;
        "HVMMEM_ram_ro" => xen_sys::hvm::hvm_op::HvmmemType::RAM_RO.0;
        "HVMMEM_mmio_dm" => xen_sys::hvm::hvm_op::HvmmemType::MMIO_DM.0;
        "HVMMEM_unused" => xen_sys::hvm::hvm_op::HvmmemType::UNUSED.0;
        "HVMMEM_ioreq_server" => xen_sys::hvm::hvm_op::HvmmemType::IOREQ_SERVER.0;
        "HVM_IOREQSRV_BUFIOREQ_OFF" => xen_sys::hvm::hvm_op::HVM_IOREQSRV_BUFIOREQ_OFF;
        "HVM_IOREQSRV_BUFIOREQ_LEGACY" => xen_sys::hvm::hvm_op::HVM_IOREQSRV_BUFIOREQ_LEGACY;
        "HVM_IOREQSRV_BUFIOREQ_ATOMIC" => xen_sys::hvm::hvm_op::HVM_IOREQSRV_BUFIOREQ_ATOMIC;
        "HVMOP_ALTP2M_INTERFACE_VERSION" => xen_sys::hvm::hvm_op::HVMOP_ALTP2M_INTERFACE_VERSION;
        "HVMOP_altp2m_get_domain_state" => xen_sys::hvm::hvm_op::HVMOP_ALTP2M_GET_DOMAIN_STATE;
        "HVMOP_altp2m_set_domain_state" => xen_sys::hvm::hvm_op::HVMOP_ALTP2M_SET_DOMAIN_STATE;
        "HVMOP_altp2m_vcpu_enable_notify" => xen_sys::hvm::hvm_op::HVMOP_ALTP2M_VCPU_ENABLE_NOTIFY;
        "HVMOP_altp2m_create_p2m" => xen_sys::hvm::hvm_op::HVMOP_ALTP2M_CREATE_P2M;
        "HVMOP_altp2m_destroy_p2m" => xen_sys::hvm::hvm_op::HVMOP_ALTP2M_DESTROY_P2M;
        "HVMOP_altp2m_switch_p2m" => xen_sys::hvm::hvm_op::HVMOP_ALTP2M_SWITCH_P2M;
        "HVMOP_altp2m_set_mem_access" => xen_sys::hvm::hvm_op::HVMOP_ALTP2M_SET_MEM_ACCESS;
        "HVMOP_altp2m_change_gfn" => xen_sys::hvm::hvm_op::HVMOP_ALTP2M_CHANGE_GFN;
        "HVMOP_altp2m_set_mem_access_multi" =>
            xen_sys::hvm::hvm_op::HVMOP_ALTP2M_SET_MEM_ACCESS_MULTI;
        "HVMOP_altp2m_set_suppress_ve" => xen_sys::hvm::hvm_op::HVMOP_ALTP2M_SET_SUPPRESS_VE;
        "HVMOP_altp2m_get_suppress_ve" => xen_sys::hvm::hvm_op::HVMOP_ALTP2M_GET_SUPPRESS_VE;
        "HVMOP_altp2m_get_mem_access" => xen_sys::hvm::hvm_op::HVMOP_ALTP2M_GET_MEM_ACCESS;
        "HVMOP_altp2m_vcpu_disable_notify" =>
            xen_sys::hvm::hvm_op::HVMOP_ALTP2M_VCPU_DISABLE_NOTIFY;
        "HVMOP_altp2m_get_p2m_idx" => xen_sys::hvm::hvm_op::HVMOP_ALTP2M_GET_P2M_IDX;
        "HVMOP_altp2m_set_suppress_ve_multi" =>
            xen_sys::hvm::hvm_op::HVMOP_ALTP2M_SET_SUPPRESS_VE_MULTI;
        "HVMOP_altp2m_set_visibility" => xen_sys::hvm::hvm_op::HVMOP_ALTP2M_SET_VISIBILITY;
    }
    texts {
    }
    structures {
        "xen_hvm_param" => xen_sys::hvm::hvm_op::XenHvmParam {
            "domid" => domid, "pad" => pad, "index" => index, "value" => value,
        };
        "xen_hvm_pagetable_dying" => xen_sys::hvm::hvm_op::XenHvmPagetableDying {
            "domid" => domid, "pad" => pad, "gpa" => gpa,
        };
        "xen_hvm_get_time" => xen_sys::hvm::hvm_op::XenHvmGetTime { "now" => now, };
        "xen_hvm_get_mem_type" => xen_sys::hvm::hvm_op::XenHvmGetMemType {
            "domid" => domid, "mem_type" => mem_type, "pad" => pad, "pfn" => pfn,
        };
        "xen_hvm_evtchn_upcall_vector" => xen_sys::hvm::hvm_op::XenHvmEvtchnUpcallVector {
            "vcpu" => vcpu, "vector" => vector,
        };
        "xen_hvm_xentrace" => xen_sys::hvm::hvm_op::XenHvmXentrace {
            "event" => event, "extra_bytes" => extra_bytes, "extra" => extra,
        };
        "xen_hvm_altp2m_suppress_ve" => xen_sys::hvm::hvm_op::XenHvmAltp2mSuppressVe {
            "view" => view, "suppress_ve" => suppress_ve, "pad1" => pad1, "pad2" => pad2,
            "gfn" => gfn,
        };
        "xen_hvm_altp2m_suppress_ve_multi" => xen_sys::hvm::hvm_op::XenHvmAltp2mSuppressVeMulti {
            "view" => view, "suppress_ve" => suppress_ve, "pad1" => pad1,
            "first_error" => first_error, "first_gfn" => first_gfn, "last_gfn" => last_gfn,
            "first_error_gfn" => first_error_gfn,
        };
        "xen_hvm_altp2m_domain_state" => xen_sys::hvm::hvm_op::XenHvmAltp2mDomainState {
            "state" => state,
        };
        "xen_hvm_altp2m_vcpu_enable_notify" => xen_sys::hvm::hvm_op::XenHvmAltp2mVcpuEnableNotify {
            "vcpu_id" => vcpu_id, "pad" => pad, "gfn" => gfn,
        };
        "xen_hvm_altp2m_vcpu_disable_notify" =>
            xen_sys::hvm::hvm_op::XenHvmAltp2mVcpuDisableNotify {
            "vcpu_id" => vcpu_id,
        };
        "xen_hvm_altp2m_view" => xen_sys::hvm::hvm_op::XenHvmAltp2mView {
            "view" => view, "hvmmem_default_access" => hvmmem_default_access,
        };
        "xen_hvm_altp2m_mem_access" => xen_sys::hvm::hvm_op::XenHvmAltp2mMemAccess {
            "view" => view, "access" => access, "pad" => pad, "gfn" => gfn,
        };
        "xen_hvm_altp2m_set_mem_access_multi" =>
            xen_sys::hvm::hvm_op::XenHvmAltp2mSetMemAccessMulti {
            "view" => view, "pad" => pad, "nr" => nr, "opaque" => opaque, "pfn_list" => pfn_list,
            "access_list" => access_list,
        };
        "xen_hvm_altp2m_change_gfn" => xen_sys::hvm::hvm_op::XenHvmAltp2mChangeGfn {
            "view" => view, "pad1" => pad1, "pad2" => pad2, "old_gfn" => old_gfn,
            "new_gfn" => new_gfn,
        };
        "xen_hvm_altp2m_get_vcpu_p2m_idx" => xen_sys::hvm::hvm_op::XenHvmAltp2mGetVcpuP2mIdx {
            "vcpu_id" => vcpu_id, "altp2m_idx" => altp2m_idx,
        };
        "xen_hvm_altp2m_set_visibility" => xen_sys::hvm::hvm_op::XenHvmAltp2mSetVisibility {
            "altp2m_idx" => altp2m_idx, "visible" => visible, "pad" => pad,
        };
        "xen_hvm_altp2m_op" => xen_sys::hvm::hvm_op::XenHvmAltp2mOp {
            "version" => version, "cmd" => cmd, "domain" => domain, "pad1" => pad1, "pad2" => pad2,
            "u" => u,
        };
    }
}
