//! Runs of the two programs, and what comes of comparing them.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use anyhow::{Context, Result};

use super::build::Programs;
use super::callgrind::Valgrind;
use super::rows::{Case, Target};
use super::stats::{Mean, Median};
use crate::conformance::Running;
use crate::host;

/// Options of `chrt` for priority, so that other processes do not delay the two threads.
const GO_FIRST: [&str; 2] = ["-f", "20"];

/// `true` if this user may set the priority.
pub(super) static MAY_GO_FIRST: LazyLock<bool> =
    LazyLock::new(|| host::output(Command::new("chrt").args(GO_FIRST).arg("true")).is_ok());

/// Output of one run.
struct Run(BTreeMap<String, u64>);

impl Run {
    fn of(program: &Path, case: &Case, server: Option<&Running>, rounds: u64) -> Result<Self> {
        let mut command = if case.between_threads() && *MAY_GO_FIRST {
            let mut command = Command::new("chrt");
            command.args(GO_FIRST).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.args([case.argument, &rounds.to_string()]);
        command.envs(server.map(|server| ("XENSTORED_PATH", server.socket())));
        let text = host::output(&mut command)?;
        let pairs = text.split_whitespace().filter_map(|word| word.split_once('='));
        Ok(Self(
            pairs.filter_map(|(key, value)| Some((key.to_owned(), value.parse().ok()?))).collect(),
        ))
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

/// Measurements of one benchmark.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) case: &'static Case,
    /// Instructions per unit.
    pub(super) instructions: Option<Figure>,
    /// Nanoseconds per unit, the least of all runs: the one that was disturbed least.
    pub(super) time: Option<Figure>,
    /// C's time in each pair of runs that followed each other, divided by Rust's.
    pub(super) speed: Option<Median>,
    /// C's time in each pair of runs, divided by what the server alone worked in the Rust run: no
    /// client has more speed.
    pub(super) most_speed: Option<Median>,
    /// Notifications per unit.
    pub(super) notifications: Figure,
    /// By how many the two may differ without a reason.
    pub(super) notifications_error: f64,
    /// Heap allocations of a Rust run.
    pub(super) allocations: u64,
}

/// A run of each program, one after the other, and the nanoseconds that the server worked in the
/// Rust one.
struct Pair {
    rust: Run,
    c: Run,
    server: Option<u64>,
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
            notifications_error: 0.0,
            most_speed: None,
            allocations: few.get("allocations")?,
        };
        if let Some(valgrind) = valgrind.filter(|_| case.counted()) {
            let [rust, c] = valgrind.per_round(programs, case, &folder)?;
            row.instructions = Some(Figure { rust: rust / units, c: c / units });
        }
        // Where the two processes run, which is most of the difference between runs, is decided
        // anew each time.
        let pairs = if server.is_some() { pairs * 3 } else { pairs };
        let worked = || server.as_ref().and_then(Running::processor_time);
        let mut runs = Vec::new();
        for pair in 0..pairs {
            // Neither language always comes second.
            let c_first = pair % 2 == 0;
            let before_c = if c_first { Some(run(&programs.c, rounds)?) } else { None };
            let before = worked();
            let rust = run(&programs.rust, rounds)?;
            let server = before.zip(worked()).map(|(before, after)| after.saturating_sub(before));
            let c = before_c.map_or_else(|| run(&programs.c, rounds), Ok)?;
            runs.push(Pair { rust, c, server });
        }
        if !runs.is_empty() {
            row.take_times(&runs)?;
        }
        Ok(row)
    }

    fn take_times(&mut self, pairs: &[Pair]) -> Result<()> {
        let mut speeds = Vec::new();
        let mut most_speeds = Vec::new();
        let mut least = Figure { rust: f64::MAX, c: f64::MAX };
        let mut notifications = [Vec::new(), Vec::new()];
        for Pair { rust, c, server } in pairs {
            let times =
                Figure { rust: rust.per_unit("nanoseconds")?, c: c.per_unit("nanoseconds")? };
            least = Figure { rust: least.rust.min(times.rust), c: least.c.min(times.c) };
            speeds.push(1.0 / times.ratio());
            if let Some(worked) = server {
                most_speeds.push(times.c * rust.get("units")?.max(1) as f64 / *worked as f64);
            }
            for (all, run) in notifications.iter_mut().zip([rust, c]) {
                all.push(run.per_unit("notifications")?);
            }
            self.allocations = self.allocations.max(rust.get("allocations")?);
        }
        let [rust, c] = notifications.map(|all| Mean::of(&all));
        self.notifications = Figure { rust: rust.value, c: c.value };
        self.notifications_error = rust.error.hypot(c.error);
        (self.time, self.speed, self.most_speed) =
            (Some(least), Median::of(speeds), Median::of(most_speeds));
        Ok(())
    }

    /// Returns the figure of the target, if it could be measured.
    pub(super) fn figure(&self) -> Option<f64> {
        match self.case.target {
            Target::Instructions(_) => self.instructions.map(Figure::ratio),
            Target::Throughput(_) => self.speed.map(|speed| speed.value),
        }
    }

    /// Returns whether the target is met.
    pub(super) fn verdict(&self) -> Verdict {
        let is = |met: bool, even: bool| match (met, even) {
            (true, _) => Verdict::Met,
            (false, true) => Verdict::Even,
            (false, false) => Verdict::Missed,
        };
        let allocations = is(self.allocations == 0, false);
        let rest = match self.case.target {
            Target::Instructions(most) => {
                is(self.figure().is_some_and(|ratio| ratio <= most), false)
            }
            Target::Throughput(least) => {
                let more = self.notifications.rust - self.notifications.c;
                let speed = self.speed.map(|speed| is(speed.value >= least, speed.high >= least));
                speed
                    .unwrap_or(Verdict::Missed)
                    .max(is(more <= 0.0, more <= self.notifications_error))
            }
        };
        allocations.max(rest)
    }
}

/// Result for a target, best first. A target without a measurement is missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    Met,
    /// The difference is within the range of as many other runs.
    Even,
    Missed,
}
