//! Starting another kernel in the hypervisor's stead, at will or after a crash.
//!
//! Public header: `kexec.h`.
//!
//! Coverage: 17 constants and 8 structures, of Xen 4.17 and 4.20; nothing is left out.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::GuestHandle;

/// Pages that the first form of a load lists.
pub const KEXEC_XEN_NO_PAGES: u32 = 17;
/// Kind of image: started at will.
pub const KEXEC_TYPE_DEFAULT: u32 = 0;
/// Kind of image: started after a crash.
pub const KEXEC_TYPE_CRASH: u32 = 1;
/// Starts an image. See [`XenKexecExec`].
#[doc(alias = "KEXEC_CMD_kexec")]
pub const KEXEC_CMD_KEXEC: u32 = 0;
/// Loads an image, in the first form. See [`XenKexecLoadV1`].
#[doc(alias = "KEXEC_CMD_kexec_load_v1")]
pub const KEXEC_CMD_KEXEC_LOAD_V1: u32 = 1;
/// Unloads an image, in the first form. See [`XenKexecLoadV1`].
#[doc(alias = "KEXEC_CMD_kexec_unload_v1")]
pub const KEXEC_CMD_KEXEC_UNLOAD_V1: u32 = 2;
/// Asks where something lies. See [`XenKexecRange`].
#[doc(alias = "KEXEC_CMD_kexec_get_range")]
pub const KEXEC_CMD_KEXEC_GET_RANGE: u32 = 3;
/// Loads an image. See [`XenKexecLoad`].
#[doc(alias = "KEXEC_CMD_kexec_load")]
pub const KEXEC_CMD_KEXEC_LOAD: u32 = 4;
/// Unloads an image. See [`XenKexecUnload`].
#[doc(alias = "KEXEC_CMD_kexec_unload")]
pub const KEXEC_CMD_KEXEC_UNLOAD: u32 = 5;
/// Asks whether an image is loaded. See [`XenKexecStatus`].
#[doc(alias = "KEXEC_CMD_kexec_status")]
pub const KEXEC_CMD_KEXEC_STATUS: u32 = 6;

/// Range: memory set aside for the crash image.
pub const KEXEC_RANGE_MA_CRASH: i32 = 0;
/// Range: the hypervisor.
pub const KEXEC_RANGE_MA_XEN: i32 = 1;
/// Range: a CPU's crash note.
pub const KEXEC_RANGE_MA_CPU: i32 = 2;
/// Range: the hypervisor's heap; obsolete.
pub const KEXEC_RANGE_MA_XENHEAP: i32 = 3;
/// Range: boot parameters; obsolete.
pub const KEXEC_RANGE_MA_BOOT_PARAM: i32 = 4;
/// Range: the firmware's memory map.
pub const KEXEC_RANGE_MA_EFI_MEMMAP: i32 = 5;
/// Range: the hypervisor's note for core dumps.
pub const KEXEC_RANGE_MA_VMCOREINFO: i32 = 6;

/// An image, in the first form.
#[doc(alias = "xen_kexec_image")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenKexecImage {
    /// Pages with code and tables.
    pub page_list: [u64; 17],
    /// The list of what to copy.
    pub indirection_page: u64,
    /// Where it starts.
    pub start_address: u64,
}
const _: () = assert!(size_of::<XenKexecImage>() == 152);

/// Argument of [`KEXEC_CMD_KEXEC`].
#[doc(alias = "xen_kexec_exec")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenKexecExec {
    /// `KEXEC_TYPE_*`.
    #[doc(alias = "type")]
    pub type_: i32,
}
const _: () = assert!(size_of::<XenKexecExec>() == 4);

/// Argument of [`KEXEC_CMD_KEXEC_LOAD_V1`].
#[doc(alias = "xen_kexec_load_v1")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenKexecLoadV1 {
    /// `KEXEC_TYPE_*`.
    #[doc(alias = "type")]
    pub type_: i32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// The image.
    pub image: XenKexecImage,
}
const _: () = assert!(size_of::<XenKexecLoadV1>() == 160);

/// Argument of [`KEXEC_CMD_KEXEC_GET_RANGE`].
#[doc(alias = "xen_kexec_range")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenKexecRange {
    /// `KEXEC_RANGE_MA_*`.
    pub range: i32,
    /// The CPU, for a CPU's note.
    pub nr: i32,
    /// Out: size in bytes.
    pub size: u64,
    /// Out: machine address.
    pub start: u64,
}
const _: () = assert!(size_of::<XenKexecRange>() == 24);

/// A part of an image.
#[doc(alias = "xen_kexec_segment")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenKexecSegment {
    /// Its bytes.
    pub buf: GuestHandle,
    /// Bytes in the buffer.
    pub buf_size: u64,
    /// Machine address where they go.
    pub dest_maddr: u64,
    /// Bytes there; the rest is zeroed.
    pub dest_size: u64,
}
const _: () = assert!(size_of::<XenKexecSegment>() == 32);

/// Argument of [`KEXEC_CMD_KEXEC_LOAD`].
#[doc(alias = "xen_kexec_load")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenKexecLoad {
    /// `KEXEC_TYPE_*`.
    #[doc(alias = "type")]
    pub type_: u8,
    /// Reserved; zero.
    pub _pad: u8,
    /// ELF machine number.
    pub arch: u16,
    /// How many segments.
    pub nr_segments: u32,
    /// Array of [`XenKexecSegment`].
    pub segments: GuestHandle,
    /// Machine address of the entry point.
    pub entry_maddr: u64,
}
const _: () = assert!(size_of::<XenKexecLoad>() == 24);

/// Argument of [`KEXEC_CMD_KEXEC_UNLOAD`].
#[doc(alias = "xen_kexec_unload")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenKexecUnload {
    /// `KEXEC_TYPE_*`.
    #[doc(alias = "type")]
    pub type_: u8,
}
const _: () = assert!(size_of::<XenKexecUnload>() == 1);

/// Argument of [`KEXEC_CMD_KEXEC_STATUS`].
#[doc(alias = "xen_kexec_status")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenKexecStatus {
    /// `KEXEC_TYPE_*`.
    #[doc(alias = "type")]
    pub type_: u8,
}
const _: () = assert!(size_of::<XenKexecStatus>() == 1);
