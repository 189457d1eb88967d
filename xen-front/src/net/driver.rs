//! The protocol of a network frontend, as xenbus calls it.

use super::rings::Rings;
use super::rx::RxQueue;
use super::slots::Slots;
use super::tx::{TxFeatures, TxQueue};
use super::tx_buffers::TxBuffers;
use super::{MacAddress, NetFrontConfig, NetFrontError, NetFrontStatistics, ProtocolError};
use crate::connection;
use log::debug;
use xen_evtchn::Channel;
use xen_grant::{GrantTable, Granted, ReadOnly, ReadWrite};
use xen_hypercall::{DomId, GrantRef, Instant, Platform};
use xen_ring::{FrontRing, Notify};
use xen_sys::io::netif::XEN_NETIF_MAX_TX_SIZE;
use xenbus::net::key;
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

pub(super) type DeviceRings<P> =
    Rings<Granted<P, ReadWrite>, Granted<P, ReadWrite>, Granted<P, ReadOnly>>;

/// The rings and the port of one connection.
#[derive(Debug)]
pub(super) struct Connection<P: Platform> {
    pub(super) rings: DeviceRings<P>,
    channel: Channel<P>,
}

/// The protocol of a network frontend, which the device calls when its states require it, and the
/// tables of a connection: a page.
#[derive(Debug)]
pub(super) struct VifDriver<P: Platform> {
    grants: GrantTable<P>,
    pub(super) config: NetFrontConfig,
    pub(super) mac: MacAddress,
    pub(super) mtu: u16,
    /// Counters of the connections before.
    statistics: NetFrontStatistics,
    /// The number of allocations that the backend still used when the last connection ended.
    pub(super) in_use: usize,
    pub(super) connection: Option<Connection<P>>,
}

impl<P: Platform> VifDriver<P> {
    pub(super) fn new(grants: GrantTable<P>, config: NetFrontConfig) -> Self {
        Self {
            grants,
            config,
            mac: MacAddress::default(),
            mtu: DEFAULT_MTU,
            statistics: NetFrontStatistics::default(),
            in_use: 0,
            connection: None,
        }
    }

    pub(super) fn statistics(&self) -> NetFrontStatistics {
        self.connection.as_ref().map_or(self.statistics, |connection| connection.rings.statistics)
    }

    /// Creates rings and buffers and grants the backend's domain access to them.
    fn rings(&self, peer: DomId, tx: TxFeatures) -> Result<DeviceRings<P>, NetFrontError> {
        let NetFrontConfig { rx_slots, tx_slots, .. } = self.config;
        let ring = || connection::grant_page::<P, NetFrontError>(&self.grants, peer);
        let (rx_ring, tx_ring) = (FrontRing::new(ring()?)?, FrontRing::new(ring()?)?);
        let buffers = Slots::share(&self.grants, peer, rx_slots)?;
        let rx = RxQueue::new(rx_ring, buffers, self.config.rx_features());
        let buffers = TxBuffers::grant(&self.grants, peer, tx_slots)?;
        let tx = TxQueue::new(tx_ring, buffers, tx, usize::from(self.mtu) + HEADER);
        let mut rings = Rings::new(rx, tx);
        rings.statistics = self.statistics;
        // The backend reads the ring when it connects: there is no port to notify yet.
        let _ = rings.publish();
        Ok(rings)
    }
}

impl<P: Platform> Connection<P> {
    pub(super) fn port(&self) -> xen_hypercall::Port {
        self.channel.port()
    }

    /// Publishes what was queued and notifies the backend if it needs that.
    pub(super) fn flush(&mut self) -> Result<(), ProtocolError> {
        self.rings.intact()?;
        match self.rings.publish() {
            Notify::Send => self.channel.notify().map_err(ProtocolError::Notify),
            Notify::Skip => Ok(()),
        }
    }
}

impl<P: Platform> FrontendDriver for VifDriver<P> {
    const KIND: &'static str = "vif";

    /// Nodes of features that this driver does not have: several queues, split event channels,
    /// the control ring and more.
    const STALE_NODES: &'static [&'static str] = &[
        key::NUM_QUEUES,
        "event-channel-tx",
        "event-channel-rx",
        "ctrl-ring-ref",
        "event-channel-ctrl",
        "request-multicast-control",
        "feature-gso-tcpv4-prefix",
        "xdp-headroom",
    ];

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
        ]);
    }

    fn setup(&mut self, peer: &Peer<'_>) -> Result<(), NetFrontError> {
        let nodes = &peer.nodes;
        self.mac = mac(nodes)?;
        // Linux's and FreeBSD's backends copy; one that can only exchange pages is not supported.
        if nodes.number_or(key::FEATURE_RX_COPY, 0u32)? == 0 {
            return Err(NetFrontError::NoRxCopy);
        }
        let features = tx_features(self.config, nodes)?;
        let large = features.scatter_gather && self.config.rx_features().scatter_gather;
        self.mtu = mtu(nodes, if large { MAX_MTU } else { DEFAULT_MTU });
        let rings = self.rings(peer.id, features)?;
        debug!("vif: mtu {}, {features:?}", self.mtu);
        let platform = self.grants.platform().clone();
        let channel = Channel::alloc_unbound(platform, peer.id).map_err(NetFrontError::Port)?;
        self.connection = Some(Connection { rings, channel });
        Ok(())
    }

    fn write_nodes(&self, nodes: &mut NodeWriter<'_>) {
        let Some(Connection { rings, channel }) = &self.connection else { return };
        let GrantRef(tx) = rings.tx.ring().reference();
        let GrantRef(rx) = rings.rx.ring().reference();
        nodes.write(key::TX_RING_REF, tx);
        nodes.write(key::RX_RING_REF, rx);
        nodes.write(key::EVENT_CHANNEL, channel.port().0);
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
    }

    fn connect(&mut self, _: &Peer<'_>) -> Result<(), NetFrontError> {
        // The backend may have read the rings before it could receive events.
        let Some(connection) = &self.connection else { return Ok(()) };
        Ok(connection.channel.notify().map_err(ProtocolError::Notify)?)
    }

    fn run(&mut self, _: Instant) -> Result<(), NetFrontError> {
        Ok(self.connection.as_mut().map_or(Ok(()), Connection::flush)?)
    }

    fn disconnect(&mut self, _: Cause) {
        let Some(Connection { rings, .. }) = self.connection.take() else { return };
        let Rings { rx, tx, statistics, .. } = rings;
        self.statistics = statistics;
        let ((rx_ring, rx), (tx_ring, tx)) = (rx.into_parts(), tx.into_parts());
        let rings =
            [rx_ring, tx_ring].into_iter().filter_map(|ring| ring.end_access().err()).count();
        self.in_use = rings + rx.end_access() + tx.end_access();
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
    })
}

/// Returns the MTU, at most `limit`; a value that cannot be one counts as missing.
fn mtu(nodes: &KeyValues<'_>, limit: u16) -> u16 {
    let own = nodes.own_number::<u32>(key::MTU).ok().flatten();
    let found = own.or_else(|| nodes.optional_number(key::MTU).ok().flatten());
    let found = found.filter(|mtu| *mtu >= MIN_MTU.into()).unwrap_or(DEFAULT_MTU.into());
    found.min(limit.into()) as u16
}
