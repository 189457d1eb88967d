//! Another connection after the first, and the requests that the first one leaves.

use super::blkback::Misbehaviour;
use super::{Fixture, SECTORS};
use core::time::Duration;
use xen_evtchn::{Bound, Channel};
use xen_front::block::*;
use xen_hypercall::{DomId, Platform};
use xen_sim::{Domain, DomainConfig};

/// Requests that a ring of two pages takes and one of a single page does not.
const MANY: u64 = 40;

impl Fixture {
    /// Connects with a ring of two pages, and leaves its reads without an answer. The next backend
    /// takes a ring of one page.
    fn block_with_unanswered_reads(&self) -> (BlkFront<Domain>, Vec<Token>) {
        self.back.state().set("max-ring-page-order", 1);
        let deadline = self.deadline();
        let config = BlkFrontConfig::default().with_depth(64);
        let mut block =
            BlkFront::connect_with(&self.store, &self.grants, 51712, config, deadline).unwrap();
        assert_eq!((block.ring_pages(), block.free_slots()), (2, 64));
        self.back.state().misbehaviour = Misbehaviour::Forget;
        let tokens = (0..MANY).map(|index| block.submit(self.read(8 * index)).unwrap()).collect();
        block.kick();
        self.world.run_for(Duration::from_millis(10));
        assert_eq!(self.seen_on(1), MANY as usize);
        self.back.state().set("max-ring-page-order", 0);
        (block, tokens)
    }

    /// Connects, and leaves a read without an answer.
    fn block_with_unanswered_read(&self) -> (BlkFront<Domain>, Token) {
        let mut block = self.block();
        self.back.state().misbehaviour = Misbehaviour::Forget;
        let token = block.submit(self.read(0)).unwrap();
        block.kick();
        self.world.run_for(Duration::from_millis(10));
        self.back.state().misbehaviour = Misbehaviour::None;
        (block, token)
    }

    fn seen_on(&self, connection: usize) -> usize {
        self.back.state().seen_on.iter().filter(|on| **on == connection).count()
    }
}

type Outcomes = Vec<(Token, Result<(), IoError>)>;

/// Takes all completions that there are now.
fn drain(block: &mut BlkFront<Domain>) -> Outcomes {
    core::iter::from_fn(|| block.complete()).map(|done| (done.token, done.outcome)).collect()
}

#[test]
fn smaller_ring_takes_requests_in_turn() {
    let fixture = Fixture::new();
    let (mut block, tokens) = fixture.block_with_unanswered_reads();
    fixture.back.state().misbehaviour = Misbehaviour::None;
    block.reopen();
    assert_eq!((block.state(), block.free_slots()), (DeviceState::Connecting, 0));
    fixture.poll_until(&mut block, DeviceState::Connected);
    // Later requests must not overtake those that wait for a slot.
    assert_eq!((block.ring_pages(), block.in_flight(), block.free_slots()), (1, MANY as usize, 0));
    assert_eq!(block.submit(Request::Flush).unwrap_err().reason, RequestError::Full);
    fixture.world.run_for(Duration::from_millis(10));
    assert_eq!(fixture.seen_on(2), 32);
    let mut done = drain(&mut block);
    assert_eq!(done.len(), 32);
    // The last `complete` has queued and published the rest.
    fixture.world.run_for(Duration::from_millis(10));
    assert_eq!(fixture.seen_on(2), MANY as usize);
    done.extend(drain(&mut block));
    assert_eq!(done, tokens.into_iter().map(|token| (token, Ok(()))).collect::<Outcomes>());
    assert_eq!((block.in_flight(), block.free_slots()), (0, 32));
    block.close();
    fixture.poll_until(&mut block, DeviceState::Closed);
    drop(block);
    fixture.finish();
}

#[test]
fn waiting_requests_outlive_broken_ring() {
    let fixture = Fixture::new();
    let (mut block, tokens) = fixture.block_with_unanswered_reads();
    fixture.back.state().misbehaviour = Misbehaviour::WrongId(1 << 40);
    block.reopen();
    fixture.poll_until(&mut block, DeviceState::Connected);
    fixture.world.run_for(Duration::from_millis(10));
    let failed = drain(&mut block);
    let unknown =
        |outcome| matches!(outcome, Err(IoError::Broken(ProtocolError::UnknownId { .. })));
    assert!(failed.iter().all(|done| unknown(done.1)));
    assert!(failed.iter().map(|done| done.0).eq(tokens[..32].iter().copied()));
    assert_eq!((block.in_flight(), block.free_slots(), block.broken().is_some()), (8, 0, true));
    fixture.back.state().misbehaviour = Misbehaviour::None;
    fixture.write_backend_state(2);
    block.reopen();
    fixture.poll_until(&mut block, DeviceState::Connected);
    fixture.world.run_for(Duration::from_millis(10));
    let rest = tokens[32..].iter().map(|token| (*token, Ok(())));
    assert_eq!(drain(&mut block), rest.collect::<Outcomes>());
    block.close();
    fixture.poll_until(&mut block, DeviceState::Closed);
    drop(block);
    fixture.finish();
}

#[test]
fn write_to_new_read_only_fails() {
    let fixture = Fixture::new();
    let mut block = fixture.block();
    fixture.back.state().misbehaviour = Misbehaviour::Forget;
    let token = block.submit(fixture.write(0, 1)).unwrap();
    block.kick();
    fixture.world.run_for(Duration::from_millis(10));
    fixture.back.state().misbehaviour = Misbehaviour::None;
    fixture.back.state().set("info", 4);
    block.reopen();
    let deadline = fixture.deadline();
    // Until the new disk is known, nothing is made again.
    while block.poll(fixture.guest.now()).unwrap() != DeviceState::Connected {
        assert!(fixture.guest.now() < deadline && block.complete().is_none());
        fixture.store.wait(deadline);
    }
    assert!(block.info().read_only);
    assert_eq!(drain(&mut block), [(token, Err(IoError::Failed))]);
    assert_eq!(fixture.seen_on(2), 0);
    fixture.close(block);
    fixture.finish();
}

#[test]
fn closed_device_opens_again() {
    let fixture = Fixture::new();
    let mut block = fixture.block();
    block.close();
    assert_eq!((block.state(), block.free_slots()), (DeviceState::Closing, 0));
    fixture.poll_until(&mut block, DeviceState::Closed);
    assert_eq!((block.port(), block.ring_pages()), (None, 0));
    block.reopen();
    assert_eq!(block.state(), DeviceState::Connecting);
    fixture.poll_until(&mut block, DeviceState::Connected);
    block.submit(fixture.read(0)).unwrap();
    assert_eq!(fixture.complete(&mut block, 1)[0].outcome, Ok(()));
    fixture.close(block);
    fixture.finish();
}

#[test]
fn reopen_retries_unreadable_device() {
    let fixture = Fixture::new();
    let mut block = fixture.block();
    let store = fixture.world.store();
    let path = format!("{}/backend-id", fixture.device.get().frontend_path());
    let id = store.read(&path).unwrap();
    store.write(&path, "none").unwrap();
    block.reopen();
    for _ in 0..2 {
        let error = fixture.poll_error(&mut block);
        assert!(error.to_string().contains("backend-id"), "{error}");
    }
    assert_eq!(block.state(), DeviceState::Connecting);
    store.write(&path, id).unwrap();
    fixture.poll_until(&mut block, DeviceState::Connected);
    assert_eq!(fixture.back.state().connections, 2);
    fixture.close(block);
    fixture.finish();
}

#[test]
fn resize_is_read_from_busy_store() {
    let fixture = Fixture::new();
    let mut block = fixture.block();
    let path = format!("{}/sectors", fixture.device.get().backend_path());
    for _ in 0..3 {
        // The first event of the watch makes a read of its own.
        block.poll(fixture.guest.now()).unwrap();
        fixture.world.run_for(Duration::from_millis(10));
    }
    fixture.world.store().write(path, 2 * SECTORS).unwrap();
    fixture.world.run_for(Duration::from_millis(10));
    let mut others = Vec::new();
    for _ in 0..100 {
        // The ring may be full before the slots are all taken.
        others.extend(core::iter::from_fn(|| fixture.store.begin_read("name").ok()).take(100));
        fixture.world.run_for(Duration::from_millis(1));
    }
    assert!(others.len() < 1000);
    for _ in 0..3 {
        assert_eq!(block.poll(fixture.guest.now()), Ok(DeviceState::Connected));
        assert_eq!(block.info().sectors, SECTORS as u64, "there is no slot to read it with");
        assert!(block.poll_timeout(fixture.guest.now()).is_some());
    }
    drop(others);
    while block.info().sectors == SECTORS as u64 {
        assert_eq!(block.poll(fixture.guest.now()), Ok(DeviceState::Connected));
        fixture.world.run_for(Duration::from_millis(1));
    }
    assert_eq!(block.info().sectors, 2 * SECTORS as u64);
    fixture.close(block);
    fixture.finish();
}

#[test]
fn requests_wait_for_grants() {
    let config = DomainConfig { max_grant_frames: 1, ..DomainConfig::new("guest") };
    let fixture = Fixture::with_guest(config, &xen_sim::Disk::new("xvda"));
    let mut block = fixture.connect_as(BlkFrontConfig::default().with_persistent_pages(0));
    fixture.back.state().misbehaviour = Misbehaviour::Forget;
    let tokens = [0, 8].map(|sector| block.submit(fixture.read(sector)).unwrap());
    block.kick();
    fixture.world.run_for(Duration::from_millis(10));
    fixture.back.state().misbehaviour = Misbehaviour::None;
    block.reopen();
    let deadline = fixture.deadline();
    while block.ring_pages() == 0 {
        assert!(fixture.guest.now() < deadline);
        block.poll(fixture.guest.now()).unwrap();
        fixture.store.wait(deadline);
    }
    // One entry is left for the two requests.
    let take = |_| fixture.grants.grant_writable(fixture.pages(1), DomId(0)).unwrap();
    let taken: Vec<_> = (1..fixture.grants.free()).map(take).collect();
    fixture.poll_until(&mut block, DeviceState::Connected);
    assert_eq!((fixture.grants.free(), block.in_flight(), block.free_slots()), (0, 2, 0));
    assert!(block.complete().is_none());
    drop(taken);
    fixture.world.run_for(Duration::from_millis(10));
    let done = fixture.complete(&mut block, 2);
    assert!(
        done.iter().map(|done| (done.token, done.outcome)).eq(tokens.map(|token| (token, Ok(()))))
    );
    drop(done);
    fixture.close(block);
    fixture.finish();
}

#[test]
fn resume_spares_new_ports() {
    let fixture = Fixture::new();
    let mut block = fixture.block();
    let old = block.port().unwrap();
    fixture.suspend();
    // The number of the disk's port is another channel's by now.
    let open = || Channel::alloc_unbound(fixture.guest.clone(), DomId(0)).unwrap();
    let channels: Vec<_> = (0..=old.0).map(|_| open()).collect();
    let other = channels.iter().find(|channel| channel.port() == old).unwrap();
    block.resume();
    fixture.poll_until(&mut block, DeviceState::Connected);
    assert!(other.status().is_ok_and(|status| matches!(status.bound, Bound::Unbound { .. })));
    drop(channels);
    fixture.close(block);
    fixture.finish();
}

#[test]
fn closing_ends_waiting_requests() {
    for now in [false, true] {
        let fixture = Fixture::new();
        let (mut block, token) = fixture.block_with_unanswered_read();
        fixture.write_backend_state(2);
        block.reopen();
        while block.ring_pages() == 0 {
            block.poll(fixture.guest.now()).unwrap();
            fixture.world.run_for(Duration::from_millis(1));
        }
        assert_eq!((block.ring_pages(), block.in_flight()), (1, 1));
        if now {
            block.close_now();
        } else {
            block.close();
        }
        assert_eq!(drain(&mut block), [(token, Err(IoError::Closed))], "at once: {now}");
        fixture.poll_until(&mut block, DeviceState::Closed);
        drop(block);
        fixture.finish();
    }
}

#[test]
fn refused_disk_ends_waiting_requests() {
    let fixture = Fixture::new();
    let (mut block, token) = fixture.block_with_unanswered_read();
    fixture.back.state().set("sectors", "many");
    block.reopen();
    let deadline = fixture.deadline();
    while block.poll(fixture.guest.now()).is_ok() {
        assert!(fixture.guest.now() < deadline);
        fixture.store.wait(deadline);
    }
    assert_eq!(block.state(), DeviceState::Closing);
    assert_eq!(drain(&mut block), [(token, Err(IoError::Closed))]);
    fixture.close(block);
    fixture.finish();
}

#[test]
fn close_waits_for_no_absent_backend() {
    let fixture = Fixture::new();
    let mut block = fixture.block_of();
    fixture.back.state().misbehaviour = Misbehaviour::Forget;
    block.submit(Request::Flush).unwrap();
    block.kick();
    fixture.world.run_for(Duration::from_millis(10));
    fixture.back.state().misbehaviour = Misbehaviour::NeverReady;
    fixture.write_backend_state(1);
    block.reopen();
    let (disk, start) = (BlockingDisk::new(block, 1).unwrap(), fixture.guest.now());
    disk.close(fixture.deadline()).unwrap();
    let waited = fixture.guest.now().saturating_duration_since(start);
    assert!(waited < Duration::from_secs(1), "{waited:?}");
    fixture.finish();
}
