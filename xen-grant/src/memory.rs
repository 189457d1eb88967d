//! A platform of plain memory for the tests in this crate: no Xen, pages that are counted.

use core::num::NonZeroUsize;
use core::ptr::NonNull;
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use xen_hypercall::{Claims, Errno, Gfn, Hypercall, Instant, PAGE_SIZE, Platform, Port};

/// How many pages are allocated, and how many may be.
#[derive(Clone, Debug)]
pub(crate) struct Memory(Arc<(AtomicUsize, AtomicUsize, Claims)>);

impl Default for Memory {
    fn default() -> Self {
        Self(Arc::new((AtomicUsize::new(0), AtomicUsize::new(usize::MAX), Claims::new())))
    }
}

impl Memory {
    pub(crate) fn pages(&self) -> usize {
        self.0.0.load(Ordering::Relaxed)
    }

    #[cfg(not(loom))]
    pub(crate) fn limit(&self, pages: usize) {
        self.0.1.store(pages, Ordering::Relaxed);
    }
}

fn layout(count: NonZeroUsize) -> Layout {
    Layout::from_size_align(count.get() * PAGE_SIZE, PAGE_SIZE).unwrap()
}

// SAFETY: it reaches nothing at all.
unsafe impl Hypercall for Memory {
    unsafe fn hypercall(&self, _op: usize, _args: [usize; 5]) -> isize {
        -isize::try_from(Errno::ENOSYS.0).unwrap()
    }
}

// SAFETY: the memory comes from the process's allocator, which keeps to the same contract; frames
// are addresses.
unsafe impl Platform for Memory {
    fn alloc_pages(&self, count: NonZeroUsize) -> Option<NonNull<u8>> {
        let (used, limit, _) = &*self.0;
        if used.load(Ordering::Relaxed) + count.get() > limit.load(Ordering::Relaxed) {
            return None;
        }
        used.fetch_add(count.get(), Ordering::Relaxed);
        // SAFETY: the layout is not empty.
        NonNull::new(unsafe { alloc_zeroed(layout(count)) })
    }

    unsafe fn free_pages(&self, pages: NonNull<u8>, count: NonZeroUsize) {
        self.0.0.fetch_sub(count.get(), Ordering::Relaxed);
        // SAFETY: the caller says that they are those of one allocation.
        unsafe { dealloc(pages.as_ptr(), layout(count)) }
    }

    fn virt_to_gfn(&self, page: NonNull<u8>) -> Gfn {
        Gfn::containing(page.addr().get() as u64)
    }

    unsafe fn map_frames(&self, _first: Gfn, _count: NonZeroUsize) -> Option<NonNull<u8>> {
        None
    }

    fn claims(&self) -> &Claims {
        &self.0.2
    }

    fn now(&self) -> Instant {
        Instant::default()
    }

    fn wait(&self, _ports: &[Port], _deadline: Option<Instant>) {}
}
