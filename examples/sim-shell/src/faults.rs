//! Faults between a driver and its Xen.

use core::time::Duration;
use std::sync::{Mutex, MutexGuard, PoisonError};
use xen_hypercall::{Errno, Port};
use xen_sim::{Call, Domain, FailNth, Interpose, Interposed, Jitter};
use xen_sys::event_channel::EVTCHNOP_SEND;
use xen_sys::xen::HYPERVISOR_EVENT_CHANNEL_OP;

/// A simulated domain with faults between it and its drivers.
pub type Xen = Interposed<Domain, Faults>;

/// Nothing at first; at will, late hypercalls and early ends of waits, and single failures.
#[derive(Debug, Default)]
pub struct Faults {
    jitter: Option<Jitter>,
    next: Mutex<Option<FailNth>>,
    failed: Mutex<Option<String>>,
}

impl Faults {
    /// Holds up hypercalls for at most `longest`, now and then, and ends waits early, by a seed.
    pub fn late(seed: u64, longest: Duration) -> Self {
        Self { jitter: Some(Jitter::new(seed, longest)), ..Self::default() }
    }

    /// Lets the `n`th thing from here on fail that can, once.
    pub fn arm(&self, n: u64, errno: Errno) {
        *self.slot() = Some(FailNth::new(n, errno));
    }

    /// Ends the faults; returns those that occurred.
    pub fn disarm(&self) -> Option<String> {
        *self.slot() = None;
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn note(&self, what: String) {
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(what);
    }

    fn slot(&self) -> MutexGuard<'_, Option<FailNth>> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Interpose for Faults {
    fn hypercall(&self, call: &Call) -> Option<isize> {
        // Xen refuses to send only where there is no connection; a driver is right to take that for
        // the end of it.
        if (call.op, call.command()) == (HYPERVISOR_EVENT_CHANNEL_OP, EVTCHNOP_SEND) {
            return None;
        }
        let result = self.slot().as_ref()?.hypercall(call)?;
        self.note(format!("hypercall {} command {}", call.op, call.command()));
        Some(result)
    }

    fn may_allocate(&self, count: usize) -> bool {
        let may = self.slot().as_ref().is_none_or(|fault| fault.may_allocate(count));
        if !may {
            self.note(format!("allocation of {count} pages"));
        }
        may
    }

    fn ends_wait(&self, ports: &[Port]) -> bool {
        self.jitter.as_ref().is_some_and(|jitter| jitter.ends_wait(ports))
    }

    fn delay(&self, call: &Call) -> Option<Duration> {
        self.jitter.as_ref()?.delay(call)
    }
}
