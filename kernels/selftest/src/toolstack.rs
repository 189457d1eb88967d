//! `domctl`, `sysctl` and `dm_op`: where Xen has the release that the bindings are for, dom0 makes
//! a domain and ends it.

use crate::guests;
use crate::report::{Expected, Refusal, Report, fails, is, op, that};
use crate::resources;
use crate::smp::until;
use xen_evtchn::Channel;
use xen_hypercall::ops::control::ControlError;
use xen_hypercall::ops::dm_op::{self, IoRange, ServerId};
use xen_hypercall::ops::memory_admin::{self, Resource};
use xen_hypercall::ops::sysctl::{self, ConsoleIndex};
use xen_hypercall::ops::{domctl, event_channel, hvm, memory};
use xen_hypercall::{DomId, Errno, Gfn};
use xen_sys::domctl::*;
use xen_sys::hvm::dm_op::*;
use xen_sys::hvm::e820::E820Entry;
use xen_sys::hvm::hvm_op::{HVM_IOREQSRV_BUFIOREQ_ATOMIC, HvmmemType};
use xen_sys::hvm::params::HVM_PARAM_STORE_EVTCHN;
use xen_sys::memory::XENMEM_RESOURCE_GRANT_TABLE;
use xen_sys::sched::ShutdownReason;
use xen_sys::sysctl::*;
use xen_sys::xen::Virq;
use zerocopy::FromZeros;

/// An empty map.
const NO_MEMORY: &[E820Entry] = &[];
const NONE: DomId = DomId(0x7000);

pub(crate) fn test(t: &mut Report) {
    host(t);
    domains(t);
}

/// Returns the expectation for a Xen with the interface of the bindings.
fn with<T>(
    t: &Report,
    theirs: bool,
    ours: u32,
    expected: Expected<T, ControlError>,
) -> Expected<T, ControlError> {
    if theirs { t.dom0_only(expected) } else { Expected::Is(Err(ControlError::Version { ours })) }
}

fn host(t: &mut Report) {
    let ours = XEN_SYSCTL_INTERFACE_VERSION;
    let theirs = sysctl::interface_version(&t.xen);
    // The interface of 4.17 has not changed until 4.20.
    t.fact("sysctl::interface_version", theirs == Some(0x15));
    let same = theirs == Some(ours);
    let info = that("CPUs and memory", |info: &XenSysctlPhysinfo| {
        let has_hvm = info.capabilities & XEN_SYSCTL_PHYSCAP_HVM != 0;
        info.nr_cpus >= 1 && info.total_pages > 4096 && has_hvm
    });
    op!(t, sysctl::physinfo() => with(t, same, ours, info));
    op!(t, sysctl::sched_id() => with(t, same, ours, is(XEN_SCHEDULER_CREDIT2)));
    let text = &mut [0; 256];
    let is_full = that("a full buffer", |read: &(usize, ConsoleIndex)| read.0 == 256);
    op!(t, sysctl::readconsole(None::<ConsoleIndex>, text) => with(t, same, ours, is_full));
    op!(
        t,
        sysctl::getcpuinfo(&mut [XenSysctlCpuinfo::default(); 4])
            => with(t, same, ours, that("a CPU", |&n| n >= 1))
    );
    op!(
        t,
        sysctl::availheap(None::<u16>)
            => with(t, same, ours, that("megabytes", |&bytes| bytes > 1 << 20))
    );
    op!(
        t,
        sysctl::cputopoinfo(&mut [XenSysctlCputopo::default(); 4])
            => with(t, same, ours, that("a CPU", |&n| n >= 1))
    );
    op!(t, sysctl::numainfo(&mut [XenSysctlMeminfo::default(); 4]) => with(t, same, ours, is(1)));
    op!(t, unsafe sysctl::debug_keys(b"") => with(t, same, ours, is(())));
    debug(t, same);
    op!(
        t,
        sysctl::cpu_hotplug(99, XEN_SYSCTL_CPU_HOTPLUG_ONLINE)
            => with(t, same, ours, Expected::Refused(&[Errno::EINVAL]))
    );
}

/// Sends `VIRQ_DEBUG`, as an administrator does with a domain that hangs.
fn debug(t: &mut Report, same: bool) {
    if !(same && t.dom0) {
        return;
    }
    let Ok(asked) = Channel::bind_virq(t.xen, Virq::DEBUG, 0) else {
        return t.fact("a port for VIRQ_DEBUG", false);
    };
    op!(t, unsafe sysctl::debug_keys(b"q") => is(()));
    let events = t.xen.events();
    t.fact("VIRQ_DEBUG has come", until(t.xen, || events.is_pending(asked.port())));
    let line = alloc::format!("port {}: pending, masked\n", asked.port());
    t.fact("the dump of the ports names it", alloc::format!("{}", events.dump()).contains(&line));
}

fn domains(t: &mut Report) {
    let ours = XEN_DOMCTL_INTERFACE_VERSION;
    let theirs = domctl::interface_version(&t.xen);
    let expected = if t.version.minor < 18 { 0x15 } else { 0x17 };
    t.fact("domctl::interface_version", theirs == Some(expected));
    let same = theirs == Some(ours);

    let me = DomId(0);
    let is_running = that("running", |info: &XenDomctlGetdomaininfo| {
        info.domain == DomId(0) && info.flags & XEN_DOMINF_RUNNING != 0 && info.tot_pages > 4096
    });
    op!(t, domctl::getdomaininfo(me) => with(t, same, ours, is_running));
    op!(
        t,
        domctl::getvcpuinfo(me, 0)
            => with(t, same, ours, that("online", |info: &XenDomctlGetvcpuinfo| info.online == 1))
    );
    let list = &mut [XenDomctlGetdomaininfo::new_zeroed(); 4];
    op!(t, sysctl::getdomaininfolist(DomId(0), list) => with(t, same, ours, is(1)));
    let none = || {
        Expected::Is(Err(if same {
            ControlError::of(Errno::ESRCH)
        } else {
            ControlError::Version { ours }
        }))
    };
    op!(t, domctl::pausedomain(NONE) => none());
    op!(t, domctl::unpausedomain(NONE) => none());
    op!(t, domctl::destroydomain(NONE) => none());
    op!(t, domctl::resumedomain(NONE) => none());
    op!(t, domctl::max_mem(NONE, 4096) => none());
    op!(t, domctl::max_vcpus(NONE, 1) => none());
    op!(t, dm_op::nr_vcpus(NONE) => fails(Errno::ESRCH));

    let config = XenDomctlCreatedomain {
        flags: XEN_DOMCTL_CDF_HVM | XEN_DOMCTL_CDF_HAP,
        max_vcpus: 1,
        max_evtchn_port: 1023,
        max_grant_frames: resources::TABLE as i32,
        max_maptrack_frames: 4,
        grant_opts: 1,
        arch: guests::config(),
        ..XenDomctlCreatedomain::new_zeroed()
    };
    resources::refusals(t);
    let wish = Some(DomId(77));
    let created = op!(t, domctl::createdomain(wish, &config) => with(t, same, ours, is(DomId(77))));
    if let Some(domain) = created {
        lifecycle(t, domain);
        resources::grant_table(t, domain);
        model(t, domain);
        op!(t, domctl::destroydomain(domain) => is(()));
        resources::gone(t, domain);
        if let Some(domain) = op!(t, domctl::createdomain(wish, &config) => is(DomId(77))) {
            resources::the_end(t, domain);
        }
    }
}

/// Sets a domain up, and checks its state.
fn lifecycle(t: &mut Report, domain: DomId) {
    op!(
        t,
        domctl::createdomain(Some(domain), &XenDomctlCreatedomain::new_zeroed())
            => Expected::Refused(&[Errno::EEXIST, Errno::EINVAL])
    );
    op!(t, domctl::max_vcpus(domain, 1) => is(()));
    op!(t, domctl::max_vcpus(domain, 9) => fails(Errno::EINVAL));
    op!(t, domctl::max_mem(domain, 8192) => is(()));
    op!(t, domctl::setdomainhandle(domain, [7; 16]) => is(()));
    op!(t, domctl::set_virq_handler(domain, Virq::TIMER) => fails(Errno::EINVAL));
    op!(t, domctl::set_target(domain, domain) => fails(Errno::EINVAL));
    op!(t, domctl::ioport_permission(domain, 0x378, 8, false) => is(()));
    op!(t, domctl::ioport_permission(domain, 0x1_0000, 8, true) => fails(Errno::EINVAL));
    op!(t, domctl::iomem_permission(domain, 0xf0000, 1, false) => is(()));
    op!(t, domctl::pausedomain(domain) => is(()));
    op!(t, domctl::unpausedomain(domain) => is(()));
    let is_paused = that("HVM, paused, with that UUID", |info: &XenDomctlGetdomaininfo| {
        let flags = XEN_DOMINF_HVM_GUEST | XEN_DOMINF_PAUSED;
        info.flags & flags == flags && info.handle == [7; 16]
    });
    op!(t, domctl::getdomaininfo(domain) => is_paused);
    op!(t, memory::maximum_reservation(domain) => is(2048));
    op!(t, memory::current_reservation(domain) => is(0));
    op!(t, memory_admin::claim_pages(domain, 16) => is(()));
    op!(t, memory_admin::claim_pages(domain, 0) => is(()));
    op!(
        t,
        memory_admin::get_pod_target(domain)
            => that("nothing yet", |pod: &xen_sys::memory::XenPodTarget| pod.tot_pages == 0)
    );
    op!(t, memory_admin::set_memory_map(domain, NO_MEMORY) => is(()));
    if let Some(port) = op!(t, event_channel::alloc_unbound_for(domain, DomId(0)) => Expected::Ok) {
        op!(
            t,
            unsafe hvm::set_param_of(domain, HVM_PARAM_STORE_EVTCHN, u64::from(port.0))
                => is(())
        );
        op!(t, hvm::get_param_of(domain, HVM_PARAM_STORE_EVTCHN) => is(u64::from(port.0)));
        if let Some(ours) = op!(t, event_channel::bind_interdomain(domain, port) => Expected::Ok) {
            op!(t, event_channel::close(ours) => is(()));
        }
    }
    let table = Resource { domain, kind: XENMEM_RESOURCE_GRANT_TABLE, id: 0 };
    op!(t, memory_admin::resource_size(table) => is(4));
}

/// Serves a domain as a device model does.
fn model(t: &mut Report, domain: DomId) {
    op!(t, dm_op::nr_vcpus(domain) => is(1));
    let Some(server) =
        op!(t, dm_op::create_ioreq_server(domain, HVM_IOREQSRV_BUFIOREQ_ATOMIC) => Expected::Ok)
    else {
        return;
    };
    let range = IoRange { kind: XEN_DMOP_IO_RANGE_PORT, start: 0x1000, end: 0x10ff };
    op!(t, dm_op::map_io_range(domain, server, range) => is(()));
    op!(t, dm_op::map_io_range(domain, server, range) => fails(Errno::EEXIST));
    op!(t, dm_op::unmap_io_range(domain, server, range) => is(()));
    op!(t, dm_op::unmap_io_range(domain, server, range) => fails(Errno::ENOENT));
    op!(t, dm_op::get_ioreq_server_info(domain, server, false) => Expected::Ok);
    resources::requests(t, domain, server);
    op!(t, dm_op::set_ioreq_server_state(domain, server, true) => is(()));
    op!(t, dm_op::set_ioreq_server_state(domain, server, false) => is(()));
    op!(t, dm_op::map_mem_type_to_ioreq_server(domain, server, 0) => fails(Errno::EINVAL));
    op!(t, dm_op::destroy_ioreq_server(domain, server) => is(()));
    op!(t, dm_op::destroy_ioreq_server(domain, ServerId(99)) => fails(Errno::ENOENT));
    op!(t, dm_op::set_pci_intx_level(domain, (0, 0, 3), 0, true) => Expected::Ok);
    op!(t, dm_op::set_isa_irq_level(domain, 99, true) => fails(Errno::EINVAL));
    op!(t, dm_op::set_pci_link_route(domain, 9, 5) => fails(Errno::EINVAL));
    op!(t, dm_op::set_irq_level(domain, 33, true) => Expected::Refused(&[Errno::EOPNOTSUPP]));
    op!(t, dm_op::track_dirty_vram(domain, Gfn(0), 0, &mut [0u8; 0]) => Expected::Ok);
    let extents = &mut [XenDmOpModifiedMemoryExtent { nr: 1, pad: 0, first_pfn: 0 }];
    op!(t, dm_op::modified_memory(domain, extents) => Expected::Ok);
    op!(t, dm_op::set_mem_type(domain, Gfn(0), 1, HvmmemType::RAM_RO) => fails(Errno::EINVAL));
    op!(t, dm_op::inject_msi(domain, 0xfee0_0000_u64, 0) => fails(Errno::ERANGE));
    op!(
        t,
        dm_op::inject_event(domain, XenDmOpInjectEvent { vcpuid: 9, ..Default::default() })
            => fails(Errno::EINVAL)
    );
    op!(t, dm_op::pin_memory_cacheattr(domain, Gfn(0), Gfn(1), 99) => fails(Errno::EINVAL));
    op!(t, dm_op::relocate_memory(domain, Gfn(0), Gfn(9), 1) => fails(Errno::EACCES));
    op!(t, dm_op::remote_shutdown(domain, ShutdownReason::CRASH) => is(()));
}
