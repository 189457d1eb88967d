//! Lists of the items that xen-sys binds, for its conformance test.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::scan::{Bound, Constant, Structure};

/// Maximum number of columns of a line.
const COLUMNS: usize = 100;

/// Bound items of one of the crate's modules.
#[derive(Default)]
struct Module<'b> {
    constants: Vec<&'b Constant>,
    structures: Vec<&'b Structure>,
}

/// Writes the folder `xen-sys/tests/abi/bound` anew: a file for each module, to a depth of two.
pub(crate) fn write(folder: &Path, bound: &Bound) -> Result<()> {
    let mut modules = BTreeMap::<String, Module<'_>>::new();
    for constant in &bound.constants {
        modules.entry(module(&constant.path)?).or_default().constants.push(constant);
    }
    for structure in &bound.structures {
        modules.entry(module(&structure.path)?).or_default().structures.push(structure);
    }
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("removing {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    let mut all = String::from(
        "//! Items of xen-sys by C name, written by `cargo xtask abi --bound`; do not edit.\n\n",
    );
    for name in modules.keys() {
        writeln!(all, "mod {name};")?;
    }
    all.push_str("\n/// Each module's.\npub(crate) const LISTS: &[crate::list::List] = &[\n");
    for (name, module) in &modules {
        writeln!(all, "    {name}::LIST,")?;
        fs::write(folder.join(name).with_extension("rs"), text(module)?)?;
    }
    all.push_str("];\n");
    Ok(fs::write(folder.join("mod.rs"), all)?)
}

/// Returns the file's name for a path: `a_b` for `xen_sys::a::b::...`, `a` for `xen_sys::a::ITEM`.
fn module(path: &str) -> Result<String> {
    let mut names = path.split("::").skip(1);
    let first = names.next().with_context(|| format!("{path} is in no module"))?;
    let second = names.next().filter(|name| name.starts_with(|c: char| c.is_ascii_lowercase()));
    Ok(second.map_or_else(|| first.to_owned(), |second| format!("{first}_{second}")))
}

fn text(module: &Module<'_>) -> Result<String> {
    let mut text = String::from(
        "//! Items of one module, written by `cargo xtask abi --bound`; do not edit.\n\n\
         crate::list::list! {\n",
    );
    for (kind, is_text) in [("constants", false), ("texts", true)] {
        writeln!(text, "    {kind} {{")?;
        for constant in module.constants.iter().filter(|constant| constant.text == is_text) {
            item(&mut text, &constant.name, &format!("{};", constant.path))?;
        }
        text.push_str("    }\n");
    }
    text.push_str("    structures {\n");
    for structure in &module.structures {
        let fields = structure.fields.iter();
        let fields: Vec<_> =
            fields.map(|field| format!("{:?} => {},", field.name, field.ident)).collect();
        let line = format!("{} {{ {} }};", structure.path, fields.join(" "));
        if structure.name.len() + line.len() + 14 <= COLUMNS {
            item(&mut text, &structure.name, &line)?;
            continue;
        }
        item(&mut text, &structure.name, &format!("{} {{", structure.path))?;
        let mut line = String::new();
        for field in fields {
            if 13 + line.len() + field.len() > COLUMNS {
                writeln!(text, "           {line}")?;
                line.clear();
            }
            write!(line, " {field}")?;
        }
        writeln!(text, "           {line}\n        }};")?;
    }
    text.push_str("    }\n}\n");
    Ok(text)
}

/// Writes an item of a list, on two lines if one is too short.
fn item(text: &mut String, name: &str, value: &str) -> Result<()> {
    // The name has quotes and an arrow behind it.
    let separator = if name.len() + value.len() + 14 > COLUMNS { "\n            " } else { " " };
    Ok(writeln!(text, "        {name:?} =>{separator}{value}")?)
}

#[cfg(test)]
mod tests {
    use super::super::scan::Field;
    use super::*;

    #[test]
    fn long_lines_are_wrapped() {
        let path = format!("xen_sys::a::{}", "P".repeat(60));
        let field = Field { name: "f".repeat(20), ident: "f".repeat(20), ty: "u8".to_owned() };
        let structure = |count: usize| Structure {
            name: "s".repeat(30),
            path: path.clone(),
            fields: vec![field.clone(); count],
        };
        let (short, long) = (structure(0), structure(9));
        let constant = Constant { name: "c".repeat(30), path: path.clone(), text: false };
        let module = Module { constants: vec![&constant], structures: vec![&short, &long] };
        let text = text(&module).expect("a string is written");
        assert!(text.lines().all(|line| line.len() <= COLUMNS), "{text}");
        assert_eq!(text.matches(&path).count(), 3);
        assert_eq!(text.matches(&*field.name).count(), 18);
    }

    #[test]
    fn module_has_at_most_two_levels() {
        let name = |path: &str| module(path).expect("the path has a module");
        assert_eq!(name("xen_sys::io::blkif::x86_32::BlkifRequest"), "io_blkif");
        assert_eq!(name("xen_sys::xen::DomId::SELF.0"), "xen");
    }
}
