//! Looking inside Xen: console, traces, counters, locks, coverage.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::GuestHandle;
use crate::xen::XenctlBitmap;

/// Operation of [`XenSysctlTbufOp`]: asks.
#[doc(alias = "XEN_SYSCTL_TBUFOP_get_info")]
pub const XEN_SYSCTL_TBUFOP_GET_INFO: u32 = 0;
/// Operation of [`XenSysctlTbufOp`]: chooses CPUs.
#[doc(alias = "XEN_SYSCTL_TBUFOP_set_cpu_mask")]
pub const XEN_SYSCTL_TBUFOP_SET_CPU_MASK: u32 = 1;
/// Operation of [`XenSysctlTbufOp`]: chooses events.
#[doc(alias = "XEN_SYSCTL_TBUFOP_set_evt_mask")]
pub const XEN_SYSCTL_TBUFOP_SET_EVT_MASK: u32 = 2;
/// Operation of [`XenSysctlTbufOp`]: sets the size.
#[doc(alias = "XEN_SYSCTL_TBUFOP_set_size")]
pub const XEN_SYSCTL_TBUFOP_SET_SIZE: u32 = 3;
/// Operation of [`XenSysctlTbufOp`]: on.
#[doc(alias = "XEN_SYSCTL_TBUFOP_enable")]
pub const XEN_SYSCTL_TBUFOP_ENABLE: u32 = 4;
/// Operation of [`XenSysctlTbufOp`]: off.
#[doc(alias = "XEN_SYSCTL_TBUFOP_disable")]
pub const XEN_SYSCTL_TBUFOP_DISABLE: u32 = 5;
/// Operation of [`XenSysctlPerfcOp`]: resets.
#[doc(alias = "XEN_SYSCTL_PERFCOP_reset")]
pub const XEN_SYSCTL_PERFCOP_RESET: u32 = 1;
/// Operation of [`XenSysctlPerfcOp`]: reads.
#[doc(alias = "XEN_SYSCTL_PERFCOP_query")]
pub const XEN_SYSCTL_PERFCOP_QUERY: u32 = 2;
/// Operation of [`XenSysctlLockprofOp`]: resets.
#[doc(alias = "XEN_SYSCTL_LOCKPROF_reset")]
pub const XEN_SYSCTL_LOCKPROF_RESET: u32 = 1;
/// Operation of [`XenSysctlLockprofOp`]: reads.
#[doc(alias = "XEN_SYSCTL_LOCKPROF_query")]
pub const XEN_SYSCTL_LOCKPROF_QUERY: u32 = 2;
/// Kind of lock: global.
pub const LOCKPROF_TYPE_GLOBAL: u32 = 0;
/// Kind of lock: of a domain.
pub const LOCKPROF_TYPE_PERDOM: u32 = 1;
/// Number of kinds of lock.
pub const LOCKPROF_TYPE_N: u32 = 2;
/// Magic number of coverage data.
pub const XEN_GCOV_FORMAT_MAGIC: u32 = 0x58434f56;
/// Operation of [`XenSysctlCoverageOp`]: asks for the size.
#[doc(alias = "XEN_SYSCTL_COVERAGE_get_size")]
pub const XEN_SYSCTL_COVERAGE_GET_SIZE: u32 = 0;
/// Operation of [`XenSysctlCoverageOp`]: reads.
#[doc(alias = "XEN_SYSCTL_COVERAGE_read")]
pub const XEN_SYSCTL_COVERAGE_READ: u32 = 1;
/// Operation of [`XenSysctlCoverageOp`]: resets.
#[doc(alias = "XEN_SYSCTL_COVERAGE_reset")]
pub const XEN_SYSCTL_COVERAGE_RESET: u32 = 2;

/// Xen's messages.
#[doc(alias = "xen_sysctl_readconsole")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlReadconsole {
    /// Whether they are then cleared.
    pub clear: u8,
    /// Whether to go on at the index.
    pub incremental: u8,
    /// Reserved; zero.
    pub pad0: u8,
    /// Reserved; zero.
    pub pad1: u8,
    /// In: where to start. Out: where it ends.
    pub index: u32,
    /// Out: the text.
    pub buffer: GuestHandle,
    /// In: bytes of the buffer. Out: bytes written.
    pub count: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
}
const _: () = assert!(size_of::<XenSysctlReadconsole>() == 24);

/// Trace buffers.
#[doc(alias = "xen_sysctl_tbuf_op")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlTbufOp {
    /// `XEN_SYSCTL_TBUFOP_*`.
    pub cmd: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// CPUs.
    pub cpu_mask: XenctlBitmap,
    /// Events.
    pub evt_mask: u32,
    /// Padding; zero.
    pub _pad1: [u8; 4],
    /// Out: frame of the buffers.
    pub buffer_mfn: u64,
    /// Size in bytes.
    pub size: u32,
    /// Padding; zero.
    pub _pad2: [u8; 4],
}
const _: () = assert!(size_of::<XenSysctlTbufOp>() == 48);

/// A counter.
#[doc(alias = "xen_sysctl_perfc_desc")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlPerfcDesc {
    /// Its name.
    pub name: [u8; 80],
    /// How many values it has.
    pub nr_vals: u32,
}
const _: () = assert!(size_of::<XenSysctlPerfcDesc>() == 84);

/// Xen's own counters.
#[doc(alias = "xen_sysctl_perfc_op")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlPerfcOp {
    /// `XEN_SYSCTL_PERFCOP_*`.
    pub cmd: u32,
    /// Out: counters.
    pub nr_counters: u32,
    /// Out: values.
    pub nr_vals: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// Out: array of [`XenSysctlPerfcDesc`].
    pub desc: GuestHandle,
    /// Out: array of `u32`.
    pub val: GuestHandle,
}
const _: () = assert!(size_of::<XenSysctlPerfcOp>() == 32);

/// Debug keys.
#[doc(alias = "xen_sysctl_debug_keys")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlDebugKeys {
    /// Characters.
    pub keys: GuestHandle,
    /// How many.
    pub nr_keys: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
}
const _: () = assert!(size_of::<XenSysctlDebugKeys>() == 16);

/// A lock.
#[doc(alias = "xen_sysctl_lockprof_data")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlLockprofData {
    /// Its name.
    pub name: [u8; 40],
    /// `LOCKPROF_TYPE_*`.
    #[doc(alias = "type")]
    pub type_: i32,
    /// Which one.
    pub idx: i32,
    /// How often taken.
    pub lock_cnt: u64,
    /// How often waited for.
    pub block_cnt: u64,
    /// Nanoseconds held.
    pub lock_time: u64,
    /// Nanoseconds waited for.
    pub block_time: u64,
}
const _: () = assert!(size_of::<XenSysctlLockprofData>() == 80);

/// Locks.
#[doc(alias = "xen_sysctl_lockprof_op")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlLockprofOp {
    /// `XEN_SYSCTL_LOCKPROF_*`.
    pub cmd: u32,
    /// Room in the array.
    pub max_elem: u32,
    /// Out: how many.
    pub nr_elem: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// Out: nanoseconds of profiling.
    pub time: u64,
    /// Out: array of [`XenSysctlLockprofData`].
    pub data: GuestHandle,
}
const _: () = assert!(size_of::<XenSysctlLockprofOp>() == 32);

/// Code coverage.
#[doc(alias = "xen_sysctl_coverage_op")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlCoverageOp {
    /// `XEN_SYSCTL_COVERAGE_*`.
    pub cmd: u32,
    /// Size in bytes.
    pub size: u32,
    /// The buffer.
    pub buffer: GuestHandle,
}
const _: () = assert!(size_of::<XenSysctlCoverageOp>() == 16);
