//! `event_channel_op`: two ports of one domain bound to each other, a port that is bound to a vCPU,
//! and the timers' VIRQ.

use crate::report::{Expected, Report, fails, is, op, that};
use core::time::Duration;
use xen_hypercall::ops::{event_channel, set_timer, vcpu};
use xen_hypercall::{DomId, Errno, Gfn, Instant, Platform, Port};
use xen_sys::event_channel::{EVTCHN_2L_NR_CHANNELS, EvtchnStat, EvtchnStatus};
use xen_sys::xen::Virq;

/// Long, for something that should take no time at all.
const LONG: Duration = Duration::from_secs(2);
const SOON: Duration = Duration::from_millis(3);

/// Prints whether an event is pending on a masked port, or comes soon, and takes it.
fn arrives(t: &mut Report, what: &str, port: Port) {
    let events = t.xen.events();
    let deadline = t.xen.now() + LONG;
    while !events.is_pending(port) && t.xen.now() < deadline {
        // Unlike `wait`, this leaves the bit as it is.
        let _ = xen_hypercall::ops::sched::poll(&t.xen, &[port], Some(deadline));
    }
    t.fact(what, events.take_pending(port));
}

fn stat(stat: EvtchnStat) -> Expected<EvtchnStatus, Errno> {
    that(stat.name().unwrap_or("?"), move |status: &EvtchnStatus| status.status == stat)
}

pub(crate) fn test(t: &mut Report) {
    loop_back(t);
    ipi(t);
    timers(t);
    refusals(t);
}

fn loop_back(t: &mut Report) {
    let Some(a) = op!(t, event_channel::alloc_unbound(DomId::SELF) => Expected::Ok) else { return };
    op!(t, event_channel::status(a) => stat(EvtchnStat::UNBOUND));
    let Some(b) = op!(t, event_channel::bind_interdomain(DomId::SELF, a) => Expected::Ok) else {
        return;
    };
    op!(t, event_channel::status(a) => that("bound to the other port", move |s: &EvtchnStatus| {
        s.status == EvtchnStat::INTERDOMAIN && s.u[1] == b.0
    }));
    arrives(t, "event on a port that was just bound", b);
    op!(t, event_channel::send(b) => is(()));
    arrives(t, "event from the other port", a);
    op!(t, event_channel::send(a) => is(()));
    arrives(t, "event back", b);
    op!(t, event_channel::unmask(b) => is(()));
    op!(t, event_channel::bind_vcpu(b, 0) => is(()));
    op!(t, event_channel::bind_vcpu(b, 99) => fails(Errno::ENOENT));
    op!(t, event_channel::close(b) => is(()));
    op!(t, event_channel::status(a) => stat(EvtchnStat::UNBOUND));
    op!(t, event_channel::send(a) => is(()));
    op!(t, event_channel::close(a) => is(()));
    op!(t, event_channel::status(a) => stat(EvtchnStat::CLOSED));
    op!(t, event_channel::close(a) => fails(Errno::EINVAL));
    let expected = t.dom0_only(Expected::Ok);
    if let Some(port) = op!(t, event_channel::alloc_unbound_for(DomId(0), DomId::SELF) => expected)
    {
        op!(t, event_channel::close(port) => is(()));
    }
}

fn ipi(t: &mut Report) {
    let Some(port) = op!(t, event_channel::bind_ipi(0) => Expected::Ok) else { return };
    op!(t, event_channel::status(port) => stat(EvtchnStat::IPI));
    op!(t, event_channel::send(port) => is(()));
    arrives(t, "event to this vCPU", port);
    op!(t, event_channel::bind_vcpu(port, 0) => fails(Errno::EINVAL));
    op!(t, event_channel::set_priority(port, 3) => fails(Errno::ENOSYS));
    op!(t, event_channel::close(port) => is(()));
}

fn timers(t: &mut Report) {
    let Some(port) = op!(t, event_channel::bind_virq(Virq::TIMER, 0) => Expected::Ok) else {
        return;
    };
    op!(t, event_channel::status(port) => that("the timer's", |s: &EvtchnStatus| {
        s.status == EvtchnStat::VIRQ && s.u[0] == Virq::TIMER.0
    }));
    op!(t, event_channel::bind_virq(Virq::TIMER, 0) => fails(Errno::EEXIST));
    op!(t, event_channel::send(port) => fails(Errno::EINVAL));

    let now = t.xen.now();
    op!(t, vcpu::set_singleshot_timer(0, now + SOON, true) => is(()));
    arrives(t, "event of the one-shot timer", port);
    let late = t.xen.now() >= now + SOON;
    t.fact("the timer was not early", late);
    // Xen may ignore the flag, and does.
    for only_future in [true, false] {
        op!(t, vcpu::set_singleshot_timer(0, now, only_future) => is(()));
        arrives(t, "event for a moment that has passed", port);
    }
    op!(t, vcpu::set_singleshot_timer(0, now + LONG * 60, true) => is(()));
    op!(t, vcpu::stop_singleshot_timer(0) => is(()));
    op!(t, vcpu::set_periodic_timer(0, 2_000_000) => is(()));
    arrives(t, "first event of the periodic timer", port);
    arrives(t, "second event of the periodic timer", port);
    op!(t, vcpu::stop_periodic_timer(0) => is(()));
    op!(t, vcpu::set_periodic_timer(0, 1) => fails(Errno::EINVAL));
    let now = t.xen.now();
    op!(t, set_timer::set_timer(Some(now + SOON)) => is(()));
    arrives(t, "event of set_timer", port);
    op!(t, set_timer::set_timer(None::<Instant>) => is(()));
    op!(t, event_channel::close(port) => is(()));
}

fn refusals(t: &mut Report) {
    let none = Port(EVTCHN_2L_NR_CHANNELS - 1);
    op!(t, event_channel::send(none) => fails(Errno::EINVAL));
    op!(t, event_channel::unmask(none) => fails(Errno::EINVAL));
    op!(t, event_channel::status(none) => Expected::Refused(&[Errno::EINVAL]));
    op!(t, event_channel::bind_virq(Virq(99), 0) => fails(Errno::EINVAL));
    op!(t, event_channel::bind_virq(Virq::TIMER, 99) => fails(Errno::ENOENT));
    op!(t, event_channel::bind_ipi(99) => fails(Errno::ENOENT));
    op!(t, event_channel::bind_interdomain(DomId(0x7000), Port(1)) => fails(Errno::ESRCH));
    op!(t, event_channel::bind_pirq(0x7fff, false) => fails(Errno::EINVAL));
    op!(t, event_channel::set_priority(none, 3) => fails(Errno::EINVAL));
    op!(t, unsafe event_channel::expand_array(Gfn(0)) => fails(Errno::EOPNOTSUPP));
    // Without a vCPU there is no place to take.
    op!(t, unsafe event_channel::init_control(99, Gfn(0), 0) => fails(Errno::ENOENT));
}
