//! Nodes that a driver reads: their names, then their values.

use crate::error::XenbusError;
use core::fmt::{Display, Write};
use core::ops::Range;
use heapless::String;
use xen_store::wire::{MessageType, Number, ServerError, parse_number};
use xen_store::{Buffer, ErrorKind, PathText, StoreError};

/// The most bytes of a key.
const MAX_KEY: usize = 48;

/// The directory that a node is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The device's own directory at this end, in which the toolstack writes too.
    Own,
    /// The directory of the other end.
    Peer,
}

/// The value of a node: its place in the buffer, or the reason that it is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    Unread,
    Missing,
    /// A node with more bytes than the buffer has free.
    TooLong,
    /// A node that this domain may not read.
    Denied,
    At(u16, u16),
}

/// The length of a record's head: side, length of the key, kind of value, its place and length.
const HEAD: usize = 7;

/// The nodes of a step: keys grow from the start of the buffer, values from its end.
#[derive(Debug)]
pub(crate) struct KeyTable<M> {
    memory: M,
    /// The end of the records.
    keys: usize,
    /// The start of the values.
    values: usize,
    /// The first record whose node was not requested, and the first whose reply has not come.
    requested: usize,
    received: usize,
    /// A key did not fit.
    full: bool,
}

struct Record<'a> {
    side: Side,
    key: &'a [u8],
    value: Value,
    next: usize,
}

impl<'a> Record<'a> {
    /// Returns side and key.
    fn node(&self) -> Option<(Side, &'a str)> {
        Some((self.side, core::str::from_utf8(self.key).ok()?))
    }
}

impl<M: Buffer> KeyTable<M> {
    pub(crate) fn new(mut memory: M) -> Self {
        let values = memory.bytes().len().min(usize::from(u16::MAX));
        Self { memory, keys: 0, values, requested: 0, received: 0, full: false }
    }

    /// Removes all nodes.
    pub(crate) fn clear(&mut self) {
        let values = self.memory.bytes().len().min(usize::from(u16::MAX));
        (self.keys, self.values, self.requested, self.received) = (0, values, 0, 0);
        self.full = false;
    }

    /// Removes the values and keeps the keys, to read all nodes again.
    pub(crate) fn rewind(&mut self) {
        self.values = self.memory.bytes().len().min(usize::from(u16::MAX));
        (self.requested, self.received) = (0, 0);
    }

    /// Returns the bytes between keys and values.
    pub(crate) fn free(&mut self) -> &mut [u8] {
        let range = self.keys..self.values;
        self.memory.bytes().get_mut(range).unwrap_or_default()
    }

    /// Returns the next node to request, until [`advance`](Self::advance).
    pub(crate) fn next_key(&mut self) -> Option<(Side, &str)> {
        record(self.memory.bytes(), self.requested, self.keys)?.node()
    }

    /// Marks the next node as requested.
    pub(crate) fn advance(&mut self) {
        let next = record(self.memory.bytes(), self.requested, self.keys).map(|record| record.next);
        self.requested = next.unwrap_or(self.requested);
    }

    /// Returns whether each node has its value.
    pub(crate) fn is_complete(&self) -> bool {
        self.received == self.keys
    }

    /// Returns whether a key was left out because the buffer is full.
    pub(crate) fn is_full(&self) -> bool {
        self.full
    }

    /// Returns the node whose reply comes next.
    pub(crate) fn awaited(&mut self) -> Option<(Side, &str)> {
        record(self.memory.bytes(), self.received, self.keys)?.node()
    }

    /// Takes the reply to the oldest request; its bytes are at the start of the free ones.
    pub(crate) fn receive(&mut self, reply: Result<usize, ErrorKind>) -> Result<(), ErrorKind> {
        let value = match reply {
            Ok(len) => {
                let start = self.values.saturating_sub(len);
                self.memory.bytes().copy_within(self.keys..self.keys + len, start);
                self.values = start;
                Value::At(start as u16, len as u16)
            }
            Err(ErrorKind::BufferTooSmall { .. }) => Value::TooLong,
            Err(ErrorKind::Server(ServerError::NotFound)) => Value::Missing,
            Err(ErrorKind::Server(ServerError::AccessDenied)) => Value::Denied,
            Err(reason) => return Err(reason),
        };
        let (kind, at, len) = match value {
            Value::Unread => (0, 0, 0),
            Value::Missing => (1, 0, 0),
            Value::TooLong => (2, 0, 0),
            Value::Denied => (3, 0, 0),
            Value::At(at, len) => (4, at, len),
        };
        let at_record = self.received;
        let Some(next) = record(self.memory.bytes(), at_record, self.keys).map(|r| r.next) else {
            return Ok(());
        };
        let [a0, a1] = u16::to_ne_bytes(at);
        let [l0, l1] = u16::to_ne_bytes(len);
        if let Some(head) = self.memory.bytes().get_mut(at_record + 2..at_record + HEAD) {
            head.copy_from_slice(&[kind, a0, a1, l0, l1]);
        }
        self.received = next;
        Ok(())
    }

    /// Runs `add` with the list of keys and returns whether it added one.
    pub(crate) fn extend(
        &mut self,
        own: &str,
        peer: &str,
        add: impl FnOnce(&mut KeyList<'_>),
    ) -> bool {
        let before = self.keys;
        let bytes = self.memory.bytes();
        let mut list =
            KeyList { bytes, keys: self.keys, values: self.values, own, peer, full: false };
        add(&mut list);
        let (keys, full) = (list.keys, list.full);
        self.keys = keys;
        self.full |= full;
        self.keys != before
    }

    /// Returns the values.
    pub(crate) fn values<'a>(&'a mut self, own: &'a str, peer: &'a str) -> KeyValues<'a> {
        KeyValues { bytes: self.memory.bytes(), keys: self.keys, own, peer }
    }
}

fn record(bytes: &[u8], at: usize, end: usize) -> Option<Record<'_>> {
    if at >= end {
        return None;
    }
    let &[side, key_len, kind, a0, a1, l0, l1] = bytes.get(at..at + HEAD)? else { return None };
    let next = at + HEAD + usize::from(key_len);
    let key = bytes.get(at + HEAD..next)?;
    let value = match kind {
        0 => Value::Unread,
        1 => Value::Missing,
        2 => Value::TooLong,
        3 => Value::Denied,
        _ => Value::At(u16::from_ne_bytes([a0, a1]), u16::from_ne_bytes([l0, l1])),
    };
    Some(Record { side: if side == 0 { Side::Own } else { Side::Peer }, key, value, next })
}

fn find<'a>(bytes: &'a [u8], end: usize, side: Side, key: &[u8]) -> Option<Record<'a>> {
    let mut at = 0;
    loop {
        let found = record(bytes, at, end)?;
        if found.side == side && found.key == key {
            return Some(found);
        }
        at = found.next;
    }
}

/// The keys of the nodes that a driver requests; each key once.
#[derive(Debug)]
pub struct KeyList<'a> {
    bytes: &'a mut [u8],
    keys: usize,
    values: usize,
    own: &'a str,
    peer: &'a str,
    full: bool,
}

impl KeyList<'_> {
    /// Adds a node of the device's own directory.
    pub fn own(&mut self, key: impl Display) {
        self.add(Side::Own, &key);
    }

    /// Adds a node of the other end's directory.
    pub fn peer(&mut self, key: impl Display) {
        self.add(Side::Peer, &key);
    }

    /// Adds nodes of the other end's directory.
    pub fn peers(&mut self, keys: &[&str]) {
        keys.iter().for_each(|key| self.peer(key));
    }

    /// Returns the values that are known so far, those of a step before.
    pub fn known(&self) -> KeyValues<'_> {
        KeyValues { bytes: self.bytes, keys: self.keys, own: self.own, peer: self.peer }
    }

    fn add(&mut self, side: Side, key: &dyn Display) {
        let mut text = String::<MAX_KEY>::new();
        if write!(text, "{key}").is_err() {
            self.full = true;
            return;
        }
        let key = text.as_bytes();
        if find(self.bytes, self.keys, side, key).is_some() {
            return;
        }
        let next = self.keys + HEAD + key.len();
        let room = self.bytes.get_mut(self.keys..next).filter(|_| next <= self.values);
        match room.and_then(|room| room.split_first_chunk_mut()) {
            Some((head, room)) => {
                *head = [u8::from(side == Side::Peer), key.len() as u8, 0, 0, 0, 0, 0];
                room.copy_from_slice(key);
                self.keys = next;
            }
            None => self.full = true,
        }
    }
}

/// The values of the nodes that a driver requested, each read at one point in time.
///
/// The other end wrote the values: each is checked before it is used. Errors name the node.
#[derive(Clone, Copy, Debug)]
pub struct KeyValues<'a> {
    bytes: &'a [u8],
    keys: usize,
    own: &'a str,
    peer: &'a str,
}

impl<'a> KeyValues<'a> {
    /// No nodes.
    pub(crate) const EMPTY: Self = Self { bytes: &[], keys: 0, own: "", peer: "" };

    /// Returns the value of a node of the other end, as text; `None` if there is no such node, or
    /// it was not read.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TooLong`], [`ErrorKind::NotText`].
    pub fn string(&self, key: impl Display) -> Result<Option<&'a str>, XenbusError> {
        self.text(Side::Peer, &key)
    }

    /// Returns the value of a node of the device's own directory, as
    /// [`string`](Self::string) does.
    ///
    /// # Errors
    ///
    /// Those of [`string`](Self::string).
    pub fn own_string(&self, key: impl Display) -> Result<Option<&'a str>, XenbusError> {
        self.text(Side::Own, &key)
    }

    /// Returns the value of a node of the other end, as a decimal number.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Server`] with `ENOENT` if there is no such node, [`ErrorKind::Number`],
    /// [`ErrorKind::TooLong`].
    pub fn number<N: Number>(&self, key: impl Display) -> Result<N, XenbusError> {
        self.optional_number(&key)?.ok_or_else(|| self.missing(Side::Peer, &key))
    }

    /// Returns the value of a node of the other end, as a decimal number, `default` if there is no
    /// such node: a feature that the other end does not have.
    ///
    /// # Errors
    ///
    /// Those of [`number`](Self::number), but for a missing node.
    pub fn number_or<N: Number>(&self, key: impl Display, default: N) -> Result<N, XenbusError> {
        Ok(self.optional_number(key)?.unwrap_or(default))
    }

    /// Returns the value of a node of the other end, as a decimal number; `None` if there is no
    /// such node.
    ///
    /// # Errors
    ///
    /// Those of [`number`](Self::number), but for a missing node.
    pub fn optional_number<N: Number>(&self, key: impl Display) -> Result<Option<N>, XenbusError> {
        self.parse(Side::Peer, &key)
    }

    /// Returns the value of a node of the device's own directory, as a decimal number; `None` if
    /// there is no such node.
    ///
    /// # Errors
    ///
    /// Those of [`number`](Self::number), but for a missing node.
    pub fn own_number<N: Number>(&self, key: impl Display) -> Result<Option<N>, XenbusError> {
        self.parse(Side::Own, &key)
    }

    fn parse<N: Number>(&self, side: Side, key: &dyn Display) -> Result<Option<N>, XenbusError> {
        let bytes = self.bytes(side, key)?;
        bytes
            .map(|bytes| {
                parse_number(bytes).map_err(|error| self.error(side, key, ErrorKind::Number(error)))
            })
            .transpose()
    }

    fn text(&self, side: Side, key: &dyn Display) -> Result<Option<&'a str>, XenbusError> {
        let bytes = self.bytes(side, key)?;
        let text = bytes.map(|bytes| core::str::from_utf8(bytes));
        text.transpose().map_err(|_| self.error(side, key, ErrorKind::NotText))
    }

    fn bytes(&self, side: Side, key: &dyn Display) -> Result<Option<&'a [u8]>, XenbusError> {
        let mut text = String::<MAX_KEY>::new();
        let named = write!(text, "{key}").is_ok();
        let found = find(self.bytes, self.keys, side, text.as_bytes()).filter(|_| named);
        match found.map(|record| record.value) {
            None | Some(Value::Unread | Value::Missing) => Ok(None),
            Some(Value::TooLong) => {
                Err(self.error(side, key, ErrorKind::TooLong { limit: self.bytes.len() }))
            }
            Some(Value::Denied) => {
                Err(self.error(side, key, ErrorKind::Server(ServerError::AccessDenied)))
            }
            Some(Value::At(at, len)) => {
                let range: Range<usize> = usize::from(at)..usize::from(at) + usize::from(len);
                Ok(Some(self.bytes.get(range).unwrap_or_default()))
            }
        }
    }

    fn missing(&self, side: Side, key: &dyn Display) -> XenbusError {
        self.error(side, key, ErrorKind::Server(ServerError::NotFound))
    }

    fn error(&self, side: Side, key: &dyn Display, reason: ErrorKind) -> XenbusError {
        let directory = if side == Side::Own { self.own } else { self.peer };
        XenbusError::Store(StoreError {
            operation: MessageType::READ,
            path: PathText::new(&format_args!("{directory}/{key}")),
            kind: reason,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    /// Returns the keys that are still to be requested, and marks them as requested.
    fn requests(table: &mut KeyTable<&mut [u8]>) -> Vec<String<MAX_KEY>> {
        let mut keys = Vec::new();
        while let Some((_, key)) = table.next_key() {
            keys.push(String::try_from(key).unwrap());
            table.advance();
        }
        keys
    }

    #[test]
    fn rewound_table_reads_all_again() {
        let mut bytes = [0; 64];
        let mut table = KeyTable::new(&mut bytes[..]);
        table.extend("own", "peer", |keys| keys.peers(&["sectors", "info"]));
        let free = table.free().len();
        assert_eq!(requests(&mut table), ["sectors", "info"]);
        table.free()[..2].copy_from_slice(b"16");
        table.receive(Ok(2)).unwrap();
        assert_eq!((table.free().len(), table.awaited()), (free - 2, Some((Side::Peer, "info"))));
        table.rewind();
        assert_eq!((table.free().len(), table.awaited()), (free, Some((Side::Peer, "sectors"))));
        assert_eq!(requests(&mut table), ["sectors", "info"]);
        table.free()[..3].copy_from_slice(b"256");
        table.receive(Ok(3)).unwrap();
        table.receive(Err(ServerError::NotFound.into())).unwrap();
        assert!(table.is_complete());
        let values = table.values("own", "peer");
        assert_eq!((values.number("sectors"), values.string("info")), (Ok(256), Ok(None)));
    }

    #[test]
    fn key_without_room_makes_table_full() {
        let longest = "k".repeat(MAX_KEY);
        let overlong = "k".repeat(MAX_KEY + 1);
        for (len, key, full) in [
            (HEAD + MAX_KEY, &longest, false),
            (HEAD + MAX_KEY - 1, &longest, true),
            (200, &overlong, true),
        ] {
            let mut bytes = [0; 200];
            let mut table = KeyTable::new(&mut bytes[..len]);
            assert_eq!(table.extend("own", "peer", |keys| keys.own(key)), !full, "{len}");
            assert_eq!(table.is_full(), full, "{len}");
            // A later step that adds keys with room does not hide it.
            table.extend("own", "peer", |_| {});
            assert_eq!(table.is_full(), full, "{len}");
            table.clear();
            assert!(!table.is_full());
        }
    }

    #[test]
    fn each_reply_has_its_meaning() {
        let mut bytes = [0; 200];
        let mut table = KeyTable::new(&mut bytes[..]);
        table.extend("own", "peer", |keys| {
            keys.peers(&["long", "denied", "missing", "mode"]);
            keys.own("mode");
            keys.own("mode");
        });
        assert_eq!(requests(&mut table).len(), 5, "a key is requested once for each side");
        table.receive(Err(ErrorKind::BufferTooSmall { needed: 300 })).unwrap();
        table.receive(Err(ServerError::AccessDenied.into())).unwrap();
        table.receive(Err(ServerError::NotFound.into())).unwrap();
        for value in [b"r", b"w"] {
            table.free()[..1].copy_from_slice(value);
            table.receive(Ok(1)).unwrap();
        }
        assert!(table.is_complete());
        let values = table.values("own", "peer");
        let error = |key| values.string(key).unwrap_err();
        assert_eq!(
            error("long"),
            values.error(Side::Peer, &"long", ErrorKind::TooLong { limit: 200 })
        );
        let denied = ServerError::AccessDenied.into();
        assert_eq!(error("denied"), values.error(Side::Peer, &"denied", denied));
        assert_eq!(values.string("missing"), Ok(None));
        let long = "x".repeat(MAX_KEY);
        assert_eq!(values.string(format_args!("{}{long}", "mode")), Ok(None));
        assert_eq!(
            (values.string("mode"), values.own_string("mode")),
            (Ok(Some("r")), Ok(Some("w")))
        );
        for (found, path) in [
            (values.number::<u32>("mode").unwrap_err(), "read peer/mode: "),
            (values.own_number::<u32>("mode").unwrap_err(), "read own/mode: "),
        ] {
            assert!(std::string::ToString::to_string(&found).starts_with(path), "{found}");
        }
        assert_eq!(table.receive(Err(ErrorKind::Busy)), Err(ErrorKind::Busy));
    }

    #[test]
    fn late_key_does_not_overwrite_values() {
        let mut bytes = [0; HEAD + 24];
        let mut table = KeyTable::new(&mut bytes[..]);
        table.extend("own", "peer", |keys| keys.own("a"));
        table.free()[..16].copy_from_slice(b"0123456789abcdef");
        table.receive(Ok(16)).unwrap();
        assert!(!table.extend("own", "peer", |keys| keys.own("b")));
        assert!(table.is_full());
        assert_eq!(table.values("own", "peer").own_string("a"), Ok(Some("0123456789abcdef")));
    }
}
