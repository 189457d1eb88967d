//! The x86 part of the ABI. Layouts are those of 64-bit guests unless a module says otherwise.

pub mod cpuid;
pub mod guest_acpi;
pub mod hvm;
mod layouts;
pub mod pmu;
pub mod xen;
pub mod xen_mca;
pub mod xen_x86_64;

pub use self::layouts::*;
