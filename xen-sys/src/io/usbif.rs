//! The USB protocol: a ring of transfers and a ring of port status changes.
//!
//! Public header: `io/usbif.h`.
//!
//! Coverage: 34 constants and 5 structures, of Xen 4.17 and 4.20; left out, for the reasons in
//! `abi/left-out.txt`: `usbif_conn_back_ring`, `usbif_conn_front_ring`, `usbif_conn_sring`,
//! `usbif_conn_sring_entry`, `usbif_urb_back_ring`, `usbif_urb_front_ring`, `usbif_urb_sring`,
//! `usbif_urb_sring_entry`.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::GrantRef;

open_enum! {
    /// Version of USB, as in the node `usb-ver`.
    #[doc(alias = "usb_spec_version")]
    pub struct UsbSpecVersion(u32) {
        /// Unknown version.
        #[doc(alias = "USB_VER_UNKNOWN")]
        UNKNOWN = 0;
        /// 1.1.
        #[doc(alias = "USB_VER_USB11")]
        USB11 = 1;
        /// 2.0.
        #[doc(alias = "USB_VER_USB20")]
        USB20 = 2;
        /// 3.0; not supported.
        #[doc(alias = "USB_VER_USB30")]
        USB30 = 3;
    }
}

/// Field of [`UsbifUrbRequest::pipe`]: port.
pub const USBIF_PIPE_PORT_MASK: u32 = 0x1f;
/// Bit of [`UsbifUrbRequest::pipe`]: cancels a transfer.
pub const USBIF_PIPE_UNLINK: u32 = 0x20;
/// Bit of [`UsbifUrbRequest::pipe`]: to the guest.
pub const USBIF_PIPE_DIR: u32 = 0x80;
/// Field of [`UsbifUrbRequest::pipe`], shifted: device.
pub const USBIF_PIPE_DEV_MASK: u32 = 0x7f;
/// Shift of the device.
pub const USBIF_PIPE_DEV_SHIFT: u32 = 8;
/// Field of [`UsbifUrbRequest::pipe`], shifted: endpoint.
pub const USBIF_PIPE_EP_MASK: u32 = 0xf;
/// Shift of the endpoint.
pub const USBIF_PIPE_EP_SHIFT: u32 = 15;
/// Field of [`UsbifUrbRequest::pipe`], shifted: kind of transfer.
pub const USBIF_PIPE_TYPE_MASK: u32 = 0x3;
/// Shift of the kind of transfer.
pub const USBIF_PIPE_TYPE_SHIFT: u32 = 30;
/// Kind of transfer: isochronous.
pub const USBIF_PIPE_TYPE_ISOC: u32 = 0;
/// Kind of transfer: interrupt.
pub const USBIF_PIPE_TYPE_INT: u32 = 1;
/// Kind of transfer: control.
pub const USBIF_PIPE_TYPE_CTRL: u32 = 2;
/// Kind of transfer: bulk.
pub const USBIF_PIPE_TYPE_BULK: u32 = 3;
/// Highest port.
pub const USBIF_MAX_PORTNR: u32 = 31;

/// Maximum number of segments of a request.
pub const USBIF_MAX_SEGMENTS_PER_REQUEST: usize = 16;
/// Size of a ring page in bytes.
pub const USBIF_RING_SIZE: usize = 4096;
/// Number of slots of the ring of transfers.
pub const USB_URB_RING_SIZE: usize = 16;
/// Number of slots of the ring of ports.
pub const USB_CONN_RING_SIZE: usize = 512;

/// Flag of [`UsbifUrbRequest`]: a short transfer is an error.
pub const USBIF_SHORT_NOT_OK: u16 = 0x1;

/// A segment of a buffer.
#[doc(alias = "usbif_request_segment")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct UsbifRequestSegment {
    /// Grant of the page.
    pub gref: GrantRef,
    /// Offset in the page, in bytes.
    pub offset: u16,
    /// Length in bytes.
    pub length: u16,
}
const _: () = assert!(size_of::<UsbifRequestSegment>() == 8);

/// A transfer request.
#[doc(alias = "usbif_urb_request")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct UsbifUrbRequest {
    /// Identifier chosen by the frontend; the response carries the same value.
    pub id: u16,
    /// Number of segments of the buffer.
    pub nr_buffer_segs: u16,
    /// Port, device, endpoint, kind: `USBIF_PIPE_*`.
    pub pipe: u32,
    /// [`USBIF_SHORT_NOT_OK`] or zero.
    pub transfer_flags: u16,
    /// Size of the buffer in bytes.
    pub buffer_length: u16,
    /// Control: the set-up packet. Isochronous: interval, first frame, packets, segments of
    /// descriptors. Interrupt: interval. Cancel: the request.
    pub u: [u32; 2],
    /// The segments.
    pub seg: [UsbifRequestSegment; 16],
}
const _: () = assert!(size_of::<UsbifUrbRequest>() == 148);

open_enum! {
    /// Status of a transfer: a negated error number of Linux.
    pub struct UsbifStatus(i32) {
        /// Success.
        #[doc(alias = "USBIF_STATUS_OK")]
        OK = 0;
        /// No such device.
        #[doc(alias = "USBIF_STATUS_NODEV")]
        NODEV = -19;
        /// Invalid argument.
        #[doc(alias = "USBIF_STATUS_INVAL")]
        INVAL = -22;
        /// Stalled endpoint.
        #[doc(alias = "USBIF_STATUS_STALL")]
        STALL = -32;
        /// Failed transfer.
        #[doc(alias = "USBIF_STATUS_IOERROR")]
        IOERROR = -71;
        /// Overflow: the device sent more data than requested.
        #[doc(alias = "USBIF_STATUS_BABBLE")]
        BABBLE = -75;
        /// Device shutdown.
        #[doc(alias = "USBIF_STATUS_SHUTDOWN")]
        SHUTDOWN = -108;
    }
}

/// A transfer response.
#[doc(alias = "usbif_urb_response")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct UsbifUrbResponse {
    /// Identifier of the request.
    pub id: u16,
    /// First frame, for isochronous transfers.
    pub start_frame: u16,
    /// Status.
    pub status: UsbifStatus,
    /// Number of bytes transferred.
    pub actual_length: i32,
    /// Number of failed packets, for isochronous transfers.
    pub error_count: i32,
}
const _: () = assert!(size_of::<UsbifUrbResponse>() == 16);

/// Slot for a port status change.
#[doc(alias = "usbif_conn_request")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct UsbifConnRequest {
    /// Identifier chosen by the frontend; the response carries the same value.
    pub id: u16,
}
const _: () = assert!(size_of::<UsbifConnRequest>() == 2);

/// Port status change.
#[doc(alias = "usbif_conn_response")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct UsbifConnResponse {
    /// Identifier of the request.
    pub id: u16,
    /// The port.
    pub portnum: u8,
    /// `USBIF_SPEED_*`.
    pub speed: u8,
}
const _: () = assert!(size_of::<UsbifConnResponse>() == 4);

/// Speed: no device.
pub const USBIF_SPEED_NONE: u8 = 0;
/// Speed: low.
pub const USBIF_SPEED_LOW: u8 = 1;
/// Speed: full.
pub const USBIF_SPEED_FULL: u8 = 2;
/// Speed: high.
pub const USBIF_SPEED_HIGH: u8 = 3;
