//! Each case of `docs/SECURITY.md` has a test with its id in the doc comment, and each such id is a
//! case.

use std::collections::BTreeMap;
use std::fs;

use crate::source;

#[test]
fn adversarial_cases_have_tests() {
    let root = source::root();
    let page = fs::read_to_string(root.join("docs/SECURITY.md")).expect("the page can be read");
    let cases: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(' ').next())
        .filter(|id| id.starts_with("D-"))
        .collect();
    assert!(cases.len() > 50, "only {} cases were found", cases.len());
    let functions = source::functions(root);
    let mut tests: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for function in &functions {
        for case in &function.cases {
            let place = format!("{}:{}", function.file.display(), function.line);
            assert!(function.is_test, "{place}: {} is no test", function.name);
            tests.entry(case).or_default().push(place);
        }
    }
    let missing: Vec<_> = cases.iter().filter(|case| !tests.contains_key(**case)).collect();
    assert!(missing.is_empty(), "no test for {missing:?}");
    let unknown: Vec<_> = tests.iter().filter(|(case, _)| !cases.contains(case)).collect();
    assert!(unknown.is_empty(), "not in docs/SECURITY.md: {unknown:?}");
    println!("{} cases, {} tests", cases.len(), tests.values().map(Vec::len).sum::<usize>());
}
