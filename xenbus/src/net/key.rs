//! Names of the nodes that the two ends of a network device exchange.
//!
//! Source: `io/netif.h`.

/// Grant reference of the transmit ring.
pub const TX_RING_REF: &str = "tx-ring-ref";
/// Grant reference of the receive ring.
pub const RX_RING_REF: &str = "rx-ring-ref";
/// Event channel of both rings.
pub const EVENT_CHANNEL: &str = "event-channel";
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
/// Ethernet address of the frontend, in either directory.
pub const MAC: &str = "mac";
