//! Services of xen-guest: run state and wall clock.

use crate::pv_time;
use crate::report::{Report, by_arch, is};
use crate::smp::until;
use core::time::Duration;
use xen_guest::RunstateArea;
use xen_sys::vcpu::VcpuRunstate;

const SOON: Duration = Duration::from_millis(3);

pub(crate) fn test(t: &mut Report) {
    runstate(t);
    pv_time::test(t);
    wall_clock(t);
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

fn wall_clock(t: &mut Report) {
    let (xen, time) = (t.xen, Duration::from_secs(1_900_000_000));
    let expected = t.dom0_only(is(()));
    t.line("wall_clock::set", &[], xen.set_time_of_day(time), expected);
    if t.dom0 {
        let now = xen.time_of_day().unwrap_or_default();
        // On Arm, the start of the domain's counter is known in whole seconds.
        let early = by_arch(Duration::ZERO, Duration::from_secs(1));
        let is_set = now + early >= time && now < time + Duration::from_secs(5);
        t.fact("the time of day is as set", is_set);
    }
}
