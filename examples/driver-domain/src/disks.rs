//! The disks, which outlive their guests.

use crate::config::DiskConfig;
use alloc::collections::TryReserveError;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::{fmt, mem};
use log::{info, warn};
use xen_back::block::{BlockDevice, MemoryDisk, OpenDisk, OpenError, VbdConfig};
use xen_hypercall::Platform;
use xen_store::{ErrorKind, StoreError, Watch, XenStore, XsOps};

/// Nodes of this domain, by the disks' names: sizes in MiB that the toolstack has written.
const SIZES: &str = "data/disk";

/// A disk in this domain's memory, that any number of devices serve.
pub type SharedDisk = Rc<RefCell<MemoryDisk<Vec<u8>>>>;

/// Function that gives a disk a size in MiB.
type SetSize<D> = fn(&D, mib: usize) -> Result<(), TryReserveError>;

/// All disks, by name. Clones of `D` are the same disk.
#[derive(Clone, Debug)]
pub struct Disks<D> {
    disks: Vec<(String, D)>,
    set_size: Option<SetSize<D>>,
}

impl Disks<SharedDisk> {
    /// Makes disks in memory, full of zeroes.
    pub fn in_memory(configs: &[DiskConfig]) -> Self {
        let make = |config: &DiskConfig| {
            let disk = MemoryDisk::new(vec![0; config.mib << 20]);
            (config.name.clone(), Rc::new(RefCell::new(disk)))
        };
        Self { disks: configs.iter().map(make).collect(), set_size: Some(set_memory_size) }
    }
}

/// Keeps the data up to the new size; zeroes follow.
fn set_memory_size(disk: &SharedDisk, mib: usize) -> Result<(), TryReserveError> {
    let size = mib.saturating_mul(1 << 20);
    let mut disk = disk.borrow_mut();
    let mut bytes = mem::replace(&mut *disk, MemoryDisk::new(Vec::new())).into_inner();
    let reserved = bytes.try_reserve_exact(size.saturating_sub(bytes.len()));
    if reserved.is_ok() {
        bytes.resize(size, 0);
    }
    *disk = MemoryDisk::new(bytes);
    reserved
}

impl<D: Clone> Disks<D> {
    /// Takes disks of a constant size and the names that guests ask for.
    pub fn new(disks: Vec<(String, D)>) -> Self {
        Self { disks, set_size: None }
    }

    pub(crate) fn find(&self, name: &str) -> Option<D> {
        self.disks.iter().find(|(found, _)| found == name).map(|(_, disk)| disk.clone())
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

/// Watcher of the sizes that the toolstack gives the disks.
pub(crate) struct DiskSizes<P: Platform, D> {
    store: XenStore<P>,
    watch: Watch<P>,
    changed: bool,
    set_size: SetSize<D>,
}

impl<P: Platform, D> DiskSizes<P, D> {
    /// Watches the nodes, if the disks can have another size.
    pub(crate) fn new(store: &XenStore<P>, disks: &Disks<D>) -> Result<Option<Self>, StoreError> {
        let Some(set_size) = disks.set_size else { return Ok(None) };
        let watch = store.watch(SIZES)?;
        Ok(Some(Self { watch, store: store.clone(), changed: true, set_size }))
    }

    /// Gives the disks the sizes of their nodes. A value that is no size is logged, and changes
    /// nothing.
    pub(crate) fn poll(&mut self, disks: &Disks<D>) -> Result<(), StoreError> {
        self.changed |= self.watch.try_clear()?;
        if !self.changed {
            return Ok(());
        }
        for (name, disk) in &disks.disks {
            let text = match self.store.read_string::<16>(format_args!("{SIZES}/{name}")) {
                Ok(text) => text,
                Err(error) if error.is_not_found() => continue,
                Err(
                    error @ StoreError {
                        kind: ErrorKind::BufferTooSmall { .. } | ErrorKind::NotText,
                        ..
                    },
                ) => {
                    warn!("{error}");
                    continue;
                }
                Err(error) => return Err(error),
            };
            match text.parse() {
                Ok(0) => warn!("{SIZES}/{name}: found 0, expected a number of MiB"),
                Ok(mib) => match (self.set_size)(disk, mib) {
                    Ok(()) => info!("disk {name}: {mib} MiB"),
                    Err(error) => warn!("disk {name}: {mib} MiB: {error}"),
                },
                Err(error) => {
                    warn!("{SIZES}/{name}: found '{}', {error}", text.escape_debug());
                }
            }
        }
        self.changed = false;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use xen_back::block::IoBuffer;

    #[test]
    fn disk_keeps_data_at_new_size() {
        let config = DiskConfig { name: "data".into(), mib: 1 };
        let disk = Disks::in_memory(&[config]).find("data").unwrap();
        let mut last = [7; 512];
        disk.borrow_mut().write(2047, IoBuffer::private(&mut last)).unwrap();
        set_memory_size(&disk, usize::MAX).unwrap_err();
        assert_eq!(disk.sectors(), 2048);
        set_memory_size(&disk, 3).unwrap();
        let bytes = disk.borrow().as_ref().to_vec();
        assert_eq!(bytes.len(), 3 << 20);
        assert!(bytes[2047 * 512..2048 * 512].iter().all(|&byte| byte == 7));
        assert!(bytes[2048 * 512..].iter().all(|&byte| byte == 0));
        set_memory_size(&disk, 1).unwrap();
        assert_eq!(disk.sectors(), 2048);
    }
}
