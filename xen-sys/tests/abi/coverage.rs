//! Coverage of each header: a line of the documentation of its module.
//!
//! `cargo xtask abi --bound` writes the lines. The test makes the lines again and compares, so
//! that a page is never wrong.

#![allow(unreachable_pub, reason = "a module of a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::data::{Data, Exceptions};
use super::scan::Bound;

const START: &str = "//! Coverage: ";
const WIDTH: usize = 100;

#[derive(Default)]
struct Header<'a> {
    constants: BTreeSet<&'a str>,
    structures: BTreeSet<&'a str>,
    left_out: BTreeSet<&'a str>,
}

/// Returns each source file whose coverage lines differ from the data, with the expected text.
pub fn stale(
    src: &Path,
    bound: &Bound,
    abis: &[Data],
    left_out: &Exceptions,
) -> Vec<(PathBuf, String)> {
    let headers = headers(bound, abis, left_out);
    let mut files = Vec::new();
    collect(src, &mut files);
    let mut stale = Vec::new();
    for path in files {
        let text = std::fs::read_to_string(&path).expect("the sources can be read");
        let Some(header) = text
            .lines()
            .find_map(|line| line.strip_prefix("//! Public header: `"))
            .and_then(|rest| rest.split('`').next())
        else {
            continue;
        };
        let new = with_coverage(&text, &lines(headers.get(header).unwrap_or(&Header::default())));
        if new != text {
            stale.push((path, new));
        }
    }
    stale
}

fn headers<'a>(
    bound: &Bound,
    abis: &'a [Data],
    left_out: &Exceptions,
) -> BTreeMap<&'a str, Header<'a>> {
    let known: BTreeSet<&str> = bound.constants.iter().map(|constant| &*constant.name).collect();
    let types: BTreeSet<&str> = bound.structures.iter().map(|structure| &*structure.name).collect();
    let mut headers: BTreeMap<&str, Header<'_>> = BTreeMap::new();
    for data in abis {
        let constants = data.constants.iter().map(|(name, entry)| (name, &entry.header));
        let texts = data.texts.iter().map(|(name, (_, header))| (name, header));
        for (name, header) in constants.chain(texts) {
            let item = headers.entry(header).or_default();
            let set =
                if known.contains(&**name) { &mut item.constants } else { &mut item.left_out };
            set.insert(name);
        }
        for (name, ty) in &data.types {
            let item = headers.entry(&ty.header).or_default();
            let set =
                if types.contains(&**name) { &mut item.structures } else { &mut item.left_out };
            set.insert(name);
        }
    }
    // Guards and switches of the preprocessor are not part of the ABI.
    for header in headers.values_mut() {
        header.left_out.retain(|name| {
            !left_out.lines.iter().any(|line| {
                line.kind == "const"
                    && matches!(&*line.pattern, "_*" | "XEN_HAVE_*")
                    && line.matches(name)
            })
        });
    }
    headers
}

fn lines(header: &Header<'_>) -> Vec<String> {
    let mut text = format!(
        "{START}{} and {}, of Xen 4.17 and 4.20",
        counted(header.constants.len(), "constant"),
        counted(header.structures.len(), "structure")
    );
    if header.left_out.is_empty() {
        text.push_str("; nothing is left out.");
    } else {
        let names: Vec<_> = header.left_out.iter().map(|name| format!("`{name}`")).collect();
        text.push_str(&format!(
            "; left out, for the reasons in `abi/left-out.txt`: {}.",
            names.join(", ")
        ));
    }
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last_mut().expect("there is a line");
        if last.is_empty() {
            last.push_str(word);
        } else if last.len() + word.len() < WIDTH {
            last.push(' ');
            last.push_str(word);
        } else {
            lines.push(format!("//! {word}"));
        }
    }
    lines
}

fn counted(count: usize, what: &str) -> String {
    match count {
        0 => format!("no {what}s"),
        1 => format!("one {what}"),
        _ => format!("{count} {what}s"),
    }
}

/// Returns the source with these lines as a paragraph after the one that names the header.
fn with_coverage(text: &str, coverage: &[String]) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    if let Some(start) = lines.iter().position(|line| line.starts_with(START)) {
        let len = lines[start..].iter().take_while(|line| line.starts_with("//! ")).count();
        lines.drain(start - 1..start + len);
    }
    let named = lines.iter().position(|line| line.starts_with("//! Public header: "));
    let named = named.expect("the caller found the header in it");
    let after = named + lines[named..].iter().take_while(|line| line.starts_with("//! ")).count();
    let paragraph = std::iter::once("//!").chain(coverage.iter().map(|line| &**line));
    lines.splice(after..after, paragraph);
    lines.join("\n") + "\n"
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder can be read")
        .flatten()
        .map(|entry| entry.path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
