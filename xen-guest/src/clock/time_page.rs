//! Page with a copy of the time information, for user mode.

use super::TimeInfo;
use crate::area::{Area, AreaKind};
use xen_hypercall::{Errno, Gfn, Platform};

/// Page with a copy of a vCPU's time information and nothing else, which Xen keeps up to date.
///
/// A kernel maps it read-only into user mode, whose library (a vDSO) reads it as
/// [`TimeInfo::read`] does. User mode does not select its vCPU: the page of vCPU 0 serves all vCPUs
/// while the [reading is stable](super::TimeReading::is_stable), and none otherwise. Where the
/// clock runs [ahead](super::SystemClock::to_system_time) of system time, the kernel publishes the
/// difference beside it.
///
/// The page is freed when the value is dropped; before Xen 4.18, which cannot end a registration,
/// it is never freed.
#[derive(Debug)]
#[doc(alias("VCPUOP_register_vcpu_time_memory_area", "VCPUOP_register_vcpu_time_phys_area"))]
pub struct TimePage<P: Platform>(Area<P>);

impl<P: Platform> TimePage<P> {
    /// Registers a page for `vcpu`: by its frame, or before Xen 4.18 by its address, which must
    /// then stay mapped in all address spaces.
    ///
    /// # Errors
    ///
    /// `ENOMEM` if the platform has no page, `ENOENT` if there is no such vCPU.
    pub fn register(platform: P, vcpu: u32) -> Result<Self, Errno> {
        Area::register(platform, AreaKind::Time, vcpu).map(Self)
    }

    /// Registers the page again in a domain that was resumed elsewhere.
    ///
    /// # Errors
    ///
    /// The refusal of Xen.
    pub fn resume(&self) -> Result<(), Errno> {
        self.0.register_again()
    }

    /// Returns the frame to map.
    pub fn gfn(&self) -> Option<Gfn> {
        self.0.pages().gfn(0)
    }

    /// Returns the time information.
    pub fn time(&self) -> Option<TimeInfo<'_>> {
        TimeInfo::at(self.0.memory(), 0)
    }
}
