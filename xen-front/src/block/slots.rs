//! A table of values by slot, in pages of the platform.

use xen_hypercall::{OutOfMemory, PageVec, Platform};

#[derive(Debug)]
enum Slot<T> {
    /// Free, with the next free slot.
    Free(u16),
    Used(T),
}

/// A table with a fixed number of slots. A free slot is found in constant time.
#[derive(Debug)]
pub(super) struct Slots<P: Platform, T> {
    slots: PageVec<P, Slot<T>>,
    /// The first free slot; the number of slots if there is none.
    first_free: u16,
    used: u16,
}

impl<P: Platform, T> Slots<P, T> {
    /// Allocates a table of `count` slots.
    pub(super) fn alloc(platform: P, count: u16) -> Result<Self, OutOfMemory> {
        let mut slots = PageVec::with_capacity(platform, count.into())?;
        for slot in 0..count {
            // The capacity is reserved.
            let _ = slots.push(Slot::Free(slot + 1));
        }
        Ok(Self { slots, first_free: 0, used: 0 })
    }

    /// Returns the number of slots in use.
    pub(super) fn used(&self) -> usize {
        self.used.into()
    }

    /// Returns the number of free slots.
    pub(super) fn free(&self) -> usize {
        self.slots.len() - self.used()
    }

    /// Returns the slot that the next [`insert`](Self::insert) uses; `None` if all are in use.
    pub(super) fn next_free(&self) -> Option<u16> {
        (usize::from(self.first_free) < self.slots.len()).then_some(self.first_free)
    }

    /// Puts a value into the next free slot, or returns it if there is none.
    #[inline(always)]
    pub(super) fn insert(&mut self, value: T) -> Result<(), T> {
        match self.slots.get_mut(usize::from(self.first_free)) {
            Some(slot @ &mut Slot::Free(next)) => {
                *slot = Slot::Used(value);
                self.first_free = next;
                self.used += 1;
                Ok(())
            }
            _ => Err(value),
        }
    }

    /// Returns the value in a slot.
    pub(super) fn get_mut(&mut self, slot: u16) -> Option<&mut T> {
        match self.slots.get_mut(usize::from(slot))? {
            Slot::Used(value) => Some(value),
            Slot::Free(_) => None,
        }
    }

    /// Removes the value in a slot.
    #[inline(always)]
    pub(super) fn remove(&mut self, slot: u16) -> Option<T> {
        let place = self.slots.get_mut(usize::from(slot))?;
        if matches!(place, Slot::Free(_)) {
            return None;
        }
        let removed = core::mem::replace(place, Slot::Free(self.first_free));
        self.first_free = slot;
        self.used -= 1;
        match removed {
            Slot::Used(value) => Some(value),
            Slot::Free(_) => None,
        }
    }

    /// Returns all values with their slots, in the order of the slots.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u16, &T)> {
        (0..).zip(self.slots.iter()).filter_map(|(slot, place)| match place {
            Slot::Used(value) => Some((slot, value)),
            Slot::Free(_) => None,
        })
    }

    /// Returns all values, in the order of their slots.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.slots.iter_mut().filter_map(|place| match place {
            Slot::Used(value) => Some(value),
            Slot::Free(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use xen_sim::{Domain, DomainConfig, World};

    fn slots(count: u16) -> Slots<Domain, u32> {
        let guest = World::new(1).create_guest(DomainConfig::new("guest"));
        Slots::alloc(guest, count).unwrap()
    }

    #[test]
    fn full_table_returns_the_value() {
        let mut slots = slots(3);
        for value in 0..3 {
            assert_eq!((slots.next_free(), slots.insert(value)), (Some(value as u16), Ok(())));
        }
        assert_eq!((slots.next_free(), slots.insert(9), slots.free()), (None, Err(9), 0));
        assert_eq!((slots.remove(1), slots.remove(1), slots.remove(3)), (Some(1), None, None));
        assert_eq!((slots.next_free(), slots.insert(7)), (Some(1), Ok(())));
        assert_eq!(slots.get_mut(1), Some(&mut 7));
        assert!(slots.iter().eq([(0, &0), (1, &7), (2, &2)]));
    }

    proptest::proptest! {
        #[test]
        fn slots_match_a_map(
            steps in proptest::collection::vec((0u16..12, proptest::bool::ANY), 1..100)
        ) {
            let (mut slots, mut model) = (slots(10), BTreeMap::new());
            for (value, (slot, insert)) in (0..).zip(steps) {
                if insert {
                    let free = slots.next_free();
                    assert_eq!(slots.insert(value).is_ok(), free.is_some());
                    if let Some(free) = free {
                        assert_eq!(model.insert(free, value), None);
                    }
                } else {
                    assert_eq!(slots.remove(slot), model.remove(&slot));
                }
                assert_eq!((slots.used(), slots.free()), (model.len(), 10 - model.len()));
                assert!(slots.iter().eq(model.iter().map(|(&slot, value)| (slot, value))));
            }
        }
    }
}
