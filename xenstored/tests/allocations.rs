//! Heap memory that the client takes: none after construction.
#![cfg(all(feature = "std", unix))]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use xen_store::wire::{MessageType, Part};
use xen_store::{StoreError, XsOps};
use xenstored::server::{NoDomains, Server};
use xenstored::user::{self, Daemon};

struct Counting;

thread_local! {
    static COUNT: Cell<u32> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: it is the system's allocator with a counter beside.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's word.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller's word; `alloc` had it from the system.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[test]
fn client_takes_no_heap_memory() {
    let path = std::env::temp_dir().join(format!("xenstored-allocations-{}", std::process::id()));
    let mut daemon = Daemon::bind(&path, Server::new(), Box::new(NoDomains)).unwrap();
    // It has memory of its own, which is not counted here.
    std::thread::spawn(move || while daemon.serve(None).is_ok() {});
    let store = user::connect(&path).unwrap();
    let before = COUNT.with(Cell::get);
    let mut buffer = [0; 4096];
    for round in 0..100u32 {
        store.write_fmt("/a/b", round).unwrap();
        assert_eq!(store.read_number::<u32>("/a/b"), Ok(round));
        store.directory_into("/a", &mut buffer).unwrap();
        store.transaction::<_, StoreError>(|tx| tx.write_fmt("/a/c", round)).unwrap();
        let watch = store.watch("/a").unwrap();
        while watch.try_next().unwrap().is_some() {}
        let queued = [0; 3].map(|_| {
            let part = Part::Path(format_args!("/a/b"));
            store.queue(MessageType::READ, &"/a/b", &[part]).unwrap()
        });
        assert!(store.read("/none", &mut buffer).unwrap_err().is_not_found());
        for reply in &queued {
            reply.finish(&mut buffer).unwrap();
        }
    }
    assert_eq!(COUNT.with(Cell::get) - before, 0);
    std::fs::remove_file(path).unwrap();
}
