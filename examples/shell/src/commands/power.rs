//! The end of the domain, by a command or by a request of dom0.

use xen_guest::ShutdownRequest;
use xen_hypercall::{Errno, Hypercall, ops::sched};
use xen_sys::sched::ShutdownReason;

/// Supported requests of dom0; the last one needs a Xen that suspends domains.
const SUPPORTED: [ShutdownRequest; 5] = [
    ShutdownRequest::Poweroff,
    ShutdownRequest::Halt,
    ShutdownRequest::Reboot,
    ShutdownRequest::Crash,
    ShutdownRequest::Suspend,
];

/// Returns the supported requests of dom0.
pub(crate) fn supported(can_suspend: bool) -> &'static [ShutdownRequest] {
    match SUPPORTED.split_last() {
        Some((_suspend, others)) if !can_suspend => others,
        _ => &SUPPORTED,
    }
}

/// Ends the domain. Returns only if Xen refuses.
pub(crate) fn shutdown<H: Hypercall>(xen: &H, reason: ShutdownReason) -> Errno {
    match sched::shutdown(xen, reason) {
        Err(errno) => errno,
        Ok(never) => match never {},
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suspend_is_offered_where_xen_can() {
        let is_offered = |can| supported(can).contains(&ShutdownRequest::Suspend);
        assert_eq!((is_offered(true), is_offered(false)), (true, false));
        assert_eq!(supported(false).len() + 1, supported(true).len());
    }
}
