//! Reading the nodes of a step, without waiting.

use crate::error::XenbusError;
use crate::keys::{KeyList, KeyTable, Side};
use crate::nodes::{DeviceNodes, read_error, store_error};
use crate::publish::is_quota;
use xen_store::wire::{MessageType, Names, Part};
use xen_store::{Buffer, ErrorKind, Pipeline, Runtime, TransactionId, Transport};

/// The requests of a step that come before those of its nodes, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum First {
    /// The start of the transaction in which the step's result is written.
    Start,
    /// The names in the own directory, for stale nodes.
    Names,
    Keys,
}

/// The nodes of a step that are being read.
#[derive(Debug)]
pub(crate) struct Reading {
    start: bool,
    /// The first keys are in the table.
    listed: bool,
    sending: First,
    taking: First,
    transaction: Option<TransactionId>,
    stale: u64,
}

/// The result of reading: the transaction that was started, and a bit for each stale node that is
/// there.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) transaction: Option<TransactionId>,
    pub(crate) stale: u64,
}

impl Reading {
    /// Begins to read; with `start`, starts a transaction first.
    pub(crate) fn new(start: bool) -> Self {
        let first = if start { First::Start } else { First::Names };
        Self { start, listed: false, sending: first, taking: first, transaction: None, stale: 0 }
    }

    /// Sends and receives what can be now; `Ok(None)` if it has to be polled again. `add` adds the
    /// keys; it is called again when all that it added are read, until it adds none.
    pub(crate) fn poll<P: Runtime, T: Transport, M: Buffer>(
        &mut self,
        nodes: &DeviceNodes<P, T>,
        pipeline: &mut Pipeline<P, T>,
        table: &mut KeyTable<M>,
        stale: &[&str],
        add: &mut dyn FnMut(&mut KeyList<'_>),
    ) -> Result<Option<Read>, XenbusError> {
        let (own, peer) = (nodes.path.as_str(), nodes.peer_path.as_str());
        if !self.listed {
            self.listed = true;
            table.extend(own, peer, &mut *add);
        }
        loop {
            match self.take(nodes, pipeline, table, stale) {
                Ok(()) => {}
                // The connection was renewed: what was read is of no use.
                Err(XenbusError::Store(error))
                    if matches!(error.kind, ErrorKind::Interrupted { .. }) =>
                {
                    self.abort(pipeline);
                    table.rewind();
                    *self = Self::new(self.start);
                }
                Err(error) => {
                    self.abort(pipeline);
                    return Err(error);
                }
            }
            self.send(nodes, pipeline, table, stale)?;
            let is_done = self.taking == First::Keys && table.is_complete();
            if !is_done {
                return Ok(None);
            }
            if !table.extend(own, peer, &mut *add) {
                if table.is_full() {
                    self.abort(pipeline);
                    return Err(read_error(
                        &peer,
                        ErrorKind::TooLong { limit: table.free().len() },
                    ));
                }
                return Ok(Some(Read { transaction: self.transaction.take(), stale: self.stale }));
            }
        }
    }

    fn take<P: Runtime, T: Transport, M: Buffer>(
        &mut self,
        nodes: &DeviceNodes<P, T>,
        pipeline: &mut Pipeline<P, T>,
        table: &mut KeyTable<M>,
        stale: &[&str],
    ) -> Result<(), XenbusError> {
        loop {
            match self.taking {
                First::Start => {
                    let kind = MessageType::TRANSACTION_START;
                    match pipeline.transaction() {
                        None => return Ok(()),
                        Some(Ok(transaction)) => self.transaction = Some(transaction),
                        // It is started when it is needed.
                        Some(Err(reason)) if is_quota(reason) => {}
                        Some(Err(reason)) => return Err(store_error(kind, &nodes.path, reason)),
                    }
                    self.taking = First::Names;
                }
                First::Names if stale.is_empty() => self.taking = First::Keys,
                First::Names => {
                    let free = table.free();
                    let names = match pipeline.reply(free) {
                        None => return Ok(()),
                        Some(Ok(len)) => Some(Names::new(free.get(..len).unwrap_or_default())),
                        Some(Err(ErrorKind::BufferTooSmall { .. })) => None,
                        Some(Err(reason)) if reason.is_hidden() => Some(Names::new(&[])),
                        Some(Err(ErrorKind::Server(xen_store::wire::ServerError::TooBig))) => None,
                        Some(Err(reason)) => {
                            return Err(store_error(MessageType::DIRECTORY, &nodes.path, reason));
                        }
                    };
                    // Of a list that is too long, each can be there.
                    self.stale = names.map_or(u64::MAX, |names| {
                        names.fold(0, |mask, name| {
                            let at = stale.iter().take(64).position(|key| *key == name);
                            mask | at.map_or(0, |at| 1 << at)
                        })
                    });
                    self.taking = First::Keys;
                }
                First::Keys => {
                    if table.is_complete() {
                        return Ok(());
                    }
                    let Some(reply) = pipeline.reply(table.free()) else { return Ok(()) };
                    if let Err(reason) = table.receive(reply) {
                        let (side, key) = table.awaited().unwrap_or((Side::Own, ""));
                        let directory = directory(nodes, side);
                        return Err(read_error(&format_args!("{directory}/{key}"), reason));
                    }
                }
            }
        }
    }

    fn send<P: Runtime, T: Transport, M: Buffer>(
        &mut self,
        nodes: &DeviceNodes<P, T>,
        pipeline: &mut Pipeline<P, T>,
        table: &mut KeyTable<M>,
        stale: &[&str],
    ) -> Result<(), XenbusError> {
        loop {
            let (kind, pushed) = match self.sending {
                First::Start => {
                    let kind = MessageType::TRANSACTION_START;
                    (kind, pipeline.push(kind, None, &[Part::Nul]))
                }
                First::Names if stale.is_empty() => {
                    self.sending = First::Keys;
                    continue;
                }
                First::Names => {
                    let kind = MessageType::DIRECTORY;
                    (kind, pipeline.push(kind, None, &[Part::Path(format_args!("{}", nodes.path))]))
                }
                First::Keys => {
                    let Some((side, key)) = table.next_key() else { return Ok(()) };
                    let directory = directory(nodes, side);
                    let parts = [Part::Path(format_args!("{directory}/{key}"))];
                    (MessageType::READ, pipeline.push(MessageType::READ, None, &parts))
                }
            };
            match pushed {
                Ok(()) => match self.sending {
                    First::Start => self.sending = First::Names,
                    First::Names => self.sending = First::Keys,
                    First::Keys => table.advance(),
                },
                Err(ErrorKind::Busy | ErrorKind::Quiesced) => return Ok(()),
                Err(reason) => return Err(store_error(kind, &nodes.path, reason)),
            }
        }
    }

    /// Cancels all requests and aborts the transaction.
    pub(crate) fn abort<P: Runtime, T: Transport>(&mut self, pipeline: &mut Pipeline<P, T>) {
        pipeline.clear();
        if let Some(transaction) = self.transaction.take() {
            pipeline.abort(transaction);
        }
    }
}

fn directory<P: Runtime, T: Transport>(nodes: &DeviceNodes<P, T>, side: Side) -> &str {
    match side {
        Side::Own => &nodes.path,
        Side::Peer => &nodes.peer_path,
    }
}
