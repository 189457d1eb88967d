//! The table of requests in flight.

use crate::wire::{HEADER_LEN, MessageType, XsdSockmsg};
use heapless::{Deque, Vec};

/// The most requests that can be in flight.
pub const MAX_REQUESTS: usize = 16;

/// Names a request that was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    pub(super) slot: usize,
    id: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Free,
    /// In the queue, or partly sent. `orphan`: nobody wants the reply.
    Sending {
        orphan: bool,
    },
    Waiting,
    Receiving,
    Replied,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    state: State,
    /// The header that was sent.
    request: XsdSockmsg,
    /// The header that came back.
    reply: XsdSockmsg,
}

#[derive(Debug)]
pub(super) struct Requests {
    slots: Vec<Slot, MAX_REQUESTS>,
    /// Slots in the order in which they are sent.
    queue: Deque<usize, MAX_REQUESTS>,
    /// How much of the queue's head is sent, header included.
    sent: usize,
}

impl Requests {
    pub(super) fn new(count: usize) -> Self {
        let empty = XsdSockmsg::default();
        let slot = Slot { state: State::Free, request: empty, reply: empty };
        let slots = core::iter::repeat_n(slot, count.min(MAX_REQUESTS)).collect();
        Self { slots, queue: Deque::new(), sent: 0 }
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

    /// Queues a request whose payload is in `slot`'s body. The slot has to be a free one.
    pub(super) fn queue(&mut self, slot: usize, request: XsdSockmsg) -> Ticket {
        // A queue as long as the table has room for each slot once.
        if let (Some(entry), Ok(())) = (self.slots.get_mut(slot), self.queue.push_back(slot)) {
            *entry = Slot { state: State::Sending { orphan: false }, request, reply: XsdSockmsg::default() };
        }
        Ticket { slot, id: request.req_id }
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
            let orphan = entry.state == State::Sending { orphan: true };
            entry.state = if orphan { State::Free } else { State::Waiting };
        }
    }

    /// Finds the slot that a reply is for; `None` if nobody waits for it.
    pub(super) fn receive(&mut self, reply: &XsdSockmsg) -> Option<usize> {
        let waiting = |slot: &Slot| slot.state == State::Waiting && slot.request.req_id == reply.req_id;
        let slot = self.slots.iter().position(waiting)?;
        let entry = self.slots.get_mut(slot)?;
        entry.state = State::Receiving;
        entry.reply = *reply;
        Some(slot)
    }

    pub(super) fn received(&mut self, slot: usize) {
        if let Some(entry) = self.slots.get_mut(slot) {
            entry.state = State::Replied;
        }
    }

    fn entry(&mut self, ticket: Ticket) -> Option<&mut Slot> {
        let entry = self.slots.get_mut(ticket.slot)?;
        (entry.state != State::Free && entry.request.req_id == ticket.id).then_some(entry)
    }

    pub(super) fn is_receiving(&mut self, ticket: Ticket) -> bool {
        self.entry(ticket).is_some_and(|entry| entry.state == State::Receiving)
    }

    /// Returns the request's type and the reply's header, once it is complete.
    pub(super) fn reply(&mut self, ticket: Ticket) -> Option<(MessageType, XsdSockmsg)> {
        let entry = self.entry(ticket)?;
        (entry.state == State::Replied).then_some((entry.request.type_, entry.reply))
    }

    /// Lets a request run on without anybody waiting for the reply.
    pub(super) fn detach(&mut self, ticket: Ticket) {
        if let Some(entry) = self.entry(ticket) {
            entry.state = match entry.state {
                State::Sending { .. } => State::Sending { orphan: true },
                _ => State::Free,
            };
        }
    }

    /// Takes a request back if nothing of it is sent yet, detaches it otherwise.
    pub(super) fn forget(&mut self, ticket: Ticket) {
        let begun = self.sent > 0 && self.queue.front() == Some(&ticket.slot);
        if let Some(entry) = self.entry(ticket).filter(|_| !begun) {
            entry.state = State::Free;
            for _ in 0..self.queue.len() {
                // Once round the queue, leaving the slot out; what was popped has room again.
                let slot = self.queue.pop_front().filter(|&slot| slot != ticket.slot);
                let _ = slot.map(|slot| self.queue.push_back(slot));
            }
        }
        self.detach(ticket);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(req_id: u32, len: u32) -> XsdSockmsg {
        XsdSockmsg { type_: MessageType::READ, req_id, tx_id: 0, len }
    }

    #[test]
    fn a_reply_before_the_request_was_sent_is_nobodys() {
        let mut requests = Requests::new(2);
        let ticket = requests.queue(0, request(7, 4));
        requests.sent(HEADER_LEN);
        assert_eq!(requests.receive(&request(7, 0)), None);
        requests.sent(4);
        assert_eq!(requests.receive(&request(8, 0)), None);
        assert_eq!(requests.receive(&request(7, 0)), Some(0));
        assert_eq!((requests.reply(ticket), requests.receive(&request(7, 0))), (None, None));
        requests.received(0);
        assert_eq!(requests.reply(ticket), Some((MessageType::READ, request(7, 0))));
    }

    #[test]
    fn a_forgotten_request_frees_its_slot_at_once_or_when_it_is_sent() {
        let mut requests = Requests::new(1);
        let ticket = requests.queue(0, request(1, 10));
        requests.sent(3);
        requests.forget(ticket);
        assert_eq!(requests.free(), None);
        requests.sent(HEADER_LEN + 10 - 3);
        assert_eq!((requests.free(), requests.sending()), (Some(0), None));
        let unsent = requests.queue(0, request(3, 0));
        requests.forget(unsent);
        assert_eq!((requests.free(), requests.sending()), (Some(0), None));
        let next = requests.queue(0, request(2, 0));
        requests.forget(ticket);
        requests.sent(HEADER_LEN);
        assert_eq!(requests.receive(&request(2, 0)), Some(0));
        requests.forget(next);
        assert_eq!(requests.free(), Some(0));
    }
}
