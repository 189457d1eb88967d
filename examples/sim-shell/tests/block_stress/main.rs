//! Verified I/O: our block frontend on our backends, with the events of a guest's life.
//!
//! Each sector that is written has its address and the generation of the write. A model has the
//! values that each read may return, and those that may be on the disk at the end.
//!
//! `SEED=N` runs that scenario and prints its steps. `IOS=N` runs the scenarios from seed 0 on
//! until so many requests were verified (10,000 without it).

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
mod storage;
#[path = "../scenario/suspend.rs"]
mod suspend;

use seeds::Scenarios;

#[test]
fn every_block_is_as_acknowledged() {
    let scenarios = Scenarios {
        run: scenario::run,
        unit: "requests",
        limit: "IOS",
        repeat: "cargo xtask stress --block --seed",
    };
    scenarios.run();
}
