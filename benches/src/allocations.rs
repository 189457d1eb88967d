//! A counter of heap allocations for each thread.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

thread_local! {
    /// Allocations of this thread. Other threads, such as the test harness's own, allocate at any
    /// time.
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: it is the system's allocator with a counter beside.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: the caller's word.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller's word; `alloc` had it from the system.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// Returns how many allocations this thread has made.
pub(crate) fn count() -> u64 {
    COUNT.get()
}
