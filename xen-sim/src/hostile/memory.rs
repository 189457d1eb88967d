//! Shared memory that changes before each load, and counts of the loads.

use super::ChoiceSource;
use crate::Domain;
use crate::machine::Machine;
use crate::physmap::Kind;
use crate::pool::Mfn;
use core::sync::atomic::Ordering::Relaxed;
use std::collections::BTreeMap;
use xen_hypercall::{DomId, Gfn, PAGE_SIZE, SharedMem, observe_loads};

/// Peer that rewrites shared memory immediately before the driver loads it, which exposes double
/// fetches.
///
/// It runs before every load through the accessor ([`SharedMem`]), which is the only access of
/// drivers.
#[derive(Clone, Debug)]
pub struct HostilePeer {
    choices: ChoiceSource,
}

impl HostilePeer {
    /// Creates a peer that rewrites memory by `choices`, until the choices end.
    pub fn new(choices: ChoiceSource) -> Self {
        Self { choices }
    }

    /// Runs `driver`, code of `domain`. Before each of its loads from a page that another domain
    /// can write (granted for writing, or mapped), the peer may write there.
    ///
    /// It excludes the rings of xenstore and console, and loads of other domains while the driver
    /// waits.
    pub fn against<R>(&mut self, domain: &Domain, driver: impl FnOnce() -> R) -> R {
        let choices = &mut self.choices;
        on_exposed_loads(
            domain,
            &mut |machine, place, len| {
                choices.rewrite(machine.page(place.mfn), place.offset, len);
            },
            driver,
        )
    }

    /// Runs `driver`. Before each of its loads from `mem`, which belongs to the test, the peer may
    /// write there.
    pub fn against_memory<R>(&mut self, mem: &SharedMem, driver: impl FnOnce() -> R) -> R {
        let start = core::ptr::from_ref(mem).cast::<u8>().addr();
        let range = start..start + mem.len();
        let mut rewrite = |address, len| {
            if range.contains(&address) {
                self.choices.rewrite(mem, address - start, len);
            }
        };
        observe_loads(&mut rewrite, driver)
    }
}

impl ChoiceSource {
    /// Rewrites memory before a load of `len` bytes at `offset`.
    fn rewrite(&mut self, mem: &SharedMem, offset: usize, len: usize) {
        if self.is_empty() {
            return;
        }
        let word = mem.u32_at(offset & !3);
        match (self.u8() % 8, word) {
            // The value, mostly an index, grows a little, as that of a sound peer.
            (3 | 4, Some(word)) => {
                word.store(word.load(Relaxed).wrapping_add(u32::from(self.u8() % 8)), Relaxed);
            }
            (5, Some(word)) => word.store(self.u32(), Relaxed),
            (6, _) => {
                let len = len.min(self.bytes.len()).min(mem.len() - offset);
                let bytes: Vec<u8> = self.bytes.drain(..len).collect();
                mem.copy_from(offset, &bytes);
            }
            (7, _) => {
                let offset = usize::from(self.u16()) % mem.len();
                mem.write(offset, &self.u8());
            }
            _ => {}
        }
    }
}

/// Number of loads of each byte that another domain can write. More than one for the same decision
/// is a double fetch.
///
/// ```
/// # use xen_hypercall::{Page, SharedMem};
/// # use std::sync::atomic::Ordering::Relaxed;
/// use xen_sim::SharedLoads;
///
/// let mut page = Box::new([Page::ZERO]);
/// let mem = SharedMem::from_pages(&mut page);
/// // A length that is checked and then read again: a peer can change it in between.
/// let (loads, _) = SharedLoads::of_memory(mem, || {
///     let len = mem.u32::<0>();
///     if len.load(Relaxed) <= 16 { len.load(Relaxed) } else { 16 }
/// });
/// assert_eq!(loads.most(), 2);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SharedLoads {
    counts: BTreeMap<(Gfn, usize), u32>,
}

impl SharedLoads {
    /// Runs `driver`, code of `domain`, and counts its loads from the pages of
    /// [`HostilePeer::against`].
    pub fn of<R>(domain: &Domain, driver: impl FnOnce() -> R) -> (Self, R) {
        let mut loads = Self::default();
        let result = on_exposed_loads(
            domain,
            &mut |_, place, len| {
                for byte in place.offset..(place.offset + len).min(PAGE_SIZE) {
                    *loads.counts.entry((place.gfn, byte)).or_default() += 1;
                }
            },
            driver,
        );
        (loads, result)
    }

    /// Runs `driver` and counts its loads from `mem`, by their offset from its start.
    pub fn of_memory<R>(mem: &SharedMem, driver: impl FnOnce() -> R) -> (Self, R) {
        let mut loads = Self::default();
        let start = core::ptr::from_ref(mem).cast::<u8>().addr();
        let mut count = |address: usize, len: usize| {
            for byte in (address..address + len).filter_map(|at| at.checked_sub(start)) {
                if byte < mem.len() {
                    *loads.counts.entry((Gfn(0), byte)).or_default() += 1;
                }
            }
        };
        let result = observe_loads(&mut count, driver);
        (loads, result)
    }

    /// Returns the number of loads of the byte at `offset` of a frame.
    pub fn at(&self, gfn: Gfn, offset: usize) -> u32 {
        self.counts.get(&(gfn, offset)).copied().unwrap_or(0)
    }

    /// Returns the largest count of any byte.
    pub fn most(&self) -> u32 {
        self.counts.values().copied().max().unwrap_or(0)
    }

    /// Returns all loaded bytes, by frame and offset, with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (Gfn, usize, u32)> + '_ {
        self.counts.iter().map(|(&(gfn, offset), &count)| (gfn, offset, count))
    }
}

/// Place in a domain's memory that other domains can write.
struct Place {
    gfn: Gfn,
    mfn: Mfn,
    offset: usize,
}

/// Runs `driver`, and `act` before each of its loads from a page of `domain` that another domain
/// can write.
fn on_exposed_loads<R>(
    domain: &Domain,
    act: &mut dyn FnMut(&Machine, Place, usize),
    driver: impl FnOnce() -> R,
) -> R {
    let (shared, id) = domain.place();
    let extent = shared.lock().dom(id).physmap.extent();
    let mut observe = |address: usize, len: usize| {
        if !extent.contains(&address) {
            return;
        }
        // A load under the lock is the simulator's own.
        let Some(machine) = shared.try_lock() else { return };
        let end = address + len;
        let mut at = address;
        while at < end {
            let next = end.min((at & !(PAGE_SIZE - 1)) + PAGE_SIZE);
            if let Some(place) = machine.exposed(id, at) {
                act(&machine, place, next - at);
            }
            at = next;
        }
    };
    observe_loads(&mut observe, driver)
}

impl Machine {
    /// Returns the place at an address of a domain, if another domain can write there by a grant.
    fn exposed(&self, id: DomId, address: usize) -> Option<Place> {
        let physmap = &self.dom(id).physmap;
        let gfn = physmap.gfn(physmap.page_of(address)?);
        let mapping = physmap.get(gfn)?;
        let theirs = match mapping.kind {
            Kind::Grant { .. } | Kind::Foreign { .. } => true,
            Kind::Ram => self.is_granted_for_writing(id, gfn),
            Kind::Xen => false,
        };
        theirs.then_some(Place { gfn: Gfn(gfn), mfn: mapping.mfn, offset: address % PAGE_SIZE })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DomainConfig, World};
    use xen_grant::{GrantMapArea, GrantTable, ReadWrite};
    use xen_hypercall::Pages;

    #[test]
    fn only_exposed_memory_is_rewritten() {
        let world = World::new(1);
        let (front, back) =
            (world.create(DomainConfig::new("front")), world.create(DomainConfig::new("back")));
        let grants = GrantTable::new(front.clone()).unwrap();
        let share = || Pages::alloc(front.clone(), 1).unwrap();
        let shared = grants.grant_writable(share(), back.id()).unwrap();
        let shown = grants.grant_read_only(share(), back.id()).unwrap();
        let mapped = GrantMapArea::reserve(back.clone(), 1).unwrap();
        let mapped = mapped.map::<ReadWrite>(front.id(), shared.refs()).unwrap();

        // Bytes that always select the fifth action, with its own value.
        let choices = || ChoiceSource::from_bytes(&[5, 0xad, 0xde, 0, 0].repeat(8));
        let load = |mem: &SharedMem| mem.u32::<64>().load(Relaxed);
        let front_sees = HostilePeer::new(choices())
            .against(&front, || (load(shared.as_ref()), load(shown.as_ref())));
        assert_eq!(front_sees, (0xdead, 0));
        shared.as_ref().zero();
        assert_eq!(HostilePeer::new(choices()).against(&back, || load(mapped.as_ref())), 0xdead);
        shared.as_ref().zero();
        assert_eq!(
            HostilePeer::new(choices()).against(&back, || load(shared.as_ref())),
            0,
            "not back's own loads"
        );

        let (loads, _) = SharedLoads::of(&back, || {
            (load(mapped.as_ref()), mapped.as_ref().copy_to(60, &mut [0; 8]))
        });
        let counts: Vec<_> = loads.iter().map(|(_, offset, count)| (offset, count)).collect();
        let expected: Vec<_> = (60..68).map(|byte| (byte, if byte < 64 { 1 } else { 2 })).collect();
        assert_eq!((counts, loads.most()), (expected, 2));
        drop((mapped, shared, shown));
        drop(grants);
        world.check().unwrap();
    }
}
