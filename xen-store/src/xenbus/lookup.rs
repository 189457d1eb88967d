//! A node that is read again whenever it changes.

use crate::client::{Pending, Runtime, Watch, XenStore, XsOps};
use crate::connection::Transport;
use crate::error::{ErrorKind, StoreError};
use crate::wire::ServerError;
use core::fmt::Display;
use heapless::Vec;

/// The bytes of a value that are of interest.
pub(super) const VALUE: usize = 32;

/// What a node was found to be.
pub(super) enum Found {
    /// There is no such node, or it can't be seen: of a directory that is gone, the server may say
    /// no more than that.
    Missing,
    /// The value, empty if it is longer than [`VALUE`].
    Value(Vec<u8, VALUE>),
}

#[derive(Debug)]
pub(super) struct Lookup<P: Runtime, T: Transport> {
    watch: Watch<P, T>,
    pending: Option<Pending<P, T>>,
    changed: bool,
}

impl<P: Runtime, T: Transport> Lookup<P, T> {
    /// Looks after the node that `watch` is set on.
    pub(super) fn new(watch: Watch<P, T>) -> Self {
        Self { watch, pending: None, changed: true }
    }

    /// Returns what the node is, if it was read since the last call. Waits only if there is no slot
    /// for a request beside others.
    pub(super) fn poll(
        &mut self,
        store: &XenStore<P, T>,
        path: impl Display,
    ) -> Result<Option<Found>, StoreError> {
        self.changed |= self.watch.try_clear()?;
        let mut found = None;
        if let Some(pending) = &self.pending {
            let mut buffer = [0; VALUE];
            match pending.try_finish(&mut buffer) {
                None => return Ok(None),
                Some(result) => found = Some(judge(result, &buffer)?),
            }
            self.pending = None;
        }
        if self.changed {
            match store.begin_read(&path) {
                Ok(pending) => self.pending = Some(pending),
                // The slots are held by others that nobody may look at before we are done, so wait
                // for this one.
                Err(StoreError { kind: ErrorKind::Busy, .. }) => {
                    let mut buffer = [0; VALUE];
                    found = Some(judge(store.read(path, &mut buffer), &buffer)?);
                }
                Err(error) => return Err(error),
            }
            self.changed = false;
        }
        Ok(found)
    }
}

fn judge(result: Result<usize, StoreError>, buffer: &[u8]) -> Result<Found, StoreError> {
    match result {
        Ok(len) => Ok(Found::Value(
            Vec::from_slice(buffer.get(..len).unwrap_or_default()).unwrap_or_default(),
        )),
        Err(error) => match error.kind {
            ErrorKind::Server(ServerError::NotFound | ServerError::AccessDenied) => {
                Ok(Found::Missing)
            }
            ErrorKind::BufferTooSmall { .. } => Ok(Found::Value(Vec::new())),
            _ => Err(error),
        },
    }
}
