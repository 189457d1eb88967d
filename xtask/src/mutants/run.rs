//! Runs test binaries with a mutant switched on.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::build::Test;
use super::switch;
use crate::host;

/// Limits of a test in multiples of its need without a mutant: processor time, and time.
const PROCESSOR_TIMES: u32 = 4;
const TIMES: u32 = 10;
const LEAST_PROCESSOR: Duration = Duration::from_secs(4);
const LEAST: Duration = Duration::from_secs(30);
/// Limit of a test whose need is unknown.
const UNKNOWN: Duration = Duration::from_secs(600);
/// Memory limit of a test in KiB, by which a mutant that allocates without end fails early.
/// Reserved address space, as of a simulated world, is not counted.
const MEMORY: u64 = 4 << 20;
const POLL: Duration = Duration::from_millis(2);

/// End of a test binary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    Passed,
    /// Description of the failure.
    Failed(String),
}

/// Run of a test binary.
#[derive(Default)]
pub(super) struct Job<'a> {
    /// Tests to run; none for all.
    pub(super) names: &'a [&'a str],
    /// Their time without a mutant.
    pub(super) needed: Option<Duration>,
    /// Active mutant.
    pub(super) mutant: Option<usize>,
    /// Identifier of this run among parallel ones.
    pub(super) lane: usize,
    /// Folder for the record of reached mutants.
    pub(super) reached: Option<&'a Path>,
}

/// Runs tests, and keeps their output in a folder.
pub(super) struct Runner {
    folder: PathBuf,
}

impl Runner {
    pub(super) fn new(folder: PathBuf) -> Result<Self> {
        fs::create_dir_all(&folder)?;
        Ok(Self { folder })
    }

    /// Returns whether a test binary has mutants in it.
    pub(super) fn has_mutants(&self, test: &Test) -> Result<bool> {
        let mut probe = Command::new(&test.program);
        probe.arg("--list").env(switch::VARIABLE, "probe").stdin(Stdio::null());
        let probed =
            probe.output().with_context(|| format!("starting {}", test.program.display()))?;
        Ok(probed.status.code() == Some(switch::PROBE_CODE))
    }

    /// Returns the names of a binary's tests, without those that are ignored.
    pub(super) fn names(&self, test: &Test) -> Result<Vec<String>> {
        let list = |more: &[&str]| -> Result<Vec<String>> {
            let mut command = Command::new(&test.program);
            command.args(["--list", "--format", "terse"]).args(more).current_dir(&test.folder);
            let output = host::output(&mut command)?;
            Ok(output
                .lines()
                .filter_map(|line| line.strip_suffix(": test"))
                .map(str::to_owned)
                .collect())
        };
        let ignored = list(&["--ignored"])?;
        let mut names = list(&[])?;
        names.retain(|name| !ignored.contains(name));
        Ok(names)
    }

    pub(super) fn log(&self, lane: usize) -> PathBuf {
        self.folder.join(format!("test-{lane}.log"))
    }

    /// Returns an empty folder for what a lane's tests reach.
    pub(super) fn folder(&self, lane: usize) -> Result<PathBuf> {
        let folder = self.folder.join(format!("reached-{lane}"));
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// Runs tests until the first failure, in a process of their own.
    pub(super) fn run(&self, test: &Test, job: &Job<'_>) -> Result<End> {
        let processor =
            job.needed.map_or(UNKNOWN, |time| (time * PROCESSOR_TIMES).max(LEAST_PROCESSOR));
        let limit = job.needed.map_or(UNKNOWN, |time| (time * TIMES).max(LEAST));
        let log = self.log(job.lane);
        let mut command = Command::new("sh");
        let script = format!(
            "ulimit -t {}; ulimit -d {MEMORY}; exec \"$0\" \"$@\"",
            processor.as_secs() + 1
        );
        command.arg("-c").arg(script).arg(&test.program).current_dir(&test.folder);
        if !job.names.is_empty() {
            command.args(["--exact", "--test-threads=1"]).args(job.names);
        }
        // A shrunk case is not what is asked for, and a kept one would be run again for the next
        // mutant.
        command
            .env("PROPTEST_MAX_SHRINK_ITERS", "0")
            .env("PROPTEST_DISABLE_FAILURE_PERSISTENCE", "true");
        command.env("RUST_BACKTRACE", "0").env_remove(switch::VARIABLE).env_remove(switch::REACHED);
        if let Some(number) = job.mutant {
            command.env(switch::VARIABLE, number.to_string());
        }
        if let Some(folder) = job.reached {
            command.env(switch::REACHED, folder);
        }
        let output = File::create(&log)?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let child = command.spawn().context("starting sh")?;
        watch(child, &log, Instant::now() + limit)
    }
}

fn watch(mut child: Child, log: &Path, deadline: Instant) -> Result<End> {
    loop {
        let status = child.try_wait()?;
        let failed = first_failure(&fs::read_to_string(log).unwrap_or_default());
        let late = Instant::now() > deadline;
        if status.is_none() && (failed.is_some() || late) {
            child.kill()?;
            child.wait()?;
        }
        match (status, failed) {
            (_, Some(name)) => return Ok(End::Failed(name)),
            (Some(status), None) => return Ok(ended(status)),
            (None, None) if late => return Ok(End::Failed("time-out".to_owned())),
            (None, None) => thread::sleep(POLL),
        }
    }
}

fn ended(status: ExitStatus) -> End {
    use std::os::unix::process::ExitStatusExt;
    const SIGXCPU: i32 = 24;
    match status.signal() {
        _ if status.success() => End::Passed,
        // The hard limit, which is the same, kills.
        Some(SIGXCPU | 9) => End::Failed("time-out".to_owned()),
        Some(signal) => End::Failed(format!("signal {signal}")),
        None => End::Failed(format!("{status}")),
    }
}

/// Returns the name of the first test that failed, as libtest prints it.
fn first_failure(output: &str) -> Option<String> {
    output.lines().find_map(|line| {
        let name = line.strip_prefix("test ")?.strip_suffix(" ... FAILED")?;
        Some(name.trim_end_matches(" - should panic").to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_failed_test_is_named() {
        let output = "running 2 tests\ntest a::b ... ok\ntest a::c ... FAILED\ntest d ... FAILED\n";
        assert_eq!(first_failure(output).as_deref(), Some("a::c"));
        assert_eq!(first_failure("test a::b ... ok\n"), None);
    }
}
