//! Services of xen-guest by Xen's timer and time information, and the vCPU's number by CPUID.

use crate::report::{Report, fails, is, that};
use core::time::Duration;
use xen_guest::arch::Tsc;
use xen_guest::clock::TimePage;
use xen_guest::{SystemClock, TimerState, VcpuTimer};
use xen_hypercall::arch::cpuid::{self, XenLeaves};
use xen_hypercall::ops::vcpu;
use xen_hypercall::{Errno, Platform};

const SOON: Duration = Duration::from_millis(3);
const PERIOD: Duration = Duration::from_millis(1);
/// Time of a timer that is stopped before.
const STOPPED: Duration = Duration::from_millis(200);
/// Long, for something that should take no time at all.
const LONG: Duration = Duration::from_secs(2);

pub(crate) fn test(t: &mut Report) {
    // In a PVH dom0 Xen gives no number of the vCPU by CPUID.
    let number = XenLeaves::find(cpuid::native).and_then(|leaves| leaves.vcpu);
    t.fact("the vCPU's number by CPUID", number == if t.dom0 { number } else { Some(0) });
    time_page(t);
}

/// Tests the timer of vCPU 0, before the kernel opens it for its own sleeps.
pub(crate) fn timer(t: &mut Report) {
    let (xen, clock) = (t.xen, SystemClock::<Tsc>::new(Tsc));
    let started = vcpu::set_periodic_timer(&xen, 0, PERIOD.as_nanos() as u64);
    t.line("vcpu::set_periodic_timer", &[], started, is(()));
    let timer = match VcpuTimer::new(xen, 0) {
        Ok(timer) => timer,
        Err(errno) => return t.line("VcpuTimer::new", &[], Err(errno), is(())).unwrap_or(()),
    };
    let second = VcpuTimer::new(xen, 0).map(drop);
    t.line("VcpuTimer::new", &[], second, fails(Errno::EEXIST));
    let events = xen.events();
    let wait = |until| {
        let start = xen.now();
        while !events.is_pending(timer.port()) && xen.now() < until {
            let _ = xen_hypercall::ops::sched::poll(&xen, &[timer.port()], Some(until));
        }
        (events.take_pending(timer.port()), xen.now().saturating_duration_since(start))
    };
    let (came, _) = wait(xen.now() + 10 * PERIOD);
    t.fact("VcpuTimer has stopped the periodic timer", !came);

    let now = xen.now();
    t.line("VcpuTimer::set", &[], timer.set(&clock, now + SOON), is(TimerState::Armed));
    let (came, took) = wait(now + LONG);
    t.fact("VcpuTimer: its event", came && xen.now() >= now + SOON && took < LONG);
    // Xen sends the event of a moment that has passed at once, or refuses the moment.
    let set = timer.set(&clock, now);
    let at_once = match set {
        Ok(TimerState::Armed) => wait(xen.now() + LONG).0,
        _ => true,
    };
    t.line("VcpuTimer::set", &["past".into()], set, that("armed or passed", |_| true));
    t.fact("VcpuTimer: the event of a moment that has passed", at_once);
    // The lines take longer than the timer.
    let at = xen.now() + STOPPED;
    let (set, stopped) = (timer.set(&clock, at), timer.stop());
    let (came, _) = wait(at + SOON);
    t.line("VcpuTimer::set", &[], set, is(TimerState::Armed));
    t.line("VcpuTimer::stop", &[], stopped, is(()));
    t.fact("VcpuTimer: no event of a stopped timer", !came);
}

fn time_page(t: &mut Report) {
    let xen = t.xen;
    let page = match TimePage::register(xen, 0) {
        Ok(page) => page,
        Err(errno) => return t.line("TimePage::register", &[], Err(errno), is(())).unwrap_or(()),
    };
    let clock = SystemClock::<Tsc>::new(Tsc);
    let (before, read, after) = (xen.now(), page.time().map(|time| clock.try_now(time)), xen.now());
    let near = Duration::from_millis(1);
    t.fact(
        "TimePage has the time",
        read.is_some_and(|read| read.is_ok_and(|now| now + near >= before && now <= after + near)),
    );
}
