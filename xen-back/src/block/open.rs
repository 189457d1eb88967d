//! The source of a disk's storage.

use super::{BlockDeviceError, DescribeDisk, VbdConfig};
use thiserror::Error;

/// The reason why a disk has no storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OpenError {
    /// No storage of this name exists, or its format is not supported.
    #[error("no such disk")]
    NotFound,
    /// The storage failed.
    #[error(transparent)]
    Device(#[from] BlockDeviceError),
}

/// The opener of a disk's storage, called once the toolstack's configuration is read.
///
/// A closure is one, and [`PreparedDisk`] for a storage that does not depend on the configuration.
pub trait OpenDisk {
    /// The storage, or the properties of one.
    type Disk: DescribeDisk;

    /// Opens the storage that `config` names. Returns `None` while a hotplug script has not set it
    /// up; it is called again after each change of the device's directory, until the time of
    /// [`BlkBack::set_hotplug_timeout`](super::BlkBack::set_hotplug_timeout) has passed.
    ///
    /// # Errors
    ///
    /// [`OpenError`]: the reason is written to the device's error node, and the device closes.
    fn open_disk(&mut self, config: &VbdConfig<'_>) -> Result<Option<Self::Disk>, OpenError>;
}

impl<S, F> OpenDisk for F
where
    S: DescribeDisk,
    F: FnMut(&VbdConfig<'_>) -> Result<Option<S>, OpenError>,
{
    type Disk = S;

    fn open_disk(&mut self, config: &VbdConfig<'_>) -> Result<Option<S>, OpenError> {
        self(config)
    }
}

/// A storage that is open already, whatever the toolstack's configuration names.
#[derive(Debug)]
pub struct PreparedDisk<S>(Option<S>);

impl<S> PreparedDisk<S> {
    /// Uses `disk` as the storage.
    pub fn new(disk: S) -> Self {
        Self(Some(disk))
    }
}

impl<S: DescribeDisk> OpenDisk for PreparedDisk<S> {
    type Disk = S;

    fn open_disk(&mut self, _: &VbdConfig<'_>) -> Result<Option<S>, OpenError> {
        Ok(self.0.take())
    }
}
