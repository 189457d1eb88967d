//! Devices: how the two ends of a device find each other, connect, and part.
//!
//! Each end has a directory in xenstore with a node `state`; the frontend's is `device/KIND/ID` in the domain's home, and names the
//! backend's in its node `backend`. Sources: `io/xenbus.h`, and the headers of the device protocols in `io/`.

mod error;
mod frontend;
mod hotplug;
mod lookup;
mod state;

use crate::client::Nodes;
use crate::error::StoreError;
pub use error::XenbusError;
pub use frontend::{Frontend, FrontendEvent};
use heapless::Vec;
pub use hotplug::{HotPlug, Plugged};
pub use state::{Action, next};
pub use xen_sys::io::xenbus::XenbusState;

/// Returns the ids of this domain's devices of a kind (`vbd`, `vif`, ...), in ascending order, at most `N`; none if there is no such kind.
///
/// Names that are no numbers are left out.
///
/// # Errors
///
/// [`Reason::TooLong`](crate::Reason::TooLong) if there are more than `N`; those of [`Nodes::directory`].
pub fn devices<const N: usize>(store: &impl Nodes, kind: &str) -> Result<Vec<u32, N>, StoreError> {
    let path = format_args!("device/{kind}");
    let mut ids = Vec::new();
    let mut full = false;
    let listed = store.directory(path, |name| {
        if let Ok(id) = crate::wire::parse_number(name.as_bytes()) {
            full |= ids.push(id).is_err();
        }
    });
    match listed {
        Err(error) if error.is_not_found() => {}
        result => result?,
    }
    if full {
        let reason = crate::Reason::TooLong { limit: N };
        return Err(crate::client::error_at(crate::wire::MessageType::DIRECTORY, &path)(reason));
    }
    ids.sort_unstable();
    Ok(ids)
}
