//! The configuration of a device.

use core::time::Duration;

/// Numbers of buffers, offered features and timeout of a device.
///
/// The default has 128 receive buffers and 64 transmit buffers (with rings and all 788 KiB),
/// checksum offload and a timeout of 30 seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NetFrontConfig {
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

impl Default for NetFrontConfig {
    fn default() -> Self {
        Self {
            rx_slots: 128,
            tx_slots: 64,
            checksum_offload: true,
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

    /// Returns the configuration with another [`timeout`](Self::timeout).
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }
}
