//! The last step of each boot, and the end after a panic.

use crate::platform::{self, Rt};
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use xen_sys::sched::ShutdownReason;

unsafe extern "Rust" {
    /// The function of [`entry!`](crate::entry).
    safe fn xen_kernel_rt_main(xen: Rt);
}

/// Calls the kernel's `main`, after which the domain powers off.
pub(crate) fn run() -> ! {
    xen_kernel_rt_main(Rt::new());
    Rt::new().shutdown(ShutdownReason::POWEROFF)
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    static PANICKING: AtomicBool = AtomicBool::new(false);
    if !PANICKING.swap(true, Relaxed) {
        early_println!("{info}");
    }
    platform::crash()
}
