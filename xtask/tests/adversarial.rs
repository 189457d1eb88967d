//! Each case of `docs/SECURITY.md` has a test that is named by its id, and each test so named has a case.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Returns `r01` of a test `d_r01_...`, if the line begins one.
fn id_of_test(line: &str) -> Option<String> {
    let rest = line.trim_start().strip_prefix("fn d_")?;
    let (id, _) = rest.split_once('_')?;
    let number = id.get(1..)?;
    (number.len() == 2 && number.bytes().all(|byte| byte.is_ascii_digit())).then(|| id.to_owned())
}

fn collect(folder: &Path, tests: &mut BTreeMap<String, Vec<String>>) {
    for entry in fs::read_dir(folder).expect("the folder can be read").flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if path.is_dir() {
            if name != "target" && !name.starts_with('.') {
                collect(&path, tests);
            }
        } else if name.ends_with(".rs") {
            let text = fs::read_to_string(&path).expect("the sources can be read");
            let lines: Vec<&str> = text.lines().collect();
            for (index, line) in lines.iter().enumerate() {
                let Some(id) = id_of_test(line) else { continue };
                // Only what the test runner will run is a test: by its attribute, or as one of those that a macro lists.
                let attributes = &lines[index.saturating_sub(4)..index];
                let name = line.trim_start().trim_start_matches("fn ").split('(').next().unwrap_or_default();
                assert!(
                    attributes.iter().any(|line| line.trim() == "#[test]") || text.matches(name).count() > 1,
                    "{}:{}: {name} is no test",
                    path.display(),
                    index + 1,
                );
                tests.entry(id).or_default().push(format!("{}:{}", path.display(), index + 1));
            }
        }
    }
}

#[test]
fn every_adversarial_case_has_a_test_and_every_such_test_a_case() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is in the workspace");
    let page = fs::read_to_string(root.join("docs/SECURITY.md")).expect("the page can be read");
    let cases: Vec<String> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| D-")?.split(' ').next())
        .map(str::to_lowercase)
        .collect();
    assert!(cases.len() > 50, "only {} cases were found", cases.len());
    let mut tests = BTreeMap::new();
    collect(root, &mut tests);
    let missing: Vec<_> = cases.iter().filter(|id| !tests.contains_key(*id)).collect();
    assert!(missing.is_empty(), "no test for {missing:?}");
    let unknown: Vec<_> = tests.iter().filter(|(id, _)| !cases.contains(id)).collect();
    assert!(unknown.is_empty(), "not in docs/SECURITY.md: {unknown:?}");
    println!("{} cases, {} tests", cases.len(), tests.values().map(Vec::len).sum::<usize>());
}
