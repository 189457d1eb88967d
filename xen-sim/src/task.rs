//! Work that domains do by themselves: drivers, daemons, anything that a test lets run beside its
//! own code.

use crate::Domain;
use xen_hypercall::Instant;

/// What a task wants next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It did something and may have more to do: poll it again soon.
    Worked,
    /// It has nothing to do until its domain gets an event.
    Idle,
    /// It has nothing to do until its domain gets an event, or until that moment.
    Sleep(Instant),
    /// It has finished, and is dropped.
    Done,
}

/// A domain's work, run by the world whenever some domain waits.
///
/// Any `FnMut(&Domain) -> Step` is one.
pub trait Task: Send {
    /// Does what there is to do, without waiting for it.
    fn poll(&mut self, domain: &Domain) -> Step;
}

impl<F: FnMut(&Domain) -> Step + Send> Task for F {
    fn poll(&mut self, domain: &Domain) -> Step {
        self(domain)
    }
}

/// Names a task, to stop it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TaskId(pub(crate) u64);
