//! Start information of a PVH loader: command line, modules, memory map. Source:
//! `arch-x86/hvm/start_info.h`.

use core::fmt;
use core::mem::offset_of;
use thiserror::Error;
use xen_sys::arch_x86::hvm::start_info::{
    HvmMemmapTableEntry, HvmModlistEntry, HvmStartInfo, MemmapType, XEN_HVM_START_MAGIC_VALUE,
};
use xen_sys::hvm::e820::E820Entry;
use xen_sys::xen::StartInfoFlags;
use zerocopy::{FromBytes, FromZeros, IntoBytes};

use crate::{Errno, Hypercall, PAGE_SIZE, ops};

/// Maximum number of entries that are read of a table, as for Xen's own memory map (`E820MAX`).
pub const MAX_ENTRIES: u32 = 1024;

/// Start information, and the memory that has it. Its parts are copied out one by one.
///
/// `M` copies physical memory from an address to a buffer, completely or not at all: `None` for
/// memory that is not mapped.
///
/// ```
/// use xen_hypercall::{Hypercall, start_info::StartInfo};
/// use xen_sys::arch_x86::hvm::start_info::MemmapType;
/// use xen_sys::hvm::e820::E820Entry;
///
/// fn ram<H: Hypercall>(
///     xen: &H,
///     memory: impl Fn(u64, &mut [u8]) -> Option<()>,
///     ebx: u32,
/// ) -> Option<u64> {
///     let start = StartInfo::read(memory, ebx.into()).ok()?;
///     let mut buffer = [E820Entry::default(); 128];
///     let regions = start.memory_regions(xen, &mut buffer).ok()?;
///     let ram = regions.filter(|region| region.type_ == MemmapType::RAM);
///     Some(ram.map(|region| region.size).sum())
/// }
/// ```
#[derive(Clone, Copy)]
pub struct StartInfo<M> {
    memory: M,
    info: HvmStartInfo,
}

/// Error of a start information that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum StartInfoError {
    /// The memory at this address cannot be read.
    #[error("start_info at {address:#x} is not in readable memory")]
    Unreadable {
        /// Address.
        address: u64,
    },
    /// The structure starts with another number than `XEN_HVM_START_MAGIC_VALUE`: the kernel was
    /// booted by another protocol.
    #[error("start_info: found magic {found:#x}, expected {XEN_HVM_START_MAGIC_VALUE:#x}")]
    Magic {
        /// Number that was found.
        found: u32,
    },
}

impl<M: Fn(u64, &mut [u8]) -> Option<()>> StartInfo<M> {
    /// Reads the start information at `address`, which a PVH kernel receives in EBX.
    ///
    /// # Errors
    ///
    /// [`StartInfoError`].
    #[doc(alias = "hvm_start_info")]
    pub fn read(memory: M, address: u64) -> Result<Self, StartInfoError> {
        const VERSION_0: usize = offset_of!(HvmStartInfo, memmap_paddr);
        let unreadable = StartInfoError::Unreadable { address };
        let mut info = HvmStartInfo::new_zeroed();
        let (first, rest) = info.as_mut_bytes().split_at_mut(VERSION_0);
        memory(address, first).ok_or(unreadable)?;
        let [magic, version] =
            <[u32; 2]>::read_from_prefix(first).map(|(words, _)| words).unwrap_or_default();
        if magic != XEN_HVM_START_MAGIC_VALUE {
            return Err(StartInfoError::Magic { found: magic });
        }
        if version >= 1 {
            let behind = address.checked_add(VERSION_0 as u64).ok_or(unreadable)?;
            memory(behind, rest).ok_or(unreadable)?;
        }
        Ok(Self { memory, info })
    }

    /// Returns the structure; fields of later versions are zero.
    pub fn raw(&self) -> &HvmStartInfo {
        &self.info
    }

    /// Returns whether Xen itself has built this domain.
    pub fn is_dom0(&self) -> bool {
        self.info.flags.intersects(StartInfoFlags::INITDOMAIN | StartInfoFlags::PRIVILEGED)
    }

    /// Returns the address of the ACPI root pointer; `None` without ACPI.
    pub fn rsdp(&self) -> Option<u64> {
        Some(self.info.rsdp_paddr).filter(|&address| address != 0)
    }

    /// Copies the kernel's command line to `buffer`, as far as it fits and is UTF-8.
    pub fn command_line<'b>(&self, buffer: &'b mut [u8]) -> &'b str {
        self.text(self.info.cmdline_paddr, buffer)
    }

    /// Copies the command line of a module.
    pub fn module_command_line<'b>(
        &self,
        module: &HvmModlistEntry,
        buffer: &'b mut [u8],
    ) -> &'b str {
        self.text(module.cmdline_paddr, buffer)
    }

    /// Returns the modules, up to the first one that cannot be read, and at most [`MAX_ENTRIES`].
    pub fn modules(&self) -> impl Iterator<Item = HvmModlistEntry> + '_ {
        self.table(self.info.modlist_paddr, self.info.nr_modules)
    }

    /// Returns the regions of the loader's memory map, up to the first one that cannot be read, and
    /// at most [`MAX_ENTRIES`]. A PVH dom0, and a guest of a Xen before 4.12, has none: see
    /// [`memory_regions`](Self::memory_regions).
    pub fn memory_map(&self) -> impl Iterator<Item = HvmMemmapTableEntry> + '_ {
        self.table(self.info.memmap_paddr, self.info.memmap_entries)
    }

    /// Returns the regions of memory: the loader's map or, without one, Xen's map of this domain
    /// (`XENMEM_memory_map`), which is written to `buffer`.
    ///
    /// A loader's map that has more than [`MAX_ENTRIES`] entries or cannot be read completely is
    /// not used: with a part of a map, the kernel would use memory that the rest reserves.
    ///
    /// # Errors
    ///
    /// Only for Xen's map: `ENOSYS` if Xen has no map of this domain, as on arm; `ENOBUFS` if the
    /// map fills `buffer` and may be longer. 128 entries are enough for guests.
    pub fn memory_regions<'a, H: Hypercall + ?Sized>(
        &'a self,
        xen: &H,
        buffer: &'a mut [E820Entry],
    ) -> Result<MemoryRegions<'a, M>, Errno> {
        let count = self.info.memmap_entries;
        if count > 0 && self.memory_map().count() == count as usize {
            return Ok(MemoryRegions { start: self, next: 0, of_xen: None });
        }
        let room = buffer.len();
        let found = ops::memory::memory_map(xen, buffer)?;
        if found == room {
            return Err(Errno::ENOBUFS);
        }
        let entries = buffer.get(..found).unwrap_or_default();
        Ok(MemoryRegions { start: self, next: 0, of_xen: Some(entries) })
    }

    fn entry<T: FromZeros + FromBytes + IntoBytes>(&self, first: u64, index: u64) -> Option<T> {
        let mut entry = T::new_zeroed();
        let address = first.checked_add(index * size_of::<T>() as u64)?;
        (self.memory)(address, entry.as_mut_bytes())?;
        Some(entry)
    }

    fn table<T: FromZeros + FromBytes + IntoBytes>(
        &self,
        first: u64,
        count: u32,
    ) -> impl Iterator<Item = T> + '_ {
        let count = if first == 0 { 0 } else { u64::from(count.min(MAX_ENTRIES)) };
        (0..count).map_while(move |index| self.entry(first, index))
    }

    fn text<'b>(&self, start: u64, buffer: &'b mut [u8]) -> &'b str {
        let mut len = 0;
        if start != 0 {
            // Page by page: memory beyond the end may not be mapped.
            while let Some(address) = start.checked_add(len as u64)
                && len < buffer.len()
            {
                let room = PAGE_SIZE - (address % PAGE_SIZE as u64) as usize;
                let end = buffer.len().min(len + room);
                let Some(piece) = buffer.get_mut(len..end) else { break };
                if (self.memory)(address, piece).is_none() {
                    break;
                }
                if let Some(nul) = piece.iter().position(|&byte| byte == 0) {
                    len += nul;
                    break;
                }
                len = end;
            }
        }
        let bytes = buffer.get(..len).unwrap_or_default();
        bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid())
    }
}

/// Regions of memory, of the loader or of Xen: see [`StartInfo::memory_regions`].
#[derive(Debug)]
pub struct MemoryRegions<'a, M> {
    start: &'a StartInfo<M>,
    next: usize,
    /// Xen's map, if there is none of the loader.
    of_xen: Option<&'a [E820Entry]>,
}

impl<M> MemoryRegions<'_, M> {
    /// Returns whether the regions are Xen's, since there are none of the loader.
    pub fn is_of_xen(&self) -> bool {
        self.of_xen.is_some()
    }
}

impl<M: Fn(u64, &mut [u8]) -> Option<()>> Iterator for MemoryRegions<'_, M> {
    type Item = HvmMemmapTableEntry;

    fn next(&mut self) -> Option<HvmMemmapTableEntry> {
        let region = match self.of_xen {
            None if self.next < self.start.info.memmap_entries as usize => {
                self.start.entry(self.start.info.memmap_paddr, self.next as u64)?
            }
            None => return None,
            Some(entries) => {
                let entry = entries.get(self.next)?;
                HvmMemmapTableEntry {
                    addr: entry.addr.get(),
                    size: entry.size.get(),
                    type_: MemmapType(entry.type_.get()),
                    reserved: 0,
                }
            }
        };
        self.next += 1;
        Some(region)
    }
}

impl<M> fmt::Debug for StartInfo<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.info.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{vec, vec::Vec};

    /// Memory from address 0x1000 on.
    struct Memory(Vec<u8>);

    impl Memory {
        fn put(&mut self, address: u64, bytes: &[u8]) {
            let at = (address - 0x1000) as usize;
            self.0[at..at + bytes.len()].copy_from_slice(bytes);
        }

        fn reader(&self) -> impl Fn(u64, &mut [u8]) -> Option<()> {
            |address, buffer| {
                let at = address.checked_sub(0x1000)? as usize;
                buffer.copy_from_slice(self.0.get(at..)?.get(..buffer.len())?);
                Some(())
            }
        }
    }

    fn memory() -> Memory {
        let mut memory = Memory(vec![0; 0x2000]);
        let info = HvmStartInfo {
            magic: XEN_HVM_START_MAGIC_VALUE,
            version: 1,
            flags: StartInfoFlags::INITDOMAIN,
            nr_modules: 1,
            modlist_paddr: 0x1100,
            cmdline_paddr: 0x1ffc,
            rsdp_paddr: 0xfc00_0000,
            memmap_paddr: 0x1200,
            memmap_entries: 2,
            reserved: 0,
        };
        memory.put(0x1000, info.as_bytes());
        let module = HvmModlistEntry { paddr: 0x5000, size: 7, cmdline_paddr: 0x2ffd, reserved: 0 };
        memory.put(0x1100, module.as_bytes());
        let region = |addr, size, type_| HvmMemmapTableEntry { addr, size, type_, reserved: 0 };
        memory.put(0x1200, region(0, 0xa0000, MemmapType::RAM).as_bytes());
        memory.put(0x1218, region(0xfc00_0000, 0x1000, MemmapType::ACPI).as_bytes());
        // Across a page, and at the end of the memory.
        memory.put(0x1ffc, b"console=\xffx\0");
        memory.put(0x2ffd, b"abc");
        memory
    }

    #[test]
    fn start_info_of_loader_is_read() {
        let memory = memory();
        let start = StartInfo::read(memory.reader(), 0x1000).unwrap();
        assert!(start.is_dom0());
        assert_eq!(start.rsdp(), Some(0xfc00_0000));
        let sizes: Vec<_> = start.memory_map().map(|region| (region.type_, region.size)).collect();
        assert_eq!(sizes, [(MemmapType::RAM, 0xa0000), (MemmapType::ACPI, 0x1000)]);
        let mut buffer = [0; 64];
        assert_eq!(start.command_line(&mut buffer), "console=");
        assert_eq!(start.command_line(&mut buffer[..3]), "con");
        let modules: Vec<_> = start.modules().collect();
        assert_eq!((modules.len(), modules[0].size), (1, 7));
        assert_eq!(start.module_command_line(&modules[0], &mut buffer[..2]), "ab");
        // The memory ends before the text.
        assert_eq!(start.module_command_line(&modules[0], &mut buffer), "abc");
    }

    #[test]
    fn version_0_has_no_memory_map() {
        let mut memory = memory();
        let info = HvmStartInfo {
            magic: XEN_HVM_START_MAGIC_VALUE,
            memmap_paddr: 0x1200,
            memmap_entries: 2,
            ..HvmStartInfo::default()
        };
        memory.put(0x3000 - 40, &info.as_bytes()[..40]);
        let start = StartInfo::read(memory.reader(), 0x3000 - 40).unwrap();
        assert_eq!(start.memory_map().count(), 0);
        assert_eq!((start.modules().count(), start.rsdp(), start.is_dom0()), (0, None, false));
        assert_eq!(start.command_line(&mut [0; 8]), "");
        drop(start);
        memory.put(0x3000 - 36, &[1]);
        let unreadable = StartInfoError::Unreadable { address: 0x3000 - 40 };
        assert_eq!(StartInfo::read(memory.reader(), 0x3000 - 40).unwrap_err(), unreadable);
    }

    #[test]
    fn invalid_start_info_is_refused() {
        let memory = memory();
        assert_eq!(
            StartInfo::read(memory.reader(), 0x1100).unwrap_err(),
            StartInfoError::Magic { found: 0x5000 }
        );
        for address in [0, 0xfff, 0x2fff, u64::MAX] {
            assert_eq!(
                StartInfo::read(memory.reader(), address).unwrap_err(),
                StartInfoError::Unreadable { address }
            );
        }
    }

    #[test]
    fn table_ends_with_its_memory() {
        let mut memory = memory();
        memory
            .put(0x1000 + offset_of!(HvmStartInfo, memmap_entries) as u64, &u32::MAX.to_le_bytes());
        assert_eq!(
            StartInfo::read(memory.reader(), 0x1000).unwrap().memory_map().count(),
            (0x3000 - 0x1200) / 24
        );
        memory.put(
            0x1000 + offset_of!(HvmStartInfo, memmap_paddr) as u64,
            &(u64::MAX - 3).to_le_bytes(),
        );
        assert_eq!(StartInfo::read(memory.reader(), 0x1000).unwrap().memory_map().count(), 0);
    }
}
