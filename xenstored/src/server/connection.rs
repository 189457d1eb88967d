//! A client's connection: messages from bytes and to bytes.

use super::quota::within;
use super::transaction::Transaction;
use super::watch::Watch;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;
use thiserror::Error;
use xen_hypercall::{DomId, Instant};
use xen_store::wire::{HEADER_LEN, MessageType, OversizedBody, XsdSockmsg, decode, encode};

/// Number of a client's connection. No number is used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConnectionId(pub(super) u64);

/// Cause for which a client must be disconnected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Breach {
    /// No such connection, or not any more.
    #[error("no such connection")]
    Unknown,
    /// The client announced a message that is too long.
    #[error("{0}")]
    Oversized(OversizedBody),
    /// The client has left too many watch events unread, or too large ones.
    #[error("found {events} watch events that were not read")]
    Overrun {
        /// Number of unread events.
        events: usize,
    },
    /// The client has read nothing for too long while watch events waited.
    #[error("found {events} watch events that were not read in time")]
    Stalled {
        /// Number of unread events.
        events: usize,
    },
}

/// Limits of unread messages. Zero stands for no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// Replies; at this number no further request is taken.
    pub(super) replies: usize,
    /// Bytes of all messages; at this number no further request is taken.
    pub(super) reply_bytes: usize,
    /// Watch events, beyond which the connection ends.
    pub(super) events: usize,
    /// Bytes of all messages, beyond which the connection ends with the next event.
    pub(super) event_bytes: usize,
}

impl Limits {
    /// Limits of the control domain's clients: a client that reads nothing must not use up the
    /// server's memory.
    pub(super) const CONTROL: Self =
        Self { replies: 1024, reply_bytes: 1 << 20, events: 1 << 16, event_bytes: 16 << 20 };
}

/// A client.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) domain: DomId,
    watches: Vec<Arc<Watch>>,
    /// The bytes of all watches.
    watched: usize,
    pub(super) transactions: BTreeMap<u32, Transaction>,
    /// The number that was given last.
    pub(super) last_transaction: u32,
    /// Number of transactions in a row that were in conflict.
    pub(super) conflicts: u32,
    /// Bytes of the incomplete message.
    input: Vec<u8>,
    /// Whole messages to be sent; the type identifies events.
    output: VecDeque<Arc<[u8]>>,
    /// The events among them, but for the first message, which may be on its way in part.
    waiting: BTreeSet<Arc<[u8]>>,
    /// The bytes of all of them.
    queued: usize,
    /// Number of events among them.
    events: usize,
    /// Time at which a message was taken last, or the first event began to wait.
    waiting_since: Option<Instant>,
    /// Bytes of the first one that are sent.
    sent: usize,
    /// First events of the watches that the request being served has set, to follow its reply.
    pub(super) fresh: Vec<Vec<u8>>,
    pub(super) breach: Option<Breach>,
}

impl Connection {
    pub(super) fn new(domain: DomId) -> Self {
        Self {
            domain,
            watches: Vec::new(),
            watched: 0,
            transactions: BTreeMap::new(),
            last_transaction: 0,
            conflicts: 0,
            input: Vec::new(),
            output: VecDeque::new(),
            waiting: BTreeSet::new(),
            queued: 0,
            events: 0,
            waiting_since: None,
            sent: 0,
            fresh: Vec::new(),
            breach: None,
        }
    }

    /// Takes bytes from `bytes` until a message is complete, or there are no more.
    pub(super) fn input(
        &mut self,
        bytes: &mut &[u8],
    ) -> Result<Option<(XsdSockmsg, Vec<u8>)>, OversizedBody> {
        self.fill(bytes, HEADER_LEN);
        let Some(header) = self.input.first_chunk().map(decode).transpose()? else {
            return Ok(None);
        };
        let end = HEADER_LEN + header.len as usize;
        self.fill(bytes, end);
        if self.input.len() < end {
            return Ok(None);
        }
        let body = self.input.split_off(HEADER_LEN);
        self.input.clear();
        Ok(Some((header, body)))
    }

    fn fill(&mut self, bytes: &mut &[u8], end: usize) {
        let count = end.saturating_sub(self.input.len()).min(bytes.len());
        if let Some((taken, rest)) = bytes.split_at_checked(count) {
            self.input.extend_from_slice(taken);
            *bytes = rest;
        }
    }

    /// Copies what waits to `buffer` and returns how much that was.
    pub(super) fn output(&mut self, buffer: &mut [u8]) -> usize {
        let mut given = 0;
        while let Some(message) = self.output.front() {
            let free = buffer.get_mut(given..).unwrap_or_default();
            let rest = message.get(self.sent..).unwrap_or_default();
            let count = rest.len().min(free.len());
            for (to, from) in free.iter_mut().zip(rest) {
                *to = *from;
            }
            (given, self.sent) = (given + count, self.sent + count);
            if self.sent < message.len() {
                break;
            }
            self.take_message();
        }
        given
    }

    /// Takes the first message that waits as a whole.
    pub(super) fn take_message(&mut self) -> Option<Arc<[u8]>> {
        let message = self.output.pop_front()?;
        if let Some(first) = self.output.front() {
            self.waiting.remove(first);
        }
        self.sent = 0;
        self.queued -= message.len();
        self.events -= usize::from(is_event(&message));
        self.waiting_since = None;
        Some(message)
    }

    /// Returns how many messages wait.
    pub(super) fn waiting(&self) -> usize {
        self.output.len()
    }

    /// Returns how many replies wait.
    pub(super) fn replies(&self) -> usize {
        self.output.len() - self.events
    }

    /// Returns about how many bytes are kept for the client, its nodes left out.
    pub(super) fn memory(&self) -> usize {
        let transactions: usize = self.transactions.values().map(Transaction::bytes).sum();
        self.input.len() + self.queued + self.watched + transactions
    }

    /// Returns how many events wait.
    pub(super) fn events(&self) -> usize {
        self.events
    }

    /// Returns the bytes of all messages that wait.
    pub(super) fn queued(&self) -> usize {
        self.queued
    }

    pub(super) fn watches(&self) -> &[Arc<Watch>] {
        &self.watches
    }

    pub(super) fn add_watch(&mut self, watch: Arc<Watch>) {
        self.watched += watch.size();
        self.watches.push(watch);
    }

    pub(super) fn remove_watch(&mut self, index: usize) -> Arc<Watch> {
        let watch = self.watches.remove(index);
        self.watched -= watch.size();
        watch
    }

    pub(super) fn push_reply(&mut self, reply: Vec<u8>) {
        self.push(reply.into());
    }

    fn push(&mut self, message: Arc<[u8]>) {
        self.queued += message.len();
        self.output.push_back(message);
    }

    /// Notes what time it is. Returns when the client will have let events wait for `patience`.
    pub(super) fn tick(&mut self, now: Instant, patience: Duration) -> Option<Instant> {
        if self.events == 0 || self.breach.is_some() {
            return None;
        }
        let end = *self.waiting_since.get_or_insert(now) + patience;
        if now < end {
            return Some(end);
        }
        self.breach = Some(Breach::Stalled { events: self.events });
        None
    }

    /// Queues a watch event, unless the same one waits already, or it is longer than a message can
    /// be. More events, or bytes, than the limits end the connection.
    pub(super) fn push_event(&mut self, body: &[u8], limits: Limits) {
        if body.len() > xen_store::wire::XENSTORE_PAYLOAD_MAX || self.breach.is_some() {
            return;
        }
        let message: Arc<[u8]> = message(MessageType::WATCH_EVENT, 0, 0, body).into();
        if self.waiting.contains(&message) {
            return;
        }
        let queued = self.queued + message.len();
        if !within(self.events + 1, limits.events) || !within(queued, limits.event_bytes) {
            self.breach = Some(Breach::Overrun { events: self.events });
            return;
        }
        self.events += 1;
        // The first message may be on its way in part, so an equal one waits behind it.
        if !self.output.is_empty() {
            self.waiting.insert(Arc::clone(&message));
        }
        self.push(message);
    }

    /// Drops watches, which are returned, their events, and transactions. An event that is on its
    /// way in part stays.
    pub(super) fn reset(&mut self) -> Vec<Arc<Watch>> {
        self.watched = 0;
        self.transactions.clear();
        let sent = self.sent;
        let mut index = 0;
        self.output.retain(|message| {
            index += 1;
            (index == 1 && sent > 0) || !is_event(message)
        });
        self.waiting.clear();
        self.waiting_since = None;
        self.events = self.output.iter().filter(|message| is_event(message)).count();
        self.queued = self.output.iter().map(|message| message.len()).sum();
        core::mem::take(&mut self.watches)
    }
}

fn is_event(message: &[u8]) -> bool {
    message.starts_with(&MessageType::WATCH_EVENT.0.to_ne_bytes())
}

/// Puts a message together.
pub(super) fn message(kind: MessageType, req_id: u32, tx_id: u32, body: &[u8]) -> Vec<u8> {
    let header = XsdSockmsg { type_: kind, req_id, tx_id, len: body.len() as u32 };
    [&encode(&header)[..], body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::{String, ToString};
    use std::vec;

    const FOUR: Limits = Limits { replies: 0, reply_bytes: 0, events: 4, event_bytes: 0 };

    /// D-X04.
    #[test]
    fn message_pieces_are_joined() {
        let stream: Vec<u8> = [&b"abc"[..], b"", &[7; 4096]]
            .iter()
            .flat_map(|body| message(MessageType::READ, body.len() as u32, 0, body))
            .collect();
        for piece in [1, 3, 15, 16, 17, 4000, 9000] {
            let mut connection = Connection::new(DomId(1));
            let mut found = vec![];
            for mut bytes in stream.chunks(piece) {
                while let Some((header, body)) = connection.input(&mut bytes).unwrap() {
                    assert_eq!(header.req_id as usize, body.len());
                    found.push(body.len());
                }
                assert!(bytes.is_empty());
            }
            assert_eq!(found, [3, 0, 4096], "pieces of {piece}");
        }
    }

    /// D-X02.
    #[test]
    fn oversized_length_is_a_breach() {
        let mut connection = Connection::new(DomId(1));
        let header = XsdSockmsg { len: u32::MAX, ..XsdSockmsg::default() };
        let bytes = encode(&header);
        assert_eq!(connection.input(&mut &bytes[..]).unwrap_err(), OversizedBody { len: u32::MAX });
        assert!(connection.input.capacity() < 100);
    }

    #[test]
    fn reset_keeps_partly_sent_event() {
        let mut connection = Connection::new(DomId(1));
        for body in [&b"a\0t\0"[..], b"a\0t\0", b"a\0t\0", b"b\0t\0"] {
            connection.push_event(body, FOUR);
        }
        connection.push_event(&[b'x'; 4097], FOUR);
        connection.push_reply(vec![0; 20]);
        // The first may be under way, so its like waits too.
        assert_eq!((connection.waiting(), connection.replies()), (4, 1));
        let mut head = [0; 5];
        assert_eq!(connection.output(&mut head), 5);
        connection.reset();
        assert_eq!((connection.waiting(), connection.replies()), (2, 1));
        let mut rest = [0; 100];
        assert_eq!(connection.output(&mut rest), 15 + 20);
        assert_eq!((connection.waiting(), connection.breach), (0, None));
    }

    #[test]
    fn event_is_queued_behind_its_equal() {
        let mut connection = Connection::new(DomId(1));
        let [a, b] = [b"a\0t\0", b"b\0t\0"];
        [a, b, b].iter().for_each(|body| connection.push_event(*body, FOUR));
        assert_eq!((connection.waiting(), connection.events(), connection.queued()), (2, 2, 40));
        // `b` is the first now, and may be on its way.
        connection.take_message().unwrap();
        connection.push_event(b, FOUR);
        assert_eq!((connection.waiting(), connection.events(), connection.queued()), (2, 2, 40));
        connection.push_event(b, FOUR);
        assert_eq!(connection.waiting(), 2);
        connection.take_message().unwrap();
        connection.take_message().unwrap();
        assert_eq!((connection.take_message(), connection.events()), (None, 0));
        assert_eq!(connection.queued(), 0);
    }

    #[test]
    fn reset_drops_events_before_they_start() {
        let mut connection = Connection::new(DomId(1));
        connection.push_event(b"a\0t\0", FOUR);
        connection.push_reply(vec![0; 20]);
        connection.push_event(b"b\0t\0", FOUR);
        connection.reset();
        let counts = (connection.waiting(), connection.events(), connection.queued());
        assert_eq!(counts, (1, 0, 20));
        // The same event can come again.
        connection.push_event(b"b\0t\0", FOUR);
        assert_eq!((connection.waiting(), connection.events(), connection.queued()), (2, 1, 40));
    }

    #[test]
    fn events_fill_messages_and_limits() {
        let mut connection = Connection::new(DomId(1));
        // With their headers, the bytes of two messages of 4096 and of one of 4.
        let limits = Limits { event_bytes: 2 * 4112 + 20, ..FOUR };
        connection.push_event(&[b'x'; 4097], limits);
        assert_eq!(connection.waiting(), 0);
        for byte in [b'x', b'y'] {
            connection.push_event(&[byte; 4096], limits);
        }
        connection.push_event(b"a\0t\0", limits);
        assert_eq!((connection.waiting(), connection.breach), (3, None));
        connection.push_event(b"\0\0", limits);
        assert_eq!(connection.breach, Some(Breach::Overrun { events: 3 }));
        assert_eq!(connection.waiting(), 3);
        connection.take_message().unwrap();
        connection.push_event(b"b\0t\0", limits);
        assert_eq!(connection.waiting(), 2, "no events after a breach");
    }

    #[test]
    fn memory_is_the_sum_of_all() {
        let mut connection = Connection::new(DomId(1));
        assert_eq!(connection.memory(), 0);
        connection.input(&mut &[0; 5][..]).unwrap();
        assert_eq!(connection.memory(), 5);
        connection.push_reply(vec![0; 20]);
        connection.push_event(b"a\0t\0", FOUR);
        assert_eq!(connection.memory(), 5 + 40);
        let watch = |given: &str| {
            let (given, path, token) = (given.into(), "/a".into(), vec![]);
            Arc::new(Watch { given, path, token, depth: None, strip: 0 })
        };
        let (short, long) = (watch("a"), watch("/a"));
        connection.add_watch(Arc::clone(&short));
        connection.add_watch(Arc::clone(&long));
        assert_eq!(connection.memory(), 45 + short.size() + long.size());
        assert!(Arc::ptr_eq(&connection.remove_watch(0), &short));
        assert_eq!(connection.memory(), 45 + long.size());
        for number in [1, 2] {
            connection.transactions.insert(number, Transaction::new(0));
        }
        assert_eq!(connection.memory(), 45 + long.size() + 2 * Transaction::new(0).bytes());
        connection.reset();
        assert_eq!(connection.memory(), 5 + 20);
    }

    #[test]
    fn wait_for_reads_starts_anew() {
        let mut connection = Connection::new(DomId(1));
        let tick = |connection: &mut Connection, seconds: u64| {
            let now = Instant::from_nanos(seconds * 1_000_000_000);
            let end = connection.tick(now, Duration::from_secs(20));
            end.map(|end| end.as_nanos() / 1_000_000_000)
        };
        connection.push_reply(vec![0; 20]);
        assert_eq!(tick(&mut connection, 0), None);
        connection.push_event(b"a\0t\0", FOUR);
        assert_eq!(tick(&mut connection, 5), Some(25));
        connection.reset();
        connection.push_event(b"a\0t\0", FOUR);
        assert_eq!(tick(&mut connection, 24), Some(44));
        connection.take_message().unwrap();
        assert_eq!((tick(&mut connection, 43), tick(&mut connection, 62)), (Some(63), Some(63)));
        assert_eq!(
            (tick(&mut connection, 63), connection.breach),
            (None, Some(Breach::Stalled { events: 1 }))
        );
        // It stays in breach, whatever it reads.
        connection.take_message().unwrap();
        assert_eq!((tick(&mut connection, 64), connection.breach.is_some()), (None, true));
    }

    #[test]
    fn breaches_say_what_was_found() {
        let stalled = Breach::Stalled { events: 8 };
        let oversized = Breach::Oversized(OversizedBody { len: 5000 });
        let texts: [(_, String); 4] = [
            (Breach::Unknown, "no such connection".into()),
            (oversized, OversizedBody { len: 5000 }.to_string()),
            (Breach::Overrun { events: 7 }, "found 7 watch events that were not read".into()),
            (stalled, "found 8 watch events that were not read in time".into()),
        ];
        for (breach, text) in texts {
            assert_eq!(breach.to_string(), text);
        }
    }

    #[test]
    fn event_beyond_limit_is_a_breach() {
        let mut connection = Connection::new(DomId(1));
        for number in 0..5u8 {
            connection.push_event(&[number, 0, b't', 0], FOUR);
        }
        assert_eq!(connection.breach, Some(Breach::Overrun { events: 4 }));
    }
}
