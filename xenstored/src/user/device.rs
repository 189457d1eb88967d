//! Behaviour of Linux's device.
//!
//! Linux keeps a request in the buffer that it came in until a thread of its own has sent it, and
//! the next one would come in over it (seen with 6.12): so a request is sent when the last one
//! has its reply. Linux refuses some requests by an error of the write, which becomes a reply as of
//! the server.

use rustix::io::Errno;
use std::vec::Vec;
use xen_store::wire::{HEADER_LEN, MessageType, ServerError, XsdSockmsg, decode, encode};

/// State of the device: a request in flight, and replies to refused requests, which are inserted
/// between two messages of the server.
#[derive(Debug, Default)]
pub(super) struct Device {
    /// A request is under way.
    busy: bool,
    refusals: Vec<u8>,
    /// The refusals have begun to be taken.
    taken: bool,
    header: [u8; HEADER_LEN],
    /// Bytes of the header of the server's message that were forwarded, and bytes of its body that
    /// were not.
    passed: usize,
    left: usize,
}

impl Device {
    /// Returns whether a request may be sent.
    pub(super) fn is_free(&self) -> bool {
        !self.busy
    }

    /// Notes that a request has gone.
    pub(super) fn sent(&mut self) {
        self.busy = true;
    }

    /// Answers a request.
    pub(super) fn refuse(&mut self, request: &XsdSockmsg, error: ServerError) {
        let name = error.name().as_bytes();
        let reply =
            XsdSockmsg { type_: MessageType::ERROR, len: name.len() as u32 + 1, ..*request };
        self.refusals.extend_from_slice(&encode(&reply));
        self.refusals.extend_from_slice(name);
        self.refusals.push(0);
    }

    /// Takes as much of the refusals as there is a place for now.
    pub(super) fn take(&mut self, into: &mut [u8]) -> usize {
        if !self.taken && self.passed > 0 {
            return 0;
        }
        let count = self.refusals.len().min(into.len());
        for (to, from) in into.iter_mut().zip(self.refusals.drain(..count)) {
            *to = from;
        }
        self.taken = !self.refusals.is_empty();
        count
    }

    /// Finds the ends of the server's messages.
    pub(super) fn pass(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.passed < HEADER_LEN {
                let count = bytes.len().min(HEADER_LEN - self.passed);
                if let (Some(to), Some(from)) = (
                    self.header.get_mut(self.passed..self.passed + count),
                    bytes.split_off(..count),
                ) {
                    to.copy_from_slice(from);
                }
                self.passed += count;
                if self.passed == HEADER_LEN {
                    // One that is too long ends the connection.
                    let header = decode(&self.header).ok();
                    self.busy &=
                        header.is_some_and(|header| header.type_ == MessageType::WATCH_EVENT);
                    self.left = header.map_or(0, |header| header.len as usize);
                }
            } else {
                let count = bytes.len().min(self.left);
                bytes = bytes.get(count..).unwrap_or_default();
                self.left -= count;
            }
            if self.passed == HEADER_LEN && self.left == 0 {
                self.passed = 0;
            }
        }
    }
}

/// Returns what the server would have said, if the kernel refused a request and not to take any.
pub(super) fn refusal(error: Option<Errno>) -> Option<ServerError> {
    Some(match error? {
        Errno::INVAL | Errno::ILSEQ => ServerError::Invalid,
        Errno::NOENT => ServerError::NotFound,
        Errno::EXIST => ServerError::Exists,
        Errno::ACCESS => ServerError::AccessDenied,
        Errno::PERM => ServerError::NotPermitted,
        Errno::NOMEM => ServerError::OutOfMemory,
        Errno::NOSPC => ServerError::NoSpace,
        Errno::TOOBIG => ServerError::TooBig,
        Errno::BUSY => ServerError::Busy,
        Errno::NOSYS => ServerError::NotImplemented,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(req_id: u32, body: &[u8]) -> Vec<u8> {
        let header =
            XsdSockmsg { type_: MessageType::READ, req_id, tx_id: 0, len: body.len() as u32 };
        [&encode(&header)[..], body].concat()
    }

    #[test]
    fn refusal_comes_between_messages() {
        let stream = [message(1, b"value"), message(2, b""), message(3, b"x")].concat();
        let ends = [0, 21, 37, 54];
        for size in [1, 5, 16, 21, 40] {
            let mut device = Device::default();
            let mut at = 0;
            for piece in stream.chunks(size) {
                device.pass(piece);
                at += piece.len();
                let request = XsdSockmsg { type_: MessageType::WATCH, req_id: 9, tx_id: 0, len: 4 };
                device.refuse(&request, ServerError::Invalid);
                let mut into = [0; 23];
                assert_eq!(
                    device.take(&mut into[..7]) > 0,
                    ends.contains(&at),
                    "at {at}, pieces of {size}"
                );
                if ends.contains(&at) {
                    while device.take(&mut into[7..]) > 0 {}
                    assert!(device.refusals.is_empty());
                }
                device.refusals.clear();
            }
        }
    }

    #[test]
    fn refusal_has_name_and_id() {
        let mut device = Device::default();
        let request = XsdSockmsg { type_: MessageType::WATCH, req_id: 9, tx_id: 4, len: 4 };
        device.refuse(&request, refusal(Some(Errno::NOSPC)).unwrap());
        let mut into = [0; 64];
        assert_eq!(device.take(&mut into), 23);
        let header = decode(into.first_chunk().unwrap()).unwrap();
        assert_eq!(header, XsdSockmsg { type_: MessageType::ERROR, req_id: 9, tx_id: 4, len: 7 });
        assert_eq!(&into[HEADER_LEN..23], b"ENOSPC\0");
        assert_eq!(
            (device.take(&mut into), refusal(Some(Errno::BADF)), refusal(None)),
            (0, None, None)
        );
    }

    #[test]
    fn requests_are_sent_one_by_one() {
        let mut device = Device::default();
        device.sent();
        let mut event = message(0, b"path\0token\0");
        event[..4].copy_from_slice(&MessageType::WATCH_EVENT.0.to_le_bytes());
        device.pass(&event);
        assert!(!device.is_free());
        let reply = message(1, b"value");
        device.pass(&reply[..HEADER_LEN - 1]);
        assert!(!device.is_free());
        device.pass(&reply[HEADER_LEN - 1..]);
        assert!(device.is_free());
    }
}
