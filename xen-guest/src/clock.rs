//! Xen's system time, read without a hypercall.

use core::mem::offset_of;
use xen_hypercall::sync::{AtomicU64, Ordering, fence, spin_loop};
use xen_hypercall::{Instant, SharedMem};
use xen_sys::xen::{SharedInfo, VcpuInfo, VcpuTimeInfo};

/// Maximum number of reads of an unstable `VcpuTimeInfo`. Xen writes it in far less time.
const ATTEMPTS: u32 = if cfg!(loom) { 2 } else { 1024 };

/// A monotonic clock from `vcpu_time_info` in shared info and the CPU's tick counter.
///
/// Xen stores a moment of system time, the tick counter (TSC) at that moment, and the length of a
/// tick as a fixed-point fraction; the guest extrapolates. Xen may rewrite these at any time. The
/// version is odd while Xen writes, and has changed afterwards. Source: `vcpu_time_info` in
/// `xen.h`.
///
/// A kernel keeps one in a static.
#[derive(Debug)]
pub struct SystemClock {
    counter: fn() -> u64,
    /// Nanoseconds by which this clock is ahead of system time: zero until the domain was restored
    /// on a host with a later boot.
    ahead: AtomicU64,
    /// The latest result. Two moments that Xen wrote may differ by a few nanoseconds, and time
    /// must not go back.
    latest: AtomicU64,
}

impl SystemClock {
    /// Creates a clock on the tick counter that `counter` reads: `arch::read_tsc` on x86.
    #[cfg(not(loom))]
    pub const fn new(counter: fn() -> u64) -> Self {
        Self { counter, ahead: AtomicU64::new(0), latest: AtomicU64::new(0) }
    }

    /// Creates a clock on the tick counter that `counter` reads.
    #[cfg(loom)]
    pub fn new(counter: fn() -> u64) -> Self {
        Self { counter, ahead: AtomicU64::new(0), latest: AtomicU64::new(0) }
    }

    /// Returns the present moment from the time information of `vcpu`, which executes this.
    ///
    /// Returns the latest result again if the information is missing or unstable.
    pub fn now(&self, shared_info: &SharedMem, vcpu: u32) -> Instant {
        let nanos = self.read(shared_info, vcpu).unwrap_or(0);
        let nanos = nanos.saturating_add(self.ahead.load(Ordering::Relaxed));
        Instant::from_nanos(self.latest.fetch_max(nanos, Ordering::Relaxed).max(nanos))
    }

    /// Converts a moment of this clock to Xen's system time, the unit of deadlines in hypercalls.
    pub fn to_system_time(&self, moment: Instant) -> Instant {
        Instant::from_nanos(moment.as_nanos().saturating_sub(self.ahead.load(Ordering::Relaxed)))
    }

    /// Continues the clock from its latest result if system time is before that, as on a host that
    /// was started later. The clock would stop until then otherwise.
    pub fn resume(&self, shared_info: &SharedMem, vcpu: u32) {
        let Some(nanos) = self.read(shared_info, vcpu) else { return };
        let present = nanos.saturating_add(self.ahead.load(Ordering::Relaxed));
        self.ahead.fetch_add(
            self.latest.load(Ordering::Relaxed).saturating_sub(present),
            Ordering::Relaxed,
        );
    }

    /// Returns Xen's system time; `None` if the version stays odd or the vCPU has no entry.
    fn read(&self, shared_info: &SharedMem, vcpu: u32) -> Option<u64> {
        let place = size_of::<VcpuInfo>()
            .checked_mul(vcpu as usize)?
            .checked_add(offset_of!(SharedInfo, vcpu_info) + offset_of!(VcpuInfo, time))?;
        if vcpu >= VCPUS {
            return None;
        }
        let version = shared_info.u32_at(place + offset_of!(VcpuTimeInfo, version))?;
        let tsc_timestamp = shared_info.u64_at(place + offset_of!(VcpuTimeInfo, tsc_timestamp))?;
        let system_time = shared_info.u64_at(place + offset_of!(VcpuTimeInfo, system_time))?;
        let mul = shared_info.u32_at(place + offset_of!(VcpuTimeInfo, tsc_to_system_mul))?;
        let shift = shared_info.u8_at(place + offset_of!(VcpuTimeInfo, tsc_shift))?;
        for _ in 0..ATTEMPTS {
            let before = version.load(Ordering::Acquire);
            // Each field is one load: a copy of memory that Xen writes has no order.
            let time = VcpuTimeInfo {
                tsc_timestamp: tsc_timestamp.load(Ordering::Relaxed),
                system_time: system_time.load(Ordering::Relaxed),
                tsc_to_system_mul: mul.load(Ordering::Relaxed),
                tsc_shift: shift.load(Ordering::Relaxed) as i8,
                ..Default::default()
            };
            let ticks = (self.counter)();
            fence(Ordering::Acquire);
            if before & 1 == 0 && version.load(Ordering::Relaxed) == before {
                return Some(extrapolate(&time, ticks));
            }
            spin_loop();
        }
        None
    }
}

/// Number of vCPUs with an entry in shared info (`XEN_LEGACY_MAX_VCPUS`).
const VCPUS: u32 = 32;

fn extrapolate(time: &VcpuTimeInfo, ticks: u64) -> u64 {
    let elapsed = ticks.wrapping_sub(time.tsc_timestamp);
    let shift = u32::from(time.tsc_shift.unsigned_abs());
    let scaled = if time.tsc_shift < 0 {
        elapsed.unbounded_shr(shift)
    } else {
        elapsed.unbounded_shl(shift)
    };
    // The fraction is of 2^32. 128 bits, because 2^32 ticks pass in seconds.
    let nanos = (u128::from(scaled) * u128::from(time.tsc_to_system_mul)) >> 32;
    time.system_time.wrapping_add(nanos as u64)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use xen_hypercall::Page;

    const TIME: usize = offset_of!(SharedInfo, vcpu_info) + offset_of!(VcpuInfo, time);

    /// Returns the ticks of a counter that stands still.
    fn counter() -> u64 {
        5_000
    }

    /// Calls `test` with shared info whose vCPU 0 has these values.
    fn with_time(time: &VcpuTimeInfo, test: impl FnOnce(&SharedMem)) {
        let mut pages = [Page::ZERO];
        let shared_info = SharedMem::from_pages(&mut pages);
        shared_info.write(TIME, time).unwrap();
        test(shared_info);
    }

    fn time(system_time: u64) -> VcpuTimeInfo {
        VcpuTimeInfo { version: 2, system_time, tsc_timestamp: 5_000, ..Default::default() }
    }

    #[test]
    fn ticks_scale_by_shift_and_fraction() {
        let half = VcpuTimeInfo { tsc_to_system_mul: 1 << 31, tsc_timestamp: 1_000, ..time(70) };
        for (tsc_shift, elapsed) in [(0, 2_000), (1, 4_000), (-1, 1_000), (-128, 0), (127, 0)] {
            let time = VcpuTimeInfo { tsc_shift, ..half };
            assert_eq!(extrapolate(&time, 5_000), 70 + elapsed, "shift {tsc_shift}");
        }
    }

    #[test]
    fn clock_never_goes_back() {
        let clock = SystemClock::new(counter);
        for (system_time, expected) in [(100, 100), (90, 100), (101, 101)] {
            with_time(&time(system_time), |shared_info| {
                assert_eq!(clock.now(shared_info, 0).as_nanos(), expected);
            });
        }
    }

    #[test]
    fn unstable_version_repeats_latest_time() {
        let clock = SystemClock::new(counter);
        with_time(&time(100), |shared_info| {
            assert_eq!(clock.now(shared_info, 0).as_nanos(), 100);
        });
        with_time(&VcpuTimeInfo { version: 3, ..time(200) }, |shared_info| {
            assert_eq!(clock.now(shared_info, 0).as_nanos(), 100);
            clock.resume(shared_info, 0);
            assert_eq!(clock.to_system_time(Instant::from_nanos(100)).as_nanos(), 100);
        });
    }

    #[test]
    fn vcpu_without_entry_repeats_latest_time() {
        let clock = SystemClock::new(counter);
        with_time(&time(100), |shared_info| {
            assert_eq!(clock.now(shared_info, 0).as_nanos(), 100);
            for vcpu in [32, u32::MAX] {
                assert_eq!(clock.now(shared_info, vcpu).as_nanos(), 100);
            }
        });
    }

    #[test]
    fn clock_continues_on_younger_host() {
        let clock = SystemClock::new(counter);
        with_time(&time(1_000), |shared_info| {
            assert_eq!(clock.now(shared_info, 0).as_nanos(), 1_000);
        });
        with_time(&time(30), |shared_info| {
            clock.resume(shared_info, 0);
            assert_eq!(clock.now(shared_info, 0).as_nanos(), 1_000);
        });
        with_time(&time(35), |shared_info| {
            let now = clock.now(shared_info, 0);
            assert_eq!((now.as_nanos(), clock.to_system_time(now).as_nanos()), (1_005, 35));
        });
    }
}
