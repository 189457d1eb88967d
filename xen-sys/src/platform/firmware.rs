//! Firmware: EFI, BIOS.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::xen::XenUlong;

/// Runtime service: gets the clock.
#[doc(alias = "XEN_EFI_get_time")]
pub const XEN_EFI_GET_TIME: u32 = 1;
/// Runtime service: sets the clock.
#[doc(alias = "XEN_EFI_set_time")]
pub const XEN_EFI_SET_TIME: u32 = 2;
/// Runtime service: gets the alarm.
#[doc(alias = "XEN_EFI_get_wakeup_time")]
pub const XEN_EFI_GET_WAKEUP_TIME: u32 = 3;
/// Runtime service: sets the alarm.
#[doc(alias = "XEN_EFI_set_wakeup_time")]
pub const XEN_EFI_SET_WAKEUP_TIME: u32 = 4;
/// Runtime service: gets the monotonic counter.
#[doc(alias = "XEN_EFI_get_next_high_monotonic_count")]
pub const XEN_EFI_GET_NEXT_HIGH_MONOTONIC_COUNT: u32 = 5;
/// Runtime service: reads a variable.
#[doc(alias = "XEN_EFI_get_variable")]
pub const XEN_EFI_GET_VARIABLE: u32 = 6;
/// Runtime service: writes a variable.
#[doc(alias = "XEN_EFI_set_variable")]
pub const XEN_EFI_SET_VARIABLE: u32 = 7;
/// Runtime service: lists variables.
#[doc(alias = "XEN_EFI_get_next_variable_name")]
pub const XEN_EFI_GET_NEXT_VARIABLE_NAME: u32 = 8;
/// Runtime service: gets the space for variables.
#[doc(alias = "XEN_EFI_query_variable_info")]
pub const XEN_EFI_QUERY_VARIABLE_INFO: u32 = 9;
/// Runtime service: gets the supported capsules.
#[doc(alias = "XEN_EFI_query_capsule_capabilities")]
pub const XEN_EFI_QUERY_CAPSULE_CAPABILITIES: u32 = 10;
/// Runtime service: passes capsules.
#[doc(alias = "XEN_EFI_update_capsule")]
pub const XEN_EFI_UPDATE_CAPSULE: u32 = 11;
/// Result bit: setting the clock clears the nanoseconds.
pub const XEN_EFI_GET_TIME_SET_CLEARS_NS: u32 = 0x1;
/// Result bit: the alarm is enabled.
pub const XEN_EFI_GET_WAKEUP_TIME_ENABLED: u32 = 0x1;
/// Result bit: the alarm has expired.
pub const XEN_EFI_GET_WAKEUP_TIME_PENDING: u32 = 0x2;
/// Argument bit: enables the alarm.
pub const XEN_EFI_SET_WAKEUP_TIME_ENABLE: u32 = 0x1;
/// Argument bit: enables the alarm without a new time.
pub const XEN_EFI_SET_WAKEUP_TIME_ENABLE_ONLY: u32 = 0x2;
/// Attribute: non-volatile.
pub const XEN_EFI_VARIABLE_NON_VOLATILE: u32 = 0x1;
/// Attribute: accessible to boot services.
pub const XEN_EFI_VARIABLE_BOOTSERVICE_ACCESS: u32 = 0x2;
/// Attribute: accessible to runtime services.
pub const XEN_EFI_VARIABLE_RUNTIME_ACCESS: u32 = 0x4;
/// Argument bit: values at boot.
pub const XEN_EFI_VARINFO_BOOT_SNAPSHOT: u32 = 0x1;

/// Time of the EFI clock.
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

/// EFI GUID.
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

/// Argument of [`XENPF_EFI_RUNTIME_CALL`](super::XENPF_EFI_RUNTIME_CALL).
#[doc(alias = "xenpf_efi_runtime_call")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenpfEfiRuntimeCall {
    /// Runtime service: `XEN_EFI_GET_TIME` and others.
    pub function: u32,
    /// Argument and result bits.
    pub misc: u32,
    /// Out: EFI status.
    pub status: XenUlong,
    /// Argument of the service: [`XenpfEfiTime`], or words in the order of the EFI call.
    pub u: [u64; 5],
}
const _: () = assert!(size_of::<XenpfEfiRuntimeCall>() == 56);

/// Information: a disk.
pub const XEN_FW_DISK_INFO: u32 = 1;
/// Information: a disk's signature.
pub const XEN_FW_DISK_MBR_SIGNATURE: u32 = 2;
/// Information: DDC data of the monitor.
pub const XEN_FW_VBEDDC_INFO: u32 = 3;
/// Information: EFI.
pub const XEN_FW_EFI_INFO: u32 = 4;
/// Information: shift state of the keyboard.
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

/// Argument of [`XENPF_FIRMWARE_INFO`](super::XENPF_FIRMWARE_INFO).
#[doc(alias = "xenpf_firmware_info")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenpfFirmwareInfo {
    /// `XEN_FW_*`.
    #[doc(alias = "type")]
    pub type_: u32,
    /// Index.
    pub index: u32,
    /// The information: [`XenpfEfiInfo`] at the start; for a disk, device, version, interfaces,
    /// geometry and the address of its parameters; or a few bytes.
    pub u: [u64; 4],
}
const _: () = assert!(size_of::<XenpfFirmwareInfo>() == 40);

/// Information on EFI.
#[doc(alias = "xenpf_efi_info")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenpfEfiInfo {
    /// By kind. Configuration tables: address, count. Region: address, size, attribute, type.
    /// Version: in the low half.
    pub words: [u64; 4],
}
const _: () = assert!(size_of::<XenpfEfiInfo>() == 32);
