//! The camera protocol: requests, an event page, buffers of the frontend or of the backend.
//!
//! Public header: `io/cameraif.h`.
//!
//! Coverage: 76 constants and 16 structures, of Xen 4.17 and 4.20; left out, for the reasons in
//! `abi/left-out.txt`: `xen_cameraif_back_ring`, `xen_cameraif_front_ring`, `xen_cameraif_sring`,
//! `xen_cameraif_sring_entry`.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::GrantRef;

/// Version of the protocol, as text.
pub const XENCAMERA_PROTOCOL_VERSION: &str = "1";
/// Name of the device class.
pub const XENCAMERA_DRIVER_NAME: &str = "vcamera";
/// Separator of the entries of a list.
pub const XENCAMERA_LIST_SEPARATOR: &str = ",";
/// Separator of width and height.
pub const XENCAMERA_RESOLUTION_SEPARATOR: &str = "x";
/// Separator of numerator and denominator.
pub const XENCAMERA_FRACTION_SEPARATOR: &str = "/";
/// Node of the backend: supported versions.
pub const XENCAMERA_FIELD_BE_VERSIONS: &str = "versions";
/// Node of the frontend: selected version.
pub const XENCAMERA_FIELD_FE_VERSION: &str = "version";
/// Node of the frontend: grant of the request ring.
pub const XENCAMERA_FIELD_REQ_RING_REF: &str = "req-ring-ref";
/// Node of the frontend: port of the request ring.
pub const XENCAMERA_FIELD_REQ_CHANNEL: &str = "req-event-channel";
/// Node of the frontend: grant of the event page.
pub const XENCAMERA_FIELD_EVT_RING_REF: &str = "evt-ring-ref";
/// Node of the frontend: port of the event page.
pub const XENCAMERA_FIELD_EVT_CHANNEL: &str = "evt-event-channel";
/// Node: maximum number of buffers.
pub const XENCAMERA_FIELD_MAX_BUFFERS: &str = "max-buffers";
/// Node: controls.
pub const XENCAMERA_FIELD_CONTROLS: &str = "controls";
/// Node: directory of pixel formats.
pub const XENCAMERA_FIELD_FORMATS: &str = "formats";
/// Node: frame rates.
pub const XENCAMERA_FIELD_FRAME_RATES: &str = "frame-rates";
/// Node: the backend allocates buffers.
pub const XENCAMERA_FIELD_BE_ALLOC: &str = "be-alloc";
/// Node: name of the camera.
pub const XENCAMERA_FIELD_UNIQUE_ID: &str = "unique-id";
/// Name of a control: brightness.
pub const XENCAMERA_CTRL_BRIGHTNESS_STR: &str = "brightness";
/// Name of a control: contrast.
pub const XENCAMERA_CTRL_CONTRAST_STR: &str = "contrast";
/// Name of a control: saturation.
pub const XENCAMERA_CTRL_SATURATION_STR: &str = "saturation";
/// Name of a control: hue.
pub const XENCAMERA_CTRL_HUE_STR: &str = "hue";
/// End of the name of a big-endian pixel format.
pub const XENCAMERA_FOURCC_BIGENDIAN_STR: &str = "-BE";

open_enum! {
    /// Operation of a request.
    pub struct CameraOp(u8) {
        /// Change of the picture's format.
        #[doc(alias = "XENCAMERA_OP_CONFIG_SET")]
        CONFIG_SET = 0x0;
        /// Query of the picture's format.
        #[doc(alias = "XENCAMERA_OP_CONFIG_GET")]
        CONFIG_GET = 0x1;
        /// Validation of a format.
        #[doc(alias = "XENCAMERA_OP_CONFIG_VALIDATE")]
        CONFIG_VALIDATE = 0x2;
        /// Change of the frame rate.
        #[doc(alias = "XENCAMERA_OP_FRAME_RATE_SET")]
        FRAME_RATE_SET = 0x3;
        /// Query of the layout of buffers.
        #[doc(alias = "XENCAMERA_OP_BUF_GET_LAYOUT")]
        BUF_GET_LAYOUT = 0x4;
        /// Request for a number of buffers.
        #[doc(alias = "XENCAMERA_OP_BUF_REQUEST")]
        BUF_REQUEST = 0x5;
        /// Creation of a buffer.
        #[doc(alias = "XENCAMERA_OP_BUF_CREATE")]
        BUF_CREATE = 0x6;
        /// Destruction of a buffer.
        #[doc(alias = "XENCAMERA_OP_BUF_DESTROY")]
        BUF_DESTROY = 0x7;
        /// Addition of a buffer to the queue.
        #[doc(alias = "XENCAMERA_OP_BUF_QUEUE")]
        BUF_QUEUE = 0x8;
        /// Removal of a buffer from the queue.
        #[doc(alias = "XENCAMERA_OP_BUF_DEQUEUE")]
        BUF_DEQUEUE = 0x9;
        /// Query of a control's properties.
        #[doc(alias = "XENCAMERA_OP_CTRL_ENUM")]
        CTRL_ENUM = 0xa;
        /// Change of a control's value.
        #[doc(alias = "XENCAMERA_OP_CTRL_SET")]
        CTRL_SET = 0xb;
        /// Query of a control's value.
        #[doc(alias = "XENCAMERA_OP_CTRL_GET")]
        CTRL_GET = 0xc;
        /// Start of the stream.
        #[doc(alias = "XENCAMERA_OP_STREAM_START")]
        STREAM_START = 0xd;
        /// Stop of the stream.
        #[doc(alias = "XENCAMERA_OP_STREAM_STOP")]
        STREAM_STOP = 0xe;
    }
}

open_enum! {
    /// A control.
    pub struct CameraCtrl(u8) {
        /// Brightness.
        #[doc(alias = "XENCAMERA_CTRL_BRIGHTNESS")]
        BRIGHTNESS = 0;
        /// Contrast.
        #[doc(alias = "XENCAMERA_CTRL_CONTRAST")]
        CONTRAST = 1;
        /// Saturation.
        #[doc(alias = "XENCAMERA_CTRL_SATURATION")]
        SATURATION = 2;
        /// Hue.
        #[doc(alias = "XENCAMERA_CTRL_HUE")]
        HUE = 3;
    }
}

/// Number of controls.
pub const XENCAMERA_MAX_CTRL: usize = 4;
/// Maximum number of planes of a buffer.
pub const XENCAMERA_MAX_PLANE: usize = 4;
/// Size of the event page in bytes.
pub const XENCAMERA_EVENT_PAGE_SIZE: usize = 4096;
/// Offset of the events in bytes.
pub const XENCAMERA_IN_RING_OFFS: usize = 64;
/// Size of the events in bytes.
pub const XENCAMERA_IN_RING_SIZE: usize = 4032;
/// Number of events.
pub const XENCAMERA_IN_RING_LEN: usize = 63;

/// Flag of a control: read-only.
pub const XENCAMERA_CTRL_FLG_RO: u32 = 1 << 0;
/// Flag of a control: write-only.
pub const XENCAMERA_CTRL_FLG_WO: u32 = 1 << 1;
/// Flag of a control: volatile; the value changes without a request.
pub const XENCAMERA_CTRL_FLG_VOLATILE: u32 = 1 << 2;
/// Colour space: default.
pub const XENCAMERA_COLORSPACE_DEFAULT: u32 = 0;
/// Colour space: SMPTE 170M.
pub const XENCAMERA_COLORSPACE_SMPTE170M: u32 = 1;
/// Colour space: Rec. 709.
pub const XENCAMERA_COLORSPACE_REC709: u32 = 2;
/// Colour space: sRGB.
pub const XENCAMERA_COLORSPACE_SRGB: u32 = 3;
/// Colour space: opRGB.
pub const XENCAMERA_COLORSPACE_OPRGB: u32 = 4;
/// Colour space: BT.2020.
pub const XENCAMERA_COLORSPACE_BT2020: u32 = 5;
/// Colour space: DCI-P3.
pub const XENCAMERA_COLORSPACE_DCI_P3: u32 = 6;
/// Transfer function: default.
pub const XENCAMERA_XFER_FUNC_DEFAULT: u32 = 0;
/// Transfer function: Rec. 709.
pub const XENCAMERA_XFER_FUNC_709: u32 = 1;
/// Transfer function: sRGB.
pub const XENCAMERA_XFER_FUNC_SRGB: u32 = 2;
/// Transfer function: opRGB.
pub const XENCAMERA_XFER_FUNC_OPRGB: u32 = 3;
/// Transfer function: none.
pub const XENCAMERA_XFER_FUNC_NONE: u32 = 4;
/// Transfer function: DCI-P3.
pub const XENCAMERA_XFER_FUNC_DCI_P3: u32 = 5;
/// Transfer function: SMPTE 2084.
pub const XENCAMERA_XFER_FUNC_SMPTE2084: u32 = 6;
/// Encoding of colour: none.
pub const XENCAMERA_YCBCR_ENC_IGNORE: u32 = 0;
/// Encoding of colour: 601.
pub const XENCAMERA_YCBCR_ENC_601: u32 = 1;
/// Encoding of colour: 709.
pub const XENCAMERA_YCBCR_ENC_709: u32 = 2;
/// Encoding of colour: xvYCC 601.
pub const XENCAMERA_YCBCR_ENC_XV601: u32 = 3;
/// Encoding of colour: xvYCC 709.
pub const XENCAMERA_YCBCR_ENC_XV709: u32 = 4;
/// Encoding of colour: BT.2020.
pub const XENCAMERA_YCBCR_ENC_BT2020: u32 = 5;
/// Encoding of colour: BT.2020 with constant luminance.
pub const XENCAMERA_YCBCR_ENC_BT2020_CONST_LUM: u32 = 6;
/// Range of values: default.
pub const XENCAMERA_QUANTIZATION_DEFAULT: u32 = 0;
/// Range of values: full.
pub const XENCAMERA_QUANTIZATION_FULL_RANGE: u32 = 1;
/// Range of values: limited.
pub const XENCAMERA_QUANTIZATION_LIM_RANGE: u32 = 2;

/// Kind of event: frame available. See [`XencameraFrameAvailEvt`].
pub const XENCAMERA_EVT_FRAME_AVAIL: u8 = 0x0;
/// Kind of event: control changed. See [`XencameraCtrlValue`].
pub const XENCAMERA_EVT_CTRL_CHANGE: u8 = 0x1;

/// Arguments of [`CameraOp::CONFIG_SET`] and [`CameraOp::CONFIG_VALIDATE`].
#[doc(alias = "xencamera_config_req")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XencameraConfigReq {
    /// Four characters of a pixel format.
    pub pixel_format: u32,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}
const _: () = assert!(size_of::<XencameraConfigReq>() == 12);

/// Arguments of [`CameraOp::FRAME_RATE_SET`].
#[doc(alias = "xencamera_frame_rate_req")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XencameraFrameRateReq {
    /// Numerator.
    pub frame_rate_numer: u32,
    /// Denominator.
    pub frame_rate_denom: u32,
}
const _: () = assert!(size_of::<XencameraFrameRateReq>() == 8);

/// Argument of and response to [`CameraOp::BUF_REQUEST`].
#[doc(alias = "xencamera_buf_request")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XencameraBufRequest {
    /// Number of buffers.
    pub num_bufs: u8,
}
const _: () = assert!(size_of::<XencameraBufRequest>() == 1);

/// Arguments of [`CameraOp::BUF_CREATE`].
#[doc(alias = "xencamera_buf_create_req")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XencameraBufCreateReq {
    /// The buffer.
    pub index: u8,
    /// Reserved; zero.
    pub reserved: [u8; 3],
    /// Offsets of the planes in the buffer.
    pub plane_offset: [u32; 4],
    /// Grant of the first page of the page directory.
    pub gref_directory: GrantRef,
}
const _: () = assert!(size_of::<XencameraBufCreateReq>() == 24);

/// A page of a page directory; further grants follow.
#[doc(alias = "xencamera_page_directory")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XencameraPageDirectory {
    /// Grant of the next page of the directory; zero for the last.
    pub gref_dir_next_page: GrantRef,
    /// The first grant.
    pub gref: [GrantRef; 0],
}
const _: () = assert!(size_of::<XencameraPageDirectory>() == 4);

/// Argument of the operations on a buffer or control.
#[doc(alias = "xencamera_index")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XencameraIndex {
    /// The buffer or control.
    pub index: u8,
}
const _: () = assert!(size_of::<XencameraIndex>() == 1);

/// A control's value.
#[doc(alias = "xencamera_ctrl_value")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XencameraCtrlValue {
    /// The control.
    #[doc(alias = "type")]
    pub type_: CameraCtrl,
    /// Reserved; zero.
    pub reserved: [u8; 7],
    /// The value.
    pub value: i64,
}
const _: () = assert!(size_of::<XencameraCtrlValue>() == 16);

/// Argument of [`CameraOp::CTRL_GET`].
#[doc(alias = "xencamera_get_ctrl_req")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XencameraGetCtrlReq {
    /// The control.
    #[doc(alias = "type")]
    pub type_: CameraCtrl,
}
const _: () = assert!(size_of::<XencameraGetCtrlReq>() == 1);

/// Response to the operations on the picture's format.
#[doc(alias = "xencamera_config_resp")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XencameraConfigResp {
    /// Four characters of a pixel format.
    pub pixel_format: u32,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// `XENCAMERA_COLORSPACE_*`.
    pub colorspace: u32,
    /// `XENCAMERA_XFER_FUNC_*`.
    pub xfer_func: u32,
    /// `XENCAMERA_YCBCR_ENC_*`.
    pub ycbcr_enc: u32,
    /// `XENCAMERA_QUANTIZATION_*`.
    pub quantization: u32,
    /// Aspect ratio, numerator.
    pub displ_asp_ratio_numer: u32,
    /// Aspect ratio, denominator.
    pub displ_asp_ratio_denom: u32,
    /// Frame rate, numerator.
    pub frame_rate_numer: u32,
    /// Frame rate, denominator.
    pub frame_rate_denom: u32,
}
const _: () = assert!(size_of::<XencameraConfigResp>() == 44);

/// Response to [`CameraOp::BUF_GET_LAYOUT`].
#[doc(alias = "xencamera_buf_get_layout_resp")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XencameraBufGetLayoutResp {
    /// Number of planes.
    pub num_planes: u8,
    /// Reserved; zero.
    pub reserved: [u8; 3],
    /// Size in bytes.
    pub size: u32,
    /// Size of each plane in bytes.
    pub plane_size: [u32; 4],
    /// Size of a line of each plane in bytes.
    pub plane_stride: [u32; 4],
}
const _: () = assert!(size_of::<XencameraBufGetLayoutResp>() == 40);

/// Response to [`CameraOp::CTRL_ENUM`].
#[doc(alias = "xencamera_ctrl_enum_resp")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XencameraCtrlEnumResp {
    /// Index of the control.
    pub index: u8,
    /// The control.
    #[doc(alias = "type")]
    pub type_: CameraCtrl,
    /// Reserved; zero.
    pub reserved: [u8; 2],
    /// `XENCAMERA_CTRL_FLG_*`.
    pub flags: u32,
    /// Least value.
    pub min: i64,
    /// Greatest value.
    pub max: i64,
    /// Step.
    pub step: i64,
    /// Default value.
    pub def_val: i64,
}
const _: () = assert!(size_of::<XencameraCtrlEnumResp>() == 40);

/// Event: frame available.
#[doc(alias = "xencamera_frame_avail_evt")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XencameraFrameAvailEvt {
    /// The buffer.
    pub index: u8,
    /// Reserved; zero.
    pub reserved: [u8; 3],
    /// Number of bytes used.
    pub used_sz: u32,
    /// Sequence number.
    pub seq_num: u32,
}
const _: () = assert!(size_of::<XencameraFrameAvailEvt>() == 12);

/// A request.
#[doc(alias = "xencamera_req")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XencameraReq {
    /// Identifier chosen by the frontend; the response carries the same value.
    pub id: u16,
    /// Operation.
    pub operation: CameraOp,
    /// Reserved; zero.
    pub reserved: [u8; 5],
    /// The arguments, by operation.
    pub req: [u64; 7],
}
const _: () = assert!(size_of::<XencameraReq>() == 64);

/// A response.
#[doc(alias = "xencamera_resp")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XencameraResp {
    /// Identifier of the request.
    pub id: u16,
    /// Operation of the request.
    pub operation: CameraOp,
    /// Reserved; zero.
    pub reserved: u8,
    /// Zero, or a negated error number.
    pub status: i32,
    /// The response, by operation.
    pub resp: [u64; 7],
}
const _: () = assert!(size_of::<XencameraResp>() == 64);

/// An event.
#[doc(alias = "xencamera_evt")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XencameraEvt {
    /// Unused.
    pub id: u16,
    /// `XENCAMERA_EVT_*`.
    #[doc(alias = "type")]
    pub type_: u8,
    /// Reserved; zero.
    pub reserved: [u8; 5],
    /// The event, by kind.
    pub evt: [u64; 7],
}
const _: () = assert!(size_of::<XencameraEvt>() == 64);

/// Header of the event page. Indices are free-running.
#[doc(alias = "xencamera_event_page")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XencameraEventPage {
    /// Consumer index, written by the frontend.
    pub in_cons: u32,
    /// Producer index, written by the backend.
    pub in_prod: u32,
    /// Reserved; zero.
    pub reserved: [u8; 56],
}
const _: () = assert!(size_of::<XencameraEventPage>() == 64);
