//! The keyboard and pointer protocol: one page with two rings of events.
//!
//! Public header: `io/kbdif.h`.
//!
//! Coverage: 37 constants and 7 structures, of Xen 4.17 and 4.20; nothing is left out.

use zerocopy::{FromBytes, Immutable, IntoBytes};

open_enum! {
    /// Kind of an event.
    pub struct XenkbdType(u8) {
        /// Relative motion of the pointer. See [`XenkbdMotion`].
        #[doc(alias = "XENKBD_TYPE_MOTION")]
        MOTION = 1;
        /// Reserved.
        #[doc(alias = "XENKBD_TYPE_RESERVED")]
        RESERVED = 2;
        /// Key or button. See [`XenkbdKey`].
        #[doc(alias = "XENKBD_TYPE_KEY")]
        KEY = 3;
        /// Absolute position of the pointer. See [`XenkbdPosition`].
        #[doc(alias = "XENKBD_TYPE_POS")]
        POS = 4;
        /// Multi-touch. See [`XenkbdMtouch`].
        #[doc(alias = "XENKBD_TYPE_MTOUCH")]
        MTOUCH = 5;
    }
}

open_enum! {
    /// Kind of a touch.
    pub struct XenkbdMtEv(u8) {
        /// Down: new contact.
        #[doc(alias = "XENKBD_MT_EV_DOWN")]
        DOWN = 0;
        /// Up: end of a contact.
        #[doc(alias = "XENKBD_MT_EV_UP")]
        UP = 1;
        /// Motion of a contact.
        #[doc(alias = "XENKBD_MT_EV_MOTION")]
        MOTION = 2;
        /// End of a group of events.
        #[doc(alias = "XENKBD_MT_EV_SYN")]
        SYN = 3;
        /// Shape of a contact.
        #[doc(alias = "XENKBD_MT_EV_SHAPE")]
        SHAPE = 4;
        /// Orientation of a contact.
        #[doc(alias = "XENKBD_MT_EV_ORIENT")]
        ORIENT = 5;
    }
}

/// Name of the device class.
pub const XENKBD_DRIVER_NAME: &str = "vkbd";
/// Node of the backend: no keyboard.
pub const XENKBD_FIELD_FEAT_DSBL_KEYBRD: &str = "feature-disable-keyboard";
/// Node of the backend: no pointer.
pub const XENKBD_FIELD_FEAT_DSBL_POINTER: &str = "feature-disable-pointer";
/// Node of the backend: supports absolute positions.
pub const XENKBD_FIELD_FEAT_ABS_POINTER: &str = "feature-abs-pointer";
/// Node of the backend: supports absolute positions that are not scaled.
pub const XENKBD_FIELD_FEAT_RAW_POINTER: &str = "feature-raw-pointer";
/// Node of the backend: supports multi-touch.
pub const XENKBD_FIELD_FEAT_MTOUCH: &str = "feature-multi-touch";
/// Node of the frontend: requests absolute positions.
pub const XENKBD_FIELD_REQ_ABS_POINTER: &str = "request-abs-pointer";
/// Node of the frontend: requests absolute positions that are not scaled.
pub const XENKBD_FIELD_REQ_RAW_POINTER: &str = "request-raw-pointer";
/// Node of the frontend: requests multi-touch.
pub const XENKBD_FIELD_REQ_MTOUCH: &str = "request-multi-touch";
/// Node of the frontend: grant of the page.
pub const XENKBD_FIELD_RING_GREF: &str = "page-gref";
/// Node of the frontend: port.
pub const XENKBD_FIELD_EVT_CHANNEL: &str = "event-channel";
/// Node: width of the pointer's area.
pub const XENKBD_FIELD_WIDTH: &str = "width";
/// Node: height of the pointer's area.
pub const XENKBD_FIELD_HEIGHT: &str = "height";
/// Node: width of the touch area.
pub const XENKBD_FIELD_MT_WIDTH: &str = "multi-touch-width";
/// Node: height of the touch area.
pub const XENKBD_FIELD_MT_HEIGHT: &str = "multi-touch-height";
/// Node: maximum number of contacts.
pub const XENKBD_FIELD_MT_NUM_CONTACTS: &str = "multi-touch-num-contacts";
/// Node: name of the device.
pub const XENKBD_FIELD_UNIQUE_ID: &str = "unique-id";
/// Node of the frontend: frame of the page, in an old form.
pub const XENKBD_FIELD_RING_REF: &str = "page-ref";

/// Event: relative motion of the pointer.
#[doc(alias = "xenkbd_motion")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenkbdMotion {
    /// [`XenkbdType::MOTION`].
    #[doc(alias = "type")]
    pub type_: XenkbdType,
    /// Padding; zero.
    pub _pad0: [u8; 3],
    /// Horizontal motion to the right.
    pub rel_x: i32,
    /// Vertical motion downward.
    pub rel_y: i32,
    /// Motion of the wheel.
    pub rel_z: i32,
}
const _: () = assert!(size_of::<XenkbdMotion>() == 16);

/// Event: key or button.
#[doc(alias = "xenkbd_key")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenkbdKey {
    /// [`XenkbdType::KEY`].
    #[doc(alias = "type")]
    pub type_: XenkbdType,
    /// State: 1 pressed, 0 released.
    pub pressed: u8,
    /// Padding; zero.
    pub _pad0: [u8; 2],
    /// Key code, as in Linux.
    pub keycode: u32,
}
const _: () = assert!(size_of::<XenkbdKey>() == 8);

/// Event: absolute position of the pointer.
#[doc(alias = "xenkbd_position")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenkbdPosition {
    /// [`XenkbdType::POS`].
    #[doc(alias = "type")]
    pub type_: XenkbdType,
    /// Padding; zero.
    pub _pad0: [u8; 3],
    /// Horizontal position from the left.
    pub abs_x: i32,
    /// Vertical position from the top.
    pub abs_y: i32,
    /// Motion of the wheel.
    pub rel_z: i32,
}
const _: () = assert!(size_of::<XenkbdPosition>() == 16);

/// Event: multi-touch.
#[doc(alias = "xenkbd_mtouch")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenkbdMtouch {
    /// [`XenkbdType::MTOUCH`].
    #[doc(alias = "type")]
    pub type_: XenkbdType,
    /// Kind of the touch.
    pub event_type: XenkbdMtEv,
    /// Number of the contact.
    pub contact_id: u8,
    /// Reserved; zero.
    pub reserved: [u8; 5],
    /// Position: from the left, from the top. Shape: long axis, short axis. Orientation: degrees,
    /// in 16 bits.
    pub u: [u32; 2],
}
const _: () = assert!(size_of::<XenkbdMtouch>() == 16);

/// An event for the frontend: [`XenkbdMotion`], [`XenkbdKey`], [`XenkbdPosition`] or
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

/// An event for the backend; none are defined.
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

/// Bytes of an event for the frontend.
pub const XENKBD_IN_EVENT_SIZE: usize = 40;
/// Bytes of an event for the backend.
pub const XENKBD_OUT_EVENT_SIZE: usize = 40;
/// Bytes of the ring for the frontend.
pub const XENKBD_IN_RING_SIZE: usize = 2048;
/// Number of events in the ring for the frontend.
pub const XENKBD_IN_RING_LEN: usize = 51;
/// Offset of the ring for the frontend.
pub const XENKBD_IN_RING_OFFS: usize = 1024;
/// Bytes of the ring for the backend.
pub const XENKBD_OUT_RING_SIZE: usize = 1024;
/// Number of events in the ring for the backend.
pub const XENKBD_OUT_RING_LEN: usize = 25;
/// Offset of the ring for the backend.
pub const XENKBD_OUT_RING_OFFS: usize = 3072;

/// Header of the page. Indices are free-running; the position is the index modulo the number of
/// events.
#[doc(alias = "xenkbd_page")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenkbdPage {
    /// Consumer index, written by the frontend.
    pub in_cons: u32,
    /// Producer index, written by the backend.
    pub in_prod: u32,
    /// Consumer index, written by the backend.
    pub out_cons: u32,
    /// Producer index, written by the frontend.
    pub out_prod: u32,
}
const _: () = assert!(size_of::<XenkbdPage>() == 16);
