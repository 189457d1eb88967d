//! `cargo xtask fuzz`: runs the targets of fuzz/ for a while each, and says how far they got.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::{host, ui};

/// Options of `fuzz`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// One target only (default: all, one after the other)
    target: Option<String>,
    /// How long each target runs
    #[arg(long, default_value_t = 60)]
    seconds: u32,
}

/// What a run of one target has come to.
#[derive(Default)]
struct Run {
    executions: u64,
    edges: u64,
    /// The input that makes it fail.
    finding: Option<PathBuf>,
}

/// Returns 1 if there was a finding.
pub(crate) fn main(args: &Args) -> Result<i32> {
    require_tools()?;
    let all = targets()?;
    let chosen = match &args.target {
        None => all,
        Some(name) if all.contains(name) => vec![name.clone()],
        Some(name) => bail!("there is no target {name}; there are {}", all.join(", ")),
    };
    let spinner = ui::spinner("building the targets");
    let built = host::run(cargo_fuzz("build").args((chosen.len() == 1).then(|| &chosen[0])));
    spinner.finish_and_clear();
    built?;
    let mut failed = 0;
    for target in &chosen {
        let Run { executions, edges, finding } = run(target, args.seconds)?;
        let verdict = if finding.is_none() { ui::green("ok     ") } else { ui::red("FINDING") };
        ui::line(format!("{verdict}  {target:<14}{executions:>12} executions{edges:>8} edges"));
        if let Some(input) = finding {
            failed += 1;
            ui::line(format!("         cargo +nightly fuzz run {target} {}", input.display()));
        }
    }
    ui::line(format!("{} passed, {failed} failed", chosen.len() - failed));
    Ok(i32::from(failed > 0))
}

/// A compiler that can instrument, and the tool that drives it.
fn require_tools() -> Result<()> {
    let has =
        |args: &[&str]| Command::new("cargo").args(args).output().is_ok_and(|done| done.status.success());
    if !has(&["+nightly", "--version"]) {
        ui::line("installing the nightly toolchain: fuzzing needs its instrumentation");
        host::run(Command::new("rustup").args(["toolchain", "install", "nightly", "--profile", "minimal"]))?;
    }
    if !has(&["fuzz", "--version"]) {
        ui::line("installing cargo-fuzz");
        host::run(Command::new("cargo").args(["install", "cargo-fuzz", "--locked"]))?;
    }
    Ok(())
}

fn targets() -> Result<Vec<String>> {
    let folder = host::root().join("fuzz/fuzz_targets");
    let files = fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))?;
    let names = files.filter_map(|file| Some(file.ok()?.path().file_stem()?.to_str()?.to_owned()));
    let mut names: Vec<_> = names.collect();
    names.sort();
    Ok(names)
}

/// Another cargo than the one that runs us: ours has fixed its toolchain.
fn cargo_fuzz(verb: &str) -> Command {
    let mut command = Command::new("cargo");
    command.args(["+nightly", "fuzz", verb]).current_dir(host::root()).env_remove("RUSTUP_TOOLCHAIN");
    command
}

fn run(target: &str, seconds: u32) -> Result<Run> {
    let spinner = ui::spinner(target);
    let log = host::results()?.join(format!("fuzz-{target}.log"));
    let mut command = cargo_fuzz("run");
    command
        // Worlds are slow: long inputs from the start, or most of the time goes to short ones that do nothing.
        .args([target, "--", "-print_final_stats=1", "-timeout=10", "-len_control=0", "-max_len=2048"])
        .arg(format!("-max_total_time={seconds}"));
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let output = child.stderr.take().context("the fuzzer has no output")?;
    let (mut found, mut text) = (Run::default(), String::new());
    for line in BufReader::new(output).lines() {
        let line = line?;
        if let Some(edges) = after(&line, "cov: ") {
            found.edges = edges;
            spinner.set_message(line.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        if let Some(executions) = after(&line, "stat::number_of_executed_units: ") {
            found.executions = executions;
        }
        if let Some((_, path)) = line.split_once("Test unit written to ") {
            found.finding = Some(kept(Path::new(path.trim()))?);
        }
        text.push_str(&line);
        text.push('\n');
    }
    let status = child.wait()?;
    spinner.finish_and_clear();
    fs::write(&log, text).with_context(|| format!("writing {}", log.display()))?;
    if !status.success() && found.finding.is_none() {
        bail!("{target}: {status} without a finding; see {}", log.display());
    }
    Ok(found)
}

/// Copies a finding to where no other run overwrites it.
fn kept(input: &Path) -> Result<PathBuf> {
    let to = host::results()?.join(input.file_name().context("a finding without a name")?);
    fs::copy(input, &to).with_context(|| format!("copying {}", input.display()))?;
    Ok(to)
}

/// The number behind `name` in a line.
fn after(line: &str, name: &str) -> Option<u64> {
    line.split_once(name)?.1.split_whitespace().next()?.parse().ok()
}
