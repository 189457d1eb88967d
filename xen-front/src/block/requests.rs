//! The requests of a disk, from submission to completion.

use super::buffer::RequestBuffer;
use super::request::Command;
use super::ring::{RequestRing, Response};
use super::slots::Slots;
use super::{Completion, IoError, ProtocolError, SECTORS_PER_PAGE, Token};
use crate::IoMemory;
use xen_hypercall::{OutOfMemory, Platform, StableSharedMem};
use xen_sys::io::blkif::{BlkifOp, BlkifStatus};

/// A request that the backend can carry out.
#[derive(Debug)]
pub(super) struct InFlight<P: Platform, B: IoMemory<Platform = P>> {
    /// The number of its first part on the ring, and above [`NUMBER_BITS`] the number of further
    /// parts, which follow it.
    pub(super) number: u64,
    pub(super) buffer: RequestBuffer<P, B>,
}

/// The bits of the number of a request on the ring.
const NUMBER_BITS: u32 = 56;

impl<P: Platform, B: IoMemory<Platform = P>> InFlight<P, B> {
    /// Returns a request with the number of its first part, and the number of its parts.
    #[inline]
    pub(super) fn new(first: u64, parts: usize, buffer: RequestBuffer<P, B>) -> Self {
        Self { number: first | (parts as u64 - 1) << NUMBER_BITS, buffer }
    }

    /// Returns the parts without a response, as bits: all of them.
    #[inline]
    fn unanswered(&self) -> u8 {
        (2 << (self.number >> NUMBER_BITS)) as u8 - 1
    }

    /// Returns the bit of the part with a number on the ring; 0 if it has none.
    #[inline]
    fn bit_of(&self, number: u64) -> u8 {
        let part = number.wrapping_sub(self.number & ((1 << NUMBER_BITS) - 1));
        if part < u64::from(u8::BITS) { 1 << part } else { 0 }
    }
}

#[derive(Debug)]
enum RequestState<P: Platform, B: IoMemory<Platform = P>> {
    InFlight(InFlight<P, B>),
    /// Left by an earlier connection, to be issued again.
    Requeued(Option<B>),
    /// Completed; the caller has not taken the completion.
    Completed(Result<(), IoError>, Option<B>),
    /// Carried out by another queue, which has the buffer.
    Lent,
}

/// A request that moves between the tables of two queues.
#[derive(Debug)]
pub(super) struct Moved<B> {
    pub(super) token: Token,
    command: Command,
    cancelled: bool,
    /// The outcome of a completed request; `None` for one that is to be issued.
    outcome: Option<Result<(), IoError>>,
    buffer: Option<B>,
}

impl<B> Moved<B> {
    /// Returns a completed request.
    pub(super) fn completed(completion: Completion<B>) -> Self {
        let Completion { token, outcome, buffer } = completion;
        // It is not issued again.
        let command = Command::new(BlkifOp::READ, 0, 0);
        Self { token, command, cancelled: false, outcome: Some(outcome), buffer }
    }
}

#[derive(Debug)]
struct Entry<P: Platform, B: IoMemory<Platform = P>> {
    token: Token,
    command: Command,
    /// The caller has cancelled it: it is not issued again.
    cancelled: bool,
    /// The parts in flight without a response, as bits.
    unanswered: u8,
    /// The first status of a part other than success.
    status: BlkifStatus,
    state: RequestState<P, B>,
}

/// A request that has a response, or gets none.
pub(super) struct Ended<P: Platform, B: IoMemory<Platform = P>> {
    pub(super) token: Token,
    pub(super) command: Command,
    /// The caller has cancelled it: it is not issued again.
    pub(super) cancelled: bool,
    /// The status of a request with all responses.
    pub(super) status: BlkifStatus,
    pub(super) buffer: RequestBuffer<P, B>,
}

/// The requests that the caller has submitted and whose completion was not taken.
///
/// A request keeps its slot from submission to completion, whatever connections it is issued on.
#[derive(Debug)]
pub(super) struct Requests<P: Platform, B: IoMemory<Platform = P>> {
    slots: Slots<P, Entry<P, B>>,
    requeued: usize,
    completed: usize,
    lent: usize,
}

impl<P: Platform, B: IoMemory<Platform = P>> Requests<P, B> {
    /// Allocates the table of at most `depth` requests.
    pub(super) fn alloc(platform: P, depth: u16) -> Result<Self, OutOfMemory> {
        Ok(Self { slots: Slots::alloc(platform, depth)?, requeued: 0, completed: 0, lent: 0 })
    }

    /// Returns the number of requests that the caller has not got back.
    pub(super) fn count(&self) -> usize {
        self.slots.used()
    }

    /// Returns the number of requests that the backend can still carry out.
    pub(super) fn in_flight(&self) -> usize {
        self.count() - self.requeued - self.completed - self.lent
    }

    /// Returns whether another queue carries out requests of this one.
    pub(super) fn has_lent(&self) -> bool {
        self.lent != 0
    }

    /// Returns the number of requests that fit.
    pub(super) fn free(&self) -> usize {
        self.slots.free()
    }

    /// Returns the number of pages that the data of the largest request fills; 0 without requests.
    pub(super) fn most_pages(&self) -> usize {
        let data = self.slots.iter().map(|(_, entry)| entry.command);
        let transfers = data.filter(|command| command.operation != BlkifOp::DISCARD);
        let sectors = transfers.map(|command| command.sectors as usize).max();
        sectors.unwrap_or(0).div_ceil(SECTORS_PER_PAGE)
    }

    /// Returns whether requests are to be issued again.
    pub(super) fn has_requeued(&self) -> bool {
        self.requeued != 0
    }

    /// Returns the slot of the next request that is [added](Self::add).
    pub(super) fn next_free(&self) -> Option<u16> {
        self.slots.next_free()
    }

    /// Adds a request that was pushed to the ring with the slot [`next_free`](Self::next_free).
    #[inline(always)]
    pub(super) fn add(&mut self, token: Token, command: Command, in_flight: InFlight<P, B>) {
        let (unanswered, status) = (in_flight.unanswered(), BlkifStatus::OKAY);
        let state = RequestState::InFlight(in_flight);
        let entry = Entry { token, command, cancelled: false, unanswered, status, state };
        let added = self.slots.insert(entry);
        debug_assert!(added.is_ok(), "a request without a slot");
    }

    /// Removes the next request whose parts all have a response. After `None` the backend notifies
    /// of the next response.
    #[inline(always)]
    pub(super) fn next_response<M: StableSharedMem>(
        &mut self,
        ring: &mut RequestRing<M>,
    ) -> Result<Option<Ended<P, B>>, ProtocolError> {
        loop {
            let Some(response) = ring.pop()? else { return Ok(None) };
            match self.answer(&response).map_err(|broken| ring.mark_broken(broken)) {
                Ok(true) => return Ok(self.end(response.slot)),
                Ok(false) => {}
                Err(broken) => return Err(broken),
            }
        }
    }

    /// Checks that a response answers a part of a request in flight. Returns whether this is the
    /// last part.
    #[inline]
    fn answer(&mut self, response: &Response) -> Result<bool, ProtocolError> {
        let unknown = ProtocolError::UnknownId { id: response.id };
        let entry = self.slots.get_mut(response.slot).ok_or(unknown)?;
        let RequestState::InFlight(in_flight) = &entry.state else { return Err(unknown) };
        let bit = in_flight.bit_of(response.number);
        if entry.unanswered & bit == 0 {
            return Err(unknown);
        }
        let (found, expected) = (response.operation, entry.command.operation);
        if found != expected {
            return Err(ProtocolError::WrongOperation { found, expected });
        }
        entry.unanswered &= !bit;
        if entry.status == BlkifStatus::OKAY {
            entry.status = response.status;
        }
        Ok(entry.unanswered == 0)
    }

    /// Removes a request. The backend still has access to the buffer.
    #[inline(always)]
    fn end(&mut self, slot: u16) -> Option<Ended<P, B>> {
        let Entry { token, command, cancelled, status, state, .. } = self.slots.remove(slot)?;
        let buffer = match state {
            RequestState::InFlight(InFlight { buffer, .. }) => buffer,
            RequestState::Requeued(buffer) | RequestState::Completed(_, buffer) => {
                RequestBuffer::unused(buffer)
            }
            RequestState::Lent => RequestBuffer::unused(None),
        };
        Some(Ended { token, command, cancelled, status, buffer })
    }

    /// Removes the first request in flight. The ring must not be used any more.
    pub(super) fn end_next(&mut self) -> Option<Ended<P, B>> {
        if self.in_flight() == 0 {
            return None;
        }
        let slot = self.first(|state| matches!(state, RequestState::InFlight(_)))?;
        self.end(slot)
    }

    /// Returns the slot of the first submitted request whose state fits.
    ///
    /// Called only for connections that have ended: it passes over the whole table.
    fn first(&self, fits: impl Fn(&RequestState<P, B>) -> bool) -> Option<u16> {
        let fitting = self.slots.iter().filter(|(_, entry)| fits(&entry.state));
        fitting.min_by_key(|(_, entry)| entry.token).map(|(slot, _)| slot)
    }

    /// Has all requests in flight issued again on the next connection. The ring must not be used
    /// any more. A request that was cancelled, or whose pages the backend still uses, completes.
    pub(super) fn requeue(&mut self) {
        if self.in_flight() == 0 {
            return;
        }
        for Entry { cancelled, state, .. } in self.slots.iter_mut() {
            let taken = core::mem::replace(state, RequestState::Requeued(None));
            *state = match taken {
                // The pages are of a pool that is dropped with its connection.
                RequestState::InFlight(InFlight { buffer, .. }) => match buffer.end_access() {
                    Ok(buffer) if *cancelled => {
                        RequestState::Completed(Err(IoError::Closed), buffer)
                    }
                    Ok(buffer) => RequestState::Requeued(buffer),
                    Err(in_use) => {
                        let broken = ProtocolError::PageInUse(in_use);
                        RequestState::Completed(Err(IoError::Broken(broken)), None)
                    }
                },
                other => other,
            };
        }
        let requeued = |entry: &Entry<P, B>| matches!(entry.state, RequestState::Requeued(_));
        self.requeued = self.slots.iter().filter(|(_, entry)| requeued(entry)).count();
        self.completed = self.count() - self.requeued - self.lent;
    }

    /// Issues the first requeued request again: `issue` gets its slot, what it is and its buffer.
    /// It returns the request in flight, or the buffer: with an error to complete the request, and
    /// without one to have it requeued. Returns whether the request is not requeued any more.
    pub(super) fn issue_next(
        &mut self,
        issue: impl FnOnce(u16, &mut Command, Option<B>) -> Issued<P, B>,
    ) -> bool {
        if self.requeued == 0 {
            return false;
        }
        let Some(slot) = self.first(|state| matches!(state, RequestState::Requeued(_))) else {
            return false;
        };
        let Some(entry) = self.slots.get_mut(slot) else { return false };
        let Entry { command, unanswered, status, state, .. } = entry;
        let RequestState::Requeued(buffer) = state else { return false };
        match issue(slot, command, buffer.take()) {
            Ok(in_flight) => {
                (*unanswered, *status) = (in_flight.unanswered(), BlkifStatus::OKAY);
                *state = RequestState::InFlight(in_flight);
            }
            Err((None, back)) => {
                *buffer = back;
                return false;
            }
            Err((Some(error), back)) => {
                *state = RequestState::Completed(Err(error), back);
                self.completed += 1;
            }
        }
        self.requeued -= 1;
        true
    }

    /// Takes the first completion that is not taken.
    #[inline(always)]
    pub(super) fn next_completed(&mut self) -> Option<Completion<B>> {
        if self.completed == 0 { None } else { self.take_completed() }
    }

    #[cold]
    fn take_completed(&mut self) -> Option<Completion<B>> {
        let slot = self.first(|state| matches!(state, RequestState::Completed(..)))?;
        let Entry { token, state, .. } = self.slots.remove(slot)?;
        let RequestState::Completed(outcome, buffer) = state else { return None };
        self.completed -= 1;
        Some(Completion { token, outcome, buffer })
    }

    /// Completes the first requeued request as closed.
    pub(super) fn next_closed(&mut self) -> Option<Completion<B>> {
        if self.requeued == 0 {
            return None;
        }
        let slot = self.first(|state| matches!(state, RequestState::Requeued(_)))?;
        let Ended { token, buffer, .. } = self.end(slot)?;
        self.requeued -= 1;
        let buffer = buffer.end_access().ok().flatten();
        Some(Completion { token, outcome: Err(IoError::Closed), buffer })
    }

    /// Cancels a request. Returns whether it had not completed.
    pub(super) fn cancel(&mut self, cancelled: Token) -> bool {
        let found = self.slots.iter_mut().find(|entry| entry.token == cancelled);
        let Some(Entry { cancelled, state, .. }) = found else { return false };
        match state {
            RequestState::InFlight(_) | RequestState::Lent => *cancelled = true,
            RequestState::Completed(..) => return false,
            RequestState::Requeued(buffer) => {
                *state = RequestState::Completed(Err(IoError::Closed), buffer.take());
                self.requeued -= 1;
                self.completed += 1;
            }
        }
        true
    }

    /// Adds a request of another queue, or one to be issued when there is a ring. The caller has
    /// checked that there is a [free](Self::free) slot.
    pub(super) fn insert(&mut self, moved: Moved<B>) {
        let Moved { token, command, cancelled, outcome, buffer } = moved;
        let state = match outcome {
            None => RequestState::Requeued(buffer),
            Some(outcome) => RequestState::Completed(outcome, buffer),
        };
        let is_requeued = outcome.is_none();
        let (unanswered, status) = (0, BlkifStatus::OKAY);
        let entry = Entry { token, command, cancelled, unanswered, status, state };
        let added = self.slots.insert(entry);
        debug_assert!(added.is_ok(), "a request without a slot");
        self.requeued += usize::from(is_requeued);
        self.completed += usize::from(!is_requeued);
    }

    /// Adds a request to be issued.
    pub(super) fn add_requeued(&mut self, token: Token, command: Command, buffer: Option<B>) {
        self.insert(Moved { token, command, cancelled: false, outcome: None, buffer });
    }

    /// Takes the first requeued request for another queue to carry out. It keeps its slot here.
    pub(super) fn lend_next(&mut self) -> Option<Moved<B>> {
        if self.requeued == 0 {
            return None;
        }
        let slot = self.first(|state| matches!(state, RequestState::Requeued(_)))?;
        let Entry { token, command, cancelled, state, .. } = self.slots.get_mut(slot)?;
        let RequestState::Requeued(buffer) = state else { return None };
        let (outcome, buffer) = (None, buffer.take());
        *state = RequestState::Lent;
        self.requeued -= 1;
        self.lent += 1;
        Some(Moved { token: *token, command: *command, cancelled: *cancelled, outcome, buffer })
    }

    /// Accepts a request that another queue had.
    pub(super) fn take_back(&mut self, moved: Moved<B>) {
        let found = self.slots.iter_mut().find(|entry| entry.token == moved.token);
        let Some(Entry { cancelled, state: state @ RequestState::Lent, .. }) = found else {
            return;
        };
        self.lent -= 1;
        match moved.outcome {
            None if !*cancelled => {
                *state = RequestState::Requeued(moved.buffer);
                self.requeued += 1;
            }
            outcome => {
                let outcome = outcome.unwrap_or(Err(IoError::Closed));
                *state = RequestState::Completed(outcome, moved.buffer);
                self.completed += 1;
            }
        }
    }

    /// Removes a completed request that is not of queue `own`; with `requeued`, one that waits to
    /// be issued, too.
    pub(super) fn take_guest(&mut self, own: usize, requeued: bool) -> Option<Moved<B>> {
        let guest = self.slots.iter().find(|(_, entry)| {
            entry.token.queue() != own
                && match entry.state {
                    RequestState::Completed(..) => true,
                    RequestState::Requeued(_) => requeued,
                    RequestState::InFlight(_) | RequestState::Lent => false,
                }
        });
        let (slot, _) = guest?;
        let Entry { token, command, cancelled, state, .. } = self.slots.remove(slot)?;
        let (outcome, buffer) = match state {
            RequestState::Completed(outcome, buffer) => {
                self.completed -= 1;
                (Some(outcome), buffer)
            }
            RequestState::Requeued(buffer) => {
                self.requeued -= 1;
                (None, buffer)
            }
            RequestState::InFlight(_) | RequestState::Lent => return None,
        };
        Some(Moved { token, command, cancelled, outcome, buffer })
    }
}

/// A request that was issued, or its buffer and the reason why it completes.
pub(super) type Issued<P, B> = Result<InFlight<P, B>, (Option<IoError>, Option<B>)>;

#[cfg(test)]
mod tests;
