//! Which disks this domain has.

use super::VbdNumber;
use heapless::Vec;
use xen_store::{StoreError, XsOps};

/// A disk of this domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskEntry {
    /// The device's id in xenstore, to connect it by.
    pub id: u32,
    /// What it is called.
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

/// Reads what device `id` is called; one that does not say so is called by its id, which is the
/// same number.
fn vbd_number(store: &impl XsOps, id: u32) -> Result<VbdNumber, StoreError> {
    let read =
        |key: &str, default| store.read_number_or(format_args!("device/vbd/{id}/{key}"), default);
    Ok(VbdNumber(read("virtual-device", read("virtual-device-ext", id)?)?))
}
