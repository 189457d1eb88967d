//! RAM: one allocator for the heap and for whole pages.
//!
//! A buddy allocator hands out blocks of a power of two, aligned to their size, so the same one
//! serves `Box` and the pages that drivers share with other domains. It is behind a spin lock: the
//! upcall handler must not allocate.

use alloc::alloc::{alloc_zeroed, dealloc};
use buddy_system_allocator::LockedHeap;
use core::alloc::Layout;
use core::num::NonZeroUsize;
use core::ops::Range;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use xen_guest::BootInfo;
use xen_hypercall::PAGE_SIZE;

/// Blocks of up to 2^39 bytes, half of what [`paging`](crate::paging) can map.
#[global_allocator]
static HEAP: LockedHeap<40> = LockedHeap::empty();

unsafe extern "C" {
    /// Ends of the image, from the linker script.
    static image_start: u8;
    static image_end: u8;
}

/// Devices of a PC, and what loaders leave below the usual place of an image.
const LOW: u64 = 2 << 20;

/// Gives the RAM within `window` to the allocator: all but the image and the first 2 MiB.
///
/// # Safety
///
/// The window must be mapped, and not given before. Nothing in that RAM may be in use: not what the
/// loader left there either.
pub(crate) unsafe fn add(boot: &BootInfo, window: Range<u64>) {
    let floor = window.start.max(LOW);
    let image = (&raw const image_start).addr() as u64..(&raw const image_end).addr() as u64;
    for ram in boot.usable_ram(&[0..floor, image, window.end..u64::MAX]) {
        // SAFETY: RAM beside the image, mapped at its own address; the caller vouches for the rest.
        unsafe { HEAP.lock().add_to_heap(ram.start as usize, ram.end as usize) };
    }
}

/// Bytes that the balloon has taken, which are not in use.
static TAKEN: AtomicUsize = AtomicUsize::new(0);

/// Returns how many bytes are in use, and how many there are.
pub(crate) fn usage() -> (usize, usize) {
    let heap = HEAP.lock();
    let taken = TAKEN.load(Relaxed);
    (
        heap.stats_alloc_actual().saturating_sub(taken),
        heap.stats_total_bytes().saturating_sub(taken),
    )
}

/// Returns how many bytes are free.
pub(crate) fn free() -> usize {
    let (used, total) = usage();
    total.saturating_sub(used)
}

fn block(size: usize) -> Option<Layout> {
    Layout::from_size_align(size, size).ok()
}

/// Takes a free block out of the heap, aligned to its size, a power of two; returns its address.
/// The memory is not touched but for the lists of the heap.
pub(crate) fn take(size: usize) -> Option<usize> {
    let start = HEAP.lock().alloc(block(size)?).ok()?;
    TAKEN.fetch_add(size, Relaxed);
    Some(start.as_ptr().expose_provenance())
}

/// Adds a block to the heap, whole or a part of one that was taken.
///
/// # Safety
///
/// The memory must be taken, and must have no user.
pub(crate) unsafe fn give_back(start: usize, size: usize) {
    let start = NonNull::new(core::ptr::with_exposed_provenance_mut(start));
    if let (Some(start), Some(layout)) = (start, block(size)) {
        TAKEN.fetch_sub(size, Relaxed);
        // SAFETY: the heap's buddy lists merge any blocks; the caller vouches for the memory.
        unsafe { HEAP.lock().dealloc(start, layout) };
    }
}

/// Adds memory that the heap never had.
///
/// # Safety
///
/// The memory must be mapped, and must have no user.
pub(crate) unsafe fn add_new(start: usize, size: usize) {
    // SAFETY: as the caller vouches.
    unsafe { HEAP.lock().add_to_heap(start, start + size) };
}

fn pages(count: NonZeroUsize) -> Option<Layout> {
    Layout::from_size_align(count.get().checked_mul(PAGE_SIZE)?, PAGE_SIZE).ok()
}

/// Allocates pages of zeroes.
pub(crate) fn alloc_pages(count: NonZeroUsize) -> Option<NonNull<u8>> {
    // SAFETY: the size is not zero.
    NonNull::new(unsafe { alloc_zeroed(pages(count)?) })
}

/// Takes pages back.
///
/// # Safety
///
/// The pages must come from one call of `alloc_pages` with the same `count`, and no code may use
/// them any more.
pub(crate) unsafe fn free_pages(first: NonNull<u8>, count: NonZeroUsize) {
    if let Some(layout) = pages(count) {
        // SAFETY: allocated with the same layout, as the caller vouches.
        unsafe { dealloc(first.as_ptr(), layout) };
    }
}
