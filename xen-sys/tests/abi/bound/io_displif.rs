//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "XENDISPL_PROTOCOL_VERSION_INT" => xen_sys::io::displif::XENDISPL_PROTOCOL_VERSION_INT;
        "XENDISPL_DBUF_FLG_REQ_ALLOC" => xen_sys::io::displif::XENDISPL_DBUF_FLG_REQ_ALLOC;
        "XENDISPL_OP_DBUF_CREATE" => xen_sys::io::displif::DisplOp::DBUF_CREATE.0;
        "XENDISPL_OP_DBUF_DESTROY" => xen_sys::io::displif::DisplOp::DBUF_DESTROY.0;
        "XENDISPL_OP_FB_ATTACH" => xen_sys::io::displif::DisplOp::FB_ATTACH.0;
        "XENDISPL_OP_FB_DETACH" => xen_sys::io::displif::DisplOp::FB_DETACH.0;
        "XENDISPL_OP_SET_CONFIG" => xen_sys::io::displif::DisplOp::SET_CONFIG.0;
        "XENDISPL_OP_PG_FLIP" => xen_sys::io::displif::DisplOp::PG_FLIP.0;
        "XENDISPL_OP_GET_EDID" => xen_sys::io::displif::DisplOp::GET_EDID.0;
        "XENDISPL_EVT_PG_FLIP" => xen_sys::io::displif::XENDISPL_EVT_PG_FLIP;
        "XENDISPL_EDID_BLOCK_SIZE" => xen_sys::io::displif::XENDISPL_EDID_BLOCK_SIZE;
        "XENDISPL_EDID_BLOCK_COUNT" => xen_sys::io::displif::XENDISPL_EDID_BLOCK_COUNT;
        "XENDISPL_EDID_MAX_SIZE" => xen_sys::io::displif::XENDISPL_EDID_MAX_SIZE;
        "XENDISPL_EVENT_PAGE_SIZE" => xen_sys::io::displif::XENDISPL_EVENT_PAGE_SIZE;
        "XENDISPL_IN_RING_OFFS" => xen_sys::io::displif::XENDISPL_IN_RING_OFFS;
        "XENDISPL_IN_RING_SIZE" => xen_sys::io::displif::XENDISPL_IN_RING_SIZE;
        "XENDISPL_IN_RING_LEN" => xen_sys::io::displif::XENDISPL_IN_RING_LEN;
    }
    texts {
        "XENDISPL_PROTOCOL_VERSION" => xen_sys::io::displif::XENDISPL_PROTOCOL_VERSION;
        "XENDISPL_DRIVER_NAME" => xen_sys::io::displif::XENDISPL_DRIVER_NAME;
        "XENDISPL_LIST_SEPARATOR" => xen_sys::io::displif::XENDISPL_LIST_SEPARATOR;
        "XENDISPL_RESOLUTION_SEPARATOR" => xen_sys::io::displif::XENDISPL_RESOLUTION_SEPARATOR;
        "XENDISPL_FIELD_BE_VERSIONS" => xen_sys::io::displif::XENDISPL_FIELD_BE_VERSIONS;
        "XENDISPL_FIELD_FE_VERSION" => xen_sys::io::displif::XENDISPL_FIELD_FE_VERSION;
        "XENDISPL_FIELD_REQ_RING_REF" => xen_sys::io::displif::XENDISPL_FIELD_REQ_RING_REF;
        "XENDISPL_FIELD_REQ_CHANNEL" => xen_sys::io::displif::XENDISPL_FIELD_REQ_CHANNEL;
        "XENDISPL_FIELD_EVT_RING_REF" => xen_sys::io::displif::XENDISPL_FIELD_EVT_RING_REF;
        "XENDISPL_FIELD_EVT_CHANNEL" => xen_sys::io::displif::XENDISPL_FIELD_EVT_CHANNEL;
        "XENDISPL_FIELD_RESOLUTION" => xen_sys::io::displif::XENDISPL_FIELD_RESOLUTION;
        "XENDISPL_FIELD_BE_ALLOC" => xen_sys::io::displif::XENDISPL_FIELD_BE_ALLOC;
        "XENDISPL_FIELD_UNIQUE_ID" => xen_sys::io::displif::XENDISPL_FIELD_UNIQUE_ID;
    }
    structures {
        "xendispl_dbuf_create_req" => xen_sys::io::displif::XendisplDbufCreateReq {
            "dbuf_cookie" => dbuf_cookie, "width" => width, "height" => height, "bpp" => bpp,
            "buffer_sz" => buffer_sz, "flags" => flags, "gref_directory" => gref_directory,
            "data_ofs" => data_ofs,
        };
        "xendispl_page_directory" => xen_sys::io::displif::XendisplPageDirectory {
            "gref_dir_next_page" => gref_dir_next_page, "gref" => gref,
        };
        "xendispl_dbuf_destroy_req" => xen_sys::io::displif::XendisplDbufDestroyReq {
            "dbuf_cookie" => dbuf_cookie,
        };
        "xendispl_fb_attach_req" => xen_sys::io::displif::XendisplFbAttachReq {
            "dbuf_cookie" => dbuf_cookie, "fb_cookie" => fb_cookie, "width" => width,
            "height" => height, "pixel_format" => pixel_format,
        };
        "xendispl_fb_detach_req" => xen_sys::io::displif::XendisplFbDetachReq {
            "fb_cookie" => fb_cookie,
        };
        "xendispl_set_config_req" => xen_sys::io::displif::XendisplSetConfigReq {
            "fb_cookie" => fb_cookie, "x" => x, "y" => y, "width" => width, "height" => height,
            "bpp" => bpp,
        };
        "xendispl_page_flip_req" => xen_sys::io::displif::XendisplPageFlipReq {
            "fb_cookie" => fb_cookie,
        };
        "xendispl_get_edid_req" => xen_sys::io::displif::XendisplGetEdidReq {
            "buffer_sz" => buffer_sz, "gref_directory" => gref_directory,
        };
        "xendispl_get_edid_resp" => xen_sys::io::displif::XendisplGetEdidResp {
            "edid_sz" => edid_sz,
        };
        "xendispl_pg_flip_evt" => xen_sys::io::displif::XendisplPgFlipEvt {
            "fb_cookie" => fb_cookie,
        };
        "xendispl_req" => xen_sys::io::displif::XendisplReq {
            "id" => id, "operation" => operation, "reserved" => reserved, "op" => op,
        };
        "xendispl_resp" => xen_sys::io::displif::XendisplResp {
            "id" => id, "operation" => operation, "reserved" => reserved, "status" => status,
            "op" => op,
        };
        "xendispl_evt" => xen_sys::io::displif::XendisplEvt {
            "id" => id, "type" => type_, "reserved" => reserved, "op" => op,
        };
        "xendispl_event_page" => xen_sys::io::displif::XendisplEventPage {
            "in_cons" => in_cons, "in_prod" => in_prod, "reserved" => reserved,
        };
    }
}
