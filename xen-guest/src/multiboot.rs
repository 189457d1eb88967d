//! Multiboot information, which the boot code of an HVM guest's device model leaves in RAM.
//!
//! Source: version 0.6.96 of the Multiboot Specification, section 3.3 "Boot information format".

use crate::boot_info::{BootInfo, BootModule};
use heapless::{String, Vec};
use thiserror::Error;
use xen_sys::arch_x86::hvm::start_info::{HvmMemmapTableEntry, MemmapType};
use zerocopy::byteorder::little_endian::{U32, U64};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout};

/// Flags of the fields that are valid.
const HAS_COMMAND_LINE: u32 = 1 << 2;
const HAS_MODULES: u32 = 1 << 3;
const HAS_MEMORY_MAP: u32 = 1 << 6;

/// Range in which the firmware of a PC leaves the ACPI root pointer.
const RSDP_RANGE: core::ops::Range<u64> = 0xe_0000..0x10_0000;
/// Length of the part of the root pointer that the first checksum covers.
const RSDP_LENGTH: usize = 20;

/// Information up to the memory map.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Information {
    flags: U32,
    mem_lower: U32,
    mem_upper: U32,
    boot_device: U32,
    cmdline: U32,
    mods_count: U32,
    mods_addr: U32,
    syms: [U32; 4],
    mmap_length: U32,
    mmap_addr: U32,
}

/// Entry of the list of modules.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Module {
    mod_start: U32,
    mod_end: U32,
    string: U32,
    reserved: U32,
}

/// Entry of the memory map.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Region {
    /// Size of the rest.
    size: U32,
    addr: U64,
    len: U64,
    type_: U32,
}

/// Error of multiboot information that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MultibootError {
    /// The memory at this address cannot be read.
    #[error("multiboot information at {address:#x} is not in readable memory")]
    Unreadable {
        /// Address.
        address: u64,
    },
    /// The loader left no memory map, or one that cannot be read completely.
    #[error("multiboot information has no complete memory map: found flags {flags:#x}")]
    NoMemoryMap {
        /// Flags of the information.
        flags: u32,
    },
}

impl BootInfo {
    /// Copies the multiboot information at physical `address`, the value of EBX at a multiboot
    /// entry.
    ///
    /// `memory` copies physical memory to a buffer, all of it or nothing. The path of the image,
    /// which QEMU places before the command line, is left out. The ACPI root pointer is searched
    /// for where the firmware of a PC leaves it. Regions, modules and texts beyond the capacity are
    /// left out, as by [`read`](Self::read).
    ///
    /// # Errors
    ///
    /// [`MultibootError`] if the information or its memory map cannot be read.
    pub fn read_multiboot(
        memory: impl Fn(u64, &mut [u8]) -> Option<()>,
        address: u64,
    ) -> Result<Self, MultibootError> {
        let mut info = Information::new_zeroed();
        memory(address, info.as_mut_bytes()).ok_or(MultibootError::Unreadable { address })?;
        let flags = info.flags.get();
        let has = |flag| flags & flag != 0;
        let mut boot = Self::empty();
        if has(HAS_COMMAND_LINE) {
            let line = text::<2048>(&memory, info.cmdline.get());
            // The capacities are equal.
            let _ = boot.command_line.push_str(without_path(&line));
        }
        if has(HAS_MODULES) {
            let entries = table(&memory, info.mods_addr.get(), info.mods_count.get());
            for module in entries.take(boot.modules.capacity()) {
                let range = module.mod_start.get().into()..module.mod_end.get().into();
                let command_line = text(&memory, module.string.get());
                boot.push_module(BootModule { range, command_line });
            }
        }
        let map = has(HAS_MEMORY_MAP)
            .then(|| read_map(&memory, info.mmap_addr.get().into(), info.mmap_length.get().into()));
        boot.memory_map = map.flatten().ok_or(MultibootError::NoMemoryMap { flags })?;
        boot.rsdp = find_rsdp(&memory);
        Ok(boot)
    }
}

/// Reads the memory map of `length` bytes; nothing without a region, or if a part is unreadable.
fn read_map(
    memory: &impl Fn(u64, &mut [u8]) -> Option<()>,
    start: u64,
    length: u64,
) -> Option<Vec<HvmMemmapTableEntry, 128>> {
    const SIZE: u64 = size_of::<Region>() as u64 - 4;
    let mut map = Vec::new();
    let (mut at, end) = (start, start + length);
    while at < end && !map.is_full() {
        let mut region = Region::new_zeroed();
        memory(at, region.as_mut_bytes())?;
        // Fields that the size leaves out would belong to the next entry.
        let size = u64::from(region.size.get());
        if size < SIZE {
            return None;
        }
        let _ = map.push(HvmMemmapTableEntry {
            addr: region.addr.get(),
            size: region.len.get(),
            type_: MemmapType(region.type_.get()),
            reserved: 0,
        });
        at += size + 4;
    }
    Some(map).filter(|map| !map.is_empty())
}

/// Iterates over modules up to the first one that is unreadable.
fn table(
    memory: &impl Fn(u64, &mut [u8]) -> Option<()>,
    start: u32,
    count: u32,
) -> impl Iterator<Item = Module> {
    (0..u64::from(count)).map_while(move |index| {
        let mut module = Module::new_zeroed();
        let address = u64::from(start) + index * size_of::<Module>() as u64;
        memory(address, module.as_mut_bytes())?;
        Some(module)
    })
}

/// Reads a text that ends with a zero byte; an empty one if it has no end within `N` bytes, or is
/// not UTF-8.
fn text<const N: usize>(memory: &impl Fn(u64, &mut [u8]) -> Option<()>, address: u32) -> String<N> {
    let mut bytes: Vec<u8, N> = Vec::new();
    for offset in 0..=N as u64 {
        let mut byte = [0];
        if memory(u64::from(address) + offset, &mut byte).is_none() {
            break;
        }
        if byte == [0] {
            return String::from_utf8(bytes).unwrap_or_default();
        }
        if bytes.push(byte[0]).is_err() {
            break;
        }
    }
    String::new()
}

/// Returns a command line without the absolute path that is its first word.
fn without_path(line: &str) -> &str {
    if !line.starts_with('/') {
        return line;
    }
    line.split_once(' ').map_or("", |(_, rest)| rest.trim_start())
}

/// Finds the ACPI root pointer in the memory of the firmware.
fn find_rsdp(memory: &impl Fn(u64, &mut [u8]) -> Option<()>) -> Option<u64> {
    RSDP_RANGE.step_by(16).find(|&address| {
        let mut pointer = [0; RSDP_LENGTH];
        memory(address, &mut pointer).is_some()
            && pointer.starts_with(b"RSD PTR ")
            && pointer.iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte)) == 0
    })
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init, reason = "a memory map of one range")]
mod tests {
    use super::*;
    use std::vec;

    const INFO: u32 = 0x9000;
    const ALL: u32 = HAS_COMMAND_LINE | HAS_MODULES | HAS_MEMORY_MAP;

    /// Memory of 1 MiB with the information, and what the tests change of it.
    struct Loader {
        memory: vec::Vec<u8>,
        info: Information,
    }

    impl Loader {
        fn new() -> Self {
            let info = Information {
                flags: ALL.into(),
                cmdline: 0xa000.into(),
                mods_count: 1.into(),
                mods_addr: 0xb000.into(),
                mmap_length: 48.into(),
                mmap_addr: 0xc000.into(),
                ..FromZeros::new_zeroed()
            };
            let mut loader = Self { memory: vec![0; 1 << 20], info };
            loader.put(0xa000, b"/boot/kernel a=1 b=/c\0");
            let module = Module {
                mod_start: 0x20_0000.into(),
                mod_end: 0x20_1000.into(),
                string: 0xb100.into(),
                reserved: 0.into(),
            };
            loader.put(0xb000, module.as_bytes());
            loader.put(0xb100, b"disk\0");
            for (index, (addr, type_)) in [(0, 1), (0x10_0000, 2)].into_iter().enumerate() {
                loader.region(index, 20, addr, type_);
            }
            loader
        }

        fn put(&mut self, address: usize, bytes: &[u8]) {
            self.memory[address..][..bytes.len()].copy_from_slice(bytes);
        }

        fn region(&mut self, index: usize, size: u32, addr: u64, type_: u32) {
            let (size, type_) = (size.into(), type_.into());
            let region = Region { size, addr: addr.into(), len: 0x9000.into(), type_ };
            self.put(0xc000 + 24 * index, region.as_bytes());
        }

        fn read(&mut self) -> Result<BootInfo, MultibootError> {
            let info = self.info;
            self.put(INFO as usize, info.as_bytes());
            let reader = |address: u64, buffer: &mut [u8]| {
                let source = self.memory.get(address as usize..)?.get(..buffer.len())?;
                buffer.copy_from_slice(source);
                Some(())
            };
            BootInfo::read_multiboot(reader, INFO.into())
        }
    }

    #[test]
    fn multiboot_information_is_copied() {
        let boot = Loader::new().read().unwrap();
        assert_eq!((boot.command_line.as_str(), boot.is_dom0), ("a=1 b=/c", false));
        let module = &boot.modules[0];
        assert_eq!((&module.range, &*module.command_line), (&(0x20_0000..0x20_1000), "disk"));
        let map: vec::Vec<_> = boot.memory_map.iter().map(|r| (r.addr, r.size, r.type_)).collect();
        assert_eq!(map, [(0, 0x9000, MemmapType::RAM), (0x10_0000, 0x9000, MemmapType::RESERVED)]);
        assert_eq!((boot.rsdp, boot.is_map_from_xen), (None, false));
    }

    #[test]
    fn rsdp_needs_its_checksum() {
        let mut loader = Loader::new();
        let mut pointer = *b"RSD PTR \0vendor\0\0\0\0\0";
        loader.put(0xf_0000, &pointer);
        let sum = pointer.iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte));
        pointer[8] = sum.wrapping_neg();
        loader.put(0xf_5b30, &pointer);
        assert_eq!(loader.read().unwrap().rsdp, Some(0xf_5b30));
    }

    #[test]
    fn absent_fields_are_not_read() {
        let mut loader = Loader::new();
        loader.info.flags = HAS_MEMORY_MAP.into();
        let boot = loader.read().unwrap();
        assert_eq!((&*boot.command_line, boot.modules.len()), ("", 0));
        loader.info.flags = HAS_COMMAND_LINE.into();
        let flags = HAS_COMMAND_LINE;
        assert_eq!(loader.read().unwrap_err(), MultibootError::NoMemoryMap { flags });
    }

    #[test]
    fn path_alone_is_no_command_line() {
        for (line, expected) in
            [("/kernel", ""), ("kernel a", "kernel a"), ("/kernel  a", "a"), ("", "")]
        {
            assert_eq!(without_path(line), expected, "{line}");
        }
    }

    #[test]
    fn partial_map_is_refused() {
        let no_map = Err(MultibootError::NoMemoryMap { flags: ALL });
        let mut loader = Loader::new();
        // An entry without an end of the loop.
        loader.region(1, 0, 0, 1);
        assert_eq!(loader.read().map(drop), no_map);
        loader = Loader::new();
        loader.info.mmap_addr = (0x10_0000 - 24).into();
        assert_eq!(loader.read().map(drop), no_map);
        loader.info.mmap_length = 0.into();
        assert_eq!(loader.read().map(drop), no_map);
    }

    #[test]
    fn unbounded_tables_end() {
        let mut loader = Loader::new();
        loader.info.mods_count = u32::MAX.into();
        loader.info.mmap_length = u32::MAX.into();
        for index in 0..200 {
            loader.region(index, 20, 0, 1);
        }
        loader.memory[0xa000..0xb000].fill(b'a');
        let boot = loader.read().unwrap();
        assert_eq!((boot.modules.len(), boot.memory_map.len()), (8, 128));
        assert_eq!(&*boot.command_line, "");
        loader.info.cmdline = u32::MAX.into();
        loader.info.mods_addr = u32::MAX.into();
        assert_eq!(loader.read().unwrap().modules.len(), 0);
        let reader = |_, _: &mut [u8]| None;
        let address = u64::MAX;
        let error = BootInfo::read_multiboot(reader, address).unwrap_err();
        assert_eq!(error, MultibootError::Unreadable { address });
    }
}
