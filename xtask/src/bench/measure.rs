//! Runs of the two programs, and what comes of comparing them.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::build::Programs;
use super::callgrind::Valgrind;
use super::rows::{Case, Target};
use crate::conformance::Running;
use crate::host;

/// What one run printed.
struct Run(BTreeMap<String, u64>);

impl Run {
    fn of(program: &Path, case: &Case, server: Option<&Running>, rounds: u64) -> Result<Self> {
        let mut command = Command::new(program);
        command.args([case.argument, &rounds.to_string()]);
        command.envs(server.map(|server| ("XENSTORED_PATH", server.socket())));
        let text = host::output(&mut command)?;
        let pairs = text.split_whitespace().filter_map(|word| word.split_once('='));
        Ok(Self(pairs.filter_map(|(key, value)| Some((key.to_owned(), value.parse().ok()?))).collect()))
    }

    fn get(&self, key: &str) -> Result<u64> {
        self.0.get(key).copied().with_context(|| format!("a benchmark did not print {key}"))
    }

    fn per_unit(&self, key: &str) -> Result<f64> {
        Ok(self.get(key)? as f64 / self.get("units")?.max(1) as f64)
    }
}

/// A figure of both programs, per unit of work.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Figure {
    pub(super) rust: f64,
    pub(super) c: f64,
}

impl Figure {
    pub(super) fn ratio(self) -> f64 {
        self.rust / self.c
    }
}

/// What was measured of one benchmark.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) case: &'static Case,
    /// Instructions per unit.
    pub(super) instructions: Option<Figure>,
    /// Nanoseconds per unit, the least of all runs: the one that was disturbed least.
    pub(super) time: Option<Figure>,
    /// C's time in each pair of runs that followed each other, divided by Rust's; the median.
    pub(super) speed: Option<f64>,
    /// Notifications per unit, on average.
    pub(super) notifications: Figure,
    /// Nanoseconds per unit that the server works in a Rust run, the least of all: no client is quicker than that.
    pub(super) server_time: Option<f64>,
    /// Heap allocations of a Rust run.
    pub(super) allocations: u64,
}

impl Row {
    pub(super) fn measure(
        case: &'static Case,
        programs: &Programs,
        valgrind: Option<&Valgrind>,
        pairs: usize,
    ) -> Result<Self> {
        let (rounds, folder) = (case.timed_rounds, super::folder()?);
        let server = case.server.map(Running::start).transpose()?;
        let run = |program: &Path, rounds| Run::of(program, case, server.as_ref(), rounds);
        let few = run(&programs.rust, 1000)?;
        let units = few.get("units")? as f64 / 1000.0;
        let mut row = Self {
            case,
            instructions: None,
            time: None,
            speed: None,
            notifications: Figure {
                rust: few.per_unit("notifications")?,
                c: run(&programs.c, 1000)?.per_unit("notifications")?,
            },
            server_time: None,
            allocations: few.get("allocations")?,
        };
        if let Some(valgrind) = valgrind.filter(|_| case.counted()) {
            let [rust, c] = valgrind.per_round(programs, case, &folder)?;
            row.instructions = Some(Figure { rust: rust / units, c: c / units });
        }
        // Where the two processes run, which is most of the difference between runs, is decided anew each time.
        let pairs = if server.is_some() { pairs * 3 } else { pairs };
        let worked = || server.as_ref().and_then(Running::processor_time);
        let mut runs = Vec::new();
        for pair in 0..pairs {
            // Neither language always comes second.
            let c_first = pair % 2 == 0;
            let before_c = if c_first { Some(run(&programs.c, rounds)?) } else { None };
            let before = worked();
            let rust = run(&programs.rust, rounds)?;
            if let (Some(before), Some(after)) = (before, worked()) {
                let time = after.saturating_sub(before) as f64 / rust.get("units")?.max(1) as f64;
                row.server_time = Some(row.server_time.map_or(time, |least: f64| least.min(time)));
            }
            let c = before_c.map_or_else(|| run(&programs.c, rounds), Ok)?;
            runs.push((rust, c));
        }
        if !runs.is_empty() {
            row.take_times(&runs)?;
        }
        Ok(row)
    }

    fn take_times(&mut self, runs: &[(Run, Run)]) -> Result<()> {
        let mut speeds = Vec::new();
        let mut least = Figure { rust: f64::MAX, c: f64::MAX };
        let mut notifications = Figure { rust: 0.0, c: 0.0 };
        for (rust, c) in runs {
            let times = Figure { rust: rust.per_unit("nanoseconds")?, c: c.per_unit("nanoseconds")? };
            least = Figure { rust: least.rust.min(times.rust), c: least.c.min(times.c) };
            speeds.push(1.0 / times.ratio());
            notifications.rust += rust.per_unit("notifications")? / runs.len() as f64;
            notifications.c += c.per_unit("notifications")? / runs.len() as f64;
            self.allocations = self.allocations.max(rust.get("allocations")?);
        }
        speeds.sort_by(f64::total_cmp);
        self.speed = speeds.get(speeds.len() / 2).copied();
        (self.time, self.notifications) = (Some(least), notifications);
        Ok(())
    }

    /// The figure that the target is about, if it could be measured.
    pub(super) fn figure(&self) -> Option<f64> {
        match self.case.target {
            Target::Instructions(_) => self.instructions.map(Figure::ratio),
            Target::Throughput(_) => self.speed,
        }
    }

    /// Tells whether the target is met. What was not measured is not.
    pub(super) fn is_met(&self) -> bool {
        let reached = match (self.case.target, self.figure()) {
            (Target::Instructions(most), Some(ratio)) => ratio <= most,
            // Times and who meets whom asleep are never the same twice: a fiftieth is nothing.
            (Target::Throughput(least), Some(ratio)) => {
                ratio >= least * 0.98 && self.notifications.rust <= self.notifications.c * 1.02
            }
            (_, None) => false,
        };
        reached && self.allocations == 0
    }
}
