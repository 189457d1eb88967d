//! `cargo xtask mutants-ordering`: weakens each memory ordering and takes out each fence of the crates that share memory with other
//! domains, one at a time, and runs the models. Each has to make one fail; a survivor is an ordering that nothing proves needed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::{host, ui};

/// Where the orderings are that the models are about.
const FILES: [&str; 11] = [
    "xen-ring/src/index.rs",
    "xen-ring/src/stream.rs",
    "xen-ring/src/vchan.rs",
    "xen-evtchn/src/two_level.rs",
    "xen-evtchn/src/fifo.rs",
    "xen-evtchn/src/line.rs",
    "xen-evtchn/src/lines.rs",
    "xen-grant/src/entry.rs",
    "xen-grant/src/link.rs",
    "xen-grant/src/refs.rs",
    "xen-hypercall/src/shared/word.rs",
];
const PACKAGES: [&str; 3] = ["xen-ring", "xen-evtchn", "xen-grant"];
const FENCE: &str = "fence(Ordering::SeqCst);";

/// What no model can kill, and why: file, the text that stands on the line, the reason.
const UNDECIDABLE: [(&str, &str, &str); 2] = [
    (
        "xen-hypercall/src/shared/word.rs",
        "self.0.swap(",
        "the checker runs read-modify-writes in program order; arm64 does not, so the order of two of them stays SeqCst",
    ),
    (
        "xen-evtchn/src/line.rs",
        "self.0.compare_exchange(old, next(old)",
        "as above: it stands between the mask before one change and the unmask after the next, both read-modify-writes",
    ),
];

struct Mutant {
    file: &'static str,
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
    let files = FILES.iter().filter(|file| file.contains(&args.only));
    let mutants = files.map(|file| mutants_of(&tree, file)).collect::<Result<Vec<_>>>()?;
    let mutants: Vec<_> = mutants.into_iter().flatten().collect();
    for (index, mutant) in mutants.iter().enumerate() {
        let place = format!("{:>3}/{}", index + 1, mutants.len());
        if let Some(reason) = mutant.undecidable(&tree)? {
            undecidable += 1;
            ui::line(format!("{place} exempt   {}:{} {}: {reason}", mutant.file, mutant.line, mutant.what));
            continue;
        }
        let path = tree.join(mutant.file);
        let original = fs::read_to_string(&path)?;
        fs::write(&path, &mutant.text)?;
        let killed = !models_of(&tree, &target).output()?.status.success();
        fs::write(&path, original)?;
        survivors += i32::from(!killed);
        let verdict = if killed { ui::green("killed  ") } else { ui::red("SURVIVED") };
        ui::line(format!("{place} {verdict} {}:{} {}", mutant.file, mutant.line, mutant.what));
    }
    let killed = mutants.len() as i32 - survivors - undecidable;
    ui::line(format!("{undecidable} that no model of this checker can decide, with the reason above"));
    ui::line(format!("{killed} passed, {survivors} failed"));
    Ok(i32::from(survivors != 0))
}

impl Mutant {
    fn undecidable(&self, tree: &Path) -> Result<Option<&'static str>> {
        let original = fs::read_to_string(tree.join(self.file))?;
        let line = original.lines().nth(self.line - 1).unwrap_or_default();
        Ok(UNDECIDABLE
            .iter()
            .find(|(file, text, _)| *file == self.file && line.contains(text))
            .map(|found| found.2))
    }
}

/// The command that runs all models of `tree`.
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

/// Copies what git knows of, and what it does not ignore, with nothing of an earlier copy left.
pub(crate) fn copy_tree(to: &Path) -> Result<()> {
    if to.exists() {
        fs::remove_dir_all(to).with_context(|| format!("removing {}", to.display()))?;
    }
    host::require(&[("git", "git")])?;
    let list = ["ls-files", "--cached", "--others", "--exclude-standard"];
    let files = host::output(Command::new("git").args(list).current_dir(host::root()))?;
    for file in files.lines().map(PathBuf::from) {
        let (from, to) = (host::root().join(&file), to.join(&file));
        if !from.is_file() {
            continue;
        }
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::copy(&from, &to).with_context(|| format!("copying {}", file.display()))?;
    }
    Ok(())
}

fn mutants_of(tree: &Path, file: &'static str) -> Result<Vec<Mutant>> {
    let text = fs::read_to_string(tree.join(file)).with_context(|| format!("reading {file}"))?;
    let code = text.find("#[cfg(all(test").map_or(text.as_str(), |end| &text[..end]);
    let mut mutants = Vec::new();
    let mut add = |at: usize, old: &str, new: &str| {
        let mutated = format!("{}{new}{}", &text[..at], &text[at + old.len()..]);
        let line = text[..at].lines().count();
        mutants.push(Mutant {
            file,
            line,
            what: format!("{old} -> {}", if new.is_empty() { "nothing" } else { new }),
            text: mutated,
        });
    };
    for (at, _) in code.match_indices(FENCE) {
        add(at, FENCE, "");
    }
    for strong in ["Ordering::Release", "Ordering::Acquire", "Ordering::AcqRel", "Ordering::SeqCst"] {
        for (at, _) in code.match_indices(strong) {
            // Fences have had their turn, and a relaxed one does not exist.
            if !code[..at].ends_with("fence(") {
                add(at, strong, "Ordering::Relaxed");
            }
        }
    }
    Ok(mutants)
}
