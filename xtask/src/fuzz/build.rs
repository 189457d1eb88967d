//! Builds of the targets: cargo with this program as `rustc`.
//!
//! Only the crates under test are instrumented. The simulator around them is most of the code that
//! runs, and what it does is no goal of a fuzzer. No more than a stable compiler is needed for
//! that.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs};

use anyhow::{Context, Result};

use crate::{host, ui};

/// Set for the compiler that cargo starts: we are it.
const AS_RUSTC: &str = "XEN_FUZZ_RUSTC";

/// Crates whose edges are counted.
const COUNTED: [&str; 10] = [
    "xen_fuzz",
    "xen_sys",
    "xen_hypercall",
    "xen_evtchn",
    "xen_grant",
    "xen_ring",
    "xen_store",
    "xenbus",
    "xen_front",
    "xen_back",
];

/// Crates whose comparisons are traced for the fuzzer. The traces cost time, most of all in the
/// xenstore server.
const COMPARED: [&str; 3] = ["xenbus", "xen_front", "xen_back"];

const COUNT: [&str; 5] = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=3",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
];

const COMPARE: &str = "-Cllvm-args=-sanitizer-coverage-trace-compares";

/// Runs the compiler if cargo has started us in its place.
pub(crate) fn as_rustc() -> Option<ExitCode> {
    env::var_os(AS_RUSTC)?;
    let mut args = env::args_os().skip(1);
    let mut rustc = Command::new(args.next()?);
    let args: Vec<_> = args.collect();
    let name =
        args.windows(2).find(|pair| pair[0] == "--crate-name").and_then(|pair| pair[1].to_str());
    rustc.args(&args);
    if name.is_some_and(|name| COUNTED.contains(&name)) {
        rustc.args(COUNT);
    }
    if name.is_some_and(|name| COMPARED.contains(&name)) {
        rustc.arg(COMPARE);
    }
    let code = rustc
        .status()
        .ok()
        .and_then(|status| status.code())
        .and_then(|code| u8::try_from(code).ok());
    Some(ExitCode::from(code.unwrap_or(1)))
}

/// Copies this program to where it stays: a test run that builds xtask anew takes the file away
/// from under it.
fn own_program(folder: &Path) -> Result<PathBuf> {
    let running = Path::new("/proc/self/exe");
    let running = if running.exists() { running.to_owned() } else { env::current_exe()? };
    let copy = folder.join("rustc-wrapper");
    fs::create_dir_all(folder)?;
    // A copy that another run is using can't be written, only replaced.
    let _ = fs::remove_file(&copy);
    fs::copy(running, &copy)
        .with_context(|| format!("copying our own program to {}", copy.display()))?;
    Ok(copy)
}

/// Builds the targets and returns their folder.
pub(super) fn build(targets: &[String]) -> Result<PathBuf> {
    // libFuzzer is C++.
    host::require(&[("c++", "g++")])?;
    let folder = host::target().join("fuzz");
    let mut cargo = Command::new(host::cargo());
    cargo.args(["build", "--release", "--manifest-path"]).arg(host::root().join("fuzz/Cargo.toml"));
    cargo.arg("--target-dir").arg(&folder);
    cargo.args(targets.iter().flat_map(|target| ["--bin", target.as_str()]));
    cargo.env("RUSTC_WRAPPER", own_program(&folder)?).env(AS_RUSTC, "1");
    let spinner = ui::spinner("building the targets");
    let built = host::run(&mut cargo);
    spinner.finish_and_clear();
    built?;
    Ok(folder.join("release"))
}
