//! Builds of the kernels of examples/ and kernels/.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::testbed::Arch;
use crate::{arm64, host, pvh};

pub(crate) const TARGET: &str = "x86_64-unknown-none";

/// Returns the Rust target of kernels.
pub(crate) fn target(arch: Arch) -> &'static str {
    match arch {
        Arch::X86_64 => TARGET,
        Arch::Arm64 => "aarch64-unknown-none",
    }
}

/// An address that no machine of the testbed has RAM at, below 4 GiB.
pub(crate) const NO_RAM: u64 = 0xe000_0000;

/// A bootable kernel of examples/ or kernels/.
struct Kernel {
    name: &'static str,
    package: &'static str,
    bin: &'static str,
}

const KERNELS: [Kernel; 12] = [
    Kernel { name: "shell", package: "xen-example-shell", bin: "shell" },
    Kernel { name: "hello", package: "xen-kernel-rt", bin: "hello" },
    Kernel { name: "selftest", package: "xen-kernel-selftest", bin: "selftest" },
    Kernel { name: "driver-domain", package: "xen-example-driver-domain", bin: "driver-domain" },
    Kernel { name: "store-suite", package: "xen-kernel-store-suite", bin: "store-suite" },
    Kernel { name: "vchan", package: "xen-example-vchan", bin: "vchan" },
    Kernel { name: "suspend-test", package: "xen-kernel-selftest", bin: "suspend-test" },
    Kernel { name: "bench", package: "xen-kernel-bench", bin: "bench" },
    Kernel { name: "disk-test", package: "xen-kernel-selftest", bin: "disk-test" },
    Kernel { name: "net-test", package: "xen-kernel-selftest", bin: "net-test" },
    Kernel { name: "platform-test", package: "xen-kernel-selftest", bin: "platform-test" },
    Kernel { name: "dom0less", package: "xen-example-dom0less", bin: "dom0less" },
];

/// The kernel outside of the workspace.
const DOWNSTREAM: &str = "downstream";

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
    /// Architecture
    #[arg(long, value_enum, default_value = "x86_64")]
    arch: Arch,
}

pub(crate) fn main(args: &Args) -> Result<i32> {
    for name in &args.names {
        if name != DOWNSTREAM && !KERNELS.iter().any(|k| k.name == name) {
            let names = KERNELS.map(|k| k.name).join(", ");
            bail!("no kernel {name}; there is: {names}, {DOWNSTREAM}");
        }
    }
    let is_selected = |name: &str| args.names.is_empty() || args.names.iter().any(|n| n == name);
    for kernel in KERNELS.iter().filter(|kernel| is_selected(kernel.name)) {
        show(&make(args.arch, kernel, args.debug)?)?;
    }
    if args.arch == Arch::X86_64 && is_selected(DOWNSTREAM) {
        show(&downstream()?)?;
    }
    Ok(0)
}

/// Prints the path and the size of an image.
fn show(image: &Path) -> Result<()> {
    let size = fs::metadata(image)?.len();
    let path = image.strip_prefix(host::root()).unwrap_or(image);
    println!("{} ({} KiB)", path.display(), size / 1024);
    Ok(())
}

/// Builds the shell kernel; returns its image.
pub(crate) fn shell(arch: Arch) -> Result<PathBuf> {
    make(arch, &KERNELS[0], false)
}

/// Builds the driver domain's kernel; returns its image.
pub(crate) fn driver_domain(arch: Arch) -> Result<PathBuf> {
    make(arch, &KERNELS[3], false)
}

/// Builds the kernel that tests the hypercalls; returns its image.
pub(crate) fn selftest(arch: Arch) -> Result<PathBuf> {
    make(arch, &KERNELS[2], false)
}

/// Builds the first kernel for an address without RAM, so that Xen loads it elsewhere; returns its
/// image.
pub(crate) fn relocated() -> Result<PathBuf> {
    let name = "hello-relocated";
    let target = host::target().join(name);
    host::require_target(TARGET)?;
    let mut cargo = Command::new(host::cargo());
    cargo.current_dir(host::root()).env("CARGO_TARGET_DIR", &target);
    cargo.args(["rustc", "--release", "--package", "xen-kernel-rt", "--features", "kernel"]);
    cargo.args(["--bin", "hello", "--target", TARGET, "--"]);
    cargo.arg(format!("-Clink-arg=--defsym=image_base={NO_RAM:#x}"));
    host::run(&mut cargo)?;
    image(name, &target.join(TARGET).join("release/hello"))
}

/// Builds the kernel that is suspended while it exchanges events; returns its image.
pub(crate) fn suspend_test() -> Result<PathBuf> {
    make(Arch::X86_64, &KERNELS[6], false)
}

/// Builds the kernel that compares xenstore servers with the protocol; returns its image.
pub(crate) fn store_suite(arch: Arch) -> Result<PathBuf> {
    make(arch, &KERNELS[4], false)
}

/// Builds the kernel that measures the frontends; returns its image.
pub(crate) fn bench(arch: Arch) -> Result<PathBuf> {
    make(arch, &KERNELS[7], false)
}

/// Builds the kernel that verifies a disk; returns its image.
pub(crate) fn disk_test(arch: Arch) -> Result<PathBuf> {
    make(arch, &KERNELS[8], false)
}

/// Builds the kernel that verifies a network; returns its image.
pub(crate) fn net_test(arch: Arch) -> Result<PathBuf> {
    make(arch, &KERNELS[9], false)
}

/// Builds the kernel that uses the platform device; returns its image.
pub(crate) fn platform_test() -> Result<PathBuf> {
    make(Arch::X86_64, &KERNELS[10], false)
}

/// Builds the kernel that echoes through a vchan; returns its image.
pub(crate) fn vchan(arch: Arch) -> Result<PathBuf> {
    make(arch, &KERNELS[5], false)
}

/// Builds the kernel that Xen starts without dom0; returns its image.
pub(crate) fn dom0less() -> Result<PathBuf> {
    make(Arch::Arm64, &KERNELS[11], false)
}

/// Checks the kernel outside of the workspace with clippy and builds it; returns its image.
///
/// The kernel has the workspace's lock file, so that versions are the tested ones; cargo removes
/// from it what the kernel does not resolve.
pub(crate) fn downstream() -> Result<PathBuf> {
    host::require_target(TARGET)?;
    let folder = host::root().join("downstream/kernel");
    fs::copy(host::root().join("Cargo.lock"), folder.join("Cargo.lock"))
        .context("copying the lock file")?;
    let target = host::target().join("downstream/target");
    let release = ["--release", "--target", TARGET];
    for (command, deny) in [("clippy", &["--", "-D", "warnings"][..]), ("build", &[])] {
        let mut cargo = Command::new(host::cargo());
        cargo.arg(command).args(release).args(deny);
        cargo.current_dir(&folder).env("CARGO_TARGET_DIR", &target);
        host::run(&mut cargo)?;
    }
    image(DOWNSTREAM, &target.join(TARGET).join("release/downstream-kernel"))
}

/// Returns the bytes of a kernel that are loaded: its file without symbols and debug information.
pub(crate) fn loaded_size(arch: Arch, kernel: &Path) -> Result<u64> {
    match arch {
        Arch::X86_64 => Ok(pvh::check(kernel)?.loaded),
        Arch::Arm64 => arm64::image::check(kernel),
    }
}

/// Checks that Xen can load a kernel of `arch`.
pub(crate) fn check(arch: Arch, kernel: &Path) -> Result<()> {
    loaded_size(arch, kernel).map(drop)
}

fn make(arch: Arch, kernel: &Kernel, debug: bool) -> Result<PathBuf> {
    let target = target(arch);
    host::require_target(target)?;
    let mut cargo = Command::new(host::cargo());
    cargo.current_dir(host::root());
    cargo.args(["build", "--package", kernel.package, "--features", "kernel", "--bin", kernel.bin]);
    cargo.args(["--target", target]);
    if !debug {
        cargo.arg("--release");
    }
    let status = cargo.status().context("starting cargo")?;
    if !status.success() {
        bail!("{}: {status}", host::describe(&cargo));
    }
    let profile = if debug { "debug" } else { "release" };
    let built = host::target().join(target).join(profile).join(kernel.bin);
    match arch {
        Arch::X86_64 => image(kernel.name, &built),
        Arch::Arm64 => {
            let folder = host::target().join("kernels/arm64");
            fs::create_dir_all(&folder)?;
            let image = folder.join(kernel.name);
            fs::write(&image, arm64::image::convert(&built)?)
                .with_context(|| format!("writing {}", image.display()))?;
            Ok(image)
        }
    }
}

/// Checks a kernel and copies it to the folder of the images; returns its path there.
fn image(name: &str, built: &Path) -> Result<PathBuf> {
    let dir = host::target().join("kernels");
    fs::create_dir_all(&dir)?;
    pvh::check(built)?;
    let image = dir.join(name);
    fs::copy(built, &image).with_context(|| format!("copying {}", built.display()))?;
    Ok(image)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_have_an_entry_point() {
        for kernel in &KERNELS {
            let image = make(Arch::X86_64, kernel, false).unwrap();
            assert!(pvh::check(&image).unwrap().entry >= 1 << 20, "{}", kernel.name);
        }
    }
}
