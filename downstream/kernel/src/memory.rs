//! Pages of RAM: the largest range behind the image, with a flag for each page in use.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use xen_guest::{BootInfo, PAGE_SIZE};

/// End of the memory that `pvh_entry!` maps.
pub const MAPPED: u64 = 1 << 32;

/// Maximum number of pages.
const MAX: usize = 8192;

static START: AtomicUsize = AtomicUsize::new(0);
static PAGES: AtomicUsize = AtomicUsize::new(0);
static USED: [AtomicBool; MAX] = [const { AtomicBool::new(false) }; MAX];

unsafe extern "C" {
    /// End of the image; from the linker script.
    static image_end: u8;
}

/// Takes the largest range of RAM, and returns its number of pages.
///
/// # Safety
///
/// Call it once. Nothing else may use RAM behind the image.
pub unsafe fn init(info: &BootInfo) -> usize {
    let image = 0..(&raw const image_end).addr() as u64;
    let reserved = [image, MAPPED..u64::MAX];
    let ram = info.usable_ram(&reserved).max_by_key(|range| range.end - range.start);
    let range = ram.unwrap_or(0..0);
    let pages = ((range.end - range.start) as usize / PAGE_SIZE).min(MAX);
    START.store(range.start as usize, Relaxed);
    PAGES.store(pages, Relaxed);
    pages
}

/// Allocates `count` zeroed pages.
pub fn alloc(count: usize) -> Option<NonNull<u8>> {
    let used = USED.get(..PAGES.load(Relaxed))?;
    let free = |run: &[AtomicBool]| run.iter().all(|page| !page.load(Relaxed));
    let first = used.windows(count).position(free)?;
    used[first..first + count].iter().for_each(|page| page.store(true, Relaxed));
    let address = START.load(Relaxed) + first * PAGE_SIZE;
    let pages = NonNull::new(core::ptr::with_exposed_provenance_mut::<u8>(address))?;
    // SAFETY: RAM that no other allocation has, mapped at its address.
    unsafe { pages.write_bytes(0, count * PAGE_SIZE) };
    Some(pages)
}

/// Frees pages of [`alloc`].
///
/// # Safety
///
/// The pages must be those of one allocation, and not be used any more.
pub unsafe fn free(pages: NonNull<u8>, count: usize) {
    let first = (pages.addr().get() - START.load(Relaxed)) / PAGE_SIZE;
    let freed = USED.iter().skip(first).take(count);
    freed.for_each(|page| page.store(false, Relaxed));
}
