//! Each test that a table in a crate's README names is there.
//!
//! A row names a test by a link whose text is the test's name, as code, and whose target is the file that it is in, relative to the
//! README:
//!
//! ```text
//! | 175 | map and unmap in batches | yes | [`d_g03_of_a_batch_exactly_what_was_mapped_is_unmapped`](tests/grants/sharing.rs) |
//! ```
//!
//! The target may stand at the foot of the page: ``[`name`][sharing]`` with `[sharing]: tests/grants/sharing.rs`. A name that ends in `*`
//! stands for all tests that begin so; there has to be one. Any other link is not looked at.
//!
//! The state of a row is one of four words:
//! - *real Xen*: a check on real Xen uses the feature. The row names a check by a link whose text stands in
//!   the target, a file of the self-test or of the scripts that the real-Xen tests run in dom0;
//! - *simulated*: a test of the row runs it on the host, mostly in the simulated Xen;
//! - *compiled*: it is there, and at most its encoding is tested;
//! - *no*: it is not there.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::source;

/// A test that a README names: the name, and the target of the link.
#[derive(Debug, PartialEq, Eq)]
struct Named<'a> {
    name: &'a str,
    target: &'a str,
}

/// Returns the targets at the foot of a page, by their labels.
fn labels(page: &str) -> BTreeMap<&str, &str> {
    page.lines().filter_map(|line| line.strip_prefix('[')?.split_once("]: ")).collect()
}

/// Returns the tests that the tables of a page name.
fn named(page: &str) -> Vec<Named<'_>> {
    let labels = labels(page);
    let mut found = Vec::new();
    for row in page.lines().filter(|line| line.starts_with('|')) {
        for link in row.split("[`").skip(1) {
            let Some((name, rest)) = link.split_once("`]") else { continue };
            let target = match (rest.strip_prefix('('), rest.strip_prefix('[')) {
                (Some(rest), _) => rest.split(')').next(),
                (_, Some(rest)) => rest.split(']').next().and_then(|label| labels.get(label).copied()),
                _ => labels.get(format!("`{name}`").as_str()).copied(),
            };
            let is_name = name.contains('_')
                && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'*'));
            found.extend(
                target
                    .filter(|target| is_name && target.ends_with(".rs"))
                    .map(|target| Named { name, target }),
            );
        }
    }
    found
}

/// The words for a row's state.
const STATES: [&str; 4] = ["real Xen", "simulated", "compiled", "no"];

/// Where the checks on real Xen are, relative to the workspace.
const ON_REAL_XEN: [&str; 4] =
    ["examples/selftest/src/", "xtask/payload/", "xtask/src/selftest.rs", "xtask/src/xentest.rs"];

/// Returns the rows of the tables of a page that have a column `state`, by the line's number; with the state.
fn rows(page: &str) -> Vec<(usize, &str, &str)> {
    let mut found = Vec::new();
    let mut column = None;
    for (index, line) in page.lines().enumerate() {
        if !line.starts_with('|') {
            column = None;
            continue;
        }
        let cells: Vec<&str> = line.trim().trim_matches('|').split('|').map(str::trim).collect();
        match column {
            None => column = Some(cells.iter().position(|cell| *cell == "state")),
            Some(_) if cells.iter().all(|cell| cell.trim_matches(['-', ':']).is_empty()) => {}
            Some(Some(column)) => {
                found.push((index + 1, line, cells.get(column).copied().unwrap_or_default()));
            }
            Some(None) => {}
        }
    }
    found
}

/// Returns the links of a row whose text is code: the text, and the target.
fn links<'a>(row: &'a str, labels: &BTreeMap<&str, &'a str>) -> Vec<(&'a str, &'a str)> {
    let mut found = Vec::new();
    for link in row.split("[`").skip(1) {
        let Some((text, rest)) = link.split_once("`]") else { continue };
        let target = match (rest.strip_prefix('('), rest.strip_prefix('[')) {
            (Some(rest), _) => rest.split(')').next(),
            (_, Some(rest)) => rest.split(']').next().and_then(|label| labels.get(label).copied()),
            _ => None,
        };
        found.extend(target.map(|target| (text, target)));
    }
    found
}

/// Returns whether a link names a check on real Xen that is there.
fn is_real_check(folder: &Path, text: &str, target: &str) -> bool {
    let Ok(file) = folder.join(target).canonicalize() else { return false };
    let Ok(path) = file.strip_prefix(source::root()) else { return false };
    let path = path.to_string_lossy().into_owned();
    ON_REAL_XEN.iter().any(|start| path.starts_with(start))
        && fs::read_to_string(&file).is_ok_and(|content| content.contains(text))
}

/// Returns what is wrong with the states of a page's rows, and how many rows there are.
fn check_states(folder: &Path, page: &str) -> (Vec<String>, usize) {
    let labels = labels(page);
    let mut wrong = Vec::new();
    let rows = rows(page);
    for (line, row, state) in &rows {
        let mut complain = |what: &str| wrong.push(format!("line {line}: {what}: {row}"));
        if !STATES.contains(state) {
            complain(&format!("state {state:?} is none of {STATES:?}"));
        }
        let links = links(row, &labels);
        let real = links.iter().any(|(text, target)| is_real_check(folder, text, target));
        if *state == "real Xen" && !real {
            complain("no check on real Xen is named");
        }
        if *state == "simulated" && named_by(row, &labels).is_empty() {
            complain("no test is named");
        }
    }
    (wrong, rows.len())
}

/// Returns the tests that a row names, with the labels of its page.
fn named_by<'a>(row: &'a str, labels: &BTreeMap<&str, &'a str>) -> Vec<(&'a str, &'a str)> {
    let mut found = links(row, labels);
    found.retain(|(text, target)| {
        target.ends_with(".rs")
            && text.contains('_')
            && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'*'))
    });
    found
}

/// Returns the folders of the workspace's packages that have a page.
fn packages() -> Vec<PathBuf> {
    let root = source::root();
    let folders = [root.to_owned(), root.join("examples")];
    let entries = folders.iter().flat_map(|folder| fs::read_dir(folder).expect("the folder can be read"));
    let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    found.retain(|path| path.join("README.md").is_file() && path.join("Cargo.toml").is_file());
    found.sort();
    found
}

#[test]
fn states_are_one_of_four_words() {
    let (mut wrong, mut count) = (Vec::new(), 0);
    for folder in packages() {
        let page = fs::read_to_string(folder.join("README.md")).expect("the page can be read");
        let (errors, rows) = check_states(&folder, &page);
        wrong.extend(errors.into_iter().map(|error| format!("{}: {error}", folder.display())));
        count += rows;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 150, "only {count} rows were found");
}

#[test]
fn state_without_evidence_is_found() {
    let folder = source::root().join("xen-front");
    let table = |state: &str, shown: &str| {
        let page = format!(
            "| row | feature | state | shown by |\n|---|---|---|---|\n| 1 | f | {state} | {shown} |\n"
        );
        check_states(&folder, &page).0.len()
    };
    let check = "[`net: ping`](../xtask/payload/test.sh)";
    assert_eq!(table("real Xen", check), 0);
    assert_eq!(table("real Xen", "[`net: no such check`](../xtask/payload/test.sh)"), 1);
    assert_eq!(table("real Xen", "[`a_test`](tests/block.rs)"), 1);
    assert_eq!(table("simulated", "[`a_test`](tests/block.rs)"), 0);
    assert_eq!(table("simulated", ""), 1);
    assert_eq!(table("compiled", ""), 0);
    assert_eq!(table("no", ""), 0);
    assert_eq!(table("yes", check), 1);
}

/// Tells whether a file has the test, or one whose name begins so.
fn is_there(file: &Path, name: &str) -> bool {
    let matches = |found: &str| match name.strip_suffix('*') {
        Some(start) => found.starts_with(start),
        None => found == name,
    };
    file.is_file()
        && source::functions_of(file).iter().any(|function| function.is_test && matches(&function.name))
}

#[test]
fn every_test_that_a_status_table_names_is_there() {
    let mut crates = 0;
    let (mut tests, mut missing) = (0, Vec::new());
    for entry in fs::read_dir(source::root()).expect("the root can be read").flatten() {
        let folder = entry.path();
        let Ok(page) = fs::read_to_string(folder.join("README.md")) else { continue };
        if !folder.join("Cargo.toml").is_file() {
            continue;
        }
        crates += 1;
        for test in named(&page) {
            tests += 1;
            if !is_there(&folder.join(test.target), test.name) {
                missing.push(format!(
                    "{}/README.md: {} in {}",
                    entry.file_name().display(),
                    test.name,
                    test.target
                ));
            }
        }
    }
    assert!(missing.is_empty(), "no such test:\n{}", missing.join("\n"));
    assert!(crates >= 9 && tests >= 20, "only {tests} tests of {crates} crates were found");
    println!("{tests} tests in the READMEs of {crates} crates");
}

#[test]
fn a_link_names_a_test_in_each_of_its_forms() {
    let page = "[`no_row`](a.rs)\n| 1 | [`a_b`](x/y.rs), [`c_d*`][z] and [`e_f`] | [`Type`](a.rs) [`g_h`](a.md) `i_j` |\n\
        [z]: z.rs\n[`e_f`]: w.rs\n";
    let expected = [("a_b", "x/y.rs"), ("c_d*", "z.rs"), ("e_f", "w.rs")];
    assert_eq!(named(page), expected.map(|(name, target)| Named { name, target }));
}
