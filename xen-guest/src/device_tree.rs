//! The device tree of a domain on Arm: RAM, command line, and the hardware that Xen presents.
//!
//! Xen writes the tree, for dom0 from that of the host. Source:
//! `docs/misc/arm/device-tree/guest.txt` of Xen.

use crate::boot_info::{BootInfo, BootModule};
use core::ops::Range;
use dtoolkit::fdt::{Fdt, FdtNode};
use dtoolkit::{Node, Property};
use heapless::{String, Vec};
use thiserror::Error;
use xen_hypercall::{DomId, Gfn, Hypercall, Mapped, OutOfMemory, PAGE_SIZE, Platform, boot};
use xen_sys::arch_x86::hvm::start_info::{HvmMemmapTableEntry, MemmapType};

/// Largest tree that is read: Linux's limit.
const MAX_SIZE: usize = 2 << 20;
/// Most extended regions of a [`Hardware`].
const REGIONS: usize = 16;

/// Interrupts below are those between CPUs.
const FIRST_PPI: u32 = 16;
const FIRST_SPI: u32 = 32;

/// Reason why a device tree cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DeviceTreeError {
    /// The data is no flattened device tree.
    #[error("device tree: found no valid flattened tree")]
    Format,
    /// A node is missing.
    #[error("device tree: found no node {0}")]
    Node(&'static str),
    /// A property is missing, or has another form.
    #[error("device tree: found no valid property `{property}` of node {node}")]
    Property {
        /// The node.
        node: &'static str,
        /// The property.
        property: &'static str,
    },
}

/// Registers of the interrupt controller, by its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GicRegisters {
    /// GICv2.
    V2 {
        /// Distributor.
        distributor: Range<u64>,
        /// CPU interface.
        cpu_interface: Range<u64>,
    },
    /// GICv3, whose CPU interface is in system registers.
    V3 {
        /// Distributor.
        distributor: Range<u64>,
        /// All redistributors, in the order of vCPUs.
        redistributors: Range<u64>,
    },
}

impl GicRegisters {
    /// Returns the two ranges of registers.
    pub fn ranges(&self) -> [Range<u64>; 2] {
        match self {
            Self::V2 { distributor, cpu_interface: other }
            | Self::V3 { distributor, redistributors: other } => {
                [distributor.clone(), other.clone()]
            }
        }
    }
}

/// Hardware of a domain, as its device tree describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hardware {
    /// Addresses without RAM, for the frames of the grant table and for shared info.
    pub grant_area: Range<u64>,
    /// Addresses without RAM, for the memory of other domains. None if Xen names none.
    pub extended_regions: Vec<Range<u64>, REGIONS>,
    /// Number of the upcall's interrupt, which is private to each vCPU.
    pub upcall: u32,
    /// Number of the virtual timer's interrupt, which is private to each vCPU.
    pub timer: u32,
    /// The interrupt controller.
    pub gic: GicRegisters,
    /// Number of vCPUs.
    pub vcpus: u32,
    /// Registers of an SBSA UART, for early output (`vuart="sbsa_uart"`).
    pub uart: Option<Range<u64>>,
}

/// Returns the device tree at `address`; `None` if there is none, or if it is larger than 2 MiB.
///
/// # Safety
///
/// The address must be that of X0 at the entry: if there is a device tree, all of it must be mapped
/// to its own address, and must not be written as long as the result is in use.
pub unsafe fn at(address: usize) -> Option<&'static [u8]> {
    const MAGIC: u32 = 0xd00d_feed;
    let start: *const u8 = core::ptr::with_exposed_provenance(address);
    if start.is_null() || !address.is_multiple_of(8) {
        return None;
    }
    // SAFETY: the entry maps the gigabyte of the address, which the tree does not begin at the end
    // of, as it is aligned.
    let [magic, size] = unsafe { start.cast::<[u32; 2]>().read() }.map(u32::from_be);
    let size = size as usize;
    if magic != MAGIC || size > MAX_SIZE {
        return None;
    }
    // SAFETY: by the caller's obligation.
    Some(unsafe { core::slice::from_raw_parts(start, size) })
}

impl BootInfo {
    /// Copies the boot information of a domain on Arm out of its device tree, which lies at
    /// physical `address` of RAM: command line, RAM, and the initial RAM disk as a module. The
    /// tree and reserved memory are no [usable RAM](Self::usable_ram); there is none if the tree
    /// has more reserved ranges than there is room for.
    ///
    /// # Errors
    ///
    /// [`DeviceTreeError::Format`].
    pub fn read_device_tree<H: Hypercall>(
        xen: &H,
        tree: &[u8],
        address: u64,
    ) -> Result<Self, DeviceTreeError> {
        let fdt = Fdt::new(tree).map_err(|_| DeviceTreeError::Format)?;
        // Xen's device tree does not name dom0.
        let is_dom0 = boot::own_domain(xen) == Ok(DomId(0));
        let mut info = Self::empty();
        info.is_dom0 = is_dom0;
        let mut are_reserved = info.reserve(address..address.saturating_add(tree.len() as u64));
        for reserved in fdt.memory_reservations() {
            let end = reserved.address().saturating_add(reserved.size());
            are_reserved &= info.reserve(reserved.address()..end);
        }
        if let Some(chosen) = fdt.find_node("/chosen") {
            let line = chosen.property("bootargs");
            let line = line.and_then(|line| line.value_as::<&str>().ok()).unwrap_or_default();
            // A longer line is left out, as one of a PVH loader is.
            let _ = info.command_line.push_str(line);
            let start = cells_of(chosen, "linux,initrd-start");
            if let Some((start, end)) = start.zip(cells_of(chosen, "linux,initrd-end"))
                && start < end
            {
                let module = BootModule { range: start..end, command_line: String::new() };
                are_reserved &= info.push_module(module);
            }
        }
        for node in fdt.root().children() {
            match node.name_without_address() {
                "memory" => regions(node).for_each(|ram| {
                    let size = ram.end - ram.start;
                    let (addr, type_) = (ram.start, MemmapType::RAM);
                    let region = HvmMemmapTableEntry { addr, size, type_, reserved: 0 };
                    let _ = info.memory_map.push(region);
                }),
                "reserved-memory" => {
                    let ranges = node.children().flat_map(reserved);
                    are_reserved &= ranges.fold(true, |all, range| all & info.reserve(range));
                }
                _ => {}
            }
        }
        // The nodes have any order, so that the RAM is known at the end only.
        if !are_reserved {
            info.memory_map.clear();
        }
        Ok(info)
    }
}

/// Region of memory that several domains have from their start, by static configuration
/// (`xen,shared-mem`).
///
/// Xen does not clear it. It is normal memory, and no RAM to allocate.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SharedMemory {
    /// Addresses in this domain, of whole pages.
    pub range: Range<u64>,
    /// Offset of the first byte in the region of the domain that owns it.
    pub offset: u64,
}

impl SharedMemory {
    const COMPATIBLE: &str = "xen,shared-memory-v1";

    /// Finds the region with the name `id` (`xen,id`) in a device tree.
    ///
    /// # Errors
    ///
    /// - [`DeviceTreeError::Node`] if there is none; a region without a name is left out.
    /// - [`DeviceTreeError::Property`] if two regions have the name, or if the addresses of the
    ///   region are missing, overflow, or are not those of whole pages.
    pub fn find(tree: &[u8], id: &str) -> Result<Self, DeviceTreeError> {
        let fdt = Fdt::new(tree).map_err(|_| DeviceTreeError::Format)?;
        let invalid = |property| DeviceTreeError::Property { node: Self::COMPATIBLE, property };
        let mut named = shared_memory(&fdt).filter(|node| {
            let own = node.property("xen,id");
            own.is_some_and(|own| own.value_as::<&str>() == Ok(id))
        });
        let node = named.next().ok_or(DeviceTreeError::Node(Self::COMPATIBLE))?;
        if named.next().is_some() {
            return Err(invalid("xen,id"));
        }
        let range = regions(node).next().ok_or(invalid("reg"))?;
        let page = PAGE_SIZE as u64;
        if !range.start.is_multiple_of(page) || !range.end.is_multiple_of(page) {
            return Err(invalid("reg"));
        }
        Ok(Self { range, offset: cells_of(node, "xen,offset").unwrap_or(0) })
    }

    /// Maps the region.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] if the platform has no room for the mapping.
    ///
    /// # Safety
    ///
    /// The device tree must be that of Xen, and the kernel must use the addresses for nothing else.
    pub unsafe fn map<P: Platform>(&self, platform: P) -> Result<Mapped<P>, OutOfMemory> {
        let first = Gfn::containing(self.range.start);
        let count = (self.range.end - self.range.start) as usize / PAGE_SIZE;
        // SAFETY: Xen has mapped all of the region to memory that is shared with other domains. The
        // caller ensures that nothing but the accessor uses it.
        unsafe { Mapped::map(platform, first, count) }
    }
}

/// Returns the nodes of regions of [`SharedMemory`].
fn shared_memory<'a>(fdt: &'a Fdt<'a>) -> impl Iterator<Item = FdtNode<'a>> {
    let reserved = fdt.find_node("/reserved-memory").into_iter();
    reserved
        .flat_map(|node| node.children())
        .filter(|node| is_compatible(node, SharedMemory::COMPATIBLE))
}

/// Removes what `used` has of `regions`, of which Xen 4.17 has not.
fn cut<const N: usize>(regions: &mut Vec<Range<u64>, N>, used: &Range<u64>) {
    let mut rest = Vec::new();
    for region in regions.iter() {
        for part in
            [region.start..region.end.min(used.start), region.start.max(used.end)..region.end]
        {
            if !part.is_empty() {
                // A region without room is one that is not used.
                let _ = rest.push(part);
            }
        }
    }
    *regions = rest;
}

impl Hardware {
    /// Reads a device tree.
    ///
    /// # Errors
    ///
    /// [`DeviceTreeError`].
    pub fn read(tree: &[u8]) -> Result<Self, DeviceTreeError> {
        const XEN: &str = "xen,xen";
        let fdt = Fdt::new(tree).map_err(|_| DeviceTreeError::Format)?;
        let find = |name: &'static str| {
            let mut nodes = fdt.root().children();
            nodes.find(|node| is_compatible(node, name)).ok_or(DeviceTreeError::Node(name))
        };
        let xen = find(XEN)?;
        let mut areas = regions(xen);
        let invalid = |node, property| DeviceTreeError::Property { node, property };
        let grant_area = areas.next().ok_or(invalid(XEN, "reg"))?;
        let mut extended_regions = areas.take(REGIONS).collect();
        for shared in shared_memory(&fdt).flat_map(reserved) {
            cut(&mut extended_regions, &shared);
        }
        let upcall = interrupt(xen, 0).ok_or(invalid(XEN, "interrupts"))?;

        // The interrupts of the secure and of the physical timer come first.
        const VIRTUAL: usize = 2;
        const TIMER: &str = "arm,armv8-timer";
        let timer = interrupt(find(TIMER)?, VIRTUAL).ok_or(invalid(TIMER, "interrupts"))?;

        const GIC: &str = "interrupt-controller";
        let gics = [("arm,gic-v3", true), ("arm,cortex-a15-gic", false), ("arm,gic-400", false)];
        let (gic, is_v3) = gics
            .iter()
            .find_map(|&(name, is_v3)| Some((find(name).ok()?, is_v3)))
            .ok_or(DeviceTreeError::Node(GIC))?;
        let mut gic = regions(gic).filter(|registers| registers.start != 0);
        let (Some(distributor), Some(other)) = (gic.next(), gic.next()) else {
            return Err(invalid(GIC, "reg"));
        };
        let gic = if is_v3 {
            GicRegisters::V3 { distributor, redistributors: other }
        } else {
            GicRegisters::V2 { distributor, cpu_interface: other }
        };

        let cpus = fdt.find_node("/cpus").ok_or(DeviceTreeError::Node("/cpus"))?;
        let is_cpu = |node: &FdtNode<'_>| node.name_without_address() == "cpu";
        let vcpus = cpus.children().filter(is_cpu).count() as u32;
        let uart = find("arm,sbsa-uart").ok().and_then(|uart| regions(uart).next());
        Ok(Self { grant_area, extended_regions, upcall, timer, gic, vcpus, uart })
    }
}

fn is_compatible(node: &FdtNode<'_>, name: &str) -> bool {
    node.compatible().is_some_and(|mut names| names.any(|own| own == name))
}

/// Returns the ranges of property `reg` that are not empty.
fn regions<'a>(node: FdtNode<'a>) -> impl Iterator<Item = Range<u64>> + 'a {
    let all = node.reg().ok().flatten().into_iter().flatten();
    all.filter_map(|range| {
        let (start, size) = (range.address::<u64>().ok()?, range.size::<u64>().ok()?);
        (size != 0).then_some(start..start.checked_add(size)?)
    })
}

/// Returns the ranges of property `reg` of reserved memory. One that would end beyond all addresses
/// ends there.
fn reserved<'a>(node: FdtNode<'a>) -> impl Iterator<Item = Range<u64>> + 'a {
    let all = node.reg().ok().flatten().into_iter().flatten();
    all.filter_map(|range| {
        let (start, size) = (range.address::<u64>().ok()?, range.size::<u64>().ok()?);
        (size != 0).then_some(start..start.saturating_add(size))
    })
}

/// Returns a property of one or two cells.
fn cells_of(node: FdtNode<'_>, property: &str) -> Option<u64> {
    let property = node.property(property)?;
    let narrow = || property.value_as::<u32>().ok().map(u64::from);
    property.value_as::<u64>().ok().or_else(narrow)
}

/// Returns the number of interrupt `index` of a node, whose parent is the controller.
fn interrupt(node: FdtNode<'_>, index: usize) -> Option<u32> {
    const PRIVATE: u32 = 1;
    let property = node.property("interrupts")?;
    let cells = property.value().chunks_exact(size_of::<u32>());
    let mut cells =
        cells.skip(3 * index).filter_map(|cell| Some(u32::from_be_bytes(cell.try_into().ok()?)));
    let (kind, number, _flags) = (cells.next()?, cells.next()?, cells.next()?);
    number.checked_add(if kind == PRIVATE { FIRST_PPI } else { FIRST_SPI })
}

#[cfg(test)]
mod tests;
