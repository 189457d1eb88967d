//! Debian's Linux as a guest that can do more than print a line: with a file system and the drivers
//! of Xen's devices.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::image::{self, Files};
use super::{Arch, Root, XenVersion, apt};

/// Modules of a guest with a file system, in the order in which it loads them. Some are built into
/// some kernels.
const MODULES: [&str; 8] = [
    "crc16",
    "crc32c_generic",
    "libcrc32c",
    "mbcache",
    "jbd2",
    "ext4",
    "xen-blkfront",
    "xen-netfront",
];

/// A Linux guest's kernel, and what its initramfs is made of.
pub(crate) struct LinuxGuest {
    /// Packages with the kernel's modules.
    modules: Root,
    /// Packages with programs.
    programs: Root,
    pub(crate) kernel: PathBuf,
    arch: Arch,
}

/// Content of an initramfs besides busybox.
struct Content<'a> {
    /// Script of the first process, in which `@MODULES@` stands for the modules to load.
    init: &'a str,
    modules: &'a [&'a str],
    /// Paths of programs in the packages, which get their libraries.
    programs: &'a [&'a str],
    /// Paths in the initramfs with their files, which are executable.
    files: &'a [(&'a str, &'a Path)],
}

impl LinuxGuest {
    /// Returns the guest of the Debian release that a Xen version comes from, with file systems;
    /// fetches it where the cache has none.
    pub(crate) fn get(arch: Arch, version: XenVersion) -> Result<LinuxGuest> {
        let linux = format!("linux-image-{}", arch.debian());
        let packages = [linux.as_str(), "busybox-static", "e2fsprogs"];
        let name = format!("guest-{version}");
        let root = apt::root_with_filesystems(version.suite(arch), &name, &packages)?;
        let kernel = image::linux(&root)?;
        Ok(LinuxGuest { kernel, modules: root.clone(), programs: root, arch })
    }

    /// Returns the guest with dom0's kernel and the tool `fio`.
    pub(crate) fn with_fio(arch: Arch, version: XenVersion) -> Result<LinuxGuest> {
        let modules = image::tools(arch, version)?;
        let packages = ["busybox-static", "fio"];
        let programs = apt::root(version.suite(arch), &format!("fio-{version}"), &packages)?;
        Ok(LinuxGuest { kernel: image::linux(&modules)?, modules, programs, arch })
    }

    /// Returns the guest with file systems and `fio`.
    pub(crate) fn with_all(arch: Arch, version: XenVersion) -> Result<LinuxGuest> {
        let linux = format!("linux-image-{}", arch.debian());
        let packages = [linux.as_str(), "busybox-static", "e2fsprogs", "fio"];
        let name = format!("guest-fio-{version}");
        let root = apt::root_with_filesystems(version.suite(arch), &name, &packages)?;
        Ok(LinuxGuest { kernel: image::linux(&root)?, modules: root.clone(), programs: root, arch })
    }

    /// Makes an initramfs as [`initramfs`](Self::initramfs) does, with `fio`.
    pub(crate) fn full_initramfs(&self, init: &str, peer: &Path) -> Result<Vec<u8>> {
        self.pack(&Content {
            init,
            modules: &MODULES,
            programs: &["usr/sbin/mkfs.ext4", "usr/sbin/e2fsck", "usr/bin/fio"],
            files: &[("bin/testbed-peer", peer)],
        })
    }

    /// Makes an initramfs that runs `init`; `peer` is there as `testbed-peer`.
    pub(crate) fn initramfs(&self, init: &str, peer: &Path) -> Result<Vec<u8>> {
        self.pack(&Content {
            init,
            modules: &MODULES,
            programs: &["usr/sbin/mkfs.ext4", "usr/sbin/e2fsck"],
            files: &[("bin/testbed-peer", peer)],
        })
    }

    /// Makes an initramfs that runs `init`, with `fio` and `files`.
    pub(crate) fn fio_initramfs(&self, init: &str, files: &[(&str, &Path)]) -> Result<Vec<u8>> {
        let modules = &["xen-blkfront", "xen-netfront"];
        self.pack(&Content { init, modules, programs: &["usr/bin/fio"], files })
    }

    /// Makes an initramfs that runs `init`, with `files` and drivers of a disk and an interface.
    pub(crate) fn small_initramfs(&self, init: &str, files: &[(&str, &Path)]) -> Result<Vec<u8>> {
        let modules = &["xen-blkfront", "xen-netfront"];
        self.pack(&Content { init, modules, programs: &[], files })
    }

    /// Makes an initramfs that runs `init`, with a RAM disk's driver, the backends of disks and
    /// networks, and a bridge.
    pub(crate) fn backend_initramfs(&self, init: &str) -> Result<Vec<u8>> {
        let modules = &["brd", "xen-blkback", "llc", "stp", "bridge", "xen-netback"];
        self.pack(&Content { init, modules, programs: &[], files: &[] })
    }

    fn pack(&self, content: &Content<'_>) -> Result<Vec<u8>> {
        let mut files = Files::of(self.arch, &self.programs);
        for dir in ["proc", "sys", "dev", "tmp", "mnt", "bin", "sbin"] {
            files.archive.dir(dir);
        }
        files.archive.copy("bin/busybox", &self.programs.find("usr/bin/busybox")?)?;
        for (path, file) in content.files {
            files.archive.copy(path, file)?;
        }
        for program in content.programs {
            files.program(program)?;
        }
        files.loader()?;
        let mut found = Vec::new();
        find(&self.modules.find("usr/lib/modules")?, &mut found)?;
        for path in found {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let stem = name.split_once(".ko").map(|(stem, _)| stem);
            if content.modules.iter().any(|module| stem == Some(module)) {
                files.archive.copy(&format!("lib/guest/{name}"), &path)?;
            }
        }
        let init = content.init.replace("@MODULES@", &content.modules.join(" "));
        files.archive.file("init", 0o755, init);
        files.archive.pack()
    }
}

/// Collects the files below a folder.
fn find(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        // What links lead to lies outside, or is found anyway.
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() { find(&path, found)? } else { found.push(path) }
    }
    Ok(())
}
