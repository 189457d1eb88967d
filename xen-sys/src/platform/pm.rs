//! Power management: sleep, processor states.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::GuestHandle;

/// Flag of [`XenpfEnterAcpiSleep`]: the values are sleep types.
pub const XENPF_ACPI_SLEEP_EXTENDED: u32 = 0x1;

/// Argument of [`XENPF_ENTER_ACPI_SLEEP`](super::XENPF_ENTER_ACPI_SLEEP).
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
    /// Register of the state.
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
    /// From bit 0: bus master control, bus master check, states known, initialized, bus master
    /// reload.
    pub flags: u32,
}
const _: () = assert!(size_of::<XenProcessorFlags>() == 4);

/// Idle states of a CPU.
#[doc(alias = "xen_processor_power")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenProcessorPower {
    /// Number of states.
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
    /// Frequency in MHz.
    pub core_frequency: u64,
    /// Power in milliwatts.
    pub power: u64,
    /// Latency of the transition in microseconds.
    pub transition_latency: u64,
    /// Latency of the bus master in microseconds.
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
    /// Number of states.
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

/// Argument of [`XENPF_SET_PROCESSOR_PMINFO`](super::XENPF_SET_PROCESSOR_PMINFO).
#[doc(alias = "xenpf_set_processor_pminfo")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenpfSetProcessorPminfo {
    /// ACPI identifier of the CPU.
    pub id: u32,
    /// `XEN_PM_*`.
    #[doc(alias = "type")]
    pub type_: u32,
    /// [`XenProcessorPower`] or [`XenProcessorPerformance`] at the start, or the address of the
    /// capabilities.
    pub u: [u64; 13],
}
const _: () = assert!(size_of::<XenpfSetProcessorPminfo>() == 112);

/// Operation of [`XenpfCoreParking`]: set.
pub const XEN_CORE_PARKING_SET: u32 = 1;
/// Operation of [`XenpfCoreParking`]: get.
pub const XEN_CORE_PARKING_GET: u32 = 2;

/// Argument of [`XENPF_CORE_PARKING`](super::XENPF_CORE_PARKING).
#[doc(alias = "xenpf_core_parking")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenpfCoreParking {
    /// `XEN_CORE_PARKING_*`.
    #[doc(alias = "type")]
    pub type_: u32,
    /// Number of parked CPUs.
    pub idle_nums: u32,
}
const _: () = assert!(size_of::<XenpfCoreParking>() == 8);
