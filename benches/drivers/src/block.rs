//! Disk reads of 4 KiB: the disk is in the memory of a driver domain, which copies the data.

use crate::Outcome;
use crate::testbed::{Polled, Testbed};
use xen_back::block::{BlkBack, BlkBackEvent, Config, GrantMode, MemoryDisk, PreparedDisk};
use xen_front::block::{BlkFront, Request};
use xen_hypercall::{Pages, Platform};
use xen_sim::{Disk, Domain};
use xenbus::DeviceState;

const DISK_BYTES: usize = 1 << 20;

type Back = BlkBack<Domain, PreparedDisk<MemoryDisk<Vec<u8>>>>;

struct Ends {
    testbed: Testbed,
    front: BlkFront<Domain>,
    back: Back,
}

impl Ends {
    /// Connects a disk.
    fn connect() -> Self {
        let testbed = Testbed::new(|world, guest, driver| {
            world.attach_disk(guest, driver, &Disk::new("xvda"))
        });
        let disk = PreparedDisk::new(MemoryDisk::new(vec![0; DISK_BYTES]));
        let config =
            Config { mode: GrantMode::Copy, ring_order: 0, budget: 8, ..Config::default() };
        let back = BlkBack::new(&testbed.driver_store, testbed.id(), disk, config);
        let front = BlkFront::open(&testbed.guest_store, &testbed.grants, testbed.device.id);
        let (back, front) = (back.expect("a new backend"), front.expect("a new frontend"));
        let mut ends = Self { testbed, front, back };
        ends.run(|front| front.state() == DeviceState::Connected);
        ends
    }

    fn run(&mut self, mut done: impl FnMut(&mut BlkFront<Domain>) -> bool) {
        let Self { testbed, front, back } = self;
        testbed.run(
            |guest| {
                front.poll(guest.now()).expect("the backend keeps to the protocol");
                if done(front) {
                    Polled::Done
                } else {
                    Polled::Idle(front.poll_timeout(guest.now()))
                }
            },
            |driver| match back.poll(driver.now()) {
                Ok(BlkBackEvent::Busy) => Polled::Busy,
                Ok(_) => Polled::Idle(back.poll_timeout(driver.now())),
                Err(error) => panic!("{error}"),
            },
        );
    }

    /// Reads into all buffers.
    fn read_all(&mut self, buffers: &mut Vec<Pages<Domain>>) {
        let batch = buffers.len();
        for index in 0..batch {
            let buffer = buffers.pop().expect("one for each request");
            let request = Request::Read { sector: index as u64 * 8, sectors: 8, buffer };
            self.front.submit(request).expect("a free slot");
        }
        self.front.kick();
        self.run(|front| {
            while let Some(done) = front.complete() {
                done.outcome.expect("the disk has these sectors");
                buffers.push(done.buffer.expect("the backend returned the buffer"));
            }
            buffers.len() == batch
        });
    }

    fn buffers(&self, count: usize) -> Vec<Pages<Domain>> {
        let alloc = |_| Pages::alloc(self.testbed.guest.clone(), 1).expect("there is memory");
        (0..count).map(alloc).collect()
    }
}

/// Reads `batch` times 4 KiB at once in each round.
pub(crate) fn read(rounds: u64, batch: usize) -> Outcome {
    let mut ends = Ends::connect();
    let mut buffers = ends.buffers(batch);
    let before = ends.testbed.notifications();
    for _ in 0..rounds {
        ends.read_all(&mut buffers);
    }
    let notifications = ends.testbed.notifications() - before;
    Outcome { units: rounds * batch as u64, notifications }
}

/// Boots, connects a disk and reads 4 KiB once in each round.
pub(crate) fn connect(rounds: u64) -> Outcome {
    let mut outcome = Outcome::default();
    for _ in 0..rounds {
        let mut ends = Ends::connect();
        let mut buffers = ends.buffers(1);
        ends.read_all(&mut buffers);
        outcome.units += 1;
        outcome.notifications += ends.testbed.notifications();
    }
    outcome
}
