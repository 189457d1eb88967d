//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "PVCALLS_SOCKET" => xen_sys::io::pvcalls::PvcallsCmd::SOCKET.0;
        "PVCALLS_CONNECT" => xen_sys::io::pvcalls::PvcallsCmd::CONNECT.0;
        "PVCALLS_RELEASE" => xen_sys::io::pvcalls::PvcallsCmd::RELEASE.0;
        "PVCALLS_BIND" => xen_sys::io::pvcalls::PvcallsCmd::BIND.0;
        "PVCALLS_LISTEN" => xen_sys::io::pvcalls::PvcallsCmd::LISTEN.0;
        "PVCALLS_ACCEPT" => xen_sys::io::pvcalls::PvcallsCmd::ACCEPT.0;
        "PVCALLS_POLL" => xen_sys::io::pvcalls::PvcallsCmd::POLL.0;
    }
    texts {
    }
    structures {
        "pvcalls_data_intf" => xen_sys::io::pvcalls::PvcallsDataIntf {
            "in_cons" => in_cons, "in_prod" => in_prod, "in_error" => in_error, "pad1" => pad1,
            "out_cons" => out_cons, "out_prod" => out_prod, "out_error" => out_error,
            "pad2" => pad2, "ring_order" => ring_order,
        };
        "xen_pvcalls_request" => xen_sys::io::pvcalls::XenPvcallsRequest {
            "req_id" => req_id, "cmd" => cmd, "u" => u,
        };
        "xen_pvcalls_response" => xen_sys::io::pvcalls::XenPvcallsResponse {
            "req_id" => req_id, "cmd" => cmd, "ret" => ret, "pad" => pad, "u" => u,
        };
        "xen_pvcalls_socket" => xen_sys::io::pvcalls::XenPvcallsSocket {
            "id" => id, "domain" => domain, "type" => type_, "protocol" => protocol, "pad" => pad,
        };
        "xen_pvcalls_connect" => xen_sys::io::pvcalls::XenPvcallsConnect {
            "id" => id, "addr" => addr, "len" => len, "flags" => flags, "ref" => ref_,
            "evtchn" => evtchn, "pad" => pad,
        };
        "xen_pvcalls_release" => xen_sys::io::pvcalls::XenPvcallsRelease {
            "id" => id, "reuse" => reuse, "pad" => pad,
        };
        "xen_pvcalls_bind" => xen_sys::io::pvcalls::XenPvcallsBind {
            "id" => id, "addr" => addr, "len" => len,
        };
        "xen_pvcalls_listen" => xen_sys::io::pvcalls::XenPvcallsListen {
            "id" => id, "backlog" => backlog, "pad" => pad,
        };
        "xen_pvcalls_accept" => xen_sys::io::pvcalls::XenPvcallsAccept {
            "id" => id, "id_new" => id_new, "ref" => ref_, "evtchn" => evtchn,
        };
        "xen_pvcalls_poll" => xen_sys::io::pvcalls::XenPvcallsPoll { "id" => id, };
    }
}
