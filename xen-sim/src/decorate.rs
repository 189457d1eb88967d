//! Decorators round any platform: hypercalls that fail, are counted, traced or late; allocations
//! that fail; waits that end early.

use crate::ChoiceSource;
use core::fmt;
use core::num::NonZeroUsize;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use xen_hypercall::{
    Claims, Errno, ForeignFrames, ForeignRange, Gfn, Hypercall, Instant, Platform, Port,
};

/// A hypercall on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its number (`xen_sys::xen::HYPERVISOR_*`).
    pub op: usize,
    /// Its arguments as they stand.
    pub args: [usize; 5],
}

impl Call {
    /// Returns the command within the hypercall, which is the first argument of nearly all.
    pub fn command(&self) -> u32 {
        self.args[0] as u32
    }
}

/// Stands between a driver and its platform. Each method lets everything pass unless it is
/// overridden.
pub trait Interpose: Send + Sync {
    /// Looks at a hypercall before it is made; `Some` is its result, and Xen never sees it.
    ///
    /// A result of zero without a call is what a driver must not trust either: outputs are left as
    /// they were.
    fn hypercall(&self, _call: &Call) -> Option<isize> {
        None
    }

    /// Looks at a hypercall after it was made.
    fn result(&self, _call: &Call, _result: isize) {}

    /// Decides whether an allocation of `count` pages may succeed.
    fn may_allocate(&self, _count: usize) -> bool {
        true
    }

    /// Decides whether a wait ends at once, as if something had happened.
    fn ends_wait(&self, _ports: &[Port]) -> bool {
        false
    }

    /// Returns how long a hypercall is held up before it is made, while the rest of the world goes
    /// on.
    fn delay(&self, _call: &Call) -> Option<Duration> {
        None
    }
}

/// A platform with something between it and its user.
pub struct Interposed<P, I: ?Sized> {
    platform: P,
    between: Arc<I>,
}

impl<P, I> Interposed<P, I> {
    /// Puts `between` round a platform. Keep a clone of the `Arc` to look at it later.
    pub fn new(platform: P, between: Arc<I>) -> Self {
        Self { platform, between }
    }

    /// Returns the platform inside.
    pub fn inner(&self) -> &P {
        &self.platform
    }
}

impl<P: Clone, I: ?Sized> Clone for Interposed<P, I> {
    fn clone(&self) -> Self {
        Self { platform: self.platform.clone(), between: Arc::clone(&self.between) }
    }
}

impl<P: fmt::Debug, I: ?Sized> fmt::Debug for Interposed<P, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interposed").field("platform", &self.platform).finish_non_exhaustive()
    }
}

// SAFETY: a call reaches the platform inside unchanged, or is refused as Xen may refuse it at any
// time.
unsafe impl<P: Platform, I: Interpose + ?Sized> Hypercall for Interposed<P, I> {
    unsafe fn hypercall(&self, op: usize, args: [usize; 5]) -> isize {
        let call = Call { op, args };
        if let Some(time) = self.between.delay(&call) {
            self.platform.wait(&[], Some(self.platform.now() + time));
        }
        let result = match self.between.hypercall(&call) {
            Some(result) => result,
            // SAFETY: the caller's obligations are passed on unchanged.
            None => unsafe { self.platform.hypercall(op, args) },
        };
        self.between.result(&call, result);
        result
    }
}

// SAFETY: every method is that of the platform inside, or fails as the contract allows.
unsafe impl<P: Platform, I: Interpose + ?Sized> Platform for Interposed<P, I> {
    fn alloc_pages(&self, count: NonZeroUsize) -> Option<NonNull<u8>> {
        self.between.may_allocate(count.get()).then(|| self.platform.alloc_pages(count)).flatten()
    }

    unsafe fn free_pages(&self, pages: NonNull<u8>, count: NonZeroUsize) {
        // SAFETY: the caller's obligations are passed on unchanged.
        unsafe { self.platform.free_pages(pages, count) }
    }

    fn virt_to_gfn(&self, page: NonNull<u8>) -> Gfn {
        self.platform.virt_to_gfn(page)
    }

    unsafe fn map_frames(&self, first: Gfn, count: NonZeroUsize) -> Option<NonNull<u8>> {
        // SAFETY: the caller's obligations are passed on unchanged.
        unsafe { self.platform.map_frames(first, count) }
    }

    fn claims(&self) -> &Claims {
        self.platform.claims()
    }

    fn now(&self) -> Instant {
        self.platform.now()
    }

    fn wait(&self, ports: &[Port], deadline: Option<Instant>) {
        if !self.between.ends_wait(ports) {
            self.platform.wait(ports, deadline);
        }
    }

    fn port_opened(&self, port: Port, vcpu: u32) -> Result<(), Errno> {
        self.platform.port_opened(port, vcpu)
    }

    fn port_closing(&self, port: Port) {
        self.platform.port_closing(port);
    }
}

// SAFETY: as above.
unsafe impl<P: ForeignFrames, I: Interpose + ?Sized> ForeignFrames for Interposed<P, I> {
    fn reserve_frames(&self, count: NonZeroUsize) -> Option<ForeignRange> {
        self.between
            .may_allocate(count.get())
            .then(|| self.platform.reserve_frames(count))
            .flatten()
    }

    unsafe fn release_frames(&self, range: ForeignRange) {
        // SAFETY: the caller's obligations are passed on unchanged.
        unsafe { self.platform.release_frames(range) }
    }
}

/// Counts hypercalls by number and command.
#[derive(Debug, Default)]
pub struct CountCalls {
    counts: Mutex<BTreeMap<(usize, u32), u64>>,
}

impl CountCalls {
    /// Returns how often a command of a hypercall was issued.
    pub fn of(&self, op: usize, command: u32) -> u64 {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.get(&(op, command)).copied().unwrap_or(0)
    }

    /// Returns how many hypercalls there were.
    pub fn total(&self) -> u64 {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }
}

impl Interpose for CountCalls {
    fn result(&self, call: &Call, _result: isize) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry((call.op, call.command())).or_default() += 1;
    }
}

/// Keeps each hypercall with its result. Arguments that are addresses are left out, so that traces
/// compare.
#[derive(Debug, Default)]
pub struct TraceCalls {
    calls: Mutex<Vec<(usize, u32, isize)>>,
}

impl TraceCalls {
    /// Returns number, command and result of each call since it was last asked.
    pub fn take(&self) -> Vec<(usize, u32, isize)> {
        core::mem::take(&mut self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Interpose for TraceCalls {
    fn result(&self, call: &Call, result: isize) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.push((call.op, call.command(), result));
    }
}

/// Fails the `n`th thing that can fail (hypercalls and allocations count alike), and only that:
/// with `n` from 0 on, every failure path is tried.
#[derive(Debug)]
pub struct FailNth {
    at: u64,
    seen: AtomicU64,
    result: isize,
    /// Number and command of the hypercall that failed.
    failed: Mutex<Option<(usize, u32)>>,
}

impl FailNth {
    /// Fails number `n` with `errno`.
    pub fn new(n: u64, errno: Errno) -> Self {
        Self {
            at: n,
            seen: AtomicU64::new(0),
            result: -(errno.0 as isize),
            failed: Mutex::new(None),
        }
    }

    /// Makes number `n` do nothing and report success, as hypervisors with a bug have done.
    pub fn lying(n: u64) -> Self {
        Self { at: n, seen: AtomicU64::new(0), result: 0, failed: Mutex::new(None) }
    }

    /// Tells whether it has come to the failure: if not, everything has been tried.
    pub fn has_failed(&self) -> bool {
        self.seen.load(Ordering::Relaxed) > self.at
    }

    /// Returns number and command of the hypercall that failed; `None` before, and if an allocation
    /// did.
    pub fn failed_call(&self) -> Option<(usize, u32)> {
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_it(&self) -> bool {
        self.seen.fetch_add(1, Ordering::Relaxed) == self.at
    }
}

impl Interpose for FailNth {
    fn hypercall(&self, call: &Call) -> Option<isize> {
        (!ends_something(call) && self.is_it()).then(|| {
            let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
            *failed = Some((call.op, call.command()));
            self.result
        })
    }

    fn may_allocate(&self, _count: usize) -> bool {
        !self.is_it()
    }
}

/// Tells whether a hypercall only ends something or waits: a sound Xen does not refuse that, and no
/// driver could do anything about it.
fn ends_something(call: &Call) -> bool {
    call.op == xen_sys::xen::HYPERVISOR_SCHED_OP
        || (call.op == xen_sys::xen::HYPERVISOR_EVENT_CHANNEL_OP
            && call.command() == xen_sys::event_channel::EVTCHNOP_CLOSE)
        || (call.op == xen_sys::xen::HYPERVISOR_GRANT_TABLE_OP
            && call.command() == xen_sys::grant_table::GNTTABOP_UNMAP_GRANT_REF)
}

/// Fails hypercalls and allocations by a [`ChoiceSource`], one byte for each: one in sixteen, until
/// its bytes end.
#[derive(Debug, Default)]
pub struct FailByChoice {
    choices: Mutex<ChoiceSource>,
}

impl FailByChoice {
    /// What a Xen that is short of something answers.
    const ERRORS: [Errno; 4] = [Errno::ENOMEM, Errno::ENOSPC, Errno::EINVAL, Errno::EPERM];

    /// Replaces the source of choices. Before the first call it fails nothing.
    pub fn follow(&self, choices: ChoiceSource) {
        *self.choices.lock().unwrap_or_else(PoisonError::into_inner) = choices;
    }

    fn failure(&self) -> Option<Errno> {
        let mut choices = self.choices.lock().unwrap_or_else(PoisonError::into_inner);
        if choices.is_over() {
            return None;
        }
        let byte = choices.u8();
        (byte % 16 == 15).then(|| Self::ERRORS[usize::from(byte / 16) % Self::ERRORS.len()])
    }
}

impl Interpose for FailByChoice {
    fn hypercall(&self, call: &Call) -> Option<isize> {
        // Xen runs out of nothing when it sends an event, and drivers take a refusal for the end of
        // the connection.
        let sends = call.op == xen_sys::xen::HYPERVISOR_EVENT_CHANNEL_OP
            && call.command() == xen_sys::event_channel::EVTCHNOP_SEND;
        if sends || ends_something(call) {
            return None;
        }
        self.failure().map(|errno| -(errno.0 as isize))
    }

    fn may_allocate(&self, _count: usize) -> bool {
        self.failure().is_none()
    }
}

/// Holds up hypercalls and ends waits early, by a seed: a busy host and spurious events.
#[derive(Debug)]
pub struct Jitter {
    rng: Mutex<crate::rng::Rng>,
    longest: Duration,
}

impl Jitter {
    /// Holds hypercalls up for at most `longest`.
    pub fn new(seed: u64, longest: Duration) -> Self {
        Self { rng: Mutex::new(crate::rng::Rng::new(seed)), longest }
    }

    fn below(&self, end: usize) -> usize {
        self.rng.lock().unwrap_or_else(PoisonError::into_inner).below(end)
    }
}

impl Interpose for Jitter {
    fn ends_wait(&self, _ports: &[Port]) -> bool {
        self.below(4) == 0
    }

    fn delay(&self, _call: &Call) -> Option<Duration> {
        let longest = usize::try_from(self.longest.as_nanos()).unwrap_or(usize::MAX - 1);
        (self.below(4) == 0).then(|| Duration::from_nanos(self.below(longest + 1) as u64))
    }
}
