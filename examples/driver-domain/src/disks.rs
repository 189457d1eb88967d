//! The disks, which outlive their guests.

use crate::config::DiskConfig;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::RefCell;
use xen_back::block::MemoryDisk;

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
