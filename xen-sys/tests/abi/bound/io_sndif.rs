//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "XENSND_PROTOCOL_VERSION" => xen_sys::io::sndif::XENSND_PROTOCOL_VERSION;
        "XENSND_PCM_FORMAT_S8" => xen_sys::io::sndif::SndFormat::S8.0;
        "XENSND_PCM_FORMAT_U8" => xen_sys::io::sndif::SndFormat::U8.0;
        "XENSND_PCM_FORMAT_S16_LE" => xen_sys::io::sndif::SndFormat::S16_LE.0;
        "XENSND_PCM_FORMAT_S16_BE" => xen_sys::io::sndif::SndFormat::S16_BE.0;
        "XENSND_PCM_FORMAT_U16_LE" => xen_sys::io::sndif::SndFormat::U16_LE.0;
        "XENSND_PCM_FORMAT_U16_BE" => xen_sys::io::sndif::SndFormat::U16_BE.0;
        "XENSND_PCM_FORMAT_S24_LE" => xen_sys::io::sndif::SndFormat::S24_LE.0;
        "XENSND_PCM_FORMAT_S24_BE" => xen_sys::io::sndif::SndFormat::S24_BE.0;
        "XENSND_PCM_FORMAT_U24_LE" => xen_sys::io::sndif::SndFormat::U24_LE.0;
        "XENSND_PCM_FORMAT_U24_BE" => xen_sys::io::sndif::SndFormat::U24_BE.0;
        "XENSND_PCM_FORMAT_S32_LE" => xen_sys::io::sndif::SndFormat::S32_LE.0;
        "XENSND_PCM_FORMAT_S32_BE" => xen_sys::io::sndif::SndFormat::S32_BE.0;
        "XENSND_PCM_FORMAT_U32_LE" => xen_sys::io::sndif::SndFormat::U32_LE.0;
        "XENSND_PCM_FORMAT_U32_BE" => xen_sys::io::sndif::SndFormat::U32_BE.0;
        "XENSND_PCM_FORMAT_F32_LE" => xen_sys::io::sndif::SndFormat::F32_LE.0;
        "XENSND_PCM_FORMAT_F32_BE" => xen_sys::io::sndif::SndFormat::F32_BE.0;
        "XENSND_PCM_FORMAT_F64_LE" => xen_sys::io::sndif::SndFormat::F64_LE.0;
        "XENSND_PCM_FORMAT_F64_BE" => xen_sys::io::sndif::SndFormat::F64_BE.0;
        "XENSND_PCM_FORMAT_IEC958_SUBFRAME_LE" =>
            xen_sys::io::sndif::SndFormat::IEC958_SUBFRAME_LE.0;
        "XENSND_PCM_FORMAT_IEC958_SUBFRAME_BE" =>
            xen_sys::io::sndif::SndFormat::IEC958_SUBFRAME_BE.0;
        "XENSND_PCM_FORMAT_MU_LAW" => xen_sys::io::sndif::SndFormat::MU_LAW.0;
        "XENSND_PCM_FORMAT_A_LAW" => xen_sys::io::sndif::SndFormat::A_LAW.0;
        "XENSND_PCM_FORMAT_IMA_ADPCM" => xen_sys::io::sndif::SndFormat::IMA_ADPCM.0;
        "XENSND_PCM_FORMAT_MPEG" => xen_sys::io::sndif::SndFormat::MPEG.0;
        "XENSND_PCM_FORMAT_GSM" => xen_sys::io::sndif::SndFormat::GSM.0;
        "XENSND_OP_OPEN" => xen_sys::io::sndif::SndOp::OPEN.0;
        "XENSND_OP_CLOSE" => xen_sys::io::sndif::SndOp::CLOSE.0;
        "XENSND_OP_READ" => xen_sys::io::sndif::SndOp::READ.0;
        "XENSND_OP_WRITE" => xen_sys::io::sndif::SndOp::WRITE.0;
        "XENSND_OP_SET_VOLUME" => xen_sys::io::sndif::SndOp::SET_VOLUME.0;
        "XENSND_OP_GET_VOLUME" => xen_sys::io::sndif::SndOp::GET_VOLUME.0;
        "XENSND_OP_MUTE" => xen_sys::io::sndif::SndOp::MUTE.0;
        "XENSND_OP_UNMUTE" => xen_sys::io::sndif::SndOp::UNMUTE.0;
        "XENSND_OP_TRIGGER" => xen_sys::io::sndif::SndOp::TRIGGER.0;
        "XENSND_OP_HW_PARAM_QUERY" => xen_sys::io::sndif::SndOp::HW_PARAM_QUERY.0;
        "XENSND_OP_TRIGGER_START" => xen_sys::io::sndif::XENSND_OP_TRIGGER_START;
        "XENSND_OP_TRIGGER_PAUSE" => xen_sys::io::sndif::XENSND_OP_TRIGGER_PAUSE;
        "XENSND_OP_TRIGGER_STOP" => xen_sys::io::sndif::XENSND_OP_TRIGGER_STOP;
        "XENSND_OP_TRIGGER_RESUME" => xen_sys::io::sndif::XENSND_OP_TRIGGER_RESUME;
        "XENSND_EVT_CUR_POS" => xen_sys::io::sndif::XENSND_EVT_CUR_POS;
        "XENSND_SAMPLE_RATE_MAX_LEN" => xen_sys::io::sndif::XENSND_SAMPLE_RATE_MAX_LEN;
        "XENSND_SAMPLE_FORMAT_MAX_LEN" => xen_sys::io::sndif::XENSND_SAMPLE_FORMAT_MAX_LEN;
        "XENSND_EVENT_PAGE_SIZE" => xen_sys::io::sndif::XENSND_EVENT_PAGE_SIZE;
        "XENSND_IN_RING_OFFS" => xen_sys::io::sndif::XENSND_IN_RING_OFFS;
        "XENSND_IN_RING_SIZE" => xen_sys::io::sndif::XENSND_IN_RING_SIZE;
        "XENSND_IN_RING_LEN" => xen_sys::io::sndif::XENSND_IN_RING_LEN;
    }
    texts {
        "XENSND_DRIVER_NAME" => xen_sys::io::sndif::XENSND_DRIVER_NAME;
        "XENSND_LIST_SEPARATOR" => xen_sys::io::sndif::XENSND_LIST_SEPARATOR;
        "XENSND_FIELD_BE_VERSIONS" => xen_sys::io::sndif::XENSND_FIELD_BE_VERSIONS;
        "XENSND_FIELD_FE_VERSION" => xen_sys::io::sndif::XENSND_FIELD_FE_VERSION;
        "XENSND_FIELD_VCARD_SHORT_NAME" => xen_sys::io::sndif::XENSND_FIELD_VCARD_SHORT_NAME;
        "XENSND_FIELD_VCARD_LONG_NAME" => xen_sys::io::sndif::XENSND_FIELD_VCARD_LONG_NAME;
        "XENSND_FIELD_RING_REF" => xen_sys::io::sndif::XENSND_FIELD_RING_REF;
        "XENSND_FIELD_EVT_CHNL" => xen_sys::io::sndif::XENSND_FIELD_EVT_CHNL;
        "XENSND_FIELD_EVT_RING_REF" => xen_sys::io::sndif::XENSND_FIELD_EVT_RING_REF;
        "XENSND_FIELD_EVT_EVT_CHNL" => xen_sys::io::sndif::XENSND_FIELD_EVT_EVT_CHNL;
        "XENSND_FIELD_DEVICE_NAME" => xen_sys::io::sndif::XENSND_FIELD_DEVICE_NAME;
        "XENSND_FIELD_TYPE" => xen_sys::io::sndif::XENSND_FIELD_TYPE;
        "XENSND_FIELD_STREAM_UNIQUE_ID" => xen_sys::io::sndif::XENSND_FIELD_STREAM_UNIQUE_ID;
        "XENSND_FIELD_CHANNELS_MIN" => xen_sys::io::sndif::XENSND_FIELD_CHANNELS_MIN;
        "XENSND_FIELD_CHANNELS_MAX" => xen_sys::io::sndif::XENSND_FIELD_CHANNELS_MAX;
        "XENSND_FIELD_SAMPLE_RATES" => xen_sys::io::sndif::XENSND_FIELD_SAMPLE_RATES;
        "XENSND_FIELD_SAMPLE_FORMATS" => xen_sys::io::sndif::XENSND_FIELD_SAMPLE_FORMATS;
        "XENSND_FIELD_BUFFER_SIZE" => xen_sys::io::sndif::XENSND_FIELD_BUFFER_SIZE;
        "XENSND_STREAM_TYPE_PLAYBACK" => xen_sys::io::sndif::XENSND_STREAM_TYPE_PLAYBACK;
        "XENSND_STREAM_TYPE_CAPTURE" => xen_sys::io::sndif::XENSND_STREAM_TYPE_CAPTURE;
        "XENSND_PCM_FORMAT_S8_STR" => xen_sys::io::sndif::XENSND_PCM_FORMAT_S8_STR;
        "XENSND_PCM_FORMAT_U8_STR" => xen_sys::io::sndif::XENSND_PCM_FORMAT_U8_STR;
        "XENSND_PCM_FORMAT_S16_LE_STR" => xen_sys::io::sndif::XENSND_PCM_FORMAT_S16_LE_STR;
        "XENSND_PCM_FORMAT_S16_BE_STR" => xen_sys::io::sndif::XENSND_PCM_FORMAT_S16_BE_STR;
        "XENSND_PCM_FORMAT_U16_LE_STR" => xen_sys::io::sndif::XENSND_PCM_FORMAT_U16_LE_STR;
        "XENSND_PCM_FORMAT_U16_BE_STR" => xen_sys::io::sndif::XENSND_PCM_FORMAT_U16_BE_STR;
        "XENSND_PCM_FORMAT_S24_LE_STR" => xen_sys::io::sndif::XENSND_PCM_FORMAT_S24_LE_STR;
        "XENSND_PCM_FORMAT_S24_BE_STR" => xen_sys::io::sndif::XENSND_PCM_FORMAT_S24_BE_STR;
        "XENSND_PCM_FORMAT_U24_LE_STR" => xen_sys::io::sndif::XENSND_PCM_FORMAT_U24_LE_STR;
        "XENSND_PCM_FORMAT_U24_BE_STR" => xen_sys::io::sndif::XENSND_PCM_FORMAT_U24_BE_STR;
        "XENSND_PCM_FORMAT_S32_LE_STR" => xen_sys::io::sndif::XENSND_PCM_FORMAT_S32_LE_STR;
        "XENSND_PCM_FORMAT_S32_BE_STR" => xen_sys::io::sndif::XENSND_PCM_FORMAT_S32_BE_STR;
        "XENSND_PCM_FORMAT_U32_LE_STR" => xen_sys::io::sndif::XENSND_PCM_FORMAT_U32_LE_STR;
        "XENSND_PCM_FORMAT_U32_BE_STR" => xen_sys::io::sndif::XENSND_PCM_FORMAT_U32_BE_STR;
        "XENSND_PCM_FORMAT_F32_LE_STR" => xen_sys::io::sndif::XENSND_PCM_FORMAT_F32_LE_STR;
        "XENSND_PCM_FORMAT_F32_BE_STR" => xen_sys::io::sndif::XENSND_PCM_FORMAT_F32_BE_STR;
        "XENSND_PCM_FORMAT_F64_LE_STR" => xen_sys::io::sndif::XENSND_PCM_FORMAT_F64_LE_STR;
        "XENSND_PCM_FORMAT_F64_BE_STR" => xen_sys::io::sndif::XENSND_PCM_FORMAT_F64_BE_STR;
        "XENSND_PCM_FORMAT_IEC958_SUBFRAME_LE_STR" =>
            xen_sys::io::sndif::XENSND_PCM_FORMAT_IEC958_SUBFRAME_LE_STR;
        "XENSND_PCM_FORMAT_IEC958_SUBFRAME_BE_STR" =>
            xen_sys::io::sndif::XENSND_PCM_FORMAT_IEC958_SUBFRAME_BE_STR;
        "XENSND_PCM_FORMAT_MU_LAW_STR" => xen_sys::io::sndif::XENSND_PCM_FORMAT_MU_LAW_STR;
        "XENSND_PCM_FORMAT_A_LAW_STR" => xen_sys::io::sndif::XENSND_PCM_FORMAT_A_LAW_STR;
        "XENSND_PCM_FORMAT_IMA_ADPCM_STR" => xen_sys::io::sndif::XENSND_PCM_FORMAT_IMA_ADPCM_STR;
        "XENSND_PCM_FORMAT_MPEG_STR" => xen_sys::io::sndif::XENSND_PCM_FORMAT_MPEG_STR;
        "XENSND_PCM_FORMAT_GSM_STR" => xen_sys::io::sndif::XENSND_PCM_FORMAT_GSM_STR;
    }
    structures {
        "xensnd_open_req" => xen_sys::io::sndif::XensndOpenReq {
            "pcm_rate" => pcm_rate, "pcm_format" => pcm_format, "pcm_channels" => pcm_channels,
            "reserved" => reserved, "buffer_sz" => buffer_sz, "gref_directory" => gref_directory,
            "period_sz" => period_sz,
        };
        "xensnd_page_directory" => xen_sys::io::sndif::XensndPageDirectory {
            "gref_dir_next_page" => gref_dir_next_page, "gref" => gref,
        };
        "xensnd_rw_req" => xen_sys::io::sndif::XensndRwReq {
            "offset" => offset, "length" => length,
        };
        "xensnd_trigger_req" => xen_sys::io::sndif::XensndTriggerReq { "type" => type_, };
        "xensnd_query_hw_param" => xen_sys::io::sndif::XensndQueryHwParam {
            "formats" => formats, "rates.min" => rates_min, "rates.max" => rates_max,
            "channels.min" => channels_min, "channels.max" => channels_max,
            "buffer.min" => buffer_min, "buffer.max" => buffer_max, "period.min" => period_min,
            "period.max" => period_max,
        };
        "xensnd_cur_pos_evt" => xen_sys::io::sndif::XensndCurPosEvt { "position" => position, };
        "xensnd_req" => xen_sys::io::sndif::XensndReq {
            "id" => id, "operation" => operation, "reserved" => reserved, "op" => op,
        };
        "xensnd_resp" => xen_sys::io::sndif::XensndResp {
            "id" => id, "operation" => operation, "reserved" => reserved, "status" => status,
            "resp" => resp,
        };
        "xensnd_evt" => xen_sys::io::sndif::XensndEvt {
            "id" => id, "type" => type_, "reserved" => reserved, "op" => op,
        };
        "xensnd_event_page" => xen_sys::io::sndif::XensndEventPage {
            "in_cons" => in_cons, "in_prod" => in_prod, "reserved" => reserved,
        };
    }
}
