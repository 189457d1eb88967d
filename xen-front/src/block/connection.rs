//! The ring, the event channel and the persistent grants of one connection.

use super::buffer::{self, RequestBuffer, Zeroed};
use super::indirect::IndirectPages;
use super::request::Command;
use super::requests::{Ended, InFlight, Requests};
use super::ring::{Body, RING_SLOTS, RequestRing, WireRequest};
use super::segments::{self, Segments};
use super::{
    BlkFrontError, Completion, IoError, MAX_PAGES, ProtocolError, RequestError, SECTOR_SIZE,
};
use crate::IoMemory;
use xen_evtchn::Channel;
use xen_grant::{
    DmaBuffer, GrantError, GrantTable, Granted, PersistentGrants, PersistentPages, ReadOnly,
    ReadWrite,
};
use xen_hypercall::{DomId, GrantRef, PAGE_SIZE, Pages, Platform, Port, SharedMem};
use xen_ring::Notify;
use xen_sys::io::blkif::{BlkifOp, BlkifRequestSegment, BlkifStatus};

/// A number that no response can have.
const NO_NUMBER: u64 = u64::MAX >> 8;

/// A completed request.
pub(super) struct Completed<B> {
    pub(super) completion: Completion<B>,
    pub(super) command: Command,
}

#[derive(Debug)]
pub(super) struct Connection<P: Platform> {
    grants: GrantTable<P>,
    peer: DomId,
    /// Number of the connection, in the order of those of the queue.
    number: u32,
    /// Pages to copy requests through. `None` if all buffers are DMA buffers, if the configuration
    /// has none, or for lack of memory.
    pool: Option<PersistentGrants<P>>,
    /// The backend was offered that it keeps the pages of requests mapped.
    offers_persistent: bool,
    /// The backend may keep the pages of requests mapped: it gets no others than DMA buffers and
    /// the pool's.
    persistent: bool,
    /// The pages for the segments of indirect requests. `None` if either end supports none, or for
    /// lack of memory.
    indirect: Option<IndirectPages<P>>,
    ring: RequestRing<Granted<P, ReadWrite>>,
    /// `None` once its port is closed.
    channel: Option<Channel<P>>,
    /// No responses are taken any more.
    closed: bool,
}

impl<P: Platform> Connection<P> {
    /// Allocates a ring of `1 << order` pages for `peer`, which needs
    /// [`ring_refs`](Self::ring_refs) and [`port`](Self::port).
    pub(super) fn new(
        grants: &GrantTable<P>,
        peer: DomId,
        handle: u16,
        order: u32,
        number: u32,
    ) -> Result<Self, BlkFrontError> {
        let platform = grants.platform();
        let pages = Pages::alloc(platform.clone(), 1 << order)?;
        let ring = grants.grant_writable(pages, peer).map_err(|failed| failed.error)?;
        let ring = RequestRing::new(ring, handle)?;
        let channel =
            Channel::alloc_unbound(platform.clone(), peer).map_err(BlkFrontError::Channel)?;
        Ok(Self {
            grants: grants.clone(),
            peer,
            number,
            pool: None,
            offers_persistent: false,
            persistent: false,
            indirect: None,
            ring,
            channel: Some(channel),
            closed: false,
        })
    }

    /// Offers the backend that it keeps pages mapped: those of a pool of `pages` pages, or of DMA
    /// buffers if there are none. The pool has the pages of one request so far, at least `needed`:
    /// backends state only later that the offer is used. Without memory there is no offer.
    pub(super) fn offer_persistent(&mut self, pages: u16, needed: usize) {
        if pages != 0 {
            let pages = pages.max(needed as u16);
            let pool = PersistentGrants::new(&self.grants, self.peer, pages);
            let first = needed.max(MAX_PAGES);
            self.pool = pool.ok().and_then(|mut pool| pool.grow(first).ok().map(|()| pool));
        }
        self.offers_persistent = pages == 0 || self.pool.is_some();
    }

    /// Offers the backend no longer that it keeps pages mapped.
    pub(super) fn withdraw_persistent(&mut self) {
        self.pool = None;
        self.offers_persistent = false;
    }

    /// Returns whether the backend is offered that it keeps pages mapped.
    pub(super) fn offers_persistent(&self) -> bool {
        self.offers_persistent
    }

    /// Takes the answer of the backend to the offer, and gives a backend that uses it no other
    /// pages than those offered.
    pub(super) fn set_persistent(&mut self, supported: bool) {
        self.persistent = self.offers_persistent && supported;
        if !self.persistent {
            self.pool = None;
        }
        if let Some(pool) = &mut self.pool
            && let Err(error) = pool.grow(usize::MAX)
        {
            // Fewer requests are in flight at a time.
            log::warn!("vbd: only {} persistent grants: {error}", pool.len());
        }
    }

    /// Returns whether the backend may keep the pages of requests mapped.
    pub(super) fn is_persistent(&self) -> bool {
        self.persistent
    }

    /// Returns whether the data of private buffers is copied.
    pub(super) fn copies(&self) -> bool {
        self.persistent && self.pool.is_some()
    }

    /// Takes the most segments of an indirect request that the backend accepts, and grants pages
    /// for `requests` of them, or as many as the ring holds. Without memory, requests are split.
    pub(super) fn set_indirect(&mut self, limit: u32, requests: u16) {
        let count = usize::from(requests).min(usize::from(RING_SLOTS) * self.ring_refs().len());
        if limit as usize <= MAX_PAGES || count == 0 || self.indirect.is_some() {
            return;
        }
        match IndirectPages::alloc(&self.grants, self.peer, count, limit) {
            Ok(pages) => self.indirect = Some(pages),
            Err(error) => log::warn!("vbd: no indirect requests: {error}"),
        }
    }

    /// Returns the most segments of the request in a slot of the table on one slot of the ring.
    #[inline]
    pub(super) fn segment_limit(&self, slot: u16) -> usize {
        self.indirect.as_ref().map_or(MAX_PAGES, |pages| pages.limit(slot))
    }

    /// Returns the references of the ring's pages.
    pub(super) fn ring_refs(&self) -> &[GrantRef] {
        self.ring.memory().refs()
    }

    pub(super) fn port(&self) -> Option<Port> {
        self.channel.as_ref().map(Channel::port)
    }

    /// Closes the port.
    pub(super) fn close_port(&mut self) {
        self.channel = None;
    }

    /// Returns the number of free slots of the ring.
    pub(super) fn free_slots(&self) -> usize {
        if self.closed { 0 } else { self.ring.free() }
    }

    /// Returns the most pages of a request whose data is copied.
    pub(super) fn copied_pages(&self) -> usize {
        self.pool.as_ref().map_or(0, PersistentGrants::len)
    }

    /// Returns the number of requests of at most [`MAX_PAGES`] pages for which there are slots, and
    /// pages to copy the data through.
    pub(super) fn free_requests(&self) -> usize {
        match &self.pool {
            Some(pool) if self.persistent => self.free_slots().min(pool.idle() / MAX_PAGES),
            _ => self.free_slots(),
        }
    }

    /// Returns whether no responses are taken any more.
    pub(super) fn is_ended(&self) -> bool {
        self.closed || self.broken().is_some()
    }

    pub(super) fn broken(&self) -> Option<ProtocolError> {
        self.ring.broken()
    }

    /// Marks the connection as broken: its ring is not accessed again.
    pub(super) fn mark_broken(&mut self, reason: ProtocolError) {
        self.ring.mark_broken(reason);
    }

    /// Grants the buffer of a request and pushes it, with its slot in the table of requests. The
    /// request has been checked, and the ring has a [free slot](Self::free_slots).
    #[inline]
    pub(super) fn issue<B: IoMemory<Platform = P>>(
        &mut self,
        slot: u16,
        command: &Command,
        buffer: Option<B>,
        segments: &mut Segments,
        zeroed: Zeroed,
    ) -> Result<InFlight<P, B>, (RequestError, B)> {
        let &Command { operation, sector, sectors, secure } = command;
        let buffer = match buffer {
            None => RequestBuffer::unused(None),
            Some(buffer) => self.share(command, buffer, segments, zeroed)?,
        };
        if operation == BlkifOp::DISCARD {
            let request =
                WireRequest { operation, sector, body: Body::Discard { sectors, secure } };
            return Ok(InFlight::new(self.push(slot, &request), 1, buffer));
        }
        if segments.is_split() {
            return Ok(self.issue_parts(slot, command, buffer, segments));
        }
        let body = self.body(slot, segments.list());
        let number = self.push(slot, &WireRequest { operation, sector, body });
        Ok(InFlight::new(number, 1, buffer))
    }

    /// Pushes a request that takes several slots of the ring.
    #[inline(never)]
    fn issue_parts<B: IoMemory<Platform = P>>(
        &mut self,
        slot: u16,
        command: &Command,
        buffer: RequestBuffer<P, B>,
        segments: &Segments,
    ) -> InFlight<P, B> {
        let &Command { operation, mut sector, .. } = command;
        let mut first = None;
        for part in segments.parts() {
            let body = Body::Segments(part);
            let number = self.push(slot, &WireRequest { operation, sector, body });
            first.get_or_insert(number);
            sector += segments::sectors(part);
        }
        InFlight::new(first.unwrap_or(NO_NUMBER), segments.slots(), buffer)
    }

    /// Returns what a slot of the ring has of segments of a request.
    #[inline]
    fn body<'s>(&self, slot: u16, part: &'s [BlkifRequestSegment]) -> Body<'s> {
        if part.len() > MAX_PAGES
            && let Some(page) = self.indirect.as_ref().and_then(|pages| pages.write(slot, part))
        {
            return Body::Indirect { count: part.len() as u16, page };
        }
        Body::Segments(part)
    }

    /// Pushes a request for which there is a slot, and returns its number.
    #[inline]
    fn push(&mut self, slot: u16, request: &WireRequest<'_>) -> u64 {
        let pushed = self.ring.push(slot, request);
        debug_assert!(pushed.is_some(), "a request without a slot");
        pushed.unwrap_or(NO_NUMBER)
    }

    /// Gives the backend access to the data of a request, and sets the references.
    #[inline]
    fn share<B: IoMemory<Platform = P>>(
        &mut self,
        command: &Command,
        mut buffer: B,
        segments: &mut Segments,
        zeroed: Zeroed,
    ) -> Result<RequestBuffer<P, B>, (RequestError, B)> {
        let (count, peer) = (segments.count(), self.peer);
        // There is one.
        if segments.is_split() && segments.slots() > self.free_slots() {
            return Err((RequestError::Full, buffer));
        }
        if let Some(dma) = buffer.dma_buffer() {
            if let Err(error) = dma.grant(&self.grants, peer, self.number) {
                return Err((RequestError::Grant(error), buffer));
            }
            let memory: &SharedMem = AsRef::as_ref(&*dma);
            let found = memory.len() / PAGE_SIZE;
            if found < count {
                let error = GrantError::TooFewFrames { found, expected: count };
                return Err((RequestError::Grant(error), buffer));
            }
            let marked = zeroed.apply_shared(memory, command);
            segments.set_refs(dma.refs());
            let (buffer, pages) = (Some(buffer), PersistentPages::default());
            return Ok(RequestBuffer::Kept { buffer, pages, marked });
        }
        if segments.copied {
            let Some(pool) = &mut self.pool else { return Err((RequestError::Full, buffer)) };
            let Some(pages) = pool.alloc(count) else { return Err((RequestError::Full, buffer)) };
            let memory = pool.iter(&pages).map(|(_, memory)| memory);
            let marked = buffer::fill(&mut buffer, command, zeroed, memory);
            segments.set_refs(pool.iter(&pages).map(|(reference, _)| reference));
            return Ok(RequestBuffer::Kept { buffer: Some(buffer), pages, marked });
        }
        zeroed.apply(&mut buffer, command, count);
        let granted = if command.operation == BlkifOp::READ {
            self.grants.grant_owned_prefix::<ReadWrite, _>(buffer, count, peer)
        } else {
            self.grants.grant_owned_prefix::<ReadOnly, _>(buffer, count, peer)
        };
        let granted = granted.map_err(|(error, buffer)| (RequestError::Grant(error), buffer))?;
        segments.set_refs(granted.refs());
        Ok(RequestBuffer::Granted(granted))
    }

    /// Returns whether the buffer is granted for this connection.
    pub(super) fn is_granted(&self, buffer: &DmaBuffer<P>) -> bool {
        buffer.is_granted(&self.grants, self.peer, self.number)
    }

    /// Publishes what was pushed, and notifies the backend if it sleeps.
    pub(super) fn kick(&mut self) {
        if !self.closed
            && self.ring.publish() == Notify::Send
            && let Some(Err(errno)) = self.channel.as_ref().map(Channel::notify)
        {
            self.ring.mark_broken(ProtocolError::Notify(errno));
        }
    }

    /// Takes the next completed request. A read that the backend has not written is requeued; it
    /// fails if the device is `polled`.
    #[inline(always)]
    pub(super) fn complete<B: IoMemory<Platform = P>>(
        &mut self,
        requests: &mut Requests<P, B>,
        polled: bool,
    ) -> Option<Completed<B>> {
        while !self.is_ended() {
            // The requests in flight complete with an error.
            let Ok(ended) = requests.next_response(&mut self.ring) else { break };
            let Ended { token, command, cancelled, status, buffer } = ended?;
            let outcome = outcome(status);
            let (buffer, pages, marked) = match buffer {
                RequestBuffer::Granted(granted) => {
                    let (buffer, outcome) = match granted.end_access() {
                        Ok(buffer) => (Some(buffer), outcome),
                        Err(in_use) => {
                            let broken = self.ring.mark_broken(ProtocolError::PageInUse(in_use));
                            (None, Err(IoError::Broken(broken)))
                        }
                    };
                    let completion = Completion { token, outcome, buffer };
                    return Some(Completed { completion, command });
                }
                RequestBuffer::Kept { buffer, pages, marked } => (buffer, pages, marked),
            };
            let mut completion = Completion { token, outcome, buffer };
            if self.take_kept(&mut completion, &command, pages, marked) {
                if !cancelled && !polled {
                    requests.add_requeued(token, command, completion.buffer);
                    continue;
                }
                completion.outcome = Err(if cancelled { IoError::Closed } else { IoError::Failed });
            }
            return Some(Completed { completion, command });
        }
        let Ended { token, command, buffer, .. } = requests.end_next()?;
        let outcome = Err(self.broken().map_or(IoError::Closed, IoError::Broken));
        let buffer = buffer.end_access().ok().flatten();
        let completion = Completion { token, outcome, buffer };
        Some(Completed { completion, command })
    }

    /// Copies the data of a read out of the pages that it was copied through, which are for the
    /// pool again. Returns whether the backend reports success and has not written all sectors: the
    /// buffer has no data then.
    #[inline(never)]
    fn take_kept<B: IoMemory<Platform = P>>(
        &mut self,
        completion: &mut Completion<B>,
        command: &Command,
        pages: PersistentPages,
        marked: bool,
    ) -> bool {
        let Completion { outcome, buffer, .. } = completion;
        let unwritten =
            marked && outcome.is_ok() && self.is_unwritten(command, buffer.as_mut(), &pages);
        if pages.count() != 0
            && let Some(pool) = &mut self.pool
        {
            if let (Some(buffer), Ok(()), BlkifOp::READ, false) =
                (buffer, outcome, command.operation, unwritten)
            {
                buffer::take(buffer, command, pool.iter(&pages).map(|(_, memory)| memory));
            }
            pool.free(pages);
        }
        unwritten
    }

    /// Returns whether the backend has left a sector of a marked read as it was.
    #[cold]
    fn is_unwritten<B: IoMemory>(
        &self,
        command: &Command,
        buffer: Option<&mut B>,
        pages: &PersistentPages,
    ) -> bool {
        let len = command.sectors as usize * SECTOR_SIZE;
        match (buffer.and_then(B::dma_buffer), &self.pool) {
            (Some(dma), _) => buffer::is_marked(len, core::iter::once(AsRef::as_ref(&*dma))),
            (None, Some(pool)) => {
                buffer::is_marked(len, pool.iter(pages).map(|(_, memory)| memory))
            }
            (None, None) => false,
        }
    }

    /// Ends the connection: no responses are taken any more.
    pub(super) fn end(&mut self) {
        self.closed = true;
    }
}

fn outcome(status: BlkifStatus) -> Result<(), IoError> {
    match status {
        BlkifStatus::OKAY => Ok(()),
        BlkifStatus::ERROR => Err(IoError::Failed),
        BlkifStatus::EOPNOTSUPP => Err(IoError::Unsupported),
        BlkifStatus(status) => Err(IoError::UnknownStatus(status)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// D-B03.
    #[test]
    fn only_status_0_is_success() {
        assert_eq!(outcome(BlkifStatus(0)), Ok(()));
        assert_eq!(outcome(BlkifStatus(-1)), Err(IoError::Failed));
        assert_eq!(outcome(BlkifStatus(-2)), Err(IoError::Unsupported));
        for status in [77, 1, -3, i16::MIN, i16::MAX] {
            assert_eq!(outcome(BlkifStatus(status)), Err(IoError::UnknownStatus(status)));
        }
    }
}
