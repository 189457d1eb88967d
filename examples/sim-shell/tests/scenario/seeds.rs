//! Scenarios of all seeds, until so much was verified.

use super::number::number;
use core::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Maximum number of failures.
const ENOUGH: usize = 5;

/// Counters of what a scenario has verified.
pub(crate) trait Tally: Debug + Default + Send {
    fn add(&mut self, other: &Self);

    fn verified(&self) -> u64;
}

/// Scenarios, which get a seed and whether to print their steps.
pub(crate) struct Scenarios<T> {
    pub(crate) run: fn(u64, bool) -> T,
    /// Name of what is verified.
    pub(crate) unit: &'static str,
    /// Variable of the environment with the number to verify; 10,000 without it.
    pub(crate) limit: &'static str,
    /// Command that runs one again.
    pub(crate) repeat: &'static str,
}

impl<T: Tally> Scenarios<T> {
    /// Runs the scenario of the variable `SEED`; without it all from seed 0 on, on all processors.
    pub(crate) fn run(&self) {
        let Self { run, unit, limit, repeat } = *self;
        if let Some(seed) = number("SEED") {
            println!("{:?}", run(seed, true));
            return;
        }
        let limit = number(limit).unwrap_or(10_000);
        let (next, verified) = (AtomicU64::new(0), AtomicU64::new(0));
        let (total, failed) = (Mutex::new(T::default()), Mutex::new(Vec::new()));
        let started = Instant::now();
        let work = || {
            while verified.load(Ordering::Relaxed) < limit && failed.lock().unwrap().len() < ENOUGH
            {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                match catch_unwind(AssertUnwindSafe(|| run(seed, false))) {
                    Ok(tally) => {
                        verified.fetch_add(tally.verified(), Ordering::Relaxed);
                        total.lock().unwrap().add(&tally);
                    }
                    Err(_) => {
                        failed.lock().unwrap().push(seed);
                        eprintln!("seed {seed} failed; run it again: {repeat} {seed}");
                    }
                }
            }
        };
        let report = || {
            let seconds = started.elapsed().as_secs_f32();
            let (scenarios, verified) =
                (next.load(Ordering::Relaxed), verified.load(Ordering::Relaxed));
            eprintln!("{verified} of {limit} {unit} in {scenarios} scenarios, {seconds:.0} s");
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
        assert!(failed.is_empty(), "seeds {failed:?}; each again by: {repeat} N");
    }
}
