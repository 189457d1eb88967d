//! Xen's system time and the wall clock, read without a hypercall.

#[cfg(not(loom))]
mod counter_time;
mod time_info;
#[cfg(not(loom))]
mod time_page;
#[cfg(not(loom))]
pub mod wall_clock;

#[cfg(not(loom))]
pub use counter_time::CounterTime;
pub use time_info::{ClockError, TickCounter, TimeInfo, TimeReading};
#[cfg(not(loom))]
pub use time_page::TimePage;

use xen_hypercall::sync::{AtomicBool, AtomicU64, Ordering, cold_path};
use xen_hypercall::{Instant, SharedMem};

/// Nanoseconds by which a moment of stable time may be ahead of the recorded latest one, and by
/// which a read of invalid time information advances the clock.
pub(crate) const GRAIN: u64 = 1 << 15;

/// Monotonic clock from the time information of Xen and the CPU's tick counter.
///
/// A read costs no hypercall and no lock. Where Xen flags the tick counter as
/// [stable](TimeReading::is_stable), it stores nothing either: the moments of all vCPUs are in
/// order then, and the latest one is recorded only each 33 µs. Elsewhere each read compares its
/// moment with the latest one of all vCPUs, because two moments that Xen wrote may differ by a few
/// nanoseconds.
///
/// A kernel keeps one in a static.
#[derive(Debug)]
pub struct SystemClock<C = fn() -> u64> {
    counter: C,
    /// Nanoseconds by which this clock is ahead of system time: zero until the domain was restored
    /// on a host with a later boot.
    ahead: AtomicU64,
    /// The latest result, or in stable time at most `GRAIN` before it.
    latest: AtomicU64,
    /// Invalid time information was logged.
    is_reported: AtomicBool,
}

impl<C: TickCounter> SystemClock<C> {
    /// Creates a clock on a tick counter: `arch::Tsc` on x86.
    #[cfg(not(loom))]
    pub const fn new(counter: C) -> Self {
        let (ahead, latest) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { counter, ahead, latest, is_reported: AtomicBool::new(false) }
    }

    /// Creates a clock on a tick counter.
    #[cfg(loom)]
    pub fn new(counter: C) -> Self {
        let (ahead, latest) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { counter, ahead, latest, is_reported: AtomicBool::new(false) }
    }

    /// Returns the present moment from the entry of `vcpu` in shared info, which executes this.
    ///
    /// For a vCPU without an entry (above 31) as for invalid information: see
    /// [`now_from`](Self::now_from), which takes the information of a registered `vcpu_info`.
    #[inline]
    pub fn now(&self, shared_info: &SharedMem, vcpu: u32) -> Instant {
        match TimeInfo::of_vcpu(shared_info, vcpu) {
            Some(time) => self.now_from(time),
            None => self.advance(ClockError::Missing { vcpu }),
        }
    }

    /// Returns the present moment from the time information of the vCPU that executes this.
    ///
    /// With invalid information, the clock is 33 µs after its latest result, so that deadlines
    /// still pass. The first [`ClockError`] is logged.
    #[inline]
    pub fn now_from(&self, time: TimeInfo<'_>) -> Instant {
        let read = match time.read(&self.counter) {
            Ok(read) => read,
            Err(error) => return self.advance(error),
        };
        let nanos = read.nanos.wrapping_add(self.ahead.load(Ordering::Relaxed));
        let latest = self.latest.load(Ordering::Relaxed);
        if read.is_stable && nanos.wrapping_sub(latest) < GRAIN {
            return Instant::from_nanos(nanos);
        }
        Instant::from_nanos(self.record(nanos))
    }

    /// Returns the present moment as [`now_from`](Self::now_from).
    ///
    /// # Errors
    ///
    /// [`ClockError`]; the clock does not advance.
    pub fn try_now(&self, time: TimeInfo<'_>) -> Result<Instant, ClockError> {
        time.read(&self.counter).map(|_| self.now_from(time))
    }

    /// Returns the tick counter.
    pub fn counter(&self) -> &C {
        &self.counter
    }

    /// Returns `nanos`, or the latest result if that is later.
    #[inline]
    fn record(&self, nanos: u64) -> u64 {
        self.latest.fetch_max(nanos, Ordering::Relaxed).max(nanos)
    }

    /// Returns a moment after all earlier results.
    #[cold]
    fn advance(&self, error: ClockError) -> Instant {
        cold_path();
        // The logger may read this clock.
        if !self.is_reported.swap(true, Ordering::Relaxed) {
            log::error!("clock: {error}; each read advances time by {GRAIN} ns");
        }
        Instant::from_nanos(self.latest.fetch_add(GRAIN, Ordering::Relaxed).wrapping_add(GRAIN))
    }

    /// Continues the clock from its latest result if system time is before that, as on a host that
    /// was started later. The clock would stop until then otherwise.
    ///
    /// Call it while no other vCPU reads the clock.
    pub fn resume(&self, time: TimeInfo<'_>) {
        self.is_reported.store(false, Ordering::Relaxed);
        let Ok(read) = time.read(&self.counter) else { return };
        let present = read.nanos.saturating_add(self.ahead.load(Ordering::Relaxed));
        let latest = self.latest.fetch_add(GRAIN, Ordering::Relaxed).wrapping_add(GRAIN);
        self.ahead.fetch_add(latest.saturating_sub(present), Ordering::Relaxed);
    }
}

impl<C> SystemClock<C> {
    /// Converts a moment of this clock to Xen's system time, the unit of deadlines in hypercalls.
    #[inline]
    pub fn to_system_time(&self, moment: Instant) -> Instant {
        Instant::from_nanos(moment.as_nanos().saturating_sub(self.ahead.load(Ordering::Relaxed)))
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
