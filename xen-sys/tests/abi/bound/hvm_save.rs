//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
    }
    texts {
    }
    structures {
        "hvm_save_descriptor" => xen_sys::hvm::save::HvmSaveDescriptor {
            "typecode" => typecode, "instance" => instance, "length" => length,
        };
    }
}
