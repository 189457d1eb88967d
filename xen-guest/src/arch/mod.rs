//! Instructions that a guest kernel needs, by architecture.

cfg_if::cfg_if! {
    if #[cfg(target_arch = "x86_64")] {
        mod x86_64;
        pub use x86_64::{DebugPort, InterruptFlag, Tsc, disable_and_halt, read_tsc};
    } else if #[cfg(target_arch = "aarch64")] {
        mod aarch64;
        mod entry;
        mod gic;
        pub use aarch64::{Counter, InterruptFlag, Uart, VirtualTimer, disable_and_halt};
        pub use gic::{GicError, InterruptController};
    }
}
