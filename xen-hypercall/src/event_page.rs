//! Pages that Xen writes events to.

use crate::ops::{event_channel, vcpu};
use crate::sync::{AtomicPtr, Ordering};
use crate::{Errno, PAGE_SIZE, Pages, Platform, SharedMem};
use core::array;
use core::fmt;
use core::mem::offset_of;
use core::num::NonZeroUsize;
use core::ptr::{NonNull, null_mut};
use core::sync::atomic::AtomicBool;
use xen_sys::event_channel::EvtchnFifoControlBlock;

/// Bytes of a page whose words are set; a model has fewer.
const FILLED: usize = if cfg!(loom) { 16 } else { PAGE_SIZE };

/// Slots for `N` pages that Xen writes events to: pages of event words, or pages with a vCPU's
/// control block and `vcpu_info`.
///
/// Each slot is filled once and without a lock, so that an interrupt handler can fill the slot that
/// the interrupted code is about to fill. Reads need no lock either. The pages are freed with this
/// value, except pages that Xen has received: Xen does not report the end of their use.
pub struct EventPages<P: Platform, const N: usize> {
    platform: P,
    starts: [AtomicPtr<u8>; N],
    given: [AtomicBool; N],
}

impl<P: Platform, const N: usize> EventPages<P, N> {
    /// Creates empty slots.
    pub fn new(platform: P) -> Self {
        Self {
            platform,
            starts: array::from_fn(|_| AtomicPtr::new(null_mut())),
            given: array::from_fn(|_| AtomicBool::new(false)),
        }
    }

    /// Returns the memory of the page at `index`; `None` if there is none.
    #[inline(always)]
    pub fn memory(&self, index: usize) -> Option<&SharedMem> {
        let start = NonNull::new(self.starts.get(index)?.load(Ordering::Acquire))?;
        // SAFETY: `fill` has stored the page at this index. `self` owns it and neither removes nor
        // frees it before it is dropped. It is whole and aligned, and no plain reference to it
        // exists.
        Some(unsafe { SharedMem::from_raw(start, PAGE_SIZE) })
    }

    /// Returns the pages with their indices.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &SharedMem)> {
        (0..N).filter_map(|index| Some((index, self.memory(index)?)))
    }

    /// Allocates the page at `index` if there is none, and sets its 32-bit words to `word` before
    /// the page is visible.
    ///
    /// # Errors
    ///
    /// `ENOENT` beyond the last slot, `ENOMEM` if the platform has no page.
    pub fn fill(&self, index: usize, word: u32) -> Result<(), Errno> {
        let place = self.starts.get(index).ok_or(Errno::ENOENT)?;
        if self.memory(index).is_some() {
            return Ok(());
        }
        let pages = Pages::alloc(self.platform.clone(), 1).map_err(|_| Errno::ENOMEM)?;
        let start = pages.into_raw();
        if word != 0 {
            // SAFETY: this call owns the page, which is whole and aligned, and no plain reference
            // to it exists.
            let memory = unsafe { SharedMem::from_raw(start, PAGE_SIZE) };
            for offset in (0..FILLED).step_by(size_of::<u32>()) {
                if let Some(place) = memory.u32_at(offset) {
                    // Ordered by the release below.
                    place.store(word, Ordering::Relaxed);
                }
            }
        }
        let won = place
            .compare_exchange(null_mut(), start.as_ptr(), Ordering::Release, Ordering::Relaxed)
            .is_ok();
        if !won {
            // SAFETY: one allocation of one page, which only this call has accessed: another call
            // stored its page first.
            unsafe { self.platform.free_pages(start, NonZeroUsize::MIN) }
        }
        Ok(())
    }

    /// Adds the page at `index`, with its content, to the array of event words. It can be added
    /// again after a reset or a resume.
    ///
    /// # Errors
    ///
    /// `ENOENT` if there is no page; `ENOSPC` if the array is complete, `EOPNOTSUPP` or `ENOSYS`
    /// before [`init_control`](Self::init_control).
    #[doc(alias = "EVTCHNOP_expand_array")]
    pub fn expand_array(&self, index: usize) -> Result<(), Errno> {
        let start = self.start(index)?;
        let gfn = self.platform.virt_to_gfn(start);
        // SAFETY: the page is not freed once Xen has received it, and is accessed by atomics only.
        self.note(index, unsafe { event_channel::expand_array(&self.platform, gfn) })
    }

    /// Makes `vcpu` take its events in the FIFO format, with a zeroed control block at the start of
    /// the page at `index`. Returns the width of the link field in event words.
    ///
    /// # Errors
    ///
    /// `ENOENT` if there is no such vCPU or page, `EINVAL` if the vCPU has a control block,
    /// `ENOSYS` if Xen is older than 4.4.
    #[doc(alias = "EVTCHNOP_init_control")]
    pub fn init_control(&self, index: usize, vcpu: u32) -> Result<u8, Errno> {
        const { assert!(offset_of!(EvtchnFifoControlBlock, ready) == 0) }
        let memory = self.memory(index).ok_or(Errno::ENOENT)?;
        for offset in (0..size_of::<EvtchnFifoControlBlock>()).step_by(4) {
            if let Some(word) = memory.u32_at(offset) {
                // Ordered by the hypercall: Xen reads no word before.
                word.store(0, Ordering::Relaxed);
            }
        }
        let gfn = self.platform.virt_to_gfn(self.start(index)?);
        // SAFETY: as above.
        self.note(index, unsafe { event_channel::init_control(&self.platform, vcpu, gfn, 0) })
    }

    /// Moves the `vcpu_info` of `vcpu` (`VcpuInfo` of `xen_sys::xen`) to byte `offset` of the page
    /// at `index`. Xen marks every word of the 2-level format as pending there, and sets the upcall
    /// flag.
    ///
    /// # Errors
    ///
    /// `ENOENT` if there is no such vCPU or page; `ENXIO` for an offset that is not a multiple of 8
    /// or too near to the end; `EBUSY` if it was moved before. Before Xen 4.18, `EINVAL` if it was
    /// moved before, or if the vCPU is neither down nor the caller.
    #[doc(alias = "VCPUOP_register_vcpu_info")]
    pub fn register_vcpu_info(&self, index: usize, vcpu: u32, offset: usize) -> Result<(), Errno> {
        let gfn = self.platform.virt_to_gfn(self.start(index)?);
        // SAFETY: as above.
        self.note(index, unsafe { vcpu::register_vcpu_info(&self.platform, vcpu, gfn, offset) })
    }

    fn start(&self, index: usize) -> Result<NonNull<u8>, Errno> {
        let place = self.starts.get(index).ok_or(Errno::ENOENT)?;
        // Only the address is used.
        NonNull::new(place.load(Ordering::Relaxed)).ok_or(Errno::ENOENT)
    }

    fn note<T>(&self, index: usize, answer: Result<T, Errno>) -> Result<T, Errno> {
        if let (Ok(_), Some(given)) = (&answer, self.given.get(index)) {
            // Read by `drop` alone, which has unique access.
            given.store(true, Ordering::Relaxed);
        }
        answer
    }
}

impl<P: Platform, const N: usize> Drop for EventPages<P, N> {
    fn drop(&mut self) {
        for (place, given) in self.starts.iter().zip(&mut self.given) {
            if let (Some(start), false) =
                (NonNull::new(place.load(Ordering::Relaxed)), *given.get_mut())
            {
                // SAFETY: one allocation of one page, which this value alone owned: Xen has not
                // received it.
                unsafe { self.platform.free_pages(start, NonZeroUsize::MIN) }
            }
        }
    }
}

impl<P: Platform, const N: usize> fmt::Debug for EventPages<P, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
