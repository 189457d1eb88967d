//! List of the items that the sources of xen-sys bind, by the C names in their doc aliases.
//!
//! The scan reads lines, because the sources are formatted by rustfmt and follow the rules of
//! ABI.md. `cargo xtask abi` writes the lists in `bound` from this list. The test makes the list
//! again, so that every bound item is compared.

#![allow(unreachable_pub, reason = "a module of a test")]

use std::path::Path;

/// One constant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Constant {
    /// The C name.
    pub name: String,
    /// A Rust expression for the value.
    pub path: String,
    /// Kind of the constant: true for a text.
    pub text: bool,
}

/// One structure.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Structure {
    /// The C tag.
    pub name: String,
    /// The Rust type.
    pub path: String,
    /// The fields, padding left out.
    pub fields: Vec<Field>,
}

/// One field of a structure.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Field {
    /// The C name, with the names of unions and structures round it.
    pub name: String,
    /// The Rust name.
    pub ident: String,
    /// The Rust type, as it is written.
    pub ty: String,
}

/// All bound items.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Bound {
    /// Constants, in the order of the sources.
    pub constants: Vec<Constant>,
    /// Structures, in the order of the sources.
    pub structures: Vec<Structure>,
}

/// Reads the sources below a folder.
pub fn scan(src: &Path) -> std::io::Result<Bound> {
    let mut bound = Bound::default();
    folder(src, "xen_sys", &mut bound)?;
    Ok(bound)
}

fn folder(path: &Path, module: &str, bound: &mut Bound) -> std::io::Result<()> {
    let mut entries = std::fs::read_dir(path)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    // A header that fills several files is one module all the same: its parts are private, and
    // exported by `mod.rs`.
    let parent = std::fs::read_to_string(path.join("mod.rs")).unwrap_or_default();
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_dir() {
            folder(&entry.path(), &format!("{module}::{name}"), bound)?;
        } else if let Some(stem) = name.strip_suffix(".rs") {
            let module = match stem {
                "lib" | "mod" => module.to_owned(),
                "macros" | "handle" => continue,
                _ if parent.lines().any(|line| line == format!("mod {stem};")) => module.to_owned(),
                _ => format!("{module}::{stem}"),
            };
            file(&std::fs::read_to_string(entry.path())?, &module, bound);
        }
    }
    Ok(())
}

/// Item around the current line.
enum Inside {
    Module(String),
    /// An `impl`, or one of the macros that declare constants of a type.
    Type(String),
    Structure(Structure),
    /// A macro's outer braces.
    Braces,
}

fn file(source: &str, module: &str, bound: &mut Bound) {
    let mut inside: Vec<(usize, Inside)> = Vec::new();
    let mut aliases: Vec<String> = Vec::new();
    // Within an attribute of several lines.
    let mut attribute = false;
    for line in source.lines() {
        let indent = line.len() - line.trim_start().len();
        let line = line.trim();
        if line == "#[cfg(test)]" {
            break;
        }
        if line.is_empty() || line.starts_with("//") || line.contains('$') {
            continue;
        }
        if let Some(alias) = between(line, "#[doc(alias = \"", "\")]") {
            aliases.push(alias.to_owned());
            continue;
        }
        if attribute || line.starts_with("#[") {
            attribute = !line.ends_with(']');
            continue;
        }
        if line.starts_with('}') {
            if inside.last().is_some_and(|(at, _)| *at == indent)
                && let Some((_, Inside::Structure(structure))) = inside.pop()
            {
                bound.structures.push(structure);
            }
            continue;
        }
        let mut place = module.to_owned();
        for (_, part) in &inside {
            if let Inside::Module(name) | Inside::Type(name) = part {
                place = format!("{place}::{name}");
            }
        }
        let names = std::mem::take(&mut aliases);
        if let Some((name, ty)) = constant(line) {
            let own = if ty == "Self" { ".0" } else { "" };
            let path = format!("{}::{name}{own}", place);
            push_constants(bound, names, name, &path, ty == "&str", ty.starts_with('['));
        } else if let Some(name) = between(line, "pub mod ", " {") {
            inside.push((indent, Inside::Module(name.to_owned())));
        } else if let Some(name) = between(line, "impl ", " {").filter(|name| !name.contains(' ')) {
            inside.push((indent, Inside::Type(name.to_owned())));
        } else if line == "errnos! {" {
            inside.push((indent, Inside::Type("Errno".to_owned())));
        } else if line == "open_enum! {" || line == "flags! {" {
            inside.push((indent, Inside::Braces));
        } else if let Some(name) = between(line, "pub struct ", ") {") {
            let name = name.split('(').next().unwrap_or(name);
            inside.push((indent, Inside::Type(name.to_owned())));
        } else if let Some(name) = between(line, "pub struct ", " {") {
            // A structure without a C name is a variant of a union, in Rust only.
            let path = format!("{}::{name}", place);
            let name = names.first().cloned().unwrap_or_default();
            inside.push((indent, Inside::Structure(Structure { name, path, fields: Vec::new() })));
        } else if let Some((_, Inside::Structure(structure))) = inside.last_mut() {
            if let Some((ident, ty)) = line
                .strip_prefix("pub ")
                .and_then(|rest| rest.trim_end_matches(',').split_once(": "))
            {
                let padding =
                    ident.strip_prefix("_pad").is_some_and(|rest| rest.parse::<u32>().is_ok());
                if !padding || !names.is_empty() {
                    let name = names.into_iter().next().unwrap_or_else(|| ident.to_owned());
                    structure.fields.push(Field {
                        name,
                        ident: ident.to_owned(),
                        ty: ty.to_owned(),
                    });
                }
            }
        } else if let Some((_, Inside::Type(_))) = inside.last()
            && let Some((name, _)) = line.split_once(" = ")
            && name.chars().all(|letter| {
                letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_'
            })
        {
            let path = format!("{}::{name}.0", place);
            push_constants(bound, names, name, &path, false, false);
        }
    }
}

fn push_constants(
    bound: &mut Bound,
    aliases: Vec<String>,
    name: &str,
    path: &str,
    text: bool,
    skip: bool,
) {
    if skip {
        return;
    }
    let names = if aliases.is_empty() { vec![name.to_owned()] } else { aliases };
    for name in names {
        bound.constants.push(Constant { name, path: path.to_owned(), text });
    }
}

fn constant(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = line.strip_prefix("pub const ")?.split_once(": ")?;
    (!name.contains(' ')).then_some((name, rest.split_once(" =").map_or(rest, |(ty, _)| ty)))
}

fn between<'a>(line: &'a str, start: &str, end: &str) -> Option<&'a str> {
    line.strip_prefix(start)?.strip_suffix(end)
}
