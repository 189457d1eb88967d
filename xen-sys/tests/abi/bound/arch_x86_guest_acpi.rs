//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "XEN_ACPI_CPU_MAP" => xen_sys::arch_x86::guest_acpi::XEN_ACPI_CPU_MAP;
        "XEN_ACPI_CPU_MAP_LEN" => xen_sys::arch_x86::guest_acpi::XEN_ACPI_CPU_MAP_LEN;
        "XEN_ACPI_GPE0_CPUHP_BIT" => xen_sys::arch_x86::guest_acpi::XEN_ACPI_GPE0_CPUHP_BIT;
    }
    texts {
    }
    structures {
    }
}
