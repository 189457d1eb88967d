//! Tasks of domains: drivers, daemons and other code that runs beside the test's own.

use crate::Domain;
use xen_hypercall::Instant;

/// Result of a turn of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The task may have more work: it is polled again soon.
    Worked,
    /// The task is idle until its domain receives an event.
    Idle,
    /// The task is idle until its domain receives an event, or until a deadline.
    Sleep(Instant),
    /// The task has finished and is dropped.
    Done,
}

/// Task of a domain, which the world polls while some domain waits.
///
/// Any `FnMut(&Domain) -> Step` is a task.
pub trait Task: Send {
    /// Does the available work without waiting.
    fn poll(&mut self, domain: &Domain) -> Step;
}

impl<F: FnMut(&Domain) -> Step + Send> Task for F {
    fn poll(&mut self, domain: &Domain) -> Step {
        self(domain)
    }
}

/// Identifier of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TaskId(pub(crate) u64);
