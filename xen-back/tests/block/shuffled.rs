//! Our frontend on a storage that completes requests in a seeded order, across suspend, restart of
//! the backend and detach, with requests in flight.

use super::fixture::{AsyncBack, Fixture, MODES, SECTORS, noise};
use core::time::Duration;
use std::collections::HashMap;
use xen_back::block::{GrantMode, MemoryDisk};
use xen_front::block::{BlkFront, Request, Token};
use xen_hypercall::ops::sched::{SuspendOutcome, suspend};
use xen_hypercall::{Instant, Pages, Platform};
use xen_sim::{Device, Domain};
use xenbus::DeviceState;

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

/// A storage that holds requests and completes them in any order.
struct ShuffledDisk {
    disk: MemoryDisk<Vec<u8>>,
    held: Vec<xen_back::block::Request<Domain>>,
    random: Random,
    /// Requests that were completed before an older one.
    overtaken: usize,
}

impl ShuffledDisk {
    fn complete_one(&mut self, back: &mut AsyncBack) {
        let at = self.random.below(self.held.len());
        self.overtaken += usize::from(at > 0);
        let mut request = self.held.remove(at);
        let result = request.execute(&mut self.disk);
        back.complete(request, result).unwrap();
    }

    /// Does a part of the work of a backend.
    fn turn(&mut self, back: &mut AsyncBack, now: Instant) {
        back.poll(now).unwrap();
        while let Some(request) = back.next_request().unwrap() {
            self.held.push(request);
        }
        for _ in 0..self.random.below(self.held.len() + 1) {
            self.complete_one(back);
        }
    }
}

struct Run<'f> {
    fixture: &'f Fixture,
    mode: GrantMode,
    front: BlkFront<Domain>,
    back: AsyncBack,
    device: Device,
    storage: ShuffledDisk,
    expected: Vec<u8>,
    /// The sector of each request in flight; the pages to be written.
    tokens: HashMap<Token, (usize, Option<Vec<u8>>)>,
    completed: usize,
}

impl Run<'_> {
    /// Submits requests, no two of them for the same sectors.
    fn submit(&mut self) {
        while self.front.free_slots() > 0 && self.storage.random.below(8) > 0 {
            let page = self.storage.random.below(SECTORS / 8);
            if self.tokens.values().any(|(used, _)| *used == page) {
                continue;
            }
            let mut buffer = Pages::alloc(self.fixture.guest.clone(), 1).unwrap();
            let (sector, sectors) = (page as u64 * 8, 8);
            let mut written = None;
            let request = if self.storage.random.below(2) == 0 {
                let bytes = noise(4096, self.storage.random.0);
                buffer.as_mut_slice().copy_from_slice(&bytes);
                written = Some(bytes);
                Request::Write { sector, sectors, buffer }
            } else {
                Request::Read { sector, sectors, buffer }
            };
            self.tokens.insert(self.front.submit(request).unwrap(), (page, written));
        }
        self.front.kick();
    }

    /// Lets both ends run once, and checks what was completed.
    fn step(&mut self) {
        self.front.poll(self.fixture.guest.now()).unwrap();
        self.storage.turn(&mut self.back, self.fixture.driver.now());
        self.fixture.world.run_for(Duration::from_micros(10));
        while let Some(done) = self.front.complete() {
            assert_eq!(done.outcome, Ok(()));
            let (page, written) = self.tokens.remove(&done.token).unwrap();
            let place = &mut self.expected[page * 4096..][..4096];
            match written {
                Some(bytes) => place.copy_from_slice(&bytes),
                None => assert!(done.buffer.unwrap().as_slice() == place, "page {page}"),
            }
            self.completed += 1;
        }
    }

    fn run_until(&mut self, done: impl Fn(&Self) -> bool) {
        for _ in 0..5000 {
            if done(self) {
                return;
            }
            self.step();
        }
        panic!("it never came: {:?} {:?}", self.front, self.back);
    }

    /// Replaces the backend. The requests that it has handed out are carried out or not.
    fn new_backend(&mut self) {
        for mut request in self.storage.held.drain(..) {
            if self.storage.random.below(2) == 0 {
                request.execute(&mut self.storage.disk).unwrap();
            }
        }
        let in_flight = 1 + self.storage.random.below(32) as u32;
        self.back = self.fixture.async_back_of(&self.device, self.mode, in_flight);
    }

    fn restart_backend(&mut self) {
        self.new_backend();
        self.front.reopen();
        // It leaves its connection before the next backend reads its nodes.
        while self.fixture.world.device_states(&self.device).0 == 4 {
            self.front.poll(self.fixture.guest.now()).unwrap();
            self.fixture.world.run_for(Duration::from_micros(10));
        }
    }

    /// Suspends the guest, and restores it under another number.
    fn suspend(&mut self) {
        let Fixture { world, guest, driver, guest_store, grants, .. } = self.fixture;
        guest_store.quiesce().unwrap();
        let (id, backend) = (guest.id(), driver.clone());
        world.suspend(id, move |world| drop(world.restore(world.save(id), Some(&backend))));
        // SAFETY: the guest has one vCPU, and what goes away is resumed before it is used.
        assert_eq!(unsafe { suspend(guest) }, Ok(SuspendOutcome::Resumed));
        grants.resume().unwrap();
        guest_store.resume().unwrap();
        self.device = world.devices_of(guest.id())[0];
        self.new_backend();
        self.front.resume();
    }
}

#[test]
fn shuffled_storage_loses_no_data() {
    for mode in MODES {
        for seed in 1..=6 {
            let fixture = Fixture::new();
            let storage = ShuffledDisk {
                disk: MemoryDisk::new(Fixture::content()),
                held: Vec::new(),
                random: Random(seed * 0x9e37_79b9),
                overtaken: 0,
            };
            let mut run = Run {
                front: fixture.front(),
                back: fixture.async_back(mode, 32),
                device: fixture.device,
                fixture: &fixture,
                mode,
                storage,
                expected: Fixture::content(),
                tokens: HashMap::new(),
                completed: 0,
            };
            for round in 0..6 {
                run.run_until(|run| run.front.state() == DeviceState::Connected);
                for _ in 0..40 {
                    run.submit();
                    run.step();
                }
                match round % 3 {
                    0 => run.restart_backend(),
                    1 => run.suspend(),
                    _ => run.front.reopen(),
                }
            }
            run.run_until(|run| run.front.state() == DeviceState::Connected);
            run.submit();
            fixture.world.detach(&run.device);
            run.run_until(|run| {
                let state = run.front.state();
                run.tokens.is_empty()
                    && matches!(state, DeviceState::Closed | DeviceState::Unplugged)
            });
            assert!(run.storage.disk.as_ref() == run.expected, "{mode:?}, seed {seed}");
            assert!(run.storage.overtaken > 50, "seed {seed}");
            assert!(run.completed > 500, "seed {seed}");
            drop((run.front, run.back, run.storage));
            fixture.finish();
        }
    }
}
