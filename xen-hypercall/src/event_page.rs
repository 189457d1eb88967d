//! Pages that Xen writes events to.

use crate::ops::{event_channel, vcpu};
use crate::{Errno, Gfn, OutOfMemory, PAGE_SIZE, Pages, Platform, SharedMem};
use core::array;
use core::fmt;
use core::mem::offset_of;
use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use spin::Once;
use xen_sys::event_channel::{EVTCHN_FIFO_MASKED, EventWord, EvtchnFifoControlBlock};

/// A page of event words, or one with a vCPU's control block or information: Xen writes it until the ports are reset.
///
/// Freed when dropped, unless Xen was ever given it: Xen tells nobody when it is done with one.
pub struct EventPage<P: Platform> {
    start: NonNull<u8>,
    gfn: Gfn,
    given: AtomicBool,
    platform: P,
}

// SAFETY: the page has one owner on this side, and is reachable only through atomics; the platform is Send.
unsafe impl<P: Platform + Send> Send for EventPage<P> {}
// SAFETY: as above; all access through a shared reference is atomic.
unsafe impl<P: Platform + Sync> Sync for EventPage<P> {}

impl<P: Platform> EventPage<P> {
    /// Event words in a page.
    pub const WORDS: usize = PAGE_SIZE / size_of::<EventWord>();

    /// Allocates a page of zeroes.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] if the platform has none.
    pub fn alloc(platform: P) -> Result<Self, OutOfMemory> {
        let pages = Pages::alloc(platform, 1)?;
        let platform = pages.platform().clone();
        let start = pages.into_raw();
        let gfn = platform.virt_to_gfn(start);
        Ok(Self { start, gfn, given: AtomicBool::new(false), platform })
    }

    /// Adds the page to the array of event words, all of them masked. After a reset or a resume it may be added again.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if the array is complete, `EOPNOTSUPP` or `ENOSYS` before [`init_control`](Self::init_control).
    #[doc(alias = "EVTCHNOP_expand_array")]
    pub fn expand_array(&self) -> Result<(), Errno> {
        for index in 0..Self::WORDS {
            if let Some(word) = self.as_ref().u32_at(index * size_of::<EventWord>()) {
                // The hypercall orders it; Xen looks at no word before.
                word.store(1 << EVTCHN_FIFO_MASKED, Ordering::Relaxed);
            }
        }
        // SAFETY: the page is given up: it is not freed once Xen takes it, and reachable through atomics only.
        self.note(unsafe { event_channel::expand_array(&self.platform, self.gfn) })
    }

    /// Makes `vcpu` take its events in the FIFO format, with a zeroed control block at the start of this page.
    /// Returns the width of the link field in event words.
    ///
    /// # Errors
    ///
    /// `ENOENT` if there is no such vCPU, `EINVAL` if it has a control block, `ENOSYS` if Xen is older than 4.4.
    #[doc(alias = "EVTCHNOP_init_control")]
    pub fn init_control(&self, vcpu: u32) -> Result<u8, Errno> {
        for offset in (0..size_of::<EvtchnFifoControlBlock>()).step_by(4) {
            if let Some(word) = self.as_ref().u32_at(offset) {
                word.store(0, Ordering::Relaxed);
            }
        }
        const { assert!(offset_of!(EvtchnFifoControlBlock, ready) == 0) }
        // SAFETY: as above.
        self.note(unsafe { event_channel::init_control(&self.platform, vcpu, self.gfn, 0) })
    }

    /// Moves the information of `vcpu` (`VcpuInfo` of `xen_sys::xen`) to byte `offset` of this page.
    ///
    /// # Errors
    ///
    /// `EINVAL` for an offset that is not a multiple of 8 or too near to the end, or if it was moved before; `ENOENT`.
    #[doc(alias = "VCPUOP_register_vcpu_info")]
    pub fn register_vcpu_info(&self, vcpu: u32, offset: usize) -> Result<(), Errno> {
        // SAFETY: as above.
        self.note(unsafe { vcpu::register_vcpu_info(&self.platform, vcpu, self.gfn, offset) })
    }

    fn note<T>(&self, answer: Result<T, Errno>) -> Result<T, Errno> {
        if answer.is_ok() {
            self.given.store(true, Ordering::Relaxed);
        }
        answer
    }
}

impl<P: Platform> AsRef<SharedMem> for EventPage<P> {
    #[inline(always)]
    fn as_ref(&self) -> &SharedMem {
        // SAFETY: the page is owned by self, whole and aligned, and nothing hands out a plain reference to it.
        unsafe { SharedMem::from_raw(self.start, PAGE_SIZE) }
    }
}

impl<P: Platform> Drop for EventPage<P> {
    fn drop(&mut self) {
        if !*self.given.get_mut() {
            // SAFETY: it is one allocation of one page, which this value alone owned: Xen was never given it.
            unsafe { self.platform.free_pages(self.start, core::num::NonZeroUsize::MIN) }
        }
    }
}

impl<P: Platform> fmt::Debug for EventPage<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventPage").field("gfn", &self.gfn).finish_non_exhaustive()
    }
}

/// Places for `N` [`EventPage`]s. Each is filled once, and its page found without a lock from then on.
pub struct EventPages<P: Platform, const N: usize> {
    /// Where the pages are that there are: an upcall looks here.
    starts: [AtomicPtr<u8>; N],
    pages: [Once<EventPage<P>>; N],
}

impl<P: Platform, const N: usize> Default for EventPages<P, N> {
    /// Makes empty places.
    fn default() -> Self {
        Self {
            starts: array::from_fn(|_| AtomicPtr::new(null_mut())),
            pages: array::from_fn(|_| Once::new()),
        }
    }
}

impl<P: Platform, const N: usize> EventPages<P, N> {
    /// Returns the memory of the page at `index`; `None` if there is none.
    #[inline(always)]
    pub fn memory(&self, index: usize) -> Option<&SharedMem> {
        let start = NonNull::new(self.starts.get(index)?.load(Ordering::Acquire))?;
        // SAFETY: `fill` has put it there, so it is the page at this index, which self owns and never takes out or frees before it is dropped;
        // whole and aligned, and nothing hands out a plain reference to it.
        Some(unsafe { SharedMem::from_raw(start, PAGE_SIZE) })
    }

    /// Returns the pages that there are, with their places.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &EventPage<P>)> {
        self.pages.iter().enumerate().filter_map(|(index, place)| Some((index, place.get()?)))
    }

    /// Returns the page at `index`, made by `make` if there was none. Whoever comes meanwhile waits. `None` beyond the places.
    ///
    /// # Errors
    ///
    /// That of `make`; there is still no page then.
    pub fn fill<E>(
        &self,
        index: usize,
        make: impl FnOnce() -> Result<EventPage<P>, E>,
    ) -> Option<Result<&EventPage<P>, E>> {
        let (place, start) = (self.pages.get(index)?, self.starts.get(index)?);
        let page = place.try_call_once(make);
        if let Ok(page) = page {
            // Who only waited stores it again, which changes nothing.
            start.store(page.start.as_ptr(), Ordering::Release);
        }
        Some(page)
    }
}

impl<P: Platform, const N: usize> fmt::Debug for EventPages<P, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
