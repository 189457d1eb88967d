//! Host checks: `cargo xtask check`, the inner loop, and the steps that `test` and `ci` have.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Result, ensure};

use crate::packages::{Library, Packages, select};
use crate::steps::Steps;
use crate::{arm64, downstream, host, kernels, prose, ui};

pub(crate) const TARGETS: [&str; 2] = ["x86_64-unknown-none", ARM];

const ARM: &str = "aarch64-unknown-none";

/// Cases of each property in the inner loop: a few, as the whole test run has them all.
const FEW_CASES: (&str, &str) = ("PROPTEST_CASES", "16");

/// Treats warnings as errors.
const DENY: [&str; 3] = ["--", "-D", "warnings"];

/// Options of `check`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Checks each feature of the published crates by itself, too: a minute more
    #[arg(long)]
    each_feature: bool,
}

/// Runs the inner loop: format, language, clippy and unit tests of the libraries.
pub(crate) fn main(args: &Args) -> Result<i32> {
    let started = Instant::now();
    let packages = Packages::read()?;
    let libraries = names(&packages.libraries);
    host::require_components(&host::COMPONENTS)?;
    let mut steps = Steps::default();
    steps.run(FORMAT, format);
    steps.run("language of docs, comments and names", prose::check);
    steps.run("clippy, libraries, all features", || clippy(&libraries));
    steps.run("unit tests, libraries, all features", || {
        let args = [&["test", "--lib", "--all-features"], &*strs(&libraries)].concat();
        quietly(&args, &[FEW_CASES])
    });
    if args.each_feature {
        each_feature(&mut steps, &packages);
    }
    Ok(steps.finish(started))
}

const FORMAT: &str = "cargo fmt --check";

fn format() -> Result<()> {
    quietly(&["fmt", "--all", "--check"], &[])?;
    for folder in ["fuzz", "downstream/kernel", "downstream/device"] {
        let manifest = &*format!("{folder}/Cargo.toml");
        quietly(&["fmt", "--check", "--manifest-path", manifest], &[])?;
    }
    Ok(())
}

fn clippy(libraries: &[String]) -> Result<()> {
    let args = ["clippy", "--all-targets", "--all-features"];
    quietly(&[&args, &*strs(libraries), &DENY].concat(), &[])
}

/// Runs all checks of a host.
pub(crate) fn all(steps: &mut Steps) -> Result<()> {
    let packages = Packages::read()?;
    let (libraries, hosted) = (names(&packages.libraries), names(&packages.hosted));
    // All features of a hosted library at once would replace what it does by its fallback for
    // other hosts; `kernel` features do not link for a host.
    let others = select(packages.others.iter().map(String::as_str));
    let defaults = [strs(&hosted), strs(&others)].concat();

    let mut targets = BTreeSet::from(TARGETS);
    targets.insert(kernels::TARGET);
    steps.run("Rust targets and components", || {
        host::require_components(&host::COMPONENTS)?;
        targets.iter().try_for_each(|target| host::require_target(target))
    });
    steps.run(FORMAT, format);
    steps.run("language of docs, comments and names", prose::check);
    steps.run("clippy, libraries, all features", || clippy(&libraries));
    steps.run("clippy, xen-sim, examples and xtask", || {
        quietly(&[&["clippy", "--all-targets"], &*defaults, &DENY].concat(), &[])
    });
    if !packages.kernels.is_empty() {
        let kernels = select(packages.kernels.iter().map(String::as_str));
        let args = ["clippy", "--features", "kernel", "--target", kernels::TARGET];
        steps.run("clippy, kernels", || quietly(&[&args, &*strs(&kernels), &DENY].concat(), &[]));
    }
    each_feature(steps, &packages);
    for target in TARGETS {
        steps.run(&format!("libraries without default features, {target}"), || {
            let args = ["build", "--no-default-features", "--target", target];
            quietly(&[&args, &*strs(&libraries)].concat(), &[])
        });
    }
    steps.run("downstream kernel, resolver 1", || downstream(&packages));
    steps.run("downstream kernel of docs/PORTING.md", || kernels::downstream().map(drop));
    steps.run("downstream device of CONTRIBUTING.md", downstream::check_device);
    steps.run("cargo test, libraries, all features", || {
        quietly(&[&["test", "--all-features"], &*strs(&libraries)].concat(), &[])
    });
    steps.run("registers of a hypercall on arm64", || {
        let calls = arm64::check()?;
        ui::line(format!("      {calls} hypercalls with every register where it belongs"));
        Ok(())
    });
    let tests = [&["test"], &*defaults].concat();
    steps.run("cargo test, xen-sim, examples and xtask", || quietly(&tests, &[]));
    steps.run("cargo doc", || {
        let args = ["doc", "--no-deps", "--all-features"];
        let documented = [&args, &*strs(&libraries), &*strs(&hosted)].concat();
        let strict = [("RUSTDOCFLAGS", "-D warnings")];
        quietly(&documented, &strict)?;
        // The libraries whose items differ by architecture.
        let differ = ["-p", "xen-guest", "-p", "xen-hypercall", "--target", ARM];
        quietly(&[&["doc", "--no-deps"], &differ[..]].concat(), &strict)
    });
    Ok(())
}

/// Builds a kernel outside the workspace on the libraries.
pub(crate) fn downstream(packages: &Packages) -> Result<()> {
    downstream::check(&packages.libraries, &packages.hosted, &TARGETS)
}

fn each_feature(steps: &mut Steps, packages: &Packages) {
    steps.run("each feature by itself", || {
        let count = features(packages)?;
        ui::line(format!("      {count} combinations of a crate and at most one feature"));
        Ok(())
    });
}

/// Checks each published crate without features and with each of its features alone; returns the
/// number of combinations.
fn features(packages: &Packages) -> Result<usize> {
    let mut count = 0;
    for library in packages.published() {
        let none = std::iter::once(None);
        for feature in none.chain(library.features.iter().map(Some)) {
            let mut args = vec!["clippy", "--lib", "--no-default-features", "-p", &library.name];
            args.extend(feature.into_iter().flat_map(|feature| ["--features", feature]));
            args.extend(DENY);
            quietly(&args, &[])?;
            count += 1;
        }
    }
    ensure!(count > packages.published().count(), "no library has a feature");
    Ok(count)
}

fn names(libraries: &[Library]) -> Vec<String> {
    select(libraries.iter().map(|library| library.name.as_str()))
}

fn strs(args: &[String]) -> Vec<&str> {
    args.iter().map(String::as_str).collect()
}

/// Runs cargo; its output is shown only if it fails.
fn quietly(args: &[&str], env: &[(&str, &str)]) -> Result<()> {
    let mut cargo = Command::new(host::cargo());
    cargo.args(args).current_dir(host::root()).envs(env.iter().copied()).stdin(Stdio::null());
    host::run(&mut cargo)
}
