//! The real-Xen tests: one boot per Xen version, side by side, all comparisons by
//! `payload/test.sh`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use anyhow::Result;

use crate::conformance::{self, Said};
use crate::guest_log::GuestLog;
use crate::payload::{self, Check, Line};
use crate::report::Report;
use crate::selftest::{self, Tally};
use crate::testbed::{Arch, Archive, Boot, Ending, Event, Outcome, XenVersion};
use crate::{host, kernels, ui};

const SCRIPT: &str = include_str!("../payload/test.sh");
const HOTPLUG: &str = include_str!("../payload/hotplug.sh");
const QUEUES: &str = include_str!("../payload/queues.sh");
const MANAGE: &str = include_str!("../payload/manage.sh");
const MISDEEDS: &str = include_str!("../payload/misdeeds.sh");
const MEMORY: &str = include_str!("../payload/memory.sh");
const TWO_VCPUS: &str = include_str!("../payload/two-vcpus.sh");
const VCHAN: &str = include_str!("../payload/vchan.sh");

/// Parts of Xen's log lines that are no complaints.
const PEACEFUL: [&str; 21] = [
    " save: ",
    " restore: ",
    "HVM restore d",
    ": upcall vector ",
    "gnttab_usage_print_all",
    "-------- active --------",
    "[ref] localdom",
    "grant-table for remote",
    " maptrack frames",
    "no active grant table entries",
    "(XEN) [0x",
    "Expanding d",
    "PCI add device",
    "Preparing system for ACPI",
    "Disabling non-boot CPUs",
    "Broke affinity",
    "Entering ACPI",
    "Hardware Dom0 halted",
    // Linux on Arm probes what Xen does not have.
    "Unhandled SMC/HVC: ",
    ": vGICD: ",
    ": vGICR: ",
];

/// The result of one version's run.
pub(crate) struct Run {
    pub(crate) arch: Arch,
    pub(crate) xen: XenVersion,
    pub(crate) checks: Vec<Check>,
    pub(crate) report: Report,
}

impl Run {
    /// Returns the version, with the architecture if it is not x86.
    pub(crate) fn title(&self) -> String {
        title(self.arch, self.xen)
    }
}

/// Returns the version of the interrupt controller on arm64; the self-test has the other one.
fn gic(xen: XenVersion) -> u32 {
    match xen {
        XenVersion::V4_17 => 2,
        XenVersion::V4_20 => 3,
    }
}

fn title(arch: Arch, xen: XenVersion) -> String {
    match arch {
        Arch::X86_64 => xen.to_string(),
        Arch::Arm64 => format!("{xen}-{arch}"),
    }
}

/// Programs under test: kernels as guests, and a program in dom0.
pub(crate) struct Kernels {
    pub(crate) arch: Arch,
    pub(crate) shell: PathBuf,
    pub(crate) vchan: PathBuf,
    pub(crate) xs: PathBuf,
    pub(crate) selftest: PathBuf,
    pub(crate) reporting: Option<Reporting>,
}

/// Kernels that report to Xen's log, which guests on x86 alone can do, or that are suspended.
pub(crate) struct Reporting {
    pub(crate) store_suite: PathBuf,
    pub(crate) suspend_test: PathBuf,
}

impl Kernels {
    /// Builds the kernels that run on `arch`.
    pub(crate) fn build(arch: Arch) -> Result<Kernels> {
        let reporting = match arch {
            Arch::X86_64 => Some(Reporting {
                store_suite: kernels::store_suite(arch)?,
                suspend_test: kernels::suspend_test()?,
            }),
            Arch::Arm64 => None,
        };
        Ok(Kernels {
            arch,
            shell: kernels::shell(arch)?,
            vchan: kernels::vchan(arch)?,
            xs: payload::xs(arch)?,
            selftest: kernels::selftest(arch)?,
            reporting,
        })
    }
}

/// Runs the tests on all `versions` at once, a core for each.
pub(crate) fn run(versions: &[XenVersion], kernels: &Kernels) -> Result<Vec<Run>> {
    let mut runs = Vec::new();
    let arch = kernels.arch;
    for &xen in versions {
        let mut archive = payload::archive(arch, SCRIPT, &kernels.shell)?;
        if let Some(reporting) = &kernels.reporting {
            archive.copy("payload/selftest", &kernels.selftest)?;
            archive.copy("payload/store-suite", &reporting.store_suite)?;
            archive.copy("payload/suspend-test", &reporting.suspend_test)?;
        }
        archive.copy("payload/vchan", &kernels.vchan)?;
        archive.file("payload/vchan.sh", 0o644, VCHAN);
        archive.file("payload/hotplug.sh", 0o644, HOTPLUG);
        archive.file("payload/queues.sh", 0o644, QUEUES);
        archive.file("payload/manage.sh", 0o644, MANAGE);
        archive.file("payload/misdeeds.sh", 0o644, MISDEEDS);
        archive.file("payload/memory.sh", 0o644, MEMORY);
        archive.file("payload/two-vcpus.sh", 0o644, TWO_VCPUS);
        archive.copy("payload/xs", &kernels.xs)?;
        let linux_size = payload::add_linux(&mut archive, arch, xen)?;
        let log = host::results()?.join(format!("test-{}.log", title(arch, xen)));
        let shell_size = kernels::loaded_size(arch, &kernels.shell)?;
        let figures = BTreeMap::new();
        let report = Report { arch, xen, shell_size, linux_size, figures, elapsed: 0.0 };
        let boot = Boot { arch, gic: gic(xen), ..Boot::new(xen, log) };
        runs.push((Run { arch, xen, checks: Vec::new(), report }, archive, boot));
    }
    thread::scope(|scope| {
        let jobs: Vec<_> = runs
            .into_iter()
            .map(|(mut run, archive, boot)| {
                scope.spawn(move || {
                    if let Err(error) = one(&mut run, boot, &archive) {
                        let check =
                            Check::new("the testbed", false, format!("{error:#}"), "a boot of Xen");
                        ui::line(format!("xen {}  {}", run.title(), check.describe()));
                        run.checks.push(check);
                    }
                    run
                })
            })
            .collect();
        let join = |job: thread::ScopedJoinHandle<'_, Run>| match job.join() {
            Ok(run) => run,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        Ok(jobs.into_iter().map(join).collect())
    })
}

fn one(run: &mut Run, mut boot: Boot, archive: &Archive) -> Result<()> {
    boot.timeout = Duration::from_secs(1200);
    let xen = run.title();
    let progress = ui::spinner(&format!("Xen {xen}: booting"));
    let mut seen = Seen::of(run.arch, run.xen);
    let outcome = boot.run(archive, None, &mut |event| {
        seen.complaints.record(&event);
        match event {
            Event::Mark(_) => {}
            Event::Xen(line) => seen.guests(line),
            Event::Payload(line) => seen.payload(&xen, line),
        }
        if !seen.step.is_empty() {
            progress.set_prefix(format!("Xen {xen}: {}", seen.step));
        }
        progress.set_message(format!("{} checks", seen.checks.len()));
    });
    progress.finish_and_clear();
    // What was seen counts, whatever became of the boot.
    run.checks.append(&mut seen.checks);
    let outcome = outcome?;
    for check in seen.last_checks(&outcome) {
        ui::line(format!("xen {xen}  {}", check.describe()));
        run.checks.push(check);
    }
    if run.checks.iter().any(|c| !c.ok) {
        ui::line(ui::dim(&format!("xen {xen}  the whole log is {}", boot.log.display())));
    }
    run.report.figures = seen.figures;
    run.report.elapsed = outcome.elapsed.as_secs_f64();
    Ok(())
}

/// Complaints of Xen while a payload runs.
#[derive(Default)]
pub(crate) struct Complaints {
    lines: Vec<String>,
    /// dom0 is up and the payload runs.
    running: bool,
    /// Guests were started of which Xen may complain.
    misdeeds: bool,
}

impl Complaints {
    pub(crate) fn record(&mut self, event: &Event<'_>) {
        match event {
            Event::Mark(mark) => self.running |= mark.starts_with("run"),
            Event::Payload(line) => self.misdeeds |= *line == "MISDEEDS",
            Event::Xen(line) => {
                let peaceful = PEACEFUL.iter().any(|p| line.contains(p));
                if self.running && !self.misdeeds && line.starts_with("(XEN)") && !peaceful {
                    self.lines.push((*line).to_owned());
                }
            }
        }
    }

    pub(crate) fn check(&self) -> Check {
        let none = self.lines.is_empty();
        let found = if none { "none".to_owned() } else { self.lines.join("\n                  ") };
        Check::new("Xen's log: complaints", none, found, "none")
    }
}

/// Results of a run.
struct Seen {
    step: String,
    checks: Vec<Check>,
    figures: BTreeMap<String, Vec<f64>>,
    complaints: Complaints,
    guest_log: GuestLog,
    /// Output of the self-test kernel as a guest.
    selftest: Tally,
    /// Output of the store suite about dom0's xenstored.
    suite: Said,
    complete: bool,
    arch: Arch,
}

impl Seen {
    fn of(arch: Arch, xen: XenVersion) -> Seen {
        Seen {
            arch,
            step: String::new(),
            checks: Vec::new(),
            figures: BTreeMap::new(),
            complaints: Complaints::default(),
            guest_log: GuestLog::default(),
            selftest: Tally::default(),
            suite: Said::of(conformance::xenstored(xen)),
            complete: false,
        }
    }

    fn guests(&mut self, line: &str) {
        if let Some(line) = self.guest_log.push_line(line) {
            self.selftest.take(&line);
            self.suite.take(&line);
        }
    }

    fn payload(&mut self, xen: &str, line: &str) {
        match payload::parse(line) {
            Line::Step(step) => self.step = step.to_owned(),
            Line::Check(check) => {
                ui::line(format!("xen {xen}  {}", check.describe()));
                self.checks.push(check);
            }
            Line::Figure(name, value) => {
                self.figures.entry(name.to_owned()).or_default().push(value);
            }
            Line::Show(text) => ui::line(ui::dim(&format!("xen {xen}        | {text}"))),
            Line::Other("END") => self.complete = true,
            Line::Other(_) | Line::Say(_) | Line::Console(_) => {}
        }
    }

    /// Returns the checks of the whole run.
    fn last_checks(&self, outcome: &Outcome) -> Vec<Check> {
        let mut checks = Vec::new();
        if self.arch == Arch::X86_64 {
            let told = |verdict: Result<String>| match verdict {
                Ok(what) => (true, what),
                Err(error) => (false, format!("{error:#}")),
            };
            let selftest = self.selftest.verdict(selftest::GUESTS);
            let selftest = told(selftest.map(|count| format!("{count} results")));
            let suite = told(self.suite.verdict());
            checks.push(Check::new(
                "self-test as a guest",
                selftest.0,
                selftest.1,
                "all results as expected, and their count",
            ));
            checks.push(Check::new(
                "xenstored, over a guest's ring",
                suite.0,
                suite.1,
                "the protocol, or a known difference",
            ));
        }
        checks.push(self.complaints.check());
        checks.push(Check::new(
            "the run came to its end",
            self.complete && outcome.ending == Ending::Exit(0),
            outcome.describe(),
            "exit code 0",
        ));
        checks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_counts_only_during_payload() {
        let mut complaints = Complaints::default();
        for event in [
            Event::Xen("(XEN) No NUMA configuration found"),
            Event::Mark("run 3.1"),
            Event::Xen("(XEN) HVM d1v0 save: CPU"),
            Event::Xen("(XEN) grant_table.c:803:d0v0 Bad flags (0) or dom (0); expected d0"),
            Event::Payload("MISDEEDS"),
            Event::Xen("(XEN) domain_crash called"),
        ] {
            complaints.record(&event);
        }
        assert_eq!(complaints.lines.len(), 1);
    }
}
