//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "XENFB_TYPE_UPDATE" => xen_sys::io::fbif::XENFB_TYPE_UPDATE;
        "XENFB_TYPE_RESIZE" => xen_sys::io::fbif::XENFB_TYPE_RESIZE;
        "XENFB_TYPE_REFRESH_PERIOD" => xen_sys::io::fbif::XENFB_TYPE_REFRESH_PERIOD;
        "XENFB_NO_REFRESH" => xen_sys::io::fbif::XENFB_NO_REFRESH;
        "XENFB_OUT_EVENT_SIZE" => xen_sys::io::fbif::XENFB_OUT_EVENT_SIZE;
        "XENFB_IN_EVENT_SIZE" => xen_sys::io::fbif::XENFB_IN_EVENT_SIZE;
        "XENFB_IN_RING_SIZE" => xen_sys::io::fbif::XENFB_IN_RING_SIZE;
        "XENFB_IN_RING_LEN" => xen_sys::io::fbif::XENFB_IN_RING_LEN;
        "XENFB_IN_RING_OFFS" => xen_sys::io::fbif::XENFB_IN_RING_OFFS;
        "XENFB_OUT_RING_SIZE" => xen_sys::io::fbif::XENFB_OUT_RING_SIZE;
        "XENFB_OUT_RING_LEN" => xen_sys::io::fbif::XENFB_OUT_RING_LEN;
        "XENFB_OUT_RING_OFFS" => xen_sys::io::fbif::XENFB_OUT_RING_OFFS;
    }
    texts {
    }
    structures {
        "xenfb_update" => xen_sys::io::fbif::XenfbUpdate {
            "type" => type_, "x" => x, "y" => y, "width" => width, "height" => height,
        };
        "xenfb_resize" => xen_sys::io::fbif::XenfbResize {
            "type" => type_, "width" => width, "height" => height, "stride" => stride,
            "depth" => depth, "offset" => offset,
        };
        "xenfb_out_event" => xen_sys::io::fbif::XenfbOutEvent {
            "type" => type_, "data" => data, "words" => words,
        };
        "xenfb_refresh_period" => xen_sys::io::fbif::XenfbRefreshPeriod {
            "type" => type_, "period" => period,
        };
        "xenfb_in_event" => xen_sys::io::fbif::XenfbInEvent {
            "type" => type_, "data" => data, "words" => words,
        };
        "xenfb_page" => xen_sys::io::fbif::XenfbPage {
            "in_cons" => in_cons, "in_prod" => in_prod, "out_cons" => out_cons,
            "out_prod" => out_prod, "width" => width, "height" => height,
            "line_length" => line_length, "mem_length" => mem_length, "depth" => depth, "pd" => pd,
        };
    }
}
