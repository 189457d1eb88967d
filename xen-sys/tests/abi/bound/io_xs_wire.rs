//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "XS_CONTROL" => xen_sys::io::xs_wire::MessageType::CONTROL.0;
        "XS_DIRECTORY" => xen_sys::io::xs_wire::MessageType::DIRECTORY.0;
        "XS_READ" => xen_sys::io::xs_wire::MessageType::READ.0;
        "XS_GET_PERMS" => xen_sys::io::xs_wire::MessageType::GET_PERMS.0;
        "XS_WATCH" => xen_sys::io::xs_wire::MessageType::WATCH.0;
        "XS_UNWATCH" => xen_sys::io::xs_wire::MessageType::UNWATCH.0;
        "XS_TRANSACTION_START" => xen_sys::io::xs_wire::MessageType::TRANSACTION_START.0;
        "XS_TRANSACTION_END" => xen_sys::io::xs_wire::MessageType::TRANSACTION_END.0;
        "XS_INTRODUCE" => xen_sys::io::xs_wire::MessageType::INTRODUCE.0;
        "XS_RELEASE" => xen_sys::io::xs_wire::MessageType::RELEASE.0;
        "XS_GET_DOMAIN_PATH" => xen_sys::io::xs_wire::MessageType::GET_DOMAIN_PATH.0;
        "XS_WRITE" => xen_sys::io::xs_wire::MessageType::WRITE.0;
        "XS_MKDIR" => xen_sys::io::xs_wire::MessageType::MKDIR.0;
        "XS_RM" => xen_sys::io::xs_wire::MessageType::RM.0;
        "XS_SET_PERMS" => xen_sys::io::xs_wire::MessageType::SET_PERMS.0;
        "XS_WATCH_EVENT" => xen_sys::io::xs_wire::MessageType::WATCH_EVENT.0;
        "XS_ERROR" => xen_sys::io::xs_wire::MessageType::ERROR.0;
        "XS_IS_DOMAIN_INTRODUCED" => xen_sys::io::xs_wire::MessageType::IS_DOMAIN_INTRODUCED.0;
        "XS_RESUME" => xen_sys::io::xs_wire::MessageType::RESUME.0;
        "XS_SET_TARGET" => xen_sys::io::xs_wire::MessageType::SET_TARGET.0;
        "XS_RESET_WATCHES" => xen_sys::io::xs_wire::MessageType::RESET_WATCHES.0;
        "XS_DIRECTORY_PART" => xen_sys::io::xs_wire::MessageType::DIRECTORY_PART.0;
        "XS_GET_FEATURE" => xen_sys::io::xs_wire::MessageType::GET_FEATURE.0;
        "XS_SET_FEATURE" => xen_sys::io::xs_wire::MessageType::SET_FEATURE.0;
        "XS_GET_QUOTA" => xen_sys::io::xs_wire::MessageType::GET_QUOTA.0;
        "XS_SET_QUOTA" => xen_sys::io::xs_wire::MessageType::SET_QUOTA.0;
        "XS_INVALID" => xen_sys::io::xs_wire::MessageType::INVALID.0;
        "XS_WATCH_PATH" => xen_sys::io::xs_wire::WatchField::PATH.0;
        "XS_WATCH_TOKEN" => xen_sys::io::xs_wire::WatchField::TOKEN.0;
        "XENSTORE_RING_SIZE" => xen_sys::io::xs_wire::XENSTORE_RING_SIZE;
        "XENSTORE_PAYLOAD_MAX" => xen_sys::io::xs_wire::XENSTORE_PAYLOAD_MAX;
        "XENSTORE_ABS_PATH_MAX" => xen_sys::io::xs_wire::XENSTORE_ABS_PATH_MAX;
        "XENSTORE_REL_PATH_MAX" => xen_sys::io::xs_wire::XENSTORE_REL_PATH_MAX;
        "XENSTORE_SERVER_FEATURE_RECONNECTION" =>
            xen_sys::io::xs_wire::ServerFeatures::RECONNECTION.0;
        "XENSTORE_SERVER_FEATURE_ERROR" => xen_sys::io::xs_wire::ServerFeatures::ERROR.0;
        "XENSTORE_SERVER_FEATURE_WATCHDEPTH" => xen_sys::io::xs_wire::ServerFeatures::WATCHDEPTH.0;
        "XENSTORE_CONNECTED" => xen_sys::io::xs_wire::XENSTORE_CONNECTED;
        "XENSTORE_RECONNECT" => xen_sys::io::xs_wire::XENSTORE_RECONNECT;
        "XENSTORE_ERROR_NONE" => xen_sys::io::xs_wire::XENSTORE_ERROR_NONE;
        "XENSTORE_ERROR_COMM" => xen_sys::io::xs_wire::XENSTORE_ERROR_COMM;
        "XENSTORE_ERROR_RINGIDX" => xen_sys::io::xs_wire::XENSTORE_ERROR_RINGIDX;
        "XENSTORE_ERROR_PROTO" => xen_sys::io::xs_wire::XENSTORE_ERROR_PROTO;
    }
    texts {
        "XS_WRITE_NONE" => xen_sys::io::xs_wire::XS_WRITE_NONE;
        "XS_WRITE_CREATE" => xen_sys::io::xs_wire::XS_WRITE_CREATE;
        "XS_WRITE_CREATE_EXCL" => xen_sys::io::xs_wire::XS_WRITE_CREATE_EXCL;
    }
    structures {
        "xsd_sockmsg" => xen_sys::io::xs_wire::XsdSockmsg {
            "type" => type_, "req_id" => req_id, "tx_id" => tx_id, "len" => len,
        };
        "xenstore_domain_interface" => xen_sys::io::xs_wire::XenstoreDomainInterface {
            "req" => req, "rsp" => rsp, "req_cons" => req_cons, "req_prod" => req_prod,
            "rsp_cons" => rsp_cons, "rsp_prod" => rsp_prod, "server_features" => server_features,
            "connection" => connection, "error" => error, "evtchn_port" => evtchn_port,
        };
    }
}
