//! The end of the domain, on command or because dom0 asks for it.

use xen_front::control::Request;
use xen_hypercall::{Errno, Hypercall, ops::sched};
use xen_sys::sched::ShutdownReason;

/// Requests of dom0 that this kernel supports.
pub(crate) const HEEDED: [Request; 4] =
    [Request::Poweroff, Request::Halt, Request::Reboot, Request::Suspend];

/// Returns how a request ends the domain; `None` for one that does not.
pub(crate) fn reason(request: Request) -> Option<ShutdownReason> {
    match request {
        Request::Poweroff | Request::Halt => Some(ShutdownReason::POWEROFF),
        Request::Reboot => Some(ShutdownReason::REBOOT),
        Request::Crash => Some(ShutdownReason::CRASH),
        Request::Suspend => None,
    }
}

/// Ends the domain. Returns only if Xen refuses.
pub(crate) fn shutdown<H: Hypercall>(xen: &H, reason: ShutdownReason) -> Errno {
    match sched::shutdown(xen, reason) {
        Err(errno) => errno,
        Ok(never) => match never {},
    }
}
