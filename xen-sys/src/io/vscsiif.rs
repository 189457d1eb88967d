//! The SCSI protocol.
//!
//! Public header: `io/vscsiif.h`.
//!
//! Coverage: 34 constants and 4 structures, of Xen 4.17 and 4.20; left out, for the reasons in
//! `abi/left-out.txt`: `vscsiif_back_ring`, `vscsiif_front_ring`, `vscsiif_sring`,
//! `vscsiif_sring_entry`.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::GrantRef;

/// Action: runs a command.
pub const VSCSIIF_ACT_SCSI_CDB: u8 = 1;
/// Action: aborts a command.
pub const VSCSIIF_ACT_SCSI_ABORT: u8 = 2;
/// Action: resets a device.
pub const VSCSIIF_ACT_SCSI_RESET: u8 = 3;
/// Action: presets segments; obsolete.
pub const VSCSIIF_ACT_SCSI_SG_PRESET: u8 = 4;
/// Bit of [`VscsiifRequest::nr_segments`]: the segments list pages with further segments.
pub const VSCSIIF_SG_GRANT: u8 = 0x80;

/// Maximum number of segments of a request.
pub const VSCSIIF_SG_TABLESIZE: usize = 26;
/// Maximum length of a command in bytes.
pub const VSCSIIF_MAX_COMMAND_SIZE: usize = 16;
/// Size of the sense data in bytes.
pub const VSCSIIF_SENSE_BUFFERSIZE: usize = 96;
/// Size of a page in bytes.
pub const VSCSIIF_PAGE_SIZE: usize = 4096;
/// Number of segments in a page.
pub const VSCSIIF_SG_PER_PAGE: usize = 512;
/// Number of segments in [`VscsiifSgList`].
pub const VSCSIIF_SG_LIST_SIZE: usize = 31;

/// A segment of a buffer.
#[doc(alias = "scsiif_request_segment")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct ScsiifRequestSegment {
    /// Grant of the page.
    pub gref: GrantRef,
    /// Offset in the page, in bytes.
    pub offset: u16,
    /// Length in bytes.
    pub length: u16,
}
const _: () = assert!(size_of::<ScsiifRequestSegment>() == 8);

/// A request.
#[doc(alias = "vscsiif_request")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct VscsiifRequest {
    /// Identifier chosen by the frontend; the response carries the same value.
    pub rqid: u16,
    /// `VSCSIIF_ACT_*`.
    pub act: u8,
    /// Length of the command in bytes.
    pub cmd_len: u8,
    /// The command.
    pub cmnd: [u8; 16],
    /// Timeout in seconds; zero for the default.
    pub timeout_per_command: u16,
    /// Channel of the device.
    pub channel: u16,
    /// Target of the device.
    pub id: u16,
    /// Logical unit of the device.
    pub lun: u16,
    /// The request to abort.
    pub ref_rqid: u16,
    /// Direction of the data: 0 both, 1 to the device, 2 from the device, 3 none.
    pub sc_data_direction: u8,
    /// Number of segments.
    pub nr_segments: u8,
    /// The segments.
    pub seg: [ScsiifRequestSegment; VSCSIIF_SG_TABLESIZE],
    /// Reserved; zero.
    pub reserved: [u32; 3],
}
const _: () = assert!(size_of::<VscsiifRequest>() == 252);

/// Preset segments of a later request; obsolete.
#[doc(alias = "vscsiif_sg_list")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct VscsiifSgList {
    /// Identifier of the request.
    pub rqid: u16,
    /// [`VSCSIIF_ACT_SCSI_SG_PRESET`].
    pub act: u8,
    /// Number of segments.
    pub nr_segments: u8,
    /// The segments.
    pub seg: [ScsiifRequestSegment; VSCSIIF_SG_LIST_SIZE],
}
const _: () = assert!(size_of::<VscsiifSgList>() == 252);

/// A response.
#[doc(alias = "vscsiif_response")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct VscsiifResponse {
    /// Identifier of the request.
    pub rqid: u16,
    /// Action of the request.
    pub act: u8,
    /// Length of the sense data in bytes.
    pub sense_len: u8,
    /// Sense data.
    pub sense_buffer: [u8; 96],
    /// SCSI status in bits 0 to 7; `XEN_VSCSIIF_RSLT_HOST_*` in bits 16 to 23.
    pub rslt: i32,
    /// Number of bytes not transferred.
    pub residual_len: u32,
    /// Reserved; zero.
    pub reserved: [u32; 36],
}
const _: () = assert!(size_of::<VscsiifResponse>() == 252);

/// Host status: success.
pub const XEN_VSCSIIF_RSLT_HOST_OK: i32 = 0;
/// Host status: no connection before the timeout.
pub const XEN_VSCSIIF_RSLT_HOST_NO_CONNECT: i32 = 1;
/// Host status: the bus was busy.
pub const XEN_VSCSIIF_RSLT_HOST_BUS_BUSY: i32 = 2;
/// Host status: timeout.
pub const XEN_VSCSIIF_RSLT_HOST_TIME_OUT: i32 = 3;
/// Host status: no such target.
pub const XEN_VSCSIIF_RSLT_HOST_BAD_TARGET: i32 = 4;
/// Host status: aborted.
pub const XEN_VSCSIIF_RSLT_HOST_ABORT: i32 = 5;
/// Host status: parity error.
pub const XEN_VSCSIIF_RSLT_HOST_PARITY: i32 = 6;
/// Host status: internal error.
pub const XEN_VSCSIIF_RSLT_HOST_ERROR: i32 = 7;
/// Host status: reset.
pub const XEN_VSCSIIF_RSLT_HOST_RESET: i32 = 8;
/// Host status: unexpected interrupt.
pub const XEN_VSCSIIF_RSLT_HOST_BAD_INTR: i32 = 9;
/// Host status: status of the device, unchanged.
pub const XEN_VSCSIIF_RSLT_HOST_PASSTHROUGH: i32 = 10;
/// Host status: soft error; retry.
pub const XEN_VSCSIIF_RSLT_HOST_SOFT_ERROR: i32 = 11;
/// Host status: immediate retry.
pub const XEN_VSCSIIF_RSLT_HOST_IMM_RETRY: i32 = 12;
/// Host status: requeue the command.
pub const XEN_VSCSIIF_RSLT_HOST_REQUEUE: i32 = 13;
/// Host status: the transport was disrupted.
pub const XEN_VSCSIIF_RSLT_HOST_TRANSPORT_DISRUPTED: i32 = 14;
/// Host status: fast failure of the transport.
pub const XEN_VSCSIIF_RSLT_HOST_TRANSPORT_FAILFAST: i32 = 15;
/// Host status: failed target.
pub const XEN_VSCSIIF_RSLT_HOST_TARGET_FAILURE: i32 = 16;
/// Host status: failed path.
pub const XEN_VSCSIIF_RSLT_HOST_NEXUS_FAILURE: i32 = 17;
/// Host status: no space on the device.
pub const XEN_VSCSIIF_RSLT_HOST_ALLOC_FAILURE: i32 = 18;
/// Host status: medium error.
pub const XEN_VSCSIIF_RSLT_HOST_MEDIUM_ERROR: i32 = 19;
/// Host status: marginal transport.
pub const XEN_VSCSIIF_RSLT_HOST_TRANSPORT_MARGINAL: i32 = 20;
/// Result of a reset: done.
pub const XEN_VSCSIIF_RSLT_RESET_SUCCESS: i32 = 0x2002;
/// Result of a reset: failed.
pub const XEN_VSCSIIF_RSLT_RESET_FAILED: i32 = 0x2003;
