//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "HVM_INFO_PFN" => xen_sys::hvm::hvm_info_table::HVM_INFO_PFN;
        "HVM_INFO_OFFSET" => xen_sys::hvm::hvm_info_table::HVM_INFO_OFFSET;
        "HVM_INFO_PADDR" => xen_sys::hvm::hvm_info_table::HVM_INFO_PADDR;
        "HVM_MAX_VCPUS" => xen_sys::hvm::hvm_info_table::HVM_MAX_VCPUS;
    }
    texts {
    }
    structures {
        "hvm_info_table" => xen_sys::hvm::hvm_info_table::HvmInfoTable {
            "signature" => signature, "length" => length, "checksum" => checksum,
            "apic_mode" => apic_mode, "nr_vcpus" => nr_vcpus, "low_mem_pgend" => low_mem_pgend,
            "reserved_mem_pgstart" => reserved_mem_pgstart, "high_mem_pgend" => high_mem_pgend,
            "vcpu_online" => vcpu_online,
        };
    }
}
