//! Each request completes exactly once, and none reaches a backend after it was reported as failed.

use super::blkback::Misbehaviour;
use super::{Fixture, SECTORS};
use core::time::Duration;
use proptest::prelude::*;
use std::collections::BTreeMap;
use xen_front::block::*;
use xen_grant::DeferredGrants;
use xen_hypercall::ops::sched::{SuspendOutcome, suspend};
use xen_hypercall::{Pages, Platform};
use xen_sim::{Domain, DomainConfig};
use xen_sys::io::blkif::{BlkifOp, BlkifRequest};

impl Fixture {
    /// Has the backend's state be what a backend that starts anew writes.
    pub(super) fn write_backend_state(&self, state: u32) {
        let path = format!("{}/state", self.device.get().backend_path());
        let store = self.world.store();
        // A device that was removed has none, and must not get one.
        if store.read(&path).is_some() {
            store.write(path, state).unwrap();
        }
    }

    /// Destroys the driver domain, and starts another one with the same disk.
    pub(super) fn replace_backend(&self) {
        let (_, devices) =
            self.world.restart_backend(self.device.get().backend, DomainConfig::new("disks again"));
        if let Some(device) = devices.first() {
            self.device.set(*device);
            self.back.serve(&self.world, device);
        }
    }

    /// Suspends the guest, restores it under another number, and resumes what its drivers share.
    pub(super) fn suspend(&self) {
        let (id, backend) =
            (self.guest.id(), self.world.domain(self.device.get().backend).unwrap());
        self.store.quiesce().unwrap();
        self.world.suspend(id, move |world| drop(world.restore(world.save(id), Some(&backend))));
        // SAFETY: the guest has one vCPU, and what goes away is resumed before it is used.
        assert_eq!(unsafe { suspend(&self.guest) }, Ok(SuspendOutcome::Resumed));
        self.grants.resume().unwrap();
        self.store.resume().unwrap();
        if let Some(device) = self.world.devices_of(self.guest.id()).first() {
            self.device.set(*device);
            self.back.serve(&self.world, device);
        }
    }

    /// Polls until the device is in `state`.
    pub(super) fn poll_until(&self, block: &mut BlkFront<Domain>, state: DeviceState) {
        let deadline = self.deadline();
        while block.poll(self.guest.now()).unwrap() != state {
            assert!(self.guest.now() < deadline, "{block:?}");
            self.store.wait(deadline);
        }
    }

    pub(super) fn read(&self, sector: u64) -> Request<Pages<Domain>> {
        Request::Read { sector, sectors: 8, buffer: self.pages(1) }
    }

    pub(super) fn write(&self, sector: u64, byte: u8) -> Request<Pages<Domain>> {
        let mut buffer = self.pages(1);
        buffer.as_mut_slice().fill(byte);
        Request::Write { sector, sectors: 8, buffer }
    }
}

#[test]
fn kept_pages_lose_no_token() {
    let fixture = Fixture::new();
    let mut block = fixture.block();
    let mut tokens = Vec::new();
    fixture.back.state().misbehaviour = Misbehaviour::Hold;
    for _ in 0..3 {
        for sector in 0..32 {
            match block.submit(fixture.read(sector * 8)) {
                Ok(token) => tokens.push(token),
                Err(refused) => {
                    assert_eq!((refused.reason, block.free_slots()), (RequestError::Full, 0));
                    assert!(refused.request.into_buffer().is_some());
                }
            }
        }
        assert_eq!(block.in_flight(), tokens.len());
        block.kick();
        fixture.world.run_for(Duration::from_millis(10));
        fixture.write_backend_state(2);
        block.reopen();
        fixture.poll_until(&mut block, DeviceState::Connected);
    }
    let done: Vec<_> = core::iter::from_fn(|| block.complete()).collect();
    assert!(
        done.iter()
            .all(|done| matches!(done.outcome, Err(IoError::Broken(ProtocolError::PageInUse(_)))))
    );
    assert_eq!(done.iter().map(|done| done.token).collect::<Vec<_>>(), tokens);
    assert_eq!((block.in_flight(), block.free_slots()), (0, 32));
    assert_eq!(fixture.grants.deferred().waiting, 32);
    fixture.back.state().unmap_kept();
    fixture.back.state().misbehaviour = Misbehaviour::None;
    block.submit(fixture.read(0)).unwrap();
    assert_eq!(fixture.complete(&mut block, 1)[0].outcome, Ok(()));
    fixture.close(block);
    fixture.finish();
}

/// An independent adversarial run; the first write would have come after the second.
#[test]
fn timed_out_write_is_not_repeated() {
    let fixture = Fixture::new();
    let before = fixture.back.state().disk.clone();
    let mut disk = fixture.disk();
    fixture.back.state().misbehaviour = Misbehaviour::Forget;
    assert!(matches!(disk.write(8, &[0xaa; 100 * 512]), Err(TransferError::Timeout { .. })));
    assert!(matches!(disk.flush(), Err(TransferError::Timeout { .. })));
    fixture.back.state().misbehaviour = Misbehaviour::None;
    disk.write(8, &[0xbb; 512]).unwrap();
    fixture.write_backend_state(2);
    disk.reopen(fixture.deadline()).unwrap();
    let mut found = vec![0; 100 * 512];
    disk.read(8, &mut found).unwrap();
    assert!(found[..512] == [0xbb; 512] && found[512..] == before[9 * 512..108 * 512]);
    let state = fixture.back.state();
    let again = state.seen.iter().zip(&state.seen_on).filter(|(_, on)| **on == 2);
    assert!(
        again.clone().count() > 0 && again.clone().all(|(seen, _)| seen.operation == BlkifOp::READ)
    );
    drop(state);
    disk.close(fixture.deadline()).unwrap();
    fixture.finish();
}

#[test]
fn cancelled_write_is_not_repeated() {
    for suspended in [false, true] {
        let fixture = Fixture::new();
        let mut block = fixture.block();
        fixture.back.state().misbehaviour = Misbehaviour::Forget;
        let cancelled = block.submit(fixture.write(8, 0xaa)).unwrap();
        let kept = block.submit(fixture.write(16, 0xcc)).unwrap();
        block.kick();
        fixture.world.run_for(Duration::from_millis(10));
        assert!(block.cancel(cancelled));
        fixture.back.state().misbehaviour = Misbehaviour::None;
        block.submit(fixture.write(8, 0xbb)).unwrap();
        assert_eq!(fixture.complete(&mut block, 1)[0].outcome, Ok(()));
        if suspended {
            fixture.suspend();
            block.resume();
        } else {
            fixture.write_backend_state(2);
            block.reopen();
        }
        let done = fixture.complete(&mut block, 2);
        let outcome = |token| done.iter().find(|done| done.token == token).map(|done| done.outcome);
        assert_eq!(outcome(cancelled), Some(Err(IoError::Closed)), "suspended: {suspended}");
        assert_eq!(outcome(kept), Some(Ok(())));
        assert!(done.iter().all(|done| done.buffer.is_some()));
        assert!(!block.cancel(cancelled) && !block.cancel(kept));
        let found = fixture.back.state().disk[8 * 512..24 * 512].to_vec();
        assert!(found[..4096] == [0xbb; 4096] && found[4096..] == [0xcc; 4096]);
        drop(done);
        fixture.close(block);
        fixture.finish();
    }
}

#[test]
fn cancel_reaches_earlier_connections() {
    let fixture = Fixture::new();
    let mut block = fixture.block();
    fixture.back.state().misbehaviour = Misbehaviour::Forget;
    let tokens: Vec<_> = (0..3)
        .map(|index| block.submit(fixture.write(8 * index, 0xa0 + index as u8)).unwrap())
        .collect();
    block.kick();
    fixture.world.run_for(Duration::from_millis(10));
    let before = fixture.back.state().disk[..3 * 4096].to_vec();
    fixture.back.state().misbehaviour = Misbehaviour::None;
    fixture.write_backend_state(2);
    block.reopen();
    assert!(block.cancel(tokens[0]), "the connection is the one before");
    assert_eq!(block.in_flight(), 3);
    // The new ring is published, and the backend has not run yet.
    while block.ring_pages() == 0 {
        block.poll(fixture.guest.now()).unwrap();
        fixture.store.wait(fixture.guest.now() + Duration::from_millis(1));
    }
    assert_eq!(block.ring_pages(), 1);
    assert!(block.cancel(tokens[1]) && !block.cancel(tokens[1]), "it waits to be made again");
    let mut done = fixture.complete(&mut block, 3);
    done.sort_by_key(|done| done.token);
    let outcomes: Vec<_> = done.iter().map(|done| (done.token, done.outcome)).collect();
    let closed = Err(IoError::Closed);
    assert_eq!(outcomes, [(tokens[0], closed), (tokens[1], closed), (tokens[2], Ok(()))]);
    assert!(done.iter().all(|done| done.buffer.is_some()));
    let after = fixture.back.state().disk[..3 * 4096].to_vec();
    assert!(after[..8192] == before[..8192] && after[8192..] == [0xa2; 4096]);
    drop(done);
    fixture.close(block);
    fixture.finish();
}

#[test]
fn unwritten_read_is_zeroes_or_error() {
    for trusted in [true, false] {
        let fixture = Fixture::with_disk(&xen_sim::Disk { trusted, ..xen_sim::Disk::new("xvda") });
        let mut disk = fixture.disk();
        // Every buffer holds data of transfers in both directions.
        let mut secret = vec![0x5e; SECTORS * 512];
        disk.write(0, &secret).unwrap();
        disk.read(0, &mut secret).unwrap();
        assert!(secret.iter().all(|&byte| byte == 0x5e));
        fixture.back.state().misbehaviour = Misbehaviour::Pretend;
        let mut found = vec![1; SECTORS * 512];
        disk.read(0, &mut found).unwrap();
        assert!(found.iter().all(|&byte| byte == 0), "trusted: {trusted}");
        fixture.back.state().disk.fill(0xd1);
        fixture.back.state().misbehaviour = Misbehaviour::ReadPart;
        disk.read(3, &mut found[..40 * 512]).unwrap();
        for (index, sector) in found[..40 * 512].chunks(512).enumerate() {
            let expected = if index % 8 == 0 { 0xd1 } else { 0 };
            assert!(sector.iter().all(|&byte| byte == expected), "sector {index}");
        }
        // A read that fails midway shows the caller nothing of it.
        fixture.back.state().misbehaviour = Misbehaviour::Status(-1);
        let mut found = vec![1; 16 * 512];
        assert_eq!(disk.read(0, &mut found), Err(TransferError::Io(IoError::Failed)));
        assert!(found.iter().all(|&byte| byte == 1));
        fixture.back.state().misbehaviour = Misbehaviour::None;
        disk.close(fixture.deadline()).unwrap();
        fixture.finish();
    }
}

#[test]
fn repeated_read_shows_no_older_answer() {
    let fixture = Fixture::new();
    let mut block = fixture.block();
    fixture.back.state().misbehaviour = Misbehaviour::Silent;
    let mut buffer = fixture.pages(1);
    buffer.as_mut_slice().fill(0x5e);
    let request = Request::Read { sector: 0, sectors: 8, buffer };
    block.submit(request).unwrap();
    block.kick();
    fixture.world.run_for(Duration::from_millis(10));
    fixture.back.state().misbehaviour = Misbehaviour::Pretend;
    fixture.write_backend_state(2);
    block.reopen();
    let done = fixture.complete(&mut block, 1).remove(0);
    assert_eq!(done.outcome, Ok(()));
    assert!(done.buffer.unwrap().as_slice().iter().all(|&byte| byte == 0));
    fixture.close(block);
    fixture.finish();
}

/// One step of a request's life, or of its backend's.
#[derive(Clone, Debug)]
enum Step {
    Submit(u8),
    Poll,
    Complete(u8),
    Cancel(u8),
    Misbehaviour(Misbehaviour),
    LetGo,
    BackendState(u32),
    /// A backend that starts again, and a device that connects to it.
    Restart,
    ReplaceBackend,
    RemoveDevice,
    Suspend,
    Reopen,
    Close,
    CloseNow,
    /// The number of queues that the backend supports from now on.
    Queues(u16),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    use Misbehaviour as M;
    let misbehaviour =
        [M::None, M::Silent, M::Hold, M::Forget, M::KeepPages, M::WrongId(1), M::Pretend];
    let step = prop_oneof![
        10 => (1u8..40).prop_map(Step::Submit),
        8 => Just(Step::Poll),
        3 => (1u8..40).prop_map(Step::Complete),
        3 => any::<u8>().prop_map(Step::Cancel),
        6 => proptest::sample::select(misbehaviour.to_vec()).prop_map(Step::Misbehaviour),
        2 => Just(Step::LetGo),
        3 => prop_oneof![Just(2), Just(5), Just(6), Just(1)].prop_map(Step::BackendState),
        6 => Just(Step::Restart),
        1 => Just(Step::ReplaceBackend),
        1 => Just(Step::Suspend),
        5 => Just(Step::Reopen),
        1 => Just(Step::Close),
        1 => Just(Step::CloseNow),
        1 => Just(Step::RemoveDevice),
        4 => (1u16..5).prop_map(Step::Queues),
    ];
    proptest::collection::vec(step, 1..60)
}

/// The expected completion of a request.
struct Expected {
    /// Its sector, which no other request has.
    sector: u64,
    has_buffer: bool,
    /// The queue that it was submitted to: 0 is the device's own.
    queue: usize,
}

struct Model<'l> {
    fixture: &'l Fixture,
    block: BlkFront<Domain>,
    /// Queues with owners of their own.
    queues: Vec<BlkQueue<Domain>>,
    outstanding: BTreeMap<Token, Expected>,
    /// Sectors of requests that no later connection than this one may see.
    over: Vec<(u64, usize)>,
    submitted: u64,
    persistent: bool,
}

impl Model<'_> {
    fn submit(&mut self, count: u8) {
        for _ in 0..count {
            let sector = self.submitted % (SECTORS as u64);
            let buffer = self.fixture.pages(1);
            let request = match self.submitted % 6 {
                0 => Request::Flush,
                1 => Request::Discard { sector, sectors: 1, secure: self.submitted % 12 == 1 },
                2 | 3 => Request::Read { sector, sectors: 1, buffer },
                _ => Request::Write { sector, sectors: 1, buffer },
            };
            let has_buffer = matches!(request, Request::Read { .. } | Request::Write { .. });
            let has_sector = !matches!(request, Request::Flush);
            let queue = self.submitted as usize / 3 % (self.queues.len() + 1);
            let (room, submitted) = match queue.checked_sub(1).map(|own| &mut self.queues[own]) {
                None => (self.block.free_slots(), self.block.submit(request)),
                Some(queue) => (queue.free_slots(), queue.submit(request)),
            };
            match submitted {
                Ok(token) => {
                    // A short request may fit where the longest does not.
                    assert!(room > 0 || self.persistent);
                    let sector = if has_sector { sector } else { u64::MAX };
                    let expected = Expected { sector, has_buffer, queue };
                    let before = self.outstanding.insert(token, expected);
                    assert!(before.is_none(), "{token:?} is used twice");
                    self.submitted += 1;
                }
                Err(refused) => {
                    assert!(room == 0 || refused.reason != RequestError::Full, "{refused}");
                    assert_eq!(refused.request.into_buffer().is_some(), has_buffer);
                    break;
                }
            }
        }
    }

    fn complete(&mut self) -> bool {
        let mut found = self.block.complete().map(|completion| (0, completion));
        for (index, queue) in self.queues.iter_mut().enumerate() {
            queue.kick();
            found = found.or_else(|| queue.complete().map(|completion| (index + 1, completion)));
        }
        let Some((on, Completion { token, outcome, buffer })) = found else { return false };
        let expected = self.outstanding.remove(&token);
        let Expected { sector, has_buffer, queue } = expected.expect("a completion of nothing");
        assert_eq!(on, queue, "completed on another queue");
        if has_buffer && buffer.is_none() {
            assert!(outcome.is_err(), "the backend keeps the pages");
        }
        self.over.push((sector, self.fixture.back.state().connections));
        true
    }

    fn step(&mut self, step: &Step) {
        let fixture = self.fixture;
        match step {
            Step::Submit(count) => self.submit(*count),
            Step::Poll => {
                let _ = self.block.poll(fixture.guest.now());
                fixture.world.run_for(Duration::from_millis(1));
            }
            Step::Complete(count) => drop((0..*count).take_while(|_| self.complete()).count()),
            Step::Cancel(at) => {
                let at = usize::from(*at) % self.outstanding.len().max(1);
                if let Some((token, expected)) = self.outstanding.iter().nth(at)
                    && self.block.cancel(*token)
                {
                    self.over.push((expected.sector, fixture.back.state().connections));
                }
            }
            Step::Misbehaviour(misbehaviour) => fixture.back.state().misbehaviour = *misbehaviour,
            Step::LetGo => fixture.back.state().unmap_kept(),
            Step::BackendState(state) => fixture.write_backend_state(*state),
            Step::Restart => {
                fixture.write_backend_state(2);
                self.block.reopen();
                for _ in 0..4 {
                    let _ = self.block.poll(fixture.guest.now());
                    fixture.world.run_for(Duration::from_millis(1));
                }
            }
            Step::ReplaceBackend => {
                fixture.back.state().unmap_kept();
                fixture.replace_backend();
            }
            Step::RemoveDevice => fixture.world.remove_device(&fixture.device.get()),
            Step::Suspend => {
                fixture.back.state().unmap_kept();
                fixture.suspend();
                self.block.resume();
            }
            Step::Reopen => self.block.reopen(),
            Step::Close => self.block.close(),
            Step::CloseNow => self.block.close_now(),
            Step::Queues(count) => {
                fixture.back.state().set("multi-queue-max-queues", count);
                let path = fixture.device.get().backend_path();
                let store = fixture.world.store();
                if store.read(format!("{path}/state")).is_some() {
                    store.write(format!("{path}/multi-queue-max-queues"), count).unwrap();
                }
            }
        }
        assert_eq!(self.in_flight(), self.outstanding.len(), "after {step:?}");
        assert!(self.block.in_flight() + self.block.free_slots() <= 32);
    }

    fn in_flight(&self) -> usize {
        self.block.in_flight() + self.queues.iter().map(BlkQueue::in_flight).sum::<usize>()
    }

    /// Closes the device, and expects that every request has completed then.
    fn finish(mut self) {
        let fixture = self.fixture;
        fixture.back.state().misbehaviour = Misbehaviour::None;
        self.block.close_now();
        let deadline = fixture.guest.now() + Duration::from_secs(120);
        loop {
            let polled = self.block.poll(fixture.guest.now());
            while self.complete() {}
            if matches!(polled, Ok(DeviceState::Closed | DeviceState::Unplugged)) {
                break;
            }
            assert!(fixture.guest.now() < deadline, "{:?}", self.block);
            fixture.store.wait(deadline.min(fixture.guest.now() + Duration::from_secs(1)));
        }
        assert_eq!((self.outstanding.len(), self.in_flight()), (0, 0));
        drop((self.block, self.queues));
        fixture.back.state().unmap_kept();
        fixture.world.run_for(Duration::from_millis(10));
        assert_eq!(fixture.grants.retry_deferred(), DeferredGrants::default());
        let state = fixture.back.state();
        for (BlkifRequest { operation, sector_number, .. }, on) in
            state.seen.iter().zip(&state.seen_on)
        {
            let late = self.over.iter().find(|(sector, last)| sector == sector_number && on > last);
            let is_flush = *operation == BlkifOp::FLUSH_DISKCACHE;
            assert!(late.is_none() || is_flush, "sector {sector_number} was over and came on {on}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn each_token_completes_exactly_once(
        queues in 1u16..5,
        steps in steps(),
        persistent: bool,
    ) {
        let fixture = Fixture::new();
        fixture.back.state().set("multi-queue-max-queues", 4);
        fixture.back.state().set("feature-persistent", u8::from(persistent));
        let id = fixture.device.get().id;
        let config = BlkFrontConfig::default().with_queues(queues).with_persistent_pages(20);
        let mut block =
            BlkFront::open_with(&fixture.store, &fixture.grants, id, config).unwrap();
        let queues = (1..queues).map(|index| block.take_queue(index.into()).unwrap()).collect();
        let (outstanding, over) = (BTreeMap::new(), Vec::new());
        let mut model =
            Model { fixture: &fixture, block, queues, outstanding, over, submitted: 0, persistent };
        for _ in 0..6 {
            model.step(&Step::Poll);
        }
        for step in &steps {
            model.step(step);
        }
        model.finish();
        prop_assert_eq!(fixture.world.violations(), []);
    }
}
