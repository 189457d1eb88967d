//! The sound protocol: requests and an event page for each stream.
//!
//! Public header: `io/sndif.h`.
//!
//! Coverage: 92 constants and 10 structures, of Xen 4.17 and 4.20; left out, for the reasons in
//! `abi/left-out.txt`: `xen_sndif_back_ring`, `xen_sndif_front_ring`, `xen_sndif_sring`,
//! `xen_sndif_sring_entry`.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::GrantRef;

/// Version of the protocol.
pub const XENSND_PROTOCOL_VERSION: u32 = 2;

open_enum! {
    /// Format of samples.
    pub struct SndFormat(u8) {
        /// Signed 8-bit.
        #[doc(alias = "XENSND_PCM_FORMAT_S8")]
        S8 = 0;
        /// Unsigned 8-bit.
        #[doc(alias = "XENSND_PCM_FORMAT_U8")]
        U8 = 1;
        /// Signed 16-bit, little-endian.
        #[doc(alias = "XENSND_PCM_FORMAT_S16_LE")]
        S16_LE = 2;
        /// Signed 16-bit, big-endian.
        #[doc(alias = "XENSND_PCM_FORMAT_S16_BE")]
        S16_BE = 3;
        /// Unsigned 16-bit, little-endian.
        #[doc(alias = "XENSND_PCM_FORMAT_U16_LE")]
        U16_LE = 4;
        /// Unsigned 16-bit, big-endian.
        #[doc(alias = "XENSND_PCM_FORMAT_U16_BE")]
        U16_BE = 5;
        /// Signed 24-bit, little-endian.
        #[doc(alias = "XENSND_PCM_FORMAT_S24_LE")]
        S24_LE = 6;
        /// Signed 24-bit, big-endian.
        #[doc(alias = "XENSND_PCM_FORMAT_S24_BE")]
        S24_BE = 7;
        /// Unsigned 24-bit, little-endian.
        #[doc(alias = "XENSND_PCM_FORMAT_U24_LE")]
        U24_LE = 8;
        /// Unsigned 24-bit, big-endian.
        #[doc(alias = "XENSND_PCM_FORMAT_U24_BE")]
        U24_BE = 9;
        /// Signed 32-bit, little-endian.
        #[doc(alias = "XENSND_PCM_FORMAT_S32_LE")]
        S32_LE = 10;
        /// Signed 32-bit, big-endian.
        #[doc(alias = "XENSND_PCM_FORMAT_S32_BE")]
        S32_BE = 11;
        /// Unsigned 32-bit, little-endian.
        #[doc(alias = "XENSND_PCM_FORMAT_U32_LE")]
        U32_LE = 12;
        /// Unsigned 32-bit, big-endian.
        #[doc(alias = "XENSND_PCM_FORMAT_U32_BE")]
        U32_BE = 13;
        /// 32-bit floating point, little-endian.
        #[doc(alias = "XENSND_PCM_FORMAT_F32_LE")]
        F32_LE = 14;
        /// 32-bit floating point, big-endian.
        #[doc(alias = "XENSND_PCM_FORMAT_F32_BE")]
        F32_BE = 15;
        /// 64-bit floating point, little-endian.
        #[doc(alias = "XENSND_PCM_FORMAT_F64_LE")]
        F64_LE = 16;
        /// 64-bit floating point, big-endian.
        #[doc(alias = "XENSND_PCM_FORMAT_F64_BE")]
        F64_BE = 17;
        /// IEC 958 subframes, little-endian.
        #[doc(alias = "XENSND_PCM_FORMAT_IEC958_SUBFRAME_LE")]
        IEC958_SUBFRAME_LE = 18;
        /// IEC 958 subframes, big-endian.
        #[doc(alias = "XENSND_PCM_FORMAT_IEC958_SUBFRAME_BE")]
        IEC958_SUBFRAME_BE = 19;
        /// Mu-law.
        #[doc(alias = "XENSND_PCM_FORMAT_MU_LAW")]
        MU_LAW = 20;
        /// A-law.
        #[doc(alias = "XENSND_PCM_FORMAT_A_LAW")]
        A_LAW = 21;
        /// IMA ADPCM.
        #[doc(alias = "XENSND_PCM_FORMAT_IMA_ADPCM")]
        IMA_ADPCM = 22;
        /// MPEG.
        #[doc(alias = "XENSND_PCM_FORMAT_MPEG")]
        MPEG = 23;
        /// GSM.
        #[doc(alias = "XENSND_PCM_FORMAT_GSM")]
        GSM = 24;
    }
}

open_enum! {
    /// Operation of a request.
    pub struct SndOp(u8) {
        /// Open the stream.
        #[doc(alias = "XENSND_OP_OPEN")]
        OPEN = 0;
        /// Close the stream.
        #[doc(alias = "XENSND_OP_CLOSE")]
        CLOSE = 1;
        /// Read of samples.
        #[doc(alias = "XENSND_OP_READ")]
        READ = 2;
        /// Write of samples.
        #[doc(alias = "XENSND_OP_WRITE")]
        WRITE = 3;
        /// Change of the volume.
        #[doc(alias = "XENSND_OP_SET_VOLUME")]
        SET_VOLUME = 4;
        /// Query of the volume.
        #[doc(alias = "XENSND_OP_GET_VOLUME")]
        GET_VOLUME = 5;
        /// Mute.
        #[doc(alias = "XENSND_OP_MUTE")]
        MUTE = 6;
        /// Unmute.
        #[doc(alias = "XENSND_OP_UNMUTE")]
        UNMUTE = 7;
        /// Trigger: start, pause, stop or resume.
        #[doc(alias = "XENSND_OP_TRIGGER")]
        TRIGGER = 8;
        /// Query of hardware parameters.
        #[doc(alias = "XENSND_OP_HW_PARAM_QUERY")]
        HW_PARAM_QUERY = 9;
    }
}

/// Trigger: start.
pub const XENSND_OP_TRIGGER_START: u8 = 0;
/// Trigger: pause.
pub const XENSND_OP_TRIGGER_PAUSE: u8 = 1;
/// Trigger: stop.
pub const XENSND_OP_TRIGGER_STOP: u8 = 2;
/// Trigger: resume.
pub const XENSND_OP_TRIGGER_RESUME: u8 = 3;
/// Kind of event: current position. See [`XensndCurPosEvt`].
pub const XENSND_EVT_CUR_POS: u8 = 0;

/// Maximum number of characters of a sample rate.
pub const XENSND_SAMPLE_RATE_MAX_LEN: usize = 11;
/// Maximum number of characters of a sample format.
pub const XENSND_SAMPLE_FORMAT_MAX_LEN: usize = 24;
/// Size of the event page in bytes.
pub const XENSND_EVENT_PAGE_SIZE: usize = 4096;
/// Offset of the events in bytes.
pub const XENSND_IN_RING_OFFS: usize = 64;
/// Size of the events in bytes.
pub const XENSND_IN_RING_SIZE: usize = 4032;
/// Number of events.
pub const XENSND_IN_RING_LEN: usize = 63;

/// Name of the device class.
pub const XENSND_DRIVER_NAME: &str = "vsnd";
/// Separator of the entries of a list.
pub const XENSND_LIST_SEPARATOR: &str = ",";
/// Node of the backend: supported versions.
pub const XENSND_FIELD_BE_VERSIONS: &str = "versions";
/// Node of the frontend: selected version.
pub const XENSND_FIELD_FE_VERSION: &str = "version";
/// Node: short name of the card.
pub const XENSND_FIELD_VCARD_SHORT_NAME: &str = "short-name";
/// Node: long name of the card.
pub const XENSND_FIELD_VCARD_LONG_NAME: &str = "long-name";
/// Node of the frontend: grant of the request ring.
pub const XENSND_FIELD_RING_REF: &str = "ring-ref";
/// Node of the frontend: port of the request ring.
pub const XENSND_FIELD_EVT_CHNL: &str = "event-channel";
/// Node of the frontend: grant of the event page.
pub const XENSND_FIELD_EVT_RING_REF: &str = "evt-ring-ref";
/// Node of the frontend: port of the event page.
pub const XENSND_FIELD_EVT_EVT_CHNL: &str = "evt-event-channel";
/// Node: name of the device.
pub const XENSND_FIELD_DEVICE_NAME: &str = "name";
/// Node: kind of stream.
pub const XENSND_FIELD_TYPE: &str = "type";
/// Node: name of the stream.
pub const XENSND_FIELD_STREAM_UNIQUE_ID: &str = "unique-id";
/// Node: minimum number of channels.
pub const XENSND_FIELD_CHANNELS_MIN: &str = "channels-min";
/// Node: maximum number of channels.
pub const XENSND_FIELD_CHANNELS_MAX: &str = "channels-max";
/// Node: sample rates.
pub const XENSND_FIELD_SAMPLE_RATES: &str = "sample-rates";
/// Node: sample formats.
pub const XENSND_FIELD_SAMPLE_FORMATS: &str = "sample-formats";
/// Node: size of the buffer in bytes.
pub const XENSND_FIELD_BUFFER_SIZE: &str = "buffer-size";
/// Kind of stream: playback.
pub const XENSND_STREAM_TYPE_PLAYBACK: &str = "p";
/// Kind of stream: capture.
pub const XENSND_STREAM_TYPE_CAPTURE: &str = "c";
/// Name of a format: signed 8-bit.
pub const XENSND_PCM_FORMAT_S8_STR: &str = "s8";
/// Name of a format: unsigned 8-bit.
pub const XENSND_PCM_FORMAT_U8_STR: &str = "u8";
/// Name of a format: signed 16-bit, little-endian.
pub const XENSND_PCM_FORMAT_S16_LE_STR: &str = "s16_le";
/// Name of a format: signed 16-bit, big-endian.
pub const XENSND_PCM_FORMAT_S16_BE_STR: &str = "s16_be";
/// Name of a format: unsigned 16-bit, little-endian.
pub const XENSND_PCM_FORMAT_U16_LE_STR: &str = "u16_le";
/// Name of a format: unsigned 16-bit, big-endian.
pub const XENSND_PCM_FORMAT_U16_BE_STR: &str = "u16_be";
/// Name of a format: signed 24-bit, little-endian.
pub const XENSND_PCM_FORMAT_S24_LE_STR: &str = "s24_le";
/// Name of a format: signed 24-bit, big-endian.
pub const XENSND_PCM_FORMAT_S24_BE_STR: &str = "s24_be";
/// Name of a format: unsigned 24-bit, little-endian.
pub const XENSND_PCM_FORMAT_U24_LE_STR: &str = "u24_le";
/// Name of a format: unsigned 24-bit, big-endian.
pub const XENSND_PCM_FORMAT_U24_BE_STR: &str = "u24_be";
/// Name of a format: signed 32-bit, little-endian.
pub const XENSND_PCM_FORMAT_S32_LE_STR: &str = "s32_le";
/// Name of a format: signed 32-bit, big-endian.
pub const XENSND_PCM_FORMAT_S32_BE_STR: &str = "s32_be";
/// Name of a format: unsigned 32-bit, little-endian.
pub const XENSND_PCM_FORMAT_U32_LE_STR: &str = "u32_le";
/// Name of a format: unsigned 32-bit, big-endian.
pub const XENSND_PCM_FORMAT_U32_BE_STR: &str = "u32_be";
/// Name of a format: 32-bit floating point, little-endian.
pub const XENSND_PCM_FORMAT_F32_LE_STR: &str = "float_le";
/// Name of a format: 32-bit floating point, big-endian.
pub const XENSND_PCM_FORMAT_F32_BE_STR: &str = "float_be";
/// Name of a format: 64-bit floating point, little-endian.
pub const XENSND_PCM_FORMAT_F64_LE_STR: &str = "float64_le";
/// Name of a format: 64-bit floating point, big-endian.
pub const XENSND_PCM_FORMAT_F64_BE_STR: &str = "float64_be";
/// Name of a format: IEC 958 subframes, little-endian.
pub const XENSND_PCM_FORMAT_IEC958_SUBFRAME_LE_STR: &str = "iec958_subframe_le";
/// Name of a format: IEC 958 subframes, big-endian.
pub const XENSND_PCM_FORMAT_IEC958_SUBFRAME_BE_STR: &str = "iec958_subframe_be";
/// Name of a format: mu-law.
pub const XENSND_PCM_FORMAT_MU_LAW_STR: &str = "mu_law";
/// Name of a format: A-law.
pub const XENSND_PCM_FORMAT_A_LAW_STR: &str = "a_law";
/// Name of a format: IMA ADPCM.
pub const XENSND_PCM_FORMAT_IMA_ADPCM_STR: &str = "ima_adpcm";
/// Name of a format: MPEG.
pub const XENSND_PCM_FORMAT_MPEG_STR: &str = "mpeg";
/// Name of a format: GSM.
pub const XENSND_PCM_FORMAT_GSM_STR: &str = "gsm";

/// Arguments of [`SndOp::OPEN`].
#[doc(alias = "xensnd_open_req")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XensndOpenReq {
    /// Sample rate in hertz.
    pub pcm_rate: u32,
    /// Format.
    pub pcm_format: SndFormat,
    /// Number of channels.
    pub pcm_channels: u8,
    /// Reserved; zero.
    pub reserved: u16,
    /// Size of the buffer in bytes.
    pub buffer_sz: u32,
    /// Grant of the first page of the page directory.
    pub gref_directory: GrantRef,
    /// Interval of position events in bytes; zero for no events.
    pub period_sz: u32,
}
const _: () = assert!(size_of::<XensndOpenReq>() == 20);

/// A page of a page directory; further grants follow.
#[doc(alias = "xensnd_page_directory")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XensndPageDirectory {
    /// Grant of the next page of the directory; zero for the last.
    pub gref_dir_next_page: GrantRef,
    /// The first grant.
    pub gref: [GrantRef; 0],
}
const _: () = assert!(size_of::<XensndPageDirectory>() == 4);

/// Arguments of [`SndOp::READ`], [`SndOp::WRITE`] and the operations on volume.
#[doc(alias = "xensnd_rw_req")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XensndRwReq {
    /// Offset in the buffer, in bytes.
    pub offset: u32,
    /// Length in bytes.
    pub length: u32,
}
const _: () = assert!(size_of::<XensndRwReq>() == 8);

/// Arguments of [`SndOp::TRIGGER`].
#[doc(alias = "xensnd_trigger_req")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XensndTriggerReq {
    /// `XENSND_OP_TRIGGER_*`.
    #[doc(alias = "type")]
    pub type_: u8,
}
const _: () = assert!(size_of::<XensndTriggerReq>() == 1);

/// Hardware parameters: requested and possible ranges.
#[doc(alias = "xensnd_query_hw_param")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XensndQueryHwParam {
    /// One bit per [`SndFormat`].
    pub formats: u64,
    /// Lowest rate.
    #[doc(alias = "rates.min")]
    pub rates_min: u32,
    /// Highest rate.
    #[doc(alias = "rates.max")]
    pub rates_max: u32,
    /// Minimum number of channels.
    #[doc(alias = "channels.min")]
    pub channels_min: u32,
    /// Maximum number of channels.
    #[doc(alias = "channels.max")]
    pub channels_max: u32,
    /// Smallest buffer, in frames.
    #[doc(alias = "buffer.min")]
    pub buffer_min: u32,
    /// Largest buffer, in frames.
    #[doc(alias = "buffer.max")]
    pub buffer_max: u32,
    /// Shortest period, in frames.
    #[doc(alias = "period.min")]
    pub period_min: u32,
    /// Longest period, in frames.
    #[doc(alias = "period.max")]
    pub period_max: u32,
}
const _: () = assert!(size_of::<XensndQueryHwParam>() == 40);

/// Event: current position.
#[doc(alias = "xensnd_cur_pos_evt")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XensndCurPosEvt {
    /// Number of bytes played or captured.
    pub position: u64,
}
const _: () = assert!(size_of::<XensndCurPosEvt>() == 8);

/// A request.
#[doc(alias = "xensnd_req")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XensndReq {
    /// Identifier chosen by the frontend; the response carries the same value.
    pub id: u16,
    /// Operation.
    pub operation: SndOp,
    /// Reserved; zero.
    pub reserved: [u8; 5],
    /// The arguments, by operation.
    pub op: [u64; 7],
}
const _: () = assert!(size_of::<XensndReq>() == 64);

/// A response.
#[doc(alias = "xensnd_resp")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XensndResp {
    /// Identifier of the request.
    pub id: u16,
    /// Operation of the request.
    pub operation: SndOp,
    /// Reserved; zero.
    pub reserved: u8,
    /// Zero, or a negated error number.
    pub status: i32,
    /// The response, by operation.
    pub resp: [u64; 7],
}
const _: () = assert!(size_of::<XensndResp>() == 64);

/// An event.
#[doc(alias = "xensnd_evt")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XensndEvt {
    /// Unused.
    pub id: u16,
    /// `XENSND_EVT_*`.
    #[doc(alias = "type")]
    pub type_: u8,
    /// Reserved; zero.
    pub reserved: [u8; 5],
    /// The event, by kind.
    pub op: [u64; 7],
}
const _: () = assert!(size_of::<XensndEvt>() == 64);

/// Header of the event page. Indices are free-running.
#[doc(alias = "xensnd_event_page")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XensndEventPage {
    /// Consumer index, written by the frontend.
    pub in_cons: u32,
    /// Producer index, written by the backend.
    pub in_prod: u32,
    /// Reserved; zero.
    pub reserved: [u8; 56],
}
const _: () = assert!(size_of::<XensndEventPage>() == 64);
