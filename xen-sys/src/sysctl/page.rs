//! Pages of memory that are taken offline.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::GuestHandle;

/// Operation of [`XenSysctlPageOfflineOp`]: takes pages offline.
#[doc(alias = "sysctl_page_offline")]
pub const SYSCTL_PAGE_OFFLINE: u32 = 1;
/// Operation of [`XenSysctlPageOfflineOp`]: brings pages online.
#[doc(alias = "sysctl_page_online")]
pub const SYSCTL_PAGE_ONLINE: u32 = 2;
/// Operation of [`XenSysctlPageOfflineOp`]: gets the state of pages.
#[doc(alias = "sysctl_query_page_offline")]
pub const SYSCTL_QUERY_PAGE_OFFLINE: u32 = 3;
/// Result: offline.
pub const PG_OFFLINE_OFFLINED: u32 = 1 << 1;
/// Result: offline is pending.
pub const PG_OFFLINE_PENDING: u32 = 1 << 2;
/// Result: failed.
pub const PG_OFFLINE_FAILED: u32 = 1 << 3;
/// Result: try again.
pub const PG_OFFLINE_AGAIN: u32 = 1 << 4;
/// Result: failed to come online.
pub const PG_ONLINE_FAILED: u32 = 8;
/// Result: online.
pub const PG_ONLINE_ONLINED: u32 = 2;
/// Result: broken.
pub const PG_ONLINE_BROKEN: u32 = 8192;
/// Mask of the state.
pub const PG_OFFLINE_STATUS_MASK: u32 = 0xff;
/// Mask of the reason.
pub const PG_OFFLINE_MISC_MASK: u32 = 0xff0;
/// Reason: invalid page.
pub const PG_OFFLINE_INVALID: u32 = 1 << 0;
/// Reason: owned by dom0.
pub const PG_OFFLINE_DOM0PAGE: u32 = 1 << 9;
/// Reason: without an owner.
pub const PG_OFFLINE_ANONYMOUS: u32 = 1 << 10;
/// Reason: not memory.
pub const PG_OFFLINE_NOT_CONV_RAM: u32 = 1 << 11;
/// Reason: owned by a domain.
pub const PG_OFFLINE_OWNED: u32 = 1 << 12;
/// Shift of the owner.
pub const PG_OFFLINE_OWNER_SHIFT: u32 = 16;
/// Reason: broken.
pub const PG_OFFLINE_BROKEN: u32 = 1 << 13;
/// Reason: owned by Xen.
pub const PG_OFFLINE_XENPAGE: u32 = 1 << 8;
/// State: online.
pub const PG_OFFLINE_STATUS_ONLINE: u32 = 1 << 2;
/// State: offline is pending.
pub const PG_OFFLINE_STATUS_OFFLINE_PENDING: u32 = 1 << 3;
/// State: offline.
pub const PG_OFFLINE_STATUS_OFFLINED: u32 = 1 << 1;
/// State: broken.
pub const PG_OFFLINE_STATUS_BROKEN: u32 = 1 << 4;

/// Pages to take offline or bring online.
#[doc(alias = "xen_sysctl_page_offline_op")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlPageOfflineOp {
    /// `SYSCTL_PAGE_*`.
    pub cmd: u32,
    /// First frame.
    pub start: u32,
    /// Last frame.
    pub end: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// Out: array of `u32`, `PG_*`.
    pub status: GuestHandle,
}
const _: () = assert!(size_of::<XenSysctlPageOfflineOp>() == 24);
