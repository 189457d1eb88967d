//! HVM guests: the platform device, the unplug of the emulated devices, and the VM generation id.

use super::{interrupts, lines, pci};
use crate::platform::{BOOT, Rt};
use core::fmt::Write;
use spin::Once;
use xen_guest::GenerationId;
use xen_guest::hvm::{PlatformDevice, Ports, UnplugPolicy, unplug};

static DEVICE: Once<PlatformDevice> = Once::new();

/// Resets the vCPUs that the firmware has used, finds the platform device, and unplugs the emulated
/// disks and network interfaces. Does nothing in a domain that is no HVM guest, and unplugs nothing
/// without a device model.
pub(crate) fn init() {
    if !lines::pic() {
        return;
    }
    interrupts::reset_other_vcpus();
    if let Some(device) = PlatformDevice::find(&pci::CONFIG) {
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

static GENERATION_ID: Once<Option<GenerationId<Rt>>> = Once::new();

/// Returns the VM generation id; `None` if the domain has none.
pub(crate) fn generation_id() -> Option<u128> {
    let id = GENERATION_ID.call_once(|| {
        let map = BOOT.get().map_or(&[][..], |boot| &boot.memory_map);
        GenerationId::new(Rt::new(), map).unwrap_or_else(|error| {
            log::warn!("{error}");
            None
        })
    });
    id.as_ref().map(GenerationId::read)
}
