//! Counters of an interface and of its queues.

/// Counters of packets received from the guest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TxStatistics {
    /// Packets forwarded.
    pub packets: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Packets of these that stand for several on a wire.
    #[doc(alias = "gso")]
    pub segmented: u64,
    /// Packets dropped as invalid: too short, too many slots, contradictory sizes, segmentation
    /// that is not possible, a checksum that could not be completed; changes of the multicast
    /// filter without room.
    pub refused: u64,
    /// Packets dropped because Xen could not copy them.
    pub failed: u64,
    /// Packets that were delayed by the rate limit.
    pub throttled: u64,
    /// Changes of the multicast filter.
    pub filter_changes: u64,
    /// Parts of packets copied out of [static grants](super::NetBackConfig::static_grants).
    pub static_copies: u64,
}

/// Counters of packets sent to the guest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RxStatistics {
    /// Packets that were placed in the guest's pages.
    pub packets: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Packets dropped because the guest provided too few buffers: the queue was full of packets,
    /// this one had waited for [`DRAIN_TIMEOUT`](super::DRAIN_TIMEOUT), or the queue was stalled.
    pub overrun: u64,
    /// Packets dropped because the guest could not take them: too long, in more buffers than it
    /// has, or a checksum that could not be completed.
    pub refused: u64,
    /// Packets lost because the guest's pages could not be written.
    pub failed: u64,
    /// Packets to multicast addresses that the guest has not asked for.
    pub filtered: u64,
    /// Times that a queue stalled: the guest posted no buffers for
    /// [`stall_timeout`](super::NetBackConfig::stall_timeout).
    pub stalls: u64,
    /// Parts of packets copied to [static grants](super::NetBackConfig::static_grants).
    pub static_copies: u64,
}

/// Counters of one queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueStatistics {
    /// Packets from the guest.
    pub tx: TxStatistics,
    /// Packets to the guest.
    pub rx: RxStatistics,
}

impl TxStatistics {
    pub(super) fn add(&mut self, other: &Self) {
        self.packets += other.packets;
        self.bytes += other.bytes;
        self.segmented += other.segmented;
        self.refused += other.refused;
        self.failed += other.failed;
        self.throttled += other.throttled;
        self.filter_changes += other.filter_changes;
        self.static_copies += other.static_copies;
    }
}

impl RxStatistics {
    pub(super) fn add(&mut self, other: &Self) {
        self.packets += other.packets;
        self.bytes += other.bytes;
        self.overrun += other.overrun;
        self.refused += other.refused;
        self.failed += other.failed;
        self.filtered += other.filtered;
        self.stalls += other.stalls;
        self.static_copies += other.static_copies;
    }
}
