//! Nodes of a frontend that contradict each other or the offer: the device is closed by the name of
//! the node, and another disk of the same two domains continues.

use super::fixture::{Back, Fixture, NotedDisk, SECTORS};
use super::queues::{Queues, error_node};
use core::cell::RefCell;
use std::rc::Rc;
use xen_back::block::{BlkBack, Config, GrantMode, MemoryDisk, PreparedDisk};
use xen_front::block::{BlkFront, Request};
use xen_hypercall::Pages;
use xen_sim::{Disk, Domain};
use xenbus::{DeviceId, DeviceState};

/// A second disk, which is connected before the nodes of the first one are wrong.
struct OtherDisk {
    front: BlkFront<Domain>,
    back: Back,
}

impl OtherDisk {
    fn connect(fixture: &Fixture) -> Self {
        let device = fixture.world.attach_disk(&fixture.guest, &fixture.driver, &Disk::new("xvdb"));
        let id = DeviceId { guest: fixture.guest.id(), device: device.id };
        let disk = NotedDisk {
            disk: MemoryDisk::new(Fixture::content()),
            secure: true,
            alignment: 0,
            done: Vec::new(),
            bad: 0..0,
        };
        let disk = PreparedDisk::new(Rc::new(RefCell::new(disk)));
        fixture.wake_back();
        let back = BlkBack::new(&fixture.driver_store, id, disk, Config::default()).unwrap();
        let front = BlkFront::open(&fixture.guest_store, &fixture.grants, device.id).unwrap();
        let mut this = Self { front, back };
        this.reach(fixture, DeviceState::Connected);
        this
    }

    fn reach(&mut self, fixture: &Fixture, state: DeviceState) {
        fixture.wake_back();
        fixture.reach(&mut self.front, &mut self.back, state);
    }

    fn read(&mut self, fixture: &Fixture) {
        let sector = SECTORS as u64 - 8;
        let buffer = Pages::alloc(fixture.guest.clone(), 1).unwrap();
        self.front.submit(Request::Read { sector, sectors: 8, buffer }).unwrap();
        self.front.kick();
        let mut done = None;
        fixture.wake_back();
        fixture.run(&mut self.front, &mut self.back, |front| {
            done = front.complete();
            done.is_some()
        });
        let done = done.unwrap();
        assert_eq!(done.outcome, Ok(()));
        let content = Fixture::content();
        assert!(done.buffer.unwrap().as_slice() == &content[content.len() - 4096..]);
    }

    fn close(mut self, fixture: &Fixture) {
        self.front.close();
        self.reach(fixture, DeviceState::Closed);
    }
}

/// D-B14: the device is closed with a reason that names the node, nothing stays mapped, and the
/// other disk continues. A frontend that corrects its nodes is served afterwards.
#[test]
fn d_b14_invalid_nodes_are_refused() {
    type Change = fn(&Queues<'_>);
    let cases: [(&str, Change); 14] = [
        ("multi-queue-num-queues: found 0, expected 1 to 4", |front| {
            front.write("multi-queue-num-queues", 0);
        }),
        ("multi-queue-num-queues: found 5, expected 1 to 4", |front| {
            front.write("multi-queue-num-queues", 5);
        }),
        ("multi-queue-num-queues: found 257, expected 1 to 4", |front| {
            front.write("multi-queue-num-queues", 257);
        }),
        ("multi-queue-num-queues: found 4294967295, expected 1 to 4", |front| {
            front.write("multi-queue-num-queues", u32::MAX);
        }),
        ("multi-queue-num-queues", |front| front.write("multi-queue-num-queues", "abc")),
        ("ring-page-order: found 5, expected at most 1", |front| {
            front.write("ring-page-order", 5);
        }),
        ("num-ring-pages: found 3, expected a power of two of at most 2", |front| {
            front.write("num-ring-pages", 3);
        }),
        ("num-ring-pages: found 32, expected a power of two of at most 2", |front| {
            front.write("num-ring-pages", 32);
        }),
        ("queue-2/ring-ref", |front| {
            let path = front.fixture.device.frontend_path();
            front.fixture.guest.store().remove(format!("{path}/queue-2/ring-ref")).unwrap();
        }),
        ("queue-3/event-channel", |front| front.write("queue-3/event-channel", "")),
        ("queue 3: found ring-ref", |front| {
            let reference = front.queues[1].0.memory().refs()[0];
            front.write("queue-3/ring-ref", reference);
        }),
        ("queue 2: found event-channel", |front| {
            front.write("queue-2/event-channel", front.queues[0].1.port());
        }),
        // The rings have one size: that of one queue is not enough.
        ("queue-0/ring-ref1", |front| {
            front.write("ring-page-order", 1);
            front.write("queue-0/ring-ref0", front.queues[0].0.memory().refs()[0]);
        }),
        ("feature-persistent", |front| front.write("feature-persistent", "maybe")),
    ];
    for (expected, change) in cases {
        let fixture = Fixture::new();
        let mut other = OtherDisk::connect(&fixture);
        let mapped = || {
            let counters = fixture.driver.counters();
            counters.maps - counters.unmaps
        };
        let before = mapped();
        let config = Config { mode: GrantMode::Map, ring_order: 1, ..Config::default() };
        let mut back = fixture.back_with(config);
        let front = Queues::prepare(&fixture, &mut back, 4);
        change(&front);
        front.set_state(3);
        let found = fixture.settle(&mut back);
        assert!(found.is_err(), "{expected}");
        other.read(&fixture);
        fixture.wake_back();
        fixture.settle(&mut back).unwrap();
        assert_eq!(fixture.states(), (3, 5), "{expected}");
        let error = error_node(&fixture);
        assert!(error.contains(expected), "found {error:?}, expected {expected:?}");
        assert_eq!(mapped(), before, "{expected}");
        front.close(&mut back);
        other.read(&fixture);
        drop(back);
        other.close(&fixture);
        fixture.finish();
    }
}
