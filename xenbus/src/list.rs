//! Lists of devices.

use core::fmt::{self, Display};
use heapless::Vec;
use xen_hypercall::DomId;
use xen_store::wire::{MessageType, Number, parse_number};
use xen_store::{ErrorKind, PathText, StoreError, XsOps};

/// Identifier of a backend's device: the guest and the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeviceId {
    /// The guest that the frontend is in.
    pub guest: DomId,
    /// The device's number: for a disk, the one that encodes its name; for a network interface,
    /// its index.
    pub device: u32,
}

impl Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.guest, self.device)
    }
}

/// Returns the ids of this domain's devices of a kind (`vbd`, `vif`, ...), in ascending order, at
/// most `N`; none if there is no such kind.
///
/// Names that are no numbers are left out.
///
/// # Errors
///
/// [`ErrorKind::TooLong`] if there are more than `N`; those of [`XsOps::directory`].
pub fn devices<const N: usize>(store: &impl XsOps, kind: &str) -> Result<Vec<u32, N>, StoreError> {
    numbers(store, &format_args!("device/{kind}"))
}

/// Returns the devices of a kind (`vbd`, `vif`, ...) that the toolstack has assigned to this domain
/// to serve, in ascending order, at most `N`; none if there is no such kind.
///
/// Names that are no numbers are left out.
///
/// # Errors
///
/// [`ErrorKind::TooLong`] if there are more than `N`; those of [`XsOps::directory`].
pub fn backends<const N: usize>(
    store: &impl XsOps,
    kind: &str,
) -> Result<Vec<DeviceId, N>, StoreError> {
    let guests: Vec<u16, N> = numbers(store, &format_args!("backend/{kind}"))?;
    let mut found = Vec::new();
    for guest in guests {
        let path = format_args!("backend/{kind}/{guest}");
        let ids: Vec<u32, N> = numbers(store, &path)?;
        for device in ids {
            let id = DeviceId { guest: DomId(guest), device };
            found.push(id).map_err(|_| too_many(&path, N))?;
        }
    }
    Ok(found)
}

/// Returns the children of a node that are numbers, in ascending order; none if there is no such
/// node.
fn numbers<I: Number + Ord, const N: usize>(
    store: &impl XsOps,
    path: &dyn Display,
) -> Result<Vec<I, N>, StoreError> {
    let mut found = Vec::new();
    let mut full = false;
    let mut list = || {
        (found, full) = (Vec::new(), false);
        store.directory(path, |name| {
            if let Ok(number) = parse_number(name.as_bytes()) {
                full |= found.push(number).is_err();
            }
        })
    };
    let listed = match list() {
        // The list changed after a part of it was read; that part is discarded.
        Err(StoreError { kind: ErrorKind::Changed, .. }) => list(),
        listed => listed,
    };
    match listed {
        Err(error) if error.is_not_found() => {}
        result => result?,
    }
    if full {
        return Err(too_many(path, N));
    }
    found.sort_unstable();
    Ok(found)
}

pub(crate) fn too_many(path: &dyn Display, limit: usize) -> StoreError {
    StoreError {
        operation: MessageType::DIRECTORY,
        path: PathText::new(path),
        kind: ErrorKind::TooLong { limit },
    }
}
