//! Paths on `docs/ARCHITECTURE.md`.

use std::fs;
use std::path::Path;

use crate::source::root;

/// Returns the texts in backticks of a line.
fn code(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// Returns the paths of a text such as `a/{b,c}.rs`.
fn expanded(text: &str) -> Vec<String> {
    match text.split_once('{').and_then(|(start, rest)| Some((start, rest.split_once('}')?))) {
        Some((start, (names, end))) => {
            names.split(',').map(|name| format!("{start}{name}{end}")).collect()
        }
        None => vec![text.to_owned()],
    }
}

/// Returns the paths of a page that do not exist: below the root, or below a folder that its line
/// names, or below that folder's `src`.
fn missing(root: &Path, page: &str) -> Vec<String> {
    let mut missing = Vec::new();
    let prose = page.split("```").step_by(2);
    for line in prose.flat_map(str::lines) {
        let folders: Vec<_> = code(line)
            .filter(|text| !text.is_empty() && !text.contains(['/', '.', ' ']))
            .map(|text| root.join(text))
            .collect();
        let exists = |path: &str| {
            let below = |folder: &Path| {
                folder.join(path).exists() || folder.join("src").join(path).exists()
            };
            root.join(path).exists() || folders.iter().any(|folder| below(folder))
        };
        let paths = code(line).filter(|text| text.contains('/') || text.ends_with(".rs"));
        let paths = paths.filter(|text| !text.contains([' ', '(', ':']));
        missing.extend(paths.flat_map(expanded).filter(|path| !exists(path)));
    }
    missing
}

#[test]
fn architecture_paths_exist() {
    let page = fs::read_to_string(root().join("docs/ARCHITECTURE.md")).expect("the page is read");
    assert_eq!(missing(root(), &page), Vec::<String>::new());
}

#[test]
fn missing_path_is_found() {
    let page = "| `xen-ring` | `front.rs`, `none.rs` |\n```\n`x/y`\n```\n\
                `xen-ring/src/{back,none}.rs` and `front.rs`";
    assert_eq!(missing(root(), page), ["none.rs", "xen-ring/src/none.rs", "front.rs"]);
}
