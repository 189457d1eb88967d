//! `cargo xtask fuzz`: builds the targets of fuzz/, runs each for a while, and reports the
//! coverage.

mod build;
mod oss;
mod run;

use std::collections::VecDeque;
use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail};

pub(crate) use build::as_rustc;
use run::Run;

use crate::{host, ui};

/// Options of `fuzz`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// One target only (default: all)
    target: Option<String>,
    /// How long each target runs
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Targets that run at the same time
    #[arg(long, default_value_t = 1)]
    jobs: usize,
    /// Runs one input, a finding, and shows what it consists of
    #[arg(long, requires = "target", value_name = "FILE")]
    repeat: Option<PathBuf>,
    /// Replaces the checked-in corpus by the fewest inputs that reach everything that was reached
    /// so far
    #[arg(long, conflicts_with = "repeat")]
    shrink: bool,
    /// Runs the build script of OSS-Fuzz and ClusterFuzzLite, and all seeds on what it builds
    #[arg(long, conflicts_with_all = ["target", "repeat", "shrink"])]
    oss_fuzz: bool,
}

/// Returns 1 if there was a finding.
pub(crate) fn main(args: &Args) -> Result<i32> {
    let all = targets()?;
    if args.oss_fuzz {
        return oss::check(&all).map(|()| 0);
    }
    let chosen = match &args.target {
        None => all,
        Some(name) if all.contains(name) => vec![name.clone()],
        Some(name) => bail!("there is no target {name}; there are {}", all.join(", ")),
    };
    let binaries = build::build(&chosen)?;
    if let (Some(input), [target]) = (&args.repeat, chosen.as_slice()) {
        return run::repeat(&binaries.join(target), input);
    }
    let runs = all_of(&chosen, args.jobs, |target| {
        run::run(&binaries.join(target), target, args.seconds)
    })?;
    if args.shrink {
        for target in &chosen {
            run::shrink(&binaries.join(target), target)?;
        }
    }
    Ok(report(&runs))
}

/// Runs each target for a short while, two at a time, for continuous integration.
pub(crate) fn ci(seconds: u32) -> Result<()> {
    let targets = targets()?;
    let binaries = build::build(&targets)?;
    let runs = all_of(&targets, 2, |target| run::run(&binaries.join(target), target, seconds))?;
    if report(&runs) != 0 {
        bail!("the fuzzer has found something");
    }
    Ok(())
}

/// Returns the targets, which are the files of a folder.
fn targets() -> Result<Vec<String>> {
    let folder = host::root().join("fuzz/fuzz_targets");
    let files = fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))?;
    let names = files.filter_map(|file| Some(file.ok()?.path().file_stem()?.to_str()?.to_owned()));
    let mut names: Vec<_> = names.collect();
    names.sort();
    Ok(names)
}

/// Does `work` for each target, up to `jobs` at the same time, and returns the results in the order
/// of the targets.
fn all_of(
    targets: &[String],
    jobs: usize,
    work: impl Fn(&str) -> Result<Run> + Sync,
) -> Result<Vec<Run>> {
    let queue = Mutex::new(targets.iter().collect::<VecDeque<_>>());
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, targets.len()) {
            scope.spawn(|| {
                while let Some(target) = {
                    let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
                    queue.pop_front()
                } {
                    let result = work(target);
                    done.lock().unwrap_or_else(PoisonError::into_inner).push(result);
                }
            });
        }
    });
    let done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut runs = done.into_iter().collect::<Result<Vec<_>>>()?;
    runs.sort_by(|a, b| a.target.cmp(&b.target));
    Ok(runs)
}

fn report(runs: &[Run]) -> i32 {
    ui::line(format!(
        "\n{:<14}{:>14}{:>10}{:>18}{:>20}   findings",
        "target", "executions", "exec/s", "edges", "corpus"
    ));
    for run in runs {
        let edges = format!("{} of {}", run.edges, run.all_edges);
        let verdict = if run.findings.is_empty() { ui::green("none") } else { ui::red("FOUND") };
        ui::line(format!(
            "{:<14}{:>14}{:>10}{edges:>18}{:>20}   {verdict}",
            run.target, run.executions, run.per_second, run.corpus
        ));
    }
    let findings =
        || runs.iter().flat_map(|run| run.findings.iter().map(move |finding| (run, finding)));
    for (run, finding) in findings() {
        ui::line(format!("{}: {}", run.target, finding.said));
        // For readers of the output without the files of the run.
        let input: String = fs::read(&finding.input)
            .unwrap_or_default()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        ui::line(format!("the input, for xxd -r -p: {input}"));
        ui::line(format!("cargo xtask fuzz {} --repeat {}", run.target, finding.input.display()));
    }
    let findings = findings().count();
    ui::line(format!("{} targets, {} findings", runs.len(), findings));
    i32::from(findings != 0)
}
