//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
    }
    texts {
        "XEN_IO_PROTO_ABI_X86_32" => xen_sys::io::protocols::XEN_IO_PROTO_ABI_X86_32;
        "XEN_IO_PROTO_ABI_X86_64" => xen_sys::io::protocols::XEN_IO_PROTO_ABI_X86_64;
        "XEN_IO_PROTO_ABI_ARM" => xen_sys::io::protocols::XEN_IO_PROTO_ABI_ARM;
    }
    structures {
    }
}
