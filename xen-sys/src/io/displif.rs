//! The display protocol: requests, an event page, buffers of the frontend or of the backend.
//!
//! Public header: `io/displif.h`.
//!
//! Coverage: 30 constants and 14 structures, of Xen 4.17 and 4.20; left out, for the reasons in
//! `abi/left-out.txt`: `xen_displif_back_ring`, `xen_displif_front_ring`, `xen_displif_sring`,
//! `xen_displif_sring_entry`.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::GrantRef;

/// Version of the protocol, as text.
pub const XENDISPL_PROTOCOL_VERSION: &str = "2";
/// Name of the device class.
pub const XENDISPL_DRIVER_NAME: &str = "vdispl";
/// Separator of the entries of a list.
pub const XENDISPL_LIST_SEPARATOR: &str = ",";
/// Separator of width and height.
pub const XENDISPL_RESOLUTION_SEPARATOR: &str = "x";
/// Node of the backend: supported versions.
pub const XENDISPL_FIELD_BE_VERSIONS: &str = "versions";
/// Node of the frontend: selected version.
pub const XENDISPL_FIELD_FE_VERSION: &str = "version";
/// Node of the frontend: grant of the request ring.
pub const XENDISPL_FIELD_REQ_RING_REF: &str = "req-ring-ref";
/// Node of the frontend: port of the request ring.
pub const XENDISPL_FIELD_REQ_CHANNEL: &str = "req-event-channel";
/// Node of the frontend: grant of the event page.
pub const XENDISPL_FIELD_EVT_RING_REF: &str = "evt-ring-ref";
/// Node of the frontend: port of the event page.
pub const XENDISPL_FIELD_EVT_CHANNEL: &str = "evt-event-channel";
/// Node: width and height.
pub const XENDISPL_FIELD_RESOLUTION: &str = "resolution";
/// Node: the backend allocates buffers.
pub const XENDISPL_FIELD_BE_ALLOC: &str = "be-alloc";
/// Node: name of the connector.
pub const XENDISPL_FIELD_UNIQUE_ID: &str = "unique-id";

/// Version of the protocol, as a number.
pub const XENDISPL_PROTOCOL_VERSION_INT: u32 = 2;
/// Flag of [`XendisplDbufCreateReq`]: the backend allocates the buffer.
pub const XENDISPL_DBUF_FLG_REQ_ALLOC: u32 = 1 << 0;

open_enum! {
    /// Operation of a request.
    pub struct DisplOp(u8) {
        /// Creation of a display buffer.
        #[doc(alias = "XENDISPL_OP_DBUF_CREATE")]
        DBUF_CREATE = 0x10;
        /// Destruction of a display buffer.
        #[doc(alias = "XENDISPL_OP_DBUF_DESTROY")]
        DBUF_DESTROY = 0x11;
        /// Creation of a frame buffer in a display buffer.
        #[doc(alias = "XENDISPL_OP_FB_ATTACH")]
        FB_ATTACH = 0x12;
        /// Removal of a frame buffer.
        #[doc(alias = "XENDISPL_OP_FB_DETACH")]
        FB_DETACH = 0x13;
        /// Display of a frame buffer, or of none.
        #[doc(alias = "XENDISPL_OP_SET_CONFIG")]
        SET_CONFIG = 0x14;
        /// Page flip to a frame buffer.
        #[doc(alias = "XENDISPL_OP_PG_FLIP")]
        PG_FLIP = 0x15;
        /// Query of the monitor's EDID; version 2.
        #[doc(alias = "XENDISPL_OP_GET_EDID")]
        GET_EDID = 0x16;
    }
}

/// Kind of event: page flip completed. See [`XendisplPgFlipEvt`].
pub const XENDISPL_EVT_PG_FLIP: u8 = 0x0;

/// Size of an EDID block in bytes.
pub const XENDISPL_EDID_BLOCK_SIZE: usize = 128;
/// Maximum number of EDID blocks.
pub const XENDISPL_EDID_BLOCK_COUNT: usize = 256;
/// Maximum size of an EDID in bytes.
pub const XENDISPL_EDID_MAX_SIZE: usize = 32768;
/// Size of the event page in bytes.
pub const XENDISPL_EVENT_PAGE_SIZE: usize = 4096;
/// Offset of the events in bytes.
pub const XENDISPL_IN_RING_OFFS: usize = 64;
/// Size of the events in bytes.
pub const XENDISPL_IN_RING_SIZE: usize = 4032;
/// Number of events.
pub const XENDISPL_IN_RING_LEN: usize = 63;

/// Arguments of [`DisplOp::DBUF_CREATE`].
#[doc(alias = "xendispl_dbuf_create_req")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XendisplDbufCreateReq {
    /// Identifier of the display buffer, chosen by the frontend.
    pub dbuf_cookie: u64,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Bits per pixel.
    pub bpp: u32,
    /// Size of the buffer in bytes.
    pub buffer_sz: u32,
    /// [`XENDISPL_DBUF_FLG_REQ_ALLOC`] or zero.
    pub flags: u32,
    /// Grant of the first page of the page directory.
    pub gref_directory: GrantRef,
    /// Offset of the picture in the buffer.
    pub data_ofs: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
}
const _: () = assert!(size_of::<XendisplDbufCreateReq>() == 40);

/// A page of a page directory; further grants follow.
#[doc(alias = "xendispl_page_directory")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XendisplPageDirectory {
    /// Grant of the next page of the directory; zero for the last.
    pub gref_dir_next_page: GrantRef,
    /// The first grant.
    pub gref: [GrantRef; 0],
}
const _: () = assert!(size_of::<XendisplPageDirectory>() == 4);

/// Arguments of [`DisplOp::DBUF_DESTROY`].
#[doc(alias = "xendispl_dbuf_destroy_req")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XendisplDbufDestroyReq {
    /// The display buffer.
    pub dbuf_cookie: u64,
}
const _: () = assert!(size_of::<XendisplDbufDestroyReq>() == 8);

/// Arguments of [`DisplOp::FB_ATTACH`].
#[doc(alias = "xendispl_fb_attach_req")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XendisplFbAttachReq {
    /// The display buffer.
    pub dbuf_cookie: u64,
    /// Identifier of the frame buffer, chosen by the frontend.
    pub fb_cookie: u64,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Four characters of a pixel format.
    pub pixel_format: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
}
const _: () = assert!(size_of::<XendisplFbAttachReq>() == 32);

/// Arguments of [`DisplOp::FB_DETACH`].
#[doc(alias = "xendispl_fb_detach_req")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XendisplFbDetachReq {
    /// The frame buffer.
    pub fb_cookie: u64,
}
const _: () = assert!(size_of::<XendisplFbDetachReq>() == 8);

/// Arguments of [`DisplOp::SET_CONFIG`].
#[doc(alias = "xendispl_set_config_req")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XendisplSetConfigReq {
    /// The frame buffer; zero for none.
    pub fb_cookie: u64,
    /// Left edge in pixels.
    pub x: u32,
    /// Top edge in pixels.
    pub y: u32,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Bits per pixel.
    pub bpp: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
}
const _: () = assert!(size_of::<XendisplSetConfigReq>() == 32);

/// Arguments of [`DisplOp::PG_FLIP`].
#[doc(alias = "xendispl_page_flip_req")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XendisplPageFlipReq {
    /// The frame buffer.
    pub fb_cookie: u64,
}
const _: () = assert!(size_of::<XendisplPageFlipReq>() == 8);

/// Arguments of [`DisplOp::GET_EDID`].
#[doc(alias = "xendispl_get_edid_req")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XendisplGetEdidReq {
    /// Size of the buffer in bytes.
    pub buffer_sz: u32,
    /// Grant of the first page of the page directory.
    pub gref_directory: GrantRef,
}
const _: () = assert!(size_of::<XendisplGetEdidReq>() == 8);

/// Response to [`DisplOp::GET_EDID`].
#[doc(alias = "xendispl_get_edid_resp")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XendisplGetEdidResp {
    /// Size of the EDID in bytes.
    pub edid_sz: u32,
}
const _: () = assert!(size_of::<XendisplGetEdidResp>() == 4);

/// Event: page flip completed.
#[doc(alias = "xendispl_pg_flip_evt")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XendisplPgFlipEvt {
    /// The frame buffer.
    pub fb_cookie: u64,
}
const _: () = assert!(size_of::<XendisplPgFlipEvt>() == 8);

/// A request.
#[doc(alias = "xendispl_req")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XendisplReq {
    /// Identifier chosen by the frontend; the response carries the same value.
    pub id: u16,
    /// Operation.
    pub operation: DisplOp,
    /// Reserved; zero.
    pub reserved: [u8; 5],
    /// The arguments, by operation.
    pub op: [u64; 7],
}
const _: () = assert!(size_of::<XendisplReq>() == 64);

/// A response.
#[doc(alias = "xendispl_resp")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XendisplResp {
    /// Identifier of the request.
    pub id: u16,
    /// Operation of the request.
    pub operation: DisplOp,
    /// Reserved; zero.
    pub reserved: u8,
    /// Zero, or a negated error number.
    pub status: i32,
    /// The response, by operation.
    pub op: [u32; 14],
}
const _: () = assert!(size_of::<XendisplResp>() == 64);

/// An event.
#[doc(alias = "xendispl_evt")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XendisplEvt {
    /// Unused.
    pub id: u16,
    /// `XENDISPL_EVT_*`.
    #[doc(alias = "type")]
    pub type_: u8,
    /// Reserved; zero.
    pub reserved: [u8; 5],
    /// The event, by kind.
    pub op: [u64; 7],
}
const _: () = assert!(size_of::<XendisplEvt>() == 64);

/// Header of the event page. Indices are free-running.
#[doc(alias = "xendispl_event_page")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XendisplEventPage {
    /// Consumer index, written by the frontend.
    pub in_cons: u32,
    /// Producer index, written by the backend.
    pub in_prod: u32,
    /// Reserved; zero.
    pub reserved: [u8; 56],
}
const _: () = assert!(size_of::<XendisplEventPage>() == 64);
