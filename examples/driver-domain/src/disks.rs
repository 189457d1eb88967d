//! The disks, which outlive their guests.

use crate::config::DiskConfig;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::fmt;
use log::info;
use xen_back::block::{BlockDevice, MemoryDisk, OpenDisk, OpenError, VbdConfig};

/// A disk in this domain's memory, that any number of devices serve.
pub type SharedDisk = Rc<RefCell<MemoryDisk<Vec<u8>>>>;

/// All disks, by name. Clones of `D` are the same disk.
#[derive(Clone, Debug, Default)]
pub struct Disks<D>(Vec<(String, D)>);

impl Disks<SharedDisk> {
    /// Makes disks in memory, full of zeroes.
    pub fn in_memory(configs: &[DiskConfig]) -> Self {
        let make = |config: &DiskConfig| {
            let disk = MemoryDisk::new(vec![0; config.mib << 20]);
            (config.name.clone(), Rc::new(RefCell::new(disk)))
        };
        Self(configs.iter().map(make).collect())
    }
}

impl<D: Clone> Disks<D> {
    /// Takes disks and the names that guests ask for.
    pub fn new(disks: Vec<(String, D)>) -> Self {
        Self(disks)
    }

    pub(crate) fn find(&self, name: &str) -> Option<D> {
        self.0.iter().find(|(found, _)| found == name).map(|(_, disk)| disk.clone())
    }
}

/// The opener of the disk whose name the toolstack has written.
pub(crate) struct NamedDisk<D> {
    disks: Disks<D>,
    /// A hotplug script of the toolstack has to be done first.
    needs_script: bool,
}

impl<D> NamedDisk<D> {
    pub(crate) fn new(disks: Disks<D>, needs_script: bool) -> Self {
        Self { disks, needs_script }
    }
}

impl<D: BlockDevice + Clone> OpenDisk for NamedDisk<D> {
    type Disk = D;

    fn open_disk(&mut self, config: &VbdConfig<'_>) -> Result<Option<D>, OpenError> {
        if self.needs_script && !config.has_physical_device() {
            return Ok(None);
        }
        let name = config.target();
        let disk = self.disks.find(name.name).filter(|_| name.is_raw());
        info!("disk {}", config.params);
        disk.map(Some).ok_or(OpenError::NotFound)
    }
}

impl<D> fmt::Debug for NamedDisk<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NamedDisk")
            .field("needs_script", &self.needs_script)
            .finish_non_exhaustive()
    }
}
