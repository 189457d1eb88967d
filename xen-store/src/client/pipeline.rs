//! Requests of one owner that are sent without waiting for replies.

use super::draft::Draft;
use super::{Runtime, TxId, XenStore};
use crate::connection::{RequestId, RingTransport, Transport};
use crate::error::ErrorKind;
use crate::wire::{self, MessageType, Part};
use core::fmt;
use heapless::Deque;

/// The most requests of a [`Pipeline`] that are in flight at once.
pub const PIPELINE_DEPTH: usize = 16;

/// A transaction of a [`Pipeline`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransactionId(TxId);

/// Requests of one owner, in flight together; replies are taken in the order of the requests.
///
/// No function of it waits. Dropping it cancels its requests: an unsent request is removed from
/// the queue, the reply to a sent one is discarded, and a transaction that it starts is aborted.
pub struct Pipeline<P: Runtime, T: Transport = RingTransport<P>> {
    store: XenStore<P, T>,
    requests: Deque<RequestId, PIPELINE_DEPTH>,
    /// The number of requests queued so far.
    queued: u32,
}

impl<P: Runtime, T: Transport> Pipeline<P, T> {
    /// Creates an empty pipeline.
    pub fn new(store: &XenStore<P, T>) -> Self {
        Self { store: store.clone(), requests: Deque::new(), queued: 0 }
    }

    /// Returns the store.
    pub fn store(&self) -> &XenStore<P, T> {
        &self.store
    }

    /// Returns the number of requests whose replies were not taken.
    pub fn len(&self) -> usize {
        self.requests.len()
    }

    /// Returns the number of requests that were queued so far; it wraps.
    pub fn queued(&self) -> u32 {
        self.queued
    }

    /// Returns whether no request is in flight.
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// Queues a request; [`XenStore::poll`] sends it.
    ///
    /// The last slot of the client is left to blocking operations: a reply keeps its slot until its
    /// owner takes it, and the owner can be the caller that blocks.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Busy`] if this pipeline is full or all other slots of the client are in use,
    /// [`ErrorKind::Quiesced`]: poll, and try again later. [`ErrorKind::Interrupted`] if the
    /// transaction is one of an earlier connection. [`ErrorKind::Path`], [`ErrorKind::TooLong`],
    /// [`ErrorKind::Connection`].
    pub fn push(
        &mut self,
        kind: MessageType,
        transaction: Option<TransactionId>,
        parts: &[Part<'_>],
    ) -> Result<(), ErrorKind> {
        let tx = transaction.map_or(TxId::NONE, |transaction| transaction.0);
        let reserve = || {
            let mut connection = self.store.connection();
            if tx != TxId::NONE && tx.epoch != connection.epoch() {
                return Err(ErrorKind::Interrupted { sent: false });
            }
            if self.requests.is_full() || connection.free_slots() < 2 {
                return Err(ErrorKind::Busy);
            }
            connection.reserve(kind, tx.id)
        };
        let ticket = reserve()?;
        let draft = Draft::new(&self.store, ticket).fill(parts)?;
        self.store.connection().submit(ticket)?;
        draft.keep();
        // There is room: this was checked above.
        let _ = self.requests.push_back(ticket);
        self.queued = self.queued.wrapping_add(1);
        Ok(())
    }

    /// Takes the reply to the oldest request: copies its payload to `buffer` and returns its
    /// length. `None` while there is no reply, or no request.
    ///
    /// Receives nothing; see [`XenStore::poll`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BufferTooSmall`] with nothing copied, [`ErrorKind::Server`],
    /// [`ErrorKind::UnexpectedReply`], [`ErrorKind::Interrupted`], [`ErrorKind::Connection`]. The
    /// request is over in each case.
    pub fn reply(&mut self, buffer: &mut [u8]) -> Option<Result<usize, ErrorKind>> {
        self.take(|body| copy(body, buffer))
    }

    /// Takes the reply to the oldest request, and returns what `read` makes of its payload. `read`
    /// must not use the store: it is locked meanwhile.
    ///
    /// # Errors
    ///
    /// Those of [`reply`](Self::reply), and of `read`.
    pub fn read_reply<R>(
        &mut self,
        read: impl FnOnce(&[u8]) -> Result<R, ErrorKind>,
    ) -> Option<Result<R, ErrorKind>> {
        self.take(read)
    }

    /// Takes the reply to the oldest request, which was a
    /// [`TRANSACTION_START`](MessageType::TRANSACTION_START).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Malformed`]; those of [`reply`](Self::reply).
    pub fn transaction(&mut self) -> Option<Result<TransactionId, ErrorKind>> {
        let epoch = self.store.connection().epoch();
        let id = self.take(wire::parse_transaction)?;
        Some(id.map(|id| TransactionId(TxId { id, epoch })))
    }

    /// Aborts a transaction as soon as a request can be sent.
    pub fn abort(&self, transaction: TransactionId) {
        let TxId { id, epoch } = transaction.0;
        // The server aborts what does not fit the list together with the connection.
        let _ = self.store.connection().end_later(id, epoch);
    }

    /// Cancels all requests.
    pub fn clear(&mut self) {
        while let Some(ticket) = self.requests.pop_front() {
            self.store.connection().discard(ticket);
        }
    }

    fn take<R>(
        &mut self,
        look: impl FnOnce(&[u8]) -> Result<R, ErrorKind>,
    ) -> Option<Result<R, ErrorKind>> {
        let ticket = *self.requests.front()?;
        let mut connection = self.store.connection();
        let result = connection.reply(ticket)?.and_then(look);
        connection.forget(ticket);
        self.requests.pop_front();
        Some(result)
    }
}

fn copy(body: &[u8], buffer: &mut [u8]) -> Result<usize, ErrorKind> {
    let needed = body.len();
    buffer.get_mut(..needed).ok_or(ErrorKind::BufferTooSmall { needed })?.copy_from_slice(body);
    Ok(needed)
}

impl<P: Runtime, T: Transport> Drop for Pipeline<P, T> {
    fn drop(&mut self) {
        self.clear();
    }
}

impl<P: Runtime, T: Transport> fmt::Debug for Pipeline<P, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline").field("requests", &self.requests).finish_non_exhaustive()
    }
}
