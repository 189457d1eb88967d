//! Boots whose payloads judge themselves, at the same time, a core for each.

use std::thread;

use anyhow::{Result, bail};

use crate::payload::{self, Line};
use crate::testbed::{self, Arch, Archive, Boot, Ending, Event, XenVersion};
use crate::ui;
use crate::xentest::Complaints;

/// The end of a device that is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum End {
    Front,
    Back,
}

/// A boot and its payload.
pub(crate) struct Job {
    pub(crate) name: String,
    pub(crate) boot: Boot,
    pub(crate) archive: Archive,
}

/// Returns the boot with a policy by which a guest can serve another one.
pub(crate) fn serving(mut boot: Boot) -> Boot {
    if boot.arch == Arch::Arm64 {
        // Debian's Xen for arm64 lets no guest serve another by default.
        boot.xen_args = "xsm=dummy".to_owned();
    }
    boot
}

/// Runs the boots of one end after those of the other, each on all versions at a time. Returns the
/// exit code.
pub(crate) fn of_ends(
    title: &str,
    arch: Arch,
    end: Option<End>,
    versions: &[XenVersion],
    verbose: bool,
    job: impl Fn(End, XenVersion) -> Result<Job>,
) -> Result<i32> {
    testbed::prepare(arch, versions)?;
    let mut code = 0;
    for end in end.map_or(vec![End::Front, End::Back], |end| vec![end]) {
        let jobs = versions.iter().map(|&xen| job(end, xen)).collect::<Result<Vec<_>>>()?;
        if let Err(error) = side_by_side(title, &jobs, verbose) {
            ui::line(format!("{} {error:#}", ui::red("FAIL")));
            code = 1;
        }
    }
    Ok(code)
}

/// Runs the boots, and prints each check. Fails if a check fails, if Xen complains, or if a payload
/// does not come to its end.
pub(crate) fn side_by_side(title: &str, jobs: &[Job], verbose: bool) -> Result<()> {
    thread::scope(|scope| {
        let jobs: Vec<_> =
            jobs.iter().map(|job| scope.spawn(move || job.run(title, verbose))).collect();
        let mut failures = Vec::new();
        for job in jobs {
            match job.join() {
                Ok(Ok(())) => {}
                Ok(Err(error)) => failures.push(format!("{error:#}")),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        if failures.is_empty() { Ok(()) } else { bail!("{}", failures.join("\n")) }
    })
}

impl Job {
    fn run(&self, title: &str, verbose: bool) -> Result<()> {
        let Self { name, boot, archive } = self;
        let progress = ui::spinner(&format!("{name}: booting"));
        let mut checks = Vec::new();
        let mut complaints = Complaints::default();
        let mut complete = false;
        let outcome = boot.run(archive, None, &mut |event| {
            complaints.record(&event);
            let Event::Payload(line) = event else { return };
            match payload::parse(line) {
                Line::Step(step) => progress.set_prefix(format!("{name}: {step}")),
                Line::Check(check) => {
                    ui::line(format!("{name}  {}", check.describe()));
                    checks.push(check);
                }
                Line::Figure(what, value) => {
                    ui::line(ui::dim(&format!("{name}        {what} {value:.1} s")));
                }
                Line::Show(text) => ui::line(ui::dim(&format!("{name}        | {text}"))),
                Line::Console(text) if verbose => {
                    ui::line(ui::dim(&format!("{name}        {text}")));
                }
                Line::Other("END") => complete = true,
                _ => {}
            }
        })?;
        progress.finish_and_clear();
        let quiet = complaints.check();
        ui::line(format!("{name}  {}", quiet.describe()));
        checks.push(quiet);
        let good = checks.iter().filter(|check| check.ok).count();
        ui::line(format!(
            "{name}  {title}: {good} of {} checks hold; {}",
            checks.len(),
            outcome.describe()
        ));
        if good < checks.len() || !complete || outcome.ending != Ending::Exit(0) {
            bail!("{name}: {}; the whole log is {}", outcome.describe(), boot.log.display());
        }
        Ok(())
    }
}
