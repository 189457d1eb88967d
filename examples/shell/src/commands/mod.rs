//! The commands, one file for each group.

pub(crate) mod blk;
pub(crate) mod console;
pub(crate) mod info;
pub(crate) mod memory;
pub(crate) mod net;
pub(crate) mod power;
pub(crate) mod time;
pub(crate) mod xs;

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Display;
use core::time::Duration;

/// Maximum time of a device to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Maximum time of a device to close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// The most devices of a kind.
const DEVICES: usize = 64;

/// Lists names with commas.
fn names(names: impl Iterator<Item = impl Display>) -> String {
    names.map(|name| name.to_string()).collect::<Vec<_>>().join(", ")
}
