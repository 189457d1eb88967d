//! Operations on the machine, for the hardware domain.
//!
//! Public header: `platform.h`.
//!
//! Coverage: 84 constants and 37 structures, of Xen 4.17 and 4.20; nothing is left out.

mod firmware;
mod machine;
mod pm;

pub use self::firmware::*;
pub use self::machine::*;
pub use self::pm::*;

use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Value of [`XenPlatformOp::interface_version`].
pub const XENPF_INTERFACE_VERSION: u32 = 0x3000001;
/// Command: sets the wall clock, in the old form. See [`XenpfSettime32`].
#[doc(alias = "XENPF_settime32")]
pub const XENPF_SETTIME32: u32 = 17;
/// Command: sets the wall clock. See [`XenpfSettime64`].
#[doc(alias = "XENPF_settime64")]
pub const XENPF_SETTIME64: u32 = 62;
/// Command: [`XENPF_SETTIME64`], the newer of the two forms.
#[doc(alias = "XENPF_settime")]
pub const XENPF_SETTIME: u32 = 62;
/// Command: adds a memory type range. See [`XenpfAddMemtype`].
#[doc(alias = "XENPF_add_memtype")]
pub const XENPF_ADD_MEMTYPE: u32 = 31;
/// Command: removes a memory type range. See [`XenpfDelMemtype`].
#[doc(alias = "XENPF_del_memtype")]
pub const XENPF_DEL_MEMTYPE: u32 = 32;
/// Command: reads a memory type range. See [`XenpfReadMemtype`].
#[doc(alias = "XENPF_read_memtype")]
pub const XENPF_READ_MEMTYPE: u32 = 33;
/// Command: loads microcode. See [`XenpfMicrocodeUpdate`].
#[doc(alias = "XENPF_microcode_update")]
pub const XENPF_MICROCODE_UPDATE: u32 = 35;
/// Command: loads microcode, with flags (Xen 4.19). See [`XenpfMicrocodeUpdate2`].
#[doc(alias = "XENPF_microcode_update2")]
pub const XENPF_MICROCODE_UPDATE2: u32 = 66;
/// Command: reports a quirk of the platform. See [`XenpfPlatformQuirk`].
#[doc(alias = "XENPF_platform_quirk")]
pub const XENPF_PLATFORM_QUIRK: u32 = 39;
/// Command: calls an EFI runtime service. See [`XenpfEfiRuntimeCall`].
#[doc(alias = "XENPF_efi_runtime_call")]
pub const XENPF_EFI_RUNTIME_CALL: u32 = 49;
/// Command: gets information that the firmware provided at boot. See [`XenpfFirmwareInfo`].
#[doc(alias = "XENPF_firmware_info")]
pub const XENPF_FIRMWARE_INFO: u32 = 50;
/// Command: enters an ACPI sleep state. See [`XenpfEnterAcpiSleep`].
#[doc(alias = "XENPF_enter_acpi_sleep")]
pub const XENPF_ENTER_ACPI_SLEEP: u32 = 51;
/// Command: reports a CPU's new frequency. See [`XenpfChangeFreq`].
#[doc(alias = "XENPF_change_freq")]
pub const XENPF_CHANGE_FREQ: u32 = 52;
/// Command: gets the idle times of CPUs. See [`XenpfGetidletime`].
#[doc(alias = "XENPF_getidletime")]
pub const XENPF_GETIDLETIME: u32 = 53;
/// Command: uploads power management data of a CPU. See [`XenpfSetProcessorPminfo`].
#[doc(alias = "XENPF_set_processor_pminfo")]
pub const XENPF_SET_PROCESSOR_PMINFO: u32 = 54;
/// Command: gets information on a CPU. See [`XenpfPcpuinfo`].
#[doc(alias = "XENPF_get_cpuinfo")]
pub const XENPF_GET_CPUINFO: u32 = 55;
/// Command: gets a CPU's model. See [`XenpfPcpuVersion`].
#[doc(alias = "XENPF_get_cpu_version")]
pub const XENPF_GET_CPU_VERSION: u32 = 48;
/// Command: brings a CPU online. See [`XenpfCpuOl`].
#[doc(alias = "XENPF_cpu_online")]
pub const XENPF_CPU_ONLINE: u32 = 56;
/// Command: takes a CPU offline. See [`XenpfCpuOl`].
#[doc(alias = "XENPF_cpu_offline")]
pub const XENPF_CPU_OFFLINE: u32 = 57;
/// Command: adds a CPU. See [`XenpfCpuHotadd`].
#[doc(alias = "XENPF_cpu_hotadd")]
pub const XENPF_CPU_HOTADD: u32 = 58;
/// Command: adds memory. See [`XenpfMemHotadd`].
#[doc(alias = "XENPF_mem_hotadd")]
pub const XENPF_MEM_HOTADD: u32 = 59;
/// Command: parks cores. See [`XenpfCoreParking`].
#[doc(alias = "XENPF_core_parking")]
pub const XENPF_CORE_PARKING: u32 = 60;
/// Command: reads or writes registers of a CPU. See [`XenpfResourceOp`].
#[doc(alias = "XENPF_resource_op")]
pub const XENPF_RESOURCE_OP: u32 = 61;
/// Command: gets a symbol of the hypervisor. See [`XenpfSymdata`].
#[doc(alias = "XENPF_get_symbol")]
pub const XENPF_GET_SYMBOL: u32 = 63;
/// Command: gets the video settings of the console (Xen 4.18). See
/// [`crate::xen::Dom0VgaConsoleInfo`].
#[doc(alias = "XENPF_get_dom0_console")]
pub const XENPF_GET_DOM0_CONSOLE: u32 = 64;
/// Command: gets a CPU's microcode (Xen 4.18). See [`XenpfUcodeRevision`].
#[doc(alias = "XENPF_get_ucode_revision")]
pub const XENPF_GET_UCODE_REVISION: u32 = 65;

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
