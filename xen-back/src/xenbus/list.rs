//! The devices that the toolstack wants a backend for.

use core::fmt;
use heapless::Vec;
use xen_hypercall::DomId;
use xen_store::wire::{MessageType, parse_number};
use xen_store::{Nodes, PathText, Reason, StoreError};

/// Which device of which guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeviceId {
    /// The guest that the frontend is in.
    pub guest: DomId,
    /// The device's number: for a disk, the one that encodes its name; for a network interface, its index.
    pub device: u32,
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.guest, self.device)
    }
}

/// Returns the devices of a kind (`vbd`, `vif`, ...) that this domain is to serve, at most `N`; none if there is no such kind.
///
/// Names that are no numbers are left out.
///
/// # Errors
///
/// [`Reason::TooLong`] if there are more than `N`; those of [`Nodes::directory`].
pub fn devices<const N: usize>(store: &impl Nodes, kind: &str) -> Result<Vec<DeviceId, N>, StoreError> {
    let kind_path = format_args!("backend/{kind}");
    let guests: Vec<u16, N> = numbers(store, &kind_path)?;
    let mut found = Vec::new();
    for guest in guests {
        let path = format_args!("backend/{kind}/{guest}");
        let ids: Vec<u32, N> = numbers(store, &path)?;
        for device in ids {
            found.push(DeviceId { guest: DomId(guest), device }).map_err(|_| too_many(&path, N))?;
        }
    }
    Ok(found)
}

/// The children of a node that are numbers; none if there is no such node.
fn numbers<I: xen_store::wire::Number, const N: usize>(
    store: &impl Nodes,
    path: &dyn fmt::Display,
) -> Result<Vec<I, N>, StoreError> {
    let mut found = Vec::new();
    let mut full = false;
    let listed = store.directory(path, |name| {
        if let Ok(number) = parse_number(name.as_bytes()) {
            full |= found.push(number).is_err();
        }
    });
    match listed {
        Err(error) if error.is_not_found() => {}
        result => result?,
    }
    if full { Err(too_many(path, N)) } else { Ok(found) }
}

fn too_many(path: &dyn fmt::Display, limit: usize) -> StoreError {
    StoreError {
        operation: MessageType::DIRECTORY,
        path: PathText::new(path),
        reason: Reason::TooLong { limit },
    }
}
