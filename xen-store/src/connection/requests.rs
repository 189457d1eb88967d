//! The table of requests in flight.

use crate::wire::{HEADER_LEN, MessageType, XsdSockmsg};
use heapless::{Deque, Vec};

/// The most requests that can be in flight.
pub const MAX_REQUESTS: usize = 16;

/// Id of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId {
    slot: u8,
    id: u32,
}

impl RequestId {
    pub(super) fn slot(self) -> usize {
        usize::from(self.slot)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Free,
    /// Taken; the payload is being written.
    Reserved,
    /// In the queue, or partly sent.
    Sending,
    Waiting,
    Receiving,
    Replied,
    /// The connection was reset before the reply came. `sent`: of the request, something was
    /// sent.
    Interrupted {
        sent: bool,
    },
}

/// Receiver of the reply to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// The owner of the id.
    Caller,
    /// No receiver.
    None,
    /// No receiver any more, but a transaction that the request begins must be ended.
    Orphan,
    /// The connection itself, which sets the watch with this token again.
    Watch(u32),
}

/// A complete reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// Reply for the owner of the id, which polls for it.
    Caller,
    /// Reply about a watch that was set again. The slot is free.
    Watch(u32, XsdSockmsg),
    /// Reply to a request without an owner. The slot is free.
    Orphan(XsdSockmsg),
}

/// Reply to an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// A message with this header, to a request of type `asked`.
    Reply { asked: MessageType, header: XsdSockmsg },
    /// None will come: the connection was reset.
    Interrupted { sent: bool },
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    state: State,
    owner: Owner,
    /// The header that was sent.
    request: XsdSockmsg,
    /// The header that came back.
    reply: XsdSockmsg,
}

#[derive(Debug)]
pub(super) struct Requests {
    slots: Vec<Slot, MAX_REQUESTS>,
    /// Slots in the order of sending.
    queue: Deque<usize, MAX_REQUESTS>,
    /// Bytes of the queue's head that are sent, header included.
    sent: usize,
    /// A watch or a transaction was requested: the server may keep something for this connection.
    kept: bool,
}

impl Requests {
    pub(super) fn new(count: usize) -> Self {
        let empty = XsdSockmsg::default();
        let slot = Slot { state: State::Free, owner: Owner::None, request: empty, reply: empty };
        let slots = core::iter::repeat_n(slot, count.min(MAX_REQUESTS)).collect();
        Self { slots, queue: Deque::new(), sent: 0, kept: false }
    }

    pub(super) fn count(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn free(&self) -> Option<usize> {
        self.slots.iter().position(|slot| slot.state == State::Free)
    }

    pub(super) fn free_count(&self) -> usize {
        self.slots.iter().filter(|slot| slot.state == State::Free).count()
    }

    /// Returns whether no reply is outstanding.
    pub(super) fn is_idle(&self) -> bool {
        self.slots
            .iter()
            .all(|slot| !matches!(slot.state, State::Sending | State::Waiting | State::Receiving))
    }

    /// Queues a request whose payload is in `slot`'s body. The slot has to be a free one.
    pub(super) fn queue(&mut self, slot: usize, owner: Owner, request: XsdSockmsg) -> RequestId {
        self.kept |= matches!(request.type_, MessageType::WATCH | MessageType::TRANSACTION_START);
        // A queue as long as the table has room for each slot once.
        if let (Some(entry), Ok(())) = (self.slots.get_mut(slot), self.queue.push_back(slot)) {
            *entry = Slot { state: State::Sending, owner, request, reply: XsdSockmsg::default() };
        }
        RequestId { slot: slot as u8, id: request.req_id }
    }

    /// Takes a free slot for a request that is not queued yet; its payload is empty so far.
    pub(super) fn reserve(&mut self, slot: usize, request: XsdSockmsg) -> RequestId {
        if let Some(entry) = self.slots.get_mut(slot) {
            let state = State::Reserved;
            *entry = Slot { state, owner: Owner::Caller, request, reply: XsdSockmsg::default() };
        }
        RequestId { slot: slot as u8, id: request.req_id }
    }

    /// Returns the header of a request that is not queued yet.
    pub(super) fn reserved(&mut self, id: RequestId) -> Option<&mut XsdSockmsg> {
        let entry = self.entry(id).filter(|entry| entry.state == State::Reserved)?;
        Some(&mut entry.request)
    }

    /// Queues a request whose slot was reserved.
    pub(super) fn submit(&mut self, id: RequestId) {
        if let Some(&mut request) = self.reserved(id) {
            self.queue(id.slot(), Owner::Caller, request);
        }
    }

    /// Returns slot and header of the request to send from, and how much of it is sent.
    pub(super) fn sending(&self) -> Option<(usize, XsdSockmsg, usize)> {
        let &slot = self.queue.front()?;
        self.slots.get(slot).map(|entry| (slot, entry.request, self.sent))
    }

    /// Counts bytes as sent; of the last one, the reply may follow.
    pub(super) fn sent(&mut self, count: usize) {
        self.sent += count;
        let Some((slot, request, sent)) = self.sending() else { return };
        if sent < HEADER_LEN + request.len as usize {
            return;
        }
        self.queue.pop_front();
        self.sent = 0;
        if let Some(entry) = self.slots.get_mut(slot) {
            entry.state = if entry.owner == Owner::None { State::Free } else { State::Waiting };
        }
    }

    /// Finds the slot that a reply is for; `None` if no request waits for it.
    pub(super) fn receive(&mut self, reply: &XsdSockmsg) -> Option<usize> {
        let waiting =
            |slot: &Slot| slot.state == State::Waiting && slot.request.req_id == reply.req_id;
        let slot = self.slots.iter().position(waiting)?;
        let entry = self.slots.get_mut(slot)?;
        entry.state = State::Receiving;
        entry.reply = *reply;
        Some(slot)
    }

    /// Counts a reply as complete.
    pub(super) fn received(&mut self, slot: usize) -> Option<Received> {
        let entry = self.slots.get_mut(slot)?;
        let (state, received) = match entry.owner {
            Owner::Caller | Owner::None => (State::Replied, Received::Caller),
            Owner::Watch(watch) => (State::Free, Received::Watch(watch, entry.reply)),
            Owner::Orphan => (State::Free, Received::Orphan(entry.reply)),
        };
        entry.state = state;
        Some(received)
    }

    fn entry(&mut self, id: RequestId) -> Option<&mut Slot> {
        let entry = self.slots.get_mut(id.slot())?;
        (entry.state != State::Free && entry.request.req_id == id.id).then_some(entry)
    }

    pub(super) fn is_receiving(&self, slot: usize) -> bool {
        self.slots.get(slot).is_some_and(|entry| entry.state == State::Receiving)
    }

    /// Returns the answer to a request, once it is complete.
    pub(super) fn answer(&mut self, id: RequestId) -> Option<Answer> {
        let entry = self.entry(id)?;
        match entry.state {
            State::Replied => {
                Some(Answer::Reply { asked: entry.request.type_, header: entry.reply })
            }
            State::Interrupted { sent } => Some(Answer::Interrupted { sent }),
            _ => None,
        }
    }

    /// Detaches a request from its owner: it is sent, and its reply is dropped.
    pub(super) fn detach(&mut self, id: RequestId) {
        if let Some(entry) = self.entry(id) {
            let pending = matches!(entry.state, State::Sending | State::Waiting | State::Receiving);
            let begins = entry.request.type_ == MessageType::TRANSACTION_START;
            entry.owner = if pending && begins { Owner::Orphan } else { Owner::None };
            if entry.owner == Owner::None && entry.state != State::Sending {
                entry.state = State::Free;
            }
        }
    }

    /// Takes a request back if nothing of it is sent yet, detaches it otherwise.
    pub(super) fn forget(&mut self, id: RequestId) {
        let begun = self.sent > 0 && self.queue.front() == Some(&id.slot());
        if let Some(entry) = self.entry(id).filter(|entry| entry.state == State::Sending && !begun)
        {
            entry.state = State::Free;
            for _ in 0..self.queue.len() {
                // Once round the queue, leaving the slot out; what was popped has room again.
                let slot = self.queue.pop_front().filter(|&slot| slot != id.slot());
                let _ = slot.map(|slot| self.queue.push_back(slot));
            }
        }
        self.detach(id);
    }

    /// Prepares for a new connection. Repeatable requests will be sent again; the
    /// owners of the rest receive an interruption. Returns whether the server may keep
    /// watches or transactions of the last connection.
    pub(super) fn restart(&mut self) -> bool {
        let begun = if self.sent > 0 { self.queue.front().copied() } else { None };
        let queued = core::mem::take(&mut self.queue);
        self.sent = 0;
        for (slot, entry) in self.slots.iter_mut().enumerate() {
            let sent = match entry.state {
                State::Sending => begun == Some(slot),
                State::Waiting | State::Receiving => true,
                // The transaction is over before its owner has the reply.
                State::Replied if entry.request.type_ == MessageType::TRANSACTION_START => {
                    entry.state = State::Interrupted { sent: false };
                    continue;
                }
                State::Free | State::Reserved | State::Replied | State::Interrupted { .. } => {
                    continue;
                }
            };
            let again = entry.request.tx_id == 0 && (!sent || is_repeatable(entry.request.type_));
            entry.state = match entry.owner {
                // The watches in use will be set again; the server has no others.
                Owner::None | Owner::Orphan | Owner::Watch(_) => State::Free,
                // What began to come is where the request was.
                Owner::Caller if again && entry.state != State::Receiving => State::Sending,
                Owner::Caller => State::Interrupted { sent },
            };
        }
        // In the old order, what was sent first; each slot once, so there is room.
        let waiting = (0..self.slots.len()).filter(|slot| queued.iter().all(|other| other != slot));
        for slot in waiting.chain(queued.iter().copied()) {
            if self.slots.get(slot).is_some_and(|entry| entry.state == State::Sending) {
                let _ = self.queue.push_back(slot);
            }
        }
        core::mem::take(&mut self.kept)
    }
}

/// Returns whether a request is repeatable: it changes only the state of the connection itself.
fn is_repeatable(operation: MessageType) -> bool {
    use MessageType as M;
    matches!(
        operation,
        M::READ
            | M::DIRECTORY
            | M::DIRECTORY_PART
            | M::GET_PERMS
            | M::GET_DOMAIN_PATH
            | M::IS_DOMAIN_INTRODUCED
            | M::GET_FEATURE
            | M::GET_QUOTA
            | M::WATCH
            | M::TRANSACTION_START
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(req_id: u32, len: u32) -> XsdSockmsg {
        XsdSockmsg { type_: MessageType::READ, req_id, tx_id: 0, len }
    }

    /// Sends the queued requests, which have no payload, and returns their slots in order.
    fn send_all(requests: &mut Requests) -> std::vec::Vec<usize> {
        let mut order = std::vec![];
        while let Some((slot, ..)) = requests.sending() {
            order.push(slot);
            requests.sent(HEADER_LEN);
        }
        order
    }

    #[test]
    fn early_reply_is_dropped() {
        let mut requests = Requests::new(2);
        let id = requests.queue(0, Owner::Caller, request(7, 4));
        requests.sent(HEADER_LEN);
        assert_eq!(requests.receive(&request(7, 0)), None);
        requests.sent(4);
        assert_eq!(requests.receive(&request(8, 0)), None);
        assert_eq!(requests.receive(&request(7, 0)), Some(0));
        assert_eq!((requests.answer(id), requests.receive(&request(7, 0))), (None, None));
        requests.received(0);
        assert_eq!(
            requests.answer(id),
            Some(Answer::Reply { asked: MessageType::READ, header: request(7, 0) })
        );
    }

    #[test]
    fn forgotten_request_frees_its_slot() {
        let mut requests = Requests::new(1);
        let id = requests.queue(0, Owner::Caller, request(1, 10));
        requests.sent(3);
        requests.forget(id);
        assert_eq!(requests.free(), None);
        requests.sent(HEADER_LEN + 10 - 3);
        assert_eq!((requests.free(), requests.sending()), (Some(0), None));
        let unsent = requests.queue(0, Owner::Caller, request(3, 0));
        requests.forget(unsent);
        assert_eq!((requests.free(), requests.sending()), (Some(0), None));
        let next = requests.queue(0, Owner::Caller, request(2, 0));
        requests.forget(id);
        requests.sent(HEADER_LEN);
        assert_eq!(requests.receive(&request(2, 0)), Some(0));
        requests.forget(next);
        assert_eq!(requests.free(), Some(0));
    }

    #[test]
    fn restart_repeats_reads_only() {
        let mut requests = Requests::new(5);
        let write = XsdSockmsg { type_: MessageType::WRITE, ..request(2, 0) };
        let inside = XsdSockmsg { tx_id: 9, ..request(3, 0) };
        let read = requests.queue(0, Owner::Caller, request(1, 0));
        let changed = requests.queue(1, Owner::Caller, write);
        let inside = requests.queue(2, Owner::Caller, inside);
        requests.sent(HEADER_LEN);
        requests.sent(HEADER_LEN);
        requests.queue(3, Owner::Watch(0), request(4, 0));
        let later = requests.queue(4, Owner::Caller, XsdSockmsg { req_id: 5, ..write });
        requests.restart();
        assert_eq!(requests.answer(changed), Some(Answer::Interrupted { sent: true }));
        assert_eq!(requests.answer(inside), Some(Answer::Interrupted { sent: false }));
        assert_eq!((requests.answer(read), requests.answer(later)), (None, None));
        assert_eq!(requests.free(), Some(3));
        assert_eq!(send_all(&mut requests), [0, 4]);
    }

    #[test]
    fn half_sent_write_is_interrupted() {
        for (sent, answer) in [(0, None), (1, Some(Answer::Interrupted { sent: true }))] {
            let mut requests = Requests::new(1);
            let write = XsdSockmsg { type_: MessageType::WRITE, ..request(1, 0) };
            let id = requests.queue(0, Owner::Caller, write);
            requests.sent(sent);
            requests.restart();
            assert_eq!(requests.answer(id), answer);
            assert_eq!(send_all(&mut requests).len(), 1 - sent, "{sent} bytes were sent");
        }
    }

    #[test]
    fn begun_transaction_is_over_after_restart() {
        let mut requests = Requests::new(2);
        let begin = XsdSockmsg { type_: MessageType::TRANSACTION_START, ..request(1, 0) };
        let begun = requests.queue(0, Owner::Caller, begin);
        let read = requests.queue(1, Owner::Caller, request(2, 0));
        send_all(&mut requests);
        for (slot, req_id) in [(0, 1), (1, 2)] {
            assert_eq!(requests.receive(&request(req_id, 0)), Some(slot));
            requests.received(slot);
        }
        requests.restart();
        assert_eq!(requests.answer(begun), Some(Answer::Interrupted { sent: false }));
        let reply = Answer::Reply { asked: MessageType::READ, header: request(2, 0) };
        assert_eq!(requests.answer(read), Some(reply));
    }

    #[test]
    fn forgotten_request_leaves_others_queued() {
        let mut requests = Requests::new(4);
        let ids =
            [0, 1, 2].map(|slot| requests.queue(slot, Owner::Caller, request(slot as u32, 0)));
        requests.forget(ids[1]);
        assert_eq!((requests.free(), send_all(&mut requests)), (Some(1), std::vec![0, 2]));
    }
}
