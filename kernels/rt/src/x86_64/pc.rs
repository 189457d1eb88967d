//! Interrupt lines and the clock of a PC, for `main`.

use super::hvm;
use super::lines::{self, LineError};
use crate::Rt;
use xen_evtchn::Callback;
use xen_guest::hvm::PlatformDevice;

impl Rt {
    /// Returns the platform device of an HVM guest; `None` without a device model.
    pub fn platform_device(self) -> Option<&'static PlatformDevice> {
        hvm::device()
    }

    /// Returns how many pins the I/O APIC has; `None` without one, as in a PVH guest.
    pub fn io_apic_pins(self) -> Option<u32> {
        lines::pins()
    }

    /// Has the events of vCPU 0, which executes this, come by an interrupt line, until
    /// [`leave_line`](Self::leave_line). Those of other vCPUs don't come meanwhile.
    ///
    /// # Errors
    ///
    /// [`LineError`]: only an HVM guest has such lines. Events come as before then.
    pub fn use_line(self, callback: Callback) -> Result<(), LineError> {
        lines::start(callback)
    }

    /// Has events come as before [`use_line`](Self::use_line).
    ///
    /// # Errors
    ///
    /// As `use_line`.
    pub fn leave_line(self, callback: Callback) -> Result<(), LineError> {
        lines::stop(callback)
    }

    /// Returns how many upcalls came by a line so far.
    pub fn line_upcalls(self) -> u32 {
        lines::taken()
    }

    /// Has the clock that Xen emulates for an HVM guest interrupt once a second, or no longer.
    pub fn clock_interrupts(self, on: bool) {
        lines::clock_interrupts(on);
    }

    /// Ends an interrupt of that clock, so that the next one can come. Returns whether there
    /// was one.
    pub fn end_clock_interrupt(self) -> bool {
        lines::end_clock_interrupt()
    }
}
