//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "XEN_HVM_START_MAGIC_VALUE" =>
            xen_sys::arch_x86::hvm::start_info::XEN_HVM_START_MAGIC_VALUE;
        "XEN_HVM_MEMMAP_TYPE_RAM" => xen_sys::arch_x86::hvm::start_info::MemmapType::RAM.0;
        "XEN_HVM_MEMMAP_TYPE_RESERVED" =>
            xen_sys::arch_x86::hvm::start_info::MemmapType::RESERVED.0;
        "XEN_HVM_MEMMAP_TYPE_ACPI" => xen_sys::arch_x86::hvm::start_info::MemmapType::ACPI.0;
        "XEN_HVM_MEMMAP_TYPE_NVS" => xen_sys::arch_x86::hvm::start_info::MemmapType::NVS.0;
        "XEN_HVM_MEMMAP_TYPE_UNUSABLE" =>
            xen_sys::arch_x86::hvm::start_info::MemmapType::UNUSABLE.0;
        "XEN_HVM_MEMMAP_TYPE_DISABLED" =>
            xen_sys::arch_x86::hvm::start_info::MemmapType::DISABLED.0;
        "XEN_HVM_MEMMAP_TYPE_PMEM" => xen_sys::arch_x86::hvm::start_info::MemmapType::PMEM.0;
    }
    texts {
    }
    structures {
        "hvm_start_info" => xen_sys::arch_x86::hvm::start_info::HvmStartInfo {
            "magic" => magic, "version" => version, "flags" => flags, "nr_modules" => nr_modules,
            "modlist_paddr" => modlist_paddr, "cmdline_paddr" => cmdline_paddr,
            "rsdp_paddr" => rsdp_paddr, "memmap_paddr" => memmap_paddr,
            "memmap_entries" => memmap_entries, "reserved" => reserved,
        };
        "hvm_modlist_entry" => xen_sys::arch_x86::hvm::start_info::HvmModlistEntry {
            "paddr" => paddr, "size" => size, "cmdline_paddr" => cmdline_paddr,
            "reserved" => reserved,
        };
        "hvm_memmap_table_entry" => xen_sys::arch_x86::hvm::start_info::HvmMemmapTableEntry {
            "addr" => addr, "size" => size, "type" => type_, "reserved" => reserved,
        };
    }
}
