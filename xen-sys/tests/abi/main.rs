//! Comparison of all of xen-sys with a C compiler's view of Xen's public headers.
//!
//! `cargo xtask abi` writes `xen-sys/abi/*.txt`: the C compiler's view of two versions of Xen for
//! three targets. The test compares sizes, alignments, offsets and sizes of fields, signs and
//! constants. An item of a header must be bound, or be listed with a reason in `left-out.txt`. An
//! item in no header must be listed in `own.txt`. An item that differs in one version must be
//! listed in `differs.txt`. A line of a list that matches no item is an error.

mod architectures;
mod bound;
mod coverage;
mod data;
mod list;
mod scan;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::ExitCode;

use data::{Data, Entry, Exceptions};
use list::{ConstantValue, STRUCTURES, StructureLayout, constants, texts};
use scan::Bound;

struct Check<'a> {
    data: &'a Data,
    lists: &'a Lists,
    scanned: &'a Bound,
    errors: Vec<String>,
    compared: Totals,
}

#[derive(Default)]
struct Totals {
    constants: usize,
    structures: usize,
    fields: usize,
    left_out: usize,
}

struct Lists {
    left_out: Exceptions,
    own: Exceptions,
    differs: Exceptions,
}

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let scanned = scan::scan(&root.join("src")).expect("the sources can be read");
    let lists = Lists {
        left_out: Exceptions::read(&root.join("abi/left-out.txt")),
        own: Exceptions::read(&root.join("abi/own.txt")),
        differs: Exceptions::read(&root.join("abi/differs.txt")),
    };
    let abis = Data::read_all(&root.join("abi"));
    let mut errors = stale(&scanned);
    errors.extend(architectures::mixed(&root.join("src")));
    for data in &abis {
        let check = Check {
            data,
            lists: &lists,
            scanned: &scanned,
            errors: Vec::new(),
            compared: Totals::default(),
        };
        let check = check.run();
        println!(
            "Xen {} {:8} {:5} constants, {:4} structures, {:5} fields compared, \
             {:4} items left out, {} differences",
            data.version,
            data.target,
            check.compared.constants,
            check.compared.structures,
            check.compared.fields,
            check.compared.left_out,
            check.errors.len()
        );
        errors.extend(
            check
                .errors
                .into_iter()
                .map(|error| format!("{} {}: {error}", data.version, data.target)),
        );
    }
    errors.extend(strangers(&abis, &lists));
    for (path, _) in coverage::stale(&root.join("src"), &scanned, &abis, &lists.left_out) {
        let path = path.strip_prefix(root).unwrap_or(&path).display();
        errors.push(format!(
            "{path}: its coverage line is stale (`cargo xtask abi --bound` writes it)"
        ));
    }
    for (name, list) in
        [("left-out", &lists.left_out), ("own", &lists.own), ("differs", &lists.differs)]
    {
        errors.extend(
            list.unused().map(|line| format!("abi/{name}.txt: no item is named by: {line}")),
        );
    }
    for error in &errors {
        println!("error: {error}");
    }
    println!(
        "{} constants, {} structures bound; {} errors",
        constants().count() + texts().count(),
        STRUCTURES.len(),
        errors.len()
    );
    if errors.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Returns the differences between the lists in `bound` and the items of the sources.
fn stale(scanned: &Bound) -> Vec<String> {
    let mut listed = BTreeSet::new();
    listed.extend(constants().map(|constant| format!("{} {}", constant.name, constant.path)));
    listed.extend(texts().map(|(name, path, _)| format!("{name} {path}")));
    for structure in STRUCTURES.iter() {
        listed.insert(format!("{} {}", structure.name, structure.path));
        listed
            .extend(structure.fields.iter().map(|(name, ..)| format!("{} {name}", structure.path)));
    }
    let mut bound = BTreeSet::new();
    bound.extend(
        scanned.constants.iter().map(|constant| format!("{} {}", constant.name, constant.path)),
    );
    for structure in &scanned.structures {
        bound.insert(format!("{} {}", structure.name, structure.path));
        bound.extend(
            structure.fields.iter().map(|field| format!("{} {}", structure.path, field.name)),
        );
    }
    listed
        .symmetric_difference(&bound)
        .map(|item| {
            format!("tests/abi/bound is stale (`cargo xtask abi --bound` writes it): {item}")
        })
        .collect()
}

/// Returns the bound items that are in no header and in no list.
fn strangers(abis: &[Data], lists: &Lists) -> Vec<String> {
    let mut errors = Vec::new();
    let known = |name: &str| {
        abis.iter().any(|data| data.constants.contains_key(name) || data.texts.contains_key(name))
    };
    for name in constants().map(|constant| constant.name).chain(texts().map(|(name, ..)| *name)) {
        if !known(name) && !lists.own.covers("const", name, "", "") {
            errors.push(format!("constant {name} is in no header and not in own.txt"));
        }
    }
    for structure in STRUCTURES.iter() {
        if structure.name.is_empty() {
            continue;
        }
        let types: Vec<_> = abis.iter().filter_map(|data| data.types.get(structure.name)).collect();
        if types.is_empty() && !lists.own.covers("type", structure.name, "", "") {
            errors.push(format!("type {} is in no header and not in own.txt", structure.name));
        }
        for (field, ..) in &structure.fields {
            let full = format!("{}.{field}", structure.name);
            let found = types.iter().any(|ty| ty.fields.iter().any(|known| known.name == *field));
            if !types.is_empty() && !found && !lists.own.covers("field", &full, "", "") {
                errors.push(format!("field {full} is in no header and not in own.txt"));
            }
        }
    }
    errors
}

impl Check<'_> {
    fn run(mut self) -> Self {
        let data = self.data;
        for (name, entry) in &data.constants {
            self.constant(name, entry);
        }
        for (name, (text, header)) in &data.texts {
            if !self.relevant(header) {
                continue;
            }
            match texts().find(|(known, ..)| known == name) {
                Some((_, _, value)) if value == text => self.compared.constants += 1,
                Some((_, _, value)) => {
                    self.differs("const", name, &format!("{value:?} in Rust, {text:?} in C"));
                }
                None => self.missing("const", name, header),
            }
        }
        for (name, ty) in &data.types {
            if self.relevant(&ty.header) {
                self.structure(name, ty);
            }
        }
        self
    }

    /// Returns whether a header is compared: for a 32-bit guest, only the rings are.
    fn relevant(&self, header: &str) -> bool {
        self.data.target != "x86_32" || header.starts_with("io/")
    }

    fn constant(&mut self, name: &str, entry: &Entry) {
        if !self.relevant(&entry.header) {
            return;
        }
        // A name may be bound for each architecture.
        let values: Vec<&ConstantValue> =
            constants().filter(|value| value.name == name && self.here(value.path)).collect();
        let best = values.iter().any(|value| self.special(value.path));
        let values: Vec<_> =
            values.into_iter().filter(|value| !best || self.special(value.path)).collect();
        if values.is_empty() {
            return self.missing("const", name, &entry.header);
        }
        self.compared.constants += 1;
        for value in values {
            // C may sign-extend a value that is unsigned in Rust.
            let mask = if value.bits == 128 { -1 } else { (1i128 << value.bits) - 1 };
            let same = value.value == entry.value
                || (entry.value < 0 && value.value == entry.value & mask);
            if !same {
                self.differs(
                    "const",
                    name,
                    &format!("{} is {} in Rust, {} in C", value.path, value.value, entry.value),
                );
            }
        }
    }

    fn structure(&mut self, name: &str, ty: &data::Type) {
        let layouts: Vec<&StructureLayout> = STRUCTURES
            .iter()
            .filter(|layout| layout.name == name && self.here(layout.path))
            .collect();
        let best = layouts.iter().any(|layout| self.special(layout.path));
        let layouts: Vec<_> =
            layouts.into_iter().filter(|layout| !best || self.special(layout.path)).collect();
        if layouts.is_empty() {
            return self.missing("type", name, &ty.header);
        }
        self.compared.structures += 1;
        for layout in layouts {
            if layout.size != ty.size {
                self.differs(
                    "type",
                    name,
                    &format!("{} bytes in Rust, {} in C", layout.size, ty.size),
                );
            }
            if layout.align != ty.align && self.data.target != "x86_32" {
                self.differs(
                    "type",
                    name,
                    &format!("aligned to {} in Rust, {} in C", layout.align, ty.align),
                );
            }
            self.fields(name, ty, layout);
        }
    }

    fn fields(&mut self, name: &str, ty: &data::Type, layout: &StructureLayout) {
        let bound: BTreeMap<&str, (usize, usize)> = layout
            .fields
            .iter()
            .map(|(field, start, end)| (*field, (*start, *end - *start)))
            .collect();
        let scanned =
            self.scanned.structures.iter().find(|structure| structure.path == layout.path);
        for field in &ty.fields {
            let full = format!("{name}.{}", field.name);
            if let Some((first, width)) = field.bits {
                let holds = bound
                    .values()
                    .any(|(start, len)| start * 8 <= first && first + width <= (start + len) * 8);
                if !holds {
                    self.missing("field", &full, &ty.header);
                }
                self.compared.fields += 1;
                continue;
            }
            if let Some((offset, size)) = bound.get(&*field.name) {
                self.compared.fields += 1;
                if (*offset, *size) != (field.offset, field.size) {
                    let found = format!(
                        "offset {offset}, {size} bytes in Rust; {}, {} in C",
                        field.offset, field.size
                    );
                    self.differs("field", &full, &found);
                }
                let rust = scanned.and_then(|structure| {
                    structure.fields.iter().find(|known| known.name == field.name)
                });
                if let Some(rust) = rust
                    && !signs_agree(&rust.ty, &field.c_type)
                {
                    self.differs(
                        "field",
                        &full,
                        &format!("{} in Rust, {} in C", rust.ty, field.c_type),
                    );
                }
                continue;
            }
            let inside = |outer: &str| {
                field.name.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.'))
            };
            let whole = bound.keys().any(|known| inside(known));
            let parts = bound.keys().any(|known| {
                known.strip_prefix(&*field.name).is_some_and(|rest| rest.starts_with('.'))
            });
            // One of several fields in one place: the place is bound under another name.
            let shared =
                field.union || ty.fields.iter().any(|outer| outer.union && inside(&outer.name));
            let padding =
                field.name.strip_prefix("_pad").is_some_and(|rest| rest.parse::<u32>().is_ok());
            if field.size == 0 || shared || padding || whole || parts {
                continue;
            }
            self.missing("field", &full, &ty.header);
        }
    }

    /// Returns whether an item belongs to this target.
    fn here(&self, path: &str) -> bool {
        let x86_32 = path.contains("::x86_32::");
        match &*self.data.target {
            "aarch64" => !path.contains("::arch_x86::") && !x86_32,
            "x86_32" => !path.contains("::arch_arm::"),
            _ => !path.contains("::arch_arm::") && !x86_32,
        }
    }

    /// Returns whether an item replaces the general one on this target. None does on arm: an item
    /// of a general module is used on arm too, and must have the layout of arm.
    fn special(&self, path: &str) -> bool {
        self.data.target == "x86_32" && path.contains("::x86_32::")
    }

    fn scope(&self) -> String {
        format!("{}-{}", self.data.version, self.data.target)
    }

    fn missing(&mut self, kind: &str, name: &str, header: &str) {
        if self.lists.left_out.covers(kind, name, header, &self.scope()) {
            self.compared.left_out += 1;
        } else {
            self.errors.push(format!("{kind} {name} ({header}) is neither bound nor left out"));
        }
    }

    fn differs(&mut self, kind: &str, name: &str, what: &str) {
        if !self.lists.differs.covers(kind, name, "", &self.scope()) {
            self.errors.push(format!("{kind} {name}: {what}"));
        }
    }
}

/// Returns whether two integer types have the same sign. Characters may have either.
fn signs_agree(rust: &str, c: &str) -> bool {
    let rust = rust.trim_start_matches('[').split(';').next().unwrap_or(rust);
    let c = c.split('[').next().unwrap_or(c);
    let integer = |ty: &str| {
        ty[1..]
            .parse::<u32>()
            .ok()
            .filter(|_| ty.starts_with(['i', 'u']))
            .map(|bits| (bits, ty.starts_with('i')))
    };
    match (integer(rust), integer(c)) {
        (Some((_, rust)), Some((bits, c))) => bits == 8 || rust == c,
        _ => true,
    }
}

impl Exceptions {
    fn unused(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().filter(|line| !line.used.get()).map(|line| &*line.text)
    }

    /// Returns whether a line names the item, and marks such a line as used.
    fn covers(&self, kind: &str, name: &str, header: &str, scope: &str) -> bool {
        let mut found = false;
        for line in &self.lines {
            let named = if line.kind == "header" {
                line.pattern == header
            } else {
                line.kind == kind && line.matches(name)
            };
            if named && (line.scope.is_empty() || scope.contains(&line.scope)) {
                line.used.set(true);
                found = true;
            }
        }
        found
    }
}
