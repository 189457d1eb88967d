//! Results of mutants, in a file so that a run can be resumed, and the equivalent mutants.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::list::{List, Mutant};
use crate::digest::Digest;
use crate::host;

/// Mutants that no test can detect, each with the reason.
const EQUIVALENTS: &str = "xtask/mutants/equivalent.json";

const WRITE_EVERY: Duration = Duration::from_secs(2);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Mutant that does not compile.
    Unviable,
    /// A test fails: the command and the test.
    Noticed(String),
    Missed,
}

/// Verdicts of a run.
pub(super) struct Results {
    path: PathBuf,
    tree: String,
    verdicts: BTreeMap<String, (Verdict, Value)>,
    written: Instant,
}

impl Results {
    /// Reads what an earlier run of the same tree has left.
    pub(super) fn resume(path: PathBuf, list: &List) -> Result<Self> {
        let tree = fingerprint()?;
        let mut results = Self { path, tree, verdicts: BTreeMap::new(), written: Instant::now() };
        let Ok(text) = fs::read_to_string(&results.path) else { return Ok(results) };
        let old: Value = serde_json::from_str(&text).unwrap_or_default();
        if old["tree"] == results.tree.as_str() {
            results.take(&old, list, |_| true);
        }
        Ok(results)
    }

    /// Takes over what another run, of an older tree, has found, but for what no test has noticed.
    pub(super) fn noticed_before(&mut self, path: &Path, list: &List) -> Result<()> {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let old = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
        self.take(&old, list, |verdict| *verdict != Verdict::Missed);
        Ok(())
    }

    fn take(&mut self, old: &Value, list: &List, wanted: impl Fn(&Verdict) -> bool) {
        let known: BTreeMap<_, _> =
            list.mutants.iter().map(|mutant| (mutant.key(), mutant)).collect();
        for entry in old["mutants"].as_array().into_iter().flatten() {
            let verdict = match (entry["result"].as_str(), entry["by"].as_str()) {
                (Some("noticed"), Some(by)) => Verdict::Noticed(by.to_owned()),
                (Some("missed"), _) => Verdict::Missed,
                (Some("unviable"), _) => Verdict::Unviable,
                _ => continue,
            };
            if let Some(mutant) = entry["key"].as_str().and_then(|key| known.get(key))
                && wanted(&verdict)
            {
                self.keep(mutant, verdict);
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn of(&self, mutant: &Mutant) -> Option<&Verdict> {
        self.verdicts.get(&mutant.key()).map(|(verdict, _)| verdict)
    }

    /// Returns which of the mutants drawn do not compile, as far as that is known.
    pub(super) fn unviable(&self, drawn: &[&Mutant]) -> BTreeSet<usize> {
        let unviable = |mutant: &Mutant| self.of(mutant) == Some(&Verdict::Unviable);
        drawn
            .iter()
            .enumerate()
            .filter(|(_, mutant)| unviable(mutant))
            .map(|(number, _)| number)
            .collect()
    }

    pub(super) fn add(&mut self, mutant: &Mutant, verdict: Verdict) -> Result<()> {
        self.keep(mutant, verdict);
        if self.written.elapsed() < WRITE_EVERY { Ok(()) } else { self.write() }
    }

    pub(super) fn write(&mut self) -> Result<()> {
        self.written = Instant::now();
        let mutants: Vec<_> = self.verdicts.values().map(|(_, entry)| entry).collect();
        let all = json!({ "tree": self.tree, "mutants": mutants });
        fs::write(&self.path, serde_json::to_string_pretty(&all)?)
            .with_context(|| format!("writing {}", self.path.display()))
    }

    fn keep(&mut self, mutant: &Mutant, verdict: Verdict) {
        let (result, by) = match &verdict {
            Verdict::Unviable => ("unviable", None),
            Verdict::Noticed(by) => ("noticed", Some(by)),
            Verdict::Missed => ("missed", None),
        };
        let entry = json!({
            "key": mutant.key(),
            "file": mutant.file,
            "line": mutant.line,
            "function": mutant.function,
            "change": mutant.what,
            "text": mutant.text,
            "result": result,
            "by": by,
        });
        self.verdicts.insert(mutant.key(), (verdict, entry));
    }
}

/// Returns a digest of the workspace's sources.
fn fingerprint() -> Result<String> {
    let mut digest = Digest::default();
    for file in super::ordering::source_files()? {
        let code =
            file.extension().is_some_and(|end| end == "rs" || end == "toml" || end == "lock");
        if code && !file.starts_with("xtask") {
            digest.add(file.as_os_str().as_encoded_bytes());
            digest.add(fs::read(host::root().join(&file))?);
        }
    }
    Ok(digest.hex(16))
}

/// The list of mutants that change nothing.
pub(super) struct Equivalents(Vec<Equivalent>);

/// One of them, found again by what it changes, wherever that has moved.
struct Equivalent {
    file: String,
    function: String,
    change: String,
    text: String,
    reason: String,
}

impl Equivalents {
    pub(super) fn read() -> Result<Self> {
        let text = fs::read_to_string(host::root().join(EQUIVALENTS)).context(EQUIVALENTS)?;
        Self::parse(&text).context(EQUIVALENTS)
    }

    fn parse(text: &str) -> Result<Self> {
        let all: Value = serde_json::from_str(text)?;
        let entry = |entry: &Value| {
            let field =
                |name: &str| Some(entry[name].as_str()?.to_owned()).filter(|text| !text.is_empty());
            Some(Equivalent {
                file: field("file")?,
                function: field("function")?,
                change: field("change")?,
                text: field("text")?,
                reason: field("reason")?,
            })
        };
        let entries = all.as_array().context("found no list, expected one of objects")?;
        let complete = entries.iter().map(|found| {
            entry(found).with_context(|| {
                format!(
                    "found {found}, expected the fields file, function, change, text and reason"
                )
            })
        });
        Ok(Self(complete.collect::<Result<_>>()?))
    }

    /// Returns why a mutant changes nothing, if that is argued.
    pub(super) fn reason(&self, mutant: &Mutant) -> Option<&str> {
        self.0.iter().find(|entry| entry.is(mutant)).map(|entry| entry.reason.as_str())
    }

    /// Returns the entries that fit no mutant.
    pub(super) fn unused(&self, mutants: &[Mutant]) -> Vec<String> {
        let unused = self.0.iter().filter(|entry| !mutants.iter().any(|mutant| entry.is(mutant)));
        unused
            .map(|entry| format!("{} {} in {}", entry.file, entry.change, entry.function))
            .collect()
    }
}

impl Equivalent {
    fn is(&self, mutant: &Mutant) -> bool {
        self.file == mutant.file
            && self.function == mutant.function
            && self.change == mutant.what
            && self.text == mutant.text
    }
}

#[cfg(test)]
mod tests {
    use super::super::source::Place;
    use super::*;

    #[test]
    fn argued_mutants_are_found_again() {
        let mut mutant = Mutant::for_test(0..1, "-", Place::Nowhere);
        mutant.text = "a + b".to_owned();
        let entry = json!({
            "file": mutant.file,
            "function": "f",
            "change": mutant.what,
            "text": "a + b",
            "reason": "b is 0",
        });
        let list = Equivalents::parse(&json!([entry]).to_string()).unwrap();
        assert_eq!(list.reason(&mutant), Some("b is 0"));
        assert!(list.unused(std::slice::from_ref(&mutant)).is_empty());
        mutant.text = "a + c".to_owned();
        assert_eq!(list.reason(&mutant), None);
        assert_eq!(list.unused(&[mutant]), ["xen-ring/src/lib.rs replace with - in f"]);
    }

    #[test]
    fn entry_without_reason_is_refused() {
        let entry = json!([{ "file": "a", "function": "f", "change": "c", "text": "t" }]);
        let error = Equivalents::parse(&entry.to_string()).err().unwrap();
        assert!(error.to_string().contains("reason"), "{error}");
    }

    /// The list in the tree is complete, and sorted by file.
    #[test]
    fn checked_in_list_is_complete() {
        let files: Vec<_> =
            Equivalents::read().unwrap().0.into_iter().map(|entry| entry.file).collect();
        assert!(files.is_sorted(), "{files:?}");
    }
}
