//! Persistent grants: frontends whose pages stay mapped between their requests.

use super::fixture::{AsyncBack, Backend, Done, Fixture, Native, SECTORS, noise, take};
use core::num::NonZeroUsize;
use core::time::Duration;
use xen_back::block::{
    AsyncBlkBack, BlkBackEvent, BlockDeviceError, Config, DiskInfo, GrantMode, MemoryDisk,
    Operation, PreparedDisk,
};
use xen_grant::{Granted, ReadOnly, ReadWrite};
use xen_hypercall::{ForeignFrames, GrantRef, Pages, Platform};
use xen_sim::{Domain, SharedLoads};
use xen_sys::io::blkif::{BlkifOp, BlkifRequest, BlkifRequestSegment, BlkifResponse, BlkifStatus};
use xen_sys::xen::HYPERVISOR_GRANT_TABLE_OP;
use xenbus::DeviceId;

const MAP: Config = Config {
    mode: GrantMode::Map,
    ring_order: 0,
    max_queues: 1,
    budget: 32,
    in_flight: 8,
    max_segments: 256,
    persistent_grants: 1056,
};

fn publish(fixture: &Fixture, value: u32) {
    let path = format!("{}/feature-persistent", fixture.device.frontend_path());
    fixture.guest.store().write(path, value).unwrap();
}

/// Connects a frontend that uses persistent grants.
fn connect<'f>(fixture: &'f Fixture, back: &mut impl Backend) -> Native<'f> {
    publish(fixture, 1);
    Native::connect(fixture, back, "x86_64-abi")
}

fn async_back(fixture: &Fixture, config: Config) -> AsyncBack {
    let disk = PreparedDisk::new(DiskInfo::new(SECTORS as u64));
    let id = DeviceId { guest: fixture.guest.id(), device: fixture.device.id };
    fixture.wake_back();
    AsyncBlkBack::new(&fixture.driver_store, id, disk, config).unwrap()
}

fn pages(fixture: &Fixture, count: usize) -> Vec<Granted<Domain, ReadWrite>> {
    let page = |_| Pages::alloc(fixture.guest.clone(), 1).unwrap();
    let share = |page| fixture.grants.grant_writable(page, fixture.driver.id()).unwrap();
    (0..count).map(page).map(share).collect()
}

fn refs(pages: &[Granted<Domain, ReadWrite>]) -> Vec<GrantRef> {
    pages.iter().map(|page| page.refs()[0]).collect()
}

fn segment(gref: GrantRef) -> BlkifRequestSegment {
    BlkifRequestSegment { gref, first_sect: 0, last_sect: 7, _pad0: [0; 2] }
}

/// Returns a request of a whole page for each reference.
fn transfer(operation: BlkifOp, sector: u64, refs: &[GrantRef]) -> BlkifRequest {
    let mut request = BlkifRequest {
        operation,
        nr_segments: refs.len() as u8,
        id: 0x9e00 + sector,
        sector_number: sector,
        ..Default::default()
    };
    for (place, &gref) in request.seg.iter_mut().zip(refs) {
        *place = segment(gref);
    }
    request
}

/// Returns the mapped pages, with that of the ring.
fn mapped(fixture: &Fixture) -> u64 {
    let counters = fixture.driver.counters();
    counters.maps - counters.unmaps
}

/// Returns the mapped pages but for that of the ring.
fn mappings(fixture: &Fixture) -> u64 {
    mapped(fixture) - 1
}

fn grant_calls(fixture: &Fixture) -> u64 {
    fixture.driver.counters().hypercalls.get(&HYPERVISOR_GRANT_TABLE_OP).copied().unwrap_or(0)
}

fn statuses(fixture: &Fixture, back: &mut AsyncBack, raw: &mut Native<'_>) -> Vec<BlkifStatus> {
    back.poll(fixture.driver.now()).unwrap();
    let status = |response: BlkifResponse| response.status;
    core::iter::from_fn(|| raw.ring.pop().unwrap().map(status)).collect()
}

/// Ends the test: every grant is released, and so is every frame.
fn finish(fixture: Fixture, pages: Vec<Granted<Domain, ReadWrite>>) {
    for page in pages {
        page.end_access().unwrap();
    }
    fixture.finish();
}

#[test]
fn persistent_pages_are_mapped_once() {
    let fixture = Fixture::new();
    let mut back = fixture.back_with(MAP);
    let mut raw = connect(&fixture, &mut back);
    let pages = pages(&fixture, 11);
    let refs = refs(&pages);
    let bytes = noise(11 * 4096, 5);
    for (page, bytes) in pages.iter().zip(bytes.chunks(4096)) {
        page.as_ref().copy_from(0, bytes).unwrap();
    }
    raw.expect(&mut back, &transfer(BlkifOp::WRITE, 64, &refs), BlkifStatus::OKAY);
    assert!(fixture.disk.borrow().as_ref()[64 * 512..][..11 * 4096] == bytes);
    assert_eq!(mappings(&fixture), 11);
    let (calls, copies) = (grant_calls(&fixture), fixture.driver.counters().copies);
    // In another order, and partly.
    let reversed: Vec<_> = refs.iter().rev().copied().collect();
    for (sector, refs) in [(64, &reversed[..]), (0, &refs[3..7]), (128, &refs[..1])] {
        raw.expect(&mut back, &transfer(BlkifOp::READ, sector, refs), BlkifStatus::OKAY);
        raw.expect(&mut back, &transfer(BlkifOp::WRITE, sector, refs), BlkifStatus::OKAY);
    }
    for _ in 0..100 {
        raw.expect(&mut back, &transfer(BlkifOp::READ, 64, &reversed), BlkifStatus::OKAY);
    }
    assert_eq!((grant_calls(&fixture), fixture.driver.counters().copies), (calls, copies));
    for (page, bytes) in pages.iter().rev().zip(bytes.chunks(4096)) {
        let mut found = [0; 4096];
        page.as_ref().copy_to(0, &mut found).unwrap();
        assert!(found == bytes);
    }
    let found = back.statistics();
    assert_eq!((found.persistent_hits, found.persistent_misses), (2 * 16 + 1100, 11));
    assert_eq!((found.persistent_grants, found.persistent_evictions), (11, 0));
    assert_eq!((found.reads, found.read_sectors), (103, 103 * 88 - 8 * (7 + 10)));
    assert_eq!((found.writes, found.written_sectors), (4, 88 + 128));
    raw.close(&mut back);
    assert_eq!(back.statistics().persistent_grants, 0);
    drop(back);
    finish(fixture, pages);
}

/// The node of the offer, and frontends that do not write theirs.
#[test]
fn both_ends_choose_persistent_grants() {
    let limits = [(GrantMode::Map, 1056), (GrantMode::Map, 0), (GrantMode::Copy, 1056)];
    for (mode, persistent_grants) in limits {
        for used in [None, Some(0), Some(1)] {
            let fixture = Fixture::new();
            if let Some(used) = used {
                publish(&fixture, used);
            }
            let mut back = fixture.back_with(Config { mode, persistent_grants, ..MAP });
            let mut raw = Native::connect(&fixture, &mut back, "x86_64-abi");
            let node = format!("{}/feature-persistent", fixture.device.backend_path());
            let offered = mode == GrantMode::Map && persistent_grants > 0;
            let found = fixture.guest.store().read(node);
            assert_eq!(found.as_deref(), Some(if offered { "1" } else { "0" }));
            let request = raw.request(BlkifOp::READ, 1, 8);
            raw.expect(&mut back, &request, BlkifStatus::OKAY);
            let persistent = offered && used == Some(1);
            assert_eq!(mappings(&fixture), u64::from(persistent), "{mode:?} {used:?}");
            raw.close(&mut back);
            drop(back);
            fixture.finish();
        }
    }
}

#[test]
fn d_b11_limit_holds() {
    let fixture = Fixture::new();
    let mut back = fixture.back_with(Config { persistent_grants: 4, ..MAP });
    let mut raw = connect(&fixture, &mut back);
    let pages = pages(&fixture, 24);
    let refs = refs(&pages);
    for round in 0..40 {
        let refs = &refs[round * 7 % 20..][..1 + round % 4];
        let bytes = noise(refs.len() * 4096, round as u64 + 1);
        for (index, bytes) in bytes.chunks(4096).enumerate() {
            pages[round * 7 % 20 + index].as_ref().copy_from(0, bytes).unwrap();
        }
        raw.expect(&mut back, &transfer(BlkifOp::WRITE, 8, refs), BlkifStatus::OKAY);
        assert!(fixture.disk.borrow().as_ref()[8 * 512..][..bytes.len()] == bytes);
        assert!(mappings(&fixture) <= 4);
        assert_eq!(back.statistics().persistent_grants, mappings(&fixture));
    }
    assert_eq!(mappings(&fixture), 4);
    // More than the limit in one request: those without a place are unmapped after it.
    raw.expect(&mut back, &transfer(BlkifOp::READ, 8, &refs[..11]), BlkifStatus::OKAY);
    assert_eq!(mappings(&fixture), 4);
    let evictions = back.statistics().persistent_evictions;
    // The least recently used one makes room.
    raw.expect(&mut back, &transfer(BlkifOp::READ, 8, &refs[20..24]), BlkifStatus::OKAY);
    for kept in [20, 21, 22] {
        raw.expect(&mut back, &transfer(BlkifOp::READ, 8, &[refs[kept]]), BlkifStatus::OKAY);
    }
    let calls = grant_calls(&fixture);
    raw.expect(&mut back, &transfer(BlkifOp::READ, 8, &[refs[0]]), BlkifStatus::OKAY);
    assert_eq!(grant_calls(&fixture) - calls, 2);
    raw.expect(&mut back, &transfer(BlkifOp::READ, 8, &refs[20..23]), BlkifStatus::OKAY);
    assert_eq!(grant_calls(&fixture) - calls, 2);
    assert_eq!(back.statistics().persistent_evictions - evictions, 5);
    raw.close(&mut back);
    drop(back);
    finish(fixture, pages);
}

#[test]
fn pages_in_use_are_not_evicted() {
    let fixture = Fixture::new();
    let mut back = async_back(&fixture, Config { persistent_grants: 2, ..MAP });
    let mut raw = connect(&fixture, &mut back);
    let pages = pages(&fixture, 6);
    let refs = refs(&pages);
    let mut disk = MemoryDisk::new(Fixture::content());
    let sectors = [8, 32, 64];
    let requests =
        [0, 1, 2].map(|index| transfer(BlkifOp::READ, sectors[index], &refs[2 * index..][..2]));
    raw.post(&requests);
    let mut taken = take(&fixture, &mut back);
    assert_eq!((taken.len(), mappings(&fixture)), (3, 6));
    // All other references go through meanwhile.
    assert_eq!(back.statistics().persistent_grants, 2);
    while let Some(mut request) = taken.pop() {
        let result = request.execute(&mut disk);
        back.complete(request, result).unwrap();
        assert_eq!(mappings(&fixture), 2 + 2 * taken.len().saturating_sub(1) as u64);
    }
    assert_eq!(statuses(&fixture, &mut back, &mut raw), [BlkifStatus::OKAY; 3]);
    for (index, page) in pages.iter().enumerate() {
        let mut found = [0; 4096];
        page.as_ref().copy_to(0, &mut found).unwrap();
        let sector = sectors[index / 2] as usize + index % 2 * 8;
        assert!(found == Fixture::content()[sector * 512..][..4096], "{index}");
    }
    raw.close(&mut back);
    drop(back);
    finish(fixture, pages);
}

/// A reference twice in a request, and in two requests in flight.
#[test]
fn shared_reference_has_one_place() {
    let fixture = Fixture::new();
    let mut back = async_back(&fixture, MAP);
    let mut raw = connect(&fixture, &mut back);
    let pages = pages(&fixture, 2);
    let refs = refs(&pages);
    let mut disk = MemoryDisk::new(Fixture::content());
    pages[0].as_ref().copy_from(0, &noise(4096, 2)).unwrap();
    let write = transfer(BlkifOp::WRITE, 8, &[refs[0], refs[1], refs[0], refs[0]]);
    for round in 0..3 {
        raw.post(&[write, transfer(BlkifOp::WRITE, 64, &refs)]);
        let mut taken = take(&fixture, &mut back);
        assert_eq!((taken.len(), back.statistics().persistent_grants), (2, 2));
        assert_eq!(mappings(&fixture), 6);
        if round % 2 == 0 {
            taken.reverse();
        }
        for mut request in taken {
            let result = request.execute(&mut disk);
            back.complete(request, result).unwrap();
        }
        assert_eq!(mappings(&fixture), 2);
        assert_eq!(statuses(&fixture, &mut back, &mut raw), [BlkifStatus::OKAY; 2]);
    }
    for sector in [8, 24, 32, 64] {
        assert!(disk.as_ref()[sector * 512..][..4096] == noise(4096, 2));
    }
    raw.close(&mut back);
    drop(back);
    finish(fixture, pages);
}

#[test]
fn refused_reference_fails_its_request() {
    let fixture = Fixture::new();
    let mut back = fixture.back_with(MAP);
    let mut raw = connect(&fixture, &mut back);
    let pages = pages(&fixture, 4);
    let refs = refs(&pages);
    let page = Pages::alloc(fixture.guest.clone(), 1).unwrap();
    let read_only: Granted<Domain, ReadOnly> =
        fixture.grants.grant_read_only(page, fixture.driver.id()).unwrap();
    for bad in [GrantRef(400), read_only.refs()[0], GrantRef(u32::MAX)] {
        for operation in [BlkifOp::READ, BlkifOp::WRITE] {
            let request = transfer(operation, 8, &[refs[0], bad, refs[1]]);
            raw.expect(&mut back, &request, BlkifStatus::ERROR);
            let request = transfer(operation, 8, &refs);
            raw.expect(&mut back, &request, BlkifStatus::OKAY);
        }
    }
    assert_eq!((mappings(&fixture), back.statistics().failed), (4, 6));
    assert_eq!(fixture.disk.borrow().done.len(), 6 * 4);
    raw.close(&mut back);
    drop(back);
    read_only.end_access().unwrap();
    finish(fixture, pages);
}

#[test]
fn unused_grants_are_unmapped() {
    let fixture = Fixture::new();
    let mut back = fixture.back_with(MAP);
    let mut raw = connect(&fixture, &mut back);
    let pages = pages(&fixture, 32);
    let refs = refs(&pages);
    for refs in refs.chunks(8) {
        raw.expect(&mut back, &transfer(BlkifOp::READ, 8, refs), BlkifStatus::OKAY);
    }
    assert_eq!(mappings(&fixture), 32);
    fixture.world.run_for(Duration::from_secs(40));
    raw.expect(&mut back, &transfer(BlkifOp::READ, 8, &refs[..4]), BlkifStatus::OKAY);
    assert_eq!(mappings(&fixture), 32);
    for (wait, left) in [(19, 32), (2, 4), (37, 4), (3, 0)] {
        // It is polled at its deadline alone.
        let end = fixture.driver.now() + Duration::from_secs(wait);
        while let Some(due) = back.poll_timeout(fixture.driver.now()).filter(|&due| due <= end) {
            fixture.world.run_for(due.saturating_duration_since(fixture.driver.now()));
            let _ = back.poll(fixture.driver.now()).unwrap();
        }
        fixture.world.run_for(end.saturating_duration_since(fixture.driver.now()));
        assert_eq!(mappings(&fixture), left);
        assert_eq!(back.statistics().persistent_grants, left);
    }
    assert_eq!(back.statistics().persistent_evictions, 32);
    raw.expect(&mut back, &transfer(BlkifOp::READ, 8, &refs[..8]), BlkifStatus::OKAY);
    assert_eq!(mappings(&fixture), 8);
    raw.close(&mut back);
    drop(back);
    finish(fixture, pages);
}

/// Indirect requests of up to 256 segments, whose page is a persistent grant, too.
#[test]
fn persistent_indirect_needs_no_hypercall() {
    let fixture = Fixture::new();
    let mut back = fixture.back_with(MAP);
    let node = format!("{}/feature-max-indirect-segments", fixture.device.backend_path());
    let mut raw = connect(&fixture, &mut back);
    assert_eq!(fixture.guest.store().read(node).as_deref(), Some("256"));
    let pages = pages(&fixture, 32);
    let list: Vec<_> = refs(&pages).into_iter().cycle().take(256).map(segment).collect();
    let page = raw.data.refs()[1];
    let write_list = |list: &[BlkifRequestSegment]| {
        let bytes: Vec<u8> = list.iter().flat_map(zerocopy::IntoBytes::as_bytes).copied().collect();
        raw.data.as_ref().copy_from(4096, &bytes).unwrap();
    };
    let mut list = list;
    // Within the disk of 2048 sectors.
    for segment in &mut list {
        (segment.first_sect, segment.last_sect) = (1, 7);
    }
    write_list(&list);
    let large = raw.indirect(BlkifOp::READ, 256, page);
    let small = raw.indirect(BlkifOp::WRITE, 32, page);
    raw.expect(&mut back, &large, BlkifStatus::OKAY);
    assert_eq!(mappings(&fixture), 33);
    let calls = grant_calls(&fixture);
    for _ in 0..10 {
        raw.expect(&mut back, &small, BlkifStatus::OKAY);
    }
    assert_eq!(grant_calls(&fixture), calls);
    assert_eq!(back.statistics().read_sectors, 256 * 7);
    let too_large = raw.indirect(BlkifOp::READ, 257, page);
    raw.expect(&mut back, &too_large, BlkifStatus::ERROR);
    list[31].last_sect = 8;
    raw.data.as_ref().copy_from(4096 + 31 * 8 + 5, &[8]).unwrap();
    raw.expect(&mut back, &small, BlkifStatus::ERROR);
    assert_eq!(back.statistics().refused, 2);
    raw.close(&mut back);
    drop(back);
    finish(fixture, pages);
}

/// The segments and the data stay mapped, and the guest can write them at any time.
#[test]
fn d_b07_mapped_bytes_loaded_once() {
    let fixture = Fixture::new();
    let mut back = fixture.back_with(MAP);
    let mut raw = connect(&fixture, &mut back);
    let pages = pages(&fixture, 32);
    let list: Vec<u8> = refs(&pages)
        .into_iter()
        .flat_map(|gref| zerocopy::IntoBytes::as_bytes(&segment(gref)).to_vec())
        .collect();
    raw.data.as_ref().copy_from(4096, &list).unwrap();
    let request = raw.indirect(BlkifOp::WRITE, 32, raw.data.refs()[1]);
    for _ in 0..3 {
        raw.post(&[request]);
        let (loads, polled) = SharedLoads::of(&fixture.driver, || back.poll(fixture.driver.now()));
        assert_eq!(polled, Ok(BlkBackEvent::Busy));
        // The producer's index alone, in the ring.
        let repeated = loads.iter().filter(|&(_, _, count)| count > 1);
        let repeated: Vec<_> = repeated.map(|(gfn, byte, _)| (gfn, byte)).collect();
        assert!(repeated.iter().all(|place| place.0 == repeated[0].0 && place.1 < 4));
        assert!(loads.iter().count() >= 32 * (4096 + 8));
        assert_eq!(
            raw.ring.pop().unwrap().map(|response| response.status),
            Some(BlkifStatus::OKAY)
        );
    }
    raw.close(&mut back);
    drop(back);
    finish(fixture, pages);
}

/// A guest that ends in any way, with a request in flight and pages that are idle.
#[test]
fn end_of_connection_unmaps_all() {
    for is_destroyed in [false, true] {
        for is_backend_dropped in [false, true] {
            let fixture = Fixture::new();
            let mut back = async_back(&fixture, MAP);
            let mut raw = connect(&fixture, &mut back);
            let pages = pages(&fixture, 20);
            let refs = refs(&pages);
            let mut disk = MemoryDisk::new(Fixture::content());
            let write = |refs: &[GrantRef]| transfer(BlkifOp::WRITE, 8, refs);
            raw.post(&[write(&refs[..10])]);
            for mut request in take(&fixture, &mut back) {
                let result = request.execute(&mut disk);
                back.complete(request, result).unwrap();
            }
            assert_eq!(statuses(&fixture, &mut back, &mut raw), [BlkifStatus::OKAY]);
            raw.post(&[write(&refs[5..15])]);
            let mut request = take(&fixture, &mut back).remove(0);
            assert_eq!(mappings(&fixture), 15);
            if is_destroyed {
                fixture.world.destroy(fixture.guest.id());
            } else {
                let state = format!("{}/state", fixture.device.frontend_path());
                fixture.guest.store().write(&state, 6).unwrap();
            }
            fixture.wake_back();
            let _ = fixture.settle(&mut back);
            // The ring is unmapped, too.
            assert_eq!(mapped(&fixture), 10, "{is_destroyed}");
            let Operation::Write { count, .. } = request.operation() else { panic!() };
            assert_eq!((count, request.execute(&mut disk)), (80, Ok(())));
            if is_backend_dropped {
                drop(back);
                drop(request);
            } else {
                back.complete(request, Ok(())).unwrap();
                fixture.wake_back();
                let _ = fixture.settle(&mut back);
                drop(back);
            }
            assert_eq!(mapped(&fixture), 0);
            if is_destroyed {
                drop((raw, pages));
                continue;
            }
            drop(raw.channel);
            raw.ring.into_memory().end_access().unwrap();
            raw.data.end_access().unwrap();
            finish(fixture, pages);
        }
    }
}

/// A request that the storage dropped returns its pages, which stay mapped.
#[test]
fn failed_request_returns_its_pages() {
    let fixture = Fixture::new();
    let mut back = async_back(&fixture, MAP);
    let mut raw = connect(&fixture, &mut back);
    let pages = pages(&fixture, 4);
    let refs = refs(&pages);
    for round in 0..4 {
        raw.post(&[transfer(BlkifOp::READ, 8, &refs)]);
        let request = take(&fixture, &mut back).remove(0);
        if round % 2 == 0 {
            drop(request);
        } else {
            back.complete(request, Err(BlockDeviceError::Io)).unwrap();
        }
        assert_eq!(statuses(&fixture, &mut back, &mut raw), [BlkifStatus::ERROR]);
        assert_eq!((mappings(&fixture), fixture.driver.counters().unmaps), (4, 0));
    }
    raw.close(&mut back);
    drop(back);
    finish(fixture, pages);
}

/// The platform has no frame left: that of an idle grant is used.
#[test]
fn exhausted_frames_evict_idle_grants() {
    let fixture = Fixture::new();
    let mut back = fixture.back_with(MAP);
    let mut raw = connect(&fixture, &mut back);
    let pages = pages(&fixture, 8);
    let refs = refs(&pages);
    raw.expect(&mut back, &transfer(BlkifOp::READ, 8, &refs[..4]), BlkifStatus::OKAY);
    let reserve = || fixture.driver.reserve_frames(NonZeroUsize::MIN);
    let held: Vec<_> = core::iter::from_fn(reserve).collect();
    raw.expect(&mut back, &transfer(BlkifOp::READ, 8, &refs[4..]), BlkifStatus::OKAY);
    assert_eq!(mappings(&fixture), 4);
    assert_eq!(back.statistics().persistent_evictions, 4);
    // Without enough of them, the request fails.
    raw.expect(&mut back, &transfer(BlkifOp::READ, 8, &refs), BlkifStatus::ERROR);
    raw.expect(&mut back, &transfer(BlkifOp::READ, 8, &refs[..4]), BlkifStatus::OKAY);
    for range in held {
        // SAFETY: a range of one reservation, in which nothing was mapped.
        unsafe { fixture.driver.release_frames(range) }
    }
    raw.expect(&mut back, &transfer(BlkifOp::READ, 8, &refs), BlkifStatus::OKAY);
    assert_eq!(mappings(&fixture), 8);
    raw.close(&mut back);
    drop(back);
    finish(fixture, pages);
}

#[test]
fn persistent_requests_allocate_nothing() {
    let fixture = Fixture::new();
    let mut back = fixture.back_with(Config { persistent_grants: 8, ..MAP });
    let mut raw = connect(&fixture, &mut back);
    let pages = pages(&fixture, 20);
    let refs = refs(&pages);
    let before = fixture.driver.counters().pages_allocated;
    for round in 0..40 {
        let request = transfer(BlkifOp::WRITE, 8, &refs[round % 10..][..1 + round % 8]);
        raw.expect(&mut back, &request, BlkifStatus::OKAY);
    }
    assert_eq!(fixture.driver.counters().pages_allocated, before);
    assert!(fixture.disk.borrow().done.contains(&Done::Write(8, 8)));
    assert_eq!(back.poll(fixture.driver.now()), Ok(BlkBackEvent::Idle));
    raw.close(&mut back);
    drop(back);
    finish(fixture, pages);
}
