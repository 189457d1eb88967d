//! Payloads that start the shell as a guest: their content, and the lines of their output.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use anyhow::{Context, Result};

use crate::testbed::{Arch, Archive, Base, XenVersion};
use crate::{host, ui};

/// Common part of the payloads.
pub(crate) const LIB: &str = include_str!("../payload/lib.sh");

/// Rust's target for programs in dom0 of arm64: it brings its C library, so that no compiler of C
/// is needed.
const ARM_LINUX: &str = "aarch64-unknown-linux-musl";

/// A line that a payload prints for the harness: `KIND|field|...`.
pub(crate) enum Line<'a> {
    /// Current step.
    Step(&'a str),
    /// A comparison.
    Check(Check),
    /// A measured value.
    Figure(&'a str, f64),
    /// A line of a guest's console.
    Console(&'a str),
    /// For the reader.
    Say(&'a str),
    /// Part of a guest's console, to explain a failed check.
    Show(&'a str),
    /// Anything else, such as what a tool printed.
    Other(&'a str),
}

/// One comparison of found and expected.
#[derive(Clone)]
pub(crate) struct Check {
    pub(crate) name: String,
    pub(crate) ok: bool,
    pub(crate) found: String,
    pub(crate) expected: String,
}

impl Check {
    pub(crate) fn new(
        name: &str,
        ok: bool,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> Check {
        Check { name: name.to_owned(), ok, found: found.into(), expected: expected.into() }
    }

    /// Returns one line for a check that holds; otherwise also what was found and expected.
    pub(crate) fn describe(&self) -> String {
        if self.ok {
            return format!(
                "{}  {}  {}",
                ui::green("ok  "),
                self.name,
                ui::dim(&short(&self.found))
            );
        }
        format!(
            "{}  {}\n        found     {}\n        expected  {}",
            ui::red("FAIL"),
            self.name,
            self.found,
            self.expected
        )
    }
}

fn short(text: &str) -> String {
    let mut cut: String = text.chars().take(76).collect();
    if cut.len() < text.len() {
        cut.push_str("...");
    }
    cut
}

/// Reads a line of a payload.
pub(crate) fn parse(line: &str) -> Line<'_> {
    let Some((kind, rest)) = line.split_once('|') else { return Line::Other(line) };
    match kind {
        "STEP" => Line::Step(rest),
        "CONSOLE" => Line::Console(rest),
        "SAY" => Line::Say(rest),
        "SHOW" => Line::Show(rest),
        "FIGURE" => {
            match rest.split_once('|').and_then(|(key, value)| Some((key, value.parse().ok()?))) {
                Some((key, value)) => Line::Figure(key, value),
                None => Line::Other(line),
            }
        }
        "CHECK" => match *rest.splitn(4, '|').collect::<Vec<_>>() {
            [name, verdict, found, expected] => {
                Line::Check(Check::new(name, verdict == "ok", found, expected))
            }
            _ => Line::Other(line),
        },
        _ => Line::Other(line),
    }
}

/// Makes the payload that executes `script`: with the shell kernel, the helper in dom0, and what
/// the scripts share.
pub(crate) fn archive(arch: Arch, script: &str, kernel: &Path) -> Result<Archive> {
    let mut archive = Archive::default();
    archive.file("payload/run", 0o755, script);
    archive.file("payload/lib.sh", 0o644, LIB);
    archive.copy("payload/shell", kernel)?;
    archive.copy("payload/testbed-peer", &peer(arch)?)?;
    Ok(archive)
}

/// Adds Debian's Linux as a guest that prints one line and powers off; returns the size of its
/// kernel and initramfs.
pub(crate) fn add_linux(archive: &mut Archive, arch: Arch, version: XenVersion) -> Result<u64> {
    let base = Base::get(arch, version)?;
    let mut initramfs = Archive::default();
    initramfs.copy("bin/busybox", &base.busybox)?;
    let init = "#!/bin/busybox sh\necho LINUX-IS-UP\nexec /bin/busybox poweroff -f\n";
    initramfs.file("init", 0o755, init);
    let packed = initramfs.pack()?;
    let size = fs::metadata(&base.linux)?.len() + packed.len() as u64;
    archive.copy("payload/linux", &base.linux)?;
    archive.file("payload/linux.cpio", 0o644, packed);
    Ok(size)
}

/// Builds the helper that stands in dom0; static, because dom0 has another C library.
pub(crate) fn peer(arch: Arch) -> Result<PathBuf> {
    let source = host::root().join("xtask/src/bin/testbed-peer.rs");
    let binary = host::results()?.join(match arch {
        Arch::X86_64 => "testbed-peer",
        Arch::Arm64 => "testbed-peer-arm64",
    });
    let modified = |path: &Path| -> io::Result<_> { fs::metadata(path)?.modified() };
    if !matches!((modified(&source), modified(&binary)), (Ok(s), Ok(b)) if s < b) {
        let folder = tempfile::tempdir_in(host::results()?)?;
        let half = folder.path().join("testbed-peer");
        let mut rustc = Command::new("rustc");
        if arch == Arch::Arm64 {
            host::require_target(ARM_LINUX)?;
            rustc.args(["--target", ARM_LINUX, "-C", "linker=rust-lld"]);
        }
        rustc.args([
            "--edition",
            "2024",
            "-O",
            "-C",
            "target-feature=+crt-static",
            "-C",
            "strip=symbols",
            "-o",
        ]);
        host::run(rustc.arg(&half).arg(&source).current_dir(host::root()))?;
        fs::rename(&half, &binary).context("placing testbed-peer")?;
    }
    Ok(binary)
}

/// Builds xenstored's example `xs` for dom0; static too.
pub(crate) fn xs(arch: Arch) -> Result<PathBuf> {
    let (target, variable, flags) = match arch {
        Arch::X86_64 => ("x86_64-unknown-linux-gnu", "X86_64_UNKNOWN_LINUX_GNU", ""),
        Arch::Arm64 => (ARM_LINUX, "AARCH64_UNKNOWN_LINUX_MUSL", "-Clinker=rust-lld"),
    };
    host::require_target(target)?;
    let mut cargo = Command::new(host::cargo());
    cargo.current_dir(host::root()).env(
        format!("CARGO_TARGET_{variable}_RUSTFLAGS"),
        format!("-Ctarget-feature=+crt-static {flags}").trim(),
    );
    cargo.args(["build", "--package", "xenstored", "--features", "std", "--example", "xs"]);
    host::run(cargo.args(["--target", target]))?;
    Ok(host::target().join(target).join("debug/examples/xs"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_keeps_bars_in_expectation() {
        let Line::Check(check) = parse("CHECK|a: b|FAIL|found|one|two") else {
            panic!("not a check")
        };
        assert_eq!(
            (check.ok, check.found.as_str(), check.expected.as_str()),
            (false, "found", "one|two")
        );
    }

    #[test]
    fn other_lines_are_passed_through() {
        assert!(matches!(parse("libxl: error: a | b"), Line::Other(_)));
        assert!(matches!(parse("FIGURE|x|many"), Line::Other(_)));
        assert!(matches!(parse("FIGURE|x|1.5"), Line::Figure("x", v) if v == 1.5));
    }
}
