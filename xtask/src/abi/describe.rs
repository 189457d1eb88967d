//! Descriptions of Xen's public headers by a C compiler.
//!
//! Layouts come from the debug information of a shared object that includes all headers, numbers
//! from constant operands in assembly. Nothing is run, so any target will do for which there is a
//! compiler.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::dwarf::{self, Field};
use anyhow::{Context, Result, bail, ensure};

/// A target whose layouts are described.
#[derive(Debug)]
pub(crate) struct Target {
    /// As in the names of the data files.
    pub(crate) name: &'static str,
    compiler: &'static str,
    flags: &'static [&'static str],
    /// The Debian package with the compiler.
    package: &'static str,
    x86: bool,
}

/// All targets: the two that guests run on, and the one whose ring layouts differ.
pub(crate) const TARGETS: &[Target] = &[
    Target { name: "x86_64", compiler: "gcc", flags: &["-m64"], package: "gcc", x86: true },
    Target { name: "x86_32", compiler: "gcc", flags: &["-m32"], package: "gcc", x86: true },
    Target {
        name: "aarch64",
        compiler: "aarch64-linux-gnu-gcc",
        flags: &[],
        package: "gcc-aarch64-linux-gnu",
        x86: false,
    },
];

/// Headers in an order that compiles. `xen.h` and `errno.h` come first, in [`prelude`].
const COMMON: &[&str] = &[
    "argo.h",
    "callback.h",
    "device_tree_defs.h",
    "domctl.h",
    "elfnote.h",
    "event_channel.h",
    "features.h",
    "grant_table.h",
    "hvm/dm_op.h",
    "hvm/e820.h",
    "hvm/hvm_info_table.h",
    "hvm/hvm_op.h",
    "hvm/hvm_vcpu.h",
    "hvm/hvm_xs_strings.h",
    "hvm/ioreq.h",
    "hvm/params.h",
    "hvm/pvdrivers.h",
    "hvm/save.h",
    "hypfs.h",
    "io/9pfs.h",
    "io/blkif.h",
    "io/cameraif.h",
    "io/console.h",
    "io/displif.h",
    "io/fbif.h",
    "io/kbdif.h",
    "io/libxenvchan.h",
    "io/netif.h",
    "io/pciif.h",
    "io/protocols.h",
    "io/pvcalls.h",
    "io/ring.h",
    "io/sndif.h",
    "io/tpmif.h",
    "io/usbif.h",
    "io/vscsiif.h",
    "io/xenbus.h",
    "io/xs_wire.h",
    "kexec.h",
    "memory.h",
    "nmi.h",
    "physdev.h",
    "platform.h",
    "pmu.h",
    "sched.h",
    "sysctl.h",
    "trace.h",
    "vcpu.h",
    "version.h",
    "vm_event.h",
    "xsm/flask_op.h",
];

const X86: &[&str] = &[
    "arch-x86/cpuid.h",
    "arch-x86/guest-acpi.h",
    "arch-x86/hvm/start_info.h",
    "arch-x86/pmu.h",
    "arch-x86/xen-mca.h",
];

const ARM: &[&str] = &["arch-arm/smccc.h"];

/// Headers that newer versions have.
const OPTIONAL: &[&str] = &["bootfdt.h"];

/// Headers that are not described, and why.
const NOT_DESCRIBED: &[(&str, &str)] = &[
    ("arch-arm.h", "xen.h includes it"),
    ("arch-arm/hvm/save.h", "empty"),
    ("arch-ppc.h", "an architecture that Debian's Xen does not run on"),
    ("arch-riscv.h", "an architecture that Debian's Xen does not run on"),
    ("arch-x86/cpufeatureset.h", "features of CPUs; the index of tools into a CPU policy"),
    ("arch-x86/hvm/save.h", "hvm/save.h includes it"),
    ("arch-x86/xen-x86_32.h", "32-bit PV guests"),
    ("arch-x86/xen-x86_64.h", "xen.h includes it"),
    ("arch-x86/xen.h", "xen.h includes it"),
    ("arch-x86_32.h", "includes arch-x86/xen.h"),
    ("arch-x86_64.h", "includes arch-x86/xen.h"),
    ("dom0_ops.h", "older names of platform.h"),
    ("errno.h", "comes first"),
    ("io/fsif.h", "an obsolete protocol"),
    ("tmem.h", "removed from Xen"),
    ("xen-compat.h", "xen.h includes it"),
    ("xen.h", "comes first"),
    ("xencomm.h", "for an architecture that Xen no longer has"),
    ("xenoprof.h", "removed from Xen 4.22"),
];

/// Fails on a header that is neither described nor known not to be.
pub(crate) fn headers_known(include: &Path) -> Result<()> {
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(include.join("xen").join(&folder))? {
            let entry = entry?;
            let name = format!("{folder}{}", entry.file_name().to_string_lossy());
            if entry.file_type()?.is_dir() {
                // These are for programs: devices of Linux, and the layouts of other machines.
                if name != "foreign" && name != "sys" {
                    folders.push(format!("{name}/"));
                }
                continue;
            }
            let described = [COMMON, X86, ARM, OPTIONAL].iter().any(|list| list.contains(&&*name));
            let known = NOT_DESCRIBED.iter().any(|(known, _)| *known == name);
            ensure!(
                described || known,
                "header {name} is new: list it in xtask/src/abi/describe.rs"
            );
        }
    }
    Ok(())
}

/// Describes the headers below `include` (which has a folder `xen`) for one target.
pub(crate) fn describe(
    include: &Path,
    version: &str,
    target: &Target,
    work: &Path,
) -> Result<String> {
    stubs(work)?;
    let include = &Include { headers: include, stubs: &work.join("stubs") };
    let source = prelude(include, target);
    let macros = macros(include, target, &source)?;

    let object = work.join(format!("{version}-{}.so", target.name));
    let flags = [
        "-shared",
        "-nostdlib",
        "-g",
        "-gdwarf-5",
        "-fno-eliminate-unused-debug-types",
        "-O0",
        "-o",
    ];
    let out = compile(include, target, &source, &[&flags[..], &[path_str(&object)?]].concat())?;
    ensure!(out.ok, "the headers do not compile:\n{}", out.stderr);
    let layouts = dwarf::read(&object)?;

    let mut asked: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in &macros {
        if !value.text.starts_with('"') {
            asked.insert(format!("c.{name}"), name.clone());
        }
    }
    for (name, layout) in &layouts.types {
        asked.insert(format!("a.{name}"), format!("__alignof__({})", layout.c_type));
    }
    let answers = evaluate(include, target, &source, &asked)?;

    let mut text = format!("# Xen {version}, {}: written by `cargo xtask abi`\n", target.name);
    let mut constants: BTreeMap<&str, (i128, &str)> = BTreeMap::new();
    for (name, value) in &macros {
        if let Some(number) = answers.get(&format!("c.{name}")) {
            constants.insert(name, (*number, &value.header));
        }
    }
    for (name, (number, header)) in &layouts.enumerators {
        constants.insert(name, (*number, header));
    }
    for (name, (number, header)) in constants {
        writeln!(text, "const {name} {number} {header}")?;
    }
    for (name, value) in &macros {
        if value.text.starts_with('"')
            && value.text.ends_with('"')
            && value.text.matches('"').count() == 2
        {
            writeln!(text, "string {name} {} {}", value.text, value.header)?;
        }
    }
    for (name, layout) in &layouts.types {
        let align =
            answers.get(&format!("a.{name}")).with_context(|| format!("no alignment of {name}"))?;
        let keyword = if layout.union { "union" } else { "struct" };
        writeln!(text, "{keyword} {name} {} {align} {}", layout.size, layout.header)?;
        for field in &layout.fields {
            match field.bits {
                None => {
                    let keyword = if field.union { "alt" } else { "field" };
                    let Field { path, offset, size, c_type, .. } = field;
                    writeln!(text, "{keyword} {name}.{path} {offset} {size} {c_type}")?;
                }
                Some((first, width)) => {
                    writeln!(text, "bits {name}.{} {first} {width}", field.path)?;
                }
            }
        }
    }
    Ok(text)
}

struct Include<'a> {
    headers: &'a Path,
    stubs: &'a Path,
}

/// Stands in for the few headers of a C library that Xen's headers name and do not need.
fn stubs(work: &Path) -> Result<()> {
    for (name, text) in [
        ("sys/types.h", ""),
        ("string.h", ""),
        ("inttypes.h", ""),
        ("public/xen.h", "#include \"xen/xen.h\"\n"),
    ] {
        let path = work.join("stubs").join(name);
        std::fs::create_dir_all(path.parent().context("no folder")?)?;
        std::fs::write(path, text)?;
    }
    Ok(())
}

fn prelude(include: &Include<'_>, target: &Target) -> String {
    let mut source = String::from(
        "#include <stdint.h>\n#include <stddef.h>\n#define __XEN_TOOLS__ 1\n\
         #define __XEN_INTERFACE_VERSION__ __XEN_LATEST_INTERFACE_VERSION__\n\
         #include \"xen/xen.h\"\n#include \"xen/errno.h\"\n",
    );
    let headers = COMMON.iter().chain(if target.x86 { X86 } else { ARM });
    let optional = OPTIONAL.iter().filter(|name| include.headers.join("xen").join(name).exists());
    for header in headers.chain(optional) {
        let _ = writeln!(source, "#include \"xen/{header}\"");
    }
    source
}

struct Macro {
    text: String,
    header: String,
}

fn macros(include: &Include<'_>, target: &Target, source: &str) -> Result<BTreeMap<String, Macro>> {
    let out = compile(include, target, source, &["-E", "-dD", "-o", "-"])?;
    ensure!(out.ok, "the preprocessor failed:\n{}", out.stderr);
    let mut macros = BTreeMap::new();
    let mut header = None;
    for line in out.stdout.lines() {
        if let Some(rest) = line.strip_prefix("# ") {
            header = rest.split('"').nth(1).and_then(header_name);
        } else if let Some(rest) = line.strip_prefix("#define ") {
            let (name, text) = rest.split_once(' ').unwrap_or((rest, ""));
            if let Some(header) = &header
                && !name.contains('(')
                && !text.is_empty()
            {
                macros.insert(
                    name.to_owned(),
                    Macro { text: text.trim().to_owned(), header: header.clone() },
                );
            }
        } else if let Some(name) = line.strip_prefix("#undef ") {
            macros.remove(name.trim());
        }
    }
    Ok(macros)
}

/// Evaluates constant expressions. Those that are not constant are left out of the answer.
fn evaluate(
    include: &Include<'_>,
    target: &Target,
    source: &str,
    asked: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, i128>> {
    let mut left_out = BTreeSet::new();
    for _ in 0..10 {
        let mut program = source.to_owned();
        let first_line = program.lines().count() + 1;
        let keys: Vec<&String> = asked.keys().filter(|key| !left_out.contains(*key)).collect();
        for (number, key) in keys.iter().enumerate() {
            // The sign goes along, since an unsigned long long and a long long share the same 64
            // bits.
            let _ = writeln!(
                program,
                "void f{number}(void) {{ asm volatile(\"\\n@{key} %0 %1\" \
                 :: \"i\"((long long)({0})), \"i\"(({0}) < 0)); }}",
                asked[*key]
            );
        }
        let out = compile(include, target, &program, &["-S", "-O1", "-o", "-"])?;
        let complaints: BTreeSet<usize> = out
            .stderr
            .lines()
            .filter(|line| line.contains(": error: ") || line.contains("in expansion of macro"))
            .filter_map(|line| line.split_once("<stdin>:")?.1.split(':').next()?.parse().ok())
            .filter(|line| *line >= first_line)
            .collect();
        if out.ok {
            let mut answers = BTreeMap::new();
            for line in out.stdout.lines() {
                let Some(rest) = line.trim_start().strip_prefix('@') else { continue };
                let mut words =
                    rest.split_whitespace().map(|word| word.trim_start_matches(['$', '#']));
                let (Some(key), Some(value), Some(negative)) =
                    (words.next(), words.next(), words.next())
                else {
                    bail!("not understood: {line}");
                };
                // An address is a constant to the compiler, but not a number.
                let Ok(value) = value.parse::<i128>() else { continue };
                let value = if value < 0 && negative == "0" { value + (1 << 64) } else { value };
                answers.insert(key.to_owned(), value);
            }
            return Ok(answers);
        }
        ensure!(!complaints.is_empty(), "the compiler failed:\n{}", out.stderr);
        left_out.extend(
            complaints
                .into_iter()
                .filter_map(|line| keys.get(line - first_line).map(|key| (*key).clone())),
        );
    }
    bail!("the compiler complains without end");
}

struct Output {
    ok: bool,
    stdout: String,
    stderr: String,
}

fn compile(include: &Include<'_>, target: &Target, source: &str, flags: &[&str]) -> Result<Output> {
    use std::io::Write as _;
    let mut child = Command::new(target.compiler)
        .args(target.flags)
        .args(["-std=gnu11", "-ffreestanding", "-fno-pic", "-w", "-fmax-errors=0", "-xc", "-I"])
        .arg(include.headers)
        .arg("-isystem")
        .arg(include.stubs)
        .arg("-")
        .args(flags)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| {
            format!(
                "{} is missing; `apt-get install {}` brings it",
                target.compiler, target.package
            )
        })?;
    let mut stdin = child.stdin.take().context("no pipe")?;
    let source = source.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(source.as_bytes()));
    let out = child.wait_with_output()?;
    // A compiler that fails early closes the pipe; its own message says more.
    let _ = writer.join();
    Ok(Output {
        ok: out.status.success(),
        stdout: String::from_utf8(out.stdout)?,
        stderr: String::from_utf8_lossy(&out.stderr).into_owned(),
    })
}

/// Returns the name of a public header, from its path: what follows the folder `xen`, with `..`
/// resolved.
pub(super) fn header_name(path: &str) -> Option<String> {
    let (_, name) = path.split_once("/xen/")?;
    let mut parts: Vec<&str> = Vec::new();
    for part in name.split('/') {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    Some(parts.join("/"))
}

fn path_str(path: &Path) -> Result<&str> {
    path.to_str().context("the path is not UTF-8")
}
