//! What runs in the control domain: making guests and devices, and the console daemon.

mod console;
mod device;
mod guest;

pub(crate) use console::{Consoles, daemon};
pub use device::{Device, DeviceKind, Disk, Vif};
pub(crate) use guest::{introduce, release};
