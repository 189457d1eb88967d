//! Each state on `docs/STATUS.md` has its evidence, and each test that the page names exists.
//!
//! The last cell of a row names files by the labels at the foot of the page, and after each label
//! the tests or checks in that file:
//!
//! ```text
//! | 9 | | | xen-grant | a part | real Xen | [kinds] `a_test`, `others_*`; [test.sh] `a check` |
//! ```
//!
//! In a file of Rust tests a name is that of a test; `*` at its end stands for all tests that start
//! so. In a file of the self-test, of a program or of a script it is a text that the file contains.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::source;

/// Number of features on the page.
const FEATURES: usize = 213;

/// Words for a state.
const STATES: [&str; 4] = ["real Xen", "simulated", "compiled", "no"];

/// Goals of a feature.
const TIERS: [&str; 5] = ["FreeBSD", "Linux", "harden", "beyond", "abi"];

/// Files and folders of the checks on real Xen.
const ON_REAL_XEN: [&str; 5] = [
    "kernels/selftest/src/",
    "xtask/payload/",
    "xtask/src/dom0less.rs",
    "xtask/src/selftest.rs",
    "xtask/src/xentest.rs",
];

/// Row of a table with a column `state`.
#[derive(Debug, PartialEq, Eq)]
struct Row<'a> {
    line: usize,
    number: &'a str,
    /// Tier and feature, in the first row of a number on the list.
    feature: Option<(&'a str, &'a str)>,
    state: &'a str,
    shown: &'a str,
}

/// File that a row names, with the names in it.
#[derive(Debug, PartialEq, Eq)]
struct Evidence<'a> {
    file: &'a str,
    names: Vec<&'a str>,
}

/// Files by their labels.
type Labels<'a> = BTreeMap<&'a str, &'a str>;

/// Returns the cells of a table's row. A bar within code separates none.
fn cells(line: &str) -> Vec<&str> {
    let line = line.trim().trim_start_matches('|').trim_end_matches('|');
    let mut in_code = false;
    let mut separator = |letter: char| {
        in_code ^= letter == '`';
        letter == '|' && !in_code
    };
    line.split(&mut separator).map(str::trim).collect()
}

/// Returns the rows of a page's tables that have a column `state`.
fn rows(page: &str) -> Vec<Row<'_>> {
    let mut found = Vec::new();
    let mut header: Option<Vec<&str>> = None;
    for (index, line) in page.lines().enumerate() {
        if !line.starts_with('|') {
            header = None;
            continue;
        }
        let cells = cells(line);
        let Some(header) = &header else {
            header = Some(cells);
            continue;
        };
        let column = |name: &str| {
            let at = header.iter().position(|column| *column == name)?;
            Some(cells.get(at).copied().unwrap_or_default())
        };
        let Some(state) = column("state") else { continue };
        if state.starts_with("---") {
            continue;
        }
        found.push(Row {
            line: index + 1,
            number: column("#").unwrap_or_default(),
            feature: column("tier").zip(column("feature")).filter(|pair| *pair != ("", "")),
            state,
            shown: column("shown by").unwrap_or_default(),
        });
    }
    found
}

/// Returns the files at the foot of the page, by their labels.
fn labels(page: &str) -> Labels<'_> {
    page.lines().filter_map(|line| line.strip_prefix('[')?.split_once("]: ")).collect()
}

/// Returns the files that a cell names; or the label that the page does not have.
fn evidence<'a>(cell: &'a str, labels: &Labels<'a>) -> Result<Vec<Evidence<'a>>, String> {
    let mut found: Vec<Evidence<'_>> = Vec::new();
    let mut rest = cell;
    while let Some(start) = rest.find(['[', '`']) {
        let end = if rest[start..].starts_with('[') { ']' } else { '`' };
        let ended = rest[start + 1..].split_once(end);
        let (text, after) = ended.ok_or(format!("no {end:?} in {cell}"))?;
        rest = after;
        if end == ']' {
            let file = labels.get(text).ok_or(format!("no label [{text}]"))?;
            let file = file.strip_prefix("../").ok_or(format!("{file} is not below the root"))?;
            found.push(Evidence { file, names: Vec::new() });
        } else if let Some(last) = found.last_mut() {
            last.names.push(text);
        }
    }
    Ok(found)
}

/// Returns whether a file has a check on real Xen.
fn is_on_real_xen(file: &str) -> bool {
    ON_REAL_XEN.iter().any(|start| file.starts_with(start))
}

/// Returns whether a file has the tests of a host.
fn has_tests(file: &str) -> bool {
    let is_program = file.contains("/examples/") || file.ends_with("tests/abi/main.rs");
    file.ends_with(".rs") && !is_on_real_xen(file) && !is_program
}

/// Returns the file of the same package that has a test.
fn elsewhere(root: &Path, file: &str, test: &str) -> String {
    let package = file.split('/').next().unwrap_or_default();
    let functions = source::functions(&root.join(package));
    let found = functions.iter().find(|function| function.is_test && function.name == test);
    found.map_or_else(|| "no such test".to_owned(), |f| f.file.display().to_string())
}

/// Returns the errors of a row.
fn errors(root: &Path, row: &Row<'_>, labels: &Labels<'_>) -> Vec<String> {
    let found = match evidence(row.shown, labels) {
        Ok(found) => found,
        Err(error) => return vec![error],
    };
    let mut errors = Vec::new();
    for Evidence { file, names } in &found {
        let path = root.join(file);
        let Ok(content) = fs::read_to_string(&path) else {
            errors.push(format!("no file {file}"));
            continue;
        };
        let functions = if has_tests(file) { source::functions_of(&path) } else { Vec::new() };
        for name in names {
            let exists = match name.strip_suffix('*') {
                _ if !has_tests(file) => content.contains(name),
                Some(start) => functions.iter().any(|f| f.is_test && f.name.starts_with(start)),
                None => functions.iter().any(|f| f.is_test && f.name == **name),
            };
            if !exists {
                let place = elsewhere(root, file, name);
                errors.push(format!("expected {name} in {file}, found {place}"));
            }
        }
    }
    let shown = |is: fn(&str) -> bool| found.iter().any(|e| is(e.file) && !e.names.is_empty());
    let expected = match row.state {
        "real Xen" if !shown(is_on_real_xen) => "a check on real Xen",
        "simulated" if !shown(has_tests) => "a test",
        "compiled" if found.is_empty() => "a test or a file",
        state if STATES.contains(&state) => return errors,
        _ => "one of the four words",
    };
    errors.push(format!("state {:?}: found {:?}, expected {expected}", row.state, row.shown));
    errors
}

/// Returns the errors of the list: numbers in order, each with a tier and a name in its first row.
fn list_errors(rows: &[Row<'_>]) -> Vec<String> {
    let mut errors = Vec::new();
    let mut last = 0;
    for row in rows {
        let Ok(number) = row.number.parse::<usize>() else { continue };
        let is_first = number != last;
        if number < last || is_first != row.feature.is_some() {
            errors.push(format!("line {}: {number} after {last}, {:?}", row.line, row.feature));
        }
        if row.feature.is_some_and(|(tier, name)| !TIERS.contains(&tier) || name.is_empty()) {
            errors.push(format!("line {}: found {:?}, expected a tier", row.line, row.feature));
        }
        last = number;
    }
    errors
}

#[test]
fn states_have_their_evidence() {
    let root = source::root();
    let page = fs::read_to_string(root.join("docs/STATUS.md")).expect("the page can be read");
    let (rows, labels) = (rows(&page), labels(&page));
    let mut wrong = list_errors(&rows);
    let mut counts = BTreeMap::new();
    for row in &rows {
        let errors = errors(root, row, &labels);
        wrong.extend(errors.into_iter().map(|error| format!("line {}: {error}", row.line)));
        *counts.entry(row.state).or_insert(0) += 1;
    }
    assert!(wrong.is_empty(), "docs/STATUS.md:\n{}", wrong.join("\n"));
    let numbers: BTreeSet<usize> = rows.iter().filter_map(|row| row.number.parse().ok()).collect();
    assert_eq!(numbers.len(), FEATURES);
    println!("{counts:?}");
}

#[test]
fn states_are_on_one_page() {
    let root = source::root();
    for folder in [root.to_owned(), root.join("examples")] {
        for entry in fs::read_dir(folder).expect("the folder can be read").flatten() {
            let Ok(page) = fs::read_to_string(entry.path().join("README.md")) else { continue };
            let place = entry.path().display().to_string();
            assert_eq!(rows(&page), [], "{place}: expected states in docs/STATUS.md");
        }
    }
}

#[test]
fn state_without_evidence_is_found() {
    let page = "[a]: ../xen-front/tests/block.rs\n[t]: ../xtask/payload/test.sh\n[x]: ../x.rs\n";
    let errors = |state: &str, shown: &str| {
        let row = Row { line: 1, number: "1", feature: None, state, shown };
        errors(source::root(), &row, &labels(page)).len()
    };
    let file = source::root().join("xen-front/tests/block.rs");
    let functions = source::functions_of(&file);
    let test = &functions.iter().find(|f| f.is_test).expect("the file has tests").name;
    assert_eq!(errors("real Xen", "[t] `net: ping`"), 0);
    assert_eq!(errors("real Xen", "[t] `net: no such check`"), 1);
    assert_eq!(errors("real Xen", &format!("[a] `{test}`")), 1);
    assert_eq!(errors("simulated", &format!("[a] `{test}`")), 0);
    assert_eq!(errors("simulated", &format!("[a] `{}*`", &test[..3])), 0);
    assert_eq!(errors("simulated", "[a] `no_such_test`"), 1);
    assert_eq!(errors("simulated", "[a]"), 1);
    assert_eq!(errors("compiled", ""), 1);
    assert_eq!(errors("compiled", "[x]"), 1);
    assert_eq!(errors("no", ""), 0);
    assert_eq!(errors("no", "[nowhere]"), 1);
    assert_eq!(errors("yes", "[a]"), 1);
}

#[test]
fn list_out_of_order_is_found() {
    let table = |rows: &str| {
        let header = "| # | tier | feature | state | shown by |\n|---|---|---|---|---|\n";
        let page = format!("{header}{rows}");
        list_errors(&super::status::rows(&page)).len()
    };
    assert_eq!(table("| 1 | abi | a `|` | no | |\n| 1 | | | no | |\n| 3 | abi | b | no | |\n"), 0);
    assert_eq!(table("| 2 | abi | a | no | |\n| 1 | abi | b | no | |\n"), 1);
    assert_eq!(table("| 1 | | | no | |\n"), 1);
    assert_eq!(table("| 1 | none | a | no | |\n"), 1);
}
