//! The ring and the event channel of one connection.

use super::request::Command;
use super::requests::{Ended, InFlight, Requests};
use super::ring::{Body, RequestRing, WireRequest};
use super::segments::Segments;
use super::{BlkFrontError, Completion, IoError, ProtocolError};
use crate::IoMemory;
use xen_evtchn::Channel;
use xen_grant::{GrantError, GrantTable, Granted, ReadOnly, ReadWrite};
use xen_hypercall::{DomId, GrantRef, Pages, Platform, Port};
use xen_ring::Notify;
use xen_sys::io::blkif::{BlkifOp, BlkifStatus, SECTOR_SIZE};

/// The bytes of a request's buffer that are zeroed before the backend gets access to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Zeroed {
    /// None: the content of the buffer is the caller's, and the backend is trusted.
    None,
    /// The sectors of a read: a backend that responds without writing them must not make data of
    /// an earlier transfer appear as data of the disk.
    Reads,
    /// All bytes of the granted frames but the sectors of a write, for an untrusted backend.
    All,
}

impl Zeroed {
    /// Zeroes the first `segments` segments of the buffer of a request: those that are granted.
    fn apply<B: IoMemory>(self, buffer: &mut B, command: &Command, segments: usize) {
        let data = command.sectors as usize * SECTOR_SIZE;
        let range = match (self, command.operation) {
            (Self::None, _) => return,
            (Self::Reads, BlkifOp::READ) => 0..data,
            (Self::Reads, _) => return,
            (Self::All, BlkifOp::READ) => 0..usize::MAX,
            (Self::All, _) => data..usize::MAX,
        };
        let mut start = 0;
        for index in 0..segments {
            let bytes = buffer.segment_mut(index).unwrap_or_default();
            let (from, to) = (range.start.saturating_sub(start), range.end.saturating_sub(start));
            start += bytes.len();
            let (from, to) = (from.min(bytes.len()), to.min(bytes.len()));
            bytes.get_mut(from..to).unwrap_or_default().fill(0);
        }
    }
}

/// A completed request.
pub(super) struct Completed<B> {
    pub(super) completion: Completion<B>,
    pub(super) command: Command,
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
    ) -> Result<InFlight<P, B>, (GrantError, B)> {
        let &Command { operation, sector, sectors, secure } = command;
        let buffer = match buffer {
            None => None,
            Some(mut buffer) => {
                let (count, peer) = (segments.count(), self.peer);
                zeroed.apply(&mut buffer, command, count);
                let granted = if operation == BlkifOp::READ {
                    self.grants.grant_owned_prefix::<ReadWrite, _>(buffer, count, peer)?
                } else {
                    self.grants.grant_owned_prefix::<ReadOnly, _>(buffer, count, peer)?
                };
                segments.set_refs(granted.refs());
                Some(granted)
            }
        };
        let body = if operation == BlkifOp::DISCARD {
            Body::Discard { sectors, secure }
        } else {
            Body::Segments(segments.as_slice())
        };
        let request = WireRequest { operation, sector, body };
        let pushed = self.ring.push(slot, &request);
        debug_assert!(pushed.is_some(), "a request without a slot");
        // A number that no response can have.
        Ok(InFlight { number: pushed.unwrap_or(u64::MAX), buffer })
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
    pub(super) fn complete<B: IoMemory<Platform = P>>(
        &mut self,
        requests: &mut Requests<P, B>,
    ) -> Option<Completed<B>> {
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
        Some(Completed { completion, command })
    }

    #[inline(always)]
    fn complete_request<B>(&mut self, ended: Ended<B>, status: BlkifStatus) -> Completed<B> {
        let Ended { token, command, buffer } = ended;
        let (buffer, outcome) = match buffer {
            Ok(buffer) => (buffer, outcome(status)),
            Err(in_use) => {
                let broken = self.ring.mark_broken(ProtocolError::PageInUse(in_use));
                (None, Err(IoError::Broken(broken)))
            }
        };
        let completion = Completion { token, outcome, buffer };
        Completed { completion, command }
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
