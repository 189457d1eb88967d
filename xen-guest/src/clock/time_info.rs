//! Time information of one vCPU, as Xen writes it.

use core::mem::offset_of;
use thiserror::Error;
use xen_hypercall::sync::{Ordering, cold_path, fence, spin_loop};
use xen_hypercall::{SharedMem, SharedU8, SharedU32, SharedU64};
use xen_sys::xen::{PvclockFlags, SharedInfo, VcpuInfo, VcpuTimeInfo, XEN_LEGACY_MAX_VCPUS};

/// Maximum number of reads of unstable time information. Xen writes it in far less time.
const ATTEMPTS: u32 = if cfg!(loom) { 2 } else { 1024 };

/// Largest shift of the tick counter in either direction. Xen's own shifts are below it for any
/// frequency from 1 Hz to 4 EHz.
const MAX_SHIFT: i8 = 31;

/// Counter of CPU ticks that Xen's time information refers to.
///
/// `arch::Tsc` implements it on x86-64, and so does a function.
pub trait TickCounter {
    /// Returns the ticks, after all loads that come first in the program.
    fn ticks(&self) -> u64;
}

impl<F: Fn() -> u64> TickCounter for F {
    #[inline]
    fn ticks(&self) -> u64 {
        self()
    }
}

/// Invalid time information of Xen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ClockError {
    /// The version stayed odd, or changed in each read.
    #[error(
        "time information: found version {version} after {ATTEMPTS} reads, expected a stable one"
    )]
    Unstable {
        /// Last version.
        version: u32,
    },
    /// The multiplier is zero: Xen has not written the information.
    #[error("time information: found multiplier 0, expected a fraction of 2^32")]
    Multiplier,
    /// The shift is beyond 31 in either direction.
    #[error("time information: found shift {shift}, expected -{MAX_SHIFT} to {MAX_SHIFT}")]
    Shift {
        /// Found value.
        shift: i8,
    },
    /// The memory has no time information of the vCPU.
    #[error("time information: found none for vCPU {vcpu}, expected a registered vcpu_info")]
    Missing {
        /// Number of the vCPU.
        vcpu: u32,
    },
}

/// Moment of Xen's system time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeReading {
    /// Nanoseconds since the host started.
    pub nanos: u64,
    /// Set if the moments that different vCPUs read are in order.
    #[doc(alias = "XEN_PVCLOCK_TSC_STABLE_BIT")]
    pub is_stable: bool,
}

/// Words of one `vcpu_time_info`.
///
/// Xen stores a moment of system time, the tick counter at that moment, and the length of a tick as
/// a fixed-point fraction. Xen may rewrite them at any time: the version is odd meanwhile, and
/// another one afterwards. Source: `vcpu_time_info` in `xen.h`.
///
/// The vCPU that reads the information must be the one that it is of, unless it
/// [is stable](TimeReading::is_stable).
#[derive(Clone, Copy, Debug)]
pub struct TimeInfo<'a> {
    version: SharedU32<'a>,
    tsc_timestamp: SharedU64<'a>,
    system_time: SharedU64<'a>,
    multiplier: SharedU32<'a>,
    shift: SharedU8<'a>,
    flags: SharedU8<'a>,
}

impl<'a> TimeInfo<'a> {
    /// Returns the time information of `vcpu` in shared info; `None` for a vCPU that shared info
    /// has no entry for.
    #[inline]
    pub fn of_vcpu(shared_info: &'a SharedMem, vcpu: u32) -> Option<Self> {
        const FIRST: usize = offset_of!(SharedInfo, vcpu_info);
        let vcpu = vcpu as usize;
        if vcpu >= XEN_LEGACY_MAX_VCPUS {
            cold_path();
            return None;
        }
        Self::of_vcpu_info(shared_info.first_page(), FIRST + vcpu * size_of::<VcpuInfo>())
    }

    /// Returns the time information in the `vcpu_info` at byte `offset` of `memory`: see
    /// `EventChannels::vcpu_info_at` of `xen-evtchn`.
    #[inline]
    pub fn of_vcpu_info(memory: &'a SharedMem, offset: usize) -> Option<Self> {
        Self::at(memory, offset.checked_add(offset_of!(VcpuInfo, time))?)
    }

    /// Returns the time information at byte `offset` of `memory`, a multiple of 8: an area that was
    /// registered with Xen.
    #[inline]
    pub fn at(memory: &'a SharedMem, offset: usize) -> Option<Self> {
        offset.checked_add(size_of::<VcpuTimeInfo>())?;
        Some(Self {
            version: memory.u32_at(offset + offset_of!(VcpuTimeInfo, version))?,
            tsc_timestamp: memory.u64_at(offset + offset_of!(VcpuTimeInfo, tsc_timestamp))?,
            system_time: memory.u64_at(offset + offset_of!(VcpuTimeInfo, system_time))?,
            multiplier: memory.u32_at(offset + offset_of!(VcpuTimeInfo, tsc_to_system_mul))?,
            shift: memory.u8_at(offset + offset_of!(VcpuTimeInfo, tsc_shift))?,
            flags: memory.u8_at(offset + offset_of!(VcpuTimeInfo, flags))?,
        })
    }

    /// Reads the present moment: without a hypercall, a lock or a store.
    ///
    /// # Errors
    ///
    /// [`ClockError`] for values that Xen does not write, after a bounded number of reads.
    #[inline]
    pub fn read(self, counter: &impl TickCounter) -> Result<TimeReading, ClockError> {
        for _ in 0..ATTEMPTS {
            let before = self.version.load(Ordering::Acquire);
            // Each field is one load: a copy of memory that Xen writes has no order.
            let tsc_timestamp = self.tsc_timestamp.load(Ordering::Relaxed);
            let system_time = self.system_time.load(Ordering::Relaxed);
            let multiplier = self.multiplier.load(Ordering::Relaxed);
            let shift = self.shift.load(Ordering::Relaxed) as i8;
            let flags = self.flags.load(Ordering::Relaxed);
            let ticks = counter.ticks();
            fence(Ordering::Acquire);
            if before & 1 == 0 && self.version.load(Ordering::Relaxed) == before {
                let nanos = scale(elapsed(tsc_timestamp, ticks), shift, multiplier)?;
                let is_stable = flags & PvclockFlags::TSC_STABLE.bits() != 0;
                return Ok(TimeReading { nanos: system_time.wrapping_add(nanos), is_stable });
            }
            cold_path();
            spin_loop();
        }
        Err(ClockError::Unstable { version: self.version.load(Ordering::Relaxed) })
    }
}

/// Returns the ticks since Xen's moment, which can be a few ticks ahead of this CPU's counter. It
/// is below zero, and wraps, where it comes before the start of the domain and of its counter.
#[inline]
fn elapsed(tsc_timestamp: u64, ticks: u64) -> u64 {
    let elapsed = ticks.wrapping_sub(tsc_timestamp);
    if elapsed.cast_signed() < 0 { 0 } else { elapsed }
}

/// Converts ticks to nanoseconds.
#[inline]
fn scale(ticks: u64, shift: i8, multiplier: u32) -> Result<u64, ClockError> {
    if multiplier == 0 {
        cold_path();
        return Err(ClockError::Multiplier);
    }
    if !(-MAX_SHIFT..=MAX_SHIFT).contains(&shift) {
        cold_path();
        return Err(ClockError::Shift { shift });
    }
    let bits = u32::from(shift.unsigned_abs());
    let scaled = if shift < 0 { ticks >> bits } else { ticks << bits };
    // The fraction is of 2^32. 128 bits, because 2^32 ticks pass in seconds.
    Ok(((u128::from(scaled) * u128::from(multiplier)) >> 32) as u64)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn ticks_scale_by_shift_and_fraction() {
        for (shift, nanos) in [(0, 2_000), (1, 4_000), (-1, 1_000), (-31, 0), (31, 2_000 << 31)] {
            assert_eq!(scale(4_000, shift, 1 << 31), Ok(nanos), "shift {shift}");
        }
    }

    #[test]
    fn moment_before_counter_starts_wraps() {
        assert_eq!(elapsed(5, 7), 2);
        assert_eq!(elapsed(u64::MAX - 9, 7), 17);
        assert_eq!(elapsed(7, 5), 0);
    }

    #[test]
    fn shift_beyond_31_is_refused() {
        for shift in [32, 64, 127, -32, -64, -128] {
            assert_eq!(scale(1, shift, 1), Err(ClockError::Shift { shift }));
        }
    }

    #[test]
    fn multiplier_zero_is_refused() {
        assert_eq!(scale(1, 0, 0), Err(ClockError::Multiplier));
    }

    #[test]
    fn vcpu_beyond_legacy_has_no_entry() {
        let mut pages = [xen_hypercall::Page::ZERO];
        let shared_info = SharedMem::from_pages(&mut pages);
        assert!(TimeInfo::of_vcpu(shared_info, 31).is_some());
        for vcpu in [32, u32::MAX] {
            assert!(TimeInfo::of_vcpu(shared_info, vcpu).is_none());
        }
        for offset in [1, 4096 - 24, usize::MAX - 8] {
            assert!(TimeInfo::at(shared_info, offset).is_none(), "{offset}");
        }
    }
}
