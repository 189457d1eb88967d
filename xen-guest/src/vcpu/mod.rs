//! Start, stop, numbers and hotplug of vCPUs.

mod hotplug;
#[cfg(target_arch = "x86_64")]
mod start;

pub use hotplug::{MAX_VCPUS, VcpuRequest, VcpuWatcher};
#[cfg(target_arch = "x86_64")]
pub use start::{VcpuStart, apic_id, restart, start};

use xen_hypercall::Hypercall;
use xen_hypercall::ops::vcpu;

/// Returns the number of vCPUs that the domain has at most (`maxvcpus` of `xl`), up or down.
pub fn count<H: Hypercall>(xen: &H) -> u32 {
    (0..MAX_VCPUS).find(|&number| vcpu::is_up(xen, number).is_err()).unwrap_or(MAX_VCPUS)
}
