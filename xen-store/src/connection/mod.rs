//! The protocol's state machine: requests in flight, replies, watch events. It does not wait and
//! has no clock.
//!
//! All memory is given by the caller: each request slot owns one message body, which first holds
//! the request on its way out and then the reply; one more body takes watch events; each watch owns
//! [`WATCH_BYTES`] for its path and its queue.

mod requests;
mod transport;
mod watches;

use crate::ErrorKind;
use crate::wire::{
    self, HEADER_LEN, MessageType, OversizedBody, Part, XENSTORE_PAYLOAD_MAX, XsdSockmsg,
};
use core::fmt::Display;
use heapless::Vec;
use requests::{Answer, Owner, Received, Requests};
pub use requests::{MAX_REQUESTS, RequestId};
use thiserror::Error;
pub use transport::{RingTransport, Transport};
use watches::{Change, Watches};
pub use watches::{Group, MAX_PATH as MAX_WATCH_PATH, MAX_WATCHES, WATCH_BYTES, WatchEvent};
use xen_hypercall::{Errno, Pages, Platform, Port};
use xen_ring::Corrupt;

/// Cause of a broken connection. Every use reports the same cause until the connection is
/// [reset](Connection::reset).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ConnectionError {
    /// The server moved an index of the ring to where it can't be.
    #[error("xenstore connection broken: {0}")]
    Corrupt(Corrupt),
    /// The server announced more bytes than a message can have.
    #[error("xenstore connection broken: {0}")]
    Oversized(OversizedBody),
    /// The server ended the connection, with a code in the page's `error` field.
    #[error("xenstored ended the connection with error {code} ({})", meaning(*.code))]
    Lost {
        /// `XENSTORE_ERROR_*`: 1 communication, 2 ring index, 3 protocol.
        code: u32,
    },
    /// Xen refused to notify the server.
    #[error("xenstored could not be notified by port {port}: {errno}")]
    Notify {
        /// Our port.
        port: Port,
        /// Xen's answer.
        errno: Errno,
    },
    /// The transport ended, as a socket does.
    #[error("the connection to xenstored was closed")]
    Closed,
    /// The operating system refused to move bytes.
    #[error("connection to xenstored: error {code} of the operating system")]
    System {
        /// Its error number.
        code: i32,
    },
    /// The server does not offer to connect anew.
    #[error("xenstored does not offer to reconnect")]
    CannotReconnect,
}

/// Returns the meaning of `XENSTORE_ERROR_*`.
fn meaning(code: u32) -> &'static str {
    match code {
        1 => "communication problem",
        2 => "invalid ring index",
        3 => "protocol violation",
        _ => "unknown code",
    }
}

impl From<Corrupt> for ConnectionError {
    fn from(corrupt: Corrupt) -> Self {
        Self::Corrupt(corrupt)
    }
}

/// Memory that a connection keeps messages in.
pub trait Buffer {
    /// Returns all bytes.
    fn bytes(&mut self) -> &mut [u8];
}

impl<P: Platform> Buffer for Pages<P> {
    fn bytes(&mut self) -> &mut [u8] {
        self.as_mut_slice()
    }
}

#[cfg(any(test, feature = "alloc"))]
impl Buffer for alloc::vec::Vec<u8> {
    fn bytes(&mut self) -> &mut [u8] {
        self
    }
}

impl Buffer for &mut [u8] {
    fn bytes(&mut self) -> &mut [u8] {
        self
    }
}

/// Maximum number of bytes that one call of [`Connection::poll`] receives: a bound for a server
/// that never stops.
const POLL_BUDGET: usize = 16 << 10;

/// Maximum number of transactions that wait for their end. Xen's servers allow a guest 10 by
/// default.
const MAX_ENDING: usize = 32;

/// The bytes of a request that has no payload but a NUL.
const RESET_LEN: usize = HEADER_LEN + 1;

/// Destination of the body that is being received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Header,
    Reply(usize),
    Event,
    Discard,
}

/// A connection to a xenstore server over any [`Transport`].
#[derive(Debug)]
pub struct Connection<T, B> {
    transport: T,
    buffer: B,
    requests: Requests,
    watches: Watches<B>,
    header: [u8; HEADER_LEN],
    /// The part that is being received, its length, and the bytes of it that have come.
    target: Target,
    expected: usize,
    received: usize,
    last_id: u32,
    failed: Option<ConnectionError>,
    /// Nothing new may begin.
    quiesced: bool,
    /// Number of resets of the connection.
    epoch: u32,
    /// Number of messages received, and of resets.
    activity: u64,
    /// The `XS_RESET_WATCHES` request, and the bytes of it that are sent. It has no slot, because
    /// it is sent before all others and its reply is dropped.
    reset: [u8; RESET_LEN],
    reset_sent: usize,
    /// Transactions that are not used any more and are still to be ended.
    ending: Vec<u32, MAX_ENDING>,
}

impl<T: Transport, B: Buffer> Connection<T, B> {
    /// Returns how many bytes of buffer a connection needs.
    pub const fn buffer_len(requests: usize, watches: usize) -> usize {
        (requests + 1) * XENSTORE_PAYLOAD_MAX + watches * WATCH_BYTES
    }

    /// Makes a connection with room for `requests` in flight (at most [`MAX_REQUESTS`]) and
    /// `watches` (at most [`MAX_WATCHES`]), fewer if `buffer` has not the
    /// [`buffer_len`](Self::buffer_len) for them. Memory for more watches can be
    /// [added](Self::add_watch_memory).
    ///
    /// Request ids and tokens count up from `seed`. Messages of an earlier user of the ring
    /// must not match those of this connection, so `seed` must differ from boot to boot.
    pub fn new(transport: T, mut buffer: B, requests: usize, watches: usize, seed: u32) -> Self {
        let len = buffer.bytes().len();
        let requests =
            requests.min(MAX_REQUESTS).min((len / XENSTORE_PAYLOAD_MAX).saturating_sub(1));
        let left = len.saturating_sub((requests + 1) * XENSTORE_PAYLOAD_MAX);
        Self {
            transport,
            buffer,
            requests: Requests::new(requests),
            watches: Watches::new(watches.min(left / WATCH_BYTES), seed),
            header: [0; HEADER_LEN],
            target: Target::Header,
            expected: HEADER_LEN,
            received: 0,
            last_id: seed,
            failed: None,
            quiesced: false,
            epoch: 0,
            activity: 0,
            reset: [0; RESET_LEN],
            reset_sent: RESET_LEN,
            ending: Vec::new(),
        }
    }

    /// Makes the server forget all watches and transactions of this connection before it gets any
    /// other request: those of an earlier user of the ring, or of this one before it was reset.
    pub fn reset_watches(&mut self) {
        self.last_id = self.last_id.wrapping_add(1);
        let header = wire::encode(&XsdSockmsg {
            type_: MessageType::RESET_WATCHES,
            req_id: self.last_id,
            tx_id: 0,
            len: 1,
        });
        // The NUL is there.
        for (to, from) in self.reset.iter_mut().zip(header) {
            *to = from;
        }
        self.reset_sent = 0;
    }

    /// Returns the transport.
    pub fn transport(&self) -> &T {
        &self.transport
    }

    /// Queues a request. Nothing is sent before the next [`poll`](Self::poll).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Busy`] if all slots are in use, [`ErrorKind::Path`] or [`ErrorKind::TooLong`]
    /// if the payload can't be sent, [`ErrorKind::Quiesced`] while it is [quiesced](Self::quiesce),
    /// [`ErrorKind::Connection`] if the connection is broken.
    pub fn begin(
        &mut self,
        operation: MessageType,
        tx_id: u32,
        parts: &[Part<'_>],
    ) -> Result<RequestId, ErrorKind> {
        self.check()?;
        if self.quiesced {
            return Err(ErrorKind::Quiesced);
        }
        let slot = self.requests.free().ok_or(ErrorKind::Busy)?;
        let body = body(&mut self.buffer, slot).ok_or(ErrorKind::Busy)?;
        let len = wire::build(body, parts)?;
        Ok(self.queue(slot, Owner::Caller, operation, tx_id, len))
    }

    /// Takes a slot for a request, whose payload comes by [`append`](Self::append) and which
    /// [`submit`](Self::submit) queues.
    ///
    /// With these three a payload can be formatted without a lock on the connection held meanwhile.
    ///
    /// # Errors
    ///
    /// Those of [`begin`](Self::begin), but for those of the payload.
    pub fn reserve(&mut self, operation: MessageType, tx_id: u32) -> Result<RequestId, ErrorKind> {
        self.check()?;
        if self.quiesced {
            return Err(ErrorKind::Quiesced);
        }
        let slot = self.requests.free().ok_or(ErrorKind::Busy)?;
        self.last_id = self.last_id.wrapping_add(1);
        Ok(self
            .requests
            .reserve(slot, XsdSockmsg { type_: operation, req_id: self.last_id, tx_id, len: 0 }))
    }

    /// Appends bytes to the payload of a request that is reserved.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TooLong`] if not all bytes fit; those that fit are appended.
    pub fn append(&mut self, id: RequestId, bytes: &[u8]) -> Result<(), ErrorKind> {
        let limit = XENSTORE_PAYLOAD_MAX;
        let request = self.requests.reserved(id).ok_or(ErrorKind::Busy)?;
        let free =
            body(&mut self.buffer, id.slot()).and_then(|body| body.get_mut(request.len as usize..));
        let free = free.unwrap_or_default();
        let fit = bytes.len().min(free.len());
        if let (Some(free), Some(bytes)) = (free.get_mut(..fit), bytes.get(..fit)) {
            free.copy_from_slice(bytes);
        }
        request.len += fit as u32;
        if fit == bytes.len() { Ok(()) } else { Err(ErrorKind::TooLong { limit }) }
    }

    /// Checks that what was appended from `start` on is a path.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Path`].
    pub fn check_path(&mut self, id: RequestId, start: usize) -> Result<(), ErrorKind> {
        let len = self.requests.reserved(id).map_or(0, |request| request.len as usize);
        let path = body(&mut self.buffer, id.slot()).and_then(|body| body.get(start..len));
        Ok(wire::check_path(path.unwrap_or_default())?)
    }

    /// Queues a request that was reserved. Nothing is sent before the next [`poll`](Self::poll).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Quiesced`] while the connection is [quiesced](Self::quiesce),
    /// [`ErrorKind::Connection`] if it is broken. The request is still reserved then.
    pub fn submit(&mut self, id: RequestId) -> Result<(), ErrorKind> {
        self.check()?;
        if self.quiesced {
            return Err(ErrorKind::Quiesced);
        }
        self.requests.submit(id);
        Ok(())
    }

    /// Returns how many requests can be begun now.
    pub fn free_slots(&self) -> usize {
        self.requests.free_count()
    }

    /// Returns the payload of the reply, `None` while there is none yet. It stays until
    /// [`forget`](Self::forget).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Server`] if the server refused; [`ErrorKind::UnexpectedReply`];
    /// [`ErrorKind::Interrupted`]; [`ErrorKind::Connection`].
    pub fn reply(&mut self, id: RequestId) -> Option<Result<&[u8], ErrorKind>> {
        let (asked, header) = match self.requests.answer(id) {
            None => return self.failed.map(|error| Err(error.into())),
            Some(Answer::Interrupted { sent }) => {
                return Some(Err(ErrorKind::Interrupted { sent }));
            }
            Some(Answer::Reply { asked, header }) => (asked, header),
        };
        let body = body(&mut self.buffer, id.slot())
            .and_then(|body| body.get(..header.len as usize))
            .unwrap_or_default();
        Some(match header.type_ {
            MessageType::ERROR => Err(wire::ServerError::parse(body).into()),
            found if found == asked => Ok(body),
            found => Err(ErrorKind::UnexpectedReply { found }),
        })
    }

    /// Frees the slot of a request, with or without a reply. A request of which nothing was sent is
    /// cancelled. Otherwise it is sent to its end and the reply is dropped; a transaction that it
    /// begins is ended then.
    pub fn forget(&mut self, id: RequestId) {
        self.requests.forget(id);
        if let Target::Reply(slot) = self.target
            && !self.requests.is_receiving(slot)
        {
            self.target = Target::Discard;
        }
    }

    /// Forgets a request whose owner has not taken the reply; a transaction that it has started is
    /// aborted.
    pub fn discard(&mut self, id: RequestId) {
        let answer = self.requests.answer(id);
        if let Some(Answer::Reply { asked: MessageType::TRANSACTION_START, .. }) = answer
            && let Some(Ok(body)) = self.reply(id)
            && let Ok(id) = wire::parse_transaction(body)
        {
            let epoch = self.epoch;
            // The server aborts what does not fit the list together with the connection.
            let _ = self.end_later(id, epoch);
        }
        self.forget(id);
    }

    /// Lets a request that was just begun run on by itself; its reply is dropped when it comes.
    pub fn detach(&mut self, id: RequestId) {
        self.requests.detach(id);
    }

    /// Sends and receives what can be now, then notifies the server, at most once. Returns whether
    /// there may be more to receive at once.
    ///
    /// # Errors
    ///
    /// [`ConnectionError`] if the connection is broken, now or before.
    pub fn poll(&mut self) -> Result<bool, ConnectionError> {
        self.check()?;
        let result = self.exchange();
        // What was sent before a failure still has to be seen.
        let notified = self.transport.notify();
        let result = result.and_then(|more| notified.map(|()| more));
        self.failed = result.err();
        result
    }

    /// Lets nothing begin any more, until [`unquiesce`](Self::unquiesce) or [`reset`](Self::reset):
    /// the domain is going to be suspended.
    pub fn quiesce(&mut self) {
        self.quiesced = true;
    }

    /// Lets requests begin again.
    pub fn unquiesce(&mut self) {
        self.quiesced = false;
    }

    /// Returns whether nothing may begin.
    pub fn is_quiesced(&self) -> bool {
        self.quiesced
    }

    /// Returns whether every request has its reply.
    pub fn is_idle(&self) -> bool {
        self.requests.is_idle() && self.reset_sent == RESET_LEN
    }

    /// Ends transaction `id` of epoch `epoch` without its changes, as soon as requests may begin
    /// and a slot is free. Returns `false` if too many wait for that already.
    pub fn end_later(&mut self, id: u32, epoch: u32) -> bool {
        // The server forgets those of an earlier epoch with the connection.
        epoch != self.epoch || self.ending.contains(&id) || self.ending.push(id).is_ok()
    }

    /// Returns how often the connection was reset. Transactions of an earlier number are over.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Returns a number that grows with each received message and each reset: while it stays the
    /// same, there is no new reply or event.
    pub fn activity(&self) -> u64 {
        self.activity
    }

    /// Continues over another transport, to the same server or another one; returns the last
    /// transport.
    ///
    /// All watches are set again, and fire. The server may be the same, with all that it had, if
    /// the domain was not moved after all; if the transport
    /// [is inherited](Transport::is_inherited), it is asked to forget that first. Requests of which
    /// nothing was sent, and those that change nothing, are sent (again), all others end with
    /// [`ErrorKind::Interrupted`]. Transactions are over. Replies that have come already stay.
    pub fn reset(&mut self, transport: T) -> T {
        let last = core::mem::replace(&mut self.transport, transport);
        self.restart();
        last
    }

    /// Resets the connection as [`reset`](Self::reset) does, with the same server over the same
    /// transport, if both support it.
    ///
    /// # Errors
    ///
    /// Those of [`Transport::reconnect`]; nothing has changed then.
    pub fn reconnect(&mut self) -> Result<(), ConnectionError> {
        self.transport.reconnect()?;
        self.restart();
        Ok(())
    }

    fn restart(&mut self) {
        let kept = self.requests.restart();
        let (_, queues) = split(&mut self.buffer, &self.requests);
        self.watches.restart(queues);
        self.ending.clear();
        // What an earlier user of the ring left is still there if the last reset was not sent.
        let due = kept || self.reset_sent < RESET_LEN;
        self.reset_sent = RESET_LEN;
        if due && self.transport.is_inherited() {
            self.reset_watches();
        }
        (self.target, self.expected, self.received) = (Target::Header, HEADER_LEN, 0);
        (self.failed, self.quiesced) = (None, false);
        self.epoch = self.epoch.wrapping_add(1);
        self.activity += 1;
    }

    fn check(&self) -> Result<(), ConnectionError> {
        self.failed.map_or(Ok(()), Err)
    }

    fn exchange(&mut self) -> Result<bool, ConnectionError> {
        self.update();
        self.send()?;
        let before = self.activity;
        let more = self.receive()?;
        if self.activity != before {
            // Replies have freed slots.
            self.update();
            self.send()?;
        }
        Ok(more)
    }

    fn send(&mut self) -> Result<(), ConnectionError> {
        while let Some(rest) = self.reset.get(self.reset_sent..).filter(|rest| !rest.is_empty()) {
            let count = self.transport.try_write(rest)?.min(rest.len());
            if count == 0 {
                return Ok(());
            }
            self.reset_sent += count;
        }
        while let Some((slot, header, sent)) = self.requests.sending() {
            let head = wire::encode(&header);
            let bytes = match head.get(sent..) {
                Some(rest) if !rest.is_empty() => rest,
                _ => body(&mut self.buffer, slot)
                    .and_then(|body| body.get(sent.saturating_sub(HEADER_LEN)..header.len as usize))
                    .unwrap_or_default(),
            };
            let count = self.transport.try_write(bytes)?.min(bytes.len());
            if count == 0 && !bytes.is_empty() {
                return Ok(());
            }
            self.requests.sent(count);
        }
        Ok(())
    }

    fn receive(&mut self) -> Result<bool, ConnectionError> {
        let mut budget = POLL_BUDGET;
        let mut scrap = [0; 64];
        while budget > 0 {
            let (from, to) = (self.received, self.expected);
            let into = match self.target {
                Target::Header => self.header.get_mut(from..to),
                Target::Reply(slot) => {
                    body(&mut self.buffer, slot).and_then(|body| body.get_mut(from..to))
                }
                Target::Event => event_body(&mut self.buffer, &self.requests)
                    .and_then(|body| body.get_mut(from..to)),
                Target::Discard => scrap.get_mut(..to.saturating_sub(from).min(64)),
            };
            let into = into.unwrap_or_default();
            let count = self.transport.try_read(into)?.min(into.len());
            if count == 0 {
                return Ok(false);
            }
            budget = budget.saturating_sub(count);
            self.received += count;
            if self.received == self.expected {
                self.message_part_done()?;
            }
        }
        Ok(true)
    }

    /// Handles a complete header or body.
    fn message_part_done(&mut self) -> Result<(), ConnectionError> {
        if self.target == Target::Header {
            let header = wire::decode(&self.header).map_err(ConnectionError::Oversized)?;
            self.target = if header.type_ == MessageType::WATCH_EVENT {
                Target::Event
            } else {
                self.requests.receive(&header).map_or(Target::Discard, Target::Reply)
            };
            (self.expected, self.received) = (header.len as usize, 0);
            if self.expected > 0 {
                return Ok(());
            }
        }
        match self.target {
            Target::Reply(slot) => self.reply_done(slot),
            Target::Event => self.event_done(),
            Target::Header | Target::Discard => {}
        }
        self.activity += 1;
        (self.target, self.expected, self.received) = (Target::Header, HEADER_LEN, 0);
        Ok(())
    }

    fn event_done(&mut self) {
        let (bodies, queues) = split(&mut self.buffer, &self.requests);
        let start = self.requests.count() * XENSTORE_PAYLOAD_MAX;
        let body = bodies.get(start..start + self.received).unwrap_or_default();
        // What is no event, or belongs to no watch, is dropped; the stream is in step all the same.
        if let Some(event) = wire::parse_event(body) {
            self.watches.push(queues, &event);
        }
    }

    fn reply_done(&mut self, slot: usize) {
        let Some(received) = self.requests.received(slot) else { return };
        let (Received::Watch(_, header) | Received::Orphan(header)) = received else { return };
        let reply = body(&mut self.buffer, slot).and_then(|body| body.get(..header.len as usize));
        let reply = reply.unwrap_or_default();
        match (received, header.type_) {
            (Received::Watch(watch, _), MessageType::ERROR) => {
                let refusal = wire::ServerError::parse(reply);
                // It was set by the request that first did it, sent once more.
                if refusal != wire::ServerError::Exists {
                    let (_, queues) = split(&mut self.buffer, &self.requests);
                    self.watches.fail(queues, watch, refusal);
                }
            }
            (Received::Orphan(_), MessageType::TRANSACTION_START) => {
                if let Ok(id) = wire::parse_transaction(reply) {
                    self.end_transaction(slot, id);
                }
            }
            _ => {}
        }
    }

    /// Ends a transaction without an owner: the server allows a domain a limited number.
    fn end_transaction(&mut self, slot: usize, id: u32) {
        let parts = [Part::Bytes(b"F"), Part::Nul];
        if let Some(body) = body(&mut self.buffer, slot)
            && let Ok(len) = wire::build(body, &parts)
        {
            self.queue(slot, Owner::None, MessageType::TRANSACTION_END, id, len);
        }
    }

    /// Queues a request whose payload is in `slot`'s body.
    fn queue(
        &mut self,
        slot: usize,
        owner: Owner,
        type_: MessageType,
        tx_id: u32,
        len: usize,
    ) -> RequestId {
        self.last_id = self.last_id.wrapping_add(1);
        self.requests.queue(
            slot,
            owner,
            XsdSockmsg { type_, req_id: self.last_id, tx_id, len: len as u32 },
        )
    }

    /// Takes a place for a watch on `path` and `depth` levels below, or all, whose token then goes
    /// to the server with [`MessageType::WATCH`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Path`], [`ErrorKind::TooLong`] if the path has more than [`MAX_WATCH_PATH`]
    /// bytes, [`ErrorKind::TooManyWatches`].
    pub fn add_watch(
        &mut self,
        path: &dyn Display,
        depth: Option<u16>,
    ) -> Result<usize, ErrorKind> {
        let (_, queues) = split(&mut self.buffer, &self.requests);
        self.watches.add(queues, path, depth)
    }

    /// Adds a watch that the connection itself sets at the server. With `above`, it shares the one
    /// on that.
    ///
    /// # Errors
    ///
    /// Those of [`add_watch`](Self::add_watch). A refusal of the server is returned by
    /// [`next_event`](Self::next_event).
    pub fn queue_watch(&mut self, above: Option<&str>, path: &str) -> Result<usize, ErrorKind> {
        let (_, queues) = split(&mut self.buffer, &self.requests);
        let watch = match above {
            None => {
                let watch = self.watches.add(queues, &path, None)?;
                self.watches.set_later(queues, watch);
                watch
            }
            Some(above) => {
                let (watch, group) = self.watches.add_member(queues, above, path)?;
                if group.set.is_some() {
                    self.watches.set_later(queues, group.index);
                }
                watch
            }
        };
        self.update();
        Ok(watch)
    }

    /// Sets how many watches there can be, without those that others share. There is memory for
    /// fewer at first.
    pub fn limit_watches(&mut self, limit: usize) {
        self.watches.set_limit(limit);
    }

    /// Returns how many bytes should be [added](Self::add_watch_memory) before the next watch, if
    /// any.
    pub fn wanted_watch_memory(&mut self) -> Option<usize> {
        let (_, queues) = split(&mut self.buffer, &self.requests);
        self.watches.wanted_memory(queues)
    }

    /// Takes memory for more watches, which is kept as long as the connection. Returns it if it is
    /// not needed any more.
    pub fn add_watch_memory(&mut self, memory: B) -> Option<B> {
        let (_, queues) = split(&mut self.buffer, &self.requests);
        self.watches.add_memory(queues, memory)
    }

    /// Returns the path of a watch; empty if there is no such watch.
    pub fn watched_path(&mut self, watch: usize) -> &str {
        let (_, queues) = split(&mut self.buffer, &self.requests);
        self.watches.path(queues, watch).unwrap_or_default()
    }

    /// Returns the token of a watch, as a number.
    pub fn token(&mut self, watch: usize) -> Option<u32> {
        let (_, queues) = split(&mut self.buffer, &self.requests);
        self.watches.token(queues, watch)
    }

    /// Returns the oldest event of a watch that was not returned yet.
    ///
    /// # Errors
    ///
    /// The server's error, once, if it refused to set the watch again after the connection was
    /// reset. There are no more events then.
    pub fn next_event(&mut self, watch: usize) -> Option<Result<WatchEvent, wire::ServerError>> {
        let (_, queues) = split(&mut self.buffer, &self.requests);
        let event = self.watches.pop(queues, watch).map(Ok);
        event.or_else(|| self.watches.take_failure(queues, watch).map(Err))
    }

    /// Discards all events of a watch that were not returned yet. Returns whether there were any.
    ///
    /// # Errors
    ///
    /// Those of [`next_event`](Self::next_event).
    pub fn clear_events(&mut self, watch: usize) -> Result<bool, wire::ServerError> {
        let (_, queues) = split(&mut self.buffer, &self.requests);
        if self.watches.clear(queues, watch) {
            return Ok(true);
        }
        self.watches.take_failure(queues, watch).map_or(Ok(false), Err)
    }

    /// Frees the place of a watch that the server does not have.
    pub fn forget_watch(&mut self, watch: usize) {
        let (_, queues) = split(&mut self.buffer, &self.requests);
        self.watches.free(queues, watch);
    }

    /// Ends a watch: no event of it is kept from now on, and the request is sent as soon as a slot
    /// is free.
    pub fn drop_watch(&mut self, watch: usize) {
        let (_, queues) = split(&mut self.buffer, &self.requests);
        self.watches.drop_later(queues, watch);
        self.update();
    }

    /// Queues requests about watches and transactions, as far as slots are free.
    #[inline]
    fn update(&mut self) {
        if self.watches.is_changed() {
            self.tell_of_watches();
        }
        if !self.ending.is_empty() {
            self.end_transactions();
        }
    }

    fn end_transactions(&mut self) {
        while !self.quiesced
            && self.failed.is_none()
            && let Some(slot) = self.requests.free()
            && let Some(id) = self.ending.pop()
        {
            self.end_transaction(slot, id);
        }
    }

    fn tell_of_watches(&mut self) {
        while !self.quiesced
            && self.failed.is_none()
            && let Some(slot) = self.requests.free()
        {
            let (bodies, queues) = split(&mut self.buffer, &self.requests);
            let Some((watch, token, change)) = self.watches.next_change(queues) else { return };
            let (type_, owner) = match change {
                Change::Set => (MessageType::WATCH, Owner::Watch(token)),
                // The reply is dropped: an error means that the server does not have the watch.
                Change::End => (MessageType::UNWATCH, Owner::None),
            };
            let depth = self.watches.depth(queues, watch).filter(|_| change == Change::Set);
            let depth = depth.map(u64::from);
            let path = self.watches.path(queues, watch).unwrap_or_default();
            let start = slot * XENSTORE_PAYLOAD_MAX;
            let body = bodies.get_mut(start..start + XENSTORE_PAYLOAD_MAX).unwrap_or_default();
            if let Ok(len) = wire::build_watch(body, &path, token, depth) {
                self.queue(slot, owner, type_, 0, len);
            }
            let (_, queues) = split(&mut self.buffer, &self.requests);
            self.watches.told(queues, watch, change);
        }
    }
}

fn body<B: Buffer>(buffer: &mut B, slot: usize) -> Option<&mut [u8]> {
    let start = slot * XENSTORE_PAYLOAD_MAX;
    buffer.bytes().get_mut(start..start + XENSTORE_PAYLOAD_MAX)
}

fn event_body<'b, B: Buffer>(buffer: &'b mut B, requests: &Requests) -> Option<&'b mut [u8]> {
    body(buffer, requests.count())
}

/// Splits the buffer into message bodies and watch queues.
fn split<'b, B: Buffer>(buffer: &'b mut B, requests: &Requests) -> (&'b mut [u8], &'b mut [u8]) {
    let at = (requests.count() + 1) * XENSTORE_PAYLOAD_MAX;
    buffer.bytes().split_at_mut_checked(at).unwrap_or_default()
}
