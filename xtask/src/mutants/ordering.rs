//! `cargo xtask mutants-ordering`: weakens each memory ordering and removes each fence of the
//! crates that share memory with other domains, one at a time, and runs the models. A model must
//! fail each time: a survivor is an ordering without a proof that it is needed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::source::Source;
use crate::{host, ui};

/// Packages of `models/` with models.
const PACKAGES: [&str; 5] =
    ["xen-ring", "xen-evtchn", "xen-grant", "xen-guest", "connection-models"];
/// Files whose orderings have no model: the start of the path, the reason.
const EXEMPT: [(&str, &str); 3] = [
    (
        "xen-sim/",
        "the simulated Xen and dom0 of tests: a weak ordering there hides faults of drivers only",
    ),
    (
        "xen-hypercall/src/shared/access/",
        "the words of word.rs in assembly and for Miri, whose orderings the models check",
    ),
    (
        "xen-hypercall/src/shared/opaque_word.rs",
        "as above: it selects one of those by the caller's ordering",
    ),
];
/// Folders of the `.gitignore` files, and that of git.
const UNTRACKED: [&str; 4] = [".git", "artifacts", "coverage", "target"];
/// Orderings that a mutant weakens.
const STRONG: [&str; 4] = ["Acquire", "Release", "AcqRel", "SeqCst"];

/// Mutants that no model can detect: file, text of the line, reason.
const UNDECIDABLE: [(&str, &str, &str); 2] = [
    (
        "xen-hypercall/src/shared/word.rs",
        "self.0.swap(",
        "loom runs read-modify-writes in program order, arm64 does not: two of them need SeqCst",
    ),
    (
        "xen-evtchn/src/port_state.rs",
        "self.0.compare_exchange(old, next(old)",
        "as above: it is between the mask and the unmask of two changes, all read-modify-writes",
    ),
];

struct Mutant {
    file: String,
    line: usize,
    what: String,
    text: String,
}

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only the files whose path contains this.
    #[arg(long, default_value = "")]
    only: String,
}

/// Runs the models once per mutant; returns how many survived.
pub(crate) fn main(args: &Args) -> Result<i32> {
    let work = host::target().join("mutants");
    let tree = work.join("tree");
    copy_tree(&tree)?;
    let target = host::target().join("loom");
    host::run(&mut models_of(&tree, &target)).context("the models fail without any change")?;
    let (mut survivors, mut undecidable) = (0, 0);
    let mut mutants = Vec::new();
    for (file, source) in scan(&tree)?.iter().filter(|(file, _)| file.contains(&args.only)) {
        mutants.extend(mutants_of(file, source)?);
    }
    for (index, mutant) in mutants.iter().enumerate() {
        let place = format!("{:>3}/{}", index + 1, mutants.len());
        if let Some(reason) = mutant.undecidable(&tree)? {
            undecidable += 1;
            ui::line(format!(
                "{place} exempt   {}:{} {}: {reason}",
                mutant.file, mutant.line, mutant.what
            ));
            continue;
        }
        let path = tree.join(&mutant.file);
        let original = fs::read_to_string(&path)?;
        fs::write(&path, &mutant.text)?;
        let killed = !models_of(&tree, &target).output()?.status.success();
        fs::write(&path, original)?;
        survivors += i32::from(!killed);
        let verdict = if killed { ui::green("killed  ") } else { ui::red("SURVIVED") };
        ui::line(format!("{place} {verdict} {}:{} {}", mutant.file, mutant.line, mutant.what));
    }
    let killed = mutants.len() as i32 - survivors - undecidable;
    ui::line(format!(
        "{undecidable} that no model of this checker can decide, with the reason above"
    ));
    ui::line(format!("{killed} passed, {survivors} failed"));
    Ok(i32::from(survivors != 0))
}

impl Mutant {
    fn undecidable(&self, tree: &Path) -> Result<Option<&'static str>> {
        let original = fs::read_to_string(tree.join(&self.file))?;
        let line = original.lines().nth(self.line - 1).unwrap_or_default();
        Ok(UNDECIDABLE
            .iter()
            .find(|(file, text, _)| *file == self.file && line.contains(text))
            .map(|found| found.2))
    }
}

/// Returns the command that runs all models of `tree`.
pub(crate) fn models_of(tree: &Path, target: &Path) -> Command {
    let mut command = Command::new(host::cargo());
    // A workspace of its own: loom must not reach what users of the crates resolve.
    command.args(["test", "--quiet", "--manifest-path", "models/Cargo.toml"]);
    command.args(["--lib", "--profile", "models"]);
    PACKAGES.iter().for_each(|package| {
        command.args(["-p", package]);
    });
    command.current_dir(tree).env("CARGO_TARGET_DIR", target).env("RUSTFLAGS", "--cfg loom");
    command
}

/// Copies the workspace's files, with nothing of an earlier copy left.
pub(crate) fn copy_tree(to: &Path) -> Result<()> {
    if to.exists() {
        fs::remove_dir_all(to).with_context(|| format!("removing {}", to.display()))?;
    }
    for file in source_files()? {
        let (from, to) = (host::root().join(&file), to.join(&file));
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::copy(&from, &to).with_context(|| format!("copying {}", file.display()))?;
    }
    Ok(())
}

/// Lists the workspace's files but for what is built or found: the user of a copy need not have
/// git.
pub(super) fn source_files() -> Result<Vec<PathBuf>> {
    let (mut files, mut folders) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(host::root().join(&folder))? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            match entry.file_type()? {
                _ if UNTRACKED.iter().any(|name| entry.file_name() == *name) => {}
                kind if kind.is_dir() => folders.push(path),
                _ => files.push(path),
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Finds the files of the libraries, outside tests and models, that have an ordering stronger than
/// relaxed.
///
/// # Errors
///
/// An exemption fits no file.
fn scan(tree: &Path) -> Result<Vec<(String, Source)>> {
    let mut found = Vec::new();
    let mut used = [false; EXEMPT.len()];
    for file in source_files()? {
        let name = file.display().to_string();
        if !is_library_source(&name) {
            continue;
        }
        let text =
            fs::read_to_string(tree.join(&file)).with_context(|| format!("reading {name}"))?;
        if !STRONG.iter().any(|ordering| text.contains(ordering)) {
            continue;
        }
        let source = Source::parse(text).with_context(|| name.clone())?;
        if orderings(&source).is_empty() {
            continue;
        }
        match EXEMPT.iter().position(|(start, _)| name.starts_with(start)) {
            Some(index) => used[index] = true,
            None => found.push((name, source)),
        }
    }
    for ((start, _), used) in EXEMPT.iter().zip(used) {
        ensure!(
            used,
            "exempt orderings: found none in {start}, expected some; remove the exemption"
        );
    }
    Ok(found)
}

fn is_library_source(file: &str) -> bool {
    let parts: Vec<_> = file.split('/').collect();
    let [package, "src", modules @ ..] = parts.as_slice() else { return false };
    let of_tests = ["tests.rs", "tests", "models.rs", "models", "model.rs"];
    package.starts_with("xen-")
        && file.ends_with(".rs")
        && !modules.iter().any(|part| of_tests.contains(part))
}

/// Returns where the code has an ordering, and which.
fn orderings(source: &Source) -> Vec<(usize, &'static str)> {
    let text = &source.text;
    let mut found = Vec::new();
    for ordering in STRONG {
        for (at, _) in text.match_indices(ordering) {
            let word = |at: usize| {
                text.as_bytes()
                    .get(at)
                    .is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
            };
            let whole = !word(at + ordering.len()) && (at == 0 || !word(at - 1));
            let line = &text[text[..at].rfind('\n').map_or(0, |end| end + 1)..at];
            // Comments, and variants that other code has of the same name.
            if whole && !line.contains("//") && !source.is_excluded(at) && !is_import(line) {
                found.push((at, ordering));
            }
        }
    }
    found.sort_unstable();
    found
}

fn is_import(line: &str) -> bool {
    line.trim_start().starts_with("use ") || line.trim_start().starts_with("pub use ")
}

/// Makes the mutants of a file.
///
/// # Errors
///
/// An ordering is not written in full, so that it can't be replaced.
fn mutants_of(file: &str, source: &Source) -> Result<Vec<Mutant>> {
    let text = &source.text;
    let mut mutants = Vec::new();
    let mut add = |at: usize, old: &str, new: &str| {
        mutants.push(Mutant {
            file: file.to_owned(),
            line: source.line(at),
            what: format!("{old} -> {}", if new.is_empty() { "nothing" } else { new }),
            text: format!("{}{new}{}", &text[..at], &text[at + old.len()..]),
        });
    };
    for (at, ordering) in orderings(source) {
        let full = format!("Ordering::{ordering}");
        let start = at - "Ordering::".len().min(at);
        ensure!(
            text[start..].starts_with(&full),
            "{file}:{}: found {ordering}, expected {full}; write it in full",
            source.line(at)
        );
        if text[..start].ends_with("fence(") {
            // A relaxed fence does not exist.
            let (start, fence) = (start - "fence(".len(), format!("fence({full});"));
            ensure!(
                text[start..].starts_with(&fence),
                "{file}:{}: expected {fence}",
                source.line(at)
            );
            add(start, &fence, "");
        } else {
            add(start, &full, "Ordering::Relaxed");
        }
    }
    Ok(mutants)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mutants(code: &str) -> Result<Vec<String>> {
        let source = Source::parse(code.to_owned())?;
        Ok(mutants_of("a.rs", &source)?
            .iter()
            .map(|mutant| format!("{} {}", mutant.line, mutant.what))
            .collect())
    }

    #[test]
    fn orderings_outside_tests_are_weakened() {
        let code = "use core::sync::atomic::Ordering;
            fn f() { a.load(Ordering::Acquire); }
            // Ordering::Release is not needed.
            fn g() { fence(Ordering::SeqCst); a.store(1, Ordering::Relaxed); }
            enum Kind { Released }
            #[cfg(test)] mod tests { fn h() { a.load(Ordering::SeqCst); } }";
        let expected =
            ["2 Ordering::Acquire -> Ordering::Relaxed", "4 fence(Ordering::SeqCst); -> nothing"];
        assert_eq!(mutants(code).unwrap(), expected);
    }

    #[test]
    fn ordering_without_its_type_is_refused() {
        let error = mutants("fn f() { a.load(Acquire); }").unwrap_err().to_string();
        assert_eq!(error, "a.rs:1: found Acquire, expected Ordering::Acquire; write it in full");
    }

    /// Each of the libraries' orderings can be weakened, those of pages that Xen writes events to
    /// among them.
    #[test]
    fn libraries_orderings_are_all_found() {
        let mut files = Vec::new();
        for (file, source) in scan(host::root()).unwrap() {
            assert!(!mutants_of(&file, &source).unwrap().is_empty(), "{file}");
            files.push(file);
        }
        for file in ["xen-hypercall/src/event_page.rs", "xen-store/src/connection/transport.rs"] {
            assert!(files.iter().any(|found| found == file), "{file} is not in {files:?}");
        }
    }
}
