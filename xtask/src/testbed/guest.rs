//! Debian's Linux as a guest that can do more than print a line: with a file system and the drivers
//! of Xen's devices.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::image::{self, Files};
use super::{Root, XenVersion, apt};

/// Modules that a guest loads, in this order. Some are built into some kernels.
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
    root: Root,
    pub(crate) kernel: PathBuf,
}

impl LinuxGuest {
    /// Returns the guest of the Debian release that a Xen version comes from; fetches it where the
    /// cache has none.
    pub(crate) fn get(version: XenVersion) -> Result<LinuxGuest> {
        let packages = ["linux-image-amd64", "busybox-static", "e2fsprogs"];
        let root =
            apt::root_with_filesystems(version.suite(), &format!("guest-{version}"), &packages)?;
        Ok(LinuxGuest { kernel: image::linux(&root)?, root })
    }

    /// Makes an initramfs that runs `init`, in which `@MODULES@` stands for the modules to load;
    /// `peer` is there as `testbed-peer`.
    pub(crate) fn initramfs(&self, init: &str, peer: &Path) -> Result<Vec<u8>> {
        let mut files = Files::of(&self.root);
        for dir in ["proc", "sys", "dev", "tmp", "mnt", "bin", "sbin"] {
            files.archive.dir(dir);
        }
        files.archive.copy("bin/busybox", &self.root.find("usr/bin/busybox")?)?;
        files.archive.copy("bin/testbed-peer", peer)?;
        for tool in ["usr/sbin/mkfs.ext4", "usr/sbin/e2fsck"] {
            files.program(tool)?;
        }
        files.loader()?;
        let mut found = Vec::new();
        find(&self.root.find("usr/lib/modules")?, &mut found)?;
        for path in found {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if MODULES
                .iter()
                .any(|module| name.split_once(".ko").is_some_and(|(stem, _)| stem == *module))
            {
                files.archive.copy(&format!("lib/guest/{name}"), &path)?;
            }
        }
        files.archive.file("init", 0o755, init.replace("@MODULES@", &MODULES.join(" ")));
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
