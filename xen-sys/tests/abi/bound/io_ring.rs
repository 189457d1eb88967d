//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "SRING_HEADER_LEN" => xen_sys::io::ring::SRING_HEADER_LEN;
    }
    texts {
    }
    structures {
        "blkif_sring" => xen_sys::io::ring::Sring {
            "req_prod" => req_prod, "req_event" => req_event, "rsp_prod" => rsp_prod,
            "rsp_event" => rsp_event, "pvt" => pvt, "__pad" => __pad,
        };
    }
}
