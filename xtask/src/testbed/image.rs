//! Base of every boot: Xen, Linux and the dom0 initramfs of one Xen version, in a cache.

use std::collections::HashSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::{fs, mem};

use anyhow::{Context, Result};
use object::Endianness;
use object::elf::{DT_NEEDED, FileHeader64};
use object::read::elf::{Dyn, FileHeader};

use super::root::LIBRARY_FOLDERS;
use super::temp::Temp;
use super::{Arch, Archive, Lock, Root, XenVersion, apt, cache, host_suite};
use crate::digest::Digest;
use crate::{host, ui};

const INIT: &str = include_str!("../dom0/init.sh");
const BLOCK: &str = include_str!("../dom0/block.sh");
const BLOCK_NEVER: &str = include_str!("../dom0/block-never.sh");
const VIF_BRIDGE: &str = include_str!("../dom0/vif-bridge.sh");

/// Version of the format of bases, incremented when the same inputs give another base.
const FORM: u32 = 5;

/// Programs that create, watch, save and restore guests.
const XEN_TOOLS: [&str; 10] = [
    "xl",
    "libxl-save-helper",
    "xenstored",
    "oxenstored",
    "xenconsoled",
    "xenconsole",
    "xen-init-dom0",
    "lsevtchn",
    "xenstore-control",
    "vchan-socket-proxy",
];
const STORE_TOOLS: [&str; 9] = [
    "xenstore",
    "xenstore-chmod",
    "xenstore-exists",
    "xenstore-list",
    "xenstore-ls",
    "xenstore-read",
    "xenstore-rm",
    "xenstore-watch",
    "xenstore-write",
];
/// Files and folders below `kernel/`; a file may have a compression suffix.
const MODULES: [&str; 15] = [
    "drivers/xen",
    "drivers/block/xen-blkback",
    "drivers/block/xen-blkfront.ko",
    "drivers/net/xen-netback",
    "drivers/net/xen-netfront.ko",
    "drivers/block/loop.ko",
    "drivers/block/brd.ko",
    "drivers/block/null_blk",
    "fs/configfs",
    "drivers/net/tun.ko",
    "net/bridge",
    "net/802",
    "net/llc",
    // The payload's line on arm64.
    "drivers/virtio",
    "drivers/char/virtio_console.ko",
];

/// Files of every boot of one Xen version.
pub(crate) struct Base {
    /// Xen itself, uncompressed: QEMU loads it by its multiboot header, or as an Image of arm64.
    pub(crate) xen: PathBuf,
    /// Debian's Linux kernel.
    pub(crate) linux: PathBuf,
    /// Its initramfs with `xl`, xenstored, xenconsoled, busybox; uncompressed, to be appended to.
    pub(crate) initramfs: PathBuf,
    /// A static busybox.
    pub(crate) busybox: PathBuf,
}

impl Base {
    /// Returns the base of a Xen version; fetches and builds it where the cache has none.
    pub(crate) fn get(arch: Arch, version: XenVersion) -> Result<Base> {
        let root = root(arch, version)?;
        let mut digest = Digest::default();
        digest.add(FORM.to_le_bytes());
        digest.add(root.path().as_os_str().as_encoded_bytes());
        digest.add_all(&[INIT, BLOCK, BLOCK_NEVER, VIF_BRIDGE]);
        digest.add_all(&MODULES);
        digest.add_all(&XEN_TOOLS);
        digest.add_all(&STORE_TOOLS);
        let dir = cache()?.join("base").join(format!("{arch}-{version}-{}", digest.hex(8)));
        let busybox = root.find("usr/bin/busybox")?;
        let base = |dir: &Path| Base {
            xen: dir.join("xen"),
            linux: dir.join("linux"),
            initramfs: dir.join("dom0.cpio"),
            busybox: busybox.clone(),
        };
        if !dir.is_dir() {
            let _lock = Lock::take(&format!("base-{arch}-{version}"))?;
            if !dir.is_dir() {
                let spinner =
                    ui::spinner(&format!("Xen {version} {arch}: building the dom0 image"));
                let half = Temp::new(&format!("base-{arch}-{version}"))?;
                let built = build(arch, version, &root, &base(half.path()));
                spinner.finish_and_clear();
                built.with_context(|| format!("building the dom0 image for Xen {version}"))?;
                fs::create_dir_all(dir.parent().context("a folder without a parent")?)?;
                half.place(&dir)?;
            }
        }
        Ok(base(&dir))
    }
}

/// Returns the root with Xen, its tools and Linux of a version's Debian.
fn root(arch: Arch, version: XenVersion) -> Result<Root> {
    let hypervisor = format!("xen-hypervisor-{version}-{}", arch.debian());
    let utils = format!("xen-utils-{version}");
    let linux = format!("linux-image-{}", arch.debian());
    let packages = [
        hypervisor.as_str(),
        &utils,
        "xenstore-utils",
        linux.as_str(),
        "busybox-static",
        "bash",
        "iproute2",
        "kmod",
    ];
    apt::root(version.suite(arch), &format!("xen-{version}"), &packages)
}

/// Returns the root with the tools of a Xen version; fetches it where the cache has none.
pub(crate) fn tools(arch: Arch, version: XenVersion) -> Result<Root> {
    root(arch, version)
}

/// Returns a root with programs that this machine runs to build an image of `arch`; `root` itself
/// if it is of this machine.
fn host_programs(arch: Arch, version: XenVersion, root: &Root) -> Result<Root> {
    match arch {
        Arch::X86_64 => Ok(root.clone()),
        Arch::Arm64 => {
            let suite = host_suite(version.suite(arch).name);
            apt::root(suite, "image-tools", &["busybox-static", "kmod"])
        }
    }
}

/// Adds QEMU to dom0, where `xl` starts it as the backend of disks.
pub(crate) fn add_device_model(archive: &mut Archive, version: XenVersion) -> Result<()> {
    let root = device_model(version)?;
    let mut files = Files { archive: mem::take(archive), ..Files::of(Arch::X86_64, &root) };
    let program = files.program("usr/libexec/xen-qemu-system-i386");
    *archive = files.archive;
    // It reads one although it has no keyboard.
    let keymaps = "usr/share/qemu/keymaps";
    program.and_then(|()| archive.copy_tree(keymaps, &files.root.find(keymaps)?))
}

/// Adds what an HVM guest starts with: the firmware, QEMU, and the code by which the firmware
/// starts a kernel that QEMU has.
pub(crate) fn add_hvm(archive: &mut Archive, version: XenVersion) -> Result<()> {
    add_device_model(archive, version)?;
    let loader = format!("usr/lib/xen-{version}/boot/hvmloader");
    archive.copy(&loader, &root(Arch::X86_64, version)?.find(&loader)?)?;
    let root = device_model(version)?;
    let bios = "usr/share/seabios/bios-256k.bin";
    archive.copy(bios, &root.find(bios)?)?;
    // QEMU 7.2 takes the code with DMA for a machine without it, where that waits without end.
    let code = match version {
        XenVersion::V4_17 => "multiboot.bin",
        XenVersion::V4_20 => "multiboot_dma.bin",
    };
    let code = root.find(format!("usr/share/qemu/{code}"))?;
    archive.copy("usr/share/qemu/multiboot_dma.bin", &code)
}

/// Returns the root with QEMU as Xen's device model.
fn device_model(version: XenVersion) -> Result<Root> {
    let packages = ["qemu-system-xen"];
    apt::root(version.suite(Arch::X86_64), &format!("device-model-{version}"), &packages)
}

fn build(arch: Arch, version: XenVersion, root: &Root, base: &Base) -> Result<()> {
    let image = format!("boot/xen-{version}-{}", arch.debian());
    let packed = format!("{image}.gz");
    let packed = root.find(if root.has(&image) { image } else { packed })?;
    fs::write(&base.xen, unpacked(&packed).context("reading Xen")?)?;
    // The guest loader of QEMU places a kernel as it is.
    match arch {
        Arch::X86_64 => drop(fs::copy(linux(root)?, &base.linux)?),
        Arch::Arm64 => fs::write(&base.linux, unpacked(&linux(root)?)?)?,
    }
    let host = host_programs(arch, version, root)?;

    let mut dom0 = Files::of(arch, root);
    for dir in [
        "bin", "sbin", "usr/bin", "usr/sbin", "proc", "sys", "dev", "run", "tmp", "root",
        "payload", "var/lock",
    ]
    .into_iter()
    .chain(["etc/xen", "var/lib/xen/userdata", "var/lib/xenstored", "var/log/xen"])
    {
        dom0.archive.dir(dir);
    }
    dom0.archive.link("var/run", "/run");
    dom0.busybox(&host)?;
    let bin = format!("usr/lib/xen-{version}/bin");
    for tool in XEN_TOOLS {
        dom0.program(&format!("{bin}/{tool}"))?;
    }
    for tool in STORE_TOOLS {
        dom0.program(&format!("usr/bin/{tool}"))?;
    }
    // xl aborts in pthread_cancel without libgcc_s, which it loads only then.
    let libgcc = format!("usr/lib/{}/libgcc_s.so.1", arch.multiarch());
    for file in ["usr/bin/bash", "usr/bin/ip", "usr/sbin/ip", &libgcc] {
        dom0.program(file)?;
    }
    dom0.archive.link("bin/bash", "/usr/bin/bash");
    // Since 4.20 oxenstored loads how it asks Xen about domains.
    let plugin =
        format!("usr/lib/xen-{version}/ocaml/xsd_glue/xenctrl_plugin/domain_getinfo_v1.cmxs");
    for file in ["etc/xen/xl.conf", "etc/xen/oxenstored.conf", &plugin] {
        dom0.program(file)?;
    }
    dom0.loader()?;
    dom0.modules(&host)?;
    let line = match arch {
        Arch::X86_64 => "/dev/ttyS1",
        // The first is Xen's.
        Arch::Arm64 => "/dev/hvc1",
    };
    let init = INIT.replace("@BIN@", &format!("/{bin}")).replace("@LINE@", line);
    dom0.archive.file("init", 0o755, init);
    for (name, text) in [("block", BLOCK), ("block-never", BLOCK_NEVER), ("vif-bridge", VIF_BRIDGE)]
    {
        dom0.archive.file(&format!("etc/xen/scripts/{name}"), 0o755, text);
    }
    fs::write(&base.initramfs, dom0.archive.pack()?)?;
    Ok(())
}

/// Returns the content of a file, unpacked if it is packed by gzip.
fn unpacked(file: &Path) -> Result<Vec<u8>> {
    let data = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    if !data.starts_with(&[0x1f, 0x8b]) {
        return Ok(data);
    }
    let mut unpacked = Vec::new();
    flate2::read::MultiGzDecoder::new(data.as_slice())
        .read_to_end(&mut unpacked)
        .with_context(|| format!("unpacking {}", file.display()))?;
    Ok(unpacked)
}

/// Returns the Linux kernel of a root.
pub(super) fn linux(root: &Root) -> Result<PathBuf> {
    let names = root.names("boot")?;
    let name = names.iter().find(|name| name.starts_with("vmlinuz-"));
    root.find(format!("boot/{}", name.context("no Linux kernel among the packages")?))
}

/// An initramfs in the making, out of the files of a root.
pub(super) struct Files {
    arch: Arch,
    root: Root,
    pub(super) archive: Archive,
    seen: HashSet<String>,
}

impl Files {
    /// Starts with nothing out of `root`.
    pub(super) fn of(arch: Arch, root: &Root) -> Files {
        Files { arch, root: root.clone(), archive: Archive::default(), seen: HashSet::new() }
    }

    /// Adds the dynamic loader where programs ask for it.
    pub(super) fn loader(&mut self) -> Result<()> {
        let loader = match self.arch {
            Arch::X86_64 => "lib64/ld-linux-x86-64.so.2",
            Arch::Arm64 => "lib/ld-linux-aarch64.so.1",
        };
        self.archive.copy(loader, &self.root.find(loader)?)
    }

    fn busybox(&mut self, host: &Root) -> Result<()> {
        self.archive.copy("bin/busybox", &self.root.find("usr/bin/busybox")?)?;
        let mut list = host.command("usr/bin/busybox", None)?;
        for applet in host::output(list.arg("--list"))?.split_whitespace() {
            // iproute2's `ip` makes bridges; `bash` is for payloads that need it.
            if !["busybox", "ip", "bash"].contains(&applet) {
                self.archive.link(&format!("bin/{applet}"), "busybox");
            }
        }
        Ok(())
    }

    /// Adds a file of the root, if it is there, and the libraries that it needs.
    pub(super) fn program(&mut self, path: &str) -> Result<()> {
        if !self.root.has(path) || !self.seen.insert(path.to_owned()) {
            return Ok(());
        }
        let file = self.root.find(path)?;
        self.archive.copy(path, &file)?;
        for library in needed(&fs::read(&file)?) {
            if let Some(dir) =
                LIBRARY_FOLDERS.iter().find(|d| self.root.has(Path::new(d).join(&library)))
            {
                self.program(&format!("{dir}/{library}"))?;
            }
        }
        Ok(())
    }

    fn modules(&mut self, host: &Root) -> Result<()> {
        let versions = self.root.names("usr/lib/modules")?;
        let version = versions.first().context("no kernel modules among the packages")?;
        let folder = format!("usr/lib/modules/{version}");
        // depmod reads a folder of modules, and this one has more than dom0 gets.
        let stage = Temp::new("modules")?;
        let staged = stage.path().join("lib/modules").join(version);
        fs::create_dir_all(&staged)?;
        for file in ["modules.order", "modules.builtin", "modules.builtin.modinfo"] {
            fs::copy(self.root.find(format!("{folder}/{file}"))?, staged.join(file))
                .with_context(|| format!("copying {file}"))?;
        }
        for module in MODULES {
            copy_modules(
                &self.root,
                &format!("{folder}/kernel/{module}"),
                &staged.join("kernel").join(module),
            )
            .with_context(|| format!("copying the modules {module}"))?;
        }
        let mut depmod =
            host.command("usr/sbin/depmod", None).context("no depmod among the packages")?;
        host::run(depmod.arg("-b").arg(stage.path()).arg(version))?;
        self.archive.copy_tree(&format!("lib/modules/{version}"), &staged)
    }
}

/// Copies a module of `root`, whatever its compression, or a folder of modules.
fn copy_modules(root: &Root, from: &str, to: &Path) -> Result<()> {
    let target = to.parent().context("a path without a parent")?;
    fs::create_dir_all(target)?;
    if root.find(from).is_ok_and(|found| found.is_dir()) {
        fs::create_dir_all(to)?;
        for name in root.names(from)? {
            copy_modules(root, &format!("{from}/{name}"), &to.join(name))?;
        }
        return Ok(());
    }
    for suffix in ["", ".xz", ".zst", ".gz"] {
        let file = format!("{from}{suffix}");
        if let (true, Some(name)) = (root.has(&file), Path::new(&file).file_name()) {
            fs::copy(root.find(&file)?, target.join(name))?;
        }
    }
    Ok(())
}

/// Returns the names of the libraries that an ELF file needs; none for another file.
fn needed(data: &[u8]) -> Vec<String> {
    let names = || -> object::Result<Vec<String>> {
        let header = FileHeader64::<Endianness>::parse(data)?;
        let endian = header.endian()?;
        let sections = header.sections(endian, data)?;
        let Some((entries, link)) = sections.dynamic(endian, data)? else { return Ok(Vec::new()) };
        let strings = sections.strings(endian, data, link)?;
        let libraries = entries.iter().filter(|e| e.tag(endian) == DT_NEEDED);
        libraries
            .map(|e| Ok(String::from_utf8_lossy(e.string(endian, strings)?).into_owned()))
            .collect()
    };
    names().unwrap_or_default()
}
