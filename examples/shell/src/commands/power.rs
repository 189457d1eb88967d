//! The end of the domain: on command, or because dom0 asks for it in `control/shutdown`.

use crate::error::Error;
use xen_hypercall::{Errno, Hypercall, Platform, ops::sched};
use xen_store::{Nodes, Watch, XenStore};
use xen_sys::sched::ShutdownReason;

const SHUTDOWN: &str = "control/shutdown";

/// dom0's wish that the domain ends.
#[derive(Debug)]
pub(crate) struct Control<'a, P: Platform> {
    store: &'a XenStore<P>,
    watch: Watch<'a, P>,
}

impl<'a, P: Platform> Control<'a, P> {
    /// Says that this domain heeds the wish, and watches for it.
    pub(crate) fn new(store: &'a XenStore<P>) -> Result<Self, Error> {
        for feature in ["control/feature-poweroff", "control/feature-reboot"] {
            store.write(feature, "1")?;
        }
        Ok(Self { store, watch: store.watch(SHUTDOWN)? })
    }

    /// Returns what dom0 asks for now, and tells it that it was heard.
    pub(crate) fn poll(&self) -> Result<Option<ShutdownReason>, Error> {
        if self.watch.try_next()?.is_none() {
            return Ok(None);
        }
        let reason = match self.store.read_string::<16>(SHUTDOWN) {
            Ok(wish) => reason(&wish),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error.into()),
        };
        if reason.is_some() {
            self.store.write(SHUTDOWN, "")?;
        }
        Ok(reason)
    }
}

fn reason(wish: &str) -> Option<ShutdownReason> {
    match wish {
        "poweroff" | "halt" => Some(ShutdownReason::POWEROFF),
        "reboot" => Some(ShutdownReason::REBOOT),
        _ => None,
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
    fn wishes_that_are_not_for_this_kernel_are_left_alone() {
        assert_eq!(reason("poweroff"), Some(ShutdownReason::POWEROFF));
        assert_eq!(reason("reboot"), Some(ShutdownReason::REBOOT));
        assert_eq!(reason("suspend"), None);
        assert_eq!(reason(""), None);
    }
}
