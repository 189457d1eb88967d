//! Table of values by grant reference, bounded, the least recently used evicted first.

use xen_hypercall::{GrantRef, Instant, OutOfMemory, PageVec, Platform};

const NONE: u32 = u32::MAX;

/// The entry of a reference whose value is in use.
///
/// It stays the reference's until [`put`](LruMap::put), which takes it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct EntryId(u32);

#[derive(Debug)]
struct Entry<V> {
    reference: GrantRef,
    /// `None` while it is in use, or for an entry without a reference.
    value: Option<V>,
    used: Instant,
    /// The next entry in the bucket, or the next one without a reference.
    next: u32,
    /// The neighbours in the order of use, while it is idle.
    older: u32,
    newer: u32,
}

/// Values by grant reference, at most a fixed number of them. A value is idle or in use: one in use
/// is its user's, so that it cannot be evicted.
///
/// A lookup takes one bucket. The low bits of a reference select it, so a guest whose grant table
/// has N references can bring N / buckets of them into one.
#[derive(Debug)]
pub(super) struct LruMap<P: Platform, V> {
    entries: PageVec<P, Entry<V>>,
    /// The first entry of each bucket; a power of two.
    buckets: PageVec<P, u32>,
    limit: usize,
    len: usize,
    /// The first entry without a reference.
    free: u32,
    /// The ends of the order of use, which has the idle values.
    oldest: u32,
    newest: u32,
}

impl<P: Platform, V> LruMap<P, V> {
    /// Makes a table for `limit` values: no later call allocates.
    pub(super) fn new(platform: &P, limit: usize) -> Result<Self, OutOfMemory> {
        let limit = limit.clamp(1, NONE as usize - 1);
        let count = limit.next_power_of_two();
        let mut buckets = PageVec::with_capacity(platform.clone(), count)?;
        for _ in 0..count {
            // There is room.
            let _ = buckets.push(NONE);
        }
        let entries = PageVec::with_capacity(platform.clone(), limit)?;
        Ok(Self { entries, buckets, limit, len: 0, free: NONE, oldest: NONE, newest: NONE })
    }

    /// Returns the number of references, idle and in use.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Returns how many more references there is room for.
    pub(super) fn room(&self) -> usize {
        self.limit - self.len
    }

    /// Returns the last use of the value that has been idle for longest.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.entry(self.oldest).map(|entry| entry.used)
    }

    fn entry(&self, index: u32) -> Option<&Entry<V>> {
        self.entries.get(index as usize)
    }

    fn entry_mut(&mut self, index: u32) -> Option<&mut Entry<V>> {
        self.entries.get_mut(index as usize)
    }

    fn bucket_mut(&mut self, reference: GrantRef) -> Option<&mut u32> {
        let mask = self.buckets.len() - 1;
        self.buckets.get_mut(reference.0 as usize & mask)
    }

    fn find(&self, reference: GrantRef) -> Option<u32> {
        let mask = self.buckets.len() - 1;
        let mut index = *self.buckets.get(reference.0 as usize & mask)?;
        loop {
            let entry = self.entry(index)?;
            if entry.reference == reference {
                return Some(index);
            }
            index = entry.next;
        }
    }

    /// Takes the value of a reference for use. `None` if there is none, or it is in use.
    pub(super) fn take(&mut self, reference: GrantRef) -> Option<(EntryId, V)> {
        let index = self.find(reference)?;
        let value = self.entry_mut(index)?.value.take()?;
        self.unlink(index);
        Some((EntryId(index), value))
    }

    /// Makes an entry for the value of a reference, which is in use. `None` if the reference has
    /// one already, or the table is full.
    pub(super) fn insert_in_use(&mut self, reference: GrantRef, now: Instant) -> Option<EntryId> {
        if self.room() == 0 || self.find(reference).is_some() {
            return None;
        }
        let next = *self.bucket_mut(reference)?;
        let new = Entry { reference, value: None, used: now, next, older: NONE, newer: NONE };
        let mut index = self.free;
        if let Some(entry) = self.entry_mut(index) {
            let free = entry.next;
            *entry = new;
            self.free = free;
        } else {
            index = self.entries.len() as u32;
            self.entries.push(new).ok()?;
        }
        *self.bucket_mut(reference)? = index;
        self.len += 1;
        Some(EntryId(index))
    }

    /// Returns a value after its use at `now`: it is the most recently used one.
    pub(super) fn put(&mut self, entry: EntryId, value: V, now: Instant) {
        let (EntryId(index), older) = (entry, self.newest);
        if let Some(entry) = self.entry_mut(index) {
            (entry.value, entry.used) = (Some(value), now);
            (entry.older, entry.newer) = (older, NONE);
        }
        match self.entry_mut(older) {
            Some(older) => older.newer = index,
            None => self.oldest = index,
        }
        self.newest = index;
    }

    /// Takes the entry of an idle value out of the order of use.
    fn unlink(&mut self, index: u32) {
        let Some(&Entry { older, newer, .. }) = self.entry(index) else { return };
        match self.entry_mut(older) {
            Some(entry) => entry.newer = newer,
            None => self.oldest = newer,
        }
        match self.entry_mut(newer) {
            Some(entry) => entry.older = older,
            None => self.newest = older,
        }
    }

    /// Removes the value that has been idle for longest, with its reference.
    pub(super) fn evict(&mut self) -> Option<V> {
        let index = self.oldest;
        let entry = self.entry_mut(index)?;
        let (reference, next, value) = (entry.reference, entry.next, entry.value.take());
        self.unlink(index);
        // Unlinks it from its bucket.
        let bucket = self.bucket_mut(reference)?;
        let mut at = *bucket;
        if at == index {
            *bucket = next;
        }
        while let Some(entry) = self.entry_mut(at) {
            at = entry.next;
            if at == index {
                entry.next = next;
                break;
            }
        }
        let free = self.free;
        self.entry_mut(index)?.next = free;
        self.free = index;
        self.len -= 1;
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;
    use std::vec::Vec;
    use xen_sim::{DomainConfig, World};

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Use(u32),
        Return(usize),
        Evict,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        // References that share buckets, and some that do not.
        let reference = prop_oneof![0u32..12, (0u32..6).prop_map(|index| index * 64)];
        let step = prop_oneof![
            4 => reference.prop_map(Step::Use),
            3 => any::<usize>().prop_map(Step::Return),
            1 => Just(Step::Evict),
        ];
        proptest::collection::vec(step, 0..200)
    }

    /// A list in the order of use, and those in use.
    #[derive(Default)]
    struct Model {
        idle: VecDeque<(u32, u64)>,
        in_use: Vec<(u32, u64, EntryId)>,
    }

    impl Model {
        fn has(&self, reference: u32) -> bool {
            self.in_use.iter().any(|used| used.0 == reference)
                || self.idle.iter().any(|idle| idle.0 == reference)
        }
    }

    proptest! {
        /// The table against a list that is searched from end to end.
        #[test]
        fn table_is_as_a_naive_list(limit in 1usize..9, steps in steps()) {
            let world = World::new(1);
            let domain = world.create_guest(DomainConfig::new("driver"));
            let mut map = LruMap::<_, u64>::new(&domain, limit).unwrap();
            let allocated = domain.counters().pages_allocated;
            let mut model = Model::default();
            for (time, step) in (0u64..).zip(steps) {
                let now = Instant::from_nanos(time);
                match step {
                    Step::Use(reference) => {
                        let taken = map.take(GrantRef(reference));
                        let place = model.idle.iter().position(|idle| idle.0 == reference);
                        let expected = place.and_then(|place| model.idle.remove(place));
                        let found = taken.as_ref().map(|taken| taken.1);
                        prop_assert_eq!(found, expected.map(|idle| idle.1));
                        if let Some((entry, value)) = taken {
                            model.in_use.push((reference, value, entry));
                            continue;
                        }
                        let fits = !model.has(reference)
                            && model.idle.len() + model.in_use.len() < limit;
                        let entry = map.insert_in_use(GrantRef(reference), now);
                        prop_assert_eq!(entry.is_some(), fits);
                        if let Some(entry) = entry {
                            model.in_use.push((reference, time, entry));
                        }
                    }
                    Step::Return(which) if !model.in_use.is_empty() => {
                        let which = which % model.in_use.len();
                        let (reference, value, entry) = model.in_use.swap_remove(which);
                        map.put(entry, value, now);
                        model.idle.push_back((reference, value));
                        prop_assert_eq!(map.oldest().is_some(), true);
                    }
                    Step::Return(_) => {}
                    Step::Evict => {
                        let expected = model.idle.pop_front().map(|idle| idle.1);
                        prop_assert_eq!(map.evict(), expected);
                    }
                }
                prop_assert_eq!(map.len(), model.idle.len() + model.in_use.len());
                prop_assert_eq!(map.room(), limit - map.len());
            }
            prop_assert_eq!(domain.counters().pages_allocated, allocated);
            while let Some(value) = map.evict() {
                prop_assert_eq!(Some(value), model.idle.pop_front().map(|idle| idle.1));
            }
            prop_assert_eq!(map.len(), model.in_use.len());
        }
    }
}
