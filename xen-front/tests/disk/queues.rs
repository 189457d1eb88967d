//! Several queues (feature 63).

use super::blkback::Misbehaviour;
use super::{Fixture, SECTORS};
use core::time::Duration;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use xen_front::block::*;
use xen_hypercall::Platform;
use xen_sim::Domain;

type Queue = BlkQueue<Domain>;

impl Fixture {
    /// Opens a disk with `queues` queues whose backend supports `offered`.
    fn block_with_queues(&self, queues: u16, offered: u16) -> BlkFront<Domain> {
        self.back.state().set("multi-queue-max-queues", offered);
        let config = BlkFrontConfig::default().with_queues(queues);
        let id = self.device.get().id;
        BlkFront::connect_with(&self.store, &self.grants, id, config, self.deadline()).unwrap()
    }

    /// Has the backend start again, with `offered` queues.
    fn restart(&self, block: &mut BlkFront<Domain>, offered: u16) {
        self.offer(offered);
        self.write_backend_state(2);
        block.reopen();
        self.poll_until(block, DeviceState::Connected);
    }

    fn offer(&self, queues: u16) {
        self.back.state().set("multi-queue-max-queues", queues);
        let path = self.device.get().backend_path();
        self.world.store().write(format!("{path}/multi-queue-max-queues"), queues).unwrap();
    }

    fn node(&self, key: &str) -> Option<String> {
        self.world.store().read(format!("{}/{key}", self.device.get().frontend_path()))
    }

    /// Completes the requests of a queue, and polls the device meanwhile.
    fn complete_on(
        &self,
        block: &mut BlkFront<Domain>,
        queue: &mut Queue,
        count: usize,
    ) -> Vec<Completion<xen_hypercall::Pages<Domain>>> {
        let mut done = Vec::new();
        let deadline = self.deadline();
        while done.len() < count {
            assert!(self.guest.now() < deadline, "{} of {count}: {queue:?}", done.len());
            queue.kick();
            block.poll(self.guest.now()).unwrap();
            self.world.run_for(Duration::from_millis(1));
            done.extend(core::iter::from_fn(|| queue.complete()));
        }
        assert_eq!((done.len(), queue.in_flight()), (count, 0));
        done
    }
}

fn take_all(block: &mut BlkFront<Domain>, count: usize) -> Vec<Queue> {
    (0..count).map(|index| block.take_queue(index).unwrap()).collect()
}

#[test]
fn each_queue_has_its_ring() {
    let fixture = Fixture::new();
    fixture.back.state().set("multi-queue-max-queues", 4);
    fixture.back.state().set("max-ring-page-order", 1);
    let config = BlkFrontConfig::default().with_queues(3).with_depth(64);
    let id = fixture.device.get().id;
    let (store, grants) = (&fixture.store, &fixture.grants);
    let mut block = BlkFront::connect_with(store, grants, id, config, fixture.deadline()).unwrap();
    assert_eq!((block.rings(), block.ring_pages(), block.free_slots()), (3, 2, 192));
    let ports: BTreeSet<_> = block.ports().map(|port| port.0).collect();
    assert_eq!(ports.len(), 3);
    assert_eq!(fixture.node("multi-queue-num-queues").as_deref(), Some("3"));
    assert_eq!(fixture.node("ring-page-order").as_deref(), Some("1"));
    for key in ["event-channel", "ring-ref", "ring-ref0", "queue-3"] {
        assert_eq!(fixture.node(key), None, "{key}");
    }
    for index in 0..3 {
        let port: u32 =
            fixture.node(&format!("queue-{index}/event-channel")).unwrap().parse().unwrap();
        assert!(ports.contains(&port));
        assert!(fixture.node(&format!("queue-{index}/ring-ref1")).is_some());
    }
    let mut queues = take_all(&mut block, 3);
    assert!(block.take_queue(1).is_none() && block.take_queue(3).is_none());
    assert_eq!(block.submit(Request::Flush).unwrap_err().reason, RequestError::NoQueue);
    let mut tokens = BTreeSet::new();
    for (index, queue) in queues.iter_mut().enumerate() {
        let sector = 64 * index as u64;
        assert!(tokens.insert(queue.submit(fixture.read(sector)).unwrap()));
        queue.kick();
    }
    fixture.world.run_for(Duration::from_millis(10));
    for (index, queue) in queues.iter_mut().enumerate() {
        let done = queue.complete().unwrap();
        assert!(tokens.remove(&done.token) && queue.complete().is_none());
        let expected = &fixture.back.state().disk[64 * 512 * index..][..4096];
        assert!(done.buffer.unwrap().as_slice() == expected);
    }
    let mut seen = fixture.back.state().seen_queue.clone();
    seen.sort_unstable();
    assert_eq!(seen, [0, 1, 2]);
    // A queue that is dropped is the device's again.
    queues.truncate(1);
    assert!(block.submit(fixture.read(0)).is_ok());
    assert_eq!(fixture.complete(&mut block, 1)[0].outcome, Ok(()));
    drop(queues);
    fixture.close(block);
    fixture.finish();
}

/// D-B17.
#[test]
fn queue_count_has_limits() {
    for (offered, wanted, expected) in [
        (Some("0"), 3, 1),
        (Some("1"), 3, 1),
        (Some("2"), 3, 2),
        (Some("257"), 3, 3),
        (Some("4294967295"), 0, 1),
        (None, 3, 1),
        (Some("64"), u16::MAX, MAX_QUEUES.into()),
    ] {
        let fixture = Fixture::new();
        if let Some(offered) = offered {
            fixture.back.state().set("multi-queue-max-queues", offered);
        }
        let config = BlkFrontConfig::default().with_queues(wanted);
        let id = fixture.device.get().id;
        let (store, grants) = (&fixture.store, &fixture.grants);
        let block = BlkFront::connect_with(store, grants, id, config, fixture.deadline()).unwrap();
        assert_eq!(block.rings(), expected, "{offered:?}");
        assert_eq!(fixture.node("multi-queue-num-queues").is_some(), expected > 1);
        fixture.close(block);
        fixture.finish();
    }
    for offered in ["abc", "-1", "4294967296", ""] {
        let fixture = Fixture::new();
        fixture.back.state().set("multi-queue-max-queues", offered);
        let error = fixture.connect_error();
        assert!(error.to_string().contains("multi-queue-max-queues"), "{error}");
        fixture.finish();
    }
}

#[test]
fn surplus_queues_complete_their_requests() {
    let fixture = Fixture::new();
    let mut block = fixture.block_with_queues(4, 4);
    let mut queues = take_all(&mut block, 4);
    for offered in [1, 3, 2, 4] {
        fixture.back.state().misbehaviour = Misbehaviour::Forget;
        let mut tokens = Vec::new();
        for (index, queue) in queues.iter_mut().enumerate() {
            let submit = |at| queue.submit(fixture.read(8 * (8 * index as u64 + at))).unwrap();
            tokens.push((0..6).map(submit).collect::<Vec<_>>());
            queue.kick();
        }
        fixture.world.run_for(Duration::from_millis(10));
        fixture.back.state().misbehaviour = Misbehaviour::None;
        fixture.restart(&mut block, offered);
        assert_eq!(block.rings(), offered.into());
        for (index, queue) in queues.iter_mut().enumerate() {
            // A queue without a ring takes requests as well.
            let later = queue.submit(fixture.write(8 * (32 + index as u64), index as u8));
            tokens[index].push(later.unwrap());
            let done = fixture.complete_on(&mut block, queue, 7);
            assert!(done.iter().all(|done| done.outcome == Ok(())));
            let found: BTreeSet<_> = done.iter().map(|done| done.token).collect();
            assert_eq!(found, tokens[index].iter().copied().collect());
            for done in done.iter().filter(|done| tokens[index][..6].contains(&done.token)) {
                let at = tokens[index].iter().position(|token| *token == done.token).unwrap();
                let start = 4096 * (8 * index + at);
                let data = done.buffer.as_ref().unwrap().as_slice();
                assert!(data == &fixture.back.state().disk[start..start + 4096]);
            }
            let written = &fixture.back.state().disk[4096 * (32 + index)..][..4096];
            assert!(written == [index as u8; 4096]);
        }
        assert!(queues.iter().all(|queue| queue.port().is_some() && queue.free_slots() == 32));
    }
    drop(queues);
    fixture.close(block);
    fixture.finish();
}

/// D-B13.
#[test]
fn broken_queue_breaks_the_device_once() {
    let fixture = Fixture::new();
    let mut block = fixture.block_with_queues(4, 4);
    let mut queues = take_all(&mut block, 4);
    fixture.back.state().misbehaviour = Misbehaviour::Silent;
    for queue in &mut queues {
        queue.submit(fixture.read(0)).unwrap();
        queue.submit(fixture.read(8)).unwrap();
        queue.kick();
    }
    fixture.world.run_for(Duration::from_millis(10));
    fixture.back.state().only_queue = Some(2);
    fixture.back.state().misbehaviour = Misbehaviour::WrongId(1 << 50);
    queues[2].submit(fixture.read(16)).unwrap();
    queues[2].kick();
    fixture.world.run_for(Duration::from_millis(10));
    // Queue 0 has its results before the break is found.
    assert_eq!(queues[0].complete().unwrap().outcome, Ok(()));
    let mut outcomes = Vec::new();
    for index in [2, 0, 1, 3] {
        outcomes.extend(core::iter::from_fn(|| queues[index].complete()).map(|done| done.outcome));
    }
    assert_eq!(outcomes.len(), 8);
    let Some(broken) = block.broken() else { panic!("not broken") };
    assert!(outcomes.iter().all(|outcome| *outcome == Err(IoError::Broken(broken))));
    for queue in &mut queues {
        assert_eq!(queue.broken(), Some(broken));
        let refused = queue.submit(Request::Flush).unwrap_err();
        assert_eq!(refused.reason, RequestError::Broken(broken));
    }
    fixture.back.state().only_queue = None;
    fixture.back.state().misbehaviour = Misbehaviour::None;
    fixture.restart(&mut block, 4);
    assert_eq!(block.broken(), None);
    for queue in &mut queues {
        queue.submit(fixture.read(0)).unwrap();
        assert_eq!(fixture.complete_on(&mut block, queue, 1)[0].outcome, Ok(()));
    }
    drop(queues);
    fixture.close(block);
    fixture.finish();
}

#[test]
fn cancel_reaches_a_lent_request() {
    let fixture = Fixture::new();
    let mut block = fixture.block_with_queues(2, 2);
    let mut queue = block.take_queue(1).unwrap();
    fixture.back.state().misbehaviour = Misbehaviour::Forget;
    let token = queue.submit(fixture.write(0, 7)).unwrap();
    queue.kick();
    fixture.world.run_for(Duration::from_millis(10));
    fixture.restart(&mut block, 1);
    fixture.world.run_for(Duration::from_millis(10));
    assert!(queue.cancel(token));
    fixture.back.state().misbehaviour = Misbehaviour::None;
    fixture.restart(&mut block, 1);
    fixture.world.run_for(Duration::from_millis(10));
    let done = queue.complete().unwrap();
    assert_eq!((done.token, done.outcome), (token, Err(IoError::Closed)));
    assert_eq!(fixture.back.state().seen_on, [1, 2]);
    drop(queue);
    fixture.close(block);
    fixture.finish();
}

#[test]
fn unsupported_flush_is_known_to_all() {
    let fixture = Fixture::new();
    let mut block = fixture.block_with_queues(2, 2);
    let mut queue = block.take_queue(1).unwrap();
    fixture.back.state().unsupported.push(xen_sys::io::blkif::BlkifOp::FLUSH_DISKCACHE);
    queue.submit(Request::Flush).unwrap();
    let done = fixture.complete_on(&mut block, &mut queue, 1);
    assert_eq!(done[0].outcome, Err(IoError::Unsupported));
    assert_eq!(block.info().flush_method(), Some(FlushMethod::Barrier));
    drop(queue);
    fixture.close(block);
    fixture.finish();
}

#[test]
fn blocking_disk_uses_all_rings() {
    let fixture = Fixture::new();
    fixture.back.state().set("multi-queue-max-queues", 3);
    let config = BlkFrontConfig::default().with_queues(3);
    let (store, grants, id) = (&fixture.store, &fixture.grants, fixture.device.get().id);
    let deadline = fixture.deadline();
    let mut disk = BlockingDisk::connect_with(store, grants, id, config, 12, deadline).unwrap();
    let mut all = vec![0; SECTORS * 512];
    disk.read(0, &mut all).unwrap();
    assert!(all == fixture.back.state().disk);
    let seen: BTreeSet<_> = fixture.back.state().seen_queue.iter().copied().collect();
    assert_eq!(seen, BTreeSet::from([0, 1, 2]));
    disk.close(fixture.deadline()).unwrap();
    fixture.finish();
}

/// Threads take the place of vCPUs; none of them takes a lock that another one holds for long.
#[test]
fn threads_use_their_own_queues() {
    const ROUNDS: usize = 40;
    let fixture = Fixture::new();
    let mut block = fixture.block_with_queues(3, 3);
    let queues = take_all(&mut block, 3);
    let (finished, guest) = (AtomicUsize::new(0), &fixture.guest);
    let total = queues.len();
    std::thread::scope(|scope| {
        for mut queue in queues {
            let finished = &finished;
            scope.spawn(move || {
                let (mut submitted, mut done) = (0, 0);
                while done < ROUNDS {
                    let buffer = xen_hypercall::Pages::alloc(guest.clone(), 1).unwrap();
                    let sector = 8 * (queue.index() * ROUNDS + submitted) as u64;
                    if submitted < ROUNDS
                        && queue.submit(Request::Read { sector, sectors: 8, buffer }).is_ok()
                    {
                        submitted += 1;
                    }
                    queue.kick();
                    while let Some(completion) = queue.complete() {
                        assert_eq!(completion.outcome, Ok(()));
                        done += 1;
                    }
                    std::thread::yield_now();
                }
                finished.fetch_add(1, Ordering::Release);
            });
        }
        for round in 0.. {
            if finished.load(Ordering::Acquire) == total {
                break;
            }
            fixture.world.run_for(Duration::from_micros(100));
            let state = block.poll(guest.now()).unwrap();
            if round % 50 == 20 && state == DeviceState::Connected {
                // The device reconnects while the queues are used.
                fixture.offer(1 + round % 3);
                fixture.write_backend_state(2);
                block.reopen();
            }
        }
    });
    fixture.poll_until(&mut block, DeviceState::Connected);
    fixture.close(block);
    fixture.finish();
}
