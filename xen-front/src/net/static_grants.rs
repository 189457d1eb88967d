//! Static grants: buffers that the backend keeps mapped.
//!
//! Source: "Static Grants" in `io/netif.h`.

use super::control::{ControlRing, Timer};
use super::{ControlRingError, MAX_QUEUES};
use core::time::Duration;
use heapless::Vec;
use xen_hypercall::{GrantRef, Instant, PAGE_SIZE, SharedMem, StableSharedMem};
use xen_sys::io::netif::XenNetifGref;
use xenbus::net::control::{ControlError, ControlRequest, GrefList};
use zerocopy::IntoBytes;

/// The most entries of a list, which has a page.
const MAX_ENTRIES: usize = PAGE_SIZE / size_of::<XenNetifGref>();

/// State of static grants: [`NetFront::static_grants`](super::NetFront::static_grants).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StaticGrantState {
    /// The backend keeps no buffer mapped.
    Off,
    /// The backend has no control ring, or keeps no grants mapped, or
    /// [`NetFrontConfig::control_ring`](super::NetFrontConfig::control_ring) is not set.
    Unsupported,
    /// The backend has not answered all requests yet, or the device is not connected.
    Pending,
    /// The backend keeps buffers mapped.
    Active {
        /// Their number: all of them, or as many as the backend supports for each queue.
        grants: usize,
    },
    /// The backend has not carried out the request, and was requested to unmap what it had mapped.
    Failed(ControlRingError),
}

/// The request of the device's user, for this connection and later ones.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct StaticGrantWish {
    pub(super) enabled: bool,
    /// A change that is not sent yet.
    pub(super) changed: bool,
}

/// Steps of a request, each for a queue: one request is in flight at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Idle,
    /// The limit is read.
    Query(usize),
    /// Buffers are mapped.
    Add(usize),
    /// Buffers are unmapped.
    Remove(usize),
}

/// A function that visits each buffer of a queue.
type List<'l> = &'l dyn Fn(usize, &mut dyn FnMut(XenNetifGref));

/// The static grants of a connection.
#[derive(Debug)]
pub(super) struct StaticGrantControl<M> {
    /// The page of a list, which the backend can write to: it is never read.
    page: M,
    reference: GrantRef,
    queues: usize,
    step: Step,
    /// The result of the request that was in flight.
    result: Option<(ControlRequest, Result<u32, ControlError>)>,
    /// Buffers of each queue that are mapped.
    mapped: Vec<usize, { MAX_QUEUES as usize }>,
    failed: Option<ControlRingError>,
    timer: Timer,
    state: StaticGrantState,
}

impl<M> StaticGrantControl<M> {
    pub(super) fn new(page: M, reference: GrantRef, queues: usize) -> Self {
        let mut mapped = Vec::new();
        let queues = queues.min(mapped.capacity());
        let _ = mapped.resize(queues, 0);
        Self {
            page,
            reference,
            queues,
            step: Step::Idle,
            result: None,
            mapped,
            failed: None,
            timer: Timer::default(),
            state: StaticGrantState::Off,
        }
    }

    pub(super) fn state(&self) -> StaticGrantState {
        self.state
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.timer.deadline()
    }

    pub(super) fn into_page(self) -> M {
        self.page
    }

    /// Takes the result of the request in flight.
    pub(super) fn answered(&mut self, request: ControlRequest, result: Result<u32, ControlError>) {
        self.result = Some((request, result));
    }
}

impl<M: AsRef<SharedMem>> StaticGrantControl<M> {
    /// Sends the request that comes next, once the one before is answered.
    pub(super) fn step<R: StableSharedMem>(
        &mut self,
        ring: &mut ControlRing<R>,
        list: List<'_>,
        wish: &mut StaticGrantWish,
        now: Instant,
        timeout: Duration,
    ) {
        let result = self.result.take();
        if self.step != Step::Idle && result.is_none() {
            if let Some(waited) = self.timer.expire(now) {
                let failed = *self.failed.get_or_insert(ControlRingError::Timeout { waited });
                self.state = StaticGrantState::Failed(failed);
            }
            return;
        }
        self.timer.stop();
        let mut next = match (self.step, result) {
            (Step::Idle, _) | (_, None) => None,
            (step, Some((request, result))) => Some(self.next(step, request, result)),
        };
        loop {
            let step = match next.take() {
                Some(step) => step,
                None if !wish.changed => return,
                // The steps before have ended.
                None => self.begin(wish),
            };
            if self.send(ring, list, step, wish.enabled) {
                self.timer.start(now, timeout);
                return;
            }
        }
    }

    /// Begins with a request of the user.
    fn begin(&mut self, wish: &mut StaticGrantWish) -> Step {
        wish.changed = false;
        self.failed = None;
        self.state = StaticGrantState::Pending;
        if wish.enabled { Step::Query(0) } else { Step::Remove(0) }
    }

    /// Returns the step after a request was answered.
    fn next(
        &mut self,
        step: Step,
        request: ControlRequest,
        result: Result<u32, ControlError>,
    ) -> Step {
        let found = match result {
            Ok(found) => found,
            Err(error) => {
                self.failed.get_or_insert(ControlRingError::Refused { request, error });
                // The backend keeps buffers that it did not unmap until the connection ends.
                return match step {
                    Step::Remove(queue) => Step::Remove(queue + 1),
                    _ => {
                        self.forget(step);
                        Step::Remove(0)
                    }
                };
            }
        };
        match step {
            Step::Query(queue) => {
                if let Some(mapped) = self.mapped.get_mut(queue) {
                    *mapped = (found as usize).min(MAX_ENTRIES);
                }
                Step::Add(queue)
            }
            Step::Add(queue) if self.failed.is_none() => Step::Query(queue + 1),
            Step::Add(_) | Step::Idle => Step::Remove(0),
            Step::Remove(queue) => {
                let expected = self.mapped.get(queue).copied().unwrap_or(0);
                if found as usize != expected {
                    self.failed.get_or_insert(ControlRingError::Unmapped { found, expected });
                }
                self.forget(step);
                Step::Remove(queue + 1)
            }
        }
    }

    /// Notes that the queue of a step has no buffers mapped.
    fn forget(&mut self, step: Step) {
        let (Step::Query(queue) | Step::Add(queue) | Step::Remove(queue)) = step else { return };
        if let Some(mapped) = self.mapped.get_mut(queue) {
            *mapped = 0;
        }
    }

    /// Sends the request of a step, or that of the next one that has something to request. Returns
    /// false if the steps have ended.
    fn send<R: StableSharedMem>(
        &mut self,
        ring: &mut ControlRing<R>,
        list: List<'_>,
        mut step: Step,
        enabled: bool,
    ) -> bool {
        while let Step::Query(queue) | Step::Add(queue) | Step::Remove(queue) = step {
            if queue >= self.queues {
                break;
            }
            if let Step::Query(queue) = step
                && self.mapped.get(queue).is_none_or(|mapped| *mapped > 0)
            {
                // These are mapped already.
                step = Step::Query(queue + 1);
                continue;
            }
            let request = match step {
                Step::Query(_) => Some(ControlRequest::GetGrefMappingSize { queue: queue as u32 }),
                Step::Add(_) => self.write(list, queue).map(ControlRequest::AddGrefMapping),
                _ => self.write(list, queue).map(ControlRequest::DelGrefMapping),
            };
            if let Some(request) = request {
                self.step = step;
                ring.send(request);
                return true;
            }
            step = match step {
                Step::Remove(_) => Step::Remove(queue + 1),
                _ => Step::Query(queue + 1),
            };
        }
        self.step = Step::Idle;
        let grants = self.mapped.iter().sum();
        self.state = match (self.failed, enabled) {
            (Some(failed), _) => StaticGrantState::Failed(failed),
            (None, false) => StaticGrantState::Off,
            (None, true) if grants == 0 => StaticGrantState::Unsupported,
            (None, true) => StaticGrantState::Active { grants },
        };
        false
    }

    /// Writes the list of a queue's buffers, as many as are to be mapped. `None` if there are none.
    fn write(&mut self, list: List<'_>, queue: usize) -> Option<GrefList> {
        let mapped = self.mapped.get_mut(queue)?;
        let mut entries = 0;
        list(queue, &mut |entry| {
            let at = entries * size_of::<XenNetifGref>();
            if entries < *mapped && self.page.as_ref().copy_from(at, entry.as_bytes()).is_some() {
                entries += 1;
            }
        });
        *mapped = entries;
        let list = GrefList { queue: queue as u32, page: self.reference, entries: entries as u32 };
        (entries > 0).then_some(list)
    }
}

#[cfg(test)]
mod tests;
