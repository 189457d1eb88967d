//! The control ring: requests in flight, and the configuration that is sent by them.
//!
//! Source: "Control ring" and "Control messages" in `io/netif.h`.

use super::hash::{HashControl, HashWish};
use super::queues::Queues;
use super::static_grants::{StaticGrantControl, StaticGrantWish};
use super::{NetFrontError, ProtocolError};
use crate::connection;
use core::time::Duration;
use heapless::Vec;
use xen_evtchn::Channel;
use xen_grant::{GrantTable, Granted, ReadOnly, ReadWrite};
use xen_hypercall::{DomId, GrantRef, Instant, Pages, Platform, Port, StableSharedMem};
use xen_ring::{FrontRing, Notify};
use xen_sys::io::netif::{XenNetifCtrlRequest, XenNetifCtrlResponse, XenNetifGref};
use xenbus::net::control::{self, ControlError, ControlRequest};

/// The most requests in flight.
const IN_FLIGHT: usize = 8;

/// The requested configuration.
pub(super) type Wishes<'w> = (&'w mut HashWish, &'w mut StaticGrantWish);

/// A request and its result.
pub(super) type Completion = (ControlRequest, Result<u32, ControlError>);

/// The time of requests in flight.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Timer(Option<(Instant, Option<Instant>)>);

impl Timer {
    pub(super) fn start(&mut self, now: Instant, timeout: Duration) {
        self.0 = Some((now, Some(now + timeout)));
    }

    pub(super) fn stop(&mut self) {
        self.0 = None;
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.0?.1
    }

    /// Returns the time that has passed, once, if it is that of the timeout.
    pub(super) fn expire(&mut self, now: Instant) -> Option<Duration> {
        let (since, deadline) = self.0.as_mut()?;
        deadline.take_if(|deadline| now >= *deadline)?;
        Some(now.saturating_duration_since(*since))
    }
}

/// A control ring, with a record of each request in flight.
///
/// Responses can come in any order (`io/netif.h`).
#[derive(Debug)]
pub(super) struct ControlRing<R> {
    ring: FrontRing<R, XenNetifCtrlRequest, XenNetifCtrlResponse>,
    in_flight: Vec<(u16, ControlRequest), IN_FLIGHT>,
    next_id: u16,
}

impl<R: StableSharedMem> ControlRing<R> {
    pub(super) fn new(ring: FrontRing<R, XenNetifCtrlRequest, XenNetifCtrlResponse>) -> Self {
        Self { ring, in_flight: Vec::new(), next_id: 0 }
    }

    /// Returns the number of requests that can be sent now.
    pub(super) fn room(&self) -> usize {
        IN_FLIGHT - self.in_flight.len()
    }

    /// Pushes a request, for which there is [room](Self::room); publish it.
    pub(super) fn send(&mut self, request: ControlRequest) {
        // At most seven are in use.
        while self.in_flight.iter().any(|(id, _)| *id == self.next_id) {
            self.next_id = self.next_id.wrapping_add(1);
        }
        let id = self.next_id;
        self.next_id = id.wrapping_add(1);
        if self.in_flight.push((id, request)).is_ok() {
            // A ring of one page has more slots than there are requests in flight.
            let _ = self.ring.push(&request.to_wire(id));
        }
    }

    /// Takes a response. A second one to a request is an error, as its identifier is that of no
    /// request in flight.
    pub(super) fn take(&mut self) -> Result<Option<Completion>, ProtocolError> {
        let Some(response) = self.ring.pop().map_err(ProtocolError::CtrlRing)? else {
            return Ok(None);
        };
        let found = response.id;
        let index = self.in_flight.iter().position(|(id, _)| *id == found);
        let index = index.ok_or(ProtocolError::CtrlId { found })?;
        let (_, request) = self.in_flight.swap_remove(index);
        let (found, expected) = (response.type_.0, request.to_wire(found).type_.0);
        if found != expected {
            return Err(ProtocolError::CtrlType { found, expected });
        }
        Ok(Some((request, control::result(&response))))
    }

    pub(super) fn publish(&mut self) -> Notify {
        self.ring.publish()
    }

    pub(super) fn final_check(&mut self) -> Result<bool, ProtocolError> {
        self.ring.final_check().map_err(ProtocolError::CtrlRing)
    }

    fn into_memory(self) -> R {
        self.ring.into_memory()
    }
}

/// The control ring of a connection.
#[derive(Debug)]
pub(super) struct ControlConnection<P: Platform> {
    ring: ControlRing<Granted<P, ReadWrite>>,
    channel: Channel<P>,
    pub(super) hash: HashControl<Granted<P, ReadOnly>>,
    pub(super) grants: StaticGrantControl<Granted<P, ReadWrite>>,
    broken: Option<ProtocolError>,
}

impl<P: Platform> ControlConnection<P> {
    /// Creates the ring, the channel and the pages for arguments, and grants the backend's domain
    /// access to them.
    pub(super) fn new(
        grants: &GrantTable<P>,
        peer: DomId,
        queues: usize,
    ) -> Result<Self, NetFrontError> {
        let ring = FrontRing::new(connection::grant_page::<P, NetFrontError>(grants, peer)?)?;
        let platform = grants.platform();
        let pages = Pages::alloc(platform.clone(), HashControl::<()>::PAGES)?;
        let pages = grants
            .grant_access::<ReadOnly>(pages, peer)
            .map_err(|failed| NetFrontError::Grant(failed.error))?;
        let first = pages.reference();
        let hash = HashControl::new(pages, first, queues);
        let list = connection::grant_page::<P, NetFrontError>(grants, peer)?;
        let reference = list.reference();
        let grants = StaticGrantControl::new(list, reference, queues);
        let channel =
            Channel::alloc_unbound(platform.clone(), peer).map_err(NetFrontError::Port)?;
        Ok(Self { ring: ControlRing::new(ring), channel, hash, grants, broken: None })
    }

    /// Returns the reference of the ring.
    pub(super) fn reference(&self) -> GrantRef {
        self.ring.ring.memory().reference()
    }

    pub(super) fn port(&self) -> Port {
        self.channel.port()
    }

    /// Returns when requests in flight are late.
    pub(super) fn deadline(&self) -> Option<Instant> {
        [self.hash.deadline(), self.grants.deadline()].into_iter().flatten().min()
    }

    /// Returns whether a [`poll`](Self::poll) has nothing to do before a change is requested.
    pub(super) fn is_idle(&self) -> bool {
        self.ring.in_flight.is_empty() && self.broken.is_none()
    }

    /// Takes responses, sends the requests that follow from them, and requests an event.
    ///
    /// The loop ends: each round takes responses to requests in flight, and a configuration has two
    /// rounds, for the static grants of each queue.
    pub(super) fn poll(
        &mut self,
        wishes: Wishes<'_>,
        queues: &Queues<P>,
        now: Instant,
        timeout: Duration,
    ) -> Result<(), ProtocolError> {
        if let Some(broken) = self.broken {
            return Err(broken);
        }
        let polled = self.poll_intact(wishes, queues, now, timeout);
        polled.inspect_err(|broken| self.broken = Some(*broken))
    }

    fn poll_intact(
        &mut self,
        (hash, grants): Wishes<'_>,
        queues: &Queues<P>,
        now: Instant,
        timeout: Duration,
    ) -> Result<(), ProtocolError> {
        loop {
            while let Some((request, result)) = self.ring.take()? {
                match request {
                    ControlRequest::GetGrefMappingSize { .. }
                    | ControlRequest::AddGrefMapping(_)
                    | ControlRequest::DelGrefMapping(_) => self.grants.answered(request, result),
                    _ => self.hash.answered(request, result),
                }
            }
            self.hash.step(&mut self.ring, hash, now, timeout);
            let list = |queue: usize, visit: &mut dyn FnMut(XenNetifGref)| {
                if let Some(queue) = queues.lock(queue)
                    && let Some(connection) = &queue.connection
                {
                    connection.rings.static_grants().for_each(visit);
                }
            };
            self.grants.step(&mut self.ring, &list, grants, now, timeout);
            if self.ring.publish() == Notify::Send {
                self.channel.notify().map_err(ProtocolError::Notify)?;
            }
            if !self.ring.final_check()? {
                return Ok(());
            }
        }
    }

    /// Ends the backend's access. Returns the number of allocations that it still uses.
    pub(super) fn end_access(self) -> usize {
        let ring = usize::from(self.ring.into_memory().end_access().is_err());
        let list = usize::from(self.grants.into_page().end_access().is_err());
        ring + list + usize::from(self.hash.into_pages().end_access().is_err())
    }
}

#[cfg(test)]
mod tests;
