//! Writing nodes and a state in one transaction, without waiting.

use crate::error::XenbusError;
use crate::nodes::{DeviceNodes, PEER_PATH, store_error};
use crate::{Role, XenbusState};
use core::fmt::{Display, Write};
use heapless::String;
use xen_store::wire::{MessageType, Part, ServerError, parse_number};
use xen_store::{ErrorKind, Pipeline, Runtime, TransactionId, Transport};

/// The number of attempts that a transaction has if it conflicts with others.
pub(crate) const MAX_ATTEMPTS: u32 = 32;

/// The most bytes of a node's name.
const MAX_KEY: usize = 48;

/// Writer of a driver's nodes, in the order of the calls.
///
/// A driver's function can be called several times for one transaction, and must write the same
/// nodes in the same order each time.
#[expect(missing_debug_implementations, reason = "it lives for a call of the driver")]
pub struct NodeWriter<'a> {
    index: usize,
    write: &'a mut dyn FnMut(usize, &str, &dyn Display),
    overlong: bool,
}

impl NodeWriter<'_> {
    /// Writes a node of the device's own directory.
    pub fn write(&mut self, key: impl Display, value: impl Display) {
        let mut name = String::<MAX_KEY>::new();
        if write!(name, "{key}").is_err() {
            self.overlong = true;
            return;
        }
        (self.write)(self.index, &name, &value);
        self.index += 1;
    }
}

/// The state of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Start,
    Starting,
    /// Nodes and the state are written.
    Body,
    /// The state is written again: the toolstack has requested another one.
    Override,
    Overriding,
    Commit,
    Committing,
}

/// The result of a publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Published {
    /// The state was written.
    Yes(XenbusState),
    /// The own directory is gone, or belongs to another device now. Nothing was written.
    Gone,
}

/// A transaction that writes the nodes of a step and the new state, and removes stale nodes.
///
/// The first operation reads the link to the other end: nodes must not be created in a directory
/// that the toolstack has removed, or written for a device with another backend that it has put in
/// its place.
#[derive(Debug)]
pub(crate) struct Publication {
    pub(crate) state: XenbusState,
    /// The driver's nodes are written.
    pub(crate) with_nodes: bool,
    /// A bit for each stale node that is removed.
    pub(crate) stale: u64,
    phase: Phase,
    transaction: Option<TransactionId>,
    /// The number of operations of this phase that were sent, and whose replies were taken.
    sent: usize,
    taken: usize,
    /// All operations of this phase were sent.
    all_sent: bool,
    linked: bool,
    /// The toolstack has written Closing to the own state: it requests that the device closes.
    requested: bool,
    failed: Option<(usize, ErrorKind)>,
    attempts: u32,
}

/// The first operation: reads the link to the other end.
const LINK: usize = 0;

/// Returns the number of reads at the start of a transaction: a backend reads its own state too, in
/// which the toolstack requests a detach.
const fn reads(role: Role) -> usize {
    match role {
        Role::Frontend => 1,
        Role::Backend => 2,
    }
}

impl Publication {
    pub(crate) fn new(state: XenbusState) -> Self {
        Self {
            state,
            with_nodes: false,
            stale: 0,
            phase: Phase::Start,
            transaction: None,
            sent: 0,
            taken: 0,
            all_sent: false,
            linked: true,
            requested: false,
            failed: None,
            attempts: 0,
        }
    }

    /// Uses a transaction that was started in advance.
    pub(crate) fn started(&mut self, transaction: TransactionId) {
        self.transaction = Some(transaction);
        self.phase = Phase::Body;
    }

    fn restart(&mut self) {
        let Self { state, with_nodes, stale, attempts, .. } = *self;
        *self = Self { with_nodes, stale, attempts: attempts + 1, ..Self::new(state) };
    }

    /// Sends and receives what can be now; `Ok(None)` if it has to be polled again.
    pub(crate) fn poll<P: Runtime, T: Transport>(
        &mut self,
        nodes: &DeviceNodes<P, T>,
        pipeline: &mut Pipeline<P, T>,
        stale: &[&str],
        driver: &dyn Fn(&mut NodeWriter<'_>),
    ) -> Result<Option<Published>, XenbusError> {
        let error = |kind, reason| store_error(kind, &nodes.path, reason);
        loop {
            match self.phase {
                Phase::Start => {
                    match pipeline.push(MessageType::TRANSACTION_START, None, &[Part::Nul]) {
                        Ok(()) => self.phase = Phase::Starting,
                        Err(ErrorKind::Busy | ErrorKind::Quiesced) => return Ok(None),
                        Err(reason) => return Err(error(MessageType::TRANSACTION_START, reason)),
                    }
                }
                Phase::Starting => match pipeline.transaction() {
                    None => return Ok(None),
                    Some(Ok(transaction)) => self.started(transaction),
                    Some(Err(ErrorKind::Interrupted { .. })) => self.restart(),
                    Some(Err(reason)) => {
                        self.phase = Phase::Start;
                        // Other devices of the domain use all transactions that it may have.
                        if is_quota(reason) {
                            return Ok(None);
                        }
                        return Err(error(MessageType::TRANSACTION_START, reason));
                    }
                },
                Phase::Body => {
                    self.take_body(nodes, pipeline);
                    if self.failed.is_none() && !self.all_sent {
                        self.send_body(nodes, pipeline, stale, driver);
                    }
                    if self.taken < self.sent || (self.failed.is_none() && !self.all_sent) {
                        return Ok(None);
                    }
                    if let Some(result) = self.give_up(nodes, pipeline, stale, driver) {
                        return result;
                    }
                    let overridden = self.written_state() != self.state;
                    self.phase = if overridden { Phase::Override } else { Phase::Commit };
                }
                Phase::Override => {
                    let parts = [
                        Part::Path(format_args!("{}/state", nodes.path)),
                        Part::Text(format_args!("{}", XenbusState::CLOSING.0)),
                    ];
                    match pipeline.push(MessageType::WRITE, self.transaction, &parts) {
                        Ok(()) => self.phase = Phase::Overriding,
                        Err(ErrorKind::Busy | ErrorKind::Quiesced) => return Ok(None),
                        Err(reason) => self
                            .try_again(pipeline, reason)
                            .map_err(|reason| error(MessageType::WRITE, reason))?,
                    }
                }
                Phase::Overriding => match pipeline.reply(&mut [0; 8]) {
                    None => return Ok(None),
                    Some(Ok(_) | Err(ErrorKind::BufferTooSmall { .. })) => {
                        self.phase = Phase::Commit;
                    }
                    Some(Err(reason)) => self
                        .try_again(pipeline, reason)
                        .map_err(|reason| error(MessageType::WRITE, reason))?,
                },
                Phase::Commit => {
                    let parts = [Part::Bytes(b"T"), Part::Nul];
                    match pipeline.push(MessageType::TRANSACTION_END, self.transaction, &parts) {
                        Ok(()) => self.phase = Phase::Committing,
                        Err(ErrorKind::Busy | ErrorKind::Quiesced) => return Ok(None),
                        Err(reason) => self
                            .try_again(pipeline, reason)
                            .map_err(|reason| error(MessageType::TRANSACTION_END, reason))?,
                    }
                }
                Phase::Committing => match pipeline.reply(&mut [0; 8]) {
                    None => return Ok(None),
                    Some(Ok(_) | Err(ErrorKind::BufferTooSmall { .. })) => {
                        return Ok(Some(Published::Yes(self.written_state())));
                    }
                    Some(Err(reason)) => {
                        // The server has ended it.
                        self.transaction = None;
                        self.try_again(pipeline, reason)
                            .map_err(|reason| error(MessageType::TRANSACTION_END, reason))?;
                    }
                },
            }
        }
    }

    /// Starts again after a conflict. Any other `reason` ends the publication, as one conflict too
    /// many does.
    fn try_again<P: Runtime, T: Transport>(
        &mut self,
        pipeline: &Pipeline<P, T>,
        reason: ErrorKind,
    ) -> Result<(), ErrorKind> {
        if let Some(transaction) = self.transaction.take() {
            pipeline.abort(transaction);
        }
        if !is_conflict(reason) {
            return Err(reason);
        }
        if self.attempts >= MAX_ATTEMPTS {
            return Err(ErrorKind::Conflict { attempts: self.attempts });
        }
        self.restart();
        Ok(())
    }

    /// Takes the replies to the operations of the body.
    fn take_body<P: Runtime, T: Transport>(
        &mut self,
        nodes: &DeviceNodes<P, T>,
        pipeline: &mut Pipeline<P, T>,
    ) {
        let mut value = [0; PEER_PATH];
        while self.taken < self.sent
            && let Some(reply) = pipeline.reply(&mut value)
        {
            let index = self.taken;
            self.taken += 1;
            match reply {
                Ok(len) if index == LINK => {
                    self.linked = value.get(..len) == Some(nodes.peer_path.as_bytes());
                }
                Err(ErrorKind::BufferTooSmall { .. }) if index == LINK => self.linked = false,
                Ok(len) if index < reads(nodes.role()) => {
                    let state = value.get(..len).map(parse_number::<u32>);
                    // A device that becomes Closed is what the toolstack has requested.
                    self.requested = state == Some(Ok(XenbusState::CLOSING.0))
                        && self.state != XenbusState::CLOSED;
                }
                Ok(_) | Err(ErrorKind::BufferTooSmall { .. }) => {}
                Err(reason) if index == LINK && reason.is_hidden() => self.linked = false,
                // A stale node, or a state, can be missing.
                Err(ErrorKind::Server(ServerError::NotFound)) if index > LINK => {}
                Err(reason) => {
                    self.failed.get_or_insert((index, reason));
                }
            }
        }
    }

    /// Sends operations of the body as long as there are slots.
    fn send_body<P: Runtime, T: Transport>(
        &mut self,
        nodes: &DeviceNodes<P, T>,
        pipeline: &mut Pipeline<P, T>,
        stale: &[&str],
        driver: &dyn Fn(&mut NodeWriter<'_>),
    ) {
        let path = nodes.path.as_str();
        let link = if nodes.role() == Role::Frontend { "backend" } else { "frontend" };
        let (transaction, next) = (self.transaction, self.sent);
        let mut result = Ok(());
        let mut sent = self.sent;
        let mut send = |index: usize, kind, parts: &[Part<'_>]| {
            if index >= next && result.is_ok() {
                result = pipeline.push(kind, transaction, parts).map_err(|reason| (index, reason));
                sent += usize::from(result.is_ok());
            }
        };
        send(LINK, MessageType::READ, &[Part::Path(format_args!("{path}/{link}"))]);
        if nodes.role() == Role::Backend {
            send(LINK + 1, MessageType::READ, &[Part::Path(format_args!("{path}/state"))]);
        }
        let removed = stale.iter().enumerate().filter(|(at, _)| self.stale & 1 << at != 0);
        let mut index = reads(nodes.role());
        for (_, key) in removed {
            send(index, MessageType::RM, &[Part::Path(format_args!("{path}/{key}"))]);
            index += 1;
        }
        let mut overlong = false;
        if self.with_nodes {
            let first = index;
            let mut write = |at: usize, key: &str, value: &dyn Display| {
                let parts =
                    [Part::Path(format_args!("{path}/{key}")), Part::Text(format_args!("{value}"))];
                send(first + at, MessageType::WRITE, &parts);
            };
            let mut writer = NodeWriter { index: 0, write: &mut write, overlong: false };
            driver(&mut writer);
            overlong = writer.overlong;
            index += writer.index;
        }
        let state = [
            Part::Path(format_args!("{path}/state")),
            Part::Text(format_args!("{}", self.state.0)),
        ];
        send(index, MessageType::WRITE, &state);
        self.sent = sent;
        match result {
            Ok(()) if overlong => {
                self.failed = Some((index, ErrorKind::TooLong { limit: MAX_KEY }));
            }
            Ok(()) => self.all_sent = true,
            Err((_, ErrorKind::Busy | ErrorKind::Quiesced)) => {}
            Err((index, reason)) => self.failed = Some((index, reason)),
        }
    }

    /// Ends a transaction that must not be committed.
    fn give_up<P: Runtime, T: Transport>(
        &mut self,
        nodes: &DeviceNodes<P, T>,
        pipeline: &Pipeline<P, T>,
        stale: &[&str],
        driver: &dyn Fn(&mut NodeWriter<'_>),
    ) -> Option<Result<Option<Published>, XenbusError>> {
        if self.linked && self.failed.is_none() {
            return None;
        }
        if let Some(transaction) = self.transaction.take() {
            pipeline.abort(transaction);
        }
        let Some((index, reason)) = self.failed.filter(|_| self.linked) else {
            return Some(Ok(Some(Published::Gone)));
        };
        if is_conflict(reason) && self.attempts < MAX_ATTEMPTS {
            self.restart();
            // The next poll starts it again.
            return Some(Ok(None));
        }
        Some(Err(self.failure(nodes, (index, reason), stale, driver)))
    }

    /// Returns the error of an operation of the body, with the node that it was about.
    fn failure<P: Runtime, T: Transport>(
        &self,
        nodes: &DeviceNodes<P, T>,
        (index, reason): (usize, ErrorKind),
        stale: &[&str],
        driver: &dyn Fn(&mut NodeWriter<'_>),
    ) -> XenbusError {
        let path = nodes.path.as_str();
        let of = |kind, key: &str| store_error(kind, &format_args!("{path}/{key}"), reason);
        let Some(at) = index.checked_sub(reads(nodes.role())) else {
            return store_error(MessageType::READ, &path, reason);
        };
        let mut removed = stale.iter().enumerate().filter(|(at, _)| self.stale & 1 << at != 0);
        let count = self.stale.count_ones() as usize;
        if let Some((_, key)) = removed.nth(at) {
            return of(MessageType::RM, key);
        }
        let mut failed = None;
        if self.with_nodes {
            let mut find = |index: usize, key: &str, _: &dyn Display| {
                if index + count == at {
                    failed = Some(of(MessageType::WRITE, key));
                }
            };
            driver(&mut NodeWriter { index: 0, write: &mut find, overlong: false });
        }
        failed.unwrap_or_else(|| of(MessageType::WRITE, "state"))
    }

    /// Returns the state to write: Closing instead of the intended one if the toolstack has
    /// requested that the backend closes.
    fn written_state(&self) -> XenbusState {
        if self.requested { XenbusState::CLOSING } else { self.state }
    }

    /// Aborts the transaction.
    pub(crate) fn abort<P: Runtime, T: Transport>(&mut self, pipeline: &mut Pipeline<P, T>) {
        pipeline.clear();
        if let Some(transaction) = self.transaction.take() {
            pipeline.abort(transaction);
        }
    }
}

/// Returns whether the whole transaction has to be repeated.
pub(crate) fn is_conflict(reason: ErrorKind) -> bool {
    matches!(reason, ErrorKind::Server(ServerError::Again) | ErrorKind::Interrupted { .. })
}

/// Returns whether the domain has as many transactions as it may have.
pub(crate) fn is_quota(reason: ErrorKind) -> bool {
    matches!(
        reason,
        ErrorKind::Server(ServerError::NoSpace | ServerError::Quota | ServerError::Busy)
    )
}
