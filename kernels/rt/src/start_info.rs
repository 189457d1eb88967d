//! Information from the loader: `struct hvm_start_info`, command line and memory map.
//!
//! All of it is copied out at once. It lies in RAM that the allocator is given later.

use crate::platform::Rt;
use core::ops::Range;
use core::ptr::with_exposed_provenance;
use heapless::{String, Vec};
use xen_hypercall::start_info::{StartInfo, StartInfoError};
use xen_sys::arch_x86::hvm::start_info::{HvmMemmapTableEntry, MemmapType};
use xen_sys::hvm::e820::E820Entry;

/// The part that the kernel keeps.
#[derive(Debug)]
pub(crate) struct Boot {
    pub(crate) dom0: bool,
    pub(crate) command_line: String<2048>,
    pub(crate) memory_map: Vec<HvmMemmapTableEntry, 128>,
    /// Xen was asked for the map, because the loader left none.
    pub(crate) map_of_xen: bool,
}

impl Boot {
    /// Returns where RAM lies.
    pub(crate) fn ram(&self) -> impl Iterator<Item = Range<u64>> {
        let ram = self.memory_map.iter().filter(|entry| entry.type_ == MemmapType::RAM);
        ram.map(|entry| entry.addr..entry.addr.saturating_add(entry.size))
    }
}

/// End of the memory that `boot.s` maps, each byte at its own address.
const MAPPED: u64 = 1 << 32;

/// Reads what the loader left at `address`.
///
/// Leaves out anything beyond the capacity of [`Boot`]: a kernel with half a command line can still
/// report that.
///
/// # Errors
///
/// [`StartInfoError`] if that is no start_info.
///
/// # Safety
///
/// The address must be the one from EBX, and nothing may have been written to RAM outside the image
/// so far.
pub(crate) unsafe fn read(address: usize) -> Result<Boot, StartInfoError> {
    let physical = |address: u64, buffer: &mut [u8]| {
        address.checked_add(buffer.len() as u64).filter(|&end| end <= MAPPED)?;
        let source: *const u8 = with_exposed_provenance(address as usize);
        // SAFETY: mapped, and no code writes to the loader's data.
        unsafe { source.copy_to_nonoverlapping(buffer.as_mut_ptr(), buffer.len()) };
        Some(())
    };
    let start = StartInfo::read(physical, address as u64)?;
    let mut boot = Boot {
        dom0: start.is_dom0(),
        command_line: String::new(),
        memory_map: Vec::new(),
        map_of_xen: false,
    };
    let mut line = [0; 2048];
    // There is as much room in the one as in the other.
    let _ = boot.command_line.push_str(start.command_line(&mut line));
    let mut buffer = [E820Entry::default(); 128];
    // A kernel without a memory map reports that later, when it has no RAM to allocate from.
    if let Ok(mut regions) = start.memory_regions(&Rt::new(), &mut buffer) {
        boot.map_of_xen = regions.is_of_xen();
        let _ = regions.try_for_each(|region| boot.memory_map.push(region));
    }
    Ok(boot)
}
