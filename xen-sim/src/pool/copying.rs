//! Frames as heap memory. A second mapping of a frame is a copy, and [`Pool::sync`] copies the
//! writes of either side to the other.

use super::{Access, Mfn};
use core::ptr::NonNull;
use core::sync::atomic::Ordering::Relaxed;
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::io;
use xen_hypercall::{PAGE_SIZE, SharedMem};

/// Frames of a world.
#[derive(Debug)]
pub(crate) struct Pool {
    /// Address of each frame: that of its first mapping, or its own block.
    homes: Vec<NonNull<u8>>,
    blocks: Vec<Block>,
    views: Vec<View>,
    capacity: u32,
}

// SAFETY: the addresses are of blocks that the pool and the windows of its world own, and all
// accesses are atomic.
unsafe impl Send for Pool {}

/// Address range of the frames that one domain has mapped.
#[derive(Debug)]
pub(crate) struct Window {
    block: Block,
}

// SAFETY: this value alone owns the block.
unsafe impl Send for Window {}

#[derive(Debug)]
struct Block {
    base: NonNull<u8>,
    pages: usize,
}

#[derive(Debug)]
struct View {
    mfn: Mfn,
    address: NonNull<u8>,
    access: Access,
    /// Content of frame and copy at the last `sync`.
    same: Box<[u64; WORDS]>,
}

const WORDS: usize = PAGE_SIZE / size_of::<u64>();

impl Block {
    fn new(pages: usize) -> io::Result<Self> {
        let layout = Self::layout(pages);
        // SAFETY: the layout is not empty, as there is at least one page.
        let base = unsafe { alloc_zeroed(layout) };
        Ok(Self { base: NonNull::new(base).ok_or(io::ErrorKind::OutOfMemory)?, pages })
    }

    fn layout(pages: usize) -> Layout {
        Layout::from_size_align(pages.max(1) * PAGE_SIZE, PAGE_SIZE)
            .expect("the size of a window fits `isize`")
    }

    fn address(&self, page: usize) -> NonNull<u8> {
        assert!(page < self.pages);
        // SAFETY: the page lies within the block.
        unsafe { self.base.add(page * PAGE_SIZE) }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout; a world drops its blocks after all its handles.
        unsafe { dealloc(self.base.as_ptr(), Self::layout(self.pages)) }
    }
}

/// Returns the accessor of a page.
///
/// # Safety
///
/// `address` must be a page of a block that outlives the result.
unsafe fn shared<'a>(address: NonNull<u8>) -> &'a SharedMem {
    // SAFETY: whole pages by the caller's obligation; the simulator has no plain references to
    // guest memory.
    unsafe { SharedMem::from_raw(address, PAGE_SIZE) }
}

fn word(page: &SharedMem, index: usize) -> xen_hypercall::SharedU64<'_> {
    page.u64_at(index * size_of::<u64>()).expect("a word of the page")
}

/// Set of the frames that may have been written: all.
#[derive(Debug)]
pub(crate) struct Touched;

impl Touched {
    #[expect(clippy::unused_self, reason = "the mapped pool uses it")]
    pub(crate) fn contains(&self, _mfn: Mfn) -> bool {
        true
    }
}

impl Pool {
    pub(crate) fn new(capacity: u32) -> io::Result<Self> {
        Ok(Self { homes: Vec::new(), blocks: Vec::new(), views: Vec::new(), capacity })
    }

    #[expect(clippy::unused_self, reason = "the mapped pool uses it")]
    pub(crate) fn window(&self, pages: usize) -> io::Result<Window> {
        Block::new(pages).map(|block| Window { block })
    }

    pub(crate) fn used(&self) -> u32 {
        self.homes.len() as u32
    }

    pub(crate) fn alloc(&mut self, count: u32) -> Option<Mfn> {
        let first = self.room(count)?;
        let block = Block::new(count as usize).ok()?;
        self.homes.extend((0..count as usize).map(|page| block.address(page)));
        self.blocks.push(block);
        Some(first)
    }

    pub(crate) fn alloc_in(&mut self, window: &mut Window, page: usize, count: u32) -> Option<Mfn> {
        let first = self.room(count)?;
        self.homes.extend((0..count as usize).map(|index| window.address(page + index)));
        Some(first)
    }

    fn room(&self, count: u32) -> Option<Mfn> {
        self.used().checked_add(count).filter(|&end| end <= self.capacity)?;
        Some(Mfn(self.used()))
    }

    pub(crate) fn map(&mut self, window: &mut Window, page: usize, mfn: Mfn, access: Access) {
        let address = window.address(page);
        if self.homes[mfn.0 as usize] == address {
            return;
        }
        self.unmap(window, page);
        let viewed = self.views.iter().any(|view| view.mfn == mfn);
        if access == Access::Write && !viewed && self.is_unmapped(mfn) {
            // The only mapping of a frame is the frame itself, without a copy.
            self.move_home(mfn, address);
            return;
        }
        // SAFETY: a page of the window, which is valid while the world exists.
        let copy = unsafe { shared(address) };
        let home = self.page(mfn);
        let same = Box::new(core::array::from_fn(|index| {
            let value = word(home, index).load(Relaxed);
            word(copy, index).store(value, Relaxed);
            value
        }));
        self.views.push(View { mfn, address, access, same });
    }

    pub(crate) fn unmap(&mut self, window: &mut Window, page: usize) {
        self.sync();
        let address = window.address(page);
        self.views.retain(|view| view.address != address);
        if let Some(index) = self.homes.iter().position(|&home| home == address) {
            // Other windows may map the frame, now or later.
            let block = Block::new(1).expect("the host has memory for a page");
            self.move_home(Mfn(index as u32), block.address(0));
            self.blocks.push(block);
        }
    }

    /// Unmaps the frames at the given pages of a window, which then maps frames of another pool.
    pub(crate) fn leave(&mut self, window: &mut Window, pages: impl Iterator<Item = usize>) {
        pages.for_each(|page| self.unmap(window, page));
    }

    /// Zeroes the window, which maps no frame.
    #[expect(clippy::unused_self, reason = "the mapped pool uses it")]
    pub(crate) fn empty(&mut self, window: &mut Window) {
        for page in 0..window.block.pages {
            // SAFETY: a page of the window, which is valid while the world exists.
            unsafe { shared(window.address(page)) }.zero();
        }
    }

    /// Returns the frames that may have been written.
    #[expect(clippy::unused_self, reason = "the mapped pool uses it")]
    pub(crate) fn touched(&self) -> Touched {
        Touched
    }

    /// Returns whether no window maps the frame's own memory.
    fn is_unmapped(&self, mfn: Mfn) -> bool {
        let home = self.homes[mfn.0 as usize].as_ptr().addr();
        self.blocks.iter().any(|block| {
            let start = block.base.as_ptr().addr();
            (start..start + block.pages * PAGE_SIZE).contains(&home)
        })
    }

    fn move_home(&mut self, mfn: Mfn, address: NonNull<u8>) {
        // SAFETY: a page of a block or window, which is valid while the world exists.
        let to = unsafe { shared(address) };
        let from = self.page(mfn);
        for index in 0..WORDS {
            word(to, index).store(word(from, index).load(Relaxed), Relaxed);
        }
        self.homes[mfn.0 as usize] = address;
    }

    pub(crate) fn page(&self, mfn: Mfn) -> &SharedMem {
        // SAFETY: a page of a block of this pool or of a window of its world.
        unsafe { shared(self.homes[mfn.0 as usize]) }
    }

    /// Copies the writes to a frame to its copies, and the other way round.
    pub(crate) fn sync(&mut self) {
        // Repeats until nothing changes, as the writes of one copy must reach the copies before it.
        let mut changed = true;
        while core::mem::take(&mut changed) {
            for view in &mut self.views {
                // SAFETY: pages of blocks that are valid while the world exists.
                let (home, copy) =
                    unsafe { (shared(self.homes[view.mfn.0 as usize]), shared(view.address)) };
                for (index, same) in view.same.iter_mut().enumerate() {
                    let (home, copy) = (word(home, index), word(copy, index));
                    let (ours, theirs) = (home.load(Relaxed), copy.load(Relaxed));
                    if ours == *same && theirs == *same {
                        continue;
                    }
                    let merged = match view.access {
                        Access::Read => ours,
                        Access::Write => merge(*same, ours, theirs),
                    };
                    home.store(merged, Relaxed);
                    copy.store(merged, Relaxed);
                    *same = merged;
                    changed = true;
                }
            }
        }
    }
}

/// Returns each byte of the side that changed it.
fn merge(same: u64, ours: u64, theirs: u64) -> u64 {
    let (same, ours, theirs) = (same.to_ne_bytes(), ours.to_ne_bytes(), theirs.to_ne_bytes());
    u64::from_ne_bytes(core::array::from_fn(
        |i| if theirs[i] == same[i] { ours[i] } else { theirs[i] },
    ))
}

impl Window {
    pub(crate) fn address(&self, page: usize) -> NonNull<u8> {
        self.block.address(page)
    }

    pub(crate) fn page_of(&self, address: usize) -> Option<usize> {
        let page = address.checked_sub(self.block.base.as_ptr().addr())? / PAGE_SIZE;
        (page < self.block.pages).then_some(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sync_copies_writes_of_both_sides() {
        let mut pool = Pool::new(16).unwrap();
        let (mut a, mut b) = (pool.window(4).unwrap(), pool.window(4).unwrap());
        let frame = pool.alloc_in(&mut a, 2, 1).unwrap();
        pool.page(frame).u32::<0>().store(1, Relaxed);
        pool.map(&mut b, 3, frame, Access::Write);
        // SAFETY: both pages are mapped, and have no plain references.
        let (one, other) = unsafe { (shared(a.address(2)), shared(b.address(3))) };
        assert_eq!(other.u32::<0>().load(Relaxed), 1);
        one.u8::<8>().store(7, Relaxed);
        other.u8::<9>().store(8, Relaxed);
        pool.sync();
        assert_eq!(one.u16::<8>().load(Relaxed), 0x0807);
        assert_eq!(other.u16::<8>().load(Relaxed), 0x0807);
    }

    #[test]
    fn read_only_copy_stays_unwritten() {
        let mut pool = Pool::new(16).unwrap();
        let (mut a, mut b) = (pool.window(1).unwrap(), pool.window(1).unwrap());
        let frame = pool.alloc_in(&mut a, 0, 1).unwrap();
        pool.map(&mut b, 0, frame, Access::Read);
        // SAFETY: the page is mapped, and has no plain references.
        unsafe { shared(b.address(0)) }.u32::<0>().store(9, Relaxed);
        pool.sync();
        assert_eq!(pool.page(frame).u32::<0>().load(Relaxed), 0);
    }
}
