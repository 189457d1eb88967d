//! Requests that nobody blocks for.

use super::Host;
use super::XenStore;
use super::draft::Draft;
use crate::connection::{RingTransport, Ticket, Transport};
use crate::error::{Reason, StoreError};
use crate::text::PathText;
use crate::wire::{MessageType, Part};
use core::fmt::{self, Display};

/// A request in flight. Dropping it gives its slot up: a request of which nothing was sent is taken
/// back, the reply of any other is dropped when it comes.
pub struct Pending<P: Host, T: Transport = RingTransport<P>> {
    store: XenStore<P, T>,
    ticket: Ticket,
    kind: MessageType,
    path: PathText,
}

impl<P: Host, T: Transport> XenStore<P, T> {
    /// Sends a request outside of transactions, without waiting for the reply. `path` is for errors
    /// to show.
    ///
    /// The last slot is left to operations that block: a reply keeps its slot until its owner looks
    /// at it, and the owner may be the one that blocks.
    ///
    /// # Errors
    ///
    /// [`Reason::Busy`] if all other slots are in use; poll, and try again, or block.
    /// [`Reason::Path`], [`Reason::TooLong`], [`Reason::Connection`].
    pub fn begin(
        &self,
        kind: MessageType,
        path: &dyn Display,
        parts: &[Part<'_>],
    ) -> Result<Pending<P, T>, StoreError> {
        let pending = self.queue(kind, path, parts)?;
        self.poll().map_err(|reason| pending.error(reason))?;
        Ok(pending)
    }

    /// As [`begin`](Self::begin), but sends nothing yet: the request goes out with the next
    /// [`poll`](Self::poll), or whatever else is done, together with all others.
    ///
    /// # Errors
    ///
    /// Those of [`begin`](Self::begin).
    pub fn queue(
        &self,
        kind: MessageType,
        path: &dyn Display,
        parts: &[Part<'_>],
    ) -> Result<Pending<P, T>, StoreError> {
        let path = PathText::new(path);
        let ticket = self.queue_parts(kind, parts).map_err(|reason| StoreError {
            operation: kind,
            path,
            reason,
        })?;
        Ok(Pending { store: self.clone(), ticket, kind, path })
    }

    fn queue_parts(&self, kind: MessageType, parts: &[Part<'_>]) -> Result<Ticket, Reason> {
        let reserve = || {
            let mut connection = self.connection();
            if connection.free_slots() > 1 {
                connection.reserve(kind, 0)
            } else {
                Err(Reason::Busy)
            }
        };
        let ticket = reserve()?;
        let draft = Draft::new(self, ticket).fill(parts)?;
        self.connection().submit(ticket)?;
        draft.keep();
        Ok(ticket)
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

impl<P: Host, T: Transport> Pending<P, T> {
    /// Receives what there is; if the reply is there, copies its payload to `buffer` and returns
    /// its length. It may be asked for again.
    ///
    /// # Errors
    ///
    /// [`Reason::BufferTooSmall`] with nothing copied, [`Reason::Server`], [`Reason::Connection`].
    pub fn try_finish(&self, buffer: &mut [u8]) -> Option<Result<usize, StoreError>> {
        // A failure shows in the reply, unless that came before.
        let _ = self.store.poll();
        self.take(buffer)
    }

    fn take(&self, buffer: &mut [u8]) -> Option<Result<usize, StoreError>> {
        let mut connection = self.store.connection();
        let result = connection.reply(self.ticket)?.and_then(|body| {
            let needed = body.len();
            buffer
                .get_mut(..needed)
                .ok_or(Reason::BufferTooSmall { needed })?
                .copy_from_slice(body);
            Ok(needed)
        });
        Some(result.map_err(|reason| self.error(reason)))
    }

    /// Waits for the reply, at most for the store's timeout, copies its payload to `buffer` and
    /// returns its length.
    ///
    /// # Errors
    ///
    /// [`Reason::Timeout`], after which it may be asked for again; those of
    /// [`try_finish`](Self::try_finish).
    pub fn finish(&self, buffer: &mut [u8]) -> Result<usize, StoreError> {
        // It may have come with another one.
        if let Some(result) = self.take(buffer) {
            return result;
        }
        let waited = self.store.timeout();
        let deadline = self.store.platform().now() + waited;
        let done = self.store.block_until(deadline, || self.take(buffer));
        done.map_err(|reason| self.error(reason))?
            .unwrap_or_else(|| Err(self.error(Reason::Timeout { waited })))
    }

    fn error(&self, reason: Reason) -> StoreError {
        StoreError { operation: self.kind, path: self.path, reason }
    }
}

impl<P: Host, T: Transport> Drop for Pending<P, T> {
    fn drop(&mut self) {
        self.store.connection().forget(self.ticket);
    }
}

impl<P: Host, T: Transport> fmt::Debug for Pending<P, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending")
            .field("kind", &self.kind)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
