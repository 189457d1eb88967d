//! Builds of the kernels of examples/ and kernels/.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{host, pvh};

pub(crate) const TARGET: &str = "x86_64-unknown-none";

/// A bootable kernel of examples/ or kernels/.
struct Kernel {
    name: &'static str,
    package: &'static str,
    bin: &'static str,
}

const KERNELS: [Kernel; 7] = [
    Kernel { name: "shell", package: "xen-example-shell", bin: "shell" },
    Kernel { name: "hello", package: "xen-kernel-rt", bin: "hello" },
    Kernel { name: "selftest", package: "xen-kernel-selftest", bin: "selftest" },
    Kernel { name: "driver-domain", package: "xen-example-driver-domain", bin: "driver-domain" },
    Kernel { name: "store-suite", package: "xen-kernel-store-suite", bin: "store-suite" },
    Kernel { name: "vchan", package: "xen-example-vchan", bin: "vchan" },
    Kernel { name: "suspend-test", package: "xen-kernel-selftest", bin: "suspend-test" },
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
    for kernel in
        KERNELS.iter().filter(|k| args.names.is_empty() || args.names.iter().any(|n| n == k.name))
    {
        let path = make(kernel, args.debug)?;
        let size = fs::metadata(&path)?.len();
        println!(
            "{} ({} KiB)",
            path.strip_prefix(host::root()).unwrap_or(&path).display(),
            size / 1024
        );
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
pub(crate) fn suspend_test() -> Result<PathBuf> {
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

/// Returns the bytes of a kernel that are loaded: its file without symbols and debug information.
pub(crate) fn loaded_size(kernel: &Path) -> Result<u64> {
    Ok(pvh::check(kernel)?.loaded)
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
    pvh::check(&built)?;
    let image = dir.join(kernel.name);
    fs::copy(&built, &image).with_context(|| format!("copying {}", built.display()))?;
    Ok(image)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_have_an_entry_point() {
        for kernel in &KERNELS {
            let image = make(kernel, false).unwrap();
            assert!(pvh::check(&image).unwrap().entry >= 1 << 20, "{}", kernel.name);
        }
    }
}
