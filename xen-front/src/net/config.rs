//! The configuration of a device.

use super::MAX_QUEUES;
use super::rx::RxFeatures;
use core::time::Duration;

/// Most slots of a received packet, those with extra information included.
const LARGE_PACKET: u16 = 20;

/// Numbers of buffers, offered features and timeout of a device.
///
/// The default has one queue of 256 receive buffers and 128 transmit buffers (with rings and all
/// 1.7 MiB), an event channel for each ring, all offloads and a timeout of 30 seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NetFrontConfig {
    /// Receive buffers, a page each, 1 to [`MAX_SLOTS`](super::MAX_SLOTS): the number of pages of
    /// packets that can arrive between two polls.
    pub rx_slots: u16,
    /// Transmit buffers, a page each, 1 to [`MAX_SLOTS`](super::MAX_SLOTS): the number of pages of
    /// packets that can be in flight. The longest packet has as many, up to 16.
    pub tx_slots: u16,
    /// Offer of partial checksums in both directions, for packets that are never on a wire. If
    /// `false`, the driver computes the checksums of sent packets, and the backend those of
    /// received ones.
    pub checksum_offload: bool,
    /// Packets in several buffers in both directions, for an MTU above 1500 and segmentation. With
    /// fewer than 20 [receive buffers](Self::rx_slots) the backend is offered none. It costs 120
    /// KiB of private memory.
    #[doc(alias = "feature-sg")]
    pub scatter_gather: bool,
    /// Segmentation offload in both directions: packets of TCP of up to 64 KiB that stand for
    /// several on a wire. It needs [`checksum_offload`](Self::checksum_offload) and
    /// [`scatter_gather`](Self::scatter_gather).
    #[doc(alias("feature-gso-tcpv4", "feature-gso-tcpv6"))]
    pub segmentation_offload: bool,
    /// Number of queues with as many buffers each, 1 to [`MAX_QUEUES`](super::MAX_QUEUES): for
    /// vCPUs that take one each. The backend can support fewer.
    #[doc(alias = "multi-queue-num-queues")]
    pub queues: u16,
    /// An event channel for each ring instead of one for both, if the backend supports that, as in
    /// Linux's netfront.
    ///
    /// With one channel, Linux's netback (6.12) can leave its port masked when it connects, and
    /// take no packet of this domain: its receive thread can end the first event of the port before
    /// the number of the interrupt is stored.
    #[doc(alias = "feature-split-event-channels")]
    pub split_event_channels: bool,
    /// Request to receive only the multicast packets of groups that were
    /// [joined](super::NetFront::join_multicast), if the backend has a filter.
    #[doc(alias = "request-multicast-control")]
    pub multicast_filter: bool,
    /// A control ring, if the backend supports it, for
    /// [`NetFront::set_hash`](super::NetFront::set_hash) and
    /// [`NetFront::set_static_grants`](super::NetFront::set_static_grants). It costs four pages and
    /// an event channel.
    #[doc(alias("feature-ctrl-ring", "ctrl-ring-ref", "event-channel-ctrl"))]
    pub control_ring: bool,
    /// Free bytes that the backend leaves before the packet in each receive buffer, at most
    /// [`MAX_XDP_HEADROOM`](super::MAX_XDP_HEADROOM), if it supports that. The copy of a received
    /// packet leaves these bytes out.
    #[doc(alias("xdp-headroom", "feature-xdp-headroom"))]
    pub xdp_headroom: u16,
    /// Time that the backend has for each step, and in all for
    /// [`NetFront::connect`](super::NetFront::connect) and
    /// [`NetFront::close_and_wait`](super::NetFront::close_and_wait). A backend can run scripts.
    pub timeout: Duration,
}

impl Default for NetFrontConfig {
    fn default() -> Self {
        Self {
            rx_slots: 256,
            tx_slots: 128,
            checksum_offload: true,
            scatter_gather: true,
            segmentation_offload: true,
            queues: 1,
            split_event_channels: true,
            multicast_filter: false,
            control_ring: false,
            xdp_headroom: 0,
            timeout: Duration::from_secs(30),
        }
    }
}

impl NetFrontConfig {
    /// Returns the configuration with another number of [receive buffers](Self::rx_slots).
    #[must_use]
    pub fn with_rx_slots(self, rx_slots: u16) -> Self {
        Self { rx_slots, ..self }
    }

    /// Returns the configuration with another number of [transmit buffers](Self::tx_slots).
    #[must_use]
    pub fn with_tx_slots(self, tx_slots: u16) -> Self {
        Self { tx_slots, ..self }
    }

    /// Returns the configuration with or without [`checksum_offload`](Self::checksum_offload).
    #[must_use]
    pub fn with_checksum_offload(self, checksum_offload: bool) -> Self {
        Self { checksum_offload, ..self }
    }

    /// Returns the configuration with or without [`scatter_gather`](Self::scatter_gather).
    #[must_use]
    pub fn with_scatter_gather(self, scatter_gather: bool) -> Self {
        Self { scatter_gather, ..self }
    }

    /// Returns the configuration with or without
    /// [`segmentation_offload`](Self::segmentation_offload).
    #[must_use]
    pub fn with_segmentation_offload(self, segmentation_offload: bool) -> Self {
        Self { segmentation_offload, ..self }
    }

    /// Returns the configuration with another number of [queues](Self::queues).
    #[must_use]
    pub fn with_queues(self, queues: u16) -> Self {
        Self { queues, ..self }
    }

    /// Returns the configuration with or without
    /// [`split_event_channels`](Self::split_event_channels).
    #[must_use]
    pub fn with_split_event_channels(self, split_event_channels: bool) -> Self {
        Self { split_event_channels, ..self }
    }

    /// Returns the configuration with or without [`multicast_filter`](Self::multicast_filter).
    #[must_use]
    pub fn with_multicast_filter(self, multicast_filter: bool) -> Self {
        Self { multicast_filter, ..self }
    }

    /// Returns the configuration with other [free bytes](Self::xdp_headroom).
    #[must_use]
    pub fn with_xdp_headroom(self, xdp_headroom: u16) -> Self {
        Self { xdp_headroom, ..self }
    }

    /// Returns the configuration with or without [`control_ring`](Self::control_ring).
    #[must_use]
    pub fn with_control_ring(self, control_ring: bool) -> Self {
        Self { control_ring, ..self }
    }

    /// Returns the number of queues, within the limits.
    pub(super) fn valid_queues(self) -> u16 {
        self.queues.clamp(1, MAX_QUEUES)
    }

    /// Returns the offers to the backend for received packets.
    pub(super) fn rx_features(self) -> RxFeatures {
        // A packet has up to 18 slots, and two with extra information.
        let scatter_gather = self.scatter_gather && self.rx_slots >= LARGE_PACKET;
        let segmentation = scatter_gather && self.segmentation_offload && self.checksum_offload;
        RxFeatures { scatter_gather, segmentation, headroom: 0 }
    }

    /// Returns the configuration with another [`timeout`](Self::timeout).
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }
}
