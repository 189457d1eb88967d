//! Start of another kernel in place of the hypervisor, on request or after a crash.
//!
//! Public header: `kexec.h`.
//!
//! Coverage: 17 constants and 8 structures, of Xen 4.17 and 4.20; nothing is left out.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::GuestHandle;

/// Number of pages in the list of the first form of a load.
pub const KEXEC_XEN_NO_PAGES: u32 = 17;
/// Kind of image: default, started on request.
pub const KEXEC_TYPE_DEFAULT: u32 = 0;
/// Kind of image: crash, started after a crash.
pub const KEXEC_TYPE_CRASH: u32 = 1;
/// Command: starts an image. See [`XenKexecExec`].
#[doc(alias = "KEXEC_CMD_kexec")]
pub const KEXEC_CMD_KEXEC: u32 = 0;
/// Command: loads an image, in the first form. See [`XenKexecLoadV1`].
#[doc(alias = "KEXEC_CMD_kexec_load_v1")]
pub const KEXEC_CMD_KEXEC_LOAD_V1: u32 = 1;
/// Command: unloads an image, in the first form. See [`XenKexecLoadV1`].
#[doc(alias = "KEXEC_CMD_kexec_unload_v1")]
pub const KEXEC_CMD_KEXEC_UNLOAD_V1: u32 = 2;
/// Command: gets a memory range. See [`XenKexecRange`].
#[doc(alias = "KEXEC_CMD_kexec_get_range")]
pub const KEXEC_CMD_KEXEC_GET_RANGE: u32 = 3;
/// Command: loads an image. See [`XenKexecLoad`].
#[doc(alias = "KEXEC_CMD_kexec_load")]
pub const KEXEC_CMD_KEXEC_LOAD: u32 = 4;
/// Command: unloads an image. See [`XenKexecUnload`].
#[doc(alias = "KEXEC_CMD_kexec_unload")]
pub const KEXEC_CMD_KEXEC_UNLOAD: u32 = 5;
/// Command: gets whether an image is loaded. See [`XenKexecStatus`].
#[doc(alias = "KEXEC_CMD_kexec_status")]
pub const KEXEC_CMD_KEXEC_STATUS: u32 = 6;

/// Range: memory reserved for the crash image.
pub const KEXEC_RANGE_MA_CRASH: i32 = 0;
/// Range: the hypervisor.
pub const KEXEC_RANGE_MA_XEN: i32 = 1;
/// Range: a CPU's crash note.
pub const KEXEC_RANGE_MA_CPU: i32 = 2;
/// Range: the hypervisor's heap; obsolete.
pub const KEXEC_RANGE_MA_XENHEAP: i32 = 3;
/// Range: boot parameters; obsolete.
pub const KEXEC_RANGE_MA_BOOT_PARAM: i32 = 4;
/// Range: the EFI memory map.
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
    /// List of the pages to copy.
    pub indirection_page: u64,
    /// Entry point.
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

/// A segment of an image.
#[doc(alias = "xen_kexec_segment")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenKexecSegment {
    /// Address of the bytes.
    pub buf: GuestHandle,
    /// Number of bytes in the buffer.
    pub buf_size: u64,
    /// Machine address of the destination.
    pub dest_maddr: u64,
    /// Size of the destination in bytes; Xen zeroes the rest.
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
    /// Number of segments.
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
