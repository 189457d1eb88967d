//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "XEN_CPUID_FIRST_LEAF" => xen_sys::arch_x86::cpuid::XEN_CPUID_FIRST_LEAF;
        "XEN_CPUID_SIGNATURE_EBX" => xen_sys::arch_x86::cpuid::XEN_CPUID_SIGNATURE_EBX;
        "XEN_CPUID_SIGNATURE_ECX" => xen_sys::arch_x86::cpuid::XEN_CPUID_SIGNATURE_ECX;
        "XEN_CPUID_SIGNATURE_EDX" => xen_sys::arch_x86::cpuid::XEN_CPUID_SIGNATURE_EDX;
        "_XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD" =>
            xen_sys::arch_x86::cpuid::XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD_BIT;
        "XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD" =>
            xen_sys::arch_x86::cpuid::XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD;
        "XEN_HVM_CPUID_APIC_ACCESS_VIRT" =>
            xen_sys::arch_x86::cpuid::XEN_HVM_CPUID_APIC_ACCESS_VIRT;
        "XEN_HVM_CPUID_X2APIC_VIRT" => xen_sys::arch_x86::cpuid::XEN_HVM_CPUID_X2APIC_VIRT;
        "XEN_HVM_CPUID_IOMMU_MAPPINGS" => xen_sys::arch_x86::cpuid::XEN_HVM_CPUID_IOMMU_MAPPINGS;
        "XEN_HVM_CPUID_VCPU_ID_PRESENT" => xen_sys::arch_x86::cpuid::XEN_HVM_CPUID_VCPU_ID_PRESENT;
        "XEN_HVM_CPUID_DOMID_PRESENT" => xen_sys::arch_x86::cpuid::XEN_HVM_CPUID_DOMID_PRESENT;
        "XEN_HVM_CPUID_EXT_DEST_ID" => xen_sys::arch_x86::cpuid::XEN_HVM_CPUID_EXT_DEST_ID;
        "XEN_HVM_CPUID_UPCALL_VECTOR" => xen_sys::arch_x86::cpuid::XEN_HVM_CPUID_UPCALL_VECTOR;
        "XEN_CPUID_MACHINE_ADDRESS_WIDTH_MASK" =>
            xen_sys::arch_x86::cpuid::XEN_CPUID_MACHINE_ADDRESS_WIDTH_MASK;
        "XEN_CPUID_MAX_NUM_LEAVES" => xen_sys::arch_x86::cpuid::XEN_CPUID_MAX_NUM_LEAVES;
        "XEN_CPUID_TSC_EMULATED" => xen_sys::arch_x86::cpuid::XEN_CPUID_TSC_EMULATED;
        "XEN_CPUID_HOST_TSC_RELIABLE" => xen_sys::arch_x86::cpuid::XEN_CPUID_HOST_TSC_RELIABLE;
        "XEN_CPUID_RDTSCP_INSTR_AVAIL" => xen_sys::arch_x86::cpuid::XEN_CPUID_RDTSCP_INSTR_AVAIL;
        "XEN_CPUID_TSC_MODE_DEFAULT" => xen_sys::arch_x86::cpuid::XEN_CPUID_TSC_MODE_DEFAULT;
        "XEN_CPUID_TSC_MODE_ALWAYS_EMULATE" =>
            xen_sys::arch_x86::cpuid::XEN_CPUID_TSC_MODE_ALWAYS_EMULATE;
        "XEN_CPUID_TSC_MODE_NEVER_EMULATE" =>
            xen_sys::arch_x86::cpuid::XEN_CPUID_TSC_MODE_NEVER_EMULATE;
        "XEN_CPUID_TSC_MODE_PVRDTSCP" => xen_sys::arch_x86::cpuid::XEN_CPUID_TSC_MODE_PVRDTSCP;
    }
    texts {
    }
    structures {
    }
}
