//! The demonstration on a simulated Xen.

use std::io::{BufRead, BufReader};
use std::path::{self, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use super::{Args, Terminal, Transcript, Tty};
use crate::{host, payload, ui};

const PACKAGE: &str = "xen-example-sim-shell";
const BINARY: &str = "sim-shell";

/// Optimized, and compiled in a fraction of a release's time.
const PROFILE: &str = "models";

pub(super) fn main(args: &Args) -> Result<i32> {
    let mut command = Command::new(build()?);
    command.args(["--seed", &args.seed.to_string()]);
    if let Some(path) = &args.trace {
        command.arg("--trace").arg(path::absolute(path)?);
    }
    if args.interactive {
        return interactive(command.arg("--interactive"));
    }
    if args.watch {
        command.arg("--watch");
    }
    let started = Instant::now();
    let mut child =
        command.stdout(Stdio::piped()).spawn().context("starting the simulated world")?;
    let mut transcript = Transcript::default();
    let bars = args.watch.then(|| ui::board("The simulated world"));
    let output = child.stdout.take().context("the simulated world has no output")?;
    for line in BufReader::new(output).lines() {
        let line = line.context("reading what the simulated world prints")?;
        match (line.strip_prefix("WATCH|"), &bars) {
            (Some(rows), Some(bars)) => bars.set_message(rows.replace('\t', "\n")),
            (Some(_), None) => {}
            (None, _) => transcript.show(&payload::parse(&line)),
        }
    }
    let status = child.wait().context("waiting for the simulated world")?;
    if let Some(bars) = bars {
        bars.finish_and_clear();
    }
    let took = started.elapsed().as_secs_f32();
    ui::line(format!("\n{} in a simulated Xen, {took:.1} s", transcript.summary()));
    if let Some(path) = &args.trace {
        let viewer = match path.extension() {
            Some(extension) if extension == "svg" => "a browser",
            _ => "https://ui.perfetto.dev or chrome://tracing",
        };
        ui::line(format!("timeline {}: open it in {viewer}", path.display()));
    }
    if !matches!(status.code(), Some(0 | 1)) || transcript.passed == 0 {
        bail!("the demonstration did not come to its end: {status}");
    }
    Ok(i32::from(!status.success() || transcript.failed > 0))
}

fn interactive(command: &mut Command) -> Result<i32> {
    ui::line("This is the guest's console. Enter: prompt; `help`: its commands; Ctrl-]: quit.\n");
    let mut tty = Tty::default();
    tty.enter()?;
    let status = command.status().context("starting the simulated world");
    tty.leave();
    let status = status?;
    ui::line(format!("\nThe guest has ended ({status})."));
    Ok(i32::from(!status.success()))
}

fn build() -> Result<PathBuf> {
    let mut cargo = Command::new(host::cargo());
    cargo.current_dir(host::root());
    cargo.args(["build", "--profile", PROFILE, "--package", PACKAGE, "--bin", BINARY]);
    let status = cargo.status().context("starting cargo")?;
    if !status.success() {
        bail!("{}: {status}", host::describe(&cargo));
    }
    Ok(host::target().join(PROFILE).join(BINARY))
}
