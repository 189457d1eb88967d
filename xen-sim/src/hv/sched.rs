//! `sched_op` without the commands that wait; time and timers.

use super::{Answer, Caller};
use crate::guest::Guest;
use crate::machine::{DomainState, Machine, RunState};
use core::mem::offset_of;
use core::sync::atomic::Ordering::{Relaxed, Release};
use xen_hypercall::{DomId, Errno, SharedU32, SharedU64};
use xen_sys::sched::*;
use xen_sys::xen::{SharedInfo, VcpuInfo, VcpuTimeInfo, Virq};

/// Wall clock at the world's time 0, in seconds since 1970: the first day of 2026.
const WALL_CLOCK: u32 = 1_767_225_600;

impl Machine {
    pub(crate) fn sched_op(&mut self, caller: Caller, command: u32, arg: Guest) -> Answer {
        match command {
            SCHEDOP_SHUTDOWN => {
                let op: SchedShutdown = arg.read()?;
                if op.reason.0 > ShutdownReason::MAX.0 {
                    return Err(Errno::EINVAL);
                }
                self.shut_down(caller.domain, op.reason);
            }
            SCHEDOP_SHUTDOWN_CODE => {
                let op: SchedShutdown = arg.read()?;
                self.dom_mut(caller.domain).shutdown_code.get_or_insert(op.reason);
            }
            SCHEDOP_WATCHDOG => {
                let op: SchedWatchdog = arg.read()?;
                let answer = self.watchdog(caller.domain, &op);
                // Real Xen truncates this result to 32 bits, also a negative one.
                return Ok(answer.unwrap_or_else(|errno| -errno.0 as u32 as usize));
            }
            SCHEDOP_REMOTE_SHUTDOWN => {
                let op: SchedRemoteShutdown = arg.read()?;
                let domain = self.find_controlled(caller.domain, op.domain_id)?;
                self.shut_down(domain, op.reason);
            }
            _ => return Err(Errno::ENOSYS),
        }
        Ok(0)
    }

    /// Starts, restarts or stops a watchdog; returns the number of a new one, counted from 1.
    fn watchdog(&mut self, id: DomId, op: &SchedWatchdog) -> Answer {
        let deadline = self.now + u64::from(op.timeout) * 1_000_000_000;
        let watchdogs = &mut self.dom_mut(id).watchdogs;
        if op.id == 0 {
            if op.timeout == 0 {
                return Err(Errno::EINVAL);
            }
            let free = watchdogs.iter().position(Option::is_none).ok_or(Errno::ENOSPC)?;
            watchdogs[free] = Some(deadline);
            return Ok(free + 1);
        }
        let running = watchdogs.get_mut(op.id as usize - 1).filter(|slot| slot.is_some());
        *running.ok_or(Errno::EINVAL)? = (op.timeout != 0).then_some(deadline);
        Ok(0)
    }

    pub(crate) fn shut_down(&mut self, id: DomId, reason: ShutdownReason) {
        let reason = *self.dom_mut(id).shutdown_code.get_or_insert(reason);
        self.trace.record(self.now, Some(id), || format!("shut down: {reason}"));
        self.dom_mut(id).run_state = RunState::Shutdown(reason);
        // xenstored sends the events of `@releaseDomain`.
        self.shutdowns.push(id);
        self.dom_mut(DomId(0)).activity += 1;
        self.raise_dom_exc();
    }

    pub(crate) fn set_timer_op(&mut self, caller: Caller, timeout: u64) -> Answer {
        let timer = (timeout != 0).then_some(timeout);
        self.dom_mut(caller.domain).vcpus[caller.vcpu as usize].timer = timer;
        self.fire_timers();
        Ok(0)
    }

    /// Returns the time of the next timer of a running domain.
    pub(crate) fn next_timer(&self) -> Option<u64> {
        let running = self.domains.values().filter(|domain| domain.runs());
        let vcpus = running.flat_map(|domain| &domain.vcpus);
        let timers =
            vcpus.flat_map(|vcpu| [vcpu.timer, vcpu.period.map(|(next, _)| next)]).flatten();
        // A watchdog expires in a paused domain, too.
        let watched = self.domains.values().filter(|domain| domain.run_state == RunState::Running);
        timers.chain(watched.flat_map(|domain| domain.watchdogs).flatten()).min()
    }

    /// Raises the timer VIRQs that are due.
    pub(crate) fn fire_timers(&mut self) {
        let now = self.now;
        let mut due = Vec::new();
        for domain in self.domains.values_mut().filter(|domain| domain.runs()) {
            for (index, vcpu) in domain.vcpus.iter_mut().enumerate() {
                if vcpu.timer.is_some_and(|at| at <= now) {
                    vcpu.timer = None;
                    due.push((domain.id, index as u32));
                }
                if let Some((next, period)) = &mut vcpu.period
                    && *next <= now
                {
                    // Missed periods raise one VIRQ.
                    *next += *period * ((now - *next) / *period + 1);
                    due.push((domain.id, index as u32));
                }
            }
        }
        let starved = |domain: &&DomainState| {
            domain.run_state == RunState::Running
                && domain.watchdogs.iter().flatten().any(|&at| at <= now)
        };
        let starved: Vec<DomId> =
            self.domains.values().filter(starved).map(|domain| domain.id).collect();
        for domain in starved {
            self.shut_down(domain, ShutdownReason::WATCHDOG);
        }
        for (domain, vcpu) in due {
            self.trace.record(now, Some(domain), || format!("timer of vCPU {vcpu}"));
            self.raise_virq(domain, vcpu, Virq::TIMER);
        }
    }

    /// Advances time to `at`, and fires the timers that become due.
    pub(crate) fn advance_to(&mut self, at: u64) {
        if at > self.now {
            self.now = at;
            self.update_clocks();
        }
        self.fire_timers();
    }

    /// Writes the time to every vCPU's `VcpuTimeInfo`. The multiplier is 0, so that a guest adds
    /// nothing for its TSC.
    pub(crate) fn update_clocks(&mut self) {
        for domain in self.domains.values().filter(|domain| domain.run_state != RunState::Dead) {
            for vcpu in &domain.vcpus {
                if let Some((mfn, offset)) = vcpu.info {
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
            let page = self.pool.page(domain.shared_info);
            if let Some(seconds) = page.u32_at(offset_of!(SharedInfo, wc_sec)) {
                seconds.store(WALL_CLOCK, Relaxed);
            }
        }
    }
}

/// Writes the time to a `VcpuTimeInfo` by the offsets of its fields.
fn write_time<'p>(
    now: u64,
    half: impl Fn(usize) -> Option<SharedU32<'p>>,
    word: impl Fn(usize) -> Option<SharedU64<'p>>,
) {
    let version = half(offset_of!(VcpuTimeInfo, version));
    if let (Some(version), Some(time)) = (version, word(offset_of!(VcpuTimeInfo, system_time))) {
        let even = version.load(Relaxed) & !1;
        version.store(even.wrapping_add(1), Release);
        time.store(now, Release);
        version.store(even.wrapping_add(2), Release);
    }
}
