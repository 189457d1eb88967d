//! Physical interrupts as event channels: that of the clock, which Xen emulates for an HVM guest. A
//! PVH domain is refused.

use crate::report::{Expected, Report, fails, is, op, that};
use crate::smp::{forget, taken, unmasked, until};
use xen_evtchn::Channel;
use xen_hypercall::ops::{event_channel, physdev, version};
use xen_hypercall::{DomId, Errno};
use xen_sys::event_channel::{EvtchnStat, EvtchnStatus};
use xen_sys::features::XENFEAT_HVM_PIRQS;
use xen_sys::physdev::{MAP_PIRQ_TYPE_GSI, PhysdevMapPirq, XENIRQSTAT_NEEDS_EOI};

/// The line of the clock.
const CLOCK: i32 = 8;
/// Seconds of observation.
const TICKS: u32 = 3;

pub(crate) fn test(t: &mut Report) {
    let xen = t.xen;
    let hvm = t.hvm;
    op!(t, version::features(0) => that("physical interrupts in an HVM guest only", move |bits| {
        (bits & 1 << XENFEAT_HVM_PIRQS != 0) == hvm
    }));
    let request = PhysdevMapPirq {
        domid: DomId::SELF,
        type_: MAP_PIRQ_TYPE_GSI,
        index: CLOCK,
        pirq: -1,
        ..Default::default()
    };
    if !t.hvm {
        return pvh(t, request);
    }
    op!(t, physdev::get_free_pirq(MAP_PIRQ_TYPE_GSI) => Expected::Ok);
    let a_number = that("a number", |map: &PhysdevMapPirq| map.pirq > 0);
    let Some(mapped) = op!(t, unsafe physdev::map_pirq(request) => a_number) else { return };
    let Ok(pirq) = u32::try_from(mapped.pirq) else { return };
    op!(t, physdev::irq_status_query(pirq) => is(XENIRQSTAT_NEEDS_EOI));
    let Some(port) = op!(t, event_channel::bind_pirq(pirq, false) => Expected::Ok) else { return };
    op!(t, event_channel::bind_pirq(pirq, false) => fails(Errno::EEXIST));
    op!(t, event_channel::status(port) => that("that interrupt", move |s: &EvtchnStatus| {
        s.status == EvtchnStat::PIRQ && s.u[0] == pirq
    }));
    op!(t, event_channel::send(port) => fails(Errno::EINVAL));
    op!(t, event_channel::close(port) => is(()));

    let Ok(clock) = Channel::bind_pirq(xen, pirq, false).and_then(|port| unmasked(xen, port))
    else {
        return t.fact("a port for the clock", false);
    };
    forget();
    xen.end_clock_interrupt();
    xen.clock_interrupts(true);
    for tick in 1..=TICKS {
        t.fact("the clock has ticked, as an event", until(xen, || taken(0, &clock) >= tick));
        t.fact("the clock reports it", xen.end_clock_interrupt());
        op!(t, physdev::eoi(pirq) => is(()));
    }
    xen.clock_interrupts(false);
    t.line("ticks in all", &[], Ok::<_, Errno>(taken(0, &clock)), is(TICKS));
    drop(clock);
    op!(t, physdev::unmap_pirq(DomId::SELF, mapped.pirq) => is(()));
}

/// Checks the refusals in a PVH domain. Any may bind a port, and a dom0 of Xen 4.20 may map an
/// interrupt, as it does for a device that a guest is given; but none can end an interrupt, and
/// none comes.
fn pvh(t: &mut Report, request: PhysdevMapPirq) {
    op!(t, physdev::get_free_pirq(MAP_PIRQ_TYPE_GSI) => fails(Errno::ENOSYS));
    let older = t.version.minor < 20;
    let expected = if older { fails(Errno::ENOSYS) } else { t.dom0_only(Expected::Ok) };
    let mapped = op!(t, unsafe physdev::map_pirq(request) => expected);
    let pirq = mapped.map_or(CLOCK, |map| map.pirq);
    let Ok(number) = u32::try_from(pirq) else { return };
    if let Some(port) = op!(t, event_channel::bind_pirq(number, false) => Expected::Ok) {
        op!(t, event_channel::close(port) => is(()));
    }
    op!(t, physdev::irq_status_query(number) => fails(Errno::ENOSYS));
    op!(t, physdev::eoi(number) => fails(Errno::ENOSYS));
    if mapped.is_some() {
        op!(t, physdev::unmap_pirq(DomId::SELF, pirq) => is(()));
    }
}
