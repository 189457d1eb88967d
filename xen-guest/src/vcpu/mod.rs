//! Start, stop, numbers and hotplug of vCPUs.

mod hotplug;
#[cfg(target_arch = "x86_64")]
mod start;

pub use hotplug::{MAX_VCPUS, VcpuRequest, VcpuWatcher};
#[cfg(target_arch = "x86_64")]
pub use start::{VcpuStart, apic_id, start};

use xen_hypercall::ops::vcpu;
use xen_hypercall::{Errno, Hypercall};

/// Returns the number of vCPUs that the domain has at most (`maxvcpus` of `xl`), up or down.
pub fn count<H: Hypercall>(xen: &H) -> u32 {
    (0..MAX_VCPUS).find(|&number| vcpu::is_up(xen, number).is_err()).unwrap_or(MAX_VCPUS)
}

/// Starts `vcpu`, which was stopped by its own `VCPUOP_down`: it continues behind that call.
///
/// # Errors
///
/// `ENOENT` if there is no such vCPU, `EINVAL` if it was never started, or the domain was restored
/// since: Xen saves no state of a vCPU that is down, so [`start`] it as at first.
///
/// # Safety
///
/// The code behind the call must be sound to execute beside the caller's.
#[doc(alias = "VCPUOP_up")]
pub unsafe fn restart<H: Hypercall>(xen: &H, vcpu: u32) -> Result<(), Errno> {
    // SAFETY: the caller vouches for the code of the vCPU.
    unsafe { vcpu::up(xen, vcpu) }
}
