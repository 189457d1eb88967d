//! The protocol of a network frontend, as xenbus calls it.

use super::control::ControlConnection;
use super::hash::HashWish;
use super::multicast::Groups;
use super::queues::{Connection, Queues};
use super::rings::Rings;
use super::rx::{RxFeatures, RxQueue};
use super::slots::Slots;
use super::static_grants::StaticGrantWish;
use super::tx::{TxFeatures, TxQueue};
use super::tx_buffers::TxBuffers;
use super::{MacAddress, NetFrontConfig, NetFrontError, NetFrontStatistics, ProtocolError};
use crate::connection;
use log::debug;
use xen_evtchn::Channel;
use xen_grant::GrantTable;
use xen_hypercall::{DomId, GrantRef, Instant, PageArc, PageBox, Platform};
use xen_ring::FrontRing;
use xen_store::wire::parse_number;
use xen_sys::io::netif::XEN_NETIF_MAX_TX_SIZE;
use xenbus::net::{key, xdp};
use xenbus::{Cause, FrontendDriver, KeyList, KeyValues, NodeWriter, Peer, XenbusState};

/// An Ethernet header with a VLAN tag.
const HEADER: usize = 18;

/// The largest payload of a packet without [scatter-gather](NetFrontConfig::scatter_gather): a
/// backend sends no larger one to a frontend that takes one slot for a packet.
const DEFAULT_MTU: u16 = 1500;
/// The largest payload of any packet.
const MAX_MTU: u16 = (XEN_NETIF_MAX_TX_SIZE - HEADER) as u16;
/// The smallest MTU of IPv4.
const MIN_MTU: u16 = 68;

/// The protocol of a network frontend, which the device calls when its states require it.
#[derive(Debug)]
pub(super) struct VifDriver<P: Platform> {
    grants: GrantTable<P>,
    pub(super) config: NetFrontConfig,
    pub(super) mac: MacAddress,
    pub(super) mtu: u16,
    /// The number of allocations that the backend still used when the last connection ended.
    pub(super) in_use: usize,
    pub(super) queues: PageArc<P, Queues<P>>,
    pub(super) groups: Groups,
    /// The backend filters multicast packets.
    pub(super) filters: bool,
    /// The backend's filter has the groups, even while it is off.
    pub(super) has_filter: bool,
    /// The backend's filter can be turned on and off while connected.
    pub(super) can_change_filter: bool,
    /// The backend's link is up.
    pub(super) carrier: bool,
    /// In a page of its own, so that the driver stays small.
    pub(super) control: Option<PageBox<P, ControlConnection<P>>>,
    pub(super) hash: HashWish,
    pub(super) static_grants: StaticGrantWish,
    /// Free bytes that this connection's backend leaves before packets.
    headroom: u16,
}

impl<P: Platform> VifDriver<P> {
    pub(super) fn new(
        grants: GrantTable<P>,
        config: NetFrontConfig,
        queues: PageArc<P, Queues<P>>,
    ) -> Self {
        Self {
            grants,
            config,
            mac: MacAddress::default(),
            mtu: DEFAULT_MTU,
            in_use: 0,
            queues,
            groups: Groups::default(),
            filters: false,
            has_filter: false,
            can_change_filter: false,
            carrier: true,
            control: None,
            hash: HashWish::default(),
            static_grants: StaticGrantWish::default(),
            headroom: 0,
        }
    }

    /// Takes the responses of the control ring, and sends what follows from them. After an error
    /// all later calls return it.
    pub(super) fn poll_control(&mut self, now: Instant) -> Result<(), ProtocolError> {
        let Self { control, hash, static_grants, queues, config, .. } = self;
        let Some(control) = control else { return Ok(()) };
        control.poll((hash, static_grants), queues, now, config.timeout)
    }

    /// Returns whether [`poll_control`](Self::poll_control) has something to do.
    pub(super) fn has_control_work(&self) -> bool {
        let changed = self.hash.changed || self.static_grants.changed;
        self.control.as_ref().is_some_and(|control| changed || !control.is_idle())
    }

    /// Sends the changes of the multicast filter that there is room for; publish them.
    pub(super) fn update_filter(&mut self) {
        if !self.has_filter {
            return;
        }
        let Some(mut queue) = self.queues.open(0) else { return };
        let Some(connection) = &mut queue.connection else { return };
        while let Some(change) = self.groups.next_change() {
            // Without room, or on a broken device, the change is sent later.
            if connection.rings.change_filter(change).is_err() {
                return;
            }
            self.groups.sent(change);
        }
    }

    /// Creates the rings, buffers and channels of a queue, and grants the backend's domain access
    /// to them.
    fn connection(
        &self,
        peer: DomId,
        features: TxFeatures,
        split: bool,
        statistics: NetFrontStatistics,
    ) -> Result<Connection<P>, NetFrontError> {
        let NetFrontConfig { rx_slots, tx_slots, .. } = self.config;
        let ring = || connection::grant_page::<P, NetFrontError>(&self.grants, peer);
        let (rx_ring, tx_ring) = (FrontRing::new(ring()?)?, FrontRing::new(ring()?)?);
        let buffers = Slots::share(&self.grants, peer, rx_slots)?;
        let rx_features = RxFeatures { headroom: self.headroom, ..self.config.rx_features() };
        let rx = RxQueue::new(rx_ring, buffers, rx_features);
        let buffers = TxBuffers::grant(&self.grants, peer, tx_slots)?;
        let tx = TxQueue::new(tx_ring, buffers, features, usize::from(self.mtu) + HEADER);
        let mut rings = Rings::new(rx, tx);
        rings.statistics = statistics;
        // The backend reads the rings when it connects: there is no port to notify yet.
        let _ = rings.publish();
        let platform = self.grants.platform();
        let open = || Channel::alloc_unbound(platform.clone(), peer).map_err(NetFrontError::Port);
        Ok(Connection { rings, channel: open()?, rx_channel: split.then(open).transpose()? })
    }
}

impl<P: Platform> FrontendDriver for VifDriver<P> {
    const KIND: &'static str = "vif";

    /// Nodes of other numbers of queues and channels, and of features that this driver does not
    /// have, or not in each connection.
    const STALE_NODES: &'static [&'static str] = &[
        key::NUM_QUEUES,
        key::TX_RING_REF,
        key::RX_RING_REF,
        key::EVENT_CHANNEL,
        key::EVENT_CHANNEL_TX,
        key::EVENT_CHANNEL_RX,
        "queue-0",
        "queue-1",
        "queue-2",
        "queue-3",
        "queue-4",
        "queue-5",
        "queue-6",
        "queue-7",
        key::CTRL_RING_REF,
        key::EVENT_CHANNEL_CTRL,
        key::REQUEST_MULTICAST_CONTROL,
        "feature-gso-tcpv4-prefix",
        key::XDP_HEADROOM,
    ];

    const WATCHED_NODE: Option<&'static str> = Some(key::CARRIER);

    /// A network frontend is connected at once: the backend has no details to add.
    const SETUP_STATE: XenbusState = XenbusState::CONNECTED;

    type Error = NetFrontError;

    fn setup_keys(&self, keys: &mut KeyList<'_>) {
        keys.own(key::MAC);
        keys.own(key::MTU);
        keys.peers(&[
            key::MAC,
            key::MTU,
            key::FEATURE_RX_COPY,
            key::FEATURE_SG,
            key::FEATURE_GSO_TCPV4,
            key::FEATURE_GSO_TCPV6,
            key::FEATURE_NO_CSUM_OFFLOAD,
            key::FEATURE_IPV6_CSUM_OFFLOAD,
            key::FEATURE_SPLIT_EVENT_CHANNELS,
            key::FEATURE_MULTICAST_CONTROL,
            key::FEATURE_DYNAMIC_MULTICAST_CONTROL,
            key::FEATURE_CTRL_RING,
            key::FEATURE_XDP_HEADROOM,
            key::MAX_QUEUES,
        ]);
    }

    fn setup(&mut self, peer: &Peer<'_>) -> Result<(), NetFrontError> {
        let nodes = &peer.nodes;
        self.mac = mac(nodes)?;
        // Linux's and FreeBSD's backends copy; one that can only exchange pages is not supported.
        if nodes.number_or(key::FEATURE_RX_COPY, 0u32)? == 0 {
            return Err(NetFrontError::NoRxCopy);
        }
        let has_control =
            self.config.control_ring && nodes.number_or(key::FEATURE_CTRL_RING, 0u32)? != 0;
        let features = TxFeatures { hash: has_control, ..tx_features(self.config, nodes)? };
        let large = features.scatter_gather && self.config.rx_features().scatter_gather;
        self.mtu = mtu(nodes, if large { MAX_MTU } else { DEFAULT_MTU });
        let split = self.config.split_event_channels
            && nodes.number_or(key::FEATURE_SPLIT_EVENT_CHANNELS, 0u32)? != 0;
        let can_filter = nodes.number_or(key::FEATURE_MULTICAST_CONTROL, 0u32)? != 0;
        self.filters = self.config.multicast_filter && can_filter;
        self.has_filter = self.filters;
        self.can_change_filter =
            can_filter && nodes.number_or(key::FEATURE_DYNAMIC_MULTICAST_CONTROL, 0u32)? != 0;
        let has_headroom = nodes.number_or(key::FEATURE_XDP_HEADROOM, 0u32)? != 0;
        self.headroom =
            if has_headroom { self.config.xdp_headroom.min(xdp::MAX_HEADROOM) } else { 0 };
        self.groups.restart();
        self.carrier = true;
        let most = nodes.number_or(key::MAX_QUEUES, 1u32)?;
        let rings = usize::from(self.config.valid_queues()).min(most as usize).max(1);
        debug!("vif: {rings} queues, split channels: {split}, mtu {}, {features:?}", self.mtu);
        self.queues.set_rings(rings);
        for index in 0..rings {
            let statistics = self.queues.lock(index).map(|queue| queue.statistics);
            let statistics = statistics.unwrap_or_default();
            let connection = self.connection(peer.id, features, split, statistics)?;
            if let Some(mut queue) = self.queues.lock(index) {
                queue.connection = Some(connection);
            }
        }
        self.hash.changed = self.hash.config.is_some();
        self.static_grants.changed = self.static_grants.enabled;
        if has_control {
            let control = ControlConnection::new(&self.grants, peer.id, rings)?;
            self.control = Some(PageBox::new(self.grants.platform().clone(), control)?);
        }
        Ok(())
    }

    fn write_nodes(&self, nodes: &mut NodeWriter<'_>) {
        let rings = self.queues.rings();
        if rings > 1 {
            nodes.write(key::NUM_QUEUES, rings);
        }
        for index in 0..rings {
            let queue = (rings > 1).then_some(index as u32);
            if let Some(open) = self.queues.lock(index)
                && let Some(connection) = &open.connection
            {
                write_queue(nodes, connection, queue);
            }
        }
        if let Some(control) = &self.control {
            nodes.write(key::CTRL_RING_REF, control.reference());
            nodes.write(key::EVENT_CHANNEL_CTRL, control.port().0);
        }
        if self.headroom > 0 {
            nodes.write(key::XDP_HEADROOM, self.headroom);
        }
        nodes.write(key::REQUEST_RX_COPY, 1);
        // Without it Linux's backend ignores events for free buffers, and polls for them every 30
        // ms.
        nodes.write(key::FEATURE_RX_NOTIFY, 1);
        let offers = self.config.rx_features();
        let checksums = self.config.checksum_offload;
        nodes.write(key::FEATURE_SG, u8::from(offers.scatter_gather));
        nodes.write(key::FEATURE_GSO_TCPV4, u8::from(offers.segmentation));
        nodes.write(key::FEATURE_GSO_TCPV6, u8::from(offers.segmentation));
        nodes.write(key::FEATURE_NO_CSUM_OFFLOAD, u8::from(!checksums));
        nodes.write(key::FEATURE_IPV6_CSUM_OFFLOAD, u8::from(checksums));
        if self.filters {
            nodes.write(key::REQUEST_MULTICAST_CONTROL, 1);
        }
    }

    fn connect(&mut self, _: &Peer<'_>) -> Result<(), NetFrontError> {
        // The backend may have read the rings before it could receive events.
        let mut result = Ok(());
        self.queues.for_each(|queue| {
            if let Some(connection) = &queue.connection {
                let channels = [Some(&connection.channel), connection.rx_channel.as_ref()];
                for channel in channels.into_iter().flatten() {
                    let notified = channel.notify().map_err(ProtocolError::Notify);
                    result = result.and(notified);
                }
            }
        });
        Ok(result?)
    }

    fn run(&mut self, now: Instant) -> Result<(), NetFrontError> {
        self.update_filter();
        let mut result = self.poll_control(now);
        self.queues.for_each(|queue| {
            let flushed = queue.connection.as_mut().map_or(Ok(()), Connection::flush);
            result = result.and(flushed);
        });
        Ok(result?)
    }

    /// Takes the state of the backend's link; a value that is no number changes nothing.
    fn node_changed(&mut self, value: &[u8]) -> Result<(), NetFrontError> {
        match (value, parse_number::<u32>(value)) {
            ([], _) => self.carrier = true,
            (_, Ok(found)) => self.carrier = found != 0,
            (_, Err(error)) => debug!("vif: carrier: {error}"),
        }
        Ok(())
    }

    fn disconnect(&mut self, _: Cause) {
        self.queues.set_connected(false);
        let (mut in_use, mut connections) = (0, 0);
        self.queues.for_each(|queue| {
            let Some(Connection { rings, .. }) = queue.connection.take() else { return };
            let Rings { rx, tx, statistics, .. } = rings;
            queue.statistics = statistics;
            let ((rx_ring, rx), (tx_ring, tx)) = (rx.into_parts(), tx.into_parts());
            let rings = [rx_ring, tx_ring].into_iter().filter_map(|ring| ring.end_access().err());
            in_use += rings.count() + rx.end_access() + tx.end_access();
            connections += 1;
        });
        if let Some(control) = self.control.take() {
            in_use += PageBox::into_inner(control).end_access();
        }
        if connections != 0 {
            self.in_use = in_use;
        }
    }
}

/// Writes the nodes of a queue.
fn write_queue<P: Platform>(
    nodes: &mut NodeWriter<'_>,
    connection: &Connection<P>,
    queue: Option<u32>,
) {
    let node = |key| key::QueueKey { queue, key };
    let Connection { rings, channel, rx_channel } = connection;
    let (GrantRef(tx), GrantRef(rx)) = (rings.tx.ring().reference(), rings.rx.ring().reference());
    nodes.write(node(key::TX_RING_REF), tx);
    nodes.write(node(key::RX_RING_REF), rx);
    match rx_channel {
        None => nodes.write(node(key::EVENT_CHANNEL), channel.port().0),
        Some(rx_channel) => {
            nodes.write(node(key::EVENT_CHANNEL_TX), channel.port().0);
            nodes.write(node(key::EVENT_CHANNEL_RX), rx_channel.port().0);
        }
    }
}

/// Returns the address, which is in the frontend's directory, or else in the backend's.
fn mac(nodes: &KeyValues<'_>) -> Result<MacAddress, NetFrontError> {
    let text = match nodes.own_string(key::MAC)? {
        Some(own) => own,
        None => nodes.string(key::MAC)?.ok_or(NetFrontError::NoMac)?,
    };
    MacAddress::parse(text.as_bytes()).map_err(NetFrontError::Mac)
}

/// Returns what the backend supports and the configuration permits.
fn tx_features(config: NetFrontConfig, nodes: &KeyValues<'_>) -> Result<TxFeatures, NetFrontError> {
    let offers = |key| Ok::<_, NetFrontError>(nodes.number_or(key, 0u32)? != 0);
    let scatter_gather = config.scatter_gather && offers(key::FEATURE_SG)?;
    let checksum_ipv4 = config.checksum_offload && !offers(key::FEATURE_NO_CSUM_OFFLOAD)?;
    let checksum_ipv6 = config.checksum_offload && offers(key::FEATURE_IPV6_CSUM_OFFLOAD)?;
    let segmentation = config.segmentation_offload && scatter_gather;
    Ok(TxFeatures {
        scatter_gather,
        checksum_ipv4,
        checksum_ipv6,
        tcp_ipv4: segmentation && checksum_ipv4 && offers(key::FEATURE_GSO_TCPV4)?,
        tcp_ipv6: segmentation && checksum_ipv6 && offers(key::FEATURE_GSO_TCPV6)?,
        hash: false,
    })
}

/// Returns the MTU, at most `limit`; a value that cannot be one counts as missing.
fn mtu(nodes: &KeyValues<'_>, limit: u16) -> u16 {
    let own = nodes.own_number::<u32>(key::MTU).ok().flatten();
    let found = own.or_else(|| nodes.optional_number(key::MTU).ok().flatten());
    let found = found.filter(|mtu| *mtu >= MIN_MTU.into()).unwrap_or(DEFAULT_MTU.into());
    found.min(limit.into()) as u16
}
