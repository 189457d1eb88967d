//! Trace of events, which is the same for the same seed.

use core::fmt;
use xen_hypercall::DomId;

/// Event of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceEvent {
    /// Time of the world, in nanoseconds.
    pub at: u64,
    /// Domain of the event; `None` for the world itself.
    pub domain: Option<DomId>,
    /// Description.
    pub what: String,
}

impl fmt::Display for TraceEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.domain {
            Some(domain) => write!(f, "{:>12} d{domain} {}", self.at, self.what),
            None => write!(f, "{:>12} -- {}", self.at, self.what),
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Trace {
    pub(crate) on: bool,
    pub(crate) events: Vec<TraceEvent>,
}

impl Trace {
    pub(crate) fn record(&mut self, at: u64, domain: Option<DomId>, what: impl FnOnce() -> String) {
        if self.on {
            self.events.push(TraceEvent { at, domain, what: what() });
        }
    }
}
