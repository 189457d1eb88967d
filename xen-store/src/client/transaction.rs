//! Transactions.

use super::nodes::{Sealed, Target};
use super::{Core, Nodes, XenStore, error_at};
use crate::connection::{RingTransport, Transport};
use crate::error::{Reason, StoreError};
use crate::wire::{self, MessageType, Part, ServerError};
use core::fmt;
use xen_hypercall::Platform;

/// How often [`XenStore::transaction`] tries before it gives up.
const MAX_ATTEMPTS: u32 = 32;

/// A view of the store in which all changes are made at once, or none. Dropping it makes none.
///
/// Its operations are those of the trait [`Nodes`].
pub struct Transaction<'a, P: Platform, T: Transport = RingTransport<P>> {
    store: &'a XenStore<P, T>,
    id: u32,
    open: bool,
}

impl<P: Platform, T: Transport> XenStore<P, T> {
    /// Runs `body` in a transaction and commits it. If others changed meanwhile what it read or wrote, runs it again, at most 32 times.
    ///
    /// If `body` fails, nothing is changed and its error is returned. `body` is to use the transaction, not the store: what the store
    /// writes is not part of it.
    ///
    /// # Errors
    ///
    /// Those of `body`; [`Reason::Conflict`]; [`Reason::Server`] with [`ServerError::NoSpace`] or [`ServerError::Busy`] if there are
    /// too many transactions; [`Reason::Timeout`], [`Reason::Connection`].
    pub fn transaction<R, E: From<StoreError>>(
        &self,
        mut body: impl FnMut(&Transaction<'_, P, T>) -> Result<R, E>,
    ) -> Result<R, E> {
        for _ in 0..MAX_ATTEMPTS {
            let transaction = self.begin_transaction()?;
            let result = body(&transaction)?;
            match transaction.commit() {
                Ok(()) => return Ok(result),
                Err(StoreError { reason: Reason::Server(ServerError::Again), .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let reason = Reason::Conflict { attempts: MAX_ATTEMPTS };
        Err(error_at(MessageType::TRANSACTION_END, &"")(reason).into())
    }

    /// Starts a transaction; for those who retry by themselves.
    ///
    /// # Errors
    ///
    /// As for [`transaction`](Self::transaction).
    #[doc(alias = "XS_TRANSACTION_START")]
    pub fn begin_transaction(&self) -> Result<Transaction<'_, P, T>, StoreError> {
        let kind = MessageType::TRANSACTION_START;
        let error = error_at(kind, &"");
        let ticket = self.call(kind, 0, &[Part::Nul]).map_err(&error)?;
        let mut id = Err(Reason::Malformed);
        self.show(ticket, &mut |body| {
            id = wire::parse_number(body.strip_suffix(b"\0").unwrap_or(body)).map_err(Into::into);
        });
        self.forget(ticket);
        // Number 0 stands for no transaction: operations would take effect at once.
        let id = id.and_then(|id| if id == 0 { Err(Reason::Malformed) } else { Ok(id) }).map_err(&error)?;
        Ok(Transaction { store: self, id, open: true })
    }
}

impl<P: Platform, T: Transport> Transaction<'_, P, T> {
    /// Makes all changes at once.
    ///
    /// # Errors
    ///
    /// [`Reason::Server`] with [`ServerError::Again`] if others changed meanwhile what was read or written here: nothing was
    /// changed, begin again. [`Reason::Timeout`], [`Reason::Connection`]: whether it was changed is not known.
    #[doc(alias = "XS_TRANSACTION_END")]
    pub fn commit(mut self) -> Result<(), StoreError> {
        self.end("T")
    }

    fn end(&mut self, how: &str) -> Result<(), StoreError> {
        self.open = false;
        let kind = MessageType::TRANSACTION_END;
        let ticket = self
            .store
            .call(kind, self.id, &[Part::Bytes(how.as_bytes()), Part::Nul])
            .map_err(error_at(kind, &""))?;
        self.store.forget(ticket);
        Ok(())
    }
}

impl<P: Platform, T: Transport> Drop for Transaction<'_, P, T> {
    fn drop(&mut self) {
        if self.open {
            // If the server can't be told, it ends the transaction together with the connection.
            let _ = self.end("F");
        }
    }
}

impl<P: Platform, T: Transport> Sealed for Transaction<'_, P, T> {
    fn target(&self) -> Target<'_> {
        Target { core: self.store, tx_id: self.id }
    }
}

impl<P: Platform, T: Transport> Nodes for Transaction<'_, P, T> {}

impl<P: Platform, T: Transport> fmt::Debug for Transaction<'_, P, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction").field("id", &self.id).finish_non_exhaustive()
    }
}
