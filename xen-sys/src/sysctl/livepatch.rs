//! Live patches.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::GuestHandle;

/// Version of the format of live patches.
pub const LIVEPATCH_PAYLOAD_VERSION: u32 = 2;
/// Operation of [`XenSysctlLivepatchOp`]: uploads.
pub const XEN_SYSCTL_LIVEPATCH_UPLOAD: u32 = 0;
/// Operation of [`XenSysctlLivepatchOp`]: gets the state of one.
pub const XEN_SYSCTL_LIVEPATCH_GET: u32 = 1;
/// Operation of [`XenSysctlLivepatchOp`]: lists all.
pub const XEN_SYSCTL_LIVEPATCH_LIST: u32 = 2;
/// Operation of [`XenSysctlLivepatchOp`]: acts on one.
pub const XEN_SYSCTL_LIVEPATCH_ACTION: u32 = 3;
/// State of a live patch: checked.
pub const LIVEPATCH_STATE_CHECKED: u32 = 1;
/// State of a live patch: applied.
pub const LIVEPATCH_STATE_APPLIED: u32 = 2;
/// Action on a live patch: unload.
pub const LIVEPATCH_ACTION_UNLOAD: u32 = 1;
/// Action on a live patch: revert.
pub const LIVEPATCH_ACTION_REVERT: u32 = 2;
/// Action on a live patch: apply.
pub const LIVEPATCH_ACTION_APPLY: u32 = 3;
/// Action on a live patch: apply, and revert all others.
pub const LIVEPATCH_ACTION_REPLACE: u32 = 4;
/// Flag of a live patch: skips the check of the build identifier (Xen 4.18).
pub const LIVEPATCH_FLAG_FORCE: u32 = 1;
/// Mask of the flags of a live patch.
pub const LIVEPATCH_FLAGS_MASK: u32 = 1;
/// Flag of an action: skips the check of dependencies.
pub const LIVEPATCH_ACTION_APPLY_NODEPS: u64 = 1 << 0;
/// Maximum length of a live patch's name in bytes.
pub const XEN_LIVEPATCH_NAME_SIZE: usize = 128;

/// The name of a live patch.
#[doc(alias = "xen_livepatch_name")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenLivepatchName {
    /// Address of the characters.
    pub name: GuestHandle,
    /// Length in bytes, including the zero byte.
    pub size: u16,
    /// Reserved; zero.
    pub pad: [u16; 3],
}
const _: () = assert!(size_of::<XenLivepatchName>() == 16);

/// A live patch to upload.
#[doc(alias = "xen_sysctl_livepatch_upload")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlLivepatchUpload {
    /// The name.
    pub name: XenLivepatchName,
    /// Size in bytes.
    pub size: u64,
    /// The file.
    pub payload: GuestHandle,
}
const _: () = assert!(size_of::<XenSysctlLivepatchUpload>() == 32);

/// The state of a live patch.
#[doc(alias = "xen_livepatch_status")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenLivepatchStatus {
    /// `LIVEPATCH_STATE_*`.
    pub state: u32,
    /// Zero, or a negated error number.
    pub rc: i32,
}
const _: () = assert!(size_of::<XenLivepatchStatus>() == 8);

/// State of one live patch.
#[doc(alias = "xen_sysctl_livepatch_get")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlLivepatchGet {
    /// The name.
    pub name: XenLivepatchName,
    /// Out: its state.
    pub status: XenLivepatchStatus,
}
const _: () = assert!(size_of::<XenSysctlLivepatchGet>() == 24);

/// List of the live patches.
#[doc(alias = "xen_sysctl_livepatch_list")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlLivepatchList {
    /// Out: version of the list; it changes with each change of the list.
    pub version: u32,
    /// Index of the first live patch.
    pub idx: u32,
    /// In: capacity. Out: number of live patches that remain.
    pub nr: u32,
    /// Reserved; zero.
    pub pad: u32,
    /// Out: size of all names in bytes.
    pub name_total_size: u32,
    /// Out: size of all metadata in bytes.
    pub metadata_total_size: u32,
    /// Out: array of [`XenLivepatchStatus`].
    pub status: GuestHandle,
    /// Out: names.
    pub name: GuestHandle,
    /// Out: array of `u32`: lengths of the names.
    pub len: GuestHandle,
    /// Out: metadata.
    pub metadata: GuestHandle,
    /// Out: array of `u32`: lengths of the metadata.
    pub metadata_len: GuestHandle,
}
const _: () = assert!(size_of::<XenSysctlLivepatchList>() == 64);

/// An action on a live patch.
#[doc(alias = "xen_sysctl_livepatch_action")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlLivepatchAction {
    /// The name.
    pub name: XenLivepatchName,
    /// `LIVEPATCH_ACTION_*`.
    pub cmd: u32,
    /// Timeout in nanoseconds.
    pub timeout: u32,
    /// Flags of the action.
    pub flags: u32,
    /// Reserved; zero.
    pub pad: u32,
}
const _: () = assert!(size_of::<XenSysctlLivepatchAction>() == 32);

/// Live patches.
#[doc(alias = "xen_sysctl_livepatch_op")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlLivepatchOp {
    /// `XEN_SYSCTL_LIVEPATCH_*`.
    pub cmd: u32,
    /// `LIVEPATCH_FLAG_*`.
    pub flags: u32,
    /// The argument, by operation.
    pub u: [u64; 8],
}
const _: () = assert!(size_of::<XenSysctlLivepatchOp>() == 72);
