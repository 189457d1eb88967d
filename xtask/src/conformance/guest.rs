//! The suite as a guest of real Xen, over the ring.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use xenstored::conformance::{self, Access, Peer};

use crate::guest_log::GuestLog;
use crate::payload::{self, Line};
use crate::testbed::{Arch, Archive, Boot, Ending, Event, XenVersion};
use crate::{host, ui};

const SCRIPT: &str = include_str!("../../payload/store-suite.sh");

/// Boots Linux as dom0 with a xenstore server, and the kernel as its guest.
pub(super) fn check(
    peer: Peer,
    (version, arch): (XenVersion, Arch),
    daemon: &str,
    kernel: &Path,
    verbose: bool,
) -> Result<String> {
    let mut archive = Archive::default();
    archive.file("payload/run", 0o755, SCRIPT);
    archive.file("payload/lib.sh", 0o644, payload::LIB);
    archive.copy("payload/store-suite", kernel)?;
    let log = host::results()?.join(format!("conformance-{daemon}-{version}-{arch}.log"));
    let mut boot = Boot { arch, ..Boot::new(version, log) };
    boot.append = format!("QUIET=1 XENSTORED={daemon}");
    boot.timeout = Duration::from_secs(280);
    let (mut said, mut guest_log) = (Said::of(peer), GuestLog::default());
    let take = |said: &mut Said, line: &str| {
        if let Some(text) = said.take(line)
            && verbose
        {
            ui::line(text);
        }
    };
    let outcome = boot.run(&archive, None, &mut |event| match event {
        Event::Xen(line) => {
            if let Some(line) = guest_log.push_line(line) {
                take(&mut said, &line);
            }
        }
        Event::Payload(line) => match payload::parse(line) {
            Line::Check(check) if !check.ok => said.wrong.push(check.describe()),
            Line::Console(line) => take(&mut said, line),
            _ => {}
        },
        Event::Mark(_) => {}
    })?;
    if !matches!(outcome.ending, Ending::Exit(0)) {
        said.wrong.push(outcome.describe());
    }
    said.verdict().with_context(|| format!("log {}", boot.log.display()))
}

/// Output of the guest.
pub(crate) struct Said {
    peer: Peer,
    cases: usize,
    wrong: Vec<String>,
    /// Counts by the guest itself.
    report: String,
    notes: Vec<String>,
    ended: bool,
}

impl Said {
    /// Starts the record of a server.
    pub(crate) fn of(peer: Peer) -> Said {
        Said { peer, cases: 0, wrong: vec![], report: String::new(), notes: vec![], ended: false }
    }

    /// Judges a line of a guest's; returns what is said in it, if it is one of the suite's.
    pub(crate) fn take<'l>(&mut self, line: &'l str) -> Option<&'l str> {
        let text = line.trim().strip_prefix("suite: ")?;
        let known = |case: &str| conformance::difference(self.peer, Access::Guest, case);
        if let Some(case) = text.strip_prefix("ok ") {
            self.cases += 1;
            if let Some(what) = known(case) {
                self.wrong.push(format!("{case}: no longer differs ({what})"));
            }
        } else if let Some(rest) = text.strip_prefix("differs ") {
            self.cases += 1;
            let case = rest.split_once(": ").map_or(rest, |(case, _)| case);
            if known(case).is_none() {
                self.wrong.push(rest.to_owned());
            }
        } else if text.contains(" passed, ") {
            self.report = text.to_owned();
        } else if text == "end" {
            self.ended = true;
        } else {
            self.notes.push(text.to_owned());
        }
        Some(text)
    }

    /// Returns what the guest reported.
    ///
    /// # Errors
    ///
    /// A case differs that is not known to, or the other way round, or a line is missing.
    pub(crate) fn verdict(&self) -> Result<String> {
        let mut wrong = self.wrong.clone();
        let numbers = self.report.split(' ').filter_map(|word| word.parse::<usize>().ok());
        let counted: usize = numbers.take(2).sum();
        if self.cases == 0 || counted != self.cases {
            wrong.push(format!("{} lines came through of {counted} cases", self.cases));
        }
        if !self.ended {
            wrong.push("the suite did not come to its end".into());
        }
        let told: Vec<_> =
            std::iter::once(&self.report).chain(&self.notes).map(String::as_str).collect();
        let summary = told.join("\n     ");
        if wrong.is_empty() { Ok(summary) } else { bail!("{summary}\n  {}", wrong.join("\n  ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_differences_pass() {
        const KNOWN: &str =
            "suite: differs a home of no number is refused: line 1: found x, expected y";
        const REPORT: &str = "suite: 1 passed, 1 differ, 7 are for other domains";
        let verdict = |lines: &[&str]| {
            let mut said = Said::of(Peer::Xenstored420);
            for line in lines {
                said.take(line);
            }
            said.verdict()
        };
        assert!(verdict(&["suite: ok a value is read", KNOWN, REPORT, "suite: end"]).is_ok());
        for lines in [
            &["suite: ok a value is read", KNOWN, REPORT][..],
            &[KNOWN, REPORT, "suite: end"],
            &["suite: differs a value is read: x", KNOWN, REPORT, "suite: end"],
            &["suite: ok a home of no number is refused", KNOWN, REPORT, "suite: end"],
            &["suite: end"],
        ] {
            assert!(verdict(lines).is_err(), "{lines:?}");
        }
    }
}
