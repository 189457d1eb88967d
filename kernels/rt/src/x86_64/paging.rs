//! Page tables: every physical address is mapped to itself.
//!
//! That is what makes `virt_to_gfn` a shift and `map_frames` nearly nothing. `boot.s` maps the
//! first 4 GiB in pages of 2 MiB; here more is added where RAM needs it, and two small holes are
//! made, for pointers that must not work.

use crate::memory;
use core::num::NonZeroUsize;
use core::ops::Range;
use spin::Mutex;
use x86_64::instructions::tlb;
use x86_64::registers::control::Cr3;
use xen_hypercall::PAGE_SIZE;

const PRESENT_WRITABLE: u64 = 0x3;
const LARGE: u64 = 0x80;
const MIB_2: u64 = 2 << 20;
const GIB: u64 = 1 << 30;
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

/// Size of the mapping by `boot.s`.
pub(crate) const BOOT_WINDOW: Range<u64> = 0..4 * GIB;
/// As far as one table of the third level reaches.
pub(crate) const LIMIT: u64 = 512 * GIB;

/// Returns where entry `index` of the table at physical address `table` lies.
fn entry(table: u64, index: u64) -> *mut u64 {
    core::ptr::with_exposed_provenance_mut((table & ADDRESS) as usize + 8 * (index as usize & 511))
}

/// Held while a table is changed.
static TABLES: Mutex<()> = Mutex::new(());

/// Maps all of `range` to itself. `None` if it reaches beyond [`LIMIT`], or no page is left for a
/// table.
pub(crate) fn map(range: Range<u64>) -> Option<()> {
    if range.end > LIMIT {
        return None;
    }
    let _lock = TABLES.lock();
    for gib in range.start / GIB..range.end.div_ceil(GIB) {
        // SAFETY: CR3 and the entries below it are the tables in use, which nothing but this module
        // changes, under its lock; all of them are mapped. The new table is complete before it is
        // hooked in.
        unsafe {
            let pml4 = Cr3::read_raw().0.start_address().as_u64();
            let slot = entry(entry(pml4, 0).read_volatile(), gib);
            if slot.read_volatile() == 0 {
                let table =
                    memory::alloc_pages(NonZeroUsize::MIN)?.as_ptr().expose_provenance() as u64;
                for i in 0..512 {
                    entry(table, i)
                        .write_volatile((gib * GIB + i * MIB_2) | LARGE | PRESENT_WRITABLE);
                }
                slot.write_volatile(table | PRESENT_WRITABLE);
            }
        }
    }
    Some(())
}

/// Unmaps page 0, so that a null pointer faults, and the page below the image, so that a stack
/// overflow does.
pub(crate) fn make_holes() -> Option<()> {
    let table = memory::alloc_pages(NonZeroUsize::MIN)?.as_ptr().expose_provenance() as u64;
    // SAFETY: as in `map`, and one vCPU runs. The first 2 MiB keep their mapping, in small pages,
    // but for two unused pages: the allocator starts behind the image, and what the
    // loader left there has been read.
    unsafe {
        for i in 1..511 {
            entry(table, i).write_volatile((i * PAGE_SIZE as u64) | PRESENT_WRITABLE);
        }
        let pml4 = Cr3::read_raw().0.start_address().as_u64();
        let directory = entry(entry(pml4, 0).read_volatile(), 0).read_volatile();
        entry(directory, 0).write_volatile(table | PRESENT_WRITABLE);
    }
    tlb::flush_all();
    Some(())
}
