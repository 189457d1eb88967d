//! `cargo xtask selftest`: a kernel of ours, as dom0 of real Xen and as a guest of each kind, calls
//! what Xen lets it call, and compares each result with what it should be.

use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::guest_log::GuestLog;
use crate::payload::{self, Line};
use crate::testbed::{self, Arch, Archive, Boot, Ending, Event, XenVersion};
use crate::{host, kernels, ui};

const SCRIPT: &str = include_str!("../payload/selftest.sh");

/// The guests that a Linux dom0 starts one after the other: PVH and HVM.
pub(crate) const GUESTS: usize = 2;

/// Returns the number of guests of an architecture.
fn guests(arch: Arch) -> usize {
    match arch {
        Arch::X86_64 => GUESTS,
        Arch::Arm64 => 1,
    }
}

/// Returns the version of the interrupt controller on arm64; the test of `xentest` has the other
/// one.
pub(crate) fn gic(xen: XenVersion) -> u32 {
    match xen {
        XenVersion::V4_17 => 3,
        XenVersion::V4_20 => 2,
    }
}

/// Options of `selftest`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// On this version only (default: on both)
    #[arg(long, value_enum)]
    xen: Option<XenVersion>,
    /// Architecture
    #[arg(long, value_enum, default_value = "x86_64")]
    arch: Arch,
    /// As this only (default: as both)
    #[arg(long = "as", value_enum, value_name = "ROLE")]
    role: Option<Role>,
    /// Shows a line for each operation
    #[arg(long, short)]
    verbose: bool,
}

/// Role of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Role {
    /// The domain that Xen itself starts
    Dom0,
    /// A PVH guest of a Linux dom0, then an HVM guest on x86
    Guest,
}

pub(crate) fn main(args: &Args) -> Result<i32> {
    let versions: Vec<_> = args.xen.map_or(XenVersion::ALL.to_vec(), |v| vec![v]);
    let roles: Vec<_> = args.role.map_or(vec![Role::Dom0, Role::Guest], |role| vec![role]);
    let kernel = kernels::selftest(args.arch)?;
    testbed::prepare(args.arch, &versions)?;
    let (mut total, mut failed) = (0, 0);
    for role in roles {
        let name = match role {
            Role::Dom0 => "dom0",
            Role::Guest => "guests",
        };
        for (version, count) in run(args.arch, role, &versions, &kernel, args.verbose) {
            match count {
                Ok(count) => {
                    total += count;
                    ui::line(format!(
                        "{} Xen {version}, as {name}: {count} results as expected",
                        ui::green("ok")
                    ));
                }
                Err(error) => {
                    failed += 1;
                    ui::line(format!("{} Xen {version}, as {name}: {error:#}", ui::red("FAIL")));
                }
            }
        }
        if role == Role::Dom0 && versions.contains(&XenVersion::V4_20) {
            match relocated() {
                Ok(address) => ui::line(format!(
                    "{} Xen 4.20, as dom0: relocated to {address:#x}",
                    ui::green("ok")
                )),
                Err(error) => {
                    failed += 1;
                    ui::line(format!("{} Xen 4.20, relocated: {error:#}", ui::red("FAIL")));
                }
            }
        }
    }
    ui::line(format!("{total} results as expected, {failed} runs failed"));
    Ok(i32::from(failed > 0))
}

/// Boots the kernel on all versions at once, a core for each. Returns how many results it compared
/// on each, all of them as expected.
pub(crate) fn run(
    arch: Arch,
    role: Role,
    versions: &[XenVersion],
    kernel: &Path,
    verbose: bool,
) -> Vec<(XenVersion, Result<usize>)> {
    let one = match role {
        Role::Dom0 => dom0,
        Role::Guest => guest,
    };
    thread::scope(|scope| {
        let jobs: Vec<_> = versions
            .iter()
            .map(|&version| (version, scope.spawn(move || one(arch, version, kernel, verbose))))
            .collect();
        let join = |(version, job): (_, thread::ScopedJoinHandle<'_, _>)| match job.join() {
            Ok(count) => (version, count),
            Err(panic) => std::panic::resume_unwind(panic),
        };
        jobs.into_iter().map(join).collect()
    })
}

/// Boots the kernel as dom0.
fn dom0(arch: Arch, version: XenVersion, kernel: &Path, verbose: bool) -> Result<usize> {
    let log = host::results()?.join(format!("selftest-dom0-{version}-{arch}.log"));
    let mut boot = Boot { arch, gic: gic(version), ..Boot::new(version, log) };
    boot.timeout = Duration::from_secs(900);
    boot.xen_args = "dom0_max_vcpus=2".to_owned();
    boot.stable_tsc = true;
    let mut tally = Tally::default();
    let outcome = boot.kernel(kernel, &mut |event| {
        if let Event::Xen(line) = event
            && tally.dom0(line)
            && verbose
        {
            ui::line(line);
        }
    })?;
    if !matches!(outcome.ending, Ending::Exit(0)) {
        tally.bad.push("the kernel did not shut down in order".into());
    }
    tally.verdict(1).with_context(|| format!("log {}", boot.log.display()))
}

/// Boots a kernel as dom0 that is linked for an address without RAM, and returns an address of its
/// code. Xen relocates such a kernel since 4.20.
pub(crate) fn relocated() -> Result<u64> {
    let kernel = kernels::relocated()?;
    let boot = Boot::new(XenVersion::V4_20, host::results()?.join("relocated.log"));
    let (mut address, mut has_ended) = (None, false);
    let outcome = boot.kernel(&kernel, &mut |event| {
        if let Event::Xen(line) = event {
            if let Some(text) = line.trim().strip_prefix("code at 0x") {
                address = u64::from_str_radix(text, 16).ok();
            }
            has_ended |= line.trim() == "goodbye";
        }
    })?;
    let log = boot.log.display();
    if !matches!(outcome.ending, Ending::Exit(0)) || !has_ended {
        bail!("the kernel did not come to its end; log {log}");
    }
    let address = address.with_context(|| format!("no address of its code; log {log}"))?;
    if address >= kernels::NO_RAM {
        bail!("found its code at {address:#x}, expected less than {:#x}", kernels::NO_RAM);
    }
    Ok(address)
}

/// Boots Linux as dom0 and the kernel as its guest: PVH, then HVM.
fn guest(arch: Arch, version: XenVersion, kernel: &Path, verbose: bool) -> Result<usize> {
    let mut archive = Archive::default();
    archive.file("payload/run", 0o755, SCRIPT);
    archive.file("payload/lib.sh", 0o644, payload::LIB);
    archive.copy("payload/selftest", kernel)?;
    let log = host::results()?.join(format!("selftest-guest-{version}-{arch}.log"));
    let mut boot = Boot { arch, gic: gic(version), ..Boot::new(version, log) };
    boot.append = "QUIET=1".to_owned();
    boot.timeout = Duration::from_secs(900);
    let (mut tally, mut guest_log) = (Tally::default(), GuestLog::default());
    let outcome = boot.run(&archive, None, &mut |event| match event {
        Event::Xen(line) => {
            if let Some(line) = guest_log.push_line(line)
                && tally.take(&line)
                && verbose
            {
                ui::line(line);
            }
        }
        Event::Payload(line) => {
            if let Line::Check(check) = payload::parse(line) {
                if !check.ok {
                    tally.bad.push(check.describe());
                }
            } else if let Some(line) = line.strip_prefix("GUEST|")
                && tally.take(line)
                && verbose
            {
                ui::line(line);
            }
        }
        Event::Mark(_) => {}
    })?;
    if !matches!(outcome.ending, Ending::Exit(0)) {
        tally.bad.push(outcome.describe());
    }
    tally.verdict(guests(arch)).with_context(|| format!("log {}", boot.log.display()))
}

/// The lines of one or more runs.
#[derive(Default)]
pub(crate) struct Tally {
    good: usize,
    bad: Vec<String>,
    /// Runs that came to their end.
    ends: usize,
    /// Counts by the kernel itself: as expected, and otherwise.
    counted: (usize, usize),
    /// The start of a line of dom0's, of which Xen's log has the rest later.
    start: String,
}

impl Tally {
    /// Counts a line of Xen's log where the kernel is dom0; returns whether it is one of the
    /// kernel's.
    fn dom0(&mut self, line: &str) -> bool {
        if line.starts_with("(XEN) ") {
            return false;
        }
        // Xen cuts dom0's line in two with one of its own.
        if let Some((start, _)) = line.split_once("(XEN) ") {
            self.start.push_str(start);
            return false;
        }
        self.take(line)
    }

    /// Counts a line of the kernel's; returns whether it is one.
    pub(crate) fn take(&mut self, rest: &str) -> bool {
        let whole = std::mem::take(&mut self.start) + rest;
        let line = whole.trim();
        if let Some(counts) = line.strip_prefix("selftest OK=") {
            if let Some((good, failed)) = counts_of(counts) {
                self.ends += 1;
                self.counted = (self.counted.0 + good, self.counted.1 + failed);
            }
        } else if line.ends_with(" FAIL") {
            self.bad.push(line.to_owned());
        } else if !line.starts_with("op ") {
            return false;
        } else if line.ends_with(" ok") {
            self.good += 1;
        } else {
            self.bad.push(line.to_owned());
        }
        true
    }

    /// Returns how many results of `runs` runs were as expected.
    ///
    /// # Errors
    ///
    /// One was not, or a line is missing.
    pub(crate) fn verdict(&self, runs: usize) -> Result<usize> {
        if !self.bad.is_empty() {
            bail!("{}", self.bad.join("\n"));
        }
        if self.ends != runs {
            bail!("{} of {runs} runs came to their count, after {} results", self.ends, self.good);
        }
        if self.counted != (self.good, 0) {
            let (good, failed) = self.counted;
            bail!("{} lines came through of {good} results, {failed} failed", self.good);
        }
        Ok(self.good)
    }
}

fn counts_of(text: &str) -> Option<(usize, usize)> {
    let (good, failed) = text.split_once(" FAILED=")?;
    Some((good.parse().ok()?, failed.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(lines: &[&str]) -> Result<usize> {
        let mut tally = Tally::default();
        for line in lines {
            tally.dom0(line);
        }
        tally.verdict(1)
    }

    #[test]
    fn line_cut_by_xen_is_one() {
        let lines = [
            "op a() = Ok(1) (XEN) uart",
            "(XEN) more",
            "expected Ok(1) ok",
            "selftest OK=1 FAILED=0",
        ];
        assert_eq!(verdict(&lines).unwrap(), 1);
    }

    #[test]
    fn only_complete_run_counts() {
        let (ok, bad) = ("op a() = Ok(1) expected Ok(1) ok", "op b() = Ok(1) expected Ok(2) FAIL");
        assert_eq!(verdict(&["(XEN) hello", ok, ok, "selftest OK=2 FAILED=0"]).unwrap(), 2);
        for lines in [
            &[ok, ok][..],
            &[ok, "selftest OK=2 FAILED=0"],
            &[ok, bad, "selftest OK=1 FAILED=1"],
            &[ok, "half a line FAIL", "selftest OK=1 FAILED=0"],
            &["op cut off", "selftest OK=1 FAILED=0"],
            &[ok, "selftest OK=1 FAILED=0", ok, "selftest OK=1 FAILED=0"],
        ] {
            assert!(verdict(lines).is_err(), "{lines:?}");
        }
    }

    #[test]
    fn both_of_two_runs_must_end() {
        let mut tally = Tally::default();
        for line in ["op a() = Ok(1) expected Ok(1) ok", "selftest OK=1 FAILED=0"] {
            tally.take(line);
        }
        assert!(tally.verdict(2).is_err());
        for line in ["op a() = Ok(1) expected Ok(1) ok", "selftest OK=1 FAILED=0"] {
            tally.take(line);
        }
        assert_eq!(tally.verdict(2).unwrap(), 2);
    }
}
