//! Valgrind's callgrind: how many instructions a program executes, and where.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::build::Programs;
use super::rows::Case;
use crate::host;
use crate::testbed::{self, Root};

/// Command that starts valgrind.
#[derive(Debug)]
pub(super) struct Valgrind {
    /// The root that it was unpacked into, unless it is installed on this machine.
    root: Option<Root>,
    annotate: PathBuf,
}

/// Finds valgrind on this machine, else fetches it as a Debian package.
pub(super) fn find() -> Result<Valgrind> {
    if let (Some(_), Some(annotate)) = (host::which("valgrind"), host::which("callgrind_annotate"))
    {
        return Ok(Valgrind { root: None, annotate });
    }
    let root =
        testbed::debian("bookworm", "valgrind", &["valgrind"]).context("fetching valgrind")?;
    let annotate = root.find("usr/bin/callgrind_annotate")?;
    let found = Valgrind { root: Some(root), annotate };
    host::run(found.command()?.arg("--version"))
        .context("the fetched valgrind does not run here")?;
    Ok(found)
}

impl Valgrind {
    fn command(&self) -> Result<Command> {
        let Some(root) = &self.root else { return Ok(Command::new("valgrind")) };
        let mut command = root.command("usr/bin/valgrind.bin", None)?;
        command.env("VALGRIND_LIB", root.find("usr/libexec/valgrind")?);
        Ok(command)
    }

    /// Returns the command of callgrind, without a program, whose profile goes to `out`.
    fn callgrind(&self, out: &Path) -> Result<Command> {
        let mut command = self.command()?;
        command.arg("--tool=callgrind").arg(format!("--callgrind-out-file={}", out.display()));
        Ok(command)
    }

    /// Runs a program with its profile in `out`. Returns its output.
    pub(super) fn profile(&self, program: &Path, args: &[&str], out: &Path) -> Result<String> {
        let mut command = self.callgrind(out)?;
        host::output(command.arg(program).args(args).stdin(Stdio::null()))
    }

    /// Counts the instructions of one run that are in the functions that count; its profile goes to
    /// `out`.
    fn count(&self, language: usize, program: &Path, case: &Case, out: &Path) -> Result<u64> {
        let mut command = self.callgrind(out)?;
        let functions = case.functions.get(language).copied().unwrap_or_default();
        command.args(functions.iter().map(|function| format!("--toggle-collect={function}")));
        command.arg(program).args([case.argument, &case.counted_rounds.to_string()]);
        let done = command.stdin(Stdio::null()).output().context("starting valgrind")?;
        let log = String::from_utf8_lossy(&done.stderr);
        if !done.status.success() {
            bail!("{}: {}\n{log}", host::describe(&command), done.status);
        }
        let count =
            log.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
        match count {
            None => bail!("callgrind said no count:\n{log}"),
            Some(0) => bail!("{}: none of {} ran", case.name, functions.join(", ")),
            Some(count) => Ok(count),
        }
    }

    /// Counts the instructions per round, of the Rust program and of the C one.
    pub(super) fn per_round(
        &self,
        programs: &Programs,
        case: &Case,
        folder: &Path,
    ) -> Result<[f64; 2]> {
        let out = folder.join("callgrind.out");
        let rounds = case.counted_rounds as f64;
        let rust = self.count(0, &programs.rust, case, &out)?;
        let c = self.count(1, &programs.c, case, &out)?;
        Ok([rust as f64 / rounds, c as f64 / rounds])
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
    for (index, (language, program)) in programs.both().into_iter().enumerate() {
        let out = folder.join("callgrind.out");
        valgrind.count(index, program, case, &out)?;
        // A script, which Debian's essential perl runs.
        host::require(&[("perl", "perl-base")])?;
        let text = host::output(
            Command::new("perl")
                .arg(&valgrind.annotate)
                .args(["--auto=yes", "--inclusive=no", "--threshold=95"])
                .arg(&out),
        )?;
        let path = folder.join(format!("{}-{language}.txt", case.name.replace('/', "-")));
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
        files.push(path.display().to_string());
    }
    Ok(files)
}
