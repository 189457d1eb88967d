//! Random scenarios of a guest and its driver domain: all their events, in any order,
//! one scenario for each seed.
//!
//! `SEED=N` runs that scenario and prints its steps, with `TRACE=1` all events; `SEEDS=N`
//! lives the first N (60 without it).

#[path = "scenario/number.rs"]
mod number;
mod scenario;

use number::number;
use scenario::live;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use std::{env, thread};

/// Maximum number of failures.
const ENOUGH: usize = 5;

#[test]
fn every_scenario_ends_clean() {
    if let Some(seed) = number("SEED") {
        for event in live(seed, env::var_os("TRACE").is_some()) {
            println!("{event}");
        }
        return;
    }
    let count = number("SEEDS").unwrap_or(60);
    let (next, failed) = (AtomicU64::new(0), Mutex::new(Vec::new()));
    let started = Instant::now();
    let work = || {
        while failed.lock().unwrap().len() < ENOUGH {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= count {
                return;
            }
            if catch_unwind(AssertUnwindSafe(|| live(seed, false))).is_err() {
                failed.lock().unwrap().push(seed);
                eprintln!(
                    "seed {seed} failed; run it again: \
                     SEED={seed} cargo test -p xen-example-sim-shell --test stress"
                );
            }
        }
    };
    thread::scope(|scope| {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        let mut told = Instant::now();
        while workers.iter().any(|worker| !worker.is_finished()) {
            thread::park_timeout(Duration::from_millis(20));
            if told.elapsed() > Duration::from_secs(2) {
                told = Instant::now();
                let done = next.load(Ordering::Relaxed).min(count);
                eprintln!("{done} of {count} scenarios, {:.0} s", started.elapsed().as_secs_f32());
            }
        }
    });
    eprintln!("{count} scenarios, {:.1} s", started.elapsed().as_secs_f32());
    let failed = failed.into_inner().unwrap();
    assert!(
        failed.is_empty(),
        "seeds {failed:?}; each again by: SEED=N cargo test -p xen-example-sim-shell --test stress"
    );
}

#[test]
fn same_seed_repeats_every_event() {
    let mut all = Vec::new();
    for seed in 1000..1004 {
        let text =
            |_| live(seed, true).iter().map(|event| format!("{event}\n")).collect::<String>();
        let [first, again] = [0, 1].map(text);
        assert!(first.len() > 10_000, "seed {seed} is too short a scenario: {} bytes", first.len());
        assert!(first == again, "seed {seed}: {}", difference(&first, &again));
        all.push(first);
    }
    all.dedup();
    assert_eq!(all.len(), 4);
}

fn difference(first: &str, again: &str) -> String {
    let lines = first.lines().zip(again.lines()).enumerate().find(|(_, (one, other))| one != other);
    format!("{lines:?}")
}
