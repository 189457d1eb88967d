#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

#[cfg(test)]
extern crate std;

mod backend;
mod backend_driver;
mod error;
mod frontend;
mod frontend_driver;
mod frontend_wait;
mod job;
mod keys;
mod list;
pub mod net;
mod nodes;
mod publish;
mod read;
mod removal;
mod state;
pub mod vbd;
mod watcher;

pub use backend::BackendDevice;
pub use backend_driver::{BackendDriver, BackendEvent};
pub use error::XenbusError;
pub use frontend::{DeviceState, FrontendDevice};
pub use frontend_driver::{Cause, FrontendDriver, Peer};
pub use keys::{KeyList, KeyValues};
pub use list::{DeviceId, backends, devices};
pub use publish::NodeWriter;
pub use removal::Removal;
pub use state::{Action, Role, next};
pub use watcher::{DeviceEvent, DeviceWatcher, WatchedDevice};
pub use xen_sys::io::xenbus::XenbusState;
