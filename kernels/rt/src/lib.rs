#![doc = include_str!("../README.md")]
#![no_std]
// On a host there is nothing to build; the crate is empty there, so that a workspace can be checked
// as a whole.
#![cfg(target_os = "none")]

extern crate alloc;

#[macro_use]
pub mod early;
mod balloon;
mod boot;
mod events;
mod foreign;
mod memory;
mod platform;
mod suspend;
mod vcpus;

cfg_if::cfg_if! {
    if #[cfg(target_arch = "x86_64")] {
        #[path = "x86_64/mod.rs"]
        mod machine;
        pub use machine::LineError;
    } else {
        #[path = "aarch64/mod.rs"]
        mod machine;
    }
}

pub use machine::cpu::{domain, tsc, undefined_instruction, xen_version};
use machine::{clock, cpu, debug, interrupts, output, paging, timers};
pub use platform::Rt;

/// Names the function that a kernel starts in: `fn main(xen: Rt)`.
///
/// It runs with interrupts on, a heap, a clock and 512 KiB of stack. When it returns, the domain
/// powers off.
#[macro_export]
macro_rules! entry {
    ($main:path) => {
        #[unsafe(no_mangle)]
        extern "Rust" fn xen_kernel_rt_main(xen: $crate::Rt) {
            let main: fn($crate::Rt) = $main;
            main(xen);
        }
    };
}
