//! Watchdog of the domain.

use core::time::Duration;
use xen_hypercall::ops::sched::{self, WatchdogId};
use xen_hypercall::{Errno, Hypercall, Instant};

/// Watchdog of Xen: the domain is shut down with reason `watchdog` unless [`poll`](Self::poll) is
/// called in time. The toolstack then does as `on_watchdog` of its configuration says.
///
/// A drop stops the watchdog.
#[derive(Debug)]
#[doc(alias("SCHEDOP_watchdog", "SHUTDOWN_watchdog"))]
pub struct Watchdog<H: Hypercall> {
    xen: H,
    /// `None` if Xen has no such watchdog any more.
    id: Option<WatchdogId>,
    seconds: u32,
    next: Instant,
}

impl<H: Hypercall> Watchdog<H> {
    /// Starts a watchdog that expires `timeout` after the last poll: whole seconds, rounded up.
    ///
    /// # Errors
    ///
    /// `EINVAL` for a timeout of zero or beyond 2^31 seconds, `ENOSPC` if both watchdogs of the
    /// domain are in use.
    pub fn start(xen: H, timeout: Duration, now: Instant) -> Result<Self, Errno> {
        let rounded = timeout.as_secs().saturating_add((timeout.subsec_nanos() != 0).into());
        let seconds = u32::try_from(rounded).ok().filter(|&seconds| seconds <= i32::MAX as u32);
        let seconds = seconds.ok_or(Errno::EINVAL)?;
        let id = Some(sched::watchdog_start(&xen, seconds)?);
        Ok(Self { xen, id, seconds, next: now + Duration::from_secs(seconds.into()) / 4 })
    }

    /// Postpones the expiry once a quarter of the timeout has passed, and returns when to call it
    /// again.
    ///
    /// # Errors
    ///
    /// `EINVAL` if Xen has no such watchdog, as in a domain that was resumed elsewhere without
    /// [`resume`](Self::resume).
    pub fn poll(&mut self, now: Instant) -> Result<Instant, Errno> {
        if now >= self.next {
            sched::watchdog_pat(&self.xen, self.id.ok_or(Errno::EINVAL)?, self.seconds)?;
            self.next = now + Duration::from_secs(self.seconds.into()) / 4;
        }
        Ok(self.next)
    }

    /// Starts the watchdog again in a domain that was resumed elsewhere, where it has none.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if both watchdogs of the domain are in use.
    pub fn resume(&mut self, now: Instant) -> Result<(), Errno> {
        self.id = None;
        self.id = Some(sched::watchdog_start(&self.xen, self.seconds)?);
        self.next = now + Duration::from_secs(self.seconds.into()) / 4;
        Ok(())
    }
}

impl<H: Hypercall> Drop for Watchdog<H> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            // Xen refuses an unknown one, which has stopped then.
            let _ = sched::watchdog_pat(&self.xen, id, 0);
        }
    }
}
