//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "XEN_ARGO_DOMID_ANY" => xen_sys::argo::XEN_ARGO_DOMID_ANY;
        "XEN_ARGO_MAXIOV" => xen_sys::argo::XEN_ARGO_MAXIOV;
        "XEN_ARGO_MAX_RING_SIZE" => xen_sys::argo::XEN_ARGO_MAX_RING_SIZE;
        "XEN_ARGO_MSG_SLOT_SIZE" => xen_sys::argo::XEN_ARGO_MSG_SLOT_SIZE;
        "XEN_ARGO_OP_register_ring" => xen_sys::argo::XEN_ARGO_OP_REGISTER_RING;
        "XEN_ARGO_OP_unregister_ring" => xen_sys::argo::XEN_ARGO_OP_UNREGISTER_RING;
        "XEN_ARGO_OP_sendv" => xen_sys::argo::XEN_ARGO_OP_SENDV;
        "XEN_ARGO_OP_notify" => xen_sys::argo::XEN_ARGO_OP_NOTIFY;
        "XEN_ARGO_REGISTER_FLAG_FAIL_EXIST" => xen_sys::argo::XEN_ARGO_REGISTER_FLAG_FAIL_EXIST;
        "XEN_ARGO_RING_EMPTY" => xen_sys::argo::XEN_ARGO_RING_EMPTY;
        "XEN_ARGO_RING_EXISTS" => xen_sys::argo::XEN_ARGO_RING_EXISTS;
        "XEN_ARGO_RING_SUFFICIENT" => xen_sys::argo::XEN_ARGO_RING_SUFFICIENT;
        "XEN_ARGO_RING_EMSGSIZE" => xen_sys::argo::XEN_ARGO_RING_EMSGSIZE;
        "XEN_ARGO_RING_SHARED" => xen_sys::argo::XEN_ARGO_RING_SHARED;
        "XEN_ARGO_RING_EBUSY" => xen_sys::argo::XEN_ARGO_RING_EBUSY;
    }
    texts {
    }
    structures {
        "xen_argo_iov" => xen_sys::argo::XenArgoIov {
            "iov_hnd" => iov_hnd, "iov_len" => iov_len, "pad" => pad,
        };
        "xen_argo_addr" => xen_sys::argo::XenArgoAddr {
            "aport" => aport, "domain_id" => domain_id, "pad" => pad,
        };
        "xen_argo_send_addr" => xen_sys::argo::XenArgoSendAddr { "src" => src, "dst" => dst, };
        "xen_argo_ring" => xen_sys::argo::XenArgoRing {
            "rx_ptr" => rx_ptr, "tx_ptr" => tx_ptr, "reserved" => reserved,
        };
        "xen_argo_register_ring" => xen_sys::argo::XenArgoRegisterRing {
            "aport" => aport, "partner_id" => partner_id, "pad" => pad, "len" => len,
        };
        "xen_argo_unregister_ring" => xen_sys::argo::XenArgoUnregisterRing {
            "aport" => aport, "partner_id" => partner_id, "pad" => pad,
        };
        "xen_argo_ring_data_ent" => xen_sys::argo::XenArgoRingDataEnt {
            "ring" => ring, "flags" => flags, "pad" => pad, "space_required" => space_required,
            "max_message_size" => max_message_size,
        };
        "xen_argo_ring_data" => xen_sys::argo::XenArgoRingData { "nent" => nent, "pad" => pad, };
        "xen_argo_ring_message_header" => xen_sys::argo::XenArgoRingMessageHeader {
            "len" => len, "source" => source, "message_type" => message_type,
        };
    }
}
