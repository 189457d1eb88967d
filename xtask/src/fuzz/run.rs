//! Run of one target, and its corpus.
//!
//! What is checked in lies in `fuzz/corpus/`, a few inputs for each target. What a run adds goes to
//! `target/fuzz/corpus/`, where the next run finds it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::mem::take;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::{host, ui};

/// The longest input: worlds are slow, and what needs more than a hundred steps to happen is left
/// to the seeds of `cargo xtask stress`.
const MAX_LEN: &str = "-max_len=1024";

/// Result of a run of one target.
#[derive(Default)]
pub(super) struct Run {
    pub(super) target: String,
    pub(super) executions: u64,
    pub(super) per_second: u64,
    /// Edges that were reached, of those that the target's code has.
    pub(super) edges: u64,
    pub(super) all_edges: u64,
    /// Number of inputs, and their size in all.
    pub(super) corpus: String,
    pub(super) findings: Vec<Finding>,
}

/// An input that makes a target fail.
pub(super) struct Finding {
    pub(super) input: PathBuf,
    /// Place and message of the failure.
    pub(super) said: String,
}

fn checked_in(target: &str) -> PathBuf {
    host::root().join("fuzz/corpus").join(target)
}

fn grown(target: &str) -> Result<PathBuf> {
    let folder = host::target().join("fuzz/corpus").join(target);
    fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    Ok(folder)
}

/// Lets the fuzzer work on a target for `seconds`.
pub(super) fn run(binary: &Path, target: &str, seconds: u32) -> Result<Run> {
    let spinner = ui::spinner(target);
    let results = host::results()?;
    let log = results.join(format!("fuzz-{target}.log"));
    let mut command = Command::new(binary);
    // New inputs go to the first folder.
    command.arg(grown(target)?);
    if checked_in(target).is_dir() {
        command.arg(checked_in(target));
    }
    // Long inputs from the start, or most of the time goes to short ones that do nothing.
    command.args(["-print_final_stats=1", "-timeout=20", "-len_control=0", MAX_LEN]);
    command.arg(format!("-max_total_time={seconds}"));
    command.arg(format!("-artifact_prefix={}/fuzz-{target}-", results.display()));
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut child = child.with_context(|| format!("starting {}", binary.display()))?;
    let output = child.stderr.take().context("the fuzzer has no output")?;
    let (mut found, mut text) = (Run { target: target.to_owned(), ..Run::default() }, Vec::new());
    let (mut said, mut more) = (String::new(), false);
    for line in BufReader::new(output).split(b'\n') {
        let line = line?;
        let shown = String::from_utf8_lossy(&line);
        if let Some(edges) = after(&shown, "cov: ") {
            found.edges = edges;
            spinner.set_message(shown.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        let numbers = [
            ("stat::number_of_executed_units: ", &mut found.executions),
            ("stat::average_exec_per_sec: ", &mut found.per_second),
            ("Loaded 1 PC tables (", &mut found.all_edges),
        ];
        for (name, number) in numbers {
            *number = after(&shown, name).unwrap_or(*number);
        }
        if more {
            said.push_str(&shown);
        }
        more = false;
        if let Some((_, place)) = shown.split_once("panicked at ") {
            (said, more) = (format!("{place} "), true);
        }
        if let Some((_, path)) = shown.split_once("Test unit written to ") {
            found.findings.push(Finding { input: path.trim().into(), said: take(&mut said) });
        }
        text.extend(&line);
        text.push(b'\n');
    }
    let status = child.wait()?;
    spinner.finish_and_clear();
    fs::write(&log, text).with_context(|| format!("writing {}", log.display()))?;
    if !status.success() && found.findings.is_empty() {
        bail!("{target}: {status} without a finding; see {}", log.display());
    }
    found.corpus = size(&[grown(target)?, checked_in(target)])?;
    Ok(found)
}

/// Runs one input.
pub(super) fn repeat(binary: &Path, input: &Path) -> Result<i32> {
    let status = Command::new(binary).arg(input).env("XEN_FUZZ_SHOW", "1").status();
    let status = status.with_context(|| format!("starting {}", binary.display()))?;
    Ok(i32::from(!status.success()))
}

/// Replaces what is checked in by the fewest inputs that reach every edge that any input reaches.
pub(super) fn shrink(binary: &Path, target: &str) -> Result<()> {
    let spinner = ui::spinner(&format!("{target}: choosing inputs"));
    let (small, old) = (host::target().join("fuzz/small").join(target), checked_in(target));
    if small.exists() {
        fs::remove_dir_all(&small)?;
    }
    fs::create_dir_all(&small)?;
    let mut command = Command::new(binary);
    // Edges alone: how often each was run would keep ten times as many.
    command
        .args(["-set_cover_merge=1", "-use_counters=0", MAX_LEN])
        .arg(&small)
        .arg(grown(target)?);
    if old.is_dir() {
        command.arg(&old);
    }
    let done = host::run(&mut command);
    spinner.finish_and_clear();
    done?;
    if old.is_dir() {
        fs::remove_dir_all(&old)?;
    }
    fs::create_dir_all(&old)?;
    for file in files(&small)? {
        let name = file.file_name().context("a file without a name")?;
        fs::copy(&file, old.join(name)).with_context(|| format!("copying {}", file.display()))?;
    }
    ui::line(format!("{target}: {} are checked in", size(&[old])?));
    Ok(())
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    entries.map(|entry| Ok(entry?.path())).collect()
}

/// Returns the number of inputs in some folders, and their size.
fn size(folders: &[PathBuf]) -> Result<String> {
    let (mut count, mut bytes) = (0, 0);
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        for file in files(folder)? {
            (count, bytes) = (count + 1, bytes + fs::metadata(&file)?.len());
        }
    }
    Ok(format!("{count} ({} KiB)", bytes.div_ceil(1024)))
}

/// Returns the number behind `name` in a line.
fn after(line: &str, name: &str) -> Option<u64> {
    let digits = line.split_once(name)?.1.trim_start();
    digits.split(|char: char| !char.is_ascii_digit()).next()?.parse().ok()
}
