//! System time and the wall clock in the memory of guests; `platform_op` that sets the latter.

use super::{Answer, Caller};
use crate::guest::Guest;
use crate::machine::{DomainState, Machine, RunState};
use core::mem::offset_of;
use core::sync::atomic::Ordering::{Relaxed, Release};
use xen_hypercall::{Errno, SharedU32, SharedU64};
use xen_sys::hvm::params::HVM_PARAM_CALLBACK_IRQ;
use xen_sys::platform::*;
use xen_sys::xen::{SharedInfo, VcpuInfo, VcpuTimeInfo};
use zerocopy::{FromBytes, IntoBytes};

/// Wall clock at the world's time 0, in seconds since 1970: the first day of 2026.
pub(crate) const WALL_CLOCK: u64 = 1_767_225_600;

impl Machine {
    /// Advances time to `at`, and fires the timers that become due.
    pub(crate) fn advance_to(&mut self, at: u64) {
        if at > self.now {
            self.now = at;
            self.update_clocks();
        }
        self.fire_timers();
    }

    /// Writes the time to every vCPU's `VcpuTimeInfo`. A tick is a nanosecond, and
    /// the counter was at the world's time: a guest whose counter stands still adds nothing.
    pub(crate) fn update_clocks(&mut self) {
        for domain in self.domains.values().filter(|domain| domain.run_state != RunState::Dead) {
            for vcpu in &domain.vcpus {
                // On Arm, no memory has the time.
                if let Some((mfn, offset)) = vcpu.info.filter(|_| !domain.config.is_arm) {
                    let (page, at) = (self.pool.page(mfn), offset + offset_of!(VcpuInfo, time));
                    write_time(
                        self.now,
                        |field| page.u32_at(at + field),
                        |field| page.u64_at(at + field),
                    );
                }
                if let Some(area) = &vcpu.time_area {
                    let pool = &self.pool;
                    write_time(
                        self.now,
                        |field| area.half(pool, field),
                        |field| area.word(pool, field),
                    );
                }
            }
            self.write_wall_clock(domain);
        }
    }

    /// Writes the wall clock of a domain that has set a way of upcalls; Xen leaves zeroes before.
    fn write_wall_clock(&self, domain: &DomainState) {
        let page = self.pool.page(domain.shared_info);
        let word = |offset| page.u32_at(offset);
        let (Some(version), Some(low), Some(nanos), Some(high)) = (
            word(offset_of!(SharedInfo, wc_version)),
            word(offset_of!(SharedInfo, wc_sec)),
            word(offset_of!(SharedInfo, wc_nsec)),
            word(offset_of!(SharedInfo, wc_sec_hi)),
        ) else {
            return;
        };
        if domain.params[HVM_PARAM_CALLBACK_IRQ as usize] == 0 {
            return;
        }
        let even = version.load(Relaxed) & !1;
        version.store(even.wrapping_add(1), Release);
        let (seconds, rest) = self.wall_clock;
        low.store(seconds as u32, Release);
        high.store((seconds >> 32) as u32, Release);
        nanos.store(rest, Release);
        version.store(even.wrapping_add(2), Release);
    }

    /// Executes the operation of `platform_op` that sets the wall clock; the others are refused.
    pub(crate) fn platform_op(&mut self, caller: Caller, arg: Guest) -> Answer {
        if !self.dom(caller.domain).config.privileged {
            return Err(Errno::EPERM);
        }
        let op: XenPlatformOp = arg.read()?;
        if op.interface_version != XENPF_INTERFACE_VERSION {
            return Err(Errno::EACCES);
        }
        if op.cmd != XENPF_SETTIME64 {
            return Err(Errno::ENOSYS);
        }
        let bytes = op.u.as_bytes();
        let (op, _) = XenpfSettime64::read_from_prefix(bytes).map_err(|_| Errno::EINVAL)?;
        let since = op.secs.checked_mul(1_000_000_000);
        let since = since.and_then(|since| since.checked_add(op.nsecs.into()));
        let at_zero = since.and_then(|since| since.checked_sub(op.system_time));
        let at_zero = at_zero.ok_or(Errno::EINVAL)?;
        self.wall_clock = (at_zero / 1_000_000_000, (at_zero % 1_000_000_000) as u32);
        self.update_clocks();
        Ok(0)
    }
}

/// Writes the time to a `VcpuTimeInfo` by the offsets of its fields.
fn write_time<'p>(
    now: u64,
    half: impl Fn(usize) -> Option<SharedU32<'p>>,
    word: impl Fn(usize) -> Option<SharedU64<'p>>,
) {
    /// Half a nanosecond for each shifted tick; the shift doubles the ticks.
    const MULTIPLIER: u32 = 1 << 31;
    const SHIFT: u32 = 1;
    let (Some(version), Some(time), Some(ticks), Some(mul), Some(shift)) = (
        half(offset_of!(VcpuTimeInfo, version)),
        word(offset_of!(VcpuTimeInfo, system_time)),
        word(offset_of!(VcpuTimeInfo, tsc_timestamp)),
        half(offset_of!(VcpuTimeInfo, tsc_to_system_mul)),
        half(offset_of!(VcpuTimeInfo, tsc_shift)),
    ) else {
        return;
    };
    let even = version.load(Relaxed) & !1;
    version.store(even.wrapping_add(1), Release);
    time.store(now, Release);
    ticks.store(now, Release);
    mul.store(MULTIPLIER, Release);
    shift.store(SHIFT, Release);
    version.store(even.wrapping_add(2), Release);
}
