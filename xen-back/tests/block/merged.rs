//! Requests of adjacent sectors, which are one request of the storage.

use super::fixture::{AsyncBack, Done, Fixture, MODES, Native, SECTORS, noise, take};
use core::time::Duration;
use proptest::prelude::*;
use xen_back::block::{
    AsyncBlkBack, BlockDeviceError, Config, DiskInfo, GrantMode, MemoryDisk, Operation,
    PreparedDisk, Request,
};
use xen_grant::{Granted, ReadWrite};
use xen_hypercall::{GrantRef, Pages, Platform};
use xen_sim::Domain;
use xen_sys::io::blkif::{BlkifOp, BlkifRequest, BlkifRequestSegment, BlkifResponse, BlkifStatus};
use xenbus::DeviceId;

const OKAY: BlkifStatus = BlkifStatus::OKAY;
const ERROR: BlkifStatus = BlkifStatus::ERROR;

/// A copy, mapped pages, and persistent grants.
const ACCESS: [(GrantMode, bool); 3] =
    [(GrantMode::Copy, false), (GrantMode::Map, false), (GrantMode::Map, true)];

fn config(mode: GrantMode) -> Config {
    Config { mode, ..Config::default() }
}

fn async_back(fixture: &Fixture, mode: GrantMode) -> AsyncBack {
    let disk = PreparedDisk::new(DiskInfo::new(SECTORS as u64));
    let id = DeviceId { guest: fixture.guest.id(), device: fixture.device.id };
    fixture.wake_back();
    AsyncBlkBack::new(&fixture.driver_store, id, disk, config(mode)).unwrap()
}

fn use_persistent_grants(fixture: &Fixture, used: bool) {
    let path = format!("{}/feature-persistent", fixture.device.frontend_path());
    fixture.guest.store().write(path, u32::from(used)).unwrap();
}

fn pages(fixture: &Fixture, count: usize) -> Vec<Granted<Domain, ReadWrite>> {
    let page = |_| Pages::alloc(fixture.guest.clone(), 1).unwrap();
    let share = |page| fixture.grants.grant_writable(page, fixture.driver.id()).unwrap();
    (0..count).map(page).map(share).collect()
}

fn segment(gref: GrantRef) -> BlkifRequestSegment {
    BlkifRequestSegment { gref, first_sect: 0, last_sect: 7, _pad0: [0; 2] }
}

/// Returns a request of a whole page for each of `pages`. Its id is the first sector.
fn transfer(operation: BlkifOp, sector: u64, pages: &[Granted<Domain, ReadWrite>]) -> BlkifRequest {
    let nr_segments = pages.len() as u8;
    let mut request = BlkifRequest {
        operation,
        nr_segments,
        id: sector,
        sector_number: sector,
        ..Default::default()
    };
    for (place, page) in request.seg.iter_mut().zip(pages) {
        *place = segment(page.refs()[0]);
    }
    request
}

/// Returns id and status of all responses.
fn responses(raw: &mut Native<'_>) -> Vec<(u64, BlkifStatus)> {
    let response = |response: BlkifResponse| (response.id, response.status);
    core::iter::from_fn(|| raw.ring.pop().unwrap().map(response)).collect()
}

fn operations(requests: &[Request<Domain>]) -> Vec<Operation> {
    requests.iter().map(Request::operation).collect()
}

fn finish(fixture: Fixture, pages: Vec<Granted<Domain, ReadWrite>>) {
    for page in pages {
        page.end_access().unwrap();
    }
    fixture.finish();
}

fn content(page: &Granted<Domain, ReadWrite>) -> [u8; 4096] {
    let mut bytes = [0; 4096];
    page.as_ref().copy_to(0, &mut bytes).unwrap();
    bytes
}

#[test]
fn adjacent_requests_are_one_operation() {
    for mode in MODES {
        let fixture = Fixture::new();
        let mut back = fixture.back_with(config(mode));
        let mut raw = Native::connect(&fixture, &mut back, "x86_64-abi");
        let pages = pages(&fixture, 6);
        for (index, page) in pages.iter().enumerate() {
            page.as_ref().copy_from(0, &noise(4096, 7 + index as u64)).unwrap();
        }
        let write = |sector, range| transfer(BlkifOp::WRITE, sector, &pages[range]);
        raw.post(&[write(8, 0..1), write(16, 1..3), write(32, 3..4), write(40, 4..6)]);
        fixture.settle(&mut back).unwrap();
        assert_eq!(responses(&mut raw), [8, 16, 32, 40].map(|id| (id, OKAY)));
        assert_eq!(core::mem::take(&mut fixture.disk.borrow_mut().done), [Done::Write(8, 48)]);
        for (index, page) in pages.iter().enumerate() {
            let disk = fixture.disk.borrow();
            assert!(disk.as_ref()[(8 + index * 8) * 512..][..4096] == content(page), "{index}");
        }
        // The pages of the reads are in another order.
        let read = |sector, range| transfer(BlkifOp::READ, sector, &pages[range]);
        raw.post(&[read(80, 3..6), read(104, 0..3)]);
        fixture.settle(&mut back).unwrap();
        assert_eq!(responses(&mut raw), [80, 104].map(|id| (id, OKAY)));
        assert_eq!(core::mem::take(&mut fixture.disk.borrow_mut().done), [Done::Read(80, 48)]);
        for (index, page) in [3, 4, 5, 0, 1, 2].into_iter().enumerate() {
            let bytes = &Fixture::content()[(80 + index * 8) * 512..][..4096];
            assert!(content(&pages[page]) == bytes, "{index}");
        }
        let found = back.statistics();
        assert_eq!((found.reads, found.writes, found.merged), (2, 4, 4));
        raw.close(&mut back);
        drop(back);
        finish(fixture, pages);
    }
}

#[test]
fn only_adjacent_transfers_are_merged() {
    let fixture = Fixture::new();
    let mut back = fixture.back_with(config(GrantMode::Copy));
    let mut raw = Native::connect(&fixture, &mut back, "x86_64-abi");
    let pages = pages(&fixture, 4);
    let request = |operation, sector| transfer(operation, sector, &pages[..1]);
    let (read, write) = (BlkifOp::READ, BlkifOp::WRITE);
    let requests = [
        request(write, 8),
        request(write, 24),
        request(read, 32),
        request(write, 40),
        request(write, 32),
        request(BlkifOp::WRITE_BARRIER, 40),
        request(write, 48),
        transfer(BlkifOp::FLUSH_DISKCACHE, 0, &[]),
        request(write, 56),
        request(write, 56),
        request(write, 64),
    ];
    raw.post(&requests);
    fixture.settle(&mut back).unwrap();
    assert_eq!(responses(&mut raw).len(), requests.len());
    let expected = [
        Done::Write(8, 8),
        Done::Write(24, 8),
        Done::Read(32, 8),
        Done::Write(40, 8),
        Done::Write(32, 8),
        Done::Flush,
        Done::Write(40, 8),
        Done::Flush,
        Done::Write(48, 8),
        Done::Flush,
        Done::Write(56, 8),
        Done::Write(56, 16),
    ];
    assert_eq!(fixture.disk.borrow().done, expected);
    assert_eq!(back.statistics().merged, 1);
    raw.close(&mut back);
    drop(back);
    finish(fixture, pages);
}

/// By the segments of a request, and by the budget of a poll.
#[test]
fn merged_requests_are_bounded() {
    for (max_segments, budget, expected) in [
        (32, 32, &[(0, 22), (22, 22), (44, 11)][..]),
        (256, 32, &[(0, 55)]),
        (11, 32, &[(0, 11), (11, 11), (22, 11), (33, 11), (44, 11)]),
        (256, 3, &[(0, 33), (33, 22)]),
    ] {
        let fixture = Fixture::new();
        let config = Config { max_segments, budget, ..Config::default() };
        let mut back = fixture.back_with(config);
        let mut raw = Native::connect(&fixture, &mut back, "x86_64-abi");
        let pages = pages(&fixture, 11);
        let requests = [0, 1, 2, 3, 4].map(|at| transfer(BlkifOp::READ, 88 * at, &pages));
        raw.post(&requests);
        fixture.settle(&mut back).unwrap();
        assert_eq!(responses(&mut raw), [0, 88, 176, 264, 352].map(|id| (id, OKAY)));
        let expected: Vec<_> =
            expected.iter().map(|&(page, count)| Done::Read(page * 8, count * 8)).collect();
        assert_eq!(fixture.disk.borrow().done, expected);
        raw.close(&mut back);
        drop(back);
        finish(fixture, pages);
    }
}

#[test]
fn direct_and_indirect_requests_merge() {
    let fixture = Fixture::new();
    let mut back = fixture.back_with(Config { max_segments: 256, ..config(GrantMode::Map) });
    let mut raw = Native::connect(&fixture, &mut back, "x86_64-abi");
    let pages = pages(&fixture, 2);
    let list: Vec<u8> = (0..64)
        .map(|index| segment(pages[index % 2].refs()[0]))
        .flat_map(|segment| zerocopy::IntoBytes::as_bytes(&segment).to_vec())
        .collect();
    raw.data.as_ref().copy_from(4096, &list).unwrap();
    // Its first sector is 3.
    let indirect = raw.indirect(BlkifOp::WRITE, 64, raw.data.refs()[1]);
    let after = transfer(BlkifOp::WRITE, 3 + 64 * 8, &pages);
    raw.post(&[indirect, after]);
    fixture.settle(&mut back).unwrap();
    assert_eq!(responses(&mut raw), [(0x1d, OKAY), (after.id, OKAY)]);
    // Mapped in parts of 16 pages.
    let done: Vec<_> = (0..4).map(|part| Done::Write(3 + part * 128, 128)).collect();
    assert_eq!(fixture.disk.borrow().done, [&done[..], &[Done::Write(515, 16)]].concat());
    assert_eq!(back.statistics().merged, 1);
    // One whose segments are not valid is refused alone.
    raw.data.as_ref().copy_from(4096 + 63 * 8 + 5, &[8]).unwrap();
    let before = transfer(BlkifOp::WRITE, 1, &pages[..1]);
    let mut shifted = before;
    shifted.seg[0].last_sect = 1;
    raw.post(&[shifted, indirect, transfer(BlkifOp::WRITE, 3, &pages[..1])]);
    fixture.settle(&mut back).unwrap();
    assert_eq!(responses(&mut raw), [(0x1d, ERROR), (1, OKAY), (3, OKAY)]);
    assert_eq!((back.statistics().merged, back.statistics().refused), (2, 1));
    raw.close(&mut back);
    drop(back);
    finish(fixture, pages);
}

/// The storage fails the second half of a merged request.
#[test]
fn d_b16_merged_requests_fail_alone() {
    for (mode, persistent) in ACCESS {
        for operation in [BlkifOp::READ, BlkifOp::WRITE] {
            let fixture = Fixture::new();
            use_persistent_grants(&fixture, persistent);
            let mut back = fixture.back_with(config(mode));
            let mut raw = Native::connect(&fixture, &mut back, "x86_64-abi");
            let pages = pages(&fixture, 5);
            for (index, page) in pages.iter().enumerate() {
                page.as_ref().copy_from(0, &noise(4096, 3 + index as u64)).unwrap();
            }
            // The third of five, and a sector of the fourth.
            fixture.disk.borrow_mut().bad = 30..33;
            let requests: Vec<_> = (0..5)
                .map(|at| transfer(operation, 8 + at * 8, &pages[at as usize..][..1]))
                .collect();
            raw.post(&requests);
            fixture.settle(&mut back).unwrap();
            let expected = [(8, OKAY), (16, OKAY), (24, ERROR), (32, ERROR), (40, OKAY)];
            assert_eq!(responses(&mut raw), expected, "{mode:?} {operation:?}");
            assert_eq!((back.statistics().failed, back.statistics().merged), (2, 4));
            for (index, page) in pages.iter().enumerate().filter(|(index, _)| index / 2 != 1) {
                let disk = fixture.disk.borrow();
                let sector = (8 + index * 8) * 512;
                assert!(disk.as_ref()[sector..][..4096] == content(page), "{index}");
            }
            // The queue continues.
            fixture.disk.borrow_mut().bad = 0..0;
            raw.post(&requests);
            fixture.settle(&mut back).unwrap();
            assert_eq!(responses(&mut raw), [8, 16, 24, 32, 40].map(|id| (id, OKAY)));
            raw.close(&mut back);
            drop(back);
            finish(fixture, pages);
        }
    }
}

/// A reference that Xen refuses, of one of several merged requests.
#[test]
fn refused_page_fails_its_request_alone() {
    for (mode, persistent) in ACCESS {
        for operation in [BlkifOp::READ, BlkifOp::WRITE] {
            for bad in 0..3 {
                let fixture = Fixture::new();
                use_persistent_grants(&fixture, persistent);
                let mut back = fixture.back_with(config(mode));
                let mut raw = Native::connect(&fixture, &mut back, "x86_64-abi");
                let pages = pages(&fixture, 3);
                let mut requests: Vec<_> = (0..3)
                    .map(|at| transfer(operation, at as u64 * 8, &pages[at..][..1]))
                    .collect();
                requests[bad].seg[0].gref = GrantRef(400);
                raw.post(&requests);
                fixture.settle(&mut back).unwrap();
                let expected: Vec<_> = (0..3)
                    .map(|at| (at as u64 * 8, if at == bad { ERROR } else { OKAY }))
                    .collect();
                assert_eq!(responses(&mut raw), expected, "{mode:?} {operation:?} {bad}");
                assert_eq!(back.statistics().failed, 1);
                raw.close(&mut back);
                drop(back);
                finish(fixture, pages);
            }
        }
    }
}

#[test]
fn failed_merge_is_handed_out_singly() {
    for mode in MODES {
        let fixture = Fixture::new();
        let mut back = async_back(&fixture, mode);
        let mut raw = Native::connect(&fixture, &mut back, "x86_64-abi");
        let pages = pages(&fixture, 3);
        let write = |sector| transfer(BlkifOp::WRITE, sector, &pages[..1]);
        let barrier = transfer(BlkifOp::WRITE_BARRIER, 800, &pages[..1]);
        raw.post(&[write(0), write(8), write(16), barrier]);
        let mut taken = take(&fixture, &mut back);
        assert_eq!(operations(&taken), [Operation::Write { sector: 0, count: 24 }]);
        back.complete(taken.remove(0), Err(BlockDeviceError::Io)).unwrap();
        for (sector, result) in [(0, Ok(())), (8, Err(BlockDeviceError::Unsupported)), (16, Ok(()))]
        {
            let now = fixture.driver.now();
            assert_eq!(back.poll_timeout(now), Some(now), "the next one can be taken");
            let mut taken = take(&fixture, &mut back);
            assert_eq!(operations(&taken), [Operation::Write { sector, count: 8 }]);
            back.complete(taken.remove(0), result).unwrap();
        }
        // The barrier has waited for all of them.
        let mut taken = take(&fixture, &mut back);
        assert_eq!(operations(&taken), [Operation::Flush]);
        let expected = [(0, OKAY), (8, BlkifStatus::EOPNOTSUPP), (16, OKAY)];
        assert_eq!(responses(&mut raw), expected);
        back.complete(taken.remove(0), Err(BlockDeviceError::Io)).unwrap();
        back.poll(fixture.driver.now()).unwrap();
        assert_eq!(responses(&mut raw), [(800, ERROR)]);
        // One that the storage drops fails as a whole.
        raw.post(&[write(0), write(8)]);
        drop(take(&fixture, &mut back));
        assert_eq!(take(&fixture, &mut back).len(), 0);
        assert_eq!(responses(&mut raw), [(0, ERROR), (8, ERROR)]);
        raw.close(&mut back);
        drop(back);
        finish(fixture, pages);
    }
}

/// The connection ends while some of a failed merge are still to be handed out.
#[test]
fn close_forgets_parts_of_failed_merge() {
    for (mode, persistent) in ACCESS {
        let fixture = Fixture::new();
        use_persistent_grants(&fixture, persistent);
        let mut back = async_back(&fixture, mode);
        let mut raw = Native::connect(&fixture, &mut back, "x86_64-abi");
        let pages = pages(&fixture, 3);
        let write = |sector| transfer(BlkifOp::WRITE, sector, &pages[..1]);
        raw.post(&[write(0), write(8), write(16), write(400)]);
        let mut taken = take(&fixture, &mut back);
        back.complete(taken.remove(0), Err(BlockDeviceError::Io)).unwrap();
        let mut first = take(&fixture, &mut back);
        back.complete(first.remove(0), Ok(())).unwrap();
        let state = format!("{}/state", fixture.device.frontend_path());
        fixture.guest.store().write(&state, 6).unwrap();
        for _ in 0..20 {
            let _ = back.poll(fixture.driver.now());
            fixture.world.run_for(Duration::from_micros(10));
        }
        assert_eq!((back.in_flight(), back.is_connected()), (1, false));
        let mut request = taken.remove(0);
        request.execute(&mut MemoryDisk::new(Fixture::content())).unwrap();
        back.complete(request, Ok(())).unwrap();
        fixture.wake_back();
        let _ = fixture.settle(&mut back);
        assert_eq!(fixture.states(), (6, 6));
        raw.ring.into_memory().end_access().unwrap();
        raw.data.end_access().unwrap();
        drop((back, raw.channel));
        finish(fixture, pages);
    }
}

#[derive(Clone, Copy, Debug)]
struct Step {
    write: bool,
    /// The first sector; `None` continues the request before.
    sector: Option<u64>,
    count: usize,
    /// One of its references is refused by Xen.
    bad: bool,
}

fn steps() -> impl Strategy<Value = Vec<Vec<Step>>> {
    let sector = prop_oneof![4 => Just(None), 1 => (0u64..40).prop_map(|page| Some(page * 8))];
    let bad = prop_oneof![15 => Just(false), 1 => Just(true)];
    let step = (prop_oneof![3 => Just(true), 1 => Just(false)], sector, 1usize..5, bad);
    let step = step.prop_map(|(write, sector, count, bad)| Step { write, sector, count, bad });
    proptest::collection::vec(proptest::collection::vec(step, 1..9), 1..5)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Requests in a row, on a disk with bad sectors, against their execution one by one.
    #[test]
    fn merging_changes_no_result(
        access in 0..ACCESS.len(),
        batches in steps(),
        bad in prop_oneof![Just(0..0), (0u64..300).prop_map(|start| start..start + 9)],
    ) {
        let (mode, persistent) = ACCESS[access];
        let fixture = Fixture::new();
        use_persistent_grants(&fixture, persistent);
        let mut back = fixture.back_with(config(mode));
        let mut raw = Native::connect(&fixture, &mut back, "x86_64-abi");
        let pages = pages(&fixture, 32);
        fixture.disk.borrow_mut().bad = bad.clone();
        let mut expected = Fixture::content();
        // After a write that has failed.
        let mut undefined = vec![false; SECTORS];
        let (mut next, mut seed) = (0, 1);
        for batch in batches {
            let (mut requests, mut statuses, mut reads) = (Vec::new(), Vec::new(), Vec::new());
            for (index, step) in batch.into_iter().enumerate() {
                let sector = step.sector.unwrap_or(next);
                let pages = &pages[index * 4..][..step.count];
                let operation = if step.write { BlkifOp::WRITE } else { BlkifOp::READ };
                let mut request = transfer(operation, sector, pages);
                request.id = index as u64;
                if step.bad {
                    request.seg[step.count - 1].gref = GrantRef(400);
                }
                requests.push(request);
                next = sector + step.count as u64 * 8;
                let is_bad = step.bad || (sector < bad.end && bad.start < next);
                statuses.push((index as u64, if is_bad { ERROR } else { OKAY }));
                let sectors = sector as usize..next as usize;
                let place = sectors.start * 512..sectors.end * 512;
                if step.write {
                    seed += 1;
                    let bytes = noise(place.len(), seed);
                    for (page, bytes) in pages.iter().zip(bytes.chunks(4096)) {
                        page.as_ref().copy_from(0, bytes).unwrap();
                    }
                    expected[place].copy_from_slice(&bytes);
                    undefined[sectors].fill(is_bad);
                } else if !is_bad && !undefined[sectors].contains(&true) {
                    reads.push((index * 4, expected[place].to_vec()));
                }
            }
            raw.post(&requests);
            fixture.settle(&mut back).unwrap();
            let mut found = responses(&mut raw);
            found.sort_by_key(|(id, _)| *id);
            prop_assert_eq!(found, statuses);
            for (first, bytes) in reads {
                for (page, bytes) in pages[first..].iter().zip(bytes.chunks(4096)) {
                    prop_assert!(content(page) == bytes);
                }
            }
        }
        for (sector, bytes) in expected.chunks(512).enumerate() {
            let disk = fixture.disk.borrow();
            let found = &disk.as_ref()[sector * 512..][..512];
            prop_assert!(undefined[sector] || found == bytes, "{}", sector);
        }
        raw.close(&mut back);
        drop(back);
        finish(fixture, pages);
    }
}
