//! Physical memory of a domain: the world's frame behind each guest frame, and its address.

use crate::pool::{Access, Mfn, Pool, Window};
use core::ptr::NonNull;
use std::collections::BTreeMap;
use xen_hypercall::{DomId, PAGE_SIZE};

/// Content of a guest frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mapping {
    pub(crate) mfn: Mfn,
    pub(crate) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The domain's own RAM.
    Ram,
    /// A page of Xen: shared info, grant table.
    Xen,
    /// Another domain's page, mapped by a grant.
    Grant { writable: bool },
    /// Another domain's page, or one of Xen for it, mapped by privilege.
    Foreign { owner: DomId },
}

/// State of a page of RAM in the simulated kernel's allocator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    Free,
    /// The first page of an allocation of this many.
    Head(usize),
    /// A further page of an allocation.
    Tail,
    /// Free, and filled with [`POISON`] at its release.
    Poisoned,
    /// Out of the allocator: the balloon took it, or it has had no memory so far.
    Ballooned,
}

/// Fill of a freed page, by which later writes to it are detected.
pub(crate) const POISON: u64 = 0xdbdb_dbdb_dbdb_dbdb;

/// Number of frames above the RAM for the toolstack's rings.
pub(crate) const SPECIAL_PAGES: usize = 16;

/// Bits that are flipped in each frame number, so that code fails that expects contiguous frames.
const SHUFFLE: usize = 0b101;

#[derive(Debug)]
pub(crate) struct Physmap {
    window: Window,
    /// First guest frame of RAM, different in each domain, so that a mix-up is detected.
    ram_base: u64,
    /// Number of pages that are RAM, or become RAM by a balloon.
    ram: usize,
    /// Number of pages with memory at the start, the first ones.
    boot: usize,
    /// Number of frames that are RAM.
    ram_count: usize,
    /// Next page of those without memory at the start.
    next_new: usize,
    pages: usize,
    slots: Vec<Option<Mapping>>,
    /// Frames without an address in the domain.
    elsewhere: BTreeMap<u64, Mapping>,
    /// Frames mapped by privilege, with the owners of the pages.
    foreign: BTreeMap<u64, (Mfn, DomId)>,
    allocator: Vec<Slot>,
    /// Number of allocated pages.
    in_use: usize,
    reserved: Vec<bool>,
    foreign_start: usize,
}

impl Physmap {
    pub(crate) fn new(
        pool: &mut Pool,
        id: DomId,
        ram: usize,
        hotplug: usize,
        foreign: usize,
    ) -> Self {
        let ram = ram.next_power_of_two().max(8);
        let boot = ram - hotplug;
        let foreign_start = ram + SPECIAL_PAGES;
        let pages = foreign_start + foreign;
        let mut window = pool.window(pages).expect("the host has address space for a domain");
        let first =
            pool.alloc_in(&mut window, 0, ram as u32).expect("the world has frames for a domain");
        let mapping = |page| Some(Mapping { mfn: Mfn(first.0 + page as u32), kind: Kind::Ram });
        let slots = (0..pages).map(|page| if page < boot { mapping(page) } else { None }).collect();
        let slot = |page| if page < boot { Slot::Free } else { Slot::Ballooned };
        let mut this = Self {
            window,
            ram_base: 0x1_0000 * (u64::from(id.0) + 1),
            ram,
            boot,
            ram_count: boot,
            next_new: boot,
            pages,
            slots,
            elsewhere: BTreeMap::new(),
            foreign: BTreeMap::new(),
            allocator: (0..ram).map(slot).collect(),
            in_use: 0,
            reserved: vec![false; foreign],
            foreign_start,
        };
        for page in boot..ram {
            pool.unmap(&mut this.window, page);
        }
        this
    }

    /// Returns the memory of a domain whose memory was moved.
    pub(crate) fn none(pool: &Pool) -> Self {
        Self {
            window: pool.window(1).expect("the host has address space for a page"),
            ram_base: 0,
            ram: 0,
            boot: 0,
            ram_count: 0,
            next_new: 0,
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

    /// Returns frame and content of the pages of RAM, and of Xen's pages in place of RAM, that may
    /// be nonzero.
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

    /// Releases the frames of the pool, and the mappings of pages that the domain does not own. The
    /// addresses stay.
    pub(crate) fn leave(&mut self, pool: &mut Pool) {
        let pages = (0..self.slots.len()).filter(|&page| self.slots[page].is_some());
        pool.leave(&mut self.window, pages);
        for (page, slot) in self.slots.iter_mut().enumerate() {
            // Xen's pages in place of RAM become RAM with the same content.
            let own = slot.is_some_and(|mapping| matches!(mapping.kind, Kind::Ram | Kind::Xen));
            *slot = slot.filter(|_| own && page < self.ram);
        }
        self.foreign.clear();
        self.elsewhere.retain(|_, mapping| mapping.kind == Kind::Ram);
    }

    /// Allocates the memory from another pool, all zeroes.
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
        self.ram_count = self.slots.iter().flatten().count() + self.elsewhere.len();
    }

    /// Returns the frame number of a page of the window.
    pub(crate) fn gfn(&self, page: usize) -> u64 {
        let index = if page < self.ram { page ^ SHUFFLE } else { page };
        self.ram_base + index as u64
    }

    /// Returns the page of the window that shows a frame.
    pub(crate) fn page(&self, gfn: u64) -> Option<usize> {
        let index = usize::try_from(gfn.checked_sub(self.ram_base)?)
            .ok()
            .filter(|&index| index < self.pages)?;
        Some(if index < self.ram { index ^ SHUFFLE } else { index })
    }

    pub(crate) fn address(&self, page: usize) -> NonNull<u8> {
        self.window.address(page)
    }

    /// Returns the address range of the domain's memory.
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

    /// Shows a frame of the world to code that accesses a guest frame without a mapping.
    pub(crate) fn show(&mut self, pool: &mut Pool, gfn: u64, mfn: Mfn) {
        if let Some(page) = self.page(gfn) {
            pool.map(&mut self.window, page, mfn, Access::Write);
        }
    }

    /// Maps a frame of the world at a guest frame; returns the replaced mapping.
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
        let is_ram = |mapping: Option<Mapping>| mapping.is_some_and(|at| at.kind == Kind::Ram);
        self.ram_count += usize::from(is_ram(mapping));
        self.ram_count -= usize::from(is_ram(self.get(gfn)));
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

    /// Returns all guest frames that are not empty, with their mappings.
    pub(crate) fn mappings(&self) -> impl Iterator<Item = (u64, Mapping)> + '_ {
        let slots = self.slots.iter().enumerate();
        let within =
            slots.filter_map(|(page, mapping)| mapping.map(|mapping| (self.gfn(page), mapping)));
        within.chain(self.elsewhere.iter().map(|(&gfn, &mapping)| (gfn, mapping)))
    }

    /// Returns the frames mapped by privilege, with the owners of the pages.
    pub(crate) fn foreign(&self) -> impl Iterator<Item = (Mfn, DomId)> + '_ {
        self.foreign.values().copied()
    }

    /// Allocates `count` contiguous pages of RAM; returns the first page, and the frame of a page
    /// that was written after its release.
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
        let mut written_after_free = None;
        for page in first..=end {
            let memory = pool.page(self.slots[page]?.mfn);
            if self.allocator[page] == Slot::Poisoned && !is_poison(memory) {
                written_after_free = Some(self.gfn(page));
            }
            memory.zero();
            self.allocator[page] = Slot::Tail;
        }
        self.allocator[first] = Slot::Head(count);
        self.in_use += count;
        Some((first, written_after_free))
    }

    /// Frees an allocation; returns `false` if there is none of that size at `first`.
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

    /// Takes `1 << order` free pages with contiguous frames out of the allocator; returns the first
    /// frame. The pages keep their content.
    pub(crate) fn take(&mut self, order: u32) -> Option<u64> {
        let count = contiguous(order)?;
        let free = |&page: &usize| {
            matches!(self.allocator[page], Slot::Free | Slot::Poisoned)
                && self.slots[page].is_some_and(|mapping| mapping.kind == Kind::Ram)
        };
        // From the end: small allocations come from the start.
        let mut starts = (0..self.ram).step_by(count).rev();
        let first = starts.find(|&start| (start..start + count).all(|page| free(&page)))?;
        self.allocator[first..first + count].fill(Slot::Ballooned);
        Some(self.first_gfn(first, count))
    }

    /// Adds `1 << order` pages to the allocator; returns `false` if one was not out of it, or has
    /// no memory.
    pub(crate) fn add(&mut self, first: u64, order: u32) -> bool {
        let pages =
            contiguous(order).map_or(0..0, |count| first..first.saturating_add(count as u64));
        let ok = !pages.is_empty()
            && pages.clone().all(|gfn| {
                let page = self.page(gfn).filter(|&page| page < self.ram);
                page.is_some_and(|page| {
                    self.allocator[page] == Slot::Ballooned
                        && self.slots[page].is_some_and(|mapping| mapping.kind == Kind::Ram)
                })
            });
        if ok {
            for gfn in pages {
                if let Some(page) = self.page(gfn) {
                    self.allocator[page] = Slot::Free;
                }
            }
        }
        ok
    }

    /// Returns the first of `1 << order` contiguous frames that have had no memory so far.
    pub(crate) fn new_frames(&mut self, order: u32) -> Option<u64> {
        let count = contiguous(order)?;
        let first = self.next_new.next_multiple_of(count);
        (first + count <= self.ram).then(|| {
            self.next_new = first + count;
            self.first_gfn(first, count)
        })
    }

    /// Returns the lowest frame of an aligned run of pages.
    fn first_gfn(&self, first: usize, count: usize) -> u64 {
        if count == 1 { self.gfn(first) } else { self.ram_base + first as u64 }
    }

    /// Returns the number of allocated pages.
    pub(crate) fn in_use(&self) -> usize {
        self.in_use
    }

    /// Returns the frames of all pages that were written after their release.
    pub(crate) fn written_after_free(&self, pool: &Pool) -> Vec<u64> {
        let freed = self.allocator.iter().zip(&self.slots).enumerate();
        let written_after_free = freed.filter(|(_, (slot, mapping))| {
            let memory = mapping
                .filter(|mapping| mapping.kind == Kind::Ram)
                .map(|mapping| pool.page(mapping.mfn));
            **slot == Slot::Poisoned && memory.is_some_and(|memory| !is_poison(memory))
        });
        written_after_free.map(|(page, _)| self.gfn(page)).collect()
    }

    /// Returns the frames of all allocated pages.
    pub(crate) fn allocated(&self) -> impl Iterator<Item = u64> + '_ {
        let pages = self.allocator.iter().enumerate();
        pages
            .filter(|(_, slot)| matches!(slot, Slot::Head(_) | Slot::Tail | Slot::Ballooned))
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

    /// Releases a reservation; returns `false` if a page of it was not reserved or is mapped.
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
        self.ram_count
    }

    /// Returns the first frame of the RAM of the start, and the number of its pages.
    pub(crate) fn ram_range(&self) -> (u64, u64) {
        (self.ram_base, self.boot as u64)
    }
}

/// Returns the number of pages of an order whose aligned runs have contiguous frames.
fn contiguous(order: u32) -> Option<usize> {
    (order == 0 || (1 << order) > SHUFFLE).then_some(1 << order)
}

fn words(page: &xen_hypercall::SharedMem) -> impl Iterator<Item = xen_hypercall::SharedU64<'_>> {
    (0..PAGE_SIZE).step_by(8).filter_map(|offset| page.u64_at(offset))
}

fn is_poison(page: &xen_hypercall::SharedMem) -> bool {
    is_filled(page, POISON)
}

/// Returns whether all words of a page have a value.
pub(crate) fn is_filled(page: &xen_hypercall::SharedMem, value: u64) -> bool {
    words(page).all(|word| word.load(core::sync::atomic::Ordering::Relaxed) == value)
}

fn poison(page: &xen_hypercall::SharedMem) {
    words(page).for_each(|word| word.store(POISON, core::sync::atomic::Ordering::Relaxed));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map() -> (Pool, Physmap) {
        let mut pool = Pool::new(1 << 10).unwrap();
        let physmap = Physmap::new(&mut pool, DomId(3), 64, 0, 16);
        (pool, physmap)
    }

    #[test]
    fn neighbouring_pages_have_distant_frames() {
        let (_pool, physmap) = map();
        for page in 0..63 {
            assert_ne!(physmap.gfn(page) + 1, physmap.gfn(page + 1));
            assert_eq!(physmap.page(physmap.gfn(page)), Some(page));
        }
        assert_eq!(physmap.page(0x4_0000 - 1), None);
    }

    #[test]
    fn write_after_free_is_detected() {
        let (pool, mut physmap) = map();
        let (page, written_after_free) = physmap.alloc(&pool, 2).unwrap();
        assert_eq!(written_after_free, None);
        let gfn = physmap.gfn(page + 1);
        assert!(!physmap.free(&pool, page, 1));
        assert!(physmap.free(&pool, page, 2));
        let memory = pool.page(physmap.get(gfn).unwrap().mfn);
        memory.u8::<7>().store(1, core::sync::atomic::Ordering::Relaxed);
        assert_eq!(physmap.alloc(&pool, 2), Some((page, Some(gfn))));
    }

    #[test]
    fn allocations_do_not_overlap() {
        let (pool, mut physmap) = map();
        let first = physmap.alloc(&pool, 60).unwrap().0;
        assert!(physmap.alloc(&pool, 5).is_none());
        let second = physmap.alloc(&pool, 4).unwrap().0;
        assert!(first + 60 <= second || second + 4 <= first);
        assert!(physmap.alloc(&pool, 1).is_none());
    }

    #[test]
    fn reserved_frames_are_contiguous() {
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
