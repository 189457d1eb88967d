//! Each case of `docs/SECURITY.md` has a test that is named by its id, and each test so named has a
//! case.

use std::collections::BTreeMap;
use std::fs;

use crate::source;

/// Returns `r01` of a test `d_r01_...`.
fn id_of_test(name: &str) -> Option<&str> {
    let (id, _) = name.strip_prefix("d_")?.split_once('_')?;
    let number = id.get(1..)?;
    (number.len() == 2 && number.bytes().all(|byte| byte.is_ascii_digit())).then_some(id)
}

#[test]
fn adversarial_cases_have_tests() {
    let root = source::root();
    let page = fs::read_to_string(root.join("docs/SECURITY.md")).expect("the page can be read");
    let cases: Vec<String> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| D-")?.split(' ').next())
        .map(str::to_lowercase)
        .collect();
    assert!(cases.len() > 50, "only {} cases were found", cases.len());
    let functions = source::functions(root);
    let mut tests: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for function in &functions {
        let Some(id) = id_of_test(&function.name) else { continue };
        let place = format!("{}:{}", function.file.display(), function.line);
        assert!(function.is_test, "{place}: {} is no test", function.name);
        tests.entry(id).or_default().push(place);
    }
    let missing: Vec<_> = cases.iter().filter(|id| !tests.contains_key(id.as_str())).collect();
    assert!(missing.is_empty(), "no test for {missing:?}");
    let unknown: Vec<_> =
        tests.iter().filter(|(id, _)| !cases.iter().any(|case| case == *id)).collect();
    assert!(unknown.is_empty(), "not in docs/SECURITY.md: {unknown:?}");
    println!("{} cases, {} tests", cases.len(), tests.values().map(Vec::len).sum::<usize>());
}
