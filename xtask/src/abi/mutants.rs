//! Shows that the conformance test sees changes: makes random ones, one at a time, in a copy of
//! xen-sys.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::scratch::Scratch;

/// One change of one line, or of two.
struct Mutant {
    file: PathBuf,
    what: String,
    lines: Vec<(usize, String)>,
}

/// Makes `count` changes; returns 1 if the test has missed one.
pub(super) fn run(krate: &Path, count: usize, seed: u64) -> Result<i32> {
    let scratch = Scratch::new("abi-mutants", &["xen-sys"])?;
    scratch.require_pass()?;
    let known = known(&krate.join("abi"))?;
    let mut mutants = Vec::new();
    collect(&scratch.root().join("xen-sys/src"), &known, &mut mutants)?;
    let mut random = seed;
    let mut missed = 0;
    for number in 1..=count {
        // The constants of a well-known generator: the variety must be repeatable.
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mutant = &mutants[(random >> 33) as usize % mutants.len()];
        let original = fs::read_to_string(&mutant.file)?;
        let mut lines: Vec<&str> = original.lines().collect();
        for (index, text) in &mutant.lines {
            lines[*index] = text;
        }
        fs::write(&mutant.file, lines.join("\n"))?;
        let seen = !scratch.compare()?.status.success();
        fs::write(&mutant.file, &original)?;
        missed += usize::from(!seen);
        let file = scratch.name(&mutant.file).display();
        println!("{number:3} {} {file}: {}", if seen { "seen  " } else { "MISSED" }, mutant.what);
    }
    println!("{count} changes of {} possible ones, {missed} missed", mutants.len());
    Ok(i32::from(missed > 0))
}

/// Returns the words of all data files that name an item.
fn known(folder: &Path) -> Result<std::collections::BTreeSet<String>> {
    let mut names = std::collections::BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        for line in fs::read_to_string(entry?.path())?.lines() {
            let mut words = line.split(' ');
            if let (Some("const" | "field" | "struct"), Some(name)) = (words.next(), words.next()) {
                names.insert(name.to_owned());
            }
        }
    }
    Ok(names)
}

fn collect(
    folder: &Path,
    known: &std::collections::BTreeSet<String>,
    mutants: &mut Vec<Mutant>,
) -> Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), known, mutants)?;
        } else {
            file(&entry.path(), known, mutants)?;
        }
    }
    Ok(())
}

fn file(
    path: &Path,
    known: &std::collections::BTreeSet<String>,
    mutants: &mut Vec<Mutant>,
) -> Result<()> {
    let source = fs::read_to_string(path)?;
    let mut alias: Option<&str> = None;
    let mut structure: Option<&str> = None;
    let mut last: Option<(usize, &str)> = None;
    // Within an attribute of several lines.
    let mut attribute = false;
    let mut add = |what: String, lines: Vec<(usize, String)>| {
        mutants.push(Mutant { file: path.to_owned(), what, lines });
    };
    for (index, line) in source.lines().enumerate() {
        let code = line.trim();
        if let Some(name) =
            code.strip_prefix("#[doc(alias = \"").and_then(|rest| rest.strip_suffix("\")]"))
        {
            alias = alias.or(Some(name));
            continue;
        }
        if attribute || code.starts_with("#[") {
            attribute = !code.ends_with(']');
            continue;
        }
        if code.starts_with("//") || code.contains('$') {
            continue;
        }
        let indent = &line[..line.len() - code.len()];
        if code.starts_with("pub struct ") && code.ends_with('{') {
            structure = alias.filter(|name| known.contains(*name));
            last = None;
        } else if code == "}" {
            structure = None;
        } else if let (Some(tag), Some((name, ty))) = (
            structure,
            code.strip_prefix("pub ")
                .and_then(|rest| rest.strip_suffix(','))
                .and_then(|rest| rest.split_once(": ")),
        ) {
            let real = known.contains(&format!("{tag}.{}", alias.unwrap_or(name)));
            if let Some(other) = other_type(ty).filter(|_| real) {
                add(
                    format!("type of {tag}.{name}: {ty} -> {other}"),
                    vec![(index, format!("{indent}pub {name}: {other},"))],
                );
            }
            if let Some((before, earlier)) = last.filter(|_| real && alias.is_none()) {
                let lines = vec![(before, line.to_owned()), (index, earlier.to_owned())];
                add(format!("order of {tag}: {name} comes first"), lines);
            }
            last = (real && alias.is_none()).then_some((index, line));
        } else if let Some((start, value)) =
            code.strip_suffix(';').and_then(|rest| rest.split_once(" = "))
        {
            let own = start
                .split(':')
                .next()
                .and_then(|start| start.split_whitespace().last())
                .unwrap_or_default();
            let name = alias.unwrap_or(own);
            let number = value.starts_with(|first: char| first.is_ascii_digit() || first == '-');
            if number && !code.starts_with("const _") && known.contains(name) {
                add(
                    format!("value of {name}: {value}, plus 1"),
                    vec![(index, format!("{indent}{start} = ({value}) + 1;"))],
                );
            }
        }
        alias = None;
    }
    Ok(())
}

/// Returns another type: of another size, or of the other sign.
fn other_type(ty: &str) -> Option<&'static str> {
    Some(match ty {
        "u8" => "u16",
        "u16" => "i16",
        "u32" => "i32",
        "i32" => "u32",
        "i64" => "u64",
        "u64" => "u32",
        "GuestHandle" | "XenPfn" | "XenUlong" => "u32",
        "DomId" => "u32",
        "Port" | "GrantRef" => "u16",
        _ => return None,
    })
}
