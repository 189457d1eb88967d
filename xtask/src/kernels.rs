//! Builds the kernels of examples/.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use object::Endianness;
use object::elf::{FileHeader64, PT_LOAD};
use object::read::elf::{FileHeader, ProgramHeader};

use crate::host;

pub(crate) const TARGET: &str = "x86_64-unknown-none";

/// A bootable kernel among the examples.
struct Kernel {
    name: &'static str,
    package: &'static str,
    bin: &'static str,
}

const KERNELS: [Kernel; 2] = [
    Kernel { name: "shell", package: "xen-example-shell", bin: "shell" },
    Kernel { name: "hello", package: "xen-example-rt", bin: "hello" },
];

/// Options of `build`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Kernels to build (default: all)
    names: Vec<String>,
    /// Builds without optimization (default: release)
    #[arg(long)]
    debug: bool,
    /// Builds with optimization, which is the default
    #[arg(long, conflicts_with = "debug")]
    release: bool,
}

pub(crate) fn main(args: &Args) -> Result<i32> {
    for name in &args.names {
        if !KERNELS.iter().any(|k| k.name == name) {
            bail!("no kernel {name}; there is: {}", KERNELS.map(|k| k.name).join(", "));
        }
    }
    for kernel in KERNELS.iter().filter(|k| args.names.is_empty() || args.names.iter().any(|n| n == k.name)) {
        let path = make(kernel, args.debug)?;
        let size = fs::metadata(&path)?.len();
        println!("{} ({} KiB)", path.strip_prefix(host::root()).unwrap_or(&path).display(), size / 1024);
    }
    Ok(0)
}

/// Builds the shell kernel; returns its image.
pub(crate) fn shell() -> Result<PathBuf> {
    make(&KERNELS[0], false)
}

/// The bytes of a kernel that are loaded: its file without symbols and debug information.
pub(crate) fn loaded_size(kernel: &Path) -> Result<u64> {
    let data = fs::read(kernel).with_context(|| format!("reading {}", kernel.display()))?;
    let header = FileHeader64::<Endianness>::parse(data.as_slice())?;
    let endian = header.endian()?;
    let segments = header.program_headers(endian, data.as_slice())?;
    Ok(segments.iter().filter(|s| s.p_type(endian) == PT_LOAD).map(|s| s.p_filesz(endian)).sum())
}

fn make(kernel: &Kernel, debug: bool) -> Result<PathBuf> {
    host::require_target(TARGET)?;
    let mut cargo = Command::new(host::cargo());
    cargo.current_dir(host::root());
    cargo.args(["build", "--package", kernel.package, "--features", "kernel", "--bin", kernel.bin]);
    cargo.args(["--target", TARGET]);
    if !debug {
        cargo.arg("--release");
    }
    let status = cargo.status().context("starting cargo")?;
    if !status.success() {
        bail!("{}: {status}", host::describe(&cargo));
    }
    let profile = if debug { "debug" } else { "release" };
    let built = host::target().join(TARGET).join(profile).join(kernel.bin);
    let dir = host::target().join("kernels");
    fs::create_dir_all(&dir)?;
    let image = dir.join(kernel.name);
    fs::copy(&built, &image).with_context(|| format!("copying {}", built.display()))?;
    Ok(image)
}
