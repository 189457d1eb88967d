//! Valgrind's callgrind: how many instructions a program executes, and where.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::build::Programs;
use super::rows::Case;
use crate::{host, lab};

/// How to start valgrind.
#[derive(Debug)]
pub(super) struct Valgrind {
    program: PathBuf,
    /// Where it finds its tools, unless it was installed with them.
    tools: Option<PathBuf>,
    annotate: PathBuf,
}

/// Finds valgrind on this machine, else fetches it as a Debian package.
pub(super) fn find() -> Result<Valgrind> {
    if let (Some(program), Some(annotate)) = (host::which("valgrind"), host::which("callgrind_annotate")) {
        return Ok(Valgrind { program, tools: None, annotate });
    }
    let root = lab::debian("bookworm", "valgrind", &["valgrind"]).context("fetching valgrind")?;
    let found = Valgrind {
        program: root.join("usr/bin/valgrind.bin"),
        tools: Some(root.join("usr/libexec/valgrind")),
        annotate: root.join("usr/bin/callgrind_annotate"),
    };
    host::run(found.command().arg("--version")).context("the fetched valgrind does not run here")?;
    Ok(found)
}

impl Valgrind {
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        if let Some(tools) = &self.tools {
            command.env("VALGRIND_LIB", tools);
        }
        command
    }

    /// Counts the instructions of one run; its profile goes to `out`.
    fn count(&self, program: &Path, case: &Case, rounds: u64, out: &Path) -> Result<u64> {
        let mut command = self.command();
        command.arg("--tool=callgrind").arg(format!("--callgrind-out-file={}", out.display()));
        command.arg(program).args([case.name, &rounds.to_string()]);
        let done = command.stdin(Stdio::null()).output().context("starting valgrind")?;
        let log = String::from_utf8_lossy(&done.stderr);
        if !done.status.success() {
            bail!("{}: {}\n{log}", host::describe(&command), done.status);
        }
        let count = log.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
        count.with_context(|| format!("callgrind said no count:\n{log}"))
    }

    /// Counts the instructions per round, without what comes before and after the rounds.
    pub(super) fn per_round(&self, program: &Path, case: &Case, folder: &Path) -> Result<f64> {
        let out = folder.join("callgrind.out");
        let few = self.count(program, case, case.counted_rounds, &out)?;
        let many = self.count(program, case, case.counted_rounds * 11, &out)?;
        Ok(many.saturating_sub(few) as f64 / (case.counted_rounds * 10) as f64)
    }
}

/// Writes for both programs which functions and lines the instructions are in; returns the files.
pub(super) fn profiles(
    valgrind: &Valgrind,
    programs: &Programs,
    case: &Case,
    folder: &Path,
) -> Result<Vec<String>> {
    let mut files = Vec::new();
    for (language, program) in programs.both() {
        let out = folder.join("callgrind.out");
        valgrind.count(program, case, case.counted_rounds * 11, &out)?;
        let text = host::output(
            Command::new(&valgrind.annotate)
                .args(["--auto=yes", "--inclusive=no", "--threshold=95"])
                .arg(&out),
        )?;
        let path = folder.join(format!("{}-{language}.txt", case.name.replace('/', "-")));
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
        files.push(path.display().to_string());
    }
    Ok(files)
}
