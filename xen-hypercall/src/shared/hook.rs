//! Observation of loads from shared memory, for tests: address, size and number of loads, and
//! changes by a peer in between.

use core::cell::Cell;
use core::mem::transmute;
use core::ptr::NonNull;

type Observer = dyn FnMut(usize, usize);

std::thread_local! {
    static OBSERVER: Cell<Option<NonNull<Observer>>> = const { Cell::new(None) };
}

/// Runs `body`, and calls `observer` before each of its loads from shared memory on this thread,
/// with address and length in bytes.
///
/// Read-modify-writes count as loads. Loads of the observer itself are not observed, so it may read
/// and change the memory as a peer does. Only with the feature `hook`, which is for tests.
pub fn observe_loads<R>(observer: &mut dyn FnMut(usize, usize), body: impl FnOnce() -> R) -> R {
    struct Restore(Option<NonNull<Observer>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            OBSERVER.set(self.0);
        }
    }
    // SAFETY: only the lifetime changes, and `Restore` removes the pointer before this borrow ends,
    // also on unwinding.
    let erased = unsafe {
        transmute::<NonNull<dyn FnMut(usize, usize) + '_>, NonNull<Observer>>(observer.into())
    };
    let _restore = Restore(OBSERVER.replace(Some(erased)));
    body()
}

pub(super) fn before_load(address: *const u8, len: usize) {
    if let Some(mut observer) = OBSERVER.take() {
        // SAFETY: `observe_loads` is still running and has the exclusive borrow. No other code has
        // the pointer, since it was taken.
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
    fn loads_are_observed_once() {
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
        // The number of pieces of a copy depends on the machine.
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
        assert_eq!(seen.len(), count, "no call after the end");
    }

    #[test]
    fn observer_may_change_memory() {
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
