//! One network interface for one guest.

use super::driver::Driver;
use super::{
    MacAddress, NetBackConfig, NetBackError, Packet, PacketSink, QueueStatistics, RxStatistics,
    TxStatistics,
};
use core::fmt;
use core::time::Duration;
use xen_hypercall::{ForeignFrames, Instant, PageBox, Port};
use xen_store::{RingTransport, Transport, XenStore};
use xenbus::{BackendDevice, BackendEvent, DeviceId, Removal, XenbusError, XenbusState};

/// The result of a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetBackEvent {
    /// Wait for an event of the device's ports or the store's, at most until
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
/// piece before the sink gets them. A guest that takes nothing costs queues of fixed size; one
/// that breaks a ring's protocol is left alone and its device closed, until it connects again. Call
/// both whenever the store's port or one of the device's had an event; the device's ports stay
/// masked.
///
/// A guest can have several queues, each with rings and ports of its own. A flow of packets to the
/// guest stays in one queue, which its addresses and ports select, or the hash that the guest has
/// configured over its control ring.
pub struct NetBack<P: ForeignFrames, T: Transport = RingTransport<P>> {
    device: BackendDevice<P, PageBox<P, Driver<P>>, T>,
}

impl<P: ForeignFrames, T: Transport> NetBack<P, T> {
    /// Creates the backend of device `id`; [`poll`](Self::poll) offers it.
    ///
    /// # Errors
    ///
    /// Those of [`with_config`](Self::with_config).
    pub fn new(store: &XenStore<P, T>, id: DeviceId) -> Result<Self, XenbusError> {
        Self::with_config(store, id, NetBackConfig::default())
    }

    /// Creates the backend of device `id` with a configuration.
    ///
    /// # Errors
    ///
    /// Those of [`BackendDevice::new`]; [`XenbusError::Memory`].
    pub fn with_config(
        store: &XenStore<P, T>,
        id: DeviceId,
        config: NetBackConfig,
    ) -> Result<Self, XenbusError> {
        let platform = store.platform();
        let driver = Driver::new(platform.clone(), config);
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

    /// Returns the largest payload of a packet to the guest that is not segmented, as the toolstack
    /// has it in node `mtu`; `None` without the node, as libxl leaves it for 1500, or before it is
    /// read. It is left to the network behind the backend: [`send`](Self::send) does not compare
    /// packets with it.
    pub fn mtu(&self) -> Option<u16> {
        self.device.driver().mtu
    }

    /// Returns what was received from the guest so far, by all queues.
    pub fn tx_statistics(&self) -> TxStatistics {
        let mut sum = TxStatistics::default();
        self.device.driver().statistics.iter().for_each(|queue| sum.add(&queue.tx));
        sum
    }

    /// Returns what was sent to the guest so far, by all queues.
    pub fn rx_statistics(&self) -> RxStatistics {
        let mut sum = RxStatistics::default();
        self.device.driver().statistics.iter().for_each(|queue| sum.add(&queue.rx));
        sum
    }

    /// Returns the counters of queue `index`, of all connections; `None` if there is no such queue.
    pub fn queue_statistics(&self, index: usize) -> Option<QueueStatistics> {
        let queues = self.queues();
        self.device.driver().statistics.get(index).filter(|_| index < queues).copied()
    }

    /// Returns the number of queues of the connected frontend; 0 without one.
    pub fn queues(&self) -> usize {
        self.device.driver().connection.as_ref().map_or(0, |connection| connection.queues())
    }

    /// Returns whether a frontend is connected and takes packets: none of its queues is stalled.
    pub fn has_carrier(&self) -> bool {
        let connection = self.device.driver().connection.as_ref();
        connection.is_some_and(|connection| connection.has_carrier())
    }

    /// Returns whether a frontend is connected.
    pub fn is_connected(&self) -> bool {
        self.device.is_connected()
    }

    /// Returns the ports to wait for, while a frontend is connected: one or two of each queue, and
    /// that of the control ring.
    pub fn ports(&self) -> impl Iterator<Item = Port> {
        self.device.driver().connection.iter().flat_map(|connection| connection.ports())
    }

    /// Sets the time that a frontend has to close. The default is 30 seconds.
    pub fn set_close_timeout(&mut self, timeout: Duration) {
        self.device.set_timeout(timeout);
    }

    /// Returns when to poll again if no event comes before.
    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        let connection = self.device.driver().connection.as_ref();
        let queues = connection.and_then(|connection| connection.poll_timeout(now));
        [self.device.poll_timeout(now), queues].into_iter().flatten().min()
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
    /// Once its queue is half full, what waits in it is placed first: a burst is lost only if the
    /// guest has no pages for it.
    pub fn send(&mut self, packet: Packet<'_>) -> bool {
        let now = self.now();
        let Driver { connection, statistics, .. } = &mut **self.device.driver_mut();
        let Some(connection) = connection else { return false };
        connection.send(packet, statistics, now)
    }

    /// Places packets that wait in the guest's pages, with one event of each queue at most.
    ///
    /// # Errors
    ///
    /// Those of [`poll`](Self::poll).
    pub fn flush(&mut self) -> Result<(), NetBackError> {
        let now = self.now();
        let Driver { connection, statistics, .. } = &mut **self.device.driver_mut();
        let Some(connection) = connection else { return Ok(()) };
        let flushed = connection.flush(statistics, now);
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
        let Driver { connection, statistics, .. } = &mut **self.device.driver_mut();
        let Some(connection) = connection else { return Ok(NetBackEvent::Idle) };
        let received = connection.receive(now, port, statistics);
        let done = received.and_then(|busy| connection.flush(statistics, now).map(|()| busy));
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

impl<P: ForeignFrames, T: Transport> fmt::Debug for NetBack<P, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NetBack").field(&self.device).finish()
    }
}
