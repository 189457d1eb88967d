//! Trait of kernels whose memory can shrink and grow.

use crate::{Gfn, Platform};

/// Free memory of a kernel that a balloon driver returns to Xen, and memory that it adds later.
///
/// The methods take and add `1 << order` contiguous frames, of which the first is a multiple of
/// that number. A balloon driver uses the orders 0 and 9 (4 KiB and 2 MiB on x86).
///
/// # Implementation safety
///
/// Each method has its own obligations.
pub unsafe trait BalloonPages: Platform {
    /// Takes free pages out of the kernel's allocator and returns the first frame. Returns `None`
    /// if there are none of that order, or if the kernel needs what is left.
    ///
    /// The pages need not be zeroed, and should not be touched: a domain that is populated on
    /// demand has no memory behind untouched pages.
    ///
    /// # Implementation safety
    ///
    /// The pages must be RAM of this domain and have no other user: no reference, no mapping that
    /// is used, no grant. The pages stay out of use until [`add_pages`](Self::add_pages).
    fn take_pages(&self, order: u32) -> Option<Gfn>;

    /// Fills pages with zeroes, so that the next owner of the memory cannot read them.
    ///
    /// # Safety
    ///
    /// The pages must be from [`take_pages`](Self::take_pages), and must have memory.
    unsafe fn scrub_pages(&self, first: Gfn, order: u32);

    /// Adds pages to the kernel's allocator: pages of [`take_pages`](Self::take_pages), whole or
    /// in parts, or frames of [`new_frames`](Self::new_frames) that have got memory.
    ///
    /// Their content is undefined.
    ///
    /// # Safety
    ///
    /// The pages must have memory and no other user, and must not be in the allocator.
    unsafe fn add_pages(&self, first: Gfn, order: u32);

    /// Reserves frames that have never had memory, so that the domain can have more than at its
    /// boot. Returns `None` if the kernel uses no such memory, the default, or no more of it.
    ///
    /// # Implementation safety
    ///
    /// The frames must be no RAM, no device's and without another user, permanently.
    fn new_frames(&self, order: u32) -> Option<Gfn> {
        let _ = order;
        None
    }
}

// SAFETY: every call is forwarded unchanged, so `T` meets the obligations.
unsafe impl<T: BalloonPages> BalloonPages for &T {
    fn take_pages(&self, order: u32) -> Option<Gfn> {
        (**self).take_pages(order)
    }

    unsafe fn scrub_pages(&self, first: Gfn, order: u32) {
        // SAFETY: the caller's obligations are those of `T`.
        unsafe { (**self).scrub_pages(first, order) }
    }

    unsafe fn add_pages(&self, first: Gfn, order: u32) {
        // SAFETY: the caller's obligations are those of `T`.
        unsafe { (**self).add_pages(first, order) }
    }

    fn new_frames(&self, order: u32) -> Option<Gfn> {
        (**self).new_frames(order)
    }
}
