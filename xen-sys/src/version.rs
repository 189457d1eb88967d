//! Versions, build information and features of the running Xen.
//!
//! Public header: `version.h`.
//!
//! Coverage: 18 constants and 5 structures, of Xen 4.17 and 4.20; nothing is left out.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::xen::XenUlong;

/// Command: returns the version: major in the high half, minor in the low half. No argument.
#[doc(alias = "XENVER_version")]
pub const XENVER_VERSION: u32 = 0;
/// Command: gets the part of the version after major and minor. See [`XenExtraversion`].
#[doc(alias = "XENVER_extraversion")]
pub const XENVER_EXTRAVERSION: u32 = 1;
/// Command: gets the build information. See [`XenCompileInfo`].
#[doc(alias = "XENVER_compile_info")]
pub const XENVER_COMPILE_INFO: u32 = 2;
/// Command: gets the supported kinds of guests. See [`XenCapabilitiesInfo`].
#[doc(alias = "XENVER_capabilities")]
pub const XENVER_CAPABILITIES: u32 = 3;
/// Command: gets the source revision. See [`XenChangesetInfo`].
#[doc(alias = "XENVER_changeset")]
pub const XENVER_CHANGESET: u32 = 4;
/// Command: gets the layout of the address space of PV guests. See [`XenPlatformParameters`].
#[doc(alias = "XENVER_platform_parameters")]
pub const XENVER_PLATFORM_PARAMETERS: u32 = 5;
/// Command: gets 32 features. See [`XenFeatureInfo`].
#[doc(alias = "XENVER_get_features")]
pub const XENVER_GET_FEATURES: u32 = 6;
/// Command: returns the page size. No argument.
#[doc(alias = "XENVER_pagesize")]
pub const XENVER_PAGESIZE: u32 = 7;
/// Command: gets the UUID of the calling domain. See [`crate::xen::XenDomainHandle`].
#[doc(alias = "XENVER_guest_handle")]
pub const XENVER_GUEST_HANDLE: u32 = 8;
/// Command: gets Xen's command line. See [`XenCommandline`].
#[doc(alias = "XENVER_commandline")]
pub const XENVER_COMMANDLINE: u32 = 9;
/// Command: gets the build identifier; returns its length for a null argument. See [`XenBuildId`].
#[doc(alias = "XENVER_build_id")]
pub const XENVER_BUILD_ID: u32 = 10;

/// The part of the version after major and minor, terminated by a zero byte.
#[doc(alias = "xen_extraversion_t")]
pub type XenExtraversion = [u8; 16];
/// Kinds of guests that this Xen can run, as words separated by spaces.
#[doc(alias = "xen_capabilities_info_t")]
pub type XenCapabilitiesInfo = [u8; 1024];
/// Source revision of this Xen.
#[doc(alias = "xen_changeset_info_t")]
pub type XenChangesetInfo = [u8; 64];
/// Command line of Xen.
#[doc(alias = "xen_commandline_t")]
pub type XenCommandline = [u8; 1024];

/// Size of [`XenExtraversion`].
pub const XEN_EXTRAVERSION_LEN: usize = 16;
/// Size of [`XenCapabilitiesInfo`].
pub const XEN_CAPABILITIES_INFO_LEN: usize = 1024;
/// Size of [`XenChangesetInfo`].
pub const XEN_CHANGESET_INFO_LEN: usize = 64;

/// Builder, date and tools of this build of Xen. Texts end with a zero byte.
#[doc(alias = "xen_compile_info")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenCompileInfo {
    /// The compiler.
    pub compiler: [u8; 64],
    /// The user.
    pub compile_by: [u8; 16],
    /// The host's domain.
    pub compile_domain: [u8; 32],
    /// The date.
    pub compile_date: [u8; 32],
}
const _: () = assert!(size_of::<XenCompileInfo>() == 144);

/// Start of Xen's part of a PV guest's address space.
#[doc(alias = "xen_platform_parameters")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenPlatformParameters {
    /// Virtual address.
    pub virt_start: XenUlong,
}
const _: () = assert!(size_of::<XenPlatformParameters>() == 8);

/// Argument of [`XENVER_GET_FEATURES`].
#[doc(alias = "xen_feature_info")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenFeatureInfo {
    /// Index of the submap: 32 features each.
    pub submap_idx: u32,
    /// Out: the features, see [`crate::features`].
    pub submap: u32,
}
const _: () = assert!(size_of::<XenFeatureInfo>() == 8);

/// Header of a build identifier; its bytes follow.
#[doc(alias = "xen_build_id")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenBuildId {
    /// In: capacity for bytes after this header. Out: number of bytes written.
    pub len: u32,
}
const _: () = assert!(size_of::<XenBuildId>() == 4);

/// Command: [`XENVER_EXTRAVERSION`] at any length (Xen 4.18). See [`XenVarbuf`].
#[doc(alias = "XENVER_extraversion2")]
pub const XENVER_EXTRAVERSION2: u32 = 11;
/// Command: [`XENVER_CAPABILITIES`] at any length (Xen 4.18). See [`XenVarbuf`].
#[doc(alias = "XENVER_capabilities2")]
pub const XENVER_CAPABILITIES2: u32 = 12;
/// Command: [`XENVER_CHANGESET`] at any length (Xen 4.18). See [`XenVarbuf`].
#[doc(alias = "XENVER_changeset2")]
pub const XENVER_CHANGESET2: u32 = 13;
/// Command: [`XENVER_COMMANDLINE`] at any length (Xen 4.18). See [`XenVarbuf`].
#[doc(alias = "XENVER_commandline2")]
pub const XENVER_COMMANDLINE2: u32 = 14;

/// Header of a text of any length; its bytes follow, without a zero byte.
#[doc(alias = "xen_varbuf")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenVarbuf {
    /// In: capacity for bytes after this header.
    pub len: u32,
}
const _: () = assert!(size_of::<XenVarbuf>() == 4);
