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
//! stands for all tests that begin so; there has to be one. Any other link is somebody else's affair.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

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
