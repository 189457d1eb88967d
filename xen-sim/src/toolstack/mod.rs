//! Toolstack in the control domain: guests and devices, save and restore, and the console daemon.

mod backend;
mod console;
mod device;
mod dom0less;
mod guest;
mod lifecycle;

pub(crate) use console::{Consoles, daemon};
pub(crate) use device::DeviceNodes;
pub use device::{Device, DeviceKind, DeviceSpec, Disk, Vif};
pub(crate) use guest::{introduce, release};
pub use lifecycle::Image;
