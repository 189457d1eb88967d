//! What the toolstack wants a disk to be.

use heapless::String;
use xen_hypercall::Platform;
use xen_store::xenbus::Backend;
use xen_store::{StoreError, Transport};

/// What the toolstack has written about a disk, for the kernel to find the storage by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskSpec {
    /// Names the storage: what the guest's configuration has as `target`. Empty if it is not there.
    pub params: String<256>,
    /// The major and minor number of a block device of the backend's kernel, if a script of the toolstack has found one.
    pub physical_device: Option<(u32, u32)>,
    /// Whether the guest may write.
    pub writable: bool,
    /// Whether the guest is to see a CD-ROM.
    pub cdrom: bool,
    /// Whether the guest is to see a removable medium.
    pub removable: bool,
    /// Whether the guest may free sectors.
    pub discard: bool,
}

impl DiskSpec {
    /// Reads it from the backend's directory.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub fn read<P: Platform, T: Transport>(backend: &Backend<'_, P, T>) -> Result<Self, StoreError> {
        let physical_device: Option<String<32>> = backend.own_string("physical-device")?;
        let mode: Option<String<16>> = backend.own_string("mode")?;
        let kind: Option<String<32>> = backend.own_string("device-type")?;
        let removable: Option<String<16>> = backend.own_string("removable")?;
        let discard: Option<String<16>> = backend.own_string("discard-enable")?;
        Ok(Self {
            params: backend.own_string("params")?.unwrap_or_default(),
            physical_device: physical_device.as_deref().and_then(parse_physical_device),
            writable: mode.is_some_and(|mode| mode.starts_with('w')),
            cdrom: kind.is_some_and(|kind| kind == "cdrom"),
            removable: removable.is_some_and(|removable| removable == "1"),
            discard: discard.is_none_or(|discard| discard != "0"),
        })
    }
}

/// Reads a device number, `MAJOR:MINOR` in hexadecimal.
fn parse_physical_device(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once(':')?;
    Some((u32::from_str_radix(major, 16).ok()?, u32::from_str_radix(minor, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_numbers_are_hexadecimal() {
        assert_eq!(parse_physical_device("ca:1f"), Some((0xca, 0x1f)));
        assert_eq!(parse_physical_device("1"), None);
        assert_eq!(parse_physical_device("x:1"), None);
    }
}
