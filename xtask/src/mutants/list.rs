//! The list of all mutants: those of cargo-mutants, deleted statements, and branches that are never
//! taken.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use super::source::{Place, Source};
use crate::{host, ui};

/// Mutated crates.
pub(super) const PACKAGES: [&str; 9] = [
    "xen-evtchn",
    "xen-grant",
    "xen-ring",
    "xen-store",
    "xenstored",
    "xenbus",
    "xen-front",
    "xen-back",
    "xen-guest",
];
/// Excluded sources: a test suite, which has no tests; the sockets of host programs, whose waits
/// and wake-ups affect times only; and what only a booted kernel executes.
const NOT_MUTATED: [&str; 6] = [
    "xenstored/src/conformance/",
    "xenstored/src/user/",
    "xen-guest/src/arch.rs",
    "xen-guest/src/power.rs",
    "xen-guest/src/pvh.rs",
    "xen-guest/src/vcpu/start.rs",
];
/// Version whose list the samples are drawn from.
const VERSION: &str = "27.1.0";

/// One change of one place.
#[derive(Clone, Debug)]
pub(super) struct Mutant {
    pub(super) package: String,
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) function: String,
    /// The change, in words.
    pub(super) what: String,
    /// The text of the line that it starts in.
    pub(super) text: String,
    /// Counts mutants of the same words in the same function.
    ordinal: usize,
    pub(super) span: Range<usize>,
    pub(super) replacement: String,
    pub(super) place: Place,
}

impl Mutant {
    /// Returns the name of the mutant: the same as long as its function stays the same.
    pub(super) fn key(&self) -> String {
        format!("{}|{}|{}|{}", self.file, self.function, self.what, self.ordinal)
    }

    #[cfg(test)]
    pub(super) fn for_test(span: Range<usize>, replacement: &str, place: Place) -> Self {
        Self {
            package: "xen-ring".to_owned(),
            file: "xen-ring/src/lib.rs".to_owned(),
            line: 1,
            function: "f".to_owned(),
            what: format!("replace with {replacement}"),
            text: String::new(),
            ordinal: 0,
            span,
            replacement: replacement.to_owned(),
            place,
        }
    }

    pub(super) fn describe(&self) -> String {
        format!("{}:{} {} in {}", self.file, self.line, self.what, self.function)
    }

    /// Returns the file's text with nothing but this change.
    pub(super) fn apply(&self, original: &str) -> String {
        format!(
            "{}{}{}",
            &original[..self.span.start],
            self.replacement,
            &original[self.span.end..]
        )
    }
}

/// Mutants and their sources.
pub(super) struct List {
    pub(super) mutants: Vec<Mutant>,
    pub(super) sources: BTreeMap<String, Source>,
}

impl List {
    /// Reads the sources of `tree` and lists their mutants.
    pub(super) fn read(tree: &Path) -> Result<Self> {
        let mut sources = BTreeMap::new();
        for package in PACKAGES {
            let root = format!("{package}/src/lib.rs");
            modules(
                tree,
                Path::new(&root),
                &PathBuf::from(format!("{package}/src")),
                &mut sources,
            )?;
        }
        let mut mutants = Vec::new();
        for listed in listed(tree)?.as_array().context("cargo-mutants prints no list")? {
            mutants.extend(of_cargo_mutants(listed, &sources));
        }
        for (file, source) in &sources {
            mutants.extend(source.own.iter().map(|own| Mutant {
                package: package(file),
                file: file.clone(),
                line: source.line(own.span.start),
                function: own.function.clone(),
                what: own.what.clone(),
                text: source.line_text(own.span.start).to_owned(),
                ordinal: 0,
                span: own.span.clone(),
                replacement: own.replacement.clone(),
                place: own.place.clone(),
            }));
        }
        mutants.retain(|mutant| !NOT_MUTATED.iter().any(|start| mutant.file.starts_with(start)));
        mutants.sort_by(|a, b| {
            (&a.file, a.span.start, a.span.end, &a.what).cmp(&(
                &b.file,
                b.span.start,
                b.span.end,
                &b.what,
            ))
        });
        let mut seen = BTreeMap::new();
        for mutant in &mut mutants {
            let count = seen.entry(mutant.key()).or_insert(0);
            mutant.ordinal = *count;
            *count += 1;
        }
        Ok(Self { mutants, sources })
    }
}

/// Reads a file and the modules that belong to the build below it. `folder` is where its modules
/// are.
fn modules(
    tree: &Path,
    file: &Path,
    folder: &Path,
    sources: &mut BTreeMap<String, Source>,
) -> Result<()> {
    let text = fs::read_to_string(tree.join(file))
        .with_context(|| format!("reading {}", file.display()))?;
    let source = Source::parse(text).with_context(|| file.display().to_string())?;
    for (names, path) in &source.modules {
        let (name, outer) = names.split_last().context("a module without a name")?;
        let parent = outer.iter().fold(folder.to_owned(), |at, part| at.join(part));
        let below = parent.join(name);
        let candidates = match path {
            Some(path) => vec![file.parent().unwrap_or(Path::new("")).join(path)],
            None => vec![parent.join(format!("{name}.rs")), below.join("mod.rs")],
        };
        if let Some(found) = candidates.iter().find(|path| tree.join(path).is_file()) {
            modules(tree, found, &below, sources)?;
        }
    }
    sources.insert(file.display().to_string(), source);
    Ok(())
}

fn of_cargo_mutants(listed: &Value, sources: &BTreeMap<String, Source>) -> Option<Mutant> {
    let file = listed["file"].as_str()?;
    let source = sources.get(file)?;
    let at = |end: &str| {
        let number = |field: &str| usize::try_from(listed["span"][end][field].as_u64()?).ok();
        source.byte(number("line")?, number("column")?)
    };
    let (span, genre) = (at("start")?..at("end")?, listed["genre"].as_str()?);
    let replacement = listed["replacement"].as_str()?;
    let original = source.text.get(span.clone())?;
    // The same for flags, which have no bits in common; `&` in the place of `|` shows whether the
    // operator is tested.
    let same_for_flags = matches!((original, replacement), ("|", "^") | ("|=", "^="));
    if source.is_excluded(span.start) || same_for_flags {
        return None;
    }
    let function = listed["function"]["function_name"].as_str().unwrap_or("a constant");
    // The name is `FILE:LINE:COLUMN: CHANGE in FUNCTION`.
    let name = listed["name"].as_str()?;
    let change = name.splitn(4, ':').nth(3).unwrap_or(name).trim();
    let change = change.strip_suffix(&format!(" in {function}")).unwrap_or(change);
    Some(Mutant {
        package: package(file),
        file: file.to_owned(),
        line: source.line(span.start),
        function: function.to_owned(),
        what: change.to_owned(),
        text: source.line_text(span.start).to_owned(),
        ordinal: 0,
        place: source.place(genre, &span),
        span,
        replacement: replacement.to_owned(),
    })
}

fn package(file: &str) -> String {
    file.split('/').next().unwrap_or_default().to_owned()
}

/// Runs cargo-mutants, which is built first if it is missing, and returns its list.
fn listed(tree: &Path) -> Result<Value> {
    let tools = host::target().join("tools");
    let tool = tools.join("bin/cargo-mutants");
    let version =
        || host::output(Command::new(&tool).args(["mutants", "--version"])).unwrap_or_default();
    if !version().trim().ends_with(VERSION) {
        ui::line(format!(
            "building cargo-mutants {VERSION} into {}: some minutes, once",
            tools.display()
        ));
        let mut install = Command::new(host::cargo());
        install.args([
            "install",
            "cargo-mutants",
            "--version",
            VERSION,
            "--locked",
            "--debug",
            "--force",
        ]);
        install.arg("--root").arg(&tools).env("CARGO_TARGET_DIR", tools.join("build"));
        host::run(&mut install).context("cargo-mutants does not build")?;
    }
    let mut list = Command::new(&tool);
    list.args(["mutants", "--list", "--json"]).current_dir(tree);
    PACKAGES.iter().for_each(|package| {
        list.args(["-p", package]);
    });
    serde_json::from_str(&host::output(&mut list)?).context("reading the list of cargo-mutants")
}
