//! Hypercall instructions, and detection of Xen.

cfg_if::cfg_if! {
    if #[cfg(target_arch = "x86_64")] {
        mod x86_64;
        pub use x86_64::{Vmcall, Vmmcall, VendorCall};
    } else if #[cfg(target_arch = "aarch64")] {
        mod aarch64;
        pub use aarch64::Hvc;
    }
}

pub mod cpuid;
