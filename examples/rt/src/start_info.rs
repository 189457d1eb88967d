//! What the loader tells the kernel: `struct hvm_start_info`, command line and memory map.
//!
//! All of it is copied out at once. It lies in RAM that the allocator is given later.

use crate::platform::Rt;
use core::ops::Range;
use core::ptr::with_exposed_provenance;
use heapless::{String, Vec};
use xen_hypercall::ops::memory;
use xen_hypercall::start_info::{StartInfo, StartInfoError};
use xen_sys::arch_x86::hvm::start_info::{HvmMemmapTableEntry, MemmapType};
use xen_sys::hvm::e820::E820Entry;

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

/// Where the memory ends that `boot.s` has mapped, each byte at its own address.
const MAPPED: u64 = 1 << 32;

/// Reads what the loader left at `address`.
///
/// What exceeds the room of [`Boot`] is left out: a kernel with half a command line can still say so.
///
/// # Errors
///
/// [`StartInfoError`] if that is no start_info.
///
/// # Safety
///
/// The address must be the one from EBX, and nothing may have been written to RAM outside the image so far.
pub(crate) unsafe fn read(address: usize) -> Result<Boot, StartInfoError> {
    let physical = |address: u64, buffer: &mut [u8]| {
        address.checked_add(buffer.len() as u64).filter(|&end| end <= MAPPED)?;
        let source: *const u8 = with_exposed_provenance(address as usize);
        // SAFETY: mapped, and nobody writes to what the loader left there.
        unsafe { source.copy_to_nonoverlapping(buffer.as_mut_ptr(), buffer.len()) };
        Some(())
    };
    let start = StartInfo::read(physical, address as u64)?;
    let mut boot = Boot { dom0: start.is_dom0(), command_line: String::new(), memory_map: Vec::new() };
    let mut line = [0; 2048];
    // There is as much room in the one as in the other.
    let _ = boot.command_line.push_str(start.command_line(&mut line));
    let _ = start.memory_map().try_for_each(|entry| boot.memory_map.push(entry));
    if boot.memory_map.is_empty() {
        boot.memory_map = asked_of_xen();
    }
    Ok(boot)
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
