//! Growth of the array of event words by several callers: Xen gets each page once and in order.

use crate::growth::Growth;
use loom::sync::Arc;
use loom::sync::atomic::AtomicU32;
use loom::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use loom::thread;
use xen_hypercall::Errno;

struct Array {
    growth: Growth,
    places: [AtomicU32; 2],
    /// Pages that Xen has. Xen locks.
    xen: AtomicU32,
}

impl Array {
    fn new() -> Arc<Self> {
        let places = core::array::from_fn(|_| AtomicU32::new(0));
        Arc::new(Self { growth: Growth::new(), places, xen: AtomicU32::new(0) })
    }

    fn grow(&self, needed: u32) -> Result<(), Errno> {
        for place in &self.places[..needed as usize] {
            let _ = place.compare_exchange(0, 1, Release, Relaxed);
        }
        let present =
            |index: u32| self.places.get(index as usize).is_some_and(|p| p.load(Acquire) != 0);
        self.growth.run(needed, present, |index| {
            assert_eq!(
                self.xen.fetch_add(1, AcqRel),
                index,
                "Xen appends: a page comes out of order"
            );
            Ok(())
        })
    }
}

#[test]
fn pages_are_added_once_in_order() {
    for others in [1, 2] {
        loom::model(move || {
            let array = Array::new();
            let other = thread::spawn({
                let array = array.clone();
                move || array.grow(others)
            });
            array.grow(2).unwrap();
            other.join().unwrap().unwrap();
            assert_eq!(array.xen.load(Relaxed), 2, "a page was forgotten");
        });
    }
}
