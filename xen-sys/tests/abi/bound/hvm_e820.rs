//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "HVM_E820_PAGE" => xen_sys::hvm::e820::HVM_E820_PAGE;
        "HVM_E820_NR_OFFSET" => xen_sys::hvm::e820::HVM_E820_NR_OFFSET;
        "HVM_E820_OFFSET" => xen_sys::hvm::e820::HVM_E820_OFFSET;
        "HVM_BELOW_4G_RAM_END" => xen_sys::hvm::e820::HVM_BELOW_4G_RAM_END;
        "HVM_BELOW_4G_MMIO_START" => xen_sys::hvm::e820::HVM_BELOW_4G_MMIO_START;
        "HVM_BELOW_4G_MMIO_LENGTH" => xen_sys::hvm::e820::HVM_BELOW_4G_MMIO_LENGTH;
    }
    texts {
    }
    structures {
        "e820entry" => xen_sys::hvm::e820::E820Entry {
            "addr" => addr, "size" => size, "type" => type_,
        };
    }
}
