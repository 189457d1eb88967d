//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "XENKBD_TYPE_MOTION" => xen_sys::io::kbdif::XenkbdType::MOTION.0;
        "XENKBD_TYPE_RESERVED" => xen_sys::io::kbdif::XenkbdType::RESERVED.0;
        "XENKBD_TYPE_KEY" => xen_sys::io::kbdif::XenkbdType::KEY.0;
        "XENKBD_TYPE_POS" => xen_sys::io::kbdif::XenkbdType::POS.0;
        "XENKBD_TYPE_MTOUCH" => xen_sys::io::kbdif::XenkbdType::MTOUCH.0;
        "XENKBD_MT_EV_DOWN" => xen_sys::io::kbdif::XenkbdMtEv::DOWN.0;
        "XENKBD_MT_EV_UP" => xen_sys::io::kbdif::XenkbdMtEv::UP.0;
        "XENKBD_MT_EV_MOTION" => xen_sys::io::kbdif::XenkbdMtEv::MOTION.0;
        "XENKBD_MT_EV_SYN" => xen_sys::io::kbdif::XenkbdMtEv::SYN.0;
        "XENKBD_MT_EV_SHAPE" => xen_sys::io::kbdif::XenkbdMtEv::SHAPE.0;
        "XENKBD_MT_EV_ORIENT" => xen_sys::io::kbdif::XenkbdMtEv::ORIENT.0;
        "XENKBD_IN_EVENT_SIZE" => xen_sys::io::kbdif::XENKBD_IN_EVENT_SIZE;
        "XENKBD_OUT_EVENT_SIZE" => xen_sys::io::kbdif::XENKBD_OUT_EVENT_SIZE;
        "XENKBD_IN_RING_SIZE" => xen_sys::io::kbdif::XENKBD_IN_RING_SIZE;
        "XENKBD_IN_RING_LEN" => xen_sys::io::kbdif::XENKBD_IN_RING_LEN;
        "XENKBD_IN_RING_OFFS" => xen_sys::io::kbdif::XENKBD_IN_RING_OFFS;
        "XENKBD_OUT_RING_SIZE" => xen_sys::io::kbdif::XENKBD_OUT_RING_SIZE;
        "XENKBD_OUT_RING_LEN" => xen_sys::io::kbdif::XENKBD_OUT_RING_LEN;
        "XENKBD_OUT_RING_OFFS" => xen_sys::io::kbdif::XENKBD_OUT_RING_OFFS;
    }
    texts {
        "XENKBD_DRIVER_NAME" => xen_sys::io::kbdif::XENKBD_DRIVER_NAME;
        "XENKBD_FIELD_FEAT_DSBL_KEYBRD" => xen_sys::io::kbdif::XENKBD_FIELD_FEAT_DSBL_KEYBRD;
        "XENKBD_FIELD_FEAT_DSBL_POINTER" => xen_sys::io::kbdif::XENKBD_FIELD_FEAT_DSBL_POINTER;
        "XENKBD_FIELD_FEAT_ABS_POINTER" => xen_sys::io::kbdif::XENKBD_FIELD_FEAT_ABS_POINTER;
        "XENKBD_FIELD_FEAT_RAW_POINTER" => xen_sys::io::kbdif::XENKBD_FIELD_FEAT_RAW_POINTER;
        "XENKBD_FIELD_FEAT_MTOUCH" => xen_sys::io::kbdif::XENKBD_FIELD_FEAT_MTOUCH;
        "XENKBD_FIELD_REQ_ABS_POINTER" => xen_sys::io::kbdif::XENKBD_FIELD_REQ_ABS_POINTER;
        "XENKBD_FIELD_REQ_RAW_POINTER" => xen_sys::io::kbdif::XENKBD_FIELD_REQ_RAW_POINTER;
        "XENKBD_FIELD_REQ_MTOUCH" => xen_sys::io::kbdif::XENKBD_FIELD_REQ_MTOUCH;
        "XENKBD_FIELD_RING_GREF" => xen_sys::io::kbdif::XENKBD_FIELD_RING_GREF;
        "XENKBD_FIELD_EVT_CHANNEL" => xen_sys::io::kbdif::XENKBD_FIELD_EVT_CHANNEL;
        "XENKBD_FIELD_WIDTH" => xen_sys::io::kbdif::XENKBD_FIELD_WIDTH;
        "XENKBD_FIELD_HEIGHT" => xen_sys::io::kbdif::XENKBD_FIELD_HEIGHT;
        "XENKBD_FIELD_MT_WIDTH" => xen_sys::io::kbdif::XENKBD_FIELD_MT_WIDTH;
        "XENKBD_FIELD_MT_HEIGHT" => xen_sys::io::kbdif::XENKBD_FIELD_MT_HEIGHT;
        "XENKBD_FIELD_MT_NUM_CONTACTS" => xen_sys::io::kbdif::XENKBD_FIELD_MT_NUM_CONTACTS;
        "XENKBD_FIELD_UNIQUE_ID" => xen_sys::io::kbdif::XENKBD_FIELD_UNIQUE_ID;
        "XENKBD_FIELD_RING_REF" => xen_sys::io::kbdif::XENKBD_FIELD_RING_REF;
    }
    structures {
        "xenkbd_motion" => xen_sys::io::kbdif::XenkbdMotion {
            "type" => type_, "rel_x" => rel_x, "rel_y" => rel_y, "rel_z" => rel_z,
        };
        "xenkbd_key" => xen_sys::io::kbdif::XenkbdKey {
            "type" => type_, "pressed" => pressed, "keycode" => keycode,
        };
        "xenkbd_position" => xen_sys::io::kbdif::XenkbdPosition {
            "type" => type_, "abs_x" => abs_x, "abs_y" => abs_y, "rel_z" => rel_z,
        };
        "xenkbd_mtouch" => xen_sys::io::kbdif::XenkbdMtouch {
            "type" => type_, "event_type" => event_type, "contact_id" => contact_id,
            "reserved" => reserved, "u" => u,
        };
        "xenkbd_in_event" => xen_sys::io::kbdif::XenkbdInEvent {
            "type" => type_, "data" => data, "words" => words,
        };
        "xenkbd_out_event" => xen_sys::io::kbdif::XenkbdOutEvent {
            "type" => type_, "data" => data,
        };
        "xenkbd_page" => xen_sys::io::kbdif::XenkbdPage {
            "in_cons" => in_cons, "in_prod" => in_prod, "out_cons" => out_cons,
            "out_prod" => out_prod,
        };
    }
}
