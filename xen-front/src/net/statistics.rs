//! Counters of a network device.

/// Counters since the device was opened. A packet is counted once: as received, or by the reason
/// for which it was dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetFrontStatistics {
    /// Packets received.
    pub rx_packets: u64,
    /// Bytes received.
    pub rx_bytes: u64,
    /// Packets received that stand for several on a wire ([`Segmentation`](super::Segmentation)).
    pub rx_segmented: u64,
    /// Packets that the backend reported as failed.
    pub rx_errors: u64,
    /// Packets dropped: offset and length reached out of the buffer.
    pub rx_outside: u64,
    /// Packets dropped: shorter than an Ethernet header.
    pub rx_runts: u64,
    /// Packets dropped: longer than the caller's buffer.
    pub rx_too_long: u64,
    /// Packets dropped: in several slots, which was not offered, or in more than 18.
    pub rx_fragmented: u64,
    /// Packets dropped: with more slots announced than published.
    pub rx_truncated: u64,
    /// Packets dropped: with extra info that was not offered, or is unknown.
    pub rx_extra: u64,
    /// Packets dropped: with a partial checksum or a segmentation that does not fit the headers.
    pub rx_bad_offload: u64,
    /// Packets dropped after reception: the checksum had not been checked before, and was wrong.
    /// Counted by `NetFront::receive_token`.
    pub rx_bad_checksum: u64,
    /// Packets with a response of the backend: sent, or failed.
    pub tx_packets: u64,
    /// Bytes of transmitted packets.
    pub tx_bytes: u64,
    /// Packets transmitted that stand for several on a wire.
    pub tx_segmented: u64,
    /// Packets that the backend reported as failed or dropped; `tx_packets` includes these.
    pub tx_errors: u64,
    /// Packets dropped before transmission: too short, too long, or with a segmentation that the
    /// backend does not support. Counted by `TxToken::transmit`.
    pub tx_invalid: u64,
    /// Changes of the multicast filter that the backend has refused.
    pub filter_errors: u64,
}

impl NetFrontStatistics {
    /// Returns the number of received packets that were dropped, for any reason.
    pub fn rx_dropped(&self) -> u64 {
        self.rx_errors
            + self.rx_outside
            + self.rx_runts
            + self.rx_too_long
            + self.rx_fragmented
            + self.rx_truncated
            + self.rx_extra
            + self.rx_bad_offload
            + self.rx_bad_checksum
    }
}

impl core::ops::AddAssign for NetFrontStatistics {
    fn add_assign(&mut self, other: Self) {
        self.rx_packets += other.rx_packets;
        self.rx_bytes += other.rx_bytes;
        self.rx_segmented += other.rx_segmented;
        self.rx_errors += other.rx_errors;
        self.rx_outside += other.rx_outside;
        self.rx_runts += other.rx_runts;
        self.rx_too_long += other.rx_too_long;
        self.rx_fragmented += other.rx_fragmented;
        self.rx_truncated += other.rx_truncated;
        self.rx_extra += other.rx_extra;
        self.rx_bad_offload += other.rx_bad_offload;
        self.rx_bad_checksum += other.rx_bad_checksum;
        self.tx_packets += other.tx_packets;
        self.tx_bytes += other.tx_bytes;
        self.tx_segmented += other.tx_segmented;
        self.tx_errors += other.tx_errors;
        self.tx_invalid += other.tx_invalid;
        self.filter_errors += other.filter_errors;
    }
}
