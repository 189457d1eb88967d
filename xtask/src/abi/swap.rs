//! Mutants with the layout of the other architecture: each structure whose layout depends on the
//! architecture gets that of the other one, in a copy of the crates. The comparisons with C must
//! fail and name it.
//!
//! There are three comparisons: the test of xen-sys compares the definitions of both architectures
//! on any host, the same test rejects a general module that exports the wrong one, and the
//! assertions of xen-hypercall compare what the build for a target uses.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::data::{Data, Exceptions};
use super::scan::{self, Bound, Structure};
use super::scratch::Scratch;
use super::source::{self, Arch, Item};
use super::{bound, layouts};
use crate::{host, ui};

/// Headers of the interfaces whose structures must be covered in any case.
const INTERFACES: [&str; 5] = ["domctl.h", "sysctl.h", "memory.h", "vcpu.h", "hvm/"];

/// Structure that has one layout on x86-64 and another one on arm.
struct Pair<'b> {
    c_name: &'b str,
    header: String,
    /// Definitions, in the order of [`Arch::BOTH`].
    twins: [&'b Structure; 2],
    /// Passed to Xen by a typed operation, or part of a structure that is.
    passed: bool,
}

/// Result of the classification of C's structures.
struct Classes<'b> {
    pairs: Vec<Pair<'b>>,
    /// Structures that are not swapped, with the reason.
    kept: Vec<String>,
    errors: Vec<String>,
    /// Bound structures of [`INTERFACES`].
    interfaces: usize,
}

/// Swaps each structure; returns 1 if a comparison has missed one.
pub(super) fn run() -> Result<i32> {
    for arch in Arch::BOTH {
        host::require_target(arch.triple())?;
    }
    let krate = host::root().join("xen-sys");
    let bound = scan::scan(&krate.join("src"))?;
    let abis = Data::read_all(&krate.join("abi"));
    let passed = layouts::passed(host::root(), &bound);
    let differs = Exceptions::read(&krate.join("abi/differs.txt"));
    let classes = classify(&bound, &abis, &passed, &differs);
    let scratch = Scratch::new("abi-swap", &["xen-sys", "xen-hypercall"])?;
    // The size next to a definition would end the build before the comparison.
    source::without_sizes(&scratch.root().join("xen-sys/src"))?;
    scratch.require_pass()?;
    for arch in Arch::BOTH {
        ensure!(builds(&scratch, arch)?.is_none(), "xen-hypercall does not build for {arch}");
    }
    let (mut count, mut missed) = (0, 0);
    for arch in Arch::BOTH {
        for (what, swap) in [("definition", Swap::Definition), ("export", Swap::Export)] {
            for (pair, verdict) in swap.all(&scratch, &classes.pairs, arch)? {
                count += 1;
                missed += usize::from(verdict.is_err());
                let (word, by) = match verdict {
                    Ok(by) => ("seen  ", by),
                    Err(why) => ("MISSED", why),
                };
                let Pair { c_name, header, .. } = pair;
                ui::line(format!("{word} {c_name} ({header}): {what} of {arch} swapped: {by}"));
            }
        }
    }
    for line in &classes.kept {
        ui::line(format!("kept   {line}"));
    }
    for error in &classes.errors {
        ui::line(format!("error: {error}"));
    }
    ui::line(format!(
        "{} structures, {} of them passed by operations; {count} swaps, {missed} missed; {} of \
         the {} structures of domctl, sysctl, memory, vcpu and hvm depend on the architecture",
        classes.pairs.len(),
        classes.pairs.iter().filter(|pair| pair.passed).count(),
        classes.pairs.iter().filter(|pair| is_interface(&pair.header)).count(),
        classes.interfaces,
    ));
    Ok(i32::from(missed > 0 || !classes.errors.is_empty()))
}

fn is_interface(header: &str) -> bool {
    INTERFACES.iter().any(|start| header.starts_with(start))
}

/// Finds the structures with two layouts. One that an operation passes and that cannot be swapped
/// is an error.
fn classify<'b>(
    bound: &'b Bound,
    abis: &[Data],
    passed: &BTreeSet<String>,
    differs: &Exceptions,
) -> Classes<'b> {
    let mut classes =
        Classes { pairs: Vec::new(), kept: Vec::new(), errors: Vec::new(), interfaces: 0 };
    let names: BTreeSet<&str> = bound.structures.iter().map(|twin| &*twin.name).collect();
    for c_name in names.into_iter().filter(|name| !name.is_empty()) {
        let twins: Vec<&Structure> =
            bound.structures.iter().filter(|twin| twin.name == c_name).collect();
        let header = abis.iter().find_map(|data| Some(data.types.get(c_name)?.header.clone()));
        let Some(header) = header else { continue };
        classes.interfaces += usize::from(is_interface(&header));
        if !two_layouts(c_name, &twins, abis) {
            continue;
        }
        let passed = twins.iter().any(|twin| passed.contains(source::type_name(&twin.path)));
        let of = |arch: Arch| twins.iter().find(|twin| twin.path.contains(arch.module())).copied();
        if let [Some(x86), Some(arm)] = Arch::BOTH.map(of) {
            classes.pairs.push(Pair { c_name, header, twins: [x86, arm], passed });
        } else if empty(c_name, abis) {
            classes.kept.push(format!("{c_name} ({header}): empty on the other architecture"));
        } else if let Some(line) = differs.lines.iter().find(|line| line.matches(c_name))
            && !passed
        {
            classes
                .kept
                .push(format!("{c_name} ({header}): passed by no operation; {}", line.text));
        } else {
            classes.errors.push(format!(
                "{c_name} ({header}): has two layouts in C and no definition for each"
            ));
        }
    }
    classes
}

/// Returns whether the bound part of a structure differs between x86-64 and arm in some version.
fn two_layouts(c_name: &str, twins: &[&Structure], abis: &[Data]) -> bool {
    let layout = |data: &Data| {
        let ty = data.types.get(c_name)?;
        let is_bound =
            |name: &str| twins.iter().flat_map(|twin| &twin.fields).any(|field| field.name == name);
        let fields = ty.fields.iter().filter(|field| field.bits.is_none() && is_bound(&field.name));
        let fields: Vec<_> =
            fields.map(|field| (field.name.clone(), field.offset, field.size)).collect();
        Some((ty.size, ty.align, fields))
    };
    abis.iter().filter(|data| data.target == "x86_64").any(|x86| {
        let twin = |data: &&Data| data.target == "aarch64" && data.version == x86.version;
        let arm = abis.iter().find(twin).and_then(layout);
        matches!((layout(x86), arm), (Some(x86), Some(arm)) if x86 != arm)
    })
}

fn empty(c_name: &str, abis: &[Data]) -> bool {
    abis.iter().any(|data| data.types.get(c_name).is_some_and(|ty| ty.size == 0))
}

/// Comparisons that have seen a swap, or the ones that have not.
type Verdict = Result<String, String>;

/// Place of a swap.
#[derive(Clone, Copy)]
enum Swap {
    /// The definition of an architecture.
    Definition,
    /// The module of the header, which exports a definition.
    Export,
}

impl Swap {
    /// Swaps all structures at once for the test of xen-sys, which compares each by itself; then
    /// those that operations pass one by one, as a compiler stops at some errors before others.
    fn all<'p, 'b>(
        self,
        scratch: &Scratch,
        pairs: &'p [Pair<'b>],
        arch: Arch,
    ) -> Result<Vec<(&'p Pair<'b>, Verdict)>> {
        let src = scratch.root().join("xen-sys/src");
        let lists = scratch.root().join("xen-sys/tests/abi/bound");
        let everything: Vec<_> = pairs.iter().collect();
        let changes = self.make(&src, &everything, arch)?;
        // The lists name fields, which the other definition has not.
        bound::write(&lists, &scan::scan(&src)?)?;
        let test = scratch.compare();
        changes.undo()?;
        bound::write(&lists, &scan::scan(&src)?)?;
        let test = test?;
        let text = String::from_utf8_lossy(&test.stdout);
        let errors: Vec<&str> =
            text.lines().filter_map(|line| line.strip_prefix("error: ")).collect();
        ensure!(
            !test.status.success() && !errors.is_empty(),
            "the test does not fail with all structures swapped:\n{text}{}",
            String::from_utf8_lossy(&test.stderr)
        );
        let mut verdicts = Vec::new();
        for pair in pairs {
            if !self.concerns(&src, pair, arch)? {
                continue;
            }
            let found = errors.iter().find(|line| self.is_named(line, pair, arch));
            let mut verdict = match found {
                Some(line) => Ok(scratch.name(Path::new(line)).display().to_string()),
                None => Err(format!("no error of the test names it:\n{text}")),
            };
            if pair.passed && verdict.is_ok() {
                let swapped = match self {
                    Swap::Definition => around(pairs, pair),
                    Swap::Export => vec![pair],
                };
                let changes = self.make(&src, &swapped, arch)?;
                let errors = builds(scratch, arch);
                changes.undo()?;
                let name = source::type_name(&pair.twin(arch).path);
                verdict = match errors? {
                    Some(errors) if errors.contains("ops/layouts.rs") && errors.contains(name) => {
                        verdict.map(|line| line + "; xen-hypercall does not build")
                    }
                    Some(errors) => Err(format!("the build fails elsewhere:\n{errors}")),
                    None => Err("xen-hypercall builds".to_owned()),
                };
            }
            verdicts.push((pair, verdict));
        }
        Ok(verdicts)
    }

    /// Returns whether there is something to swap.
    fn concerns(self, src: &Path, pair: &Pair<'_>, arch: Arch) -> Result<bool> {
        Ok(match self {
            Swap::Definition => true,
            Swap::Export => {
                let name = source::type_name(&pair.twin(arch).path);
                source::exports(src, name, arch.other())?.is_some()
            }
        })
    }

    /// Gives structures the definition of the other architecture on `arch`.
    fn make(self, src: &Path, pairs: &[&Pair<'_>], arch: Arch) -> Result<Changes> {
        let mut changes = Changes(Vec::new());
        match self {
            Swap::Definition => {
                // All texts first: a swap changes the file of the next one.
                let text = |pair: &&Pair<'_>| {
                    let path = &pair.twin(arch.other()).path;
                    Ok(Item::find(src, arch.other(), path, pair.c_name)?.standalone())
                };
                let texts = pairs.iter().map(text).collect::<Result<Vec<_>>>()?;
                for (pair, text) in pairs.iter().zip(texts) {
                    let item = Item::find(src, arch, &pair.twin(arch).path, pair.c_name)?;
                    changes.make(&item.file, &item.replaced(&text))?;
                }
            }
            Swap::Export => {
                for pair in pairs {
                    let name = source::type_name(&pair.twin(arch).path);
                    if let Some((file, text)) = source::exports(src, name, arch.other())? {
                        changes.make(&file, &text)?;
                    }
                }
            }
        }
        Ok(changes)
    }

    /// Returns whether an error of the test is about a swapped structure.
    fn is_named(self, error: &str, pair: &Pair<'_>, arch: Arch) -> bool {
        match self {
            Swap::Definition => {
                error.contains(&format!(" {}: type {}: ", arch.target(), pair.c_name))
            }
            Swap::Export => {
                let name = source::type_name(&pair.twin(arch).path);
                error.ends_with(&source::export_line(name, arch.other()))
            }
        }
    }
}

/// Returns a structure and those that contain it, whose padding depends on it.
fn around<'p, 'b>(pairs: &'p [Pair<'b>], pair: &'p Pair<'b>) -> Vec<&'p Pair<'b>> {
    let name = source::type_name(&pair.twins[0].path);
    let contains = |other: &&Pair<'_>| {
        other.twins.iter().flat_map(|twin| &twin.fields).any(|field| {
            field.ty.split(|letter: char| !letter.is_alphanumeric()).any(|word| word == name)
        })
    };
    std::iter::once(pair).chain(pairs.iter().filter(contains)).collect()
}

/// Builds xen-hypercall; returns the compiler's errors.
fn builds(scratch: &Scratch, arch: Arch) -> Result<Option<String>> {
    let args = ["check", "-q", "-p", "xen-hypercall", "--target", arch.triple()];
    let out = scratch.cargo(&args)?;
    let errors = String::from_utf8_lossy(&out.stderr).into_owned();
    Ok((!out.status.success()).then_some(errors))
}

/// Files with another text, and their first one.
struct Changes(Vec<(PathBuf, String)>);

impl Changes {
    fn make(&mut self, file: &Path, text: &str) -> Result<()> {
        let original = fs::read_to_string(file)?;
        ensure!(original != text, "{}: no change", file.display());
        self.0.push((file.to_owned(), original));
        Ok(fs::write(file, text)?)
    }

    /// Undoes the last change first: several may be in one file.
    fn undo(self) -> Result<()> {
        let restore = |(file, original): (PathBuf, String)| {
            fs::write(&file, original).with_context(|| format!("restoring {}", file.display()))
        };
        self.0.into_iter().rev().try_for_each(restore)
    }
}

impl<'b> Pair<'b> {
    fn twin(&self, arch: Arch) -> &'b Structure {
        self.twins[arch as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(bound: &Bound, without: &str) -> (Vec<String>, Vec<String>) {
        let krate = host::root().join("xen-sys");
        let abis = Data::read_all(&krate.join("abi"));
        let mut passed = layouts::passed(host::root(), bound);
        passed.insert(without.to_owned());
        let differs = Exceptions::read(&krate.join("abi/differs.txt"));
        let classes = classify(bound, &abis, &passed, &differs);
        let names = classes.pairs.iter().map(|pair| pair.c_name.to_owned()).collect();
        (names, classes.errors)
    }

    #[test]
    fn structures_with_two_layouts_are_found() {
        let bound = scan::scan(&host::root().join("xen-sys/src")).expect("the sources");
        let (pairs, errors) = classes(&bound, "");
        assert_eq!(errors, [""; 0]);
        assert_eq!(
            pairs,
            [
                "shared_info",
                "vcpu_guest_context",
                "vcpu_info",
                "xen_arch_domainconfig",
                "xen_domctl_createdomain",
                "xen_domctl_ext_vcpucontext",
                "xen_domctl_getdomaininfo",
                "xen_pmu_arch",
                "xen_pmu_data",
            ]
        );
    }

    #[test]
    fn uncovered_structure_is_an_error() {
        let mut bound = scan::scan(&host::root().join("xen-sys/src")).expect("the sources");
        // An operation that passes a structure with one definition for both.
        let (_, errors) = classes(&bound, "XenKexecImage");
        assert!(errors.len() == 1 && errors[0].starts_with("xen_kexec_image "), "{errors:?}");
        // Arm's definition is missing, as before there was one.
        let arm = "xen_sys::arch_arm::XenDomctlGetdomaininfo";
        bound.structures.retain(|structure| structure.path != arm);
        let (pairs, errors) = classes(&bound, "");
        assert!(errors[0].starts_with("xen_domctl_getdomaininfo "), "{errors:?}");
        assert_eq!(pairs.len(), 8);
    }
}
