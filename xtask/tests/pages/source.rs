//! The functions in the project's sources, and which of them are tests.

use std::fs;
use std::path::{Path, PathBuf};

/// A function, by the place where it begins.
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) file: PathBuf,
    pub(crate) line: usize,
    /// The test runner runs it: by its attribute, or as one that a macro lists on a line of its
    /// own.
    pub(crate) is_test: bool,
}

/// Returns the root of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is in the workspace")
}

/// Returns all functions in a folder and in those below it.
pub(crate) fn functions(folder: &Path) -> Vec<Function> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder can be read").flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if path.is_dir() {
            if name != "target" && !name.starts_with('.') {
                found.extend(functions(&path));
            }
        } else if name.ends_with(".rs") {
            found.extend(functions_of(&path));
        }
    }
    found
}

/// Returns all functions in a file.
pub(crate) fn functions_of(file: &Path) -> Vec<Function> {
    let text = fs::read_to_string(file).expect("the sources can be read");
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let Some(rest) = line.strip_prefix("fn ") else { continue };
        let name = rest.split(['(', '<']).next().unwrap_or_default();
        let above =
            lines[..index].iter().rev().take_while(|line| !line.is_empty() && **line != "}");
        let is_test = above.copied().any(|line| line == "#[test]") || lines.contains(&name);
        found.push(Function {
            name: name.to_owned(),
            file: file.to_owned(),
            line: index + 1,
            is_test,
        });
    }
    found
}
