//! Platform decorators: failing, counted, traced or delayed hypercalls, failing allocations and
//! waits that end early.

use crate::ChoiceSource;
use core::fmt;
use core::num::NonZeroUsize;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use xen_hypercall::{
    BalloonPages, Claims, Errno, ForeignFrames, ForeignRange, Gfn, Hypercall, Instant, Platform,
    Port,
};

/// Hypercall before or after its execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// Number (`xen_sys::xen::HYPERVISOR_*`).
    pub op: usize,
    /// Raw arguments.
    pub args: [usize; 5],
}

impl Call {
    /// Returns the first argument, which is the command of most hypercalls.
    pub fn command(&self) -> u32 {
        self.args[0] as u32
    }
}

/// Hooks between a driver and its platform. The default of each method changes nothing.
pub trait Interpose: Send + Sync {
    /// Returns the result of a hypercall that must not reach Xen, or `None` to issue it.
    ///
    /// A result of zero leaves the outputs of the hypercall unchanged.
    fn hypercall(&self, _call: &Call) -> Option<isize> {
        None
    }

    /// Receives the result of a hypercall.
    fn result(&self, _call: &Call, _result: isize) {}

    /// Returns whether an allocation of `count` pages may succeed.
    fn may_allocate(&self, _count: usize) -> bool {
        true
    }

    /// Returns whether a wait ends at once.
    fn ends_wait(&self, _ports: &[Port]) -> bool {
        false
    }

    /// Returns the delay of a hypercall, during which the rest of the world runs.
    fn delay(&self, _call: &Call) -> Option<Duration> {
        None
    }
}

/// Platform with an [`Interpose`] between it and its user.
pub struct Interposed<P, I: ?Sized> {
    platform: P,
    between: Arc<I>,
}

impl<P, I> Interposed<P, I> {
    /// Creates the platform. A clone of the `Arc` gives access to `between` later.
    pub fn new(platform: P, between: Arc<I>) -> Self {
        Self { platform, between }
    }

    /// Returns the inner platform.
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

// SAFETY: a call reaches the inner platform unchanged, or fails as Xen may fail it at any time.
unsafe impl<P: Platform, I: Interpose + ?Sized> Hypercall for Interposed<P, I> {
    unsafe fn hypercall(&self, op: usize, args: [usize; 5]) -> isize {
        let call = Call { op, args };
        if let Some(time) = self.between.delay(&call) {
            self.platform.wait(&[], Some(self.platform.now() + time));
        }
        let result = match self.between.hypercall(&call) {
            Some(result) => result,
            // SAFETY: the caller's obligations are those of the inner platform.
            None => unsafe { self.platform.hypercall(op, args) },
        };
        self.between.result(&call, result);
        result
    }
}

// SAFETY: every method is that of the inner platform, or fails as the contract allows.
unsafe impl<P: Platform, I: Interpose + ?Sized> Platform for Interposed<P, I> {
    fn alloc_pages(&self, count: NonZeroUsize) -> Option<NonNull<u8>> {
        self.between.may_allocate(count.get()).then(|| self.platform.alloc_pages(count)).flatten()
    }

    unsafe fn free_pages(&self, pages: NonNull<u8>, count: NonZeroUsize) {
        // SAFETY: the caller's obligations are those of the inner platform.
        unsafe { self.platform.free_pages(pages, count) }
    }

    fn virt_to_gfn(&self, page: NonNull<u8>) -> Gfn {
        self.platform.virt_to_gfn(page)
    }

    unsafe fn map_frames(&self, first: Gfn, count: NonZeroUsize) -> Option<NonNull<u8>> {
        // SAFETY: the caller's obligations are those of the inner platform.
        unsafe { self.platform.map_frames(first, count) }
    }

    fn reserve_xen_frame(&self) -> Option<(NonNull<u8>, Gfn)> {
        self.platform.reserve_xen_frame()
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
        // SAFETY: the caller's obligations are those of the inner platform.
        unsafe { self.platform.release_frames(range) }
    }
}

// SAFETY: as above.
unsafe impl<P: BalloonPages, I: Interpose + ?Sized> BalloonPages for Interposed<P, I> {
    fn take_pages(&self, order: u32) -> Option<Gfn> {
        self.between.may_allocate(1 << order).then(|| self.platform.take_pages(order)).flatten()
    }

    unsafe fn scrub_pages(&self, first: Gfn, order: u32) {
        // SAFETY: the caller's obligations are those of the inner platform.
        unsafe { self.platform.scrub_pages(first, order) }
    }

    unsafe fn add_pages(&self, first: Gfn, order: u32) {
        // SAFETY: the caller's obligations are those of the inner platform.
        unsafe { self.platform.add_pages(first, order) }
    }

    fn new_frames(&self, order: u32) -> Option<Gfn> {
        self.between.may_allocate(1 << order).then(|| self.platform.new_frames(order)).flatten()
    }
}

/// Counter of hypercalls by number and command.
#[derive(Debug, Default)]
pub struct CountCalls {
    counts: Mutex<BTreeMap<(usize, u32), u64>>,
}

impl CountCalls {
    /// Returns the number of calls of one command of a hypercall.
    pub fn count(&self, op: usize, command: u32) -> u64 {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.get(&(op, command)).copied().unwrap_or(0)
    }

    /// Returns the number of hypercalls.
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

/// Record of hypercalls and their results. It has no arguments, as addresses differ between runs.
#[derive(Debug, Default)]
pub struct TraceCalls {
    calls: Mutex<Vec<(usize, u32, isize)>>,
}

impl TraceCalls {
    /// Takes number, command and result of each call since the last `take`.
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

/// Failure of the `n`th hypercall or allocation alone. A test that increments `n` from 0 tries
/// every failure path.
#[derive(Debug)]
pub struct FailNth {
    at: u64,
    seen: AtomicU64,
    result: isize,
    /// Number and command of the failed hypercall.
    failed: Mutex<Option<(usize, u32)>>,
}

impl FailNth {
    /// Creates a failure of call `n` with `errno`.
    pub fn new(n: u64, errno: Errno) -> Self {
        Self {
            at: n,
            seen: AtomicU64::new(0),
            result: -(errno.0 as isize),
            failed: Mutex::new(None),
        }
    }

    /// Creates a call `n` that has no effect and reports success, as of a hypervisor with a bug.
    pub fn lying(n: u64) -> Self {
        Self { at: n, seen: AtomicU64::new(0), result: 0, failed: Mutex::new(None) }
    }

    /// Returns whether call `n` was reached. If not, every call has been tried.
    pub fn has_failed(&self) -> bool {
        self.seen.load(Ordering::Relaxed) > self.at
    }

    /// Returns number and command of the failed hypercall; `None` before, and if an allocation
    /// failed.
    pub fn failed_call(&self) -> Option<(usize, u32)> {
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count_call(&self) -> bool {
        self.seen.fetch_add(1, Ordering::Relaxed) == self.at
    }
}

impl Interpose for FailNth {
    fn hypercall(&self, call: &Call) -> Option<isize> {
        (!waits_or_releases(call) && self.count_call()).then(|| {
            let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
            *failed = Some((call.op, call.command()));
            self.result
        })
    }

    fn may_allocate(&self, _count: usize) -> bool {
        !self.count_call()
    }
}

/// Returns whether a hypercall only waits or releases a resource. Xen does not fail these, and a
/// driver cannot recover from such a failure.
fn waits_or_releases(call: &Call) -> bool {
    call.op == xen_sys::xen::HYPERVISOR_SCHED_OP
        || (call.op == xen_sys::xen::HYPERVISOR_EVENT_CHANNEL_OP
            && call.command() == xen_sys::event_channel::EVTCHNOP_CLOSE)
        || (call.op == xen_sys::xen::HYPERVISOR_GRANT_TABLE_OP
            && call.command() == xen_sys::grant_table::GNTTABOP_UNMAP_GRANT_REF)
}

/// Failures of hypercalls and allocations by a [`ChoiceSource`]: one in sixteen, one byte for each,
/// until its bytes end.
#[derive(Debug, Default)]
pub struct FailByChoice {
    choices: Mutex<ChoiceSource>,
}

impl FailByChoice {
    /// Errors of Xen when a resource is exhausted.
    const ERRORS: [Errno; 4] = [Errno::ENOMEM, Errno::ENOSPC, Errno::EINVAL, Errno::EPERM];

    /// Sets the source of choices. Without a source nothing fails.
    pub fn set_source(&self, choices: ChoiceSource) {
        *self.choices.lock().unwrap_or_else(PoisonError::into_inner) = choices;
    }

    fn failure(&self) -> Option<Errno> {
        let mut choices = self.choices.lock().unwrap_or_else(PoisonError::into_inner);
        if choices.is_empty() {
            return None;
        }
        let byte = choices.u8();
        (byte % 16 == 15).then(|| Self::ERRORS[usize::from(byte / 16) % Self::ERRORS.len()])
    }
}

impl Interpose for FailByChoice {
    fn hypercall(&self, call: &Call) -> Option<isize> {
        // A send needs no resource of Xen, and drivers treat its failure as the end of the
        // connection.
        let sends = call.op == xen_sys::xen::HYPERVISOR_EVENT_CHANNEL_OP
            && call.command() == xen_sys::event_channel::EVTCHNOP_SEND;
        if sends || waits_or_releases(call) {
            return None;
        }
        self.failure().map(|errno| -(errno.0 as isize))
    }

    fn may_allocate(&self, _count: usize) -> bool {
        self.failure().is_none()
    }
}

/// Delays of hypercalls and early ends of waits by a seed: a busy host and spurious events.
#[derive(Debug)]
pub struct Jitter {
    rng: Mutex<crate::rng::Rng>,
    longest: Duration,
}

impl Jitter {
    /// Creates delays of at most `longest`.
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
