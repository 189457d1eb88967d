//! Lists of the items that xen-sys binds, for its conformance test.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::scan::{Bound, Constant, Structure};

/// Bound items of one of the crate's top modules.
#[derive(Default)]
struct Module<'b> {
    constants: Vec<&'b Constant>,
    structures: Vec<&'b Structure>,
}

/// Writes the folder `xen-sys/tests/abi/bound` anew: a file for each of the crate's top modules.
pub(crate) fn write(folder: &Path, bound: &Bound) -> Result<()> {
    let mut modules = BTreeMap::<&str, Module<'_>>::new();
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
        fs::write(folder.join(name).with_extension("rs"), text(name, module)?)?;
    }
    all.push_str("];\n");
    Ok(fs::write(folder.join("mod.rs"), all)?)
}

/// Returns the top module of `xen_sys::MODULE::...`.
fn module(path: &str) -> Result<&str> {
    path.split("::").nth(1).with_context(|| format!("{path} is in no module"))
}

fn text(name: &str, module: &Module<'_>) -> Result<String> {
    let mut text = format!(
        "//! Items of `xen_sys::{name}`, written by `cargo xtask abi --bound`; do not edit.\n\n\
         crate::list::list! {{\n"
    );
    for (kind, is_text) in [("constants", false), ("texts", true)] {
        writeln!(text, "    {kind} {{")?;
        for constant in module.constants.iter().filter(|constant| constant.text == is_text) {
            writeln!(text, "        {:?} => {};", constant.name, constant.path)?;
        }
        text.push_str("    }\n");
    }
    text.push_str("    structures {\n");
    for structure in &module.structures {
        write!(text, "        {:?} => {} {{", structure.name, structure.path)?;
        for field in &structure.fields {
            write!(text, " {:?} => {},", field.name, field.ident)?;
        }
        text.push_str(" };\n");
    }
    text.push_str("    }\n}\n");
    Ok(text)
}
