//! Frames as pages of an anonymous file, mapped as often as needed.

use super::{Access, Mfn};
use core::ops::Range;
use core::ptr::NonNull;
use rustix::fd::OwnedFd;
use rustix::fs::{MemfdFlags, SeekFrom, ftruncate, memfd_create, seek};
use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags, mmap, mmap_anonymous, munmap};
use std::io;
use xen_hypercall::{PAGE_SIZE, SharedMem};

/// All frames of a world. The file is sparse: a frame costs memory once it is touched.
#[derive(Debug)]
pub(crate) struct Pool {
    file: OwnedFd,
    /// The simulator's own mapping of all frames.
    view: NonNull<u8>,
    capacity: u32,
    used: u32,
}

// SAFETY: the view is an address range that only this value owns; it is reached through atomics
// alone.
unsafe impl Send for Pool {}

/// An address range in which one domain sees frames.
#[derive(Debug)]
pub(crate) struct Window {
    base: NonNull<u8>,
    pages: usize,
}

// SAFETY: the window is an address range that only this value owns and never reads or writes
// itself.
unsafe impl Send for Window {}

impl Pool {
    pub(crate) fn new(capacity: u32) -> io::Result<Self> {
        let file = memfd_create("xen-sim", MemfdFlags::CLOEXEC).map_err(os_error)?;
        let len = capacity as usize * PAGE_SIZE;
        ftruncate(&file, len as u64).map_err(os_error)?;
        let flags = MapFlags::SHARED | MapFlags::NORESERVE;
        let prot = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice touches no existing memory.
        let view =
            unsafe { mmap(core::ptr::null_mut(), len, prot, flags, &file, 0) }.map_err(os_error)?;
        let view = NonNull::new(view.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { file, view, capacity, used: 0 })
    }

    /// Reserves an address range of `pages` pages with nothing in it.
    pub(crate) fn window(&self, pages: usize) -> io::Result<Window> {
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        // SAFETY: a new mapping at an address of the kernel's choice touches no existing memory.
        let base = unsafe {
            mmap_anonymous(core::ptr::null_mut(), pages * PAGE_SIZE, ProtFlags::empty(), flags)
        }
        .map_err(os_error)?;
        Ok(Window { base: NonNull::new(base.cast()).ok_or(io::ErrorKind::OutOfMemory)?, pages })
    }

    /// Returns the number of frames handed out so far.
    pub(crate) fn used(&self) -> u32 {
        self.used
    }

    /// Hands out `count` new frames of zeroes.
    pub(crate) fn alloc(&mut self, count: u32) -> Option<Mfn> {
        let first = self.used;
        self.used = first.checked_add(count).filter(|&end| end <= self.capacity)?;
        Some(Mfn(first))
    }

    /// Hands out `count` new frames of zeroes and maps them from `page` of the window on.
    pub(crate) fn alloc_in(&mut self, window: &mut Window, page: usize, count: u32) -> Option<Mfn> {
        let first = self.alloc(count)?;
        self.map_range(window, page, first, count as usize, Access::Write);
        Some(first)
    }

    /// Maps frame `mfn` at `page` of the window, in the place of what was there.
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
        // SAFETY: the range lies in the window, which was reserved for this; it replaces what the
        // domain had there, as it asked.
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
        mapped.expect("the host has room for one more mapping of a simulated frame");
    }

    /// Leaves nothing at `page` of the window.
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
        mapped.expect("the host has room for one more hole in a simulated memory");
    }

    /// Takes nothing away: what a window shows stays as it is, also when the pool is gone.
    #[expect(clippy::unused_self, reason = "the copying kind of pool has work to do")]
    pub(crate) fn leave(&mut self, _window: &mut Window, _pages: impl Iterator<Item = usize>) {}

    /// Leaves nothing anywhere in the window.
    #[expect(clippy::unused_self, reason = "the copying kind of pool has work to do")]
    pub(crate) fn empty(&mut self, window: &mut Window) {
        let flags = MapFlags::PRIVATE | MapFlags::FIXED | MapFlags::NORESERVE;
        let (base, len) = (window.base.as_ptr().cast(), window.pages * PAGE_SIZE);
        // SAFETY: the range is the window; whoever was shown something there is not running.
        let mapped = unsafe { mmap_anonymous(base, len, ProtFlags::empty(), flags) };
        mapped.expect("the host has room for one more hole in a simulated memory");
    }

    /// Returns the frames that were ever written to; all others are zero.
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

    /// Returns a frame as the simulator itself sees it.
    pub(crate) fn page(&self, mfn: Mfn) -> &SharedMem {
        assert!(mfn.0 < self.used);
        // SAFETY: the page lies within the view, which lives as long as self; it is reached through
        // SharedMem alone.
        unsafe { SharedMem::from_raw(self.view.add(mfn.0 as usize * PAGE_SIZE), PAGE_SIZE) }
    }

    /// Carries what was written over to all mappings; here the hardware does it.
    pub(crate) fn sync(&mut self) {}
}

/// Returns the standard library's form of an error: rustix is used without its feature `std`, which
/// cargo's first resolver would pass on to the `bitflags` of a kernel whose tests use this crate.
fn os_error(error: Errno) -> io::Error {
    io::Error::from_raw_os_error(error.raw_os_error())
}

/// The frames that were ever written to, in order.
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
        // SAFETY: the view is ours and nobody borrows from it any more.
        let _ = unsafe { munmap(self.view.as_ptr().cast(), self.capacity as usize * PAGE_SIZE) };
    }
}

impl Window {
    pub(crate) fn address(&self, page: usize) -> NonNull<u8> {
        assert!(page < self.pages);
        // SAFETY: the page lies within the window.
        unsafe { self.base.add(page * PAGE_SIZE) }
    }

    /// Returns which page of the window `address` lies in.
    pub(crate) fn page_of(&self, address: usize) -> Option<usize> {
        let page = address.checked_sub(self.base.as_ptr().addr())? / PAGE_SIZE;
        (page < self.pages).then_some(page)
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        // SAFETY: the range is ours; the domain's handles, which lend its addresses out, are gone
        // with the world.
        let _ = unsafe { munmap(self.base.as_ptr().cast(), self.pages * PAGE_SIZE) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::sync::atomic::Ordering::Relaxed;

    #[test]
    fn two_mappings_of_a_frame_are_the_same_memory() {
        let mut pool = Pool::new(16).unwrap();
        let (mut a, mut b) = (pool.window(4).unwrap(), pool.window(4).unwrap());
        let first = pool.alloc_in(&mut a, 1, 2).unwrap();
        pool.map(&mut b, 3, Mfn(first.0 + 1), Access::Write);
        // SAFETY: both pages are mapped, and nobody has a plain reference to them.
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
    fn a_pool_ends() {
        let mut pool = Pool::new(4).unwrap();
        assert!(pool.alloc(3).is_some());
        assert!(pool.alloc(2).is_none());
        assert!(pool.alloc(1).is_some());
    }
}
