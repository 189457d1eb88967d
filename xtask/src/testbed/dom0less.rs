//! Domains that Xen itself starts on arm64, beside dom0 or without any: the device tree that
//! describes them.
//!
//! QEMU's guest loader describes dom0 only, so that the machine's tree is dumped, changed and
//! given back. Source: `docs/misc/arm/device-tree/booting.txt` of Xen.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow, ensure};
use dtoolkit::ToPropertyValue;
use dtoolkit::fdt::Fdt;
use dtoolkit::model::{DeviceTree, DeviceTreeNode, DeviceTreeProperty};

use super::qemu::{Dom0, path};
use crate::host;

/// Addresses of the kernel and of the initramfs of dom0.
pub(super) const KERNEL: u64 = 0x5000_0000;
pub(super) const INITRAMFS: u64 = 0x6000_0000;
/// Address of the kernel of the first other domain, and distance of the next one.
const DOMAINS: u64 = 0x7000_0000;
const DISTANCE: u64 = 16 << 20;

/// First phandle of an event channel; those of the machine are lower.
const PHANDLES: u32 = 0x4000_0000;

/// Interfaces of Xen that a domain has (`xen,enhanced`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Enhanced {
    /// All but xenstore.
    NoXenstore,
    /// All; xenstore once dom0 has set it up.
    Enabled,
}

/// A domain that Xen starts.
#[derive(Clone, Debug)]
pub(crate) struct StaticDomain {
    /// An arm64 Image.
    pub(crate) kernel: PathBuf,
    /// Command line.
    pub(crate) line: String,
    pub(crate) vcpus: u32,
    /// MiB.
    pub(crate) mem: u64,
    pub(crate) enhanced: Enhanced,
    /// With the UART that Xen emulates.
    pub(crate) has_uart: bool,
    /// Regions of memory that it shares, by number in [`StaticDomains::shared`], and the addresses
    /// at which it has them.
    pub(crate) shared: Vec<(usize, u64)>,
}

/// A region of memory of several domains.
#[derive(Clone, Debug)]
pub(crate) struct SharedRegion {
    pub(crate) id: String,
    /// Address in the machine's RAM.
    pub(crate) address: u64,
    pub(crate) size: u64,
}

/// An event channel between two of the domains, each by its number in
/// [`StaticDomains::domains`], with its port.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StaticChannel(pub(crate) [(usize, u32); 2]);

/// All domains that Xen starts but dom0, and their connections.
#[derive(Clone, Debug, Default)]
pub(crate) struct StaticDomains {
    pub(crate) domains: Vec<StaticDomain>,
    pub(crate) channels: Vec<StaticChannel>,
    pub(crate) shared: Vec<SharedRegion>,
}

/// A file at an address of the machine's RAM.
struct Module {
    file: PathBuf,
    address: u64,
    size: u64,
}

impl Module {
    fn new(file: &Path, address: u64, limit: u64) -> Result<Self> {
        let size = fs::metadata(file).with_context(|| format!("reading {}", file.display()))?.len();
        let file = file.to_owned();
        ensure!(size <= limit, "{}: found {size} bytes, expected {limit} at most", file.display());
        Ok(Self { file, address, size })
    }

    /// Adds the option that loads the file.
    fn load(&self, command: &mut Command) -> Result<()> {
        let file = path(&self.file)?.replace(',', ",,");
        let address = self.address;
        command.args(["-device", &format!("loader,file={file},addr={address:#x},force-raw=on")]);
        Ok(())
    }

    /// Returns the node of the module.
    fn node(&self, kind: &str, line: Option<&str>) -> Result<DeviceTreeNode> {
        let mut node = node(&format!("module@{:x}", self.address))?;
        set(&mut node, "compatible", vec![kind, "multiboot,module"])?;
        set(&mut node, "reg", cells(&[self.address, self.size]))?;
        if let Some(line) = line {
            set(&mut node, "bootargs", line)?;
        }
        Ok(node)
    }
}

impl StaticDomains {
    /// Adds the options that load all kernels, and the device tree that describes them:
    /// `machine` in the folder `scratch`, with `xen_line` as Xen's command line.
    pub(super) fn describe(
        &self,
        command: &mut Command,
        dom0: Option<&Dom0>,
        machine: &[u8],
        xen_line: &str,
        scratch: &Path,
    ) -> Result<()> {
        let fdt = Fdt::new(machine).map_err(|error| anyhow!("the machine's tree: {error}"))?;
        let mut tree = DeviceTree::from_fdt(&fdt);
        let chosen = tree.root.child_mut("chosen").context("a tree without /chosen")?;
        set(chosen, "#address-cells", 2_u32)?;
        set(chosen, "#size-cells", 2_u32)?;
        set(chosen, "xen,xen-bootargs", xen_line)?;
        if let Some(dom0) = dom0 {
            let kernel = Module::new(&dom0.kernel, KERNEL, INITRAMFS - KERNEL)?;
            kernel.load(command)?;
            chosen.add_child(kernel.node("multiboot,kernel", Some(dom0.line.trim()))?);
            if let Some(initramfs) = &dom0.initramfs {
                let initramfs = Module::new(initramfs, INITRAMFS, DOMAINS - INITRAMFS)?;
                initramfs.load(command)?;
                chosen.add_child(initramfs.node("multiboot,ramdisk", None)?);
            }
        }
        for (number, domain) in self.domains.iter().enumerate() {
            let address = DOMAINS + number as u64 * DISTANCE;
            let kernel = Module::new(&domain.kernel, address, DISTANCE)?;
            kernel.load(command)?;
            chosen.add_child(self.domain(number, domain, &kernel)?);
        }
        let file = scratch.join("machine.dtb");
        fs::write(&file, tree.to_dtb()).context("writing the device tree")?;
        command.arg("-dtb").arg(file);
        Ok(())
    }

    /// Returns the node of a domain.
    fn domain(
        &self,
        number: usize,
        domain: &StaticDomain,
        kernel: &Module,
    ) -> Result<DeviceTreeNode> {
        let mut own = node(&format!("domU{}", number + 1))?;
        set(&mut own, "compatible", "xen,domain")?;
        set(&mut own, "#address-cells", 2_u32)?;
        set(&mut own, "#size-cells", 2_u32)?;
        set(&mut own, "memory", domain.mem << 10)?;
        set(&mut own, "cpus", domain.vcpus)?;
        let enhanced = match domain.enhanced {
            Enhanced::NoXenstore => "no-xenstore",
            Enhanced::Enabled => "enabled",
        };
        set(&mut own, "xen,enhanced", enhanced)?;
        if domain.has_uart {
            set(&mut own, "vpl011", Vec::<u8>::new())?;
        }
        own.add_child(kernel.node("multiboot,kernel", Some(&domain.line))?);
        for (index, StaticChannel(ends)) in self.channels.iter().enumerate() {
            for (end, (of, port)) in ends.iter().enumerate().filter(|(_, end)| end.0 == number) {
                let phandle = |end: usize| PHANDLES + 2 * index as u32 + end as u32;
                let mut channel = node(&format!("evtchn@{port:x}-{of}"))?;
                set(&mut channel, "compatible", "xen,evtchn-v1")?;
                set(&mut channel, "xen,evtchn", vec![*port, phandle(1 - end)])?;
                set(&mut channel, "phandle", phandle(end))?;
                own.add_child(channel);
            }
        }
        for &(index, guest) in &domain.shared {
            let region = self.shared.get(index).context("an unknown region")?;
            let mut shared = node(&format!("shared-memory@{guest:x}"))?;
            set(&mut shared, "compatible", "xen,domain-shared-memory-v1")?;
            set(&mut shared, "xen,shm-id", region.id.as_str())?;
            set(&mut shared, "xen,shared-mem", cells(&[region.address, guest, region.size]))?;
            own.add_child(shared);
        }
        Ok(own)
    }
}

/// Returns the device tree of the machine that `command` describes.
pub(super) fn dump(mut command: Command, machine: &str, scratch: &Path) -> Result<Vec<u8>> {
    let file = scratch.join("dump.dtb");
    let dump = format!("{machine},dumpdtb={}", path(&file)?.replace(',', ",,"));
    host::output(command.args(["-M", &dump, "-nodefaults", "-display", "none"]))?;
    fs::read(&file).context("reading the machine's device tree")
}

fn node(name: &str) -> Result<DeviceTreeNode> {
    DeviceTreeNode::new(name).map_err(|error| anyhow!("node {name}: {error}"))
}

/// Sets a property of a node.
fn set(node: &mut DeviceTreeNode, name: &str, value: impl ToPropertyValue) -> Result<()> {
    let property = DeviceTreeProperty::new(name, value);
    node.add_property(property.map_err(|error| anyhow!("property {name}: {error}"))?);
    Ok(())
}

/// Returns numbers of two cells each.
fn cells(words: &[u64]) -> Vec<u32> {
    words.iter().flat_map(|word| [(word >> 32) as u32, *word as u32]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use dtoolkit::fdt::FdtNode;
    use dtoolkit::{Node, Property};

    fn cells_of(node: FdtNode<'_>, name: &str) -> Vec<u32> {
        let property = node.property(name).unwrap();
        let cells = property.value().chunks_exact(4);
        cells.map(|cell| u32::from_be_bytes(cell.try_into().unwrap())).collect()
    }

    fn text<'a>(node: FdtNode<'a>, name: &str) -> &'a str {
        node.property(name).unwrap().value_as::<&str>().unwrap()
    }

    #[test]
    fn domains_and_channels_are_described() {
        let scratch = tempfile::tempdir().unwrap();
        let kernel = scratch.path().join("kernel");
        fs::write(&kernel, [0; 0x1234]).unwrap();
        let domain = |line: &str, has_uart, address| StaticDomain {
            kernel: kernel.clone(),
            line: line.to_owned(),
            vcpus: 2,
            mem: 64,
            enhanced: Enhanced::NoXenstore,
            has_uart,
            shared: vec![(0, address)],
        };
        let domains = StaticDomains {
            domains: vec![domain("one", false, 0x5000_0000), domain("two", true, 0x1_0000_0000)],
            channels: vec![StaticChannel([(0, 10), (1, 11)]), StaticChannel([(1, 12), (0, 13)])],
            shared: vec![SharedRegion {
                id: "link".to_owned(),
                address: 0x9000_0000,
                size: 0x10_0000,
            }],
        };
        let mut machine = DeviceTree::new();
        machine.root.add_child(node("chosen").unwrap());
        let mut command = Command::new("qemu");
        domains
            .describe(&mut command, None, &machine.to_dtb(), "console=dtuart", scratch.path())
            .unwrap();
        let options = host::describe(&command);
        assert!(options.contains("addr=0x70000000,force-raw=on"), "{options}");
        assert!(options.contains("addr=0x71000000,force-raw=on"), "{options}");

        let tree = fs::read(scratch.path().join("machine.dtb")).unwrap();
        let fdt = Fdt::new(&tree).unwrap();
        let chosen = fdt.find_node("/chosen").unwrap();
        assert_eq!(text(chosen, "xen,xen-bootargs"), "console=dtuart");
        let find = |path: &str| fdt.find_node(path).unwrap();
        let second = find("/chosen/domU2");
        assert_eq!(cells_of(second, "memory"), [0, 64 << 10]);
        assert_eq!(text(second, "xen,enhanced"), "no-xenstore");
        assert!(second.property("vpl011").is_some());
        assert!(find("/chosen/domU1").property("vpl011").is_none());
        let module = find("/chosen/domU2/module@71000000");
        assert_eq!(cells_of(module, "reg"), [0, 0x7100_0000, 0, 0x1234]);
        assert_eq!(text(module, "bootargs"), "two");
        let shared = find("/chosen/domU2/shared-memory@100000000");
        assert_eq!(cells_of(shared, "xen,shared-mem"), [0, 0x9000_0000, 1, 0, 0, 0x10_0000]);
        // Each end names the other.
        for (own, other) in
            [("domU1/evtchn@a-0", "domU2/evtchn@b-1"), ("domU2/evtchn@c-1", "domU1/evtchn@d-0")]
        {
            let ends = [own, other].map(|end| find(&format!("/chosen/{end}")));
            let handles = ends.map(|end| cells_of(end, "phandle")[0]);
            assert_ne!(handles[0], handles[1]);
            assert_eq!(cells_of(ends[0], "xen,evtchn")[1], handles[1]);
            assert_eq!(cells_of(ends[1], "xen,evtchn")[1], handles[0]);
        }
        assert_eq!(cells_of(find("/chosen/domU2/evtchn@c-1"), "xen,evtchn")[0], 12);
    }

    #[test]
    fn large_kernel_is_refused() {
        let scratch = tempfile::tempdir().unwrap();
        let kernel = scratch.path().join("kernel");
        fs::File::create(&kernel).unwrap().set_len(DISTANCE + 1).unwrap();
        assert!(Module::new(&kernel, DOMAINS, DISTANCE).is_err());
    }
}
