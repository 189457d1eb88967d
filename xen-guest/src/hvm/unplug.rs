//! The unplug protocol of emulated devices.

use super::{DeviceModelLog, PortIo};
use bitflags::bitflags;
use thiserror::Error;

/// Port of the magic number, the build number and the devices.
const PORT_MAGIC: u16 = 0x10;
/// Port of the protocol version and the product number; bytes that are written to it are logged.
pub(super) const PORT_LOG: u16 = 0x12;
/// Magic number of a device model that unplugs devices.
const MAGIC: u16 = 0x49d2;
/// The number of one that does not allow the driver.
const DENIED: u16 = 0xd249;

bitflags! {
    /// Emulated devices that a guest can unplug.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct UnplugDevices: u16 {
        /// All IDE and SCSI disks, but no CD drives.
        const DISKS = 1 << 0;
        /// All network interfaces.
        const NICS = 1 << 1;
        /// All IDE disks but the primary master, and no CD drives.
        const AUX_IDE_DISKS = 1 << 2;
        /// All NVMe disks.
        const NVME_DISKS = 1 << 3;
    }
}

/// Devices to unplug, and the product that the host may have on its list of denied drivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnplugPolicy {
    /// Emulated devices that the guest does not use: those for which it has paravirtual drivers.
    pub devices: UnplugDevices,
    /// Number of the drivers' product, as Xen's list of products assigns it.
    pub product: u16,
    /// Number of the drivers' build.
    pub build: u32,
}

impl UnplugPolicy {
    /// Product number of drivers that have none.
    pub const EXPERIMENTAL: u16 = 0xffff;

    /// Returns the policy of an experimental product with build number 0.
    pub const fn new(devices: UnplugDevices) -> Self {
        Self { devices, product: Self::EXPERIMENTAL, build: 0 }
    }
}

/// Disks of all kinds, and network interfaces.
impl Default for UnplugPolicy {
    fn default() -> Self {
        let disks = UnplugDevices::DISKS.union(UnplugDevices::NVME_DISKS);
        Self::new(disks.union(UnplugDevices::NICS))
    }
}

/// Reason why the emulated devices stay. Paravirtual drivers of the same devices must not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum UnplugError {
    /// No device model answers, or one without the protocol.
    #[error("unplug: found magic {found:#06x} at port 0x10, expected {MAGIC:#06x}")]
    Magic {
        /// Number that was read.
        found: u16,
    },
    /// The host's list of denied drivers has this one.
    #[error("unplug: the host denies product {product:#06x}, build {build}")]
    Denied {
        /// Number of the product.
        product: u16,
        /// Number of the build.
        build: u32,
    },
}

/// Unplugs emulated devices, and returns the device model's log. Call it before a driver finds its
/// devices, and after each resume.
///
/// # Errors
///
/// [`UnplugError`], which is logged. Nothing is unplugged.
#[doc(alias = "XEN_IOPORT_UNPLUG")]
pub fn unplug<I: PortIo>(ports: I, policy: UnplugPolicy) -> Result<DeviceModelLog<I>, UnplugError> {
    let UnplugPolicy { devices, product, build } = policy;
    let result = check(&ports, product, build);
    match result {
        Ok(version) => {
            // SAFETY: the device model has answered with the magic number, so the port is its own.
            // Devices disappear that the guest does not use, as the policy is.
            unsafe { ports.write16(PORT_MAGIC, devices.bits()) };
            log::info!("unplug: {devices:?} unplugged, protocol version {version}");
            Ok(DeviceModelLog::new(ports))
        }
        Err(error) => {
            log::warn!("{error}; the emulated devices stay");
            Err(error)
        }
    }
}

/// Returns the version of the protocol, if the device model allows the driver.
fn check(ports: &impl PortIo, product: u16, build: u32) -> Result<u8, UnplugError> {
    let magic = || {
        // SAFETY: on a PC the port belongs to the platform device or to a DMA controller, of which
        // a read changes nothing.
        unsafe { ports.read16(PORT_MAGIC) }
    };
    let found = magic();
    if found == DENIED {
        return Err(UnplugError::Denied { product, build });
    }
    if found != MAGIC {
        return Err(UnplugError::Magic { found });
    }
    // SAFETY: these ports are the device model's, which has answered, and it only stores the
    // numbers.
    let version = unsafe { ports.read8(PORT_LOG) };
    if version != 0 {
        // SAFETY: as above.
        unsafe {
            ports.write16(PORT_LOG, product);
            ports.write32(PORT_MAGIC, build);
        }
        match magic() {
            MAGIC => {}
            DENIED => return Err(UnplugError::Denied { product, build }),
            found => return Err(UnplugError::Magic { found }),
        }
    }
    Ok(version)
}
