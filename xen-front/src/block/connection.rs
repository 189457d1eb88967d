//! The ring and the event channel of one connection.

use super::request::Command;
use super::requests::{Ended, InFlight, RequestPages, Requests};
use super::ring::{RequestRing, WireRequest};
use super::segments::segments;
use super::{BlkFrontError, Completion, IoError, ProtocolError};
use xen_evtchn::Channel;
use xen_grant::{GrantFailed, GrantTable, Granted, ReadWrite};
use xen_hypercall::{DomId, GrantRef, Pages, Platform, Port};
use xen_ring::Notify;
use xen_sys::io::blkif::{BlkifOp, BlkifStatus, SECTOR_SIZE};

/// The bytes of a request's pages that are zeroed before the backend gets access to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Zeroed {
    /// None: the pages and what is in them are the caller's, and the backend is trusted.
    None,
    /// The sectors of a read. If the backend responds without writing them, they read as zeroes,
    /// and not as data of an earlier transfer.
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

    /// Zeroes what follows the data in the pages of a write of `sectors` sectors.
    fn write(self, pages: &mut [u8], sectors: usize) {
        if self == Self::All
            && let Some(rest) = pages.get_mut(sectors * SECTOR_SIZE..)
        {
            rest.fill(0);
        }
    }
}

/// A completed request, and its operation.
pub(super) struct Completed<P: Platform> {
    pub(super) completion: Completion<P>,
    pub(super) operation: BlkifOp,
}

#[derive(Debug)]
pub(super) struct Connection<P: Platform> {
    grants: GrantTable<P>,
    peer: DomId,
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
    ) -> Result<Self, BlkFrontError> {
        let platform = grants.platform();
        let pages = Pages::alloc(platform.clone(), 1 << order)?;
        let ring = grants.grant_writable(pages, peer).map_err(|failed| failed.error)?;
        let ring = RequestRing::new(ring, handle)?;
        let channel =
            Channel::alloc_unbound(platform.clone(), peer).map_err(BlkFrontError::Channel)?;
        Ok(Self { grants: grants.clone(), peer, ring, channel: Some(channel), closed: false })
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

    /// Returns whether no responses are taken any more.
    pub(super) fn is_ended(&self) -> bool {
        self.closed || self.broken().is_some()
    }

    pub(super) fn broken(&self) -> Option<ProtocolError> {
        self.ring.broken()
    }

    /// Grants the pages of a request and pushes it, with its slot in the table of requests. The
    /// request has been checked, and the ring has a [free slot](Self::free_slots).
    pub(super) fn issue(
        &mut self,
        slot: u16,
        command: &Command,
        buffer: Option<Pages<P>>,
        zeroed: Zeroed,
    ) -> Result<InFlight<P>, GrantFailed<P>> {
        let &Command { operation, sector, sectors } = command;
        let pages = match buffer {
            None => RequestPages::None,
            Some(mut buffer) if operation == BlkifOp::READ => {
                zeroed.read(buffer.as_mut_slice(), sectors);
                RequestPages::Writable(self.grants.grant_writable(buffer, self.peer)?)
            }
            Some(mut buffer) => {
                zeroed.write(buffer.as_mut_slice(), sectors);
                RequestPages::Readable(self.grants.grant_read_only(buffer, self.peer)?)
            }
        };
        let segments = segments(pages.refs(), sectors);
        let pushed = self.ring.push(slot, &WireRequest { operation, sector, segments: &segments });
        debug_assert!(pushed.is_some(), "a request without a slot");
        // A number that no response can have.
        Ok(InFlight { number: pushed.unwrap_or(u64::MAX), pages })
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

    /// Takes the next completed request.
    pub(super) fn complete(&mut self, requests: &mut Requests<P>) -> Option<Completed<P>> {
        if !self.is_ended() {
            match requests.next_response(&mut self.ring) {
                Ok(Some((ended, status))) => return Some(self.complete_request(ended, status)),
                Ok(None) => return None,
                // The requests in flight complete with this error.
                Err(_) => {}
            }
        }
        let Ended { token, command, buffer } = requests.end_next()?;
        let outcome = Err(self.broken().map_or(IoError::Closed, IoError::Broken));
        let buffer = buffer.ok().flatten();
        let completion = Completion { token, outcome, buffer };
        Some(Completed { completion, operation: command.operation })
    }

    fn complete_request(&mut self, ended: Ended<P>, status: BlkifStatus) -> Completed<P> {
        let Ended { token, command, buffer } = ended;
        let (buffer, outcome) = match buffer {
            Ok(buffer) => (buffer, outcome(status)),
            Err(in_use) => {
                let broken = self.ring.mark_broken(ProtocolError::PageInUse(in_use));
                (None, Err(IoError::Broken(broken)))
            }
        };
        let completion = Completion { token, outcome, buffer };
        Completed { completion, operation: command.operation }
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
