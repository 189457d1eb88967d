//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "VCHAN_NOTIFY_WRITE" => xen_sys::io::libxenvchan::VCHAN_NOTIFY_WRITE;
        "VCHAN_NOTIFY_READ" => xen_sys::io::libxenvchan::VCHAN_NOTIFY_READ;
    }
    texts {
    }
    structures {
        "ring_shared" => xen_sys::io::libxenvchan::RingShared { "cons" => cons, "prod" => prod, };
        "vchan_interface" => xen_sys::io::libxenvchan::VchanInterface {
            "left" => left, "right" => right, "left_order" => left_order,
            "right_order" => right_order, "cli_live" => cli_live, "srv_live" => srv_live,
            "cli_notify" => cli_notify, "srv_notify" => srv_notify,
        };
    }
}
