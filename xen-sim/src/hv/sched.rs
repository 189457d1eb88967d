//! `sched_op` without the commands that wait; time and timers.

use super::{Answer, Caller};
use crate::guest::Guest;
use crate::machine::{DomainState, Machine, RunState};
use xen_hypercall::{DomId, Errno};
use xen_sys::sched::*;
use xen_sys::xen::Virq;

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
}
