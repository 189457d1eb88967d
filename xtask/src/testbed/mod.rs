//! The testbed: real Xen and a Linux dom0 in an emulator, on any Debian machine, without root and
//! with nothing installed.
//!
//! QEMU, Xen, its tools, Linux and busybox are fetched as Debian packages and unpacked into a
//! cache. QEMU's TCG emulates AMD SVM with nested paging, so PVH guests and a PVH dom0 run in pure
//! emulation.

mod apt;
mod bare;
mod cores;
mod cpio;
mod dom0less;
mod guest;
mod hang_detector;
mod image;
mod machine;
mod qemu;
mod root;
mod temp;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::{env, fmt, thread};

use anyhow::{Context, Result, bail};

use apt::Suite;
pub(crate) use bare::without_xen;
pub(crate) use cpio::Archive;
pub(crate) use dom0less::{Enhanced, SharedRegion, StaticChannel, StaticDomain, StaticDomains};
pub(crate) use guest::LinuxGuest;
pub(crate) use image::{Base, add_device_model, add_hvm, tools};
pub(crate) use qemu::{Boot, Ending, Event, Outcome, Progress, Terminal};
pub(crate) use root::Root;

/// Processor architecture of an emulated machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Arch {
    #[default]
    #[value(name = "x86_64")]
    X86_64,
    #[value(name = "arm64")]
    Arm64,
}

impl Arch {
    /// Returns Debian's name.
    fn debian(self) -> &'static str {
        match self {
            Arch::X86_64 => "amd64",
            Arch::Arm64 => "arm64",
        }
    }

    /// Returns the name of the folder of libraries.
    fn multiarch(self) -> &'static str {
        match self {
            Arch::X86_64 => "x86_64-linux-gnu",
            Arch::Arm64 => "aarch64-linux-gnu",
        }
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Arch::X86_64 => "x86_64",
            Arch::Arm64 => "arm64",
        })
    }
}

/// A Xen release that the testbed can boot; each comes from one Debian release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum XenVersion {
    #[value(name = "4.17")]
    V4_17,
    #[value(name = "4.20")]
    V4_20,
}

impl XenVersion {
    pub(crate) const ALL: [XenVersion; 2] = [XenVersion::V4_17, XenVersion::V4_20];

    fn suite(self, arch: Arch) -> Suite<'static> {
        let name = match self {
            XenVersion::V4_17 => "bookworm",
            XenVersion::V4_20 => "trixie",
        };
        Suite { name, arch }
    }
}

impl fmt::Display for XenVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            XenVersion::V4_17 => "4.17",
            XenVersion::V4_20 => "4.20",
        })
    }
}

/// Kind of guest that dom0 itself is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Dom0Kind {
    Pv,
    Pvh,
}

/// Fetches and builds all that boots of these versions need, side by side.
pub(crate) fn prepare(arch: Arch, versions: &[XenVersion]) -> Result<()> {
    thread::scope(|scope| {
        let emulator = scope.spawn(move || qemu::Emulator::get(arch).map(drop));
        let base = |&version| scope.spawn(move || Base::get(arch, version).map(drop));
        let bases: Vec<_> = versions.iter().map(base).collect();
        for job in std::iter::once(emulator).chain(bases) {
            match job.join() {
                Ok(done) => done?,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(())
    })
}

/// Returns a root into which packages of a suite of Debian, and all dependencies, are unpacked.
pub(crate) fn debian(suite: &str, name: &str, packages: &[&str]) -> Result<Root> {
    apt::root(host_suite(suite), name, packages)
}

/// Returns the root with the C library of dom0's programs, for a compiler of `arch`.
pub(crate) fn c_library(arch: Arch, version: XenVersion) -> Result<Root> {
    apt::root(version.suite(arch), &format!("libc-{version}"), &["libc6-dev"])
}

/// Unpacks packages of a suite, and all dependencies, into `root`, whole; returns the folder of the
/// archives.
pub(crate) fn minimal(suite: &str, packages: &[&str], root: &Path) -> Result<PathBuf> {
    apt::minimal(host_suite(suite), packages, root)
}

/// Returns a suite for programs that this machine runs.
fn host_suite(name: &str) -> Suite<'_> {
    Suite { name, arch: Arch::X86_64 }
}

/// Returns the Debian mirror that this machine uses.
pub(crate) fn mirror() -> Result<String> {
    apt::mirror()
}

/// Returns the folder of the cache with downloaded packages.
pub(crate) fn downloads() -> Result<PathBuf> {
    Ok(cache()?.join("archives"))
}

/// Returns `$XEN_TESTBED_CACHE`, else `xen-testbed` in the user's cache folder; creates it if
/// missing.
fn cache() -> Result<PathBuf> {
    let path = match (
        env::var_os("XEN_TESTBED_CACHE"),
        env::var_os("XDG_CACHE_HOME"),
        env::var_os("HOME"),
    ) {
        (Some(path), ..) if !path.is_empty() => PathBuf::from(path),
        (_, Some(path), _) if !path.is_empty() => PathBuf::from(path).join("xen-testbed"),
        (.., Some(home)) => PathBuf::from(home).join(".cache/xen-testbed"),
        _ => bail!("no folder for the testbed's cache: set XEN_TESTBED_CACHE"),
    };
    fs::create_dir_all(&path)
        .with_context(|| format!("making the testbed's cache {}", path.display()))?;
    Ok(path.canonicalize()?)
}

/// Lock of one part of the cache against other processes (and threads), until it is dropped.
struct Lock(#[expect(dead_code, reason = "held for its lock, which goes with it")] File);

impl Lock {
    fn take(name: &str) -> Result<Lock> {
        let path = cache()?.join(format!("{name}.lock"));
        let file = File::create(&path).with_context(|| format!("making {}", path.display()))?;
        file.lock().with_context(|| format!("locking {}", path.display()))?;
        Ok(Lock(file))
    }
}
