//! The list of disks of this domain.

use super::VbdNumber;
use heapless::Vec;
use xen_store::{StoreError, XsOps};

/// A disk of this domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskEntry {
    /// The device's id in xenstore, to connect it by.
    pub id: u32,
    /// Its number, which has its name.
    pub number: VbdNumber,
}

/// Lists this domain's disks, at most `N`, in the order of their ids.
///
/// # Errors
///
/// Those of [`xenbus::devices`].
pub fn list<const N: usize>(store: &impl XsOps) -> Result<Vec<DiskEntry, N>, StoreError> {
    let mut entries = Vec::new();
    for id in xenbus::devices::<N>(store, "vbd")? {
        // There are at most N of them.
        let _ = entries.push(DiskEntry { id, number: vbd_number(store, id)? });
    }
    Ok(entries)
}

/// Reads the number of device `id`; the id is the number of a device without the node.
fn vbd_number(store: &impl XsOps, id: u32) -> Result<VbdNumber, StoreError> {
    let read =
        |key: &str, default| store.read_number_or(format_args!("device/vbd/{id}/{key}"), default);
    Ok(VbdNumber(read("virtual-device", read("virtual-device-ext", id)?)?))
}
