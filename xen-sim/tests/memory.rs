//! Memory that Xen writes to, and memory that is mapped by privilege.

use core::mem::offset_of;
use core::num::NonZeroUsize;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use core::time::Duration;
use std::sync::Arc;
use xen_grant::GrantTable;
use xen_hypercall::boot::{self, PlaceError};
use xen_hypercall::ops::memory_admin::{Resource, resource_size};
use xen_hypercall::start_info::StartInfo;
use xen_hypercall::{
    DomId, Errno, ForeignFrames, Gfn, Hypercall, MAX_RESOURCE_FRAMES, MappedResource, OutOfMemory,
    PAGE_SIZE, PageArc, Pages, Platform, SharedMem, ops,
};
use xen_sim::{Call, Domain, DomainConfig, Interpose, Interposed, Violation, World};
use xen_sys::arch_x86::hvm::start_info::{
    HvmMemmapTableEntry, HvmStartInfo, MemmapType, XEN_HVM_START_MAGIC_VALUE,
};
use xen_sys::hvm::e820::E820Entry;
use xen_sys::memory::*;
use xen_sys::vcpu::{VcpuRunstate, VcpuRunstateInfo};
use xen_sys::xen::{HYPERVISOR_MEMORY_OP, SharedInfo, VcpuTimeInfo};
use zerocopy::IntoBytes;

const TIMES: usize = offset_of!(VcpuRunstateInfo, time);
const NANOS: u64 = 1_000_000_000;

fn times(memory: &SharedMem, at: usize) -> [u64; 4] {
    [0, 8, 16, 24].map(|nth| memory.u64_at(at + TIMES + nth).unwrap().load(Relaxed) / NANOS)
}

#[test]
fn runstate_area_has_blocked_time() {
    let world = World::new(1);
    let start = world.now();
    let guest = world.create(DomainConfig { vcpus: 2, ..DomainConfig::new("guest") });
    let mut pages = Pages::alloc(guest.clone(), 2).unwrap();
    let address = pages.as_mut_slice().as_mut_ptr();
    let pages = pages.into_shared();
    let memory: &SharedMem = pages.as_ref();
    // Over the edge of a page, as addresses go.
    let at = PAGE_SIZE - 16;
    let area: *mut VcpuRunstateInfo = address.wrapping_add(at).cast();
    // SAFETY: the area is ours, and reached through atomics alone.
    unsafe { ops::vcpu::register_runstate_memory_area(&guest, 0, area) }.unwrap();
    guest.wait(&[], Some(guest.now() + Duration::from_secs(7)));
    assert_eq!(times(memory, at), [0, 0, 7, 0]);
    let info = ops::vcpu::get_runstate_info(&guest, 0).unwrap();
    assert_eq!((info.state, info.time[2] / NANOS), (VcpuRunstate::RUNNING, 7));
    assert_eq!(info.time.iter().sum::<u64>(), world.now().as_nanos() - start.as_nanos());
    let other = ops::vcpu::get_runstate_info(&guest, 1).unwrap();
    assert_eq!(
        (other.state, other.time[3]),
        (VcpuRunstate::OFFLINE, world.now().as_nanos() - start.as_nanos())
    );
    // What is no memory of the domain's is refused.
    let mut elsewhere = VcpuRunstateInfo::default();
    // SAFETY: as above.
    let refused =
        unsafe { ops::vcpu::register_runstate_memory_area(&guest, 0, &raw mut elsewhere) };
    assert_eq!(refused, Err(Errno::EFAULT));
}

#[test]
fn area_by_frame_needs_4_18() {
    for (version, known) in [((4, 17), false), ((4, 18), true)] {
        let world = World::with_version(2, version);
        let guest = world.create(DomainConfig::new("guest"));
        let pages = Pages::alloc(guest.clone(), 1).unwrap();
        let start = pages.gfn(0).unwrap().0 * PAGE_SIZE as u64;
        let pages = pages.into_shared();
        let memory: &SharedMem = pages.as_ref();
        // SAFETY: the areas lie in a page that is reached through atomics alone, and stays.
        let runstate = |at| unsafe { ops::vcpu::register_runstate_phys_area(&guest, 0, at) };
        // SAFETY: as above.
        let time = |at| unsafe { ops::vcpu::register_vcpu_time_phys_area(&guest, 0, at) };
        if !known {
            assert_eq!(runstate(Some(start)), Err(Errno::ENOSYS));
            assert_eq!(time(Some(start)), Err(Errno::ENOSYS));
            continue;
        }
        assert_eq!(runstate(Some(start + 4090)), Err(Errno::ENXIO));
        assert_eq!(runstate(Some(start + 4)), Err(Errno::ENXIO));
        assert_eq!(runstate(Some(0xdead_0000)), Err(Errno::EINVAL));
        runstate(Some(start)).unwrap();
        time(Some(start + 1024)).unwrap();
        guest.wait(&[], Some(guest.now() + Duration::from_secs(3)));
        assert_eq!(times(memory, 0), [0, 0, 3, 0]);
        let now = memory.u64_at(1024 + offset_of!(VcpuTimeInfo, system_time)).unwrap();
        assert_eq!(now.load(Relaxed), guest.now().as_nanos());
        runstate(None).unwrap();
        time(None).unwrap();
        guest.wait(&[], Some(guest.now() + Duration::from_secs(3)));
        assert_eq!(times(memory, 0), [0, 0, 3, 0]);
        assert!(now.load(Relaxed) < guest.now().as_nanos());
    }
}

/// Maps frames of `owner` where `gfns` says; returns the error of each.
fn map_foreign(
    dom0: &impl Hypercall,
    owner: DomId,
    theirs: &[u64],
    gfns: &[Gfn],
) -> Result<Vec<i32>, Errno> {
    let mut errors = vec![0; gfns.len()];
    // SAFETY: the frames were reserved for it.
    unsafe {
        ops::memory::add_to_physmap_batch(
            dom0,
            XENMAPSPACE_GMFN_FOREIGN,
            owner.0,
            theirs,
            gfns,
            &mut errors,
        )
    }?;
    Ok(errors)
}

#[test]
fn only_dom0_maps_without_grant() {
    let world = World::new(3);
    let (dom0, guest) = (world.dom0(), world.create(DomainConfig::new("guest")));
    let other = world.create(DomainConfig::new("other"));
    let mut pages = Pages::alloc(guest.clone(), 1).unwrap();
    pages.as_mut_slice()[10] = 99;
    let theirs = pages.gfn(0).unwrap().0;
    let range = dom0.reserve_frames(NonZeroUsize::new(3).unwrap()).unwrap();
    let gfns = [range.first, Gfn(range.first.0 + 1), Gfn(range.first.0 + 2)];
    let errors = map_foreign(&dom0, guest.id(), &[theirs, 5, theirs], &gfns).unwrap();
    assert_eq!(errors, [0, -22, 0]);
    // SAFETY: the page was mapped there, and is reached through atomics alone.
    let seen = unsafe { SharedMem::from_raw(range.start, PAGE_SIZE) };
    assert_eq!(seen.read::<u8>(10), Some(99));
    assert_eq!(map_foreign(&dom0, DomId(0), &[theirs], &gfns[..1]), Err(Errno::EINVAL));
    assert_eq!(map_foreign(&dom0, DomId(99), &[theirs], &gfns[..1]), Err(Errno::ESRCH));
    assert_eq!(map_foreign(&other, guest.id(), &[theirs], &gfns[..1]), Err(Errno::EPERM));
    // SAFETY: refused whatever the frame.
    let single =
        unsafe { ops::memory::add_to_physmap(&dom0, XENMAPSPACE_GMFN_FOREIGN, theirs, gfns[0]) };
    assert_eq!(single, Err(Errno::ENOSYS));
    let live = Violation::MappingLive { domain: DomId(0), peer: guest.id(), grant: None };
    let found = world.check().unwrap_err().violations;
    assert_eq!(found.iter().filter(|&violation| *violation == live).count(), 2);
    drop(pages);
    assert!(matches!(world.violations()[..], [Violation::FreedWhileMapped { .. }]));
    for gfn in [gfns[0], gfns[2]] {
        // SAFETY: the frame is not accessed afterwards.
        unsafe { ops::memory::remove_from_physmap(&dom0, gfn) }.unwrap();
    }
    // SAFETY: the range is empty.
    unsafe { dom0.release_frames(range) };
    assert_eq!(world.check().unwrap_err().violations.len(), 1);
}

#[test]
fn dom0_owns_mapping_of_pages() {
    let world = World::new(3);
    let (dom0, guest) = (world.dom0(), world.create(DomainConfig::new("guest")));
    let other = world.create(DomainConfig::new("other"));
    let mut pages = Pages::alloc(guest.clone(), 2).unwrap();
    pages.as_mut_slice()[PAGE_SIZE + 10] = 99;
    let theirs = [pages.gfn(0).unwrap(), pages.gfn(1).unwrap()];
    let map =
        |xen: &Domain, domain, pages: &[Gfn]| MappedResource::map_pages(xen.clone(), domain, pages);
    let mapped = map(&dom0, guest.id(), &theirs).unwrap();
    assert_eq!(mapped.as_ref().read::<u8>(PAGE_SIZE + 10), Some(99));
    mapped.as_ref().write(7, &55u8).unwrap();
    drop(mapped);
    assert_eq!(pages.as_slice()[7], 55);
    // One frame without a page: nothing stays mapped.
    let refused = |xen, domain, pages: &[_]| map(xen, domain, pages).map(drop).unwrap_err();
    assert_eq!(refused(&dom0, guest.id(), &[theirs[0], Gfn(5)]), PlaceError::Xen(Errno::EINVAL));
    assert_eq!(refused(&dom0, DomId(99), &theirs), PlaceError::Xen(Errno::ESRCH));
    assert_eq!(refused(&other, guest.id(), &theirs), PlaceError::Xen(Errno::EPERM));
    for count in [0, MAX_RESOURCE_FRAMES + 1] {
        let refused = refused(&dom0, guest.id(), &vec![theirs[0]; count]);
        assert!(matches!(refused, PlaceError::Memory(_)), "{count}");
    }
    drop(pages);
    world.check().unwrap();
}

#[test]
fn dom0_maps_grant_table_of_guest() {
    let world = World::new(4);
    let (dom0, guest) = (world.dom0(), world.create_guest(DomainConfig::new("guest")));
    let (kind, shared) = (XENMEM_RESOURCE_GRANT_TABLE, XENMEM_RESOURCE_GRANT_TABLE_ID_SHARED);
    let table = Resource { domain: guest.id(), kind, id: shared };
    assert_eq!(resource_size(&dom0, table), Ok(64));
    let refused = |xen: &Domain, resource, first, count| {
        MappedResource::map(xen.clone(), resource, first, count).map(drop).unwrap_err()
    };
    for (xen, resource, first, errno) in [
        (&dom0, table, 64, Errno::EINVAL),
        // The first of two frames is in place when it is refused.
        (&dom0, table, 63, Errno::EINVAL),
        (&dom0, Resource { id: 7, ..table }, 0, Errno::EINVAL),
        (&dom0, Resource { kind: 9, ..table }, 0, Errno::EOPNOTSUPP),
        (&guest, Resource { domain: DomId(0), ..table }, 0, Errno::EPERM),
        (&dom0, Resource { domain: DomId(77), ..table }, 0, Errno::ESRCH),
    ] {
        assert_eq!(refused(xen, resource, first, 2), PlaceError::Xen(errno));
    }
    for count in [0, MAX_RESOURCE_FRAMES + 1] {
        assert_eq!(
            refused(&dom0, table, 0, count),
            PlaceError::Memory(OutOfMemory { pages: count })
        );
    }
    world.check().unwrap();
    let seen = MappedResource::map(dom0, table, 0, 2).unwrap();
    // The entry of the xenstore ring, which the toolstack made.
    assert_eq!(seen.as_ref().read::<u16>(8), Some(1));
    assert!(world.check().is_err(), "it is mapped");
    drop(seen);
    world.check().unwrap();
}

/// Refuses to take the second frame that is to be taken out of the memory map.
#[derive(Default)]
struct Second(AtomicU32);

impl Interpose for Second {
    fn hypercall(&self, call: &Call) -> Option<isize> {
        let removes =
            call.op == HYPERVISOR_MEMORY_OP && call.command() == XENMEM_REMOVE_FROM_PHYSMAP;
        (removes && self.0.fetch_add(1, Relaxed) == 1).then_some(-Errno::EPERM.0 as isize)
    }
}

#[test]
fn only_stuck_resource_frame_is_lost() {
    let world = World::new(4);
    let (dom0, guest) = (world.dom0(), world.create_guest(DomainConfig::new("guest")));
    let (kind, id) = (XENMEM_RESOURCE_GRANT_TABLE, XENMEM_RESOURCE_GRANT_TABLE_ID_SHARED);
    let table = Resource { domain: guest.id(), kind, id };
    let free = || {
        let one = || dom0.reserve_frames(NonZeroUsize::MIN);
        let all: Vec<_> = core::iter::from_fn(one).collect();
        // SAFETY: nothing is mapped there.
        all.iter().for_each(|&range| unsafe { dom0.release_frames(range) });
        all.len()
    };
    let before = free();
    drop(MappedResource::map(
        Interposed::new(dom0.clone(), Arc::new(Second::default())),
        table,
        0,
        4,
    ));
    assert_eq!((free(), dom0.claims().lost_frames()), (before - 1, 1));
}

#[test]
fn frame_range_is_moved_by_page() {
    let world = World::new(5);
    let guest = world.create(DomainConfig::new("guest"));
    let (from, to) =
        (Pages::alloc(guest.clone(), 1).unwrap(), guest.reserve_frames(NonZeroUsize::MIN).unwrap());
    // SAFETY: the frame was reserved for it; the moved page is not accessed.
    unsafe {
        ops::memory::add_to_physmap(&guest, XENMAPSPACE_GMFN, from.gfn(0).unwrap().0, to.first)
    }
    .unwrap();
    assert!(ops::memory::current_reservation(&guest, DomId::SELF).is_ok());
    // SAFETY: an index that nothing is at changes nothing.
    let none = unsafe { ops::memory::add_to_physmap(&guest, XENMAPSPACE_GMFN, 3, to.first) };
    assert_eq!(none, Err(Errno::EINVAL));
    core::mem::forget(from);
}

/// A boot area of a guest's memory: start information at its start, a memory map behind it.
struct BootArea {
    guest: Domain,
    pages: Pages<Domain>,
}

const MAP_AT: usize = 0x100;

impl BootArea {
    fn new(guest: &Domain, version: u32, count: u32, map: &[HvmMemmapTableEntry]) -> Self {
        let mut pages = Pages::alloc(guest.clone(), 1).unwrap();
        let info = HvmStartInfo {
            magic: XEN_HVM_START_MAGIC_VALUE,
            version,
            memmap_paddr: MAP_AT as u64,
            memmap_entries: count,
            ..HvmStartInfo::default()
        };
        pages.as_mut_slice()[..size_of_val(&info)].copy_from_slice(info.as_bytes());
        let map = map.as_bytes();
        pages.as_mut_slice()[MAP_AT..MAP_AT + map.len()].copy_from_slice(map);
        Self { guest: guest.clone(), pages }
    }

    /// Returns the memory regions of a kernel, and whether Xen supplied them.
    fn regions(&self, room: usize) -> Result<(bool, Vec<(u64, u64)>), Errno> {
        let memory = |address: u64, buffer: &mut [u8]| {
            let bytes = self.pages.as_slice().get(usize::try_from(address).ok()?..)?;
            buffer.copy_from_slice(bytes.get(..buffer.len())?);
            Some(())
        };
        let start = StartInfo::read(memory, 0).unwrap();
        let mut buffer = vec![E820Entry::default(); room];
        let regions = start.memory_regions(&self.guest, &mut buffer)?;
        let of_xen = regions.is_of_xen();
        Ok((of_xen, regions.map(|region| (region.addr, region.size)).collect()))
    }
}

fn region(addr: u64, size: u64) -> HvmMemmapTableEntry {
    HvmMemmapTableEntry { addr, size, type_: MemmapType::RAM, reserved: 0 }
}

fn guest_ram(guest: &Domain) -> Vec<(u64, u64)> {
    let mut map = [E820Entry::default(); 2];
    let count = ops::memory::memory_map(guest, &mut map).unwrap();
    map[..count].iter().map(|entry| (entry.addr.get(), entry.size.get())).collect()
}

#[test]
fn version_0_map_comes_from_xen() {
    let world = World::new(1);
    let guest = world.create(DomainConfig::new("guest"));
    let area = BootArea::new(&guest, 0, 2, &[region(0, 0x1000), region(0x10_0000, 0x1000)]);
    assert_eq!(area.regions(128), Ok((true, guest_ram(&guest))));
}

#[test]
fn version_1_map_comes_from_loader() {
    let world = World::new(1);
    let guest = world.create(DomainConfig::new("guest"));
    let area = BootArea::new(&guest, 1, 2, &[region(0, 0x1000), region(0x10_0000, 0x2000)]);
    assert_eq!(area.regions(128), Ok((false, vec![(0, 0x1000), (0x10_0000, 0x2000)])));
    // No buffer is needed for it.
    assert_eq!(area.regions(0).map(|(of_xen, _)| of_xen), Ok(false));
}

#[test]
fn truncated_map_is_not_used() {
    let world = World::new(1);
    let guest = world.create(DomainConfig::new("guest"));
    let ram = guest_ram(&guest);
    // As many as fit behind the start of the map, one more, more than any map has, as many as can
    // be said.
    let fits = ((PAGE_SIZE - MAP_AT) / 24) as u32;
    for (count, of_xen) in
        [(0, true), (fits, false), (fits + 1, true), (1025, true), (u32::MAX, true)]
    {
        let area = BootArea::new(&guest, 1, count, &[region(0, 0x1000)]);
        let (found, regions) = area.regions(128).unwrap();
        assert_eq!(found, of_xen, "{count} entries");
        assert!(
            if of_xen { regions == ram } else { regions.len() == count as usize },
            "{count} entries"
        );
    }
}

#[test]
fn map_that_fills_buffer_is_refused() {
    let world = World::new(1);
    let guest = world.create(DomainConfig::new("guest"));
    let area = BootArea::new(&guest, 0, 0, &[]);
    assert_eq!(area.regions(guest_ram(&guest).len()), Err(Errno::ENOBUFS));
    assert_eq!(area.regions(0), Err(Errno::EINVAL));
    assert_eq!(area.regions(guest_ram(&guest).len() + 1), Ok((true, guest_ram(&guest))));
}

#[test]
fn last_page_arc_frees_its_pages() {
    let world = World::new(1);
    let guest = world.create_guest(DomainConfig::new("guest"));
    let counted = Arc::new(());
    // Two pages of payload and a count, so three pages.
    let first = PageArc::new(guest.clone(), ([3u8; 2 * PAGE_SIZE], counted.clone())).unwrap();
    let second = first.clone();
    assert!(first.ptr_eq(&second));
    drop(first);
    assert_eq!((second.0[2 * PAGE_SIZE - 1], Arc::strong_count(&counted)), (3, 2));
    let other = PageArc::new(guest.clone(), ()).unwrap();
    assert!(!other.ptr_eq(&PageArc::new(guest.clone(), ()).unwrap()));
    drop((second, other));
    assert_eq!(Arc::strong_count(&counted), 1);
    world.check().unwrap();
}

#[test]
fn page_arc_is_dropped_across_threads() {
    let world = World::new(1);
    let guest = world.create_guest(DomainConfig::new("guest"));
    let counted = Arc::new(());
    let shared = PageArc::new(guest, counted.clone()).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let shared = shared.clone();
            scope.spawn(move || drop(shared));
        }
    });
    assert_eq!(Arc::strong_count(&counted), 2);
    drop(shared);
    assert_eq!(Arc::strong_count(&counted), 1);
    world.check().unwrap();
}

#[test]
fn page_of_xen_needs_no_ram() {
    let pages = [false, true].map(|is_arm| {
        let world = World::new(1);
        let config = DomainConfig { is_arm, ..DomainConfig::new("guest") };
        let guest = world.create_guest(config);
        let shared_info = boot::shared_info(guest.clone()).unwrap();
        let grants = GrantTable::new(guest.clone()).unwrap();
        let pages = guest.counters().pages_allocated;
        // Xen's page is there.
        let words: &SharedMem = shared_info.as_ref();
        let pending = words.u64_at(offset_of!(SharedInfo, evtchn_pending)).unwrap();
        let port = ops::event_channel::bind_ipi(&guest, 0).unwrap();
        ops::event_channel::send(&guest, port).unwrap();
        assert_eq!(pending.load(Relaxed) >> port.0 & 1, 1);
        ops::event_channel::close(&guest, port).unwrap();
        let place = Pages::alloc(guest.clone(), 1).unwrap();
        let gfn = place.gfn(0).unwrap();
        // SAFETY: the frame is of a page that nothing else uses, and is leaked.
        let again = unsafe { ops::memory::add_to_physmap(&guest, XENMAPSPACE_SHARED_INFO, 0, gfn) };
        assert_eq!(again, if is_arm { Err(Errno::EBUSY) } else { Ok(()) });
        drop((grants, shared_info));
        if is_arm {
            drop(place);
        } else {
            place.into_raw();
        }
        // Both can be had again.
        drop((GrantTable::new(guest.clone()).unwrap(), boot::shared_info(guest.clone()).unwrap()));
        world.check().unwrap();
        pages
    });
    // Shared info, and a frame of the grant table.
    assert_eq!(pages[0] - pages[1], 2);
}
