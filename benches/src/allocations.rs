//! Counts how often threads ask for heap memory.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

struct Counting;

static COUNT: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// What this thread asks for is somebody else's.
    static UNCOUNTED: Cell<bool> = const { Cell::new(false) };
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: it is the system's allocator with a counter beside.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !UNCOUNTED.get() {
            COUNT.fetch_add(1, Ordering::Relaxed);
        }
        // SAFETY: the caller's word.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller's word; `alloc` had it from the system.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// Runs what is not measured, in a thread of its own.
pub(crate) fn uncounted(work: impl FnOnce()) {
    UNCOUNTED.set(true);
    work();
}

/// Returns how many allocations there were, by any thread that counts.
pub(crate) fn count() -> u64 {
    COUNT.load(Ordering::Relaxed)
}
