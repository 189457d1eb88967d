//! Items of one module, written by `cargo xtask abi --bound`; do not edit.

crate::list::list! {
    constants {
        "USB_VER_UNKNOWN" => xen_sys::io::usbif::UsbSpecVersion::UNKNOWN.0;
        "USB_VER_USB11" => xen_sys::io::usbif::UsbSpecVersion::USB11.0;
        "USB_VER_USB20" => xen_sys::io::usbif::UsbSpecVersion::USB20.0;
        "USB_VER_USB30" => xen_sys::io::usbif::UsbSpecVersion::USB30.0;
        "USBIF_PIPE_PORT_MASK" => xen_sys::io::usbif::USBIF_PIPE_PORT_MASK;
        "USBIF_PIPE_UNLINK" => xen_sys::io::usbif::USBIF_PIPE_UNLINK;
        "USBIF_PIPE_DIR" => xen_sys::io::usbif::USBIF_PIPE_DIR;
        "USBIF_PIPE_DEV_MASK" => xen_sys::io::usbif::USBIF_PIPE_DEV_MASK;
        "USBIF_PIPE_DEV_SHIFT" => xen_sys::io::usbif::USBIF_PIPE_DEV_SHIFT;
        "USBIF_PIPE_EP_MASK" => xen_sys::io::usbif::USBIF_PIPE_EP_MASK;
        "USBIF_PIPE_EP_SHIFT" => xen_sys::io::usbif::USBIF_PIPE_EP_SHIFT;
        "USBIF_PIPE_TYPE_MASK" => xen_sys::io::usbif::USBIF_PIPE_TYPE_MASK;
        "USBIF_PIPE_TYPE_SHIFT" => xen_sys::io::usbif::USBIF_PIPE_TYPE_SHIFT;
        "USBIF_PIPE_TYPE_ISOC" => xen_sys::io::usbif::USBIF_PIPE_TYPE_ISOC;
        "USBIF_PIPE_TYPE_INT" => xen_sys::io::usbif::USBIF_PIPE_TYPE_INT;
        "USBIF_PIPE_TYPE_CTRL" => xen_sys::io::usbif::USBIF_PIPE_TYPE_CTRL;
        "USBIF_PIPE_TYPE_BULK" => xen_sys::io::usbif::USBIF_PIPE_TYPE_BULK;
        "USBIF_MAX_PORTNR" => xen_sys::io::usbif::USBIF_MAX_PORTNR;
        "USBIF_MAX_SEGMENTS_PER_REQUEST" => xen_sys::io::usbif::USBIF_MAX_SEGMENTS_PER_REQUEST;
        "USBIF_RING_SIZE" => xen_sys::io::usbif::USBIF_RING_SIZE;
        "USB_URB_RING_SIZE" => xen_sys::io::usbif::USB_URB_RING_SIZE;
        "USB_CONN_RING_SIZE" => xen_sys::io::usbif::USB_CONN_RING_SIZE;
        "USBIF_SHORT_NOT_OK" => xen_sys::io::usbif::USBIF_SHORT_NOT_OK;
        "USBIF_STATUS_OK" => xen_sys::io::usbif::UsbifStatus::OK.0;
        "USBIF_STATUS_NODEV" => xen_sys::io::usbif::UsbifStatus::NODEV.0;
        "USBIF_STATUS_INVAL" => xen_sys::io::usbif::UsbifStatus::INVAL.0;
        "USBIF_STATUS_STALL" => xen_sys::io::usbif::UsbifStatus::STALL.0;
        "USBIF_STATUS_IOERROR" => xen_sys::io::usbif::UsbifStatus::IOERROR.0;
        "USBIF_STATUS_BABBLE" => xen_sys::io::usbif::UsbifStatus::BABBLE.0;
        "USBIF_STATUS_SHUTDOWN" => xen_sys::io::usbif::UsbifStatus::SHUTDOWN.0;
        "USBIF_SPEED_NONE" => xen_sys::io::usbif::USBIF_SPEED_NONE;
        "USBIF_SPEED_LOW" => xen_sys::io::usbif::USBIF_SPEED_LOW;
        "USBIF_SPEED_FULL" => xen_sys::io::usbif::USBIF_SPEED_FULL;
        "USBIF_SPEED_HIGH" => xen_sys::io::usbif::USBIF_SPEED_HIGH;
    }
    texts {
    }
    structures {
        "usbif_request_segment" => xen_sys::io::usbif::UsbifRequestSegment {
            "gref" => gref, "offset" => offset, "length" => length,
        };
        "usbif_urb_request" => xen_sys::io::usbif::UsbifUrbRequest {
            "id" => id, "nr_buffer_segs" => nr_buffer_segs, "pipe" => pipe,
            "transfer_flags" => transfer_flags, "buffer_length" => buffer_length, "u" => u,
            "seg" => seg,
        };
        "usbif_urb_response" => xen_sys::io::usbif::UsbifUrbResponse {
            "id" => id, "start_frame" => start_frame, "status" => status,
            "actual_length" => actual_length, "error_count" => error_count,
        };
        "usbif_conn_request" => xen_sys::io::usbif::UsbifConnRequest { "id" => id, };
        "usbif_conn_response" => xen_sys::io::usbif::UsbifConnResponse {
            "id" => id, "portnum" => portnum, "speed" => speed,
        };
    }
}
