//! Definitions and exports in the sources of xen-sys, for the swap of layouts.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// Architecture with definitions of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Arch {
    X86,
    Arm,
}

impl Arch {
    pub(super) const BOTH: [Self; 2] = [Self::X86, Self::Arm];

    pub(super) fn other(self) -> Self {
        if self == Self::X86 { Self::Arm } else { Self::X86 }
    }

    /// Returns the target's name in the files of C's data.
    pub(super) fn target(self) -> &'static str {
        if self == Self::X86 { "x86_64" } else { "aarch64" }
    }

    /// Returns the target of the compiler.
    pub(super) fn triple(self) -> &'static str {
        if self == Self::X86 { "x86_64-unknown-none" } else { "aarch64-unknown-none" }
    }

    /// Returns the module with the definitions, as it is in the path of an item.
    pub(super) fn module(self) -> &'static str {
        if self == Self::X86 { "::arch_x86::" } else { "::arch_arm::" }
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.target())
    }
}

/// Returns the name of a type without its path.
pub(super) fn type_name(path: &str) -> &str {
    path.rsplit("::").next().unwrap_or(path)
}

/// Definition of a structure, from the attribute with its C name to the closing brace.
pub(super) struct Item {
    pub(super) file: PathBuf,
    source: String,
    /// Module as `crate::a::b`.
    module: String,
    start: usize,
    end: usize,
}

impl Item {
    pub(super) fn find(src: &Path, arch: Arch, path: &str, c_name: &str) -> Result<Self> {
        let name = type_name(path);
        let module = path.trim_end_matches(name).trim_end_matches("::");
        let module = module.replacen("xen_sys", "crate", 1);
        let folder = src.join(arch.module().trim_matches(':'));
        let heads = [format!("#[doc(alias = \"{c_name}\")]"), format!("pub struct {name} {{")];
        let mut files = Vec::new();
        sources(&folder, &mut files)?;
        for file in files {
            let source = fs::read_to_string(&file)?;
            let Some(body) = source.find(&*heads[1]) else { continue };
            let start = source[..body].rfind(&*heads[0]).context("a structure without alias")?;
            let end = source[body..].find("\n}\n").context("a structure without end")? + body + 3;
            return Ok(Self { file, source, module, start, end });
        }
        bail!("no definition of {path}")
    }

    /// Returns the definition with full paths, for use in another module.
    pub(super) fn standalone(&self) -> String {
        let imports = imports(&self.source);
        let mut text = String::new();
        for line in self.source[self.start..self.end].lines() {
            match line.trim_end().strip_suffix(',').and_then(|field| field.split_once(": ")) {
                Some((field, ty)) if line.starts_with("    pub ") => {
                    let ty = with_paths(ty, &imports, &self.module);
                    text.push_str(&format!("{field}: {ty},\n"));
                }
                _ => text.push_str(&format!("{line}\n")),
            }
        }
        text
    }

    /// Returns the file with another definition.
    pub(super) fn replaced(&self, definition: &str) -> String {
        format!("{}{definition}{}", &self.source[..self.start], &self.source[self.end..])
    }
}

/// Returns the imported names of a file, with their paths.
fn imports(source: &str) -> BTreeMap<String, String> {
    let uses =
        source.lines().filter_map(|line| line.strip_prefix("use crate::")?.strip_suffix(';'));
    let mut imports = BTreeMap::new();
    for path in uses {
        let (module, names) = path.rsplit_once("::").unwrap_or(("", path));
        let module = if module.is_empty() { String::new() } else { format!("{module}::") };
        for name in names.trim_matches(['{', '}']).split(", ") {
            imports.insert(name.to_owned(), format!("crate::{module}{name}"));
        }
    }
    imports
}

/// Returns a type with the full paths of the names that `module` defines or imports.
fn with_paths(ty: &str, imports: &BTreeMap<String, String>, module: &str) -> String {
    if ty.contains("::") {
        return ty.to_owned();
    }
    let mut text = String::new();
    let mut rest = ty;
    while let Some(start) = rest.find(|letter: char| letter.is_ascii_alphabetic()) {
        let word = &rest[start..];
        let len = word.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
        let word = &word[..len.unwrap_or(word.len())];
        text.push_str(&rest[..start]);
        if word.starts_with(|letter: char| letter.is_ascii_lowercase()) {
            text.push_str(word);
        } else {
            let here = || format!("{module}::{word}");
            text.push_str(&imports.get(word).cloned().unwrap_or_else(here));
        }
        rest = &rest[start + word.len()..];
    }
    text + rest
}

/// Returns the file of the general module that exports `name`, with `arch`'s definition exported on
/// every target.
pub(super) fn exports(src: &Path, name: &str, arch: Arch) -> Result<Option<(PathBuf, String)>> {
    let mut files = Vec::new();
    sources(src, &mut files)?;
    for file in files {
        let source = fs::read_to_string(&file)?;
        let line = source.lines().find(|line| {
            let items = line.strip_prefix("by_architecture! {").and_then(|it| it.strip_suffix('}'));
            items.is_some_and(|items| items.split(',').any(|item| item.trim() == name))
        });
        let Some(line) = line else { continue };
        let items = line.trim_start_matches("by_architecture! {").trim_end_matches('}');
        let others: Vec<_> = items.split(',').map(str::trim).filter(|item| *item != name).collect();
        let mut new = export_line(name, arch);
        if !others.is_empty() {
            new = format!("by_architecture! {{ {} }}\n{new}", others.join(", "));
        }
        return Ok(Some((file, source.replacen(line, &new, 1))));
    }
    Ok(None)
}

/// Returns the line that exports `arch`'s definition.
pub(super) fn export_line(name: &str, arch: Arch) -> String {
    format!("pub use crate{}{name};", arch.module())
}

/// Removes the assertions of sizes from the architectures' modules.
pub(super) fn without_sizes(src: &Path) -> Result<()> {
    let mut files = Vec::new();
    for arch in Arch::BOTH {
        sources(&src.join(arch.module().trim_matches(':')), &mut files)?;
    }
    for file in files {
        let source = fs::read_to_string(&file)?;
        let kept = source.lines().filter(|line| !line.starts_with("const _: () = assert!(size_of"));
        fs::write(&file, kept.collect::<Vec<_>>().join("\n") + "\n")?;
    }
    Ok(())
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            sources(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_get_full_paths() {
        let imports =
            imports("use zerocopy::IntoBytes;\nuse crate::DomId;\nuse crate::xen::{A, B};\n");
        let path = |ty: &str| with_paths(ty, &imports, "crate::arch_arm");
        assert_eq!(path("[u64; 64]"), "[u64; 64]");
        assert_eq!(path("DomId"), "crate::DomId");
        assert_eq!(path("[B; MAX_A]"), "[crate::xen::B; crate::arch_arm::MAX_A]");
    }
}
