//! Verified packets: our network frontend on our backend, with the events of a guest's life.
//!
//! Each packet has a number, from which its content follows. A packet may be lost; none may arrive
//! changed, twice, or at the other end than it was sent to.
//!
//! `SEED=N` runs that scenario and prints its steps. `PACKETS=N` runs the scenarios from seed 0 on
//! until so many packets were verified (10,000 without it).

mod backend;
#[path = "../scenario/faults.rs"]
mod faults;
mod model;
#[path = "../scenario/number.rs"]
mod number;
#[path = "../scenario/rng.rs"]
mod rng;
mod scenario;
#[path = "../scenario/seeds.rs"]
mod seeds;
#[path = "../scenario/serving.rs"]
mod serving;
#[path = "../scenario/suspend.rs"]
mod suspend;

use seeds::Scenarios;

#[test]
fn every_packet_arrives_as_sent() {
    let scenarios = Scenarios {
        run: scenario::run,
        unit: "packets",
        limit: "PACKETS",
        repeat: "cargo xtask stress --net --seed",
    };
    scenarios.run();
}
