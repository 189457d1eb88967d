//! Builds the kernels of examples/.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use object::Endianness;
use object::elf::{FileHeader64, NoteType, PT_LOAD};
use object::read::elf::{FileHeader, ProgramHeader};

use crate::host;

/// `elfnote.h`.
const XEN_ELFNOTE_PHYS32_ENTRY: u32 = 18;

pub(crate) const TARGET: &str = "x86_64-unknown-none";

/// A bootable kernel among the examples.
struct Kernel {
    name: &'static str,
    package: &'static str,
    bin: &'static str,
}

const KERNELS: [Kernel; 7] = [
    Kernel { name: "shell", package: "xen-example-shell", bin: "shell" },
    Kernel { name: "hello", package: "xen-example-rt", bin: "hello" },
    Kernel { name: "selftest", package: "xen-example-selftest", bin: "selftest" },
    Kernel { name: "driver-domain", package: "xen-example-driver-domain", bin: "driver-domain" },
    Kernel { name: "store-suite", package: "xen-example-store-suite", bin: "store-suite" },
    Kernel { name: "vchan", package: "xen-example-vchan", bin: "vchan" },
    Kernel { name: "rest", package: "xen-example-selftest", bin: "rest" },
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

/// Builds the driver domain's kernel; returns its image.
pub(crate) fn driver_domain() -> Result<PathBuf> {
    make(&KERNELS[3], false)
}

/// Builds the kernel that tests the hypercalls; returns its image.
pub(crate) fn selftest() -> Result<PathBuf> {
    make(&KERNELS[2], false)
}

/// Builds the kernel that is suspended while it exchanges events; returns its image.
pub(crate) fn rest() -> Result<PathBuf> {
    make(&KERNELS[6], false)
}

/// Builds the kernel that compares xenstore servers with the protocol; returns its image.
pub(crate) fn store_suite() -> Result<PathBuf> {
    make(&KERNELS[4], false)
}

/// Builds the kernel that echoes through a vchan; returns its image.
pub(crate) fn vchan() -> Result<PathBuf> {
    make(&KERNELS[5], false)
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
    pvh_entry(&built).with_context(|| format!("the notes of {}", built.display()))?;
    let image = dir.join(kernel.name);
    fs::copy(&built, &image).with_context(|| format!("copying {}", built.display()))?;
    Ok(image)
}

/// Reads the linked image's notes as Xen's loader does and returns where it would start the kernel.
fn pvh_entry(kernel: &Path) -> Result<u64> {
    let data = fs::read(kernel)?;
    let header = FileHeader64::<Endianness>::parse(data.as_slice())?;
    let endian = header.endian()?;
    let segments = header.program_headers(endian, data.as_slice())?;
    let mut found = Vec::new();
    for segment in segments {
        let Some(mut notes) = segment.notes(endian, data.as_slice())? else { continue };
        while let Some(note) = notes.next()? {
            if note.name() == b"Xen" && note.n_type(endian) == NoteType(XEN_ELFNOTE_PHYS32_ENTRY) {
                found.push(note.desc().to_vec());
            }
        }
    }
    let [value] = found.as_slice() else {
        bail!("found {} notes PHYS32_ENTRY of owner Xen, expected one", found.len());
    };
    let entry = match value.len() {
        4 => u64::from(u32::from_le_bytes(value[..].try_into()?)),
        8 => u64::from_le_bytes(value[..].try_into()?),
        len => bail!("PHYS32_ENTRY has {len} bytes, expected 4 or 8"),
    };
    let loaded = segments.iter().filter(|s| s.p_type(endian) == PT_LOAD).any(|s| {
        let start = s.p_paddr(endian);
        (start..start + s.p_filesz(endian)).contains(&entry)
    });
    if !loaded || entry >= 1 << 32 {
        bail!("PHYS32_ENTRY is {entry:#x}, expected an address below 4 GiB in a loaded segment");
    }
    Ok(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kernel_names_an_entry_point_that_xen_can_start() {
        for kernel in &KERNELS {
            let image = make(kernel, false).unwrap();
            assert!(pvh_entry(&image).unwrap() >= 1 << 20, "{}", kernel.name);
        }
    }

    #[test]
    fn an_image_without_the_note_is_refused() {
        let error = pvh_entry(&std::env::current_exe().unwrap()).unwrap_err().to_string();
        assert!(error.starts_with("found 0 notes"), "{error}");
    }
}
