//! The protocol of a network interface in xenstore.

use super::rx::{FrontendFeatures, Rx, RxRing, RxStatistics};
use super::tx::{Tx, TxRing, TxStatistics};
use super::{MacAddress, NetBackError};
use core::fmt;
use xen_evtchn::Channel;
use xen_grant::{GrantMapArea, GrantMapping, ReadWrite};
use xen_hypercall::{ForeignFrames, GrantRef, PageBox, Port};
use xen_ring::BackRing;
use xenbus::net::key;
use xenbus::{BackendDriver, KeyList, NodeWriter, Peer};

pub(super) struct Connection<P: ForeignFrames> {
    pub(super) channel: Channel<P>,
    pub(super) tx_ring: TxRing<GrantMapping<P, ReadWrite>>,
    pub(super) rx_ring: RxRing<GrantMapping<P, ReadWrite>>,
    pub(super) tx: Tx<P>,
    pub(super) rx: Rx<P>,
    /// The frontend sends an event when it has posted pages that were asked for.
    pub(super) rx_notify: bool,
}

/// Nodes of the frontend that a connection needs.
const FRONTEND_KEYS: [&str; 9] = [
    key::NUM_QUEUES,
    key::REQUEST_RX_COPY,
    key::FEATURE_SG,
    key::FEATURE_GSO_TCPV4,
    key::FEATURE_NO_CSUM_OFFLOAD,
    key::FEATURE_RX_NOTIFY,
    key::TX_RING_REF,
    key::RX_RING_REF,
    key::EVENT_CHANNEL,
];

/// An interface: its address and the connection to its frontend.
pub(super) struct Driver<P: ForeignFrames> {
    platform: P,
    pub(super) mac: Option<MacAddress>,
    /// In pages, as its tables are larger than a driver is to be.
    pub(super) connection: Option<PageBox<P, Connection<P>>>,
    pub(super) tx_statistics: TxStatistics,
    pub(super) rx_statistics: RxStatistics,
}

impl<P: ForeignFrames> Driver<P> {
    pub(super) fn new(platform: P) -> Self {
        Self {
            platform,
            mac: None,
            connection: None,
            tx_statistics: TxStatistics::default(),
            rx_statistics: RxStatistics::default(),
        }
    }

    /// Maps the rings and binds the port that the frontend has published.
    fn map_rings(&self, peer: &Peer<'_>) -> Result<Connection<P>, NetBackError> {
        let Peer { id: guest, nodes, .. } = peer;
        let (guest, platform) = (*guest, &self.platform);
        check_queues(nodes.number_or(key::NUM_QUEUES, 1)?)?;
        if nodes.number_or(key::REQUEST_RX_COPY, 0u32)? != 1 {
            return Err(NetBackError::RxFlip);
        }
        let features = FrontendFeatures {
            scatter_gather: nodes.number_or(key::FEATURE_SG, 0u32)? != 0,
            segmentation: nodes.number_or(key::FEATURE_GSO_TCPV4, 0u32)? != 0,
            partial_checksums: nodes.number_or(key::FEATURE_NO_CSUM_OFFLOAD, 0u32)? == 0,
        };
        let rx_notify = nodes.number_or(key::FEATURE_RX_NOTIFY, 0u32)? != 0;
        let tx_ref = GrantRef(nodes.number(key::TX_RING_REF)?);
        let rx_ref = GrantRef(nodes.number(key::RX_RING_REF)?);
        let remote = Port(nodes.number(key::EVENT_CHANNEL)?);
        let map = |reference| -> Result<GrantMapping<P, ReadWrite>, NetBackError> {
            let window = GrantMapArea::reserve(platform.clone(), 1)?;
            window.map(guest, &[reference]).map_err(|failed| NetBackError::Map(failed.error))
        };
        let tx_ring = BackRing::attach(map(tx_ref)?)?;
        let rx_ring = BackRing::attach(map(rx_ref)?)?;
        let tx = Tx::new(platform, guest)?;
        let rx = Rx::new(platform, guest, features)?;
        let channel = Channel::bind_interdomain(platform.clone(), guest, remote)
            .map_err(|errno| NetBackError::Port { port: remote, errno })?;
        Ok(Connection { channel, tx_ring, rx_ring, tx, rx, rx_notify })
    }
}

impl<P: ForeignFrames> BackendDriver for Driver<P> {
    const KIND: &'static str = "vif";

    type Error = NetBackError;

    fn setup_keys(&self, keys: &mut KeyList<'_>) {
        keys.own(key::MAC);
    }

    fn setup(&mut self, peer: &Peer<'_>) -> Result<bool, NetBackError> {
        let mac = peer.nodes.own_string(key::MAC)?;
        self.mac = mac.and_then(|mac| MacAddress::parse(mac.as_bytes()).ok());
        Ok(true)
    }

    fn write_offer(&self, nodes: &mut NodeWriter<'_>) {
        for (name, value) in [
            (key::FEATURE_RX_COPY, 1),
            ("feature-rx-flip", 0),
            (key::FEATURE_SG, 1),
            (key::FEATURE_GSO_TCPV4, 1),
            (key::FEATURE_GSO_TCPV6, 0),
            (key::FEATURE_IPV6_CSUM_OFFLOAD, 0),
            ("feature-multicast-control", 0),
            ("feature-split-event-channels", 0),
            (key::MAX_QUEUES, 1),
        ] {
            nodes.write(name, value);
        }
        nodes.write("hotplug-status", "connected");
    }

    fn connect_keys(&self, keys: &mut KeyList<'_>) {
        keys.peers(&FRONTEND_KEYS);
    }

    fn connect(&mut self, peer: &Peer<'_>) -> Result<(), NetBackError> {
        let connection = self.map_rings(peer)?;
        self.connection = Some(PageBox::new(self.platform.clone(), connection)?);
        Ok(())
    }

    fn disconnect(&mut self) {
        self.connection = None;
    }
}

fn check_queues(found: u32) -> Result<(), NetBackError> {
    if found == 1 { Ok(()) } else { Err(NetBackError::Queues { found }) }
}

impl<P: ForeignFrames> fmt::Debug for Driver<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mac, connection, tx_statistics, rx_statistics, .. } = self;
        f.debug_struct("Driver")
            .field("mac", mac)
            .field("connected", &connection.is_some())
            .field("tx", tx_statistics)
            .field("rx", rx_statistics)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// D-N09.
    #[test]
    fn unoffered_queues_are_refused() {
        for found in [0, 2, u32::MAX] {
            assert_eq!(check_queues(found), Err(NetBackError::Queues { found }));
        }
        assert_eq!(check_queues(1), Ok(()));
    }
}
