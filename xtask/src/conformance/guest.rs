//! The suite as a guest of real Xen, over the ring.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};
use xen_store::conformance::{self, Access, Peer};

use crate::lab::{Archive, Boot, Ending, Event, XenVersion};
use crate::payload::{self, Line};
use crate::spoken::Spoken;
use crate::{host, ui};

const SCRIPT: &str = include_str!("../../payload/store-suite.sh");

/// Boots Linux as dom0 with a xenstore server, and the kernel as its guest.
pub(super) fn check(
    peer: Peer,
    version: XenVersion,
    daemon: &str,
    kernel: &Path,
    verbose: bool,
) -> Result<String> {
    let mut archive = Archive::default();
    archive.file("payload/run", 0o755, SCRIPT);
    archive.file("payload/lib.sh", 0o644, payload::LIB);
    archive.copy("payload/store-suite", kernel)?;
    let log = host::results()?.join(format!("conformance-{daemon}-{version}.log"));
    let mut boot = Boot::new(version, log);
    boot.append = format!("QUIET=1 XENSTORED={daemon}");
    boot.timeout = Duration::from_secs(280);
    let (mut said, mut spoken) = (Said::default(), Spoken::default());
    let mut wrong = Vec::new();
    let outcome = boot.run(&archive, None, &mut |event| match event {
        Event::Xen(line) => {
            if let Some(line) = spoken.hear(line)
                && let Some(text) = said.take(peer, &line)
                && verbose
            {
                ui::line(text);
            }
        }
        Event::Payload(line) => {
            if let Line::Check(check) = payload::parse(line)
                && !check.ok
            {
                wrong.push(check.describe());
            }
        }
        Event::Mark(_) => {}
    })?;
    if !matches!(outcome.ending, Ending::Exit(0)) {
        wrong.push(outcome.describe());
    }
    wrong.append(&mut said.wrong);
    if !said.ended {
        wrong.push("the suite did not come to its end".into());
    }
    let summary = format!("{}\n     {}", said.report, said.notes.join("\n     "));
    if wrong.is_empty() {
        return Ok(summary);
    }
    bail!("{summary}\n  {}\n  log {}", wrong.join("\n  "), boot.log.display())
}

/// What the guest has said.
#[derive(Default)]
struct Said {
    wrong: Vec<String>,
    report: String,
    notes: Vec<String>,
    ended: bool,
}

impl Said {
    /// Judges a line of a guest's; returns what is said in it, if it is one of the suite's.
    fn take<'l>(&mut self, peer: Peer, line: &'l str) -> Option<&'l str> {
        let text = line.trim().strip_prefix("suite: ")?;
        let known = |case: &str| conformance::difference(peer, Access::Guest, case);
        if let Some(case) = text.strip_prefix("ok ") {
            if let Some(what) = known(case) {
                self.wrong.push(format!("{case}: no longer differs ({what})"));
            }
        } else if let Some(rest) = text.strip_prefix("differs ") {
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
}
