//! A node in which the toolstack puts one request, and which the guest empties.
//!
//! Source: `xenstore-paths.pandoc`.

use xen_hypercall::Platform;
use xen_store::{ErrorKind, StoreError, Watch, XenStore, XsOps};

/// Maximum number of reads in one [`RequestNode::poll`], if the node changes meanwhile.
const MAX_READS: u32 = 4;

/// Maximum length of a request. A longer one is invalid.
const MAX_LENGTH: usize = 16;

/// Treatment of a value that is no request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Invalid {
    /// No change: it can be a request that this guest does not support.
    Keep,
    /// A line in the log, with what was expected, and removal.
    Remove(&'static str),
}

/// The node and its watch.
#[derive(Debug)]
pub(super) struct RequestNode<P: Platform> {
    store: XenStore<P>,
    watch: Watch<P>,
    path: &'static str,
    changed: bool,
}

impl<P: Platform> RequestNode<P> {
    pub(super) fn new(store: &XenStore<P>, path: &'static str) -> Result<Self, StoreError> {
        Ok(Self { watch: store.watch(path)?, store: store.clone(), path, changed: true })
    }

    pub(super) fn store(&self) -> &XenStore<P> {
        &self.store
    }

    /// Returns the pending request, if there is one, and empties the node. `parse` returns `None`
    /// for an invalid value, which is treated as `invalid` says.
    pub(super) fn poll<T>(
        &mut self,
        invalid: Invalid,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, StoreError> {
        // The read waits for the store. A change meanwhile raises no further event of the port, so
        // the watch is checked again.
        for _ in 0..MAX_READS {
            self.changed |= self.watch.try_clear()?;
            if !self.changed {
                break;
            }
            let request = self.take(invalid, &parse)?;
            self.changed = false;
            if request.is_some() {
                return Ok(request);
            }
        }
        Ok(None)
    }

    fn take<T>(
        &self,
        invalid: Invalid,
        parse: &impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, StoreError> {
        // In one transaction, because the toolstack may write another request or withdraw this one.
        self.store.transaction(|transaction| {
            let text = match transaction.read_string::<MAX_LENGTH>(self.path) {
                Ok(text) => text,
                Err(StoreError {
                    kind: ErrorKind::BufferTooSmall { .. } | ErrorKind::NotText,
                    ..
                }) => heapless::String::try_from("...").unwrap_or_default(),
                Err(error) if error.is_not_found() => return Ok(None),
                Err(error) => return Err(error),
            };
            if text.is_empty() {
                return Ok(None);
            }
            let request = parse(&text);
            match invalid {
                Invalid::Keep if request.is_none() => return Ok(None),
                Invalid::Remove(expected) if request.is_none() => {
                    let (path, found) = (self.path, text.escape_debug());
                    log::warn!("{path}: found '{found}', expected {expected}");
                }
                _ => {}
            }
            transaction.write(self.path, "")?;
            Ok(request)
        })
    }
}
