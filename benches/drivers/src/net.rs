//! Packets of 1000 bytes from a guest to its backend, and back.

use crate::Outcome;
use crate::testbed::{Polled, Testbed};
use xen_back::net::{NetBack, NetBackEvent, Packet};
use xen_front::net::{
    ChecksumState, DeviceState, NetFront, NetFrontConfig, PacketMeta, Vif as FrontVif,
};
use xen_hypercall::Platform;
use xen_sim::{Domain, Vif};

const PACKET: [u8; 1000] = packet();

/// Returns a packet whose data is no protocol that an end examines.
const fn packet() -> [u8; 1000] {
    let mut bytes = [0; 1000];
    (bytes[5], bytes[11], bytes[12], bytes[13]) = (9, 1, 0x88, 0xb5);
    bytes
}

struct Ends {
    testbed: Testbed,
    front: NetFront<Domain>,
    back: NetBack<Domain>,
}

impl Ends {
    /// Connects an interface of one queue.
    fn connect() -> Self {
        Self::connect_with(1)
    }

    fn connect_with(queues: u16) -> Self {
        let testbed =
            Testbed::new(|world, guest, driver| world.attach_vif(guest, driver, &Vif::new(0)));
        let back = NetBack::new(&testbed.driver_store, testbed.id());
        let config = NetFrontConfig::default().with_queues(queues);
        let front = NetFront::new(&testbed.guest_store, &testbed.grants, FrontVif(0), config);
        let (back, front) = (back.expect("a new backend"), front.expect("a new frontend"));
        let mut ends = Self { testbed, front, back };
        ends.run(u64::MAX, |_, state| state == DeviceState::Connected);
        ends
    }

    /// Polls both ends until `done`, or until the backend has received `packets`.
    fn run(
        &mut self,
        packets: u64,
        mut done: impl FnMut(&mut NetFront<Domain>, DeviceState) -> bool,
    ) {
        let Self { testbed, front, back } = self;
        let mut received = 0;
        testbed.run(
            |guest| {
                let state = front.poll(guest.now()).expect("the backend keeps to the protocol");
                if done(front, state) {
                    return Polled::Done;
                }
                Polled::Idle(front.poll_timeout(guest.now()))
            },
            |driver| match back.poll(driver.now(), &mut |_: Packet<'_>| received += 1) {
                Ok(_) if received == packets => Polled::Done,
                Ok(NetBackEvent::Busy) => Polled::Busy,
                Ok(_) => Polled::Idle(back.poll_timeout(driver.now())),
                Err(error) => panic!("{error}"),
            },
        );
    }

    fn send_from_guest(&mut self, batch: u64) {
        for _ in 0..batch {
            self.front.transmit(&PACKET, PacketMeta::default()).expect("a free slot");
        }
        self.front.flush().expect("a connected interface");
        self.run(batch, |_, _| false);
    }

    fn send_to_guest(&mut self, batch: u64) {
        for _ in 0..batch {
            let meta = PacketMeta::new(ChecksumState::Verified);
            assert!(self.back.send(Packet::new(&PACKET, meta)), "the queue has room");
        }
        self.back.flush().expect("a connected interface");
        let (mut count, mut buffer) = (0, [0; 2000]);
        self.run(u64::MAX, |front, _| {
            while front.receive(&mut buffer).expect("a connected interface").is_some() {
                count += 1;
            }
            front.flush().expect("a connected interface");
            count == batch
        });
    }

    fn measure(mut self, rounds: u64, batch: u64, send: impl Fn(&mut Self, u64)) -> Outcome {
        let before = self.testbed.notifications();
        for _ in 0..rounds {
            send(&mut self, batch);
        }
        let notifications = self.testbed.notifications() - before;
        Outcome { units: rounds * batch, notifications }
    }
}

/// Sends `batch` packets at once from the guest in each round.
pub(crate) fn out(rounds: u64, batch: u64) -> Outcome {
    Ends::connect().measure(rounds, batch, Ends::send_from_guest)
}

/// Sends 32 packets at once from each of the guest's `count` queues in each round, as a vCPU for
/// each does.
pub(crate) fn queues(rounds: u64, count: u16) -> Outcome {
    let mut ends = Ends::connect_with(count);
    assert_eq!(ends.front.queues(), usize::from(count));
    let mut taken: Vec<_> =
        (0..count).filter_map(|index| ends.front.take_queue(index.into())).collect();
    assert_eq!(taken.len(), usize::from(count));
    let before = ends.testbed.notifications();
    for _ in 0..rounds {
        for queue in &mut taken {
            for _ in 0..32 {
                queue.transmit(&PACKET, PacketMeta::default()).expect("a free slot");
            }
            queue.flush().expect("a connected interface");
        }
        ends.run(32 * u64::from(count), |_, _| false);
    }
    let notifications = ends.testbed.notifications() - before;
    Outcome { units: 32 * u64::from(count) * rounds, notifications }
}

/// Sends `batch` packets at once to the guest in each round.
pub(crate) fn receive(rounds: u64, batch: u64) -> Outcome {
    Ends::connect().measure(rounds, batch, Ends::send_to_guest)
}

/// Boots, connects an interface and sends one packet in each round.
pub(crate) fn connect(rounds: u64) -> Outcome {
    let mut outcome = Outcome::default();
    for _ in 0..rounds {
        let mut ends = Ends::connect();
        ends.send_from_guest(1);
        outcome.units += 1;
        outcome.notifications += ends.testbed.notifications();
    }
    outcome
}
