//! The last tests: events in the FIFO format, and the vCPU's information in another place.

use crate::report::{Expected, Report, fails, is, op, that};
use core::mem::offset_of;
use core::sync::atomic::Ordering::Relaxed;
use xen_hypercall::ops::{event_channel, vcpu};
use xen_hypercall::{Errno, PAGE_SIZE, Pages, Port};
use xen_sys::event_channel::*;
use xen_sys::xen::{SharedInfo, VcpuInfo};

pub(crate) fn test(t: &mut Report) {
    let (Ok(control), Ok(array)) = (Pages::alloc(t.xen, 1), Pages::alloc(t.xen, 1)) else {
        return t.fact("two pages for FIFO events", false);
    };
    // Xen will write to them.
    let (control, array) = (control.into_shared(), array.into_shared());
    let (Some(control_gfn), Some(array_gfn)) = (control.gfn(0), array.gfn(0)) else { return };
    for offset in (0..PAGE_SIZE).step_by(4) {
        if let Some(word) = array.as_ref().u32_at(offset) {
            word.store(1 << EVTCHN_FIFO_MASKED, Relaxed);
        }
    }

    op!(t, event_channel::reset() => is(()));
    let width = EVTCHN_FIFO_LINK_BITS as u8;
    op!(t, unsafe event_channel::init_control(0, control_gfn, 4) => fails(Errno::EINVAL));
    op!(t, unsafe event_channel::init_control(0, control_gfn, 0) => is(width));
    op!(t, unsafe event_channel::expand_array(array_gfn) => is(()));
    if let Some(port) = op!(t, event_channel::bind_ipi(0) => Expected::Ok) {
        op!(t, event_channel::set_priority(port, EVTCHN_FIFO_PRIORITY_MAX) => is(()));
        op!(
            t,
            event_channel::set_priority(port, EVTCHN_FIFO_PRIORITY_MIN + 1)
                => fails(Errno::EINVAL)
        );
        op!(t, event_channel::send(port) => is(()));
        let word = array.as_ref().u32_at(port.0 as usize * 4).map_or(0, |word| word.load(Relaxed));
        t.fact(
            "the event is pending and masked, and not yet linked",
            word == 1 << EVTCHN_FIFO_PENDING | 1 << EVTCHN_FIFO_MASKED,
        );
        op!(t, event_channel::unmask(port) => is(()));
        let word = array.as_ref().u32_at(port.0 as usize * 4).map_or(0, |word| word.load(Relaxed));
        t.fact(
            "unmasked, the event is linked",
            word & 1 << EVTCHN_FIFO_LINKED != 0 && word & 1 << EVTCHN_FIFO_MASKED == 0,
        );
        let head = |priority: u32| {
            control.as_ref().u32_at(8 + 4 * priority as usize).map(|head| head.load(Relaxed))
        };
        t.fact(
            "it is the first of the queue of its priority",
            head(EVTCHN_FIFO_PRIORITY_MAX) == Some(port.0),
        );
    }
    op!(t, event_channel::reset() => is(()));
    op!(
        t,
        event_channel::status(Port(1))
            => that("closed", |s: &EvtchnStatus| s.status == EvtchnStat::CLOSED)
    );
    if let Some(port) = op!(t, event_channel::bind_ipi(0) => Expected::Ok) {
        op!(t, event_channel::set_priority(port, 3) => fails(Errno::ENOSYS));
        let bits = offset_of!(SharedInfo, evtchn_pending) + port.0 as usize / 64 * 8;
        let xen = t.xen;
        let pending = || xen.events().shared_info().as_ref().u64_at(bits);
        // Events of ports that are closed can be pending there still, from before the queues.
        if let Some(word) = pending() {
            word.store(0, Relaxed);
        }
        op!(t, event_channel::send(port) => is(()));
        let word = pending().map_or(0, |word| word.load(Relaxed));
        t.fact("events are in the two-level format again", word == 1 << (port.0 % 64));
        op!(t, event_channel::close(port) => is(()));
    }

    // From here on the clock stands still: it is read in shared info.
    let Ok(info) = Pages::alloc(t.xen, 1).map(Pages::into_shared) else { return };
    let Some(gfn) = info.gfn(0) else { return };
    op!(
        t,
        unsafe vcpu::register_vcpu_info(0, gfn, PAGE_SIZE - 8)
            => Expected::Refused(&[Errno::ENXIO, Errno::EINVAL])
    );
    let xen = t.xen;
    xen.without_upcalls(|| {
        op!(t, unsafe vcpu::register_vcpu_info(0, gfn, 64) => is(()));
        // Xen says that there may be events. The kernel would read them in the old place, and
        // be interrupted for ever.
        if let Some(upcall) = info.as_ref().u8_at(64 + offset_of!(VcpuInfo, evtchn_upcall_pending))
        {
            upcall.store(0, Relaxed);
        }
    });
    let time = info.as_ref().u64_at(64 + 32 + 16).map_or(0, |word| word.load(Relaxed));
    t.fact("the vCPU's information is in its new place, with the time", time != 0);
    op!(
        t,
        unsafe vcpu::register_vcpu_info(0, gfn, 128)
            => Expected::Refused(&[Errno::EINVAL, Errno::EBUSY])
    );
    // Xen keeps writing to the page.
    core::mem::forget(info);
}
