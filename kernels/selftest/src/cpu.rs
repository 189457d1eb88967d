//! `vcpu_op` and `sched_op`, without the operations that end the test.

use crate::report::{Expected, Report, by_arch, fails, is, op, that};
use crate::smp::Exchange;
use core::time::Duration;
use xen_hypercall::ops::sched::{self, WatchdogId};
use xen_hypercall::ops::vcpu::PhysId;
use xen_hypercall::ops::{event_channel, vcpu};
use xen_hypercall::{DomId, Errno, Pages, Platform, Port};
use xen_sys::hvm::hvm_vcpu::VcpuHvmContext;
use xen_sys::sched::ShutdownReason;
use xen_sys::vcpu::{VcpuRunstate, VcpuRunstateInfo};
use xen_sys::xen::VcpuTimeInfo;

pub(crate) fn test(t: &mut Report) {
    vcpus(t);
    areas(t);
    scheduling(t);
}

fn vcpus(t: &mut Report) {
    op!(t, vcpu::is_up(0) => is(true));
    op!(t, vcpu::is_up(99) => fails(Errno::ENOENT));
    op!(t, unsafe vcpu::up(99) => fails(Errno::ENOENT));
    op!(t, vcpu::down(99) => fails(Errno::ENOENT));
    let context = VcpuHvmContext::default();
    op!(t, unsafe vcpu::initialise(99, &context) => fails(Errno::ENOENT));
    op!(
        t,
        unsafe vcpu::initialise(0, &context)
            => Expected::Refused(&[Errno::EEXIST, Errno::EINVAL])
    );
    op!(t, unsafe vcpu::send_nmi(99) => fails(Errno::ENOENT));
    op!(t, vcpu::get_runstate_info(0) => that("running", |info: &VcpuRunstateInfo| {
        info.state == VcpuRunstate::RUNNING && info.time[0] > 0
    }));
    // On one CPU, dom0 is pinned to it.
    let expected = if t.dom0 { is(PhysId { apic: 0, acpi: 0 }) } else { fails(Errno::EINVAL) };
    op!(t, vcpu::get_physid(0) => expected);
}

/// Tests areas that Xen updates. Xen cannot unregister an area by virtual address, so its page is
/// never freed.
fn areas(t: &mut Report) {
    let Ok(page) = Pages::alloc(t.xen, 1) else { return t.fact("a page for areas", false) };
    let page = page.into_raw();
    let area: *mut VcpuRunstateInfo = page.cast().as_ptr();
    op!(t, unsafe vcpu::register_runstate_memory_area(0, area) => is(()));
    // SAFETY: Xen writes the area while this vCPU does not run.
    let state = unsafe { (&raw const (*area).state).read_volatile() };
    t.fact("the area says that the vCPU runs", state == VcpuRunstate::RUNNING);

    // Behind the 48 bytes of the runstate.
    let time: *mut VcpuTimeInfo = page.cast::<VcpuTimeInfo>().as_ptr().wrapping_add(2);
    op!(t, unsafe vcpu::register_vcpu_time_memory_area(0, time) => is(()));
    // SAFETY: as above.
    let system_time = unsafe { (&raw const (*time).system_time).read_volatile() };
    t.fact("the area has the time", system_time > 0);

    let Ok(page) = Pages::alloc(t.xen, 1) else { return t.fact("a page for areas", false) };
    let Some(gfn) = page.gfn(0) else { return };
    let page = page.into_shared();
    let expected = t.since(18, is(()));
    op!(t, unsafe vcpu::register_runstate_phys_area(0, Some(gfn.address())) => expected);
    let expected = t.since(18, is(()));
    op!(t, unsafe vcpu::register_vcpu_time_phys_area(0, Some(gfn.address() + 64)) => expected);
    let expected = t.since(18, is(()));
    op!(t, unsafe vcpu::register_runstate_phys_area(0, None::<u64>) => expected);
    let expected = t.since(18, is(()));
    op!(t, unsafe vcpu::register_vcpu_time_phys_area(0, None::<u64>) => expected);
    drop(page);
}

fn scheduling(t: &mut Report) {
    sched::yield_now(&t.xen);
    t.fact("sched::yield_now returned", true);
    let (start, pause) = (t.xen.now(), Duration::from_millis(3));
    op!(t, sched::poll(&[Port(0); 0], Some(start + pause)) => is(()));
    let slept = t.xen.now().saturating_duration_since(start);
    // On Arm the kernel's time is behind Xen's by what a wait takes to return.
    let behind = by_arch(Duration::ZERO, Duration::from_micros(100));
    t.fact("a poll without ports lasts until its deadline", slept + behind >= pause);
    op!(t, sched::poll(&[Port(0); 0], Some(start)) => is(()));
    op!(t, sched::poll(&[Port(4095)], Some(start + pause)) => fails(Errno::EINVAL));
    if let Ok(port) = event_channel::bind_ipi(&t.xen, 0) {
        let _ = event_channel::send(&t.xen, port);
        let start = t.xen.now();
        op!(t, sched::poll(&[port], Some(start + Duration::from_secs(5))) => is(()));
        let at_once = t.xen.now().saturating_duration_since(start) < Duration::from_secs(2);
        t.fact("a poll for a pending port returns at once", at_once);
        let _ = event_channel::close(&t.xen, port);
    }
    // An event ends the block. One that comes before it does not: the other vCPU answers that one.
    if let Ok(mut exchange) = Exchange::start(t.xen, 1, u32::MAX) {
        op!(t, sched::block() => is(()));
        exchange.stop();
        exchange.wait();
    }

    // The first one counts; otherwise this kernel's end would be reported as a crash.
    op!(t, sched::shutdown_code(ShutdownReason::POWEROFF) => is(()));
    op!(t, sched::shutdown_code(ShutdownReason::CRASH) => is(()));
    op!(t, sched::watchdog_start(1000) => is(WatchdogId(1)));
    op!(t, sched::watchdog_start(1000) => is(WatchdogId(2)));
    op!(t, sched::watchdog_start(1000) => fails(Errno::ENOSPC));
    op!(t, sched::watchdog_pat(WatchdogId(1), 2000) => is(()));
    op!(t, sched::watchdog_pat(WatchdogId(1), 0) => is(()));
    op!(t, sched::watchdog_pat(WatchdogId(2), 0) => is(()));
    op!(t, sched::watchdog_pat(WatchdogId(2), 5) => fails(Errno::EINVAL));
    op!(t, sched::watchdog_pat(WatchdogId(9), 5) => fails(Errno::EINVAL));
    let expected = t.dom0_only(is(()));
    op!(t, sched::pin_override(Some(0)) => expected);
    let expected = t.dom0_only(is(()));
    op!(t, sched::pin_override(None::<u16>) => expected);
    op!(t, sched::remote_shutdown(DomId(0x7000), ShutdownReason::CRASH) => fails(Errno::ESRCH));
}
