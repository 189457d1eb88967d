//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "VSCSIIF_ACT_SCSI_CDB" => xen_sys::io::vscsiif::VSCSIIF_ACT_SCSI_CDB;
        "VSCSIIF_ACT_SCSI_ABORT" => xen_sys::io::vscsiif::VSCSIIF_ACT_SCSI_ABORT;
        "VSCSIIF_ACT_SCSI_RESET" => xen_sys::io::vscsiif::VSCSIIF_ACT_SCSI_RESET;
        "VSCSIIF_ACT_SCSI_SG_PRESET" => xen_sys::io::vscsiif::VSCSIIF_ACT_SCSI_SG_PRESET;
        "VSCSIIF_SG_GRANT" => xen_sys::io::vscsiif::VSCSIIF_SG_GRANT;
        "VSCSIIF_SG_TABLESIZE" => xen_sys::io::vscsiif::VSCSIIF_SG_TABLESIZE;
        "VSCSIIF_MAX_COMMAND_SIZE" => xen_sys::io::vscsiif::VSCSIIF_MAX_COMMAND_SIZE;
        "VSCSIIF_SENSE_BUFFERSIZE" => xen_sys::io::vscsiif::VSCSIIF_SENSE_BUFFERSIZE;
        "VSCSIIF_PAGE_SIZE" => xen_sys::io::vscsiif::VSCSIIF_PAGE_SIZE;
        "VSCSIIF_SG_PER_PAGE" => xen_sys::io::vscsiif::VSCSIIF_SG_PER_PAGE;
        "VSCSIIF_SG_LIST_SIZE" => xen_sys::io::vscsiif::VSCSIIF_SG_LIST_SIZE;
        "XEN_VSCSIIF_RSLT_HOST_OK" => xen_sys::io::vscsiif::XEN_VSCSIIF_RSLT_HOST_OK;
        "XEN_VSCSIIF_RSLT_HOST_NO_CONNECT" =>
            xen_sys::io::vscsiif::XEN_VSCSIIF_RSLT_HOST_NO_CONNECT;
        "XEN_VSCSIIF_RSLT_HOST_BUS_BUSY" => xen_sys::io::vscsiif::XEN_VSCSIIF_RSLT_HOST_BUS_BUSY;
        "XEN_VSCSIIF_RSLT_HOST_TIME_OUT" => xen_sys::io::vscsiif::XEN_VSCSIIF_RSLT_HOST_TIME_OUT;
        "XEN_VSCSIIF_RSLT_HOST_BAD_TARGET" =>
            xen_sys::io::vscsiif::XEN_VSCSIIF_RSLT_HOST_BAD_TARGET;
        "XEN_VSCSIIF_RSLT_HOST_ABORT" => xen_sys::io::vscsiif::XEN_VSCSIIF_RSLT_HOST_ABORT;
        "XEN_VSCSIIF_RSLT_HOST_PARITY" => xen_sys::io::vscsiif::XEN_VSCSIIF_RSLT_HOST_PARITY;
        "XEN_VSCSIIF_RSLT_HOST_ERROR" => xen_sys::io::vscsiif::XEN_VSCSIIF_RSLT_HOST_ERROR;
        "XEN_VSCSIIF_RSLT_HOST_RESET" => xen_sys::io::vscsiif::XEN_VSCSIIF_RSLT_HOST_RESET;
        "XEN_VSCSIIF_RSLT_HOST_BAD_INTR" => xen_sys::io::vscsiif::XEN_VSCSIIF_RSLT_HOST_BAD_INTR;
        "XEN_VSCSIIF_RSLT_HOST_PASSTHROUGH" =>
            xen_sys::io::vscsiif::XEN_VSCSIIF_RSLT_HOST_PASSTHROUGH;
        "XEN_VSCSIIF_RSLT_HOST_SOFT_ERROR" =>
            xen_sys::io::vscsiif::XEN_VSCSIIF_RSLT_HOST_SOFT_ERROR;
        "XEN_VSCSIIF_RSLT_HOST_IMM_RETRY" => xen_sys::io::vscsiif::XEN_VSCSIIF_RSLT_HOST_IMM_RETRY;
        "XEN_VSCSIIF_RSLT_HOST_REQUEUE" => xen_sys::io::vscsiif::XEN_VSCSIIF_RSLT_HOST_REQUEUE;
        "XEN_VSCSIIF_RSLT_HOST_TRANSPORT_DISRUPTED" =>
            xen_sys::io::vscsiif::XEN_VSCSIIF_RSLT_HOST_TRANSPORT_DISRUPTED;
        "XEN_VSCSIIF_RSLT_HOST_TRANSPORT_FAILFAST" =>
            xen_sys::io::vscsiif::XEN_VSCSIIF_RSLT_HOST_TRANSPORT_FAILFAST;
        "XEN_VSCSIIF_RSLT_HOST_TARGET_FAILURE" =>
            xen_sys::io::vscsiif::XEN_VSCSIIF_RSLT_HOST_TARGET_FAILURE;
        "XEN_VSCSIIF_RSLT_HOST_NEXUS_FAILURE" =>
            xen_sys::io::vscsiif::XEN_VSCSIIF_RSLT_HOST_NEXUS_FAILURE;
        "XEN_VSCSIIF_RSLT_HOST_ALLOC_FAILURE" =>
            xen_sys::io::vscsiif::XEN_VSCSIIF_RSLT_HOST_ALLOC_FAILURE;
        "XEN_VSCSIIF_RSLT_HOST_MEDIUM_ERROR" =>
            xen_sys::io::vscsiif::XEN_VSCSIIF_RSLT_HOST_MEDIUM_ERROR;
        "XEN_VSCSIIF_RSLT_HOST_TRANSPORT_MARGINAL" =>
            xen_sys::io::vscsiif::XEN_VSCSIIF_RSLT_HOST_TRANSPORT_MARGINAL;
        "XEN_VSCSIIF_RSLT_RESET_SUCCESS" => xen_sys::io::vscsiif::XEN_VSCSIIF_RSLT_RESET_SUCCESS;
        "XEN_VSCSIIF_RSLT_RESET_FAILED" => xen_sys::io::vscsiif::XEN_VSCSIIF_RSLT_RESET_FAILED;
    }
    texts {
    }
    structures {
        "scsiif_request_segment" => xen_sys::io::vscsiif::ScsiifRequestSegment {
            "gref" => gref, "offset" => offset, "length" => length,
        };
        "vscsiif_request" => xen_sys::io::vscsiif::VscsiifRequest {
            "rqid" => rqid, "act" => act, "cmd_len" => cmd_len, "cmnd" => cmnd,
            "timeout_per_command" => timeout_per_command, "channel" => channel, "id" => id,
            "lun" => lun, "ref_rqid" => ref_rqid, "sc_data_direction" => sc_data_direction,
            "nr_segments" => nr_segments, "seg" => seg, "reserved" => reserved,
        };
        "vscsiif_sg_list" => xen_sys::io::vscsiif::VscsiifSgList {
            "rqid" => rqid, "act" => act, "nr_segments" => nr_segments, "seg" => seg,
        };
        "vscsiif_response" => xen_sys::io::vscsiif::VscsiifResponse {
            "rqid" => rqid, "act" => act, "sense_len" => sense_len, "sense_buffer" => sense_buffer,
            "rslt" => rslt, "residual_len" => residual_len, "reserved" => reserved,
        };
    }
}
