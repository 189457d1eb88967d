//! The base of every boot: Xen, Linux and the dom0 initramfs of one Xen version, made once and cached.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, process};

use anyhow::{Context, Result, bail};
use object::Endianness;
use object::elf::{DT_NEEDED, FileHeader64};
use object::read::elf::{Dyn, FileHeader};

use super::{Archive, Lock, XenVersion, apt, cache};
use crate::{host, ui};

const INIT: &str = include_str!("../dom0/init.sh");
const BLOCK: &str = include_str!("../dom0/block.sh");
const BLOCK_NEVER: &str = include_str!("../dom0/block-never.sh");
const VIF_BRIDGE: &str = include_str!("../dom0/vif-bridge.sh");

/// Counts up when what this file makes of the same inputs changes.
const FORM: u32 = 3;

/// What guests are created, watched, saved and restored with.
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
const MODULES: [&str; 12] = [
    "drivers/xen",
    "drivers/block/xen-blkback",
    "drivers/block/xen-blkfront.ko",
    "drivers/net/xen-netback",
    "drivers/net/xen-netfront.ko",
    "drivers/block/loop.ko",
    "drivers/block/brd.ko",
    "drivers/block/null_blk",
    "drivers/net/tun.ko",
    "net/bridge",
    "net/802",
    "net/llc",
];
const LIBRARY_FOLDERS: [&str; 4] =
    ["usr/lib/x86_64-linux-gnu", "usr/lib64", "usr/lib", "lib/x86_64-linux-gnu"];

/// What every boot of one Xen version starts from.
pub(crate) struct Base {
    /// Xen itself, uncompressed: QEMU loads it by its multiboot header.
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
    pub(crate) fn get(version: XenVersion) -> Result<Base> {
        let root = root(version)?;
        let mut hasher = DefaultHasher::new();
        (FORM, &root, [INIT, BLOCK, BLOCK_NEVER, VIF_BRIDGE], MODULES, XEN_TOOLS, STORE_TOOLS)
            .hash(&mut hasher);
        let dir = cache()?.join("base").join(format!("{version}-{:08x}", hasher.finish() as u32));
        let base = |dir: &Path| Base {
            xen: dir.join("xen"),
            linux: dir.join("linux"),
            initramfs: dir.join("dom0.cpio"),
            busybox: root.join("usr/bin/busybox"),
        };
        if !dir.is_dir() {
            let _lock = Lock::take(&format!("base-{version}"))?;
            if !dir.is_dir() {
                let spinner = ui::spinner(&format!("Xen {version}: building the dom0 image"));
                // Not `with_extension`: a version has a dot, and what is behind it is no extension.
                let half = dir.with_file_name(format!("{version}-half-{}", process::id()));
                fs::create_dir_all(&half)?;
                let built = build(version, &root, &base(&half));
                spinner.finish_and_clear();
                built.with_context(|| format!("building the dom0 image for Xen {version}"))?;
                fs::rename(&half, &dir)?;
            }
        }
        Ok(base(&dir))
    }
}

/// The root with Xen, its tools and Linux of a version's Debian.
fn root(version: XenVersion) -> Result<PathBuf> {
    let hypervisor = format!("xen-hypervisor-{version}-amd64");
    let utils = format!("xen-utils-{version}");
    let packages = [
        hypervisor.as_str(),
        &utils,
        "xenstore-utils",
        "linux-image-amd64",
        "busybox-static",
        "bash",
        "iproute2",
        "kmod",
    ];
    apt::root(version.suite(), &format!("xen-{version}"), &packages)
}

/// Programs of a version's Debian, to be run on this machine.
pub(crate) struct Tools {
    root: PathBuf,
}

/// Returns the tools of a Xen version; fetches them where the cache has none.
pub(crate) fn tools(version: XenVersion) -> Result<Tools> {
    Ok(Tools { root: root(version)?.canonicalize()? })
}

impl Tools {
    /// Returns the root that the programs are in.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Returns what starts a program with its own libraries, and with `preload` before them.
    pub(crate) fn command(&self, path: &str, preload: Option<&Path>) -> Result<Command> {
        let program = self.root.join(path);
        if !program.exists() {
            bail!("{} is missing", program.display());
        }
        // Its own loader too: libraries and loader have to be of one version.
        let mut command = Command::new(self.root.join("usr/lib64/ld-linux-x86-64.so.2"));
        if let Some(preload) = preload {
            command.arg("--preload").arg(preload);
        }
        let folders = LIBRARY_FOLDERS.map(|folder| self.root.join(folder).display().to_string());
        command.arg("--library-path").arg(folders.join(":")).arg(program);
        Ok(command)
    }
}

fn build(version: XenVersion, root: &Path, base: &Base) -> Result<()> {
    let packed = fs::read(root.join(format!("boot/xen-{version}-amd64.gz"))).context("reading Xen")?;
    let mut xen = Vec::new();
    flate2::read::MultiGzDecoder::new(packed.as_slice()).read_to_end(&mut xen).context("unpacking Xen")?;
    fs::write(&base.xen, xen)?;
    fs::copy(linux(root)?, &base.linux)?;

    let mut dom0 = Files::of(&root.canonicalize()?);
    for dir in [
        "bin", "sbin", "usr/bin", "usr/sbin", "proc", "sys", "dev", "run", "tmp", "root", "payload",
        "var/lock",
    ]
    .into_iter()
    .chain(["etc/xen", "var/lib/xen/userdata", "var/lib/xenstored", "var/log/xen"])
    {
        dom0.archive.dir(dir);
    }
    dom0.archive.link("var/run", "/run");
    dom0.busybox(&base.busybox)?;
    let bin = format!("usr/lib/xen-{version}/bin");
    for tool in XEN_TOOLS {
        dom0.program(&format!("{bin}/{tool}"))?;
    }
    for tool in STORE_TOOLS {
        dom0.program(&format!("usr/bin/{tool}"))?;
    }
    // xl aborts in pthread_cancel without libgcc_s, which it loads only then.
    for file in ["usr/bin/bash", "usr/bin/ip", "usr/sbin/ip", "usr/lib/x86_64-linux-gnu/libgcc_s.so.1"] {
        dom0.program(file)?;
    }
    dom0.archive.link("bin/bash", "/usr/bin/bash");
    // Since 4.20 oxenstored loads how it asks Xen about domains.
    let plugin = format!("usr/lib/xen-{version}/ocaml/xsd_glue/xenctrl_plugin/domain_getinfo_v1.cmxs");
    for file in ["etc/xen/xl.conf", "etc/xen/oxenstored.conf", &plugin] {
        dom0.program(file)?;
    }
    dom0.archive.copy("lib64/ld-linux-x86-64.so.2", &root.join("usr/lib64/ld-linux-x86-64.so.2"))?;
    dom0.modules()?;
    dom0.archive.file("init", 0o755, INIT.replace("@BIN@", &format!("/{bin}")));
    for (name, text) in [("block", BLOCK), ("block-never", BLOCK_NEVER), ("vif-bridge", VIF_BRIDGE)] {
        dom0.archive.file(&format!("etc/xen/scripts/{name}"), 0o755, text);
    }
    fs::write(&base.initramfs, dom0.archive.pack())?;
    Ok(())
}

/// Returns the Linux kernel of a root.
pub(super) fn linux(root: &Path) -> Result<PathBuf> {
    fs::read_dir(root.join("boot"))?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("vmlinuz-")))
        .context("no Linux kernel among the packages")
}

/// An initramfs in the making, out of the files of a root.
pub(super) struct Files {
    root: PathBuf,
    pub(super) archive: Archive,
    seen: HashSet<String>,
}

impl Files {
    /// Starts with nothing out of `root`, a path without links.
    pub(super) fn of(root: &Path) -> Files {
        Files { root: root.to_owned(), archive: Archive::default(), seen: HashSet::new() }
    }

    fn busybox(&mut self, busybox: &Path) -> Result<()> {
        self.archive.copy("bin/busybox", busybox)?;
        let mut list = Command::new(busybox);
        for applet in host::output(list.arg("--list"))?.split_whitespace() {
            // iproute2's `ip` makes bridges; `bash` is for payloads that want it.
            if !["busybox", "ip", "bash"].contains(&applet) {
                self.archive.link(&format!("bin/{applet}"), "busybox");
            }
        }
        Ok(())
    }

    /// Adds a file of the root, if it is there, and the libraries that it needs.
    pub(super) fn program(&mut self, path: &str) -> Result<()> {
        let file = self.root.join(path);
        if !file.exists() || !self.seen.insert(path.to_owned()) {
            return Ok(());
        }
        self.archive.copy(path, &file)?;
        for library in needed(&fs::read(&file)?) {
            if let Some(dir) = LIBRARY_FOLDERS.iter().find(|d| self.root.join(d).join(&library).exists()) {
                self.program(&format!("{dir}/{library}"))?;
            }
        }
        Ok(())
    }

    fn modules(&mut self) -> Result<()> {
        let versions = self.root.join("usr/lib/modules");
        let kernel =
            fs::read_dir(&versions)?.flatten().next().context("no kernel modules among the packages")?;
        let version = kernel.file_name().to_string_lossy().into_owned();
        let folder = kernel.path();
        // depmod wants them in a folder of the host.
        let stage = cache()?.join("base").join(format!("modules-{version}-{}", process::id()));
        let staged = stage.join("lib/modules").join(&version);
        fs::create_dir_all(&staged)?;
        for file in ["modules.order", "modules.builtin", "modules.builtin.modinfo"] {
            fs::copy(folder.join(file), staged.join(file)).with_context(|| format!("copying {file}"))?;
        }
        for module in MODULES {
            copy_modules(&folder.join("kernel").join(module), &staged.join("kernel").join(module))
                .with_context(|| format!("copying the modules {module}"))?;
        }
        let library = self.root.join("usr/lib/x86_64-linux-gnu");
        let depmod =
            self.root.join("usr/sbin/depmod").canonicalize().context("no depmod among the packages")?;
        host::run(
            // depmod is kmod by another name, which it tells by argv[0].
            Command::new(self.root.join("usr/lib64/ld-linux-x86-64.so.2"))
                .args(["--argv0", "depmod", "--library-path"])
                .arg(library)
                .arg(depmod)
                .arg("-b")
                .arg(&stage)
                .arg(&version),
        )?;
        self.archive.copy_tree(&format!("lib/modules/{version}"), &staged)?;
        fs::remove_dir_all(&stage)?;
        Ok(())
    }
}

/// Copies a module, whatever its compression, or a folder of modules.
fn copy_modules(from: &Path, to: &Path) -> Result<()> {
    let target = to.parent().context("a path without a parent")?;
    fs::create_dir_all(target)?;
    if from.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)?.flatten() {
            copy_modules(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    for suffix in ["", ".xz", ".zst", ".gz"] {
        let mut name = from.as_os_str().to_owned();
        name.push(suffix);
        let file = PathBuf::from(name);
        if let (true, Some(name)) = (file.is_file(), file.file_name()) {
            fs::copy(&file, target.join(name))?;
        }
    }
    Ok(())
}

/// The names of the libraries that an ELF file asks for; none for anything else.
fn needed(data: &[u8]) -> Vec<String> {
    let names = || -> object::Result<Vec<String>> {
        let header = FileHeader64::<Endianness>::parse(data)?;
        let endian = header.endian()?;
        let sections = header.sections(endian, data)?;
        let Some((entries, link)) = sections.dynamic(endian, data)? else { return Ok(Vec::new()) };
        let strings = sections.strings(endian, data, link)?;
        let libraries = entries.iter().filter(|e| e.tag(endian) == DT_NEEDED);
        libraries.map(|e| Ok(String::from_utf8_lossy(e.string(endian, strings)?).into_owned())).collect()
    };
    names().unwrap_or_default()
}
