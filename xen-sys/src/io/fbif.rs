//! The framebuffer protocol: one page with two rings of events, and frames of the picture.
//!
//! Public header: `io/fbif.h`.
//!
//! Coverage: 12 constants and 6 structures, of Xen 4.17 and 4.20; nothing is left out.

use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Kind of an event for the backend: [`XenfbUpdate`].
pub const XENFB_TYPE_UPDATE: u8 = 2;
/// Kind of an event for the backend: [`XenfbResize`].
pub const XENFB_TYPE_RESIZE: u8 = 3;
/// Kind of an event for the frontend: [`XenfbRefreshPeriod`].
pub const XENFB_TYPE_REFRESH_PERIOD: u8 = 1;

/// Value of [`XenfbRefreshPeriod::period`]: no refresh; the picture is not displayed.
pub const XENFB_NO_REFRESH: u32 = 0;

/// Event: a rectangle of the picture was updated.
#[doc(alias = "xenfb_update")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenfbUpdate {
    /// [`XENFB_TYPE_UPDATE`].
    #[doc(alias = "type")]
    pub type_: u8,
    /// Padding; zero.
    pub _pad0: [u8; 3],
    /// Left edge in pixels.
    pub x: i32,
    /// Top edge in pixels.
    pub y: i32,
    /// Width in pixels.
    pub width: i32,
    /// Height in pixels.
    pub height: i32,
}
const _: () = assert!(size_of::<XenfbUpdate>() == 20);

/// Event: the picture was resized.
#[doc(alias = "xenfb_resize")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenfbResize {
    /// [`XENFB_TYPE_RESIZE`].
    #[doc(alias = "type")]
    pub type_: u8,
    /// Padding; zero.
    pub _pad0: [u8; 3],
    /// Width in pixels.
    pub width: i32,
    /// Height in pixels.
    pub height: i32,
    /// Size of a line in bytes.
    pub stride: i32,
    /// Bits per pixel.
    pub depth: i32,
    /// Offset of the picture in bytes.
    pub offset: i32,
}
const _: () = assert!(size_of::<XenfbResize>() == 24);

/// An event for the backend: [`XenfbUpdate`] or [`XenfbResize`] at the start.
#[doc(alias = "xenfb_out_event")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenfbOutEvent {
    /// Kind.
    #[doc(alias = "type")]
    pub type_: u8,
    /// The start of the event.
    pub data: [u8; 3],
    /// The rest of the event.
    pub words: [u32; 9],
}
const _: () = assert!(size_of::<XenfbOutEvent>() == 40);

/// Event: period at which the backend refreshes the picture.
#[doc(alias = "xenfb_refresh_period")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenfbRefreshPeriod {
    /// [`XENFB_TYPE_REFRESH_PERIOD`].
    #[doc(alias = "type")]
    pub type_: u8,
    /// Padding; zero.
    pub _pad0: [u8; 3],
    /// Period in milliseconds, or [`XENFB_NO_REFRESH`].
    pub period: u32,
}
const _: () = assert!(size_of::<XenfbRefreshPeriod>() == 8);

/// An event for the frontend: [`XenfbRefreshPeriod`] at the start.
#[doc(alias = "xenfb_in_event")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenfbInEvent {
    /// Kind.
    #[doc(alias = "type")]
    pub type_: u8,
    /// The start of the event.
    pub data: [u8; 3],
    /// The rest of the event.
    pub words: [u32; 9],
}
const _: () = assert!(size_of::<XenfbInEvent>() == 40);

/// Bytes of an event for the backend.
pub const XENFB_OUT_EVENT_SIZE: usize = 40;
/// Bytes of an event for the frontend.
pub const XENFB_IN_EVENT_SIZE: usize = 40;
/// Bytes of the ring for the frontend.
pub const XENFB_IN_RING_SIZE: usize = 1024;
/// Number of events in the ring for the frontend.
pub const XENFB_IN_RING_LEN: usize = 25;
/// Offset of the ring for the frontend.
pub const XENFB_IN_RING_OFFS: usize = 1024;
/// Bytes of the ring for the backend.
pub const XENFB_OUT_RING_SIZE: usize = 2048;
/// Number of events in the ring for the backend.
pub const XENFB_OUT_RING_LEN: usize = 51;
/// Offset of the ring for the backend.
pub const XENFB_OUT_RING_OFFS: usize = 2048;

/// Header of the page, for 64-bit guests. Indices are free-running; the position is the index
/// modulo the number of events.
#[doc(alias = "xenfb_page")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenfbPage {
    /// Consumer index, written by the frontend.
    pub in_cons: u32,
    /// Producer index, written by the backend.
    pub in_prod: u32,
    /// Consumer index, written by the backend.
    pub out_cons: u32,
    /// Producer index, written by the frontend.
    pub out_prod: u32,
    /// Width in pixels.
    pub width: i32,
    /// Height in pixels.
    pub height: i32,
    /// Size of a line in bytes.
    pub line_length: u32,
    /// Size of the picture in bytes.
    pub mem_length: u32,
    /// Bits per pixel.
    pub depth: u8,
    /// Padding; zero.
    pub _pad0: [u8; 7],
    /// Page directory: frames that list the frames of the picture.
    pub pd: [u64; 256],
}
const _: () = assert!(size_of::<XenfbPage>() == 2088);
