//! `cargo xtask test` and `cargo xtask ci`: host checks step by step, then the real-Xen tests.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::lab::{self, XenVersion};
use crate::selftest::{self, Role};
use crate::{arm64, checkers, downstream, driver, fresh, fuzz, host, kernels, prose, ui, xentest};

const TARGETS: [&str; 2] = ["x86_64-unknown-none", "aarch64-unknown-none"];

/// Options of `test`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Leaves the real-Xen tests out
    #[arg(long)]
    no_xen: bool,
    /// Leaves the host checks out
    #[arg(long, conflicts_with = "no_xen")]
    only_xen: bool,
    /// Real-Xen tests on this version only (default: on both)
    #[arg(long, value_enum)]
    xen: Option<XenVersion>,
    /// Fetches and builds what the real-Xen tests need, and runs none
    #[arg(long, conflicts_with = "no_xen")]
    prepare: bool,
    /// Tests the driver domain with Linux guests too, copying on one version and mapping on the other: some minutes more
    #[arg(long, conflicts_with = "no_xen")]
    driver_domain: bool,
}

struct Step {
    name: String,
    took: Duration,
    verdict: Verdict,
}

enum Verdict {
    Passed,
    Failed,
    /// Neither, for this reason.
    NotRun(String),
}

impl Step {
    fn failed(&self) -> bool {
        matches!(self.verdict, Verdict::Failed)
    }
}

pub(crate) fn ci() -> Result<i32> {
    host::setup()?;
    all(&Args { no_xen: false, only_xen: false, xen: None, prepare: false, driver_domain: false }, true)
}

pub(crate) fn downstream() -> Result<i32> {
    let packages = Packages::read()?;
    TARGETS.iter().try_for_each(|target| host::require_target(target))?;
    downstream::check(&packages.features, &packages.hosted, &TARGETS)?;
    Ok(0)
}

pub(crate) fn main(args: &Args) -> Result<i32> {
    all(args, false)
}

fn all(args: &Args, slow: bool) -> Result<i32> {
    let started = Instant::now();
    let versions: Vec<_> = args.xen.map_or(XenVersion::ALL.to_vec(), |v| vec![v]);
    // The packages come while the compiler works.
    let fetch = (!args.no_xen).then(|| {
        thread::spawn({
            let versions = versions.clone();
            move || lab::prepare(&versions)
        })
    });
    let mut steps = Vec::new();
    if !args.only_xen && !args.prepare {
        host_steps(&mut steps)?;
    }
    if slow {
        step(&mut steps, "models: every order of the accesses", checkers::models);
        step(&mut steps, "Miri, crates with unsafe code", checkers::miri);
        step(&mut steps, "fuzz targets, 20 s each", || fuzz::ci(20));
    }
    let mut runs = Vec::new();
    if let Some(fetch) = fetch {
        let mut kernels = None;
        step(&mut steps, "kernels for real Xen", || {
            kernels = Some(xentest::Kernels {
                shell: kernels::shell()?,
                selftest: kernels::selftest()?,
                store_suite: kernels::store_suite()?,
                vchan: kernels::vchan()?,
                rest: kernels::rest()?,
                xs: crate::payload::xs()?,
            });
            Ok(())
        });
        step(&mut steps, "packages and images of the lab", || {
            fetch.join().map_err(|_| anyhow::anyhow!("fetching the lab's packages panicked"))?
        });
        if slow {
            // After the packages have come: it takes them from the cache.
            optional(&mut steps, "the README's commands on a fresh machine", fresh::quick);
        }
        if args.prepare {
            return Ok(summary(&steps, &runs, args, started.elapsed()));
        }
        if let Some(version) = versions.first().filter(|_| kernels.is_some()) {
            step(&mut steps, "report of a guest that crashes", || crate::xen::check_report(*version));
        }
        if let Some(kernels) = &kernels {
            step(&mut steps, "self-test as dom0", || {
                let mut failures = Vec::new();
                for (version, count) in selftest::run(Role::Dom0, &versions, &kernels.selftest, false) {
                    match count {
                        Ok(count) => ui::line(format!("      Xen {version}: {count} results as expected")),
                        Err(error) => failures.push(format!("Xen {version}: {error:#}")),
                    }
                }
                if failures.is_empty() { Ok(()) } else { bail!("{}", failures.join("\n")) }
            });
        }
        if let (Some(kernels), true) = (kernels, !steps.iter().any(|s| s.failed() && s.name.contains("lab")))
        {
            step(&mut steps, "real Xen", || {
                runs = xentest::run(&versions, &kernels)?;
                Ok(())
            });
        }
    }
    if args.driver_domain || slow {
        step(&mut steps, "driver domain with Linux guests", driver::both);
    }
    Ok(summary(&steps, &runs, args, started.elapsed()))
}

fn summary(steps: &[Step], runs: &[xentest::Run], args: &Args, took: Duration) -> i32 {
    ui::line("\nsteps");
    for step in steps {
        let verdict = match &step.verdict {
            Verdict::Passed => ui::green("ok  "),
            Verdict::Failed => ui::red("FAIL"),
            Verdict::NotRun(_) => "--  ".to_owned(),
        };
        ui::line(format!("  {verdict}  {:<56}{:>7.1} s", step.name, step.took.as_secs_f32()));
        if let Verdict::NotRun(reason) = &step.verdict {
            ui::line(format!("        not run: {reason}"));
        }
    }
    let mut passed = steps.iter().filter(|s| matches!(s.verdict, Verdict::Passed)).count();
    let mut failed = steps.iter().filter(|s| s.failed()).count();
    for run in runs {
        let good = run.checks.iter().filter(|c| c.ok).count();
        ui::line(format!(
            "\nreal Xen {}: {good} of {} checks hold, {:.0} s",
            run.xen,
            run.checks.len(),
            run.report.elapsed
        ));
        for check in run.checks.iter().filter(|c| !c.ok) {
            ui::line(format!("  {}  {}", ui::red("FAIL"), check.name));
        }
        passed += good;
        failed += run.checks.len() - good;
    }
    for run in runs {
        ui::line(format!("\n{}", run.report.table()));
        match run.report.save() {
            Ok(path) => ui::line(ui::dim(&format!("  {}", path.display()))),
            Err(error) => ui::line(format!("  {error:#}")),
        }
    }
    ui::line(format!("\n{:.0} s in all", took.as_secs_f32()));
    if args.no_xen {
        ui::line("The real-Xen tests were left out (--no-xen).");
    }
    if args.only_xen {
        ui::line("The host checks were left out (--only-xen).");
    }
    if args.prepare {
        ui::line("Only what the real-Xen tests need was prepared (--prepare).");
    }
    ui::line(format!("{passed} passed, {failed} failed"));
    i32::from(failed > 0)
}

/// The workspace's packages: libraries for kernels, libraries for hosts, and the rest.
struct Packages {
    libraries: Vec<String>,
    /// The libraries again, with their features.
    features: Vec<downstream::Library>,
    hosted: Vec<String>,
    others: Vec<String>,
    kernels: Vec<String>,
}

impl Packages {
    fn read() -> Result<Packages> {
        let mut cargo = Command::new(host::cargo());
        cargo.args(["metadata", "--no-deps", "--format-version", "1"]).current_dir(host::root());
        let metadata: serde_json::Value = serde_json::from_str(&host::output(&mut cargo)?)?;
        let packages = metadata["packages"].as_array().context("cargo metadata names no packages")?;
        let mut found =
            Packages { libraries: vec![], features: vec![], hosted: vec![], others: vec![], kernels: vec![] };
        for package in packages {
            let name = package["name"].as_str().context("a package without a name")?.to_owned();
            let no_std =
                package["categories"].as_array().is_some_and(|all| all.iter().any(|c| c == "no-std"));
            // `publish = false` is an empty list here: examples and tools.
            let list = match package["publish"].is_null() {
                true if no_std => &mut found.libraries,
                true => &mut found.hosted,
                false => &mut found.others,
            };
            list.push(name.clone());
            if package["publish"].is_null() && no_std {
                found.features.push(downstream::library(package)?);
            }
            if package["features"].get("kernel").is_some() {
                found.kernels.push(name);
            }
        }
        if found.libraries.is_empty() {
            bail!("no library crates in the workspace");
        }
        Ok(found)
    }
}

fn host_steps(steps: &mut Vec<Step>) -> Result<()> {
    let packages = Packages::read()?;
    let select =
        |names: &[String]| -> Vec<String> { names.iter().flat_map(|n| ["-p".into(), n.clone()]).collect() };
    let (libraries, hosted) = (select(&packages.libraries), select(&packages.hosted));
    let (others, kernels) = (select(&packages.others), select(&packages.kernels));
    // All features of a hosted library at once would replace what it does by its fallback for other hosts.
    let defaults = [hosted.clone(), others].concat();
    let documented = [libraries.clone(), hosted].concat();
    let words = |text: &str| -> Vec<String> { text.split_whitespace().map(str::to_owned).collect() };
    // `kernel` features do not link for a host, so only the libraries are built with all features.
    let cargo = |before: &str, packages: &[String], after: &str| {
        [words(before), packages.to_vec(), words(after)].concat()
    };

    let mut targets = BTreeSet::from(TARGETS);
    targets.insert(kernels::TARGET);
    step(steps, "Rust targets and components", || {
        host::require_components(&host::COMPONENTS)?;
        targets.iter().try_for_each(|t| host::require_target(t))
    });
    step(steps, "cargo fmt --check", || {
        quietly(&words("fmt --all --check"), &[])?;
        quietly(&words("fmt --check --manifest-path fuzz/Cargo.toml"), &[])
    });
    step(steps, "language of docs, comments and names", prose::check);
    step(steps, "clippy, libraries, all features", || {
        quietly(&cargo("clippy --all-targets --all-features", &libraries, "-- -D warnings"), &[])
    });
    step(steps, "clippy, xen-sim, examples and xtask", || {
        quietly(&cargo("clippy --all-targets", &defaults, "-- -D warnings"), &[])
    });
    if !kernels.is_empty() {
        let before = format!("clippy --features kernel --target {}", kernels::TARGET);
        step(steps, "clippy, kernels", || quietly(&cargo(&before, &kernels, "-- -D warnings"), &[]));
    }
    for target in TARGETS {
        step(steps, &format!("libraries without default features, {target}"), || {
            quietly(&cargo(&format!("build --no-default-features --target {target}"), &libraries, ""), &[])
        });
    }
    step(steps, "downstream kernel, resolver 1", || {
        downstream::check(&packages.features, &packages.hosted, &TARGETS)
    });
    step(steps, "cargo test, libraries, all features", || {
        quietly(&cargo("test --all-features", &libraries, ""), &[])
    });
    step(steps, "registers of a hypercall on arm64", || {
        let calls = arm64::check()?;
        ui::line(format!("      {calls} hypercalls with every register where it belongs"));
        Ok(())
    });
    step(steps, "cargo test, xen-sim, examples and xtask", || quietly(&cargo("test", &defaults, ""), &[]));
    step(steps, "cargo doc", || {
        quietly(&cargo("doc --no-deps --all-features", &documented, ""), &[("RUSTDOCFLAGS", "-D warnings")])
    });
    Ok(())
}

/// Runs one step; its failure is shown and counted, and the next one goes on.
fn step(steps: &mut Vec<Step>, name: &str, work: impl FnOnce() -> Result<()>) {
    optional(steps, name, || work().map(|()| None));
}

/// Runs one step that returns the reason if it cannot run on this machine; it has not passed then.
fn optional(steps: &mut Vec<Step>, name: &str, work: impl FnOnce() -> Result<Option<String>>) {
    let spinner = ui::is_terminal().then(|| ui::spinner(name));
    let started = Instant::now();
    let done = work();
    let took = started.elapsed();
    if let Some(spinner) = spinner {
        spinner.finish_and_clear();
    }
    match &done {
        Ok(Some(reason)) => ui::line(format!("--    {name}  not run: {reason}")),
        Ok(None) => ui::line(format!(
            "{}  {name}  {}",
            ui::green("ok  "),
            ui::dim(&format!("{:.1} s", took.as_secs_f32()))
        )),
        Err(error) => ui::line(format!("{}  {name}\n{error:#}", ui::red("FAIL"))),
    }
    let verdict = match done {
        Ok(None) => Verdict::Passed,
        Ok(Some(reason)) => Verdict::NotRun(reason),
        Err(_) => Verdict::Failed,
    };
    steps.push(Step { name: name.to_owned(), took, verdict });
}

/// Runs cargo with its output kept back until it fails.
fn quietly(args: &[String], env: &[(&str, &str)]) -> Result<()> {
    let mut cargo = Command::new(host::cargo());
    cargo.args(args).current_dir(host::root()).envs(env.iter().copied()).stdin(Stdio::null());
    host::run(&mut cargo)
}
