//! Generator of `src/ops/layouts.rs`: for each structure that the crates share with Xen, the layout
//! that a C compiler computes, per architecture, which the Rust compiler compares on every build.
//!
//! `cargo xtask abi --bound` writes the file; the test generates it again.

#![allow(unreachable_pub, reason = "a module of a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use super::data::{Data, Type};
use super::scan::{self, Bound, Structure};

/// Crates whose code passes structures to Xen or shares structures with Xen.
const CRATES: [&str; 4] = ["xen-hypercall", "xen-evtchn", "xen-grant", "xen-guest"];

/// Structures of one architecture, with the behaviour of their operations on the other one.
const X86_ONLY: [(&str, &str); 8] = [
    ("HvmMemmapTableEntry", "the loader of PVH, read only"),
    ("HvmModlistEntry", "the loader of PVH, read only"),
    ("HvmStartInfo", "the loader of PVH, read only"),
    ("McinfoLogicalCpu", "`ops::mca` is compiled for x86 only"),
    ("XenHvmEvtchnUpcallVector", "the operation is x86's, as its documentation says"),
    ("XenMc", "`ops::mca` is compiled for x86 only"),
    ("XenMcFetch", "`ops::mca` is compiled for x86 only"),
    ("XenMcPhyscpuinfo", "`ops::mca` is compiled for x86 only"),
];

/// Structures that Xen's headers only refer to.
const IN_NO_HEADER: [(&str, &str); 1] =
    [("E820Entry", "the PC's memory map; its size is asserted")];

/// Types of the crates' own with the name of a structure that no crate uses.
const NAMESAKES: [(&str, &str); 1] =
    [("StartInfo", "`start_info::StartInfo`, which reads `HvmStartInfo`")];

/// Headers of interfaces with a version in each call: Xen accepts only its own.
const VERSIONED: [&str; 2] = ["domctl.h", "sysctl.h"];

/// Layout of a structure: size, alignment, offsets of fields by their Rust names.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Layout {
    size: usize,
    align: usize,
    fields: Vec<(String, usize)>,
}

/// Returns the text of the file, and the errors of the structures that the crates use.
pub fn make(root: &Path) -> (String, Vec<String>) {
    let bound = scan::scan(&root.join("xen-sys/src")).expect("the sources of xen-sys can be read");
    let abis = Data::read_all(&root.join("xen-sys/abi"));
    let mut errors = Vec::new();
    let mut both = Vec::new();
    let mut one = BTreeMap::from([("x86_64", Vec::new()), ("aarch64", Vec::new())]);
    let direct = direct(root, &bound);
    for name in passed(root, &bound) {
        let twins: Vec<&Structure> = named(&bound, &name).collect();
        if IN_NO_HEADER.iter().any(|(known, _)| *known == name) {
            continue;
        }
        let c_names: BTreeSet<&str> = twins.iter().map(|twin| &*twin.name).collect();
        let (Some(c_name), 1) = (c_names.first().filter(|c| !c.is_empty()), c_names.len()) else {
            errors.push(format!("{name}: stands for {c_names:?}, expected one structure of C"));
            continue;
        };
        let on = |target: &str| layout(&abis, target, c_name, &twins);
        if direct.contains(&name) && changed(&abis, c_name, &twins) {
            errors.push(format!(
                "{name} ({c_name}): the layout depends on the version of Xen, and its interface \
                 has no version"
            ));
        }
        let (x86, arm) = (on("x86_64"), on("aarch64"));
        let x86_only = X86_ONLY.iter().any(|(known, _)| *known == name);
        let path = |target: &str| path(&abis, target, c_name, &twins);
        match (x86, arm) {
            (Some(x86), Some(arm)) => {
                if x86_only {
                    errors.push(format!("{name}: arm has it too, but it is listed as x86's only"));
                }
                let general = twins.iter().any(|twin| !of_architecture(&twin.path));
                if x86 != arm && general {
                    errors.push(format!(
                        "{name}: differs between x86-64 and arm, expected one layout in a general \
                         module"
                    ));
                }
                if x86 == arm {
                    both.push((path("x86_64"), x86));
                } else {
                    one.get_mut("x86_64").expect("a key").push((path("x86_64"), x86));
                    one.get_mut("aarch64").expect("a key").push((path("aarch64"), arm));
                }
            }
            (Some(x86), None) if x86_only || (!direct.contains(&name) && only_x86(&twins)) => {
                one.get_mut("x86_64").expect("a key").push((path("x86_64"), x86));
            }
            (x86, arm) => errors.push(format!(
                "{name} ({c_name}): compared on x86-64: {}, on arm: {}; expected both",
                x86.is_some(),
                arm.is_some()
            )),
        }
    }
    for (name, _) in X86_ONLY.iter().chain(&IN_NO_HEADER).chain(&NAMESAKES) {
        if !direct.contains(*name) {
            errors.push(format!("{name} is listed, but no operation uses it"));
        }
    }
    (text(&both, &one), errors)
}

/// Returns the structures that the crates share with Xen, with those inside them.
pub fn passed(root: &Path, bound: &Bound) -> BTreeSet<String> {
    let mut found = direct(root, bound);
    found.retain(|name| !NAMESAKES.iter().any(|(own, _)| own == name));
    with_inner(found, bound)
}

/// Returns the structures of xen-sys that the crates' code names.
fn direct(root: &Path, bound: &Bound) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for name in CRATES {
        folder(&root.join(name).join("src"), bound, &mut found);
    }
    found
}

/// Adds the structures inside those that were found.
fn with_inner(mut found: BTreeSet<String>, bound: &Bound) -> BTreeSet<String> {
    loop {
        let inside: Vec<String> = found
            .iter()
            .flat_map(|name| named(bound, name))
            .flat_map(|structure| &structure.fields)
            .flat_map(|field| words(&field.ty))
            .filter(|word| named(bound, word).next().is_some() && !found.contains(*word))
            .map(str::to_owned)
            .collect();
        if inside.is_empty() {
            return found;
        }
        found.extend(inside);
    }
}

fn folder(path: &Path, bound: &Bound, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(path).expect("the folder can be read").flatten() {
        let path = entry.path();
        if path.is_dir() {
            folder(&path, bound, found);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && path.file_name().is_some_and(|name| name != "layouts.rs")
        {
            let text = std::fs::read_to_string(&path).expect("the source can be read");
            file(&text, bound, found);
        }
    }
}

fn file(text: &str, bound: &Bound, found: &mut BTreeSet<String>) {
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or(text);
    let mut seen = BTreeSet::new();
    let mut own = BTreeSet::new();
    for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
        let mut before = "";
        for word in words(line) {
            if matches!(before, "struct" | "enum" | "type") {
                own.insert(word);
            }
            if named(bound, word).next().is_some() {
                seen.insert(word);
            }
            before = word;
        }
    }
    found.extend(seen.difference(&own).map(|word| (*word).to_owned()));
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|letter: char| !letter.is_alphanumeric() && letter != '_')
        .filter(|word| !word.is_empty())
}

fn named<'b>(bound: &'b Bound, name: &str) -> impl Iterator<Item = &'b Structure> {
    bound
        .structures
        .iter()
        .filter(move |structure| structure.path.rsplit("::").next() == Some(name))
}

/// Returns whether the structure is a part of x86's structures only, so that arm needs none.
fn only_x86(twins: &[&Structure]) -> bool {
    twins.iter().all(|twin| twin.path.contains("::arch_x86::"))
}

fn of_architecture(path: &str) -> bool {
    path.contains("::arch_x86::") || path.contains("::arch_arm::")
}

/// Returns whether a structure has several layouts that Xen cannot distinguish by an interface
/// version.
fn changed(abis: &[Data], c_name: &str, twins: &[&Structure]) -> bool {
    ["x86_64", "aarch64"].iter().any(|target| {
        let here = abis.iter().filter(|data| data.target == *target);
        let known: Vec<&Data> = here.filter(|data| data.types.contains_key(c_name)).collect();
        let versioned =
            known.iter().any(|data| VERSIONED.contains(&data.types[c_name].header.as_str()));
        let layouts: BTreeSet<_> =
            known.iter().filter_map(|data| layout_of(data, target, c_name, twins)).collect();
        layouts.len() > 1 && !versioned
    })
}

/// Returns the newest layout that C has on a target, by the names of the Rust structure for it.
fn layout(abis: &[Data], target: &str, c_name: &str, twins: &[&Structure]) -> Option<Layout> {
    let data = abis.iter().filter(|data| data.target == target);
    let data =
        data.filter(|data| data.types.contains_key(c_name)).max_by_key(|data| &data.version)?;
    layout_of(data, target, c_name, twins)
}

fn layout_of(data: &Data, target: &str, c_name: &str, twins: &[&Structure]) -> Option<Layout> {
    let other = if target == "x86_64" { "::arch_arm::" } else { "::arch_x86::" };
    let mut here = twins.iter().filter(|twin| !twin.path.contains(other));
    let structure = here.next()?;
    let ty: &Type = data.types.get(c_name)?;
    let offset = |c_field: &str| {
        ty.fields.iter().find(|known| known.name == c_field && known.bits.is_none())
    };
    let fields = structure.fields.iter();
    let fields = fields
        .filter_map(|field| Some((field.ident.clone(), offset(&field.name)?.offset)))
        .collect();
    Some(Layout { size: ty.size, align: ty.align, fields })
}

/// Returns the path of the structure on a target: that of the header's module, if the header is one
/// of all architectures.
fn path(abis: &[Data], target: &str, c_name: &str, twins: &[&Structure]) -> String {
    let other = if target == "x86_64" { "::arch_arm::" } else { "::arch_x86::" };
    let here = twins.iter().find(|twin| !twin.path.contains(other)).expect("it has a layout");
    let name = here.path.rsplit("::").next().unwrap_or_default();
    let data = abis.iter().find(|data| data.target == target && data.types.contains_key(c_name));
    match data.map(|data| &*data.types[c_name].header).filter(|header| !header.starts_with("arch-"))
    {
        Some(header) if twins.len() > 1 => {
            let module = header.trim_end_matches(".h").replace('/', "::").replace('-', "_");
            format!("xen_sys::{module}::{name}")
        }
        _ => here.path.clone(),
    }
}

fn text(both: &[(String, Layout)], one: &BTreeMap<&str, Vec<(String, Layout)>>) -> String {
    let mut text = String::from(
        "//! Layouts of the structures that are shared with Xen, as computed by a C compiler from\n\
         //! Xen's headers. Every build of this crate compares these for its target.\n\
         //!\n\
         //! `cargo xtask abi --bound` writes this file; do not edit. If a stale file prevents\n\
         //! the build of that command, empty the file first.\n\n\
         /// Asserts size, alignment and the offsets of fields.\n\
         macro_rules! layouts {\n    \
         ($($ty:ty: $size:literal, $align:literal { $($field:ident $at:literal)* })*) => \
         {$(\n        \
         const _: () = {\n            \
         assert!(size_of::<$ty>() == $size, concat!(\"size of \", stringify!($ty)));\n            \
         assert!(align_of::<$ty>() == $align, \
         concat!(\"alignment of \", stringify!($ty)));\n            \
         $(assert!(\n                \
         core::mem::offset_of!($ty, $field) == $at,\n                \
         concat!(\"offset of \", stringify!($ty), \".\", stringify!($field))\n            \
         );)*\n        \
         };\n    \
         )*};\n\
         }\n",
    );
    section(&mut text, "", both);
    for (target, structures) in one {
        let cfg = match *target {
            "aarch64" => "#[cfg(any(target_arch = \"aarch64\", target_arch = \"arm\"))]\n",
            _ => "#[cfg(target_arch = \"x86_64\")]\n",
        };
        section(&mut text, cfg, structures);
    }
    text
}

fn section(text: &mut String, cfg: &str, structures: &[(String, Layout)]) {
    let _ = write!(text, "\n{cfg}layouts! {{\n");
    for (path, layout) in structures {
        let _ = write!(text, "    {path}: {}, {} {{", layout.size, layout.align);
        let mut column = usize::MAX;
        for (field, at) in &layout.fields {
            let item = format!("{field} {at}");
            if column.saturating_add(item.len() + 1) > 100 {
                text.push_str("\n       ");
                column = 7;
            }
            let _ = write!(text, " {item}");
            column += item.len() + 1;
        }
        text.push_str(if layout.fields.is_empty() { "}\n" } else { "\n    }\n" });
    }
    text.push_str("}\n");
}
