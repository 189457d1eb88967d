//! The traits that a kernel implements.

use crate::{Claims, Errno, Gfn, Instant, PAGE_SIZE, Port, ops};
use core::num::NonZeroUsize;
use core::ptr::NonNull;

/// Issues hypercalls: one method, what the CPU does.
///
/// [`arch`](crate::arch) has implementations that execute the instruction; a simulator implements
/// it in software.
///
/// # Implementation safety
///
/// The call must reach Xen, or something that keeps Xen's public ABI, with the operation and all
/// five arguments as given, and return what it returned. It must touch no memory but what that ABI
/// says of the operation.
pub unsafe trait Hypercall {
    /// Issues hypercall `op` (a number of `xen_sys::xen`) and returns Xen's result, a negated errno
    /// on failure.
    ///
    /// Pointers go in `args` as exposed addresses (`expose_provenance`). Xen translates them by the
    /// page tables of the vCPU that issues the call. The callers in this family pass structures
    /// on their stack, and memory that their own callers lend: a kernel keeps stacks and such
    /// memory mapped in every address space in which it uses the crates, and does not change
    /// the page tables during a call.
    ///
    /// # Safety
    ///
    /// The arguments must be what the operation asks for; each pointer must be valid for the reads
    /// and writes that the operation makes through it; and what the operation does to the
    /// domain's memory map, its CPUs and its devices must not break an invariant that other
    /// code relies on.
    unsafe fn hypercall(&self, op: usize, args: [usize; 5]) -> isize;
}

// SAFETY: the call is handed on unchanged, so the obligations are met by `T`.
unsafe impl<T: Hypercall + ?Sized> Hypercall for &T {
    #[inline(always)]
    unsafe fn hypercall(&self, op: usize, args: [usize; 5]) -> isize {
        // SAFETY: the caller's obligations are passed on unchanged.
        unsafe { (**self).hypercall(op, args) }
    }
}

/// Supplies what a kernel owes to the drivers: memory, time, and a way to wait.
///
/// A kernel implements it on a zero-sized type; a simulated domain on a handle. All methods take
/// `&self`, so that two domains can live in one process.
///
/// # Preemption
///
/// The crates protect short sections with spin locks: the store's requests, the growth of the grant
/// table, its deferred list. Some sections have a hypercall in them; none waits for a peer. A
/// kernel that preempts must not preempt the holder of such a lock for the sake of a thread that
/// can spin for it on the same CPU: it calls the crates with preemption off, or from threads of one
/// priority. What an upcall calls takes none of these locks.
///
/// # Implementation safety
///
/// Each method has its own. Clones must stand for the same domain and the same memory.
pub unsafe trait Platform: Hypercall + Clone {
    /// Allocates `count` pages: zeroed, page-aligned, virtually contiguous; `None` if there are
    /// none.
    ///
    /// # Implementation safety
    ///
    /// The memory must be RAM of this domain that nothing else refers to until
    /// [`free_pages`](Self::free_pages), valid for reads and writes at the returned address,
    /// and stay behind the frames that [`virt_to_gfn`](Self::virt_to_gfn) names.
    fn alloc_pages(&self, count: NonZeroUsize) -> Option<NonNull<u8>>;

    /// Takes back pages of [`alloc_pages`](Self::alloc_pages).
    ///
    /// # Safety
    ///
    /// `pages` and `count` must be those of one earlier allocation, freed once. Nobody may refer to
    /// the memory any more, no other domain among them.
    unsafe fn free_pages(&self, pages: NonNull<u8>, count: NonZeroUsize);

    /// Returns the frame behind `page`, an address within an allocation of
    /// [`alloc_pages`](Self::alloc_pages).
    ///
    /// # Implementation safety
    ///
    /// The answer must be the frame that the address maps to, for as long as the allocation lives.
    fn virt_to_gfn(&self, page: NonNull<u8>) -> Gfn;

    /// Maps `count` frames from `first` that Xen named (the store ring, the console ring), for
    /// good; `None` if there is no room.
    ///
    /// # Safety
    ///
    /// The frames must be what the caller takes them for: memory that Xen put there, ordinary
    /// cacheable memory, not RAM of the kernel's allocator.
    ///
    /// # Implementation safety
    ///
    /// The memory must be mapped readable, writable and cacheable at the returned address,
    /// page-aligned, contiguous, and stay so.
    unsafe fn map_frames(&self, first: Gfn, count: NonZeroUsize) -> Option<NonNull<u8>>;

    /// Returns the record of the resources that this domain has once.
    ///
    /// A kernel returns a static: `static CLAIMS: Claims = Claims::new();`.
    ///
    /// # Implementation safety
    ///
    /// All values that stand for one domain must return the same [`Claims`], at all times, and
    /// values of other domains must return others: a value of one domain is refused by objects
    /// of another one by its address.
    fn claims(&self) -> &Claims;

    /// Returns the present moment in Xen's system time. Never goes back.
    fn now(&self) -> Instant;

    /// Waits until one of `ports` has an event, or until `deadline`; may return early.
    ///
    /// The only place that blocks. An event that came after the previous wait for its port has to
    /// end this one at once, and ends one wait: of two callers that wait for the same port, one
    /// may not hear of it, so whoever shares a port looks again now and then. The default
    /// asks Xen to block the vCPU, which suits a kernel whose events stay pending until it polls
    /// them; a kernel that takes upcalls also has to look at what those already cleared.
    fn wait(&self, ports: &[Port], deadline: Option<Instant>) {
        // A poll that fails returns at once, which the contract allows.
        let _ = ops::sched::poll(self, ports, deadline);
    }

    /// Hears that `port` was opened, or moved, and that its events go to `vcpu`.
    ///
    /// A kernel that dispatches events hands it on to `EventChannels::opened` of `xen-evtchn`. The
    /// default does nothing, which suits a kernel that polls in the two-level format.
    ///
    /// # Errors
    ///
    /// The port can't be used, for want of memory say; whoever opened it closes it.
    fn port_opened(&self, port: Port, vcpu: u32) -> Result<(), Errno> {
        let _ = (port, vcpu);
        Ok(())
    }

    /// Hears that `port` is about to be closed: `EventChannels::closing` of `xen-evtchn`. The
    /// default does nothing.
    fn port_closing(&self, port: Port) {
        let _ = port;
    }
}

// SAFETY: every call is handed on unchanged, so the obligations are met by `T`; a copied reference
// is the same domain.
unsafe impl<T: Platform> Platform for &T {
    fn alloc_pages(&self, count: NonZeroUsize) -> Option<NonNull<u8>> {
        (**self).alloc_pages(count)
    }

    unsafe fn free_pages(&self, pages: NonNull<u8>, count: NonZeroUsize) {
        // SAFETY: the caller's obligations are passed on unchanged.
        unsafe { (**self).free_pages(pages, count) }
    }

    fn virt_to_gfn(&self, page: NonNull<u8>) -> Gfn {
        (**self).virt_to_gfn(page)
    }

    unsafe fn map_frames(&self, first: Gfn, count: NonZeroUsize) -> Option<NonNull<u8>> {
        // SAFETY: the caller's obligations are passed on unchanged.
        unsafe { (**self).map_frames(first, count) }
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

/// Frames with no RAM behind them, and the addresses they are mapped at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForeignRange {
    /// The first page's address.
    pub start: NonNull<u8>,
    /// The first frame; the others follow it.
    pub first: Gfn,
    /// The number of pages.
    pub count: NonZeroUsize,
}

impl ForeignRange {
    /// Releases the range but for the pages that `is_stuck` names by their index. These are given
    /// up for good, and counted ([`Claims::lost_frames`]).
    ///
    /// # Safety
    ///
    /// That of [`ForeignFrames::release_frames`], for all pages but those.
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
                // SAFETY: the caller's word; each page is released once.
                unsafe { platform.release_frames(part) }
            }
            if next < end {
                platform.claims().lose_frames(1);
            }
            start = next + 1;
        }
    }
}

/// Supplies frame numbers with no RAM behind them, to map another domain's memory into. For
/// backends and hosts only.
///
/// [`UnpopulatedFrames`](crate::UnpopulatedFrames) keeps account of them.
///
/// # Implementation safety
///
/// Each method has its own.
pub unsafe trait ForeignFrames: Platform {
    /// Reserves `count` contiguous frames that hold no RAM; `None` if there is no room.
    ///
    /// # Implementation safety
    ///
    /// The range must be used by nothing else until it is released, and accesses to it must reach
    /// what Xen maps there.
    fn reserve_frames(&self, count: NonZeroUsize) -> Option<ForeignRange>;

    /// Takes back a range of [`reserve_frames`](Self::reserve_frames), or a part of one: some
    /// frames of it may stay reserved for good.
    ///
    /// # Safety
    ///
    /// The range must lie within one earlier reservation, with nothing mapped in it any more; each
    /// frame is released once.
    unsafe fn release_frames(&self, range: ForeignRange);
}
