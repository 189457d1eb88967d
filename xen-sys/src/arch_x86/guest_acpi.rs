//! I/O ports of CPU hotplug in an HVM or PVH guest.
//!
//! Public header: `arch-x86/guest-acpi.h`.
//!
//! Coverage: 3 constants and no structures, of Xen 4.17 and 4.20; nothing is left out.

/// First I/O port of the bitmap of vCPUs that are to be online.
pub const XEN_ACPI_CPU_MAP: u32 = 0xaf00;
/// Bytes of that bitmap.
pub const XEN_ACPI_CPU_MAP_LEN: u32 = 16;
/// Event bit of CPU hotplug.
pub const XEN_ACPI_GPE0_CPUHP_BIT: u32 = 2;
