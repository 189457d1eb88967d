//! The configuration of a device.

use core::time::Duration;

/// How much memory a device takes, and what it offers to the backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Receive buffers, a page each, 1 to [`MAX_SLOTS`](super::MAX_SLOTS). As many packets can
    /// arrive between two polls.
    pub rx_slots: u16,
    /// Transmit buffers, a page each, 1 to [`MAX_SLOTS`](super::MAX_SLOTS). As many packets can be
    /// under way.
    pub tx_slots: u16,
    /// Whether IPv4 checksums may be left to whoever needs them, in both directions: packets that
    /// never are on a wire have none. If not, the driver computes what is to be sent, and the
    /// backend what is received.
    pub checksum_offload: bool,
    /// The time that the backend has for each step, and in all for
    /// [`NetFront::connect`](super::NetFront::connect) and
    /// [`NetFront::close_and_wait`](super::NetFront::close_and_wait). It can have scripts to run.
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
