//! Verified packets: our network frontend on our backend, with the events of a guest's life.
//!
//! Each packet has a number, from which its content follows. A packet may be lost; none may arrive
//! changed, twice, or at the other end than it was sent to.
//!
//! `SEED=N` runs that scenario and prints its steps. `PACKETS=N` runs the scenarios from seed 0 on
//! until so many packets were verified (10,000 without it).

mod backend;
mod model;
#[path = "../scenario/number.rs"]
mod number;
#[path = "../scenario/rng.rs"]
mod rng;
mod scenario;
#[path = "../scenario/suspend.rs"]
mod suspend;

use number::number;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Maximum number of failures.
const ENOUGH: usize = 5;

const REPEAT: &str = "cargo xtask stress --net --seed";

#[test]
fn every_packet_arrives_as_sent() {
    if let Some(seed) = number("SEED") {
        println!("{:?}", scenario::run(seed, true));
        return;
    }
    let limit = number("PACKETS").unwrap_or(10_000);
    let (next, verified) = (AtomicU64::new(0), AtomicU64::new(0));
    let (total, failed) = (Mutex::new(model::Tally::default()), Mutex::new(Vec::new()));
    let started = Instant::now();
    let work = || {
        while verified.load(Ordering::Relaxed) < limit && failed.lock().unwrap().len() < ENOUGH {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            match catch_unwind(AssertUnwindSafe(|| scenario::run(seed, false))) {
                Ok(tally) => {
                    verified.fetch_add(tally.verified(), Ordering::Relaxed);
                    total.lock().unwrap().add(&tally);
                }
                Err(_) => {
                    failed.lock().unwrap().push(seed);
                    eprintln!("seed {seed} failed; run it again: {REPEAT} {seed}");
                }
            }
        }
    };
    let report = || {
        let seconds = started.elapsed().as_secs_f32();
        let (scenarios, verified) =
            (next.load(Ordering::Relaxed), verified.load(Ordering::Relaxed));
        eprintln!("{verified} of {limit} packets in {scenarios} scenarios, {seconds:.0} s");
    };
    thread::scope(|scope| {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        let mut told = Instant::now();
        while workers.iter().any(|worker| !worker.is_finished()) {
            thread::park_timeout(Duration::from_millis(20));
            if told.elapsed() > Duration::from_secs(5) {
                told = Instant::now();
                report();
            }
        }
    });
    report();
    eprintln!("{:?}", total.lock().unwrap());
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "seeds {failed:?}; each again by: {REPEAT} N");
}
