//! What the loader tells the kernel: `struct hvm_start_info`, command line and memory map.
//!
//! All of it is copied out at once. It lies in RAM that the allocator is given later.

use crate::platform::Rt;
use core::ffi::CStr;
use core::ops::Range;
use core::ptr::with_exposed_provenance;
use heapless::{String, Vec};
use xen_hypercall::ops::memory;
use xen_sys::arch_x86::hvm::start_info::{
    HvmMemmapTableEntry, HvmStartInfo, MemmapType, XEN_HVM_START_MAGIC_VALUE,
};
use xen_sys::hvm::e820::E820Entry;
use xen_sys::xen::StartInfoFlags;

/// What the kernel keeps of it.
#[derive(Debug)]
pub(crate) struct Boot {
    pub(crate) dom0: bool,
    pub(crate) command_line: String<2048>,
    pub(crate) memory_map: Vec<HvmMemmapTableEntry, 128>,
}

impl Boot {
    /// Returns where RAM lies.
    pub(crate) fn ram(&self) -> impl Iterator<Item = Range<u64>> {
        let ram = self.memory_map.iter().filter(|entry| entry.type_ == MemmapType::RAM);
        ram.map(|entry| entry.addr..entry.addr.saturating_add(entry.size))
    }
}

/// Reads what the loader left at `address`. `None` if that is no start_info.
///
/// What exceeds the room of [`Boot`] is left out: a kernel with half a command line can still say so.
///
/// # Safety
///
/// The address must be the one from EBX, and nothing may have been written to RAM outside the image so far.
pub(crate) unsafe fn read(address: usize) -> Option<Boot> {
    let start: *const HvmStartInfo = with_exposed_provenance(address);
    // SAFETY: the loader put the structure there, below 4 GiB, which is mapped; so are the string and the table that it
    // names. Version 0 ends before the fields of the memory map, so those are read of later versions only.
    unsafe {
        if (&raw const (*start).magic).read() != XEN_HVM_START_MAGIC_VALUE {
            return None;
        }
        let flags = (&raw const (*start).flags).read();
        let dom0 = flags.intersects(StartInfoFlags::INITDOMAIN | StartInfoFlags::PRIVILEGED);
        let mut boot = Boot { dom0, command_line: String::new(), memory_map: Vec::new() };

        let line = (&raw const (*start).cmdline_paddr).read();
        if line != 0 {
            let line = CStr::from_ptr(with_exposed_provenance(line as usize)).to_bytes();
            let valid = line.utf8_chunks().next().map_or("", |chunk| chunk.valid());
            let _ = valid.chars().try_for_each(|char| boot.command_line.push(char));
        }

        if (&raw const (*start).version).read() >= 1 {
            let count = (&raw const (*start).memmap_entries).read() as usize;
            let table: *const HvmMemmapTableEntry =
                with_exposed_provenance((&raw const (*start).memmap_paddr).read() as usize);
            let _ = (0..count).try_for_each(|i| boot.memory_map.push(table.add(i).read()));
        }
        if boot.memory_map.is_empty() {
            boot.memory_map = asked_of_xen();
        }
        Some(boot)
    }
}

/// The memory map by hypercall: start_info has none before version 1 (Xen 4.12), and may have none after.
fn asked_of_xen() -> Vec<HvmMemmapTableEntry, 128> {
    let mut entries = [E820Entry::default(); 128];
    let count = memory::memory_map(&Rt::new(), &mut entries).unwrap_or(0);
    let entries = entries.iter().take(count);
    entries
        .map(|entry| HvmMemmapTableEntry {
            addr: entry.addr.get(),
            size: entry.size.get(),
            type_: MemmapType(entry.type_.get()),
            reserved: 0,
        })
        .collect()
}
