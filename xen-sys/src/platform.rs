//! Operations on the machine, for the hardware domain.
//!
//! Public header: `platform.h`.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::GuestHandle;
use crate::xen::XenPfn;
use crate::xen::XenUlong;

/// Value of [`XenPlatformOp::interface_version`].
pub const XENPF_INTERFACE_VERSION: u32 = 0x3000001;
/// Sets the wall clock, in the old form. See [`XenpfSettime32`].
#[doc(alias = "XENPF_settime32")]
pub const XENPF_SETTIME32: u32 = 17;
/// Sets the wall clock. See [`XenpfSettime64`].
#[doc(alias = "XENPF_settime64")]
pub const XENPF_SETTIME64: u32 = 62;
/// Sets the wall clock; the newer of the two forms.
#[doc(alias = "XENPF_settime")]
pub const XENPF_SETTIME: u32 = 62;
/// Adds a memory type range. See [`XenpfAddMemtype`].
#[doc(alias = "XENPF_add_memtype")]
pub const XENPF_ADD_MEMTYPE: u32 = 31;
/// Removes a memory type range. See [`XenpfDelMemtype`].
#[doc(alias = "XENPF_del_memtype")]
pub const XENPF_DEL_MEMTYPE: u32 = 32;
/// Reads a memory type range. See [`XenpfReadMemtype`].
#[doc(alias = "XENPF_read_memtype")]
pub const XENPF_READ_MEMTYPE: u32 = 33;
/// Loads microcode. See [`XenpfMicrocodeUpdate`].
#[doc(alias = "XENPF_microcode_update")]
pub const XENPF_MICROCODE_UPDATE: u32 = 35;
/// Loads microcode, with flags (Xen 4.19). See [`XenpfMicrocodeUpdate2`].
#[doc(alias = "XENPF_microcode_update2")]
pub const XENPF_MICROCODE_UPDATE2: u32 = 66;
/// Reports a quirk. See [`XenpfPlatformQuirk`].
#[doc(alias = "XENPF_platform_quirk")]
pub const XENPF_PLATFORM_QUIRK: u32 = 39;
/// Calls the firmware. See [`XenpfEfiRuntimeCall`].
#[doc(alias = "XENPF_efi_runtime_call")]
pub const XENPF_EFI_RUNTIME_CALL: u32 = 49;
/// Asks what the firmware told at boot. See [`XenpfFirmwareInfo`].
#[doc(alias = "XENPF_firmware_info")]
pub const XENPF_FIRMWARE_INFO: u32 = 50;
/// Puts the machine to sleep, or off. See [`XenpfEnterAcpiSleep`].
#[doc(alias = "XENPF_enter_acpi_sleep")]
pub const XENPF_ENTER_ACPI_SLEEP: u32 = 51;
/// Reports a CPU's new frequency. See [`XenpfChangeFreq`].
#[doc(alias = "XENPF_change_freq")]
pub const XENPF_CHANGE_FREQ: u32 = 52;
/// Asks how long CPUs were idle. See [`XenpfGetidletime`].
#[doc(alias = "XENPF_getidletime")]
pub const XENPF_GETIDLETIME: u32 = 53;
/// Passes on power management data of a CPU. See [`XenpfSetProcessorPminfo`].
#[doc(alias = "XENPF_set_processor_pminfo")]
pub const XENPF_SET_PROCESSOR_PMINFO: u32 = 54;
/// Asks about a CPU. See [`XenpfPcpuinfo`].
#[doc(alias = "XENPF_get_cpuinfo")]
pub const XENPF_GET_CPUINFO: u32 = 55;
/// Asks for a CPU's model. See [`XenpfPcpuVersion`].
#[doc(alias = "XENPF_get_cpu_version")]
pub const XENPF_GET_CPU_VERSION: u32 = 48;
/// Brings a CPU up. See [`XenpfCpuOl`].
#[doc(alias = "XENPF_cpu_online")]
pub const XENPF_CPU_ONLINE: u32 = 56;
/// Takes a CPU down. See [`XenpfCpuOl`].
#[doc(alias = "XENPF_cpu_offline")]
pub const XENPF_CPU_OFFLINE: u32 = 57;
/// Adds a CPU. See [`XenpfCpuHotadd`].
#[doc(alias = "XENPF_cpu_hotadd")]
pub const XENPF_CPU_HOTADD: u32 = 58;
/// Adds memory. See [`XenpfMemHotadd`].
#[doc(alias = "XENPF_mem_hotadd")]
pub const XENPF_MEM_HOTADD: u32 = 59;
/// Parks cores. See [`XenpfCoreParking`].
#[doc(alias = "XENPF_core_parking")]
pub const XENPF_CORE_PARKING: u32 = 60;
/// Accesses registers of a CPU. See [`XenpfResourceOp`].
#[doc(alias = "XENPF_resource_op")]
pub const XENPF_RESOURCE_OP: u32 = 61;
/// Asks for a symbol of the hypervisor. See [`XenpfSymdata`].
#[doc(alias = "XENPF_get_symbol")]
pub const XENPF_GET_SYMBOL: u32 = 63;
/// Asks for the screen (Xen 4.18). See [`crate::xen::Dom0VgaConsoleInfo`].
#[doc(alias = "XENPF_get_dom0_console")]
pub const XENPF_GET_DOM0_CONSOLE: u32 = 64;
/// Asks for a CPU's microcode (Xen 4.18). See [`XenpfUcodeRevision`].
#[doc(alias = "XENPF_get_ucode_revision")]
pub const XENPF_GET_UCODE_REVISION: u32 = 65;
/// Flag of [`XenpfMicrocodeUpdate2`]: an older one too.
pub const XENPF_UCODE_FORCE: u32 = 1;
/// Flag of [`XenpfEnterAcpiSleep`]: the values are sleep types.
pub const XENPF_ACPI_SLEEP_EXTENDED: u32 = 0x1;
/// Quirk: interrupts are not to be balanced.
pub const QUIRK_NOIRQBALANCING: u32 = 1;
/// Quirk: the I/O APIC forgets its register selection.
pub const QUIRK_IOAPIC_BAD_REGSEL: u32 = 2;
/// Quirk: the I/O APIC keeps its register selection.
pub const QUIRK_IOAPIC_GOOD_REGSEL: u32 = 3;

/// Argument of [`XENPF_SETTIME32`].
#[doc(alias = "xenpf_settime32")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenpfSettime32 {
    /// Seconds since 1970.
    pub secs: u32,
    /// Nanoseconds.
    pub nsecs: u32,
    /// System time to which they belong.
    pub system_time: u64,
}
const _: () = assert!(size_of::<XenpfSettime32>() == 16);

/// Argument of [`XENPF_SETTIME64`].
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
    /// System time to which they belong.
    pub system_time: u64,
}
const _: () = assert!(size_of::<XenpfSettime64>() == 24);

/// Argument of [`XENPF_ADD_MEMTYPE`].
#[doc(alias = "xenpf_add_memtype")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenpfAddMemtype {
    /// First frame.
    pub mfn: XenPfn,
    /// How many frames.
    pub nr_mfns: u64,
    /// The type, as in the range registers.
    #[doc(alias = "type")]
    pub type_: u32,
    /// Out: a handle.
    pub handle: u32,
    /// Out: the register.
    pub reg: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
}
const _: () = assert!(size_of::<XenpfAddMemtype>() == 32);

/// Argument of [`XENPF_DEL_MEMTYPE`].
#[doc(alias = "xenpf_del_memtype")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenpfDelMemtype {
    /// The handle, or zero.
    pub handle: u32,
    /// The register.
    pub reg: u32,
}
const _: () = assert!(size_of::<XenpfDelMemtype>() == 8);

/// Argument of [`XENPF_READ_MEMTYPE`].
#[doc(alias = "xenpf_read_memtype")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenpfReadMemtype {
    /// The register.
    pub reg: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// Out: first frame.
    pub mfn: XenPfn,
    /// Out: how many frames.
    pub nr_mfns: u64,
    /// Out: the type.
    #[doc(alias = "type")]
    pub type_: u32,
    /// Padding; zero.
    pub _pad1: [u8; 4],
}
const _: () = assert!(size_of::<XenpfReadMemtype>() == 32);

/// Argument of [`XENPF_MICROCODE_UPDATE`].
#[doc(alias = "xenpf_microcode_update")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenpfMicrocodeUpdate {
    /// The microcode.
    pub data: GuestHandle,
    /// Its length in bytes.
    pub length: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
}
const _: () = assert!(size_of::<XenpfMicrocodeUpdate>() == 16);

/// Argument of [`XENPF_MICROCODE_UPDATE2`].
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

/// Argument of [`XENPF_GET_UCODE_REVISION`].
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

/// Argument of [`XENPF_PLATFORM_QUIRK`].
#[doc(alias = "xenpf_platform_quirk")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenpfPlatformQuirk {
    /// `QUIRK_*`.
    pub quirk_id: u32,
}
const _: () = assert!(size_of::<XenpfPlatformQuirk>() == 4);

/// Call of the firmware: reads the clock.
#[doc(alias = "XEN_EFI_get_time")]
pub const XEN_EFI_GET_TIME: u32 = 1;
/// Call of the firmware: sets the clock.
#[doc(alias = "XEN_EFI_set_time")]
pub const XEN_EFI_SET_TIME: u32 = 2;
/// Call of the firmware: reads the alarm.
#[doc(alias = "XEN_EFI_get_wakeup_time")]
pub const XEN_EFI_GET_WAKEUP_TIME: u32 = 3;
/// Call of the firmware: sets the alarm.
#[doc(alias = "XEN_EFI_set_wakeup_time")]
pub const XEN_EFI_SET_WAKEUP_TIME: u32 = 4;
/// Call of the firmware: counts boots.
#[doc(alias = "XEN_EFI_get_next_high_monotonic_count")]
pub const XEN_EFI_GET_NEXT_HIGH_MONOTONIC_COUNT: u32 = 5;
/// Call of the firmware: reads a variable.
#[doc(alias = "XEN_EFI_get_variable")]
pub const XEN_EFI_GET_VARIABLE: u32 = 6;
/// Call of the firmware: writes a variable.
#[doc(alias = "XEN_EFI_set_variable")]
pub const XEN_EFI_SET_VARIABLE: u32 = 7;
/// Call of the firmware: lists variables.
#[doc(alias = "XEN_EFI_get_next_variable_name")]
pub const XEN_EFI_GET_NEXT_VARIABLE_NAME: u32 = 8;
/// Call of the firmware: asks for room for variables.
#[doc(alias = "XEN_EFI_query_variable_info")]
pub const XEN_EFI_QUERY_VARIABLE_INFO: u32 = 9;
/// Call of the firmware: asks about capsules.
#[doc(alias = "XEN_EFI_query_capsule_capabilities")]
pub const XEN_EFI_QUERY_CAPSULE_CAPABILITIES: u32 = 10;
/// Call of the firmware: passes capsules.
#[doc(alias = "XEN_EFI_update_capsule")]
pub const XEN_EFI_UPDATE_CAPSULE: u32 = 11;
/// Result bit: setting the clock clears the nanoseconds.
pub const XEN_EFI_GET_TIME_SET_CLEARS_NS: u32 = 0x1;
/// Result bit: the alarm is on.
pub const XEN_EFI_GET_WAKEUP_TIME_ENABLED: u32 = 0x1;
/// Result bit: the alarm has gone off.
pub const XEN_EFI_GET_WAKEUP_TIME_PENDING: u32 = 0x2;
/// Argument bit: switch the alarm on.
pub const XEN_EFI_SET_WAKEUP_TIME_ENABLE: u32 = 0x1;
/// Argument bit: switch the alarm on without a new time.
pub const XEN_EFI_SET_WAKEUP_TIME_ENABLE_ONLY: u32 = 0x2;
/// Attribute: kept without power.
pub const XEN_EFI_VARIABLE_NON_VOLATILE: u32 = 0x1;
/// Attribute: usable at boot.
pub const XEN_EFI_VARIABLE_BOOTSERVICE_ACCESS: u32 = 0x2;
/// Attribute: usable later.
pub const XEN_EFI_VARIABLE_RUNTIME_ACCESS: u32 = 0x4;
/// Argument bit: as it was at boot.
pub const XEN_EFI_VARINFO_BOOT_SNAPSHOT: u32 = 0x1;

/// A time of the firmware's.
#[doc(alias = "xenpf_efi_time")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenpfEfiTime {
    /// Year.
    pub year: u16,
    /// Month, from 1.
    pub month: u8,
    /// Day, from 1.
    pub day: u8,
    /// Hour.
    pub hour: u8,
    /// Minute.
    pub min: u8,
    /// Second.
    pub sec: u8,
    /// Padding; zero.
    pub _pad0: [u8; 1],
    /// Nanosecond.
    pub ns: u32,
    /// Minutes from universal time, or 2047 for local time.
    pub tz: i16,
    /// Daylight saving.
    pub daylight: u8,
    /// Padding; zero.
    pub _pad1: [u8; 1],
}
const _: () = assert!(size_of::<XenpfEfiTime>() == 16);

/// An identifier of the firmware's.
#[doc(alias = "xenpf_efi_guid")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenpfEfiGuid {
    /// First part.
    pub data1: u32,
    /// Second part.
    pub data2: u16,
    /// Third part.
    pub data3: u16,
    /// Fourth part.
    pub data4: [u8; 8],
}
const _: () = assert!(size_of::<XenpfEfiGuid>() == 16);

/// Argument of [`XENPF_EFI_RUNTIME_CALL`].
#[doc(alias = "xenpf_efi_runtime_call")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenpfEfiRuntimeCall {
    /// `XEN_EFI_*`.
    pub function: u32,
    /// Flags of the call, in and out.
    pub misc: u32,
    /// Out: the firmware's status.
    pub status: XenUlong,
    /// The call's argument: [`XenpfEfiTime`], or words in the order of the firmware's call.
    pub u: [u64; 5],
}
const _: () = assert!(size_of::<XenpfEfiRuntimeCall>() == 56);

/// Information: a disk.
pub const XEN_FW_DISK_INFO: u32 = 1;
/// Information: a disk's signature.
pub const XEN_FW_DISK_MBR_SIGNATURE: u32 = 2;
/// Information: the monitor.
pub const XEN_FW_VBEDDC_INFO: u32 = 3;
/// Information: EFI.
pub const XEN_FW_EFI_INFO: u32 = 4;
/// Information: keys that were held.
pub const XEN_FW_KBD_SHIFT_FLAGS: u32 = 5;
/// Information on EFI: version.
pub const XEN_FW_EFI_VERSION: u32 = 0;
/// Information on EFI: configuration tables.
pub const XEN_FW_EFI_CONFIG_TABLE: u32 = 1;
/// Information on EFI: vendor.
pub const XEN_FW_EFI_VENDOR: u32 = 2;
/// Information on EFI: a region of memory.
pub const XEN_FW_EFI_MEM_INFO: u32 = 3;
/// Information on EFI: version of the runtime services.
pub const XEN_FW_EFI_RT_VERSION: u32 = 4;
/// Information on EFI: a device's ROM.
pub const XEN_FW_EFI_PCI_ROM: u32 = 5;
/// Information on EFI: Apple's device properties.
pub const XEN_FW_EFI_APPLE_PROPERTIES: u32 = 6;

/// Argument of [`XENPF_FIRMWARE_INFO`].
#[doc(alias = "xenpf_firmware_info")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenpfFirmwareInfo {
    /// `XEN_FW_*`.
    #[doc(alias = "type")]
    pub type_: u32,
    /// Which one.
    pub index: u32,
    /// The information: [`XenpfEfiInfo`] at the start; for a disk, device, version, interfaces, geometry and the address of its parameters; or a few bytes.
    pub u: [u64; 4],
}
const _: () = assert!(size_of::<XenpfFirmwareInfo>() == 40);

/// Information on EFI.
#[doc(alias = "xenpf_efi_info")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenpfEfiInfo {
    /// By kind. Configuration tables: address, count. Region: address, size, attribute, type. Version: in the low half.
    pub words: [u64; 4],
}
const _: () = assert!(size_of::<XenpfEfiInfo>() == 32);

/// Argument of [`XENPF_ENTER_ACPI_SLEEP`].
#[doc(alias = "xenpf_enter_acpi_sleep")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenpfEnterAcpiSleep {
    /// Value for the first control register.
    pub val_a: u16,
    /// Value for the second control register.
    pub val_b: u16,
    /// The state: 5 is off.
    pub sleep_state: u32,
    /// [`XENPF_ACPI_SLEEP_EXTENDED`] or zero.
    pub flags: u32,
}
const _: () = assert!(size_of::<XenpfEnterAcpiSleep>() == 12);

/// Argument of [`XENPF_CHANGE_FREQ`].
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

/// Argument of [`XENPF_GETIDLETIME`].
#[doc(alias = "xenpf_getidletime")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenpfGetidletime {
    /// In: CPUs asked about. Out: those that there are.
    pub cpumap_bitmap: GuestHandle,
    /// Length of the bitmap in bits.
    pub cpumap_nr_cpus: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// Out: array of `u64`, nanoseconds.
    pub idletime: GuestHandle,
    /// Out: system time.
    pub now: u64,
}
const _: () = assert!(size_of::<XenpfGetidletime>() == 32);

/// Ability bit: idle states.
pub const XEN_PROCESSOR_PM_CX: u32 = 1;
/// Ability bit: performance states.
pub const XEN_PROCESSOR_PM_PX: u32 = 2;
/// Ability bit: throttling.
pub const XEN_PROCESSOR_PM_TX: u32 = 4;
/// Kind of data: idle states. See [`XenProcessorPower`].
pub const XEN_PM_CX: u32 = 0;
/// Kind of data: performance states. See [`XenProcessorPerformance`].
pub const XEN_PM_PX: u32 = 1;
/// Kind of data: throttling.
pub const XEN_PM_TX: u32 = 2;
/// Kind of data: capabilities of the operating system.
pub const XEN_PM_PDC: u32 = 3;
/// Performance data: control registers.
pub const XEN_PX_PCT: u32 = 1;
/// Performance data: states.
pub const XEN_PX_PSS: u32 = 2;
/// Performance data: limit.
pub const XEN_PX_PPC: u32 = 4;
/// Performance data: dependencies.
pub const XEN_PX_PSD: u32 = 8;
/// Dependency: coordinated by hardware.
pub const XEN_CPUPERF_SHARED_TYPE_HW: u32 = 1;
/// Dependency: software sets all CPUs.
pub const XEN_CPUPERF_SHARED_TYPE_ALL: u32 = 2;
/// Dependency: software sets any CPU.
pub const XEN_CPUPERF_SHARED_TYPE_ANY: u32 = 3;

/// A register, as ACPI describes it.
#[doc(alias = "xen_power_register")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenPowerRegister {
    /// Address space.
    pub space_id: u32,
    /// Width in bits.
    pub bit_width: u32,
    /// Offset in bits.
    pub bit_offset: u32,
    /// Access size.
    pub access_size: u32,
    /// Address.
    pub address: u64,
}
const _: () = assert!(size_of::<XenPowerRegister>() == 24);

/// A dependency between idle states.
#[doc(alias = "xen_processor_csd")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenProcessorCsd {
    /// The group.
    pub domain: u32,
    /// Kind of coordination.
    pub coord_type: u32,
    /// CPUs in the group.
    pub num: u32,
}
const _: () = assert!(size_of::<XenProcessorCsd>() == 12);

/// An idle state.
#[doc(alias = "xen_processor_cx")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenProcessorCx {
    /// Its register.
    pub reg: XenPowerRegister,
    /// ACPI type.
    #[doc(alias = "type")]
    pub type_: u8,
    /// Padding; zero.
    pub _pad0: [u8; 3],
    /// Worst latency in microseconds.
    pub latency: u32,
    /// Power in milliwatts.
    pub power: u32,
    /// Number of dependencies.
    pub dpcnt: u32,
    /// Array of [`XenProcessorCsd`].
    pub dp: GuestHandle,
}
const _: () = assert!(size_of::<XenProcessorCx>() == 48);

/// Flags of idle states.
#[doc(alias = "xen_processor_flags")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenProcessorFlags {
    /// From bit 0: bus master control, bus master check, states known, set up done, bus master reload.
    pub flags: u32,
}
const _: () = assert!(size_of::<XenProcessorFlags>() == 4);

/// Idle states of a CPU.
#[doc(alias = "xen_processor_power")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenProcessorPower {
    /// How many.
    pub count: u32,
    /// Flags.
    pub flags: XenProcessorFlags,
    /// Array of [`XenProcessorCx`].
    pub states: GuestHandle,
}
const _: () = assert!(size_of::<XenProcessorPower>() == 16);

/// A performance control register, as ACPI describes it.
#[doc(alias = "xen_pct_register")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenPctRegister {
    /// Descriptor.
    pub descriptor: u8,
    /// Padding; zero.
    pub _pad0: [u8; 1],
    /// Length.
    pub length: u16,
    /// Address space.
    pub space_id: u8,
    /// Width in bits.
    pub bit_width: u8,
    /// Offset in bits.
    pub bit_offset: u8,
    /// Reserved; zero.
    pub reserved: u8,
    /// Address.
    pub address: u64,
}
const _: () = assert!(size_of::<XenPctRegister>() == 16);

/// A performance state.
#[doc(alias = "xen_processor_px")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenProcessorPx {
    /// Megahertz.
    pub core_frequency: u64,
    /// Milliwatts.
    pub power: u64,
    /// Microseconds.
    pub transition_latency: u64,
    /// Microseconds.
    pub bus_master_latency: u64,
    /// Value for the control register.
    pub control: u64,
    /// Value of the status register.
    pub status: u64,
}
const _: () = assert!(size_of::<XenProcessorPx>() == 48);

/// A dependency between performance states.
#[doc(alias = "xen_psd_package")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenPsdPackage {
    /// Entries.
    pub num_entries: u64,
    /// Revision.
    pub revision: u64,
    /// The group.
    pub domain: u64,
    /// Kind of coordination.
    pub coord_type: u64,
    /// CPUs in the group.
    pub num_processors: u64,
}
const _: () = assert!(size_of::<XenPsdPackage>() == 40);

/// Performance states of a CPU.
#[doc(alias = "xen_processor_performance")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenProcessorPerformance {
    /// `XEN_PX_*`.
    pub flags: u32,
    /// Highest state allowed.
    pub platform_limit: u32,
    /// Control register.
    pub control_register: XenPctRegister,
    /// Status register.
    pub status_register: XenPctRegister,
    /// How many states.
    pub state_count: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// Array of [`XenProcessorPx`].
    pub states: GuestHandle,
    /// Dependency.
    pub domain_info: XenPsdPackage,
    /// `XEN_CPUPERF_SHARED_TYPE_*`.
    pub shared_type: u32,
    /// Padding; zero.
    pub _pad1: [u8; 4],
}
const _: () = assert!(size_of::<XenProcessorPerformance>() == 104);

/// Argument of [`XENPF_SET_PROCESSOR_PMINFO`].
#[doc(alias = "xenpf_set_processor_pminfo")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenpfSetProcessorPminfo {
    /// ACPI identifier of the CPU.
    pub id: u32,
    /// `XEN_PM_*`.
    #[doc(alias = "type")]
    pub type_: u32,
    /// [`XenProcessorPower`] or [`XenProcessorPerformance`] at the start, or the address of the capabilities.
    pub u: [u64; 13],
}
const _: () = assert!(size_of::<XenpfSetProcessorPminfo>() == 112);

/// Flag of [`XenpfPcpuinfo`]: up.
pub const XEN_PCPU_FLAGS_ONLINE: u32 = 1;
/// Flag of [`XenpfPcpuinfo`]: no such CPU.
pub const XEN_PCPU_FLAGS_INVALID: u32 = 2;

/// Argument of [`XENPF_GET_CPUINFO`].
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

/// Argument of [`XENPF_GET_CPU_VERSION`].
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

/// Argument of [`XENPF_CPU_ONLINE`] and [`XENPF_CPU_OFFLINE`].
#[doc(alias = "xenpf_cpu_ol")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenpfCpuOl {
    /// The CPU.
    pub cpuid: u32,
}
const _: () = assert!(size_of::<XenpfCpuOl>() == 4);

/// Argument of [`XENPF_CPU_HOTADD`].
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

/// Argument of [`XENPF_MEM_HOTADD`].
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

/// Operation of [`XenpfCoreParking`]: park.
pub const XEN_CORE_PARKING_SET: u32 = 1;
/// Operation of [`XenpfCoreParking`]: ask.
pub const XEN_CORE_PARKING_GET: u32 = 2;
/// Operation of [`XenpfResourceEntry`]: read a register.
pub const XEN_RESOURCE_OP_MSR_READ: u32 = 0;
/// Operation of [`XenpfResourceEntry`]: write a register.
pub const XEN_RESOURCE_OP_MSR_WRITE: u32 = 1;

/// Argument of [`XENPF_CORE_PARKING`].
#[doc(alias = "xenpf_core_parking")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenpfCoreParking {
    /// `XEN_CORE_PARKING_*`.
    #[doc(alias = "type")]
    pub type_: u32,
    /// How many CPUs are parked.
    pub idle_nums: u32,
}
const _: () = assert!(size_of::<XenpfCoreParking>() == 8);

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

/// Argument of [`XENPF_RESOURCE_OP`].
#[doc(alias = "xenpf_resource_op")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenpfResourceOp {
    /// How many.
    pub nr_entries: u32,
    /// The CPU.
    pub cpu: u32,
    /// Array of [`XenpfResourceEntry`].
    pub entries: GuestHandle,
}
const _: () = assert!(size_of::<XenpfResourceOp>() == 16);

/// Argument of [`XENPF_GET_SYMBOL`].
#[doc(alias = "xenpf_symdata")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenpfSymdata {
    /// In: room for the name. Out: its length.
    pub namelen: u32,
    /// In: which one. Out: the next one.
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

/// Argument of [`crate::xen::HYPERVISOR_PLATFORM_OP`]: a command and its argument.
#[doc(alias = "xen_platform_op")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenPlatformOp {
    /// `XENPF_*`.
    pub cmd: u32,
    /// [`XENPF_INTERFACE_VERSION`].
    pub interface_version: u32,
    /// The command's argument, at the start.
    pub u: [u64; 16],
}
const _: () = assert!(size_of::<XenPlatformOp>() == 136);
