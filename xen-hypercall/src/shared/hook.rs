//! Tests' view of loads from shared memory: who loads what how often, and what a peer could change
//! in between.

use core::cell::Cell;
use core::mem::transmute;
use core::ptr::NonNull;

type Observer = dyn FnMut(usize, usize);

std::thread_local! {
    static OBSERVER: Cell<Option<NonNull<Observer>>> = const { Cell::new(None) };
}

/// Runs `body`, and `observer` right before each of its loads from shared memory on this thread,
/// with address and length in bytes.
///
/// Read-modify-writes count as loads. What the observer itself loads is not observed, so it may
/// look at the memory and change it, as a peer does. Only with the feature `hook`, which is meant
/// for tests.
pub fn observe_loads<R>(observer: &mut dyn FnMut(usize, usize), body: impl FnOnce() -> R) -> R {
    struct Restore(Option<NonNull<Observer>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            OBSERVER.set(self.0);
        }
    }
    // SAFETY: only the lifetime changes, and `Restore` takes the pointer away again before this
    // borrow ends, unwound or not.
    let erased = unsafe {
        transmute::<NonNull<dyn FnMut(usize, usize) + '_>, NonNull<Observer>>(observer.into())
    };
    let _restore = Restore(OBSERVER.replace(Some(erased)));
    body()
}

pub(super) fn before_load(address: *const u8, len: usize) {
    if let Some(mut observer) = OBSERVER.take() {
        // SAFETY: `observe_loads` is still running and holds the exclusive borrow; nobody else has
        // the pointer, as it was taken.
        unsafe { observer.as_mut()(address.addr(), len) };
        OBSERVER.set(Some(observer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::Ordering::Relaxed;
    use crate::{Page, SharedMem};
    use std::{boxed::Box, vec, vec::Vec};

    #[test]
    fn each_kind_of_load_is_seen_once_and_stores_are_not() {
        let mut page = Box::new([Page::ZERO]);
        let mem = SharedMem::from_pages(&mut page);
        let base = core::ptr::from_ref(mem).cast::<u8>().addr();
        let mut seen = Vec::new();
        observe_loads(&mut |address, len| seen.push((address - base, len)), || {
            mem.u32::<8>().load(Relaxed);
            mem.u16::<2>().fetch_or(1);
            mem.read::<[u8; 3]>(17);
            mem.copy_to(100, &mut [0; 50]);
            mem.u32::<8>().store(7, Relaxed);
            mem.write(64, &1u64);
            mem.copy_from(200, &[1; 9]);
        });
        // How many pieces a copy is made of is the machine's affair.
        let mut runs: Vec<(usize, usize)> = Vec::new();
        for &(offset, len) in &seen {
            match runs.last_mut() {
                Some(last) if last.0 + last.1 == offset => last.1 += len,
                _ => runs.push((offset, len)),
            }
        }
        assert_eq!(runs, [(8, 4), (2, 2), (17, 3), (100, 50)]);
        let count = seen.len();
        mem.u32::<8>().load(Relaxed);
        assert_eq!(seen.len(), count, "nobody is asked after the end");
    }

    #[test]
    fn what_the_observer_writes_is_what_is_loaded_and_its_own_loads_are_not_observed() {
        let mut page = Box::new([Page::ZERO]);
        let mem = SharedMem::from_pages(&mut page);
        let mut rewrite = |_, _| {
            mem.u32::<0>().fetch_or(0);
            mem.u32::<0>().store(mem.u32::<0>().load(Relaxed) + 1, Relaxed);
        };
        let found = observe_loads(&mut rewrite, || {
            vec![mem.u32::<0>().load(Relaxed), mem.u32::<0>().load(Relaxed)]
        });
        assert_eq!(found, [1, 2]);
    }
}
