//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "XEN_SMCCC_MAJOR_REVISION" => xen_sys::arch_arm::smccc::XEN_SMCCC_MAJOR_REVISION;
        "XEN_SMCCC_MINOR_REVISION" => xen_sys::arch_arm::smccc::XEN_SMCCC_MINOR_REVISION;
        "SSSC_SMCCC_MAJOR_REVISION" => xen_sys::arch_arm::smccc::SSSC_SMCCC_MAJOR_REVISION;
        "SSSC_SMCCC_MINOR_REVISION" => xen_sys::arch_arm::smccc::SSSC_SMCCC_MINOR_REVISION;
    }
    texts {
    }
    structures {
    }
}
