//! Names of the nodes that the two ends of a network device exchange.
//!
//! Source: `io/netif.h`; `feature-xdp-headroom` and `xdp-headroom` are Linux's.

use core::fmt;

/// Grant reference of the transmit ring.
pub const TX_RING_REF: &str = "tx-ring-ref";
/// Grant reference of the receive ring.
pub const RX_RING_REF: &str = "rx-ring-ref";
/// Event channel of both rings.
pub const EVENT_CHANNEL: &str = "event-channel";
/// Event channel of the transmit ring, beside [`EVENT_CHANNEL_RX`].
pub const EVENT_CHANNEL_TX: &str = "event-channel-tx";
/// Event channel of the receive ring, beside [`EVENT_CHANNEL_TX`].
pub const EVENT_CHANNEL_RX: &str = "event-channel-rx";
/// Support of the backend for an event channel for each ring.
pub const FEATURE_SPLIT_EVENT_CHANNELS: &str = "feature-split-event-channels";
/// Grant reference of the control ring.
pub const CTRL_RING_REF: &str = "ctrl-ring-ref";
/// Event channel of the control ring.
pub const EVENT_CHANNEL_CTRL: &str = "event-channel-ctrl";
/// Support of the backend for a control ring.
pub const FEATURE_CTRL_RING: &str = "feature-ctrl-ring";
/// Number of queues that the frontend uses.
pub const NUM_QUEUES: &str = "multi-queue-num-queues";
/// Maximum number of queues of the backend.
pub const MAX_QUEUES: &str = "multi-queue-max-queues";
/// Request of the frontend to copy received packets instead of exchanging pages.
pub const REQUEST_RX_COPY: &str = "request-rx-copy";
/// Support of the backend for [`REQUEST_RX_COPY`].
pub const FEATURE_RX_COPY: &str = "feature-rx-copy";
/// Notification of the backend when the frontend has posted receive buffers.
pub const FEATURE_RX_NOTIFY: &str = "feature-rx-notify";
/// Packets in several slots, in the direction to the end that writes the node.
pub const FEATURE_SG: &str = "feature-sg";
/// Segmentation of TCP over IPv4, in the direction to the end that writes the node.
pub const FEATURE_GSO_TCPV4: &str = "feature-gso-tcpv4";
/// Segmentation of TCP over IPv6, in the direction to the end that writes the node.
pub const FEATURE_GSO_TCPV6: &str = "feature-gso-tcpv6";
/// No partial checksums of IPv4, in the direction to the end that writes the node.
pub const FEATURE_NO_CSUM_OFFLOAD: &str = "feature-no-csum-offload";
/// Partial checksums of IPv6, in the direction to the end that writes the node.
pub const FEATURE_IPV6_CSUM_OFFLOAD: &str = "feature-ipv6-csum-offload";
/// Support of the backend for filtering multicast packets.
pub const FEATURE_MULTICAST_CONTROL: &str = "feature-multicast-control";
/// Support of the backend for a [`REQUEST_MULTICAST_CONTROL`] that changes while it is connected.
pub const FEATURE_DYNAMIC_MULTICAST_CONTROL: &str = "feature-dynamic-multicast-control";
/// Request of the frontend to get only the multicast packets that it has asked for.
pub const REQUEST_MULTICAST_CONTROL: &str = "request-multicast-control";
/// Support of the backend for free bytes before a received packet.
pub const FEATURE_XDP_HEADROOM: &str = "feature-xdp-headroom";
/// Free bytes before a received packet, as the frontend requests them.
pub const XDP_HEADROOM: &str = "xdp-headroom";
/// The most bytes of a packet without its Ethernet header, in the frontend's directory.
pub const MTU: &str = "mtu";
/// State of the link, in the backend's directory: 1 up, 0 down; up without the node.
pub const CARRIER: &str = "carrier";
/// Ethernet address of the frontend, in either directory.
pub const MAC: &str = "mac";

/// Name of a node of one queue: in the device's directory if there is a single one, or else in
/// `queue-N`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueKey {
    /// The queue, if there are several.
    pub queue: Option<u32>,
    /// The name of a single queue's node.
    pub key: &'static str,
}

impl fmt::Display for QueueKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.queue {
            Some(queue) => write!(f, "queue-{queue}/{}", self.key),
            None => f.write_str(self.key),
        }
    }
}
