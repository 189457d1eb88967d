//! Clock, memory, processors, microcode and symbols of the machine.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::GuestHandle;
use crate::xen::XenPfn;

/// Flag of [`XenpfMicrocodeUpdate2`]: loads the same or an older revision too.
pub const XENPF_UCODE_FORCE: u32 = 1;
/// Quirk: no balancing of interrupts.
pub const QUIRK_NOIRQBALANCING: u32 = 1;
/// Quirk: the I/O APIC forgets its register selection.
pub const QUIRK_IOAPIC_BAD_REGSEL: u32 = 2;
/// Quirk: the I/O APIC keeps its register selection.
pub const QUIRK_IOAPIC_GOOD_REGSEL: u32 = 3;

/// Argument of [`XENPF_SETTIME32`](super::XENPF_SETTIME32).
#[doc(alias = "xenpf_settime32")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenpfSettime32 {
    /// Seconds since 1970.
    pub secs: u32,
    /// Nanoseconds.
    pub nsecs: u32,
    /// System time at this wall clock time, in nanoseconds.
    pub system_time: u64,
}
const _: () = assert!(size_of::<XenpfSettime32>() == 16);

/// Argument of [`XENPF_SETTIME64`](super::XENPF_SETTIME64).
#[doc(alias = "xenpf_settime64")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenpfSettime64 {
    /// Seconds since 1970.
    pub secs: u64,
    /// Nanoseconds.
    pub nsecs: u32,
    /// Reserved; zero.
    pub mbz: u32,
    /// System time at this wall clock time, in nanoseconds.
    pub system_time: u64,
}
const _: () = assert!(size_of::<XenpfSettime64>() == 24);

/// Argument of [`XENPF_ADD_MEMTYPE`](super::XENPF_ADD_MEMTYPE).
#[doc(alias = "xenpf_add_memtype")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenpfAddMemtype {
    /// First frame.
    pub mfn: XenPfn,
    /// Number of frames.
    pub nr_mfns: u64,
    /// Memory type, as in the memory type range registers.
    #[doc(alias = "type")]
    pub type_: u32,
    /// Out: a handle.
    pub handle: u32,
    /// Out: number of the register.
    pub reg: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
}
const _: () = assert!(size_of::<XenpfAddMemtype>() == 32);

/// Argument of [`XENPF_DEL_MEMTYPE`](super::XENPF_DEL_MEMTYPE).
#[doc(alias = "xenpf_del_memtype")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenpfDelMemtype {
    /// The handle, or zero.
    pub handle: u32,
    /// Number of the register.
    pub reg: u32,
}
const _: () = assert!(size_of::<XenpfDelMemtype>() == 8);

/// Argument of [`XENPF_READ_MEMTYPE`](super::XENPF_READ_MEMTYPE).
#[doc(alias = "xenpf_read_memtype")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenpfReadMemtype {
    /// Number of the register.
    pub reg: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// Out: first frame.
    pub mfn: XenPfn,
    /// Out: number of frames.
    pub nr_mfns: u64,
    /// Out: memory type.
    #[doc(alias = "type")]
    pub type_: u32,
    /// Padding; zero.
    pub _pad1: [u8; 4],
}
const _: () = assert!(size_of::<XenpfReadMemtype>() == 32);

/// Argument of [`XENPF_MICROCODE_UPDATE`](super::XENPF_MICROCODE_UPDATE).
#[doc(alias = "xenpf_microcode_update")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenpfMicrocodeUpdate {
    /// The microcode.
    pub data: GuestHandle,
    /// Length in bytes.
    pub length: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
}
const _: () = assert!(size_of::<XenpfMicrocodeUpdate>() == 16);

/// Argument of [`XENPF_MICROCODE_UPDATE2`](super::XENPF_MICROCODE_UPDATE2).
#[doc(alias = "xenpf_microcode_update2")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenpfMicrocodeUpdate2 {
    /// [`XENPF_UCODE_FORCE`] or zero.
    pub flags: u32,
    /// Length in bytes.
    pub length: u32,
    /// The microcode.
    pub data: GuestHandle,
}
const _: () = assert!(size_of::<XenpfMicrocodeUpdate2>() == 16);

/// Argument of [`XENPF_GET_UCODE_REVISION`](super::XENPF_GET_UCODE_REVISION).
#[doc(alias = "xenpf_ucode_revision")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenpfUcodeRevision {
    /// The CPU.
    pub cpu: u32,
    /// Out: signature of the CPU.
    pub signature: u32,
    /// Out: platform flags (Intel).
    pub pf: u32,
    /// Out: the revision.
    pub revision: u32,
}
const _: () = assert!(size_of::<XenpfUcodeRevision>() == 16);

/// Argument of [`XENPF_PLATFORM_QUIRK`](super::XENPF_PLATFORM_QUIRK).
#[doc(alias = "xenpf_platform_quirk")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenpfPlatformQuirk {
    /// `QUIRK_*`.
    pub quirk_id: u32,
}
const _: () = assert!(size_of::<XenpfPlatformQuirk>() == 4);

/// Argument of [`XENPF_CHANGE_FREQ`](super::XENPF_CHANGE_FREQ).
#[doc(alias = "xenpf_change_freq")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenpfChangeFreq {
    /// Flags.
    pub flags: u32,
    /// The CPU.
    pub cpu: u32,
    /// Hertz.
    pub freq: u64,
}
const _: () = assert!(size_of::<XenpfChangeFreq>() == 16);

/// Argument of [`XENPF_GETIDLETIME`](super::XENPF_GETIDLETIME).
#[doc(alias = "xenpf_getidletime")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenpfGetidletime {
    /// In: requested CPUs. Out: CPUs that exist.
    pub cpumap_bitmap: GuestHandle,
    /// Length of the bitmap in bits.
    pub cpumap_nr_cpus: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// Out: array of `u64`: idle times in nanoseconds.
    pub idletime: GuestHandle,
    /// Out: system time.
    pub now: u64,
}
const _: () = assert!(size_of::<XenpfGetidletime>() == 32);

/// Flag of [`XenpfPcpuinfo`]: online.
pub const XEN_PCPU_FLAGS_ONLINE: u32 = 1;
/// Flag of [`XenpfPcpuinfo`]: the CPU does not exist.
pub const XEN_PCPU_FLAGS_INVALID: u32 = 2;

/// Argument of [`XENPF_GET_CPUINFO`](super::XENPF_GET_CPUINFO).
#[doc(alias = "xenpf_pcpuinfo")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenpfPcpuinfo {
    /// The CPU.
    pub xen_cpuid: u32,
    /// Out: the highest CPU.
    pub max_present: u32,
    /// Out: `XEN_PCPU_FLAGS_*`.
    pub flags: u32,
    /// Out: APIC identifier.
    pub apic_id: u32,
    /// Out: ACPI identifier.
    pub acpi_id: u32,
}
const _: () = assert!(size_of::<XenpfPcpuinfo>() == 20);

/// Argument of [`XENPF_GET_CPU_VERSION`](super::XENPF_GET_CPU_VERSION).
#[doc(alias = "xenpf_pcpu_version")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenpfPcpuVersion {
    /// The CPU.
    pub xen_cpuid: u32,
    /// Out: the highest CPU.
    pub max_present: u32,
    /// Out: vendor.
    pub vendor_id: [u8; 12],
    /// Out: family.
    pub family: u32,
    /// Out: model.
    pub model: u32,
    /// Out: stepping.
    pub stepping: u32,
}
const _: () = assert!(size_of::<XenpfPcpuVersion>() == 32);

/// Argument of [`XENPF_CPU_ONLINE`](super::XENPF_CPU_ONLINE) and
/// [`XENPF_CPU_OFFLINE`](super::XENPF_CPU_OFFLINE).
#[doc(alias = "xenpf_cpu_ol")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenpfCpuOl {
    /// The CPU.
    pub cpuid: u32,
}
const _: () = assert!(size_of::<XenpfCpuOl>() == 4);

/// Argument of [`XENPF_CPU_HOTADD`](super::XENPF_CPU_HOTADD).
#[doc(alias = "xenpf_cpu_hotadd")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenpfCpuHotadd {
    /// APIC identifier.
    pub apic_id: u32,
    /// ACPI identifier.
    pub acpi_id: u32,
    /// Proximity domain.
    pub pxm: u32,
}
const _: () = assert!(size_of::<XenpfCpuHotadd>() == 12);

/// Argument of [`XENPF_MEM_HOTADD`](super::XENPF_MEM_HOTADD).
#[doc(alias = "xenpf_mem_hotadd")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenpfMemHotadd {
    /// First frame.
    pub spfn: u64,
    /// End frame.
    pub epfn: u64,
    /// Proximity domain.
    pub pxm: u32,
    /// Flags.
    pub flags: u32,
}
const _: () = assert!(size_of::<XenpfMemHotadd>() == 24);
/// Operation of [`XenpfResourceEntry`]: read a register.
pub const XEN_RESOURCE_OP_MSR_READ: u32 = 0;
/// Operation of [`XenpfResourceEntry`]: write a register.
pub const XEN_RESOURCE_OP_MSR_WRITE: u32 = 1;

/// One access.
#[doc(alias = "xenpf_resource_entry")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenpfResourceEntry {
    /// In: `XEN_RESOURCE_OP_*`. Out: an error.
    pub u: u32,
    /// Reserved; zero.
    pub rsvd: u32,
    /// The register.
    pub idx: u64,
    /// The value.
    pub val: u64,
}
const _: () = assert!(size_of::<XenpfResourceEntry>() == 24);

/// Argument of [`XENPF_RESOURCE_OP`](super::XENPF_RESOURCE_OP).
#[doc(alias = "xenpf_resource_op")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenpfResourceOp {
    /// Number of entries.
    pub nr_entries: u32,
    /// The CPU.
    pub cpu: u32,
    /// Array of [`XenpfResourceEntry`].
    pub entries: GuestHandle,
}
const _: () = assert!(size_of::<XenpfResourceOp>() == 16);

/// Argument of [`XENPF_GET_SYMBOL`](super::XENPF_GET_SYMBOL).
#[doc(alias = "xenpf_symdata")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenpfSymdata {
    /// In: capacity for the name. Out: length of the name.
    pub namelen: u32,
    /// In: number of the symbol. Out: number of the next symbol.
    pub symnum: u32,
    /// Out: the name.
    pub name: GuestHandle,
    /// Out: the address.
    pub address: u64,
    /// Out: the kind, as nm prints it.
    #[doc(alias = "type")]
    pub type_: u8,
    /// Padding; zero.
    pub _pad0: [u8; 7],
}
const _: () = assert!(size_of::<XenpfSymdata>() == 32);
