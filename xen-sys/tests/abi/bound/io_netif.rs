//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "XEN_NETIF_NR_SLOTS_MIN" => xen_sys::io::netif::XEN_NETIF_NR_SLOTS_MIN;
        "XEN_NETIF_MAX_TX_SIZE" => xen_sys::io::netif::XEN_NETIF_MAX_TX_SIZE;
        "NETTXF_csum_blank" => xen_sys::io::netif::NetTxFlags::CSUM_BLANK.0;
        "NETTXF_data_validated" => xen_sys::io::netif::NetTxFlags::DATA_VALIDATED.0;
        "NETTXF_more_data" => xen_sys::io::netif::NetTxFlags::MORE_DATA.0;
        "NETTXF_extra_info" => xen_sys::io::netif::NetTxFlags::EXTRA_INFO.0;
        "NETRXF_data_validated" => xen_sys::io::netif::NetRxFlags::DATA_VALIDATED.0;
        "NETRXF_csum_blank" => xen_sys::io::netif::NetRxFlags::CSUM_BLANK.0;
        "NETRXF_more_data" => xen_sys::io::netif::NetRxFlags::MORE_DATA.0;
        "NETRXF_extra_info" => xen_sys::io::netif::NetRxFlags::EXTRA_INFO.0;
        "NETRXF_gso_prefix" => xen_sys::io::netif::NetRxFlags::GSO_PREFIX.0;
        "NETIF_RSP_DROPPED" => xen_sys::io::netif::NetifStatus::DROPPED.0;
        "NETIF_RSP_ERROR" => xen_sys::io::netif::NetifStatus::ERROR.0;
        "NETIF_RSP_OKAY" => xen_sys::io::netif::NetifStatus::OKAY.0;
        "NETIF_RSP_NULL" => xen_sys::io::netif::NetifStatus::NULL.0;
        "XEN_NETIF_EXTRA_TYPE_NONE" => xen_sys::io::netif::NetifExtraType::NONE.0;
        "XEN_NETIF_EXTRA_TYPE_GSO" => xen_sys::io::netif::NetifExtraType::GSO.0;
        "XEN_NETIF_EXTRA_TYPE_MCAST_ADD" => xen_sys::io::netif::NetifExtraType::MCAST_ADD.0;
        "XEN_NETIF_EXTRA_TYPE_MCAST_DEL" => xen_sys::io::netif::NetifExtraType::MCAST_DEL.0;
        "XEN_NETIF_EXTRA_TYPE_HASH" => xen_sys::io::netif::NetifExtraType::HASH.0;
        "XEN_NETIF_EXTRA_TYPE_MAX" => xen_sys::io::netif::NetifExtraType::MAX.0;
        "XEN_NETIF_EXTRA_FLAG_MORE" => xen_sys::io::netif::NetifExtraFlags::MORE.0;
        "XEN_NETIF_GSO_TYPE_NONE" => xen_sys::io::netif::NetifGsoType::NONE.0;
        "XEN_NETIF_GSO_TYPE_TCPV4" => xen_sys::io::netif::NetifGsoType::TCPV4.0;
        "XEN_NETIF_GSO_TYPE_TCPV6" => xen_sys::io::netif::NetifGsoType::TCPV6.0;
        "XEN_NETIF_CTRL_HASH_TYPE_IPV4" => xen_sys::io::netif::NetifHashType::IPV4.0;
        "XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP" => xen_sys::io::netif::NetifHashType::IPV4_TCP.0;
        "XEN_NETIF_CTRL_HASH_TYPE_IPV6" => xen_sys::io::netif::NetifHashType::IPV6.0;
        "XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP" => xen_sys::io::netif::NetifHashType::IPV6_TCP.0;
        "XEN_NETIF_CTRL_HASH_ALGORITHM_NONE" =>
            xen_sys::io::netif::XEN_NETIF_CTRL_HASH_ALGORITHM_NONE;
        "XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ" =>
            xen_sys::io::netif::XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ;
        "XEN_NETIF_CTRL_TYPE_INVALID" => xen_sys::io::netif::NetifCtrlType::INVALID.0;
        "XEN_NETIF_CTRL_TYPE_GET_HASH_FLAGS" => xen_sys::io::netif::NetifCtrlType::GET_HASH_FLAGS.0;
        "XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS" => xen_sys::io::netif::NetifCtrlType::SET_HASH_FLAGS.0;
        "XEN_NETIF_CTRL_TYPE_SET_HASH_KEY" => xen_sys::io::netif::NetifCtrlType::SET_HASH_KEY.0;
        "XEN_NETIF_CTRL_TYPE_GET_HASH_MAPPING_SIZE" =>
            xen_sys::io::netif::NetifCtrlType::GET_HASH_MAPPING_SIZE.0;
        "XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE" =>
            xen_sys::io::netif::NetifCtrlType::SET_HASH_MAPPING_SIZE.0;
        "XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING" =>
            xen_sys::io::netif::NetifCtrlType::SET_HASH_MAPPING.0;
        "XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM" =>
            xen_sys::io::netif::NetifCtrlType::SET_HASH_ALGORITHM.0;
        "XEN_NETIF_CTRL_TYPE_GET_GREF_MAPPING_SIZE" =>
            xen_sys::io::netif::NetifCtrlType::GET_GREF_MAPPING_SIZE.0;
        "XEN_NETIF_CTRL_TYPE_ADD_GREF_MAPPING" =>
            xen_sys::io::netif::NetifCtrlType::ADD_GREF_MAPPING.0;
        "XEN_NETIF_CTRL_TYPE_DEL_GREF_MAPPING" =>
            xen_sys::io::netif::NetifCtrlType::DEL_GREF_MAPPING.0;
        "XEN_NETIF_CTRL_STATUS_SUCCESS" => xen_sys::io::netif::NetifCtrlStatus::SUCCESS.0;
        "XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED" =>
            xen_sys::io::netif::NetifCtrlStatus::NOT_SUPPORTED.0;
        "XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER" =>
            xen_sys::io::netif::NetifCtrlStatus::INVALID_PARAMETER.0;
        "XEN_NETIF_CTRL_STATUS_BUFFER_OVERFLOW" =>
            xen_sys::io::netif::NetifCtrlStatus::BUFFER_OVERFLOW.0;
        "XEN_NETIF_CTRL_STATUS_SUCCESS" => xen_sys::io::netif::NetifGrefStatus::SUCCESS.0;
        "XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER" =>
            xen_sys::io::netif::NetifGrefStatus::INVALID_PARAMETER.0;
        "XEN_NETIF_CTRLF_GREF_readonly" => xen_sys::io::netif::XEN_NETIF_CTRLF_GREF_READONLY;
    }
    texts {
    }
    structures {
        "netif_tx_request" => xen_sys::io::netif::NetifTxRequest {
            "gref" => gref, "offset" => offset, "flags" => flags, "id" => id, "size" => size,
        };
        "netif_tx_response" => xen_sys::io::netif::NetifTxResponse {
            "id" => id, "status" => status,
        };
        "netif_rx_request" => xen_sys::io::netif::NetifRxRequest {
            "id" => id, "pad" => pad, "gref" => gref,
        };
        "netif_rx_response" => xen_sys::io::netif::NetifRxResponse {
            "id" => id, "offset" => offset, "flags" => flags, "status" => status,
        };
        "netif_extra_info" => xen_sys::io::netif::NetifExtraInfo {
            "type" => type_, "flags" => flags, "u" => u,
        };
        "" => xen_sys::io::netif::NetifExtraGso {
            "size" => size, "type_" => type_, "pad" => pad, "features" => features,
        };
        "" => xen_sys::io::netif::NetifExtraMcast { "addr" => addr, };
        "" => xen_sys::io::netif::NetifExtraHash {
            "type_" => type_, "algorithm" => algorithm, "value" => value,
        };
        "xen_netif_ctrl_request" => xen_sys::io::netif::XenNetifCtrlRequest {
            "id" => id, "type" => type_, "data" => data,
        };
        "xen_netif_ctrl_response" => xen_sys::io::netif::XenNetifCtrlResponse {
            "id" => id, "type" => type_, "status" => status, "data" => data,
        };
        "xen_netif_gref" => xen_sys::io::netif::XenNetifGref {
            "ref" => ref_, "flags" => flags, "status" => status,
        };
    }
}
