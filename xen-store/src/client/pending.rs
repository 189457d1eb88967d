//! Requests without blocking.

use super::Runtime;
use super::XenStore;
use super::draft::Draft;
use crate::connection::{RequestId, RingTransport, Transport};
use crate::error::{ErrorKind, StoreError};
use crate::text::PathText;
use crate::wire::{MessageType, Part};
use core::fmt::{self, Display};

/// A request in flight. Dropping it frees its slot: a request of which nothing was sent is
/// cancelled, the reply of any other is dropped when it comes.
pub struct Pending<P: Runtime, T: Transport = RingTransport<P>> {
    store: XenStore<P, T>,
    id: RequestId,
    operation: MessageType,
    path: PathText,
}

impl<P: Runtime, T: Transport> XenStore<P, T> {
    /// Sends a request outside of transactions, without waiting for the reply. `path` is for errors
    /// to show.
    ///
    /// The last slot is left to operations that block: a reply keeps its slot until its owner reads
    /// it, and the owner may be the one that blocks.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Busy`] if all other slots are in use; poll, and try again, or block.
    /// [`ErrorKind::Path`], [`ErrorKind::TooLong`], [`ErrorKind::Connection`].
    pub fn begin(
        &self,
        operation: MessageType,
        path: &dyn Display,
        parts: &[Part<'_>],
    ) -> Result<Pending<P, T>, StoreError> {
        let pending = self.queue(operation, path, parts)?;
        self.poll().map_err(|kind| pending.error(kind))?;
        Ok(pending)
    }

    /// Queues a request as [`begin`](Self::begin) does, but sends nothing yet: the next
    /// [`poll`](Self::poll) or other operation sends it together with all others.
    ///
    /// # Errors
    ///
    /// Those of [`begin`](Self::begin).
    pub fn queue(
        &self,
        operation: MessageType,
        path: &dyn Display,
        parts: &[Part<'_>],
    ) -> Result<Pending<P, T>, StoreError> {
        let path = PathText::new(path);
        let id = self.queue_parts(operation, parts).map_err(|kind| StoreError {
            operation,
            path,
            kind,
        })?;
        Ok(Pending { store: self.clone(), id, operation, path })
    }

    fn queue_parts(
        &self,
        operation: MessageType,
        parts: &[Part<'_>],
    ) -> Result<RequestId, ErrorKind> {
        let reserve = || {
            let mut connection = self.connection();
            if connection.free_slots() > 1 {
                connection.reserve(operation, 0)
            } else {
                Err(ErrorKind::Busy)
            }
        };
        let id = reserve()?;
        let draft = Draft::new(self, id).fill(parts)?;
        self.connection().submit(id)?;
        draft.keep();
        Ok(id)
    }

    /// Begins to read a node's value.
    ///
    /// # Errors
    ///
    /// Those of [`begin`](Self::begin).
    pub fn begin_read(&self, path: impl Display) -> Result<Pending<P, T>, StoreError> {
        self.begin(MessageType::READ, &path, &[Part::Path(format_args!("{path}"))])
    }

    /// Begins to write what `value` displays as a node's value.
    ///
    /// # Errors
    ///
    /// Those of [`begin`](Self::begin).
    pub fn begin_write(
        &self,
        path: impl Display,
        value: impl Display,
    ) -> Result<Pending<P, T>, StoreError> {
        let parts = [Part::Path(format_args!("{path}")), Part::Text(format_args!("{value}"))];
        self.begin(MessageType::WRITE, &path, &parts)
    }
}

impl<P: Runtime, T: Transport> Pending<P, T> {
    /// Receives what there is; if the reply is there, copies its payload to `buffer` and returns
    /// its length. It may be asked for again.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BufferTooSmall`] with nothing copied, [`ErrorKind::Server`],
    /// [`ErrorKind::Connection`].
    pub fn try_finish(&self, buffer: &mut [u8]) -> Option<Result<usize, StoreError>> {
        // A failure shows in the reply, unless that came before.
        let _ = self.store.poll();
        self.take(buffer)
    }

    fn take(&self, buffer: &mut [u8]) -> Option<Result<usize, StoreError>> {
        let mut connection = self.store.connection();
        let result = connection.reply(self.id)?.and_then(|body| {
            let needed = body.len();
            buffer
                .get_mut(..needed)
                .ok_or(ErrorKind::BufferTooSmall { needed })?
                .copy_from_slice(body);
            Ok(needed)
        });
        Some(result.map_err(|kind| self.error(kind)))
    }

    /// Waits for the reply, at most for the store's timeout, copies its payload to `buffer` and
    /// returns its length.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Timeout`], after which it may be asked for again; those of
    /// [`try_finish`](Self::try_finish).
    pub fn finish(&self, buffer: &mut [u8]) -> Result<usize, StoreError> {
        let waited = self.store.timeout();
        let deadline = self.store.platform().now() + waited;
        let done = self.store.block_until(deadline, || self.take(buffer));
        done.map_err(|kind| self.error(kind))?
            .unwrap_or_else(|| Err(self.error(ErrorKind::Timeout { waited })))
    }

    fn error(&self, kind: ErrorKind) -> StoreError {
        StoreError { operation: self.operation, path: self.path, kind }
    }
}

impl<P: Runtime, T: Transport> Drop for Pending<P, T> {
    fn drop(&mut self) {
        self.store.connection().forget(self.id);
    }
}

impl<P: Runtime, T: Transport> fmt::Debug for Pending<P, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending")
            .field("operation", &self.operation)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
