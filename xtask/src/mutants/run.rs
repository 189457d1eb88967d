//! Runs test binaries with a mutant switched on.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::build::Test;
use super::switch;

/// What a test may use, in multiples of what it needs without a mutant: processor time, and time.
const PROCESSOR_TIMES: u32 = 4;
const TIMES: u32 = 10;
const LEAST_PROCESSOR: Duration = Duration::from_secs(4);
const LEAST: Duration = Duration::from_secs(60);
/// Memory of a test, in KiB: a mutant that allocates for ever fails early. Address space that is only reserved, as for a
/// simulated world, is not counted.
const MEMORY: u64 = 4 << 20;
const POLL: Duration = Duration::from_millis(10);

/// The end of a test binary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    Passed,
    /// What failed, in words.
    Failed(String),
}

/// Runs tests; knows how long each takes.
pub(super) struct Runner {
    folder: PathBuf,
    needed: BTreeMap<PathBuf, Duration>,
}

impl Runner {
    pub(super) fn new(folder: PathBuf) -> Result<Self> {
        fs::create_dir_all(&folder)?;
        Ok(Self { folder, needed: BTreeMap::new() })
    }

    /// Runs each test without a mutant, which must pass, and leaves those out that have no mutants in them.
    /// Sorts the rest by time.
    pub(super) fn measure(&mut self, tests: Vec<Test>) -> Result<Vec<Test>> {
        let mut with_mutants = Vec::new();
        for test in tests {
            let mut probe = Command::new(&test.program);
            probe.arg("--list").env(switch::VARIABLE, "probe").stdin(Stdio::null());
            let probed = probe.output().with_context(|| format!("starting {}", test.program.display()))?;
            if probed.status.code() != Some(switch::PROBE_CODE) {
                continue;
            }
            let started = Instant::now();
            if let End::Failed(how) = self.run(&test, None, 0)? {
                let log = self.log(0);
                bail!("{} fails without a mutant: {how}; its output is in {}", test.command, log.display());
            }
            self.needed.insert(test.program.clone(), started.elapsed());
            with_mutants.push(test);
        }
        ensure!(!with_mutants.is_empty(), "no test has mutants in it");
        with_mutants.sort_by_key(|test| self.needed[&test.program]);
        Ok(with_mutants)
    }

    fn log(&self, lane: usize) -> PathBuf {
        self.folder.join(format!("test-{lane}.log"))
    }

    /// Runs a test until its first failure, in a process of its own. `lane` tells runs at the same time apart.
    pub(super) fn run(&self, test: &Test, mutant: Option<usize>, lane: usize) -> Result<End> {
        let needed = self.needed.get(&test.program).copied();
        let processor = needed.map_or(LEAST * 10, |time| (time * PROCESSOR_TIMES).max(LEAST_PROCESSOR));
        let limit = needed.map_or(LEAST * 10, |time| (time * TIMES).max(LEAST));
        let log = self.log(lane);
        let mut command = Command::new("sh");
        let script = format!("ulimit -t {}; ulimit -d {MEMORY}; exec \"$0\"", processor.as_secs() + 1);
        command.arg("-c").arg(script).arg(&test.program).current_dir(&test.folder);
        // A shrunk case is not what is asked for, and a kept one would be run again for the next mutant.
        command.env("PROPTEST_MAX_SHRINK_ITERS", "0").env("PROPTEST_DISABLE_FAILURE_PERSISTENCE", "true");
        command.env("RUST_BACKTRACE", "0").env_remove(switch::VARIABLE);
        if let Some(number) = mutant {
            command.env(switch::VARIABLE, number.to_string());
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
