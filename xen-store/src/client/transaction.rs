//! Transactions.

use super::Runtime;
use super::nodes::{Sealed, Target};
use super::{Core, TxId, XenStore, XsOps, error_at};
use crate::connection::{RequestId, RingTransport, Transport};
use crate::error::{ErrorKind, StoreError};
use crate::text::PathText;
use crate::wire::{self, MessageType, Part, ServerError};
use core::cell::Cell;
use core::fmt;
use core::time::Duration;
use xen_hypercall::Instant;

/// Attempts of [`XenStore::transaction`] before it fails.
const MAX_ATTEMPTS: u32 = 32;

/// A view of the store in which all changes are made at once, or none. Dropping it makes none.
///
/// Its operations are those of the trait [`XsOps`].
pub struct Transaction<'a, P: Runtime, T: Transport = RingTransport<P>> {
    store: &'a XenStore<P, T>,
    tx: TxId,
    open: bool,
    /// The node that it changed last, or read last if it changed none.
    touched: Cell<PathText>,
    changed: Cell<bool>,
}

impl<P: Runtime, T: Transport> XenStore<P, T> {
    /// Runs `body` in a transaction and commits it. If others changed meanwhile what it read or
    /// wrote, or the connection was reset, runs it again, at most 32 times.
    ///
    /// If `body` fails, nothing is changed and its error is returned. `body` is to use the
    /// transaction, not the store: what the store writes is not part of it.
    ///
    /// # Errors
    ///
    /// Those of `body`; [`ErrorKind::Conflict`]; [`ErrorKind::Server`] with
    /// [`ServerError::NoSpace`] or [`ServerError::Busy`] if there are too many transactions;
    /// [`ErrorKind::Timeout`], [`ErrorKind::Connection`].
    pub fn transaction<R, E: From<StoreError>>(
        &self,
        body: impl FnMut(&Transaction<'_, P, T>) -> Result<R, E>,
    ) -> Result<R, E> {
        self.transaction_within(MAX_ATTEMPTS, body)
    }

    /// Runs a [`transaction`](Self::transaction) with at most `attempts` attempts.
    ///
    /// # Errors
    ///
    /// As for [`transaction`](Self::transaction). Of [`ErrorKind::Conflict`], the error's path is
    /// that of the node that the last attempt changed last, or read last if it changed none;
    /// the server doesn't say which of them was in conflict.
    pub fn transaction_within<R, E: From<StoreError>>(
        &self,
        attempts: u32,
        mut body: impl FnMut(&Transaction<'_, P, T>) -> Result<R, E>,
    ) -> Result<R, E> {
        let mut touched = PathText::EMPTY;
        for _ in 0..attempts {
            let transaction = self.begin_transaction()?;
            let result = match body(&transaction) {
                // It is over, so nothing was changed.
                Err(_) if transaction.is_over() => continue,
                result => result?,
            };
            touched = transaction.touched.get();
            match transaction.commit() {
                Ok(()) => return Ok(result),
                Err(error) => match error.kind {
                    ErrorKind::Server(ServerError::Again)
                    | ErrorKind::Interrupted { sent: false } => {}
                    _ => return Err(error.into()),
                },
            }
        }
        let operation = MessageType::TRANSACTION_END;
        Err(StoreError { operation, path: touched, kind: ErrorKind::Conflict { attempts } }.into())
    }

    /// Starts a transaction; for those who retry by themselves.
    ///
    /// # Errors
    ///
    /// As for [`transaction`](Self::transaction).
    #[doc(alias = "XS_TRANSACTION_START")]
    pub fn begin_transaction(&self) -> Result<Transaction<'_, P, T>, StoreError> {
        let operation = MessageType::TRANSACTION_START;
        let error = error_at(operation, &"");
        let request = self.call(operation, TxId::NONE, &[Part::Nul]).map_err(&error)?;
        let mut connection = self.connection();
        let id = match connection.reply(request) {
            Some(reply) => reply.and_then(wire::parse_transaction),
            None => Err(ErrorKind::Malformed),
        };
        let epoch = connection.epoch();
        connection.forget(request);
        let id = id.map_err(&error)?;
        Ok(Transaction {
            store: self,
            tx: TxId { id, epoch },
            open: true,
            touched: Cell::new(PathText::EMPTY),
            changed: Cell::new(false),
        })
    }
}

impl<P: Runtime, T: Transport> Transaction<'_, P, T> {
    /// Makes all changes at once.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Server`] with [`ServerError::Again`] if other changes conflict with it: nothing
    /// was changed, begin again. After [`ErrorKind::Timeout`] and [`ErrorKind::Connection`] it is
    /// unknown whether the changes were made. [`ErrorKind::Interrupted`] if the connection was
    /// reset; `sent` is `true` if the changes may have been made.
    #[doc(alias = "XS_TRANSACTION_END")]
    pub fn commit(mut self) -> Result<(), StoreError> {
        self.end("T")
    }

    /// Returns whether the connection was reset since it was begun: nothing of it was done, nor
    /// will be.
    pub fn is_over(&self) -> bool {
        self.tx.epoch != self.store.connection().epoch()
    }

    fn end(&mut self, how: &str) -> Result<(), StoreError> {
        self.open = false;
        let operation = MessageType::TRANSACTION_END;
        let ended = self.store.call(operation, self.tx, &[Part::Bytes(how.as_bytes()), Part::Nul]);
        if let Err(ErrorKind::Quiesced | ErrorKind::Timeout { .. }) = ended {
            // The request may not have been sent. If it was, the server gets this one after it, and
            // finds no such transaction.
            self.end_later();
        }
        self.store.forget(ended.map_err(error_at(operation, &""))?);
        Ok(())
    }

    /// Leaves it to the connection to end the transaction as soon as that is possible.
    fn end_later(&self) -> bool {
        self.store.connection().end_later(self.tx.id, self.tx.epoch)
    }
}

impl<P: Runtime, T: Transport> Drop for Transaction<'_, P, T> {
    fn drop(&mut self) {
        let quiesced = self.store.connection().is_quiesced();
        if self.open && !self.is_over() && !(quiesced && self.end_later()) {
            // Without this request the server ends the transaction together with the connection.
            let _ = self.end("F");
        }
    }
}

impl<P: Runtime, T: Transport> Sealed for Transaction<'_, P, T> {
    fn target(&self) -> Target<'_> {
        Target { core: self, tx: self.tx }
    }
}

impl<P: Runtime, T: Transport> Core for Transaction<'_, P, T> {
    fn call(
        &self,
        operation: MessageType,
        tx: TxId,
        parts: &[Part<'_>],
    ) -> Result<RequestId, ErrorKind> {
        let changes = matches!(
            operation,
            MessageType::WRITE | MessageType::MKDIR | MessageType::RM | MessageType::SET_PERMS
        );
        if let Some(Part::Path(path)) = parts.first()
            && (changes || !self.changed.get())
        {
            self.touched.set(PathText::new(path));
            self.changed.set(changes);
        }
        self.store.call(operation, tx, parts)
    }

    fn show(&self, id: RequestId, look: &mut dyn FnMut(&[u8])) {
        self.store.show(id, look);
    }

    fn show_copy(&self, id: RequestId, look: &mut dyn FnMut(&[u8])) -> bool {
        self.store.show_copy(id, look)
    }

    fn forget(&self, id: RequestId) {
        Core::forget(self.store, id);
    }

    fn now(&self) -> Instant {
        Core::now(self.store)
    }

    fn timeout(&self) -> Duration {
        Core::timeout(self.store)
    }
}

impl<P: Runtime, T: Transport> XsOps for Transaction<'_, P, T> {}

impl<P: Runtime, T: Transport> fmt::Debug for Transaction<'_, P, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction").field("id", &self.tx.id).finish_non_exhaustive()
    }
}
