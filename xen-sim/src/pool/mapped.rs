//! Frames as pages of an anonymous file, with any number of mappings.

use super::{Access, Mfn};
use core::ops::Range;
use core::ptr::NonNull;
use rustix::fd::OwnedFd;
use rustix::fs::{MemfdFlags, SeekFrom, ftruncate, memfd_create, seek};
use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags, mmap, mmap_anonymous, munmap};
use std::io;
use xen_hypercall::{PAGE_SIZE, SharedMem};

/// Frames of a world. The file is sparse: a frame takes memory from its first access.
#[derive(Debug)]
pub(crate) struct Pool {
    file: OwnedFd,
    /// Mapping of all frames for the simulator.
    view: NonNull<u8>,
    capacity: u32,
    used: u32,
}

// SAFETY: the view is an address range that only this value owns; it is accessed by atomics alone.
unsafe impl Send for Pool {}

/// Address range of the frames that one domain has mapped.
#[derive(Debug)]
pub(crate) struct Window {
    base: NonNull<u8>,
    pages: usize,
}

// SAFETY: the window is an address range that only this value owns, and never accesses itself.
unsafe impl Send for Window {}

impl Pool {
    pub(crate) fn new(capacity: u32) -> io::Result<Self> {
        let file = memfd_create("xen-sim", MemfdFlags::CLOEXEC).map_err(os_error)?;
        let len = capacity as usize * PAGE_SIZE;
        ftruncate(&file, len as u64).map_err(os_error)?;
        let flags = MapFlags::SHARED | MapFlags::NORESERVE;
        let prot = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice affects no existing memory.
        let view =
            unsafe { mmap(core::ptr::null_mut(), len, prot, flags, &file, 0) }.map_err(os_error)?;
        let view = NonNull::new(view.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { file, view, capacity, used: 0 })
    }

    /// Reserves an empty address range of `pages` pages.
    pub(crate) fn window(&self, pages: usize) -> io::Result<Window> {
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        // SAFETY: a new mapping at an address of the kernel's choice affects no existing memory.
        let base = unsafe {
            mmap_anonymous(core::ptr::null_mut(), pages * PAGE_SIZE, ProtFlags::empty(), flags)
        }
        .map_err(os_error)?;
        Ok(Window { base: NonNull::new(base.cast()).ok_or(io::ErrorKind::OutOfMemory)?, pages })
    }

    /// Returns the number of allocated frames.
    pub(crate) fn used(&self) -> u32 {
        self.used
    }

    /// Allocates `count` new frames of zeroes.
    pub(crate) fn alloc(&mut self, count: u32) -> Option<Mfn> {
        let first = self.used;
        self.used = first.checked_add(count).filter(|&end| end <= self.capacity)?;
        Some(Mfn(first))
    }

    /// Allocates `count` new frames of zeroes, and maps them from `page` of the window on.
    pub(crate) fn alloc_in(&mut self, window: &mut Window, page: usize, count: u32) -> Option<Mfn> {
        let first = self.alloc(count)?;
        self.map_range(window, page, first, count as usize, Access::Write);
        Some(first)
    }

    /// Maps frame `mfn` at `page` of the window, and replaces the mapping there.
    pub(crate) fn map(&mut self, window: &mut Window, page: usize, mfn: Mfn, access: Access) {
        self.map_range(window, page, mfn, 1, access);
    }

    fn map_range(
        &self,
        window: &mut Window,
        page: usize,
        first: Mfn,
        count: usize,
        access: Access,
    ) {
        assert!(page + count <= window.pages && first.0 as usize + count <= self.capacity as usize);
        let prot = match access {
            Access::Read => ProtFlags::READ,
            Access::Write => ProtFlags::READ | ProtFlags::WRITE,
        };
        let flags = MapFlags::SHARED | MapFlags::FIXED | MapFlags::NORESERVE;
        let offset = u64::from(first.0) * PAGE_SIZE as u64;
        // SAFETY: the range is in the window, which was reserved for mappings; the domain requested
        // to replace its mapping there.
        let mapped = unsafe {
            mmap(
                window.address(page).as_ptr().cast(),
                count * PAGE_SIZE,
                prot,
                flags,
                &self.file,
                offset,
            )
        };
        mapped.expect("the host can map a simulated frame");
    }

    /// Unmaps `page` of the window.
    pub(crate) fn unmap(&mut self, window: &mut Window, page: usize) {
        assert!(page < window.pages);
        let flags = MapFlags::PRIVATE | MapFlags::FIXED | MapFlags::NORESERVE;
        // SAFETY: as above.
        let mapped = unsafe {
            mmap_anonymous(
                window.address(page).as_ptr().cast(),
                PAGE_SIZE,
                ProtFlags::empty(),
                flags,
            )
        };
        mapped.expect("the host can unmap a simulated frame");
    }

    /// Does nothing: the mappings of a window stay valid after the drop of the pool.
    #[expect(clippy::unused_self, reason = "the copying pool uses it")]
    pub(crate) fn leave(&mut self, _window: &mut Window, _pages: impl Iterator<Item = usize>) {}

    /// Unmaps all pages of the window.
    #[expect(clippy::unused_self, reason = "the copying pool uses it")]
    pub(crate) fn empty(&mut self, window: &mut Window) {
        let flags = MapFlags::PRIVATE | MapFlags::FIXED | MapFlags::NORESERVE;
        let (base, len) = (window.base.as_ptr().cast(), window.pages * PAGE_SIZE);
        // SAFETY: the range is the window, whose domain is not running.
        let mapped = unsafe { mmap_anonymous(base, len, ProtFlags::empty(), flags) };
        mapped.expect("the host can unmap a simulated frame");
    }

    /// Returns the frames that were written; all others are zero.
    pub(crate) fn touched(&self) -> Touched {
        let mut ranges = Vec::new();
        let mut at = 0;
        let page = |offset: u64| (offset / PAGE_SIZE as u64) as u32;
        while let Ok(start) = seek(&self.file, SeekFrom::Data(at)) {
            let end = seek(&self.file, SeekFrom::Hole(start)).unwrap_or(u64::MAX);
            ranges.push(page(start)..page(end));
            at = end;
        }
        Touched(ranges)
    }

    /// Returns a frame in the simulator's mapping.
    pub(crate) fn page(&self, mfn: Mfn) -> &SharedMem {
        assert!(mfn.0 < self.used);
        // SAFETY: the page is in the view, which is valid as long as self; it is accessed through
        // `SharedMem` alone.
        unsafe { SharedMem::from_raw(self.view.add(mfn.0 as usize * PAGE_SIZE), PAGE_SIZE) }
    }

    /// Does nothing: the hardware keeps all mappings equal.
    pub(crate) fn sync(&mut self) {}
}

/// Converts an error. rustix has no conversion without its feature `std`, which cargo's first
/// resolver would enable in the `bitflags` of a kernel whose tests use this crate.
fn os_error(error: Errno) -> io::Error {
    io::Error::from_raw_os_error(error.raw_os_error())
}

/// Frames that were written, in order.
#[derive(Debug)]
pub(crate) struct Touched(Vec<Range<u32>>);

impl Touched {
    pub(crate) fn contains(&self, mfn: Mfn) -> bool {
        let after = self.0.partition_point(|range| range.end <= mfn.0);
        self.0.get(after).is_some_and(|range| range.contains(&mfn.0))
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // SAFETY: this value owns the view, and no borrow of it is left.
        let _ = unsafe { munmap(self.view.as_ptr().cast(), self.capacity as usize * PAGE_SIZE) };
    }
}

impl Window {
    pub(crate) fn address(&self, page: usize) -> NonNull<u8> {
        assert!(page < self.pages);
        // SAFETY: the page is in the window.
        unsafe { self.base.add(page * PAGE_SIZE) }
    }

    /// Returns the page of the window at `address`.
    pub(crate) fn page_of(&self, address: usize) -> Option<usize> {
        let page = address.checked_sub(self.base.as_ptr().addr())? / PAGE_SIZE;
        (page < self.pages).then_some(page)
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        // SAFETY: this value owns the range; the domain's handles, which return its addresses, are
        // dropped.
        let _ = unsafe { munmap(self.base.as_ptr().cast(), self.pages * PAGE_SIZE) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::sync::atomic::Ordering::Relaxed;

    #[test]
    fn two_mappings_share_memory() {
        let mut pool = Pool::new(16).unwrap();
        let (mut a, mut b) = (pool.window(4).unwrap(), pool.window(4).unwrap());
        let first = pool.alloc_in(&mut a, 1, 2).unwrap();
        pool.map(&mut b, 3, Mfn(first.0 + 1), Access::Write);
        // SAFETY: both pages are mapped, and have no plain references.
        let (one, other) = unsafe {
            (
                SharedMem::from_raw(a.address(2), PAGE_SIZE),
                SharedMem::from_raw(b.address(3), PAGE_SIZE),
            )
        };
        one.u32::<8>().store(7, Relaxed);
        assert_eq!(other.u32::<8>().load(Relaxed), 7);
        assert_eq!(pool.page(Mfn(first.0 + 1)).u32::<8>().load(Relaxed), 7);
        assert_eq!(a.page_of(a.address(2).as_ptr().addr() + 4095), Some(2));
        assert_eq!(a.page_of(a.address(0).as_ptr().addr() - 1), None);
    }

    #[test]
    fn pool_is_limited() {
        let mut pool = Pool::new(4).unwrap();
        assert!(pool.alloc(3).is_some());
        assert!(pool.alloc(2).is_none());
        assert!(pool.alloc(1).is_some());
    }
}
