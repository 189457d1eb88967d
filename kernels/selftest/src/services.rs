//! Services of xen-guest: timer, run state, time page, wall clock, and the vCPU's number.

use crate::report::{Report, fails, is, that};
use crate::smp::until;
use core::time::Duration;
use xen_guest::arch::Tsc;
use xen_guest::clock::TimePage;
use xen_guest::{RunstateArea, SystemClock, TimerState, VcpuTimer};
use xen_hypercall::arch::cpuid::{self, XenLeaves};
use xen_hypercall::ops::vcpu;
use xen_hypercall::{Errno, Platform};
use xen_sys::vcpu::VcpuRunstate;

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
    runstate(t);
    time_page(t);
    wall_clock(t);
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

fn runstate(t: &mut Report) {
    let xen = t.xen;
    let area = match RunstateArea::register(xen, 0) {
        Ok(area) => area,
        Err(errno) => {
            return t.line("RunstateArea::register", &[], Err(errno), is(())).unwrap_or(());
        }
    };
    let before = area.read();
    t.fact("RunstateArea: running", before.is_ok_and(|r| r.state == VcpuRunstate::RUNNING));
    let slept =
        || area.read().ok().zip(before.ok()).map(|(after, before)| after.blocked - before.blocked);
    // A vCPU that gets no processor until the end of a wait does not block, so it waits again.
    let is_counted = until(xen, || slept().is_some_and(|slept| slept >= SOON));
    t.fact("RunstateArea counts a sleep", is_counted);
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

fn wall_clock(t: &mut Report) {
    let (xen, time) = (t.xen, Duration::from_secs(1_900_000_000));
    let expected = t.dom0_only(is(()));
    t.line("wall_clock::set", &[], xen.set_time_of_day(time), expected);
    if t.dom0 {
        let now = xen.time_of_day().unwrap_or_default();
        t.fact("the time of day is as set", now >= time && now < time + Duration::from_secs(5));
    }
}
