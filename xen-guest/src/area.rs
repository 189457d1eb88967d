//! Areas of a vCPU in this domain's memory that Xen updates.

use core::fmt;
use core::mem::ManuallyDrop;
use xen_hypercall::ops::vcpu;
use xen_hypercall::{Errno, PAGE_SIZE, Pages, Platform, SharedMem, SharedPages};

/// Content of an area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AreaKind {
    /// A copy of `vcpu_time_info`.
    Time,
    /// `vcpu_runstate_info`.
    Runstate,
}

/// Page of this domain at whose start Xen updates an area of one vCPU.
pub(crate) struct Area<P: Platform> {
    memory: ManuallyDrop<SharedPages<P>>,
    /// Address of the memory.
    start: usize,
    kind: AreaKind,
    vcpu: u32,
    /// Registered by its frame, so that the registration can end. Xen before 4.18 takes only an
    /// address, for the lifetime of the domain.
    is_by_frame: bool,
}

impl<P: Platform> Area<P> {
    /// Registers an area for `vcpu`.
    pub(crate) fn register(platform: P, kind: AreaKind, vcpu: u32) -> Result<Self, Errno> {
        let mut pages = Pages::alloc(platform, 1).map_err(|_| Errno::ENOMEM)?;
        let start = pages.as_mut_slice().as_mut_ptr().expose_provenance();
        let memory = ManuallyDrop::new(pages.into_shared());
        let mut this = Self { memory, start, kind, vcpu, is_by_frame: true };
        match this.register_frame(true) {
            Ok(()) => Ok(this),
            // Xen is older than 4.18: on x86, then on Arm.
            Err(Errno::ENOSYS | Errno::EINVAL) => {
                this.is_by_frame = false;
                this.register_address().map(|()| this)
            }
            Err(errno) => Err(errno),
        }
    }

    /// Registers the area again in a domain that was resumed elsewhere. It has no effect in the
    /// same domain.
    pub(crate) fn register_again(&self) -> Result<(), Errno> {
        if self.is_by_frame { self.register_frame(true) } else { self.register_address() }
    }

    /// Returns the memory.
    pub(crate) fn memory(&self) -> &SharedMem {
        (*self.memory).as_ref()
    }

    /// Returns the page.
    pub(crate) fn pages(&self) -> &SharedPages<P> {
        &self.memory
    }

    fn register_frame(&self, on: bool) -> Result<(), Errno> {
        let gfn = self.memory.gfn(0).ok_or(Errno::EINVAL)?;
        let (xen, address) = (self.memory.platform(), on.then(|| gfn.address()));
        // SAFETY: the page belongs to this value, which accesses it as shared memory until the
        // registration has ended.
        unsafe {
            match self.kind {
                AreaKind::Time => vcpu::register_vcpu_time_phys_area(xen, self.vcpu, address),
                AreaKind::Runstate => vcpu::register_runstate_phys_area(xen, self.vcpu, address),
            }
        }
    }

    fn register_address(&self) -> Result<(), Errno> {
        let xen = self.memory.platform();
        let start = core::ptr::with_exposed_provenance_mut::<u8>(self.start);
        // SAFETY: the page is accessed as shared memory only, and is never freed: see `drop`.
        unsafe {
            match self.kind {
                AreaKind::Time => {
                    vcpu::register_vcpu_time_memory_area(xen, self.vcpu, start.cast())
                }
                AreaKind::Runstate => {
                    vcpu::register_runstate_memory_area(xen, self.vcpu, start.cast())
                }
            }
        }
    }
}

impl<P: Platform> Drop for Area<P> {
    fn drop(&mut self) {
        // The page leaks if Xen may still write it.
        if self.is_by_frame && self.register_frame(false).is_ok() {
            // SAFETY: the value is dropped, and does not use the page again.
            unsafe { ManuallyDrop::drop(&mut self.memory) };
        }
    }
}

impl<P: Platform> fmt::Debug for Area<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Area")
            .field("kind", &self.kind)
            .field("vcpu", &self.vcpu)
            .field("is_by_frame", &self.is_by_frame)
            .finish_non_exhaustive()
    }
}

const _: () = assert!(size_of::<xen_sys::vcpu::VcpuRunstateInfo>() <= PAGE_SIZE);
