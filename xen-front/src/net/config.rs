//! The configuration of a device.

use core::time::Duration;

/// Numbers of buffers, offered features and timeout of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Receive buffers, a page each, 1 to [`MAX_SLOTS`](super::MAX_SLOTS): the number of packets
    /// that can arrive between two polls.
    pub rx_slots: u16,
    /// Transmit buffers, a page each, 1 to [`MAX_SLOTS`](super::MAX_SLOTS): the number of packets
    /// that can be in flight.
    pub tx_slots: u16,
    /// Offer of partial IPv4 checksums in both directions, for packets that are never on a wire.
    /// If `false`, the driver computes the checksums of sent packets, and the backend those of
    /// received ones.
    pub checksum_offload: bool,
    /// Time that the backend has for each step, and in all for
    /// [`NetFront::connect`](super::NetFront::connect) and
    /// [`NetFront::close_and_wait`](super::NetFront::close_and_wait). A backend can run scripts.
    pub timeout: Duration,
}

/// 128 receive buffers, 64 transmit buffers (with rings and all 788 KiB), checksums offloaded, 30
/// seconds.
impl Default for Config {
    fn default() -> Self {
        Self {
            rx_slots: 128,
            tx_slots: 64,
            checksum_offload: true,
            timeout: Duration::from_secs(30),
        }
    }
}
