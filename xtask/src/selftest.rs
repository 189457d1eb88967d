//! `cargo xtask selftest`: a kernel of ours is dom0 of real Xen, calls what Xen lets it call, and compares each result with
//! what it should be.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::lab::{self, Boot, Ending, Event, XenVersion};
use crate::{host, kernels, ui};

/// Options of `selftest`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// On this version only (default: on both)
    #[arg(long, value_enum)]
    xen: Option<XenVersion>,
    /// Shows a line for each operation
    #[arg(long, short)]
    verbose: bool,
}

pub(crate) fn main(args: &Args) -> Result<i32> {
    let versions: Vec<_> = args.xen.map_or(XenVersion::ALL.to_vec(), |v| vec![v]);
    let kernel = kernels::selftest()?;
    lab::prepare(&versions)?;
    let mut code = 0;
    for version in versions {
        match dom0(version, &kernel, args.verbose) {
            Ok(count) => ui::line(format!("Xen {version}: {count} results as expected")),
            Err(error) => {
                ui::line(format!("{} Xen {version}: {error:#}", ui::red("FAIL")));
                code = 1;
            }
        }
    }
    Ok(code)
}

/// Boots the kernel as dom0 and returns how many results it compared, all of them as expected.
pub(crate) fn dom0(version: XenVersion, kernel: &Path, verbose: bool) -> Result<usize> {
    let log = host::results()?.join(format!("selftest-{version}.log"));
    let mut boot = Boot::new(version, log);
    boot.timeout = Duration::from_secs(120);
    let mut tally = Tally::default();
    let outcome = boot.kernel(kernel, &mut |event| {
        if let Event::Xen(line) = event
            && tally.take(line)
            && verbose
        {
            ui::line(line);
        }
    })?;
    if !matches!(outcome.ending, Ending::Exit(0)) {
        tally.bad.push("the kernel did not shut down in order".into());
    }
    let log = boot.log.display();
    tally.verdict().map_err(|error| error.context(format!("log {log}")))
}

/// The lines of a run.
#[derive(Default)]
struct Tally {
    good: usize,
    bad: Vec<String>,
    /// What the kernel counted itself: as expected, and otherwise.
    end: Option<(usize, usize)>,
    /// The start of a line that Xen has cut in two with a line of its own.
    start: String,
}

impl Tally {
    /// Counts a line; tells whether it is one of the kernel's.
    fn take(&mut self, line: &str) -> bool {
        if line.starts_with("(XEN) ") {
            return false;
        }
        if let Some((start, _)) = line.split_once("(XEN) ") {
            self.start.push_str(start);
            return false;
        }
        let whole = std::mem::take(&mut self.start) + line;
        let line = whole.trim();
        if let Some(counts) = line.strip_prefix("selftest OK=") {
            self.end =
                counts.split_once(" FAILED=").and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
        } else if !line.starts_with("op ") {
            return false;
        } else if line.ends_with(" ok") {
            self.good += 1;
        } else {
            self.bad.push(line.to_owned());
        }
        true
    }

    fn verdict(self) -> Result<usize> {
        if !self.bad.is_empty() {
            bail!("{}", self.bad.join("\n"));
        }
        match self.end {
            None => bail!("it ended after {} results, without its count", self.good),
            Some(counted) if counted != (self.good, 0) => {
                bail!("{} lines came through of {} results, {} failed", self.good, counted.0, counted.1)
            }
            Some((good, _)) => Ok(good),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(lines: &[&str]) -> Result<usize> {
        let mut tally = Tally::default();
        for line in lines {
            tally.take(line);
        }
        tally.verdict()
    }

    #[test]
    fn a_line_that_xen_cut_in_two_is_one() {
        let lines =
            ["op a() = Ok(1) (XEN) uart", "(XEN) more", "expected Ok(1) ok", "selftest OK=1 FAILED=0"];
        assert_eq!(verdict(&lines).unwrap(), 1);
    }

    #[test]
    fn only_a_whole_run_without_failures_counts() {
        let (ok, bad) = ("op a() = Ok(1) expected Ok(1) ok", "op b() = Ok(1) expected Ok(2) FAIL");
        assert_eq!(verdict(&["(XEN) hello", ok, ok, "selftest OK=2 FAILED=0"]).unwrap(), 2);
        for lines in [
            &[ok, ok][..],
            &[ok, "selftest OK=2 FAILED=0"],
            &[ok, bad, "selftest OK=1 FAILED=1"],
            &["op cut off", "selftest OK=1 FAILED=0"],
        ] {
            assert!(verdict(lines).is_err(), "{lines:?}");
        }
    }
}
