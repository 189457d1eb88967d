//! `hvm_op`: parameters, types of memory, alternate maps.

use crate::report::{Expected, Report, fails, is, op, that};
use core::time::Duration;
use xen_hypercall::ops::{altp2m, hvm};
use xen_hypercall::{DomId, Errno, Gfn, Instant, Pages, Platform};
use xen_sys::hvm::hvm_op::HvmmemType;
use xen_sys::hvm::params::*;
use xen_sys::memory::XenmemAccess;

pub(crate) fn test(t: &mut Report) {
    let dom0 = t.dom0;
    op!(
        t,
        hvm::get_param(HVM_PARAM_STORE_PFN)
            => that("zero in dom0 only", move |&pfn| (pfn == 0) == dom0)
    );
    op!(
        t,
        hvm::get_param(HVM_PARAM_CONSOLE_PFN)
            => that("zero in dom0 only", move |&pfn| (pfn == 0) == dom0)
    );
    op!(t, hvm::get_param(HVM_NR_PARAMS) => fails(Errno::EINVAL));
    op!(t, hvm::get_param_of(DomId(0x7000), HVM_PARAM_STORE_PFN) => fails(Errno::ESRCH));
    op!(t, unsafe hvm::set_param(HVM_NR_PARAMS, 0) => fails(Errno::EINVAL));
    op!(t, unsafe hvm::set_param_of(DomId(0x7000), HVM_PARAM_STORE_PFN, 0) => fails(Errno::ESRCH));
    op!(
        t,
        unsafe hvm::set_param(HVM_PARAM_STORE_PFN, 1)
            => Expected::Refused(&[Errno::EPERM, Errno::EEXIST])
    );
    // The way of the events: each vCPU's own vector, or the domain's.
    let callback = t.hvm || t.xen.command_line().split_whitespace().any(|word| word == "callback");
    let is_as_set = that("as the command line or an HVM guest sets it", move |param: &u64| {
        callback == (param >> 56 == HVM_PARAM_CALLBACK_TYPE_VECTOR)
    });
    op!(t, hvm::get_param(HVM_PARAM_CALLBACK_IRQ) => is_as_set);
    op!(t, hvm::set_evtchn_upcall_vector(0, 5) => fails(Errno::EINVAL));
    op!(t, hvm::set_evtchn_upcall_vector(99, 0x40) => fails(Errno::ENOENT));

    let now = t.xen.now();
    op!(t, hvm::get_time() => that("about now", move |time: &Instant| {
        let (after, before) =
            (time.saturating_duration_since(now), now.saturating_duration_since(*time));
        after.max(before) < Duration::from_secs(1)
    }));
    op!(t, hvm::flush_tlbs() => is(()));
    op!(t, hvm::pagetable_dying(0) => Expected::Refused(&[Errno::ENOSYS, Errno::EINVAL]));
    op!(t, hvm::xentrace(0x123, b"selftest") => is(()));
    op!(t, hvm::guest_request_vm_event() => is(()));
    if let Ok(page) = Pages::alloc(t.xen, 1)
        && let Some(gfn) = page.gfn(0)
    {
        op!(t, hvm::get_mem_type(DomId::SELF, gfn) => is(HvmmemType::RAM_RW));
    }
    op!(
        t,
        hvm::get_mem_type(DomId::SELF, Gfn(0xfee00))
            => that("no RAM", |&kind| kind != HvmmemType::RAM_RW)
    );
    op!(t, hvm::get_mem_type(DomId(0x7000), Gfn(0)) => fails(Errno::ESRCH));

    const NOT_HERE: &[Errno] = &[Errno::EOPNOTSUPP, Errno::ENOSYS];
    let (me, gfn, access) = (DomId::SELF, Gfn(0), XenmemAccess::RWX);
    op!(t, altp2m::get_domain_state(me) => Expected::Refused(NOT_HERE));
    op!(t, unsafe altp2m::set_domain_state(me, true) => Expected::Refused(NOT_HERE));
    op!(t, altp2m::create_p2m(me, access) => Expected::Refused(NOT_HERE));
    op!(t, altp2m::destroy_p2m(me, 1) => Expected::Refused(NOT_HERE));
    op!(t, unsafe altp2m::switch_p2m(me, 1) => Expected::Refused(NOT_HERE));
    op!(t, altp2m::set_mem_access(me, 1, gfn, access) => Expected::Refused(NOT_HERE));
    op!(t, altp2m::get_mem_access(me, 1, gfn) => Expected::Refused(NOT_HERE));
    op!(t, altp2m::set_mem_access_multi(me, 1, &[gfn], &[7]) => Expected::Refused(NOT_HERE));
    op!(t, unsafe altp2m::change_gfn(me, 1, gfn, None::<Gfn>) => Expected::Refused(NOT_HERE));
    op!(t, altp2m::set_suppress_ve(me, 1, gfn, true) => Expected::Refused(NOT_HERE));
    op!(t, altp2m::get_suppress_ve(me, 1, gfn) => Expected::Refused(NOT_HERE));
    op!(t, altp2m::set_suppress_ve_multi(me, 1, gfn, gfn, true) => Expected::Refused(NOT_HERE));
    op!(t, unsafe altp2m::vcpu_enable_notify(me, 0, gfn) => Expected::Refused(NOT_HERE));
    op!(t, altp2m::vcpu_disable_notify(me, 0) => Expected::Refused(NOT_HERE));
    op!(t, altp2m::get_p2m_idx(me, 0) => Expected::Refused(NOT_HERE));
    op!(t, altp2m::set_visibility(me, 1, true) => Expected::Refused(NOT_HERE));
}
