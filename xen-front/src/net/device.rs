//! A network device.

use super::nodes::{read_mac, read_mtu, remove_foreign_keys};
use super::rings::Rings;
use super::rx::RxQueue;
use super::slots::{MAX_SLOTS, Slots};
use super::tx::TxQueue;
use super::{
    Broken, Checksum, Config, Link, MacAddress, NetError, RxPacket, Statistics, TxChecksum,
    TxError, Vif,
};
use core::fmt::Display;
use core::time::Duration;
use xen_evtchn::Channel;
use xen_grant::{GrantTable, ReadOnly, ReadWrite, Shared};
use xen_hypercall::{DomId, Instant, PAGE_SIZE, Pages, Platform, Port};
use xen_ring::{FrontRing, Notify};
use xen_store::xenbus::{Frontend, FrontendEvent, XenbusError, XenbusState};
use xen_store::{PathText, XenStore};

/// An Ethernet header with a VLAN tag.
const HEADER: usize = 18;

pub(super) type DeviceRings<P> =
    Rings<Shared<P, ReadWrite>, Shared<P, ReadWrite>, Shared<P, ReadOnly>>;

/// A device as it is found in xenstore, and what was made for its backend.
struct Found<P: Platform> {
    frontend: Frontend<P>,
    rings: DeviceRings<P>,
    channel: Channel<P>,
    mac: MacAddress,
    mtu: u16,
}

/// A network device.
///
/// All memory that the backend can reach is shared when the device is opened and taken back when it
/// is closed. Between, packets are copied, in both directions: sending or receiving makes no grant
/// operation and allocates nothing.
///
/// What was sent and which buffers are free again is shown to the backend by
/// [`flush`](Self::flush), with one event at most; [`poll`](Self::poll), [`wait`](Self::wait) and a
/// [`receive`](Self::receive) that finds nothing do it too.
///
/// Close it with [`close`](Self::close). If it is just dropped, the pages that the backend still
/// uses go to the grant table's quarantine.
#[derive(Debug)]
pub struct Net<P: Platform> {
    grants: GrantTable<P>,
    frontend: Frontend<P>,
    pub(super) rings: DeviceRings<P>,
    channel: Channel<P>,
    /// A page to receive into and a page to send from.
    pub(super) scratch: Pages<P>,
    config: Config,
    vif: Vif,
    mac: MacAddress,
    mtu: u16,
    pub(super) link: Link,
}

impl<P: Platform> Net<P> {
    /// Opens a device and waits until it is connected, at most for the timeout of `config` in all.
    ///
    /// # Errors
    ///
    /// [`NetError`]; the device is being closed then.
    pub fn connect(
        store: &XenStore<P>,
        grants: &GrantTable<P>,
        vif: Vif,
        config: Config,
    ) -> Result<Self, NetError> {
        let deadline = store.platform().now() + config.timeout;
        let mut net = Self::open(store, grants, vif, config)?;
        let Err(error) = net.wait_until_up(deadline) else { return Ok(net) };
        // What went wrong matters more than whether it could be reported.
        let _ = net.frontend.fatal(error);
        Err(error)
    }

    /// Opens a device without waiting for the backend; [`poll`](Self::poll) connects it.
    ///
    /// # Errors
    ///
    /// [`NetError`], with nothing changed in the store.
    pub fn open(
        store: &XenStore<P>,
        grants: &GrantTable<P>,
        vif: Vif,
        config: Config,
    ) -> Result<Self, NetError> {
        for slots in [config.rx_slots, config.tx_slots] {
            if slots == 0 || slots > MAX_SLOTS {
                return Err(NetError::Slots { found: slots });
            }
        }
        let frontend = Frontend::open(store, "vif", vif.0)?;
        let Found { frontend, rings, channel, mac, mtu } = Self::set_up(frontend, grants, config)?;
        let scratch = Pages::alloc(store.platform().clone(), 2).map_err(NetError::Memory)?;
        let link = Link::Connecting;
        Ok(Self {
            grants: grants.clone(),
            frontend,
            rings,
            channel,
            scratch,
            config,
            vif,
            mac,
            mtu,
            link,
        })
    }

    /// Reads the device's nodes, and makes the rings and the port for its backend.
    fn set_up(
        mut frontend: Frontend<P>,
        grants: &GrantTable<P>,
        config: Config,
    ) -> Result<Found<P>, NetError> {
        frontend.set_timeout(config.timeout);
        let (mac, mtu) = (read_mac(&frontend)?, read_mtu(&frontend));
        let peer = frontend.backend_id();
        let rings = Self::share_rings(grants, peer, config, mtu)?;
        let channel =
            Channel::alloc_unbound(grants.platform().clone(), peer).map_err(NetError::Port)?;
        Ok(Found { frontend, rings, channel, mac, mtu })
    }

    /// Makes rings and buffers and shares them with the backend's domain.
    fn share_rings(
        grants: &GrantTable<P>,
        peer: DomId,
        config: Config,
        mtu: u16,
    ) -> Result<DeviceRings<P>, NetError> {
        let platform = grants.platform();
        let ring = || -> Result<Shared<P, ReadWrite>, NetError> {
            let page = Pages::alloc(platform.clone(), 1).map_err(NetError::Memory)?;
            grants.share_writable(page, peer).map_err(|failed| NetError::Grant(failed.error))
        };
        let rx_ring = FrontRing::new(ring()?).map_err(NetError::Ring)?;
        let tx_ring = FrontRing::new(ring()?).map_err(NetError::Ring)?;
        let rx = RxQueue::new(rx_ring, Slots::share(grants, peer, config.rx_slots)?);
        let max_packet = usize::from(mtu) + HEADER;
        let tx = TxQueue::new(tx_ring, Slots::share(grants, peer, config.tx_slots)?, max_packet);
        let mut rings = Rings::new(rx, tx);
        // Nobody listens yet: the backend looks at the ring when it connects.
        let _ = rings.publish();
        Ok(rings)
    }

    /// Begins to connect the device again, as xenstore has it now: after it was closed, or removed
    /// and plugged in again, as when its backend's domain died and another one took its place.
    /// [`poll`](Self::poll) goes on with it. Packets on their way are lost, as on any network; when
    /// the link is up, tell the network where you are (a gratuitous ARP).
    ///
    /// If there is no such device any more, the link is [`Link::Closed`].
    ///
    /// # Errors
    ///
    /// [`NetError`]; nothing has changed then.
    pub fn reopen(&mut self) -> Result<(), NetError> {
        let found = self.find_again();
        self.take_up(found)
    }

    /// Begins to connect the device again after the domain was suspended and is now resumed
    /// elsewhere: with another backend, and none of the ports and grants of before. The store
    /// and the grant table have to be resumed first. For a moment there is memory for twice the
    /// packets.
    ///
    /// A domain can be resumed in place and find that reported as elsewhere (`xl resume` of a guest
    /// that can't be cancelled). Its port is closed then, as by [`reopen`](Self::reopen).
    ///
    /// # Errors
    ///
    /// Those of [`reopen`](Self::reopen); call this again.
    pub fn resume(&mut self) -> Result<(), NetError> {
        // The grant table of a new domain has none of the old entries, and the references stay
        // those of the old rings.
        if self.rings.rx.ring().peer().is_none() {
            // The port's number may be another owner's already, whatever comes next.
            let none =
                Channel::of_start_of_day(self.grants.platform().clone(), self.channel.port());
            core::mem::replace(&mut self.channel, none).abandon();
        }
        self.reopen()
    }

    /// Finds the device in xenstore, and makes for its backend what it has to be given; `None` if
    /// there is no such device.
    fn find_again(&self) -> Result<Option<Found<P>>, NetError> {
        let frontend = match Frontend::open(self.frontend.store(), "vif", self.vif.0) {
            Err(XenbusError::Store(error)) if error.is_not_found() => return Ok(None),
            frontend => frontend?,
        };
        Self::set_up(frontend, &self.grants, self.config).map(Some)
    }

    /// Takes the new in the place of the old.
    fn take_up(&mut self, found: Result<Option<Found<P>>, NetError>) -> Result<(), NetError> {
        let Some(Found { frontend, mut rings, channel, mac, mtu }) = found? else {
            self.link = Link::Closed;
            return Ok(());
        };
        rings.statistics = self.rings.statistics;
        (self.frontend, self.rings, self.mac, self.mtu) = (frontend, rings, mac, mtu);
        self.channel = channel;
        self.link = Link::Connecting;
        Ok(())
    }

    /// Returns which device it is.
    pub fn vif(&self) -> Vif {
        self.vif
    }

    /// Returns the device's address.
    pub fn mac(&self) -> MacAddress {
        self.mac
    }

    /// Returns the most bytes of a packet after its Ethernet header: node `mtu`, 1500 if there is
    /// none, and at most that.
    pub fn mtu(&self) -> u16 {
        self.mtu
    }

    /// Returns the port whose events announce packets, and room for packets after
    /// [`TxError::Full`].
    pub fn port(&self) -> Port {
        self.channel.port()
    }

    /// Returns the counters.
    pub fn statistics(&self) -> Statistics {
        self.rings.statistics
    }

    /// Returns how the device was configured.
    pub fn config(&self) -> Config {
        self.config
    }

    /// Returns how the device stood when it was last polled.
    pub fn link(&self) -> Link {
        self.link
    }

    /// Returns how many packets can be transmitted at once.
    pub fn tx_free(&self) -> usize {
        self.rings.tx.free()
    }

    /// Moves the connection on: connects, follows the backend when it closes. Then flushes. Does
    /// not wait.
    ///
    /// Call it on an event of the store's port, and when the device has to be up. A device whose
    /// backend broke the protocol begins to close; the error is returned once, then polling
    /// goes on to [`Link::Closed`].
    ///
    /// # Errors
    ///
    /// [`NetError::Broken`], [`NetError::Xenbus`].
    pub fn poll(&mut self, now: Instant) -> Result<Link, NetError> {
        if self.link == Link::Closed {
            return Ok(self.link);
        }
        if let Err(broken) = self.flush() {
            self.link = Link::Closing;
            // That it went wrong matters more than whether it could be reported.
            let _ = self.frontend.fatal(broken);
            return Err(broken.into());
        }
        // A step at most leads to the next, and the last one waits for the backend.
        for _ in 0..4 {
            let event = match self.frontend.poll(now) {
                // Its directory went while our state was written.
                Err(XenbusError::Unplugged { .. }) => FrontendEvent::Unplugged,
                event => event?,
            };
            self.handle(event)?;
            if matches!(event, FrontendEvent::Wait | FrontendEvent::Connected)
                || self.link == Link::Closed
            {
                break;
            }
        }
        Ok(self.link)
    }

    /// Takes the next packet into `buffer`; a packet that is longer is dropped and counted. `None`
    /// if none has come, or the link is not up.
    ///
    /// # Errors
    ///
    /// [`Broken`] if the backend broke the protocol, now or before.
    pub fn receive(&mut self, buffer: &mut [u8]) -> Result<Option<RxPacket>, Broken> {
        if self.link != Link::Up {
            return Ok(None);
        }
        let packet = self.rings.receive(buffer)?;
        if packet.is_none() {
            self.flush()?;
        }
        Ok(packet)
    }

    /// Calls `use_packet` with the next packet, in memory of the driver's that the backend can't
    /// reach, and returns what it returned.
    ///
    /// # Errors
    ///
    /// As for [`receive`](Self::receive).
    pub fn receive_with<T>(
        &mut self,
        use_packet: impl FnOnce(&mut [u8], Checksum) -> T,
    ) -> Result<Option<T>, Broken> {
        if self.link != Link::Up {
            return Ok(None);
        }
        let Some((buffer, _)) = self.scratch.as_mut_slice().split_at_mut_checked(PAGE_SIZE) else {
            return Ok(None);
        };
        let Some(RxPacket { len, checksum }) = self.rings.receive(buffer)? else {
            self.flush()?;
            return Ok(None);
        };
        Ok(buffer.get_mut(..len).map(|packet| use_packet(packet, checksum)))
    }

    /// Copies `packet`, an Ethernet frame, into a free buffer for the backend to take.
    /// [`flush`](Self::flush) when the batch is done.
    ///
    /// # Errors
    ///
    /// [`TxError`]; the packet was not taken.
    pub fn transmit(&mut self, packet: &[u8], checksum: TxChecksum) -> Result<(), TxError> {
        if self.link != Link::Up {
            return Err(TxError::Down);
        }
        self.rings.transmit(packet, checksum)
    }

    /// Calls `write_packet` with `len` zeroes to write an Ethernet frame over, and transmits it.
    ///
    /// # Errors
    ///
    /// [`TxError`]; `write_packet` was not called.
    pub fn transmit_with<T>(
        &mut self,
        len: usize,
        checksum: TxChecksum,
        write_packet: impl FnOnce(&mut [u8]) -> T,
    ) -> Result<T, TxError> {
        if self.link != Link::Up {
            return Err(TxError::Down);
        }
        self.rings.make_room()?;
        self.rings.tx.check_len(len)?;
        let buffer =
            self.scratch.as_mut_slice().get_mut(PAGE_SIZE..).and_then(|page| page.get_mut(..len));
        let packet = buffer.ok_or(TxError::TooLong { len, limit: PAGE_SIZE })?;
        packet.fill(0);
        let result = write_packet(packet);
        self.rings.transmit(packet, checksum)?;
        Ok(result)
    }

    /// Shows the backend what was transmitted, and which receive buffers are free again; sends one
    /// event if the backend needs it.
    ///
    /// # Errors
    ///
    /// [`Broken`] if the backend broke the protocol before, or the event could not be sent.
    pub fn flush(&mut self) -> Result<(), Broken> {
        if self.link != Link::Up {
            return Ok(());
        }
        self.rings.intact()?;
        match self.rings.publish() {
            Notify::Send => self.channel.notify().map_err(Broken::Notify),
            Notify::Skip => Ok(()),
        }
    }

    /// Flushes, and asks for events; tells whether there is something to do at once.
    ///
    /// Call it before waiting for [`port`](Self::port); on `true`, don't wait.
    ///
    /// # Errors
    ///
    /// [`Broken`] as from [`receive`](Self::receive).
    pub fn final_check(&mut self) -> Result<bool, Broken> {
        self.flush()?;
        if self.link == Link::Up { self.rings.final_check() } else { Ok(false) }
    }

    /// Waits until there may be something to do for this device or for the store, or until
    /// `deadline`. For a kernel that waits for nothing else; others wait for all their ports
    /// after a [`final_check`](Self::final_check).
    pub fn wait(&mut self, deadline: Option<Instant>) {
        // An error is one that the caller is about to see: it does not come from waiting.
        if self.final_check() == Ok(false) {
            let store = self.frontend.store().clone();
            store.platform().wait(&[self.port(), store.port()], deadline);
        }
    }

    /// Polls and waits until the link is up. However often the backend changes its state,
    /// `deadline` stands.
    fn wait_until_up(&mut self, deadline: Instant) -> Result<(), NetError> {
        let store = self.frontend.store().clone();
        loop {
            let now = store.platform().now();
            self.limit_step(now, deadline);
            match self.poll(now)? {
                Link::Up => break,
                // From the deadline on this returns at once, and the next poll fails.
                Link::Connecting => store.wait(deadline),
                Link::Closing | Link::Closed => return Err(self.refused().into()),
            }
        }
        self.frontend.set_timeout(self.config.timeout);
        Ok(())
    }

    /// Polls and waits until both ends are closed, or the device is gone; at most until `deadline`.
    fn wait_until_closed(&mut self, deadline: Instant) -> Result<(), XenbusError> {
        let store = self.frontend.store().clone();
        loop {
            let now = store.platform().now();
            self.limit_step(now, deadline);
            match self.frontend.poll(now) {
                Ok(FrontendEvent::Wait) => store.wait(deadline),
                Ok(_) | Err(XenbusError::Unplugged { .. }) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    /// Lets the step that the frontend waits for end at `deadline`, with the error that names what
    /// it waits for.
    fn limit_step(&mut self, now: Instant, deadline: Instant) {
        self.frontend.set_timeout(if now < deadline {
            self.config.timeout
        } else {
            Duration::ZERO
        });
    }

    /// Stops the device, waits until the backend has let go of it, and takes the memory back. The
    /// backend has the timeout of [`Config`] in all.
    ///
    /// # Errors
    ///
    /// [`NetError::Xenbus`] if the backend did not follow in time, [`NetError::InUse`] if it did
    /// but kept memory mapped. All is closed on our side then too, and what the backend still
    /// uses is in the grant table's quarantine.
    pub fn close(mut self) -> Result<(), NetError> {
        self.link = Link::Closing;
        let deadline = self.frontend.store().platform().now() + self.config.timeout;
        let closed = self.frontend.close().and_then(|()| self.wait_until_closed(deadline));
        let Self { rings, channel, .. } = self;
        drop(channel);
        let ((rx_ring, rx), (tx_ring, tx)) = (rings.rx.into_parts(), rings.tx.into_parts());
        let in_use = [rx_ring, tx_ring].into_iter().filter_map(|ring| ring.reclaim().err()).count();
        let in_use = in_use + rx.reclaim() + tx.reclaim();
        closed?;
        if in_use == 0 { Ok(()) } else { Err(NetError::InUse { allocations: in_use }) }
    }

    fn handle(&mut self, event: FrontendEvent) -> Result<Link, NetError> {
        self.link = match event {
            FrontendEvent::Publish => {
                self.publish()?;
                Link::Connecting
            }
            FrontendEvent::Connected => {
                if self.link != Link::Up {
                    // The backend may have looked at the rings before it could hear of them.
                    self.channel.notify().map_err(Broken::Notify)?;
                }
                Link::Up
            }
            FrontendEvent::Wait => self.link,
            // No network backend reconfigures. One that does is closed, so that `Resume` never
            // follows, and `Connect` can't come before the frontend is Connected itself.
            FrontendEvent::Close
            | FrontendEvent::Reconfigure
            | FrontendEvent::Connect
            | FrontendEvent::Resume => {
                self.frontend.close()?;
                Link::Closing
            }
            FrontendEvent::Closed | FrontendEvent::Unplugged => Link::Closed,
        };
        Ok(self.link)
    }

    fn refused(&self) -> XenbusError {
        let path = PathText::new(&format_args!("{}/state", self.frontend.backend_path()));
        XenbusError::Refused {
            path,
            found: self.frontend.backend_state(),
            own: self.frontend.own_state(),
        }
    }

    /// Tells the backend where the rings are. A network frontend goes to Connected at once: the
    /// backend has no details to add.
    fn publish(&mut self) -> Result<(), NetError> {
        // A backend that only could exchange pages has not been seen for many years.
        if self.frontend.backend_number_or("feature-rx-copy", 0u32)? == 0 {
            return Err(NetError::NoRxCopy);
        }
        let refused = self.frontend.backend_number_or("feature-no-csum-offload", 0u32)? != 0;
        self.rings.tx.set_offload(self.config.checksum_offload && !refused);
        let reference =
            |ring: &Shared<P, ReadWrite>| ring.refs().first().map_or(0, |reference| reference.0);
        let (rx, tx) = (reference(self.rings.rx.ring()), reference(self.rings.tx.ring()));
        let no_csum_offload = u32::from(!self.config.checksum_offload);
        remove_foreign_keys(&self.frontend)?;
        let keys: [(&str, &dyn Display); 10] = [
            ("tx-ring-ref", &tx),
            ("rx-ring-ref", &rx),
            ("event-channel", &self.channel.port().0),
            ("request-rx-copy", &1),
            // Without it Linux's backend takes no notice of our events about free buffers, and
            // looks for them every 30 ms.
            ("feature-rx-notify", &1),
            ("feature-sg", &0),
            ("feature-gso-tcpv4", &0),
            ("feature-gso-tcpv6", &0),
            ("feature-no-csum-offload", &no_csum_offload),
            ("feature-ipv6-csum-offload", &0),
        ];
        Ok(self.frontend.publish(XenbusState::CONNECTED, &keys)?)
    }
}
