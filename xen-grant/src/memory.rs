//! A platform of plain memory for the tests in this crate: pages are counted, and Xen places the
//! frames of a grant table but never uses an entry.

use core::num::NonZeroUsize;
use core::ptr::NonNull;
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use xen_hypercall::{Claims, Gfn, Hypercall, Instant, PAGE_SIZE, Platform, Port};
use xen_sys::grant_table::{GNTTABOP_QUERY_SIZE, GnttabQuerySize, GrantStatus};
use xen_sys::xen::HYPERVISOR_GRANT_TABLE_OP;

/// Memory that lives as long as its last handle, the frames of a grant table included.
#[derive(Clone, Debug)]
pub(crate) struct Memory(Arc<State>);

#[derive(Debug)]
struct State {
    /// The allocations, by exposed address.
    live: Mutex<BTreeMap<usize, NonZeroUsize>>,
    /// The limit of allocated pages.
    limit: AtomicUsize,
    claims: Claims,
}

impl Default for Memory {
    fn default() -> Self {
        let (live, limit) = (Mutex::default(), AtomicUsize::new(usize::MAX));
        Self(Arc::new(State { live, limit, claims: Claims::new() }))
    }
}

impl Memory {
    /// Returns the number of allocated pages.
    pub(crate) fn pages(&self) -> usize {
        self.0.pages()
    }

    #[cfg(not(loom))]
    pub(crate) fn limit(&self, pages: usize) {
        self.0.limit.store(pages, Ordering::Relaxed);
    }
}

impl State {
    fn pages(&self) -> usize {
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.values().map(|count| count.get()).sum()
    }
}

impl Drop for State {
    fn drop(&mut self) {
        let live = self.live.get_mut().unwrap_or_else(PoisonError::into_inner);
        for (&pages, &count) in live.iter() {
            let pages = core::ptr::with_exposed_provenance_mut(pages);
            // SAFETY: an allocation that was not freed, and no handle is left to use it.
            unsafe { dealloc(pages, layout(count)) }
        }
    }
}

fn layout(count: NonZeroUsize) -> Layout {
    Layout::from_size_align(count.get() * PAGE_SIZE, PAGE_SIZE).unwrap()
}

// SAFETY: it writes the structure of the one command that it answers, and nothing else.
unsafe impl Hypercall for Memory {
    unsafe fn hypercall(&self, op: usize, args: [usize; 5]) -> isize {
        if op == HYPERVISOR_GRANT_TABLE_OP && args[0] == GNTTABOP_QUERY_SIZE as usize {
            let size = core::ptr::with_exposed_provenance_mut::<GnttabQuerySize>(args[1]);
            let (max_nr_frames, status) = (4, GrantStatus::OKAY);
            // SAFETY: the caller vouches for the structure at this address.
            unsafe {
                *size = GnttabQuerySize { max_nr_frames, status, ..Default::default() };
            }
        }
        0
    }
}

// SAFETY: the memory comes from the process's allocator, which keeps to the same contract; frames
// are addresses.
unsafe impl Platform for Memory {
    fn alloc_pages(&self, count: NonZeroUsize) -> Option<NonNull<u8>> {
        if self.pages() + count.get() > self.0.limit.load(Ordering::Relaxed) {
            return None;
        }
        // SAFETY: the layout is not empty.
        let pages = NonNull::new(unsafe { alloc_zeroed(layout(count)) })?;
        let mut live = self.0.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.insert(pages.as_ptr().expose_provenance(), count);
        Some(pages)
    }

    unsafe fn free_pages(&self, pages: NonNull<u8>, count: NonZeroUsize) {
        let mut live = self.0.live.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!(live.remove(&pages.addr().get()), Some(count), "pages that are not allocated");
        // SAFETY: the pages are those of one allocation, which was not freed yet.
        unsafe { dealloc(pages.as_ptr(), layout(count)) }
    }

    fn virt_to_gfn(&self, page: NonNull<u8>) -> Gfn {
        // A guest's memory is below the limit of version 1, unlike a process's.
        Gfn(Gfn::containing(page.addr().get() as u64).0 & u64::from(u32::MAX))
    }

    unsafe fn map_frames(&self, _first: Gfn, _count: NonZeroUsize) -> Option<NonNull<u8>> {
        None
    }

    fn claims(&self) -> &Claims {
        &self.0.claims
    }

    fn now(&self) -> Instant {
        Instant::default()
    }

    fn wait(&self, _ports: &[Port], _deadline: Option<Instant>) {}
}
