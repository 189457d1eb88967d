//! A domain's physical memory: which frame of the world is behind which guest frame, and where the
//! domain sees it.

use crate::pool::{Access, Mfn, Pool, Window};
use core::ptr::NonNull;
use std::collections::BTreeMap;
use xen_hypercall::{DomId, PAGE_SIZE};

/// What a guest frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mapping {
    pub(crate) mfn: Mfn,
    pub(crate) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The domain's own RAM.
    Ram,
    /// A page of Xen's: shared info, grant table.
    Xen,
    /// Another domain's page, mapped by a grant.
    Grant { writable: bool },
    /// Another domain's page, or one of Xen's for it, mapped by privilege.
    Foreign { owner: DomId },
}

/// What the simulated kernel's allocator says of a page of RAM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    Free,
    /// The first page of an allocation of this many.
    Head(usize),
    /// A further page of an allocation.
    Tail,
    /// Freed before, and filled with [`POISON`] since.
    Poisoned,
}

/// What a freed page is filled with, so that whoever still writes to it is found out.
pub(crate) const POISON: u64 = 0xdbdb_dbdb_dbdb_dbdb;

/// Frames for the rings that the toolstack makes, above the RAM.
pub(crate) const SPECIAL_PAGES: usize = 16;

/// Neighbours in the address space are never neighbours by frame number, so that code that counts
/// on it fails.
const SHUFFLE: usize = 0b101;

#[derive(Debug)]
pub(crate) struct Physmap {
    window: Window,
    /// Guest frames of RAM start here; different in each domain, so that a mix-up is found out.
    ram_base: u64,
    ram: usize,
    pages: usize,
    slots: Vec<Option<Mapping>>,
    /// Frames that the domain has no address for.
    elsewhere: BTreeMap<u64, Mapping>,
    /// Frames that hold others' pages by privilege, with whose they are.
    foreign: BTreeMap<u64, (Mfn, DomId)>,
    allocator: Vec<Slot>,
    /// Pages that are allocated.
    in_use: usize,
    reserved: Vec<bool>,
    foreign_start: usize,
}

impl Physmap {
    pub(crate) fn new(pool: &mut Pool, id: DomId, ram: usize, foreign: usize) -> Self {
        let ram = ram.next_power_of_two().max(8);
        let foreign_start = ram + SPECIAL_PAGES;
        let pages = foreign_start + foreign;
        let mut window = pool.window(pages).expect("the host has address space for a domain");
        let first =
            pool.alloc_in(&mut window, 0, ram as u32).expect("the world has frames for a domain");
        let mapping = |page| Some(Mapping { mfn: Mfn(first.0 + page as u32), kind: Kind::Ram });
        let slots = (0..pages).map(|page| if page < ram { mapping(page) } else { None }).collect();
        Self {
            window,
            ram_base: 0x1_0000 * (u64::from(id.0) + 1),
            ram,
            pages,
            slots,
            elsewhere: BTreeMap::new(),
            foreign: BTreeMap::new(),
            allocator: vec![Slot::Free; ram],
            in_use: 0,
            reserved: vec![false; foreign],
            foreign_start,
        }
    }

    /// Makes the memory of a domain that has none any more.
    pub(crate) fn none(pool: &Pool) -> Self {
        Self {
            window: pool.window(1).expect("the host has address space for a page"),
            ram_base: 0,
            ram: 0,
            pages: 0,
            slots: Vec::new(),
            elsewhere: BTreeMap::new(),
            foreign: BTreeMap::new(),
            allocator: Vec::new(),
            in_use: 0,
            reserved: Vec::new(),
            foreign_start: 0,
        }
    }

    /// Returns the pages of RAM, and those of Xen's in its place, that may hold anything but
    /// zeroes: with the frame of each, and its content.
    pub(crate) fn contents(&self, pool: &Pool) -> Vec<(u64, Box<[u8; PAGE_SIZE]>)> {
        let touched = pool.touched();
        let kept = self.mappings().filter(|(gfn, mapping)| {
            let special =
                self.page(*gfn).is_some_and(|page| (self.ram..self.foreign_start).contains(&page));
            matches!(mapping.kind, Kind::Ram | Kind::Xen)
                && !special
                && touched.contains(mapping.mfn)
        });
        let copy = |mfn| {
            let mut bytes = Box::new([0; PAGE_SIZE]);
            pool.page(mfn).copy_to(0, &mut bytes[..]).expect("a frame has a page of bytes");
            bytes
        };
        kept.map(|(gfn, mapping)| (gfn, copy(mapping.mfn))).collect()
    }

    /// Forgets the frames of the pool that the memory was made of, and what is not the domain's
    /// own. The addresses stay.
    pub(crate) fn leave(&mut self, pool: &mut Pool) {
        let pages = (0..self.slots.len()).filter(|&page| self.slots[page].is_some());
        pool.leave(&mut self.window, pages);
        for (page, slot) in self.slots.iter_mut().enumerate() {
            // What Xen put in the place of RAM is RAM after that, with the same content.
            let own = slot.is_some_and(|mapping| matches!(mapping.kind, Kind::Ram | Kind::Xen));
            *slot = slot.filter(|_| own && page < self.ram);
        }
        self.foreign.clear();
        self.elsewhere.retain(|_, mapping| mapping.kind == Kind::Ram);
    }

    /// Makes the memory anew of frames of another pool, all zeroes.
    pub(crate) fn settle(&mut self, pool: &mut Pool) {
        pool.empty(&mut self.window);
        let first = pool.alloc_in(&mut self.window, 0, self.ram as u32);
        let first = first.expect("the world has frames for a domain");
        for page in 0..self.ram {
            if self.slots[page].is_some() {
                let mfn = Mfn(first.0 + page as u32);
                self.slots[page] = Some(Mapping { mfn, kind: Kind::Ram });
            } else {
                pool.unmap(&mut self.window, page);
            }
        }
        for mapping in self.elsewhere.values_mut() {
            mapping.mfn = pool.alloc(1).expect("the world has frames for a domain");
        }
    }

    /// Returns the frame number of a page of the window.
    pub(crate) fn gfn(&self, page: usize) -> u64 {
        let index = if page < self.ram { page ^ SHUFFLE } else { page };
        self.ram_base + index as u64
    }

    /// Returns the page of the window where a frame is seen.
    pub(crate) fn page(&self, gfn: u64) -> Option<usize> {
        let index = usize::try_from(gfn.checked_sub(self.ram_base)?)
            .ok()
            .filter(|&index| index < self.pages)?;
        Some(if index < self.ram { index ^ SHUFFLE } else { index })
    }

    pub(crate) fn address(&self, page: usize) -> NonNull<u8> {
        self.window.address(page)
    }

    /// Returns the addresses at which the domain sees memory.
    pub(crate) fn extent(&self) -> core::ops::Range<usize> {
        let start = self.window.address(0).as_ptr().addr();
        start..start + self.pages * PAGE_SIZE
    }

    pub(crate) fn page_of(&self, address: usize) -> Option<usize> {
        self.window.page_of(address)
    }

    /// Returns the frame number of special page `index`.
    pub(crate) fn special(&self, index: usize) -> u64 {
        assert!(index < SPECIAL_PAGES);
        self.gfn(self.ram + index)
    }

    pub(crate) fn get(&self, gfn: u64) -> Option<Mapping> {
        match self.page(gfn) {
            Some(page) => self.slots[page],
            None => self.elsewhere.get(&gfn).copied(),
        }
    }

    /// Puts a frame of the world at a guest frame and returns what was there.
    pub(crate) fn set(
        &mut self,
        pool: &mut Pool,
        gfn: u64,
        mapping: Option<Mapping>,
    ) -> Option<Mapping> {
        match mapping {
            Some(Mapping { mfn, kind: Kind::Foreign { owner } }) => {
                self.foreign.insert(gfn, (mfn, owner))
            }
            _ => self.foreign.remove(&gfn),
        };
        let Some(page) = self.page(gfn) else {
            return match mapping {
                Some(mapping) => self.elsewhere.insert(gfn, mapping),
                None => self.elsewhere.remove(&gfn),
            };
        };
        match mapping {
            Some(Mapping { mfn, kind: Kind::Grant { writable: false } }) => {
                pool.map(&mut self.window, page, mfn, Access::Read);
            }
            Some(Mapping { mfn, .. }) => pool.map(&mut self.window, page, mfn, Access::Write),
            None => pool.unmap(&mut self.window, page),
        }
        core::mem::replace(&mut self.slots[page], mapping)
    }

    /// Returns every frame of the domain that holds something, with what it holds.
    pub(crate) fn mappings(&self) -> impl Iterator<Item = (u64, Mapping)> + '_ {
        let slots = self.slots.iter().enumerate();
        let within =
            slots.filter_map(|(page, mapping)| mapping.map(|mapping| (self.gfn(page), mapping)));
        within.chain(self.elsewhere.iter().map(|(&gfn, &mapping)| (gfn, mapping)))
    }

    /// Returns the frames that are others', mapped by privilege, with whose they are.
    pub(crate) fn foreign(&self) -> impl Iterator<Item = (Mfn, DomId)> + '_ {
        self.foreign.values().copied()
    }

    /// Allocates `count` contiguous pages of RAM; returns the first, and whether a page was written
    /// to after it was freed.
    pub(crate) fn alloc(&mut self, pool: &Pool, count: usize) -> Option<(usize, Option<u64>)> {
        let usable = |page: usize| {
            matches!(self.allocator[page], Slot::Free | Slot::Poisoned)
                && self.slots[page].is_some_and(|mapping| mapping.kind == Kind::Ram)
        };
        let mut run = 0;
        let end = (0..self.ram).find(|&page| {
            run = if usable(page) { run + 1 } else { 0 };
            run == count
        })?;
        let first = end + 1 - count;
        let mut spoilt = None;
        for page in first..=end {
            let memory = pool.page(self.slots[page]?.mfn);
            if self.allocator[page] == Slot::Poisoned && !is_poison(memory) {
                spoilt = Some(self.gfn(page));
            }
            memory.zero();
            self.allocator[page] = Slot::Tail;
        }
        self.allocator[first] = Slot::Head(count);
        self.in_use += count;
        Some((first, spoilt))
    }

    /// Takes an allocation back; `false` if there is none at `first` of that size.
    pub(crate) fn free(&mut self, pool: &Pool, first: usize, count: usize) -> bool {
        if self.allocator.get(first) != Some(&Slot::Head(count)) {
            return false;
        }
        self.in_use -= count;
        for page in first..first + count {
            self.allocator[page] = Slot::Free;
            if let Some(Mapping { mfn, kind: Kind::Ram }) = self.slots[page] {
                poison(pool.page(mfn));
                self.allocator[page] = Slot::Poisoned;
            }
        }
        true
    }

    /// Returns how many pages are allocated.
    pub(crate) fn in_use(&self) -> usize {
        self.in_use
    }

    /// Returns the frame of each page that was written to after it was freed.
    pub(crate) fn spoilt(&self, pool: &Pool) -> Vec<u64> {
        let freed = self.allocator.iter().zip(&self.slots).enumerate();
        let spoilt = freed.filter(|(_, (slot, mapping))| {
            let memory = mapping
                .filter(|mapping| mapping.kind == Kind::Ram)
                .map(|mapping| pool.page(mapping.mfn));
            **slot == Slot::Poisoned && memory.is_some_and(|memory| !is_poison(memory))
        });
        spoilt.map(|(page, _)| self.gfn(page)).collect()
    }

    /// Returns the frame of each page that is allocated.
    pub(crate) fn allocated(&self) -> impl Iterator<Item = u64> + '_ {
        let pages = self.allocator.iter().enumerate();
        pages
            .filter(|(_, slot)| matches!(slot, Slot::Head(_) | Slot::Tail))
            .map(|(page, _)| self.gfn(page))
    }

    /// Reserves `count` contiguous frames without RAM; returns the first page.
    pub(crate) fn reserve(&mut self, count: usize) -> Option<usize> {
        let mut run = 0;
        let end = self.reserved.iter().position(|&taken| {
            run = if taken { 0 } else { run + 1 };
            run == count
        })?;
        let first = end + 1 - count;
        self.reserved[first..=end].fill(true);
        Some(self.foreign_start + first)
    }

    /// Takes a reservation back; `false` if a page of it was not reserved, or still holds
    /// something.
    pub(crate) fn release(&mut self, first: usize, count: usize) -> bool {
        let Some(index) = first.checked_sub(self.foreign_start) else { return false };
        let Some(range) = self.reserved.get_mut(index..index + count) else { return false };
        let sound = range.iter().all(|&taken| taken);
        range.fill(false);
        sound && self.slots[first..first + count].iter().all(Option::is_none)
    }

    pub(crate) fn reserved(&self) -> usize {
        self.reserved.iter().filter(|&&taken| taken).count()
    }

    pub(crate) fn ram_pages(&self) -> usize {
        self.slots.iter().flatten().filter(|mapping| mapping.kind == Kind::Ram).count()
            + self.elsewhere.values().filter(|mapping| mapping.kind == Kind::Ram).count()
    }

    /// Returns the first frame above all that the domain has addresses for, and the base of its
    /// RAM.
    pub(crate) fn ram_range(&self) -> (u64, u64) {
        (self.ram_base, self.ram as u64)
    }
}

fn words(page: &xen_hypercall::SharedMem) -> impl Iterator<Item = xen_hypercall::SharedU64<'_>> {
    (0..PAGE_SIZE).step_by(8).filter_map(|offset| page.u64_at(offset))
}

fn is_poison(page: &xen_hypercall::SharedMem) -> bool {
    words(page).all(|word| word.load(core::sync::atomic::Ordering::Relaxed) == POISON)
}

fn poison(page: &xen_hypercall::SharedMem) {
    words(page).for_each(|word| word.store(POISON, core::sync::atomic::Ordering::Relaxed));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map() -> (Pool, Physmap) {
        let mut pool = Pool::new(1 << 10).unwrap();
        let physmap = Physmap::new(&mut pool, DomId(3), 64, 16);
        (pool, physmap)
    }

    #[test]
    fn neighbouring_pages_are_not_neighbouring_frames() {
        let (_pool, physmap) = map();
        for page in 0..63 {
            assert_ne!(physmap.gfn(page) + 1, physmap.gfn(page + 1));
            assert_eq!(physmap.page(physmap.gfn(page)), Some(page));
        }
        assert_eq!(physmap.page(0x4_0000 - 1), None);
    }

    #[test]
    fn a_page_written_after_it_was_freed_is_found_out() {
        let (pool, mut physmap) = map();
        let (page, spoilt) = physmap.alloc(&pool, 2).unwrap();
        assert_eq!(spoilt, None);
        let gfn = physmap.gfn(page + 1);
        assert!(!physmap.free(&pool, page, 1));
        assert!(physmap.free(&pool, page, 2));
        let memory = pool.page(physmap.get(gfn).unwrap().mfn);
        memory.u8::<7>().store(1, core::sync::atomic::Ordering::Relaxed);
        assert_eq!(physmap.alloc(&pool, 2), Some((page, Some(gfn))));
    }

    #[test]
    fn allocations_do_not_overlap_and_end() {
        let (pool, mut physmap) = map();
        let first = physmap.alloc(&pool, 60).unwrap().0;
        assert!(physmap.alloc(&pool, 5).is_none());
        let second = physmap.alloc(&pool, 4).unwrap().0;
        assert!(first + 60 <= second || second + 4 <= first);
        assert!(physmap.alloc(&pool, 1).is_none());
    }

    #[test]
    fn reserved_frames_follow_each_other() {
        let (_pool, mut physmap) = map();
        let page = physmap.reserve(4).unwrap();
        assert_eq!(physmap.gfn(page) + 3, physmap.gfn(page + 3));
        assert_eq!(
            physmap.address(page).as_ptr().addr() + PAGE_SIZE,
            physmap.address(page + 1).as_ptr().addr()
        );
        assert!(physmap.get(physmap.gfn(page)).is_none());
        assert!(physmap.release(page, 4));
        assert!(!physmap.release(page, 4));
        assert_eq!(physmap.reserved(), 0);
    }
}
