//! What runs in the control domain: making guests and devices, saving and restoring them, and the
//! console daemon.

mod backend;
mod console;
mod device;
mod guest;
mod lifecycle;

pub(crate) use console::{Consoles, daemon};
pub(crate) use device::DeviceNodes;
pub use device::{Device, DeviceKind, DeviceSpec, Disk, Vif};
pub(crate) use guest::{introduce, release};
pub use lifecycle::Image;
