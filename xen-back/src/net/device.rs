//! One network interface for one guest.

use super::rx::{Abilities, Rx, RxRing, RxStatistics};
use super::tx::{Tx, TxRing, TxStatistics};
use super::{MacAddress, NetError, Packet, Port};
use core::fmt;
use core::time::Duration;
use heapless::String;
use xen_evtchn::Channel;
use xen_grant::{Mapping, ReadWrite, Window};
use xen_hypercall::{ForeignFrames, GrantRef, Instant, Port as EventPort};
use xen_ring::{BackRing, Notify};
use xen_store::xenbus::{Backend, BackendEvent};
use xen_store::{RingTransport, StoreError, Transport};

/// Batches that one poll takes from the transmit ring, so that a busy guest leaves time for others.
const BATCHES: u32 = 4;

/// When to look for pages of a guest that does not tell of them.
const LOOK_AGAIN: Duration = Duration::from_millis(30);

/// What to do after a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetbackEvent {
    /// Wait for an event of the device's or the store's port, at most until [`Netback::deadline`].
    Idle,
    /// Poll again soon: there are more packets, or there were some just now. Let others run in
    /// between.
    Busy,
    /// The device is gone. [`remove`](Netback::remove) or drop it.
    Removed,
}

struct Link<P: ForeignFrames> {
    channel: Channel<P>,
    tx_ring: TxRing<Mapping<P, ReadWrite>>,
    rx_ring: RxRing<Mapping<P, ReadWrite>>,
    tx: Tx<P>,
    rx: Rx<P>,
    /// The frontend sends an event when it has posted pages that were asked for.
    rx_notify: bool,
}

/// The backend of one network interface, for one guest.
///
/// [`poll`](Self::poll) takes the guest's packets and hands them to a [`Port`];
/// [`send`](Self::send) queues packets for the guest, which the next [`flush`](Self::flush) or poll
/// places in its pages, a batch with each hypercall. Packets are copied, never mapped, and in one
/// piece before anybody looks at them. A guest that takes nothing costs a queue of fixed size; one
/// that breaks a ring's protocol is left alone and its device closed, until it connects again. Call
/// both whenever the store's port or the device's had an event; the device's port stays masked.
pub struct Netback<P: ForeignFrames, T: Transport = RingTransport<P>> {
    backend: Backend<P, T>,
    mac: Option<MacAddress>,
    link: Option<Link<P>>,
    tx_statistics: TxStatistics,
    rx_statistics: RxStatistics,
}

impl<P: ForeignFrames, T: Transport> Netback<P, T> {
    /// Serves the device behind `backend`.
    ///
    /// # Errors
    ///
    /// Those of reading the interface's address.
    pub fn new(backend: Backend<P, T>) -> Result<Self, StoreError> {
        let mac: Option<String<32>> = backend.own_string("mac")?;
        Ok(Self {
            mac: mac.and_then(|mac| MacAddress::parse(mac.as_bytes()).ok()),
            backend,
            link: None,
            tx_statistics: TxStatistics::default(),
            rx_statistics: RxStatistics::default(),
        })
    }

    /// Returns the device's side in xenstore.
    pub fn backend(&self) -> &Backend<P, T> {
        &self.backend
    }

    /// Returns the address that the toolstack has given to the guest's interface, if it is one.
    pub fn mac(&self) -> Option<MacAddress> {
        self.mac
    }

    /// Returns what was received from the guest so far.
    pub fn tx_statistics(&self) -> &TxStatistics {
        &self.tx_statistics
    }

    /// Returns what was sent to the guest so far.
    pub fn rx_statistics(&self) -> &RxStatistics {
        &self.rx_statistics
    }

    /// Returns whether a frontend is connected.
    pub fn is_connected(&self) -> bool {
        self.link.is_some()
    }

    /// Returns the port to wait for, while a frontend is connected.
    pub fn port(&self) -> Option<EventPort> {
        self.link.as_ref().map(|link| link.channel.port())
    }

    /// Returns when to poll again if no event comes before.
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        let starved = self.link.as_ref().is_some_and(|link| !link.rx_notify && !link.rx.is_empty());
        let look = starved.then_some(now + LOOK_AGAIN);
        let drain = self.link.as_ref().and_then(|link| link.rx.drain_deadline());
        [self.backend.deadline(), look, drain].into_iter().flatten().min()
    }

    /// Does what can be done now: follows the states, hands the guest's packets to `port`, and
    /// places packets that wait in the guest's pages.
    ///
    /// # Errors
    ///
    /// [`NetError::Store`]; any other says why a frontend was refused or disconnected, once. Poll
    /// again in any case.
    pub fn poll(
        &mut self,
        now: Instant,
        port: &mut (impl Port + ?Sized),
    ) -> Result<NetbackEvent, NetError> {
        // A few steps in a row need nobody else: disconnect, close, offer again.
        for _ in 0..4 {
            match self.backend.poll(now)? {
                BackendEvent::Wait => return Ok(NetbackEvent::Idle),
                BackendEvent::Setup => self.setup()?,
                BackendEvent::Connect => match self.take_up() {
                    Ok(link) => {
                        self.link = Some(link);
                        // A failure leaves the device linked; the next poll disconnects it or tries
                        // again.
                        self.backend.connected(&[])?;
                    }
                    Err(error) => return Err(self.give_up(error)),
                },
                BackendEvent::Connected => return self.serve(port, now),
                BackendEvent::Disconnect => {
                    self.link = None;
                    self.backend.disconnected();
                }
                BackendEvent::Removed => return Ok(NetbackEvent::Removed),
            }
        }
        Ok(NetbackEvent::Busy)
    }

    /// Queues a packet for the guest. Returns `false` if it was dropped; the statistics tell why.
    ///
    /// Once the queue is half full, what waits in it is placed first: a burst is lost only if the
    /// guest has no pages for it.
    pub fn send(&mut self, packet: Packet<'_>) -> bool {
        let Some(link) = &mut self.link else { return false };
        let now = self.backend.store().platform().now();
        if link.rx.is_half_full() {
            // A ring that was spoilt stays so: the next poll tells.
            let _ = link.flush(&mut self.rx_statistics, now);
        }
        link.rx.queue(packet, &mut link.rx_ring, &mut self.rx_statistics, now)
    }

    /// Places packets that wait in the guest's pages, with one event at most.
    ///
    /// # Errors
    ///
    /// Those of [`poll`](Self::poll).
    pub fn flush(&mut self) -> Result<(), NetError> {
        let Some(link) = &mut self.link else { return Ok(()) };
        let now = self.backend.store().platform().now();
        link.flush(&mut self.rx_statistics, now).map_err(|error| self.give_up(error))
    }

    /// Lets go of the guest and removes the device's directory.
    ///
    /// # Errors
    ///
    /// Those of [`Backend::remove`].
    pub fn remove(self) -> Result<(), NetError> {
        drop(self.link);
        Ok(self.backend.remove()?)
    }

    /// Lets go of the guest and hands the device back, for somebody who can't serve it after all.
    pub fn into_backend(self) -> Backend<P, T> {
        self.backend
    }

    fn setup(&mut self) -> Result<(), NetError> {
        Ok(self.backend.setup(&[
            ("feature-rx-copy", &1),
            ("feature-rx-flip", &0),
            ("feature-sg", &1),
            ("feature-gso-tcpv4", &1),
            ("feature-gso-tcpv6", &0),
            ("feature-ipv6-csum-offload", &0),
            ("feature-multicast-control", &0),
            ("feature-split-event-channels", &0),
            ("multi-queue-max-queues", &1),
            ("hotplug-status", &"connected"),
        ])?)
    }

    /// Maps the rings and binds the port that the frontend has published; each node is read once.
    fn take_up(&self) -> Result<Link<P>, NetError> {
        let backend = &self.backend;
        let platform = backend.store().platform();
        let guest = backend.frontend_id();
        check_queues(backend.frontend_number_or("multi-queue-num-queues", 1)?)?;
        if backend.frontend_number_or("request-rx-copy", 0u32)? != 1 {
            return Err(NetError::RxFlip);
        }
        let abilities = Abilities {
            scatter_gather: backend.frontend_number_or("feature-sg", 0u32)? != 0,
            segmentation: backend.frontend_number_or("feature-gso-tcpv4", 0u32)? != 0,
            blank_checksums: backend.frontend_number_or("feature-no-csum-offload", 0u32)? == 0,
        };
        let rx_notify = backend.frontend_number_or("feature-rx-notify", 0u32)? != 0;
        let tx_ref = GrantRef(backend.frontend_number("tx-ring-ref")?);
        let rx_ref = GrantRef(backend.frontend_number("rx-ring-ref")?);
        let remote = EventPort(backend.frontend_number("event-channel")?);
        let map = |reference| -> Result<Mapping<P, ReadWrite>, NetError> {
            let window = Window::reserve(platform.clone(), 1)?;
            window.map(guest, &[reference]).map_err(|failed| NetError::Map(failed.error))
        };
        let tx_ring = BackRing::attach(map(tx_ref)?)?;
        let rx_ring = BackRing::attach(map(rx_ref)?)?;
        let tx = Tx::new(platform, guest)?;
        let rx = Rx::new(platform, guest, abilities)?;
        let channel = Channel::bind_interdomain(platform.clone(), guest, remote)
            .map_err(|errno| NetError::Port { port: remote, errno })?;
        Ok(Link { channel, tx_ring, rx_ring, tx, rx, rx_notify })
    }

    fn serve(
        &mut self,
        port: &mut (impl Port + ?Sized),
        now: Instant,
    ) -> Result<NetbackEvent, NetError> {
        let Some(link) = &mut self.link else { return Ok(NetbackEvent::Idle) };
        let received = link.receive(port, &mut self.tx_statistics);
        let done =
            received.and_then(|busy| link.flush(&mut self.rx_statistics, now).map(|()| busy));
        match done {
            Ok(true) => Ok(NetbackEvent::Busy),
            Ok(false) => Ok(NetbackEvent::Idle),
            Err(error) => Err(self.give_up(error)),
        }
    }

    /// Lets go of the frontend and begins to close the device.
    fn give_up(&mut self, error: NetError) -> NetError {
        self.link = None;
        // The error itself is worth more than that it could not be written down.
        let _ = self.backend.fail(error);
        self.backend.disconnected();
        error
    }
}

impl<P: ForeignFrames> Link<P> {
    /// Takes some batches of packets. Returns whether to look again soon.
    ///
    /// The frontend is asked for an event only once nothing was found: while packets come, its
    /// notifications, and the switches between domains that they cost, would bring less than
    /// another look.
    fn receive(
        &mut self,
        port: &mut (impl Port + ?Sized),
        statistics: &mut TxStatistics,
    ) -> Result<bool, NetError> {
        for batch in 0..BATCHES {
            let done = self.tx.round(&mut self.tx_ring, port, statistics);
            // What was answered before a violation still is to be seen.
            if self.tx_ring.publish() == Notify::Send {
                self.notify();
            }
            if !done? {
                return Ok(batch > 0 || self.tx_ring.final_check()?);
            }
        }
        Ok(true)
    }

    fn flush(&mut self, statistics: &mut RxStatistics, now: Instant) -> Result<(), NetError> {
        let mut result = Ok(true);
        // Bounded by what waits: nothing is queued meanwhile.
        while matches!(result, Ok(true)) && !self.rx.is_empty() {
            result = self.rx.round(&mut self.rx_ring, statistics, now);
        }
        if self.rx_ring.publish() == Notify::Send {
            self.notify();
        }
        result.map(drop)
    }

    fn notify(&self) {
        // A port whose other end is gone sends to nobody.
        let _ = self.channel.notify();
    }
}

fn check_queues(found: u32) -> Result<(), NetError> {
    if found == 1 { Ok(()) } else { Err(NetError::Queues { found }) }
}

impl<P: ForeignFrames, T: Transport> fmt::Debug for Netback<P, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { backend, mac, link, tx_statistics, rx_statistics } = self;
        f.debug_struct("Netback")
            .field("backend", backend)
            .field("mac", mac)
            .field("connected", &link.is_some())
            .field("tx", tx_statistics)
            .field("rx", rx_statistics)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d_n09_only_the_number_of_queues_that_was_offered_is_taken() {
        for found in [0, 2, u32::MAX] {
            assert_eq!(check_queues(found), Err(NetError::Queues { found }));
        }
        assert_eq!(check_queues(1), Ok(()));
    }
}
