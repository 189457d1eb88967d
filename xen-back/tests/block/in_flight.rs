//! Several requests in flight, completed in any order by the storage.

use super::fixture::{AsyncBack, Fixture, MODES, Native, SECTORS, noise, take};
use core::time::Duration;
use xen_back::block::{
    BlkBackError, BlkBackEvent, BlockDeviceError, GrantMode, MemoryDisk, Operation, Request,
};
use xen_back::{QueueError, QueuesError};
use xen_hypercall::{Errno, Platform};
use xen_sim::Domain;
use xen_sys::io::blkif::{BlkifOp, BlkifRequest, BlkifResponse, BlkifStatus};

type InFlight = Request<Domain>;

fn connect(fixture: &Fixture, mode: GrantMode, in_flight: u32) -> (AsyncBack, Native<'_>) {
    let mut back = fixture.async_back(mode, in_flight);
    let raw = Native::connect(fixture, &mut back, "x86_64-abi");
    (back, raw)
}

/// Polls, and returns id and status of all responses.
fn responses(
    fixture: &Fixture,
    back: &mut AsyncBack,
    raw: &mut Native<'_>,
) -> Vec<(u64, BlkifStatus)> {
    back.poll(fixture.driver.now()).unwrap();
    let response = |response: BlkifResponse| (response.id, response.status);
    core::iter::from_fn(|| raw.ring.pop().unwrap().map(response)).collect()
}

fn operations(requests: &[InFlight]) -> Vec<Operation> {
    requests.iter().map(Request::operation).collect()
}

/// Returns whether the backend requests to be polled at once.
fn is_due(fixture: &Fixture, back: &AsyncBack) -> bool {
    let now = fixture.driver.now();
    back.poll_timeout(now) == Some(now)
}

fn mappings(fixture: &Fixture) -> u64 {
    let counters = fixture.driver.counters();
    counters.maps - counters.unmaps
}

#[test]
fn completions_come_in_any_order() {
    for mode in MODES {
        let fixture = Fixture::new();
        let (mut back, mut raw) = connect(&fixture, mode, 32);
        let mut disk = MemoryDisk::new(Fixture::content());
        let [first, second] = *raw.data.refs() else { panic!() };
        let mut read = raw.request(BlkifOp::READ, 1, 8);
        read.seg[0].gref = first;
        let mut write = raw.request(BlkifOp::WRITE, 1, 16);
        write.seg[0].gref = second;
        let page = noise(4096, 9);
        raw.data.as_ref().copy_from(4096, &page).unwrap();
        // An id may repeat: the frontend's affair.
        raw.post(&[read, write, write]);
        let mut taken = take(&fixture, &mut back);
        assert_eq!((taken.len(), back.in_flight()), (3, 3));
        assert_eq!(responses(&fixture, &mut back, &mut raw), []);
        let sent = fixture.driver.counters().notifications;
        while let Some(mut request) = taken.pop() {
            let result = request.execute(&mut disk);
            back.complete(request, result).unwrap();
        }
        assert!(is_due(&fixture, &back));
        let expected = [write.id, write.id, read.id].map(|id| (id, BlkifStatus::OKAY));
        assert_eq!(responses(&fixture, &mut back, &mut raw), expected, "{mode:?}");
        assert!(fixture.driver.counters().notifications - sent <= 1);
        let mut found = [0; 4096];
        raw.data.as_ref().copy_to(0, &mut found).unwrap();
        assert_eq!(found, Fixture::content()[8 * 512..16 * 512]);
        assert!(disk.as_ref()[16 * 512..24 * 512] == page);
        assert_eq!((back.in_flight(), mappings(&fixture)), (0, 1), "the ring alone is mapped");
        raw.close(&mut back);
        drop(back);
        fixture.finish();
    }
}

#[test]
fn foreign_request_is_returned() {
    for mode in MODES {
        let (own, other) = (Fixture::new(), Fixture::new());
        let (mut back, mut raw) = connect(&own, mode, 2);
        let (mut other_back, other_raw) = connect(&other, mode, 2);
        let request = raw.request(BlkifOp::WRITE, 1, 8);
        raw.post(&[request]);
        let taken = take(&own, &mut back).remove(0);
        let foreign = other_back.complete(taken, Ok(())).unwrap_err();
        assert_eq!((back.in_flight(), other_back.in_flight()), (1, 0));
        assert_eq!(responses(&own, &mut back, &mut raw), []);
        assert_eq!(mappings(&own), 1 + u64::from(mode == GrantMode::Map));
        back.complete(foreign.request, Ok(())).unwrap();
        let expected = [(request.id, BlkifStatus::OKAY)];
        assert_eq!(responses(&own, &mut back, &mut raw), expected);
        raw.close(&mut back);
        other_raw.close(&mut other_back);
        drop((back, other_back));
        own.finish();
        other.finish();
    }
}

#[test]
fn storage_can_be_in_another_thread() {
    for mode in MODES {
        let fixture = Fixture::new();
        let (mut back, mut raw) = connect(&fixture, mode, 2);
        let page = noise(4096, 9);
        raw.data.as_ref().copy_from(0, &page).unwrap();
        let request = raw.request(BlkifOp::WRITE, 1, 8);
        raw.post(&[request]);
        let mut taken = take(&fixture, &mut back).remove(0);
        let storage = std::thread::spawn(move || {
            let mut disk = MemoryDisk::new(Fixture::content());
            let result = taken.execute(&mut disk);
            (taken, result, disk)
        });
        let (taken, result, disk) = storage.join().unwrap();
        back.complete(taken, result).unwrap();
        assert_eq!(responses(&fixture, &mut back, &mut raw), [(request.id, BlkifStatus::OKAY)]);
        assert!(disk.as_ref()[8 * 512..16 * 512] == page);
        raw.close(&mut back);
        drop(back);
        fixture.finish();
    }
}

#[test]
fn requests_in_flight_are_limited() {
    let fixture = Fixture::new();
    let (mut back, mut raw) = connect(&fixture, GrantMode::Map, 3);
    let requests: Vec<_> = (0..8).map(|at| raw.request(BlkifOp::READ, 1, at * 8)).collect();
    raw.post(&requests);
    let mut taken = take(&fixture, &mut back);
    let mut answered = 0;
    while !taken.is_empty() {
        assert!(taken.len() <= 3);
        back.complete(taken.remove(0), Ok(())).unwrap();
        answered += responses(&fixture, &mut back, &mut raw).len();
        taken.extend(core::iter::from_fn(|| back.next_request().unwrap()));
    }
    assert_eq!(answered, 8);
    raw.close(&mut back);
    drop(back);
    fixture.finish();
}

#[test]
fn requests_allocate_no_pages() {
    for mode in MODES {
        let fixture = Fixture::new();
        let (mut back, mut raw) = connect(&fixture, mode, 4);
        let mut disk = MemoryDisk::new(Fixture::content());
        let before = fixture.driver.counters().pages_allocated;
        for sector in 0..100 {
            let operations =
                [(BlkifOp::READ, 1), (BlkifOp::WRITE, 1), (BlkifOp::FLUSH_DISKCACHE, 0)];
            let requests = operations.map(|(op, count)| raw.request(op, count, sector));
            raw.post(&requests);
            for mut request in take(&fixture, &mut back) {
                let result = request.execute(&mut disk);
                back.complete(request, result).unwrap();
            }
            assert_eq!(responses(&fixture, &mut back, &mut raw).len(), 3);
        }
        assert_eq!(fixture.driver.counters().pages_allocated, before, "{mode:?}");
        raw.close(&mut back);
        drop(back);
        fixture.finish();

        let fixture = Fixture::new();
        let mut back = fixture.back(mode);
        let mut raw = Native::connect(&fixture, &mut back, "x86_64-abi");
        let before = fixture.driver.counters().pages_allocated;
        for sector in 0..100 {
            let request = raw.request(BlkifOp::WRITE_BARRIER, 1, sector);
            raw.expect(&mut back, &request, BlkifStatus::OKAY);
        }
        assert_eq!(fixture.driver.counters().pages_allocated, before, "{mode:?}");
        raw.close(&mut back);
        drop(back);
        fixture.finish();
    }
}

#[test]
fn barrier_is_alone_in_flight() {
    for mode in MODES {
        let fixture = Fixture::new();
        let (mut back, mut raw) = connect(&fixture, mode, 8);
        let barrier = raw.request(BlkifOp::WRITE_BARRIER, 1, 16);
        let requests =
            [raw.request(BlkifOp::WRITE, 1, 8), barrier, raw.request(BlkifOp::READ, 1, 24)];
        raw.post(&requests);
        let (write, read) = (
            |sector| Operation::Write { sector, count: 8 },
            Operation::Read { sector: 24, count: 8 },
        );
        for expected in [write(8), Operation::Flush, write(16), Operation::Flush, read] {
            let mut taken = take(&fixture, &mut back);
            assert_eq!(operations(&taken), [expected], "{mode:?}");
            assert!(take(&fixture, &mut back).is_empty());
            assert_eq!(back.poll(fixture.driver.now()), Ok(BlkBackEvent::Idle));
            back.complete(taken.remove(0), Ok(())).unwrap();
            // Also between two steps, when there is no response yet.
            assert!(is_due(&fixture, &back), "{mode:?}: {expected:?}");
        }
        let expected = requests.map(|request| (request.id, BlkifStatus::OKAY));
        assert_eq!(responses(&fixture, &mut back, &mut raw), expected);
        raw.close(&mut back);
        drop(back);
        fixture.finish();
    }
}

#[test]
fn failed_barrier_step_fails_request() {
    let fixture = Fixture::new();
    let (mut back, mut raw) = connect(&fixture, GrantMode::Map, 8);
    for step in 0..3 {
        let barrier = raw.request(BlkifOp::WRITE_BARRIER, 1, 16);
        raw.post(&[barrier]);
        for at in 0..=step {
            let mut taken = take(&fixture, &mut back);
            let result = if at == step { Err(BlockDeviceError::Io) } else { Ok(()) };
            back.complete(taken.remove(0), result).unwrap();
        }
        let expected = [(barrier.id, BlkifStatus::ERROR)];
        assert_eq!(responses(&fixture, &mut back, &mut raw), expected, "step {step}");
        assert_eq!(mappings(&fixture), 1);
    }
    raw.close(&mut back);
    drop(back);
    fixture.finish();
}

/// `io/blkif.h`: a flush covers completed writes; others need not be waited for.
#[test]
fn flush_passes_requests_in_flight() {
    let fixture = Fixture::new();
    let (mut back, mut raw) = connect(&fixture, GrantMode::Copy, 8);
    let requests = [raw.request(BlkifOp::WRITE, 1, 8), raw.request(BlkifOp::FLUSH_DISKCACHE, 0, 0)];
    raw.post(&requests);
    let taken = take(&fixture, &mut back);
    let write = Operation::Write { sector: 8, count: 8 };
    assert_eq!(operations(&taken), [write, Operation::Flush]);
    for request in taken {
        back.complete(request, Ok(())).unwrap();
    }
    assert_eq!(responses(&fixture, &mut back, &mut raw).len(), 2);
    raw.close(&mut back);
    drop(back);
    fixture.finish();
}

#[test]
fn dropped_request_fails() {
    for mode in MODES {
        let fixture = Fixture::new();
        let (mut back, mut raw) = connect(&fixture, mode, 2);
        for round in 0..5 {
            let request = raw.request(BlkifOp::READ, 1, round * 8);
            raw.post(&[request, request]);
            drop(take(&fixture, &mut back));
            let expected = [(request.id, BlkifStatus::ERROR); 2];
            assert_eq!(responses(&fixture, &mut back, &mut raw), expected);
            assert_eq!((back.in_flight(), mappings(&fixture)), (0, 1));
        }
        assert_eq!(back.statistics().failed, 10);
        raw.close(&mut back);
        drop(back);
        fixture.finish();
    }
}

#[test]
fn unsupported_request_counts_as_failed() {
    let fixture = Fixture::new();
    let (mut back, mut raw) = connect(&fixture, GrantMode::Copy, 2);
    for failed in 1..=2 {
        let request = raw.request(BlkifOp::READ, 1, 8);
        raw.post(&[request]);
        let mut taken = take(&fixture, &mut back);
        back.complete(taken.remove(0), Err(BlockDeviceError::Unsupported)).unwrap();
        let expected = [(request.id, BlkifStatus::EOPNOTSUPP)];
        assert_eq!(responses(&fixture, &mut back, &mut raw), expected);
        assert_eq!((back.statistics().failed, back.statistics().refused), (failed, 0));
    }
    raw.close(&mut back);
    drop(back);
    fixture.finish();
}

/// The content of a read goes to a page that the frontend no longer grants.
#[test]
fn vanished_grant_fails_request() {
    let fixture = Fixture::new();
    let (mut back, mut raw) = connect(&fixture, GrantMode::Copy, 2);
    let request = raw.request(BlkifOp::READ, 1, 8);
    raw.post(&[request]);
    let mut taken = take(&fixture, &mut back);
    let (fresh, driver) = (xen_hypercall::Pages::alloc(fixture.guest.clone(), 2), &fixture.driver);
    let fresh = fixture.grants.grant_writable(fresh.unwrap(), driver.id()).unwrap();
    core::mem::replace(&mut raw.data, fresh).end_access().unwrap();
    back.complete(taken.remove(0), Ok(())).unwrap();
    let expected = [(request.id, BlkifStatus::ERROR)];
    assert_eq!(responses(&fixture, &mut back, &mut raw), expected);
    assert_eq!(back.statistics().failed, 1);
    raw.close(&mut back);
    drop(back);
    fixture.finish();
}

/// The memory stays mapped, and the device open, until the storage has returned the request.
#[test]
fn close_waits_for_requests_in_flight() {
    for mode in MODES {
        for is_dropped in [false, true] {
            let fixture = Fixture::new();
            let (mut back, mut raw) = connect(&fixture, mode, 2);
            let mut disk = MemoryDisk::new(Fixture::content());
            let page = noise(4096, 9);
            raw.data.as_ref().copy_from(0, &page).unwrap();
            let request = raw.request(BlkifOp::WRITE, 1, 8);
            raw.post(&[request]);
            let mut taken = take(&fixture, &mut back);
            let state = format!("{}/state", fixture.device.frontend_path());
            fixture.guest.store().write(&state, 6).unwrap();
            // Longer than every deadline.
            for _ in 0..100 {
                let _ = back.poll(fixture.driver.now());
                fixture.world.run_for(Duration::from_secs(1));
            }
            let mapped = u64::from(mode == GrantMode::Map);
            assert_ne!(fixture.states().1, 6, "{mode:?}");
            assert_eq!(back.in_flight(), 1);
            assert_eq!((mappings(&fixture), back.is_connected()), (mapped, false));
            let mut request = taken.remove(0);
            if is_dropped {
                drop(request);
            } else {
                request.execute(&mut disk).unwrap();
                assert!(disk.as_ref()[8 * 512..16 * 512] == page);
                back.complete(request, Ok(())).unwrap();
            }
            assert!(is_due(&fixture, &back), "{mode:?}");
            fixture.wake_back();
            fixture.settle(&mut back).unwrap();
            assert_eq!((fixture.states(), back.in_flight()), ((6, 6), 0));
            assert_eq!(mappings(&fixture), 0);
            assert!(raw.ring.pop().unwrap().is_none(), "a response");
            raw.ring.into_memory().end_access().unwrap();
            raw.data.end_access().unwrap();
            drop((back, raw.channel));
            fixture.finish();
        }
    }
}

#[test]
fn restarted_frontend_waits_for_requests() {
    let fixture = Fixture::new();
    let (mut back, mut raw) = connect(&fixture, GrantMode::Map, 2);
    let request = raw.request(BlkifOp::WRITE, 1, 8);
    raw.post(&[request]);
    let mut taken = take(&fixture, &mut back);
    // As a kernel that was started by kexec.
    let state = format!("{}/state", fixture.device.frontend_path());
    fixture.guest.store().write(&state, 1).unwrap();
    for _ in 0..20 {
        let _ = back.poll(fixture.driver.now());
        fixture.world.run_for(Duration::from_micros(10));
    }
    assert!(!back.is_connected());
    assert_ne!(fixture.states().1, 2, "offered with a write in flight");
    back.complete(taken.remove(0), Ok(())).unwrap();
    fixture.wake_back();
    fixture.settle(&mut back).unwrap();
    assert_eq!(fixture.states().1, 2);
    raw.ring.into_memory().end_access().unwrap();
    raw.data.end_access().unwrap();
    drop((back, raw.channel));
    fixture.finish();
}

#[test]
fn protocol_error_spares_requests_in_flight() {
    let fixture = Fixture::new();
    let (mut back, mut raw) = connect(&fixture, GrantMode::Map, 2);
    let request = raw.request(BlkifOp::WRITE, 1, 8);
    raw.post(&[request]);
    let mut taken = take(&fixture, &mut back);
    // The producer index of a ring of 32 slots.
    let ring = raw.ring.into_memory();
    ring.as_ref().write(0, &1000u32).unwrap();
    back.poll(fixture.driver.now()).unwrap();
    let found = back.next_request().err();
    assert!(
        matches!(
            found,
            Some(BlkBackError::Queues(QueuesError::Queue {
                queue: 0,
                error: QueueError::Corrupt(_)
            }))
        ),
        "{found:?}"
    );
    assert_eq!((back.is_connected(), back.in_flight(), mappings(&fixture)), (false, 1, 1));
    let mut request = taken.remove(0);
    let mut disk = MemoryDisk::new(Fixture::content());
    request.execute(&mut disk).unwrap();
    back.complete(request, Ok(())).unwrap();
    assert_eq!((back.in_flight(), mappings(&fixture)), (0, 0));
    drop((back, raw.channel));
    ring.end_access().unwrap();
    raw.data.end_access().unwrap();
    fixture.finish();
}

#[test]
fn requests_outlive_their_backend() {
    for mode in MODES {
        let fixture = Fixture::new();
        let (mut back, mut raw) = connect(&fixture, mode, 4);
        let requests = [8, 24, 40].map(|sector| raw.request(BlkifOp::WRITE, 1, sector));
        raw.post(&requests);
        let mut taken = take(&fixture, &mut back);
        // One is in the list of dropped ones when the backend is dropped.
        drop(taken.pop());
        drop(back);
        let mut back = fixture.async_back(mode, 4);
        let mut request = taken.remove(0);
        request.execute(&mut MemoryDisk::new(Fixture::content())).unwrap();
        let foreign = back.complete(request, Ok(())).unwrap_err();
        assert_eq!(foreign.request.operation(), Operation::Write { sector: 8, count: 8 });
        let mapped = u64::from(mode == GrantMode::Map);
        assert_eq!(mappings(&fixture), 2 * mapped + 1, "the ring stays mapped");
        drop(foreign);
        assert_eq!(mappings(&fixture), mapped + 1);
        drop(taken);
        assert_eq!((back.in_flight(), mappings(&fixture)), (0, 0));
        raw.ring.into_memory().end_access().unwrap();
        raw.data.end_access().unwrap();
        drop((back, raw.channel));
        fixture.finish();
    }
}

/// A response is not of the oldest request, so the ring itself does not show which requests have
/// none.
#[test]
fn next_backend_repeats_no_request() {
    for mode in MODES {
        let fixture = Fixture::new();
        let (mut back, mut raw) = connect(&fixture, mode, 3);
        let requests = [8, 24, 40, 56, 72].map(|sector| raw.request(BlkifOp::WRITE, 1, sector));
        raw.post(&requests);
        let mut taken = take(&fixture, &mut back);
        assert_eq!(taken.len(), 3);
        back.complete(taken.remove(1), Ok(())).unwrap();
        let answered = responses(&fixture, &mut back, &mut raw);
        assert_eq!(answered, [(requests[1].id, BlkifStatus::OKAY)]);
        drop(back);
        assert!(raw.ring.pop().unwrap().is_none(), "the storage has the other two");
        drop(taken);
        let rest: Vec<_> = core::iter::from_fn(|| raw.ring.pop().unwrap())
            .map(|response| (response.id, response.status))
            .collect();
        let failed = |request: &BlkifRequest| (request.id, BlkifStatus::ERROR);
        assert_eq!(rest, [failed(&requests[0]), failed(&requests[2])], "{mode:?}");

        let mut back = fixture.async_back(mode, 3);
        let mut taken = Vec::new();
        while taken.len() < 2 {
            fixture.world.run_for(Duration::from_millis(1));
            taken.extend(take(&fixture, &mut back));
        }
        let expected = [56, 72].map(|sector| Operation::Write { sector, count: 8 });
        assert_eq!(operations(&taken), expected);
        taken.into_iter().for_each(|request| back.complete(request, Ok(())).unwrap());
        assert_eq!(responses(&fixture, &mut back, &mut raw).len(), 2);
        raw.close(&mut back);
        drop(back);
        fixture.finish();
    }
}

#[test]
fn orphaned_ring_refuses_next_backend() {
    let fixture = Fixture::new();
    let (mut back, mut raw) = connect(&fixture, GrantMode::Copy, 4);
    let request = raw.request(BlkifOp::WRITE, 1, 8);
    raw.post(&[request]);
    let taken = take(&fixture, &mut back);
    drop(back);
    let mut back = fixture.async_back(GrantMode::Copy, 4);
    let refused = fixture.settle(&mut back);
    assert!(
        matches!(
            refused,
            Err(BlkBackError::Queues(QueuesError::Queue {
                error: QueueError::Port { errno: Errno::EINVAL, .. },
                ..
            }))
        ),
        "{refused:?}"
    );
    assert!(!back.is_connected());
    drop(taken);
    let response = raw.ring.pop().unwrap().unwrap();
    assert_eq!((response.id, response.status), (request.id, BlkifStatus::ERROR));
    raw.ring.into_memory().end_access().unwrap();
    raw.data.end_access().unwrap();
    drop((back, raw.channel));
    fixture.finish();
}

/// Requests that were taken from the ring and wait: for a barrier, and after a failure of merged
/// ones.
#[test]
fn waiting_requests_fail_with_backend() {
    let fixture = Fixture::new();
    let (mut back, mut raw) = connect(&fixture, GrantMode::Copy, 4);
    let requests = [
        raw.request(BlkifOp::WRITE, 1, 8),
        raw.request(BlkifOp::WRITE, 1, 16),
        raw.request(BlkifOp::WRITE_BARRIER, 1, 40),
    ];
    raw.post(&requests);
    let mut taken = take(&fixture, &mut back);
    assert_eq!(operations(&taken), [Operation::Write { sector: 8, count: 16 }]);
    back.complete(taken.remove(0), Err(BlockDeviceError::Io)).unwrap();
    drop(back);
    let mut ids: Vec<_> = core::iter::from_fn(|| raw.ring.pop().unwrap())
        .map(|response| {
            assert_eq!(response.status, BlkifStatus::ERROR);
            response.id
        })
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, requests.map(|request| request.id));
    assert_eq!(mappings(&fixture), 0);
    raw.ring.into_memory().end_access().unwrap();
    raw.data.end_access().unwrap();
    drop(raw.channel);
    fixture.finish();
}

#[test]
fn destroyed_guest_spares_requests() {
    for mode in MODES {
        let fixture = Fixture::new();
        let (mut back, mut raw) = connect(&fixture, mode, 4);
        let request = raw.request(BlkifOp::WRITE, 1, SECTORS as u64 - 8);
        raw.post(&[request]);
        let mut taken = take(&fixture, &mut back);
        fixture.world.destroy(fixture.guest.id());
        let poll = |back: &mut AsyncBack| {
            (0..200).any(|_| {
                fixture.world.run_for(Duration::from_millis(20));
                back.poll(fixture.driver.now()) == Ok(BlkBackEvent::Removed)
            })
        };
        assert!(!poll(&mut back), "removed with a request in flight");
        back.complete(taken.remove(0), Ok(())).unwrap();
        assert!(is_due(&fixture, &back));
        assert_eq!(mappings(&fixture), 0);
        assert!(poll(&mut back));
        drop((back, raw));
        fixture.finish();
    }
}
