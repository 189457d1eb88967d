//! Traits that a kernel implements.

use crate::{Claims, Errno, Gfn, Instant, PAGE_SIZE, Port, ops};
use core::num::NonZeroUsize;
use core::ptr::NonNull;

/// Interface for hypercalls: one method, the instruction of the CPU.
///
/// [`arch`](crate::arch) has implementations that execute the instruction; a simulator implements
/// it in software.
///
/// # Implementation safety
///
/// The call must reach Xen, or an implementation of Xen's public ABI, with the operation and all
/// five arguments unchanged, and must return its result. It must access only the memory that the
/// ABI assigns to the operation.
pub unsafe trait Hypercall {
    /// Issues hypercall `op` (a number of `xen_sys::xen`) and returns Xen's result, a negated errno
    /// on failure.
    ///
    /// Pointers are passed in `args` as exposed addresses (`expose_provenance`). Xen translates
    /// them by the page tables of the vCPU that issues the call. The crates of this family pass
    /// structures on their stack, and memory that their callers pass by reference: a kernel must
    /// map stacks and such memory in every address space in which it uses the crates, and must not
    /// change the page tables during a call.
    ///
    /// # Safety
    ///
    /// The arguments must be those of the operation. Each pointer must be valid for the reads and
    /// writes that the operation makes through it. The effect of the operation on the domain's
    /// memory map, CPUs and devices must not break an invariant of other code.
    unsafe fn hypercall(&self, op: usize, args: [usize; 5]) -> isize;
}

// SAFETY: the call is forwarded unchanged, so `T` meets the obligations.
unsafe impl<T: Hypercall + ?Sized> Hypercall for &T {
    #[inline(always)]
    unsafe fn hypercall(&self, op: usize, args: [usize; 5]) -> isize {
        // SAFETY: the caller's obligations are those of `T`.
        unsafe { (**self).hypercall(op, args) }
    }
}

/// Services that a kernel supplies to the drivers: memory, time, and a way to wait.
///
/// A kernel implements it on a zero-sized type, a simulated domain on a handle. All methods take
/// `&self`, so that two domains can exist in one process.
///
/// # Preemption
///
/// The crates protect short sections with spin locks: the requests of the xenstore client, the
/// growth of the grant table, its deferred list, the queues of a block device. Some sections
/// contain a hypercall; none waits for a peer. A kernel that preempts must not preempt the owner of
/// such a lock in favour of a thread that can spin for it on the same CPU: it calls the crates with
/// preemption off, or from threads of one priority. Nothing that an upcall calls takes one of these
/// locks.
///
/// # Implementation safety
///
/// Each method has its own obligations. Clones must represent the same domain and the same memory.
pub unsafe trait Platform: Hypercall + Clone {
    /// Allocates `count` pages: zeroed, page-aligned, virtually contiguous. Returns `None` if there
    /// are none.
    ///
    /// # Implementation safety
    ///
    /// The memory must be RAM of this domain that has no other user until
    /// [`free_pages`](Self::free_pages), valid for reads and writes at the returned address, and
    /// backed by the frames that [`virt_to_gfn`](Self::virt_to_gfn) returns.
    fn alloc_pages(&self, count: NonZeroUsize) -> Option<NonNull<u8>>;

    /// Frees pages of [`alloc_pages`](Self::alloc_pages).
    ///
    /// # Safety
    ///
    /// `pages` and `count` must be those of one earlier allocation, freed once. No code and no
    /// other domain may refer to the memory any more.
    unsafe fn free_pages(&self, pages: NonNull<u8>, count: NonZeroUsize);

    /// Returns the frame of `page`, an address within an allocation of
    /// [`alloc_pages`](Self::alloc_pages).
    ///
    /// # Implementation safety
    ///
    /// The result must be the frame that the address maps to, as long as the allocation exists.
    fn virt_to_gfn(&self, page: NonNull<u8>) -> Gfn;

    /// Permanently maps `count` frames from `first`, whose numbers came from Xen (the store ring,
    /// the console ring). Returns `None` if there is no room.
    ///
    /// # Safety
    ///
    /// The frames must be ordinary cacheable memory that Xen placed there, not RAM of the kernel's
    /// allocator.
    ///
    /// # Implementation safety
    ///
    /// The memory must be mapped readable, writable and cacheable at the returned address,
    /// page-aligned and contiguous, permanently.
    unsafe fn map_frames(&self, first: Gfn, count: NonZeroUsize) -> Option<NonNull<u8>>;

    /// Reserves a frame without RAM for a page of Xen's (shared info, a frame of the grant table),
    /// permanently, and returns it with the address that maps it. Returns `None` to have the page
    /// replace one of [`alloc_pages`](Self::alloc_pages), as the default does.
    ///
    /// On Arm, a page of RAM that is replaced stays allocated to the domain, and is lost. Xen names
    /// addresses for this in the device tree (`reg` of the hypervisor's node).
    ///
    /// # Implementation safety
    ///
    /// The frame must have no RAM and no other use. The address must be mapped readable, writable
    /// and cacheable, page-aligned, and permanently; it is accessed once Xen has placed a page
    /// there.
    fn reserve_xen_frame(&self) -> Option<(NonNull<u8>, Gfn)> {
        None
    }

    /// Returns the record of the owned resources of this domain.
    ///
    /// A kernel returns a static: `static CLAIMS: Claims = Claims::new();`.
    ///
    /// # Implementation safety
    ///
    /// All values that represent one domain must return the same [`Claims`] at all times, and
    /// values of other domains must return others: objects of one domain refuse values of another
    /// domain by its address.
    fn claims(&self) -> &Claims;

    /// Returns the current time of Xen's system clock, which is monotonic.
    fn now(&self) -> Instant;

    /// Waits until one of `ports` has an event, or until `deadline`. The call may return early.
    ///
    /// This is the only function that blocks. An event after the previous wait for its port must
    /// end this wait at once. One event ends one wait: of two callers that wait for the same port,
    /// one may miss it, so callers that share a port must poll from time to time. The default makes
    /// Xen block the vCPU, which suits a kernel whose events stay pending until the next poll. A
    /// kernel with upcalls must also check the events that these have cleared.
    fn wait(&self, ports: &[Port], deadline: Option<Instant>) {
        // A poll that fails returns at once, which the contract permits.
        let _ = ops::sched::poll(self, ports, deadline);
    }

    /// Notifies the kernel that `port` was opened or moved, and that its events go to `vcpu`.
    ///
    /// A kernel that dispatches events calls `EventChannels::opened` of `xen-evtchn`. The default
    /// does nothing, which suits a kernel that polls in the 2-level format.
    ///
    /// # Errors
    ///
    /// The port cannot be used, for example for lack of memory. The caller that opened the port
    /// closes it.
    fn port_opened(&self, port: Port, vcpu: u32) -> Result<(), Errno> {
        let _ = (port, vcpu);
        Ok(())
    }

    /// Notifies the kernel that `port` is about to be closed. A kernel that dispatches events calls
    /// `EventChannels::closing` of `xen-evtchn`. The default does nothing.
    fn port_closing(&self, port: Port) {
        let _ = port;
    }
}

// SAFETY: every call is forwarded unchanged, so `T` meets the obligations; a copied reference
// represents the same domain.
unsafe impl<T: Platform> Platform for &T {
    fn alloc_pages(&self, count: NonZeroUsize) -> Option<NonNull<u8>> {
        (**self).alloc_pages(count)
    }

    unsafe fn free_pages(&self, pages: NonNull<u8>, count: NonZeroUsize) {
        // SAFETY: the caller's obligations are those of `T`.
        unsafe { (**self).free_pages(pages, count) }
    }

    fn virt_to_gfn(&self, page: NonNull<u8>) -> Gfn {
        (**self).virt_to_gfn(page)
    }

    unsafe fn map_frames(&self, first: Gfn, count: NonZeroUsize) -> Option<NonNull<u8>> {
        // SAFETY: the caller's obligations are those of `T`.
        unsafe { (**self).map_frames(first, count) }
    }

    fn reserve_xen_frame(&self) -> Option<(NonNull<u8>, Gfn)> {
        (**self).reserve_xen_frame()
    }

    fn claims(&self) -> &Claims {
        (**self).claims()
    }

    fn now(&self) -> Instant {
        (**self).now()
    }

    fn wait(&self, ports: &[Port], deadline: Option<Instant>) {
        (**self).wait(ports, deadline);
    }

    fn port_opened(&self, port: Port, vcpu: u32) -> Result<(), Errno> {
        (**self).port_opened(port, vcpu)
    }

    fn port_closing(&self, port: Port) {
        (**self).port_closing(port);
    }
}

/// Frames without RAM, and the addresses that map them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForeignRange {
    /// Address of the first page.
    pub start: NonNull<u8>,
    /// First frame; the others follow it.
    pub first: Gfn,
    /// Number of pages.
    pub count: NonZeroUsize,
}

impl ForeignRange {
    /// Releases the range except the pages for which `is_stuck` returns `true` by their index.
    /// Those are lost and counted ([`Claims::lost_frames`]).
    ///
    /// # Safety
    ///
    /// That of [`ForeignFrames::release_frames`], for all pages that are released.
    pub unsafe fn release_but<P: ForeignFrames>(
        self,
        platform: &P,
        is_stuck: impl Fn(usize) -> bool,
    ) {
        let end = self.count.get();
        let mut start = 0;
        while start < end {
            let next = (start..end).find(|&page| is_stuck(page)).unwrap_or(end);
            if let Some(count) = NonZeroUsize::new(next - start) {
                // SAFETY: within the range.
                let address = unsafe { self.start.add(start * PAGE_SIZE) };
                let part = Self { start: address, first: Gfn(self.first.0 + start as u64), count };
                // SAFETY: the caller's obligation; each page is released once.
                unsafe { platform.release_frames(part) }
            }
            if next < end {
                platform.claims().lose_frames(1);
            }
            start = next + 1;
        }
    }
}

/// Frame numbers without RAM, to map another domain's memory. For backends and hosts only.
///
/// [`UnpopulatedFrames`](crate::UnpopulatedFrames) allocates such frames.
///
/// # Implementation safety
///
/// Each method has its own obligations.
pub unsafe trait ForeignFrames: Platform {
    /// Reserves `count` contiguous frames without RAM. Returns `None` if there is no room.
    ///
    /// # Implementation safety
    ///
    /// The range must have no other user until it is released, and accesses to it must reach the
    /// memory that Xen maps there.
    fn reserve_frames(&self, count: NonZeroUsize) -> Option<ForeignRange>;

    /// Releases a range of [`reserve_frames`](Self::reserve_frames), or a part of one: some frames
    /// of it may stay reserved permanently.
    ///
    /// # Safety
    ///
    /// The range must lie within one earlier reservation, without mappings. Each frame is released
    /// once.
    /// frame is released once.
    unsafe fn release_frames(&self, range: ForeignRange);
}
