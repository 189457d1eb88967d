//! The ring of a disk and its requests' pages, from one connection to its end.

use super::requests::{Requests, Shadow, WireRequest, segments};
use super::requeue::Requeued;
use super::{
    BlkFrontError, Completion, FlushMethod, IoError, ProtocolError, Request, RequestError,
    SubmitError, Token,
};
use xen_evtchn::Channel;
use xen_grant::{GrantTable, Granted, InUse, ReadOnly, ReadWrite};
use xen_hypercall::{DomId, GrantRef, Pages, Platform, Port};
use xen_ring::Notify;
use xen_sys::io::blkif::{BlkifOp, BlkifStatus, SECTOR_SIZE};

/// A request's pages while the peer has them.
#[derive(Debug)]
pub(super) enum RequestPages<P: Platform> {
    None,
    /// The peer reads them: a write.
    Readable(Granted<P, ReadOnly>),
    /// The peer writes them: a read.
    Writable(Granted<P, ReadWrite>),
}

impl<P: Platform> RequestPages<P> {
    fn refs(&self) -> &[GrantRef] {
        match self {
            Self::None => &[],
            Self::Readable(pages) => pages.refs(),
            Self::Writable(pages) => pages.refs(),
        }
    }

    fn end_access(self) -> Result<Option<Pages<P>>, InUse> {
        match self {
            Self::None => Ok(None),
            Self::Readable(pages) => pages.end_access().map(Some),
            Self::Writable(pages) => pages.end_access().map(Some),
        }
    }
}

/// What a request was, and its pages.
#[derive(Debug)]
struct InFlight<P: Platform> {
    sector: u64,
    sectors: usize,
    pages: RequestPages<P>,
    /// The caller has cancelled it: it is not made again on another connection.
    cancelled: bool,
}

/// Which bytes of a request's pages are zeroed before the backend gets access to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Zeroed {
    /// None: the pages and what is in them are the caller's, and the backend is trusted.
    None,
    /// The sectors of a read. If the backend answers without writing them, they read as zeroes, and
    /// not as data of an earlier transfer.
    Reads,
    /// All but the sectors of a write. The backend is not trusted with anything else.
    All,
}

impl Zeroed {
    /// Zeroes the pages of a read of `sectors` sectors.
    fn read(self, pages: &mut [u8], sectors: usize) {
        let len = match self {
            Self::None => 0,
            Self::Reads => sectors * SECTOR_SIZE,
            Self::All => pages.len(),
        };
        if let Some(bytes) = pages.get_mut(..len) {
            bytes.fill(0);
        }
    }

    /// Zeroes what lies behind the data in the pages of a write of `sectors` sectors.
    fn write(self, pages: &mut [u8], sectors: usize) {
        if self == Self::All
            && let Some(rest) = pages.get_mut(sectors * SECTOR_SIZE..)
        {
            rest.fill(0);
        }
    }
}

/// An answered request: which, what it was, how it went, and its pages.
pub(super) struct Completed<P: Platform> {
    pub(super) completion: Completion<P>,
    pub(super) operation: BlkifOp,
}

#[derive(Debug)]
pub(super) struct Connection<P: Platform, const DEPTH: usize> {
    grants: GrantTable<P>,
    peer: DomId,
    requests: Requests<Granted<P, ReadWrite>, InFlight<P>, DEPTH>,
    /// None once it is not this domain's any more.
    channel: Option<Channel<P>>,
    /// What becomes of requests without an answer, once there are no more answers.
    ended: Option<IoError>,
}

impl<P: Platform, const DEPTH: usize> Connection<P, DEPTH> {
    /// Makes a ring of `1 << order` pages for `peer`, which is to be told
    /// [`ring_refs`](Self::ring_refs) and [`port`](Self::port).
    pub(super) fn new(
        grants: &GrantTable<P>,
        peer: DomId,
        handle: u16,
        order: u32,
    ) -> Result<Self, BlkFrontError> {
        let platform = grants.platform();
        let pages = Pages::alloc(platform.clone(), 1 << order)?;
        let ring = grants.grant_writable(pages, peer).map_err(|failed| failed.error)?;
        let requests = Requests::new(ring, handle)?;
        let channel =
            Channel::alloc_unbound(platform.clone(), peer).map_err(BlkFrontError::Channel)?;
        Ok(Self { grants: grants.clone(), peer, requests, channel: Some(channel), ended: None })
    }

    /// Returns the references of the ring's pages.
    pub(super) fn ring_refs(&self) -> &[GrantRef] {
        self.requests.memory().refs()
    }

    pub(super) fn port(&self) -> Option<Port> {
        self.channel.as_ref().map(Channel::port)
    }

    /// Closes the port.
    pub(super) fn close_port(&mut self) {
        self.channel = None;
    }

    /// Marks a request without an answer as not to be made again, and returns whether there is such
    /// a request.
    pub(super) fn cancel(&mut self, token: Token) -> bool {
        let lent = self.requests.payload_mut(token);
        lent.map(|lent| lent.cancelled = true).is_some()
    }

    /// Takes a request without an answer out, to be made again on another connection. One that was
    /// cancelled, or whose pages the peer keeps, has ended.
    pub(super) fn requeue(&mut self) -> Option<Requeued<P>> {
        let Shadow { token, operation, payload: InFlight { sector, sectors, pages, cancelled } } =
            self.requests.take_in_flight()?;
        Some(match (operation, pages.end_access()) {
            (_, Ok(buffer)) if cancelled => {
                Err(Completion { token, outcome: Err(IoError::Closed), buffer })
            }
            (BlkifOp::READ, Ok(Some(buffer))) => {
                Ok((token, Request::Read { sector, sectors, buffer }))
            }
            (BlkifOp::WRITE, Ok(Some(buffer))) => {
                Ok((token, Request::Write { sector, sectors, buffer }))
            }
            (_, Ok(_)) => Ok((token, Request::Flush)),
            (_, Err(in_use)) => {
                let outcome = Err(IoError::Broken(ProtocolError::PageInUse(in_use)));
                Err(Completion { token, outcome, buffer: None })
            }
        })
    }

    pub(super) fn in_flight(&self) -> usize {
        self.requests.in_flight()
    }

    pub(super) fn free_slots(&self) -> usize {
        if self.ended.is_some() { 0 } else { self.requests.free_slots() }
    }

    /// Returns whether no answer is looked for any more.
    pub(super) fn is_ended(&self) -> bool {
        self.ended.is_some()
    }

    pub(super) fn broken(&self) -> Option<ProtocolError> {
        match self.ended {
            Some(IoError::Broken(broken)) => Some(broken),
            _ => None,
        }
    }

    /// Grants the request's pages and queues it. What the request asks for has been checked.
    pub(super) fn submit(
        &mut self,
        token: Token,
        request: Request<P>,
        flush: FlushMethod,
        zeroed: Zeroed,
    ) -> Result<(), SubmitError<P>> {
        match self.ended {
            Some(IoError::Broken(broken)) => {
                return Err(request.refused(RequestError::Broken(broken)));
            }
            Some(_) => return Err(request.refused(RequestError::NotConnected)),
            None if self.free_slots() == 0 => return Err(request.refused(RequestError::Full)),
            None => {}
        }
        match request {
            Request::Read { sector, sectors, mut buffer } => {
                zeroed.read(buffer.as_mut_slice(), sectors);
                match self.grants.grant_writable(buffer, self.peer) {
                    Ok(pages) => {
                        let pages = RequestPages::Writable(pages);
                        self.push(
                            token,
                            BlkifOp::READ,
                            InFlight { sector, sectors, pages, cancelled: false },
                        );
                    }
                    Err(failed) => {
                        let request = Request::Read { sector, sectors, buffer: failed.pages };
                        return Err(request.refused(RequestError::Grant(failed.error)));
                    }
                }
            }
            Request::Write { sector, sectors, mut buffer } => {
                zeroed.write(buffer.as_mut_slice(), sectors);
                match self.grants.grant_read_only(buffer, self.peer) {
                    Ok(pages) => {
                        let pages = RequestPages::Readable(pages);
                        self.push(
                            token,
                            BlkifOp::WRITE,
                            InFlight { sector, sectors, pages, cancelled: false },
                        );
                    }
                    Err(failed) => {
                        let request = Request::Write { sector, sectors, buffer: failed.pages };
                        return Err(request.refused(RequestError::Grant(failed.error)));
                    }
                }
            }
            Request::Flush => {
                let lent =
                    InFlight { sector: 0, sectors: 0, pages: RequestPages::None, cancelled: false };
                self.push(token, flush.operation(), lent);
            }
        }
        Ok(())
    }

    fn push(&mut self, token: Token, operation: BlkifOp, lent: InFlight<P>) {
        let segments = segments(lent.pages.refs(), lent.sectors);
        let order = WireRequest { operation, sector: lent.sector, segments: &segments };
        // `submit` has seen the room for it, and that the ring is in order.
        let pushed = self.requests.push(token, &order, lent);
        debug_assert!(pushed.is_ok(), "a request without a slot");
    }

    /// Shows the peer what was queued, and notifies it if it sleeps.
    pub(super) fn kick(&mut self) {
        if self.ended.is_none()
            && self.requests.publish() == Notify::Send
            && let Some(Err(errno)) = self.channel.as_ref().map(Channel::notify)
        {
            self.mark_broken(ProtocolError::Notify(errno));
        }
    }

    /// Takes the next request that is done with.
    pub(super) fn complete(&mut self) -> Option<Completed<P>> {
        if self.ended.is_none() {
            match self.requests.next_completed() {
                Ok(Some((done, status))) => return Some(self.complete_request(done, status)),
                Ok(None) => return None,
                Err(broken) => self.mark_broken(broken),
            }
        }
        let Shadow { token, operation, payload } = self.requests.take_in_flight()?;
        let outcome = Err(self.ended.unwrap_or(IoError::Closed));
        // Pages that the peer still has stay in deferred list.
        let buffer = payload.pages.end_access().ok().flatten();
        Some(Completed { completion: Completion { token, outcome, buffer }, operation })
    }

    fn complete_request(&mut self, done: Shadow<InFlight<P>>, status: BlkifStatus) -> Completed<P> {
        let Shadow { token, operation, payload } = done;
        let (buffer, outcome) = match payload.pages.end_access() {
            Ok(buffer) => (buffer, outcome(status)),
            Err(in_use) => {
                let broken = ProtocolError::PageInUse(in_use);
                self.mark_broken(broken);
                (None, Err(IoError::Broken(broken)))
            }
        };
        Completed { completion: Completion { token, outcome, buffer }, operation }
    }

    /// Ends the connection: no more answers are looked for.
    pub(super) fn end(&mut self) {
        self.ended.get_or_insert(IoError::Closed);
    }

    fn mark_broken(&mut self, broken: ProtocolError) {
        let broken = self.requests.mark_broken(broken);
        self.ended.get_or_insert(IoError::Broken(broken));
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

    #[test]
    fn d_b03_only_status_0_is_success() {
        assert_eq!(outcome(BlkifStatus(0)), Ok(()));
        assert_eq!(outcome(BlkifStatus(-1)), Err(IoError::Failed));
        assert_eq!(outcome(BlkifStatus(-2)), Err(IoError::Unsupported));
        for status in [77, 1, -3, i16::MIN, i16::MAX] {
            assert_eq!(outcome(BlkifStatus(status)), Err(IoError::UnknownStatus(status)));
        }
    }
}
