//! Boot information that a kernel keeps, and the RAM that it may allocate.

use core::iter::FusedIterator;
use core::ops::Range;
use heapless::{String, Vec};
use xen_hypercall::start_info::{StartInfo, StartInfoError};
use xen_hypercall::{Hypercall, PAGE_SIZE};
use xen_sys::arch_x86::hvm::start_info::{HvmMemmapTableEntry, MemmapType};
use xen_sys::hvm::e820::E820Entry;

/// Most modules of a [`BootInfo`].
const MODULES: usize = 8;

/// Most ranges of RAM that are reserved: those of modules, and of a device tree.
const RESERVED: usize = 32;

/// File that the loader left in RAM for the kernel: an initial disk, for example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootModule {
    /// Physical addresses of the content.
    pub range: Range<u64>,
    /// Its command line, empty if it is longer than 256 bytes.
    pub command_line: String<256>,
}

/// Copy of what a PVH or multiboot loader left in RAM: command line, modules and memory map.
///
/// Made before the allocator gets that RAM.
#[derive(Clone, Debug)]
pub struct BootInfo {
    /// Set in dom0, the domain that Xen itself built.
    pub is_dom0: bool,
    /// The command line, empty if it is longer than 2,048 bytes.
    pub command_line: String<2048>,
    /// Physical address of the ACPI root pointer (RSDP); `None` without ACPI.
    pub rsdp: Option<u64>,
    /// The modules, at most 8. Their content stays in RAM, which [`usable_ram`](Self::usable_ram)
    /// leaves out.
    pub modules: Vec<BootModule, MODULES>,
    /// The RAM of the modules.
    reserved: Vec<Range<u64>, RESERVED>,
    /// The memory map, at most 128 regions.
    pub memory_map: Vec<HvmMemmapTableEntry, 128>,
    /// Set if the memory map is from Xen, because the loader left none.
    pub is_map_from_xen: bool,
}

impl BootInfo {
    /// Copies the boot information at physical `address`, the value of EBX at a PVH entry.
    ///
    /// `memory` copies physical memory to a buffer, all of it or nothing: see
    /// [`identity_mapped`](Self::identity_mapped). Regions beyond the capacity are left out: a
    /// kernel with a part of its RAM can still report that. Without a memory map the map is empty.
    ///
    /// # Errors
    ///
    /// [`StartInfoError`] if there is no start_info at that address.
    pub fn read<H: Hypercall>(
        xen: &H,
        memory: impl Fn(u64, &mut [u8]) -> Option<()>,
        address: u64,
    ) -> Result<Self, StartInfoError> {
        let start = StartInfo::read(memory, address)?;
        let mut info = Self { is_dom0: start.is_dom0(), rsdp: start.rsdp(), ..Self::empty() };
        let mut line = [0; 2048];
        // The capacities are equal.
        let _ = info.command_line.push_str(start.command_line(&mut line));
        for module in start.modules().take(MODULES) {
            let mut line = [0; 256];
            let mut command_line = String::new();
            // The capacities are equal.
            let _ = command_line.push_str(start.module_command_line(&module, &mut line));
            let range = module.paddr..module.paddr.saturating_add(module.size);
            info.push_module(BootModule { range, command_line });
        }
        let mut buffer = [E820Entry::default(); 128];
        if let Ok(mut regions) = start.memory_regions(xen, &mut buffer) {
            info.is_map_from_xen = regions.is_of_xen();
            let _ = regions.try_for_each(|region| info.memory_map.push(region));
        }
        Ok(info)
    }

    /// Returns information of a loader that left nothing.
    pub(crate) fn empty() -> Self {
        Self {
            is_dom0: false,
            command_line: String::new(),
            rsdp: None,
            modules: Vec::new(),
            reserved: Vec::new(),
            memory_map: Vec::new(),
            is_map_from_xen: false,
        }
    }

    /// Adds a module, if there is room, and reserves its RAM. Returns `false` if that is not
    /// reserved: the kernel must not read the module after it has used RAM.
    pub(crate) fn push_module(&mut self, module: BootModule) -> bool {
        let is_reserved = self.reserved.push(module.range.clone()).is_ok();
        let _ = self.modules.push(module);
        is_reserved
    }

    /// Reserves RAM. Returns `false` without room: no RAM may be used then.
    #[cfg(any(target_arch = "aarch64", test))]
    #[must_use]
    pub(crate) fn reserve(&mut self, range: Range<u64>) -> bool {
        self.reserved.push(range).is_ok()
    }

    /// Returns a reader of physical memory below `end`, all of which is mapped to its own address.
    ///
    /// # Safety
    ///
    /// The memory must be mapped so, and must not be written while the reader is in use.
    pub unsafe fn identity_mapped(end: u64) -> impl Fn(u64, &mut [u8]) -> Option<()> {
        move |address, buffer| {
            address.checked_add(buffer.len() as u64).filter(|&last| last <= end)?;
            let source: *const u8 = core::ptr::with_exposed_provenance(address as usize);
            // SAFETY: mapped and not written, by the obligation of `identity_mapped`.
            unsafe { source.copy_to_nonoverlapping(buffer.as_mut_ptr(), buffer.len()) };
            Some(())
        }
    }

    /// Iterates over the RAM of the memory map.
    pub fn ram(&self) -> impl Iterator<Item = Range<u64>> {
        let ram = self.memory_map.iter().filter(|entry| entry.type_ == MemmapType::RAM);
        ram.map(|entry| entry.addr..entry.addr.saturating_add(entry.size))
    }

    /// Iterates over the whole pages of RAM outside of the modules and of `reserved`: the kernel's
    /// image, for example.
    pub fn usable_ram<'a>(
        &'a self,
        reserved: &'a [Range<u64>],
    ) -> UsableRam<'a, impl Iterator<Item = Range<u64>>> {
        UsableRam { modules: &self.reserved, ..usable_ram(self.ram(), reserved) }
    }
}

/// Iterates over the whole pages of `ram` outside of `reserved`.
pub fn usable_ram<I: Iterator<Item = Range<u64>>>(
    ram: I,
    reserved: &[Range<u64>],
) -> UsableRam<'_, I> {
    UsableRam { ram, reserved, modules: &[], current: 0..0 }
}

/// Iterator over whole pages of RAM, as [`usable_ram`] returns it.
#[derive(Clone, Debug)]
pub struct UsableRam<'a, I> {
    ram: I,
    reserved: &'a [Range<u64>],
    modules: &'a [Range<u64>],
    /// The remaining part of a region.
    current: Range<u64>,
}

impl<I: Iterator<Item = Range<u64>>> Iterator for UsableRam<'_, I> {
    type Item = Range<u64>;

    fn next(&mut self) -> Option<Range<u64>> {
        const PAGE: u64 = PAGE_SIZE as u64;
        loop {
            if self.current.is_empty() {
                self.current = self.ram.next()?;
                continue;
            }
            let start = self.current.start;
            let reserved = || self.reserved.iter().chain(self.modules);
            let occupied = reserved().filter(|range| range.contains(&start));
            if let Some(end) = occupied.map(|range| range.end).max() {
                self.current.start = end;
                continue;
            }
            let next = reserved().filter(|range| range.start > start && !range.is_empty());
            let end = next.map(|range| range.start).fold(self.current.end, u64::min);
            self.current.start = end;
            let first = start.checked_next_multiple_of(PAGE).unwrap_or(u64::MAX);
            let last = end - end % PAGE;
            if first < last {
                return Some(first..last);
            }
        }
    }
}

impl<I: FusedIterator<Item = Range<u64>>> FusedIterator for UsableRam<'_, I> {}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init, reason = "a memory map of one range")]
mod tests {
    use super::*;
    use std::vec::Vec;
    use xen_sim::{DomainConfig, World};
    use xen_sys::arch_x86::hvm::start_info::{
        HvmModlistEntry, HvmStartInfo, XEN_HVM_START_MAGIC_VALUE,
    };
    use zerocopy::IntoBytes;

    fn usable(ram: &[Range<u64>], reserved: &[Range<u64>]) -> Vec<Range<u64>> {
        usable_ram(ram.iter().cloned(), reserved).collect()
    }

    #[test]
    fn usable_ram_is_whole_pages() {
        let ram = [0x10..0x3fff, 0x8000..0x9000, 0xa001..0xafff, 0xb000..0xb000];
        assert_eq!(usable(&ram, &[]), [0x1000..0x3000, 0x8000..0x9000]);
        assert_eq!(usable(&[u64::MAX - 8..u64::MAX], &[]), []);
    }

    #[test]
    fn usable_ram_excludes_reserved_ranges() {
        let ram = [0..0x10000, 0x20000..0x22000];
        // Out of order, overlapping, empty, across two regions, beyond a page's start.
        let reserved = [0x8000..0x9001, 0..0x1000, 0x800..0x2000, 0x5000..0x5000, 0xf000..0x21000];
        assert_eq!(usable(&ram, &reserved), [0x2000..0x8000, 0xa000..0xf000, 0x21000..0x22000]);
        assert_eq!(usable(&ram, &[0..u64::MAX]), []);
    }

    /// Returns memory with a start_info at 0x1000, whose map has `regions`.
    fn memory(command_line: &[u8], regions: &[HvmMemmapTableEntry]) -> Vec<u8> {
        let info = HvmStartInfo {
            magic: XEN_HVM_START_MAGIC_VALUE,
            version: 1,
            nr_modules: 2,
            modlist_paddr: 0x3000,
            rsdp_paddr: 0xfc00_8000,
            cmdline_paddr: 0x4000,
            memmap_paddr: 0x2000,
            memmap_entries: regions.len() as u32,
            ..Default::default()
        };
        let mut memory = std::vec![0; 0x6000];
        memory[0x1000..][..info.as_bytes().len()].copy_from_slice(info.as_bytes());
        memory[0x2000..][..regions.as_bytes().len()].copy_from_slice(regions.as_bytes());
        memory[0x4000..][..command_line.len()].copy_from_slice(command_line);
        let module = |paddr, cmdline_paddr| HvmModlistEntry {
            paddr,
            size: 0x801,
            cmdline_paddr,
            reserved: 0,
        };
        let modules = [module(0xb000, 0x5000), module(u64::MAX - 1, 0)];
        memory[0x3000..][..modules.as_bytes().len()].copy_from_slice(modules.as_bytes());
        memory[0x5000..][..5].copy_from_slice(b"first");
        memory
    }

    fn read(memory: &[u8]) -> Result<BootInfo, StartInfoError> {
        let world = World::new(1);
        let domain = world.create_guest(DomainConfig::new("guest"));
        let reader = |address: u64, buffer: &mut [u8]| {
            let source = memory.get(address as usize..)?.get(..buffer.len())?;
            buffer.copy_from_slice(source);
            Some(())
        };
        BootInfo::read(&domain, reader, 0x1000)
    }

    #[test]
    fn command_line_and_map_are_copied() {
        let region = |addr, type_| HvmMemmapTableEntry { addr, size: 0x1000, type_, reserved: 0 };
        let map = [region(0x7000, MemmapType::RAM), region(0x9000, MemmapType::RESERVED)];
        let info = read(&memory(b"console=hvc0", &map)).unwrap();
        assert_eq!((info.command_line.as_str(), info.is_dom0), ("console=hvc0", false));
        assert_eq!((info.memory_map.len(), info.is_map_from_xen), (2, false));
        assert_eq!(info.usable_ram(&[]).collect::<Vec<_>>(), [0x7000..0x8000]);
    }

    #[test]
    fn modules_are_no_usable_ram() {
        let map = [HvmMemmapTableEntry {
            addr: 0xa000,
            size: 0x4000,
            type_: MemmapType::RAM,
            reserved: 0,
        }];
        let info = read(&memory(b"", &map)).unwrap();
        assert_eq!(info.rsdp, Some(0xfc00_8000));
        let modules: Vec<_> = info
            .modules
            .iter()
            .map(|module| (&module.range, module.command_line.as_str()))
            .collect();
        assert_eq!(modules, [(&(0xb000..0xb801), "first"), (&(u64::MAX - 1..u64::MAX), "")]);
        let usable: Vec<_> = info.usable_ram(&[0..0x1000]).collect();
        assert_eq!(usable, [0xa000..0xb000, 0xc000..0xe000]);
    }

    #[test]
    fn wrong_magic_is_refused() {
        let mut memory = memory(b"", &[]);
        memory[0x1000] ^= 1;
        assert!(matches!(read(&memory), Err(StartInfoError::Magic { .. })));
    }
}
