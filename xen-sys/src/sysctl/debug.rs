//! Diagnostics of Xen: console, traces, counters, locks, coverage.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::GuestHandle;
use crate::xen::XenctlBitmap;

/// Operation of [`XenSysctlTbufOp`]: gets the configuration.
#[doc(alias = "XEN_SYSCTL_TBUFOP_get_info")]
pub const XEN_SYSCTL_TBUFOP_GET_INFO: u32 = 0;
/// Operation of [`XenSysctlTbufOp`]: sets the CPUs.
#[doc(alias = "XEN_SYSCTL_TBUFOP_set_cpu_mask")]
pub const XEN_SYSCTL_TBUFOP_SET_CPU_MASK: u32 = 1;
/// Operation of [`XenSysctlTbufOp`]: sets the events.
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
/// Operation of [`XenSysctlCoverageOp`]: gets the size.
#[doc(alias = "XEN_SYSCTL_COVERAGE_get_size")]
pub const XEN_SYSCTL_COVERAGE_GET_SIZE: u32 = 0;
/// Operation of [`XenSysctlCoverageOp`]: reads.
#[doc(alias = "XEN_SYSCTL_COVERAGE_read")]
pub const XEN_SYSCTL_COVERAGE_READ: u32 = 1;
/// Operation of [`XenSysctlCoverageOp`]: resets.
#[doc(alias = "XEN_SYSCTL_COVERAGE_reset")]
pub const XEN_SYSCTL_COVERAGE_RESET: u32 = 2;

/// Messages of the hypervisor's console.
#[doc(alias = "xen_sysctl_readconsole")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlReadconsole {
    /// Flag: non-zero to clear the messages after the read.
    pub clear: u8,
    /// Flag: non-zero to start at [`index`](Self::index).
    pub incremental: u8,
    /// Reserved; zero.
    pub pad0: u8,
    /// Reserved; zero.
    pub pad1: u8,
    /// In: index of the start. Out: index of the end.
    pub index: u32,
    /// Out: the text.
    pub buffer: GuestHandle,
    /// In: size of the buffer in bytes. Out: number of bytes written.
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
    /// Traced CPUs.
    pub cpu_mask: XenctlBitmap,
    /// Mask of the traced events.
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

/// Description of a counter.
#[doc(alias = "xen_sysctl_perfc_desc")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlPerfcDesc {
    /// Name.
    pub name: [u8; 80],
    /// Number of values.
    pub nr_vals: u32,
}
const _: () = assert!(size_of::<XenSysctlPerfcDesc>() == 84);

/// Performance counters of the hypervisor.
#[doc(alias = "xen_sysctl_perfc_op")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlPerfcOp {
    /// `XEN_SYSCTL_PERFCOP_*`.
    pub cmd: u32,
    /// Out: number of counters.
    pub nr_counters: u32,
    /// Out: number of values.
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
    /// Address of the characters.
    pub keys: GuestHandle,
    /// Number of keys.
    pub nr_keys: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
}
const _: () = assert!(size_of::<XenSysctlDebugKeys>() == 16);

/// Statistics of a lock.
#[doc(alias = "xen_sysctl_lockprof_data")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlLockprofData {
    /// Name.
    pub name: [u8; 40],
    /// `LOCKPROF_TYPE_*`.
    #[doc(alias = "type")]
    pub type_: i32,
    /// Index.
    pub idx: i32,
    /// Number of acquisitions.
    pub lock_cnt: u64,
    /// Number of acquisitions that waited.
    pub block_cnt: u64,
    /// Time held, in nanoseconds.
    pub lock_time: u64,
    /// Time waited, in nanoseconds.
    pub block_time: u64,
}
const _: () = assert!(size_of::<XenSysctlLockprofData>() == 80);

/// Statistics of locks.
#[doc(alias = "xen_sysctl_lockprof_op")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlLockprofOp {
    /// `XEN_SYSCTL_LOCKPROF_*`.
    pub cmd: u32,
    /// Capacity of the array, in entries.
    pub max_elem: u32,
    /// Out: number of locks.
    pub nr_elem: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// Out: duration of the profiling in nanoseconds.
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
