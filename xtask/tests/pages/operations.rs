//! Each typed operation is called by the self-test, on real Xen.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::source;

/// Functions that the self-test does not call by name, and why.
const ELSEWHERE: [(&str, &str); 9] = [
    ("dm_op::call", "every other function of the module calls it"),
    ("mca::call", "every other function of the module calls it"),
    ("platform::call", "functions of the module call it"),
    ("sysctl::call", "every other function of the module calls it"),
    ("xsm::call", "every other function of the module calls it"),
    ("sched::shutdown", "the end of each run"),
    ("sched::soft_reset", "the shell, as an HVM guest"),
    ("sched::suspend", "the kernel `suspend-test`, which is saved and restored"),
    ("version::unpadded", "no operation"),
];

/// Returns the text of all sources below a folder.
fn text_below(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).expect("the folder can be read").flatten() {
        let path = entry.path();
        if path.is_dir() {
            text += &text_below(&path);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text += &fs::read_to_string(&path).expect("the source can be read");
        }
    }
    text
}

/// Returns `module::function` of each public function of `xen_hypercall::ops`.
fn operations(root: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in
        fs::read_dir(root.join("xen-hypercall/src/ops")).expect("the folder can be read").flatten()
    {
        let path = entry.path();
        let module = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        // What the modules share, which issues nothing itself.
        if matches!(&*module, "mod" | "control" | "recorder" | "layouts") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("the source can be read");
        for line in text.lines() {
            let Some(rest) = line.strip_prefix("pub ") else { continue };
            let rest = rest.strip_prefix("const ").unwrap_or(rest);
            let rest = rest.strip_prefix("unsafe ").unwrap_or(rest);
            if let Some(name) =
                rest.strip_prefix("fn ").and_then(|rest| rest.split(['(', '<']).next())
            {
                found.insert(format!("{module}::{name}"));
            }
        }
    }
    found
}

#[test]
fn operations_are_called_on_real_xen() {
    let root = source::root();
    let operations = operations(root);
    assert!(operations.len() > 200, "only {} operations were found", operations.len());
    let text = text_below(&root.join("kernels/selftest/src"));
    let words = |line: &str| -> BTreeSet<String> {
        line.split(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != ':')
            .map(str::to_owned)
            .collect()
    };
    let called = words(&text);
    let missing: Vec<_> = operations
        .iter()
        .filter(|name| !called.contains(*name) && !ELSEWHERE.iter().any(|(other, _)| other == name))
        .collect();
    assert!(missing.is_empty(), "not called by kernels/selftest: {missing:?}");
    let stale: Vec<_> = ELSEWHERE
        .iter()
        .filter(|(name, _)| called.contains(*name) || !operations.contains(*name))
        .collect();
    assert!(stale.is_empty(), "listed as not called, but called or gone: {stale:?}");
}
