//! Slots for pages that are filled while other threads read.

use core::num::NonZeroUsize;
use core::ptr::NonNull;
use loom::sync::Arc;
use loom::sync::atomic::Ordering::Relaxed;
use loom::thread;
use xen_hypercall::{Claims, EventPages, Gfn, Hypercall, Instant, PAGE_SIZE, Platform, SharedMem};

#[derive(Clone, Copy)]
struct Memory;

// SAFETY: answers within this process and does not access the caller's memory.
unsafe impl Hypercall for Memory {
    unsafe fn hypercall(&self, _op: usize, _args: [usize; 5]) -> isize {
        panic!("a slot is filled without a hypercall")
    }
}

// SAFETY: returns memory of models, which lives as long as the process.
unsafe impl Platform for Memory {
    fn alloc_pages(&self, _count: NonZeroUsize) -> Option<NonNull<u8>> {
        Some(NonNull::from(SharedMem::for_model(PAGE_SIZE, &[(0..16, 4)])).cast())
    }
    unsafe fn free_pages(&self, _pages: NonNull<u8>, _count: NonZeroUsize) {}
    fn virt_to_gfn(&self, _page: NonNull<u8>) -> Gfn {
        Gfn(0)
    }
    unsafe fn map_frames(&self, _first: Gfn, _count: NonZeroUsize) -> Option<NonNull<u8>> {
        None
    }
    fn claims(&self) -> &Claims {
        panic!("nothing is claimed here")
    }
    fn now(&self) -> Instant {
        Instant::default()
    }
}

#[test]
fn page_is_complete_when_found() {
    loom::model(|| {
        let pages = Arc::new(EventPages::<Memory, 1>::new(Memory));
        let other = thread::spawn({
            let pages = pages.clone();
            move || {
                pages.fill(0, 7).unwrap();
                let page = pages.memory(0).expect("it was filled");
                // Either thread may have filled it.
                assert_eq!(page.u32::<4>().load(Relaxed), 7);
            }
        });
        if let Some(page) = pages.memory(0) {
            assert_eq!(page.u32::<4>().load(Relaxed), 7, "found before its words were written");
        }
        pages.fill(0, 7).unwrap();
        let page = pages.memory(0).expect("it was filled");
        page.u32::<8>().store(9, Relaxed);
        other.join().unwrap();
        assert_eq!(
            pages.memory(0).map(|page| page.u32::<8>().load(Relaxed)),
            Some(9),
            "it was replaced"
        );
    });
}
