//! Parts of the ABI that no crate of the family uses yet, as a guest would: FIFO events, version 2
//! grants, reservations.

use core::num::NonZeroUsize;
use core::sync::atomic::Ordering::SeqCst;
use xen_hypercall::{DomId, Errno, GrantRef, Hypercall, Place, Platform, SharedMem, boot, ops};
use xen_sim::{Domain, DomainConfig, World};
use xen_sys::event_channel::*;
use xen_sys::grant_table::*;
use xen_sys::memory::*;
use xen_sys::xen::*;

fn call<T>(domain: &Domain, op: usize, command: u32, arg: &mut T, third: usize) -> isize {
    let address = core::ptr::from_mut(arg).expose_provenance();
    // SAFETY: the callers below pass the command's own structure.
    unsafe { domain.hypercall(op, [command as usize, address, third, 0, 0]) }
}

/// Allocates a page of the domain; returns it with its frame.
fn page(domain: &Domain) -> (&'static SharedMem, u64) {
    let start = domain.alloc_pages(NonZeroUsize::MIN).unwrap();
    // SAFETY: the page is this test's alone and is never freed; a handle outlives every use.
    (unsafe { SharedMem::from_raw(start, 4096) }, domain.virt_to_gfn(start).0)
}

fn word(page: &SharedMem, index: u32) -> u32 {
    page.u32_at(index as usize * 4).unwrap().load(SeqCst)
}

const PENDING: u32 = 1 << 31;
const MASKED: u32 = 1 << 30;
const LINKED: u32 = 1 << 29;

#[test]
fn fifo_events_are_linked_by_priority() {
    let world = World::new(1);
    let guest = world.create(DomainConfig::new("guest"));
    let (control, control_gfn) = page(&guest);
    let (array, array_gfn) = page(&guest);
    let op = HYPERVISOR_EVENT_CHANNEL_OP;
    let early = ops::event_channel::bind_ipi(&guest, 0).unwrap();
    ops::event_channel::send(&guest, early).unwrap();
    let mut refused = EvtchnSetPriority { port: early, priority: 3 };
    assert_eq!(call(&guest, op, EVTCHNOP_SET_PRIORITY, &mut refused, 0), -38);
    let mut refused = EvtchnInitControl { control_gfn, offset: 4090, ..Default::default() };
    assert_eq!(call(&guest, op, EVTCHNOP_INIT_CONTROL, &mut refused, 0), -22);
    let mut init = EvtchnInitControl { control_gfn, ..Default::default() };
    assert_eq!(call(&guest, op, EVTCHNOP_INIT_CONTROL, &mut init, 0), 0);
    assert_eq!(init.link_bits, 17);
    assert_eq!(call(&guest, op, EVTCHNOP_INIT_CONTROL, &mut init, 0), -22);
    for index in 0..1024 {
        array.u32_at(index * 4).unwrap().store(MASKED, SeqCst);
    }
    array.u32_at(early.0 as usize * 4).unwrap().store(0, SeqCst);
    let mut expand = EvtchnExpandArray { array_gfn };
    assert_eq!(call(&guest, op, EVTCHNOP_EXPAND_ARRAY, &mut expand, 0), 0);
    // The event from before the switch was not lost.
    assert_eq!(word(array, early.0), PENDING | LINKED);
    assert_eq!((word(control, 0), word(control, 2 + 7)), (1 << 7, early.0));
    let ports = [0; 3].map(|_| ops::event_channel::bind_ipi(&guest, 0).unwrap());
    let mut high = EvtchnSetPriority { port: ports[2], priority: 0 };
    assert_eq!(call(&guest, op, EVTCHNOP_SET_PRIORITY, &mut high, 0), 0);
    for port in ports {
        ops::event_channel::send(&guest, port).unwrap();
        assert_eq!(word(array, port.0), PENDING | MASKED);
        ops::event_channel::unmask(&guest, port).unwrap();
    }
    assert_eq!(word(control, 0), 1 << 7 | 1);
    assert_eq!(word(control, 2), ports[2].0);
    assert_eq!(word(array, early.0), PENDING | LINKED | ports[0].0);
    assert_eq!(word(array, ports[0].0), PENDING | LINKED | ports[1].0);
    assert!(guest.take_event(ports[1]));
    // Once the guest has taken the last one off, a new event starts a new queue.
    for port in [early, ports[0], ports[1]] {
        array.u32_at(port.0 as usize * 4).unwrap().store(0, SeqCst);
    }
    control.u32::<0>().store(0, SeqCst);
    ops::event_channel::send(&guest, ports[0]).unwrap();
    assert_eq!((word(control, 0), word(control, 2 + 7)), (1 << 7, ports[0].0));
}

fn copy(domain: &Domain, owner: DomId, grant: u32, offset: u16, len: u16, to: u64) -> GrantStatus {
    let source = GnttabCopyPtr { u: grant.into(), domid: owner, offset, ..Default::default() };
    let dest = GnttabCopyPtr { u: to, domid: DomId::SELF, ..Default::default() };
    let mut ops = [GnttabCopy {
        source,
        dest,
        len,
        flags: GrantCopyFlags::SOURCE_GREF,
        ..Default::default()
    }];
    // SAFETY: the destination is a page of this test's.
    unsafe { ops::grant_table::copy(domain, &mut ops) }.unwrap();
    ops[0].status
}

#[test]
fn version_2_has_sub_page_grants() {
    let world = World::new(1);
    let [owner, middle, reader] =
        ["owner", "middle", "reader"].map(|name| world.create(DomainConfig::new(name)));
    // SAFETY: no entry is valid when the version changes.
    let set_version = |domain, version| unsafe { ops::grant_table::set_version(domain, version) };
    assert_eq!(set_version(&owner, 3), Err(Errno::EINVAL));
    for domain in [&owner, &middle] {
        assert_eq!(set_version(domain, 2), Ok(2));
    }
    let table = |domain: &Domain| {
        let place = Place::alloc(domain.clone()).unwrap();
        // SAFETY: the domain's table has no other owner; the entries lead to pages that this test
        // reaches as shared memory.
        unsafe { boot::grant_frame(place, 0) }.unwrap()
    };
    let (owners, middles) = (table(&owner), table(&middle));
    let (secret, secret_gfn) = page(&owner);
    secret.copy_from(100, b"0123456789").unwrap();
    let (target, target_gfn) = page(&reader);
    let entry =
        |table: &SharedMem, grant: usize, flags: GrantFlags, domid: DomId, low: u32, high: u64| {
            table.write(grant * 16 + 8, &high).unwrap();
            table.write(grant * 16 + 4, &low).unwrap();
            table.write(grant * 16 + 2, &domid).unwrap();
            table.u16_at(grant * 16).unwrap().store(flags.0, SeqCst);
        };
    let part = GrantFlags::PERMIT_ACCESS | GrantFlags::SUB_PAGE | GrantFlags::READONLY;
    entry(owners.as_ref(), 9, part, reader.id(), 102 | 4 << 16, secret_gfn);
    assert_eq!(copy(&reader, owner.id(), 9, 102, 4, target_gfn), GrantStatus::OKAY);
    assert_eq!(target.read(0), Some(*b"2345"));
    assert_eq!(copy(&reader, owner.id(), 9, 101, 4, target_gfn), GrantStatus::BAD_COPY_ARG);
    assert_eq!(copy(&reader, owner.id(), 9, 104, 4, target_gfn), GrantStatus::BAD_COPY_ARG);
    assert_eq!(copy(&middle, owner.id(), 9, 102, 4, target_gfn), GrantStatus::GENERAL_ERROR);
    // The owner lets the middle read, and the middle passes that on to the reader.
    entry(
        owners.as_ref(),
        10,
        GrantFlags::PERMIT_ACCESS | GrantFlags::READONLY,
        middle.id(),
        0,
        secret_gfn,
    );
    entry(middles.as_ref(), 11, GrantFlags::TRANSITIVE, reader.id(), owner.id().0.into(), 10);
    assert_eq!(copy(&reader, middle.id(), 11, 106, 4, target_gfn), GrantStatus::OKAY);
    assert_eq!(target.read(0), Some(*b"6789"));
    assert_eq!(copy(&reader, owner.id(), 10, 106, 4, target_gfn), GrantStatus::GENERAL_ERROR);
    // A mapping shows in the status frame, not in the entry.
    let range = xen_hypercall::ForeignFrames::reserve_frames(&middle, NonZeroUsize::MIN).unwrap();
    let mut map = [GnttabMapGrantRef {
        host_addr: range.first.address(),
        flags: GrantMapFlags::HOST_MAP | GrantMapFlags::READONLY,
        ref_: GrantRef(10),
        dom: owner.id(),
        ..Default::default()
    }];
    // SAFETY: the frame was reserved for it.
    unsafe { ops::grant_table::map_grant_ref(&middle, &mut map) }.unwrap();
    assert_eq!(map[0].status, GrantStatus::OKAY);
    let (status, status_gfn) = page(&owner);
    // SAFETY: the page is this test's own, and expects Xen's in its place.
    unsafe {
        ops::memory::add_to_physmap(
            &owner,
            XENMAPSPACE_GRANT_TABLE,
            XENMAPIDX_GRANT_TABLE_STATUS,
            xen_hypercall::Gfn(status_gfn),
        )
    }
    .unwrap();
    assert_eq!(status.u16_at(20).unwrap().load(SeqCst), GrantFlags::READING.0);
    assert_eq!(set_version(&owner, 1), Err(Errno::EBUSY));
}

#[test]
fn released_memory_can_be_repopulated() {
    let world = World::new(1);
    let guest = world.create(DomainConfig::new("guest"));
    let (_, gfn) = page(&guest);
    let mut who = XenMemoryDomain { domid: DomId::SELF };
    let size = |who: &mut XenMemoryDomain| {
        call(&guest, HYPERVISOR_MEMORY_OP, XENMEM_CURRENT_RESERVATION, who, 0)
    };
    let before = size(&mut who);
    let frames = [gfn];
    let mut op = XenMemoryReservation {
        extent_start: xen_sys::GuestHandle::from_ptr(frames.as_ptr()),
        nr_extents: 1,
        domid: DomId::SELF,
        ..Default::default()
    };
    assert_eq!(call(&guest, HYPERVISOR_MEMORY_OP, XENMEM_DECREASE_RESERVATION, &mut op, 0), 1);
    assert_eq!(size(&mut who), before - 1);
    assert_eq!(call(&guest, HYPERVISOR_MEMORY_OP, XENMEM_DECREASE_RESERVATION, &mut op, 0), 0);
    assert_eq!(call(&guest, HYPERVISOR_MEMORY_OP, XENMEM_POPULATE_PHYSMAP, &mut op, 0), 1);
    assert_eq!(call(&guest, HYPERVISOR_MEMORY_OP, XENMEM_POPULATE_PHYSMAP, &mut op, 0), 0);
    assert_eq!(size(&mut who), before);
    let mut map = [xen_sys::hvm::e820::E820Entry::default(); 4];
    assert_eq!(ops::memory::memory_map(&guest, &mut map), Ok(1));
    assert!(map[0].addr.get() <= gfn << 12 && gfn << 12 < map[0].addr.get() + map[0].size.get());
    assert_eq!(ops::version::version(&guest).unwrap().to_string(), "4.20");
}
