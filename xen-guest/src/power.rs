//! The end of the domain.

use xen_hypercall::Hypercall;
use xen_hypercall::ops::sched;
use xen_sys::sched::ShutdownReason;

/// Powers the domain off.
pub fn power_off<H: Hypercall>(xen: &H) -> ! {
    shutdown(xen, ShutdownReason::POWEROFF)
}

/// Requests the toolstack to start the domain anew.
pub fn reboot<H: Hypercall>(xen: &H) -> ! {
    shutdown(xen, ShutdownReason::REBOOT)
}

/// Ends the domain as crashed, for a panic handler: the toolstack keeps or dumps its memory.
pub fn crash<H: Hypercall>(xen: &H) -> ! {
    shutdown(xen, ShutdownReason::CRASH)
}

/// Ends the domain, and stops this CPU if Xen refuses.
#[doc(alias = "SCHEDOP_shutdown")]
pub fn shutdown<H: Hypercall>(xen: &H, reason: ShutdownReason) -> ! {
    let _ = sched::shutdown(xen, reason);
    halt()
}

/// Stops this CPU for good.
pub fn halt() -> ! {
    loop {
        #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
        crate::arch::disable_and_halt();
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        core::hint::spin_loop();
    }
}
