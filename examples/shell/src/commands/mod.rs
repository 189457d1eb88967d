//! The commands, one file for each group.

pub(crate) mod blk;
pub(crate) mod info;
pub(crate) mod net;
pub(crate) mod power;
pub(crate) mod xs;

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Display;
use core::time::Duration;
use xen_hypercall::Platform;
use xen_store::XenStore;
use xen_store::xenbus::Frontend;

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

/// Leaves a device that did not connect in the state Closed, so that its backend can try again.
/// Ignores errors: the caller reports the first one.
fn abandon<P: Platform>(store: &XenStore<P>, kind: &str, id: u32) {
    if let Ok(mut frontend) = Frontend::open(store, kind, id) {
        frontend.set_timeout(CLOSE_TIMEOUT);
        let _ = frontend.close_and_wait();
    }
}
