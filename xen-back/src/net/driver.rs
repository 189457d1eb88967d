//! The protocol of a network interface in xenstore.

use super::config::MAX_QUEUES;
use super::connection::{Connection, FrontendNodes, Statistics};
use super::credit::Rate;
use super::queue_nodes;
use super::rx::{FrontendFeatures, PerFamily};
use super::{MacAddress, NetBackConfig, NetBackError, QueueStatistics};
use core::fmt;
use log::debug;
use xen_hypercall::{ForeignFrames, PageBox};
use xen_store::wire::parse_number;
use xenbus::net::{key, xdp};
use xenbus::{BackendDriver, KeyList, NodeWriter, Peer};

/// The node of the rate limit, of the toolstack.
const RATE: &str = "rate";

/// The smallest MTU of IPv4.
const MIN_MTU: u16 = 68;

/// Features of the frontend.
const FRONTEND_KEYS: [&str; 9] = [
    key::REQUEST_RX_COPY,
    key::REQUEST_MULTICAST_CONTROL,
    key::FEATURE_SG,
    key::FEATURE_GSO_TCPV4,
    key::FEATURE_GSO_TCPV6,
    key::FEATURE_NO_CSUM_OFFLOAD,
    key::FEATURE_IPV6_CSUM_OFFLOAD,
    key::FEATURE_RX_NOTIFY,
    key::XDP_HEADROOM,
];

/// An interface: its address and the connection to its frontend.
pub(super) struct Driver<P: ForeignFrames> {
    platform: P,
    config: NetBackConfig,
    pub(super) mac: Option<MacAddress>,
    rate: Option<Rate>,
    pub(super) mtu: Option<u16>,
    /// In pages, as its tables are larger than a driver is to be.
    pub(super) connection: Option<PageBox<P, Connection<P>>>,
    pub(super) statistics: Statistics,
}

impl<P: ForeignFrames> Driver<P> {
    pub(super) fn new(platform: P, config: NetBackConfig) -> Self {
        let statistics = [QueueStatistics::default(); MAX_QUEUES];
        Self { platform, config, mac: None, rate: None, mtu: None, connection: None, statistics }
    }

    /// Reads the free bytes that the frontend requests before each packet.
    fn headroom(&self, peer: &Peer<'_>) -> Result<u16, NetBackError> {
        if !self.config.xdp_headroom {
            return Ok(0);
        }
        Ok(peer.nodes.number_or(key::XDP_HEADROOM, 0)?.min(xdp::MAX_HEADROOM))
    }

    /// Reads and checks the nodes of the frontend.
    fn read_nodes(&self, peer: &Peer<'_>) -> Result<FrontendNodes, NetBackError> {
        let nodes = &peer.nodes;
        let (queues, control) = queue_nodes::read(self.config.queues(), nodes)?;
        let flag = |key| nodes.number_or(key, 0u32).map(|value| value != 0);
        if nodes.number_or(key::REQUEST_RX_COPY, 0u32)? != 1 {
            return Err(NetBackError::RxFlip);
        }
        let features = FrontendFeatures {
            scatter_gather: flag(key::FEATURE_SG)?,
            partial_checksums: PerFamily {
                ipv4: !flag(key::FEATURE_NO_CSUM_OFFLOAD)?,
                ipv6: flag(key::FEATURE_IPV6_CSUM_OFFLOAD)?,
            },
            segmentation: PerFamily {
                ipv4: flag(key::FEATURE_GSO_TCPV4)?,
                ipv6: flag(key::FEATURE_GSO_TCPV6)?,
            },
            rx_notify: flag(key::FEATURE_RX_NOTIFY)?,
            headroom: self.headroom(peer)?,
        };
        let multicast = flag(key::REQUEST_MULTICAST_CONTROL)?;
        Ok(FrontendNodes { features, multicast, queues, control })
    }
}

impl<P: ForeignFrames> BackendDriver for Driver<P> {
    const KIND: &'static str = "vif";

    const WATCHED_NODE: Option<&'static str> = Some(key::REQUEST_MULTICAST_CONTROL);

    /// Linux's frontend requests other free bytes before packets so, for its XDP programs, and
    /// waits for the answer without a timeout.
    const RECONFIGURES: bool = true;

    type Error = NetBackError;

    fn setup_keys(&self, keys: &mut KeyList<'_>) {
        keys.own(key::MAC);
        keys.own(RATE);
        keys.own(key::MTU);
    }

    fn setup(&mut self, peer: &Peer<'_>) -> Result<bool, NetBackError> {
        let mac = peer.nodes.own_string(key::MAC)?;
        self.mac = mac.and_then(|mac| MacAddress::parse(mac.as_bytes()).ok());
        self.rate = peer.nodes.own_string(RATE)?.map(Rate::parse).transpose()?.flatten();
        self.mtu = match peer.nodes.own_number(key::MTU)? {
            Some(found) if found < MIN_MTU => return Err(NetBackError::Mtu { found }),
            found => found,
        };
        Ok(true)
    }

    fn write_offer(&self, nodes: &mut NodeWriter<'_>) {
        for (name, value) in [
            (key::FEATURE_RX_COPY, 1),
            ("feature-rx-flip", 0),
            (key::FEATURE_SG, 1),
            (key::FEATURE_GSO_TCPV4, 1),
            (key::FEATURE_GSO_TCPV6, 1),
            (key::FEATURE_IPV6_CSUM_OFFLOAD, 1),
            (key::FEATURE_MULTICAST_CONTROL, 1),
            (key::FEATURE_DYNAMIC_MULTICAST_CONTROL, 1),
            (key::FEATURE_SPLIT_EVENT_CHANNELS, 1),
            (key::FEATURE_CTRL_RING, 1),
            (key::FEATURE_XDP_HEADROOM, self.config.xdp_headroom.into()),
            (key::MAX_QUEUES, self.config.queues()),
        ] {
            nodes.write(name, value);
        }
        nodes.write("hotplug-status", "connected");
    }

    fn connect_keys(&self, keys: &mut KeyList<'_>) {
        keys.peers(&FRONTEND_KEYS);
        queue_nodes::keys(self.config.queues(), keys);
    }

    fn connect(&mut self, peer: &Peer<'_>) -> Result<(), NetBackError> {
        let nodes = self.read_nodes(peer)?;
        let connection = Connection::new(&self.platform, peer.id, &nodes, self.rate, &self.config)?;
        self.connection = Some(PageBox::new(self.platform.clone(), connection)?);
        Ok(())
    }

    /// Takes the free bytes before packets that the frontend requests now.
    fn reconfigure(&mut self, peer: &Peer<'_>) -> Result<(), NetBackError> {
        let headroom = self.headroom(peer)?;
        if let Some(connection) = &mut self.connection {
            connection.set_headroom(headroom, &mut self.statistics);
        }
        Ok(())
    }

    /// Turns the multicast filter on or off; a value that is no number changes nothing.
    fn node_changed(&mut self, value: &[u8]) {
        let Some(connection) = &mut self.connection else { return };
        match (value, parse_number::<u32>(value)) {
            ([], _) => connection.set_multicast_filter(false),
            (_, Ok(found)) => connection.set_multicast_filter(found != 0),
            (_, Err(error)) => debug!("vif: {}: {error}", key::REQUEST_MULTICAST_CONTROL),
        }
    }

    fn disconnect(&mut self) {
        self.connection = None;
    }
}

impl<P: ForeignFrames> fmt::Debug for Driver<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { config, mac, connection, rate, .. } = self;
        f.debug_struct("Driver")
            .field("mac", mac)
            .field("connected", &connection.is_some())
            .field("config", config)
            .field("rate", rate)
            .finish_non_exhaustive()
    }
}
