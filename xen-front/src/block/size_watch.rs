//! The size of a disk, which can change.

use super::BlockError;
use xen_hypercall::Platform;
use xen_store::xenbus::Frontend;
use xen_store::{ErrorKind, Pending, StoreError, Watch, XenStore, XsOps, wire};

/// Watch on the node `sectors`, which backends write again when the disk's size changes.
#[derive(Debug)]
pub(super) struct SizeWatch<P: Platform> {
    watch: Watch<P>,
    read: Option<Pending<P>>,
    store: XenStore<P>,
    changed: bool,
}

impl<P: Platform> SizeWatch<P> {
    pub(super) fn new(frontend: &Frontend<P>) -> Result<Self, StoreError> {
        let watch = frontend.watch_backend("sectors")?;
        Ok(Self { watch, read: None, store: frontend.store().clone(), changed: false })
    }

    /// Returns the size if it was read again. Waits only if there is no slot for a request beside
    /// others.
    pub(super) fn poll(&mut self, backend: &str) -> Result<Option<u64>, BlockError> {
        self.changed |= self.watch.try_clear()?;
        let mut buffer = [0; 24];
        let mut done = None;
        if self.changed && self.read.is_none() {
            let path = format_args!("{backend}/sectors");
            match self.store.begin_read(path) {
                Ok(pending) => self.read = Some(pending),
                Err(StoreError { kind: ErrorKind::Busy, .. }) => {
                    done = Some(self.store.read(path, &mut buffer));
                }
                Err(error) => return Err(error.into()),
            }
            self.changed = false;
        }
        if let Some(read) = &self.read {
            done = read.try_finish(&mut buffer);
        }
        let Some(result) = done else { return Ok(None) };
        self.read = None;
        match result {
            Ok(len) => Ok(wire::parse_number(buffer.get(..len).unwrap_or_default()).ok()),
            // A node that is gone goes before its device.
            Err(_) => Ok(None),
        }
    }
}
