//! `cargo xtask test` and `cargo xtask ci`: host checks step by step, then the real-Xen tests.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::packages::Packages;
use crate::selftest::{self, Role};
use crate::steps::{Background, Steps};
use crate::testbed::{self, Arch, XenVersion};
use crate::{
    checkers, checks, dom0less, driver, fresh, fuzz, host, hvm, kernels, noxen, ui, xentest,
};

/// The step without which nothing can run on real Xen.
const TESTBED: &str = "packages and images of the testbed";

/// Time of each fuzz target in `ci`. `cargo xtask fuzz` runs each for longer.
const FUZZ_SECONDS: u32 = 10;

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
    /// Real-Xen tests on this architecture only (default: on both)
    #[arg(long, value_enum)]
    arch: Option<Arch>,
    /// Fetches and builds what the real-Xen tests need, and runs none
    #[arg(long, conflicts_with = "no_xen")]
    prepare: bool,
    /// Tests the driver domain with Linux guests too, copying on one version and mapping on the
    /// other: some minutes more
    #[arg(long, conflicts_with = "no_xen")]
    driver_domain: bool,
    /// Tests HVM guests with QEMU's device model too: some minutes more
    #[arg(long, conflicts_with = "no_xen")]
    hvm: bool,
}

pub(crate) fn ci() -> Result<i32> {
    host::setup()?;
    all(
        &Args {
            no_xen: false,
            only_xen: false,
            xen: None,
            arch: None,
            prepare: false,
            driver_domain: false,
            hvm: false,
        },
        true,
    )
}

pub(crate) fn downstream() -> Result<i32> {
    let packages = Packages::read()?;
    checks::TARGETS.iter().try_for_each(|target| host::require_target(target))?;
    checks::downstream(&packages)?;
    Ok(0)
}

pub(crate) fn main(args: &Args) -> Result<i32> {
    all(args, false)
}

fn all(args: &Args, slow: bool) -> Result<i32> {
    let started = Instant::now();
    let versions: Vec<_> = args.xen.map_or(XenVersion::ALL.to_vec(), |v| vec![v]);
    let archs = args.arch.map_or(vec![Arch::X86_64, Arch::Arm64], |arch| vec![arch]);
    // The packages come while the compiler works.
    let fetch = (!args.no_xen).then(|| {
        thread::spawn({
            let (archs, versions) = (archs.clone(), versions.clone());
            move || archs.iter().try_for_each(|&arch| testbed::prepare(arch, &versions))
        })
    });
    let mut steps = Steps::default();
    if !args.only_xen && !args.prepare {
        checks::all(&mut steps)?;
    }
    let mut runs = Vec::new();
    let fetched = fetch.is_some();
    if let Some(fetch) = fetch {
        steps.run(TESTBED, || {
            fetch.join().map_err(|_| anyhow::anyhow!("fetching the testbed's packages panicked"))?
        });
    }
    // These use one core, as do the models' longest tests and a single boot.
    let mut background = Vec::new();
    if slow {
        background.push(Background::start("Miri, crates with unsafe code", checkers::miri));
        if fetched {
            // It takes the packages from the cache.
            let name = "the README's commands on a fresh machine";
            background.push(Background::optional(name, fresh::quick));
        }
        let name = format!("fuzz targets, {FUZZ_SECONDS} s each");
        steps.run(&name, || fuzz::ci(FUZZ_SECONDS));
        steps.run("models: every order of the accesses", checkers::models);
    }
    if fetched {
        let (mut kernels, mut arm_kernels) = (None, None);
        steps.run("kernels for real Xen", || {
            for &arch in &archs {
                let built = Some(xentest::Kernels::build(arch)?);
                match arch {
                    Arch::X86_64 => kernels = built,
                    Arch::Arm64 => arm_kernels = built,
                }
            }
            Ok(())
        });
        if args.prepare {
            return Ok(summary(&steps, &runs, args, started.elapsed()));
        }
        if let Some(&version) = versions.first().filter(|_| kernels.is_some()) {
            let report = Background::start("report of a guest that crashes", move || {
                crate::xen::check_report(version)
            });
            steps.run("downstream kernel of docs/PORTING.md, as guest", || {
                crate::xen::check_downstream(version, &kernels::downstream()?)
            });
            steps.join(report);
        }
        if let Some(kernels) = &kernels {
            steps.run("the shell without Xen", || noxen::check(&kernels.shell));
        }
        // The steps that follow boot one emulator for each core.
        for step in background.drain(..) {
            steps.join(step);
        }
        for (step, kernels, roles) in [
            ("self-test as dom0", &kernels, &[Role::Dom0][..]),
            ("self-test on arm64, as dom0 and guest", &arm_kernels, &[Role::Dom0, Role::Guest]),
        ] {
            if let Some(kernels) = kernels {
                steps.run(step, || self_test(kernels, roles, &versions));
            }
        }
        if arm_kernels.is_some() {
            steps.run("domains that Xen for Arm starts itself", || {
                dom0less::run(&versions, None, false)
            });
        }
        if kernels.is_some() && versions.contains(&XenVersion::V4_20) {
            steps.run("relocated kernel as dom0", || selftest::relocated().map(drop));
        }
        for (step, kernels) in [("real Xen", kernels), ("real Xen on arm64", arm_kernels)] {
            if let (Some(kernels), true) = (kernels, !steps.has_failed(TESTBED)) {
                steps.run(step, || {
                    runs.append(&mut xentest::run(&versions, &kernels)?);
                    Ok(())
                });
            }
        }
    }
    for step in background {
        steps.join(step);
    }
    if args.driver_domain || slow {
        for &arch in &archs {
            let step = format!("driver domain with Linux guests, {arch}");
            steps.run(&step, || driver::both(arch));
        }
    }
    if args.hvm || slow {
        steps.run("HVM guests", || hvm::run(&versions, !args.hvm, false));
    }
    Ok(summary(&steps, &runs, args, started.elapsed()))
}

/// Runs the self-test in each role.
fn self_test(kernels: &xentest::Kernels, roles: &[Role], versions: &[XenVersion]) -> Result<()> {
    let mut failures = Vec::new();
    for &role in roles {
        let runs = selftest::run(kernels.arch, role, versions, &kernels.selftest, false);
        for (version, count) in runs {
            match count {
                Ok(count) => {
                    ui::line(format!("      Xen {version}: {count} results as expected"));
                }
                Err(error) => failures.push(format!("Xen {version}: {error:#}")),
            }
        }
    }
    if failures.is_empty() { Ok(()) } else { bail!("{}", failures.join("\n")) }
}

fn summary(steps: &Steps, runs: &[xentest::Run], args: &Args, took: Duration) -> i32 {
    let (mut passed, mut failed) = steps.table();
    for run in runs {
        let good = run.checks.iter().filter(|c| c.ok).count();
        ui::line(format!(
            "\nreal Xen {}: {good} of {} checks hold, {:.0} s",
            run.title(),
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
