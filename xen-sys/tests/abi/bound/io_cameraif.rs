//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "XENCAMERA_OP_CONFIG_SET" => xen_sys::io::cameraif::CameraOp::CONFIG_SET.0;
        "XENCAMERA_OP_CONFIG_GET" => xen_sys::io::cameraif::CameraOp::CONFIG_GET.0;
        "XENCAMERA_OP_CONFIG_VALIDATE" => xen_sys::io::cameraif::CameraOp::CONFIG_VALIDATE.0;
        "XENCAMERA_OP_FRAME_RATE_SET" => xen_sys::io::cameraif::CameraOp::FRAME_RATE_SET.0;
        "XENCAMERA_OP_BUF_GET_LAYOUT" => xen_sys::io::cameraif::CameraOp::BUF_GET_LAYOUT.0;
        "XENCAMERA_OP_BUF_REQUEST" => xen_sys::io::cameraif::CameraOp::BUF_REQUEST.0;
        "XENCAMERA_OP_BUF_CREATE" => xen_sys::io::cameraif::CameraOp::BUF_CREATE.0;
        "XENCAMERA_OP_BUF_DESTROY" => xen_sys::io::cameraif::CameraOp::BUF_DESTROY.0;
        "XENCAMERA_OP_BUF_QUEUE" => xen_sys::io::cameraif::CameraOp::BUF_QUEUE.0;
        "XENCAMERA_OP_BUF_DEQUEUE" => xen_sys::io::cameraif::CameraOp::BUF_DEQUEUE.0;
        "XENCAMERA_OP_CTRL_ENUM" => xen_sys::io::cameraif::CameraOp::CTRL_ENUM.0;
        "XENCAMERA_OP_CTRL_SET" => xen_sys::io::cameraif::CameraOp::CTRL_SET.0;
        "XENCAMERA_OP_CTRL_GET" => xen_sys::io::cameraif::CameraOp::CTRL_GET.0;
        "XENCAMERA_OP_STREAM_START" => xen_sys::io::cameraif::CameraOp::STREAM_START.0;
        "XENCAMERA_OP_STREAM_STOP" => xen_sys::io::cameraif::CameraOp::STREAM_STOP.0;
        "XENCAMERA_CTRL_BRIGHTNESS" => xen_sys::io::cameraif::CameraCtrl::BRIGHTNESS.0;
        "XENCAMERA_CTRL_CONTRAST" => xen_sys::io::cameraif::CameraCtrl::CONTRAST.0;
        "XENCAMERA_CTRL_SATURATION" => xen_sys::io::cameraif::CameraCtrl::SATURATION.0;
        "XENCAMERA_CTRL_HUE" => xen_sys::io::cameraif::CameraCtrl::HUE.0;
        "XENCAMERA_MAX_CTRL" => xen_sys::io::cameraif::XENCAMERA_MAX_CTRL;
        "XENCAMERA_MAX_PLANE" => xen_sys::io::cameraif::XENCAMERA_MAX_PLANE;
        "XENCAMERA_EVENT_PAGE_SIZE" => xen_sys::io::cameraif::XENCAMERA_EVENT_PAGE_SIZE;
        "XENCAMERA_IN_RING_OFFS" => xen_sys::io::cameraif::XENCAMERA_IN_RING_OFFS;
        "XENCAMERA_IN_RING_SIZE" => xen_sys::io::cameraif::XENCAMERA_IN_RING_SIZE;
        "XENCAMERA_IN_RING_LEN" => xen_sys::io::cameraif::XENCAMERA_IN_RING_LEN;
        "XENCAMERA_CTRL_FLG_RO" => xen_sys::io::cameraif::XENCAMERA_CTRL_FLG_RO;
        "XENCAMERA_CTRL_FLG_WO" => xen_sys::io::cameraif::XENCAMERA_CTRL_FLG_WO;
        "XENCAMERA_CTRL_FLG_VOLATILE" => xen_sys::io::cameraif::XENCAMERA_CTRL_FLG_VOLATILE;
        "XENCAMERA_COLORSPACE_DEFAULT" => xen_sys::io::cameraif::XENCAMERA_COLORSPACE_DEFAULT;
        "XENCAMERA_COLORSPACE_SMPTE170M" => xen_sys::io::cameraif::XENCAMERA_COLORSPACE_SMPTE170M;
        "XENCAMERA_COLORSPACE_REC709" => xen_sys::io::cameraif::XENCAMERA_COLORSPACE_REC709;
        "XENCAMERA_COLORSPACE_SRGB" => xen_sys::io::cameraif::XENCAMERA_COLORSPACE_SRGB;
        "XENCAMERA_COLORSPACE_OPRGB" => xen_sys::io::cameraif::XENCAMERA_COLORSPACE_OPRGB;
        "XENCAMERA_COLORSPACE_BT2020" => xen_sys::io::cameraif::XENCAMERA_COLORSPACE_BT2020;
        "XENCAMERA_COLORSPACE_DCI_P3" => xen_sys::io::cameraif::XENCAMERA_COLORSPACE_DCI_P3;
        "XENCAMERA_XFER_FUNC_DEFAULT" => xen_sys::io::cameraif::XENCAMERA_XFER_FUNC_DEFAULT;
        "XENCAMERA_XFER_FUNC_709" => xen_sys::io::cameraif::XENCAMERA_XFER_FUNC_709;
        "XENCAMERA_XFER_FUNC_SRGB" => xen_sys::io::cameraif::XENCAMERA_XFER_FUNC_SRGB;
        "XENCAMERA_XFER_FUNC_OPRGB" => xen_sys::io::cameraif::XENCAMERA_XFER_FUNC_OPRGB;
        "XENCAMERA_XFER_FUNC_NONE" => xen_sys::io::cameraif::XENCAMERA_XFER_FUNC_NONE;
        "XENCAMERA_XFER_FUNC_DCI_P3" => xen_sys::io::cameraif::XENCAMERA_XFER_FUNC_DCI_P3;
        "XENCAMERA_XFER_FUNC_SMPTE2084" => xen_sys::io::cameraif::XENCAMERA_XFER_FUNC_SMPTE2084;
        "XENCAMERA_YCBCR_ENC_IGNORE" => xen_sys::io::cameraif::XENCAMERA_YCBCR_ENC_IGNORE;
        "XENCAMERA_YCBCR_ENC_601" => xen_sys::io::cameraif::XENCAMERA_YCBCR_ENC_601;
        "XENCAMERA_YCBCR_ENC_709" => xen_sys::io::cameraif::XENCAMERA_YCBCR_ENC_709;
        "XENCAMERA_YCBCR_ENC_XV601" => xen_sys::io::cameraif::XENCAMERA_YCBCR_ENC_XV601;
        "XENCAMERA_YCBCR_ENC_XV709" => xen_sys::io::cameraif::XENCAMERA_YCBCR_ENC_XV709;
        "XENCAMERA_YCBCR_ENC_BT2020" => xen_sys::io::cameraif::XENCAMERA_YCBCR_ENC_BT2020;
        "XENCAMERA_YCBCR_ENC_BT2020_CONST_LUM" =>
            xen_sys::io::cameraif::XENCAMERA_YCBCR_ENC_BT2020_CONST_LUM;
        "XENCAMERA_QUANTIZATION_DEFAULT" => xen_sys::io::cameraif::XENCAMERA_QUANTIZATION_DEFAULT;
        "XENCAMERA_QUANTIZATION_FULL_RANGE" =>
            xen_sys::io::cameraif::XENCAMERA_QUANTIZATION_FULL_RANGE;
        "XENCAMERA_QUANTIZATION_LIM_RANGE" =>
            xen_sys::io::cameraif::XENCAMERA_QUANTIZATION_LIM_RANGE;
        "XENCAMERA_EVT_FRAME_AVAIL" => xen_sys::io::cameraif::XENCAMERA_EVT_FRAME_AVAIL;
        "XENCAMERA_EVT_CTRL_CHANGE" => xen_sys::io::cameraif::XENCAMERA_EVT_CTRL_CHANGE;
    }
    texts {
        "XENCAMERA_PROTOCOL_VERSION" => xen_sys::io::cameraif::XENCAMERA_PROTOCOL_VERSION;
        "XENCAMERA_DRIVER_NAME" => xen_sys::io::cameraif::XENCAMERA_DRIVER_NAME;
        "XENCAMERA_LIST_SEPARATOR" => xen_sys::io::cameraif::XENCAMERA_LIST_SEPARATOR;
        "XENCAMERA_RESOLUTION_SEPARATOR" => xen_sys::io::cameraif::XENCAMERA_RESOLUTION_SEPARATOR;
        "XENCAMERA_FRACTION_SEPARATOR" => xen_sys::io::cameraif::XENCAMERA_FRACTION_SEPARATOR;
        "XENCAMERA_FIELD_BE_VERSIONS" => xen_sys::io::cameraif::XENCAMERA_FIELD_BE_VERSIONS;
        "XENCAMERA_FIELD_FE_VERSION" => xen_sys::io::cameraif::XENCAMERA_FIELD_FE_VERSION;
        "XENCAMERA_FIELD_REQ_RING_REF" => xen_sys::io::cameraif::XENCAMERA_FIELD_REQ_RING_REF;
        "XENCAMERA_FIELD_REQ_CHANNEL" => xen_sys::io::cameraif::XENCAMERA_FIELD_REQ_CHANNEL;
        "XENCAMERA_FIELD_EVT_RING_REF" => xen_sys::io::cameraif::XENCAMERA_FIELD_EVT_RING_REF;
        "XENCAMERA_FIELD_EVT_CHANNEL" => xen_sys::io::cameraif::XENCAMERA_FIELD_EVT_CHANNEL;
        "XENCAMERA_FIELD_MAX_BUFFERS" => xen_sys::io::cameraif::XENCAMERA_FIELD_MAX_BUFFERS;
        "XENCAMERA_FIELD_CONTROLS" => xen_sys::io::cameraif::XENCAMERA_FIELD_CONTROLS;
        "XENCAMERA_FIELD_FORMATS" => xen_sys::io::cameraif::XENCAMERA_FIELD_FORMATS;
        "XENCAMERA_FIELD_FRAME_RATES" => xen_sys::io::cameraif::XENCAMERA_FIELD_FRAME_RATES;
        "XENCAMERA_FIELD_BE_ALLOC" => xen_sys::io::cameraif::XENCAMERA_FIELD_BE_ALLOC;
        "XENCAMERA_FIELD_UNIQUE_ID" => xen_sys::io::cameraif::XENCAMERA_FIELD_UNIQUE_ID;
        "XENCAMERA_CTRL_BRIGHTNESS_STR" => xen_sys::io::cameraif::XENCAMERA_CTRL_BRIGHTNESS_STR;
        "XENCAMERA_CTRL_CONTRAST_STR" => xen_sys::io::cameraif::XENCAMERA_CTRL_CONTRAST_STR;
        "XENCAMERA_CTRL_SATURATION_STR" => xen_sys::io::cameraif::XENCAMERA_CTRL_SATURATION_STR;
        "XENCAMERA_CTRL_HUE_STR" => xen_sys::io::cameraif::XENCAMERA_CTRL_HUE_STR;
        "XENCAMERA_FOURCC_BIGENDIAN_STR" => xen_sys::io::cameraif::XENCAMERA_FOURCC_BIGENDIAN_STR;
    }
    structures {
        "xencamera_config_req" => xen_sys::io::cameraif::XencameraConfigReq {
            "pixel_format" => pixel_format, "width" => width, "height" => height,
        };
        "xencamera_frame_rate_req" => xen_sys::io::cameraif::XencameraFrameRateReq {
            "frame_rate_numer" => frame_rate_numer, "frame_rate_denom" => frame_rate_denom,
        };
        "xencamera_buf_request" => xen_sys::io::cameraif::XencameraBufRequest {
            "num_bufs" => num_bufs,
        };
        "xencamera_buf_create_req" => xen_sys::io::cameraif::XencameraBufCreateReq {
            "index" => index, "reserved" => reserved, "plane_offset" => plane_offset,
            "gref_directory" => gref_directory,
        };
        "xencamera_page_directory" => xen_sys::io::cameraif::XencameraPageDirectory {
            "gref_dir_next_page" => gref_dir_next_page, "gref" => gref,
        };
        "xencamera_index" => xen_sys::io::cameraif::XencameraIndex { "index" => index, };
        "xencamera_ctrl_value" => xen_sys::io::cameraif::XencameraCtrlValue {
            "type" => type_, "reserved" => reserved, "value" => value,
        };
        "xencamera_get_ctrl_req" => xen_sys::io::cameraif::XencameraGetCtrlReq { "type" => type_, };
        "xencamera_config_resp" => xen_sys::io::cameraif::XencameraConfigResp {
            "pixel_format" => pixel_format, "width" => width, "height" => height,
            "colorspace" => colorspace, "xfer_func" => xfer_func, "ycbcr_enc" => ycbcr_enc,
            "quantization" => quantization, "displ_asp_ratio_numer" => displ_asp_ratio_numer,
            "displ_asp_ratio_denom" => displ_asp_ratio_denom,
            "frame_rate_numer" => frame_rate_numer, "frame_rate_denom" => frame_rate_denom,
        };
        "xencamera_buf_get_layout_resp" => xen_sys::io::cameraif::XencameraBufGetLayoutResp {
            "num_planes" => num_planes, "reserved" => reserved, "size" => size,
            "plane_size" => plane_size, "plane_stride" => plane_stride,
        };
        "xencamera_ctrl_enum_resp" => xen_sys::io::cameraif::XencameraCtrlEnumResp {
            "index" => index, "type" => type_, "reserved" => reserved, "flags" => flags,
            "min" => min, "max" => max, "step" => step, "def_val" => def_val,
        };
        "xencamera_frame_avail_evt" => xen_sys::io::cameraif::XencameraFrameAvailEvt {
            "index" => index, "reserved" => reserved, "used_sz" => used_sz, "seq_num" => seq_num,
        };
        "xencamera_req" => xen_sys::io::cameraif::XencameraReq {
            "id" => id, "operation" => operation, "reserved" => reserved, "req" => req,
        };
        "xencamera_resp" => xen_sys::io::cameraif::XencameraResp {
            "id" => id, "operation" => operation, "reserved" => reserved, "status" => status,
            "resp" => resp,
        };
        "xencamera_evt" => xen_sys::io::cameraif::XencameraEvt {
            "id" => id, "type" => type_, "reserved" => reserved, "evt" => evt,
        };
        "xencamera_event_page" => xen_sys::io::cameraif::XencameraEventPage {
            "in_cons" => in_cons, "in_prod" => in_prod, "reserved" => reserved,
        };
    }
}
