//! Start, stop, numbers and hotplug of vCPUs.

mod hotplug;
cfg_if::cfg_if! {
    if #[cfg(target_arch = "x86_64")] {
        mod start;
        pub use start::{VcpuStart, apic_id, is_up, restart, start, stop};
    } else if #[cfg(target_arch = "aarch64")] {
        mod psci;
        pub use psci::{VcpuStart, is_up, restart, start, stop};
    }
}

pub use hotplug::{MAX_VCPUS, VcpuRequest, VcpuWatcher};

use xen_hypercall::Hypercall;

/// Returns the number of vCPUs that the domain has at most (`maxvcpus` of `xl`), up or down.
pub fn count<H: Hypercall>(xen: &H) -> u32 {
    (0..MAX_VCPUS).find(|&number| is_up(xen, number).is_err()).unwrap_or(MAX_VCPUS)
}
