//! The clock: Xen's system time, read without a hypercall.
//!
//! Xen keeps, in shared info, a moment of system time, the CPU's tick counter (TSC) at that moment,
//! and the tick's length as a fixed-point fraction; the guest extrapolates. Xen may rewrite this at
//! any time, so there is a version number: odd while Xen writes, changed afterwards. Source:
//! `vcpu_time_info` in `xen.h`.

use crate::{events, vcpus};
use core::arch::asm;
use core::hint::spin_loop;
use core::mem::offset_of;
use core::sync::atomic::Ordering::{Acquire, Relaxed};
use core::sync::atomic::{AtomicU64, fence};
use xen_hypercall::{Instant, SharedMem};
use xen_sys::xen::{SharedInfo, VcpuInfo, VcpuTimeInfo};

/// Returns the offset of a vCPU's time in shared info.
fn time_of(vcpu: u32) -> usize {
    offset_of!(SharedInfo, vcpu_info)
        + vcpu as usize * size_of::<VcpuInfo>()
        + offset_of!(VcpuInfo, time)
}

/// The number of times that the time is read before the clock stands still instead. Xen writes for
/// far less time than this takes.
const ATTEMPTS: u32 = 1024;

/// By how much this clock is ahead of system time: not at all, until the domain was moved to a host
/// that is up for a shorter time than the last.
static AHEAD: AtomicU64 = AtomicU64::new(0);

/// The latest answer. Two moments that Xen wrote may disagree by a few nanoseconds, and time must
/// not go back.
static LATEST: AtomicU64 = AtomicU64::new(0);

/// Returns the present moment; zero before shared info is in place. It is the latest one again if
/// Xen shows none.
pub(crate) fn now() -> Instant {
    let nanos = now_by_xen() + AHEAD.load(Relaxed);
    Instant::from_nanos(LATEST.fetch_max(nanos, Relaxed).max(nanos))
}

/// Converts a time of this clock to Xen's system time, the unit of deadlines in hypercalls.
pub(crate) fn system_time(moment: Instant) -> Instant {
    Instant::from_nanos(moment.as_nanos().saturating_sub(AHEAD.load(Relaxed)))
}

/// Continues the clock from its last value, if another host's system time is before that: else
/// it would stand still until then.
pub(crate) fn resume() {
    let Some(nanos) = events::shared_info().and_then(read) else { return };
    let behind = LATEST.load(Relaxed).saturating_sub(nanos + AHEAD.load(Relaxed));
    AHEAD.fetch_add(behind, Relaxed);
}

fn now_by_xen() -> u64 {
    events::shared_info().and_then(read).unwrap_or(0)
}

/// Returns Xen's system time; `None` if its version says all the time that Xen writes it.
fn read(shared: &SharedMem) -> Option<u64> {
    let place = time_of(vcpus::current());
    let version = shared.u32_at(place + offset_of!(VcpuTimeInfo, version))?;
    for _ in 0..ATTEMPTS {
        let before = version.load(Acquire);
        let time = shared.read::<VcpuTimeInfo>(place)?;
        let tsc = read_tsc();
        fence(Acquire);
        if before & 1 == 0 && version.load(Relaxed) == before {
            return Some(extrapolate(&time, tsc));
        }
        spin_loop();
    }
    None
}

fn extrapolate(time: &VcpuTimeInfo, tsc: u64) -> u64 {
    let ticks = tsc.wrapping_sub(time.tsc_timestamp);
    let shift = u32::from(time.tsc_shift.unsigned_abs());
    let scaled =
        if time.tsc_shift < 0 { ticks.unbounded_shr(shift) } else { ticks.unbounded_shl(shift) };
    // The fraction is of 2^32. 128 bits, because 2^32 ticks are over in a second.
    let elapsed = (u128::from(scaled) * u128::from(time.tsc_to_system_mul)) >> 32;
    time.system_time.wrapping_add(elapsed as u64)
}

fn read_tsc() -> u64 {
    let (low, high): (u32, u32);
    // SAFETY: reads a counter. The fence keeps the CPU from reading it before the loads that come
    // first in the program.
    unsafe {
        asm!("lfence", "rdtsc", out("eax") low, out("edx") high, options(nostack, preserves_flags));
    };
    u64::from(high) << 32 | u64::from(low)
}
