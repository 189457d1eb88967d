//! The disks, which outlive the guests that they are served to.

use crate::config::DiskConfig;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::RefCell;
use xen_back::block::MemoryDisk;

/// A disk that any number of devices serve.
pub(crate) type SharedDisk = Rc<RefCell<MemoryDisk<Vec<u8>>>>;

/// All disks, by name.
#[derive(Debug, Default)]
pub struct Disks(Vec<(String, SharedDisk)>);

impl Disks {
    /// Makes the disks, full of zeroes.
    pub fn new(configs: &[DiskConfig]) -> Self {
        let make = |config: &DiskConfig| {
            let disk = MemoryDisk::new(vec![0; config.mib << 20]);
            (config.name.clone(), Rc::new(RefCell::new(disk)))
        };
        Self(configs.iter().map(make).collect())
    }

    pub(crate) fn find(&self, name: &str) -> Option<SharedDisk> {
        self.0.iter().find(|(found, _)| found == name).map(|(_, disk)| disk.clone())
    }
}
