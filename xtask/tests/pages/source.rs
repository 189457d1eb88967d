//! Functions of the workspace's sources, and the tests among them.

use std::fs;
use std::path::{Path, PathBuf};

/// Function and the place of its definition.
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) file: PathBuf,
    pub(crate) line: usize,
    /// The test runner runs it: it has the attribute, or a macro lists it on its own line.
    pub(crate) is_test: bool,
    /// Cases of `docs/SECURITY.md` in its doc comment or its name, such as `D-R01`.
    pub(crate) cases: Vec<String>,
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
        let above: Vec<&str> = lines[..index]
            .iter()
            .rev()
            .copied()
            .take_while(|line| !line.is_empty() && *line != "}")
            .collect();
        let is_test = above.contains(&"#[test]") || lines.contains(&name);
        let docs = above.iter().filter(|line| line.starts_with("///"));
        let cases = docs.flat_map(|line| cases(line)).chain(case_of_name(name)).collect();
        found.push(Function {
            name: name.to_owned(),
            file: file.to_owned(),
            line: index + 1,
            is_test,
            cases,
        });
    }
    found
}

/// Returns the cases that a doc comment names.
fn cases(comment: &str) -> impl Iterator<Item = String> + '_ {
    comment
        .split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-')
        .filter(|word| word.strip_prefix("D-").is_some_and(is_case))
        .map(str::to_owned)
}

/// Returns the case of a test `d_r01_...`.
fn case_of_name(name: &str) -> Option<String> {
    let (id, _) = name.strip_prefix("d_")?.split_once('_')?;
    let id = id.to_uppercase();
    is_case(&id).then(|| format!("D-{id}"))
}

fn is_case(id: &str) -> bool {
    let letter = id.starts_with(|letter: char| letter.is_ascii_uppercase());
    letter && id.len() == 3 && id[1..].bytes().all(|byte| byte.is_ascii_digit())
}
