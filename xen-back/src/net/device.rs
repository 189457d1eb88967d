//! One network interface for one guest.

use super::driver::{Connection, Driver};
use super::rx::RxStatistics;
use super::tx::TxStatistics;
use super::{MacAddress, NetBackError, Packet, PacketSink};
use core::fmt;
use core::time::Duration;
use xen_hypercall::{ForeignFrames, Instant, PageBox, Port};
use xen_ring::Notify;
use xen_store::{RingTransport, Transport, XenStore};
use xenbus::{BackendDevice, BackendEvent, DeviceId, Removal, XenbusError, XenbusState};

/// Batches that one poll takes from the transmit ring, so that a busy guest leaves time for others.
const BATCHES: u32 = 4;

/// The time between polls for pages of a guest that sends no event for them.
const LOOK_AGAIN: Duration = Duration::from_millis(30);

/// The result of a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetBackEvent {
    /// Wait for an event of the device's or the store's port, at most until
    /// [`NetBack::poll_timeout`].
    Idle,
    /// Poll again soon: there are more packets, or there were some just now. Let others run in
    /// between.
    Busy,
    /// The device is gone. [`remove`](NetBack::remove) or drop it.
    Removed,
}

/// The backend of one network interface, for one guest.
///
/// [`poll`](Self::poll) takes the guest's packets and hands them to a [`PacketSink`];
/// [`send`](Self::send) queues packets for the guest, which the next [`flush`](Self::flush) or poll
/// places in its pages, a batch with each hypercall. Packets are copied, never mapped, and in one
/// piece before the sink gets them. A guest that takes nothing costs a queue of fixed size; one
/// that breaks a ring's protocol is left alone and its device closed, until it connects again. Call
/// both whenever the store's port or the device's had an event; the device's port stays masked.
pub struct NetBack<P: ForeignFrames, T: Transport = RingTransport<P>> {
    device: BackendDevice<P, PageBox<P, Driver<P>>, T>,
}

impl<P: ForeignFrames, T: Transport> NetBack<P, T> {
    /// Creates the backend of device `id`; [`poll`](Self::poll) offers it.
    ///
    /// # Errors
    ///
    /// Those of [`BackendDevice::new`]; [`XenbusError::Memory`].
    pub fn new(store: &XenStore<P, T>, id: DeviceId) -> Result<Self, XenbusError> {
        let platform = store.platform();
        let driver = Driver::new(platform.clone());
        let driver = PageBox::new(platform.clone(), driver).map_err(XenbusError::Memory)?;
        Ok(Self { device: BackendDevice::new(store, id, driver)? })
    }

    /// Returns the device's number and the guest's.
    pub fn id(&self) -> DeviceId {
        self.device.id()
    }

    /// Returns the device's directory, relative to the domain's home.
    pub fn path(&self) -> &str {
        self.device.path()
    }

    /// Returns the state of the backend.
    pub fn state(&self) -> XenbusState {
        self.device.own_state()
    }

    /// Returns the address that the toolstack has given to the guest's interface, once it is read,
    /// if it is one.
    pub fn mac(&self) -> Option<MacAddress> {
        self.device.driver().mac
    }

    /// Returns what was received from the guest so far.
    pub fn tx_statistics(&self) -> &TxStatistics {
        &self.device.driver().tx_statistics
    }

    /// Returns what was sent to the guest so far.
    pub fn rx_statistics(&self) -> &RxStatistics {
        &self.device.driver().rx_statistics
    }

    /// Returns whether a frontend is connected.
    pub fn is_connected(&self) -> bool {
        self.device.is_connected()
    }

    /// Returns the port to wait for, while a frontend is connected.
    pub fn port(&self) -> Option<Port> {
        self.device.driver().connection.as_ref().map(|connection| connection.channel.port())
    }

    /// Sets the time that a frontend has to close. The default is 30 seconds.
    pub fn set_close_timeout(&mut self, timeout: Duration) {
        self.device.set_timeout(timeout);
    }

    /// Returns when to poll again if no event comes before.
    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        let connection = self.device.driver().connection.as_ref();
        let starved = connection.is_some_and(|link| !link.rx_notify && !link.rx.is_empty());
        let look = starved.then_some(now + LOOK_AGAIN);
        let drain = connection.and_then(|connection| connection.rx.drain_deadline());
        [self.device.poll_timeout(now), look, drain].into_iter().flatten().min()
    }

    /// Does what can be done now: follows the states, hands the guest's packets to `port`, and
    /// places packets that wait in the guest's pages. Never waits.
    ///
    /// # Errors
    ///
    /// [`NetBackError::Xenbus`]; any other says why a frontend was refused or disconnected, once.
    /// Poll again in any case.
    pub fn poll(
        &mut self,
        now: Instant,
        port: &mut (impl PacketSink + ?Sized),
    ) -> Result<NetBackEvent, NetBackError> {
        match self.device.poll(now)? {
            BackendEvent::Idle => Ok(NetBackEvent::Idle),
            BackendEvent::Serve => self.serve(port, now),
            BackendEvent::Removed => Ok(NetBackEvent::Removed),
        }
    }

    /// Queues a packet for the guest. Returns `false` if it was dropped; the statistics have the
    /// reason.
    ///
    /// Once the queue is half full, what waits in it is placed first: a burst is lost only if the
    /// guest has no pages for it.
    pub fn send(&mut self, packet: Packet<'_>) -> bool {
        let now = self.now();
        let Driver { connection, rx_statistics, .. } = &mut **self.device.driver_mut();
        let Some(connection) = connection else { return false };
        if connection.rx.is_half_full() {
            // A ring that was spoilt stays so: the next poll returns the error.
            let _ = connection.flush(rx_statistics, now);
        }
        let Connection { rx, rx_ring, .. } = &mut **connection;
        rx.queue(packet, rx_ring, rx_statistics, now)
    }

    /// Places packets that wait in the guest's pages, with one event at most.
    ///
    /// # Errors
    ///
    /// Those of [`poll`](Self::poll).
    pub fn flush(&mut self) -> Result<(), NetBackError> {
        let now = self.now();
        let Driver { connection, rx_statistics, .. } = &mut **self.device.driver_mut();
        let Some(connection) = connection else { return Ok(()) };
        let flushed = connection.flush(rx_statistics, now);
        flushed.map_err(|error| self.fail(error))
    }

    /// Releases what the guest shared and begins to remove the device's directory.
    pub fn begin_removal(self) -> Removal<P, T> {
        self.device.begin_removal().1
    }

    /// Releases what the guest shared and removes the device's directory. Waits for xenstored.
    ///
    /// # Errors
    ///
    /// Those of [`Removal::wait`].
    pub fn remove(self) -> Result<(), NetBackError> {
        Ok(self.begin_removal().wait().map_err(XenbusError::Store)?)
    }

    fn now(&self) -> Instant {
        self.device.store().platform().now()
    }

    fn serve(
        &mut self,
        port: &mut (impl PacketSink + ?Sized),
        now: Instant,
    ) -> Result<NetBackEvent, NetBackError> {
        let Driver { connection, tx_statistics, rx_statistics, .. } =
            &mut **self.device.driver_mut();
        let Some(connection) = connection else { return Ok(NetBackEvent::Idle) };
        let received = connection.receive(port, tx_statistics);
        let done = received.and_then(|busy| connection.flush(rx_statistics, now).map(|()| busy));
        match done {
            Ok(true) => Ok(NetBackEvent::Busy),
            Ok(false) => Ok(NetBackEvent::Idle),
            Err(error) => Err(self.fail(error)),
        }
    }

    fn fail(&mut self, error: NetBackError) -> NetBackError {
        self.device.fail(&error);
        error
    }
}

impl<P: ForeignFrames> Connection<P> {
    /// Takes some batches of packets. Returns whether to poll again soon.
    ///
    /// An event is requested of the frontend only once no packet was found: while packets come,
    /// another poll costs less than its notifications and the switches between domains.
    fn receive(
        &mut self,
        port: &mut (impl PacketSink + ?Sized),
        statistics: &mut TxStatistics,
    ) -> Result<bool, NetBackError> {
        for batch in 0..BATCHES {
            let done = self.tx.process_ring(&mut self.tx_ring, port, statistics);
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

    fn flush(&mut self, statistics: &mut RxStatistics, now: Instant) -> Result<(), NetBackError> {
        let mut result = Ok(true);
        // Bounded by what waits: nothing is queued meanwhile.
        while matches!(result, Ok(true)) && !self.rx.is_empty() {
            result = self.rx.process_ring(&mut self.rx_ring, statistics, now);
        }
        if self.rx_ring.publish() == Notify::Send {
            self.notify();
        }
        result.map(drop)
    }

    fn notify(&self) {
        // A port whose other end is gone has no receiver.
        let _ = self.channel.notify();
    }
}

impl<P: ForeignFrames, T: Transport> fmt::Debug for NetBack<P, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NetBack").field(&self.device).finish()
    }
}
