//! The end of the domain, by a command or by a request of dom0.

use xen_guest::ShutdownRequest;
use xen_hypercall::{Errno, Hypercall, ops::sched};
use xen_sys::sched::ShutdownReason;

/// Supported requests of dom0.
pub(crate) const SUPPORTED: [ShutdownRequest; 5] = [
    ShutdownRequest::Poweroff,
    ShutdownRequest::Halt,
    ShutdownRequest::Reboot,
    ShutdownRequest::Suspend,
    ShutdownRequest::Crash,
];

/// Ends the domain. Returns only if Xen refuses.
pub(crate) fn shutdown<H: Hypercall>(xen: &H, reason: ShutdownReason) -> Errno {
    match sched::shutdown(xen, reason) {
        Err(errno) => errno,
        Ok(never) => match never {},
    }
}
