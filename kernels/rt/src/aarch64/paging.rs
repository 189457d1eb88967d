//! Page tables: RAM, registers and Xen's pages are mapped to their own addresses.
//!
//! The entry maps the gigabytes of the image and of the device tree. Here more is added in blocks
//! of 2 MiB: RAM as normal memory, registers as device memory. All else stays unmapped.

use crate::memory;
use core::arch::asm;
use core::num::NonZeroUsize;
use core::ops::Range;
use spin::Mutex;

const MIB_2: u64 = 2 << 20;
const GIB: u64 = 1 << 30;
const ADDRESS: u64 = 0x0000_ffff_ffff_f000;

const VALID: u64 = 1;
/// Bits of an entry that leads to a table.
const TABLE: u64 = 0b11;
/// A block that was accessed, of attribute 0, inner shareable: normal memory.
const NORMAL: u64 = 0x701;
/// A block that was accessed, of attribute 1, without instructions: device memory.
const DEVICE: u64 = 0x405 | 0b11 << 53;
/// Bits by which the two differ.
const ATTRIBUTE: u64 = 0b111 << 2;

/// As far as the table of the first level reaches.
pub(crate) const LIMIT: u64 = 512 * GIB;

unsafe extern "C" {
    /// The first byte of the image, from the linker script.
    static arm64_start: u8;
}

/// Returns the gigabyte of the image, which is mapped from the entry on.
pub(crate) fn boot_window() -> Range<u64> {
    let start = (&raw const arm64_start).addr() as u64 / GIB * GIB;
    start..start + GIB
}

/// Returns where entry `index` of the table at physical address `table` lies.
fn entry(table: u64, index: u64) -> *mut u64 {
    core::ptr::with_exposed_provenance_mut((table & ADDRESS) as usize + 8 * (index as usize & 511))
}

/// Held while a table is changed.
static TABLES: Mutex<()> = Mutex::new(());

/// Maps all of `range` to itself, as normal memory. `None` if it reaches beyond [`LIMIT`], no page
/// is left for a table, or a part is device memory.
pub(crate) fn map(range: Range<u64>) -> Option<()> {
    map_as(range, NORMAL)
}

/// Maps all of `range` to itself, as device memory. `None` as for [`map`].
pub(crate) fn map_device(range: Range<u64>) -> Option<()> {
    map_as(range, DEVICE)
}

fn map_as(range: Range<u64>, kind: u64) -> Option<()> {
    if range.end > LIMIT {
        return None;
    }
    let first: u64;
    // SAFETY: reads the address of the tables in use.
    unsafe { asm!("mrs {}, ttbr0_el1", out(reg) first, options(nomem, nostack, preserves_flags)) };
    let _lock = TABLES.lock();
    for block in range.start / MIB_2..range.end.div_ceil(MIB_2) {
        let address = block * MIB_2;
        // SAFETY: the tables in use, which nothing but this module changes, under its lock; all of
        // them are mapped. A new table is complete before it is hooked in.
        unsafe {
            let slot = entry(first, address / GIB);
            if slot.read_volatile() & VALID == 0 {
                let table =
                    memory::alloc_pages(NonZeroUsize::MIN)?.as_ptr().expose_provenance() as u64;
                asm!("dsb ishst", options(nostack, preserves_flags));
                slot.write_volatile(table | TABLE);
            }
            let upper = slot.read_volatile();
            let slot = if upper & TABLE == TABLE { entry(upper, block) } else { slot };
            let present = slot.read_volatile();
            if present & VALID == 0 {
                slot.write_volatile(address | kind);
            } else if (present ^ kind) & ATTRIBUTE != 0 {
                return None;
            }
        }
    }
    // SAFETY: the walks of the CPU see the entries from here on. None was valid before, so that no
    // buffer has an old one.
    unsafe { asm!("dsb ishst", "isb", options(nostack, preserves_flags)) };
    Some(())
}
