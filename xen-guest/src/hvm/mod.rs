//! HVM guests: the platform device, and the emulated devices beside it.
//!
//! An HVM guest finds emulated disks and network interfaces for the same data as its paravirtual
//! ones. It unplugs them ([`unplug`]) before it uses the latter, and again after a resume, because
//! the device model is another one then. Source: `docs/misc/hvm-emulated-unplug.pandoc` of Xen.

mod log_port;
mod pci;
mod ports;
mod unplug;

pub use log_port::DeviceModelLog;
pub use pci::{Mechanism1, PciAddress, PciConfig, PlatformDevice};
pub use ports::PortIo;
#[cfg(target_arch = "x86_64")]
pub use ports::Ports;
pub use unplug::{UnplugDevices, UnplugError, UnplugPolicy, unplug};
