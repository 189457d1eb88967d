//! Configuration of a domain that the test creates.

use xen_sys::arch_x86::xen::{EmulationFlags, XenArchDomainconfig};

/// Returns the part of x86: a local APIC.
pub(crate) fn config() -> XenArchDomainconfig {
    XenArchDomainconfig { emulation_flags: EmulationFlags::LAPIC, misc_flags: 0 }
}
