//! A network device.

use super::rings::Rings;
use super::rx::RxQueue;
use super::slots::{MAX_SLOTS, Slots};
use super::tx::TxQueue;
use super::{Broken, MacAddress, NetError, RxChecksum, RxPacket, Statistics, TxChecksum, TxError, Vif};
use core::fmt::Display;
use xen_evtchn::Channel;
use xen_grant::{GrantTable, ReadOnly, ReadWrite, Shared};
use xen_hypercall::{Instant, PAGE_SIZE, Pages, Platform, Port};
use xen_ring::{FrontRing, Notify};
use xen_store::xenbus::{Frontend, FrontendEvent, XenbusState};
use xen_store::{Nodes, XenStore};

/// The most payload of a packet. A backend sends no more to a frontend that takes one slot for a packet.
const MAX_MTU: u16 = 1500;
/// The least that IPv4 allows.
const MIN_MTU: u16 = 68;
/// An Ethernet header with a VLAN tag.
const HEADER: usize = 18;

/// How much memory a device takes, and what it offers to the backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Receive buffers, a page each, 1 to [`MAX_SLOTS`]. As many packets can arrive between two polls.
    pub rx_slots: u16,
    /// Transmit buffers, a page each, 1 to [`MAX_SLOTS`]. As many packets can be under way.
    pub tx_slots: u16,
    /// Whether IPv4 checksums may be left to whoever needs them, in both directions: packets that never are on a wire have none.
    /// If not, the driver computes what is to be sent, and the backend what is received.
    pub checksum_offload: bool,
}

/// 128 receive buffers, 64 transmit buffers (with them 772 KiB for the device), checksums offloaded.
impl Default for Config {
    fn default() -> Self {
        Self { rx_slots: 128, tx_slots: 64, checksum_offload: true }
    }
}

/// How a device stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// The backend is not ready yet.
    Connecting,
    /// Packets flow.
    Up,
    /// The backend is going, or the device is being closed; packets don't flow any more. Go on polling.
    Closing,
    /// Nothing more will come of it: both ends are closed, or the device was removed. Drop it.
    Closed,
}

pub(super) type DeviceRings<'a, P> =
    Rings<Shared<'a, P, ReadWrite>, Shared<'a, P, ReadWrite>, Shared<'a, P, ReadOnly>>;

/// A network device.
///
/// All memory that the backend can reach is shared when the device is opened and taken back when it is closed. Between, packets
/// are copied, in both directions: sending or receiving makes no grant operation and allocates nothing.
///
/// What was sent and which buffers are free again is shown to the backend by [`flush`](Self::flush), with one event at most; [`poll`](Self::poll),
/// [`wait`](Self::wait) and a [`receive`](Self::receive) that finds nothing do it too.
///
/// Close it with [`close`](Self::close). If it is just dropped, the pages that the backend still uses go to the grant table's quarantine.
#[derive(Debug)]
pub struct Net<'a, P: Platform> {
    frontend: Frontend<'a, P>,
    pub(super) rings: DeviceRings<'a, P>,
    channel: Channel<P>,
    /// A page to receive into and a page to send from.
    pub(super) scratch: Pages<P>,
    config: Config,
    vif: Vif,
    mac: MacAddress,
    mtu: u16,
    pub(super) link: Link,
}

impl<'a, P: Platform> Net<'a, P> {
    /// Opens a device and connects it, waiting for the backend as long as its steps may take.
    ///
    /// # Errors
    ///
    /// [`NetError`]; the device is being closed then.
    pub fn connect(
        store: &'a XenStore<P>,
        grants: &'a GrantTable<P>,
        vif: Vif,
        config: Config,
    ) -> Result<Self, NetError> {
        let mut net = Self::open(store, grants, vif, config)?;
        loop {
            let event = net.frontend.wait();
            match event.map_err(NetError::from).and_then(|event| net.handle(event)) {
                Ok(Link::Up) => return Ok(net),
                Ok(Link::Connecting) => {}
                Ok(Link::Closing | Link::Closed) => return Err(NetError::Refused),
                Err(error) => {
                    // What went wrong matters more than whether it could be reported.
                    let _ = net.frontend.fatal(error);
                    return Err(error);
                }
            }
        }
    }

    /// Opens a device without waiting for the backend; [`poll`](Self::poll) connects it.
    ///
    /// # Errors
    ///
    /// [`NetError`], with nothing changed in the store.
    pub fn open(
        store: &'a XenStore<P>,
        grants: &'a GrantTable<P>,
        vif: Vif,
        config: Config,
    ) -> Result<Self, NetError> {
        let Config { rx_slots, tx_slots, checksum_offload } = config;
        for slots in [rx_slots, tx_slots] {
            if slots == 0 || slots > MAX_SLOTS {
                return Err(NetError::Slots { found: slots });
            }
        }
        let frontend = Frontend::open(store, "vif", vif.0)?;
        let (mac, mtu) = (read_mac(&frontend)?, read_mtu(&frontend));
        let (peer, platform) = (frontend.backend_id(), store.platform());
        let ring = || -> Result<Shared<'a, P, ReadWrite>, NetError> {
            let page = Pages::alloc(platform.clone(), 1).map_err(NetError::Memory)?;
            grants.share_writable(page, peer).map_err(|failed| NetError::Grant(failed.error))
        };
        let rx_ring = FrontRing::new(ring()?).map_err(NetError::Ring)?;
        let tx_ring = FrontRing::new(ring()?).map_err(NetError::Ring)?;
        let rx = RxQueue::new(rx_ring, Slots::share(grants, peer, rx_slots)?);
        let max_packet = usize::from(mtu) + HEADER;
        let tx = TxQueue::new(tx_ring, Slots::share(grants, peer, tx_slots)?, checksum_offload, max_packet);
        let mut rings = Rings::new(rx, tx);
        // Nobody listens yet: the backend looks at the ring when it connects.
        let _ = rings.publish();
        let scratch = Pages::alloc(platform.clone(), 2).map_err(NetError::Memory)?;
        let channel = Channel::alloc_unbound(platform.clone(), peer).map_err(NetError::Port)?;
        let link = Link::Connecting;
        Ok(Self { frontend, rings, channel, scratch, config, vif, mac, mtu, link })
    }

    /// Returns which device it is.
    pub fn vif(&self) -> Vif {
        self.vif
    }

    /// Returns the device's address.
    pub fn mac(&self) -> MacAddress {
        self.mac
    }

    /// Returns the most bytes of a packet after its Ethernet header: node `mtu`, 1500 if there is none, and at most that.
    pub fn mtu(&self) -> u16 {
        self.mtu
    }

    /// Returns the port whose events announce packets, and room for packets after [`TxError::Full`].
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

    /// Moves the connection on: connects, follows the backend when it closes. Then flushes. Does not wait.
    ///
    /// Call it on an event of the store's port, and when the device has to be up. A device whose backend broke the protocol
    /// begins to close; the error is returned once, then polling goes on to [`Link::Closed`].
    ///
    /// # Errors
    ///
    /// [`NetError::Broken`], [`NetError::Xenbus`].
    pub fn poll(&mut self, now: Instant) -> Result<Link, NetError> {
        if let Err(broken) = self.flush()
            && self.link == Link::Up
        {
            self.link = Link::Closing;
            // The backend may be too broken to be told.
            let _ = self.frontend.fatal(broken);
            return Err(broken.into());
        }
        let event = self.frontend.poll(now)?;
        self.handle(event)
    }

    /// Takes the next packet into `buffer`; a packet that is longer is dropped and counted. `None` if none has come, or the
    /// link is not up.
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

    /// Calls `use_packet` with the next packet, in memory of the driver's that the backend can't reach, and returns what it returned.
    ///
    /// # Errors
    ///
    /// As for [`receive`](Self::receive).
    pub fn receive_with<T>(
        &mut self,
        use_packet: impl FnOnce(&mut [u8], RxChecksum) -> T,
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

    /// Copies `packet`, an Ethernet frame, into a free buffer for the backend to take. [`flush`](Self::flush) when the batch is done.
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
        let buffer = self.scratch.as_mut_slice().get_mut(PAGE_SIZE..).and_then(|page| page.get_mut(..len));
        let packet = buffer.ok_or(TxError::TooLong { len, limit: PAGE_SIZE })?;
        packet.fill(0);
        let result = write_packet(packet);
        self.rings.transmit(packet, checksum)?;
        Ok(result)
    }

    /// Shows the backend what was transmitted, and which receive buffers are free again; sends one event if the backend needs it.
    ///
    /// # Errors
    ///
    /// [`Broken`] if the backend broke the protocol before, or the event could not be sent.
    pub fn flush(&mut self) -> Result<(), Broken> {
        self.rings.intact()?;
        match self.rings.publish() {
            Notify::Send if self.link == Link::Up => self.channel.notify().map_err(Broken::Notify),
            _ => Ok(()),
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

    /// Waits until there may be something to do for this device or for the store, or until `deadline`. For a kernel that waits for
    /// nothing else; others wait for all their ports after a [`final_check`](Self::final_check).
    pub fn wait(&mut self, deadline: Option<Instant>) {
        // An error is one that the caller is about to see: it does not come from waiting.
        if self.final_check() == Ok(false) {
            let store = self.frontend.store();
            store.platform().wait(&[self.port(), store.port()], deadline);
        }
    }

    /// Stops the device, waits until the backend has let go of it, and takes the memory back.
    ///
    /// # Errors
    ///
    /// [`NetError::Xenbus`] if the backend did not follow in time, [`NetError::InUse`] if it did but kept memory mapped. In both
    /// cases all is closed on our side, and what the backend still uses is in the grant table's quarantine.
    pub fn close(mut self) -> Result<(), NetError> {
        self.link = Link::Closing;
        let closed = self.frontend.close_and_wait();
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
            FrontendEvent::Connect | FrontendEvent::Resume => {
                self.frontend.connected()?;
                Link::Connecting
            }
            FrontendEvent::Connected => {
                if self.link != Link::Up {
                    // The backend may have looked at the rings before it could hear of them.
                    self.channel.notify().map_err(Broken::Notify)?;
                }
                Link::Up
            }
            FrontendEvent::Wait if self.link == Link::Up => Link::Up,
            FrontendEvent::Wait if self.link == Link::Connecting => Link::Connecting,
            FrontendEvent::Wait => Link::Closing,
            // No network backend reconfigures; one that says so has nothing to offer that we could take up.
            FrontendEvent::Close | FrontendEvent::Reconfigure => {
                self.frontend.close()?;
                Link::Closing
            }
            FrontendEvent::Closed | FrontendEvent::Unplugged => Link::Closed,
        };
        Ok(self.link)
    }

    /// Tells the backend where the rings are. A network frontend goes to Connected at once: the backend has no details to add.
    fn publish(&mut self) -> Result<(), NetError> {
        // A backend that only could exchange pages has not been seen for many years.
        if self.frontend.backend_number_or("feature-rx-copy", 0u32)? == 0 {
            return Err(NetError::NoRxCopy);
        }
        let refused = self.frontend.backend_number_or("feature-no-csum-offload", 0u32)? != 0;
        self.rings.tx.set_offload(self.config.checksum_offload && !refused);
        let reference =
            |ring: &Shared<'a, P, ReadWrite>| ring.refs().first().map_or(0, |reference| reference.0);
        let (rx, tx) = (reference(self.rings.rx.ring()), reference(self.rings.tx.ring()));
        let no_csum_offload = u32::from(!self.config.checksum_offload);
        let keys: [(&str, &dyn Display); 8] = [
            ("tx-ring-ref", &tx),
            ("rx-ring-ref", &rx),
            ("event-channel", &self.channel.port().0),
            ("request-rx-copy", &1),
            // Without it Linux's backend takes no notice of our events about free buffers, and looks for them every 30 ms.
            ("feature-rx-notify", &1),
            ("feature-sg", &0),
            ("feature-gso-tcpv4", &0),
            ("feature-no-csum-offload", &no_csum_offload),
        ];
        Ok(self.frontend.publish(XenbusState::CONNECTED, &keys)?)
    }
}

/// Reads the address, which is in the frontend's directory, or else the backend's.
fn read_mac<P: Platform>(frontend: &Frontend<'_, P>) -> Result<MacAddress, NetError> {
    let own = frontend.store().read_string::<32>(format_args!("{}/mac", frontend.path()));
    let text = match own {
        Err(error) if error.is_not_found() => frontend.backend_string::<32>("mac")?,
        own => own?,
    };
    MacAddress::parse(text.as_bytes()).map_err(NetError::Mac)
}

/// Reads the MTU; what can't be one counts as absent.
fn read_mtu<P: Platform>(frontend: &Frontend<'_, P>) -> u16 {
    let own = frontend.store().read_number::<u32>(format_args!("{}/mtu", frontend.path()));
    let found = own.or_else(|_| frontend.backend_number("mtu"));
    let found = found.ok().and_then(|mtu| u16::try_from(mtu).ok());
    found.filter(|mtu| *mtu >= MIN_MTU).unwrap_or(MAX_MTU).min(MAX_MTU)
}
