//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "XEN_FLASK_INTERFACE_VERSION" => xen_sys::xsm::flask_op::XEN_FLASK_INTERFACE_VERSION;
        "FLASK_LOAD" => xen_sys::xsm::flask_op::FLASK_LOAD;
        "FLASK_GETENFORCE" => xen_sys::xsm::flask_op::FLASK_GETENFORCE;
        "FLASK_SETENFORCE" => xen_sys::xsm::flask_op::FLASK_SETENFORCE;
        "FLASK_CONTEXT_TO_SID" => xen_sys::xsm::flask_op::FLASK_CONTEXT_TO_SID;
        "FLASK_SID_TO_CONTEXT" => xen_sys::xsm::flask_op::FLASK_SID_TO_CONTEXT;
        "FLASK_ACCESS" => xen_sys::xsm::flask_op::FLASK_ACCESS;
        "FLASK_CREATE" => xen_sys::xsm::flask_op::FLASK_CREATE;
        "FLASK_RELABEL" => xen_sys::xsm::flask_op::FLASK_RELABEL;
        "FLASK_USER" => xen_sys::xsm::flask_op::FLASK_USER;
        "FLASK_POLICYVERS" => xen_sys::xsm::flask_op::FLASK_POLICYVERS;
        "FLASK_GETBOOL" => xen_sys::xsm::flask_op::FLASK_GETBOOL;
        "FLASK_SETBOOL" => xen_sys::xsm::flask_op::FLASK_SETBOOL;
        "FLASK_COMMITBOOLS" => xen_sys::xsm::flask_op::FLASK_COMMITBOOLS;
        "FLASK_MLS" => xen_sys::xsm::flask_op::FLASK_MLS;
        "FLASK_DISABLE" => xen_sys::xsm::flask_op::FLASK_DISABLE;
        "FLASK_GETAVC_THRESHOLD" => xen_sys::xsm::flask_op::FLASK_GETAVC_THRESHOLD;
        "FLASK_SETAVC_THRESHOLD" => xen_sys::xsm::flask_op::FLASK_SETAVC_THRESHOLD;
        "FLASK_AVC_HASHSTATS" => xen_sys::xsm::flask_op::FLASK_AVC_HASHSTATS;
        "FLASK_AVC_CACHESTATS" => xen_sys::xsm::flask_op::FLASK_AVC_CACHESTATS;
        "FLASK_MEMBER" => xen_sys::xsm::flask_op::FLASK_MEMBER;
        "FLASK_ADD_OCONTEXT" => xen_sys::xsm::flask_op::FLASK_ADD_OCONTEXT;
        "FLASK_DEL_OCONTEXT" => xen_sys::xsm::flask_op::FLASK_DEL_OCONTEXT;
        "FLASK_GET_PEER_SID" => xen_sys::xsm::flask_op::FLASK_GET_PEER_SID;
        "FLASK_RELABEL_DOMAIN" => xen_sys::xsm::flask_op::FLASK_RELABEL_DOMAIN;
        "FLASK_DEVICETREE_LABEL" => xen_sys::xsm::flask_op::FLASK_DEVICETREE_LABEL;
    }
    texts {
    }
    structures {
        "xen_flask_load" => xen_sys::xsm::flask_op::XenFlaskLoad {
            "buffer" => buffer, "size" => size,
        };
        "xen_flask_setenforce" => xen_sys::xsm::flask_op::XenFlaskSetenforce {
            "enforcing" => enforcing,
        };
        "xen_flask_sid_context" => xen_sys::xsm::flask_op::XenFlaskSidContext {
            "sid" => sid, "size" => size, "context" => context,
        };
        "xen_flask_access" => xen_sys::xsm::flask_op::XenFlaskAccess {
            "ssid" => ssid, "tsid" => tsid, "tclass" => tclass, "req" => req, "allowed" => allowed,
            "audit_allow" => audit_allow, "audit_deny" => audit_deny, "seqno" => seqno,
        };
        "xen_flask_transition" => xen_sys::xsm::flask_op::XenFlaskTransition {
            "ssid" => ssid, "tsid" => tsid, "tclass" => tclass, "newsid" => newsid,
        };
        "xen_flask_boolean" => xen_sys::xsm::flask_op::XenFlaskBoolean {
            "bool_id" => bool_id, "enforcing" => enforcing, "pending" => pending,
            "new_value" => new_value, "commit" => commit, "size" => size, "name" => name,
        };
        "xen_flask_setavc_threshold" => xen_sys::xsm::flask_op::XenFlaskSetavcThreshold {
            "threshold" => threshold,
        };
        "xen_flask_hash_stats" => xen_sys::xsm::flask_op::XenFlaskHashStats {
            "entries" => entries, "buckets_used" => buckets_used, "buckets_total" => buckets_total,
            "max_chain_len" => max_chain_len,
        };
        "xen_flask_cache_stats" => xen_sys::xsm::flask_op::XenFlaskCacheStats {
            "cpu" => cpu, "lookups" => lookups, "hits" => hits, "misses" => misses,
            "allocations" => allocations, "reclaims" => reclaims, "frees" => frees,
        };
        "xen_flask_ocontext" => xen_sys::xsm::flask_op::XenFlaskOcontext {
            "ocon" => ocon, "sid" => sid, "low" => low, "high" => high,
        };
        "xen_flask_peersid" => xen_sys::xsm::flask_op::XenFlaskPeersid {
            "evtchn" => evtchn, "sid" => sid,
        };
        "xen_flask_relabel" => xen_sys::xsm::flask_op::XenFlaskRelabel {
            "domid" => domid, "sid" => sid,
        };
        "xen_flask_devicetree_label" => xen_sys::xsm::flask_op::XenFlaskDevicetreeLabel {
            "sid" => sid, "length" => length, "path" => path,
        };
        "xen_flask_op" => xen_sys::xsm::flask_op::XenFlaskOp {
            "cmd" => cmd, "interface_version" => interface_version, "u" => u,
        };
    }
}
