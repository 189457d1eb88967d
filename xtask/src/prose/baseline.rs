//! Known findings: counts by file and rule, which may only be lowered.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::host;

/// Counts by file and name of the rule.
pub(super) type Counts = BTreeMap<String, BTreeMap<String, usize>>;

/// A file and rule whose count differs from the baseline.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) file: String,
    pub(super) rule: String,
    pub(super) known: usize,
    pub(super) found: usize,
}

fn path() -> PathBuf {
    host::root().join("xtask/prose/baseline.json")
}

/// Reads the baseline; `None` if there is no file.
pub(super) fn read() -> Result<Option<Counts>> {
    let path = path();
    if !path.exists() {
        return Ok(None);
    }
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("parsing {}", path.display())).map(Some)
}

/// Writes the baseline.
pub(super) fn write(counts: &Counts) -> Result<()> {
    let path = path();
    let text = serde_json::to_string_pretty(counts)? + "\n";
    fs::write(&path, text).with_context(|| format!("writing {}", path.display()))
}

/// Returns all differences between the baseline and the counts found.
pub(super) fn differences(known: &Counts, found: &Counts) -> Vec<Difference> {
    let of = |counts: &Counts, file: &str, rule: &str| -> usize {
        counts.get(file).and_then(|rules| rules.get(rule)).copied().unwrap_or(0)
    };
    let mut keys: Vec<(&String, &String)> = known
        .iter()
        .chain(found)
        .flat_map(|(file, rules)| rules.keys().map(move |rule| (file, rule)))
        .collect();
    keys.sort();
    keys.dedup();
    keys.into_iter()
        .map(|(file, rule)| Difference {
            file: file.clone(),
            rule: rule.clone(),
            known: of(known, file, rule),
            found: of(found, file, rule),
        })
        .filter(|difference| difference.known != difference.found)
        .collect()
}

/// Returns the baseline with each count lowered to the one found. No count is raised.
pub(super) fn lowered(known: &Counts, found: &Counts) -> Counts {
    let mut lowered = known.clone();
    for difference in differences(known, found) {
        if difference.found < difference.known
            && let Some(rules) = lowered.get_mut(&difference.file)
        {
            rules.insert(difference.rule, difference.found);
        }
    }
    for rules in lowered.values_mut() {
        rules.retain(|_, count| *count > 0);
    }
    lowered.retain(|_, rules| !rules.is_empty());
    lowered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(all: &[(&str, &str, usize)]) -> Counts {
        let mut counts = Counts::new();
        for (file, rule, count) in all {
            counts.entry((*file).to_owned()).or_default().insert((*rule).to_owned(), *count);
        }
        counts
    }

    #[test]
    fn differences_name_file_and_rule() {
        let known = counts(&[("a.rs", "word", 2), ("a.rs", "term", 1), ("b.rs", "word", 1)]);
        let found = counts(&[("a.rs", "word", 3), ("a.rs", "term", 1), ("c.rs", "word", 1)]);
        let found = differences(&known, &found);
        let short: Vec<_> = found.iter().map(|d| (&*d.file, &*d.rule, d.known, d.found)).collect();
        assert_eq!(short, [("a.rs", "word", 2, 3), ("b.rs", "word", 1, 0), ("c.rs", "word", 0, 1)]);
    }

    #[test]
    fn baseline_is_lowered_only() {
        let known = counts(&[("a.rs", "word", 2), ("a.rs", "term", 5), ("b.rs", "word", 1)]);
        let found = counts(&[("a.rs", "word", 3), ("a.rs", "term", 4), ("c.rs", "word", 1)]);
        assert_eq!(lowered(&known, &found), counts(&[("a.rs", "word", 2), ("a.rs", "term", 4)]));
    }
}
