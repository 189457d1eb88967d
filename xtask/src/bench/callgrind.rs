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

    /// Counts the instructions of one run that are in the functions that count; its profile goes to `out`.
    fn count(&self, language: usize, program: &Path, case: &Case, out: &Path) -> Result<u64> {
        let mut command = self.command();
        command.arg("--tool=callgrind").arg(format!("--callgrind-out-file={}", out.display()));
        let functions = case.functions.get(language).copied().unwrap_or_default();
        command.args(functions.iter().map(|function| format!("--toggle-collect={function}")));
        command.arg(program).args([case.argument, &case.counted_rounds.to_string()]);
        let done = command.stdin(Stdio::null()).output().context("starting valgrind")?;
        let log = String::from_utf8_lossy(&done.stderr);
        if !done.status.success() {
            bail!("{}: {}\n{log}", host::describe(&command), done.status);
        }
        let count = log.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
        match count {
            None => bail!("callgrind said no count:\n{log}"),
            Some(0) => bail!("{}: none of {} ran", case.name, functions.join(", ")),
            Some(count) => Ok(count),
        }
    }

    /// Counts the instructions per round, of the Rust program and of the C one.
    pub(super) fn per_round(&self, programs: &Programs, case: &Case, folder: &Path) -> Result<[f64; 2]> {
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
