//! The platform interface.

use crate::memory;
use core::num::NonZeroUsize;
use core::ptr::NonNull;
use spin::Once;
use xen_guest::arch::Tsc;
use xen_guest::hypercall::arch::{VendorCall, cpuid};
use xen_guest::hypercall::boot::{self, PlaceError};
use xen_guest::ops::sched;
use xen_guest::{
    Claims, EventChannels, Gfn, Hypercall, Instant, Mapped, PAGE_SIZE, Platform, Port, SystemClock,
};

/// The domain that this kernel runs in.
#[derive(Clone, Copy, Debug)]
pub struct Kernel;

static CALL: Once<VendorCall> = Once::new();
static CLAIMS: Claims = Claims::new();
static CLOCK: SystemClock<Tsc> = SystemClock::new(Tsc);
static EVENTS: Once<EventChannels<Kernel, Mapped<Kernel>>> = Once::new();

/// Selects the hypercall instruction; `None` without Xen.
pub fn find_xen() -> Option<()> {
    cpuid::XenLeaves::find(cpuid::native)?;
    CALL.call_once(|| VendorCall::for_vendor(cpuid::CpuVendor::read(cpuid::native)));
    Some(())
}

/// Maps shared info, which has the clock and the event words.
pub fn init() -> Result<(), PlaceError> {
    let shared_info = boot::shared_info(Kernel)?;
    EVENTS.call_once(|| EventChannels::new(Kernel, shared_info));
    Ok(())
}

// SAFETY: forwards to the instruction of this processor; without Xen there is no call.
unsafe impl Hypercall for Kernel {
    unsafe fn hypercall(&self, op: usize, args: [usize; 5]) -> isize {
        const ENOSYS: isize = -38;
        // SAFETY: the caller's obligations apply unchanged.
        CALL.get().map_or(ENOSYS, |call| unsafe { call.hypercall(op, args) })
    }
}

// SAFETY: all memory is mapped to its physical address, so a frame number is an address shifted;
// pages come from RAM that only `memory` allocates.
unsafe impl Platform for Kernel {
    fn alloc_pages(&self, count: NonZeroUsize) -> Option<NonNull<u8>> {
        memory::alloc(count.get())
    }

    unsafe fn free_pages(&self, pages: NonNull<u8>, count: NonZeroUsize) {
        // SAFETY: the caller's obligations apply unchanged.
        unsafe { memory::free(pages, count.get()) }
    }

    fn virt_to_gfn(&self, page: NonNull<u8>) -> Gfn {
        Gfn::containing(page.addr().get() as u64)
    }

    unsafe fn map_frames(&self, first: Gfn, count: NonZeroUsize) -> Option<NonNull<u8>> {
        let end = first.0.checked_add(count.get() as u64)?.checked_mul(PAGE_SIZE as u64)?;
        let address = core::ptr::with_exposed_provenance_mut(first.address() as usize);
        NonNull::new(address).filter(|_| end <= memory::MAPPED)
    }

    fn claims(&self) -> &Claims {
        &CLAIMS
    }

    fn now(&self) -> Instant {
        EVENTS
            .get()
            .map_or(Instant::default(), |events| CLOCK.now(events.shared_info().as_ref(), 0))
    }

    fn wait(&self, ports: &[Port], deadline: Option<Instant>) {
        let _ = sched::poll(self, ports, deadline.map(|at| CLOCK.to_system_time(at)));
        if let Some(events) = EVENTS.get() {
            // A pending port ends the next wait at once: clear it.
            for &port in ports {
                events.take_pending(port);
            }
        }
    }
}
