//! System time where Xen writes no time information: on Arm.

use super::{TickCounter, TimeInfo};
use crate::RunstateArea;
use core::fmt;
use core::mem::offset_of;
use core::time::Duration;
use xen_hypercall::ops::sched;
use xen_hypercall::sync::Ordering;
use xen_hypercall::{Errno, Instant, Pages, Platform, SharedMem, SharedPages};
use xen_sys::xen::{PvclockFlags, VcpuTimeInfo};

/// Number of moments that are compared.
const SAMPLES: u32 = 8;
/// Maximum number of waits for a first moment; each is twice as long as the one before.
const ATTEMPTS: u32 = 24;
/// Nanoseconds of a second.
const NANOS: u128 = 1_000_000_000;
/// Time of the first wait.
const FIRST_WAIT: Duration = Duration::from_micros(100);

/// Time information that a kernel keeps itself: a moment of Xen's system time, the tick counter at
/// that moment, and the length of a tick.
///
/// On Arm, Xen's system time and the counter advance together, but no page of Xen has their
/// difference. The run state of a vCPU has the moment of system time at which it last began to run:
/// read right after a wait, it gives the difference, late by the time that the wait took to return.
/// The earliest of several is used. So this time is behind Xen's by some microseconds, and a wait
/// for a moment of this time can end as much before it.
pub struct CounterTime<P: Platform> {
    memory: SharedPages<P>,
    frequency: u64,
}

impl<P: Platform> CounterTime<P> {
    /// Measures the difference, on vCPU 0, which waits for some milliseconds. No event may end the
    /// waits: ports are masked.
    ///
    /// # Errors
    ///
    /// `ENOMEM` if the platform has no page, `EINVAL` for a frequency of zero or above 2^32,
    /// `EAGAIN` if no wait blocks the vCPU; the refusals of Xen.
    pub fn measure(platform: P, counter: &impl TickCounter, frequency: u64) -> Result<Self, Errno> {
        let (multiplier, shift) = tick_length(frequency).ok_or(Errno::EINVAL)?;
        let memory = Pages::alloc(platform.clone(), 1).map_err(|_| Errno::ENOMEM)?.into_shared();
        let this = Self { memory, frequency };
        let area = RunstateArea::register(platform.clone(), 0)?;
        let since = || area.read().map(|state| state.since).map_err(|_| Errno::EAGAIN);
        this.set(0, since()?, multiplier, shift);
        let (mut wait, mut samples, mut attempts) = (FIRST_WAIT, 0, 0);
        let mut earliest: Option<(u64, u64, Instant)> = None;
        while samples < SAMPLES {
            if attempts == ATTEMPTS {
                return Err(Errno::EAGAIN);
            }
            let before = since()?;
            // A wait for a moment that has passed does not block.
            sched::poll(&platform, &[], Some(before + wait))?;
            let ticks = counter.ticks();
            let began = since()?;
            if began == before {
                wait = wait.saturating_mul(2);
                attempts += 1;
                continue;
            }
            // The time of the ticks alone is a moment of a clock with another zero.
            this.set(0, Instant::default(), multiplier, shift);
            let nanos = this.info().and_then(|info| info.read(&|| ticks).ok());
            let nanos = nanos.ok_or(Errno::EINVAL)?.nanos;
            let ahead = nanos.wrapping_sub(began.as_nanos());
            if earliest.is_none_or(|(least, ..)| ahead.wrapping_sub(least) as i64 <= 0) {
                earliest = Some((ahead, ticks, began));
            }
            samples += 1;
            attempts = 0;
        }
        if let Some((_, ticks, began)) = earliest {
            this.set(ticks, began, multiplier, shift);
        }
        Ok(this)
    }

    /// Returns the time information, for [`SystemClock::now_from`](crate::SystemClock::now_from).
    pub fn info(&self) -> Option<TimeInfo<'_>> {
        TimeInfo::at(self.memory(), 0)
    }

    /// Returns the ticks at the moment `at` of system time, for a timer on the counter, or the
    /// first ones after it.
    pub fn ticks_at(&self, at: Instant) -> u64 {
        let page = self.memory().first_page();
        let ticks = page.u64::<{ offset_of!(VcpuTimeInfo, tsc_timestamp) }>();
        let nanos = page.u64::<{ offset_of!(VcpuTimeInfo, system_time) }>();
        let later = at.as_nanos().saturating_sub(nanos.load(Ordering::Relaxed));
        let later = (u128::from(later) * u128::from(self.frequency)).div_ceil(NANOS);
        ticks.load(Ordering::Relaxed).saturating_add(u64::try_from(later).unwrap_or(u64::MAX))
    }

    /// Returns the system time at which the counter was zero, for the virtual counter at about the
    /// start of the domain.
    ///
    /// The wall clock in shared info of a domain on Arm refers to this moment, in whole seconds:
    /// add the time since then to [`wall_clock::at_boot`](super::wall_clock::at_boot). Source:
    /// `domain_vtimer_init` of Xen.
    pub fn counter_start(&self) -> Instant {
        let page = self.memory().first_page();
        let at = page.u64::<{ offset_of!(VcpuTimeInfo, system_time) }>().load(Ordering::Relaxed);
        let ticks = page.u64::<{ offset_of!(VcpuTimeInfo, tsc_timestamp) }>();
        let ticks = u128::from(ticks.load(Ordering::Relaxed));
        let nanos = ticks * NANOS / u128::from(self.frequency.max(1));
        Instant::from_nanos(at.saturating_sub(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }

    fn memory(&self) -> &SharedMem {
        self.memory.as_ref()
    }

    /// Writes the information, which no other vCPU reads meanwhile.
    fn set(&self, ticks: u64, at: Instant, multiplier: u32, shift: i8) {
        let page = self.memory().first_page();
        // Ordered by what makes the value known to other vCPUs.
        page.u64::<{ offset_of!(VcpuTimeInfo, tsc_timestamp) }>().store(ticks, Ordering::Relaxed);
        page.u64::<{ offset_of!(VcpuTimeInfo, system_time) }>()
            .store(at.as_nanos(), Ordering::Relaxed);
        page.u32::<{ offset_of!(VcpuTimeInfo, tsc_to_system_mul) }>()
            .store(multiplier, Ordering::Relaxed);
        page.u8::<{ offset_of!(VcpuTimeInfo, tsc_shift) }>().store(shift as u8, Ordering::Relaxed);
        let stable = PvclockFlags::TSC_STABLE.bits();
        page.u8::<{ offset_of!(VcpuTimeInfo, flags) }>().store(stable, Ordering::Relaxed);
    }
}

impl<P: Platform> fmt::Debug for CounterTime<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CounterTime").finish_non_exhaustive()
    }
}

/// Returns the length of a tick as `vcpu_time_info` has it: nanoseconds are the ticks, shifted to
/// the left, times the multiplier, in units of 2^-32.
fn tick_length(frequency: u64) -> Option<(u32, i8)> {
    if frequency == 0 || frequency > 1 << 32 {
        return None;
    }
    // In units of 2^-64, so that 32 bits of it are exact for any frequency.
    let length = (NANOS << 64) / u128::from(frequency);
    let shift = 64 - length.leading_zeros() as i32;
    Some(((length >> (32 + shift)) as u32, shift as i8))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemClock;
    use xen_sim::{DomainConfig, World};

    #[test]
    fn tick_length_is_exact() {
        // 62.5 MHz, as QEMU has it: 16 ns.
        assert_eq!(tick_length(62_500_000), Some((1 << 31, 5)));
        assert_eq!(tick_length(1_000_000_000), Some((1 << 31, 1)));
        assert_eq!((tick_length(0), tick_length((1 << 32) + 1)), (None, None));
        for frequency in [1, 32_768, 19_200_000, 24_000_000, 1 << 32] {
            let (multiplier, shift) = tick_length(frequency).unwrap();
            assert!(multiplier >= 1 << 31, "{frequency} Hz");
            let ticks = u128::from(frequency);
            let shifted = if shift >= 0 { ticks << shift } else { ticks >> -shift };
            let nanos = (shifted * u128::from(multiplier)) >> 32;
            assert!(nanos.abs_diff(1_000_000_000) <= 2, "{frequency} Hz: {nanos} ns");
        }
    }

    #[test]
    fn counter_start_is_of_the_domain() {
        let world = World::new(1);
        let domain = world.create_guest(DomainConfig::new("guest"));
        domain.wait(&[], Some(domain.now() + Duration::from_secs(3)));
        let (xen, start) = (domain.clone(), domain.now());
        let counter = move || xen.now().saturating_duration_since(start).as_nanos() as u64 / 10;
        let time = CounterTime::measure(domain, &counter, 100_000_000).unwrap();
        let zero = time.counter_start().as_nanos();
        assert!(zero.abs_diff(start.as_nanos()) < 100_000, "{zero} {start:?}");
    }

    #[test]
    fn counter_follows_system_time() {
        let world = World::new(1);
        let config = DomainConfig { is_arm: true, ..DomainConfig::new("guest") };
        let domain = world.create_guest(config);
        // 100 MHz, started 5 s before Xen.
        let xen = domain.clone();
        let counter = move || (xen.now().as_nanos() + 5_000_000_000) / 10;
        let time = CounterTime::measure(domain.clone(), &counter, 100_000_000).unwrap();
        let clock = SystemClock::new(counter.clone());
        for _ in 0..3 {
            let later = clock.now_from(time.info().unwrap()) + Duration::from_millis(3);
            assert!(time.ticks_at(later).abs_diff(counter() + 300_000) < 10_000);
            let now = clock.now_from(time.info().unwrap()).as_nanos();
            assert!(domain.now().as_nanos().abs_diff(now) < 100_000, "{now} {:?}", domain.now());
            domain.wait(&[], Some(domain.now() + Duration::from_secs(1)));
        }
    }
}
