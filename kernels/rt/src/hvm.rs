//! HVM guests: the platform device, and the unplug of the emulated devices.

use crate::{lines, pci};
use core::fmt::Write;
use spin::Once;
use xen_guest::hvm::{PlatformDevice, Ports, UnplugPolicy, unplug};

static DEVICE: Once<PlatformDevice> = Once::new();

/// Finds the platform device and unplugs the emulated disks and network interfaces. Does nothing in
/// a domain that is no HVM guest, or one without a device model.
pub(crate) fn init() {
    if lines::pic()
        && let Some(device) = PlatformDevice::find(&pci::CONFIG)
    {
        log::info!("platform device {}: memory {:#x?}", device.address, device.memory);
        DEVICE.call_once(|| device);
        unplug_again();
    }
}

/// Unplugs the emulated devices of a new device model, after a resume too.
pub(crate) fn unplug_again() {
    if DEVICE.is_completed()
        && let Ok(mut log) = unplug(Ports, UnplugPolicy::default())
    {
        let _ = writeln!(log, "xen-kernel-rt: emulated devices unplugged");
    }
}

/// Returns the platform device of an HVM guest.
pub(crate) fn device() -> Option<&'static PlatformDevice> {
    DEVICE.get()
}
