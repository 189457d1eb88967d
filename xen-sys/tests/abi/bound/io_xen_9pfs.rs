//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
    }
    texts {
    }
    structures {
        "xen_9pfs_data_intf" => xen_sys::io::xen_9pfs::Xen9pfsDataIntf {
            "in_cons" => in_cons, "in_prod" => in_prod, "pad1" => pad1, "out_cons" => out_cons,
            "out_prod" => out_prod, "pad2" => pad2, "ring_order" => ring_order,
        };
    }
}
