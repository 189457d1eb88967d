//! A network device.

use super::driver::VifDriver;
use super::hash::{HashConfig, HashState, HashWish};
use super::queues::{Connection, Queues};
use super::slots::MAX_SLOTS;
use super::static_grants::{StaticGrantState, StaticGrantWish};
use super::{
    DeviceState, MAX_QUEUES, MacAddress, NetFrontConfig, NetFrontError, NetFrontStatistics,
    NetQueue, PacketMeta, ProtocolError, RxPacket, SegmentationKind, TxError, Vif, write_pieces,
};
use core::fmt;
use heapless::Vec;
use xen_grant::GrantTable;
use xen_hypercall::{Instant, PAGE_SIZE, PageArc, PageBox, Pages, Platform, Port};
use xen_store::{XenStore, XsOps};
use xen_sys::io::netif::XEN_NETIF_MAX_TX_SIZE;
use xenbus::net::{DEFAULT_HASH, key};
use xenbus::{FrontendDevice, XenbusError};

/// The most ports of a device: two of each queue, and that of the control ring.
const MAX_PORTS: usize = 2 * MAX_QUEUES as usize + 1;

/// The pages of the longest packet.
const LONGEST: usize = XEN_NETIF_MAX_TX_SIZE.div_ceil(PAGE_SIZE);

/// A network device.
///
/// All memory that the backend can access is granted when the device connects, and released when
/// the connection ends: sending or receiving makes no grant operation and allocates nothing. A
/// packet is copied once when it is received. It is written straight into the backend's view when
/// it is sent, or copied there once.
///
/// [`flush`](Self::flush) publishes transmitted packets and free receive buffers, with at most one
/// event; [`poll`](Self::poll), [`wait`](Self::wait) and a [`receive`](Self::receive) without a
/// packet flush too.
///
/// Close it with [`close`](Self::close) or [`close_and_wait`](Self::close_and_wait). If it is
/// dropped, the pages that the backend still uses go to the grant table's deferred list.
pub struct NetFront<P: Platform> {
    device: FrontendDevice<P, PageBox<P, VifDriver<P>>>,
    pub(super) queues: PageArc<P, Queues<P>>,
    /// The device has been connected before, and is again since the caller announced its address.
    connected_before: bool,
    announce: bool,
    vif: Vif,
    pub(super) memory: PageBox<P, Memory<P>>,
}

/// Private memory for packets, in a page of its own.
#[derive(Debug)]
pub(super) struct Memory<P: Platform> {
    /// Queue to receive from first.
    pub(super) next: usize,
    /// Memory to receive into.
    pub(super) received: Pages<P>,
    /// Memory of a packet that waits for transmit buffers: those of the first own queue.
    pub(super) spare: Pages<P>,
    /// A packet may wait there.
    pub(super) is_held: bool,
}

impl<P: Platform> NetFront<P> {
    /// Creates a device; [`poll`](Self::poll) connects it.
    ///
    /// # Errors
    ///
    /// [`NetFrontError::Slots`], [`NetFrontError::Memory`].
    pub fn new(
        store: &XenStore<P>,
        grants: &GrantTable<P>,
        vif: Vif,
        config: NetFrontConfig,
    ) -> Result<Self, NetFrontError> {
        for slots in [config.rx_slots, config.tx_slots] {
            if slots == 0 || slots > MAX_SLOTS {
                return Err(NetFrontError::Slots { found: slots });
            }
        }
        let pages = if config.scatter_gather { LONGEST } else { 1 };
        let received = Pages::alloc(store.platform().clone(), pages)?;
        let spare = Pages::alloc(store.platform().clone(), pages)?;
        let memory = Memory { next: 0, received, spare, is_held: false };
        let memory = PageBox::new(store.platform().clone(), memory)?;
        let queues = Queues::alloc(store.platform(), config.valid_queues())?;
        let driver = VifDriver::new(grants.clone(), config, queues.clone());
        let driver = PageBox::new(store.platform().clone(), driver)?;
        let mut device = FrontendDevice::new(store, vif.0, driver)?;
        device.set_timeout(config.timeout);
        Ok(Self { device, queues, connected_before: false, announce: false, vif, memory })
    }

    /// Creates a device and waits until it is connected, at most for the timeout of `config` in
    /// all.
    ///
    /// # Errors
    ///
    /// [`NetFrontError`]; the device is being closed then.
    pub fn connect(
        store: &XenStore<P>,
        grants: &GrantTable<P>,
        vif: Vif,
        config: NetFrontConfig,
    ) -> Result<Self, NetFrontError> {
        let deadline = store.platform().now() + config.timeout;
        let mut net = Self::new(store, grants, vif, config)?;
        net.device.connect_and_wait(deadline)?;
        net.connected_before = true;
        net.share_state();
        Ok(net)
    }

    /// Begins to connect the device again, as xenstore has it now: after it was closed, or removed
    /// and attached again, as when its backend's domain was destroyed and another one took its
    /// place. [`poll`](Self::poll) continues. Packets in flight are lost, as on any network; when
    /// the device is connected, [`take_announcement`](Self::take_announcement) returns `true`.
    pub fn reopen(&mut self) {
        self.device.reopen();
        self.share_state();
    }

    /// Begins to connect the device again after the domain was suspended and is now resumed
    /// elsewhere: with another backend, and without the former ports and grants. The store and the
    /// grant table must be resumed first.
    ///
    /// A domain can be resumed in place although its suspend reports another place (`xl resume` of
    /// a guest that cannot be cancelled). Its port is closed then, as by [`reopen`](Self::reopen).
    pub fn resume(&mut self) {
        self.device.resume();
        self.share_state();
    }

    #[cfg(feature = "embassy-net-driver")]
    pub(super) fn store(&self) -> &XenStore<P> {
        self.device.store()
    }

    /// Returns the name of the device.
    pub fn vif(&self) -> Vif {
        self.vif
    }

    /// Returns the device's address; all zeroes before it connected first.
    pub fn mac(&self) -> MacAddress {
        self.device.driver().mac
    }

    /// Returns the largest payload of a packet that is not segmented: node `mtu`, or 1500 without
    /// the node. It is more than that with [scatter-gather](NetFrontConfig::scatter_gather) only,
    /// and at most 65,517.
    pub fn mtu(&self) -> u16 {
        self.device.driver().mtu
    }

    /// Returns whether the interface has a link, as of the last [`poll`](Self::poll): the device is
    /// connected, and node `carrier` of the backend is 1 or missing. Without a link the backend can
    /// drop packets.
    ///
    /// Source: "Link state" in `io/netif.h`.
    #[doc(alias = "carrier")]
    pub fn has_carrier(&self) -> bool {
        self.device.state() == DeviceState::Connected && self.device.driver().carrier
    }

    /// Returns the length of the longest packet that the backend segments, zero if it segments none
    /// of this kind, or is not connected.
    pub fn max_segmented(&self, kind: SegmentationKind) -> usize {
        let queue = self.queues.lock(0);
        let connection = queue.as_ref().and_then(|queue| queue.connection.as_ref());
        connection.map_or(0, |connection| connection.rings.tx.max_segmented(kind))
    }

    /// Returns the number of queues of the connection: at most those of
    /// [`NetFrontConfig::queues`].
    pub fn queues(&self) -> usize {
        self.queues.rings()
    }

    /// Takes a queue out of the device, for another vCPU; `None` if there is no such queue, or it
    /// is taken. The functions of the device use the queues that are left.
    ///
    /// The queues of a device can be taken before it connects.
    pub fn take_queue(&mut self, index: usize) -> Option<NetQueue<P>> {
        NetQueue::take(&self.queues, index)
    }

    /// Returns the ports whose events announce packets, and room for packets after
    /// [`TxError::Full`], of the queues that are not taken. None while there is no connection; the
    /// ports change with each connection.
    ///
    /// A queue with an event channel for each ring has its transmit ring's port first. The last
    /// port is that of a [control ring](NetFrontConfig::control_ring).
    pub fn ports(&self) -> Vec<Port, MAX_PORTS> {
        let mut ports = Vec::new();
        for index in self.queues.own() {
            let queue = self.queues.lock(index);
            let connection = queue.as_ref().and_then(|queue| queue.connection.as_ref());
            ports.extend(connection.into_iter().flat_map(Connection::ports));
        }
        ports.extend(self.device.driver().control.as_ref().map(|control| control.port()));
        ports
    }

    /// Returns the counters, of all queues together.
    pub fn statistics(&self) -> NetFrontStatistics {
        let mut sum = NetFrontStatistics::default();
        self.queues.for_each(|queue| sum += queue.statistics());
        sum
    }

    /// Returns the counters of a queue.
    pub fn queue_statistics(&self, index: usize) -> Option<NetFrontStatistics> {
        self.queues.lock(index).map(|queue| queue.statistics())
    }

    /// Returns the configuration.
    pub fn config(&self) -> NetFrontConfig {
        self.device.driver().config
    }

    /// Returns the state as of the last [`poll`](Self::poll).
    pub fn state(&self) -> DeviceState {
        self.device.state()
    }

    /// Returns the number of free transmit buffers of the queues that are not taken.
    pub fn tx_free(&self) -> usize {
        let free = |index| {
            let queue = self.queues.lock(index)?;
            queue.connection.as_ref().map(|connection| connection.rings.tx.free())
        };
        self.queues.own().filter_map(free).sum()
    }

    /// Connects the device, follows the backend when it closes, and flushes. Never waits.
    ///
    /// Call it on an event of the store's port, and at [`poll_timeout`](Self::poll_timeout). A
    /// device whose backend broke the protocol begins to close; the error is returned once, then
    /// polling continues to [`DeviceState::Closed`].
    ///
    /// # Errors
    ///
    /// [`NetFrontError`]; the device can be polled on, and closed.
    pub fn poll(&mut self, now: Instant) -> Result<DeviceState, NetFrontError> {
        let before = self.device.state();
        let polled = self.device.poll(now);
        if before != DeviceState::Connected && self.device.state() == DeviceState::Connected {
            // A packet of an earlier connection was for another backend.
            self.memory.spare.as_mut_slice().fill(0);
            self.announce |= self.connected_before;
            self.connected_before = true;
        }
        self.share_state();
        polled
    }

    /// Returns, once for each time, whether the device is connected again, perhaps on another host:
    /// the caller announces its addresses, as by a gratuitous ARP, so that switches update their
    /// tables.
    pub fn take_announcement(&mut self) -> bool {
        self.device.state() == DeviceState::Connected && core::mem::take(&mut self.announce)
    }

    /// Receives the packets of a multicast group, also after a resume or a new connection. It
    /// matters with [`NetFrontConfig::multicast_filter`] only, and to a backend that
    /// [filters](Self::filters_multicast); others send all multicast packets.
    ///
    /// The next poll continues what finds no transmit buffer. A request that the backend refuses is
    /// counted ([`NetFrontStatistics::filter_errors`]).
    ///
    /// # Errors
    ///
    /// [`NetFrontError::NotMulticast`], [`NetFrontError::TooManyGroups`].
    #[doc(alias = "XEN_NETIF_EXTRA_TYPE_MCAST_ADD")]
    pub fn join_multicast(&mut self, group: MacAddress) -> Result<(), NetFrontError> {
        self.device.driver_mut().groups.join(group)?;
        self.device.driver_mut().update_filter();
        Ok(())
    }

    /// Receives the packets of a multicast group no longer.
    #[doc(alias = "XEN_NETIF_EXTRA_TYPE_MCAST_DEL")]
    pub fn leave_multicast(&mut self, group: MacAddress) {
        self.device.driver_mut().groups.leave(group);
        self.device.driver_mut().update_filter();
    }

    /// Turns the backend's multicast filter on or off, as
    /// [`NetFrontConfig::multicast_filter`] does for the first connection. Waits for xenstored's
    /// reply.
    ///
    /// A backend that cannot change it while connected keeps its state until the next connection;
    /// [`filters_multicast`](Self::filters_multicast) returns it.
    ///
    /// Source: "Multicast control" in `io/netif.h`.
    ///
    /// # Errors
    ///
    /// [`NetFrontError::Xenbus`] if the node cannot be written. The filter of this connection has
    /// not changed.
    #[doc(alias("request-multicast-control", "feature-dynamic-multicast-control"))]
    pub fn set_multicast_filter(&mut self, enabled: bool) -> Result<(), NetFrontError> {
        let is_connected = self.device.state() == DeviceState::Connected;
        let driver = self.device.driver_mut();
        driver.config.multicast_filter = enabled;
        if !is_connected || !driver.can_change_filter || driver.filters == enabled {
            return Ok(());
        }
        if enabled {
            // The filter drops packets of groups that it does not have yet.
            driver.has_filter = true;
            driver.update_filter();
            // The next poll returns the error.
            let _ = self.flush();
        }
        let node = format_args!("{}/{}", self.device.path(), key::REQUEST_MULTICAST_CONTROL);
        let written = self.device.store().write(node, if enabled { "1" } else { "0" });
        written.map_err(XenbusError::from)?;
        self.device.driver_mut().filters = enabled;
        Ok(())
    }

    /// Returns whether the backend of this connection filters multicast packets.
    pub fn filters_multicast(&self) -> bool {
        self.device.driver().filters
    }

    /// Configures the hash that selects the queues of received packets; `None` for a backend's own
    /// choice. It is sent again after a resume or a new connection. Never waits:
    /// [`hash_state`](Self::hash_state) has the result, which [`poll`](Self::poll) takes.
    ///
    /// While it is [active](HashState::Active), packets that have a hash come with it
    /// ([`PacketMeta::hash`]), as the backend says: the driver does not compare it with the packet.
    pub fn set_hash(&mut self, hash: Option<HashConfig>) {
        self.device.driver_mut().hash = HashWish { config: hash, changed: true };
        self.send_control();
    }

    /// Returns the state of the hash that [`set_hash`](Self::set_hash) has configured.
    pub fn hash_state(&self) -> HashState {
        let driver = self.device.driver();
        match (&driver.control, &driver.hash.config) {
            (Some(control), _) if !driver.hash.changed => control.hash.state(),
            (None, None) => HashState::Off,
            (None, Some(_)) if self.device.state() == DeviceState::Connected => {
                HashState::Unsupported
            }
            _ => HashState::Pending,
        }
    }

    /// Requests the backend to keep the buffers of all queues mapped, so that it copies packets
    /// without a hypercall; or no longer. It is requested again after a resume or a new connection.
    /// Never waits: [`static_grants`](Self::static_grants) has the result, which
    /// [`poll`](Self::poll) takes.
    #[doc(alias("XEN_NETIF_CTRL_TYPE_ADD_GREF_MAPPING", "XEN_NETIF_CTRL_TYPE_DEL_GREF_MAPPING"))]
    pub fn set_static_grants(&mut self, enabled: bool) {
        self.device.driver_mut().static_grants = StaticGrantWish { enabled, changed: true };
        self.send_control();
    }

    /// Sends the changes of a configuration, if there is a connection.
    fn send_control(&mut self) {
        let now = self.device.store().platform().now();
        if self.device.state() == DeviceState::Connected {
            // The next poll returns the error.
            let _ = self.device.driver_mut().poll_control(now);
        }
    }

    /// Returns the state of the buffers that [`set_static_grants`](Self::set_static_grants) has
    /// requested to map.
    pub fn static_grants(&self) -> StaticGrantState {
        let driver = self.device.driver();
        match (&driver.control, driver.static_grants.enabled) {
            (Some(control), _) if !driver.static_grants.changed => control.grants.state(),
            (None, false) => StaticGrantState::Off,
            (None, true) if self.device.state() == DeviceState::Connected => {
                StaticGrantState::Unsupported
            }
            _ => StaticGrantState::Pending,
        }
    }

    /// Returns when to poll again if no event comes before.
    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        let control = self.device.driver().control.as_ref().and_then(|control| control.deadline());
        let control = control.filter(|_| self.device.state() == DeviceState::Connected);
        [self.device.poll_timeout(now), control].into_iter().flatten().min()
    }

    /// Copies the state of the device to the queues.
    fn share_state(&self) {
        self.queues.set_connected(self.device.state() == DeviceState::Connected);
    }

    /// Returns the first queue that is not taken. A packet that waits in the spare memory is
    /// transmitted first, if that is possible.
    #[inline]
    pub(super) fn first_queue(&mut self) -> Option<usize> {
        let first = self.queues.own().next()?;
        if self.memory.is_held {
            self.retry_spare(first);
        }
        Some(first)
    }

    /// Transmits a packet that waits in the spare memory of queue `first`. One that another queue
    /// had, which was the first, is dropped.
    #[cold]
    fn retry_spare(&mut self, first: usize) {
        let Memory { spare, is_held, .. } = &mut *self.memory;
        *is_held = false;
        for index in self.queues.own() {
            let Some(mut queue) = self.queues.open(index) else { continue };
            let Some(Connection { rings, .. }) = &mut queue.connection else { continue };
            if index == first {
                // Rings that are broken stay so: the caller gets the error from its own operation.
                let _ = rings.retry_spare(spare.as_slice());
                *is_held = rings.is_holding();
            } else {
                rings.drop_spare();
            }
        }
    }

    /// Copies the next packet into `buffer`; a longer packet is dropped and counted. `None` if none
    /// has come, or the device is not connected.
    ///
    /// # Errors
    ///
    /// [`ProtocolError`] if the backend broke the protocol, now or before.
    pub fn receive(&mut self, buffer: &mut [u8]) -> Result<Option<RxPacket>, ProtocolError> {
        self.receive_vectored(&mut [buffer])
    }

    /// Copies the next packet into `buffers`, from the first to the last, so that a packet of up to
    /// 64 KiB needs no memory of that length; a longer packet is dropped and counted.
    ///
    /// The [partial](super::ChecksumState::Partial) checksum of a packet that is not in one buffer
    /// is not compared with its headers.
    ///
    /// # Errors
    ///
    /// As for [`receive`](Self::receive).
    pub fn receive_vectored(
        &mut self,
        buffers: &mut [&mut [u8]],
    ) -> Result<Option<RxPacket>, ProtocolError> {
        let Some(first) = self.first_queue() else { return Ok(None) };
        let packet = self.queues.receive_any(first, &mut self.memory.next, buffers)?;
        if packet.is_none() {
            self.flush()?;
        }
        Ok(packet)
    }

    /// Calls `use_packet` with the next packet, in private memory of the driver, and returns its
    /// result.
    ///
    /// # Errors
    ///
    /// As for [`receive`](Self::receive).
    pub fn receive_with<T>(
        &mut self,
        use_packet: impl FnOnce(&mut [u8], PacketMeta) -> T,
    ) -> Result<Option<T>, ProtocolError> {
        let Some(first) = self.first_queue() else { return Ok(None) };
        let Memory { next, received, .. } = &mut *self.memory;
        let packet = self.queues.receive_any(first, next, &mut [received.as_mut_slice()])?;
        let Some(RxPacket { len, meta }) = packet else {
            self.flush()?;
            return Ok(None);
        };
        let received = self.memory.received.as_mut_slice();
        Ok(received.get_mut(..len).map(|packet| use_packet(packet, meta)))
    }

    /// Copies `packet`, an Ethernet frame, into free buffers; [`flush`](Self::flush) publishes the
    /// batch.
    ///
    /// The checksum field of a packet with a [partial](super::ChecksumState::Partial) checksum or a
    /// segmentation can have any content: the driver writes it. The partial checksum of one that is
    /// not whole TCP or UDP is sent unchanged.
    ///
    /// # Errors
    ///
    /// [`TxError`]; the packet was not taken.
    pub fn transmit(&mut self, packet: &[u8], meta: PacketMeta) -> Result<(), TxError> {
        self.transmit_vectored(&[packet], meta)
    }

    /// Copies the pieces of a packet into free buffers, and transmits the packet as
    /// [`transmit`](Self::transmit) does. Of several queues, the packets of a flow take the same,
    /// by a hash of the first piece's headers.
    ///
    /// # Errors
    ///
    /// [`TxError`]; the packet was not taken.
    pub fn transmit_vectored(&mut self, pieces: &[&[u8]], meta: PacketMeta) -> Result<(), TxError> {
        let first = self.first_queue().ok_or(TxError::Down)?;
        let index = match pieces.first() {
            Some(head) if self.queues.rings() > 1 => {
                let (hash, own) = (DEFAULT_HASH.spread(head) as usize, self.queues.own().count());
                self.queues.own().nth(hash % own.max(1)).unwrap_or(first)
            }
            _ => first,
        };
        let len = pieces.iter().map(|piece| piece.len()).sum();
        self.queues.transmit(index, len, meta, |bytes| write_pieces(bytes, pieces))
    }

    /// Calls `write_packet` with `len` bytes, to be overwritten by an Ethernet frame, and transmits
    /// the frame through the first queue that is not taken.
    ///
    /// `write_packet` gets memory that the backend can read, and must write all bytes: those that
    /// it leaves are of an earlier packet of this connection, or zeroes.
    ///
    /// # Errors
    ///
    /// [`TxError`]; `write_packet` was not called, except for [`TxError::Segmentation`] of a packet
    /// that is not what is to be segmented.
    pub fn transmit_with<T>(
        &mut self,
        len: usize,
        meta: PacketMeta,
        write_packet: impl FnOnce(&mut [u8]) -> T,
    ) -> Result<T, TxError> {
        let first = self.first_queue().ok_or(TxError::Down)?;
        self.queues.transmit(first, len, meta, write_packet)
    }

    /// Publishes transmitted packets and free receive buffers; sends one event if the backend needs
    /// it.
    ///
    /// # Errors
    ///
    /// [`ProtocolError`] if the backend broke the protocol before, or the event could not be sent.
    pub fn flush(&mut self) -> Result<(), ProtocolError> {
        // Sends a packet that waits.
        let _ = self.first_queue();
        self.queues.own().try_for_each(|index| self.queues.flush(index))
    }

    /// Flushes, and requests events; returns whether there is work at once.
    ///
    /// Call it before waiting for [`ports`](Self::ports); on `true`, do not wait. Work is what the
    /// caller can do: a packet that it did not take because no transmit buffer was free is none
    /// before there is a buffer.
    ///
    /// # Errors
    ///
    /// [`ProtocolError`] as from [`receive`](Self::receive).
    pub fn final_check(&mut self) -> Result<bool, ProtocolError> {
        let _ = self.first_queue();
        // The time is read for requests in flight alone: Xen may emulate the read.
        if self.queues.is_connected() && self.device.driver().has_control_work() {
            let now = self.device.store().platform().now();
            self.device.driver_mut().poll_control(now)?;
        }
        self.queues.own().try_fold(false, |work, index| Ok(self.queues.final_check(index)? || work))
    }

    /// Waits until there may be work for this device or for the store, or until `deadline`. For a
    /// kernel that waits for nothing else; others wait for all their ports after a
    /// [`final_check`](Self::final_check).
    pub fn wait(&mut self, deadline: Option<Instant>) {
        // The next poll returns an error.
        if self.final_check() != Ok(false) {
            return;
        }
        let store = self.device.store();
        let timeout = self.poll_timeout(store.platform().now());
        let mut ports: Vec<Port, { MAX_PORTS + 1 }> = self.ports().into_iter().collect();
        let _ = ports.push(store.port());
        let deadline = [deadline, timeout].into_iter().flatten().min();
        store.platform().wait(&ports, deadline);
    }

    /// Begins to close the device: no more packets are sent or received. [`poll`](Self::poll) until
    /// the state is [`DeviceState::Closed`].
    pub fn close(&mut self) {
        self.device.close();
        self.share_state();
    }

    /// Closes the device, waits until the backend has released it, and releases the memory. The
    /// backend has the timeout of [`NetFrontConfig`] in all.
    ///
    /// # Errors
    ///
    /// [`NetFrontError::Xenbus`] if the backend did not follow in time, [`NetFrontError::InUse`] if
    /// it did but kept memory mapped. The device is closed at this end then too, and the memory
    /// that the backend still uses is in the grant table's deferred list.
    pub fn close_and_wait(mut self) -> Result<(), NetFrontError> {
        let deadline = self.device.store().platform().now() + self.config().timeout;
        self.device.close_and_wait(deadline)?;
        match self.device.driver().in_use {
            0 => Ok(()),
            allocations => Err(NetFrontError::InUse { allocations }),
        }
    }
}

impl<P: Platform + fmt::Debug> fmt::Debug for NetFront<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NetFront")
            .field("vif", &self.vif)
            .field("device", &self.device)
            .finish_non_exhaustive()
    }
}
