//! Machine checks: the hypervisor's telemetry for the hardware domain.
//!
//! Public header: `arch-x86/xen-mca.h`.
//!
//! Coverage: 57 constants and 17 structures, of Xen 4.17 and 4.20; nothing is left out.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::DomId;
use crate::GuestHandle;
use crate::xen::XenctlBitmap;

/// Number of this hypercall: the first one reserved for the architecture.
#[doc(alias = "__HYPERVISOR_mca")]
pub const HYPERVISOR_MCA: usize = 48;

/// Virtual interrupt: telemetry is available.
pub const VIRQ_MCA: u32 = 16;
/// Value of [`XenMc::interface_version`].
pub const XEN_MCA_INTERFACE_VERSION: u32 = 0x1ecc003;
/// Flag of [`XenMcFetch`]: telemetry that is not urgent.
pub const XEN_MC_NONURGENT: u32 = 0x1;
/// Flag of [`XenMcFetch`]: urgent telemetry.
pub const XEN_MC_URGENT: u32 = 0x2;
/// Flag of [`XenMcFetch`]: acknowledges what was fetched.
pub const XEN_MC_ACK: u32 = 0x4;
/// Result flags: done.
pub const XEN_MC_OK: u32 = 0x0;
/// Result flag: could not fetch.
pub const XEN_MC_FETCHFAILED: u32 = 0x1;
/// Result flag: no telemetry.
pub const XEN_MC_NODATA: u32 = 0x2;
/// Result flag: no such identifier.
pub const XEN_MC_NOMATCH: u32 = 0x4;
/// Result flag: the domain has no handler.
pub const XEN_MC_CANNOTHANDLE: u32 = 0x8;
/// Result flag: not delivered; try later.
pub const XEN_MC_NOTDELIVERED: u32 = 0x10;
/// Command: fetches telemetry. See [`XenMcFetch`].
#[doc(alias = "XEN_MC_fetch")]
pub const XEN_MC_FETCH: u32 = 1;
/// Command: notifies a domain of an error. See [`XenMcNotifydomain`].
#[doc(alias = "XEN_MC_notifydomain")]
pub const XEN_MC_NOTIFYDOMAIN: u32 = 2;
/// Command: gets information on the CPUs. See [`XenMcPhyscpuinfo`].
#[doc(alias = "XEN_MC_physcpuinfo")]
pub const XEN_MC_PHYSCPUINFO: u32 = 3;
/// Command: fakes registers, for tests. See [`XenMcMsrinject`].
#[doc(alias = "XEN_MC_msrinject")]
pub const XEN_MC_MSRINJECT: u32 = 4;
/// Command: raises a machine check, for tests. See [`XenMcMceinject`].
#[doc(alias = "XEN_MC_mceinject")]
pub const XEN_MC_MCEINJECT: u32 = 5;
/// Command: raises an interrupt, for tests. See [`XenMcInjectV2`].
#[doc(alias = "XEN_MC_inject_v2")]
pub const XEN_MC_INJECT_V2: u32 = 6;
/// Mask of the kind of injected interrupt.
pub const XEN_MC_INJECT_TYPE_MASK: u32 = 0x7;
/// Kind of injected interrupt: machine check.
pub const XEN_MC_INJECT_TYPE_MCE: u32 = 0x0;
/// Kind of injected interrupt: corrected error.
pub const XEN_MC_INJECT_TYPE_CMCI: u32 = 0x1;
/// Kind of injected interrupt: local machine check.
pub const XEN_MC_INJECT_TYPE_LMCE: u32 = 0x2;
/// Flag of [`XenMcInjectV2`]: on all CPUs.
pub const XEN_MC_INJECT_CPU_BROADCAST: u32 = 0x8;
/// Flag of [`XenMcMsrinject`]: reads see the faked value.
pub const MC_MSRINJ_F_INTERPOSE: u32 = 0x1;
/// Flag of [`XenMcMsrinject`]: addresses are the guest's.
pub const MC_MSRINJ_F_GPADDR: u32 = 0x2;
/// Flag of [`McinfoGlobal`]: correctable.
pub const MC_FLAG_CORRECTABLE: u32 = 1 << 0;
/// Flag of [`McinfoGlobal`]: uncorrectable.
pub const MC_FLAG_UNCORRECTABLE: u32 = 1 << 1;
/// Flag of [`McinfoGlobal`]: recoverable.
pub const MC_FLAG_RECOVERABLE: u32 = 1 << 2;
/// Flag of [`McinfoGlobal`]: found by polling.
pub const MC_FLAG_POLLED: u32 = 1 << 3;
/// Flag of [`McinfoGlobal`]: found after a reset.
pub const MC_FLAG_RESET: u32 = 1 << 4;
/// Flag of [`McinfoGlobal`]: by a corrected error interrupt.
pub const MC_FLAG_CMCI: u32 = 1 << 5;
/// Flag of [`McinfoGlobal`]: by a machine check.
pub const MC_FLAG_MCE: u32 = 1 << 6;
/// Flag of [`McInfo`]: more than fits.
pub const MCINFO_FLAGS_UNCOMPLETE: u32 = 0x1;

/// No vCPU.
pub const XEN_MC_VCPUID_INVALID: u16 = 0xffff;
/// Kind of record: [`McinfoGlobal`].
pub const MC_TYPE_GLOBAL: u16 = 0;
/// Kind of record: [`McinfoBank`].
pub const MC_TYPE_BANK: u16 = 1;
/// Kind of record: [`McinfoExtended`].
pub const MC_TYPE_EXTENDED: u16 = 2;
/// Kind of record: [`McinfoRecovery`].
pub const MC_TYPE_RECOVERY: u16 = 3;

/// Flag of [`McinfoRecovery`]: Xen has recovered.
pub const REC_ACTION_RECOVERED: u8 = 1 << 0;
/// Flag of [`McinfoRecovery`]: no recovery action.
pub const REC_ACTION_NONE: u8 = 1 << 1;
/// Flag of [`McinfoRecovery`]: a reset is needed.
pub const REC_ACTION_NEED_RESET: u8 = 1 << 2;
/// Action of [`McinfoRecovery`]: a page is no longer used.
pub const MC_ACTION_PAGE_OFFLINE: u8 = 1 << 0;
/// Action of [`McinfoRecovery`]: a CPU is no longer used.
pub const MC_ACTION_CPU_OFFLINE: u8 = 1 << 1;
/// Action of [`McinfoRecovery`]: a part of the cache is no longer used.
pub const MC_ACTION_CACHE_SHRINK: u8 = 1 << 2;

/// Bytes of [`McinfoRecovery::action_info`].
pub const MAX_UNION_SIZE: usize = 16;
/// Bytes that a fetch needs.
pub const MCINFO_HYPERCALLSIZE: usize = 1024;
/// Maximum size of records in bytes.
pub const MCINFO_MAXSIZE: usize = 768;
/// Registers of [`McinfoLogicalCpu`].
#[doc(alias = "__MC_MSR_ARRAYSIZE")]
pub const MC_MSR_ARRAYSIZE: usize = 8;
/// Words of [`McinfoLogicalCpu::mc_cpu_caps`].
pub const MC_NCAPS: usize = 7;
/// Word of the capabilities: leaf 1, EDX.
pub const MC_CAPS_STD_EDX: usize = 0;
/// Word of the capabilities: leaf 0x80000001, EDX.
pub const MC_CAPS_AMD_EDX: usize = 1;
/// Word of the capabilities: leaf 0x80860001.
pub const MC_CAPS_TM: usize = 2;
/// Word of the capabilities: of Linux.
pub const MC_CAPS_LINUX: usize = 3;
/// Word of the capabilities: leaf 1, ECX.
pub const MC_CAPS_STD_ECX: usize = 4;
/// Word of the capabilities: leaf 0xc0000001.
pub const MC_CAPS_VIA: usize = 5;
/// Word of the capabilities: leaf 0x80000001, ECX.
pub const MC_CAPS_AMD_ECX: usize = 6;
/// Registers of [`XenMcMsrinject`].
pub const MC_MSRINJ_MAXMSRS: usize = 8;

/// Header of all records.
#[doc(alias = "mcinfo_common")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct McinfoCommon {
    /// `MC_TYPE_*`.
    #[doc(alias = "type")]
    pub type_: u16,
    /// Size of the record in bytes.
    pub size: u16,
}
const _: () = assert!(size_of::<McinfoCommon>() == 4);

/// Error information that applies to a whole CPU.
#[doc(alias = "mcinfo_global")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct McinfoGlobal {
    /// Header.
    pub common: McinfoCommon,
    /// The domain that ran.
    pub mc_domid: u16,
    /// The vCPU that ran.
    pub mc_vcpuid: u16,
    /// Socket.
    pub mc_socketid: u32,
    /// Core.
    pub mc_coreid: u16,
    /// Thread.
    pub mc_core_threadid: u16,
    /// APIC identifier.
    pub mc_apicid: u32,
    /// `MC_FLAG_*`.
    pub mc_flags: u32,
    /// Global status register.
    pub mc_gstatus: u64,
}
const _: () = assert!(size_of::<McinfoGlobal>() == 32);

/// Error information of one bank.
#[doc(alias = "mcinfo_bank")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct McinfoBank {
    /// Header.
    pub common: McinfoCommon,
    /// The bank.
    pub mc_bank: u16,
    /// The domain that the address belongs to.
    pub mc_domid: u16,
    /// Status register.
    pub mc_status: u64,
    /// Address register.
    pub mc_addr: u64,
    /// Miscellaneous register.
    pub mc_misc: u64,
    /// Second control register.
    pub mc_ctrl2: u64,
    /// Time stamp counter.
    pub mc_tsc: u64,
}
const _: () = assert!(size_of::<McinfoBank>() == 48);

/// A register.
#[doc(alias = "mcinfo_msr")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct McinfoMsr {
    /// Number of the register.
    pub reg: u64,
    /// Value.
    pub value: u64,
}
const _: () = assert!(size_of::<McinfoMsr>() == 16);

/// More registers.
#[doc(alias = "mcinfo_extended")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct McinfoExtended {
    /// Header.
    pub common: McinfoCommon,
    /// Registers used.
    pub mc_msrs: u32,
    /// Registers.
    pub mc_msr: [McinfoMsr; 32],
}
const _: () = assert!(size_of::<McinfoExtended>() == 520);

/// A page that is no longer used.
#[doc(alias = "page_offline_action")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct PageOfflineAction {
    /// The frame.
    pub mfn: u64,
    /// State of the page.
    pub status: u64,
}
const _: () = assert!(size_of::<PageOfflineAction>() == 16);

/// A CPU that is no longer used.
#[doc(alias = "cpu_offline_action")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct CpuOfflineAction {
    /// Socket.
    pub mc_socketid: u32,
    /// Core.
    pub mc_coreid: u16,
    /// Thread.
    pub mc_core_threadid: u16,
}
const _: () = assert!(size_of::<CpuOfflineAction>() == 8);

/// Recovery action of Xen.
#[doc(alias = "mcinfo_recovery")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct McinfoRecovery {
    /// Header.
    pub common: McinfoCommon,
    /// The bank.
    pub mc_bank: u16,
    /// `REC_ACTION_*`.
    pub action_flags: u8,
    /// `MC_ACTION_*`.
    pub action_types: u8,
    /// [`PageOfflineAction`] or [`CpuOfflineAction`] at the start.
    pub action_info: [u64; 2],
}
const _: () = assert!(size_of::<McinfoRecovery>() == 24);

/// Telemetry.
#[doc(alias = "mc_info")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct McInfo {
    /// Number of records.
    pub mi_nentries: u32,
    /// [`MCINFO_FLAGS_UNCOMPLETE`] or zero.
    pub flags: u32,
    /// The records.
    pub mi_data: [u64; 95],
}
const _: () = assert!(size_of::<McInfo>() == 768);

/// A CPU.
#[doc(alias = "mcinfo_logical_cpu")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct McinfoLogicalCpu {
    /// Number.
    pub mc_cpunr: u32,
    /// Package.
    pub mc_chipid: u32,
    /// Core.
    pub mc_coreid: u16,
    /// Thread.
    pub mc_threadid: u16,
    /// APIC identifier.
    pub mc_apicid: u32,
    /// Cluster.
    pub mc_clusterid: u32,
    /// Cores.
    pub mc_ncores: u32,
    /// Cores in use.
    pub mc_ncores_active: u32,
    /// Threads.
    pub mc_nthreads: u32,
    /// Highest leaf.
    pub mc_cpuid_level: i32,
    /// Family.
    pub mc_family: u32,
    /// Vendor.
    pub mc_vendor: u32,
    /// Model.
    pub mc_model: u32,
    /// Stepping.
    pub mc_step: u32,
    /// Vendor's name.
    pub mc_vendorid: [u8; 16],
    /// Brand.
    pub mc_brandid: [u8; 64],
    /// Capabilities, `MC_CAPS_*`.
    pub mc_cpu_caps: [u32; 7],
    /// Cache size.
    pub mc_cache_size: u32,
    /// Cache alignment.
    pub mc_cache_alignment: u32,
    /// Registers used.
    pub mc_nmsrvals: i32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// Registers.
    pub mc_msrvalues: [McinfoMsr; 8],
}
const _: () = assert!(size_of::<McinfoLogicalCpu>() == 304);

/// Argument of [`XEN_MC_FETCH`].
#[doc(alias = "xen_mc_fetch")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenMcFetch {
    /// In: requested telemetry. Out: the result.
    pub flags: u32,
    /// Reserved; zero.
    pub _pad0: u32,
    /// In: identifier to acknowledge. Out: identifier of the fetched telemetry.
    pub fetch_id: u64,
    /// Out: [`McInfo`].
    pub data: GuestHandle,
}
const _: () = assert!(size_of::<XenMcFetch>() == 24);

/// Argument of [`XEN_MC_NOTIFYDOMAIN`].
#[doc(alias = "xen_mc_notifydomain")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenMcNotifydomain {
    /// The domain.
    pub mc_domid: u16,
    /// The vCPU.
    pub mc_vcpuid: u16,
    /// Out: the result.
    pub flags: u32,
}
const _: () = assert!(size_of::<XenMcNotifydomain>() == 8);

/// Argument of [`XEN_MC_PHYSCPUINFO`].
#[doc(alias = "xen_mc_physcpuinfo")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenMcPhyscpuinfo {
    /// In: capacity of the array. Out: number of CPUs.
    pub ncpus: u32,
    /// Reserved; zero.
    pub _pad0: u32,
    /// Out: array of [`McinfoLogicalCpu`].
    pub info: GuestHandle,
}
const _: () = assert!(size_of::<XenMcPhyscpuinfo>() == 16);

/// Argument of [`XEN_MC_MSRINJECT`].
#[doc(alias = "xen_mc_msrinject")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenMcMsrinject {
    /// The CPU.
    pub mcinj_cpunr: u32,
    /// `MC_MSRINJ_F_*`.
    pub mcinj_flags: u32,
    /// Registers used.
    pub mcinj_count: u32,
    /// The domain that addresses belong to.
    pub mcinj_domid: DomId,
    /// Reserved; zero.
    pub _pad0: u16,
    /// Registers.
    pub mcinj_msr: [McinfoMsr; 8],
}
const _: () = assert!(size_of::<XenMcMsrinject>() == 144);

/// Argument of [`XEN_MC_MCEINJECT`].
#[doc(alias = "xen_mc_mceinject")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenMcMceinject {
    /// The CPU.
    pub mceinj_cpunr: u32,
}
const _: () = assert!(size_of::<XenMcMceinject>() == 4);

/// Argument of [`XEN_MC_INJECT_V2`].
#[doc(alias = "xen_mc_inject_v2")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenMcInjectV2 {
    /// `XEN_MC_INJECT_*`.
    pub flags: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// CPUs.
    pub cpumap: XenctlBitmap,
}
const _: () = assert!(size_of::<XenMcInjectV2>() == 24);

/// Argument of the hypercall: a command and its argument.
#[doc(alias = "xen_mc")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenMc {
    /// `XEN_MC_*`.
    pub cmd: u32,
    /// [`XEN_MCA_INTERFACE_VERSION`].
    pub interface_version: u32,
    /// The command's argument, at the start.
    pub u: [u64; 18],
}
const _: () = assert!(size_of::<XenMc>() == 152);
