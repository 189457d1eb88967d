//! The keyboard and pointer protocol: one page with two rings of events.
//!
//! Public header: `io/kbdif.h`.
//!
//! Coverage: 37 constants and 7 structures, of Xen 4.17 and 4.20; nothing is left out.

use zerocopy::{FromBytes, Immutable, IntoBytes};

open_enum! {
    /// Kind of an event.
    pub struct XenkbdType(u8) {
        /// The pointer has moved. See [`XenkbdMotion`].
        #[doc(alias = "XENKBD_TYPE_MOTION")]
        MOTION = 1;
        /// Reserved.
        #[doc(alias = "XENKBD_TYPE_RESERVED")]
        RESERVED = 2;
        /// A key or button. See [`XenkbdKey`].
        #[doc(alias = "XENKBD_TYPE_KEY")]
        KEY = 3;
        /// The pointer's position. See [`XenkbdPosition`].
        #[doc(alias = "XENKBD_TYPE_POS")]
        POS = 4;
        /// A touch. See [`XenkbdMtouch`].
        #[doc(alias = "XENKBD_TYPE_MTOUCH")]
        MTOUCH = 5;
    }
}

open_enum! {
    /// Kind of a touch.
    pub struct XenkbdMtEv(u8) {
        /// A finger came down.
        #[doc(alias = "XENKBD_MT_EV_DOWN")]
        DOWN = 0;
        /// A finger went up.
        #[doc(alias = "XENKBD_MT_EV_UP")]
        UP = 1;
        /// A finger moved.
        #[doc(alias = "XENKBD_MT_EV_MOTION")]
        MOTION = 2;
        /// The end of a group of events.
        #[doc(alias = "XENKBD_MT_EV_SYN")]
        SYN = 3;
        /// The shape of a finger's contact.
        #[doc(alias = "XENKBD_MT_EV_SHAPE")]
        SHAPE = 4;
        /// The direction of a finger's contact.
        #[doc(alias = "XENKBD_MT_EV_ORIENT")]
        ORIENT = 5;
    }
}

/// Name of the device class.
pub const XENKBD_DRIVER_NAME: &str = "vkbd";
/// Node of the back end: no keyboard.
pub const XENKBD_FIELD_FEAT_DSBL_KEYBRD: &str = "feature-disable-keyboard";
/// Node of the back end: no pointer.
pub const XENKBD_FIELD_FEAT_DSBL_POINTER: &str = "feature-disable-pointer";
/// Node of the back end: can send positions.
pub const XENKBD_FIELD_FEAT_ABS_POINTER: &str = "feature-abs-pointer";
/// Node of the back end: can send positions that are not scaled.
pub const XENKBD_FIELD_FEAT_RAW_POINTER: &str = "feature-raw-pointer";
/// Node of the back end: can send touches.
pub const XENKBD_FIELD_FEAT_MTOUCH: &str = "feature-multi-touch";
/// Node of the front end: wants positions.
pub const XENKBD_FIELD_REQ_ABS_POINTER: &str = "request-abs-pointer";
/// Node of the front end: wants positions that are not scaled.
pub const XENKBD_FIELD_REQ_RAW_POINTER: &str = "request-raw-pointer";
/// Node of the front end: wants touches.
pub const XENKBD_FIELD_REQ_MTOUCH: &str = "request-multi-touch";
/// Node of the front end: grant of the page.
pub const XENKBD_FIELD_RING_GREF: &str = "page-gref";
/// Node of the front end: port.
pub const XENKBD_FIELD_EVT_CHANNEL: &str = "event-channel";
/// Node: width of the pointer's area.
pub const XENKBD_FIELD_WIDTH: &str = "width";
/// Node: height of the pointer's area.
pub const XENKBD_FIELD_HEIGHT: &str = "height";
/// Node: width of the touch area.
pub const XENKBD_FIELD_MT_WIDTH: &str = "multi-touch-width";
/// Node: height of the touch area.
pub const XENKBD_FIELD_MT_HEIGHT: &str = "multi-touch-height";
/// Node: most fingers.
pub const XENKBD_FIELD_MT_NUM_CONTACTS: &str = "multi-touch-num-contacts";
/// Node: name of the device.
pub const XENKBD_FIELD_UNIQUE_ID: &str = "unique-id";
/// Node of the front end: frame of the page, in an old form.
pub const XENKBD_FIELD_RING_REF: &str = "page-ref";

/// The pointer has moved.
#[doc(alias = "xenkbd_motion")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenkbdMotion {
    /// [`XenkbdType::MOTION`].
    #[doc(alias = "type")]
    pub type_: XenkbdType,
    /// Padding; zero.
    pub _pad0: [u8; 3],
    /// To the right.
    pub rel_x: i32,
    /// Downward.
    pub rel_y: i32,
    /// Wheel.
    pub rel_z: i32,
}
const _: () = assert!(size_of::<XenkbdMotion>() == 16);

/// A key or button.
#[doc(alias = "xenkbd_key")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenkbdKey {
    /// [`XenkbdType::KEY`].
    #[doc(alias = "type")]
    pub type_: XenkbdType,
    /// Whether it is down.
    pub pressed: u8,
    /// Padding; zero.
    pub _pad0: [u8; 2],
    /// The key, as Linux numbers it.
    pub keycode: u32,
}
const _: () = assert!(size_of::<XenkbdKey>() == 8);

/// The pointer's position.
#[doc(alias = "xenkbd_position")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenkbdPosition {
    /// [`XenkbdType::POS`].
    #[doc(alias = "type")]
    pub type_: XenkbdType,
    /// Padding; zero.
    pub _pad0: [u8; 3],
    /// From the left.
    pub abs_x: i32,
    /// From the top.
    pub abs_y: i32,
    /// Wheel.
    pub rel_z: i32,
}
const _: () = assert!(size_of::<XenkbdPosition>() == 16);

/// A touch.
#[doc(alias = "xenkbd_mtouch")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenkbdMtouch {
    /// [`XenkbdType::MTOUCH`].
    #[doc(alias = "type")]
    pub type_: XenkbdType,
    /// What happened.
    pub event_type: XenkbdMtEv,
    /// The finger.
    pub contact_id: u8,
    /// Reserved; zero.
    pub reserved: [u8; 5],
    /// Position: from the left, from the top. Shape: long axis, short axis. Direction: degrees, in
    /// 16 bits.
    pub u: [u32; 2],
}
const _: () = assert!(size_of::<XenkbdMtouch>() == 16);

/// An event for the front end: [`XenkbdMotion`], [`XenkbdKey`], [`XenkbdPosition`] or
/// [`XenkbdMtouch`] at the start.
#[doc(alias = "xenkbd_in_event")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenkbdInEvent {
    /// Kind.
    #[doc(alias = "type")]
    pub type_: XenkbdType,
    /// The start of the event.
    pub data: [u8; 3],
    /// The rest of the event.
    pub words: [u32; 9],
}
const _: () = assert!(size_of::<XenkbdInEvent>() == 40);

/// An event for the back end; none are defined.
#[doc(alias = "xenkbd_out_event")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenkbdOutEvent {
    /// Kind.
    #[doc(alias = "type")]
    pub type_: u8,
    /// Unused.
    pub data: [u8; 39],
}
const _: () = assert!(size_of::<XenkbdOutEvent>() == 40);

/// Bytes of an event for the front end.
pub const XENKBD_IN_EVENT_SIZE: usize = 40;
/// Bytes of an event for the back end.
pub const XENKBD_OUT_EVENT_SIZE: usize = 40;
/// Bytes of the ring for the front end.
pub const XENKBD_IN_RING_SIZE: usize = 2048;
/// Events in the ring for the front end.
pub const XENKBD_IN_RING_LEN: usize = 51;
/// Offset of the ring for the front end.
pub const XENKBD_IN_RING_OFFS: usize = 1024;
/// Bytes of the ring for the back end.
pub const XENKBD_OUT_RING_SIZE: usize = 1024;
/// Events in the ring for the back end.
pub const XENKBD_OUT_RING_LEN: usize = 25;
/// Offset of the ring for the back end.
pub const XENKBD_OUT_RING_OFFS: usize = 3072;

/// The head of the page. Indices run freely; positions are modulo the number of events.
#[doc(alias = "xenkbd_page")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenkbdPage {
    /// How far the front end has read.
    pub in_cons: u32,
    /// How far the back end has written.
    pub in_prod: u32,
    /// How far the back end has read.
    pub out_cons: u32,
    /// How far the front end has written.
    pub out_prod: u32,
}
const _: () = assert!(size_of::<XenkbdPage>() == 16);
